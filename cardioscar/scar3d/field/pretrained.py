"""A coordinate network that hearts share: the weights that a fit starts from, and which of its blocks stay.

Transfer learning of the published method [@sen2025]: pretrain on a cohort, fine-tune for each subject. The network sees
positions in the hearts' common frame, `lv_frame`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from cardioscar.scar3d.field.scar_field import FieldSpec, ScarField
from cardioscar.scar3d.observation.lv_frame import LVFrame


@dataclass(frozen=True)
class PretrainedField:
    """A pretrained network.

    Attributes:
        spec: Its architecture; the frame is that of the reference heart.
        weights: Weights and frequencies by their names in `ScarField`, the frame left out.
        sha256: Hash by which fits that start from it know it, empty for one that is not stored yet.
    """

    spec: FieldSpec
    weights: Mapping[str, Tensor]
    sha256: str = ""

    @classmethod
    def of(cls, field: ScarField) -> PretrainedField:
        """The network of a field that was fitted in the common frame."""
        weights = {k: v.detach().cpu().clone() for k, v in field.state_dict().items() if k != "center_mm"}
        return cls(dataclasses.replace(field.spec, center_mm=(0.0, 0.0, 0.0), axes=None, scale=1.0), weights)

    def spec_in(self, frame: LVFrame, dropout: float) -> FieldSpec:
        """Architecture of a field that starts from it in one heart."""
        return dataclasses.replace(
            self.spec, dropout=dropout, center_mm=frame.center_mm, axes=frame.axes, scale=frame.scale
        )

    def start(self, field: ScarField) -> None:
        """Give a field of its architecture its weights."""
        field.load_state_dict(dict(self.weights), strict=False)


def freeze(field: ScarField, blocks: Iterable[str]) -> None:
    """Take the weights of named blocks (`hidden.0`, `head`, …) out of the fit; `encoding` has none."""
    frozen = set(blocks)
    for name, parameter in field.named_parameters():
        parameter.requires_grad_(name.rpartition(".")[0] not in frozen)
