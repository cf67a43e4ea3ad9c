import json
from dataclasses import replace

import pytest
from rich.console import Console

from speech2text.evaluation.json_report import row_to_dict, to_dict
from speech2text.evaluation.report import NoiseTest, make_against, make_report, make_variant
from speech2text.evaluation.scoring import Recognised, score
from speech2text.evaluation.text_report import render
from speech2text.text.transcript import Word

UTTERANCES = [
    Recognised("u1", "call me now", "call be now", "ann", "phones", 1.0),
    Recognised("u2", "one two three four", "one two", "bob", "phones", 2.0),
    Recognised("u3", "yes", "yes", "ann", "books", 25.0),
    Recognised("u4", "", "oh", "", "", None),
]


def print_on_80_columns(report, worst=5):
    console = Console(width=80, record=True, file=None, force_terminal=False, quiet=False, color_system=None)
    with console.capture() as capture:
        console.print(render(report, worst))
    return capture.get()


def test_totals_and_groups_of_the_dictionary():
    report = to_dict(make_report(score(UTTERANCES), [("u5", "u5.wav: empty file")]))
    assert report["schema_version"] == 1
    assert report["total"]["utterances"] == 4
    assert report["total"]["words"] == {
        "rate": pytest.approx(4 / 8), "reference": 8, "substitutions": 1, "deletions": 2, "insertions": 1,
    }  # fmt: skip
    assert [(group["name"], group["words"]["rate"]) for group in report["by_corpus"]] == [
        ("books", 0.0), ("phones", pytest.approx(3 / 7)),
    ]  # fmt: skip
    assert [(group["name"], group["utterances"]) for group in report["by_speaker"]] == [
        ("bob", 1), ("books/ann", 1), ("phones/ann", 1),
    ], "an ann of each corpus is a person of her own"  # fmt: skip
    assert [group["name"] for group in report["by_duration"]] == ["0 to 2 s", "2 to 5 s", "20 s and more"]
    assert report["excluded"] == [{"id": "u5", "error": "u5.wav: empty file"}]
    assert [row["id"] for row in report["utterances"]] == ["u1", "u2", "u3", "u4"]


def test_the_dictionary_is_json_and_the_same_each_time():
    first, second = (json.dumps(to_dict(make_report(score(UTTERANCES))), allow_nan=False) for _ in range(2))
    assert first == second


def test_duration_buckets_stand_in_order_of_time():
    rows = [Recognised(str(seconds), "a", "a", duration=seconds) for seconds in (30, 12, 7, 3, 1, 2, 5, 10, 20)]
    names = [(summary.name, summary.utterances) for summary in make_report(score(rows)).durations]
    assert names == [("0 to 2 s", 1), ("2 to 5 s", 2), ("5 to 10 s", 2), ("10 to 20 s", 2), ("20 s and more", 2)]


def test_the_same_speaker_name_in_two_corpora_is_two_voices_when_drawn():
    rows = [Recognised(corpus, "a b", text, "01", corpus[0]) for corpus, text in (("x", "a"), ("y", ""), ("x2", "a"))]
    interval = make_report(score(rows)).total.interval
    assert (interval.units, interval.size) == ("speakers", 2)


def test_an_empty_reference_has_no_rate_and_its_words_count_as_inserted():
    report = make_report(score([Recognised("u", "", "oh two")]))
    total = to_dict(report)["total"]
    assert total["words"]["rate"] is None
    assert total["words"]["insertions"] == 2
    assert total["wer_interval"] is None
    assert "words (WER)" in print_on_80_columns(report)


def test_speakers_without_an_error_promise_nothing():
    report = make_report(score([Recognised(name, "a b", "a b", name) for name in ("ann", "bob", "cat")]))
    assert to_dict(report)["total"]["wer_interval"] is None
    assert "95 % interval of the WER: -\n" in print_on_80_columns(report)


