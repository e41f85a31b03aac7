"""Three architectures trained from the same drawn slices with the same CPU time, and scored on the same unseen hearts.

python -m benchmarks.lge_comparison FOLDER [--seconds 300] [--slices 4096] [--pixels 128] [--subjects 20]

Draws the slices once, finds out what a step of each network costs on this machine, trains each for as many steps as the
time pays for, trains the cheapest one again on parts of the slices, and scores all of them beside n-SD and FWHM in
clean, noisy and blurred pictures. Whatever is in the folder already (slices, half of a training, networks, scores) is
gone on with. Tables in Markdown are printed and written beside the plots.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch

from benchmarks.lge_scores import (
    BLUR_MM,
    CLEAN,
    NOISE,
    blurred,
    method_of,
    noisy,
    scores_of,
    spread_text,
    summary_rows,
    values_of,
)
from benchmarks.lge_segmentation import table
from benchmarks.lge_stream import Stream, draw_stream
from cardioscar.config import config_sha256
from cardioscar.errors import InputError
from cardioscar.learning.loop import train
from cardioscar.learning.loop_config import LoopConfig
from cardioscar.learning.schedules import ScheduleConfig
from cardioscar.lge.inference.calibration import calibrate_bundle, held_out_slices
from cardioscar.lge.inference.config import InferConfig
from cardioscar.lge.inference.segmenter import Segmenter, of_bundle, read_segmenter
from cardioscar.lge.network.build import network_of
from cardioscar.lge.network.specs import Architecture, Size, named_spec
from cardioscar.lge.train import train_segmenter
from cardioscar.lge.training.config import WATCHED, TrainConfig
from cardioscar.lge.training.loss import SegmentationLoss
from cardioscar.lge.training.steps import StepLosses
from cardioscar.report.lge.robustness import levels_figure, methods_figure
from cardioscar.report.style import png_bytes
from cardioscar.stages.networks import bundle_at
from cardioscar.synthesis.lge.settings import LgeConfig

ARCHITECTURES: tuple[Architecture, ...] = get_args(Architecture)
REHEARSED, WARMING = 5, 1
"""Steps by which the cost of one is found, and how many of them warm up."""
VALIDATIONS = 4
"""Validations of a training: the weights of the best one are kept."""


@dataclass(frozen=True)
class Plan:
    """What is compared.

    Attributes:
        folder: Where all of it lies.
        seconds: CPU time of each training's steps.
        slices: Slices that are drawn.
        batch: Slices of a step.
        size: Size of the networks.
        parts: Shares of the slices, as divisors, on which the cheapest network is trained too.
        rates: Peak of the learning rate by architecture.
        validation_slices: Drawn slices that choose the weights, and as many that fit the temperature.
        views: Views that are averaged.
        only: The one network that is trained here; empty trains all.
        drawn: Slices: pixels and their size.
    """

    folder: Path
    seconds: float
    slices: int
    batch: int
    size: Size
    parts: tuple[int, ...]
    rates: Mapping[str, float]
    validation_slices: int
    views: int
    only: str = ""
    drawn: LgeConfig = field(default_factory=LgeConfig)

    def config(self, architecture: Architecture, steps: int) -> TrainConfig:
        """Settings of a training."""
        return TrainConfig(
            architecture=architecture,
            size=self.size,
            batch=self.batch,
            validation_slices=self.validation_slices,
            synthetic=self.drawn,
            loop=LoopConfig(
                steps=steps,
                schedule=ScheduleConfig(name="cosine", peak=self.rates[architecture], rise=0.05),
                clip_norm=1.0,
                validate_every=max(steps // VALIDATIONS, 1),
                watch=WATCHED,
                higher_is_better=True,
                device="cpu",
                checkpoint_seconds=30.0,
            ),
        )


def seconds_a_step(plan: Plan, stream: Stream) -> dict[str, float]:
    """CPU-seconds of a step of each architecture: the median of some, taken in turns and found once.

    Args:
        plan: What is compared.
        stream: Slices.
    """
    path = plan.folder / "costs.json"
    identity = config_sha256(
        {"batch": plan.batch, "size": plan.size, "pixels": plan.drawn.pixels, "threads": torch.get_num_threads()}
    )
    if path.is_file() and (said := json.loads(path.read_text()))["of"] == identity:
        return dict(said["seconds_a_step"])
    taken: dict[str, list[float]] = {one: [] for one in ARCHITECTURES}
    for _ in range(2):  # what else runs on the machine changes
        for one in ARCHITECTURES:
            taken[one] += _rehearsed(plan.config(one, REHEARSED), stream)
    costs = {one: float(np.median(times)) for one, times in taken.items()}
    path.write_text(json.dumps({"of": identity, "seconds_a_step": costs}, indent=1) + "\n")
    return costs


def _rehearsed(config: TrainConfig, stream: Stream) -> list[float]:
    network = network_of(named_spec(config.architecture, config.size, pixels=config.synthetic.pixels))
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    ends: list[float] = []
    losses = StepLosses(network, stream, SegmentationLoss(config.loss), torch.device("cpu"), side=config.side)
    loop = replace(config.loop, validate_every=0)
    train(network, losses, loop, on_step=lambda *_: ends.append(time.process_time()))
    return [float(one) for one in np.diff(ends)[WARMING:]]


def trained(plan: Plan, name: str, architecture: Architecture, steps: int, stream: Stream) -> Path:
    """The bundle of a training, which goes on where it was stopped and is not done twice.

    Args:
        plan: What is compared.
        name: Name of the network.
        architecture: Which.
        steps: Steps.
        stream: Slices that it learns from.
    """
    folder, config = plan.folder / "networks" / name, plan.config(architecture, steps)
    folder.parent.mkdir(exist_ok=True)
    facts = folder.with_suffix(".json")
    said: dict[str, Any] = json.loads(facts.read_text()) if facts.is_file() else {}
    identity = config_sha256({"config": config_sha256(config), "stream": stream.sha256})
    if said.get("of") != identity:
        said = {"of": identity, "cpu_seconds": 0.0, "done": False}
    if said["done"]:
        return folder
    last = time.process_time()

    def note(done: int, most: int) -> None:
        nonlocal last
        if done % 10 and done != most:
            return
        said["cpu_seconds"] += time.process_time() - last
        last = time.process_time()
        facts.write_text(json.dumps(said, indent=1) + "\n")
        sys.stderr.write(f"{name}: step {done} of {most}\n")

    made = train_segmenter(
        folder, config, batches=stream, checkpoint=folder.with_suffix(".checkpoint"), keep_checkpoint=True, on_step=note
    )
    temperature = None
    try:
        held_out = held_out_slices(config, config.synthetic, plan.validation_slices)
        temperature = calibrate_bundle(folder, held_out, InferConfig(views=plan.views, device="cpu"))[1].temperature
    except InputError as error:  # a network that takes nearly all for background
        sys.stderr.write(f"{name}: not calibrated: {error}\n")
    folder.with_suffix(".checkpoint").unlink(missing_ok=True)
    said |= {
        "done": True,
        "architecture": architecture,
        "steps": steps,
        "slices": stream.slices,
        "weights": sum(one.numel() for one in made.result.network.parameters()),
        "best_step": made.result.best_step,
        "validation": {key: value for key, value in made.bundle.facts.eval_metrics.items() if key.endswith("_dice")},
        "curve": made.result.curves.of(WATCHED),
        "temperature": temperature,
    }
    facts.write_text(json.dumps(said, indent=1) + "\n")
    return folder


def all_trained(plan: Plan, stream_sha256: str) -> tuple[dict[str, Segmenter], list[dict[str, Any]]]:
    """The networks by name, and the rows of their trainings.

    Args:
        plan: What is compared.
        stream_sha256: Hash of the slices.
    """
    whole = Stream(plan.folder / "stream", plan.slices, plan.batch, config_sha256({"of": stream_sha256, "part": 1}))
    costs = seconds_a_step(plan, whole)
    cheapest_first: list[Architecture] = sorted(ARCHITECTURES, key=lambda one: costs[one])
    cheapest = cheapest_first[0]
    jobs: list[tuple[str, Architecture, int]] = [(one, one, 1) for one in cheapest_first]
    jobs += [(f"{cheapest} on 1/{part}", cheapest, part) for part in plan.parts if part > 1]
    networks: dict[str, Segmenter] = {}
    rows: list[dict[str, Any]] = []
    if plan.only and plan.only not in {name for name, *_ in jobs}:
        raise SystemExit(f"--only: one of {', '.join(name for name, *_ in jobs)}")
    for name, architecture, part in jobs:
        if plan.only not in ("", name):
            continue
        part_sha256 = config_sha256({"of": stream_sha256, "part": part})
        stream = replace(whole, slices=plan.slices // part, sha256=part_sha256)
        steps = max(round(plan.seconds / costs[architecture]), 1)
        folder = trained(plan, name.replace("/", "_of_").replace(" ", "_"), architecture, steps, stream)
        said = json.loads(folder.with_suffix(".json").read_text())
        networks[name] = replace(read_segmenter(folder), name=name)
        rows.append(
            {
                "network": name,
                "weights": f"{said['weights']:,}",
                "CPU-s a step": costs[architecture],
                "steps": steps,
                "slices drawn": stream.slices,
                "times each was met": f"{steps * plan.batch / stream.slices:.2f}",
                "best step": said["best_step"],
                "CPU-s with validations": round(said["cpu_seconds"]),
                "Dice scar, validation": said["validation"]["scar_dice"],
            }
        )
    return networks, rows


def plots(folder: Path, rows: Sequence[dict[str, Any]], training: Sequence[dict[str, Any]], part: str) -> None:
    """Write the figures: methods by picture, over noise, over the slices that were learned from."""
    dice = values_of(rows, "dice_scar")
    of_parts = {row["network"]: row["slices drawn"] for row in training if row["network"].partition(" on ")[0] == part}
    single = {name for name in of_parts if " on " in name}
    full = {name: by for name, by in dice.items() if not any(name.endswith(one) for one in single)}
    shown = (CLEAN, noisy(NOISE[0]), blurred(BLUR_MM[0]))
    picked = {name: {one: by[one] for one in shown} for name, by in full.items()}
    (folder / "methods.png").write_bytes(png_bytes(methods_figure(picked)))
    levels = {0.0: CLEAN, **{level: noisy(level) for level in NOISE}}
    over_noise = {name: {at: by[words] for at, words in levels.items()} for name, by in full.items()}
    figure = levels_figure(over_noise, level="Added noise, share of the range of grey values")
    (folder / "noise.png").write_bytes(png_bytes(figure))
    over_slices = {
        words: {float(slices): dice[name][words] for name, slices in of_parts.items()}
        for words in (CLEAN, noisy(NOISE[0]), noisy(NOISE[-1]))
    }
    figure = levels_figure(over_slices, level="Slices learned from, as many steps each", log=True)
    (folder / "training_set.png").write_bytes(png_bytes(figure))


def robustness_rows(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Median and quartiles of the scar's Dice of every method over all pictures."""
    return [
        {"method": name, **{picture: spread_text(values, 2) for picture, values in by.items()}}
        for name, by in values_of(rows, "dice_scar").items()
    ]


