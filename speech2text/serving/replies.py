"""What the service says, in the shapes of OpenAI's API, so that clients written for it understand.

An error is `{"error": {"message": ..., "type": ..., "param": ..., "code": ...}}` over HTTP and over a WebSocket.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection
from math import fsum, log
from typing import Any

from speech2text.text.transcript import Segment, Transcript, Word

_LEAST_CONFIDENCE = 1e-4  # so that a logarithm of it exists
_LONGEST_MESSAGE = 300  # it may repeat what a client sent


class RequestError(Exception):
    """A client asked for what it cannot have; the message is for its author.

    Attributes:
        status: as in HTTP; from 500 on it is not the client's fault.
        code: for programs.
        param: the name of the parameter that is wrong.
    """

    def __init__(self, message: str, status: int = 400, code: str = "invalid_value", param: str | None = None) -> None:
        super().__init__(message if len(message) <= _LONGEST_MESSAGE else f"{message[:_LONGEST_MESSAGE]}…")
        self.status = status
        self.code = code
        self.param = param


def describe_error(error: RequestError) -> dict[str, Any]:
    """The error as an object for JSON."""
    kind = "server_error" if error.status >= 500 else "invalid_request_error"
    return {"error": {"message": str(error), "type": kind, "param": error.param, "code": error.code}}


def stopping_error() -> RequestError:
    """What a client is told when the service ends before it is served."""
    return RequestError("the service is stopping; try again when it runs again", 503, "stopping")


def internal_error() -> RequestError:
    """What a client is told when it met a fault of the service."""
    return RequestError("a fault of the service; its log says more", 500, "internal_error")


def describe_model(name: str) -> dict[str, Any]:
    """The one model there is."""
    return {"id": name, "object": "model", "created": 0, "owned_by": "speech2text"}


def describe_models(name: str) -> dict[str, Any]:
    """The list of it."""
    return {"object": "list", "data": [describe_model(name)]}


def describe_transcript(transcript: Transcript, language: str, granularities: Collection[str]) -> dict[str, Any]:
    """The transcript as `verbose_json`, with "segment" and "word" as far as they are among the granularities."""
    described: dict[str, Any] = {
        "task": "transcribe",
        "language": language,
        "duration": round(transcript.duration, 3),
        "text": transcript.text,
    }
    if "segment" in granularities:
        spoken = [segment for segment in transcript.segments if segment.text]
        described["segments"] = [_describe_segment(number, segment) for number, segment in enumerate(spoken)]
    if "word" in granularities:
        described["words"] = [_describe_word(word) for word in transcript.words]
    return described


def describe_delta(text: str) -> dict[str, Any]:
    """The event that more text is there."""
    return {"type": "transcript.text.delta", "delta": text}


def describe_done(transcript: Transcript) -> dict[str, Any]:
    """The event that all text is there."""
    return {"type": "transcript.text.done", "text": transcript.text}


def _describe_segment(number: int, segment: Segment) -> dict[str, Any]:
    """All keys of the whisper family. `tokens` is empty, since they would be those of another vocabulary.

    `avg_logprob` is the mean logarithm of the words' confidences; `no_speech_prob` is 0, because the guard against
    silence has taken away what it doubted.
    """
    logs = [log(max(word.confidence, _LEAST_CONFIDENCE)) for word in segment.words]
    text = segment.text.encode()
    return {
        "id": number,
        "seek": 0,
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "text": segment.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": round(fsum(logs) / max(len(logs), 1), 4),
        "compression_ratio": round(len(text) / len(zlib.compress(text)), 4),
        "no_speech_prob": 0.0,
    }


def _describe_word(word: Word) -> dict[str, Any]:
    return {"word": word.text, "start": round(word.start, 3), "end": round(word.end, 3)}
