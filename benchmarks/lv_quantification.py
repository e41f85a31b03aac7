"""Volumes, ejection fraction, mass and overlap on human hearts that experts drew, none of which a network has seen.

python -m benchmarks.lv_quantification [--network shipped] [--views 4] [--output FOLDER]

Reads `sunnybrook2009_cine` below CARDIOSCAR_DATA: cavity at end-diastole and end-systole, wall at end-diastole, drawn
by experts. Prints a table in Markdown; with --output it is written there too, with a picture of each heart.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cardioscar.imaging.cine import Cine
from cardioscar.imaging.formats.cine_files import read_cine, read_cine_labels
from cardioscar.lvquant.inference.quantifier import Quantifier, of_bundle
from cardioscar.lvquant.inference.quantify import QuantifiedCine, quantify
from cardioscar.lvquant.network.views import UPRIGHT, VIEWS
from cardioscar.lvquant.reference import MeasuredReference, Reference, compared, measured_reference
from cardioscar.stages.networks import SHIPPED, bundle_at

CASES = ("SCD0000101", "SCD0000201", "SCD0000401")
"""Hearts whose contours fit their images; a fourth has a displaced epicardium."""
AIMS = {"cavity_dice_ed": 0.88, "cavity_dice_es": 0.82, "ef_points": 5.0, "mass_percent": 15.0}


@dataclass(frozen=True)
class Scored:
    """One heart.

    Attributes:
        subject: Its id.
        cine: The cine.
        found: What was found.
        truth: Labels of the experts, measured.
        reference: Overlap with them.
        stated: Numbers that came with the data.
        seconds: Time of the work, of all threads.
    """

    subject: str
    cine: Cine
    found: QuantifiedCine
    truth: MeasuredReference
    reference: Reference
    stated: dict[str, float]
    seconds: float


def score(quantifier: Quantifier, folder: Path, subject: str, *, views: int) -> Scored:
    """Quantify a heart and hold it against its experts."""
    cine = read_cine(folder / subject / "cine_sax_crop128.nii.gz")
    labels = read_cine_labels(folder / subject / "labels_crop128.nii.gz", cine)
    truth = measured_reference(labels)
    assert truth is not None
    clock = time.process_time()
    found = quantify(quantifier, cine, views=VIEWS if views == len(VIEWS) else UPRIGHT[:views])
    seconds = time.process_time() - clock
    numbers = {one["id"]: one for one in json.loads((folder / "numbers.json").read_text())}[subject]
    volumes = list(numbers["volumes_ml"].values())
    stated = {
        "edv_ml": max(volumes),
        "esv_ml": min(volumes),
        "ef_percent": numbers["EF_percent"],
        "mass_g": numbers["mass_g"],
    }
    return Scored(subject, cine, found, truth, compared(found.labels, truth), stated, seconds)


def table(scored: Sequence[Scored]) -> str:
    """The figures in Markdown; found, the experts' number in brackets, whether the 90 % interval holds it."""
    head = (
        "| heart | Dice ED | Dice ES | wall Dice ED | EDV, ml | ESV, ml | EF, % | mass, g | ED, ES frame | verdict "
        "| CPU-s |"
    )
    rows = [head, "|---|---|---|---|---|---|---|---|---|---|---|"]
    for one in scored:
        r, ref = one.found.result, one.reference
        cells = [one.subject, *(_number(v, 3) for v in (ref.cavity_dice_ed, ref.cavity_dice_es, ref.wall_dice_ed))]
        for name, key in (
            ("lv_edv_ml", "edv_ml"),
            ("lv_esv_ml", "esv_ml"),
            ("lv_ef_percent", "ef_percent"),
            ("lv_mass_g", "mass_g"),
        ):
            found, true = getattr(r, name), one.stated[key]
            if found is None:
                cells.append(f"– ({true:.0f})")
                continue
            held = "in" if found.low <= true <= found.high else "outside"
            cells.append(f"{found.value:.1f} ({true:.1f}, {held} {found.low:.0f}–{found.high:.0f})")
        cells.append(f"{r.ed_frame}, {r.es_frame} ({ref.ed_frame}, {ref.es_frame})")
        cells += ["review" if r.reasons else "pass", f"{one.seconds:.1f}"]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def aims(scored: Sequence[Scored]) -> list[str]:
    """Whether each heart meets what is asked: a line for each that does not."""
    said = []
    for one in scored:
        r, ref = one.found.result, one.reference
        said += [
            f"{one.subject}: {name} {_number(getattr(ref, name), 3)}, aim {AIMS[name]:.2f}"
            for name in ("cavity_dice_ed", "cavity_dice_es")
            if (getattr(ref, name) or 0.0) < AIMS[name]
        ]
        if r.lv_ef_percent is None or abs(r.lv_ef_percent.value - one.stated["ef_percent"]) > AIMS["ef_points"]:
            said.append(f"{one.subject}: EF farther than {AIMS['ef_points']:.0f} points from the experts'")
        mass = one.stated["mass_g"]
        if r.lv_mass_g is None or abs(r.lv_mass_g.value / mass - 1) * 100 > AIMS["mass_percent"]:
            said.append(f"{one.subject}: mass farther than {AIMS['mass_percent']:.0f} % from the experts'")
    return said


def picture(one: Scored) -> np.ndarray:
    """All slices at the experts' end-diastole and end-systole: found outlines over theirs (yellow)."""
    from cardioscar.report.lvquant.painting import grey, montage, painted

    labels, truth = one.found.labels, one.truth.labels
    images = grey(one.cine.values)
    size = (256, 256)
    tiles = [
        painted(images[:, :, k, t], labels.values[:, :, k, t], size, truth.values[:, :, k, t])
        for t in (one.truth.ed_frame, one.truth.es_frame)
        for k in range(labels.slices)
    ]
    return montage(tiles, labels.slices)


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Score the hearts and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default=SHIPPED, help="shipped, a folder, s3:// or models:/ address")
    parser.add_argument("--views", type=int, default=4, choices=(1, 2, 4, 8))
    parser.add_argument("--cases", nargs="*", default=CASES)
    parser.add_argument("--output", type=Path, help="folder for the table and the pictures")
    options = parser.parse_args(arguments)
    data = os.environ.get("CARDIOSCAR_DATA")
    folder = Path(data or "") / "sunnybrook2009_cine"
    if not data or not folder.is_dir():
        sys.stderr.write("CARDIOSCAR_DATA names no folder with sunnybrook2009_cine\n")
        return 2
    quantifier = of_bundle(bundle_at(options.network, "lvquant"), device="cpu")
    scored = [score(quantifier, folder, subject, views=options.views) for subject in options.cases]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    reasons = [f"{one.subject}: {reason}" for one in scored for reason in one.found.result.reasons]
    missed = aims(scored)
    lines = [table(scored), "", f"Peak memory {peak:.0f} MiB; {options.views} views.", "", *reasons, ""]
    lines += ["Aims missed:", *missed] if missed else ["Every aim is met."]
    text = "\n".join(lines) + "\n"
    sys.stdout.write(text)
    if options.output:
        from PIL import Image

        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "table.md").write_text(text, encoding="utf-8")
        for one in scored:
            Image.fromarray(picture(one)).save(options.output / f"{one.subject}.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
