"""The figures of a recipe: `python -m recipes.figures --bundle B [--bundle B2 ...] [--all] [--write] MANIFEST...`

Prints a Markdown table of word error rates by corpus, for the search of the transcribe command; `--all` adds greedy
search on each head alone, and chunks as in a stream. Several bundles, as of several seeds, get a row each and their
mean. Then comes the speed, on clips of 10 s of the first manifest's recordings. `--write` puts the rates and the
speed into the manifest and the card of the one bundle named, with a table of what CTC loses in chunks on that manifest.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np

from recipes.script import script
from speech2text import load_model
from speech2text.audio.files import read_audio
from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.audio.utterances import Utterance, read_utterances, set_name
from speech2text.bundle.manifest import ErrorRate
from speech2text.bundle.store import open_bundle
from speech2text.bundle.writer import check_destination
from speech2text.errors import ManifestError
from speech2text.evaluation.report import Summary, explain_marks, make_report, show_limits
from speech2text.evaluation.scoring import pair, score
from speech2text.runtime.options import SEARCHES, Search
from speech2text_export.bundling import write_with_card
from speech2text_export.comparison import error_rate

STREAM_CHUNK_SECONDS = 0.64
CARD_CHUNKS = (None, 1.28, 0.64, 0.32)
CLIP_SECONDS, CLIPS = 10, 20
FIGURES = """
## In chunks

The first text of a stream is that of CTC alone, heard in overlapping chunks; this is CTC alone on {stream_set}, greedy,
in separate ones:

{chunks}

## Figures

{speed}: all that `transcribe` does but reading the file.
recipes/figures.py recomputes this and every error rate above; recipes/{name}/README.md says how.
{doubts}"""
HEADER = "| set | corpus | search | heard | bundle | WER % | 95 % | words | sub | del | ins |"


@script
def main() -> None:
    """Print the table, and write the card if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifests", nargs="+", type=Path, metavar="MANIFEST")
    parser.add_argument("--bundle", action="append", required=True, dest="bundles", type=Path)
    parser.add_argument("--all", action="store_true", help="every search, whole and in chunks")
    parser.add_argument("--write", action="store_true", help="put the rates into the bundle")
    arguments = parser.parse_args()
    if arguments.write and len(arguments.bundles) != 1:
        parser.error("--write needs exactly one --bundle")
    _measure_all(arguments)


def _measure_all(arguments: argparse.Namespace) -> None:
    if arguments.write:
        check_destination(arguments.bundles[0])  # now, not after the work
    sets = _read(arguments.manifests)
    print(HEADER, "|---" * HEADER.count(" | ") + "|---|", sep="\n")
    judged: dict[str, Summary] = {}
    shown: list[Summary] = []
    for name, utterances in sets.items():
        for search, chunk in _ways(arguments.all):
            found = [_measure(bundle, utterances, search, chunk) for bundle in arguments.bundles]
            heard = f"in chunks of {chunk} s" if chunk else "as a file"
            for summaries in zip(*found, strict=True):
                _print_rows(name, f"{search} | {heard}", arguments.bundles, summaries)
                shown += summaries
            if (search, chunk) == ("joint", None):
                judged |= {f"{name}, {summary.name}": summary for summary in found[0]}
    print(*explain_marks(shown), sep="\n")
    stream_set, utterances = next(iter(sets.items()))
    factor = _real_time_factor(arguments.bundles[0], utterances)
    speed = f"Clips of {CLIP_SECONDS} s of speech take {factor:.4f} of their time on one thread"
    print(f"\n{speed}")
    if arguments.write:
        chunks = _chunk_table(arguments.bundles[0], utterances)
        print(f"\n{chunks}")
        facts = {"speed": speed, "chunks": chunks, "stream_set": stream_set, "doubts": _doubts(judged)}
        _write(arguments.bundles[0], {name: error_rate(summary) for name, summary in judged.items()}, facts)


