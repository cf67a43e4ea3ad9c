"""The frontend against the libraries that everybody else uses, on random sound."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch
import torchaudio

from speech2text.model.frontend import (
    FFT_SAMPLES,
    HOP_SAMPLES,
    LOG_FLOOR,
    MEL_BINS,
    OVERLAP_SAMPLES,
    SAMPLE_RATE,
    WINDOW_SAMPLES,
    LogMel,
    mel_filters,
)

CENTRING = (FFT_SAMPLES - WINDOW_SAMPLES) // 2
"""The libraries centre the window in a frame as long as the transform, so their frames start this much earlier."""


@pytest.fixture
def pcm() -> torch.Tensor:
    """Frames 0 to 49 of a stream: the 240 samples before, and 50 hops."""
    return torch.randn(OVERLAP_SAMPLES + 50 * HOP_SAMPLES, generator=torch.Generator().manual_seed(0)) * 0.1


def ours(pcm: torch.Tensor) -> np.ndarray:
    return LogMel().log_mel(pcm[None, OVERLAP_SAMPLES:], pcm[None, :OVERLAP_SAMPLES])[0].numpy()


def test_equals_torchaudio(pcm: torch.Tensor) -> None:
    spectrogram = torchaudio.transforms.MelSpectrogram(
        SAMPLE_RATE,
        n_fft=FFT_SAMPLES,
        win_length=WINDOW_SAMPLES,
        hop_length=HOP_SAMPLES,
        n_mels=MEL_BINS,
        center=False,
        power=2,
        norm=None,
        mel_scale="htk",
    )
    expected = torch.log(spectrogram(torch.nn.functional.pad(pcm, (CENTRING, CENTRING))) + LOG_FLOOR).T
    np.testing.assert_allclose(ours(pcm), expected.numpy(), atol=1e-4)


def test_equals_librosa(pcm: torch.Tensor) -> None:
    mel = librosa.feature.melspectrogram(
        y=np.pad(pcm.numpy(), CENTRING),
        sr=SAMPLE_RATE,
        n_fft=FFT_SAMPLES,
        win_length=WINDOW_SAMPLES,
        hop_length=HOP_SAMPLES,
        n_mels=MEL_BINS,
        center=False,
        power=2,
        norm=None,
        htk=True,
    )
    np.testing.assert_allclose(ours(pcm), np.log(mel + LOG_FLOOR).T, atol=1e-4)


def test_mel_filters_equal_librosas() -> None:
    expected = librosa.filters.mel(sr=SAMPLE_RATE, n_fft=FFT_SAMPLES, n_mels=MEL_BINS, htk=True, norm=None)
    np.testing.assert_allclose(mel_filters().numpy(), expected.T, atol=1e-6)


@pytest.mark.parametrize("samples", [1, 159, 160, 161, 399, 400, 401, 16_000])
def test_gives_a_frame_for_every_hop_begun(samples: int) -> None:
    lengths = torch.tensor([samples])
    features, feature_lengths, _ = LogMel()(torch.zeros(1, samples), lengths, torch.zeros(1, OVERLAP_SAMPLES))
    assert features.shape == (1, -(-samples // HOP_SAMPLES), MEL_BINS)
    assert feature_lengths.tolist() == [features.shape[1]]


def test_digital_silence_is_the_floor() -> None:
    np.testing.assert_allclose(ours(torch.zeros(OVERLAP_SAMPLES + HOP_SAMPLES)), np.log(LOG_FLOOR), rtol=1e-6)


def test_normalises_by_mean_and_deviation(pcm: torch.Tensor) -> None:
    frontend = LogMel()
    frontend.mean.fill_(-3.0)
    frontend.deviation.fill_(2.0)
    before, rest = pcm[None, :OVERLAP_SAMPLES], pcm[None, OVERLAP_SAMPLES:]
    features, _, _ = frontend(rest, torch.tensor([rest.shape[1]]), before)
    np.testing.assert_allclose(features[0].numpy(), (ours(pcm) + 3) / 2, atol=1e-5)


def test_ignores_what_lies_beyond_a_rows_end() -> None:
    clean = torch.randn(1, 1600, generator=torch.Generator().manual_seed(1))
    dirty = torch.cat([clean, torch.full((1, 800), torch.nan)], dim=1)
    before = torch.zeros(1, OVERLAP_SAMPLES)
    expected, _, _ = LogMel()(clean, torch.tensor([1600]), before)
    features, _, _ = LogMel()(dirty, torch.tensor([1600]), before)
    torch.testing.assert_close(features[:, :10], expected)
    assert not features[:, 10:].any()
