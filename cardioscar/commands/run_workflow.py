"""A family's workflow over a cohort on this machine: what `cardioscar run`, and every command like it, does."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, make_dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import tyro

from cardioscar.commands.options import configs_of, expand, options_of, read_config, shorts_of
from cardioscar.commands.parsing import parsed
from cardioscar.commands.terminal import TERMINAL, OnTerminal
from cardioscar.errors import CardioscarError, ConfigError, PlatformError, counted
from cardioscar.services.store.places import local_folder, place
from cardioscar.workflow import Workflow


@dataclass(frozen=True)
class RunOptions:
    """What a run of a cohort takes, whatever the family; `form_of` adds the settings of its stages."""

    cohort: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="COHORT")]
    """The cohort: a folder, or s3://bucket/prefix."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o", "--output"])]
    """Output folder: results/<subject>/report.html, results/cohort.html, and the stages' artifacts in work/."""
    subjects: str = ""
    """Comma-separated ids; empty for all."""
    jobs: Annotated[int, tyro.conf.arg(aliases=["-j"])] = 0
    """Processes; 0 takes one for each core."""
    max_failed_fraction: float = 0.1
    """Largest share of failed subjects with which the run counts as done, 0 to 1; maps that fail quality control
    count."""
    results: str = ""
    """Where results are published instead of OUT/results: a folder, or s3://bucket/prefix."""
    tracking_uri: str = ""
    """MLflow server (http://…) or store (sqlite:///…), or `off`; by default MLFLOW_TRACKING_URI, else OUT/mlflow.db."""
    experiment: str = ""
    """Name of the cohort in MLflow; by default the name of the cohort's folder or prefix."""
    config: Path | None = None
    """YAML file of stage settings; flags win over it."""
    verbose: Annotated[bool, tyro.conf.arg(aliases=["-v"])] = False
    """Log lines on the terminal too (they are always in OUT/run.log)."""
    terminal: OnTerminal = TERMINAL

    def __post_init__(self) -> None:
        # said before hours of work, not after them
        if self.jobs < 0:
            raise ConfigError("jobs", "0 or more", str(self.jobs))
        if not 0 <= self.max_failed_fraction <= 1:
            raise ConfigError("max_failed_fraction", "a share from 0 to 1", f"{self.max_failed_fraction:g}")
        if self.out is not tyro.MISSING:
            local_folder(self.out, where="out")
        if self.results:
            place(self.results, where="results")


@cache
def form_of(workflow: Workflow) -> type:
    """All flags of a run of a workflow, as a dataclass with the settings of the stages in its field `stages`."""
    roles = ", ".join(f"`{role}.*`" for role in workflow.layout.endings)
    settings = [(name, one.name) for name, config in configs_of(workflow).items() for one in fields(config)]
    doc = f"""{workflow.does.removesuffix(".")} on this machine.

    The cohort is a folder of subject folders ({roles}), a folder with a `cohort.csv`, or the folder of one subject; or
    the same below a prefix of an object store. Run the same command again to go on after an interruption: finished work
    is reused.
    """
    if settings:
        stage, name = (one.replace("_", "-") for one in settings[0])
        shared = sorted(
            {f"--{one.replace('_', '-')}" for _, one in settings if [o for _, o in settings].count(one) > 1}
        )
        doc += f"""
    The stage's name may be left out of a setting: --{name} is short for --{stage}.{name}.
    """
        if shared:
            doc += f"""
    What several stages have is set in each of them: {", ".join(shared)}.
    """
    options = options_of(workflow)
    stages = ("stages", Annotated[options, tyro.conf.arg(name="")], field(default_factory=options))
    return make_dataclass("Run", [stages], bases=(RunOptions,), frozen=True, namespace={"__doc__": doc})


