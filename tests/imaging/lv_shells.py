"""LV walls whose coordinates are known in closed form."""

from __future__ import annotations

import numpy as np
import pyvista as pv
from scipy.spatial.transform import Rotation

from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.volume import Volume


class ConfocalShell:
    """Half of a shell between two confocal prolate ellipsoids, long axis z, base at z = 0, apex at negative
    z.

    In prolate spheroidal coordinates, x = f sinh μ sin ν cos φ, z = -f cosh μ cos ν, Laplace's equation
    separates: between μ = const it is solved by log tanh(μ/2), and the plane z = 0 is met without flux.
    """

    focus_mm = 55.0
    endo, epi = 0.38, 0.55
    """μ of the surfaces: half axes 21 and 59 mm inside, 32 and 64 mm outside."""

    def __init__(self, *, layers: int = 5, rings: int = 24, sectors: int = 36, cut_nu: float = 0.0) -> None:
        """`cut_nu` > 0 cuts the apex off along the hyperboloid ν = `cut_nu`."""
        mu = np.linspace(self.endo, self.epi, layers + 1)
        closed = cut_nu == 0
        nu = np.linspace(cut_nu, np.pi / 2, rings + 1)
        phi = 2 * np.pi * np.arange(sectors) / sectors
        m, n, p = (a.ravel() for a in np.meshgrid(mu, nu[1:] if closed else nu, phi, indexing="ij"))
        if closed:
            m, n, p = np.append(m, mu), np.append(n, np.zeros(layers + 1)), np.append(p, np.zeros(layers + 1))
        self.mu, self.nu, self.phi = m, n, p
        points = self.focus_mm * np.column_stack(
            [np.sinh(m) * np.sin(n) * np.cos(p), np.sinh(m) * np.sin(n) * np.sin(p), -np.cosh(m) * np.cos(n)]
        )
        rows = rings if closed else rings + 1
        index = np.arange((layers + 1) * rows * sectors).reshape(layers + 1, rows, sectors)
        pole = len(points) - (layers + 1)
        after = np.roll(index, -1, axis=2)
        inner = (index[:-1, :-1], index[:-1, 1:], after[:-1, 1:], after[:-1, :-1])
        outer = (index[1:, :-1], index[1:, 1:], after[1:, 1:], after[1:, :-1])
        hexahedra = np.stack([a.ravel() for a in inner + outer], axis=1)
        cells = {pv.CellType.HEXAHEDRON: hexahedra}
        if closed:
            layer = np.repeat(np.arange(layers), sectors)
            lower = [pole + layer, index[:-1, 0].ravel(), after[:-1, 0].ravel()]
            upper = [pole + layer + 1, index[1:, 0].ravel(), after[1:, 0].ravel()]
            cells[pv.CellType.WEDGE] = np.stack(lower + upper, axis=1)
        self.points = points
        self.cells = cells

    def mesh(self, rotation: Rotation | None = None, shift_mm: np.ndarray | None = None) -> LVMesh:
        points = self.points if rotation is None else rotation.apply(self.points)
        return LVMesh(pv.UnstructuredGrid(self.cells, points + (0 if shift_mm is None else shift_mm)), "shell")

    @property
    def transmural(self) -> np.ndarray:
        inner, outer = (np.log(np.tanh(s / 2)) for s in (self.endo, self.epi))
        return (np.log(np.tanh(self.mu / 2)) - inner) / (outer - inner)

    @property
    def height(self) -> np.ndarray:
        """Mean height across the wall of the hyperboloid of each node, 0 at the apex, 1 at the base."""
        return (np.cos(self.nu.min()) - np.cos(self.nu)) / np.cos(self.nu.min())


def labelled_shell(
    *,
    spacing: tuple[float, float, float] = (1.4, 1.4, 8.0),
    axis: int = 2,
    rotation: Rotation | None = None,
    outer_mm: float = 30.0,
    inner_mm: float = 20.0,
    length_mm: float = 70.0,
    wall_label: int = 1,
    blood_label: int = 2,
) -> Volume:
    """Labels of a half-ellipsoidal wall that is closed at the apex, base at the last slice.

    The slices lie across array axis `axis`; the LV points along it.
    """
    size = [int(np.ceil(2.4 * outer_mm / spacing[0])), int(np.ceil(2.4 * outer_mm / spacing[1]))]
    count = int(np.ceil(length_mm / spacing[2])) + 2
    x = (np.arange(size[0]) - (size[0] - 1) / 2) * spacing[0]
    y = (np.arange(size[1]) - (size[1] - 1) / 2) * spacing[1]
    z = (np.arange(count) - count + 2.5) * spacing[2]
    x, y, z = np.meshgrid(x, y, z, indexing="ij")
    radius2 = x**2 + y**2
    base = z <= 0
    epi = (radius2 / outer_mm**2 + (z / length_mm) ** 2 < 1) & base
    endo = (radius2 / inner_mm**2 + (z / (length_mm - outer_mm + inner_mm)) ** 2 < 1) & base
    values = np.where(endo, blood_label, np.where(epi, wall_label, 0)).astype(np.uint8)
    turn = Rotation.identity() if rotation is None else rotation
    affine = np.eye(4)
    affine[:3, :3] = turn.as_matrix() * np.array(spacing)
    affine[:3, 3] = [12.0, -40.0, 7.0]
    if axis != 2:
        affine[:3, [axis, 2]] = affine[:3, [2, axis]]
        values = np.swapaxes(values, 2, axis)
    return Volume(values, affine, "labels.nii.gz")


def wall_ml(labels: Volume) -> float:
    return float(np.isin(labels.values, (1, 3)).sum() * labels.voxel_ml)
