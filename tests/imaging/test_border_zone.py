"""The border zone by signal: known rings of grey tissue about a bright core."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from cardioscar.imaging.border_zone import border_zone, slab_ml
from cardioscar.imaging.formats.volume_files import read_labels, read_volume
from cardioscar.imaging.labels import WALL
from cardioscar.imaging.thresholds import scar_by_signal
from cardioscar.imaging.volume import Volume


def heart(grey: float = 0.42, noise: float = 4.0, shift: float = 0.0, gain: float = 1.0):
    """Annular walls, remote 100, core 300 in a quarter, a band of grey tissue between core and remote."""
    rng = np.random.default_rng(0)
    x, y, _ = np.meshgrid(*[np.arange(90) - 44.5] * 2, np.arange(6), indexing="ij")
    radius, angle = np.hypot(x, y), np.degrees(np.arctan2(y, x)) % 360
    wall = (radius > 25) & (radius < 36)
    core, band = wall & (angle < 90), wall & (angle >= 90) & (angle < 120)
    signal = np.where(wall, 100.0, np.where(radius <= 25, 300.0, 50.0))
    signal[core], signal[band] = 300.0, 100.0 + grey * 200.0
    signal = gain * (signal + rng.normal(scale=noise, size=signal.shape)) + shift
    return Volume(signal, np.diag([1.0, 1.0, 8.0, 1.0]), "lge.nii"), wall, core, band


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


@pytest.mark.parametrize(("shift", "gain"), [(0.0, 1.0), (-500.0, 0.5), (1000.0, 3.0)])
def test_grey_tissue_is_border_zone_and_bright_tissue_core_whatever_the_units(shift: float, gain: float) -> None:
    volume, wall, core, band = heart(shift=shift, gain=gain)
    scar = scar_by_signal(volume, wall)
    found = border_zone(volume, wall, scar, "fwhm")
    assert dice(found.core, core) > 0.95
    assert dice(found.mask, band) > 0.85
    assert not (found.mask & found.core).any()
    assert (found.infarct == (found.mask | found.core)).all()
    # 35 and 50 % of what lies above remote: 170 and 200; the 95th percentile of a noisy core stands for its maximum
    assert (np.array([found.lower, found.upper]) - shift) / gain == pytest.approx([171, 202], abs=3)
    assert found.upper == scar.threshold


@pytest.mark.parametrize(("grey", "inside"), [(0.25, False), (0.32, False), (0.38, True), (0.46, True), (0.6, False)])
def test_the_band_counts_between_35_and_50_percent(grey: float, inside: bool) -> None:
    volume, wall, _, band = heart(grey=grey, noise=1.0)
    found = border_zone(volume, wall, scar_by_signal(volume, wall), "fwhm")
    assert (found.mask & band).sum() / band.sum() > 0.8 if inside else (found.mask & band).sum() / band.sum() < 0.2


def test_two_to_three_standard_deviations_above_remote() -> None:
    volume, wall, _, _ = heart()
    scar = scar_by_signal(volume, wall)
    found = border_zone(volume, wall, scar, "nsd")
    assert found.lower == pytest.approx(scar.remote_mean + 2 * scar.remote_sd)
    assert found.upper == pytest.approx(scar.remote_mean + 3 * scar.remote_sd)
    grey = found.mask
    assert (scar.signal[grey] > found.lower).all()
    assert (scar.signal[found.core] > found.upper).all()


@pytest.mark.parametrize("rule", ["fwhm", "nsd"])
def test_a_heart_without_scar_has_no_border_zone_however_noisy(rule: str) -> None:
    volume, wall, core, band = heart()
    healthy = Volume(np.where(core | band, 100.0, volume.values), volume.affine, volume.source)
    found = border_zone(healthy, wall, scar_by_signal(healthy, wall), rule)
    assert not found.infarct.any()
    assert not found.mask.any()


def test_slabs_are_pixels_times_thickness() -> None:
    volume, wall, _, _ = heart()
    mask = np.zeros_like(wall)
    mask[:10, :10, 0] = True
    assert slab_ml(mask, volume, 5.0) == pytest.approx(0.5)


def test_on_a_real_heart() -> None:
    folder = Path(os.environ.get("CARDIOSCAR_DATA", "../shared/data")) / "sunnybrook_lge_infarct_annotations"
    if not folder.is_dir():
        pytest.skip("no real data: set CARDIOSCAR_DATA")
    volume, labels = read_volume(folder / "lge.nii.gz"), read_labels(folder / "labels.nii.gz", "cardioscar")
    wall = np.isin(labels.values, WALL)
    scar = scar_by_signal(volume, wall)
    zones = {rule: border_zone(volume, wall, scar, rule) for rule in ("fwhm", "nsd")}
    # the shared folder's own scar by FWHM is 16.5 ml
    assert slab_ml(zones["fwhm"].core, volume, 5.0) == pytest.approx(16.5, abs=1.0)
    for zone in zones.values():
        assert 3.0 < slab_ml(zone.mask, volume, 5.0) < 12.0
