"""`speech2text train-lm`: texts and a bundle in, a bundle with a language model out; or one line that says why not."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import time
from dataclasses import replace

import pytest
import soundfile
from click.testing import CliRunner

from speech2text import load_model
from speech2text.bundle.manifest import ErrorRate, TextSource
from speech2text.bundle.store import open_bundle, read_manifest
from speech2text.bundle.writer import write_bundle
from speech2text.cli.app import application, main
from speech2text.cli.train_lm import WEIGHTS
from speech2text.text.tokenizer import SPECIAL_PIECES, Tokenizer
from tests.cli.conftest import COMMAND
from tests.tiny_bundle import LEVELS, tiny_files, tiny_manifest, tone

SMALL = ("--units", "8", "--steps", "3", "--threads", "1")


def merges_of(word):
    """What joins the letters of a word to one piece."""
    parts = ["▁", *word]
    return [("".join(parts[:number]), parts[number]) for number in range(1, len(parts))]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """The tiny bundle with pieces that texts can be turned into."""
    pieces = Tokenizer(
        (*SPECIAL_PIECES, *(f"▁{word}" for word in LEVELS)), [pair for word in LEVELS for pair in merges_of(word)]
    )
    files = {**tiny_files(), "pieces.json": json.dumps(pieces.to_json()).encode()}
    return write_bundle(tmp_path_factory.mktemp("bundles") / "tiny", tiny_manifest(), files).folder


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """Sentences of up to six words; `three` comes first and nowhere else."""
    draw = random.Random(0)
    lines = [" ".join(["three", *draw.choices(["one", "two"], k=draw.randint(0, 5))]) for _ in range(200)]
    file = tmp_path_factory.mktemp("texts") / "texts.txt"
    file.write_text("\n".join(lines))
    return file


@pytest.fixture
def train_lm(tmp_path, monkeypatch, capsys, bundle, texts):
    """Runs `train-lm ARGUMENTS --model BUNDLE` in an empty folder; gives exit code, output and notes, line by line."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        named = [str(each).format(bundle=bundle, texts=texts) for each in arguments]
        with pytest.raises(SystemExit) as stopped:
            main(["train-lm", "--model", str(bundle), *named])
        said = capsys.readouterr()
        return stopped.value.code, said.out.splitlines(), said.err.splitlines()

    return run


def test_the_whole_way_from_texts_to_a_bundle_that_transcribes(train_lm, texts, tmp_path):
    settings = ("--units", "16", "--steps", "100", "--lm-weight", "0.4", "--threads", "1")
    credit = ("--source", "made for a test", "--licence", "CC0-1.0")
    code, (fp32, int8), _ = train_lm("{texts}", "--output", "new", *settings, *credit)
    assert code == 0
    assert fp32.startswith("fp32: perplexity ") and int8.startswith("int8: perplexity ") and int8.endswith(" MB")
    exact, rounded = (float(line.split()[2]) for line in (fp32, int8))
    assert rounded == pytest.approx(exact, rel=0.02)
    new = open_bundle(tmp_path / "new")
    assert (new.manifest.language_model.layers, new.manifest.language_model.units) == (1, 16)
    assert new.manifest.decoding == replace(tiny_manifest().decoding, lm_weight=0.4)
    (source,) = new.manifest.language_model.texts
    assert source == TextSource("made for a test", source.words, "CC0-1.0")
    assert 0 < source.words < len(texts.read_text().split())  # some are held out
    card = (tmp_path / "new" / "README.md").read_text()
    assert f"| made for a test | {source.words} | CC0-1.0 |" in card
    assert new.manifest.wer == {}  # those of the old bundle were measured without
    inspected = CliRunner().invoke(application, ["inspect", "new"]).output
    assert "weight 0.4, 1 x 16 units, made of made for a test" in inspected
    assert load_model(tmp_path / "new").transcribe(tone("one", "two")).text == "one two"


def test_a_bundle_can_be_replaced_by_itself_with_a_language_model_and_by_another(train_lm, bundle, tmp_path):
    write_bundle(tmp_path / "mine", read_manifest(bundle), open_bundle(bundle).files)
    for weight in ("0", "0.1"):
        code, _, _ = train_lm("{texts}", "--model", "mine", "--output", "mine", "--lm-weight", weight, *SMALL)
        assert code == 0
        manifest = open_bundle(tmp_path / "mine").manifest
        assert manifest.decoding.lm_weight == float(weight)
        assert manifest.wer == (tiny_manifest().wer if weight == "0" else {})
        (source,) = manifest.language_model.texts
        assert (source.name, source.licence) == ("texts.txt", "not stated")


def test_a_manifest_chooses_the_weight(train_lm, tmp_path):
    soundfile.write(tmp_path / "a.wav", tone("one", "two"), 16_000)
    (tmp_path / "dev.jsonl").write_text(json.dumps({"audio": "a.wav", "text": "One, two!"}) + "\n")
    code, printed, _ = train_lm("{texts}", "--output", "new", "--manifest", "dev.jsonl", *SMALL)
    assert code == 0
    assert [line.split(",")[0] for line in printed[2:]] == [f"weight {weight:g}" for weight in WEIGHTS]
    assert all(re.fullmatch(r"weight .*, length bonus .*: WER .* %", line) for line in printed[2:])
    manifest = read_manifest(tmp_path / "new")
    assert (manifest.decoding.lm_weight, manifest.wer["dev"].wer) == (0, 0)  # the least of those that are equally good
    assert list(manifest.wer) == ["dev"]


