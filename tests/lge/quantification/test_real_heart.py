from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cardioscar.imaging.formats.volume_files import read_labels, read_volume
from cardioscar.imaging.labels import WALL, Label
from cardioscar.imaging.orientation import canonical
from cardioscar.lge.inference.by_signal import thresholded
from cardioscar.lge.inference.config import RulesConfig
from cardioscar.lge.inference.rules import mended
from cardioscar.lge.quantification.case import scored
from cardioscar.lge.quantification.config import QuantifyConfig
from cardioscar.lge.quantification.measures import quantify


@pytest.mark.real
def test_a_drawn_heart_has_its_volumes_and_stays_nearly_as_it_was_drawn(data_dir: Path) -> None:
    folder = data_dir / "sunnybrook_lge_infarct_annotations"
    said = json.loads((folder / "numbers.json").read_text())["labels"]
    image, labels = (
        canonical(one) for one in (read_volume(folder / "lge.nii.gz"), read_labels(folder / "labels.nii.gz"))
    )
    drawn = labels.values.astype(np.uint8)
    probability = np.stack([drawn == label for label in Label]).astype(np.float32)
    found = quantify(drawn, probability, image, QuantifyConfig(draws=50))
    assert found.scar_ml.value == pytest.approx(said["scar_ml"], abs=0.01)
    assert found.scar_ml.upper - found.scar_ml.lower == pytest.approx(0, abs=1e-6)
    assert found.wall_ml.value == pytest.approx(said["wall_ml"], abs=0.01)
    assert found.cavity_ml == pytest.approx(said["cavity_ml"], abs=0.01)
    # rules of anatomy are those of a heart that a person drew: they change little of it
    kept, reports = mended(drawn, image.spacing_mm, RulesConfig())
    assert (kept != drawn).sum() < 0.002 * (drawn > 0).sum(), reports
    # the rules by signal, in the drawn wall: FWHM finds what was drawn, 5 SD of a noisy wall a part of it
    fwhm, nsd = thresholded(image, drawn)
    for rule, least in ((fwhm, 0.9), (nsd, 0.25)):
        assert rule.labels is not None
        scores = scored(drawn, rule.labels, image.spacing_mm)
        assert scores["wall"].dice == 1
        assert scores["scar"].dice > least
        assert np.isin(rule.labels, WALL).sum() == np.isin(drawn, WALL).sum()
