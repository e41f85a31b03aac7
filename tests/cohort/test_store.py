"""A cohort in an object store obeys the rules of a folder, and brings no more than is read."""

from __future__ import annotations

import resource
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cardioscar.cohort.opening import open_cohort
from cardioscar.cohort.reading import SubjectFiles, read_cohort
from cardioscar.errors import InputError, PlatformError, UnreachableError
from cardioscar.services.store.object_store import Store
from cardioscar.services.store.s3_uri import S3Place
from cardioscar.stages.scar3d.layout import SCAR3D_LAYOUT
from tests.cohort.test_reading import touch
from tests.stored import EMULATED, put, put_folder, put_key, requests

SCANS = [role for role in SCAR3D_LAYOUT.endings if role != "truth"]


@pytest.fixture
def at(bucket: S3Place) -> S3Place:
    return bucket / "cohorts/ward-7"


def view(entries: list[SubjectFiles]) -> dict[str, object]:
    """What is known of each subject: the file name of each role, or the problem."""
    return {
        entry.subject: str(entry.problem) if entry.problem else {role: p.name for role, p in entry.files.items()}
        for entry in entries
    }


def brought(at: S3Place | str, *subjects: str, roles: list[str] = SCANS) -> dict[str, object]:
    with open_cohort(str(at), SCAR3D_LAYOUT).files(subjects, roles) as entries:
        return view(entries)


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def varied(cohort: Path) -> Path:
    """Subjects of every kind, good and bad, and what may lie about beside them."""
    touch(cohort / "P001", "mesh.vtk", "lge.nrrd", "labels.nii", "scar.mha", "truth.vtu", "subject.yaml", "notes.txt")
    for folder in ("lge", "scar"):
        touch(cohort / "P002" / folder, "a", "b")
    touch(cohort / "P002", "mesh.ply", "truth.nii.gz")
    touch(cohort / "P-3", "labels.nii.gz", "lge.json")
    touch(cohort / "P", "mesh.pts", "mesh.elem", "mesh.lon", "labels.nii.gz")
    touch(cohort / "Jane Doe", "labels.nii.gz")
    touch(cohort / "row-1", "labels.nii.gz")
    touch(cohort / "Q1", "labels.nii.gz", "labels.nrrd")
    touch(cohort / "Q2", "mesh.vtu")
    touch(cohort / "Q3", "lge.nii.gz")
    touch(cohort / "Q4", "labels.nii.gz", "mesh.obj")
    touch(cohort / "Q5", "labels.nii.gz", "mesh.pts")
    write(cohort / "Q6", labels__mhd="ElementDataFile = ../P001/labels.nii\n")
    write(cohort / "P7", labels__nhdr="NRRD0004\ndata file: ./deep/voxels.gz\n", lge__mhd="ElementDataFile = lge.raw\n")
    touch(cohort / "P7" / "deep", "voxels.gz")
    touch(cohort / "P7", "lge.raw")
    touch(cohort / ".cache", "labels.nii.gz")
    touch(cohort, "README.txt")
    return cohort


@pytest.mark.parametrize("roles", [SCANS, ["truth"]])
def test_a_prefix_obeys_the_rules_of_a_folder(at: S3Place, tmp_path: Path, roles: list[str]) -> None:
    cohort = varied(tmp_path / "cohort")
    put_folder(cohort, at)
    put_key(at, "P001/", b"")  # what consoles make for an empty folder
    local = view(read_cohort(cohort, SCAR3D_LAYOUT))
    assert sum(isinstance(known, str) for known in local.values()) == 6
    if roles == ["truth"]:  # nobody reads these headers, so nobody learns what they name
        local["P7"] = {"lge": "lge.mhd", "labels": "labels.nhdr"}
        local["Q6"] = {"labels": "labels.mhd"}
    assert brought(at, *local, roles=roles) == local
    assert [entry.subject for entry in open_cohort(str(at), SCAR3D_LAYOUT).listed()] == list(local)


def test_a_listing_reads_no_file(at: S3Place, tmp_path: Path) -> None:
    put_folder(varied(tmp_path / "cohort"), at)
    put(at / "P001/mesh.vtk", b"12345")
    with requests() as seen:
        source = open_cohort(str(at), SCAR3D_LAYOUT)
        listed = {entry.subject: entry for entry in source.listed()}
        source.fingerprint()
    assert {operation for operation, _ in seen} == {"ListObjectsV2"}
    assert len(seen) == 1
    assert listed["P001"].sizes == {"mesh": 5, "lge": 0, "labels": 0, "scar": 0, "truth": 0}
    assert "white space" in str(listed["row-1-refused"].problem)


