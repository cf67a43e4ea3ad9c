"""Every recipe of the project is valid and says what its models' cards need; the English one's prepare step."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from speech2text.audio.manifest import read_utterances
from speech2text.errors import ManifestError, OutputError
from speech2text.training.recipe import DEFAULT_RECIPE, read_recipe

RECIPES = sorted(file.parent for file in (Path(__file__).parents[2] / "recipes").glob("*/recipe.toml"))
ENGLISH = Path(__file__).parents[2] / "recipes" / "english"


@pytest.mark.parametrize("folder", RECIPES, ids=lambda folder: folder.name)
def test_a_recipe_is_valid_and_credits_its_data(folder):
    recipe = read_recipe(folder)
    assert recipe.name == folder.name
    assert recipe.credits
    assert recipe.prepare == (folder / "prepare.py").is_file()


def test_the_packaged_recipe_takes_any_folder():
    recipe = read_recipe(DEFAULT_RECIPE)
    assert recipe.data.train == (".",)
    assert not recipe.prepare


@pytest.fixture(scope="module")
def english():
    spec = importlib.util.spec_from_file_location("english_prepare", ENGLISH / "prepare.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def source(tmp_path, english):
    folder = tmp_path / "source"
    folder.mkdir()
    for name in (*english.TRAIN, *english.DEV):
        row = {"id": name, "audio": f"audio/{name}.flac", "text": "Grüße"}
        (folder / name).write_text(json.dumps(row) + "\n", encoding="utf-8")
    noise = [{"id": f"n{fold}", "audio": f"noise/{fold}.wav", "fold": fold} for fold in range(1, 6)]
    (folder / "noise.jsonl").write_text("".join(json.dumps(row) + "\n" for row in noise))
    return folder


def test_english_manifests_point_to_the_recordings(english, source, tmp_path):
    english.prepare(source, tmp_path / "out")
    recipe = read_recipe(ENGLISH)
    train = read_utterances(tmp_path / "out" / recipe.data.train[0])
    dev = read_utterances(tmp_path / "out" / recipe.data.dev[0])
    assert [utterance.id for utterance in train] == list(english.TRAIN)
    assert [utterance.id for utterance in dev] == list(english.DEV)
    assert train[0].audio == source.resolve() / "audio" / f"{english.TRAIN[0]}.flac"
    assert train[0].text == "Grüße"


def test_english_noise_leaves_one_fold_for_checking(english, source, tmp_path):
    english.prepare(source, tmp_path / "out")
    noise = read_utterances(tmp_path / "out" / read_recipe(ENGLISH).data.noise, with_texts=False)
    assert [utterance.id for utterance in noise] == ["n1", "n2", "n3", "n4"]


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("en_extra.jsonl", "en_train.jsonl, en_extra.jsonl"),
        ("en_dev.jsonl", "en_dev.jsonl, digits_dev"),
        ("noise.jsonl", "noise"),
    ],
)
def test_english_without_a_manifest_names_it_and_its_group(english, source, tmp_path, name, group):
    (source / name).unlink()
    with pytest.raises(ManifestError, match=rf"{name}: missing; --data must be the folder that holds {group}"):
        english.prepare(source, tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("en_train.jsonl", "{", "en_train.jsonl:1: not JSON"),
        ("en_dev.jsonl", '{"text": "a"}', "en_dev.jsonl:1: 'audio' is missing"),
        ("noise.jsonl", '{"audio": "x.wav"}', r"noise.jsonl: .*x.wav has no 'fold'"),
    ],
)
def test_english_names_a_row_that_cannot_be_used(english, source, tmp_path, *, name, content, message):
    (source / name).write_text(content)
    with pytest.raises(ManifestError, match=message):
        english.prepare(source, tmp_path / "out")


def test_english_says_when_its_manifests_cannot_be_written(english, source, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file: cannot be made"):
        english.prepare(source, tmp_path / "file")
