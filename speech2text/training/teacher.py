"""A teacher: another model's features of the training recordings, which the listener learns to tell from what it hears.

Texts say what was said; a teacher that has heard more says for every moment what it sounded like, so a listener learns
from few transcribed hours what they alone do not show (Romero et al. 2015, hints; Chang et al. 2022, section 3). The
features were made once, of the recordings as they are, while the listener hears them in noise, masked and at another
speed.

A folder of features holds `features.f16`, frames of half floats in rows of `dimension`, and `index.jsonl`. Its
first line is the header, {"dimension", "frames_per_second"}; each further one is {"audio", "frames"} of a
recording, by its whole path, in the order in which their frames stand.
"""

from __future__ import annotations

import hashlib
import json
import os
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from speech2text.decoding.protocols import FloatArray
from speech2text.disk import read_whole_lines, write_atomically
from speech2text.errors import OutputError, TrainingError
from speech2text.model.frontend import SAMPLE_RATE
from speech2text.model.listener import Heard
from speech2text.training.augmentation import Version

FEATURES_FILE, INDEX_FILE = "features.f16", "index.jsonl"
STATISTICS_FRAMES = 20_000
"""From at least so many, evenly spread, or all, mean and deviation of the features are taken, and a hash."""
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
        self.header: dict[str, Any] | None = None
        self.known: set[str] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._resume()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise OutputError(f"{folder}: no features can be added ({error}); name another folder") from None
        if self.header and self.header["frames_per_second"] != frames_per_second:
            raise OutputError(f"{folder}: has features of {self.header}; name another folder")

    def __contains__(self, audio: Path) -> bool:
        return str(audio.resolve()) in self.known

    def __len__(self) -> int:
        return len(self.known)

    def add(self, audio: Path, features: FloatArray) -> None:
        """Write the features (T, dimension) of a recording.

        Raises:
            OutputError: no space or no permission, features of another dimension than the others, or too large for half
                floats.
        """
        name = str(audio.resolve())
        with np.errstate(over="ignore"):
            halves = features.astype(np.float16)
        if not np.isfinite(halves).all():
            raise OutputError(f"{audio}: features beyond {np.finfo(np.float16).max:g} cannot be kept; scale them down")
        rows: list[dict[str, Any]] = [{"audio": name, "frames": len(features)}]
        if self.header is None:
            self.header = {"dimension": features.shape[1], "frames_per_second": self.frames_per_second}
            rows.insert(0, self.header)
        if self.header["dimension"] != features.shape[1]:
            raise OutputError(f"{self.folder}: has features of {self.header}; name another folder")
        try:
            with (self.folder / FEATURES_FILE).open("ab") as file:
                file.write(halves.tobytes())
            with (self.folder / INDEX_FILE).open("a", encoding="utf-8") as file:
                file.write("".join(json.dumps(row) + "\n" for row in rows))
        except OSError as error:
            raise OutputError(f"{self.folder}: cannot be written ({error.strerror}); free space, go on") from None
        self.known.add(name)

    def _resume(self) -> None:
        index, features = self.folder / INDEX_FILE, self.folder / FEATURES_FILE
        lines = read_whole_lines(index, mend=True)
        if not lines:
            features.unlink(missing_ok=True)  # of a first recording that a stop has kept out of the index
            return
        self.header, *rows = (json.loads(line) for line in lines)
        frame_bytes = self.header["dimension"] * np.dtype(np.float16).itemsize
        ends = np.cumsum([row["frames"] for row in rows]) * frame_bytes
        stored = int((ends <= features.stat().st_size).sum())  # the file may be a copy that is not whole
        write_atomically(index, "".join(f"{line}\n" for line in lines[: 1 + stored]))
        os.truncate(features, int(ends[stored - 1]) if stored else 0)
        self.known = {row["audio"] for row in rows[:stored]}


