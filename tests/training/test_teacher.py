"""A teacher's features: found again as they were told, at the moments at which the listener hears them."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import soundfile
import torch

from recipes.english.teach import teach
from speech2text.errors import OutputError, TrainingError
from speech2text.model.listener import Heard
from speech2text.training.augmentation import Version, WaveformAugmentation
from speech2text.training.checkpoint import load_checkpoint
from speech2text.training.recipe import DEFAULT_RECIPE, AugmentationSettings
from speech2text.training.run import open_run
from speech2text.training.teacher import FeatureWriter, Lesson, TeacherFeatures
from tests.training.tiny import RATE, needs_bf16, tell_loudness, tiny_recipe, write_recordings

FRAME_SECONDS = 0.08


@pytest.fixture
def data(tmp_path):
    return write_recordings(tmp_path / "data")


@pytest.fixture
def long_recording(tmp_path):
    """Two seconds, and a teacher that tells how much of them has passed."""
    soundfile.write(tmp_path / "long.wav", 0.1 * np.random.default_rng(0).standard_normal(2 * RATE), RATE)
    teach([tmp_path / "long.wav"], tmp_path / "teacher", tell_loudness)
    return tmp_path / "long.wav", Lesson(TeacherFeatures(tmp_path / "teacher"), memory=4)


def taught_seconds(lesson, recording, *arguments):
    """The moment of the recording that is told for each memory frame, NaN where none is."""
    seconds = lesson.features.of(recording)[:, 1]
    return lesson.targets(recording, *arguments)[:, 1] * seconds.std() + seconds.mean()


def test_features_are_found_as_they_were_told(data):
    recordings = sorted(data.glob("*.wav"))
    assert teach(recordings[:7], data / "teacher", tell_loudness) == 7
    features = TeacherFeatures(data / "teacher")
    for number, audio in enumerate(recordings):
        found = features.of(audio)
        if number < 7:
            told = tell_loudness(soundfile.read(audio, dtype="float32")[0])
            assert np.allclose(found, told, rtol=1e-3, atol=1e-3)
        else:
            assert found is None


@pytest.mark.parametrize("left_by_a_stop", ["frames without a row", "half a row", "half a frame"])
def test_a_stopped_teacher_goes_on(data, left_by_a_stop):
    recordings, folder = sorted(data.glob("*.wav")), data / "teacher"
    teach(recordings, data / "whole", tell_loudness)
    teach(recordings[:4], folder, tell_loudness)
    index, features = folder / "index.jsonl", folder / "features.f16"
    match left_by_a_stop:
        case "half a row":
            index.write_text(index.read_text()[:-9])
        case "frames without a row":
            features.write_bytes(features.read_bytes() + bytes(123))
        case _:
            features.write_bytes(features.read_bytes()[:-1])
    heard = []
    teach(recordings, folder, lambda samples: heard.append(1) or tell_loudness(samples))
    assert len(heard) == len(recordings) - (4 if left_by_a_stop == "frames without a row" else 3)
    again, whole = TeacherFeatures(folder), TeacherFeatures(data / "whole")
    assert all(np.array_equal(again.of(audio), whole.of(audio)) for audio in recordings)


@pytest.mark.parametrize("stray_bytes", [1, 2, 3, 123])
def test_what_a_stop_has_left_is_not_read(data, stray_bytes):
    recordings, folder = sorted(data.glob("*.wav")), data / "teacher"
    teach(recordings, folder, tell_loudness)
    whole = [TeacherFeatures(folder).of(audio) for audio in recordings]
    with (folder / "features.f16").open("ab") as file:
        file.write(bytes(stray_bytes))
    again = TeacherFeatures(folder)
    assert all(np.array_equal(again.of(audio), features) for audio, features in zip(recordings, whole, strict=True))


@pytest.mark.parametrize("value", [1e6, np.nan])
def test_features_that_half_floats_cannot_hold_are_refused(tmp_path, value):
    writer = FeatureWriter(tmp_path / "teacher", 25.0)
    with pytest.raises(OutputError, match="cannot be kept"):
        writer.add(tmp_path / "a.wav", np.full((3, 2), value, np.float32))
    assert not len(writer)


def test_a_teacher_that_stopped_in_its_first_recording_begins_anew(data):
    recordings, folder = sorted(data.glob("*.wav")), data / "teacher"
    folder.mkdir()
    (folder / "features.f16").write_bytes(bytes(44))
    teach(recordings, folder, tell_loudness)
    teach(recordings, data / "whole", tell_loudness)
    again, whole = TeacherFeatures(folder), TeacherFeatures(data / "whole")
    assert all(np.array_equal(again.of(audio), whole.of(audio)) for audio in recordings)


def test_a_damaged_recording_is_passed_over(data, capsys):
    (data / "0.wav").write_bytes(b"no sound")
    assert teach(sorted(data.glob("*.wav")), data / "teacher", tell_loudness) == 9
    assert "0.wav" in capsys.readouterr().err


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "index.jsonl").write_text("[]\n")
    with pytest.raises(OutputError, match="no features can be added"):
        FeatureWriter(tmp_path, 25)


def test_features_of_another_kind_are_not_added(data):
    recordings, folder = sorted(data.glob("*.wav")), data / "teacher"
    teach(recordings[:2], folder, tell_loudness)
    with pytest.raises(OutputError, match="has features of"):
        FeatureWriter(folder, 50)
    with pytest.raises(OutputError, match="has features of"):
        teach(recordings, folder, lambda samples: tell_loudness(samples)[:, :1])


def test_features_changed_in_place_are_told_from_those_before(data):
    folder = data / "teacher"
    teach(sorted(data.glob("*.wav")), folder, tell_loudness)
    before = TeacherFeatures(folder)
    with (folder / "features.f16").open("ab") as file:
        file.write(bytes(40))  # a recording that is not in the index yet
    longer = TeacherFeatures(folder)
    assert longer.features_sha256 == before.features_sha256
    (folder / "features.f16").write_bytes(bytes((folder / "features.f16").stat().st_size))
    changed = TeacherFeatures(folder)
    assert changed.sha256 == before.sha256
    assert changed.features_sha256 != before.features_sha256


@pytest.mark.parametrize("damage", ["missing", "no json", "no rows", "cut short"])
def test_features_that_cannot_be_used_are_named(data, damage):
    teach(sorted(data.glob("*.wav")), data / "teacher", tell_loudness)
    file = data / "teacher" / ("features.f16" if damage == "cut short" else "index.jsonl")
    match damage:
        case "missing":
            file.unlink()
        case "no json":
            file.write_text("rows\n")
        case "no rows":
            file.write_text(file.read_text().split("\n")[0] + "\n")
        case _:
            file.write_bytes(file.read_bytes()[:-8])
    with pytest.raises(TrainingError, match=f"^{data / 'teacher'}: "):
        TeacherFeatures(data / "teacher")


@pytest.mark.parametrize(("speed", "start"), [(1.0, 0), (1.1, 0), (0.85, 5000), (1.0, 6400)])
def test_each_frame_is_taught_its_own_moment(long_recording, speed, start):
    audio, lesson = long_recording
    version = Version(torch.zeros(round(2 * RATE / speed) + start), speed, start)
    frames = round(len(version.samples) / RATE / FRAME_SECONDS) + 5
    told = taught_seconds(lesson, audio, version, FRAME_SECONDS, frames)
    moments = ((np.arange(frames) + 0.5) * FRAME_SECONDS - start / RATE) * speed
    inside = ~told.isnan().numpy()
    assert np.allclose(told[inside], moments[inside], atol=2e-3)
    assert inside[(moments > 0.1) & (moments < 1.9)].all()
    assert not inside[(moments < 0) | (moments > 2)].any()


def test_a_version_says_where_in_it_the_recording_is():
    click = torch.zeros(RATE)
    click[6000] = 0.5
    settings = AugmentationSettings(
        speeds=(0.85, 1.15), room_seconds=0.4, noise_share=0.0, telephone_share=0.0, gain_db=(0.0, 0.0)
    )
    for _ in range(6):
        version = WaveformAugmentation(settings)(click)
        place = version.start + 6000 / version.speed
        assert int(version.samples.abs().argmax()) == pytest.approx(place, abs=2)


def test_what_the_teacher_has_not_heard_teaches_nothing(long_recording, tmp_path):
    _, lesson = long_recording
    for audio in (None, tmp_path / "unknown.wav"):
        targets = lesson.targets(audio, Version(torch.zeros(RATE)), FRAME_SECONDS, 12)[None]
        assert targets.isnan().all()
        memory = torch.randn(1, 12, 4, requires_grad=True)
        assert float(lesson(Heard(memory, memory, memory, torch.tensor([12])), targets).detach()) == 0


def test_a_recording_of_no_frame_teaches_nothing(tmp_path):
    for name, length in (("none.wav", 300), ("some.wav", 8000)):
        soundfile.write(tmp_path / name, 0.1 * np.ones(length), RATE)
    teach([tmp_path / "none.wav", tmp_path / "some.wav"], tmp_path / "teacher", tell_loudness)
    lesson = Lesson(TeacherFeatures(tmp_path / "teacher"), memory=4)
    assert lesson.targets(tmp_path / "none.wav", Version(torch.zeros(300)), FRAME_SECONDS, 1).isnan().all()


@pytest.mark.parametrize("precision", ["fp32", pytest.param("bf16", marks=needs_bf16)])
def test_the_listener_learns_what_it_is_taught(data, tmp_path, precision):
    teach(sorted(data.glob("*.wav")), data / "teacher", tell_loudness)
    alone = (
        "training.steps=150", "training.learning_rate=0.01", "training.ctc_weight=0", "data.dev_share=0",
        "training.checkpoint_every=500", f"training.precision={precision}", "training.teacher_weight=1000",
    )  # fmt: skip
    trainer = open_run(tiny_recipe(*alone, "data.teacher=teacher"), DEFAULT_RECIPE, data, tmp_path / "run")
    for parameter in trainer.lesson.parameters():
        torch.nn.init.normal_(parameter).requires_grad_(False)  # it is the listener that has to learn
    losses = [report.lesson for report in trainer.steps()]
    assert sum(losses[-20:]) < 0.5 * sum(losses[:20])


def test_a_run_none_of_whose_recordings_the_teacher_has_heard_is_refused(data, tmp_path):
    soundfile.write(tmp_path / "other.wav", 0.1 * np.ones(RATE), RATE)
    teach([tmp_path / "other.wav"], data / "teacher", tell_loudness)
    with pytest.raises(TrainingError, match="has heard none of the recordings"):
        open_run(tiny_recipe("data.teacher=teacher"), DEFAULT_RECIPE, data, tmp_path / "run")


@pytest.mark.parametrize("change", ["more", "other"])
def test_a_run_does_not_go_on_with_other_features(data, tmp_path, change):
    recordings = sorted(data.glob("*.wav"))
    teach(recordings[:6], data / "teacher", tell_loudness)
    recipe = tiny_recipe("data.teacher=teacher")
    list(open_run(recipe, DEFAULT_RECIPE, data, tmp_path / "run").train())
    if change == "other":
        shutil.rmtree(data / "teacher")
        teach(recordings[:6], data / "teacher", lambda samples: 2 * tell_loudness(samples))
    else:
        teach(recordings, data / "teacher", tell_loudness)
    with pytest.raises(TrainingError, match="teacher's features have changed"):
        open_run(recipe, DEFAULT_RECIPE, data, tmp_path / "run")


def test_recordings_that_the_recipe_prepares_are_taught_when_the_run_goes_on(data, tmp_path):
    (tmp_path / "prepare.py").write_text(
        "import shutil\n"
        "def prepare(source, out):\n"
        "    out.mkdir(exist_ok=True)\n"
        "    for file in source.glob('*.*'):\n"
        "        shutil.copy(file, out)\n"
    )
    run = tmp_path / "run"
    shutil.copytree(data, run / "data")
    teach(sorted((run / "data").glob("*.wav")), data / "teacher", tell_loudness)
    recipe = tiny_recipe("prepare=true", "data.teacher=teacher", "data.train=['.']")
    trainer = open_run(recipe, tmp_path, data, run)
    assert trainer.taught == len(trainer.train_corpus)
    list(trainer.train())
    assert open_run(recipe, tmp_path, data, run).taught == trainer.taught


def test_a_taught_run_that_was_stopped_is_the_run_that_was_not(data, tmp_path):
    teach(sorted(data.glob("*.wav"))[:6], data / "teacher", tell_loudness)

    def opened(run, steps=6):
        changes = (f"training.steps={steps}", "data.teacher=teacher")
        return open_run(tiny_recipe(*changes), DEFAULT_RECIPE, data, tmp_path / run)

    whole = [report.loss for report in opened("whole").train()]
    stopped = opened("stopped").train()
    first = [next(stopped).loss for _ in range(5)]
    stopped.close()
    assert load_checkpoint(tmp_path / "stopped").position.step == 4
    assert [*first[:4], *(report.loss for report in opened("stopped").train())] == whole
