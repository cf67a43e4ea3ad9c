"""How far word times are from the truth: `python -m recipes.measurements.times BUNDLE [CLIPS ...] [--say COMMAND]`

CLIPS are manifests or folders (sound files with a .txt beside each) of single words; --say makes some by a synthesiser,
a word a call, `{word}` and `{file}` in its command being filled in: --say 'flite -voice slt -t {word} -o {file}'.

Each clip is trimmed to what is within 35 dB of its loudest 10 ms. Five clips of one voice make a recording, with gaps
of 0 to 300 ms between them (a fifth of the gaps is none at all) and 0 to 500 ms of room at both ends, loudness varied
by 3 dB, all over faint noise. So the truth is known. Printed are, for the words recognised right, the median error of
starts and of ends and their 95th percentile; and the same where the neighbour on that side is right as well, since a
word that was missed leaves its time to the next. A voice is one of CLIPS or one of --say.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from recipes.script import at_least_one, script
from speech2text import load_model
from speech2text.audio.files import read_audio
from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.audio.utterances import read_utterances
from speech2text.decoding.protocols import FloatArray
from speech2text.errors import AudioError, DependencyError
from speech2text.evaluation.error_rate import compare_words
from speech2text.runtime.recognizer import Recognizer
from speech2text.text.normalization import normalize
from speech2text.text.transcript import Seconds, Word

WORDS = "zero one two three four five six seven eight nine"
WORDS_A_RECORDING = 5
TRIM_DECIBELS = 35
FRAME = SAMPLE_RATE // 100
LONGEST_GAP: Seconds = 0.3
SHARE_OF_NO_GAPS = 0.2
LONGEST_ROOM: Seconds = 0.5
LOUDNESS_DECIBELS = 3
PEAK = 0.5
NOISE = 0.001
HEADER = (
    "voice | words | right | start: median ms | 95 % | end: median ms | 95 % | "
    "beside a right word: start | 95 % | end | 95 %"
)

Clip = tuple[str, FloatArray]
Row = tuple[str, Seconds, Seconds]


@dataclass
class Errors:
    """Seconds that starts and ends are late, of all words recognised right and of those beside a right neighbour."""

    spoken: int = 0
    starts: list[Seconds] = field(default_factory=list)
    ends: list[Seconds] = field(default_factory=list)
    starts_beside: list[Seconds] = field(default_factory=list)
    ends_beside: list[Seconds] = field(default_factory=list)


@script
def main() -> None:
    """Print a table with a row for each voice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("clips", nargs="*", type=Path, metavar="CLIPS")
    parser.add_argument("--say", action="append", default=[], metavar="COMMAND", help="a synthesiser; may be repeated")
    parser.add_argument("--words", default=WORDS, help="what it says; digits if not given")
    parser.add_argument("--recordings", type=at_least_one, default=200, help="for each voice")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if not arguments.clips and not arguments.say:
        parser.error("name CLIPS or a command to --say")
    if not arguments.words.split():
        parser.error("--words has no word to say")
    voices = [(path.stem, _read(path)) for path in arguments.clips]
    for name, clips in voices:
        for text, _ in clips:
            if len(text.split()) != 1:
                parser.error(f"{name}: {text!r} is not a single word; CLIPS are words said one by one")
    voices += [(command, _say(command, arguments.words.split())) for command in arguments.say]
    recognizer = load_model(arguments.bundle)
    print(HEADER, "|".join(["---"] * (HEADER.count("|") + 1)), sep="\n")
    for name, clips in voices:
        _print(name, _measure(recognizer, clips, arguments.recordings, arguments.seed))


