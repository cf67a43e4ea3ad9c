"""From sound to transcript, with graphs that hear exactly what they should."""

import io
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import soundfile

import speech2text
from speech2text.audio.files import read_audio
from speech2text.bundle.store import find_bundle
from speech2text.bundle.writer import write_bundle
from speech2text.decoding.greedy import ctc_greedy
from speech2text.errors import AudioError, BundleError
from speech2text.runtime.recognizer import Recognizer
from speech2text.runtime.segmenter import Span
from speech2text.runtime.words import timed_words
from tests.tiny_bundle import tiny_files, tiny_manifest, tone, write_tiny_bundle

RATE = 16_000


def test_words_have_the_times_at_which_they_are_said(recognizer):
    segment = recognizer.recognise(tone("", "one", "", "two", "three", seconds=0.4))
    assert segment.text == "one two three"
    assert (segment.start, segment.end) == (pytest.approx(0.4, abs=0.02), pytest.approx(2.0))
    assert [word.text for word in segment.words] == ["one", "two", "three"]
    edges = [time for word in segment.words for time in (word.start, word.end)]
    assert edges == pytest.approx([0.4, 0.8, 1.2, 1.6, 1.6, 2.0], abs=0.1)
    assert all(0.99 < word.confidence <= 1 for word in segment.words)


def test_times_count_from_the_start_of_the_recording(recognizer):
    transcript = recognizer.transcribe(tone(*[""] * 15, "one", *[""] * 4))
    assert transcript.duration == 8.0
    (segment,) = transcript.segments
    assert (segment.start, segment.end) == (pytest.approx(6.0, abs=0.02), pytest.approx(6.4, abs=0.02))


@pytest.mark.parametrize("start", [160, 1120, 12_480])
def test_nothing_ends_after_its_span_however_times_are_rounded(recognizer, start):
    assert start / RATE + 0.4 > (start + 6400) / RATE, "as 0.01 + 0.4 is more than 0.41"
    for samples in (tone("one"), np.zeros(6400, np.float32)):
        span = Span(start, samples)
        segment = recognizer.recognise_span(span)
        assert [segment.end, *(word.end for word in segment.words)] == [span.end] * (1 + len(segment.words))


@pytest.mark.parametrize("samples", [0, 1, 100])
def test_nothing_said_is_an_empty_transcript(recognizer, samples):
    transcript = recognizer.transcribe(np.zeros(samples, np.float32))
    assert transcript.text == ""
    assert transcript.segments == ()
    assert transcript.duration == samples / RATE


def test_a_path_a_stream_and_an_array_give_the_same(recognizer, tmp_path):
    samples = tone("one", "two", "", "two")
    path = tmp_path / "talk.wav"
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    transcript = recognizer.transcribe(samples)
    assert transcript.text == "one two two"
    assert recognizer.transcribe(path) == transcript
    assert recognizer.transcribe(str(path)) == transcript
    assert recognizer.transcribe(io.BytesIO(path.read_bytes())) == transcript


def test_no_name_and_a_closed_file_are_told(recognizer, tmp_path):
    with pytest.raises(AudioError, match=r"^an empty name; give a recording$"):
        recognizer.transcribe("")
    with (tmp_path / "a.wav").open("wb+") as file:
        pass
    with pytest.raises(AudioError, match=r"a\.wav: closed already; open it again"):
        recognizer.transcribe(file)


def test_an_array_of_another_rate_and_two_channels(recognizer):
    samples = tone("two", "three", rate=48_000)
    stereo = np.stack([samples, samples], axis=1)
    assert recognizer.transcribe((stereo * 32767).astype(np.int16), sample_rate=48_000).text == "two three"


def test_a_rate_of_zero_is_not_the_default(recognizer):
    with pytest.raises(ValueError, match="rate of 0 Hz is impossible"):
        recognizer.transcribe(tone("one"), sample_rate=0)


