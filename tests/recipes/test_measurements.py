"""Every measurement runs on manifests as people have them, and prints figures: capitals, accents, several speakers."""

import json
import sys
from importlib import import_module

import pytest
import soundfile

from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.text.normalization import normalize
from tests.tiny_bundle import LEVELS, tone, write_tiny_bundle

TEXTS = ("One two", "Two, one!", "Three one two", "Two three", "Óne", "Three")
ROUNDS = 4


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a script of recipes/; TINY, SPOKEN, WORDS and NOISE in its options stand for a bundle and manifests."""
    files = {
        "TINY": write_tiny_bundle(tmp_path / "tiny").folder,
        "SPOKEN": write_manifest(
            tmp_path / "spoken.jsonl", TEXTS * ROUNDS, speaker="ab", corpus=["tones"], lang=["en"]
        ),
        "WORDS": write_manifest(tmp_path / "words.jsonl", tuple(LEVELS)),
        "NOISE": write_manifest(tmp_path / "noise.jsonl", ("one", "two"), **{"class": ["tone"], "fold": [4, 5]}),
    }

    def run_script(name, options):
        for word, file in files.items():
            options = [option.replace(word, str(file)) for option in options]
        monkeypatch.setattr(sys, "argv", [name, *options])
        import_module(f"recipes.{name}").main()

    return run_script


def write_manifest(path, texts, **columns):
    """Tones that read as the texts, whose rows have values of each column in turn."""
    rows = []
    for number, text in enumerate(texts):
        audio = path.with_name(f"{path.stem}-{number}.wav")
        soundfile.write(audio, tone(*normalize(text, "en").split()), SAMPLE_RATE)
        values = {name: values[number % len(values)] for name, values in columns.items()}
        rows.append({"audio": audio.name, "text": text, **values})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(
    ("name", "options", "printed"),
    [
        ("figures", ["--bundle=TINY", "--write", "SPOKEN"], "| spoken | tones | joint | whole | tiny | 0.0 |"),
        (
            "measurements.beams",
            ["--bundle=TINY", "--clips=1", "--rounds=1", "SPOKEN"],
            "within noise of the best: beam",
        ),
        ("measurements.calibration", ["TINY", "SPOKEN"], "calibration error"),
        ("measurements.edges", ["--bundle=TINY", "SPOKEN"], "| tones | 44 | 0.00 | 0.00 |"),
        ("measurements.hotwords", ["--bundle=TINY", "WORDS"], "| recognised |"),
        ("measurements.live", ["--bundle=TINY", "delays", "SPOKEN"], "those that partial text had right"),
        ("measurements.live", ["--bundle=TINY", "joints", "SPOKEN"], "44 words one by one: 0.00 % wrong"),
        ("measurements.long_recordings", ["--bundle=TINY", "--joinings=1", "--hours=0", "SPOKEN"], "joined"),
        ("measurements.pauses", ["--bundle=TINY", "SPOKEN"], "energy"),
        (
            "measurements.silence",
            ["--bundle=TINY", "--noise=NOISE", "--tune", "SPOKEN"],
            "words a minute of non-speech",
        ),
        ("measurements.times", ["TINY", "WORDS", "--recordings=2"], "start: median ms"),
    ],
)
def test_a_measurement_prints_its_figures(run, name, options, printed, capsys):
    run(name, options)
    assert printed in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "options", "complaint"),
    [
        ("measurements.beams", ["--bundle=TINY", "WORDS"], "less than 10 s of sound"),
        ("measurements.hotwords", ["--bundle=TINY", "SPOKEN"], "no word of DEV"),
        ("measurements.times", ["TINY", "SPOKEN"], "'one two' is not a single word"),
    ],
)
def test_a_manifest_that_is_of_no_use_is_named(run, name, options, complaint, capsys):
    with pytest.raises(SystemExit):
        run(name, options)
    assert complaint in capsys.readouterr().err
