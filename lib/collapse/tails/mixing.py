r"""Real and generated data together: plateaus, renewed descent, and what a generated sample is worth.

The generator knows the Zipf world $p_i=A\,i^{-\beta}$ up to rank k; a share $\pi_1$ of the training items is
real, the share $\pi_2=1-\pi_1$ comes from the generator. Curves of a few real parameters: NumPy only. Source
throughout: chapter *Mixing, healing and grokking*.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import gamma, gammainc, gammaincc, zeta

from .. import _checks, scaling
from ..estimates import Estimate
from .cutting import _rank, tail_mass
from .memory import simulate_test_error


def _shares(synthetic_fraction: Any) -> np.ndarray:
    return _checks.between("synthetic_fraction", synthetic_fraction, 0, 1)


def _missed(q: np.ndarray, T: np.ndarray) -> np.ndarray:
    """(1 - q)^T."""
    with np.errstate(divide="ignore"):
        return np.exp(T * np.log1p(-np.minimum(q, 1)))


def _first_real(first: Any, k: float) -> int:
    return 1 if first is None else _checks.count("first", first, low=int(k) + 1, why=" (= k + 1)")


def mixture_error(beta: float, T: Any, k: int, synthetic_fraction: float, first: int | None = None) -> Any:
    r"""Exact error of the memoriser on a mixture of real items and items cut at rank k.

    $$E=\sum_ip_i(1-q_i)^T,\qquad q_i=\pi_1r_i+\pi_2\frac{p_i\mathbf 1[i\le k]}{H_k},$$

    where $r=p$, or, if `first` is given, $r_i=p_i\mathbf1[i\ge N]/R_{N-1}$: real data on the tail alone.

    Parameters
    ----------
    beta : float
        Zipf exponent, > 1.
    T : float or array
        Training samples, >= 1, real and generated together.
    k : int
        Last rank that the generator knows, >= 1.
    synthetic_fraction : float
        Share $\pi_2$ of generated samples, from 0 to 1.
    first : int, optional
        First rank N of the real data, > k; by default they cover the world.

    Returns
    -------
    float or array
        Shape of `T`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-mix-error` and `thm-mix-tail`, chapter *Mixing, healing and grokking*; *A Tale of Tails*.

    Examples
    --------
    >>> mixture_error(1.5, [100, 10_000, 1_000_000], 100, 0.99).round(4)
    array([0.1979, 0.0757, 0.0436])
    >>> float(mixture_error(1.5, 1_000_000, 100, 0.99, first=101).round(4))
    0.0185
    """
    beta = _checks.scalar("beta", beta, _checks.exponent)
    T = _checks.at_least("T", T, 1)
    k = _checks.count("k", k)
    share = _checks.scalar("synthetic_fraction", synthetic_fraction, lambda name, x: _shares(x))
    start = _first_real(first, k)
    head = 1 - tail_mass(beta, k)
    real = (1 - share) / (tail_mass(beta, start - 1) if start > 1 else 1.0)
    in_head = share / head + (real if start == 1 else 0.0)
    total = scaling.zipf_sum(lambda p, T: _missed(in_head * p, T), beta, T, last=k)
    never = 0.0
    if start > k + 1:
        never = tail_mass(beta, k) - tail_mass(beta, start - 1)
    rare = scaling.zipf_sum(lambda p, T: _missed(real * p, T), beta, T, first=max(start, k + 1))
    return (total + never + rare)[()]


def mixture_error_asymptotic(beta: Any, T: Any, k: Any, synthetic_fraction: Any) -> Any:
    r"""Closed form of `mixture_error` for real data that cover the world.

    $$E\simeq B_\beta\bigl\{(aT)^{-c}\,\Gamma(c,aTx_k)+(\pi_1T)^{-c}\,\gamma(c,\pi_1Tx_k)\bigr\},\quad
    x_k=A(k+\tfrac12)^{-\beta},\ a=\pi_1+\frac{\pi_2}{H_k}.$$

    Parameters
    ----------
    beta, T, k, synthetic_fraction
        As in `mixture_error`; all may be arrays.

    Returns
    -------
    float or array
        Broadcast over the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-mix-error`, chapter *Mixing, healing and grokking*.

    Examples
    --------
    >>> mixture_error_asymptotic(1.5, [100, 10_000, 1_000_000], 100, 0.99).round(4)
    array([0.1984, 0.0757, 0.0436])
    """
    beta = _checks.exponent("beta", beta)
    T, k, share = _checks.at_least("T", T, 1), _rank("k", k), _shares(synthetic_fraction)
    _checks.grid(beta=beta, T=T, k=k, synthetic_fraction=share)
    c, real = 1 - 1 / beta, 1 - share
    a = real + share / (1 - tail_mass(beta, k))
    x = (k + 0.5) ** -beta / zeta(beta)
    # x^-c times the lower incomplete function tends to the tail's own mass as its argument vanishes.
    safe = np.where(real > 0, real * T, 1.0)
    tail = np.where(real > 0, safe**-c * gammainc(c, safe * x), x**c / gamma(c + 1))
    return (gamma(c) / (beta * zeta(beta) ** (1 / beta)) * ((a * T) ** -c * gammaincc(c, a * T * x) + tail))[
        ()
    ]


def mixture_slope(beta: Any, T: Any, k: Any, synthetic_fraction: Any) -> Any:
    r"""Local slope $d\ln E/d\ln T$ of the learning curve on mixed data, from the closed form.

    $$-\frac{B_\beta}E\bigl\{(aT)^{-c}\,\Gamma(c+1,aTx_k)+(\pi_1T)^{-c}\,\gamma(c+1,\pi_1Tx_k)\bigr\}$$

    Parameters
    ----------
    beta, T, k, synthetic_fraction
        As in `mixture_error_asymptotic`.

    Returns
    -------
    float or array
        Broadcast over the arguments; between -c and 0 but for small T.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `prop-mix-plateau`, chapter *Mixing, healing and grokking*.

    Examples
    --------
    >>> start, end, _ = plateau(1.5, 100, 0.99)
    >>> mixture_slope(1.5, [start / 100, 10 * start, 10 * end], 100, 0.99).round(3)
    array([-0.332, -0.024, -0.333])
    """
    error = mixture_error_asymptotic(beta, T, k, synthetic_fraction)
    beta, T, k, share = (np.asarray(v, dtype=np.float64) for v in (beta, T, k, synthetic_fraction))
    c, x = 1 - 1 / beta, (k + 0.5) ** -beta / zeta(beta)
    a, real = 1 - share + share / (1 - tail_mass(beta, k)), (1 - share) * T
    # The derivative of u^-c Gamma(c, u x) by ln u is -u^-c Gamma(c + 1, u x).
    head = (a * T) ** -c * gammaincc(c + 1, a * T * x)
    tail = np.where(real > 0, np.where(real > 0, real, 1.0) ** -c * gammainc(c + 1, real * x), 0.0)
    return (-gamma(c + 1) / (beta * zeta(beta) ** (1 / beta)) * (head + tail) / error)[()]


def plateau(beta: Any, k: Any, synthetic_fraction: Any) -> tuple[Any, Any, Any]:
    r"""Where a learning curve on mixed data stands still: from $1/p_k$ to $1/(\pi_1p_k)$, at height $R_k$.

    Parameters
    ----------
    beta, k, synthetic_fraction
        As in `mixture_error_asymptotic`; `synthetic_fraction` below 1.

    Returns
    -------
    start, end, height : float or array
        Sample sizes between which the error stays near `height`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `prop-mix-plateau`, chapter *Mixing, healing and grokking*.

    Examples
    --------
    >>> [float(round(x, 3)) for x in plateau(1.5, 100, 0.99)]
    [2612.375, 261237.535, 0.076]
    """
    beta, k, share = _checks.exponent("beta", beta), _rank("k", k), _shares(synthetic_fraction)
    _checks._require("synthetic_fraction", share, share < 1, "< 1 (without real data the plateau has no end)")
    _checks.grid(beta=beta, k=k, synthetic_fraction=share)
    start = k**beta * zeta(beta)
    return start[()], (start / (1 - share))[()], tail_mass(beta, k)


def worth_of_generated(beta: Any, T: Any, k: Any, synthetic_fraction: Any) -> Any:
    r"""Real samples that the generated ones of a mixture are worth, beside the real ones it contains.

    The clean sample size with the same error is $T_{\mathrm{eff}}$; the result is
    $T_{\mathrm{eff}}-\pi_1T$, computed from the closed forms.

    Parameters
    ----------
    beta, T, k, synthetic_fraction
        As in `mixture_error_asymptotic`.

    Returns
    -------
    float or array
        Broadcast over the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `prop-mix-worth`, chapter *Mixing, healing and grokking*.

    Examples
    --------
    >>> worth_of_generated(1.5, [1e2, 1e4, 1e6, 1e8], 100, 0.99).round()
    array([ 106., 1821.,   90.,    0.])
    """
    error = mixture_error_asymptotic(beta, T, k, synthetic_fraction)
    beta = _checks.exponent("beta", beta)
    level = gamma(1 - 1 / beta) / (beta * zeta(beta) ** (1 / beta))
    real = (1 - _shares(synthetic_fraction)) * _checks.at_least("T", T, 1)
    return ((level / error) ** (beta / (beta - 1)) - real)[()]


def healed_samples(T1: Any, T2: Any, T0: Any) -> Any:
    r"""Effective sample size of $T_1$ fresh real samples and $T_2$ copies from a corpus of $T_0$ items.

    $$T_{\mathrm{eff}}=T_1+T_0\bigl(1-(1-1/T_0)^{T_2}\bigr):$$

    the real samples and the expected number of distinct corpus items that were copied.

    Parameters
    ----------
    T1 : float or array
        Fresh real samples, >= 0.
    T2 : float or array
        Samples drawn with replacement from the corpus, >= 0.
    T0 : float or array
        Real items in the corpus, >= 1.

    Returns
    -------
    float or array
        Broadcast over the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-mix-heal`, chapter *Mixing, healing and grokking*.

    Examples
    --------
    >>> healed_samples([0, 200, 200], [1000, 1000, 100_000], 1000).round(1)
    array([ 632.3,  832.3, 1200. ])
    """
    T1, T2 = _checks.nonnegative("T1", T1), _checks.nonnegative("T2", T2)
    T0 = _checks.at_least("T0", T0, 1)
    _checks.grid(T1=T1, T2=T2, T0=T0)
    with np.errstate(divide="ignore"):
        return (T1 - T0 * np.expm1(T2 * np.log1p(-1 / T0)))[()]


def healed_error(beta: float, T1: int, T2: int, T0: int) -> float:
    r"""Exact error after $T_1$ fresh real samples and $T_2$ copies from a corpus of $T_0$ real items.

    $E=\mathbb E[E_{\mathrm{clean}}(T_1+J)]$, J being the number of distinct boxes hit by $T_2$ balls in
    $T_0$ boxes.

    Parameters
    ----------
    beta : float
        Zipf exponent, > 1.
    T1, T2 : int
        Fresh real samples and copies, >= 0 and together >= 1; T2 <= 1e6.
    T0 : int
        Real items in the corpus, from 1 to 1e5.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-mix-heal`, chapter *Mixing, healing and grokking*.

    Examples
    --------
    >>> round(healed_error(1.5, 200, 5000, 1000), 6)
    0.088754
    """
    beta = _checks.scalar("beta", beta, _checks.exponent)
    T1, T2 = _checks.count("T1", T1, low=0), _checks.count("T2", T2, low=0)
    T0 = _checks.count("T0", T0)
    if T1 + T2 == 0:
        raise ValueError("T1 + T2 must be >= 1, got 0")
    for name, value, most in (("T2", T2, 10**6), ("T0", T0, 10**5)):
        if value > most:
            raise ValueError(f"{name} must be <= {most} (the law of J is computed box by box), got {value}")
    law = np.zeros(min(T0, T2) + 1)
    law[0] = 1.0
    low = high = 0  # the law is negligible outside
    occupied = np.arange(len(law)) / T0
    for _ in range(T2):
        part = slice(low, min(high + 2, len(law)))
        moved = law[part] * occupied[part]
        moved[1:] += law[part][:-1] * (1 - occupied[part][:-1])
        law[part] = moved
        high = min(high + 1, len(law) - 1)
        while law[low] < 1e-300 and low < high:
            low += 1
        while law[high] < 1e-300 and high > low:
            high -= 1
    J = np.flatnonzero(law > 1e-18)
    sizes = T1 + J
    error = np.where(sizes > 0, scaling.missing_mass(beta, np.maximum(sizes, 1)), 1.0)
    return float(law[J] @ error)


def _tail_items(rng: np.random.Generator, beta: float, first: int, size: int) -> np.ndarray:
    """Draws from the Zipf law restricted to ranks >= first: rejection from a discretised Pareto law."""

    def ratio(i: np.ndarray) -> np.ndarray:  # p_i over the proposal, up to a constant; falls with i
        return -1 / (i * np.expm1((1 - beta) * np.log1p(1 / i)))

    items = np.empty(0)
    while len(items) < size:
        u = rng.random((2, size - len(items)))
        proposed = np.floor(first * (1 - u[0]) ** (1 / (1 - beta)))
        proposed = proposed[proposed < 2.0**62]
        kept = u[1, : len(proposed)] * ratio(np.array(float(first))) < ratio(proposed)
        items = np.concatenate([items, proposed[kept]])
    return items


def simulate_mixture_error(
    beta: float,
    T: Any,
    k: int,
    synthetic_fraction: float,
    first: int | None = None,
    *,
    replicas: int,
    seed: int,
) -> Estimate:
    """Mean error over simulated mixed training sets; the pair of `mixture_error`.

    Parameters
    ----------
    beta : float
        Zipf exponent, >= 1.2.
    T : int or array
        Training samples, >= 1; each is real or generated by the toss of a coin.
    k, synthetic_fraction, first
        As in `mixture_error`.
    replicas, seed : int
        Training sets for each size, >= 2; same seed, same numbers.

    Returns
    -------
    Estimate
        `mean` and `stderr` have the shape of `T`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-mix-error` and `thm-mix-tail`, chapter *Mixing, healing and grokking*.

    Examples
    --------
    >>> estimate = simulate_mixture_error(1.5, 1000, 20, 0.98, replicas=200, seed=1)
    >>> bool(abs(estimate.z(mixture_error(1.5, 1000, 20, 0.98))) < 4)
    True
    """
    beta = _checks.scalar("beta", beta, lambda name, x: _checks.at_least(name, x, 1.2))
    k = _checks.count("k", k)
    share = _checks.scalar("synthetic_fraction", synthetic_fraction, lambda name, x: _shares(x))
    start = _first_real(first, k)
    head = np.cumsum(scaling.zipf_probabilities(k, beta))

    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        items = 1.0 + np.searchsorted(head / head[-1], rng.random(shape), side="right")
        real = rng.random(shape) >= share
        items[real] = _tail_items(rng, beta, start, int(real.sum()))
        return items

    return simulate_test_error(draw, beta, T, replicas=replicas, seed=seed)


def simulate_healed_error(beta: float, T1: int, T2: int, T0: int, *, replicas: int, seed: int) -> Estimate:
    """Mean error over simulated corpora, copies and fresh samples; the pair of `healed_error`.

    Parameters
    ----------
    beta : float
        Zipf exponent, >= 1.2.
    T1, T2, T0 : int
        As in `healed_error`.
    replicas, seed : int
        Training sets, >= 2; same seed, same numbers.

    Returns
    -------
    Estimate

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-mix-heal`, chapter *Mixing, healing and grokking*.

    Examples
    --------
    >>> estimate = simulate_healed_error(1.5, 200, 500, 1000, replicas=200, seed=1)
    >>> bool(abs(estimate.z(healed_error(1.5, 200, 500, 1000))) < 4)
    True
    """
    beta = _checks.scalar("beta", beta, lambda name, x: _checks.at_least(name, x, 1.2))
    T1, T2 = _checks.count("T1", T1, low=0), _checks.count("T2", T2, low=0)
    T0 = _checks.count("T0", T0)

    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        corpus = rng.zipf(beta, (shape[0], T0))
        copies = np.take_along_axis(corpus, rng.integers(0, T0, (shape[0], T2)), axis=1)
        return np.concatenate([rng.zipf(beta, (shape[0], T1)), copies], axis=1)

    return simulate_test_error(draw, beta, T1 + T2, replicas=replicas, seed=seed)
