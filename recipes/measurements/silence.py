"""Silence in, nothing out: `python -m recipes.measurements.silence --noise NOISE.jsonl SPOKEN.jsonl [...] [--tune]`

Transcribes recordings without speech, and spoken ones, and prints: the share of clips without speech that give any
word, by kind; words invented in a minute of them; the share of spoken recordings of which the guard against silence
left nothing, as they are and with a room noise 20 dB below them, which a model that never heard noise takes for
silence; and how often the guard against loops fired. NOISE.jsonl has a `class` and a `fold` for each recording: fold 5
is reported, beside 241 clips made by nonspeech.py. `--tune` first chooses the threshold of the guard on the other
folds, on other made clips and on the spoken recordings, and writes it into the bundle: halfway between the least with
which no tuning clip gives a word and the most that empties one spoken recording of 100, as they are or in the room, so
that others of either kind have room; and the latter where that is the smaller.
`recipes/figures.py` comes after: the error rates in the bundle are of the threshold before.
"""

from __future__ import annotations

import argparse
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from recipes.measurements.manifests import read_all
from recipes.measurements.nonspeech import make_clips
from recipes.script import script
from speech2text import load_model
from speech2text.audio.files import read_audio
from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.audio.utterances import read_utterances
from speech2text.bundle.store import find_bundle, open_bundle
from speech2text.bundle.writer import check_destination
from speech2text.decoding.protocols import FloatArray
from speech2text.errors import ManifestError
from speech2text.evaluation.noise import add_noise, make_pink_noise
from speech2text.runtime.guards import LOOP, SILENCE, evidence
from speech2text.runtime.hearings import change_speed
from speech2text.runtime.recognizer import Recognizer
from speech2text.runtime.segmenter import Segmenter
from speech2text_export.bundling import write_with_card

REPORTED_FOLD = 5
REPORTED_SEED, TUNING_SEED = 0, 1
SPOKEN_EMPTIED = 0.01
ROOM_SNR = 20.0

Clip = tuple[str, FloatArray]


@dataclass(frozen=True)
class Noise:
    """A recording without speech: what makes the noise, and the part of the data it belongs to."""

    kind: str
    fold: int
    audio: Path