def test_only_what_is_read_is_brought(at: S3Place) -> None:
    for subject in ("P001", "P002", "P003"):
        for name in ("labels.nii.gz", "lge/1.dcm", "truth.vtu", "subject.yaml", "cine.nii.gz"):
            put(at / f"{subject}/{name}", f"{subject} {name}".encode())
    with requests() as seen, open_cohort(str(at), SCAR3D_LAYOUT).files(["P002", "P001"], SCANS) as entries:
        files = {entry.subject: entry.checked() for entry in entries}
        assert files["P002"]["labels"].read_bytes() == b"P002 labels.nii.gz"
        assert files["P002"]["subject.yaml"].read_bytes() == b"P002 subject.yaml"
        assert (files["P002"]["lge"] / "1.dcm").read_bytes() == b"P002 lge/1.dcm"
        assert files["P002"]["truth"].read_bytes() == b""
    read = sorted(key.removeprefix(at.under) for operation, key in seen if operation == "GetObject")
    wanted = [f"{s}/{n}" for s in ("P001", "P002") for n in ("labels.nii.gz", "lge/1.dcm", "subject.yaml")]
    assert [name for name in read if "/" in name and not name.startswith("cohorts")] == wanted
    with requests() as seen, open_cohort(str(at), SCAR3D_LAYOUT).files(["P003"], ["truth"]) as [entry]:
        assert entry.checked()["truth"].read_bytes() == b"P003 truth.vtu"
        assert entry.checked()["labels"].read_bytes() == b""
    read = {key.removeprefix(at.under) for operation, key in seen if operation == "GetObject"}
    assert {name for name in read if name.startswith("P")} == {"P003/truth.vtu", "P003/subject.yaml"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lge.mhd", "ElementDataFile = LIST\ns1.raw\ns2.raw"),
        ("lge.mha", "ElementDataFile: s%d.raw 1 2 1"),
        ("lge.nhdr", "NRRD0004\ndata file: s%d.raw 1 2 1"),
        ("lge.nrrd", "NRRD0004\ndata file: LIST\ns1.raw\n./s2.raw"),
    ],
)
@pytest.mark.parametrize("manifest", [False, True])
def test_every_file_that_a_header_names_is_brought(at: S3Place, name: str, text: str, manifest: bool) -> None:
    put(at / f"P001/{name}", text.encode())
    for other in ("s1.raw", "s2.raw", "s3.raw", "labels.nii.gz", "truth.vtu"):
        put(at / f"P001/{other}", b"data")
    if manifest:
        put(at / "cohort.csv", f"subject,lge,labels\nP001,P001/{name},P001/labels.nii.gz\n".encode())
    with open_cohort(str(at), SCAR3D_LAYOUT).files(["P001"], SCANS) as [entry]:
        files = entry.checked()
        assert {role: path.name for role, path in files.items()} == {
            "lge": name, "lge.data.0001": "s1.raw", "lge.data.0002": "s2.raw", "labels": "labels.nii.gz",
        } | ({} if manifest else {"truth": "truth.vtu"})  # fmt: skip
        brought = {p.name for p in files["lge"].parent.iterdir() if p.stat().st_size}
        assert brought == {name, "s1.raw", "s2.raw", "labels.nii.gz"}


def test_no_object_is_brought_that_a_header_names_elsewhere(at: S3Place) -> None:
    put(at / "P001/lge.nrrd", b"NRRD0004\ndata file: ../P002/secret.raw\n")
    put(at / "P001/labels.nii.gz", b"data")
    put(at / "P002/secret.raw", b"secret")
    with requests() as seen:
        [said] = brought(at, "P001").values()
    assert said == "P001: expected a path of the voxels of lge.nrrd in its folder, found one that leads outside"
    assert not [key for _, key in seen if "secret" in key]


def test_a_prefix_of_one_subject_is_a_cohort(at: S3Place, tmp_path: Path) -> None:
    folder = touch(tmp_path / "P007", "labels.nii.gz", "labels.nrrd", "lge/")
    touch(folder / "lge", "1.dcm")
    put_folder(folder, at / "P007")
    assert brought(at / "P007", "P007") == view(read_cohort(folder, SCAR3D_LAYOUT))
    Store.connect().delete(at / "P007/labels.nrrd")
    assert brought(at / "P007", "P007") == {"P007": {"labels": "labels.nii.gz", "lge": "lge"}}
    assert [entry.subject for entry in open_cohort(f"{at}/P007", SCAR3D_LAYOUT).listed()] == ["P007"]
    assert brought(at, "P007") == {"P007": {"labels": "labels.nii.gz", "lge": "lge"}}
    assert list(brought(f"s3://{at.bucket}", "row-1")) == []


