"""The real sound path: a file is played into a virtual sound card, and `speech2text listen` hears it by PortAudio.

PulseAudio is started for this alone, as a daemon of the user with a null sink. Debian's packages for it: pulseaudio,
pulseaudio-utils, libportaudio2 and libasound2-plugins, since PortAudio speaks to PulseAudio through ALSA.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pytest
import soundfile
import soxr

import speech2text
from speech2text.bundle.store import DEFAULT_FOLDER
from speech2text.evaluation.error_rate import count_words
from tests.cli.conftest import COMMAND

RATE = 44_100
"""What PortAudio takes ALSA's devices for. With the sink at the same rate nothing but our own code converts."""

ALSA = "pcm.!default { type pulse }\nctl.!default { type pulse }\n"
PULSE = f"""
load-module module-native-protocol-unix
load-module module-null-sink sink_name=virtual rate={RATE} format=float32le
set-default-source virtual.monitor
set-default-sink virtual
"""


@dataclass
class SoundCard:
    """The environment in which a null sink is what sound goes to, and its monitor the microphone."""

    environment: dict[str, str]
    daemon: subprocess.Popen

    def run(self, *command):
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )

    @contextmanager
    def listening(self, *arguments):
        """A process that has opened the microphone, of which stdout and stderr can be read."""
        command = [*COMMAND, "listen", "--device", "default", *map(str, arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, env=self.environment, **pipes) as process:
            try:
                assert process.stderr.readline() == f"listening to default at {RATE} Hz; Ctrl-C ends\n"
                yield process
            finally:
                process.kill()


@pytest.fixture(scope="module")
def sound_card(tmp_path_factory):
    if not all(map(shutil.which, ("pulseaudio", "pactl", "paplay"))):
        pytest.skip("no virtual sound card: apt install pulseaudio pulseaudio-utils libasound2-plugins")
    home = tmp_path_factory.mktemp("home")
    (home / "run").mkdir(mode=0o700)
    (home / ".asoundrc").write_text(ALSA)
    (home / "start.pa").write_text(PULSE)
    environment = {**os.environ, "HOME": str(home), "XDG_RUNTIME_DIR": str(home / "run")}
    options = ("-n", "-F", home / "start.pa", "--exit-idle-time=-1", "--daemonize=no", "--disallow-exit")
    with subprocess.Popen(["pulseaudio", *options], env=environment, stderr=subprocess.DEVNULL) as daemon:
        card = SoundCard(environment, daemon)
        try:
            for _ in range(100):
                if not card.run("pactl", "info").returncode:
                    break
                time.sleep(0.1)
            found = card.run(*COMMAND, "listen", "--list-devices")
            if " default (" not in found.stdout:
                pytest.skip(f"PortAudio has no such device; is libasound2-plugins installed? {found.stderr.strip()}")
            yield card
        finally:
            daemon.kill()


def read_speech() -> np.ndarray:
    """Samples (N,) at RATE: what the bundle's sample says, again and again with pauses, for 20 s or more."""
    sample, rate = soundfile.read(DEFAULT_FOLDER / "sample.flac", dtype="float32")
    once = np.concatenate([np.zeros(round(1.1 * RATE), np.float32), soxr.resample(sample, rate, RATE)])
    return np.tile(once, -(-20 * RATE // len(once)))


def place(samples: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """The samples at the place where they were heard, in silence of that length."""
    size = len(samples) + len(heard)
    likeness = np.fft.irfft(np.fft.rfft(heard, size) * np.fft.rfft(samples, size).conj(), size)
    delay = int(likeness[: len(heard)].argmax())
    placed = np.zeros(max(len(heard), delay + len(samples)), np.float32)
    placed[delay : delay + len(samples)] = samples
    return placed[: len(heard)]


def test_speech_that_is_played_is_what_is_heard(sound_card, tmp_path):
    """The file is transcribed from where its first sample was heard: a weak model may write another word for a sound
    that comes some milliseconds later, as its frames then begin elsewhere, and that is none of the sound path's."""
    speech = read_speech()
    soundfile.write(tmp_path / "talk.wav", speech, RATE, subtype="FLOAT")
    with sound_card.listening("--save-audio", tmp_path / "heard.wav") as process:
        assert not sound_card.run("paplay", tmp_path / "talk.wav").returncode
        time.sleep(1)  # until the end of what was played has come
        process.send_signal(signal.SIGINT)
        text, notes = process.communicate(timeout=60)
    assert process.returncode == 0, notes
    assert "real-time factor" in notes
    heard, rate = soundfile.read(tmp_path / "heard.wav", dtype="float32")
    assert rate == RATE
    played = place(speech, heard)
    assert np.abs(heard - played).max() < 2**-14, "samples were lost or changed"
    expected = speech2text.load_model().transcribe(played, sample_rate=RATE).text
    assert len(expected.split()) >= 10
    errors = count_words([" ".join(expected.split())], [" ".join(text.split())])[0].errors
    assert errors <= 0.02 * len(expected.split()), (text, expected, notes)


def test_a_muted_and_a_vanished_microphone_are_told(sound_card, tiny):
    with sound_card.listening("--model", tiny) as process:  # nothing is played
        assert "the sound is all zeros; check whether the microphone is" in process.stderr.readline()
        sound_card.daemon.send_signal(signal.SIGSTOP)
        try:
            assert "no sound has come for 2 s" in process.stderr.readline()
        finally:
            sound_card.daemon.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0


def test_a_microphone_is_chosen_by_number_or_name(sound_card):
    listed = dict(
        line.split(" (")[0].split(" ", 1)
        for line in sound_card.run(*COMMAND, "listen", "--list-devices").stdout.splitlines()
    )
    assert {"default", "pulse"} <= set(listed.values())
    number = next(number for number, name in listed.items() if name == "default")
    code = "import sys; from speech2text.audio.microphone import find_device; print(find_device(sys.argv[1]).name)"
    for wanted, name in ((number, "default"), ("DEFAULT", "default"), ("puls", "pulse")):
        assert sound_card.run(sys.executable, "-c", code, wanted).stdout == f"{name}\n"
    for wanted, problem in (("99", "no microphone is called '99'"), ("u", "several microphones are called 'u'")):
        done = sound_card.run(*COMMAND, "listen", "--device", wanted)
        assert done.returncode == 1
        assert done.stderr.startswith(f"error: {problem}; choose one of: ")
        assert f"{number} default" in done.stderr


def test_a_machine_without_a_microphone_says_how_to_get_one(speech2text, tmp_path):
    away = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path), "PULSE_SERVER": "unix:/nowhere"}
    listed = speech2text("listen", "--list-devices", env={**os.environ, **away})
    if listed.returncode or listed.stdout:
        pytest.skip(f"this machine has a sound card, or no PortAudio: {listed.stdout}{listed.stderr}")
    assert listed.stderr.startswith("no microphone found; plug one in")
    done = speech2text("listen", env={**os.environ, **away})
    assert done.returncode == 1
    assert done.stderr.startswith("error: no microphone found; plug one in")
    assert "speech2text listen -" in done.stderr
