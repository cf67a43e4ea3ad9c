"""The English recipe finds its sets in a data folder."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from recipes.english import prepare as english
from speech2text.audio.utterances import read_utterances
from speech2text.errors import ManifestError, OutputError
from speech2text.training.recipe import read_recipe

RECIPE = read_recipe(Path(english.__file__).parent)


def write_manifest(file: Path, *corpora: str, **columns: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = []
    for index, corpus in enumerate(corpora):
        audio = f"{file.stem}-{index}.wav"
        row = {"id": Path(audio).stem, "audio": audio, "text": "Grüße", "speaker": "a", "corpus": corpus}
        rows.append(json.dumps(row | {name: values[index] for name, values in columns.items()}))
    file.write_text("\n".join(rows), encoding="utf-8")


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    write_manifest(folder / "en_train.jsonl", "an4", "ljspeech", "alnum")
    write_manifest(folder / "en_extra.jsonl", "common_voice_en_extra")
    write_manifest(folder / "digits_train.jsonl", "fsdd")
    write_manifest(folder / "en_dev.jsonl", "an4")
    write_manifest(folder / "digits_dev.jsonl", "fsdd")
    write_manifest(folder / "noise.jsonl", *["noise"] * 5, fold=[1, 2, 3, 4, 5])
    return folder


def heard(manifest: Path) -> Counter[str]:
    return Counter(json.loads(line)["corpus"] for line in manifest.read_text().splitlines())


def test_some_corpora_are_heard_more_often_in_training_only(source, tmp_path):
    english.prepare(source, tmp_path / "out")
    often = {corpus: english.REPEATS[corpus] for corpus in ("an4", "alnum", "fsdd", "common_voice_en_extra")}
    assert min(often.values()) > 1
    train = {"ljspeech": 1, **often}
    assert heard(tmp_path / "out" / RECIPE.data.train[0]) == train
    assert heard(tmp_path / "out" / RECIPE.data.dev[0]) == {"an4": 1, "fsdd": 1}


def test_manifests_point_to_the_recordings(source, tmp_path):
    english.prepare(source, tmp_path / "out")
    train = read_utterances(tmp_path / "out" / RECIPE.data.train[0])  # whose ids are its own
    assert train[0].audio == source.resolve() / "en_train-0.wav"
    assert train[0].text == "Grüße"


def test_rows_without_a_label_are_heard_like_the_others(source, tmp_path):
    """Their id is then the name of their audio, as in any manifest."""
    rows = [{"id": None, "audio": f"{index}.wav", "text": "a", "corpus": corpus} for index, corpus in enumerate("ab")]
    rows += [{"audio": "2.wav", "text": "a"}, {"audio": "3.wav", "text": "a", "corpus": ["an4"]}]
    rows += [{"audio": f"{index}.wav", "text": "a", "id": None, "corpus": "an4"} for index in (4, 5)]
    (source / "en_train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    english.prepare(source, tmp_path / "out")
    train = read_utterances(tmp_path / "out" / RECIPE.data.train[0])
    assert Counter(each.audio.name for each in train)["5.wav"] == english.REPEATS["an4"]
    assert len({each.id for each in train}) == len(train)


@pytest.mark.parametrize(("made", "corpus"), [("synthetic", "synthetic-flite"), ("games", "a_game")])
def test_speech_that_was_made_is_used_where_there_is_some(source, tmp_path, made, corpus):
    write_manifest(source / made / "manifest.jsonl", corpus)
    english.prepare(source, tmp_path / "out")
    row = json.loads((tmp_path / "out" / "train.jsonl").read_text().splitlines()[-1])
    assert (row["corpus"], row["audio"]) == (corpus, str(source / made / "manifest-0.wav"))


def test_noise_leaves_one_fold_for_checking(source, tmp_path):
    english.prepare(source, tmp_path / "out")
    noise = read_utterances(tmp_path / "out" / RECIPE.data.noise, with_texts=False)
    assert [utterance.id for utterance in noise] == ["noise-0", "noise-1", "noise-2", "noise-3"]


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("en_extra.jsonl", "en_train.jsonl, en_extra.jsonl"),
        ("en_dev.jsonl", "en_dev.jsonl, digits_dev"),
        ("noise.jsonl", "noise"),
    ],
)
def test_a_missing_manifest_is_named_with_its_group(source, tmp_path, name, group):
    (source / name).unlink()
    with pytest.raises(ManifestError, match=rf"{name}: missing; --data must be the folder that holds {group}"):
        english.prepare(source, tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("en_train.jsonl", "{", "en_train.jsonl:1: not JSON"),
        ("en_dev.jsonl", '{"text": "a"}', "en_dev.jsonl:1: 'audio' is missing"),
        ("noise.jsonl", '{"audio": "x.wav"}', r"noise.jsonl: .*x.wav has no number as 'fold'"),
        ("noise.jsonl", '{"audio": "x.wav", "fold": "5"}', r"noise.jsonl: .*x.wav has no number as 'fold'"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(source, tmp_path, *, name, content, message):
    (source / name).write_text(content)
    with pytest.raises(ManifestError, match=message):
        english.prepare(source, tmp_path / "out")


def test_manifests_that_cannot_be_written_are_told(source, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file: cannot be made"):
        english.prepare(source, tmp_path / "file")
