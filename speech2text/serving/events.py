"""An answer in server-sent events, each one line of JSON; an error after the first is an event as well."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, Mapping
from typing import Any

from starlette.types import Send

from speech2text.serving.replies import RequestError, describe_error, internal_error

_HEADERS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]


async def send_events(events: AsyncIterable[Mapping[str, Any]], send: Send) -> None:
    """Answer with events as they come. Nothing is sent before the first, so what fails till then can be refused.

    Raises:
        RequestError: it was raised instead of the first event.
        Exception: a fault of the service, which the client is told of too where it has had an event.
    """
    begun = False
    try:
        async for event in events:
            if not begun:
                begun = True
                await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            await _send_event(event, send)
    except RequestError as error:
        if not begun:
            raise
        await _send_error(error, send)
    except Exception:
        if begun:
            await _send_error(internal_error(), send)
            await _send_end(send)
        raise
    await _send_end(send)


async def _send_error(error: RequestError, send: Send) -> None:
    await _send_event({"type": "error", **describe_error(error)}, send)


async def _send_end(send: Send) -> None:
    await send({"type": "http.response.body", "more_body": False})


async def _send_event(event: Mapping[str, Any], send: Send) -> None:
    line = f"data: {json.dumps(event, ensure_ascii=False, allow_nan=False)}\n\n"
    await send({"type": "http.response.body", "body": line.encode(), "more_body": True})
