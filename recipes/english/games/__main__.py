"""Speech of actors to train on: `python -m recipes.english.games GAMES DATA/games`

GAMES is a folder that holds some of three adventure games, as Debian's packages have them. DATA/games gets a FLAC file
of each line that is spoken in them, and manifest.jsonl with what it says, in place of one that is there; the recipe
trains on it. Each game is (c) of its makers, who let everybody use, change and pass it on, but not sell it (the licence
is in each package, usr/share/doc/*/copyright).

    beneath-a-steel-sky          1.9 hours, British actors      (c) Revolution Software
    drascula                     0.8 hours, Spanish accents     (c) Alcachofa Soft
    flight-of-the-amazon-queen   4.5 hours, American actors     (c) John Passfield and Steven Stamatiadis

    apt-get download beneath-a-steel-sky drascula flight-of-the-amazon-queen
    for file in *.deb; do dpkg-deb -x $file GAMES; done
"""

from __future__ import annotations

import argparse
import io
import re
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import soundfile

from recipes.english.games import amazon_queen, drascula, steel_sky
from recipes.english.games.line import Line
from recipes.english.synthesize import LONGEST_SECONDS, MOST_LETTERS_A_SECOND
from recipes.script import script
from speech2text.disk import make_folder, write_atomically, write_rows
from speech2text.errors import ManifestError
from speech2text.text.normalization import normalize

GAMES: dict[str, tuple[str, Callable[[Path], Iterator[Line]]]] = {
    "beneath_a_steel_sky": ("sky.dsk", steel_sky.lines),
    "drascula": ("en/drascula.dat", drascula.lines),
    "flight_of_the_amazon_queen": ("queen.1c", amazon_queen.lines),
}
"""Each game's name as a corpus, a file of it, and what reads the folder of that file."""
LEAST_SECONDS = 0.3
NOT_SAID = re.compile(r"[()<>&#$]")
"""Around a direction to the actor, as in (sigh), or instead of what may not be printed."""


@script
def main() -> None:
    """Write the lines of every game that is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("games", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    rows = extract(arguments.games, arguments.out)
    hours = sum(row["duration"] for row in rows) / 3600
    print(f"{arguments.out / 'manifest.jsonl'}: {len(rows)} lines, {hours:.2f} h", file=sys.stderr)


def extract(games: Path, out: Path) -> list[dict[str, Any]]:
    """Write the lines of the games in a folder to another, and the rows of its manifest.

    Raises:
        ManifestError: there is no such game, one is there twice, or a file of it is missing or damaged.
        OutputError: `out` cannot be written.
    """
    found = {corpus: file for corpus in GAMES if (file := _find(games, corpus))}
    if not found:
        raise ManifestError(f"{games}: none of the games; --help names their packages")
    rows = []
    for corpus, file in found.items():
        make_folder(out / corpus)
        rows += [row for line in _read(file, corpus) if (row := _write(line, corpus, out))]
    write_rows(out / "manifest.jsonl", rows)
    return rows


def _find(games: Path, corpus: str) -> Path | None:
    """The file by which a game is known, if the game is there."""
    files = list(games.rglob(GAMES[corpus][0]))
    if len(files) > 1:
        raise ManifestError(f"{games}: {corpus} is there twice ({files[0]}, {files[1]}); leave one of them")
    return files[0] if files else None


def _read(file: Path, corpus: str) -> Iterator[Line]:
    try:
        yield from GAMES[corpus][1](file.parent)
    except (OSError, ValueError, LookupError, struct.error, soundfile.LibsndfileError) as error:
        problem = f"not as Debian's package has it ({type(error).__name__}: {error})"
        raise ManifestError(f"{file.parent}: {problem}; unpack the package anew") from None


def _write(line: Line, corpus: str, out: Path) -> dict[str, Any] | None:
    """The manifest's row of a line whose sound is now in `out`; None where its text is not what is said."""
    spaced = re.sub(r"[.,!?]+", " ", line.text)  # as in "Halt!Who", where it is all that parts two words
    text = normalize(spaced, "en")
    seconds = len(line.samples) / line.rate
    plausible = LEAST_SECONDS <= seconds <= LONGEST_SECONDS and len(text) <= MOST_LETTERS_A_SECOND * seconds
    if not plausible or NOT_SAID.search(line.text) or not re.fullmatch(r"[a-z' ]+", text):
        return None
    audio = Path(corpus) / f"{line.name}.flac"
    flac = io.BytesIO()
    soundfile.write(flac, line.samples, line.rate, format="FLAC")
    write_atomically(out / audio, flac.getvalue())
    row: dict[str, Any] = {"id": f"{corpus}-{line.name}", "audio": str(audio), "text": text}
    speaker = f"{corpus}-{line.speaker}" if line.speaker else ""
    return row | {"speaker": speaker, "corpus": corpus, "duration": round(seconds, 3), "lang": "en"}


if __name__ == "__main__":
    main()
