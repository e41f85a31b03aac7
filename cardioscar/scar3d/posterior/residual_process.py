r"""A block Gaussian process on what the prior mean leaves unexplained: pixels observe means over their nodes.

The scar logit is $f(x) = m(x) + r(x)$ with the prior mean m (a fitted network, interpolation, or both) and a Gaussian
process r of Matérn 5/2 covariance, stretched through the slices. A pixel observes $\frac1n \sum σ(f(x_i))$ with a
variance of its own (area-to-point kriging with a sigmoid link [@kyriakidis2004]). The posterior is Laplace's: the mode
by Gauss-Newton, and the curvature there [@rasmussen2006]. r is carried by inducing points and interpolated on a grid
[@wilson2015], so the cost depends on how much tissue is scarred and not on the number of nodes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve, cholesky, solve_triangular
from scipy.spatial import cKDTree
from scipy.special import expit

from cardioscar.scar3d.observation.csr import ranges
from cardioscar.scar3d.observation.problem import Problem
from cardioscar.scar3d.posterior.grid_interpolation import trilinear
from cardioscar.scar3d.posterior.matern import matern52
from cardioscar.scar3d.posterior.posterior_config import PosteriorConfig
from cardioscar.scar3d.posterior.projection import LIMIT, pixel_variance
from cardioscar.types import NodeValues, Points

MOST_INDUCING = 2_000
"""The cost grows with their cube; a heart that is all scar has as many at the default distance."""
SCARRED = 0.01
"""A pixel with a larger scar fraction counts as scarred."""


@dataclass(frozen=True)
class ResidualProcess:
    """The posterior of the residual.

    Attributes:
        nodes: Mesh nodes within reach of scarred pixels, shape (active nodes,); elsewhere the residual is zero.
        groups: Groups that took part, shape (active groups,).
        weights: Interpolation from the grid to the active nodes, shape (active nodes, grid points).
        basis: Whitened basis functions at the grid points, shape (grid points, inducing points).
        mode: Most probable whitened coefficients, shape (inducing points,).
        spread: Lower Cholesky factor of the posterior precision of the coefficients.
        iterations: Gauss-Newton steps taken.
        converged: Whether the last step changed the objective by less than 0.1 %.
        seconds: Wall time of the fit.
    """

    nodes: np.ndarray
    groups: np.ndarray
    weights: sparse.csr_matrix
    basis: np.ndarray
    mode: np.ndarray
    spread: np.ndarray
    iterations: int = 0
    converged: bool = True
    seconds: float = field(default=0.0, compare=False)

    def mean(self) -> NodeValues:
        """Most probable residual at the active nodes in logits, shape (active nodes,), float32."""
        return np.asarray(self.weights @ (self.basis @ self.mode.astype(np.float32)))

    def sd(self) -> NodeValues:
        """Standard deviation of the residual at the active nodes in logits, shape (active nodes,), float32."""
        if self.basis.size == 0:
            return np.zeros(len(self.nodes), dtype=np.float32)
        root = solve_triangular(self.spread, self.basis.T.astype(np.float64), lower=True)
        return np.asarray(self.weights @ np.sqrt((root**2).sum(axis=0)).astype(np.float32))

    def draws(self, number: int, rng: np.random.Generator) -> np.ndarray:
        """Samples of the residual at the active nodes, shape (number, active nodes), float32."""
        noise = rng.standard_normal((len(self.mode), number))
        if self.basis.size == 0:
            return np.zeros((number, len(self.nodes)), dtype=np.float32)
        drawn = self.mode[:, None] + solve_triangular(self.spread.T, noise, lower=False)
        return np.asarray(self.weights @ (self.basis @ drawn.astype(np.float32))).T


def fit_residual(problem: Problem, prior_logits: NodeValues, config: PosteriorConfig) -> ResidualProcess:
    """Fit the residual of a prior mean to the pixels.

    Args:
        problem: Nodes, groups and slices.
        prior_logits: Prior mean of the scar logit at all nodes, shape (nodes,).
        config: Settings.

    Returns:
        The posterior; without scarred pixels it is empty, and the prior mean stands.
    """
    began = time.perf_counter()
    active_nodes, active_groups = _active(problem, config.active_mm)
    if len(active_nodes) == 0 or len(active_groups) == 0:
        none = np.empty(0, dtype=np.int64)
        empty = sparse.csr_matrix((0, 0), dtype=np.float32)
        return ResidualProcess(none, none, empty, np.empty((0, 0), np.float32), np.empty(0), np.empty((0, 0)))
    place = _metric(problem, config.stretch)
    points = (problem.nodes_mm[active_nodes] - problem.nodes_mm[active_nodes[0]]) @ place
    grid, weights = trilinear(points, config.grid_mm)
    basis = _basis(_inducing(points, config.inducing_mm), grid, config)

    offsets, order = problem.groups.group_offsets, problem.groups.node_order
    sizes = np.diff(offsets)[active_groups]
    members = order[ranges(offsets[active_groups], sizes)]
    row = np.full(len(problem.nodes_mm), -1, dtype=np.int64)
    row[active_nodes] = np.arange(len(active_nodes))
    observed = weights[row[members]]
    first = np.concatenate([[0], np.cumsum(sizes)])
    average = sparse.csr_matrix(
        (np.repeat(1 / sizes, sizes).astype(np.float32), np.arange(len(members)), first),
        shape=(len(sizes), len(members)),
    )
    y = problem.targets[active_groups].astype(np.float64)
    variance = pixel_variance(y, first, noise_sd=config.pixel_sd(hard_labels=problem.hard_labels))
    prior = np.clip(np.asarray(prior_logits, dtype=np.float64)[members], -LIMIT, LIMIT)

    def state(u: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        p = expit(prior + observed @ (basis @ u.astype(np.float32)))
        miss = average @ p - y
        return 0.5 * float((miss**2 / variance).sum() + u @ u), p, miss

    u = np.zeros(basis.shape[1])
    value, p, miss = state(u)
    taken, converged = 0, False
    while taken < config.iterations and not converged:
        taken += 1
        slope = average @ sparse.diags_array((p * (1 - p)).astype(np.float32)) @ observed
        precision = _precision(slope, variance, basis)
        gradient = basis.T.astype(np.float64) @ (slope.T @ (miss / variance)) + u
        step = cho_solve(precision, gradient)
        length, before = 1.0, value
        while length > 1e-3:
            value, p, miss = state(u - length * step)
            if value < before:
                break
            length /= 2
        else:  # no step along it helps: rounding is all that is left
            length = 0.0
        u = u - length * step
        value, p, miss = state(u)
        converged = before - value < 1e-3 * before
    slope = average @ sparse.diags_array((p * (1 - p)).astype(np.float32)) @ observed
    spread, _ = _precision(slope, variance, basis)
    return ResidualProcess(
        nodes=active_nodes,
        groups=active_groups,
        weights=weights,
        basis=basis,
        mode=u,
        spread=np.tril(spread),
        iterations=taken,
        converged=converged,
        seconds=time.perf_counter() - began,
    )


def _active(problem: Problem, reach_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes within reach of a scarred pixel, and the groups all of whose nodes are among them."""
    offsets, order = problem.groups.group_offsets, problem.groups.node_order
    first = problem.nodes_mm[order[offsets[:-1]]]
    scarred = problem.targets > SCARRED
    if not scarred.any():
        return np.empty(0, np.int64), np.empty(0, np.int64)
    distance, _ = cKDTree(first[scarred]).query(problem.nodes_mm, distance_upper_bound=max(reach_mm, 1e-6))
    near = np.isfinite(distance)
    complete = np.logical_and.reduceat(near[order], offsets[:-1])
    return np.flatnonzero(near), np.flatnonzero(complete)


