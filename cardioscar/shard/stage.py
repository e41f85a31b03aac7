"""A stage, told once: command line, local runs, components and tests read here what a stage is.

It is light to import: what a stage does is loaded when it is asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cardioscar.config import from_mapping
from cardioscar.shard.own_files import OwnFiles

if TYPE_CHECKING:
    from cardioscar.shard.status import Status

COHORT = "cohort"
"""What a stage reads that needs the subjects' own files, beside artifacts of earlier stages."""


@dataclass(frozen=True)
class Stage:
    """A container stage: artifacts in, one artifact out, subject by subject.

    Its module holds `Config`, a frozen dataclass of settings, and `run(*reads, subjects, output, options, **hooks)`. It
    may hold what a run refuses before hours of work: `check_machine(config)`, what cannot be done here, and
    `check_cohort(config, cohort, subjects)`, what no subject of the cohort allows. That of a stage that publishes holds
    `record(rows, artifacts, recording, *, on_done)`, which records in MLflow what `run` was told not to.

    Attributes:
        name: Name in Python, of its artifact folder in a local run, and of its component.
        module: Where `Config` and `run` are.
        does: What it does, in the imperative, for its page of the command line.
        in_short: The same in a few words, for the list of commands.
        reads: `cohort`, or artifacts of earlier stages by name, in the order in which `run` takes them.
        writes: Name of its artifact.
        files: Names of the files that it writes for a subject, relative to its folder; `*` stands for letters, digits,
            `_` and `-`.
        published: Those of them that belong to the subject's results, beside all that the publishing stage writes.
        publishes: Whether it publishes results and records them.
    """

    name: str
    module: str
    does: str
    in_short: str
    reads: tuple[str, ...]
    writes: str
    files: tuple[str, ...] = ()
    published: tuple[str, ...] = ()
    publishes: bool = False

    @property
    def command(self) -> str:
        """Its name on the command line.

        >>> Stage("group_sort", "", "", "", (), "").command
        'group-sort'
        """
        return self.name.replace("_", "-")

    @property
    def own(self) -> OwnFiles:
        """What of its work lies in a subject's folder of its artifact."""
        return OwnFiles((self.name,), self.files)

    @property
    def config(self) -> type:
        """The dataclass of its settings."""
        found: type = import_module(self.module).Config
        return found

    def check_machine(self, options: Mapping[str, Any]) -> None:
        """Refuse settings that cannot be had on this machine.

        Raises:
            ConfigError: If there are such.
        """
        module = import_module(self.module)
        if hasattr(module, "check_machine"):
            module.check_machine(from_mapping(self.config, options, where=self.name))

    def check_cohort(self, options: Mapping[str, Any], cohort: Any, subjects: Collection[str]) -> None:
        """Refuse settings that no subject allows.

        Args:
            options: Settings by name.
            cohort: The open cohort.
            subjects: Ids.

        Raises:
            ConfigError: If there are such.
        """
        module = import_module(self.module)
        if hasattr(module, "check_cohort"):
            module.check_cohort(from_mapping(self.config, options, where=self.name), cohort, subjects)

    def record(self, rows: Sequence[Status], artifacts: Sequence[Path], recording: object, **hooks: Any) -> None:
        """Record subjects in MLflow, of a stage that publishes.

        Args:
            rows: Rows of this stage.
            artifacts: Artifact folders of all stages of the workflow, in their order.
            recording: Where to record.
            hooks: `on_done`, called with each subject and whether an earlier record was found.
        """
        import_module(self.module).record(rows, artifacts, recording, **hooks)

    def run(
        self,
        places: Mapping[str, Any],
        subjects: Sequence[str],
        output: str | Path,
        options: Mapping[str, Any] | None = None,
        **hooks: Any,
    ) -> list[Status]:
        """Run it over a shard.

        Args:
            places: Where the cohort and the artifacts are that it reads, by name.
            subjects: Ids.
            output: Artifact folder.
            options: Settings by name.
            hooks: What else the stage takes, such as `on_done`.

        Returns:
            One row for each subject.
        """
        rows: list[Status] = import_module(self.module).run(
            *(places[name] for name in self.reads), subjects, output, options, **hooks
        )
        return rows
