"""64 clients at once, a quarter of them broken: the others get what they would get alone."""

import asyncio
import json
import random
from contextlib import suppress

import numpy as np
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from speech2text import load_model
from tests.serving.conftest import serving
from tests.tiny_bundle import tone

CLIENTS = 64
WORDS = ("one", "two", "three")


def encode(samples):
    return (samples * 32768).astype("<i2").tobytes()


async def speak(address, number, recognizer):
    """A well-behaved client, in messages of some odd size: what it was told, and what a file would say."""
    words = [WORDS[number % 3], WORDS[number // 3 % 3], "", "", "", WORDS[number // 9 % 3]]
    data = encode(tone(*words, seconds=0.3))
    step = 2 * random.Random(number).randrange(500, 8000)
    async with connect(address) as socket:
        for begin in range(0, len(data), step):
            await socket.send(data[begin : begin + step])
        await socket.send(b"")
        lines = [json.loads(line) async for line in socket]
    told = [line["segment"]["text"] for line in lines if line.get("final")]
    heard = recognizer.transcribe((np.frombuffer(data, "<i2") / 32_768).astype(np.float32))
    return told, [segment.text for segment in heard.segments]


async def random_bytes(address, number):
    data = np.random.default_rng(number).bytes(40_000)
    async with connect(f"{address}encoding=f32le") as socket:
        return await _told(socket, data)


async def text_frames(address, _):
    async with connect(address) as socket:
        return await _told(socket, "hello")


async def wrong_rate(address, _):
    async with connect(f"{address}rate=1") as socket:
        return await _told(socket, b"")


async def vanish(address, number):
    socket = await connect(address)
    await socket.send(encode(tone("one", seconds=1.0)))
    socket.transport.abort()
    return number, number


async def idle(address, _):
    async with connect(address) as socket:
        return await _told(socket)


async def no_protocol(address, number):
    host, port = address.split("/")[2].split(":")
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(np.random.default_rng(number).bytes(2000) + b"\r\n\r\n")
    await reader.read()
    writer.close()
    return number, number


async def _told(socket, *messages):
    """That the client was told of an error, as it should be."""
    with suppress(ConnectionClosed):  # some are told before they say a word
        for message in messages:
            await socket.send(message)
    lines = []
    with suppress(ConnectionClosed):
        while True:
            lines.append(json.loads(await socket.recv()))
    return ["error"], [key for line in lines[-1:] for key in line]


BROKEN = (random_bytes, text_frames, wrong_rate, vanish, idle, no_protocol)


def test_broken_clients_harm_no_other(tiny):
    recognizer = load_model(tiny)
    with serving(tiny, "--threads", 2, "--max-idle", 2) as service:
        address = service.stream_address()

        async def crowd():
            broken = [BROKEN[number // 4 % len(BROKEN)](address, number) for number in range(0, CLIENTS, 4)]
            good = [speak(address, number, recognizer) for number in range(CLIENTS) if number % 4]
            return await asyncio.wait_for(asyncio.gather(*broken, *good), 60)

        for got, wanted in asyncio.run(crowd()):
            assert got == wanted
        assert service.get("/health").json()["status"] == "ok"
