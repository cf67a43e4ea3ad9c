"""A language model learns a small language as well as it can be learned, reproducibly, and keeps its best weights."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest
import torch

from speech2text.decoding.protocols import BLANK, END
from speech2text.model.four_bits import as_stored
from speech2text.model.language_model import LanguageModelConfig
from speech2text.text.tokenizer import Tokenizer
from speech2text.training import language_model as training
from speech2text.training.language_model import (
    LanguageModelSettings,
    LanguageModelTrainer,
    perplexity,
    perplexity_of,
)
from speech2text.training.optimisation import has_bf16
from speech2text.training.sentences import Texts, read_texts

WORDS = "abcdefgh"
FOLLOWERS = 2
LENGTH = 5
"""A sentence: any of the words, then four times one of the two that may follow."""
ENTROPY = math.log(len(WORDS)) + (LENGTH - 1) * math.log(FOLLOWERS)
"""Of a sentence, in nats."""


def draw_sentence(draw: random.Random) -> str:
    words = [draw.randrange(len(WORDS))]
    while len(words) < LENGTH:
        words.append((3 * words[-1] + draw.randrange(FOLLOWERS)) % len(WORDS))
    return " ".join(WORDS[word] for word in words)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.of_characters([WORDS])


@pytest.fixture(scope="module")
def texts(tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Texts:
    draw = random.Random(0)
    file: Path = tmp_path_factory.mktemp("texts") / "language.txt"
    file.write_text("\n".join(draw_sentence(draw) for _ in range(600)))
    return read_texts([file], tokenizer)


def trainer_of(texts: Texts, tokenizer: Tokenizer, steps: int, seed: int = 1, bits: int = 8) -> LanguageModelTrainer:
    torch.set_num_threads(1)
    config = LanguageModelConfig(len(tokenizer), embedding=16, units=32, dropout=0.0, lstm_bits=bits)
    settings = LanguageModelSettings(steps=steps, precision="fp32", learning_rate=2e-2, seed=seed)
    return LanguageModelTrainer(config, settings, texts.train, texts.held_out)


@pytest.mark.parametrize("bits", [8, 4])
def test_it_learns_a_small_language_to_its_entropy(texts: Texts, tokenizer: Tokenizer, bits: int) -> None:
    trainer = trainer_of(texts, tokenizer, steps=300, bits=bits)
    reports = list(trainer.train())
    with as_stored(trainer.best):
        found = perplexity(trainer.best, texts.held_out)
    assert found == min((report.perplexity for report in reports if report.perplexity), key=lambda each: each.piece)
    pieces = 2 * LENGTH + 1  # a mark and a letter for each word, and the end
    assert math.exp(ENTROPY / pieces) * 0.97 < found.piece < math.exp(ENTROPY / pieces) * 1.05
    assert found.word == pytest.approx(found.piece ** (pieces / (LENGTH + 1)))


def test_the_blank_is_impossible_and_the_rest_sums_to_one(texts: Texts, tokenizer: Tokenizer) -> None:
    model = trainer_of(texts, tokenizer, steps=1).best
    log_probs = model(torch.tensor([[END, 3, 4]]))
    assert (log_probs[..., BLANK] < -1e8).all()
    torch.testing.assert_close(log_probs.exp().sum(dim=2), torch.ones(1, 3))


def test_steps_equal_the_whole(texts: Texts, tokenizer: Tokenizer) -> None:
    model = trainer_of(texts, tokenizer, steps=1).best
    tokens = torch.tensor([[END, 3, 4, 5], [END, 7, 6, 2]])
    hidden = cell = torch.zeros(2, 1, 32)
    for position, column in enumerate(tokens.T):
        log_probs, hidden, cell = model.step(column, hidden, cell)
        torch.testing.assert_close(log_probs, model(tokens)[:, position])


def test_the_same_seed_gives_the_same_model(texts: Texts, tokenizer: Tokenizer) -> None:
    losses = [[report.loss for report in trainer_of(texts, tokenizer, 3, seed).train()] for seed in (1, 1, 2)]
    assert losses[0] == losses[1] != losses[2]


def test_it_stops_when_held_out_sentences_are_predicted_no_better(
    texts: Texts, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "EVALUATE_EVERY", 1)
    trainer = trainer_of(texts, tokenizer, steps=1000)
    trainer.settings = LanguageModelSettings(steps=1000, learning_rate=1.0)  # that learns nothing
    reports = list(trainer.train())
    found = [report.perplexity.piece for report in reports if report.perplexity]
    assert len(reports) < 1000
    assert min(found) == found[-1 - training.PATIENCE]
    assert perplexity(trainer.best, texts.held_out).piece == pytest.approx(min(found))


def test_a_small_model_trains_in_fp32_and_a_large_one_in_what_is_faster(texts: Texts, tokenizer: Tokenizer) -> None:
    small = LanguageModelTrainer(
        LanguageModelConfig(len(tokenizer), units=32), LanguageModelSettings(), texts.train, texts.held_out
    )
    assert small.precision == "fp32"
    chosen, told = (
        LanguageModelTrainer(
            LanguageModelConfig(len(tokenizer)),
            LanguageModelSettings(steps=2, precision=precision),
            texts.train,
            texts.held_out,
        )
        for precision in ("auto", "bf16" if has_bf16() else "fp32")
    )
    assert chosen.precision in ("fp32", "bf16")
    losses = [[report.loss for report in trainer.train()] for trainer in (chosen, told)]
    assert losses[0] == (losses[1] if chosen.precision == told.precision else pytest.approx(losses[1], rel=0.05))


def test_a_perplexity_beyond_all_numbers_is_a_number(texts):
    """As of texts whose lines are words of hundreds of letters."""
    found = perplexity_of(1e9, texts.held_out)
    assert math.isfinite(found.piece)
    assert math.isfinite(found.word)
