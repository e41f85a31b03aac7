"""The map is that of the heart, not of the order in which files store it."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from cardioscar.imaging.formats.grid_layers import write_grid_layers
from cardioscar.imaging.formats.mesh_files import read_mesh, write_mesh
from cardioscar.imaging.formats.volume_files import read_labels, read_volume, write_volume
from cardioscar.imaging.slices import stack_from_volume
from cardioscar.imaging.volume import Volume
from cardioscar.phantom.cohort import write_cohort
from cardioscar.phantom.config import PhantomConfig
from cardioscar.scar3d.observation.drawn_labels import wall_mask
from cardioscar.stages.scar3d import evaluate, group_sort, infer, preprocess, train
from tests.imaging.formats.image_bytes import dicom
from tests.imaging.stored_orders import ORDERS, Order, stored

Change = Callable[[Path], None]
IMAGES = ("labels.nii.gz", "scar.nii.gz", "lge.nii.gz")
SOME = [ORDERS[n] for n in (1, 4, 7, 19, 38)]


@pytest.fixture(scope="module")
def heart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A phantom whose mesh is coarser than the pixels, so that these are merged in blocks."""
    cohort = tmp_path_factory.mktemp("heart")
    [subject] = write_cohort(cohort, PhantomConfig(subjects=1, nodes=4_000, seed=7))
    return cohort / subject


def in_order(order: Order) -> Change:
    """Store the images in another order."""

    def change(folder: Path) -> None:
        for name in IMAGES:
            if (folder / name).is_file():
                write_volume(folder / name, stored(read_volume(folder / name), order))

    return change


def cropped(low: Sequence[int], high: Sequence[int], names: Sequence[str] = IMAGES) -> Change:
    """Cut away so many voxels at either end of each axis; negative ones are added as zeros."""

    def change(folder: Path) -> None:
        for name in names:
            volume = read_volume(folder / name)
            values = np.pad(volume.values, [(max(-a, 0), max(-b, 0)) for a, b in zip(low, high, strict=True)])
            window = tuple(slice(max(a, 0), n - max(b, 0)) for a, b, n in zip(low, high, values.shape, strict=True))
            affine = volume.affine.copy()
            affine[:3, 3] = volume.index_to_mm(np.array([low], dtype=float))[0]
            write_volume(folder / name, Volume(values[window], affine, name))

    return change


def turned(degrees: Sequence[float]) -> Change:
    """Turn the whole subject, mesh and images, about the isocentre."""
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()

    def change(folder: Path) -> None:
        for name in IMAGES:
            volume = read_volume(folder / name)
            write_volume(folder / name, replace(volume, affine=turn @ volume.affine))
        mesh = read_mesh(folder / "mesh.vtu")
        mesh.grid.points = mesh.nodes_mm @ turn[:3, :3].T
        write_mesh(folder / "mesh.vtu", mesh)

    return change


def as_dicom(order: Sequence[int]) -> Change:
    """Store the image as DICOM, its files named in this order of the slices."""

    def change(folder: Path) -> None:
        volume = read_volume(folder / "lge.nii.gz")
        (folder / "lge.nii.gz").unlink()
        (folder / "lge").mkdir()
        axes = (volume.affine[:3, :2] / volume.spacing_mm[:2]).T.ravel()
        thickness_mm = 8.0  # subject.yaml has the last word
        for place, k in enumerate(order):
            data = dicom(
                volume.values[:, :, k],
                position=tuple(volume.index_to_mm(np.array([[0, 0, k]]))[0]),
                orientation=tuple(axes),
                pixel_mm=(volume.spacing_mm[1], volume.spacing_mm[0]),
                thickness_mm=thickness_mm,
            )
            (folder / "lge" / f"{place:03d}.dcm").write_bytes(data)

    return change


def keeping(*names: str) -> Change:
    def change(folder: Path) -> None:
        for path in folder.iterdir():
            if path.name not in (*names, "subject.yaml"):
                path.unlink()

    return change


def cohort_of(heart: Path, root: Path, changes: Sequence[Sequence[Change]]) -> tuple[Path, list[str]]:
    """One subject for each list of changes to the heart's files."""
    names = [f"S{number:03d}" for number in range(len(changes))]
    for name, steps in zip(names, changes, strict=True):
        shutil.copytree(heart, root / "cohort" / name)
        for step in steps:
            step(root / "cohort" / name)
    return root / "cohort", names


