"""A wider listener that begins as a narrower one.

The units that it has more are random, and nothing listens to them yet, so it hears nearly what the narrower one heard
(after Chen et al. 2016, Net2Net, whose new units are copies); only the norms, which are over all units of a layer,
differ.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import pad

GATES = 4
STATE = "listener.layers.0.forward_lstm.weight_hh_l0"
LSTM = re.compile(r"listener\.layers\.(\d+)\.(?:forward|backward)_lstm\.((?:weight|bias)_[ih]h)_l0")
NORM = re.compile(r"listener\.layers\.\d+\.norm\.(weight|bias)")
HEADS = ("listener.values.weight", "listener.keys.weight", "listener.ctc.weight")


def widen_listener(weights: Mapping[str, Tensor], units: int) -> dict[str, Tensor]:
    """The weights of a LAS with `units` in each LSTM of its listener, or as they are where these have as many.

    What is random is drawn from torch's own generator.
    """
    before = weights[STATE].shape[1]
    if units <= before:
        return dict(weights)
    return {name: _widen(name, tensor, before, units) for name, tensor in weights.items()}


def _widen(name: str, tensor: Tensor, before: int, units: int) -> Tensor:
    lstm, norm = LSTM.fullmatch(name), NORM.fullmatch(name)
    if lstm:
        of_features = lstm[1] == "0" and lstm[2] == "weight_ih"
        old = tensor if of_features or tensor.ndim == 1 else _spread(tensor, before, units)
        new = _new_rows(tensor, old, before, units)
        return torch.cat([old.unflatten(0, (GATES, before)), new], dim=1).flatten(0, 1)
    if norm:
        return _spread(tensor[None], before, units, float(tensor.mean()) if norm[1] == "weight" else 0.0)[0]
    return _spread(tensor, before, units) if name in HEADS else tensor


def _spread(tensor: Tensor, before: int, units: int, filling: float = 0.0) -> Tensor:
    """(rows, groups of `before`) to (rows, groups of `units`), each with `filling` at its end."""
    return pad(tensor.unflatten(1, (-1, before)), (0, units - before), value=filling).flatten(1)


def _new_rows(tensor: Tensor, old: Tensor, before: int, units: int) -> Tensor:
    """Rows (GATES, units - before, columns of `old`) for new units: biases of the old ones' mean, weights as large."""
    rows = old.new_empty(GATES, units - before, *old.shape[1:])
    for new, gate in zip(rows, tensor.unflatten(0, (GATES, before)), strict=True):
        if tensor.ndim == 1:
            new.fill_(float(gate.mean()))
        else:
            new.normal_(0.0, float(gate.std()))
    return rows
