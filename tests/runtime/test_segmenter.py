import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.runtime.endpoints import EndpointRules
from speech2text.runtime.segmenter import Segmenter, Span

LONGEST = 4.0  # seconds: as good as 20 for a test, and quicker
CONTEXT = 0.5  # seconds heard before and after speech


def noise(seconds: float, level: float, seed: int = 0) -> np.ndarray:
    samples = np.random.default_rng(seed).standard_normal(round(seconds * SAMPLE_RATE))
    return (10 ** (level / 20) * samples).astype(np.float32)


def talk(seconds: float, *spoken: tuple[float, float], room: float = -90.0) -> np.ndarray:
    """Noise of `room` decibels, and louder where somebody speaks: from, to in seconds.

    Its level goes up and down as that of syllables does, so that it is not taken for a louder room.
    """
    samples = noise(seconds, room)
    times = np.arange(len(samples)) / SAMPLE_RATE
    syllables = (0.1 * np.abs(np.sin(2 * np.pi * 2 * times))).astype(np.float32)
    for begin, end in spoken:
        said = (times >= begin) & (times < end)
        samples[said] += syllables[said] * noise(seconds, 0, seed=1)[said]
    return samples


def cut(samples: np.ndarray, rules: EndpointRules | None = None) -> list[Span]:
    segmenter = Segmenter(CONTEXT, rules)
    return segmenter.feed(samples) + segmenter.finish()


def times(spans: list[Span]) -> list[tuple[float, float]]:
    return [(span.start, span.end) for span in spans]


@pytest.mark.parametrize("seconds", [0.15, 1.0, 20.0])
def test_speech_up_to_the_limit_is_one_span(seconds):
    (span,) = cut(talk(seconds, (0, seconds)))
    assert (span.start, span.end) == (0.0, seconds)


@pytest.mark.parametrize("samples", [0, 1, 159, 160, 100_000])
def test_silence_gives_no_span(samples):
    assert cut(np.zeros(samples, np.float32)) == []
    assert cut(noise(1, -90)[:samples]) == []


def test_a_span_lasts_from_before_the_first_word_to_after_the_last():
    spans = cut(talk(20, (6, 8), (8.5, 9), (14, 15)))
    expected = [(6 - CONTEXT, 9 + CONTEXT), (14 - CONTEXT, 15 + CONTEXT)]
    np.testing.assert_allclose(times(spans), expected, atol=0.12)


@pytest.mark.parametrize("rules", [EndpointRules(silence_before_speech=25), EndpointRules(3.0, longest=2.0)])
def test_a_click_is_no_speech_when_the_longest_span_ends_before_the_silence_after_it(rules):
    click = talk(40)
    click[6 * SAMPLE_RATE : 6 * SAMPLE_RATE + 8] = 0.01
    assert cut(click, rules) == []


@pytest.mark.parametrize(("pause", "spans"), [(0.35, 1), (1.0, 2)])
def test_silence_after_speech_ends_a_span(pause, spans):
    samples = talk(12, (5, 6), (6 + pause, 7 + pause))
    assert len(cut(samples)) == spans
    assert len(cut(samples, EndpointRules(silence_after_speech=1.2))) == 1


def test_speech_soon_after_a_click_was_dropped_has_what_is_heard_before_it():
    samples = talk(9, (5.7, 6.7))
    samples[3 * SAMPLE_RATE : 3 * SAMPLE_RATE + 8] = 0.01
    (span,) = cut(samples)
    assert span.start == pytest.approx(5.7 - CONTEXT, abs=0.12)


@pytest.mark.parametrize("begin", np.arange(4.2, 5.2, 0.05).round(2).tolist())
def test_a_word_that_begins_where_a_click_has_held_the_longest_span_is_whole(begin):
    samples = talk(9, (begin, begin + 0.5))
    samples[3 * SAMPLE_RATE : 3 * SAMPLE_RATE + 8] = 0.01
    (span,) = cut(samples, EndpointRules(3.0, longest=2.0))
    assert span.start == pytest.approx(begin - CONTEXT, abs=0.12)
    assert span.end > begin + 0.5


@pytest.mark.parametrize("peak", [0.01, 0.1, 1.0])
def test_a_click_alone_is_no_speech_however_loud(peak):
    click = talk(10)
    click[6 * SAMPLE_RATE : 6 * SAMPLE_RATE + 8] = peak
    assert cut(click) == []
    assert cut(click[: round(6.3 * SAMPLE_RATE)]) == [], "nor where the recording ends soon after it"


def test_a_click_is_no_speech_unless_speech_follows_soon():
    click = talk(14, (9, 10))
    click[7 * SAMPLE_RATE : 7 * SAMPLE_RATE + 8] = 0.01
    (span,) = cut(click, EndpointRules(silence_before_speech=1.2))
    assert span.start == pytest.approx(9 - CONTEXT, abs=0.12)
    (span,) = cut(click)
    assert span.start == pytest.approx(7 - CONTEXT, abs=0.12)


def test_what_gets_too_long_is_cut_at_its_best_pause_and_the_rest_carried_over():
    samples = talk(7, (0, 1.5), (1.9, 3.0), (3.4, 5.3), (5.7, 7))
    spans = cut(samples, EndpointRules(longest=LONGEST))
    np.testing.assert_allclose(times(spans), [(0, 3.25), (3.25, 7)], atol=0.15)
    assert spans[0].end == spans[1].start


