"""The page: goals, tables and figures of one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measured import BEGIN, END, write_page
from benchmarks.reconstruction import tables
from benchmarks.reconstruction.figures import draw
from benchmarks.reconstruction.goals import goals_table, phantom_set
from benchmarks.reconstruction.roster import REFERENCE
from benchmarks.reconstruction.suite import EXACT, PEOPLE_SEEDS
from benchmarks.reconstruction.summary import summarize

Row = Mapping[str, Any]

PER_CASE = (
    ("Dice", "dice", "{:.3f}"),
    ("Volume error, %", "volume_error", "{:.1f}"),
    ("Corridor kept", "corridor_kept", "{:.2f}"),
    ("Coverage of 90 % intervals, 5 mm cubes", "cubes_coverage", "{:.2f}"),
)


def write_report(
    rows: Sequence[Row], page: Path, *, head: str, skipped: Sequence[str], stale: int, reference_s: float
) -> str:
    """Write the page, a CSV of all trials and the figures beside it.

    Args:
        rows: Trials, those that failed included.
        page: Markdown file; if it is there, only what was measured is replaced in it.
        head: Conditions of the run, taken when it began.
        skipped: Cases left out, with reasons.
        stale: Number of rows that are of other code.
        reference_s: Budget of the reference.

    Returns:
        The Markdown.
    """
    folder = page.parent / page.stem
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "trials.csv").write_text(tables.csv_text(rows), encoding="utf-8")
    good = [row for row in rows if "error" not in row]
    figures = draw(good, folder)
    parts = [head]
    draws = max((row["coverage"]["draws"] for row in good if row["coverage"]), default=0)
    parts.append(f"- seed {', '.join(str(seed) for seed in dict.fromkeys(row['seed'] for row in rows))}; {draws} draws")
    parts += [f"- skipped: {reason}" for reason in skipped]
    parts += [f"- failed: {row['method']} on {row['case']}: {row['error']}" for row in rows if "error" in row]
    if stale:
        parts.append(f"- {stale} of {len(rows)} results are of earlier code or settings")
    text = "\n".join(parts) + "\n\n" + "\n\n".join(_sections(good, figures, folder.name, reference_s))
    if not page.is_file():
        page.write_text(f"# Reconstruction methods side by side\n\n{BEGIN}\n{END}\n", encoding="utf-8")
    write_page(page, text)
    return text


def _sections(rows: Sequence[Row], figures: Mapping[str, str], folder: str, reference_s: float) -> list[str]:
    sections = [f"### Goals, {phantom_set(rows)} set", goals_table(rows)]
    for caption, name in figures.items():
        sections.append(f"![{caption}]({folder}/{name})")
    for case_set, nodes in dict.fromkeys((row["set"], row["nodes_wanted"]) for row in rows):
        here = [row for row in rows if (row["set"], row["nodes_wanted"]) == (case_set, nodes)]
        if case_set == "real":
            sections += ["### Real case, every second slice hidden"]
            for case in dict.fromkeys(row["case"] for row in here):
                own = summarize(row for row in here if row["case"] == case)
                sections += [f"{case}:", tables.method_table(own, tables.PIXELS)]
            continue
        cases = len({row["case"] for row in here})
        if case_set in PEOPLE_SEEDS:
            hearts = len({row["about"]["index"] for row in here})
            sections += [
                f"### {case_set.capitalize()} set, {hearts} hearts, {cases} runs, every second slice hidden",
                tables.method_table(summarize(here), tables.PIXELS),
            ]
            continue
        count = f"{cases} case{'s' * (cases != 1)}"
        sections.append(f"### {case_set.capitalize()} set, {nodes:,} nodes, {count}")
        if nodes == max(row["nodes_wanted"] for row in rows if row["set"] == case_set):
            sections.append(tables.facts_table(here))
        own = summarize(row for row in here if row["method"] != REFERENCE)
        sections.append(tables.method_table(own, tables.ACCURACY))
        exact = [row for row in here if row["case"] in EXACT and row["method"] != REFERENCE]
        if len({row["case"] for row in exact}) < cases:
            sections.append("The same on the cases that are read exactly (no shift, no error of the reader, no noise):")
            sections.append(tables.method_table(summarize(exact), tables.ACCURACY))
        sections += ["Calibration, and coverage of 90 % intervals:", tables.method_table(own, tables.UNCERTAINTY)]
        sections.append(tables.method_table(own, tables.COST))
        ratios = tables.ratio_table(here)
        if ratios:
            on = len({row["case"] for row in here if row["method"] == REFERENCE})
            sections += [f"Beside the published method with {reference_s:g} CPU-s a fit, on {on} of the cases:", ratios]
        for title, measure, form in PER_CASE:
            cases_table = tables.case_table(here, measure, form)
            sections += [f"{title}, case by case:", cases_table] if cases_table else []
    return sections
