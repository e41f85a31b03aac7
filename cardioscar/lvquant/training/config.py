"""Settings of a training; light to import, because command lines read them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from cardioscar.config import execution
from cardioscar.errors import ConfigError
from cardioscar.learning.augment_config import AugmentConfig
from cardioscar.learning.loop_config import LoopConfig
from cardioscar.learning.schedules import ScheduleConfig
from cardioscar.lvquant.network.spec import Size
from cardioscar.synthesis.cine.settings import CineConfig

WATCHED = "error"
TASK_NAMES = ("segmentation", "areas", "dimensions", "thickness", "phase", "consistency")
"""What is learned."""


@dataclass(frozen=True)
class TrainConfig:
    """How the network that quantifies cines is trained."""

    size: Size = "small"
    """How large the network is."""
    left_out: tuple[str, ...] = ()
    """Tasks that are not learned: `areas`, `dimensions`, `thickness`, `phase`, `consistency`; without all of them the
    network only segments."""
    learned_weights: bool = True
    """Whether the weights of the tasks against each other are learned."""
    adversarial: float = 0.0
    """Weight of what a discriminator of true and predicted curves of the indices teaches the network; 0 leaves it
    out."""
    frozen: bool = False
    """Whether the segmentation stays that of the network from which the training starts: indices and phase alone are
    learned. Slices of few frames teach the segmentation at a third of the cost of whole beats, which these two need."""
    pool: int = 0
    """Synthetic slices that are drawn and segmented once, and learned from again and again in other views, where the
    segmentation stays and no labelled cines are given; 0 draws new ones for each batch. Drawing and segmenting a slice
    take five times what its indices cost to learn."""
    batch: int = 4
    """Slices of a batch, each with all frames of its beat."""
    accumulate: int = 1
    """Batches whose gradients are added up for one step."""
    views: bool = True
    """Whether slices are turned by quarters and mirrored; indices of mirrored ones change places accordingly."""
    synthetic_share: float = 0.5
    """Share of synthetic slices where labelled ones are given."""
    beyond_share: float = 0.2
    """Share of slices beyond the ends of the ventricle among the labelled ones."""
    table: str = "cardioscar"
    """Convention of the labels of real cines."""
    validation: float = 0.2
    """Share of labelled subjects that decide which weights are kept."""
    validation_slices: int = 64
    """Synthetic slices that decide which weights are kept, where there are no labelled subjects."""
    seed: int = 0
    """Seed of weights, slices and split."""
    synthetic: CineConfig = field(default_factory=lambda: CineConfig(beyond_ends=(0.1, 0.25)))
    """Synthetic slices; their pixels, pixel size and frames hold for labelled ones too. More of them lie beyond the
    ends of the ventricle than in a stack: atrium and outflow tract look like a cavity."""
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    """How the grey values of labelled slices are varied; synthetic ones vary by themselves. Its effects in space are
    left out: turns, sizes and places are drawn from the other settings, so that millimetres remain true."""
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            steps=20_000,
            schedule=ScheduleConfig(name="cosine", peak=1e-3, rise=0.02),
            clip_norm=1.0,
            precision="auto",
            validate_every=500,
            patience=10,
            watch=WATCHED,
        )
    )
    """Steps, learning rate, validation, precision, device."""
    workers: int = execution(0)
    """Processes that make batches; 0 for none beside this one."""

    def __post_init__(self) -> None:
        for name, least in (("batch", 1), ("accumulate", 1), ("validation_slices", 1), ("workers", 0), ("pool", 0)):
            if getattr(self, name) < least:
                raise ConfigError(name, f"at least {least}", str(getattr(self, name)))
        for name in ("synthetic_share", "beyond_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(name, "a share from 0 to 1", f"{getattr(self, name):g}")
        if not 0 <= self.adversarial < math.inf:
            raise ConfigError("adversarial", "a weight of at least 0", f"{self.adversarial:g}")
        if self.pool and not self.frozen:
            raise ConfigError("pool", "0 where the segmentation is learned", str(self.pool))
        if not 0 < self.validation < 1:
            raise ConfigError("validation", "a share between 0 and 1", f"{self.validation:g}")
        if not set(self.left_out) <= set(TASK_NAMES[1:]):
            raise ConfigError("left_out", f"tasks among {', '.join(TASK_NAMES[1:])}", "others")
        if self.synthetic.slices != 1 or self.synthetic.stack:
            raise ConfigError("synthetic", "single slices, no stack", f"{self.synthetic.slices} slices")

    @property
    def learned(self) -> tuple[str, ...]:
        """Tasks that are learned."""
        return tuple(task for task in TASK_NAMES if task not in self.left_out)
