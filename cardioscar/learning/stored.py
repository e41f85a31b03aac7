"""A network on disk: `STEM.safetensors` for the weights, `STEM.json` for what is said of them; neither can run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cardioscar.errors import InputError
from cardioscar.files.atomic import atomic_file

if TYPE_CHECKING:
    from torch import Tensor, nn

    Network = TypeVar("Network", bound=nn.Module)

MOST_NAMES = 5
"""Names of weights in a message."""


@dataclass(frozen=True)
class StoredNetwork:
    """The two files, checked as far as that takes no torch: a stage that finds all done never imports it.

    Attributes:
        stem: Name of the files without ending.
        description_bytes: Of `STEM.json`.
        weights_bytes: Of `STEM.safetensors`.
        where: What errors put before the names of the files, such as `prior: `.

    """

    stem: str
    description_bytes: bytes
    weights_bytes: bytes
    where: str = ""

    def check_hash(self) -> StoredNetwork:
        """This network, if the weights are the ones that were described.

        Raises:
            InputError: If they have another sha256, or the description names none.
        """
        if self.description.get("weights_sha256") != _sha256(self.weights_bytes):
            raise InputError(self.in_weights, f"the weights that {self.stem}.json describes", "another sha256")
        return self

    @property
    def in_description(self) -> str:
        """Name of the description in errors."""
        return f"{self.where}{self.stem}.json"

    @property
    def in_weights(self) -> str:
        """Name of the weights in errors."""
        return f"{self.where}{self.stem}.safetensors"

    @cached_property
    def description(self) -> dict[str, Any]:
        """What is said of the weights; empty for JSON that is no object.

        Raises:
            InputError: If it is no JSON.
        """
        try:
            read = json.loads(self.description_bytes)
        except (ValueError, RecursionError) as error:
            raise InputError(self.in_description, "JSON", "another text") from error
        return read if isinstance(read, dict) else {}

    @property
    def sha256(self) -> str:
        """Hash of the description, which holds that of the weights."""
        return _sha256(self.description_bytes)

    def weights(self, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The weights, on the CPU.

        Args:
            expected: Names and shapes that the architecture has.

        Raises:
            InputError: If they are no safetensors, other weights than the architecture's, or not finite.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load

        try:
            weights = load(self.weights_bytes)
        except SafetensorError as error:
            raise InputError(self.in_weights, "safetensors", "another form") from error
        wrong = [name for name, like in expected.items() if name not in weights or not _fits(weights[name], like)]
        # names that the architecture does not have are somebody's text: they are counted
        others = len(weights.keys() - expected.keys())
        wrong = wrong[:MOST_NAMES] + ([f"{others} more"] if others else [])
        if wrong:
            finding = f"otherwise: {', '.join(wrong)}"
            raise InputError(self.in_weights, "the weights of the architecture", finding)
        odd = [name for name in expected if not weights[name].isfinite().all()]
        if odd:
            raise InputError(self.in_weights, "finite weights", f"others: {', '.join(odd[:MOST_NAMES])}")
        return weights

    def fill(self, network: Network) -> Network:
        """Give a network the weights, and return it in evaluation mode.

        Raises:
            InputError: As `weights`.
        """
        network.load_state_dict(self.weights(network.state_dict()))
        network.eval()
        return network


def store_network(
    folder: Path, stem: str, weights: Mapping[str, Tensor], description: Mapping[str, Any]
) -> StoredNetwork:
    """Write a network's two files, each whole or not at all; the description, with the weights' hash, comes last.

    A process that is killed between the two leaves files that `check_hash` refuses, never a network that is neither.

    Args:
        folder: Existing folder.
        stem: Name of the files without ending.
        weights: By name.
        description: JSON-ready; `weights_sha256` is set here, in the place of that key if there is one.

    Returns:
        What was written.

    Raises:
        PlatformError: If the folder cannot be written to.
    """
    from safetensors.torch import save

    data = save({name: values.detach().cpu().contiguous().clone() for name, values in weights.items()})
    text = json.dumps({**description, "weights_sha256": _sha256(data)}, indent=1) + "\n"
    stored = StoredNetwork(stem, text.encode(), data)
    for name, content in ((f"{stem}.safetensors", data), (f"{stem}.json", stored.description_bytes)):
        with atomic_file(folder / name) as partial:
            partial.write_bytes(content)
    return stored


def read_network(folder: Path, stem: str, *, rule: str, where: str = "") -> StoredNetwork:
    """Read a network's two files.

    Args:
        folder: Where they are.
        stem: Name of the files without ending.
        rule: What is expected there, for the error.
        where: What errors put before the names of the files.

    Raises:
        InputError: If one is missing.
    """
    names = (f"{stem}.json", f"{stem}.safetensors")
    for name in names:
        if not (folder / name).is_file():
            raise InputError(f"{where}{name}", rule, "no such file")
    description, weights = ((folder / name).read_bytes() for name in names)
    return StoredNetwork(stem, description, weights, where)


def _fits(found: Tensor, like: Tensor) -> bool:
    return found.shape == like.shape and found.is_floating_point() == like.is_floating_point()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
