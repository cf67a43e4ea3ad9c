"""Silence around a recording: `python -m recipes.measurements.edges MANIFEST.jsonl [...] [--bundle BUNDLE]`

Prints the word error rate by corpus when recordings are heard as they are, and between two moments of silence as the
runtime hears them, once. The guards against silence and loops are left out of both: they would take words away.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from recipes.measurements.manifests import make_parser, read_all
from recipes.script import script
from speech2text import Recognizer, load_model
from speech2text.audio.files import read_audio
from speech2text.decoding.protocols import FloatArray, Memory
from speech2text.evaluation.error_rate import Counts, count_words, total
from speech2text.text.normalization import normalize


@script
def main() -> None:
    """Print the figures."""
    parser = make_parser(__doc__)
    arguments = parser.parse_args()
    recognizer = load_model(arguments.bundle, other_speeds=())
    bare: defaultdict[str, list[Counts]] = defaultdict(list)
    quiet: defaultdict[str, list[Counts]] = defaultdict(list)
    for utterance in read_all(arguments.manifests):
        samples = read_audio(utterance.audio)
        reference = normalize(utterance.text, utterance.language)
        for counts, memory in ((bare, _bare(recognizer, samples)), (quiet, recognizer.listener.listen(samples))):
            counts[utterance.corpus] += count_words([reference], [_text(recognizer, memory, utterance.language)])
    print("| corpus | words | WER as it is, % | between silences, % |\n|---|---|---|---|")
    for corpus in bare:
        without, between = total(bare[corpus]), total(quiet[corpus])
        rates = " | ".join("-" if each.rate is None else f"{100 * each.rate:.2f}" for each in (without, between))
        print(f"| {corpus} | {without.reference} | {rates} |")


def _bare(recognizer: Recognizer, samples: FloatArray) -> Memory:
    listener = recognizer.listener
    return listener.hear(samples, {name: np.zeros_like(values) for name, values in listener.start().items()})[0]


def _text(recognizer: Recognizer, memory: Memory, language: str) -> str:
    return normalize(recognizer.tokenizer.decode(recognizer.spell(memory)[0].tokens), language)


if __name__ == "__main__":
    main()