@script
def main() -> None:
    """Print the figures, of the threshold chosen first if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spoken", nargs="+", type=Path, metavar="SPOKEN")
    parser.add_argument("--noise", required=True, type=Path, metavar="NOISE")
    parser.add_argument("--bundle", type=Path, help="the model inside the package if not given")
    parser.add_argument("--tune", action="store_true", help="choose the threshold and write it into the bundle")
    arguments = parser.parse_args()
    spoken = read_all(arguments.spoken)
    noises = _read_noises(arguments.noise)
    if arguments.tune:
        check_destination(find_bundle(arguments.bundle))  # now, not after the work
        recognizer = load_model(arguments.bundle)
        clips = [*_clips(noises, reported=False), *make_clips(TUNING_SEED)]
        without = [_evidence(recognizer, samples) for _, samples in clips]
        recordings = [read_audio(each.audio) for each in spoken]
        in_a_room = _in_a_room(recordings, TUNING_SEED)
        threshold = _threshold(
            without, *([_evidence(recognizer, each) for each in way] for way in (recordings, in_a_room))
        )
        _write(find_bundle(arguments.bundle), threshold)
    recognizer = load_model(arguments.bundle)
    print(f"{recognizer.manifest.name}, speech_threshold {recognizer.decoding.speech_threshold}\n")
    _report_clips(recognizer, [*_clips(noises, reported=True), *make_clips(REPORTED_SEED)])
    recordings = [read_audio(each.audio) for each in spoken]
    _report_spoken(recognizer, "spoken recordings", recordings)
    _report_spoken(recognizer, f"spoken recordings in a room, {ROOM_SNR:.0f} dB", _in_a_room(recordings, REPORTED_SEED))


def _read_noises(manifest: Path) -> list[Noise]:
    """The rows of a manifest without texts.

    Raises:
        ManifestError: it cannot be read, or a row has no class or no fold.
    """
    noises = []
    for utterance in read_utterances(manifest, with_texts=False):
        kind, fold = utterance.row.get("class"), utterance.row.get("fold")
        if not (isinstance(kind, str) and isinstance(fold, int)):
            needed = "a 'class', which is what makes the noise, and a 'fold', a whole number"
            raise ManifestError(f"{manifest}: {utterance.id!r} needs {needed}; give a manifest whose rows have both")
        noises.append(Noise(kind, fold, utterance.audio))
    return noises


def _clips(noises: Sequence[Noise], reported: bool) -> list[Clip]:
    return [(each.kind, read_audio(each.audio)) for each in noises if (each.fold == REPORTED_FOLD) == reported]


def _evidence(recognizer: Recognizer, samples: FloatArray) -> float:
    """Of the span that has most; -inf where nothing is read.

    Heard at several speeds a span has what most hearings have: where they read nothing, no word is believed.
    """
    segmenter = Segmenter(recognizer.manifest.model.chunk_seconds)
    most = -np.inf
    for span in segmenter.feed(samples) + segmenter.finish():
        heard = [_evidence_of(recognizer, change_speed(span.samples, speed)) for speed in recognizer.speeds]
        most = max(most, statistics.median_low(heard))
    return most


def _evidence_of(recognizer: Recognizer, samples: FloatArray) -> float:
    memory = recognizer.listener.listen(samples)
    reading = recognizer.spell(memory)[0]
    return evidence(reading, memory.ctc_log_probs) if reading.tokens else -np.inf


def _threshold(without_speech: list[float], *spoken: list[float]) -> float:
    """The one that the head of this file describes, to the hundredth; `spoken` is told for each way to hear it."""
    # below 0 speech is less likely than silence, so no tuning clip needs that
    of_clips = max(max(without_speech) + 0.01, 0.0)
    read = [[each for each in way if each > -np.inf] for way in spoken]
    if not all(read):
        raise ManifestError("nothing is read in the spoken recordings; name others")
    of_spoken = min(float(np.quantile(way, SPOKEN_EMPTIED, method="lower")) for way in read)
    print(f"clips need {of_clips:.2f} at least, spoken recordings {of_spoken:.2f} at most")
    return float(np.floor(100 * min((of_clips + of_spoken) / 2, of_spoken)) / 100)


def _write(folder: Path, threshold: float) -> None:
    bundle = open_bundle(folder)
    decoding = replace(bundle.manifest.decoding, speech_threshold=threshold)
    write_with_card(bundle, replace(bundle.manifest, decoding=decoding))


def _report_clips(recognizer: Recognizer, clips: list[Clip]) -> None:
    words = defaultdict(list)
    for kind, samples in clips:
        words[kind].append(len(recognizer.transcribe(samples).words))
    print("| without speech | clips | with a word | words |", "|---|---|---|---|", sep="\n")
    for kind, counts in words.items():
        print(f"| {kind} | {len(counts)} | {np.count_nonzero(counts)} | {sum(counts)} |")
    counts = [count for each in words.values() for count in each]
    minutes = sum(len(samples) for _, samples in clips) / SAMPLE_RATE / 60
    share = np.count_nonzero(counts) / len(counts)
    print(f"\n{share:.1%} of {len(counts)} clips give a word; {sum(counts) / minutes:.2f} words a minute of non-speech")


def _in_a_room(recordings: list[FloatArray], seed: int) -> list[FloatArray]:
    generator = np.random.default_rng(seed)
    return [add_noise(samples, make_pink_noise(len(samples), generator), ROOM_SNR) for samples in recordings]


def _report_spoken(recognizer: Recognizer, name: str, recordings: list[FloatArray]) -> None:
    emptied = looped = had_words = 0
    for samples in recordings:
        transcript = recognizer.transcribe(samples)
        guards = {segment.guard for segment in transcript.segments}
        emptied += not transcript.text and SILENCE in guards
        had_words += bool(transcript.text) or SILENCE in guards
        looped += LOOP in guards
    if not had_words:
        raise ManifestError(f"{name}: nothing is read in them; name others")
    print(
        f"{name}: {emptied / had_words:.1%} of {had_words} are emptied; guard against loops in {looped / had_words:.1%}"
    )


if __name__ == "__main__":
    main()
