"""Covariance spectra and sources: what the data look like, and how the truth is spread over them.

A covariance enters every formula of the book through its eigenvalues $s_k$ and the squared
coefficients $c_k^2$ of the truth in the eigenbasis. Equal eigenvalues are listed only once: a
`Spectrum` holds distinct values and how often each occurs, so that a dimension of ten million costs as
much as its number of distinct values.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from . import _checks
from ._device import to_numpy


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigenvalues of a covariance, each with its multiplicity.

    Parameters
    ----------
    eigenvalues : array, shape (K,)
        Distinct (or simply listed) eigenvalues, all > 0. A torch tensor is kept as it is.
    multiplicities : array, shape (K,), optional
        How often each occurs; 1 by default. `compress` makes fractional and negative ones.

    Raises
    ------
    ValueError
        If there are no eigenvalues, or one is not > 0, or the shapes differ, or the dimension is below 1.

    Examples
    --------
    >>> spectrum = Spectrum([4.0, 0.25], [25, 75])
    >>> spectrum.dimension, spectrum.trace
    (100, 118.75)
    """

    eigenvalues: Any
    multiplicities: Any = None

    def __post_init__(self) -> None:
        s = _checks.vector("spectrum", self.eigenvalues, check=_checks.positive)
        if self.multiplicities is None:
            m = np.ones(len(s))
        else:
            m = _checks.vector("multiplicities", self.multiplicities, len(s))
            _checks.at_least("the sum of multiplicities", m.sum(), 0.5)
        object.__setattr__(self, "eigenvalues", s)
        object.__setattr__(self, "multiplicities", m)

    def __len__(self) -> int:
        return len(self.eigenvalues)

    @property
    def dimension(self) -> int:
        """Number of eigenvalues counted with multiplicity, d."""
        return round(float(self.multiplicities.sum()))

    @property
    def trace(self) -> float:
        """Sum of the eigenvalues."""
        return float((self.multiplicities * to_numpy(self.eigenvalues)).sum())

    @property
    def expanded(self) -> np.ndarray:
        """All d eigenvalues as one array, for samplers that need one coordinate each.

        Raises
        ------
        ValueError
            If a multiplicity is not whole.
        """
        m = _checks.counts("multiplicities", self.multiplicities)
        return np.repeat(to_numpy(self.eigenvalues), m.astype(int))


def as_spectrum(spectrum: Any) -> Spectrum:
    """A `Spectrum` from itself or from an array of eigenvalues.

    Parameters
    ----------
    spectrum : Spectrum or array, shape (K,)
        Eigenvalues > 0, each of multiplicity 1 if given as an array.

    Returns
    -------
    Spectrum

    Raises
    ------
    ValueError
        If there are no eigenvalues or one is not > 0.

    Source: chapter *Ridge regression in high dimension*, the model.

    Examples
    --------
    >>> as_spectrum([2.0, 1.0]).dimension
    2
    """
    return spectrum if isinstance(spectrum, Spectrum) else Spectrum(spectrum)


def isotropic(d: int, scale: float = 1.0) -> Spectrum:
    """The flat spectrum: `d` eigenvalues equal to `scale`.

    Parameters
    ----------
    d : int
        Dimension, >= 1.
    scale : float
        The common eigenvalue, > 0.

    Returns
    -------
    Spectrum

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: chapter *Ridge regression in high dimension*, isotropic case.

    Examples
    --------
    >>> isotropic(300).dimension
    300
    """
    return Spectrum([_checks.scalar("scale", scale, _checks.positive)], [_checks.count("d", d)])


def two_level(d: int, high: float, low: float, share_high: float) -> Spectrum:
    """Two eigenvalues: a share `share_high` (rounded to whole directions) at `high`, the rest at `low`.

    Parameters
    ----------
    d : int
        Dimension, >= 2.
    high, low : float
        The two eigenvalues, > 0.
    share_high : float
        Share of the directions at `high`, between 0 and 1.

    Returns
    -------
    Spectrum

    Raises
    ------
    ValueError
        If the rounding leaves one of the two levels empty, or an argument is outside its range.

    Source: chapter *Ridge regression in high dimension*, the spectra of the checks.

    Examples
    --------
    >>> two_level(100, 4.0, 0.25, 0.25).multiplicities
    array([25., 75.])
    """
    d = _checks.count("d", d, low=2)
    share = _checks.scalar("share_high", share_high, lambda n, x: _checks.between(n, x, 0, 1))
    top = round(d * share)
    if not 0 < top < d:
        raise ValueError(f"share_high must leave both levels at least one of {d} directions, got {share!r}")
    return Spectrum([high, low], [top, d - top])


