"""Opening an audio file, and what its header promises.

libsndfile is lenient: of a file that was cut short it reads what is there and says so only in its log, and the length
of an MP3 without a table of contents is a guess. Both are settled here, so that nothing is lost without a word.
Limit: of several MP3s or Ogg streams joined into one file, only the first is read (`another_follows` tells); the second
of two Ogg streams with the same serial number, and of two joined FLACs, is not seen.
"""

from __future__ import annotations

import io
import re
from itertools import takewhile
from typing import Protocol

import soundfile

from speech2text.audio.limits import LEAST_RATE, MOST_RATE, says_nothing
from speech2text.errors import AudioError

_MP3_STRETCH = 64  # more than the highest MP3 bit rate (320 kbit/s) over the lowest (8): no guess falls short
_MP3_SYNC = 0xFFE0  # every frame begins with eleven set bits
_MP3_LENGTH_TAGS = (b"Xing", b"Info", b"VBRI")
_UNKNOWN_FRAMES = 2**62

# What libsndfile notes in its log when header and file differ; what follows a WAV's samples may be zeros as padding.
_BYTES_DIFFER = re.compile(
    r"^ *(?:data|riff|Data Size|SSND) *: (\d+) \(should be (\d+)\)",  # WAV, W64, AU, AIFF
    re.MULTILINE,
)
_FRAMES_DIFFER = re.compile(r"from 'ds64' chunk of (\d+)")  # RF64
_NEVER_CLOSED = re.compile(
    r"^data : (?:0|0xFFFFFFFF|0x0 \(should be 0xffffffff)\n(?:[* ]+Unknown chunk marker|Have 0 marker)"  # WAV, RF64
    r"|^ *Frames *: 0 \(Should not be 0\)"  # AIFF
    r"|^data : 4\n *edit : 0\n(?:Have 0 marker|(?!\w))",  # CAF
    re.MULTILINE,
)
_AU_SIZES = re.compile(r"^Length : (\d+)\n\.snd\n *Data Offset : (\d+)\n *Data Size *: 0$", re.MULTILINE)
_MORE_THAN_DATA = re.compile(r"^data : (\d+)\n[* ]+Unknown chunk marker .*at position (\d+)", re.MULTILINE)
_CHUNK_NAME = re.compile(rb"[\w ]{4}")
_SPHERE_FRAMES = re.compile(rb"^sample_count -i (\d+)", re.MULTILINE)
_SPHERE_HEAD_BYTES = 1024

_LEAST_MORE_SECONDS = 0.1  # what is shorter behind the samples is no sound that was lost

# An Ogg page (RFC 3533, section 6): its head, as many sizes of segments as its last byte says, and the segments.
_OGG_PAGE = b"OggS"
_OGG_HEAD_BYTES = 27
_OGG_MOST_BYTES = _OGG_HEAD_BYTES + 255 + 255 * 255
_OGG_FLAGS, _OGG_SERIAL = 5, slice(14, 18)
_OGG_FIRST_OF_STREAM, _OGG_LAST_OF_STREAM = 0x02, 0x04


class ByteStream(Protocol):
    """What is asked of an open, seekable file."""

    def seek(self, offset: int, whence: int = ..., /) -> int: ...  # noqa: D102 - as of every file

    def tell(self) -> int: ...  # noqa: D102

    def read(self, size: int, /) -> bytes: ...  # noqa: D102


class _Bytes:
    """The bytes of a stream without its name, so that content alone decides the format.

    With a stretch the file claims to be that many times as long, zeros after its end.
    """

    def __init__(self, stream: ByteStream, stretch: int = 1) -> None:
        self._stream = stream
        self._size = _size(stream)
        self._claimed = self._size * stretch
        stream.seek(0)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> None:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._stream.tell(), io.SEEK_END: self._claimed}[whence]
        if start + offset >= 0:  # a header of damaged or unknown length may name places that no disk has
            self._stream.seek(min(start + offset, self._claimed))

    def tell(self) -> int:
        return self._stream.tell()

    def read(self, size: int) -> bytes:
        # libsndfile looks for a tag before the claimed end; who reads on to the true end must find it there
        return bytes(size) if self._stream.tell() > self._size else self._stream.read(size)


