from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv
import scipy.io

from cardioscar.activation.formats.displacement_files import read_displacement, write_displacement
from cardioscar.activation.formats.given import Given
from cardioscar.activation.formats.matrix_files import write_matrix
from cardioscar.activation.formats.strain_files import read_strain
from cardioscar.errors import InputError
from tests.activation.drawn_strain import beat, half_ellipsoid, moved_annulus

GOOD = beat()
STRAIN, TIMES = GOOD.circumferential, GOOD.frame_ms


def read(path: Path, given: Given = Given()):
    [one] = read_strain(path, given, sectors=18)
    return one


def test_an_archive_comes_back_as_it_was_written(tmp_path):
    one = beat(
        location_mm=12.5, tos_ms=np.arange(18.0), scarred=np.arange(18) < 3, radial=-STRAIN, longitudinal=STRAIN / 2
    )
    write_matrix(tmp_path / "strain.npz", one)
    found = read(tmp_path / "strain.npz")
    for name in ("circumferential", "radial", "longitudinal", "frame_ms", "tos_ms", "scarred"):
        np.testing.assert_array_equal(getattr(found, name), getattr(one, name))
    assert (found.location_mm, found.source) == (12.5, "strain.npz")
    first = (tmp_path / "strain.npz").read_bytes()
    write_matrix(tmp_path / "strain.npz", one)
    assert (tmp_path / "strain.npz").read_bytes() == first
    [wide] = read_strain(tmp_path / "strain.npz")
    assert wide.circumferential.shape == (126, 20)


def test_a_bare_matrix_takes_its_times_from_beside_or_from_the_user(tmp_path):
    np.save(tmp_path / "strain.npy", STRAIN)
    with pytest.raises(InputError, match=r"strain.npy: expected frame times in ms \(frame_ms\), found none"):
        read(tmp_path / "strain.npy")
    np.testing.assert_array_equal(read(tmp_path / "strain.npy", Given(interval_ms=30)).frame_ms, TIMES)
    np.testing.assert_array_equal(read(tmp_path / "strain.npy", Given(first_ms=0, interval_ms=30)).frame_ms, TIMES - 30)
    np.save(tmp_path / "frame_ms.npy", TIMES)
    np.testing.assert_array_equal(read(tmp_path / "strain.npy").frame_ms, TIMES)
    with pytest.raises(InputError, match="the frame times that the file itself states, found others given beside it"):
        read(tmp_path / "strain.npy", Given(interval_ms=35))
    assert len(read_strain(tmp_path)) == 1  # a folder of one slice


@pytest.mark.parametrize(("mark", "first"), [(",", 0), (";", 1), ("\t", 0)])
def test_tables(mark, first, tmp_path):
    rows = [["sector", *map(str, TIMES)], *([str(first + n), *map(repr, row.tolist())] for n, row in enumerate(STRAIN))]
    path = tmp_path / "strain.csv"
    path.write_text("\n".join(mark.join(row) for row in rows) + "\n")
    found = read(path)
    np.testing.assert_array_equal(found.circumferential, STRAIN)
    np.testing.assert_array_equal(found.frame_ms, TIMES)
    path.write_text("\n".join(mark.join(row[1:]) for row in rows[1:]))
    np.testing.assert_array_equal(read(path, Given(interval_ms=30)).circumferential, STRAIN)
    with pytest.raises(InputError, match="expected frame times in ms"):
        read(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a file or folder of strain, found an empty file"),
        ("sector,1,2\n", "a row for each sector, found none"),
        ("sector,1,2\n0,0.1\n", "3 cells in each row, found 2 in row 2"),
        ("sector,1,2\n0,0.1,Doe\n", "numbers in all cells, found 1 of other kinds in row 2"),
        ("sector,1,Doe\n0,0.1,0\n", "numbers in all cells, found 1 of other kinds in row 1"),
        ("sector,1,2\n5,0.1,0\n", "sectors numbered in order in the first column"),
        ('"a', "a row for each sector"),
    ],
)
def test_tables_that_are_none(text, message, tmp_path):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path / "a.csv")
    assert "Doe" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strain": STRAIN.T}, r"sectors × frames, found 20 × 18: frames × sectors \(transposed\)"),
        ({"strain": 100 * STRAIN}, r"in fractions .* \(percent\?\)"),
        ({"strain": -STRAIN}, r"\(the other sign\?\)"),
        ({"strain": np.where(STRAIN < -0.19, np.nan, STRAIN)}, "finite circumferential strain"),
        ({"strain": STRAIN[:, :5], "frame_ms": TIMES[:5]}, "8 frames and more, found 5"),
        ({"strain": STRAIN[:, :1], "frame_ms": TIMES[:1]}, "2 frames and more, found 1"),
        ({"frame_ms": None}, r"frame times in ms \(frame_ms\), found none"),
        ({"frame_ms": TIMES[::-1]}, "finite frame times that grow"),
        ({"strain": None}, "strain of sectors × frames under the name 'strain', found 0 arrays"),
        ({"tos_ms": np.zeros(17)}, "strain of 17 sectors, found 18"),
        ({"tos_ms": np.full(18, np.nan)}, "times of onset in ms, 0 and more, found others"),
        ({"scarred": np.zeros(5)}, "scar as 0 or 1 for each of 18 sectors, found 5"),
        ({"location_mm": np.zeros(3)}, "one location of the slice in mm"),
    ],
)
def test_archives_that_break_a_rule(changes, message, tmp_path):
    content = {"strain": STRAIN, "frame_ms": TIMES} | changes
    np.savez(tmp_path / "a.npz", **{name: value for name, value in content.items() if value is not None})
    with pytest.raises(InputError, match=f"a.npz: expected .*{message}"):
        read(tmp_path / "a.npz")


