r"""Regression collapse under heavy tails: rates, crossover sizes and the penalty that fake data ask for.

The spectrum is $s_k=k^{-\alpha}$ and the truth has $s_kc_k^2=k^{-1-2\alpha r}$, $k=1,\dots,d$; the generators
are least squares with $T_0\ge d+2$. Everything follows from one number, the noise per sample
$v=\sigma_{\rm eff}^2/T$, and one formula, $E\simeq C_B\lambda^{2\bar r}+C_Vv\lambda^{-1/\alpha}$ with
$\bar r=\min(r,1)$.

Source: the chapter *Heavy tails and adaptive regularisation*; *Model Collapse Demystified: The Case of
Regression*.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import gamma, zeta

from .. import _checks
from ..scaling import noiseless_rate
from .chain import Chain, CollapseParts


class CrossoverSizes(NamedTuple):
    """Sample sizes at which the learning curve on fake data changes its slope; see `crossover_sizes`."""

    slow: float
    turn: float
    saturation: float


def critical_exponent(alpha: Any, r: Any) -> Any:
    r"""Exponent of the best penalty on noisy clean data, $\ell_{\rm crit}=\alpha/(2\alpha\bar r+1)$.

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

    Source: `thm-heavy-adaptive` and `cor-heavy-critical`, chapter *Heavy tails and adaptive regularisation*.

    Examples
    --------
    >>> float(critical_exponent(1.5, 0.5))
    0.6
    """
    return (np.asarray(alpha) / (noiseless_rate(alpha, r) + 1))[()]


def adaptive_exponent(alpha: Any, r: Any, b: Any, a: Any = 0.0) -> Any:
    r"""Exponent $\ell^*$ of the best penalty on fake data, $\ell^*=\min(1,\,b-a)\,\ell_{\rm crit}$.

    The generators have $T_0=d+1+T^b$ samples, there are $n=T^a$ of them, and $d\lesssim T$; the label noises
    do not depend on T and neither is zero. The error is then of order $T^{-2\bar r\ell^*}$.

    Parameters
    ----------
    alpha : float or array
        Capacity exponent, > 1.
    r : float or array
        Source exponent, > 0.
    b : float or array
        Exponent of the generators' samples, >= 0.
    a : float or array
        Exponent of the number of generations, from 0 to b.

    Returns
    -------
    float or array
        0 if b = a: more data then does not help.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `cor-heavy-growing`, chapter *Heavy tails and adaptive regularisation*.

    Examples
    --------
    >>> adaptive_exponent(1.5, 0.5, b=[1.0, 1.0, 2.0], a=[0.0, 0.25, 0.5]).round(3)
    array([0.6 , 0.45, 0.6 ])
    """
    b, a = _checks.nonnegative("b", b), _checks.nonnegative("a", a)
    critical = critical_exponent(alpha, r)
    _checks.grid(alpha=alpha, r=r, b=b, a=a)
    _checks._require("a", b - a, b - a >= 0, "at most b (more generations than samples: no decay)")
    return (np.minimum(1, b - a) * critical)[()]


def noise_per_sample(T: Any, d: int, noise: Any, chain: Chain) -> Any:
    r"""Noise of the labels and of the generators, per sample of the final fit.

    $$v=\frac{\sigma_{\rm eff}^2}{T},\qquad \sigma_{\rm eff}^2=\sigma^2+n\sigma_0^2\,\frac{T+d}{T_0-d-1} .$$

    This is `effective_noise` squared over T where few directions are learned ($\mathrm{df}_1\ll d$), and does
    not depend on the penalty. The fit then does about as well as one on $\sigma^2/v$ clean samples: the
    effective sample size, $(T_0-d-1)/n$ for $T\to\infty$ and $\sigma=\sigma_0$.

    Parameters
    ----------
    T : float or array
        Samples of the final fit, >= 1.
    d : int
        Dimension.
    noise : float or array
        Standard deviation of the final label noise, >= 0.
    chain : Chain
        Least-squares generators, T0 >= d + 2.

    Returns
    -------
    float or array
        Broadcast over all parameters.

    Raises
    ------
    ValueError
        If the generators are penalised or dependent, T0 < d + 2, or an argument is outside its range.

    Source: `cor-heavy-floor`, chapter *Heavy tails and adaptive regularisation*, equation for v.

    Examples
    --------
    >>> float(noise_per_sample(1000, 100, 0.0, Chain(T0=201, n=10, noise0=1.0)).round(4))
    0.11
    """
    d = _checks.count("d", d)
    T = _checks.at_least("T", T, 1)
    noise = _checks.nonnegative("noise", noise)
    _least_squares(chain, d)
    _checks.grid(T=T, noise=noise, T0=chain.T0, n=chain.n, noise0=chain.noise0)
    return (noise**2 / T + chain.n * chain.noise0**2 / (chain.T0 - d - 1) * (1 + d / T))[()]


def _least_squares(chain: Chain, d: int) -> None:
    if not isinstance(chain, Chain):
        raise ValueError(f"chain must be a Chain, got {chain!r}")
    _checks.at_least("T0", chain.T0, d + 2, why=" (= d + 2) for least-squares generators")
    if chain.design == "dependent" or bool((chain.ridge0 > 0).any()):
        raise ValueError(
            "chain must have ridge0 = 0 and an independent or shared design, "
            f"got ridge0 = {chain.ridge0}, {chain.design}"
        )


def _constants(alpha: Any, r: Any) -> tuple[Any, Any]:
    """Constants C_B and C_V of bias and variance."""
    low = np.where(r < 1, r, 0.5)  # keeps the unused branch of the choice finite
    high = np.where(r > 1, r, 2.0)
    below = gamma(2 * low) * gamma(2 - 2 * low) / alpha
    bias = np.where(r < 1, below, zeta(1 + 2 * alpha * (high - 1)))
    return bias, gamma(1 + 1 / alpha) * gamma(2 - 1 / alpha)


def power_law_error(
    alpha: Any, r: Any, T: Any, ridge: Any, noise: Any, d: int, chain: Chain
) -> CollapseParts:
    r"""Test error on fake data for a power law, to leading order in the penalty.

    $$E\simeq C_B\,\lambda^{2\bar r}
    +C_V\Bigl[\sigma^2+n\sigma_0^2\frac{T+d}{T_0-d-1}\Bigr]\frac{\lambda^{-1/\alpha}}T,
    \qquad C_V=\frac{\pi(1-1/\alpha)/\alpha}{\sin(\pi/\alpha)},$$

    $C_B=\Gamma(2r)\Gamma(2-2r)/\alpha$ for r < 1 and $\zeta(1+2\alpha(r-1))$ for r > 1. Meant for
    $1\ll\lambda^{-1/\alpha}\ll\min(T,d)$: beyond, the collapse saturates at $n\sigma_0^2d/(T_0-d-1)$.

    Parameters
    ----------
    alpha : float or array
        Capacity exponent, > 1.
    r : float or array
        Source exponent, > 0 and not 1. The truth is $s_kc_k^2=k^{-1-2\alpha r}$.
    T : float or array
        Samples of the final fit, >= 1.
    ridge : float or array
        Penalty of the final fit, > 0.
    noise : float or array
        Standard deviation of the final label noise, >= 0.
    d : int
        Dimension.
    chain : Chain
        Least-squares generators, T0 >= d + 2.

    Returns
    -------
    CollapseParts
        Broadcast over all parameters.

    Raises
    ------
    ValueError
        If r = 1 (a logarithm appears) or an argument is outside its range.

    Source: `thm-heavy-rate`, chapter *Heavy tails and adaptive regularisation*; *Model Collapse Demystified*,
    scaling laws on fake data.

    Examples
    --------
    >>> parts = power_law_error(2.0, 0.5, 1000, 0.01, 0.1, 10**6, Chain(T0=2 * 10**6, n=1, noise0=0.1))
    >>> [round(float(x), 5) for x in (parts.bias, parts.variance, parts.collapse)]
    [0.005, 8e-05, 8e-05]
    """
    r = _checks.positive("r", r)
    _checks._require("r", r, r != 1, "different from 1, where the bias has a logarithm")
    exponent = noiseless_rate(alpha, r)  # checks alpha
    alpha = np.asarray(alpha, dtype=np.float64)
    ridge = _checks.positive("ridge", ridge)
    final = noise_per_sample(T, d, noise, Chain(chain.T0, 0, 0.0))
    fake = noise_per_sample(T, d, 0.0, chain)
    shape = _checks.grid(alpha=exponent, ridge=ridge, final=final, fake=fake)
    bias_constant, constant = _constants(alpha, r)
    learned = constant * ridge ** (-1 / alpha)
    parts = (bias_constant * ridge ** (exponent / alpha), final * learned, fake * learned)
    return CollapseParts(*(np.broadcast_to(x, shape)[()] for x in parts))


def crossover_sizes(
    alpha: float, r: float, ell: float, d: int, chain: Chain, noise: float = 0.0
) -> CrossoverSizes:
    r"""Sizes T at which the error at penalty $\lambda=T^{-\ell}$ on fake data changes its slope.

    With $q=n\sigma_0^2/(T_0-d-1)$ and $\tilde d=d+\sigma^2/q$ the error is, to leading order,
    $C_BT^{-2\bar r\ell}+C_Vq(1+\tilde d/T)T^{\ell/\alpha}$.

    Parameters
    ----------
    alpha, r : float
        Capacity and source exponents, alpha > 1, r > 0 and not 1.
    ell : float
        Exponent of the penalty, strictly between 0 and alpha.
    d : int
        Dimension.
    chain : Chain
        Least-squares generators with scalar fields, T0 >= d + 2, n >= 1, noise0 > 0.
    noise : float
        Final label noise, >= 0.

    Returns
    -------
    CrossoverSizes
        `slow`: where the falling noise term $C_Vq\tilde dT^{\ell/\alpha-1}$ overtakes the bias and the fast
        rate becomes the slow one; NaN if this does not happen before the turn. `turn`: the best T, where the
        error is smallest. `saturation`: $d^{\alpha/\ell}$, where all directions are learned; the other two
        mean something well below it only.

    Raises
    ------
    ValueError
        If an argument is outside its range or there is no collapse (n = 0 or noise0 = 0).

    Source: `thm-heavy-crossover` and `cor-heavy-critical`, chapter *Heavy tails and adaptive regularisation*.

    Examples
    --------
    >>> sizes = crossover_sizes(1.5, 0.5, 1.0, 10**6, Chain(T0=2 * 10**6, n=1, noise0=0.1))
    >>> [f"{x:.1e}" for x in sizes]
    ['7.5e+02', '5.2e+05', '1.0e+09']
    """
    alpha = _checks.scalar("alpha", alpha, _checks.positive)
    r = _checks.scalar("r", r, _checks.positive)
    _checks._require(
        "r", np.float64(r), np.float64(r) != 1, "different from 1, where the bias has a logarithm"
    )
    bias_rate = noiseless_rate(alpha, r) / alpha
    ell = _checks.scalar("ell", ell, _checks.positive)
    _checks._require("ell", np.float64(ell), np.float64(ell) < alpha, f"< alpha = {alpha:g}")
    d = _checks.count("d", d)
    noise = _checks.scalar("noise", noise)
    _least_squares(chain, d)
    _checks.count("n", chain.n)
    _checks.scalar("noise0", chain.noise0, _checks.positive)
    q = float(chain.n * chain.noise0**2 / (chain.T0 - d - 1))
    wide = d + noise**2 / q
    fall, rise = bias_rate * ell, ell / alpha
    bias, variance = (float(x) for x in _constants(alpha, r))
    # The derivative vanishes where T^(x - 1) (T - corner) = balance^x. In log(T - corner) the left side has
    # a logarithmic slope between 1 and x, which brackets the root.
    x = fall + rise
    corner = wide * (1 - rise) / rise
    balance = np.log(fall * bias / (rise * variance * q)) / x

    def excess(u: float) -> float:
        return (x - 1) * np.logaddexp(np.log(corner), u) + u - x * balance

    reach = abs(excess(balance)) / min(1, x) + 1e-9
    turn = float(corner + np.exp(brentq(excess, balance - reach, balance + reach)))
    slow = np.nan
    if x > 1:
        where = (bias / (variance * q * wide)) ** (1 / (x - 1))
        slow = float(where) if where < corner else np.nan
    return CrossoverSizes(slow, turn, d ** (1 / rise))


def adaptive_ridge(
    ridge: Any, alpha: Any, r: Any, T: Any, d: int, noise: Any, chain: Chain, T_clean: Any = None
) -> Any:
    r"""Effective-noise rule: turn a penalty tuned on clean data into one for fake data.

    $$\lambda=\lambda_{\rm clean}\Bigl(\frac{\sigma_{\rm eff}^2}{\sigma^2}\Bigr)^{\ell_{\rm crit}},\qquad
    \sigma_{\rm eff}^2=\sigma^2+n\sigma_0^2\,\frac{T+d}{T_0-d-1} ,$$

    if $\lambda_{\rm clean}$ was tuned on T clean samples; if on another number, times
    $(T_{\rm clean}/T)^{\ell_{\rm crit}}$, which follows the clean power law to T.

    Parameters
    ----------
    ridge : float or array
        The penalty that is best on `T_clean` clean samples with noise `noise`, >= 0.
    alpha, r : float or array
        Capacity and source exponents; only $\ell_{\rm crit}$ is used.
    T : float or array
        Samples of the final fit, >= 1.
    d : int
        Dimension.
    noise : float or array
        Standard deviation of the final label noise, > 0: without noise there is nothing to scale from.
    chain : Chain
        Least-squares generators, T0 >= d + 2.
    T_clean : float or array, optional
        Clean samples on which `ridge` was tuned, >= 1; T by default.

    Returns
    -------
    float or array

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: chapter *Heavy tails and adaptive regularisation*, "The rule in practice"; *Model Collapse
    Demystified*, adaptive regularisation.

    Examples
    --------
    >>> float(adaptive_ridge(2e-4, 1.5, 0.5, 10_000, 1000, 0.1, Chain(T0=2000, n=10, noise0=0.1)).round(5))
    0.00338
    """
    ridge = _checks.nonnegative("ridge", ridge)
    noise = _checks.positive("noise", noise)
    tuned_on = _checks.at_least("T", T, 1) if T_clean is None else _checks.at_least("T_clean", T_clean, 1)
    inflation = noise_per_sample(T, d, noise, chain) * tuned_on / noise**2
    return (ridge * inflation ** critical_exponent(alpha, r))[()]


__all__ = [
    "CrossoverSizes",
    "adaptive_exponent",
    "adaptive_ridge",
    "critical_exponent",
    "crossover_sizes",
    "noise_per_sample",
    "power_law_error",
]
