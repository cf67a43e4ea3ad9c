"""Augmentation: each part does to the sound what its setting says."""

from __future__ import annotations

import math

import numpy as np
import pytest
import soundfile
import torch

from speech2text.audio.utterances import read_utterances
from speech2text.training.augmentation import (
    MOST_TONES,
    RECORDED_NOISE_SHARE,
    SpecAugment,
    WaveformAugmentation,
    coloured_noise,
    garble,
    pad_waveforms,
    reverberate,
    telephone,
    through_microphone,
    tones,
)
from speech2text.training.corpus import load_corpus
from speech2text.training.recipe import AugmentationSettings
from tests.training.tiny import RATE

NOTHING = {"speeds": (1.0,), "gain_db": (0.0, 0.0), "room_seconds": 0.0, "noise_share": 0.0, "telephone_share": 0.0}


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture
def speech():
    return 0.1 * torch.sin(torch.arange(2 * RATE) * 0.2)


def augmentation(noise=None, **changes):
    return WaveformAugmentation(AugmentationSettings(**{**NOTHING, **changes}), noise)


def heard(augment, samples):
    return augment(samples).samples


def power_db(samples):
    return 10 * math.log10(float(samples.square().mean()))


def test_without_any_augmentation_the_samples_stay(speech):
    assert torch.equal(heard(augmentation(), speech), speech)


def test_everything_at_once_depends_on_the_seed_alone(speech):
    augment = WaveformAugmentation(AugmentationSettings(noise_share=0.5, telephone_share=0.5))
    runs = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        runs.append(torch.cat([augment(speech).samples for _ in range(4)]))
    assert torch.equal(runs[0], runs[1])
    assert runs[0].shape != runs[2].shape or not torch.equal(runs[0], runs[2])


@pytest.mark.parametrize("speed", [0.9, 1.1])
def test_speed_changes_length_and_pitch(speech, speed):
    faster = heard(augmentation(speeds=(speed,)), speech)
    assert abs(len(faster) - len(speech) / speed) <= 1
    loudest = torch.fft.rfft(faster).abs().argmax() / len(faster)
    assert float(loudest) * 2 * math.pi == pytest.approx(0.2 * speed, rel=1e-3)


@pytest.mark.parametrize("snr", [-5.0, 5.0, 30.0])
def test_generated_noise_has_the_drawn_ratio(speech, snr):
    noisy = heard(augmentation(noise_share=1.0, snr_db=(snr, snr)), speech)
    assert power_db(speech) - power_db(noisy - speech) == pytest.approx(snr, abs=0.05)


@pytest.fixture
def recorded_noise(tmp_path):
    (tmp_path / "noise").mkdir()
    soundfile.write(tmp_path / "noise" / "hum.wav", 0.2 * np.sin(np.arange(5000) * 0.05), RATE)
    soundfile.write(tmp_path / "noise" / "silence.wav", np.zeros(700), RATE)
    return load_corpus(read_utterances(tmp_path / "noise", with_texts=False), tmp_path / "cache", math.inf)


