"""The commands that made the model inside the package are commands that there are."""

import json
import os
import subprocess
import sys
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import click
import pytest

from speech2text.cli.app import application
from speech2text.training.recipe import read_recipe

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a script of sh")

RUNS = Path("recipes/english/runs.sh")
RECORD = f"""#!{sys.executable}
import json, os, sys
with open(os.environ["RECORD"], "a") as file:
    file.write(json.dumps(sys.argv) + "\\n")
"""


@pytest.fixture(scope="module")
def commands(tmp_path_factory):
    """What the script runs: the name of each program and its arguments."""
    folder = tmp_path_factory.mktemp("programs")
    for name in ("speech2text", "torchrun", "python"):
        (folder / name).write_text(RECORD)
        (folder / name).chmod(0o755)
    record = folder / "record.jsonl"
    environment = os.environ | {"PATH": f"{folder}:/usr/bin:/bin", "RECORD": str(record)}
    subprocess.run(["sh", RUNS, "DATA"], env=environment, check=True)
    told = map(json.loads, record.read_text().splitlines())
    return [[Path(program).name, *arguments] for program, *arguments in told]


def read_recipe_of(command):
    changes = [value for option, value in pairwise(command) if option == "--set"]
    return read_recipe(Path(command[command.index("train") + 1]), changes)


def test_every_run_is_of_a_recipe_that_can_be_read(commands):
    trained = [command for command in commands if "train" in command]
    names = [command[command.index("--run") + 1] for command in trained]
    recipes = dict(zip(names, map(read_recipe_of, trained), strict=True))
    assert len(names) == len(set(names))
    origins = [command[command.index("--init-from") + 1] for command in trained if "--init-from" in command]
    exported = [command[3] for command in commands if command[:2] == ["speech2text", "export"]]
    averaged = [command[-1] for command in commands if "recipes.english.average" in command]
    assert set(origins) <= {*names, *exported, *averaged}
    without_lm = [command[2] for command in commands if command[1] == "export" and "--lm" not in command]
    assert without_lm
    assert not any(recipes[run].decoding.lm_weight for run in without_lm), "export would refuse it"


def test_every_script_is_there(commands):
    for _, *arguments in (command for command in commands if command[0] == "python"):
        if arguments[0] == "-m":
            module = import_module(arguments[1])
            source = Path(module.__file__).read_text()
            options = arguments[2:]
        else:
            source = Path(arguments[0]).read_text()
            options = arguments[1:]
        assert all(f'"{option}"' in source for option in options if option.startswith("--"))


def test_every_command_of_ours_takes_its_options(commands):
    alone = [command[1:] for command in commands if command[0] == "speech2text"]
    in_teams = [command[command.index("--") + 1 :] for command in commands if command[0] == "torchrun"]
    assert in_teams
    for name, *arguments in (*alone, *in_teams):
        command = application.get_command(click.Context(application), name)
        command.make_context(name, list(arguments))  # UsageError if it does not
