"""Convolutions over sectors and times, closed along sectors; a head for the onset and one for the class [@xing2023]."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cardioscar.activation.network.config import ActivationNetworkConfig
from cardioscar.activation.network.inputs import CHANNELS, TIMES
from cardioscar.activation.strain.sector_class import SectorClass

UNIT_MS = 50.0
"""Onset that counts as 1 within the network."""
_TYPICAL_MS = 60.0
_SPAN = 9
"""Sectors that a convolution of the heads sees: 26°."""


class _Block(nn.Module):
    """Two convolutions; the first one halves the times."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.halving = nn.Conv2d(before, after, (5, 5), stride=(1, 2), padding=(0, 2))
        self.further = nn.Conv2d(after, after, (5, 3), padding=(0, 1))
        self.norms = nn.ModuleList(nn.GroupNorm(2, after) for _ in range(2))

    def forward(self, values: Tensor) -> Tensor:
        halved = functional.silu(self.norms[0](self.halving(_closed(values, 2))))
        return halved + functional.silu(self.norms[1](self.further(_closed(halved, 2))))


class ActivationNetwork(nn.Module):
    """Onset and class of each sector.

    Args:
        config: Width, and which heads there are.
    """

    def __init__(self, config: ActivationNetworkConfig) -> None:
        super().__init__()
        widths = [config.width, config.width * 3 // 2, config.width * 2]
        self.tasks, self.width = config.tasks, config.width
        self.blocks = nn.Sequential(*(_Block(a, b) for a, b in zip([CHANNELS, *widths], widths, strict=False)))
        shared = 4 * config.width
        self.joined = nn.Conv1d(widths[-1] * TIMES // 8, shared, 1)
        self.around = nn.Conv1d(shared, shared, _SPAN)
        if config.tasks != "class":
            self.onset = nn.Conv1d(shared, 1, _SPAN)
        if config.tasks != "onset":
            self.kind = nn.Conv1d(shared, len(SectorClass), _SPAN)

    def forward(
        self, values: Float[Tensor, "batch 3 sectors times"]
    ) -> tuple[Float[Tensor, "batch sectors"] | None, Float[Tensor, "batch 3 sectors"] | None]:
        """Onset in ms, and logits of the classes; None for the head that there is not."""
        deep = self.blocks(values).permute(0, 1, 3, 2).flatten(1, 2)
        shared = functional.silu(self.joined(deep))
        shared = shared + functional.silu(self.around(_closed(shared, _SPAN // 2)))
        shared = _closed(shared, _SPAN // 2)
        onset = None if self.tasks == "class" else self.onset(shared)[:, 0] * UNIT_MS + _TYPICAL_MS
        return onset, None if self.tasks == "onset" else self.kind(shared)


def _closed(values: Tensor, reach: int) -> Tensor:
    """Sectors, the third axis, continued by their other end."""
    return torch.cat([values[:, :, -reach:], values, values[:, :, :reach]], dim=2)
