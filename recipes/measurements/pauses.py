"""Which detector finds the pauses: `python -m recipes.measurements.pauses MANIFEST --bundle B [--silero FILE.onnx]`

Utterances are joined with pauses of 0.4 to 1.5 s under room noise of several levels. Every detector says of every 10 ms
whether somebody speaks; at least 0.3 s without speech are a pause. Words are where the bundle's CTC hears the known
text in the clean utterances, so the bundle must know the corpus. The first table has, for each detector:

    recall      joints of two utterances at which a pause is found
    precision   pauses found that hide no word, as in "words"
    words       words of which more than half lies in a pause: they would be lost if pauses were dropped
    speech      time of words that lies in a pause

`energy` is that of speech2text.runtime.segmenter, `ctc` says pause where the listener, hearing in chunks of 0.64 s,
holds blank for likelier than 0.95, `silero` is silero-vad with its threshold of 0.5 (`--silero`: the file
silero_vad.onnx of the package of that name). The second table asks where to cut 20 s that must be cut: the share of
cuts that go through a word. The third has what the segmenter itself does: its spans, and words lost or cut through.

So that memory hardly grows with the manifest, a recording has 100 utterances; the tables are of all recordings.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnxruntime import InferenceSession as Silero

from recipes.measurements.joining import Joined, join
from recipes.script import encode_text, script
from speech2text import load_model
from speech2text.audio.files import read_audio
from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.audio.utterances import Utterance, read_utterances
from speech2text.decoding.protocols import BLANK, FloatArray
from speech2text.errors import ManifestError, one_line
from speech2text.runtime.loudness import FRAME, Loudness
from speech2text.runtime.recognizer import Recognizer
from speech2text.runtime.segmenter import LOUD, Segmenter
from speech2text.runtime.words import timed_words
from speech2text.text.normalization import normalize

SNRS = (40, 30, 20, 10, 0)
CHUNK_SECONDS = 0.64
PAUSE_FRAMES = 30
JOINED_UTTERANCES = 100
_NO_SILERO = "not the silero_vad.onnx of the package silero-vad"
Flags = NDArray[np.bool_]
Interval = tuple[float, float]


@dataclass
class Heard:
    """What was heard of recordings that follow each other: times in seconds, and values of every 10 ms.

    Attributes:
        places: of the utterances.
        spans: of the segmenter.
        above: decibels above the noise.
        blank: how likely CTC holds blank.
        silero: where silero-vad hears nobody, if it was asked.
    """

    places: list[Interval] = field(default_factory=list)
    words: list[Interval] = field(default_factory=list)
    spans: list[Interval] = field(default_factory=list)
    above: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    blank: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    silero: Flags = field(default_factory=lambda: np.zeros(0, bool))

    @property
    def seconds(self) -> float:
        """How long all recordings are."""
        return len(self.above) * FRAME / SAMPLE_RATE

    def add(self, recognizer: Recognizer, joined: Joined, spoken: list[list[Interval]], silero: Silero | None) -> None:
        """Hear the next recording; `spoken` has the words of each of its utterances."""
        start = self.seconds
        samples = joined.samples[: len(joined.samples) // FRAME * FRAME]  # so that the next begins with a frame
        places = [(start + begin / SAMPLE_RATE, start + end / SAMPLE_RATE) for begin, end in joined.places]
        self.places += places
        self.words += [
            (begin + first, begin + last)
            for (begin, _), said in zip(places, spoken, strict=True)
            for first, last in said
        ]
        segmenter = Segmenter(recognizer.manifest.model.chunk_seconds)
        spans = segmenter.feed(samples) + segmenter.finish()
        self.spans += [(start + span.start, start + span.end) for span in spans]
        self.blank = np.append(self.blank, _blank(recognizer, samples))
        if silero:
            self.silero = np.append(self.silero, _silero(silero, samples))
        self.above = np.append(self.above, Loudness().feed(samples))


@script
def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path, metavar="MANIFEST")
    parser.add_argument("--bundle", type=Path, help="the model inside the package if not given")
    parser.add_argument("--silero", type=Path, metavar="FILE", help="silero_vad.onnx, to compare with")
    arguments = parser.parse_args()
    silero = _open_silero(arguments.silero) if arguments.silero else None
    recognizer = load_model(arguments.bundle)
    utterances = read_utterances(arguments.manifest)
    spoken = [_words(recognizer, each) for each in utterances]
    pauses, cuts, spans = [], [], []
    for snr in SNRS:
        heard = Heard()
        for first in range(0, len(utterances), JOINED_UTTERANCES):
            part = slice(first, first + JOINED_UTTERANCES)
            heard.add(recognizer, join(utterances[part], snr), spoken[part], silero)
        detectors = {"energy": heard.above <= LOUD, "ctc": heard.blank > 0.95}
        detectors["energy and ctc"] = detectors["energy"] & detectors["ctc"]
        if silero:
            detectors["silero"] = heard.silero
        joints = [(end, begin) for (_, end), (begin, _) in pairwise(heard.places)]
        pauses += [_pause_row(snr, name, quiet, heard.words, joints) for name, quiet in detectors.items()]
        cuts += [
            _cut_row(snr, name, scores, width, heard.words)
            for name, scores in {"energy": heard.above, "ctc": -heard.blank}.items()
            for width in (5, 10, 20, 30, 50)
        ]
        spans.append(_span_row(snr, heard))
    _print("snr dB | detector | recall % | precision % | words % | speech %", pauses)
    _print("snr dB | quietest by | over s | cuts | through a word %", cuts)
    _print("snr dB | spans | longest s | heard % | words lost % | words cut through %", spans)


def _words(recognizer: Recognizer, utterance: Utterance) -> list[Interval]:
    """Where each word of the text is in the recording, in seconds."""
    text = normalize(utterance.text, utterance.language)
    tokens = encode_text(recognizer.tokenizer, text, utterance.audio)
    samples = read_audio(utterance.audio)
    log_probs = recognizer.listener.listen(samples).ctc_log_probs
    frame = recognizer.manifest.model.memory_frame_seconds
    words = timed_words(recognizer.tokenizer, log_probs, tokens, frame, samples)
    return [(word.start, word.end) for word in words]


def _blank(recognizer: Recognizer, samples: FloatArray) -> NDArray[np.float64]:
    """How likely each frame of 10 ms is blank, heard in chunks."""
    blank = np.exp(recognizer.listener.listen(samples, CHUNK_SECONDS).ctc_log_probs[:, BLANK].astype(np.float64))
    return np.repeat(blank, recognizer.manifest.model.memory_frame_samples // FRAME)[: len(samples) // FRAME]


def _open_silero(path: Path) -> Silero:
    try:
        session = Silero(str(path), providers=["CPUExecutionProvider"])
        inputs = [each.name for each in session.get_inputs()]
    except Exception as error:  # the classes of ONNX Runtime's errors share no base
        raise ManifestError(f"{path}: {_NO_SILERO} ({one_line(error)})") from None
    if inputs != ["input", "state", "sr"]:
        raise ManifestError(f"{path}: {_NO_SILERO} (its inputs are {', '.join(inputs)})")
    return session


def _silero(session: Silero, samples: FloatArray) -> Flags:
    """silero-vad 6 over windows of 32 ms, each with the 4 ms before it."""
    state = np.zeros((2, 1, 128), np.float32)
    padded = np.concatenate([np.zeros(64, np.float32), samples, np.zeros(512, np.float32)])
    speech = []
    for begin in range(0, len(samples), 512):
        feeds = {"input": padded[None, begin : begin + 576], "state": state, "sr": np.array(SAMPLE_RATE, np.int64)}
        probability, state = session.run(None, feeds)
        speech.append(float(probability[0, 0]))
    return np.repeat(np.array(speech) < 0.5, 512)[: len(samples)][FRAME // 2 :: FRAME][: len(samples) // FRAME]


def _pauses(quiet: Flags) -> list[tuple[int, int]]:
    """First frame of each pause, and the first one after it."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], quiet, [False]]).astype(np.int8)))
    return [(int(begin), int(end)) for begin, end in edges.reshape(-1, 2) if end - begin >= PAUSE_FRAMES]


