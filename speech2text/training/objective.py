"""What a step is about: utterances as they are heard this time, and the losses of hearing them.

All randomness is drawn from torch's own generator, which the training loop seeds.
"""

from __future__ import annotations

from operator import gt
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from speech2text.decoding.alignment import least_frames
from speech2text.decoding.protocols import FloatArray
from speech2text.model.frontend import HOP_SAMPLES, SAMPLE_RATE
from speech2text.model.las import LAS, Pass
from speech2text.text.tokenizer import Tokenizer
from speech2text.training.augmentation import SpecAugment, Version, WaveformAugmentation, garble, happens, pad_waveforms
from speech2text.training.corpus import Corpus
from speech2text.training.loss import Losses, attention_guide, inconsistency, joint_loss, pad_tokens
from speech2text.training.recipe import FRAMES_PER_SECOND, Recipe
from speech2text.training.risk import risk
from speech2text.training.splicing import Splicer
from speech2text.training.teacher import Lesson


class Drawn(NamedTuple):
    """Samples (N,) and tokens of what is heard at an utterance's turn.

    audio: the recording they are of; None where they are spliced, or nobody speaks.
    """

    samples: FloatArray
    tokens: list[int]
    audio: Path | None = None


class Objective:
    """The losses that a recipe trains a model by, over batches of a corpus.

    splices: whether a share of the utterances is made anew out of words, as the recipe says; see `find_words`.
    crowded: utterances with more tokens than memory frames, from which CTC learns nothing.
    """

    def __init__(
        self,
        recipe: Recipe,
        tokenizer: Tokenizer,
        model: LAS,
        corpus: Corpus,
        *,
        noise: Corpus | None = None,
        lesson: Lesson | None = None,
    ) -> None:
        self.settings = recipe.training
        self.augmentation = recipe.augmentation
        self.tokenizer = tokenizer
        self.model = model
        self.lesson = lesson
        self.corpus = corpus
        self.tokens = [tokenizer.encode(utterance.text) for utterance in corpus.utterances]
        frames = -(-corpus.lengths // (HOP_SAMPLES * model.config.reduction))
        self.crowded = sum(map(gt, map(least_frames, self.tokens), frames.tolist()))
        self.waveform_augmentation = WaveformAugmentation(recipe.augmentation, noise)
        self.spec_augment = SpecAugment(recipe.augmentation)
        self.splicer = Splicer(corpus, tokenizer)
        self.splices = False
        self.chunks = [recipe.chunk_frames(seconds) for seconds in self.settings.chunk_seconds]

    def find_words(self, model: LAS, precision: str) -> None:
        """Splice from now on, with the words where the model, in evaluation mode, hears them in fp32 or bf16."""
        self.splices = True
        self.splicer.find_words(model, precision)

    def losses(self, indices: list[int], precision: str) -> tuple[Losses, float]:
        """The losses of a batch of utterances in fp32 or bf16, and its seconds of audio."""
        drawn = [self._draw(index) for index in indices]
        versions = [self.waveform_augmentation(torch.from_numpy(each.samples)) for each in drawn]
        pcm, lengths = pad_waveforms([version.samples for version in versions])
        read, targets = pad_tokens([each.tokens for each in drawn])
        read = garble(read, self.augmentation.token_noise, len(self.tokenizer))
        frontend = self.model.listener.frontend
        with torch.no_grad():
            features, feature_lengths, _ = frontend(pcm, lengths, self.model.listener.start(len(pcm)).before)
        readings = []
        for chunk in self._draw_chunks():
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
                readings.append(self.model(self.spec_augment(features), feature_lengths, read, chunk))
        losses = self._weigh(readings, targets)
        if self.lesson:
            taught = self._taught(self.lesson, drawn, versions, readings)
            losses = losses._replace(joint=losses.joint + self.settings.teacher_weight * taught, lesson=taught)
        if self.settings.risk_weight:
            expected = self._expected_errors(drawn, readings)
            losses = losses._replace(joint=losses.joint + self.settings.risk_weight * expected, risk=expected)
        return losses, float(lengths.sum()) / SAMPLE_RATE

    def _draw(self, index: int) -> Drawn:
        """An utterance, or what is heard in its place."""
        non_speech_share = self.augmentation.non_speech_share
        if non_speech_share and happens(non_speech_share):
            return Drawn(self.waveform_augmentation.non_speech(int(self.corpus.lengths[index])).numpy(), [])
        if self.splices and happens(self.augmentation.splice_share):
            spliced = self.splicer.splice(index)
            if spliced:
                samples, text = spliced
                return Drawn(samples, self.tokenizer.encode(text))
        return Drawn(self.corpus.samples(index), self.tokens[index], self.corpus.utterances[index].audio)

    def _draw_chunks(self) -> list[int | None]:
        """Feature frames of the chunks of each pass over this batch, None for a whole one.

        Passes that are to be consistent are two, one whole and one in chunks; else there is one.
        """
        chunk = self.chunks[int(torch.randint(len(self.chunks), ()))]
        if self.settings.consistency_weight:
            return [None, chunk]
        return [None if happens(self.settings.whole_share) else chunk]

    def _weigh(self, passes: list[Pass], targets: Tensor) -> Losses:
        """The mean losses over one or two passes over a batch; joint holds the guide and the consistency too."""
        settings = self.settings
        each = [
            joint_loss(one.heard, one.log_probs, targets, settings.ctc_weight, settings.label_smoothing)
            for one in passes
        ]
        joint = torch.stack([losses.joint for losses in each]).mean()
        ctc = torch.stack([losses.ctc for losses in each]).mean()
        spelling = torch.stack([losses.spelling for losses in each]).mean()
        if settings.guide_weight:
            guides = [attention_guide(one.heard, one.attention, targets) for one in passes]
            joint = joint + settings.guide_weight * torch.stack(guides).mean()
        if settings.consistency_weight:
            whole, chunked = passes
            joint = joint + settings.consistency_weight * inconsistency(whole.heard, chunked.heard, targets)
        return Losses(joint, ctc, spelling)

    def _taught(self, lesson: Lesson, drawn: list[Drawn], versions: list[Version], passes: list[Pass]) -> Tensor:
        """The mean loss of the lesson over one or two passes over a batch."""
        frames = passes[0].heard.values.shape[1]
        frame_seconds = self.model.config.reduction / FRAMES_PER_SECOND
        targets = torch.stack(
            [
                lesson.targets(each.audio, version, frame_seconds, frames)
                for each, version in zip(drawn, versions, strict=True)
            ]
        )
        return torch.stack([lesson(one.heard, targets) for one in passes]).mean()

    def _expected_errors(self, drawn: list[Drawn], passes: list[Pass]) -> Tensor:
        """The mean risk over one or two passes over a batch."""
        risks = [
            risk(
                self.model.speller,
                one.heard,
                [each.tokens for each in drawn],
                self.tokenizer.decode,
                count=self.settings.risk_readings,
                ctc_weight=self.settings.ctc_weight,
            )
            for one in passes
        ]
        return torch.stack(risks).mean()
