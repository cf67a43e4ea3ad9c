"""The recordings of a run: found, split, and decoded once."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from speech2text.audio.utterances import Utterance, read_utterances
from speech2text.errors import AudioWarning, ManifestError
from speech2text.training import corpus as corpus_module
from speech2text.training.corpus import find_utterances, load_corpus, split_by_speaker
from speech2text.training.recipe import DataSettings
from tests.training.tiny import RATE, TEXTS, sing, write_recordings


@pytest.fixture
def data(tmp_path):
    return write_recordings(tmp_path / "data")


def speakers(count, each=3):
    return [
        Utterance(id=f"{speaker}-{number}", audio=Path(f"{speaker}-{number}.wav"), text="a", speaker=f"s{speaker}")
        for speaker in range(count)
        for number in range(each)
    ]


def test_a_folder_of_recordings_with_texts_is_found_and_normalised(data):
    (data / "3.txt").write_text("  A — b!\n")
    (data / "4.txt").unlink()
    (data / "5.txt").write_text("?!")
    with pytest.warns(AudioWarning) as told:
        train, dev = find_utterances(data, DataSettings(dev_share=0))
    assert "1 of 10 audio files have no text" in str(told[0].message)
    assert "1 of 9 recordings have a text without a word and are left out, the first is 5.wav" in str(told[1].message)
    assert {utterance.id: utterance.text for utterance in train} == {
        f"{number}.wav": text for number, text in enumerate(TEXTS) if number not in (3, 4, 5)
    } | {"3.wav": "a b"}
    assert dev == []


def test_dev_is_what_the_recipe_names(data):
    rows = [{"audio": f"{number}.wav", "text": TEXTS[number]} for number in range(4)]
    (data / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[:3]))
    (data / "dev.jsonl").write_text(json.dumps(rows[3]))
    train, dev = find_utterances(data, DataSettings(train=("train.jsonl",), dev=("dev.jsonl",)))
    assert [utterance.text for utterance in train] == list(TEXTS[:3])
    assert [utterance.text for utterance in dev] == [TEXTS[3]]


def test_a_recording_of_dev_is_not_trained_on_by_whatever_name(data):
    (data / "dev").mkdir()
    for number in (1, 2):
        (data / f"{number}.wav").rename(data / "dev" / f"{number}.wav")
        (data / f"{number}.txt").rename(data / "dev" / f"{number}.txt")
    (data / "link.wav").symlink_to(data / "dev" / "1.wav")
    (data / "link.txt").write_text("a")
    with pytest.warns(AudioWarning, match="3 recordings of train are of dev too, and are not trained on"):
        train, dev = find_utterances(data, DataSettings(dev=("dev",)))
    assert [utterance.text for utterance in dev] == [TEXTS[1], TEXTS[2]]
    assert [utterance.text for utterance in train] == [TEXTS[0], *TEXTS[3:]]


def test_where_all_is_of_dev_all_is_trained_on_and_that_is_told(data):
    with pytest.warns(AudioWarning, match="every recording of train is one of dev too"):
        train, dev = find_utterances(data, DataSettings(dev=(".",)))
    assert train == dev


@pytest.mark.filterwarnings("ignore:.* recordings of train are of dev too")
def test_a_recording_of_several_speakers_is_on_one_side(data):
    rows = [
        {"id": f"{number} {speaker}", "audio": f"{number}.wav", "text": "a", "speaker": f"{(number + speaker) % 9}"}
        for number in range(9)
        for speaker in (0, 1)
    ]
    (data / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    train, dev = find_utterances(data, DataSettings(train=("train.jsonl",), dev_share=0.3))
    assert train
    assert dev
    assert not {each.audio for each in train} & {each.audio for each in dev}


def test_a_manifest_that_is_not_there_is_named(data):
    with pytest.raises(ManifestError, match=r"none\.jsonl: no such manifest"):
        find_utterances(data, DataSettings(train=("none.jsonl",)))


def test_speakers_are_in_one_part_only():
    train, dev = split_by_speaker(speakers(200), 0.1)
    heard, held_out = ({utterance.speaker for utterance in part} for part in (train, dev))
    assert not heard & held_out
    assert len(heard | held_out) == 200
    assert 8 <= len(held_out) <= 35
    assert len(train) + len(dev) == 600


def test_the_split_is_the_same_in_any_order_and_with_more_speakers():
    held_out = split_by_speaker(speakers(100), 0.1)[1]
    assert {u.id for u in split_by_speaker(speakers(100)[::-1], 0.1)[1]} == {u.id for u in held_out}
    assert {u.id for u in held_out} <= {u.id for u in split_by_speaker(speakers(150), 0.1)[1]}


def test_a_recording_in_several_rows_is_on_one_side():
    rows = [
        Utterance(id=f"{number}{again}", audio=Path(f"{number}.wav"), text="a")
        for number in range(100)
        for again in ("", " (2)", " (3)")
    ]
    rows += [Utterance(id=f"{number} (4)", audio=Path.cwd() / f"{number}.wav", text="a") for number in range(100)]
    train, dev = split_by_speaker(rows, 0.1)
    heard, held_out = ({utterance.audio.name for utterance in part} for part in (train, dev))
    assert not heard & held_out
    assert len(dev) == 4 * len(held_out) > 0
    assert {u.audio.name for u in split_by_speaker(rows[::-1], 0.1)[1]} == held_out


@settings(max_examples=60)
@given(count=st.integers(1, 30), each=st.integers(1, 4), share=st.floats(0.01, 0.9))
def test_neither_part_is_empty_however_few_the_recordings(count, each, share):
    utterances = speakers(count, each)
    train, dev = split_by_speaker(utterances, share)
    assert sorted(u.id for u in train + dev) == sorted(u.id for u in utterances)
    assert train
    assert dev or len(utterances) == 1


def test_a_share_of_zero_holds_nothing_out():
    assert split_by_speaker(speakers(5), 0.0) == (speakers(5), [])


def test_samples_are_those_of_the_files(data, tmp_path):
    utterances = read_utterances(data)
    corpus = load_corpus(utterances, tmp_path / "cache", 20.0)
    assert corpus.utterances == tuple(utterances)
    for index, utterance in enumerate(corpus.utterances):
        np.testing.assert_allclose(corpus.samples(index), sing(utterance.text), atol=2**-15)
    assert corpus.seconds == pytest.approx(sum(len(sing(text)) for text in TEXTS) / RATE)


def test_equal_ids_of_two_folders_keep_their_own_samples(data, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    soundfile.write(other / "0.wav", sing("cccc"), RATE)
    (other / "0.txt").write_text("cccc")
    utterances = read_utterances(data)[:2] + read_utterances(other) + read_utterances(data)[2:]
    corpus = load_corpus(utterances, tmp_path / "cache", 20.0)
    for index, utterance in enumerate(utterances):
        np.testing.assert_allclose(corpus.samples(index), sing(utterance.text), atol=2**-15)


def test_unusable_recordings_are_left_out_with_the_reason(data, tmp_path):
    (data / "1.wav").write_bytes(b"no sound")
    soundfile.write(data / "2.wav", np.zeros(0), RATE)
    soundfile.write(data / "3.wav", np.zeros(2 * RATE), RATE)
    seen = []
    corpus = load_corpus(read_utterances(data), tmp_path / "cache", 1.0, lambda *progress: seen.append(progress))
    assert [utterance.id for utterance in corpus.utterances] == ["0.wav", *(f"{n}.wav" for n in range(4, 10))]
    np.testing.assert_allclose(corpus.samples(1), sing(TEXTS[4]), atol=2**-15)
    reasons = json.loads((tmp_path / "cache.json").read_text())["left_out"]
    assert list(corpus.left_out) == reasons
    assert len(reasons) == 3
    assert "1.wav: " in reasons[0]
    assert reasons[1:] == [
        f"{data}/2.wav: no sound in it",
        f"{data}/3.wav: 2.0 s long, and data.longest_seconds is 1: cut it, or raise that",
    ]
    assert seen == [(done, 10) for done in range(1, 11)]


def test_a_recording_cut_short_is_left_out_since_its_text_says_more(data, tmp_path):
    whole = (data / "9.wav").read_bytes()
    (data / "9.wav").write_bytes(whole[: len(whole) // 2])
    corpus = load_corpus(read_utterances(data), tmp_path / "cache", 20.0)
    assert [utterance.id for utterance in corpus.utterances] == [f"{number}.wav" for number in range(9)]
    (reason,) = corpus.left_out
    assert reason.startswith(f"{data}/9.wav: damaged or cut short: read 0.2 s of the 0.5 s its header promises")


def test_few_recordings_are_held_in_memory_and_one_heard_several_times_is_decoded_once(data, tmp_path, monkeypatch):
    begun, ahead = [], []

    def read(file):
        begun.append(file)
        return sing("a")

    monkeypatch.setattr(corpus_module, "read_audio", read)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    twice = [utterance for utterance in read_utterances(data) for _ in range(2)]
    corpus = load_corpus(twice, tmp_path / "cache", 20.0, lambda done, _: ahead.append(len(begun) - done // 2))
    assert corpus.utterances == tuple(twice)
    assert len(begun) == len(TEXTS)
    assert max(ahead) <= 2


def test_a_corpus_of_which_nothing_is_usable_is_empty_and_says_why(data, tmp_path):
    corpus = load_corpus(read_utterances(data), tmp_path / "cache", 0.01)
    assert len(corpus) == 0
    assert len(corpus.left_out) == 10
    assert "0.wav: 0.3 s long" in corpus.left_out[0]


def load(data, tmp_path, longest_seconds=20.0):
    """The corpus, and whether anything was decoded for it."""
    decoded = []
    corpus = load_corpus(read_utterances(data), tmp_path / "cache", longest_seconds, lambda *_: decoded.append(1))
    return corpus, bool(decoded)


def test_what_was_decoded_is_used_again(data, tmp_path):
    first, decoded = load(data, tmp_path)
    assert decoded
    (data / "0.txt").write_text("c c")  # texts are not in the cache
    again, decoded = load(data, tmp_path)
    assert not decoded
    assert again.utterances[0].text == "c c"
    assert np.array_equal(again.pcm, first.pcm)


@pytest.mark.parametrize("change", ["more", "less", "replaced", "limit"])
@pytest.mark.filterwarnings("ignore:.* have no text and are left out")
def test_a_cache_of_other_recordings_is_not_used(data, tmp_path, change):
    load(data, tmp_path)
    limit = 20.0
    if change == "more":
        soundfile.write(data / "new.wav", sing("aaaa"), RATE)
        (data / "new.txt").write_text("aaaa")
    elif change == "less":
        (data / "0.txt").unlink()
    elif change == "replaced":
        soundfile.write(data / "0.wav", sing("aaaa"), RATE)
        (data / "0.txt").write_text("aaaa")
    else:
        limit = 0.35
    corpus, decoded = load(data, tmp_path, limit)
    assert decoded
    for index, utterance in enumerate(corpus.utterances):
        np.testing.assert_allclose(corpus.samples(index), sing(utterance.text), atol=2**-15)


@pytest.mark.parametrize(
    ("file", "content"), [("cache.pcm", None), ("cache.pcm", b"\0" * 99), ("cache.json", b"{"), ("cache.json", b"[]")]
)
def test_a_cache_that_is_not_whole_is_made_again(data, tmp_path, file, content):
    load(data, tmp_path)
    (tmp_path / file).unlink()
    if content is not None:
        (tmp_path / file).write_bytes(content)
    corpus, decoded = load(data, tmp_path)
    assert decoded
    np.testing.assert_allclose(corpus.samples(9), sing(TEXTS[9]), atol=2**-15)


def test_a_cache_of_an_earlier_version_is_made_again(data, tmp_path):
    first, _ = load(data, tmp_path)
    index = json.loads((tmp_path / "cache.json").read_text())
    del index["sha256"]
    (tmp_path / "cache.json").write_text(json.dumps(index))
    corpus, decoded = load(data, tmp_path)
    assert decoded
    assert corpus.sha256 == first.sha256


class Killed(BaseException):
    """Stops decoding where it stands."""


def test_interrupted_decoding_leaves_no_cache_that_is_taken_as_whole(data, tmp_path):
    first, _ = load(data, tmp_path)

    def interrupt(done, total):
        if done == 4:
            raise Killed

    with pytest.raises(Killed):
        load_corpus(read_utterances(data)[::-1], tmp_path / "cache", 20.0, interrupt)
    again, decoded = load(data, tmp_path)
    assert decoded
    assert np.array_equal(again.pcm, first.pcm)


def test_recordings_in_use_stay_when_the_cache_is_made_anew(data, tmp_path):
    first, _ = load(data, tmp_path)
    expected = first.samples(3)
    load(data, tmp_path, longest_seconds=0.35)
    assert np.array_equal(first.samples(3), expected)
