"""Live streams: `python -m recipes.measurements.live COMMAND [MANIFEST] [--bundle B]`

    delays MANIFEST     how late words are shown after their end, how often they change, and how long the final text of
                        10 s takes: the computing of each update is added to the sound it had to wait for
    joints MANIFEST     utterances joined with pauses: words wrong one by one, and joined, under several endpoint rules
    load MANIFEST       streams at once on one core, until they fall behind: processor seconds a second of sound
    soak [--hours 2]    the memory a stream traces, again and again while it hears hours of sound

Blocks are 0.1 s. Run it alone on the machine: delays and load are of processor time, which others disturb as well.
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
from pathlib import Path

import numpy as np

from recipes.measurements.joining import Joined, join
from speech2text import EndpointRules, load_model
from speech2text.audio.files import read_audio
from speech2text.audio.manifest import read_utterances
from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.bundle.store import find_bundle
from speech2text.decoding.protocols import FloatArray
from speech2text.evaluation.delays import Delays, percentile
from speech2text.evaluation.error_rate import count_words
from speech2text.runtime.recognizer import Recognizer
from speech2text.text.normalization import normalize

BLOCK = SAMPLE_RATE // 10
SNR = 30.0
STREAMS = (1, 10, 20, 30, 40, 60, 80, 120, 160, 240)
RULES = (
    EndpointRules(),
    EndpointRules(silence_after_speech=0.8),
    EndpointRules(silence_after_speech=1.2),
)


def main() -> None:
    """Print the figures of one command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("delays", "joints", "load", "soak"))
    parser.add_argument("manifest", type=Path, nargs="?", metavar="MANIFEST", help="the model's sample if not given")
    parser.add_argument("--bundle", type=Path, help="the model inside the package if not given")
    parser.add_argument("--utterances", type=int, default=60, help="of the manifest, evenly spread")
    parser.add_argument("--hours", type=float, default=2.0)
    arguments = parser.parse_args()
    recognizer = load_model(arguments.bundle)
    recording = _recording(recognizer, arguments.bundle, arguments.manifest, arguments.utterances)
    if arguments.command == "delays":
        _print_delays(recognizer, recording)
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
        started = time.perf_counter()
        updates = stream.feed(block)
        spent = time.perf_counter() - started
        for update in updates:
            delays.add(update.segment, update.final, (begin + len(block)) / SAMPLE_RATE + spent, spent)
    print(f"{len(recording.samples) / SAMPLE_RATE:.0f} s, {len(delays.finals)} segments, {len(delays.words)} words")
    for name, values in (
        ("first words", delays.first_partials),
        ("words", delays.words),
        ("final text", delays.finals),
    ):
        middle, most = (percentile(values, percent) for percent in (50, 95))
        print(f"{name}: median {middle:.3f} s, 95th percentile {most:.3f} s")
    print(f"changed: {delays.changed} of {delays.shown} words shown")
    span = recording.samples[: 10 * SAMPLE_RATE]
    times = []
    for _ in range(10):
        started = time.process_time()
        recognizer.recognise(span)
        times.append(time.process_time() - started)
    print(f"final text of {len(span) / SAMPLE_RATE:.0f} s: {percentile(times, 50):.3f} s of processor time")


def _print_joints(recognizer: Recognizer, recording: Joined) -> None:
    texts = [normalize(each.text, each.language) for each in recording.utterances]
    alone = [recognizer.recognise(recording.utterance(index)).text for index in range(len(texts))]
    counts = [count_words([text], [said])[0] for text, said in zip(texts, alone, strict=True)]
    words = sum(len(text.split()) for text in texts)
    errors, lost = sum(each.errors for each in counts), sum(each.deletions for each in counts)
    print(f"{words} words one by one: {100 * errors / words:.2f} % wrong, {100 * lost / words:.2f} % lost")
    for rules in RULES:
        said = recognizer.transcribe(recording.samples, endpoints=rules)
        count = count_words([" ".join(texts)], [said.text])[0]
        print(
            f"silence after speech {rules.silence_after_speech} s, {len(said.segments)} segments: "
            f"{100 * count.errors / words:.2f} % wrong, {100 * count.deletions / words:.2f} % lost"
        )


def _print_load(recognizer: Recognizer, samples: FloatArray) -> None:
    """Streams that begin at different places of the sound take turns; above 1 they fall behind."""
    seconds = 10
    for count in STREAMS:
        streams = [recognizer.stream() for _ in range(count)]
        starts = [index * len(samples) // count for index in range(count)]
        started = time.process_time()
        for begin in range(0, seconds * SAMPLE_RATE, BLOCK):
            for stream, start in zip(streams, starts, strict=True):
                stream.feed(np.take(samples, range(start + begin, start + begin + BLOCK), mode="wrap"))
        load = (time.process_time() - started) / seconds
        print(f"{count} streams: {load:.2f} of a core{', too many' if load > 1 else ''}", flush=True)
        if load > 1:
            return


def _print_soak(recognizer: Recognizer, samples: FloatArray, hours: float) -> None:
    stream = recognizer.stream()
    fed, told = 0.0, 0.0
    tracemalloc.start()
    while fed < hours * 3600:
        for begin in range(0, len(samples), BLOCK):
            stream.feed(samples[begin : begin + BLOCK])
        fed += len(samples) / SAMPLE_RATE
        if fed - told >= hours * 360:
            told = fed
            print(f"{fed / 60:.0f} minutes: {tracemalloc.get_traced_memory()[0] / 1024:.0f} KiB", flush=True)
    print(f"peak {tracemalloc.get_traced_memory()[1] / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
