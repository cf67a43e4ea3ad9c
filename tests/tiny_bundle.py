"""A bundle of two hand-written graphs that hears how loud a sound is: exact, deterministic, made in milliseconds.

Every memory frame of 40 ms says the word of the loudness nearest to its own: silence is blank, and the levels of
`LEVELS` are words. `tone("one", "two")` makes a recording that reads "one two".
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx.parser
import soundfile

from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.bundle.manifest import (
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
from speech2text.text.tokenizer import SPECIAL_PIECES, Tokenizer

LEVELS = {"one": 0.4, "two": 0.1, "three": 0.025}
"""The amplitude that is heard as each word."""

# The second value of the memory is the sum of all energies so far, so it shows whether a stream carries its state.
_LISTENER = """
<ir_version: 8, opset_import: ["": 17]>
listener (float[B, N] pcm, int64[B] lengths, float[B, 240] pcm_state,
          float[B, 1, 1] forward_hidden, float[B, 1, 1] forward_cell)
=> (float[B, T, 2] memory, float[B, T, 2] keys, float[B, T, 5] ctc_log_probs, int64[B] memory_lengths,
    float[B, 240] next_pcm_state, float[B, 1, 1] next_forward_hidden, float[B, 1, 1] next_forward_cell)
<int64[1] zero = {0}, int64[1] one = {1}, int64[1] two = {2}, int64[1] unit = {640}, int64[1] rest = {639},
 int64[4] padding = {0, 0, 0, 639}, int64[3] framed = {0, -1, 640}, int64[1] tail = {-240}, int64[1] last = {-1},
 int64[1] end = {9223372036854775807}, int64 axis = {1}, float floor = {0.000001}, float sharpness = {-10.0},
 float[5] loudness = {-13.8, -100.0, -1.833, -4.605, -7.378}>
{
  shape = Shape (pcm)
  samples = Slice (shape, one, two)
  raised = Add (samples, rest)
  frames = Div (raised, unit)
  whole = Mul (frames, unit)
  padded = Pad (pcm, padding)
  cut = Slice (padded, zero, whole, one)
  windows = Reshape (cut, framed)
  squares = Mul (windows, windows)
  energy = ReduceMean <axes = [2], keepdims = 1> (squares)
  sums = CumSum (energy, axis)
  total = Add (sums, forward_hidden)
  memory = Concat <axis = 2> (energy, total)
  keys = Identity (memory)
  lifted = Add (energy, floor)
  level = Log (lifted)
  distance = Sub (level, loudness)
  square = Mul (distance, distance)
  logits = Mul (square, sharpness)
  ctc_log_probs = LogSoftmax <axis = 2> (logits)
  raised_lengths = Add (lengths, rest)
  memory_lengths = Div (raised_lengths, unit)
  stream = Concat <axis = 1> (pcm_state, pcm)
  next_pcm_state = Slice (stream, tail, end, one)
  next_forward_hidden = Slice (total, last, end, one)
  next_forward_cell = Identity (forward_cell)
}
"""

# All tokens are equally likely, so CTC decides; the hidden state counts the steps.
_SPELLER = """
<ir_version: 8, opset_import: ["": 17]>
speller (int64[B, H] tokens, float[B, H, 1, 1] hidden, float[B, H, 1, 1] cell,
         float[B, T, 2] memory, float[B, T, 2] keys, int64[B] memory_lengths)
=> (float[B, H, 5] log_probs, float[B, H, T] attention, float[B, H, 1, 1] next_hidden, float[B, H, 1, 1] next_cell)
<int64[1] zero = {0}, int64[1] one = {1}, int64[1] two = {2}, int64[1] tokens_known = {5}, float step = {1.0}>
{
  tokens_shape = Shape (tokens)
  memory_shape = Shape (memory)
  frames = Slice (memory_shape, one, two)
  wide = Concat <axis = 0> (tokens_shape, tokens_known)
  equal = ConstantOfShape (wide)
  log_probs = LogSoftmax <axis = 2> (equal)
  long = Concat <axis = 0> (tokens_shape, frames)
  level = ConstantOfShape (long)
  attention = Softmax <axis = 2> (level)
  next_hidden = Add (hidden, step)
  next_cell = Identity (cell)
}
"""


def tone(*words: str, seconds: float = 0.4, rate: int = SAMPLE_RATE) -> np.ndarray:
    """Samples (N,) that the bundle hears as `words`, each `seconds` long; "" is silence.

    The sound flips its sign every sample pair, so that its energy is the same in every frame.
    """
    levels = [LEVELS.get(word, 0.0) for word in words]
    amplitude = np.repeat(np.array(levels, dtype=np.float32), round(seconds * rate))
    return amplitude * np.where(np.arange(len(amplitude)) // (rate // 1000) % 2, 1, -1).astype(np.float32)


def tiny_manifest(**search: Any) -> Manifest:
    """What the bundle says of itself, without its files; `search` are settings of the search beside its own."""
    return Manifest(
        name="tiny",
        description="Hears how loud a sound is.",
        languages=("en",),
        licence="Apache-2.0",
        data=(DataSource("tones", 0.5, "CC0-1.0"),),
        precision="fp32",
        parameters=7,
        model=ModelShape(
            sample_rate=SAMPLE_RATE,
            frame_samples=160,
            reduction=4,
            chunk_frames=64,
            vocabulary=5,
            listener_state={"pcm_state": (240,), "forward_hidden": (1, 1), "forward_cell": (1, 1)},
            speller=SpellerShape(layers=1, units=1),
        ),
        decoding=Decoding(beam_size=4, ctc_weight=0.7, length_bonus=0.0, **search),
        wer={"tones": ErrorRate(wer=0.0, low=0.0, high=0.01, words=100)},
        sample=Sample(audio="sample.flac", text="one two three"),
        files={},
    )


def tiny_files() -> dict[str, bytes]:
    """The files of the bundle but for its manifest."""
    merges = [(f"▁{word[:length]}", letter) for word in LEVELS for length, letter in enumerate(word)]
    pieces = Tokenizer((*SPECIAL_PIECES, *(f"▁{word}" for word in LEVELS)), merges)
    sample = io.BytesIO()
    soundfile.write(sample, tone("one", "two", "three"), SAMPLE_RATE, format="FLAC")
    return {
        "listener.onnx": onnx.parser.parse_model(_LISTENER).SerializeToString(),
        "speller.onnx": onnx.parser.parse_model(_SPELLER).SerializeToString(),
        "pieces.json": json.dumps(pieces.to_json()).encode(),
        "sample.flac": sample.getvalue(),
        "README.md": b"# tiny\n",
    }


def write_tiny_bundle(folder: Path) -> Bundle:
    """Write the bundle to `folder`."""
    return write_bundle(folder, tiny_manifest(), tiny_files())
