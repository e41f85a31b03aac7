"""Beating phantoms as subjects: a cine, its labels and the truth, in the formats of real input."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from cardioscar.errors import ConfigError
from cardioscar.files.folders import fresh_folder
from cardioscar.imaging.formats.cine_files import write_cine
from cardioscar.phantom.beating import BeatingVentricle
from cardioscar.phantom.beating_cine import CineProtocol, image_beat
from cardioscar.phantom.shape import APEX_TO_BASE, SEPTUM

CINE, LABELS, TRUTH = "cine.nii.gz", "labels.nii.gz", "truth.json"
_MYOCARDIUM_G_PER_ML = 1.05


@dataclass(frozen=True)
class BeatingConfig:
    """A cohort of beating phantoms; ranges are drawn from uniformly, one draw a subject."""

    subjects: int = 4
    """Number of subjects."""
    seed: int = 0
    """Seed of all draws; subject number i is the same for any number of subjects."""
    frames: int = 20
    """Frames of the beat."""
    pixel_mm: tuple[float, float] = (1.2, 1.6)
    """Range of the pixel size."""
    distance_mm: tuple[float, float] = (8.0, 10.0)
    """Range of the distance between slices, which are as thick."""
    snr: float = 20.0
    """Signal of blood over the noise's standard deviation."""

    def __post_init__(self) -> None:
        for name, least in (("subjects", 1), ("seed", 0), ("frames", 2)):
            if getattr(self, name) < least:
                raise ConfigError(f"phantom: {name}", f"at least {least}", str(getattr(self, name)))
        for name in ("pixel_mm", "distance_mm"):
            low, high = getattr(self, name)
            if not 0.5 <= low <= high <= 20:
                raise ConfigError(f"phantom: {name}", "a range of 0.5 to 20 mm", f"{low:g} to {high:g}")
        if not self.snr >= 1:
            raise ConfigError("phantom: snr", "at least 1", f"{self.snr:g}")


def draw_beating(rng: np.random.Generator) -> BeatingVentricle:
    """Draw a ventricle: ejection fractions of 20 to 70 %, half of them with a wall that moves less."""
    mean_axes = np.column_stack([SEPTUM, np.cross(APEX_TO_BASE, SEPTUM), APEX_TO_BASE])
    narrowing = rng.uniform(0.08, 0.38)
    return BeatingVentricle(
        cavity_radius_mm=rng.uniform(20, 30),
        wall_mm=rng.uniform(7, 12),
        length_mm=rng.uniform(78, 100),
        apex_mm=rng.uniform(5, 9),
        narrowing=narrowing,
        shortening=rng.uniform(0.2, 0.6) * narrowing,
        twist_deg=rng.uniform(2, 12),
        hypokinetic_rad=rng.uniform(-np.pi, np.pi),
        hypokinesia=rng.uniform(0.3, 1.0) if rng.random() < 0.5 else 0.0,
        end_systole=rng.uniform(0.3, 0.45),
        axes=Rotation.from_rotvec(rng.normal(0, np.radians(7), 3)).as_matrix() @ mean_axes,
        apex_mm_lps=rng.normal([25, -40, -10], 12),
    )


def write_beating_subject(folder: Path, config: BeatingConfig, index: int) -> None:
    """Write one subject: `cine.nii.gz`, `labels.nii.gz` and `truth.json`; the folder appears whole.

    Args:
        folder: New; its parent exists.
        config: Options of the cohort.
        index: Number of the subject, from 0; the number of subjects plays no part.
    """
    anatomy, planning, imaging = (np.random.default_rng([config.seed, index, stream]) for stream in range(3))
    heart = draw_beating(anatomy)
    pixel = planning.uniform(*config.pixel_mm)
    protocol = CineProtocol(
        frames=config.frames,
        pixel_mm=(pixel, pixel),
        distance_mm=planning.uniform(*config.distance_mm),
        beat_ms=planning.uniform(600, 1100),
        first_phase=planning.uniform(0, 1) if planning.random() < 0.5 else 0.0,
    )
    images = image_beat(heart, protocol)
    volumes = [heart.state(float(phase)).cavity_ml for phase in protocol.phases]
    truth = {
        "lv_edv_ml": heart.edv_ml,
        "lv_esv_ml": heart.esv_ml,
        "lv_ef_percent": heart.ef_percent,
        "lv_mass_g": heart.wall_ml * _MYOCARDIUM_G_PER_ML,
        "volume_ml": volumes,
        "phase": protocol.phases.tolist(),
        "end_systole": heart.end_systole,
        "hypokinesia": heart.hypokinesia,
        "hypokinetic_deg": float(np.degrees(heart.hypokinetic_rad)),
        "septum_direction": heart.septum_direction.tolist(),
        "pixel_mm": pixel,
        "distance_mm": protocol.distance_mm,
        "beat_ms": protocol.beat_ms,
    }
    with fresh_folder(folder) as partial:
        write_cine(partial / CINE, images.image(imaging, snr=config.snr))
        write_cine(partial / LABELS, images.labels)
        (partial / TRUTH).write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
