"""Pieces: learned by `tokenizers`, encoded by us, the same tokens."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as BPETokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import Metaspace

from speech2text.text.normalization import normalize
from speech2text.text.tokenizer import SPECIAL_PIECES, WORD_MARK
from speech2text.training.pieces import learn_tokenizer

LETTERS = "abcdefghijklmnopqrstuvwxyz'0"


def make_texts(count=300, letters=LETTERS, seed=0):
    """Texts in which words repeat as they do in a language: some often, most rarely."""
    draw = random.Random(seed)
    words = ["".join(draw.choices(letters, k=draw.randint(1, 9))) for _ in range(200)]
    return [" ".join(draw.choices(words, [1 / (n + 1) for n in range(200)], k=6)) for _ in range(count)]


TEXTS = make_texts()
texts = st.lists(st.text(LETTERS, min_size=1, max_size=12), max_size=8).map(" ".join)


@pytest.fixture(scope="module", params=[64, 150, 400])
def pieces(request):
    return learn_tokenizer(TEXTS, "bpe", request.param)


def reference(tokenizer):
    """The encoding of the `tokenizers` library itself with our pieces."""
    library = BPETokenizer(BPE({piece: token for token, piece in enumerate(tokenizer.pieces)}, list(tokenizer.merges)))
    library.pre_tokenizer = Metaspace(replacement=WORD_MARK, prepend_scheme="always")
    return library


@pytest.mark.parametrize("size", [64, 150, 400])
def test_the_size_is_as_asked(size):
    assert len(learn_tokenizer(TEXTS, "bpe", size)) == size


def test_more_characters_than_the_size_are_all_kept():
    tokenizer = learn_tokenizer(TEXTS, "bpe", 10)
    assert {*LETTERS, WORD_MARK, *SPECIAL_PIECES} == set(tokenizer.pieces)
    assert not tokenizer.merges


def test_learning_is_deterministic():
    assert learn_tokenizer(TEXTS, "bpe", 150).to_json() == learn_tokenizer(iter(TEXTS), "bpe", 150).to_json()


def test_characters_are_every_character_once():
    tokenizer = learn_tokenizer(["ba b", "ça"], "characters", 400)
    assert tokenizer.pieces == (*SPECIAL_PIECES, WORD_MARK, "a", "b", "ç")


def test_every_piece_is_a_character_or_a_merge(pieces):
    made = {left + right for left, right in pieces.merges}
    assert set(pieces.pieces) == {*SPECIAL_PIECES, WORD_MARK, *LETTERS, *made}


def test_pieces_do_not_cross_words(pieces):
    assert all(WORD_MARK not in piece[1:] and " " not in piece for piece in pieces.pieces)


@settings(max_examples=200)
@given(text=texts)
def test_round_trip_and_agreement_with_the_library(pieces, text):
    tokens = pieces.encode(text)
    assert pieces.decode(tokens) == text
    assert tokens == reference(pieces).encode(text).ids


def test_training_texts_are_encoded_as_by_the_library(pieces):
    library = reference(pieces)
    for text in TEXTS:
        assert pieces.encode(text) == library.encode(text).ids


@given(text=st.text(max_size=40))
def test_any_normalised_text_survives_pieces_learned_from_it(text):
    text = normalize(text)
    for kind in ("characters", "bpe"):
        tokenizer = learn_tokenizer([text, "a"], kind, 64)
        assert tokenizer.decode(tokenizer.encode(text)) == text
