"""What a model that is being trained hears in a whole corpus, without learning from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from speech2text.decoding.protocols import FloatArray
from speech2text.model.las import LAS
from speech2text.training.augmentation import pad_waveforms
from speech2text.training.batching import batch_recordings
from speech2text.training.corpus import Corpus

BATCH_SECONDS = 120.0


@torch.inference_mode()
def hear_corpus(
    model: LAS, corpus: Corpus, chosen: Sequence[int] | None = None, precision: str = "fp32"
) -> Iterator[tuple[int, FloatArray]]:
    """The index and the CTC log-probabilities (T, V) of each utterance, heard whole by a model in evaluation mode.

    They come in an order of their own: utterances of like lengths are heard together.

    Args:
        model: hears them.
        corpus: they are of.
        chosen: the indices of those that are heard; all where it is None.
        precision: fp32 or bf16, of all but the features, which are those of training.
    """
    heard_indices = np.arange(len(corpus)) if chosen is None else np.array(chosen, np.int64)
    for batch in batch_recordings(corpus.lengths[heard_indices], BATCH_SECONDS, seed=0, epoch=0):
        indices = heard_indices[batch]
        pcm, lengths = pad_waveforms([torch.from_numpy(corpus.samples(int(index))) for index in indices])
        state = model.listener.start(len(pcm))
        features, feature_lengths, _ = model.listener.frontend(pcm, lengths, state.before)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
            heard, _, _ = model.listener.listen(features, feature_lengths, state)
        for index, log_probs, frames in zip(indices.tolist(), heard.ctc_log_probs, heard.lengths, strict=True):
            yield index, log_probs[:frames].numpy()
