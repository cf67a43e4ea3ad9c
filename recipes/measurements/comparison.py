"""A table of recognisers that hear the same utterances, one after the other."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from recipes.measurements.cells import between, difference, percent
from recipes.measurements.manifests import references_of, speakers_of
from speech2text.audio.files import read_audio
from speech2text.audio.utterances import Utterance
from speech2text.evaluation.error_rate import count_words
from speech2text.evaluation.significance import bootstrap, compare
from speech2text.runtime.recognizer import Recognizer
from speech2text.text.normalization import normalize


def print_comparison(what: str, recognizers: Mapping[str, Recognizer], utterances: Sequence[Utterance]) -> None:
    """Print the word error rate of each recogniser with its 95 % interval, how much it is above that of the first with
    the interval of this difference (bootstrap, paired: the same draws of speakers for both), and the time as a multiple
    of the first's, measured side by side. Utterances are heard whole; `what` heads the column of the names.
    """
    texts: dict[str, list[str]] = {name: [] for name in recognizers}
    seconds = dict.fromkeys(recognizers, 0.0)
    for utterance in utterances:
        samples = read_audio(utterance.audio)
        for name, recognizer in recognizers.items():
            started = time.perf_counter()
            text = recognizer.recognise(samples).text
            seconds[name] += time.perf_counter() - started
            texts[name].append(normalize(text, utterance.language))
    references, speakers = references_of(utterances), speakers_of(utterances)
    counts = {name: count_words(references, texts[name]) for name in recognizers}
    first = next(iter(recognizers))
    print(f"| {what} | WER % | 95 % | above {first}, 95 % | times as long |\n|---|---|---|---|---|")
    for name in recognizers:
        above = compare(counts[name], counts[first], speakers)
        figures = percent(counts[name], 2), between(bootstrap(counts[name], speakers), 2), difference(above, 2)
        print("|", " | ".join((name, *figures)), f"| {seconds[name] / seconds[first]:.2f} |")
