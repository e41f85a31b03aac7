"""An ensemble on disk: several networks in one bundle, with the scale of their intervals, read and checked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_args

from torch import nn

from cardioscar.activation.network.config import ActivationNetworkConfig, Tasks
from cardioscar.activation.network.ensemble import Ensemble
from cardioscar.activation.network.inputs import TIMES
from cardioscar.activation.network.interval import CalibratedEnsemble, IntervalScale
from cardioscar.activation.network.model import ActivationNetwork
from cardioscar.activation.strain.matrix import SECTORS
from cardioscar.activation.strain.sector_class import LATE_MS, SectorClass
from cardioscar.errors import InputError
from cardioscar.learning.bundle import Bundle, read_bundle, save_bundle
from cardioscar.learning.bundle_facts import BundleFacts, DataFormat

ARCHITECTURE = "activation-ensemble"
SHIPPED = Path(__file__).parents[1] / "weights"
"""The ensemble that comes with the package."""
_MOST_MEMBERS, _WIDEST = 100, 512


@dataclass(frozen=True, eq=False)
class StoredEnsemble:
    """An ensemble and what is said of it.

    Attributes:
        calibrated: Networks of both tasks, whose onsets have intervals.
        single: Networks that learned one task alone, by the task, to be shown beside; they predict nothing.
        bundle: What was read or written.
    """

    calibrated: CalibratedEnsemble
    single: Mapping[str, ActivationNetwork]
    bundle: Bundle

    @property
    def sha256(self) -> str:
        """Hash that names the ensemble."""
        return self.bundle.sha256


class Members(nn.ModuleList):
    """The networks of an ensemble, as one set of weights whose names begin with a network's number.

    Args:
        width: Channels of each network's first block.
        tasks: What each has learned.
    """

    def __init__(self, width: int, tasks: Sequence[Tasks]) -> None:
        super().__init__(ActivationNetwork(ActivationNetworkConfig(tasks=one, width=width)) for one in tasks)


def save_ensemble(
    folder: Path,
    networks: Sequence[ActivationNetwork],
    width: int,
    scale: IntervalScale,
    *,
    config: Mapping[str, Any],
    figures: Mapping[str, float],
    source: str,
    split_sha256: str = "",
) -> StoredEnsemble:
    """Write an ensemble; the folder appears whole, in place of an earlier one.

    Args:
        folder: New, or an earlier bundle's; its parent exists.
        networks: Those of both tasks, and those of one task that are to be shown beside them.
        width: Of each.
        scale: Of the intervals.
        config: Settings of the training: hearts, networks, level.
        figures: Of hearts that nothing was trained, chosen or calibrated on.
        source: What it learned from.
        split_sha256: Hash of the split of real subjects, where there were any.

    Raises:
        InputError: If the folder holds something else than a bundle, or the weights are not finite.
        PlatformError: If it cannot be written.
    """
    members = Members(width, [one.tasks for one in networks])
    members.load_state_dict(nn.ModuleList(networks).state_dict())
    spec = {"width": width, "tasks": [one.tasks for one in networks], "interval": vars(scale)}
    classes = {str(int(one)): one.name.lower() for one in SectorClass}
    facts = BundleFacts(
        name="activation",
        task=f"Tells onset and class of the sectors of a slice from its strain; late is {LATE_MS:g} ms and more behind "
        "the heart's earliest tenth.",
        architecture=ARCHITECTURE,
        spec=spec,
        inputs={"strain": _series("strain", ("strain / 0.1", "share of living wall's shortening", "frames"), TIMES)},
        outputs={
            "onset": _series("onset in ms", ("time of onset of shortening",)),
            "classes": _series("scores", tuple(classes.values())),
        },
        intensity="Green–Lagrange strain relative to end-diastole, fractions, shortening negative",
        config=dict(config),
        split_sha256=split_sha256,
        eval_metrics=dict(figures),
        data_source=source,
        references=("xing2023", "lee2023"),
    )
    return _opened(save_bundle(folder, members, facts))


def read_ensemble(folder: Path, *, where: str = "") -> StoredEnsemble:
    """Read an ensemble.

    Args:
        folder: Where `save_ensemble` wrote it.
        where: What errors put before the names of the files.

    Raises:
        InputError: If a file is missing or damaged, holds another kind of network, or numbers that none is built from.
    """
    return _opened(read_bundle(folder, where=where))


def shipped_ensemble() -> StoredEnsemble:
    """The ensemble that comes with the package.

    Raises:
        InputError: If its files are missing or damaged.
    """
    return read_ensemble(SHIPPED)


def _opened(bundle: Bundle) -> StoredEnsemble:
    where = bundle.stored.in_description

    def build(spec: Mapping[str, Any]) -> Members:
        width, said = spec.get("width"), spec.get("tasks")
        tasks = list(said) if isinstance(said, list | tuple) else []
        if not all(one in get_args(Tasks) for one in tasks) or not 1 <= len(tasks) <= _MOST_MEMBERS or "both" not in tasks:
            raise InputError(where, "networks of which one and more know onset and class", "others")
        if type(width) is not int or not 4 <= width <= _WIDEST or width % 4:
            raise InputError(where, f"a width of 4 to {_WIDEST}, a multiple of 4", "another")
        return Members(width, tasks)

    members = bundle.network(ARCHITECTURE, build)
    networks = [one.eval() for one in members if isinstance(one, ActivationNetwork)]
    scale = _scale(bundle.facts.spec.get("interval"), where)
    both = tuple(one for one in networks if one.tasks == "both")
    single: dict[str, ActivationNetwork] = {one.tasks: one for one in networks if one.tasks != "both"}
    return StoredEnsemble(CalibratedEnsemble(Ensemble(both), scale), single, bundle)


def _scale(said: Any, where: str) -> IntervalScale:
    names = [one.name for one in fields(IntervalScale)]
    numbers = isinstance(said, dict) and set(said) == set(names) and all(_positive(said[name]) for name in names)
    if not numbers or not said["level"] < 1:
        raise InputError(where, f"the scale of the intervals ({', '.join(names)}), positive numbers", "others")
    return IntervalScale(**{name: float(said[name]) for name in names})


def _positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


def _series(form: str, channels: tuple[str, ...], times: int = 1) -> DataFormat:
    return DataFormat(
        form,
        {str(number): name for number, name in enumerate(channels)},
        num_channels=len(channels),
        spatial_shape=(str(SECTORS), str(times)) if times > 1 else (str(SECTORS),),
        type="series",
        modality="strain",
    )
