"""From a model to a bundle in memory, to its int8 twin, to a folder."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import onnx
import soundfile

from speech2text.bundle import tensors
from speech2text.bundle.manifest import (
    LISTENER_NAME,
    PIECES_NAME,
    SPELLER_NAME,
    DataSource,
    Decoding,
    ErrorRate,
    Manifest,
    ModelShape,
    Sample,
    SpellerShape,
)
from speech2text.bundle.store import Bundle
from speech2text.bundle.writer import write_bundle
from speech2text.decoding.protocols import FloatArray
from speech2text.disk import as_utf8
from speech2text.model.config import LASConfig
from speech2text.model.frontend import HOP_SAMPLES, OVERLAP_SAMPLES, SAMPLE_RATE
from speech2text.model.las import LAS
from speech2text.runtime.recognizer import Recognizer
from speech2text.text.tokenizer import Tokenizer
from speech2text_export.listener_graph import listener_graph
from speech2text_export.model_card import model_card
from speech2text_export.parity import check_parity
from speech2text_export.quantization import quantize
from speech2text_export.speller_graph import speller_graph

SAMPLE_NAME = "sample.flac"
CARD_NAME = "README.md"


@dataclass(frozen=True)
class Facts:
    """What a bundle says of a model that its weights do not."""

    name: str
    description: str
    languages: tuple[str, ...]
    licence: str
    data: tuple[DataSource, ...]
    decoding: Decoding
    chunk_frames: int
    """Feature frames a stream hears at a time, a multiple of the model's reduction."""


def make_bundle(
    model: LAS, tokenizer: Tokenizer, facts: Facts, sample: FloatArray, folder: Path
) -> tuple[Bundle, float]:
    """A bundle in memory that will stand in `folder`; its card and the text of its sample come when it is written.

    Args:
        model: in evaluation mode.
        tokenizer: with as many pieces as the model has tokens.
        facts: for the manifest.
        sample: a recording (N,) at 16 kHz that goes with the bundle.
        folder: nothing is written to it yet.

    Returns:
        the bundle, and the largest difference between a log-probability of its graphs and of the model.

    Raises:
        ExportError: the graphs are not equal to the model.
    """
    listener = listener_graph(model.listener).SerializeToString()
    speller = speller_graph(model.speller).SerializeToString()
    difference = check_parity(model, listener, speller)
    manifest = Manifest(
        name=facts.name,
        description=facts.description,
        languages=facts.languages,
        licence=facts.licence,
        data=facts.data,
        precision="fp32",
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        model=_shape(model.config, facts.chunk_frames),
        decoding=facts.decoding,
        wer={},
        sample=Sample(SAMPLE_NAME, ""),
        files={},
    )
    files = {
        LISTENER_NAME: listener,
        SPELLER_NAME: speller,
        PIECES_NAME: json.dumps(tokenizer.to_json(), ensure_ascii=False, indent=1).encode(),
        SAMPLE_NAME: _flac(sample),
    }
    return Bundle(folder, manifest, files), difference


def quantize_bundle(bundle: Bundle, listener_bits: int = 8) -> Bundle:
    """The same bundle with int8 graphs; the LSTMs of its listener may be stored in 4 bits."""
    quantised = {
        name: quantize(onnx.load_from_string(bundle.files[name]), bits).SerializeToString()
        for name, bits in ((LISTENER_NAME, listener_bits), (SPELLER_NAME, 8))
    }
    return replace(bundle, manifest=replace(bundle.manifest, precision="int8"), files={**bundle.files, **quantised})


def save_bundle(bundle: Bundle, wer: Mapping[str, ErrorRate]) -> Bundle:
    """Write a bundle to its folder with its card, the text it gives for its sample, and error rates by test set.

    A bundle that stands in the folder already is replaced; any other folder that is not empty is refused.

    Raises:
        OutputError: the folder is refused or cannot be written; what stood there stays.
    """
    sample = bundle.manifest.sample.audio
    text = Recognizer(bundle).transcribe(io.BytesIO(bundle.files[sample])).text
    return write_with_card(bundle, replace(bundle.manifest, sample=Sample(sample, text), wer=dict(wer)))


def write_with_card(bundle: Bundle, manifest: Manifest, figures: str = "") -> Bundle:
    """Write a bundle to its folder with another manifest, and a card that says what that says and the figures.

    Raises:
        OutputError: as `save_bundle`.
    """
    card = model_card(manifest) + figures
    return write_bundle(bundle.folder, manifest, {**bundle.files, CARD_NAME: as_utf8(card)})


def _shape(config: LASConfig, chunk_frames: int) -> ModelShape:
    forward_state = (config.listener_layers, config.listener_units)
    return ModelShape(
        sample_rate=SAMPLE_RATE,
        frame_samples=HOP_SAMPLES,
        reduction=config.reduction,
        chunk_frames=chunk_frames,
        vocabulary=config.vocabulary,
        listener_state={
            tensors.PCM_STATE: (OVERLAP_SAMPLES,),
            tensors.FORWARD_HIDDEN: forward_state,
            tensors.FORWARD_CELL: forward_state,
        },
        speller=SpellerShape(config.speller_layers, config.speller_units),
    )


def _flac(samples: FloatArray) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return file.getvalue()
