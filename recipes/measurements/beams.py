"""How wide the beam must be: `python -m recipes.measurements.beams [--bundle BUNDLE] MANIFEST.jsonl [...]`

For beams of 1 to 32 prints the word error rate on the manifests with its 95 % interval, how much it is above
that of the best beam with the interval of this difference (bootstrap, paired: the same draws of speakers for both), and
the time of the search as a multiple of the greedy attention search, measured side by side, on one thread. Then it names
the narrowest beam that is within noise of the best: the interval of its difference holds 0. Utterances are heard whole,
and once (hearings.py is for more); the beam has the threshold of the bundle (thresholds.py is for others).

The second table is the whole of `recognise`, listening included, over clips of 10 s cut from all utterances joined: the
least time of some rounds in each of which every search has its turn.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

import numpy as np

from recipes.measurements.cells import between, difference, percent
from recipes.measurements.manifests import make_parser, read_all, references_of, speakers_of
from recipes.script import at_least_one, script
from speech2text import load_model
from speech2text.audio.files import read_audio
from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.audio.utterances import Utterance
from speech2text.decoding.protocols import FloatArray
from speech2text.evaluation.error_rate import count_words, total
from speech2text.evaluation.significance import bootstrap, compare
from speech2text.runtime.recognizer import Recognizer
from speech2text.text.normalization import normalize

BEAM_SIZES = (1, 2, 4, 8, 16, 24, 32)
CLIP_SECONDS = 10


@script
def main() -> None:
    """Print both tables."""
    parser = make_parser(__doc__)
    parser.add_argument("--clips", type=at_least_one, default=8, help="how many clips of 10 s to time (default: 8)")
    parser.add_argument("--rounds", type=at_least_one, default=5, help="how often to time each (default: 5)")
    arguments = parser.parse_args()
    utterances = read_all(arguments.manifests)
    sounds = [read_audio(utterance.audio) for utterance in utterances]
    if sum(map(len, sounds)) < CLIP_SECONDS * SAMPLE_RATE:
        parser.error(f"MANIFEST has less than {CLIP_SECONDS} s of sound, too little to time")
    greedy = load_model(arguments.bundle, search="attention")
    beams = {size: load_model(arguments.bundle, beam_size=size, other_speeds=()) for size in BEAM_SIZES}
    _report_accuracy(greedy, beams, utterances, sounds)
    _report_speed({"greedy": greedy} | {f"beam {size}": beam for size, beam in beams.items()}, sounds, arguments)


def _report_accuracy(
    greedy: Recognizer, beams: dict[int, Recognizer], utterances: Sequence[Utterance], sounds: Sequence[FloatArray]
) -> None:
    references, speakers = references_of(utterances), speakers_of(utterances)
    texts: dict[int, list[str]] = {size: [] for size in beams}
    seconds = dict.fromkeys((0, *beams), 0.0)  # 0 stands for greedy
    for utterance, samples in zip(utterances, sounds, strict=True):
        memory = greedy.listener.listen(samples)
        seconds[0] += _time(lambda: greedy.spell(memory))  # noqa: B023 - called at once
        for size, beam in beams.items():
            started = time.perf_counter()
            tokens = beam.spell(memory)[0].tokens
            seconds[size] += time.perf_counter() - started
            texts[size].append(normalize(beam.tokenizer.decode(tokens), utterance.language))
    counts = {size: count_words(references, texts[size]) for size in beams}
    best = min(beams, key=lambda size: total(counts[size]).errors)
    print(f"| beam | WER % | 95 % | above beam {best}, 95 % | search, times greedy |\n|---|---|---|---|---|")
    within = []
    for size in beams:
        above = compare(counts[size], counts[best], speakers)
        if above is None or above.interval.low <= 0:
            within.append(size)
        row = (size, percent(counts[size], 2), between(bootstrap(counts[size], speakers), 2), difference(above, 2))
        print("|", " | ".join(map(str, row)), f"| {seconds[size] / seconds[0]:.1f} |")
    print(f"\nnarrowest within noise of the best: beam {within[0]} ({total(counts[best]).reference} words)\n")


def _report_speed(
    recognizers: dict[str, Recognizer], sounds: Sequence[FloatArray], arguments: argparse.Namespace
) -> None:
    length = CLIP_SECONDS * SAMPLE_RATE
    joined = np.concatenate(sounds)
    clips = [joined[start : start + length] for start in range(0, len(joined) - length + 1, length)][: arguments.clips]
    least = {name: np.full(len(clips), np.inf) for name in recognizers}
    for _ in range(arguments.rounds):
        for index, clip in enumerate(clips):
            for name, recognizer in recognizers.items():
                taken = _time(lambda: recognizer.recognise(clip))  # noqa: B023 - called at once
                least[name][index] = min(least[name][index], taken)
    print("| 10 s clip, listening and search | ms | times greedy |\n|---|---|---|")
    for name, seconds in least.items():
        print(f"| {name} | {1000 * seconds.mean():.1f} | {seconds.sum() / least['greedy'].sum():.2f} |")


def _time(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
