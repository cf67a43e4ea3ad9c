"""Speech to text, offline: Listen, Attend and Spell (Chan et al. 2016).

    import speech2text

    model = speech2text.load_model()
    print(model.transcribe("talk.wav").text)

Importing the package loads nothing; each name below loads its module when it is first used.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from speech2text.errors import AudioError, BundleError, OutputError, Speech2TextError
    from speech2text.runtime.recognizer import Recognizer, Search
    from speech2text.text.transcript import Segment, Transcript, Word

    __version__: str

__all__ = [
    "AudioError",
    "BundleError",
    "OutputError",
    "Recognizer",
    "Segment",
    "Speech2TextError",
    "Transcript",
    "Word",
    "__version__",
    "load_model",
]

_HOMES = {
    "AudioError": "speech2text.errors",
    "BundleError": "speech2text.errors",
    "OutputError": "speech2text.errors",
    "Recognizer": "speech2text.runtime.recognizer",
    "Segment": "speech2text.text.transcript",
    "Speech2TextError": "speech2text.errors",
    "Transcript": "speech2text.text.transcript",
    "Word": "speech2text.text.transcript",
}


def load_model(
    name_or_path: str | os.PathLike[str] | None = None,
    threads: int = 1,
    *,
    beam_size: int | None = None,
    search: Search = "joint",
    chunk_seconds: float | None = None,
) -> Recognizer:
    """Open a recogniser.

    Args:
        name_or_path: the folder of a bundle; None or "default" is the model inside the package.
        threads: how many threads one call may use; the result does not depend on it. The recogniser may also be used
            from many threads at once.
        beam_size: readings kept at each step of the search, instead of the number the bundle was tuned for.
        search: "joint" weighs both heads and is the most accurate; "ctc" takes the likeliest token of each frame and
            is the fastest; "attention" takes the speller's likeliest next token, to see what it does alone.
        chunk_seconds: hear in chunks of this length, as a stream does, instead of each span whole.

    Raises:
        BundleError: no such bundle, a file in it was changed, or its format is newer than this version.
        ValueError: threads or beam_size below 1, no such search, or chunks that are not of some length.
    """
    from concurrent.futures import ThreadPoolExecutor
    from dataclasses import replace

    from speech2text.bundle.store import find_bundle, open_bundle

    if threads < 1 or (beam_size is not None and beam_size < 1):
        raise ValueError(f"threads and beam_size must be at least 1, not {threads} and {beam_size}")
    with ThreadPoolExecutor(1) as side:
        opening = side.submit(open_bundle, find_bundle(name_or_path))
        from speech2text.runtime.recognizer import Recognizer  # while the files are read and hashed: it takes as long

        bundle = opening.result()
    decoding = bundle.manifest.decoding
    decoding = replace(decoding, beam_size=beam_size) if beam_size else decoding
    return Recognizer(bundle, threads, decoding, search=search, chunk_seconds=chunk_seconds)


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("speech2text")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'speech2text' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