def _read(manifests: Sequence[Path]) -> dict[str, list[Utterance]]:
    """The utterances of each manifest by the name that its figures have."""
    sets: dict[str, list[Utterance]] = {}
    for manifest in manifests:
        name = set_name(manifest)
        if name in sets:
            raise ManifestError(f"{manifest}: another set is called {name} too; rename one, for their figures")
        sets[name] = read_utterances(manifest)
    return sets


def _ways(every: bool) -> Iterator[tuple[Search, float | None]]:
    for chunk in (None, STREAM_CHUNK_SECONDS) if every else (None,):
        for search in SEARCHES if every else SEARCHES[:1]:
            yield search, chunk


def _measure(bundle: Path, utterances: Sequence[Utterance], search: Search, chunk: float | None) -> tuple[Summary, ...]:
    recognizer = load_model(bundle, search=search, chunk_seconds=chunk)
    heard = [pair(utterance, recognizer.transcribe(utterance.audio)) for utterance in utterances]
    report = make_report(score(heard))
    return report.corpora if all(utterance.corpus for utterance in utterances) else (report.total,)


def _print_rows(name: str, way: str, bundles: Sequence[Path], summaries: Sequence[Summary]) -> None:
    for bundle, summary in zip(bundles, summaries, strict=True):
        words, rate = summary.words, error_rate(summary)
        kinds = f"{words.substitutions} | {words.deletions} | {words.insertions}"
        figures = (f"{100 * rate.wer:.1f}", show_limits(summary.interval), rate.words, kinds)
        columns = (name, summary.name, way, bundle.name, *figures)
        print("|", " | ".join(map(str, columns)), "|", flush=True)
    if len(summaries) > 1:
        mean = sum(error_rate(summary).wer for summary in summaries) / len(summaries)
        print(f"| {name} | {summaries[0].name} | {way} | mean | {100 * mean:.1f} | | | | | |", flush=True)


def _chunk_table(bundle: Path, utterances: Sequence[Utterance]) -> str:
    """Error rates of CTC alone by corpus, for the whole utterance and for chunks."""
    columns = [
        {each.name: error_rate(each).wer for each in _measure(bundle, utterances, "ctc", chunk)}
        for chunk in CARD_CHUNKS
    ]
    heads = ["corpus", "whole", *(f"{chunk} s" for chunk in CARD_CHUNKS[1:])]
    rows = [[name, *(f"{100 * column[name]:.1f} %" for column in columns)] for name in columns[0]]
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _doubts(judged: Mapping[str, Summary]) -> str:
    """A line for each interval that is not to be trusted."""
    doubted = {name: each.interval.doubt for name, each in judged.items() if each.interval and each.interval.doubt}
    return "".join(f"\nThe 95 % interval of “{name}” is of {doubt}.\n" for name, doubt in doubted.items())


def _write(folder: Path, rates: dict[str, ErrorRate], facts: Mapping[str, str]) -> None:
    bundle = open_bundle(folder)
    figures = FIGURES.format(name=bundle.manifest.name, **facts)
    write_with_card(bundle, replace(bundle.manifest, wer=rates), figures)


def _real_time_factor(folder: Path, utterances: Sequence[Utterance]) -> float:
    """The median of clips that are made of the first recordings, one after the other."""
    recognizer = load_model(folder)
    wanted = CLIPS * CLIP_SECONDS * SAMPLE_RATE
    joined = np.zeros(0, np.float32)
    for utterance in utterances:
        if len(joined) >= wanted:
            break
        joined = np.concatenate([joined, read_audio(utterance.audio)])
    taken = []
    for clip in np.resize(joined, (CLIPS, CLIP_SECONDS * SAMPLE_RATE)):
        started = time.perf_counter()
        recognizer.transcribe(clip)
        taken.append(time.perf_counter() - started)
    return median(taken) / CLIP_SECONDS


if __name__ == "__main__":
    main()