def main(words: list[str] | None = None) -> int:
    """Draw, train, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=300.0, help="CPU time of each training's steps")
    parser.add_argument("--slices", type=int, default=4096, help="slices that are drawn")
    parser.add_argument("--batch", type=int, default=8, help="slices of a step")
    parser.add_argument("--pixels", type=int, default=128, help="rows and columns of a slice")
    parser.add_argument("--pixel-mm", type=float, nargs=2, default=[1.0, 1.6], help="smallest and largest pixel")
    parser.add_argument("--size", choices=get_args(Size), default="tiny")
    parser.add_argument("--parts", type=int, nargs="*", default=[4, 16], help="1/PART of the slices for the cheapest")
    parser.add_argument("--rate", action="append", default=[], metavar="ARCHITECTURE=RATE", help="default: 0.002 each")
    parser.add_argument("--validation-slices", type=int, default=128)
    parser.add_argument("--subjects", type=int, default=20, help="unseen hearts")
    parser.add_argument("--views", type=int, default=2)
    parser.add_argument("--only", default="", help="train this one and stop: networks can be trained side by side")
    parser.add_argument("--network", action="append", default=[], metavar="NAME=ADDRESS", help="scored beside them")
    given = parser.parse_args(words)
    rates = dict.fromkeys(ARCHITECTURES, 2e-3) | {
        one: float(rate) for one, _, rate in (each.partition("=") for each in given.rate)
    }
    plan = Plan(
        given.folder, given.seconds, given.slices, given.batch, given.size, tuple(given.parts), rates,
        given.validation_slices, given.views, given.only,
        LgeConfig(pixels=(given.pixels, given.pixels), pixel_mm=(given.pixel_mm[0], given.pixel_mm[1])),
    )  # fmt: skip
    drawn = draw_stream(plan.folder / "stream", plan.slices, plan.config(ARCHITECTURES[0], 1).synthetic, seed=0)
    networks, training = all_trained(plan, drawn)
    if plan.only:
        return 0
    cheapest = next(iter(networks))
    networks |= {name: of_bundle(bundle_at(at, "lge")) for name, _, at in (one.partition("=") for one in given.network)}
    config = InferConfig(views=plan.views, device="cpu")
    rows = scores_of(networks, given.subjects, config, plan.folder / "scores")
    compared = [row for row in rows if " on 1/" not in method_of(row)]
    shown = (CLEAN, noisy(NOISE[0]), blurred(BLUR_MM[0]))
    text = "\n\n".join(
        [
            f"## Trainings of {plan.seconds:g} CPU-seconds\n\n{table(training)}",
            f"## {given.subjects} unseen hearts, median (quartiles)\n\n{table(summary_rows(compared, shown))}",
            f"## Dice of scar in every picture\n\n{table(robustness_rows(rows))}",
        ]
    )
    print(text)
    (plan.folder / "tables.md").write_text(text + "\n", encoding="utf-8")
    (plan.folder / "scores.json").write_text(json.dumps(rows, indent=1) + "\n")
    plots(plan.folder, rows, training, cheapest)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
