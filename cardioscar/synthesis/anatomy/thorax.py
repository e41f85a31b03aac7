"""The chest around the heart, as far as a slice shows it: enough for a network to meet all that is no heart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cardioscar.synthesis.anatomy.harmonics import Harmonics, draw_harmonics
from cardioscar.synthesis.anatomy.tissue import Tissue
from cardioscar.synthesis.effects.texture import smooth_noise


@dataclass(frozen=True)
class Blob:
    """An uneven ellipse of one tissue.

    Attributes:
        tissue: What fills it.
        center_mm: Its middle, from the heart's axis along x and y.
        half_mm: Half of its extent along its own axes.
        turn: Angle of its first axis in radians.
        outline: Waves of its outline, as a share of it.
        rim_mm: Thickness of a rim of another tissue inside of it, 0 for none.
        rim: What the rim is of.
    """

    tissue: Tissue
    center_mm: tuple[float, float]
    half_mm: tuple[float, float]
    turn: float
    outline: Harmonics
    rim_mm: float = 0.0
    rim: Tissue = Tissue.FAT

    def depth_mm(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """About how far places lie inside; negative outside."""
        local = np.asarray((x - self.center_mm[0]) + 1j * (y - self.center_mm[1]), dtype=np.complex64)
        local = local * np.complex64(np.exp(-1j * self.turn))
        local = np.asarray(local.real / self.half_mm[0] + 1j * local.imag / self.half_mm[1], dtype=np.complex64)
        level = np.abs(local)
        wave = self.outline(local / np.maximum(level, np.float32(1e-6)), np.full_like(level, 0.5))
        return (1 + wave - level) * np.float32(min(self.half_mm))

    def draw(self, found: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
        """Fill its places."""
        depth = self.depth_mm(x, y)
        found[depth > 0] = self.rim if self.rim_mm else self.tissue
        if self.rim_mm:
            found[depth > self.rim_mm] = self.tissue


@dataclass(frozen=True)
class Thorax:
    """A chest.

    Attributes:
        body: Outline of the body.
        fat_mm: Thickness of the fat under the skin.
        muscle_mm: Thickness of the chest wall's muscle.
        organs: What lies inside, later ones over earlier ones.
        outer: What lies in the chest wall, outside of the lungs.
    """

    body: Blob
    fat_mm: float
    muscle_mm: float
    organs: tuple[Blob, ...]
    outer: tuple[Blob, ...]

    def tissues(self, rng: np.random.Generator, x: np.ndarray, y: np.ndarray, pixel_mm: float) -> np.ndarray:
        """Tissue at the pixels of a slice, shape (i, j), uint8.

        Args:
            rng: Source of the lung's vessels and of uneven borders.
            x: To the septum, from the heart's axis, mm, shape (i, j).
            y: To the anterior wall, mm.
            pixel_mm: Pixel size.
        """
        uneven = smooth_noise(rng, x.shape, pixels=10 / pixel_mm)
        inside = self.body.depth_mm(x, y)
        found = np.full(x.shape, Tissue.AIR, dtype=np.uint8)
        vessels = smooth_noise(rng, x.shape, pixels=2 / pixel_mm) > 2.2
        found[vessels] = Tissue.LUNG
        for one in self.organs:
            one.draw(found, x, y)
        wall = inside - 2 * uneven
        found[wall < self.fat_mm + self.muscle_mm] = Tissue.MUSCLE
        for one in self.outer:
            one.draw(found, x, y)
        found[wall < self.fat_mm] = Tissue.FAT
        # strands between muscles
        found[(np.abs(uneven) < 0.06) & (found == Tissue.MUSCLE)] = Tissue.FAT
        found[inside < 0] = Tissue.AIR
        return found


def draw_thorax(rng: np.random.Generator, *, heart_mm: float, height: float) -> Thorax:
    """Draw a chest around a heart.

    Args:
        rng: Source of the draw.
        heart_mm: Radius of the left ventricle's epicardium.
        height: Height of the slice, 0 at the apex, 1 at the base: the liver is larger towards the apex, the vessels
            behind the heart are larger towards the base.
    """
    chest = rng.normal(1.0, 0.45)  # direction of the sternum, from the septum towards anterior
    ahead, beside = _unit(chest), _unit(chest - np.pi / 2)
    fat, muscle = float(np.exp(rng.uniform(np.log(3), np.log(30)))), rng.uniform(6, 20)
    half = (rng.uniform(90, 150), rng.uniform(130, 210))
    front = heart_mm * rng.uniform(1.0, 1.45) + rng.exponential(8) + fat + muscle
    middle = ahead * (front - half[0]) + beside * rng.uniform(-40, 70)
    body = Blob(Tissue.MUSCLE, _pair(middle), half, chest, draw_harmonics(rng, (0.02, 0.04, 0.03, 0.03, 0.02)))
    organs: list[Blob] = []
    back = middle - ahead * half[0]
    for _ in range(rng.integers(0, 4)):
        # fat and vessels between the lungs
        place = ahead * rng.uniform(-2.5, 0.5) * heart_mm + beside * rng.uniform(-1, 1) * heart_mm
        tissue = (Tissue.FAT, Tissue.RV_BLOOD, Tissue.LV_BLOOD, Tissue.MUSCLE)[rng.integers(4)]
        organs.append(_blob(rng, tissue, place, 4, heart_mm * (0.3 + 0.6 * max(height, 0)) + 5))
    if rng.random() < 0.9 - 0.35 * np.clip(height, 0, 1.2):
        organs += _below_diaphragm(rng, chest, heart_mm, height)
    if rng.random() < 0.2:
        organs.append(_blob(rng, Tissue.FLUID, back * rng.uniform(0.5, 0.8), 15, 50))
    # spine and the aorta beside it
    spine = back + ahead * (fat + muscle + rng.uniform(15, 40))
    organs.append(_blob(rng, Tissue.BONE, spine, 14, 24, rim=(rng.uniform(1, 4), Tissue.MUSCLE)))
    if rng.random() < 0.8:
        aorta = spine + beside * rng.uniform(-35, 35) + ahead * rng.uniform(15, 40)
        size = rng.uniform(8, 15)
        organs.append(Blob(Tissue.LV_BLOOD, _pair(aorta), (size, size), 0.0, _smooth(rng), 1.5, Tissue.RV_WALL))
    # vessels and lymph nodes anywhere: bright rounds that are no cavity
    for _ in range(rng.integers(0, 5)):
        tissue = (Tissue.LV_BLOOD, Tissue.RV_BLOOD, Tissue.FAT, Tissue.ORGAN, Tissue.MUSCLE)[rng.integers(5)]
        rim = (rng.uniform(1, 8), Tissue.MUSCLE) if rng.random() < 0.5 else (0.0, Tissue.FAT)
        organs.append(_blob(rng, tissue, rng.uniform(-110, 110, 2), 3, 20, rim=rim))
    outer = []
    for angle in np.arange(-1.4, 1.5, 0.25):
        # ribs and cartilage, cut by the slice
        if rng.random() < 0.5:
            turned = chest + angle + rng.normal(0, 0.05)
            reach = float(np.hypot(half[0] * np.cos(angle), half[1] * np.sin(angle))) - fat - muscle * 0.5
            place = middle + _unit(turned) * reach
            outer.append(_blob(rng, Tissue.BONE, place, 4, 12, rim=(rng.uniform(0.8, 2), Tissue.FLUID)))
    return Thorax(body, fat, muscle, tuple(organs), tuple(outer))


def _below_diaphragm(rng: np.random.Generator, chest: float, heart_mm: float, height: float) -> list[Blob]:
    """Liver, with stomach or spleen beside it, under the inferior wall."""
    down = _unit(chest - np.pi + rng.normal(0.35, 0.45))
    aside = np.array([-down[1], down[0]])
    size = rng.uniform(45, 110)
    gap = rng.exponential(4) + 25 * max(height, 0) * rng.random() ** 2
    liver = down * (heart_mm + gap + size) + aside * rng.uniform(-50, 50)
    half = (size, size * rng.uniform(0.9, 1.6))
    turn = float(np.arctan2(down[1], down[0]))
    found = [Blob(Tissue.LIVER, _pair(liver), half, turn, _smooth(rng, 0.03), rng.uniform(0, 3), Tissue.MUSCLE)]
    if rng.random() < 0.6:
        beside = liver + aside * rng.choice([-1, 1]) * size * rng.uniform(0.8, 1.3)
        tissue = (Tissue.ORGAN, Tissue.AIR, Tissue.FLUID)[rng.integers(3)]
        found.append(_blob(rng, tissue, beside, 20, 50, rim=(rng.uniform(1, 5), Tissue.MUSCLE)))
    for _ in range(rng.integers(0, 5)):
        place = liver + rng.normal(0, 0.4 * size, 2)
        found.append(_blob(rng, Tissue.RV_BLOOD, place, 2, 8))
    return found


def _blob(
    rng: np.random.Generator,
    tissue: Tissue,
    center: np.ndarray,
    least: float,
    most: float,
    *,
    rim: tuple[float, Tissue] = (0.0, Tissue.FAT),
) -> Blob:
    size = rng.uniform(least, max(most, least + 1))
    half = (size, size * rng.uniform(0.5, 1.5))
    return Blob(tissue, _pair(center), half, rng.uniform(0, np.pi), _smooth(rng, 0.06), *rim)


def _smooth(rng: np.random.Generator, size: float = 0.02) -> Harmonics:
    return draw_harmonics(rng, (0.0, size, size, size / 2))


def _unit(angle: float) -> np.ndarray:
    return np.array([np.cos(angle), np.sin(angle)])


def _pair(values: np.ndarray) -> tuple[float, float]:
    return float(values[0]), float(values[1])
