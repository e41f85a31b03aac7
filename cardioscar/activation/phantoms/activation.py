"""Where and when a heart begins to shorten, and where it is scarred, drawn at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from cardioscar.activation.phantoms.config import StrainPhantomConfig
from cardioscar.activation.strain.sectors import sector_centers

_EDGE = 0.12
"""Radians over which a region ends."""
_SCARRED = 0.5
"""Share of a scar's depth from which on a sector counts as scarred."""


@dataclass(frozen=True, eq=False)
class Region:
    """A patch of the wall.

    Attributes:
        angle: Of its middle, radians, in the order of sectors.
        height: Of its middle, 0 apex to 1 base.
        half_width: Radians.
        half_height: Share of the length.
        size: Of what the region changes, in its middle.
    """

    angle: float
    height: float
    half_width: float
    half_height: float
    size: float

    def weight(self, angles: Float[np.ndarray, " sectors"], height: float) -> Float[np.ndarray, " sectors"]:
        """1 in the middle to 0 outside, with soft ends."""
        apart = np.abs((angles - self.angle + np.pi) % (2 * np.pi) - np.pi)
        lengthwise = 1 / (1 + np.exp((abs(height - self.height) - self.half_height) / 0.03))
        # a sigmoid by its hyperbolic tangent does not overflow
        return lengthwise * (1 - np.tanh((apart - self.half_width) / _EDGE)) / 2


@dataclass(frozen=True, eq=False)
class HeartActivation:
    """A heart: when its wall begins to shorten, and by how much.

    Attributes:
        begin_ms: Onset of the earliest wall after the R wave.
        block: Delay that grows from the septum to the lateral wall; None without block.
        late: Late regions, `size` in ms.
        scars: Scars, `size` the share of the shortening that is lost.
        scar_delay_ms: Delay in the middle of each scar.
        weak: Regions of living wall that shorten weakly, `size` the share of the shortening that is lost.
        shortening: Peak shortening of living wall.
        unevenness: Two waves around the circumference by which shortening and onset differ within normal wall.
    """

    begin_ms: float
    block: Region | None
    late: tuple[Region, ...]
    scars: tuple[Region, ...]
    scar_delay_ms: tuple[float, ...]
    weak: tuple[Region, ...]
    shortening: float
    unevenness: Float[np.ndarray, "2 4"]

    def tos_ms(self, sectors: int, height: float = 0.5) -> Float[np.ndarray, " sectors"]:
        """Time of onset of shortening at a height."""
        angles = sector_centers(sectors)
        delay = np.maximum(0, 6 * self._wave(0, angles))
        if self.block is not None:
            apart = (1 - np.cos(angles - self.block.angle)) / 2
            delay = delay + self.block.size * (1 - apart) ** self.block.half_width
        for region in self.late:
            delay = np.maximum(delay, region.size * region.weight(angles, height))
        for region, size in zip(self.scars, self.scar_delay_ms, strict=True):
            delay = np.maximum(delay, size * region.weight(angles, height))
        return self.begin_ms + delay

    def lost(self, sectors: int, height: float = 0.5) -> Float[np.ndarray, " sectors"]:
        """Share of the shortening that scar has taken, 0 to 1."""
        angles = sector_centers(sectors)
        lost = np.zeros(sectors)
        for region in self.scars:
            lost = np.maximum(lost, region.size * region.weight(angles, height))
        return lost

    def scarred(self, sectors: int, height: float = 0.5) -> Bool[np.ndarray, " sectors"]:
        """Sectors that are scarred: more than half of a scar's loss."""
        angles = sector_centers(sectors)
        found = np.zeros(sectors, dtype=bool)
        for region in self.scars:
            found |= region.weight(angles, height) > _SCARRED
        return found

    def size(self, sectors: int, height: float = 0.5) -> Float[np.ndarray, " sectors"]:
        """Peak shortening of the wall if it were not scarred."""
        angles = sector_centers(sectors)
        size = self.shortening * (1 + 0.15 * np.clip(self._wave(1, angles), -1, 1))
        for region in self.weak:
            size = size * (1 - region.size * region.weight(angles, height))
        return size

    def _wave(self, which: int, angles: Float[np.ndarray, " sectors"]) -> Float[np.ndarray, " sectors"]:
        one, two, at_one, at_two = self.unevenness[which]
        return one * np.cos(angles - at_one) + two * np.cos(2 * (angles - at_two))


def draw_activation(random: np.random.Generator, config: StrainPhantomConfig) -> HeartActivation:
    """Draw a heart.

    Args:
        random: Source of random numbers.
        config: Ranges.
    """
    lateral = np.pi
    block = None
    if random.random() < config.block:
        angle = lateral + random.uniform(-0.7, 0.7)
        block = Region(angle, 0.5, random.uniform(0.7, 2.0), 1.0, random.uniform(*config.block_delay_ms))
    late = []
    if random.random() < config.late_region:
        late.append(_region(random, config.late_width_deg, random.uniform(*config.late_delay_ms)))
    scars = []
    if random.random() < config.scar:
        count = 1 + int(random.random() < 1 / 3)
        scars += [
            _region(random, config.scar_width_deg, 1 - random.uniform(*config.living_share)) for _ in range(count)
        ]
    weak = []
    if random.random() < config.weak:
        weak.append(_region(random, config.weak_width_deg, 1 - random.uniform(*config.weak_share)))
    waves = np.column_stack([random.uniform(0, 1, (2, 2)), random.uniform(0, 2 * np.pi, (2, 2))])
    return HeartActivation(
        begin_ms=random.uniform(18, 48),
        block=block,
        late=tuple(late),
        scars=tuple(scars),
        scar_delay_ms=tuple(random.uniform(*config.scar_delay_ms) for _ in scars),
        weak=tuple(weak),
        shortening=random.uniform(*config.shortening),
        unevenness=waves,
    )


def _region(random: np.random.Generator, width_deg: tuple[float, float], size: float) -> Region:
    return Region(
        angle=random.uniform(0, 2 * np.pi),
        height=random.uniform(0.25, 0.75),
        half_width=np.radians(random.uniform(*width_deg)) / 2,
        half_height=random.uniform(0.2, 0.45),
        size=size,
    )
