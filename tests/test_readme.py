"""The README is true: its commands run as they stand and print what it shows, and what it links to is there."""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import click
import pytest

from speech2text.cli.app import COMMANDS, application
from speech2text.training.recipe import DEFAULT_RECIPE, read_recipe
from tests import songs

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = (README, ROOT / "export" / "README.md", *sorted(ROOT.glob("recipes/*/README.md")))

NOT_RUN = {
    "python3 -m venv .venv": "these tests run in an environment that was made so",
    ".venv/bin/pip install -q .": "installs what these tests already use",
    ".venv/bin/pip install -q -e '.[dev]'": "installs what these tests already use",
    ".venv/bin/pytest": "runs these tests",
    "pip install '.[train]'": "installs what these tests already use",
    "pip install '.[mic]'": "installs what these tests already use",
    "speech2text listen --list-devices": "needs the system's sound library; the tests of the command have the devices",
    "pip install '.[serve]'": "installs what these tests already use",
    "speech2text serve": "serves until it is stopped; the tests of the command do both",
    "pip install '.[html]'": "installs what these tests already use",
    "speech2text export runs/mine my-own-bundle --lm default": "needs a run of minutes, and is like the one below",
    "speech2text evaluate my-test --model my-own-bundle --against default": "needs the bundle of that run",
    "torchrun --nproc-per-node 2 -m speech2text -- train --data my-recordings": "trains for hours, see test_team.py",
}
"""Commands of the README that are not run here, and why."""

STOPPED = {
    "speech2text train --data my-recordings": "trains for hours: it must begin, and stop when asked to",
    "speech2text train --init-from default --data my-recordings --run runs/mine": "trains for minutes, likewise",
}

