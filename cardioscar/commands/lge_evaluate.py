"""`cardioscar lge evaluate`: published segmentations beside a folder of truth."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from cardioscar.commands.parsing import parsed
from cardioscar.commands.terminal import TERMINAL, OnTerminal
from cardioscar.errors import InputError
from cardioscar.imaging.formats.header_trust import HeaderTrust


@dataclass(frozen=True)
class Evaluate:
    """Score segmentations beside a truth: Dice, HD95, agreement of volumes, CRPS, calibration; table, JSON and page."""

    results: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RESULTS")]
    """Folder with SUBJECT/labels.nii.gz, or the output of `cardioscar lge segment`."""
    truth: str
    """Folder or s3:// prefix with SUBJECT/labels.* or truth.*."""
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o", "--output"])] = None
    """Folder for evaluation.html, evaluation.json and evaluation.csv; by default RESULTS."""
    label_table: str = "cardioscar"
    """Convention of the truth's labels: cardioscar, emidec, acdc, mnms or scarnet."""
    header_trust: HeaderTrust = "agree"
    """Which statement counts where those of an image header contradict each other; agree: none."""
    labelled_slices: bool = False
    """Score slices alone that the truth labels: some readers stop at the valve plane."""
    terminal: OnTerminal = TERMINAL


def main(prog: str, words: list[str]) -> int:
    """Parse the words after `cardioscar lge evaluate`, score and print the table."""
    form = parsed(Evaluate, prog, words)
    from cardioscar.lge.evaluation import row_of
    from cardioscar.stages.lge.evaluate import PAGE, evaluate

    out = form.out or form.results
    with form.terminal.progress() as tell:
        found = evaluate(
            form.results,
            form.truth,
            out,
            label_table=form.label_table,
            header_trust=form.header_trust,
            labelled_slices=form.labelled_slices,
            on_step=tell,
        )
    form.terminal.answer(
        {
            "scores": [row_of(one) for one in found.scores],
            "failed": dict(found.failed),
            "summary": dict(found.summary),
            "report": str(out / PAGE),
        },
        lambda: _print(found.scores, found.failed, found.summary, out / PAGE),
    )
    if not found.scores:
        raise InputError("truth", "truth that can be compared with a segmentation", "none; see the rows above")
    return 0


def _print(scores: Any, failed: Mapping[str, str], summary: Mapping[str, Any], page: Path) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from cardioscar.lge.evaluation import row_of

    columns = {
        "dice_wall": ("Dice\nwall", 3),
        "dice_cavity": ("cavity", 3),
        "dice_scar": ("scar", 3),
        "hd95_wall_mm": ("HD95\nwall mm", 1),
        "true_scar_ml": ("true\nscar ml", 1),
        "found_scar_ml": ("found\nscar ml", 1),
        "crps_ml": ("CRPS\nml", 2),
        "ece": ("ECE", 3),
    }
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("subject", no_wrap=True)
    for heading, _ in columns.values():
        table.add_column(heading, justify="right")
    for score in scores:
        row = row_of(score)
        table.add_row(score.subject, *(_text(row[key], digits) for key, (_, digits) in columns.items()))
    console = Console(file=sys.stdout, highlight=False)
    if scores:
        console.print(table)
        dice = {name: one["median"] for name, one in summary["dice"].items()}
        said = ", ".join(f"{name} {_text(value, 3)}" for name, value in dice.items())
        sys.stdout.write(f"median Dice: {said}\n")
    for subject, why in failed.items():
        sys.stdout.write(f"{subject} not scored: {why}\n")
    sys.stdout.write(f"{page}\n")


def _text(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
