"""`speech2text export`, from a run's folder to a bundle that is opened again."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from speech2text import load_model
from speech2text.audio.utterances import Utterance
from speech2text.bundle.manifest import LISTENER_NAME, Decoding
from speech2text.bundle.store import read_manifest
from speech2text.bundle.tensors import IN_FOUR_BITS
from speech2text.cli.app import main
from speech2text.model.las import LAS
from speech2text.text.tokenizer import Tokenizer
from speech2text.training.checkpoint import Checkpoint, Position, save_checkpoint
from speech2text.training.corpus import load_corpus
from speech2text.training.recipe import DecodingSettings, recipe_from_json

MODEL = {"listener_units": 16, "memory": 16, "heads": 2, "embedding": 8, "speller_units": 16}
RECIPE = {
    "name": "tiny",
    "description": "Made for a test.",
    "languages": ["en"],
    "licence": "CC0-1.0",
    "credits": [{"name": "noise", "hours": 0.1, "licence": "CC0-1.0"}],
    "model": MODEL,
    "decoding": {"beam_size": 2, "chunk_seconds": 0.4},
}


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    loudness = np.sin(np.linspace(0, 48, 96_000)) ** 2 * 0.3
    samples = np.random.default_rng(0).standard_normal(96_000) * loudness
    soundfile.write(tmp_path / "noise.wav", samples.clip(-1, 1), 16_000)
    return tmp_path / "noise.wav"


@pytest.fixture
def run(tmp_path: Path, recording: Path) -> Path:
    """A run whose model was never trained, but whose likeliest token changes from frame to frame."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "recipe.json").write_text(json.dumps(RECIPE))
    tokenizer = Tokenizer.of_characters(["a small set of pieces"])
    (folder / "pieces.json").write_text(json.dumps(tokenizer.to_json()))
    torch.manual_seed(0)
    model = LAS(recipe_from_json(folder / "recipe.json").las_config(len(tokenizer)))
    model.listener.frontend.mean.fill_(-6.0)
    model.listener.frontend.deviation.fill_(3.0)
    with torch.no_grad():
        model.listener.ctc.weight.mul_(5.0)
        model.speller.output.weight.mul_(5.0)
    weights = model.state_dict()
    save_checkpoint(folder, Checkpoint(Position(step=1), "fp32", weights, weights, {}))
    load_corpus([Utterance("noise", recording, "text")], folder / "cache" / "dev", longest_seconds=20.0)
    return folder


