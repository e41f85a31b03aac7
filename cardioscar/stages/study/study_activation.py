"""Stage `study_activation`: when a patient's wall begins to shorten, by measured strain or by contours of the cine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cardioscar.cohort.source import CohortSource
from cardioscar.config import from_mapping
from cardioscar.errors import CardioscarError, PlatformError
from cardioscar.shard.loop import Work, run_shard
from cardioscar.shard.status import Status
from cardioscar.stages.networks import SHIPPED, bundle_at, resolve_network
from cardioscar.stages.study.drawn_function import LABELS
from cardioscar.stages.study.layout import STRAIN_ROLES
from cardioscar.stages.study.modality import CONTOURS, Modality, attempted, log, missing, read_modality, write_modality
from cardioscar.stages.study.patient_files import Patients, patients
from cardioscar.stages.study.settings import StudySettings
from cardioscar.stages.study.workflow import PLAN

if TYPE_CHECKING:
    from cardioscar.activation.strain.matrix import StrainSlice
    from cardioscar.activation.strain.sector_onsets import SectorOnsets
    from cardioscar.activation.strain.slice_place import SlicePlace

    Predict = Callable[[StrainSlice], SectorOnsets]

NAME = "activation"
MEASURED = "strain"
WEAKER = "activation is told by contours of the cine, which show less of it than measured strain"


@dataclass(frozen=True)
class Config:
    """How onsets are told."""

    network: str = SHIPPED
    """The networks: `shipped`, a folder, s3://bucket/prefix, models:/name/version or models:/name@alias."""
    contours: bool = True
    """Where there is no strain, or none that can be used, take that of the contours of the cine."""


def check_machine(config: Config) -> None:
    """Refuse networks that are not there."""
    bundle_at(config.network, "activation")


def run(
    cohort_uri: str | Path | CohortSource,
    functions: str | Path,
    subjects: Sequence[str],
    output: str | Path,
    options: Mapping[str, Any] | None = None,
    **hooks: Any,
) -> list[Status]:
    """Tell the onset of shortening of each patient's wall, slice by slice.

    Args:
        cohort_uri: Folder or `s3://` prefix of patients' folders, or of a `cohort.csv`; or a cohort that is open.
        functions: Artifact of `study_function`.
        subjects: Ids.
        output: Artifact folder: `<subject>/modality.json`, and where there is strain `onsets.npz` and `strain.npz`.
        options: Settings of `Config` by name.
        hooks: `on_done` of the shard loop.

    Returns:
        One row for each subject; strain that could not be used is said in `modality.json`, and no failure of the row.

    Raises:
        InputError: If there are no such networks.
    """
    config = from_mapping(Config, options or {}, where="study_activation")
    # what is recorded of a result names the networks by their content: others are new work
    config, bundle = resolve_network(config, "activation")
    with patients(cohort_uri, subjects, STRAIN_ROLES) as found:
        predict = _predictor(bundle)

        def work(job: Work) -> None:
            write_modality(job.out, attempted(NAME, lambda: _activation(job, found, config, predict)))

        return run_shard(
            PLAN["study_activation"], subjects, output, config, work, upstream={"functions": functions},
            files=found.files, **hooks,
        )  # fmt: skip


def _predictor(bundle: Any) -> Predict:
    from cardioscar.activation.network.stored import of_bundle

    return of_bundle(bundle).predict


def _activation(job: Work, found: Patients, config: Config, predict: Predict) -> Modality:
    files, settings = found.without_settings(job.subject), found.settings(job.subject)
    path = next((files[role] for role in STRAIN_ROLES if role in files), None)
    labels = job.upstream["functions"] / LABELS
    seen = config.contours and labels.is_file()
    if path is not None:
        try:
            return _told(job, MEASURED, *_measured(path, settings), predict)
        except PlatformError:
            raise
        except CardioscarError as error:
            if not seen:
                raise
            log.warning("strain is not used, the contours of the cine are: %s", error)
    if seen:
        return _told(job, CONTOURS, *_of_contours(job, labels, settings), predict)
    what = "strain (strain.*, displacement.npz), and no cine whose contours could stand for it"
    return missing(NAME, what)


def _measured(path: Path, settings: StudySettings) -> tuple[list[StrainSlice], list[SlicePlace]]:
    from cardioscar.activation.formats.onset_archive import with_locations
    from cardioscar.activation.formats.place_files import places_of
    from cardioscar.activation.formats.strain_files import read_strain

    slices = read_strain(path, settings.strain)
    places = with_locations(places_of(path, slices, settings.strain))
    return [replace(one, location_mm=place.location_mm) for one, place in zip(slices, places, strict=True)], places


def _of_contours(job: Work, path: Path, settings: StudySettings) -> tuple[list[StrainSlice], list[SlicePlace]]:
    import numpy as np

    from cardioscar.activation.formats.label_files import cine_strain
    from cardioscar.activation.strain.cine_places import cine_places
    from cardioscar.imaging.formats.cine_files import read_cine_labels

    facts = read_modality(job.upstream["functions"]).facts
    labels = read_cine_labels(path, None)
    # strain is told from end-diastole on
    values = np.roll(labels.values, -int(facts.get("ed_frame") or 0), axis=-1)
    labels = replace(labels, values=values)
    given = settings.septum_direction
    septum = None if given is None else np.array(given)
    beat = None
    if facts.get("times_ms") is None and settings.beat_ms is not None:
        beat = np.arange(labels.frames) * settings.beat_ms / labels.frames
    times = labels.times_ms if facts.get("times_ms") is not None else beat
    frame_ms = settings.strain.times(times, labels.frames, where="cine")
    slices = cine_strain(labels, frame_ms - frame_ms[0], septum=septum)
    return slices, cine_places(labels, slices, septum=septum)


def _told(
    job: Work, source: str, slices: Sequence[StrainSlice], places: Sequence[SlicePlace], predict: Predict
) -> Modality:
    """Onsets of slices that make a map; they and their strain are kept."""
    from cardioscar.activation.formats.heart_files import write_heart
    from cardioscar.activation.formats.onset_archive import HeartOnsets, write_heart_onsets
    from cardioscar.activation.strain.checks import check_study
    from cardioscar.activation.strain.matrix import SECTORS

    order = [slices.index(one) for one in check_study(slices)]
    slices, places = [slices[k].with_sectors(SECTORS) for k in order], [places[k] for k in order]
    write_heart_onsets(job.out / "onsets.npz", HeartOnsets(tuple(predict(one) for one in slices), tuple(places)))
    write_heart(job.out / "strain.npz", slices)
    peaks = [float(one.circumferential.mean(axis=0).min()) for one in slices]
    return Modality(
        NAME,
        "used",
        source=source,
        verdict="review" if source == CONTOURS else "pass",
        reasons=(WEAKER,) if source == CONTOURS else (),
        warnings=tuple(job.warned()),
        numbers={"strain_slices": float(len(slices)), "peak_strain": min(peaks)},
        facts={"frames": max(one.frames for one in slices)},
    )
