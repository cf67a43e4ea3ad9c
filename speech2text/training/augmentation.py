"""How training hears a recording differently every time: (samples,) in and out, then (batch, frames, 80) features.

Randomness comes from torch's global generator, which the trainer seeds before each step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torchaudio.functional as sound
from torch import Tensor
from torchaudio.transforms import FrequencyMasking, TimeMasking

from speech2text.decoding.protocols import END
from speech2text.model.frontend import SAMPLE_RATE
from speech2text.training.corpus import Corpus
from speech2text.training.recipe import AugmentationSettings

TELEPHONE_RATE = 8_000
MU_LAW_LEVELS = 256
RECORDED_NOISE_SHARE = 0.6
"""Of the noise that is mixed in; the rest is generated, since recorded noise that training has is of few places."""
STEEPEST_NOISE = 1.0
"""Generated noise falls with frequency as f^-a in amplitude, a drawn from 0 (white) to this (brown)."""
NON_SPEECH_SHARES = (0.5, 0.2, 0.15, 0.15)
"""Of recorded noise, generated noise, tones and digital silence among what holds no speech."""
NON_SPEECH_DBFS = (-60.0, 0.0)
"""Its peak."""
ROOM_SNR_DB = (20.0, 60.0)
"""Of an utterance over the noise of the room it stands in."""
DECAY_SECONDS = (0.1, 1.0)
"""In which the echo of a room falls by 60 dB: from a car to a hall."""
DIRECT_DB = (-9.0, 12.0)
"""Of the sound that comes straight to the microphone, over all its echo."""
TONE_HERTZ = (50.0, 4000.0)
MOST_TONES = 4
BEEPING_SHARE = 0.5
"""Of the tones, those that go on and off, as of a telephone or a lorry that reverses."""
BEEPS_A_SECOND = (0.3, 8.0)
BEEP_SHARE = (0.2, 0.8)
"""How much of a beep's period sounds."""
GLIDING_SHARE = 0.3
"""Of the tones, those that rise and fall, as of a siren."""
GLIDES_A_SECOND, GLIDE_OCTAVES = (0.05, 4.0), (0.1, 2.0)
"""How often they do, and how far to both sides: the slowest and widest sweep through most of what is heard."""
RESPONSE_HERTZ = (60.0, 150.0, 350.0, 800.0, 1600.0, 3000.0, 5000.0, 8000.0)
"""Where a microphone's gain is drawn; between them it is a straight line over the logarithm of the frequency."""
FFT_BLOCK = 4096
"""Transforms are of multiples of this: one of a length with large prime factors takes many times longer."""


class Version(NamedTuple):
    """A recording as it is heard this time: what was its sample n is near sample `start` + n / `speed` of `samples`."""

    samples: Tensor
    speed: float = 1.0
    start: int = 0


