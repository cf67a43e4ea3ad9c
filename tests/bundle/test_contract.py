"""export/README.md, the contract of a bundle, names all that the code reads, and nothing else."""

from __future__ import annotations

import re
from dataclasses import is_dataclass
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from speech2text.bundle import tensors
from speech2text.bundle.manifest import Manifest
from speech2text.decoding.confidence import LEAST_EVIDENCE

CONTRACT = (Path(__file__).parents[2] / "export" / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return CONTRACT.split(f"\n## {title}\n")[1].split("\n## ")[0]


def tables(text: str) -> list[list[tuple[set[str], set[str]]]]:
    """The names in the first cell of each row and those in the others, by table."""
    found = []
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        rows = [line.split("|")[1:-1] for line in table.splitlines()[2:]]
        found.append([(names(first), names(" ".join(others))) for first, *others in rows])
    return found


def names(text: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", text))


def fields_within(kind: object) -> set[str]:
    """The names of all fields of the dataclasses that a type is made of."""
    hints = get_type_hints(kind) if is_dataclass(kind) else {}
    return hints.keys() | {name for part in (*hints.values(), *get_args(kind)) for name in fields_within(part)}


def test_every_field_of_the_manifest_is_told():
    (rows,) = tables(section("manifest.json"))
    keys = get_type_hints(Manifest)
    assert set().union(*(first for first, _ in rows)) == set(keys)
    for first, others in rows:
        for key in first:
            assert fields_within(keys[key]) <= others, key


@pytest.mark.parametrize(
    ("graph", "inputs", "outputs"),
    [
        (
            "listener.onnx",
            (*tensors.LISTENER_INPUTS, *tensors.LISTENER_STATE),
            (*tensors.LISTENER_OUTPUTS, *map(tensors.next_of, tensors.LISTENER_STATE)),
        ),
        ("speller.onnx", tensors.SPELLER_INPUTS, tensors.SPELLER_OUTPUTS),
        ("lm.onnx", tensors.LANGUAGE_MODEL_INPUTS, tensors.LANGUAGE_MODEL_OUTPUTS),
    ],
)
def test_every_input_and_output_is_told(graph, inputs, outputs):
    told = [set().union(*(first for first, _ in rows)) for rows in tables(section(graph))]
    assert told == [set(inputs), set(outputs)]


def test_the_bounds_of_evidence_are_those_of_the_code():
    assert f"{LEAST_EVIDENCE:g} at least and {1 - LEAST_EVIDENCE:g} at most" in section("manifest.json")
