from pathlib import Path

import pytest

from speech2text.audio.utterances import Utterance
from speech2text.evaluation.scoring import Recognised, find_worst, pair, score, sort_by_errors
from speech2text.text.transcript import Segment, Transcript, Word

SPOKEN = Utterance("u", Path("u.wav"), "Don't STOP -- at the Café!", "ann", "x", 3.0, "en")


def transcript(*words):
    timed = tuple(Word(word, index, index + 0.5, 0.9) for index, word in enumerate(words))
    return Transcript((Segment(" ".join(words), 0.0, len(words), timed),), 4.0)


def test_both_texts_are_normalised_alike():
    row = pair(SPOKEN, transcript("don\u2019t", "stop,", "at", "the", "café"))
    assert row.reference == row.hypothesis == "don't stop at the cafe"
    assert (row.id, row.speaker, row.corpus, row.duration) == ("u", "ann", "x", 4.0)


@pytest.mark.parametrize(
    ("own", "models", "reference"), [("", "en", "the cafe"), ("", "", "the café"), ("fr", "en", "the café")]
)
def test_texts_of_no_named_language_are_of_the_models(own, models, reference):
    spoken = Utterance("a", Path("a.wav"), "the café", language=own)
    row = pair(spoken, Transcript((Segment("the café", 0.0, 1.0),), 4.0, models))
    assert row.reference == row.hypothesis == reference


def test_words_keep_their_times_and_confidences_however_they_are_normalised():
    row = pair(SPOKEN, transcript("tip-top", "--", "Stop!"))
    assert row.hypothesis == "tip top stop"
    assert row.words == (Word("tip", 0, 0.5, 0.9), Word("top", 0, 0.5, 0.9), Word("stop", 2, 2.5, 0.9))


def test_a_text_without_words_has_no_confidences():
    row = pair(SPOKEN, Transcript((Segment("stop", 0.0, 1.0),), 4.0))
    assert (row.hypothesis, row.words) == ("stop", ())


def test_words_that_are_not_those_of_the_text_have_no_confidences():
    row = pair(SPOKEN, Transcript((Segment("stop", 0.0, 1.0, (Word("halt", 0.0, 1.0, 0.9),)),), 4.0))
    assert (row.hypothesis, row.words) == ("stop", ())


def test_scores_have_the_repeats_too():
    (row,) = score([Recognised("u", "a", "b c d e f b c d e f")])
    assert (row.words.insertions, row.characters.reference, row.repeats) == (9, 1, 1)


@pytest.mark.parametrize(("number", "ids"), [(0, []), (1, ["two"]), (9, ["two", "more", "less"])])
def test_the_worst_are_those_with_errors(number, ids):
    rows = score([
        Recognised("right", "a b", "a b"), Recognised("less", "a b", "a"), Recognised("more", "a", "b"),
        Recognised("two", "a b", "c d"),
    ])  # fmt: skip
    assert [row.utterance.id for row in find_worst(rows, number)] == ids
    assert [row.utterance.id for row in sort_by_errors(rows)] == ["two", "more", "less", "right"]
