"""`cardioscar submit`: a run of the cohort pipeline on Kubeflow, now or on a schedule."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from cardioscar.commands import split_run
from cardioscar.commands.family import family_of
from cardioscar.commands.kubeflow_options import KubeflowOptions
from cardioscar.commands.parsing import parsed
from cardioscar.commands.start_run import Said, await_verdict, note, start
from cardioscar.commands.terminal import TERMINAL, OnTerminal
from cardioscar.errors import ConfigError, InputError, PlatformError, UnreachableError, counted

if TYPE_CHECKING:
    from cardioscar.cohort.layout import CohortLayout
    from cardioscar.cohort.source import Listed
    from cardioscar.services.kubeflow.client import KubeflowApi
    from cardioscar.services.kubeflow.parameters import PipelinePackage
    from cardioscar.services.kubeflow.pipelines import Source
    from cardioscar.services.kubeflow.runs import Schedule

PIPELINE = "reconstruct-cohort"
OWN_FLAGS = {"cohort_uri": "--cohort", "results_uri": "--results"}


@dataclass(frozen=True)
class Submit:
    """Run the cohort pipeline on Kubeflow. Its parameters are checked before anything is sent."""

    cohort: str = ""
    """The cohort, as the pods see it: s3://bucket/prefix, or a folder of a mounted volume (parameter cohort_uri)."""
    results: str = ""
    """Where results are published (parameter results_uri)."""
    access: Annotated[KubeflowOptions, tyro.conf.arg(name="")] = field(default_factory=KubeflowOptions)
    """Kubeflow Pipelines, and access to it."""
    set: Annotated[tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(metavar="NAME=VALUE")] = ()
    """A parameter of the pipeline; may be given several times. Lists and mappings as JSON."""
    options_file: Path | None = None
    """YAML file of parameters; --set, --cohort and --results win over it."""
    pipeline: str = PIPELINE
    """Name of an uploaded pipeline."""
    version: str = ""
    """Its version; by default the newest."""
    package: Path | None = None
    """Compiled YAML to run instead of an uploaded pipeline."""
    experiment: str = ""
    """Experiment of the run, in Kubeflow and MLflow; by default the last part of the cohort's address."""
    run_name: str = ""
    """Name of the run: submitted again, it is taken up and not started twice. By default experiment and time."""
    split: bool = False
    """Where one run cannot hold the cohort, take several, each for a part of the subjects; with --wait one after the
    other, and a summary of the whole cohort in the end."""
    wait: bool = False
    """Wait for the end of the run; the exit code is its verdict."""
    timeout: float = 86400.0
    """Seconds to wait at most; the run itself goes on."""
    recurring: str = ""
    """Set up a recurring run instead: six fields, seconds first, UTC, such as "0 0 2 * * *"."""
    max_concurrency: int = 1
    """Runs of the schedule at the same time."""
    catchup: bool = False
    """Make up for runs of the schedule that were missed."""
    replace: bool = False
    """Replace a recurring run of the same name that differs."""
    dry_run: bool = False
    """Check everything and print what would be sent; start nothing."""
    terminal: OnTerminal = TERMINAL


def main(command: str, words: list[str]) -> int:
    """Parse the words after `cardioscar submit`, check them, submit and perhaps wait."""
    form = parsed(Submit, f"cardioscar {command}", words)
    from cardioscar.services.kubeflow.parameters import PipelinePackage
    from cardioscar.services.kubeflow.pipelines import Source, find_version
    from cardioscar.services.kubeflow.runs import Schedule

    when = Schedule(form.recurring, form.max_concurrency, form.catchup) if form.recurring else None
    if not form.timeout > 0:
        raise ConfigError("--timeout", "more than 0 s", f"{form.timeout:g}")
    if when and form.wait:
        raise ConfigError("--wait", "a run, not a schedule", "--recurring")
    if when and form.split:
        raise ConfigError("--split", "a run, not a schedule", "--recurring")
    if form.package and (form.version or form.pipeline != PIPELINE):
        raise ConfigError("--package", "no --pipeline and --version beside it", "both")
    # what needs no server is said without one
    package = PipelinePackage.read(form.package) if form.package else None
    given = _parameters(form, package) if package else {}
    api: KubeflowApi | None = None
    if not (form.dry_run and package):
        api = form.access.connect()
        api.multi_user()
    if package:
        source = Source(package)
    else:
        assert api is not None
        source = find_version(api, form.pipeline, form.version)
        given = _parameters(form, source.package)
    experiment = form.experiment or str(source.package.effective(given, "experiment") or "cardioscar")
    parts = _preflight(source.package, given, split=form.split)
    name = form.run_name or (
        f"{experiment} {when.cron}" if when else f"{experiment} {datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
    )
    if len(parts) > 1:
        api = api or form.access.connect()
        from cardioscar.services.kubeflow.task_names import SUMMARIZE_COHORT

        runs, summary = split_run.plan(source, find_version(api, SUMMARIZE_COHORT, form.version), given, parts, name)
        if form.dry_run:
            split_run.show(runs, summary, form.terminal)
        else:
            with Said(form.terminal) as said:
                split_run.start_all(api, runs, summary, experiment, form.timeout if form.wait else None, said)
        return 0
    if form.dry_run or api is None:
        what = {"run": name, "experiment": experiment, "pipeline": source.label, "parameters": given}
        form.terminal.answer(what | ({"recurring": when.cron} if when else {}))
        return 0
    if when:
        return _schedule(api, source, given, when, name, experiment, form)
    with Said(form.terminal) as said:
        run_id = start(api, source, given, name, experiment, said)
        if form.wait:
            await_verdict(api, run_id, form.timeout, said)
    return 0


