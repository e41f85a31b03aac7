"""Small phantoms as reconstruction problems, each made once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from cardioscar.imaging.coordinates.lv_coordinates import lv_coordinates
from cardioscar.imaging.labels import WALL, Label
from cardioscar.imaging.slices import SliceStack, stack_from_volume
from cardioscar.imaging.tetrahedra import tetrahedra_of
from cardioscar.phantom.config import PhantomConfig
from cardioscar.phantom.subject import make_phantom
from cardioscar.scar3d.observation.problem import Problem, build_problem


@dataclass(frozen=True)
class Heart:
    """A phantom with its truth."""

    problem: Problem
    truth: np.ndarray
    node_volumes_ml: np.ndarray


@cache
def heart(*, scar: str = "smooth", nodes: int = 4_000, labels: bool = False, seed: int = 3, index: int = 0) -> Heart:
    """Phantom whose pixels are scar fractions or labels."""
    phantom = make_phantom(PhantomConfig(seed=seed, nodes=nodes, scar=scar), index)  # type: ignore[arg-type]
    stack: SliceStack = phantom.stack
    if labels:
        read = phantom.images.labels
        stack = stack_from_volume(
            replace(read, values=(read.values == Label.SCAR).astype(np.float32)),
            observed=np.isin(read.values, WALL),
            thickness_mm=phantom.images.protocol.thickness_mm,
        )
    ml = phantom.mesh.node_volumes_ml
    shape = phantom.shape
    found = lv_coordinates(phantom.mesh, septum_direction=shape.septum_direction, apex_to_base=shape.apex_to_base)
    coordinates = np.column_stack([found.apicobasal, found.rotational, found.transmural])
    problem = build_problem(
        phantom.mesh.nodes_mm,
        stack,
        wall_ml=float(ml.sum()),
        coordinates=coordinates,
        tetrahedra=tetrahedra_of(phantom.mesh.grid),
    )
    return Heart(problem, phantom.scar_truth, ml)


def shown_by(case: Heart, chosen: Callable[[list[int]], list[int]]) -> Problem:
    """The problem of a heart of which only some slices were taken; `chosen` picks from those with wall, apex first."""
    problem = case.problem
    assert problem.coordinates is not None
    height = problem.coordinates[:, 0]
    numbers = np.unique(problem.slice_number)
    seen = problem.groups.node_order[problem.groups.group_offsets[:-1]]
    up = np.argsort([height[seen[problem.slice_number == number]].mean() for number in numbers])
    return build_problem(
        problem.nodes_mm,
        problem.stack.only(set(chosen([int(number) for number in numbers[up]]))),
        wall_ml=float(case.node_volumes_ml.sum()),
        coordinates=problem.coordinates,
    )
