"""Long recordings: `python -m recipes.measurements.long_recordings MANIFEST [--bundle B] [--hours 3] [--search ctc]`

Prints the word error rate of the utterances one by one, and of the same utterances joined to recordings of 10 minutes
with pauses of 0.4 to 1.5 s between them, both under the same room noise. Then the peak memory of a process that
transcribes 3 minutes of such a recording, of one that transcribes some hours of it, and their ratio. The hours are
written to a temporary folder as FLAC; peaks are read from /proc, so this needs Linux. `--search` is for the memory
alone; the error rates are of the joint search.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile

from recipes.measurements.joining import Joined, join
from speech2text import load_model
from speech2text.audio.manifest import Utterance, read_utterances
from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.decoding.protocols import FloatArray
from speech2text.evaluation.error_rate import count_words
from speech2text.runtime.recognizer import Recognizer
from speech2text.text.normalization import normalize

SNR = 30.0
JOINED_SECONDS = 600.0
PAUSE_SECONDS = 1.0  # on average
SHORT_MINUTES = 3.0
TRANSCRIBE = """
import re, sys
import speech2text
model = speech2text.load_model(sys.argv[2] or None, search=sys.argv[3])
transcript = model.transcribe(sys.argv[1])
peak = re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]
print(int(peak) / 1024, transcript.duration, len(transcript.words))
"""
"""The peak is what Linux says of the process itself: getrusage would count what its parent held as well."""


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path, metavar="MANIFEST")
    parser.add_argument("--bundle", type=Path, help="the model inside the package if not given")
    parser.add_argument("--hours", type=float, default=3.0, help="of the longest recording; 0 measures no memory")
    parser.add_argument("--search", choices=("joint", "ctc", "attention"), default="joint")
    arguments = parser.parse_args()
    utterances = read_utterances(arguments.manifest)
    recordings = [join(part, SNR, seed) for seed, part in enumerate(_parts(utterances))]
    _print_error_rates(load_model(arguments.bundle), recordings)
    if arguments.hours:
        _print_memory(recordings[0].samples, arguments.bundle, arguments.search, arguments.hours)


def _parts(utterances: Sequence[Utterance]) -> Iterator[list[Utterance]]:
    """The utterances in order, so many together as make a recording of 10 minutes; the last one may be shorter."""
    part: list[Utterance] = []
    seconds = 0.0
    for utterance in utterances:
        part.append(utterance)
        seconds += (utterance.duration or 0.0) + PAUSE_SECONDS
        if seconds >= JOINED_SECONDS:
            yield part
            part, seconds = [], 0.0
    if part:
        yield part


def _print_error_rates(recognizer: Recognizer, recordings: Sequence[Joined]) -> None:
    errors = np.zeros(2, np.int64)
    words = 0
    for recording in recordings:
        texts = [normalize(each.text, each.language) for each in recording.utterances]
        alone = [recognizer.transcribe(recording.utterance(index)).text for index in range(len(texts))]
        joined = recognizer.transcribe(recording.samples).text
        words += sum(len(text.split()) for text in texts)
        errors[0] += sum(_errors(text, said) for text, said in zip(texts, alone, strict=True))
        errors[1] += _errors(" ".join(texts), joined)
    one_by_one, together = 100 * errors / words
    minutes = sum(len(recording.samples) for recording in recordings) / SAMPLE_RATE / 60
    print(f"{recognizer.manifest.name}: {words} words in {len(recordings)} recordings, {minutes:.1f} minutes")
    print(f"WER one by one {one_by_one:.2f} %, joined {together:.2f} %, difference {together - one_by_one:+.2f} %")


def _print_memory(samples: FloatArray, bundle: Path | None, search: str, hours: float) -> None:
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        for minutes in (SHORT_MINUTES, 60 * hours):
            path = Path(folder) / "long.flac"
            _write_loop(path, samples, minutes)
            command = [sys.executable, "-c", TRANSCRIBE, str(path), str(bundle or ""), search]
            found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
            peaks.append(float(found[0]))
            print(f"{float(found[1]) / 60:.0f} minutes ({search}): {found[2]} words, peak memory {peaks[-1]:.0f} MiB")
    print(f"ratio {peaks[1] / peaks[0]:.2f}")


def _write_loop(path: Path, samples: FloatArray, minutes: float) -> None:
    """The samples again and again, until the file is so long."""
    left = round(minutes * 60 * SAMPLE_RATE)
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1) as file:
        while left > 0:
            file.write(samples[:left])
            left -= len(samples)


def _errors(reference: str, hypothesis: str) -> int:
    return count_words([reference], [hypothesis])[0].errors


if __name__ == "__main__":
    main()
