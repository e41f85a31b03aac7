"""`cardioscar registry find|show|load`: recorded models."""

from __future__ import annotations

import csv
import dataclasses
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from pkgutil import resolve_name
from typing import Annotated, Any, Literal

import tyro

from cardioscar.commands.actions import chosen, first_line
from cardioscar.commands.family import Family
from cardioscar.commands.parsing import parsed
from cardioscar.commands.terminal import TERMINAL, OnTerminal
from cardioscar.errors import ConfigError, InputError
from cardioscar.stages.families import DEFAULT, workflow_named


@dataclass(frozen=True)
class Find:
    """List recorded models, the newest version of each subject."""

    subject: str | None = None
    """Only this subject."""
    dice_below: Annotated[float | None, tyro.conf.arg(aliases=["--below-dice"])] = None
    """Only models whose Dice is below this."""
    where: tuple[str, ...] = ()
    """Further conditions on metrics, such as "heldout_dice < 0.8"."""
    qc: Literal["pass", "review", "fail"] | None = None
    """Only this verdict of quality control. Maps that failed it are no models: with `fail` their runs are listed."""
    needs_review: bool = False
    """Only models that somebody has to look at: `--qc review`."""
    cohort: str | None = None
    """Only this cohort."""
    all_versions: bool = False
    """Older versions too."""
    limit: int = 100
    """At most so many rows."""
    output: Literal["table", "json", "csv"] = "table"
    """`json` (as --json) and `csv` hold every metric, for programs."""
    tracking_uri: str = ""
    """MLflow server (http://…) or store (sqlite:///…); by default MLFLOW_TRACKING_URI."""
    family: Family = DEFAULT.name
    terminal: OnTerminal = TERMINAL


@dataclass(frozen=True)
class Show:
    """Describe one model in full."""

    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """Subject id (its newest version) or version number."""
    cohort: str | None = None
    """Cohort of the subject, where it is in several."""
    tracking_uri: str = ""
    """MLflow server or store; by default MLFLOW_TRACKING_URI."""
    family: Family = DEFAULT.name
    terminal: OnTerminal = TERMINAL


@dataclass(frozen=True)
class Load:
    """Download a subject's model (field.safetensors, field.json of a scar map) and check its hashes."""

    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """Subject id (its newest version) or version number."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder to write to."""
    cohort: str | None = None
    """Cohort of the subject, where it is in several."""
    tracking_uri: str = ""
    """MLflow server or store; by default MLFLOW_TRACKING_URI."""
    family: Family = DEFAULT.name
    terminal: OnTerminal = TERMINAL


ACTIONS = {"find": Find, "show": Show, "load": Load}


def main(command: str, words: list[str]) -> int:
    """Parse the words after `cardioscar registry` and answer."""
    action = chosen(command, words, {name: first_line(form) for name, form in ACTIONS.items()})
    if not action:
        return 0
    form: Any = parsed(ACTIONS[action], f"cardioscar {command} {action}", words[1:])
    from cardioscar.services.tracking import registry
    from cardioscar.services.tracking.client import TrackingTarget

    uri = form.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI", "")
    if not uri:
        raise InputError("tracking URI", "--tracking-uri or MLFLOW_TRACKING_URI", "neither")
    target, workflow = TrackingTarget(uri, form.cohort), workflow_named(form.family)
    kind = workflow.model
    if kind is None:
        raise ConfigError("family", "one whose subjects are recorded", f"'{form.family}'")
    if isinstance(form, Show):
        form.terminal.answer(registry.show(target, kind, form.model))
    elif isinstance(form, Load):
        folder = registry.load(target, kind, **_model(form.model), destination=form.out)
        said = f"{resolve_name(kind.opened_by)(folder)}, " if kind.opened_by else ""
        form.terminal.answer(
            {"folder": str(folder), "files": list(kind.names), "hashes": "agree"}, f"{folder}: {said}hashes agree"
        )
    else:
        if form.limit < 1:
            raise ConfigError("limit", "at least 1", str(form.limit))
        if form.needs_review and form.qc not in (None, "review"):
            raise ConfigError("needs_review", "no other verdict asked for", f"--qc {form.qc}")
        conditions = [registry.MetricFilter.parse(text) for text in form.where]
        rows = registry.find(
            target,
            kind,
            subject=form.subject,
            dice_below=form.dice_below,
            conditions=conditions,
            qc="review" if form.needs_review else form.qc,
            newest_only=not form.all_versions,
            limit=form.limit,
            all_metrics=form.terminal.json or form.output != "table",
        )
        if conditions and not rows:
            newest = registry.find(target, kind, limit=1, all_metrics=True)
            sys.stderr.write(_misspelt([one.metric for one in conditions], newest[0].metrics if newest else {}))
        shown = [(one.key, " ".join(one.heading.split())) for one in workflow.columns.terminal]
        headings = {key: heading for key, heading in shown if key in kind.key_metrics}
        terminal = replace(form.terminal, json=form.terminal.json or form.output == "json")
        terminal.answer(
            [_facts(row) for row in rows],
            (lambda: _csv(rows, kind.texts)) if form.output == "csv" else lambda: _print(rows, headings),
        )
    return 0


def _misspelt(asked: Sequence[str], known: Mapping[str, float]) -> str:
    """A line for each number asked for that the newest model lacks: it is misspelt, or not every model has it."""
    lines = []
    for name in asked:
        if known and name not in known:
            near = get_close_matches(name, known, n=1)
            meant = f"; did you mean '{near[0]}'?" if near else "; `--output csv` names them all"
            lines.append(f"cardioscar: the newest model has no number '{name}'{meant}\n")
    return "".join(lines)


def _model(text: str) -> dict[str, Any]:
    return {"version": int(text)} if text.isdecimal() else {"subject": text}


def _facts(row: Any) -> dict[str, Any]:
    """A row as plain values, its texts beside the others."""
    facts = dataclasses.asdict(row)
    return facts | facts.pop("texts") | {"created": row.created.isoformat(timespec="seconds")}


def _csv(rows: list[Any], texts: tuple[str, ...]) -> None:
    names = sorted({name for row in rows for name in row.metrics})
    facts = ("subject", "cohort", "version", "qc", "reasons", *texts, "created", "run_id", "model_id")
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([*facts, *names])
    for row in rows:
        values = _facts(row)
        writer.writerow([*(values[name] for name in facts), *(row.metrics.get(name, "") for name in names)])


def _print(rows: list[Any], headings: Mapping[str, str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from cardioscar.results.terminal import printable

    if not rows:
        sys.stdout.write("no model meets the conditions\n")
        return
    table = Table()
    for title in ("subject", "cohort", "version", "qc", *headings.values(), "recorded"):
        table.add_column(title)
    for row in rows:
        numbers = [row.metrics.get(name) for name in headings]
        shown = ["–" if n is None else f"{n:.3f}" for n in numbers]
        when = row.created.strftime("%Y-%m-%d %H:%M")
        texts = (row.subject, row.cohort, str(row.version or "–"), row.qc, *shown, when)
        # Text, because what a server holds may have brackets, which rich would take for markup
        table.add_row(*(Text(printable(text)) for text in texts))
    Console().print(table)
