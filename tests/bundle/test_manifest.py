"""What a manifest must hold, and what it says when it does not."""

import json

import pytest

from speech2text.bundle.manifest import ErrorRate, FileRecord, LanguageModelShape, Manifest, TextSource
from speech2text.errors import BundleError
from tests.tiny_bundle import tiny_files, tiny_manifest


@pytest.fixture
def data():
    """A manifest that is right, as JSON values."""
    values = json.loads(tiny_manifest().to_json())
    values["files"] = {name: {"sha256": "0" * 64, "bytes": 1} for name in tiny_files()}
    return values


def refusal(data):
    with pytest.raises(BundleError) as error:
        Manifest.from_json(json.dumps(data))
    return str(error.value)


@pytest.mark.parametrize(("high", "limits"), [(0.0, "-"), (0.125, "0.0 to 12.5 %")])
def test_an_interval_without_a_width_is_none(high, limits):
    assert ErrorRate(wer=0.0, low=0.0, high=high, words=3).limits(1) == limits


def test_to_json_and_from_json_are_inverse(data):
    manifest = Manifest.from_json(json.dumps(data))
    assert Manifest.from_json(manifest.to_json()) == manifest
    assert manifest.files["listener.onnx"] == FileRecord("0" * 64, 1)
    assert json.loads(manifest.to_json()) == data


def test_keys_that_may_be_left_out_are_read_and_written_again(data):
    data["decoding"] |= {"length_normalization": 0.6, "end_threshold": 1.5, "coverage_weight": 0.1, "lm_weight": 0.3}
    data["decoding"] |= {"speech_threshold": -2.5, "other_speeds": [0.9, 1.1], "beam_threshold": 4.0}
    data["confidence"] = {"slope": 0.7, "bias": -0.2}
    texts = {"name": "letters of a family", "words": 1000, "licence": "CC0-1.0"}
    data["language_model"] = {"layers": 1, "units": 320, "texts": [texts]}
    data["files"]["lm.onnx"] = {"sha256": "0" * 64, "bytes": 1}
    manifest = Manifest.from_json(json.dumps(data))
    assert (manifest.decoding.lm_weight, manifest.language_model) == (
        0.3,
        LanguageModelShape(1, 320, (TextSource(**texts),)),
    )
    assert json.loads(manifest.to_json()) == data


def test_a_language_model_is_not_there_without_its_key(data):
    data["files"]["lm.onnx"] = {"sha256": "0" * 64, "bytes": 1}
    assert "'language_model' and the file lm.onnx must be there both" in refusal(data)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("format_version",), 2, "upgrade"),
        (("format",), "zip", "not describe a bundle"),
        (("parameters",), "many", "parameters must be a whole number, not 'many'"),
        (("parameters",), True, "parameters must be a whole number, not True"),
        (("model", "reduction"), 4.5, "model.reduction must be a whole number, not 4.5"),
        (("model", "chunk_frames"), 63, "multiple of the reduction"),
        (("model", "reduction"), 10**9, "model.frame_samples x model.reduction must be a second at most"),
        (("model", "listener_state", "pcm_state"), ["x"], "model.listener_state.pcm_state[0] must be a whole number"),
        (("data",), {}, "data must be a list"),
        (("data", 0, "hours"), "1", "data[0].hours must be a number"),
        (("wer",), [], "wer must be a JSON object"),
        (("wer", "a\nb"), 5, r"'wer.a\nb' must be a JSON object, not 5"),
        (("decoding", "ctc_weight"), 1.5, "ctc_weight must be 0, or 1e-06 to 1"),
        (("decoding", "other_speeds"), [1.0, 2.5], "decoding.other_speeds must be 0.5 to 2, not 2.5"),
        (("decoding", "other_speeds"), [1.1] * 9, "decoding.other_speeds must be 8 at most, not 9"),
        (("decoding", "other_speeds"), ["fast"], "decoding.other_speeds[0] must be a number, not 'fast'"),
        (("decoding", "ctc_weight"), 1e-300, "ctc_weight must be 0, or 1e-06 to 1"),
        (("decoding", "length_bonus"), -1e12, "length_bonus must be within 100 of 0"),
        (("decoding", "beam_size"), 0, "beam_size must be 1 to 1000"),
        (("decoding", "coverage_weight"), -1.0, "decoding.coverage_weight must be 0 to 100"),
        (("decoding", "beam_threshold"), -1.0, "decoding.beam_threshold must be 0 to 100"),
        (("decoding", "end_threshold"), float("inf"), "JSON that can be read (Infinity is no number)"),
        (("decoding", "length_normalization"), float("nan"), "JSON that can be read (NaN is no number)"),
        (("decoding", "length_bonus"), 10**400, "decoding.length_bonus must be a number that is finite"),
        (("confidence",), {"slope": 0.0, "bias": 0.0}, "confidence.slope must be above 0"),
        (("confidence",), {"slope": 1.0, "bias": -1000.0}, "confidence.bias must be within 100 of 0"),
        (("decoding", "lm_weight"), 1e300, "decoding.lm_weight must be 0 to 100"),
        (("model", "chunk_frames"), 64 * 10**400, "model.chunk_frames must be 1 to 2147483648"),
        (("decoding", "lm_weight"), 0.5, "decoding.lm_weight needs a language model in the bundle"),
        (("language_model",), {"layers": 1, "units": 8}, "'language_model' and the file lm.onnx must be there both"),
        (("language_model",), None, "language_model must be a JSON object, not None"),
        (("language_model",), {"layers": 1}, "'language_model.units' is missing"),
        (("precision",), "fp64", "precision must be one of"),
        (("lisence",), "MIT", "unknown key 'lisence'; is it 'licence'?"),
        (("sample", "audio"), "other.flac", "'other.flac' is missing"),
        (("files", "../evil"), {"sha256": "0" * 64, "bytes": 1}, "'../evil' is not a plain file name"),
        (("files", "/etc/passwd"), {"sha256": "0" * 64, "bytes": 1}, "not a plain file name"),
        (("files", "a\\b"), {"sha256": "0" * 64, "bytes": 1}, "not a plain file name"),
        (("files", ".."), {"sha256": "0" * 64, "bytes": 1}, "not a plain file name"),
        (("files", "listener.onnx", "sha256"), "abc", "not a SHA-256"),
    ],
)
def test_a_wrong_value_is_named(data, path, value, message):
    target = data
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    assert message in refusal(data)


@pytest.mark.parametrize("key", sorted(json.loads(tiny_manifest().to_json())))
def test_every_key_is_needed(data, key):
    del data[key]
    assert key in refusal(data)


def test_what_is_not_json_is_refused():
    for text in ("{", '{"parameters": NaN}', '{"parameters": -Infinity}', "[" * 100_000, "1" * 5000):
        with pytest.raises(BundleError, match="not JSON"):
            Manifest.from_json(text)


def test_a_number_too_large_for_a_float_is_refused(data):
    data["decoding"]["length_bonus"] = "HERE"
    with pytest.raises(BundleError, match="length_bonus must be a number that is finite"):
        Manifest.from_json(json.dumps(data).replace('"HERE"', "1e999"))
