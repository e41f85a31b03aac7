"""Write the reference of the files that each family reads and writes: `python -m docs.files_page [--check]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from cardioscar.cohort.layout import Role
from cardioscar.report.cohort_columns import AFTER, BEFORE, SIGNED
from cardioscar.stages.families import WORKFLOWS
from cardioscar.workflow import Workflow
from docs.written import keep, table

PAGE = Path(__file__).resolve().parent / "reference" / "files.md"

_HEAD = """# Files, family by family

Each family reads its own roles from a subject's folder (or from the columns of a `cohort.csv`), and each stage writes
a folder of subjects. A file in **bold** belongs to the published results. Beside them every stage writes `status.json`,
and the last one `run.json`; what the files hold: [what the stages read and write](../reference.md).
"""
_TAIL = "\nThis page is written from the code: `python -m docs.files_page`.\n"
_FOLDERS = {"series": "one DICOM series", "layers": "VTK grid layers (`.vtk`)", "files": "a file for each slice"}


def render() -> str:
    """Text of the page."""
    lines = [_HEAD]
    for workflow in WORKFLOWS:
        lines += [*_input(workflow), *_output(workflow), *_columns(workflow)]
    return "\n".join(lines).rstrip() + "\n" + _TAIL


def _input(workflow: Workflow) -> Iterator[str]:
    layout = workflow.layout
    yield from (f"## {workflow.name}", "", workflow.does, "", f"### What {workflow.name} reads", "")
    yield from table(("role", "file", "folder"), [_role(role) for role in layout.roles])
    yield from (
        "",
        f"Needed: {'; '.join(need.rule for need in layout.needs)}. Settings of a subject: `{layout.settings}`.",
        "",
    )


def _role(role: Role) -> tuple[str, str, str]:
    endings = ", ".join(f"`{role.name}{ending}`" for ending in role.endings)
    return f"`{role.name}`", endings, _FOLDERS[role.folder] if role.folder else "–"


def _output(workflow: Workflow) -> Iterator[str]:
    rows = []
    for stage in workflow:
        published = {*(stage.files if stage.publishes else stage.published)}
        names = [f"**`{name}`**" if name in published else f"`{name}`" for name in stage.files]
        rows.append((f"`{stage.name}`", ", ".join(f"`{name}`" for name in stage.reads), ", ".join(names)))
    yield from (f"### What {workflow.name} writes", "", *table(("stage", "reads", "writes for each subject"), rows), "")


def _columns(workflow: Workflow) -> Iterator[str]:
    columns = workflow.columns
    said = {one.key: one.heading for one in columns.texts} | {one.key: one.heading for one in columns.numbers}
    rows = [(f"`{key}`", heading) for key, heading in said.items()]
    every = ", ".join(f"`{name}`" for name in (*BEFORE, "reasons", *AFTER, *SIGNED))
    yield from (f"### Columns of {workflow.name}", "", f"`cohort.csv` has, as in every family, {every}; and:", "")
    yield from (*table(("column", "heading on the page"), rows), "")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the page; returns the exit code."""
    return keep({PAGE: render()}, arguments, __doc__)


if __name__ == "__main__":
    sys.exit(main())
