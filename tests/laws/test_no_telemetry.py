"""Nothing is sent anywhere, and nothing is kept of what was heard: not by us, and not by what we are built on."""

import os
import subprocess
import sys

import pytest

from tests.cli.conftest import COMMAND

HOMES = ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")


@pytest.mark.parametrize(
    "command",
    [
        [*COMMAND, "transcribe", "speech2text/default_bundle/sample.flac"],
        [sys.executable, "-c", "import speech2text_export.quantization"],
    ],
)
def test_a_home_stays_empty(tmp_path, command):
    kept = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    done = subprocess.run(
        command, env=kept | dict.fromkeys(HOMES, str(tmp_path)), capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert list(tmp_path.rglob("*")) == []
