"""Utterances recognised in one or several ways, side by side, with a bar: what evaluate asks of recognisers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING
from zlib import crc32

from speech2text.cli.console import print_error, progress_bar, sum_known
from speech2text.cli.parallel import StoppedError, map_in_order
from speech2text.disk import as_utf8
from speech2text.errors import AudioError, AudioWarning, ManifestError, damage_raised

if TYPE_CHECKING:
    from speech2text import Recognizer
    from speech2text.audio.utterances import Utterance
    from speech2text.decoding.protocols import FloatArray
    from speech2text.evaluation.scoring import Recognised
    from speech2text.text.transcript import Transcript


_CLIPS_HELD = 4
"""Decoded clips of noise: an hour takes 230 MB, and decoding one for each utterance takes longer than to hear that."""


@dataclass(frozen=True)
class Noise:
    """Where noise comes from: clips, or without any of them noise that is generated; `source` says so to people."""

    source: str
    clips: tuple[Path, ...] = ()

    def beside(self, utterance: Utterance, length: int) -> FloatArray:
        """`length` samples of noise, the same each time for an utterance.

        Raises:
            ManifestError: a clip cannot be read any more.
        """
        import numpy as np

        from speech2text.evaluation.noise import cut_noise, make_pink_noise

        generator = np.random.default_rng(crc32(as_utf8(utterance.id)))
        if not self.clips:
            return make_pink_noise(length, generator)
        clip = self.clips[int(generator.integers(len(self.clips)))]
        return cut_noise(_read_clip(clip), length, generator)


@dataclass(frozen=True)
class Way:
    """One way to hear an utterance: by a recogniser, and with noise if `snr` (decibels) is given."""

    recognizer: Recognizer
    snr: float | None = None


def read_noise(path: Path | None) -> Noise:
    """The noise of a manifest or folder of clips; generated if None.

    Each clip is read once, so that what is wrong with one is known before anything is heard.

    Raises:
        ManifestError: a clip cannot be read whole, or is silent; see audio.utterances.read_utterances too.
    """
    if path is None:
        return Noise("pink noise, generated")
    from speech2text.audio.utterances import read_utterances

    clips = tuple(clip.audio for clip in read_utterances(path, with_texts=False))
    with damage_raised():
        for clip in clips:
            if not _read_clip(clip).any():
                raise ManifestError(f"noise: {clip}: no sound in it; take it out of the noise")
    return Noise(f"{len(clips)} clip{'' if len(clips) == 1 else 's'} of {path}", clips)


def hear_all(
    utterances: Sequence[Utterance], ways: Sequence[Way], noise: Noise, threads: int
) -> tuple[dict[Way, list[Recognised]], list[tuple[str, str]]]:
    """What was recognised in each of the ways, and the ids of the unreadable with the reasons, in manifest order.

    A way that stands twice is gone once.
    """
    from speech2text.runtime.pool import RecognizerPool

    ways = list(dict.fromkeys(ways))
    heard: dict[Way, list[Recognised]] = {way: [] for way in ways}
    excluded: list[tuple[str, str]] = []
    pool = RecognizerPool(list({way.recognizer for way in ways}), min(threads, len(utterances)))
    stop = Event()

    def check_stop(_: float) -> None:
        if stop.is_set():
            raise StoppedError

    def work(utterance: Utterance) -> list[Recognised] | str:
        try:
            return _hear(utterance, ways, noise, partial(pool.transcribe, on_progress=check_stop))
        except (AudioError, AudioWarning) as error:
            return str(error)

    with (
        damage_raised(),
        pool,
        progress_bar(lambda: sum_known(each.duration for each in utterances)) as advance,
        closing(map_in_order(work, utterances, threads, stop)) as results,
    ):
        for utterance, result in zip(utterances, results, strict=True):
            if isinstance(result, str):
                print_error(result)
                excluded.append((utterance.id, result))
            else:
                for way, recognised in zip(ways, result, strict=True):
                    heard[way].append(recognised)
            advance(utterance.duration or 0.0)
    return heard, excluded


def _hear(
    utterance: Utterance, ways: Sequence[Way], noise: Noise, transcribe: Callable[..., Transcript]
) -> list[Recognised]:
    from speech2text.audio.files import read_audio
    from speech2text.evaluation.noise import add_noise
    from speech2text.evaluation.scoring import pair

    if len(ways) == 1 and ways[0].snr is None:  # by blocks, as long as it may be
        return [pair(utterance, transcribe(ways[0].recognizer, utterance.audio))]
    samples = read_audio(utterance.audio)
    noisy = any(way.snr is not None for way in ways)
    beside = noise.beside(utterance, len(samples)) if noisy else samples
    recognised = []
    for way in ways:
        heard = samples if way.snr is None else add_noise(samples, beside, way.snr)
        try:
            recognised.append(pair(utterance, transcribe(way.recognizer, heard)))
        except AudioError as error:  # noise that is silent but for a click is made louder than any sound
            raise AudioError(f"{utterance.audio} with noise at {way.snr:g} dB: {error}") from None
    return recognised


@lru_cache(maxsize=_CLIPS_HELD)
def _read_clip(clip: Path) -> FloatArray:
    from speech2text.audio.files import read_audio

    try:
        return read_audio(clip)
    except (AudioError, AudioWarning) as error:
        raise ManifestError(f"noise: {error}") from None
