"""Fitting subjects together beside fitting them one by one, in the same run, and the ratio of the times.

    python benchmarks/batched_fit.py [--nodes 10000 30000 100000] [--together 1 4 8 16] [--steps 50] [--device auto]

Every subject is a phantom of its own, so sizes differ as they do in a cohort; `nodes in a step` is how many nodes the
fit works on, in the mean. Times are wall times on CUDA, and CPU times of all threads on the CPU, which other programs
disturb less; the two ways take turns and the fastest run of each counts. The largest relative difference of any loss
stands beside the times: both ways must have done the same work.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch

from cardioscar.learning.device import choose_device
from cardioscar.phantom.config import PhantomConfig
from cardioscar.phantom.subject import make_phantom
from cardioscar.scar3d.field.batched_fit import fit_fields
from cardioscar.scar3d.field.field_stack import prepare
from cardioscar.scar3d.field.fit import FitResult, fit_field
from cardioscar.scar3d.field.fit_config import FitConfig
from cardioscar.scar3d.observation.groups import group_nodes
from cardioscar.scar3d.observation.observations import Observations
from cardioscar.scar3d.observation.sorting import complete_batches, sort_by_group


def observe(nodes: int, seed: int) -> Observations:
    """A phantom's nodes in group order."""
    phantom = make_phantom(PhantomConfig(nodes=nodes, seed=seed))
    groups = group_nodes(phantom.mesh.nodes_mm, phantom.stack)
    order = sort_by_group(groups.group_index, groups.n_groups)
    return Observations(
        phantom.mesh.nodes_mm[order.node_order],
        order.group_offsets,
        groups.targets,
        groups.pixels,
        complete_batches(order.group_offsets, 10_000),
    )


Fits = Callable[[], list[FitResult]]


def take_turns(ways: Sequence[Fits], device: torch.device, repeats: int) -> tuple[list[float], list[list[FitResult]]]:
    """Time in seconds of each way's fastest run, and the results of its last one."""
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    times: list[list[float]] = [[] for _ in ways]
    results: list[list[FitResult]] = [[] for _ in ways]
    for _ in range(repeats):
        for number, way in enumerate(ways):
            start = clock()
            results[number] = way()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            times[number].append(clock() - start)
    return [min(each) for each in times], results


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, nargs="+", default=[10_000, 30_000, 100_000], help="mesh nodes")
    parser.add_argument("--together", type=int, nargs="+", default=[1, 4, 8, 16], help="subjects fitted together")
    parser.add_argument("--steps", type=int, default=50, help="optimiser steps of a fit")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:1")
    parser.add_argument("--repeats", type=int, default=3, help="the fastest of so many runs counts")
    arguments = parser.parse_args()

    config = FitConfig(steps=arguments.steps, device=arguments.device)
    device = choose_device(config.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    print(f"{device} ({name}), torch {torch.__version__}, {arguments.steps} steps")
    print("mesh nodes  nodes in a step  together  one by one s  together s  ratio  subjects/s  loss difference")
    for nodes in arguments.nodes:
        cohort = [observe(nodes, seed) for seed in range(max(arguments.together))]
        for together in arguments.together:
            subjects = cohort[:together]
            prepared = [prepare(one, config) for one in subjects]
            fit_fields(prepared[:1], dataclasses.replace(config, steps=3))  # first use of the device is not measured
            ways = (
                lambda s=subjects: [fit_field(one, config) for one in s],
                lambda s=subjects: fit_fields([prepare(one, config) for one in s], config),
            )
            (alone_s, batched_s), (alone, batched) = take_turns(ways, device, arguments.repeats)
            apart = max(np.abs(a.losses / b.losses - 1).max() for a, b in zip(alone, batched, strict=True))
            in_step = sum(one.nodes for one in prepared) // together
            print(
                f"{nodes:10d}  {in_step:15d}  {together:8d}  {alone_s:12.2f}  {batched_s:10.2f}  "
                f"{alone_s / batched_s:5.2f}  {together / batched_s:10.2f}  {apart:15.1e}"
            )


if __name__ == "__main__":
    main()
