"""What several speeds bring: `python -m recipes.measurements.hearings [--bundle BUNDLE] MANIFEST.jsonl [...]`

For several sets of other speeds (runtime/hearings.py) prints the table of comparison.py, on one thread. The speeds of a
bundle are those of its recipe (`decoding.other_speeds`).
"""

from __future__ import annotations

from recipes.measurements.comparison import print_comparison
from recipes.measurements.manifests import make_parser, read_all
from recipes.script import script
from speech2text import load_model

OTHER_SPEEDS = ((), (0.95, 1.05), (0.9, 1.1), (0.9, 1.05), (0.85, 1.1), (0.85, 0.95, 1.05, 1.1))


@script
def main() -> None:
    """Print the table."""
    arguments = make_parser(__doc__).parse_args()
    recognizers = {
        ", ".join(f"{speed:g}" for speed in speeds) or "none": load_model(arguments.bundle, other_speeds=speeds)
        for speeds in OTHER_SPEEDS
    }
    print_comparison("other speeds", recognizers, read_all(arguments.manifests))


if __name__ == "__main__":
    main()
