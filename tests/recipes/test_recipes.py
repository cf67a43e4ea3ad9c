"""Every recipe of the project is valid and says what its models' cards need; the English one's prepare step."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from speech2text.audio.manifest import read_utterances
from speech2text.errors import ManifestError
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


def test_english_without_a_manifest_names_it(english, source, tmp_path):
    (source / "en_extra.jsonl").unlink()
    with pytest.raises(ManifestError, match=r"en_extra\.jsonl: missing; --data must be the folder that holds"):
        english.prepare(source, tmp_path / "out")
