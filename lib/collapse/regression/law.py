r"""The least-squares chain beyond its mean: spread and law of the error, and budgets of samples.

All fits are unpenalised, with at least as many samples as parameters; nothing here depends on the covariance
of the inputs or on the truth.

Source: chapter *The chain: linear growth*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import interpolate, special

from .. import _checks
from .._device import to_namespace
from .chain import Chain


def _least_squares(chain: Chain) -> Chain:
    """The chain, if its generators are unpenalised."""
    if not isinstance(chain, Chain):
        raise ValueError(f"chain must be a Chain, got {chain!r}")
    if bool((chain.ridge0 > 0).any()):
        raise ValueError(f"ridge0 must be 0 (least-squares generators), got {chain.ridge0}")
    return chain


def _same_samples(T: Any, chain: Chain) -> None:
    if chain.design == "dependent" and bool((T != chain.T0).any()):
        raise ValueError(f"T0 must equal T with a dependent design, got {chain.T0} and {T}")


def error_variance(d: int, T: Any, noise: Any, chain: Chain) -> Any:
    r"""Variance over runs of the error of a least-squares fit on labels from generation n.

    With $h=\frac{\sigma^2}{T-d-1}+\frac{n\sigma_0^2}{T_0-d-1}$ and
    $v_T=\frac{2}{(T-d-1)^2(T-d-3)}$,

    $$\operatorname{Var}\mathcal E=2d\,h^2+d(d+2)\bigl(\sigma^4v_T+n^j\sigma_0^4\,v_{T_0}\bigr),$$

    $j=1$ for independent and 2 for shared inputs; with one set of inputs everywhere the bracket is
    $(\sigma^2+n\sigma_0^2)^2v_T$. The generator alone is the case noise = 0.

    Parameters
    ----------
    d : int
        Dimension.
    T : int or array
        Samples of the final fit, >= d + 4 (of no account where noise = 0).
    noise : float or array
        Standard deviation of the final label noise, >= 0.
    chain : Chain
        Unpenalised generators, T0 >= d + 4 (of no account where n or noise0 is 0).

    Returns
    -------
    float or array
        Broadcast over the parameters.

    Raises
    ------
    ValueError
        If the variance is infinite or an argument is outside its range.

    Source: `thm-chain-shared`, chapter *The chain: linear growth*.

    Examples
    --------
    >>> float(error_variance(1, 5, 1.0, Chain(T0=5, n=0, noise0=0.0)))  # of an F(1, 5) law over 5
    0.8888888888888888
    >>> float(error_variance(10, 20, 0.0, Chain(40, 8, 1.0)).round(4))
    1.6066
    >>> float(error_variance(10, 20, 0.0, Chain(40, 8, 1.0, design="shared")).round(4))
    2.1984
    """
    d = _checks.count("d", d)
    T, noise = _checks.counts("T", T), _checks.nonnegative("noise", noise)
    chain = _least_squares(chain)
    _same_samples(T, chain)
    _checks.grid(T=T, noise=noise, T0=chain.T0, n=chain.n, noise0=chain.noise0)
    T, noise2, T0, chained = to_namespace(T, noise**2, chain.T0, chain.n * chain.noise0**2)

    def parts(name: str, size: Any, weight: Any) -> tuple[Any, Any]:
        """Mean and variance of weight / chi-square with size - d + 1 degrees of freedom."""
        used = weight > 0
        tight = used & (size < d + 4)
        if bool(tight.any()):
            raise ValueError(
                f"{name} must be >= {d + 4} (= d + 4: below, the variance of the error is infinite), "
                f"got {_checks._shown(size + 0 * weight, tight)}"
            )
        k = size * used + (d + 4) * ~used - d - 1  # any safe size where there is no noise
        return weight / k, 2 * weight**2 / (k**2 * (k - 2))

    if chain.design == "dependent":
        h, spread = parts("T", T, noise2 + chained)
    else:
        h, spread = parts("T", T, noise2)
        through, more = parts("T0", T0, chained)  # n^2 times the variance of one: shared inputs
        if chain.design == "independent":
            more = more / (chain.n + (chain.n == 0))
        h, spread = h + through, spread + more
    return (2 * d * h**2 + d * (d + 2) * spread)[()]


def error_cdf(x: Any, d: int, T: int, noise: float, chain: Chain) -> Any:
    r"""Distribution function of the error of a least-squares fit on labels from generation n.

    The error is at most x if and only if
    $W=\sigma^2/\chi^2_{T-d+1}+\sigma_0^2\sum_g1/\chi^2_{T_0-d+1,g}-x/\chi^2_d\le0$. All terms are of one
    kind, with the characteristic function $f_k(t)=\mathbb E\,e^{it/\chi^2_k}$, so

    $$P(\mathcal E\le x)=\frac12-\frac1\pi\int_0^\infty\operatorname{Im}\bigl[
    f_{T-d+1}(\sigma^2t)\,f_{T_0-d+1}(\sigma_0^2t)^n\,f_d(-xt)\bigr]\frac{dt}t$$

    for independent inputs; with shared ones $f_{T_0-d+1}(n\sigma_0^2t)$ replaces the power. The
    integral is computed to better than 1e-7.

    Parameters
    ----------
    x : float or array
        Errors, >= 0.
    d : int
        Dimension.
    T : int
        Samples of the final fit, >= d.
    noise : float
        Standard deviation of the final label noise, >= 0. With noise = 0 this is the law of the generator.
    chain : Chain
        Unpenalised generators with scalar fields, T0 >= d. It must add noise if `noise` is 0.

    Returns
    -------
    float or array
        Probabilities, of the shape of `x`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-chain-law`, chapter *The chain: linear growth*.

    Examples
    --------
    >>> from scipy import stats
    >>> float(error_cdf(0.5, 10, 30, 1.0, Chain(T0=30, n=0, noise0=1.0)).round(6))
    0.560959
    >>> float(stats.f(10, 21).cdf(0.5 * 21 / 10).round(6))
    0.560959
    """
    x = _checks.nonnegative("x", x)
    d = _checks.count("d", d)
    T = _checks.count("T", T, low=d, why=" (the dimension)")
    noise = _checks.scalar("noise", noise)
    chain = _least_squares(chain)
    T0 = _checks.count("T0", chain.T0, low=d, why=" (the dimension)")
    n, noise0 = _checks.count("n", chain.n, low=0), _checks.scalar("noise0", chain.noise0)
    _same_samples(np.array(T), chain)
    if chain.design == "dependent":
        terms = [(T, noise**2 + n * noise0**2, 1)]
    elif chain.design == "shared":
        terms = [(T, noise**2, 1), (T0, n * noise0**2, 1)]
    else:
        terms = [(T, noise**2, 1), (T0, noise0**2, n)]
    terms = [(size - d + 1, weight, power) for size, weight, power in terms if weight * power > 0]
    if not terms:
        raise ValueError(f"noise must be > 0 where the chain adds none: the error is then 0, got {noise}")
    # In v = log(theta) the integrand is analytic and vanishes at both ends: the trapezoidal rule.
    scale = sum(weight * power / k for k, weight, power in terms)
    step = 0.04
    theta = np.exp(np.arange(-60, 16, step)) / scale
    positive = sum(power * _log_transform(weight * theta, k) for k, weight, power in terms)
    seen = positive.real > -45
    theta, positive = theta[seen], positive[seen]
    cdf = np.zeros(np.size(x))
    above = np.flatnonzero(np.ravel(x) > 0)
    if len(above):
        # One table of the third factor serves all x: in log(theta) they only shift it.
        v, shifts = np.log(theta), np.log(np.ravel(x)[above])
        grid = np.arange(v[0] + shifts.min() - 4 * step, v[-1] + shifts.max() + 4 * step, step)
        log_factor = interpolate.CubicSpline(grid, _log_transform(np.exp(grid), d).conj())
        signed = [np.exp(positive + log_factor(v + shift)).imag.sum() for shift in shifts]
        cdf[above] = np.clip(0.5 - step / np.pi * np.array(signed), 0, 1)
    return cdf.reshape(np.shape(x))[()]


def _log_transform(theta: np.ndarray, k: int) -> np.ndarray:
    """Logarithm of the mean of exp(i theta / Q), theta >= 0, where Q is chi-square with k degrees of freedom.

    The mean is an integral over log Q, moved to a path through the complex saddle point q that bends, far to
    the left, to the side where exp(i theta / Q) decays instead of turning. On it the integrand is analytic
    and vanishes fast at both ends: the trapezoidal rule, in steps fit for its width.
    """
    root = np.sqrt(k**2 - 8j * theta)[:, None]
    q, other = (k + root) / 2, -4j * theta[:, None] / (k + root)  # other = -2i theta / q
    width = np.sqrt(2 / root.real)
    step = min(0.3, 0.1 * np.sqrt(k))
    real = width * np.arange(-9 - 50 / np.sqrt(k), 9 + 50 / np.sqrt(k), step)
    bend = special.expit(-3 * (real + 2))
    turn = 1j * (np.pi / 2 + np.angle(q))
    u, du = real - turn * bend, width * step * (1 + 3 * turn * bend * (1 - bend))
    # Relative to the saddle point, so that only small numbers are exponentiated.
    line = np.exp((k * u - q * np.expm1(u) - other * np.expm1(-u)) / 2) * du
    level = (k * np.log(q / 2) - q - other)[:, 0] / 2 - special.gammaln(k / 2)
    return level + np.log(line.sum(1))


def samples_for_floor(d: int, n: Any, noise0: Any, floor: Any) -> Any:
    r"""Fewest samples per generator that keep the floor at or below a level.

    $T_0=\lceil d+1+n\sigma_0^2d/\epsilon\rceil$, at least $d+2$ where the chain adds noise.

    Parameters
    ----------
    d : int
        Dimension.
    n : int or array
        Generations, >= 0.
    noise0 : float or array
        Standard deviation of the generators' label noise, >= 0.
    floor : float or array
        Largest error that the chain may add, > 0.

    Returns
    -------
    float or array
        Whole numbers.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `cor-chain-floor`, chapter *The chain: linear growth*.

    Examples
    --------
    >>> samples_for_floor(100, [1, 5, 10], 0.5, 0.1).astype(int)
    array([ 351, 1351, 2601])
    """
    d = _checks.count("d", d)
    n, noise0 = _checks.counts("n", n, low=0), _checks.nonnegative("noise0", noise0)
    floor = _checks.positive("floor", floor)
    _checks.grid(n=n, noise0=noise0, floor=floor)
    n, noise0, floor = to_namespace(n, noise0, floor)
    excess = n * noise0**2 * d / floor
    # Rounding must not ask for one sample more where the answer is a whole number.
    whole = excess.round()
    close = abs(excess - whole) <= 1e-12 * whole
    return (d + 1 + (whole * close + np.ceil(excess) * ~close))[()]


@dataclass(frozen=True, eq=False)
class Split:
    """How a budget of samples is best shared out over a chain.

    Parameters
    ----------
    T, T0 : float or array
        Samples of the final fit and of each generator, not rounded.
    error : float or array
        The test error there.

    Examples
    --------
    >>> Split(T=20.0, T0=10.0, error=1.0).error
    1.0
    """

    T: Any
    T0: Any
    error: Any


def best_split(d: int, total: Any, n: Any, noise: Any, noise0: Any) -> Split:
    r"""The split of a budget over n generators and a final fit with the smallest test error.

    Samples beyond d + 1 go in proportion to the noise: with $M'=M-(n+1)(d+1)$,

    $$T-d-1=\frac{\sigma M'}{\sigma+n\sigma_0},\quad T_0-d-1=\frac{\sigma_0M'}{\sigma+n\sigma_0},\quad
    E=\frac{d\,(\sigma+n\sigma_0)^2}{M'}.$$

    Parameters
    ----------
    d : int
        Dimension.
    total : int or array
        Samples $M=nT_0+T$ in all, > (n + 1)(d + 1).
    n : int or array
        Generations, >= 0.
    noise, noise0 : float or array
        Standard deviations of the label noise of the final fit and of the generators, > 0.

    Returns
    -------
    Split
        Broadcast over the parameters.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `prop-chain-budget`, chapter *The chain: linear growth*.

    Examples
    --------
    >>> split = best_split(9, 100, 3, 2.0, 1.0)
    >>> float(split.T), float(split.T0), float(split.error)
    (34.0, 22.0, 3.75)
    """
    d = _checks.count("d", d)
    total, n = _checks.counts("total", total), _checks.counts("n", n, low=0)
    noise, noise0 = _checks.positive("noise", noise), _checks.positive("noise0", noise0)
    _checks.grid(total=total, n=n, noise=noise, noise0=noise0)
    total, n, noise, noise0 = to_namespace(total, n, noise, noise0)
    spare = total - (n + 1) * (d + 1)
    _checks._require("total", total + 0 * spare, spare > 0, f"> (n + 1)(d + 1) with d = {d}")
    weight = noise + n * noise0
    T, T0 = (d + 1 + share * spare / weight for share in (noise, noise0))
    return Split(T[()], T0[()], (d * weight**2 / spare)[()])