def test_sectors_counted_from_elsewhere_are_brought_home(tmp_path):
    for reverse in (False, True):
        order = (5 + (-1 if reverse else 1) * np.arange(18)) % 18
        foreign = np.empty_like(STRAIN)
        foreign[order] = STRAIN
        np.savez(tmp_path / "a.npz", strain=foreign, frame_ms=TIMES)
        found = read(tmp_path / "a.npz", Given(first_sector=5, towards_anterior=reverse))
        np.testing.assert_array_equal(found.circumferential, STRAIN)


def test_displacement_in_a_folder(tmp_path):
    curve = 0.12 * np.sin(np.pi * np.arange(12) / 12) ** 2
    still = moved_annulus(lambda x: 2 * x, frames=12)
    field = replace(still, displacement=-curve * still.displacement, frame_ms=40.0 * np.arange(1, 13), location_mm=7.0)
    write_displacement(tmp_path / "displacement.npz", field)
    [one] = read_strain(tmp_path)
    np.testing.assert_allclose(one.circumferential, np.tile(((1 - curve) ** 2 - 1) / 2, (126, 1)), atol=1e-6)
    np.testing.assert_array_equal(one.frame_ms, field.frame_ms)
    assert one.location_mm == 7
    [turned] = read_strain(tmp_path, Given(septum=(0.0, 1.0)))
    assert turned.sectors == 126
    with pytest.raises(InputError, match="septum: expected a direction of 2 numbers for this strain, found 3"):
        read_strain(tmp_path, Given(septum=(0.0, 1.0, 0.0)))


def test_one_frame_time_is_the_time_between_frames(tmp_path):
    field = moved_annulus(lambda x: 0.9 * x, frames=12)
    mask = 255 * field.known[None].astype(np.uint8)
    np.savez(tmp_path / "a.npz", mask=mask, displacement=field.displacement, pixel_mm=2.0, frame_ms=17.0)
    np.testing.assert_array_equal(read_displacement(tmp_path / "a.npz").frame_ms, 17.0 * np.arange(1, 13))
    np.savez(tmp_path / "a.npz", strain=STRAIN, frame_ms=np.array([30]))
    np.testing.assert_array_equal(read(tmp_path / "a.npz").frame_ms, TIMES)
    np.savez(tmp_path / "a.npz", strain=STRAIN, frame_ms=0.03)
    with pytest.raises(InputError, match="a.npz: expected 1 to 500 ms between frames, found 0.03"):
        read(tmp_path / "a.npz")
    with pytest.raises(InputError, match="interval_ms: expected 1 to 500 ms between frames, found 900"):
        Given(interval_ms=900).times(None, 20, where="a.npz")


