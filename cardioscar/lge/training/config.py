"""Settings of a training; light to import, because command lines read them."""

from __future__ import annotations

from dataclasses import dataclass, field

from cardioscar.config import execution
from cardioscar.errors import ConfigError
from cardioscar.imaging.formats.header_trust import HeaderTrust
from cardioscar.learning.augment_config import AugmentConfig
from cardioscar.learning.loop_config import LoopConfig
from cardioscar.learning.schedules import ScheduleConfig
from cardioscar.lge.network.specs import Architecture, Size
from cardioscar.lge.training.loss_config import LossConfig
from cardioscar.synthesis.lge.settings import LgeConfig

WATCHED = "scar_dice"


@dataclass(frozen=True)
class TrainConfig:
    """How a segmenter is trained."""

    architecture: Architecture = "residual_encoder"
    """Network: `residual_encoder`, as nnU-Net plans it; `unet`, plain; `scar_net`, which needs the extra `lge`."""
    size: Size = "tiny"
    """How large it is; networks of one size have about as many weights each."""
    neighbours: bool = False
    """Whether the slices before and after each slice are channels too."""
    batch: int = 16
    """Slices of a batch."""
    accumulate: int = 1
    """Batches whose gradients are added up for one step."""
    side: float = 0.3
    """Weight of the loss of ScarNet's two pathways, each by itself."""
    frozen: tuple[str, ...] = ()
    """Parts whose weights stay as they are, such as `encoder.vit.layers.0`."""
    shown: int = 1
    """How often each synthetic slice is shown, each time in another batch and turned or mirrored otherwise: on a CPU,
    drawing one takes as long as learning from it. It divides the batch."""
    synthetic_share: float = 1.0
    """Share of synthetic slices where real ones are given."""
    table: str = "cardioscar"
    """Convention of the labels of real images: `cardioscar`, `emidec`, `scarnet`, …"""
    trust: HeaderTrust = "agree"
    """Which statement of a header counts where two contradict each other; for EMIDEC `pixdim`."""
    png_pixel_mm: float | None = None
    """Pixel size of real slices that come as PNG pictures, in mm: these do not state it."""
    validation: float = 0.2
    """Share of real subjects that decide which weights are kept."""
    validation_slices: int = 256
    """Synthetic slices that decide which weights are kept, where there are no real subjects."""
    seed: int = 0
    """Seed of weights, slices and split."""
    synthetic: LgeConfig = field(default_factory=LgeConfig)
    """Synthetic slices; their pixels and pixel size hold for real ones too."""
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    """How real slices are varied; synthetic ones vary by themselves."""
    loss: LossConfig = field(default_factory=LossConfig)
    """How mistakes are weighed."""
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            steps=20_000,
            schedule=ScheduleConfig(name="cosine", peak=2e-3, rise=0.02),
            clip_norm=1.0,
            precision="auto",
            validate_every=500,
            patience=10,
            watch=WATCHED,
            higher_is_better=True,
        )
    )
    """Steps, learning rate, validation, precision, device."""
    workers: int = execution(0)
    """Processes that make batches; 0 for none beside this one."""

    def __post_init__(self) -> None:
        for name, least in (("batch", 1), ("accumulate", 1), ("shown", 1), ("validation_slices", 1), ("workers", 0)):
            if getattr(self, name) < least:
                raise ConfigError(name, f"at least {least}", str(getattr(self, name)))
        if self.batch % self.shown:
            raise ConfigError("shown", f"a number that divides the batch of {self.batch}", str(self.shown))
        if not 0 <= self.side < float("inf"):
            raise ConfigError("side", "a number of at least 0", f"{self.side:g}")
        if not 0 <= self.synthetic_share <= 1:
            raise ConfigError("synthetic_share", "a share from 0 to 1", f"{self.synthetic_share:g}")
        if self.png_pixel_mm is not None and not 0 < self.png_pixel_mm < float("inf"):
            raise ConfigError("png_pixel_mm", "a positive number of mm", f"{self.png_pixel_mm:g}")
        if not 0 < self.validation < 1:
            raise ConfigError("validation", "a share between 0 and 1", f"{self.validation:g}")
