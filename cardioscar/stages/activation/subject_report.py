"""From a subject's findings to its page."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cardioscar import __version__
from cardioscar.activation.findings import ActivationFindings
from cardioscar.activation.mapping.on_mesh import MappedWall
from cardioscar.activation.network.heart_explanation import Explanation
from cardioscar.activation.strain.matrix import StrainSlice
from cardioscar.activation.strain.sector_onsets import SectorOnsets
from cardioscar.config import config_sha256
from cardioscar.report.activation.subject import ActivationReport, write_activation_report
from cardioscar.shard.loop import Work


def write_report(
    job: Work,
    found: ActivationFindings,
    slices: Sequence[StrainSlice],
    onsets: Sequence[SectorOnsets],
    wall: MappedWall | None,
    explain: Callable[[], Explanation | str] | None,
) -> None:
    """Write `report.html` and `figures/` into the subject's folder.

    Args:
        job: The subject's work in `detect`.
        found: Content of `metrics.json`.
        slices: Strain.
        onsets: Of each slice.
        wall: The map; None where there is none.
        explain: What the networks look at, or why that is not known; None for a page without figures.
    """
    report = ActivationReport(
        findings=found,
        version=__version__,
        config={row.stage: row.config for row in job.upstream_status.values()},
        config_sha256=config_sha256({row.stage: row.config_sha256 for row in job.upstream_status.values()}),
        inputs={name: sha for row in job.upstream_status.values() for name, sha in row.inputs.items()},
        slices=list(slices) if explain else [],
        onsets=list(onsets) if explain else [],
        wall=wall if explain else None,
        explanation=explain() if explain else "",
    )
    write_activation_report(job.out, report)
