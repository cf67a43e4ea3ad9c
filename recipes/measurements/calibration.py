"""Do confidences mean what they say? `python -m recipes.measurements.calibration BUNDLE MANIFEST [...] [--write]`

Fits the two numbers that turn CTC's evidence for a word into its confidence (decoding/confidence.py) on development
recordings, and prints the expected calibration error (10 bins) as the words came, as the bundle has it now, and as
fitted on other speakers (five folds) than those it is measured on: the error to expect on speakers never heard.
`--write` puts the numbers, fitted on all, into the bundle; its card is made anew, so `recipes/figures.py` comes after.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from recipes.script import script
from speech2text.audio.utterances import Utterance, read_utterances
from speech2text.bundle.manifest import Confidence
from speech2text.bundle.store import open_bundle
from speech2text.bundle.writer import check_destination
from speech2text.decoding.confidence import fit_scaling
from speech2text.errors import ManifestError
from speech2text.evaluation.calibration import Calibration, calibrate
from speech2text.evaluation.error_rate import mark_right_words
from speech2text.evaluation.scoring import pair
from speech2text.runtime.recognizer import Recognizer
from speech2text.runtime.words import scaled_confidence
from speech2text_export.bundling import write_with_card

FOLDS = 5


@dataclass(frozen=True)
class HeardWord:
    """A recognised word: its confidence as CTC has it, whether it was said, and by whom."""

    confidence: float
    is_right: bool
    speaker: str


@script
def main() -> None:
    """Measure, fit, measure again, and write the bundle if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("manifests", nargs="+", type=Path, metavar="MANIFEST")
    parser.add_argument("--write", action="store_true", help="put the fitted numbers into the bundle")
    arguments = parser.parse_args()
    if arguments.write:
        check_destination(arguments.bundle)  # now, not after the work
    bundle = open_bundle(arguments.bundle)
    plain = Recognizer(replace(bundle, manifest=replace(bundle.manifest, confidence=Confidence())))
    words = [
        word
        for manifest in arguments.manifests
        for utterance in read_utterances(manifest)
        for word in _hear(plain, utterance)
    ]
    if not words:
        parser.error("nothing was recognised; name other recordings")
    fitted = _fit(words)
    print("confidences | words | right % | said % | expected calibration error %\n---|---|---|---|---")
    _print("as CTC has them", words, [word.confidence for word in words])
    _print("as the bundle has them", words, _scale(words, bundle.manifest.confidence))
    calibration = _print("fitted on other speakers", words, _scale_by_others(words))
    print(f"\nslope {fitted.slope:.4f}, bias {fitted.bias:.4f}\n\nfitted on other speakers:\n")
    print("confidence | words | said % | right %\n---|---|---|---")
    for each in calibration.bins:
        if each.confidence is not None and each.accuracy is not None:
            span = f"{each.low:.1f}-{each.high:.1f}"
            print(f"{span} | {each.words} | {100 * each.confidence:.1f} | {100 * each.accuracy:.1f}")
    if arguments.write:
        write_with_card(bundle, replace(bundle.manifest, confidence=fitted))


def _hear(recognizer: Recognizer, utterance: Utterance) -> list[HeardWord]:
    """The words recognised in an utterance; without a known speaker it counts as one of its own."""
    recognised = pair(utterance, recognizer.transcribe(utterance.audio))
    right = mark_right_words(recognised.reference, recognised.hypothesis)
    if len(recognised.words) != len(right):
        return []  # a word that normalisation takes away or joins has no confidence of its own
    speaker = f"{utterance.corpus}/{utterance.speaker or utterance.id}"
    return [
        HeardWord(word.confidence, is_right, speaker) for word, is_right in zip(recognised.words, right, strict=True)
    ]


def _fit(words: Sequence[HeardWord]) -> Confidence:
    try:
        return Confidence(*fit_scaling([word.confidence for word in words], [word.is_right for word in words]))
    except ValueError as error:
        raise ManifestError(f"{len(words)} words: {error}; name other recordings, or more") from None


def _scale(words: Sequence[HeardWord], scaling: Confidence) -> list[float]:
    return [scaled_confidence([word.confidence], scaling) for word in words]


def _scale_by_others(words: Sequence[HeardWord]) -> list[float]:
    """The confidence of each word by numbers fitted without its speaker."""
    speakers = sorted({word.speaker for word in words})
    random.Random(0).shuffle(speakers)
    folds = {speaker: index % FOLDS for index, speaker in enumerate(speakers)}
    fits = {
        fold: _fit([word for word in words if folds[word.speaker] != fold] or words) for fold in set(folds.values())
    }
    return [_scale([word], fits[folds[word.speaker]])[0] for word in words]


def _print(name: str, words: Sequence[HeardWord], confidences: Sequence[float]) -> Calibration:
    calibration = calibrate(confidences, [word.is_right for word in words])
    assert calibration is not None  # there are words
    right = 100 * sum(word.is_right for word in words) / len(words)
    said = 100 * sum(confidences) / len(confidences)
    print(f"{name} | {len(words)} | {right:.1f} | {said:.1f} | {100 * calibration.error:.1f}")
    return calibration


if __name__ == "__main__":
    main()
