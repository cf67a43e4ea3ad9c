"""What a bundle does on recordings with known text: its word error rate, size and speed, beside another's."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from speech2text.audio.files import SAMPLE_RATE, read_whole
from speech2text.audio.utterances import Utterance
from speech2text.bundle.manifest import LISTENER_NAME, SPELLER_NAME, ErrorRate
from speech2text.bundle.store import Bundle
from speech2text.errors import ExportError
from speech2text.evaluation.report import Summary, make_report
from speech2text.evaluation.scoring import Recognised, pair, score
from speech2text.runtime.recognizer import Recognizer


@dataclass(frozen=True)
class Figures:
    """What was measured of one bundle."""

    precision: str
    wer: ErrorRate
    graph_bytes: int
    speed: float
    """Seconds of audio recognised a second, on one thread."""


def measure(
    bundles: Sequence[Bundle], utterances: Sequence[Utterance], on_progress: Callable[[float], None]
) -> list[Figures]:
    """The figures of each bundle; `on_progress` is called with the seconds of each recording.

    The bundles take turns at every recording, so that a busy machine slows them alike.

    Raises:
        AudioError: a recording cannot be read, or is not whole.
        ExportError: the utterances have no words to measure by.
    """
    recognizers = [Recognizer(bundle) for bundle in bundles]
    recognised: list[list[Recognised]] = [[] for _ in bundles]
    seconds = [0.0 for _ in bundles]
    heard = 0.0
    for utterance in utterances:
        samples = read_whole(utterance.audio)
        for index, recognizer in enumerate(recognizers):
            started = time.perf_counter()
            transcript = recognizer.transcribe(samples)
            seconds[index] += time.perf_counter() - started
            recognised[index].append(pair(utterance, transcript))
        heard += len(samples) / SAMPLE_RATE
        on_progress(len(samples) / SAMPLE_RATE)
    return [
        Figures(
            precision=bundle.manifest.precision,
            wer=error_rate(make_report(score(pairs)).total),
            graph_bytes=sum(len(bundle.files[name]) for name in (LISTENER_NAME, SPELLER_NAME)),
            speed=heard / spent,
        )
        for bundle, pairs, spent in zip(bundles, recognised, seconds, strict=True)
    ]


def check_loss(before: Figures, after: Figures, most: float) -> None:
    """See that quantisation costs at most `most` of the word error rate (0.005 is half a percentage point).

    Raises:
        ExportError: it costs more.
    """
    loss = after.wer.wer - before.wer.wer
    if loss > most:
        raise ExportError(
            f"{after.precision} raises the word error rate by {100 * loss:.2f} points and {100 * most:g} are allowed; "
            "nothing was written; export without --int8, allow more with --max-loss, or measure on more recordings"
        )


def error_rate(summary: Summary) -> ErrorRate:
    """The word error rate of a summary as a bundle's manifest holds it; without an interval it is one itself.

    Raises:
        ExportError: the utterances have no words to measure by.
    """
    rate, interval = summary.words.rate, summary.interval
    if rate is None:
        raise ExportError("the recordings to measure by have no words in their texts; give a manifest with texts")
    low, high = (interval.low, interval.high) if interval else (rate, rate)
    return ErrorRate(wer=rate, low=low, high=high, words=summary.words.reference)
