"""Hot words and further readings in Python; tests/cli/test_search_options.py has those of the command."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import speech2text
from speech2text.bundle.writer import write_bundle
from speech2text.runtime.guards import ctc_reading, evidence
from speech2text.runtime.options import SearchOptions
from speech2text.runtime.recognizer import Recognizer
from speech2text.text.tokenizer import SPECIAL_PIECES, WORD_MARK, Tokenizer
from tests.tiny_bundle import LEVELS, tiny_files, tiny_manifest, tone


@pytest.fixture(scope="module")
def unclear():
    """Between the loudness of "one" and of "two", a little nearer to "one"."""
    level = LEVELS["one"] ** 0.52 * LEVELS["two"] ** 0.48
    return tone("one", seconds=0.04) * np.float32(level / LEVELS["one"])


def test_a_list_or_a_file_of_them_changes_the_text(bundle, unclear, tmp_path):
    (tmp_path / "hot.txt").write_text("# numbers\nTwo!\n", encoding="utf-8")
    for hotwords in (["Two!"], ["three", "two"], tmp_path / "hot.txt"):
        recognizer = speech2text.load_model(bundle.folder, hotwords=hotwords, hotwords_score=2)
        assert recognizer.recognise(unclear).text == "two"
        assert recognizer.recognise(tone("three", "one")).text == "three one", "other words stay as they are"


@pytest.mark.parametrize(("words", "text"), [(("one",), "one"), (("three", "one"), "three one"), (("",), "")])
def test_hot_words_that_a_guard_takes_away_leave_what_was_said(bundle, words, text):
    segment = speech2text.load_model(bundle.folder, hotwords=["two"], hotwords_score=100).recognise(tone(*words))
    assert segment.text == text
    assert segment.guard


def test_hot_words_that_nothing_speaks_for_do_not_make_silence_of_what_was_said(tuned):
    samples = tone("one")
    heard = Recognizer(tuned()).listener.listen(samples).ctc_log_probs
    careful = tuned(speech_threshold=0.9 * evidence(ctc_reading(heard), heard))
    keen = Recognizer(careful, SearchOptions(hotwords=["two"], hotwords_score=100)).recognise(samples)
    assert (keen.text, keen.guard) == ("one", "silence")
    assert Recognizer(careful).recognise(samples).guard is None


def test_settings_of_a_bundle_stay_where_a_guard_takes_hot_words_away(tuned):
    """All tokens are as likely to the tiny speller, so that without the coverage nothing would be read."""
    samples = tone("one", "", seconds=0.04)
    covering = tuned(ctc_weight=0.0, coverage_weight=3.0)
    plain = Recognizer(covering).recognise(samples)
    keen = Recognizer(covering, SearchOptions(hotwords=["three"], hotwords_score=100)).recognise(samples)
    assert (keen.text, keen.guard) == (plain.text, "loop")
    assert plain.text


def test_where_nothing_is_read_the_other_readings_are_told(bundle):
    faint = 0.004 * tone("one")
    segment = speech2text.load_model(bundle.folder, n_best=3).recognise(faint)
    assert segment.text == segment.alternatives[0].text == ""
    assert len(segment.alternatives) == 3


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"hotwords": ["two", "sechs"]}, speech2text.HotwordsError, r"hotwords\[1\]: the model has no pieces to write "
         "'sechs' with; write it as it is said"),
        ({"hotwords": Path("a\0b")}, speech2text.HotwordsError, "cannot be read .*; check its name"),
        ({"hotwords": ["..."]}, speech2text.HotwordsError, r"hotwords\[0\]: '...' has no letter"),
        ({"hotwords": "two"}, TypeError, "hotwords takes a list of phrases, or a pathlib.Path"),
        ({"hotwords": ["two"], "hotwords_score": -1.0}, ValueError, "hotwords_score must be 0 to 100"),
        ({"hotwords": ["two"], "search": "ctc"}, ValueError, "hotwords, n_best and other_speeds are for the joint"),
        ({"n_best": 2, "search": "attention"}, ValueError, "hotwords, n_best and other_speeds are for the joint"),
        ({"n_best": 0}, ValueError, "n_best must be at least 1, not 0"),
        ({"n_best": 2.0}, TypeError, "n_best must be a whole number, not 2.0"),
        ({"beam_size": 2.5}, TypeError, "beam_size must be a whole number, not 2.5"),
        ({"hotwords": ["two", 3]}, TypeError, r"hotwords\[1\] must be a word or phrase, not 3"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named(bundle, settings, error, message):
    with pytest.raises(error, match=message):
        speech2text.load_model(bundle.folder, **settings)


def test_a_threshold_of_the_beam_leaves_fewer_readings_unless_hot_words_are_expected(tuned):
    samples = tone("one", "two", seconds=0.04)

    def count(beam_threshold, **options):
        recognizer = Recognizer(tuned(beam_threshold=beam_threshold), SearchOptions(n_best=20, beam_size=50, **options))
        return len(recognizer.spell(recognizer.listener.listen(samples)))

    assert 0 < count(0.0) < count(None) == count(0.0, hotwords=["two"])


def test_n_best_gives_each_text_once_and_changes_no_text(bundle, recognizer, unclear):
    segment = speech2text.load_model(bundle.folder, n_best=4).recognise(unclear)
    texts = [each.text for each in segment.alternatives]
    assert texts[:2] == ["one", "two"]
    assert len(set(texts)) == len(texts)
    assert segment.alternatives[0].score > segment.alternatives[1].score
    assert replace(segment, alternatives=()) == recognizer.recognise(unclear)


def test_a_text_that_is_spelled_in_several_ways_has_the_score_of_the_best(tmp_path):
    pieces = Tokenizer((*SPECIAL_PIECES, f"{WORD_MARK}on", "e", f"{WORD_MARK}one"))
    files = tiny_files() | {"pieces.json": json.dumps(pieces.to_json()).encode()}
    bundle = write_bundle(tmp_path / "parts", tiny_manifest(), files)
    recognizer = Recognizer(bundle, SearchOptions(beam_size=50, n_best=20))
    samples = tone("one", "two", seconds=0.04)
    readings = recognizer.spell(recognizer.listener.listen(samples))
    ways = [each.score for each in readings if pieces.decode(each.tokens) == "one"]
    first, *others = recognizer.recognise(samples).alternatives
    assert len(ways) > 1
    assert (first.text, first.score) == ("one", max(ways))
    assert "one" not in {each.text for each in others}


@pytest.mark.parametrize(
    ("setting", "tokens"),
    [
        ({}, 0),
        ({"length_bonus": 9.0}, 10),
        ({"length_normalization": 3.0}, 10),
        ({"coverage_weight": 3.0}, 4),  # with END, five looks at a tenth
        ({"end_threshold": 1.0}, 10),
    ],
)
def test_settings_of_a_bundle_reach_the_search(tuned, setting, tokens):
    """All tokens are as likely to the tiny speller, which looks at all ten frames alike, so what is added decides."""
    recognizer = Recognizer(tuned(ctc_weight=0.0, **setting))
    assert len(recognizer.spell(recognizer.listener.listen(tone("one")))[0].tokens) == tokens


def test_what_is_not_used_is_not_imported(bundle):
    unused = ("runtime.terms", "runtime.language_model", "decoding.hotwords", "decoding.fusion", "decoding.coverage")
    code = (
        "import sys, numpy, speech2text\n"
        "speech2text.load_model(sys.argv[1]).recognise(numpy.ones(16000, 'float32'))\n"
        "print([name for name in sys.argv[2:] if f'speech2text.{name}' in sys.modules])"
    )
    command = [sys.executable, "-c", code, str(bundle.folder), *unused]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"
