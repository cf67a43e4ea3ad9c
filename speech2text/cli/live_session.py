"""A session of `speech2text listen`: what is shown of it while it lasts, and what is kept."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from speech2text.audio.live import LiveSource
from speech2text.audio.recording import WavWriter
from speech2text.cli.console import print_note
from speech2text.cli.interrupts import interrupts_set
from speech2text.cli.listening import Listening
from speech2text.cli.live_display import LiveDisplay
from speech2text.disk import write_atomically
from speech2text.text.transcript import Segment
from speech2text.text.writers import GROWING

if TYPE_CHECKING:
    from speech2text import Stream, Update


class LiveSession:
    """Shows the words of a source; keeps its segments in one file and its sound in another, where these are named.

    Raises:
        OutputError: a file cannot be written.
    """

    def __init__(self, source: LiveSource, stream: Stream, output: Path | None, save_audio: Path | None) -> None:
        self._display = LiveDisplay()
        self._kept = _KeptSegments(output) if output else None
        self._recording = WavWriter(save_audio, source.rate) if save_audio else None
        self._listening = Listening(source, stream, self._take_block, self._take_update, self._display.note)

    def run(self) -> None:
        """Until the source ends or Ctrl-C; then says how fast it was.

        Raises:
            AudioError: the source failed.
            OutputError: a file, or standard output, can take no more.
        """
        with self._recording or nullcontext(), interrupts_set(self._listening.stop):
            try:
                self._listening.run()
            finally:
                self._display.clear()
                for line in self._listening.summary():
                    print_note(line)

    def _take_block(self, block: NDArray[np.float32]) -> None:
        if self._recording:
            self._recording.write(block)
        self._display.level(block)

    def _take_update(self, update: Update) -> None:
        segment = update.segment
        if not update.final:
            self._display.partial(segment.text)
            return
        try:
            if self._kept and (segment.text or segment.guard):
                self._kept.add(segment, self._listening.heard)  # first, since whoever reads the text may have gone
        finally:
            self._display.final(segment.text)


class _KeptSegments:
    """A file that is whole with all segments so far."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._format = GROWING[path.suffix[1:].lower()]
        self._parts: list[Any] = []
        self._write(0.0)

    def add(self, segment: Segment, seconds: float) -> None:
        """Write the file with one segment more; `seconds` were heard by now."""
        self._parts.append(self._format.part(len(self._parts), segment))
        self._write(seconds)

    def _write(self, seconds: float) -> None:
        write_atomically(self._path, self._format.whole(self._parts, seconds))
