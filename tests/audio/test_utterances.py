import json
import math
import os
from pathlib import Path

import pytest

from speech2text.audio.utterances import Utterance, read_utterances, set_name
from speech2text.errors import AudioWarning, ManifestError


def write_manifest(folder: Path, *rows) -> Path:
    path = folder / "manifest.jsonl"
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_full_row_becomes_an_utterance(tmp_path):
    row = {
        "id": "u1",
        "audio": "a/x.wav",
        "text": "Hé",
        "speaker": "s",
        "corpus": "c",
        "duration": 1.5,
        "lang": "fr",
        "age": 7,
    }
    (found,) = read_utterances(write_manifest(tmp_path, row))
    assert found == Utterance("u1", tmp_path / "a/x.wav", "Hé", "s", "c", 1.5, "fr")
    assert found.row == row


def test_audio_and_text_are_enough_and_empty_lines_are_skipped(tmp_path):
    path = write_manifest(tmp_path, {"audio": "x.wav", "text": "a"}, "", {"audio": "/y.wav", "text": "b"})
    assert read_utterances(path) == [
        Utterance("x.wav", tmp_path / "x.wav", "a"),
        Utterance("/y.wav", Path("/y.wav"), "b"),
    ]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no utterance in it"),
        (["{'audio': 1}"], ":1: not JSON"),
        (["[" * 100_000], ":1: not JSON"),
        (['{"audio": "x.wav", "text": "a", "duration": ' + "1" * 5000 + "}"], ":1: not JSON"),
        ([[1]], ":1: not a JSON object"),
        ([{"audio": "x.wav", "text": "a"}, {"audio": "y.wav"}], ":2: 'text' is missing"),
        ([{"audio": "x.wav", "txt": "a"}], "'text' is missing or no text; is it 'txt'?"),
        ([{"text": "a", "audio": None}], "'audio' is missing"),
        ([{"audio": "x.wav", "text": "a", "duration": "long"}], "'duration' must be a number of seconds, not 'long'"),
        ([{"audio": "x.wav", "text": "a", "duration": math.nan}], "'duration' must be a number of seconds, not nan"),
        ([{"audio": "x.wav", "text": "a", "duration": 10**400}], "'duration' must be a number of seconds, not 1000"),
        ([{"audio": "x.wav", "text": "a", "duration": -1}], "'duration' must be a number of seconds, not -1"),
        ([{"audio": "x.wav", "text": "a", "duration": True}], "'duration' must be a number of seconds, not True"),
        ([{"audio": "", "text": "a"}], ":1: 'audio' is no name of a file: ''"),
        ([{"audio": "a\0b.wav", "text": "a"}], ":1: 'audio' is no name of a file"),
        ([{"audio": "\ud800.wav", "text": "a"}], ":1: 'audio' is no name of a file"),
        ([{"audio": "x.wav", "text": "a"}, {"audio": "x.wav", "text": "b"}], ":2: the id 'x.wav' stands twice"),
    ],
)
def test_a_bad_row_is_named_with_its_line(tmp_path, rows, message):
    path = write_manifest(tmp_path, *rows)
    with pytest.raises(ManifestError) as raised:
        read_utterances(path)
    assert str(raised.value).startswith(str(path))
    assert message in str(raised.value)


def test_a_manifest_that_is_no_text_or_does_not_exist_is_an_error(tmp_path):
    (tmp_path / "x.jsonl").write_bytes(b"RIFF\xff\xfe\x00")
    with pytest.raises(ManifestError, match=r"no text in UTF-8 .* a manifest is one JSON object a line"):
        read_utterances(tmp_path / "x.jsonl")
    with pytest.raises(ManifestError, match="no such manifest or folder"):
        read_utterances(tmp_path / "y.jsonl")
    (tmp_path / "x.wav").touch()
    with pytest.raises(ManifestError, match=r"x\.wav: a recording; give the folder it is in"):
        read_utterances(tmp_path / "x.wav")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ManifestError, match="pipe: a pipe; save what comes out of it"):
        read_utterances(tmp_path / "pipe")