def _metric(problem: Problem, stretch: float) -> np.ndarray:
    """Rotation into the slices' frame, with distances through the slices divided by `stretch`, shape (3, 3)."""
    normal = np.mean([s.normal * np.sign(s.normal @ problem.stack.slices[0].normal) for s in problem.stack], axis=0)
    u, _, _ = np.linalg.svd(normal[:, None])
    return u[:, [1, 2, 0]] * np.array([1.0, 1.0, 1 / stretch])


def _inducing(points: Points, spacing: float) -> Float[np.ndarray, "inducing 3"]:
    """Inducing points as dense as asked for, or less dense where scar is so large that they would be too many."""
    found = _thinned(points, spacing)
    while len(found) > MOST_INDUCING:
        spacing *= 1.1
        found = _thinned(points, spacing)
    return found


def _thinned(points: Points, spacing: float) -> Float[np.ndarray, "cubes 3"]:
    """The mean of the points of each occupied cube: evenly spread, and never outside the tissue by much."""
    _, cube = np.unique(np.floor(points / spacing).astype(np.int64), axis=0, return_inverse=True)
    cube = cube.reshape(-1)
    counts = np.bincount(cube)
    return np.stack([np.bincount(cube, weights=points[:, axis]) / counts for axis in range(3)], axis=1)


def _basis(inducing: Float[np.ndarray, "inducing 3"], grid: Points, config: PosteriorConfig) -> np.ndarray:
    """Functions whose standard normal coefficients give the process, shape (grid points, inducing points), float32."""
    own = matern52(inducing, inducing, config.length_scale_mm).astype(np.float64)
    root = cholesky(own + 1e-5 * np.eye(len(own)), lower=True)
    across = matern52(inducing, grid, config.length_scale_mm)
    return np.asarray(config.residual_sd * solve_triangular(root.astype(np.float32), across, lower=True).T)


def _precision(slope: sparse.csr_matrix, variance: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, bool]:
    """Cholesky factor of the posterior precision of the coefficients, as `cho_solve` takes it."""
    curvature = slope.T @ sparse.diags_array((1 / variance).astype(np.float32)) @ slope
    dense = (basis.T @ (curvature @ basis)).astype(np.float64)
    dense[np.diag_indices_from(dense)] += 1.0
    factor, lower = cho_factor(dense, lower=True)
    return factor, lower
