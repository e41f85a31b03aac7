"""The true scar: a function of any point of the wall, never of the mesh or of the slices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cardioscar.phantom.config import ScarKind
from cardioscar.phantom.random_field import RandomField, draw_random_field
from cardioscar.phantom.shape import LVShape, WallCoordinates, direction_from_angles
from cardioscar.types import NodeMask, Points

# Centre of the infarct of each coronary artery: angle around (0 septum, 90 anterior, 180 lateral, 270
# inferior) and angle off the apex (90 at the base), degrees; the AHA segments that the artery usually feeds
# [@cerqueira2002].
TERRITORIES = {"LAD": (60.0, 48.0), "RCA": (285.0, 62.0), "LCX": (200.0, 60.0)}


@dataclass(frozen=True)
class Isthmus:
    """A corridor of living wall through a scar, bent along the wall and slanted through it.

    Attributes:
        width_mm: Width at the mid-wall.
        angle_rad: Angle between its middle and the long axis, positive towards the direction of rotation.
        curvature_per_mm: Bend along the wall; its radius is the inverse.
        slant: Sideways shift from endocardium to epicardium, as a multiple of the wall thickness.
    """

    width_mm: float
    angle_rad: float
    curvature_per_mm: float
    slant: float


@dataclass(frozen=True)
class ScarField:
    """Scar of one ventricle, defined at every point of its wall.

    An infarct spreads from the endocardium: within an uneven ellipse on the wall it reaches a depth that
    falls from the centre to the border. A patchy scar keeps the part of it where a random field is high; an
    isthmus is cut out.

    Attributes:
        shape: The wall.
        kind: Kind of scar.
        center: Direction of the infarct's centre (see `WallCoordinates`), shape (3,).
        radii_mm: Half extent on the wall along the long axis and around it.
        depth: Transmural depth at the centre; above 1 the centre is transmural.
        border: Random field that makes the border uneven.
        patches: Random field of a patchy scar.
        patch_threshold: Level above which the patchy field is scar.
        isthmus: The corridor of an isthmus scar.
    """

    shape: LVShape
    kind: ScarKind
    center: np.ndarray
    radii_mm: tuple[float, float]
    depth: float
    border: RandomField
    patches: RandomField | None = None
    patch_threshold: float = 0.0
    isthmus: Isthmus | None = None

    def __call__(self, points_mm: Points) -> NodeMask:
        """Whether points of the patient are scar, shape (points,); False outside the wall."""
        return self.evaluate(self.shape.coordinates(points_mm))[0]

    def evaluate(self, at: WallCoordinates) -> tuple[NodeMask, NodeMask]:
        """Scar, and living corridor within the scar's outline, at wall coordinates.

        Returns:
            Two masks of shape (points,). Both are False outside the wall, and they never overlap.
        """
        scar, corridor = np.zeros(len(at.transmural), dtype=bool), np.zeros(len(at.transmural), dtype=bool)
        if self.kind == "none":
            return scar, corridor
        # Only the half of the heart around the infarct can be scar; the rest need not be computed.
        near = np.flatnonzero(at.in_wall & (at.direction @ self.center > -0.2))
        around_mm, up_mm, middle_mm = self._wall_mm(at.direction[near])
        spread = np.hypot(up_mm / self.radii_mm[0], around_mm / self.radii_mm[1])
        spread = np.maximum(spread + 0.13 * self.border(middle_mm), 0)
        reach = self.depth * np.sqrt(np.clip(1 - spread**3, 0, None))
        depth = at.transmural[near]
        # Without the first condition, a node of the endocardium that rounding puts at -1e-15 would be scar.
        infarct = (spread < 1) & (depth < reach)
        if self.patches is not None:
            infarct &= self.patches(at.local_mm[near]) > self.patch_threshold
        alive = np.zeros(len(near), dtype=bool)
        if self.isthmus is not None:
            alive = infarct & self._in_isthmus(around_mm, up_mm, depth)
        scar[near] = infarct & ~alive
        corridor[near] = alive
        return scar, corridor

    def _wall_mm(self, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Distance from the infarct's centre along the mid-wall, around and up, and the mid-wall points.

        The chord in space gives the bearing; the arc of the circle with the wall's curvature in that bearing
        (Euler's theorem) gives the length. Unlike latitude and longitude this has no pole at the apex.
        """
        half = np.full(len(direction), 0.5)
        middle = self.shape.place(direction, half).local_mm
        origin, around, up, bend_around, bend_up = self._tangent_frame()
        chord = middle - origin
        x, y = chord @ around, chord @ up
        bearing = np.maximum(np.hypot(x, y), 1e-9)
        bend = bend_around * (x / bearing) ** 2 + bend_up * (y / bearing) ** 2
        length = np.linalg.norm(chord, axis=1)
        arc = 2 / bend * np.arcsin(np.clip(length * bend / 2, 0, 1))
        return arc * x / bearing, arc * y / bearing, middle

    def _tangent_frame(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, float]:
        """Mid-wall point at the centre, tangents around and up, and the curvature along each (1/mm)."""
        meridian, rotation = np.arccos(-self.center[2]), np.arctan2(self.center[1], self.center[0])
        step = 0.05
        angles = np.array([[0, 0], [0, -step], [0, step], [-step, 0], [step, 0]])
        # Equal steps on the sphere of directions: around the axis they shrink with the sine.
        around_step = angles[:, 1] / max(np.sin(meridian), 0.1)
        points = self.shape.place(
            direction_from_angles(meridian + angles[:, 0], rotation + around_step), np.full(5, 0.5)
        ).local_mm
        origin, west, east, down, above = points
        around = (east - west) / np.linalg.norm(east - west)
        up = (above - down) - ((above - down) @ around) * around
        up /= np.linalg.norm(up)

        def bend(before: np.ndarray, after: np.ndarray) -> float:
            half_mm = np.linalg.norm(after - before) / 2
            sagitta = np.linalg.norm(origin - (before + after) / 2)
            return float(2 * sagitta / (half_mm**2 + sagitta**2))

        return origin, around, up, bend(west, east), bend(down, above)

    def _in_isthmus(self, around_mm: np.ndarray, up_mm: np.ndarray, depth: np.ndarray) -> np.ndarray:
        path = self.isthmus
        assert path is not None
        sine, cosine = np.sin(path.angle_rad), np.cos(path.angle_rad)
        along = up_mm * cosine + around_mm * sine
        across = around_mm * cosine - up_mm * sine - path.slant * self.shape.wall_mm * (depth - 0.5)
        across -= path.curvature_per_mm * along**2 / 2
        # Distance to a parabola, to first order: the sideways distance times the cosine of its slope.
        return np.abs(across) < path.width_mm / 2 * np.sqrt(1 + (path.curvature_per_mm * along) ** 2)


