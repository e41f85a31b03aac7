"""Draws of a scar map in a file, for whoever asks of the map what no mean and no interval tells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from cardioscar.errors import InputError
from cardioscar.files.atomic import atomic_file
from cardioscar.imaging.formats.array_files import read_npz
from cardioscar.types import NodeValues

SCAR_DRAWS = "scar_draws.npz"
"""Name of the file."""
_MOST = 255


def scar_bytes(scar: NodeValues) -> UInt8[np.ndarray, " nodes"]:
    """A draw in steps of 1/255: far finer than what a draw is sure of, and a quarter of its memory.

    >>> scar_bytes(np.array([0.0, 0.5, 1.0])).tolist()
    [0, 128, 255]
    """
    return np.rint(np.clip(scar, 0, 1) * _MOST).astype(np.uint8)


def save_scar_draws(path: Path, draws: Sequence[UInt8[np.ndarray, " nodes"]]) -> None:
    """Write draws, each as `scar_bytes` makes it; equal draws give equal bytes."""
    with atomic_file(path) as partial:
        np.savez_compressed(partial, allow_pickle=False, scar=np.stack(draws))


def load_scar_draws(path: Path, nodes: int) -> Float[np.ndarray, "draws nodes"]:
    """Read draws back.

    Args:
        path: `scar_draws.npz`.
        nodes: Of the wall mesh that they were drawn on.

    Returns:
        0 to 1, float32.

    Raises:
        InputError: If the file cannot be read, or holds draws of other nodes.
    """
    stored = read_npz(path, {"scar"}).get("scar")
    if stored is None or stored.dtype != np.uint8 or stored.ndim != 2 or stored.shape[1] != nodes or not len(stored):
        raise InputError(path.name, f"draws of scar at {nodes} nodes", "others")
    return np.asarray(stored, dtype=np.float32) / _MOST
