"""Manifests of the English recipe out of the data folder: train, dev, and the noise that training mixes in.

prepare(SOURCE, OUT) writes OUT/train.jsonl, OUT/dev.jsonl and OUT/noise.jsonl; nothing is copied, the rows point
to the recordings in SOURCE.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from speech2text.audio.utterances import read_utterances
from speech2text.disk import make_folder, write_rows
from speech2text.errors import ManifestError

TRAIN = ("en_train.jsonl", "en_extra.jsonl", "digits_train.jsonl")
DEV = ("en_dev.jsonl", "digits_dev.jsonl")
NOISE = ("noise.jsonl",)
MADE = ("games/manifest.jsonl", "synthetic/manifest.jsonl")
"""What the scripts games and synthesize.py make is trained on where the data folder has some."""
REPEATS = {
    "an4": 6,
    "alnum": 12,
    "fsdd": 4,
    "common_voice_en": 4,
    "common_voice_en_extra": 4,
    "speechocean762": 4,
    "flight_of_the_amazon_queen": 3,
    "beneath_a_steel_sky": 3,
    "drascula": 3,
    "synthetic-kokoro": 5,
}
"""How often an epoch hears each recording: the spelled and numeric corpora and the synthesiser with accents have few
hours, and people teach more than synthesisers do."""
VALIDATION_FOLD = 5
"""This fold of the noise is never trained on, so that silence can be checked on recordings the model has not heard."""

Row = dict[str, Any]


def prepare(source: Path, out: Path) -> None:
    """Write the manifests of the data folder `source` to `out`.

    Raises:
        ManifestError: a manifest is missing in `source`, or a row of it cannot be used.
        OutputError: `out` cannot be written.
    """
    make_folder(out)
    made = tuple(name for name in MADE if (source / name).is_file())
    write_rows(out / "train.jsonl", _repeated(_rows(source, (*TRAIN, *made))))
    write_rows(out / "dev.jsonl", _rows(source, DEV))
    write_rows(out / "noise.jsonl", _training_noise(source))


def _rows(source: Path, names: tuple[str, ...], with_texts: bool = True) -> Iterator[Row]:
    for name in names:
        file = source / name
        if not file.is_file():
            raise ManifestError(f"{file}: missing; --data must be the folder that holds {', '.join(names)}")
        for utterance in read_utterances(file, with_texts):
            place = {"id": utterance.id, "corpus": utterance.corpus, "audio": str(utterance.audio.resolve())}
            yield {**utterance.row, **place}


def _repeated(rows: Iterator[Row]) -> Iterator[Row]:
    for row in rows:
        yield row
        for repeat in range(2, REPEATS.get(row["corpus"], 1) + 1):
            yield {**row, "id": f"{row['id']} ({repeat})"}


def _training_noise(source: Path) -> Iterator[Row]:
    for row in _rows(source, NOISE, with_texts=False):
        if not isinstance(row.get("fold"), int):
            raise ManifestError(f"{source / NOISE[0]}: {row['audio']} has no number as 'fold'; give it one, 1 to 5")
        if row["fold"] != VALIDATION_FOLD:
            yield row
