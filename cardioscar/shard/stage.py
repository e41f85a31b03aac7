"""A stage, told once: command line, local runs, components and tests read here what a stage is.

It is light to import: what a stage does is loaded when it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cardioscar.shard.own_files import OwnFiles

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
        files: Names of the files that it writes for a subject, relative to its folder; `*` stands for letters, digits,
            `_` and `-`.
        published: Those of them that belong to the subject's results, beside all that the publishing stage writes.
        publishes: Whether it publishes results and records them.
        methods: What it does, as a sentence for the methods section of a paper, with keys of `docs/references.bib`.
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
    methods: str = ""

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
