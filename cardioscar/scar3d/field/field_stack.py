"""Scar fields of several subjects as one computation: stacked weights, nodes in chunks that each belong to one subject.

Chunks of one size turn subjects of any size into a batched matrix product, with less than a chunk of padding each, and
keep the weights' gradients (sums over a chunk, then over the subject's chunks) parallel and in a fixed order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from cardioscar.errors import InputError
from cardioscar.scar3d.field.dropout_pool import dropout_masks
from cardioscar.scar3d.field.fit_config import FitConfig
from cardioscar.scar3d.field.plan import Batch, FitPlan, plan_fit
from cardioscar.scar3d.field.pretrained import PretrainedField
from cardioscar.scar3d.field.scar_field import ScarField
from cardioscar.scar3d.observation.constraint_loss import group_losses
from cardioscar.scar3d.observation.observations import Observations

CHUNK = 512
"""Nodes of a chunk."""
_ALIGNED = 32
"""Weights of a layer begin at a multiple of so many numbers, as fast matrix products want it."""


@dataclass(frozen=True)
class Prepared:
    """What of a subject enters a fit; light enough to keep many in memory.

    Attributes:
        plan: The subject's plan.
        positions_mm: Positions of each batch's nodes in mm LPS, (batch nodes, 3) each.
    """

    plan: FitPlan
    positions_mm: tuple[np.ndarray, ...]

    @property
    def nodes(self) -> int:
        """Nodes of the largest batch."""
        return max(len(positions) for positions in self.positions_mm)

    @property
    def memory_bytes(self) -> int:
        """Memory that a step takes, estimated from the tensors kept for the gradient."""
        spec = self.plan.spec
        each_pass = 3 * spec.layers + 3 * len(spec.dropped_layers)
        numbers = 2 * spec.features + 16 + (each_pass * self.plan.passes + spec.layers) * spec.hidden
        return 4 * numbers * CHUNK * math.ceil(self.nodes / CHUNK)


def prepare(observations: Observations, config: FitConfig, pretrained: PretrainedField | None = None) -> Prepared:
    """Plan a subject's fit and check it, so that one subject's corrupt groups cannot end a computation of several.

    Raises:
        InputError: If offsets, targets and nodes do not fit together, or a group is empty; and what `plan_fit` raises.
    """
    plan = plan_fit(observations, config, pretrained)
    for batch in plan.batches:
        offsets, groups = batch.offsets, len(batch.targets)
        if len(batch.nodes) == 0 or groups + 1 != len(offsets) or offsets[0] != 0 or offsets[-1] != len(batch.nodes):
            raise InputError(
                "group_offsets", "offsets from 0 to the number of nodes, one for each group and one more",
                f"{len(offsets)} offsets, {groups} groups, {len(batch.nodes)} nodes",
            )  # fmt: skip
        if (np.diff(offsets) < 1).any():
            empty = int((np.diff(offsets) < 1).sum())
            raise InputError("group_offsets", "at least one node in each group", f"{empty} empty groups")
    return Prepared(plan, tuple(observations.nodes_mm[batch.nodes] for batch in plan.batches))


class FieldStack:
    """The fields of subjects that share an architecture, and the data that they are fitted to.

    Args:
        subjects: Prepared with one configuration.
        config: That configuration.
        device: Where to compute.
        dtype: Precision.

    Attributes:
        weights: All weights, one row for each subject; the leaf that an optimiser updates.
        batches: Number of batches of an epoch of each subject.
        epochs: Upper limit of epochs of each subject.
        frozen: Columns of `weights` that a step must leave as they are.
    """

    def __init__(
        self, subjects: Sequence[Prepared], config: FitConfig, device: torch.device, dtype: torch.dtype
    ) -> None:
        self.plan = subjects[0].plan
        self.fields = [one.plan.first_field(config.seed).to(device, dtype) for one in subjects]
        self._masks_of = [
            dropout_masks(
                field,
                one.nodes,
                torch.Generator(device).manual_seed(config.seed),
                fresh=self.plan.fresh_masks,
            )
            for one, field in zip(subjects, self.fields, strict=True)
        ]
        self._shapes = [parameter.shape for parameter in self.fields[0].parameters()]
        self.weights = torch.stack([_packed(field) for field in self.fields]).requires_grad_()
        self.frozen = _frozen_columns(self.fields[0])
        self.batches = [len(one.plan.batches) for one in subjects]
        self.epochs = [one.plan.epochs for one in subjects]
        self._pieces = [
            [_piece(batch, mm, field) for batch, mm in zip(one.plan.batches, one.positions_mm, strict=True)]
            for one, field in zip(subjects, self.fields, strict=True)
        ]
        self._layout: tuple[list[_Piece], _Layout] | None = None
        self._masks: list[Tensor] = []

    def losses(self, step: int) -> tuple[Tensor, Tensor]:
        """Loss of every subject on its batch of a step, and their sum, which carries the gradient.

        The gradient of the sum with respect to a subject's row of `weights` is that of the subject's own loss.

        Args:
            step: Optimiser steps done.

        Returns:
            Losses, shape (subjects,), without gradient; their sum.
        """
        layout = self._at(step)
        layers = self._layers(_PerChunk.apply(self.weights, layout.chunk_subject, layout.subject_chunks))
        probability = layout.features.new_zeros(layout.features.shape[:2])
        masks = iter(self._drawn(layout, step))
        for _ in range(self.plan.passes):
            drawn = [next(masks).view(*layout.features.shape[:2], -1) for _ in self.plan.spec.dropped_layers]
            probability = probability + torch.sigmoid(self._logits(layout.features, layers, drawn)) / self.plan.passes
        sums = torch.segment_reduce(probability.view(-1), "sum", offsets=layout.offsets)
        per_group = group_losses(sums / layout.sizes, layout.targets, layout.weights, self.plan.loss)
        each = torch.segment_reduce(per_group.detach(), "sum", offsets=layout.subject_groups)
        return each, per_group.sum()

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with some of the subjects only; `weights` becomes a new leaf."""
        self.weights = self.weights.detach()[list(rows)].requires_grad_()
        for name in ("fields", "_masks_of", "batches", "_pieces"):
            setattr(self, name, [getattr(self, name)[row] for row in rows])
        self._layout, self._masks = None, []

    def field(self, row: int, weights: Float[Tensor, " weights"]) -> ScarField:
        """A subject's field with the given row of weights."""
        field = self.fields[row]
        blocks = weights.split([_aligned(shape.numel()) for shape in self._shapes])
        with torch.no_grad():
            for parameter, block in zip(field.parameters(), blocks, strict=True):
                parameter.copy_(block[: parameter.numel()].view_as(parameter))
        return field.eval()

    def _layers(self, packed: Float[Tensor, "chunks weights"]) -> list[tuple[Tensor, Tensor]]:
        blocks = packed.split([_aligned(shape.numel()) for shape in self._shapes], dim=1)
        tensors = [
            block[:, : shape.numel()].view(-1, *shape) for block, shape in zip(blocks, self._shapes, strict=True)
        ]
        return [(weight.transpose(1, 2), bias.unsqueeze(1)) for weight, bias in zip(*[iter(tensors)] * 2, strict=True)]

    def _logits(self, features: Tensor, layers: list[tuple[Tensor, Tensor]], masks: list[Tensor]) -> Tensor:
        x, mask_of = features, dict(zip(self.plan.spec.dropped_layers, masks, strict=True))
        for number, (weight, bias) in enumerate(layers[:-1]):
            x = self.fields[0].activation(torch.baddbmm(bias, x, weight))
            if number in mask_of:
                x = x * mask_of[number]
        weight, bias = layers[-1]
        return torch.baddbmm(bias, x, weight).squeeze(-1)

    def _drawn(self, layout: _Layout, step: int) -> list[Tensor]:
        """Dropout masks of all passes and layers; each subject meets what it would meet alone, from its own pool."""
        spec = self.plan.spec
        count = self.plan.passes * len(spec.dropped_layers)
        rows = len(layout.features) * CHUNK
        if not self._masks or len(self._masks[0]) < rows:
            # zero where nothing is ever drawn: padding stays silent
            self._masks = [torch.zeros(rows, spec.hidden, device=self.weights.device) for _ in range(count)]
        masks = [mask[:rows] for mask in self._masks]
        for (first, nodes), own_masks in zip(layout.spans, self._masks_of, strict=True):
            own = (one for number in range(self.plan.passes) for one in own_masks.at(step, nodes, dropout_pass=number))
            for mask, drawn in zip(masks, own, strict=True):
                mask[first : first + nodes] = drawn
        return masks

    def _at(self, step: int) -> _Layout:
        pieces = [batches[step % len(batches)] for batches in self._pieces]
        if self._layout is None or any(a is not b for a, b in zip(pieces, self._layout[0], strict=True)):
            self._layout = pieces, _lay_out(pieces)
        return self._layout[1]


