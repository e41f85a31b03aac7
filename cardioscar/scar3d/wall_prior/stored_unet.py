"""A trained prior on disk: weights, and a description of all that made them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from cardioscar.config import file_sha256
from cardioscar.errors import InputError
from cardioscar.files.atomic import atomic_file
from cardioscar.scar3d.wall_prior.features import CHANNELS
from cardioscar.scar3d.wall_prior.unet import ScarUNet

WEIGHTS, DESCRIPTION = "scar_prior.safetensors", "scar_prior.json"
FORMAT = 1
SHIPPED = Path(__file__).parent / "weights"
"""Folder of the prior that comes with the package."""


def save_prior(folder: Path, network: ScarUNet, about: dict[str, Any]) -> dict[str, Any]:
    """Write a prior; the description comes last, so that what it describes is whole.

    Args:
        folder: Made if missing.
        network: The trained network.
        about: JSON-ready facts of the training; `config` must hold what `ScarPriorConfig` holds.

    Returns:
        The description as written.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    with atomic_file(folder / WEIGHTS) as partial:
        save_file(tensors, partial)
    description = {
        "format": FORMAT,
        "input_channels": list(CHANNELS),
        "parameters": sum(tensor.numel() for tensor in tensors.values()),
        "weights_sha256": file_sha256(folder / WEIGHTS),
        **about,
    }
    with atomic_file(folder / DESCRIPTION) as partial:
        partial.write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")
    return description


def load_prior(folder: Path | None = None) -> tuple[ScarUNet, dict[str, Any]]:
    """Read a prior, on the CPU, in evaluation mode.

    Args:
        folder: Where `save_prior` wrote it; default the prior that comes with the package.

    Returns:
        The network and its description.

    Raises:
        InputError: If a file is missing, of another format, or the weights are not the ones that were described.
    """
    return _load((folder or SHIPPED).resolve())


@cache
def _load(folder: Path) -> tuple[ScarUNet, dict[str, Any]]:
    from safetensors.torch import load_file

    for name in (WEIGHTS, DESCRIPTION):
        if not (folder / name).is_file():
            raise InputError(name, "a stored scar prior", "no such file")
    description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    if description.get("format") != FORMAT or description.get("input_channels") != list(CHANNELS):
        raise InputError(DESCRIPTION, f"format {FORMAT} with the input channels of this version", "another one")
    if file_sha256(folder / WEIGHTS) != description["weights_sha256"]:
        raise InputError(WEIGHTS, f"the weights that {DESCRIPTION} describes", "another sha256")
    network = ScarUNet(len(CHANNELS), int(description["config"]["channels"]))
    network.load_state_dict(load_file(folder / WEIGHTS))
    return network.eval(), description
