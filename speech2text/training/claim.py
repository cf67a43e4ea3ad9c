"""What a run is trained on, noted when it begins and known again by its hashes when it goes on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from speech2text.disk import write_atomically
from speech2text.errors import TrainingError
from speech2text.training import layout
from speech2text.training.checkpoint import has_checkpoint
from speech2text.training.corpus import Corpus
from speech2text.training.teacher import TeacherFeatures

CLAIMED = {
    "sha256": "recordings, texts or noise",
    "voices": "speakers or corpora",
    "samples": "sounds",
    "teacher": "teacher's features",
    "features": "teacher's features",
}
"""What data.json knows again by its hashes."""


def claim_data(run: Path, train: Corpus, noise: Corpus | None, teacher: TeacherFeatures | None) -> None:
    """Note what the run is trained on, or see that it is still the same: else it would go on as another run.

    Raises:
        TrainingError: it has changed since the run began.
        OutputError: the note cannot be written.
    """
    rows = [(utterance.id, utterance.text) for utterance in train.utterances]
    voices = [(utterance.speaker, utterance.corpus) for utterance in train.utterances]
    heard = [rows, train.lengths.tolist(), noise.lengths.tolist() if noise else []]
    note: dict[str, object] = {
        "utterances": len(train),
        "sha256": hashlib.sha256(json.dumps(heard).encode()).hexdigest(),
        "voices": hashlib.sha256(json.dumps(voices).encode()).hexdigest(),
        "samples": [train.sha256, noise.sha256 if noise else ""],
    }
    if teacher:
        note |= {"teacher": teacher.sha256, "features": teacher.features_sha256}
    file = run / layout.CLAIM
    if has_checkpoint(run) and file.is_file() and (changed := _difference(file, note)):
        raise TrainingError(f"{run}: {changed} since it began; name another folder")
    write_atomically(file, json.dumps(note) + "\n")


def _difference(file: Path, note: dict[str, object]) -> str:
    """The first thing that the file says otherwise than the note, if any; one of an earlier version says less."""
    try:
        claimed = note | json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, TypeError):
        return f"its {file.name} was damaged"
    counts = claimed.pop("utterances"), note["utterances"]
    if counts[0] != counts[1]:
        return "it had {} recordings, not {},".format(*counts)
    changed = [name for name, value in claimed.items() if value != note.get(name)]
    return f"its {CLAIMED.get(changed[0], changed[0])} have changed" if changed else ""
