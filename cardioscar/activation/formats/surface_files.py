"""Surfaces of the left ventricle, one file a frame, whose nodes keep their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cardioscar.activation.formats.given import Given
from cardioscar.activation.strain.surfaces import MovingSurface
from cardioscar.errors import InputError
from cardioscar.imaging.formats.mesh_files import read_surface

_MOST_FRAMES = 500


def read_moving_surface(
    paths: Sequence[Path],
    given: Given = Given(),
    *,
    frame: str | None = None,
) -> MovingSurface:
    """Read the frames of a moving surface.

    Args:
        paths: One file for each frame, in their order, each as `read_surface` reads it.
        given: Frame times.
        frame: Frame of the files' coordinates, `LPS` or `RAS`; None takes the one that they state, else LPS.

    Raises:
        InputError: If there are fewer than two frames, two differ in their nodes or triangles, or nobody states the
            frame times.
    """
    if not 2 <= len(paths) <= _MOST_FRAMES:
        raise InputError("surfaces", f"2 to {_MOST_FRAMES} frames", f"{len(paths)}")
    nodes: list[np.ndarray] = []
    triangles: np.ndarray | None = None
    for path in paths:
        surface = read_surface(path, frame=frame)
        faces = np.asarray(surface.faces).reshape(-1, 4)[:, 1:].astype(np.int64)
        if triangles is None:
            triangles = faces
        if len(surface.points) != len(nodes[0] if nodes else surface.points) or not np.array_equal(faces, triangles):
            rule = "the nodes and triangles of the first frame, moved"
            raise InputError(path.name, rule, f"{len(surface.points)} nodes, {len(faces)} triangles of another surface")
        nodes.append(np.asarray(surface.points, dtype=np.float64))
    assert triangles is not None
    times = given.times(None, len(paths), where=paths[0].name)
    return MovingSurface(np.stack(nodes), triangles, times, source=paths[0].name)
