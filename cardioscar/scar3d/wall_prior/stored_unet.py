"""The scar prior's network on disk: weights, and a description of all that made them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from cardioscar.config import from_mapping
from cardioscar.errors import InputError
from cardioscar.learning.stored import read_network, store_network
from cardioscar.scar3d.wall_prior.config import Pixels, ScarPriorConfig
from cardioscar.scar3d.wall_prior.features import channels
from cardioscar.scar3d.wall_prior.unet import ScarUNet

STEM = "scar_prior"
WEIGHTS, DESCRIPTION = f"{STEM}.safetensors", f"{STEM}.json"
FORMAT = 1
SHIPPED: dict[Pixels, Path] = {kind: Path(__file__).parent / "weights" / kind for kind in ("fractions", "labels")}
"""Folders of the priors that come with the package, by kind of pixels."""


def save_prior(folder: Path, network: ScarUNet, about: dict[str, Any]) -> dict[str, Any]:
    """Write a prior; the description comes last, so that what it describes is whole.

    Args:
        folder: Made if missing.
        network: The trained network.
        about: JSON-ready facts of the training; `config` must hold what `ScarPriorConfig` holds.

    Returns:
        The description as written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    description = {
        "format": FORMAT,
        "input_channels": list(channels(about["config"]["pixels"])),
        "parameters": sum(tensor.numel() for tensor in network.state_dict().values()),
        "weights_sha256": "",
        **about,
    }
    return store_network(folder, STEM, network.state_dict(), description).description


def load_prior(folder: Path | None = None, *, pixels: Pixels = "fractions") -> tuple[ScarUNet, dict[str, Any]]:
    """Read a prior, on the CPU, in evaluation mode.

    Args:
        folder: Where `save_prior` wrote it; default the prior that comes with the package.
        pixels: Kind of pixels that it has to be for.

    Returns:
        The network and its description.

    Raises:
        InputError: If a file is missing, of another format, or the weights are not the ones that were described.
    """
    return _load((folder or SHIPPED[pixels]).resolve(), pixels)


@cache
def _load(folder: Path, pixels: Pixels) -> tuple[ScarUNet, dict[str, Any]]:
    stored = read_network(folder, STEM, rule="a stored scar prior")
    description = stored.description
    config = description.get("config")
    if not isinstance(config, dict):
        raise InputError(DESCRIPTION, "the settings of the training", "none")
    settings = from_mapping(ScarPriorConfig, config, where=DESCRIPTION, foreign=True)
    if settings.pixels != pixels:
        raise InputError(DESCRIPTION, f"a prior for {pixels}", f"one for {settings.pixels}")
    if description.get("format") != FORMAT or description.get("input_channels") != list(channels(pixels)):
        raise InputError(DESCRIPTION, f"format {FORMAT} with the input channels of this version", "another one")
    # before a network is made: an architecture of few digits may claim any size
    if 4 * 27 * (4 * settings.channels) ** 2 > len(stored.check_hash().weights_bytes):
        raise InputError(WEIGHTS, "the weights of the architecture", "fewer")
    return stored.fill(ScarUNet(len(channels(pixels)), settings.channels)), description