def _parameters(form: Submit, package: PipelinePackage) -> dict[str, Any]:
    """Parameters from file and flags, each of them declared by the pipeline."""
    from cardioscar.services.kubeflow.parameters import read_options

    given = read_options(form.options_file, package) if form.options_file else {}
    for assignment in form.set:
        name, value = package.parse(assignment)
        given[name] = value
    for name, value in (("cohort_uri", form.cohort), ("results_uri", form.results)):
        if value:
            given[name] = package.checked(name, value, OWN_FLAGS[name])
    for name in OWN_FLAGS:
        _check_place(name, given.get(name))
    if "experiment" in package.inputs:
        if form.experiment:
            given["experiment"] = package.checked("experiment", form.experiment, "--experiment")
        elif "experiment" not in given and given.get("cohort_uri"):
            from cardioscar.cohort.experiment_name import experiment_name

            given["experiment"] = experiment_name(str(given["cohort_uri"]))
    package.complete(given)
    return given


def _check_place(name: str, uri: Any) -> None:
    """A place that is none would be found out by the first pod, minutes later."""
    from cardioscar.services.store.places import place

    if isinstance(uri, str) and uri:
        at = place(uri, where=name)
        if isinstance(at, Path) and not at.is_absolute():
            raise ConfigError(name, "s3://bucket/prefix or the whole path of a mounted volume", "a relative path")


def _preflight(package: PipelinePackage, given: dict[str, Any], *, split: bool) -> list[list[str]]:
    """Refuse a run that passes Kubeflow's limits, where the cohort can be listed from here; its parts, if it is to be
    split."""
    from cardioscar.services.kubeflow.run_size import WorkflowSize, check_run_size
    from cardioscar.stages.run_parts import run_parts

    shard_size = package.effective(given, "shard_size")
    if not isinstance(shard_size, int | float) or "cohort_uri" not in given:
        return []  # another pipeline
    wanted = str(package.effective(given, "subjects") or "")
    layout = family_of(package).layout
    listed = _subjects(str(given["cohort_uri"]), wanted, layout)
    if isinstance(listed, str):
        if split:
            raise ConfigError("--split", "a cohort that can be listed from this machine", listed)
        note(f"the cohort's size is checked by the run itself: {listed}")
        return []
    _ask_results(str(given["cohort_uri"]), str(package.effective(given, "results_uri") or ""))
    workflow = WorkflowSize.of(package.constant("list-subjects", "workflow"))
    parts = run_parts(listed, int(shard_size), workflow, layout) if split else []
    if len(parts) > 1:
        return parts
    ids = sum(len(one.subject.encode()) for one in listed)
    size = check_run_size(len(listed), int(shard_size), ids, workflow=workflow, listed_bytes=len(wanted.encode()))
    shards, pods = counted(size.shards, "shard"), counted(size.pods, "pod")
    note(f"{counted(size.subjects, 'subject')} in shards of up to {int(shard_size)}: {shards}, {pods}")
    for warning in size.warnings():
        note(warning)
    return parts


def _ask_results(cohort: str, results: str) -> None:
    """Say so where results cannot be published from this machine, which has just read the cohort from a store."""
    from cardioscar.stages.ask_services import ask_services
    from cardioscar.stages.recording import Recording

    if cohort.startswith("s3://") and results.startswith("s3://"):
        try:
            ask_services(Recording(results, track=False), None)
        except (ConfigError, UnreachableError, PlatformError) as error:
            # the pods may have other keys than this machine
            note(f"results could not be published with the keys of this machine: {error}")


def _subjects(uri: str, wanted: str, layout: CohortLayout) -> list[Listed] | str:
    """The cohort's subjects, or the reason why it cannot be listed from this machine.

    Raises:
        InputError: If it can be listed, and is no cohort.
    """
    from cardioscar.cohort.opening import open_cohort
    from cardioscar.cohort.selection import select
    from cardioscar.services.store.places import place

    where = place(uri, where="cohort_uri")
    if isinstance(where, Path) and not where.exists():
        return "no such folder on this machine"
    try:
        return select(open_cohort(uri, layout), wanted)
    except (UnreachableError, PlatformError) as error:
        return str(error)
    except InputError as error:
        # a store that this machine has no right to see may well be open to the pods
        if isinstance(error, ConfigError) and not isinstance(where, Path):
            return str(error)
        raise


def _schedule(
    api: KubeflowApi,
    source: Source,
    given: dict[str, Any],
    when: Schedule,
    name: str,
    experiment: str,
    form: Submit,
) -> int:
    from cardioscar.services.kubeflow.runs import schedule

    if any("[[" in str(value) for value in given.values()):
        note(
            "Kubeflow 2 may hand [[ScheduledTime]] and its like to the pipeline as they are "
            "(kubeflow/pipelines issue 12494)"
        )
    made, new = schedule(api, source, given, when, name=name, experiment=experiment, replace=form.replace)
    link = api.target.link(f"recurringrun/details/{made.recurring_run_id}")
    form.terminal.answer(
        {"recurring": made.recurring_run_id, "name": name, "new": new, "pipeline": source.label, "link": link},
        f"recurring  {made.recurring_run_id}\nname       {name}{'' if new else ' (unchanged)'}\n"
        f"pipeline   {source.label}\nlink       {link}",
    )
    return 0
