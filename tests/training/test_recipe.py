"""Recipes: what is wrong with one is said before anything runs."""

from __future__ import annotations

import json

import pytest

from speech2text.errors import RecipeError
from speech2text.training.recipe import DEFAULT_RECIPE, read_recipe, recipe_from_json
from tests.training.tiny import tiny_recipe

GOOD = 'name = "x"\ndescription = "y"\nlanguages = ["en"]\nlicence = "z"\n'


def complaint(path, *changes):
    with pytest.raises(RecipeError) as error:
        read_recipe(path, changes)
    message = str(error.value)
    assert "\n" not in message
    return message


@pytest.fixture
def file(tmp_path):
    return tmp_path / "recipe.toml"


@pytest.mark.parametrize(
    ("lines", "key", "nearest"),
    [
        ("dscription = 'y'", "dscription", "description"),
        ("steps = 3", "steps", "training.steps"),
        ("[trainign]\nsteps = 3", "trainign", "training"),
        ("[training]\nstpes = 3", "training.stpes", "training.steps"),
        ("[training]\nctc_wieght = 0.1", "training.ctc_wieght", "training.ctc_weight"),
        ("[decoding]\nctc_wieght = 0.1", "decoding.ctc_wieght", "decoding.ctc_weight"),
        ("[decoding]\nlm_wieght = 0.1", "decoding.lm_wieght", "decoding.lm_weight"),
        ("[decoding]\nspeach_threshold = 0.1", "decoding.speach_threshold", "decoding.speech_threshold"),
        ("[decoding]\nbeam = 4", "decoding.beam", "decoding.beam_size"),
        ("[model]\nlearning_rates = 0.1", "model.learning_rates", "training.learning_rate"),
        ("[[credits]]\nname = 'a'\nlicense = 'b'", "credits.0.license", "credits.licence"),
        ("[training.sead]\nx = 1", "training.sead", "training.seed"),
    ],
)
def test_an_unknown_key_is_named_with_its_file_and_the_nearest_known_key(file, lines, key, nearest):
    file.write_text(GOOD + lines)
    assert complaint(file) == f"{file}: unknown key '{key}'; the nearest known key is '{nearest}'"


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        ("[training]\nsteps = '100'", "training.steps"),
        ("[training]\nsteps = 1.5", "training.steps"),
        ("[training]\nsteps = true", "training.steps"),
        ("[training]\nsteps = 2020-01-01", "training.steps"),
        ("prepare = 'yes'", "prepare"),
        ("training = 3", "training"),
        ("[data]\ntrain = 'a.jsonl'", "data.train"),
        ("[data]\nnoise = ['a.jsonl']", "data.noise"),
        ("[augmentation]\nspeeds = [1.0, 'fast']", "augmentation.speeds.1"),
        ("[[credits]]\nname = 'a'\nlicence = 'b'\nhours = 'many'", "credits.0.hours"),
    ],
)
def test_a_wrong_type_names_the_key_and_the_file(file, lines, key):
    file.write_text(GOOD + lines)
    assert complaint(file).startswith(f"{file}: '{key}' cannot be ")


@pytest.mark.parametrize(
    "change",
    [
        "name=../elsewhere",
        "name=",
        "data.train=[]",
        "data.dev_share=1",
        "data.longest_seconds=0",
        "tokenizer.kind=words",
        "augmentation.gain_db=[-12, 10000]",
        "tokenizer.size=3",
        "model.plain_layers=0",
        "model.dropout=1.0",
        "augmentation.speeds=[]",
        "augmentation.speeds=[0]",
        "augmentation.gain_db=[1]",
        "augmentation.noise_share=1.1",
        "augmentation.frequency_mask_bins=81",
        "training.seed=-1",
        "training.seed=2147483648",
        "training.steps=0",
        "training.learning_rate=nan",
        "training.clip=inf",
        "training.chunk_seconds=[]",
        "training.chunk_seconds=[-0.3]",
        "training.precision=fp16",
        "decoding.beam_size=0",
        "decoding.ctc_weight=1.1",
        "decoding.length_bonus=inf",
        "decoding.length_normalization=-0.1",
        "decoding.beam_threshold=-1",
        "decoding.end_threshold=nan",
        "decoding.coverage_weight=-1",
        "decoding.lm_weight=inf",
        "decoding.speech_threshold=nan",
        "decoding.speech_threshold=low",
    ],
)
def test_an_impossible_value_names_its_key(change):
    source, _, fault = complaint(DEFAULT_RECIPE, change).partition(": ")
    assert source == f"{DEFAULT_RECIPE} --set {change}"
    assert f"'{change.split('=')[0]}" in fault


