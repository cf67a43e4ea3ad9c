"""A language model joins a bundle in memory: proved, made int8, weighted, or taken over from another bundle."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from speech2text.bundle.manifest import LANGUAGE_MODEL_NAME, PIECES_NAME, LanguageModelShape, TextSource
from speech2text.bundle.store import Bundle
from speech2text.decoding import protocols
from speech2text.decoding.protocols import END
from speech2text.errors import ExportError
from speech2text.model.language_model import LanguageModel
from speech2text.runtime.language_model import OnnxLanguageModel
from speech2text.training.language_model import Perplexity, perplexity_of
from speech2text.training.sentences import Sentences
from speech2text_export.language_model_graph import language_model_graph
from speech2text_export.parity import check_language_model_parity
from speech2text_export.quantization import quantize

TOGETHER = 64
"""Sentences that the graph reads side by side."""


def add_language_model(
    bundle: Bundle, model: LanguageModel, texts: Sequence[TextSource], lm_weight: float
) -> tuple[Bundle, float]:
    """The same bundle with a language model, in int8 or with its LSTM in four bits, in place of one that it may have.

    Args:
        bundle: of the recogniser whose pieces the model was trained on.
        model: in evaluation mode.
        texts: what it was trained on.
        lm_weight: how much it counts in the search.

    Returns:
        the bundle, and the largest difference between a log-probability of the fp32 graph and of the model.

    Raises:
        ExportError: the model is of other pieces, or its graph is not equal to it.
    """
    config, vocabulary = model.config, bundle.manifest.model.vocabulary
    if config.vocabulary != vocabulary:
        raise ExportError(
            f"the language model knows {config.vocabulary} pieces and the bundle {vocabulary}; "
            "train it with the pieces of this bundle"
        )
    graph = language_model_graph(model)
    difference = check_language_model_parity(model, graph.SerializeToString())
    shape = LanguageModelShape(config.layers, config.units, tuple(texts))
    quantised = quantize(graph, config.lstm_bits).SerializeToString()
    return set_lm_weight(_put(bundle, shape, quantised), lm_weight), difference


def take_language_model(bundle: Bundle, source: Bundle) -> Bundle:
    """The same bundle with the language model of another bundle and, if it names no weight, the weight it has there.

    Raises:
        ExportError: the other has none, or one of other pieces.
    """
    shape = source.manifest.language_model
    if shape is None:
        raise ExportError(f"{source.folder}: has no language model; `speech2text train-lm` adds one to a bundle")
    if json.loads(source.files[PIECES_NAME]) != json.loads(bundle.files[PIECES_NAME]):
        raise ExportError(
            f"{source.folder}: its language model is of other pieces than the model; "
            "export without it, then add one with `speech2text train-lm`"
        )
    with_model = _put(bundle, shape, source.files[LANGUAGE_MODEL_NAME])
    return set_lm_weight(with_model, bundle.manifest.decoding.lm_weight or source.manifest.decoding.lm_weight)


def set_lm_weight(bundle: Bundle, lm_weight: float, length_bonus: float | None = None) -> Bundle:
    """The same bundle with another weight of its language model, and another length bonus if one is given.

    A language model makes every further token cost something, which a bonus for each gives back.
    """
    decoding = bundle.manifest.decoding
    bonus = decoding.length_bonus if length_bonus is None else length_bonus
    decoding = replace(decoding, lm_weight=lm_weight, length_bonus=bonus)
    return replace(bundle, manifest=replace(bundle.manifest, decoding=decoding))


def bundled_perplexity(bundle: Bundle, sentences: Sentences) -> Perplexity:
    """The perplexity of sentences for the language model as it is in a bundle that has one, step by step."""
    shape = bundle.manifest.language_model
    assert shape is not None
    model = OnnxLanguageModel(bundle.files[LANGUAGE_MODEL_NAME], shape, bundle.manifest.model.vocabulary)
    rows = sorted(sentences.rows(), key=len)
    batches = (rows[start : start + TOGETHER] for start in range(0, len(rows), TOGETHER))
    return perplexity_of(math.fsum(_loss(model, batch) for batch in batches), sentences)


def _loss(model: protocols.LanguageModel, rows: Sequence[NDArray[np.int32]]) -> float:
    """The negative log-probability of all tokens of the sentences and of their ends."""
    tokens = np.full((len(rows), 1 + max(map(len, rows)) + 1), END)  # END before the first and after the last
    for row, sentence in zip(tokens, rows, strict=True):
        row[1 : 1 + len(sentence)] = sentence
    lengths = np.array([len(row) + 1 for row in rows])
    state = model.start().select(np.zeros(len(rows), np.int64))
    loss = 0.0
    for position in range(tokens.shape[1] - 1):
        log_probs, state = model.step(tokens[:, position], state)
        said = log_probs[np.arange(len(rows)), tokens[:, position + 1]]
        loss -= float(said[position < lengths].sum())
    return loss


def _put(bundle: Bundle, shape: LanguageModelShape, graph: bytes) -> Bundle:
    files = {**bundle.files, LANGUAGE_MODEL_NAME: graph}
    return replace(bundle, manifest=replace(bundle.manifest, language_model=shape), files=files)
