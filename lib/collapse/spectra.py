"""Covariance spectra and sources: what the data look like, and how the truth is spread over them.

A covariance enters every formula of the book through its eigenvalues $s_k$ and the squared
coefficients $c_k^2$ of the truth in the eigenbasis. Equal eigenvalues need to be written only once: a
`Spectrum` holds distinct values and how often each occurs, so that a dimension of ten million costs as
much as its number of distinct values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _checks


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigenvalues of a covariance, each with its multiplicity.

    Parameters
    ----------
    eigenvalues : array, shape (K,)
        Distinct (or simply listed) eigenvalues, all > 0. A torch tensor is kept as it is.
    multiplicities : array, shape (K,), optional
        How often each occurs, all > 0; 1 by default.

    Raises
    ------
    ValueError
        If there are no eigenvalues, or one is not > 0, or the shapes differ.

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
            m = _checks.vector("multiplicities", self.multiplicities, len(s), check=_checks.positive)
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
        return float((self.multiplicities * _numpy(self.eigenvalues)).sum())

    @property
    def expanded(self) -> np.ndarray:
        """All d eigenvalues as one array, for samplers that need one coordinate each.

        Raises
        ------
        ValueError
            If a multiplicity is not whole.
        """
        m = _checks.counts("multiplicities", self.multiplicities)
        return np.repeat(_numpy(self.eigenvalues), m.astype(int))


def _numpy(x: Any) -> np.ndarray:
    return x.detach().cpu().numpy() if _checks.is_tensor(x) else x


def as_spectrum(spectrum: Any) -> Spectrum:
    """A `Spectrum` from itself or from an array of eigenvalues."""
    return spectrum if isinstance(spectrum, Spectrum) else Spectrum(spectrum)


def isotropic(d: int, scale: float = 1.0) -> Spectrum:
    """The flat spectrum: `d` eigenvalues equal to `scale`.

    Examples
    --------
    >>> isotropic(300).dimension
    300
    """
    return Spectrum([_checks.scalar("scale", scale, _checks.positive)], [_checks.count("d", d)])


def two_level(d: int, high: float, low: float, share_high: float) -> Spectrum:
    """Two eigenvalues: a share `share_high` (rounded to whole directions) at `high`, the rest at `low`.

    Raises
    ------
    ValueError
        If the rounding leaves one of the two levels empty.

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


def _bins(d: int, resolution: int | None) -> np.ndarray:
    """Edges 1 = b_0 < b_1 < ... = d + 1: single ranks up to `resolution`, then geometric bins."""
    if resolution is not None:
        resolution = _checks.count("resolution", resolution, low=10)
    if resolution is None or resolution >= d:
        return np.arange(1, d + 2)
    growth = 1.0 + 1.0 / resolution
    n = int(np.ceil(np.log((d + 1) / resolution) / np.log(growth)))
    tail = np.unique(np.round(resolution * growth ** np.arange(n + 1)).astype(np.int64))
    return np.concatenate([np.arange(1, resolution), tail[tail < d + 1], [d + 1]])


def _power_sums(exponent: float, edges: np.ndarray) -> np.ndarray:
    """Sum of k^-exponent over each bin of ranks, without a loop over ranks.

    Below rank 2 000 term by term; beyond by the midpoint rule with its first correction, whose relative
    error there is at most 7/5760 (exponent/2000)^4.
    """
    if edges[-1] == len(edges):
        return edges[:-1].astype(float) ** -exponent
    head = edges[edges <= 2000]
    ranks = np.arange(head[0], head[-1])
    sums = np.add.reduceat(ranks.astype(float) ** -exponent, head[:-1] - 1) if len(head) > 1 else np.empty(0)
    tail = edges[len(head) - 1 :] - 0.5
    if len(tail) == 1:
        return sums
    if exponent == 1:
        integral = np.diff(np.log(tail))
    else:
        integral = np.diff(tail ** (1 - exponent)) / (1 - exponent)
    correction = np.diff(-exponent * tail ** (-exponent - 1)) / 24
    return np.concatenate([sums, integral - correction])


