"""What networks look at, for some sectors of a slice and each task: those of both tasks beside those of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from jaxtyping import Float

from cardioscar.activation.network.ensemble import Ensemble
from cardioscar.activation.network.explanation import Task, explain
from cardioscar.activation.network.model import ActivationNetwork
from cardioscar.activation.strain.matrix import StrainSlice
from cardioscar.activation.strain.sector_class import SectorClass
from cardioscar.activation.strain.sector_onsets import SectorOnsets
from cardioscar.errors import InputError

TASKS: tuple[Task, ...] = ("onset", "late", "scarred")
"""What is shown unless told otherwise."""
MULTI, SINGLE = "both tasks", "one task"
_SIXTHS = 6


@dataclass(frozen=True, eq=False)
class Explanation:
    """Grad-CAM of some sectors of one slice.

    Attributes:
        slice_number: Index of the slice in its heart.
        sectors: Numbers of the sectors that were asked about.
        maps: Over the slice's sectors and frames, 0 to 1, by whose they are (`MULTI`, `SINGLE`) and the task.
    """

    slice_number: int
    sectors: tuple[int, ...]
    maps: Mapping[tuple[str, str], Float[np.ndarray, "sectors frames"]]


def explain_heart(
    ensemble: Ensemble,
    single: Mapping[str, ActivationNetwork],
    slices: Sequence[StrainSlice],
    slice_number: int,
    sectors: Sequence[int],
    tasks: Sequence[str] = TASKS,
) -> Explanation:
    """Ask the networks about sectors of a slice.

    Args:
        ensemble: Networks of both tasks; their maps are averaged.
        single: Networks of one task by the task, where there are some.
        slices: Of the heart.
        slice_number: Index of the slice.
        sectors: Numbers of its sectors.
        tasks: `onset`, or a class: `normal`, `late`, `scarred`.

    Raises:
        InputError: If there is no such slice, sector or task.
        PlatformError: If captum is not installed.
    """
    if not 0 <= slice_number < len(slices):
        raise InputError("slice", f"1 to {len(slices)}", str(slice_number + 1))
    known = {name: name for name in get_args(Task)}
    unknown = [task for task in tasks if task not in known]
    if unknown or not tasks:
        raise InputError("tasks", f"some of {', '.join(known)}", "others")
    one, maps = slices[slice_number], dict[tuple[str, str], np.ndarray]()
    for task in tasks:
        found = [explain(network, one, sectors, known[task]) for network in ensemble.networks]
        mean = np.mean(found, axis=0)
        maps[MULTI, task] = mean / max(float(mean.max()), 1e-12)
        alone = single.get("onset" if task == "onset" else "class")
        if alone is not None:
            maps[SINGLE, task] = explain(alone, one, sectors, known[task])
    return Explanation(slice_number, tuple(sorted(set(sectors))), maps)


def worth_asking(onsets: Sequence[SectorOnsets]) -> tuple[int, tuple[int, ...]]:
    """A slice and its sectors that a person would ask about: the largest late region, else the latest sixth.

    Args:
        onsets: Of each slice.

    Returns:
        Index of the slice, and numbers of the sectors.
    """
    late = [np.flatnonzero(one.classes == SectorClass.LATE) for one in onsets]
    most = int(np.argmax([len(found) / one.sectors for found, one in zip(late, onsets, strict=True)]))
    if len(late[most]):
        return most, tuple(late[most].tolist())
    latest = int(np.argmax([float(one.tos_ms.max()) for one in onsets]))
    one = onsets[latest]
    width = max(1, one.sectors // _SIXTHS)
    first = int(one.tos_ms.argmax()) - width // 2
    return latest, tuple(sorted((first + np.arange(width)) % one.sectors))
