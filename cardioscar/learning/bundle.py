"""A trained network that others can use without its authors: weights, and all that must be known to apply them.

The description has the keys of MONAI's bundles where they exist [@cardoso2022], and our own for what these lack:
architecture, spacing, intensity rule, split, settings, hashes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cardioscar import __version__
from cardioscar.config import as_mapping, config_sha256, from_mapping
from cardioscar.errors import ConfigError, InputError
from cardioscar.files.folders import fresh_folder, platform_faults
from cardioscar.learning.bundle_facts import BundleFacts, DataFormat
from cardioscar.learning.stored import StoredNetwork, read_network, store_network

if TYPE_CHECKING:
    from torch import nn

    Network = TypeVar("Network", bound=nn.Module)

FORMAT = "cardioscar bundle 1"
STEM = "model"
WEIGHTS, DESCRIPTION = f"{STEM}.safetensors", f"{STEM}.json"
RULE = "a network that cardioscar trained"
"""What is expected where a bundle is read, for errors."""
_COMPUTED = (
    "format", "version", "pytorch_version", "numpy_version", "config_sha256", "weights_sha256", "parameters",
)  # fmt: skip


@dataclass(frozen=True)
class Bundle:
    """A trained network, read and checked as far as that takes no torch.

    Attributes:
        stored: The two files.
        facts: What must be known to apply it.
    """

    stored: StoredNetwork
    facts: BundleFacts

    @property
    def sha256(self) -> str:
        """Hash of the description, which holds that of the weights: it names the network."""
        return self.stored.sha256

    def network(self, architecture: str, build: Callable[[Mapping[str, Any]], Network]) -> Network:
        """The network, on the CPU, in evaluation mode.

        Args:
            architecture: Name of the architecture that the caller can use.
            build: Makes a network of it from its numbers (`BundleFacts.spec`) on torch's default device. It is called
                twice, first on the device `meta`, which holds no numbers: few digits may claim a network of any size.

        Raises:
            InputError: If the bundle holds another architecture, or its weights are not those of it.
        """
        if self.facts.architecture != architecture:
            raise InputError(self.stored.in_description, f"a network '{architecture}'", "another architecture")
        import torch

        with torch.device("meta"):
            expected = build(self.facts.spec).state_dict()
        self.stored.weights(expected)
        return self.stored.fill(build(self.facts.spec))

    def start(self, network: nn.Module, architecture: str, spec: Mapping[str, Any]) -> str:
        """Give a network that is about to be trained the weights.

        Args:
            network: The network; it is returned to training mode.
            architecture: Name of its architecture.
            spec: Its numbers.

        Returns:
            The hash that names the weights' network.

        Raises:
            InputError: If the bundle holds another architecture or size, or its weights are not those of it.
        """
        where = self.stored.in_description
        if self.facts.architecture != architecture:
            raise InputError(where, f"a network '{architecture}'", "another architecture")
        if self.facts.spec != json.loads(json.dumps(spec)):
            raise InputError(where, "a network of the size that is trained", "another size")
        self.stored.fill(network).train()
        return self.sha256


def save_bundle(folder: Path, network: nn.Module, facts: BundleFacts) -> Bundle:
    """Write a trained network; the folder appears whole, in place of an earlier bundle.

    Args:
        folder: New, or an earlier bundle's; its parent exists.
        network: The network.
        facts: What must be known to apply it.

    Returns:
        What was written.

    Raises:
        InputError: If the folder holds something else than a bundle, or the weights are not finite.
        PlatformError: If it cannot be written.
    """
    others = {path.name for path in folder.iterdir()} - {WEIGHTS, DESCRIPTION} if folder.is_dir() else set()
    if others or folder.is_file():
        rule, found = (
            "a new folder, or that of an earlier network",
            f"{len(others)} other files" if others else "a file",
        )
        raise InputError("bundle", rule, found)
    weights = network.state_dict()
    odd = [name for name, values in weights.items() if not values.isfinite().all()]
    if odd:
        raise InputError(WEIGHTS, "finite weights", f"others: {', '.join(odd[:5])}")
    description = described(facts) | {"parameters": sum(one.numel() for one in network.parameters())}
    with platform_faults(folder), fresh_folder(folder) as scratch:
        stored = store_network(scratch, STEM, weights, description)
    return Bundle(stored, facts)


def read_bundle(folder: Path, *, where: str = "") -> Bundle:
    """Read a trained network.

    Args:
        folder: Where `save_bundle` wrote it.
        where: What errors put before the names of the files.

    Raises:
        InputError: If a file is missing, of another format, lacks a fact or has one too many, or the weights are not
            those that were described.
    """
    return bundle_of(read_network(folder, STEM, rule=RULE, where=where))


def bundle_of(stored: StoredNetwork) -> Bundle:
    """The trained network of two files that were read, see `read_bundle`.

    Raises:
        InputError: As `read_bundle`.
    """
    said = stored.description
    if said.get("format") != FORMAT:
        raise InputError(stored.in_description, f"'{FORMAT}'", "another format")
    facts = _facts(stored.check_hash())
    if said.get("config_sha256") != config_sha256(facts.config):
        raise InputError(stored.in_description, "the settings that config_sha256 names", "others")
    return Bundle(stored, facts)


def _facts(stored: StoredNetwork) -> BundleFacts:
    said, where = stored.description, stored.in_description
    missing = [f.name for f in fields(BundleFacts) if f.name not in said and f.name not in ("inputs", "outputs")]
    missing += [key for key in ("network_data_format", *_COMPUTED) if key not in said]
    if missing:
        raise InputError(where, f"the key '{missing[0]}'", "none")
    values = {key: said[key] for key in said.keys() - {*_COMPUTED, "network_data_format"}}
    form = said["network_data_format"]
    if not isinstance(form, dict) or form.keys() != {"inputs", "outputs"}:
        raise InputError(where, "network_data_format with inputs and outputs", "another form")
    try:
        for side, named in form.items():
            if not isinstance(named, dict):
                raise InputError(where, f"{side} by name", "another form")
            values[side] = {name: from_mapping(DataFormat, one, where=side) for name, one in named.items()}
        return from_mapping(BundleFacts, values, where=where)
    except ConfigError as error:
        # what was found is text of a file, which is not repeated
        place = "" if error.where == where else f"{error.where.removeprefix(f'{where}: ')}: "
        raise InputError(where, f"{place}{error.rule}", "otherwise") from None
    except (TypeError, AttributeError) as error:
        raise InputError(where, "a data format for each input and output", "another form") from error


def described(facts: BundleFacts) -> dict[str, Any]:
    """The description of a network, JSON-ready: its facts, versions, and the hash of its settings."""
    import numpy as np
    import torch

    plain = as_mapping(facts)
    inputs, outputs = plain.pop("inputs"), plain.pop("outputs")
    return {
        "format": FORMAT,
        "version": __version__,
        "pytorch_version": torch.__version__,
        "numpy_version": np.__version__,
        **plain,
        "network_data_format": {"inputs": inputs, "outputs": outputs},
        "config_sha256": config_sha256(plain["config"]),
        "weights_sha256": "",
    }
