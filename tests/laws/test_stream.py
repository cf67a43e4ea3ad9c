"""Laws 1, 2 and 5 of a stream: any cutting gives the same updates, and the finals are those of a file, once each."""

from __future__ import annotations

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby, pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import speech2text
from speech2text import EndpointRules, Update
from speech2text.audio.files import read_audio
from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.bundle.store import find_bundle
from tests.tiny_bundle import LEVELS, tone, write_tiny_bundle

RULES = EndpointRules(longest=3.0)  # as good as 20 for a test, and more is cut

recordings = st.lists(st.tuples(st.sampled_from(["", *LEVELS]), st.floats(0.02, 3.0)), max_size=12).map(
    lambda said: np.concatenate([np.zeros(0, np.float32), *(tone(word, seconds=length) for word, length in said)])
)


@pytest.fixture(scope="module", params=[(), (0.9, 1.1)], ids=["once", "thrice"])
def recognizer(request, tmp_path_factory):
    bundle = write_tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny")
    return speech2text.load_model(bundle.folder, other_speeds=request.param)


def listen(recognizer, blocks, rate=SAMPLE_RATE, behind=False) -> list[Update]:
    stream = recognizer.stream(rate, endpoints=RULES)
    updates = [update for block in blocks for update in stream.feed(block, behind=behind)]
    return updates + stream.finish()


def finals(updates: list[Update]) -> list[speech2text.Segment]:
    """Those that say something; the others only take back a partial text."""
    return [each.segment for each in updates if each.final and (each.segment.text or each.segment.guard)]


@settings(max_examples=30)
@given(
    samples=recordings,
    places=st.lists(st.floats(0, 1), max_size=10),
    rate=st.sampled_from([8_000, 16_000, 44_100]),
)
def test_any_cutting_gives_the_same_updates(recognizer, samples, places, rate):
    blocks = np.split(samples, sorted(round(place * len(samples)) for place in places))
    assert listen(recognizer, blocks, rate) == listen(recognizer, [samples], rate)


@settings(max_examples=30)
@given(samples=recordings, rate=st.sampled_from([8_000, 16_000, 44_100]))
def test_the_finals_of_a_stream_are_the_segments_of_the_file(recognizer, samples, rate):
    blocks = np.split(samples, range(777, len(samples), 777))
    transcript = recognizer.transcribe(samples, rate, endpoints=RULES)
    assert finals(listen(recognizer, blocks, rate)) == list(transcript.segments)
    assert finals(listen(recognizer, blocks, rate, behind=True)) == list(transcript.segments)


@settings(max_examples=30)
@given(samples=recordings)
def test_segments_come_in_order_and_are_completed_once(recognizer, samples):
    updates = listen(recognizer, [samples])
    groups = [list(group) for _, group in groupby(updates, key=lambda update: update.index)]
    assert [group[0].index for group in groups] == list(range(len(groups)))
    for group in groups:
        assert [update.final for update in group] == [False] * (len(group) - 1) + [True]
        assert all(one.segment != other.segment for one, other in pairwise(group[:-1]))


@settings(max_examples=30)
@given(samples=recordings, rate=st.sampled_from([8_000, 16_000, 44_100]))
def test_times_never_go_back_and_never_leave_the_recording(recognizer, samples, rate):
    """Those of partial texts too; of one segment after the other they come in order as well."""
    ended = 0.0
    for update in listen(recognizer, [samples], rate):
        segment = update.segment
        times = [segment.start, *(time for word in segment.words for time in (word.start, word.end)), segment.end]
        assert times == sorted(times)
        assert ended <= segment.start
        assert segment.end <= len(samples) / rate + 1 / SAMPLE_RATE, "resampled, a recording ends with a whole sample"
        if update.final:
            ended = segment.end


def test_the_model_inside_says_the_same_in_a_stream():
    recognizer = speech2text.load_model()
    folder = find_bundle(None)
    sample = read_audio(folder / recognizer.manifest.sample.audio)
    samples = np.concatenate([sample, np.zeros(SAMPLE_RATE, np.float32), sample])
    one = listen(recognizer, np.split(samples, range(1000, len(samples), 1000)))
    assert one == listen(recognizer, [samples])
    assert finals(one) == list(recognizer.transcribe(samples, endpoints=RULES).segments)
    assert any(update.segment.words and not update.final for update in one)


