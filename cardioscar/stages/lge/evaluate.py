"""Published segmentations beside a folder of truth: table, JSON and a page with the plots of agreement."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cardioscar import __version__
from cardioscar.cohort.layout import IMAGE_SUFFIXES, CohortLayout, OneOf, Role
from cardioscar.cohort.opening import open_cohort
from cardioscar.cohort.reading import SubjectFiles
from cardioscar.cohort.stand_ins import check_folder_names
from cardioscar.errors import CardioscarError, InputError, PlatformError, UnreachableError
from cardioscar.files.atomic import atomic_file
from cardioscar.files.folders import platform_faults
from cardioscar.imaging.formats.header_trust import HeaderTrust
from cardioscar.stages.lge.workflow import LABELS, PROBABILITY
from cardioscar.types import OnStep, untold

if TYPE_CHECKING:
    from cardioscar.lge.evaluation import SubjectScore

log = logging.getLogger(__name__)

TRUTH_LAYOUT = CohortLayout(
    roles=(Role("truth", IMAGE_SUFFIXES), Role("labels", IMAGE_SUFFIXES)),
    needs=(OneOf(("truth", "labels"), "a truth.* or a labels.*"),),
    costs=(("truth", "labels"),),
    settings_class="cardioscar.scar3d.subject_settings:SubjectSettings",
)
PAGE, DATA, TABLE = "evaluation.html", "evaluation.json", "evaluation.csv"


@dataclass(frozen=True)
class Evaluated:
    """What became of an evaluation.

    Attributes:
        scores: Subjects that were scored.
        failed: Reason by the id of each that could not be.
        summary: Figures of the cohort; empty where nobody was scored.
    """

    scores: tuple[SubjectScore, ...]
    failed: Mapping[str, str]
    summary: Mapping[str, Any]


def evaluate(
    results: Path,
    truth: str | Path,
    out: Path,
    *,
    label_table: str = "cardioscar",
    header_trust: HeaderTrust = "agree",
    labelled_slices: bool = False,
    on_step: OnStep = untold,
) -> Evaluated:
    """Score segmentations, and write `evaluation.json`, `evaluation.csv` and `evaluation.html`.

    Args:
        results: Folder with `<subject>/labels.nii.gz`, or the output of a run that holds it as `results`.
        truth: Folder or `s3://` prefix with `<subject>/truth.*` or `labels.*`.
        out: Folder to write to; made if absent.
        label_table: Convention of the truth's labels; a subject's `subject.yaml` may name another.
        header_trust: Which statement of a header counts where two contradict each other.
        labelled_slices: Score slices alone that the truth labels.
        on_step: Told of progress.

    Returns:
        The scores. A subject whose files cannot be used has a reason instead, and the others go on.

    Raises:
        InputError: If there are no segmentations, or no truth.
        PlatformError: If it cannot be written.
    """
    from cardioscar.lge.evaluation import summary_of

    folder = results / "results" if (results / "results").is_dir() else results
    found = sorted(path.parent.name for path in folder.glob(f"*/{LABELS}")) if folder.is_dir() else []
    if not found:
        raise InputError(results.name, f"a folder with <subject>/{LABELS}", "none")
    cohort = open_cohort(truth, TRUTH_LAYOUT)
    known = {one.subject for one in cohort.listed()}
    named = check_folder_names(found)
    ids = [subject for subject, problem in named if problem is None]
    both = [subject for subject in ids if subject in known]
    if not both:
        raise InputError("truth", "truth of a subject that was segmented", "none")
    scores: list[SubjectScore] = []
    failed = dict.fromkeys(sorted(known - {*ids}), "not segmented")
    failed |= {subject: "no truth" for subject in ids if subject not in known}
    failed |= {subject: str(problem) for subject, problem in named if problem is not None}
    with cohort.files(both, ("truth", "labels")) as entries:
        for number, entry in enumerate(entries):
            on_step("evaluate", number, len(both))
            try:
                scores.append(_score(entry, folder / entry.subject, label_table, header_trust, labelled_slices))
            except (PlatformError, UnreachableError, MemoryError):
                raise
            except Exception as error:  # noqa: BLE001 - files that somebody has damaged fail in ways of their own
                failed[entry.subject] = str(error) if isinstance(error, CardioscarError) else type(error).__name__
    on_step("evaluate", len(both), len(both))
    summary = summary_of(scores) if scores else {}
    evaluated = Evaluated(tuple(scores), dict(sorted(failed.items())), summary)
    _write(out, evaluated, labelled_slices=labelled_slices)
    return evaluated


def _score(
    entry: SubjectFiles, folder: Path, label_table: str, header_trust: HeaderTrust, labelled_slices: bool
) -> SubjectScore:
    import numpy as np

    from cardioscar.imaging.formats.volume_files import read_labels, read_volume
    from cardioscar.imaging.orientation import canonical
    from cardioscar.lge.evaluation import score_subject
    from cardioscar.lge.image import read_reference

    files, settings = entry.checked(), entry.settings()
    found = canonical(read_labels(folder / LABELS))
    path = files.get("truth", files.get("labels"))
    assert path is not None
    truth = read_reference(path, found, settings.label_table or label_table, settings.header_trust or header_trust)
    said = _metrics(folder)
    low, high = said.get("scar_ml_low"), said.get("scar_ml_high")
    probability = None
    if (folder / PROBABILITY).is_file():
        probability = np.asarray(canonical(read_volume(folder / PROBABILITY)).values)
    return score_subject(
        entry.subject,
        truth,
        np.asarray(found.values),
        found.spacing_mm,
        probability=probability,
        draws_ml=said.get("scar_draws_ml", ()),
        interval_ml=None if low is None or high is None else (float(low), float(high)),
        labelled_slices=labelled_slices,
    )


def _metrics(folder: Path) -> dict[str, Any]:
    path = folder / "metrics.json"
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        raise InputError("metrics.json", "what cardioscar lge segment writes", "something else") from None


def _write(out: Path, of: Evaluated, *, labelled_slices: bool) -> None:
    from cardioscar.lge.evaluation import EMPTY_RULE, row_of
    from cardioscar.report.lge.evaluation import write_evaluation_page

    rows = [row_of(one) for one in of.scores]
    said = {
        "version": __version__,
        "empty_rule": EMPTY_RULE,
        "labelled_slices_only": labelled_slices,
        "summary": of.summary,
        "subjects": rows,
        "failed": of.failed,
    }
    with platform_faults(out):
        out.mkdir(parents=True, exist_ok=True)
        with atomic_file(out / DATA) as partial:
            partial.write_text(json.dumps(said, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        with atomic_file(out / TABLE) as partial, partial.open("w", newline="", encoding="utf-8") as stream:
            names = list(rows[0]) if rows else ["subject"]
            writer = csv.DictWriter(stream, [*names, "error"], lineterminator="\n", restval="")
            writer.writeheader()
            writer.writerows(rows)
            writer.writerows({"subject": subject, "error": why} for subject, why in of.failed.items())
        write_evaluation_page(out / PAGE, said, __version__)
