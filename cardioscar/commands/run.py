"""`cardioscar run`: scar maps of a cohort on this machine."""

from __future__ import annotations

from cardioscar.commands.run_workflow import run_workflow
from cardioscar.stages.families import DEFAULT


def main(command: str, words: list[str]) -> int:
    """Parse the words after `cardioscar run`, run the cohort and print its table."""
    return run_workflow(DEFAULT, f"cardioscar {command}", words)
