"""What several speeds bring: `python -m recipes.measurements.hearings [--bundle BUNDLE] MANIFEST.jsonl [...]`

For several sets of other speeds (runtime/hearings.py) prints the word error rate on the manifests with its 95 %
interval, how much it is above that of hearing once with the interval of this difference (bootstrap, paired: the same
draws of speakers for both), and the time as a multiple of hearing once, measured side by side, on one thread.
Utterances are heard whole. The speeds of a bundle are those of its recipe (`decoding.other_speeds`).
"""

from __future__ import annotations

import time

from recipes.measurements.cells import between, difference, percent
from recipes.measurements.manifests import make_parser, read_all, references_of, speakers_of
from recipes.script import script
from speech2text import load_model
from speech2text.audio.files import read_audio
from speech2text.evaluation.error_rate import count_words
from speech2text.evaluation.significance import bootstrap, compare
from speech2text.text.normalization import normalize

OTHER_SPEEDS = ((), (0.95, 1.05), (0.9, 1.1), (0.9, 1.05), (0.85, 1.1), (0.85, 0.95, 1.05, 1.1))


@script
def main() -> None:
    """Print the table."""
    parser = make_parser(__doc__)
    arguments = parser.parse_args()
    utterances = read_all(arguments.manifests)
    recognizers = {speeds: load_model(arguments.bundle, other_speeds=speeds) for speeds in OTHER_SPEEDS}
    texts: dict[tuple[float, ...], list[str]] = {speeds: [] for speeds in recognizers}
    seconds = dict.fromkeys(recognizers, 0.0)
    for utterance in utterances:
        samples = read_audio(utterance.audio)
        for speeds, recognizer in recognizers.items():
            started = time.perf_counter()
            text = recognizer.recognise(samples).text
            seconds[speeds] += time.perf_counter() - started
            texts[speeds].append(normalize(text, utterance.language))
    references, speakers = references_of(utterances), speakers_of(utterances)
    counts = {speeds: count_words(references, texts[speeds]) for speeds in recognizers}
    print("| other speeds | WER % | 95 % | above hearing once, 95 % | times as long |\n|---|---|---|---|---|")
    for speeds in recognizers:
        above = compare(counts[speeds], counts[()], speakers)
        figures = percent(counts[speeds], 2), between(bootstrap(counts[speeds], speakers), 2), difference(above, 2)
        name = ", ".join(f"{speed:g}" for speed in speeds) or "none"
        print("|", " | ".join((name, *figures)), f"| {seconds[speeds] / seconds[()]:.2f} |")


if __name__ == "__main__":
    main()
