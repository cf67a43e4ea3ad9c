"""The page of an evaluation: well formed, complete, and in need of nothing else."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from speech2text.evaluation.html_figures import draw_recording, plot_difference, plot_rates, plot_reliability
from speech2text.evaluation.html_report import make_page
from speech2text.evaluation.inspection import Inspection, Media, Spelling, Spike
from speech2text.evaluation.report import SHOWN_GROUPS, NoiseTest, make_against, make_report, make_variant
from speech2text.evaluation.scoring import Recognised, score
from speech2text.text.transcript import Word

NASTY = "<script>alert('x')</script> & \"q\""
VOID = {"meta", "input"}


def heard(id, reference, hypothesis, **about):
    words = tuple(Word(word, index / 2, index / 2 + 0.3, 0.75) for index, word in enumerate(hypothesis.split()))
    return Recognised(id, reference, hypothesis, words=words, duration=2.0, **about)


ROWS = [
    heard("good", "yes", "yes", corpus="books", speaker="ann"),
    heard("bad", "call me now", "call be now please", corpus="phones", speaker="bob"),
    heard("worst", "one two three four", "", corpus="phones", speaker="cat"),
]


def inspection(start=0.0):
    attention = np.array([[0.9, 0.1, 0.0], [0.0, 0.5, 0.5]], np.float32)
    spelling = Spelling(start, 0.5, attention, (Spike("▁call", start + 0.5, start + 1.0, 0.8),))
    return Inspection(2.0, Media("audio/ogg", b"sound"), Media("image/webp", b"picture"), (spelling,))


def page_of(rows, inspections=None, **parts):
    report = make_report(score(rows), **parts)
    return make_page(report, {"manifest": "sets/test.jsonl", "model": "tiny", "chunk_seconds": None}, inspections or {})


class Reader(HTMLParser):
    """Checks that tags close in order, and keeps elements, their attributes and the text outside style and script."""

    def __init__(self, page):
        super().__init__()
        self.open, self.elements, self.texts = [], [], []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.texts.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


@pytest.fixture(scope="module")
def full_page():
    scored, worse = score(ROWS), score([heard(row.id, row.reference, "") for row in ROWS])
    return page_of(
        ROWS,
        {"bad": inspection()},
        excluded=[("gone", "gone.wav: no such file")],
        searches=[make_variant("CTC greedy", worse), make_variant("joint", scored)],
        noise=NoiseTest("pink noise, generated", (make_variant("clean", scored), make_variant("0 dB", worse))),
        against=make_against("other-model", scored, worse),
    )


def test_the_page_is_well_formed_and_needs_nothing_else(full_page):
    reader = Reader(full_page)
    for _, attributes in reader.elements:
        for name in ("src", "href"):
            assert attributes.get(name, "data:").startswith("data:")
    assert not re.search(r"https?:|//[a-z]|@import|url\(", re.sub(r"^ *// .*|[^:]// .*", "", full_page, flags=re.M))
    assert "link" not in {tag for tag, _ in reader.elements}


def test_the_page_has_the_figures_that_were_asked_for(full_page):
    text = Reader(full_page).text
    for part in (
        "tiny on test.jsonl", "WER %", "75.0", "CER %", "repeated 5-grams", "calibration error",
        "other-model: WER 100.0 %", "-25.00 points", "CTC greedy", "pink noise, generated", "0 dB", "By corpus",
        "By speaker", "3 speakers; too few to trust: fewer than 10 speakers",
        "* too few to trust: fewer than 10 speakers", "% ; too few to trust: fewer than 10 speakers.",
        "2 of 3 utterances, those with the fewest errors, have no player here.", "1 more could not be used",
    ):  # fmt: skip
        assert part in text
    assert "None" not in text


def test_what_was_not_asked_for_is_not_there():
    text = Reader(page_of(ROWS)).text
    assert "Noise:" not in text
    assert "Searches" not in text
    assert "Against" not in text


def test_utterances_come_worst_first_with_what_the_boxes_need(full_page):
    articles = Reader(full_page).all("article")
    assert [article["data-errors"] for article in articles] == ["4", "2", "0"]
    assert articles[1]["data-text"] == "bad call me now call be now please"
    assert articles[1]["data-corpus"] == "phones"
    assert articles[1]["data-confidence"] == "0.7500"
    assert [float(article["data-rate"]) for article in articles] == pytest.approx([1, 2 / 3, 0], abs=1e-4)


def test_only_what_was_inspected_has_a_player(full_page):
    reader = Reader(full_page)
    assert [audio["src"] for audio in reader.all("audio")] == ["data:audio/ogg;base64,c291bmQ="]
    assert [image["href"] for image in reader.all("image")] == ["data:image/webp;base64,cGljdHVyZQ=="]


def test_the_text_shows_what_differs_and_when_words_are_heard(full_page):
    (bad,) = [part for part in full_page.split("<article")[1:] if "<h3>bad</h3>" in part]
    assert "<del>me</del><ins>" in bad
    spans = Reader("<article" + bad[: bad.index("</article>")] + "</article>").all("span")
    words = [span for span in spans if span.get("class") == "word"]
    assert [(word["data-start"], word["data-end"]) for word in words] == [
        ("0.000", "0.300"), ("0.500", "0.800"), ("1.000", "1.300"), ("1.500", "1.800"),
    ]  # fmt: skip
    assert words[0]["title"] == "0.00-0.30 s, confidence 75 %"


def test_texts_are_never_markup():
    rows = [
        heard(NASTY, NASTY, NASTY, corpus=NASTY, speaker=NASTY),
        heard("b", "yes", "no", corpus="$title", speaker="c"),
    ]
    spelling = Spelling(0.0, 0.5, np.ones((2, 3), np.float32), (Spike(NASTY, 0.0, 1.0, 0.5),))
    seen = Inspection(2.0, Media("audio/ogg", b""), Media("image/webp", b""), (spelling,))
    scored = score(rows)
    report = make_report(
        scored,
        [(NASTY, NASTY)],
        searches=[make_variant(NASTY, scored)],
        noise=NoiseTest(NASTY, (make_variant(NASTY, scored),)),
        against=make_against(NASTY, scored, scored),
    )
    page = make_page(report, {"manifest": NASTY, "model": NASTY}, {NASTY: seen})
    assert "alert('x')" not in page
    assert page.count("<script>") == 1
    reader = Reader(page)
    assert {article["data-corpus"] for article in reader.all("article")} == {NASTY, "$title"}
    assert "$title" in reader.text


def test_what_draws_cannot_tell_is_a_dash():
    page = page_of([heard(name, "yes", "yes", speaker=name) for name in ("ann", "bob")])
    assert "<small>95 %: -</small>" in page
    assert "<td>-</td>" in page


def test_of_many_speakers_those_with_the_most_errors_are_seen_first():
    rows = [heard(f"u{index}", "a b", "a b" if index else "c d", speaker=f"s{index:02}") for index in range(20)]
    page = page_of(rows)
    assert f"{20 - SHOWN_GROUPS} more, with fewer errors" in page
    assert page.index("<td>s00</td>") < page.index("<details>") < page.index("<td>s19</td>")


def test_an_evaluation_of_nothing_is_a_page_too():
    assert not Reader(page_of([])).all("article")
    assert Reader(page_of([Recognised("u", "", "oh")])).all("article")[0]["data-rate"] == "1.0000"


def attributes_of(figure, tag, kind=None):
    return [given for given in Reader(figure).all(tag) if kind is None or given.get("class") == kind]


def test_words_attention_and_alignment_share_the_time_axis():
    seen = inspection(start=0.5)
    figure = draw_recording(seen, (Word("call", 1.0, 1.5, 0.9), Word("me", 1.6, 1.8, 0.5)), (True, False))
    scale = float(attributes_of(figure, "svg")[0]["data-scale"])
    (spike,) = attributes_of(figure, "rect", "spike")
    assert float(spike["x"]) == pytest.approx(1.0 * scale, abs=0.1)
    assert float(spike["width"]) == pytest.approx(0.5 * scale, abs=0.1)
    assert f"translate({0.5 * scale:.1f} " in figure
    assert f"scale({0.5 * scale:.3f} " in figure
    assert [group["class"] for group in attributes_of(figure, "g")] == ["right", "wrong", "attention"]
    assert "<text" in figure
    assert ">me</text>" in figure


def test_the_darker_the_more_attention_and_little_is_nothing():
    figure = draw_recording(inspection(), (), ())
    cells = {path["d"]: float(path["fill-opacity"]) for path in attributes_of(figure, "path") if "fill-opacity" in path}
    assert cells["M0 0h1v1h-1z"] > cells["M1 1h2v1h-2z"], "0.9 and twice 0.5"
    assert "M1 0h1v1h-1z" not in "".join(path for path, opacity in cells.items() if opacity > 0.5), "0.1 is faint"
    assert not any("M2 0" in path for path in cells), "0 is nothing"


def test_words_that_stand_close_take_another_line():
    words = tuple(Word("extraordinary", time, time + 0.05, 0.9) for time in (0.0, 0.05, 0.1, 9.0))
    silence = Inspection(10.0, Media("audio/ogg", b""), Media("image/webp", b""), ())
    tops = [
        bar["y"]
        for bar in attributes_of(draw_recording(silence, words, (True,) * 4), "rect")
        if bar.get("class") is None
    ]
    assert len(set(tops[:3])) == 3
    assert tops[3] == tops[0]


def test_plots_hold_a_mark_for_each_figure():
    report = make_report(score(ROWS))
    assert len(attributes_of(plot_reliability(report.calibration), "circle", "dot")) == 1
    assert len(attributes_of(plot_rates([report.total, report.total]), "circle", "dot")) == 2
    assert attributes_of(plot_rates([make_report([]).total]), "circle") == []


@pytest.mark.parametrize(("other", "side"), [("", -1), ("one two three four", 1)])
def test_better_is_left_of_equal_and_worse_right(other, side):
    scored, others = score(ROWS), score([heard(row.id, row.reference, other and row.reference) for row in ROWS])
    (dot,) = attributes_of(plot_difference(make_against("other", scored, others)), "circle", "dot")
    assert (float(dot["cx"]) - 200) * side > 0
    assert plot_difference(make_against("other", scored[:1], scored[:1])) == ""
