"""The WebSocket `/v1/stream`: the words of a stream, and what happens to those who use it wrongly."""

import asyncio
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from starlette.websockets import WebSocket
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from speech2text import load_model
from speech2text.audio.pace import LATE_SECONDS
from speech2text.serving.limits import Limits, Sessions
from speech2text.serving.streams import Streams
from tests.serving.conftest import serving
from tests.tiny_bundle import tone

SAMPLES = tone("one", "two", "", "", "", "three", "", "", "")


def encode(samples, kind="<i2"):
    scale = 1 if kind == "<f4" else -float(np.iinfo(kind).min)
    return (samples * scale).astype(kind).tobytes()


def say(address, *messages, end=b""):
    """What comes after the messages: the lines, and the closing code."""
    lines = []
    with connect(address) as socket:
        try:
            for message in (*messages, end):
                if message is not None:
                    socket.send(message)
            while True:
                lines.append(json.loads(socket.recv(timeout=20)))
        except ConnectionClosed as closed:
            return lines, closed.rcvd.code if closed.rcvd else None


def finals(lines):
    return [line["segment"]["text"] for line in lines if line.get("final")]


@pytest.fixture(scope="module")
def expected(tiny):
    """The segments of the recording as a file."""
    heard = (np.frombuffer(encode(SAMPLES), "<i2") / 32768).astype(np.float32)
    return load_model(tiny).transcribe(heard).segments


@pytest.mark.parametrize("message_bytes", [3200, 20_002, 2**20])
def test_the_finals_are_the_segments_of_the_file(service, expected, message_bytes):
    data = encode(SAMPLES)
    messages = [data[begin : begin + message_bytes] for begin in range(0, len(data), message_bytes)]
    lines, code = say(service.stream_address(), *messages)
    assert code == 1000
    told = [line["segment"] for line in lines if line.get("final") and line["segment"]["text"]]
    assert [segment["text"] for segment in told] == [segment.text for segment in expected] == ["one two", "three"]
    for given, segment in zip(told, expected, strict=True):
        assert (given["start"], given["end"]) == pytest.approx((segment.start, segment.end), abs=1e-3)
        assert [word["word"] for word in given["words"]] == [word.text for word in segment.words]


def test_partial_lines_come_before_the_final_one_of_their_index(service):
    with connect(service.stream_address()) as socket:
        socket.send(encode(tone("one", "two", seconds=1.0)))
        first = json.loads(socket.recv(timeout=20))
        assert (first["index"], first["final"]) == (0, False)
        assert first["segment"]["text"].startswith("one")
        socket.send("")
        lines = [
            first,
            *(line for line in map(json.loads, socket) if "warning" not in line),
        ]  # this machine may be slow
    assert [line["final"] for line in lines] == [False] * (len(lines) - 1) + [True]


@pytest.mark.parametrize(("kind", "encoding"), [("<i2", "s16le"), ("<i4", "s32le"), ("<f4", "f32le")])
def test_encodings_rates_and_channels(service, kind, encoding):
    samples = np.repeat(tone("two", "one", rate=48_000), 2)  # interleaved
    data = encode(samples, kind)
    query = f"rate=48000&channels=2&encoding={encoding}"
    lines, code = say(service.stream_address(query), data)
    assert (finals(lines), code) == (["two one"], 1000)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("rate=fast", "rate"),
        ("rate=-16000", "rate"),
        ("rate=1", "4000 to 48000"),
        ("rate=96000", "4000 to 48000"),
        ("channels=0", "channels"),
        ("channels=99999999999999999999", "channels"),
        ("encoding=mp3", "s16le"),
        ("speed=2", "speed"),
    ],
)
def test_a_stream_that_cannot_be_is_refused(service, query, said):
    lines, code = say(service.stream_address(query), end=None)
    assert code == 1008
    assert said in lines[0]["error"]["message"]
    assert lines[0]["error"]["param"] == query.split("=")[0]


@pytest.mark.parametrize(
    ("query", "message", "code"),
    [
        ("", "hello", "invalid_value"),
        ("", b"abc", "bad_audio"),
        ("encoding=f32le", np.full(100, np.nan, "<f4").tobytes(), "bad_audio"),
        ("", bytes(2**20 + 2), "too_large"),
        ("", bytes(21 * 32_000), "too_long"),
    ],
)
def test_bad_input_ends_a_stream_after_what_was_said_before(service, query, message, code):
    kind = "<f4" if query else "<i2"
    lines, closing = say(service.stream_address(query), encode(tone("one"), kind), message, end=None)
    assert finals(lines) == ["one"]
    assert lines[-1]["error"]["code"] == code
    assert closing == 1008


