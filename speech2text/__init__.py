"""Speech to text, offline: Listen, Attend and Spell (Chan et al. 2016).

    import speech2text

    model = speech2text.load_model()
    print(model.transcribe("talk.wav").text)

Importing the package loads nothing; each name below loads its module when it is first used.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

# Newer builds of ONNX Runtime report what they run to their maker, unless this is there before they are imported
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from speech2text.errors import (
        AudioError,
        AudioWarning,
        BundleError,
        DamageWarning,
        HotwordsError,
        OutputError,
        Speech2TextError,
    )
    from speech2text.runtime.endpoints import EndpointRules
    from speech2text.runtime.loading import load_model
    from speech2text.runtime.recognizer import Recognizer
    from speech2text.runtime.stream import Stream, Update
    from speech2text.text.transcript import Alternative, Segment, Transcript, Word

    __version__: str

__all__ = [
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

_HOMES = {
    "Alternative": "speech2text.text.transcript",
    "AudioError": "speech2text.errors",
    "AudioWarning": "speech2text.errors",
    "BundleError": "speech2text.errors",
    "DamageWarning": "speech2text.errors",
    "EndpointRules": "speech2text.runtime.endpoints",
    "HotwordsError": "speech2text.errors",
    "OutputError": "speech2text.errors",
    "Recognizer": "speech2text.runtime.recognizer",
    "Segment": "speech2text.text.transcript",
    "Speech2TextError": "speech2text.errors",
    "Stream": "speech2text.runtime.stream",
    "Transcript": "speech2text.text.transcript",
    "Update": "speech2text.runtime.stream",
    "Word": "speech2text.text.transcript",
    "load_model": "speech2text.runtime.loading",
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("speech2text")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'speech2text' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
