"""Starting from a run or a bundle: the same weights, the same log-probabilities, the rows of pieces both know."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch

from speech2text.bundle.manifest import LISTENER_NAME, SPELLER_NAME, DataSource, Decoding
from speech2text.bundle.store import open_bundle
from speech2text.bundle.writer import write_bundle
from speech2text.errors import BundleError, RecipeError, TrainingError
from speech2text.model.config import LASConfig
from speech2text.model.four_bits import as_stored
from speech2text.model.frontend import MEL_BINS
from speech2text.model.las import LAS
from speech2text.text.tokenizer import Tokenizer
from speech2text.training.initialisation import ROWS_OF_PIECES, Inheritance, adopt_weights, read_origin
from speech2text.training.recipe import DEFAULT_RECIPE, FINETUNING_RECIPE, Credit, read_recipe
from speech2text.training.run import open_run, plan_run
from speech2text_export.bundling import Facts, make_bundle, quantize_bundle, save_bundle
from tests.tiny_bundle import write_tiny_bundle
from tests.training.tiny import TINY, tiny_recipe, write_recordings

INT8_BOUND = 0.1
"""On log-probabilities: ONNX Runtime rounds what the weights are multiplied with, too; 0.08 on the default bundle."""
SOUND = (np.random.default_rng(0).standard_normal(16_000) * 0.1).astype(np.float32)


def make_model(vocabulary, **sizes):
    torch.manual_seed(0)
    small = {"listener_units": 12, "memory": 8, "heads": 2, "embedding": 8, "speller_layers": 2, "speller_units": 10}
    layers = {"pyramid_layers": 2, "residual_layers": 1}
    model = LAS(LASConfig(vocabulary=vocabulary, **{**small, **layers, **sizes})).eval()
    model.listener.frontend.mean.fill_(-6.0)
    torch.nn.init.ones_(model.listener.layers[-1].norm.weight)
    return model


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.of_characters(["some pieces"])


@pytest.fixture(scope="module")
def model(tokenizer):
    return make_model(len(tokenizer))


@pytest.fixture(scope="module")
def bundles(model, tokenizer, tmp_path_factory):
    """The same model in fp32, in int8, and in int8 with a listener of four bits."""
    folder = tmp_path_factory.mktemp("bundles")
    decoding = Decoding(beam_size=3, ctc_weight=0.4, length_bonus=0.1)
    credit = (DataSource("a corpus", 1.5, "CC BY 4.0"),)
    facts = Facts("test", "Made for a test.", ("en",), "CC BY-SA 4.0", credit, decoding, chunk_frames=32)
    exported, _ = make_bundle(model, tokenizer, facts, SOUND, folder / "fp32")
    quantised = {"int8": quantize_bundle(exported), "four bits": quantize_bundle(exported, listener_bits=4)}
    saved = {name: _save_in(bundle, folder / name) for name, bundle in quantised.items()}
    return {"fp32": save_bundle(exported, {}).folder, **saved}


def _save_in(bundle, folder):
    return save_bundle(replace(bundle, folder=folder), {}).folder


def started_from(folder):
    origin = read_origin(str(folder))
    recipe = read_recipe(FINETUNING_RECIPE, (), origin.inheritance.settings)
    model = LAS(recipe.las_config(len(origin.tokenizer))).eval()
    assert adopt_weights(model, origin.tokenizer, origin) == 1.0
    return model, recipe


def ctc_of_graph(folder):
    session = onnxruntime.InferenceSession(folder / LISTENER_NAME)
    inputs = {"pcm": SOUND[None], "lengths": np.array([len(SOUND)])}
    for each in session.get_inputs()[2:]:
        inputs[each.name] = np.zeros([1, *each.shape[1:]], np.float32)
    return session.run(["ctc_log_probs"], inputs)[0]


def ctc_of_model(model):
    with torch.inference_mode(), as_stored(model):
        return model.listener(torch.from_numpy(SOUND)[None], torch.tensor([len(SOUND)]))[0].ctc_log_probs.numpy()


def test_a_bundle_gives_back_the_weights(model, bundles):
    found, recipe = started_from(bundles["fp32"])
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(found.state_dict()[name], tensor, rtol=0, atol=1e-6, msg=name)
    assert (recipe.model.pyramid_layers, recipe.model.plain_layers, recipe.model.residual_layers) == (2, 1, 1)
    assert (recipe.decoding.beam_size, recipe.decoding.ctc_weight, recipe.decoding.chunk_seconds) == (3, 0.4, 0.32)


@pytest.mark.parametrize(("precision", "bound"), [("fp32", 1e-4), ("int8", INT8_BOUND), ("four bits", INT8_BOUND)])
def test_a_bundle_is_heard_with_as_its_graphs_hear(bundles, precision, bound):
    found, _ = started_from(bundles[precision])
    difference = np.abs(ctc_of_model(found) - ctc_of_graph(bundles[precision])).max()
    assert difference < bound, difference


def test_int8_weights_are_within_a_step_of_what_they_were(model, bundles):
    found, _ = started_from(bundles["int8"])
    for name, tensor in model.state_dict().items():
        steps = 64 if tensor.ndim == 2 else 2**11  # of integers, and of fp16
        step = 1e-6 if ".frontend." in name else tensor.abs().max() / steps
        assert (found.state_dict()[name] - tensor).abs().max() <= step, name


def test_a_listener_of_four_bits_goes_on_in_four_bits(bundles):
    assert [started_from(bundles[name])[1].model.listener_bits for name in ("int8", "four bits")] == [8, 4]


def test_rows_follow_their_pieces(model, bundles):
    origin = read_origin(str(bundles["fp32"]))
    tokenizer = Tokenizer.of_characters(["pieces in another order: xyz"])
    found = make_model(len(tokenizer))
    share = adopt_weights(found, tokenizer, origin)
    assert 0.5 < share < 1
    for name in ROWS_OF_PIECES:
        for piece in "<blank>", "<end>", "p", "s":
            own, other = tokenizer.pieces.index(piece), origin.tokenizer.pieces.index(piece)
            assert torch.equal(found.state_dict()[name][own], model.state_dict()[name][other])


def test_a_first_layer_that_joins_more_frames_hears_their_mean(model, tokenizer, bundles):
    origin = read_origin(str(bundles["fp32"]))
    wider = make_model(len(tokenizer), stack=4)
    assert adopt_weights(wider, tokenizer, origin) == 1.0
    pair = torch.randn(1, 1, 2 * MEL_BINS)
    four = torch.cat([pair, pair], dim=2)
    first, theirs = (each.listener.layers[0].forward_lstm for each in (wider, model))
    assert torch.allclose(first(four)[0], theirs(pair)[0], atol=1e-6)


def test_residual_layers_that_are_new_change_nothing_at_first(model, tokenizer, bundles):
    deeper = LAS(replace(model.config, residual_layers=3)).eval()
    share = adopt_weights(deeper, tokenizer, read_origin(str(bundles["fp32"])))
    numbers = [sum(tensor.numel() for tensor in each.state_dict().values()) for each in (model, deeper)]
    assert share == pytest.approx(numbers[0] / numbers[1])
    np.testing.assert_allclose(ctc_of_model(deeper), ctc_of_model(model), atol=1e-5)


def test_a_layer_is_not_taken_for_one_of_another_role(model, tokenizer, bundles):
    plain = LAS(replace(model.config, plain_layers=2, residual_layers=0)).eval()
    before = {name: tensor.clone() for name, tensor in plain.state_dict().items()}
    assert adopt_weights(plain, tokenizer, read_origin(str(bundles["fp32"]))) < 1
    last = f"listener.layers.{len(plain.listener.layers) - 1}."
    assert all(torch.equal(before[name], tensor) for name, tensor in plain.state_dict().items() if last in name)


def test_new_residual_layers_learn(model, tokenizer, bundles):
    torch.manual_seed(0)
    deeper = LAS(replace(model.config, residual_layers=2))
    adopt_weights(deeper, tokenizer, read_origin(str(bundles["fp32"])))
    layer = deeper.listener.layers[-1]
    before = {name: tensor.clone() for name, tensor in layer.state_dict().items()}
    optimiser = torch.optim.SGD(deeper.parameters(), 0.1)
    for _ in range(2):  # the first step moves the norm, which was zero, and with it the LSTMs begin to count
        optimiser.zero_grad()
        heard = deeper.listener(torch.randn(2, 16_000), torch.tensor([16_000, 16_000]))[0]
        heard.ctc_log_probs.square().sum().backward()
        optimiser.step()
    assert all((tensor != before[name]).any() for name, tensor in layer.state_dict().items())


def test_what_has_another_shape_keeps_its_random_start(bundles, tokenizer):
    origin = read_origin(str(bundles["fp32"]))
    found = make_model(len(tokenizer), speller_units=14)
    before = found.speller.lstm.weight_hh_l0.clone()
    assert adopt_weights(found, tokenizer, origin) < 1
    assert torch.equal(found.speller.lstm.weight_hh_l0, before)


def test_what_is_no_source_is_said(bundles, tmp_path):
    with pytest.raises(TrainingError, match="neither a bundle nor a run"):
        read_origin(str(tmp_path / "nothing"))
    damaged = tmp_path / "damaged"
    shutil.copytree(bundles["fp32"], damaged)
    (damaged / LISTENER_NAME).write_bytes(b"no graph")
    with pytest.raises(BundleError, match=LISTENER_NAME):
        read_origin(str(damaged))


def test_graphs_of_another_kind_are_refused(tmp_path):
    folder = write_tiny_bundle(tmp_path / "tiny").folder
    assert json.loads((folder / "manifest.json").read_text())
    with pytest.raises(BundleError, match="not as a model trained here is exported"):
        read_origin(str(folder))


def test_a_graph_that_was_damaged_before_it_was_bundled_is_told(bundles, tmp_path):
    bundle = open_bundle(bundles["fp32"])
    cut = bundle.files[SPELLER_NAME][:-100]
    write_bundle(tmp_path / "cut", bundle.manifest, {**bundle.files, SPELLER_NAME: cut})
    with pytest.raises(BundleError, match="not as a model trained here is exported"):
        read_origin(str(tmp_path / "cut"))


def test_credits_that_no_run_can_have_are_told_in_a_line(bundles, tmp_path):
    bundle = open_bundle(bundles["fp32"])
    data = (DataSource("nobody", 0.0, "CC0-1.0"),)
    write_bundle(tmp_path / "other", replace(bundle.manifest, data=data), bundle.files)
    with pytest.raises(BundleError, match="not as a model trained here is exported") as error:
        read_origin(str(tmp_path / "other"))
    assert "\n" not in str(error.value)


def test_a_recipe_may_keep_the_pieces_of_its_source(tmp_path):
    data = write_recordings(tmp_path / "data")
    first = open_run(tiny_recipe("tokenizer.kind=bpe"), DEFAULT_RECIPE, data, tmp_path / "first")
    list(first.train())
    (tmp_path / "others").mkdir()
    shutil.copy(data / "0.wav", tmp_path / "others")
    (tmp_path / "others" / "0.txt").write_text("cab cab")
    changes = (*TINY, "tokenizer.kind=inherited")
    plan = plan_run(DEFAULT_RECIPE, changes, tmp_path / "second", str(tmp_path / "first"))
    second = open_run(plan.recipe, plan.recipe_path, tmp_path / "others", plan.run, start=plan.start)
    assert second.tokenizer.to_json() == first.tokenizer.to_json()
    assert second.inherited_share == 1.0


def test_all_texts_that_the_pieces_cannot_write_are_told_at_once(tmp_path):
    data = write_recordings(tmp_path / "data")
    for text in data.glob("*.txt"):
        text.write_text("i am 42")
    plan = plan_run(None, ("training.steps=2",), tmp_path / "run", "default")
    with pytest.raises(TrainingError, match=r"\d\.wav: the character '4' of '42' .*, and so it is with \d+ more"):
        open_run(plan.recipe, plan.recipe_path, data, plan.run, start=plan.start)


def test_pieces_cannot_be_inherited_from_nothing(tmp_path):
    data = write_recordings(tmp_path / "data")
    with pytest.raises(RecipeError, match=r"tokenizer\.kind is 'inherited': name .* by --init-from"):
        open_run(tiny_recipe("tokenizer.kind=inherited"), DEFAULT_RECIPE, data, tmp_path / "run")


def test_a_corpus_that_both_learned_from_is_credited_once():
    known = (Credit(name="a", hours=1, licence="x"), Credit(name="b", hours=2, licence="x"))
    recipe = tiny_recipe("credits=[{name='a', hours=3, licence='x'}, {name='a', hours=4, licence='y'}]")
    extended = Inheritance(licence="x", credits=known, settings={}).extend(recipe, hours=1.0)
    assert [(credit.name, credit.hours, credit.licence) for credit in extended.credits] == [
        ("a", 3, "x"),
        ("b", 2, "x"),
        ("a", 4, "y"),
    ]


def fine_tune(inherited, hours, licence="mine"):
    """What a run of the recipe for fine-tuning hands on to the next."""
    recipe = inherited.extend(read_recipe(FINETUNING_RECIPE, [f"licence={licence}"]), hours)
    return Inheritance(licence=recipe.licence, credits=recipe.credits, settings={})


def test_fine_tuning_what_was_fine_tuned_adds_up_its_hours_and_says_the_licence_once():
    known = Inheritance(licence="CC BY-SA", credits=(Credit(name="a", hours=1, licence="x"),), settings={})
    twice = fine_tune(fine_tune(known, hours=2), hours=0.5)
    assert twice.licence == "CC BY-SA (the weights it started from); mine (its own recordings)"
    assert [(credit.name, credit.hours, credit.licence) for credit in twice.credits] == [
        ("a", 1, "x"),
        ("recordings of my-fine-tuned-model", 2.5, "mine"),
    ]


def test_a_mean_with_what_was_fine_tuned_says_each_licence_once():
    known = Inheritance(licence="CC BY-SA", credits=(), settings={})
    tuned = known.extend(read_recipe(FINETUNING_RECIPE, ["licence=mine"]), hours=1)
    assert known.join(tuned).licence == tuned.licence


@pytest.mark.parametrize(("inherited", "own"), [("CC BY-SA", "CC BY"), ("AGPL", "GPL")])
def test_a_licence_that_only_begins_or_ends_another_is_said(inherited, own):
    known = Inheritance(licence=inherited, credits=(), settings={})
    assert fine_tune(known, 1.0, inherited).licence == inherited
    assert fine_tune(known, 1.0, own).licence.endswith(f"; {own} (its own recordings)")
