"""A stack segmented: the heart found, slices seen in several views, tempered, mended by rules, in its own pixels."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, UInt8

from cardioscar.errors import InputError
from cardioscar.imaging.labels import WALL, Label
from cardioscar.imaging.volume import Volume
from cardioscar.learning.device import choose_device
from cardioscar.lge.inference.config import InferConfig
from cardioscar.lge.inference.finding import find_heart
from cardioscar.lge.inference.grid import Grid, on_grid
from cardioscar.lge.inference.rules import RuleReport, largest, mended
from cardioscar.lge.inference.segmenter import Segmenter
from cardioscar.lge.inference.views import Seen, see, tempered

log = logging.getLogger(__name__)

RECENTER_MM = 12.0
"""A window farther from the heart than this is placed anew: the deviation at which the network was trained."""
LEAST_SHARE = 0.3
"""Share of the median slice's heart from which a slice says where the long axis is."""
LEAST_MM2 = 100.0
"""A heart is found where a slice has pieces of wall and of cavity of this size: a cavity of 11 mm."""


@dataclass(frozen=True)
class Segmentation:
    """What was found in a stack. Arrays lie on `grid.image`: the one order of storage, slices last, apex first.

    Attributes:
        grid: The stack.
        labels: `Label` of each voxel, rules applied.
        by_network: The same before the rules.
        probability: Calibrated probability of each label, shape (classes, i, j, slices), float32.
        rules: What each rule changed.
        wall_agreement: Mean Dice of each view's wall and cavity with those of all views, by slice; NaN without.
        scar_agreement: The same of scar.
        center_mm: Middle of the window, LPS.
        windows: Windows in which the heart was looked for.
        calibrated: Whether the probabilities were calibrated.
        spacing_mm: Voxel size along i, j and the slices, shape (3,).
    """

    grid: Grid
    labels: UInt8[np.ndarray, "i j slices"]
    by_network: UInt8[np.ndarray, "i j slices"]
    probability: Float[np.ndarray, "classes i j slices"]
    rules: tuple[RuleReport, ...]
    wall_agreement: Float[np.ndarray, " slices"]
    scar_agreement: Float[np.ndarray, " slices"]
    center_mm: Float[np.ndarray, " xyz"]
    windows: int
    calibrated: bool

    @property
    def spacing_mm(self) -> Float[np.ndarray, " axes"]:
        """Voxel size along i, j and the slices in mm."""
        return self.grid.image.spacing_mm

    def own_labels(self) -> Volume:
        """Labels in the order and frame of the image that was given, uint8."""
        return self.grid.as_given(self.labels)

    def own_scar_probability(self) -> Volume:
        """Scar probability, likewise, float32, 0 to 1."""
        return self.grid.as_given(self.probability[Label.SCAR])


def segment(volume: Volume, segmenter: Segmenter, config: InferConfig | None = None) -> Segmentation:
    """Find wall, cavity and scar in a short-axis stack of late enhancement.

    Args:
        volume: As the scanner gives it: any size, spacing, orientation and order of axes; one slice or many.
        segmenter: The network; it is moved to the device of the settings.
        config: Settings; default `InferConfig()`.

    Returns:
        Labels, calibrated probabilities, and what is said of them.

    Raises:
        InputError: If the image is no picture, or no heart is found in it.
        ConfigError: If the device is not there.
    """
    config = config or InferConfig()
    if segmenter.views and segmenter.views != config.views:
        log.warning(
            "%s: probabilities were calibrated for %d views and are of %d", volume.source, segmenter.views, config.views
        )
    segmenter.network.to(choose_device(config.device))
    grid = on_grid(volume, segmenter.pixel_mm)
    middle, windows = find_heart(grid, segmenter, config)
    centers = np.repeat(middle[None], grid.values.shape[2], axis=0)
    # one view tells where the heart is; all of them are for what it looks like
    once = replace(config, views=1, dropout_samples=0)
    seen = _seen(grid, centers, segmenter, once)
    better = _centers(seen.probability, centers)
    moved = np.abs(better - centers).max() * grid.pixel_mm > RECENTER_MM
    if moved:  # what lay at the border of a window may be seen in part alone, so the line is found again
        seen = _seen(grid, better, segmenter, once)
        better = _centers(seen.probability, better)
    centers = better
    seen = _seen(grid, centers, segmenter, config)
    probability = tempered(seen.probability, segmenter.temperature)
    own = np.stack([grid.own(one, at) for one, at in zip(probability, centers, strict=True)], axis=-1)
    by_network = labels_of(own)
    pixel_mm2 = float(grid.image.spacing_mm[:2].prod())
    if not _has_heart(by_network, pixel_mm2):
        rule = "a left ventricle across its short axis in the field of view"
        raise InputError(volume.source, rule, "none that the network finds")
    labels, reports = mended(by_network, grid.image.spacing_mm, config.rules, own)
    wall, scar = agreements(seen)
    return Segmentation(
        grid=grid,
        labels=labels,
        by_network=by_network,
        probability=own,
        rules=reports,
        wall_agreement=wall,
        scar_agreement=scar,
        center_mm=_center_mm(grid, centers),
        windows=windows,
        calibrated=segmenter.calibrated,
    )


