"""A family's workflow, told once: its stages in order, and what it declares for the platform to read.

It is an object of `Workflow` in the family's room of `cardioscar.stages`, light to import.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from cardioscar.cohort.layout import CohortLayout
from cardioscar.config import from_mapping
from cardioscar.errors import ConfigError
from cardioscar.report.cohort_columns import CohortColumns
from cardioscar.services.tracking.model_kind import ModelKind
from cardioscar.shard.own_files import OwnFiles
from cardioscar.shard.stage import COHORT, Stage

if TYPE_CHECKING:
    from cardioscar.shard.status import Status


@dataclass(frozen=True)
class Conclusion:
    """What a cohort's table says of a subject that has a result.

    Attributes:
        verdict: `pass`, `review` or `fail`.
        reasons: What it rests on, in sentences.
        numbers: Flat numbers by the names of their columns; None where one is undefined.
        texts: Words by the names of their columns; None where one is unknown.
    """

    verdict: str
    reasons: tuple[str, ...]
    numbers: Mapping[str, float | None]
    texts: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Workflow:
    """The stages of a family, in order.

    Attributes:
        name: Name of the workflow, by which commands and pipelines choose it.
        does: What it does with a cohort, in the imperative.
        layout: What the files of its subjects are for.
        stages: Its stages; each reads the cohort or what earlier ones wrote, and the last publishes.
        conclusion: Where the function is, as `module:name`, that makes a `Conclusion` of a subject's `metrics.json`; it
            raises InputError where that is of another form than this version's.
        columns: What the cohort's table holds of what is concluded, how it is drawn, and what is averaged.
        model: What MLflow calls its subjects and their models; None for a family that records none.
        network: Family whose network a stage applies to subjects that lack something; empty where none does.

    Raises:
        ConfigError: If a stage reads what no earlier one writes, if two have one name, or if one publishes
            what it does not write.
    """

    name: str
    does: str
    layout: CohortLayout
    stages: tuple[Stage, ...]
    conclusion: str
    columns: CohortColumns = field(default_factory=CohortColumns)
    model: ModelKind | None = None
    network: str = ""

    def __post_init__(self) -> None:
        known = {COHORT}
        for stage in self.stages:
            unknown = [name for name in stage.reads if name not in known]
            if unknown or stage.writes in known:
                raise ConfigError(stage.name, "artifacts that earlier stages write, and one of its own", str(unknown))
            known.add(stage.writes)
            if not {*stage.published} <= {*stage.files}:
                raise ConfigError(stage.name, "published files among those that it writes", ", ".join(stage.published))
        publishing = [stage.name for stage in self.stages if stage.publishes]
        if publishing != [stage.name for stage in self.stages[-1:]]:
            raise ConfigError(self.name, "a last stage that publishes, and no other", str(publishing))

    def conclude(self, metrics: Mapping[str, Any]) -> Conclusion:
        """What the cohort's table says of a subject.

        Args:
            metrics: Content of its `metrics.json`.

        Raises:
            InputError: If that is of another form than this version's.
        """
        found: Conclusion = resolve_name(self.conclusion)(metrics)
        return found

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

    @property
    def results(self) -> OwnFiles:
        """What of its work lies in a subject's folder of the published results."""
        return OwnFiles(
            (self.publisher.name,),
            tuple(name for stage in self.stages for name in stage.files),
            tuple(name for stage in self.stages for name in stage.published),
        )

    @property
    def publisher(self) -> Stage:
        """The stage that publishes: the one that ends a subject."""
        return next(stage for stage in self.stages if stage.publishes)

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
        recording: object,
        **hooks: Any,
    ) -> list[Status]:
        """Run all stages over a shard, one after the other.

        Args:
            cohort: What the stages take as the cohort.
            subjects: Ids.
            work: Folder of the artifacts.
            options: Settings of each stage by its name.
            recording: Where a stage that publishes does so: its argument `recording`.
            hooks: What every stage takes, such as `on_done`.

        Returns:
            The last row of each subject.
        """
        places, rows = self.places(cohort, work), list[Any]()
        for stage in self.stages:
            more = {"recording": recording} if stage.publishes else {}
            rows = stage.run(places, subjects, places[stage.writes], options.get(stage.name), **more, **hooks)
        return rows
