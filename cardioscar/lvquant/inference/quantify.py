"""A cine quantified: located, segmented, measured two ways, with intervals and reasons for doubt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from cardioscar.imaging.cine import Cine
from cardioscar.lvquant.cine_indices import CineIndices, indices_of_shares
from cardioscar.lvquant.inference.intervals import Calibration, Quantity, deviation, quantity
from cardioscar.lvquant.inference.locate import locate
from cardioscar.lvquant.inference.pixels import resized, wanted_pixel_mm, window_around, with_pixels
from cardioscar.lvquant.inference.quantifier import Quantifier
from cardioscar.lvquant.inference.reasons import reasons_of
from cardioscar.lvquant.inference.result import CineResult, Disagreement, known
from cardioscar.lvquant.inference.seen import Seen, see
from cardioscar.lvquant.inference.totals import Totals, regressed_totals, totals_of, where_shown
from cardioscar.lvquant.inference.ventricle import labels_of, ventricle_alone
from cardioscar.lvquant.network.views import UPRIGHT, View
from cardioscar.lvquant.sectors import SeptumFrame, septum_frame
from cardioscar.lvquant.thickening import SEGMENTS, regressed_thickening_percent


@dataclass(frozen=True)
class RegressedIndices:
    """Indices as the heads say them; NaN where the segmentation shows no cavity.

    Attributes:
        areas_mm2: Cavity and myocardium, shape (slices, frames, 2).
        dimensions_mm: IS–AL, I–A, IL–AS, shape (slices, frames, 3).
        thickness_mm: IS, I, IL, AL, A, AS, shape (slices, frames, 6).
        systole: Chance of systole, shape (slices, frames).
    """

    areas_mm2: Float[np.ndarray, "slices frames 2"]
    dimensions_mm: Float[np.ndarray, "slices frames 3"]
    thickness_mm: Float[np.ndarray, "slices frames 6"]
    systole: Float[np.ndarray, "slices frames"]


@dataclass(frozen=True)
class QuantifiedCine:
    """Everything that was found.

    Attributes:
        result: Numbers of the whole.
        measured: Indices of every slice and frame from the segmentation.
        regressed: The same from the heads.
        labels: `Label` of each pixel, on the grid of the cine.
    """

    result: CineResult
    measured: CineIndices
    regressed: RegressedIndices
    labels: Cine


def quantify(
    quantifier: Quantifier,
    cine: Cine,
    *,
    septum: SeptumFrame | None = None,
    calibration: Calibration | None = None,
    views: Sequence[View] = UPRIGHT,
    least_surrounded: float = 0.5,
) -> QuantifiedCine:
    """Quantify a cine of any number of slices, frames and pixels.

    Labels and indices are those of the mean over views; its spread over them, each with its own decision about the last
    slice at the base, and what the two ways differ by, make the intervals.

    Args:
        quantifier: Network.
        cine: In the one order of storage, as `read_cine` returns it.
        septum: Directions of the heart; default by the patient's axes.
        calibration: Terms of the intervals; default those of the network, where they were fitted.
        views: Turns and mirror images in which the network looks.
        least_surrounded: Share of the cavity's outline that muscle must border in a slice at the base.
    """
    septum = septum or septum_frame(cine.grid, where=cine.source)
    terms = quantifier.calibration if calibration is None else calibration
    seen_as = with_pixels(cine, wanted_pixel_mm(cine, quantifier.pixel_mm))
    shape = (seen_as.values.shape[0], seen_as.values.shape[1])
    center = locate(quantifier, seen_as)
    if center is None:
        center = (np.array(shape) - 1) / 2
    window = window_around(center, quantifier.pixels, shape)
    part = window.cut(seen_as)
    seen = see(quantifier, part, views)
    alone = [
        ventricle_alone(cavity, wall, part, least_surrounded=least_surrounded)
        for cavity, wall in zip(seen.cavity, seen.wall, strict=True)
    ]
    cavity, wall = ventricle_alone(
        seen.cavity.mean(axis=0), seen.wall.mean(axis=0), part, least_surrounded=least_surrounded
    )
    measured = indices_of_shares(cavity, wall, part, septum=septum)
    regressed = _regressed(seen, measured)
    totals = totals_of(cavity, wall, part, septum) if cine.slices > 1 else None
    by_view = [totals_of(*one, part, septum) for one in alone] if totals else []
    quantities = _quantities(totals, by_view, regressed, measured, terms)
    result = _result(cine, quantifier, measured, regressed, totals, quantities, terms)
    whole = [window.pasted(one, shape) for one in (cavity, wall)]
    if seen_as is not cine:
        plane = (cine.values.shape[0], cine.values.shape[1])
        whole = [resized(one, seen_as.pixel_mm, cine.pixel_mm, plane) for one in whole]
    labels = replace(cine, values=labels_of(whole[0], whole[1]), source="labels")
    return QuantifiedCine(result, measured, regressed, labels)


def _regressed(seen: Seen, measured: CineIndices) -> RegressedIndices:
    shown = np.isfinite(measured.dimensions_mm).all(axis=-1)
    tables = [
        np.where(shown[..., None], one.mean(axis=0), np.nan)
        for one in (seen.areas_mm2, seen.dimensions_mm, seen.thickness_mm)
    ]
    return RegressedIndices(tables[0], tables[1], tables[2], seen.systole.mean(axis=0))


def _quantities(
    totals: Totals | None,
    by_view: list[Totals | None],
    regressed: RegressedIndices,
    measured: CineIndices,
    terms: Calibration,
) -> dict[str, Quantity]:
    """Quantities of the stack by name, thickening by segment."""
    if totals is None:
        return {}
    heads = regressed_totals(np.nan_to_num(regressed.areas_mm2), measured, totals.volumes)
    seen = [one for one in by_view if one is not None]
    found = {}
    frames = totals.volumes.ed_frame, totals.volumes.es_frame
    thickening = regressed_thickening_percent(regressed.thickness_mm, where_shown(measured), *frames)
    for name, value in totals.named().items():
        if np.isfinite(value):
            spread = deviation(np.array([one.named()[name] for one in seen]), value, heads[name])
            found[name] = quantity(value, spread, terms.terms.get(name, 0.0), regressed=heads[name], least=0.0)
    for n in range(SEGMENTS):
        value, name = float(totals.thickening_percent[n]), f"lv_thickening_percent_{n + 1}"
        if np.isfinite(value):
            spread = deviation(np.array([one.thickening_percent[n] for one in seen]))
            found[name] = quantity(value, spread, terms.terms.get(name, 0.0), regressed=known(thickening[n]))
    return found


def _result(
    cine: Cine,
    quantifier: Quantifier,
    measured: CineIndices,
    regressed: RegressedIndices,
    totals: Totals | None,
    quantities: dict[str, Quantity],
    terms: Calibration,
) -> CineResult:
    cavity = np.where(measured.labelled, np.nansum(measured.cavity_mm2, axis=0), np.nan)
    found = measured.labelled.sum() >= 2
    ed, es = (int(np.nanargmax(cavity)), int(np.nanargmin(cavity))) if found else (None, None)
    shown = np.isfinite(measured.dimensions_mm).all(axis=-1)
    chance = _chance(regressed, measured) if found else None
    disagreement = _disagreement(measured, regressed, chance, quantities)
    volume = totals.volumes.volume_ml if totals else np.full(cine.frames, np.nan)
    return CineResult(
        slices=cine.slices,
        slices_with_cavity=0 if ed is None else int(shown[:, ed].sum()),
        frames=cine.frames,
        ed_frame=ed,
        es_frame=es,
        beat_ms=cine.beat_ms,
        lv_edv_ml=quantities.get("lv_edv_ml"),
        lv_esv_ml=quantities.get("lv_esv_ml"),
        lv_sv_ml=quantities.get("lv_sv_ml"),
        lv_ef_percent=quantities.get("lv_ef_percent"),
        lv_mass_g=quantities.get("lv_mass_g"),
        lv_thickening_percent=tuple(quantities.get(f"lv_thickening_percent_{n + 1}") for n in range(SEGMENTS)),
        volume_ml=tuple(known(one) for one in volume),
        systole=None if measured.systole is None else tuple(bool(one) for one in measured.systole),
        systole_chance=None if chance is None else tuple(float(one) for one in chance),
        disagreement=disagreement,
        calibrated=terms.subjects,
        reasons=reasons_of(cine, measured, disagreement, quantities, ed, regressed_errors=quantifier.regressed_errors),
        network_sha256=quantifier.sha256,
    )


def _chance(regressed: RegressedIndices, measured: CineIndices) -> Float[np.ndarray, " frames"]:
    """Chance of systole of each frame: slices count by the area of their cavity over the beat."""
    weight = np.nanmean(np.nan_to_num(measured.cavity_mm2), axis=1)
    return np.asarray(weight @ regressed.systole / weight.sum())


def _disagreement(
    measured: CineIndices,
    regressed: RegressedIndices,
    chance: Float[np.ndarray, " frames"] | None,
    quantities: dict[str, Quantity],
) -> Disagreement:
    areas = np.stack([measured.cavity_mm2, measured.myocardium_mm2], axis=-1)
    area = _apart(areas, regressed.areas_mm2)
    both = np.isfinite(areas) & np.isfinite(regressed.areas_mm2)
    phase = None
    if chance is not None and measured.systole is not None:
        phase = float(100 * np.mean((chance > 0.5) != measured.systole))
    return Disagreement(
        area,
        None if area is None else float(100 * area / areas[both].mean()),
        _apart(measured.dimensions_mm, regressed.dimensions_mm),
        _apart(measured.thickness_mm, regressed.thickness_mm),
        phase,
        _thickening_apart(quantities),
    )


def _thickening_apart(quantities: dict[str, Quantity]) -> float | None:
    segments = [one for name, one in quantities.items() if name.startswith("lv_thickening_percent_")]
    apart = [abs(one.regressed - one.value) for one in segments if one.regressed is not None]
    return float(np.mean(apart)) if apart else None


def _apart(first: np.ndarray, second: np.ndarray) -> float | None:
    apart = np.abs(first - second)
    return float(np.nanmean(apart)) if np.isfinite(apart).any() else None
