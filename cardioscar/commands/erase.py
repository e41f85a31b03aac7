"""`cardioscar erase`: everything that is held of one subject, found, removed, and searched for again."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import tyro

from cardioscar.commands.parsing import parsed
from cardioscar.commands.terminal import TERMINAL, OnTerminal, Terminal
from cardioscar.errors import CardioscarError, InputError, PlatformError, counted
from cardioscar.stages.families import NAMES

if TYPE_CHECKING:
    from cardioscar.services.store.s3_uri import S3Place

T = TypeVar("T")

_ONE = {
    "files of interrupted work": "file of interrupted work",
    "other files that name it": "other file that names it",
    "objects and versions": "object or version",
}
"""Kinds of traces, and what one of a kind is called where its last word does not tell."""


@dataclass(frozen=True)
class Erase:
    """Remove a subject from results, artifacts and MLflow.

    Without --yes it only says what there is. The input cohort is removed too where it is named as a place. The same
    command can be given again: what is gone is not missed, and what was left by a fault is removed.
    """

    subject: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="SUBJECT")]
    """Id of the subject."""
    results: tuple[str, ...] = ()
    """Folders or s3:// places of results, or whole outputs of `cardioscar run`."""
    artifacts: tuple[str, ...] = ()
    """Further folders or s3:// places, such as artifacts of single stages or a pipeline's."""
    tracking_uri: str = ""
    """MLflow server or store, or `off`; by default MLFLOW_TRACKING_URI, else the mlflow.db of a results folder."""
    cohort: str = ""
    """Only this cohort (experiment) in MLflow; by default all."""
    audit: Path | None = None
    """File to which the line about the erasure is appended; it is printed in any case."""
    yes: bool = False
    """Erase. Without it nothing is changed."""
    terminal: OnTerminal = TERMINAL


@dataclass(frozen=True)
class Place:
    """Somewhere that a subject may be."""

    name: str
    find: Callable[[], Counter[str]]
    erase: Callable[[], str]
    """Returns what others must do; empty if nothing."""


def main(command: str, words: list[str]) -> int:
    """Parse the words after `cardioscar erase`, and erase."""
    form = parsed(Erase, f"cardioscar {command}", words)
    from cardioscar.identity.erasable import check_erasable
    from cardioscar.identity.subject_id import check_subject_id
    from cardioscar.logs import configure

    configure(stderr=True)
    check_subject_id(form.subject)
    check_erasable(form.subject, NAMES)
    places = _places(form)
    if not places:
        raise InputError("erase", "--results, --artifacts or --tracking-uri", "none: nowhere to search")
    faults: list[CardioscarError] = []
    found = {place.name: _tried(place.find, faults) for place in places}
    if refused := next((fault for fault in faults if isinstance(fault, InputError)), None):
        raise refused  # a wrong word, or a folder that is no subject's: nothing is erased anywhere
    said = _Said(form.terminal, form.subject)
    for name, counts in found.items():
        said.place(name, counts)
    total = sum((counts for counts in found.values() if counts is not None), Counter[str]())
    if not form.yes:
        if faults:
            raise faults[0]
        return said.end("nothing was changed; --yes erases" if total else "nothing of it found", erased=False)
    notes = [_tried(place.erase, faults) for place in places if found[place.name]]
    left = {p.name: None if found[p.name] is None else _tried(p.find, faults) for p in places}
    remaining = sum((counts for counts in left.values() if counts), Counter[str]())
    said.administrator(list(filter(None, notes)))
    whole = not faults and not remaining
    said.audit(form.audit, _audit(form, total, remaining, complete=whole, awaiting=any(notes)))
    if whole:
        return said.end(
            f"erased: {_text(total)}; nothing of it is left" if total else "nothing of it found", erased=True
        )
    for name, counts in left.items():
        if counts or counts is None:
            said.place(f"left in {name}", counts)
    said.end("", erased=False)
    for fault in faults[1:]:
        sys.stderr.write(f"cardioscar: {fault}\n")
    if faults:
        raise faults[0]
    raise PlatformError(f"not everything was erased: {_text(remaining)} left")


def _places(form: Erase) -> list[Place]:
    from cardioscar.services.store.places import place

    places = []
    folders = []
    for uri in dict.fromkeys((*form.results, *form.artifacts)):
        at = place(uri, where="results" if uri in form.results else "artifacts")
        if isinstance(at, Path):
            folders.append(at)
            places.append(_folder(at, form.subject))
        else:
            places.append(_store(at, form.subject))
    if uri := _tracking(form.tracking_uri, folders):
        places.append(_mlflow(uri, form.cohort, form.subject))
    return places


