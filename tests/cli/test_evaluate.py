"""`speech2text evaluate` on tones that the tiny bundle hears exactly."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speech2text.audio.utterances import read_utterances
from speech2text.bundle.writer import write_bundle
from speech2text.cli.app import main
from tests.runtime.test_language_model import GRAPH, SHAPE
from tests.tiny_bundle import LEVELS, tiny_files, tiny_manifest, tone, write_tiny_bundle

UTTERANCES = [
    ("right", ("one", "two", "three"), "One, two, THREE!", "ann", "x"),
    ("wrong", ("one", "two"), "one three", "bob", "x"),
    ("missed", ("", ""), "two", "bob", "y"),
    ("invented", ("three",), "", "ann", "y"),
]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    write_tiny_bundle(folder)
    return str(folder)


@pytest.fixture
def manifest(tmp_path):
    rows = []
    for id, words, text, speaker, corpus in UTTERANCES:
        soundfile.write(tmp_path / f"{id}.wav", tone(*words), 16000, subtype="FLOAT")
        rows.append({"id": id, "audio": f"{id}.wav", "text": text, "speaker": speaker, "corpus": corpus})
    path = tmp_path / "set.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def add_unreadable(manifest):
    """A row in the middle of the manifest whose file is no sound."""
    (manifest.parent / "bad.wav").write_bytes(b"hello, I am text")
    lines = manifest.read_text().splitlines(keepends=True)
    lines.insert(1, json.dumps({"id": "bad", "audio": "bad.wav", "text": "one"}) + "\n")
    manifest.write_text("".join(lines))


def add_damaged(manifest):
    """Rows of what fails only while it is read: a recording cut short, and one that is no number in its middle."""
    broken = tone("one", "two", "three")
    broken[len(broken) // 2] = np.nan
    soundfile.write(manifest.parent / "broken.wav", broken, 16000, subtype="FLOAT")
    cut = manifest.parent / "cut.wav"
    soundfile.write(cut, tone("one", "two", "three"), 16000, subtype="FLOAT")
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    with manifest.open("a") as rows:
        for id in ("broken", "cut"):
            rows.write(json.dumps({"id": id, "audio": f"{id}.wav", "text": "one two three"}) + "\n")


def run(*arguments):
    """The exit code."""
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", *map(str, arguments)])
    return stop.value.code


def run_json(capsys, *arguments):
    code = run(*arguments, "--format", "json")
    return code, json.loads(capsys.readouterr().out)


def test_json_has_the_error_rates_of_the_set(bundle, manifest, capsys):
    code, report = run_json(capsys, manifest, "--model", bundle)
    assert code == 0
    assert report["total"]["utterances"] == 4
    assert report["total"]["words"] == {
        "rate": pytest.approx(3 / 6), "reference": 6, "substitutions": 1, "deletions": 1, "insertions": 1,
    }  # fmt: skip
    assert [group["name"] for group in report["by_corpus"]] == ["x", "y"]
    assert [group["name"] for group in report["by_speaker"]] == ["x/ann", "x/bob", "y/ann", "y/bob"]
    assert report["total"]["wer_interval"]["resampled"] == "speakers"
    assert report["excluded"] == []


def test_the_text_report_has_the_rates_and_the_differences(bundle, manifest, capsys):
    assert run(manifest, "--model", bundle) == 0
    captured = capsys.readouterr()
    assert "50.0" in captured.out
    assert "one [-three-]{+two+}" in captured.out
    assert captured.err == ""
    assert max(map(len, captured.out.splitlines())) <= 80


@pytest.mark.parametrize(("worst", "shown"), [(0, 0), (2, 2), (5, 3)])
def test_worst_says_how_many_utterances_are_shown(bundle, manifest, capsys, worst, shown):
    run(manifest, "--model", bundle, "--worst", worst)
    assert capsys.readouterr().out.count(" said\n") == shown


def test_output_has_a_row_for_each_utterance_in_the_order_of_the_manifest(bundle, manifest, tmp_path, capsys):
    output = tmp_path / "hyp.jsonl"
    assert run(manifest, "--model", bundle, "--output", output) == 0
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert [(row["id"], row["text"], row["hypothesis"]) for row in rows] == [
        ("right", "one two three", "one two three"),
        ("wrong", "one three", "one two"),
        ("missed", "two", ""),
        ("invented", "", "three"),
    ]
    assert [row["errors"]["substitutions"] for row in rows] == [0, 1, 0, 0]
    assert [row["errors"]["rate"] for row in rows] == [0.0, 0.5, 1.0, None]


def test_the_rows_are_there_when_the_report_cannot_be_printed(speech2text, bundle, manifest, tmp_path, full_disk):
    for number, report_format in enumerate(("text", "json")):
        output = tmp_path / f"hyp{number}.jsonl"
        arguments = ("--model", bundle, "--output", output, "--format", report_format)
        done = speech2text("evaluate", manifest, *arguments, stdout=full_disk, stderr=subprocess.PIPE)
        assert done.stderr == "error: standard output: No space left on device; free space or write elsewhere\n"
        assert len(output.read_text().splitlines()) == 4


def test_a_folder_of_sounds_with_texts_will_do(bundle, tmp_path, capsys):
    soundfile.write(tmp_path / "a.wav", tone("one"), 16000)
    (tmp_path / "a.txt").write_text("One.\n")
    soundfile.write(tmp_path / "untold.wav", tone("two"), 16000)
    code, report = run_json(capsys, tmp_path, "--model", bundle)
    assert code == 0
    assert (report["total"]["utterances"], report["total"]["words"]["rate"]) == (1, 0.0)


def test_earlier_rows_stay_when_nothing_can_be_read(bundle, tmp_path):
    (tmp_path / "gone.jsonl").write_text(json.dumps({"audio": "gone.wav", "text": "one"}) + "\n")
    (tmp_path / "hyp.jsonl").write_text("of an earlier evaluation\n")
    assert run(tmp_path / "gone.jsonl", "--model", bundle, "--output", tmp_path / "hyp.jsonl") == 1
    assert (tmp_path / "hyp.jsonl").read_text() == "of an earlier evaluation\n"


@pytest.mark.parametrize("threads", ["1", "3"])
def test_an_unreadable_file_is_reported_and_harms_no_other(bundle, manifest, tmp_path, capsys, threads):
    add_unreadable(manifest)
    output = tmp_path / "hyp.jsonl"
    code = run(manifest, "--model", bundle, "--threads", threads, "--output", output)
    captured = capsys.readouterr()
    assert code == 1
    reported, summary = captured.err.splitlines()
    assert reported.startswith("error: ")
    assert "bad.wav" in reported
    assert summary == "1 of 5 utterances could not be used and are not in the figures"
    assert "4 utterances; 1 more could not be used and is not counted" in captured.out
    assert [json.loads(line)["id"] for line in output.read_text().splitlines()] == [row[0] for row in UTTERANCES]


def test_json_names_what_was_left_out(bundle, manifest, capsys):
    add_unreadable(manifest)
    code, report = run_json(capsys, manifest, "--model", bundle)
    assert code == 1
    assert [row["id"] for row in report["excluded"]] == ["bad"]
    assert report["total"]["words"]["reference"] == 6


@pytest.mark.parametrize("options", [(), ("--threads", 2), ("--snr", 60)], ids=["alone", "threads", "noise"])
def test_what_can_be_read_in_part_only_is_no_mistake_of_the_model(bundle, manifest, capsys, options):
    _, whole = run_json(capsys, manifest, "--model", bundle)
    add_damaged(manifest)
    code, report = run_json(capsys, manifest, "--model", bundle, *options)
    assert code == 1
    assert report["total"] == whole["total"]
    assert [row["id"] for row in report["excluded"]] == ["broken", "cut"]
    assert "cut.wav: damaged or cut short" in report["excluded"][1]["error"]


def test_a_set_without_a_readable_file_has_no_rate(bundle, tmp_path, capsys):
    (tmp_path / "set.jsonl").write_text('{"audio": "gone.wav", "text": "one"}\n')
    code, report = run_json(capsys, tmp_path / "set.jsonl", "--model", bundle)
    assert code == 1
    assert report["total"]["words"]["rate"] is None


def test_json_says_what_made_the_figures(bundle, manifest, capsys):
    _, report = run_json(capsys, manifest, "--model", bundle)
    assert (report["manifest"], report["model"], report["beam_size"]) == (str(manifest), "tiny", 4)
    _, report = run_json(capsys, manifest, "--model", bundle, "--beam-size", 2)
    assert report["beam_size"] == 2


def test_hearing_at_several_speeds_is_named_in_the_report(manifest, capsys, tmp_path):
    bundle = write_bundle(tmp_path / "several", tiny_manifest(other_speeds=(0.95, 1.05)), tiny_files()).folder
    for options, speeds in (((), [0.95, 1.05]), (("--once",), []), (("--search", "ctc"), [])):
        assert run_json(capsys, manifest, "--model", bundle, *options)[1]["other_speeds"] == speeds


@pytest.mark.parametrize("option", [("--once",), ("--beam-size", "2"), ("--lm-weight", "0.1")])
def test_settings_of_the_joint_search_are_a_wrong_use_of_another(bundle, manifest, capsys, option):
    assert run(manifest, "--model", bundle, "--search", "ctc", *option) == 2
    assert "are for the joint search, not for --search ctc" in capsys.readouterr().err


def test_threads_change_nothing(bundle, manifest, capsys):
    assert run_json(capsys, manifest, "--model", bundle) == run_json(
        capsys, manifest, "--model", bundle, "--threads", 4
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{folder}/none.jsonl"], "no such manifest or folder"),
        (["{folder}/set.jsonl", "--output", "{folder}/none/hyp.jsonl"], "its folder does not exist"),
        (["{folder}/set.jsonl", "--model", "{folder}/none"], "none"),
    ],
    ids=["manifest", "output", "model"],
)
def test_what_cannot_work_is_one_line(manifest, arguments, message, capsys):
    assert run(*(argument.format(folder=manifest.parent) for argument in arguments)) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert message in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("options", [("--search", "ctc"), ("--search", "attention"), ("--chunk", "0.5")])
def test_other_ways_of_hearing_are_named_in_the_report(bundle, manifest, capsys, options):
    code, report = run_json(capsys, manifest, "--model", bundle, *options)
    assert code == 0
    assert str(report[{"--search": "search", "--chunk": "chunk_seconds"}[options[0]]]) == options[1]
    assert report["beam_size"] == (4 if report["search"] == "joint" else None)
    assert report["total"]["utterances"] == 4


@pytest.mark.parametrize("seconds", ["0", "-1", "inf", "nan"])
def test_a_chunk_of_no_length_is_a_wrong_use(bundle, manifest, seconds):
    assert run(manifest, "--model", bundle, "--chunk", seconds) == 2


def rates(variants):
    return {variant["name"]: variant["total"]["words"]["rate"] for variant in variants}


def test_against_another_bundle_tells_the_difference(bundle, manifest, capsys):
    code, report = run_json(capsys, manifest, "--model", bundle, "--against", bundle)
    assert code == 0
    against = report["against"]
    assert (against["name"], against["difference"], against["probability_better"]) == ("tiny", 0.0, 0.5)
    assert against["interval"]["resampled"] == "speakers"


def test_against_what_was_recognised_before(bundle, manifest, tmp_path, capsys):
    before = tmp_path / "hyp.jsonl"
    run(manifest, "--model", bundle, "--output", before)
    rows = [json.loads(line) for line in before.read_text().splitlines()]
    before.write_text("".join(json.dumps(row | {"hypothesis": "zzz"}) + "\n" for row in reversed(rows)))
    capsys.readouterr()
    _, report = run_json(capsys, manifest, "--model", bundle, "--against", before)
    assert report["against"]["total"]["words"]["rate"] == pytest.approx(7 / 6)
    assert report["against"]["difference"] == pytest.approx(3 / 6 - 7 / 6)
    assert run(manifest, "--model", bundle, "--against", before) == 0
    printed = capsys.readouterr().out
    assert "difference of the WER: -66.67 points" in printed
    assert max(len(line) for line in printed.splitlines() if not line.startswith("against ")) <= 80


def test_what_another_recogniser_wrote_is_normalised(bundle, manifest, tmp_path, capsys):
    before = tmp_path / "hyp.jsonl"
    run(manifest, "--model", bundle, "--output", before)
    rows = [json.loads(line) for line in before.read_text().splitlines()]
    shown = [{"id": row["id"], "hypothesis": row["hypothesis"].upper() + "."} for row in rows]
    before.write_text("\ufeff" + "".join(json.dumps(row) + "\n" for row in shown), encoding="utf-8")
    capsys.readouterr()
    _, report = run_json(capsys, manifest, "--model", bundle, "--against", before)
    assert report["against"]["difference"] == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"id": "right", "hypothesis": ""}\n{"id": "wrong", "hypothesis": ""}\n', "lacks missed, invented, 2 of 4"),
        ("", "lacks right, wrong, missed and 1 more, 4 of 4 utterances"),
        ('{"id": "right"}\n', "hyp.jsonl:1: no row with"),
        ("[]\n", "hyp.jsonl:1: no row with"),
        ('{"id": ["a"], "hypothesis": ""}\n', "hyp.jsonl:1: no row with"),
        ('{"id": "right", "hypothesis": 3}\n', "hyp.jsonl:1: no row with"),
        ("\n{", "hyp.jsonl:2: no row with"),
        ("[" * 100_000, "hyp.jsonl:1: no row with"),
        ('{"id": "right", "hypothesis": "", "text": 3}\n', "hyp.jsonl:1: no row with"),
        ('{"id": "a", "hypothesis": ""}\n' * 2, "hyp.jsonl:2: the id 'a' stands twice"),
    ],
)
def test_a_file_that_is_no_rival_is_one_line(bundle, manifest, tmp_path, capsys, *, content, message):
    (tmp_path / "hyp.jsonl").write_text(content)
    assert run(manifest, "--model", bundle, "--against", tmp_path / "hyp.jsonl") == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1


def test_a_rival_that_heard_other_texts_is_one_line(bundle, manifest, tmp_path, capsys):
    before = tmp_path / "hyp.jsonl"
    run(manifest, "--model", bundle, "--output", before)
    before.write_text(before.read_text().replace('"text": "one', '"text": "three', 1))
    assert run(manifest, "--model", bundle, "--against", before) == 1
    assert re.search(
        r"^error: .*hyp.jsonl: the text of .* there and 'one.* here; write it again", capsys.readouterr().err
    )


def test_a_rival_whose_language_keeps_accents_heard_the_same_texts(bundle, manifest, tmp_path, capsys):
    before = tmp_path / "hyp.jsonl"
    run(manifest, "--model", bundle, "--output", before)
    before.write_text(before.read_text().replace('"text": "one', '"text": "oné', 1))
    spoken = [{**json.loads(line), "lang": "en"} for line in manifest.read_text().splitlines()]
    manifest.write_text("".join(json.dumps(row) + "\n" for row in spoken))
    assert run(manifest, "--model", bundle, "--against", before) == 0


def test_what_cannot_be_read_is_asked_of_no_rival(bundle, manifest, tmp_path, capsys):
    with manifest.open("a") as rows:
        rows.write(json.dumps({"audio": "gone.wav", "text": "one"}) + "\n")
    add_damaged(manifest)
    assert run(manifest, "--model", bundle, "--output", tmp_path / "rows.jsonl") == 1
    assert run(manifest, "--model", bundle, "--against", tmp_path / "rows.jsonl") == 1
    assert "difference of the WER: 0.00 points" in capsys.readouterr().out.replace("+", "")


def test_a_page_plays_a_long_recording_and_does_not_draw_it(bundle, tmp_path, capsys):
    soundfile.write(tmp_path / "long.wav", tone(*["one"] * 400, seconds=0.5), 16_000)
    (tmp_path / "long.txt").write_text("one " * 400)
    assert run(tmp_path, "--model", bundle, "--html", tmp_path / "page.html") == 0
    page = (tmp_path / "page.html").read_text()
    assert "<audio" in page
    assert "<image" not in page


def test_a_rival_that_is_not_there_is_one_line(bundle, manifest, tmp_path, capsys):
    assert run(manifest, "--model", bundle, "--against", tmp_path / "none.jsonl") == 1
    assert "none.jsonl: cannot be read" in capsys.readouterr().err


def test_a_column_for_each_search(bundle, manifest, capsys):
    _, report = run_json(capsys, manifest, "--model", bundle, "--compare-searches")
    compared = rates(report["searches"])
    assert list(compared) == ["CTC greedy", "attention", "joint"], "the tiny bundle has no language model"
    assert compared["joint"] == report["total"]["words"]["rate"]
    _, other = run_json(capsys, manifest, "--model", bundle, "--compare-searches", "--search", "attention")
    assert rates(other["searches"]) == compared
    assert other["total"]["words"]["rate"] == compared["attention"]
    run(manifest, "--model", bundle, "--compare-searches")
    assert "CTC greedy" in capsys.readouterr().out


def test_names_from_a_manifest_stay_in_their_line(bundle, manifest, capsys):
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    for number, row in enumerate(rows):
        row["corpus"] = ("tones", "a\nb\x1b[31m")[number % 2]
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run(manifest, "--model", bundle, "--compare-searches", "--snr", "60")
    printed = capsys.readouterr().out
    assert r"WER % a\nb" in printed
    assert "\x1b" not in printed


def test_levels_that_are_printed_alike_are_one(bundle, manifest, capsys):
    _, report = run_json(capsys, manifest, "--model", bundle, "--snr", "60.0000001,60")
    assert list(rates(report["noise"]["levels"])) == ["clean", "60 dB"]


def test_noise_takes_words_away_and_the_same_ones_each_time(bundle, manifest, capsys):
    found = [run_json(capsys, manifest, "--model", bundle, "--snr", "60,-20")[1] for _ in range(2)]
    assert found[0] == found[1]
    assert found[0]["noise"]["source"] == "pink noise, generated"
    levels = rates(found[0]["noise"]["levels"])
    assert list(levels) == ["clean", "60 dB", "-20 dB"]
    assert levels["clean"] == levels["60 dB"] == found[0]["total"]["words"]["rate"]
    assert levels["-20 dB"] > levels["clean"]
    run(manifest, "--model", bundle, "--snr", "60,-20")
    printed = capsys.readouterr().out
    assert "noise: pink noise, generated" in printed
    assert max(map(len, printed.splitlines())) <= 80


def test_noise_of_clips(bundle, manifest, tmp_path, capsys):
    folder = tmp_path / "noise"
    folder.mkdir()
    soundfile.write(folder / "hum.wav", tone("one", "two"), 16000)
    _, report = run_json(capsys, manifest, "--model", bundle, "--snr", "0", "--noise", folder)
    assert report["noise"]["source"] == f"1 clip of {folder}"
    _, generated = run_json(capsys, manifest, "--model", bundle, "--snr", "0")
    assert generated["noise"]["levels"] != report["noise"]["levels"]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda sound: b"hello, I am text", "noise: "),
        (lambda sound: sound[: len(sound) // 2], "hum.wav: damaged or cut short"),
        (lambda sound: sound[:44] + bytes(len(sound) - 44), "hum.wav: no sound in it"),
    ],
    ids=["no sound file", "cut short", "silent"],
)
def test_noise_that_cannot_be_used_stops_everything_before_the_work(
    bundle, manifest, tmp_path, monkeypatch, capsys, *, damage, message
):
    monkeypatch.setattr("speech2text.cli.evaluating.hear_all", None)
    folder = tmp_path / "noise"
    folder.mkdir()
    for name in ("air", "hum", "sea"):
        soundfile.write(folder / f"{name}.wav", tone("one"), 16000)
    (folder / "hum.wav").write_bytes(damage((folder / "hum.wav").read_bytes()))
    assert run(manifest, "--model", bundle, "--snr", "0", "--noise", folder) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    "options",
    [
        ("--noise", "x"),
        ("--snr", "loud"),
        ("--snr", "10,"),
        ("--snr", "nan"),
        ("--snr", "inf"),
        ("--snr", "1000"),
        ("--snr", "-31"),
    ],
)
def test_noise_without_a_level_is_a_wrong_use(bundle, manifest, options):
    assert run(manifest, "--model", bundle, *options) == 2


def test_threads_change_nothing_of_what_is_compared(bundle, manifest, capsys):
    options = ("--model", bundle, "--snr", "5", "--compare-searches", "--against", bundle)
    assert run_json(capsys, manifest, *options) == run_json(capsys, manifest, *options, "--threads", 4)


def test_the_page_has_the_figures_and_players_for_the_worst(bundle, manifest, tmp_path, capsys):
    pytest.importorskip("librosa")
    page = tmp_path / "page.html"
    assert run(manifest, "--model", bundle, "--snr", "0", "--against", bundle, "--html", page, "--html-players", 2) == 0
    assert capsys.readouterr().err == f"{page}: 2 utterances without player and picture; --html-players gives more\n"
    text = page.read_text(encoding="utf-8")
    assert text.count("<audio ") == text.count('class="recording"') == 2
    assert text.count("<article ") == 4
    assert "data:audio/ogg;base64," in text
    assert "data:image/webp;base64," in text
    assert "pink noise, generated" in text


def test_a_page_without_its_libraries_says_what_to_install(bundle, manifest, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "librosa", None)
    assert run(manifest, "--model", bundle, "--html", tmp_path / "page.html") == 1
    assert capsys.readouterr().err == "error: --html needs the package 'librosa': pip install 'speech2text[html]'\n"


def test_only_what_looks_like_a_result_is_replaced(bundle, manifest, tmp_path, capsys):
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("mine")
    for option, suffix in (("--output", ".jsonl"), ("--html", ".html")):
        assert run(manifest, "--model", bundle, option, thesis) == 1
        assert f"thesis.txt: is there, and only a {suffix} file would be replaced" in capsys.readouterr().err
    assert thesis.read_text() == "mine"


@pytest.mark.parametrize(
    "options",
    [
        ("--output", "MANIFEST"),
        ("--html", "MANIFEST"),
        ("--output", "rows.jsonl", "--html", "rows.jsonl"),
        ("--output", "before.jsonl", "--against", "before.jsonl"),
        ("--output", "before.jsonl", "--snr", "10", "--noise", "before.jsonl"),
        ("--output", "before.jsonl", "--hotwords-file", "before.jsonl"),
        ("--output", "RECORDING"),
        ("--html", "BUNDLE/manifest.json"),
    ],
)
def test_nothing_is_written_over_what_the_command_reads_or_writes(
    bundle, manifest, tmp_path, monkeypatch, capsys, *, options
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "before.jsonl").write_text("mine")
    before = manifest.read_text()
    places = {
        "MANIFEST": manifest,
        "RECORDING": read_utterances(manifest)[0].audio,
        "BUNDLE/manifest.json": Path(bundle) / "manifest.json",
    }
    assert run(manifest, "--model", bundle, *(places.get(part, part) for part in options)) == 1
    assert "would be written over what this command reads or writes" in capsys.readouterr().err
    assert (manifest.read_text(), (tmp_path / "before.jsonl").read_text()) == (before, "mine")


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="no folder here that nobody can write to")  # noqa: PTH112
def test_what_cannot_be_written_takes_no_report_away(bundle, manifest, capsys):
    assert run(manifest, "--model", bundle, "--output", "/proc/rows.jsonl") == 1
    said = capsys.readouterr()
    assert "words (WER)" in said.out
    assert "/proc/rows.jsonl: cannot be written" in said.err


def test_a_page_without_its_folder_is_refused_before_the_work(bundle, manifest, tmp_path, capsys):
    assert run(manifest, "--model", bundle, "--html", tmp_path / "none" / "page.html") == 1
    assert "its folder does not exist" in capsys.readouterr().err


@pytest.fixture
def with_lm(tmp_path):
    """The tiny bundle with a language model that likes the word "two", for which it was tuned."""
    tuned = replace(tiny_manifest(lm_weight=2.0), language_model=SHAPE)
    return write_bundle(tmp_path / "lm", tuned, {**tiny_files(), "lm.onnx": GRAPH}).folder


@pytest.fixture
def unclear(tmp_path):
    """An utterance between the loudness of "one" and of "two", a little nearer to "one"; "two" is said."""
    level = LEVELS["one"] ** 0.52 * LEVELS["two"] ** 0.48
    sound = tone("", "", "", "", "one", "", "", "", seconds=0.04) * level / LEVELS["one"]
    soundfile.write(tmp_path / "x.wav", sound, 16000, subtype="FLOAT")
    (tmp_path / "x.jsonl").write_text('{"audio": "x.wav", "text": "two"}\n')
    return tmp_path / "x.jsonl"


@pytest.mark.parametrize(("options", "rate"), [((), 0.0), (("--lm-weight", 0), 1.0), (("--search", "ctc"), 1.0)])
def test_a_language_model_has_a_column_of_its_own(with_lm, unclear, capsys, options, rate):
    _, report = run_json(capsys, unclear, "--model", with_lm, "--compare-searches", *options)
    assert report["total"]["words"]["rate"] == rate
    compared = rates(report["searches"])
    if "--lm-weight" in options:
        assert list(compared) == ["CTC greedy", "attention", "joint"]
    else:
        assert (compared["CTC greedy"], compared["joint"], compared["joint + LM"]) == (1.0, 1.0, 0.0)


def test_hot_words_change_the_figures(bundle, unclear, tmp_path, capsys):
    (tmp_path / "hot.txt").write_text("two\n")
    hot = ("--hotwords-file", tmp_path / "hot.txt", "--hotwords-score")
    found = [run_json(capsys, unclear, "--model", bundle, *hot, score)[1] for score in (0, 2)]
    assert [report["total"]["words"]["rate"] for report in found] == [1.0, 0.0]
    assert found[0]["hotwords"] == str(tmp_path / "hot.txt")


def test_hot_words_of_a_pipe_are_those_of_all_that_hear(bundle, unclear, capsys):
    read, write = os.pipe()
    os.write(write, b"two\n")
    os.close(write)
    hot = ("--hotwords-file", f"/dev/fd/{read}", "--hotwords-score", 2)
    code, report = run_json(capsys, unclear, "--model", bundle, *hot, "--against", bundle)
    os.close(read)
    assert code == 0
    assert report["against"]["total"]["words"]["rate"] == report["total"]["words"]["rate"] == 0.0


def test_the_worst_are_of_the_report_to_read(bundle, manifest, capsys):
    assert run(manifest, "--model", bundle, "--format", "json", "--worst", 3) == 2
    assert "--format json has every utterance" in capsys.readouterr().err


def test_rows_are_for_a_file(bundle, manifest, capsys):
    assert run(manifest, "--model", bundle, "-o", "-") == 2
    assert "name a file instead of -" in capsys.readouterr().err


def test_players_are_for_a_page(bundle, manifest, capsys):
    assert run(manifest, "--model", bundle, "--html-players", 3) == 2
    assert "it needs --html" in capsys.readouterr().err


@pytest.mark.parametrize("option", [("--lm-weight", "0.5"), ("--hotwords-file", "hot.txt"), ("--beam-size", "2")])
def test_greedy_searches_take_no_settings_of_the_joint_one(bundle, manifest, option, capsys):
    assert run(manifest, "--model", bundle, "--search", "ctc", *option) == 2
    assert "for the joint search" in capsys.readouterr().err


def test_an_id_steers_no_terminal(bundle, manifest, capsys):
    manifest.write_text(manifest.read_text().replace('"wrong"', '"wr\\u001b[31mong\\n"'))
    assert run(manifest, "--model", bundle) == 0
    printed = capsys.readouterr().out
    assert "\x1b[31m" not in printed
    assert r"wr\x1b[31mong\n: " in printed


def test_an_empty_name_of_a_rival_is_told(bundle, manifest, capsys):
    assert run(manifest, "--model", bundle, "--against", "") == 2
    assert "the name is empty" in capsys.readouterr().err