WITHOUT_DATA = {
    "speech2text train recipes/an4 --data an4_sphere.tar.gz --set training.seed=2": (
        "AN4 is not ours to pass on: what the command says must be that alone, so its options and its recipe are right"
    )
}


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and what the README shows right below as its output."""

    language: str
    text: str
    output: str | None


def read_blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = list(re.finditer(r"^```(\w*)\n(.*?)^```\n", text, re.MULTILINE | re.DOTALL))
    blocks = []
    for block, following in zip_longest(found, found[1:]):
        next_is_output = following and following[1] == "text" and not text[block.end() : following.start()].strip()
        blocks.append(Block(block[1], block[2], following[2] if following and next_is_output else None))
    return blocks


def commands(page: Path) -> list[tuple[str, str | None]]:
    """Each shell command of a page with what the last of its block must print."""
    found: list[tuple[str, str | None]] = []
    for block in read_blocks(page):
        if block.language == "sh":
            lines = block.text.replace("\\\n", " ").splitlines()
            parts = [part.strip() for line in lines for part in line.split("&&") if part.strip()]
            parts = [part for part in parts if not part.startswith("#")]
            found += [(part, None) for part in parts[:-1]] + [(parts[-1], block.output)]
    return found


def is_run(command: str) -> bool:
    return command not in NOT_RUN and command not in STOPPED and command not in WITHOUT_DATA


@pytest.fixture(scope="module")
def clone(tmp_path_factory, recordings, run, fp32):
    """A folder that looks like a clone where somebody has trained: the README's paths lead somewhere."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("speech2text", "recipes"):
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").mkdir()
    (folder / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    (folder / "runs").mkdir()
    (folder / "runs" / "my-model").symlink_to(run)
    (folder / "my-recordings").symlink_to(recordings)
    shutil.copytree(fp32, folder / "my-bundle")
    shutil.copy(recordings / "two.wav", folder / "talk.wav")
    for recording in recordings.glob("*.wav"):
        (folder / recording.name).symlink_to(recording)
    for manifest in ("test.jsonl", "dev.jsonl"):
        shutil.copy(recordings / "all.jsonl", folder / manifest)
    return folder


def shell(command: str, folder: Path) -> subprocess.Popen[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # as in an environment that is active
    return subprocess.Popen(
        f"exec {command}",
        shell=True,
        cwd=folder,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_what_is_not_run_is_in_the_readme():
    written = {command for command, _ in commands(README)}
    assert {*NOT_RUN, *STOPPED, *WITHOUT_DATA} <= written


@pytest.mark.parametrize(("command", "output"), [pair for pair in commands(README) if is_run(pair[0])], ids=str)
def test_a_command_runs_as_it_stands_and_prints_what_is_shown(clone, command, output):
    process = shell(command, clone)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    assert output is None or stdout.strip() == output.strip()


@pytest.mark.parametrize("command", STOPPED)
def test_a_long_command_begins_and_stops(command, recordings, tmp_path):
    (tmp_path / "my-recordings").symlink_to(recordings)
    process = shell(command, tmp_path)
    assert process.stderr is not None
    name = "my-fine-tuned-model" if "--init-from" in command else "my-model"
    assert process.stderr.readline().startswith(f"{name}: {len(songs.TEXTS) - 1} utterances, ")
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in stderr


@pytest.mark.parametrize("command", WITHOUT_DATA)
def test_a_command_without_its_data_names_what_is_missing(clone, command):
    words = shlex.split(command)
    process = shell(command, clone)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert stderr.startswith(f"error: {words[words.index('--data') + 1]}: ")
    assert stderr.count("\n") == 1


@pytest.mark.parametrize("block", [block for block in read_blocks(README) if block.language == "python"])
def test_the_python_example_runs(clone, monkeypatch, block):
    monkeypatch.chdir(clone)
    shown = io.StringIO()
    with redirect_stdout(shown):
        exec(compile(block.text, "README.md", "exec"), {})
    assert shown.getvalue().strip()
    assert block.output is None or shown.getvalue().strip() == block.output.strip()


def relative(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_what_a_page_links_to_is_there(page):
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


def test_every_recipe_has_a_page():
    folders = {file.parent for file in ROOT.glob("recipes/*/recipe.toml")}
    assert folders
    assert folders == {page.parent for page in PAGES if page.parent.parent.name == "recipes"}


def our_commands() -> list[tuple[Path, str]]:
    """Every `speech2text` command in the shell blocks of all pages, and those named in the midst of a text."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        prose = re.sub(r"^```.*?^```\n", "", text, flags=re.MULTILINE | re.DOTALL)
        named = [command.replace("\n", " ") for command in re.findall(r"`(speech2text\s[^`]*)`", prose)]
        parts = [part for command, _ in commands(page) for part in re.split(r"[;|]", command)]
        program = re.compile(r"^\s*(do )?((\.venv/bin/)?speech2text |torchrun .*-m speech2text -- |\$TEAM )")
        found += [(page, program.sub("", command)) for command in [*parts, *named] if program.match(command)]
    return found


@pytest.mark.parametrize(("page", "command"), our_commands(), ids=lambda part: part if isinstance(part, str) else "")
def test_the_options_and_recipes_of_a_command_exist(page, command):
    words = shlex.split(re.sub(r"\$\{?\w+\}?", "1", command), comments=True)  # the seed of a loop, for example
    name = next((word for word in words if not word.startswith("-")), None)
    found = application.get_command(click.Context(application), name) if name else application
    assert found is not None, f"{relative(page)}: no command {name!r}"
    known = {option for parameter in found.params for option in parameter.opts} | {"--help"}
    assert {word.split("=")[0] for word in words if word.startswith("--")} <= known
    if name == "train":  # in the midst of a text it may lack its arguments
        given = found.make_context(name, words[1:], resilient_parsing=True).params
        read_recipe(ROOT / given["recipe"] if given["recipe"] else DEFAULT_RECIPE, given["changes"] or ())


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_the_files_that_commands_name_exist(page):
    words = [word for command, _ in commands(page) for word in shlex.split(command, comments=True)]
    ours = [word for word in words if re.match(r"(recipes|speech2text|export|tests|\.ci)/", word)]
    assert [word for word in ours if not (ROOT / word).exists()] == []


def test_every_option_in_the_readme_is_one_of_ours():
    named = set(re.findall(r"`(--[a-z0-9-]+)", README.read_text(encoding="utf-8")))
    contexts = [application.get_command(click.Context(application), name) for name in COMMANDS]
    known = {option for command in contexts if command for parameter in command.params for option in parameter.opts}
    assert named <= known


def test_the_extras_that_pip_is_asked_for_exist():
    extras = set(re.findall(r"(?:speech2text|\.)\[(\w+)\]", README.read_text(encoding="utf-8")))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert extras <= set(project["optional-dependencies"])


def test_the_folders_of_the_package_are_all_told_of():
    text = README.read_text(encoding="utf-8")
    folders = {file.parent.name for file in (ROOT / "speech2text").glob("*/__init__.py")}
    assert {folder for folder in folders if f"`{folder}/`" not in text} == set()
