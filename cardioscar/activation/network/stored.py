"""Trained networks with their intervals as one bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from torch import nn

from cardioscar.activation.network.config import ActivationNetworkConfig
from cardioscar.activation.network.ensemble import Ensemble
from cardioscar.activation.network.inputs import CHANNELS, TIMES
from cardioscar.activation.network.interval import CalibratedEnsemble, IntervalScale
from cardioscar.activation.network.model import ActivationNetwork
from cardioscar.activation.strain.matrix import SECTORS
from cardioscar.errors import ConfigError, InputError
from cardioscar.learning.bundle import Bundle, read_bundle, save_bundle
from cardioscar.learning.bundle_facts import BundleFacts, DataFormat

ARCHITECTURE = "activation_net"
SHIPPED = Path(__file__).parents[1] / "weights"
"""Folder of the networks that come with the package."""
RULE = "Green–Lagrange strain; every 12 ms from 0 to 756 ms, in 126 sectors; in units of 0.1 and of living wall"
_INTERVAL = "interval_"
_MOST_MEMBERS, _WIDEST = 100, 1024


class Members(nn.Module):
    """Networks of one form, which are kept together.

    Args:
        networks: The networks.
    """

    def __init__(self, networks: tuple[ActivationNetwork, ...]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)


def save_ensemble(
    folder: Path,
    method: CalibratedEnsemble,
    *,
    single: Sequence[ActivationNetwork] = (),
    config: Mapping[str, Any],
    figures: Mapping[str, float],
    split_sha256: str = "",
    data_source: str = "strain phantoms",
) -> Bundle:
    """Write networks and the scale of their intervals; the folder appears whole, in place of an earlier bundle.

    Args:
        folder: New, or an earlier bundle's; its parent exists.
        method: The networks, all of one width, and the scale.
        single: Networks of one task alone, of the same width, to be shown beside; they predict nothing.
        config: Settings of the training.
        figures: Figures of the validation by name.
        split_sha256: Hash of the split by subject; empty where no subject was learned from.
        data_source: What they learned from.

    Raises:
        InputError: If the folder holds something else, or weights are not finite.
        PlatformError: If it cannot be written.
    """
    networks = (*method.ensemble.networks, *single)
    strain = ("strain in units of 0.1", "strain as a share of that of living wall", "whether there are frames")
    sectors, times = str(SECTORS), str(TIMES)

    def sector_curve(names: tuple[str, ...], kind: str) -> DataFormat:
        return DataFormat(
            kind, {str(n): one for n, one in enumerate(names)}, num_channels=len(names), type="series",
            modality="strain", spatial_shape=(sectors,),
        )  # fmt: skip

    facts = BundleFacts(
        name="activation-net",
        task="Says when each sector of the left ventricle begins to shorten, and whether it is late or scarred.",
        architecture=ARCHITECTURE,
        spec={
            "members": len(method.ensemble.networks),
            "width": networks[0].width,
            "single": [one.tasks for one in single],
        },
        inputs={
            "strain": DataFormat(
                "strain", {str(n): one for n, one in enumerate(strain)}, num_channels=CHANNELS, type="series",
                modality="strain", spatial_shape=(sectors, times),
            ),
        },
        outputs={
            "tos_ms": sector_curve(("onset in ms",), "curve"),
            "classes": sector_curve(("normal", "late", "scarred"), "probabilities"),
        },
        intensity=RULE,
        config=dict(config),
        split_sha256=split_sha256,
        eval_metrics={**figures, **{f"{_INTERVAL}{name}": value for name, value in vars(method.scale).items()}},
        data_source=data_source,
        references=("xing2023", "lakshminarayanan2017", "lee2023"),
    )  # fmt: skip
    return save_bundle(folder, Members(networks), facts)


def read_ensemble(folder: Path, *, where: str = "") -> CalibratedEnsemble:
    """Read networks that `save_ensemble` wrote.

    Args:
        folder: Their bundle.
        where: What errors put before the names of the files.

    Raises:
        InputError: If the bundle cannot be read, or holds no networks of late activation.
    """
    return of_bundle(read_bundle(folder, where=where))


def of_bundle(bundle: Bundle) -> CalibratedEnsemble:
    """The networks of a bundle, on the CPU, see `read_ensemble`."""
    networks = bundle.network(ARCHITECTURE, build_members).networks
    facts, place = bundle.facts, bundle.stored.in_description
    if facts.intensity != RULE:
        raise InputError(place, "the rule for strain of this version", "another")
    values = {one.name: facts.eval_metrics.get(f"{_INTERVAL}{one.name}") for one in fields(IntervalScale)}
    scale = {name: float(value) for name, value in values.items() if value is not None and value > 0}
    if len(scale) < len(values) or scale["level"] >= 1:
        raise InputError(place, f"the scale of the intervals ({', '.join(values)})", "none, or another")
    return CalibratedEnsemble(Ensemble(tuple(_of(networks, both=True))), IntervalScale(**scale))


def single_of(bundle: Bundle) -> dict[str, ActivationNetwork]:
    """Networks of a bundle that learned one task alone, by the task: `onset`, `class`; none where there are none.

    Raises:
        InputError: As `read_ensemble`.
    """
    networks = bundle.network(ARCHITECTURE, build_members).networks
    return {one.tasks: one for one in _of(networks, both=False)}


def shipped_ensemble() -> CalibratedEnsemble:
    """The networks that come with the package.

    Raises:
        InputError: If their files are missing or damaged.
    """
    return read_ensemble(SHIPPED)


def _of(networks: nn.ModuleList, *, both: bool) -> list[ActivationNetwork]:
    return [one for one in networks if isinstance(one, ActivationNetwork) and (one.tasks == "both") == both]


def build_members(spec: Mapping[str, Any]) -> Members:
    """Networks of a bundle's numbers.

    Raises:
        InputError: If these are not the numbers of networks.
    """
    members, width, single = spec.get("members"), spec.get("width"), spec.get("single", ())
    if not (type(members) is int and type(width) is int and 0 < members <= _MOST_MEMBERS and width <= _WIDEST):
        raise InputError("spec", "members and width", "others")
    if not isinstance(single, list | tuple) or sorted(single) != sorted({*single} & {"onset", "class"}):
        raise InputError("spec", "networks of a task of its own, each once", "others")
    try:
        configs = [ActivationNetworkConfig(width=width, tasks=tasks) for tasks in ("both",) * members + tuple(single)]
    except ConfigError as error:
        raise InputError("spec", f"width: {error.rule}", "another") from None
    return Members(tuple(ActivationNetwork(config) for config in configs))
