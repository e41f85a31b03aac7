"""What the pixels say about scar, for each kind of input."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.grid_layers import write_grid_layers
from cardioscar.imaging.labels import Label
from cardioscar.imaging.mesh_files import read_mesh
from cardioscar.imaging.volume import Volume
from cardioscar.imaging.volume_files import read_labels, read_volume
from cardioscar.stages.drawn_labels import check_wall, wall_mask
from cardioscar.stages.observed_scar import ScarSource, Target, find_scar


def source_of(files: Mapping[str, Path], target: Target = "auto", *, thickness_mm: float | None = 8.0) -> ScarSource:
    """`find_scar` on files, the mesh always that of the folder."""
    labels = read_labels(files["labels"]) if "labels" in files else None
    folder = next(iter(files.values())).parent
    mesh = read_mesh(folder / "mesh.vtu")
    return find_scar(
        files, labels, mesh, target=target, n_sd=5.0, thickness_mm=thickness_mm, mesh_frame="LPS"
    )  # fmt: skip


@pytest.fixture(scope="module")
def files(good_subject: Path) -> dict[str, Path]:
    return {role: good_subject / f"{role}.nii.gz" for role in ("labels", "scar", "lge")}


def images(stack_source: ScarSource, attribute: str) -> np.ndarray:
    """Values or observed pixels of all slices, shape (i, j, slice)."""
    return np.stack([getattr(s, attribute) for s in stack_source.stack], axis=-1)


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def test_the_best_source_is_taken_by_itself(files: dict[str, Path]) -> None:
    assert source_of(files).rule == "probability"
    assert source_of({"labels": files["labels"], "lge": files["lge"]}).rule == "labels"
    assert source_of({"lge": files["lge"]}).rule == "fwhm"


def test_probability_is_observed_inside_the_labelled_wall(files: dict[str, Path]) -> None:
    source = source_of(files)
    labels = read_labels(files["labels"])
    np.testing.assert_array_equal(images(source, "observed"), wall_mask(labels))
    np.testing.assert_array_equal(images(source, "values"), read_volume(files["scar"]).values)
    np.testing.assert_allclose([s.thickness_mm for s in source.stack], 8.0)
    assert source.lge is not None


def test_labels_say_scar_or_not(files: dict[str, Path]) -> None:
    source = source_of(files, "labels")
    labels = read_labels(files["labels"])
    np.testing.assert_array_equal(images(source, "values"), labels.values == Label.SCAR)
    np.testing.assert_array_equal(images(source, "observed"), wall_mask(labels))


@pytest.mark.parametrize("target", ["fwhm", "nsd"])
def test_thresholds_find_the_scar_in_the_image(target: Target, files: dict[str, Path]) -> None:
    source = source_of(files, target)
    truth = read_labels(files["labels"]).values == Label.SCAR
    found = images(source, "values") > 0.5
    assert not found[~images(source, "observed")].any()
    # pixels of 2 mm, a third of the wall's thickness: partial volume leaves no more than this
    assert dice(found, truth) > 0.75


def test_without_labels_the_wall_is_what_the_mesh_holds(files: dict[str, Path]) -> None:
    source = source_of({"lge": files["lge"]})
    wall = images(source, "observed")
    assert dice(wall, wall_mask(read_labels(files["labels"]))) > 0.85
    index = np.argwhere(wall)
    volume = read_volume(files["lge"])
    mesh = read_mesh(files["lge"].parent / "mesh.vtu")
    cells = mesh.grid.find_containing_cell(volume.index_to_mm(index))
    assert (np.asarray(cells) >= 0).all()


def test_layers_are_the_slices_that_they_were_written_from(
    files: dict[str, Path], good_subject: Path, tmp_path: Path
) -> None:
    expected = source_of(files)
    write_grid_layers(tmp_path / "scar", expected.stack)
    mesh = read_mesh(good_subject / "mesh.vtu")
    found = find_scar(
        {"scar": tmp_path / "scar"}, None, mesh, target="auto", n_sd=5.0, thickness_mm=8.0, mesh_frame="LPS"
    )
    assert found.rule == "layers"
    for before, after in zip(expected.stack, found.stack, strict=True):
        assert after.number == before.number
        assert after.observed.sum() == before.observed.sum()
        assert after.values[after.observed].sum() == pytest.approx(before.values[before.observed].sum(), rel=1e-5)
        centers = [np.sort(s.pixel_centers_mm() @ before.normal) for s in (before, after)]
        np.testing.assert_allclose(*centers, atol=1e-3)


@pytest.mark.parametrize("target", ["fwhm", "nsd"])
def test_thresholds_come_from_visible_slices_alone(target: Target, files: dict[str, Path], tmp_path: Path) -> None:
    source = source_of(files, target)
    assert source.lge is not None
    hidden = {1, 3, 5, 7}
    brighter = source.lge.values.astype(np.float32)
    brighter[:, :, sorted(hidden)] = 5 * brighter[:, :, sorted(hidden)] + 1000
    changed = dataclasses.replace(source, lge=dataclasses.replace(source.lge, values=brighter))
    before, after = source.visible(hidden, n_sd=5.0), changed.visible(hidden, n_sd=5.0)
    assert [s.number for s in before] == [0, 2, 4, 6, 8, 9]
    assert sum(s.values.sum() for s in before) > 20
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a.values, b.values)
        np.testing.assert_array_equal(a.observed, b.observed)


def test_visible_slices_of_other_sources_are_as_they_were(files: dict[str, Path]) -> None:
    source = source_of(files)
    visible = source.visible({0, 4}, n_sd=5.0)
    assert [s.number for s in visible] == [1, 2, 3, 5, 6, 7, 8, 9]
    assert visible.slices[0] is source.stack.slices[1]


def test_an_image_on_another_grid_is_left_out_where_it_only_illustrates(
    files: dict[str, Path], good_subject: Path
) -> None:
    labels, mesh = read_labels(files["labels"]), read_mesh(good_subject / "mesh.vtu")
    smaller = Volume(labels.values[1:], labels.affine, "labels.nii.gz")
    arguments = {"n_sd": 5.0, "thickness_mm": 8.0, "mesh_frame": "LPS"}
    two = {"labels": files["labels"], "lge": files["lge"]}
    assert find_scar(two, smaller, mesh, target="labels", **arguments).lge is None
    with pytest.raises(GeometryError, match=r"lge.nii.gz: expected the grid of labels.nii.gz, found shape .* against"):
        find_scar(two, smaller, mesh, target="fwhm", **arguments)


@pytest.mark.parametrize(
    ("target", "files_of", "message"),
    [
        ("probability", ("lge", "labels"), "scar: expected a file scar.* for target 'probability', found labels, lge"),
        ("labels", ("lge",), "labels: expected a file labels.* for target 'labels', found lge"),
        ("fwhm", ("labels",), "lge: expected a file lge.* for target 'fwhm', found labels"),
        ("layers", ("scar",), "scar: expected a folder scar/ of VTK grid layers for target 'layers', found scar"),
    ],
)
def test_a_target_needs_its_file(
    target: Target, files_of: tuple[str, ...], message: str, files: dict[str, Path]
) -> None:
    with pytest.raises(InputError) as caught:
        source_of({role: files[role] for role in files_of}, target)
    assert str(caught.value) == message


def test_labels_without_wall_are_refused_with_what_they_hold() -> None:
    labels = Volume(np.zeros((3, 3, 3), np.uint8), np.eye(4), "labels.nii.gz")
    with pytest.raises(InputError, match=r"pixels of the wall \(myocardium or scar\), found background only"):
        check_wall(labels)
    labels.values[1, 1, 1] = Label.SCAR
    check_wall(labels)
