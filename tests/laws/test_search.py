"""Law 9: the search is what its definition says, on cases small enough to write the definition out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech2text.decoding.beam import beam_search
from speech2text.decoding.ctc import LOG_ZERO, PrefixScorer, ctc_score
from speech2text.decoding.greedy import attention_greedy
from speech2text.decoding.hypothesis import Hypothesis
from speech2text.decoding.protocols import BLANK, END
from tests.decoding.definition import Settings, all_readings, log_prob_so_far
from tests.decoding.scripted import (
    ScriptedLanguageModel,
    alignments,
    log_softmax,
    log_sum,
    memory_of,
    random_log_probs,
    random_script,
    random_speller,
)

EVERYTHING = 1000  # a beam wider than there are hypotheses
SPELLINGS = (" a", "a", " b", "b", " ab", "ab", " ")
seeds = st.integers(0, 2**32 - 1)
spreads = st.sampled_from([0.5, 2.0, 8.0])


@st.composite
def all_settings(draw, vocabulary: int) -> Settings:
    """Any combination of everything that readings are ranked by."""
    spelled = draw(st.lists(st.sampled_from(SPELLINGS), min_size=vocabulary, max_size=vocabulary))
    return Settings(
        ctc_weight=draw(st.sampled_from([0.0, 0.001, 0.3, 0.7, 1.0])),
        length_bonus=draw(st.sampled_from([-0.5, 0.0, 0.4, 2.0])),
        length_normalization=draw(st.sampled_from([0.0, 0.6, 1.0])),
        end_threshold=draw(st.sampled_from([0.0, 0.8, 1.5])),
        language_model=ScriptedLanguageModel(random_script(draw(seeds), vocabulary)),
        lm_weight=draw(st.sampled_from([0.0, 0.5])),
        coverage_weight=draw(st.sampled_from([0.0, 0.3, 2.0])),
        hotwords=draw(st.lists(st.sampled_from(["a", "ab", "b a", "a b", "a a b"]), max_size=3)),
        spellings=("", "", *spelled[2:]),
        hotwords_score=draw(st.sampled_from([0.0, 1.0, 4.0])),
    )


def search(memory, speller, settings: Settings, beam_size: int, n_best: int = 1) -> list[Hypothesis]:
    return beam_search(
        memory,
        speller,
        beam_size,
        settings.ctc_weight,
        settings.length_bonus,
        length_normalization=settings.length_normalization,
        end_threshold=settings.end_threshold,
        terms=settings.terms(),
        n_best=n_best,
    )


def check_is_exhaustive(memory, speller, settings: Settings, n_best: int) -> None:
    found = search(memory, speller, settings, EVERYTHING, n_best)
    expected = all_readings(memory, speller, settings)[:n_best]
    assert [reading.tokens for reading in found] == [reading.tokens for reading in expected]
    for reading, definition in zip(found, expected, strict=True):
        assert reading.score == pytest.approx(definition.score, abs=1e-5)
        assert reading.ctc_score == pytest.approx(definition.ctc_score, abs=1e-5)


@settings(max_examples=100)
@given(data=st.data(), seed=seeds, frames=st.integers(1, 4), vocabulary=st.integers(3, 5), spread=spreads)
def test_wide_beam_is_exhaustive_search(data, seed, frames, vocabulary, spread):
    memory = memory_of(random_log_probs(seed, frames, vocabulary, spread))
    speller = random_speller(seed, vocabulary, spread)
    check_is_exhaustive(memory, speller, data.draw(all_settings(vocabulary)), data.draw(st.sampled_from([1, 4])))


@settings(max_examples=40)
@given(seed=seeds, frames=st.integers(1, 4), ctc_weight=st.sampled_from([0.0, 0.001, 0.3, 1.0]), spread=spreads)
def test_wide_beam_without_extras_is_exhaustive_search(seed, frames, ctc_weight, spread):
    memory = memory_of(random_log_probs(seed, frames, 5, spread))
    check_is_exhaustive(memory, random_speller(seed, 5, spread), Settings(ctc_weight), n_best=4)


@settings(max_examples=60)
@given(seeds, st.integers(1, 12), st.integers(2, 8), spreads)
def test_beam_of_one_without_ctc_is_greedy(seed, frames, vocabulary, spread):
    memory = memory_of(random_log_probs(seed, frames, vocabulary))
    speller = random_speller(seed, vocabulary, spread)
    assert beam_search(memory, speller, beam_size=1, ctc_weight=0.0) == [attention_greedy(memory, speller)]


@settings(max_examples=60)
@given(seeds, st.integers(1, 12), st.integers(3, 8), st.sampled_from([0.0, 0.3, 1.0]), spreads)
def test_who_may_not_fall_behind_the_best_is_a_beam_of_one(seed, frames, vocabulary, ctc_weight, spread):
    memory = memory_of(random_log_probs(seed, frames, vocabulary, spread))
    speller = random_speller(seed, vocabulary, spread)
    narrow = beam_search(memory, speller, 1, ctc_weight)
    assert beam_search(memory, speller, 50, ctc_weight, beam_threshold=0.0) == narrow


@settings(max_examples=60)
@given(seeds, st.integers(1, 4), st.floats(0.1, 6.0), spreads)
def test_a_threshold_loses_only_what_has_fallen_behind(seed, frames, threshold, spread):
    """A reading is found if at every length it was near enough to all others of that length, and at the end to all."""
    memory, speller = memory_of(random_log_probs(seed, frames, 4)), random_speller(seed, 4, spread)
    every = all_readings(memory, speller, Settings(ctc_weight=0.0))
    ways = {way: log_prob_so_far(speller, way) for r in every for way in beginnings(r)}
    best = {len(way): max(ways[each] for each in ways if len(each) == len(way)) for way in ways}
    within = threshold - 1e-5
    near = [r for r in every if all(ways[way] >= best[len(way)] - within for way in beginnings(r))]
    found = beam_search(memory, speller, EVERYTHING, 0.0, beam_threshold=threshold, n_best=EVERYTHING)
    expected = {r.tokens for r in near if r.score > every[0].score - within}
    assert expected <= {r.tokens for r in found} <= {r.tokens for r in every}


def beginnings(reading: Hypothesis) -> list[tuple[int, ...]]:
    """Of one token, two and so on, until END."""
    whole = (*reading.tokens, END)
    return [whole[:length] for length in range(1, len(whole) + 1)]


@settings(max_examples=30)
@given(seeds, st.integers(1, 5), st.integers(3, 4), st.lists(st.integers(2, 3), max_size=4), spreads)
def test_prefix_scores_are_sums_over_all_alignments(seed, frames, vocabulary, prefix, spread):
    prefix = tuple(token for token in prefix if token < vocabulary)
    log_probs = random_log_probs(seed, frames, vocabulary, spread)
    paths = [(tokens, score) for _, tokens, score in alignments(log_probs)]
    scorer = PrefixScorer(log_probs)
    prefixes = scorer.start()
    for token in prefix:
        prefixes = scorer.extend(prefixes, np.array([0]), np.array([token]))
    scores = scorer.score(prefixes)[0]
    for token in range(2, vocabulary):
        longer = (*prefix, token)
        expected = log_sum([score for tokens, score in paths if tokens[: len(longer)] == longer])
        assert scores[token] == pytest.approx(max(expected, LOG_ZERO), abs=1e-6)
    whole = log_sum([score for tokens, score in paths if tokens == prefix])
    assert scores[END] == pytest.approx(max(whole, LOG_ZERO), abs=1e-6)
    assert ctc_score(log_probs, prefix) == pytest.approx(whole, abs=1e-6)


@settings(max_examples=40)
@given(
    seeds,
    st.integers(1, 5),
    st.lists(st.integers(2, 3), max_size=3),
    st.floats(0, 100) | st.lists(st.floats(0, 100), min_size=4, max_size=4).map(np.array),
    st.tuples(spreads, st.sampled_from([0.0, 20.0])),
)
def test_outlook_bounds_every_completion(seed, frames, prefix, gains, sound):
    spread, surely_blank = sound
    log_probs = random_log_probs(seed, frames, 4, spread)
    log_probs[:, BLANK] += surely_blank
    log_probs = log_softmax(log_probs).astype(np.float32)
    scorer = PrefixScorer(log_probs)
    prefixes = scorer.start()
    for token in prefix:
        prefixes = scorer.extend(prefixes, np.array([0]), np.array([token]))
    spelled: dict[tuple[int, ...], list[float]] = {}
    for _, tokens, score in alignments(log_probs):
        if tokens[: len(prefix)] == tuple(prefix):
            spelled.setdefault(tokens, []).append(score)
    gain = np.broadcast_to(gains, 4)
    best = max(
        (log_sum(s) + sum(gain[t] for t in text[len(prefix) :]) for text, s in spelled.items()), default=LOG_ZERO
    )
    assert scorer.outlook(prefixes, scorer.ahead(gains))[0] >= best - 1e-6
