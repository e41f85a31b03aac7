"""Fits and predictions on a CUDA device beside the CPU of the same machine, in the same run.

    python benchmarks/gpu.py GROUP_SORT_ARTIFACT [ANOTHER …] [--together 1 4 16 32] [--repeats 3]

Each artifact is a folder that `cardioscar group-sort` wrote; its subjects are the load. For each: subjects fitted alone
on one CPU thread, alone on the card and together on the card (wall times, the fastest run counts), how far the fields
agree, 20 MC-Dropout samples of the fitted field on both, and whether the stage goes on with half as many subjects when
the card's memory is short. CPU and CUDA draw different dropout masks, so agreement is measured with dropout 0 too; what
dropout does stands beside it as the difference between two seeds on the CPU.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cardioscar.scar3d.field.batched_fit import fit_fields
from cardioscar.scar3d.field.field_stack import prepare
from cardioscar.scar3d.field.fit import fit_field
from cardioscar.scar3d.field.fit_config import FitConfig
from cardioscar.scar3d.field.mc_dropout import sample_logits
from cardioscar.scar3d.field.scar_field import ScarField
from cardioscar.scar3d.observation.files import load_observations
from cardioscar.scar3d.observation.observations import Observations
from cardioscar.stages.scar3d import shard_fit, train


def fastest(work: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Wall time in seconds of the fastest run, and the last result."""
    times = []
    for _ in range(repeats):
        torch.cuda.synchronize()
        start = time.perf_counter()
        result = work()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return min(times), result


def probability(field: ScarField, nodes_mm: np.ndarray) -> np.ndarray:
    """Scar probability without dropout, on the CPU in float64."""
    with torch.inference_mode():
        exact = copy.deepcopy(field).cpu().double()
        return torch.sigmoid(exact(exact.encode(torch.as_tensor(nodes_mm, dtype=torch.float64)))).numpy()


def agreement(subjects: list[Observations]) -> None:
    """How far fits on the card are from those on the CPU."""
    print("agreement: largest difference of the scar probability at observed nodes, and of the loss as a share")
    for dropout in (0.0, 0.1):
        cpu = FitConfig(device="cpu", dropout=dropout)
        card = dataclasses.replace(cpu, device="cuda")
        together = fit_fields([prepare(one, card) for one in subjects], card)
        rows = []
        for one, third in zip(subjects, together, strict=True):
            first, other, second = (
                fit_field(one, cpu),
                fit_field(one, dataclasses.replace(cpu, seed=1)),
                fit_field(one, card),
            )
            maps = [probability(r.field, one.nodes_mm) for r in (first, second, third, other)]
            apart = [np.abs(a - maps[0]) for a in maps[1:]]
            rows.append(
                [*(a.max() for a in apart), *(a.mean() for a in apart), abs(second.losses[-1] / first.losses[-1] - 1)]
            )
        worst = np.max(rows, axis=0)
        print(
            f"  dropout {dropout}: alone on the card {worst[0]:.1e} (mean {worst[3]:.1e}), together {worst[1]:.1e} "
            f"(mean {worst[4]:.1e}), another seed on the CPU {worst[2]:.1e} (mean {worst[5]:.1e}); loss {worst[6]:.1e}"
        )


def fits(subjects: list[Observations], together: list[int], repeats: int) -> ScarField:
    """Time fits; returns a fitted field."""
    card, cpu = FitConfig(device="cuda"), FitConfig(device="cpu")
    fit_field(subjects[0], dataclasses.replace(card, steps=3))  # first use of the device is not measured
    torch.set_num_threads(1)
    on_cpu, _ = fastest(lambda: fit_field(subjects[0], cpu), 2)
    alone, result = fastest(lambda: fit_field(subjects[0], card), repeats)
    nodes = prepare(subjects[0], card).nodes
    print(
        f"fit of {len(subjects[0].nodes_mm)} observed nodes ({nodes} in a step), wall s: "
        f"one CPU thread {on_cpu:.2f}, card {alone:.2f}"
    )
    for count in together:
        some = [subjects[k % len(subjects)] for k in range(count)]
        torch.cuda.reset_peak_memory_stats()
        seconds, _ = fastest(lambda some=some: fit_fields([prepare(one, card) for one in some], card), repeats)
        peak, estimate = (
            torch.cuda.max_memory_allocated() / 2**20,
            sum(prepare(o, card).memory_bytes for o in some) / 2**20,
        )
        print(
            f"  {count:3d} together: {seconds:6.2f} s, {3600 * count / seconds:9.0f} subjects/h, "
            f"{on_cpu * count / seconds:6.1f} CPU threads, peak {peak:7.0f} MiB (estimated {estimate:7.0f})"
        )
    return result.field


