"""`POST /v1/audio/transcriptions` as OpenAI's client and others meet it."""

import io
import json
import select
import shutil
import socket
import time

import numpy as np
import openai
import pytest
import soundfile

from speech2text import load_model
from tests.serving.conftest import serving
from tests.tiny_bundle import LEVELS, tone

WORDS = ("one", "two", "", "", "", "three")
FORM = b'--x\r\nContent-Disposition: form-data; name="language"\r\n\r\nen\r\n--x--\r\n'


def wav(samples, rate=16_000, name="talk.wav", form="WAV"):
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=form)
    return (name, file.getvalue())


def cut(upload):
    """The first half of a file."""
    name, content = upload
    return (name, content[: len(content) // 2])


@pytest.fixture(scope="module")
def talk():
    return wav(tone(*WORDS))


@pytest.fixture(scope="module")
def lecture():
    """Takes seconds to hear, and comes as a small file."""
    return wav(np.tile(tone(*WORDS, seconds=0.4), 200), name="lecture.flac", form="FLAC")


@pytest.fixture(scope="module")
def expected(tiny, talk):
    return load_model(tiny).transcribe(io.BytesIO(talk[1]))


@pytest.fixture
def ask(service, talk):
    create = service.client.audio.transcriptions.create
    return lambda **options: create(**{"file": talk, "model": "whisper-1", **options})


def test_the_answer_is_the_text(ask, expected):
    assert ask().text == expected.text == "one two three"


def stream(service, upload):
    """The events of a streamed answer."""
    return service.client.audio.transcriptions.create(file=upload, model="any", stream=True)


@pytest.mark.parametrize("response_format", ["json", "text"])
def test_a_streamed_answer_is_the_text_segment_by_segment(ask, expected, response_format):
    *deltas, done = ask(stream=True, response_format=response_format)
    assert [event.delta for event in deltas] == ["one two", " three"]
    assert {event.type for event in deltas} == {"transcript.text.delta"}
    assert (done.type, done.text) == ("transcript.text.done", expected.text)


def test_a_streamed_answer_to_silence_is_an_empty_text(ask):
    assert [event.text for event in ask(stream=True, file=wav(np.zeros(16_000)))] == [""]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        *((value, "text/event-stream; charset=utf-8") for value in ("true", "True", "1")),
        *((value, "application/json") for value in ("false", "False", "0", "")),
    ],
)
def test_spellings_of_stream(service, talk, value, kind):
    answer = service.post(files={"file": talk}, data={"stream": value})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)


def test_what_was_heard_of_a_damaged_recording_comes_before_the_error(ask):
    said = []
    with pytest.raises(openai.APIError) as caught:
        said.extend(event.delta for event in ask(stream=True, file=cut(wav(tone(*WORDS * 4), form="FLAC"))))
    assert said[0] == "one two"
    assert (caught.value.code, caught.value.param) == ("bad_audio", "file")
    assert "damaged or cut short" in caught.value.message


def test_a_streamed_answer_ends_when_the_service_stops(tiny, lecture):
    with serving(tiny) as service, stream(service, lecture) as events:
        assert next(events).delta == "one two"
        service.stop()
        with pytest.raises(openai.APIError) as caught:
            list(events)
    assert caught.value.code == "stopping"


def test_a_client_that_leaves_a_streamed_answer_is_forgotten(tiny, lecture):
    with serving(tiny) as service:
        with stream(service, lecture) as events:
            next(events)
        wait_for_sessions(service, 0)


def test_text_and_subtitles_are_those_of_the_transcript(ask, expected):
    assert ask(response_format="text") == f"{expected.text}\n"
    assert ask(response_format="srt") == expected.to_srt()
    assert ask(response_format="vtt") == expected.to_vtt()


def test_verbose_json_has_segments_with_times(ask, expected):
    answer = ask(response_format="verbose_json")
    assert (answer.text, answer.language) == (expected.text, "en")
    assert answer.duration == pytest.approx(expected.duration)
    assert [(each.id, each.text) for each in answer.segments] == [(0, "one two"), (1, "three")]
    for given, segment in zip(answer.segments, expected.segments, strict=True):
        assert (given.start, given.end) == pytest.approx((segment.start, segment.end), abs=1e-3)
        assert given.avg_logprob <= 0
        assert given.compression_ratio > 0
    assert answer.words is None


def test_words_come_if_asked_for(ask, expected):
    answer = ask(response_format="verbose_json", timestamp_granularities=["word"])
    assert [word.word for word in answer.words] == ["one", "two", "three"]
    assert [word.start for word in answer.words] == pytest.approx([word.start for word in expected.words], abs=1e-3)
    assert answer.segments is None
    both = ask(response_format="verbose_json", timestamp_granularities=["word", "segment"])
    assert len(both.segments) == 2
    assert len(both.words) == 3


