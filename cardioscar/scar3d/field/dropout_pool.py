"""Dropout masks of a fit: drawn once, since new ones at every step take a third of a fit's time, or drawn anew."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from cardioscar.scar3d.field.scar_field import ScarField

SPARE = 4096
"""Rows beyond those of a step, and so the number of places at which a step's rows may begin."""


@runtime_checkable
class DropoutMasks(Protocol):
    """Where the steps of a fit take their masks from."""

    def at(self, step: int, rows: int, *, dropout_pass: int = 0) -> list[Tensor]:
        """Masks of one pass of a step; the same for the same step, so that a resumed fit meets them again.

        Args:
            step: Optimiser steps done.
            rows: Nodes of the step.
            dropout_pass: Which of the passes that a step averages.

        Returns:
            Tensors of shape (rows, hidden), one for each layer that has a mask.
        """
        ...


def dropout_masks(field: ScarField, rows: int, generator: torch.Generator, *, fresh: bool) -> DropoutMasks:
    """Masks drawn anew at every step, or once for all steps.

    Args:
        field: The field whose hidden units are silenced.
        rows: Rows of the largest step.
        generator: Source of the masks, on the field's device.
        fresh: Draw anew.
    """
    return FreshMasks(field, generator) if fresh else DropoutPool(field, rows, generator)


class FreshMasks:
    """Every pass of every step draws masks of its own, as the published fit does.

    Args:
        field: The field whose hidden units are silenced.
        generator: Its seed is that of all masks.
    """

    def __init__(self, field: ScarField, generator: torch.Generator) -> None:
        self._field, self._device, self._seed = field, generator.device, generator.initial_seed()

    def at(self, step: int, rows: int, *, dropout_pass: int = 0) -> list[Tensor]:
        """Masks of one pass of a step, see `DropoutMasks`."""
        [seed] = np.random.SeedSequence((self._seed, step, dropout_pass)).generate_state(1, np.uint64) >> np.uint64(1)
        return self._field.dropout_masks(rows, torch.Generator(self._device).manual_seed(int(seed)))


class DropoutPool:
    """Rows of masks, of which each step takes a run that begins at a place of its own in each layer.

    Every row is an independent draw, so within a step all is as if drawn anew; over the steps a node meets other rows,
    and in each layer other ones than in the layer before.

    Args:
        field: The field whose hidden units are silenced.
        rows: Rows of the largest step.
        generator: Source of the masks, on the field's device; its seed also gives the places.
    """

    def __init__(self, field: ScarField, rows: int, generator: torch.Generator) -> None:
        self._seed = generator.initial_seed()
        self._masks = field.dropout_masks(rows + SPARE, generator)

    def at(self, step: int, rows: int, *, dropout_pass: int = 0) -> list[Tensor]:
        """Masks of one pass of a step, see `DropoutMasks`; views of what was drawn."""
        places = np.random.default_rng((self._seed, step, dropout_pass)).integers(SPARE, size=len(self._masks))
        return [mask[place : place + rows] for mask, place in zip(self._masks, places.tolist(), strict=True)]