def test_displacement_that_is_known_on_a_moving_mask(tmp_path):
    field = moved_annulus(lambda x: 0.9 * x, frames=3)
    masks = field.known.copy()
    masks[:, :25, 2] = False
    for gap in (0.0, np.nan):
        displacement = np.where(masks, field.displacement, gap)
        np.savez(tmp_path / "a.npz", mask=masks[None], displacement=displacement, pixel_mm=2.0, frame_ms=field.frame_ms)
        np.testing.assert_array_equal(read_displacement(tmp_path / "a.npz").known, masks)
    # where the mask moves and the field does not, all of the reference counts
    np.savez(
        tmp_path / "a.npz", mask=masks[None], displacement=field.displacement, pixel_mm=2.0, frame_ms=field.frame_ms
    )
    np.testing.assert_array_equal(read_displacement(tmp_path / "a.npz").known, field.known)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"mask": np.ones((1, 64, 60, 12))},
            r"a mask that fits the displacement, \(1, 64, 64, 12\), found \(64, 60, 12\)",
        ),
        (
            {"mask": np.ones((1, 64, 64, 5))},
            r"a mask that fits the displacement, \(1, 64, 64, 12\), found \(64, 64, 5\)",
        ),
        ({"mask": np.full((1, 64, 64, 12), 3)}, "a mask of 0 and 1, found other values"),
        ({"mask": np.zeros((1, 64, 64, 12))}, "a mask of the wall, found an empty one"),
        ({"mask": None}, "'mask' beside 'displacement', found none"),
        ({"displacement": None}, "'displacement' beside 'mask', found none"),
        ({"displacement": np.zeros((3, 64, 64, 12))}, r"shape \(2, rows, columns, frames\) in pixels"),
        ({"displacement": np.full((2, 64, 64, 12), np.nan)}, "finite displacement in the wall"),
        (
            {"displacement": np.full((2, 64, 64, 12), 40.0)},
            "displacement in pixels, within the picture, found one of 40",
        ),
        ({"pixel_mm": None}, "the size of a pixel in mm"),
        ({"pixel_mm": np.array(0.002)}, "pixels of 0.1 to 10 mm, found 0.002 × 0.002"),
        ({"frame_ms": None}, r"frame times in ms \(frame_ms\), found none"),
        ({"frame_ms": np.arange(5.0)}, "a frame time for each of 12 frames, found 5"),
    ],
)
def test_displacement_that_breaks_a_rule(changes, message, tmp_path):
    field = moved_annulus(lambda x: 0.9 * x, frames=12)
    content = {
        "mask": field.known[None].astype(np.uint8),
        "displacement": field.displacement,
        "pixel_mm": np.array([2.0, 2.0]),
        "frame_ms": field.frame_ms,
    } | changes
    np.savez(tmp_path / "displacement.npz", **{name: one for name, one in content.items() if one is not None})
    with pytest.raises(InputError, match=f"displacement.npz: expected .*{message}"):
        read_strain(tmp_path)


def test_displacement_of_the_other_sign_is_told_by_its_strain(tmp_path):
    field = moved_annulus(lambda x: 0.9 * x, frames=12)
    write_displacement(tmp_path / "displacement.npz", replace(field, displacement=-field.displacement))
    with pytest.raises(InputError, match=r"shortening as negative strain, found .* \(the other sign\?\)"):
        read_strain(tmp_path)


def test_records(tmp_path):
    records = [
        {"StrainMatrix": STRAIN[None, None], "TOS": np.full((1, 18), 34.0), "SliceLocation": 10.0 * n, "patient": "Doe"}
        for n in range(3)
    ]
    np.save(tmp_path / "a.npy", records, allow_pickle=True)
    slices = read_strain(tmp_path / "a.npy", Given(interval_ms=30), sectors=18)
    assert [one.location_mm for one in slices] == [0, 10, 20]
    assert slices[2].source == "a.npy: record 3"
    np.testing.assert_array_equal(slices[0].circumferential, STRAIN)
    np.testing.assert_array_equal(slices[0].tos_ms, 34)
    with pytest.raises(InputError, match="a.npy: record 1: expected frame times in ms"):
        read_strain(tmp_path / "a.npy")
    for broken, message in (
        ([{"a": 1}], r"record 1: expected one strain matrix of shape \(1, 1, sectors, frames\), found 0"),
        ([1, 2], "1 to 10,000 records, found something else"),
        ([records[0] | {"TOS": np.full((1, 18), np.nan)}], "times of onset in ms, 0 and more"),
        ([records[0] | {"StrainMatrix": STRAIN.T[None, None]}], "transposed"),
    ):
        np.save(tmp_path / "a.npy", np.array(broken, dtype=object), allow_pickle=True)
        with pytest.raises(InputError, match=message):
            read_strain(tmp_path / "a.npy", Given(interval_ms=30))


def sequence(**fields: list[float]) -> np.ndarray:
    rows = list(zip(*fields.values(), strict=True))
    return np.array(rows, dtype=[(name, object) for name in fields])


@pytest.mark.parametrize(
    "strain",
    [
        {"TransmuralStrainInfo": {"Ecc": {"mid": STRAIN}}},
        {"TransmuralStrainInfo": {"Ecc": {"mid": 2 * STRAIN, "midSVD": STRAIN}}},
        {"StrainInfo": {"CCmid": STRAIN}, "TransmuralStrainInfo": {"Ecc": {"mid": 2 * STRAIN}}},
        {"StrainInfo": {"CCmid": 2 * STRAIN, "CCmidSVD": STRAIN}},
    ],
)
def test_workspaces_in_each_layout(strain, tmp_path):
    path = tmp_path / "slice.mat"
    information = sequence(SliceLocation=[12.5] * 40, TriggerTime=[*TIMES, *TIMES], PatientName=["Doe"] * 40)
    scipy.io.savemat(path, strain | {"SequenceInfo": information, "TOSAnalysis": {"TOS18": np.full((1, 18), 51.0)}})
    found = read(path)
    np.testing.assert_array_equal(found.circumferential, STRAIN)
    np.testing.assert_array_equal(found.frame_ms, TIMES)
    np.testing.assert_array_equal(found.tos_ms, 51)
    assert found.location_mm == 12.5


