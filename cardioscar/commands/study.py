"""`cardioscar study`: one patient, or a cohort of them, with every modality that is there ▸ one plan."""

from __future__ import annotations

from cardioscar.commands.run_workflow import run_workflow
from cardioscar.stages.study.workflow import PLAN


def main(command: str, words: list[str]) -> int:
    """Parse the words after `cardioscar study`, plan the patients and print their table."""
    return run_workflow(PLAN, f"cardioscar {command}", words)
