"""The batches of an epoch: all there once, of bounded size, of similar lengths, and in other company each time."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from speech2text.training.batching import batch_recordings, batch_sentences
from tests.training.tiny import RATE

lengths = st.lists(st.integers(1, 20 * RATE), min_size=1, max_size=60).map(np.array)


@given(lengths=lengths, batch_seconds=st.floats(0.5, 60), seed=st.integers(0, 9), epoch=st.integers(0, 9))
def test_an_epoch_is_every_utterance_once_in_batches_of_bounded_size(*, lengths, batch_seconds, seed, epoch):
    batches = batch_recordings(lengths, batch_seconds, seed, epoch)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or lengths[batch].max() * len(batch) <= batch_seconds * RATE


def test_epochs_differ_and_repeat():
    lengths = np.random.default_rng(0).integers(RATE, 10 * RATE, 200)
    plans = [batch_recordings(lengths, 30.0, seed, epoch) for seed, epoch in ((1, 0), (1, 1), (2, 0), (1, 0))]
    orders = [np.concatenate(plan).tolist() for plan in plans]
    assert orders[0] == orders[3]
    assert orders[0] != orders[1]
    assert orders[0] != orders[2]


def test_batches_hold_utterances_of_similar_length():
    lengths = np.random.default_rng(0).integers(RATE, 10 * RATE, 500)
    padded = sum(lengths[batch].max() * len(batch) for batch in batch_recordings(lengths, 60.0, 1, 0))
    assert padded < 1.25 * lengths.sum()


@given(st.lists(st.integers(1, 300), min_size=1, max_size=60), st.integers(256, 4096), st.integers(0, 2**32 - 1))
def test_an_epoch_has_every_sentence_once_in_batches_of_bounded_size(
    lengths: list[int], batch_tokens: int, seed: int
) -> None:
    sizes = np.array(lengths)
    batches = batch_sentences(sizes, batch_tokens, np.random.default_rng(seed))
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    assert all(len(batch) and sizes[batch].sum() < batch_tokens + sizes.max() for batch in batches)
