"""The page of `evaluate --html`: listens again to the worst utterances to draw what the model saw. Needs librosa."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speech2text.cli.console import print_note
from speech2text.cli.dependencies import packages_of

if TYPE_CHECKING:
    from speech2text import Recognizer
    from speech2text.audio.utterances import Utterance
    from speech2text.decoding.protocols import FloatArray
    from speech2text.evaluation.inspection import Inspection, Media, Spelling
    from speech2text.evaluation.report import Report
    from speech2text.text.transcript import Segment

LONGEST_SECONDS = 60.0
"""A longer recording is heard, but not drawn: nothing could be seen, and the page would not fit a browser."""

_MELS, _WINDOW, _HOP = 80, 400, 160  # what the model hears: 25 ms every 10 ms
_TOP_DB = 70.0
_PIXELS_A_MEL = 2


def require_libraries() -> None:
    """See that what draws is installed.

    Raises:
        DependencyError: it is not.
    """
    with packages_of("html", needed_by="--html"):
        import librosa  # noqa: F401
        import matplotlib  # noqa: F401


def write_page(
    path: Path,
    report: Report,
    recognizer: Recognizer,
    utterances: Sequence[Utterance],
    *,
    origin: Mapping[str, Any],
    players: int,
) -> None:
    """Write the page, with player and picture for the `players` worst utterances.

    Raises:
        OutputError: it cannot be written.
    """
    from speech2text.disk import write_atomically
    from speech2text.evaluation.html_report import make_page
    from speech2text.evaluation.scoring import sort_by_errors

    known = {utterance.id: utterance for utterance in utterances}
    shown = [known[row.utterance.id] for row in sort_by_errors(report.scored)[:players]]
    inspections = {utterance.id: draw(recognizer, utterance) for utterance in shown}
    write_atomically(path, make_page(report, origin, inspections))
    left_out = len(report.scored) - len(shown)
    if left_out:
        print_note(f"{path}: {left_out} utterances without player and picture; --html-players gives more")


def draw(recognizer: Recognizer, utterance: Utterance) -> Inspection:
    """Hear an utterance once more and keep what can be drawn."""
    from speech2text.audio.files import SAMPLE_RATE, read_audio
    from speech2text.evaluation.inspection import Inspection

    with warnings.catch_warnings():  # a damaged file was told of when it was recognised
        warnings.simplefilter("ignore")
        samples = read_audio(utterance.audio)
    duration = len(samples) / SAMPLE_RATE
    spellings: list[Spelling] = []
    spectrogram = None
    if duration <= LONGEST_SECONDS:
        spectrogram = draw_spectrogram(samples)
        segments = recognizer.transcribe(samples).segments
        spellings = [
            _spell_again(recognizer, segment.text, samples[begin:end], begin / SAMPLE_RATE)
            for segment, (begin, end) in zip(segments, _stretches(segments, len(samples)), strict=False)
        ]
    return Inspection(duration, encode_audio(samples), spectrogram, tuple(spellings))


def _stretches(segments: Sequence[Segment], length: int) -> Iterator[tuple[int, int]]:
    """First and last sample of the surroundings of each segment: they meet in the middle of the pauses."""
    from speech2text.audio.files import SAMPLE_RATE

    middles = [round((left.end + right.start) / 2 * SAMPLE_RATE) for left, right in pairwise(segments)]
    return pairwise([0, *middles, length])


def _spell_again(recognizer: Recognizer, text: str, samples: FloatArray, start: float) -> Spelling:
    """Attention and alignment of a text that was recognised in samples (N,), which begin at `start` seconds.

    They are those of the samples at their own speed, whichever hearing the text is from.
    """
    from speech2text.decoding.alignment import align
    from speech2text.decoding.forcing import force_attention
    from speech2text.evaluation.inspection import Spelling, Spike

    tokenizer = recognizer.tokenizer
    tokens = tokenizer.encode(text)
    memory = recognizer.listener.listen(samples, recognizer.chunk_seconds)
    frame = recognizer.manifest.model.memory_frame_seconds
    spikes = tuple(
        Spike(
            tokenizer.pieces[token],
            start + span.first_frame * frame,
            start + (span.last_frame + 1) * frame,
            span.posterior,
        )
        for token, span in zip(tokens, align(memory.ctc_log_probs, tokens) or (), strict=False)
    )
    return Spelling(start, frame, force_attention(memory, recognizer.speller, tokens), spikes)


def encode_audio(samples: FloatArray) -> Media:
    """Samples (N,) as Ogg Opus, some 3 kB a second, which every browser of today plays."""
    import numpy as np
    import soundfile

    from speech2text.audio.files import SAMPLE_RATE
    from speech2text.evaluation.inspection import Media

    file = io.BytesIO()
    soundfile.write(file, np.clip(samples, -1, 1), SAMPLE_RATE, format="OGG", subtype="OPUS")
    return Media("audio/ogg", file.getvalue())


def draw_spectrogram(samples: FloatArray) -> Media:
    """Log-mel energies of samples (N,) as a picture without margins, a pixel for each 10 ms."""
    import librosa
    import numpy as np
    from matplotlib.figure import Figure

    from speech2text.audio.files import SAMPLE_RATE
    from speech2text.evaluation.inspection import Media

    padded = np.pad(samples, (0, max(0, _WINDOW - len(samples))))
    energies = librosa.feature.melspectrogram(
        y=padded, sr=SAMPLE_RATE, n_fft=_WINDOW, hop_length=_HOP, n_mels=_MELS
    )  # (80, T)
    decibels = librosa.power_to_db(energies, ref=np.max, top_db=_TOP_DB)
    frames = decibels.shape[1]
    figure = Figure(figsize=(frames / 100, _MELS * _PIXELS_A_MEL / 100), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    librosa.display.specshow(decibels, sr=SAMPLE_RATE, hop_length=_HOP, cmap="magma", ax=axes)
    axes.axis("off")
    file = io.BytesIO()
    figure.savefig(file, format="webp", pil_kwargs={"quality": 70})
    return Media("image/webp", file.getvalue())
