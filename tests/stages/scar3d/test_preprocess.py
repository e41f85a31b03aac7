"""The first stage on all kinds of input: right groups, nothing hidden leaks, nothing done twice."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cardioscar.imaging.formats.grid_layers import write_grid_layers
from cardioscar.imaging.formats.mesh_files import read_mesh
from cardioscar.imaging.formats.slice_files import load_stack
from cardioscar.imaging.formats.volume_files import read_labels, read_volume, write_volume
from cardioscar.imaging.labels import Label
from cardioscar.imaging.slices import stack_from_volume
from cardioscar.scar3d.observation.drawn_labels import wall_mask
from cardioscar.shard.status import Status
from cardioscar.stages.scar3d import preprocess
from tests import broken_subjects as change
from tests.imaging.formats.image_bytes import dicom

MakeCohort = Callable[..., Path]
SETTINGS = "subject.yaml"


def prepared(cohort: Path, name: str = "groups", **options: Any) -> Path:
    """Run the stage on P001, which must be ok; its artifact folder."""
    output = cohort.parent / name
    [row] = preprocess.run(cohort, ["P001"], output, options)
    assert row.error is None
    return output / "P001"


def arrays(folder: Path, name: str = "groups.npz") -> dict[str, np.ndarray]:
    with np.load(folder / name, allow_pickle=False) as stored:
        return dict(stored)


def facts(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "preprocess.json").read_text())


def target_of_nodes(groups: dict[str, np.ndarray]) -> np.ndarray:
    """What its pixel says to each node, NaN where none sees it."""
    return np.append(groups["targets"], np.nan)[groups["group_index"]]


# --- sources


def test_a_probability_volume(make_cohort: MakeCohort) -> None:
    cohort = make_cohort("P001")
    folder = prepared(cohort, merge_to_nodes=0.1)
    groups, said = arrays(folder), facts(folder)
    scar = read_volume(cohort / "P001" / "scar.nii.gz")
    wall = wall_mask(read_labels(cohort / "P001" / "labels.nii.gz"))
    assert said["merged_pixels"] == 1
    # every group is one wall pixel with its own value, and every wall pixel is a group or unseen
    index = np.rint(scar.mm_to_index(groups["center_mm"])).astype(int)
    assert wall[tuple(index.T)].all()
    np.testing.assert_array_equal(index[:, 2], groups["slice_number"])
    np.testing.assert_allclose(scar.values[tuple(index.T)], groups["targets"], atol=1e-6)
    assert len(np.unique(index, axis=0)) == len(index) == said["groups"]
    assert said["groups"] + said["unseen_pixels"] == wall.sum()
    # every node of a group lies in the prism of its pixel
    seen = groups["group_index"] >= 0
    of_node = scar.mm_to_index(groups["nodes_mm"][seen]) - index[groups["group_index"][seen]]
    of_node[:, 2] *= 9 / 8  # thickness 8 mm, slices 9 mm apart
    assert np.abs(of_node).max() <= 0.5 + 1e-3  # frames are kept to a thousandth of a voxel
    assert said["target"] == "probability"
    assert sorted(p.name for p in folder.iterdir()) == [
        "groups.npz", "mesh.vtu", "preprocess.json", "slices.npz", "status.json", "view.npz", "view_lge.npz",
    ]  # fmt: skip


def test_pixels_are_merged_to_hold_the_wanted_nodes(make_cohort: MakeCohort) -> None:
    groups = arrays(prepared(make_cohort("P001"), merge_to_nodes=4.0))
    full = groups["pixels"] == groups["pixels"].max()
    sizes = np.bincount(groups["group_index"][groups["group_index"] >= 0])
    assert sizes[full].mean() == pytest.approx(4, rel=0.5)


def test_labels_alone(make_cohort: MakeCohort) -> None:
    cohort = make_cohort("P001", files=("labels.nii.gz", SETTINGS))
    folder = prepared(cohort, edge_mm=4.0)
    labels = read_labels(cohort / "P001" / "labels.nii.gz")
    mesh, said = read_mesh(folder / "mesh.vtu"), facts(folder)
    assert (said["mesh"], said["target"]) == ("built from labels", "labels")
    assert mesh.volume_ml == pytest.approx(wall_mask(labels).sum() * labels.voxel_ml, rel=0.03)
    # with edges of 4 mm most nodes lie on the surfaces, and about half of these just outside the labelled pixels
    assert said["observed_nodes"] > 0.5 * said["nodes"]
    groups = arrays(folder)
    share = (groups["targets"] * groups["pixels"]).sum() / groups["pixels"].sum()
    assert share == pytest.approx((labels.values == Label.SCAR).sum() / wall_mask(labels).sum(), abs=0.03)


@pytest.mark.parametrize("target", ["fwhm", "nsd"])
def test_an_image_and_its_wall(target: str, make_cohort: MakeCohort) -> None:
    folder = prepared(make_cohort("P001", files=("labels.nii.gz", "lge.nii.gz", "mesh.vtu", SETTINGS)), target=target)
    truth = prepared(make_cohort("P001", name="true"), "true_groups")
    found, expected = (target_of_nodes(arrays(f)) > 0.5 for f in (folder, truth))
    assert facts(folder)["target"] == target
    assert 2 * (found & expected).sum() / (found.sum() + expected.sum()) > 0.75


def test_an_image_without_labels(make_cohort: MakeCohort) -> None:
    folder = prepared(make_cohort("P001", files=("lge.nii.gz", "mesh.vtu", SETTINGS)))
    said = facts(folder)
    assert said["target"] == "fwhm"
    # the wall is what the mesh holds, so next to no wall pixel can lie outside it
    assert said["unseen_pixels"] < 0.1 * arrays(folder)["pixels"].sum()


def test_a_folder_of_dicom_files_is_the_same_image(make_cohort: MakeCohort) -> None:
    cohort = make_cohort("P001", files=("labels.nii.gz", "lge.nii.gz", "mesh.vtu"))
    expected = arrays(prepared(cohort, "nifti", target="fwhm", slice_thickness_mm=8.0))
    volume = read_volume(cohort / "P001" / "lge.nii.gz")
    series = cohort / "P001" / "lge"
    series.mkdir()
    axes = (volume.affine[:3, :2] / volume.spacing_mm[:2]).T.ravel()
    for k in range(volume.values.shape[2]):
        position = tuple(volume.index_to_mm(np.array([[0, 0, k]]))[0])
        data = dicom(
            volume.values[:, :, k], position=position, orientation=tuple(axes), pixel_mm=(2.0, 2.0), thickness_mm=8.0
        )
        (series / f"{99 - k}.dcm").write_bytes(data)
    (cohort / "P001" / "lge.nii.gz").unlink()
    folder = prepared(cohort, "dicom", target="fwhm")
    assert facts(folder)["slice_thickness_mm"] == 8.0  # the file's own
    found = arrays(folder)
    np.testing.assert_array_equal(found["group_index"], expected["group_index"])
    np.testing.assert_array_equal(found["targets"], expected["targets"])


def test_grid_layers_give_the_nodes_the_same_values(make_cohort: MakeCohort) -> None:
    cohort = make_cohort("P001")
    expected = arrays(prepared(cohort, "volume", merge_to_nodes=0.1))
    labels = read_labels(cohort / "P001" / "labels.nii.gz")
    stack = stack_from_volume(read_volume(cohort / "P001" / "scar.nii.gz"), observed=wall_mask(labels), thickness_mm=8)
    change.keep("mesh.vtu", SETTINGS)(cohort / "P001")
    write_grid_layers(cohort / "P001" / "scar", stack)
    folder = prepared(cohort, "layers", merge_to_nodes=0.1)
    found = arrays(folder)
    assert facts(folder)["target"] == "layers"
    np.testing.assert_allclose(target_of_nodes(found), target_of_nodes(expected), atol=1e-5)
    np.testing.assert_array_equal(np.bincount(found["slice_number"]), np.bincount(expected["slice_number"]))


def test_an_opencarp_mesh(make_cohort: MakeCohort) -> None:
    cohort = make_cohort("P001")
    expected = arrays(prepared(cohort, "vtu"))
    change.carp_mesh()(cohort / "P001")
    folder = prepared(cohort, "carp")
    np.testing.assert_array_equal(arrays(folder)["group_index"], expected["group_index"])
    assert read_mesh(folder / "mesh.vtu").n_nodes == len(expected["group_index"])


def test_a_mesh_in_ras(make_cohort: MakeCohort) -> None:
    cohort = make_cohort("P001")
    expected = arrays(prepared(cohort, "lps"))
    change.ras_mesh(cohort / "P001")
    settings = cohort / "P001" / SETTINGS
    settings.write_text(settings.read_text().replace("mesh_frame: LPS", "mesh_frame: RAS"))
    found = arrays(prepared(cohort, "ras"))
    np.testing.assert_array_equal(found["group_index"], expected["group_index"])
    np.testing.assert_allclose(found["nodes_mm"], expected["nodes_mm"], atol=1e-4)


@pytest.mark.parametrize("said_by", ["option", "subject.yaml"])
def test_labels_of_emidec(said_by: str, make_cohort: MakeCohort) -> None:
    cohort = make_cohort("P001", files=("labels.nii.gz", "mesh.vtu"))
    expected = arrays(prepared(cohort, "own"))
    rows = np.arange(52)[:, None, None]
    emidec = {Label.BACKGROUND: 0, Label.BLOOD_POOL: 1, Label.MYOCARDIUM: 2}

    def translate(v: np.ndarray) -> np.ndarray:
        translated = np.where(rows % 2, 3, 4) * np.ones_like(v)  # infarct, no-reflow: both scar
        for label, value in emidec.items():
            translated[v == label] = value
        return translated.astype(np.uint8)

    change.values("labels.nii.gz", translate)(cohort / "P001")
    if said_by == SETTINGS:
        (cohort / "P001" / SETTINGS).write_text("label_table: emidec\n")
    found = arrays(prepared(cohort, "emidec", **({"label_table": "emidec"} if said_by == "option" else {})))
    assert {4, 3} <= set(np.unique(read_volume(cohort / "P001" / "labels.nii.gz").values))
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)


def test_who_says_how_thick_a_slice_is(make_cohort: MakeCohort) -> None:
    cohort = make_cohort("P001")
    assert facts(prepared(cohort, "yaml"))["slice_thickness_mm"] == 8.0
    assert facts(prepared(cohort, "option", slice_thickness_mm=6.0))["slice_thickness_mm"] == 6.0
    (cohort / "P001" / SETTINGS).unlink()
    assert facts(prepared(cohort, "spacing"))["slice_thickness_mm"] == 9.0


@pytest.mark.real
@pytest.mark.slow
def test_a_real_infarct(data_dir: Path, tmp_path: Path) -> None:
    cohort = tmp_path / "cohort"
    (cohort / "P001").mkdir(parents=True)
    for name in ("labels.nii.gz", "lge.nii.gz"):
        shutil.copy(data_dir / "sunnybrook_lge_infarct_annotations" / name, cohort / "P001" / name)
    folder = prepared(cohort, holdout="odd")
    said = facts(folder)
    labels = read_labels(cohort / "P001" / "labels.nii.gz")
    walls = [k for k in range(labels.values.shape[2]) if wall_mask(labels)[:, :, k].any()]
    assert sorted(said["slices"] + said["hidden_slices"]) == walls
    assert said["hidden_slices"] == [k for k in walls[1:-1] if k % 2]
    assert said["wall_ml"] == pytest.approx(wall_mask(labels).sum() * labels.voxel_ml, rel=0.03)
    assert len(arrays(folder, "heldout.npz")["fraction"]) == wall_mask(labels)[:, :, said["hidden_slices"]].sum()


# --- hidden slices

HOLDOUTS = ["odd", "even", "1", "0,9", "2,3,4,5,6,7", "9,1"]


@pytest.mark.parametrize("holdout", HOLDOUTS)
def test_hidden_pixels_are_all_in_heldout_and_nowhere_else(holdout: str, make_cohort: MakeCohort) -> None:
    cohort = make_cohort("P001")
    folder = prepared(cohort, holdout=holdout)
    hidden, heldout = facts(folder)["hidden_slices"], arrays(folder, "heldout.npz")
    scar = read_volume(cohort / "P001" / "scar.nii.gz")
    wall = wall_mask(read_labels(cohort / "P001" / "labels.nii.gz"))
    index = np.rint(scar.mm_to_index(heldout["pixel_mm"])).astype(int)
    expected = {tuple(row) for row in np.argwhere(wall).tolist() if row[2] in hidden}
    assert {tuple(row) for row in index.tolist()} == expected
    assert len(index) == len(expected)
    np.testing.assert_array_equal(index[:, 2], heldout["slice_number"])
    np.testing.assert_array_equal(scar.values[tuple(index.T)], heldout["fraction"])
    np.testing.assert_allclose(heldout["pixel_ml"], 2 * 2 * 8 / 1000, rtol=1e-5)

    groups, visible = arrays(folder), [s.number for s in load_stack(folder / "slices.npz")]
    assert not set(visible) & set(hidden)
    assert set(groups["slice_number"]) <= set(visible) == set(range(10)) - set(hidden)
    # no node that a visible group holds lies within a hidden slice: the slabs do not overlap
    height = scar.mm_to_index(groups["nodes_mm"][groups["group_index"] >= 0])[:, 2]
    assert not set(np.rint(height).astype(int)) & set(hidden)


def _no_scar(v: np.ndarray) -> np.ndarray:
    return np.where(v == Label.SCAR, Label.MYOCARDIUM, v)


def _all_scar(v: np.ndarray) -> np.ndarray:
    return np.where(v == Label.MYOCARDIUM, Label.SCAR, v)


def _edit_hidden(name: str, hidden: list[int], edit: Callable[[np.ndarray], np.ndarray]) -> change.Break:
    def on_slices(v: np.ndarray) -> np.ndarray:
        v[:, :, hidden] = edit(v[:, :, hidden])
        return v

    return change.values(name, on_slices)


@pytest.mark.parametrize(
    ("files", "name", "edit", "options"),
    [
        (None, "scar.nii.gz", lambda v: 1 - v, {}),
        (("labels.nii.gz", "mesh.vtu"), "labels.nii.gz", _no_scar, {}),
        (("labels.nii.gz", "mesh.vtu"), "labels.nii.gz", _all_scar, {}),
        (("labels.nii.gz",), "labels.nii.gz", _no_scar, {"edge_mm": 5.0}),
        (("labels.nii.gz", "lge.nii.gz", "mesh.vtu"), "lge.nii.gz", lambda v: 3 * v + 50, {"target": "fwhm"}),
        (("labels.nii.gz", "lge.nii.gz", "mesh.vtu"), "lge.nii.gz", lambda v: v[::-1], {"target": "nsd"}),
        (("lge.nii.gz", "mesh.vtu"), "lge.nii.gz", lambda v: v // 2, {}),
    ],
    ids=["probability", "no scar", "all scar", "mesh of labels", "fwhm", "nsd", "image alone"],
)  # fmt: skip
def test_what_is_hidden_has_no_influence_at_all(
    files: tuple[str, ...] | None,
    name: str,
    edit: Callable[[np.ndarray], np.ndarray],
    options: dict[str, Any],
    make_cohort: MakeCohort,
) -> None:
    cohort = make_cohort("P001", files=files)
    before = prepared(cohort, "before", holdout="odd", **options)
    _edit_hidden(name, facts(before)["hidden_slices"], edit)(cohort / "P001")
    after = prepared(cohort, "after", holdout="odd", **options)
    for artifact in ("groups.npz", "slices.npz", "mesh.vtu", "preprocess.json"):
        assert (before / artifact).read_bytes() == (after / artifact).read_bytes(), artifact
    changed = [arrays(folder, "heldout.npz")["fraction"] for folder in (before, after)]
    assert not np.array_equal(*changed)


def test_without_holdout_nothing_is_held_out(make_cohort: MakeCohort) -> None:
    folder = prepared(make_cohort("P001"))
    assert not (folder / "heldout.npz").exists()
    assert facts(folder)["hidden_slices"] == []


# --- idempotence


def run_again(cohort: Path, **options: Any) -> tuple[Status, bool]:
    """Run the stage; its row, and whether an earlier run's work was taken."""
    seen: list[tuple[Status, bool]] = []
    preprocess.run(
        cohort, ["P001"], cohort.parent / "out", options, on_done=lambda row, reused: seen.append((row, reused))
    )
    return seen[-1]


