from speech2text.text.transcript import Segment, Transcript, Word


def test_text_and_words_are_those_of_the_segments_in_order():
    words = tuple(Word(text, start, start + 0.5, 1.0) for start, text in enumerate(["a", "b", "c"]))
    transcript = Transcript(
        (Segment("a b", 0.0, 1.5, words[:2]), Segment("", 1.5, 2.0), Segment("c", 2.0, 2.5, words[2:])), 3.0
    )
    assert transcript.text == "a b c"
    assert transcript.words == words


def test_an_empty_recording_has_an_empty_text():
    assert Transcript((), 0.0).text == ""
    assert Transcript((), 0.0).words == ()