@pytest.mark.parametrize("rate", [None, 16_000])
@pytest.mark.parametrize("source", [[0.0, 0.1], b"RIFF", None, io.StringIO("RIFF")])
def test_what_is_no_source_is_a_type_error_that_names_what_is_taken(recognizer, source, rate):
    with pytest.raises(TypeError, match=rf"path of .* binary file .* NumPy array .*, not {type(source).__name__}"):
        recognizer.transcribe(source, sample_rate=rate)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"search": "greedy"}, "search must be one of joint, ctc, attention, not 'greedy'"),
        ({"chunk_seconds": 0}, "chunk_seconds must be a number above 0"),
        ({"chunk_seconds": -1.0}, "chunk_seconds must be"),
        ({"chunk_seconds": float("nan")}, "chunk_seconds must be"),
        ({"chunk_seconds": float("inf")}, "chunk_seconds must be"),
    ],
)
def test_settings_that_make_no_sense_are_refused(bundle, settings, message):
    with pytest.raises(ValueError, match=message):
        speech2text.load_model(bundle.folder, **settings)


def test_a_chunk_longer_than_any_recording_hears_it_whole(bundle, recognizer):
    samples = tone("one", "two")[:-100]
    chunked = speech2text.load_model(bundle.folder, chunk_seconds=1e308)
    assert chunked.recognise(samples) == recognizer.recognise(samples)


def test_a_file_knows_its_own_rate(recognizer, tmp_path):
    with pytest.raises(ValueError, match="for arrays only"):
        recognizer.transcribe(tmp_path / "talk.wav", sample_rate=8000)


def test_errors_of_a_source_are_audio_errors(recognizer, tmp_path):
    with pytest.raises(AudioError):
        recognizer.transcribe(tmp_path / "missing.wav")
    with pytest.raises(AudioError):
        recognizer.transcribe(np.full(10, np.nan, np.float32))


def test_a_long_recording_is_cut_and_its_times_go_on(recognizer):
    # "three" alone: it is the quietest, so that a frame which is half silence says no other word
    transcript = recognizer.transcribe(tone(*["three", ""] * 27, seconds=1.0))
    assert transcript.text == " ".join(["three"] * 27)
    assert len(transcript.segments) > 1
    starts = [word.start for word in transcript.words]
    assert starts == pytest.approx(list(range(0, 54, 2)), abs=0.05)
    for earlier, later in zip(transcript.segments, transcript.segments[1:], strict=False):
        assert earlier.end <= later.start


def test_progress_tells_the_seconds_heard(recognizer):
    heard = []
    transcript = recognizer.transcribe(tone(*["one", ""] * 25, seconds=1.0), on_progress=heard.append)
    assert heard == sorted(heard)
    assert len(heard) > 1
    assert heard[-1] == transcript.duration == 50.0


def test_progress_after_a_segment_is_past_its_end(recognizer):
    told = []
    transcript = recognizer.transcribe(
        tone(*["one", ""] * 25, seconds=1.0), on_progress=told.append, on_segment=told.append
    )
    after = [told[told.index(segment) + 1] for segment in transcript.segments]
    assert all(segment.end <= seconds for segment, seconds in zip(transcript.segments, after, strict=True))


def test_recognise_hears_one_span_whole(recognizer):
    segment = recognizer.recognise(tone(*["one", ""] * 15, seconds=1.0))
    assert segment.text == " ".join(["one"] * 15)
    silent = speech2text.Segment("", 0.0, 1.0, guard="silence")
    assert recognizer.recognise(np.zeros(RATE, np.float32)) == silent


def test_one_recogniser_serves_many_threads(recognizer):
    sounds = [tone(*words) for words in (("one",), ("two", "three"), ("three", "", "three"), ("one", "two"))] * 4
    alone = [recognizer.transcribe(sound) for sound in sounds]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(recognizer.transcribe, sounds)) == alone


def test_the_result_does_not_depend_on_the_threads_of_a_call(bundle, recognizer):
    sound = tone("one", "", "three", "two")
    assert speech2text.load_model(bundle.folder, threads=2).transcribe(sound) == recognizer.transcribe(sound)


