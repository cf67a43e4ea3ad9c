import errno
import gzip
import io
import itertools
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from speech2text.audio.files import STANDARD_INPUT, expand_paths, probe, read_audio, read_blocks
from speech2text.errors import AudioError, AudioWarning
from tests.zoo import encode, mp3_without_length, speech_like

FORMATS = {
    "flac": lambda: encode(speech_like(), "FLAC"),
    "mp3": lambda: encode(speech_like(rate=44_100), "MP3", rate=44_100),
    "opus": lambda: encode(speech_like(), "OGG", "OPUS"),
    "ogg": lambda: encode(speech_like(rate=22_050), "OGG", "VORBIS", rate=22_050),
    "wav": lambda: encode(speech_like(rate=11_025, channels=2), "WAV", rate=11_025),
}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("recordings")
    for suffix, build in FORMATS.items():
        (folder / f"x.{suffix}").write_bytes(build())
    return {suffix: folder / f"x.{suffix}" for suffix in FORMATS}


@settings(max_examples=25)
@given(suffix=st.sampled_from(sorted(FORMATS)), block_seconds=st.floats(0.003, 2))
def test_blocks_are_the_whole_file_however_long_they_are(recordings, suffix, block_seconds):
    path = recordings[suffix]
    blocks = list(read_blocks(path, block_seconds))
    np.testing.assert_array_equal(np.concatenate(blocks), read_audio(path))
    assert all(0 < len(block) <= block_seconds * 16_000 + 2_000 for block in blocks)


def test_16_bit_samples_at_16_khz_are_exact(tmp_path):
    numbers = np.array([0, 1, -1, 32767, -32768, 1234], np.int16)
    path = tmp_path / "x.wav"
    path.write_bytes(encode(numbers, "WAV"))
    np.testing.assert_array_equal(read_audio(path), numbers.astype(np.float32) / 32768)


@pytest.mark.parametrize("block_seconds", [0.5, 30.0])
def test_what_stands_before_a_bad_sample_is_given_and_its_place_told(tmp_path, block_seconds):
    samples = speech_like()[:, 0]
    samples[12_000] = np.nan
    path = tmp_path / "x.wav"
    path.write_bytes(encode(samples, "WAV", "FLOAT"))
    blocks = []
    with pytest.raises(AudioError, match=r"the first at 0\.75 s"):
        blocks.extend(read_blocks(path, block_seconds))
    np.testing.assert_array_equal(np.concatenate(blocks), samples[:12_000])


def test_channels_are_averaged(tmp_path):
    left, right = speech_like()[:, 0], np.zeros(len(speech_like()), np.float32)
    path = tmp_path / "x.wav"
    path.write_bytes(encode(np.stack([left, right], axis=1), "WAV", "FLOAT"))
    np.testing.assert_allclose(read_audio(path), left / 2, atol=1e-7)


def test_an_mp3_is_read_to_its_end_whatever_its_first_frames_promise(tmp_path):
    fast, slow = mp3_without_length(speech_like(4), 0.0), mp3_without_length(speech_like(4), 0.9)
    for content in (fast, slow, fast + slow, slow + fast):
        path = tmp_path / "x.mp3"
        path.write_bytes(content)
        parts = 1 if content in (fast, slow) else 2
        assert len(read_audio(path)) == pytest.approx(parts * 4 * 16_000, abs=parts * 3000)  # padded


class WindowsPipe(io.BufferedReader):
    """There a pipe says that one can seek in it, and does not do it."""

    def seekable(self):
        return True

    def seek(self, *_):
        return 0

    def tell(self):
        return 0


@pytest.mark.parametrize("kind", [io.BufferedReader, WindowsPipe])
def test_a_pipe_is_read_like_a_file(recordings, kind):
    for path in recordings.values():
        read_end, write_end = os.pipe()

        def fill(end=write_end, source=path):
            with os.fdopen(end, "wb") as pipe:
                pipe.write(source.read_bytes())

        writer = threading.Thread(target=fill)
        writer.start()
        with kind(io.FileIO(read_end)) as pipe:
            np.testing.assert_array_equal(read_audio(pipe), read_audio(path))
        writer.join()


