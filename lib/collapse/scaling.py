r"""Scaling laws: Zipf sums, the memoriser's error, power-law spectra, and how to fit an exponent.

A learning curve is a power law because the data are: probabilities $p_i=A\,i^{-\beta}$ with
$A=1/\zeta(\beta)$ (Zipf), or eigenvalues $s_k=k^{-\alpha}$. Everything here is a curve of one or two real
parameters, so it is NumPy only and runs in milliseconds. Source throughout: chapter *Scaling laws and how
to read them*.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.integrate import quad
from scipy.optimize import curve_fit
from scipy.special import gamma, zeta

from . import _checks
from .estimates import Estimate

# Sums over ranks are exact below this rank and Euler-Maclaurin beyond it.
_FIRST_SMOOTH_RANK = 512
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
# One quadrature panel spans a factor e in probability: e^-x and its like are smooth on that scale.
_PANEL = 1.0
# Ranks are followed down to this probability; beyond it f(p, T) no longer changes.
_SMALLEST_P = 1e-290
_CHUNK = 1 << 24  # random numbers held in memory at once


# ----------------------------------------------------------------------------------------- Zipf sums


def zipf_probabilities(n: int, beta: float) -> np.ndarray:
    r"""Probabilities $p_i=i^{-\beta}/\zeta(\beta)$ of the `n` most frequent items of an infinite Zipf law.

    Parameters
    ----------
    n : int
        How many items, >= 1.
    beta : float
        Zipf exponent, > 1.

    Returns
    -------
    array, shape (n,)
        Sums to less than one: the law has infinitely many items.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: chapter *Scaling laws*, definition "Zipf world and memoriser".

    Examples
    --------
    >>> zipf_probabilities(3, 2.0).round(4)
    array([0.6079, 0.152 , 0.0675])
    """
    n = _checks.count("n", n)
    beta = _checks.scalar("beta", beta, _checks.exponent)
    return np.arange(1, n + 1) ** -beta / zeta(beta)


def zipf_sum(
    f: Callable[[np.ndarray, np.ndarray], np.ndarray],
    beta: Any,
    T: Any,
    first: int = 1,
    last: float = np.inf,
) -> Any:
    r"""The sum $\sum_{i=\text{first}}^{\text{last}}p_i\,f(p_i,T)$ over a Zipf law, as good as term by term.

    Ranks below 512 are added one by one. Beyond, Euler-Maclaurin at half-integers turns the sum into

    $$\int_{a-1/2}^{b+1/2}g\,dx+\tfrac1{24}\bigl[\delta g\bigr]-\tfrac{17}{5760}\bigl[\delta^3g\bigr],
    \qquad g(x)=p(x)f(p(x),T),$$

    the brackets being differences of $g$ at the lower end minus those at the upper one, and the integral is
    taken in $\ln p$ by Gauss-Legendre panels. The cost does not depend on the number of items.

    Parameters
    ----------
    f : callable
        `f(p, T)`, vectorised, bounded, and smooth in $\ln p$ below the probability of rank 512 except where
        the sum starts or stops. It is called with shapes that broadcast against each other.
    beta : float or array
        Zipf exponent, > 1.
    T : float or array
        Sample size, > 0, handed on to `f`.
    first, last : int
        Range of ranks; `last` may be infinite.

    Returns
    -------
    float or array
        Broadcast over `beta` and `T`.

    Raises
    ------
    ValueError
        If an argument is outside its range or the ranks are in the wrong order.

    Notes
    -----
    Relative error at most 1e-12 against brute force for the sums of the chapter (see the tests).
    Source: `thm-scaling-master`, chapter *Scaling laws*.

    Examples
    --------
    With f = 1 the sum is the probability of a range of ranks, here of all but the 40 most frequent items.

    >>> one = lambda p, T: np.ones(np.broadcast_shapes(p.shape, T.shape))
    >>> float(zipf_sum(one, 1.2, 1.0, first=41).round(3))
    0.427
    """
    beta = _checks.exponent("beta", beta)
    T = _checks.positive("T", T)
    first = _checks.count("first", first)
    if last != np.inf:
        last = _checks.count("last", last, low=first)
    split = max(first, _FIRST_SMOOTH_RANK)  # first rank of the smooth part
    _checks.grid(beta=beta[..., None], T=T[..., None], ranks=np.empty(split - first + 1))
    beta, T = beta[..., None], T[..., None]

    def g(rank: np.ndarray) -> np.ndarray:
        p = rank**-beta / zeta(beta)
        return p * f(p, T)

    total = np.zeros(())
    if first < split:
        total = g(np.arange(first, min(split, last + 1), dtype=float)).sum(-1)
    if last < split + 8:  # too few ranks left for a difference formula
        if last >= split:
            total = total + g(np.arange(split, last + 1, dtype=float)).sum(-1)
        return total[()]
    # Integral in v = -ln p: dx = x dv / beta. A finite `last` ends it, or the smallest probability does.
    start = beta * np.log(split - 0.5) + np.log(zeta(beta))
    stop = np.full_like(start, -np.log(_SMALLEST_P))
    if last < np.inf:
        stop = np.minimum(stop, beta * np.log(last + 0.5) + np.log(zeta(beta)))
    stop = np.maximum(start, stop)
    panels = max(1, int(np.ceil(float(np.max(stop - start)) / _PANEL)))
    position = (np.arange(panels)[:, None] + (_NODES + 1) / 2).reshape(-1) / panels
    v = start + (stop - start) * position
    weight = np.tile(_WEIGHTS / 2, panels) / panels * (stop - start)
    p = np.exp(-v)
    # ln x = (v - ln zeta) / beta; p x is formed in logarithms because x alone may overflow.
    mass = np.exp(-v + (v - np.log(zeta(beta))) / beta) / beta
    total = total + (weight * mass * f(p, T)).sum(-1)
    if last == np.inf:  # below the smallest p nothing changes any more: f times the mass that is left
        tail = np.exp(-stop + (stop - np.log(zeta(beta))) / beta) / (beta - 1)
        total = total + (tail * f(np.exp(-stop), T))[..., 0]
    total = total + _end_correction(g, split - 0.5)
    if last < np.inf:
        total = total - _end_correction(g, last + 0.5)
    return total[()]


def _end_correction(g: Callable[[np.ndarray], np.ndarray], end: float) -> np.ndarray:
    """Gregory's form of the Euler-Maclaurin terms at a half-integer: differences instead of derivatives."""
    value = g(end + np.array([-1.5, -0.5, 0.5, 1.5]))
    slope = value[..., 2] - value[..., 1]
    third = value[..., 3] - 3 * value[..., 2] + 3 * value[..., 1] - value[..., 0]
    return slope / 24 - 17 / 5760 * third