def power_law(d: int, alpha: float, scale: float = 1.0, resolution: int | None = None) -> Spectrum:
    r"""The power-law spectrum $s_k=\text{scale}\cdot k^{-\alpha}$, $k=1,\dots,d$ (capacity condition).

    Parameters
    ----------
    d : int
        Dimension.
    alpha : float
        Capacity exponent, >= 0.
    scale : float
        Largest eigenvalue.
    resolution : int, optional
        If given, ranks beyond it are grouped into geometric bins of relative width 1/resolution, each
        represented by its mean eigenvalue: the trace stays exact, smooth spectral sums are right to about
        (alpha/resolution)^2/24, and d = 10^7 costs a few thousand values at resolution 500.

    Returns
    -------
    Spectrum

    Examples
    --------
    >>> power_law(3, 1.0).eigenvalues.round(3)
    array([1.   , 0.5  , 0.333])
    >>> len(power_law(10**7, 1.5, resolution=500)) < 10_000
    True
    """
    d = _checks.count("d", d)
    alpha = _checks.scalar("alpha", alpha)
    scale = _checks.scalar("scale", scale, _checks.positive)
    edges = _bins(d, resolution)
    sizes = np.diff(edges).astype(float)
    with np.errstate(under="ignore"):
        eigenvalues = scale * (_power_sums(alpha, edges) / sizes)
    if eigenvalues[-1] == 0:
        raise ValueError(f"alpha must keep d^-alpha above the smallest float, got {alpha!r} with d = {d}")
    return Spectrum(eigenvalues, sizes)


def power_law_signal(
    d: int, alpha: float, r: float, resolution: int | None = None, norm2: float = 1.0
) -> np.ndarray:
    r"""Squared coefficients of a truth of source exponent `r`: $s_kc_k^2\propto k^{-1-2\alpha r}$.

    Parameters
    ----------
    d, alpha, resolution
        As in `power_law`; the two results belong together.
    r : float
        Source exponent, > 0: the larger, the smoother the truth.
    norm2 : float
        Total signal energy $\sum_ks_kc_k^2$ at scale 1.

    Returns
    -------
    array, shape (K,)
        $c_k^2$, summed over each bin of `power_law(d, alpha, resolution=resolution)`.

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
    edges = _bins(d, resolution)
    energy = _power_sums(1 + 2 * alpha * r, edges)
    # Inside a bin the eigenvalues differ little: dividing by the bin's mean keeps the energy exact.
    signal = energy / power_law(d, alpha, resolution=resolution).eigenvalues
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

    Examples
    --------
    >>> uniform_signal(two_level(100, 4.0, 0.25, 0.25)).tolist()
    [0.25, 0.75]
    """
    spectrum = as_spectrum(spectrum)
    norm2 = _checks.scalar("norm2", norm2)
    return norm2 * np.asarray(spectrum.multiplicities) / spectrum.dimension


def check_signal(spectrum: Spectrum, signal: Any) -> Any:
    """`signal` as an array of one nonnegative number for each distinct eigenvalue.

    Raises
    ------
    ValueError
        If its shape is not that of the spectrum or an entry is negative.
    """
    return _checks.vector("signal", signal, len(spectrum), check=_checks.nonnegative)


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

    Examples
    --------
    >>> from_data([[1.0, 0.0], [0.0, 2.0]]).eigenvalues.tolist()
    [2.0, 0.5]
    """
    x = _checks.real("features", features)
    if x.ndim != 2:
        raise ValueError(f"features must have shape (N, d), got shape {tuple(x.shape)}")
    floor = _checks.scalar("relative_floor", relative_floor)
    s = np.linalg.svd(_numpy(x), compute_uv=False) ** 2 / x.shape[0]
    if s[0] == 0:
        raise ValueError("features must not all be zero")
    return Spectrum(s[s > floor * s[0]])
