"""The training loop: a corpus and a recipe in, checkpoints and reports out.

Every step seeds its own randomness from the recipe's seed and the step's number, so a run that was stopped and goes on,
in as many processes, is, bit for bit on a CPU, the run that was never stopped.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from speech2text.decoding.greedy import ctc_greedy
from speech2text.errors import OutputError, TrainingError
from speech2text.evaluation.error_rate import count_words, total
from speech2text.model.four_bits import as_stored
from speech2text.model.frontend import MEL_BINS, OVERLAP_SAMPLES
from speech2text.model.las import LAS
from speech2text.text.tokenizer import Tokenizer
from speech2text.training import layout
from speech2text.training.batching import batch_recordings
from speech2text.training.checkpoint import (
    Checkpoint,
    Position,
    fill,
    load_checkpoint,
    optimizer_tensors,
    restore_optimizer,
    save_checkpoint,
)
from speech2text.training.corpus import Corpus
from speech2text.training.hearing import hear_corpus
from speech2text.training.initialisation import Origin, adopt_weights
from speech2text.training.objective import Objective
from speech2text.training.optimisation import (
    check_gradient,
    check_precision,
    faster_precision,
    learning_rate,
    move_average,
)
from speech2text.training.recipe import Recipe
from speech2text.training.teacher import Lesson, TeacherFeatures
from speech2text.training.team import ALONE, Team

STATISTICS_UTTERANCES = 500
"""The frontend's mean and deviation are taken from at least so many utterances, less than twice as many, or all."""
FLUSH_SECONDS = 10
"""A Ctrl-C while TensorBoard's queue is filled may leave its thread asleep until then, and the run waits for it."""


@dataclass(frozen=True)
class StepReport:
    """What one step did; `wer` is that of CTC greedy on dev, where it was measured, `lesson` the loss to a teacher.

    `risk` is the share of the words that is expected to be wrong, where the recipe weighs it.

    In a team losses are those of the process that reports, and audio_seconds is what it heard times the processes.
    """

    step: int
    loss: float
    ctc: float
    spelling: float
    audio_seconds: float
    seconds: float
    lesson: float | None = None
    risk: float | None = None
    wer: float | None = None


