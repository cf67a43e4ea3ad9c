"""Every key of a recipe is alive: changing it changes what a run does or, where it only describes, what it notes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import soundfile
from pydantic import BaseModel
from safetensors.torch import load_file

from recipes.english.teach import teach
from speech2text.errors import RecipeError
from speech2text.training.recipe import DEFAULT_RECIPE, Recipe
from speech2text.training.run import open_run
from tests.training.tiny import TEXTS, needs_bf16, sing, tell_loudness, tiny_recipe, write_recordings

LOUD = "augmentation.noise_share=1"
BPE = "tokenizer.kind=bpe"
BUSY = "training.steps=3"
SPOKEN = ("data.train=['spoken.jsonl']", "data.dev=['half']", "training.checkpoint_every=1")

CHANGES = {
    "data.train": ("data.train=['half']",),
    "data.dev": ("data.dev=['half']", "data.train=['spoken.jsonl']"),
    "data.dev_share": ("data.dev_share=0.6",),
    "data.noise": ("data.noise=half", LOUD),
    "data.teacher": ("data.teacher=teacher", BUSY),
    "data.longest_seconds": ("data.longest_seconds=0.35",),
    "tokenizer.kind": (BPE,),
    "tokenizer.size": ("tokenizer.size=32", BPE),
    "model.stack": ("model.stack=3",),
    "model.pyramid_layers": ("model.pyramid_layers=2",),
    "model.plain_layers": ("model.plain_layers=2",),
    "model.residual_layers": ("model.residual_layers=1",),
    "model.listener_units": ("model.listener_units=9",),
    "model.listener_bits": ("model.listener_bits=4",),
    "model.memory": ("model.memory=10",),
    "model.heads": ("model.heads=4",),
    "model.embedding": ("model.embedding=9",),
    "model.speller_layers": ("model.speller_layers=2",),
    "model.speller_units": ("model.speller_units=9",),
    "model.dropout": ("model.dropout=0.5",),
    "augmentation.speeds": ("augmentation.speeds=[1.0]",),
    "augmentation.gain_db": ("augmentation.gain_db=[0.0, 0.0]",),
    "augmentation.room_seconds": ("augmentation.room_seconds=0.5",),
    "augmentation.reverberation_share": ("augmentation.reverberation_share=0.9",),
    "augmentation.noise_share": ("augmentation.noise_share=0.9",),
    "augmentation.snr_db": ("augmentation.snr_db=[0.0, 0.0]", LOUD),
    "augmentation.response_db": ("augmentation.response_db=9.0",),
    "augmentation.telephone_share": ("augmentation.telephone_share=0.9",),
    "augmentation.non_speech_share": ("augmentation.non_speech_share=0.9",),
    "augmentation.frequency_masks": ("augmentation.frequency_masks=0",),
    "augmentation.frequency_mask_bins": ("augmentation.frequency_mask_bins=40",),
    "augmentation.time_masks": ("augmentation.time_masks=0",),
    "augmentation.time_mask_frames": ("augmentation.time_mask_frames=2",),
    "augmentation.time_mask_share": ("augmentation.time_mask_share=0.6",),
    "augmentation.splice_share": ("augmentation.splice_share=0.9", "augmentation.splice_after=1", *SPOKEN),
    "augmentation.splice_after": ("augmentation.splice_after=1", "augmentation.splice_share=0.9", *SPOKEN),
    "augmentation.token_noise": ("augmentation.token_noise=0.5",),
    "training.seed": ("training.seed=2",),
    "training.steps": ("training.steps=4",),
    "training.batch_seconds": ("training.batch_seconds=1",),
    "training.learning_rate": ("training.learning_rate=0.01",),
    "training.warmup_steps": ("training.warmup_steps=0",),
    "training.weight_decay": ("training.weight_decay=0.5",),
    "training.clip": ("training.clip=0.01",),
    "training.average_decay": ("training.average_decay=0.1",),
    "training.ctc_weight": ("training.ctc_weight=0.9",),
    "training.guide_weight": ("training.guide_weight=0.5",),
    "training.consistency_weight": ("training.consistency_weight=0.5",),
    "training.teacher_weight": ("training.teacher_weight=9", "data.teacher=teacher", BUSY),
    "training.risk_weight": ("training.risk_weight=9",),
    "training.risk_readings": ("training.risk_readings=2", "training.risk_weight=9"),
    "training.label_smoothing": ("training.label_smoothing=0.5",),
    "training.whole_share": ("training.whole_share=1", "training.whole_share=0"),
    "training.chunk_seconds": ("training.chunk_seconds=[0.08]", "training.whole_share=0"),
    "training.evaluate_every": ("training.evaluate_every=1",),
    "training.checkpoint_every": ("training.checkpoint_every=3",),
    "training.precision": ("training.precision=bf16",),
}
"""By key: a change of it, then what must be so in both runs for the key to matter."""

NOTED = {
    "name": "name=other",
    "description": "description=other",
    "languages": "languages=['de']",
    "licence": "licence=other",
    "credits.name": "credits=[{name='b', hours=1, licence='c'}]",
    "credits.hours": "credits=[{name='a', hours=2, licence='c'}]",
    "credits.licence": "credits=[{name='a', hours=1, licence='b'}]",
    "decoding.beam_size": "decoding.beam_size=3",
    "decoding.ctc_weight": "decoding.ctc_weight=0.2",
    "decoding.length_bonus": "decoding.length_bonus=0.5",
    "decoding.beam_threshold": "decoding.beam_threshold=4",
    "decoding.length_normalization": "decoding.length_normalization=0.6",
    "decoding.end_threshold": "decoding.end_threshold=1.5",
    "decoding.coverage_weight": "decoding.coverage_weight=0.1",
    "decoding.lm_weight": "decoding.lm_weight=0.3",
    "decoding.speech_threshold": "decoding.speech_threshold=-2.5",
    "decoding.other_speeds": "decoding.other_speeds=[0.9]",
    "decoding.chunk_seconds": "decoding.chunk_seconds=0.32",
}
"""These describe or decode: training leaves them in the run's recipe.json for the bundle."""