def test_the_same_again_is_taken_from_the_earlier_run(make_cohort: MakeCohort) -> None:
    cohort = make_cohort("P001")
    first, reused = run_again(cohort)
    assert not reused
    assert run_again(cohort) == (first, True)
    assert set(first.inputs) == {"mesh", "lge", "labels", "scar", SETTINGS}
    assert run_again(cohort, holdout="odd")[1] is False


def test_a_truth_that_changes_is_no_new_input(make_cohort: MakeCohort) -> None:
    cohort = make_cohort("P001")
    first, _ = run_again(cohort)
    (cohort / "P001" / "truth.vtu").write_bytes(b"another")
    assert run_again(cohort) == (first, True)


@pytest.mark.parametrize("name", ["scar.nii.gz", "mesh.vtu", SETTINGS])
def test_a_file_that_changes_is_done_again(name: str, make_cohort: MakeCohort) -> None:
    cohort = make_cohort("P001")
    run_again(cohort)
    edits = {
        "scar.nii.gz": change.values("scar.nii.gz", lambda v: v / 2),
        "mesh.vtu": change.nodes(lambda p: p + 0.5),
        SETTINGS: change.text(SETTINGS, "slice_thickness_mm: 6\n"),
    }
    edits[name](cohort / "P001")
    assert run_again(cohort)[1] is False


