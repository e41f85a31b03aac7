"""Words of a command line read into a form, and its help: values called by what they mean, short flags listed."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import tyro
from tyro.constructors import ConstructorRegistry, StructConstructorSpec, StructFieldSpec, StructTypeInfo

Form = TypeVar("Form")

HelpText = str | Callable[[], str | None] | None

Shorts = Mapping[tuple[type, str], str]
"""A flag that is short for a setting, by the dataclass of the setting and its name."""

VALUES = {
    "alias": "NAME",
    "cohort": "NAME",
    "cron": "CRON",
    "device": "DEVICE",
    "experiment": "NAME",
    "family": "FAMILY",
    "frozen": "PART",
    "holdout": "none|odd|even|3,5",
    "host": "URL",
    "jobs": "N",
    "label_table": "TABLE",
    "like": "NETWORK",
    "network": "NETWORK",
    "prior": "NETWORK",
    "recipe": "NETWORK",
    "recurring": "CRON",
    "register": "NAME",
    "results": "PLACE",
    "segmenter": "NETWORK",
    "start_from": "NETWORK",
    "subject": "ID",
    "subjects": "ID,ID,…",
    "tracking_uri": "URI",
    "truth": "PLACE",
    "ui": "URL",
    "where": "CONDITION",
}
"""What the value of a text is called, by the name of its flag; other values are called by unit or type."""

_UNITS = {
    "_mm": "MM", "_mm2": "MM2", "_ms": "MS", "_ml": "ML", "_deg": "DEGREES", "_percent": "PERCENT",
    "_seconds": "SECONDS", "_fraction": "0…1", "_uri": "URI", "_file": "FILE", "_env": "VARIABLE", "_name": "NAME",
}  # fmt: skip
_TYPES = {str: "TEXT", int: "N", float: "NUMBER", Path: "PATH"}


def parsed(
    form: type[Form],
    prog: str,
    words: Sequence[str],
    *,
    default: Form | None = None,
    shorts: Shorts | None = None,
) -> Form:
    """Read the words after a command.

    Args:
        form: Dataclass of what the command takes.
        prog: The command in its help, such as `cardioscar run`.
        words: Words after it.
        default: What counts where nothing is said; by default the form's own.
        shorts: Flags that the help lists beside those that they are short for.

    Returns:
        The form, filled in. Help and wrong usage end the process, as tyro does, with 0 and 2.
    """
    with _spoken(shorts or {}):
        if default is None:
            return tyro.cli(form, prog=prog, args=words)
        return tyro.cli(form, prog=prog, args=words, default=default)


def value_name(name: str, kind: Any) -> str | None:
    """What help calls the value of a flag; None where its type says best, as choices and switches do.

    >>> value_name("edge_mm", float), value_name("tracking_uri", str), value_name("steps", int | None)
    ('MM', 'URI', 'N')
    >>> value_name("where", tuple[str, ...]), value_name("wall_mm", tuple[float, float] | None)
    ('CONDITION …', 'MM MM')
    >>> value_name("quiet", bool) is None
    True
    """
    inner = _without_none(kind)
    if get_origin(inner) is tuple:
        each, *others = get_args(inner)
        one = value_name(name, each)
        return one and (f"{one} …" if others == [Ellipsis] else " ".join([one] * (1 + len(others))))
    if get_origin(inner) is Literal and inner is not kind:
        return f"{{{','.join(map(str, get_args(inner)))}}}"
    if inner not in _TYPES:
        return None
    if inner is str and name in VALUES:
        return VALUES[name]
    return next((unit for end, unit in _UNITS.items() if name.endswith(end)), _TYPES[inner])


@contextmanager
def _spoken(shorts: Shorts) -> Iterator[None]:
    """Let tyro call values by what they mean while a form is read."""
    registry, asking = ConstructorRegistry(), False

    @registry.struct_rule
    def rule(info: StructTypeInfo) -> StructConstructorSpec | None:
        nonlocal asking
        if asking or not dataclasses.is_dataclass(info.type):
            return None
        asking = True  # what tyro itself makes of the form is what is spoken of
        try:
            spec = ConstructorRegistry.get_struct_spec(info)
        finally:
            asking = False
        if not isinstance(spec, StructConstructorSpec):
            return None
        owner = info.type
        fields = tuple(
            dataclasses.replace(
                one, type=_annotated(one, shorts.get((owner, one.name), "")), helptext=_in_one_line(one.helptext)
            )
            for one in spec.fields
        )
        return dataclasses.replace(spec, fields=fields)

    with registry:
        yield


def _annotated(field: StructFieldSpec, short: str) -> Any:
    """The type of a field with the name of its value, its short flag, and no word on a default that says nothing."""
    kind: Any = field.type
    told: list[Any] = []
    if get_origin(kind) is Annotated:
        kind, *told = get_args(kind)
    named = any(getattr(one, "metavar", None) for one in told)
    more: dict[str, Any] = {} if named else {"metavar": value_name(field.name, kind)}
    if short:
        more["aliases"] = [short]
    if field.default in ("", None, ()) and not isinstance(field.default, bool):
        more["help_behavior_hint"] = ""
    elif get_origin(kind) is tuple and not isinstance(field.default, tuple):
        more["help_behavior_hint"] = "(required)"  # as for any other that has no default
    if not any(more.values()) and "help_behavior_hint" not in more:
        return field.type
    return Annotated[(field.type, tyro.conf.arg(**more))]


def _in_one_line(text: HelpText) -> HelpText:
    """Docstrings are wrapped for the eyes of another reader."""
    if callable(text):
        return lambda: _in_one_line(text())  # type: ignore[return-value] # a text gives a text
    return None if text is None else " ".join(text.split())


def _without_none(kind: Any) -> Any:
    if get_origin(kind) in (Union, types.UnionType):
        inner = [one for one in get_args(kind) if one is not type(None)]
        return inner[0] if len(inner) == 1 else kind
    return kind