def test_whoever_is_idle_is_let_go(tiny):
    with serving(tiny, "--max-idle", 0.2) as service:
        lines, code = say(service.stream_address(), encode(tone("one")), end=None)
        assert finals(lines) == ["one"]
        assert (lines[-1]["error"]["code"], code) == ("idle", 1008)
        assert _refusal(service, pause=0.6) == (408, "idle")


def test_whoever_sends_next_to_nothing_is_let_go(tiny):
    with serving(tiny, "--max-idle", 1.0) as service:
        assert _refusal(service, pause=0.1) == (408, "too_slow")


def _refusal(service, *, pause):
    """What an upload gets that sends a few bytes between pauses for 5 s."""

    def drip():
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        for _ in range(round(5 / pause)):
            time.sleep(pause)
            yield b"RIFF"

    answer = service.post(content=drip(), headers={"Content-Type": "multipart/form-data; boundary=x"})
    return answer.status_code, answer.json()["error"]["code"]


def test_no_more_sessions_than_allowed(tiny):
    with serving(tiny, "--max-sessions", 1) as service:
        with connect(service.stream_address()) as socket:
            socket.send(encode(tone("one", "two", seconds=1.0)))
            socket.recv(timeout=20)  # it is served
            assert service.get("/health").json()["sessions"] == 1
            lines, code = say(service.stream_address(), end=None)
            assert (lines[0]["error"]["code"], code) == ("too_many_sessions", 1013)
            assert service.post(files={"file": b"x"}).status_code == 503
            socket.send(b"")
            assert finals(map(json.loads, socket)) == ["one two"]
        assert say(service.stream_address())[1] == 1000


def test_an_interrupted_service_finishes_its_streams(tiny):
    with serving(tiny) as service, connect(service.stream_address()) as socket:
        socket.send(encode(tone("one", "two", seconds=1.0)))
        socket.recv(timeout=20)
        service.stop()
        lines = list(map(json.loads, _all(socket)))
        service.process.wait(20)
    assert finals(lines) == ["one two"]
    assert lines[-1]["error"]["code"] == "stopping"


def test_whoever_asks_for_nothing_is_let_go(tiny):
    with serving(tiny, "--max-idle", 0.3) as service:
        host, port = service.address.removeprefix("http://").split(":")
        for beginning in (b"", b"GET /health HTTP/1.1\r\nHost: ", b"GET /v1/stream HTTP/1.1\r\nUpgrade: websocket\r\n"):
            with socket.create_connection((host, int(port)), timeout=20) as connection:
                connection.sendall(beginning)
                assert connection.recv(100) == b""


def test_whoever_takes_nothing_is_let_go(tiny):
    with serving(tiny, "--max-idle", 0.5) as service:
        host, port = service.address.removeprefix("http://").split(":")
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # soon full
            connection.settimeout(30)
            connection.connect((host, int(port)))
            with pytest.raises(ConnectionError):
                while True:
                    connection.sendall(b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"x" * 300))


def test_sound_whose_turn_comes_late_has_no_partial_updates(tiny):
    data = encode(tone("one", "two", seconds=1.0))
    sound = [{"type": "websocket.receive", "bytes": part} for part in (data[:32_000], data[32_000:], b"")]
    to_come = iter([{"type": "websocket.connect"}, *sound])
    sent = []

    async def receive():
        return next(to_come)

    async def send(message):
        sent.append(message)

    async def hear():
        with ThreadPoolExecutor(1) as pool:
            streams = Streams(load_model(tiny), Limits(), Sessions(1), pool)
            pool.submit(time.sleep, LATE_SECONDS + len(data) / 32_000)  # others have their turn first
            await streams.serve(WebSocket({"type": "websocket", "query_string": b"", "headers": []}, receive, send))

    asyncio.run(hear())
    warning, final = [json.loads(message["text"]) for message in sent if message["type"] == "websocket.send"]
    assert warning["warning"]["code"] == "late"
    assert (final["final"], final["segment"]["text"]) == (True, "one two")


def test_no_such_stream(service):
    lines, code = say(service.stream_address().replace("/v1/stream", "/v1/listen"), end=None)
    assert "/v1/listen: no such stream" in lines[0]["error"]["message"]
    assert code == 1008


def _all(socket):
    try:
        yield from socket
    except ConnectionClosed as closed:
        assert closed.rcvd.code == 1013
