"""The cases: phantoms in two sets that share no heart, hearts that are like people, and the real case.

Hyper-parameters are chosen on the first set alone; the second is for reporting. Both have the same nine difficulties,
with other hearts, scars and slices, and the reporting set goes a little farther: larger shifts, narrower corridors,
more noise. Subjects are the first of their seed of the kind; none was replaced after a method had seen it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cardioscar.phantom.config import PhantomConfig

Reading = Literal["fractions", "labels", "fwhm"]
SetName = Literal["choosing", "reporting", "real", "memory", "people-choosing", "people-reporting"]
Holdout = Literal["odd", "even"]


@dataclass(frozen=True)
class PhantomCase:
    """One phantom: which subject of which seed, and how it was imaged and read."""

    name: str
    """Short name in tables."""
    seed: int
    """Seed of the phantom cohort."""
    index: int
    """Subject of that cohort."""
    options: Mapping[str, Any]
    """Options of `PhantomConfig` besides seed and nodes."""
    reading: Reading = "fractions"
    """What a pixel says: its exact scar fraction, an observer's hard label, or the FWHM rule on the noisy LGE image."""
    aligned: bool = True
    """Slices are aligned to the mesh first, as `preprocess` does; it moves only those that were shifted."""

    @property
    def exact(self) -> bool:
        """Whether pixels say exactly what is there, at the place where they say it is."""
        return self.reading == "fractions" and not any(self.options.get(k) for k in ("shift_mm", "label_noise"))

    def config(self, nodes: int) -> PhantomConfig:
        """The phantom's options at a number of nodes."""
        return PhantomConfig(seed=self.seed, nodes=nodes, **self.options)


@dataclass(frozen=True)
class RealCase:
    """A real LGE volume, of which every second slice is hidden and scored."""

    name: str
    """Short name in tables."""
    holdout: Holdout
    """Slices that are hidden."""
    folder: str = "sunnybrook_lge_infarct_annotations"
    """Subject folder in `CARDIOSCAR_DATA`."""
    edge_mm: float = 1.5
    """Edge length of the mesh built from the labels, mm."""


@dataclass(frozen=True)
class PeopleCase:
    """A phantom that is like people, of which every second drawn slice is hidden and scored."""

    name: str
    """Short name in tables."""
    seed: int
    """Seed of the cohort."""
    index: int
    """Heart of that cohort."""
    holdout: Holdout
    """Slices that are hidden."""
    edge_mm: float = 2.0
    """Edge length of the mesh built from the labels, mm."""


Case = PhantomCase | RealCase | PeopleCase
"""What a case is made from."""


def _phantoms(seed: int, subjects: tuple[int, ...], flavour: Mapping[str, Any]) -> tuple[PhantomCase, ...]:
    """The nine difficulties with the hearts of one seed; `flavour` shifts what is stated in numbers."""
    shift, narrow, oblique = flavour["shift_mm"], flavour["narrow_mm"], flavour["oblique_deg"]
    rows: tuple[tuple[str, dict[str, Any], Reading], ...] = (
        ("smooth", {"scar": "smooth"}, "fractions"),
        ("smooth, wide gaps", {"scar": "smooth", "spacing_mm": (12.0, 13.0), "thickness_mm": (6.0, 7.0)}, "fractions"),
        (
            "corridor along axis",
            {"scar": "isthmus", "isthmus_angle_deg": (0.0, 15.0), "isthmus_width_mm": (5.0, 6.0)},
            "fractions",
        ),
        (
            "corridor oblique, narrow",
            {"scar": "isthmus", "isthmus_angle_deg": oblique, "isthmus_width_mm": narrow},
            "fractions",
        ),
        (
            "corridor within slices",
            {
                "scar": "isthmus",
                "isthmus_angle_deg": (75.0, 90.0),
                "isthmus_width_mm": (6.0, 7.0),
                "spacing_mm": (8.0, 8.5),
                "thickness_mm": (6.0, 8.0),
            },
            "fractions",
        ),
        (
            "corridor, observer's labels",
            {"scar": "isthmus", "isthmus_angle_deg": (20.0, 50.0), "label_noise": 0.15, "tilt_deg": (4.0, 12.0)},
            "labels",
        ),
        (
            "patchy, shifted and tilted",
            {"scar": "patchy", "shift_mm": shift, "tilt_deg": (12.0, 18.0)},
            "fractions",
        ),
        (
            "patchy, shifted, not aligned",
            {"scar": "patchy", "shift_mm": shift, "tilt_deg": (12.0, 18.0)},
            "fractions",
        ),
        ("patchy, noisy image", {"scar": "patchy", "snr": flavour["snr"], "pixel_mm": (1.2, 1.5)}, "fwhm"),
    )
    return tuple(
        PhantomCase(f"{name} ({seed})", seed, index, options, reading, aligned="not aligned" not in name)
        for (name, options, reading), index in zip(rows, subjects, strict=True)
    )


CHOOSING = _phantoms(
    100, (0, 3, 1, 4, 7, 10, 2, 8, 5),
    {"shift_mm": 1.5, "narrow_mm": (4.0, 4.5), "oblique_deg": (40.0, 60.0), "snr": 8.0},
)  # fmt: skip
REPORTING = _phantoms(
    200, (0, 3, 1, 4, 7, 10, 2, 8, 5),
    {"shift_mm": 2.0, "narrow_mm": (3.5, 4.5), "oblique_deg": (30.0, 65.0), "snr": 7.0},
)  # fmt: skip
REAL = (RealCase("real, odd slices hidden", "odd"), RealCase("real, even slices hidden", "even"))
MEMORY_NODES = 1_400_000
"""Nodes of the cases that show peak memory, whatever `--nodes` says."""
MEMORY = (PhantomCase("smooth, for memory (100)", 100, 0, {"scar": "smooth"}),)

REFERENCE_CASES = ("smooth (", "oblique", "shifted and tilted")
"""Words in the names of the cases that the published method is given its budget on."""

PEOPLE_SEEDS: Mapping[str, int] = {"people-choosing": 1000, "people-reporting": 2000}
"""Seeds of the hearts that are like people, one for choosing and one for reporting."""


def people(case_set: str, hearts: int) -> tuple[PeopleCase, ...]:
    """The first hearts of a set, each with odd and with even slices hidden."""
    seed = PEOPLE_SEEDS[case_set]
    holdouts: tuple[Holdout, ...] = ("odd", "even")
    return tuple(
        PeopleCase(f"heart {index}, {holdout} slices hidden ({seed})", seed, index, holdout)
        for index in range(hearts)
        for holdout in holdouts
    )


SETS: Mapping[SetName, tuple[Case, ...]] = {
    "choosing": CHOOSING,
    "reporting": REPORTING,
    "real": REAL,
    "memory": MEMORY,
    "people-choosing": people("people-choosing", 20),
    "people-reporting": people("people-reporting", 20),
}
"""The sets by name; `--hearts` takes more or fewer hearts of those that are like people."""


EXACT = frozenset(
    case.name for cases in SETS.values() for case in cases if isinstance(case, PhantomCase) and case.exact
)
"""Names of the phantoms without errors of reading or place: there all that is missing is between the slices."""
