"""Training a language model: sentences in; out the weights that predict held-out sentences best."""

from __future__ import annotations

import math
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from speech2text.model.four_bits import as_stored
from speech2text.model.language_model import LanguageModel, LanguageModelConfig
from speech2text.training.batching import batch_sentences
from speech2text.training.loss import PADDING, pad_tokens
from speech2text.training.optimisation import check_gradient, faster_precision, learning_rate, move_average
from speech2text.training.sentences import Sentences

EPOCH_BATCHES = 50
"""Batches of an epoch at least, as far as LEAST_BATCH allows: few sentences are learned in small steps."""
LEAST_BATCH, MOST_BATCH = 256, 4096
"""Tokens of a batch, without its padding."""
WARMUP_STEPS = 100
AVERAGE_DECAY = 0.99
"""Of the moving average of the weights that is measured and kept."""
EVALUATE_EVERY = 100
"""Steps between two measurements on held-out sentences."""
PATIENCE = 10
"""Measurements without a better one, after which training stops."""
LARGEST_EXPONENT = 700.0
"""Whose exponential a float still holds."""
SMALL_PARAMETERS = 1_000_000
"""A smaller model gains less, and chance would decide."""


@dataclass(frozen=True)
class LanguageModelSettings:
    """How a language model is trained."""

    steps: int = 3000
    """At most; it stops earlier when held-out sentences are predicted no better."""
    learning_rate: float = 4e-3
    weight_decay: float = 0.01
    clip: float = 1.0
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Of the arithmetic; auto takes bf16 for a large model where the processor is clearly faster at it."""
    seed: int = 1


@dataclass(frozen=True)
class Perplexity:
    """How many choices a model hesitates between, at each piece and at each word; sentence ends count as both."""

    piece: float
    word: float


@dataclass(frozen=True)
class LanguageModelReport:
    """What one step did: its loss per piece (nats), and the perplexity of held-out sentences where it was measured."""

    step: int
    loss: float
    perplexity: Perplexity | None = None


class LanguageModelTrainer:
    """Trains one model; `best` is the one that predicts `held_out` best so far, in evaluation mode."""

    def __init__(
        self, config: LanguageModelConfig, settings: LanguageModelSettings, train: Sentences, held_out: Sentences
    ) -> None:
        self.settings = settings
        self.train_sentences = train
        self.held_out = held_out
        torch.manual_seed(settings.seed)
        self.model = LanguageModel(config)
        self.average = deepcopy(self.model).eval()
        self.best = deepcopy(self.average)
        self._optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.precision = self._faster_precision() if settings.precision == "auto" else settings.precision

    def train(self) -> Iterator[LanguageModelReport]:
        """Train to the last step, or until held-out sentences are predicted no better; yields a report of each step.

        Raises:
            TrainingError: a gradient is not finite.
        """
        torch.manual_seed(self.settings.seed)  # whatever was drawn to find the faster precision
        lowest, since = math.inf, 0
        for step, rows in zip(range(1, self.settings.steps + 1), self._batches(), strict=False):
            loss = self._step(step, rows)
            if step % EVALUATE_EVERY and step != self.settings.steps:
                yield LanguageModelReport(step, loss)
                continue
            with as_stored(self.average):
                found = perplexity(self.average, self.held_out)
            yield LanguageModelReport(step, loss, found)
            since = 0 if found.piece < lowest else since + 1
            if since == 0:
                lowest = found.piece
                self.best.load_state_dict(self.average.state_dict())
            if since == PATIENCE:
                return

    def _batches(self) -> Iterator[list[NDArray[np.int32]]]:
        """Batches without end, the same in every call."""
        random = np.random.default_rng(self.settings.seed)
        rows, lengths = self.train_sentences.rows(), self.train_sentences.lengths
        tokens = int(np.clip(lengths.sum() / EPOCH_BATCHES, LEAST_BATCH, MOST_BATCH))
        while True:
            for batch in batch_sentences(lengths, tokens, random):
                yield [rows[index] for index in batch]

    def _step(self, step: int, rows: list[NDArray[np.int32]]) -> float:
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(step - 1, self.settings.steps, WARMUP_STEPS, self.settings.learning_rate)
        self.model.train()
        self._optimizer.zero_grad(set_to_none=True)
        with as_stored(self.model):
            loss = self._loss(rows, self.precision)
            loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        check_gradient(norm, step, "train with another --seed or fewer --units")
        self._optimizer.step()
        move_average(self.average, self.model, step - 1, AVERAGE_DECAY)
        return float(loss.detach())

    def _loss(self, rows: list[NDArray[np.int32]], precision: str) -> Tensor:
        """The mean negative log-probability of a batch's tokens."""
        read, say = pad_tokens([row.tolist() for row in rows])
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
            return _summed_loss(self.model, read, say) / (say != PADDING).sum()

    def _faster_precision(self) -> str:
        """bf16 where a batch runs clearly faster in it on this processor, timed in turns; else fp32."""
        if sum(parameter.numel() for parameter in self.model.parameters()) < SMALL_PARAMETERS:
            return "fp32"
        rows = next(self._batches())
        faster = faster_precision(lambda precision: self._loss(rows, precision).backward())
        self.model.zero_grad(set_to_none=True)
        return faster


@torch.inference_mode()
def perplexity(model: LanguageModel, sentences: Sentences) -> Perplexity:
    """The perplexity of sentences for a model in evaluation mode."""
    rows = sentences.rows()
    loss = 0.0
    for batch in batch_sentences(sentences.lengths, MOST_BATCH, np.random.default_rng(0)):
        loss += float(_summed_loss(model, *pad_tokens([rows[index].tolist() for index in batch])))
    return perplexity_of(loss, sentences)


def perplexity_of(loss: float, sentences: Sentences) -> Perplexity:
    """The perplexity of sentences that together have the negative log-probability `loss`, their ends included."""
    pieces = int(sentences.lengths.sum()) + len(sentences)
    words = sentences.word_count + len(sentences)
    return Perplexity(*(math.exp(min(loss / count, LARGEST_EXPONENT)) for count in (pieces, words)))


def _summed_loss(model: LanguageModel, read: Tensor, say: Tensor) -> Tensor:
    """The negative log-probability of what is said, over all tokens of a batch."""
    log_probs = model(read)
    return functional.nll_loss(log_probs.flatten(0, 1), say.flatten(), ignore_index=PADDING, reduction="sum")