MANIFEST = """subject,mesh,lge,labels,scar,truth,settings
P2,images/a.pts,images/a.mhd,images/./a.nii.gz,images/layers,images/t.vtu,images/a.yaml
P1,,,images/b.nii.gz,,,
P3,,,images/none.nii.gz,,,
P4,,,../secret.nii.gz,,,
P5,,,/etc/passwd,,,
P6,,,images,,,
P7,,,images/b.nii.gz,,,
P7,,,images/b.nii.gz,,,
Jane Doe,,,images/b.nii.gz,,,
P8,,,"images/../../ward-8/x.nii.gz",,,
P9,images/b.pts,,images/b.nii.gz,,,
"""


@pytest.fixture
def manifest(tmp_path: Path, at: S3Place) -> Path:
    """A manifest with good and bad lines, here and in the store."""
    cohort = tmp_path / "cohort"
    names = ("a.pts", "a.elem", "a.lon", "a.raw", "a.nii.gz", "b.nii.gz", "b.pts", "t.vtu", "a.yaml", "other.nii.gz")
    touch(cohort / "images", *names)
    touch(cohort / "images" / "layers", "0.vtk", "1.vtk")
    write(cohort / "images", a__mhd="ElementDataFile = a.raw\n")
    touch(cohort / "P1", "labels.nii.gz")
    (cohort / "cohort.csv").write_text(MANIFEST)
    put_folder(cohort, at)
    put(at.__class__(at.bucket, "cohorts/secret.nii.gz"))
    return cohort


@pytest.mark.parametrize("roles", [SCANS, ["truth"]])
@pytest.mark.parametrize("name", ["", "/cohort.csv", "/mine.csv"])
def test_a_manifest_in_the_store_obeys_the_rules_of_a_file(
    at: S3Place, manifest: Path, name: str, roles: list[str]
) -> None:
    if name == "/mine.csv":
        put(at / "mine.csv", MANIFEST.encode())
        Store.connect().delete(at / "cohort.csv")
        (manifest / "cohort.csv").rename(manifest / "mine.csv")
    local = view(read_cohort(f"{manifest}{name}", SCAR3D_LAYOUT))
    assert sum(isinstance(known, str) for known in local.values()) == 8
    if roles == ["truth"]:
        del local["P2"]["lge.data"]  # type: ignore[attr-defined]
    with requests() as seen:
        assert brought(f"{at}{name}", *local, roles=roles) == local
    assert not [key for _, key in seen if "secret" in key or "passwd" in key or "ward-8" in key or "other" in key]
    assert [entry.subject for entry in open_cohort(f"{at}{name}", SCAR3D_LAYOUT).listed()] == list(local)


def test_files_of_a_manifest_have_their_content_and_their_sizes(at: S3Place, manifest: Path) -> None:
    for name in ("a.pts", "a.elem", "a.lon", "a.raw", "a.nii.gz", "a.yaml", "layers/0.vtk", "t.vtu"):
        put(at / f"images/{name}", name.encode())
    with open_cohort(str(at), SCAR3D_LAYOUT).files(["P2"], SCANS) as entries:
        [entry] = [entry for entry in entries if entry.subject == "P2"]
        files = entry.checked()
        assert {role: path.read_bytes().decode() for role, path in files.items() if path.is_file()} == {
            "mesh": "a.pts", "mesh.elem": "a.elem", "mesh.lon": "a.lon", "lge": "ElementDataFile = a.raw\n",
            "lge.data": "a.raw", "labels": "a.nii.gz", "truth": "", "subject.yaml": "a.yaml",
        }  # fmt: skip
        assert (files["scar"] / "0.vtk").read_bytes() == b"layers/0.vtk"
    listed = {entry.subject: entry.sizes for entry in open_cohort(str(at), SCAR3D_LAYOUT).listed()}
    assert (listed["P2"]["mesh"], listed["P2"]["scar"]) == (5, 12)


def test_rows_that_are_not_wanted_are_not_brought(at: S3Place, manifest: Path) -> None:
    with requests() as seen:
        brought(at, "P1")
    read = {key.removeprefix(at.under) for operation, key in seen if operation == "GetObject"}
    assert read == {at.prefix, "cohort.csv", "images/b.nii.gz"}


# one subject's problem


