"""The loss of several tasks, weighed against each other by what the network learns of their noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from cardioscar.lvquant.network.cine_net import CineOutput

TASKS = ("segmentation", "areas", "dimensions", "thickness", "phase", "consistency")
_UNIT_MM = {"areas": 500.0, "dimensions": 10.0, "thickness": 2.0}
"""Errors that count as one: a tenth to a fifth of what is measured."""
_COARSER = 0.5
"""Weight of each coarser level against the finer one before it."""
_MOST_NOISE = 3.0
"""Bound of the learned log variances: a task cannot be given up."""


@dataclass(frozen=True)
class CineTargets:
    """What the network should say; NaN where it is not known.

    Attributes:
        labels: `Label` of each pixel, shape (batch, frames, i, j); −1 where nobody drew.
        areas_mm2: Shape (batch, frames, 2).
        dimensions_mm: Shape (batch, frames, 3).
        thickness_mm: Shape (batch, frames, 6).
        systole: 1 in systole, 0 in diastole, NaN where unknown, shape (batch, frames).
    """

    labels: Int[Tensor, "batch frames i j"]
    areas_mm2: Float[Tensor, "batch frames 2"]
    dimensions_mm: Float[Tensor, "batch frames 3"]
    thickness_mm: Float[Tensor, "batch frames 6"]
    systole: Float[Tensor, "batch frames"]


class CineLoss(nn.Module):
    r"""$\sum_k e^{-s_k} L_k + s_k / 2$ with a learned log variance $s_k$ of each task [@kendall2018].

    Segmentation is Dice and cross-entropy of every supervised level, regression is Huber's loss in units of
    `_UNIT_MM`, phase is cross-entropy, and consistency asks that the cavity shrinks where systole is predicted and
    grows where diastole is.

    Args:
        weights: Fixed weight of each task, 0 to leave it out: `segmentation` alone is a plain segmentation. Default 1
            of all.
        learned: Whether the log variances are learned; else they stay 0.
    """

    def __init__(self, weights: Mapping[str, float] | None = None, *, learned: bool = True) -> None:
        super().__init__()
        self.weights = dict.fromkeys(TASKS, 1.0) | dict(weights or {})
        if self.weights.keys() != set(TASKS):
            raise ValueError(f"weights of {', '.join(TASKS)}")
        self.log_variances = nn.Parameter(torch.zeros(len(TASKS)), requires_grad=learned)

    def forward(self, output: CineOutput, targets: CineTargets) -> Float[Tensor, ""]:
        """The loss of a batch."""
        total = output.scores.new_zeros(())
        for number, (task, loss) in enumerate(self.parts(output, targets).items()):
            weight = self.weights[task]
            if weight > 0:
                noise = self.log_variances[number].clamp(-_MOST_NOISE, _MOST_NOISE)
                total = total + weight * (torch.exp(-noise) * loss + noise / 2)
        return total

    def parts(self, output: CineOutput, targets: CineTargets) -> dict[str, Float[Tensor, ""]]:
        """The loss of each task, unweighted, in the order of `TASKS`."""
        levels = (output.scores, *output.coarser)
        shares = [_COARSER**level for level in range(len(levels))]
        segmentation = sum(
            (share * _segmentation(scores, targets.labels) for share, scores in zip(shares, levels, strict=True)),
            output.scores.new_zeros(()),
        )
        found = {"segmentation": segmentation / sum(shares)}
        for name, given, wanted in (
            ("areas", output.areas_mm2, targets.areas_mm2),
            ("dimensions", output.dimensions_mm, targets.dimensions_mm),
            ("thickness", output.thickness_mm, targets.thickness_mm),
        ):
            unit, known = _UNIT_MM[name], wanted.isfinite()
            error = functional.smooth_l1_loss(given / unit, wanted.nan_to_num() / unit, reduction="none")
            found[name] = _mean(error, known)
        known = targets.systole.isfinite()
        phase = functional.binary_cross_entropy_with_logits(
            output.systole, targets.systole.nan_to_num(), reduction="none"
        )
        found["phase"] = _mean(phase, known)
        found["consistency"] = phase_consistency(output.areas_mm2[..., 0], output.systole)
        return found


def phase_consistency(
    cavity_mm2: Float[Tensor, "batch frames"], systole: Float[Tensor, "batch frames"]
) -> Float[Tensor, ""]:
    """How much the cavity grows in predicted systole and shrinks in predicted diastole, around the beat.

    Args:
        cavity_mm2: Regressed area of the cavity.
        systole: Logits of systole.

    Returns:
        Mean over the frames, as a share of the mean area.

    >>> shrinking = torch.tensor([[4.0, 3.0, 2.0, 3.0]])
    >>> right = torch.tensor([[-9.0, 9.0, 9.0, -9.0]])
    >>> bool(phase_consistency(shrinking, right) < 0.01 < phase_consistency(shrinking, -right))
    True
    """
    change = (cavity_mm2 - cavity_mm2.roll(1, dims=1)) / cavity_mm2.detach().mean(dim=1, keepdim=True).clamp_min(1e-6)
    chance = torch.sigmoid(systole)
    return (chance * change.clamp_min(0) + (1 - chance) * (-change).clamp_min(0)).mean()


def _segmentation(
    scores: Float[Tensor, "batch classes frames i j"], labels: Int[Tensor, "batch frames i j"]
) -> Float[Tensor, ""]:
    """Dice of wall and cavity over each cine, and cross-entropy; unknown pixels do not count."""
    scores, known = scores.float(), labels >= 0
    entropy = _mean(functional.cross_entropy(scores, labels.clamp_min(0), reduction="none"), known)
    shares = scores.softmax(dim=1) * known[:, None]
    truth = functional.one_hot(labels.clamp_min(0), scores.shape[1]).movedim(-1, 1).to(shares.dtype) * known[:, None]
    both = (shares * truth).sum(dim=(2, 3, 4))
    dice = (2 * both + 1) / (shares.sum(dim=(2, 3, 4)) + truth.sum(dim=(2, 3, 4)) + 1)
    return entropy + (1 - dice[:, 1:]).mean()


def _mean(loss: Tensor, known: Bool[Tensor, ...]) -> Float[Tensor, ""]:
    """Mean of what is known; 0 where nothing is."""
    return (loss * known).sum() / known.sum().clamp_min(1)