@pytest.mark.parametrize(("speakers", "said"), [(9, True), (10, False)])
def test_what_rests_on_few_speakers_is_doubted(speakers, said):
    rows = [
        Recognised(f"{corpus}{index}", "a b", "a" if index % 2 else "a b", f"s{index}", corpus)
        for corpus in "xy"
        for index in range(speakers)
    ]
    scored = score([replace(row, corpus="x") for row in rows])
    others = score([replace(row, hypothesis="") for row in rows])
    variant = make_variant("joint", scored)
    report = make_report(scored, searches=[variant], against=make_against("other", scored, others))
    doubt = "too few to trust: fewer than 10 speakers"
    assert to_dict(report)["total"]["wer_interval"]["doubt"] == (doubt if said else "")
    printed = print_on_80_columns(report)
    assert printed.count(f"\n{doubt}\n") == 2 * said, "below the total, and below the probability"
    assert printed.count(f"\n* {doubt}\n") == said, "below the searches"


def test_marks_in_a_table_are_explained_and_fit_80_columns():
    rows = [
        Recognised(f"{corpus}{index}", "word " * 5000, "word " * 700 * index, f"s{index}", corpus)
        for corpus in ("a-long-name-of-a-corpus-1", "a-long-name-of-a-corpus-2")
        for index in range(4)
    ]
    printed = print_on_80_columns(make_report(score(rows)), worst=0)
    assert " 65.0-93.0* " in printed
    assert "* too few to trust: fewer than 10 speakers" in printed
    assert max(map(len, printed.splitlines())) <= 80


def test_long_names_of_corpora_stay_apart_beside_searches():
    names = [f"common_voice_spontaneous_speech_of_2025_{part}" for part in ("dev", "test")]
    scored = score([Recognised(name, "a b", "a", corpus=name) for name in names])
    searches = [make_variant(name, scored) for name in ("CTC greedy", "attention", "joint", "joint + LM")]
    printed = print_on_80_columns(make_report(scored, searches=searches))
    table = printed[printed.index("by search") : printed.index("by corpus")]
    first_column = "".join(line.split("  ")[0].strip() for line in table.splitlines())
    for name in names:
        assert name in first_column


def test_nothing_scored_gives_a_report_without_rates():
    report = make_report([], [("u", "gone")])
    assert to_dict(report)["total"]["words"]["rate"] is None
    assert "0 utterances; 1 more could not be used and is not counted" in print_on_80_columns(report)


def test_a_row_says_what_was_said_recognised_and_wrong():
    (row,) = score(UTTERANCES[:1])
    assert row_to_dict(row) == {
        "id": "u1", "text": "call me now", "hypothesis": "call be now",
        "errors": {"rate": pytest.approx(1 / 3), "reference": 3, "substitutions": 1, "deletions": 0, "insertions": 0},
    }  # fmt: skip


def test_the_terminal_report_shows_differences_without_colours_too():
    printed = print_on_80_columns(make_report(score(UTTERANCES)))
    assert "call [-me-]{+be+} now" in printed
    assert "one two [-three four-]" in printed
    assert "{+oh+}" in printed


def test_the_terminal_report_fits_80_columns_whatever_the_names():
    rows = [
        Recognised(
            f"a/very/long/name/[bold]/{index}" * 4, "yes no " * 30, "no " * 500, f"speaker{index}" * 5, f"c{index % 2}"
        )
        for index in range(30)
    ]
    printed = print_on_80_columns(make_report(score(rows)))
    assert max(map(len, printed.splitlines())) <= 80
    assert "20 more are in the JSON report" in printed
    assert "[bold]" in printed


def test_the_diff_is_red_and_green_on_a_terminal():
    console = Console(width=80, force_terminal=True, color_system="standard", legacy_windows=False)
    with console.capture() as capture:
        console.print(render(make_report(score(UTTERANCES))))
    assert "\x1b[31m[-me-]" in capture.get()
    assert "\x1b[32m{+be+}" in capture.get()


