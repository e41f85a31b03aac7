"""BIDS derivatives: names, sidecars, what the dataset says of itself, and what it refuses."""

from __future__ import annotations

import fnmatch
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cardioscar.errors import InputError
from cardioscar.imaging.formats.volume_files import read_volume
from cardioscar.imaging.volume import Volume
from cardioscar.scar3d.exports.bids import IGNORED, Derivative, write_bids


def derivative(folder: Path, subject: str, *, uncertainty: bool = True) -> Derivative:
    folder.mkdir(exist_ok=True)
    for name in ("scar.vtu", "metrics.json", "report.html"):
        (folder / name).write_text(f"{name} of {subject}", encoding="utf-8")
    values = np.random.default_rng(0).random((6, 5, 4)).astype(np.float32)
    volume = Volume(values, np.diag([-1.5, -1.5, 8, 1.0]))
    return Derivative(
        subject, volume, volume if uncertainty else None, 0.5, folder / "scar.vtu", folder / "metrics.json",
        folder / "report.html", "the grid of the image",
    )  # fmt: skip


def test_a_subject_is_laid_out(tmp_path: Path) -> None:
    one, root = derivative(tmp_path / "a", "P-001"), tmp_path / "bids"
    write_bids(root, one)
    found = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    anat = "sub-P001/anat/sub-P001"
    assert found == {
        "dataset_description.json", "participants.tsv", "participants.json", "README", ".bidsignore", "sub-P001.html",
        f"{anat}_label-scar_probseg.nii.gz", f"{anat}_label-scar_probseg.json", f"{anat}_label-scar_mask.nii.gz",
        f"{anat}_label-scar_mask.json", f"{anat}_label-scar_sdmap.nii.gz", f"{anat}_label-scar_sdmap.json",
        f"{anat}_mesh.vtu", f"{anat}_mesh.json", f"{anat}_metrics.json",
    }  # fmt: skip
    told = json.loads((root / "dataset_description.json").read_bytes())
    assert (told["DatasetType"], told["GeneratedBy"][0]["Name"]) == ("derivative", "cardioscar")
    assert (root / "participants.tsv").read_text() == "participant_id\tcardioscar_id\nsub-P001\tP-001\n"
    back = read_volume(root / f"{anat}_label-scar_probseg.nii.gz")
    np.testing.assert_array_equal(back.values, one.probability.values)
    np.testing.assert_allclose(back.affine, one.probability.affine, atol=1e-6)
    mask = read_volume(root / f"{anat}_label-scar_mask.nii.gz")
    np.testing.assert_array_equal(mask.values, one.probability.values >= 0.5)
    sidecar = json.loads((root / f"{anat}_mesh.json").read_bytes())
    assert sidecar["LengthUnits"] == "mm"
    assert sidecar["PointData"]["rotational"]["Units"] == "rad"
    strange = [name for name in found if any(fnmatch.fnmatch(name, rule) for rule in IGNORED)]
    assert sorted(name.rpartition("_")[2] for name in strange) == sorted(
        ["mesh.json", "mesh.vtu", "metrics.json", "sdmap.json", "sdmap.nii.gz", "sub-P001.html"]
    )


def test_another_subject_joins_and_the_same_is_renewed(tmp_path: Path) -> None:
    root = tmp_path / "bids"
    for subject in ("S2", "S1", "S2"):
        write_bids(root, derivative(tmp_path / subject, subject, uncertainty=False))
    assert (root / "participants.tsv").read_text().splitlines()[1:] == ["sub-S1\tS1", "sub-S2\tS2"]
    assert not list(root.rglob("*sdmap*"))


def test_other_datasets_and_equal_labels_are_refused(tmp_path: Path) -> None:
    root = tmp_path / "bids"
    write_bids(root, derivative(tmp_path / "a", "P-001"))
    with pytest.raises(InputError, match="P001: expected the only subject of the label sub-P001"):
        write_bids(root, derivative(tmp_path / "b", "P001"))
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / "dataset_description.json").write_text('{"GeneratedBy": [{"Name": "fMRIPrep"}]}')
    with pytest.raises(InputError, match="expected one that cardioscar has written"):
        write_bids(strange, derivative(tmp_path / "c", "P1"))
    full = tmp_path / "full"
    full.mkdir()
    (full / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="full: expected an empty folder, or a dataset that cardioscar has written"):
        write_bids(full, derivative(tmp_path / "d", "P1"))
    assert sorted(path.name for path in full.iterdir()) == ["notes.txt"]


def test_the_validator_of_bids_finds_no_error(tmp_path: Path) -> None:
    name = "bids-validator-deno"
    tool = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if tool is None:
        pytest.skip(f"{name} is not installed")
    root = tmp_path / "bids"
    write_bids(root, derivative(tmp_path / "a", "P-001"))
    said = subprocess.run([tool, "--json", str(root)], capture_output=True, text=True, check=False)
    issues = json.loads(said.stdout)["issues"]["issues"]
    assert [one for one in issues if one.get("severity") == "error"] == []
