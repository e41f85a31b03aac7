"""What is odd about labels that somebody drew: rings that are broken, walls beside their cavity, slices out of line.

An epicardium that was displaced against the image, or contours of other slices, have the right shape and the right
file names. What gives them away is where they lie.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from cardioscar.errors import counted
from cardioscar.imaging.cine import Cine
from cardioscar.imaging.labels import WALL, Label
from cardioscar.lvquant.volumes import surrounded_share

LEAST_RING = 0.8
"""Share of a cavity's outline that muscle should border. Of 26 slices that experts drew it borders 0.87 and more; of
the nine of a heart whose epicardium was displaced, 0.52 and less."""
MOST_BROKEN = 1 / 3
"""Share of the slices whose ring may be broken; the last at the base is not counted."""
MOST_ECCENTRIC = 0.2
"""Distance of the centres of cavity and heart, over the heart's radius, in the middle one of the slices: of the experts
0.06 at most, of the displaced epicardium 0.43."""
MOST_OUT_OF_LINE = 1.8
"""Factor by which an area may differ from the mean of the slices beside it; of the experts 1.2 at most."""
MOST_MASS_APART = 0.3
"""Share by which the volume of the wall may differ between frames: muscle keeps its volume."""


def label_doubts(labels: Cine) -> tuple[str, ...]:
    """Sentences on what is odd; none where nothing is.

    Args:
        labels: Values of `Label`, in the one order of storage; frames and slices without any are not looked at.
    """
    cavity = labels.values == Label.BLOOD_POOL
    wall = np.isin(labels.values, WALL)
    found: dict[str, list[int]] = {}
    volumes = []
    for t in np.flatnonzero(cavity.any(axis=(0, 1, 2))):
        for doubt in _of_frame(labels, cavity[..., t], wall[..., t], int(t)):
            found.setdefault(doubt, []).append(int(t))
        if wall[..., t].any():
            volumes.append(float(wall[..., t].sum()))
    said = [f"{labels.source}: {doubt} ({_frames(at)})" for doubt, at in found.items()]
    if len(volumes) > 1 and min(volumes) < (1 - MOST_MASS_APART) * max(volumes):
        apart = 100 * (1 - min(volumes) / max(volumes))
        said.append(f"{labels.source}: the volume of the wall differs by {apart:.0f} % between frames")
    return tuple(said)


def _of_frame(labels: Cine, cavity: np.ndarray, wall: np.ndarray, t: int) -> list[str]:
    shown = np.flatnonzero(cavity.any(axis=(0, 1)))
    walled = shown[wall[:, :, shown].any(axis=(0, 1))]
    said = []
    inner = walled[walled != shown[-1]]
    if len(inner):
        ring = surrounded_share(labels.values[..., t])[inner]
        if (ring < LEAST_RING).mean() > MOST_BROKEN:
            said.append(
                "the wall does not surround the cavity in many slices; epicardium and endocardium may be displaced "
                "against each other"
            )
        if np.median([_eccentric(cavity[:, :, k], wall[:, :, k], labels.pixel_mm) for k in inner]) > MOST_ECCENTRIC:
            said.append("the wall lies beside its cavity; the epicardium may be that of another slice or image")
    for name, areas in (("cavity", cavity.sum(axis=(0, 1))), ("wall", wall.sum(axis=(0, 1)))):
        odd = _out_of_line(areas.astype(float), shown if name == "cavity" else walled)
        if odd:
            said.append(f"the area of the {name} is out of line in {counted(odd, 'slice')}")
    return said


def _eccentric(
    cavity: Bool[np.ndarray, "i j"], wall: Bool[np.ndarray, "i j"], pixel_mm: Float[np.ndarray, " axes"]
) -> float:
    heart = np.argwhere(cavity | wall) * pixel_mm
    radius = np.sqrt(len(heart) * float(np.prod(pixel_mm)) / np.pi)
    return float(np.linalg.norm((np.argwhere(cavity) * pixel_mm).mean(axis=0) - heart.mean(axis=0)) / radius)


def _out_of_line(areas: Float[np.ndarray, " slices"], shown: np.ndarray) -> int:
    """Slices whose area differs much from that of both neighbours' mean."""
    odd = 0
    for before, k, after in zip(shown, shown[1:], shown[2:], strict=False):
        if after - before == 2:
            ratio = areas[k] / (areas[before] + areas[after]) * 2
            odd += bool(not 1 / MOST_OUT_OF_LINE <= ratio <= MOST_OUT_OF_LINE)
    return odd


def _frames(at: list[int]) -> str:
    return f"frame {at[0]}" if len(at) == 1 else counted(len(at), "frame")
