"""The activation map of a subject: on its mesh, else on a wall of usual form; or a sentence why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cardioscar.activation.formats.place_files import places_of
from cardioscar.activation.mapping.kernel import MapConfig
from cardioscar.activation.mapping.on_mesh import MappedWall, map_on_wall
from cardioscar.activation.strain.matrix import StrainSlice
from cardioscar.activation.strain.sector_onsets import SectorOnsets
from cardioscar.activation.subject_settings import ActivationSettings

_APART_MM = 0.1


def mapped(
    strain: Path,
    slices: Sequence[StrainSlice],
    onsets: Sequence[SectorOnsets],
    mesh: Path | None,
    settings: ActivationSettings,
    config: MapConfig,
) -> tuple[MappedWall | None, str]:
    """Make the map.

    Args:
        strain: `strain.npz`, which may say where its slices lie.
        slices: What was read of it.
        onsets: Of each slice.
        mesh: File of the subject's mesh; None where there is none.
        settings: What the subject's settings say.
        config: What is taken for known of activation beforehand.

    Returns:
        The wall with its activation, or None and why.

    Raises:
        InputError: If slices and mesh are of different hearts, or the mesh cannot be read.
        GeometryError: If the mesh is no LV wall.
    """
    from cardioscar.imaging.formats.mesh_files import read_mesh

    if len(slices) < 2:
        return None, "one slice; a map along the ventricle takes two and more"
    places = places_of(strain, slices)
    known = [one.location_mm for one in slices]
    located = [one for one in known if one is not None]
    if len(located) < len(known) and any(one.axes is None for one in places):
        return None, f"{len(known) - len(located)} of {len(known)} slices do not say where they lie (location_mm)"
    if len(located) == len(known) and np.diff(np.sort(located)).min() < _APART_MM:
        return None, "two slices lie at the same place"
    septum, axis = settings.septum_direction, settings.apex_to_base
    wall = map_on_wall(
        onsets,
        places,
        None if mesh is None else read_mesh(mesh, frame=settings.mesh_frame),
        septum=np.array(septum) if septum is not None and len(septum) == 3 else None,
        apex_to_base=None if axis is None else np.array(axis),
        apex_mm=settings.apex_mm,
        base_mm=settings.base_mm,
        config=config,
    )
    return wall, ""
