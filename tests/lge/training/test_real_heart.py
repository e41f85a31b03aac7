from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cardioscar.imaging.labels import WALL, Label
from cardioscar.lge.training.crop import cut, middle_of
from cardioscar.lge.training.labelled import Labelled, read_labelled


@pytest.mark.real
def test_a_real_heart_is_read_whole_and_its_pieces_keep_its_volumes(data_dir: Path) -> None:
    folder = data_dir / "sunnybrook_lge_infarct_annotations"
    stack = read_labelled(Labelled("heart", folder / "lge.nii.gz", folder / "labels.nii.gz"))
    said = json.loads((folder / "numbers.json").read_text())["labels"]
    assert stack.image.shape == (144, 144, 20)
    own_ml = 0.78125**2 * 5 / 1000
    assert np.isin(stack.labels, WALL).sum() * own_ml == pytest.approx(said["wall_ml"], abs=0.01)
    pieces = [cut(stack, k, pixels=(96, 96), pixel_mm=1.25, center=middle_of(stack, k), turn=0.4) for k in range(20)]
    labels = np.stack([one.labels for one in pieces])
    piece_ml = 1.25**2 * 5 / 1000
    # nearest pixels of 1.25 mm: an outline of 200 mm is off by less than a twentieth of a pixel on average
    for name, some in (("wall_ml", WALL), ("cavity_ml", (Label.BLOOD_POOL,)), ("scar_ml", (Label.SCAR,))):
        assert np.isin(labels, some).sum() * piece_ml == pytest.approx(said[name], rel=0.02)
    images = np.stack([one.image for one in pieces])
    assert np.isfinite(images).all()
    # blood is brighter than the wall on the networks' scale too
    blood, wall = (images[:, 0][labels == one].mean() for one in (Label.BLOOD_POOL, Label.MYOCARDIUM))
    assert blood > wall + 0.1
