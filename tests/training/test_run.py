"""Runs: their texts are of the recipe's language, and they go on with the data they began with, and with no other."""

from __future__ import annotations

import json

import pytest
import soundfile

from recipes.english.teach import teach
from speech2text.errors import TrainingError
from speech2text.training.recipe import DEFAULT_RECIPE
from speech2text.training.run import open_run, plan_run
from tests.training.tiny import RATE, TEXTS, TINY, tell_loudness, tiny_recipe, write_recordings


@pytest.fixture
def data(tmp_path):
    return write_recordings(tmp_path / "data")


def opened(data, run, *changes):
    return open_run(tiny_recipe("data.dev_share=0", *changes), DEFAULT_RECIPE, data, run)


@pytest.mark.parametrize(("languages", "text"), [("['en']", "a b"), ("['en', 'fr']", "á b"), ("[]", "á b")])
def test_texts_of_no_language_are_of_the_only_one_of_the_recipe(data, tmp_path, languages, text):
    rows = [{"audio": "0.wav", "text": "á b"}, {"audio": "1.wav", "text": "á b", "lang": "fr"}]
    (data / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    corpus = opened(data, tmp_path / "run", "data.train=['train.jsonl']", f"languages={languages}").train_corpus
    assert [utterance.text for utterance in corpus.utterances] == [text, "á b"]


def test_fine_tuning_reads_a_folder_as_texts_of_the_language_of_its_source(data, tmp_path):
    list(opened(data, tmp_path / "source", "languages=['en']").train())
    (data / "0.txt").write_text("á b")
    changes = [*(change for change in TINY if not change.startswith("model.")), "data.dev_share=0"]
    plan = plan_run(None, changes, tmp_path / "tuned", str(tmp_path / "source"))
    trainer = open_run(plan.recipe, plan.recipe_path, data, plan.run, start=plan.start)
    assert [each.text for each in trainer.train_corpus.utterances] == list(TEXTS)


@pytest.mark.parametrize("changed", ["train", "noise"])
def test_a_run_does_not_go_on_with_other_sound_of_the_same_length(data, tmp_path, changed):
    noise = write_recordings(tmp_path / "noise")
    changes = (f"data.noise={noise}",)
    list(opened(data, tmp_path / "run", *changes).train())
    file = (data if changed == "train" else noise) / "3.wav"
    samples, _ = soundfile.read(file)
    soundfile.write(file, 0.5 * samples, RATE)
    with pytest.raises(TrainingError, match="its sounds have changed since it began"):
        opened(data, tmp_path / "run", *changes)


@pytest.mark.parametrize("column", ["speaker", "corpus"])
def test_a_run_does_not_go_on_with_other_speakers_or_corpora(data, tmp_path, column):
    """Splicing joins words of one speaker, and an epoch has a share of a corpus."""
    manifest = data / "train.jsonl"
    for name in ("a", "b"):
        rows = [{"audio": f"{number}.wav", "text": TEXTS[number], column: name} for number in range(4)]
        manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
        if name == "a":
            list(opened(data, tmp_path / "run", "data.train=['train.jsonl']").train())
    with pytest.raises(TrainingError, match="its speakers or corpora have changed since it began"):
        opened(data, tmp_path / "run", "data.train=['train.jsonl']")


def test_a_teacher_stands_beside_a_manifest(data, tmp_path):
    teach(sorted(data.glob("*.wav")), data / "teacher", tell_loudness)
    rows = [{"audio": f"{number}.wav", "text": TEXTS[number]} for number in range(4)]
    (data / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert opened(data / "train.jsonl", tmp_path / "run", "data.teacher=teacher").taught == 4


def test_dev_and_noise_stand_beside_a_manifest(data, tmp_path):
    for name, numbers in (("train", range(3)), ("dev", [3]), ("noise", [0])):
        rows = [{"audio": f"{number}.wav", "text": TEXTS[number]} for number in numbers]
        (data / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    trainer = opened(data / "train.jsonl", tmp_path / "run", "data.dev=['dev.jsonl']", "data.noise='noise.jsonl'")
    assert (len(trainer.train_corpus), len(trainer.dev_corpus)) == (3, 1)


def test_nothing_is_used_of_a_start_with_other_data_that_was_killed(data, tmp_path):
    run = tmp_path / "run"
    list(opened(data, run).train())
    draft = run / ".draft" / "cache"
    draft.mkdir(parents=True)
    (draft / "train.pcm").write_bytes(b"of other data")
    cache = (run / "cache" / "train.pcm").read_bytes()
    assert opened(data, run).position.step == 6
    assert (run / "cache" / "train.pcm").read_bytes() == cache


def claim_of_an_earlier_version(run):
    """Leave in the run what was noted of its data when that was ids, texts, lengths and the teacher's index."""
    note = json.loads((run / "data.json").read_text())
    (run / "data.json").write_text(json.dumps({key: note[key] for key in ("utterances", "sha256", "teacher")}))
    return note


def test_a_run_of_an_earlier_version_goes_on_and_notes_the_sound(data, tmp_path):
    teach(sorted(data.glob("*.wav")), data / "teacher", tell_loudness)
    list(opened(data, tmp_path / "run", "data.teacher=teacher").train())
    note = claim_of_an_earlier_version(tmp_path / "run")
    assert opened(data, tmp_path / "run", "data.teacher=teacher").position.step == 6
    assert json.loads((tmp_path / "run" / "data.json").read_text()) == note


def test_a_run_of_an_earlier_version_does_not_go_on_with_other_texts(data, tmp_path):
    teach(sorted(data.glob("*.wav")), data / "teacher", tell_loudness)
    list(opened(data, tmp_path / "run", "data.teacher=teacher").train())
    claim_of_an_earlier_version(tmp_path / "run")
    (data / "0.txt").write_text("b b")
    with pytest.raises(TrainingError, match="its recordings, texts or noise have changed since it began"):
        opened(data, tmp_path / "run", "data.teacher=teacher")


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff"])
def test_a_run_whose_note_of_its_data_is_damaged_does_not_go_on(data, tmp_path, content):
    list(opened(data, tmp_path / "run").train())
    (tmp_path / "run" / "data.json").write_bytes(content)
    with pytest.raises(TrainingError, match=r"its data\.json was damaged since it began"):
        opened(data, tmp_path / "run")
