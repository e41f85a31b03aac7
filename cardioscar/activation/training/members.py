"""The networks of an ensemble, trained one after the other; a killed training keeps those that were done."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from cardioscar.activation.network.config import ActivationNetworkConfig
from cardioscar.activation.network.model import ActivationNetwork
from cardioscar.activation.network.training import Examples, train_network
from cardioscar.errors import InputError
from cardioscar.learning.curves import Curves
from cardioscar.learning.stored import read_network, store_network

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Member:
    """A trained network.

    Attributes:
        network: In evaluation mode.
        curves: Of its training.
    """

    network: ActivationNetwork
    curves: Curves


def train_members(
    configs: Sequence[ActivationNetworkConfig],
    training: Examples,
    validation: Examples,
    *,
    checkpoint: Path | None = None,
    identity: str = "",
    on_step: Callable[[int, int], None] | None = None,
) -> list[Member]:
    """Train networks.

    Args:
        configs: Of each.
        training: What they learn from.
        validation: What chooses the weights that are kept.
        checkpoint: Beginning of the names of the files that a killed training resumes from: those of the network under
            way, and of each that is done. They are left to the caller (`forget_members`).
        identity: Hash of data and settings.
        on_step: Called with the steps done of all of them and their upper limit.

    Raises:
        InputError: If a training did not stay finite.
    """
    total, done, members = sum(one.loop.steps for one in configs), 0, list[Member]()
    for number, config in enumerate(configs):
        own = f"{identity}-{number}"
        member = None if checkpoint is None else _kept(checkpoint, number, own, config)
        if member is None:
            before = done
            result = train_network(
                training,
                validation,
                config,
                checkpoint=None if checkpoint is None else checkpoint.with_name(f"{checkpoint.name}.{number}"),
                identity=own,
                on_step=None if on_step is None else lambda steps, _, before=before: on_step(before + steps, total),
            ).checked()
            log.info("network %d of %d: %s, best at %d", number + 1, len(configs), result.stop_reason, result.best_step)
            member = Member(result.network.cpu().eval(), result.curves)
            if checkpoint is not None:
                _keep(checkpoint, number, own, member)
        members.append(member)
        done += config.loop.steps
        if on_step:
            on_step(done, total)
    return members


def forget_members(checkpoint: Path) -> None:
    """Take away the files of a training that is done."""
    for path in checkpoint.parent.glob(f"{checkpoint.name}.*"):
        path.unlink(missing_ok=True)


def _keep(checkpoint: Path, number: int, identity: str, member: Member) -> None:
    said = {"identity": identity, "curves": json.loads(member.curves.as_json())}
    store_network(checkpoint.parent, f"{checkpoint.name}.{number}.done", member.network.state_dict(), said)


def _kept(checkpoint: Path, number: int, identity: str, config: ActivationNetworkConfig) -> Member | None:
    stem = f"{checkpoint.name}.{number}.done"
    if not (checkpoint.parent / f"{stem}.json").is_file():
        return None
    try:
        stored = read_network(checkpoint.parent, stem, rule="a network of a killed training").check_hash()
        if stored.description.get("identity") != identity:
            return None
        with torch.random.fork_rng([]):
            network = stored.fill(ActivationNetwork(replace(config)))
        return Member(network, Curves.from_json(json.dumps(stored.description["curves"])))
    except (InputError, KeyError):
        return None  # it is trained again
