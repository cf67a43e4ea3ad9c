"""`POST /v1/audio/transcriptions`: a recording in a form, its transcript in one of OpenAI's formats.

Of the form's fields `file`, `language`, `response_format`, `timestamp_granularities[]` and `stream` are heeded. `model`
may be anything, since there is one. Every other field is ignored: `temperature`, since nothing is drawn at random, and
`prompt`, since it is the text before or sets a style; its words need not be said, and as hot words some of them would
be invented. Hot words are those of `speech2text serve --hotwords-file`. A recording that is damaged or cut short is
refused: its sender would not see a warning.

With `stream=true` the text comes as server-sent events, a `transcript.text.delta` when a segment is complete and a
`transcript.text.done` at the end; the deltas joined are its text. What goes wrong before the first event is told as
ever, and later by a last event:

    data: {"type": "transcript.text.delta", "delta": "one two"}
    data: {"type": "error", "error": {"message": "talk.wav: damaged or cut short: ...", "code": "bad_audio", ...}}
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Collection
from concurrent.futures import Executor
from dataclasses import dataclass
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from speech2text.audio.files import probe
from speech2text.errors import AudioError, AudioWarning
from speech2text.serving.events import send_events
from speech2text.serving.limits import Limits, Sessions
from speech2text.serving.replies import (
    RequestError,
    describe_delta,
    describe_done,
    describe_transcript,
    stopping_error,
)
from speech2text.text.normalization import without_region

if TYPE_CHECKING:
    from speech2text.bundle.manifest import Manifest
    from speech2text.runtime.recognizer import Recognizer
    from speech2text.text.transcript import Segment, Transcript

FORMATS = ("json", "text", "srt", "verbose_json", "vtt")
STREAMED_FORMATS = ("json", "text")
GRANULARITIES = ("segment", "word")
_FLAGS = {"true": True, "1": True, "false": False, "0": False, "": False}
_MOST_FIELDS = 100
_HOW_TO_SEND = "send the recording as the field `file` of multipart/form-data"
_LONGEST_NAME = 80
_LEAST_BYTES_PER_SECOND = 500  # speech at the lowest bit rates has more


class Transcriptions:
    """Answers uploads, as an ASGI application; the work is done in the threads of the pool."""

    def __init__(self, recognizer: Recognizer, limits: Limits, sessions: Sessions, pool: Executor) -> None:
        self._recognizer = recognizer
        self._limits = limits
        self._sessions = sessions
        self._pool = pool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one client, unless it leaves.

        Raises:
            RequestError: what is asked for cannot be done, and nothing was answered yet.
        """
        try:
            with self._sessions.enter():
                form = await self._read_form(scope, receive)
                try:
                    order = _read_order(form, self._recognizer.manifest)
                    if order.stream:
                        await send_events(self._hear_events(order.recording, receive), send)
                        return
                    transcript = await self._hear(order.recording, receive)
                finally:
                    await form.close()
                # subtitles of hours take a second, in which no stream would be heard
                answer = await asyncio.get_running_loop().run_in_executor(self._pool, order.answer, transcript)
            await answer(scope, receive, send)
        except ClientDisconnect:
            pass  # nobody is there any more

    async def _read_form(self, scope: Scope, receive: Receive) -> FormData:
        body = _BoundedBody(receive, self._limits, self._sessions)
        try:
            return await Request(scope, body.receive).form(max_files=1, max_fields=_MOST_FIELDS)
        except HTTPException as error:
            raise RequestError(f"{error.detail.split('.')[0]}; {_HOW_TO_SEND}", param="file") from None
        except (UnicodeError, LookupError):
            raise RequestError("the charset of the form is unknown, or not that of its texts; use UTF-8") from None
        except OSError as error:
            problem = f"no room for uploads ({error.strerror}); free space or set TMPDIR to another folder"
            print(f"error: {problem}", file=sys.stderr)
            raise RequestError(f"the service has {problem}", 507, "no_space") from None

    async def _hear_events(self, recording: _Recording, receive: Receive) -> AsyncIterator[dict[str, Any]]:
        """What is heard, as events; those not taken yet wait, and not the thread, whose transcript is as large."""
        loop = asyncio.get_running_loop()
        segments: asyncio.Queue[Segment | None] = asyncio.Queue()

        def tell(segment: Segment) -> None:
            loop.call_soon_threadsafe(segments.put_nowait, segment)

        hearing = asyncio.ensure_future(self._hear(recording, receive, tell))
        hearing.add_done_callback(lambda _: segments.put_nowait(None))
        space = ""
        while segment := await segments.get():
            if segment.text:
                yield describe_delta(space + segment.text)
                space = " "
        yield describe_done(await hearing)

    async def _hear(
        self, recording: _Recording, receive: Receive, on_segment: Callable[[Segment], None] | None = None
    ) -> Transcript:
        """The transcript, unless the client leaves or the service stops before it is complete.

        The thread calls `on_segment` with each segment.
        """
        stop = Event()
        job = self._pool.submit(self._transcribe, recording, stop, on_segment)
        work = asyncio.wrap_future(job)
        leaving = asyncio.ensure_future(_disconnection(receive))
        ends: set[asyncio.Future[Any]] = {work, leaving, self._sessions.stopping}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            stop.set()
        left = stopping_error() if self._sessions.stopping.done() else ClientDisconnect()
        if job.cancel():  # its turn had not come
            raise left
        await asyncio.wait({work})  # the recording is open until the thread has left it
        try:
            return work.result()
        except _StoppedError:
            raise left from None

    def _transcribe(
        self, recording: _Recording, stop: Event, on_segment: Callable[[Segment], None] | None
    ) -> Transcript:
        def check(seconds: float) -> None:
            if stop.is_set():
                raise _StoppedError
            self._limits.check_seconds(seconds)

        source = cast(BinaryIO, recording)  # it has all that is asked of one
        try:
            info = probe(source)
            self._limits.check_rate(info.rate, "file")
            check(info.sure_seconds)
            return self._recognizer.transcribe(source, on_progress=check, on_segment=on_segment)
        except (AudioError, AudioWarning) as error:
            raise RequestError(str(error), code="bad_audio", param="file") from None


