import numpy as np

from speech2text.decoding.ctc import LOG_ZERO, PrefixScorer, ctc_score
from speech2text.decoding.protocols import END
from tests.decoding.scripted import log_softmax, planted, random_log_probs


def textbook_forward(log_probs: np.ndarray, tokens: list[int]) -> float:
    """log P(tokens) by the forward algorithm of Graves et al. 2006, one state and one frame at a time."""
    labels = [0]
    for token in tokens:
        labels += [token, 0]
    scores = [float(log_probs[0, labels[s]]) if s < 2 else -np.inf for s in range(len(labels))]
    for frame in log_probs[1:]:
        scores = [
            float(frame[label])
            + np.logaddexp.reduce(
                [
                    scores[s],
                    scores[s - 1] if s >= 1 else -np.inf,
                    scores[s - 2] if s >= 2 and label not in (0, labels[s - 2]) else -np.inf,
                ]
            )
            for s, label in enumerate(labels)
        ]
    return float(np.logaddexp(scores[-1], scores[-2]))


def test_long_and_unlikely_texts_keep_their_precision():
    for seed, spread in enumerate((1.0, 5.0, 20.0)):
        log_probs = random_log_probs(seed, 300, 40, spread)
        tokens = np.random.default_rng(seed).integers(2, 40, 100).tolist()
        expected = textbook_forward(log_probs.astype(np.float64), tokens)
        assert abs(ctc_score(log_probs, tokens) - expected) < 1e-6, (spread, expected)


def test_scores_do_not_depend_on_what_shares_the_beam():
    log_probs = random_log_probs(5, 20, 10)
    scorer = PrefixScorer(log_probs)
    texts = np.array([[2, 2, 3], [4, 5, 5], [9, 2, 9], [3, 3, 3]])
    together = scorer.start()
    together = scorer.extend(together, np.zeros(4, dtype=np.int64), texts[:, 0])
    for column in (1, 2):
        together = scorer.extend(together, np.arange(4), texts[:, column])
    for row, text in enumerate(texts):
        alone = scorer.start()
        for token in text:
            alone = scorer.extend(alone, np.array([0]), np.array([token]))
        np.testing.assert_allclose(scorer.score(together)[row], scorer.score(alone)[0], rtol=1e-12)


def test_a_long_utterance_is_heard_to_its_end_however_many_hypotheses_share_the_beam():
    scorer = PrefixScorer(planted([0] * 200 + [7], 400, strength=14))
    alone = scorer.score(scorer.start())
    assert alone[0].argmax() == 7
    for hypotheses in (2, 4, 16):
        together = scorer.score(scorer.start().select(np.zeros(hypotheses, dtype=np.int64)))
        np.testing.assert_allclose(together, np.repeat(alone, hypotheses, axis=0), rtol=1e-9)


def test_a_prefix_shares_its_probability_among_its_continuations():
    """The prefix score of g is that of g and nothing more plus those of g followed by each token."""
    logits = 2 * np.random.default_rng(6).standard_normal((15, 6))
    logits[:, END] = -100.0  # CTC never learns END as a label, which would be neither
    scorer = PrefixScorer(log_softmax(logits))
    prefixes = scorer.start()
    prefix_score = 0.0
    for token in (3, 3, 5, 2):
        scores = scorer.score(prefixes)[0]
        assert abs(np.logaddexp.reduce(scores) - prefix_score) < 1e-5
        prefix_score = scores[token]
        prefixes = scorer.extend(prefixes, np.array([0]), np.array([token]))


def test_blank_is_no_token():
    scorer = PrefixScorer(random_log_probs(0, 5, 4))
    assert scorer.score(scorer.start())[0, 0] == LOG_ZERO


def test_too_many_tokens_are_impossible():
    log_probs = random_log_probs(0, 3, 4)
    assert np.isfinite(ctc_score(log_probs, [2, 3, 2]))
    assert ctc_score(log_probs, [2, 2, 3]) == -np.inf
    assert ctc_score(log_probs, [2, 3, 2, 3]) == -np.inf
