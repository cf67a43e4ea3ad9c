"""What can go wrong, one class per cause.

Every message is one line that says what is wrong, with which file or key, and what to do about it; the commands
print it on standard error and exit with 1.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


class Speech2TextError(Exception):
    """The base of every error that is the input's and not the program's fault."""


class AudioError(Speech2TextError):
    """A recording that cannot be read or used: missing, empty, no audio, damaged, or NaN samples."""


class AudioWarning(UserWarning):
    """Recordings that are not used as they are: in part only, left out, or next to silent as they were given."""


class DamageWarning(AudioWarning):
    """A recording of which only a part can be heard: damaged, cut short, or its channels cancel each other out."""


@contextmanager
def damage_raised() -> Iterator[None]:
    """Let a recording of which only a part can be heard raise its DamageWarning, where its whole is needed.

    For the main thread, around the threads that read, for they share what is done with warnings.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", DamageWarning)
        yield


def one_line(error: Exception) -> str:
    """What the error of a library says, which may break its lines."""
    return " ".join(str(error).split())


class ManifestError(Speech2TextError):
    """A manifest or folder of recordings whose rows cannot be used."""


class BundleError(Speech2TextError):
    """A bundle that is missing, incomplete, altered, or of a format this version does not know."""


class HotwordsError(Speech2TextError):
    """Hot words that cannot be read, or that the model has no pieces to write with."""


class RecipeError(Speech2TextError):
    """A recipe with an unknown key, a wrong type or an impossible value."""


class TrainingError(Speech2TextError):
    """A training run that cannot start or go on: no usable data, or a checkpoint of another recipe."""


class ExportError(Speech2TextError):
    """A model that was not written as a bundle, because it is not equal or not accurate enough."""


class OutputError(Speech2TextError):
    """A result that could not be written: no space, no permission, or a name that is a folder."""


class DependencyError(Speech2TextError):
    """A command needs an optional part of the installation that is not there."""


class ServiceError(Speech2TextError):
    """A service that cannot start: its port is taken, or its address is not this machine's."""
