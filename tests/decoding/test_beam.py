import numpy as np
import pytest

from speech2text.decoding.beam import beam_search
from speech2text.decoding.coverage import Coverage
from speech2text.decoding.fusion import ShallowFusion
from speech2text.decoding.greedy import attention_greedy, ctc_greedy
from speech2text.decoding.hotwords import Hotwords
from speech2text.decoding.hypothesis import Hypothesis
from speech2text.decoding.protocols import END
from tests.decoding.definition import log_prob
from tests.decoding.scripted import (
    ScriptedLanguageModel,
    ScriptedSpeller,
    log_softmax,
    memory_of,
    planted,
    random_log_probs,
    random_speller,
)

VOCABULARY = 30


def speller_of(text: list[int], strength: float = 6.0) -> ScriptedSpeller:
    """Spells `text` from wherever the prefix has got to, and never mind what the prefix says."""

    def script(prefix):
        logits = np.random.default_rng([7, *prefix]).standard_normal(VOCABULARY)
        logits[text[len(prefix)] if len(prefix) < len(text) else END] += strength
        return log_softmax(logits)

    return ScriptedSpeller(script)


def looping_speller(loop: list[int]) -> ScriptedSpeller:
    """Repeats itself and hardly ever ends, as attention alone does on little training."""

    def script(prefix):
        logits = np.zeros(VOCABULARY)
        logits[loop[len(prefix) % len(loop)]] = 8.0
        return log_softmax(logits)

    return ScriptedSpeller(script)


TEXT = [5, 6, 6, 9, 4]
PATH = [0, 0, 5, 5, 0, 6, 0, 6, 0, 0, 9, 4, 4, 0, 0, 0]


def test_both_agreeing_finds_the_text():
    memory = memory_of(planted(PATH, VOCABULARY, strength=6))
    speller = speller_of(TEXT)
    best = beam_search(memory, speller, beam_size=4, ctc_weight=0.3)[0]
    assert best.tokens == tuple(TEXT)
    assert best.score == pytest.approx(0.3 * best.ctc_score + 0.7 * log_prob(speller, best.tokens))


def test_ctc_stops_a_speller_that_loops():
    memory = memory_of(planted(PATH, VOCABULARY, strength=8))
    speller = looping_speller([5, 6])
    assert len(attention_greedy(memory, speller).tokens) == len(memory)
    assert beam_search(memory, speller, beam_size=8, ctc_weight=0.7)[0].tokens == tuple(TEXT)


def test_speller_settles_what_ctc_leaves_open():
    path = [0, 5, 0, 6, 0, 7, 0]
    log_probs = planted(path, VOCABULARY, strength=9)
    log_probs[3, [6, 8]] = log_probs[3, [8, 6]] = np.log(0.499)  # 6 and 8 sound the same
    found = {
        middle: beam_search(memory_of(log_probs), speller_of([5, middle, 7]), beam_size=4, ctc_weight=0.7)[0].tokens
        for middle in (6, 8)
    }
    assert found == {6: (5, 6, 7), 8: (5, 8, 7)}


def test_ctc_alone_finds_the_planted_text_and_at_least_as_likely_a_one_as_greedy():
    memory = memory_of(planted(PATH, VOCABULARY, strength=5))
    best = beam_search(memory, looping_speller([3]), beam_size=8, ctc_weight=1.0)[0]
    assert best.tokens == ctc_greedy(memory.ctc_log_probs) == tuple(TEXT)
    assert best.score == best.ctc_score


def test_n_best_is_sorted_distinct_and_starts_with_the_best():
    memory = memory_of(random_log_probs(3, 12, 6))
    speller = random_speller(3, 6)
    readings = beam_search(memory, speller, beam_size=6, ctc_weight=0.4, length_bonus=0.2, n_best=5)
    assert len(readings) == len({reading.tokens for reading in readings}) == 5
    assert readings == sorted(readings, key=lambda reading: -reading.score)
    assert readings[0] == beam_search(memory, speller, beam_size=6, ctc_weight=0.4, length_bonus=0.2)[0]


def test_length_bonus_lengthens():
    memory = memory_of(random_log_probs(1, 10, 6, spread=1.0))
    speller = random_speller(1, 6)
    lengths = [
        len(beam_search(memory, speller, beam_size=8, ctc_weight=0.3, length_bonus=bonus)[0].tokens)
        for bonus in (-3.0, 0.0, 3.0)
    ]
    assert lengths == sorted(lengths)
    assert lengths[0] < lengths[-1]


