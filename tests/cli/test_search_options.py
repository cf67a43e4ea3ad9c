"""What the options of the search do to a transcript."""

import json
import re

import numpy as np
import pytest
import soundfile

from speech2text.bundle.writer import write_bundle
from tests.tiny_bundle import LEVELS, tiny_files, tiny_manifest, tone

RATE = 16_000


@pytest.fixture
def between(tmp_path):
    """A frame of sound between the loudness of "one" and of "two", a little nearer to "one", in silence."""
    level = LEVELS["one"] ** 0.52 * LEVELS["two"] ** 0.48
    sound = tone("", "", "", "", "one", "", "", "", seconds=0.04) * level / LEVELS["one"]
    soundfile.write(tmp_path / "x.wav", sound, RATE, subtype="FLOAT")


@pytest.fixture
def transcribe(speech2text, tiny):
    return lambda *arguments: speech2text("transcribe", "x.wav", "--model", tiny, *arguments)


def test_hot_words_are_preferred_and_their_score_counts(transcribe, between, tmp_path):
    (tmp_path / "hot.txt").write_text("\ufeff# numbers\n\n  Two \r\n", encoding="utf-8")
    assert transcribe().stdout == "one\n"
    assert transcribe("--hotwords-file", "hot.txt", "--hotwords-score", "2").stdout == "two\n"
    assert transcribe("--hotwords-file", "hot.txt", "--hotwords-score", "0").stdout == "one\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"two\none four\n", r"hot.txt:2: the model has no pieces to write 'four' with; .*"),
        (b"two\n?!\n", r"hot.txt:2: '\?!' has no letter; .*"),
        (b"# none\n", r"hot.txt: no hot word in it; .*"),
        (b"\xff\xfe", r"hot.txt: no text in UTF-8 .*"),
        (None, r"hot.txt: cannot be read \(No such file or directory\); .*"),
    ],
)
def test_hot_words_that_cannot_be_used_are_one_line(transcribe, between, tmp_path, content, message):
    if content is not None:
        (tmp_path / "hot.txt").write_bytes(content)
    done = transcribe("--hotwords-file", "hot.txt")
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(rf"error: {message}\n", done.stderr)


def test_n_best_lists_the_best_readings_with_their_scores(transcribe, between):
    def segment(*arguments):
        return json.loads(transcribe("--format", "json", *arguments).stdout)["segments"][0]

    best = segment("--n-best", "3")
    assert [each["text"] for each in best["alternatives"]][:2] == ["one", "two"]
    scores = [each["score"] for each in best["alternatives"]]
    assert scores == sorted(scores, reverse=True)
    assert {**best, "alternatives": []} == segment()


def test_n_best_needs_a_format_that_can_hold_it(transcribe, between):
    done = transcribe("--n-best", "2")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--n-best needs --format json, jsonl or all" in done.stderr


def test_a_weight_for_no_language_model_is_one_line(transcribe, between, tiny):
    done = transcribe("--lm-weight", "0.3")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: {tiny}: has no language model to give a weight of 0.3; put one into it with `speech2text train-lm`\n"
    )


def test_hearing_once_takes_what_it_sounds_like_at_its_own_speed(speech2text, tmp_path):
    """A tone of 8 kHz is quieter at speeds between, since neighbours of opposite sign are mixed."""
    sound = np.concatenate([np.tile([0.25, -0.25], 3840), np.zeros(RATE)])
    soundfile.write(tmp_path / "x.wav", sound, RATE, subtype="FLOAT")
    bundle = write_bundle(tmp_path / "bundle", tiny_manifest(other_speeds=(0.95, 1.05)), tiny_files()).folder
    assert speech2text("transcribe", "x.wav", "--model", bundle).stdout == "two\n"
    assert speech2text("transcribe", "x.wav", "--model", bundle, "--once").stdout == "one\n"
