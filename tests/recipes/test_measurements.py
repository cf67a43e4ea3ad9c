"""Every measurement runs on manifests as people have them, and prints figures: capitals, accents, several speakers."""

import json
import re
import sys
from importlib import import_module
from math import floor

import numpy as np
import pytest
import soundfile

from recipes.measurements import calibration, live, nonspeech, pauses, silence, times
from recipes.measurements.calibration import HeardWord
from recipes.measurements.joining import join
from speech2text import load_model
from speech2text.audio.files import read_audio
from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.audio.utterances import read_utterances
from speech2text.bundle.manifest import Confidence, ErrorRate
from speech2text.bundle.store import open_bundle
from speech2text.errors import ManifestError
from speech2text.runtime.guards import evidence
from speech2text.runtime.loudness import FRAME
from speech2text.runtime.segmenter import Segmenter
from speech2text.text.normalization import normalize
from speech2text.text.transcript import Word
from tests.tiny_bundle import LEVELS, tone, write_tiny_bundle

TEXTS = ("One two", "Two, one!", "Three one two", "Two three", "Óne", "Three")
SOUNDS = ("one two", "two one", "three one two", "two three", "two", "three")
"""One word of 11 is said wrong. Two speakers take turns, so the first has all errors: 1 in 6, and the other 0 in 5."""
ROUNDS = 4
WORDS, ERRORS = 44, 4


@pytest.fixture
def files(tmp_path):
    """A bundle and manifests, by what stands for them in the options of a script."""
    spoken = {"speaker": "ab", "corpus": ["tones"], "lang": ["en"]}
    rare = ("one", "two", "three", "three", "one"), ("one", "two", "three", "one", "three")
    return {
        "TINY": write_tiny_bundle(tmp_path / "tiny").folder,
        "SPOKEN": write_manifest(tmp_path / "spoken.jsonl", TEXTS * ROUNDS, SOUNDS * ROUNDS, **spoken),
        "WORDS": write_manifest(tmp_path / "words.jsonl", tuple(LEVELS), tuple(LEVELS)),
        "SILENT": write_manifest(tmp_path / "silent.jsonl", ("one",), ("nothing",)),
        "FOREIGN": write_manifest(tmp_path / "foreign.jsonl", ("zebra",), ("one",)),
        "ROOMS": write_responses(tmp_path / "rooms"),
        "RARE": write_manifest(tmp_path / "rare.jsonl", *rare),
        "NOISE": write_manifest(
            tmp_path / "noise.jsonl", ("", ""), ("one", "two"), **{"class": ["tone"], "fold": [4, 5]}
        ),
    }


@pytest.fixture
def run(files, monkeypatch, capsys):
    """Runs a script of recipes/ and gives what it prints."""

    def run_script(name, options):
        for word, file in files.items():
            options = [option.replace(word, str(file)) for option in options]
        monkeypatch.setattr(sys, "argv", [name, *options])
        import_module(f"recipes.{name}").main()
        return capsys.readouterr().out

    return run_script