class WaveformAugmentation:
    """Speed, a room and its echo, noise at a drawn signal-to-noise ratio, the microphone, telephone band and gain."""

    def __init__(self, settings: AugmentationSettings, noise: Corpus | None = None) -> None:
        self.settings = settings
        self.noise = noise

    def __call__(self, samples: Tensor) -> Version:
        """A new version of samples (N,); speed and the room around it change its length."""
        settings = self.settings
        speed = settings.speeds[int(torch.randint(len(settings.speeds), ()))]
        if speed != 1.0:
            samples = sound.speed(samples, SAMPLE_RATE, speed)[0]
        spoken = len(samples)
        samples, start = self._between_pauses(samples)
        if happens(settings.reverberation_share):
            samples = reverberate(samples, _between(*DECAY_SECONDS), _between(*DIRECT_DB))
        if settings.room_seconds:
            samples = _with_noise(samples, generated_noise(len(samples)), _between(*ROOM_SNR_DB), spoken)
        if happens(settings.noise_share):
            noise = self._noise if happens(RECORDED_NOISE_SHARE) else generated_noise
            samples = _with_noise(samples, noise(len(samples)), _between(*settings.snr_db), spoken)
        if settings.response_db:
            samples = through_microphone(samples, _between(0.0, settings.response_db))
        if happens(settings.telephone_share):
            samples = telephone(samples)
        return Version((samples * 10 ** (_between(*settings.gain_db) / 20)).clamp(-1, 1), speed, start)

    def non_speech(self, length: int) -> Tensor:
        """Samples (length,) in which nobody speaks, of a drawn kind and loudness."""
        kinds = (self._noise, generated_noise, tones, torch.zeros)
        samples = kinds[int(torch.multinomial(torch.tensor(NON_SPEECH_SHARES), 1))](length)
        loudness = 10 ** (_between(*NON_SPEECH_DBFS) / 20)
        return samples * loudness / samples.abs().max().clamp(min=1e-6)

    def _between_pauses(self, samples: Tensor) -> tuple[Tensor, int]:
        """Samples (N,) with silence before and after them, and how many samples of it came before."""
        longest = int(self.settings.room_seconds * SAMPLE_RATE)
        before, after = torch.randint(longest + 1, (2,)).tolist()
        return torch.nn.functional.pad(samples, (before, after)), before

    def _noise(self, length: int) -> Tensor:
        if self.noise is None:
            return generated_noise(length)
        index = int(torch.randint(len(self.noise), ()))
        start = int(torch.randint(int(self.noise.lengths[index]), ()))
        return torch.from_numpy(self.noise.cycle(index, start, length)) + 1e-6 * torch.randn(length)


def _with_noise(samples: Tensor, noise: Tensor, snr_db: float, spoken: int) -> Tensor:
    """Samples (N,), `spoken` of them speech and the rest silence, with noise (N,) so far below the speech in power."""
    of_all_db = 10 * math.log10(spoken / len(samples))  # add_noise compares energies, over the silence too
    return sound.add_noise(samples, noise, torch.tensor(snr_db + of_all_db))


def reverberate(samples: Tensor, decay_seconds: float, direct_db: float) -> Tensor:
    """Samples (N,) as loud as before, with the echo of a room under them; what comes straight keeps its place.

    The echo is noise of a drawn colour that decays exponentially, as in the statistical model of a room (Polack 1988).

    Args:
        samples: speech as from close to a microphone.
        decay_seconds: in which the echo falls by 60 dB; what would come later is left out.
        direct_db: of the sound that comes straight, over all of the echo.
    """
    length = int(decay_seconds * SAMPLE_RATE)
    echo = generated_noise(length) * 10 ** (-3 * torch.arange(length) / length)
    response = torch.cat([torch.ones(1), echo * (10 ** (-direct_db / 20) / echo.norm())])
    count = _blocks(len(samples) + len(response))
    return _filtered(samples, torch.fft.rfft(response, count), count)


def through_microphone(samples: Tensor, deviation_db: float) -> Tensor:
    """Samples (N,) as loud as before, after a smooth response whose gains have this deviation in decibels."""
    gains = torch.randn(len(RESPONSE_HERTZ)) * deviation_db
    count = _blocks(len(samples) + FFT_BLOCK)  # a block of silence takes what rings on after the end
    hertz = np.fft.rfftfreq(count, 1 / SAMPLE_RATE).clip(min=RESPONSE_HERTZ[0])
    curve = np.interp(np.log(hertz), np.log(RESPONSE_HERTZ), gains.numpy())
    return _filtered(samples, torch.from_numpy(10 ** (curve / 20)).to(samples.dtype), count)