def test_an_object_that_vanishes_is_its_subjects_problem(at: S3Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for subject in ("P001", "P002"):
        put(at / f"{subject}/labels.nii.gz")
    files = Store.files

    def then_gone(self: Store, place: S3Place) -> object:
        found = files(self, place)
        Store.connect().delete(at / "P001/labels.nii.gz")
        return found

    monkeypatch.setattr(Store, "files", then_gone)
    found = brought(at, "P001", "P002")
    assert str(found["P001"]) == f"labels.nii.gz: expected an object at {Store.connect().endpoint}, found none"
    assert found["P002"] == {"labels": "labels.nii.gz"}


@EMULATED
@pytest.mark.parametrize("key", ["../../evil", "..", "a\\..\\evil", "lge/../../../evil", "/labels.nii.gz"])
def test_a_hostile_key_is_its_subjects_problem(at: S3Place, tmp_path: Path, key: str) -> None:
    for subject in ("P001", "P002"):
        put(at / f"{subject}/labels.nii.gz")
    put_key(at, f"P001/{key}")
    tempfile.tempdir = str(tmp_path)
    try:
        with open_cohort(str(at), SCAR3D_LAYOUT).files(["P001", "P002"], SCANS) as entries:
            found = view(entries)
            assert [p for p in tmp_path.rglob("*") if "evil" in p.name] == []
    finally:
        tempfile.tempdir = None
    assert str(found["P001"]).startswith("object key: expected parts that are plain file names, found ")
    assert found["P002"] == {"labels": "labels.nii.gz"}
    assert [entry.subject for entry in open_cohort(str(at), SCAR3D_LAYOUT).listed()] == ["P001", "P002"]


@pytest.mark.parametrize(
    ("bucket", "end"),
    [
        ("emulated", "one that is both"),
        ("seaweedfs", "found ''"),
    ],  # SeaweedFS lists the file's key with a slash behind it
    indirect=["bucket"],
)
@pytest.mark.parametrize("keys", [("lge", "lge/1.dcm"), ("labels.nii.gz/x", "scar.nii.gz")])
def test_a_key_that_is_a_file_and_a_folder_is_its_subjects_problem(
    at: S3Place, keys: tuple[str, ...], end: str
) -> None:
    for key in ("P001/labels.nii.gz", "P002/labels.nii.gz", *(f"P001/{key}" for key in keys)):
        put_key(at, key)
    found = brought(at, "P001", "P002")
    assert str(found["P001"]).startswith("object key: expected ")
    assert str(found["P001"]).endswith(end)
    assert found["P002"] == {"labels": "labels.nii.gz"}


# the copy


@pytest.mark.parametrize("fails", [False, True])
def test_the_copy_is_private_and_freed(
    at: S3Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    put(at / "P001/labels.nii.gz", b"patient data")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)

    def work() -> None:
        with open_cohort(str(at), SCAR3D_LAYOUT).files(["P001"], SCANS) as [entry]:
            [folder] = tmp_path.iterdir()
            assert entry.checked()["labels"].is_relative_to(folder)
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            if fails:
                raise KeyboardInterrupt

    if fails:
        with pytest.raises(KeyboardInterrupt):
            work()
    else:
        work()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_for_copies_that_is_missing_is_the_machines_fault(
    at: S3Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(at / "P001/labels.nii.gz")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(PlatformError, match=r"cannot write to output 'missing'") as caught:
        brought(at, "P001")
    assert str(tmp_path) not in str(caught.value)


def test_a_full_disk_is_the_machines_fault(at: S3Place) -> None:
    put(at / "P001/labels.nii.gz", b"x" * 100_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    try:
        with pytest.raises(PlatformError, match=r"labels\.nii\.gz: could not be written"):
            brought(at, "P001")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# the cohort as a whole


@pytest.mark.parametrize(
    "action", [lambda at: open_cohort(str(at), SCAR3D_LAYOUT).listed(), lambda at: brought(at, "P001")]
)
def test_a_cohort_that_is_not_there_is_refused(at: S3Place, action: Callable[[S3Place], object]) -> None:
    with pytest.raises(InputError, match=r"^cohort: expected a prefix of subjects or a cohort\.csv .* nothing there$"):
        action(at)
    put(at / "README.txt")
    with pytest.raises(InputError, match=r"^cohort: expected at least one subject folder, found none$"):
        action(at)


@pytest.mark.parametrize(
    "action", [lambda at: open_cohort(str(at), SCAR3D_LAYOUT).listed(), lambda at: brought(at, "P001")]
)
def test_a_store_that_does_not_answer_is_said(
    at: S3Place, monkeypatch: pytest.MonkeyPatch, action: Callable[[S3Place], object]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setattr("cardioscar.services.store.client._FIRST_PATIENCE_S", 0.1)
    with pytest.raises(UnreachableError, match="connection refused"):
        action(at)


def test_the_fingerprint_follows_the_objects(at: S3Place) -> None:
    def fingerprint() -> str:
        return open_cohort(str(at), SCAR3D_LAYOUT).fingerprint()

    put(at / "P001/labels.nii.gz", b"one")
    seen = [fingerprint()]
    put(at / "P001/labels.nii.gz", b"one")
    assert fingerprint() == seen[0]
    put(at / "P001/labels.nii.gz", b"two")
    seen.append(fingerprint())
    put(at / "P001/lge.nii.gz", b"")
    seen.append(fingerprint())
    Store.connect().delete(at / "P001/labels.nii.gz")
    seen.append(fingerprint())
    assert len(set(seen)) == 4
