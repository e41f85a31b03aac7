"""How far several fits are, kept on the device: losses, best weights and who has stopped, with no wait at a step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Outcome:
    """How one subject's fit ended.

    Attributes:
        weights: Weights that are kept: of the best epoch, or of the last finite one; the first where none was.
        stop_reason: `completed`, `patience` or `diverged`.
        losses: Loss of each epoch.
        best_epoch: Epoch of the lowest loss, -1 if there is none.
        steps: Optimiser steps done.
    """

    weights: Tensor
    stop_reason: str
    losses: np.ndarray
    best_epoch: int
    steps: int


class FitProgress:
    """The rules by which `fit_field` ends an epoch, for all subjects at once.

    What a subject's row of weights does after it has stopped changes nothing here.

    Args:
        weights: First weights, one row for each subject.
        batches: Number of batches of an epoch of each subject.
        epochs: Upper limit of epochs of each subject.
        patience: Epochs without a lower loss before a subject stops; None never stops one.
        keep_last: Keep the weights of the last epoch instead of those of the lowest loss.
    """

    def __init__(
        self,
        weights: Tensor,
        batches: list[int],
        epochs: list[int],
        patience: int | None,
        *,
        keep_last: bool = False,
    ) -> None:
        rows, device = len(batches), weights.device
        self._longest, self._patience, self._keep_last = max(epochs), patience, keep_last
        self._single = [count == 1 for count in batches]
        self._rows = {
            "batches": torch.tensor(batches, device=device),
            "epochs": torch.tensor(epochs, device=device),
            "total": torch.zeros(rows, dtype=torch.float64, device=device),
            "epoch": torch.zeros(rows, dtype=torch.int64, device=device),
            "best_loss": torch.full((rows,), float("inf"), dtype=torch.float64, device=device),
            "best_epoch": torch.full((rows,), -1, dtype=torch.int64, device=device),
            "kept": weights.detach().clone(),
            "alive": torch.ones(rows, dtype=torch.bool, device=device),
            "diverged": torch.zeros(rows, dtype=torch.bool, device=device),
            # the last column takes what belongs to no epoch
            "losses": torch.zeros(rows, self._longest + 1, dtype=torch.float64, device=device),
        }

    def record(
        self,
        step: int,
        losses: Float[Tensor, " subjects"],
        before: Float[Tensor, "subjects weights"],
        after: Float[Tensor, "subjects weights"],
    ) -> None:
        """Take note of an optimiser step.

        Args:
            step: Steps done before it.
            losses: Loss of each subject in this step.
            before: Weights before it: a full-batch loss is theirs.
            after: Weights after it: a loss over batches belongs to the epoch as a whole.
        """
        r = self._rows
        r["total"] += losses
        measured = before if all(self._single) and not self._keep_last else after
        if any(self._single) and not all(self._single) and not self._keep_last:
            measured = torch.where((r["batches"] == 1)[:, None], before, after)
        at_end = r["alive"] & (torch.remainder(step + 1, r["batches"]) == 0)
        loss = r["total"] / r["batches"]
        finite = loss.isfinite() & measured.isfinite().all(dim=1)
        r["diverged"] |= at_end & ~finite
        counts = at_end & finite
        r["losses"].scatter_(1, torch.where(counts, r["epoch"], self._longest)[:, None], loss[:, None])
        better = counts & (loss < r["best_loss"])
        r["best_loss"] = torch.where(better, loss, r["best_loss"])
        r["best_epoch"] = torch.where(better, r["epoch"], r["best_epoch"])
        r["kept"] = torch.where((counts if self._keep_last else better)[:, None], measured, r["kept"])
        r["epoch"] += counts
        r["alive"] &= ~r["diverged"] & (r["epoch"] < r["epochs"])
        if self._patience is not None:
            r["alive"] &= ~(counts & (r["epoch"] - r["best_epoch"] > self._patience))
        r["total"] = torch.where(torch.remainder(step + 1, r["batches"]) == 0, 0.0, r["total"])

    def alive(self) -> list[bool]:
        """Whether each subject goes on; waits for the device."""
        return list(self._rows["alive"].tolist())

    def outcome(self, row: int) -> Outcome:
        """How a subject that has stopped ended; waits for the device."""
        one = {name: values[row] for name, values in self._rows.items()}
        epochs, diverged = int(one["epoch"]), bool(one["diverged"])
        ended = "completed" if epochs == int(one["epochs"]) else "patience"
        return Outcome(
            weights=one["kept"],
            stop_reason="diverged" if diverged else ended,
            losses=one["losses"][:epochs].cpu().numpy(),
            best_epoch=int(one["best_epoch"]),
            steps=int(one["batches"]) * (epochs + diverged),
        )

    def keep(self, rows: list[int]) -> None:
        """Go on with some of the subjects only."""
        self._rows = {name: values[rows] for name, values in self._rows.items()}
        self._single = [self._single[row] for row in rows]