def export(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(["export", *map(str, arguments)])
    code = stopped.value.code
    assert isinstance(code, int)
    return code


def write_manifest(path: Path, recording: Path, text: str) -> Path:
    path.write_text(json.dumps({"audio": str(recording), "text": text}) + "\n")
    return path


def test_writes_a_bundle_that_transcribes_its_own_sample(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = tmp_path / "bundle"
    assert export(run, bundle) == 0
    model = load_model(bundle)
    assert model.manifest.name == "tiny"
    assert model.manifest.model.chunk_frames == 40
    assert model.manifest.sample.text
    assert model.transcribe(bundle / "sample.flac").text == model.manifest.sample.text
    output = capsys.readouterr()
    assert output.out == ""
    assert "run has done 1 of 6000 steps: the model is as it was then" in output.err
    assert "graphs equal to the model" in output.err
    assert "the bundle brings a recording of the run's data; choose another by --sample" in output.err


def test_int8_prints_both_and_writes_the_smaller(
    run: Path, tmp_path: Path, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = write_manifest(tmp_path / "dev.jsonl", recording, "a text")
    assert export(run, tmp_path / "bundle", "--int8", "--manifest", manifest, "--max-loss", "1000") == 0
    fp32, int8 = capsys.readouterr().out.splitlines()
    assert fp32.startswith("fp32: WER ") and int8.startswith("int8: WER ")
    assert all(" MB, " in line and "seconds of audio a second" in line for line in (fp32, int8))
    written = read_manifest(tmp_path / "bundle")
    assert written.precision == "int8"
    assert list(written.wer) == ["dev"]


@pytest.mark.parametrize("bits", [8, 4])
def test_int8_keeps_four_bits_where_the_run_was_trained_so(
    run: Path, tmp_path: Path, recording: Path, bits: int
) -> None:
    (run / "recipe.json").write_text(json.dumps(RECIPE | {"model": MODEL | {"listener_bits": bits}}))
    manifest = write_manifest(tmp_path / "dev.jsonl", recording, "a text")
    assert export(run, tmp_path / "bundle", "--int8", "--manifest", manifest, "--max-loss", "1000") == 0
    stored = (tmp_path / "bundle" / LISTENER_NAME).read_bytes()
    assert (IN_FOUR_BITS.encode() in stored) == (bits == 4)


def test_int8_that_costs_too_much_is_not_written(
    run: Path, tmp_path: Path, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = tmp_path / "bundle"
    assert export(run, bundle) == 0
    text = load_model(bundle).transcribe(recording).text  # so fp32 makes no error
    before = (bundle / "manifest.json").read_bytes()
    manifest = write_manifest(tmp_path / "dev.jsonl", recording, text)
    assert export(run, bundle, "--int8", "--manifest", manifest, "--max-loss", "0") == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: int8 raises the word error rate by ")
    assert (bundle / "manifest.json").read_bytes() == before


def test_the_sample_can_be_chosen(run: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.wav", np.zeros(20 * 8000), 8000)
    assert export(run, tmp_path / "bundle", "--sample", tmp_path / "long.wav") == 0
    assert soundfile.info(tmp_path / "bundle" / "sample.flac").duration == 15


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["{tmp}/none", "{tmp}/bundle"], 1, "is {tmp}/none the folder of a training run?"),
        (["{run}", "{tmp}/bundle", "--int8"], 2, "--int8 needs --manifest"),
        (["{run}", "{tmp}/bundle", "--max-loss", "1"], 2, "--max-loss is what --int8 may cost"),
        (["{run}", "{tmp}/bundle", "--max-loss", "nan"], 2, "nan is not a finite number"),
        (["{run}", "{tmp}/bundle", "--max-loss", "inf"], 2, "inf is not a finite number"),
        (["{run}", "{tmp}/bundle", "--manifest", "{tmp}/none.jsonl"], 1, "{tmp}/none.jsonl: no such manifest"),
        (["{run}", "{tmp}/bundle", "--sample", "{tmp}/none.wav"], 1, "{tmp}/none.wav"),
        (["{run}", "{run}"], 1, "exists and is not a bundle"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    run: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    tmp_path = run.parent
    names = {"tmp": tmp_path, "run": run}
    assert export(*(argument.format(**names) for argument in arguments)) == code
    assert message.format(**names) in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "bundle").exists()


def test_a_destination_with_other_things_is_refused_before_the_work(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "thesis.txt").touch()
    assert export(run, tmp_path / "bundle") == 1
    (line,) = capsys.readouterr().err.splitlines()  # nothing of the comparison of the graphs
    assert "exists and is not a bundle" in line


def test_a_language_model_is_carried_over_from_another_bundle(run: Path, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("a small set\nof pieces\nset a small\n")
    assert export(run, tmp_path / "first") == 0
    names = [str(tmp_path / name) for name in ("texts.txt", "first", "with")]
    arguments = ["train-lm", names[0], "--model", names[1], "--output", names[2], "--units", "8", "--steps", "2"]
    with pytest.raises(SystemExit):
        main([*arguments, "--lm-weight", "0.4"])
    assert export(run, tmp_path / "again", "--lm", tmp_path / "with") == 0
    carried, source = read_manifest(tmp_path / "again"), read_manifest(tmp_path / "with")
    assert carried.language_model == source.language_model
    assert carried.decoding.lm_weight == 0.4
    assert carried.files["lm.onnx"] == source.files["lm.onnx"]
    assert export(run, tmp_path / "again", "--lm", tmp_path / "first") == 1
    decode_by(run, lm_weight=0.2)
    assert export(run, tmp_path / "again", "--lm", tmp_path / "with") == 0
    assert read_manifest(tmp_path / "again").decoding.lm_weight == 0.2


def decode_by(run: Path, **settings: float | tuple[float, ...]) -> None:
    """Let the recipe of the run say how its bundle searches."""
    decoding = {**RECIPE["decoding"], **settings}  # type: ignore[dict-item]
    (run / "recipe.json").write_text(json.dumps({**RECIPE, "decoding": decoding}))


def test_every_setting_of_the_search_goes_from_the_recipe_to_the_bundle(run: Path, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"beam_size": 3, "ctc_weight": 0.4, "length_bonus": 0.2, "length_normalization": 0.6}
    settings |= {"end_threshold": 1.5, "coverage_weight": 0.1, "speech_threshold": -40.0}
    settings |= {"other_speeds": (0.9, 1.2), "beam_threshold": 4.0}
    decode_by(run, **settings)
    assert export(run, tmp_path / "bundle") == 0
    assert load_model(tmp_path / "bundle").decoding == Decoding(**settings)


def test_recipe_and_bundle_have_the_same_settings_of_the_search() -> None:
    in_bundle = {field.name: field.default for field in fields(Decoding)}
    in_recipe = {name: field.default for name, field in DecodingSettings.model_fields.items()}
    assert in_bundle.keys() == in_recipe.keys() - {"chunk_seconds"}
    assert {name: in_recipe[name] for name, default in in_bundle.items() if default is not MISSING} == {
        name: default for name, default in in_bundle.items() if default is not MISSING
    }


def test_a_weight_without_a_language_model_is_one_line(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    decode_by(run, lm_weight=0.3)
    assert export(run, tmp_path / "bundle") == 1
    assert capsys.readouterr().err == (
        f"error: {run}: its recipe gives a language model the weight 0.3 (decoding.lm_weight); "
        "name its bundle by --lm\n"
    )
    assert not (tmp_path / "bundle").exists()


def test_a_run_without_recordings_needs_a_sample(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in (run / "cache").iterdir():
        file.unlink()
    assert export(run, tmp_path / "bundle") == 1
    assert "name one by --sample" in capsys.readouterr().err
