r"""The memoriser under any training law: what it is shown decides what it knows.

Test items follow a Zipf law $p_i=A\,i^{-\beta}$; the $T$ training items are drawn from a law $q$, which is
$p$ for real data and anything else for generated or curated data. Curves of one or two real parameters:
NumPy only. Source throughout: chapter *Memorising a Zipf world*.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import hyp2f1, zeta
from scipy.stats import skellam

from .. import _checks, scaling
from ..estimates import Estimate


def _labels(labels: Any) -> float:
    """Probability that a guess among so many labels is wrong."""
    return 1 - 1 / (labels if labels == np.inf else _checks.count("labels", labels, low=2))


def _flip_rate(flip_rate: Any) -> np.ndarray:
    rate = _checks.nonnegative("flip_rate", flip_rate)
    _checks._require("flip_rate", rate, rate < 0.5, "< 0.5 (at 1/2 a label says nothing)")
    return rate


def test_error(
    law: Callable[[np.ndarray], np.ndarray], beta: Any, T: Any, *, labels: float = np.inf
) -> np.ndarray:
    r"""Exact error of the memoriser when training items follow another law than test items.

    $$E=\bigl(1-\tfrac1M\bigr)\sum_ip_i\,(1-q_i)^T .$$

    Parameters
    ----------
    law : callable
        Maps the true probabilities p_i of items, an array of shape (..., K), to the probabilities q_i of the
        same items in the training data: between 0 and 1, and smooth in ln p beyond rank 512.
    beta : float or array
        Zipf exponent of the test items, > 1.
    T : float or array
        Training samples, >= 1.
    labels : int
        Number M of possible answers, >= 2, among which the learner guesses where it knows nothing; infinite
        if a guess never helps.

    Returns
    -------
    float or array
        Broadcast over `beta` and `T`.

    Raises
    ------
    ValueError
        If an argument is outside its range, or `law` returns no probabilities.

    Source: `thm-memory-error`, chapter *Memorising a Zipf world*.

    Examples
    --------
    Real data; and data without the items whose probability is below one in a thousand.

    >>> test_error(lambda p: p, 2.0, [10, 1000]).round(4)
    array([0.211 , 0.0218])
    >>> kept = lambda p: np.where(p >= 1e-3, p, 0) / 0.9754
    >>> test_error(kept, 2.0, [10, 1000]).round(4)
    array([0.2086, 0.028 ])
    """
    wrong_guess = _labels(labels)

    def unseen(p: np.ndarray, T: np.ndarray) -> np.ndarray:
        q = np.asarray(law(p), dtype=float)
        if q.shape != p.shape or not ((q >= 0) & (q <= 1)).all():
            raise ValueError("law must map probabilities to probabilities between 0 and 1, of the same shape")
        with np.errstate(divide="ignore"):
            return np.exp(T * np.log1p(-q))

    return wrong_guess * scaling.zipf_sum(unseen, beta, _checks.at_least("T", T, 1))


def simulate_test_error(
    draw: Callable[[np.random.Generator, tuple[int, int]], np.ndarray],
    beta: float,
    T: Any,
    *,
    replicas: int,
    seed: int,
) -> Estimate:
    r"""Mean error over simulated training sets drawn by any sampler of items; the pair of `test_error`.

    Parameters
    ----------
    draw : callable
        `draw(rng, shape)` returns items, whole numbers >= 1, independent draws from the training law.
    beta : float
        Zipf exponent of the test items, > 1.
    T : int or array, shape (m,)
        Training samples; every size has its own training sets.
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

    Source: `thm-memory-error`, chapter *Memorising a Zipf world*.

    Examples
    --------
    >>> world = lambda rng, shape: rng.zipf(2.0, shape)
    >>> estimate = simulate_test_error(world, 2.0, 100, replicas=500, seed=1)
    >>> bool(abs(estimate.z(test_error(lambda p: p, 2.0, 100))) < 4)
    True
    """
    beta = _checks.scalar("beta", beta, _checks.exponent)
    T = _checks.counts("T", T)
    replicas = _checks.count("replicas", replicas, low=2)
    seed = _checks.count("seed", seed, low=0)
    streams = np.random.SeedSequence(seed).spawn(T.size)
    errors = np.empty((replicas, T.size))
    for column, (size, stream) in enumerate(zip(T.reshape(-1).astype(int), streams, strict=True)):
        rng = np.random.default_rng(stream)
        _checks.grid(T=np.empty(size, dtype=bool))
        step = max(1, (1 << 22) // size)
        for start in range(0, replicas, step):
            items = np.sort(draw(rng, (min(step, replicas - start), size)), axis=1)
            known = items.astype(float) ** -beta / zeta(beta)
            known[:, 1:][items[:, 1:] == items[:, :-1]] = 0
            errors[start : start + step, column] = 1 - known.sum(1)
    return Estimate.from_samples(errors.reshape(replicas, *T.shape), seed)


@dataclass(frozen=True, eq=False)
class TrainingLaw:
    """The training law with the smallest error, and that error.

    Parameters
    ----------
    probabilities : array, shape (m,)
        Of the items of rank 1 to m; all others have probability zero.
    error : float
        The memoriser's error.

    Examples
    --------
    >>> TrainingLaw(probabilities=np.ones(1), error=0.5).error
    0.5
    """

    probabilities: np.ndarray
    error: float


def best_training_law(beta: float, T: int) -> TrainingLaw:
    r"""The law of independent training items with the smallest error on a Zipf world.

    $$q_i=\max\Bigl(0,\,1-(t/p_i)^{1/(T-1)}\Bigr),$$

    with the threshold t for which the $q_i$ add up to one.

    Parameters
    ----------
    beta : float
        Zipf exponent of the test items, > 1.
    T : int
        Training samples, between 2 and 1e7.

    Returns
    -------
    TrainingLaw

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-memory-best`, chapter *Memorising a Zipf world*.

    Examples
    --------
    >>> best = best_training_law(2.0, 1000)
    >>> len(best.probabilities), round(best.error, 6)
    (504, 0.002406)
    """
    beta = _checks.scalar("beta", beta, _checks.exponent)
    T = _checks.count("T", T, low=2)
    if T > 10**7:
        raise ValueError(f"T must be <= 10000000 (the law is kept item by item), got {T}")
    log_p = -beta * np.log(np.arange(1, 4 * T + 2)) - np.log(zeta(beta))

    def probabilities(log_t: float) -> np.ndarray:
        return np.maximum(0, -np.expm1((log_t - log_p) / (T - 1)))

    # With no item but the first its probability would be one only for t = 0; with t = p_{4T} the sum is > 1.
    log_t = brentq(lambda x: probabilities(x).sum() - 1, log_p[-1], log_p[0], xtol=1e-14, rtol=1e-15)
    q = probabilities(log_t)
    q = q[: np.count_nonzero(q)]
    with np.errstate(divide="ignore"):
        unseen = np.exp(log_p[: len(q)] + T * np.log1p(-q)).sum()
    return TrainingLaw(q, float(unseen + zeta(beta, len(q) + 1) / zeta(beta)))


def best_error_asymptotic(beta: Any, T: Any) -> Any:
    r"""Error under the best training law for large T: $\beta^\beta\,\frac{A}{\beta-1}\,T^{-(\beta-1)}$.

    The rest, $\frac A{\beta-1}T^{-(\beta-1)}$, is the error of a learner that is shown the T most frequent
    items once each.

    Parameters
    ----------
    beta : float or array
        Zipf exponent, > 1.
    T : float or array
        Training samples, >= 1.

    Returns
    -------
    float or array
        Broadcast over the parameters.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-memory-best`, chapter *Memorising a Zipf world*.

    Examples
    --------
    >>> float(best_error_asymptotic(2.0, 1000).round(6))
    0.002432
    """
    beta = _checks.exponent("beta", beta)
    T = _checks.at_least("T", T, 1)
    _checks.grid(beta=beta, T=T)
    return (beta**beta / zeta(beta) / (beta - 1) * T ** (1 - beta))[()]


def _wrong_majority(x: np.ndarray, flip_rate: np.ndarray) -> np.ndarray:
    """Chance that the wrong label has the majority among Poisson(x) labels, a tie counting one half."""
    right, wrong = x * (1 - flip_rate), x * flip_rate
    # Without flips (and at x = 0) the distribution function has no second parameter to work with.
    tiny = wrong < 1e-12
    safe = np.where(tiny, 1.0, wrong), np.where(tiny, 1.0, right)
    cdf = (skellam.cdf(-1, safe[1], safe[0]) + skellam.cdf(0, safe[1], safe[0])) / 2
    return np.where(tiny, np.exp(-x) / 2, cdf)


def noisy_label_error(beta: Any, T: Any, flip_rate: Any) -> Any:
    r"""Error of a memoriser that stores the majority of noisy binary labels.

    Each training label is flipped with probability $\eta$; items seen never, or with a tie, are guessed:

    $$E=\sum_ip_i\,h_\eta(Tp_i),$$

    $h_\eta(x)$ being the chance that the majority of a Poisson(x) number of labels is wrong. The sum over
    items is computed exactly for a Poisson number of training samples with mean T.

    Parameters
    ----------
    beta : float or array
        Zipf exponent, > 1.
    T : float or array
        Training samples, >= 1.
    flip_rate : float
        Share of flipped labels, between 0 and below 1/2.

    Returns
    -------
    float or array
        Broadcast over `beta` and `T`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-memory-noise`, chapter *Memorising a Zipf world*.

    Examples
    --------
    >>> float(noisy_label_error(1.5, 2000, 0.2).round(4))
    0.0502
    """
    rate = _checks.scalar("flip_rate", flip_rate, lambda name, x: _flip_rate(x))

    def wrong(p: np.ndarray, T: np.ndarray) -> np.ndarray:
        # Beyond x = 1e4 / (1 - 2 eta)^2 the majority errs less than once in e^1000.
        return _wrong_majority(np.minimum(T * p, 1e4 / (1 - 2 * rate) ** 2), rate)

    return scaling.zipf_sum(wrong, beta, _checks.at_least("T", T, 1))


def simulate_noisy_label_error(
    beta: float, T: int, flip_rate: float, *, replicas: int, seed: int
) -> Estimate:
    r"""Mean error over simulated training sets with flipped labels; the pair of `noisy_label_error`.

    Parameters
    ----------
    beta : float
        Zipf exponent, >= 1.2.
    T : int
        Training samples, >= 1.
    flip_rate : float
        Share of flipped labels, between 0 and below 1/2.
    replicas, seed : int
        Training sets, >= 2; same seed, same numbers.

    Returns
    -------
    Estimate

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-memory-noise`, chapter *Memorising a Zipf world*.

    Examples
    --------
    >>> estimate = simulate_noisy_label_error(1.5, 2000, 0.2, replicas=200, seed=0)
    >>> bool(abs(estimate.z(noisy_label_error(1.5, 2000, 0.2))) < 4)
    True
    """
    beta = _checks.scalar("beta", beta, lambda name, x: _checks.at_least(name, x, 1.2))
    T = _checks.count("T", T)
    rate = _checks.scalar("flip_rate", flip_rate, lambda name, x: _flip_rate(x))
    replicas = _checks.count("replicas", replicas, low=2)
    rng = np.random.default_rng(_checks.count("seed", seed, low=0))
    _checks.grid(T=np.empty(T, dtype=bool))
    errors = np.empty(replicas)
    for replica in range(replicas):
        items, where = np.unique(rng.zipf(beta, T), return_inverse=True)
        votes = np.bincount(where, np.where(rng.random(T) < rate, -1.0, 1.0))
        p = items.astype(float) ** -beta / zeta(beta)
        # Unseen items are guessed, and so are ties: wrong half of the time.
        errors[replica] = (1 - (p * np.sign(votes)).sum()) / 2
    return Estimate.from_samples(errors, seed)


def noise_factor(beta: Any, flip_rate: Any) -> Any:
    r"""How much label noise raises the constant of the scaling law, for large T.

    $$F_\eta=(1-2\eta)\sum_{b\ge0}\frac{(c+1)(c+2)\cdots(c+2b)}{b!^2}\,\bigl(\eta(1-\eta)\bigr)^b,$$

    the error of the majority memoriser relative to the one with clean labels.

    Parameters
    ----------
    beta : float or array
        Zipf exponent, > 1.
    flip_rate : float or array
        Share of flipped labels, between 0 and below 1/2.

    Returns
    -------
    float or array
        Broadcast over the parameters; 1 at flip_rate = 0.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-memory-noise`, chapter *Memorising a Zipf world*.

    Examples
    --------
    >>> noise_factor([1.5, 2.0, 3.0], 0.2).round(3)
    array([1.342, 1.585, 1.894])
    """
    beta, rate = _checks.exponent("beta", beta), _flip_rate(flip_rate)
    _checks.grid(beta=beta, flip_rate=rate)
    c = 1 - 1 / beta
    # Euler's transformation of the series: the rest stays bounded as flip_rate goes to 1/2.
    return ((1 - 2 * rate) ** (-2 * c) * hyp2f1(-c / 2, (1 - c) / 2, 1, 4 * rate * (1 - rate)))[()]


def composite_success(beta: Any, T: Any, items: Any) -> Any:
    r"""Chance that the memoriser solves a task that needs several items at once.

    A task needs r items, drawn independently from the world, and is solved if all are known. Given the
    missing mass U the chance is $(1-U)^r$; to second order in its fluctuations the mean is

    $$(1-E)^r\Bigl[1+\frac{r(r-1)}2\,\frac{\operatorname{Var}U}{(1-E)^2}\Bigr].$$

    Parameters
    ----------
    beta : float or array
        Zipf exponent, > 1.
    T : float or array
        Training samples, >= 1.
    items : int or array
        Items r that a task needs, >= 1.

    Returns
    -------
    float or array
        Broadcast over the parameters.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `prop-memory-composite`, chapter *Memorising a Zipf world*.

    Examples
    --------
    >>> composite_success(1.5, [100, 10_000, 1_000_000], 20).round(3)
    array([0.012, 0.409, 0.828])
    """
    r = _checks.counts("items", items)
    known = 1 - scaling.missing_mass(beta, T)
    spread = scaling.missing_mass_spread(beta, T) / known
    return (known**r * (1 + r * (r - 1) / 2 * spread**2))[()]
