"""A teacher: another model's features of the training recordings, which the listener learns to tell from what it hears.

Texts say what was said; a teacher that has heard more says for every moment what it sounded like, so a listener learns
from few transcribed hours what they alone do not show (Romero et al. 2015, hints; Chang et al. 2022, section 3). The
features were made once, of the recordings as they are, while the listener hears them in noise, masked and at another
speed.

A folder of features holds `features.f16`, frames of half floats in rows of `dimension`, and `index.jsonl`: its first
line is {"dimension", "frames_per_second"}, each further one {"audio", "frames"} of a recording, in the order in which
their frames stand.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from speech2text.decoding.protocols import FloatArray
from speech2text.errors import OutputError, TrainingError
from speech2text.model.frontend import SAMPLE_RATE
from speech2text.model.listener import Heard
from speech2text.text.writers import write_atomically
from speech2text.training.augmentation import Version

FEATURES_FILE, INDEX_FILE = "features.f16", "index.jsonl"
STATISTICS_FRAMES = 20_000
"""Mean and deviation of the features are taken from at least so many, evenly spread, or all."""
LARGEST = 4.0
"""Features beyond so many deviations are cut there: single frames have some of hundreds, which say nothing of sound."""


class FeatureWriter:
    """Adds recordings to a folder of features; what a stop has left half written is dropped when it is opened.

    Raises:
        OutputError: the folder cannot be written, or holds other features.
    """

    def __init__(self, folder: Path, frames_per_second: float) -> None:
        self.folder = folder
        self.frames_per_second = frames_per_second
        self.head: dict[str, Any] | None = None
        self.known: set[str] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if (folder / INDEX_FILE).is_file():
                self._resume()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise OutputError(f"{folder}: no features can be added ({error}); name another folder") from None

    def __contains__(self, audio: Path) -> bool:
        return str(audio.resolve()) in self.known

    def __len__(self) -> int:
        return len(self.known)

    def add(self, audio: Path, features: FloatArray) -> None:
        """Write the features (T, dimension) of a recording.

        Raises:
            OutputError: no space or no permission.
        """
        rows: list[dict[str, Any]] = [{"audio": str(audio.resolve()), "frames": len(features)}]
        if self.head is None:
            self.head = {"dimension": features.shape[1], "frames_per_second": self.frames_per_second}
            rows.insert(0, self.head)
        try:
            with (self.folder / FEATURES_FILE).open("ab") as file:
                file.write(features.astype(np.float16).tobytes())
            with (self.folder / INDEX_FILE).open("a", encoding="utf-8") as file:
                file.write("".join(json.dumps(row) + "\n" for row in rows))
        except OSError as error:
            raise OutputError(f"{self.folder}: cannot be written ({error.strerror}); free space, go on") from None
        self.known.add(str(audio.resolve()))

    def _resume(self) -> None:
        index = self.folder / INDEX_FILE
        text = index.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        write_atomically(index, whole)
        rows = [json.loads(line) for line in whole.splitlines()]
        if not rows:
            return
        self.head = rows[0]
        self.known = {row["audio"] for row in rows[1:]}
        size = sum(row["frames"] for row in rows[1:]) * rows[0]["dimension"] * np.dtype(np.float16).itemsize
        with (self.folder / FEATURES_FILE).open("r+b") as file:
            file.truncate(size)


class TeacherFeatures:
    """A folder of features, read frame by frame as they are asked for.

    Raises:
        TrainingError: no such folder, or a damaged one.
    """

    def __init__(self, folder: Path) -> None:
        try:
            head, *rows = (json.loads(line) for line in (folder / INDEX_FILE).read_text(encoding="utf-8").splitlines())
            self.dimension = int(head["dimension"])
            self.frames_per_second = float(head["frames_per_second"])
            frames = np.memmap(folder / FEATURES_FILE, np.float16, mode="r")
            self._frames: NDArray[np.float16] = frames[: len(frames) // self.dimension * self.dimension].reshape(
                -1, self.dimension
            )
            ends = np.cumsum([row["frames"] for row in rows])
            self._places = {row["audio"]: (end - row["frames"], end) for row, end in zip(rows, ends, strict=True)}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TrainingError(f"{folder}: no usable features of a teacher ({error}); make them anew") from None
        if ends[-1] > len(self._frames):
            raise TrainingError(f"{folder}: {FEATURES_FILE} is cut short; run what made it again, it goes on")

    def __contains__(self, audio: Path) -> bool:
        return str(audio.resolve()) in self._places

    def of(self, audio: Path) -> FloatArray | None:
        """The features (T, dimension) of a recording; None of one that the teacher has not heard."""
        place = self._places.get(str(audio.resolve()))
        return None if place is None else self._frames[slice(*place)].astype(np.float32)

    def statistics(self) -> tuple[FloatArray, FloatArray]:
        """Mean and deviation (dimension,) over all recordings."""
        some = self._frames[:: max(1, len(self._frames) // STATISTICS_FRAMES)].astype(np.float32)
        return some.mean(axis=0), some.std(axis=0).clip(min=1e-3)


class Lesson(nn.Module):
    """What the listener learns from a teacher's features: to tell them from its memory, by one linear layer.

    The layer is of use in training only and goes into no bundle.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, features: TeacherFeatures, memory: int) -> None:
        super().__init__()
        self.features = features
        self.head = nn.Linear(2 * memory, features.dimension)
        nn.init.zeros_(self.head.weight)  # a memory that was trained before is not disturbed by a random layer
        mean, deviation = (torch.from_numpy(each) for each in features.statistics())
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)

    def targets(self, audio: Path | None, version: Version, frame_seconds: float, frames: int) -> Tensor:
        """The features (frames, dimension) for the memory frames of a recording as the listener hears it.

        NaN beyond the recording, for one that the teacher has not heard, and for none. Values between the teacher's
        frames are interpolated at two moments of each memory frame.
        """
        taught = torch.full((frames, self.features.dimension), torch.nan)
        features = self.features.of(audio) if audio else None
        if features is None:
            return taught
        known = ((torch.from_numpy(features) - self.mean) / self.deviation).clamp(-LARGEST, LARGEST)
        moments = (torch.arange(2 * frames) + 0.5) * frame_seconds / 2 - version.start / SAMPLE_RATE
        places = moments * version.speed * self.features.frames_per_second - 0.5
        before = places.floor().long()
        inside = (before >= 0) & (before + 1 < len(known))
        between = torch.lerp(
            known[before.clamp(0, len(known) - 1)],
            known[(before + 1).clamp(0, len(known) - 1)],
            (places - before)[:, None],
        )
        between[~inside] = torch.nan
        return between.reshape(frames, 2, -1).mean(dim=1)

    def forward(self, heard: Heard, targets: Tensor) -> Tensor:
        """The mean squared error to targets (B, T, dimension) where they are not NaN, in units of their variance."""
        told = self.head(torch.cat([heard.values, heard.keys], dim=2)).float()
        taught = ~targets.isnan()
        return ((told - targets.nan_to_num()).square() * taught).sum() / taught.sum().clamp(min=1)
