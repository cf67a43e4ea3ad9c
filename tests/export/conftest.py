"""A small model whose likeliest token changes from frame to frame, and what belongs to it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from speech2text.bundle.manifest import DataSource, Decoding
from speech2text.model.config import LASConfig
from speech2text.model.las import LAS
from speech2text.text.tokenizer import Tokenizer
from speech2text_export.bundling import Facts


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return Tokenizer.of_characters(["a small set of pieces"])


@pytest.fixture(scope="session")
def model(tokenizer: Tokenizer) -> LAS:
    torch.manual_seed(0)
    sizes = {"listener_units": 24, "memory": 16, "heads": 2, "embedding": 8, "speller_layers": 2, "speller_units": 20}
    model = LAS(LASConfig(vocabulary=len(tokenizer), **sizes)).eval()
    model.listener.frontend.mean.fill_(-6.0)
    model.listener.frontend.deviation.fill_(3.0)
    with torch.no_grad():
        model.listener.ctc.weight.mul_(5.0)
        model.speller.output.weight.mul_(5.0)
    return model


@pytest.fixture(scope="session")
def facts() -> Facts:
    return Facts(
        name="test-model",
        description="Made for a test.",
        languages=("en",),
        licence="CC0-1.0",
        data=(DataSource("a corpus", 1.5, "CC BY 4.0"),),
        decoding=Decoding(beam_size=2, ctc_weight=0.5, length_bonus=0.0),
        chunk_frames=32,
    )


@pytest.fixture(scope="session")
def recording() -> NDArray[np.float32]:
    """One second of noise that rises and falls."""
    loudness = np.sin(np.linspace(0, 12, 16_000)) ** 2 * 0.3
    return (np.random.default_rng(0).standard_normal(16_000) * loudness).clip(-1, 1).astype(np.float32)