def labels_of(probability: Float[np.ndarray, "classes i j slices"]) -> UInt8[np.ndarray, "i j slices"]:
    """The labels of a map: first wall, cavity or neither, then whether wall is scar.

    Where muscle and scar are as likely as each other the wall must not give way to a background that is likelier than
    either and less likely than both.

    >>> labels_of(np.array([0.4, 0.32, 0.0, 0.28]).reshape(4, 1, 1, 1)).item()
    1
    """
    wall = probability[Label.MYOCARDIUM] + probability[Label.SCAR]
    region = np.stack([probability[Label.BACKGROUND], wall, probability[Label.BLOOD_POOL]]).argmax(axis=0)
    labels = region.astype(np.uint8)
    labels[(region == Label.MYOCARDIUM) & (probability[Label.SCAR] >= probability[Label.MYOCARDIUM])] = Label.SCAR
    return labels


def agreements(seen: Seen) -> tuple[Float[np.ndarray, " slices"], Float[np.ndarray, " slices"]]:
    """Mean Dice of each view with all of them together, by slice: of the heart's regions, and of scar.

    Returns:
        0 to 1; NaN where neither a view nor all of them find any. 1 with a single view.
    """
    together = seen.probability.argmax(axis=1)
    found = []
    for regions in ((tuple(WALL), (int(Label.BLOOD_POOL),)), ((int(Label.SCAR),),)):
        shares = []
        for region in regions:
            ours, all_ = np.isin(seen.views, region), np.isin(together, region)
            both = 2 * (ours & all_[None]).sum(axis=(2, 3))
            size = ours.sum(axis=(2, 3)) + all_.sum(axis=(1, 2))
            with np.errstate(invalid="ignore"):
                each = both / size
            odd = np.isnan(each)
            counted = np.maximum((~odd).sum(axis=0), 1)
            shares.append(np.where(odd.all(axis=0), np.nan, np.where(odd, 0, each).sum(axis=0) / counted))
        worst = np.fmin.reduce(np.stack(shares))
        found.append(worst)
    return found[0], found[1]


def _seen(grid: Grid, centers: np.ndarray, segmenter: Segmenter, config: InferConfig) -> Seen:
    windows = np.stack(
        [grid.window(k, at, segmenter.pixels, neighbours=segmenter.neighbours) for k, at in enumerate(centers)]
    )
    return see(segmenter.network, windows, config)


def _centers(probability: Float[np.ndarray, "slices classes i j"], centers: np.ndarray) -> np.ndarray:
    """Middle of the heart in each slice: on a straight line through the slices, as its long axis is."""
    heart = 1 - probability[:, Label.BACKGROUND]
    heart = np.where(heart >= 0.5, heart, 0)
    mass = heart.sum(axis=(1, 2))
    if mass.sum() == 0:
        return centers
    places = np.indices(heart.shape[1:]) - (np.array(heart.shape[1:])[:, None, None] - 1) / 2
    # specks in slices without a heart lie where the window does, and must not draw the line there
    shown = mass >= LEAST_SHARE * np.median(mass[mass > 0])
    off = (heart[:, None] * places).sum(axis=(2, 3))[shown] / mass[shown, None]
    k = np.arange(len(heart))
    found = np.rint(centers[shown]) + off
    degree = 1 if shown.sum() > 2 else 0
    # weighted by what is seen of it: small false pieces in other slices must not tilt the line
    lines = [np.polyval(np.polyfit(k[shown], found[:, axis], degree, w=np.sqrt(mass[shown])), k) for axis in (0, 1)]
    return np.stack(lines, axis=1)


def _has_heart(labels: np.ndarray, pixel_mm2: float) -> bool:
    """Whether a slice has a piece of wall and a piece of cavity large enough; noise has both in specks alone."""
    for plane in np.moveaxis(labels, 2, 0):
        pieces = [largest(np.isin(plane, region)).sum() for region in (WALL, (Label.BLOOD_POOL,))]
        if min(pieces) * pixel_mm2 >= LEAST_MM2:
            return True
    return False


def _center_mm(grid: Grid, centers: np.ndarray) -> np.ndarray:
    middle = len(centers) // 2
    off = (centers[middle] - (np.array(grid.values.shape[:2]) - 1) / 2) * grid.pixel_mm / grid.image.spacing_mm[:2]
    own = off + (np.array(grid.image.values.shape[:2]) - 1) / 2
    return np.asarray(grid.image.index_to_mm(np.array([[*own, middle]]))[0])
