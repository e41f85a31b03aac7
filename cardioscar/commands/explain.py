"""`cardioscar explain`: why a subject got its verdict, or why it failed, from its results."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from cardioscar.commands.parsing import parsed
from cardioscar.commands.terminal import TERMINAL, OnTerminal


@dataclass(frozen=True)
class Explain:
    """Say why a subject has its verdict: reasons, warnings, what the map was made from, or what failed."""

    results: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RESULTS")]
    """Folder of results, output of `cardioscar run`, or s3:// place of results."""
    subject: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="SUBJECT")]
    """Id of the subject."""
    terminal: OnTerminal = TERMINAL


def main(command: str, words: list[str]) -> int:
    """Parse the words after `cardioscar explain`, and print the reasons."""
    form = parsed(Explain, f"cardioscar {command}", words)
    from cardioscar.commands.results_folder import results_here
    from cardioscar.errors import InputError
    from cardioscar.identity.subject_id import check_subject_id
    from cardioscar.report.cohort_table import read_cohort_json
    from cardioscar.results.publication import METRICS
    from cardioscar.results.table import DATA

    check_subject_id(form.subject)
    with results_here(form.results, form.subject, (METRICS,)) as folder:
        rows = {row.subject: row for row in read_cohort_json((folder / DATA).read_bytes()).rows}
        content = _content(folder / form.subject / METRICS)
    if form.subject not in rows:
        raise InputError("subject", "one of the results", "none of that name")
    row = rows[form.subject]
    failed = row.error_message is not None
    said: dict[str, Any] = {
        "subject": row.subject,
        "outcome": row.outcome,
        "verdict": row.qc,
        "reasons": list(row.reasons),
        "error": {"stage": row.stage, "kind": row.error_kind, "message": row.error_message} if failed else None,
        "warnings": content.get("warnings", []),
        "input": content.get("input", {}),
        "septum": _septum(content.get("septum")),
        "signed_off": row.signed_off or None,
    }
    form.terminal.answer(said, _text(said))
    return 0


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _septum(said: Any) -> str | None:
    """Where its direction is from: reconstructions state it among others, quantified cines as a word."""
    found = said.get("source") if isinstance(said, dict) else said
    return found if isinstance(found, str) else None


def _warning(said: Any) -> str:
    """Reconstructions name the stage that warned; families of one stage say sentences."""
    return f"{said['stage']} warned: {said['text']}" if isinstance(said, dict) else f"warned: {said}"


def _text(said: dict[str, Any]) -> str:
    lines = [f"{said['subject']}: {said['verdict'] or said['outcome']}"]
    if said["error"]:
        lines.append(f"  failed in {said['error']['stage']} ({said['error']['kind']}): {said['error']['message']}")
    lines += [f"  because {reason}" for reason in said["reasons"]]
    if said["verdict"] == "pass":
        lines.append("  no check raised a concern")
    lines += [f"  {_warning(one)}" for one in said["warnings"]]
    given = said["input"]
    if given:
        lines.append(
            f"  made from {given.get('scar_from')}: {given.get('slices')} slices, "
            f"{given.get('slice_thickness_mm', 0):g} mm thick, {given.get('nodes', 0):,} nodes; septum {said['septum']}"
        )
    elif said["septum"]:
        lines.append(f"  septum {said['septum']}")
    if said["signed_off"]:
        lines.append(f"  signed off: {said['signed_off']}")
    return "\n".join(lines) + "\n"
