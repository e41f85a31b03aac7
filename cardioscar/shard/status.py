"""`status.json`: what became of one subject in one stage."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cardioscar.config import from_mapping
from cardioscar.errors import ConfigError

FILE = "status.json"


@dataclass(frozen=True)
class Failure:
    """Why a subject failed."""

    kind: str
    """Class of the error: `input`, `geometry`, `config`, or the name of an unforeseen exception."""
    message: str
    """One line: file, rule and finding."""
    stage: str
    """Stage in which it failed."""


@dataclass(frozen=True)
class Status:
    """One row."""

    subject: str
    """Pseudonymous id."""
    stage: str
    """Stage that wrote the row."""
    outcome: Literal["ok", "failed", "skipped"]
    """`skipped`: the subject had failed in an earlier stage."""
    error: Failure | None = None
    """The reason, unless ok."""
    seconds: float = 0.0
    """Wall time of the stage in seconds."""
    peak_memory_mib: float = 0.0
    """Resident memory of the process at its highest during the stage's work on the subject, in MiB."""
    cuda_peak_memory_mib: float | None = None
    """The same of torch's memory on the GPU; null where it used none."""
    started: str = ""
    """UTC, ISO 8601."""
    version: str = ""
    """Version of cardioscar."""
    config_sha256: str = ""
    """Hash of the effective configuration."""
    config: dict[str, Any] = field(default_factory=dict)
    """The effective configuration."""
    inputs: dict[str, str] = field(default_factory=dict)
    """sha256 of each input file."""
    outputs: dict[str, str] = field(default_factory=dict)
    """sha256 of each output file."""
    warnings: list[str] = field(default_factory=list)
    """What the stage's work warned of, a sentence each; kept where the row is reused, and where the subject failed."""

    def answers(self, asked: Status) -> bool:
        """Whether this row of an earlier run stands for a new one: same outcome so far, settings, inputs and version.

        Times, memory and warnings say nothing here. A failure never stands: what made it fail may have passed.
        """
        return self.outcome != "failed" and all(
            getattr(self, name) == getattr(asked, name)
            for name in ("outcome", "error", "config_sha256", "inputs", "version")
        )


def write_status(folder: Path, status: Status) -> None:
    """Write `status.json` into a folder that is not yet visible under its final name."""
    text = json.dumps(dataclasses.asdict(status), indent=1, sort_keys=True) + "\n"
    (folder / FILE).write_text(text, encoding="utf-8")


def read_status(folder: Path) -> Status | None:
    """Read a subject folder's row; None where there is none, or none that can be read (a torn disk)."""
    try:
        return parse_status((folder / FILE).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None


def parse_status(data: bytes | None) -> Status | None:
    """The row in the bytes of a `status.json`; None where there are none, or none that can be read."""
    try:
        row = json.loads((data or b"").decode())
        error = from_mapping(Failure, row["error"], where=FILE) if row["error"] else None
        known = {f.name for f in dataclasses.fields(Status)}
        found = Status(**{k: v for k, v in row.items() if k in known} | {"error": error})
        return found if _is_sound(found) else None
    except (ValueError, LookupError, TypeError, ConfigError):
        return None


def _is_sound(row: Status) -> bool:
    """Whether what others rely on is of the kind that it should be: a file on a disk may hold anything."""
    hashes = {**row.inputs, **row.outputs}
    texts = (
        row.subject,
        row.stage,
        row.started,
        row.version,
        row.config_sha256,
        *hashes,
        *hashes.values(),
        *row.warnings,
    )
    is_known = row.outcome in ("ok", "failed", "skipped") and (row.outcome == "ok") == (row.error is None)
    return is_known and isinstance(row.config, dict) and all(isinstance(text, str) for text in texts)
