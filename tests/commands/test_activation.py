"""`cardioscar activation`: strain ▸ onsets ▸ map ▸ sites, as a person at a terminal meets them."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv

from cardioscar.activation.formats.displacement_files import write_displacement
from cardioscar.activation.formats.heart_files import write_heart
from cardioscar.activation.phantoms.moving_annulus import moving_annulus
from cardioscar.activation.phantoms.patient import phantom_patient
from cardioscar.cli import main
from cardioscar.commands.activation_scar_map import _axes
from cardioscar.phantom.config import PhantomConfig
from cardioscar.scar3d.posterior.stored_draws import save_scar_draws
from cardioscar.stages.recording import UNPUBLISHED
from cardioscar.stages.run.cohort import run_cohort
from tests.activation import tiny_networks
from tests.activation.drawn_strain import beat
from tests.finished_run import Run


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_networks.tiny_networks(tmp_path_factory.mktemp("networks") / "bundle")


@pytest.fixture(scope="module")
def strain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_networks.write_cohort(tmp_path_factory.mktemp("strain"), 1) / "P001" / "strain.npz"


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_a_folder_with_displacement_becomes_strain(tmp_path, capsys):
    drawn = beat(126)
    field = moving_annulus(drawn.circumferential, drawn.frame_ms, twist=0.2)
    (tmp_path / "in").mkdir()
    write_displacement(tmp_path / "in" / "displacement.npz", replace(field, location_mm=None))
    assert main(["activation", "strain", "--json", str(tmp_path / "in"), "-o", str(tmp_path / "out")]) == 0
    with np.load(tmp_path / "out" / "strain.npz") as stored:
        assert stored["strain"].shape == (126, 20)
        np.testing.assert_array_equal(stored["frame_ms"], drawn.frame_ms)
        # what differs through the wall is told to 0.005 at mid-wall, see record 30
        np.testing.assert_allclose(stored["strain"], drawn.circumferential, atol=0.02)
    said = json.loads(capsys.readouterr().out)
    assert said["slices"][0]["peak_strain"] == pytest.approx(drawn.circumferential.mean(0).min(), abs=0.01)


def test_predicted_onsets_are_a_table_with_pictures(tmp_path, strain, network, capsys):
    pytest.importorskip("captum")
    words = ["activation", "predict", "--json", str(strain), "-o", str(tmp_path), "--explain", "auto"]
    words += ["--network", str(network)]
    assert main(words) == 0
    rows = rows_of(tmp_path / "tos.csv")
    assert list(rows[0]) == ["slice", "sector", "tos_ms", "low", "high", "class"]
    assert len(rows) == 3 * 126
    assert all(float(row["low"]) <= float(row["tos_ms"]) <= float(row["high"]) for row in rows)
    truth = np.concatenate([one.measured.tos_ms for one in tiny_networks.hearts(0)])
    assert np.abs(np.array([float(row["tos_ms"]) for row in rows]) - truth).mean() < 40
    written = {one.name for one in tmp_path.iterdir() if not one.name.startswith(".")}
    assert written == {"tos.csv", "matrix.png", "curves.png", "explanation.png"}
    assert json.loads(capsys.readouterr().out)["slices"] == 3


def test_a_command_writes_over_its_own_files_alone(tmp_path, strain, network, capsys):
    out = tmp_path / "out"
    words = ["activation", "predict", str(strain), "-o", str(out), "--network", str(network), "--no-figures"]
    assert main(words) == 0
    assert main(words) == 0
    # onsets that a person has corrected are the person's
    corrected = (out / "tos.csv").read_text().replace("normal", "late")
    (out / "tos.csv").write_text(corrected)
    capsys.readouterr()
    for action in ("predict", "map"):
        assert main(["activation", action, *words[2:]]) == 2
        assert "tos.csv, written by others or changed since" in capsys.readouterr().err
    assert (out / "tos.csv").read_text() == corrected
    assert main(["activation", "map", *words[2:4], str(tmp_path / "map"), *words[5:]]) == 0


@pytest.mark.parametrize("action", ["predict", "map", "sites"])
def test_a_subjects_folder_of_a_run_is_refused(action, tmp_path, strain, network, capsys):
    (tmp_path / "status.json").write_text("{}")
    words = [str(tmp_path), str(strain)] if action == "sites" else [str(strain)]
    assert main(["activation", action, *words, "-o", str(tmp_path), "--network", str(network)]) == 2
    assert "status.json, results of a run; name another" in capsys.readouterr().err
    assert [one.name for one in tmp_path.iterdir()] == ["status.json"]


def test_one_slice_has_no_column_of_slices(tmp_path, network):
    write_heart(tmp_path / "one.npz", [tiny_networks.hearts(0)[1].measured])
    words = ["activation", "predict", str(tmp_path / "one.npz"), "-o", str(tmp_path / "out"), "--no-figures"]
    assert main([*words, "--network", str(network)]) == 0
    assert list(rows_of(tmp_path / "out" / "tos.csv")[0]) == ["sector", "tos_ms", "low", "high", "class"]


def test_corrected_onsets_are_mapped_as_the_person_says(tmp_path, strain, network, capsys):
    given = [str(strain), "--network", str(network), "--no-figures"]
    assert main(["activation", "predict", "--json", *given, "-o", str(tmp_path / "p")]) == 0
    rows = rows_of(tmp_path / "p" / "tos.csv")
    for row in rows:
        late = 42 <= int(row["sector"]) < 84
        row.update(tos_ms="140.0" if late else "40.0", **{"class": "late" if late else "normal"})
    with (tmp_path / "edited.csv").open("w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    words = ["activation", "map", *given, "-o", str(tmp_path / "m"), "--tos", str(tmp_path / "edited.csv")]
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    grid = pv.read(tmp_path / "m" / "activation.vtu")
    assert {"tos_ms", "tos_sd_ms", "slice_distance_mm", "aha_segment"} <= set(grid.point_data.keys())
    said = json.loads(capsys.readouterr().out)
    assert said["tos_ms_by_segment"]["11"] > 120  # mid inferolateral
    assert said["tos_ms_by_segment"]["8"] < 60
    page = (tmp_path / "m" / "report.html").read_text(encoding="utf-8")
    assert "told by a person" in page
    metrics = json.loads((tmp_path / "m" / "metrics.json").read_text())
    assert (metrics["onsets_by"], metrics["late_fraction"]) == ("person", 0.3333)


def test_sites_lie_in_late_wall_and_their_table_is_written(tmp_path, strain, network, finished: Run, capsys):
    words = [str(finished.result()), str(strain), "-o", str(tmp_path), "--network", str(network), "--no-figures"]
    assert main(["activation", "sites", "--json", *words]) == 0
    rows, said = rows_of(tmp_path / "sites.csv"), json.loads(capsys.readouterr().out)
    assert [row["rank"] for row in rows] == ["1", "2", "3"]
    scores = [float(row["score_ms"]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    grid = pv.read(tmp_path / "plan.vtu")
    for row in rows:
        node = int(row["node"])
        assert grid.point_data["site_rank"][node] == int(row["rank"])
        assert grid.point_data["site_allowed"][node] == 1
        assert abs(float(row["rotational_deg"])) >= 60
    assert any("no draws of the scar map" in reason for reason in said["reasons"])
    assert "plan.json" in {one.name for one in tmp_path.iterdir()}


def test_draws_of_the_scar_map_count_where_they_were_asked_for(tmp_path, strain, network, finished: Run, capsys):
    run = finished.copy(tmp_path)
    options = run.options | {"infer": run.options["infer"] | {"write_draws": True}}
    run_cohort(run.workflow, run.cohort, run.out, options, jobs=1, recording=UNPUBLISHED)
    assert (run.result() / "scar_draws.npz").is_file()
    words = ["activation", "sites", str(run.result()), str(strain), "--network", str(network), "--no-figures"]
    assert main([*words, "-o", str(tmp_path / "plan"), "--json"]) == 0
    assert not any("no draws of" in reason for reason in json.loads(capsys.readouterr().out)["reasons"])
    # a map at other nodes than the draws: a mesh of the user's own
    save_scar_draws(run.result() / "scar_draws.npz", [np.zeros(7, dtype=np.uint8)] * 2)
    assert main([*words, "-o", str(tmp_path / "other")]) == 2
    said = capsys.readouterr().err
    assert "scar_draws.npz: expected draws at the " in said
    assert "give the wall.vtu of `cardioscar study` (work/study_scar), or take scar_draws.npz away" in said
    assert not (tmp_path / "other").exists()


def test_the_axes_of_a_map_are_told_by_its_coordinates():
    patient = phantom_patient(1, PhantomConfig(nodes=1_500))
    at = patient.coordinates
    axis, septum = _axes(patient.mesh.nodes_mm, at.apicobasal, at.rotational)
    assert np.degrees(np.arccos(axis @ at.long_axis)) < 3
    assert np.degrees(np.arccos(septum @ at.septum_direction)) < 3


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["strain", "nothing.npz"], "a file or folder of strain"),
        (["predict", "STRAIN", "--explain", "200-300"], "sectors such as 20-40,60"),
        (["predict", "STRAIN", "--explain", "auto", "--slice", "9"], "slice: expected 1 to 3"),
        (["predict", "STRAIN", "--network", "nowhere"], "a folder with"),
        (["map", "STRAIN", "--tos", "SHORT"], "onsets of 3 slices, found 1"),
        (["sites", "EMPTY", "STRAIN"], "a folder with scar.vtu"),
        (["dance"], "strain, predict"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(words, says, tmp_path, strain, network, capsys):
    (tmp_path / "short.csv").write_text(
        "sector,tos_ms,low,high,class\n" + "".join(f"{n},40,30,50,normal\n" for n in range(12))
    )
    places = {"STRAIN": strain, "SHORT": tmp_path / "short.csv", "EMPTY": tmp_path}
    words = [str(places.get(word, word)) for word in words]
    if words[0] != "dance":
        words += ["-o", str(tmp_path / "out")]
        words += ["--network", str(network)] if words[0] != "strain" and "--network" not in words else []
    assert main(["activation", *words]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
