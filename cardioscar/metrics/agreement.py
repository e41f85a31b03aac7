"""Agreement of two ways to measure one quantity: Bland–Altman, coefficient of variation, correlation, ICC."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardioscar.errors import InputError

Interval = tuple[float, float]
"""Lower and upper end."""

_NORMAL = 1.959963984540054
"""Standard deviations within which 95 % of normal differences lie."""


@dataclass(frozen=True)
class BlandAltman:
    """Bias and limits of agreement, in the unit of the measurements.

    Attributes:
        bias: Mean difference, second minus first.
        sd: Standard deviation of the differences.
        limits: What 95 % of the differences lie between, if they are normal.
        bias_interval: Confidence interval of the bias.
        lower_interval: Confidence interval of the lower limit.
        upper_interval: Confidence interval of the upper limit.
        pairs: Number of subjects.
    """

    bias: float
    sd: float
    limits: Interval
    bias_interval: Interval
    lower_interval: Interval
    upper_interval: Interval
    pairs: int


@dataclass(frozen=True)
class IntraclassCorrelation:
    """ICC(2,1) and its confidence interval; NaN where nothing varies."""

    value: float
    interval: Interval


def bland_altman(first: np.ndarray, second: np.ndarray, *, confidence: float = 0.95) -> BlandAltman:
    r"""Bias and limits of agreement of two methods.

    $$\bar d \pm 1.96\,s, \qquad \mathrm{SE}(\bar d) = \frac{s}{\sqrt n}, \qquad
    \mathrm{SE}(\bar d \pm 1.96\,s) = s \sqrt{\frac1n + \frac{1.96^2}{2(n-1)}}$$  [@bland1986; @bland1999]

    with $d$ second minus first, and intervals from Student's t with $n - 1$ degrees of freedom.

    Args:
        first: Measurements of the one method (the reference, if there is one), shape (subjects,).
        second: Of the other, in the same unit.
        confidence: Of the intervals, between 0 and 1.

    Returns:
        Bias, limits and intervals.

    Raises:
        InputError: If there are less than three pairs, lengths differ, a value is not finite, or the confidence is no
            share.

    >>> found = bland_altman(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 5.0]))
    >>> found.bias, found.sd, [round(limit, 2) for limit in found.limits]
    (1.0, 1.0, [-0.96, 2.96])
    """
    from scipy.stats import t

    one, other = _pairs(first, second)
    n, differences = len(one), other - one
    bias, sd = float(differences.mean()), float(differences.std(ddof=1))
    wide = float(t.ppf((1 + _share(confidence)) / 2, n - 1)) * sd
    of_bias, of_limit = wide * n**-0.5, wide * (1 / n + _NORMAL**2 / (2 * (n - 1))) ** 0.5
    low, high = bias - _NORMAL * sd, bias + _NORMAL * sd
    return BlandAltman(
        bias=bias,
        sd=sd,
        limits=(low, high),
        bias_interval=(bias - of_bias, bias + of_bias),
        lower_interval=(low - of_limit, low + of_limit),
        upper_interval=(high - of_limit, high + of_limit),
        pairs=n,
    )


def coefficient_of_variation_percent(first: np.ndarray, second: np.ndarray) -> float:
    r"""Standard deviation of the differences in percent of the mean measurement.

    $$\mathrm{CoV} = 100\,\frac{s_d}{\overline{(x_1 + x_2)/2}}$$  [@grothues2002]

    The variation of one measurement within a subject is this divided by $\sqrt 2$.

    Args:
        first: Measurements of the one method or reading, shape (subjects,).
        second: Of the other, in the same unit.

    Returns:
        Percent, at least 0; NaN where the mean measurement is not positive.

    Raises:
        InputError: If there are less than three pairs, lengths differ, or a value is not finite.

    >>> coefficient_of_variation_percent(np.array([9.0, 10.0, 11.0]), np.array([10.0, 10.0, 10.0]))
    10.0
    """
    one, other = _pairs(first, second)
    mean = float((one + other).mean() / 2)
    return 100 * float((other - one).std(ddof=1)) / mean if mean > 0 else float("nan")


def pearson(first: np.ndarray, second: np.ndarray) -> float:
    r"""Correlation coefficient.

    $$r = \frac{\sum (x - \bar x)(y - \bar y)}{\sqrt{\sum (x - \bar x)^2 \sum (y - \bar y)^2}}$$  [@pearson1895]

    It says how well a line fits, not that two methods agree: see `bland_altman`.

    Args:
        first: Measurements of the one method, shape (subjects,).
        second: Of the other.

    Returns:
        -1 to 1; NaN where a method gives one value for all.

    Raises:
        InputError: If there are less than three pairs, lengths differ, or a value is not finite.

    >>> round(pearson(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])), 3)
    0.5
    """
    one, other = (values - values.mean() for values in _pairs(first, second))
    # each by its own size first: the squares of large or small units would leave the range of numbers
    spans = [float(np.abs(values).max()) for values in (one, other)]
    if min(spans) == 0:
        return float("nan")
    one, other = one / spans[0], other / spans[1]
    return float(np.clip(one @ other / np.sqrt((one @ one) * (other @ other)), -1, 1))


def icc_2_1(ratings: Float[np.ndarray, "subjects raters"], *, confidence: float = 0.95) -> IntraclassCorrelation:
    r"""Intraclass correlation of single ratings: subjects and raters drawn at random, agreement in absolute terms.

    $$\mathrm{ICC}(2,1) = \frac{B - E}{B + (k-1) E + k (J - E) / n}$$  [@shrout1979]

    with $B$, $J$, $E$ the mean squares between $n$ subjects, between $k$ raters, and of the rest. The interval is that
    of the same source (its equations for case 2).

    Args:
        ratings: What each rater or method measured in each subject, complete.
        confidence: Of the interval, between 0 and 1.

    Returns:
        At most 1; below 0 where raters differ more within a subject than between subjects.

    Raises:
        InputError: If there are less than three subjects or two raters, a value is not finite, or the confidence is no
            share.

    >>> icc_2_1(np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])).value
    1.0
    >>> round(icc_2_1(np.array([[1.0, 2.0], [2.0, 3.0], [3.0, 4.0]])).value, 3)
    0.667
    """
    from scipy.stats import f

    x = np.asarray(ratings, dtype=float)
    if x.ndim != 2 or x.shape[0] < 3 or x.shape[1] < 2:
        raise InputError("ratings", "at least three subjects and two raters", f"shape {x.shape}")
    _finite(x, "ratings")
    (n, k), tail = x.shape, (1 - _share(confidence)) / 2
    x = x - x.mean()
    between = k * float(np.square(x.mean(axis=1)).sum()) / (n - 1)
    raters = n * float(np.square(x.mean(axis=0)).sum()) / (k - 1)
    rest = float(np.square(x - x.mean(axis=1, keepdims=True) - x.mean(axis=0)).sum()) / ((n - 1) * (k - 1))
    below = between + (k - 1) * rest + k * (raters - rest) / n
    if below <= 0:
        return IntraclassCorrelation(float("nan"), (float("nan"), float("nan")))
    value = (between - rest) / below
    # degrees of freedom of what raters and rest add up to, by Satterthwaite; F of the raters is raters / rest
    a, b = k * value * raters, (n * (1 + (k - 1) * value) - k * value) * rest
    down = (n - 1) * a**2 + b**2
    freedom = (k - 1) * (n - 1) * (a + b) ** 2 / down if down > 0 else float((k - 1) * (n - 1))
    high, low = float(f.ppf(1 - tail, n - 1, freedom)), float(f.ppf(1 - tail, freedom, n - 1))
    noise = k * raters + (k * n - k - n) * rest
    return IntraclassCorrelation(
        float(value),
        (
            float(n * (between - high * rest) / (high * noise + n * between)),
            float(n * (low * between - rest) / (noise + n * low * between)),
        ),
    )


def _pairs(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    one, other = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if one.ndim != 1 or len(one) < 3:
        raise InputError("first", "at least three measurements", f"shape {one.shape}")
    if other.shape != one.shape:
        raise InputError("second", f"a measurement for each of the first {len(one)}", f"shape {other.shape}")
    return _finite(one, "first"), _finite(other, "second")


def _finite(values: np.ndarray, where: str) -> np.ndarray:
    odd = int(np.count_nonzero(~np.isfinite(values)))
    if odd:
        raise InputError(where, "finite measurements", f"{odd} that are not")
    return values


def _share(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise InputError("confidence", "a share between 0 and 1", f"{confidence:g}")
    return confidence
