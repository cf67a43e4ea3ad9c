"""The joint loss against its definition, written out utterance by utterance."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from speech2text.decoding.protocols import BLANK, END
from speech2text.model.listener import Heard
from speech2text.training.loss import PADDING, attention_guide, inconsistency, joint_loss, pad_tokens

VOCABULARY = 7
TOKENS = [[3, 4, 4, 2], [5], [2, 6]]
LENGTHS = [9, 4, 6]


def random_batch(frames=9, steps=5, seed=0):
    """CTC log-probabilities (3, frames, 7) and the speller's (3, steps, 7)."""
    generator = torch.Generator().manual_seed(seed)
    ctc, spelled = (torch.randn(3, length, VOCABULARY, generator=generator) * 2 for length in (frames, steps))
    return ctc.log_softmax(dim=2), spelled.log_softmax(dim=2)


def heard(ctc_log_probs, lengths=LENGTHS):
    nothing = torch.empty(0)
    return Heard(nothing, nothing, ctc_log_probs, torch.tensor(lengths))


def test_the_speller_reads_and_says_the_same_tokens_one_apart():
    read, say = pad_tokens(TOKENS)
    assert read.tolist() == [[END, 3, 4, 4, 2], [END, 5, END, END, END], [END, 2, 6, END, END]]
    assert say.tolist() == [[3, 4, 4, 2, END], [5, END, *[PADDING] * 3], [2, 6, END, *[PADDING] * 2]]


@pytest.mark.parametrize("ctc_weight", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_its_definition(ctc_weight, smoothing):
    ctc_log_probs, spelled = random_batch()
    losses = joint_loss(heard(ctc_log_probs), spelled, pad_tokens(TOKENS)[1], ctc_weight, smoothing)

    count = sum(len(tokens) + 1 for tokens in TOKENS)
    ctc = spelling = 0.0
    for row, tokens in enumerate(TOKENS):
        ctc += functional.ctc_loss(
            ctc_log_probs[row, : LENGTHS[row]],
            torch.tensor(tokens),
            torch.tensor(LENGTHS[row]),
            torch.tensor(len(tokens)),
            blank=BLANK,
            reduction="sum",
        )
        for step, token in enumerate([*tokens, END]):
            wanted = functional.one_hot(torch.tensor(token), VOCABULARY) * (1 - smoothing) + smoothing / VOCABULARY
            spelling -= (wanted * spelled[row, step]).sum()
    assert losses.ctc == pytest.approx(float(ctc) / count, rel=1e-5)
    assert losses.spelling == pytest.approx(float(spelling) / count, rel=1e-5)
    assert losses.joint == pytest.approx(float(ctc_weight * ctc + (1 - ctc_weight) * spelling) / count, rel=1e-5)


def test_label_smoothing_is_that_of_torch():
    _, spelled = random_batch()
    targets = pad_tokens(TOKENS)[1]
    ours = joint_loss(heard(random_batch()[0]), spelled, targets, 0.0, 0.2).spelling
    theirs = functional.cross_entropy(
        spelled.flatten(0, 1), targets.flatten(), ignore_index=PADDING, label_smoothing=0.2
    )
    torch.testing.assert_close(ours, theirs)


def test_ctc_is_the_sum_over_all_alignments():
    """Three frames that say one token `a`: a--, -a-, --a, aa-, -aa, aaa."""
    ctc_log_probs = random_batch()[0][:1, :3]
    blank, a = ctc_log_probs[0, :, BLANK].exp(), ctc_log_probs[0, :, 3].exp()
    total = sum(
        torch.stack([(a if said else blank)[frame] for frame, said in enumerate(path)]).prod()
        for path in ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (0, 1, 1), (1, 1, 1))
    )
    loss = joint_loss(heard(ctc_log_probs, [3]), random_batch()[1][:1, :2], pad_tokens([[3]])[1], 1.0, 0.0)
    torch.testing.assert_close(loss.ctc, -total.log() / 2)


