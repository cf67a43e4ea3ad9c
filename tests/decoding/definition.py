"""The search by its definition: every possible reading with its score, nothing incremental, nothing bounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from speech2text.decoding.coverage import COVERED, Coverage
from speech2text.decoding.fusion import ShallowFusion
from speech2text.decoding.hotwords import Hotwords
from speech2text.decoding.hypothesis import Hypothesis
from speech2text.decoding.protocols import END, Memory, Term
from tests.decoding.scripted import ScriptedLanguageModel, ScriptedSpeller, alignments, attention_of, log_sum

Tokens = tuple[int, ...]


@dataclass(frozen=True)
class Settings:
    """Everything that readings can be ranked by."""

    ctc_weight: float
    length_bonus: float = 0.0
    length_normalization: float = 0.0
    end_threshold: float = 0.0
    language_model: ScriptedLanguageModel | None = None
    lm_weight: float = 0.0
    coverage_weight: float = 0.0
    hotwords: Sequence[str] = ()
    spellings: Sequence[str] = ()
    hotwords_score: float = 0.0

    def terms(self) -> list[Term]:
        """What `beam_search` takes."""
        terms: list[Term] = [Coverage(self.coverage_weight)]
        if self.spellings:
            terms.append(Hotwords(self.hotwords, self.spellings, self.hotwords_score).start())
        if self.language_model:
            terms.append(ShallowFusion.of(self.language_model, self.lm_weight))
        return terms


def all_readings(memory: Memory, speller: ScriptedSpeller, settings: Settings) -> list[Hypothesis]:
    """Every possible reading of at most T tokens, best first."""
    spelled: dict[Tokens, list[float]] = {}
    for _, tokens, score in alignments(memory.ctc_log_probs):
        if END not in tokens:
            spelled.setdefault(tokens, []).append(score)
    weight, vocabulary = settings.ctc_weight, memory.ctc_log_probs.shape[1]
    readings = []
    for length in range(len(memory) + 1):
        for tokens in product(range(END + 1, vocabulary), repeat=length):
            ctc = log_sum(spelled.get(tokens, []))
            if weight and tokens not in spelled:
                continue
            longer = length < len(memory) and (not weight or any(t[:length] == tokens < t for t in spelled))
            if longer and ends_early(speller.script(tokens), settings.end_threshold):
                continue
            score = (1 - weight) * log_prob(speller, tokens) + settings.length_bonus * length
            score += terms_score(tokens, memory, settings)
            score = (score + (weight * ctc if weight else 0.0)) / (length + 1) ** settings.length_normalization
            readings.append(Hypothesis(tokens, score, ctc))
    return sorted(readings, key=lambda reading: -reading.score)


def ends_early(log_probs: Sequence[float], threshold: float) -> bool:
    return threshold > 0 and not log_probs[END] > threshold * max(log_probs[END + 1 :])


def log_prob(model: ScriptedSpeller, tokens: Tokens) -> float:
    return log_prob_so_far(model, (*tokens, END))


def log_prob_so_far(model: ScriptedSpeller, tokens: Tokens) -> float:
    return sum(float(model.script(tokens[:n])[token]) for n, token in enumerate(tokens))


def terms_score(tokens: Tokens, memory: Memory, settings: Settings) -> float:
    attended = sum(attention_of(tokens[:n], len(memory)) for n in range(len(tokens) + 1))
    score = settings.coverage_weight * int((attended > COVERED).sum())
    if settings.spellings:
        text = "".join(settings.spellings[token] for token in tokens)
        score += settings.hotwords_score * len(hot_letters(text, settings.hotwords))
    if settings.language_model:
        score += settings.lm_weight * log_prob(settings.language_model, tokens)
    return score


def hot_letters(text: str, phrases: Sequence[str]) -> set[int]:
    """Where in a text the letters of hot phrases stand; a space begins each word of both."""
    found = set()
    for phrase in (f" {phrase}" for phrase in phrases):
        for start in range(len(text)):
            end = start + len(phrase)
            if text[start:end] == phrase and (end == len(text) or text[end] == " "):
                found |= {place for place in range(start, end) if text[place] != " "}
    return found
