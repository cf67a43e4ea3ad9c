"""`speech2text serve`: a local service for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from speech2text.audio.limits import MOST_RATE
from speech2text.cli.console import keep_libraries_quiet, print_note, show_warnings_as_lines
from speech2text.cli.dependencies import packages_of
from speech2text.cli.options import model_option, require_finite, require_name, search_options
from speech2text.runtime.options import MOST_THREADS
from speech2text.serving.limits import LOWEST_RATE, Limits

if TYPE_CHECKING:
    from speech2text.runtime.options import SearchOptions


@click.command()
@click.option("--host", callback=require_name, default="127.0.0.1", help="The address to listen on; 0.0.0.0 is all.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8000,
    help="The port to listen on; 0 is any free one.",
)
@model_option
@search_options
@click.option(
    "--threads",
    type=click.IntRange(1, MOST_THREADS),
    default=1,
    help="Streams heard side by side, and as many uploads besides; the result is the same.",
)
@click.option(
    "--max-upload",
    type=click.FloatRange(min=0, min_open=True),
    callback=require_finite,
    default=Limits.upload_bytes / 2**20,
    help="MiB of one upload.",
)
@click.option(
    "--max-seconds",
    type=click.FloatRange(min=0, min_open=True),
    callback=require_finite,
    default=Limits.seconds,
    help="Seconds of sound in one upload or stream.",
)
@click.option(
    "--max-rate",
    type=click.IntRange(LOWEST_RATE, MOST_RATE),
    default=Limits.sample_rate,
    help="Sample rate of an upload or a stream, in Hz.",
)
@click.option(
    "--max-sessions",
    type=click.IntRange(min=1),
    default=Limits.sessions,
    help="Uploads and streams served at the same time.",
)
@click.option(
    "--max-idle",
    type=click.FloatRange(min=0, min_open=True),
    callback=require_finite,
    default=Limits.idle_seconds,
    help="Seconds without anything from a client.",
)
def serve(
    *,
    host: str,
    port: int,
    model: str,
    options: SearchOptions,
    threads: int,
    max_upload: float,
    max_seconds: float,
    max_rate: int,
    max_sessions: int,
    max_idle: float,
) -> None:
    """Serve transcripts to programs, until Ctrl-C.

    POST /v1/audio/transcriptions takes recordings as OpenAI's API does; the WebSocket /v1/stream takes PCM and gives
    the words while they are spoken. Whoever reaches the port may use it: there are no keys and no encryption.
    """
    from speech2text.runtime.loading import open_recognizer

    with packages_of("serve", needed_by="serve"):
        import python_multipart  # noqa: F401 - the first request would miss them
        import websockets  # noqa: F401

        from speech2text.serving.service import listen
        from speech2text.serving.service import serve as run

    keep_libraries_quiet()
    show_warnings_as_lines()
    try:
        limits = Limits(max_upload * 2**20, max_seconds, max_rate, max_sessions, max_idle)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    with listen(host, port) as listening:
        recognizer = open_recognizer(model, options)
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{listening.getsockname()[1]}"
        ready = f"{recognizer.manifest.name}: listening on {address} (Ctrl-C ends)"
        run(recognizer, listening, limits, threads, lambda: print_note(ready))
