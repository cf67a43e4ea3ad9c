"""Proves that the graphs compute what the torch model computes, before anything is written.

Ragged batches, streams in pieces with carried state, and greedy spelling with one and several hypotheses; on sound
made for the purpose, so that a model can be exported where there is no recording.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from speech2text.bundle import tensors
from speech2text.bundle.manifest import LANGUAGE_MODEL_NAME, LISTENER_NAME, SPELLER_NAME
from speech2text.decoding.protocols import END
from speech2text.errors import ExportError
from speech2text.model.frontend import HOP_SAMPLES, SAMPLE_RATE, WINDOW_SAMPLES
from speech2text.model.language_model import LanguageModel
from speech2text.model.las import LAS
from speech2text.model.listener import Heard, ListenerState
from speech2text.runtime.session import open_session

TOLERANCE = 1e-4
"""How far two log-probabilities, or two shares of attention, may lie apart."""
LEAST_COMPARED = -20.0
"""Whatever is less likely counts as this: such tokens are never spelled, and rounding moves them more."""
TIE = 1e-5
"""Tokens whose log-probabilities lie nearer than this in torch: rounding decides which of them is the best."""
STEPS = 24
"""Tokens spelled for each hypothesis."""

_ALL_LISTENER_INPUTS = (*tensors.LISTENER_INPUTS, *tensors.LISTENER_STATE)
_ALL_LISTENER_OUTPUTS = (*tensors.LISTENER_OUTPUTS, *map(tensors.next_of, tensors.LISTENER_STATE))


class OnnxModel:
    """The two graphs, run by ONNX Runtime on one thread, called as the torch model's listener and speller are."""

    def __init__(self, listener: bytes, speller: bytes) -> None:
        self._listener = open_session(LISTENER_NAME, listener, _ALL_LISTENER_INPUTS, _ALL_LISTENER_OUTPUTS, threads=1)
        self._speller = open_session(SPELLER_NAME, speller, tensors.SPELLER_INPUTS, tensors.SPELLER_OUTPUTS, threads=1)

    def listen(self, pcm: Tensor, lengths: Tensor, state: ListenerState) -> tuple[Heard, ListenerState]:
        """As model.listener.Listener.forward with each row heard in one chunk."""
        values = (each.numpy() for each in (pcm, lengths, *state))
        feeds = dict(zip(_ALL_LISTENER_INPUTS, values, strict=True))
        outputs = [torch.from_numpy(each) for each in self._listener.run(_ALL_LISTENER_OUTPUTS, feeds)]
        heard = len(tensors.LISTENER_OUTPUTS)
        return Heard(*outputs[:heard]), ListenerState(*outputs[heard:])

    def step(self, tokens: Tensor, heard: Heard, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """As model.speller.Speller.step."""
        values = (each.numpy() for each in (tokens, hidden, cell, heard.values, heard.keys, heard.lengths))
        feeds = dict(zip(tensors.SPELLER_INPUTS, values, strict=True))
        log_probs, attention, hidden, cell = map(torch.from_numpy, self._speller.run(tensors.SPELLER_OUTPUTS, feeds))
        return log_probs, attention, hidden, cell


@torch.inference_mode()
def check_parity(model: LAS, listener: bytes, speller: bytes) -> float:
    """The largest difference of a log-probability between a model in evaluation mode and its graphs, over all cases.

    Raises:
        ExportError: one of them, or a share of attention, differs by more than TOLERANCE, or the likeliest token is
            another.
    """
    onnx = OnnxModel(listener, speller)
    reduction = model.config.reduction
    short, window, incomplete = WINDOW_SAMPLES // 2, WINDOW_SAMPLES, max(reduction - 1, 1) * HOP_SAMPLES
    medium, long = 137 * HOP_SAMPLES, 16 * SAMPLE_RATE
    alone = [[short], [window], [incomplete], [medium], [long]]
    together = [[medium, long, short], [incomplete, window, medium]]
    streams = [[medium], [long], [medium - 1000, medium, medium - 1]]
    piece = 4 * reduction * HOP_SAMPLES
    whole = [_compare_whole(model, onnx, lengths) for lengths in (*alone, *together)]
    return max(*whole, *(_compare_stream(model, onnx, lengths, piece) for lengths in streams))


@torch.inference_mode()
def check_language_model_parity(model: LanguageModel, graph: bytes) -> float:
    """The largest difference of a log-probability between a language model in evaluation mode and its graph.

    One hypothesis and several, each with a state of its own, read every token there is in a random order.

    Raises:
        ExportError: one differs by more than TOLERANCE, or the likeliest token is another.
    """
    inputs, outputs = tensors.LANGUAGE_MODEL_INPUTS, tensors.LANGUAGE_MODEL_OUTPUTS
    session = open_session(LANGUAGE_MODEL_NAME, graph, inputs, outputs, threads=1)
    config = model.config
    order = torch.randperm(config.vocabulary, generator=torch.Generator().manual_seed(0))
    largest = 0.0
    for hypotheses in (1, 4):
        hidden = cell = torch.zeros(hypotheses, config.layers, config.units)
        state = [hidden.numpy(), cell.numpy()]
        for step, first in enumerate((END, *order.tolist()), start=1):
            tokens = (first + torch.arange(hypotheses)) % config.vocabulary
            expected, hidden, cell = model.step(tokens, hidden, cell)
            found, *state = session.run(outputs, dict(zip(inputs, (tokens.numpy(), *state), strict=True)))
            where = f"language model, {hypotheses} hypotheses: token {step}"
            largest = max(largest, _compare(where, expected, torch.from_numpy(found)))
    return largest


def _compare_whole(model: LAS, onnx: OnnxModel, lengths: Sequence[int]) -> float:
    """Hear a batch whole and spell it."""
    pcm, rows = _make_sound(lengths), torch.tensor(lengths)
    expected, _ = model.listener(pcm, rows)
    found, _ = onnx.listen(pcm, rows, model.listener.start(len(lengths)))
    where = f"{list(lengths)} samples heard whole"
    return max(
        _compare_heard(where, expected, found),
        *(_compare_spelling(f"{where}, {count} hypotheses", model, onnx, (expected, found), count) for count in (1, 4)),
    )


def _compare_stream(model: LAS, onnx: OnnxModel, lengths: Sequence[int], piece: int) -> float:
    """Hear a batch in pieces; torch and ONNX Runtime each carry their own state."""
    pcm, rows = _make_sound(lengths), torch.tensor(lengths)
    state = onnx_state = model.listener.start(len(lengths))
    largest = 0.0
    for start in range(0, max(lengths), piece):
        part, part_lengths = pcm[:, start : start + piece], (rows - start).clamp(0, piece)
        expected, state = model.listener(part, part_lengths, state)
        found, onnx_state = onnx.listen(part, part_lengths, onnx_state)
        where = f"{list(lengths)} samples in pieces, from {start} on"
        largest = max(largest, _compare_heard(where, expected, found))
    return largest


def _compare_heard(where: str, expected: Heard, found: Heard) -> float:
    if expected.lengths.tolist() != found.lengths.tolist():
        raise _unequal(f"{where}: the memory has {found.lengths.tolist()} frames, not {expected.lengths.tolist()}")
    inside = torch.arange(expected.ctc_log_probs.shape[1]) < expected.lengths[:, None]
    return _compare(f"{where}: CTC", expected.ctc_log_probs[inside], found.ctc_log_probs[inside])


def _compare_spelling(where: str, model: LAS, onnx: OnnxModel, memories: tuple[Heard, Heard], hypotheses: int) -> float:
    """Spell torch's and ONNX Runtime's memories greedily; an utterance's hypotheses begin with different tokens."""
    batch, config = len(memories[0].lengths), model.config
    tokens = torch.full((batch, hypotheses), END)
    hidden = onnx_hidden = torch.zeros(batch, hypotheses, config.speller_layers, config.speller_units)
    cell = onnx_cell = hidden
    largest = 0.0
    for step in range(STEPS):
        expected, attention, hidden, cell = model.speller.step(tokens, memories[0], hidden, cell)
        found, onnx_attention, onnx_hidden, onnx_cell = onnx.step(tokens, memories[1], onnx_hidden, onnx_cell)
        largest = max(largest, _compare(f"{where}: token {step + 1}", expected, found))
        _compare_attention(f"{where}: token {step + 1}", attention, onnx_attention)
        tokens = expected.argmax(dim=2) if step else expected[:, 0].topk(hypotheses).indices
    return largest


def _compare_attention(where: str, expected: Tensor, found: Tensor) -> None:
    """The shares (B, H, T) that a token takes of the frames of a memory, zeros beyond its end."""
    difference = (expected - found).abs().max().item()
    if not difference <= TOLERANCE:
        raise _unequal(f"{where}: attention differs by {difference:.2g}, and {TOLERANCE:g} is allowed")


def _compare(where: str, expected: Tensor, found: Tensor) -> float:
    """The largest difference of log-probabilities (..., V); NaN is a difference as well."""
    if expected.numel() == 0:
        return 0.0
    difference = (expected.clamp(min=LEAST_COMPARED) - found.clamp(min=LEAST_COMPARED)).abs().max().item()
    if not difference <= TOLERANCE:
        raise _unequal(f"{where}: log-probabilities differ by {difference:.2g}, and {TOLERANCE:g} is allowed")
    chosen = expected.gather(-1, found.argmax(dim=-1, keepdim=True))
    if (expected.amax(dim=-1, keepdim=True) - chosen).max() > TIE:
        raise _unequal(f"{where}: another token is the likeliest")
    return difference


def _unequal(finding: str) -> ExportError:
    return ExportError(
        f"the graphs do not compute what the model does ({finding}); nothing was written; "
        "try another version of onnxruntime, and report this if it stays"
    )


def _make_sound(lengths: Sequence[int]) -> Tensor:
    """Noise from silence to full loudness that changes every 50 ms: (B, max(lengths)), zeros beyond each row's end."""
    generator = np.random.default_rng(0)
    pcm = torch.zeros(len(lengths), max(lengths))
    for row, length in zip(pcm, lengths, strict=True):
        loudness = generator.choice([0.0, 1e-4, 1e-3, 1e-2, 0.1, 0.3], length // 800 + 1).repeat(800)[:length]
        row[:length] = torch.from_numpy(loudness * generator.standard_normal(length)).clamp(-1, 1)
    return pcm