def prepared(heart: Path, root: Path, changes: Sequence[Sequence[Change]], **options: Any) -> list[Path]:
    cohort, names = cohort_of(heart, root, changes)
    rows = preprocess.run(cohort, names, root / "groups", options)
    assert [row.error for row in rows] == [None] * len(rows)
    return [root / "groups" / name for name in names]


def mapped(heart: Path, root: Path, changes: Sequence[Sequence[Change]], **options: Any) -> list[dict[str, np.ndarray]]:
    """Point data of each subject's map."""
    prepared(heart, root, changes, **options)
    names = [f"S{number:03d}" for number in range(len(changes))]
    group_sort.run(root / "groups", names, root / "sorted")
    train.run(root / "sorted", names, root / "fields", {"steps": 30, "device": "cpu"})
    infer.run(
        root / "groups", root / "sorted", root / "fields", names, root / "maps",
        {"samples": 2, "draws": 4, "device": "cpu"},
    )  # fmt: skip
    grids = [read_mesh(root / "maps" / name / "scar.vtu").grid for name in names]
    return [{key: np.asarray(grid.point_data[key]) for key in grid.point_data} for grid in grids]


def arrays(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "groups.npz", allow_pickle=False) as read:
        return dict(read)


def assert_same_groups(folders: Sequence[Path], *, numbers: bool = False) -> None:
    expected = arrays(folders[0])
    assert expected["pixels"].max() > 1  # pixels are merged
    for folder in folders[1:]:
        found = arrays(folder)
        for key in expected:
            if key != "slice_number" or numbers:
                np.testing.assert_array_equal(found[key], expected[key], err_msg=f"{folder.name} {key}")


def assert_same_maps(maps: Sequence[dict[str, np.ndarray]], tolerance: float = 1e-6) -> None:
    assert maps[0]["scar_probability"].max() > 0.8
    for found in maps[1:]:
        for key in ("scar_probability", "scar_uncertainty", "channel_open_probability"):
            np.testing.assert_allclose(found[key], maps[0][key], atol=tolerance)


@pytest.mark.parametrize(
    ("files", "options", "orders"),
    [
        pytest.param(("mesh.vtu", "labels.nii.gz", "scar.nii.gz"), {}, ORDERS, marks=pytest.mark.slow),
        (("mesh.vtu", "labels.nii.gz", "scar.nii.gz"), {"holdout": "odd"}, SOME),
        (("mesh.vtu", "labels.nii.gz", "lge.nii.gz"), {"target": "fwhm", "holdout": "even"}, SOME),
        (("mesh.vtu", "lge.nii.gz"), {}, SOME),
        (("labels.nii.gz",), {"edge_mm": 4.0, "align_slices": "axis"}, SOME),
    ],
    ids=["all orders", "hidden slices", "threshold", "image alone", "labels alone"],
)
def test_groups_do_not_follow_the_order_of_storage(
    files: tuple[str, ...], options: dict[str, Any], orders: list[Order], heart: Path, tmp_path: Path
) -> None:
    changes = [[keeping(*files)], *([keeping(*files), in_order(order)] for order in orders)]
    assert_same_groups(prepared(heart, tmp_path, changes, **options))


@pytest.mark.slow
def test_the_map_does_not_follow_the_order_of_storage(heart: Path, tmp_path: Path) -> None:
    changes: list[list[Change]] = [[], *([in_order(order)] for order in SOME)]
    assert_same_maps(mapped(heart, tmp_path, changes))


@pytest.mark.slow
def test_neither_do_maps_of_labels_alone(heart: Path, tmp_path: Path) -> None:
    only = keeping("labels.nii.gz")
    assert_same_maps(mapped(heart, tmp_path, [[only], *([only, in_order(o)] for o in SOME)], edge_mm=4.0))


@pytest.mark.parametrize("degrees", [(0, 0, 45), (45, 0, 0), (30, 60, 45), (0, 90, 0), (17, -63, 128)])
def test_oblique_frames_are_as_independent(degrees: tuple[float, ...], heart: Path, tmp_path: Path) -> None:
    changes = [[turned(degrees), in_order(order)] for order in (ORDERS[0], *SOME)]
    assert_same_groups(prepared(heart, tmp_path, changes))


def test_what_surrounds_the_heart_plays_no_part(heart: Path, tmp_path: Path) -> None:
    crops = [([3, 5, 0], [4, 1, 0]), ([1, 0, 0], [0, 0, 0]), ([0, 1, -2], [-3, -6, -1]), ([-1, -1, -1], [0, 0, 0])]
    changes: list[list[Change]] = [[keeping("mesh.vtu", "labels.nii.gz", "scar.nii.gz")]]
    names = ("labels.nii.gz", "scar.nii.gz")
    changes += [[*changes[0], cropped(low, high, names)] for low, high in crops]
    folders = prepared(heart, tmp_path, changes, holdout="odd")
    assert_same_groups(folders)


