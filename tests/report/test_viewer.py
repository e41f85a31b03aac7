import json

import numpy as np
import pytest
from matplotlib import colormaps

from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.report.viewer import ShownField, ShownLine, ShownScar, viewer_content


def onset(shell) -> ShownField:
    return ShownField("activation", "Onset", "ms", 40 + shell.nodes_mm[:, 2], (0.0, 60.0), colormaps["viridis"])


def test_a_view_without_scar_has_no_threshold_and_no_volumes(shell):
    found = viewer_content(shell, None, [onset(shell)], septal_direction=np.array([-1.0, 0, 0]))
    facts = json.loads(str(found["json"]))
    assert facts["scar"] is False
    assert facts["ml"] == []
    assert [one["key"] for one in facts["colours"]] == ["activation"]
    assert "probability" not in facts["channels"]
    assert [key for key, _ in found["shows"]] == ["wall"]
    assert facts["views"][0]["name"] == "Septum"


def test_fields_stand_beside_the_scar(shell, scar):
    mark = shell.nodes_mm[shell.nodes_mm[:, 1].argmax()]
    line = ShownLine(shell.nodes_mm[:3], "#00a087", open=False)
    found = viewer_content(
        shell, ShownScar(scar, 0.1 * scar), [onset(shell)], axis=np.array([0, 0, 2.0]), lines=[line],
        septal_direction=np.array([-1.0, 0, 0]), marks_mm=[("1", mark)], guessed=True,
    )  # fmt: skip
    facts, volume = found["facts"], found["volume"]
    assert [one["key"] for one in facts["colours"]] == ["probability", "certainty", "uncertainty", "activation"]
    assert facts["colours"][-1] | {"stops": []} == {
        "key": "activation", "label": "Onset", "unit": "ms", "low": 0, "high": 60, "stops": [], "channel": "activation",
        "colouring": 0, "line": "#d81b60",
    }  # fmt: skip
    assert facts["ml"][0]["ml"][50] == pytest.approx(shell.node_volumes_ml[scar >= 0.5].sum(), abs=1e-3)
    # a place of the patient goes into the heart's frame, and back
    at = np.array(facts["marks"][0]["point"]) @ volume.axes + volume.centre_mm
    assert at == pytest.approx(mark, abs=0.02)
    assert facts["lines"][0]["open"] is False
    # the camera looks at the first mark first
    best = facts["views"][0]
    assert best["name"] == "Best site"
    (x, y), (right, up) = best["direction"][:2], facts["marks"][0]["point"][:2]
    assert x * up - y * right == pytest.approx(0, abs=0.1)
    assert x * right + y * up > 20
    assert "Septum?" in [view["name"] for view in facts["views"]]
    # what a voxel of the wall holds is what its nodes say: the onset rises by 1 ms a mm towards the base
    inside = np.argwhere(volume.channels["distance"] < 100)
    height = (inside * volume.voxel_mm + volume.low_mm)[:, 2] + volume.centre_mm[2]
    told = volume.channels["activation"][tuple(inside.T)] / 255 * 60
    assert np.abs(told - np.clip(40 + height, 0, 60)).max() < 3


def test_a_view_of_nothing_is_refused(shell):
    with pytest.raises(ValueError, match="a scar map or a field"):
        viewer_content(shell, None)


def test_a_scar_that_is_not_seen_from_outside_is_shown_through_the_wall(shell):
    radius = np.hypot(*shell.nodes_mm[:, :2].T)
    depth = np.clip((radius - radius.min()) / np.ptp(radius), 0, 1)
    mesh = LVMesh(shell.grid.copy(), shell.source)
    mesh.grid.point_data["transmural"] = depth
    through = np.where(shell.nodes_mm[:, 1] > 0, 0.9, 0.0)
    deep = np.where(depth < 0.4, through, 0.0)
    hidden = viewer_content(mesh, ShownScar(deep, 0.1 * deep))["facts"]
    assert (hidden["show"], hidden["colour"]) == ("scar", "probability")
    assert viewer_content(mesh, ShownScar(through, 0.1 * through))["facts"]["show"] == "wall"
    # sites lie on the wall's outside: there the wall is shown, by what they were chosen for
    site = [("1", shell.nodes_mm[depth.argmax()])]
    planned = viewer_content(mesh, ShownScar(deep, 0.1 * deep), [onset(shell)], marks_mm=site)["facts"]
    assert (planned["show"], planned["colour"]) == ("wall", "activation")
