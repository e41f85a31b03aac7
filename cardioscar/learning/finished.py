"""A training that is done, kept until the others of a series are: safetensors, which cannot run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from cardioscar.errors import InputError
from cardioscar.files.atomic import renamed
from cardioscar.learning.curves import Curves
from cardioscar.learning.loop import TrainResult

Network = TypeVar("Network", bound=nn.Module)
_KEPT = ("stop_reason", "best_step", "seconds", "device")


def save_finished(path: Path, result: TrainResult[Any], identity: str) -> None:
    """Write a result; the file appears whole or not.

    Args:
        path: The file.
        result: A training that went well.
        identity: Hash of data and settings.
    """
    weights = {name: value.detach().cpu().contiguous().clone() for name, value in result.network.state_dict().items()}
    facts = {name: getattr(result, name) for name in _KEPT}
    metadata = {"identity": identity, "facts": json.dumps(facts), "curves": result.curves.as_json()}
    with renamed(path.with_name(path.name + ".partial"), path) as partial:
        partial.write_bytes(save(weights, metadata=metadata))


def load_finished(path: Path, network: Network, identity: str) -> TrainResult[Network] | None:
    """Read a result.

    Args:
        path: The file.
        network: Of the same form; it gets the weights.
        identity: Hash of data and settings.

    Returns:
        The result; None where there is none, or one of other data or settings, or the file is torn.
    """
    try:
        with safe_open(path, framework="pt") as stored:
            said = stored.metadata() or {}
            if said.get("identity") != identity:
                return None
            facts, curves = json.loads(said["facts"]), Curves.from_json(said["curves"])
            weights = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - not a mapping
        network.load_state_dict(weights)
        return TrainResult(network=network.eval(), curves=curves, **facts)
    except (SafetensorError, OSError, InputError, KeyError, ValueError, TypeError, RuntimeError):
        return None
