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

import pytest
import soundfile

import speech2text
from speech2text.evaluation.error_rate import count_words
from tests.cli.conftest import COMMAND
from tests.tiny_bundle import tone

ALSA = "pcm.!default { type pulse }\nctl.!default { type pulse }\n"
PULSE = """
load-module module-native-protocol-unix
load-module module-null-sink sink_name=virtual rate=48000
set-default-source virtual.monitor
set-default-sink virtual
"""


@pytest.fixture
def sound_card(tmp_path):
    """The environment in which a null sink is what sound goes to, and its monitor the microphone."""
    if not all(map(shutil.which, ("pulseaudio", "pactl", "paplay"))):
        pytest.skip("no virtual sound card: apt install pulseaudio pulseaudio-utils libasound2-plugins")
    home = tmp_path / "home"
    (home / "run").mkdir(parents=True, mode=0o700)
    (home / ".asoundrc").write_text(ALSA)
    (home / "start.pa").write_text(PULSE)
    environment = {**os.environ, "HOME": str(home), "XDG_RUNTIME_DIR": str(home / "run")}
    check = "from speech2text.audio.microphone import list_devices; list_devices()"
    if subprocess.run([sys.executable, "-c", check], env=environment, capture_output=True, check=False).returncode:
        pytest.skip("no PortAudio: apt install libportaudio2, pip install 'speech2text[mic]'")
    options = ("-n", "-F", home / "start.pa", "--exit-idle-time=-1", "--daemonize=no", "--disallow-exit")
    options = (*options, "--resample-method=soxr-vhq")  # the usual one takes away half of what is above 6 kHz
    with subprocess.Popen(["pulseaudio", *options], env=environment, stderr=subprocess.DEVNULL) as daemon:
        try:
            for _ in range(100):
                if not subprocess.run(["pactl", "info"], env=environment, capture_output=True, check=False).returncode:
                    break
                time.sleep(0.1)
            yield environment
        finally:
            daemon.terminate()


def test_what_is_played_is_what_is_heard(sound_card, tiny, tmp_path):
    said = ["one", "two", "", "three", "", "two", "three", "one", "", "two"]
    recording = tmp_path / "talk.wav"
    soundfile.write(recording, tone("", *said, "", seconds=0.6), 16_000)
    recognizer = speech2text.load_model(tiny)
    expected = recognizer.transcribe(recording).text

    command = [*COMMAND, "listen", "--model", tiny, "--device", "default", "--save-audio", tmp_path / "heard.wav"]
    with subprocess.Popen(
        command, env=sound_card, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as listening:
        while not (tmp_path / "heard.wav").exists() and listening.poll() is None:  # it is open by then
            time.sleep(0.1)
        subprocess.run(["paplay", recording], env=sound_card, check=True)
        listening.send_signal(signal.SIGINT)
        heard, notes = listening.communicate(timeout=30)
    assert listening.returncode == 0, notes
    assert "real-time factor" in notes
    errors = count_words([expected], [" ".join(heard.split())])[0].errors
    assert errors <= 0.02 * len(expected.split()), (heard, notes)


def test_devices_are_listed(sound_card):
    done = subprocess.run(
        [*COMMAND, "listen", "--list-devices"], env=sound_card, capture_output=True, text=True, check=True
    )
    assert "default (" in done.stdout
