from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cardioscar.errors import ConfigError
from cardioscar.imaging.formats.cine_files import read_cine, read_cine_labels
from cardioscar.lvquant.cine_indices import cine_indices
from cardioscar.lvquant.volumes import stack_volumes
from cardioscar.phantom.beating_subject import BeatingConfig, draw_beating, write_beating_subject

CONFIG = BeatingConfig(frames=5, pixel_mm=(2.0, 2.2), seed=3)


@pytest.mark.parametrize("index", [0, 1])
def test_a_subject_reads_as_real_input_does_and_holds_its_truth(index: int, tmp_path: Path) -> None:
    write_beating_subject(tmp_path / "s", CONFIG, index)
    cine = read_cine(tmp_path / "s" / "cine.nii.gz")
    labels = read_cine_labels(tmp_path / "s" / "labels.nii.gz", cine)
    truth = json.loads((tmp_path / "s" / "truth.json").read_text(encoding="utf-8"))
    assert cine.frames == 5
    assert cine.beat_ms == pytest.approx(truth["beat_ms"], rel=1e-3)
    volumes = stack_volumes(cine_indices(labels))
    # whole pixels and whole slices: half a slice at the base is a twentieth of a ventricle
    np.testing.assert_allclose(volumes.volume_ml, truth["volume_ml"], rtol=0.15)
    assert volumes.mass_g == pytest.approx(truth["lv_mass_g"], rel=0.1)


def test_a_subject_is_the_same_in_any_cohort(tmp_path: Path) -> None:
    write_beating_subject(tmp_path / "a", CONFIG, 1)
    write_beating_subject(tmp_path / "b", BeatingConfig(subjects=9, frames=5, pixel_mm=(2.0, 2.2), seed=3), 1)
    for name in ("cine.nii.gz", "labels.nii.gz", "truth.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_drawn_hearts_are_hearts() -> None:
    hearts = [draw_beating(np.random.default_rng(seed)) for seed in range(60)]
    fractions = [heart.ef_percent for heart in hearts]
    assert min(fractions) > 15
    assert max(fractions) < 75
    assert np.ptp(fractions) > 30
    assert any(heart.hypokinesia > 0.3 for heart in hearts)


@pytest.mark.parametrize(
    ("options", "name"), [({"subjects": 0}, "subjects"), ({"pixel_mm": (2.0, 1.0)}, "pixel_mm"), ({"snr": 0.0}, "snr")]
)
def test_impossible_cohorts(options: dict, name: str) -> None:
    with pytest.raises(ConfigError, match=f"phantom: {name}"):
        BeatingConfig(**options)