def master_formula(f: Callable[[float], float], beta: Any, T: Any) -> Any:
    r"""Leading term of $\sum_ip_if(Tp_i)$ over a Zipf law.

    $$B_\beta\,T^{-c}\int_0^\infty x^{-1/\beta}f(x)\,dx,\qquad c=1-\frac1\beta,\quad
    B_\beta=\frac{1}{\beta\,\zeta(\beta)^{1/\beta}} .$$

    The distance to the sum is at most the total variation of $xf(x)$ divided by $2T$.

    Parameters
    ----------
    f : callable
        A function of one real number x > 0 (the expected number of sightings) for which $x f(x)$ has
        bounded variation and vanishes at both ends.
    beta : float or array
        Zipf exponent, > 1.
    T : float or array
        Sample size, > 0.

    Returns
    -------
    float or array
        Broadcast over `beta` and `T`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-scaling-master` and `prop-scaling-smooth`, chapter *Scaling laws*.

    Examples
    --------
    >>> from math import exp
    >>> float(master_formula(lambda x: exp(-x), 2.0, 10_000).round(6))
    0.00691
    """
    beta = _checks.exponent("beta", beta)
    T = _checks.positive("T", T)
    _checks.grid(beta=beta, T=T)
    c = 1 - 1 / beta
    moment = np.reshape([_mellin(f, float(ci)) for ci in np.ravel(c)], c.shape)
    return (moment * T**-c / (beta * zeta(beta) ** (1 / beta)))[()]


