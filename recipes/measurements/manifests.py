"""What most measurements are given, manifests and a bundle, and what they compare texts with."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from speech2text.audio.utterances import Utterance, read_utterances
from speech2text.evaluation.significance import voice
from speech2text.text.normalization import normalize


def make_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser of MANIFEST [...] and --bundle, to which a measurement adds what else it needs."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifests", nargs="+", type=Path, metavar="MANIFEST")
    parser.add_argument("--bundle", type=Path, help="the model inside the package if not given")
    return parser


def read_all(manifests: Sequence[Path]) -> list[Utterance]:
    """The utterances of all manifests.

    Raises:
        ManifestError: one cannot be read.
    """
    return [utterance for manifest in manifests for utterance in read_utterances(manifest)]


def references_of(utterances: Sequence[Utterance]) -> list[str]:
    """What was said, as it is compared."""
    return [normalize(utterance.text, utterance.language) for utterance in utterances]


def speakers_of(utterances: Sequence[Utterance]) -> list[str]:
    """Who said it, as far as the manifests tell, for the bootstrap."""
    return [voice(utterance.corpus, utterance.speaker) for utterance in utterances]
