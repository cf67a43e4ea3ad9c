import pytest

from speech2text.evaluation.repetition import count_repeats

FIVE = "a b c d e"


@pytest.mark.parametrize(
    ("reference", "hypothesis", "repeats"),
    [
        ("", "", 0),
        ("", "a b c d", 0),
        (FIVE, FIVE, 0),
        ("", FIVE, 0),
        (FIVE, f"{FIVE} x {FIVE}", 1),
        (f"{FIVE} x {FIVE}", f"{FIVE} x {FIVE}", 0),
        (f"{FIVE} x {FIVE}", f"{FIVE} x {FIVE} y {FIVE}", 1),
        ("", "no no no no no", 0),
        ("", "no no no no no no no", 2),
        ("", f"{FIVE} {FIVE}", 1),
    ],
)
def test_only_what_nobody_said_twice_is_a_repeat(reference, hypothesis, repeats):
    assert count_repeats(reference, hypothesis) == repeats
