"""A cohort that has been reconstructed, so that tests of publishing and recording need not fit again."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cardioscar.services.store.object_store import S3Place, Store
from cardioscar.stages.run.cohort import CohortRun, run_cohort
from cardioscar.stages.scar3d.workflow import RECONSTRUCT
from tests.integration.ceph import Ceph
from tests.integration.cohort import some

OPTIONS: dict[str, dict[str, Any]] = {
    "train": {"steps": 40, "device": "cpu"},
    "infer": {"samples": 3, "device": "cpu"},
    "evaluate": {"figures": False},
}
SUBJECTS = ["P001", "P002", "P003", "P004"]


@dataclass(frozen=True)
class Finished:
    """A cohort of four in the store, and the output folder of a run over it.

    Attributes:
        bucket: Bucket of the cohort, in `cohort`.
        out: Output folder.
    """

    bucket: str
    out: Path

    @property
    def cohort(self) -> str:
        return f"s3://{self.bucket}/cohort"

    def again(self, folder: Path, **settings: Any) -> CohortRun:
        """Run over a copy of the output: the stages find their work done, publishing and recording are new.

        A second call with the same folder goes on with it.
        """
        if not folder.exists():
            shutil.copytree(self.out / "work", folder / "work")
        return run_cohort(RECONSTRUCT, self.cohort, folder, OPTIONS, jobs=1, **settings)


@pytest.fixture(scope="session")
def finished(ceph: Ceph, hearts: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The cohort; its own results are in its output folder."""
    bucket, out = ceph.bucket(), tmp_path_factory.mktemp("finished") / "out"
    folder = some(hearts, tmp_path_factory.mktemp("four"), len(SUBJECTS))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ceph.environment().items():
            patch.setenv(name, value)
        # by our own door, which records each file's hash: damage on the way to a reader is noticed by that
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            place = S3Place(bucket, "cohort") / path.relative_to(folder).as_posix()
            Store.connect().write(place, path.read_bytes())
        run_cohort(RECONSTRUCT, f"s3://{bucket}/cohort", out, OPTIONS, jobs=1)
    return Finished(bucket, out)
