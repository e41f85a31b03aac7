"""The methods of the benchmark, by the name that tables and `--methods` use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from cardioscar.scar3d.methods.along_wall import AlongWall
from cardioscar.scar3d.methods.average import LogitAverage
from cardioscar.scar3d.methods.gaussian_process import GaussianProcess
from cardioscar.scar3d.methods.interpolated import Interpolated
from cardioscar.scar3d.methods.learned_prior import LearnedPrior
from cardioscar.scar3d.methods.log_odds import LogOdds
from cardioscar.scar3d.methods.method import Method
from cardioscar.scar3d.methods.nearest import Nearest
from cardioscar.scar3d.methods.network import Network
from cardioscar.scar3d.methods.posterior import Posterior
from cardioscar.scar3d.methods.projected import Projected
from cardioscar.scar3d.methods.reference import Reference
from cardioscar.scar3d.methods.signed_distance import SignedDistance
from cardioscar.scar3d.observation.baselines import BEST_ON_LABELS

OURS = "posterior"
"""The method that a user gets unasked."""
HARD = "network+hard"
"""The method whose group means must meet the pixels."""
BASELINE = "log-odds"
"""The method that gains are measured against where pixels are scar fractions."""
TO_BEAT = BEST_ON_LABELS.replace("_", "-")
"""The method that gains are measured against on hidden slices that someone drew."""
REFERENCE = "reference"
"""The published method, which gets a budget."""

CROWDED = (
    "signed-distance", BASELINE, "network+soft", "gaussian-process+soft", "network&gaussian-process+soft", OURS,
)  # fmt: skip
"""Methods that are shown where all of them would hide each other."""

ROSTER: Mapping[str, Callable[[], Method]] = {
    "nearest": Nearest,
    "signed-distance": SignedDistance,
    BASELINE: LogOdds,
    "along-wall": AlongWall,
    "linear": lambda: Interpolated("linear"),
    "smoothed-signed-distance": lambda: Interpolated("signed_distance"),
    "shape-based": lambda: Interpolated("shape_based"),
    "log-odds+soft": lambda: Projected(LogOdds()),
    REFERENCE: Reference,
    "network": Network,
    "network+soft": lambda: Projected(Network()),
    HARD: lambda: Projected(Network(), "hard"),
    "network&log-odds+soft": lambda: Projected(LogitAverage((Network(), LogOdds()), (0.75, 0.25))),
    "gaussian-process+soft": lambda: GaussianProcess(mean="constant", projection="soft"),
    "log-odds>gaussian-process+soft": lambda: GaussianProcess(projection="soft"),
    "network&gaussian-process+soft": lambda: Projected(
        LogitAverage((Network(), GaussianProcess(mean="constant")), (0.5, 0.5))
    ),
    "learned-prior+soft": lambda: Projected(LearnedPrior()),
    OURS: Posterior,
}
"""Each method with the settings that it is judged by."""


def shown(methods: Iterable[str]) -> list[str]:
    """The methods to show case by case: all if they are few, else those of `CROWDED`."""
    known = list(methods)
    return known if len(known) <= len(CROWDED) else [method for method in known if method in CROWDED]


def create(name: str, *, reference_s: float) -> Method:
    """A method of the roster; the reference with its budget in seconds of processor time."""
    return Reference(budget_s=reference_s) if name == REFERENCE else ROSTER[name]()
