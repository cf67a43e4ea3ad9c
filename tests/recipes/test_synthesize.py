"""Synthetic speech: what is read is what the manifest says, and a run goes on where it stopped."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest
import soundfile

from recipes.english import synthesize
from speech2text.text.normalization import normalize

SENTENCES = """The cat sat on the mat, didn't it?
NASA is left out, being letters.
So are the 3 mice.
So is what Mr Smith said.
Nothing is too short.
Too short.
"""


@pytest.fixture
def told(monkeypatch):
    """What an engine that hums for as long as a text takes to say was told."""
    texts = []

    def read(text, voice, speed):
        texts.append(text)
        times = np.arange(round(0.08 * len(text) / speed * 16_000)) / 16_000
        return np.sin(2 * np.pi * 200 * times).astype(np.float32), 16_000

    monkeypatch.setitem(synthesize.ENGINES, "flite", lambda: synthesize.Engine(["hum"], "ay", read))
    return texts


@pytest.fixture
def run(tmp_path, monkeypatch):
    sentences = tmp_path / "sentences.txt"
    sentences.write_text(SENTENCES)

    def run(*more):
        monkeypatch.setattr("sys.argv", ["synthesize", "flite", str(sentences), str(tmp_path / "out"), *more])
        synthesize.main()
        return [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").read_text().splitlines()]

    return run


def test_sentences_are_those_that_are_read_as_they_are_spelled(tmp_path):
    (tmp_path / "sentences.txt").write_text(SENTENCES)
    assert synthesize.read_sentences(tmp_path / "sentences.txt") == [
        "Nothing is too short.",
        "The cat sat on the mat, didn't it?",
    ]


def test_what_no_engine_reads_as_it_is_spelled_is_passed_over(tmp_path):
    (tmp_path / "sentences.txt").write_text("- - -\n-And then he went home\nI, I, I!\n" + SENTENCES)
    assert len(synthesize.read_sentences(tmp_path / "sentences.txt")) == 2


def test_a_manifest_says_what_was_read(run, told, tmp_path):
    rows = run("--hours", "0.02", "--spelled", "0.5")
    assert sum(row["duration"] for row in rows) >= 72
    for row in rows:
        spoken = normalize(told[int(row["id"].rpartition("-")[2])]).split()
        assert row["text"].split() == ["a" if word == "ay" else word for word in spoken]
    assert len({row["speaker"] for row in rows}) > 5
    for row in rows[:5]:
        file = soundfile.info(tmp_path / "out" / row["audio"])
        assert (file.samplerate, file.channels) == (16_000, 1)
        assert file.duration == pytest.approx(row["duration"], abs=0.001)


def test_short_texts_are_words_of_sentences_and_numbers(run, told):
    texts = {row["text"] for row in run("--hours", "0.1", "--short", "1")}
    of_sentences = {text for text in texts if f" {text} " in f" {normalize(SENTENCES)} "}
    assert {"cat", "short", "mat didn't it"} <= of_sentences
    assert all(len(text.split()) <= 3 for text in of_sentences)
    numbers = {word for text in texts - of_sentences for word in text.split()}
    assert {"hundred", "twenty", "seven", "third"} <= numbers
    assert not any(letter.isdigit() for word in numbers for letter in word)


def test_a_run_goes_on_where_it_stopped(run, told, tmp_path):
    run("--hours", "0.005")
    rows = run("--hours", "0.01")
    (tmp_path / "out").rename(tmp_path / "first")
    assert run("--hours", "0.01") == rows
    before = len(told)
    assert run("--hours", "0.01") == rows
    assert len(told) == before


def test_a_manifest_that_a_stop_has_cut_short_is_gone_on_with(run, told, tmp_path):
    rows = run("--hours", "0.01")
    manifest = tmp_path / "out" / "manifest.jsonl"
    manifest.write_text(manifest.read_text()[:-20])
    spoken = len(told)
    assert run("--hours", "0.01") == rows
    assert len(told) == spoken + 1


def test_a_manifest_of_something_else_is_refused(run, told, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    for row in ({"audio": "x.flac"}, {"id": "flite-1-000000"}, {"id": "flite-1-x", "duration": 1}, {"id": 1}):
        (tmp_path / "out" / "manifest.jsonl").write_text(json.dumps(row) + "\n")
        with pytest.raises(SystemExit, match="1"):
            run()
        error = capsys.readouterr().err
        assert "manifest.jsonl: a row is not of this script" in error and error.count("\n") == 1
    assert not told


def test_an_engine_that_says_nothing_ends_the_run(run, monkeypatch, capsys):
    mute = synthesize.Engine(["mute"], "ay", lambda text, voice, speed: (np.zeros(16_000, np.float32), 16_000))
    monkeypatch.setitem(synthesize.ENGINES, "flite", lambda: mute)
    with pytest.raises(SystemExit, match="2"):
        run()
    assert "flite said nothing of use 100 times in a row" in capsys.readouterr().err


@pytest.mark.skipif(not shutil.which("espeak-ng"), reason="needs the program espeak-ng")
@pytest.mark.parametrize("accent", sorted(set(synthesize.ESPEAK_ACCENTS)))
def test_espeak_says_what_stands_for_the_letter_a_as_it_says_the_letter(accent):
    said = [
        subprocess.run(["espeak-ng", "-q", "-x", "-v", accent, text], check=True, capture_output=True).stdout.split()
        for text in (f"c {synthesize.ESPEAK_LETTER_A} t", "A.")
    ]
    assert said[0][1] == said[1][0]


def test_the_last_word_of_a_text_is_not_read_as_an_abbreviation():
    phonemes = pytest.importorskip("hibari.g2p").G2P()
    assert phonemes(synthesize.without_abbreviation("He said no.")).split()[-1] == phonemes("no") + "."
    assert synthesize.without_abbreviation("Didn't it?") == "Didn't it?"
