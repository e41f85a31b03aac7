"""Fit the fields of several subjects in one computation, each as it would be fitted alone."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch
from torch import Tensor

from cardioscar.learning.adamw import AdamW
from cardioscar.learning.device import choose_device, threads_for
from cardioscar.scar3d.field.field_stack import FieldStack, Prepared
from cardioscar.scar3d.field.fit import FitResult
from cardioscar.scar3d.field.fit_config import FitConfig
from cardioscar.scar3d.field.fit_progress import FitProgress, Outcome
from cardioscar.scar3d.field.scar_field import ScarField

CHECK_STEPS = 50
"""Steps between two looks at which subjects have stopped: a look makes the device and Python wait for each other."""


def fit_fields(
    subjects: Sequence[Prepared], config: FitConfig, *, dtype: torch.dtype = torch.float32
) -> list[FitResult]:
    """Fit subjects together; up to rounding the results are those of `fit_field`, whoever the others are.

    Subjects share the steps' arithmetic and nothing else. Weights, optimiser moments, dropout generator, best loss and
    reason to stop are each one's own; a loss that is not finite stops its subject alone.

    Args:
        subjects: At least one, prepared with `config`.
        config: Method and settings, the same for all.
        dtype: Precision; float64 shows what rounding does.

    Returns:
        One result for each subject, in order.
    """
    device, clock = choose_device(config.device), time.perf_counter()
    with threads_for(sum(one.nodes for one in subjects)):
        fitted = _run(FieldStack(subjects, config, device, dtype))
    share = (time.perf_counter() - clock) / len(subjects)
    return [
        FitResult(
            field=field,
            stop_reason=outcome.stop_reason,
            losses=outcome.losses,
            best_epoch=outcome.best_epoch,
            steps=outcome.steps,
            seconds=share,
            device=str(device),
            together=len(subjects),
        )
        for field, outcome in fitted
    ]


def _run(stack: FieldStack) -> list[tuple[ScarField, Outcome]]:
    """Step until every subject has stopped; those that have leave the stack when they are half of it."""
    plan = stack.plan
    progress = FitProgress(stack.weights, stack.batches, stack.epochs, plan.patience, keep_last=plan.keep_last)
    subjects = list(range(len(stack.batches)))
    done: dict[int, tuple[ScarField, Outcome]] = {}
    optimizer = _optimizer(stack.weights, plan.weight_decay)
    for step in range(max(a * b for a, b in zip(stack.epochs, stack.batches, strict=True))):
        for group in optimizer.param_groups:
            group["lr"] = plan.learning_rate(step)
        losses, total = stack.losses(step)
        optimizer.zero_grad(set_to_none=True)
        total.backward()
        before = stack.weights.detach().clone()
        optimizer.step()
        with torch.no_grad():
            for columns in stack.frozen:  # one tensor holds all blocks, and the optimiser's decay moves what it holds
                stack.weights[:, columns] = before[:, columns]
        progress.record(step, losses, before, stack.weights.detach())
        if (step + 1) % CHECK_STEPS:
            continue
        going = [row for row, alive in enumerate(progress.alive()) if alive]
        if not going:
            break
        if 2 * len(going) <= len(subjects):
            stopped = set(range(len(subjects))) - set(going)
            done |= {subjects[row]: _harvest(stack, progress, row) for row in stopped}
            subjects = [subjects[row] for row in going]
            moments = optimizer.state[stack.weights]
            stack.keep(going)
            progress.keep(going)
            optimizer = _optimizer(stack.weights, plan.weight_decay)
            optimizer.state[stack.weights] = {
                name: value if name == "step" else value[going] for name, value in moments.items()
            }
    done |= {subject: _harvest(stack, progress, row) for row, subject in enumerate(subjects)}
    return [done[subject] for subject in sorted(done)]


def _harvest(stack: FieldStack, progress: FitProgress, row: int) -> tuple[ScarField, Outcome]:
    outcome = progress.outcome(row)
    return stack.field(row, outcome.weights), outcome


def _optimizer(weights: Tensor, weight_decay: float) -> torch.optim.Optimizer:
    # AdamW works number by number, so one tensor of all subjects' weights takes one call and mixes nothing
    return AdamW([weights], lr=1.0, weight_decay=weight_decay, fused=True)
