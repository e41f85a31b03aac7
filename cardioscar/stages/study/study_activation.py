"""Stage `study_activation`: when a patient's wall begins to shorten, by measured strain or by contours of the cine."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING, Any

from cardioscar.cohort.source import CohortSource
from cardioscar.config import as_mapping, from_mapping
from cardioscar.errors import CardioscarError
from cardioscar.shard.loop import Work, run_shard
from cardioscar.shard.status import Status
from cardioscar.stages.activation import detect, measure_strain
from cardioscar.stages.activation.workflow import DETECT
from cardioscar.stages.networks import SHIPPED
from cardioscar.stages.study.contour_labels import contour_labels
from cardioscar.stages.study.drawn_function import LABELS
from cardioscar.stages.study.family_run import FamilyRun, family_run
from cardioscar.stages.study.layout import STRAIN_ROLES
from cardioscar.stages.study.modality import (
    CONTOURS,
    NO_FAULT_OF_FILES,
    Modality,
    ModalityError,
    attempted,
    log,
    missing,
    plain,
    write_modality,
)
from cardioscar.stages.study.network_once import with_network
from cardioscar.stages.study.patient_files import Patients, patients
from cardioscar.stages.study.settings import StudySettings
from cardioscar.stages.study.workflow import PLAN

if TYPE_CHECKING:
    from cardioscar.activation.strain.matrix import StrainSlice
    from cardioscar.activation.strain.slice_place import SlicePlace

    Places = Callable[[Path, Sequence[StrainSlice]], list[SlicePlace]]

NAME = "activation"
MEASURED = "strain"
WEAKER = "activation is told by contours of the cine, which show less of it than measured strain"


@dataclass(frozen=True)
class Config:
    """How onsets are told: settings of `cardioscar activation predict`."""

    contours: bool = True
    """Where there is no strain, or none that can be used, take that of the contours of the cine."""
    measure_strain: measure_strain.Config = field(default_factory=measure_strain.Config)
    """What is made of the sources of strain."""
    detect: detect.Config = field(default_factory=detect.Config)
    """How onsets are told of strain, and drawn."""


def check_machine(config: Config) -> None:
    """Refuse networks that are not there; those that ship are asked for where they are needed."""
    if config.detect.network != SHIPPED:
        DETECT["detect"].check_machine(as_mapping(config.detect))


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
        output: Artifact folder: `<subject>/modality.json`, and where there is strain `onsets.npz`, `strain.npz`,
            `tos.csv` and `activation.html`.
        options: Settings of `Config` by name.
        hooks: `on_done` of the shard loop.

    Returns:
        One row for each subject; strain that could not be used is said in `modality.json`, and no failure of the row.

    Raises:
        InputError: If there are no such networks, and a patient of whom they are asked.
    """
    config = from_mapping(Config, options or {}, where="study_activation")
    with patients(cohort_uri, subjects, STRAIN_ROLES) as found:

        def needs(subject: str) -> bool:
            seen = config.contours and (Path(functions) / subject / LABELS).is_file()
            return bool({"strain", "displacement"} & {*found.there(subject)}) or seen

        def shard(some: Sequence[str], settings: detect.Config) -> list[Status]:
            named, upstream = replace(config, detect=settings), {"functions": functions}

            def work(job: Work) -> None:
                write_modality(job.out, attempted(NAME, lambda: _activation(job, found, named)))

            return run_shard(
                PLAN["study_activation"], some, output, named, work, upstream=upstream, files=found.files, **hooks
            )

        return with_network(subjects, needs, config.detect, "activation", shard)


def _activation(job: Work, found: Patients, config: Config) -> Modality:
    files, settings = found.without_settings(job.subject), found.settings(job.subject)
    labels = job.upstream["functions"] / LABELS
    seen = config.contours and labels.is_file()
    if {"strain", "displacement"} & {*files}:
        try:
            return _measured(job, files, settings, config)
        except NO_FAULT_OF_FILES:
            raise
        except CardioscarError as error:
            if not seen:
                raise
            log.warning("strain is not used, the contours of the cine are: %s", error)
            if files.pop("tos", None):  # its onsets are those of the slices of strain
                log.warning("tos.csv is not used: it belongs to the strain; where it is of the contours, take strain.* "
                            "and displacement.npz away")  # fmt: skip
    if seen:
        return _of_contours(job, labels, files.get("tos"), settings, config)
    return missing(NAME, "strain (strain.*, displacement.npz), and no cine whose contours could stand for it")