class _StoppedError(Exception):
    """Raised in the thread of work that nobody waits for."""


async def _disconnection(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class _BoundedBody:
    """Receives the body of a request, no longer and no slower than the limits say, until the service stops."""

    def __init__(self, receive: Receive, limits: Limits, sessions: Sessions) -> None:
        self._receive = receive
        self._limits = limits
        self._sessions = sessions
        self._bytes = 0
        self._start = monotonic()

    async def receive(self) -> Message:
        """The next part.

        Raises:
            RequestError: the client sends too much, nothing or next to nothing, or the service stops.
        """
        message = await self._sessions.receive(self._receive, self._limits.idle_seconds, "; send again")
        self._bytes += len(message.get("body", b""))
        due = _LEAST_BYTES_PER_SECOND * (monotonic() - self._start - self._limits.idle_seconds)
        if self._bytes < due:
            raise RequestError(f"fewer than {_LEAST_BYTES_PER_SECOND} bytes a second came; send again", 408, "too_slow")
        if self._bytes > self._limits.upload_bytes:
            most = f"{self._limits.upload_bytes / 2**20:g} MiB"
            raise RequestError(f"the upload has more than {most}; compress it or send it in parts", 413, "too_large")
        return message


class _Recording:
    """An uploaded file as the binary file that the recogniser reads, named as its sender named it."""

    def __init__(self, upload: UploadFile) -> None:
        self._file = upload.file
        name = "".join(letter for letter in upload.filename or "" if letter.isprintable())
        self.name = name[:_LONGEST_NAME] or "file"
        self.seek = self._file.seek
        self.tell = self._file.tell
        self.read = self._file.read

    def seekable(self) -> bool:
        """Always; the temporary files of Python 3.10 cannot tell."""
        return True


@dataclass(frozen=True)
class _Order:
    recording: _Recording
    language: str
    response_format: str
    granularities: Collection[str]
    stream: bool

    def answer(self, transcript: Transcript) -> Response:
        if self.response_format == "json":
            return JSONResponse({"text": transcript.text})
        if self.response_format == "verbose_json":
            return JSONResponse(describe_transcript(transcript, self.language, self.granularities))
        if self.response_format == "text":
            return PlainTextResponse(f"{transcript.text}\n")
        return PlainTextResponse(transcript.to_srt() if self.response_format == "srt" else transcript.to_vtt())


def _read_order(form: FormData, manifest: Manifest) -> _Order:
    upload = form.get("file")
    if not isinstance(upload, UploadFile):
        raise RequestError(
            f"no file, or a form that is cut short; {_HOW_TO_SEND}",
            param="file",
        )
    response_format = _choose(form.get("response_format") or "json", FORMATS, "response_format")
    stream = _read_flag(form, "stream")
    if stream and response_format not in STREAMED_FORMATS:
        raise RequestError(
            f"stream=true gives text alone; response_format must be {' or '.join(STREAMED_FORMATS)} with it",
            param="response_format",
        )
    granularities = form.getlist("timestamp_granularities[]") or form.getlist("timestamp_granularities")
    for granularity in granularities:
        _choose(granularity, GRANULARITIES, "timestamp_granularities")
    if granularities and response_format != "verbose_json":
        raise RequestError(
            "timestamp_granularities needs response_format=verbose_json", param="timestamp_granularities"
        )
    return _Order(
        _Recording(upload),
        _choose_language(form.get("language"), manifest),
        response_format,
        [str(granularity) for granularity in granularities] or ["segment"],
        stream,
    )


def _read_flag(form: FormData, name: str) -> bool:
    value = form.get(name, "")
    flag = _FLAGS.get(value.lower()) if isinstance(value, str) else None
    if flag is None:
        raise RequestError(f"{name} must be true or false, not {value!r}", param=name)
    return flag


def _choose(value: str | UploadFile, choices: Collection[str], param: str) -> str:
    if value not in choices:
        raise RequestError(f"{param} must be one of {', '.join(choices)}, not {value!r}", param=param)
    return str(value)


def _choose_language(asked: str | UploadFile | None, manifest: Manifest) -> str:
    """The language of the answer: the one that was asked for, or the model's; "und" when it has several, or tells none.

    Regions make no difference: a model of pt-BR answers to pt. One that tells no language answers to any.
    """
    if not asked:
        return manifest.language or "und"
    language = without_region(str(asked))
    if manifest.languages and language not in map(without_region, manifest.languages):
        raise RequestError(f"the model hears {', '.join(manifest.languages)}, not {asked!r}", param="language")
    return language
