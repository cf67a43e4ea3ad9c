"""From the name of a bundle to a recogniser. Importing this loads neither NumPy nor ONNX Runtime: opening one does."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from speech2text.runtime.options import HOTWORDS_SCORE, HotwordSource, Search, SearchOptions

if TYPE_CHECKING:
    from speech2text.runtime.recognizer import Recognizer


def load_model(
    name_or_path: str | os.PathLike[str] | None = None,
    threads: int = 1,
    *,
    beam_size: int | None = None,
    search: Search = "joint",
    chunk_seconds: float | None = None,
    lm_weight: float | None = None,
    hotwords: HotwordSource = (),
    hotwords_score: float = HOTWORDS_SCORE,
    n_best: int = 1,
    other_speeds: Sequence[float] | None = None,
) -> Recognizer:
    """Open a recogniser.

    Args:
        name_or_path: the folder of a bundle; None or "default" is the model inside the package.
        threads: how many threads one call may use; the result does not depend on it. The recogniser may also be used
            from many threads at once.
        beam_size: readings kept at each step of the search, instead of the number the bundle was tuned for.
        search: "joint" weighs both heads and is the most accurate; "ctc" takes the likeliest token of each frame and
            is the fastest; "attention" takes the speller's likeliest next token, to see what it does alone.
        chunk_seconds: hear in separate chunks of this length instead of each span whole.
        lm_weight: how much the bundle's language model counts, instead of what the bundle was tuned for; 0 is nothing.
        hotwords: words and phrases to expect, as a list, or as a `pathlib.Path` to a file with one a line.
        hotwords_score: what each letter of a hot word adds to the score of a reading; 0 is nothing.
        n_best: how many readings of each segment to give in `Segment.alternatives`, best first; fewer where the search
            finds fewer, none for 1. Of each of several hearings, see other_speeds, 8 count. The text is the same.
        other_speeds: how many times as fast each span is heard, beside as it came, instead of what the bundle was tuned
            for; the text is the one on which all hearings agree best. () hears it once: fastest, and a little less
            right where the bundle has some.

    lm_weight above 0, hotwords, other_speeds and n_best above 1 are for the joint search, and an error with the others,
    which look at no beam_size or hotwords_score either.

    Raises:
        BundleError: no such bundle, a file in it was changed, its format is newer than this version, or it has no
            language model and lm_weight is above 0.
        HotwordsError: the file of hot words cannot be read, or the model has no pieces to write one with.
        TypeError: a setting of the wrong kind; hotwords that are a text could be a phrase or the name of a file.
        ValueError: n_best below 1, threads not 1 to 1024, beam_size not 1 to 1000, lm_weight or hotwords_score not 0 to
            100, other_speeds not 0.5 to 2 or more than 8, no such search, a setting that this search has no use for, or
            chunks that are not of some length.
    """
    options = SearchOptions(
        threads=threads,
        beam_size=beam_size,
        search=search,
        chunk_seconds=chunk_seconds,
        lm_weight=lm_weight,
        hotwords=hotwords,
        hotwords_score=hotwords_score,
        n_best=n_best,
        other_speeds=other_speeds,
    )
    return open_recognizer(name_or_path, options)


def open_recognizer(name_or_path: str | os.PathLike[str] | None, options: SearchOptions) -> Recognizer:
    """`load_model` for whoever has the options already.

    Raises:
        BundleError, HotwordsError: see there.
    """
    from speech2text.bundle.store import find_bundle, open_bundle

    with ThreadPoolExecutor(1) as side:
        opening = side.submit(open_bundle, find_bundle(name_or_path))
        from speech2text.runtime.recognizer import Recognizer  # while the files are read and hashed: it takes as long

        bundle = opening.result()
    return Recognizer(bundle, options)