def test_insertions_and_repeats_are_in_both_reports():
    loop = Recognised("u", "one two three four five", "one two three four five one two three four five")
    report = make_report(score([loop]))
    total = to_dict(report)["total"]
    assert (total["insertion_rate"], total["repeated_5grams"]) == (1.0, 1)
    assert "insertions: 100.0 % of the words said; repeated 5-grams: 1" in print_on_80_columns(report)


def heard(id, reference, hypothesis, confidence, speaker=""):
    words = tuple(Word(word, 0.0, 1.0, confidence) for word in hypothesis.split())
    return Recognised(id, reference, hypothesis, speaker, words=words)


def test_calibration_is_that_of_the_words_heard():
    rows = [heard("a", "one two", "one three", 0.95), heard("b", "yes", "oh yes", 0.55), UTTERANCES[0]]
    report = make_report(score(rows))
    calibration = to_dict(report)["calibration"]
    assert calibration["expected_calibration_error"] == pytest.approx((0.45 + 0.05) / 2)
    assert calibration["words"] == 4, "the words of u1 have no confidence"
    assert calibration["bins"][9] == {
        "low": 0.9, "high": 1.0, "words": 2, "confidence": pytest.approx(0.95), "accuracy": 0.5,
    }  # fmt: skip
    printed = print_on_80_columns(report)
    assert "expected calibration error 0.250 over 4 words" in printed
    assert "0.9-1.0" in printed
    assert "=" * 15 + " " * 13 + "|" in printed
    assert max(map(len, printed.splitlines())) <= 80


def test_without_confidences_there_is_no_calibration():
    report = make_report(score(UTTERANCES))
    assert to_dict(report)["calibration"] is None
    assert "calibration" not in print_on_80_columns(report)


def full_report():
    scored = score(UTTERANCES)
    worse = score([replace(utterance, hypothesis="") for utterance in UTTERANCES])
    names = ["CTC greedy", "attention greedy", "joint", "joint + LM"]
    return make_report(
        scored,
        searches=[make_variant(name, scored) for name in names],
        noise=NoiseTest("pink", (make_variant("clean", scored), make_variant("-5 dB", worse))),
        against=make_against("other-model", scored, worse),
    )


def test_searches_noise_and_another_system_are_in_the_dictionary():
    report = to_dict(full_report())
    assert [search["name"] for search in report["searches"]] == [
        "CTC greedy",
        "attention greedy",
        "joint",
        "joint + LM",
    ]
    assert [row["name"] for row in report["searches"][0]["by_corpus"]] == ["books", "phones"]
    assert report["noise"]["source"] == "pink"
    assert [level["name"] for level in report["noise"]["levels"]] == ["clean", "-5 dB"]
    assert report["noise"]["levels"][1]["total"]["words"]["rate"] == 1.0
    against = report["against"]
    assert (against["name"], against["total"]["words"]["rate"]) == ("other-model", 1.0)
    assert against["difference"] == pytest.approx(4 / 8 - 1)
    assert against["interval"]["low"] <= against["difference"] <= against["interval"]["high"]
    assert against["probability_better"] > 0.5
    json.dumps(report, allow_nan=False)


def test_searches_noise_and_another_system_are_printed_on_80_columns():
    printed = print_on_80_columns(full_report())
    assert "attention greedy" in printed
    assert "WER % books" in printed
    assert "noise: pink" in printed
    assert "-5 dB" in printed
    assert "against other-model: WER 100.0 %" in printed
    assert "difference of the WER: -50.00 points" in printed
    assert "the probability that this one is better: " in printed
    assert max(map(len, printed.splitlines())) <= 80


def test_too_little_to_compare_is_said():
    scored = score(UTTERANCES[:1])
    report = make_report(scored, against=make_against("other", scored, scored))
    assert "too few utterances" in print_on_80_columns(report)
    assert to_dict(report)["against"]["difference"] is None
