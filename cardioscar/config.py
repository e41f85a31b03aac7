"""Configuration: frozen dataclasses, read from plain mappings, hashed for idempotence."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import types
import typing
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from cardioscar.errors import ConfigError

T = TypeVar("T")


def from_mapping(cls: type[T], values: Mapping[str, Any], *, where: str = "config") -> T:
    """Build a configuration dataclass, refusing unknown keys and wrong types by name.

    Args:
        cls: Frozen dataclass whose fields are the known keys.
        values: Keys and values, as read from YAML or JSON. Integers are accepted for floats, a mapping for a field that
            is a configuration dataclass itself.
        where: Name of the source, for error messages.

    Returns:
        An instance of `cls`.

    Raises:
        ConfigError: If a key is unknown, or has another name now (`RENAMED` of the class), or a value has the wrong
            type.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Fit:
    ...     steps: int = 300
    >>> from_mapping(Fit, {"steps": 5})
    Fit(steps=5)
    >>> from_mapping(Fit, {"step": 5}, where="fit")
    Traceback (most recent call last):
    cardioscar.errors.ConfigError: fit: expected one of the keys steps, found unknown key 'step' (did you mean 'steps'?)
    """
    hints = typing.get_type_hints(cls)
    known = {f.name: hints[f.name] for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    checked = {}
    for key, value in values.items():
        if key in getattr(cls, "RENAMED", {}):
            now = getattr(cls, "RENAMED")[key]  # noqa: B009 - a mapping of some of the classes
            raise ConfigError(where, f"the key '{now}'", f"its earlier name '{key}'")
        if key not in known:
            near = get_close_matches(str(key), known, n=1)
            hint = f" (did you mean '{near[0]}'?)" if near else ""
            raise ConfigError(where, f"one of the keys {', '.join(known)}", f"unknown key '{key}'{hint}")
        checked[key] = _checked(value, known[key], f"{where}: {key}")
    return cls(**checked)


def _checked(value: Any, hint: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if isinstance(value, hint):
            return value
        if not isinstance(value, Mapping):
            raise ConfigError(where, "settings and their values", repr(value))
        return from_mapping(hint, value, where=where)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        if value not in args:
            raise ConfigError(where, "one of " + ", ".join(map(str, args)), repr(value))
        return value
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in args:
            return None
        return _checked(value, next(a for a in args if a is not type(None)), where)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ConfigError(where, "a list", repr(value))
        item = args[0]
        if args[-1] is not Ellipsis and len(value) != len(args):
            raise ConfigError(where, f"{len(args)} values", f"{len(value)}")
        return tuple(_checked(v, item, where) for v in value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is int and isinstance(value, float) and value.is_integer():
        return int(value)  # KFP hands integers over as floats
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise ConfigError(where, f"a value of type {hint.__name__}", repr(value))
    return value


def as_mapping(config: Any) -> dict[str, Any]:
    """Return a configuration dataclass as a plain mapping, ready for JSON."""
    return dict(json.loads(json.dumps(dataclasses.asdict(config))))


def flattened(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings of settings under joined names.

    >>> flattened({"steps": 5, "schedule": {"peak": 0.1}})
    {'steps': 5, 'schedule.peak': 0.1}
    """
    rows: dict[str, Any] = {}
    for name, value in values.items():
        rows |= flattened(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return rows


def config_sha256(config: Any) -> str:
    """Hash the effective configuration: equal settings give equal hashes, whatever their order.

    Args:
        config: A configuration dataclass or a JSON-ready mapping.

    Returns:
        64 hexadecimal digits.
    """
    mapping = as_mapping(config) if dataclasses.is_dataclass(config) else config
    return hashlib.sha256(json.dumps(mapping, sort_keys=True).encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """Hash one file's bytes, or the names and bytes of all files of a folder (a DICOM series).

    Returns:
        64 hexadecimal digits.
    """
    if path.is_dir():
        listing = {p.relative_to(path).as_posix(): file_sha256(p) for p in sorted(path.rglob("*")) if p.is_file()}
        return config_sha256(listing)
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
