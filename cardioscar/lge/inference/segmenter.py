"""A stored network with all that its application needs: what it sees, at which size, and how sure it may be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from cardioscar.errors import InputError
from cardioscar.learning.bundle import Bundle, read_bundle
from cardioscar.lge.intensity import RULE
from cardioscar.lge.network.build import build
from cardioscar.lge.network.specs import CLASSES, SPECS

TEMPERATURE = "temperature"
"""Key of the temperature among a bundle's figures of the validation."""
TEMPERATURE_VIEWS = "temperature_views"
"""Key of the number of views with which it was fitted."""
_MEANINGS = ["background", "wall", "cavity", "scar"]


@dataclass(frozen=True)
class Segmenter:
    """A network and how it is applied.

    Attributes:
        network: From normalised slices, shape (n, channels, i, j), to scores of the four labels; in evaluation mode.
        pixels: Pixels along i and j of the picture that it sees.
        pixel_mm: Their size.
        neighbours: Whether the slices before and after are channels too.
        temperature: What its log-probabilities are divided by; 1 where it was never calibrated.
        calibrated: Whether the temperature was fitted.
        views: Views with which it was fitted; 0 where that is not known.
        name: Name of the network.
        sha256: Hash that names it; empty where it is not stored.
    """

    network: nn.Module
    pixels: tuple[int, int]
    pixel_mm: float
    neighbours: bool = False
    temperature: float = 1.0
    calibrated: bool = False
    views: int = 0
    name: str = "segmenter"
    sha256: str = ""


def read_segmenter(folder: Path, *, where: str = "") -> Segmenter:
    """Read a segmenter that `train_segmenter` made.

    Args:
        folder: Its bundle.
        where: What errors put before the names of the files.

    Raises:
        InputError: If the bundle cannot be read, or is no segmenter of late enhancement: another architecture, channel
            count, label set, intensity rule or modality.
    """
    return of_bundle(read_bundle(folder, where=where))


def of_bundle(bundle: Bundle) -> Segmenter:
    """The segmenter of a bundle, see `read_segmenter`."""
    facts, place = bundle.facts, bundle.stored.in_description
    if facts.architecture not in SPECS:
        raise InputError(place, f"a network {', '.join(SPECS)}", "another architecture")
    image, scores = facts.inputs.get("image"), facts.outputs.get("scores")
    if image is None or image.modality != "LGE" or image.num_channels not in (1, 3):
        raise InputError(place, "a network of late-enhancement slices, one or three channels", "another input")
    if scores is None or list(scores.channel_def.values()) != _MEANINGS or scores.num_channels != CLASSES:
        raise InputError(place, f"the labels {', '.join(_MEANINGS)}", "others")
    if facts.intensity != RULE:
        raise InputError(place, "the intensity rule of this version", "another")
    pixels = _pixels(facts.config)
    if pixels is None or len(facts.spacing_mm) != 2 or facts.spacing_mm[0] != facts.spacing_mm[1]:
        raise InputError(place, "pixels and one pixel size", "others")
    temperature = facts.eval_metrics.get(TEMPERATURE)
    if temperature is not None and not 0 < temperature < math.inf:
        raise InputError(place, "a positive temperature", f"{temperature:g}")
    architecture = facts.architecture

    def network(numbers: Mapping[str, Any]) -> nn.Module:
        return build(architecture, numbers)

    return Segmenter(
        network=bundle.network(architecture, network),
        pixels=pixels,
        pixel_mm=facts.spacing_mm[0],
        neighbours=image.num_channels == 3,
        temperature=1.0 if temperature is None else float(temperature),
        calibrated=temperature is not None,
        views=int(facts.eval_metrics.get(TEMPERATURE_VIEWS, 0)),
        name=facts.name,
        sha256=bundle.sha256,
    )


def _pixels(config: Mapping[str, Any]) -> tuple[int, int] | None:
    said = config.get("synthetic")
    pixels = said.get("pixels") if isinstance(said, Mapping) else None
    whole = isinstance(pixels, list | tuple) and len(pixels) == 2 and all(type(n) is int and n > 0 for n in pixels)
    return (pixels[0], pixels[1]) if whole else None  # type: ignore[index]
