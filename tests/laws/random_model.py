"""Models that were never trained and yet say many things, and their graphs."""

from __future__ import annotations

import torch

from speech2text.model.config import LASConfig
from speech2text.model.las import LAS
from speech2text_export.listener_graph import listener_graph
from speech2text_export.speller_graph import speller_graph

SMALL = {"listener_units": 16, "memory": 16, "heads": 2, "embedding": 8, "speller_units": 12}


def make_model(**sizes: int) -> LAS:
    """Random weights, those of the last layers large, so that the likeliest token changes from frame to frame."""
    torch.manual_seed(0)
    model = LAS(LASConfig(**{"vocabulary": 13, **SMALL, **sizes})).eval()
    model.listener.frontend.mean.fill_(-6.0)
    model.listener.frontend.deviation.fill_(3.0)
    with torch.no_grad():
        for layer in model.listener.layers:
            layer.norm.weight.fill_(1.0)  # a residual layer begins by adding nothing
        model.listener.ctc.weight.mul_(5.0)
        model.speller.output.weight.mul_(5.0)
    return model


def export(model: LAS) -> tuple[bytes, bytes]:
    """The listener's graph and the speller's."""
    return listener_graph(model.listener).SerializeToString(), speller_graph(model.speller).SerializeToString()
