"""Utterances recognised in one or several ways, side by side, with a bar: what evaluate asks of recognisers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING
from zlib import crc32

from speech2text.cli.console import print_error, progress_bar, sum_known
from speech2text.cli.parallel import map_in_order
from speech2text.errors import AudioError, ManifestError

if TYPE_CHECKING:
    from speech2text import Recognizer
    from speech2text.audio.manifest import Utterance
    from speech2text.decoding.protocols import FloatArray
    from speech2text.evaluation.scoring import Recognised
    from speech2text.runtime.pool import RecognizerPool


@dataclass(frozen=True)
class Noise:
    """Where noise comes from: clips, or without any of them noise that is generated; `source` says so to people."""

    source: str
    clips: tuple[Path, ...] = ()

    def beside(self, utterance: Utterance, length: int) -> FloatArray:
        """`length` samples of noise, the same each time for an utterance.

        Raises:
            ManifestError: a clip cannot be read, or holds nothing.
        """
        import numpy as np

        from speech2text.evaluation.noise import cut_noise, make_pink_noise

        generator = np.random.default_rng(crc32(utterance.id.encode()))
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

    Raises:
        ManifestError: see audio.manifest.read_utterances.
    """
    if path is None:
        return Noise("pink noise, generated")
    from speech2text.audio.manifest import read_utterances

    clips = tuple(clip.audio for clip in read_utterances(path, with_texts=False))
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
    with ExitStack() as stack:
        pools = {each: stack.enter_context(RecognizerPool(each, threads)) for each in {way.recognizer for way in ways}}

        def work(utterance: Utterance) -> list[Recognised] | AudioError:
            try:
                return _hear(utterance, [(pools[way.recognizer], way.snr) for way in ways], noise)
            except AudioError as error:
                return error

        advance = stack.enter_context(progress_bar(lambda: sum_known(each.duration for each in utterances)))
        never_stopped = Event()  # utterances are short: an interruption may wait for those at work
        results = stack.enter_context(closing(map_in_order(work, utterances, threads, never_stopped)))
        for utterance, result in zip(utterances, results, strict=True):
            if isinstance(result, AudioError):
                print_error(str(result))
                excluded.append((utterance.id, str(result)))
            else:
                for way, recognised in zip(ways, result, strict=True):
                    heard[way].append(recognised)
            advance(utterance.duration or 0.0)
    return heard, excluded


def _hear(utterance: Utterance, ways: Sequence[tuple[RecognizerPool, float | None]], noise: Noise) -> list[Recognised]:
    """What was recognised by each of the pools, with noise at its ratio if one is given."""
    from speech2text.audio.files import read_audio
    from speech2text.evaluation.noise import add_noise
    from speech2text.evaluation.scoring import pair

    if [snr for _, snr in ways] == [None]:  # by blocks, as long as it may be
        return [pair(utterance, ways[0][0].transcribe(utterance.audio))]
    samples = read_audio(utterance.audio)
    noisy = any(snr is not None for _, snr in ways)
    beside = noise.beside(utterance, len(samples)) if noisy else samples
    return [
        pair(utterance, pool.transcribe(samples if snr is None else add_noise(samples, beside, snr)))
        for pool, snr in ways
    ]


def _read_clip(clip: Path) -> FloatArray:
    from speech2text.audio.files import read_audio

    try:
        samples = read_audio(clip)
    except AudioError as error:
        raise ManifestError(f"noise: {error}") from None
    if not samples.any():
        raise ManifestError(f"noise: {clip}: no sound in it; take it out of the noise")
    return samples