@settings(max_examples=60)
@given(said=st.lists(st.tuples(st.sampled_from(["", "one"]), st.sampled_from([0.02, 0.03, 0.3, 0.7, 1.5])), max_size=8))
@example(said=[("", 0.3), ("one", 0.02), ("", 0.7), ("one", 0.02)])
@example(said=[("one", 0.02), ("", 0.7), ("one", 0.02)])
def test_what_was_shown_is_made_final_though_it_was_clicks(recognizer, said):
    """A span that is cut at its longest may leave clicks, which by themselves are no speech."""
    sounds = [tone(word, seconds=length) for word, length in [*said, ("", 4.0)]]
    stream = recognizer.stream(endpoints=EndpointRules(longest=1.0))
    updates = stream.feed(np.concatenate(sounds))
    assert not updates or updates[-1].final
    assert stream.finish() == []


def test_words_are_shown_within_half_a_chunk(recognizer):
    stream = recognizer.stream()
    assert stream.feed(tone("", "one", seconds=1.0)) != [], "half a chunk is 0.32 s, and the word lasts longer"
    shown = stream.feed(tone("two", seconds=0.35))
    assert [(update.index, update.final, update.segment.text) for update in shown] == [(0, False, "one two")]
    words = shown[0].segment.words
    assert [word.text for word in words] == ["one", "two"]
    assert [word.start for word in words] == pytest.approx([1.0, 2.0], abs=0.06)


def test_without_partials_there_are_finals_alone(recognizer):
    samples = tone("one", "", "two", seconds=1.5)
    stream = recognizer.stream(partials=False)
    updates = stream.feed(samples) + stream.finish()
    assert [update.final for update in updates] == [True, True]


def test_blocks_of_any_kind_are_taken(recognizer):
    samples = tone("one", "two")
    integers = (samples * 32768).astype(np.int16)
    expected = listen(recognizer, [(integers / np.float32(32768))])
    assert listen(recognizer, np.split(integers, 4)) == expected
    stereo = np.stack([integers, integers], axis=1)
    assert listen(recognizer, np.split(stereo, 4)) == expected


def test_bad_samples_are_refused_and_the_stream_goes_on(recognizer):
    stream = recognizer.stream()
    before = stream.feed(tone("one"))
    with pytest.raises(speech2text.AudioError, match="NaN or infinite"):
        stream.feed(np.full(10, np.nan, np.float32))
    assert finals(before + stream.finish()) == finals(listen(recognizer, [tone("one")]))


def test_after_the_end_nothing_is_taken(recognizer):
    stream = recognizer.stream()
    stream.finish()
    for use in (lambda: stream.feed(tone("one")), stream.finish):
        with pytest.raises(ValueError, match="the stream is finished; open another"):
            use()
    with pytest.raises(ValueError, match="rate of 0 Hz is impossible"):
        recognizer.stream(0)


def test_one_recogniser_serves_hundreds_of_streams_in_many_threads(recognizer):
    sounds = [tone(*words, seconds=0.7) for words in (("one", "", "two"), ("three",), ("two", "one", "", "one"))]
    alone = [listen(recognizer, np.split(sound, 20)) for sound in sounds]
    streams = [recognizer.stream() for _ in range(200)]
    told = [[] for _ in streams]

    def serve(thread: int) -> None:
        """Every fourth stream, block by block in turns."""
        for block in range(20):
            for number in range(thread, len(streams), 4):
                told[number] += streams[number].feed(np.split(sounds[number % 3], 20)[block])
        for number in range(thread, len(streams), 4):
            told[number] += streams[number].finish()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(serve, range(4)))
    assert all(updates == alone[number % 3] for number, updates in enumerate(told))


def test_memory_stays_flat(recognizer):
    talk = tone("one", "two", "", "three", "", "", seconds=0.5)  # 3 s
    stream = recognizer.stream()

    def growth() -> int:
        """Bytes more that are held after a minute more of talk."""
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(20):
            stream.feed(talk)
        return tracemalloc.get_traced_memory()[0] - before

    tracemalloc.start()
    try:
        growth()
        minutes = [growth() for _ in range(8)]
    finally:
        tracemalloc.stop()
    # the least, since Python fills its lists of freed objects first, and once in a while rebuilds its table of interned
    # strings, which is a step of 1 MB
    assert min(minutes) < 16_000, "a minute of samples would be four megabytes"
