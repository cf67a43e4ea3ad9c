"""The listener: chunks, streams and shapes."""

from __future__ import annotations

import math

import pytest
import torch

from speech2text.model.config import LASConfig
from speech2text.model.frontend import HOP_SAMPLES
from speech2text.model.listener import Heard, Listener, concatenate_neighbours, reverse

CONFIGS = [
    LASConfig(vocabulary=7, listener_units=12, memory=16),
    LASConfig(vocabulary=7, listener_units=12, memory=16, stack=1, pyramid_layers=2, plain_layers=2),
    LASConfig(vocabulary=7, listener_units=12, memory=16, stack=3, pyramid_layers=0, residual_layers=2),
]


@pytest.fixture(params=CONFIGS, ids=lambda config: f"reduction-{config.reduction}")
def listener(request: pytest.FixtureRequest) -> Listener:
    torch.manual_seed(0)
    listener = Listener(request.param).eval()
    for layer in listener.layers:
        torch.nn.init.ones_(layer.norm.weight)  # a residual layer begins by adding nothing
    return listener


def make_batch(lengths: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise up to each row's end, and beyond it noise too: nobody may hear that."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(len(lengths), max(lengths), generator=generator) * 0.1, torch.tensor(lengths)


def assert_same_row(heard: Heard, row: int, alone: Heard) -> None:
    frames = int(alone.lengths[0])
    assert int(heard.lengths[row]) == frames
    for together, single in zip(heard[:3], alone[:3], strict=True):
        torch.testing.assert_close(together[row, :frames], single[0, :frames], atol=1e-4, rtol=0)


@torch.inference_mode()
def test_chunks_of_one_call_equal_calls_with_carried_state(listener: Listener) -> None:
    chunk = 5 * listener.config.reduction
    pcm, lengths = make_batch((20_000, 19_000))
    at_once, last = listener(pcm, lengths, chunk=chunk)
    state = listener.start(2)
    pieces = []
    for start in range(0, pcm.shape[1], chunk * HOP_SAMPLES):
        piece = pcm[:, start : start + chunk * HOP_SAMPLES]
        heard, state = listener(piece, (lengths - start).clamp(0, piece.shape[1]), state)
        pieces.append(heard)
    streamed = Heard(
        *(torch.cat([piece[index] for piece in pieces], dim=1) for index in range(3)),
        lengths=torch.stack([piece.lengths for piece in pieces]).sum(dim=0),
    )
    for row in range(2):
        assert_same_row(at_once, row, Heard(*(each[row : row + 1] for each in streamed)))
    torch.testing.assert_close(last.hidden[0], state.hidden[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(last.before[0], state.before[0])


@torch.inference_mode()
def test_a_chunk_as_long_as_the_recording_is_the_whole(listener: Listener) -> None:
    pcm, lengths = make_batch((8000, 5000))
    whole, _ = listener(pcm, lengths)
    chunked, _ = listener(pcm, lengths, chunk=100 * listener.config.reduction)
    for one, other in zip(whole[:3], chunked[:3], strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)


@torch.inference_mode()
def test_a_chunk_hides_the_future(listener: Listener) -> None:
    """What comes after a chunk changes nothing in it; heard whole, it does."""
    chunk = 4 * listener.config.reduction
    pcm, lengths = make_batch((4 * chunk * HOP_SAMPLES,))
    other = pcm.clone()
    other[:, 2 * chunk * HOP_SAMPLES :] *= -3
    before = slice(0, 8)
    for size, same in ((chunk, True), (None, False)):
        one, _ = listener(pcm, lengths, chunk=size)
        two, _ = listener(other, lengths, chunk=size)
        assert torch.equal(one.values[:, before], two.values[:, before]) == same


@torch.inference_mode()
@pytest.mark.parametrize("samples", [1, 160, 161, 640, 16_000])
def test_shapes(listener: Listener, samples: int) -> None:
    config = listener.config
    frames = math.ceil(math.ceil(samples / HOP_SAMPLES) / config.reduction)
    heard, state = listener(torch.zeros(2, samples), torch.tensor([samples, samples]))
    assert heard.values.shape == heard.keys.shape == (2, frames, config.memory)
    assert heard.ctc_log_probs.shape == (2, frames, config.vocabulary)
    assert heard.lengths.tolist() == [frames, frames]
    assert state.hidden.shape == state.cell.shape == (2, config.listener_layers, config.listener_units)
    torch.testing.assert_close(heard.ctc_log_probs.exp().sum(dim=2), torch.ones(2, frames))


def test_neighbours_are_concatenated_and_nothing_is_dropped() -> None:
    x = torch.arange(1.0, 11.0).reshape(1, 5, 2)
    joined, lengths = concatenate_neighbours(x, torch.tensor([5]), 2)
    assert joined.tolist() == [[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 0, 0]]]
    assert lengths.tolist() == [3]


def test_reversal_leaves_padding_in_place() -> None:
    x = torch.tensor([[[1.0], [2.0], [3.0], [9.0]], [[1.0], [2.0], [3.0], [4.0]]])
    assert reverse(x, torch.tensor([3, 4]))[:, :, 0].tolist() == [[3, 2, 1, 9], [4, 3, 2, 1]]
