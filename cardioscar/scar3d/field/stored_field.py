"""A fitted field on disk: `field.safetensors` for the weights, `field.json` for everything needed to rebuild it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from cardioscar.errors import InputError
from cardioscar.learning.stored import read_network, store_network
from cardioscar.scar3d.field.scar_field import ScarField, check_size, read_spec

STEM = "field"
WEIGHTS, DESCRIPTION = f"{STEM}.safetensors", f"{STEM}.json"
FORMAT = 1


def save_field(folder: Path, field: ScarField, about: dict[str, Any]) -> None:
    """Write a field.

    Args:
        folder: Existing folder; the caller makes the pair of files appear at once.
        field: The fitted field.
        about: JSON-ready facts of the fit (method, config, stop reason), stored beside the architecture.
    """
    description = {
        "format": FORMAT,
        "frame": "LPS, millimetres",
        "spec": dataclasses.asdict(field.spec),
        "weights_sha256": "",
        **about,
    }
    store_network(folder, STEM, field.state_dict(), description)


def described(folder: Path) -> str:
    """What a stored field is, in a few words.

    Raises:
        InputError: As `load_field`.
    """
    field, description = load_field(folder)
    return f"{description['method']} field, {sum(p.numel() for p in field.parameters())} weights"


def load_field(folder: Path) -> tuple[ScarField, dict[str, Any]]:
    """Read a field back, on the CPU, in evaluation mode.

    Returns:
        The field and its description.

    Raises:
        InputError: If a file is missing, of another format, or the weights are not the ones that were described, not
            those of the architecture, or not finite.
    """
    stored = read_network(folder, STEM, rule="a stored field")
    description = stored.description
    if description.get("format") != FORMAT or not isinstance(description.get("spec"), dict):
        raise InputError(DESCRIPTION, f"a field of format {FORMAT}", "another format")
    spec = read_spec(description["spec"], where=DESCRIPTION)
    check_size(spec, len(stored.check_hash().weights_bytes), where=WEIGHTS)
    return stored.fill(ScarField(spec)), description
