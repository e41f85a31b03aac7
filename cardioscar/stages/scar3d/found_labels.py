"""Labels for subjects that came without: wall, cavity and scar found in their late-enhancement image by a network."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cardioscar.cohort.source import CohortSource
from cardioscar.errors import InputError
from cardioscar.shard.loop import Work
from cardioscar.stages.networks import SHIPPED, bundle_at
from cardioscar.stages.scar3d.workflow import FOUND_LABELS

if TYPE_CHECKING:
    from cardioscar.imaging.formats.header_trust import HeaderTrust
    from cardioscar.learning.bundle import Bundle
    from cardioscar.lge.inference.segmenter import Segmenter

log = logging.getLogger(__name__)

FAMILY = "lge"
"""Whose network is meant by `shipped`."""
NONE = "none"
"""No network: who comes without a wall is refused."""
MOST_NAMED = 12
"""Slices that a sentence names at most."""


def needs_labels(roles: Collection[str]) -> bool:
    """Whether a subject with files of these roles has an image and no wall.

    >>> needs_labels({"lge"}), needs_labels({"lge", "mesh"}), needs_labels({"lge", "labels"}), needs_labels({"scar"})
    (True, False, False, False)
    """
    return "lge" in roles and not {"mesh", "labels"} & {*roles}


def check_segmenter_of(cohort: CohortSource, subjects: Collection[str], segmenter: str) -> None:
    """Refuse a network that is asked for by its address and is not there, if some subject needs one.

    The one that ships is not asked for by anybody: where it is missing, the subjects that need it say so.

    Raises:
        ConfigError: If the address has another form.
        InputError: If there is no such network.
        UnreachableError: If the object store or the registry does not answer.
    """
    wanted = {*subjects}
    if segmenter in (SHIPPED, NONE):
        return
    if any(one.subject in wanted and not one.problem and needs_labels(one.sizes) for one in cohort.listed()):
        bundle_at(segmenter, FAMILY, where="segmenter")


@dataclass
class LabelFinder:
    """The network of a shard, which is read when the first subject needs it.

    Attributes:
        address: As `stages.networks.bundle_at` takes it, or `none`.
        views: Flips and turns that are averaged.
        device: Where it computes.
    """

    address: str
    views: int
    device: str
    _bundle: Bundle | None = None
    _segmenter: Segmenter | None = None
    _problem: InputError | None = None

    def named(self) -> str:
        """The network by what it holds, for the settings that are recorded; its address where there is none.

        Raises:
            ConfigError: If the address has another form.
            UnreachableError: If the object store or the registry does not answer.
        """
        if self.address == NONE:
            return NONE
        try:
            self._bundle = self._bundle or bundle_at(self.address, FAMILY, where="segmenter")
        except InputError as error:  # said by each subject that needs it: the others go on
            self._problem = error
            return self.address
        return f"sha256:{self._bundle.sha256}"

    def find(
        self, job: Work, image: Path, trust: HeaderTrust, septum: tuple[float, float, float] | None
    ) -> tuple[Path, Mapping[str, Any]]:
        """Find labels in a subject's image.

        Args:
            job: The subject's work, whose folder gets them as `found_labels.nii.gz`.
            image: The image.
            trust: Which statement of its header counts where two contradict each other.
            septum: From the cavity to the middle of the septum, LPS, where it is known.

        Returns:
            Their file, and what is to be known of them: `name` and `sha256` of the network, `slice_thickness_mm` of
            the image, `scar_ml` with its interval, `look_at`: the slices that somebody should look at.

        Raises:
            InputError: If there is no network, the image cannot be read, or no heart is found in it.
        """
        import numpy as np

        from cardioscar.imaging.formats.volume_files import write_volume
        from cardioscar.lge.image import read_lge
        from cardioscar.lge.inference.config import InferConfig
        from cardioscar.lge.inference.segment import segment
        from cardioscar.lge.quantification.config import QuantifyConfig
        from cardioscar.lge.summary import evidence, verdict

        network = self._network(job.subject)
        read = read_lge(image, trust)
        found = segment(read.volume, network, InferConfig(views=self.views, device=self.device))
        direction = None if septum is None else np.array(septum)
        of = evidence(found, QuantifyConfig(), septum_direction=direction)
        write_volume(job.out / FOUND_LABELS, found.own_labels())
        look_at = [one.number for one in of.doubt if one.look]
        judged = verdict(of, calibrated=network.calibrated)
        said = f"wall and scar were found by the network {network.name}, drawn by nobody"
        if judged.verdict == "pass":
            log.info("%s", said)
        else:
            log.warning("%s", _doubt(said, look_at, failed=judged.verdict == "fail"))
        scar = of.measured.scar_ml
        return job.out / FOUND_LABELS, {
            "name": network.name,
            "sha256": network.sha256,
            "slice_thickness_mm": read.volume.slice_thickness_mm,
            "scar_ml": round(scar.value, 3),
            "scar_ml_low": round(scar.lower, 3),
            "scar_ml_high": round(scar.upper, 3),
            "verdict": judged.verdict,
            "look_at": look_at,
        }

    def _network(self, subject: str) -> Segmenter:
        from cardioscar.lge.inference.segmenter import of_bundle

        if self._segmenter is None:
            if self.address == NONE:
                raise InputError(subject, "a mesh.* or a labels.* to build one from", "lge, and no segmenter")
            if self._problem is not None:
                raise self._problem
            self._bundle = self._bundle or bundle_at(self.address, FAMILY, where="segmenter")
            self._segmenter = of_bundle(self._bundle)
        return self._segmenter


def _doubt(said: str, look_at: list[int], *, failed: bool) -> str:
    """A sentence that names the slices to look at."""
    how = "most of it is in doubt" if failed else "it has doubts"
    if not look_at:
        return f"{said}, and {how}"
    numbers = ", ".join(map(str, look_at[:MOST_NAMED])) + (", …" if len(look_at) > MOST_NAMED else "")
    return f"{said}; {how}: look at slice{'s' if len(look_at) > 1 else ''} {numbers}"
