"""Which code a result depends on, so that a result of other code is not taken for one of this code."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = "cardioscar"


@cache
def fingerprint(*modules: str) -> str:
    """Hash of the sources of modules and of all that they import from the package, functions' imports included,
    and of the files in a folder `weights` beside them.

    >>> fingerprint("cardioscar.errors") == fingerprint("cardioscar.types")
    False
    """
    found: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        path = _source(name)
        if path is None:
            continue
        text = path.read_text(encoding="utf-8")
        digest = hashlib.sha256(text.encode())
        if path.name != "__init__.py":
            for weights in sorted((path.parent / "weights").rglob("*.*")):
                digest.update(weights.read_bytes())
        found[name] = digest.hexdigest()
        waiting += _imports(text)
    return hashlib.sha256(" ".join(f"{k} {found[k]}" for k in sorted(found)).encode()).hexdigest()[:16]


def _source(name: str) -> Path | None:
    """File of a module; None for a name that is no module (`from a import function`)."""
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin) if spec is not None and spec.origin is not None else None


def _imports(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        yield from (name for name in names if name.split(".")[0] == PACKAGE)