def power_law(d: int, alpha: float, scale: float = 1.0) -> Spectrum:
    r"""The power-law spectrum $s_k=\text{scale}\cdot k^{-\alpha}$, $k=1,\dots,d$ (capacity condition).

    Parameters
    ----------
    d : int
        Dimension. For very large d, `compress` makes everything that follows cheap.
    alpha : float
        Capacity exponent, >= 0.
    scale : float
        Largest eigenvalue, > 0.

    Returns
    -------
    Spectrum

    Raises
    ------
    ValueError
        If an argument is outside its range, or the smallest eigenvalue is below the smallest float.

    Source: chapter *Scaling laws and how to read them*, capacity condition.

    Examples
    --------
    >>> power_law(3, 1.0).eigenvalues.round(3)
    array([1.   , 0.5  , 0.333])
    """
    d = _checks.count("d", d)
    alpha = _checks.scalar("alpha", alpha)
    scale = _checks.scalar("scale", scale, _checks.positive)
    with np.errstate(under="ignore", over="ignore"):
        eigenvalues = scale * np.arange(1.0, d + 1) ** -alpha
    if eigenvalues[-1] == 0:
        raise ValueError(f"alpha must keep d^-alpha above the smallest float, got {alpha!r} with d = {d}")
    return Spectrum(eigenvalues)


def power_law_signal(d: int, alpha: float, r: float, norm2: float = 1.0) -> np.ndarray:
    r"""Squared coefficients of a truth of source exponent `r`: $s_kc_k^2\propto k^{-1-2\alpha r}$.

    Parameters
    ----------
    d, alpha
        As in `power_law`; the two results belong together.
    r : float
        Source exponent, > 0: the larger, the smoother the truth.
    norm2 : float
        Total signal energy $\sum_ks_kc_k^2$ at scale 1, >= 0.

    Returns
    -------
    array, shape (d,)
        $c_k^2$.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: chapter *Scaling laws and how to read them*, source condition.

    Examples
    --------
    >>> signal = power_law_signal(4, 1.5, 0.5)
    >>> round(float((signal * power_law(4, 1.5).eigenvalues).sum()), 12)
    1.0
    """
    d = _checks.count("d", d)
    alpha = _checks.scalar("alpha", alpha)
    r = _checks.scalar("r", r, _checks.positive)
    norm2 = _checks.scalar("norm2", norm2)
    k = np.arange(1.0, d + 1)
    with np.errstate(under="ignore", over="ignore"):
        energy = k ** (-1 - 2 * alpha * r)
        signal = k ** (alpha - 1 - 2 * alpha * r)
    return norm2 * signal / energy.sum()


def uniform_signal(spectrum: Any, norm2: float = 1.0) -> np.ndarray:
    r"""A truth with no preferred direction: $c_k^2=\text{norm2}/d$ in every direction.

    Parameters
    ----------
    spectrum : Spectrum or array
        The covariance.
    norm2 : float
        $\|w_0\|^2$.

    Returns
    -------
    array, shape (K,)
        Squared coefficients, summed over the directions of each eigenvalue.

    Raises
    ------
    ValueError
        If `norm2` is negative or the spectrum is not valid.

    Source: chapter *Ridge regression in high dimension*, isotropic prior.

    Examples
    --------
    >>> uniform_signal(two_level(100, 4.0, 0.25, 0.25)).tolist()
    [0.25, 0.75]
    """
    spectrum = as_spectrum(spectrum)
    norm2 = _checks.scalar("norm2", norm2)
    return norm2 * np.asarray(spectrum.multiplicities) / spectrum.dimension


