"""A reader of openCARP meshes from the format's public documentation alone; it shares no code with the package.

openCARP user manual, "Mesh file formats": `.pts` a count and a node a line in micrometres; `.elem` a count, then type,
nodes and region of each element; `.lon` 1 or 2 directions, then unit vectors of each element; `.vtx` a count, the
domain, then an index a line.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class CarpMesh:
    points_um: np.ndarray
    tetrahedra: np.ndarray
    regions: np.ndarray
    fibres: np.ndarray
    sheets: np.ndarray
    surfaces: dict[str, np.ndarray]

    def signed_volumes_ml(self) -> np.ndarray:
        a, b, c, d = (self.points_um[self.tetrahedra[:, k]] / 1e4 for k in range(4))  # cm
        return np.einsum("ij,ij->i", np.cross(b - a, c - a), d - a) / 6


def read(stem: Path) -> CarpMesh:
    def lines(ending: str) -> list[str]:
        return Path(f"{stem}{ending}").read_text(encoding="ascii").splitlines()

    count, *rest = lines(".pts")
    points = np.array([row.split() for row in rest], dtype=float)
    assert points.shape == (int(count), 3)
    count, *rest = lines(".elem")
    rows = [row.split() for row in rest]
    assert len(rows) == int(count)
    assert {(row[0], len(row)) for row in rows} == {("Tt", 6)}
    elements = np.array([row[1:] for row in rows], dtype=int)
    axes, *rest = lines(".lon")
    assert axes == "2"
    directions = np.array([row.split() for row in rest], dtype=float)
    assert directions.shape == (len(elements), 6)
    surfaces = {}
    for name in ("endo", "epi"):
        count, domain, *rest = lines(f"_{name}.vtx")
        assert domain in ("intra", "extra")
        assert len(rest) == int(count)
        surfaces[name] = np.array(rest, dtype=int)
    return CarpMesh(points, elements[:, :4], elements[:, 4], directions[:, :3], directions[:, 3:], surfaces)
