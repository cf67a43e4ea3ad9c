"""The card of a bundle is sensible however little its recipe says."""

from __future__ import annotations

from dataclasses import replace

from speech2text.bundle.manifest import DataSource, ErrorRate
from speech2text_export.model_card import model_card
from tests.tiny_bundle import tiny_manifest


def test_the_card_names_the_languages():
    assert "| languages | cs, de |" in model_card(replace(tiny_manifest(), languages=("cs", "de")))


def test_a_card_without_languages_says_that_none_is_known():
    card = model_card(replace(tiny_manifest(), languages=()))
    assert "| languages | those of its training texts; the recipe does not say |" in card


def test_the_card_tells_at_which_speeds_a_model_hears():
    assert "| heard |" not in model_card(tiny_manifest())
    several = model_card(tiny_manifest(other_speeds=(0.95, 1.1)))
    assert "| heard | 3 times: as it came, and at 0.95 and 1.1 times its speed |\n| streams |" in several


def test_no_name_breaks_a_table():
    manifest = replace(
        tiny_manifest(),
        licence="mine\nonly",
        data=(DataSource("a|b\nc", 1.0, "x | y"),),
        wer={"dev|2": ErrorRate(0.1, 0.0, 0.2, 10)},
    )
    card = model_card(manifest)
    assert r"| licence of the weights | mine\nonly |" in card
    assert r"| a\|b\nc | 1 | x \| y |" in card
    assert r"| dev\|2 | 10.00 % | 0.00 to 20.00 % | 10 |" in card
