"""Subtitles one can read: in order, inside the recording, every word once, lines that fit."""

import html
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech2text.text.subtitles import LONGEST_CUE, LONGEST_PAUSE, SHORTEST_CUE, Layout, highlighted, make_cues
from speech2text.text.transcript import Segment, Transcript, Word
from speech2text.text.writers import GROWING, WRITERS, to_srt, to_vtt

CLOCK = re.compile(r"(\d\d):(\d\d):(\d\d)[,.](\d\d\d) --> (\d\d):(\d\d):(\d\d)[,.](\d\d\d)")

texts = st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=12) | st.sampled_from(
    ["-->", "&", "<i>", "&amp;", "a" * 60]
)


@st.composite
def transcripts(draw) -> Transcript:
    """Segments of words with pauses of any length; some segments have no words, some no text."""
    now, segments = 0.0, []
    for _ in range(draw(st.integers(0, 4))):
        words = []
        for text in draw(st.lists(texts, max_size=15)):
            start = now + draw(st.floats(0, 0.4) | st.floats(0, 3))
            now = start + draw(st.floats(0.01, 0.8))
            words.append(Word(text, start, now, 0.5))
        text = " ".join(word.text for word in words)
        start = words[0].start if words else now
        now += 0.0 if words else 0.5
        segments.append(Segment(text, start, now, tuple(words) if draw(st.booleans()) else ()))
    return Transcript(tuple(segments), now + draw(st.floats(0, 2)))


layouts = st.builds(Layout, st.integers(1, 60), st.integers(1, 3), st.booleans())


def shown(text):
    """Start, end (milliseconds) and lines of each cue of a srt or vtt file."""
    found = []
    for block in text.split("\n\n"):
        lines = block.split("\n")
        for index, line in enumerate(lines):
            if match := CLOCK.fullmatch(line):
                hour, minute, second, thousandth, *end = map(int, match.groups())
                start = ((hour * 60 + minute) * 60 + second) * 1000 + thousandth
                found.append((start, ((end[0] * 60 + end[1]) * 60 + end[2]) * 1000 + end[3], lines[index + 1 :]))
    return found


def plain(lines):
    return html.unescape(re.sub("</?u>", "", "\n".join(lines)))


@settings(max_examples=100)
@given(transcripts(), layouts)
def test_the_laws_of_cues(transcript, layout):
    cues = make_cues(transcript, layout)
    edges = [0, *(time for cue in cues for time in (cue.start, cue.end))]
    assert edges == sorted(edges)
    assert edges[-1] <= transcript.duration * 1000 + 1e-3
    said = [word for segment in transcript.segments for word in segment.text.split()]
    assert [word.text for cue in cues for word in cue.words] == said
    for cue in cues:
        for line in cue.lines:
            assert len(line) == 1 or len(" ".join(word.text for word in line)) <= layout.max_line_width
        if not cue.is_timed:
            continue
        assert len(cue.lines) <= layout.max_line_count
        first, *_, last = (*cue.words, cue.words[-1])
        assert len(cue.words) == 1 or last.end - first.start <= LONGEST_CUE
        assert cue.end - cue.start <= 1000 * max(last.end - first.start, SHORTEST_CUE) + 1
        for left, right in zip(cue.words, cue.words[1:], strict=False):
            assert right.start - left.end <= LONGEST_PAUSE


@settings(max_examples=100)
@given(transcripts(), layouts)
def test_highlighting_changes_nothing_but_tags(transcript, layout):
    for cue in make_cues(transcript, layout):
        slices = list(highlighted(cue))
        assert [start for start, _, _ in slices[1:]] == [end for _, end, _ in slices[:-1]]
        if slices:
            assert (slices[0][0], slices[-1][1]) == (cue.start, cue.end)
        spoken = [index for _, _, index in slices if index is not None]
        assert spoken == sorted(set(spoken))
    without = Layout(layout.max_line_width, layout.max_line_count)
    text = "".join(word for segment in transcript.segments for word in segment.text)
    if "<u>" in text or "</u>" in text:
        return
    for write in (to_srt, to_vtt):
        bare = [plain(lines) for _, _, lines in shown(write(transcript, without))]
        marked = [plain(lines) for start, end, lines in shown(write(transcript, layout))]
        assert set(marked) <= set(bare)


@settings(max_examples=50)
@given(transcripts(), st.sampled_from(sorted(GROWING)))
def test_a_file_that_grows_is_at_every_time_that_of_all_so_far(transcript, name):
    growing, parts = GROWING[name], []
    for count, segment in enumerate(transcript.segments):
        parts.append(growing.part(count, segment))
        so_far = Transcript(transcript.segments[: count + 1], segment.end)
        assert growing.whole(parts, segment.end) == WRITERS[name](so_far)
    assert growing.whole(parts, transcript.duration) == WRITERS[name](transcript)


@settings(max_examples=50)
@given(transcripts(), layouts)
def test_files_are_read_back_as_the_cues_they_hold(transcript, layout):
    count = sum(
        1 for cue in make_cues(transcript, layout) for _ in (highlighted(cue) if layout.highlight_words else "1")
    )
    srt = to_srt(transcript, layout)
    assert len(shown(srt)) == len(shown(to_vtt(transcript, layout))) == count
    numbers = [int(line) for line, after in zip(srt.split("\n"), srt.split("\n")[1:], strict=False) if "-->" in after]
    assert numbers == list(range(1, count + 1))
    assert "\r" not in srt


