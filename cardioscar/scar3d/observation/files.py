"""The arrays of one subject that stages hand on: groups, sorted groups, hidden pixels.

The keys of each file stand here alone. The files are NumPy archives without pickled objects. Nodes
are single precision, in mm LPS.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from cardioscar.imaging.slices import SliceStack
from cardioscar.scar3d.observation.groups import PixelGroups
from cardioscar.scar3d.observation.observations import Observations
from cardioscar.scar3d.observation.sorting import SortedGroups
from cardioscar.types import GroupNumbers, GroupValues, Points

GROUPS, SORTED, HELDOUT = "groups.npz", "sorted.npz", "heldout.npz"

_OF_GROUPS = ("group_index", "targets", "pixels", "slice_number", "center_mm")
_OF_ORDER = tuple(one.name for one in fields(SortedGroups))
_OF_OBSERVATIONS = tuple(one.name for one in fields(Observations))


def save_groups(folder: Path, nodes_mm: Points, groups: PixelGroups) -> None:
    """Write which nodes each pixel sees, as `groups.npz`.

    Args:
        folder: The subject's folder of the artifact.
        nodes_mm: All mesh nodes in mm LPS, shape (nodes, 3).
        groups: Their groups.
    """
    values = {name: getattr(groups, name) for name in _OF_GROUPS}
    _write(folder / GROUPS, nodes_mm=nodes_mm.astype(np.float32), **values)


def load_groups(folder: Path) -> tuple[Points, PixelGroups]:
    """The nodes in mm LPS, shape (nodes, 3), and the groups that `save_groups` wrote."""
    values = _read(folder / GROUPS, ("nodes_mm", *_OF_GROUPS))
    groups = PixelGroups(
        values["group_index"], values["targets"], values["pixels"], values["slice_number"], values["center_mm"]
    )
    return values["nodes_mm"], groups


def save_observations(folder: Path, order: SortedGroups, observations: Observations) -> None:
    """Write the nodes in group order, and what their pixels say, as `sorted.npz`.

    Args:
        folder: The subject's folder of the artifact.
        order: The order of the mesh's nodes.
        observations: Nodes and pixels in that order.
    """
    values = {name: getattr(order, name) for name in _OF_ORDER}
    _write(folder / SORTED, **(values | {name: getattr(observations, name) for name in _OF_OBSERVATIONS}))


def load_observations(folder: Path) -> Observations:
    """What `save_observations` wrote, as a fit takes it.

    Raises:
        InputError: If a target is no fraction from 0 to 1.
    """
    return Observations(**_read(folder / SORTED, _OF_OBSERVATIONS))


def load_order(folder: Path) -> SortedGroups:
    """The order that `save_observations` wrote: which node of the mesh each sorted one is."""
    return SortedGroups(**_read(folder / SORTED, _OF_ORDER))


@dataclass(frozen=True)
class HeldOut:
    """The wall's pixels in slices that a fit did not see.

    Attributes:
        pixel_mm: Centres in mm LPS, shape (pixels, 3).
        fraction: Scar fraction, 0 to 1, shape (pixels,).
        slice_number: Slice of each, shape (pixels,).
        pixel_ml: Volume of each in ml, shape (pixels,).
    """

    pixel_mm: Points
    fraction: GroupValues
    slice_number: GroupNumbers
    pixel_ml: GroupValues


def save_heldout(folder: Path, hidden: SliceStack) -> None:
    """Write the observed pixels of hidden slices, as `heldout.npz`."""
    pixel_ml = [np.full(s.observed.sum(), s.prism_ml) for s in hidden]
    _write(
        folder / HELDOUT,
        pixel_mm=np.concatenate([s.pixel_centers_mm() for s in hidden]).astype(np.float32),
        fraction=np.concatenate([s.values[s.observed] for s in hidden]).astype(np.float32),
        slice_number=np.concatenate([np.full(s.observed.sum(), s.number) for s in hidden]).astype(np.int32),
        pixel_ml=np.concatenate(pixel_ml).astype(np.float32),
    )


def load_heldout(folder: Path) -> HeldOut | None:
    """The hidden pixels that `save_heldout` wrote; None where no slice was hidden."""
    if not (folder / HELDOUT).is_file():
        return None
    return HeldOut(**_read(folder / HELDOUT, tuple(one.name for one in fields(HeldOut))))


@dataclass(frozen=True)
class HiddenPlaces:
    """Where hidden pixels lie, without what they show: whoever predicts them may know no more.

    Attributes:
        pixel_mm: Centres in mm LPS, shape (pixels, 3).
        slice_number: Slice of each, shape (pixels,).
        pixel_ml: Volume of each in ml, shape (pixels,).
    """

    pixel_mm: Points
    slice_number: GroupValues
    pixel_ml: GroupValues


def load_hidden_places(folder: Path) -> HiddenPlaces | None:
    """Where the pixels of `save_heldout` lie; None where no slice was hidden."""
    if not (folder / HELDOUT).is_file():
        return None
    return HiddenPlaces(**_read(folder / HELDOUT, tuple(one.name for one in fields(HiddenPlaces))))


def _write(path: Path, **arrays: np.ndarray) -> None:
    np.savez_compressed(path, allow_pickle=False, **arrays)


def _read(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    # numpy leaves a file open that turns out to be no archive, unless it was opened for it
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
        return {name: stored[name] for name in names}
