"""When a span of speech ends: the rules of runtime/segmenter.py."""

from __future__ import annotations

from dataclasses import dataclass, fields
from numbers import Real

LEAST_SILENCE = 0.3  # less is between the sounds of a word
LEAST_LONGEST = 1.0
DAY = 86_400.0


@dataclass(frozen=True)
class EndpointRules:
    """When a span ends, in seconds: the three rules of sherpa-onnx, which is more patient.

    That one waits 1.2 s after speech; spans of several utterances cost more errors than an early end
    (`python -m recipes.measurements.long_recordings`).

    Attributes:
        silence_before_speech: of silence after a noise too short for a word; the noise is dropped.
        silence_after_speech: of silence after something was said.
        longest: a span that gets longer is cut at the best pause of its second half, and the rest carried over.

    Raises:
        TypeError: one of them is no number.
        ValueError: less than a second to be the longest, less than 0.3 s of silence, or more than a day.
    """

    silence_before_speech: float = 2.4
    silence_after_speech: float = 0.6
    longest: float = 20.0

    def __post_init__(self) -> None:
        for rule in fields(self):
            least = LEAST_LONGEST if rule.name == "longest" else LEAST_SILENCE
            seconds: float = getattr(self, rule.name)
            if not isinstance(seconds, Real):
                raise TypeError(f"{rule.name} must be a number of seconds, not {seconds!r}")
            if not least <= seconds <= DAY:
                raise ValueError(f"{rule.name} must be {least:g} to {DAY:g} s, not {seconds}")
