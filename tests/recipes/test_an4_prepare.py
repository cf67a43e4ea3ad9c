"""The recipe's prepare step on archives of the original layout: all 1078 names, a few milliseconds of sound each."""

import importlib.util
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speech2text.audio.utterances import read_utterances
from speech2text.errors import ManifestError

SCRIPT = Path(__file__).parents[2] / "recipes" / "an4" / "prepare.py"
SAMPLES = np.arange(-40, 40, dtype=np.int16) * 400
TRAIN_SPEAKERS = ("fash", "fjam", "fmjc", "mbmg", "mewl", "mjdr", "mmtm", "msmn", "mtcv", "mwhw", "fbbh", "mblb")
SETS = {
    "train": [
        f"an4_clstk/{TRAIN_SPEAKERS[index % 12]}/an{index}-{TRAIN_SPEAKERS[index % 12]}-b" for index in range(948)
    ],
    "test": [f"an4test_clstk/fcaw/cen{index}-fcaw-b" for index in range(130)],
}


@pytest.fixture(scope="module")
def recipe():
    spec = importlib.util.spec_from_file_location("an4_prepare", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_sphere(samples, byte_format):
    """A NIST SPHERE file: a text header of 1024 bytes, then samples, low ("01") or high ("10") byte first."""
    header = (
        "NIST_1A\n   1024\ndatabase_id -s3 AN4\nchannel_count -i 1\nsample_rate -i 16000\nsample_n_bytes -i 2\n"
        f"sample_count -i {len(samples)}\nsample_sig_bits -i 16\nsample_coding -s3 pcm\n"
        f"sample_byte_format -s2 {byte_format}\nend_head\n"
    )
    return header.encode().ljust(1024) + samples.astype("<i2" if byte_format == "01" else ">i2").tobytes()


SOUNDS = {
    "big-endian sphere": (".sph", make_sphere(SAMPLES, "10")),
    "little-endian sphere": (".sph", make_sphere(SAMPLES, "01")),
    "raw": (".raw", SAMPLES.astype(">i2").tobytes()),
}


def layout(sound="big-endian sphere"):
    """The files of the archive: name and content."""
    suffix, data = SOUNDS[sound]
    files = {"an4/README": b"the database", "an4/etc/an4.dic": b"A AH\n"}
    for name, fileids in SETS.items():
        ids = [fileid.split("/")[-1] for fileid in fileids]
        files[f"an4/etc/an4_{name}.fileids"] = "".join(f"{fileid}\n" for fileid in fileids).encode()
        lines = [f"<s> RUBOUT  G {index % 7} </s> ({id})\n" for index, id in enumerate(ids)]
        files[f"an4/etc/an4_{name}.transcription"] = "".join(lines).encode()
        files |= {f"an4/wav/{fileid}{suffix}": data for fileid in fileids}
    return files


def write_folder(files, folder):
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def write_archive(files, path):
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    return write_folder(layout(), tmp_path_factory.mktemp("source"))


def check_sets(out):
    """The four sets are complete and every sound is there."""
    sets = {name: read_utterances(out / f"{name}.jsonl") for name in ("train", "fit", "dev", "test")}
    assert {name: len(rows) for name, rows in sets.items()} == {"train": 948, "fit": 316, "dev": 632, "test": 130}
    first = min(sets["train"], key=lambda row: row.id)
    assert (first.id, first.text, first.speaker, first.corpus, first.language) == (
        "an4-an0-fash-b", "rubout g 0", "an4-fash", "an4", "en",
    )  # fmt: skip
    assert first.duration == pytest.approx(len(SAMPLES) / 16000)
    for row in sets["train"] + sets["test"]:
        assert row.audio.is_file()
    for row in (first, sets["test"][0]):
        samples, rate = soundfile.read(row.audio, dtype="int16")
        assert rate == 16000
        assert np.array_equal(samples, SAMPLES)
    return sets


def test_the_folder_is_read_where_it_lies(recipe, unpacked, tmp_path):
    recipe.prepare(unpacked, tmp_path / "out")
    sets = check_sets(tmp_path / "out")
    assert all(row.audio.is_relative_to(unpacked) for row in sets["train"])
    assert len(list((tmp_path / "out").iterdir())) == 4


def test_the_folder_an4_itself_will_do_and_gives_the_same_bytes(recipe, unpacked, tmp_path):
    recipe.prepare(unpacked, tmp_path / "one")
    recipe.prepare(unpacked / "an4", tmp_path / "two")
    for name in ("train", "fit", "dev", "test"):
        assert (tmp_path / "one" / f"{name}.jsonl").read_bytes() == (tmp_path / "two" / f"{name}.jsonl").read_bytes()


def test_fit_and_dev_share_no_speaker_and_make_up_train(recipe, unpacked, tmp_path):
    recipe.prepare(unpacked, tmp_path)
    sets = check_sets(tmp_path)
    assert len({row.speaker for row in sets["dev"]}) == 8
    assert not {row.speaker for row in sets["dev"]} & {row.speaker for row in sets["fit"]}
    assert sorted(row.id for row in sets["fit"] + sets["dev"]) == sorted(row.id for row in sets["train"])


@pytest.mark.parametrize("sound", SOUNDS)
def test_the_archive_is_unpacked_into_out_which_can_then_be_moved(recipe, sound, tmp_path):
    archive = write_archive(layout(sound), tmp_path / "an4_sphere.tar.gz")
    recipe.prepare(archive, tmp_path / "out")
    archive.unlink()
    (tmp_path / "out").rename(tmp_path / "moved")
    check_sets(tmp_path / "moved")


def test_a_folder_with_the_archive_in_it_will_do(recipe, tmp_path):
    write_archive(layout("raw"), tmp_path / "an4_raw.bigendian.tar.gz")
    recipe.prepare(tmp_path, tmp_path / "out")
    check_sets(tmp_path / "out")
    recipe.prepare(tmp_path, tmp_path / "out")  # a second time changes nothing
    check_sets(tmp_path / "out")


def test_raw_sound_of_a_folder_becomes_flac_in_out(recipe, tmp_path):
    recipe.prepare(write_folder(layout("raw"), tmp_path / "source"), tmp_path / "out")
    sets = check_sets(tmp_path / "out")
    assert sets["test"][0].audio == tmp_path / "out/an4/wav/an4test_clstk/fcaw/cen0-fcaw-b.flac"


def test_an_archive_writes_nothing_outside_of_out(recipe, tmp_path):
    files = layout() | {"an4/../../../escaped.sph": b"x", "/an4/../escaped.sph": b"x"}
    recipe.prepare(write_archive(files, tmp_path / "an4_sphere.tar.gz"), tmp_path / "a" / "out")
    assert not list(tmp_path.rglob("escaped*"))


def write_manifests(folder, train=849, dev=99, test=130):
    soundfile.write(folder / "a.wav", SAMPLES, 16000)
    for name, number, speaker in (
        ("en_train", train, "an4-fash"),
        ("en_dev", dev, "an4-fjam"),
        ("en_test", test, "an4-fcaw"),
    ):
        rows = [
            {"id": f"{name}{index}", "audio": "a.wav", "text": "yes", "speaker": speaker, "corpus": "an4", "lang": "en"}
            for index in range(number)
        ]
        rows.append({"id": "other", "audio": "a.wav", "text": "no", "corpus": "books"})
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_manifests_give_their_rows_of_an4(recipe, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    recipe.prepare(write_manifests(source), tmp_path / "out")
    sets = {name: read_utterances(tmp_path / "out" / f"{name}.jsonl") for name in ("train", "fit", "dev", "test")}
    assert {name: len(rows) for name, rows in sets.items()} == {"train": 948, "fit": 849, "dev": 99, "test": 130}
    assert {row.corpus for rows in sets.values() for row in rows} == {"an4"}
    assert {row.audio for row in sets["train"]} == {source / "a.wav"}


def test_an_incomplete_set_is_refused_with_its_size(recipe, tmp_path):
    with pytest.raises(ManifestError, match="train set has 948 utterances, but 947 are here"):
        recipe.prepare(write_manifests(tmp_path, train=848), tmp_path / "out")
    with pytest.raises(ManifestError, match="test set has 130 utterances, but 131 are here"):
        recipe.prepare(write_manifests(tmp_path, test=131), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def spoil(name, data):
    def change(files):
        files = dict(files)
        if data is None:
            del files[name]
        else:
            files[name] = data
        return files

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (spoil("an4/wav/an4_clstk/fash/an0-fash-b.sph", None), "an0-fash-b: neither a .sph nor a .raw file is there"),
        (spoil("an4/wav/an4_clstk/fash/an0-fash-b.sph", b"no sound"), "an0-fash-b.sph: not readable as sound"),
        (spoil("an4/etc/an4_test.fileids", None), "an4_test.fileids: cannot be read"),
        (
            spoil("an4/etc/an4_train.transcription", b"YES (an1-fjam-b)\n"),
            "an0-fash-b has no line in an4_train.transcrip",
        ),
        (
            spoil("an4/etc/an4_train.transcription", b"\nYES an0-fash-b\n"),
            "transcription:2: 'YES an0-fash-b' does not end",
        ),
        (spoil("an4/etc/an4_train.transcription", None), "no AN4 found; give an4_sphere.tar.gz"),
    ],
    ids=["missing sound", "damaged sound", "no fileids", "missing text", "text without id", "no transcription"],
)
def test_what_is_missing_or_damaged_is_named(recipe, change, message, tmp_path):
    with pytest.raises(ManifestError, match=message):
        recipe.prepare(write_folder(change(layout()), tmp_path / "source"), tmp_path / "out")


def test_damaged_archives_are_refused(recipe, tmp_path):
    whole = write_archive(layout(), tmp_path / "an4_sphere.tar.gz").read_bytes()
    for name, data in {"cut.tar.gz": whole[: len(whole) // 2], "text.tar.gz": b"hello", "empty.tar.gz": b""}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ManifestError, match="damaged, not readable, or no tar archive"):
            recipe.prepare(tmp_path / name, tmp_path / "out")


def test_raw_sound_of_half_a_sample_and_of_unknown_byte_order_is_refused(recipe, tmp_path):
    files = spoil("an4/wav/an4_clstk/fash/an0-fash-b.raw", b"odd")(layout("raw"))
    with pytest.raises(ManifestError, match="3 bytes are no 16-bit samples"):
        recipe.prepare(write_folder(files, tmp_path / "source"), tmp_path / "out")
    with pytest.raises(ManifestError, match="byte order is not supported; take an4_sphere"):
        recipe.prepare(write_archive({}, tmp_path / "an4_raw.littleendian.tar.gz"), tmp_path / "out")


def test_the_command_reports_on_one_line_and_by_its_exit_code(recipe, unpacked, tmp_path, capsys):
    assert recipe.main([str(unpacked), str(tmp_path / "out")]) == 0
    assert "wrote train, fit, dev and test.jsonl" in capsys.readouterr().out
    assert recipe.main([str(tmp_path / "nothing"), str(tmp_path / "out")]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
