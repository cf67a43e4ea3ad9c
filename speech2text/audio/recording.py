"""Writing sound to a WAV file while it is made, so that the file is whole whenever the program ends."""

from __future__ import annotations

import wave
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from speech2text.audio.pcm import encode_pcm
from speech2text.errors import OutputError

_SAMPLE_BYTES = 2
_MOST_BYTES = 2**32 - 44  # the sizes in the header, which takes 44 bytes, have 32 bits


class WavWriter:
    """A file of 16-bit samples in one channel, to be used in a `with`; a file of that name is replaced.

    Its header is brought up to date with each block: libsndfile does so at the end alone, and what a program that was
    killed has written would be empty for most readers.

    Raises:
        OutputError: no space, no permission, no such folder.
    """

    def __init__(self, path: Path, rate: int) -> None:
        self._path = path
        plain = f"{path}: is no file whose header can be brought up to date; record to a plain file"
        try:
            if path.is_fifo():  # to open one waits for its reader
                raise OutputError(plain)
            self._file = path.open("wb")
        except OSError as error:
            raise self._failure(error) from None
        if not self._file.seekable():
            self._file.close()
            raise OutputError(plain)
        self._wave = wave.Wave_write(self._file)
        self._wave.setparams((1, _SAMPLE_BYTES, rate, 0, "NONE", ""))
        try:
            self.write(np.zeros(0, np.float32))
        except OutputError:
            self._close()
            raise

    def __enter__(self) -> WavWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def write(self, samples: NDArray[np.float32]) -> None:
        """Add samples (N,) from -1 to 1; what is louder is clipped.

        Raises:
            OutputError: no space is left, or the file has the 4 GiB that WAV can have.
        """
        data = encode_pcm(samples).tobytes()
        if _SAMPLE_BYTES * self._wave.tell() + len(data) > _MOST_BYTES:
            raise OutputError(f"{self._path}: a WAV file cannot have more than 4 GiB; record to another one")
        try:
            self._wave.writeframes(data)
            self._file.flush()
        except OSError as error:
            raise self._failure(error) from None

    def _close(self) -> None:
        for file in (self._wave, self._file):
            with suppress(OSError):  # what was written is on its way since `write`, and what failed there was told
                file.close()

    def _failure(self, error: OSError) -> OutputError:
        return OutputError(f"{self._path}: cannot be written ({error.strerror}); check space, folder and permissions")
