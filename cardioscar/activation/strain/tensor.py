"""Green–Lagrange strain: how the squares of lengths change against the reference, whatever turns or moves."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def green_lagrange(gradient: Float[np.ndarray, "*shape axes axes"]) -> Float[np.ndarray, "*shape axes axes"]:
    r"""Strain tensor of a displacement.

    $$E = \tfrac12 (F^\mathsf{T} F - I), \quad F = I + \partial u / \partial X$$  [@holzapfel2000]

    Args:
        gradient: ∂u/∂X: component of the displacement along the last axis but one, direction of the reference along the
            last.

    Returns:
        Symmetric tensors, same shape; zero for a rotation.

    >>> green_lagrange(np.diag([-0.2, 0.5])).round(3)
    array([[-0.18 ,  0.   ],
           [ 0.   ,  0.625]])
    """
    deformation = np.asarray(gradient, dtype=np.float64) + np.eye(gradient.shape[-1])
    return (np.swapaxes(deformation, -1, -2) @ deformation - np.eye(gradient.shape[-1])) / 2


def strain_along(
    tensor: Float[np.ndarray, "*shape axes axes"], direction: Float[np.ndarray, "*shape axes"]
) -> Float[np.ndarray, "*shape"]:
    """Strain of lengths along a unit vector of the reference: dᵀ E d."""
    return np.einsum("...i,...ij,...j->...", direction, tensor, direction)


def length_strain(
    length: Float[np.ndarray, "*shape"], reference: Float[np.ndarray, "*shape"]
) -> Float[np.ndarray, "*shape"]:
    """Green–Lagrange strain of a length against the same at the reference: ((l / L)² − 1) / 2.

    >>> float(length_strain(np.array(8.0), np.array(10.0)).round(3))
    -0.18
    """
    return ((length / reference) ** 2 - 1) / 2