def test_workspaces_without_times(tmp_path):
    path = tmp_path / "slice.mat"
    scipy.io.savemat(path, {"StrainInfo": {"CCmid": STRAIN}, "TOSAnalysis": {"TOSfullRes": np.full((1, 126), 51.0)}})
    with pytest.raises(InputError, match=r"slice.mat: expected frame times in ms \(frame_ms\), found none"):
        read(path)
    found = read(path, Given(interval_ms=30))
    np.testing.assert_allclose(found.tos_ms, 51)


def test_workspaces_of_another_kind(tmp_path):
    path = tmp_path / "slice.mat"
    scipy.io.savemat(path, {"areas": np.ones((2, 20)), "dims": np.ones((3, 20))})
    with pytest.raises(InputError, match=r"a workspace with circumferential strain .*, found one of another kind"):
        read(path)
    scipy.io.savemat(path, {"StrainInfo": {"CCmid": STRAIN.T}})
    with pytest.raises(InputError, match="transposed"):
        read(path, Given(frame_ms=tuple(TIMES)))
    information = sequence(SliceLocation=[10.0, 20.0])
    scipy.io.savemat(path, {"StrainInfo": {"CCmid": STRAIN}, "SequenceInfo": information})
    with pytest.raises(InputError, match="one slice, found locations over 10.0 mm"):
        read(path, Given(interval_ms=30))


def test_surfaces_frame_by_frame(tmp_path):
    scales = 1 - 0.2 * np.sin(np.pi * np.arange(10) / 10) ** 2
    surface = half_ellipsoid([lambda x, s=s: s * x for s in scales], around=36, along=12)
    faces = np.column_stack([np.full(len(surface.triangles), 3), surface.triangles])
    for number, nodes in enumerate(surface.nodes_mm):
        pv.PolyData(nodes, faces).save(tmp_path / f"p_LV_ENDO_{number}.vtk")
        pv.PolyData(nodes * 1.2, faces).save(tmp_path / f"p_EPI_{number}.vtk")
    slices = read_strain(tmp_path, Given(interval_ms=60), sectors=18)
    assert [one.source for one in slices] == ["p_LV_ENDO_0.vtk"] * 3
    for one in slices:
        np.testing.assert_allclose(one.circumferential, np.tile((scales**2 - 1) / 2, (18, 1)), atol=1e-6)
    with pytest.raises(InputError, match="p_LV_ENDO_0.vtk: expected frame times in ms"):
        read_strain(tmp_path)
    pv.PolyData(surface.nodes_mm[0], faces[:-1]).save(tmp_path / "p_LV_ENDO_4.vtk")
    with pytest.raises(InputError, match="p_LV_ENDO_4.vtk: expected the nodes and triangles of the first frame, moved"):
        read_strain(tmp_path, Given(interval_ms=60))
    for path in tmp_path.glob("*ENDO_[1-9].vtk"):
        path.unlink()
    with pytest.raises(InputError, match="surfaces: expected 2 to 500 frames, found 1"):
        read_strain(tmp_path, Given(interval_ms=60))


def test_slices_in_files_and_folders_of_one_folder(tmp_path):
    for number in range(2):
        write_matrix(tmp_path / f"slice_{number}.npz", replace(GOOD, location_mm=10.0 * number))
    (tmp_path / "slice_2").mkdir()
    write_matrix(tmp_path / "slice_2" / "strain.npz", replace(GOOD, location_mm=20.0))
    assert [one.location_mm for one in read_strain(tmp_path)] == [0, 10, 20]


def test_what_is_no_strain(tmp_path):
    with pytest.raises(InputError, match="a folder with strain .*, found none of them"):
        read_strain(tmp_path)
    with pytest.raises(InputError, match="a file or folder of strain .*, found none of that name or ending"):
        read_strain(tmp_path / "strain.xlsx")
    with pytest.raises(InputError, match="strain.npz: expected a file or folder of strain, found none of that name"):
        read_strain(tmp_path / "strain.npz")
    (tmp_path / "a.npz").write_bytes(b"no archive")
    with pytest.raises(InputError, match="a complete .npz file, found a truncated or damaged one, or none"):
        read_strain(tmp_path / "a.npz")
    (tmp_path / "a.npz").unlink()
    for name in ("lv_1.vtk", "rv_1.vtk"):
        (tmp_path / name).write_bytes(b"# vtk")
    with pytest.raises(
        InputError, match="the frames of one surface, numbered at the end of their names .* found 0 such"
    ):
        read_strain(tmp_path, Given(interval_ms=60))
