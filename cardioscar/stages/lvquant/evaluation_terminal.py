"""An evaluation on the terminal: what was compared, in a few lines."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from cardioscar.errors import counted
from cardioscar.lvquant.evaluation import OVERLAPS, VOLUMES, Evaluation

_UNITS = {"lv_edv_ml": "EDV, ml", "lv_esv_ml": "ESV, ml", "lv_ef_percent": "EF, %", "lv_mass_g": "mass, g"}


def print_evaluation(found: Evaluation, out: Path) -> None:
    """Print errors and overlap of the cohort, and where the rest is."""
    lines = [f"{counted(len(found.subjects), 'subject')} compared"]
    for name in VOLUMES:
        one = found.volumes[name]
        if one.subjects:
            held = f", truth in the 90 % interval of {one.held:.0%}" if np.isfinite(one.held) else ""
            lines.append(f"  {_UNITS[name]:<9} mean absolute error {one.mae:.1f}{held}")
    for name in OVERLAPS:
        values = found.overlap(name)
        if len(values):
            lines.append(f"  {name:<15} {values.mean():.3f} (lowest {values.min():.3f})")
    for way, index in found.agreement.items():
        errors = (index.mae["areas_mm2"], index.mae["dimensions_mm"], index.mae["thickness_mm"])
        areas, dimensions, walls = ("–" if not np.isfinite(e) else f"{e:.2f}" for e in errors)
        phase = "" if index.phase_error_percent is None else f", phase wrong in {index.phase_error_percent:.0f} %"
        lines.append(f"  {way:<10} areas {areas} mm², dimensions {dimensions} mm, wall {walls} mm{phase}")
    lines += [f"  {one.subject}: {doubt}" for one in found.subjects for doubt in one.doubts]
    lines += [f"  {subject} not compared: {why}" for subject, why in sorted(found.failed.items())]
    lines.append(f"report  {out / 'evaluation.html'}")
    sys.stdout.write("\n".join(lines) + "\n")