def test_a_file_beside_a_file_that_changes_is_done_again(make_cohort: MakeCohort) -> None:
    cohort = make_cohort("P001")
    change.carp_mesh()(cohort / "P001")
    assert {"mesh", "mesh.elem"} <= set(run_again(cohort)[0].inputs)
    elements = cohort / "P001" / "mesh.elem"
    lines = elements.read_text().splitlines()
    elements.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    assert run_again(cohort)[1] is False


def test_two_runs_give_the_same_bytes(make_cohort: MakeCohort) -> None:
    cohort = make_cohort("P001")
    one, two = (prepared(cohort, name, holdout="even") for name in ("one", "two"))
    for path in one.iterdir():
        if path.name != "status.json":
            assert path.read_bytes() == (two / path.name).read_bytes(), path.name


# --- shapes of a cohort


def test_the_folder_of_one_subject(make_cohort: MakeCohort) -> None:
    cohort = make_cohort("P001")
    expected = arrays(prepared(cohort, "cohort_groups"))
    [row] = preprocess.run(cohort / "P001", ["P001"], cohort.parent / "alone")
    assert row.outcome == "ok"
    np.testing.assert_array_equal(arrays(cohort.parent / "alone" / "P001")["targets"], expected["targets"])


def test_a_manifest(make_cohort: MakeCohort) -> None:
    cohort = make_cohort("P001")
    expected = arrays(prepared(cohort, "folders"))
    (cohort / "P001").rename(cohort / "files of the first")
    row = ",".join(f"files of the first/{n}" for n in ("mesh.vtu", "scar.nii.gz", "labels.nii.gz", SETTINGS))
    (cohort / "cohort.csv").write_text(f"subject,mesh,scar,labels,settings\nP001,{row}\n")
    found = arrays(prepared(cohort, "manifest"))
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)


