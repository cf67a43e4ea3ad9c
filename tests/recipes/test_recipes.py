"""Every recipe of the project is valid and says what its models' cards need."""

from __future__ import annotations

from pathlib import Path

import pytest

from speech2text.training.recipe import DEFAULT_RECIPE, read_recipe

RECIPES = sorted(file.parent for file in (Path(__file__).parents[2] / "recipes").glob("*/recipe.toml"))


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
