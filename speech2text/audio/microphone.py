"""A microphone: PortAudio's devices, and the blocks of one of them. Needs the extra [mic].

The callback runs in a thread of the sound system that must never wait, so it only queues.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from types import ModuleType, TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speech2text.errors import AudioError, DependencyError, one_line

HELD_SECONDS = 30.0
"""Of sound that may wait to be read; after that the oldest is lost."""
NO_MICROPHONE = (
    "no microphone found; plug one in, allow this program to use it in the system's privacy settings, "
    "or pipe sound in: speech2text listen -"
)


@dataclass(frozen=True)
class Device:
    """A device that records: its number, its name, its own rate in Hz and channels."""

    number: int
    name: str
    rate: int
    channels: int
    is_default: bool


def list_devices() -> list[Device]:
    """All devices that record, in the order of their numbers.

    Raises:
        DependencyError: sounddevice or PortAudio is not installed.
        AudioError: the sound system fails.
    """
    sounddevice = _sounddevice()
    try:
        found = sounddevice.query_devices()
        default = sounddevice.default.device[0]
    except sounddevice.PortAudioError as error:
        problem = f"the sound system cannot be asked for devices ({one_line(error)}); check that it runs"
        raise AudioError(problem) from None
    return [
        Device(number, each["name"], round(each["default_samplerate"]), each["max_input_channels"], number == default)
        for number, each in enumerate(found)
        if each["max_input_channels"] > 0
    ]


def find_device(wanted: str | None) -> Device:
    """The device of a number or of a part of its name, whatever the case; the default one for None.

    Raises:
        AudioError: there is none, or a part of the name fits several.
        DependencyError: as `list_devices`.
    """
    devices = list_devices()
    if not devices:
        raise AudioError(NO_MICROPHONE)
    if wanted is None:
        return next((device for device in devices if device.is_default), devices[0])
    if wanted.isdecimal():
        fitting = [device for device in devices if str(device.number) == wanted]
    else:
        fitting = [device for device in devices if wanted.casefold() in device.name.casefold()]
        fitting = [device for device in fitting if device.name.casefold() == wanted.casefold()] or fitting
    if len(fitting) != 1:
        what = "several microphones are" if fitting else "no microphone is"
        names = ", ".join(f"{device.number} {device.name}" for device in fitting or devices)
        raise AudioError(f"{what} called {wanted!r}; choose one of: {names}")
    return fitting[0]


class Microphone:
    """An open device, to be used in a `with`; see `audio.live.LiveSource` for what it gives.

    Raises:
        AudioError: the device cannot be opened, in use by another program for example.
        DependencyError: as `list_devices`.
    """

    problem = ""
    check = "whether the microphone is connected, not muted, and open to this program"

    def __init__(self, device: Device) -> None:
        self.rate = device.rate
        self._blocks: deque[NDArray[np.float32]] = deque()
        self._waiting = 0  # frames
        self._lost = 0  # frames
        self._arrived = threading.Condition()
        sounddevice = _sounddevice()
        try:
            self._stream: Any = sounddevice.InputStream(
                device=device.number, samplerate=device.rate, channels=1, dtype="float32", callback=self._queue
            )
            try:
                self._stream.start()
            except sounddevice.PortAudioError:
                self._stream.close()
                raise
        except sounddevice.PortAudioError as error:
            problem = f"{device.name}: cannot be opened ({one_line(error)}); choose another --device"
            raise AudioError(problem) from None

    def __enter__(self) -> Microphone:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def wait_for_sound(self, seconds: float) -> None:
        """Until the first block is there, at most some seconds: what is said to a device that starts slowly is lost."""
        with self._arrived:
            self._arrived.wait_for(lambda: bool(self._blocks), seconds)

    @property
    def waiting_seconds(self) -> float:
        """Of sound that came and was not read."""
        return self._waiting / self.rate

    def take_lost(self) -> float:
        """Seconds lost since it was asked last: what waited for too long, and what the sound system dropped."""
        with self._arrived:
            lost, self._lost = self._lost, 0
        return lost / self.rate

    def read(self, timeout: float) -> NDArray[Any] | None:
        """All that came since the last call (N, 1), empty if nothing comes in time."""
        with self._arrived:
            if not self._blocks:
                self._arrived.wait(timeout)
            blocks = [np.zeros((0, 1), np.float32), *self._blocks]
            self._blocks.clear()
            self._waiting = 0
        return np.concatenate(blocks)

    def _queue(self, block: NDArray[np.float32], frames: int, _: object, status: Any) -> None:  # noqa: ANN401 # of sounddevice
        with self._arrived:
            self._blocks.append(block.copy())  # the sound system uses it again
            self._waiting += frames
            self._lost += frames if status.input_overflow else 0  # at least; it does not say how many
            while self._waiting > HELD_SECONDS * self.rate:
                oldest = len(self._blocks.popleft())
                self._waiting -= oldest
                self._lost += oldest
            self._arrived.notify()


def _sounddevice() -> ModuleType:
    try:
        import sounddevice
    except ImportError:
        raise DependencyError(
            "the microphone needs sounddevice, which is not installed; pip install 'speech2text[mic]'"
        ) from None
    except OSError:
        raise DependencyError(
            "the microphone needs the library PortAudio; on Debian and Ubuntu: apt install libportaudio2"
        ) from None
    except Exception as error:  # PortAudioError, whose module is the one that fails
        problem = f"the sound system cannot be started ({one_line(error)}); check that it runs"
        raise AudioError(problem) from None
    return sounddevice  # type: ignore[no-any-return]
