"""A wider listener hears at first what the narrower one heard."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from speech2text.audio.files import read_audio
from speech2text.bundle.store import find_bundle
from speech2text.decoding.greedy import ctc_greedy
from speech2text.model.config import LASConfig
from speech2text.model.las import LAS
from speech2text.training.initialisation import adopt_weights, read_origin
from speech2text.training.widening import widen_listener

WAYS = ("forward", "backward")
SIZES = {"vocabulary": 12, "memory": 16, "speller_units": 16, "embedding": 8}


def beside_new_units(heard: torch.Tensor, groups: int) -> torch.Tensor:
    """What 8 units say in each of the groups, and beside it what 5 new ones say."""
    if not groups:
        return heard
    return torch.cat([torch.cat([each, torch.randn(1, 6, 5)], dim=2) for each in heard.chunk(groups, dim=2)], dim=2)


def count(model: LAS) -> int:
    return sum(tensor.numel() for tensor in model.state_dict().values())


@pytest.mark.parametrize("pyramid_layers", [0, 1, 2])
def test_units_that_were_there_compute_what_they_did_and_nobody_hears_the_new_ones(pyramid_layers: int) -> None:
    torch.manual_seed(0)
    sizes = {**SIZES, "pyramid_layers": pyramid_layers, "plain_layers": 1, "residual_layers": 1}
    narrow, wide = (LAS(LASConfig(listener_units=units, **sizes)).eval() for units in (8, 13))
    wide.load_state_dict(widen_listener(narrow.state_dict(), 13))
    for depth, (old, new) in enumerate(zip(narrow.listener.layers, wide.listener.layers, strict=True)):
        groups = 0 if depth == 0 else 4 if depth <= pyramid_layers else 2
        heard = torch.randn(1, 6, old.forward_lstm.input_size)
        spread = beside_new_units(heard, groups)
        for direction in ("forward_lstm", "backward_lstm"):
            before, after = getattr(old, direction)(heard)[0], getattr(new, direction)(spread)[0]
            torch.testing.assert_close(after[..., :8], before)
            assert after[..., 8:].any()
    top = torch.randn(1, 6, 16)
    spread = beside_new_units(top, 2)
    for head in ("values", "keys", "ctc"):
        torch.testing.assert_close(getattr(wide.listener, head)(spread), getattr(narrow.listener, head)(top))


def test_the_default_model_made_wider_hears_the_same_words() -> None:
    origin = read_origin("default")
    sizes = {**origin.inheritance.settings["model"], "vocabulary": len(origin.tokenizer)}
    torch.manual_seed(0)
    narrow = LAS(LASConfig(**sizes)).eval()
    wide = LAS(LASConfig(**{**sizes, "listener_units": sizes["listener_units"] + 64})).eval()
    sample = read_audio(find_bundle("default") / "sample.flac")
    texts = []
    for model in (narrow, wide):
        share = adopt_weights(model, origin.tokenizer, origin)
        assert share == pytest.approx(count(narrow) / count(model))
        with torch.inference_mode():
            heard = model.listener(torch.from_numpy(sample)[None], torch.tensor([len(sample)]))[0]
        texts.append(origin.tokenizer.decode(ctc_greedy(np.asarray(heard.ctc_log_probs[0]))))
    assert texts[0] == texts[1] != ""


def test_new_units_learn_once_they_are_listened_to() -> None:
    torch.manual_seed(0)
    sizes = {**SIZES, "pyramid_layers": 1, "plain_layers": 1}
    model = LAS(LASConfig(listener_units=13, **sizes))
    model.load_state_dict(widen_listener(LAS(LASConfig(listener_units=8, **sizes)).state_dict(), 13))
    of_state = [getattr(layer, f"{way}_lstm").weight_hh_l0 for layer in model.listener.layers for way in WAYS]
    before = [weight.detach().clone() for weight in of_state]
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(4):  # a layer a step begins to be listened to, from the top
        optimiser.zero_grad()
        heard = model.listener(torch.randn(2, 16_000), torch.tensor([16_000, 16_000]))[0]
        (heard.ctc_log_probs.square().sum() + heard.values.sum()).backward()
        optimiser.step()
    for weight, start in zip(of_state, before, strict=True):
        moved = (weight.detach() - start).unflatten(0, (4, 13))[:, 8:]
        assert (moved != 0).any(dim=2).all()


def test_a_listener_as_wide_keeps_its_weights() -> None:
    weights = LAS(LASConfig(listener_units=8, **SIZES)).state_dict()
    assert widen_listener(weights, 8).keys() == weights.keys()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in widen_listener(weights, 8).items())
