"""Indices of every slice and frame as a table."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import numpy as np

from cardioscar.errors import PlatformError
from cardioscar.files.atomic import atomic_file
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


def _cell(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else ""
