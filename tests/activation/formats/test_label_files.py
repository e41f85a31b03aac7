from __future__ import annotations

import numpy as np
import pytest

from cardioscar.activation.formats.given import Given
from cardioscar.activation.formats.label_files import cine_strain
from cardioscar.activation.formats.strain_files import read_strain
from cardioscar.errors import InputError
from cardioscar.imaging.cine import Cine
from cardioscar.imaging.formats.cine_files import write_cine

FRAMES = 12
SHORTENING = -0.18 * np.sin(np.pi * np.arange(FRAMES) / FRAMES) ** 2


def beating_labels(slices: int = 3) -> Cine:
    """Rings of pixels of 1 mm whose middle has the strain above; the wall keeps its area."""
    x, y = np.mgrid[:90, :90] - 44.5
    values = np.zeros((90, 90, slices, FRAMES), dtype=np.uint8)
    for frame, strain in enumerate(SHORTENING):
        middle = 28 * np.sqrt(1 + 2 * strain)
        half = 5 * 28 / middle
        radius = np.hypot(x, y)
        values[..., frame] = np.where(radius < middle - half, 2, np.where(radius < middle + half, 1, 0))[..., None]
    return Cine(values, np.diag([1.0, 1, 8, 1]), 60.0 * np.arange(FRAMES), "labels.nii.gz")


def test_labels_of_a_cine_are_strain_of_its_slices(tmp_path):
    write_cine(tmp_path / "labels.nii.gz", beating_labels())
    for source in (tmp_path, tmp_path / "labels.nii.gz"):
        slices = read_strain(source)
        assert [one.location_mm for one in slices] == [0.0, 8.0, 16.0]
        for one in slices:
            assert one.circumferential.shape == (126, FRAMES)
            # pixels of 1 mm tell a radius of 28 mm to a hundredth
            np.testing.assert_allclose(one.circumferential.mean(axis=0), SHORTENING, atol=0.01)
            np.testing.assert_allclose(one.frame_ms, 60.0 * np.arange(FRAMES), atol=1e-3)


def test_slices_without_contours_are_left_out_and_none_at_all_is_refused():
    labels = beating_labels()
    labels.values[:, :, 0, 3:] = 0
    labels.values[:, 45:, 2, 4] = 0
    with_warning = cine_strain(labels, labels.times_ms)
    assert [one.location_mm for one in with_warning] == [8.0]
    labels.values[:, :, 1, 5:] = 0
    labels.values[:, :, 2] = 0
    rule = "contours of the cavity in 8 frames and more of a slice, found 5 at most"
    with pytest.raises(InputError, match=rule):
        cine_strain(labels, labels.times_ms)


def test_notches_of_the_labels_are_evened_out():
    labels = beating_labels(1)
    whole = cine_strain(labels, labels.times_ms)[0].circumferential.mean(axis=0)
    for frame in (2, 3):  # a papillary muscle that bends along the wall
        labels.values[25:27, 40:52, 0, frame] = 1
        labels.values[25:30, 50:52, 0, frame] = 1
    [one] = cine_strain(labels, labels.times_ms)
    np.testing.assert_allclose(one.circumferential.mean(axis=0), whole, atol=0.02)


def test_times_are_asked_for_where_no_file_has_them(tmp_path):
    write_cine(tmp_path / "labels.nii.gz", Cine(beating_labels().values, np.diag([1.0, 1, 8, 1])))
    with pytest.raises(InputError, match=r"labels.nii.gz: expected frame times in ms \(frame_ms\), found none"):
        read_strain(tmp_path)
    assert read_strain(tmp_path, Given(first_ms=0, interval_ms=50))[0].frame_ms[-1] == 550
