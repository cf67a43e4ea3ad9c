"""What a client may ask of the service, and who is being served."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from math import isfinite
from typing import TYPE_CHECKING, Any

from speech2text.audio.limits import MOST_RATE
from speech2text.serving.replies import RequestError, stopping_error

if TYPE_CHECKING:  # the command knows the limits where the packages of the service are missing
    from starlette.types import Message, Receive

LOWEST_RATE = 4000
"""Samples a second; below it there is no speech to hear, only work for the resampler."""


@dataclass(frozen=True)
class Limits:
    """Bounds on what one client and all clients together may take.

    Attributes:
        upload_bytes: of one request, the recording and all other fields together.
        seconds: of sound in one recording or one stream.
        sample_rate: of a recording or a stream, in Hz.
        sessions: streams and uploads served at the same time.
        idle_seconds: a client may send nothing, or take nothing of what it is sent.

    Raises:
        ValueError: one of them is not above 0, or the rate is none that is heard.
    """

    upload_bytes: float = 200 * 2**20
    seconds: float = 4 * 3600.0
    sample_rate: int = 192_000
    sessions: int = 64
    idle_seconds: float = 30.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (isfinite(value) and value > 0):
                raise ValueError(f"the limit {field.name} must be a finite number above 0, not {value}")
        if not LOWEST_RATE <= self.sample_rate <= MOST_RATE:
            raise ValueError(f"the limit sample_rate must be {LOWEST_RATE} to {MOST_RATE}, not {self.sample_rate}")

    def check_rate(self, rate: int, param: str) -> None:
        """Refuse a sample rate, with the name of the parameter it came in.

        Raises:
            RequestError: it is out of bounds.
        """
        if not LOWEST_RATE <= rate <= self.sample_rate:
            raise RequestError(
                f"a sample rate of {rate} Hz is not taken; send {LOWEST_RATE} to {self.sample_rate} Hz", param=param
            )

    def check_seconds(self, seconds: float) -> None:
        """Refuse sound of that length.

        Raises:
            RequestError: it is too long.
        """
        if seconds > self.seconds:
            raise RequestError(f"more than {self.seconds:g} s of sound; send it in parts", 413, "too_long")


class Sessions:
    """Who is being served: entered by every stream and upload. Made inside a running event loop.

    Attributes:
        active: how many there are now.
        stopping: done when the service is about to end; sessions wait for it beside their client.
    """

    def __init__(self, limit: int) -> None:
        self.active = 0
        self.stopping: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._limit = limit

    @contextmanager
    def enter(self) -> Iterator[None]:
        """One more session as long as the block lasts.

        Raises:
            RequestError: there are as many as may be, or the service is stopping.
        """
        if self.stopping.done():
            raise stopping_error()
        if self.active >= self._limit:
            raise RequestError(
                f"{self._limit} sessions are open, and no more are allowed; try again later", 503, "too_many_sessions"
            )
        self.active += 1
        try:
            yield
        finally:
            self.active -= 1

    async def receive(self, receive: Receive, idle_seconds: float, remedy: str = "") -> Message:
        """What a client sends next.

        Raises:
            RequestError: nothing came for so long, or the service is stopping, also where more has come: it may never
                end.
        """
        receiving = asyncio.ensure_future(receive())
        ends: set[asyncio.Future[Any]] = {receiving, self.stopping}
        try:
            await asyncio.wait(ends, timeout=idle_seconds, return_when=asyncio.FIRST_COMPLETED)
            if self.stopping.done():
                raise stopping_error()
            if not receiving.done():
                raise RequestError(f"nothing came for {idle_seconds:g} s{remedy}", 408, "idle")
        finally:
            receiving.cancel()
        return receiving.result()

    def stop(self) -> None:
        """Let no new session in, and tell those inside."""
        if not self.stopping.done():
            self.stopping.set_result(None)
