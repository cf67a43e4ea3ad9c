"""The risk against its definition, with every reading that a small vocabulary allows."""

from itertools import product

import pytest
import torch
from torch.nn import functional

from speech2text.decoding.protocols import BLANK, END
from speech2text.model.config import LASConfig
from speech2text.model.las import LAS
from speech2text.model.listener import Heard
from speech2text.training.loss import pad_tokens
from speech2text.training.risk import likeliest_readings, risk

VOCABULARY = 4
LONGEST = 2
TOKENS = [token for token in range(VOCABULARY) if token not in (BLANK, END)]
ROWS = [list(row) for length in range(LONGEST + 1) for row in product(TOKENS, repeat=length)]


@pytest.fixture
def speller():
    torch.manual_seed(3)
    return LAS(LASConfig(vocabulary=VOCABULARY, memory=8, heads=2, embedding=8, speller_units=8)).eval().speller


def hear(frames=(6, 4)):
    generator = torch.Generator().manual_seed(5)
    values, keys, ctc = (torch.randn(len(frames), max(frames), size, generator=generator) for size in (8, 8, 4))
    return Heard(values, keys, (3 * ctc).log_softmax(dim=2), torch.tensor(frames))


def only(heard, index):
    return Heard(*(each[index : index + 1] for each in heard))


def spelled(speller, heard, row):
    """The speller's log-probability of a row and its end, for a single utterance."""
    read, targets = pad_tokens([row])
    return speller(read, heard)[0].gather(2, targets[:, :, None]).sum()


def heard_by_ctc(heard, row):
    log_probs = heard.ctc_log_probs.transpose(0, 1)[: int(heard.lengths)]
    loss = functional.ctc_loss(
        log_probs, torch.tensor([row]), heard.lengths, torch.tensor([len(row)]), blank=BLANK, reduction="sum"
    )
    return -loss.clamp(max=1e3)


def decode(row):
    return " ".join("abcd"[token] for token in row)


def test_a_beam_as_wide_as_all_readings_finds_the_likeliest(speller):
    heard = hear()
    found = likeliest_readings(speller, heard, len(ROWS), LONGEST + 1)
    for index, rows in enumerate(found):
        scores = {tuple(row): float(spelled(speller, only(heard, index), row).detach()) for row in ROWS}
        ended = [tuple(row) for row in rows if len(row) <= LONGEST]
        assert ended == sorted(ended, key=scores.__getitem__, reverse=True)
        assert ended[0] == max(scores, key=scores.__getitem__)


def test_no_reading_holds_a_blank(speller):
    with torch.no_grad():
        speller.output.bias[BLANK] = 5
    for rows in likeliest_readings(speller, hear(), len(ROWS), LONGEST + 1):
        assert not any(BLANK in row for row in rows)
        assert {(), *((token,) for token in TOKENS)} <= {tuple(row) for row in rows}


@pytest.mark.parametrize("ctc_weight", [0.0, 0.3])
def test_the_risk_is_its_definition(speller, ctc_weight):
    heard = hear()
    references = [[2, 3], [3]]
    expected = 0.0
    for index, rows in enumerate(likeliest_readings(speller, heard, 3, 2 + 5)):
        alone = only(heard, index)
        scores = torch.stack(
            [(1 - ctc_weight) * spelled(speller, alone, row) + ctc_weight * heard_by_ctc(alone, row) for row in rows]
        )
        errors = torch.tensor([_errors(references[index], row) for row in rows])
        expected += float(scores.detach().softmax(dim=0) @ errors)
    ours = risk(speller, heard, references, decode, count=3, ctc_weight=ctc_weight)
    assert float(ours.detach()) == pytest.approx(expected / 3, rel=1e-4)


def _errors(reference, row):
    """Word errors of letters that are words, by the textbook."""
    ours, theirs = decode(reference).split(), decode(row).split()
    costs = list(range(len(theirs) + 1))
    for i, word in enumerate(ours, 1):
        corner, costs[0] = costs[0], i
        for j, other in enumerate(theirs, 1):
            corner, costs[j] = costs[j], min(costs[j] + 1, costs[j - 1] + 1, corner + (word != other))
    return float(costs[-1])


def test_descending_the_risk_makes_the_right_reading_likelier(speller):
    heard = hear()
    references = [[2, 3], [3]]
    optimizer = torch.optim.SGD(speller.parameters(), lr=0.5)

    def step():
        optimizer.zero_grad()
        loss = risk(speller, heard, references, decode, count=4, ctc_weight=0.2)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    first, *_, last = (step() for _ in range(30))
    assert last < 0.9 * first


def test_a_reading_with_more_tokens_than_frames_counts_for_nothing(speller):
    heard = hear(frames=(1, 1))
    (rows, _) = likeliest_readings(speller, heard, 8, 1 + 5)
    assert max(map(len, rows)) > 1
    ours = float(risk(speller, heard, [[2], [2]], decode, count=8, ctc_weight=0.9).detach())
    assert 0 < ours <= 1  # nothing, or one word for another


def test_a_reading_that_is_certain_is_not_taken_for_impossible(speller):
    heard = hear(frames=(4, 4))
    certain = torch.full_like(heard.ctc_log_probs, -50.0)
    certain[:, :, BLANK] = 0.0
    ours = risk(speller, heard._replace(ctc_log_probs=certain), [[], []], decode, count=4, ctc_weight=0.9)
    assert float(ours.detach()) < 1e-3


def test_what_was_heard_in_bf16_has_the_same_risk(speller):
    heard = hear()
    rounded = Heard(heard.values.bfloat16(), heard.keys.bfloat16(), heard.ctc_log_probs, heard.lengths)
    exact, ours = (
        float(risk(speller, each, [[2, 3], [3]], decode, count=4, ctc_weight=0.3).detach()) for each in (heard, rounded)
    )
    assert ours == pytest.approx(exact, rel=0.05)


def test_dropout_does_not_choose_among_readings(speller):
    speller.train()
    first, second = (
        float(risk(speller, hear(), [[2, 3], [3]], decode, count=4, ctc_weight=0.3).detach()) for _ in range(2)
    )
    assert first == second
    assert speller.training


def test_nothing_said_asks_for_nothing_written(speller):
    ours = risk(speller, hear(), [[], []], decode, count=4, ctc_weight=0.3)
    assert 0 < float(ours.detach()) <= 2 * (5 + 1)
