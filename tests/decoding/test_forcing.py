import numpy as np

from speech2text.decoding.forcing import force_attention
from speech2text.decoding.protocols import END, SpellerState
from tests.decoding.scripted import memory_of, random_log_probs


class PointingSpeller:
    """Looks at the frame whose number is that of the token it reads."""

    def start(self):
        return SpellerState(np.zeros((1, 1, 1), np.float32), np.zeros((1, 1, 1), np.float32))

    def step(self, memory, tokens, state):
        attention = np.eye(len(memory), dtype=np.float32)[tokens + int(state.hidden[0, 0, 0])]
        return np.zeros((1, 9)), attention, SpellerState(state.hidden + 1, state.cell)


def test_each_row_is_where_the_speller_looks_after_it_read_the_token_before():
    attention = force_attention(memory_of(random_log_probs(0, 9, 9)), PointingSpeller(), [4, 2, 5])
    assert attention.shape == (4, 9)
    assert attention.argmax(axis=1).tolist() == [END, 4 + 1, 2 + 2, 5 + 3], "state goes on from step to step"


def test_an_empty_text_has_the_row_of_its_end():
    attention = force_attention(memory_of(random_log_probs(0, 9, 9)), PointingSpeller(), [])
    assert attention.argmax(axis=1).tolist() == [END]
