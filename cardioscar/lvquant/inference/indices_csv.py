"""Indices of every slice and frame as a table."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import numpy as np

from cardioscar.errors import InputError, PlatformError
from cardioscar.files.atomic import atomic_file
from cardioscar.lvquant.agreement import FrameIndices
from cardioscar.lvquant.inference.quantify import QuantifiedCine
from cardioscar.lvquant.sectors import DIMENSIONS, SECTORS

INDICES = (
    "cavity_mm2", "myocardium_mm2",
    *(f"dimension_{name.replace('-', '_').lower()}_mm" for name in DIMENSIONS),
    *(f"thickness_{name.lower()}_mm" for name in SECTORS),
)  # fmt: skip
"""The eleven indices."""
COLUMNS = ("slice", "frame", *INDICES, "systole", *(f"{name}_regressed" for name in INDICES), "systole_chance")
"""Columns of the table: indices measured from the segmentation, then the same as the network regresses them."""


def indices_csv(found: QuantifiedCine) -> str:
    """The table as text; empty where a slice shows no cavity.

    Slices have the number of the file, frames their place in the beat, both from 0; slices stand in order from the
    apex to the base.
    """
    measured, regressed = found.measured, found.regressed
    own = np.concatenate(
        [measured.cavity_mm2[..., None], measured.myocardium_mm2[..., None], measured.dimensions_mm,
         measured.thickness_mm], axis=-1,
    )  # fmt: skip
    heads = np.concatenate([regressed.areas_mm2, regressed.dimensions_mm, regressed.thickness_mm], axis=-1)
    numbers = found.labels.slice_numbers or tuple(range(found.labels.slices))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for k, number in enumerate(numbers):
        for t in range(found.labels.frames):
            phase = "" if measured.systole is None else int(measured.systole[t])
            chance = _cell(float(regressed.systole[k, t]))
            table.writerow([number, t, *map(_cell, own[k, t]), phase, *map(_cell, heads[k, t]), chance])
    return text.getvalue()


def write_indices_csv(path: Path, found: QuantifiedCine) -> None:
    """Write the table; the file appears whole or not at all.

    Raises:
        PlatformError: If it cannot be written.
    """
    try:
        with atomic_file(path) as partial:
            partial.write_text(indices_csv(found), encoding="utf-8")
    except OSError:
        raise PlatformError(f"{path.name}: could not be written (folder missing or disk full?)") from None


def read_indices_csv(path: Path) -> list[tuple[FrameIndices, FrameIndices]]:
    """Read a table that `write_indices_csv` wrote.

    Returns:
        Of each slice, from the apex to the base, the measured indices and the regressed ones, frame by frame; the phase
        of the regressed is that of the slice.

    Raises:
        InputError: If it is no such table.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
        if not rows or tuple(rows[0]) != COLUMNS:
            raise ValueError("other columns")
        frames = 1 + max(int(row["frame"]) for row in rows)
        parts = [rows[first : first + frames] for first in range(0, len(rows), frames)]
        if any([int(row["frame"]) for row in part] != list(range(frames)) for part in parts):
            raise ValueError("other rows")
        return [(_way(part, "", "systole"), _way(part, "_regressed", "systole_chance")) for part in parts]
    except OSError:
        raise InputError(path.name, "a table of indices", "none that can be read") from None
    except (ValueError, TypeError, KeyError, UnicodeDecodeError):
        raise InputError(path.name, "the table of indices that cardioscar writes", "another") from None


def _way(rows: list[dict[str, str]], ending: str, phase: str) -> FrameIndices:
    values = [[float(row[f"{name}{ending}"] or "nan") for name in INDICES] for row in rows]
    told = [row[phase] for row in rows]
    return FrameIndices(np.array(values), np.array([float(one) > 0.5 for one in told]) if all(told) else None)


def _cell(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else ""
