"""Other recognisers get the benefit of the doubt in how they write figures and spellings, and in nothing else."""

import numpy as np
import pytest

from recipes.measurements.rivals import fewest_errors, remembered


@pytest.mark.parametrize(
    ("reference", "text", "errors"),
    [
        ("four two", "42.", 0),
        ("forty two", "42", 0),
        ("nineteen eighty four", "1984", 0),
        ("june fifth", "June 5th", 0),
        ("twelve thousand three hundred", "12,300", 0),
        ("five oh three", "503", 0),
        ("p i t t s b u r g h", "Pittsburgh.", 0),
        ("p i t t s b u r g h", "P-I-T-T-S-B-U-R-G-H", 0),
        ("rob r o b", "Rob, R-O-B.", 0),
        ("p i t t s b u r g h", "Pittsburg", 1),
        ("a b four", "AB4", 0),
        ("five thousand three hundred", "5,300", 0),
        ("five dollars", "$5", 0),
        ("one", "1" * 400, 399),
        ("go to pittsburgh", "Go to Pittsburg", 1),
        ("four two", "", 2),
    ],
)
def test_the_best_reading_counts(reference, text, errors):
    assert fewest_errors(reference, text).errors == errors


def test_what_another_wrote_is_asked_for_once(tmp_path):
    asked = []

    def work(samples):
        asked.append(len(samples))
        return f"{len(samples)} samples"

    for _ in range(2):
        remember = remembered("numpy", work, tmp_path / "texts.jsonl")
        assert [remember(np.zeros(length, np.float32)) for length in (3, 4, 3)] == [
            "3 samples",
            "4 samples",
            "3 samples",
        ]
    assert asked == [3, 4]
    remembered("pytest", work, tmp_path / "texts.jsonl")(np.zeros(3, np.float32))
    assert asked == [3, 4, 3]
