"""Text of others in every place that a message could quote: rows and log say what kind of thing it is, and where."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvista as pv
import torch
from safetensors.torch import save

from cardioscar.cohort.reading import SubjectFiles, read_cohort
from cardioscar.errors import CardioscarError, ConfigError, InputError
from cardioscar.imaging.formats.grid_layers import read_grid_layers
from cardioscar.scar3d.subject_settings import SubjectSettings
from cardioscar.scar3d.transfer.stored_pretrained import FORMAT, StoredPretrained
from cardioscar.stages.scar3d import preprocess
from cardioscar.stages.scar3d.layout import SCAR3D_LAYOUT

NAMES = (
    "jane doe, born 14.3.65",
    "mrn 00482913",
    "Mary O'Brien",
    "müller anna",
    "doejane",
    "jane.nii",
    "a\\u001b[2Jdoe",
)
MARKS = ("jane", "doe", "14.3", "0048", "brien", "ller", "anna", "\x1b", "1965", "03-14")

PLACES = {
    "unknown key": '"{}": 1\n',
    "near miss of a key": 'slice_thicknes_mm: "{}"\n',
    "text for a number": 'slice_thickness_mm: "{}"\n',
    "text for a word": 'mesh_frame: "{}"\n',
    "label table": 'label_table: "{}"\n',
    "trust": 'header_trust: "{}"\n',
    "heart": 'heart: "{}"\n',
    "array of tags": 'tag_array: "{}"\n',
    "list": 'wall_tags: ["{}"]\n',
    "list for a number": 'slice_thickness_mm: ["{}"]\n',
    "mapping": 'slice_thickness_mm: {{"{0}": "{0}"}}\n',
    "direction": 'apex_to_base: ["{}", 1, 2]\n',
    "text alone": '"{}"\n',
    "list alone": '- "{}"\n',
    "tag": "mesh_frame: !<tag:{}> LPS\n",
    "anchor": 'mesh_frame: &doejane "{}"\n',
    "twice": '"{0}": 1\n"{0}": 2\n',
    "broken YAML": 'mesh_frame: ["{}"\n',
    "nested key": 'heart:\n  "{}": 2\n',
}


def said_of(text: str, tmp_path: Path) -> str:
    """The message about a subject.yaml."""
    path = tmp_path / "subject.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CardioscarError) as caught:
        SubjectFiles("P001", SCAR3D_LAYOUT, {"subject.yaml": path}).settings()
    assert caught.value.__cause__ is None  # a traceback of a log would show it
    return str(caught.value)


@pytest.mark.parametrize("place", [name for name in PLACES if name != "array of tags"])
@pytest.mark.parametrize("name", NAMES)
def test_no_text_of_a_subjects_settings_is_quoted(place: str, name: str, tmp_path: Path) -> None:
    message = said_of(PLACES[place].format(name), tmp_path)
    assert message.startswith("subject.yaml: ")
    assert [mark for mark in MARKS if mark in message.lower()] == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("slice_thickness_mm: 1965-03-14\n", "a value of type float, found a text of 10 characters"),
        ("mesh_frame: 19650314\n", "one of LPS, RAS, found a number"),
        ("label_table: [19650314]\n", "a value of type str, found a list of 1"),
        ("slice_thickness_mm: -19650314\n", "a positive number, found another"),
        (f"slice_thickness_mm: {10**400}\n", "a number, found one too large"),
        ("slice_thickness_mm: .nan\n", "a positive number, found another"),
        ("slice_thickness_mm: -.inf\n", "a positive number, found another"),
        ("apex_to_base: [.nan, 19650314, 1]\n", "a direction, found no length, or none that is finite"),
        (f"wall_tags: [{19650314 * 10**9}]\n", "tags of at most 2147483648, found a larger one"),
        ("wall_tags: [1.5]\n", "a value of type int, found a number"),
        (f"tag_array: {'x' * 101}\n", "a name of 1 to 100 characters, found a text of 101 characters"),
    ],
)
def test_no_odd_number_or_date_is_quoted(text: str, message: str, tmp_path: Path) -> None:
    key = text.partition(":")[0]
    assert said_of(text, tmp_path) == f"subject.yaml: {key}: expected {message}"


def test_a_near_miss_is_told_the_known_key(tmp_path: Path) -> None:
    message = said_of('mesh_frame: LPS\n"slice_thicknes_mm": 8\n', tmp_path)
    assert message.endswith("found another as number 2 (did you mean 'slice_thickness_mm'?)")
    assert said_of(f'"{"x" * 1000}": 8\n', tmp_path).endswith("heart, found another as number 1")


TABLES = {
    "header": "subject,labels,{}\nP1,a.nii,b\n",
    "no header": "{},a.nii\n",
    "id": "subject,labels\n{},a.nii\n",
    "file": "subject,labels\nP1,{}\n",
    "file of an unknown ending": "subject,labels,mesh\nP1,a.nii,{}/x.doe\n",
    "settings": "subject,labels,settings\nP1,a.nii,{}\n",
    "absolute": "subject,labels\nP1,/{}\n",
    "outside": "subject,labels\nP1,../{}\n",
    "too many cells": "subject,labels\nP1,a.nii,{}\n",
    "backslash": "subject,labels\nP1,{}\\a.nii\n",
    "twice": "subject,labels\n{0},a.nii\n{0},a.nii\n",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("place", TABLES)
@pytest.mark.parametrize("name", [name for name in NAMES if "," not in name])
def test_no_text_of_a_manifest_is_quoted(place: str, name: str, encoding: str, tmp_path: Path) -> None:
    manifest = tmp_path / "doe_jane.csv"
    manifest.write_bytes(TABLES[place].format(name.replace("\\u001b", "\x1b")).encode(encoding))
    try:
        said = [str(entry.problem) for entry in read_cohort(manifest, SCAR3D_LAYOUT)]
        names = [entry.subject for entry in read_cohort(manifest, SCAR3D_LAYOUT) if entry.subject != name]
    except InputError as error:
        said, names = [str(error)], []
    assert said != ["None"]
    assert [mark for mark in MARKS for text in (*said, *names) if mark in text.lower() and name != "doejane"] == []


def test_no_name_of_a_layers_array_is_quoted(tmp_path: Path) -> None:
    grid = pv.ImageData(dimensions=(3, 3, 2)).cast_to_unstructured_grid()
    grid.cell_data["jane_doe"] = np.zeros(grid.n_cells)
    grid.save(tmp_path / "layer_1.vtk")
    with pytest.raises(InputError, match="found 1 cell array of another name$"):
        read_grid_layers(tmp_path)
    grid.cell_data["scalarvalue"] = np.zeros(grid.n_cells)
    grid.save(tmp_path / "layer_1.vtk")
    with pytest.raises(InputError, match=r"found 2 cell arrays of other names \(one of almost this name\)$"):
        read_grid_layers(tmp_path)


def stored(spec: dict[str, Any], weights: dict[str, torch.Tensor]) -> StoredPretrained:
    """A network from elsewhere that says of itself what ours do."""
    data = save(weights)
    description = {"format": FORMAT, "spec": spec, "weights_sha256": hashlib.sha256(data).hexdigest()}
    return StoredPretrained(json.dumps(description).encode(), data)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"jane doe": 1}, "another as number 1"),
        ({"encoding": "jane doe"}, "found a text of 8 characters"),
        ({"encoding": "unit", "hidden": 10**9, "layers": 10**9}, "the weights of the architecture, found fewer"),
        ({"features": 10**12}, "the weights of the architecture, found fewer"),
        ({"layers": -5}, "the weights of the architecture, found fewer"),
        ({"encoding": "unit", "hidden": 1, "layers": 1}, "found otherwise: .*1 more"),
    ],
)
def test_no_name_in_a_foreign_network_is_quoted_and_no_claim_followed(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        stored(spec, {"jane doe": torch.zeros(100)}).load()
    assert "jane" not in str(caught.value)


def test_a_deep_description_is_another_text() -> None:
    with pytest.raises(InputError, match="JSON, found another text"):
        StoredPretrained(b"[" * 10**6, b"")


@pytest.mark.parametrize("place", ["unknown key", "array of tags", "mapping"])
def test_a_row_and_its_log_say_it_in_our_own_words(
    place: str, make_cohort: Callable[..., Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cohort = make_cohort("P001")
    (cohort / "P001" / "subject.yaml").write_text(PLACES[place].format(NAMES[0]), encoding="utf-8")
    with caplog.at_level(logging.DEBUG):
        [row] = preprocess.run(cohort, ["P001"], tmp_path / "out")
    assert row.outcome == "failed"
    text = caplog.text + (tmp_path / "out" / "P001" / "status.json").read_text(encoding="utf-8")
    assert [mark for mark in MARKS if mark in text.lower()] == []


def test_settings_made_in_python_are_checked_alike() -> None:
    with pytest.raises(ConfigError, match="one of cardioscar, .*, found a text of 8 characters"):
        SubjectSettings(label_table="jane doe")
