"""Cameras about the heart: where they stand, their light, the picture they take, the patient's axes in its corner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cardioscar.report.style import MUTED
from cardioscar.types import Points

PIXELS = (840, 980)
"""Width and height of a picture."""
_ELEVATION = np.radians(14)  # the camera stands a little above the base, so that the opening of the LV is seen


@dataclass(frozen=True)
class View:
    """A camera of parallel projection.

    Attributes:
        title: What it shows.
        direction: Unit vector from the heart to the camera, shape (3,), LPS.
        up: Unit vector that points up in the picture, shape (3,), LPS.
        cut_normal: Normal of the plane that opens the LV (the half it points to is kept), or None.
    """

    title: str
    direction: np.ndarray
    up: np.ndarray
    cut_normal: np.ndarray | None = None

    @property
    def right(self) -> np.ndarray:
        """Unit vector that points right in the picture."""
        return np.cross(self.up, self.direction)

    @property
    def caption(self) -> str:
        """The camera's side in words of anatomy.

        >>> View("", np.array([-0.7, -0.7, 0.1]), np.array([0.0, 0.0, 1.0])).caption
        'seen from the right and front'
        """
        words = (("left", "right"), ("back", "front"), ("above", "below"))
        said = [
            pair[0] if part > 0 else pair[1]
            for part, pair in zip(self.direction, words, strict=True)
            if abs(part) > 0.4  # cos 66°: at least one axis always passes (1/√3)
        ]
        sides, heights = [w for w in said if w in sum(words[:2], ())], [w for w in said if w in words[2]]
        return "seen from " + " and ".join(([f"the {' and '.join(sides)}"] if sides else []) + heights)


def standard_views(axis: np.ndarray, side: np.ndarray, side_name: str) -> tuple[View, View, View]:
    """Three cameras, base up: on the side of interest, the same wall from the cavity, and the opposite side."""

    def camera(title: str, toward: np.ndarray, cut: np.ndarray | None = None) -> View:
        direction = np.cos(_ELEVATION) * toward + np.sin(_ELEVATION) * axis
        up = np.cos(_ELEVATION) * axis - np.sin(_ELEVATION) * toward
        return View(title, direction, up, cut)

    return (
        camera(f"{side_name} side", side),
        camera(f"{side_name} side, from the cavity", -side, side),
        camera("Opposite side", -side),
    )


def half_height_mm(view: View, nodes_mm: Points) -> float:
    """Half the height of the picture that shows all nodes about their mid-point, in mm."""
    high, wide = np.ptp(nodes_mm @ view.up), np.ptp(nodes_mm @ view.right)
    return float(1.04 * max(high / 2, wide / 2 * PIXELS[1] / PIXELS[0]))


def photograph(
    plotter: Any, view: View, nodes_mm: Points, parallel_scale: float, *, see_through: bool = False
) -> np.ndarray:
    """Light a scene and take its picture.

    Args:
        plotter: A pyvista plotter with everything in it; the caller closes it.
        view: The camera.
        nodes_mm: Points whose mid-point is the centre of the picture, shape (points, 3).
        parallel_scale: Half the height of the picture in mm.
        see_through: Whether surfaces are translucent: they are then sorted by depth, which rules out multisampling.

    Returns:
        Shape (height, width, 3), uint8.
    """
    corners = np.column_stack([nodes_mm @ view.right, nodes_mm @ view.up, nodes_mm @ view.direction])
    centre = (corners.min(axis=0) + corners.max(axis=0)) / 2 @ np.array([view.right, view.up, view.direction])
    _light(plotter, view)
    plotter.camera.parallel_projection = True
    plotter.camera.focal_point = centre
    plotter.camera.position = centre + 500.0 * view.direction
    plotter.camera.up = view.up
    plotter.camera.parallel_scale = parallel_scale
    plotter.renderer.ResetCameraClippingRange()
    if see_through:
        plotter.enable_anti_aliasing("ssaa")
        plotter.enable_depth_peeling(number_of_peels=12)
    else:
        plotter.enable_anti_aliasing("msaa", multi_samples=8)
    return np.array(plotter.screenshot(None, return_img=True))


def _light(plotter: Any, view: View) -> None:
    """A key light over the camera's shoulder and a weak fill, fixed to the view so that all pictures are lit alike."""
    import pyvista as pv

    for aim, strength in (
        (view.direction + 0.55 * view.up - 0.45 * view.right, 0.85),
        (view.direction - 0.2 * view.up + 0.9 * view.right, 0.35),
    ):
        light = pv.Light(position=tuple(aim), focal_point=(0, 0, 0), intensity=strength)
        light.positional = False
        plotter.add_light(light)


def compass(figure: Figure, view: View, place: int, width: float) -> None:
    """Patient axes in the lower left corner: left, posterior, superior; faint where they point away from the eye."""
    size = 0.55 / figure.get_figwidth()
    axes = figure.add_axes((place * width + 0.012, 0.155, size, 0.55 / figure.get_figheight()))
    axes.set(xlim=(-1.35, 1.35), ylim=(-1.35, 1.35), aspect="equal")
    axes.set_axis_off()
    axes.patch.set_alpha(0)
    for letter, vector in zip("LPS", np.eye(3), strict=True):
        x, y, depth = vector @ view.right, vector @ view.up, vector @ view.direction
        alpha = 1.0 if depth > -0.25 else 0.4
        axes.annotate(
            "",
            xy=(x, y),
            xytext=(0, 0),
            arrowprops={"arrowstyle": "-|>", "color": MUTED, "lw": 1, "alpha": alpha, "shrinkA": 0, "shrinkB": 0},
        )
        length = max(np.hypot(x, y), 0.3)
        axes.text(
            x + 0.28 * x / length,
            y + 0.28 * y / length,
            letter,
            ha="center",
            va="center",
            size=7,
            weight="bold",
            color=MUTED,
            alpha=alpha,
        )
