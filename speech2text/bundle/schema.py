"""Reads frozen dataclasses from parsed JSON strictly: every key known, none missing, every value of its type."""

from __future__ import annotations

import sys
from dataclasses import MISSING, fields, is_dataclass
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")

_JSON_NAMES = {str: "a text", int: "a whole number", float: "a number"}


class SchemaError(ValueError):
    """A value does not fit; the message names the key, what was found and what is wanted."""


def read(kind: type[T], data: object, key: str = "") -> T:
    """`data` as an instance of the dataclass `kind`; `key` is where it stands, for messages.

    Fields may be str, int, float, another dataclass, `tuple[X, ...]` (a JSON list), `dict[str, X]` (a JSON object), or
    `X | None`, which is X where the key is there.

    Raises:
        SchemaError: a key is unknown or missing, or a value has the wrong type.
    """
    if not isinstance(data, dict):
        raise _misfit(key or "the file", "a JSON object", data)
    hints = get_type_hints(kind)
    for name in data:
        if name not in hints:
            import difflib  # needed for this message only

            near = difflib.get_close_matches(name, hints, n=1)
            raise SchemaError(f"unknown key {_join(key, name)!r}" + (f"; is it {near[0]!r}?" if near else ""))
    required = [field.name for field in fields(kind) if field.default is MISSING]  # type: ignore[arg-type]
    for name in required:
        if name not in data:
            raise SchemaError(f"{_join(key, name)!r} is missing")
    return kind(**{name: _value(hints[name], value, _join(key, name)) for name, value in data.items()})


def _value(kind: Any, value: Any, key: str) -> Any:  # noqa: ANN401 - any type that a field may have
    if get_origin(kind) is UnionType:
        kind = get_args(kind)[0]
    if is_dataclass(kind):
        return read(kind, value, key)  # type: ignore[arg-type]
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise _misfit(key, "a list", value)
        item = get_args(kind)[0]
        return tuple(_value(item, element, f"{key}[{index}]") for index, element in enumerate(value))
    if get_origin(kind) is dict:
        if not isinstance(value, dict):
            raise _misfit(key, "a JSON object", value)
        item = get_args(kind)[1]
        return {name: _value(item, element, _join(key, name)) for name, element in value.items()}
    accepted = (int, float) if kind is float else kind
    if not isinstance(value, accepted) or isinstance(value, bool):
        raise _misfit(key, _JSON_NAMES[kind], value)
    if kind is float and not abs(value) <= sys.float_info.max:  # as 1e999, which JSON takes for infinite
        raise _misfit(key, "a number that is finite", value)
    return value


def _misfit(key: str, wanted: str, found: object) -> SchemaError:
    shown = repr(found)
    place = key if key.isprintable() else repr(key)
    return SchemaError(f"{place} must be {wanted}, not {shown if len(shown) <= 60 else shown[:57] + '...'}")


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
