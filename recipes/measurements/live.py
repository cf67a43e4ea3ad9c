"""Live streams: `python -m recipes.measurements.live COMMAND [MANIFEST] [--bundle B]`

    delays MANIFEST     how late words are shown after their end, how often they change, and what the final text of 10 s
                        costs beside a greedy one
    joints MANIFEST     utterances joined with pauses: words wrong one by one, and joined, under several endpoint rules
    load MANIFEST       streams at once on one core: what they cost, and how long sound waits, until they fall behind
    soak [--hours 2]    the memory a stream traces and the process has, told twelve times while it hears hours of
                        sound; needs Linux

Blocks are 0.1 s. Time is that of the processor, and waiting follows from it: as if the sound came as it is spoken, and
the core did nothing else. Other programs disturb it all the same, so run it alone on the machine.
"""

from __future__ import annotations

import argparse
import re
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np

from recipes.measurements.joining import Joined, join
from recipes.script import at_least_one, number_from, script
from speech2text import EndpointRules, load_model
from speech2text.audio.files import read_audio
from speech2text.audio.pace import LATE_SECONDS
from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.audio.utterances import read_utterances
from speech2text.bundle.store import find_bundle
from speech2text.decoding.protocols import FloatArray
from speech2text.errors import ManifestError
from speech2text.evaluation.delays import Delays, percentile
from speech2text.evaluation.error_rate import count_words
from speech2text.runtime.options import SEARCHES, Search
from speech2text.runtime.recognizer import Recognizer
from speech2text.runtime.stream import Stream
from speech2text.text.normalization import normalize

BLOCK = SAMPLE_RATE // 10
SNR = 30.0
BLOCK_SECONDS = BLOCK / SAMPLE_RATE
STREAMS = (1, 10, 20, 30, 40, 50, 60, 80, 100, 120, 160, 200, 240, 320, 480)
LOAD_SECONDS = 20
FINAL_SECONDS = 10
FINAL_ROUNDS = 10
SOAK_PARTS = 12
LEAST_SOAK_HOURS = 0.01
RULES = (
    EndpointRules(),
    EndpointRules(silence_after_speech=0.8),
    EndpointRules(silence_after_speech=1.2),
)


