"""Indices and phase on drawn subjects that no network has seen: several tasks, single tasks, segmentation alone.

python -m benchmarks.lv_indices OUTPUT [--slices 400] [--unseen 100] [--steps 300] [--only NAME …]

The segmentation is that of a stored network and the same for all: in this architecture gradients of the indices do not
reach it. Slices are drawn and segmented once; every contender learns from the same ones, in the same order and views,
for the same number of steps. Slices and networks stay in OUTPUT: the work goes on where it was, and scoring can be run
again. Prints a table in Markdown, which is written to OUTPUT/table.md too.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.lv_indices.contenders import CONTENDERS, MULTI, Budget, learned
from benchmarks.lv_indices.drawn import DrawnSlice, drawn_slices
from benchmarks.lv_indices.scores import measured, regressed, true_indices
from benchmarks.lv_indices.table import Row, each_index, summary
from cardioscar.files.atomic import atomic_file
from cardioscar.lvquant.agreement import FrameIndices, agreement
from cardioscar.lvquant.network.cine_net import ARCHITECTURE, build_cine_net
from cardioscar.lvquant.training.batches import TRAINING
from cardioscar.stages.networks import SHIPPED, bundle_at
from cardioscar.synthesis.cine.settings import CineConfig

UNSEEN = 9
"""Stream of seeds that no training and no validation uses."""
GRID = CineConfig(pixels=(80, 80), pixel_mm=(1.3, 2.4), beyond_ends=(0.1, 0.25))
"""What the network that ships has learned from."""


def row(name: str, found: Sequence[FrameIndices], truth: Sequence[FrameIndices], seconds: float | None) -> Row:
    """Score one way."""
    shown = [n for n, one in enumerate(truth) if np.isfinite(one.indices[:, 0]).all()]
    phase = agreement([found[n] for n in shown], [truth[n] for n in shown]).phase_error_percent if shown else None
    return Row(name, agreement(found, truth), phase, seconds)


def compare(folder: Path, options: argparse.Namespace) -> list[Row]:
    """Draw, train and score, or take what lies in the folder."""
    bundle = bundle_at(options.segmentation, "lvquant")
    shipped = bundle.network(ARCHITECTURE, build_cine_net)

    def slices(stream: int, count: int) -> list[DrawnSlice]:
        return drawn_slices(folder / "drawn", stream, options.seed, count, GRID, shipped, bundle.sha256)

    unseen = slices(UNSEEN, options.unseen)
    pool = [one.seen for one in slices(TRAINING, options.slices)]
    truth = [true_indices(one.seen.example) for one in unseen]
    seen = [one.seen for one in unseen]
    rows = [
        row("segmentation alone, measured", [measured(one) for one in unseen], truth, None),
        row("network that ships, regressed", regressed(shipped, seen, MULTI), truth, None),
    ]
    budget = Budget(options.steps, options.batch, options.seed)
    for one in CONTENDERS:
        if not options.only or one.name in options.only:
            network, seconds = learned(folder / "networks", one, budget, pool, shipped, bundle.sha256)
            rows.append(row(one.name, regressed(network, seen, one.tasks), truth, seconds))
            sys.stderr.write(f"{one.name}: {seconds:.0f} s\n")
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("output", type=Path, help="folder for slices, networks and the table")
    parser.add_argument("--segmentation", default=SHIPPED, help="network whose segmentation all take")
    parser.add_argument("--slices", type=int, default=400, help="drawn slices to learn from")
    parser.add_argument("--unseen", type=int, default=100, help="drawn slices that are scored")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=(), choices=[one.name for one in CONTENDERS], metavar="NAME")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    clock = time.process_time()
    rows = compare(options.output, options)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = (
        f"{options.unseen} unseen slices of {GRID.frames} frames; {options.slices} to learn from, {options.steps} "
        f"steps of {options.batch}. This call took {time.process_time() - clock:.0f} CPU-s, {peak:.0f} MiB at the most."
    )
    text = "\n\n".join([summary(rows), each_index(rows), told]) + "\n"
    sys.stdout.write(text)
    with atomic_file(options.output / "table.md") as partial:
        partial.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
