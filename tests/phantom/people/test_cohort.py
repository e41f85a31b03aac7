from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cardioscar.errors import ConfigError, InputError
from cardioscar.imaging.formats.volume_files import read_labels
from cardioscar.phantom.people.cohort import FILES, write_people
from cardioscar.phantom.people.heart import make_heart


def test_what_is_read_is_what_was_drawn(tmp_path: Path) -> None:
    assert write_people(tmp_path, subjects=2, seed=5) == ["P001", "P002"]
    for index, name in enumerate(("P001", "P002")):
        assert {path.name for path in (tmp_path / name).iterdir()} == set(FILES)
        heart, labels = make_heart(5, index), read_labels(tmp_path / name / "labels.nii.gz")
        np.testing.assert_array_equal(labels.values, heart.labels.values)
        np.testing.assert_allclose(labels.affine, heart.labels.affine, atol=1e-3)
        about = json.loads((tmp_path / name / "phantom.json").read_text())
        assert about["drawn_scar_ml"] == pytest.approx((labels.values == 3).sum() * labels.voxel_ml, rel=1e-3)


def test_a_cohort_is_replaced_and_nothing_else_is(tmp_path: Path) -> None:
    write_people(tmp_path, subjects=1, seed=5)
    write_people(tmp_path, subjects=1, seed=6)
    assert json.loads((tmp_path / "P001" / "phantom.json").read_text())["seed"] == 6
    (tmp_path / "P001" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="a phantom as it was written"):
        write_people(tmp_path, subjects=1, seed=7)
    assert json.loads((tmp_path / "P001" / "phantom.json").read_text())["seed"] == 6


@pytest.mark.parametrize(("options", "said"), [({"subjects": 0}, "subjects"), ({"seed": -1}, "seed")])
def test_impossible_numbers_are_refused(tmp_path: Path, options: dict[str, int], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        write_people(tmp_path / "new", **options)
    assert not (tmp_path / "new").exists()