def test_the_same_command_gives_the_same_model_and_every_option_of_training_another(train_lm, tmp_path):
    changes = [(), (), ("--units", "12"), ("--steps", "5"), ("--seed", "7"), ("--dropout", "0.7"), ("--bits", "4")]
    models = []
    for change in changes:
        code, printed, _ = train_lm("{texts}", "--output", "new", *SMALL, *change)
        assert code == 0
        assert printed[1].startswith("int4: " if "--bits" in change else "int8: ")
        models.append((tmp_path / "new" / "lm.onnx").read_bytes())
    assert models[0] == models[1]
    assert len(set(models)) == len(changes) - 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["{texts}"], 2, "Missing option '--output'"),
        (["{texts}", "--output", "new", "--dropout", "nan"], 2, "nan is not a finite number"),
        (["--output", "new"], 2, "Missing argument 'TEXTS...'"),
        (["none.txt", "--output", "new"], 1, "none.txt: no such text"),
        (["{texts}", "--model", "none", "--output", "new"], 1, "none: no such bundle"),
        (["empty.txt", "--output", "new"], 1, "at least two different sentences"),
        (["foreign.txt", "--output", "new"], 1, "is not among the model's pieces"),
        (["{texts}", "--output", "."], 1, ".: cannot be replaced, being where you are"),
        (["{texts}", "--output", "new", "--manifest", "no.jsonl"], 1, "no.jsonl: no such manifest"),
        (["{texts}", "--output", "new", "--manifest", "gone.jsonl"], 1, "gone.wav: no such file"),
        (["{texts}", "--output", "new", "--manifest", "cut.jsonl"], 1, "cut.wav: damaged or cut short"),
        (["{texts}", "--output", "empty.txt/new"], 1, "empty.txt/new: cannot be made"),
        (["{texts}", "--output", "new", "--lm-weight", "nan"], 2, "nan is not a finite number"),
        (["{texts}", "--output", "new", "--manifest", "a", "--lm-weight", "1"], 2, "--manifest chooses the weight"),
    ],
)
def test_what_cannot_be_done_is_one_line(train_lm, tmp_path, arguments, code, message):
    (tmp_path / "empty.txt").touch()
    (tmp_path / "gone.jsonl").write_text('{"audio": "gone.wav", "text": "one"}\n')
    soundfile.write(tmp_path / "cut.wav", tone("one"), 16_000)
    (tmp_path / "cut.wav").write_bytes((tmp_path / "cut.wav").read_bytes()[:8000])
    (tmp_path / "cut.jsonl").write_text('{"audio": "cut.wav", "text": "one"}\n')
    (tmp_path / "foreign.txt").write_text("\u4f60\u597d\n\u4e16\u754c\n")
    found, printed, said = train_lm(*arguments)
    assert (found, printed) == (code, [])
    assert message in said[-1]
    assert not (tmp_path / "new").exists()


def test_error_rates_of_the_language_model_that_goes_are_not_kept(train_lm, tmp_path):
    assert train_lm("{texts}", "--output", "old", "--lm-weight", "0.4", *SMALL)[0] == 0
    old = open_bundle(tmp_path / "old")
    write_bundle(old.folder, replace(old.manifest, wer={"dev": ErrorRate(0.1, 0.0, 0.2, 10)}), old.files)
    assert train_lm("{texts}", "--model", "old", "--output", "new", "--lm-weight", "0", *SMALL)[0] == 0
    assert read_manifest(tmp_path / "new").wer == {}


def test_texts_whose_name_is_no_text_are_named_all_the_same(train_lm, texts, tmp_path):
    name = os.fsdecode(b"caf\xe9.txt")
    (tmp_path / name).write_bytes(texts.read_bytes())
    assert train_lm(name, "--output", "new", *SMALL)[0] == 0
    (source,) = read_manifest(tmp_path / "new").language_model.texts
    assert source.name == name
    assert r"caf\udce9.txt" in (tmp_path / "new" / "README.md").read_text()


def test_lines_that_are_left_out_are_told(train_lm, tmp_path):
    (tmp_path / "more.txt").write_text("one four\n")
    code, _, said = train_lm("{texts}", "more.txt", "--output", "new", *SMALL)
    assert code == 0
    assert said[0].startswith("1 lines are left out, as more.txt:1: the character")


def test_ctrl_c_leaves_nothing_and_says_so(bundle, texts, tmp_path):
    command = [*COMMAND, "train-lm", str(texts), "--model", str(bundle), "--output", "new", "--steps", "1000000"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = [process.stderr.readline()]
        while not said[-1].startswith("step "):  # it trains
            said.append(process.stderr.readline())
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130
    assert rest.splitlines()[-1] == "stopped; nothing was written to new"
    assert list(tmp_path.iterdir()) == []
