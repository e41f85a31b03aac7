"""What `metrics.json` says of input, fit and posterior."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cardioscar.scar3d.quality.sometimes import sometimes


@dataclass(frozen=True)
class SignalZone:
    """The border zone by one rule."""

    lower: float | None
    """Signal from which tissue belongs to it, in the image's units; null where the wall is nowhere enhanced."""
    upper: float | None
    """Signal from which it is scar, in the image's units; null likewise."""
    slabs_ml: float
    """Its volume in the slices' slabs, in ml."""


@dataclass(frozen=True)
class Signal:
    """What the image says by itself."""

    remote_mean: float | None
    """Mean signal of remote myocardium, in the image's units."""
    remote_sd: float | None
    """Its standard deviation."""
    scar_threshold: float | None
    """Signal from which a pixel is scar; null where the scar does not come from the image, or there is none."""
    rule: str
    """`fwhm` or `nsd`: the rule that the border zone at the nodes follows."""
    border_zones: Mapping[str, SignalZone]
    """By rule, `fwhm` and `nsd`."""


@dataclass(frozen=True)
class InputSummary:
    """What the map was made from."""

    scar_from: str
    """`labels`, `probability`, `layers`, `fwhm` or `nsd`."""
    n_sd: float | None
    """Standard deviations above remote from which a pixel is scar; null where `scar_from` is not `nsd`."""
    slices: int
    """Slices with wall that the fit saw."""
    hidden_slices: int
    """Slices that `holdout` hid."""
    slice_distance_mm: float | None
    """Median distance of neighbours in mm; null for one slice."""
    slice_thickness_mm: float
    """In mm."""
    pixel_mm: tuple[float, float]
    """Size of a pixel along rows and columns in mm."""
    merged_pixels: int
    """So many pixels in each direction were merged into one group."""
    mesh: str
    """`read` for the subject's own, else how it was made."""
    nodes: int
    """Nodes of the mesh."""
    edge_mm: float
    """Median edge of the mesh in mm."""
    worst_cell_quality: float
    """Of its tetrahedra, 0 flat to 1 regular."""
    heart: str
    """`adult`, or `other` for a child or an animal."""
    signal: Signal | None
    """What the image says; null without one on the grid of the wall."""
    segmenter: str | None = sometimes()
    """Network that found wall and scar; missing where they came with the subject."""
    look_at: tuple[int, ...] | None = sometimes()
    """Slices in which it has doubts, and at which somebody should look; missing likewise."""


@dataclass(frozen=True)
class FitSummary:
    """How the network was fitted."""

    method: str
    """`fourier` or `reference`."""
    stop_reason: str
    """`completed`, `patience` or `diverged`."""
    steps: int
    """Steps of the optimizer."""
    seconds: float
    """Wall time in s."""
    final_loss: float
    """Loss of the weights that were kept."""
    device: str
    """`cpu`, or the GPU."""
    together: int
    """Subjects that were fitted at the same time."""


@dataclass(frozen=True)
class SeptumFacts:
    """Where the septum, and so the names of the AHA segments, is known from."""

    source: str
    """`given` in `subject.yaml`, read off the `mesh`, `guessed`, or `unknown`: there are no segments."""
    scanner_frame: bool | None = sometimes()
    """Whether the slices lie in the frame of a scanner."""


@dataclass(frozen=True)
class PosteriorSummary:
    """How the fits after the network's went, as in `inference.json` of `infer`."""

    samples: int | None = sometimes()
    """Dropout samples; of maps made from these alone."""
    converged: bool | None = sometimes()
    """Whether the Gaussian process of the residual converged; of maps with a posterior, as are the following."""
    iterations: int | None = sometimes()
    """Its steps."""
    inducing_points: int | None = sometimes()
    """Its inducing points."""
    active_nodes: int | None = sometimes()
    """Nodes that it corrects."""
    beside: str | None = sometimes()
    """What stands beside the network in the prior mean."""
    pixels: str | None = sometimes()
    """What pixels say: `fractions`, or `labels` drawn by hand."""
    gap_level: float | None = sometimes()
    """Where pixels are labels: probability whose level set encloses the expected volume between the slices, and which
    the map brings to one half."""
    unsettled_pixels: int | None = sometimes()
    """Groups whose projection did not settle, in the map or the worst of its draws."""
    unseen_nodes: int | None = sometimes()
    """Nodes beyond what the pixels vouch for."""
    base_rate: float | None = sometimes()
    """Scar probability far from the pixels, 0 to 1."""


@dataclass(frozen=True)
class Warned:
    """What a stage warned of."""

    stage: str
    """The stage."""
    text: str
    """Its sentence."""
