"""Sound that is still being made, as blocks in a queue: of a microphone (audio/microphone.py), or of a pipe.

A pipe is read as it comes: WAV by its header, or raw samples of which rate, channels and encoding are told.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import struct
import sys
import threading
from queue import Empty, Queue
from time import monotonic
from typing import Any, BinaryIO, Protocol

from numpy.typing import NDArray

from speech2text.audio.limits import LEAST_RATE, MOST_CHANNELS, MOST_RATE, says_nothing
from speech2text.audio.pace import Pace
from speech2text.audio.pcm import ENCODINGS, decode_pcm
from speech2text.errors import AudioError

_HELD = 8  # blocks of a pipe; then whoever writes it has to wait
_BLOCK_SECONDS = 0.1
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_OTHER_FILES = (b"fLaC", b"OggS", b"ID3", b"FORM", b".snd", b"RF64", b"RIFX", b"riff", b"caff", b"wvpk", b"NIST")
_WEBM = b"\x1a\x45\xdf\xa3"
_MAYBE_MP3 = tuple(bytes((0xFF, second)) for second in (0xFB, 0xFA, 0xF3, 0xF2, 0xE3, 0xE2))  # or quiet samples
_MP3_BYTES = 4096  # enough to tell
_MAYBE_AAC = tuple(bytes((0xFF, second)) for second in (0xF0, 0xF1, 0xF8, 0xF9))  # or quiet samples
_ADTS_HEADER_BYTES = 7
_CONVERTED = "pipe what `ffmpeg -i - -f wav -` makes of it"
_PIPE_BYTES = 1 << 16
_MOMENT = 1.0  # seconds that what follows the sound is waited for
_TAG_OR_CHUNK = re.compile(rb"\0?(?:ID3|TAG|(?!RIFF)[\w ]{4})")  # perhaps after a byte of padding
_WAV_ENCODINGS = {(_PCM, 16): "s16le", (_PCM, 32): "s32le", (_FLOAT, 32): "f32le"}


class LiveSource(Protocol):
    """Something that gives blocks (N, channels) at `rate` as they come, and says how much was lost."""

    rate: int
    check: str
    """What to look at when it brings nothing, or zeros."""
    problem: str
    """What is wrong with its sound, known at its end; empty if nothing."""

    @property
    def waiting_seconds(self) -> float:
        """Of sound that came and was not read."""
        ...

    def take_lost(self) -> float:
        """Seconds of sound lost since it was asked last, because nobody read in time."""
        ...

    def read(self, timeout: float) -> NDArray[Any] | None:
        """The next block, empty if none came in time, None after the last.

        Raises:
            AudioError: the source failed.
        """
        ...


class Pipe:
    """An open binary stream that cannot be sought in, read by a thread of its own.

    Who writes faster than is read has to wait, so nothing is lost here.

    Raises:
        AudioError: nothing comes or can be read, WAV of a kind that has no samples of 16 or 32 bits, or another kind
            of sound file.
    """

    check = "what writes it"
    problem = ""

    def __init__(self, stream: BinaryIO, rate: int, channels: int, encoding: str) -> None:
        self.rate = rate
        self._channels = channels
        self._encoding = encoding
        self._read_some = getattr(stream, "read1", stream.read)
        self._frame_bytes = ENCODINGS[encoding].itemsize * channels
        self._left = sys.maxsize  # bytes of sound that are to come
        if sys.platform != "win32":
            with contextlib.suppress(OSError, ValueError):  # what has no descriptor waits anyway
                os.set_blocking(stream.fileno(), True)  # whoever had it before may have left it so that it does not
        self._begun = self._read_exactly(4)
        if not self._begun:
            raise AudioError("standard input: nothing came; check what writes it")
        if self._begun == b"RIFF":
            self._read_header()
        elif self._begun == _WEBM or self._is_mp4() or self._is_aac():
            raise AudioError(f"standard input: webm, aac, m4a or mp4; {_CONVERTED}")
        elif self._begun.startswith(_OTHER_FILES) or self._is_mp3():
            raise AudioError(
                "standard input: a sound file that cannot be heard as it comes; "
                f"use `speech2text transcribe -`, or {_CONVERTED}"
            )
        self._blocks: Queue[bytes | AudioError | None] = Queue(_HELD)
        self._pace = Pace()
        self._waited = 0.0
        threading.Thread(target=self._pump, daemon=True).start()

    @property
    def waiting_seconds(self) -> float:
        """Since the sound that is read next came, where it comes as it is spoken; a file is as fast as it is read."""
        return self._pace.late_seconds

    def take_lost(self) -> float:
        """Zero."""
        return 0.0

    def read(self, timeout: float) -> NDArray[Any] | None:
        """The next block (N, channels), see `LiveSource`."""
        asked = monotonic()
        nothing_came = self._blocks.empty()
        try:
            data = self._blocks.get(timeout=timeout)
        except Empty:
            data = b""
        if nothing_came:
            self._waited += monotonic() - asked
        if isinstance(data, AudioError):
            raise data
        if data is None:
            self._blocks.put(None)  # for whoever reads on
            return None
        block = decode_pcm(data, self._encoding, self._channels)
        self._pace.take(len(block) / self.rate, self._waited)
        if len(block):
            self._waited = 0.0
        return block

    def _read_next(self, most: int) -> bytes:
        """What has come, at most so many bytes; none at the end."""
        try:
            return self._read_some(most)
        except (OSError, ValueError) as error:  # a file that is closed meanwhile raises the second
            reason = getattr(error, "strerror", None) or error
            raise AudioError(f"standard input: cannot be read ({reason}); check what writes it") from None

    def _read_exactly(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count and (part := self._read_next(count - len(parts))):
            parts += part
        return bytes(parts)

    def _skip(self, count: int) -> None:
        while count and (part := self._read_next(min(count, _PIPE_BYTES))):
            count -= len(part)

    def _is_mp4(self) -> bool:
        if not self._begun.startswith(b"\0\0\0"):  # a box of less than 256 bytes, or silence
            return False
        self._begun += self._read_exactly(4)
        return self._begun.endswith(b"ftyp")

    def _is_aac(self) -> bool:
        """Frames of ADTS (ISO/IEC 13818-7, 6.2): each tells its bytes, and the next begins as it does."""
        if not self._begun.startswith(_MAYBE_AAC):
            return False
        self._begun += self._read_exactly(2)
        frame_bytes = int.from_bytes(self._begun[3:6], "big") >> 5 & 0x1FFF
        self._begun += self._read_exactly(frame_bytes + 3 - len(self._begun))
        return frame_bytes >= _ADTS_HEADER_BYTES and self._begun[frame_bytes:][:3] == self._begun[:3]

    def _is_mp3(self) -> bool:
        if not self._begun.startswith(_MAYBE_MP3):
            return False
        import soundfile

        self._begun += self._read_exactly(_MP3_BYTES - len(self._begun))
        try:
            return bool(soundfile.info(io.BytesIO(self._begun)).format == "MP3")
        except soundfile.LibsndfileError:
            return False

    def _read_header(self) -> None:
        """Up to the first sample; the size of the sound is that of the header, where its writer knew it."""
        self._begun = b""
        head = self._read_exactly(8)
        if head[4:] != b"WAVE":
            raise AudioError("standard input: begins as WAV and is none; give WAV, or raw samples with --encoding")
        known = False
        while len(chunk := self._read_exactly(8)) == 8:
            name, size = struct.unpack("<4sI", chunk)
            if name == b"data" and known:
                self._left = sys.maxsize if says_nothing(size) else size
                return
            if name == b"fmt " and 16 <= size <= _PIPE_BYTES:
                body = self._read_exactly(size + size % 2)
                if len(body) < size:
                    break
                self._set_format(body)
                known = True
            else:
                self._skip(size + size % 2)
        raise AudioError("standard input: the WAV ends before its first sample; check what writes it")

    def _set_format(self, body: bytes) -> None:
        kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", body[:16])
        if kind == _EXTENSIBLE and len(body) >= 26:
            kind = struct.unpack("<H", body[24:26])[0]
        if (kind, bits) not in _WAV_ENCODINGS:
            samples = {_PCM: f"{bits}-bit integers", _FLOAT: f"{bits}-bit floats"}.get(kind, "compressed sound")
            raise AudioError(f"standard input: WAV of {samples} is not read from a pipe; {_CONVERTED}")
        if not (LEAST_RATE <= rate <= MOST_RATE and 1 <= channels <= MOST_CHANNELS):
            raise AudioError(
                f"standard input: WAV of {rate} Hz and {channels} channels cannot be heard; check what writes it"
            )
        self.rate, self._channels, self._encoding = rate, channels, _WAV_ENCODINGS[kind, bits]
        self._frame_bytes = ENCODINGS[self._encoding].itemsize * channels

    def _pump(self) -> None:
        """Whole frames to the queue as soon as they are there; an incomplete last one is dropped.

        What comes after the sound is read too, and dropped, so that its writer is not disturbed.
        """
        most = max(round(_BLOCK_SECONDS * self.rate), 1) * self._frame_bytes
        held, promised = self._queue_frames(self._begun), self._left
        try:
            while self._left and (data := self._read_next(min(most, self._left))):
                self._left -= len(data)
                held = self._queue_frames(held + data)
            if promised < sys.maxsize:
                self._compare(promised, most)
        except AudioError as error:
            self._blocks.put(error)
        self._blocks.put(None)
        with contextlib.suppress(AudioError):
            while self._read_next(most):
                pass

    def _compare(self, promised: int, most: int) -> None:
        """See whether there was less sound, or another `most` bytes of it, than the header promised (in bytes).

        A writer that is silent then, but leaves the pipe open, holds the end back no longer than a moment.
        """
        frame_rate = self._frame_bytes * self.rate
        if self._left:
            read = f"read {(promised - self._left) / frame_rate:.1f} s of the {promised / frame_rate:.1f} s"
            self.problem = f"standard input: damaged or cut short: {read} its header promises; check what writes it"
            return
        end = threading.Timer(_MOMENT, self._blocks.put, (None,))
        end.start()
        follows = self._read_exactly(most)
        end.cancel()
        if len(follows) == most and not _TAG_OR_CHUNK.match(follows):
            seconds = f"its header says {promised / frame_rate:.1f} s, but more follows"
            self.problem = f"standard input: {seconds}, which was not heard; check what writes it"

    def _queue_frames(self, data: bytes) -> bytes:
        """Put the whole frames where they are read, and give what is left."""
        whole = len(data) // self._frame_bytes * self._frame_bytes
        if whole:
            self._blocks.put(data[:whole])
        return data[whole:]
