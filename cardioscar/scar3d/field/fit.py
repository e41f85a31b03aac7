"""Fit one subject's scar field under the group-mean constraint."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cardioscar.learning.adamw import AdamW
from cardioscar.learning.checkpoint import checkpoint_identity, load_checkpoint, save_checkpoint
from cardioscar.learning.device import choose_device, threads_for
from cardioscar.learning.train_state import TrainState
from cardioscar.scar3d.field.dropout_pool import DropoutMasks, dropout_masks
from cardioscar.scar3d.field.fit_config import FitConfig
from cardioscar.scar3d.field.plan import Batch, FitPlan, plan_fit
from cardioscar.scar3d.field.pretrained import PretrainedField
from cardioscar.scar3d.field.scar_field import ScarField
from cardioscar.scar3d.observation.constraint_loss import group_losses
from cardioscar.scar3d.observation.group_means import group_means
from cardioscar.scar3d.observation.observations import Observations

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FitResult:
    """A fitted field and how it came about.

    Attributes:
        field: The field with the weights that are kept: of the best epoch, or of the last one (reference method).
        stop_reason: `completed` (all steps done), `patience` (no lower loss for that long) or `diverged`.
        losses: Training loss of each epoch, shape (epochs,).
        best_epoch: Epoch of the lowest loss.
        steps: Optimiser steps done.
        seconds: Wall time in seconds, earlier attempts of a resumed fit included; of subjects fitted together, each
            one's equal share.
        device: Where it ran.
        together: Subjects that were fitted in one computation with this one, itself included.
    """

    field: ScarField
    stop_reason: str
    losses: np.ndarray
    best_epoch: int
    steps: int
    seconds: float
    device: str
    together: int = 1


def fit_field(
    observations: Observations,
    config: FitConfig,
    *,
    pretrained: PretrainedField | None = None,
    checkpoint: Path | None = None,
    identity: str = "",
    on_epoch: Callable[[int, int], None] | None = None,
    dtype: torch.dtype = torch.float32,
) -> FitResult:
    """Fit a coordinate field so that its mean over each pixel's nodes matches the pixel.

    Args:
        observations: The subject's groups.
        config: Method and settings.
        pretrained: Pretrained network to start from, the one that `config.start_from` names.
        checkpoint: File that a killed fit resumes from; written every `checkpoint_seconds`.
        identity: Hash of data and settings; a checkpoint of another identity is not resumed.
        on_epoch: Called with epochs done and their upper limit.
        dtype: Precision; float64 shows what rounding does.

    Returns:
        The field with the weights that its method keeps; a fit that goes wrong returns its `stop_reason`, not an
        exception.
    """
    device = choose_device(config.device)
    plan = plan_fit(observations, config, pretrained)
    scar_field = plan.first_field(config.seed).to(device, dtype)
    moving = [weights for weights in scar_field.parameters() if weights.requires_grad]
    # fused AdamW updates all tensors in one call; the networks are so small that call overhead counts
    optimizer = AdamW(moving, lr=1.0, weight_decay=plan.weight_decay, fused=True)
    generator = torch.Generator(device).manual_seed(config.seed)
    largest = max(len(batch.nodes) for batch in plan.batches)
    masks = dropout_masks(scar_field, largest, generator, fresh=plan.fresh_masks)
    state = TrainState()
    if checkpoint is not None and checkpoint.is_file() and checkpoint_identity(checkpoint) == identity:
        state = load_checkpoint(checkpoint, scar_field, optimizer, generator)
        log.info("resumes at epoch %d of %d", state.epoch, plan.epochs)
    batches = [_on_device(batch, observations, scar_field, device) for batch in plan.batches]
    with threads_for(largest):
        stop_reason, seconds = _run(
            plan, batches, scar_field, optimizer, generator, masks, state, config, checkpoint, identity, on_epoch
        )
    if state.kept_weights:
        scar_field.load_state_dict(state.kept_weights)
    return FitResult(
        field=scar_field.eval(),
        stop_reason=stop_reason,
        losses=np.array(state.losses),
        best_epoch=state.best_epoch,
        steps=state.step,
        seconds=seconds,
        device=str(device),
    )


def _run(
    plan: FitPlan,
    batches: list[_DeviceBatch],
    scar_field: ScarField,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    masks: DropoutMasks,
    state: TrainState,
    config: FitConfig,
    checkpoint: Path | None,
    identity: str,
    on_epoch: Callable[[int, int], None] | None,
) -> tuple[str, float]:
    """Go through the epochs; returns the stop reason and the time spent in all attempts."""
    began, saved = time.perf_counter() - state.seconds, time.monotonic()
    stop_reason = "completed"
    while state.epoch < plan.epochs:
        before = _weights(scar_field)
        loss = _epoch(plan, batches, scar_field, optimizer, masks, state)
        # a full-batch loss is that of the weights before its step; a loss over batches belongs to the epoch as a whole
        measured = before if len(batches) == 1 and not plan.keep_last else _weights(scar_field)
        if not np.isfinite(loss) or not all(torch.isfinite(w).all() for w in measured.values()):
            stop_reason = "diverged"
            break
        state.losses.append(loss)
        if plan.keep_last or loss < state.best_loss:
            state.kept_weights = measured
        if loss < state.best_loss:
            state.best_loss, state.best_epoch = loss, state.epoch
        state.epoch += 1
        if on_epoch:
            on_epoch(state.epoch, plan.epochs)
        if plan.patience is not None and state.epoch - state.best_epoch > plan.patience:
            stop_reason = "patience"
            break
        if checkpoint is not None and time.monotonic() - saved > config.checkpoint_seconds:
            state.seconds = time.perf_counter() - began
            save_checkpoint(checkpoint, identity, state, scar_field, optimizer, generator)
            saved = time.monotonic()
    return stop_reason, time.perf_counter() - began


def _weights(scar_field: ScarField) -> dict[str, Tensor]:
    return {k: v.detach().clone() for k, v in scar_field.state_dict().items()}


@dataclass(frozen=True)
class _DeviceBatch:
    features: Tensor
    offsets: Tensor
    targets: Tensor
    weights: Tensor


def _on_device(batch: Batch, observations: Observations, scar_field: ScarField, device: torch.device) -> _DeviceBatch:
    dtype = scar_field.center_mm.dtype
    positions = torch.as_tensor(observations.nodes_mm[batch.nodes], dtype=dtype, device=device)
    with torch.no_grad():
        features = scar_field.encode(positions)
    return _DeviceBatch(
        features,
        torch.as_tensor(batch.offsets, dtype=torch.int64, device=device),
        torch.as_tensor(batch.targets, dtype=dtype, device=device),
        torch.as_tensor(batch.weights, dtype=dtype, device=device),
    )


def _epoch(
    plan: FitPlan,
    batches: list[_DeviceBatch],
    scar_field: ScarField,
    optimizer: torch.optim.Optimizer,
    masks: DropoutMasks,
    state: TrainState,
) -> float:
    total = 0.0
    for batch in batches:
        for group in optimizer.param_groups:
            group["lr"] = plan.learning_rate(state.step)
        probability = batch.features.new_zeros(len(batch.features))
        for dropout_pass in range(plan.passes):
            drawn = masks.at(state.step, len(batch.features), dropout_pass=dropout_pass)
            probability = probability + torch.sigmoid(scar_field(batch.features, drawn)) / plan.passes
        means = group_means(probability, batch.offsets)
        loss = group_losses(means, batch.targets, batch.weights, plan.loss).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        state.step += 1
        total += loss.item()
    return total / len(batches)
