"""Write what each score is, with its formula, from the docstrings: `python -m docs.formulas_page [--check]`."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import docstring_parser

from docs.written import keep

PAGE = Path(__file__).resolve().parent / "reference" / "formulas.md"

MEASURES = {
    "Scar by signal": (
        "imaging.thresholds:fwhm_threshold",
        "imaging.thresholds:nsd_threshold",
        "imaging.thresholds:remote_statistics",
    ),
    "The constraint of the reconstruction": ("scar3d.observation.group_means:group_means",),
    "Overlap with a truth": ("metrics.overlap:dice", "metrics.overlap:precision", "metrics.overlap:recall"),
    "Volume": ("metrics.volume:scar_volume_ml", "metrics.volume:volume_error_percent"),
    "Distance of surfaces": ("metrics.surface_distance:hd95_mm",),
    "Whether probabilities and intervals mean what they say": (
        "metrics.calibration:reliability_curve",
        "metrics.calibration:expected_calibration_error",
        "metrics.calibration:brier_score",
        "metrics.calibration:interval_coverage",
        "lge.quantification.crps:crps",
        "lge.inference.expected:expected_dice",
    ),
    "Living corridors": ("metrics.corridor:corridor_kept", "scar3d.channels.transmurality:wall_transmurality"),
    "Agreement of two readings": (
        "metrics.agreement:bland_altman",
        "metrics.agreement:coefficient_of_variation_percent",
        "metrics.agreement:pearson",
        "metrics.agreement:icc_2_1",
    ),
    "Volumes of the ventricle": ("lvquant.volumes:stack_volumes",),
}
"""Functions by heading; their docstrings are the page."""

_FORMULA = re.compile(r"\s*\$\$(.+?)\$\$[\s,]*", re.DOTALL)
_HEAD = """# Formulas of the metrics

What each number is, as the function that computes it says. Sources in brackets are keys of
[the bibliography](sources.md). Which numbers a subject gets, with unit and range: [`metrics.json`](metrics.md).

"""
_TAIL = "\nThis page is written from the code: `python -m docs.formulas_page`.\n"


def render() -> str:
    """Text of the page."""
    lines: list[str] = []
    for heading, names in MEASURES.items():
        lines += [
            f"## {heading}",
            "",
            *(line for name in names for line in _measure(resolve_name(f"cardioscar.{name}"))),
        ]
    return _HEAD + "\n".join(lines).rstrip() + "\n" + _TAIL


def _measure(function: Callable[..., Any]) -> Iterator[str]:
    said = docstring_parser.parse(inspect.getdoc(function) or "", docstring_parser.DocstringStyle.GOOGLE)
    yield from (f"### `{function.__name__}`", "", said.short_description or "", "")
    if said.long_description:
        yield from (_FORMULA.sub(r"\n\n$$\1$$\n\n", said.long_description.split("\n>>>")[0]).strip(), "")
    yield from (f"- `{one.arg_name}`: {_line(one.description)}" for one in said.params)
    if said.returns:
        yield f"- **returns** {_line(said.returns.description)}"
    yield ""


def _line(text: str | None) -> str:
    return " ".join((text or "").split("\n>>>")[0].split())


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the page; returns the exit code."""
    return keep({PAGE: render()}, arguments, __doc__)


if __name__ == "__main__":
    sys.exit(main())
