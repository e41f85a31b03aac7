"""Strain without the part of its noise that no sectors share, by singular values."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cardioscar.errors import InputError


def denoise(
    strain: Float[np.ndarray, "sectors frames"], rank: int | None = None
) -> Float[np.ndarray, "sectors frames"]:
    r"""Keep the largest singular values of a strain matrix.

    Without a rank, values above $\omega(\beta)$ times the median one are kept, the threshold that is optimal for
    independent noise of unknown size, $\omega(\beta) \approx 0.56\beta^3 - 0.95\beta^2 + 1.82\beta + 1.43$ for a
    matrix of aspect ratio $\beta$ [@gavish2014]. Noise that neighbouring sectors share is no such noise, and stays.

    Args:
        strain: Fractions, finite, shape (sectors, frames).
        rank: How many to keep; default by the threshold, 1 at least.

    Returns:
        Same shape.

    Raises:
        InputError: If the rank is not 1 and more.
    """
    if rank is not None and rank < 1:
        raise InputError("rank", "1 and more", str(rank))
    left, values, right = np.linalg.svd(np.asarray(strain, dtype=np.float64), full_matrices=False)
    if rank is None:
        beta = min(strain.shape) / max(strain.shape)
        threshold = (0.56 * beta**3 - 0.95 * beta**2 + 1.82 * beta + 1.43) * np.median(values)
        rank = max(1, int((values > threshold).sum()))
    return (left[:, :rank] * values[:rank]) @ right[:rank]
