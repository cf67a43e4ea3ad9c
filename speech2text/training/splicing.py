"""New utterances out of a speaker's old ones: runs of words, cut where CTC hears them and joined in another order.

A small corpus is soon known by heart; spliced, its words stand in company they never had (aligned data augmentation,
Lam et al. 2021; here aligned by the model that is being trained, and within one speaker).
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from speech2text.decoding.alignment import TokenSpan, align
from speech2text.decoding.protocols import FloatArray, IntArray
from speech2text.evaluation.significance import voice
from speech2text.model.frontend import HOP_SAMPLES
from speech2text.model.las import LAS
from speech2text.text.tokenizer import Tokenizer
from speech2text.training.corpus import Corpus
from speech2text.training.hearing import hear_corpus

LONGEST_RUN = 4
"""Words taken from one utterance at a time, at most."""
LEAST_SHARE = 0.85
"""A spliced utterance gets words until it has this share of the length of the one it stands for."""
QUIET_SAMPLES = 320
"""A cut is in the middle of the quietest 20 ms between two words."""
FADE_SAMPLES = 80
"""5 ms of fading in and out, so that joints do not click."""


class Splicer:
    """Splices the utterances of a corpus, once `find_words` has found their words.

    Randomness comes from torch's global generator, which the trainer seeds before each step.
    """

    def __init__(self, corpus: Corpus, tokenizer: Tokenizer) -> None:
        self.corpus = corpus
        self.tokenizer = tokenizer
        self.words = [utterance.text.split() for utterance in corpus.utterances]
        self._cuts: dict[int, IntArray] = {}  # of each aligned utterance, (words + 1,) samples
        self._company: dict[str, list[int]] = {}  # the aligned utterances of each speaker

    def find_words(self, model: LAS, precision: str = "fp32") -> None:
        """Find where the words of every speaker's utterances are by the CTC head of a model in evaluation mode.

        It hears them in fp32 or bf16. What several rows name, so that an epoch hears it more often, is found once.
        """
        utterances = self.corpus.utterances
        named = {(each.audio, each.text): index for index, each in enumerate(utterances) if each.speaker}
        self._cuts = {}
        for index, log_probs in hear_corpus(model, self.corpus, sorted(named.values()), precision):
            tokens = self.tokenizer.encode(utterances[index].text)
            spans = align(log_probs, tokens)
            if spans is not None:
                starts = np.array([self.tokenizer.starts_word(token) for token in tokens])
                frame = HOP_SAMPLES * model.config.reduction
                self._cuts[index] = cut(self.corpus.samples(index), spans, starts, frame)
        company = defaultdict(list)
        for index in sorted(self._cuts):
            company[self._voice(index)].append(index)
        self._company = dict(company)

    def splice(self, index: int) -> tuple[FloatArray, str] | None:
        """Samples (N,) and text of runs of words of an utterance's speaker, about as long as the utterance.

        None where its speaker is not known, or has no utterance whose words were found.
        """
        own_voice = self._voice(index)
        company = self._company.get(own_voice)
        if not own_voice or not company:
            return None
        parts: list[FloatArray] = []
        text: list[str] = []
        while sum(map(len, parts)) < LEAST_SHARE * self.corpus.lengths[index]:
            source = company[_draw(len(company))]
            words, cuts = self.words[source], self._cuts[source]
            first = _draw(len(words))
            after = min(first + 1 + _draw(LONGEST_RUN), len(words))
            parts.append(faded(self.corpus.samples(source)[cuts[first] : cuts[after]]))
            text += words[first:after]
        return np.concatenate(parts), " ".join(text)

    def _voice(self, index: int) -> str:
        utterance = self.corpus.utterances[index]
        return voice(utterance.corpus, utterance.speaker)


def cut(samples: FloatArray, spans: tuple[TokenSpan, ...], starts_word: NDArray[np.bool_], frame: int) -> IntArray:
    """Where to cut samples (N,) into words, (words + 1,): 0, the quietest moment between each two words, N.

    Args:
        samples: of an utterance.
        spans: of its tokens.
        starts_word: (tokens,), which of them begin a word.
        frame: samples in a frame of the spans.
    """
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    cuts = [0]
    for (before, after), starts in zip(pairwise(spans), starts_word[1:], strict=True):
        if starts:
            low = (2 * before.last_frame + 1) * frame // 2  # from the middle of a frame to the middle of another
            high = min((2 * after.first_frame + 1) * frame // 2, len(samples))
            begins = np.arange(low, max(high - QUIET_SAMPLES, low + 1))
            ends = np.minimum(begins + QUIET_SAMPLES, len(samples))
            quietest = np.argmin(energy[ends] - energy[begins])
            cuts.append(int(begins[quietest] + ends[quietest]) // 2)
    return np.array([*cuts, len(samples)], np.int64)


def faded(samples: FloatArray) -> FloatArray:
    """Samples (N,) with their first and last 5 ms faded in and out."""
    ramp = np.ones(len(samples), np.float32)
    length = min(FADE_SAMPLES, len(samples) // 2)
    ramp[:length] = np.linspace(0, 1, length, endpoint=False)
    return samples * np.minimum(ramp, ramp[::-1])


def _draw(count: int) -> int:
    return int(torch.randint(count, ()))