def words(*timed):
    return tuple(Word(text, start, end, 0.9) for text, start, end in timed)


def cues(*timed, duration=60.0, **layout):
    segment = Segment(" ".join(text for text, _, _ in timed), timed[0][1], timed[-1][2], words(*timed))
    found = make_cues(Transcript((segment,), duration), Layout(**layout))
    return [(cue.start, cue.end, [" ".join(word.text for word in line) for line in cue.lines]) for cue in found]


def talk(text, pace=0.25):
    return [(word, index * pace, (index + 1) * pace) for index, word in enumerate(text.split())]


def test_a_pause_is_no_cue():
    assert cues(("hello", 1.0, 2.0), ("world", 2.6, 3.6)) == [(1000, 2000, ["hello"]), (2600, 3600, ["world"])]
    assert cues(("hello", 1.0, 2.0), ("world", 2.4, 3.4)) == [(1000, 3400, ["hello world"])]


def test_a_short_cue_stays_long_enough_to_be_read_where_it_can():
    assert cues(("yes", 1.0, 1.2)) == [(1000, 1833, ["yes"])]
    assert cues(("yes", 1.0, 1.2), ("no", 1.75, 3.0)) == [(1000, 1750, ["yes"]), (1750, 3000, ["no"])]
    assert cues(("yes", 1.0, 1.2), duration=1.3) == [(1000, 1300, ["yes"])]


def test_a_cue_ends_with_the_recording_however_times_are_rounded():
    assert 1.001 * 1000 < 1001
    assert cues(("yes", 0.0, 1.001), duration=1.001) == [(0, 1001, ["yes"])]
    assert cues(("yes", 0.9996, 0.9999), duration=0.9999) == [(999, 999, ["yes"])]
    narrow = {"max_line_width": 3, "max_line_count": 1}
    assert cues(("yes", 0.0, 0.9996), ("now", 0.9997, 0.9998), duration=0.9999, **narrow) == [
        (0, 999, ["yes"]),
        (999, 999, ["now"]),
    ]
    segment = Segment("yes", 0.0, 0.9999, words(("yes", 0.0, 0.9999)))
    (cue,) = make_cues(Transcript((segment,), 0.9999), Layout())
    assert list(highlighted(cue)) == [(0, 999, 0)]


def test_lines_and_cues_are_of_like_length():
    text = "listen attend and spell is a network that learns to turn sound into letters without anything in between"
    assert [lines for _, _, lines in cues(*talk(text))] == [
        ["listen attend and spell is", "a network that learns to"],
        ["turn sound into letters", "without anything in between"],
    ]
    assert [lines for _, _, lines in cues(*talk(text), max_line_width=60)] == [
        ["listen attend and spell is a network that learns to", "turn sound into letters without anything in between"]
    ]
    assert all(len(lines) == 1 for _, _, lines in cues(*talk(text), max_line_count=1))


def test_a_cue_ends_rather_at_a_pause():
    said = talk("one two three four five six seven eight nine ten", pace=0.3)
    late = [
        (text, start + 0.4 * (text in ("seven", "eight", "nine", "ten")), end + 0.4 * (index >= 6))
        for index, (text, start, end) in enumerate(said)
    ]
    assert [lines for _, _, lines in cues(*late, max_line_width=20)] == [
        ["one two three", "four five six"],
        ["seven eight nine ten"],
    ]


def test_slow_speech_is_cut_before_it_is_shown_for_too_long():
    assert [lines for _, _, lines in cues(*talk("a b c d e f g h i j", pace=1.0))] == [["a b c d e"], ["f g h i j"]]


def test_the_word_spoken_is_underlined():
    segment = Segment("a & b", 1.0, 3.0, words(("a", 1.0, 1.5), ("&", 1.7, 2.2), ("b", 2.2, 3.0)))
    transcript = Transcript((segment,), 5.0)
    assert transcript.to_vtt(highlight_words=True) == (
        "WEBVTT\n\n"
        "00:00:01.000 --> 00:00:01.500\n<u>a</u> &amp; b\n\n"
        "00:00:01.500 --> 00:00:01.700\na &amp; b\n\n"
        "00:00:01.700 --> 00:00:02.200\na <u>&amp;</u> b\n\n"
        "00:00:02.200 --> 00:00:03.000\na &amp; <u>b</u>\n\n"
    )
    numbered = transcript.to_srt(highlight_words=True, max_line_width=3)
    assert numbered.endswith("4\n00:00:02,200 --> 00:00:03,000\na &\n<u>b</u>\n\n")


@pytest.mark.parametrize("wrong", [{"max_line_width": 0}, {"max_line_count": -1}])
def test_limits_must_leave_room(wrong):
    with pytest.raises(ValueError, match="must be at least 1"):
        Transcript((), 0.0).to_srt(**wrong)


@pytest.mark.parametrize("wrong", [{"max_line_width": 42.0}, {"max_line_count": "2"}])
def test_limits_are_whole_numbers(wrong):
    with pytest.raises(TypeError, match=f"{next(iter(wrong))} must be a whole number, not "):
        Transcript((), 0.0).to_srt(**wrong)
