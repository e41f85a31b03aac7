from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cardioscar.errors import InputError
from cardioscar.imaging.formats.cine_files import read_cine, read_cine_labels, write_cine
from cardioscar.imaging.labels import Label
from cardioscar.learning.augment_config import AugmentConfig
from cardioscar.lvquant.network.intensity import MOST
from cardioscar.lvquant.training.batches import TRAINING, VALIDATION, Batches, numbered_example
from cardioscar.lvquant.training.framing import framed
from cardioscar.lvquant.training.labelled import cine_slices, find_labelled, read_labelled
from cardioscar.phantom.beating import BeatingVentricle
from cardioscar.phantom.beating_cine import CineProtocol, image_beat
from cardioscar.synthesis.cine.settings import CineConfig
from tests.lvquant.lvquan_files import FRAMES, write_lvquan

GRID = CineConfig(pixels=(32, 32), frames=4, pixel_mm=(3.0, 4.0))
IMAGES = image_beat(
    BeatingVentricle(length_mm=80), CineProtocol(frames=4, pixel_mm=(2.5, 2.5), distance_mm=12.0, slices=10), fine=4
)
CINE = IMAGES.image(np.random.default_rng(0))


def test_a_batch_depends_on_its_number_alone() -> None:
    batches = Batches(GRID, 2, 0)
    later = batches(3)
    np.testing.assert_array_equal(Batches(GRID, 2, 0)(3)[1].image, later[1].image)
    np.testing.assert_array_equal(Batches(GRID, 7, 0)(1)[0].image, batches(3)[1].image)


def test_streams_of_training_and_validation_never_meet() -> None:
    images = [
        numbered_example(stream, seed, number, GRID).image.tobytes()
        for stream in (TRAINING, VALIDATION)
        for seed in (0, 1)
        for number in range(3)
    ]
    assert len(set(images)) == len(images)


def test_files_of_lvquan_keep_the_indices_that_they_state(tmp_path: Path) -> None:
    truth = write_lvquan(tmp_path / "b.mat", seed=1)
    write_lvquan(tmp_path / "a.mat", seed=2)
    first, second = find_labelled(tmp_path)
    assert (first.subject, second.subject) == ("a", "b")
    [one] = read_labelled(second)
    np.testing.assert_allclose(one.example.areas_mm2, truth["areas"].T, rtol=1e-5)
    np.testing.assert_allclose(one.example.thickness_mm, truth["rwt"].T, rtol=1e-5)
    np.testing.assert_array_equal(one.example.systole, truth["lv_phase"][0])
    assert one.example.image.shape[0] == FRAMES


def test_folders_of_cines_and_labels_are_read(tmp_path: Path) -> None:
    for name in ("B", "A"):
        (tmp_path / name).mkdir()
        write_cine(tmp_path / name / "cine.nii.gz", CINE)
        write_cine(tmp_path / name / "labels.nii.gz", IMAGES.labels)
    found = find_labelled(tmp_path)
    assert [one.subject for one in found] == ["A", "B"]
    slices = read_labelled(found[0])
    assert len(slices) == len(cine_slices(CINE, IMAGES.labels))
    write_cine(tmp_path / "A" / "cine.nii", CINE)
    with pytest.raises(InputError, match="one cine for each subject"):
        find_labelled(tmp_path)
    with pytest.raises(InputError, match="neither"):
        find_labelled(tmp_path / "A")


def test_slices_beyond_the_ends_are_empty_and_known_where_readers_were() -> None:
    values = IMAGES.labels.values.copy()
    values[..., 1] = 0  # nobody drew this frame
    found = cine_slices(CINE, IMAGES.labels.with_values(values))
    beyond = [one for one in found if one.beyond]
    assert beyond
    for one in beyond:
        assert (one.example.labels[1] == -1).all()
        assert (one.example.labels[[0, 2, 3]] == 0).all()
        np.testing.assert_array_equal(one.example.areas_mm2[[0, 2, 3]], 0)
        assert np.isnan(one.example.areas_mm2[1]).all()
    np.testing.assert_allclose(beyond[-1].center, (np.array(CINE.values.shape[:2]) - 1) / 2, atol=2)
    with pytest.raises(InputError, match="a cavity in at least one slice"):
        cine_slices(CINE, IMAGES.labels.with_values(np.zeros_like(values)))