@pytest.mark.parametrize(
    ("spoken", "between"),
    [
        ([(0, 1.0), (1.5, 2.9), (3.3, 7)], (2.9, 3.3)),  # not in the longer pause of the first half
        ([(0, 2.1), (2.55, 3.1), (3.55, 6.5)], (3.1, 3.55)),  # nor in the first of two alike
    ],
)
def test_what_gets_too_long_is_cut_within_the_last_good_pause_of_its_second_half(spoken, between):
    first, second = cut(talk(7, *spoken, room=-300.0), EndpointRules(longest=LONGEST))
    assert between[0] + 0.12 < first.end < between[1] - 0.12, "no sound of the words beside it is lost"
    assert second.start == first.end


@pytest.mark.parametrize("context", [1.9, 5.0])
def test_words_are_whole_where_the_listener_hears_as_much_at_once_as_the_longest_span(context):
    segmenter = Segmenter(context, EndpointRules(longest=2.0))
    samples = talk(12, (6, 6.5), (9, 9.8))
    spans = segmenter.feed(samples) + segmenter.finish()
    assert len(spans) == 2
    for span, (begin, end) in zip(spans, [(6, 6.5), (9, 9.8)], strict=True):
        assert span.start < begin < end < span.end <= span.start + 2.0


def test_the_noise_of_the_room_is_learned_in_four_seconds():
    loud_room = cut(talk(30, (10, 12), (20, 22), room=-45.0))
    np.testing.assert_allclose(times(loud_room)[-2:], [(9.5, 12.5), (19.5, 22.5)], atol=0.15)


def test_a_cut_depends_on_nothing_that_comes_after_it_was_made():
    samples = talk(20, (6, 8), (14, 15))
    segmenter = Segmenter(CONTEXT)
    first = segmenter.feed(samples[: round(9.4 * SAMPLE_RATE)])
    assert times(first) == times(cut(samples))[:1]


def test_who_streams_can_see_what_is_open():
    segmenter = Segmenter(CONTEXT)
    assert segmenter.open_span() is None
    segmenter.feed(talk(6.5, (6, 6.5)))
    assert segmenter.said
    open_span = segmenter.open_span()
    assert open_span.start == pytest.approx(6 - CONTEXT, abs=0.12)
    assert open_span.end == 6.5
    assert segmenter.settled_sample == open_span.start_sample
    segmenter.feed(noise(0.5, -90))
    assert segmenter.open_span().end == 7.0, "the silence that may end it belongs to it until then"
    (span,) = segmenter.feed(noise(1.0, -90))
    assert span.start_sample == open_span.start_sample
    assert not segmenter.said


def test_memory_stays_bounded_in_silence_and_in_speech():
    segmenter = Segmenter(CONTEXT, EndpointRules(longest=LONGEST))
    for fed, samples in ((30, talk(30)), (60, talk(30, (0, 30)))):
        segmenter.feed(samples)
        assert fed - segmenter.settled_sample / SAMPLE_RATE <= LONGEST


def test_silence_that_ends_a_span_at_the_limit_makes_it_no_longer():
    rules = EndpointRules(silence_after_speech=0.3, longest=LONGEST)
    samples = talk(4.5, (0, 4.5))
    for end in range(round(3.4 * SAMPLE_RATE), round(3.8 * SAMPLE_RATE), 160):
        spans = cut(np.concatenate([samples[:end], noise(1, -90)]), rules)
        assert max(len(span.samples) for span in spans) <= LONGEST * SAMPLE_RATE


@settings(max_examples=30)
@given(
    spoken=st.lists(st.tuples(st.floats(0, 15), st.floats(0.1, 9)), max_size=5),
    room=st.sampled_from([-90.0, -70.0, -40.0]),
    silence=st.sampled_from([0.3, 0.6, 2.0]),
)
def test_spans_are_in_order_and_within_the_limit(spoken, room, silence):
    samples = talk(16, *((begin, begin + length) for begin, length in spoken), room=room)
    spans = cut(samples, EndpointRules(silence_after_speech=silence, longest=LONGEST))
    edges = [0, *(edge for span in spans for edge in (span.start_sample, span.start_sample + len(span.samples)))]
    assert edges == sorted(edges)
    assert edges[-1] <= len(samples)
    for span in spans:
        assert 0 < len(span.samples) <= LONGEST * SAMPLE_RATE
        np.testing.assert_array_equal(span.samples, samples[span.start_sample :][: len(span.samples)])


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"longest": 0.5}, r"^longest must be 1 to 86400 s, not 0\.5$"),
        ({"longest": float("nan")}, "longest must be 1 to 86400 s, not nan"),
        ({"silence_after_speech": 1e307}, r"silence_after_speech must be 0\.3 to 86400 s"),
        ({"silence_after_speech": 0.29}, r"0\.3 to 86400 s, not 0\.29"),
        ({"silence_before_speech": 0.0}, r"silence_before_speech must be 0\.3 to"),
    ],
)
def test_rules_that_make_no_sense_are_refused(rules, message):
    with pytest.raises(ValueError, match=message):
        EndpointRules(**rules)


@pytest.mark.parametrize("seconds", ["1", None])
def test_a_rule_that_is_no_number_is_named(seconds):
    with pytest.raises(TypeError, match=f"^longest must be a number of seconds, not {seconds!r}$"):
        EndpointRules(longest=seconds)
