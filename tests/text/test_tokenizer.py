import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech2text.text.normalization import normalize
from speech2text.text.tokenizer import SPECIAL_PIECES, WORD_MARK, Tokenizer

TEXTS = ["she sells sea shells", "the shells she sells", "l'été à la mer"]
MERGES = [("s", "h"), ("sh", "e"), (WORD_MARK, "s"), ("l", "l"), (WORD_MARK, "she"), ("e", "ll"), ("ell", "s")]


def with_merges(characters: Tokenizer) -> Tokenizer:
    joined = [left + right for left, right in MERGES]
    return Tokenizer((*characters.pieces, *joined), MERGES)


@pytest.fixture(params=["characters", "byte pairs"])
def tokenizer(request) -> Tokenizer:
    characters = Tokenizer.of_characters(TEXTS)
    return characters if request.param == "characters" else with_merges(characters)


@given(text=st.text("sehl ", max_size=30).map(normalize))
def test_merged_pieces_spell_the_same_text_in_no_more_tokens(text):
    characters = Tokenizer.of_characters(TEXTS)
    merged = with_merges(characters)
    assert merged.decode(merged.encode(text)) == text
    assert len(merged.encode(text)) <= len(characters.encode(text))


def test_the_most_important_merge_comes_first():
    merged = with_merges(Tokenizer.of_characters(TEXTS))
    pieces = [merged.pieces[token] for token in merged.encode("she shells sells")]
    assert pieces == ["▁she", "▁she", "ll", "s", "▁s", "ells"]


def test_special_tokens_are_left_out_of_the_text(tokenizer):
    tokens = [0, *tokenizer.encode("she sells"), 0, 1]
    assert tokenizer.decode(tokens) == "she sells"


def test_words_begin_at_the_word_mark(tokenizer):
    tokens = tokenizer.encode("sea shells she sells")
    assert sum(map(tokenizer.starts_word, tokens)) == 4
    assert tokenizer.starts_word(tokens[0])


def test_a_character_that_is_no_piece_is_named(tokenizer):
    with pytest.raises(ValueError, match=r"the character 'z' of 'zoo'"):
        tokenizer.encode("the zoo")


def test_json_gives_the_same_tokenizer_again(tokenizer):
    again = Tokenizer.from_json(json.loads(json.dumps(tokenizer.to_json())))
    assert (again.pieces, again.merges) == (tokenizer.pieces, tokenizer.merges)
    assert again.to_json() == tokenizer.to_json()
    assert again.encode(TEXTS[0]) == tokenizer.encode(TEXTS[0])


def test_the_special_pieces_must_come_first():
    with pytest.raises(ValueError, match="the first pieces must be"):
        Tokenizer(["a", *SPECIAL_PIECES])