def join(clips: Sequence[Clip], rng: np.random.Generator) -> tuple[FloatArray, list[Row]]:
    """A recording of some of the clips, and each word of it with its start and end."""
    parts, rows, length = [], [], 0

    def add(samples: FloatArray) -> Seconds:
        nonlocal length
        parts.append(samples)
        length += len(samples)
        return length / SAMPLE_RATE

    def add_room(seconds: Seconds) -> Seconds:
        return add(np.zeros(round(seconds * SAMPLE_RATE), np.float32))

    now = add_room(rng.uniform(0, LONGEST_ROOM))
    for number, choice in enumerate(rng.integers(len(clips), size=WORDS_A_RECORDING)):
        if number:
            now = add_room(0 if rng.random() < SHARE_OF_NO_GAPS else rng.uniform(0, LONGEST_GAP))
        text, samples = clips[choice]
        gain = 10 ** (rng.uniform(-LOUDNESS_DECIBELS, LOUDNESS_DECIBELS) / 20)
        start, now = now, add(samples * np.float32(gain))
        rows.append((text, start, now))
    add_room(rng.uniform(0, LONGEST_ROOM))
    joined = np.concatenate(parts)
    joined *= PEAK / np.abs(joined).max()
    return (joined + NOISE * rng.standard_normal(len(joined))).astype(np.float32), rows


def trim(samples: FloatArray) -> FloatArray:
    """Without what is quieter than the loudest 10 ms by more than `TRIM_DECIBELS` at both ends."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    powers = np.square(frames, dtype=np.float64).mean(axis=1)
    loud = np.flatnonzero(powers > powers.max() * 10 ** (-TRIM_DECIBELS / 10))
    return frames[loud[0] : loud[-1] + 1].ravel()


def _read(clips: Path) -> list[Clip]:
    return [(normalize(each.text, each.language), _trimmed(each.audio)) for each in read_utterances(clips)]


def _trimmed(audio: Path) -> FloatArray:
    samples = read_audio(audio)
    if not samples[: len(samples) // FRAME * FRAME].any():
        raise AudioError(f"{audio}: has no sound; leave it out")
    return trim(samples)


def _say(command: str, words: Sequence[str]) -> list[Clip]:
    clips = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "word.wav")
        for word in words:
            try:
                call = [part.format(word=word, file=file) for part in shlex.split(command)]
                subprocess.run(call, check=True, capture_output=True)
            except (OSError, LookupError, ValueError, subprocess.CalledProcessError) as error:
                raise DependencyError(f"--say {command!r}: does not say {word!r} ({error}); correct it") from None
            clips.append((word, _trimmed(file)))
    return clips


def _measure(recognizer: Recognizer, clips: Sequence[Clip], recordings: int, seed: int) -> Errors:
    rng = np.random.default_rng(seed)
    errors = Errors()
    for _ in range(recordings):
        samples, rows = join(clips, rng)
        _compare(rows, recognizer.transcribe(samples).words, errors)
    return errors


def _compare(rows: Sequence[Row], words: Sequence[Word], errors: Errors) -> None:
    """Add the errors of one recording."""
    pairs = _pair(rows, words)
    beside = {-1: -1, len(rows): len(words)} | pairs  # silence before and after is heard right
    errors.spoken += len(rows)
    for index, found in pairs.items():
        (_, start, end), word = rows[index], words[found]
        errors.starts.append(word.start - start)
        errors.ends.append(word.end - end)
        if beside.get(index - 1) == found - 1:
            errors.starts_beside.append(word.start - start)
        if beside.get(index + 1) == found + 1:
            errors.ends_beside.append(word.end - end)


def _pair(rows: Sequence[Row], words: Sequence[Word]) -> dict[int, int]:
    """Which spoken word was recognised right as which word."""
    pairs: dict[int, int] = {}
    spoken = heard = 0
    for difference in compare_words(" ".join(text for text, _, _ in rows), " ".join(word.text for word in words)):
        if difference.is_equal:
            pairs |= {spoken + offset: heard + offset for offset in range(len(difference.reference))}
        spoken += len(difference.reference)
        heard += len(difference.hypothesis)
    return pairs


def _print(name: str, errors: Errors) -> None:
    columns = [name, str(errors.spoken), str(len(errors.starts))]
    for late in (errors.starts, errors.ends, errors.starts_beside, errors.ends_beside):
        figures = np.percentile(np.abs(late), [50, 95]) if late else (np.nan, np.nan)
        columns += [f"{1000 * figure:.0f}" for figure in figures]
    print(" | ".join(columns), flush=True)


if __name__ == "__main__":
    main()
