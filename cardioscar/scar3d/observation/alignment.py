"""Slices moved to where the heart was, before anything is read off them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cardioscar.imaging.alignment.axis_alignment import shifts_to_axis
from cardioscar.imaging.alignment.slice_alignment import SliceShift, shifts_to_mesh
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.slices import SliceStack, stack_from_volume
from cardioscar.imaging.volume import Volume
from cardioscar.scar3d.observation.drawn_labels import wall_mask
from cardioscar.scar3d.observation.misplaced import misplaced

log = logging.getLogger(__name__)


def shifts_before_meshing(labels: Volume, how: str, files: Mapping[str, Path]) -> list[SliceShift]:
    """Shifts that a mesh built from the labels is to be freed of; empty where none are looked for.

    Args:
        labels: Label volume, from which the mesh is built.
        how: Only `axis` looks for shifts here: labels cannot be compared with a mesh that follows them.
        files: The subject's files; grid layers number their slices in a way of their own and stay where they are.
    """
    if how != "axis" or ("scar" in files and files["scar"].is_dir()):
        return []
    return shifts_to_axis(stack_from_volume(labels, observed=wall_mask(labels)))


def shifts_to_own_mesh(mesh: LVMesh, stack: SliceStack, how: str, *, drawn: bool) -> list[SliceShift]:
    """Shifts of the slices against a mesh that came with the subject.

    Args:
        mesh: The subject's mesh.
        stack: Slices whose observed pixels are the wall.
        how: `off` looks for none.
        drawn: Whether a reader drew the wall; one that was cut out of the mesh itself says nothing.
    """
    return shifts_to_mesh(mesh, stack) if drawn and how != "off" else []


def moved_mm(shifts: Sequence[SliceShift]) -> dict[int, np.ndarray]:
    """Shifts that are applied, by slice number."""
    return {row.number: row.shift_mm for row in shifts if row.applied}


def shift_facts(shifts: Sequence[SliceShift]) -> dict[str, dict[str, Any]]:
    """What `preprocess.json` says of each slice's shift, by slice number as text; logs what was found."""
    moved = [float(np.linalg.norm(shift)) for shift in moved_mm(shifts).values()]
    if moved:
        log.info("%d of %d slices aligned, by up to %.1f mm", len(moved), len(shifts), max(moved))
    facts = {str(row.number): _facts(row) for row in shifts}
    for text in misplaced(facts):
        log.warning("%s", text)
    return facts


def _facts(row: SliceShift) -> dict[str, Any]:
    return {
        "i": round(float(row.shift_mm[0]), 3),
        "j": round(float(row.shift_mm[1]), 3),
        "error": round(row.error_mm, 3) if np.isfinite(row.error_mm) else None,
        "overlap": None if row.overlap is None else round(row.overlap, 3),
        "finding": row.finding,
    }
