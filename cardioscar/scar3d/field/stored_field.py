"""A fitted field on disk: `field.safetensors` for the weights, `field.json` for everything needed to rebuild it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from cardioscar.config import file_sha256
from cardioscar.errors import InputError
from cardioscar.scar3d.field.scar_field import ScarField, read_spec

WEIGHTS, DESCRIPTION = "field.safetensors", "field.json"
FORMAT = 1


def save_field(folder: Path, field: ScarField, about: dict[str, Any]) -> None:
    """Write a field.

    Args:
        folder: Existing folder; the caller makes the pair of files appear at once.
        field: The fitted field.
        about: JSON-ready facts of the fit (method, config, stop reason), stored beside the architecture.
    """
    tensors = {k: v.detach().cpu().contiguous() for k, v in field.state_dict().items()}
    save_file(tensors, folder / WEIGHTS)
    description = {
        "format": FORMAT,
        "frame": "LPS, millimetres",
        "spec": dataclasses.asdict(field.spec),
        "weights_sha256": file_sha256(folder / WEIGHTS),
        **about,
    }
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=1) + "\n")


def load_field(folder: Path) -> tuple[ScarField, dict[str, Any]]:
    """Read a field back, on the CPU, in evaluation mode.

    Returns:
        The field and its description.

    Raises:
        InputError: If a file is missing, of another format, or the weights are not the ones that were described.
    """
    for name in (WEIGHTS, DESCRIPTION):
        if not (folder / name).is_file():
            raise InputError(name, "a stored field", "no such file")
    description = json.loads((folder / DESCRIPTION).read_text())
    if description.get("format") != FORMAT:
        raise InputError(DESCRIPTION, f"format {FORMAT}", "another")
    if file_sha256(folder / WEIGHTS) != description["weights_sha256"]:
        raise InputError(WEIGHTS, "the weights that field.json describes", "another sha256")
    field = ScarField(read_spec(description["spec"], where=DESCRIPTION))
    field.load_state_dict(load_file(folder / WEIGHTS))
    return field.eval(), description
