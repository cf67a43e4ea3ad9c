"""Splicing: new utterances hold whole words of one speaker, and their text says which."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from speech2text.audio.utterances import Utterance
from speech2text.decoding.alignment import TokenSpan
from speech2text.model.las import LAS
from speech2text.text.tokenizer import Tokenizer
from speech2text.training.corpus import Corpus
from speech2text.training.splicing import LEAST_SHARE, LONGEST_RUN, QUIET_SAMPLES, Splicer, cut, faded
from tests.training.tiny import TEXTS, sing, tiny_recipe

FRAME = 640


def corpus_of(texts, speakers, folder, corpora=("",)):
    recordings = [(32767 * sing(text)).astype(np.int16) for text in texts]
    lengths = np.array([len(samples) for samples in recordings])
    utterances = tuple(
        Utterance(str(number), folder / f"{number}.wav", text, speaker=speaker, corpus=corpora[number % len(corpora)])
        for number, (text, speaker) in enumerate(zip(texts, speakers, strict=True))
    )
    return Corpus(utterances, np.cumsum(lengths) - lengths, lengths, np.concatenate(recordings))


@pytest.fixture(params=[("x", "y", [""]), ("01", "01", ["a", "b"])], ids=["two names", "namesakes in two corpora"])
def splicer(tmp_path, request):
    torch.manual_seed(0)
    *names, corpora = request.param
    speakers = names * (len(TEXTS) // 2)
    splicer = Splicer(corpus_of(TEXTS, speakers, tmp_path, corpora), Tokenizer.of_characters(TEXTS))
    splicer.find_words(LAS(tiny_recipe().las_config(len(splicer.tokenizer))).eval())
    return splicer


def test_words_are_cut_where_it_is_quiet():
    letters = ["a", "b", "c"]
    samples = sing(" ".join(letters))  # 100 ms each, and 100 ms of silence between them
    spans = tuple(TokenSpan(frame, frame, 1.0) for frame in (1, 6, 11))  # in the middle of each letter
    cuts = cut(samples, spans, np.array([True, True, True]), FRAME)
    assert cuts[0] == 0
    assert cuts[-1] == len(samples)
    for boundary, (begin, end) in zip(cuts[1:-1], ((1600, 3200), (4800, 6400)), strict=True):
        assert begin <= boundary <= end


def test_a_cut_is_in_the_middle_of_the_quietest_stretch():
    samples = np.ones(8 * FRAME, np.float32)
    samples[1920 : 1920 + QUIET_SAMPLES] = 0
    spans = (TokenSpan(1, 1, 1.0), TokenSpan(6, 6, 1.0))
    assert cut(samples, spans, np.array([True, True]), FRAME)[1] == 1920 + QUIET_SAMPLES // 2


def test_tokens_within_a_word_are_not_cut_apart():
    spans = tuple(TokenSpan(frame, frame, 1.0) for frame in (1, 3, 6))
    assert len(cut(sing("ab c"), spans, np.array([True, False, True]), FRAME)) == 3


def test_a_spliced_utterance_is_made_of_its_speakers_words(splicer):
    for index, utterance in enumerate(splicer.corpus.utterances):
        own = {
            word
            for other in splicer.corpus.utterances
            if (other.speaker, other.corpus) == (utterance.speaker, utterance.corpus)
            for word in other.text.split()
        }
        samples, text = splicer.splice(index)
        assert set(text.split()) <= own
        assert len(samples) >= 0.85 * splicer.corpus.lengths[index]
        assert np.abs(samples).max() <= 1


def test_a_spliced_utterance_is_longer_than_its_own_by_a_run_at_most(splicer):
    """Parts are added until it is long enough, so that the last is what it has too much."""
    longest = max(
        cuts[min(first + LONGEST_RUN, len(cuts) - 1)] - cuts[first]
        for cuts in splicer._cuts.values()
        for first in range(len(cuts) - 1)
    )
    for index in range(len(splicer.corpus)):
        for _ in range(10):
            samples, _ = splicer.splice(index)
            assert 0 <= len(samples) - LEAST_SHARE * splicer.corpus.lengths[index] < longest


def test_splicing_makes_texts_nobody_said(splicer):
    spliced = {splicer.splice(0)[1] for _ in range(20)}
    assert len(spliced - set(TEXTS)) > 3
    neighbours = {pair for text in TEXTS for pair in pairwise(text.split())}
    assert any(neighbours & set(pairwise(text.split())) for text in spliced - set(TEXTS)), "runs of words stay together"


def test_what_several_rows_name_is_heard_once_and_nobodys_is_not(tmp_path):
    corpus = corpus_of([*TEXTS[:2], *TEXTS], ["x", "y", "x", "y", *[""] * (len(TEXTS) - 2)], tmp_path)
    first, second, *others = corpus.utterances
    rows = (replace(first, audio=others[0].audio), replace(second, audio=others[1].audio), *others)
    splicer = Splicer(replace(corpus, utterances=rows), Tokenizer.of_characters(TEXTS))
    model = LAS(tiny_recipe().las_config(len(splicer.tokenizer))).eval()
    heard = []
    model.listener.frontend.register_forward_hook(lambda _, inputs, __: heard.append(len(inputs[0])))
    splicer.find_words(model)
    assert sum(heard) == 2
    assert all(splicer.splice(index) for index in range(4)), "either row may be spliced"
    assert splicer.splice(4) is None


def test_in_bf16_the_features_are_those_of_fp32(splicer):
    model = LAS(tiny_recipe().las_config(len(splicer.tokenizer))).eval()
    features = []
    model.listener.frontend.register_forward_hook(lambda _, __, outputs: features.append(outputs[0]))
    for precision in ("fp32", "bf16"):
        splicer.find_words(model, precision)
    half = len(features) // 2
    assert half and all(map(torch.equal, features[:half], features[half:]))


def test_before_words_are_found_and_without_a_speaker_nothing_is_spliced(splicer, tmp_path):
    fresh = Splicer(splicer.corpus, splicer.tokenizer)
    nobody = Splicer(corpus_of(TEXTS, [""] * len(TEXTS), tmp_path), splicer.tokenizer)
    nobody.find_words(LAS(tiny_recipe().las_config(len(splicer.tokenizer))).eval())
    assert fresh.splice(2) is None
    assert nobody.splice(2) is None


@pytest.mark.parametrize("length", [0, 1, 5, 1000])
def test_pieces_fade_in_and_out(length):
    samples = faded(np.ones(length, np.float32))
    assert len(samples) == length
    assert np.array_equal(samples, samples[::-1])
    assert samples[:1].sum() == (length < 2) * length
    assert samples[length // 2 : length // 2 + 1].sum() == min(length, 1) * samples.max(initial=0)
