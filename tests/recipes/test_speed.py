"""The comparison of speeds works with whatever is installed."""

import json

import pytest

from recipes.measurements import speed
from tests.tiny_bundle import write_tiny_bundle


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return write_tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny").folder


@pytest.fixture
def manifest(tiny, tmp_path):
    path = tmp_path / "spoken.jsonl"
    path.write_text(json.dumps({"audio": str(tiny / "sample.flac"), "text": "one two three"}) + "\n")
    return path


def test_clips_have_their_length_and_go_on_when_the_manifest_ends(manifest):
    first, second = speed._clips(manifest, 2, 2)
    assert len(first) == len(second) == 2 * speed.SAMPLE_RATE
    assert first.any() and second.any()


def test_tables_for_the_bundle_alone(manifest, tiny, monkeypatch, capsys):
    for other in ("faster_whisper", "pocketsphinx"):
        monkeypatch.setitem(speed.sys.modules, other, None)  # as if it were not installed
    arguments = ["speed", str(manifest), "--bundle", str(tiny), "--rounds", "1", "--files", "2"]
    monkeypatch.setattr(speed.sys, "argv", arguments)
    speed.main()
    shown = capsys.readouterr().out
    assert shown.count("| attention | ") == 2
    assert shown.count("not measured: faster_whisper is not installed") == 2
    assert shown.count("not measured: pocketsphinx is not installed") == 2
    assert "| two cores |" in shown
