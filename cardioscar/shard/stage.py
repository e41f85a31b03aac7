"""A stage and a workflow, told once: command line, local runs, components and tests read here what a stage is.

A family's workflow is an object of `Workflow` in its room of `cardioscar.stages`. Both classes are light to import:
what a stage does is loaded when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cardioscar.config import from_mapping
from cardioscar.errors import ConfigError

if TYPE_CHECKING:
    from cardioscar.shard.status import Status

COHORT = "cohort"
"""What a stage reads that needs the subjects' own files, beside artifacts of earlier stages."""


@dataclass(frozen=True)
class Stage:
    """A container stage: artifacts in, one artifact out, subject by subject.

    Its module holds `Config`, a frozen dataclass of settings, and `run(*reads, subjects, output, options, **hooks)`.

    Attributes:
        name: Name in Python, of its artifact folder in a local run, and of its component.
        module: Where `Config` and `run` are.
        does: What it does, in the imperative, for its page of the command line.
        in_short: The same in a few words, for the list of commands.
        reads: `cohort`, or artifacts of earlier stages by name, in the order in which `run` takes them.
        writes: Name of its artifact.
        publishes: Whether it publishes results and records them.
        methods: What it does, as a sentence for the methods section of a paper, with keys of `docs/references.bib`.
    """

    name: str
    module: str
    does: str
    in_short: str
    reads: tuple[str, ...]
    writes: str
    publishes: bool = False
    methods: str = ""

    @property
    def command(self) -> str:
        """Its name on the command line.

        >>> Stage("group_sort", "", "", "", (), "").command
        'group-sort'
        """
        return self.name.replace("_", "-")

    @property
    def config(self) -> type:
        """The dataclass of its settings."""
        found: type = import_module(self.module).Config
        return found

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


@dataclass(frozen=True)
class Workflow:
    """The stages of a family, in order.

    Attributes:
        name: Name of the workflow.
        stages: Its stages; each reads the cohort or what earlier ones wrote.

    Raises:
        ConfigError: If a stage reads what no earlier one writes, or two have one name.
    """

    name: str
    stages: tuple[Stage, ...]

    def __post_init__(self) -> None:
        known = {COHORT}
        for stage in self.stages:
            unknown = [name for name in stage.reads if name not in known]
            if unknown or stage.writes in known:
                raise ConfigError(stage.name, "artifacts that earlier stages write, and one of its own", str(unknown))
            known.add(stage.writes)

    def __iter__(self) -> Iterator[Stage]:
        return iter(self.stages)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the stages, in order."""
        return tuple(stage.name for stage in self.stages)

    def __getitem__(self, name: str) -> Stage:
        """The stage of a name.

        Raises:
            KeyError: If there is none.
        """
        return {stage.name: stage for stage in self.stages}[name]

    def writer(self, artifact: str) -> Stage:
        """The stage that writes an artifact.

        Raises:
            KeyError: If there is none.
        """
        return {stage.writes: stage for stage in self.stages}[artifact]

    def places(self, cohort: Any, work: Path) -> dict[str, Any]:
        """Where cohort and artifacts are, by name, in a local run whose artifacts lie in `work/<stage>`."""
        return {COHORT: cohort} | {stage.writes: work / stage.name for stage in self.stages}

    def check_options(self, options: Mapping[str, Mapping[str, Any]]) -> None:
        """Refuse settings that no stage has, before any work.

        Raises:
            ConfigError: If a stage or setting is unknown, or a value impossible, by name.
        """
        unknown = sorted(set(options) - set(self.names))
        if unknown:
            raise ConfigError("options", f"one of the stages {', '.join(self.names)}", f"'{unknown[0]}'")
        for name, settings in options.items():
            from_mapping(self[name].config, settings, where=name)

    def run(
        self,
        cohort: Any,
        subjects: Sequence[str],
        work: Path,
        options: Mapping[str, Mapping[str, Any]],
        *,
        recording: Mapping[str, Any],
        **hooks: Any,
    ) -> list[Status]:
        """Run all stages over a shard, one after the other.

        Args:
            cohort: What the stages take as the cohort.
            subjects: Ids.
            work: Folder of the artifacts.
            options: Settings of each stage by its name.
            recording: What a stage that publishes takes besides.
            hooks: What every stage takes, such as `on_done`.

        Returns:
            The last row of each subject.
        """
        places, rows = self.places(cohort, work), list[Any]()
        for stage in self.stages:
            more = recording if stage.publishes else {}
            rows = stage.run(places, subjects, places[stage.writes], options.get(stage.name), **more, **hooks)
        return rows

    def methods(self) -> str:
        """The methods sentences of its stages, one after the other."""
        return " ".join(stage.methods for stage in self.stages if stage.methods)
