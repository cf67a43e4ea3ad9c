"""Server-sent events as they are sent: whatever fails, whoever has had one is told, and the answer ends."""

import asyncio
import json

import pytest

from speech2text.serving.events import send_events
from speech2text.serving.replies import RequestError


def answer(*events):
    """What is sent for the events, the last of which may be an error to raise, and the error that came out."""
    sent, raised = [], []

    async def produce():
        for event in events:
            if isinstance(event, Exception):
                raise event
            yield event

    async def send(message):
        sent.append(message)

    async def serve():
        try:
            await send_events(produce(), send)
        except Exception as error:
            raised.append(error)

    asyncio.run(serve())
    lines = b"".join(message.get("body", b"") for message in sent).decode().split("\n\n")
    return [json.loads(line.removeprefix("data: ")) for line in lines if line], sent, raised


def test_events_come_in_order_and_end():
    events, sent, raised = answer({"a": 1}, {"b": 2})
    assert (events, raised) == ([{"a": 1}, {"b": 2}], [])
    assert sent[-1]["more_body"] is False


@pytest.mark.parametrize(
    ("error", "kind", "comes_out"),
    [(RequestError("a bad file"), "invalid_request_error", False), (ZeroDivisionError(), "server_error", True)],
)
def test_an_error_after_an_event_is_the_last_event(error, kind, comes_out):
    events, sent, raised = answer({"a": 1}, error)
    assert events[0] == {"a": 1}
    assert (events[1]["type"], events[1]["error"]["type"]) == ("error", kind)
    assert sent[-1]["more_body"] is False
    assert raised == ([error] if comes_out else []), "the log needs a fault of the service"


@pytest.mark.parametrize("error", [RequestError("a bad file"), ZeroDivisionError()])
def test_nothing_is_sent_before_an_error_that_comes_first(error):
    assert answer(error) == ([], [], [error])
