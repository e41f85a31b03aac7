"""What a cohort is called in MLflow, Kubeflow and its report, where nobody named it: like its folder, unless that may
be the name of a person."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from cardioscar.identity.subject_id import holds_date
from cardioscar.services.store.places import place

FALLBACK = "cohort"

_WORDS = """
acute chronic healthy control controls patient patients case cases subject subjects volunteer volunteers heart hearts
cardiac myocardial infarct infarcts infarction scar scars fibrosis lge mri cmr ct mi stemi nstemi lv rv ventricular
tachycardia vt arrhythmia ablation mesh meshes image images imaging scan scans slice slices label labels mask masks
segmentation segmentations data dataset datasets cohort cohorts study studies trial trials pilot batch batches group
groups series site sites centre center ward wards clinic hospital registry phase arm train training test testing tests
validation val eval dev demo example examples phantom phantoms synthetic real public private raw final old new all sub
run runs result results output input in out base baseline follow up followup pre post month months year years week weeks
day days visit visits left right one two three four five six seven eight nine ten first second third odd even small big
large of and the with without for from by at to project work tmp temp home shared share archive version myo ps emidec
scarnet sunnybrook acdc cardioscar nifti dicom pig pigs dog dogs animal animals human
"""
_KNOWN = frozenset(_WORDS.split())
"""Words that name no person."""

_EARLIEST_STUDY = 2010
"""Years before it are years of birth rather than of a study."""


def experiment_name(cohort: str | Path, subjects: Sequence[str] = ()) -> str:
    """Name of a cohort's experiment: the last part of its address, reduced to what MLflow takes.

    Args:
        cohort: Its folder, prefix or manifest.
        subjects: Its subjects, where they are known: a folder of one subject is part of the cohort above it.

    Returns:
        The name; `cohort` where it may be a person's, or nothing of it stays.

    >>> experiment_name("s3://hearts/trial 7/"), experiment_name("/data/acute/cohort.csv"), experiment_name("s3://abc")
    ('trial 7', 'acute', 'abc')
    >>> experiment_name("/data/acute/P001", ["P001"]), experiment_name("/data/Doe_Jane_1950")
    ('acute', 'cohort')
    """
    name = _last_part(cohort, subjects)
    plain = re.sub(r"[^A-Za-z0-9 _.-]+", "-", name).strip(" .-_")[:100].strip(" .-_")
    return FALLBACK if not plain or may_name_a_person(name) else plain


def may_name_a_person(name: str) -> bool:
    """Whether the name of a folder may be that of a person, a date of birth, or a record number.

    It fails closed: of two words that are none of a list of this field's at least one could be a name.

    >>> [may_name_a_person(name) for name in ("Doe_Jane_1950", "jane.doe", "DoeJane", "smith-1965", "mrn 00482913")]
    [True, True, True, True, True]
    >>> [may_name_a_person(name) for name in ("trial 7", "ward-7", "acute_infarcts_2024", "Sunnybrook", "site A")]
    [False, False, False, False, False]
    """
    if holds_date(name) or re.search(r"\d{6}", name):
        return True
    words = [word.lower() for word in re.findall(r"[A-Z](?:[^\W\d_A-Z])+|[A-Z]+(?![^\W\d_A-Z])|[^\W\d_A-Z]+", name)]
    strange = [word for word in words if len(word) > 1 and word not in _KNOWN]
    born = any(1900 <= int(year) < _EARLIEST_STUDY for year in re.findall(r"(?<!\d)\d{4}(?!\d)", name))
    initials = any(len(word) == 1 for word in words)
    return len(strange) > 1 or bool(strange and (born or initials))


def _last_part(cohort: str | Path, subjects: Sequence[str]) -> str:
    at = place(cohort, where="cohort")
    if isinstance(at, Path):
        # not resolved: what a link leads to may be named after somebody, and a pod sees other folders
        parts = [part for part in os.path.abspath(at).split("/") if part]  # noqa: PTH100
    else:
        parts = [part for part in (at.bucket, *at.prefix.split("/")) if part]
    if len(parts) > 1 and (parts[-1].endswith(".csv") or list(subjects) == parts[-1:]):
        parts.pop()
    return parts[-1] if parts else ""
