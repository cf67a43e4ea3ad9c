import json

import pytest

from speech2text.text.transcript import Alternative, Segment, Transcript, Word
from speech2text.text.writers import WRITERS

TRANSCRIPT = Transcript(
    segments=(
        Segment(
            "hello world",
            0.12,
            1.5,
            (Word("hello", 0.12, 0.6, 0.98765), Word("world", 0.7, 1.5, 0.5)),
            alternatives=(Alternative("hello world", -1.23456), Alternative("hallo world", -2.5)),
        ),
        Segment("", 1.5, 2.0, guard="silence"),
        Segment("l'été <i>--></i>\t&", 59.9996, 3723.0454),
    ),
    duration=3724.0004,
)
EMPTY = Transcript((), 0.0)

EXPECTED = {
    "txt": "hello world\nl'été <i>--></i>\t&\n",
    "srt": "1\n00:00:00,120 --> 00:00:01,500\nhello world\n\n2\n00:01:00,000 --> 01:02:03,045\nl'été <i>-></i> &\n\n",
    "vtt": "WEBVTT\n\n00:00:00.120 --> 00:00:01.500\nhello world\n\n"
    "00:01:00.000 --> 01:02:03.045\nl'été &lt;i&gt;--&gt;&lt;/i&gt; &amp;\n\n",
    "tsv": "start\tend\ttext\tconfidence\n120\t1500\thello world\t0.7438\n60000\t3723045\tl'été <i>--></i> &\t\n",
}
FIRST_SEGMENT = {
    "id": 0,
    "start": 0.12,
    "end": 1.5,
    "text": "hello world",
    "words": [
        {"word": "hello", "start": 0.12, "end": 0.6, "probability": 0.9877},
        {"word": "world", "start": 0.7, "end": 1.5, "probability": 0.5},
    ],
    "confidence": 0.7438,
    "guard": None,
    "alternatives": [{"text": "hello world", "score": -1.2346}, {"text": "hallo world", "score": -2.5}],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_the_text_formats(name):
    assert WRITERS[name](TRANSCRIPT) == EXPECTED[name]


def test_json_holds_everything():
    data = json.loads(TRANSCRIPT.to_json())
    assert list(data) == ["schema_version", "text", "language", "duration", "segments"]
    assert (data["schema_version"], data["text"], data["duration"]) == (1, TRANSCRIPT.text, 3724.0)
    assert data["segments"][0] == FIRST_SEGMENT
    assert [segment["id"] for segment in data["segments"]] == [0, 1, 2]
    assert [segment["guard"] for segment in data["segments"]] == [None, "silence", None]
    assert "été" in TRANSCRIPT.to_json()


def test_times_of_json_are_to_the_millisecond():
    word = Word("one", 1 / 3, 2 / 3, 2 / 3)
    (segment,) = json.loads(Transcript((Segment("one", 1 / 3, 2 / 3, (word,)),), 4 / 3).to_json())["segments"]
    assert [(each["start"], each["end"]) for each in (segment, *segment["words"])] == [(0.333, 0.667)] * 2


def test_jsonl_holds_one_segment_a_line():
    lines = TRANSCRIPT.to_jsonl().splitlines()
    assert [json.loads(line) for line in lines] == json.loads(TRANSCRIPT.to_json())["segments"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("txt", ""), ("srt", ""), ("vtt", "WEBVTT\n\n"), ("tsv", "start\tend\ttext\tconfidence\n"), ("jsonl", "")],
)
def test_an_empty_transcript_is_a_valid_file(name, expected):
    assert WRITERS[name](EMPTY) == expected


def test_an_empty_transcript_is_valid_json():
    assert json.loads(EMPTY.to_json()) == {
        "schema_version": 1,
        "text": "",
        "language": None,
        "duration": 0.0,
        "segments": [],
    }


@pytest.mark.parametrize("name", WRITERS)
def test_the_transcript_has_a_method_for_every_format(name):
    assert getattr(TRANSCRIPT, f"to_{name}")() == WRITERS[name](TRANSCRIPT)
