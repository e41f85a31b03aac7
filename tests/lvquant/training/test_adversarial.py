"""The adversarial term: whom it teaches what."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from cardioscar.lvquant.training.adversarial import AdversarialTerm
from tests.lvquant.training.test_loss import answer, truth


def test_the_discriminator_learns_and_the_network_is_pulled_the_other_way() -> None:
    torch.manual_seed(0)
    targets = truth(batch=8)
    wrong = replace(answer(targets), thickness_mm=(targets.thickness_mm + 3).requires_grad_(True))
    term = AdversarialTerm(0.5)
    before = float(term(wrong, targets).detach())
    optimiser = torch.optim.Adam(term.parameters(), 3e-3)
    for _ in range(12):
        optimiser.zero_grad()
        term(wrong, targets).backward()
        optimiser.step()
    after = term(wrong, targets)
    assert float(after.detach()) < 0.9 * before  # they can be told apart, and it does
    wrong.thickness_mm.grad = None
    after.backward()
    assert wrong.thickness_mm.grad is not None
    # a step against the network's gradient makes its curves harder to tell from true ones
    step = wrong.thickness_mm.grad / wrong.thickness_mm.grad.abs().max()
    moved = replace(wrong, thickness_mm=wrong.thickness_mm.detach() - 0.2 * step)
    assert float(term(moved, targets).detach()) > float(after.detach())


def test_its_gradient_is_weighed_and_no_weight_means_none() -> None:
    torch.manual_seed(0)
    targets = truth()
    given = []
    for weight in (1.0, 0.25):
        torch.manual_seed(1)
        term = AdversarialTerm(weight)
        output = replace(answer(targets), areas_mm2=(targets.areas_mm2 * 1.3).requires_grad_(True))
        term(output, targets).backward()
        assert output.areas_mm2.grad is not None
        given.append(output.areas_mm2.grad)
    torch.testing.assert_close(given[1], given[0] / 4)
    assert float(given[0].abs().max()) > 0


@pytest.mark.parametrize("known", ["none", "one"])
def test_slices_that_are_not_known_in_every_frame_do_not_count(known: str) -> None:
    torch.manual_seed(0)
    targets = truth()
    thickness = targets.thickness_mm.clone()
    thickness[0, 1, 2] = torch.nan
    if known == "none":
        thickness[1, 0] = torch.nan
    part = replace(targets, thickness_mm=thickness)
    output = replace(answer(targets), dimensions_mm=(targets.dimensions_mm + 4).requires_grad_(True))
    cost = AdversarialTerm(1.0)(output, part)
    assert bool(torch.isfinite(cost))
    if known == "none":
        assert float(cost) == 0
        return
    cost.backward()
    grad = output.dimensions_mm.grad
    assert grad is not None
    assert float(grad[0].abs().max()) == 0
    assert float(grad[1].abs().max()) > 0
