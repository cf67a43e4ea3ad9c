"""Nothing is sent anywhere, and nothing is kept of what was heard: not by us, and not by what we are built on."""

import os
import subprocess

from tests.cli.conftest import COMMAND


def test_a_home_stays_empty(tmp_path):
    names = {
        name: str(tmp_path) for name in ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
    }
    kept = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    sample = "speech2text/default_bundle/sample.flac"
    done = subprocess.run(
        [*COMMAND, "transcribe", sample], env=kept | names, capture_output=True, text=True, check=True
    )
    assert done.stdout
    assert done.stderr == ""
    assert list(tmp_path.rglob("*")) == []