def test_dicom_files_in_any_order_are_the_same_image(heart: Path, tmp_path: Path) -> None:
    count = read_volume(heart / "lge.nii.gz").values.shape[2]
    rng = np.random.default_rng(0)
    only = keeping("mesh.vtu", "labels.nii.gz", "lge.nii.gz")
    orders = [np.arange(count), np.arange(count)[::-1], rng.permutation(count)]
    flips = [(0, 1, 2), (1, 0, 2)]
    changes: list[list[Change]] = [[only]]
    changes += [[only, as_dicom(order)] for order in orders]
    changes += [
        [only, in_order((axes, signs)), as_dicom(orders[0])]
        for axes, signs in itertools.product(flips, [(1, -1, 1), (-1, 1, -1)])
    ]
    folders = prepared(heart, tmp_path, changes, target="fwhm")
    expected = arrays(folders[0])
    for folder in folders[1:]:
        found = arrays(folder)
        np.testing.assert_array_equal(found["group_index"], expected["group_index"])
        np.testing.assert_array_equal(found["targets"], expected["targets"])


def test_labels_in_another_order_than_the_image(heart: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    count = read_volume(heart / "lge.nii.gz").values.shape[2]
    only = keeping("mesh.vtu", "labels.nii.gz", "lge.nii.gz")

    def labels_in(order: Order) -> Change:
        return lambda folder: write_volume(
            folder / "labels.nii.gz", stored(read_volume(folder / "labels.nii.gz"), order)
        )

    changes = [[only], *([only, labels_in(order)] for order in SOME)]
    changes += [[only, as_dicom(range(count)), labels_in(((0, 1, 2), (1, -1, 1)))]]
    folders = prepared(heart, tmp_path, changes, target="fwhm")
    assert_same_groups(folders[:-1], numbers=True)
    np.testing.assert_array_equal(arrays(folders[-1])["targets"], arrays(folders[0])["targets"])
    assert not [r for r in caplog.records if r.levelname == "WARNING" and "grid" in r.getMessage()]


def test_layers_stored_the_other_way_round(heart: Path, tmp_path: Path) -> None:
    labels, scar = read_labels(heart / "labels.nii.gz"), read_volume(heart / "scar.nii.gz")

    def layers(order: Order) -> Change:
        def change(folder: Path) -> None:
            keeping("mesh.vtu")(folder)
            turned_labels, turned_scar = stored(labels, order), stored(scar, order)
            stack = stack_from_volume(turned_scar, observed=wall_mask(turned_labels), thickness_mm=8.0)
            pieces = tuple(replace(piece, number=place) for place, piece in enumerate(stack))
            write_grid_layers(folder / "scar", replace(stack, slices=pieces))

        return change

    in_plane = [order for order in ORDERS if order[0][2] == 2]
    folders = prepared(heart, tmp_path, [[layers(order)] for order in in_plane])
    expected = arrays(folders[0])
    for folder in folders[1:]:
        found = arrays(folder)
        np.testing.assert_array_equal(found["group_index"], expected["group_index"])
        np.testing.assert_allclose(found["targets"], expected["targets"], atol=1e-6)


def test_truth_is_read_in_any_order_and_on_any_grid(
    heart: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mesh, labels = read_mesh(heart / "mesh.vtu"), read_volume(heart / "labels.nii.gz")

    def truth(volume: Volume) -> np.ndarray:
        write_volume(tmp_path / "truth.nii.gz", volume)
        return evaluate._read_truth(tmp_path / "truth.nii.gz", mesh, tmp_path, "LPS", "cardioscar", "agree")

    expected = truth(labels)
    assert expected.sum() > 50
    for order in SOME:
        np.testing.assert_array_equal(truth(stored(labels, order)), expected)
    assert not caplog.records
    first = 2 * labels.values.shape[2] // 3
    affine = labels.affine.copy()
    affine[:3, 3] += first * affine[:3, 2]
    part = truth(Volume(labels.values[:, :, first:], affine, "truth.nii.gz"))
    seen = labels.mm_to_index(mesh.nodes_mm)[:, 2] >= first - 0.5
    np.testing.assert_array_equal(part, np.where(seen, expected, 0))
    [said] = [record.getMessage() for record in caplog.records]
    assert said.startswith("the truth covers ")
    assert said.endswith("% of the mesh, the rest counts as free of scar")