def _mellin(f: Callable[[float], float], c: float) -> float:
    """Integral of x^(c-1) f(x): with y = x^c the singularity at 0 disappears."""
    parts = [quad(lambda y: f(y ** (1 / c)), low, high, limit=200)[0] for low, high in ((0, 1), (1, np.inf))]
    return sum(parts) / c


# ------------------------------------------------------------------------------------ the memoriser


def _unseen(p: np.ndarray, T: np.ndarray) -> np.ndarray:
    """(1 - p)^T."""
    with np.errstate(divide="ignore"):  # p rounds to 1 for beta > 54: such an item is always seen
        return np.exp(T * np.log1p(-p))


def missing_mass(beta: Any, T: Any) -> Any:
    r"""Exact error of the memoriser: $E=\sum_ip_i(1-p_i)^T$, the expected missing mass.

    Parameters
    ----------
    beta : float or array
        Zipf exponent, > 1.
    T : float or array
        Number of training samples, >= 1 (not necessarily whole).

    Returns
    -------
    float or array
        Broadcast over `beta` and `T`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: chapter *Scaling laws*, definition "Zipf world and memoriser".

    Examples
    --------
    >>> missing_mass(2.0, [1, 100, 10_000]).round(5)
    array([0.6    , 0.06884, 0.00691])
    """
    return zipf_sum(_unseen, beta, _checks.at_least("T", T, 1))


def missing_mass_asymptotic(beta: Any, T: Any, correction: bool = True) -> Any:
    r"""The clean scaling law $E\simeq C_\beta T^{-c}\bigl[1-\frac{c(c+1)}{2T}\bigr]$ with its exact constant.

    Parameters
    ----------
    beta, T
        As in `missing_mass`.
    correction : bool
        Whether to include the bracket; the relative error is $O(1/T^2)$ with it and $O(1/T)$ without.

    Returns
    -------
    float or array
        Broadcast over `beta` and `T`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `cor-scaling-clean`, chapter *Scaling laws*.

    Examples
    --------
    >>> float(missing_mass_asymptotic(1.5, 1, correction=False).round(5))
    0.94156
    """
    beta = _checks.exponent("beta", beta)
    T = _checks.at_least("T", T, 1)
    _checks.grid(beta=beta, T=T)
    c = 1 - 1 / beta
    leading = gamma(c) / (beta * zeta(beta) ** (1 / beta)) * T**-c
    return (leading * (1 - c * (c + 1) / (2 * T)) if correction else leading)[()]


def missing_mass_spread(beta: Any, T: Any) -> Any:
    r"""Standard deviation of the missing mass over training sets, for large T.

    $$\mathrm{Var}=B_\beta\Gamma(1+c)\bigl(1-2^{-1-c}\bigr)T^{-1-c}
    -B_\beta^2\,\Gamma(1+c)^2\,T^{-1-2c}+O(T^{-2-c}) .$$

    What is left out is less than 2/T of the variance at beta = 1.5 and 2, T >= 30. Relative to the mean the
    result falls like $T^{-1/(2\beta)}$, one over the square root of the number of distinct items seen.

    Parameters
    ----------
    beta, T
        As in `missing_mass`.

    Returns
    -------
    float or array
        Broadcast over `beta` and `T`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `prop-scaling-fluctuations`, chapter *Scaling laws*.

    Examples
    --------
    >>> float((missing_mass_spread(1.5, 10_000) / missing_mass(1.5, 10_000)).round(3))
    0.021
    """
    beta = _checks.exponent("beta", beta)
    T = _checks.at_least("T", T, 1)
    _checks.grid(beta=beta, T=T)
    c = 1 - 1 / beta
    moment = gamma(1 + c) / (beta * zeta(beta) ** (1 / beta))
    variance = moment * (1 - 2 ** (-1 - c)) * T ** (-1 - c) - moment**2 * T ** (-1 - 2 * c)
    return np.sqrt(variance)[()]