def test_sizes_that_do_not_fit_together_are_refused():
    assert "heads (3) must divide memory (256)" in complaint(DEFAULT_RECIPE, "model.heads=3")
    assert "make memory frames of 1.28 s, and 1 s is the most" in complaint(DEFAULT_RECIPE, "model.pyramid_layers=6")


def test_a_missing_key_is_named(file):
    file.write_text("name = 'x'\n")
    assert complaint(file) == f"{file}: the key 'description' is missing"


def test_a_file_that_is_no_toml_is_named_with_the_place(file):
    file.write_text(GOOD + "steps = = 3")
    message = complaint(file)
    assert message.startswith(f"{file}: not TOML: ")
    assert "line 5" in message


def test_a_mark_of_byte_order_is_no_part_of_a_recipe(file):
    file.write_text(GOOD, encoding="utf-8-sig")
    assert read_recipe(file).name == "x"


def test_a_file_that_is_no_text_is_refused(file):
    file.write_bytes(b"\xff\xfe\x00")
    assert complaint(file).startswith(f"{file}: not TOML: ")


def test_a_missing_recipe_is_named_with_what_to_give(tmp_path):
    assert complaint(tmp_path / "none.toml") == (
        f"{tmp_path}/none.toml: no such recipe; give a folder with a recipe.toml or a TOML file"
    )
    assert complaint(tmp_path).startswith(f"{tmp_path}/recipe.toml: no such recipe")


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("training.steps=7", 7),
        ("training.learning_rate=1", 1.0),
        ("augmentation.speeds=[1.0, 1.2]", (1.0, 1.2)),
        ("tokenizer.kind=bpe", "bpe"),
        ("tokenizer.kind='bpe'", "bpe"),
        ("data.noise=noise.jsonl", "noise.jsonl"),
        ("description=Mine = yours", "Mine = yours"),
        ("description=" + "[" * 6000, "[" * 6000),
    ],
)
def test_set_changes_one_value(change, value):
    recipe = read_recipe(DEFAULT_RECIPE, [change])
    for part in change.split("=")[0].strip().split("."):
        recipe = getattr(recipe, part)
    assert recipe == value


def test_the_last_of_two_changes_wins():
    assert read_recipe(DEFAULT_RECIPE, ["training.steps=7", "training.steps=8"]).training.steps == 8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("training.steps", "write it as section.key=value"),
        ("name.steps=3", "'name' is no section"),
        ("training.stpes=3", "the nearest known key is 'training.steps'"),
    ],
)
def test_a_change_that_cannot_be_made_is_named(change, message):
    found = complaint(DEFAULT_RECIPE, change)
    assert f"--set {change}: " in found
    assert message in found


def test_a_run_keeps_its_recipe_as_json(tmp_path):
    recipe = tiny_recipe("training.seed=5", "data.noise=hum", "credits=[{name='a', hours=1, licence='b'}]")
    (tmp_path / "recipe.json").write_text(recipe.to_json())
    assert recipe_from_json(tmp_path / "recipe.json") == recipe


@pytest.mark.parametrize("content", [None, b"", b'{"name": "x', b"\xff"])
def test_the_recipe_of_a_folder_that_is_no_run_is_missing_or_damaged(tmp_path, content):
    file = tmp_path / "recipe.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(RecipeError, match=r"missing or damaged; is .* the folder of a training run"):
        recipe_from_json(file)


def test_a_file_is_not_the_folder_of_a_run(tmp_path):
    (tmp_path / "model.bin").touch()
    with pytest.raises(RecipeError, match=r"is .*model\.bin the folder of a training run"):
        recipe_from_json(tmp_path / "model.bin" / "recipe.json")


def test_the_recipe_of_a_run_with_a_key_of_another_version_is_refused(tmp_path):
    file = tmp_path / "recipe.json"
    file.write_text(json.dumps({**json.loads(tiny_recipe().to_json()), "later": 1}))
    with pytest.raises(RecipeError, match="unknown key 'later'"):
        recipe_from_json(file)


@pytest.mark.parametrize(("seconds", "frames"), [(0.64, 64), (0.01, 4), (0.33, 32)])
def test_a_chunk_is_a_multiple_of_the_reduction(seconds, frames):
    assert tiny_recipe().chunk_frames(seconds) == frames
