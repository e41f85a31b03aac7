from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cardioscar.lvquant.network.cine_net import CineNet, CineOutput
from cardioscar.lvquant.network.region import Region
from cardioscar.lvquant.network.spec import SIZES
from cardioscar.lvquant.training.loss import TASKS, CineLoss, CineTargets, phase_consistency


def truth(batch: int = 2, frames: int = 4, size: int = 12) -> CineTargets:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 3, (batch, frames, size, size), generator=generator)
    cavity = torch.tensor([2000.0, 1500.0, 1000.0, 1500.0]).repeat(batch, 1)
    return CineTargets(
        labels,
        torch.stack([cavity, torch.full_like(cavity, 1200.0)], dim=-1),
        torch.rand(batch, frames, 3, generator=generator) * 20 + 30,
        torch.rand(batch, frames, 6, generator=generator) * 5 + 6,
        torch.tensor([0.0, 1.0, 1.0, 0.0]).repeat(batch, 1),
    )


def answer(targets: CineTargets, *, sure: float = 20.0) -> CineOutput:
    """The output of a network that says what the targets say."""
    scores = torch.nn.functional.one_hot(targets.labels, 3).movedim(-1, 1).float() * sure
    batch = targets.labels.shape[0]
    return CineOutput(
        scores, (scores,), Region(torch.zeros(batch, 2), torch.ones(batch)), targets.areas_mm2, targets.dimensions_mm,
        targets.thickness_mm, (targets.systole * 2 - 1) * sure,
    )  # fmt: skip


def test_the_truth_costs_nothing() -> None:
    targets = truth()
    for name, loss in CineLoss().parts(answer(targets), targets).items():
        assert float(loss) == pytest.approx(0, abs=1e-3), name


@pytest.mark.parametrize("task", TASKS)
def test_each_task_sees_its_own_error(task: str) -> None:
    targets = truth()
    right = answer(targets)
    wrong = {
        "segmentation": replace(right, scores=right.scores.roll(1, dims=1)),
        "areas": replace(right, areas_mm2=right.areas_mm2 * 1.2),
        "dimensions": replace(right, dimensions_mm=right.dimensions_mm + 5),
        "thickness": replace(right, thickness_mm=right.thickness_mm - 2),
        "phase": replace(right, systole=-right.systole),
        "consistency": replace(right, areas_mm2=right.areas_mm2.flip(1)),
    }[task]
    loss = CineLoss()
    before, after = loss.parts(right, targets), loss.parts(wrong, targets)
    assert float(after[task]) > float(before[task]) + 0.01
    untouched = set(TASKS) - {task} - ({"areas", "consistency"} if task in ("areas", "consistency", "phase") else set())
    for other in untouched:
        assert float(after[other]) == pytest.approx(float(before[other]), abs=1e-6)


def test_what_nobody_drew_does_not_count() -> None:
    targets = truth()
    nan = torch.full_like(targets.thickness_mm, torch.nan)
    unknown = replace(
        targets, labels=torch.full_like(targets.labels, -1), thickness_mm=nan, systole=targets.systole * torch.nan
    )
    wrong = replace(answer(targets), thickness_mm=targets.thickness_mm + 3)
    parts = CineLoss().parts(replace(wrong, scores=wrong.scores.roll(1, 1)), unknown)
    assert all(bool(torch.isfinite(loss)) for loss in parts.values())
    assert float(parts["thickness"]) == 0
    assert float(parts["phase"]) == 0
    half = targets.thickness_mm.clone()
    half[:, 0] = torch.nan
    known = CineLoss().parts(wrong, replace(targets, thickness_mm=half))
    assert float(known["thickness"]) == pytest.approx(float(CineLoss().parts(wrong, targets)["thickness"]))


def test_tasks_can_be_left_out_and_their_weights_are_learned() -> None:
    targets = truth()
    wrong = replace(answer(targets), thickness_mm=targets.thickness_mm + 30, scores=answer(targets).scores * 0)
    only = CineLoss({task: 0.0 for task in TASKS if task != "segmentation"})
    assert float(only(wrong, targets).detach()) == pytest.approx(float(only.parts(wrong, targets)["segmentation"]))
    loss = CineLoss()
    loss(wrong, targets).backward()
    grad = loss.log_variances.grad
    assert grad is not None
    # a task whose loss is above one half is noisier than supposed: its variance grows
    for number, part in enumerate(loss.parts(wrong, targets).values()):
        assert np.sign(float(grad[number])) == np.sign(0.5 - float(part.detach()))
    fixed = CineLoss(learned=False)
    assert not fixed.log_variances.requires_grad
    with pytest.raises(ValueError, match="weights of segmentation"):
        CineLoss({"dice": 1.0})


def test_consistency_pulls_the_area_the_right_way() -> None:
    area = torch.tensor([[1000.0, 1100.0, 1000.0]], requires_grad=True)
    phase_consistency(area, torch.tensor([[-20.0, 20.0, -20.0]])).backward()
    assert area.grad is not None
    assert area.grad[0, 1] > 0  # grows in systole: too large


def test_a_few_steps_learn_a_beat() -> None:
    """A ring that contracts, 16 frames of 24²: loss falls by half, the area comes within a quarter."""
    torch.manual_seed(0)
    y, x = torch.meshgrid(torch.arange(24.0), torch.arange(24.0), indexing="ij")
    distance = torch.hypot(y - 12, x - 12)
    radius = 5 + 2 * torch.cos(torch.arange(6) / 6 * 2 * torch.pi)
    cavity, heart = distance < radius[:, None, None], distance < radius[:, None, None] + 3
    labels = (heart.long() + cavity.long())[None]
    pixel = torch.full((1, 2), 4.0)
    areas = torch.stack([(labels == 2).sum((2, 3)), (labels == 1).sum((2, 3))], dim=-1) * 16.0
    targets = CineTargets(
        labels, areas, (8 * radius)[None, :, None].repeat(1, 1, 3), torch.full((1, 6, 6), 12.0),
        torch.tensor([[0.0, 1, 1, 1, 0, 0]]),
    )  # fmt: skip
    image = torch.where(cavity, 1.0, torch.where(heart, 0.3, 0.1))[None] + 0.02 * torch.randn(1, 6, 24, 24)
    network, loss = CineNet(SIZES["tiny"]), CineLoss()
    optimiser = torch.optim.Adam([*network.parameters(), *loss.parameters()], 1e-2)
    seen = []
    for _ in range(150):  # the indices learn from a segmentation that has to come first
        optimiser.zero_grad()
        now = loss(network(image, pixel), targets)
        now.backward()
        optimiser.step()
        seen.append(float(now.detach()))
    assert seen[-1] < 0.5 * seen[0]
    with torch.no_grad():
        found = network(image, pixel)
    assert float(((found.areas_mm2 - areas).abs() / areas).mean()) < 0.25
    agreement = (found.scores.argmax(1) == labels).float().mean()
    assert float(agreement) > 0.9
