"""The training loop: it learns, by its schedule, and reports what it did."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from speech2text.errors import AudioWarning, OutputError, TrainingError
from speech2text.model.four_bits import as_stored
from speech2text.training import optimisation
from speech2text.training.checkpoint import load_checkpoint, load_run, save_checkpoint
from speech2text.training.recipe import DEFAULT_RECIPE, recipe_from_json
from speech2text.training.run import open_profile, open_run
from speech2text.training.trainer import ctc_error_rate
from tests.training.tiny import TEXTS, tiny_recipe, write_recordings


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_recordings(tmp_path_factory.mktemp("data"))


@pytest.fixture
def opened(data, tmp_path):
    def open_with(*changes, folder=data):
        return open_run(tiny_recipe(*changes), DEFAULT_RECIPE, folder, tmp_path / "run")

    return open_with


@pytest.mark.parametrize("bits", [8, 4])
def test_it_learns_what_it_hears(opened, bits):
    small = ("model.listener_units=32", "model.memory=32", "model.speller_units=32", "model.dropout=0")
    plain = ("augmentation.noise_share=0", "augmentation.telephone_share=0", "augmentation.frequency_masks=0")
    trainer = opened(
        *small, *plain, "training.steps=120", "training.learning_rate=0.01", "training.batch_seconds=5",
        "training.average_decay=0.9", "training.evaluate_every=200", "training.checkpoint_every=200",
        "augmentation.time_masks=0", "augmentation.gain_db=[0.0, 0.0]", "augmentation.speeds=[1.0]",
        "training.whole_share=1", "training.label_smoothing=0", "data.dev_share=0", "model.pyramid_layers=0",
        f"model.listener_bits={bits}",
    )  # fmt: skip
    losses = [report.loss for report in trainer.steps()]
    assert losses[0] > 2
    assert losses[-1] < 0.3
    with as_stored(trainer.average):
        assert ctc_error_rate(trainer.average, trainer.tokenizer, trainer.train_corpus) < 0.25


def test_where_nobody_speaks_it_learns_to_write_nothing(opened):
    trainer = opened(
        "augmentation.non_speech_share=0.99", "training.steps=60", "training.learning_rate=0.01",
        "training.label_smoothing=0", "training.evaluate_every=100", "training.checkpoint_every=100",
    )  # fmt: skip
    reports = list(trainer.steps())
    nothing_said = [report for report in reports[-20:] if report.ctc < 0.5]
    assert nothing_said
    assert min(report.spelling for report in nothing_said) < 0.1


def test_reports_count_steps_and_measure_dev_where_asked(opened):
    reports = list(opened().train())
    assert [report.step for report in reports] == [1, 2, 3, 4, 5, 6]
    assert [report.step for report in reports if report.wer is not None] == [3, 6]
    assert all(0 < report.audio_seconds < 3 for report in reports)


def test_a_run_may_splice_from_its_first_step(tmp_path):
    recordings = write_recordings(tmp_path / "data")
    rows = [{"audio": f"{number}.wav", "text": text, "speaker": "x"} for number, text in enumerate(TEXTS)]
    manifest = recordings / "train.jsonl"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def first_loss(*changes):
        run = tmp_path / f"run {len(changes)}"
        return next(open_run(tiny_recipe(*changes), DEFAULT_RECIPE, manifest, run).steps()).loss

    later = ("augmentation.splice_share=1.0",)
    assert first_loss(*later) != first_loss(*later, "augmentation.splice_after=0")


def test_without_dev_there_is_no_error_rate(opened):
    assert all(report.wer is None for report in opened("data.dev_share=0").train())


def test_tensorboard_has_the_loss_and_the_error_rate(opened, tmp_path):
    reports = list(opened().train())
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    for name in ("loss", "ctc", "spelling"):
        written = [(event.step, event.value) for event in events.Scalars(name)]
        assert written == [(report.step, pytest.approx(getattr(report, name))) for report in reports]
    assert [event.step for event in events.Scalars("wer")] == [3, 6]


def test_more_warm_up_than_steps_is_no_error(opened):
    assert len(list(opened("training.warmup_steps=50").steps())) == 6


def test_features_have_mean_0_and_deviation_1_over_the_training_set(opened):
    trainer = opened("data.dev_share=0")
    frontend = trainer.model.listener.frontend
    features = torch.cat(
        [
            frontend(samples[None], torch.tensor([len(samples)]), torch.zeros(1, 240))[0][0]
            for samples in (torch.from_numpy(trainer.train_corpus.samples(index)) for index in range(len(TEXTS)))
        ]
    )
    torch.testing.assert_close(features.mean(dim=0), torch.zeros(80), atol=1e-3, rtol=0)
    torch.testing.assert_close(features.std(dim=0), torch.ones(80), atol=1e-3, rtol=0)
    assert torch.equal(frontend.mean, trainer.average.listener.frontend.mean)


def test_the_faster_precision_is_chosen_once_for_the_run(opened):
    trainer = opened("training.precision=auto", "training.steps=2")
    assert trainer.precision in {"fp32", "bf16"}
    list(trainer.train())
    assert opened("training.precision=auto", "training.steps=2").precision == trainer.precision


def test_a_processor_without_bf16_is_told_from_one_with_it(opened, monkeypatch):
    list(opened("training.steps=2").train())
    checkpoint = load_checkpoint(opened("training.steps=2").run)
    monkeypatch.setattr(optimisation, "has_bf16", lambda: False)
    save_checkpoint(opened("training.steps=2").run, replace(checkpoint, precision="bf16"))
    with pytest.raises(TrainingError, match=r"run: this processor cannot train in bf16"):
        opened("training.steps=2")


def test_bf16_where_there_is_none_is_refused_and_auto_does_without(data, tmp_path, monkeypatch):
    monkeypatch.setattr(optimisation, "has_bf16", lambda: False)
    with pytest.raises(TrainingError, match=r"training\.precision: this processor cannot train in bf16"):
        open_run(tiny_recipe("training.precision=bf16"), DEFAULT_RECIPE, data, tmp_path / "told")
    assert open_run(tiny_recipe("training.precision=auto"), DEFAULT_RECIPE, data, tmp_path / "auto").precision == "fp32"


def test_a_checkpoint_of_a_batch_that_no_epoch_has_is_refused(opened):
    list(opened().train())
    run = opened().run
    checkpoint = load_checkpoint(run)
    save_checkpoint(run, replace(checkpoint, position=replace(checkpoint.position, batch=10_000)))
    with pytest.raises(
        TrainingError, match=r"run: its newest checkpoint is of batch 10000 of \d+, .*; delete it to go on"
    ):
        opened()


def test_a_finished_run_has_nothing_left_to_do(opened):
    list(opened().train())
    assert list(opened().train()) == []


def test_a_folder_with_a_run_of_another_recipe_is_refused(opened):
    list(opened().train())
    with pytest.raises(TrainingError, match=r"holds a run of another recipe \(training\.seed is 1 there and 2 here"):
        opened("training.seed=2")


def test_a_run_without_a_checkpoint_takes_a_corrected_recipe(opened):
    opened()
    assert opened("training.seed=2", "tokenizer.kind=bpe").recipe.training.seed == 2


def test_a_finished_run_takes_what_its_weights_do_not_depend_on(opened, tmp_path):
    list(opened().train())
    changed = opened("description=Better said", "decoding.beam_size=3")
    assert list(changed.train()) == [], "there is nothing to train again"
    recipe = load_run(changed.run).recipe
    assert (recipe.description, recipe.decoding.beam_size) == ("Better said", 3)


def test_a_run_whose_gradients_are_lost_ends_and_keeps_its_checkpoints(opened, tmp_path):
    trainer = opened("training.learning_rate=1e30", "training.steps=20", "training.checkpoint_every=1")
    with pytest.raises(TrainingError, match=r"step \d+ has no finite gradient: .*; what was saved in .*run is"):
        list(trainer.train())
    assert load_checkpoint(tmp_path / "run").position == trainer.position


def contents(folder):
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def copying(tmp_path):
    """The folder of a recipe that prepares by copying the recordings, each time anew."""
    folder = tmp_path / "recipe"
    folder.mkdir()
    script = "import shutil\ndef prepare(source, out):\n"
    script += "    shutil.copytree(source, out, dirs_exist_ok=True, copy_function=shutil.copyfile)\n"
    (folder / "prepare.py").write_text(script)
    return folder


def test_a_refused_run_is_not_touched(tmp_path, copying):
    data = write_recordings(tmp_path / "data")
    recipe = tiny_recipe("prepare=true")
    list(open_run(recipe, copying, data, tmp_path / "run").train())
    before = contents(tmp_path / "run")
    (data / "3.txt").write_text("zz")
    (data / "4.wav").write_bytes((data / "1.wav").read_bytes())
    described = recipe.model_copy(update={"description": "Other"})
    with pytest.raises(TrainingError, match="its recordings, texts or noise have changed since it began"):
        open_run(described, copying, data, tmp_path / "run")
    assert contents(tmp_path / "run") == before


def test_what_was_prepared_alike_again_is_not_decoded_again(tmp_path, data, copying):
    recipe, decoded = tiny_recipe("prepare=true"), []
    for _ in range(2):
        list(open_run(recipe, copying, data, tmp_path / "run", lambda done, _: decoded.append(done)).train())
    assert len(decoded) == len(TEXTS)


def test_a_run_whose_cache_was_deleted_makes_it_again(opened, tmp_path):
    list(opened().train())
    before = contents(tmp_path / "run" / "cache")
    shutil.rmtree(tmp_path / "run" / "cache")
    assert opened().position.step == 6
    assert contents(tmp_path / "run" / "cache") == before
    assert not (tmp_path / "run" / ".draft").exists()


def test_a_profile_decodes_no_more_than_its_steps_hear(data, tmp_path):
    recipe = tiny_recipe("training.steps=1", "training.batch_seconds=1", f"data.noise='{data}'")
    trainer = open_profile(recipe, DEFAULT_RECIPE, data, tmp_path)
    assert trainer.dev_corpus is None
    assert 1 <= trainer.train_corpus.seconds < 2
    assert 1 <= trainer.noise_corpus.seconds < 2


def test_languages_are_those_of_the_recordings_unless_the_recipe_says(data, tmp_path):
    rows = [
        {"audio": str(data / f"{number}.wav"), "text": TEXTS[number], "lang": "de" if number % 2 else "cs"}
        for number in range(6)
    ]
    manifest = tmp_path / "x.jsonl"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    for changes, expected in (((), ("cs", "de")), (("languages=['pl']",), ("pl",))):
        open_run(tiny_recipe("data.dev_share=0", *changes), DEFAULT_RECIPE, manifest, tmp_path / "run")
        assert recipe_from_json(tmp_path / "run" / "recipe.json").languages == expected


@pytest.mark.parametrize(
    ("change", "told"),
    [("text", "its recordings, texts or noise have changed"), ("recordings", "it had 7 recordings, not 1,")],
)
@pytest.mark.filterwarnings("ignore:.* have no text and are left out")
def test_a_run_does_not_go_on_with_other_data(opened, tmp_path, change, told):
    folder = write_recordings(tmp_path / "data")
    list(opened(folder=folder).train())
    for number in range(1, 9):
        (folder / f"{number}.txt").write_text("zz") if change == "text" else (folder / f"{number}.txt").unlink()
    with pytest.raises(TrainingError, match=f"run: {told} since it began; name another folder"):
        opened(folder=folder)


def test_data_without_a_text_to_train_on_is_refused(opened, tmp_path):
    folder = write_recordings(tmp_path / "data")
    for text in folder.glob("*.txt"):
        text.write_text("...")
    told = pytest.warns(AudioWarning, match="10 of 10 recordings have a text without a word")
    with told, pytest.raises(TrainingError, match="data: no utterance with a text to train on"):
        opened(folder=folder)


def test_a_run_cannot_be_a_file(data, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file: cannot be made"):
        open_run(tiny_recipe(), DEFAULT_RECIPE, data, tmp_path / "file")


def test_a_run_killed_after_a_checkpoint_has_the_error_rate_of_its_step(opened, tmp_path):
    changes = ("training.checkpoint_every=3", "training.evaluate_every=3")
    for report in opened(*changes).train():
        if report.step == 3:
            break
    list(opened(*changes).train())
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    assert [event.step for event in events.Scalars("wer")] == [3, 6]
    assert [event.step for event in events.Scalars("loss")] == [1, 2, 3, 4, 5, 6]


def test_a_checkpoint_that_cannot_be_saved_loses_no_error_rate(opened, tmp_path):
    trainer = opened()
    (tmp_path / "run" / "checkpoints").write_text("in the way")
    with pytest.raises(OutputError, match="no checkpoint can be saved"):
        list(opened("training.checkpoint_every=3").train())
    events = EventAccumulator(str(trainer.run / "tensorboard")).Reload()
    assert [event.step for event in events.Scalars("wer")] == [3]


def test_where_tensorboard_cannot_write_the_error_says_so(opened, tmp_path):
    trainer = opened()
    (tmp_path / "run" / "tensorboard").write_text("in the way")
    with pytest.raises(OutputError, match=r"run/tensorboard: cannot be written \(.*\); free space, then run it again"):
        list(trainer.train())
