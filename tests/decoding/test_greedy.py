import numpy as np

from speech2text.decoding.ctc import ctc_score
from speech2text.decoding.greedy import attention_greedy, ctc_greedy
from tests.decoding.scripted import ScriptedSpeller, log_softmax, memory_of, planted, random_log_probs, random_speller


def test_ctc_greedy_merges_repeats_and_keeps_what_a_blank_parts():
    assert ctc_greedy(planted([0, 3, 3, 0, 3, 4, 4, 0], 6, strength=20)) == (3, 3, 4)


def test_ctc_greedy_drops_blank_and_end():
    assert ctc_greedy(planted([0, 1, 2, 1, 0], 6, strength=20)) == (2,)
    assert ctc_greedy(planted([0, 0], 6, strength=20)) == ()
    assert ctc_greedy(np.zeros((0, 6), np.float32)) == ()


def test_attention_greedy_scores_its_own_path():
    memory = memory_of(random_log_probs(2, 8, 6))
    speller = random_speller(2, 6)
    best = attention_greedy(memory, speller)
    path = [float(speller.script(best.tokens[:n])[token]) for n, token in enumerate((*best.tokens, 1))]
    assert np.isclose(best.score, sum(path))
    assert best.ctc_score == ctc_score(memory.ctc_log_probs, best.tokens)


def test_attention_greedy_stops_after_a_token_a_frame_and_never_says_blank():
    def script(prefix):
        return log_softmax(np.array([9.0, 0.0, 5.0, 1.0]))

    memory = memory_of(random_log_probs(0, 3, 4))
    assert attention_greedy(memory, ScriptedSpeller(script)).tokens == (2, 2, 2)
