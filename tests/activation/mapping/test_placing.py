"""Slices of strain on the ventricle of a mesh."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from cardioscar.activation.formats.matrix_files import read_matrix_npz
from cardioscar.activation.formats.place_files import place_arrays, places_of
from cardioscar.activation.mapping.placing import place_slices
from cardioscar.activation.mapping.ventricle import Ventricle
from cardioscar.activation.phantoms.patient import PhantomPatient, phantom_patient
from cardioscar.activation.strain.sector_onsets import SectorOnsets
from cardioscar.activation.strain.slice_place import SlicePlace
from cardioscar.errors import InputError
from cardioscar.imaging.alignment.lv_axes import LVAxes
from cardioscar.phantom.config import PhantomConfig

HEIGHTS = np.array([0.25, 0.5, 0.75])


@pytest.fixture(scope="module")
def patient() -> PhantomPatient:
    return phantom_patient(1, PhantomConfig(nodes=3_000))


@pytest.fixture(scope="module")
def ventricle(patient: PhantomPatient) -> Ventricle:
    at = patient.coordinates
    return Ventricle.of(
        patient.mesh.nodes_mm, at.apicobasal, at.transmural, at.rotational, at.long_axis, at.septum_direction
    )


def places(ventricle: Ventricle, motion: Rotation, shift: np.ndarray, *, scale: float = 1.0) -> list[SlicePlace]:
    """Slices of the ventricle, as a scanner saw them that lay elsewhere."""
    found = []
    for height in HEIGHTS:
        axes = ventricle.at_height(float(height))
        radius = float(ventricle.radius_mm(np.array([height]))[0]) * scale
        moved = LVAxes(motion.apply(axes.center_mm) + shift, motion.apply(axes.long_axis), motion.apply(axes.septum))
        found.append(SlicePlace(moved, radius_mm=radius))
    return found


def test_the_ventricle_of_a_mesh_is_that_of_the_phantom(patient: PhantomPatient, ventricle: Ventricle) -> None:
    shape = patient.phantom.shape
    # the coordinate is even along the ventricle within a few percent
    assert ventricle.length_mm == pytest.approx(shape.length_mm, rel=0.08)
    apex = shape.base_center_mm - shape.length_mm * shape.apex_to_base
    assert np.linalg.norm(ventricle.apex_mm - apex) < 8
    assert 20 < ventricle.radius_mm(np.array([0.6]))[0] < 36
    assert ventricle.radius_mm(np.array([0.15]))[0] < ventricle.radius_mm(np.array([0.6]))[0]


def test_a_common_frame_is_kept_and_a_small_shift_said(ventricle: Ventricle) -> None:
    axis = ventricle.axes.long_axis
    across = 4 * ventricle.axes.septum
    placed = place_slices(places(ventricle, Rotation.identity(), across), ventricle)
    assert placed.how == "scanner frame"
    np.testing.assert_allclose(placed.heights, HEIGHTS, atol=1e-6)
    assert placed.together is not None
    assert placed.together.apart_mm == pytest.approx(4)
    assert placed.together.tilt_deg == pytest.approx(0, abs=1e-3)
    assert placed.size_ratio == pytest.approx(1)
    higher = place_slices(places(ventricle, Rotation.identity(), 5 * axis), ventricle)
    np.testing.assert_allclose(higher.heights, HEIGHTS + 5 / ventricle.length_mm, atol=1e-6)


def test_another_septum_turns_the_sectors(ventricle: Ventricle) -> None:
    """The strain is counted from a septum 30° further towards anterior."""
    turn = Rotation.from_rotvec(np.radians(30) * ventricle.axes.long_axis)
    given = [
        SlicePlace(LVAxes(one.center_mm, one.long_axis, turn.apply(one.septum)))
        for one in (ventricle.at_height(float(height)) for height in HEIGHTS)
    ]
    placed = place_slices(given, ventricle)
    assert np.degrees(placed.turn_rad) == pytest.approx(30)
    # its first sector begins at 30° of the mesh, sectors run towards inferior: the mesh's begins 10 of 120 later
    onsets = SectorOnsets(*(np.arange(120.0) for _ in range(3)), np.zeros(120, dtype=np.int64))
    assert placed.turned(onsets).tos_ms[0] == 10


def test_frames_far_apart_are_brought_together_by_their_axes(ventricle: Ventricle) -> None:
    motion = Rotation.from_rotvec([0.3, -0.7, 0.4])
    given = places(ventricle, motion, np.array([90.0, -40, 20]))
    placed = place_slices(given, ventricle)
    assert placed.how == "axes"
    assert placed.turn_rad == 0
    np.testing.assert_allclose(placed.heights, HEIGHTS, atol=1e-6)
    assert placed.together is not None
    assert placed.together.apart_mm > 40
    assert placed.together.tilt_deg > 25
    centers = [one.axes.center_mm for one in given if one.axes]
    moved = placed.together.moved(np.array(centers))
    np.testing.assert_allclose(moved, [ventricle.at_height(float(h)).center_mm for h in HEIGHTS], atol=1e-6)


def test_locations_alone_need_apex_and_base_or_are_assumed(ventricle: Ventricle) -> None:
    length = ventricle.length_mm
    given = [SlicePlace(location_mm=float(100 + height * length)) for height in HEIGHTS]
    placed = place_slices(given, ventricle, apex_mm=100, base_mm=100 + length)
    assert placed.how == "locations"
    np.testing.assert_allclose(placed.heights, HEIGHTS)
    assumed = place_slices(given, ventricle)
    assert assumed.how == "assumed"
    np.testing.assert_allclose(assumed.heights, HEIGHTS)


@pytest.mark.parametrize("scale", [0.6, 1.6])
def test_sizes_of_different_hearts_are_refused(ventricle: Ventricle, scale: float) -> None:
    with pytest.raises(InputError, match="strain: expected a heart of the size that the scar map has .* radius"):
        place_slices(places(ventricle, Rotation.identity(), np.zeros(3), scale=scale), ventricle)
    two = [SlicePlace(location_mm=float(one)) for one in (10, 20)]
    with pytest.raises(InputError, match="from apex to base beside"):
        place_slices(two, ventricle, apex_mm=0, base_mm=ventricle.length_mm * scale)


def test_slices_of_another_heart_or_without_a_place_are_refused(ventricle: Ventricle) -> None:
    with pytest.raises(InputError, match="1 slice without"):
        place_slices([SlicePlace(location_mm=3.0), SlicePlace()], ventricle)
    with pytest.raises(InputError, match="slices over 200 mm beside"):
        place_slices([SlicePlace(location_mm=0.0), SlicePlace(location_mm=200.0)], ventricle)
    high = [SlicePlace(ventricle.at_height(h)) for h in (0.5, 1.3)]
    with pytest.raises(InputError, match="1 slice outside"):
        place_slices(high, ventricle)


def test_archives_say_where_their_slices_lie(tmp_path: Path, ventricle: Ventricle) -> None:
    strain, frame_ms = np.zeros((12, 20)), 20.0 * np.arange(1, 21)
    given = places(ventricle, Rotation.identity(), np.zeros(3))
    for number, place in enumerate(given):
        path = tmp_path / "strain" / f"slice_{number}.npz"
        path.parent.mkdir(exist_ok=True)
        np.savez(path, strain=strain, frame_ms=frame_ms, location_mm=10.0 * number, **place_arrays([place]))
    slices = [read_matrix_npz(path) for path in sorted((tmp_path / "strain").iterdir())]
    found = places_of(tmp_path / "strain", slices)
    assert [one.location_mm for one in found] == [0, 10, 20]
    for one, expected in zip(found, given, strict=True):
        assert one.axes is not None
        assert expected.axes is not None
        np.testing.assert_allclose(one.axes.center_mm, expected.axes.center_mm)
        np.testing.assert_allclose(one.axes.septum, expected.axes.septum)
        assert one.radius_mm == pytest.approx(expected.radius_mm)
    np.savez(tmp_path / "half.npz", strain=strain, frame_ms=frame_ms, center_mm=np.zeros(3))
    with pytest.raises(InputError, match="center_mm, long_axis, septum_direction, three numbers each, found c"):
        places_of(tmp_path / "half.npz", slices[:1])
