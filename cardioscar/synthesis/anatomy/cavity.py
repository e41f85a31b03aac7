"""What stands in the cavity: papillary muscles and trabeculae, dark in the blood and counted to it by readers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cardioscar.synthesis.anatomy.ventricle import Ventricle, WallPlaces


@dataclass(frozen=True)
class Papillary:
    """A muscle column that leans on the endocardium.

    Attributes:
        angle: Direction from the axis in radians, from septum (0) towards anterior.
        lowest: Height of its foot.
        highest: Height of its tip, where it becomes chords too thin to be seen.
        inward_mm: Distance of its middle from the endocardium; below its radius it is fused with the wall.
        half_mm: Half of its size across and along the radius.
    """

    angle: float
    lowest: float
    highest: float
    inward_mm: float
    half_mm: tuple[float, float]

    def holds(self, at: WallPlaces) -> np.ndarray:
        """Places inside of it."""
        turned = at.direction * np.complex64(np.exp(-1j * self.angle))
        along = (at.radius_mm * turned.real - (at.endo_mm - self.inward_mm)) / self.half_mm[1]
        across = at.radius_mm * turned.imag / self.half_mm[0]
        level = (at.height > self.lowest) & (at.height < self.highest)
        return level & (along**2 + across**2 < 1)


@dataclass(frozen=True)
class CavityMuscle:
    """Papillary muscles and trabeculae of a left ventricle.

    Attributes:
        papillary: The columns.
        trabeculae_mm: Depth of the trabecular layer; muscle and blood lie in each other there.
        trabeculae_share: Share of muscle in it.
    """

    papillary: tuple[Papillary, ...]
    trabeculae_mm: float
    trabeculae_share: float


def draw_cavity_muscle(rng: np.random.Generator, ventricle: Ventricle) -> CavityMuscle:
    """Draw papillary muscles, mostly the anterolateral and the posteromedial one, often with two heads each."""
    columns = []
    for middle in (2.2, -2.2):
        for _ in range(rng.choice([0, 1, 2, 3], p=[0.1, 0.5, 0.3, 0.1])):
            size = rng.uniform(2, 6) * min(ventricle.cavity_mm / 22, 1.3)
            columns.append(
                Papillary(
                    angle=float(rng.normal(middle, 0.4)),
                    lowest=rng.uniform(0.15, 0.4),
                    highest=rng.uniform(0.55, 0.85),
                    inward_mm=size * rng.uniform(0.3, 2.2),
                    half_mm=(size, size * rng.uniform(0.7, 1.6)),
                )
            )
    return CavityMuscle(tuple(columns), rng.uniform(0, 5), rng.uniform(0, 0.6))
