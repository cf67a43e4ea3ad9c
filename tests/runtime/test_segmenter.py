import numpy as np
import pytest

from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.runtime.segmenter import split

LONGEST = 2.0  # seconds: as good as 20 for a test, and quicker


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(round(seconds * SAMPLE_RATE)).astype(np.float32)


def with_pauses(seconds: float, *pauses: float) -> np.ndarray:
    """Noise with 200 ms of near silence around each of the given seconds."""
    samples = noise(seconds)
    for pause in pauses:
        middle = round(pause * SAMPLE_RATE)
        samples[middle - 1600 : middle + 1600] *= 1e-3
    return samples


@pytest.mark.parametrize("seconds", [1 / SAMPLE_RATE, 1.0, LONGEST])
def test_a_recording_up_to_the_limit_is_one_span(seconds):
    (span,) = split([noise(seconds)], LONGEST)
    assert (span.start, span.end) == (0.0, seconds)


def test_nothing_gives_no_span():
    assert list(split([])) == []
    assert list(split([np.zeros(0, np.float32)])) == []


def test_a_long_recording_is_cut_in_its_pauses():
    spans = list(split([with_pauses(5, 0.5, 1.4, 3.1)], LONGEST))
    np.testing.assert_allclose([span.end for span in spans], [1.4, 3.1, 5.0], atol=0.06)


def test_the_default_limit_is_twenty_seconds():
    assert [span.end for span in split([np.zeros(20 * SAMPLE_RATE, np.float32)])] == [20.0]
    assert len(list(split([np.zeros(20 * SAMPLE_RATE + 1, np.float32)]))) == 2


def test_digital_silence_is_cut_as_late_as_possible():
    spans = list(split([np.zeros(5 * SAMPLE_RATE, np.float32)], LONGEST))
    assert [round(span.end, 3) for span in spans] == [1.95, 3.9, 5.0]


def test_a_cut_does_not_depend_on_what_follows():
    start = with_pauses(3, 1.4)
    first = next(split([np.concatenate([start, noise(3, seed=1)])], LONGEST))
    assert first.end == next(split([start], LONGEST)).end


def test_a_span_is_given_as_soon_as_it_is_certain():
    def blocks():
        yield noise(LONGEST)
        yield noise(0.1)
        raise AssertionError("the first span was certain before this block")

    assert next(split(blocks(), LONGEST)).start == 0.0


def test_a_limit_below_one_second_is_refused():
    with pytest.raises(ValueError, match=r"at least 1, not 0\.5"):
        next(split([noise(1)], 0.5))
