"""Speech of actors to train on: `python -m recipes.english.games GAMES OUT`

GAMES is a folder that holds some of three adventure games, as Debian's packages have them; OUT gets a FLAC file of each
line that is spoken in them, and manifest.jsonl with what it says. Each game is (c) of its makers, who let everybody
use, change and pass it on, but not sell it (the licence is in each package, usr/share/doc/*/copyright).

    beneath-a-steel-sky          1.9 hours, British actors      (c) Revolution Software
    drascula                     0.8 hours, Spanish accents     (c) Alcachofa Soft
    flight-of-the-amazon-queen   4.6 hours, American actors     (c) John Passfield and Steven Stamatiadis

    apt-get download beneath-a-steel-sky drascula flight-of-the-amazon-queen
    for file in *.deb; do dpkg-deb -x $file GAMES; done
"""

from __future__ import annotations

import argparse
import json
import re
import struct
import sys
from pathlib import Path
from typing import Any

import soundfile

from recipes.english.games import amazon_queen, drascula, steel_sky
from recipes.english.games.line import Line
from recipes.script import script
from speech2text.disk import make_folder, write_atomically
from speech2text.errors import ManifestError
from speech2text.text.normalization import normalize

GAMES = {
    "beneath_a_steel_sky": ("sky.dnr", steel_sky.lines),
    "drascula": ("drascula.dat", drascula.lines),
    "flight_of_the_amazon_queen": ("queen.1c", amazon_queen.lines),
}
"""Each game's name as a corpus, the file by which it is known, and what reads the folder of that file."""
SECONDS, MOST_LETTERS_A_SECOND = (0.3, 20.0), 30.0


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
        ManifestError: there is no such game, or a file of it is damaged.
        OutputError: `out` cannot be written.
    """
    make_folder(out)
    rows = []
    for corpus, (known_by, lines) in GAMES.items():
        for file in sorted(games.rglob(known_by))[:1]:
            make_folder(out / corpus)
            try:
                rows += [row for line in lines(file.parent) if (row := _write(line, corpus, out))]
            except (OSError, ValueError, LookupError, struct.error, soundfile.LibsndfileError) as error:
                raise ManifestError(f"{file}: not as Debian's package has it ({error}); unpack it anew") from None
    if not rows:
        raise ManifestError(f"{games}: none of the games; --help names their packages")
    write_atomically(out / "manifest.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    return rows


def _write(line: Line, corpus: str, out: Path) -> dict[str, Any] | None:
    """The manifest's row of a line whose sound is now in `out`; None where its text is not what is said."""
    text = normalize(re.sub(r"[.,!?]+", " ", line.text), "en")
    seconds = len(line.samples) / line.rate
    plausible = SECONDS[0] <= seconds <= SECONDS[1] and len(text) <= MOST_LETTERS_A_SECOND * seconds
    if not plausible or not re.fullmatch(r"[a-z' ]+", text):
        return None
    audio = Path(corpus) / f"{line.name}.flac"
    soundfile.write(out / audio, line.samples, line.rate)
    row: dict[str, Any] = {"id": f"{corpus}-{line.name}", "audio": str(audio), "text": text}
    speaker = f"{corpus}-{line.speaker}" if line.speaker else ""
    return row | {"speaker": speaker, "corpus": corpus, "duration": round(seconds, 3), "lang": "en"}


if __name__ == "__main__":
    main()
