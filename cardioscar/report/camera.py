"""Cameras about the heart: where they stand, their light, the picture they take, the patient's axes in its corner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from matplotlib.transforms import Affine2D

from cardioscar.report.style import MUTED
from cardioscar.types import Points

PIXELS = (423, 493)
"""Width and height of a picture; it is placed in its figure pixel by pixel, and nothing is drawn that is not seen."""

_FINER = 2
"""Samples of a pixel along each side."""
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


@contextmanager
def studio(*, see_through: bool = False) -> Iterator[Any]:
    """An empty window for all pictures of a figure: opening one and compiling its shaders costs a picture.

    Args:
        see_through: Whether surfaces are translucent: they are then sorted by depth.

    Yields:
        A pyvista plotter.
    """
    import pyvista as pv

    # what is sorted by depth is sampled by VTK itself, which then sorts fewer pixels
    finer = 1 if see_through else _FINER
    plotter = pv.Plotter(off_screen=True, window_size=[finer * length for length in PIXELS], lighting="none")
    try:
        plotter.set_background("white")
        plotter.disable_anti_aliasing()
        if see_through:
            plotter.enable_anti_aliasing("ssaa")
            plotter.enable_depth_peeling(number_of_peels=12)
        else:
            plotter.render_window.SetMultiSamples(0)
        plotter.suppress_rendering = True
        yield plotter
    finally:
        plotter.close()
        plotter.deep_clean()


def photograph(plotter: Any, view: View, nodes_mm: Points, parallel_scale: float) -> np.ndarray:
    """Light a scene, take its picture, and leave the studio empty.

    Args:
        plotter: That of a `studio`, with everything in it.
        view: The camera.
        nodes_mm: Points whose mid-point is the centre of the picture, shape (points, 3).
        parallel_scale: Half the height of the picture in mm.

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
    plotter.suppress_rendering = False
    plotter.render()
    samples = np.array(plotter.screenshot(None, return_img=True))
    plotter.suppress_rendering = True
    plotter.clear_actors()
    plotter.remove_all_lights()
    return _mean_of_samples(samples, samples.shape[0] // PIXELS[1])


def _mean_of_samples(samples: np.ndarray, finer: int) -> np.ndarray:
    """Mean of the samples of each pixel, rounded.

    >>> _mean_of_samples(np.array([[[0], [4]], [[8], [9]]], dtype=np.uint8), 2)
    array([[[5]]], dtype=uint8)
    """
    parts = [samples[row::finer, column::finer] for row in range(finer) for column in range(finer)]
    total = sum((part.astype(np.uint16) for part in parts), start=np.uint16(len(parts) // 2))
    return np.asarray(total // len(parts), dtype=np.uint8)


def place_picture(figure: Figure, picture: np.ndarray, place: int, width: float) -> None:
    """Show a picture in the middle of its panel, pixel by pixel.

    Args:
        figure: The figure, of panels side by side.
        picture: Shape (height, width, 3), uint8.
        place: Number of the panel.
        width: Width of a panel, as a fraction of the figure's.
    """
    centre = (place + 0.5) * width * figure.bbox.width, 0.5225 * figure.bbox.height
    left, bottom = (round(middle - length / 2) for middle, length in zip(centre, PIXELS, strict=True))
    figure.figimage(picture, left, bottom, origin="upper")


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
    side_in, reach = 0.55, 1.35
    corner = (place * width + 0.012) * figure.get_figwidth(), 0.155 * figure.get_figheight()
    inches = Affine2D().translate(reach, reach).scale(side_in / (2 * reach)).translate(*corner)
    at = inches + figure.dpi_scale_trans
    for letter, vector in zip("LPS", np.eye(3), strict=True):
        x, y, depth = vector @ view.right, vector @ view.up, vector @ view.direction
        alpha = 1.0 if depth > -0.25 else 0.4
        figure.add_artist(
            FancyArrowPatch(
                (0, 0),
                (x, y),
                transform=at,
                arrowstyle="-|>",
                mutation_scale=9.0,
                color=MUTED,
                linewidth=1,
                alpha=alpha,
                shrinkA=0,
                shrinkB=0,
            )
        )
        length = max(np.hypot(x, y), 0.3)
        figure.text(
            x + 0.28 * x / length,
            y + 0.28 * y / length,
            letter,
            transform=at,
            ha="center",
            va="center",
            size=7,
            weight="bold",
            color=MUTED,
            alpha=alpha,
        )