def test_an_mha_and_a_nifti_image_are_the_same(make_cohort: MakeCohort) -> None:
    import SimpleITK

    cohort = make_cohort("P001")
    expected = arrays(prepared(cohort, "nifti"))
    path = cohort / "P001" / "scar.nii.gz"
    image = SimpleITK.ReadImage(str(path))
    path.unlink()
    SimpleITK.WriteImage(image, str(cohort / "P001" / "scar.mhd"))
    first, _ = run_again(cohort)
    assert first.inputs["scar.data"]
    np.testing.assert_array_equal(arrays(cohort.parent / "out" / "P001")["targets"], expected["targets"])
    volume = read_volume(cohort / "P001" / "scar.mhd")
    write_volume(path, dataclasses.replace(volume, values=volume.values / 2))
    SimpleITK.WriteImage(SimpleITK.ReadImage(str(path)), str(cohort / "P001" / "scar.mhd"))
    path.unlink()
    assert run_again(cohort)[1] is False


@pytest.mark.parametrize("form", ["one file", "list", "pattern"])
def test_a_change_of_voxels_in_other_files_is_noticed(form: str, make_cohort: MakeCohort) -> None:
    """Also where an `.mha` or an `.nrrd` names them, and where each slice has a file."""
    cohort = make_cohort("P001")
    folder = cohort / "P001"
    volume = read_volume(folder / "scar.nii.gz")
    (folder / "scar.nii.gz").unlink()
    stored = volume.values.astype("<f4")
    parts = [stored] if form == "one file" else np.split(stored, stored.shape[2], axis=2)
    for number, part in enumerate(parts):
        (folder / f"part{number:02d}.raw").write_bytes(part.tobytes(order="F"))
    names = {
        "one file": "part00.raw",
        "list": "\n".join(["LIST", *(f"part{n:02d}.raw" for n in range(len(parts)))]),
        "pattern": f"part%02d.raw 0 {len(parts) - 1} 1",
    }[form]
    steps = " ".join(repr(float(x)) for x in (volume.affine[:3, :3] / volume.spacing_mm).T.ravel())
    header = {
        "NDims": 3, "DimSize": " ".join(map(str, stored.shape)), "ElementType": "MET_FLOAT", "TransformMatrix": steps,
        "ElementSpacing": " ".join(map(repr, volume.spacing_mm.tolist())),
        "Offset": " ".join(map(repr, volume.affine[:3, 3].tolist())), "ElementDataFile": names,
    }  # fmt: skip
    (folder / "scar.mha").write_text("".join(f"{key} = {value}\n" for key, value in header.items()))
    first, reused = run_again(cohort)
    assert sum(name.startswith("scar.data") for name in first.inputs) == len(parts)
    assert (first.error, reused) == (None, False)
    assert run_again(cohort)[1] is True
    (folder / f"part{len(parts) // 2:02d}.raw").write_bytes(bytes(parts[len(parts) // 2].nbytes))
    row, reused = run_again(cohort)
    assert (row.error, reused) == (None, False)
    assert row.outputs != first.outputs


@pytest.mark.parametrize("where", ["cohort", "subject"])
@pytest.mark.parametrize("target", ["probability", "labels", "fwhm"])
def test_headers_that_contradict_themselves_are_refused_unless_one_statement_is_believed(
    where: str, target: str, make_cohort: MakeCohort
) -> None:
    """The same groups as from whole headers, whichever image the target reads."""
    cohort = make_cohort("P001")
    expected = arrays(prepared(cohort, "whole", target=target))
    for name in ("labels.nii.gz", "scar.nii.gz", "lge.nii.gz"):
        change.affine(name, change.without_sizes)(cohort / "P001")
    [row] = preprocess.run(cohort, ["P001"], cohort.parent / "refused", {"target": target})
    assert row.error is not None
    assert row.error.kind == "geometry"
    assert row.error.message.startswith(
        "labels.nii.gz: expected sform and pixdim that agree (header_trust: sform or pixdim says which one counts), "
        "found voxels of 1×1×1 mm against "
    )
    options = {"target": target}
    if where == "cohort":
        options["header_trust"] = "pixdim"
    else:
        with (cohort / "P001" / SETTINGS).open("a") as stream:
            stream.write("header_trust: pixdim\n")
    found = arrays(prepared(cohort, "trusted", **options))
    np.testing.assert_array_equal(found["group_index"], expected["group_index"])
    np.testing.assert_allclose(found["targets"], expected["targets"], atol=1e-6)


def test_a_subject_may_be_trusted_otherwise_than_its_cohort(make_cohort: MakeCohort) -> None:
    cohort = make_cohort("P001")
    change.affine("labels.nii.gz", change.without_sizes)(cohort / "P001")
    with (cohort / "P001" / SETTINGS).open("a") as stream:
        stream.write("header_trust: agree\n")
    [row] = preprocess.run(cohort, ["P001"], cohort.parent / "out", {"header_trust": "pixdim"})
    assert row.error is not None
    assert row.error.kind == "geometry"


# --- the septum, the heart, the signal


def lost_frame(folder: Path, *, origin_mm: float = 0.0) -> None:
    """Save the labels as tools do that lose the frame: spacing alone, from a corner."""
    path = folder / "labels.nii.gz"
    labels = read_labels(path)
    affine = np.diag([*labels.spacing_mm, 1.0])
    affine[:3, 3] = origin_mm
    write_volume(path, dataclasses.replace(labels, affine=affine))


def row_of(cohort: Path, **options: Any) -> tuple[Status, dict[str, Any]]:
    output = cohort.parent / "groups"
    [row] = preprocess.run(cohort, ["P001"], output, options)
    assert row.error is None
    return row, facts(output / "P001")


def test_a_septum_that_was_given_is_no_concern(make_cohort: MakeCohort) -> None:
    row, said = row_of(make_cohort("P001"))
    assert said["septum"] == {"source": "given", "scanner_frame": True}
    assert row.warnings == []


def test_a_septum_from_the_scanners_axes_is_a_guess(make_cohort: MakeCohort) -> None:
    row, said = row_of(make_cohort("P001", files=("labels.nii.gz",)), edge_mm=4.0)
    assert said["septum"] == {"source": "guessed", "scanner_frame": True}
    assert [text for text in row.warnings if "guess from the scanner's axes" in text]


@pytest.mark.parametrize("origin_mm", [0.0, 21.5])
def test_names_are_arbitrary_where_the_file_has_no_scanner_frame(make_cohort: MakeCohort, origin_mm: float) -> None:
    cohort = make_cohort("P001", files=("labels.nii.gz",))
    lost_frame(cohort / "P001", origin_mm=origin_mm)
    row, said = row_of(cohort, edge_mm=4.0)
    assert said["septum"] == {"source": "guessed", "scanner_frame": False}
    assert [text for text in row.warnings if "the names of AHA segments are arbitrary" in text]
    assert not [text for text in row.warnings if "guess" in text]


def test_a_septum_that_was_given_in_a_lost_frame_is_no_concern(make_cohort: MakeCohort) -> None:
    cohort = make_cohort("P001", files=("labels.nii.gz",))
    lost_frame(cohort / "P001")
    (cohort / "P001" / SETTINGS).write_text("septum_direction: [-1.0, 0.0, 0.0]\n")
    row, said = row_of(cohort, edge_mm=4.0)
    assert said["septum"] == {"source": "given", "scanner_frame": False}
    assert not [text for text in row.warnings if "AHA" in text]


@pytest.mark.parametrize(
    ("setting", "own", "expected"),
    [("adult", "", "adult"), ("other", "", "other"), ("adult", "other", "other"), ("other", "adult", "adult")],
)
def test_what_heart_it_is_comes_from_the_subject_or_the_cohort(
    make_cohort: MakeCohort, setting: str, own: str, expected: str
) -> None:
    cohort = make_cohort("P001")
    if own:
        with (cohort / "P001" / SETTINGS).open("a") as stream:
            stream.write(f"heart: {own}\n")
    assert row_of(cohort, heart=setting)[1]["heart"] == expected


def test_another_heart_than_those_known_is_refused(make_cohort: MakeCohort) -> None:
    cohort = make_cohort("P001")
    with (cohort / "P001" / SETTINGS).open("a") as stream:
        stream.write("heart: pig\n")
    [row] = preprocess.run(cohort, ["P001"], cohort.parent / "groups")
    assert row.error is not None
    assert row.error.kind == "config"
    assert "heart" in row.error.message


@pytest.mark.parametrize("target", ["auto", "labels", "fwhm", "nsd"])
def test_the_signal_of_an_image_is_told_whatever_the_target(make_cohort: MakeCohort, target: str) -> None:
    said = row_of(make_cohort("P001"), target=target)[1]["signal"]
    assert said["remote_mean"] > 0
    assert (said["scar_threshold"] is not None) == (target in ("fwhm", "nsd"))


def test_without_an_image_there_is_no_signal(make_cohort: MakeCohort) -> None:
    cohort = make_cohort("P001", files=("labels.nii.gz", "mesh.vtu", SETTINGS))
    assert row_of(cohort)[1]["signal"] is None
    assert "border_zone" not in read_mesh(cohort.parent / "groups" / "P001" / "mesh.vtu").grid.point_data


def test_slices_that_do_not_fit_the_mesh_are_warned_of_in_a_sentence(make_cohort: MakeCohort) -> None:
    cohort = make_cohort("P001", files=("labels.nii.gz", "mesh.vtu", SETTINGS))
    labels = read_labels(cohort / "P001" / "labels.nii.gz")
    write_volume(
        cohort / "P001" / "labels.nii.gz",
        dataclasses.replace(labels, values=np.ascontiguousarray(labels.values[:, :, ::-1])),
    )
    row, said = row_of(cohort)
    lost = [number for number, shift in said["slice_shifts_mm"].items() if shift["finding"] in ("no match", "too far")]
    assert lost
    named = " ".join(row.warnings)
    assert all(number in named for number in lost)
    assert len([text for text in row.warnings if "where" in text]) <= 2