def check_signal(spectrum: Spectrum, signal: Any) -> Any:
    """`signal` as an array of one number for each distinct eigenvalue.

    Parameters
    ----------
    spectrum : Spectrum
        The covariance.
    signal : array, shape (K,)
        Squared coefficients of the truth, summed over equal eigenvalues.

    Returns
    -------
    array, shape (K,)

    Raises
    ------
    ValueError
        If its shape is not that of the spectrum, or an entry is negative where no multiplicity is.

    Source: chapter *Ridge regression in high dimension*, the model.

    Examples
    --------
    >>> check_signal(isotropic(3), [1.0])
    array([1.])
    """
    compressed = bool((spectrum.multiplicities < 0).any())
    check = _checks.real if compressed else _checks.nonnegative
    return _checks.vector("signal", signal, len(spectrum), check=check)


def compress(spectrum: Any, signal: Any = None) -> tuple[Spectrum, Any]:
    r"""A spectrum of a few dozen values that gives the same spectral sums to thirteen digits.

    Every formula of the book is a sum $\sum_ka_kf(s_k)$ with $f(s)=s^p/(s+\kappa)^q$. As a function of
    $v=\log s$ such an f is analytic in the strip $|\operatorname{Im}v|<\pi$, whatever $\kappa>0$. So it is a
    polynomial in v to full precision on intervals of moderate length, and a sum over any number of
    eigenvalues equals a weighted sum over Chebyshev nodes. The weights may be negative.

    Parameters
    ----------
    spectrum : Spectrum or array, shape (K,)
        Any covariance; the cost is one pass over it.
    signal : array, shape (K,), optional
        Squared coefficients of the truth, compressed alongside.

    Returns
    -------
    spectrum : Spectrum
        About seven values for each factor e between the largest and the smallest eigenvalue. Unchanged if
        that saves nothing.
    signal : array or None
        To be used with the returned spectrum.

    Raises
    ------
    ValueError
        If `signal` does not match the spectrum.

    Source: appendix on computing; Chebyshev interpolation of an analytic function.

    Examples
    --------
    >>> full = power_law(100_000, 1.5)
    >>> short, _ = compress(full)
    >>> len(short) < 150, short.dimension
    (True, 100000)
    """
    spectrum = as_spectrum(spectrum)
    weights = [to_numpy(spectrum.multiplicities)]
    if signal is not None:
        weights.append(to_numpy(check_signal(spectrum, signal)))
    found = chebyshev_nodes(to_numpy(spectrum.eigenvalues), np.array(weights))
    if found is None:
        return spectrum, signal
    nodes, (m, *rest) = found
    return Spectrum(nodes, m), rest[0] if rest else None


