"""`cardioscar compare`: two runs of one cohort, subject by subject."""

from __future__ import annotations

import dataclasses
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from cardioscar.commands.parsing import parsed
from cardioscar.commands.terminal import TERMINAL, OnTerminal

if TYPE_CHECKING:
    from cardioscar.results.comparison import Comparison


@dataclass(frozen=True)
class Compare:
    """Compare two runs, settings or versions over the same subjects.

    Changed verdicts, and each number's mean difference with its limits of agreement.
    """

    a: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="A")]
    """Results, output of `cardioscar run`, or s3:// place of results."""
    b: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="B")]
    """The same of the other run."""
    html: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Page to write beside what is printed: verdicts, agreement of each number, links to the subjects of both, where
    they lie in folders."""
    terminal: OnTerminal = TERMINAL


def main(command: str, words: list[str]) -> int:
    """Parse the words after `cardioscar compare`, and print what differs."""
    form = parsed(Compare, f"cardioscar {command}", words)
    from cardioscar.commands.results_folder import read_table, results_folder
    from cardioscar.results.comparison import compare

    a, b = read_table(form.a), read_table(form.b)
    found = compare(a, b)
    if form.html is not None:
        from cardioscar.files.folders import platform_faults
        from cardioscar.report.comparison import write_comparison_page
        from cardioscar.services.store.places import place

        # pages in a store have no address that a browser opens
        roots = [place(one, where="results") for one in (form.a, form.b)]
        places = [
            os.path.relpath(results_folder(one), form.html.parent) if isinstance(one, Path) else "" for one in roots
        ]
        with platform_faults(form.html.parent):
            write_comparison_page(form.html, a, b, dataclasses.asdict(found), (places[0], places[1]))
    form.terminal.answer(dataclasses.asdict(found), lambda: _print(found))
    return 0


def _print(found: Comparison) -> None:
    from rich.console import Console
    from rich.table import Table

    from cardioscar.errors import counted

    console = Console()
    table = Table("B − A", "n", "mean", "limits of agreement", "most", box=None, header_style="bold")
    for row in found.differences:
        limits = "–" if math.isnan(row.lower) else f"{row.lower:+.3g} to {row.upper:+.3g}"
        table.add_row(
            row.heading, str(row.subjects), f"{row.mean:+.3g}", limits, f"{row.largest} {row.largest_by:+.3g}"
        )
    console.print(f"{counted(len(found.both), 'subject')} in both")
    console.print(table)
    for name, before, after in found.changed:
        console.print(f"{name}: {before} ▸ {after}")
    for place, names in (("A", found.only_a), ("B", found.only_b)):
        if names:
            console.print(f"in {place} alone: {', '.join(names[:20])}{' …' if len(names) > 20 else ''}")
