"""What a trained network says of a slice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from cardioscar.activation.baselines.method import Prediction
from cardioscar.activation.baselines.scar_rule import ScarRule
from cardioscar.activation.network.inputs import network_input
from cardioscar.activation.network.model import ActivationNetwork
from cardioscar.activation.strain.matrix import SECTORS, StrainSlice
from cardioscar.activation.strain.resampling import resample_sectors
from cardioscar.activation.strain.sector_class import SectorClass, sector_classes, without_spikes
from cardioscar.errors import InputError

_SHORTEST_DEG = 10.0
"""Regions of one class that are narrower are spikes."""


@dataclass(frozen=True, eq=False)
class NetworkMethod:
    """A trained network as a way to tell onset and class.

    Attributes:
        network: In evaluation mode.
        scar_rule: How scar is told where the network has not learned it.
    """

    network: ActivationNetwork
    scar_rule: ScarRule | None = None

    def predict(self, one: StrainSlice) -> Prediction:
        """Onset, scar and class of the sectors of a slice.

        Where the network has learned onsets alone, its classes follow from them and the rule of scar; where classes
        alone, onsets are NaN.

        Args:
            one: As `check_strain` wants it; other numbers of sectors are brought to 126 and back.

        Raises:
            InputError: If the network knows no scar and there is no rule.
        """
        device = next(self.network.parameters()).device
        with torch.no_grad():
            onset, logits = self.network(torch.from_numpy(network_input(one))[None].to(device))
        tos_ms = np.full(SECTORS, np.nan)
        if onset is not None:
            tos_ms = np.maximum(onset[0].cpu().numpy().astype(np.float64), one.frame_ms[0])
        if logits is not None:
            classes = closed_labels(torch.softmax(logits[0], dim=0).cpu().numpy())
        elif self.scar_rule is not None:
            classes = sector_classes(tos_ms, self.scar_rule.scarred(one.with_sectors(SECTORS)))
        else:
            raise InputError("scar_rule", "a rule of scar beside a network that has not learned it", "none")
        if one.sectors != SECTORS:
            nearest = np.floor((np.arange(one.sectors) + 0.5) * SECTORS / one.sectors).astype(int)
            tos_ms, classes = resample_sectors(tos_ms, one.sectors), classes[nearest]
        return Prediction(tos_ms, classes == SectorClass.SCARRED, classes)


def closed_labels(probabilities: Float[np.ndarray, "3 sectors"]) -> np.ndarray:
    """The most probable class of each sector, without gaps and islands of late or scarred wall narrower than 10°.

    Args:
        probabilities: Of each `SectorClass`.

    >>> p = np.full((3, 126), 0.3); p[0] += 0.1; p[2, 10:40] += 0.2; p[2, 80] = 0.9; p[2, 25] = 0
    >>> np.flatnonzero(closed_labels(p)).tolist() == list(range(10, 40))
    True
    """
    classes = probabilities.argmax(axis=0)
    scarred = without_spikes(classes == SectorClass.SCARRED, _SHORTEST_DEG)
    late = without_spikes((classes == SectorClass.LATE) & ~scarred, _SHORTEST_DEG) & ~scarred
    found = np.where(late, int(SectorClass.LATE), int(SectorClass.NORMAL))
    return np.where(scarred, int(SectorClass.SCARRED), found)
