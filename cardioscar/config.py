"""Configuration: frozen dataclasses, read from plain mappings, hashed for idempotence."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import types
import typing
from collections.abc import Mapping
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from reprlib import Repr
from typing import Any, TypeVar

from cardioscar.errors import ConfigError

T = TypeVar("T")

_LONGEST_KEY = 64
_short = Repr()
_short.maxstring = _short.maxother = 80


def from_mapping(cls: type[T], values: Mapping[str, Any], *, where: str = "config", foreign: bool = False) -> T:
    """Build a configuration dataclass, refusing unknown keys and wrong types by name.

    Args:
        cls: Frozen dataclass whose fields are the known keys.
        values: Keys and values, as read from YAML or JSON. Integers are accepted for floats, a mapping for a field that
            is a configuration dataclass itself.
        where: Name of the source, for error messages.
        foreign: The text is a sender's, not of who runs the program: messages say of what kind and where it is, and
            repeat none of it.

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
    known = _kinds(cls)  # type: ignore[arg-type] # a class is hashable
    checked = {}
    for number, (key, value) in enumerate(values.items(), start=1):
        if key in getattr(cls, "RENAMED", {}):
            now = getattr(cls, "RENAMED")[key]  # noqa: B009 - a mapping of some of the classes
            raise ConfigError(where, f"the key '{now}'", f"its earlier name '{key}'")
        if key not in known:
            text = str(key)[: _LONGEST_KEY + 1]
            near = get_close_matches(text, known, n=1) if len(text) <= _LONGEST_KEY else []
            hint = f" (did you mean '{near[0]}'?)" if near else ""
            found = f"another as number {number}" if foreign else f"unknown key '{text}'"
            raise ConfigError(where, f"one of the keys {', '.join(known)}", found + hint)
        checked[key] = _checked(value, known[key], f"{where}: {key}", foreign)
    return cls(**checked)


@lru_cache(maxsize=256)
def _kinds(cls: type) -> Mapping[str, Any]:
    """Type of each field; looking them up takes longer than all the rest."""
    hints = typing.get_type_hints(cls)
    return {one.name: hints[one.name] for one in dataclasses.fields(cls)}


@lru_cache(maxsize=1024)
def _parts(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """Origin and arguments of a type."""
    return typing.get_origin(hint), typing.get_args(hint)


def kind_of(value: Any) -> str:
    """What kind of value one is, without any of it: what a sender wrote may be a name, and a number a record's.

    >>> kind_of("Doe, Jane"), kind_of([1, 2]), kind_of(482913), kind_of(None)
    ('a text of 9 characters', 'a list of 2', 'a number', 'nothing')
    """
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return f"a text of {len(value)} characters"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    return "keys and values" if isinstance(value, Mapping) else "something else"


def _checked(value: Any, hint: Any, where: str, foreign: bool) -> Any:
    shown = kind_of if foreign else _short.repr
    if type(value) is hint:
        return value
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if isinstance(value, hint):
            return value
        if not isinstance(value, Mapping):
            raise ConfigError(where, "settings and their values", shown(value))
        return from_mapping(hint, value, where=where, foreign=foreign)
    origin, args = _parts(hint)
    if origin is typing.Literal:
        if value not in args:
            raise ConfigError(where, "one of " + ", ".join(map(str, args)), shown(value))
        return value
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in args:
            return None
        return _checked(value, next(a for a in args if a is not type(None)), where, foreign)
    if origin in (dict, Mapping):
        if not isinstance(value, Mapping):
            raise ConfigError(where, "keys and their values", shown(value))
        return {str(k): _checked(v, args[1], where if foreign else f"{where}.{k}", foreign) for k, v in value.items()}
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ConfigError(where, "a list", shown(value))
        item = args[0]
        if args[-1] is not Ellipsis and len(value) != len(args):
            raise ConfigError(where, f"{len(args)} values", f"{len(value)}")
        return tuple(_checked(v, item, where, foreign) for v in value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise ConfigError(where, "a number", "one too large") from None
    if hint is int and isinstance(value, float) and value.is_integer():
        return int(value)  # KFP hands integers over as floats
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise ConfigError(where, f"a value of type {hint.__name__}", shown(value))
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


def execution(default: Any) -> Any:
    """A setting of how the work is carried out (device, checkpoints), which says nothing of its result.

    It is recorded with the others and left out of the hash: work that was done on a GPU is not done again on a CPU.
    """
    return dataclasses.field(default=default, metadata={"execution": True})


def config_sha256(config: Any) -> str:
    """Hash the effective configuration: equal settings give equal hashes, whatever their order.

    Args:
        config: A configuration dataclass, whose `execution` settings do not count, or a JSON-ready mapping.

    Returns:
        64 hexadecimal digits.

    Examples:
        >>> @dataclasses.dataclass(frozen=True)
        ... class Fit:
        ...     steps: int = 100
        ...     device: str = execution("auto")
        >>> config_sha256(Fit()) == config_sha256(Fit(device="cuda")) == config_sha256({"steps": 100})
        True
    """
    mapping = _of_result(config) if dataclasses.is_dataclass(config) else config
    return hashlib.sha256(json.dumps(mapping, sort_keys=True).encode()).hexdigest()


def _of_result(config: Any) -> dict[str, Any]:
    """Settings that say something of the result, those of settings within settings too."""
    found = as_mapping(config)
    for one in dataclasses.fields(config):
        value = getattr(config, one.name)
        if one.metadata.get("execution"):
            del found[one.name]
        elif dataclasses.is_dataclass(value):
            found[one.name] = _of_result(value)
    return found


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
