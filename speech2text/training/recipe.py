"""Recipes: everything that decides what is trained, as a TOML file that is checked before anything runs."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from speech2text.bundle.manifest import (
    LARGEST_BEAM,
    LARGEST_WEIGHT,
    LEAST_CTC_WEIGHT,
    LEAST_SPEED,
    MOST_OTHER_SPEEDS,
    MOST_SPEED,
)
from speech2text.errors import RecipeError
from speech2text.model.config import LASConfig
from speech2text.model.frontend import HOP_SAMPLES, MEL_BINS, SAMPLE_RATE

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

RECIPE_FILE = "recipe.toml"
DEFAULT_RECIPE = Path(__file__).with_name("default_recipe.toml")
FINETUNING_RECIPE = Path(__file__).with_name("finetuning_recipe.toml")
UNTRAINED_KEYS = ("name", "description", "languages", "licence", "credits", "decoding")
"""What may be changed after training: it goes into the bundle, not into the weights."""
FRAMES_PER_SECOND = SAMPLE_RATE // HOP_SAMPLES
SAME_TABLE_BONUS = 0.3
"""How much likelier a misspelled key means one of its own table, in units of difflib's ratio."""

WIDEST, DEEPEST, LONGEST_SECONDS = 4096, 64, 60.0
"""Bounds of sizes and times, far beyond what is of use: a slip of the hand is told before memory is asked for."""


def _in_order(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] > bounds[1]:
        raise ValueError("the lower number comes first")
    return bounds


def _none_or_enough(ctc_weight: float) -> float:
    if 0 < ctc_weight < LEAST_CTC_WEIGHT:
        raise ValueError(f"it must be 0, or {LEAST_CTC_WEIGHT:g} at least")
    return ctc_weight


Decibels = Annotated[float, Field(ge=-100, le=100)]
Range = Annotated[tuple[Decibels, Decibels], AfterValidator(_in_order)]
Speed = Annotated[float, Field(ge=0.25, le=4)]
MOST_MASKS = 1000
"""Of a kind in an utterance: more would hide all of it, and take minutes."""
Weight = Annotated[float, Field(ge=0, le=LARGEST_WEIGHT)]
ChunkSeconds = Annotated[float, Field(gt=0, le=LONGEST_SECONDS)]


