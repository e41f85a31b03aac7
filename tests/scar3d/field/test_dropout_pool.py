"""Masks drawn once serve every step as if drawn anew."""

from __future__ import annotations

import pytest
import torch

from cardioscar.scar3d.field.dropout_pool import SPARE, DropoutPool
from cardioscar.scar3d.field.scar_field import FieldSpec, ScarField

DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")),
]


def make_pool(*, rows: int = 500, seed: int = 0, dropout: float = 0.2, device: str = "cpu") -> DropoutPool:
    field = ScarField(FieldSpec(hidden=16, dropout=dropout)).to(device)
    return DropoutPool(field, rows, torch.Generator(device).manual_seed(seed))


@pytest.mark.parametrize("device", DEVICES)
def test_units_are_kept_as_often_as_the_rate_says_and_keep_their_mean(device: str) -> None:
    for mask in make_pool(device=device).at(3, 500):
        assert mask.shape == (500, 16)
        assert mask.device.type == device
        assert set(mask.unique().tolist()) == {0.0, 1.25}
        # standard error of the mean of 8,000 draws: 0.0056
        assert float(mask.mean()) == pytest.approx(1.0, abs=0.025)


def test_a_step_meets_its_own_masks_whenever_it_is_asked() -> None:
    pool, again = make_pool(), make_pool()
    pool.at(1, 500)
    for a, b in zip(pool.at(7, 500), again.at(7, 500), strict=True):
        assert torch.equal(a, b)


def test_steps_passes_layers_and_seeds_meet_different_masks() -> None:
    pool = make_pool()
    drawn = [*pool.at(0, 500), *pool.at(1, 500), *pool.at(0, 500, dropout_pass=1), *make_pool(seed=1).at(0, 500)]
    assert len({mask.cpu().numpy().tobytes() for mask in drawn}) == len(drawn)


def test_a_node_meets_the_layers_in_new_combinations() -> None:
    """Were the places in two layers tied together, a unit silenced with another one would always be so."""
    pool = make_pool()
    first, second = (m.storage_offset() for m in pool.at(0, 1)), (m.storage_offset() for m in pool.at(1, 1))
    assert len({a - b for a, b in (tuple(first), tuple(second))}) == 2


def test_every_place_leaves_room_for_the_largest_step() -> None:
    pool = make_pool(rows=3)
    assert {mask.shape for step in range(2 * SPARE // 10) for mask in pool.at(step, 3)} == {(3, 16)}
