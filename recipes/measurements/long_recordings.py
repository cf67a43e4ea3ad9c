"""Long recordings: `python -m recipes.measurements.long_recordings MANIFEST [--bundle B] [--joinings 3] [--hours 3]`

The first table has the word errors and the words left out of the utterances one by one, heard whole and as files, and
of the same utterances joined in random order to recordings of 10 minutes, with pauses of 0.4 to 1.5 s between them, all
under one room noise. A word counts for the utterance in which its middle lies, so no utterance pays for its neighbour;
to align whole recordings would let words of one stand for those of another, which flatters a weak model. All figures
are of several joinings together, and intervals (95 %) of differences are by bootstrap over speakers where they are
known, else over utterances. Then, of the utterances whose segment also holds words of another (merged), of those in
several segments (split), and of the others: how many, and the errors heard whole and joined. `--silence` gives the
figures for other endpoint rules.

The second table is of memory: the peak of a process that transcribes 3 minutes of such a recording, and of one that
transcribes `--hours` of it. They are written to a temporary folder as FLAC; peaks are read from /proc, so this needs
Linux. `--search` is for the memory alone; the error rates are of the joint search.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import soundfile

from recipes.measurements.cells import difference
from recipes.measurements.joining import Joined, join
from recipes.script import at_least_one, number_from, script
from speech2text import EndpointRules, load_model
from speech2text.audio.files import SAMPLE_RATE, probe, read_audio
from speech2text.audio.utterances import Utterance, read_utterances
from speech2text.decoding.protocols import FloatArray
from speech2text.errors import ManifestError
from speech2text.evaluation.error_rate import Counts, count_words, total
from speech2text.evaluation.significance import compare, voice
from speech2text.runtime.endpoints import DAY, LEAST_SILENCE
from speech2text.runtime.options import SEARCHES
from speech2text.runtime.recognizer import Recognizer
from speech2text.text.normalization import normalize

JOINED_SECONDS = 600.0
PAUSE_SECONDS = 1.0  # on average
SHORT_MINUTES = 3.0
WHOLE, FILE = "one by one, heard whole", "one by one, as files"
TRANSCRIBE = """
import re, sys
import speech2text
model = speech2text.load_model(sys.argv[2] or None, search=sys.argv[3])
transcript = model.transcribe(sys.argv[1])
peak = re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]
print(int(peak) / 1024, transcript.duration, len(transcript.words))
"""
"""The peak is what Linux says of the process itself: getrusage would count what its parent held as well."""


@dataclass
class Heard:
    """One way to hear the utterances: errors and speakers by id, all joinings together, and the fates of each.

    fates: for each utterance of each joining, in order: its fate, and its errors.
    """

    counts: defaultdict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    speakers: dict[str, str] = field(default_factory=dict)
    fates: list[tuple[str, Counts]] = field(default_factory=list)

    def add(self, utterance: Utterance, hypothesis: str, fate: str = "") -> None:
        """One utterance, and the words that were heard of it."""
        reference, hypothesis = (normalize(text, utterance.language) for text in (utterance.text, hypothesis))
        (counts,) = count_words([reference], [hypothesis])
        self.counts[utterance.id] += counts
        self.speakers[utterance.id] = voice(utterance.corpus, utterance.speaker)
        self.fates.append((fate, counts))


@script
def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path, metavar="MANIFEST")
    parser.add_argument("--bundle", type=Path, help="the model inside the package if not given")
    parser.add_argument("--corpus", help="only the utterances of this corpus")
    parser.add_argument(
        "--joinings", type=at_least_one, default=3, help="orders of the utterances, each with its own noise"
    )
    parser.add_argument("--snr", type=float, default=30.0, help="decibels between the utterances and the room noise")
    parser.add_argument(
        "--silence",
        type=number_from(LEAST_SILENCE, DAY),
        nargs="+",
        metavar="SECONDS",
        help="silence that ends a segment",
    )
    parser.add_argument(
        "--hours", type=number_from(0), default=3.0, help="of the longest recording; 0 measures no memory"
    )
    parser.add_argument("--search", choices=SEARCHES, default="joint")
    arguments = parser.parse_args()
    utterances = [each for each in read_utterances(arguments.manifest) if arguments.corpus in (None, each.corpus)]
    if not any(normalize(each.text, each.language) for each in utterances):
        raise ManifestError(f"{arguments.manifest}: no recording with words to measure by")
    rules = [EndpointRules(silence_after_speech=seconds) for seconds in arguments.silence or ()] or [EndpointRules()]
    recordings = [
        join(part, arguments.snr, seed)
        for seed in range(arguments.joinings)
        for part in _parts(utterances, np.random.default_rng(seed))
    ]
    _print_error_rates(load_model(arguments.bundle), recordings, rules)
    if arguments.hours:
        _print_memory(recordings[0].samples, arguments.bundle, arguments.search, arguments.hours)


def _parts(utterances: Sequence[Utterance], generator: np.random.Generator) -> Iterator[list[Utterance]]:
    """The utterances in random order, so many together as make 10 minutes; the last recording may be shorter."""
    part: list[Utterance] = []
    seconds = 0.0
    for index in generator.permutation(len(utterances)):
        part.append(utterances[index])
        seconds += _seconds(utterances[index]) + PAUSE_SECONDS
        if seconds >= JOINED_SECONDS:
            yield part
            part, seconds = [], 0.0
    if part:
        yield part


def _seconds(utterance: Utterance) -> float:
    return utterance.duration or probe(utterance.audio).seconds or len(read_audio(utterance.audio)) / SAMPLE_RATE


def _print_error_rates(recognizer: Recognizer, recordings: Sequence[Joined], rules: Sequence[EndpointRules]) -> None:
    whole, as_file = Heard(), Heard()
    for recording in recordings:
        for index, utterance in enumerate(recording.utterances):
            samples = recording.utterance(index)
            whole.add(utterance, recognizer.recognise(samples).text)
            as_file.add(utterance, recognizer.transcribe(samples).text)
    minutes = sum(len(recording.samples) for recording in recordings) / SAMPLE_RATE / 60
    words = total(whole.counts.values()).reference
    print(f"{recognizer.manifest.name}: {words} words in {len(recordings)} recordings, {minutes:.1f} minutes\n")
    print("| | wrong % | more than heard whole | more than as files | left out % | more than heard whole |")
    print("|---|---|---|---|---|---|")
    _print_row(WHOLE, whole, whole, whole)
    _print_row(FILE, as_file, whole, as_file)
    joined = {}
    for rule in rules:
        name = f"joined, {rule.silence_after_speech} s of silence end a segment"
        joined[name] = _hear_joined(recognizer, recordings, rule)
        _print_row(name, joined[name], whole, as_file)
    for name, heard in joined.items():
        _print_fates(name, heard, whole)


def _hear_joined(recognizer: Recognizer, recordings: Sequence[Joined], rules: EndpointRules) -> Heard:
    heard = Heard()
    for recording in recordings:
        segments = recognizer.transcribe(recording.samples, endpoints=rules).segments
        texts: defaultdict[int, list[str]] = defaultdict(list)
        shares: Counter[int] = Counter()  # segments that hold words of an utterance
        merged: set[int] = set()
        for segment in segments:
            owners = recording.whose(segment.words)
            for owner, word in zip(owners, segment.words, strict=True):
                texts[owner].append(word.text)
            shares.update(set(owners))
            merged |= set(owners) if len(set(owners)) > 1 else set()
        for index, utterance in enumerate(recording.utterances):
            fate = "merged" if index in merged else "split" if shares[index] > 1 else "others"
            heard.add(utterance, " ".join(texts[index]), fate)
    return heard


def _print_row(name: str, heard: Heard, whole: Heard, as_file: Heard) -> None:
    counts = total(heard.counts.values())
    columns = [
        _percent(counts.errors, counts.reference),
        "" if heard is whole else _difference(heard, whole),
        "" if heard in (whole, as_file) else _difference(heard, as_file),
        _percent(counts.deletions, counts.reference),
        "" if heard is whole else _difference(heard, whole, _left_out),
    ]
    print("|", " | ".join([name, *columns]), "|", flush=True)


def _difference(heard: Heard, other: Heard, part: Callable[[Counts], Counts] = lambda counts: counts) -> str:
    """How much higher the error rate is than another, and the interval of that."""
    ids = list(other.counts)
    ours, theirs = ([part(each.counts[name]) for name in ids] for each in (heard, other))
    return difference(compare(ours, theirs, [heard.speakers[name] for name in ids]), 2)


def _left_out(counts: Counts) -> Counts:
    """As if all words but those left out were right."""
    return replace(counts, hits=counts.hits + counts.substitutions, substitutions=0, insertions=0)


def _print_fates(name: str, heard: Heard, whole: Heard) -> None:
    print(f"\n| {name}: utterances | | words | wrong, heard whole | wrong, joined |", "|---|---|---|---|---|", sep="\n")
    for fate in ("merged", "split", "others"):
        rows = [
            (mine, other) for (found, mine), (_, other) in zip(heard.fates, whole.fates, strict=True) if found == fate
        ]
        mine, other = total(mine for mine, _ in rows), total(other for _, other in rows)
        print(f"| {fate} | {len(rows)} | {mine.reference} | {other.errors} | {mine.errors} |")


def _percent(part: int, all_words: int) -> str:
    return f"{100 * part / all_words:.2f}"


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


if __name__ == "__main__":
    main()
