"""The joint loss: CTC on the listener, label-smoothed cross entropy on the speller (Kim et al. 2017, eq. 11).

To it comes a guide for attention: with little data the speller learns the texts by heart long before it learns where
to look, so it is shown where CTC hears each token.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from speech2text.decoding.alignment import align
from speech2text.decoding.protocols import BLANK, END
from speech2text.model.listener import Heard

PADDING = -100
GUIDE_FRAMES = 1
"""Memory frames around a token's own in which attention may rest."""
LEAST_ATTENTION = 1e-4
"""Keeps the guide's gradient bounded where attention looks elsewhere altogether."""


class Losses(NamedTuple):
    """The joint loss and its parts, per token; but for a teacher's lesson and, per word, the risk, where they are."""

    joint: Tensor
    ctc: Tensor
    spelling: Tensor
    lesson: Tensor | None = None
    risk: Tensor | None = None


def pad_tokens(tokens: list[list[int]]) -> tuple[Tensor, Tensor]:
    """What the speller reads (END first) and what it should say (END last), (B, U) each; targets end in PADDING."""
    read = [torch.tensor([END, *row]) for row in tokens]
    say = [torch.tensor([*row, END]) for row in tokens]
    pad = torch.nn.utils.rnn.pad_sequence
    return pad(read, batch_first=True, padding_value=END), pad(say, batch_first=True, padding_value=PADDING)


def joint_loss(heard: Heard, log_probs: Tensor, targets: Tensor, ctc_weight: float, label_smoothing: float) -> Losses:
    """The loss of a batch.

    Args:
        heard: with ctc_log_probs (B, T, V).
        log_probs: (B, U, V) of the speller.
        targets: (B, U) tokens, END after the last, then PADDING.
    """
    spoken = targets != PADDING
    count = spoken.sum()
    ctc = ctc_losses(heard, targets).sum()
    chosen = log_probs_of(targets, log_probs)
    smoothed = (1 - label_smoothing) * chosen + label_smoothing * log_probs.mean(dim=2)
    spelling = -(smoothed * spoken).sum() / count
    ctc = ctc / count
    return Losses(ctc_weight * ctc + (1 - ctc_weight) * spelling, ctc, spelling)


def ctc_losses(heard: Heard, targets: Tensor) -> Tensor:
    """CTC's negative log-probability (B,) of each row of targets (B, U), END left out; 0 where it does not fit."""
    lengths = (targets != PADDING).sum(dim=1) - 1
    return functional.ctc_loss(
        heard.ctc_log_probs.transpose(0, 1),
        torch.cat([row[: int(length)] for row, length in zip(targets, lengths, strict=True)]),
        heard.lengths,
        lengths,
        blank=BLANK,
        reduction="none",
        zero_infinity=True,
    )


def log_probs_of(targets: Tensor, log_probs: Tensor) -> Tensor:
    """The speller's log-probability (B, U) of each target, out of those (B, U, V) of all tokens."""
    return log_probs.gather(2, targets.clamp(min=0)[:, :, None])[:, :, 0]


def attention_guide(heard: Heard, attention: Tensor, targets: Tensor) -> Tensor:
    """How little attention stays near the frames in which CTC hears the token being spelled.

    The mean over the tokens of -log(attention within GUIDE_FRAMES of the token's frames), by forced alignment. END and
    utterances that do not fit their frames are left alone.

    Args:
        heard: with ctc_log_probs (B, T, V), which get no gradient.
        attention: (B, U, T) of the speller, summing to 1 over T.
        targets: (B, U) tokens, END after the last, then PADDING.
    """
    near = torch.zeros_like(attention, dtype=torch.bool)
    for row, (log_probs, frames, tokens) in enumerate(zip(heard.ctc_log_probs, heard.lengths, targets, strict=True)):
        spans = align(log_probs[:frames].detach().numpy(), tokens[tokens > END].tolist())
        for position, span in enumerate(spans or ()):
            near[row, position, max(0, span.first_frame - GUIDE_FRAMES) : span.last_frame + GUIDE_FRAMES + 1] = True
    guided = near.any(dim=2)
    inside = (attention * near).sum(dim=2).clamp(min=LEAST_ATTENTION)
    return -(inside.log() * guided).sum() / guided.sum().clamp(min=1)


def inconsistency(first: Heard, second: Heard, targets: Tensor) -> Tensor:
    """How much CTC disagrees between two hearings of a batch, per token (CR-CTC, Yao et al. 2024, eq. 4).

    The mean of both Kullback-Leibler divergences, summed over the frames; each distribution is taught by the other,
    which gets no gradient for teaching.
    """
    inside = torch.arange(first.ctc_log_probs.shape[1]) < first.lengths[:, None]  # (B, T)

    def divergence(taught: Tensor, teacher: Tensor) -> Tensor:
        teacher = teacher.detach()
        return ((teacher.exp() * (teacher - taught)).sum(dim=2) * inside).sum()

    both = divergence(first.ctc_log_probs, second.ctc_log_probs) + divergence(second.ctc_log_probs, first.ctc_log_probs)
    return both / 2 / (targets != PADDING).sum()