def _tracking(given: str, folders: list[Path]) -> str:
    if given:
        return "" if given == "off" else given
    if os.environ.get("MLFLOW_TRACKING_URI"):
        return os.environ["MLFLOW_TRACKING_URI"]
    from cardioscar.services.tracking.local import sqlite_uri

    stores = [at / "mlflow.db" for folder in folders for at in (folder, folder.parent)]
    return next((sqlite_uri(path.resolve()) for path in stores if path.is_file()), "")


def _folder(root: Path, subject: str) -> Place:
    from cardioscar.results.erase_folder import erase_from_folder, find_in_folder

    def erase() -> str:
        erase_from_folder(root, subject, NAMES)
        return ""

    return Place(f"folder {root.resolve().name}", lambda: find_in_folder(root, subject, NAMES), erase)


def _store(at: S3Place, subject: str) -> Place:
    from cardioscar.results.table import drop_subject
    from cardioscar.services.store.erase_subject import erase_from_store, find_in_store
    from cardioscar.services.store.object_store import Store

    def erase() -> str:
        erase_from_store(Store.connect(), at, subject, drop_subject, NAMES)
        return ""

    return Place(str(at), lambda: find_in_store(Store.connect(), at, subject, drop_subject, NAMES), erase)


def _mlflow(uri: str, cohort: str, subject: str) -> Place:
    from cardioscar.results.table import drop_subject
    from cardioscar.services.tracking.client import TrackingTarget
    from cardioscar.services.tracking.erasure import erase_from_mlflow, find_in_mlflow

    target = TrackingTarget(uri, cohort or None)

    def rewrite(folder: Path, subject: str) -> bool:
        return drop_subject(folder, subject, page="report.html")

    return Place(
        f"MLflow {target.label}",
        lambda: +Counter(find_in_mlflow(target, subject, rewrite).counts),
        lambda: erase_from_mlflow(target, subject, rewrite).command,
    )


def _tried(step: Callable[[], T], faults: list[CardioscarError]) -> T | None:
    """A fault in one place keeps nobody from erasing in the others."""
    try:
        return step()
    except CardioscarError as error:
        if str(error) not in map(str, faults):
            faults.append(error)
        return None


@dataclass
class _Said:
    """What is said of an erasure: as it goes, or at its end as one document."""

    terminal: Terminal
    subject: str
    document: dict[str, Any] = field(default_factory=dict)

    def place(self, name: str, counts: Counter[str] | None) -> None:
        """What is in a place; None where it could not be searched."""
        self.document.setdefault("found", {})[name] = None if counts is None else dict(+counts)
        self._line(f"{name}: {'not searched' if counts is None else _text(counts) or 'nothing'}")

    def administrator(self, notes: list[str]) -> None:
        """What others must do."""
        self.document["to_be_run_by_the_administrator"] = notes
        for note in notes:
            self._line(f"to be run by the server's administrator: {note}")

    def audit(self, path: Path | None, line: str) -> None:
        """The line about the erasure: printed, and appended to a file.

        Raises:
            PlatformError: If it cannot be written.
        """
        self.document["audit"] = json.loads(line)
        self._line(line)
        if path:
            try:
                with path.open("a", encoding="utf-8") as stream:
                    stream.write(line + "\n")
            except OSError as error:
                raise PlatformError(f"{path.name}: {error.strerror or 'cannot be written'}") from None

    def end(self, text: str, *, erased: bool) -> int:
        """The last line, or the document; returns the exit code of an end that is well."""
        if self.terminal.json:
            self.terminal.answer({"subject": self.subject, "erased": erased} | self.document)
        elif text:
            self._line(text)
        return 0

    def _line(self, text: str) -> None:
        if not self.terminal.json:
            self.terminal.answer(None, text)


def _text(counts: Counter[str]) -> str:
    found = sorted((+counts).items())
    return ", ".join(counted(count, _ONE.get(kind, kind.removesuffix("s")), kind) for kind, count in found)


def _audit(form: Erase, found: Counter[str], left: Counter[str], *, complete: bool, awaiting: bool) -> str:
    """Pseudonym, time and counts; nothing else."""
    return json.dumps(
        {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "subject": form.subject,
            "found": dict(found),
            "left": dict(left),
            "complete": complete,
            "awaiting_mlflow_gc": awaiting,
        }
    )