class Section(BaseModel):
    """A table of a recipe; a key it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Credit(Section):
    """A corpus the model learns from, for the model card."""

    name: str
    hours: float = Field(gt=0)
    licence: str


class DataSettings(Section):
    """Which recordings train, and which choose."""

    train: tuple[str, ...] = Field(default=(".",), min_length=1)
    """Manifests or folders, relative to the data folder or to that of the manifest that --data names."""
    dev: tuple[str, ...] = ()
    """As `train`; a recording in both is not trained on. When empty, `dev_share` of the training speakers (or
    utterances) is held out."""
    dev_share: float = Field(default=0.05, ge=0, lt=1)
    noise: str | None = None
    """As one of `train`: recordings without speech to mix in beside noise that is generated."""
    teacher: str | None = None
    """A folder of a teacher's features of the training recordings (teacher.py), relative to what --data names
    even if `prepare` is true."""
    longest_seconds: float = Field(default=20.0, gt=0)
    """Longer utterances are left out of training."""


class TokenizerSettings(Section):
    """Characters or byte-pair pieces, learned from the training texts, or the pieces of what the run starts from."""

    kind: Literal["characters", "bpe", "inherited"] = "characters"
    size: int = Field(default=400, ge=32, le=100_000)
    """Pieces of a bpe vocabulary; characters make their own number."""


class ModelSettings(Section):
    """Sizes of the model; model/config.py says what each is."""

    stack: int = Field(default=LASConfig.stack, ge=1, le=DEEPEST)
    pyramid_layers: int = Field(default=LASConfig.pyramid_layers, ge=0, le=DEEPEST)
    plain_layers: int = Field(default=LASConfig.plain_layers, ge=1, le=DEEPEST)
    residual_layers: int = Field(default=LASConfig.residual_layers, ge=0, le=DEEPEST)
    listener_units: int = Field(default=LASConfig.listener_units, ge=8, le=WIDEST)
    listener_bits: Literal[4, 8] = 8
    memory: int = Field(default=LASConfig.memory, ge=8, le=WIDEST)
    heads: int = Field(default=LASConfig.heads, ge=1, le=DEEPEST)
    embedding: int = Field(default=LASConfig.embedding, ge=8, le=WIDEST)
    speller_layers: int = Field(default=LASConfig.speller_layers, ge=1, le=DEEPEST)
    speller_units: int = Field(default=LASConfig.speller_units, ge=8, le=WIDEST)
    dropout: float = Field(default=LASConfig.dropout, ge=0, lt=1)


class AugmentationSettings(Section):
    """How training hears each recording differently every time."""

    speeds: tuple[Speed, ...] = Field(default=(0.9, 1.0, 1.1), min_length=1)
    """Factors of speed perturbation (Ko et al. 2015), drawn evenly."""
    gain_db: Range = (-12.0, 6.0)
    """Of each utterance, after all else; what is then louder than a recording can be is cut there."""
    room_seconds: float = Field(default=0.4, ge=0, le=LONGEST_SECONDS)
    """The longest a quiet room is heard before an utterance and after it: the runtime puts silence there."""
    reverberation_share: float = Field(default=0.0, ge=0, le=1)
    """Share of the utterances that get the echo of a room, from that of a car to that of a hall."""
    noise_share: float = Field(default=0.3, ge=0, le=1)
    """Share of the utterances that get noise."""
    snr_db: Range = (5.0, 30.0)
    """Of the speech, without the quiet around it, over that noise."""
    response_db: float = Field(default=0.0, ge=0, le=40)
    """The largest standard deviation of a microphone's gain over its frequencies."""
    telephone_share: float = Field(default=0.1, ge=0, le=1)
    """Share of the utterances heard through a telephone: 8 kHz and mu-law."""
    non_speech_share: float = Field(default=0.0, ge=0, lt=1)
    """Share of the utterances in whose place noise, tones or digital silence are heard and nothing is to be written."""
    frequency_masks: int = Field(default=2, ge=0, le=MOST_MASKS)
    """Bands of each utterance that are hidden (Park et al. 2019)."""
    frequency_mask_bins: int = Field(default=20, ge=0, le=MEL_BINS)
    """The widest a band may be, of 80 mel bins."""
    time_masks: int = Field(default=2, ge=0, le=MOST_MASKS)
    """Stretches of each utterance that are hidden."""
    time_mask_frames: int = Field(default=30, ge=0)
    """The longest a stretch may be, in frames of 10 ms."""
    time_mask_share: float = Field(default=0.2, ge=0, le=1)
    """The longest a time mask may be, as a share of the longest utterance of the batch (Park et al. 2019)."""
    splice_share: float = Field(default=0.0, ge=0, le=1)
    """Share of the utterances that are made anew out of runs of words of the same speaker (splicing.py), for little
    data with several utterances of each speaker. The words are found at the start and at every checkpoint, which takes
    a pass over all recordings of known speakers."""
    splice_after: int = Field(default=2000, ge=0)
    """Steps before the first spliced utterance: CTC must hear well enough to find the words, as that of an origin does
    from the start."""
    token_noise: float = Field(default=0.0, ge=0, lt=1)
    """Share of the previous tokens that the speller reads wrong, so that it listens instead of learning texts by heart
    (after Xie et al. 2017, whose unigram noising draws by frequency, as this does not)."""


