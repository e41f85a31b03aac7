"""A trial of the whole way to a site: phantom patients, maps as good as measured ones are, and the true best site."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from scipy import ndimage
from scipy.spatial import cKDTree

from cardioscar.activation.mapping.activation_map import activation_map
from cardioscar.activation.mapping.kernel import MapConfig
from cardioscar.activation.phantoms.patient import PhantomPatient, phantom_patient
from cardioscar.activation.sites.config import SiteConfig
from cardioscar.activation.sites.pacing import Site, pacing_sites
from cardioscar.activation.sites.score import Draws
from cardioscar.activation.sites.wall import Wall
from cardioscar.activation.strain.sector_onsets import SectorOnsets
from cardioscar.phantom.config import PhantomConfig
from cardioscar.phantom.random_field import RandomField, draw_random_field

_GUESSES = 10


@dataclass(frozen=True)
class TrialConfig:
    """How well the patients are measured."""

    heights: tuple[float, ...] = (0.2, 0.35, 0.5, 0.65, 0.8)
    """Of the slices of strain."""
    tos_error_ms: float = 10.0
    """Standard deviation of the error of a sector's onset, which neighbours share; half an interval is 1.645 of it."""
    tos_error_deg: float = 25.0
    """Angle over which they share it."""
    slice_error_ms: float = 4.0
    """Standard deviation of an error of all sectors of a slice."""
    scar_error_mm: float = 3.0
    """Standard deviation by which the scar's border is misplaced; its draws are spread by as much about it."""
    scar_error_length_mm: float = 15.0
    """Distance over which the border is misplaced alike."""
    draws: int = 60
    """Of each map."""
    nodes: int = 6_000
    """Of the mesh."""
    hit_mm: float = 15.0
    """A site nearer than this to the true best one is that one: half the size of a segment."""
    sites: SiteConfig = field(default_factory=SiteConfig)
    """Rules."""


@dataclass(frozen=True)
class Trial:
    """One patient."""

    seed: int
    """Of the patient."""
    true_score_ms: float
    """Score of the true best site, on the true maps."""
    distance_mm: float
    """From it to the nearest of the sites that were found."""
    hit: bool
    """Whether one of these is it, see `TrialConfig.hit_mm`."""
    same_segment: bool
    """Whether one of them lies in its segment."""
    lost_ms: float
    """By how much the best of them is worse on the true maps."""
    first_lost_ms: float
    """The same of the first of them."""
    chance: float
    """How often three places that the rules allow, drawn at random and apart, would hold the true best one."""
    blind_lost_ms: float
    """`lost_ms` of sites by lateness alone, without the scar map."""
    latest_is_scarred: bool
    """Whether the latest wall that the rules allow is scar: then lateness alone leads astray."""


def run_trial(seed: int, config: TrialConfig | None = None) -> Trial:
    """Measure a phantom patient, find sites, and compare them with the truth.

    Args:
        seed: Of the patient and the errors.
        config: How well it is measured.
    """
    config = config or TrialConfig()
    patient = phantom_patient(seed, PhantomConfig(nodes=config.nodes))
    random = np.random.default_rng([seed, 31])
    wall, truth = wall_of(patient), true_draws(patient)
    [best] = pacing_sites(wall, truth, _one(config.sites))
    measured = measured_draws(patient, config, random)
    found = pacing_sites(wall, measured, config.sites)
    blind = pacing_sites(wall, Draws(measured.tos_ms, np.zeros((1, len(patient.scar)))), config.sites)
    apart = _apart_mm(best, found)
    scores = [_true_score_ms(wall, truth, one, config.sites) for one in found]
    allowed = np.flatnonzero(wall.allowed(config.sites))
    latest = allowed[np.argmax(patient.tos_ms[allowed])]
    return Trial(
        seed=seed,
        true_score_ms=best.score_ms,
        distance_mm=float(apart.min()),
        hit=bool(apart.min() <= config.hit_mm),
        same_segment=any(one.segment == best.segment for one in found),
        lost_ms=best.score_ms - max(scores),
        first_lost_ms=best.score_ms - scores[0],
        chance=_chance(wall, best, config, random),
        blind_lost_ms=best.score_ms - max(_true_score_ms(wall, truth, one, config.sites) for one in blind),
        latest_is_scarred=bool(patient.scar[latest]),
    )