class Trainer:
    """Trains one model in a run's folder; goes on from its newest checkpoint if there is one.

    Raises:
        TrainingError: the checkpoint is damaged or of another teacher, the teacher has heard none of the recordings, or
            this processor cannot train in the precision that is asked for.
    """

    def __init__(
        self,
        recipe: Recipe,
        tokenizer: Tokenizer,
        run: Path,
        *,
        train: Corpus,
        dev: Corpus | None = None,
        noise: Corpus | None = None,
        origin: Origin | None = None,
        teacher: TeacherFeatures | None = None,
        team: Team = ALONE,
    ) -> None:
        self.recipe = recipe
        self.settings = recipe.training
        self.tokenizer = tokenizer
        self.train_corpus = train
        self.dev_corpus = dev
        self.noise_corpus = noise
        self.run = run
        self.team = team
        self._plan = lru_cache(maxsize=1)(self._draw_batches)  # every step of an epoch asks for its plan
        torch.manual_seed(self.settings.seed)
        self.model = LAS(recipe.las_config(len(tokenizer)))
        self.average = deepcopy(self.model).eval()
        self.lesson = Lesson(teacher, recipe.model.memory) if teacher else None
        self.objective = Objective(recipe, tokenizer, self.model, train, noise=noise, lesson=self.lesson)
        self.trained = nn.ModuleList([self.model, self.lesson] if self.lesson else [self.model])
        self.optimizer = torch.optim.AdamW(
            self.trained.parameters(), lr=self.settings.learning_rate, weight_decay=self.settings.weight_decay
        )
        self.position = Position()
        self.precision: str = self.settings.precision
        self.inherited_share: float | None = None
        self.taught = _count_taught(teacher, train, recipe) if teacher else 0
        checkpoint = load_checkpoint(run)
        if checkpoint is None:
            self._begin(origin)
        else:
            self._resume(checkpoint)

    def train(self) -> Iterator[StepReport]:
        """Train until the recipe's last step; yields a report after each.

        Only the leader of a team measures on dev and writes checkpoints and TensorBoard's curves.

        Raises:
            OutputError: no space or no permission; the checkpoints so far are still there.
            TrainingError: as `steps`.
        """
        if not self.team.leads:
            yield from self._follow()
            return
        events = self.run / layout.EVENTS
        try:
            # what was noted after the checkpoint is noted again; the checkpoint's own step is not
            with SummaryWriter(str(events), purge_step=self.position.step + 1, flush_secs=FLUSH_SECONDS) as writer:
                yield from self._train(writer)
        except OSError as error:
            reason = error.strerror or error
            raise OutputError(f"{events}: cannot be written ({reason}); free space, then run it again") from None

    def _follow(self) -> Iterator[StepReport]:
        for report in self.steps():
            if self._ends_in_checkpoint(report.step):
                self._find_words()
            yield report

    def _ends_in_checkpoint(self, step: int) -> bool:
        """Whether a checkpoint is written after this step."""
        return step == self.settings.steps or step % self.settings.checkpoint_every == 0

    def _train(self, writer: SummaryWriter) -> Iterator[StepReport]:
        for bare_report in self.steps():
            step = bare_report.step
            last = step == self.settings.steps
            report = self._evaluated(bare_report) if last or step % self.settings.evaluate_every == 0 else bare_report
            for name in ("loss", "ctc", "spelling", "lesson", "risk", "wer"):
                if getattr(report, name) is not None:
                    writer.add_scalar(name, getattr(report, name), step)
            if self._ends_in_checkpoint(step):
                writer.flush()  # a run that goes on at the checkpoint never measures this step again
                self._save()
            yield report

    def steps(self) -> Iterator[StepReport]:
        """The bare optimisation steps until the recipe's last, without checkpoints or error rates.

        Raises:
            TrainingError: a gradient is not finite, or another process of the team has ended.
        """
        self.precision = self.team.agree(self.precision)
        self._find_words()
        while self.position.step < self.settings.steps:
            yield self._step()

    def _begin(self, origin: Origin | None) -> None:
        if origin is None:
            self._measure_features()
        else:
            self.inherited_share = adopt_weights(self.model, self.tokenizer, origin)
            self.average.load_state_dict(self.model.state_dict())
        if self.precision == "auto":
            self.precision = self._faster_precision()
        check_precision(self.precision, "training.precision")

    def _resume(self, checkpoint: Checkpoint) -> None:
        check_precision(checkpoint.precision, str(self.run))
        fill(self.model, checkpoint.model, self.run)
        fill(self.average, checkpoint.average, self.run)
        if self.lesson:
            try:
                self.lesson.load_state_dict(checkpoint.lesson)
            except RuntimeError:
                reason = "its newest checkpoint is of another teacher, or of none"
                raise TrainingError(f"{self.run}: {reason}; train anew in another folder") from None
        restore_optimizer(self.optimizer, checkpoint.optimizer)
        self.position = checkpoint.position
        self.precision = checkpoint.precision
        batches = len(self._plan(self.position.epoch))
        if self.position.batch >= batches:
            reason = f"its newest checkpoint is of batch {self.position.batch} of {batches}, which no run writes"
            raise TrainingError(f"{self.run}: {reason}; delete it to go on from the one before")

    def _save(self) -> None:
        checkpoint = Checkpoint(
            self.position,
            self.precision,
            self.model.state_dict(),
            self.average.state_dict(),
            optimizer_tensors(self.optimizer),
            dict(self.lesson.state_dict()) if self.lesson else {},
        )
        save_checkpoint(self.run, checkpoint)
        self._find_words()

    def _find_words(self) -> None:
        """For the steps that splice; at the start and at checkpoints, so that a run that goes on finds the same."""
        settings = self.recipe.augmentation
        if settings.splice_share and settings.splice_after <= self.position.step < self.settings.steps:
            with as_stored(self.average):
                self.objective.find_words(self.average, self.precision)

    def _draw_batches(self, epoch: int) -> list[NDArray[np.int64]]:
        return batch_recordings(self.train_corpus.lengths, self.settings.batch_seconds, self.settings.seed, epoch)

    def _step(self) -> StepReport:
        started = time.perf_counter()
        position = self.position
        torch.manual_seed(self.team.seed(self.settings.seed * 1_000_003 + position.step))
        batches = self._plan(position.epoch)
        indices = self.team.share(batches[position.batch])
        settings = self.settings
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(position.step, settings.steps, settings.warmup_steps, settings.learning_rate)
        self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        with as_stored(self.model):
            losses, audio_seconds = self.objective.losses([int(index) for index in indices], self.precision)
            losses.joint.backward()
        self.team.average_gradients(self.trained)
        norm = nn.utils.clip_grad_norm_(self.trained.parameters(), self.settings.clip)
        cure = f"train anew with a lower training.learning_rate; what was saved in {self.run} is from before"
        check_gradient(norm, position.step + 1, cure)
        self.optimizer.step()
        move_average(self.average, self.model, position.step, self.settings.average_decay)
        last = position.batch + 1 == len(batches)
        self.position = Position(position.step + 1, position.epoch + last, 0 if last else position.batch + 1)
        return StepReport(
            step=self.position.step,
            loss=float(losses.joint.detach()),
            ctc=float(losses.ctc.detach()),
            spelling=float(losses.spelling.detach()),
            audio_seconds=audio_seconds * self.team.size,
            seconds=time.perf_counter() - started,
            lesson=None if losses.lesson is None else float(losses.lesson.detach()),
            risk=None if losses.risk is None else float(losses.risk.detach()),
        )

    @torch.no_grad()
    def _measure_features(self) -> None:
        """Set the frontend's mean and deviation from utterances spread over the training set."""
        stride = max(1, len(self.train_corpus) // STATISTICS_UTTERANCES)
        frontend = self.model.listener.frontend
        before = torch.zeros(1, OVERLAP_SAMPLES)
        count, sums, squares = 0, torch.zeros(MEL_BINS).double(), torch.zeros(MEL_BINS).double()
        for index in range(0, len(self.train_corpus), stride):
            samples = torch.from_numpy(self.train_corpus.samples(index))
            frames = frontend.log_mel(samples[None], before)[0].double()  # (T, MEL_BINS)
            count, sums, squares = count + len(frames), sums + frames.sum(dim=0), squares + frames.square().sum(dim=0)
        mean = sums / count
        deviation = ((squares - count * mean.square()) / max(1, count - 1)).clamp(min=1e-6).sqrt()
        for module in (frontend, self.average.listener.frontend):
            module.mean.copy_(mean)
            module.deviation.copy_(deviation)

    def _faster_precision(self) -> str:
        """The precision in which this processor is faster at a batch."""
        batch = [int(index) for index in self._plan(0)[0]]
        self.model.train()

        def run(precision: str) -> None:
            torch.manual_seed(self.settings.seed)
            self.objective.losses(batch, precision)[0].joint.backward()

        faster = faster_precision(run)
        self.trained.zero_grad(set_to_none=True)
        return faster

    def _evaluated(self, report: StepReport) -> StepReport:
        """The report with the error rate of the averaged weights on dev, if there is one."""
        if not self.dev_corpus:
            return report
        with as_stored(self.average):
            return replace(report, wer=ctc_error_rate(self.average, self.tokenizer, self.dev_corpus))


def _count_taught(teacher: TeacherFeatures, corpus: Corpus, recipe: Recipe) -> int:
    """How many of the utterances the teacher has heard; a TrainingError where that is none."""
    taught = sum(utterance.audio in teacher for utterance in corpus.utterances)
    if not taught:
        raise TrainingError(f"{recipe.data.teacher}: the teacher has heard none of the recordings; make it hear them")
    return taught


def ctc_error_rate(model: LAS, tokenizer: Tokenizer, corpus: Corpus) -> float:
    """The word error rate of CTC greedy over a corpus heard whole; `model` is in evaluation mode."""
    hypotheses = [""] * len(corpus)
    for index, log_probs in hear_corpus(model, corpus):
        hypotheses[index] = tokenizer.decode(ctc_greedy(log_probs))
    return total(count_words([utterance.text for utterance in corpus.utterances], hypotheses)).rate or 0.0