class TrainingSettings(Section):
    """The optimiser, its schedule and the chunks."""

    seed: int = Field(default=1, ge=0, lt=2**31)
    steps: int = Field(default=6000, ge=1)
    batch_seconds: float = Field(default=80.0, gt=0, le=86_400)
    learning_rate: float = Field(default=1.5e-3, gt=0, le=1e30)  # the optimiser counts in single precision
    warmup_steps: int = Field(default=300, ge=0)
    """Steps in which the rate rises; half of all at most."""
    weight_decay: float = Field(default=0.01, ge=0, le=1)
    clip: float = Field(default=5.0, gt=0)
    """The largest norm of all gradients together; larger ones are scaled down to it."""
    average_decay: float = Field(default=0.999, ge=0, lt=1)
    """Of the exponential moving average of the weights that is evaluated and exported."""
    ctc_weight: float = Field(default=0.3, ge=0, le=1)
    guide_weight: float = Field(default=0.0, ge=0)
    """Of the loss that shows attention where CTC hears each token (loss.py); for little data."""
    consistency_weight: float = Field(default=0.0, ge=0)
    """Of the loss that makes two hearings of a batch agree, one whole and one in chunks, each with masks of its own
    (Yao et al. 2024); every batch is then heard twice, whatever `whole_share` says."""
    teacher_weight: float = Field(default=1.0, ge=0)
    """Of the loss that makes the listener tell the features of `data.teacher` (teacher.py), where that is given."""
    risk_weight: float = Field(default=0.0, ge=0)
    """Of the word errors to expect (risk.py), for the end of a training, with a low learning rate; twice the time."""
    risk_readings: int = Field(default=4, ge=2, le=64)
    """Readings of each utterance that the risk looks at."""
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    """Share of what the speller is to say that goes to all pieces alike."""
    whole_share: float = Field(default=0.5, ge=0, le=1)
    """Share of the batches that are heard whole; the others in chunks of one of `chunk_seconds`."""
    chunk_seconds: tuple[ChunkSeconds, ...] = Field(default=(0.32, 0.64, 1.28), min_length=1)
    evaluate_every: int = Field(default=500, ge=1)
    checkpoint_every: int = Field(default=250, ge=1)
    precision: Literal["auto", "bf16", "fp32"] = "auto"


class DecodingSettings(Section):
    """The search that the bundle uses unless told otherwise (decoding/beam.py), and the chunk of its streams."""

    beam_size: int = Field(default=8, ge=1, le=LARGEST_BEAM)
    ctc_weight: Annotated[float, Field(ge=0, le=1), AfterValidator(_none_or_enough)] = 0.5
    length_bonus: float = Field(default=0.0, ge=-LARGEST_WEIGHT, le=LARGEST_WEIGHT)
    beam_threshold: Weight | None = None
    """How far behind the best a hypothesis may be; recipes/measurements/thresholds.py shows what it costs."""
    length_normalization: Weight = 0.0
    end_threshold: Weight = 0.0
    coverage_weight: Weight = 0.0
    lm_weight: Weight = 0.0
    """Of the language model that `export --lm` puts in; 0 leaves it the weight it has where it comes from."""
    speech_threshold: float | None = None
    """A reading with less evidence is taken for noise (runtime/guards.py); recipes/measurements/silence.py finds it."""
    other_speeds: tuple[Annotated[float, Field(ge=LEAST_SPEED, le=MOST_SPEED)], ...] = Field(
        default=(), max_length=MOST_OTHER_SPEEDS
    )
    """How many times as fast a span is heard, beside as it came (runtime/hearings.py)."""
    chunk_seconds: ChunkSeconds = 0.64


class Recipe(Section):
    """A whole recipe."""

    name: str = Field(pattern=r"^\w[^/\\\x00-\x1f\x7f]*$", max_length=100)
    """Also that of the run's folder."""
    description: str
    languages: tuple[str, ...] = ()
    """One alone is that of all texts that name none. When empty, the card has those that the training rows name."""
    licence: str
    """Of the weights that come out."""
    credits: tuple[Credit, ...] = ()
    prepare: bool = False
    """Whether `prepare.py` beside the recipe makes the manifests out of the data folder first."""
    data: DataSettings = DataSettings()
    tokenizer: TokenizerSettings = TokenizerSettings()
    model: ModelSettings = ModelSettings()
    augmentation: AugmentationSettings = AugmentationSettings()
    training: TrainingSettings = TrainingSettings()
    decoding: DecodingSettings = DecodingSettings()

    def las_config(self, vocabulary: int) -> LASConfig:
        """The model's sizes with a vocabulary of that many tokens."""
        return LASConfig(vocabulary=vocabulary, **self.model.model_dump())

    def chunk_frames(self, seconds: float) -> int:
        """The multiple of the reduction nearest to `seconds`, in feature frames."""
        reduction = self.las_config(vocabulary=2).reduction
        return max(1, round(seconds * FRAMES_PER_SECOND / reduction)) * reduction

    def difference(self, other: Recipe) -> str:
        """The first key for which both train other weights, with its two values; empty where they train the same.

        What a bundle says of the weights, and how it searches, may differ.
        """
        for key, ours, theirs in _differing("", self.model_dump(), other.model_dump()):
            if key.split(".")[0] not in UNTRAINED_KEYS:
                return f"{key} is {ours!r} there and {theirs!r} here"
        return ""

    def to_json(self) -> str:
        """The recipe with every default written out."""
        return self.model_dump_json(indent=1) + "\n"


