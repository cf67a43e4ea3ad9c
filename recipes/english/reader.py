"""What a reader makes of a teacher's features: `python -m recipes.english.reader TEACHER ORIGIN MANIFEST... OUT`

The reader is a recogniser on top of TEACHER, the features that teach.py wrote of the recordings: it learns by CTC to
read their texts. OUT is a folder of what its last layer holds of them, for `data.teacher` of a recipe: of all that the
teacher hears, what a text needs. ORIGIN is what the training starts from, a run or a bundle: texts are
cut into its pieces.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from recipes.script import encode_text, script
from speech2text.audio.files import SAMPLE_RATE
from speech2text.audio.utterances import read_utterances
from speech2text.decoding.greedy import ctc_greedy
from speech2text.decoding.protocols import BLANK
from speech2text.errors import TrainingError
from speech2text.evaluation.error_rate import count_words, total
from speech2text.text.normalization import normalize
from speech2text.text.tokenizer import Tokenizer
from speech2text.training.batching import batch_recordings
from speech2text.training.initialisation import read_origin
from speech2text.training.optimisation import learning_rate
from speech2text.training.teacher import FeatureWriter, TeacherFeatures

STACK = 2
"""Frames of the teacher in one of the reader."""
UNITS = 256
DROPOUT = 0.3
LONGEST_MASK = 5
"""Frames of the reader that are hidden, at one place of each recording."""
EPOCHS = 5
"""So few that it reads what it learned from no better than other recordings: what it knows by heart teaches nothing."""
BATCH_SECONDS = 120.0
WARMUP_STEPS = 200
LEARNING_RATE = 1.5e-3
CLIP = 1.0
SEED = 0
RATED = 1000
"""Of its own recordings at least so many are rated, or all."""


@dataclass(frozen=True)
class Recording:
    """What the teacher hears in a recording, features (T, F) as the reader gets them, and what is said in it."""

    audio: Path
    features: Tensor
    text: str
    tokens: list[int]


class Reader(nn.Module):
    """Two bidirectional LSTMs over a teacher's features, with a CTC head."""

    def __init__(self, features: int, vocabulary: int) -> None:
        super().__init__()
        self.project = nn.Linear(features, 2 * UNITS)
        self.lstm = nn.LSTM(2 * UNITS, UNITS, num_layers=2, batch_first=True, bidirectional=True, dropout=DROPOUT)
        self.ctc = nn.Linear(2 * UNITS, vocabulary)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, features) to what the last layer holds, (B, T, 2 UNITS)."""
        projected = self.dropout(self.project(self.dropout(features)).relu())
        packed = pack_padded_sequence(projected, lengths, batch_first=True, enforce_sorted=False)
        held: Tensor = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)[0]
        return held

    @torch.inference_mode()
    def hold(self, features: Tensor) -> Tensor:
        """What the last layer holds (T, 2 UNITS) of a recording (T, features)."""
        held: Tensor = self(features[None].float(), torch.tensor([len(features)]))[0]
        return held

    def loss(self, recordings: Sequence[Recording]) -> Tensor:
        """CTC, per token, of recordings with a stretch of each hidden."""
        lengths = torch.tensor([len(each.features) for each in recordings])
        heard = pad_sequence([_masked(each.features) for each in recordings], batch_first=True)
        log_probs = self.ctc(self.dropout(self(heard, lengths))).log_softmax(dim=2)
        tokens = [torch.tensor(each.tokens, dtype=torch.long) for each in recordings]
        counts = torch.tensor([len(each) for each in tokens])
        losses = nn.functional.ctc_loss(
            log_probs.transpose(0, 1), torch.cat(tokens), lengths, counts, BLANK, "sum", zero_infinity=True
        )
        return losses / counts.sum()


@script
def main() -> None:
    """Train a reader and write down what it holds of every recording."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teacher", type=Path)
    parser.add_argument("origin")
    parser.add_argument("manifests", type=Path, nargs="+")
    parser.add_argument("out", type=Path)
    parser.add_argument("--dev", type=Path, nargs="+", default=[], help="print the error rate on these manifests, too")
    arguments = parser.parse_args()
    teacher, tokenizer = TeacherFeatures(arguments.teacher), read_origin(arguments.origin).tokenizer
    recordings = find_recordings(arguments.manifests, teacher, tokenizer)
    dev = find_recordings(arguments.dev, teacher, tokenizer) if arguments.dev else []
    writer = FeatureWriter(arguments.out, teacher.frames_per_second / STACK)
    if len(writer):
        raise TrainingError(f"{arguments.out}: has features already; name another folder")
    reader = train(recordings, len(tokenizer), writer.frames_per_second)
    print(file=sys.stderr)
    for name, some in (("its own", recordings[:: max(1, len(recordings) // RATED)]), ("dev", dev)):
        if some:
            print(f"WER (CTC greedy) of {name} recordings: {error_rate(reader, some, tokenizer):.1%}")
    for recording in recordings:
        writer.add(recording.audio, reader.hold(recording.features).numpy())
    print(f"{arguments.out}: {len(writer)} recordings", file=sys.stderr)


def find_recordings(manifests: Sequence[Path], teacher: TeacherFeatures, tokenizer: Tokenizer) -> list[Recording]:
    """Each recording of the manifests that the teacher has heard, once.

    Raises:
        ManifestError: a text has a letter that no piece has.
        TrainingError: there is none.
    """
    recordings = {}
    for utterance in (each for manifest in manifests for each in read_utterances(manifest)):
        heard = teacher.normalised(utterance.audio)
        if heard is None or len(heard) < STACK:
            continue
        text = normalize(utterance.text, utterance.language)
        if not text:
            continue
        tokens = encode_text(tokenizer, text, utterance.audio)
        stacked = torch.from_numpy(heard[: len(heard) // STACK * STACK].reshape(-1, STACK * teacher.dimension))
        recordings[utterance.audio] = Recording(utterance.audio, stacked.half(), text, tokens)
    if not recordings:
        raise TrainingError(
            "the teacher has heard none of the recordings; make it hear them (recipes/english/teach.py)"
        )
    return list(recordings.values())


def train(recordings: Sequence[Recording], vocabulary: int, frames_per_second: float) -> Reader:
    """A reader that has read the recordings EPOCHS times; they have `frames_per_second`, stacked."""
    torch.manual_seed(SEED)
    reader = Reader(recordings[0].features.shape[1], vocabulary)
    optimizer = torch.optim.AdamW(reader.parameters(), weight_decay=0.01)
    lengths = np.array([len(each.features) for each in recordings]) * round(SAMPLE_RATE / frames_per_second)
    plan = [batch for epoch in range(EPOCHS) for batch in batch_recordings(lengths, BATCH_SECONDS, SEED, epoch)]
    for step, batch in enumerate(plan):
        optimizer.param_groups[0]["lr"] = learning_rate(step, len(plan), WARMUP_STEPS, LEARNING_RATE)
        loss = reader.loss([recordings[index] for index in batch])
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(reader.parameters(), CLIP)
        optimizer.step()
        print(f"\rstep {step + 1} of {len(plan)}: CTC {float(loss.detach()):.3f}", end="", file=sys.stderr, flush=True)
    return reader.eval()


def error_rate(reader: Reader, recordings: Sequence[Recording], tokenizer: Tokenizer) -> float:
    """The word error rate of the recordings, by CTC greedy."""
    with torch.inference_mode():
        log_probs = [reader.ctc(reader.hold(each.features)).log_softmax(dim=1).numpy() for each in recordings]
    texts = [tokenizer.decode(ctc_greedy(each)) for each in log_probs]
    return total(count_words([each.text for each in recordings], texts)).rate or 0.0


def _masked(features: Tensor) -> Tensor:
    """Features (T, F) in single precision, with up to LONGEST_MASK frames at their mean."""
    masked = features.float()
    width = int(torch.randint(LONGEST_MASK + 1, ()))
    first = int(torch.randint(max(1, len(masked) - LONGEST_MASK), ()))
    masked[first : first + width] = 0.0
    return masked


if __name__ == "__main__":
    main()
