"""Finished trials, one JSON line each, so that an interrupted run goes on and drawing again is free."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.reconstruction.sources import fingerprint
from benchmarks.reconstruction.trial import Trial
from cardioscar.scar3d.methods.method import Method

MEASURES = ("benchmarks.reconstruction.accuracy", "benchmarks.reconstruction.coverage")

FORMAT = 3
"""Raised when rows hold other things than before; rows of another format are passed over."""

Row = dict[str, Any]


class Results:
    """A file of finished trials; of two lines with one key the later counts.

    Args:
        path: The file; made with its folder at the first row.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: dict[str, Row] = {}
        if path.is_file():
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    row = json.loads(line)
                except ValueError:
                    continue  # the line that an interrupted run was writing
                if row.get("format") == FORMAT:
                    self._rows.pop(row["key"], None)
                    self._rows[row["key"]] = row

    def get(self, key: str) -> Row | None:
        """The row of a key."""
        return self._rows.get(key)

    def add(self, row: Row) -> None:
        """Keep a row."""
        row = {"format": FORMAT, **row}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")
        self._rows.pop(row["key"], None)
        self._rows[row["key"]] = row

    def newest(self) -> Iterable[Row]:
        """The latest row of each method, case, number of nodes and seed, whatever code made it."""
        latest: dict[tuple[Any, ...], Row] = {}
        for row in self._rows.values():
            latest[row["method"], row["case"], row["nodes_wanted"], row["seed"]] = row
        return latest.values()


def trial_key(trial: Trial, method: Method) -> str:
    """What a result depends on: settings and code of method and measures, the case, seed and number of draws."""
    settings = re.sub(r" at 0x[0-9a-f]+", "", repr(method))
    parts = (
        trial.method, settings, fingerprint(*sorted(_modules(method))), trial.case.name, trial.seed, trial.draws,
        fingerprint(*MEASURES),
    )  # fmt: skip
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:20]


def _modules(thing: object) -> set[str]:
    """Modules of a method and of all that its settings hold."""
    found = {type(thing).__module__} if type(thing).__module__.startswith("cardioscar") else set()
    held: Iterable[object] = ()
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        held = [getattr(thing, field.name) for field in dataclasses.fields(thing)]
    elif isinstance(thing, (tuple, list)):
        held = thing
    for part in held:
        found |= _modules(part)
    return found