class Failing(io.BytesIO):
    """A file on a disk that cannot be read from some byte on."""

    name = "failing.wav"

    def __init__(self, content, good):
        super().__init__(content)
        self.good = good

    def read(self, size=-1):
        if self.tell() >= self.good:
            raise OSError(errno.EIO, "Input/output error")
        return super().read(size)


@pytest.mark.parametrize("good", [0, 20, 40_000])
@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3"])
def test_a_disk_that_fails_is_an_error_that_says_so(recordings, suffix, good):
    content = recordings[suffix].read_bytes()
    with pytest.raises(AudioError, match=r"^failing.wav: cannot be read \(Input/output error\)"):
        read_audio(Failing(content, min(good, len(content) // 2)))


class Named(io.BytesIO):
    name = "failing.wav"


@pytest.mark.parametrize(
    ("error", "seen", "message"),
    [
        (lambda: RuntimeError("no key"), AudioError, r"^failing.wav: cannot be read \(no key\); check the disk"),
        (EOFError, AudioError, r"^failing.wav: cannot be read \(EOFError\); check the disk"),
        (KeyboardInterrupt, KeyboardInterrupt, None),
    ],
)
@pytest.mark.parametrize("good_calls", [0, 6])
@pytest.mark.parametrize("method", ["read", "seek", "tell"])
def test_what_is_raised_while_a_decoder_reads_is_seen(method, good_calls, error, seen, message):
    stream = Named(FORMATS["wav"]())
    calls, act = itertools.count(), getattr(stream, method)

    def fail(*arguments):
        if next(calls) >= good_calls:
            raise error()
        return act(*arguments)

    setattr(stream, method, fail)
    blocks = []
    with pytest.raises(seen, match=message):
        blocks.extend(read_blocks(stream))
    assert not blocks, "nothing that was cut short is given"


def test_a_compressed_file_that_was_cut_is_an_error_that_says_so(recordings):
    compressed = gzip.compress(recordings["wav"].read_bytes())
    with (
        gzip.open(io.BytesIO(compressed[: len(compressed) // 2])) as stream,
        pytest.raises(AudioError, match=r"cannot be read \(Compressed file ended before"),
    ):
        read_audio(stream)


def test_a_header_that_names_a_place_no_disk_has_is_no_failure_to_read(tmp_path):
    """As in a W64 that was written to a pipe, whose length is not known."""
    content = bytearray(encode(speech_like(), "W64"))
    size = content.index(b"data") + 16
    content[size : size + 8] = b"\xff" * 7 + b"\x7f"
    path = tmp_path / "piped.w64"
    path.write_bytes(content)
    assert len(read_audio(path)) == len(speech_like())


@pytest.mark.parametrize("stated", [2**31 - 2**24, 0x7FFFF000, 2**31, 2**32 - 1])
def test_a_wav_whose_length_its_program_did_not_know_is_whole(recordings, tmp_path, stated):
    path = write_wav(recordings, tmp_path, stated)
    assert len(read_audio(path)) == len(read_audio(recordings["wav"]))


@pytest.mark.parametrize("stated", [10**9, 2**31 - 2**24 - 1, 2**31 + 2**20, 3 * 10**9, 2**32 - 2**24 - 1])
def test_a_wav_of_gigabytes_that_was_cut_is_told(recordings, tmp_path, stated):
    with pytest.warns(AudioWarning, match="damaged or cut short"):
        read_audio(write_wav(recordings, tmp_path, stated))


def test_a_w64_of_gigabytes_that_was_cut_is_told(tmp_path):
    content = bytearray(encode(speech_like(), "W64"))
    for size in (16, content.index(b"data") + 16):  # of the file, and of its sound
        content[size : size + 8] = (5 * 10**9).to_bytes(8, "little")
    (tmp_path / "x.w64").write_bytes(content)
    with pytest.warns(AudioWarning, match="damaged or cut short"):
        read_audio(tmp_path / "x.w64")


def write_wav(recordings, folder, stated_bytes):
    """A recording whose header says that its sound has so many bytes."""
    content = bytearray(recordings["wav"].read_bytes())
    size = content.index(b"data") + 4
    content[size : size + 4] = stated_bytes.to_bytes(4, "little")
    path = folder / "x.wav"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("rate", [1, 999, 768_001, 2**31 - 1])
def test_a_rate_that_no_recording_has_is_an_error(recordings, tmp_path, rate):
    content = recordings["wav"].read_bytes()
    path = tmp_path / "x.wav"
    path.write_bytes(content[:24] + rate.to_bytes(4, "little") + content[28:])
    for read in (read_audio, probe):
        with pytest.raises(AudioError, match=rf"x.wav: its header says {rate} Hz, and .* 1000 to 768000 Hz; copy it"):
            read(path)


class FailingPipe(Failing):
    def seekable(self):
        return False


def test_a_pipe_that_fails_is_an_error_that_says_so(recordings):
    with pytest.raises(AudioError, match=r"cannot be read \(Input/output error\)"):
        read_audio(FailingPipe(recordings["wav"].read_bytes(), 0))


def test_a_pipe_that_finds_no_room_is_an_error_that_says_so(tmp_path):
    """In a process of its own, which may write small files only."""
    pytest.importorskip("resource", reason="this system has no limit on the size of files")
    code = (
        "import resource, signal, sys\n"
        "from speech2text.audio import files\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "files._SPOOL_BYTES = 1000\n"
        "try: files.read_audio(sys.stdin.buffer)\n"
        "except files.AudioError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], input=bytes(9000), capture_output=True, check=True)
    assert done.stderr == b""
    (line,) = done.stdout.decode().splitlines()
    assert line.startswith("standard input: a pipe needs a temporary file, which cannot be written (")


@pytest.mark.parametrize(("second", "warned"), [(-1.0, True), (-0.99, True), (0.0, False), (-0.5, False), (1.0, False)])
def test_channels_that_cancel_each_other_out_are_told(tmp_path, recwarn, second, warned):
    speech = np.pad(speech_like(1)[:, 0], 8_000)  # between two pauses, of which nothing can be told
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.stack([speech, second * speech], axis=1), 16_000)
    np.testing.assert_allclose(read_audio(path), (1 + second) / 2 * speech, atol=1e-4)
    assert [str(each.message) for each in recwarn] == warned * [
        f"{path}: its channels cancel each other out, one being the other turned over; make a file of one of them"
    ]


@pytest.mark.parametrize(("missing", "warned"), [(0.05, False), (0.3, True)])
def test_a_recording_that_lacks_a_word_is_told_and_one_that_lacks_its_padding_is_not(
    tmp_path, recwarn, missing, warned
):
    path = tmp_path / "x.wav"
    path.write_bytes(encode(speech_like(), "WAV")[: -2 * round(missing * 16_000)])
    assert len(read_audio(path)) == round((2.0 - missing) * 16_000)
    assert ["cut short" in str(each.message) for each in recwarn] == warned * [True]


def test_probe_tells_length_rate_and_channels(recordings):
    info = probe(recordings["wav"])
    assert (info.seconds, info.rate, info.channels) == (2.0, 11_025, 2)
    assert probe(recordings["opus"]).seconds == 2.0


def test_probe_guesses_the_length_of_an_mp3_that_does_not_state_it(tmp_path):
    path = tmp_path / "x.mp3"
    path.write_bytes(mp3_without_length(speech_like(4), 0.5))
    assert probe(path).seconds == pytest.approx(4, abs=0.2)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_an_error(recordings, tmp_path):
    path = tmp_path / "secret.wav"
    path.write_bytes(recordings["wav"].read_bytes())
    path.chmod(0)
    with pytest.raises(AudioError, match=r"secret.wav: cannot be opened \(Permission denied\)"):
        read_audio(path)


def test_a_name_longer_than_any_file_can_have_is_an_error():
    (path,) = expand_paths(["x" * 300 + ".wav"])
    with pytest.raises(AudioError, match=r"cannot be opened .*; check its name"):
        read_audio(path)


@pytest.fixture
def tree(tmp_path, monkeypatch) -> Path:
    for name in ("b.wav", "a.FLAC", "sub/c.opus", "notes.txt", "._a.wav", "[x].mp3", ".trash/old.wav", "d.sph"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / "folder.wav").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["b.wav", "notes.txt"], ["b.wav", "notes.txt"]),
        (["missing.wav", "-"], ["missing.wav", "-"]),
        (["sub"], ["sub/c.opus"]),
        (["."], ["[x].mp3", "a.FLAC", "b.wav", "d.sph", "sub/c.opus"]),
        ([".trash"], [".trash/old.wav"]),
        (["*.wav"], ["b.wav"]),
        (["**/*.opus"], ["sub/c.opus"]),
        (["[x].mp3"], ["[x].mp3"]),
        (["sub", "b.wav", "sub/*", "b.wav"], ["sub/c.opus", "b.wav"]),
    ],
)
@pytest.mark.usefixtures("tree")
def test_paths_folders_and_patterns_become_files(arguments, expected):
    assert [path.as_posix() for path in expand_paths(arguments)] == expected


def test_recordings_that_cannot_be_read_are_told_where_a_folder_is_meant(tree):
    for name in ("talk.m4a", "sub/film.MKV"):
        (tree / name).touch()
    (tree / "album.mov").mkdir()
    with pytest.warns(AudioWarning, match=r"2 of its recordings are of a kind that cannot be read, as film\.MKV"):
        found = expand_paths(["."])
    assert Path("sub/c.opus") in found
    assert Path("talk.m4a") not in found


@pytest.mark.usefixtures("tree")
def test_a_pattern_goes_through_links_to_folders_once(tree):
    (tree / "sub" / "up").symlink_to("..")
    assert [path.as_posix() for path in expand_paths(["**/*.wav"])] == ["b.wav"]
    assert [path.as_posix() for path in expand_paths(["sub/up/*.wav"])] == ["sub/up/b.wav"]


def test_a_folder_is_searched_through_its_links_once(tree, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "deep").mkdir()
    (elsewhere / "deep" / "e.wav").touch()
    (elsewhere / "back").symlink_to(tree)
    (tree / "sub" / "linked").symlink_to(elsewhere)
    (tree / "sub" / "again").symlink_to(elsewhere)
    (tree / "a-link-to-sub").symlink_to("sub")
    found = [path.as_posix() for path in expand_paths(["."])]
    assert found == ["[x].mp3", "a.FLAC", "b.wav", "d.sph", "sub/again/deep/e.wav", "sub/c.opus"]


def test_a_hidden_link_hides_no_folder_that_another_leads_to(tree, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "e.wav").touch()
    (tree / ".first").symlink_to(elsewhere)
    (tree / "z").symlink_to(elsewhere)
    assert Path("z/e.wav") in expand_paths(["."])


def test_a_link_to_a_recording_that_is_gone_is_told(tree):
    (tree / "gone.wav").symlink_to("disk/gone.wav")
    with pytest.warns(AudioWarning, match=r"1 of its recordings are links to files that are not there, as gone\.wav"):
        assert Path("gone.wav") not in expand_paths(["."])


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_looked_into_is_told(tree):
    (tree / "sub").chmod(0)
    with pytest.warns(AudioWarning, match=r"sub: cannot be looked into \(Permission denied\)"):
        assert Path("b.wav") in expand_paths(["."])
    with pytest.raises(AudioError, match=r"sub: cannot be looked into \(Permission denied\); check its permissions"):
        expand_paths(["sub"])


def test_standard_input_passes_through():
    assert expand_paths(["-"]) == [STANDARD_INPUT]


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize(
    ("argument", "message"), [("folder.wav", "in this folder"), ("*.txt", "this pattern"), ("z*", "this pattern")]
)
def test_a_folder_or_pattern_without_audio_is_an_error(argument, message):
    with pytest.raises(AudioError, match=message):
        expand_paths([argument])
