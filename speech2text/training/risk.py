"""Minimum word error rate training: the word errors to expect of the readings that the model finds likely.

Cross entropy asks for the next token after the right ones. The risk looks at whole readings, and wants those with fewer
word errors to be likelier (Prabhavalkar et al. 2018, the loss over the n-best list; the errors' mean, which they take
off, changes no gradient). The readings are found by the speller alone and weighed by both heads, as the joint search
weighs them before language model and length count, but with the CTC weight of the losses, training.ctc_weight, since
that of the search, decoding.ctc_weight, is often found later: who gives both one value trains what users get.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from speech2text.decoding.alignment import least_frames
from speech2text.decoding.protocols import BLANK, END
from speech2text.evaluation.error_rate import count_words
from speech2text.model.listener import Heard
from speech2text.model.speller import Speller
from speech2text.training.loss import PADDING, ctc_losses, log_probs_of, pad_tokens

_MORE_TOKENS = 5
"""Than the longest reference has, a reading of its batch may have."""
_IMPOSSIBLE = -1e3
"""Log-probability of a reading that has more tokens than CTC has frames for."""


@torch.no_grad()
def likeliest_readings(speller: Speller, heard: Heard, count: int, longest: int) -> list[list[list[int]]]:
    """For each utterance the `count` likeliest rows of at most `longest` tokens, by beam search of the speller alone.

    For all utterances of a batch at once, and on torch, unlike decoding/beam.py, which hears out one after the other.
    END is left out. There are fewer where the vocabulary has not as many rows.
    """
    batch = len(heard.values)
    utterance = torch.arange(batch)[:, None]
    hidden = cell = heard.values.new_zeros(batch, count, speller.lstm.num_layers, speller.lstm.hidden_size)
    last = torch.full((batch, count), END)
    said = last[:, :, None]  # (B, H, U), with the END they begin with
    scores = torch.full((batch, count), -torch.inf)
    scores[:, 0] = 0.0
    ended = torch.zeros(batch, count, dtype=torch.bool)
    vocabulary = speller.output.out_features
    only_end = torch.full((vocabulary,), -torch.inf)
    only_end[END] = 0.0
    for _ in range(longest):
        log_probs, _, hidden, cell = speller.step(last, heard, hidden, cell)
        log_probs[:, :, BLANK] = -torch.inf
        log_probs = torch.where(ended[:, :, None], only_end, log_probs)
        scores, best = (scores[:, :, None] + log_probs).flatten(1).topk(count)
        parent, last = best // vocabulary, best % vocabulary
        hidden, cell = hidden[utterance, parent], cell[utterance, parent]
        said = torch.cat([said[utterance, parent], last[:, :, None]], dim=2)
        ended = ended[utterance, parent] | (last == END)
        if ended.all():
            break
    return [
        [[token for token in row if token != END] for row, score in zip(rows, its, strict=True) if score > -torch.inf]
        for rows, its in zip(said.tolist(), scores.tolist(), strict=True)
    ]


def risk(
    speller: Speller,
    heard: Heard,
    references: Sequence[Sequence[int]],
    decode: Callable[[Sequence[int]], str],
    *,
    count: int,
    ctc_weight: float,
) -> Tensor:
    """Word errors to expect of the likeliest readings of a batch, for each word of the references.

    Args:
        references: the tokens of each utterance.
        decode: tokens to text.
        count: readings of each utterance.
        ctc_weight: of CTC in the score of a reading, against the speller's.
    """
    heard = Heard(heard.values.float(), heard.keys.float(), heard.ctc_log_probs.float(), heard.lengths)
    longest = _MORE_TOKENS + max(len(reference) for reference in references)
    training = speller.training
    speller.eval()  # with dropout every reading would be scored by a network of its own
    try:
        readings = likeliest_readings(speller, heard, count, longest)
        scores = _scores(speller, heard, readings, ctc_weight)
    finally:
        speller.train(training)
    texts = [decode(reference) for reference in references]
    written = [(text, decode(reading)) for text, each in zip(texts, readings, strict=True) for reading in each]
    errors = torch.tensor([float(counts.errors) for counts in count_words(*zip(*written, strict=True))])
    each_count = [len(each) for each in readings]
    expected = [
        (score.softmax(dim=0) * error).sum()
        for score, error in zip(scores.split(each_count), errors.split(each_count), strict=True)
    ]
    return torch.stack(expected).sum() / max(1, sum(len(text.split()) for text in texts))


def _scores(speller: Speller, heard: Heard, readings: list[list[list[int]]], ctc_weight: float) -> Tensor:
    """The joint log-probability of every reading, one utterance after another."""
    counts = torch.tensor([len(each) for each in readings])
    many = Heard(*(each.repeat_interleave(counts, dim=0) for each in heard))
    rows = [reading for each in readings for reading in each]
    read, targets = pad_tokens(rows)
    log_probs, _ = speller(read, many)
    spelled = (log_probs_of(targets, log_probs) * (targets != PADDING)).sum(dim=1)
    impossible = torch.tensor([least_frames(row) for row in rows]) > many.lengths
    ctc = torch.where(impossible, _IMPOSSIBLE, -ctc_losses(many, targets))
    return (1 - ctc_weight) * spelled + ctc_weight * ctc
