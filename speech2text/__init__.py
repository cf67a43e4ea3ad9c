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

if TYPE_CHECKING:
    from collections.abc import Sequence

    from speech2text.errors import AudioError, BundleError, HotwordsError, OutputError, Speech2TextError
    from speech2text.runtime.recognizer import Recognizer, Search
    from speech2text.runtime.segmenter import EndpointRules
    from speech2text.runtime.stream import Update
    from speech2text.text.transcript import Segment, Transcript, Word

    __version__: str

__all__ = [
    "AudioError",
    "BundleError",
    "EndpointRules",
    "HotwordsError",
    "OutputError",
    "Recognizer",
    "Segment",
    "Speech2TextError",
    "Transcript",
    "Update",
    "Word",
    "__version__",
    "load_model",
]

_HOMES = {
    "AudioError": "speech2text.errors",
    "BundleError": "speech2text.errors",
    "EndpointRules": "speech2text.runtime.segmenter",
    "HotwordsError": "speech2text.errors",
    "OutputError": "speech2text.errors",
    "Recognizer": "speech2text.runtime.recognizer",
    "Segment": "speech2text.text.transcript",
    "Speech2TextError": "speech2text.errors",
    "Transcript": "speech2text.text.transcript",
    "Update": "speech2text.runtime.stream",
    "Word": "speech2text.text.transcript",
}


HOTWORDS_SCORE = 0.5
"""For each letter of a hot word, in nats; recipes/measurements/hotwords.py shows what other values do."""
LARGEST_BEAM = 1000
LARGEST_WEIGHT = 100.0
"""Of the language model, and of a letter of a hot word: long before it nothing else counts."""


def load_model(
    name_or_path: str | os.PathLike[str] | None = None,
    threads: int = 1,
    *,
    beam_size: int | None = None,
    search: Search = "joint",
    chunk_seconds: float | None = None,
    lm_weight: float | None = None,
    hotwords: Sequence[str] | os.PathLike[str] = (),
    hotwords_score: float = HOTWORDS_SCORE,
    n_best: int = 1,
) -> Recognizer:
    """Open a recogniser.

    Args:
        name_or_path: the folder of a bundle; None or "default" is the model inside the package.
        threads: how many threads one call may use; the result does not depend on it. The recogniser may also be used
            from many threads at once.
        beam_size: readings kept at each step of the search, instead of the number the bundle was tuned for.
        search: "joint" weighs both heads and is the most accurate; "ctc" takes the likeliest token of each frame and
            is the fastest; "attention" takes the speller's likeliest next token, to see what it does alone.
        chunk_seconds: hear in chunks of this length, as a stream does, instead of each span whole.
        lm_weight: how much the bundle's language model counts, instead of what the bundle was tuned for; 0 is nothing.
        hotwords: words and phrases to expect, as a list, or as a `pathlib.Path` to a file with one a line.
        hotwords_score: what each letter of a hot word adds to the score of a reading; 0 is nothing.
        n_best: how many readings of each segment to give in `Segment.alternatives`, best first; fewer where the search
            finds fewer, none for 1. The text is the same.

    lm_weight above 0, hotwords and n_best above 1 are for the joint search, and an error with the others, which look at
    no beam_size or hotwords_score either.

    Raises:
        BundleError: no such bundle, a file in it was changed, its format is newer than this version, or it has no
            language model and lm_weight is above 0.
        HotwordsError: the file of hot words cannot be read, or the model has no pieces to write one with.
        ValueError: threads or n_best below 1, beam_size not 1 to 1000, lm_weight or hotwords_score not 0 to 100, no
            such search, a setting that this search has no use for, or chunks that are not of some length.
    """
    from concurrent.futures import ThreadPoolExecutor
    from dataclasses import replace

    from speech2text.bundle.store import find_bundle, open_bundle

    if threads < 1:
        raise ValueError(f"threads must be at least 1, not {threads}")
    if beam_size is not None and not 1 <= beam_size <= LARGEST_BEAM:
        raise ValueError(f"beam_size must be 1 to {LARGEST_BEAM}, not {beam_size}")
    if lm_weight is not None and not 0 <= lm_weight <= LARGEST_WEIGHT:
        raise ValueError(f"lm_weight must be 0 to {LARGEST_WEIGHT:g}, not {lm_weight}")
    if not 0 <= hotwords_score <= LARGEST_WEIGHT:
        raise ValueError(f"hotwords_score must be 0 to {LARGEST_WEIGHT:g}, not {hotwords_score}")
    if search != "joint" and lm_weight:
        raise ValueError(f"lm_weight is for the joint search, and search is {search!r}")
    with ThreadPoolExecutor(1) as side:
        opening = side.submit(open_bundle, find_bundle(name_or_path))
        from speech2text.runtime.recognizer import Recognizer  # while the files are read and hashed: it takes as long

        bundle = opening.result()
    decoding = bundle.manifest.decoding
    if beam_size is not None:
        decoding = replace(decoding, beam_size=beam_size)
    if lm_weight is not None:
        decoding = replace(decoding, lm_weight=lm_weight)
    return Recognizer(
        bundle,
        threads,
        decoding,
        search=search,
        chunk_seconds=chunk_seconds,
        hotwords=hotwords,
        hotwords_score=hotwords_score,
        n_best=n_best,
    )


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("speech2text")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'speech2text' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
