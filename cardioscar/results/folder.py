"""Published results in a folder of this machine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from cardioscar.files.folders import file_hashes, fresh_folder, only_writer, platform_faults, recover
from cardioscar.identity.subject_id import is_subject_id
from cardioscar.results.own_table import CHECKS
from cardioscar.results.publication import METRICS, PICTURE, Publication, Result, result_of, stamp_bytes
from cardioscar.results.signoff import SIGNOFF, signoff_of
from cardioscar.shard.own_files import STAMP, OwnFiles, keep, strangers_in
from cardioscar.shard.status import FILE, read_status


class FolderResults:
    """Results in a folder; a subject's folder appears whole, and only where it differs."""

    def __init__(self, root: Path, own: OwnFiles) -> None:
        self.root, self._own = root, own

    def publish(self, what: Publication, run_id: str = "") -> None:
        """See `Results`."""
        from cardioscar.files.atomic import atomic_file

        final = self.root / what.row.subject
        with platform_faults(self.root):
            stamp = stamp_bytes(run_id, what.marker.read_bytes())
            self.root.mkdir(parents=True, exist_ok=True)
            with only_writer(self.root, what.row.subject):
                recover(final)
                others = strangers_in(final, self._own)
                present = {
                    name: sha for name, sha in file_hashes(final, without=FILE).items() if name not in (STAMP, *others)
                }
                if read_status(final) == what.row and present == what.hashes:
                    if run_id and _content(final / STAMP) != stamp:
                        with atomic_file(final / STAMP) as partial:
                            partial.write_bytes(stamp)
                    return
                with fresh_folder(final) as scratch:
                    for name, source in what.files.items():
                        (scratch / name).parent.mkdir(parents=True, exist_ok=True)
                        shutil.copyfile(source, scratch / name)
                    if run_id:
                        (scratch / STAMP).write_bytes(stamp)
                    shutil.copyfile(what.marker, scratch / FILE)
                    keep(others, final, scratch)

    def check(self, subjects: Sequence[str]) -> None:
        """See `Results`."""
        with platform_faults(self.root):
            for subject in subjects:
                strangers_in(self.root / subject, self._own)
            for name, check in CHECKS.items():
                check(_content(self.root / name))

    def results(self, subjects: Sequence[str]) -> Iterator[Result]:
        """See `Results`."""
        for subject in subjects:
            folder = self.root / subject
            with platform_faults(self.root):
                names = (FILE, STAMP, METRICS, PICTURE, SIGNOFF)
                *own, word = (_content(folder / name) for name in names)
            yield replace(result_of(subject, *own), signoff=signoff_of(word, own[2]))

    def ask(self) -> None:
        """See `Results`: whether a folder can be written shows with the first subject."""

    def subjects(self) -> list[str]:
        """See `Results`."""
        if not self.root.is_dir():
            return []
        with platform_faults(self.root):
            return sorted(p.name for p in self.root.iterdir() if is_subject_id(p.name) and (p / FILE).is_file())

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """See `Results`."""
        with platform_faults(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
        with only_writer(self.root, "run", beside_others=True):
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """See `Results`."""
        with only_writer(self.root, "cohort", patience_s=60.0):
            yield

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """See `Results`: the folder itself."""
        with platform_faults(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
        yield self.root

    def put(self, path: Path) -> None:
        """See `Results`: the file is in its place."""

    def read(self, name: str) -> bytes:
        """See `Results`."""
        return (self.root / name).read_bytes()

    def address(self, name: str) -> str:
        """See `Results`."""
        return str(self.root / name)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