def run_workflow(workflow: Workflow, prog: str, words: list[str]) -> int:
    """Parse the words after a command, run its family's workflow over a cohort, and print the cohort's table.

    Args:
        workflow: The stages of the family; one is enough.
        prog: The command in its help, such as `cardioscar run`.
        words: Words after it.

    Returns:
        Exit code 0; what is not well is raised.

    Raises:
        CardioscarError: What `cli.EXIT_CODES` says.
    """
    options: Any = parsed(
        form_of(workflow),
        prog,
        expand(words, workflow),
        default=_defaults(words, workflow),
        shorts=shorts_of(workflow, form_of(workflow)),
    )
    from cardioscar.cohort.opening import open_cohort
    from cardioscar.cohort.output_place import check_output, check_subjects_output
    from cardioscar.cohort.selection import select
    from cardioscar.logs import configure
    from cardioscar.results.opening import read_results
    from cardioscar.results.terminal import cohort_document, print_cohort
    from cardioscar.stages.recording import AFTER_REPORT, Recording, not_recorded
    from cardioscar.stages.run.cohort import run_cohort
    from cardioscar.stages.summarize_cohort import CohortRejected

    cohort = open_cohort(options.cohort, workflow.layout)
    subjects = select(cohort, options.subjects)
    check_output(options.cohort, options.out, workflow.layout)
    results = options.results or options.out / "results"
    check_subjects_output(options.cohort, results, workflow.layout, where="results")
    for stage in workflow.names:
        check_subjects_output(options.cohort, options.out / "work" / stage, workflow.layout)
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PlatformError(f"cannot write to output '{options.out.name}': {error.strerror}") from error
    configure(logging.INFO, str(options.out / "run.log"), stderr=options.verbose)
    uri = tracking(options.tracking_uri, options.out)
    experiment = options.experiment or named(options.cohort, [entry.subject for entry in subjects])
    verdict: CardioscarError | None = None
    quiet = options.verbose or options.terminal.quiet
    with _progress(len(subjects), workflow, quiet=quiet) as note:
        try:
            run = run_cohort(
                workflow,
                cohort,
                options.out,
                options.stages.by_stage(),
                subjects=options.subjects,
                jobs=options.jobs,
                recording=Recording(str(results), uri, experiment),
                max_failed_fraction=options.max_failed_fraction,
                on_event=note,
            )
        except (CohortRejected, *AFTER_REPORT) as error:  # after the cohort's report is written
            verdict, run = error, None
    unrecorded = verdict.__cause__ if verdict else None
    published, recorded = read_results(results), "" if unrecorded else uri

    def text() -> None:
        print_cohort(published, recorded)
        if run is not None:
            parts = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in run.seconds.items())
            unchanged = f"{run.reused} of {counted(len(run.rows), 'subject')} unchanged; " if run.reused else ""
            sys.stdout.write(f"{unchanged}{parts}\n")

    took = {} if run is None else {"unchanged": run.reused, "seconds": run.seconds}
    options.terminal.answer(cohort_document(published, recorded) | took, text)
    if isinstance(verdict, CohortRejected) and isinstance(unrecorded, CardioscarError):
        sys.stderr.write(f"cardioscar: {not_recorded(unrecorded)}\n")
    if verdict:
        raise verdict
    return 0


def named(cohort: str | Path, subjects: list[str]) -> str:
    """Name of the cohort's experiment, and a line where it cannot be that of its folder."""
    from cardioscar.cohort.experiment_name import FALLBACK, experiment_name

    name = experiment_name(cohort, subjects)
    if name == FALLBACK and place(cohort, where="cohort").name != FALLBACK:
        sys.stderr.write(
            f"cardioscar: the report and MLflow call the cohort '{FALLBACK}': the name of its folder may be a person's "
            "(--experiment NAME gives another)\n"
        )
    return name


def tracking(given: str, out: Path) -> str:
    """Where runs are recorded: what was given, else the environment's server, else a store in the output folder."""
    import os
    from importlib.util import find_spec

    if given == "off":
        return ""
    if given:
        return given
    if os.environ.get("MLFLOW_TRACKING_URI"):
        return os.environ["MLFLOW_TRACKING_URI"]
    # the local store needs the full package; the client alone serves a server
    if find_spec("mlflow") is None or find_spec("alembic") is None:
        sys.stderr.write("cardioscar: not recorded in MLflow (install cardioscar[laptop], or give --tracking-uri)\n")
        return ""
    from cardioscar.services.tracking.local import sqlite_uri

    return sqlite_uri(out.resolve() / "mlflow.db")


def _defaults(words: list[str], workflow: Workflow) -> Any:
    """Defaults from `--config`, which is read before the flags that win over it."""
    paths = [words[i + 1] for i, w in enumerate(words[:-1]) if w == "--config"]
    paths += [w.partition("=")[2] for w in words if w.startswith("--config=")]
    if not paths:
        return None
    return form_of(workflow)(cohort=tyro.MISSING, out=tyro.MISSING, stages=read_config(Path(paths[-1]), workflow))


@contextmanager
def _progress(subjects: int, workflow: Workflow, *, quiet: bool) -> Iterator[Callable[[tuple[str, str, str]], None]]:
    """How far the stages of all subjects are, and then the records in MLflow."""
    from cardioscar.commands.progress import progress

    with progress(quiet=quiet) as tell:
        done, of, recorded = 0, subjects * len(workflow.names), 0
        tell(workflow.name, done, of)

        def note(event: tuple[str, str, str]) -> None:
            nonlocal done, recorded
            subject, stage, outcome = event
            if stage == "track":
                recorded += 1
                tell("MLflow", recorded, max(recorded, subjects), subject)
                return
            done += 1
            mark = {"ok": "", "reused": " unchanged"}.get(outcome, f" {outcome}")
            tell(workflow.name, done, of, f"{subject} {stage}{mark}")
            if outcome == "failed" and not quiet:
                sys.stderr.write(f"{subject} {stage} failed\n")

        yield note
