"""`cardioscar <stage>`: one container stage, folder in ▸ folder out."""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import asdict, dataclass, field, fields, make_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from cardioscar.commands.family import Family
from cardioscar.commands.parsing import parsed
from cardioscar.commands.renamed_flags import renamed
from cardioscar.commands.terminal import TERMINAL, OnTerminal
from cardioscar.config import as_mapping
from cardioscar.services.store.places import local_folder
from cardioscar.shard.stage import COHORT, Stage
from cardioscar.stages.families import DEFAULT, WORKFLOWS, workflow_named
from cardioscar.stages.recording import Recording
from cardioscar.workflow import Workflow

if TYPE_CHECKING:
    from cardioscar.shard.status import Status


@dataclass(frozen=True)
class ListSubjects:
    """Print the subjects of a cohort in shards, as JSON."""

    cohort: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="COHORT")]
    """The cohort: a folder, or s3://bucket/prefix."""
    shard_size: int = 8
    """At most so many subjects in a shard."""
    subjects: str = ""
    """Comma-separated ids; empty for all."""
    family: Family = DEFAULT.name
    terminal: OnTerminal = TERMINAL


@dataclass(frozen=True)
class SummarizeCohort:
    """Write the cohort's table and report, and take the verdict."""

    cohort: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="COHORT")]
    """The cohort: a folder, or s3://bucket/prefix."""
    results: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RESULTS")]
    """Published results: a folder, or s3://bucket/prefix."""
    max_failed_fraction: float = 0.1
    """Largest share of failed subjects with which the run counts as done, 0 to 1; maps that fail quality control
    count."""
    tracking_uri: str = ""
    """MLflow server or local store; by default MLFLOW_TRACKING_URI, and without that nothing is tracked."""
    experiment: str = "cardioscar"
    """Name of the cohort in MLflow."""
    subjects: str = ""
    """Comma-separated ids; empty for all."""
    run_id: str = ""
    """Count results of this run only; empty for results of any run."""
    family: Family = DEFAULT.name
    terminal: OnTerminal = TERMINAL


COHORT_HELP = "The cohort: a folder, or s3://bucket/prefix."
PUBLISHING = {
    "results": ("", "Folder, or s3://bucket/prefix, that receives each subject's results under stable names."),
    "tracking_uri": (
        "",
        "MLflow server or local store; by default MLFLOW_TRACKING_URI, and without that nothing is tracked.",
    ),
    "experiment": ("cardioscar", "Name of the cohort in MLflow."),
    "run_id": ("", "Name of the run, which vouches for the results; empty for none."),
}
"""What a stage takes besides that publishes: default and help."""


def form_of(stage: Stage, workflow: Workflow) -> type:
    """The flags of a stage as a dataclass: what it reads, where it writes, its settings, its subjects.

    Args:
        stage: The stage.
        workflow: The workflow that it is of, which says where what it reads comes from.
    """

    def place(name: str) -> tuple[str, Any]:
        said = COHORT_HELP if name == COHORT else f"Artifact of {workflow.writer(name).command}."
        flag = tyro.conf.arg(metavar=name.upper(), help=said)
        if name == COHORT:
            return name, Annotated[tyro.conf.Positional[str], flag]
        return name, Annotated[tyro.conf.Positional[Path], flag]

    of_cohort = stage.reads == (COHORT,)
    subjects = f"Comma-separated ids; empty for all{'' if of_cohort else ' of the artifact'}."
    told = lambda default, text: (Annotated[str, tyro.conf.arg(help=text)], field(default=default))  # noqa: E731
    parts: list[Any] = [place(name) for name in stage.reads]
    parts.append(("out", Annotated[Path, tyro.conf.arg(aliases=["-o"], help="Artifact folder to write.")]))
    settings = Annotated[stage.config, tyro.conf.arg(name="", help="Settings.")]
    parts.append(("options", settings, field(default_factory=stage.config)))
    parts.append(("subjects", *told("", subjects)))
    if stage.publishes:
        parts += [(name, *told(*about)) for name, about in PUBLISHING.items()]
    parts.append(("terminal", OnTerminal, field(default=TERMINAL)))
    return make_dataclass(stage.name.title().replace("_", ""), parts, frozen=True, namespace={"__doc__": stage.does})


def main(command: str, words: list[str]) -> int:
    """Parse the words after `cardioscar <stage>` and run the stage over its shard."""
    from cardioscar.logs import configure

    found = next(((one, flow) for flow in WORKFLOWS for one in flow if one.command == command), None)
    if found:
        words = renamed(words, {"": found[0].config})
        kind = form_of(*found)
    else:
        kind = {"list-subjects": ListSubjects, "summarize-cohort": SummarizeCohort}[command]
    form: Any = parsed(kind, f"cardioscar {command}", words)
    for one in fields(form):
        if isinstance(value := getattr(form, one.name), Path):
            local_folder(value, where=one.name)
    configure(logging.WARNING if form.terminal.quiet else logging.INFO, stderr=True)
    if found:
        rows = _run(*found, form)
        if form.terminal.json:
            form.terminal.answer([asdict(row) for row in rows])
    elif command == "list-subjects":
        from cardioscar.stages import list_subjects

        shards = list_subjects.run(form.cohort, form.shard_size, form.subjects, family=workflow_named(form.family))
        # what the pipeline takes, whoever asks
        sys.stdout.write(json.dumps(shards) + "\n")
    else:
        from cardioscar.cohort.output_place import check_subjects_output
        from cardioscar.stages import summarize_cohort

        family = workflow_named(form.family)
        check_subjects_output(form.cohort, form.results, family.layout, where="results")
        summary = summarize_cohort.run(
            form.cohort,
            Recording(form.results, form.tracking_uri, form.experiment, form.run_id),
            "",
            form.max_failed_fraction,
            form.subjects,
            family=family,
        )
        form.terminal.answer(summary)
    return 0


def _run(stage: Stage, workflow: Workflow, form: Any) -> list[Status]:
    from cardioscar.cohort.opening import open_cohort
    from cardioscar.cohort.output_place import check_subjects_output
    from cardioscar.cohort.selection import select

    places: dict[str, Any] = {name: getattr(form, name) for name in stage.reads}
    if COHORT in stage.reads:
        check_subjects_output(form.cohort, form.out, workflow.layout)
    if stage.reads == (COHORT,):
        places[COHORT] = open_cohort(form.cohort, workflow.layout)
        ids = [entry.subject for entry in select(places[COHORT], form.subjects)]
        places[COHORT].ask()
        stage.check_cohort(as_mapping(form.options), places[COHORT], ids)
    else:
        ids = _subjects(places[stage.reads[-1]], form.subjects)
    more = {}
    if stage.publishes:
        if form.results:
            check_subjects_output(form.cohort, form.results, workflow.layout, where="results")
        more["recording"] = Recording(form.results, form.tracking_uri, form.experiment, form.run_id)
    return stage.run(places, ids, form.out, as_mapping(form.options), **more)


def _subjects(artifact: Path, wanted: str) -> list[str]:
    """The subjects of an artifact folder, or those asked for."""
    from cardioscar.errors import InputError, counted
    from cardioscar.identity.subject_id import parse_ids

    found = sorted(p.parent.name for p in artifact.glob("*/status.json") if not p.parent.name.startswith("."))
    if not found:
        raise InputError(artifact.name, "an artifact folder with subjects", "none")
    asked = parse_ids(wanted)
    missing = [name for name in asked if name not in found]
    if missing:
        raise InputError(
            "subjects", f"ids of {artifact.name} ({counted(len(found), 'subject')})", ", ".join(missing[:5])
        )
    return asked or found
