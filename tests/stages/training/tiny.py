"""The smallest trainings of the three families: seconds, not minutes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cardioscar.activation.formats.matrix_files import write_matrix
from cardioscar.activation.phantoms.strain_phantom import strain_phantom
from cardioscar.imaging.formats.volume_files import write_volume
from cardioscar.imaging.volume import Volume
from cardioscar.synthesis.lge.sample import draw_sample
from cardioscar.synthesis.lge.settings import LgeConfig
from tests.lvquant.lvquan_files import write_lvquan

_LOOP = {"steps": 4, "validate_every": 2, "device": "cpu", "schedule": {"name": "constant", "peak": 2e-3}}

TINY: dict[str, dict[str, Any]] = {
    "lge": {
        "architecture": "unet", "batch": 2, "validation_slices": 4, "calibration_slices": 4, "validation": 0.34,
        "synthetic": {"pixels": [32, 32], "pixel_mm": [4.0, 5.0], "samples": 1},
        "loop": _LOOP | {"watch": "scar_dice", "higher_is_better": True},
    },
    "lvquant": {
        "size": "tiny", "batch": 2, "validation_slices": 3, "calibration_hearts": 1, "validation": 0.34,
        "augment": {"chance": 0.0},
        "synthetic": {"pixels": [32, 32], "frames": 4, "pixel_mm": [3.0, 4.0]},
        "loop": _LOOP | {"watch": "error"},
    },
    "activation": {
        "members": 2, "training_hearts": 8, "validation_hearts": 4, "calibration_hearts": 10, "test_hearts": 2,
        "single_tasks": False, "validation": 0.34,
        "network": {"width": 4, "batch": 4, "loop": _LOOP | {"watch": "loss"}},
    },
}  # fmt: skip
"""Settings by family."""
FAMILIES = tuple(TINY)


def changed(family: str, **loop: Any) -> dict[str, Any]:
    """The tiny settings with others of the loop."""
    settings = dict(TINY[family])
    if family == "activation":
        network = settings["network"]
        return settings | {"network": network | {"loop": network["loop"] | loop}}
    return settings | {"loop": settings["loop"] | loop}


def write_labelled(family: str, folder: Path) -> Path:
    """Three labelled subjects, whose ids are PATIENT0 to PATIENT2."""
    folder.mkdir(parents=True)
    for number in range(3):
        name = f"PATIENT{number}"
        if family == "lvquant":
            write_lvquan(folder / f"{name}.mat", seed=number)
        elif family == "activation":
            write_matrix(folder / f"{name}.npz", strain_phantom(3_000_100 + number).measured)
        else:
            grid = LgeConfig(pixels=(32, 32), pixel_mm=(4.0, 5.0), samples=1, slices=4, stack=True, scar_free=0.0)
            sample = draw_sample(3 + number, grid)
            for part, values in (("images", sample.image), ("masks", sample.labels)):
                (folder / part).mkdir(exist_ok=True)
                write_volume(folder / part / f"{name}.nii.gz", Volume(np.asarray(values), sample.affine))
    return folder