@dataclass(frozen=True, eq=False)
class _Piece:
    """One batch of one subject on the device; the last group is the padding, of no weight."""

    nodes: int
    features: Tensor
    ends: Tensor
    sizes: Tensor
    targets: Tensor
    weights: Tensor


@dataclass(frozen=True)
class _Layout:
    """The batches of a step, one subject after the other."""

    features: Tensor
    chunk_subject: Tensor
    subject_chunks: Tensor
    offsets: Tensor
    sizes: Tensor
    targets: Tensor
    weights: Tensor
    subject_groups: Tensor
    spans: list[tuple[int, int]]


def _piece(batch: Batch, positions_mm: np.ndarray, field: ScarField) -> _Piece:
    dtype, device = field.center_mm.dtype, field.center_mm.device
    nodes = len(positions_mm)
    with torch.no_grad():
        features = field.encode(torch.as_tensor(positions_mm, dtype=dtype, device=device))
    padded = features.new_zeros(math.ceil(nodes / CHUNK) * CHUNK, features.shape[1])
    padded[:nodes] = features
    ends = torch.as_tensor(np.append(batch.offsets[1:], len(padded)), dtype=torch.int64, device=device)

    def with_padding(values: np.ndarray, padding: float) -> Tensor:
        return torch.as_tensor(np.append(values, padding), dtype=dtype, device=device)

    return _Piece(
        nodes,
        padded.view(-1, CHUNK, features.shape[1]),
        ends,
        with_padding(np.diff(batch.offsets), 1.0),
        with_padding(batch.targets, 0.0),
        with_padding(batch.weights, 0.0),
    )