def samples(field: ScarField, nodes_mm: np.ndarray, repeats: int) -> None:
    """Time 20 MC-Dropout samples."""
    here, there = copy.deepcopy(field).cpu(), copy.deepcopy(field).cuda()
    for count in (30_000, 300_000, 1_400_000):
        rng = np.random.default_rng(0)
        nodes = nodes_mm[rng.integers(len(nodes_mm), size=count)] + rng.normal(0, 1, (count, 3))
        on_card, a = fastest(lambda nodes=nodes: sample_logits(there, nodes, samples=20, seed=0), repeats)
        on_cpu, b = fastest(lambda nodes=nodes: sample_logits(here, nodes, samples=20, seed=0), 1)
        with torch.inference_mode():
            places = torch.as_tensor(nodes, dtype=torch.float32)
            plain = [torch.sigmoid(f(f.encode(places.to(f.center_mm.device)))).cpu() for f in (there, here)]
        print(
            f"  20 samples at {count} nodes: card {on_card:.2f} s, one CPU thread {on_cpu:.2f} s; differences: field "
            f"without dropout {float((plain[0] - plain[1]).abs().max()):.1e}, mean of samples "
            f"{np.abs(a.mean(0) - b.mean(0)).mean():.2f} logits"
        )


def short_of_memory(artifact: Path, subjects: list[str]) -> None:
    """Run the stage with little of the card's memory, its estimate switched off: halving must save the shard."""
    total = torch.cuda.get_device_properties(0).total_memory
    need = sum(prepare(load_observations(artifact / s), FitConfig(device="cuda")).memory_bytes for s in subjects)
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(min(0.4 * need / total, 1.0))
    keep, shard_fit.MEMORY_SHARE = shard_fit.MEMORY_SHARE, 1e9
    try:
        with tempfile.TemporaryDirectory() as out:
            rows = train.run(artifact, subjects, out, {"device": "cuda", "subjects_together": len(subjects)})
            found = [json.loads((Path(out) / s / "field.json").read_text())["fitted_together"] for s in subjects]
    finally:
        shard_fit.MEMORY_SHARE = keep
        torch.cuda.set_per_process_memory_fraction(1.0)
    done = sum(row.outcome == "ok" for row in rows)
    shares = sorted(set(found))
    print(f"  memory for 40 % of {len(subjects)}: {done} of {len(subjects)} subjects done, fitted together {shares}")


def stage(artifact: Path, subjects: list[str]) -> None:
    """Run `train` on the artifact as a task of the pipeline does."""
    with tempfile.TemporaryDirectory() as out:
        start = time.perf_counter()
        rows = train.run(artifact, subjects, out, {})
        seconds = time.perf_counter() - start
    done = sum(row.outcome == "ok" for row in rows)
    print(f"  stage `train`, device auto: {done} of {len(subjects)} subjects in {seconds:.1f} s, files included")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("artifacts", nargs="+", type=Path, help="folders that group-sort wrote")
    parser.add_argument("--together", type=int, nargs="+", default=[1, 4, 16, 32], help="subjects fitted together")
    parser.add_argument("--repeats", type=int, default=3, help="the fastest of so many runs counts")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("needs a CUDA device")
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
    for artifact in arguments.artifacts:
        names = sorted(p.name for p in artifact.iterdir() if (p / "sorted.npz").is_file())
        subjects = [load_observations(artifact / name) for name in names]
        print(
            f"--- {len(names)} subjects, {np.mean([len(s.nodes_mm) for s in subjects]):.0f} observed nodes in the mean",
            flush=True,
        )
        field = fits(subjects, arguments.together, arguments.repeats)
        samples(field, subjects[0].nodes_mm, arguments.repeats)
        agreement(subjects[:4])
        stage(artifact, names)
        if len(names) > 8:  # of fewer, less than half may not hold one
            short_of_memory(artifact, names)


if __name__ == "__main__":
    main()
