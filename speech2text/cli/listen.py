"""`speech2text listen`: a microphone or a pipe to words, while they are spoken."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from speech2text.cli.console import print_note, print_output
from speech2text.cli.options import (
    beam_size_option,
    hotwords_file_option,
    hotwords_score_option,
    lm_weight_option,
    model_option,
)
from speech2text.errors import AudioError, OutputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from speech2text import EndpointRules, Segment, Update
    from speech2text.audio.live import LiveSource
    from speech2text.cli.listening import Listening

ENCODINGS = ("s16le", "s32le", "f32le")
OUTPUT_SUFFIXES = ("srt", "vtt", "jsonl")
RECORDING_SUFFIXES = ("wav", "flac")


@click.command()
@click.argument("source", required=False, metavar="[-]")
@model_option
@click.option("--device", help="The microphone, by its number or a part of its name; the system's own if not given.")
@click.option("--list-devices", is_flag=True, help="Print the microphones with their numbers, and leave.")
@click.option("--rate", type=click.IntRange(1000, 768_000), default=16_000, show_default=True, help="Of raw samples.")
@click.option("--channels", type=click.IntRange(1, 64), default=1, show_default=True, help="Of raw samples.")
@click.option("--encoding", type=click.Choice(ENCODINGS), default="s16le", show_default=True, help="Of raw samples.")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="Keep FILE.srt, .vtt or .jsonl whole with each segment."
)
@click.option("--save-audio", type=click.Path(path_type=Path), help="Record to FILE.wav or .flac.")
@click.option("--silence-before-speech", type=float, help="Seconds after a noise that is no word; 2.4 if not given.")
@click.option("--silence-after-speech", type=float, help="Seconds after words that end a segment; 0.6 if not given.")
@click.option("--longest", type=float, help="Seconds of the longest segment; 20 if not given.")
@beam_size_option
@lm_weight_option
@hotwords_file_option
@hotwords_score_option
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
    silence_before_speech: float | None,
    silence_after_speech: float | None,
    longest: float | None,
    beam_size: int | None,
    lm_weight: float | None,
    hotwords_file: Path | None,
    hotwords_score: float,
) -> None:
    """Print what is said into the microphone, or piped in.

    With - the sound is read from standard input as it comes: WAV, or raw samples of --rate, --channels and --encoding.
    Each segment is a line once it is complete; on a terminal its words are shown meanwhile. Ctrl-C finishes the segment
    that is open and prints how fast all of it was.
    """
    if list_devices:
        _print_devices()
        return
    if source not in (None, "-"):
        raise click.UsageError(f"{source!r} is neither the microphone nor -; recordings are for `transcribe`")
    _check_suffix("--output", output, OUTPUT_SUFFIXES)
    _check_suffix("--save-audio", save_audio, RECORDING_SUFFIXES)
    endpoints = _endpoints(silence_before_speech, silence_after_speech, longest)
    with ExitStack() as stack:
        sound = _open_pipe(rate, channels, encoding) if source else stack.enter_context(_open_microphone(device))
        from speech2text import load_model
        from speech2text.cli.listening import Listening, interrupts_set
        from speech2text.cli.live_display import LiveDisplay
        from speech2text.runtime.arrays import mix_down

        recognizer = load_model(
            model,
            beam_size=beam_size,
            lm_weight=lm_weight,
            hotwords=hotwords_file or (),
            hotwords_score=hotwords_score,
        )
        display = LiveDisplay()
        stack.callback(display.clear)
        keep = _keeper(output)
        record = _recorder(stack, save_audio, sound.rate)

        def on_block(block: NDArray[Any]) -> None:
            record(block)
            display.level(mix_down(block))

        def on_update(update: Update) -> None:
            if not update.final:
                display.partial(update.segment.text)
                return
            display.final(update.segment.text)
            if update.segment.text or update.segment.guard:
                keep(update.segment, session.heard)

        stream = recognizer.stream(sound.rate, endpoints=endpoints)
        session = Listening(sound, stream, on_block, on_update, display.note)
        with interrupts_set(session.stop):
            try:
                session.run()
            finally:
                display.clear()
                _print_summary(session)


def _print_summary(session: Listening) -> None:
    for line in session.summary():
        print_note(line)


def _print_devices() -> None:
    from speech2text.audio.microphone import list_devices

    devices = list_devices()
    if not devices:
        print_note("no microphone found")
    for each in devices:
        default = ", default" if each.is_default else ""
        print_output(f"{each.number} {each.name} ({each.rate} Hz, channels: {each.channels}{default})")


def _check_suffix(option: str, path: Path | None, known: tuple[str, ...]) -> None:
    if path is not None and path.suffix[1:].lower() not in known:
        suffixes = ", ".join(f".{each}" for each in known)
        raise click.UsageError(f"{option} {path}: the name must end in one of: {suffixes}")


def _endpoints(before: float | None, after: float | None, longest: float | None) -> EndpointRules:
    from speech2text import EndpointRules

    given = {"silence_before_speech": before, "silence_after_speech": after, "longest": longest}
    try:
        return EndpointRules(**{name: value for name, value in given.items() if value is not None})
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _open_pipe(rate: int, channels: int, encoding: str) -> LiveSource:
    from speech2text.audio.live import Pipe

    if sys.stdin is None:
        raise AudioError("standard input: is closed; pipe sound in, or leave out the -")
    return Pipe(sys.stdin.buffer, rate, channels, encoding)


def _open_microphone(wanted: str | None) -> AbstractContextManager[LiveSource]:
    from speech2text.audio.microphone import Microphone, find_device

    return Microphone(find_device(wanted))


def _keeper(path: Path | None) -> Callable[[Segment, float], None]:
    """Keeps a file whole with all segments so far."""
    from speech2text import Transcript
    from speech2text.text.writers import WRITERS, write_atomically

    segments: list[Segment] = []

    def write(seconds: float) -> None:
        if path is not None:
            write_atomically(path, WRITERS[path.suffix[1:].lower()](Transcript(tuple(segments), seconds)))

    def keep(segment: Segment, seconds: float) -> None:
        if path is not None:  # without a file nothing needs to be held
            segments.append(segment)
            write(seconds)

    write(0.0)
    return keep


def _recorder(stack: ExitStack, path: Path | None, rate: int) -> Callable[[NDArray[Any]], None]:
    """Writes blocks to a sound file as they come."""
    if path is None:
        return lambda block: None
    import soundfile

    from speech2text.runtime.arrays import mix_down

    try:
        file = stack.enter_context(soundfile.SoundFile(path, "w", rate, 1))
    except (OSError, soundfile.LibsndfileError) as error:
        raise OutputError(f"{path}: cannot be written ({error}); check folder and permissions") from None

    def record(block: NDArray[Any]) -> None:
        file.write(mix_down(block))

    return record