def _lay_out(pieces: Sequence[_Piece]) -> _Layout:
    device = pieces[0].features.device
    chunks = np.array([len(piece.features) for piece in pieces])
    first_chunk = np.concatenate([[0], np.cumsum(chunks)])
    starts = first_chunk[:-1] * CHUNK
    return _Layout(
        features=torch.cat([piece.features for piece in pieces]),
        chunk_subject=torch.as_tensor(np.repeat(np.arange(len(pieces)), chunks), device=device),
        subject_chunks=torch.as_tensor(first_chunk, device=device),
        offsets=torch.cat(
            [pieces[0].ends.new_zeros(1), *(p.ends + int(start) for p, start in zip(pieces, starts, strict=True))]
        ),
        sizes=torch.cat([piece.sizes for piece in pieces]),
        targets=torch.cat([piece.targets for piece in pieces]),
        weights=torch.cat([piece.weights for piece in pieces]),
        subject_groups=torch.as_tensor(
            np.concatenate([[0], np.cumsum([len(piece.sizes) for piece in pieces])]), device=device
        ),
        spans=[(int(start), piece.nodes) for piece, start in zip(pieces, starts, strict=True)],
    )


class _PerChunk(torch.autograd.Function):
    """Each chunk's copy of its subject's weights; the gradient sums over a subject's chunks in a fixed order."""

    @staticmethod
    def forward(ctx: Any, weights: Tensor, chunk_subject: Tensor, subject_chunks: Tensor) -> Tensor:
        ctx.save_for_backward(subject_chunks)
        return weights.index_select(0, chunk_subject)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        [subject_chunks] = ctx.saved_tensors
        return torch.segment_reduce(gradient.contiguous(), "sum", offsets=subject_chunks, axis=0), None, None


def _aligned(numbers: int) -> int:
    return math.ceil(numbers / _ALIGNED) * _ALIGNED


def _frozen_columns(field: nn.Module) -> list[slice]:
    sizes = [_aligned(p.numel()) for p in field.parameters()]
    first = np.concatenate([[0], np.cumsum(sizes)])
    return [
        slice(int(a), int(b))
        for a, b, p in zip(first[:-1], first[1:], field.parameters(), strict=True)
        if not p.requires_grad
    ]


def _packed(field: nn.Module) -> Tensor:
    """A field's parameters in one row, each filled up with zeros, which stay zero: their gradient is."""
    with torch.no_grad():
        return torch.cat(
            [nn.functional.pad(p.flatten(), (0, _aligned(p.numel()) - p.numel())) for p in field.parameters()]
        )
