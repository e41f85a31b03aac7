"""What is measured of drawn hearts, on rings whose figures are known; and that candidates are scored alike."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from benchmarks.heart_figures import heart_figures, main, percentiles, pooled
from benchmarks.reconstruction.choose_baselines import runs, scores
from cardioscar.imaging.formats.volume_files import write_volume
from cardioscar.imaging.volume import Volume
from cardioscar.scar3d.observation.interpolation import linear, signed_distance


def rings(*scars: tuple[float, float, float], shift: int = 0) -> Volume:
    """Rings of radii 20 and 30 mm, pixels of 0.5 mm, 10 mm apart; scar from 0° over degrees, at depths."""
    i, j = np.indices((150, 150)) - 74.5
    values = np.zeros((150, 150, len(scars)), dtype=np.uint8)
    for number, (degrees, low, high) in enumerate(scars):
        x = i - shift * number
        radius, angle = np.hypot(x, j) * 0.5, np.degrees(np.arctan2(j, x)) % 360
        depth = (radius - 20) / 10
        values[:, :, number][radius < 20] = 2
        values[:, :, number][(depth >= 0) & (depth <= 1)] = 1
        values[:, :, number][(depth >= low) & (depth <= high) & (angle < degrees)] = 3
    return Volume(values, np.diag([0.5, 0.5, 10, 1]), "labels.nii.gz")


def test_figures_of_a_ring_are_those_it_was_drawn_with() -> None:
    found = heart_figures(rings((90, 0, 0.5), (180, 0, 0.5), shift=4))
    assert found["pixel_mm"] == [0.5]
    assert found["slices"] == [2]
    assert found["wall_mm"] == pytest.approx([10, 10], abs=0.1)  # a fifth of a pixel
    assert found["extent_deg"] == pytest.approx([90, 180], abs=5)  # one sector
    assert found["pieces"] == [1, 1]
    assert found["depth"] == pytest.approx([0.26, 0.26], abs=0.03)
    assert np.median(found["transmurality"]) == pytest.approx(0.45, abs=0.03)  # of the area, which grows outwards
    assert found["scar_share"] == pytest.approx([0.45 * (90 + 180) / 720], abs=0.01)
    assert found["center_shift_mm"] == pytest.approx([2.0], abs=0.05)
    assert found["area_change"] == pytest.approx([1 / 3], abs=0.02)
    assert found["overlap"] == pytest.approx([2 / 3], abs=0.02)


def test_a_neighbour_that_is_turned_agrees_after_turning_back() -> None:
    heart = rings((60, 0, 1), (60, 0, 1))
    plane = heart.values[:, :, 1]
    i, j = np.indices(plane.shape) - 74.5
    angle = np.degrees(np.arctan2(j, i)) % 360
    plane[plane == 3] = 1
    plane[(plane == 1) & (angle >= 20) & (angle < 80)] = 3
    found = heart_figures(heart)
    assert found["overlap"] == pytest.approx([40 / 60], abs=0.03)
    assert found["overlap_turned"] == pytest.approx([1], abs=0.03)


def test_a_neighbour_without_scar_shares_nothing_and_two_without_are_no_pair() -> None:
    found = heart_figures(rings((60, 0, 1), (0, 0, 1), (0, 0, 1)))
    assert (found["overlap"], found["area_change"], found["overlap_turned"]) == ([0], [1], [0])
    assert len(found["center_shift_mm"]) == 2


def test_a_file_is_measured_from_the_command_line(tmp_path, capsys) -> None:
    heart = rings((90, 0, 0.5), (180, 0, 0.5))
    write_volume(tmp_path / "labels.nii.gz", heart)
    assert main([str(tmp_path / "labels.nii.gz")]) == 0
    share = percentiles(pooled([heart_figures(heart)]))["scar_share"][2]
    assert f"| {share:.3g}, {share:.3g}" in capsys.readouterr().out


def test_candidates_are_scored_on_slices_they_do_not_see() -> None:
    seen = list(runs(2, 1000))
    assert len(seen) == 4
    for visible, hidden in seen:
        assert not {s.number for s in visible} & {s.number for s in hidden}
    found = scores(2, 1000, {"a": signed_distance, "b": partial(signed_distance, width_mm=3.0), "c": linear})
    # the width of a border changes probabilities and no class, but where a distance of 0 is rounded: few pixels
    np.testing.assert_allclose(found["a"][:2], found["b"][:2], rtol=0.02)
    assert found["a"][3] != found["b"][3]
    assert all(0 < row[0] < 1 for row in found.values())
