from __future__ import annotations

import json

import numpy as np
import pytest

from cardioscar.activation.findings import gathered_findings, metrics_json, read_findings
from cardioscar.activation.mapping.on_mesh import map_on_wall, usual_wall
from cardioscar.activation.phantoms.patient import phantom_patient
from cardioscar.activation.strain.sector_class import SectorClass
from cardioscar.activation.strain.sector_onsets import SectorOnsets
from cardioscar.activation.strain.slice_place import SlicePlace
from cardioscar.errors import InputError
from cardioscar.phantom.config import PhantomConfig
from tests.activation.drawn_strain import beat

HEIGHTS = (0.25, 0.45, 0.65, 0.85)


def onsets_of(tos_ms: np.ndarray, half_ms: float = 8.0) -> SectorOnsets:
    return SectorOnsets(tos_ms, tos_ms - half_ms, tos_ms + half_ms, np.zeros(len(tos_ms), dtype=np.int64))


def test_on_the_mesh_of_a_phantom_the_map_finds_its_true_onsets():
    patient = phantom_patient(1, PhantomConfig(nodes=3_000))
    onsets = [onsets_of(patient.slice_tos_ms(height)) for height in HEIGHTS]
    at = patient.coordinates
    mapped = map_on_wall(
        onsets,
        [SlicePlace(location_mm=80 * height) for height in HEIGHTS],
        patient.mesh,
        septum=at.septum_direction,
        apex_to_base=at.long_axis,
        apex_mm=0.0,
        base_mm=80.0,
    )
    assert (mapped.placed.how, mapped.usual) == ("locations", False)
    near = np.abs(at.apicobasal - 0.55) < 0.3
    data = mapped.point_data()
    error = np.abs(data["tos_ms"] - patient.tos_ms)[near]
    # a region of 40° and more is told by slices a fifth of the length apart
    assert np.median(error) < 6
    assert np.quantile(error, 0.9) < 25
    assert data["tos_sd_ms"][at.apicobasal < 0.05].mean() > data["tos_sd_ms"][near].mean()
    assert {*data} == {
        "tos_ms", "tos_sd_ms", "slice_distance_mm", "apicobasal", "rotational", "transmural", "aha_segment",
    }  # fmt: skip
    assert {*np.asarray(mapped.grid().point_data.keys())} >= {*data}


def test_without_a_mesh_a_wall_of_usual_form_is_as_long_as_slices_ask_for():
    late = np.where((np.arange(126) > 42) & (np.arange(126) < 84), 110.0, 30.0)
    places = [SlicePlace(location_mm=one) for one in (0.0, 35.0, 70.0)]
    mapped = map_on_wall([onsets_of(late)] * 3, places)
    assert mapped.usual
    assert mapped.placed.how == "assumed"
    assert mapped.found.length_mm == pytest.approx(100, rel=0.03)  # the slices are 0.7 of it
    means = mapped.by_segment()
    assert means[11][0] > 95  # mid inferolateral and anterolateral are sectors 42 to 84
    assert means[12][0] > 95
    assert means[8][0] < 45
    given = map_on_wall([onsets_of(late)] * 3, places, apex_mm=-10.0, base_mm=80.0)
    assert given.found.length_mm == pytest.approx(90, rel=0.03)
    np.testing.assert_allclose(given.placed.heights, [10 / 90, 45 / 90, 80 / 90], atol=0.02)


def test_a_map_needs_two_slices_that_say_where_they_lie():
    flat = onsets_of(np.full(126, 30.0))
    with pytest.raises(InputError, match=r"strain: expected a location of each slice \(location_mm\), found 1 slice"):
        map_on_wall([flat, flat], [SlicePlace(location_mm=3.0), SlicePlace()])
    with pytest.raises(InputError, match="two slices and more"):
        map_on_wall([flat], [SlicePlace(location_mm=3.0)])


def test_the_usual_wall_lies_as_most_hearts_do():
    mesh, septum, axis = usual_wall(85.0, 30.0)
    along = mesh.nodes_mm @ axis
    assert np.ptp(along) == pytest.approx(85, abs=1)
    assert abs(septum @ axis) < 1e-9


def test_findings_are_numbers_of_slices_and_heart():
    slices = [beat(126, location_mm=10.0), beat(126, location_mm=40.0)]
    tos_ms = np.where(np.arange(126) < 42, 90.0, 30.0)
    one = SectorOnsets(tos_ms, tos_ms - 10, tos_ms + 10, np.where(np.arange(126) < 21, 2, (tos_ms > 80).astype(int)))
    said = {"onsets_by": "network", "network_sha256": "ab", "level": 0.9}
    found = gathered_findings("P001", slices, [one, one], None, no_map="one slice", **said)
    row = found.slices[0]
    assert row.segments["inferoseptal"].scarred_fraction == pytest.approx(1, abs=0.05)
    assert row.segments["inferior"].late_fraction == pytest.approx(1, abs=0.05)
    assert (found.late_fraction, found.scarred_fraction) == (0.1667, 0.1667)
    assert (row.peak_strain, row.frames, row.location_mm) == (
        round(float(slices[0].circumferential.mean(0).min()), 4),
        20,
        10.0,
    )
    assert (found.half_width_ms, found.earliest_ms, found.latest_ms) == (10.0, 30.0, 90.0)
    assert found.latest_segment == "inferior"  # the inferoseptal one is as late, and scar
    assert (one.classes == SectorClass.SCARRED).sum() == 21
    assert read_findings(json.loads(metrics_json(found))) == found
    with pytest.raises(InputError, match="metrics.json"):
        read_findings({"subject": "P001", "other": 1})