def _blocks(length: int) -> int:
    """The least multiple of FFT_BLOCK that holds so many samples."""
    return -(-length // FFT_BLOCK) * FFT_BLOCK


def _filtered(samples: Tensor, response: Tensor, count: int) -> Tensor:
    """Samples (N,) as loud as before, after a response in the frequencies of a transform of `count` samples."""
    heard = torch.fft.irfft(torch.fft.rfft(samples, count) * response, count)[: len(samples)]
    return heard * (samples.norm() / heard.norm().clamp(min=1e-6))


def telephone(samples: Tensor) -> Tensor:
    """Samples (N,) as they come out of a telephone line: 8 kHz and mu-law (ITU-T G.711)."""
    narrow = sound.resample(samples, SAMPLE_RATE, TELEPHONE_RATE).clamp(-1, 1)
    coded = sound.mu_law_decoding(sound.mu_law_encoding(narrow, MU_LAW_LEVELS), MU_LAW_LEVELS)
    return sound.resample(coded, TELEPHONE_RATE, SAMPLE_RATE)[: len(samples)]


def generated_noise(length: int) -> Tensor:
    """Noise (length,) of a drawn colour."""
    return coloured_noise(length, _between(0.0, STEEPEST_NOISE))


def tones(length: int) -> Tensor:
    """One to MOST_TONES tones (length,) at once, steady, beeping or gliding, as of machines, sirens and instruments."""
    count = 1 + int(torch.randint(MOST_TONES, ()))
    seconds = torch.arange(length) / SAMPLE_RATE
    low, high = (torch.tensor(hertz).log() for hertz in TONE_HERTZ)
    hertz = (low + (high - low) * torch.rand(count)).exp()
    phases = 2 * torch.pi * (hertz[:, None] * _bent(seconds) + torch.rand(count, 1))
    steady = (torch.rand(count, 1) * phases.sin()).sum(dim=0)
    if not happens(BEEPING_SHARE):
        return steady
    return steady * ((seconds * _between(*BEEPS_A_SECOND) + torch.rand(())) % 1 < _between(*BEEP_SHARE))


def _bent(seconds: Tensor) -> Tensor:
    """Times (N,) that pass faster and slower in GLIDING_SHARE of all cases, so that what sounds by them glides."""
    if not happens(GLIDING_SHARE):
        return seconds
    turn = 2 * torch.pi * (seconds * _between(*GLIDES_A_SECOND) + torch.rand(()))
    return (2 ** (_between(*GLIDE_OCTAVES) * turn.sin())).cumsum(dim=0) / SAMPLE_RATE


def coloured_noise(length: int, slope: float) -> Tensor:
    """Gaussian noise (length,) whose amplitude falls with frequency as f^-slope."""
    spectrum = torch.fft.rfft(torch.randn(_blocks(length)))
    falling = torch.arange(1, len(spectrum) + 1) ** -slope
    return torch.fft.irfft(spectrum * falling)[:length]


class SpecAugment:
    """Masks of whole mel bands and of stretches of time (Park et al. 2019), each utterance its own."""

    def __init__(self, settings: AugmentationSettings) -> None:
        self.masks = [
            *[FrequencyMasking(settings.frequency_mask_bins, iid_masks=True)] * settings.frequency_masks,
            *[TimeMasking(settings.time_mask_frames, iid_masks=True, p=settings.time_mask_share)] * settings.time_masks,
        ]

    def __call__(self, features: Tensor) -> Tensor:
        """Normalised features (B, T, 80) with masked parts at 0, the mean of the training set."""
        masked = features.transpose(1, 2)[:, None]  # (B, 1, 80, T)
        for mask in self.masks:
            masked = mask(masked)
        return masked[:, 0].transpose(1, 2)


def garble(tokens: Tensor, share: float, vocabulary: int) -> Tensor:
    """Tokens (B, U) that the speller reads, with a share of them replaced by random pieces; the first, END, stays."""
    if not share:
        return tokens
    random = torch.randint(END + 1, vocabulary, tokens.shape)
    wrong = torch.rand(tokens.shape) < share
    wrong[:, 0] = False
    return torch.where(wrong, random, tokens)


def pad_waveforms(waveforms: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Recordings (N,) as one zero-padded batch (B, N) with their lengths (B,)."""
    lengths = torch.tensor([len(waveform) for waveform in waveforms])
    return torch.nn.utils.rnn.pad_sequence(list(waveforms), batch_first=True), lengths


def happens(share: float) -> bool:
    """Whether what is to happen so often happens this time."""
    return float(torch.rand(())) < share


def _between(low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand(()))