@pytest.mark.parametrize("begun", [0.4, 0.2])
def test_length_normalization_lengthens(begun):
    """A short text of one unlikely token loses to a long one of many likely ones, once their means are compared."""

    def script(prefix):
        probs = np.full(5, 1e-3)
        probs[{0: [END, 2], 4: [END]}.get(len(prefix), [2])] = [0.5, begun] if not prefix else [0.7]
        return np.log(probs).astype(np.float32)

    memory = memory_of(random_log_probs(0, 8, 5))
    lengths = [
        len(beam_search(memory, ScriptedSpeller(script), 4, 0.0, length_normalization=power)[0].tokens)
        for power in (0.0, 1.0)
    ]
    assert lengths == [0, 4]


def test_a_score_above_zero_is_divided_by_no_more_than_its_length_until_it_has_ended():
    """Else the search takes `3 2` for the best that can still come, and stops before it has seen `3 3`."""
    memory, speller = memory_of(random_log_probs(5, 3, 4, spread=3.0)), random_speller(5, 4, spread=3.0)
    only, first = (
        beam_search(memory, speller, 400, 0.3, 3.0, length_normalization=1.0, n_best=n_best)[0] for n_best in (1, 400)
    )
    assert only.score > 0
    assert only == first


def test_beam_threshold_is_how_far_behind_the_winner_may_have_been():
    """`3` is begun with 0.4 against 0.6, 0.41 behind in the logarithm, and has won at the end."""
    first, then = {2: 0.6, 3: 0.4}, {2: 0.1, 3: 0.9}

    def script(prefix):
        probs = np.full(5, 1e-6)
        if prefix:
            probs[END] = then[prefix[0]]
        else:
            probs[[2, 3]] = first[2], first[3]
        return np.log(probs).astype(np.float32)

    memory = memory_of(random_log_probs(0, 3, 5))
    found = [beam_search(memory, ScriptedSpeller(script), 4, 0.0, beam_threshold=limit)[0] for limit in (0.4, 0.42)]
    assert [reading.tokens for reading in found] == [(2,), (3,)]


def test_a_search_does_not_go_on_for_readings_too_far_behind():
    """Two are finished, and those still open are better than the second, but far behind the first."""

    def script(prefix):
        probs = [1e-3, 0.01, 0.02, 0.02, 1e-3] if prefix else [1e-3, 0.5, 0.4, 0.09, 1e-3]
        return np.log(np.array(probs, np.float32))

    memory = memory_of(random_log_probs(0, 8, 5))
    patient, hasty = ScriptedSpeller(script), ScriptedSpeller(script)
    first = [beam_search(memory, patient, 4, 0.0, n_best=2)[0]]
    readings = beam_search(memory, hasty, 4, 0.0, beam_threshold=2.0, n_best=2)
    assert [reading.tokens for reading in readings] == [(), (2,)]
    assert readings[:1] == first
    assert hasty.steps == 2 < patient.steps


def test_the_least_beam_may_be_far_behind():
    memory, speller = memory_of(random_log_probs(0, 6, 6)), random_speller(1, 6)
    narrow, wider = (
        beam_search(memory, speller, 8, 0.4, beam_threshold=0.01, least_beam=least, n_best=3) for least in (1, 3)
    )
    assert (len(narrow), len(wider)) == (1, 3)
    assert wider[0].score - wider[2].score > 0.01


@pytest.mark.parametrize("seed", range(5))
def test_more_readings_are_the_same_ones_and_more_within_a_threshold_too(seed):
    memory, speller = memory_of(random_log_probs(seed, 8, 6)), random_speller(seed, 6)
    one, many = (beam_search(memory, speller, 8, 0.4, beam_threshold=0.5, n_best=count) for count in (1, 8))
    assert one == many[:1]


def test_end_threshold_forbids_an_early_end():
    """END with a half against 0.45 is early at 0.8 times its log-probability, and not at 1.5 times."""

    def script(prefix):
        probs = np.full(5, 1e-3)
        probs[[END, 2] if len(prefix) < 2 else [END]] = [0.5, 0.45] if len(prefix) < 2 else [0.99]
        return np.log(probs).astype(np.float32)

    memory = memory_of(random_log_probs(0, 8, 5))
    lengths = [
        len(beam_search(memory, ScriptedSpeller(script), 4, 0.0, end_threshold=threshold)[0].tokens)
        for threshold in (0.0, 1.5, 0.8)
    ]
    assert lengths == [0, 0, 2]


def test_a_threshold_never_leaves_a_search_without_an_end():
    memory = memory_of(random_log_probs(0, 3, 3))
    speller = ScriptedSpeller(lambda prefix: log_softmax(np.array([0.0, 0.0, 8.0])))
    for ctc_weight in (0.0, 0.5):
        best = beam_search(memory, speller, 1, ctc_weight, end_threshold=1e-9)[0]
        assert best.tokens == ((2, 2, 2) if ctc_weight == 0 else (2, 2)), "CTC needs a blank between two"