def distinct_items(beta: Any, T: Any) -> Any:
    r"""Exact expected number of distinct items among T samples, $\sum_i[1-(1-p_i)^T]$.

    For large T it is $\Gamma(c)(AT)^{1/\beta}-\frac12+O(T^{-c})$, and one more sample adds
    `missing_mass(beta, T)` new items on average, exactly.

    Parameters
    ----------
    beta, T
        As in `missing_mass`.

    Returns
    -------
    float or array
        Broadcast over `beta` and `T`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: chapter *Scaling laws*, exercise "Counting distinct items".

    Examples
    --------
    >>> float(distinct_items(2.0, 1))
    1.0
    """

    def seen_share(p: np.ndarray, T: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return -np.expm1(T * np.log1p(-p)) / p

    return zipf_sum(seen_share, beta, _checks.at_least("T", T, 1))


def sample_missing_mass(beta: float, T: Any, *, replicas: int, seed: int, nested: bool = False) -> np.ndarray:
    r"""Missing mass of simulated training sets drawn from the infinite Zipf law.

    Exact in distribution: items come from NumPy's rejection sampler for the infinite law, and the
    probability of the unseen ones is one minus that of the distinct items seen. (Items beyond $2^{63}$ are
    redrawn; their probability is below 2e-4 at beta = 1.2 and below 1e-9 from beta = 1.5 on.)

    Parameters
    ----------
    beta : float
        Zipf exponent, >= 1.2.
    T : int or array, shape (m,)
        Sizes of the training set.
    replicas : int
        Independent training sets for each size.
    seed : int
        Same seed, same numbers.
    nested : bool
        If true each replica is one growing training set measured at every size, as when a single run is
        evaluated along the way: the points of one curve are then correlated. If false every size has its
        own training sets.

    Returns
    -------
    array, shape (replicas,) or (replicas, m)

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: chapter *Scaling laws*, definition "Zipf world and memoriser".

    Examples
    --------
    >>> sample_missing_mass(2.0, [10, 1000], replicas=3, seed=0).shape
    (3, 2)
    """
    beta = _checks.scalar("beta", beta, lambda name, x: _checks.at_least(name, x, 1.2))
    sizes = _checks.counts("T", T)
    replicas = _checks.count("replicas", replicas)
    seed = _checks.count("seed", seed, low=0)
    if sizes.ndim > 1:
        raise ValueError(f"T must be a number or a one-dimensional array, got shape {sizes.shape}")
    times = np.atleast_1d(sizes).astype(np.int64)
    streams = np.random.SeedSequence(seed).spawn(len(times))
    if nested:
        mass = _paths(beta, times, replicas, np.random.default_rng(streams[0]))
    else:
        columns = [
            _paths(beta, time[None], replicas, np.random.default_rng(stream))
            for time, stream in zip(times, streams, strict=True)
        ]
        mass = np.concatenate(columns, axis=1)
    return mass.reshape((replicas, *sizes.shape))


def _paths(beta: float, times: np.ndarray, replicas: int, rng: np.random.Generator) -> np.ndarray:
    """Missing mass of `replicas` growing training sets at the given sizes."""
    longest = int(times.max())
    _checks.grid(T=np.empty(longest, dtype=bool))
    out = np.empty((replicas, len(times)))
    block = max(1, _CHUNK // longest)
    for low in range(0, replicas, block):
        items = rng.zipf(beta, (min(block, replicas - low), longest))
        order = np.argsort(items, axis=1, kind="stable")  # stable: the first sighting of an item comes first
        items = np.take_along_axis(items, order, axis=1)
        gain = items.astype(float) ** -beta / zeta(beta)
        gain[:, 1:][items[:, 1:] == items[:, :-1]] = 0.0
        seen = np.empty_like(gain)
        np.put_along_axis(seen, order, gain, axis=1)  # back to the order of drawing
        out[low : low + block] = 1 - np.cumsum(seen, axis=1)[:, times - 1]
    return out


def simulate_missing_mass(beta: float, T: Any, *, replicas: int, seed: int, nested: bool = False) -> Estimate:
    """Mean missing mass over simulated training sets; the pair of `missing_mass`.

    Parameters
    ----------
    beta, T, replicas, seed, nested
        As in `sample_missing_mass`.

    Returns
    -------
    Estimate
        `mean` and `stderr` have the shape of `T`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: chapter *Scaling laws*, definition "Zipf world and memoriser".

    Examples
    --------
    >>> estimate = simulate_missing_mass(2.0, 100, replicas=200, seed=1)
    >>> bool(abs(estimate.z(missing_mass(2.0, 100))) < 4)
    True
    """
    samples = sample_missing_mass(beta, T, replicas=replicas, seed=seed, nested=nested)
    return Estimate.from_samples(samples, seed)


# ------------------------------------------------------------------------------ power-law spectra


def _capacity(alpha: Any) -> np.ndarray:
    alpha = _checks.real("alpha", alpha)
    if not (alpha > 1).all():
        raise ValueError(f"alpha must be > 1, got {float(np.min(alpha))!r}")
    return alpha


def power_law_degrees_of_freedom(alpha: Any, kappa: Any, order: int = 1) -> Any:
    r"""Degrees of freedom of the infinite spectrum $s_k=k^{-\alpha}$ at a small effective ridge.

    $$\mathrm{df}_r(\kappa)=I_{\alpha,r}\,\kappa^{-1/\alpha}-\tfrac12+O(\kappa^{1/\alpha}),\qquad
    I_{\alpha,1}=\frac{\pi/\alpha}{\sin(\pi/\alpha)},\quad
    I_{\alpha,2}=\bigl(1-\tfrac1\alpha\bigr)I_{\alpha,1} .$$

    Parameters
    ----------
    alpha : float or array
        Capacity exponent, > 1.
    kappa : float or array
        Effective ridge, > 0; the formula is meant for kappa well below 1.
    order : int
        The power r, >= 1.

    Returns
    -------
    float or array
        Broadcast over `alpha` and `kappa`, without the error term.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-scaling-spectrum`, chapter *Scaling laws*.

    Examples
    --------
    >>> float(power_law_degrees_of_freedom(2.0, 1e-4).round(2))
    156.58
    """
    alpha = _capacity(alpha)
    kappa = _checks.positive("kappa", kappa)
    order = _checks.count("order", order)
    _checks.grid(alpha=alpha, kappa=kappa)
    # Beta(1/alpha, order - 1/alpha) / alpha
    constant = gamma(1 + 1 / alpha) * gamma(order - 1 / alpha) / gamma(order)
    return (constant * kappa ** (-1 / alpha) - 0.5)[()]


def power_law_bias(alpha: Any, r: Any, kappa: Any) -> Any:
    r"""Bias sum of a power-law truth, to leading order in the effective ridge.

    $$\kappa^2\sum_k\frac{s_kc_k^2}{(s_k+\kappa)^2},\qquad s_k=k^{-\alpha},\quad
    s_kc_k^2=\frac{k^{-1-2\alpha r}}{\zeta(1+2\alpha r)} .$$

    Parameters
    ----------
    alpha : float or array
        Capacity exponent, > 1.
    r : float or array
        Source exponent, > 0.
    kappa : float or array
        Effective ridge, > 0.

    Returns
    -------
    float or array
        Of order kappa^(2r) for r < 1, kappa^2 log(1/kappa) at r = 1, kappa^2 for r > 1. Next to r = 1 the
        neighbouring terms are of the same size and neither of them is accurate alone.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-scaling-spectrum`, chapter *Scaling laws*.

    Examples
    --------
    >>> float(power_law_bias(2.0, 0.5, 1e-4) * zeta(3.0))
    5e-05
    """
    alpha = _capacity(alpha)
    r = _checks.positive("r", r)
    kappa = _checks.positive("kappa", kappa)
    _checks.grid(alpha=alpha, r=r, kappa=kappa)
    low = np.where(r < 1, r, 0.5)  # keeps the unused branches of the three-way choice finite
    high = np.where(r > 1, r, 2.0)
    below = gamma(2 * low) * gamma(2 - 2 * low) / alpha * kappa ** (2 * low)
    at = kappa**2 * ((np.log(1 / kappa) - 1) / alpha + np.euler_gamma)
    above = kappa**2 * zeta(1 + 2 * alpha * (high - 1))
    return (np.where(r < 1, below, np.where(r == 1, at, above)) / zeta(1 + 2 * alpha * r))[()]


def ridgeless_error(alpha: Any, r: Any, T: Any, noise: Any = 0.0) -> Any:
    r"""Test error of the minimum-norm fit on an infinite power-law spectrum, a scaling law with a plateau.

    $$E\simeq\frac{\Gamma(2r)\Gamma(2-2r)}{\zeta(1+2\alpha r)}\,
    \frac{I_\alpha^{2\alpha r}\,T}{(T+\frac12)^{1+2\alpha r}}
    +\sigma^2\Bigl(\alpha-1-\frac{\alpha}{2T+1}\Bigr),\qquad I_\alpha=\frac{\pi/\alpha}{\sin(\pi/\alpha)} .$$

    Parameters
    ----------
    alpha : float or array
        Capacity exponent, > 1.
    r : float or array
        Source exponent, strictly between 0 and 1.
    T : float or array
        Number of samples, >= 1.
    noise : float or array
        Standard deviation of the label noise, >= 0.

    Returns
    -------
    float or array
        Broadcast over the arguments. The truth is normalised to $\sum_ks_kc_k^2=1$.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-scaling-ridgeless`, chapter *Scaling laws*.

    Examples
    --------
    Label noise leaves a floor that no amount of data removes:

    >>> ridgeless_error(2.0, 0.5, T=[10, 100, 1000], noise=0.1).round(4)
    array([0.0268, 0.0101, 0.01  ])
    """
    alpha = _capacity(alpha)
    r = _checks.positive("r", r)
    if not (r < 1).all():
        raise ValueError(f"r must be < 1, got {float(np.max(r))!r}")
    T = _checks.at_least("T", T, 1)
    noise = _checks.nonnegative("noise", noise)
    _checks.grid(alpha=alpha, r=r, T=T, noise=noise)
    rate = 2 * alpha * r
    constant = gamma(2 * r) * gamma(2 - 2 * r) / zeta(1 + rate)
    width = gamma(1 + 1 / alpha) * gamma(1 - 1 / alpha)  # I_alpha
    bias = constant * (width / (T + 0.5)) ** rate * (T / (T + 0.5))
    return (bias + noise**2 * (alpha - 1 - alpha / (2 * T + 1)))[()]


def clean_rate(alpha: Any, r: Any) -> Any:
    r"""Exponent of the best ridge on noisy data, $2\alpha\bar r/(2\alpha\bar r+1)$ with $\bar r=\min(r,1)$.

    Parameters
    ----------
    alpha : float or array
        Capacity exponent, > 1.
    r : float or array
        Source exponent, > 0.

    Returns
    -------
    float or array

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `cor-scaling-rates`, chapter *Scaling laws*.

    Examples
    --------
    >>> float(clean_rate(1.5, 0.5))
    0.6
    """
    exponent = noiseless_rate(alpha, r)
    return exponent / (exponent + 1)


def noiseless_rate(alpha: Any, r: Any) -> Any:
    r"""Exponent of the unpenalised fit on noiseless data, $2\alpha\min(r,1)$.

    Parameters
    ----------
    alpha, r
        As in `clean_rate`.

    Returns
    -------
    float or array

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `cor-scaling-rates`, chapter *Scaling laws*.

    Examples
    --------
    >>> float(noiseless_rate(1.5, 0.5))
    1.5
    """
    alpha, r = _capacity(alpha), _checks.positive("r", r)
    _checks.grid(alpha=alpha, r=r)
    return (2 * alpha * np.minimum(r, 1))[()]


# ------------------------------------------------------------------------- reading a learning curve


class LocalExponent(NamedTuple):
    """Local exponents between neighbouring points of a curve; see `local_exponent`."""

    x: np.ndarray
    exponent: np.ndarray
    stderr: np.ndarray


def local_exponent(x: Any, y: Any, stderr: Any = 0.0) -> LocalExponent:
    r"""Local exponent $-\Delta\ln y/\Delta\ln x$ between neighbouring points of a curve.

    A difference over an interval is the exact average of the local exponent over that interval, so nothing
    is lost however wide the spacing.

    Parameters
    ----------
    x : array, shape (m,)
        Increasing, > 0.
    y : array, shape (m,)
        Errors, > 0.
    stderr : float or array, shape (m,)
        Standard errors of `y`, from independent runs. Neighbouring exponents share a point and are
        therefore negatively correlated.

    Returns
    -------
    LocalExponent
        Geometric midpoints `x`, `exponent` (positive where y falls) and its `stderr`, shape (m - 1,).

    Raises
    ------
    ValueError
        If shapes differ, there are fewer than two points, or a value is outside its range.

    Source: `prop-scaling-shares`, `prop-scaling-decades` and `thm-scaling-line`, chapter *Scaling laws*,
    definition "Local exponent".

    Examples
    --------
    >>> local_exponent([1, 10, 100], [1.0, 0.1, 0.01]).exponent
    array([1., 1.])
    """
    x, y, stderr = _curve(x, y, stderr, fewest=2, name="y")
    step = np.diff(np.log(x))
    relative = (stderr / y) ** 2
    return LocalExponent(
        np.sqrt(x[1:] * x[:-1]), -np.diff(np.log(y)) / step, np.sqrt(relative[1:] + relative[:-1]) / step
    )


def _curve(x: Any, y: Any, stderr: Any, fewest: int, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x = _checks.vector("x", x, check=_checks.positive)
    y = _checks.vector(name, y, len(x), check=_checks.positive)
    if len(x) < fewest:
        raise ValueError(f"x must have at least {fewest} points, got {len(x)}")
    if not (np.diff(x) > 0).all():
        raise ValueError(f"x must be increasing, got {x!r}")
    stderr = _checks.nonnegative("stderr", stderr)
    if stderr.shape not in ((), x.shape):
        raise ValueError(f"stderr must have shape {x.shape}, got {stderr.shape}")
    return x, y, np.broadcast_to(stderr, x.shape)


@dataclass(frozen=True)
class PowerLawFit:
    """A fitted law `prefactor * x**-exponent + plateau`, with standard errors and goodness of fit.

    Attributes
    ----------
    exponent, prefactor, plateau : float
        `plateau` is 0 when it was not fitted.
    exponent_stderr, prefactor_stderr, plateau_stderr : float
        Standard errors, valid if the form is right and the error bars of the data are.
    chi2 : float
        Weighted sum of squared residuals.
    dof : int
        Number of points minus number of fitted parameters.
    """

    exponent: float
    prefactor: float
    plateau: float
    exponent_stderr: float
    prefactor_stderr: float
    plateau_stderr: float
    chi2: float
    dof: int

    @property
    def chi2_per_dof(self) -> float:
        """About 1 (give or take sqrt(2/dof)) if form and error bars are right; NaN without freedom left."""
        return self.chi2 / self.dof if self.dof else float("nan")

    def predict(self, x: Any) -> Any:
        """The fitted law at `x` > 0."""
        x = _checks.positive("x", x)
        return (self.prefactor * x**-self.exponent + self.plateau)[()]


def fit_power_law(x: Any, mean: Any, stderr: Any, plateau: bool = False) -> PowerLawFit:
    r"""Weighted least-squares fit of $a\,x^{-c}$, or of $a\,x^{-c}+b$, to a measured curve.

    The fit is made to the means themselves, not to their logarithms: the mean of a logarithm is not the
    logarithm of the mean, and a plateau is a straight line in neither.

    Parameters
    ----------
    x : array, shape (m,)
        Increasing, > 0.
    mean : array, shape (m,)
        Measured errors, > 0.
    stderr : float or array, shape (m,)
        Standard errors of `mean`, > 0. The points must be independent: for curves along which the training
        set grows, fit each replica and take the spread of the exponents.
    plateau : bool
        Whether to fit the constant b (of either sign) as well.

    Returns
    -------
    PowerLawFit

    Raises
    ------
    ValueError
        If shapes differ, there are fewer points than parameters, a value is outside its range, or no
        curve of this form fits.

    Source: `cor-scaling-plateau`, chapter *Scaling laws*, section "A fit that earns its error bar".

    Examples
    --------
    >>> x = np.array([10.0, 100.0, 1000.0, 10_000.0])
    >>> fit = fit_power_law(x, 3 / np.sqrt(x) + 0.1, 0.01 * np.ones(4), plateau=True)
    >>> round(fit.exponent, 6), round(fit.plateau, 6), fit.dof
    (0.5, 0.1, 1)
    """
    x, mean, stderr = _curve(x, mean, stderr, fewest=3 if plateau else 2, name="mean")
    _checks.positive("stderr", stderr)
    pivot = np.exp(np.log(x).mean())  # amplitude and exponent are nearly uncorrelated here
    log_x = np.log(x / pivot)
    scale = mean.mean()  # the plateau in units of the data keeps the problem well scaled

    def model(_: Any, q: float, c: float, b: float = 0.0) -> np.ndarray:
        return np.exp(q - c * log_x) + b * scale

    def jacobian(_: Any, q: float, c: float, b: float = 0.0) -> np.ndarray:
        power = np.exp(q - c * log_x)
        columns = [power, -log_x * power, np.full(x.shape, scale)]
        return np.stack(columns[: 3 if plateau else 2], axis=1)

    slope, level = np.polyfit(log_x, np.log(mean), 1)
    start = [level, -slope] + ([0.0] if plateau else [])
    try:
        best, covariance = curve_fit(
            model, x, mean, start, sigma=stderr, absolute_sigma=True, jac=jacobian, maxfev=10_000
        )
    except RuntimeError as error:
        raise ValueError(f"mean must follow a power law near enough to be fitted: {error}") from None
    residual = mean - model(x, *best)
    log_prefactor = best[0] + best[1] * np.log(pivot)
    lever = np.array([1.0, np.log(pivot)])
    prefactor = float(np.exp(log_prefactor))
    return PowerLawFit(
        exponent=float(best[1]),
        prefactor=prefactor,
        plateau=float(best[2] * scale) if plateau else 0.0,
        exponent_stderr=float(np.sqrt(covariance[1, 1])),
        prefactor_stderr=prefactor * float(np.sqrt(lever @ covariance[:2, :2] @ lever)),
        plateau_stderr=float(np.sqrt(covariance[2, 2]) * scale) if plateau else 0.0,
        chi2=float(((residual / stderr) ** 2).sum()),
        dof=len(x) - len(best),
    )
