"""What the pixels say about scar, for each kind of input."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.formats.grid_layers import write_grid_layers
from cardioscar.imaging.formats.mesh_files import read_mesh
from cardioscar.imaging.formats.volume_files import read_labels, read_volume, write_volume
from cardioscar.imaging.labels import Label
from cardioscar.imaging.orientation import canonical
from cardioscar.imaging.volume import Volume
from cardioscar.scar3d.observation.drawn_labels import wall_mask
from cardioscar.scar3d.observation.scar_source import ScarSource, Target, find_scar


def source_of(files: Mapping[str, Path], target: Target = "auto", *, thickness_mm: float | None = 8.0) -> ScarSource:
    """`find_scar` on files, the mesh always that of the folder."""
    labels = canonical(read_labels(files["labels"])) if "labels" in files else None
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
        # frames are kept to a thousandth of a voxel, here of 9 mm
        np.testing.assert_allclose(*centers, atol=9e-3)


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


ARGUMENTS = {"n_sd": 5.0, "thickness_mm": 8.0, "mesh_frame": "LPS"}


def cropped(volume: Volume, rows: int, slices: int = 0) -> Volume:
    """The volume without its first rows and last slices."""
    affine = volume.affine.copy()
    affine[:3, 3] += rows * affine[:3, 0]
    return dataclasses.replace(
        volume, values=volume.values[rows:, :, : volume.values.shape[2] - slices], affine=affine, slice_numbers=None
    )


def finer(volume: Volume) -> Volume:
    """Each pixel divided into four."""
    affine = volume.affine.copy()
    affine[:3, :2] /= 2
    affine[:3, 3] -= (affine[:3, 0] + affine[:3, 1]) / 2
    return dataclasses.replace(volume, values=volume.values.repeat(2, axis=0).repeat(2, axis=1), affine=affine)


@pytest.mark.parametrize("target", ["fwhm", "probability"])
@pytest.mark.parametrize("change", [finer, lambda v: cropped(v, 9)], ids=["finer", "cropped"])
def test_labels_on_another_grid_are_brought_onto_the_image(
    change: Callable[[Volume], Volume], target: Target, files: dict[str, Path], good_subject: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    labels, mesh = canonical(read_labels(files["labels"])), read_mesh(good_subject / "mesh.vtu")
    expected = find_scar(files, labels, mesh, target=target, **ARGUMENTS)
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]
    found = find_scar(files, change(labels), mesh, target=target, **ARGUMENTS)
    np.testing.assert_array_equal(images(found, "observed"), images(expected, "observed"))
    np.testing.assert_array_equal(images(found, "values"), images(expected, "values"))
    wall_ml = wall_mask(labels).sum() * labels.voxel_ml
    name = {"fwhm": "lge", "probability": "scar"}[target]
    [said] = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert said.startswith(
        f"labels.nii.gz: on another grid than {name}.nii.gz, resampled onto it (nearest neighbour): "
    )
    assert said.endswith(
        f"100.0% of the wall's voxels are kept, the wall is {wall_ml:.1f} ml, as drawn {wall_ml:.1f} ml"
    )


def test_labels_of_other_slices_are_refused(files: dict[str, Path], good_subject: Path, tmp_path: Path) -> None:
    labels, mesh = canonical(read_labels(files["labels"])), read_mesh(good_subject / "mesh.vtu")
    between = labels.affine.copy()
    between[:3, 3] += labels.affine[:3, 2] / 2
    for other, rule in (
        (dataclasses.replace(labels, affine=between), r"with slices in its planes \(within 1.0 mm\), found 4.5 mm off"),
        (
            dataclasses.replace(labels, affine=labels.affine + np.eye(4, k=3) * 900),
            "that holds the wall",
        ),
    ):
        with pytest.raises(GeometryError, match=rf"lge.nii.gz: expected the grid of labels.nii.gz, or one {rule}"):
            find_scar(files, other, mesh, target="fwhm", **ARGUMENTS)
    write_volume(tmp_path / "scar.nii.gz", cropped(canonical(read_volume(files["scar"])), 0, 4))
    short = files | {"scar": tmp_path / "scar.nii.gz"}
    with pytest.raises(GeometryError, match=r"scar.nii.gz: expected .* that keeps the volume of the wall"):
        find_scar(short, labels, mesh, target="probability", **ARGUMENTS)


def test_an_image_on_another_grid_still_illustrates(files: dict[str, Path], good_subject: Path) -> None:
    labels, mesh = canonical(read_labels(files["labels"])), read_mesh(good_subject / "mesh.vtu")
    two = {"labels": files["labels"], "lge": files["lge"]}
    image = canonical(read_volume(files["lge"]))
    shown = find_scar(two, cropped(labels, 9), mesh, target="labels", **ARGUMENTS).lge
    assert shown is not None
    np.testing.assert_allclose(shown.values, image.values[9:], atol=1e-3)


def test_an_image_elsewhere_is_not_shown(
    files: dict[str, Path], good_subject: Path, caplog: pytest.LogCaptureFixture
) -> None:
    labels, mesh = canonical(read_labels(files["labels"])), read_mesh(good_subject / "mesh.vtu")
    away = labels.affine.copy()
    away[:3, 3] += 900
    two = {"labels": files["labels"], "lge": files["lge"]}
    source = find_scar(two, dataclasses.replace(labels, affine=away), mesh, target="labels", **ARGUMENTS)
    assert source.lge is None
    assert "lge.nii.gz: does not overlap labels.nii.gz" in caplog.text


def warned(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]


def without_scar(files: dict[str, Path]) -> Volume:
    labels = canonical(read_labels(files["labels"]))
    return dataclasses.replace(labels, values=np.where(labels.values == Label.SCAR, Label.MYOCARDIUM, labels.values))


def test_an_answer_of_nothing_that_nobody_gave_is_said(
    files: dict[str, Path], good_subject: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mesh, labels = read_mesh(good_subject / "mesh.vtu"), without_scar(files)
    two = {"labels": files["labels"], "lge": files["lge"]}
    assert not find_scar(two, labels, mesh, target="auto", **ARGUMENTS).shows_scar
    [said] = warned(caplog)
    assert said == (
        "the labels hold no scar, and the image beside them was not asked: --target fwhm or --target nsd would look for"
        " scar in it"
    )
    caplog.clear()
    # asked, the image answers
    assert find_scar(two, labels, mesh, target="fwhm", **ARGUMENTS).shows_scar
    assert warned(caplog) == []
    for one in ({"labels": files["labels"]}, two):
        caplog.clear()
        find_scar(one, labels, mesh, target="labels", **ARGUMENTS)
        assert warned(caplog) == ["the labels hold no scar: 0 ml is right if someone looked for scar and found none"]


def test_other_sources_that_show_nothing(
    files: dict[str, Path], good_subject: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mesh, labels = read_mesh(good_subject / "mesh.vtu"), canonical(read_labels(files["labels"]))
    scar = read_volume(files["scar"])
    write_volume(tmp_path / "scar.nii.gz", dataclasses.replace(scar, values=np.zeros_like(scar.values)))
    zero = find_scar(files | {"scar": tmp_path / "scar.nii.gz"}, labels, mesh, target="auto", **ARGUMENTS)
    assert warned(caplog) == [
        "the scar volume is 0 in all of the wall, though the labels hold scar: --target labels takes theirs"
    ]
    caplog.clear()
    write_grid_layers(tmp_path / "scar", zero.stack)
    find_scar({"scar": tmp_path / "scar"}, None, mesh, target="auto", **ARGUMENTS)
    assert warned(caplog) == ["no layer shows scar"]
    caplog.clear()
    lge = read_volume(files["lge"])
    noise = np.random.default_rng(0).normal(100, 10, lge.values.shape)
    write_volume(tmp_path / "lge.nii.gz", dataclasses.replace(lge, values=noise.astype(np.float32)))
    find_scar(files | {"lge": tmp_path / "lge.nii.gz"}, labels, mesh, target="fwhm", **ARGUMENTS)
    assert warned(caplog) == [
        "target 'fwhm' finds no scar: no region of the wall is brighter than remote myocardium by 5 SD or more"
    ]


@pytest.mark.parametrize(("target", "rule"), [("fwhm", "fwhm"), ("auto", "probability")])
def test_drawn_scar_that_is_not_used_is_noted(
    target: Target, rule: str, files: dict[str, Path], good_subject: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    source_of(files, target)
    [said] = [r for r in caplog.records if "drawn and not used" in r.getMessage()]
    assert said.levelno == logging.INFO
    assert said.getMessage().endswith(f"ml of scar are drawn and not used: target is '{rule}'")


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