def test_coverage_prefers_the_reading_that_has_looked_at_more():
    """A skipped word costs the speller nothing here; that its frames were not looked at shows what is missing."""
    memory = memory_of(np.log(np.full((6, 5), 0.2, np.float32)))

    class Reader(ScriptedSpeller):
        def step(self, memory, tokens, state):
            log_probs, _, state = super().step(memory, tokens, state)
            place = np.minimum(state.cell[:, 0, 0].astype(int) - 1, 2)
            return log_probs, np.repeat(np.eye(3, dtype=np.float32)[place], 2, axis=1), state

    def script(prefix):
        return log_softmax(np.array([-9.0, 1.0, 0.9, -9.0, -9.0]) if len(prefix) < 2 else np.array([-9, 3, -9, -9, -9]))

    speller = Reader(script)
    found = [
        beam_search(memory, speller, 4, 0.0, terms=[Coverage(weight)] if weight else [])[0] for weight in (0.0, 2.0)
    ]
    assert [len(best.tokens) for best in found] == [0, 2]
    assert found[1].score == pytest.approx(log_prob(speller, found[1].tokens) + 2.0 * 6)


def test_search_goes_on_while_the_step_of_end_may_still_pay():
    """The longest text possible, unlikelier than those finished, looks at the second frame with its END alone."""

    class Reader(ScriptedSpeller):
        def step(self, memory, tokens, state):
            log_probs, _, state = super().step(memory, tokens, state)
            return log_probs, np.eye(2, dtype=np.float32)[(state.cell[:, 0, 0] > 2).astype(int)], state

    speller = Reader(lambda prefix: np.log(np.array([1e-9, 0.6, 0.4, 1e-9], np.float32)))
    memory = memory_of(np.log(np.full((2, 4), 0.25, np.float32)))
    best = [beam_search(memory, speller, 4, 0.0, terms=[Coverage(weight)])[0].tokens for weight in (0.1, 5.0)]
    assert best == [(), (2, 2)]


def test_a_language_model_settles_what_the_sound_leaves_open():
    path = [0, 5, 0, 6, 0, 7, 0]
    log_probs = planted(path, VOCABULARY, strength=9)
    log_probs[3, [6, 8]] = log_probs[3, [8, 6]] = np.log(0.499)
    unsure = ScriptedSpeller(lambda prefix: np.full(VOCABULARY, -np.log(VOCABULARY), np.float32))
    for middle in (6, 8):
        model = ScriptedLanguageModel(speller_of([5, middle, 7]).script)
        best = beam_search(memory_of(log_probs), unsure, 4, 0.7, terms=[ShallowFusion.of(model, 0.5)])[0]
        assert best.tokens == (5, middle, 7)
        spelled = 0.3 * log_prob(unsure, best.tokens) + 0.5 * log_prob(model, best.tokens)
        assert best.score == pytest.approx(0.7 * best.ctc_score + spelled)


def test_what_a_language_model_holds_for_impossible_is_heard_where_it_is_said():
    def script(prefix):
        row = log_softmax(np.zeros(VOCABULARY))
        row[TEXT] = -np.inf
        return row

    terms = [ShallowFusion.of(ScriptedLanguageModel(script), 0.001)]
    best = beam_search(memory_of(planted(PATH, VOCABULARY, strength=6)), speller_of(TEXT), 4, 0.5, terms=terms)[0]
    assert best.tokens == tuple(TEXT)
    assert np.isfinite(best.score)


def test_terms_do_not_lengthen_the_search_where_the_rest_is_silence():
    spellings = ["", ""] + [f" {chr(ord('a') + token)}" for token in range(VOCABULARY - 2)]
    speller = speller_of(TEXT)
    terms = [Coverage(0.2), Hotwords(["b c", "d"], spellings, 0.5).start()]
    memory = memory_of(planted(PATH + [0] * 40, VOCABULARY, strength=12))
    beam_search(memory, speller, beam_size=8, ctc_weight=0.3, terms=terms)
    assert speller.steps <= len(TEXT) + 6


def test_search_goes_on_while_the_bonus_may_still_pay():
    def script(prefix):
        logits = np.zeros(VOCABULARY)
        logits[7 if prefix else END] = 8.0  # once begun, it never wants to end
        return log_softmax(logits)

    memory = memory_of(random_log_probs(0, 10, VOCABULARY))
    best = beam_search(memory, ScriptedSpeller(script), beam_size=4, ctc_weight=0.0, length_bonus=4.0)[0]
    assert len(best.tokens) == len(memory)