def test_what_clients_send_besides_is_ignored(ask):
    assert ask(model="any", temperature=0.3, prompt="Hello", language="en-GB", extra_body={"user": "x"}).text


@pytest.mark.parametrize(("languages", "answer"), [([], "de"), (["de-AT"], "de"), (["de", "fr"], "de")])
def test_the_language_is_one_of_the_models_or_any_where_it_tells_none(tiny, tmp_path, talk, languages, answer):
    bundle = shutil.copytree(tiny, tmp_path / "bundle")
    manifest = json.loads((bundle / "manifest.json").read_text())
    (bundle / "manifest.json").write_text(json.dumps({**manifest, "languages": languages}))
    with serving(bundle) as service:
        options = {"model": "any", "response_format": "verbose_json", "language": "de-CH"}
        said = service.client.audio.transcriptions.create(file=talk, **options)
    assert said.language == answer


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ((), "one two"),
        (("--hotwords-score", "0"), "one"),
        (("--beam-size", "1"), "two one"),  # too narrow for the better reading
    ],
)
def test_the_search_is_that_of_the_options(tiny, tmp_path, options, text):
    (tmp_path / "hot.txt").write_text("two\n")
    between = (LEVELS["two"] / LEVELS["one"]) ** 0.48  # a little nearer to "one"
    sound = wav(tone("", "", "", "", "one", "one", "", "", "", seconds=0.04) * between)
    defaults = ("--hotwords-file", tmp_path / "hot.txt", "--hotwords-score", "1")
    with serving(tiny, *defaults, *options) as service:
        assert service.post(files={"file": sound}).json() == {"text": text}


def test_any_format_rate_and_number_of_channels(ask):
    samples = np.stack([tone("two", "one", rate=44_100)] * 2, axis=1)
    assert ask(file=wav(samples, 44_100, "stereo.flac", "FLAC")).text == "two one"


def test_the_models_are_one(service):
    assert [model.id for model in service.client.models.list()] == ["tiny"]
    assert service.client.models.retrieve("tiny").id == "tiny"
    with pytest.raises(openai.NotFoundError, match="the model is 'tiny'"):
        service.client.models.retrieve("whisper-1")


def test_a_model_whose_name_has_a_slash_is_found_by_it(tiny, tmp_path):
    bundle = shutil.copytree(tiny, tmp_path / "bundle")
    manifest = json.loads((bundle / "manifest.json").read_text())
    (bundle / "manifest.json").write_text(json.dumps({**manifest, "name": "acme/tiny"}))
    with serving(bundle) as service:
        assert service.client.models.retrieve("acme/tiny").id == "acme/tiny"


def test_health(service):
    assert service.get("/health").json() == {"status": "ok", "model": "tiny", "sessions": 0}


@pytest.mark.parametrize(
    ("options", "param", "said"),
    [
        ({"file": ("noise.mp3", b"no sound at all")}, "file", "noise.mp3: not audio"),
        ({"file": ("empty.wav", b"")}, "file", "empty.wav: the file is empty"),
        ({"file": cut(wav(tone("one", seconds=1.0)))}, "file", "talk.wav: damaged or cut short: read 0.5 s"),
        ({"file": cut(wav(tone("one", seconds=1.0), form="FLAC"))}, "file", "talk.wav: damaged or cut short"),
        ({"file": wav(tone("one", rate=96_000), 96_000)}, "file", "96000 Hz"),
        ({"file": wav(tone("one")[::160], 100)}, "file", "100 Hz"),
        ({"response_format": "docx"}, "response_format", "json, text, srt"),
        ({"language": "de"}, "language", "en, not 'de'"),
        ({"timestamp_granularities": ["word"]}, "timestamp_granularities", "verbose_json"),
        (
            {"timestamp_granularities": ["letter"], "response_format": "verbose_json"},
            "timestamp_granularities",
            "'letter'",
        ),
        ({"extra_body": {"stream": "maybe"}}, "stream", "true or false, not 'maybe'"),
        ({"stream": True, "response_format": "srt"}, "response_format", "json or text"),
        ({"stream": True, "file": ("noise.mp3", b"no sound at all")}, "file", "noise.mp3: not audio"),
    ],
)
def test_what_cannot_be_done_is_a_bad_request(ask, options, param, said):
    with pytest.raises(openai.BadRequestError) as caught:
        ask(**options)
    assert caught.value.param == param
    assert caught.value.type == "invalid_request_error"
    assert said in caught.value.body["message"]


