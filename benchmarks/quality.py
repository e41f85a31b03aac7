"""Whether the quality verdict, which knows no truth, tells the true Dice of a map: on 60 phantoms of many kinds.

    python benchmarks/quality.py [--keep FOLDER] [--predictors log_odds residual_process] [--write]

Every heart goes through all stages with the default settings, and the verdict is the one in its `metrics.json`. Limits
are chosen on the first half of the seeds; the second half shows what they are worth. With `--keep` a second call takes
up what the first one left.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from measured import conditions, table, write_page
from quality_predictors import PREDICTORS
from quality_set import HEARTS_PER_SEED, NODES, Result, reconstruct
from scipy.stats import mannwhitneyu, spearmanr

from cardioscar.imaging.formats.slice_files import load_stack
from cardioscar.report.style import MUTED, RULE, new_figure, png_bytes, styled
from cardioscar.scar3d.quality.leave_one_out import leave_one_slice_out
from cardioscar.scar3d.quality.limits import FRACTIONS
from cardioscar.scar3d.quality.verdict import (
    doubt,
    left_out_dice,
    relative_width,
)

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "quality.md"
PLOT = PAGE.with_suffix(".png")
GOOD_DICE, POOR_DICE = 0.85, 0.75
"""A map of lower Dice should not pass, and one of lower Dice still should fail."""

Signal = Callable[[Result], float]


def left_out(result: Result) -> float:
    """Dice on left-out slices, with its sign turned: the larger, the worse."""
    return -_number(left_out_dice(result.metrics))


def in_doubt(result: Result) -> float:
    """Standard deviation summed over the wall, as a share of the scar."""
    return _number(doubt(result.metrics))


def width(result: Result) -> float:
    """Width of the scar volume's interval, as a share of its mean."""
    return _number(relative_width(result.metrics.intervals.scar_ml if result.metrics.intervals else None))


SIGNALS: dict[str, tuple[Signal, float, float]] = {
    "Dice on left-out slices, review": (left_out, GOOD_DICE, -FRACTIONS.left_out_review),
    "Dice on left-out slices, fail": (left_out, POOR_DICE, -FRACTIONS.left_out_fail),
    "doubt, review": (in_doubt, GOOD_DICE, FRACTIONS.doubt_review),
    "doubt, fail": (in_doubt, POOR_DICE, FRACTIONS.doubt_fail),
    "width of the volume's interval, review": (width, GOOD_DICE, FRACTIONS.width_review),
}
"""What a limit is put on, the Dice below which it should speak, and the limit that the stage takes."""


def best_limit(values: np.ndarray, dice: np.ndarray, least: float) -> float:
    """The limit that best divides maps of lower Dice from the others (largest sum of sensitivity and specificity)."""
    known = np.isfinite(values) & np.isfinite(dice)
    values, poor = values[known], dice[known] < least
    if not poor.any() or poor.all():
        return float("nan")
    limits = np.unique(values)
    limits = (limits[1:] + limits[:-1]) / 2
    worth = [(values[poor] > limit).mean() + (values[~poor] <= limit).mean() for limit in limits]
    return float(limits[int(np.argmax(worth))])


def auc(values: np.ndarray, dice: np.ndarray, least: float = GOOD_DICE) -> float:
    """Probability that a map of lower Dice has the higher value."""
    known = np.isfinite(values) & np.isfinite(dice)
    values, poor = values[known], dice[known] < least
    if not poor.any() or poor.all():
        return float("nan")
    return float(mannwhitneyu(values[poor], values[~poor]).statistic / (poor.sum() * (~poor).sum()))


def verdict_rows(results: Sequence[Result]) -> list[tuple[object, ...]]:
    """For each half and verdict: how many hearts, and their true Dice and volume error."""
    rows: list[tuple[object, ...]] = []
    for half, chosen_on in (("chosen on", True), ("shown on", False)):
        for verdict in ("pass", "review", "fail"):
            own = [r for r in results if r.chosen_on == chosen_on and r.metrics.qc.verdict == verdict]
            scar = [r for r in own if np.isfinite(r.dice)]
            dice, volume = np.array([r.dice for r in scar]), np.array([r.volume_error for r in scar])
            volume = volume[np.isfinite(volume)]
            rows.append(
                (
                    f"{verdict}, {half}", len(own), len(scar), _mean(dice), f"{dice.min():.3f}" if len(dice) else "–",
                    f"{(dice < GOOD_DICE).sum()}", _mean(volume, 1), f"{volume.max():.1f}" if len(volume) else "–",
                )
            )  # fmt: skip
    return rows


def signal_rows(results: Sequence[Result]) -> list[tuple[object, ...]]:
    """What each limit would best be on the first half, what it is, and how well its signal orders the hearts."""
    rows: list[tuple[object, ...]] = []
    for name, (signal, least, limit) in SIGNALS.items():
        cells: list[object] = [name, f"{least:.2f}"]
        for chosen_on in (True, False):
            own = [r for r in results if r.chosen_on == chosen_on]
            values, dice = np.array([signal(r) for r in own]), np.array([r.dice for r in own])
            if chosen_on:
                cells += [f"{abs(best_limit(values, dice, least)):.2f}", f"{abs(limit):.2f}"]
            cells += [f"{_spearman(values, dice):.2f}", f"{auc(values, dice, least):.2f}"]
        rows.append(tuple(cells))
    return rows


def reason_rows(results: Sequence[Result]) -> list[tuple[object, ...]]:
    """How often each reason was given, and the true Dice with and without it."""
    known = [r for r in results if np.isfinite(r.dice)]
    kinds = sorted({_kind(reason) for r in known for reason in r.metrics.qc.reasons})
    rows: list[tuple[object, ...]] = []
    for kind in kinds:
        given = np.array([kind in map(_kind, r.metrics.qc.reasons) for r in known])
        dice = np.array([r.dice for r in known])
        rows.append((kind, int(given.sum()), _mean(dice[given]), _mean(dice[~given])))
    return rows


