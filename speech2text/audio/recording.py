"""Writing sound to a WAV file while it is made, so that the file is whole whenever the program ends."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from speech2text.errors import OutputError

_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_MOST_BYTES = 2**32 - _HEADER.size  # the sizes in the header have 32 bits


class Recording:
    """A file of 16-bit samples in one channel, to be used in a `with`; a file of that name is replaced.

    Its header is brought up to date with each block: libsndfile does so at the end alone, and what a program that was
    killed has written would be empty for most readers.

    Raises:
        OutputError: no space, no permission, no such folder.
    """

    def __init__(self, path: Path, rate: int) -> None:
        self._path = path
        self._rate = rate
        self._bytes = 0
        try:
            self._file = path.open("wb", buffering=0)
        except OSError as error:
            raise self._failure(error) from None
        try:
            self.write(np.zeros(0, np.float32))
        except OutputError:
            self._file.close()
            raise

    def __enter__(self) -> Recording:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, samples: NDArray[np.float32]) -> None:
        """Add samples (N,) from -1 to 1; what is louder is clipped.

        Raises:
            OutputError: no space is left, or the file has the 4 GiB that WAV can have.
        """
        data = np.clip(np.round(samples * 2**15), -(2**15), 2**15 - 1).astype("<i2").tobytes()
        if self._bytes + len(data) > _MOST_BYTES:
            raise OutputError(f"{self._path}: a WAV file cannot have more than 4 GiB; record to another one")
        try:
            self._write_at(_HEADER.size + self._bytes, data)
            self._bytes += len(data)
            self._write_at(0, self._header())  # last, so that it never tells of more than there is
        except OSError as error:
            raise self._failure(error) from None

    def _write_at(self, place: int, data: bytes) -> None:
        self._file.seek(place, os.SEEK_SET)
        while data:
            data = data[self._file.write(data) :]  # a full disk may take a part

    def _header(self) -> bytes:
        sound = (b"fmt ", 16, 1, 1, self._rate, 2 * self._rate, 2, 16)  # PCM, one channel, 2 bytes a frame
        return _HEADER.pack(b"RIFF", _HEADER.size - 8 + self._bytes, b"WAVE", *sound, b"data", self._bytes)

    def _failure(self, error: OSError) -> OutputError:
        return OutputError(f"{self._path}: cannot be written ({error.strerror}); check space, folder and permissions")
