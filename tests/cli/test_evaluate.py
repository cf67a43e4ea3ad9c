"""`speech2text evaluate` on tones that the tiny bundle hears exactly."""

import json

import pytest
import soundfile

from speech2text.cli.app import main
from tests.tiny_bundle import tone, write_tiny_bundle

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


def test_a_folder_of_sounds_with_texts_will_do(bundle, tmp_path, capsys):
    soundfile.write(tmp_path / "a.wav", tone("one"), 16000)
    (tmp_path / "a.txt").write_text("One.\n")
    soundfile.write(tmp_path / "untold.wav", tone("two"), 16000)
    code, report = run_json(capsys, tmp_path, "--model", bundle)
    assert code == 0
    assert (report["total"]["utterances"], report["total"]["words"]["rate"]) == (1, 0.0)


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
    assert summary == "1 of 5 utterances could not be read and are not in the figures"
    assert "4 utterances; 1 more could not be read and is not counted" in captured.out
    assert [json.loads(line)["id"] for line in output.read_text().splitlines()] == [row[0] for row in UTTERANCES]


def test_json_names_what_was_left_out(bundle, manifest, capsys):
    add_unreadable(manifest)
    code, report = run_json(capsys, manifest, "--model", bundle)
    assert code == 1
    assert [row["id"] for row in report["excluded"]] == ["bad"]
    assert report["total"]["words"]["reference"] == 6


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
    assert report["total"]["utterances"] == 4


@pytest.mark.parametrize("seconds", ["0", "-1", "inf", "nan"])
def test_a_chunk_of_no_length_is_a_wrong_use(bundle, manifest, seconds):
    assert run(manifest, "--model", bundle, "--chunk", seconds) == 2