def wall_of(patient: PhantomPatient) -> Wall:
    """The patient's wall as sites are looked for in it."""
    at = patient.coordinates
    return Wall(
        patient.mesh.nodes_mm,
        at.apicobasal,
        at.rotational,
        at.transmural,
        patient.segments,
        patient.mesh.node_volumes_ml,
        at.cavity_apex,
    )


def true_draws(patient: PhantomPatient) -> Draws:
    """The true maps, as if there were no doubt."""
    return Draws(patient.tos_ms[None], patient.scar[None].astype(np.float64))


def measured_draws(patient: PhantomPatient, config: TrialConfig, random: np.random.Generator) -> Draws:
    """Maps as they would come out of slices: the truth with errors, and draws that are as wide as these."""
    at = patient.coordinates
    slices = [_measured_slice(patient, height, config, random) for height in config.heights]
    length_mm = float(np.ptp(patient.mesh.nodes_mm @ at.long_axis))
    found = activation_map(slices, config.heights, MapConfig(length_mm=length_mm))
    tos_ms = found.draws_ms(at.apicobasal, at.rotational, draws=config.draws, seed=int(random.integers(2**31)))
    return Draws(tos_ms, _scar_draws(patient, config, random))


def _measured_slice(
    patient: PhantomPatient, height: float, config: TrialConfig, random: np.random.Generator
) -> SectorOnsets:
    true = patient.slice_tos_ms(height)
    noise = ndimage.gaussian_filter1d(
        random.normal(size=len(true)), config.tos_error_deg / np.sqrt(2) / 360 * len(true), mode="wrap"
    )
    # of smoothed white noise the standard deviation is that of the kernel's squares
    width = config.tos_error_deg / np.sqrt(2) / 360 * len(true)
    noise *= np.sqrt(2 * np.sqrt(np.pi) * width)
    tos_ms = np.maximum(true + config.tos_error_ms * noise + config.slice_error_ms * random.normal(), 0)
    half = np.full(len(true), 1.645 * config.tos_error_ms)
    return SectorOnsets(tos_ms, tos_ms - half, tos_ms + half, np.zeros(len(true), dtype=np.int64))


def _scar_draws(
    patient: PhantomPatient, config: TrialConfig, random: np.random.Generator
) -> Float[np.ndarray, "draws nodes"]:
    """The true border misplaced by one error, and by another in each draw about that."""
    nodes, scar = patient.mesh.nodes_mm, patient.scar
    if not scar.any():
        return np.zeros((1, len(nodes)))
    inside_mm = np.where(scar, cKDTree(nodes[~scar]).query(nodes)[0], -np.asarray(cKDTree(nodes[scar]).query(nodes)[0]))
    believed = inside_mm + config.scar_error_mm * _field(nodes, config, random)(nodes)
    draws = [believed + config.scar_error_mm * _field(nodes, config, random)(nodes) > 0 for _ in range(config.draws)]
    return np.array(draws, dtype=np.float32)


def _field(nodes: np.ndarray, config: TrialConfig, random: np.random.Generator) -> RandomField:
    low, high = nodes.min(axis=0), nodes.max(axis=0)
    return draw_random_field(random, low_mm=low, high_mm=high, length_mm=config.scar_error_length_mm)


def _apart_mm(best: Site, found: list[Site]) -> Float[np.ndarray, " sites"]:
    return np.linalg.norm(np.array([one.position_mm for one in found]) - np.array(best.position_mm), axis=1)


def _chance(wall: Wall, best: Site, config: TrialConfig, random: np.random.Generator) -> float:
    """Share of random choices that hold the best site: lateness that means nothing, and no scar."""
    hits = [
        _apart_mm(best, pacing_sites(wall, _meaningless(wall, random), config.sites)).min() <= config.hit_mm
        for _ in range(_GUESSES)
    ]
    return float(np.mean(hits))


def _meaningless(wall: Wall, random: np.random.Generator) -> Draws:
    count = len(wall.nodes_mm)
    return Draws(random.uniform(0, 100, (1, count)), np.zeros((1, count)))


def _one(config: SiteConfig) -> SiteConfig:
    return SiteConfig(**{**vars(config), "count": 1})


def _true_score_ms(wall: Wall, truth: Draws, site: Site, config: SiteConfig) -> float:
    near = np.linalg.norm(wall.nodes_mm - np.array(site.position_mm), axis=1) <= config.footprint_mm
    return float(np.average(truth.score_ms[near], weights=np.maximum(wall.volumes_ml[near], 1e-12)))
