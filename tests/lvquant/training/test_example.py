from __future__ import annotations

import numpy as np
import torch

from cardioscar.imaging.cine import Cine
from cardioscar.imaging.labels import Label
from cardioscar.lvquant.cine_indices import indices_of_shares
from cardioscar.lvquant.network.cine_net import CineNet
from cardioscar.lvquant.network.intensity import MOST, normalised
from cardioscar.lvquant.network.spec import SIZES
from cardioscar.lvquant.sectors import septum_frame
from cardioscar.lvquant.training.example import (
    batch,
    example_and_septum,
    labelled_examples,
    synthetic_example,
)
from cardioscar.lvquant.training.loss import CineLoss
from cardioscar.phantom.beating import BeatingVentricle
from cardioscar.phantom.beating_cine import CineProtocol, image_beat
from cardioscar.synthesis.cine.sample import draw_cine
from cardioscar.synthesis.cine.settings import CineConfig

CONFIG = CineConfig(pixels=(48, 48), frames=5, pixel_mm=(2.4, 2.6))


def test_a_synthetic_example_says_what_its_labels_say() -> None:
    for seed in range(6):
        example = synthetic_example(seed, CONFIG)
        assert example.image.shape == example.labels.shape == (5, 48, 48)
        assert example.image.min() >= 0
        assert example.image.max() <= MOST
        pixel = float(example.pixel_mm.prod())
        shown = (example.labels == Label.BLOOD_POOL).sum(axis=(1, 2)) * pixel
        stated = np.nan_to_num(example.areas_mm2[:, 0])
        np.testing.assert_allclose(stated, shown, rtol=0.25, atol=40 * pixel)  # shares against whole pixels
        assert set(np.unique(example.systole)) <= {0.0, 1.0}


def test_sectors_are_counted_in_one_sense_in_mirror_images_too() -> None:
    """Half of the drawn pictures are mirror images of a heart, which no picture in the one order of storage is."""
    turns = set()
    for seed in range(12):
        sample = draw_cine(seed, CONFIG)
        cine = Cine(sample.image, sample.affine)
        heart = septum_frame(cine.grid, septum_direction=sample.septum_direction)
        example, told = example_and_septum(seed, CONFIG)
        own = indices_of_shares(sample.cavity, sample.wall, cine, septum=heart).thickness_mm[0]
        turns.add(heart.turn)
        assert told.turn == 1
        assert told.septum_rad == heart.septum_rad
        # what is inferior in the mirror image stands where anterior is looked for
        np.testing.assert_allclose(example.thickness_mm, own if heart.turn == 1 else own[:, ::-1], rtol=1e-5)
    assert turns == {-1, 1}


def test_systole_ends_where_the_ventricle_is_smallest() -> None:
    example = synthetic_example(3, CineConfig(pixels=(48, 48), frames=12, pixel_mm=(2.4, 2.6)))
    systole = example.systole.astype(bool)
    area = np.nan_to_num(example.areas_mm2[:, 0], nan=np.inf)
    assert 1 <= systole.sum() <= 7
    if np.isfinite(area).all() and np.ptp(area) > 0.2 * area.max():
        smallest = int(np.argmin(area))
        assert systole[smallest] or systole[smallest - 1]


def test_labelled_slices_become_examples_and_unknown_ones_do_not_count() -> None:
    images = image_beat(BeatingVentricle(), CineProtocol(frames=4, pixel_mm=(2.5, 2.5), distance_mm=15.0), fine=4)
    cine = images.image(np.random.default_rng(0))
    whole = labelled_examples(cine, images.labels)
    assert 4 <= len(whole) <= cine.slices
    assert all(np.isfinite(one.systole).all() for one in whole)
    values = images.labels.values.copy()
    values[..., 1] = 0  # nobody drew this frame
    values[..., 2][values[..., 2] == Label.MYOCARDIUM] = 0  # and here the cavity alone
    part = labelled_examples(cine, images.labels.with_values(values))
    middle = part[len(part) // 2]
    assert (middle.labels[1] == -1).all()
    assert (middle.labels[2] == -1).all()
    assert np.isfinite(middle.dimensions_mm[2]).all()
    assert np.isnan(middle.thickness_mm[2]).all()
    assert np.isnan(middle.systole).all()
    image, pixel, targets = batch([middle, middle])
    loss = CineLoss()(CineNet(SIZES["tiny"])(image, pixel), targets)
    assert bool(torch.isfinite(loss))
    loss.backward()


def test_grey_values_keep_their_order_and_lose_their_scale() -> None:
    values = np.random.default_rng(0).gamma(2, 100, (30, 30, 4))
    np.testing.assert_allclose(normalised(values), normalised(7 * values + 1000), atol=1e-4)
    assert normalised(np.full((4, 4, 2), 7.0)).max() == 0


def test_examples_of_scar_have_wall_there() -> None:
    images = image_beat(BeatingVentricle(), CineProtocol(frames=2, pixel_mm=(3.0, 3.0), distance_mm=20.0), fine=4)
    values = images.labels.values.copy()
    values[:20][values[:20] == Label.MYOCARDIUM] = Label.SCAR
    cine = images.image(np.random.default_rng(0))
    with_scar = labelled_examples(cine, Cine(values, cine.affine))
    without = labelled_examples(cine, images.labels)
    np.testing.assert_array_equal(with_scar[1].labels, without[1].labels)
    np.testing.assert_allclose(with_scar[1].thickness_mm, without[1].thickness_mm)