def test_the_beam_size_can_be_chosen(bundle, recognizer):
    assert recognizer.decoding == bundle.manifest.decoding
    chosen = speech2text.load_model(bundle.folder, beam_size=1).decoding
    assert chosen.beam_size == 1
    assert chosen.ctc_weight == bundle.manifest.decoding.ctc_weight
    for impossible in (0, 1001):
        with pytest.raises(ValueError, match="beam_size must be 1 to 1000"):
            speech2text.load_model(bundle.folder, beam_size=impossible)


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        (["<blank>", "<end>", "▁one"], "has 3 pieces, and the model 5"),
        (["▁one", "▁two", "▁three", "a", "b"], "cannot be used"),
        (["<blank>", "<end>", "▁one", "▁one", "▁two"], "cannot be used"),
        (["<blank>", "<end>", "▁one", "", "▁two"], "cannot be used"),
        (["<blank>", "<end>", 1, 2, None], "cannot be used"),
    ],
)
def test_pieces_that_do_not_fit_the_model_are_refused(tmp_path, pieces, message):
    files = tiny_files() | {"pieces.json": json.dumps({"pieces": pieces, "merges": []}).encode()}
    with pytest.raises(BundleError, match=rf"pieces\.json {message}"):
        Recognizer(write_bundle(tmp_path / "odd", tiny_manifest(), files))


@pytest.mark.parametrize("content", ['{"pieces": [], "merges": [["a"]]}', '{"merges": []}', "[" * 100_000])
def test_a_file_of_pieces_that_makes_no_sense_is_refused(tmp_path, content):
    with pytest.raises(BundleError, match=r"pieces\.json cannot be used; export the model again"):
        Recognizer(write_bundle(tmp_path / "odd", tiny_manifest(), tiny_files() | {"pieces.json": content.encode()}))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"speller": {"layers": 1, "units": 9}}, r"speller\.onnx: hidden has the sizes \(any, any, 1, 1\), and the "
         r"manifest says \(any, any, 1, 9\)"),
        ({"speller": {"layers": 2, "units": 1}}, r"speller\.onnx: hidden has"),
        ({"listener_state": {"pcm_state": [240], "forward_hidden": [1, 7], "forward_cell": [1, 1]}},
         r"listener\.onnx: forward_hidden has"),
        ({"listener_state": {"pcm_state": [2, 120], "forward_hidden": [1, 1], "forward_cell": [1, 1]}},
         r"listener\.onnx: pcm_state has"),
    ],
)  # fmt: skip
def test_a_manifest_that_contradicts_the_graphs_is_refused(tmp_path, model, message):
    folder = write_tiny_bundle(tmp_path / "edited").folder
    values = json.loads((folder / "manifest.json").read_text())
    values["model"] |= model
    (folder / "manifest.json").write_text(json.dumps(values))
    with pytest.raises(BundleError, match=message):
        speech2text.load_model(folder)


def test_each_search_reads_the_heads_it_is_named_after(bundle):
    samples = tone("one", "two")
    joint, ctc, attention = (
        speech2text.load_model(bundle.folder, search=search).recognise(samples)
        for search in ("joint", "ctc", "attention")
    )
    assert joint.text == ctc.text == "one two"
    assert attention.text == "", "the tiny speller alone ends at once"


def test_chunks_are_heard_as_a_stream_would(bundle, recognizer):
    samples = tone("one", "two", "three")
    chunked = speech2text.load_model(bundle.folder, search="ctc", chunk_seconds=0.5)
    heard = recognizer.listener.listen(samples, chunk_seconds=0.5)
    tokens = ctc_greedy(heard.ctc_log_probs)
    assert chunked.recognise(samples).text == recognizer.tokenizer.decode(tokens)


def test_the_model_inside_hears_otherwise_in_chunks():
    whole, chunked = (speech2text.load_model(search="ctc", chunk_seconds=seconds) for seconds in (None, 0.2))
    samples = read_audio(find_bundle(None) / whole.manifest.sample.audio)
    heard = whole.listener.listen(samples, chunk_seconds=0.2).ctc_log_probs
    frame, confidence = whole.manifest.model.memory_frame_seconds, whole.manifest.confidence
    words = timed_words(whole.tokenizer, heard, ctc_greedy(heard), frame, samples, confidence=confidence)
    assert chunked.recognise(samples).words == words
    assert whole.recognise(samples).words != words
