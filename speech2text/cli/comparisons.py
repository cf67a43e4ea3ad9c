"""What evaluate compares a model with: itself in noise, its own searches, and another system."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from speech2text.cli.evaluating import Way
from speech2text.disk import is_file
from speech2text.errors import AudioError, AudioWarning, ManifestError, damage_raised
from speech2text.runtime.loading import open_recognizer
from speech2text.text.normalization import normalize

if TYPE_CHECKING:
    from speech2text.audio.utterances import Utterance
    from speech2text.cli.evaluating import Noise
    from speech2text.evaluation.report import Report
    from speech2text.evaluation.scoring import Recognised
    from speech2text.runtime.options import SearchOptions

ROWS_SUFFIX = ".jsonl"
"""What is named so, or is a file, is taken for what `evaluate --output` wrote; anything else is a bundle."""
_SHOWN_IDS = 3
_WRITE_AGAIN = "write it again with --output on this manifest"


@dataclass(frozen=True)
class Rival:
    """Another system: a way to hear, or the hypotheses by id that it gave before."""

    name: str
    way: Way | None = None
    hypotheses: Mapping[str, str] = field(default_factory=dict)

    def answer(self, ours: Sequence[Recognised], heard: Mapping[Way, list[Recognised]]) -> list[Recognised]:
        """The other system's rows of the utterances that are `ours`, in their order."""
        if self.way:
            return heard[self.way]
        return [replace(row, hypothesis=self.hypotheses[row.id], words=()) for row in ours]


@dataclass(frozen=True)
class EvaluationPlan:
    """All ways to hear that one evaluation needs, and the report on what was heard."""

    main: Way
    noise: Noise
    noisy: Mapping[str, Way]
    searches: Mapping[str, Way]
    rival: Rival | None

    @property
    def ways(self) -> list[Way]:
        """What there is to hear, some of it perhaps twice."""
        rival = [self.rival.way] if self.rival and self.rival.way else []
        return [self.main, *self.noisy.values(), *self.searches.values(), *rival]

    def report(self, heard: Mapping[Way, list[Recognised]], excluded: Sequence[tuple[str, str]]) -> Report:
        """The figures of what was heard in each of the ways."""
        from speech2text.evaluation.report import NoiseTest, make_against, make_report, make_variant
        from speech2text.evaluation.scoring import score

        scored = {way: score(rows) for way, rows in heard.items()}
        ours = scored[self.main]
        noise = against = None
        if self.noisy:
            levels = {"clean": self.main, **self.noisy}
            noise = NoiseTest(self.noise.source, tuple(make_variant(name, scored[levels[name]]) for name in levels))
        if self.rival:
            against = make_against(self.rival.name, ours, score(self.rival.answer(heard[self.main], heard)))
        searches = [make_variant(name, scored[way]) for name, way in self.searches.items()]
        return make_report(ours, excluded, searches=searches, noise=noise, against=against)


def open_searches(model: str, options: SearchOptions, main: Way) -> dict[str, Way]:
    """Every search of a model; one of them is `main`, which was opened with these options.

    Where a language model counts, the joint search stands there without it and with it.
    """
    joint = options.for_search("joint")
    searches = {
        "CTC greedy": options.for_search("ctc"),
        "attention": options.for_search("attention"),
        "joint": replace(joint, lm_weight=0.0),
    }
    names = {"ctc": "CTC greedy", "attention": "attention", "joint": "joint"}
    if main.recognizer.decoding.lm_weight > 0:
        names["joint"] = "joint + LM"
        searches["joint + LM"] = joint
    own = names[options.search]
    return {name: main if name == own else Way(open_recognizer(model, each)) for name, each in searches.items()}


def _can_be_read(utterance: Utterance) -> bool:
    """Whether it will be compared; rows of what cannot be read to its end are missing on both sides."""
    from speech2text.audio.files import read_blocks

    try:
        deque(read_blocks(utterance.audio), maxlen=0)
    except (AudioError, AudioWarning):
        return False
    return True


def open_rival(name: str, options: SearchOptions, utterances: Sequence[Utterance], language: str) -> Rival:
    """The other system by the name of its bundle, or by the file of what it recognised.

    A bundle is opened with the same options, but its language model has the weight it was tuned for. `language` is that
    of our model, for utterances that name none.

    Raises:
        ManifestError: the file cannot be read, lacks utterances, or has other texts for them.
        BundleError: no such bundle, or one that cannot be used.
    """
    if not name.endswith(ROWS_SUFFIX) and not is_file(Path(name)):
        recognizer = open_recognizer(name, replace(options, lm_weight=None))
        return Rival(recognizer.manifest.name, Way(recognizer))
    from speech2text.evaluation.json_report import read_rows

    rows = read_rows(Path(name))
    with damage_raised():
        missing = [each.id for each in utterances if each.id not in rows and _can_be_read(each)]
    if missing:
        more = f" and {len(missing) - _SHOWN_IDS} more" if len(missing) > _SHOWN_IDS else ""
        raise ManifestError(
            f"{name}: lacks {', '.join(missing[:_SHOWN_IDS])}{more}, {len(missing)} of {len(utterances)} utterances; "
            f"both systems must hear the same: {_WRITE_AGAIN}"
        )
    hypotheses = {}
    for each in utterances:
        row, spoken = rows.get(each.id), each.language or language
        if row is None:
            continue
        reference = normalize(each.text, spoken)
        if row.text is not None and normalize(row.text, spoken) != reference:
            texts = f"{row.text!r} there and {reference!r} here"
            raise ManifestError(f"{name}: the text of {each.id} is {texts}; {_WRITE_AGAIN}")
        hypotheses[each.id] = normalize(row.hypothesis, spoken)
    return Rival(name, hypotheses=hypotheses)
