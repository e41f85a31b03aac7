"""The loss of ScarNet: Focal Tversky, Dice and weighted cross-entropy, the first one heavier where there is scar."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from cardioscar.errors import ConfigError
from cardioscar.imaging.labels import Label
from cardioscar.lge.training.loss_config import LossConfig


class SegmentationLoss:
    r"""$\lambda_1 \sum_c (1 - T_c)^\gamma + \lambda_2 \sum_c (1 - D_c) + \lambda_3\,\mathrm{CE}$ [@tavakoli2025].

    $T_c$ is the Tversky index [@salehi2017] of class $c$ in a batch, or in each image of it, $D_c$ its Dice; sums are
    means over classes (and images). $\lambda_1$ is raised for images that hold scar. Tversky and Dice are MONAI's
    [@cardoso2022]; the exponent makes the first focal [@abraham2019].

    Args:
        config: Weights.

    Raises:
        ConfigError: If MONAI is not installed.
    """

    def __init__(self, config: LossConfig) -> None:
        self.config = config
        tversky, dice = _monai()
        shared: dict[str, Any] = {"reduction": "none", "smooth_nr": config.smooth, "smooth_dr": config.smooth}
        shared |= {"include_background": config.background, "batch": config.together}
        self._tversky = tversky(alpha=config.false_positives, beta=config.false_negatives, **shared)
        self._dice = dice(**shared)

    def __call__(
        self, scores: Float[Tensor, "batch classes i j"], labels: Int[Tensor, "batch i j"]
    ) -> Float[Tensor, ""]:
        """The loss of a batch.

        Args:
            scores: Logits.
            labels: `Label` of each pixel.
        """
        return sum(self.parts(scores, labels).values(), torch.zeros((), device=scores.device))

    def parts(self, scores: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """The three parts by name, weighted: their sum is the loss."""
        config = self.config
        scores = scores.float()  # sums over thousands of pixels have no room in half precision
        shares = scores.softmax(dim=1)
        truth = functional.one_hot(labels, scores.shape[1]).movedim(-1, 1).to(shares.dtype)
        focal = (self._tversky(shares, truth).clamp_min(0) + _TINY) ** config.focus
        has_scar = (labels == Label.SCAR).flatten(1).any(dim=1)
        lambda1 = config.tversky * torch.where(has_scar, config.scar_factor, 1.0)
        weights = torch.tensor(config.class_weights, dtype=scores.dtype, device=scores.device)
        return {
            # of images together there is one index of each class, and one λ₁
            "focal Tversky": (lambda1 * focal.flatten(1).mean(dim=1)).mean()
            if not config.together
            else lambda1.mean() * focal.mean(),
            "Dice": config.dice * self._dice(shares, truth).mean(),
            "cross-entropy": config.cross_entropy * functional.cross_entropy(scores, labels, weight=weights),
        }


_TINY = 1e-7
"""Keeps the slope of a power below 1 finite where a class is met exactly."""


def _monai() -> tuple[Any, Any]:
    try:
        from monai.losses import DiceLoss, TverskyLoss
    except ImportError as error:
        raise ConfigError("loss", "MONAI, the extra 'learning' of cardioscar", "none") from error
    return TverskyLoss, DiceLoss