def read_recipe(path: Path, changes: Sequence[str] = (), inherited: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe of a folder or a TOML file, with `section.key=value` changes (values as in TOML).

    Where `inherited` (initialisation.py) has a key the file has too, it counts; a change counts more.

    Raises:
        RecipeError: no such recipe, no TOML, an unknown key, a wrong type or an impossible value.
    """
    try:
        file = path / RECIPE_FILE if path.is_dir() else path
        settings = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise RecipeError(f"{file}: no such recipe; give a folder with a {RECIPE_FILE} or a TOML file") from None
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, thousands of digits or of brackets
        raise RecipeError(f"{file}: not TOML: {error}") from None
    for key, value in (inherited or {}).items():
        settings[key] = {**settings.get(key, {}), **value} if isinstance(value, dict) else value
    for change in changes:
        _apply(settings, change)
    return _validate(settings, " --set ".join([str(file), *changes]))


def recipe_from_json(path: Path) -> Recipe:
    """The recipe a run was started with.

    Raises:
        RecipeError: the file is missing or damaged.
    """
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise RecipeError(f"{path}: missing or damaged; is {path.parent} the folder of a training run?") from None
    return _validate(settings, str(path))


def _apply(settings: dict[str, Any], change: str) -> None:
    key, sign, value = change.partition("=")
    if not sign:
        raise RecipeError(f"--set {change}: write it as section.key=value")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):
        parsed = value
    *sections, last = key.strip().split(".")
    for section in sections:
        settings = settings.setdefault(section, {})
        if not isinstance(settings, dict):
            raise RecipeError(f"--set {change}: {section!r} is no section")
    settings[last] = parsed


def _validate(settings: dict[str, Any], source: str) -> Recipe:
    try:
        # As JSON, where pydantic's strict types take a list for a tuple but no text for a number.
        recipe = Recipe.model_validate_json(json.dumps(settings, default=str), strict=True)
        if (joined := recipe.las_config(2).reduction) > FRAMES_PER_SECOND:
            keys = f"stack ({recipe.model.stack}) and pyramid_layers ({recipe.model.pyramid_layers})"
            raise ValueError(f"{keys} make memory frames of {joined / FRAMES_PER_SECOND:g} s, and 1 s is the most")
    except ValidationError as error:
        raise RecipeError(f"{source}: {_explain(error)}") from None
    except ValueError as error:
        raise RecipeError(f"{source}: model: {error}") from None
    return recipe


def _explain(error: ValidationError) -> str:
    """One fault in one line: key, what is wrong, and the nearest known key."""
    faults = error.errors(include_url=False)
    # A misspelled key may also be a missing one; the misspelling tells more.
    fault = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
    where = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        *tables, key = (part for part in fault["loc"] if isinstance(part, str))
        return f"unknown key {where!r}; the nearest known key is {_nearest_key(tables, key)!r}"
    if fault["type"] == "missing":
        return f"the key {where!r} is missing"
    return f"{where!r} cannot be {fault['input']!r}: {fault['msg'][0].lower()}{fault['msg'][1:]}"


def _nearest_key(tables: list[str], key: str) -> str:
    """The known key spelled most like `key`, rather of the same tables than of others."""

    def likeness(known: str) -> float:
        *its_tables, name = known.split(".")
        ratio = difflib.SequenceMatcher(None, name, key).ratio()
        return ratio + SAME_TABLE_BONUS * (its_tables == tables)

    return max(_known_keys(Recipe), key=likeness)


def _differing(prefix: str, ours: dict[str, Any], theirs: dict[str, Any]) -> Iterator[tuple[str, object, object]]:
    """Keys, with the tables they are in, that have other values in two recipes."""
    for key, value in ours.items():
        if isinstance(value, dict):
            yield from _differing(f"{prefix}{key}.", value, theirs[key])
        elif value != theirs[key]:
            yield f"{prefix}{key}", value, theirs[key]


def _known_keys(section: type[BaseModel]) -> Iterator[str]:
    """Every key, with the tables it is in: `training`, `training.steps`, ..."""
    for name, field in section.model_fields.items():
        yield name
        for kind in get_args(field.annotation) or (field.annotation,):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from (f"{name}.{key}" for key in _known_keys(kind))
