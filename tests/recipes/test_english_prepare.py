"""The English recipe finds its sets in a data folder."""

from __future__ import annotations

import json
import runpy
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from speech2text.errors import ManifestError

PREPARE = Path(__file__).parents[2] / "recipes" / "english" / "prepare.py"


@pytest.fixture
def prepare() -> Callable[[Path, Path], None]:
    return runpy.run_path(str(PREPARE))["prepare"]  # type: ignore[no-any-return]


def write_manifest(file: Path, *corpora: str, **more: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = []
    for index, corpus in enumerate(corpora):
        audio = file.with_name(f"{file.stem}-{index}.wav")
        audio.write_bytes(b"")
        row = {"id": audio.stem, "audio": audio.name, "text": "one two", "speaker": "a", "corpus": corpus}
        rows.append(json.dumps(row | {"duration": 1.0, "lang": "en"} | more))
    file.write_text("\n".join(rows))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    write_manifest(folder / "en_train.jsonl", "an4", "ljspeech", "alnum")
    write_manifest(folder / "en_extra.jsonl", "common_voice_en_extra")
    write_manifest(folder / "digits_train.jsonl", "fsdd")
    write_manifest(folder / "en_dev.jsonl", "an4")
    write_manifest(folder / "digits_dev.jsonl", "fsdd")
    write_manifest(folder / "noise.jsonl", "noise", fold=1)
    return folder


def heard(manifest: Path) -> Counter[str]:
    return Counter(json.loads(line)["corpus"] for line in manifest.read_text().splitlines())


def test_some_corpora_are_heard_more_often_in_training_only(data, tmp_path, prepare):
    prepare(data, tmp_path / "out")
    train = {"an4": 4, "alnum": 8, "fsdd": 2, "ljspeech": 1, "common_voice_en_extra": 2}
    assert heard(tmp_path / "out" / "train.jsonl") == train
    assert heard(tmp_path / "out" / "dev.jsonl") == {"an4": 1, "fsdd": 1}
    rows = [json.loads(line) for line in (tmp_path / "out" / "train.jsonl").read_text().splitlines()]
    assert len({row["id"] for row in rows}) == len(rows)


def test_synthetic_speech_is_used_where_there_is_some(data, tmp_path, prepare):
    write_manifest(data / "synthetic" / "manifest.jsonl", "synthetic-flite")
    prepare(data, tmp_path / "out")
    row = json.loads((tmp_path / "out" / "train.jsonl").read_text().splitlines()[-1])
    assert (row["corpus"], row["audio"]) == ("synthetic-flite", str(data / "synthetic" / "manifest-0.wav"))


def test_a_missing_manifest_is_named(data, tmp_path, prepare):
    (data / "en_extra.jsonl").unlink()
    with pytest.raises(ManifestError, match=r"en_extra\.jsonl: missing"):
        prepare(data, tmp_path / "out")