def test_search_goes_on_while_the_bonus_may_still_pay_for_what_ctc_hardly_hears():
    def script(prefix):
        probs = np.full(4, 1e-3)
        probs[[END, 2 + len(prefix) % 2]] = [0.3, 0.69] if prefix else [0.9, 0.02]
        return np.log(probs).astype(np.float32)

    memory = memory_of(np.log(np.tile(np.array([0.9, 0.02, 0.04, 0.04], np.float32), (6, 1))))
    best = beam_search(memory, ScriptedSpeller(script), beam_size=4, ctc_weight=0.3, length_bonus=2.0)[0]
    assert best.tokens == (2, 3) * 3


def once_or_not_at_all(nothing: float, something: float) -> ScriptedSpeller:
    """Says nothing, or one token 2, as likely as this."""

    def script(prefix):
        probs = np.full(4, 1e-3)
        probs[[END, 2] if not prefix else [END]] = [nothing, something] if not prefix else [0.9]
        return np.log(probs).astype(np.float32)

    return ScriptedSpeller(script)


@pytest.mark.parametrize("ctc_weight", [0.0, 0.3])
def test_search_goes_on_with_what_hot_words_have_gained(ctc_weight):
    hotwords = Hotwords(["ab"], ["", "", " ab", " c"], 2.0)
    memory = memory_of(np.log(np.full((1, 4), 0.25, np.float32)))
    best = beam_search(memory, once_or_not_at_all(0.6, 0.3), 4, ctc_weight, terms=[hotwords.start()])[0]
    assert best.tokens == (2,)


def test_search_goes_on_where_the_bonus_is_against_a_longer_text_still():
    memory = memory_of(random_log_probs(0, 4, 4))
    best = beam_search(memory, once_or_not_at_all(0.3, 0.6), 4, 0.0, length_bonus=-0.5)[0]
    assert best.tokens == (2,)


def test_search_ends_soon_after_the_text_even_with_a_bonus():
    path = PATH + [0] * 40
    speller = speller_of(TEXT)
    beam_search(
        memory_of(planted(path, VOCABULARY, strength=12)), speller, beam_size=8, ctc_weight=0.3, length_bonus=0.5
    )
    assert speller.steps <= len(TEXT) + 4


def test_no_frames_no_tokens():
    memory = memory_of(np.zeros((0, VOCABULARY), np.float32))
    empty = Hypothesis((), 0.0, 0.0)
    assert beam_search(memory, speller_of(TEXT), beam_size=8, ctc_weight=0.3) == [empty]
    assert attention_greedy(memory, speller_of(TEXT)) == empty


def test_impossible_tokens_are_survived():
    """A masked token (-inf) of either head is a score like any other, at every weight."""
    log_probs = planted(PATH, VOCABULARY, strength=6)
    log_probs[:, 20:] = -np.inf

    def script(prefix):
        row = speller_of(TEXT).script(prefix).copy()
        row[0] = row[25:] = -np.inf
        return row

    for ctc_weight in (0.0, 0.5, 1.0):
        best = beam_search(memory_of(log_probs), ScriptedSpeller(script), beam_size=4, ctc_weight=ctc_weight)[0]
        assert best.tokens == tuple(TEXT)
        assert np.isfinite(best.score)


def test_tokens_without_room_have_no_ctc_score():
    memory = memory_of(random_log_probs(0, 2, VOCABULARY))
    best = beam_search(memory, speller_of([5, 5]), beam_size=2, ctc_weight=0.0)[0]
    assert best.tokens == (5, 5)  # CTC would need a third frame, a blank between them
    assert best.ctc_score == -np.inf


@pytest.mark.parametrize(
    ("beam_size", "ctc_weight", "n_best", "message"),
    [(0, 0.3, 1, "beam_size"), (1, 0.3, 0, "n_best"), (1, 1.5, 1, "ctc_weight"), (1, -0.1, 1, "ctc_weight")],
)
def test_settings_outside_their_range_are_refused(beam_size, ctc_weight, n_best, message):
    for frames in (0, 2):
        memory = memory_of(random_log_probs(0, frames, 4))
        with pytest.raises(ValueError, match=message):
            beam_search(memory, random_speller(0, 4), beam_size, ctc_weight, n_best=n_best)


@pytest.mark.parametrize(
    ("name", "value"), [("length_normalization", -0.1), ("end_threshold", float("nan")), ("beam_threshold", -1.0)]
)
def test_negative_powers_and_thresholds_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} must be at least 0, not {value}"):
        beam_search(memory_of(random_log_probs(0, 2, 4)), random_speller(0, 4), 1, 0.3, **{name: value})
