"""Published results of `quantify` held against known labels, subject by subject: table, JSON, page."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from cardioscar.cohort.stand_ins import check_folder_names
from cardioscar.errors import CardioscarError, InputError, PlatformError, UnreachableError, counted
from cardioscar.files.folders import platform_faults
from cardioscar.imaging.formats.cine_files import CINE_SUFFIXES, read_cine_labels
from cardioscar.imaging.formats.contour_files import contour_files, read_contours
from cardioscar.imaging.formats.contour_labels import labels_from_contours
from cardioscar.imaging.formats.lvquan_mat import read_lvquan
from cardioscar.logs import about
from cardioscar.lvquant.evaluation import Evaluation, SubjectEvaluation, evaluated, evaluation
from cardioscar.lvquant.inference.indices_csv import read_indices_csv
from cardioscar.lvquant.protocol import true_indices
from cardioscar.lvquant.subject_metrics import read_metrics
from cardioscar.report.lvquant.evaluation import write_evaluation
from cardioscar.types import OnStep, untold

log = logging.getLogger(__name__)

LABELS, CINE = "labels", "cine"


def evaluate(
    results: Path, truth: Path, out: Path, *, label_table: str = "cardioscar", on_step: OnStep = untold
) -> Evaluation:
    """Compare every subject that has a result and a truth; a subject that cannot be compared costs the others nothing.

    Args:
        results: Published results, or the whole output of `quantify`.
        truth: `<subject>/labels.nii.gz` (4D, background where nobody drew), or `<subject>.mat` in the layout of LVQuan,
            whose stated indices and phase count then, or contours of Sunnybrook's layout anywhere in `<subject>`
            (`IM-0001-0048-icontour-manual.txt`) with the DICOM files on which they were drawn in `<subject>/cine`.
        out: Receives `evaluation.json`, `evaluation.csv` and `evaluation.html`.
        label_table: Convention of the labels.
        on_step: Told of progress.

    Raises:
        InputError: If there are no results, or no subject has a truth.
        PlatformError: If the output cannot be written.
    """
    folders = _results(results)
    if not truth.is_dir():
        raise InputError("truth", "a folder", "none")
    subjects: list[SubjectEvaluation] = []
    failed: dict[str, str] = {}
    missing = 0
    named = check_folder_names([one.name for one in folders])
    for number, (folder, (subject, problem)) in enumerate(zip(folders, named, strict=True)):
        on_step("evaluate", number, len(folders))
        if problem is not None:
            failed[subject] = str(problem)
            continue
        path = _truth(truth, folder.name)
        if path is None:
            missing += 1
            continue
        with about("evaluate", subject):
            try:
                one = _evaluated(folder, path, label_table)
            except (PlatformError, UnreachableError, MemoryError):
                raise
            except Exception as error:  # noqa: BLE001 - files that somebody has damaged fail in ways of their own
                failed[subject] = str(error) if isinstance(error, CardioscarError) else type(error).__name__
                log.error("failed: %s", failed[subject], extra={"outcome": "failed"})
                continue
            if one is None:
                failed[subject] = f"{path.name}: expected a cavity in at least one frame, found none"
            else:
                subjects.append(one)
    on_step("evaluate", len(folders), len(folders))
    if not subjects and not failed:
        raise InputError("truth", f"labels of {counted(len(folders), 'subject')} of the results", "none")
    if missing:
        log.warning("%s without a truth", counted(missing, "subject"))
    found = evaluation(subjects, failed)
    with platform_faults(out):
        out.mkdir(parents=True, exist_ok=True)
        write_evaluation(out, found)
    return found


def _results(root: Path) -> list[Path]:
    """Folders of subjects that have a result."""
    for place in (root, root / "results"):
        found = sorted(path.parent for path in place.glob("*/metrics.json") if not path.parent.name.startswith("."))
        if found:
            return found
    raise InputError("results", "folders of subjects with metrics.json, indices.csv and labels.nii.gz", "none")


def _truth(root: Path, subject: str) -> Path | None:
    names = [root / subject / f"{LABELS}{ending}" for ending in CINE_SUFFIXES]
    names += [root / subject / "cine.mat", root / f"{subject}.mat"]
    drawn = root / subject
    return next((path for path in names if path.is_file()), drawn if contour_files(drawn) else None)


def _evaluated(folder: Path, truth: Path, table: str) -> SubjectEvaluation | None:
    try:
        metrics = read_metrics(json.loads((folder / "metrics.json").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        raise InputError("metrics.json", "what quantify has written", "another") from None
    found = read_cine_labels(folder / "labels.nii.gz", None)
    indices = read_indices_csv(folder / "indices.csv")
    if truth.is_dir():
        labels = labels_from_contours(read_contours(contour_files(truth)), truth / CINE)
        return evaluated(folder.name, metrics, found, indices, labels)
    if truth.suffix.lower() != ".mat":
        return evaluated(folder.name, metrics, found, indices, read_cine_labels(truth, None, table))
    subject = read_lvquan(truth)
    if subject.labels is None:
        raise InputError(truth.name, "masks", "none")
    return evaluated(folder.name, metrics, found, indices, subject.labels, true_indices(subject))
