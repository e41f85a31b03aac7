"""No output takes the place of an input, or of anybody else's file, however the two are named; nothing is lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cardioscar.services.store.s3_uri import S3Place
from tests.commands.conftest import Said
from tests.finished_run import content
from tests.stored import bucket, emulated_endpoint, objects, put, put_folder, s3_endpoint

__all__ = ["bucket", "emulated_endpoint", "s3_endpoint"]

Cardioscar = Callable[..., Said]
QUICK = (
    "--steps", 5, "--samples", 2, "--no-figures", "--no-leave-one-out", "--device", "cpu", "-j", 1,
    "--tracking-uri", "off", "--subjects", "P001",
)  # fmt: skip
MANIFEST = "subject,mesh,labels\nP001,P001/mesh.vtu,P001/labels.nii.gz\n"


@pytest.fixture
def images(cohort: Path, tmp_path: Path) -> Path:
    """A cohort of one, to be lost."""
    shutil.copytree(cohort / "P001", tmp_path / "images" / "P001")
    return tmp_path / "images"


def refused(said: Said) -> None:
    assert said.code == 2, said.err
    last = said.err.splitlines()[-1]
    assert last.startswith("cardioscar: ")
    assert ": expected " in last


@pytest.mark.parametrize(
    ("given", "out", "results"),
    [
        ("images/P001", "out", "images"),
        ("images/P001/", "out", "images/"),
        ("images/P001", "out", "images/../images"),
        ("images/P001", "out", "link"),
        ("link/P001", "out", "images"),
        ("images/P001", "out", "images/P001"),
        ("images", "out", "images"),
        ("images", "out", "images/P001"),
        ("images", "out", "images/P001/deep/results"),
        ("link", "out", "images/new"),
        ("images", "images", ""),
        ("images", "images/P001/deep/er", ""),
    ],
)
def test_results_over_images(
    images: Path, cardioscar: Cardioscar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, out: str,
    results: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("images")
    before = content(images)
    words = ("--results", results) if results else ()
    refused(cardioscar("run", given, "-o", out, *words, *QUICK))
    assert content(images) == before


@pytest.mark.parametrize("given", ["images", "images/cohort.csv"])
@pytest.mark.parametrize("results", ["images", "link/", "images/P001/lge"])
def test_results_over_a_manifest_or_its_images(
    images: Path, cardioscar: Cardioscar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, results: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("images")
    (images / "P001" / "lge").mkdir()
    (images / "P001" / "lge.nii.gz").rename(images / "P001" / "lge" / "1.dcm")
    (images / "cohort.csv").write_text(MANIFEST.replace("labels\n", "labels,lge\n").replace("gz\n", "gz,P001/lge\n"))
    before = content(images)
    refused(cardioscar("run", given, "-o", "out", "--results", results, *QUICK))
    refused(cardioscar("preprocess", given, "-o", results))
    assert content(images) == before


@pytest.mark.parametrize("name", ["results", "work", "work/preprocess", "work/train"])
def test_a_cohort_where_the_output_has_its_own_folders(
    images: Path, cardioscar: Cardioscar, tmp_path: Path, name: str
) -> None:
    project = tmp_path / "project"
    (project / name).parent.mkdir(parents=True)
    images.rename(project / name)
    before = content(project / name)
    refused(cardioscar("run", project / name, "-o", project, *QUICK))
    assert content(project / name) == before


@pytest.mark.parametrize("results", ["images", "link", "images/P002"])
def test_a_table_in_the_cohort(images: Path, cardioscar: Cardioscar, tmp_path: Path, results: str) -> None:
    """It would be taken for a manifest when the cohort is read again."""
    (tmp_path / "link").symlink_to("images")
    before = content(images)
    refused(cardioscar("summarize-cohort", images, tmp_path / results))
    assert content(images) == before


@pytest.mark.parametrize("given", ["images/P001", "images"])
def test_a_stage_over_images(images: Path, cardioscar: Cardioscar, tmp_path: Path, given: str) -> None:
    before = content(images)
    refused(cardioscar("preprocess", tmp_path / given, "-o", images))
    refused(cardioscar("preprocess", tmp_path / given, "-o", images.parent / "images" / "P001" / ".."))
    assert content(images) == before


@pytest.mark.parametrize("place", ["results/P001", "work/train/P001"])
@pytest.mark.parametrize("name", ["manual_segmentation.nii.gz", "metrics.json", "status.json", "deep/er/notes.txt"])
def test_a_folder_of_another_tool(images: Path, cardioscar: Cardioscar, tmp_path: Path, place: str, name: str) -> None:
    mine = tmp_path / "out" / place / name
    mine.parent.mkdir(parents=True)
    mine.write_text('{"state": "a week of work"}')
    said = cardioscar("run", images, "-o", tmp_path / "out", *QUICK)
    refused(said)
    assert f"P001: expected nothing, or what cardioscar has written for the subject, found {name}; " in said.err
    assert mine.read_text() == '{"state": "a week of work"}'
    assert not (tmp_path / "out" / "work" / "preprocess").exists()


@pytest.mark.parametrize("name", ["cohort.csv", "cohort.json", "cohort.html"])
def test_a_cohort_file_of_another_tool(images: Path, cardioscar: Cardioscar, tmp_path: Path, name: str) -> None:
    mine = tmp_path / "out" / "results" / name
    mine.parent.mkdir(parents=True)
    mine.write_text('{"state": "a week of work"}')
    said = cardioscar("run", images, "-o", tmp_path / "out", *QUICK)
    refused(said)
    assert f"{name}: expected a " in said.err
    assert mine.read_text() == '{"state": "a week of work"}'
    assert not (tmp_path / "out" / "work" / "preprocess").exists()


def test_a_file_put_beside_a_result_outlives_the_next_result(
    images: Path, cardioscar: Cardioscar, tmp_path: Path
) -> None:
    words = ("run", images, "-o", tmp_path / "out", *QUICK)
    assert cardioscar(*words).code == 0
    mine = [tmp_path / "out" / place / "P001" / "my notes.txt" for place in ("results", "work/infer")]
    for path in mine:
        path.write_text("read by two")
    assert "1 of 1 subject unchanged" in cardioscar(*words).out
    assert cardioscar(*words, "--infer.threshold", 0.4).code == 0
    assert [path.read_text() for path in mine] == ["read by two"] * 2
    assert "1 of 1 subject unchanged" in cardioscar(*words, "--infer.threshold", 0.4).out
    [table] = (tmp_path / "out" / "results").glob("cohort.csv")
    table.write_text(MANIFEST)
    refused(cardioscar(*words))
    assert table.read_text() == MANIFEST


@pytest.mark.parametrize(
    ("given", "results"),
    [("c/P001", "c"), ("c/P001/", "c/"), ("c", "c"), ("c", "c/P001"), ("c", "c/deep/er"), ("c/P001", "c/P001")],
)
@pytest.mark.parametrize("manifest", [True, False])
def test_results_over_images_in_a_store(
    images: Path, bucket: S3Place, cardioscar: Cardioscar, tmp_path: Path, given: str, results: str, manifest: bool
) -> None:
    put_folder(images, bucket / "c")
    if manifest:
        put(bucket / "c/cohort.csv", MANIFEST.encode())
    before = objects(bucket)
    words = (f"s3://{bucket.bucket}/{given}", "-o", tmp_path / "out", "--results", f"s3://{bucket.bucket}/{results}")
    said = cardioscar("run", *words, *QUICK)
    if not (manifest and results.startswith("c/") and given == "c"):  # a manifest's folder may hold other prefixes
        refused(said)
        assert objects(bucket) == before
    assert before.items() <= objects(bucket).items()


@pytest.mark.parametrize(
    "name", ["P001/lge.nii.gz", "P001/status.json", "P001/metrics.json", "cohort.csv", "cohort.json"]
)
def test_objects_of_others_in_a_store(
    images: Path, bucket: S3Place, cardioscar: Cardioscar, tmp_path: Path, name: str
) -> None:
    put(bucket / "derivatives" / name, b'{"state": "a week of work"}')
    put(bucket / "derivatives/P0010/lge.nii.gz", b"of another")
    said = cardioscar("run", images, "-o", tmp_path / "out", "--results", bucket / "derivatives", *QUICK)
    refused(said)
    assert objects(bucket)[f"derivatives/{name}"] == b'{"state": "a week of work"}'


def test_an_object_put_beside_a_result_outlives_the_next_result(
    images: Path, bucket: S3Place, cardioscar: Cardioscar, tmp_path: Path
) -> None:
    words = ("run", images, "-o", tmp_path / "out", "--results", bucket / "r", *QUICK)
    assert cardioscar(*words).code == 0
    put(bucket / "r/P001/my notes.txt", b"read by two")
    put(bucket / "r/P001/deep/status.json", b"{}")
    assert cardioscar(*words, "--infer.threshold", 0.4).code == 0
    found = objects(bucket / "r/P001")
    assert (found["my notes.txt"], found["deep/status.json"]) == (b"read by two", b"{}")
    assert {"status.json", "scar.vtu", "run.json"} <= found.keys()
