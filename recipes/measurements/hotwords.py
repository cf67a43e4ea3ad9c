"""What hot words do: `python -m recipes.measurements.hotwords [--bundle BUNDLE] MANIFEST.jsonl [...]`

Takes as hot words the rare words of the manifests: those of at least four letters that stand in one or two utterances
of all. So every utterance has few of them, or none, and the many others are distractors, as in a list of the names of a
company. For several scores prints how many of the hot words that were said were recognised, how many were written that
nobody said, and the word error rate. Words are compared as a bag within each utterance, which is heard once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from recipes.measurements.manifests import make_parser, read_all, references_of
from recipes.script import script
from speech2text import load_model
from speech2text.audio.files import read_audio
from speech2text.evaluation.error_rate import count_words, total
from speech2text.text.normalization import normalize

SCORES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
LEAST_LETTERS = 4
MOST_UTTERANCES = 2


@script
def main() -> None:
    """Print the table."""
    parser = make_parser(__doc__)
    arguments = parser.parse_args()
    utterances = read_all(arguments.manifests)
    references = references_of(utterances)
    hot = _find_rare(references)
    if not hot:
        parser.error(f"no word of MANIFEST has {LEAST_LETTERS} letters and is in {MOST_UTTERANCES} utterances at most")
    listener = load_model(arguments.bundle).listener
    memories = [listener.listen(read_audio(utterance.audio)) for utterance in utterances]
    said = sum(_count(reference, hot).total() for reference in references)
    print(f"{len(hot)} hot words, said {said} times in {len(utterances)} utterances\n")
    print("| score | recognised | written, not said | WER % |\n|---|---|---|---|")
    for score in SCORES:
        recognizer = load_model(arguments.bundle, hotwords=sorted(hot), hotwords_score=score, other_speeds=())
        decode = recognizer.tokenizer.decode
        texts = [
            normalize(decode(recognizer.spell(memory)[0].tokens), utterance.language)
            for memory, utterance in zip(memories, utterances, strict=True)
        ]
        pairs = [(_count(reference, hot), _count(text, hot)) for reference, text in zip(references, texts, strict=True)]
        recognised = sum((reference & text).total() for reference, text in pairs)
        invented = sum((text - reference).total() for reference, text in pairs)
        rate = total(count_words(references, texts)).rate or 0.0
        print(f"| {score:g} | {100 * recognised / said:.1f} % | {invented} | {100 * rate:.2f} |", flush=True)


def _find_rare(references: Sequence[str]) -> set[str]:
    utterances = Counter(word for reference in references for word in set(reference.split()))
    return {word for word, count in utterances.items() if len(word) >= LEAST_LETTERS and count <= MOST_UTTERANCES}


def _count(text: str, hot: set[str]) -> Counter[str]:
    return Counter(word for word in text.split() if word in hot)


if __name__ == "__main__":
    main()
