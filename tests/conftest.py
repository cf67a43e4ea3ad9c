"""A small model that knows ten utterances by heart, trained by the real command, and only if a test asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from tests import songs

settings.register_profile("shared processors", deadline=None)  # how long an example takes says nothing of its result
settings.load_profile("shared processors")


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of recordings with a .txt beside each."""
    return songs.write_recordings(tmp_path_factory.mktemp("recordings"))


@pytest.fixture(scope="session")
def run(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that learned the recordings by heart."""
    return songs.learn(recordings, tmp_path_factory.mktemp("runs") / "songs")


@pytest.fixture(scope="session")
def fp32(run: Path) -> Path:
    """The folder of its bundle."""
    return songs.export(run, run.with_name("fp32"))
