"""A recogniser at work in several processes: in one of them, Python's lock lets no two searches run at once."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from queue import SimpleQueue
from types import TracebackType

import numpy as np

from speech2text.errors import AudioError, AudioWarning, BundleError
from speech2text.runtime.recognizer import Recognizer, Source
from speech2text.text.transcript import Seconds, Segment, Transcript

OnProgress = Callable[[Seconds], None]
OnSegment = Callable[[Segment], None]
_IGNORED_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
"""They reach a whole group of processes, and the one that started the others ends them when it has what it needs."""


class RecognizerPool:
    """Transcribes for up to `size` threads at once: for one of them here, for each other in a process of its own.

    A context; at its end the processes end.
    """

    def __init__(self, recognizer: Recognizer, size: int) -> None:
        self._here = recognizer
        self._processes = [_RecognizerProcess(recognizer) for _ in range(size - 1)]
        self._free: SimpleQueue[Recognizer | _RecognizerProcess] = SimpleQueue()
        self._free.put(recognizer)
        for process in self._processes:
            self._free.put(process)

    def __enter__(self) -> RecognizerPool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process in self._processes:
            process.end()

    def transcribe(
        self, source: Source, *, on_progress: OnProgress | None = None, on_segment: OnSegment | None = None
    ) -> Transcript:
        """See `Recognizer.transcribe`; an open file is always read here.

        Raises:
            AudioError: also where the process that transcribed is gone.
        """
        if not isinstance(source, (str, os.PathLike, np.ndarray)):
            return self._here.transcribe(source, on_progress=on_progress, on_segment=on_segment)
        transcriber = self._free.get()
        try:
            return transcriber.transcribe(source, on_progress=on_progress, on_segment=on_segment)
        finally:
            self._free.put(transcriber)


class _RecognizerProcess:
    """A copy of a recogniser in a process that starts when it is first needed; for one thread at a time."""

    def __init__(self, recognizer: Recognizer) -> None:
        self._recognizer = recognizer
        self._running: tuple[SpawnProcess, Connection] | None = None

    def transcribe(
        self, source: Source, *, on_progress: OnProgress | None = None, on_segment: OnSegment | None = None
    ) -> Transcript:
        """See `RecognizerPool.transcribe`."""
        finished = False
        try:
            for told in self._ask(source):
                if isinstance(told, Transcript):
                    finished = True
                    return told
                if isinstance(told, AudioWarning):
                    warnings.warn(told, stacklevel=2)
                elif isinstance(told, Exception):
                    finished = True
                    raise told
                elif isinstance(told, Segment):
                    if on_segment:
                        on_segment(told)
                elif on_progress:
                    on_progress(told)
        finally:
            if not finished:  # it is gone, or in the middle of what nobody waits for any more
                self.end()
        name = "samples" if isinstance(source, np.ndarray) else source
        raise AudioError(f"{name}: the process that heard it is gone, maybe for want of memory; use fewer threads")

    def end(self) -> None:
        """End the process, if there is one; it has nothing to lose."""
        if self._running:
            process, connection = self._running
            connection.close()
            process.kill()
            process.join()
            self._running = None

    def _ask(self, source: Source) -> Iterator[Transcript | Exception | Segment | Seconds]:
        """What the process tells while it transcribes, until the process is gone."""
        with suppress(EOFError, OSError):
            connection = self._running[1] if self._running else self._start()
            connection.send(source)
            while True:
                yield connection.recv()

    def _start(self) -> Connection:
        context = get_context("spawn")  # a fork would copy locks that other threads hold
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs,))
        process.start()
        theirs.close()
        self._running = process, ours
        ours.send(self._recognizer)
        return ours


def _serve(connection: Connection) -> None:
    """Transcribe what comes, with the recogniser that comes first, until nobody listens any more."""
    for name in _IGNORED_SIGNALS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)

    def show(message: Warning | str, *_: object, **__: object) -> None:
        connection.send(message)

    warnings.simplefilter("ignore")
    warnings.simplefilter("always", AudioWarning)
    warnings.showwarning = show
    with suppress(EOFError, OSError):
        try:
            recognizer: Recognizer = connection.recv()
        except BundleError as error:
            connection.send(error)
            return
        while True:
            source = connection.recv()
            try:
                told: Transcript | Exception = recognizer.transcribe(
                    source, on_progress=connection.send, on_segment=connection.send
                )
            except Exception as error:  # whoever asked raises it
                told = error
            connection.send(told)
