"""`POST /v1/audio/transcriptions`: a recording in a form, its transcript in one of OpenAI's formats.

Of the form's fields `file`, `language`, `response_format` and `timestamp_granularities[]` are heeded. `model` may be
anything, since there is one. Every other field is ignored: `temperature`, since nothing is drawn at random, and
`prompt`, since it is the text before or sets a style; its words need not be said, and as hot words some of them would
be invented. Hot words are those of `speech2text serve --hotwords-file`. `stream=true` is refused, as what it asks for
is at the WebSocket. A recording that is damaged or cut short is refused: its sender would not see a warning.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from concurrent.futures import Executor
from dataclasses import dataclass
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from starlette.datastructures import FormData, UploadFile
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Message, Receive

from speech2text.audio.files import probe
from speech2text.errors import AudioError, AudioWarning
from speech2text.serving.limits import Limits, Sessions, stopping_error
from speech2text.serving.replies import RequestError, describe_transcript

if TYPE_CHECKING:
    from speech2text.bundle.manifest import Manifest
    from speech2text.runtime.recognizer import Recognizer
    from speech2text.text.transcript import Transcript

FORMATS = ("json", "text", "srt", "verbose_json", "vtt")
GRANULARITIES = ("segment", "word")
_MOST_FIELDS = 100
_LONGEST_NAME = 80
_LEAST_BYTES_PER_SECOND = 500  # speech at the lowest bit rates has more


class Transcriptions:
    """Answers uploads; the work is done in the threads of the pool."""

    def __init__(self, recognizer: Recognizer, limits: Limits, sessions: Sessions, pool: Executor) -> None:
        self._recognizer = recognizer
        self._limits = limits
        self._sessions = sessions
        self._pool = pool

    async def create(self, request: Request) -> Response:
        """The transcript of the recording in the request.

        Raises:
            RequestError: what is asked for cannot be done.
            ClientDisconnect: nobody waits for the answer any more.
        """
        with self._sessions.enter():
            form = await self._read_form(request)
            try:
                order = _read_order(form, self._recognizer.manifest)
                transcript = await self._hear(order.recording, request.receive)
            finally:
                await form.close()
        return order.answer(transcript)

    async def _read_form(self, request: Request) -> FormData:
        body = _BoundedBody(request.receive, self._limits, self._sessions)
        try:
            return await Request(request.scope, body.receive).form(max_files=1, max_fields=_MOST_FIELDS)
        except (UnicodeError, LookupError):
            raise RequestError("the charset of the form is unknown, or not that of its texts; use UTF-8") from None

    async def _hear(self, recording: _Recording, receive: Receive) -> Transcript:
        """The transcript, unless the client leaves or the service stops before it is complete."""
        stop = Event()
        job = self._pool.submit(self._transcribe, recording, stop)
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

    def _transcribe(self, recording: _Recording, stop: Event) -> Transcript:
        def check(seconds: float) -> None:
            if stop.is_set():
                raise _StoppedError
            self._limits.check_seconds(seconds)

        source = cast(BinaryIO, recording)  # it has all that is asked of one
        try:
            info = probe(source)
            self._limits.check_rate(info.rate, "file")
            check(info.sure_seconds)
            return self._recognizer.transcribe(source, on_progress=check)
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
            "no file, or a form that is cut short; send the recording as the field `file` of multipart/form-data",
            param="file",
        )
    if form.get("stream") in ("true", "1", "True"):
        raise RequestError(
            "the answer is not streamed; the WebSocket /v1/stream has words as they come", param="stream"
        )
    response_format = _choose(form.get("response_format") or "json", FORMATS, "response_format")
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
    )


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
    language = _without_region(str(asked))
    if manifest.languages and language not in map(_without_region, manifest.languages):
        raise RequestError(f"the model hears {', '.join(manifest.languages)}, not {asked!r}", param="language")
    return language


def _without_region(language: str) -> str:
    return language.lower().partition("-")[0]  # en-US is en
