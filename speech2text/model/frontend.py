"""Sound to features: PCM (batch, samples) at 16 kHz to normalised log-mel frames (batch, frames, 80), 100 a second.

The spectrum is a product with a matrix of cosines and sines, so that the exported graph needs no STFT operator.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

SAMPLE_RATE = 16_000
WINDOW_SAMPLES = 400
"""25 ms."""
HOP_SAMPLES = 160
"""10 ms."""
OVERLAP_SAMPLES = WINDOW_SAMPLES - HOP_SAMPLES
"""What a frame shares with the one before, and so what a stream must remember from call to call."""
FFT_SAMPLES = 512
MEL_BINS = 80
LOG_FLOOR = 1e-7
"""About the power of the rounding noise of 16-bit samples in one mel band: digital silence and dither look alike."""


def mel_filters() -> Tensor:
    """Triangular filters of peak 1, evenly spaced from 0 to 8000 Hz on the mel scale of O'Shaughnessy (1987).

    Returns:
        (FFT_SAMPLES / 2 + 1, MEL_BINS), to be multiplied with a power spectrum.
    """

    def to_mel(hertz: float) -> float:
        return 2595.0 * math.log10(1.0 + hertz / 700.0)

    bins = torch.linspace(0, SAMPLE_RATE / 2, FFT_SAMPLES // 2 + 1, dtype=torch.float64)
    mels = torch.linspace(to_mel(0.0), to_mel(SAMPLE_RATE / 2), MEL_BINS + 2, dtype=torch.float64)
    edges = 700.0 * (10.0 ** (mels / 2595.0) - 1.0)
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    rising = (bins[:, None] - left) / (centre - left)
    falling = (right - bins[:, None]) / (right - centre)
    return torch.minimum(rising, falling).clamp(min=0).float()


def spectrum_filters() -> Tensor:
    """A Hann-windowed discrete Fourier transform as convolution kernels, the cosines before the sines.

    Returns:
        (2 * (FFT_SAMPLES / 2 + 1), 1, WINDOW_SAMPLES)
    """
    samples = torch.arange(WINDOW_SAMPLES, dtype=torch.float64)
    frequencies = torch.arange(FFT_SAMPLES // 2 + 1, dtype=torch.float64)
    angles = 2 * math.pi / FFT_SAMPLES * frequencies[:, None] * samples
    window = torch.hann_window(WINDOW_SAMPLES, periodic=True, dtype=torch.float64)
    return (torch.cat([angles.cos(), angles.sin()]) * window)[:, None].float()


class LogMel(nn.Module):
    """Log-mel features, normalised by the mean and deviation of the training set.

    Frame t covers samples [160 t - 240, 160 t + 160), so n samples give ceil(n / 160) frames however a stream is cut.
    """

    spectrum: Tensor
    mel: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("spectrum", spectrum_filters(), persistent=False)
        self.register_buffer("mel", mel_filters(), persistent=False)
        self.register_buffer("mean", torch.zeros(MEL_BINS))
        self.register_buffer("deviation", torch.ones(MEL_BINS))

    def log_mel(self, pcm: Tensor, before: Tensor) -> Tensor:
        """Unnormalised features (B, ceil(N / 160), 80) of pcm (B, N) that follows the samples `before` (B, 240)."""
        pcm = nn.functional.pad(torch.cat([before, pcm], dim=1), (0, -pcm.shape[1] % HOP_SAMPLES))
        real, imaginary = nn.functional.conv1d(pcm[:, None], self.spectrum, stride=HOP_SAMPLES).chunk(2, dim=1)
        power = real.square() + imaginary.square()  # (B, 257, T)
        return torch.log(power.transpose(1, 2) @ self.mel + LOG_FLOOR)

    def forward(self, pcm: Tensor, lengths: Tensor, before: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features of a batch of recordings, or of the next piece of each of a batch of streams.

        Args:
            pcm: (B, N) samples in -1..1; what lies beyond a row's end is ignored.
            lengths: (B,) samples of each row.
            before: (B, 240) the samples just before; zeros at the start of a recording.

        Returns:
            features (B, T, 80), zero beyond the end; their lengths (B,); the `before` (B, 240) of the next call,
            which is right for rows as long as the batch.
        """
        pcm = torch.where(torch.arange(pcm.shape[1], device=pcm.device) < lengths[:, None], pcm, 0.0)
        features = (self.log_mel(pcm, before) - self.mean) / self.deviation
        feature_lengths = (lengths + HOP_SAMPLES - 1) // HOP_SAMPLES
        inside = torch.arange(features.shape[1], device=pcm.device) < feature_lengths[:, None]
        after = torch.cat([before, pcm], dim=1)[:, -OVERLAP_SAMPLES:]
        return features * inside[:, :, None], feature_lengths, after