def _pause_row(snr: int, name: str, quiet: Flags, words: list[Interval], joints: list[Interval]) -> tuple[object, ...]:
    pauses = _pauses(quiet)
    inside = np.zeros(len(quiet) + 1)
    for begin, end in pauses:
        inside[begin:end] = 1
    sums = np.concatenate([[0.0], np.cumsum(inside)])

    def share(interval: Interval) -> float:
        begin, end = (min(round(time * 100), len(quiet)) for time in interval)
        return float(sums[end] - sums[begin]) / max(end - begin, 1)

    shares = [share(word) for word in words]
    hidden = [word for word, part in zip(words, shares, strict=True) if part > 0.5]
    wrong = sum(any(begin < (a + b) * 50 < end for a, b in hidden) for begin, end in pauses)
    time = sum(end - start for start, end in words)
    lost = sum(part * (end - start) for part, (start, end) in zip(shares, words, strict=True))
    found = sum(share(joint) > 0.5 for joint in joints)
    return (
        snr, name, _percent(found, len(joints)), _percent(len(pauses) - wrong, len(pauses)),
        _percent(len(hidden), len(words)), _percent(lost, time),
    )  # fmt: skip


def _cut_row(snr: int, name: str, scores: NDArray[np.float64], width: int, words: list[Interval]) -> tuple[object, ...]:
    """Cuts where the mean score over `width` frames is least in the second half of 20 s that begin anywhere."""
    means = np.lib.stride_tricks.sliding_window_view(scores, width).mean(axis=1)
    cuts = [
        (begin + int(means[begin : begin + 1000 - width].argmin()) + width / 2) / 100
        for begin in range(0, len(scores) - 1000, 100)
    ]
    return snr, name, width / 100, len(cuts), _percent(sum(_goes_through(cut, words) for cut in cuts), len(cuts))


def _span_row(snr: int, heard: Heard) -> tuple[object, ...]:
    words, spans = heard.words, heard.spans
    kept = [any(start <= (a + b) / 2 <= end for start, end in spans) for a, b in words]
    cut = sum(any(a < edge < b for span in spans for edge in span) for a, b in words)
    return (
        snr, len(spans), f"{max(end - start for start, end in spans):.1f}",
        _percent(sum(end - start for start, end in spans), heard.seconds), _percent(kept.count(False), len(words)),
        _percent(cut, len(words)),
    )  # fmt: skip


def _goes_through(cut: float, words: list[Interval]) -> bool:
    return any(start < cut < end for start, end in words)


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f}" if whole else "-"


def _print(header: str, rows: list[tuple[object, ...]]) -> None:
    print(f"| {header} |", "|---" * (header.count("|") + 1) + "|", sep="\n")
    for row in rows:
        print("|", " | ".join(map(str, row)), "|")
    print(flush=True)


if __name__ == "__main__":
    main()
