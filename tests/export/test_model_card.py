"""The card of a bundle is sensible however little its recipe says."""

from __future__ import annotations

from dataclasses import replace

from speech2text_export.model_card import model_card
from tests.tiny_bundle import tiny_manifest


def test_the_card_names_the_languages():
    assert "| languages | cs, de |" in model_card(replace(tiny_manifest(), languages=("cs", "de")))


def test_a_card_without_languages_says_that_none_is_known():
    card = model_card(replace(tiny_manifest(), languages=()))
    assert "| languages | those of its training texts; the recipe does not say |" in card
