"""A pretrained network on disk: `field.safetensors` and `field.json`, with nothing that names a subject."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cardioscar.errors import InputError

if TYPE_CHECKING:
    from cardioscar.scar3d.field.pretrained import FieldPrior

WEIGHTS, DESCRIPTION = "field.safetensors", "field.json"
FORMAT = "cardioscar prior 1"
FRAME = "LV: septum, anterior, base; mm of a heart whose wall lies 30 mm from its long axis"
_IN_JSON, _IN_WEIGHTS = f"prior: {DESCRIPTION}", f"prior: {WEIGHTS}"


@dataclass(frozen=True)
class StoredPrior:
    """The two files, checked as far as that takes no torch: a stage that finds all done never imports it.

    Attributes:
        description: Bytes of `field.json`.
        weights: Bytes of `field.safetensors`.
    """

    description: bytes
    weights: bytes

    def __post_init__(self) -> None:
        found = self._read().get("format")
        if found != FORMAT:
            rule = "a network that train-prior field wrote"
            raise InputError(_IN_JSON, rule, "one subject's field" if found == 1 else "another format")
        if _sha256(self.weights) != self._read().get("weights_sha256"):
            raise InputError(_IN_WEIGHTS, f"the weights that {DESCRIPTION} describes", "another sha256")
        if not isinstance(self._read().get("spec"), dict):
            raise InputError(_IN_JSON, "the network's architecture", "none")

    @property
    def sha256(self) -> str:
        """Hash of the description, which holds that of the weights."""
        return _sha256(self.description)

    @property
    def spec(self) -> dict[str, Any]:
        """Architecture, a `FieldSpec` as a mapping."""
        return dict(self._read()["spec"])

    def load(self) -> FieldPrior:
        """The network.

        Raises:
            InputError: If the weights are not those of the architecture.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load

        from cardioscar.scar3d.field.pretrained import FieldPrior
        from cardioscar.scar3d.field.scar_field import ScarField, read_spec

        spec = read_spec(self.spec, where=_IN_JSON)
        try:
            weights = load(self.weights)
        except SafetensorError as error:
            raise InputError(_IN_WEIGHTS, "safetensors", "another form") from error
        # before a network is made: an architecture of few digits may claim any size
        inputs = spec.features if spec.encoding == "fourier" else 3
        least = 4 * spec.hidden * ((spec.layers - 1) * spec.hidden + inputs)
        if min(spec.hidden, spec.layers, inputs) < 1 or least > len(self.weights):
            raise InputError(_IN_WEIGHTS, "the weights of the architecture", "fewer")
        expected = FieldPrior.of(ScarField(spec)).weights
        wrong = [name for name in expected if name not in weights or weights[name].shape != expected[name].shape]
        # by the names of the architecture alone: others may be anything
        wrong += [f"{more} more"] if (more := sum(name not in expected for name in weights)) else []
        if wrong:
            raise InputError(_IN_WEIGHTS, "the weights of the architecture", f"otherwise: {', '.join(wrong[:5])}")
        odd = [name for name, values in weights.items() if not values.isfinite().all()]
        if odd:
            raise InputError(_IN_WEIGHTS, "finite weights", f"others: {', '.join(odd)}")
        return FieldPrior(spec, weights, self.sha256)

    def _read(self) -> dict[str, Any]:
        try:
            description = json.loads(self.description)
        except (ValueError, RecursionError) as error:
            raise InputError(_IN_JSON, "JSON", "another text") from error
        return description if isinstance(description, dict) else {}


def save_prior(folder: Path, prior: FieldPrior, about: dict[str, Any]) -> StoredPrior:
    """Write a pretrained network.

    Args:
        folder: Existing folder; the caller makes the pair of files appear at once.
        prior: The network.
        about: JSON-ready facts of its training.

    Returns:
        What was written.
    """
    from safetensors.torch import save

    weights = save({name: values.contiguous() for name, values in prior.weights.items()})
    description = {
        "format": FORMAT,
        "frame": FRAME,
        "spec": dataclasses.asdict(prior.spec),
        "weights_sha256": _sha256(weights),
        **about,
    }
    stored = StoredPrior((json.dumps(description, indent=1) + "\n").encode(), weights)
    (folder / WEIGHTS).write_bytes(stored.weights)
    (folder / DESCRIPTION).write_bytes(stored.description)
    return stored


def read_prior(folder: Path) -> StoredPrior:
    """Read a pretrained network's files.

    Raises:
        InputError: If a file is missing, or they are not what `save_prior` writes.
    """
    for name in (DESCRIPTION, WEIGHTS):
        if not (folder / name).is_file():
            raise InputError(f"prior: {name}", "a network that train-prior field wrote", "no such file")
    return StoredPrior((folder / DESCRIPTION).read_bytes(), (folder / WEIGHTS).read_bytes())


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