@script
def main() -> None:
    """Print the figures of one command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("delays", "joints", "load", "soak"))
    parser.add_argument("manifest", type=Path, nargs="?", metavar="MANIFEST", help="the model's sample if not given")
    parser.add_argument("--bundle", type=Path, help="the model inside the package if not given")
    parser.add_argument("--utterances", type=at_least_one, default=60, help="at least so many, evenly spread")
    parser.add_argument("--hours", type=number_from(LEAST_SOAK_HOURS), default=2.0)
    arguments = parser.parse_args()
    if arguments.command == "joints" and not arguments.manifest:
        parser.error("joints needs a MANIFEST, whose utterances are joined")
    recognizer = load_model(arguments.bundle)
    recording = _recording(recognizer, arguments.bundle, arguments.manifest, arguments.utterances)
    if arguments.command == "delays":
        _print_delays(recognizer, recording)
        _print_final_costs(arguments.bundle, recording.samples[: FINAL_SECONDS * SAMPLE_RATE])
    elif arguments.command == "joints":
        _print_joints(recognizer, recording)
    elif arguments.command == "load":
        _print_load(recognizer, recording.samples)
    else:
        _print_soak(recognizer, recording.samples, arguments.hours)


def _recording(recognizer: Recognizer, bundle: Path | None, manifest: Path | None, count: int) -> Joined:
    if manifest is None:
        sample = read_audio(find_bundle(bundle) / recognizer.manifest.sample.audio)
        return Joined(np.concatenate([sample, np.zeros(SAMPLE_RATE, np.float32)]), (), ())
    utterances = read_utterances(manifest)
    return join(utterances[:: max(len(utterances) // count, 1)], SNR)


def _print_delays(recognizer: Recognizer, recording: Joined) -> None:
    stream = recognizer.stream()
    delays = Delays()
    for begin in range(0, len(recording.samples), BLOCK):
        block = recording.samples[begin : begin + BLOCK]
        started = time.process_time()
        updates = stream.feed(block)
        spent = time.process_time() - started
        for update in updates:
            delays.add(update.segment, update.final, (begin + len(block)) / SAMPLE_RATE + spent, spent)
    print(f"{len(recording.samples) / SAMPLE_RATE:.0f} s, {len(delays.finals)} segments, {len(delays.words)} words")
    for name, values in (
        ("first words", delays.first_partials),
        ("words, shown at their place", [word.shown for word in delays.words]),
        ("words, as they stayed", [word.settled for word in delays.words]),
        ("those that partial text had right, as they stayed", [word.settled for word in delays.words if word.early]),
        ("final text", delays.finals),
    ):
        middle, most = (percentile(values, percent) for percent in (50, 95))
        print(f"{name}: {len(values)}, median {middle:.3f} s, 95th percentile {most:.3f} s")
    print(f"changed: {delays.changed} of {delays.shown} words shown")


def _print_final_costs(bundle: Path | None, samples: FloatArray) -> None:
    """Of hearing a span whole, with the default search and with the greedy ones, in turns."""
    searches = {name: load_model(bundle, search=name) for name in SEARCHES}
    times: dict[Search, list[float]] = {name: [] for name in SEARCHES}
    for _ in range(FINAL_ROUNDS):
        for name, recognizer in searches.items():
            started = time.process_time()
            recognizer.recognise(samples)
            times[name].append(time.process_time() - started)
    medians = {name: percentile(values, 50) for name, values in times.items()}
    for search, median in medians.items():
        ratio = median / medians["attention"]
        print(
            f"final text of {len(samples) / SAMPLE_RATE:.0f} s, {search}: "
            f"{median:.3f} s, {ratio:.1f} of greedy attention"
        )


def _print_joints(recognizer: Recognizer, recording: Joined) -> None:
    texts = [normalize(each.text, each.language) for each in recording.utterances]
    alone = [recognizer.recognise(recording.utterance(index)).text for index in range(len(texts))]
    counts = [count_words([text], [said])[0] for text, said in zip(texts, alone, strict=True)]
    words = sum(len(text.split()) for text in texts)
    if not words:
        raise ManifestError("the texts of the recordings have no words, so there is no rate of them")
    errors, lost = sum(each.errors for each in counts), sum(each.deletions for each in counts)
    print(f"{words} words one by one: {100 * errors / words:.2f} % wrong, {100 * lost / words:.2f} % lost")
    for rules in RULES:
        said = recognizer.transcribe(recording.samples, endpoints=rules)
        count = count_words([" ".join(texts)], [said.text])[0]
        print(
            f"silence after speech {rules.silence_after_speech} s, {len(said.segments)} segments: "
            f"{100 * count.errors / words:.2f} % wrong, {100 * count.deletions / words:.2f} % lost"
        )


@dataclass
class _Load:
    """What streams at once on one core come to; all in seconds, `spared` of sound heard without partial texts."""

    spent: float = 0.0
    waited: float = 0.0
    spared: float = 0.0

    def hear(self, streams: Sequence[Stream], samples: FloatArray) -> None:
        """Streams that begin at different places of the sound, and whose blocks come one after the other."""
        starts = [index * len(samples) // len(streams) for index in range(len(streams))]
        now = 0.0
        for begin in range(0, LOAD_SECONDS * SAMPLE_RATE, BLOCK):
            for index, (stream, start) in enumerate(zip(streams, starts, strict=True)):
                came = begin / SAMPLE_RATE + (1 + index / len(streams)) * BLOCK_SECONDS
                now = max(now, came)
                behind = now - came > LATE_SECONDS
                block = np.take(samples, range(start + begin, start + begin + BLOCK), mode="wrap")
                started = time.process_time()
                stream.feed(block, behind=behind)
                spent = time.process_time() - started
                now += spent
                self.spent += spent
                self.spared += behind * BLOCK_SECONDS
                self.waited = max(self.waited, now - came)


def _print_load(recognizer: Recognizer, samples: FloatArray) -> None:
    """Up to where even the final texts alone are too much; where sound waits for too long, partial texts are spared."""
    for count in STREAMS:
        load = _Load()
        load.hear([recognizer.stream() for _ in range(count)], samples)
        heard = count * LOAD_SECONDS
        print(
            f"{count} streams: {1000 * load.spent / heard:.1f} ms a second of sound, "
            f"{load.spent / LOAD_SECONDS:.2f} of a core, waiting {load.waited:.2f} s at most, "
            f"{100 * load.spared / heard:.0f} % without partial texts",
            flush=True,
        )
        if load.spent > LOAD_SECONDS:
            print(f"{count} are too many")
            return


def _print_soak(recognizer: Recognizer, samples: FloatArray, hours: float) -> None:
    """The least of each part is held between spans; the most with the longest span, kept whole till its end."""
    stream = recognizer.stream()
    blocks = cycle(range(0, len(samples), BLOCK))
    tracemalloc.start()
    for part in range(1, SOAK_PARTS + 1):
        traced = []
        for _ in range(round(hours * 3600 / SOAK_PARTS / BLOCK_SECONDS)):
            begin = next(blocks)
            stream.feed(samples[begin : begin + BLOCK])
            traced.append(tracemalloc.get_traced_memory()[0] / 1024)
        print(
            f"{part * hours * 60 / SOAK_PARTS:.1f} minutes: traced {min(traced):.0f} to {max(traced):.0f} KiB, "
            f"process {_resident_kib() / 1024:.1f} MiB",
            flush=True,
        )


def _resident_kib() -> int:
    """Memory of this process, as Linux tells it."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) if found else 0


if __name__ == "__main__":
    main()
