"""`cardioscar explain`: why a subject got its verdict, or why it failed, from its results."""

from __future__ import annotations

import json
from dataclasses import dataclass
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
    from cardioscar.commands.results_folder import read_result, row_of

    row = row_of(form.results, form.subject)
    content = _content(read_result(form.results, f"{form.subject}/metrics.json"))
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


def _content(data: bytes | None) -> dict[str, Any]:
    try:
        content = json.loads(data or b"{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _septum(said: Any) -> str | None:
    """Where its direction is from: reconstructions state it among others, quantified cines as a word."""
    found = said.get("source") if isinstance(said, dict) else said
    return found if isinstance(found, str) else None


def _warning(said: Any) -> str:
    """Reconstructions name the stage that warned; families of one stage say sentences."""
    return f"{said['stage']} warned: {said['text']}" if isinstance(said, dict) else f"warned: {said}"


def _made_from(given: Any) -> str:
    """The line below the title of the subject's page; empty for families that have none."""
    from cardioscar.config import from_mapping
    from cardioscar.errors import ConfigError
    from cardioscar.report.scar3d.input_line import input_line
    from cardioscar.scar3d.quality.result_input import InputSummary

    try:
        return input_line(from_mapping(InputSummary, given))
    except (ConfigError, TypeError):
        return ""


def _text(said: dict[str, Any]) -> str:
    lines = [f"{said['subject']}: {said['verdict'] or said['outcome']}"]
    if said["error"]:
        lines.append(f"  failed in {said['error']['stage']} ({said['error']['kind']}): {said['error']['message']}")
    lines += [f"  because {reason}" for reason in said["reasons"]]
    if said["verdict"] == "pass":
        lines.append("  no check raised a concern")
    lines += [f"  {_warning(one)}" for one in said["warnings"]]
    if made_from := _made_from(said["input"]):
        lines.append(f"  {made_from}")
    if said["septum"]:
        lines.append(f"  septum {said['septum']}")
    if said["signed_off"]:
        lines.append(f"  signed off: {said['signed_off']}")
    return "\n".join(lines) + "\n"
