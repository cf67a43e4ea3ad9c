"""The tiny bundle and a way to run commands in a process of their own, as people do."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny_bundle import write_tiny_bundle

COMMAND = (sys.executable, "-c", "from speech2text.cli.app import main; main()")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """The folder of the tiny bundle."""
    return write_tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny").folder


@pytest.fixture
def speech2text(tmp_path):
    """Runs `speech2text ARGUMENTS` in an empty folder; gives the finished process with its texts."""

    def run(*arguments, **options):
        settings = {"capture_output": "stdout" not in options, "text": True, "timeout": 60, "cwd": tmp_path}
        return subprocess.run([*COMMAND, *map(str, arguments)], check=False, **{**settings, **options})

    return run


@pytest.fixture
def full_disk():
    """A device that never has space."""
    path = Path("/dev/full")
    if not path.exists():
        pytest.skip("this system has no /dev/full")
    with path.open("w") as device:
        yield device
