from __future__ import annotations

import math
import shutil
from functools import partial
from pathlib import Path

import pytest

from cardioscar.cohort.opening import open_cohort
from cardioscar.cohort.selection import costs, select
from cardioscar.cohort.source import Listed
from cardioscar.errors import ConfigError, InputError
from cardioscar.stages import list_subjects
from cardioscar.stages.scar3d.layout import SCAR3D_LAYOUT
from cardioscar.stages.scar3d.workflow import RECONSTRUCT
from tests.lge.tiny_network import tiny_bundle

run = partial(list_subjects.run, family=RECONSTRUCT)


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    for number in range(1, 8):
        folder = tmp_path / f"P{number:03d}"
        folder.mkdir()
        (folder / "labels.nii.gz").write_bytes(b"labels")
    return tmp_path


def test_shards_hold_every_subject_once_in_order(cohort: Path) -> None:
    names = [f"P{number:03d}" for number in range(1, 8)]
    shards = run(cohort, 3)
    assert [len(shard) for shard in shards] == [3, 2, 2]
    assert sorted(name for shard in shards for name in shard) == names
    assert [shard[0] for shard in shards] == names[:3]
    assert all(shard == sorted(shard) for shard in shards)
    assert run(str(cohort), 100) == [names]


def test_a_list_of_ids_selects_in_its_own_order_and_without_repeats(cohort: Path) -> None:
    assert run(cohort, 3, " P005, P001,P005,, P002 ") == [["P005", "P001", "P002"]]


def test_dear_subjects_go_to_different_shards(cohort: Path) -> None:
    for name in ("P002", "P003"):
        (cohort / name / "labels.nii.gz").write_bytes(b"labels" * 100)
    first, second = run(cohort, 4)
    assert ("P002" in first) != ("P003" in first)
    assert len(first) + len(second) == 7


def test_the_cost_of_a_subject_is_its_mesh_or_else_its_images() -> None:
    image, mesh = Listed("P1", sizes={"lge": 30, "labels": 10}), Listed("P2", sizes={"mesh": 500, "labels": 10})
    refused = Listed("row-3", InputError("folder 3", "an id", "none"))
    assert costs([image, refused], SCAR3D_LAYOUT) == [("P1", 10.0), ("row-3", 0.0)]
    # bytes of an image say nothing beside bytes of a mesh
    (_, unknown), (_, known) = costs([image, mesh], SCAR3D_LAYOUT)
    assert math.isnan(unknown)
    assert known == 500.0


def test_the_fingerprint_is_written_on_request(cohort: Path) -> None:
    from cardioscar.cohort.fingerprint import cohort_fingerprint

    path = cohort.parent / f"{cohort.name}.txt"
    run(cohort, 8, fingerprint=path)
    assert path.read_text() == cohort_fingerprint(cohort)


def test_a_network_that_changes_at_its_address_changes_the_fingerprint(
    cohort: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("networks")

    def fingerprint(address: str) -> str:
        run(cohort, 8, fingerprint=root / "fingerprint.txt", fingerprint_network=address)
        return (root / "fingerprint.txt").read_text()

    address = str(root / "network")
    absent, none, alone = fingerprint(address), fingerprint("none"), fingerprint("")
    tiny_bundle(root / "network", steps=1)
    first = fingerprint(address)
    shutil.copytree(root / "network", root / "elsewhere")
    tiny_bundle(root / "network", steps=2)
    assert len({absent, none, alone, first, fingerprint(address)}) == 5
    assert fingerprint(str(root / "elsewhere")) == first


def test_ids_that_are_not_there_are_named(cohort: Path) -> None:
    with pytest.raises(InputError, match=r"^subjects: expected ids of the cohort \(7 subjects\), found P009$"):
        select(open_cohort(cohort, SCAR3D_LAYOUT), "P001,P009")


def test_a_refused_id_stands_in_as_a_row(cohort: Path) -> None:
    (cohort / "Jane Doe").mkdir()
    assert run(cohort, 8)[0][0] == "row-1"
    assert select(open_cohort(cohort, SCAR3D_LAYOUT), "row-1")[0].problem is not None


def test_a_run_that_the_platform_cannot_finish_is_refused(cohort: Path) -> None:
    with pytest.raises(ConfigError, match="shard_size: expected a whole number of at least 1, found 0"):
        run(cohort, 0)


def test_a_run_that_comes_close_to_a_limit_is_let_through_with_a_warning(
    cohort: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from cardioscar.services.kubeflow import run_size as preflight

    monkeypatch.setattr(preflight, "WARN_SHARE", 0.01)
    assert len(run(cohort, 8)) == 1
    assert "a workflow of about 160000 bytes of at most 1048576: take larger shards, or more runs" in caplog.text