def write_manifest(path, texts, sounds, **columns):
    """Tones that read as the sounds, whose rows have the texts and values of each column in turn."""
    rows = []
    for number, (text, sound) in enumerate(zip(texts, sounds, strict=True)):
        audio = path.with_name(f"{path.stem}-{number}.wav")
        soundfile.write(audio, tone(*sound.split()), SAMPLE_RATE)
        values = {name: values[number % len(values)] for name, values in columns.items()}
        rows.append({"audio": audio.name, "text": text, **values})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_responses(folder):
    """Of a room without an echo, where the sound takes its time, and of one with an echo as loud as the sound."""
    folder.mkdir()
    for name, places in {"near": [100], "hall": [100, 100 + SAMPLE_RATE // 10]}.items():
        response = np.zeros(SAMPLE_RATE // 4, np.float32)
        response[places] = 0.5
        soundfile.write(folder / f"{name}.wav", response, SAMPLE_RATE)
    return folder


def test_the_sounds_are_those_of_the_texts_but_for_one():
    texts = [normalize(text, "en") for text in TEXTS]
    assert [(text, sound) for text, sound in zip(texts, SOUNDS, strict=True) if text != sound] == [("one", "two")]
    assert ROUNDS * len(" ".join(texts).split()) == WORDS


@pytest.mark.parametrize(
    ("name", "options", "printed"),
    [
        (
            "measurements.beams",
            ["--bundle=TINY", "--clips=1", "--rounds=1", "SPOKEN"],
            [
                "| 1 | 9.09 | 0.00 to 16.67 | +0.00, +0.00 to +0.00 |",
                "| 32 | 9.09 | 0.00 to 16.67 | +0.00, +0.00 to +0.00 |",
                "narrowest within noise of the best: beam 1 (44 words)",
                "| greedy |",
            ],
        ),
        ("measurements.edges", ["--bundle=TINY", "SPOKEN"], ["| tones | 44 | 9.09 | 9.09 |"]),
        (
            "measurements.hearings",
            ["--bundle=TINY", "SPOKEN"],
            [
                "| none | 9.09 | 0.00 to 16.67 | +0.00, +0.00 to +0.00 | 1.00 |",
                "| 0.85, 0.95, 1.05, 1.1 | 27.27 | ",  # its frames are hard, and cut words elsewhere
            ],
        ),
        (
            "measurements.thresholds",
            ["--bundle=TINY", "SPOKEN"],
            [
                "| none | 9.09 | 0.00 to 16.67 | +0.00, +0.00 to +0.00 | 1.00 |",
                "| 2 | 9.09 | 0.00 to 16.67 | +0.00, +0.00 to +0.00 | ",
            ],
        ),
        (
            "measurements.rooms",
            ["--bundle=TINY", "SPOKEN", "--responses=ROOMS"],
            [
                "| as recorded | - | 9.1 | 0.0 to 16.7 | +0.0, +0.0 to +0.0 |",
                "| hall | 0.0 | ",
                "| near | - | 9.1 | 0.0 to 16.7 | +0.0, +0.0 to +0.0 |",
            ],
        ),
        (
            "measurements.hotwords",
            ["--bundle=TINY", "RARE"],
            [
                "1 hot words, said 2 times in 5 utterances",
                "| 0 | 50.0 % | 1 | 40.00 |",
                "| 2 | 50.0 % | 1 | 40.00 |",
            ],
        ),
        (
            "measurements.long_recordings",
            ["--bundle=TINY", "--joinings=1", "--hours=0", "SPOKEN"],
            [
                "tiny: 44 words in 1 recordings, 0.7 minutes",
                "| one by one, heard whole | 9.09 |  |  | 0.00 |  |",
                "| one by one, as files | 9.09 | +0.00, +0.00 to +0.00 |  | 0.00 | +0.00, +0.00 to +0.00 |",
            ],
        ),
        ("measurements.times", ["TINY", "WORDS", "--recordings=2"], [f"{times.HEADER}\n", "words | 10 | "]),
    ],
)
def test_a_measurement_prints_its_figures(run, name, options, printed):
    found = run(name, options)
    for figures in printed:
        assert figures in found


def test_the_figures_of_a_recipe_go_into_the_bundle(run, files):
    found = run("figures", ["--bundle=TINY", "--write", "SPOKEN"])
    assert "| tiny | 9.1 | 0.0-16.7* | 44 | 4 | 0 | 0 |" in found
    assert "\n* too few to trust: fewer than 10 " in found
    assert "| tones | 9.1 % | 9.1 % | 9.1 % | 9.1 % |" in found
    rate = ErrorRate(ERRORS / WORDS, 0.0, pytest.approx(1 / 6), WORDS)
    bundle = open_bundle(files["TINY"])
    assert bundle.manifest.wer == {"spoken, tones": rate}
    assert (
        "\nThe 95 % interval of “spoken, tones” is of too few to trust: fewer than 10 "
        in bundle.files["README.md"].decode()
    )


def test_fitted_confidences_go_into_the_bundle_and_say_how_many_words_are_right(run, files):
    before = open_bundle(files["TINY"]).manifest
    found = run("measurements.calibration", ["TINY", "SPOKEN", "--write"])
    assert "as CTC has them | 44 | 90.9 | 99.9 | 9.0\n" in found
    assert "as the bundle has them | 44 | 90.9 | 99.9 | 9.0\n" in found
    after = open_bundle(files["TINY"]).manifest
    fitted = after.confidence
    assert f"slope {fitted.slope:.4f}, bias {fitted.bias:.4f}\n" in found
    assert fitted != before.confidence == Confidence()
    assert after.decoding == before.decoding
    recognizer = load_model(files["TINY"])
    words = [word for each in read_utterances(files["SPOKEN"]) for word in recognizer.transcribe(each.audio).words]
    assert np.mean([word.confidence for word in words]) == pytest.approx(1 - ERRORS / WORDS, abs=0.01)


def test_words_whose_confidence_is_worth_nothing_are_told_in_a_line():
    sure_and_wrong, unsure_and_right = HeardWord(0.9, False, "a"), HeardWord(0.1, True, "b")
    with pytest.raises(ManifestError, match=r"^20 words: the surer words are not the better ones;.*name other"):
        calibration._fit([sure_and_wrong, unsure_and_right] * 10)


def test_the_threshold_of_speech_goes_into_the_bundle(run, files, monkeypatch):
    """It is the evidence of the faintest word, since made clips, heard as louder words, would need more."""
    monkeypatch.setattr(nonspeech, "CLIPS_A_KIND", 2)
    recognizer = load_model(files["TINY"])
    faintest = read_utterances(files["SPOKEN"])[SOUNDS.index("three")].audio
    memory = recognizer.listener.listen(read_audio(faintest))
    least = floor(100 * evidence(recognizer.spell(memory)[0], memory.ctc_log_probs)) / 100
    found = run("measurements.silence", ["--bundle=TINY", "--noise=NOISE", "--tune", "SPOKEN"])
    assert f"spoken recordings {least:.2f} at most\ntiny, speech_threshold {least}\n" in found
    assert open_bundle(files["TINY"]).manifest.decoding.speech_threshold == least
    rows = dict(re.findall(r"^\| ([\w ]+) \| (\d+ \| \d+ \| \d+) \|$", found, re.MULTILINE))
    assert rows["silence"] == "2 | 0 | 0"
    assert rows["tone"].startswith("3 |")  # the clip of fold 5 with those that were made
    assert f" of {2 * len(nonspeech.KINDS) + 2} clips give a word;" in found
    assert "\nspoken recordings: 0.0% of 24 are emptied; guard against loops in 0.0%\n" in found


@pytest.mark.parametrize(
    ("without_speech", "spoken", "threshold"),
    [
        ([-np.inf, 1.0, 3.0], [5.0] * 101, 4.0),  # no clip gives a word, and none is near to it
        ([-np.inf, 1.0, 3.0], [0.4, 0.5] + [5.0] * 99, 0.5),  # one recording of 101 is emptied
        ([-np.inf] * 3, [5.0] * 101, 2.5),
        ([-np.inf] * 3, [-np.inf, 5.0], 2.5),
    ],
)
def test_a_threshold_empties_few_recordings_whatever_the_clips_need(without_speech, spoken, threshold):
    assert silence._threshold(without_speech, spoken) == pytest.approx(threshold)


def test_a_stream_is_measured_on_what_a_file_says(run, files):
    found = run("measurements.live", ["--bundle=TINY", "delays", "SPOKEN"])
    samples = join(read_utterances(files["SPOKEN"]), live.SNR).samples
    said = load_model(files["TINY"]).transcribe(samples)
    segments, words = len(said.segments), len(said.words)
    assert f"{len(samples) / SAMPLE_RATE:.0f} s, {segments} segments, {words} words\n" in found
    assert f"\nwords, shown at their place: {words}, " in found
    assert f"\nwords, as they stayed: {words}, " in found
    assert f"\nfinal text: {segments}, " in found


def test_joints_are_measured_beside_the_utterances_alone(run, files):
    found = run("measurements.live", ["--bundle=TINY", "joints", "SPOKEN"])
    samples = join(read_utterances(files["SPOKEN"]), live.SNR).samples
    model = load_model(files["TINY"])
    assert found.startswith("44 words one by one: 9.09 % wrong, 0.00 % lost\n")
    for rules in live.RULES:
        segments = len(model.transcribe(samples, endpoints=rules).segments)
        assert f"silence after speech {rules.silence_after_speech} s, {segments} segments: " in found


def test_pauses_in_a_quiet_room_are_found_and_no_word_is_lost(run, files):
    found = run("measurements.pauses", ["--bundle=TINY", "SPOKEN"])
    segmenter = Segmenter(load_model(files["TINY"]).manifest.model.chunk_seconds)
    samples = join(read_utterances(files["SPOKEN"]), 40).samples
    samples = samples[: len(samples) // FRAME * FRAME]
    spans = [span.end - span.start for span in [*segmenter.feed(samples), *segmenter.finish()]]
    heard = 100 * sum(spans) / (len(samples) / SAMPLE_RATE)
    assert "| 40 | ctc | 100.0 | 100.0 | 0.0 | 0.0 |" in found
    assert "| 40 | energy | 0.3 | 32 | 0.0 |" in found
    assert f"| 40 | {len(spans)} | {max(spans):.1f} | {heard:.1f} | 0.0 | 0.0 |" in found


def test_a_pause_counts_where_most_of_a_joint_is_quiet():
    quiet = np.zeros(400, bool)
    quiet[100:200] = quiet[330:380] = True
    words, joints = [(0.0, 1.0), (2.0, 3.0), (3.5, 3.6)], [(1.0, 2.0), (3.0, 3.5)]
    assert pauses._pause_row(40, "energy", quiet, words, joints) == (40, "energy", "50.0", "50.0", "33.3", "4.8")


def test_word_times_are_compared_where_the_words_are_right(capsys):
    """The second of four words is heard as another, so that both its neighbours are right on one side only."""
    rows = [("one", 0.0, 0.4), ("two", 0.5, 0.9), ("three", 1.0, 1.4), ("one", 1.5, 1.9)]
    late = [(0.01, 0.02), (0.5, 0.5), (-0.03, 0.04), (0.05, -0.06)]
    heard = [
        Word("six" if text == "two" else text, start + first, end + last, 1.0)
        for (text, start, end), (first, last) in zip(rows, late, strict=True)
    ]
    errors = times.Errors()
    times._compare(rows, heard, errors)
    assert errors.spoken == 4
    assert errors.starts == pytest.approx([0.01, -0.03, 0.05])
    assert errors.ends == pytest.approx([0.02, 0.04, -0.06])
    assert errors.starts_beside == pytest.approx([0.01, 0.05])
    assert errors.ends_beside == pytest.approx([0.04, -0.06])
    times._print("ann", errors)
    assert capsys.readouterr().out == "ann | 4 | 3 | 30 | 48 | 40 | 58 | 30 | 48 | 50 | 59\n"


def test_a_word_beside_one_that_was_not_heard_is_beside_none():
    rows = [("one", 0.0, 0.4), ("two", 0.5, 0.9), ("three", 1.0, 1.4)]
    errors = times.Errors()
    times._compare(rows, [Word("two", 0.51, 0.92, 1.0)], errors)
    assert errors.starts == pytest.approx([0.01])
    assert not errors.starts_beside and not errors.ends_beside


@pytest.mark.parametrize("name", ["figures", "measurements.edges"])
def test_half_a_recording_counts_in_no_figure(run, files, name, capsys):
    audio = read_utterances(files["SPOKEN"])[0].audio
    audio.write_bytes(audio.read_bytes()[:-8000])
    with pytest.raises(SystemExit):
        run(name, ["--bundle=TINY", "SPOKEN"])
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert told[0].startswith(f"error: {audio}: damaged or cut short")


@pytest.mark.parametrize(
    ("name", "options", "complaint"),
    [
        ("measurements.beams", ["--bundle=TINY", "WORDS"], "less than 10 s of sound"),
        (
            "measurements.hotwords",
            ["--bundle=TINY", "SPOKEN"],
            "no word of MANIFEST has 4 letters and is in 2 utterances at most",
        ),
        ("measurements.rooms", ["SPOKEN", "--responses=TINY"], "tiny: has no WAV files"),
        ("measurements.silence", ["--noise=WORDS", "SPOKEN"], "words.jsonl: 'words-0.wav' needs a 'class'"),
        ("measurements.silence", ["--noise=TINY", "SPOKEN"], "give a manifest whose rows have both"),
        ("measurements.silence", ["--noise=TINY/none", "SPOKEN"], "none: no such manifest"),
        ("measurements.silence", ["--bundle=TINY", "--noise=NOISE", "SILENT"], "nothing is read in them"),
        (
            "measurements.silence",
            ["--bundle=TINY", "--noise=NOISE", "SILENT", "--tune"],
            "in the spoken",
        ),
        ("measurements.live", ["joints", "--bundle=TINY"], "joints needs a MANIFEST"),
        ("measurements.pauses", ["--bundle=TINY", "FOREIGN"], "foreign-0.wav: the character"),
        ("measurements.pauses", ["SPOKEN", "--silero=SPOKEN"], "spoken.jsonl: not the silero_vad.onnx"),
        ("measurements.pauses", ["SPOKEN", "--silero=TINY/speller.onnx"], "(its inputs are tokens, hidden, cell"),
        ("measurements.times", ["TINY", "--say=true {word}", "--words="], "--words has no word to say"),
        ("measurements.times", ["TINY", "SPOKEN"], "'one two' is not a single word"),
        ("measurements.times", ["TINY", "SILENT"], "silent-0.wav: has no sound"),
        ("measurements.times", ["TINY", "--say=no-such-program {word}"], "does not say 'zero'"),
        ("measurements.times", ["TINY", "--say=true {nothing}"], "does not say 'zero' ('nothing')"),
    ],
)
def test_a_manifest_that_is_of_no_use_is_named(run, name, options, complaint, capsys):
    with pytest.raises(SystemExit):
        run(name, options)
    assert complaint in capsys.readouterr().err.splitlines()[-1]
