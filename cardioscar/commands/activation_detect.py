"""`cardioscar activation detect COHORT -o OUT`: late activation of a cohort, all stages on this machine."""

from __future__ import annotations

from cardioscar.commands.run_workflow import run_workflow
from cardioscar.stages.activation.workflow import DETECT


def main(command: str, words: list[str]) -> int:
    """Parse the words after `cardioscar activation detect`, and run the workflow."""
    return run_workflow(DETECT, f"cardioscar {command}", words)
