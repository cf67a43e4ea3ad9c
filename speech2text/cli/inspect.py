"""`speech2text inspect`: what a bundle is, as its manifest tells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from speech2text.cli.console import lay_out, print_output
from speech2text.text.plain_line import in_a_line

if TYPE_CHECKING:
    from rich.table import Table

    from speech2text.bundle.manifest import Manifest


@click.command(short_help="Print what a bundle is.")
@click.argument("bundle", default="default")
def inspect(bundle: str) -> None:
    """Print what a bundle is: its data, licence, sizes and word error rates.

    BUNDLE is the folder of a bundle; without it, the model inside the package. All of its files are verified.
    """
    from speech2text.bundle.store import find_bundle, open_bundle

    opened = open_bundle(find_bundle(bundle))
    manifest = opened.manifest
    tables = (_facts(str(opened.folder), manifest), _data(manifest), _error_rates(manifest), _files(manifest))
    text = lay_out(f"{manifest.name}: {manifest.description}\n", *(part for table in tables for part in (table, "")))
    print_output("\n".join(in_a_line(line.rstrip()) for line in text.rstrip().split("\n")))  # names come from others


def _facts(folder: str, manifest: Manifest) -> Table:
    model = manifest.model
    frame, chunk = 1000 * model.memory_frame_seconds, 1000 * model.chunk_seconds
    return _table(
        ("", ""),
        [
            ("Folder", folder),
            ("Languages", ", ".join(manifest.languages) or "not said"),
            ("Licence", manifest.licence),
            ("Parameters", f"{manifest.parameters / 1e6:.1f} M, {manifest.precision}"),
            ("Hears", f"{model.sample_rate} Hz, a frame each {frame:g} ms, streams in chunks of {chunk:g} ms"),
            ("Spells", f"{model.vocabulary} pieces"),
            ("Search", _search(manifest)),
            ("Language model", _language_model(manifest)),
            ("Sample", f"{manifest.sample.audio}: {manifest.sample.text}"),
            ("Format", str(manifest.format_version)),
        ],
    )


def _search(manifest: Manifest) -> str:
    """All that decides what is read, but the weight of the language model, which stands beside it."""
    settings = vars(manifest.decoding)
    told = {name: settings[name] for name in settings if name != "lm_weight" and settings[name] not in (None, 0.0, ())}
    numbers = {name: value if isinstance(value, tuple) else (value,) for name, value in told.items()}
    return ", ".join(
        f"{name.replace('_', ' ').replace('ctc', 'CTC')} {' and '.join(f'{number:g}' for number in values)}"
        for name, values in numbers.items()
    )


def _language_model(manifest: Manifest) -> str:
    shape = manifest.language_model
    if shape is None:
        return "none"
    texts = ", ".join(f"{source.name} ({source.words} words, {source.licence})" for source in shape.texts)
    return f"weight {manifest.decoding.lm_weight:g}, {shape.layers} x {shape.units} units, made of {texts or 'unknown'}"


def _data(manifest: Manifest) -> Table:
    rows = [(source.name, f"{source.hours:.1f}", source.licence) for source in manifest.data]
    return _table(("Trained on", "Hours", "Licence"), rows or [("(not stated)",)], right=(1,))


def _error_rates(manifest: Manifest) -> Table:
    rows = [(name, f"{100 * rate.wer:.1f} %", rate.limits(1), str(rate.words)) for name, rate in manifest.wer.items()]
    return _table(("Word error rate on", "WER", "95 % interval", "Words"), rows or [("(not stated)",)], right=(1, 2, 3))


def _files(manifest: Manifest) -> Table:
    sizes = {name: record.bytes for name, record in manifest.files.items()}
    rows = [(name, _megabytes(size)) for name, size in sizes.items()]
    return _table(("File", "Size"), [*rows, ("together", _megabytes(sum(sizes.values())))], right=(1,))


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.2f} MB"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=any(headings), header_style="bold")
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="right" if index in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table
