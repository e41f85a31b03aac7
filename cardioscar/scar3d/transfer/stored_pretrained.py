"""A pretrained network on disk: `field.safetensors` and `field.json`, with nothing that names a subject."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cardioscar.errors import InputError
from cardioscar.learning.stored import StoredNetwork, read_network, store_network

if TYPE_CHECKING:
    from cardioscar.scar3d.field.pretrained import PretrainedField

STEM = "field"
WEIGHTS, DESCRIPTION = f"{STEM}.safetensors", f"{STEM}.json"
FORMAT = "cardioscar prior 1"
FRAME = "LV: septum, anterior, base; mm of a heart whose wall lies 30 mm from its long axis"
_RULE, _WHERE = "a network that train-prior field wrote", "pretrained network: "


@dataclass(frozen=True)
class StoredPretrained:
    """The two files, checked as far as that takes no torch: a stage that finds all done never imports it.

    Attributes:
        description: Bytes of `field.json`.
        weights: Bytes of `field.safetensors`.
    """

    description: bytes
    weights: bytes

    def __post_init__(self) -> None:
        stored = self._stored
        found = stored.description.get("format")
        if found != FORMAT:
            raise InputError(stored.in_description, _RULE, "one subject's field" if found == 1 else "another format")
        stored.check_hash()
        if not isinstance(stored.description.get("spec"), dict):
            raise InputError(stored.in_description, "the network's architecture", "none")

    @cached_property
    def _stored(self) -> StoredNetwork:
        return StoredNetwork(STEM, self.description, self.weights, _WHERE)

    @property
    def sha256(self) -> str:
        """Hash of the description, which holds that of the weights."""
        return self._stored.sha256

    @property
    def spec(self) -> dict[str, Any]:
        """Architecture, a `FieldSpec` as a mapping."""
        return dict(self._stored.description["spec"])

    def load(self) -> PretrainedField:
        """The network.

        Raises:
            InputError: If the weights are not those of the architecture.
        """
        from cardioscar.scar3d.field.pretrained import PretrainedField
        from cardioscar.scar3d.field.scar_field import ScarField, check_size, read_spec

        spec = read_spec(self.spec, where=self._stored.in_description)
        check_size(spec, len(self.weights), where=self._stored.in_weights)
        return PretrainedField(spec, self._stored.weights(PretrainedField.of(ScarField(spec)).weights), self.sha256)


def save_pretrained(folder: Path, pretrained: PretrainedField, about: dict[str, Any]) -> StoredPretrained:
    """Write a pretrained network.

    Args:
        folder: Existing folder; the caller makes the pair of files appear at once.
        pretrained: The network.
        about: JSON-ready facts of its training.

    Returns:
        What was written.
    """
    description = {
        "format": FORMAT,
        "frame": FRAME,
        "spec": dataclasses.asdict(pretrained.spec),
        "weights_sha256": "",
        **about,
    }
    stored = store_network(folder, STEM, pretrained.weights, description)
    return StoredPretrained(stored.description_bytes, stored.weights_bytes)


def read_pretrained(folder: Path) -> StoredPretrained:
    """Read a pretrained network's files.

    Raises:
        InputError: If a file is missing, or they are not what `save_pretrained` writes.
    """
    stored = read_network(folder, STEM, rule=_RULE, where=_WHERE)
    return StoredPretrained(stored.description_bytes, stored.weights_bytes)