def test_noise_has_the_drawn_ratio_to_the_speech_however_long_the_room_is_quiet(speech):
    word = speech[: RATE // 4]
    for _ in range(5):
        version = augmentation(noise_share=1.0, snr_db=(10.0, 10.0), room_seconds=2.0)(word)
        quiet = torch.cat([version.samples[: version.start], version.samples[version.start + len(word) :]])
        assert power_db(word) - power_db(quiet) == pytest.approx(10.0, abs=1.5)


def test_recorded_noise_has_the_drawn_ratio_even_when_it_is_silence(speech, recorded_noise):
    augment = augmentation(recorded_noise, noise_share=1.0, snr_db=(12.0, 12.0))
    for _ in range(8):
        noise = heard(augment, speech) - speech
        assert power_db(speech) - power_db(noise) == pytest.approx(12, abs=0.05)


def test_noise_is_recorded_or_generated_by_its_share(speech, recorded_noise):
    augment = augmentation(recorded_noise, noise_share=1.0, snr_db=(0.0, 0.0))
    hum = 0.05 * RATE / (2 * math.pi)
    loudest = [torch.fft.rfft(heard(augment, speech) - speech).abs().argmax() / 2 for _ in range(200)]
    humming = sum(abs(float(hertz) - hum) < 2 for hertz in loudest) / 200
    assert humming == pytest.approx(RECORDED_NOISE_SHARE / 2, abs=0.1)  # the other recording is silence


def test_ratios_are_drawn_from_the_whole_range(speech):
    augment = augmentation(noise_share=1.0, snr_db=(0.0, 20.0))
    ratios = [power_db(speech) - power_db(heard(augment, speech) - speech) for _ in range(60)]
    assert -0.1 < min(ratios) < 4
    assert 16 < max(ratios) < 20.1


def test_the_share_of_noisy_utterances_is_as_asked(speech):
    augment = augmentation(noise_share=0.3)
    changed = sum(not torch.equal(heard(augment, speech[:800]), speech[:800]) for _ in range(400))
    assert 90 < changed < 150


@pytest.mark.parametrize("deviation", [3.0, 9.0])
def test_a_microphone_changes_the_balance_of_frequencies_and_not_the_loudness(deviation):
    noise = coloured_noise(4 * RATE, 0.0)
    bands = []
    for _ in range(100):
        heard_noise = through_microphone(noise, deviation)
        assert power_db(heard_noise) == pytest.approx(power_db(noise), abs=0.01)
        power = torch.fft.rfft(heard_noise).square().abs()
        low, high = (float(power[4 * hertz : 5 * hertz].mean()) for hertz in (310, 4500))  # bins of 0.25 Hz
        bands.append(10 * math.log10(low / high))
    assert np.std(bands) == pytest.approx(deviation * math.sqrt(2), rel=0.3)


@pytest.mark.parametrize("samples", [torch.zeros(4000), torch.randn(5)])
def test_a_microphone_hears_silence_and_clicks(samples):
    assert through_microphone(samples, 9.0).shape == samples.shape
    assert through_microphone(samples, 9.0).isfinite().all()


def test_silence_with_noise_stays_finite():
    assert torch.isfinite(heard(augmentation(noise_share=1.0), torch.zeros(4000))).all()


@pytest.mark.parametrize("length", [1, 2, 159, 401])
def test_very_short_recordings_survive(length):
    augment = WaveformAugmentation(AugmentationSettings(noise_share=1.0, telephone_share=1.0))
    for _ in range(6):
        samples = augment(torch.randn(length) * 0.1).samples
        assert len(samples) > 0
        assert torch.isfinite(samples).all()


@pytest.mark.parametrize("length", [1, 801, 16_000])
def test_a_telephone_keeps_the_length(length):
    assert len(telephone(torch.randn(length) * 0.1)) == length


def test_a_telephone_keeps_speech_and_drops_what_is_above_4_khz():
    white = torch.randn(4 * RATE) * 0.1
    before, after = (torch.fft.rfft(x).abs().square() for x in (white, telephone(white)))
    bins_a_khz = len(before) // 8
    low, high = slice(0, 3 * bins_a_khz), slice(int(4.5 * bins_a_khz), None)
    assert float(after[low].sum() / before[low].sum()) == pytest.approx(1, abs=0.1)
    assert float(after[high].sum() / before[high].sum()) < 1e-3


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
def test_coloured_noise_falls_with_frequency_by_its_slope(slope):
    spectrum = torch.fft.rfft(coloured_noise(1 << 17, slope)).abs()
    octaves = [spectrum[1 << k : 2 << k].square().mean().sqrt() for k in range(6, 16)]
    fitted = -np.polyfit(np.arange(10), np.log2(octaves), 1)[0]
    assert fitted == pytest.approx(slope, abs=0.05)


def test_a_room_stands_around_an_utterance_and_is_quieter_than_it(speech):
    longest = RATE // 2
    for _ in range(20):
        around = heard(augmentation(room_seconds=0.5), speech)
        assert len(speech) <= len(around) <= len(speech) + 2 * longest
        starts = [int((each.abs() > 0.09).int().argmax()) for each in (around, around.flip(0))]
        assert sum(starts) == pytest.approx(len(around) - len(speech), abs=RATE // 100)
        if starts[0] > RATE // 10:
            quiet = around[: starts[0] - RATE // 50]
            assert -65 < power_db(quiet) - power_db(speech) < -19


@pytest.mark.parametrize(("decay", "direct"), [(0.2, 6.0), (0.8, -3.0)])
def test_an_echo_decays_under_the_sound_that_comes_straight(decay, direct):
    click = torch.zeros(RATE)
    click[100] = 1.0
    power = torch.stack([reverberate(click, decay, direct) for _ in range(20)]).square()
    assert power.sum(dim=1) == pytest.approx(1.0, abs=0.001)
    straight, echo = power[:, 100], power[:, 101:]
    assert 10 * (straight / echo.sum(dim=1)).log10() == pytest.approx(direct, abs=0.01)
    to_come = echo.mean(dim=0).flip(0).cumsum(0).flip(0)  # the energy of what is still heard (Schroeder 1965)
    halfway = to_come[int(0.5 * decay * RATE)] / to_come[0]
    assert 10 * math.log10(float(halfway)) == pytest.approx(-30.0, abs=2.0)
    assert float(power[:, :100].max()) < 1e-9


def test_rooms_have_an_echo_in_the_share_asked_for_and_speech_keeps_its_place():
    click = torch.zeros(800)
    click[400] = 1.0
    echoing = 0
    for _ in range(300):
        version = augmentation(room_seconds=0.05, reverberation_share=0.3)(click)
        peak = int(version.samples.abs().argmax())
        assert peak == version.start + 400
        echoing += float(version.samples[peak]) < 0.98
    assert 60 < echoing < 120


@pytest.mark.parametrize("samples", [torch.zeros(4000), torch.randn(5), torch.zeros(0)])
def test_an_echo_of_silence_and_of_clicks(samples):
    assert reverberate(samples, 0.5, 0.0).shape == samples.shape
    assert reverberate(samples, 0.5, 0.0).isfinite().all()


@pytest.mark.parametrize("gain", [-12.0, 6.0])
def test_gain_is_in_decibels(speech, gain):
    assert power_db(heard(augmentation(gain_db=(gain, gain)), speech)) == pytest.approx(
        power_db(speech) + gain, abs=0.01
    )


def test_samples_never_leave_the_range(speech):
    loud = heard(augmentation(gain_db=(40.0, 40.0)), speech)
    assert float(loud.abs().max()) == 1.0


def test_non_speech_is_silence_noise_or_tones_of_all_loudnesses(recorded_noise):
    peaks = torch.stack([augmentation(recorded_noise).non_speech(RATE // 4).abs().max() for _ in range(300)])
    silent = peaks == 0
    assert 0.05 < silent.float().mean() < 0.7  # the recorded noise of this test is silence in part
    assert peaks.max() <= 1 + 1e-6
    assert peaks[~silent].log10().std() > 0.5


@pytest.mark.parametrize("length", [1, 100, 16_001])
def test_tones_are_as_long_as_asked(length):
    heard = tones(length)
    assert heard.shape == (length,)
    assert heard.isfinite().all()


def test_tones_are_narrow_while_they_sound_and_half_of_them_beep():
    torch.manual_seed(0)
    heard = torch.stack([tones(2 * RATE) for _ in range(60)])
    sounds = (heard != 0).float().mean(dim=1)
    beeping = (sounds > 0.1) & (sounds < 0.9)
    assert 20 <= beeping.sum() <= 40
    assert (beeping | (sounds > 0.99)).all()
    stretches = heard.unfold(1, RATE // 50, RATE // 100).flatten(0, 1)
    stretches = stretches[(stretches != 0).all(dim=1)]
    energy = torch.fft.rfft(stretches * torch.hann_window(RATE // 50)).abs().square().sort(descending=True).values
    assert (energy[:, : 5 * MOST_TONES].sum(dim=1) > 0.95 * energy.sum(dim=1)).all()


def test_some_of_the_tones_without_end_glide():
    torch.manual_seed(0)
    heard = torch.stack([tones(2 * RATE) for _ in range(200)])
    endless = heard[(heard != 0).float().mean(dim=1) > 0.99]
    spectra = torch.stft(endless, 2048, window=torch.hann_window(2048), return_complex=True).abs().square()
    held = spectra.mean(dim=2).amax(dim=1) / spectra.amax(dim=(1, 2))  # of a tone that glides each place holds little
    assert 0.15 < (held < 0.5).float().mean() < 0.45
    assert (held > 0.9).float().mean() > 0.5


def masked(frames=200, bins=80, batch=6, **changes):
    """Which features (B, T, 80) SpecAugment sets to 0."""
    nothing = {"frequency_masks": 0, "time_masks": 0}
    augment = SpecAugment(AugmentationSettings(**{**nothing, **changes}))
    return augment(torch.ones(batch, frames, bins)) == 0


def test_frequency_masks_are_whole_bands_within_their_bound():
    mask = masked(frequency_masks=1, frequency_mask_bins=20, batch=64)
    assert torch.equal(mask, mask[:, :1].expand_as(mask))
    widths = mask[:, 0].sum(dim=1)
    assert widths.max() <= 20
    assert len(set(widths.tolist())) > 5
    assert int((mask[:, 0].int().diff(dim=1) == 1).sum(dim=1).max()) <= 1


@pytest.mark.parametrize(("frames", "share", "longest"), [(200, 1.0, 30), (200, 0.05, 10), (40, 0.2, 8)])
def test_time_masks_are_whole_frames_within_their_bounds(frames, share, longest):
    mask = masked(frames, time_masks=1, time_mask_frames=30, time_mask_share=share, batch=64)
    assert torch.equal(mask, mask[:, :, :1].expand_as(mask))
    widths = mask[:, :, 0].sum(dim=1)
    assert longest / 2 < widths.max() <= longest
    assert len(set(widths.tolist())) > 3


def test_several_masks_add_up():
    mask = masked(batch=64, time_masks=3, time_mask_frames=30, time_mask_share=1.0)
    widths = mask[:, :, 0].sum(dim=1)
    assert 30 < widths.max() <= 90


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_very_short_features_survive(frames):
    assert masked(frames, frequency_masks=2, time_masks=2).shape == (6, frames, 80)


def test_no_masks_change_nothing():
    assert not masked().any()


def test_recordings_are_padded_with_silence():
    pcm, lengths = pad_waveforms([torch.ones(3), torch.ones(5)])
    assert pcm.tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
    assert lengths.tolist() == [3, 5]


def test_garbled_tokens_are_other_pieces_in_the_share_asked_for():
    tokens = torch.full((200, 50), 5)
    tokens[:, 0] = 1
    garbled = garble(tokens, share=0.3, vocabulary=20)
    assert torch.equal(garbled[:, 0], tokens[:, 0]), "what starts an utterance stays"
    assert garbled[:, 1:].min() >= 2, "neither the blank nor the end is read in the middle"
    changed = (garbled != tokens)[:, 1:].float().mean()
    assert changed == pytest.approx(0.3 * 17 / 18, abs=0.02)
    assert torch.equal(garble(tokens, share=0.0, vocabulary=20), tokens)
