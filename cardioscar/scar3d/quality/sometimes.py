"""Keys of a result that are left out of its file where there is nothing to say."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any


def sometimes() -> Any:
    """Default of a field whose key is missing from the file, and not null, where there is nothing to say."""
    return dataclasses.field(default=None, metadata={"sometimes": True})


def is_sometimes(field: dataclasses.Field[Any]) -> bool:
    """Whether the key of a field is left out where it is None."""
    return bool(field.metadata.get("sometimes"))


def result_mapping(result: Any) -> Any:
    """A result as plain mappings and lists, ready for JSON, keys in the order of the fields.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Found:
    ...     sizes: tuple[float, ...]
    ...     dice: float | None
    ...     depth: float | None = sometimes()
    >>> result_mapping(Found((1.0, 2.0), None))
    {'sizes': [1.0, 2.0], 'dice': None}
    """
    if dataclasses.is_dataclass(result):
        return {
            one.name: result_mapping(value)
            for one in dataclasses.fields(result)
            if (value := getattr(result, one.name)) is not None or not is_sometimes(one)
        }
    if isinstance(result, Mapping):
        return {key: result_mapping(value) for key, value in result.items()}
    return [result_mapping(value) for value in result] if isinstance(result, tuple | list) else result
