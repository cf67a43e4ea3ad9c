"""Recognisers at work in several processes: in one of them, Python's lock lets no two searches run at once."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from queue import LifoQueue
from types import TracebackType

import numpy as np

from speech2text.disk import is_pipe
from speech2text.errors import AudioError, AudioWarning, BundleError
from speech2text.runtime.recognizer import Recognizer, Source
from speech2text.text.transcript import Seconds, Segment, Transcript

OnProgress = Callable[[Seconds], None]
OnSegment = Callable[[Segment], None]


class RecognizerPool:
    """Transcribes for up to `size` threads at once: for one of them here, for each other in a process of its own.

    A process starts when there is work for it, and opens all the recognisers. Where one dies, its work is done here. A
    context; at its end the processes end. As with all of `multiprocessing`, a script that uses it needs the guard
    `if __name__ == "__main__":`.
    """

    def __init__(self, recognizers: Sequence[Recognizer], size: int) -> None:
        self._recognizers = recognizers
        self._processes = [_Process(recognizers) for _ in range(size - 1)]
        self._free: LifoQueue[_Process | None] = LifoQueue()  # None is here, which is best: it is open already
        for each in (*reversed(self._processes), None):
            self._free.put(each)

    def __enter__(self) -> RecognizerPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.end()

    def transcribe(
        self,
        recognizer: Recognizer,
        source: Source,
        *,
        on_progress: OnProgress | None = None,
        on_segment: OnSegment | None = None,
    ) -> Transcript:
        """See `Recognizer.transcribe`, with one of the recognisers; an open file, or a pipe, is always read here."""
        by_path = isinstance(source, (str, os.PathLike)) and not is_pipe(Path(source))
        if not (by_path or isinstance(source, np.ndarray)):
            return recognizer.transcribe(source, on_progress=on_progress, on_segment=on_segment)
        heard = told = 0  # segments of this attempt, and of all attempts

        def tell_new(segment: Segment) -> None:
            nonlocal heard, told
            heard += 1
            if heard > told:
                told = heard
                if on_segment:
                    on_segment(segment)

        process = self._free.get()
        try:
            if process:
                number = self._recognizers.index(recognizer)
                try:
                    return process.transcribe(number, source, on_progress=on_progress, on_segment=tell_new)
                except _DeadError:
                    process = None
                    heard = 0  # it is heard from the start again, and what was told is not told again
            return recognizer.transcribe(source, on_progress=on_progress, on_segment=tell_new)
        finally:
            self._free.put(process)


class _DeadError(Exception):
    """The process is no more, whether it was killed or met an error that nobody expects, and that will be met here."""


class _Process:
    """Copies of recognisers in another process; for one thread at a time."""

    def __init__(self, recognizers: Sequence[Recognizer]) -> None:
        self._recognizers = recognizers
        self._running: tuple[SpawnProcess, Connection] | None = None

    def transcribe(
        self, number: int, source: Source, *, on_progress: OnProgress | None, on_segment: OnSegment
    ) -> Transcript:
        """See `Recognizer.transcribe`, by the recogniser of this number.

        Raises:
            AudioError: see there.
            _DeadError: the process died.
        """
        finished = False
        try:
            for message in self._ask(number, source):
                if isinstance(message, Transcript):
                    finished = True
                    return message
                if isinstance(message, AudioError):
                    finished = True
                    raise message
                if isinstance(message, AudioWarning):
                    warnings.warn(message, stacklevel=2)
                elif isinstance(message, Segment):
                    on_segment(message)
                elif on_progress:
                    on_progress(message)
            raise _DeadError
        finally:
            if not finished:  # it is dead, or in the middle of what nobody waits for any more
                self.end()

    def end(self) -> None:
        """End the process, if there is one; it has nothing to lose."""
        if self._running:
            process, connection = self._running
            connection.close()
            process.kill()
            process.join()
            self._running = None

    def _ask(self, number: int, source: Source) -> Iterator[Transcript | AudioError | AudioWarning | Segment | Seconds]:
        """What the process tells while it transcribes, until it is dead."""
        with suppress(EOFError, OSError):
            connection = self._running[1] if self._running else self._start()
            connection.send((number, source))
            while True:
                yield connection.recv()

    def _start(self) -> Connection:
        context = get_context("spawn")  # a fork would copy locks that other threads hold
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs,), daemon=True)
        process.start()
        theirs.close()
        self._running = process, ours
        ours.send(self._recognizers)
        return ours


def _serve(connection: Connection) -> None:
    """Transcribe what comes, with the recognisers that come first, until nobody listens any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one, and ends it

    def show(message: Warning | str, *_: object, **__: object) -> None:
        connection.send(message)

    warnings.simplefilter("ignore")
    warnings.simplefilter("always", AudioWarning)
    warnings.showwarning = show
    with suppress(EOFError, OSError, BundleError):  # no bundle: it was changed meanwhile
        recognizers: Sequence[Recognizer] = connection.recv()
        while True:
            number, source = connection.recv()
            try:
                told: Transcript | AudioError = recognizers[number].transcribe(
                    source, on_progress=connection.send, on_segment=connection.send
                )
            except AudioError as error:
                told = error
            connection.send(told)
