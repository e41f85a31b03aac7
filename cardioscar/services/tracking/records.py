"""What is recorded about one subject, and how it is named in MLflow."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

from cardioscar.config import config_sha256
from cardioscar.errors import InputError
from cardioscar.identity.subject_id import check_subject_id
from cardioscar.services.tracking.client import check_experiment
from cardioscar.services.tracking.model_kind import ModelKind

Quality = Literal["pass", "review", "fail"]

TAG_SUBJECT = "cs.subject"
TAG_COHORT = "cs.cohort"
TAG_RUN_KEY = "cs.run_key"
TAG_QC = "cs.qc"
TAG_QC_REASONS = "cs.qc_reasons"
TAG_KIND = "cs.kind"
TAG_MODEL_ID = "cs.model_id"
TAG_VERSION = "cs.version"
TAG_REPORT_SHA256 = "cs.report_sha256"
TAG_SPLIT_SHA256 = "cs.split_sha256"
"""Hash of the split by subject that a network was trained with."""
TAG_NEWEST = "cs.newest"
"""`YES` on run and logged model of the newest version of a subject in a cohort, `NO` on those of older ones."""
TAG_INDEXED = "cs.indexed"
"""On an experiment whose models bear `TAG_NEWEST`, and of their metrics their kind's `key_metrics` alone."""
YES, NO = "yes", "no"
TAG_ASKED = "cs.asked"
"""Set on experiment and registered model to find out, before the work, whether they may be written to."""
TAG_PARENT = "mlflow.parentRunId"
TAG_MODEL_VERSIONS = "mlflow.modelVersions"
"""MLflow's own tag, by which its web pages link a logged model to its versions."""
TAG_NOTE = "mlflow.note.content"
"""MLflow's own tag, which its web pages show as the description of a run."""

TAG_DESCRIBED = "cs.described"
"""On an experiment: the description that we gave it, which tells one of ours from somebody's."""

LONGEST_TAG = 5_000
"""Characters of a tag; databases hold 8,000."""

WITHHELD = "withheld"
"""What is recorded in place of a parameter that looks like a path."""

_METRIC = re.compile(r"[A-Za-z0-9_]+(?:[./-][A-Za-z0-9_]+)*", re.ASCII)
_RUN_KEY = re.compile(r"[0-9a-f]{16,64}", re.ASCII)


@dataclass(frozen=True)
class SubjectRecord:
    """One evaluated subject.

    Raises:
        InputError: If an id, a name or a value cannot be recorded; a missing file is named.
    """

    kind: ModelKind
    """What MLflow calls it, and what its model holds."""

    subject: str
    """Pseudonym of the subject."""

    cohort: str
    """Name of the cohort; the name of the experiment unless the target gives another."""

    run_key: str
    """What makes the run unique: see `run_key()`."""

    qc: Quality
    """Verdict of quality control: `pass` and `review` are accepted and become a model version (where the kind has
    models), `fail` never does."""

    started_ms: int
    """Start of the work, in milliseconds since 1970. Every timestamp derives from it."""

    files: Mapping[str, Path] = field(default_factory=dict)
    """Local file of each file of the model; its own name is not recorded."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    """Flat numbers. Those that are not finite are undefined for this subject and are not recorded."""

    params: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)
    """Flat settings. A text that looks like a path is recorded as `withheld`."""

    reasons: Sequence[str] = ()
    """What the verdict rests on, in sentences."""

    texts: Mapping[str, str] = field(default_factory=dict)
    """Facts in words, of those that the kind knows."""

    methods: str = ""
    """How the map was made, in sentences with their sources: the end of the run's description."""

    artifacts: Mapping[str, Path] = field(default_factory=dict)
    """Local file or folder of each artifact (`report.html`, `figures`); its own name is not recorded."""

    def __post_init__(self) -> None:
        check_subject_id(self.subject)
        check_experiment(self.cohort)
        if not _RUN_KEY.fullmatch(self.run_key):
            raise InputError("run key", "16 to 64 hexadecimal digits", "another form")
        if self.qc not in get_args(Quality):
            raise InputError("qc", "pass, review or fail", repr(self.qc))
        if self.started_ms <= 0:
            raise InputError("started_ms", "milliseconds since 1970", str(self.started_ms))
        for name in (*self.metrics, *self.params):
            check_metric_name(name)
        for name, path in self.artifacts.items():
            parts = PurePosixPath(name).parts
            if not parts or name.startswith("/") or ".." in parts or "\\" in name:
                raise InputError("artifact name", "a relative path such as figures/bullseye.png", "another form")
            if not path.exists():
                raise InputError(name, "an existing file", "none")
        if {*self.files} != {*self.kind.names} or not {*self.texts} <= {*self.kind.texts}:
            raise InputError("record", f"the files and texts of {self.kind.name}", "others")
        for name, path in self.files.items():
            if not path.is_file():
                raise InputError(name, "an existing file", "none")

    @property
    def accepted(self) -> bool:
        """Whether it passed quality control."""
        return self.qc != "fail"

    @property
    def has_model(self) -> bool:
        """Whether it becomes a version of the registered model."""
        return self.accepted and bool(self.files)


@dataclass(frozen=True)
class RecordedModel:
    """Where a subject was recorded."""

    run_id: str
    model_id: str | None
    """Id of the logged model; None if quality control failed, or the kind has no models."""

    version: int | None
    """Version of the registered model; None likewise."""

    reused: bool
    """Whether an earlier, complete record of the same work was found and nothing was written."""


def shortened(text: str, longest: int = LONGEST_TAG) -> str:
    """Text that fits into a tag, or into what of it is left."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def check_metric_name(name: str) -> str:
    """Return the name of a metric or parameter unchanged, or refuse it.

    Raises:
        InputError: If it is more than words of letters, digits and `_` joined by `.`, `/` or `-`.
    """
    if not _METRIC.fullmatch(name) or len(name) > 200:
        raise InputError("metric or parameter name", "words of letters, digits and '_' joined by . / or -", repr(name))
    return name


def run_key(subject: str, input_hashes: Mapping[str, str], config_sha256_hex: str, code_version: str) -> str:
    """Name a subject's work by all that determines its result.

    Args:
        subject: Pseudonym of the subject.
        input_hashes: SHA-256 of each input file, by role.
        config_sha256_hex: Hash of the effective configuration.
        code_version: Version of cardioscar.

    Returns:
        64 hexadecimal digits: equal work, equal key.

    >>> key = run_key("P001", {"mesh.vtu": "ab", "lge.nii.gz": "cd"}, "ef", "0.1.0")
    >>> key == run_key("P001", {"lge.nii.gz": "cd", "mesh.vtu": "ab"}, "ef", "0.1.0")
    True
    """
    return config_sha256(
        {"subject": subject, "inputs": dict(input_hashes), "config": config_sha256_hex, "code": code_version}
    )


def recordable_metrics(metrics: Mapping[str, float]) -> dict[str, float]:
    """Leave out what is not finite: MLflow stores NaN as 0, which a search for a low Dice would find."""
    return {name: float(value) for name, value in metrics.items() if math.isfinite(value)}


def recordable_params(params: Mapping[str, str | int | float | bool | None]) -> dict[str, str]:
    """Write parameters as text; withhold what looks like a path: folders are often named after people."""
    return {name: WITHHELD if _is_path(value) else json_text(value) for name, value in params.items()}


def json_text(value: str | int | float | bool | None) -> str:
    """Write one value as JSON does, but text without quotes."""
    return value if isinstance(value, str) else json.dumps(value)


def _is_path(value: object) -> bool:
    return isinstance(value, str) and ("/" in value or "\\" in value)
