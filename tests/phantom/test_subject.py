from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cardioscar.phantom.config import PhantomConfig
from cardioscar.phantom.subject import Phantom, make_phantom

SMALL = PhantomConfig(nodes=2_000, pixel_mm=(1.5, 1.5))


def same_images(a: Phantom, b: Phantom) -> bool:
    names = ("labels", "scar_fraction", "lge")
    return all(np.array_equal(getattr(a.images, n).values, getattr(b.images, n).values) for n in names)


def test_same_seed_and_index_give_the_same_phantom():
    a, b = make_phantom(SMALL, 2), make_phantom(SMALL, 2)
    assert same_images(a, b)
    assert a.parameters == b.parameters
    np.testing.assert_array_equal(a.mesh.nodes_mm, b.mesh.nodes_mm)
    np.testing.assert_array_equal(a.scar_truth, b.scar_truth)


def test_seeds_and_indices_give_other_hearts():
    lengths = {
        make_phantom(dataclasses.replace(SMALL, seed=seed), index).shape.length_mm
        for seed in (0, 1)
        for index in (0, 1)
    }
    assert len(lengths) == 4


def test_finer_mesh_keeps_heart_scar_and_images():
    coarse, fine = make_phantom(SMALL, 1), make_phantom(dataclasses.replace(SMALL, nodes=20_000), 1)
    assert same_images(coarse, fine)
    assert fine.parameters["scar_ml"] == pytest.approx(coarse.parameters["scar_ml"], rel=0.15)
    assert fine.mesh.n_nodes > 9 * coarse.mesh.n_nodes


def test_observed_pixels_are_the_labelled_wall():
    phantom = make_phantom(SMALL, 0)
    seen = sum(int(s.observed.sum()) for s in phantom.stack)
    assert seen == int(np.isin(phantom.images.labels.values, (1, 3)).sum()) > 1_000


def test_scar_free_heart_has_neither_scar_nor_thinning():
    phantom = make_phantom(dataclasses.replace(SMALL, scar="none"))
    assert not phantom.scar_truth.any()
    assert not (phantom.images.labels.values == 3).any()
    assert phantom.shape.thinning == 0
    assert phantom.parameters["scar_ml"] == 0
    assert phantom.parameters["artery"] is None
