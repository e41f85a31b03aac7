"""`cardioscar toy quantify|count`: what a family's command is."""

from __future__ import annotations

from cardioscar.commands.actions import chosen
from cardioscar.commands.run_workflow import run_workflow
from tests.toy_family.count import COUNT
from tests.toy_family.workflow import QUANTIFY

ACTIONS = {workflow.name: workflow for workflow in (QUANTIFY, COUNT)}


def main(command: str, words: list[str]) -> int:
    """Run a workflow over a cohort."""
    action = chosen(command, words, {name: workflow.does for name, workflow in ACTIONS.items()})
    return run_workflow(ACTIONS[action], f"cardioscar {command} {action}", words[1:]) if action else 0