def draw_center(rng: np.random.Generator) -> tuple[str, np.ndarray]:
    """Draw the coronary territory of an infarct and the direction of its centre within it."""
    artery = str(rng.choice(list(TERRITORIES), p=[0.45, 0.30, 0.25]))
    rotation, meridian = np.radians(TERRITORIES[artery]) + rng.uniform([-0.35, -0.15], [0.35, 0.15])
    return artery, direction_from_angles(meridian, rotation)


def draw_scar(
    rng: np.random.Generator,
    shape: LVShape,
    kind: ScarKind,
    center: np.ndarray,
    *,
    isthmus_width_mm: tuple[float, float],
    isthmus_angle_deg: tuple[float, float],
) -> ScarField:
    """Draw the scar of one ventricle.

    Smooth scars range from subendocardial to transmural; patchy ones have patches of 4 to 6 mm; isthmus
    scars are transmural and large enough to hold a corridor.

    Args:
        rng: Source of the draws.
        shape: The wall.
        kind: Kind of scar.
        center: Direction of the infarct's centre, shape (3,).
        isthmus_width_mm: Range of the width of the corridor.
        isthmus_angle_deg: Range of its angle to the long axis.
    """
    radius = shape.cavity_radius_mm + shape.wall_mm + 1
    box = {
        "low_mm": np.array([-radius * 1.1, -radius * 1.1, -shape.length_mm - 2]),
        "high_mm": np.array([radius * 1.1, radius * 1.1, 2]),
    }
    border = draw_random_field(rng, **box, length_mm=9.0)
    if kind == "isthmus":
        path = Isthmus(
            width_mm=rng.uniform(*isthmus_width_mm),
            angle_rad=float(np.radians(rng.uniform(*isthmus_angle_deg)) * rng.choice([-1, 1])),
            curvature_per_mm=float(rng.choice([-1, 1]) / rng.uniform(25, 50)),
            slant=rng.uniform(-0.4, 0.4),
        )
        radii = (rng.uniform(24, 33), rng.uniform(22, 31))
        return ScarField(shape, kind, center, radii, rng.uniform(1.1, 1.5), border, isthmus=path)
    if kind == "patchy":
        patches = draw_random_field(rng, **box, length_mm=rng.uniform(4, 6))
        radii = (rng.uniform(24, 34), rng.uniform(22, 33))
        threshold = rng.uniform(-0.4, 0.1)
        return ScarField(shape, kind, center, radii, rng.uniform(0.8, 1.4), border, patches, threshold)
    radii = (rng.uniform(21, 35), rng.uniform(19, 32))
    return ScarField(shape, kind, center, radii, rng.uniform(0.55, 1.4), border)
