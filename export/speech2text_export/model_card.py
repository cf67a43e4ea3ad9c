"""The README.md of a bundle: what its manifest says, for people."""

from __future__ import annotations

from speech2text.bundle.manifest import Confidence, Manifest
from speech2text.text.plain_line import in_a_line

_CARD = """\
# {name}

{description}

| | |
|---|---|
| languages | {languages} |
| licence of the weights | {licence} |
| parameters | {parameters:.1f} million, {precision} |
| hears | {sample_rate} Hz, one channel; other recordings are converted |
{speeds}| streams | in chunks of {chunk:.2f} s |

Transcribe with it:

    speech2text transcribe --model FOLDER recording.wav

## Training data

{data}
{language_model}
## Accuracy

{accuracy}

## Limits

It writes what it has learned to write: words in the spelling of its training texts, in lower case and without
punctuation. Other languages, accents, microphones and noise than those of the training data raise the error rate.
{confidence}

## Sample

`{sample}` should give: {sample_text}
"""

_UNFITTED = "Its word confidences say how sure the model is, not how often it is right."
_FITTED = "Its word confidences were fitted to how often it was right on dev; elsewhere they may be off."


def model_card(manifest: Manifest) -> str:
    """The text of the card (Markdown)."""
    shape = manifest.model
    return _CARD.format(
        name=manifest.name,
        description=manifest.description,
        languages=", ".join(manifest.languages) or "those of its training texts; the recipe does not say",
        licence=_cell(manifest.licence),
        parameters=manifest.parameters / 1e6,
        precision=manifest.precision,
        sample_rate=shape.sample_rate,
        speeds=_speeds(manifest),
        chunk=shape.chunk_seconds,
        data=_data(manifest),
        language_model=_language_model(manifest),
        accuracy=_accuracy(manifest),
        confidence=_UNFITTED if manifest.confidence == Confidence() else _FITTED,
        sample=manifest.sample.audio,
        sample_text=f"“{manifest.sample.text}”" if manifest.sample.text else "nothing",
    )


def _speeds(manifest: Manifest) -> str:
    """A row of the table; nothing where everything is heard once."""
    speeds = manifest.decoding.other_speeds
    if not speeds:
        return ""
    told = " and ".join(f"{speed:g}" for speed in speeds)
    return f"| heard | {1 + len(speeds)} times: as it came, and at {told} times its speed |\n"


def _data(manifest: Manifest) -> str:
    if not manifest.data:
        return "The recipe it was trained by does not say."
    rows = [_row(source.name, f"{round(source.hours, 2):g}", source.licence) for source in manifest.data]
    return "\n".join(["| corpus | hours | licence |", "|---|---|---|", *rows])


def _language_model(manifest: Manifest) -> str:
    """The section of it with an empty line around; nothing more than that line where there is none."""
    if manifest.language_model is None:
        return ""
    rows = [_row(source.name, source.words, source.licence) for source in manifest.language_model.texts]
    head = f"The search adds its log-probabilities times {manifest.decoding.lm_weight:g}. It was made of these texts:"
    return "\n".join(["", "## Language model", "", head, "", "| texts | words | licence |", "|---|---|---|", *rows, ""])


def _accuracy(manifest: Manifest) -> str:
    if not manifest.wer:
        return "Not measured when it was exported; `speech2text evaluate MANIFEST --model FOLDER` measures it."
    rows = [_row(name, f"{100 * rate.wer:.2f} %", rate.limits(2), rate.words) for name, rate in manifest.wer.items()]
    return "\n".join(["| recordings | word error rate | 95 % interval | words |", "|---|---|---|---|", *rows])


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(value: object) -> str:
    """A value that ends neither its cell nor its row."""
    return in_a_line(value).replace("|", r"\|")
