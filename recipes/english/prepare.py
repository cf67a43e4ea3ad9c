"""Manifests of the English recipe out of the data folder: train, dev, and the noise that training mixes in.

prepare(SOURCE, OUT) writes OUT/train.jsonl, OUT/dev.jsonl and OUT/noise.jsonl; nothing is copied, the rows point
to the recordings in SOURCE.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from speech2text.errors import ManifestError

TRAIN = ("en_train.jsonl", "en_extra.jsonl", "digits_train.jsonl")
DEV = ("en_dev.jsonl", "digits_dev.jsonl")
NOISE = ("noise.jsonl",)
VALIDATION_FOLD = 5
"""This fold of the noise is never trained on, so that silence can be checked on recordings the model has not heard."""

Row = dict[str, Any]


def prepare(source: Path, out: Path) -> None:
    """Write the manifests of the data folder `source` to `out`.

    Raises:
        ManifestError: a manifest is missing in `source`.
    """
    out.mkdir(parents=True, exist_ok=True)
    _write(out / "train.jsonl", _rows(source, TRAIN))
    _write(out / "dev.jsonl", _rows(source, DEV))
    _write(out / "noise.jsonl", _rows(source, NOISE, lambda row: row["fold"] != VALIDATION_FOLD))


def _rows(source: Path, names: tuple[str, ...], wanted: Callable[[Row], bool] = lambda row: True) -> Iterator[Row]:
    for name in names:
        file = source / name
        if not file.is_file():
            raise ManifestError(f"{file}: missing; --data must be the folder that holds {', '.join(TRAIN)}")
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if wanted(row):
                yield {**row, "audio": str((source / row["audio"]).resolve())}


def _write(file: Path, rows: Iterator[Row]) -> None:
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
