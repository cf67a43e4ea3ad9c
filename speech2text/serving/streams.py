"""The WebSocket `/v1/stream`: PCM in as binary messages, updates out as lines of JSON, one a message.

    ws://127.0.0.1:8000/v1/stream?rate=16000&channels=1&encoding=s16le
    {"index": 0, "final": false, "segment": {"id": 0, "start": 0.3, "end": 1.2, "text": "i should", "words": [...]}}

A segment has the keys of `transcribe --format jsonl`; a line replaces the last one of its index, until one is final.

An empty message ends the stream: the last updates come, and the service closes with code 1000. Whatever else ends it
(bad input, a limit, the service stopping), what was said before is finished first; then an error comes as a line of
JSON, and the closing code tells as well: 1008 for the client's mistakes, 1013 for later, 1011 for a fault of the
service. A client that closes, whose connection breaks, or whose message has more than 4 MiB (closing code 1009), ends
its stream and gets nothing any more.

No message is taken before the last one was heard, so whoever sends faster than can be heard is slowed down. Where sound
that comes as it is spoken is heard late, partial updates are spared until that is made up for, and the client is told:

    {"warning": {"code": "late", "message": "1.3 s behind; words come with the end of their segment until ..."}}
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from speech2text.audio.pace import Lateness, Pace
from speech2text.audio.pcm import ENCODINGS, decode_pcm
from speech2text.errors import AudioError
from speech2text.serving.limits import Limits, Sessions
from speech2text.serving.replies import RequestError, describe_error, internal_error
from speech2text.text.writers import describe_segment

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from speech2text.runtime.recognizer import Recognizer
    from speech2text.runtime.stream import Stream, Update

MESSAGE_BYTES = 2**20
"""Of one message; more is refused."""

_MOST_CHANNELS = 8
BAD, _FAULT, _LATER = 1008, 1011, 1013  # codes of RFC 6455 and its registry


@dataclass(frozen=True)
class PcmFormat:
    """How the bytes of a stream are to be read."""

    rate: int
    channels: int
    encoding: str


class Streams:
    """Serves streams; the work is done in the threads of the pool, a second of one stream at a time."""

    def __init__(self, recognizer: Recognizer, limits: Limits, sessions: Sessions, pool: Executor) -> None:
        self._recognizer = recognizer
        self._limits = limits
        self._sessions = sessions
        self._pool = pool

    async def serve(self, socket: WebSocket) -> None:
        """Serve one client to its end."""
        await socket.accept()
        try:
            try:
                with self._sessions.enter():
                    await self._hear(socket, read_format(socket.query_params, self._limits))
            except RequestError as error:
                await self._send(socket, describe_error(error))
                await self._in_time(socket.close(_LATER if error.status == 503 else BAD))
            except WebSocketDisconnect:
                raise
            except Exception:
                await self._send(socket, describe_error(internal_error()))
                await self._in_time(socket.close(_FAULT))
                raise
            else:
                await self._in_time(socket.close())
        except WebSocketDisconnect:
            pass  # nobody is there any more

    async def _hear(self, socket: WebSocket, pcm: PcmFormat) -> None:
        in_thread = partial(asyncio.get_running_loop().run_in_executor, self._pool)
        stream = self._recognizer.stream(pcm.rate)
        pace, lateness = Pace(), Lateness()
        problem = None
        try:
            async for samples in self._receive_samples(socket, pcm, pace):
                news, updates = await in_thread(_feed, stream, samples, pace, lateness)
                if news:
                    await self._send(socket, {"warning": {"code": "late", "message": news}})
                await self._tell(socket, updates)
        except (RequestError, AudioError) as error:
            problem = error
        await self._tell(socket, await in_thread(stream.finish))
        if isinstance(problem, AudioError):
            raise RequestError(str(problem), code="bad_audio")
        if problem:
            raise problem

    async def _receive_samples(self, socket: WebSocket, pcm: PcmFormat, pace: Pace) -> AsyncIterator[NDArray[Any]]:
        """What the client sends (N, channels), a second at most at a time, until it ends the stream."""
        frames = 0
        asked = monotonic()
        while message := await self._receive(socket):
            waited = monotonic() - asked
            samples = decode_pcm(message, pcm.encoding, pcm.channels)
            frames += len(samples)
            self._limits.check_seconds(frames / pcm.rate)
            for begin in range(0, len(samples), pcm.rate):
                piece = samples[begin : begin + pcm.rate]
                pace.take(len(piece) / pcm.rate, 0.0 if begin else waited)
                yield piece
            asked = monotonic()

    async def _receive(self, socket: WebSocket) -> bytes:
        """The bytes of the next message; none when the client ends the stream."""
        message = await self._sessions.receive(socket.receive, self._limits.idle_seconds)
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message["code"])
        if message.get("text"):
            raise RequestError("a text message; send PCM as binary messages, and an empty one at the end")
        data: bytes = message.get("bytes") or b""
        if len(data) > MESSAGE_BYTES:
            raise RequestError(f"a message of {len(data)} bytes; send {MESSAGE_BYTES} at most", 413, "too_large")
        return data

    async def _tell(self, socket: WebSocket, updates: Iterable[Update]) -> None:
        for update in updates:
            segment = describe_segment(update.index, update.segment)
            await self._send(socket, {"index": update.index, "final": update.final, "segment": segment})

    async def _send(self, socket: WebSocket, line: Mapping[str, Any]) -> None:
        await self._in_time(socket.send_text(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n"))

    async def _in_time(self, sending: Awaitable[None]) -> None:
        """Wait for something to be sent; a client that takes nothing is treated as if it had gone."""
        try:
            await asyncio.wait_for(sending, self._limits.idle_seconds)
        except asyncio.TimeoutError:
            raise WebSocketDisconnect from None


def read_format(query: Mapping[str, str], limits: Limits) -> PcmFormat:
    """The format of a stream by its query: `rate` (16000), `channels` (1) and `encoding` (s16le).

    Raises:
        RequestError: a parameter that is wrong, out of bounds, or not known.
    """
    for name in query:
        if name not in ("rate", "channels", "encoding"):
            raise RequestError(f"no such parameter: {name!r}; there are rate, channels and encoding", param=name)
    rate = _read_number(query, "rate", 16_000)
    limits.check_rate(rate, "rate")
    channels = _read_number(query, "channels", 1)
    if not 1 <= channels <= _MOST_CHANNELS:
        raise RequestError(f"channels must be 1 to {_MOST_CHANNELS}, not {channels}", param="channels")
    encoding = query.get("encoding", "s16le")
    if encoding not in ENCODINGS:
        raise RequestError(f"encoding must be one of {', '.join(ENCODINGS)}, not {encoding!r}", param="encoding")
    return PcmFormat(rate, channels, encoding)


def _read_number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise RequestError(f"{name} must be a whole number, not {text[:80]!r}", param=name)
    return int(text)


def _feed(stream: Stream, samples: NDArray[Any], pace: Pace, lateness: Lateness) -> tuple[str | None, list[Update]]:
    """Hear samples in a thread whose turn has come: what to tell of how late that is, and the updates."""
    news = lateness.look(pace.late_seconds)
    return news, stream.feed(samples, behind=lateness.behind)
