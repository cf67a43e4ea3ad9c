"""One spelling for everything that is trained on or compared: lower case, no punctuation, single spaces.

Training texts, references and hypotheses all pass through here, so that an error rate counts words and not commas.
"""

from __future__ import annotations

import re
import unicodedata

_APOSTROPHES = dict.fromkeys(map(ord, "\u2018\u2019\u201b\u02bc`\u00b4\u2032\uff07"), "'")
"""What stands for an apostrophe in typographic texts and on careless keyboards."""
_VARIATION_SELECTORS = dict.fromkeys([*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)])
"""What chooses between the looks of a character, as after many emoji; it is neither seen nor heard."""
_PAUSE = re.compile(r"(?<=[^\W\d_])(?:[,;!?\u2026\u060c\u061b\u061f\u0964]|\.{2,})+(?=[^\W\d_])")
"""Marks of a pause that a careless hand has put between two words without a space."""
_TURKIC = {ord("I"): "\u0131", ord("\u0130"): "i"}
"""Capitals whose small letters are others than elsewhere, in the languages that write both i and \u0131."""
_TURKIC_LANGUAGES = ("az", "tr")
_LONELY_MARK = re.compile(r"(?<![^\s'])[^\w\s']+")
"""Marks, where all other characters are letters, numbers, apostrophes or spaces, that follow no letter or number."""
_LONELY_APOSTROPHE = re.compile(r"(?<![^\s\d'])'|'(?![^\s\d'])")
"""An apostrophe that has no letter on both sides: a quotation mark, or a plural's."""


def normalize(text: str, language: str = "") -> str:
    """Normalised text of any script; `normalize(normalize(text)) == normalize(text)`.

    Letters become lower case (NFC), dashes, slashes and underscores a space; an apostrophe stays between letters and
    digits stay; all other punctuation and symbols go, with the marks on them. English ("en") loses its diacritics,
    which are loans: "café"; in Turkish and Azerbaijani "I" is a capital "ı".
    """
    code = without_region(language)
    text = unicodedata.normalize("NFC", text).translate(_TURKIC if code in _TURKIC_LANGUAGES else {})
    text = _PAUSE.sub(" ", text.lower().translate(_APOSTROPHES | _VARIATION_SELECTORS))
    if code == "en":
        text = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")
    text = _LONELY_MARK.sub("", "".join(map(_keep, text)))
    text = _LONELY_APOSTROPHE.sub("", text)
    return " ".join(unicodedata.normalize("NFC", text).split())


def without_region(language: str) -> str:
    """The code of a language alone: that of en-US, or en_US, is en."""
    return language.lower().replace("_", "-").partition("-")[0]


def _keep(character: str) -> str:
    """The character itself, a space, or nothing."""
    category = unicodedata.category(character)
    if character == "'" or category[0] in "LN" or category in ("Mn", "Mc"):  # letters, numbers, accents, vowel signs
        return character
    if character.isspace() or character in "/\\" or category in ("Pd", "Pc"):  # dashes, underscores
        return " "
    return ""