def chebyshev_nodes(
    s: np.ndarray, weights: np.ndarray, strip: float = np.pi
) -> tuple[np.ndarray, np.ndarray] | None:
    r"""Move weights on many eigenvalues to fewer points that have the same spectral sums.

    What is summed has to be analytic and of moderate size, as a function of $\log s$, in the strip
    $|\mathrm{Im}\log s|<h$. `compress` does this to a spectrum and a signal.

    Parameters
    ----------
    s : array, shape (K,)
        Eigenvalues, > 0.
    weights : array, shape (r, K)
        What stands before each eigenvalue in each of r sums.
    strip : float
        Half-width h of the strip, > 0.

    Returns
    -------
    (array, array) or None
        Points, shape (P,), and their weights, shape (r, P); None if that would not be fewer.

    Raises
    ------
    ValueError
        If `strip` is not > 0 or the shapes do not match.

    Source: chapter *Ridge regression in high dimension*, deterministic equivalents, for the sums.

    Examples
    --------
    >>> s = np.arange(1, 10_001) ** -1.5
    >>> points, weights = chebyshev_nodes(s, np.ones((1, len(s))))
    >>> sums = (s / (s + 0.01)).sum(), (weights[0] * points / (points + 0.01)).sum()
    >>> len(points) < 150, bool(abs(sums[1] / sums[0] - 1) < 1e-12)
    (True, True)
    """
    strip = _checks.scalar("strip", strip, _checks.positive)
    if weights.ndim != 2 or weights.shape[1] != len(s):
        raise ValueError(f"weights must be of shape (r, {len(s)}), got {weights.shape}")
    v = np.log(s)
    low, length = v.min(), np.ptp(v)
    panels = max(1, int(np.ceil(length / 5)))
    width = length / panels
    # An interval of this width converges like (b + sqrt(1 + b^2))^-p with b = 2 strip / width.
    p = int(np.ceil(33 / np.arcsinh(2 * strip / width))) if width > 0 else 1
    if panels * p >= len(s):
        return None
    steps = np.diff(v)
    if (steps < 0).any() and (steps > 0).any():
        order = np.argsort(v)
        v, weights = v[order], weights[:, order]
    position = (v - low) / (width or 1.0)
    panel = np.minimum(position.astype(int), panels - 1)
    x = 2 * (position - panel) - 1
    # 2 T_h T_j = T_(h+j) + T_(h-j): half of the polynomials, and weights times the last, give all moments.
    half, r = p // 2, len(weights)
    sums = np.zeros((panels, half + 1, 2 * r))
    for start in range(0, len(x), 1 << 16):
        part = slice(start, start + (1 << 16))
        values = np.empty((half + 1, len(x[part])))
        values[0], values[1:2] = 1, x[part]
        known = 1
        while known < half:  # the same formula, all that can be had at once
            more = min(known, half - known)
            later = values[known + 1 : known + 1 + more]
            np.multiply(2 * values[known], values[1 : more + 1], out=later)
            later -= values[known - more : known][::-1]
            known += more
        both = np.concatenate([weights[:, part], weights[:, part] * values[half]])
        bounds = [0, *(np.flatnonzero(np.diff(panel[part])) + 1), values.shape[1]]
        for i, j in itertools.pairwise(bounds):
            sums[panel[start + i]] += values[:, i:j] @ both[:, i:j].T
    low_moments, products = sums[:, :, :r], sums[:, :, r:]
    upper = 2 * products[:, 1 : p - half] - low_moments[:, 2 * half - p + 1 : half][:, ::-1]
    moments = np.concatenate([low_moments, upper], 1)
    x, interpolate = chebyshev(p)
    nodes = np.exp(low + width * (np.arange(panels)[:, None] + 0.5 + 0.5 * x))
    return nodes.ravel(), (interpolate.T @ moments).reshape(-1, len(weights)).T


@lru_cache(64)
def chebyshev(p: int) -> tuple[np.ndarray, np.ndarray]:
    """The p Chebyshev points of [-1, 1], and the matrix from values there to Chebyshev coefficients.

    Parameters
    ----------
    p : int
        Number of points, >= 1.

    Returns
    -------
    (array, array)
        Shapes (p,) and (p, p). Shared between calls: read only.

    Source: appendix on computing; Chebyshev interpolation.

    Examples
    --------
    >>> x, coefficients = chebyshev(4)
    >>> (coefficients @ (2 * x**2 - 1)).round(12) + 0.0  # T_2 = 2 x^2 - 1
    array([0., 0., 1., 0.])
    """
    odd, k = 2 * np.arange(p) + 1, np.arange(p)
    # Whole turns are taken off in whole numbers, where nothing is lost.
    coefficients = np.cos(np.pi / (2 * p) * (np.outer(k, odd) % (4 * p))) * (2 / p)
    coefficients[0] /= 2
    return np.cos(np.pi / (2 * p) * odd), coefficients


def from_data(features: Any, relative_floor: float = 1e-12) -> Spectrum:
    r"""Spectrum of the uncentred second-moment matrix $X^\top X/N$ of real data.

    Parameters
    ----------
    features : array, shape (N, d)
        One row a sample.
    relative_floor : float
        Eigenvalues below this share of the largest are rounding noise and are left out.

    Returns
    -------
    Spectrum
        In decreasing order.

    Raises
    ------
    ValueError
        If `features` is not a two-dimensional array of finite numbers, or all zero.

    Source: chapter *Ridge regression in high dimension*, the model.

    Examples
    --------
    >>> from_data([[1.0, 0.0], [0.0, 2.0]]).eigenvalues.tolist()
    [2.0, 0.5]
    """
    x = _checks.real("features", features)
    if x.ndim != 2:
        raise ValueError(f"features must have shape (N, d), got shape {tuple(x.shape)}")
    floor = _checks.scalar("relative_floor", relative_floor)
    s = np.linalg.svd(to_numpy(x), compute_uv=False) ** 2 / x.shape[0]
    if s[0] == 0:
        raise ValueError("features must not all be zero")
    return Spectrum(s[s > floor * s[0]])
