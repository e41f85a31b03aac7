"""From what became of the modalities to a plan: frames brought together, maps joined, a verdict with its reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cardioscar.activation.sites.config import SiteConfig
from cardioscar.activation.sites.joined import Joined, joined, mapped
from cardioscar.errors import CardioscarError, PlatformError
from cardioscar.scar3d.posterior.stored_draws import SCAR_DRAWS, load_scar_draws
from cardioscar.shard.loop import Work
from cardioscar.stages.study.modality import CONTOURS, Modality, log
from cardioscar.stages.study.plan_wall import PlanWall, plan_wall
from cardioscar.stages.study.settings import StudySettings

if TYPE_CHECKING:
    from cardioscar.activation.mapping.placing import Placed
    from cardioscar.stages.study.plan_config import Config

HOW = {
    "scanner frame": "both lie in the frame of the scanner",
    "axes": "the frames differ: long axes and septums were laid on each other, the middle of the slices half way along",
    "locations": "heights by apex and base as subject.yaml gives them, septum on septum",
    "assumed": "nothing says where the slices lie: their middle was taken to be half way along, septum on septum",
}
"""How strain was laid on the wall, in sentences."""
_LIMIT_CONFIDENCE = 0.1


@dataclass(frozen=True, eq=False)
class Planned:
    """A plan.

    Attributes:
        modalities: What became of scar map, LV function and activation.
        wall: What it was made on; None where there is no wall.
        placed: How strain lies on the wall; None where the two were not brought together.
        joined: Both maps together.
        misfit: Why strain was not laid on the wall; empty if it was, or there is none.
        verdict: `pass`, `review` or `fail`.
        reasons: What it rests on.
        rules: Where a lead may stand.
    """

    modalities: tuple[Modality, ...]
    wall: PlanWall | None
    placed: Placed | None = None
    joined: Joined = field(default_factory=Joined)
    misfit: str = ""
    verdict: str = "pass"
    reasons: tuple[str, ...] = ()
    rules: SiteConfig = field(default_factory=SiteConfig)

    @property
    def used(self) -> tuple[str, ...]:
        """Names of the modalities that it rests on."""
        return tuple(one.name for one in self.modalities if one.used)


def planned(
    job: Work, modalities: Sequence[Modality], files: Mapping[str, Path], settings: StudySettings, config: Config
) -> Planned:
    """Make a plan of what is there.

    Args:
        job: The patient's work in `plan`.
        modalities: Scar map, LV function, activation.
        files: The patient's mesh, where it is there.
        settings: Of the patient.
        config: Settings of the stage.
    """
    scar, function, activation = modalities
    wall = plan_wall(scar, job.upstream["scar_maps"], function, job.upstream["functions"], files, settings)
    channels = scar.facts["channels"] if scar.used else []
    if wall is None or not activation.used:
        found, placed, misfit = joined_without_activation(channels), None, ""
    else:
        found, placed, misfit = _joined(job, wall, scar, channels, settings, config)
    made = Planned((scar, function, activation), wall, placed, found, misfit)
    verdict, reasons = verdict_of(made, config, warnings=job.warned())
    return Planned(made.modalities, wall, placed, found, misfit, verdict, reasons, config.sites)


def joined_without_activation(channels: Sequence[Mapping[str, Any]]) -> Joined:
    """The corridors alone."""
    from cardioscar.activation.sites.ablation import ablation_rows

    return Joined(corridors=tuple(ablation_rows(channels)))


def _joined(
    job: Work,
    wall: PlanWall,
    scar: Modality,
    channels: Sequence[Mapping[str, Any]],
    settings: StudySettings,
    config: Config,
) -> tuple[Joined, Placed | None, str]:
    from cardioscar.activation.formats.onset_archive import read_heart_onsets
    from cardioscar.activation.mapping.placing import place_slices

    heart, ventricle = read_heart_onsets(job.upstream["activations"] / "onsets.npz"), wall.ventricle
    try:
        placed = place_slices(
            heart.places, ventricle, apex_mm=settings.strain_apex_mm, base_mm=settings.strain_base_mm,
            config=config.placing,
        )  # fmt: skip
        activation = mapped(heart, placed, ventricle, config.activation)
    except PlatformError:
        raise
    except CardioscarError as error:
        return joined_without_activation(channels), None, str(error)
    draws = None
    if scar.used:
        draws = load_scar_draws(job.upstream["scar_maps"] / SCAR_DRAWS, wall.mesh.n_nodes)
    found = joined(
        wall.wall, draws, activation, channels, sites=config.sites, draws=config.draws, seed=config.seed
    )  # fmt: skip
    return found, placed, ""


def verdict_of(made: Planned, config: Config, *, warnings: Sequence[str] = ()) -> tuple[str, tuple[str, ...]]:
    """What is to be thought of a plan.

    Args:
        made: The plan.
        config: Limits of the frames.
        warnings: What the stage itself warned of.

    Returns:
        `fail` where modalities are of different hearts, or one of them failed its own check; `review` where a person
        has to look at something; and the reasons.
    """
    scar, function, activation = made.modalities
    worst, reasons = "pass", list[str]()

    def say(verdict: str, *texts: str) -> None:
        nonlocal worst
        reasons.extend(texts)
        order = ("pass", "review", "fail")
        worst = max(worst, verdict, key=order.index)

    if made.misfit:
        say("fail", f"activation is not laid on the wall: {made.misfit}")
    for one in made.modalities:
        if one.state == "failed":
            say("review", f"no {one.name}: {one.why}")
        elif one.used and one.verdict != "pass":
            # sites do not rest on volumes: where these are doubtful a person has to look, no more
            worse = "review" if one is function and activation.source != CONTOURS else one.verdict or "review"
            say(worse, *(f"{one.name}: {text}" for text in one.reasons or ("its own check",)))
    if made.wall is None and activation.used:
        say("review", "there is no wall that activation could be laid on: no sites")
    if made.placed is not None:
        if made.placed.how in ("axes", "assumed"):
            say("review", f"strain and wall: {HOW[made.placed.how]}")
        together = made.placed.together
        if together is not None and abs(together.turn_deg) > config.placing.turn_deg:
            say("review", f"the septum of strain and wall differ by {abs(together.turn_deg):.0f}°")
        if not scar.used:
            say("review", "sites are by lateness alone: nothing is known of scar")
        if made.wall is not None and made.wall.septum in ("guessed", "unknown") and not scar.used:
            say("review", "the septum of the wall is a guess from the scanner's axes")
        best = made.joined.sites[0] if made.joined.sites else None
        if best is None:
            say("review", "no site: the rules leave no wall")
        elif best.confidence < _LIMIT_CONFIDENCE:
            say("review", f"the best site is best in {100 * best.confidence:.0f} % of the draws")
    extra = [text for text in warnings if not any(text in reason or reason in text for reason in reasons)]
    if extra:
        say("review", *extra)
    log.info("%s: %s", worst, ", ".join(made.used))
    return worst, tuple(dict.fromkeys(reasons))
