"""Write page and JSON schema of `metrics.json` from its dataclasses: `python -m docs.metrics_page [--check]`."""

import argparse
import dataclasses
import json
import sys
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cardioscar.scar3d.quality.result import SubjectMetrics
from cardioscar.scar3d.quality.sometimes import is_sometimes
from docs.fields import texts

PAGE = Path(__file__).resolve().parent / "reference" / "metrics.md"
SCHEMA = PAGE.with_name("metrics.schema.json")

_HEAD = """# `metrics.json`: what is said of a map in numbers

One file of JSON for each subject, among its [published results](../reference.md). Lengths are millimetres, volumes
millilitres, directions and points LPS: towards the patient's left, back and head. A key marked *if known* is left out
where there is nothing to say; `null` means that a number is undefined or was not asked for, as its line says. Numbers
of a fit that diverged may be `NaN` or `Infinity`, as Python writes them.

A file of another version, with keys that this one does not know or without some that it needs, is refused: the
subject's row in the cohort's table says so. The same as a schema, for programs:
[metrics.schema.json](metrics.schema.json).

"""

_TAIL = """
## Where the numbers come from

`channels`, `channel_draws` and the transmurality of the segments are those of `electrophysiology.json` of `infer`,
`intervals` those of its `intervals.json`. Its `inference.json` has two keys, `posterior`
([PosteriorSummary](#posteriorsummary)) and `coverage` ([Coverage](#coverage)), as here. What is behind scar, border
zone, channels and verdict: [what the stages read and write](../reference.md).

This page and the schema are written from the code: `python -m docs.metrics_page`.
"""

_NUMBERS = {int: "whole number", float: "number", str: "text", bool: "true or false"}
_TYPES = {int: "integer", float: "number", str: "string", bool: "boolean"}


def render() -> str:
    """Text of the page."""
    return _HEAD + "\n".join(_section(kind) for kind in _kinds(SubjectMetrics)) + _TAIL


def schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12); objects take no other keys."""
    kinds = list(_kinds(SubjectMetrics))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "metrics.json of cardioscar",
        **_object(kinds[0]),
        "$defs": {kind.__name__: _object(kind) for kind in kinds[1:]},
    }


def _kinds(kind: type) -> Iterator[type]:
    """A dataclass and those within it, each once, in the order in which a reader meets them."""
    found = {kind: None}
    queue = [kind]
    while queue:
        for hint in typing.get_type_hints(queue.pop(0)).values():
            for inner in _dataclasses(hint):
                if inner not in found:
                    found[inner] = None
                    queue.append(inner)
    return iter(found)


def _dataclasses(hint: Any) -> Iterator[type]:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        yield hint
    for inner in typing.get_args(hint):
        yield from _dataclasses(inner)


def _section(kind: type) -> str:
    said, hints = texts(kind), typing.get_type_hints(kind)
    title = "Keys" if kind is SubjectMetrics else kind.__name__
    lines = [f"## {title}", "", f"{kind.__doc__}", "", "| key | value | meaning |", "|---|---|---|"]
    for one in dataclasses.fields(kind):
        value = _value(hints[one.name], null=not is_sometimes(one))
        lines.append(f"| `{one.name}` | {value}{', if known' if is_sometimes(one) else ''} | {said[one.name]} |")
    return "\n".join(lines) + "\n"


def _value(hint: Any, *, null: bool = True) -> str:
    """What a key holds, in words."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return f"[{hint.__name__}](#{hint.__name__.lower()})"
    if origin in (typing.Union, types.UnionType):
        [known] = [one for one in inner if one is not type(None)]
        return _value(known) + (" or null" if null else "")
    if origin is typing.Literal:
        return ", ".join(f"`{one}`" for one in inner)
    if origin is Mapping:
        return f"keys, each {_value(inner[1])}"
    if origin is tuple:
        return f"list of {_value(inner[0])}" if inner[-1] is Ellipsis else f"{len(inner)} × {_value(inner[0])}"
    return _NUMBERS[hint]


def _object(kind: type) -> dict[str, Any]:
    said, hints = texts(kind), typing.get_type_hints(kind)
    fields = dataclasses.fields(kind)
    return {
        "description": kind.__doc__,
        "type": "object",
        "additionalProperties": False,
        "required": [one.name for one in fields if not is_sometimes(one)],
        "properties": {
            one.name: {"description": said[one.name], **_schema(hints[one.name], null=not is_sometimes(one))}
            for one in fields
        },
    }


def _schema(hint: Any, *, null: bool = True) -> dict[str, Any]:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return {"$ref": f"#/$defs/{hint.__name__}"}
    if origin in (typing.Union, types.UnionType):
        [known] = [one for one in inner if one is not type(None)]
        return {"anyOf": [_schema(known), {"type": "null"}]} if null else _schema(known)
    if origin is typing.Literal:
        return {"enum": list(inner)}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _schema(inner[1])}
    if origin is tuple:
        length = {} if inner[-1] is Ellipsis else {"minItems": len(inner), "maxItems": len(inner)}
        return {"type": "array", "items": _schema(inner[0]), **length}
    return {"type": _TYPES[hint]}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check page and schema; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where one is not current")
    check = parser.parse_args(arguments).check
    code = 0
    for path, text in ((PAGE, render()), (SCHEMA, json.dumps(schema(), indent=1, ensure_ascii=False) + "\n")):
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        if check:
            sys.stderr.write(f"{path.name}: is not current\n")
            code = 1
        else:
            path.write_text(text, encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
