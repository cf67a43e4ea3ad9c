"""`manifest.json`: what a bundle says of itself, as types.

The graphs' inputs and outputs are described in export/README.md and named in tensors.py; here are the numbers a runtime
needs to call them, what people want to know before they use the model, and the hash of every file.
"""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, asdict, dataclass, fields

from speech2text.bundle.schema import SchemaError, read
from speech2text.errors import BundleError
from speech2text.text.transcript import Seconds

FORMAT = "speech2text-bundle"
FORMAT_VERSION = 1
MANIFEST_NAME = "manifest.json"
LISTENER_NAME = "listener.onnx"
SPELLER_NAME = "speller.onnx"
LANGUAGE_MODEL_NAME = "lm.onnx"
PIECES_NAME = "pieces.json"
PRECISIONS = ("fp32", "int8")

LARGEST_BEAM = 1000
LARGEST_WEIGHT = 100.0
"""Of a part of the score: long before it nothing else counts."""
LEAST_SPEED, MOST_SPEED = 0.5, 2.0
"""At which a recording is heard; beyond them nobody speaks."""
MOST_OTHER_SPEEDS = 8
"""Each costs as much as the recording's own, and more than four bring nothing."""
_LARGEST_SIZE = 2**31
LEAST_CTC_WEIGHT = 1e-6
"""But for 0: with less the search would take what CTC says cannot be for unlikely."""

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class DataSource:
    """A corpus the model was trained on."""

    name: str
    hours: float
    licence: str


@dataclass(frozen=True)
class SpellerShape:
    """The speller's LSTM: its state is (layers, units) for each hypothesis."""

    layers: int
    units: int


@dataclass(frozen=True)
class ModelShape:
    """What a runtime must know to call the graphs.

    A feature frame is `frame_samples` samples; a memory frame is `reduction` feature frames; a stream hears
    `chunk_frames` feature frames at a time. `listener_state` has the shape of each state tensor without its batch axis.
    """

    sample_rate: int
    frame_samples: int
    reduction: int
    chunk_frames: int
    vocabulary: int
    listener_state: dict[str, tuple[int, ...]]
    speller: SpellerShape

    @property
    def memory_frame_samples(self) -> int:
        """Samples in one memory frame."""
        return self.frame_samples * self.reduction

    @property
    def memory_frame_seconds(self) -> Seconds:
        """How long one memory frame is."""
        return self.memory_frame_samples / self.sample_rate

    @property
    def chunk_seconds(self) -> Seconds:
        """How much a stream hears at a time."""
        return self.chunk_frames * self.frame_samples / self.sample_rate


@dataclass(frozen=True)
class TextSource:
    """Texts the language model was trained on, without those held out; the licence is theirs."""

    name: str
    words: int
    licence: str


@dataclass(frozen=True)
class LanguageModelShape:
    """The language model's LSTM, where a bundle has one: its state is (layers, units) for each hypothesis."""

    layers: int
    units: int
    texts: tuple[TextSource, ...] = ()


@dataclass(frozen=True)
class Decoding:
    """The settings of the search (see decoding/beam.py), chosen on development data when the bundle was made.

    Those with a default are off by it, and then not written: a bundle that does not use them has no such key. A reading
    with less evidence than speech_threshold is taken for noise (runtime/guards.py). Beside as it came, a span is heard
    as many times as fast as other_speeds say (runtime/hearings.py).
    """

    beam_size: int
    ctc_weight: float
    length_bonus: float
    beam_threshold: float | None = None
    length_normalization: float = 0.0
    end_threshold: float = 0.0
    coverage_weight: float = 0.0
    lm_weight: float = 0.0
    speech_threshold: float | None = None
    other_speeds: tuple[float, ...] = ()


@dataclass(frozen=True)
class Confidence:
    """How a word's evidence becomes its confidence (see decoding/confidence.py), fitted on development data.

    Not written when it changes nothing.
    """

    slope: float = 1.0
    bias: float = 0.0


@dataclass(frozen=True)
class ErrorRate:
    """Word error rate on one test set with its 95 % interval, as fractions of `words` reference words."""

    wer: float
    low: float
    high: float
    words: int

    def limits(self, digits: int) -> str:
        """The interval in percent; "-" where it has no width, since nothing could be told from draws."""
        return "-" if self.low == self.high else f"{100 * self.low:.{digits}f} to {100 * self.high:.{digits}f} %"


@dataclass(frozen=True)
class Sample:
    """A recording in the bundle, and the text the bundle gives for it."""

    audio: str
    text: str