def test_an_upload_that_is_too_large(ask):
    with pytest.raises(openai.APIStatusError) as caught:
        ask(file=("large.wav", bytes(600_000)))
    assert (caught.value.status_code, caught.value.code) == (413, "too_large")


@pytest.mark.parametrize("form", ["FLAC", "MP3"])  # the length of an MP3 is known when it was read
def test_a_recording_that_is_too_long(ask, form):
    with pytest.raises(openai.APIStatusError) as caught:
        ask(file=wav(np.zeros(16_000 * 61), form=form))
    assert (caught.value.status_code, caught.value.code) == (413, "too_long")


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ({}, 400),
        ({"data": {"file": "text"}}, 400),
        ({"json": {"file": "text"}}, 400),
        ({"content": b"\0\1", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 400),
        ({"content": b"\0\1", "headers": {"Content-Type": "multipart/form-data"}}, 400),
        ({"files": [("file", ("a", b"1")), ("file", ("b", b"2"))]}, 400),
        ({"content": FORM, "headers": {"Content-Type": "multipart/form-data; boundary=x; charset=undefined"}}, 400),
        ({"content": FORM, "headers": {"Content-Type": "multipart/form-data; boundary=x; charset=none"}}, 400),
    ],
)
def test_no_form_is_a_bad_request(service, parts, status):
    answer = service.post(**parts)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_an_upload_that_is_still_coming_is_told_that_the_service_stops(tiny):
    with serving(tiny) as service:
        host, port = service.address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            head = "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\n"
            head += "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000\r\n\r\n"
            connection.sendall(head.encode() + FORM[:20])
            while service.get("/health").json()["sessions"] == 0:
                time.sleep(0.02)
            service.stop()
            answer = b"".join(iter(lambda: connection.recv(10_000), b"")).decode()
    assert answer.startswith("HTTP/1.1 503")
    assert '"code":"stopping"' in answer


def test_whoever_sends_on_what_was_refused_is_let_go(service):
    host, port = service.address.removeprefix("http://").split(":")
    head = b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    head += b"Content-Type: multipart/form-data; boundary=x\r\n\r\n" + b"%x\r\n%s\r\n" % (len(FORM), FORM)
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(head)
        received, deadline = b"", time.monotonic() + 30
        with pytest.raises(ConnectionError):
            while time.monotonic() < deadline:
                connection.sendall(b"186a0\r\n" + bytes(100_000) + b"\r\n")
                received += receive_what_is_there(connection)
    assert received.startswith(b"HTTP/1.1 413")


def test_a_body_that_breaks_off_into_nonsense_is_a_bad_request_and_no_fault_of_the_service(service):
    """`serving` sees that nothing came to the service's log."""
    host, port = service.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(
            b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
        )
        answer = b"".join(iter(lambda: connection.recv(10_000), b""))
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1") == 1
    wait_for_sessions(service, 0)


def receive_what_is_there(connection):
    ready, _, _ = select.select([connection], [], [], 0)
    return connection.recv(10_000) if ready else b""


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_a_client_that_leaves_is_forgotten(service, share):
    send_and_leave(service, tone(*WORDS * 6, seconds=0.4), share)
    wait_for_sessions(service, 0)


def send_and_leave(service, samples, share=1.0):
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="long.wav"\r\n\r\n'
    body += wav(samples)[1] + b"\r\n--x--\r\n"
    head = (
        "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\n"
        f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    host, port = service.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode() + body[: int(len(body) * share)])


def test_a_client_that_leaves_while_it_waits_for_its_turn_is_forgotten(tiny, lecture):
    with serving(tiny, "--threads", "1") as service, stream(service, lecture) as first:
        next(first)
        send_and_leave(service, tone("one", seconds=0.4))
        time.sleep(0.5)
        wait_for_sessions(service, 1)
        assert next(first).delta == " three one two"


def wait_for_sessions(service, count):
    for _ in range(200):
        if service.get("/health").json()["sessions"] == count:
            return
        time.sleep(0.02)
    pytest.fail(f"there are never {count} sessions")


def test_no_such_path_and_no_such_method(service):
    for path, status in (("/v1/chat/completions", 404), ("/v1/audio/transcriptions", 405), ("/v1/stream", 426)):
        answer = service.get(path)
        assert answer.status_code == status
        assert path in answer.json()["error"]["message"]


def test_a_recording_that_is_sent_as_no_form_is_told_how_to_be_sent(service):
    plain = {"content": wav(tone("one"))[1], "headers": {"Content-Type": "application/x-www-form-urlencoded"}}
    for parts in (plain, {"files": [("file", ("a", b"1")), ("file", ("b", b"2"))]}):
        answer = service.post(**parts)
        assert answer.status_code == 400
        assert "as the field `file` of multipart/form-data" in answer.json()["error"]["message"]