def test_a_folder_gives_the_recordings_that_have_a_text_beside_them(tmp_path):
    for name in ("b.wav", "sub/a.FLAC", "without.mp3", "notes.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "b.txt").write_text("two\nlines ", encoding="utf-8")
    (tmp_path / "sub/a.txt").write_text("ñ", encoding="utf-8")
    told = r"1 of 3 audio files have no text and are left out; the first needs without\.txt"
    with pytest.warns(AudioWarning, match=told):
        found = read_utterances(tmp_path)
    assert found == [
        Utterance("b.wav", tmp_path / "b.wav", "two lines"),
        Utterance("sub/a.FLAC", tmp_path / "sub/a.FLAC", "ñ"),
    ]


def test_recordings_without_texts_can_be_asked_for(tmp_path):
    (tmp_path / "noise.wav").touch()
    assert read_utterances(tmp_path, with_texts=False) == [Utterance("noise.wav", tmp_path / "noise.wav", "")]
    path = write_manifest(tmp_path, {"audio": "noise.wav"})
    assert read_utterances(path, with_texts=False) == [Utterance("noise.wav", tmp_path / "noise.wav", "")]


def test_a_folder_without_audio_or_without_texts_is_an_error(tmp_path):
    with pytest.raises(ManifestError, match="no audio file in it"):
        read_utterances(tmp_path)
    (tmp_path / "x.wav").touch()
    with pytest.raises(ManifestError, match=r"none of its 1 audio files has a text; put x.txt beside x.wav"):
        read_utterances(tmp_path)


def test_two_recordings_do_not_share_a_text(tmp_path):
    for name in ("talk.wav", "talk.flac", "talk.txt"):
        (tmp_path / name).touch()
    with pytest.raises(ManifestError, match=r"talk\.wav: shares talk\.txt with talk\.flac; rename one"):
        read_utterances(tmp_path)


def test_a_set_is_called_as_its_file_or_its_folder(tmp_path, monkeypatch):
    (tmp_path / "my.set").mkdir()
    assert set_name(tmp_path / "dev.jsonl") == "dev"
    assert set_name(tmp_path / "my.set") == "my.set"
    monkeypatch.chdir(tmp_path / "my.set")
    assert set_name(Path()) == "my.set"


def test_a_text_that_is_not_utf_8_is_named_with_the_remedy(tmp_path):
    (tmp_path / "x.wav").touch()
    (tmp_path / "x.txt").write_bytes("Grüße".encode("latin-1"))
    with pytest.raises(ManifestError, match=r"x\.txt: no text in UTF-8 .*; save it as UTF-8"):
        read_utterances(tmp_path)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    (tmp_path / "x.wav").touch()
    (tmp_path / "x.txt").write_text("a", encoding="utf-8-sig")
    assert [utterance.text for utterance in read_utterances(tmp_path)] == ["a"]


def test_hidden_files_are_no_recordings(tmp_path):
    for name in ("x.wav", "x.txt", "._x.wav", "._x.txt"):
        (tmp_path / name).touch()
    assert [utterance.id for utterance in read_utterances(tmp_path)] == ["x.wav"]


@pytest.mark.parametrize("character", ["\u2028", "\u0085"])
def test_a_row_ends_where_its_line_ends_and_nowhere_else(tmp_path, character):
    row = json.dumps({"audio": "x.wav", "text": f"a{character}b"}, ensure_ascii=False)
    (tmp_path / "x.jsonl").write_bytes(f"{row}\r\n".encode())
    assert [utterance.text for utterance in read_utterances(tmp_path / "x.jsonl")] == [f"a{character}b"]


def test_what_has_no_place_in_a_text_is_escaped_in_labels(tmp_path):
    row = {"audio": "x.wav", "text": "a"} | dict.fromkeys(("id", "speaker", "corpus", "lang"), "a\ud800")
    (found,) = read_utterances(write_manifest(tmp_path, row))
    assert {found.id, found.speaker, found.corpus, found.language} == {"a\\ud800"}


def test_a_speaker_and_an_id_may_be_0(tmp_path):
    (found,) = read_utterances(write_manifest(tmp_path, {"audio": "x.wav", "text": "a", "id": 0, "speaker": 0}))
    assert (found.id, found.speaker) == ("0", "0")


def test_what_cannot_be_read_is_one_line(tmp_path):
    unreadable = Path("/proc/self/mem")  # a file, for root too, whose first bytes nobody may read
    if not unreadable.is_file():
        pytest.skip("this system has no /proc")
    with pytest.raises(ManifestError, match=r"/proc/self/mem: cannot be read \(.*\); check its name and permissions"):
        read_utterances(unreadable)