@dataclass(frozen=True)
class FileRecord:
    """What a file of the bundle must be, byte for byte."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class Manifest:
    """All that `manifest.json` holds; `from_json(to_json())` changes nothing, nor does
    `to_json(from_json(text))` a text that `to_json` wrote."""

    name: str
    description: str
    languages: tuple[str, ...]
    licence: str
    data: tuple[DataSource, ...]
    precision: str
    parameters: int
    model: ModelShape
    decoding: Decoding
    wer: dict[str, ErrorRate]
    sample: Sample
    files: dict[str, FileRecord]
    language_model: LanguageModelShape | None = None
    confidence: Confidence = Confidence()
    format: str = FORMAT
    format_version: int = FORMAT_VERSION

    @property
    def language(self) -> str:
        """The language it hears; nothing where it tells none, or several."""
        return self.languages[0] if len(self.languages) == 1 else ""

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Parse and check the text of a manifest.

        Raises:
            BundleError: not JSON, not a bundle's manifest, of a newer format, or a key that is wrong or missing.
        """
        try:
            data = json.loads(text, parse_constant=_refuse)
        except json.JSONDecodeError as error:
            raise BundleError(f"{MANIFEST_NAME} is not JSON (line {error.lineno}: {error.msg})") from None
        except (ValueError, RecursionError) as error:
            raise BundleError(f"{MANIFEST_NAME} is not JSON that can be read ({error})") from None
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise BundleError(f"{MANIFEST_NAME} does not describe a bundle: its 'format' is not {FORMAT!r}")
        version = data.get("format_version")
        if not isinstance(version, int) or version < 1:
            raise BundleError(f"{MANIFEST_NAME}: 'format_version' is missing or no version: {version!r}")
        if version > FORMAT_VERSION:
            raise BundleError(
                f"the bundle has format {version} and this version of speech2text reads up to {FORMAT_VERSION}; "
                "upgrade with `pip install --upgrade speech2text`"
            )
        try:
            manifest = read(cls, data)
        except SchemaError as error:
            raise BundleError(f"{MANIFEST_NAME}: {error}") from None
        manifest.validate()
        return manifest

    def to_json(self) -> str:
        """The text of `manifest.json`."""
        values = asdict(self)
        head = {key: values.pop(key) for key in ("format", "format_version")}
        if self.language_model is None:
            del values["language_model"]
        if self.confidence == Confidence():
            del values["confidence"]
        for field in fields(Decoding):
            if field.default is not MISSING and values["decoding"][field.name] == field.default:
                del values["decoding"][field.name]
        return json.dumps(head | values, indent=2, ensure_ascii=False) + "\n"

    def validate(self) -> None:
        """Check what the types alone do not say.

        Raises:
            BundleError: a file is missing from `files` or has no plain name, or a number makes no sense.
        """
        for name, record in self.files.items():
            _check(_FILE_NAME.fullmatch(name) is not None, f"files: {name!r} is not a plain file name")
            _check(_HASH.fullmatch(record.sha256) is not None, f"files.{name}.sha256 is not a SHA-256 in hexadecimal")
        for name in (LISTENER_NAME, SPELLER_NAME, PIECES_NAME, self.sample.audio):
            _check(name in self.files, f"files: {name!r} is missing")
        _check(self.precision in PRECISIONS, f"precision must be one of {PRECISIONS}, not {self.precision!r}")
        for key in ("sample_rate", "frame_samples", "reduction", "chunk_frames", "vocabulary"):
            _check(0 < getattr(self.model, key) <= _LARGEST_SIZE, f"model.{key} must be 1 to {_LARGEST_SIZE}")
        _check(
            self.model.memory_frame_samples <= self.model.sample_rate,
            "model.frame_samples x model.reduction must be a second at most",
        )
        chunk, reduction = self.model.chunk_frames, self.model.reduction
        _check(
            chunk % reduction == 0, f"model.chunk_frames ({chunk}) must be a multiple of the reduction ({reduction})"
        )
        self._validate_search()
        slope, bias = self.confidence.slope, self.confidence.bias
        _check(0 < slope <= LARGEST_WEIGHT, f"confidence.slope must be above 0, {LARGEST_WEIGHT:g} at most")
        _check(abs(bias) <= LARGEST_WEIGHT, f"confidence.bias must be within {LARGEST_WEIGHT:g} of 0")

    def _validate_search(self) -> None:
        _check(0 < self.decoding.beam_size <= LARGEST_BEAM, f"decoding.beam_size must be 1 to {LARGEST_BEAM}")
        ctc_weight, bonus = self.decoding.ctc_weight, self.decoding.length_bonus
        _check(
            ctc_weight == 0 or LEAST_CTC_WEIGHT <= ctc_weight <= 1,
            f"decoding.ctc_weight must be 0, or {LEAST_CTC_WEIGHT:g} to 1",
        )
        _check(abs(bonus) <= LARGEST_WEIGHT, f"decoding.length_bonus must be within {LARGEST_WEIGHT:g} of 0")
        for key in ("beam_threshold", "length_normalization", "end_threshold", "coverage_weight", "lm_weight"):
            weight = getattr(self.decoding, key)
            is_allowed = weight is None or 0 <= weight <= LARGEST_WEIGHT
            _check(is_allowed, f"decoding.{key} must be 0 to {LARGEST_WEIGHT:g}")
        count = len(self.decoding.other_speeds)
        _check(count <= MOST_OTHER_SPEEDS, f"decoding.other_speeds must be {MOST_OTHER_SPEEDS} at most, not {count}")
        for speed in self.decoding.other_speeds:
            limits = f"{LEAST_SPEED:g} to {MOST_SPEED:g}"
            _check(LEAST_SPEED <= speed <= MOST_SPEED, f"decoding.other_speeds must be {limits}, not {speed:g}")
        has_model = self.language_model is not None
        _check(
            has_model == (LANGUAGE_MODEL_NAME in self.files),
            f"the key 'language_model' and the file {LANGUAGE_MODEL_NAME} must be there both or not at all",
        )
        _check(has_model or self.decoding.lm_weight == 0, "decoding.lm_weight needs a language model in the bundle")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def _check(condition: bool, problem: str) -> None:
    if not condition:
        raise BundleError(f"{MANIFEST_NAME}: {problem}")
