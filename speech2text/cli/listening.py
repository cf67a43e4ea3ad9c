"""The loop of `speech2text listen`: blocks of a source through a stream, and what is to be said about them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from speech2text.audio.live import LiveSource
from speech2text.audio.pace import Lateness
from speech2text.errors import AudioError
from speech2text.evaluation.delays import Delays, percentile
from speech2text.runtime.arrays import mix_down

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from speech2text import Update
    from speech2text.runtime.stream import Stream

_SILENT_SECONDS = 2.0  # without a frame, or of frames that are all zero
_LOOK_SECONDS = 0.1
_MOST_WAITING_SECONDS = 3.0  # about what a pipe and its queue hold; who was stopped from writing more has lost that


@dataclass
class Listening:
    """Feeds a stream until its source ends or `stop` is set; what is seen and kept of it is the caller's.

    on_block: gets the samples (N,) of each block, channels averaged, before they are heard.
    heard, busy: seconds of sound fed, and of time spent on it.
    """

    source: LiveSource
    stream: Stream
    on_block: Callable[[NDArray[np.float32]], None]
    on_update: Callable[[Update], None]
    on_note: Callable[[str], None]
    stop: threading.Event = field(default_factory=threading.Event)
    delays: Delays = field(default_factory=Delays)
    heard: float = 0.0
    busy: float = 0.0
    _lateness: Lateness = field(default_factory=Lateness)
    _zeros: float | None = 0.0  # seconds of nothing else so far; None once something came, or that was told
    _damage_told: bool = False

    def run(self) -> None:
        """Until the end; then the segment that is open is finished.

        Raises:
            AudioError: the source failed, or begins with what is no sound, or none of the sound that it promised
                came; the open segment is finished first.
        """
        try:
            self._listen()
        finally:
            self._show(self.stream.finish)

    def _listen(self) -> None:
        last = time.monotonic()
        told = False
        while not self.stop.is_set():
            self._check_pace()
            block = self.source.read(_LOOK_SECONDS)
            if block is None:
                if self.source.problem and not self.heard:
                    raise AudioError(self.source.problem)
                if self.source.problem:
                    self.on_note(f"warning: {self.source.problem}")
                return
            if len(block):
                last, told = time.monotonic(), False
                self._take(block)
            elif not told and time.monotonic() - last >= _SILENT_SECONDS:
                told = True
                self.on_note(f"warning: no sound has come for 2 s; check {self.source.check}")
        left = min(self.source.waiting_seconds, _MOST_WAITING_SECONDS) + _LOOK_SECONDS  # said by the time of the stop
        while left > 0 and (block := self.source.read(_LOOK_SECONDS / 2)) is not None and len(block):
            self._take(block)
            left -= len(block) / self.source.rate
        self._check_lost()

    def _take(self, block: NDArray[Any]) -> None:
        samples = self._mixed(block)
        self.on_block(samples)
        self._check_zeros(samples)
        self.heard += len(samples) / self.source.rate
        self._show(lambda: self.stream.feed(samples, behind=self._lateness.behind))

    def _mixed(self, block: NDArray[Any]) -> NDArray[np.float32]:
        """The samples (N,) of a block, channels averaged; silence for a damaged one once something was heard."""
        try:
            return mix_down(block)
        except AudioError as error:
            if not self.heard:
                raise
            if not self._damage_told:
                self._damage_told = True
                self.on_note(f"warning: {error}; silence is heard in place of such a moment")
            return np.zeros(len(block), np.float32)

    def _show(self, work: Callable[[], list[Update]]) -> None:
        begin = time.perf_counter()
        updates = work()
        spent = time.perf_counter() - begin
        self.busy += spent
        late = max(spent, self.source.waiting_seconds)  # meanwhile more came
        for update in updates:
            self.delays.add(update.segment, update.final, self.heard + late, late)
            self.on_update(update)

    def _check_pace(self) -> None:
        if news := self._lateness.look(self.source.waiting_seconds):
            self.on_note(f"warning: {news}")
        self._check_lost()

    def _check_lost(self) -> None:
        if lost := self.source.take_lost():
            self.on_note(f"warning: {lost:.2f} s of sound were lost; the computer is too busy")

    def _check_zeros(self, samples: NDArray[np.float32]) -> None:
        """Tell it where nothing else has come so far: between words there is digital silence too, as of a gate."""
        if self._zeros is None:
            return
        self._zeros = None if np.any(samples) else self._zeros + len(samples) / self.source.rate
        if self._zeros is not None and self._zeros >= _SILENT_SECONDS:
            self._zeros = None
            self.on_note(f"warning: the sound is all zeros; check {self.source.check}")

    def summary(self) -> list[str]:
        """What the session came to, in lines for people."""
        if not self.heard:
            return ["nothing was heard"]
        lines = [f"{self.heard:.1f} s heard, real-time factor {self.busy / self.heard:.3f}"]
        delays = self.delays
        if delays.first_partials:
            lines.append(f"first words of a segment after {percentile(delays.first_partials, 50):.2f} s (median)")
        for what, values in (
            ("words shown", [word.shown for word in delays.words]),
            ("and as they stayed", [word.settled for word in delays.words]),
        ):
            if values:
                middle, most = (percentile(values, percent) for percent in (50, 95))
                lines.append(f"{what} {middle:.2f} s after their end (median; 95th percentile {most:.2f} s)")
        if delays.shown:
            lines.append(f"{100 * delays.changed / delays.shown:.0f} % of the words shown changed with the next text")
        if delays.finals:
            lines.append(f"final text {percentile(delays.finals, 50):.3f} s after the end of a segment (median)")
        return lines