def _measured(job: Work, files: Mapping[str, Path], settings: StudySettings, config: Config) -> Modality:
    from cardioscar.activation.formats.onset_archive import with_locations
    from cardioscar.activation.formats.place_files import places_of

    def places(strain: Path, slices: Sequence[StrainSlice]) -> list[SlicePlace]:
        return with_locations(places_of(strain, slices))

    given = as_mapping(settings.strain)
    others = {name: value for name, value in given.items() if name != "septum" and value not in ([], None)}
    others["septum_direction"] = given["septum"] or None
    with _detected(job, files, settings, config, **others) as made:
        return _told(job, MEASURED, made, places)


def _of_contours(job: Work, path: Path, tos: Path | None, settings: StudySettings, config: Config) -> Modality:
    import numpy as np

    from cardioscar.activation.strain.cine_places import cine_places

    labels, frame_ms = contour_labels(path, job.upstream["functions"], settings, job.out / "contours.nii.gz")
    given = settings.septum_direction
    septum = None if given is None else np.array(given)

    def places(strain: Path, slices: Sequence[StrainSlice]) -> list[SlicePlace]:
        return cine_places(labels, slices, septum=septum)

    contours = job.out / "contours.nii.gz"
    files = {"labels": contours} | ({"tos": tos} if tos else {})
    others = {"frame_ms": frame_ms.tolist(), "label_table": "cardioscar"}
    try:
        with _detected(job, files, settings, config, **others) as made:
            return _told(job, CONTOURS, made, places)
    finally:
        contours.unlink(missing_ok=True)


def _detected(job: Work, files: Mapping[str, Path], settings: StudySettings, config: Config, **others: Any) -> Any:
    options = {"measure_strain": as_mapping(config.measure_strain), "detect": as_mapping(config.detect)}
    ends = {"apex_mm": settings.strain_apex_mm, "base_mm": settings.strain_base_mm}
    return family_run(DETECT, job.subject, files, settings, options, job.out, **ends, **others)


def _told(job: Work, source: str, made: FamilyRun, places_of: Places) -> Modality:
    """Onsets of slices that make a map; they and their strain are kept."""
    from cardioscar.activation.formats.heart_files import write_heart
    from cardioscar.activation.formats.onset_archive import HeartOnsets, write_heart_onsets
    from cardioscar.activation.formats.onset_files import read_heart_onsets
    from cardioscar.activation.formats.strain_files import read_strain
    from cardioscar.activation.strain.checks import check_study

    if made.failure:
        raise ModalityError(made.failure)
    folder, strain = made.folders["detect"], made.folders["measure_strain"] / "strain.npz"
    slices, onsets = read_strain(strain), read_heart_onsets(folder / "tos.csv")
    places = places_of(strain, slices)
    slices = [replace(one, location_mm=place.location_mm) for one, place in zip(slices, places, strict=True)]
    order = [slices.index(one) for one in check_study(slices)]
    write_heart_onsets(
        job.out / "onsets.npz", HeartOnsets(tuple(onsets[k] for k in order), tuple(places[k] for k in order))
    )
    write_heart(job.out / "strain.npz", [slices[k] for k in order], [places[k] for k in order])
    copyfile(folder / "tos.csv", job.out / "tos.csv")
    copyfile(folder / "report.html", job.out / "activation.html")
    concluded = DETECT.conclude(json.loads((folder / "metrics.json").read_text(encoding="utf-8")))
    by_contours = source == CONTOURS
    return Modality(
        NAME,
        "used",
        source=source,
        verdict="review" if by_contours and concluded.verdict == "pass" else concluded.verdict,
        reasons=(*((WEAKER,) if by_contours else ()), *concluded.reasons),
        warnings=made.warnings,
        numbers=plain({name: value for name, value in concluded.numbers.items() if name != "late_percent"}),
    )
