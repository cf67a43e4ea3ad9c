"""The service: one recogniser behind HTTP and WebSocket, until it is interrupted.

    GET  /health                    is it there, and how busy
    GET  /v1/models                 the one model
    POST /v1/audio/transcriptions   serving/transcriptions.py
    WS   /v1/stream                 serving/streams.py

It knows no users and no encryption: whoever reaches the port may use it. On a network, put a proxy in front that does.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import h11
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from uvicorn.protocols.http.h11_impl import H11Protocol

from speech2text.errors import ServiceError, damage_raised
from speech2text.serving.limits import Limits, Sessions
from speech2text.serving.replies import RequestError, describe_error, describe_model, describe_models, internal_error
from speech2text.serving.streams import BAD, MESSAGE_BYTES, Streams
from speech2text.serving.transcriptions import Transcriptions

if TYPE_CHECKING:
    from speech2text.runtime.recognizer import Recognizer

_GRACE_SECONDS = 10.0  # for sessions to end once the service is interrupted
_CLOSING_SECONDS = 1  # for connections to close after that
_TICK_SECONDS = 0.05
_LINGER_SECONDS = 2.0  # for a refused client to read why, before the connection closes under what it sends on
_OTHER_CONNECTIONS = 256  # that are told that there are enough sessions, or ask how many there are


def listen(host: str = "127.0.0.1", port: int = 8000) -> socket.socket:
    """A socket that listens on the address; port 0 is any free one.

    Raises:
        ServiceError: the port is taken, or the address is not this machine's.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=256)
    except UnicodeError:
        raise ServiceError(f"{host}, port {port}: no name of a machine; choose another address or port") from None
    except OSError as error:
        # create_server puts the address into its own words, and an unknown name has no number of the system's
        problem = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        raise ServiceError(f"{host}, port {port}: {problem}; choose another address or port") from None


