"""A finished map laid out as derivatives of a BIDS dataset, as far as BIDS knows hearts.

BIDS has no cardiac modality: `probseg` and `mask` images below `anat/` follow its rules of derivatives; meshes, maps of
uncertainty, numbers and pages have names after its pattern and stand in `.bidsignore`.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cardioscar import __version__
from cardioscar.errors import InputError
from cardioscar.files.atomic import atomic_file
from cardioscar.imaging.formats.mesh_facts import UNITS
from cardioscar.imaging.formats.volume_files import write_volume
from cardioscar.imaging.volume import Volume

BIDS_VERSION = "1.10.0"
IGNORED = ("sub-*/anat/*_sdmap.nii.gz", "sub-*/anat/*_sdmap.json", "sub-*/anat/*_mesh.vtu", "sub-*/anat/*_mesh.json",
           "sub-*/anat/*_metrics.json", "*.html")  # fmt: skip
_DESCRIPTION, _PARTICIPANTS = "dataset_description.json", "participants.tsv"


@dataclass(frozen=True)
class Derivative:
    """What of one subject is laid out.

    Attributes:
        subject: Id, which loses what is no letter or digit in names.
        probability: Scar probability on a grid.
        uncertainty: Its standard deviation; None where there is none.
        threshold: Probability from which wall is scar.
        mesh: The map's `.vtu`.
        metrics: `metrics.json`.
        report: Page, where there is one.
        grid: What the grid is, in words.
    """

    subject: str
    probability: Volume
    uncertainty: Volume | None
    threshold: float
    mesh: Path
    metrics: Path
    report: Path | None
    grid: str


def label_of(subject: str) -> str:
    """A subject's label in BIDS: letters and digits alone.

    >>> label_of("P-001"), label_of("S_7")
    ('P001', 'S7')
    """
    return re.sub(r"[^A-Za-z0-9]", "", subject)


def write_bids(root: Path, one: Derivative) -> list[Path]:
    """Lay one subject out below the root of a dataset, and write or complete what the dataset says of itself.

    Args:
        root: Folder of the dataset; made where it is missing.
        one: The subject.

    Returns:
        The subject's files.

    Raises:
        InputError: If the folder is another dataset or holds other files, or another subject has the same label there.
    """
    label = label_of(one.subject)
    _check(root, one.subject, label)
    folder = root / f"sub-{label}" / "anat"
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []

    def put(name: str, facts: Mapping[str, Any], volume: Volume | None = None, copied: Path | None = None) -> None:
        path = folder / f"sub-{label}_{name}"
        if volume is not None:
            write_volume(path, volume)
        elif copied is not None:
            shutil.copyfile(copied, path)
        sidecar = folder / (path.name.split(".")[0] + ".json")
        _write_json(sidecar, facts)
        written.extend((path, sidecar))

    common = {"Units": "1", "Grid": one.grid, "Sources": [f"bids::sub-{label}/anat/sub-{label}_mesh.vtu"]}
    put("label-scar_probseg.nii.gz", {"Description": UNITS["scar_probability"][1], **common}, one.probability)
    scar = Volume((one.probability.values >= one.threshold).astype(np.uint8), one.probability.affine)
    kind = {
        "Type": "Lesion",
        "Description": f"scar: probability at least {one.threshold:g}",
        "Threshold": one.threshold,
    }
    put("label-scar_mask.nii.gz", {**kind, **common, "RawSources": []}, scar)
    if one.uncertainty is not None:
        put("label-scar_sdmap.nii.gz", {"Description": UNITS["scar_uncertainty"][1], **common}, one.uncertainty)
    arrays = {name: {"Units": unit, "Description": meaning} for name, (unit, meaning) in UNITS.items()}
    put("mesh.vtu", {"LengthUnits": "mm", "Frame": "LPS", "PointData": arrays}, copied=one.mesh)
    for source, target in (
        (one.metrics, folder / f"sub-{label}_metrics.json"),
        (one.report, root / f"sub-{label}.html"),
    ):
        if source is not None and source.is_file():
            shutil.copyfile(source, target)
            written.append(target)
    _describe(root, one.subject, label)
    return written


def _check(root: Path, subject: str, label: str) -> None:
    description = root / _DESCRIPTION
    if description.is_file():
        try:
            makers = [maker["Name"] for maker in json.loads(description.read_bytes())["GeneratedBy"]]
        except (ValueError, KeyError, TypeError):
            makers = []
        if makers != ["cardioscar"]:
            raise InputError(_DESCRIPTION, "one that cardioscar has written, or none", "another dataset's")
    elif root.is_dir() and any(root.iterdir()):
        raise InputError(root.name, "an empty folder, or a dataset that cardioscar has written", "other files")
    if any(known == label and name != subject for known, name in _participants(root).items()):
        raise InputError(subject, f"the only subject of the label sub-{label}", "one more in this dataset")


def _participants(root: Path) -> dict[str, str]:
    """Subjects of the dataset by their labels."""
    table = root / _PARTICIPANTS
    if not table.is_file():
        return {}
    rows = [line.split("\t") for line in table.read_text(encoding="utf-8").splitlines()[1:]]
    return {row[0].removeprefix("sub-"): row[1] for row in rows if len(row) == 2}


def _describe(root: Path, subject: str, label: str) -> None:
    people = dict(sorted({**_participants(root), label: subject}.items()))
    _write_json(
        root / _DESCRIPTION,
        {
            "Name": "Myocardial scar in 3D",
            "BIDSVersion": BIDS_VERSION,
            "DatasetType": "derivative",
            "GeneratedBy": [{"Name": "cardioscar", "Version": __version__}],
        },
    )
    meaning = {"Description": "Pseudonym under which cardioscar knows the subject"}
    _write_json(root / "participants.json", {"cardioscar_id": meaning})
    lines = ["participant_id\tcardioscar_id", *(f"sub-{label}\t{name}" for label, name in people.items())]
    _write(root / _PARTICIPANTS, "\n".join(lines) + "\n")
    _write(root / ".bidsignore", "\n".join(IGNORED) + "\n")
    _write(root / "README", "Scar maps of the left ventricle by cardioscar, in the frame of each subject's images.\n"
           "Research use only. Files named in .bidsignore are none that BIDS knows.\n")  # fmt: skip


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    _write(path, json.dumps(content, indent=2) + "\n")


def _write(path: Path, text: str) -> None:
    with atomic_file(path) as partial:
        partial.write_text(text, encoding="utf-8")