def test_padding_has_no_influence():
    ctc_log_probs, spelled = random_batch()
    targets = pad_tokens(TOKENS)[1]
    expected = joint_loss(heard(ctc_log_probs), spelled, targets, 0.3, 0.1)
    for row, tokens in enumerate(TOKENS):
        ctc_log_probs[row, LENGTHS[row] :] = -50.0
        spelled[row, len(tokens) + 1 :] = -50.0
    more_frames = functional.pad(ctc_log_probs, (0, 0, 0, 4), value=-50.0)
    more_steps = functional.pad(spelled, (0, 0, 0, 2), value=-50.0)
    more_targets = functional.pad(targets, (0, 2), value=PADDING)
    found = joint_loss(heard(more_frames), more_steps, more_targets, 0.3, 0.1)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_padding_gets_no_gradient():
    ctc_log_probs, spelled = (x.requires_grad_() for x in random_batch())
    joint_loss(heard(ctc_log_probs), spelled, pad_tokens(TOKENS)[1], 0.3, 0.1).joint.backward()
    for row, tokens in enumerate(TOKENS):
        assert not ctc_log_probs.grad[row, LENGTHS[row] :].any()
        assert not spelled.grad[row, len(tokens) + 1 :].any()
        assert spelled.grad[row, : len(tokens) + 1].any(dim=1).all()


def test_an_utterance_with_more_tokens_than_frames_harms_no_other():
    ctc_log_probs, spelled = random_batch()
    ctc_log_probs.requires_grad_()
    losses = joint_loss(heard(ctc_log_probs, [2, 4, 6]), spelled, pad_tokens(TOKENS)[1], 0.3, 0.1)
    losses.joint.backward()
    assert torch.isfinite(losses.joint)
    assert torch.isfinite(ctc_log_probs.grad).all()
    assert not ctc_log_probs.grad[0].any()
    assert ctc_log_probs.grad[1, :4].any()


def planted_batch():
    """One utterance that says 3 in frame 2, 4 in frame 6 and blank elsewhere, as CTC hears it, and its targets."""
    ctc_log_probs = torch.full((1, 9, VOCABULARY), -9.0)
    said = [BLANK] * 9
    said[2], said[6] = 3, 4
    ctc_log_probs[0, torch.arange(9), torch.tensor(said)] = -0.01
    return heard(ctc_log_probs, [9]), pad_tokens([[3, 4]])[1]


def attention_at(*frames):
    """Nearly all attention (1, steps, 9) of each step on one frame."""
    attention = torch.full((1, len(frames), 9), 1e-3)
    attention[0, torch.arange(len(frames)), torch.tensor(frames)] = 1.0
    return attention / attention.sum(dim=2, keepdim=True)


def test_the_guide_wants_attention_where_ctc_hears_the_token():
    batch, targets = planted_batch()
    there, beside, elsewhere = (
        float(attention_guide(batch, attention_at(*frames), targets)) for frames in ((2, 6, 0), (3, 5, 8), (6, 2, 0))
    )
    assert there == pytest.approx(0, abs=0.01), "the end may look anywhere"
    assert beside == pytest.approx(there)
    assert elsewhere > 5


def test_the_guide_moves_attention_and_not_the_listeners_ctc():
    batch, targets = planted_batch()
    attention = attention_at(0, 0, 0).requires_grad_()
    batch.ctc_log_probs.requires_grad_()
    attention_guide(batch, attention, targets).backward()
    assert attention.grad[0, 0, 2] < 0
    assert batch.ctc_log_probs.grad is None


def test_an_utterance_that_does_not_fit_its_frames_is_not_guided():
    batch, _ = planted_batch()
    assert attention_guide(batch, attention_at(*[0] * 11), pad_tokens([[3] * 10])[1]) == 0


def test_two_hearings_that_agree_are_not_inconsistent():
    ctc_log_probs, _ = random_batch()
    assert inconsistency(heard(ctc_log_probs), heard(ctc_log_probs), pad_tokens(TOKENS)[1]) == pytest.approx(
        0, abs=1e-6
    )


def test_inconsistency_is_the_mean_of_both_divergences_per_token():
    (first, _), (second, _) = random_batch(seed=1), random_batch(seed=2)
    expected = sum(
        functional.kl_div(second[row, :length], first[row, :length], log_target=True, reduction="sum")
        + functional.kl_div(first[row, :length], second[row, :length], log_target=True, reduction="sum")
        for row, length in enumerate(LENGTHS)
    )
    count = sum(len(tokens) + 1 for tokens in TOKENS)
    found = inconsistency(heard(first), heard(second), pad_tokens(TOKENS)[1])
    torch.testing.assert_close(found, expected / 2 / count)


def test_each_hearing_is_taught_by_the_other():
    (first, _), (second, _) = random_batch(seed=1), random_batch(seed=2)
    first.requires_grad_()
    inconsistency(heard(first), heard(second), pad_tokens(TOKENS)[1]).backward()
    taught = -second.exp() / 2 / sum(len(tokens) + 1 for tokens in TOKENS)
    torch.testing.assert_close(first.grad[0], taught[0], msg="the gradient of a teacher is none")
