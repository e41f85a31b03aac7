"""Checkpoints of a running training: safetensors only, complete enough that a resumed one gives the same network."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from cardioscar.files.atomic import renamed
from cardioscar.learning.train_state import TrainState


def save_checkpoint(
    path: Path,
    identity: str,
    state: TrainState,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
) -> None:
    """Write weights, kept weights, optimiser moments, random state and history; the file appears whole or not."""
    tensors: dict[str, Tensor] = {f"field.{k}": v for k, v in network.state_dict().items()}
    tensors |= {f"kept.{k}": v for k, v in state.kept_weights.items()}
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{k}": v for k, v in moments.items()}
    tensors |= {f"random.{k}": v for k, v in state.random.items()}
    tensors["generator"] = generator.get_state()
    tensors["losses"] = torch.tensor(state.losses, dtype=torch.float64)
    counters = {k: getattr(state, k) for k in _COUNTERS}
    contiguous = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
    # bytes first: safetensors' own file writer leaves a temporary name of its own behind when the process is killed
    metadata = {"state": json.dumps(counters), "identity": identity, "extra": json.dumps(state.extra)}
    data = save(contiguous, metadata=metadata)
    # a name that the shard loop knows, and takes away where a process was killed
    with renamed(path.with_name(path.name + ".partial"), path) as partial:
        partial.write_bytes(data)


def checkpoint_identity(path: Path) -> str | None:
    """Identity of the training that a checkpoint belongs to; None for a file that cannot be read (a torn disk)."""
    try:
        with safe_open(path, framework="pt") as stored:
            return str((stored.metadata() or {}).get("identity"))
    except SafetensorError:
        return None


def load_checkpoint(
    path: Path, network: nn.Module, optimizer: torch.optim.Optimizer, generator: torch.Generator
) -> TrainState:
    """Restore what `save_checkpoint` wrote into network, optimiser and generator.

    Returns:
        The state to go on from.
    """
    with safe_open(path, framework="pt") as stored:
        counters, extra = (json.loads(stored.metadata().get(name, "{}")) for name in ("state", "extra"))
        tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - not a mapping
    network.load_state_dict(_under("field.", tensors))
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in _under("optimizer.", tensors).items():
        index, key = name.split(".", 1)
        moments.setdefault(int(index), {})[key] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": moments, "param_groups": groups})
    generator.set_state(tensors["generator"])
    device = next(network.parameters()).device
    return TrainState(
        **counters,
        kept_weights={k: v.to(device) for k, v in _under("kept.", tensors).items()},
        losses=tensors["losses"].tolist(),
        extra=extra,
        random=_under("random.", tensors),
    )


_COUNTERS = ("epoch", "step", "best_loss", "best_epoch", "seconds")


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
