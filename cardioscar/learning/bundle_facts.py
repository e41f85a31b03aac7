"""What must be known to apply a trained network to somebody else's images; light to import."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cardioscar.errors import ConfigError


@dataclass(frozen=True)
class DataFormat:
    """An input or output of a network, in the words of MONAI's `network_data_format`."""

    format: str
    """What the numbers are: `magnitude` of an image, `segmentation`, `probabilities`, `curve`, …"""
    channel_def: dict
    """Meaning of each channel or label by its number as text, such as `{"0": "background", "1": "scar"}`."""
    num_channels: int = 1
    """Number of channels; a map of labels has one."""
    spatial_shape: tuple[str, ...] = ("*", "*")
    """Allowed size of each axis: a number, `*` for any, `16*n` for multiples of 16."""
    type: str = "image"
    """Kind of the data: `image` or `series`."""
    modality: str = "MR"
    """Modality, and in MR the contrast: `LGE`, `cine`, `DENSE`."""
    dtype: str = "float32"
    """Type of the numbers."""
    value_range: tuple[float, ...] = ()
    """Lowest and highest value; empty for any."""
    is_patch_data: bool = False
    """Whether the network sees a part of an image at a time."""

    def __post_init__(self) -> None:
        if self.num_channels < 1:
            raise ConfigError("num_channels", "at least 1", str(self.num_channels))
        numbers = [str(number) for number in range(len(self.channel_def))]
        if not numbers or list(self.channel_def) != numbers:
            raise ConfigError("channel_def", "a meaning for each channel or label by number from 0", "another form")
        if not all(isinstance(meaning, str) and meaning for meaning in self.channel_def.values()):
            raise ConfigError("channel_def", "words", "others")
        if self.format != "segmentation" and len(numbers) != self.num_channels:
            raise ConfigError("channel_def", f"{self.num_channels} channels", str(len(numbers)))
        if not self.spatial_shape or not all(re.fullmatch(r"\*|[1-9]\d*(\*n)?", one) for one in self.spatial_shape):
            raise ConfigError("spatial_shape", "numbers, * or such as 16*n", "another form")
        if len(self.value_range) not in (0, 2) or list(self.value_range) != sorted(self.value_range):
            raise ConfigError("value_range", "the lowest and the highest value", "another form")


@dataclass(frozen=True)
class BundleFacts:
    """All that is said of a trained network beside what can be computed from it."""

    name: str
    """Name of the network."""
    task: str
    """What it does, in a sentence."""
    architecture: str
    """Name of its architecture."""
    spec: dict
    """Numbers that build it: widths, depths, …"""
    inputs: dict
    """`DataFormat` of each input by name."""
    outputs: dict
    """`DataFormat` of each output by name."""
    intensity: str
    """How an image's values are brought to what the network knows."""
    config: dict
    """Settings of the training."""
    spacing_mm: tuple[float, ...] = ()
    """Pixel or voxel size that images are resampled to; empty where any is taken."""
    split_sha256: str = ""
    """Hash of the split by subject; empty where no subject was learned from."""
    eval_metrics: dict = field(default_factory=dict)
    """Figures of the validation by name."""
    data_source: str = ""
    """What it learned from."""
    intended_use: str = "Research use only. Not a medical device."
    """What it may be used for."""
    references: tuple[str, ...] = ()
    """Where the method is described."""

    def __post_init__(self) -> None:
        for name in ("name", "task", "architecture", "intensity"):
            if not getattr(self, name).strip():
                raise ConfigError(name, "a text", "none")
        for name in ("inputs", "outputs"):
            if not getattr(self, name) or not all(isinstance(v, DataFormat) for v in getattr(self, name).values()):
                raise ConfigError(name, "a data format for each by name", "another form")
        if not all(0 < size < math.inf for size in self.spacing_mm):
            raise ConfigError("spacing_mm", "positive numbers", "others")
        if not re.fullmatch(r"([0-9a-f]{64})?", self.split_sha256):
            raise ConfigError("split_sha256", "64 hexadecimal digits", "another form")
        if not all(_is_number(value) for value in self.eval_metrics.values()):
            raise ConfigError("eval_metrics", "finite numbers by name", "others")
        for name in ("spec", "config"):
            if not _is_plain(getattr(self, name)):
                raise ConfigError(name, "texts, finite numbers, lists and mappings of them", "something else")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_plain(value: Any) -> bool:
    """Whether JSON gives a value back as it is, but for tuples."""
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_plain(one) for key, one in value.items())
    if isinstance(value, list | tuple):
        return all(_is_plain(one) for one in value)
    return value is None or isinstance(value, str | bool) or _is_number(value)
