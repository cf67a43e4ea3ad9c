"""What an echo costs: `python -m recipes.measurements.rooms [--bundle BUNDLE] MANIFEST.jsonl [...] --responses RIR`

RIR is a folder of impulse responses of rooms, a WAV each. Prints the word error rate as the utterances were recorded,
and as they would have been in each of the rooms, with its 95 % interval and how much it is above the first (bootstrap,
paired: the same draws of speakers for both). Of each room stands there how clear it is: the energy of the first 50 ms
of its response over that of the rest (C50, ISO 3382-1). Utterances are heard whole.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from torchaudio.functional import fftconvolve

from recipes.measurements.cells import between, difference, percent
from recipes.measurements.manifests import make_parser, read_all, references_of, speakers_of
from recipes.script import script
from speech2text import load_model
from speech2text.audio.files import read_audio
from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.decoding.protocols import FloatArray
from speech2text.evaluation.error_rate import count_words
from speech2text.evaluation.significance import bootstrap, compare
from speech2text.text.normalization import normalize

EARLY = SAMPLE_RATE // 20
DRY = np.ones(1, np.float32)
"""The response of no room at all."""


@script
def main() -> None:
    """Print the table."""
    parser = make_parser(__doc__)
    parser.add_argument("--responses", type=Path, required=True, metavar="RIR", help="a folder of WAV files")
    arguments = parser.parse_args()
    files = sorted(arguments.responses.glob("*.wav"))
    if not files:
        parser.error(f"{arguments.responses}: has no WAV files")
    utterances = read_all(arguments.manifests)
    references, speakers = references_of(utterances), speakers_of(utterances)
    recognizer = load_model(arguments.bundle)
    rooms = {"as recorded": DRY} | {file.stem: from_direct_sound(read_audio(file)) for file in files}
    texts: dict[str, list[str]] = {name: [] for name in rooms}
    for utterance in utterances:
        samples = read_audio(utterance.audio)
        for name, response in rooms.items():
            text = recognizer.recognise(hear_in(response, samples)).text
            texts[name].append(normalize(text, utterance.language))
    counts = {name: count_words(references, texts[name]) for name in rooms}
    print("| room | clear, dB | WER % | 95 % | above as recorded, 95 % |\n|---|---|---|---|---|")
    for name, response in rooms.items():
        above = compare(counts[name], counts["as recorded"], speakers)
        figures = percent(counts[name]), between(bootstrap(counts[name], speakers)), difference(above)
        print("|", " | ".join((name, clarity(response), *figures)), "|")


def from_direct_sound(response: FloatArray) -> FloatArray:
    """A response (N,) without what is before its loudest sample, the sound that comes straight."""
    return response[np.abs(response).argmax() :]


def clarity(response: FloatArray) -> str:
    """C50 in decibels."""
    early, late = (float(np.square(part, dtype=np.float64).sum()) for part in np.split(response, [EARLY]))
    return f"{10 * math.log10(early / late):.1f}" if early and late else "-"


def hear_in(response: FloatArray, samples: FloatArray) -> FloatArray:
    """Samples (N,) in a room, from the first to the last sound that comes straight, and as loud as they were."""
    heard = fftconvolve(torch.from_numpy(samples), torch.from_numpy(response))[: len(samples)].numpy()
    loudness = np.linalg.norm(samples) / max(float(np.linalg.norm(heard)), 1e-6)
    clipped: FloatArray = (heard * loudness).clip(-1, 1).astype(np.float32)
    return clipped


if __name__ == "__main__":
    main()
