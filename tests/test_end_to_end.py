"""The whole chain by the real commands: a small model learns ten utterances by heart, is exported, and says them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import soundfile

from speech2text import load_model
from speech2text.audio.files import read_audio
from speech2text.bundle.manifest import Decoding
from speech2text.decoding.beam import beam_search
from speech2text.training.checkpoint import load_run
from tests.songs import TEXTS, say, speech2text
from tests.torch_recognition import TorchListener, TorchSpeller

LONG = "four three one two"


@pytest.fixture(scope="module")
def int8(run: Path, recordings: Path) -> Path:
    bundle = run.with_name("int8")
    done = speech2text("export", run, bundle, "--int8", "--manifest", recordings)
    assert [line.split(" %")[0] for line in done.stdout.splitlines()] == ["fp32: WER 0.00", "int8: WER 0.00"]
    return bundle


@pytest.fixture(scope="module", params=["fp32", "int8"])
def bundle(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.getfixturevalue(request.param)
    return folder


def hear_by_torch(run: Path, recording: Path, search: Decoding) -> str:
    """The text of the model as it was trained, without any graph."""
    trained = load_run(run)
    memory = TorchListener(trained.model).listen(read_audio(recording))
    found = beam_search(memory, TorchSpeller(trained.model), search.beam_size, search.ctc_weight, search.length_bonus)
    return trained.tokenizer.decode(found[0].tokens)


def test_it_says_what_it_was_trained_on(bundle, recordings):
    lines = speech2text("transcribe", recordings, "--model", bundle).stdout.splitlines()
    assert len(lines) == len(TEXTS)
    for line in lines:
        name, text = line.split("\t")
        assert text == Path(name).with_suffix(".txt").read_text()


def test_torch_bundle_command_and_python_say_the_same(run, fp32, recordings):
    model = load_model(fp32)
    for recording in sorted(recordings.glob("*.wav")):
        by_torch = hear_by_torch(run, recording, model.decoding)
        samples, rate = soundfile.read(recording, dtype="float32")
        assert model.recognise(read_audio(recording)).text == by_torch
        assert model.transcribe(recording).text == by_torch
        assert model.transcribe(samples, sample_rate=rate).text == by_torch
    assert speech2text("transcribe", recording, "--model", fp32).stdout == f"{by_torch}\n"


def test_every_format_is_that_of_python(bundle, recordings, tmp_path):
    recording = recordings / f"{LONG.replace(' ', '-')}.wav"
    speech2text("transcribe", recording, "--model", bundle, "--output-dir", tmp_path, "--format", "all")
    transcript = load_model(bundle).transcribe(recording)
    assert transcript.text == LONG
    written = {file.suffix.removeprefix("."): file.read_text(encoding="utf-8") for file in tmp_path.iterdir()}
    assert written == {
        name: getattr(transcript, f"to_{name}")() for name in ("txt", "srt", "vtt", "tsv", "json", "jsonl")
    }
    assert json.loads(written["json"])["text"] == LONG


def test_words_are_where_they_were_said(bundle):
    transcript = load_model(bundle).transcribe(say(LONG))
    assert [word.text for word in transcript.words] == LONG.split()
    for number, word in enumerate(transcript.words):
        middle = 0.1 + 0.4 * number + 0.15
        assert abs((word.start + word.end) / 2 - middle) < 0.25, word


def test_its_error_rate_is_none(bundle, recordings, tmp_path):
    done = speech2text(
        "evaluate", recordings, "--model", bundle, "--format", "json", "--output", tmp_path / "hyp.jsonl"
    )
    report = json.loads(done.stdout)
    assert report["total"]["utterances"] == len(TEXTS)
    assert report["total"]["words"]["rate"] == 0
    rows = [json.loads(line) for line in (tmp_path / "hyp.jsonl").read_text().splitlines()]
    assert sorted(row["hypothesis"] for row in rows) == sorted(TEXTS)


def test_the_bundle_is_sound_and_says_what_it_is(bundle):
    assert "broken" not in speech2text("doctor", bundle).stdout
    shown = speech2text("inspect", bundle).stdout
    assert shown.startswith("my-model: Trained with the default recipe")
    assert f"M, {bundle.name}\n" in shown
    assert "sample.flac: " in shown


def test_int8_is_smaller(fp32, int8):
    assert (int8 / "listener.onnx").stat().st_size < (fp32 / "listener.onnx").stat().st_size
