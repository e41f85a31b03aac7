"""What people read on MLflow's pages: descriptions in Markdown whose links work there, and columns that show at once.

Its pages show a HTML artifact in a frame that follows no link (`sandbox="allow-scripts"`): so a description links to
runs, artifacts and tables by MLflow's own addresses, and recorded pages keep no link to files that lie elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from cardioscar.services.tracking import records
from cardioscar.services.tracking.records import SubjectRecord

TAG_VIEW = "mlflow.sharedViewState."
"""MLflow's own tags of an experiment: a view of its table of runs, by a key that an address may name."""

_LINK = re.compile(r'<a\b[^>]*?\bhref="(?![#"]|[a-z]+:)[^"]*"[^>]*>(.*?)</a>', re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class CohortWords:
    """What the pages of a cohort's experiment say.

    Attributes:
        family: Whose cohort it is: the name of its workflow.
        verdict: What is said of the cohort as a whole, in a sentence.
        columns: Metrics of subjects that show at once, the first first.
        to_look_at: Subjects that somebody should look at, and why, by their ids.
        failed: Subjects that have no result, and why, by their ids; they have no run.
    """

    family: str
    verdict: str = ""
    columns: Sequence[str] = ()
    to_look_at: Mapping[str, str] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)


def subject_note(record: SubjectRecord, links: Mapping[str, str]) -> str:
    """Description of a subject's run: the verdict, its reasons, key figures, links, and how the map was made.

    It says too whether there is a model version. What is too long for a tag is cut from the reasons.

    Args:
        record: The subject.
        links: Addresses on MLflow's pages by what they lead to; see `subject_links`.
    """
    lost = ", so there is no version of the registered model" if record.files and not record.has_model else ""
    verdict = "\n".join([f"**Quality: {record.qc}**{lost}", *(f"- {why}" for why in record.reasons)])
    figures = [f"{name} {record.metrics[name]:.4g}" for name in record.kind.key_metrics if name in record.metrics]
    rest = [" · ".join(figures), " · ".join(f"[{name}]({to})" for name, to in links.items()), record.methods]
    after = "".join(f"\n\n{one}" for one in rest if one)
    return records.shortened(verdict, records.LONGEST_TAG - len(after)) + after


def subject_links(record: SubjectRecord, experiment_id: str, run_id: str, version: int | None) -> dict[str, str]:
    """Where a subject's page, figures and model version are on MLflow's pages."""
    base = f"#/experiments/{experiment_id}/runs/{run_id}/artifacts"
    named = {"report": "report.html", "figures": "figures", "numbers": "metrics.json"}
    links = {name: f"{base}/{path}" for name, path in named.items() if path in record.artifacts}
    if version is not None:
        links["model version"] = f"#/models/{quote(record.kind.name)}/versions/{version}"
    return links


def cohort_note(words: CohortWords, experiment_id: str, run_id: str = "") -> str:
    """Description of a cohort's run, or of its experiment: the verdict, where all is, and what to look at.

    Args:
        words: What is said.
        experiment_id: Its experiment.
        run_id: The cohort's run; empty where it is not linked.
    """
    table = f"#/experiments/{experiment_id}/runs?viewStateShareKey={view_key(words)}"
    links = [f"[table of the subjects]({table})"] if words.columns else []
    if run_id:
        links.append(f"[cohort report](#/experiments/{experiment_id}/runs/{run_id}/artifacts/report.html)")
    head = "\n\n".join(filter(None, (f"**{words.verdict}**" if words.verdict else "", " · ".join(links))))
    lines = [f"- [{one}]({_runs_of(experiment_id, one)}): {why}" for one, why in words.to_look_at.items()]
    lines += [f"- {one} failed: {why}" for one, why in words.failed.items()]
    text, shown = head + ("\n" if lines else ""), 0
    for line in lines:
        rest = f"\n- … and {len(lines) - shown} more in cohort.csv"
        if len(text) + len(line) + 1 + len(rest) > records.LONGEST_TAG:
            return text + rest
        text, shown = f"{text}\n{line}", shown + 1
    return text


def view_key(words: CohortWords) -> str:
    """Key of the view of a family's subjects, as an address names it."""
    return f"cardioscar-{words.family}"


def view_state(words: CohortWords) -> str:
    """The view: verdict, reasons and the family's numbers as columns of MLflow's table of runs."""
    tags = [records.TAG_QC, records.TAG_QC_REASONS]
    return json.dumps(
        {
            "searchFilter": "",
            "orderByKey": "attributes.start_time",
            "orderByAsc": False,
            "lifecycleFilter": "Active",
            "startTime": "ALL",
            "selectedColumns": [
                *(f"tags.`{name}`" for name in tags),
                *(f"metrics.`{name}`" for name in words.columns),
            ],
        }
    )


def note_without(note: str, subject: str) -> str:
    """The description of a cohort's run without a subject that is erased.

    >>> note_without("**Cohort**\\n\\n- [P001](#/x): review\\n- P002 failed: no image", "P001")
    '**Cohort**\\n\\n- P002 failed: no image'
    """
    lines = note.split("\n")
    return "\n".join(line for line in lines if not line.startswith((f"- [{subject}](", f"- {subject} failed: ")))


def without_dead_links(page: Path) -> None:
    """Leave the words of links to other files, in a HTML page: beside it they are not where it is shown."""
    html = page.read_text(encoding="utf-8")
    plain = _LINK.sub(r"<span>\1</span>", html)
    if plain != html:
        page.write_text(plain, encoding="utf-8")


def _runs_of(experiment_id: str, subject: str) -> str:
    asked = f"tags.`{records.TAG_SUBJECT}` = '{subject}'"
    return f"#/experiments/{experiment_id}/runs?searchFilter={quote(asked, safe='')}"
