"""`speech2text listen`: a microphone or a pipe to words, while they are spoken."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from speech2text.audio.limits import LEAST_RATE, MOST_CHANNELS, MOST_RATE, SAMPLE_TYPES
from speech2text.audio.resampling import SAMPLE_RATE
from speech2text.cli.console import keep_libraries_quiet, print_note, print_output
from speech2text.cli.options import NamedPath, given, model_option, require_finite, require_name, search_options
from speech2text.disk import is_file, require_place
from speech2text.errors import AudioError, OutputError
from speech2text.runtime.endpoints import DAY, LEAST_LONGEST, LEAST_SILENCE, EndpointRules
from speech2text.text.writers import GROWING

if TYPE_CHECKING:
    from collections.abc import Callable

    from speech2text.audio.live import LiveSource
    from speech2text.runtime.options import SearchOptions

_EMPTY_BYTES = {"vtt": len("WEBVTT\n\n"), "wav": 44}
"""What a file begins with; one of that size has no words, or no sound, in it."""
OUTPUT_SUFFIXES = tuple(GROWING)
RECORDING_SUFFIXES = ("wav",)  # whole after every block, unlike compressed ones
_STARTING_SECONDS = 3.0  # a virtual device may take two


@click.command()
@click.argument("source", required=False, metavar="[-]")
@model_option
@click.option(
    "--device",
    callback=require_name,
    show_default="the system's own",
    help="The microphone, by its number or a part of its name.",
)
@click.option("--list-devices", is_flag=True, help="Print the microphones with their numbers, and leave.")
@click.option("--rate", type=click.IntRange(LEAST_RATE, MOST_RATE), default=SAMPLE_RATE, help="Of raw samples, in Hz.")
@click.option("--channels", type=click.IntRange(1, MOST_CHANNELS), default=1, help="Of raw samples.")
@click.option("--encoding", type=click.Choice(tuple(SAMPLE_TYPES)), default="s16le", help="Of raw samples.")
@click.option("--output", "-o", type=NamedPath(), help="Keep FILE.srt, .vtt or .jsonl whole with each segment.")
@click.option("--save-audio", type=NamedPath(), help="Record to FILE.wav.")
@click.option(
    "--silence-before-speech",
    type=click.FloatRange(LEAST_SILENCE, DAY),
    callback=require_finite,
    default=EndpointRules.silence_before_speech,
    help="Seconds of silence after which a noise that was no word is dropped.",
)
@click.option(
    "--silence-after-speech",
    type=click.FloatRange(LEAST_SILENCE, DAY),
    callback=require_finite,
    default=EndpointRules.silence_after_speech,
    help="Seconds after words that end a segment.",
)
@click.option(
    "--longest",
    type=click.FloatRange(LEAST_LONGEST, DAY),
    callback=require_finite,
    default=EndpointRules.longest,
    help="Seconds of the longest segment.",
)
@search_options
def listen(
    source: str | None,
    *,
    model: str,
    device: str | None,
    list_devices: bool,
    rate: int,
    channels: int,
    encoding: str,
    output: Path | None,
    save_audio: Path | None,
    silence_before_speech: float,
    silence_after_speech: float,
    longest: float,
    options: SearchOptions,
) -> None:
    """Print what is said into the microphone, or piped in.

    With - the sound is read from standard input as it comes: WAV, or raw samples of --rate, --channels and --encoding.
    Each segment is a line once it is complete; on a terminal its words are shown meanwhile. Ctrl-C finishes the segment
    that is open and prints how fast all of it was.
    """
    keep_libraries_quiet()  # ALSA tells of every device that it does not find
    if list_devices:
        _print_devices()
        return
    _check_use(source, device, output, save_audio)
    endpoints = EndpointRules(silence_before_speech, silence_after_speech, longest)
    with ExitStack() as stack:
        open_sound = _pipe_opener(rate, channels, encoding) if source else _microphone_opener(stack, device)
        from speech2text.cli.live_session import LiveSession
        from speech2text.runtime.loading import open_recognizer

        recognizer = open_recognizer(model, options)
        sound = open_sound()
        LiveSession(sound, recognizer.stream(sound.rate, endpoints=endpoints), output, save_audio).run()


def _print_devices() -> None:
    from speech2text.audio.microphone import NO_MICROPHONE, list_devices

    devices = list_devices()
    if not devices:
        print_note(NO_MICROPHONE)
    for each in devices:
        default = ", default" if each.is_default else ""
        print_output(f"{each.number} {each.name} ({each.rate} Hz, channels: {each.channels}{default})")


def _check_use(source: str | None, device: str | None, output: Path | None, save_audio: Path | None) -> None:
    if source not in (None, "-"):
        raise click.UsageError(f"{source!r} is neither the microphone nor -; recordings are for `transcribe`")
    if source and device is not None:
        raise click.UsageError("--device names a microphone, and - is standard input: give one of them")
    if not source and (unused := given("rate", "channels", "encoding")):
        raise click.UsageError(f"{unused[0]} is of raw samples, which are read with -: give that too")
    _check_name("--output", output, OUTPUT_SUFFIXES)
    _check_name("--save-audio", save_audio, RECORDING_SUFFIXES)


def _check_name(option: str, path: Path | None, known: tuple[str, ...]) -> None:
    """See that a file can be what its name says, and that nothing is lost: what was said is not said again."""
    if path is None:
        return
    suffix = path.suffix[1:].lower()
    if suffix not in known:
        suffixes = ", ".join(f".{each}" for each in known)
        raise click.UsageError(f"{option} {path}: the name must end in one of: {suffixes}")
    require_place(path)
    if path.is_fifo():
        raise OutputError(f"{path}: is a pipe, which cannot be written anew with each segment; name a file")
    if is_file(path) and path.stat().st_size > _EMPTY_BYTES.get(suffix, 0):
        raise OutputError(f"{path}: is there already, perhaps of another session; choose another name, or move it away")


def _pipe_opener(rate: int, channels: int, encoding: str) -> Callable[[], LiveSource]:
    """Opens standard input at once, so that what cannot be heard is told before a model is loaded for it."""
    from speech2text.audio.live import Pipe

    if sys.stdin is None:
        raise AudioError("standard input: is closed; pipe sound in, or leave out the -")
    # unbuffered: the thread that waits in a buffer's read holds its lock, and Python aborts when it cannot close it
    pipe = Pipe(getattr(sys.stdin.buffer, "raw", sys.stdin.buffer), rate, channels, encoding)
    return lambda: pipe


def _microphone_opener(stack: ExitStack, wanted: str | None) -> Callable[[], LiveSource]:
    """Finds the microphone, and opens it once the model is there: nobody hears before."""
    from speech2text.audio.microphone import Microphone, find_device

    device = find_device(wanted)

    def open_microphone() -> LiveSource:
        microphone = stack.enter_context(Microphone(device))
        microphone.wait_for_sound(_STARTING_SECONDS)
        print_note(f"listening to {device.name} at {device.rate} Hz; Ctrl-C ends")
        return microphone

    return open_microphone