def predictor_rows(results: Sequence[Result], names: Sequence[str]) -> list[tuple[object, ...]]:
    """How well the error of left-out slices tells Dice and volume error, by what predicts the slices."""
    rows: list[tuple[object, ...]] = []
    dice, volume = np.array([r.dice for r in results]), np.array([r.volume_error for r in results])
    for name in names:
        began = time.process_time()
        scores = [
            leave_one_slice_out(load_stack(r.slices), predict=PREDICTORS[name], workers=1).scores() for r in results
        ]
        seconds = (time.process_time() - began) / len(results)
        error, overlap = (np.array([s[key] for s in scores]) for key in ("scar_error", "dice"))
        rows.append(
            (
                name, f"{_spearman(error, dice):.2f}", f"{_spearman(error, volume):.2f}", f"{auc(error, dice):.2f}",
                f"{_spearman(overlap, dice):.2f}", f"{seconds:.2f}",
            )
        )  # fmt: skip
        print(*rows[-1], file=sys.stderr, flush=True)
    return rows


@styled
def plot(results: Sequence[Result]) -> bytes:
    """Dice on left-out slices beside true Dice, a point a heart, the limits as lines."""
    figure = new_figure(8.6, 4.2)
    colours = {"pass": "#0e7a4f", "review": "#d08700", "fail": "#b3261e"}
    for axes, chosen_on in zip(figure.subplots(1, 2, sharex=True, sharey=True), (True, False), strict=True):
        for verdict, colour in colours.items():
            own = [r for r in results if r.chosen_on == chosen_on and r.metrics.qc.verdict == verdict]
            axes.scatter(
                [-left_out(r) for r in own], [r.dice for r in own], s=22, color=colour, label=verdict, zorder=3
            )
        for limit in (FRACTIONS.left_out_review, FRACTIONS.left_out_fail):
            axes.axvline(limit, color=MUTED, linewidth=1, linestyle="--")
        axes.axhline(GOOD_DICE, color=RULE, linewidth=1)
        axes.set(xlabel="Dice on left-out slices", title="Limits chosen on these hearts"
                 if chosen_on else "Limits shown on these hearts")  # fmt: skip
    first = figure.axes[0]
    first.set_ylabel("true Dice of the map")
    first.legend(title="verdict", loc="lower right")
    return png_bytes(figure)


def main() -> None:
    """Measure, print, and write the page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path, help="folder that hearts and results are kept in")
    parser.add_argument("--predictors", nargs="*", choices=PREDICTORS, default=["log_odds", "signed_distance"],
                        help="ways to predict a hidden slice, to be compared")  # fmt: skip
    parser.add_argument("--write", action="store_true", help=f"replace numbers and plot in docs/benchmarks/{PAGE.name}")
    arguments = parser.parse_args()
    head = conditions(["cardioscar", "torch", "numpy", "scipy"]).replace(str(arguments.keep), "FOLDER")
    with tempfile.TemporaryDirectory(prefix="cardioscar-quality-") as name:
        folder = arguments.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        results = reconstruct(folder)
        predictors = predictor_rows(results, arguments.predictors)
    picture = plot(results)
    text = report(head, results, predictors)
    print(text)
    if arguments.write:
        PLOT.write_bytes(picture)
        write_page(PAGE, text)


def report(head: str, results: Sequence[Result], predictors: list[tuple[object, ...]]) -> str:
    """The tables."""
    scarred = sum(np.isfinite(r.dice) for r in results)
    about = (
        f"- {len(results)} phantoms of {NODES:,} nodes, {HEARTS_PER_SEED} a seed; {scarred} with scar in truth or map"
    )
    parts = [
        f"{head}\n{about}",
        "### Verdict and true quality",
        table(
            [
                "verdict",
                "hearts",
                "with scar",
                "mean Dice",
                "worst Dice",
                f"Dice < {GOOD_DICE}",
                "mean volume error %",
                "worst",
            ],
            verdict_rows(results),
        ),
        f"![Dice on left-out slices beside true Dice]({PLOT.name})",
        "### Signals and their limits",
        table(
            [
                "signal",
                "speaks of Dice below",
                "best limit",
                "limit taken",
                "Spearman, chosen on",
                "AUC",
                "Spearman, shown on",
                "AUC",
            ],
            signal_rows(results),
        ),
        "### Reasons given",
        table(["reason", "hearts", "mean Dice with", "mean Dice without"], reason_rows(results)),
    ]
    if predictors:
        columns = [
            "predictor of hidden slices",
            "error and Dice",
            "error and volume error",
            f"AUC of Dice < {GOOD_DICE}",
            "hidden and true Dice",
            "CPU-s a heart",
        ]
        parts += ["### Ways to predict a hidden slice (Spearman, all hearts)", table(columns, predictors)]
    return "\n\n".join(parts)


def _kind(reason: str) -> str:
    """A reason without its numbers."""
    return " ".join(word for word in reason.split(" (")[0].split(":")[0].split() if not any(c.isdigit() for c in word))


def _spearman(a: np.ndarray, b: np.ndarray) -> float:
    known = np.isfinite(a) & np.isfinite(b)
    return float(spearmanr(a[known], b[known]).statistic) if known.sum() > 2 else float("nan")


def _mean(values: np.ndarray, digits: int = 3) -> str:
    return f"{values.mean():.{digits}f}" if len(values) else "–"


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


if __name__ == "__main__":
    main()
