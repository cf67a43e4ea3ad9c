"""How narrow a beam may be: `python -m recipes.measurements.thresholds [--bundle BUNDLE] MANIFEST.jsonl [...]`

For several thresholds, how far behind the best a hypothesis may fall (decoding/beam.py), prints the table of
comparison.py, on one thread. That of a bundle is its recipe's (`decoding.beam_threshold`).
"""

from __future__ import annotations

from dataclasses import replace

from recipes.measurements.comparison import print_comparison
from recipes.measurements.manifests import make_parser, read_all
from recipes.script import script
from speech2text.bundle.store import find_bundle, open_bundle
from speech2text.runtime.recognizer import Recognizer

BEAM_THRESHOLDS = (None, 6.0, 5.0, 4.0, 3.0, 2.0)


@script
def main() -> None:
    """Print the table."""
    arguments = make_parser(__doc__).parse_args()
    bundle = open_bundle(find_bundle(arguments.bundle))
    recognizers = {}
    for threshold in BEAM_THRESHOLDS:
        decoding = replace(bundle.manifest.decoding, beam_threshold=threshold)
        recognizer = Recognizer(replace(bundle, manifest=replace(bundle.manifest, decoding=decoding)))
        recognizers["none" if threshold is None else f"{threshold:g}"] = recognizer
    print_comparison("beam threshold", recognizers, read_all(arguments.manifests))


if __name__ == "__main__":
    main()
