"""Making a tokenizer out of the training texts."""

from __future__ import annotations

import json
from collections.abc import Iterable

from speech2text.text.tokenizer import SPECIAL_PIECES, WORD_MARK, Tokenizer


def learn_tokenizer(texts: Iterable[str], kind: str, size: int) -> Tokenizer:
    """Characters, or byte-pair pieces (Sennrich et al. 2016) of about `size`, of normalised texts."""
    texts = list(texts)
    if kind == "characters":
        return Tokenizer.of_characters(texts)
    from tokenizers import Tokenizer as BPETokenizer
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import Metaspace
    from tokenizers.trainers import BpeTrainer

    learner = BPETokenizer(BPE())
    learner.pre_tokenizer = Metaspace(replacement=WORD_MARK, prepend_scheme="always")
    learner.train_from_iterator(
        texts, BpeTrainer(vocab_size=size, special_tokens=list(SPECIAL_PIECES), show_progress=False)
    )
    learned = json.loads(learner.to_str())["model"]
    pieces = sorted(learned["vocab"], key=learned["vocab"].__getitem__)
    return Tokenizer(pieces, (tuple(merge) for merge in learned["merges"]))