@pytest.mark.real
def test_slices_beyond_the_drawn_ones_of_a_real_heart_are_empty_in_the_drawn_frames(data_dir: Path) -> None:
    folder = data_dir / "sunnybrook2009_cine" / "SCD0000101"
    cine = read_cine(folder / "cine_sax_crop128.nii.gz")
    labels = read_cine_labels(folder / "labels_crop128.nii.gz", cine)
    slices = cine_slices(cine, labels)
    drawn = (labels.values == Label.BLOOD_POOL).any(axis=(0, 1))
    assert sum(not one.beyond for one in slices) == np.count_nonzero(drawn.any(axis=1))
    beyond = [one for one in slices if one.beyond]
    assert beyond
    for one in beyond:
        frames = np.flatnonzero((one.example.labels == 0).all(axis=(1, 2)))
        np.testing.assert_array_equal(frames, np.flatnonzero(drawn.any(axis=0)))  # end-diastole and end-systole
        assert 30 < one.center.min() < one.center.max() < 98  # the heart, near the middle of a crop of 128


def test_another_grid_keeps_areas() -> None:
    one = next(slice_ for slice_ in cine_slices(CINE, IMAGES.labels) if not slice_.beyond)
    seen = framed(one.example, one.center, pixels=(80, 90), pixel_mm=1.3, frames=6, turn_rad=0.7, first=1)
    assert seen.image.shape == (6, 80, 90)
    assert seen.image.max() <= MOST
    cavity_mm2 = (seen.labels == Label.BLOOD_POOL).sum(axis=(1, 2)) * 1.3**2
    taken = [1, 1, 2, 3, 3, 0]
    before = (one.example.labels == Label.BLOOD_POOL).sum(axis=(1, 2)) * 2.5**2
    np.testing.assert_allclose(cavity_mm2, before[taken], rtol=0.05)  # nearest neighbours
    np.testing.assert_array_equal(seen.areas_mm2, one.example.areas_mm2[taken])


def test_labelled_slices_beyond_the_ends_come_in_their_share() -> None:
    slices = cine_slices(CINE, IMAGES.labels)

    def empty(share: float) -> float:
        batches = Batches(GRID, 60, 0, subjects=(slices,), synthetic_share=0.0, beyond_share=share)
        return float(np.mean([not (one.labels > 0).any() for one in batches(0)]))

    assert empty(0.0) == 0
    assert empty(1.0) == 1
    assert 0.1 < empty(0.3) < 0.5  # 60 draws: 0.3 ± 0.06


def test_grey_values_of_labelled_slices_are_varied_alone() -> None:
    slices = cine_slices(CINE, IMAGES.labels)
    plain = Batches(GRID, 4, 0, subjects=(slices,), synthetic_share=0.0)(0)
    varied = Batches(GRID, 4, 0, subjects=(slices,), synthetic_share=0.0, augment=AugmentConfig(chance=1.0))(0)
    for one, other in zip(plain, varied, strict=True):
        np.testing.assert_array_equal(one.labels, other.labels)
        np.testing.assert_array_equal(one.areas_mm2, other.areas_mm2)
        assert not np.allclose(one.image, other.image, atol=0.02)
        assert other.image.min() >= 0
        assert other.image.max() <= MOST


def test_more_synthetic_slices_lie_beyond_the_ends_where_that_is_asked_for() -> None:
    def empty(ends: tuple[float, float]) -> int:
        grid = CineConfig(pixels=(16, 16), frames=2, pixel_mm=(6.0, 8.0), beyond_ends=ends)
        return sum(not (numbered_example(TRAINING, 0, n, grid).labels > 0).any() for n in range(16))

    assert empty((0.0, 0.0)) < 4
    assert empty((0.5, 0.5)) > 8
