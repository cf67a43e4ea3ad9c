"""What `import speech2text` offers, and what it costs."""

import inspect
import subprocess
import sys

import speech2text

NAMES = [
    "Alternative",
    "AudioError",
    "AudioWarning",
    "BundleError",
    "DamageWarning",
    "EndpointRules",
    "HotwordsError",
    "OutputError",
    "Recognizer",
    "Segment",
    "Speech2TextError",
    "Stream",
    "Transcript",
    "Update",
    "Word",
    "__version__",
    "load_model",
]


def test_the_public_names():
    assert sorted(speech2text.__all__) == dir(speech2text) == NAMES
    assert all(hasattr(speech2text, name) for name in NAMES)
    assert not hasattr(speech2text, "no_such_name")


def test_the_signatures():
    assert [*inspect.signature(speech2text.load_model).parameters] == [
        "name_or_path",
        "threads",
        "beam_size",
        "search",
        "chunk_seconds",
        "lm_weight",
        "hotwords",
        "hotwords_score",
        "n_best",
        "other_speeds",
    ]
    methods = speech2text.Recognizer
    assert [*inspect.signature(methods.transcribe).parameters] == [
        "self",
        "source",
        "sample_rate",
        "on_progress",
        "on_segment",
        "endpoints",
    ]
    assert [*inspect.signature(methods.stream).parameters] == ["self", "sample_rate", "partials", "endpoints"]
    assert [*inspect.signature(methods.recognise).parameters] == ["self", "samples"]


def test_importing_loads_nothing_heavy():
    code = "import speech2text, sys; print([name for name in ('numpy', 'onnxruntime') if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"