TESTED_BELOW = {"prepare"}


def leaves(section: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in section.model_fields.items():
        tables = [kind for kind in (field.annotation, *get_args(field.annotation)) if hasattr(kind, "model_fields")]
        if tables:
            yield from leaves(tables[0], f"{prefix}{name}.")
        else:
            yield prefix + name


def test_every_key_is_tested():
    assert {*CHANGES, *NOTED, *TESTED_BELOW} == set(leaves(Recipe))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = write_recordings(tmp_path_factory.mktemp("data"))
    (folder / "half").mkdir()
    for number, text in enumerate(("abcabcaabbcc", "cbacacbbbaac", "bbcaaaccbabc", "cccabaacbbca", "acacbbbacaab")):
        soundfile.write(folder / "half" / f"{number}.wav", sing(text), 16000)
        (folder / "half" / f"{number}.txt").write_text(text)
    rows = [{"audio": f"{n}.wav", "text": text, "id": str(n), "speaker": "a"} for n, text in enumerate(TEXTS)]
    (folder / "spoken.jsonl").write_text("\n".join(map(json.dumps, rows)))
    teach(sorted(folder.glob("*.wav")), folder / "teacher", tell_loudness)
    return folder


@pytest.fixture(scope="module")
def facts(data, tmp_path_factory):
    """Everything a run with some changes did, computed once for each list of changes."""
    known = {}

    def observe(*changes):
        if changes not in known:
            known[changes] = run_facts(data, tmp_path_factory.mktemp("run"), changes)
        return known[changes]

    return observe


def run_facts(data: Path, run: Path, changes):
    trainer = open_run(tiny_recipe(BUSY, *changes), DEFAULT_RECIPE, data, run)
    reports = [(report.step, report.loss, report.wer is None, report.audio_seconds) for report in trainer.train()]
    newest = max((run / "checkpoints").iterdir())
    return {
        "reports": reports,
        "pieces": trainer.tokenizer.to_json(),
        "checkpoints": sorted(folder.name for folder in (run / "checkpoints").iterdir()),
        "dev": [utterance.id for utterance in trainer.dev_corpus.utterances],
        **{part: load(newest / f"{part}.safetensors") for part in ("model", "average")},
    }


def load(file: Path):
    return {name: tensor.tolist() for name, tensor in load_file(file).items()}


def test_two_runs_of_one_recipe_do_the_same(data, facts, tmp_path):
    assert run_facts(data, tmp_path, ()) == facts()


@pytest.mark.parametrize(
    "key",
    [pytest.param(key, marks=needs_bf16) if key == "training.precision" else key for key in CHANGES],
)
def test_the_key_changes_what_a_run_does(facts, key):
    change, *circumstances = CHANGES[key]
    assert facts(*circumstances, change) != facts(*circumstances)


@pytest.mark.parametrize("key", NOTED)
def test_the_key_is_noted_in_the_run(data, tmp_path, key):
    credit = "credits=[{name='a', hours=1, licence='c'}]"
    plain, changed = (json.loads(tiny_recipe(credit, *more).to_json()) for more in ((), (NOTED[key],)))
    section = key.split(".")[0]
    assert {name for name in plain if plain[name] != changed[name]} == {section}
    open_run(tiny_recipe(credit, NOTED[key]), DEFAULT_RECIPE, data, tmp_path)
    assert json.loads((tmp_path / "recipe.json").read_text()) == changed


def test_prepare_makes_the_manifests_of_the_run(data, tmp_path):
    recipe = tiny_recipe("prepare=true", "data.train=['all.jsonl']")
    script = tmp_path / "prepare.py"
    with pytest.raises(RecipeError, match=r"prepare\.py: missing, but the recipe says prepare = true"):
        open_run(recipe, tmp_path, data, tmp_path / "run")
    script.write_text("")
    with pytest.raises(RecipeError, match=r"prepare\.py: has no function prepare"):
        open_run(recipe, tmp_path, data, tmp_path / "run")
    for wrong, error in (("def", "SyntaxError"), ("def prepare(source, out):\n    {}['x']", "KeyError: 'x'")):
        script.write_text(wrong)
        with pytest.raises(RecipeError, match=rf"prepare\.py: {error}.*; correct it"):
            open_run(recipe, tmp_path, data, tmp_path / "run")
    script.write_text(
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        "@dataclass\n"
        "class Row:\n"
        "    text: str\n"
        "def prepare(source, out):\n"
        "    out.mkdir(exist_ok=True)\n"
        '    rows = [f\'{{"audio": "{source}/{n}.wav", "text": "a", "id": "{n}"}}\' for n in range(10)]\n'
        "    (out / 'all.jsonl').write_text('\\n'.join(rows))\n"
    )
    trainer = open_run(recipe, tmp_path, data, tmp_path / "run")
    assert {utterance.text for utterance in trainer.train_corpus.utterances} == {"a"}