def serve(
    recognizer: Recognizer,
    listening: socket.socket,
    limits: Limits | None = None,
    threads: int = 1,
    on_ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGINT or SIGTERM, which are raised again when all sessions have ended.

    Args:
        recognizer: used by all threads.
        listening: see `listen`; closed in the end.
        limits: the defaults if not given.
        threads: how many streams are heard at once; as many uploads besides, so that neither waits for the other.
        on_ready: called once requests are answered.

    Raises:
        ValueError: threads below 1.
        KeyboardInterrupt: it was ended by SIGINT.
    """
    with damage_raised():  # of damaged uploads their senders are told
        asyncio.run(_serve(recognizer, listening, limits or Limits(), threads, on_ready))


async def _serve(
    recognizer: Recognizer,
    listening: socket.socket,
    limits: Limits,
    threads: int,
    on_ready: Callable[[], None],
) -> None:
    sessions = Sessions(limits.sessions)
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # of broken forms their senders are told
    with listening:
        async with _pools(threads) as (for_uploads, for_streams):
            app = _make_app(
                recognizer,
                sessions,
                Transcriptions(recognizer, limits, sessions, for_uploads),
                Streams(recognizer, limits, sessions, for_streams),
            )
            server = _Server(app, sessions, limits, on_ready)
            await server.serve([listening])


@asynccontextmanager
async def _pools(threads: int) -> AsyncIterator[tuple[ThreadPoolExecutor, ThreadPoolExecutor]]:
    """Threads for uploads and for streams; what has not begun in the end is dropped."""
    pools = ThreadPoolExecutor(threads), ThreadPoolExecutor(threads)
    try:
        yield pools
    finally:
        for pool in pools:
            pool.shutdown(wait=False, cancel_futures=True)


def _make_app(
    recognizer: Recognizer, sessions: Sessions, transcriptions: Transcriptions, streams: Streams
) -> Starlette:
    name = recognizer.manifest.name

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok", "model": name, "sessions": sessions.active})

    async def models(_: Request) -> Response:
        return JSONResponse(describe_models(name))

    async def model(request: Request) -> Response:
        if request.path_params["id"] != name:
            raise RequestError(f"the model is {name!r}", 404, "model_not_found", "model")
        return JSONResponse(describe_model(name))

    app = Starlette(
        routes=[
            Route("/health", health),
            Route("/v1/models", models),
            Route("/v1/models/{id:path}", model),
            Route("/v1/audio/transcriptions", transcriptions, methods=["POST"]),
            WebSocketRoute("/v1/stream", streams.serve),
            Route("/v1/stream", _ask_for_socket),
            WebSocketRoute("/{path:path}", _refuse_socket),
        ],
        exception_handlers={
            RequestError: _refuse,
            HTTPException: _refuse_http,
            Exception: _admit_fault,
        },
    )
    app.router.redirect_slashes = False  # an upload does not follow, and is told instead
    return app


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    return JSONResponse(describe_error(error), error.status)


async def _refuse_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    problem = f"{request.method} {request.url.path}: {error.detail}"
    return JSONResponse(
        describe_error(RequestError(problem, error.status_code, "bad_request")), error.status_code, error.headers
    )


async def _ask_for_socket(_: Request) -> Response:
    raise HTTPException(426, "a WebSocket, not a page; see that proxies hand on Upgrade", {"Upgrade": "websocket"})


async def _refuse_socket(socket: WebSocket) -> None:
    await socket.accept()
    unknown = RequestError(f"{socket.url.path}: no such stream; there is /v1/stream", 404, "bad_request")
    await socket.send_text(json.dumps(describe_error(unknown)) + "\n")
    await socket.close(BAD)


async def _admit_fault(request: Request, _: Exception) -> Response:
    return await _refuse(request, internal_error())


class _Timer:
    """Something to be done in a while, unless it is stopped before."""

    _handle: asyncio.TimerHandle | None = None

    def start(self, seconds: float, action: Callable[[], None]) -> None:
        """Begin to wait; one that waits already goes on as it is."""
        if self._handle is None:
            self._handle = asyncio.get_running_loop().call_later(seconds, action)

    def stop(self) -> None:
        """Wait no more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


def _protocol(limits: Limits) -> type[H11Protocol]:
    """HTTP that takes so many connections at most, and gives up whoever keeps it waiting.

    That is whoever does not send a whole header in time, sends on what was refused, or does not take what it is sent.
    """
    most = limits.sessions + _OTHER_CONNECTIONS

    class Protocol(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
            super().connection_made(transport)
            self._header = _Timer()  # that it waits for
            self._untaken = _Timer()  # what was sent last
            self._unread = _Timer()  # a body that goes on after it was refused
            if len(self.connections) > most:
                transport.close()
            self._await_header()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._await_header()
            if self.conn.their_state is not h11.SEND_BODY:
                self._unread.stop()

        def send_400_response(self, msg: str) -> None:
            if self.cycle is not None:  # what it would answer comes too late
                self.cycle.disconnected = True
                self.cycle.message_event.set()
            super().send_400_response(msg)

        def on_response_complete(self) -> None:
            super().on_response_complete()
            if self.conn.their_state is h11.SEND_BODY:
                self._unread.start(_LINGER_SECONDS, self.transport.close)

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            for timer in (self._header, self._untaken, self._unread):
                timer.stop()

        def pause_writing(self) -> None:
            super().pause_writing()
            self._untaken.start(limits.idle_seconds, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            self._untaken.stop()

        def _await_header(self) -> None:
            upgraded = self.transport.get_protocol() is not self
            if upgraded or self.conn.their_state is not h11.IDLE:
                self._header.stop()
            else:
                self._header.start(limits.idle_seconds, self.transport.close)

    return Protocol


class _Server(uvicorn.Server):
    """Lets sessions end by themselves before connections are closed."""

    def __init__(self, app: Starlette, sessions: Sessions, limits: Limits, on_ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="asyncio",
                http=_protocol(limits),
                ws="websockets-sansio",  # reads no further than the app has taken, which slows whoever is too fast
                ws_max_size=4 * MESSAGE_BYTES,  # the refusal of large messages is ours, in JSON
                ws_per_message_deflate=False,  # sound does not get smaller, and small messages may get huge
                ws_ping_interval=None,  # whoever is silent is idle
                lifespan="off",
                log_config=None,
                log_level="error",  # what clients do wrong they are told
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_CLOSING_SECONDS,
            )
        )
        self._sessions = sessions
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer requests."""
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell sessions to end, wait for them (a second Ctrl-C does not), and close."""
        self._sessions.stop()
        for _ in range(round(_GRACE_SECONDS / _TICK_SECONDS)):
            if self.force_exit or not self._sessions.active:
                break
            await asyncio.sleep(_TICK_SECONDS)
        await super().shutdown(sockets)