class TeacherFeatures:
    """A folder of features, read frame by frame as they are asked for.

    `sha256` is that of the index, `features_sha256` that of frames spread over all features, which may be gigabytes.

    Raises:
        TrainingError: no such folder, or a damaged one.
    """

    def __init__(self, folder: Path) -> None:
        try:
            lines = read_whole_lines(folder / INDEX_FILE)
            header, *rows = (json.loads(line) for line in lines)
            self.dimension = int(header["dimension"])
            self.frames_per_second = float(header["frames_per_second"])
            stored = np.memmap(folder / FEATURES_FILE, np.uint8, mode="r")  # of bytes: a stop leaves any number of them
            frame_bytes = self.dimension * np.dtype(np.float16).itemsize
            whole = stored[: len(stored) // frame_bytes * frame_bytes]
            self._frames: NDArray[np.float16] = whole.view(np.float16).reshape(-1, self.dimension)
            ends = np.cumsum([row["frames"] for row in rows])
            self._places = {row["audio"]: (end - row["frames"], end) for row, end in zip(rows, ends, strict=True)}
        except (OSError, ValueError, KeyError, TypeError) as error:
            cure = "give data.teacher as the path of its folder from that of --data"
            raise TrainingError(f"{folder}: no usable features of a teacher ({error}); {cure}") from None
        if not rows or ends[-1] > len(self._frames):
            raise TrainingError(f"{folder}: {FEATURES_FILE} is cut short; run what made it again, it goes on")
        self._frames = self._frames[: ends[-1]]  # without those that a stop has kept out of the index
        self.sha256 = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        self.features_sha256 = hashlib.sha256(self._spread_frames().tobytes()).hexdigest()

    def __contains__(self, audio: Path) -> bool:
        return str(audio.resolve()) in self._places

    def of(self, audio: Path) -> FloatArray | None:
        """The features (T, dimension) of a recording; None of one that the teacher has not heard."""
        place = self._places.get(str(audio.resolve()))
        return None if place is None else self._frames[slice(*place)].astype(np.float32)

    def normalised(self, audio: Path) -> FloatArray | None:
        """`of`, in deviations from the mean over all recordings, cut at LARGEST."""
        features = self.of(audio)
        if features is None:
            return None
        mean, deviation = self._statistics
        return ((features - mean) / deviation).clip(-LARGEST, LARGEST)

    @cached_property
    def _statistics(self) -> tuple[FloatArray, FloatArray]:
        some = self._spread_frames().astype(np.float32)
        return some.mean(axis=0), some.std(axis=0).clip(min=1e-3)

    def _spread_frames(self) -> NDArray[np.float16]:
        return self._frames[:: max(1, len(self._frames) // STATISTICS_FRAMES)]


class Lesson(nn.Module):
    """What the listener learns from a teacher's features: to tell them from its memory, by one linear layer.

    The layer is of use in training only and goes into no bundle.
    """

    def __init__(self, features: TeacherFeatures, memory: int) -> None:
        super().__init__()
        self.features = features
        self.tell = nn.Linear(2 * memory, features.dimension)
        nn.init.zeros_(self.tell.weight)  # a memory that was trained before is not disturbed by a random layer

    def targets(self, audio: Path | None, version: Version, frame_seconds: float, frames: int) -> Tensor:
        """The features (frames, dimension) for the memory frames of a recording as the listener hears it.

        NaN beyond the recording and at its very edges, for one that the teacher has not heard, and for none. Values
        between the teacher's frames are interpolated at two moments of each memory frame.
        """
        taught = torch.full((frames, self.features.dimension), torch.nan)
        features = self.features.normalised(audio) if audio else None
        if features is None or not len(features):
            return taught
        known = torch.from_numpy(features)
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
        told = self.tell(torch.cat([heard.values, heard.keys], dim=2).float())
        taught = ~targets.isnan()
        return ((told - targets.nan_to_num()).square() * taught).sum() / taught.sum().clamp(min=1)
