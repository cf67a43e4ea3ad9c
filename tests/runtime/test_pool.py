"""Recognisers in several processes hear as one does, whatever becomes of the processes."""

import io
import multiprocessing
import os
import pickle
import shutil
import signal
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier, BrokenBarrierError

import numpy as np
import pytest
import soundfile

import speech2text
from speech2text.bundle.writer import write_bundle
from speech2text.errors import AudioError, AudioWarning, BundleError
from speech2text.runtime.pool import RecognizerPool
from tests.tiny_bundle import tiny_files, tiny_manifest, tone, write_tiny_bundle

RATE = 16_000
TALK = tone("one", *[""] * 8, "two", "three", *[""] * 8)


@pytest.fixture
def pool(recognizer):
    with RecognizerPool([recognizer], 2) as pool:
        yield pool
    assert not multiprocessing.active_children()


def both(pool, recognizer, *sources, between=lambda: None):
    """What two threads at once are given for two sources, or what is raised; `between` both have a segment by then."""
    barrier = Barrier(2, action=between, timeout=60)

    def transcribe(source):
        segments, seconds = [], []

        def on_segment(segment):
            if not segments:
                barrier.wait()
            segments.append(segment)

        try:
            transcript = pool.transcribe(recognizer, source, on_segment=on_segment, on_progress=seconds.append)
        except (ZeroDivisionError, BrokenBarrierError) as error:
            return error
        return transcript, segments, seconds

    with ThreadPoolExecutor(2) as threads:
        return list(threads.map(transcribe, sources))


def test_each_process_hears_the_same(pool, recognizer, tmp_path):
    soundfile.write(tmp_path / "talk.wav", TALK, RATE, subtype="FLOAT")
    segments, seconds = [], []
    transcript = recognizer.transcribe(TALK, on_segment=segments.append, on_progress=seconds.append)
    assert len(segments) == 2
    assert both(pool, recognizer, TALK, TALK) == [(transcript, segments, seconds)] * 2
    assert len(multiprocessing.active_children()) == 1
    named = both(pool, recognizer, tmp_path / "talk.wav", str(tmp_path / "talk.wav"))
    assert [heard for heard, *_ in named] == [transcript] * 2


def test_one_process_serves_every_recogniser_and_none_starts_before_there_is_work(bundle):
    recognizers = [speech2text.load_model(bundle.folder, search=search) for search in ("ctc", "joint")]
    with RecognizerPool(recognizers, 3) as pool:
        for recognizer in recognizers:
            assert pool.transcribe(recognizer, TALK) == recognizer.transcribe(TALK)
        assert not multiprocessing.active_children()
        for recognizer in recognizers:
            heard, _ = both(pool, recognizer, TALK, TALK)
            assert heard[0] == recognizer.transcribe(TALK)
        assert len(multiprocessing.active_children()) == 1


def test_an_open_file_is_read_here(pool, recognizer):
    def as_file():
        file = io.BytesIO()
        soundfile.write(file, TALK, RATE, format="WAV", subtype="FLOAT")
        file.seek(0)
        return file

    transcript = recognizer.transcribe(TALK)
    assert [heard for heard, *_ in both(pool, recognizer, as_file(), as_file())] == [transcript] * 2
    assert not multiprocessing.active_children()


def test_the_work_of_a_process_that_dies_is_done_here(pool, recognizer):
    def kill():
        (process,) = multiprocessing.active_children()
        os.kill(process.pid, signal.SIGKILL)

    long = np.concatenate([TALK] * 40)
    segments = []
    transcript = recognizer.transcribe(long, on_segment=segments.append)
    for heard, its_segments, _ in both(pool, recognizer, long, long, between=kill):
        assert heard == transcript
        assert its_segments == segments
    assert both(pool, recognizer, TALK, TALK)[1][0] == recognizer.transcribe(TALK)


def test_what_a_caller_raises_reaches_the_caller_and_the_next_recording_is_heard(pool, recognizer):
    def fail():
        raise ZeroDivisionError

    raised = {type(each) for each in both(pool, recognizer, TALK, TALK, between=fail)}
    assert raised == {ZeroDivisionError, BrokenBarrierError}
    assert [len(segments) for _, segments, _ in both(pool, recognizer, TALK, TALK)] == [2, 2]


def test_warnings_of_another_process_are_those_of_this_one(pool, recognizer, tmp_path):
    soundfile.write(tmp_path / "whole.flac", np.concatenate([TALK] * 3), RATE)
    cut = tmp_path / "cut.flac"
    cut.write_bytes((tmp_path / "whole.flac").read_bytes()[:-20_000])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        both(pool, recognizer, cut, cut)
    told = {str(each.message) for each in caught if issubclass(each.category, AudioWarning)}
    assert len(caught) == 2
    assert len(told) == 1


def test_errors_of_another_process_are_those_of_this_one(pool, recognizer, tmp_path):
    both(pool, recognizer, TALK, TALK)
    (tmp_path / "none.wav").write_text("no sound")

    def fail(_):
        with pytest.raises(AudioError, match=r"none\.wav"):
            pool.transcribe(recognizer, tmp_path / "none.wav")

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(fail, range(8)))
    assert len(multiprocessing.active_children()) == 1


def test_a_recogniser_sent_elsewhere_keeps_its_options(tmp_path):
    folder = write_tiny_bundle(tmp_path / "tiny").folder
    (tmp_path / "hot.txt").write_text("three\n")
    recognizer = speech2text.load_model(folder, beam_size=3, n_best=2, hotwords=tmp_path / "hot.txt")
    (tmp_path / "hot.txt").unlink()
    sent = pickle.loads(pickle.dumps(recognizer))
    assert sent.decoding == recognizer.decoding
    assert sent.transcribe(TALK) == recognizer.transcribe(TALK)


def test_a_bundle_that_was_changed_is_not_opened_elsewhere(tmp_path, capfd):
    folder = write_tiny_bundle(tmp_path / "tiny").folder
    recognizer = speech2text.load_model(folder)
    shutil.rmtree(folder)
    write_bundle(folder, replace(tiny_manifest(), name="another"), tiny_files())
    with pytest.raises(BundleError, match="was changed"):
        pickle.loads(pickle.dumps(recognizer))
    with RecognizerPool([recognizer], 2) as pool:
        assert [heard for heard, *_ in both(pool, recognizer, TALK, TALK)] == [recognizer.transcribe(TALK)] * 2
    assert not capfd.readouterr().err
