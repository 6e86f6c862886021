"""From parsed JSON to typed dataclasses, or one error that names the place.

A dataclass is the description: its fields are the keys (metadata {"key": …} where a key is no
good name), its annotations the types, a default makes a key optional (null is then the same as
nothing). Keys that are not fields are ignored, so that a newer writer can add some.
"""

from __future__ import annotations

import dataclasses
import functools
import types
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

Decoded = TypeVar("Decoded")

JSON_NAMES: dict[type, str] = {
    dict: "an object",
    list: "a list",
    str: "a string",
    bool: "true or false",
    int: "an integer",
    float: "a number",
    type(None): "null",
}


class DecodeError(Exception):
    """A value that is not what the format says. `path` is where: $.runs[2].seed."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


@functools.lru_cache(maxsize=None)
def _fields(cls: type) -> tuple[tuple[str, str, Any, bool], ...]:
    hints = get_type_hints(cls)
    return tuple(
        (
            field.name,
            field.metadata.get("key", field.name),
            hints[field.name],
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(cls)
    )


def _expect(kind: type, value: Any, path: str) -> None:
    right = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    if kind is float:
        right = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not right:
        shown = repr(value) if isinstance(value, (str, int, float)) else JSON_NAMES[type(value)]
        if len(shown) > 40:
            shown = shown[:40] + "…"
        raise DecodeError(path, f"{shown} where {JSON_NAMES[kind]} belongs")


def _decode_object(cls: type, value: Any, path: str) -> Any:
    _expect(dict, value, path)
    arguments = {}
    for name, key, hint, required in _fields(cls):
        if key in value and (required or value[key] is not None):
            arguments[name] = decode(hint, value[key], f"{path}.{key}")
        elif required:
            raise DecodeError(f"{path}.{key}", "missing")
    return cls(**arguments)


def _decode_list(hint: Any, value: Any, path: str) -> Any:
    _expect(list, value, path)
    if get_origin(hint) is tuple:
        kinds = get_args(hint)
        if len(value) != len(kinds):
            raise DecodeError(path, f"{len(value)} values where {len(kinds)} belong")
        return tuple(
            decode(kind, item, f"{path}[{i}]") for i, (kind, item) in enumerate(zip(kinds, value))
        )
    (kind,) = get_args(hint)
    if kind is int and all(type(item) is int for item in value):
        return value  # the heap maps are long; most lists are right
    return [decode(kind, item, f"{path}[{index}]") for index, item in enumerate(value)]


def decode(hint: Any, value: Any, path: str = "$") -> Any:
    """The value as `hint` says: a dataclass, list[T], tuple[A, B], dict[str, T], T | None, T."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        if value is None:
            return None
        kinds = [kind for kind in get_args(hint) if kind is not type(None)]
        fitting = [kind for kind in kinds if kind in JSON_NAMES and type(value) is kind]
        return decode((fitting or kinds)[0], value, path)
    if origin in (list, tuple):
        return _decode_list(hint, value, path)
    if origin is dict:
        _expect(dict, value, path)
        kind = get_args(hint)[1]
        return {key: decode(kind, item, f"{path}.{key}") for key, item in value.items()}
    if dataclasses.is_dataclass(hint):
        assert isinstance(hint, type)
        return _decode_object(hint, value, path)
    _expect(hint, value, path)
    return float(value) if hint is float else value