class AudioFile(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A recording read from its start to its end, never back.

    Args:
        stream: seekable; it stays open when this is closed.
        stretch: above 1 for an MP3 whose length is a guess; nothing after the guess would be read otherwise.
    """

    def __init__(self, stream: ByteStream, stretch: int = 1) -> None:
        self.stretch = stretch
        self._stream = stream
        super().__init__(_Bytes(stream, stretch))
        self._log: str = self.extra_info  # as it is now: at the end of short Ogg files libsndfile adds false alarms

    def seekable(self) -> bool:
        """Never: soundfile would seek after every read, and MP3 samples would depend on the size of the blocks."""
        return False

    @property
    def stated_seconds(self) -> float | None:
        """The length by the header or by libsndfile's guess from it; None where it says nothing."""
        frames = self.frames / self.stretch
        return frames / self.samplerate if frames < _UNKNOWN_FRAMES else None

    @property
    def promised_seconds(self) -> float | None:
        """The length the whole file had by its header, though it may have been cut; None where that is not known."""
        if self.stretch > 1 or self.stated_seconds is None:
            return None
        frames = float(self.frames)
        if match := _BYTES_DIFFER.search(self._log):
            promised, found = (int(group) for group in match.groups())
            if found < promised and not says_nothing(promised):
                frames = max(frames, 1.0) * promised / max(found, 1)
        elif match := _FRAMES_DIFFER.search(self._log):
            frames = max(frames, float(match[1]))
        elif self.format == "NIST":
            frames = max(frames, _sphere_frames(self._stream))
        return frames / float(self.samplerate)

    @property
    def lacks_end(self) -> bool:
        """Whether an Ogg file stops before the end of the page that ends its stream."""
        return self.format == "OGG" and not _ends_stream(_last_page(self._stream))

    @property
    def another_follows(self) -> bool:
        """Whether another MP3 or Ogg stream begins where this one has ended; to be asked when all is read."""
        if self.format == "OGG":
            return _last_page(self._stream)[_OGG_SERIAL] not in _first_serials(self._stream)
        next_bytes = self._stream.read(3) if self.format == "MP3" else b""
        return next_bytes == b"ID3" or int.from_bytes(next_bytes[:2], "big") >= _MP3_SYNC

    @property
    def was_closed_early(self) -> bool:
        """Whether sound follows that the header of a WAV file does not tell of: its recorder was stopped later."""
        match = _MORE_THAN_DATA.search(self._log)
        if not (match and self.frames and self.format.startswith("WAV")):  # W64 is read to its end
            return False
        data_bytes, end = int(match[1]), int(match[2])
        more_seconds = (_size(self._stream) - end) / data_bytes * self.frames / self.samplerate
        return more_seconds > _LEAST_MORE_SECONDS and not _is_tag_or_chunk(self._stream, end)

    @property
    def was_never_closed(self) -> bool:
        """Whether the program that recorded the file was stopped before it could write the length."""
        if self.frames:
            return False
        au = _AU_SIZES.search(self._log)
        return bool(_NEVER_CLOSED.search(self._log)) or (au is not None and int(au[1]) > int(au[2]))


def open_audio(stream: ByteStream, name: str) -> AudioFile:
    """The decoder of a seekable stream; `name` is for messages.

    Raises:
        AudioError: empty, of no known format, of no rate a recording has, or with a header that was never completed.
    """
    if not _size(stream):
        raise AudioError(f"{name}: the file is empty (0 bytes); record or copy it again")
    try:
        audio = AudioFile(stream)
        if audio.format == "MP3" and not _states_mp3_length(stream):
            audio = AudioFile(stream, _MP3_STRETCH)
    except soundfile.LibsndfileError:
        if _another_wav_follows(stream):
            raise AudioError(f"{name}: several WAV files joined into one; give each of them for itself") from None
        raise AudioError(
            f"{name}: not audio of a format that can be read (wav, flac, mp3, ogg, opus), or damaged or cut short; "
            "if it plays elsewhere, convert it: ffmpeg -i INPUT output.wav"
        ) from None
    if audio.was_never_closed:
        remedy = "sox --ignore-length INPUT" if audio.format in ("AIFF", "RF64") else "ffmpeg -i INPUT"
        raise AudioError(
            f"{name}: its header says 0 s, but more follows: the recorder was stopped before it finished the file; "
            f"repair it: {remedy} output.wav"
        )
    if not LEAST_RATE <= audio.samplerate <= MOST_RATE:
        found = f"its header says {audio.samplerate} Hz, and no recording is outside {LEAST_RATE} to {MOST_RATE} Hz"
        raise AudioError(f"{name}: {found}; copy it again, or export it with its true rate")
    return audio


def _another_wav_follows(stream: ByteStream) -> bool:
    stream.seek(0)
    head = stream.read(8)
    stream.seek(len(head) + int.from_bytes(head[4:], "little"))
    return head[:4] == stream.read(4) == b"RIFF"


def _size(stream: ByteStream) -> int:
    stream.seek(0, io.SEEK_END)
    return stream.tell()


def _is_tag_or_chunk(stream: ByteStream, position: int) -> bool:
    """Whether what stands there, or one byte before for want of padding, is an ID3 tag or a chunk of a WAV file."""
    size = _size(stream)
    stream.seek(position - 1)
    found = stream.read(9)
    for start, head in ((position - 1, found[:8]), (position, found[1:])):
        end = start + 8 + int.from_bytes(head[4:], "little")
        if head.startswith((b"ID3", b"TAG")) or (_CHUNK_NAME.match(head) and end <= size):
            return True
    return False


def _sphere_frames(stream: ByteStream) -> float:
    """What the head of a SPHERE file tells, of which libsndfile asks nothing; 0 where it is silent."""
    stream.seek(0)
    match = _SPHERE_FRAMES.search(stream.read(_SPHERE_HEAD_BYTES))
    return float(match[1]) if match else 0.0


def _first_serials(stream: ByteStream) -> set[bytes]:
    """Of the streams that an Ogg file begins with: of one, or of several beside each other, as in a film."""
    stream.seek(0)
    start = stream.read(_OGG_MOST_BYTES)
    pages = (start[match.start() :] for match in re.finditer(_OGG_PAGE, start))
    return {page[_OGG_SERIAL] for page in takewhile(_begins_stream, pages)}


def _begins_stream(page: bytes) -> bool:
    return len(page) >= _OGG_HEAD_BYTES and bool(page[_OGG_FLAGS] & _OGG_FIRST_OF_STREAM)


def _last_page(stream: ByteStream) -> bytes:
    """The last page of an Ogg file, as far as it is there, with what may stand behind it."""
    stream.seek(max(0, _size(stream) - 2 * _OGG_MOST_BYTES))
    tail = stream.read(2 * _OGG_MOST_BYTES)
    return tail[tail.rfind(_OGG_PAGE) :]


def _ends_stream(page: bytes) -> bool:
    """Whether an Ogg page is whole and the last of its stream."""
    if len(page) < _OGG_HEAD_BYTES:
        return False
    head_bytes = _OGG_HEAD_BYTES + page[_OGG_HEAD_BYTES - 1]
    is_whole = len(page) >= head_bytes + sum(page[_OGG_HEAD_BYTES:head_bytes])
    return is_whole and bool(page[_OGG_FLAGS] & _OGG_LAST_OF_STREAM)


def _states_mp3_length(stream: ByteStream) -> bool:
    """Whether the first MP3 frame is a table of contents, which holds the number of frames."""
    position = stream.tell()  # a decoder may be reading this stream
    stream.seek(0)
    head = stream.read(10)
    start = 0
    if head[:3] == b"ID3":  # its size: four bytes of seven bits, without these ten
        start = 10 + sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=False))
    stream.seek(start)
    first_frame = stream.read(512)
    stream.seek(position)
    return any(tag in first_frame for tag in _MP3_LENGTH_TAGS)
