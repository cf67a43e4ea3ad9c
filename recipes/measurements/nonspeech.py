"""Sound without a word, made from a seed: silence, noises, tones, hum, clicks, keys, chords. Samples are 16 kHz."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.decoding.protocols import FloatArray
from speech2text.evaluation.noise import make_pink_noise

Generator = np.random.Generator
LEVELS = (-70.0, -12.0)
"""Decibels of full scale between which the level of a clip is drawn."""
CLIPS_A_KIND = 20


def _times(seconds: float) -> FloatArray:
    return np.asarray(np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE, np.float32)


def _tone(times: FloatArray, hertz: float) -> FloatArray:
    return np.asarray(np.sin(2 * np.pi * hertz * times), np.float32)


def silence(seconds: float, generator: Generator) -> FloatArray:
    """Zeros."""
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)


def white(seconds: float, generator: Generator) -> FloatArray:
    """All frequencies alike, as a badly tuned radio."""
    return generator.standard_normal(round(seconds * SAMPLE_RATE), np.float32)


def pink(seconds: float, generator: Generator) -> FloatArray:
    """As the room noise of the other measurements."""
    return make_pink_noise(round(seconds * SAMPLE_RATE), generator)


def brown(seconds: float, generator: Generator) -> FloatArray:
    """Low frequencies above all, as wind."""
    walk = np.cumsum(white(seconds, generator), dtype=np.float64)
    low = np.convolve(walk, np.full(400, 1 / 400), "same")
    return (walk - low).astype(np.float32)


def modulated(seconds: float, generator: Generator) -> FloatArray:
    """Pink noise that swells 2 to 8 times a second, as often as syllables do."""
    swell = 1 + _tone(_times(seconds), generator.uniform(2, 8))
    return pink(seconds, generator) * swell**2


def tone(seconds: float, generator: Generator) -> FloatArray:
    """One tone without end."""
    return _tone(_times(seconds), generator.uniform(80, 5000))


def beeps(seconds: float, generator: Generator) -> FloatArray:
    """A tone that goes on and off."""
    times = _times(seconds)
    return _tone(times, generator.uniform(300, 3000)) * (_tone(times, generator.uniform(0.5, 4)) > 0)


def sweep(seconds: float, generator: Generator) -> FloatArray:
    """A siren: a tone that rises and falls."""
    times = _times(seconds)
    middle, width, rate = generator.uniform(600, 1500), generator.uniform(100, 500), generator.uniform(0.3, 3)
    return np.sin(2 * np.pi * middle * times + width / rate * _tone(times, rate), dtype=np.float32)


def hum(seconds: float, generator: Generator) -> FloatArray:
    """A mains hum of 50 or 60 Hz with its harmonics."""
    times, mains = _times(seconds), generator.choice([50, 60])
    parts = [generator.uniform(0.1, 1) / order * _tone(times, mains * order) for order in range(1, 12)]
    return np.asarray(np.sum(parts, axis=0), np.float32)


def clicks(seconds: float, generator: Generator) -> FloatArray:
    """One click to five a second, as of a mouse or of keys: a few milliseconds of noise that die away."""
    samples = np.zeros(round(seconds * SAMPLE_RATE), np.float32)
    length = round(generator.uniform(0.001, 0.02) * SAMPLE_RATE)
    click = generator.standard_normal(length, np.float32) * np.exp(-5 * np.arange(length, dtype=np.float32) / length)
    for begin in generator.integers(0, len(samples) - length, generator.integers(1, round(5 * seconds))):
        samples[begin : begin + length] = click
    return samples


def keys(seconds: float, generator: Generator) -> FloatArray:
    """The two tones of a telephone's keys, one key after the other."""
    times = _times(seconds)
    samples = np.zeros(len(times), np.float32)
    period, held = generator.uniform(0.15, 0.5), generator.uniform(0.4, 0.9)
    for begin in np.arange(0, seconds, period):
        on = (times >= begin) & (times < begin + held * period)
        low, high = generator.choice([697, 770, 852, 941]), generator.choice([1209, 1336, 1477, 1633])
        samples[on] = _tone(times[on], low) + _tone(times[on], high)
    return samples


def chords(seconds: float, generator: Generator) -> FloatArray:
    """Plucked chords: three notes with harmonics that die away, twice a second or so."""
    times = _times(seconds)
    samples = np.zeros(len(times), np.float32)
    for begin in np.arange(0, seconds, generator.uniform(0.3, 1.0)):
        on = times >= begin
        root = 110 * 2 ** (generator.integers(0, 24) / 12)
        for note in (0, generator.choice([3, 4]), 7):
            for order in range(1, 6):
                partial = _tone(times[on] - np.float32(begin), root * 2 ** (note / 12) * order) / order
                samples[on] += partial * np.exp(-3 * order * (times[on] - np.float32(begin)) / 2)
    return samples


KINDS: Mapping[str, Callable[[float, Generator], FloatArray]] = {
    kind.__name__: kind
    for kind in (silence, white, pink, brown, modulated, tone, beeps, sweep, hum, clicks, keys, chords)
}


def make_clips(seed: int) -> Iterator[tuple[str, FloatArray]]:
    """Clips of 1 to 8 s and any level, equally many of every kind, and 10 minutes of pink noise; each with its kind."""
    generator = np.random.default_rng(seed)
    for name, kind in KINDS.items():
        for _ in range(CLIPS_A_KIND):
            samples = kind(generator.uniform(1, 8), generator)
            yield name, _at_level(samples, generator.uniform(*LEVELS))
    yield "10 minutes", _at_level(pink(600, generator), -40.0)


def _at_level(samples: FloatArray, decibels: float) -> FloatArray:
    """The samples with that power, and clipped where they are out of range."""
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    scale = np.float32(np.sqrt(10 ** (decibels / 10) / power)) if power else np.float32(0)
    return np.asarray(np.clip(scale * samples, -1, 1), np.float32)
