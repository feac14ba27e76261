r"""Chains of models, each trained on what the one before produced: theory and simulation side by side.

Two chains, both solved exactly in chapter *A first collapse in forty lines*.

* **Gaussian.** Generation n fits mean and variance to T samples drawn from the Gaussian of generation n-1;
  generation 0 is the truth.
* **Least squares.** Generation n fits a linear regression in dimension d to T inputs labelled, with noise,
  by the regression of generation n-1; generation 0 is the truth. The error is the excess test error
  against the truth, which depends neither on the truth nor on the covariance of the inputs.

Each generation either *replaces* the data of the one before (the default) or *accumulates*: it is fitted to
the union of all data sets so far, the real one included.

Theory and simulators broadcast over `n`, `T` (and `d`) and return NumPy values. A simulator draws every
point of such a grid from its own random stream, so that the points may be judged together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy import special

from . import _checks
from ._device import Stream, resolve
from .estimates import Estimate

_DRAWS = ("independent", "shared", "same-seed")


class LogVariance(NamedTuple):
    """Mean and variance of the logarithm of a fitted variance, over runs of the chain."""

    mean: Any
    variance: Any


# --------------------------------------------------------------------------------------------------
# The Gaussian chain: theory
# --------------------------------------------------------------------------------------------------


def gaussian_variance(
    n: Any, T: Any, variance: Any = 1.0, *, power: int = 1, accumulate: bool = False, unbiased: bool = True
) -> Any:
    r"""Moment $\mathbb E[v_n^{\text{power}}]$ of the variance fitted in generation n. Exact.

    With $\nu=T-1$ and the unbiased fit, replacing the data gives
    $\mathbb E\,v_n=v_0$ and $\mathbb E\,v_n^2=v_0^2(1+2/\nu)^n$; accumulating them gives
    $\mathbb E\,v_n=v_0\prod_{i=2}^n\bigl(1-\frac{1}{i(iT-1)}\bigr)$.

    Parameters
    ----------
    n : int or array
        Generation, >= 0; generation 0 is the truth.
    T : int or array
        Samples per generation, >= 2.
    variance : float or array
        True variance $v_0$, > 0.
    power : {1, 2}
        Which moment.
    accumulate : bool
        Fit to the union of all data sets so far instead of the newest alone.
    unbiased : bool
        Divide the sum of squares by the number of samples minus one; if False, by the number of samples
        (maximum likelihood).

    Returns
    -------
    float or array
        Broadcast over `n`, `T` and `variance`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-first-gaussian` and `thm-first-keep`, chapter *A first collapse*.

    Examples
    --------
    >>> float(gaussian_variance(100, 20))
    1.0
    >>> float(gaussian_variance(2, 3, power=2))
    4.0
    >>> gaussian_variance([1, 2, 100], 20, accumulate=True).round(4)
    array([1.    , 0.9872, 0.9681])
    """
    n, T, variance = _gaussian(n, T, variance)
    power = _checks.choice("power", power, (1, 2))
    if accumulate:
        log_moment = _partial_sums(n, lambda i: _log_growth(i, T[..., None], power, unbiased), T)
    else:
        log_moment = n * (np.log1p(2 / (T - 1)) if power == 2 else np.zeros_like(T))
        if not unbiased:
            log_moment = log_moment + power * n * np.log1p(-1 / T)
    with np.errstate(over="ignore"):  # a moment beyond 1e308 is infinite for every purpose
        return ((variance * np.exp(log_moment / power)) ** power)[()]


def gaussian_log_variance(n: Any, T: Any, variance: Any = 1.0, *, unbiased: bool = True) -> LogVariance:
    r"""Mean and variance of $\log v_n$ when data are replaced. Exact.

    $$\mathbb E\log v_n=\log v_0-n\delta,\quad
    \delta=\log\frac\nu2-\frac{\Gamma'}{\Gamma}\Bigl(\frac\nu2\Bigr)\simeq\frac1\nu,\qquad
    \operatorname{Var}\log v_n=n\,(\log\Gamma)''\Bigl(\frac\nu2\Bigr),\quad\nu=T-1.$$

    Every run shrinks at the rate $\delta$ in the long run, so that $\log 2/\delta$ is the half-life of the
    variance. By the central limit theorem $\log v_n$ is close to normal.

    Parameters
    ----------
    n, T, variance, unbiased
        As in `gaussian_variance`.

    Returns
    -------
    LogVariance
        Fields `mean` and `variance`, each broadcast over the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-first-gaussian`, chapter *A first collapse*.

    Examples
    --------
    >>> round(float(gaussian_log_variance(19, 20).mean), 3)
    -1.018
    >>> half_life = np.log(2) / -gaussian_log_variance(1, [10, 100, 1000]).mean
    >>> half_life.round(1)
    array([  6. ,  68.4, 692.2])
    """
    n, T, variance = _gaussian(n, T, variance)
    per_generation = -_log_minus_digamma((T - 1) / 2)
    if not unbiased:
        per_generation = per_generation + np.log1p(-1 / T)
    mean = np.log(variance) + n * per_generation
    spread = n * special.polygamma(1, (T - 1) / 2) + np.zeros_like(mean)
    return LogVariance(mean[()], spread[()])


def gaussian_mean_error(
    n: Any, T: Any, variance: Any = 1.0, *, accumulate: bool = False, unbiased: bool = True
) -> Any:
    r"""Mean square distance $\mathbb E(\mu_n-\mu_0)^2$ of the fitted mean from the true one. Exact.

    $n v_0/T$ when data are replaced (unbiased fit), and
    $\frac1T\sum_{i=1}^n\mathbb E[v_{i-1}]/i^2\le\frac{\pi^2}{6}\frac{v_0}{T}$ when they accumulate.

    Parameters
    ----------
    n, T, variance, accumulate, unbiased
        As in `gaussian_variance`.

    Returns
    -------
    float or array
        Broadcast over `n`, `T` and `variance`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-first-gaussian` and `thm-first-keep`, chapter *A first collapse*.

    Examples
    --------
    >>> float(gaussian_mean_error(50, 20))
    2.5
    >>> float(gaussian_mean_error(50, 20, unbiased=False)) < 1  # at most the true variance
    True
    >>> float(gaussian_mean_error(50, 20, accumulate=True)) < np.pi**2 / 6 / 20
    True
    """
    n, T, variance = _gaussian(n, T, variance)
    if accumulate:

        def weighted(i: np.ndarray) -> np.ndarray:
            growth = _log_growth(i, T[..., None], 1, unbiased)
            return np.exp(np.cumsum(growth, axis=-1) - growth) / i**2

        steps = _partial_sums(n, weighted, T) / T
    elif unbiased:
        steps = n / T
    else:
        steps = -np.expm1(n * np.log1p(-1 / T))
    with np.errstate(over="ignore"):
        return (variance * steps)[()]


def gaussian_carriers(n: Any, T: Any) -> Any:
    r"""Share of the runs that carry the upper half of the mean $\mathbb E\,v_n$ (replace, unbiased).

    Weighing each run by its own $v_n$ turns the factors $\chi^2_\nu$ into $\chi^2_{\nu+2}$ (exact), and the
    log-variance then has mean $h=n(2/\nu-\delta)$ and variance $q=n(\log\Gamma)''(\nu/2+1)$. Taking it for
    normal, the share is $e^{-h+q/2}\,\Phi(-\sqrt q)\approx\Phi(-\sqrt{2n/\nu})$. The normal step makes it too
    large by a relative error of up to about $1/(3\nu)$ (1.5 % at T = 20 and n = 190).

    Parameters
    ----------
    n : int or array
        Generation, >= 0.
    T : int or array
        Samples per generation, >= 2.

    Returns
    -------
    float or array
        Broadcast over `n` and `T`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-first-carriers`, chapter *A first collapse*.

    Examples
    --------
    >>> print(f"{gaussian_carriers(190, 20):.1e}")  # five runs in a million
    4.7e-06
    """
    n, T, _ = _gaussian(n, T, 1.0)
    half = (T - 1) / 2
    h = n * (1 / half - _log_minus_digamma(half))
    q = n * special.polygamma(1, half + 1)
    return np.exp(q / 2 - h + special.log_ndtr(-np.sqrt(q)))[()]


# --------------------------------------------------------------------------------------------------
# The Gaussian chain: simulation
# --------------------------------------------------------------------------------------------------


def gaussian_chain(
    n: int,
    T: int,
    variance: float = 1.0,
    *,
    accumulate: bool = False,
    unbiased: bool = True,
    path: bool = False,
    direct: bool = False,
    replicas: int = 1000,
    seed: int = 0,
    device: str = "cpu",
) -> tuple[np.ndarray, np.ndarray]:
    r"""Runs of the Gaussian chain: fitted means (the true one is 0) and fitted variances.

    Exact in law at a cost of two random numbers per generation, whatever T: the mean of a fresh sample is
    normal, its sum of squares is chi-square with T-1 degrees of freedom, and the two are independent.

    Parameters
    ----------
    n, T, variance
        Generations, samples per generation, true variance; single numbers, as in `gaussian_variance`.
    accumulate, unbiased
        As in `gaussian_variance`.
    path : bool
        Return all generations 0..n instead of the last.
    direct : bool
        Draw every data set in full and fit it, as a user would.
    replicas, seed, device
        Number of runs, seed of the random numbers, "cpu", "cuda" or "auto".

    Returns
    -------
    means, variances : arrays, shape (replicas,), or (replicas, n + 1) with `path`
        A variance below 1e-308 comes out as 0; `simulate_gaussian_log_variance` has no such limit.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-first-gaussian` and `thm-first-keep`, chapter *A first collapse*.

    Examples
    --------
    >>> means, variances = gaussian_chain(200, 20, replicas=1000, seed=1)
    >>> bool(np.median(variances) < 1e-3)
    True
    """
    n, T = _checks.count("n", n, low=0), _checks.count("T", T, low=2)
    v = _checks.scalar("variance", variance, _checks.positive)
    replicas = _checks.count("replicas", replicas)
    _check_size("replicas and n", replicas * (n + 1 if path else 1))
    stream = Stream(seed, resolve(device))
    step = _direct_generations if direct else _exact_generations
    history = list(step(stream, n, T, v, replicas, accumulate, unbiased, keep=path))
    if not path:
        return tuple(x.cpu().numpy() for x in history[-1])
    means, variances = zip(*history, strict=True)
    return tuple(np.stack([x.cpu().numpy() for x in xs], axis=1) for xs in (means, variances))


def _exact_generations(stream, n, T, v, replicas, accumulate, unbiased, keep):
    """The chain by sufficient statistics: yields (mean, variance) of each generation."""
    mean = 0 * stream.normal((replicas,))
    variance, squares = mean + v, mean
    if keep or n == 0:
        yield mean, variance
    for i in range(1, n + 1):
        sets = i if accumulate else 1
        # The mean of the new sample minus that of the last fit, from which it was drawn.
        shift = (variance / T).sqrt() * stream.normal((replicas,))
        within = variance * stream.chi_square(T - 1, (replicas,))
        squares = (squares if accumulate else 0) + within + (sets - 1) / sets * T * shift**2
        mean, variance = mean + shift / sets, squares / (sets * T - unbiased)
        if keep or i == n:
            yield mean, variance


def _direct_generations(stream, n, T, v, replicas, accumulate, unbiased, keep):
    """The chain as a user would run it: every sample drawn, every fit a mean and a variance."""
    import torch

    mean = 0 * stream.normal((replicas,))
    variance = mean + v
    data = mean[:, None][:, :0]
    if keep or n == 0:
        yield mean, variance
    for i in range(1, n + 1):
        fresh = mean[:, None] + variance.sqrt()[:, None] * stream.normal((replicas, T))
        data = torch.cat([data, fresh], dim=1) if accumulate else fresh
        mean, variance = data.mean(dim=1), data.var(dim=1, correction=int(unbiased))
        if keep or i == n:
            yield mean, variance


def simulate_gaussian_variance(
    n: Any,
    T: Any,
    variance: float = 1.0,
    *,
    power: int = 1,
    accumulate: bool = False,
    unbiased: bool = True,
    direct: bool = False,
    replicas: int = 1000,
    seed: int = 0,
    device: str = "cpu",
) -> Estimate:
    r"""Average of $v_n^{\text{power}}$ over runs of `gaussian_chain`; theory: `gaussian_variance`.

    When data are replaced this average is carried by rare runs as soon as n is a few times T: it then lies
    far below the theory *and* its standard error is far too small (`gaussian_carriers` tells how rare).

    Parameters
    ----------
    n, T, variance, power, accumulate, unbiased
        As in `gaussian_variance`; `n` and `T` broadcast.
    direct, replicas, seed, device
        As in `gaussian_chain`.

    Returns
    -------
    Estimate
        Mean and standard error, of the shape to which `n` and `T` broadcast.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-first-gaussian` and `thm-first-keep`, chapter *A first collapse*.

    Examples
    --------
    >>> estimate = simulate_gaussian_variance(5, [20, 40], replicas=4000, seed=1)
    >>> estimate.agreement(gaussian_variance(5, [20, 40])).passed
    True
    """
    power = _checks.choice("power", power, (1, 2))
    options = {"accumulate": accumulate, "unbiased": unbiased, "direct": direct}

    def one(n: int, T: int, seed: Any) -> np.ndarray:
        return (
            gaussian_chain(n, T, variance, **options, replicas=replicas, seed=seed, device=device)[1] ** power
        )

    return _pointwise(one, seed, n=(n, 0), T=(T, 2))


def simulate_gaussian_log_variance(
    n: Any,
    T: Any,
    variance: float = 1.0,
    *,
    unbiased: bool = True,
    direct: bool = False,
    replicas: int = 1000,
    seed: int = 0,
    device: str = "cpu",
) -> Estimate:
    r"""Average of $\log v_n$ over runs (replace); theory: `gaussian_log_variance(...).mean`.

    A fair summary at every n, since $\log v_n$ is close to normal. Exact in law: a sum of n logarithms of
    chi-squares, so that nothing underflows.

    Parameters
    ----------
    n, T, variance, unbiased
        As in `gaussian_variance`; `n` and `T` broadcast.
    direct, replicas, seed, device
        As in `gaussian_chain`.

    Returns
    -------
    Estimate
        Mean and standard error, of the shape to which `n` and `T` broadcast.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-first-gaussian`, chapter *A first collapse*.

    Examples
    --------
    >>> estimate = simulate_gaussian_log_variance([10, 100, 1000], 5, seed=1)
    >>> estimate.agreement(gaussian_log_variance([10, 100, 1000], 5).mean).passed
    True
    """
    log_variance = np.log(_checks.scalar("variance", variance, _checks.positive))
    replicas = _checks.count("replicas", replicas)

    def one(n: int, T: int, seed: Any) -> np.ndarray:
        if direct:
            options = {"unbiased": unbiased, "direct": True, "replicas": replicas}
            return np.log(gaussian_chain(n, T, variance, **options, seed=seed, device=device)[1])
        return log_variance + _log_products(n, T - 1, T - unbiased, replicas, seed, device)

    return _pointwise(one, seed, n=(n, 0), T=(T, 2))


def simulate_gaussian_mean_error(
    n: Any,
    T: Any,
    variance: float = 1.0,
    *,
    accumulate: bool = False,
    unbiased: bool = True,
    direct: bool = False,
    replicas: int = 1000,
    seed: int = 0,
    device: str = "cpu",
) -> Estimate:
    r"""Average of $(\mu_n-\mu_0)^2$ over runs of `gaussian_chain`; theory: `gaussian_mean_error`.

    When data are replaced the warning of `simulate_gaussian_variance` holds here too.

    Parameters
    ----------
    n, T, variance, accumulate, unbiased
        As in `gaussian_variance`; `n` and `T` broadcast.
    direct, replicas, seed, device
        As in `gaussian_chain`.

    Returns
    -------
    Estimate
        Mean and standard error, of the shape to which `n` and `T` broadcast.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-first-gaussian` and `thm-first-keep`, chapter *A first collapse*.

    Examples
    --------
    >>> estimate = simulate_gaussian_mean_error([1, 9], 20, accumulate=True, replicas=4000, seed=1)
    >>> estimate.agreement(gaussian_mean_error([1, 9], 20, accumulate=True)).passed
    True
    """
    options = {"accumulate": accumulate, "unbiased": unbiased, "direct": direct}

    def one(n: int, T: int, seed: Any) -> np.ndarray:
        return gaussian_chain(n, T, variance, **options, replicas=replicas, seed=seed, device=device)[0] ** 2

    return _pointwise(one, seed, n=(n, 0), T=(T, 2))


def simulate_gaussian_carriers(
    n: Any, T: Any, *, replicas: int = 1000, seed: int = 0, device: str = "cpu"
) -> Estimate:
    r"""Share of the runs that carry the upper half of the mean; theory: `gaussian_carriers`.

    Plain runs would need millions of replicas. Here runs are drawn with $\chi^2_{\nu+2}$ in place of
    $\chi^2_\nu$, which picks each run with chance proportional to its own $v_n$, and the weight $1/v_n$ takes
    that back: with c the median of $v_n$ among such runs, the share is
    $\mathbb E\min(1/v_n,1/c)-1/(2c)$, to second order unaffected by an error in c.

    Parameters
    ----------
    n, T
        As in `gaussian_carriers`; they broadcast.
    replicas, seed, device
        As in `gaussian_chain`.

    Returns
    -------
    Estimate
        Mean and standard error, of the shape to which `n` and `T` broadcast.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-first-carriers`, chapter *A first collapse*.

    Examples
    --------
    >>> share = simulate_gaussian_carriers(190, 20, replicas=4000, seed=1)
    >>> share.agreement(gaussian_carriers(190, 20), bias=0.05).passed
    True
    """
    replicas = _checks.count("replicas", replicas)

    def one(n: int, T: int, seed: Any) -> np.ndarray:
        log_v = _log_products(n, T + 1, T - 1, replicas, seed, device)
        middle = np.median(log_v)
        return np.exp(-np.maximum(log_v, middle)) - np.exp(-middle) / 2

    return _pointwise(one, seed, n=(n, 0), T=(T, 2))


# --------------------------------------------------------------------------------------------------
# The least-squares chain
# --------------------------------------------------------------------------------------------------


def least_squares_error(
    n: Any, d: Any, T: Any, noise: Any = 1.0, *, accumulate: bool = False, draws: str = "independent"
) -> Any:
    r"""Expected excess test error after n generations of ordinary least squares. Exact.

    In units of the error of one honest fit, $\sigma^2d/(T-d-1)$, with sums over i = 1..n:

    * replacing: $n$ with fresh noise (`"independent"`, `"shared"`), $n^2$ for `"same-seed"`;
    * accumulating: $\sum_i\frac{T-d-1}{i(iT-d-1)}$ for `"independent"`, $\sum_i 1/i^2$ for `"shared"`,
      $(\sum_i 1/i)^2$ for `"same-seed"`.

    Parameters
    ----------
    n : int or array
        Number of fits, >= 0; fit 1 sees real data.
    d, T : int or array
        Dimension, >= 1, and samples per generation, >= d + 2 (below, the mean error is infinite).
    noise : float or array
        Standard deviation of the label noise, >= 0.
    accumulate : bool
        Fit to the union of all data sets so far.
    draws : {"independent", "shared", "same-seed"}
        Fresh inputs and fresh noise in each generation; one set of inputs for all, fresh noise; or one
        set of inputs and one noise vector for all, as when each generation starts from the same seed.

    Returns
    -------
    float or array
        Broadcast over the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-first-least-squares` and `prop-first-seed`, chapter *A first collapse*; for replace,
    Dohmatob, Feng and Kempe (2024).

    Examples
    --------
    >>> float(least_squares_error(6, 10, 41))
    2.0
    >>> float(least_squares_error(6, 10, 41, draws="same-seed"))
    12.0
    >>> float(least_squares_error(1000, 10, 41, accumulate=True)) < np.pi**2 / 6 / 3
    True
    """
    n, d, T = _counts(n=(n, 0), d=(d, 1), T=(T, 1))
    noise = np.asarray(_checks.nonnegative("noise", noise))
    _checks.grid(n=n, d=d, T=T, noise=noise)
    _checks.choice("draws", draws, _DRAWS)
    _finite_mean(d, T)
    one_fit = d / (T - d - 1)
    if not accumulate:
        error = one_fit * (n**2 if draws == "same-seed" else n)
    elif draws == "independent":
        d, T = np.broadcast_arrays(d, T)
        D, S = d[..., None], T[..., None]
        error = _partial_sums(n, lambda i: D / (i * (i * S - D - 1)), d)
    elif draws == "shared":
        error = one_fit * _partial_sums(n, lambda i: 1 / i**2, np.zeros(()))
    else:
        error = one_fit * _partial_sums(n, lambda i: 1 / i, np.zeros(())) ** 2
    with np.errstate(over="ignore"):
        return (noise * (noise * error))[()]


def simulate_least_squares_error(
    n: Any,
    d: Any,
    T: Any,
    noise: float = 1.0,
    *,
    accumulate: bool = False,
    draws: str = "independent",
    direct: bool = False,
    replicas: int = 1000,
    seed: int = 0,
    device: str = "cpu",
) -> Estimate:
    r"""Average excess test error over runs of the least-squares chain; theory: `least_squares_error`.

    Exact in law (`sampling.ols_chain`, `sampling.accumulate_chain`). For T = d + 2 and d + 3 the error has a
    mean but no variance: averages converge slowly and their standard errors mean nothing.

    Parameters
    ----------
    n, d, T, noise, accumulate, draws
        As in `least_squares_error`; `n`, `d` and `T` broadcast.
    direct : bool
        Draw every data set in full and solve the least-squares problem, as a user would.
    replicas, seed, device
        As in `gaussian_chain`.

    Returns
    -------
    Estimate
        Mean and standard error, of the shape to which `n`, `d` and `T` broadcast.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-first-least-squares` and `prop-first-seed`, chapter *A first collapse*.

    Examples
    --------
    >>> estimate = simulate_least_squares_error([1, 5], 10, 40, replicas=4000, seed=1)
    >>> estimate.agreement(least_squares_error([1, 5], 10, 40)).passed
    True
    """
    n, d, T = _counts(n=(n, 0), d=(d, 1), T=(T, 1))
    noise = _checks.scalar("noise", noise)
    _checks.choice("draws", draws, _DRAWS)
    _finite_mean(d, T)
    replicas = _checks.count("replicas", replicas)
    runs = _direct_least_squares if direct else _exact_least_squares

    def one(n: int, d: int, T: int, seed: Any) -> np.ndarray:
        if n == 0:
            return np.zeros(replicas)
        return (runs(n, d, T, noise, accumulate, draws, replicas, seed, device) ** 2).sum(axis=-1)

    return _pointwise(one, seed, n=(n, 0), d=(d, 1), T=(T, 1))


def _exact_least_squares(n, d, T, noise, accumulate, draws, replicas, seed, device) -> np.ndarray:
    """Deviations of the last fit from the truth, shape (replicas, d), for isotropic inputs."""
    from . import sampling

    truth, spectrum = np.zeros(d), np.ones(d)
    options = {"replicas": replicas, "seed": seed, "device": device}
    if draws == "same-seed":  # every generation adds the same deviation, with weight 1 or 1/i
        weight = np.sum(1 / np.arange(1, n + 1)) if accumulate else n
        return weight * sampling.ols(truth, spectrum, T, noise, **options)
    shared = draws == "shared"
    if accumulate:
        return sampling.accumulate_chain(truth, spectrum, T, noise, n, shared=shared, **options)[:, -1]
    return sampling.ols_chain(truth, spectrum, T, noise, n, shared=shared, **options)


def _direct_least_squares(n, d, T, noise, accumulate, draws, replicas, seed, device) -> np.ndarray:
    """The same by drawing all data and solving every least-squares problem."""
    import torch

    stream = Stream(seed, resolve(device))
    w = 0 * stream.normal((replicas, d, 1))
    X, Y = w[..., 0][:, None, :][:, :0], w[:, :0]
    for i in range(n):
        if i == 0 or draws == "independent":
            inputs = stream.normal((replicas, T, d))
        if i == 0 or draws != "same-seed":
            e = stream.normal((replicas, T, 1))
        labels = inputs @ w + noise * e
        X, Y = (torch.cat([X, inputs], 1), torch.cat([Y, labels], 1)) if accumulate else (inputs, labels)
        w = torch.linalg.lstsq(X, Y).solution
    return w[..., 0].cpu().numpy()


# --------------------------------------------------------------------------------------------------
# Shared by the above
# --------------------------------------------------------------------------------------------------


def _counts(**named: tuple[Any, int]) -> list[np.ndarray]:
    """Named whole numbers, each with its least allowed value, as float64 arrays that broadcast."""
    arrays = {name: np.asarray(_checks.counts(name, x, low=low)) for name, (x, low) in named.items()}
    _checks.grid(**arrays)
    return list(arrays.values())


def _gaussian(n: Any, T: Any, variance: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    n, T = _counts(n=(n, 0), T=(T, 2))
    variance = np.asarray(_checks.positive("variance", variance))
    _checks.grid(n=n, T=T, variance=variance)
    return n, T, variance


def _finite_mean(d: np.ndarray, T: np.ndarray) -> None:
    bad = np.broadcast_to(T - d < 2, np.broadcast_shapes(d.shape, T.shape))
    if bad.any():
        T_bad, d_bad = (np.broadcast_to(x, bad.shape)[bad][0] for x in (T, d))
        raise ValueError(f"T must be >= d + 2 for the mean error to be finite, got T={T_bad:g}, d={d_bad:g}")


def _pointwise(one: Callable[..., np.ndarray], seed: int, **named: tuple[Any, int]) -> Estimate:
    """Run `one(..., seed)` at every point of a broadcast grid, each with a random stream of its own."""
    points = np.broadcast_arrays(*_counts(**named))
    streams = np.random.SeedSequence(_checks.count("seed", seed, low=0)).spawn(points[0].size)
    samples = [
        one(*map(int, point), stream)
        for *point, stream in zip(*(p.ravel() for p in points), streams, strict=True)
    ]
    stacked = np.stack(samples, axis=1).reshape(-1, *points[0].shape)
    return Estimate.from_samples(stacked, seed)


def _check_size(names: str, size: float) -> None:
    if size > _checks.MAX_GRID:
        raise ValueError(f"{names} must span at most {_checks.MAX_GRID:.0e} numbers, got {size:.1e}")


def _partial_sums(n: np.ndarray, terms: Callable[[np.ndarray], np.ndarray], parameters: np.ndarray) -> Any:
    """sum_{i=1}^n terms(i), where `terms` puts i = 1, 2, ... on a last axis behind those of `parameters`."""
    longest = max(n.max(), 1.0)
    _check_size("n and the parameters", longest * parameters.size)
    sums = np.cumsum(terms(np.arange(1, longest + 1)), axis=-1)
    sums = np.concatenate([np.zeros((*sums.shape[:-1], 1)), sums], axis=-1)
    shape = np.broadcast_shapes(n.shape, sums.shape[:-1])
    index = np.broadcast_to(n, shape).astype(int)[..., None]
    return np.take_along_axis(np.broadcast_to(sums, (*shape, sums.shape[-1])), index, axis=-1)[..., 0]


def _log_products(n: int, df: int, scale: float, replicas: int, seed: Any, device: str) -> np.ndarray:
    """Logarithms of products of n independent chi-squares over `scale`, one product per replica."""
    stream = Stream(seed, resolve(device))
    _check_size("replicas and n", replicas * n)
    return (stream.chi_square(df, (replicas, n)) / scale).log().sum(dim=1).cpu().numpy()


def _log_minus_digamma(x: np.ndarray) -> np.ndarray:
    """log x - digamma(x), by its asymptotic series where the two would cancel."""
    y = 1 / x**2
    series = 1 / (2 * x) + y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y / 240)))
    return np.where(x > 30, series, np.log(x) - special.digamma(x))


def _log_growth(i: np.ndarray, T: np.ndarray, power: int, unbiased: bool) -> np.ndarray:
    """Logarithm of E[v_i^power | v_{i-1}] / v_{i-1}^power when data accumulate."""
    first = i == 1
    if unbiased:
        growth = np.where(first, 0.0, np.log1p(-1 / np.where(first, 2.0, i * (i * T - 1))))
    else:
        growth = np.log1p(-1 / (i**2 * T))
    if power == 1:
        return growth
    # In units of v_{i-1} the sum of squares is its old value + chi2_{T-1} + (i-1)/i chi2_1.
    mean = np.exp(growth) * (i * T - unbiased)
    return 2 * growth + np.log1p((2 * (T - 1) + 2 * ((i - 1) / i) ** 2) / mean**2)
