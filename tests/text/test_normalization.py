import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech2text.text.normalization import normalize


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World!", "hello world"),
        ("  two\t words\n", "two words"),
        ("“Don\u2019t,” she said — \u2018never\u2019.", "don't she said never"),
        ("rock 'n' roll; the dogs' tails; '90s", "rock n roll the dogs tails 90s"),
        ("6'2\" or 5' 11'', since '99 it's 3'4", "62 or 5 11 since 99 it's 34"),
        ("well-known and/or snake_case", "well known and or snake case"),
        ("1,000 steps at 5 %", "1000 steps at 5"),
        ("Hello,world...again?Yes;no…never", "hello world again yes no never"),
        ("مرحبا،بكم", "مرحبا بكم"),
        ("U.S.A. & co.", "usa co"),
        ("Où est l\u2019été ? Ça va !", "où est l'été ça va"),
        ("¿Dónde está el niño?", "dónde está el niño"),
        ("e\u0301te\u0301", "été"),
        ("Straße", "straße"),
        ("हिन्दी।", "हिन्दी"),
        ("日本語、テキスト。", "日本語テキスト"),
        ("ice\u00adbreaker\u200b ▁mark▁", "icebreaker mark"),
        ("I \u2764\ufe0f you, 5\ufe0f\u20e3 or #\ufe0f\u20e3", "i you 5 or"),
        ("葛\U000e0100城", "葛城"),
        ("\u0301a '\u0301b a'\u0301 c", "a b a c"),
        ("ที่นี่ น้ำ", "ที่นี่ น้ำ"),
        ("مُحَمَّدٌ", "مُحَمَّدٌ"),
        ("ক্ষ র\u200d্যাব", "ক্ষ র্যাব"),
        ("", ""),
        ("…!? -- ''", ""),
    ],
)
def test_examples(text, expected):
    assert normalize(text) == expected


def test_english_loses_its_diacritics_and_other_languages_keep_them():
    for language in ("en", "EN", "en-US", "En_gb"):
        assert normalize("Café, naïve", language) == "cafe naive"
    assert normalize("Café, naïve", "fr") == "café naïve"


def test_capitals_are_those_of_the_language():
    for language in ("tr", "az-Latn", "tr_TR"):
        assert normalize("I\u011fd\u0131r \u0130zmir", language) == "\u0131\u011fd\u0131r izmir"
    assert normalize("Iris", "nl") == "iris"


@given(st.text(), st.sampled_from(["", "en", "fr", "tr"]))
def test_normalising_again_changes_nothing(text, language):
    once = normalize(text, language)
    assert normalize(once, language) == once


@given(st.text())
def test_only_letters_marks_numbers_apostrophes_and_single_spaces_remain(text):
    result = normalize(text)
    assert result == " ".join(result.split()) == unicodedata.normalize("NFC", result)
    for before, character in pairwise(" " + result):
        category = unicodedata.category(character)
        assert character in " '" or category[0] in "LN" or category in ("Mn", "Mc")
        assert category[0] != "M" or before not in " '"
        assert not unicodedata.name(character, "").startswith("VARIATION SELECTOR")
