"""`cardioscar <stage>`: one container stage, folder in ▸ folder out."""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any

import tyro

from cardioscar.commands.options import (
    STAGE_CONFIGS,
    EvaluateConfig,
    GroupSortConfig,
    InferConfig,
    PreprocessConfig,
)
from cardioscar.commands.renamed_flags import renamed
from cardioscar.config import as_mapping
from cardioscar.scar3d.field.fit_config import FitConfig
from cardioscar.services.store.places import local_folder

Out = Annotated[Path, tyro.conf.arg(aliases=["-o"])]


@dataclass(frozen=True)
class ListSubjects:
    """Print the subjects of a cohort in shards, as JSON."""

    cohort: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="COHORT")]
    """The cohort: a folder, or s3://bucket/prefix."""
    shard_size: int = 8
    """At most so many subjects in a shard."""
    subjects: str = ""
    """Comma-separated ids; empty for all."""


@dataclass(frozen=True)
class Preprocess:
    """Map the pixels of each slice to the mesh nodes that they see."""

    cohort: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="COHORT")]
    """The cohort: a folder, or s3://bucket/prefix."""
    out: Out
    """Artifact folder to write."""
    options: Annotated[PreprocessConfig, tyro.conf.arg(name="")] = field(default_factory=PreprocessConfig)
    """Settings."""
    subjects: str = ""
    """Comma-separated ids; empty for all."""


@dataclass(frozen=True)
class GroupSort:
    """Sort the nodes of each subject by group."""

    groups: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="GROUPS")]
    """Artifact of preprocess."""
    out: Out
    """Artifact folder to write."""
    options: Annotated[GroupSortConfig, tyro.conf.arg(name="")] = field(default_factory=GroupSortConfig)
    """Settings."""
    subjects: str = ""
    """Comma-separated ids; empty for all of the artifact."""


@dataclass(frozen=True)
class Train:
    """Fit each subject's scar field."""

    sorted_groups: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="SORTED_GROUPS")]
    """Artifact of group-sort."""
    out: Out
    """Artifact folder to write."""
    options: Annotated[FitConfig, tyro.conf.arg(name="")] = field(default_factory=FitConfig)
    """Settings."""
    subjects: str = ""
    """Comma-separated ids; empty for all of the artifact."""


@dataclass(frozen=True)
class Infer:
    """Predict scar probability and uncertainty at every node."""

    groups: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="GROUPS")]
    """Artifact of preprocess."""
    sorted_groups: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="SORTED_GROUPS")]
    """Artifact of group-sort."""
    fields: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FIELDS")]
    """Artifact of train."""
    out: Out
    """Artifact folder to write."""
    options: Annotated[InferConfig, tyro.conf.arg(name="")] = field(default_factory=InferConfig)
    """Settings."""
    subjects: str = ""
    """Comma-separated ids; empty for all of the artifact."""


@dataclass(frozen=True)
class Evaluate:
    """Score each subject, write its report, publish and record it."""

    cohort: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="COHORT")]
    """The cohort: a folder, or s3://bucket/prefix."""
    groups: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="GROUPS")]
    """Artifact of preprocess."""
    sorted_groups: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="SORTED_GROUPS")]
    """Artifact of group-sort."""
    fields: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FIELDS")]
    """Artifact of train."""
    scars: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="SCARS")]
    """Artifact of infer."""
    out: Out
    """Artifact folder to write."""
    options: Annotated[EvaluateConfig, tyro.conf.arg(name="")] = field(default_factory=EvaluateConfig)
    """Settings."""
    subjects: str = ""
    """Comma-separated ids; empty for all of the artifact."""
    results: str = ""
    """Folder, or s3://bucket/prefix, that receives each subject's results under stable names."""
    tracking_uri: str = ""
    """MLflow server or local store; by default MLFLOW_TRACKING_URI, and without that nothing is tracked."""
    experiment: str = "cardioscar"
    """Name of the cohort in MLflow."""
    run_id: str = ""
    """Name of the run, which vouches for the results; empty for none."""


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


FORMS: dict[str, type] = {
    "list-subjects": ListSubjects,
    "preprocess": Preprocess,
    "group-sort": GroupSort,
    "train": Train,
    "infer": Infer,
    "evaluate": Evaluate,
    "summarize-cohort": SummarizeCohort,
}


def main(command: str, words: list[str]) -> int:
    """Parse the words after `cardioscar <stage>` and run the stage over its shard."""
    from importlib import import_module

    from cardioscar.logs import configure

    if (stage_name := command.replace("-", "_")) in STAGE_CONFIGS:
        words = renamed(words, {"": STAGE_CONFIGS[stage_name]})
    form: Any = tyro.cli(FORMS[command], prog=f"cardioscar {command}", args=words)
    for one in fields(form):
        if isinstance(value := getattr(form, one.name), Path):
            local_folder(value, where=one.name)
    configure(logging.INFO, stderr=True)
    stage = import_module(f"cardioscar.stages.{command.replace('-', '_')}")
    if command == "list-subjects":
        shards = stage.run(form.cohort, form.shard_size, form.subjects)
        sys.stdout.write(json.dumps(shards) + "\n")
        return 0
    if command == "summarize-cohort":
        summary = stage.run(
            form.cohort,
            form.results,
            "",
            form.max_failed_fraction,
            form.tracking_uri,
            form.experiment,
            form.subjects,
            run_id=form.run_id,
        )
        sys.stdout.write(json.dumps(summary, indent=1) + "\n")
        return 0
    options = as_mapping(form.options)
    if command == "preprocess":
        from cardioscar.cohort.reading import check_output
        from cardioscar.stages.list_subjects import select

        check_output(form.cohort, form.out)
        ids = [entry.subject for entry in select(form.cohort, form.subjects)]
        stage.run(form.cohort, ids, form.out, options)
    elif command == "group-sort":
        stage.run(form.groups, _subjects(form.groups, form.subjects), form.out, options)
    elif command == "train":
        stage.run(form.sorted_groups, _subjects(form.sorted_groups, form.subjects), form.out, options)
    elif command == "infer":
        ids = _subjects(form.fields, form.subjects)
        stage.run(form.groups, form.sorted_groups, form.fields, ids, form.out, options)
    else:
        ids = _subjects(form.scars, form.subjects)
        stage.run(
            form.cohort, form.groups, form.sorted_groups, form.fields, form.scars, ids, form.out, options,
            form.results, form.tracking_uri, form.experiment, run_id=form.run_id,
        )  # fmt: skip
    return 0


def _subjects(artifact: Path, wanted: str) -> list[str]:
    """The subjects of an artifact folder, or those asked for."""
    from cardioscar.errors import InputError, counted

    found = sorted(p.parent.name for p in artifact.glob("*/status.json") if not p.parent.name.startswith("."))
    if not found:
        raise InputError(artifact.name, "an artifact folder with subjects", "none")
    asked = list(dict.fromkeys(name.strip() for name in wanted.split(",") if name.strip()))
    missing = [name for name in asked if name not in found]
    if missing:
        raise InputError(
            "subjects", f"ids of {artifact.name} ({counted(len(found), 'subject')})", ", ".join(missing[:5])
        )
    return asked or found
