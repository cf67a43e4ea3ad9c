"""A reader of a teacher's features: what it holds of each recording is a teacher of its own, for the listener."""

import json
import sys
import warnings

import numpy as np
import pytest

from recipes.english import reader
from recipes.english.teach import teach
from speech2text.errors import AudioWarning
from speech2text.training.initialisation import read_origin
from speech2text.training.teacher import TeacherFeatures
from tests.training.tiny import write_recordings


def tell_spectrum(samples):
    """A teacher's features (T, 32), 25 a second: how loud each of its lowest frequencies is."""
    frames = samples[: len(samples) // 640 * 640].reshape(-1, 640)
    return np.abs(np.fft.rfft(frames))[:, :32]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A manifest of recordings, of which a teacher has heard all but the last."""
    folder = write_recordings(tmp_path_factory.mktemp("data"))
    recordings = sorted(folder.glob("*.wav"))
    rows = [{"audio": each.name, "text": each.with_suffix(".txt").read_text()} for each in recordings]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    teach(recordings[:-1], folder / "teacher", tell_spectrum)
    return folder


def test_a_recording_that_is_cut_is_told_and_passed_over_as_in_training(tmp_path, capsys):
    whole, cut, *_ = sorted(write_recordings(tmp_path / "data").glob("*.wav"))
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    with warnings.catch_warnings():
        warnings.simplefilter("error", AudioWarning)  # as in a script
        assert teach([cut, whole], tmp_path / "teacher", tell_spectrum) == 1
    assert f"{cut}: damaged or cut short" in capsys.readouterr().err


def call(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["reader", *map(str, arguments)])
    reader.main()


def read(data, out, monkeypatch):
    call(monkeypatch, data / "teacher", "default", data / "rows.jsonl", out)
    return TeacherFeatures(out)


def test_what_it_holds_stands_beside_what_the_teacher_hears(data, tmp_path, monkeypatch):
    held, teacher = read(data, tmp_path / "reader", monkeypatch), TeacherFeatures(data / "teacher")
    assert held.frames_per_second == teacher.frames_per_second / 2
    *recordings, unheard = sorted(data.glob("*.wav"))
    assert held.of(unheard) is None
    for audio in recordings:
        assert len(held.of(audio)) == len(teacher.of(audio)) // 2


def test_it_is_made_again_the_same(data, tmp_path, monkeypatch):
    first, second = (read(data, tmp_path / name, monkeypatch) for name in ("first", "second"))
    assert first.features_sha256 == second.features_sha256


def test_recordings_without_words_are_left_out(data):
    rows = (data / "rows.jsonl").read_text().splitlines()
    wordless = {**json.loads(rows[0]), "text": "..."}
    (data / "wordless.jsonl").write_text("\n".join([json.dumps(wordless), *rows[1:]]))
    teacher, tokenizer = TeacherFeatures(data / "teacher"), read_origin("default").tokenizer
    found = reader.find_recordings([data / "wordless.jsonl"], teacher, tokenizer)
    assert [each.audio.name for each in found] == [json.loads(row)["audio"] for row in rows[1:-1]]


def test_it_learns_to_read(data, monkeypatch, capsys):
    monkeypatch.setattr(reader, "EPOCHS", 120)
    call(
        monkeypatch, data / "teacher", "default", data / "rows.jsonl", data / "well_read", "--dev", data / "rows.jsonl"
    )
    rates = [float(line.rsplit(maxsplit=1)[1].rstrip("%")) for line in capsys.readouterr().out.splitlines()]
    assert len(rates) == 2
    assert max(rates) < 50


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"out": "teacher"}, "name another folder"),
        ({"teacher": "nowhere"}, "no usable features"),
        ({"origin": "nowhere"}, "neither a bundle nor a run"),
        ({"manifest": "unheard.jsonl"}, "has heard none"),
        ({"manifest": "foreign.jsonl"}, "the character 'я' of"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_line(data, monkeypatch, capsys, wrong, message):
    (data / "unheard.jsonl").write_text((data / "rows.jsonl").read_text().splitlines()[-1])
    foreign = json.loads((data / "rows.jsonl").read_text().splitlines()[0]) | {"text": "я", "lang": "ru"}
    (data / "foreign.jsonl").write_text(json.dumps(foreign))
    names = {"teacher": "teacher", "origin": "default", "manifest": "rows.jsonl", "out": "new"} | wrong
    before = sorted(data.rglob("*"))
    monkeypatch.chdir(data)
    with pytest.raises(SystemExit):
        call(monkeypatch, *(names[each] for each in ("teacher", "origin", "manifest", "out")))
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert sorted(data.rglob("*")) == before
