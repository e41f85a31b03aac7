from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.errors import InputError
from cardioscar.scar3d.observation.group_means import group_means


@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=20), seed=st.integers(0, 99))
def test_means_are_those_of_numpy(sizes: list[int], seed: int) -> None:
    values = np.random.default_rng(seed).random(sum(sizes))
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    expected = [part.mean() for part in np.split(values, offsets[1:-1])]
    np.testing.assert_allclose(group_means(torch.tensor(values), torch.tensor(offsets)), expected, rtol=1e-12)


def test_gradient_agrees_with_finite_differences() -> None:
    values = torch.rand(10, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: group_means(v, torch.tensor([0, 3, 4, 10])) ** 2, (values,))


def test_an_empty_group_has_no_mean() -> None:
    with pytest.raises(InputError, match="1 empty groups"):
        group_means(torch.ones(3), torch.tensor([0, 0, 3]))
