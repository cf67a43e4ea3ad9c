"""A microphone's queue and what can go wrong, with a sound system that does what it is told; the real one is heard in
tests/cli/test_sound_card.py."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from speech2text.audio import microphone
from speech2text.audio.microphone import Device, Microphone, find_device, list_devices
from speech2text.errors import AudioError, DependencyError

RATE = 8_000
DEVICES = [
    {"name": "Built-in Speaker", "max_input_channels": 0, "default_samplerate": 48_000.0},
    {"name": "Built-in Microphone", "max_input_channels": 2, "default_samplerate": 44_100.0},
    {"name": "USB Microphone", "max_input_channels": 1, "default_samplerate": float(RATE)},
    {"name": "USB", "max_input_channels": 1, "default_samplerate": 16_000.0},
]


class FakePortAudioError(Exception):
    pass


class FakeStream:
    """Keeps the callback, to be called as PortAudio would."""

    def __init__(self, device, samplerate, channels, dtype, callback):
        if device == 3:
            raise FakePortAudioError("Device unavailable\n[PaErrorCode -9985]")
        assert (channels, dtype) == (1, "float32")
        self.callback = callback
        self.closed = False

    def start(self):
        pass

    def close(self):
        self.closed = True

    def bring(self, samples, overflow=False):
        buffer = np.array(samples, np.float32).reshape(-1, 1)
        self.callback(buffer, len(buffer), None, SimpleNamespace(input_overflow=overflow))
        buffer[:] = np.nan  # PortAudio uses its buffer again


@pytest.fixture
def sounddevice(monkeypatch):
    fake = SimpleNamespace(
        query_devices=lambda: DEVICES,
        default=SimpleNamespace(device=(1, 0)),
        PortAudioError=FakePortAudioError,
        InputStream=FakeStream,
    )
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    return fake


@pytest.fixture
def opened(sounddevice):
    with Microphone(find_device("USB Microphone")) as microphone:
        yield microphone
    assert microphone._stream.closed


def test_only_what_records_is_a_microphone(sounddevice):
    assert list_devices()[0] == Device(1, "Built-in Microphone", 44_100, 2, True)
    assert [device.number for device in list_devices()] == [1, 2, 3]


@pytest.mark.parametrize(
    ("wanted", "number"), [(None, 1), ("2", 2), ("built", 1), ("usb micro", 2), ("usb", 3), ("USB", 3)]
)
def test_a_microphone_is_found_by_number_or_a_part_of_its_name(sounddevice, wanted, number):
    assert find_device(wanted).number == number


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ("0", "no microphone is called '0'; choose one of: 1 Built-in Microphone, 2 USB Microphone, 3 USB"),
        ("1" * 5000, "no microphone is called '111"),
        ("headset", "no microphone is called 'headset'; choose one of: 1 Built-in Microphone"),
        ("microphone", "several microphones are called 'microphone'; choose one of: 1 Built-in Microphone, 2 USB M"),
    ],
)
def test_a_name_that_fits_none_or_several_is_told_with_those_there_are(sounddevice, wanted, problem):
    with pytest.raises(AudioError, match=problem):
        find_device(wanted)


def test_no_microphone_at_all_is_told_with_what_to_do(sounddevice):
    sounddevice.query_devices = lambda: DEVICES[:1]
    with pytest.raises(AudioError, match=r"no microphone found; plug one in, allow .* or pipe sound in"):
        find_device(None)


def test_a_device_that_cannot_be_opened_is_told_in_a_line(sounddevice):
    with pytest.raises(AudioError, match=r"USB: cannot be opened \(Device unavailable \[Pa.*choose another --device"):
        Microphone(find_device("3"))


def test_a_sound_system_that_fails_is_told(sounddevice):
    def fail():
        raise FakePortAudioError("not initialized")

    sounddevice.query_devices = fail
    with pytest.raises(AudioError, match=r"cannot be asked for devices \(not initialized\)"):
        list_devices()


def test_blocks_are_read_in_order_and_once(opened):
    assert opened.read(0.0).shape == (0, 1)
    opened._stream.bring([0.1, 0.2])
    opened._stream.bring([0.3])
    assert opened.waiting_seconds == 3 / RATE
    np.testing.assert_array_equal(opened.read(0.0)[:, 0], np.array([0.1, 0.2, 0.3], np.float32))
    assert opened.waiting_seconds == 0
    assert opened.read(0.0).shape == (0, 1)
    assert opened.take_lost() == 0


def test_what_waits_too_long_is_lost_from_its_beginning_and_counted(opened, monkeypatch):
    monkeypatch.setattr(microphone, "HELD_SECONDS", 2.0)
    for second in range(5):
        opened._stream.bring(np.full(RATE, second))
    assert opened.waiting_seconds == 2
    assert opened.take_lost() == 3
    assert opened.take_lost() == 0
    assert set(opened.read(0.0)[:, 0]) == {3, 4}


def test_what_the_sound_system_drops_is_counted(opened):
    opened._stream.bring(np.zeros(RATE // 2), overflow=True)
    assert opened.take_lost() == 0.5
    assert len(opened.read(0.0)) == RATE // 2


def test_waiting_for_sound_ends_with_the_first_block(opened):
    opened.wait_for_sound(0.0)  # none comes
    opened._stream.bring([0.5])
    opened.wait_for_sound(1000.0)
    assert len(opened.read(0.0)) == 1


def test_a_missing_package_is_told_with_its_installation(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(DependencyError, match=r"pip install 'speech2text\[mic\]'"):
        list_devices()


def test_a_missing_library_is_told_with_its_installation(monkeypatch, tmp_path):
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    with pytest.raises(DependencyError, match="apt install libportaudio2"):
        list_devices()


def test_a_sound_system_that_does_not_start_is_told_in_a_line(monkeypatch, tmp_path):
    (tmp_path / "sounddevice.py").write_text("class PortAudioError(Exception): ...\nraise PortAudioError('no\\nhost')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    with pytest.raises(AudioError, match=r"^the sound system cannot be started \(no host\); check that it runs$"):
        list_devices()
