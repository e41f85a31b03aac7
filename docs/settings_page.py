"""Write the reference of the stages' settings, family by family: `python -m docs.settings_page [--check]`."""

from __future__ import annotations

import dataclasses
import sys
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cardioscar.stages.families import WORKFLOWS
from docs.fields import texts
from docs.written import keep, table

PAGE = Path(__file__).resolve().parent / "reference" / "settings.md"

_HEAD = """# Settings of the stages

A file of YAML, given as `--config settings.yaml`, names stages and their settings; what it leaves out keeps its
default, and flags win over it:

```yaml
preprocess: {holdout: odd, slice_thickness_mm: 8}
train: {steps: 300}
infer:
  posterior: {region_mm: 20}
```

On the command line the same are `--preprocess.holdout odd` and `--infer.posterior.region-mm 20`; on Kubeflow they go
into the parameters `preprocess_options`, `train_options` and so on. An unknown key or a wrong value is refused by name
before any work. What is set goes into the hash by which a finished subject is known again; settings marked *how* only
say how work is carried out, and do not.
"""
_TAIL = "\nThis page is written from the code: `python -m docs.settings_page`.\n"


def render() -> str:
    """Text of the page."""
    lines = [_HEAD]
    for workflow in WORKFLOWS:
        lines += [f"## {workflow.name}: {_lower(workflow.does)}", ""]
        for stage in workflow:
            rows = list(_rows(stage.config, ""))
            lines += [f"### {workflow.name}: `{stage.name}`", "", stage.does, ""]
            lines += [*(table(("key", "values", "default", "meaning"), rows) if rows else ["It has no settings."]), ""]
    return "\n".join(lines).rstrip() + "\n" + _TAIL


def _lower(text: str) -> str:
    return text[0].lower() + text[1:].removesuffix(".")


def _rows(config: type, prefix: str) -> Iterator[tuple[str, str, str, str]]:
    said, kinds = texts(config), typing.get_type_hints(config)
    blank: Any = config()
    for one in dataclasses.fields(config):
        kind, default = kinds[one.name], getattr(blank, one.name)
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            yield from _rows(kind, f"{prefix}{one.name}.")
        else:
            how = " *How.*" if one.metadata.get("execution") else ""
            yield f"`{prefix}{one.name}`", _values(kind), _default(default), said[one.name] + how


def _default(value: Any) -> str:
    """A default as YAML writes it."""
    words = {None: "–", "": "–", (): "–", True: "`true`", False: "`false`"}
    if value is None or value == "" or value == () or isinstance(value, bool):
        return words[value]
    return f"`{list(value) if isinstance(value, tuple) else value}`"


def _values(kind: Any) -> str:
    """What a setting takes, in words."""
    inner, origin = typing.get_args(kind), typing.get_origin(kind)
    if origin is typing.Literal:
        return ", ".join(f"`{one}`" for one in inner)
    if type(None) in inner:
        return _values(next(one for one in inner if one is not type(None)))
    if origin is tuple:
        what = _values(inner[0])
        return f"list: {what}" if inner[-1] is Ellipsis else f"{len(inner)} × {what}"
    return {bool: "true or false", int: "whole number", float: "number", str: "text"}.get(kind, "keys and values")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the page; returns the exit code."""
    return keep({PAGE: render()}, arguments, __doc__)


if __name__ == "__main__":
    sys.exit(main())
