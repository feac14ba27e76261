r"""Cutting and narrowing the tail: what a decoding rule does to the learning curve of the memoriser.

A decoder that knows the true law $p_i=A\,i^{-\beta}$ perfectly draws from $q_i\propto i^{-\beta'}$, $i\le k$:
nucleus and top-K sampling set the rank $k$, temperature the exponent $\beta'$. A learner that memorises $T$
such draws is tested on the true law. Curves are NumPy only; the simulator batches over replicas and runs on a
GPU where there is one.

Source: chapter *Cutting and narrowing the tail*; *A Tale of Tails: Model Collapse as a Change of Scaling
Laws*.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.special import gamma, gammaincc, zeta

from .. import _checks
from .._device import Stream, resolve, to_numpy
from ..estimates import Estimate
from ..scaling import zipf_sum

if TYPE_CHECKING:
    import torch

_CHUNK = 1 << 18  # items drawn at a time: what fits into a cache


class DecodedLaw(NamedTuple):
    r"""The law that a decoder draws from, $q_i\propto i^{-\beta'}$ for $i\le k$; see `decoded_law`."""

    beta: Any
    k: Any


def _training_exponent(beta: np.ndarray, training_beta: Any) -> np.ndarray:
    if training_beta is None:
        return beta
    return _checks.exponent("training_beta", training_beta)


def _rank(name: str, k: Any, low: int = 1) -> np.ndarray:
    """Whole numbers >= low as float64; infinity stands for no cut."""
    try:
        k = np.asarray(k, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} must be a whole number or infinite, got {k!r}") from None
    if k.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {k.shape}")
    with np.errstate(invalid="ignore"):
        good = (k >= low) & (k == np.round(k))
    _checks._require(name, k, good, f"a whole number >= {low}, or infinite")
    return k


def _beyond(beta: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Sum of i^-beta over the ranks beyond k."""
    return zeta(np.minimum(beta, 1e4), k + 1)  # scipy's has no value for enormous exponents; here it is 0


def _kept(beta: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Sum of i^-beta over the ranks up to k."""
    return zeta(beta) - _beyond(beta, k)


def tail_mass(beta: Any, k: Any) -> Any:
    r"""Probability of all items beyond rank k, $R_k=\sum_{i>k}p_i$: the floor that a cut at k leaves.

    Parameters
    ----------
    beta : float or array
        Zipf exponent, > 1.
    k : int or array
        Last rank kept, >= 0; may be infinite.

    Returns
    -------
    float or array
        Broadcast over `beta` and `k`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-cut-error`, chapter *Cutting and narrowing the tail*.

    Examples
    --------
    >>> tail_mass(1.5, [0, 59, 10_000]).round(4)
    array([1.    , 0.0993, 0.0077])
    """
    beta, k = _checks.exponent("beta", beta), _rank("k", k, low=0)
    _checks.grid(beta=beta, k=k)
    return (_beyond(beta, k) / zeta(beta))[()]


def nucleus_rank(beta: Any, nucleus: Any, top: Any = np.inf) -> Any:
    r"""Number of items that nucleus sampling keeps: the smallest k whose items hold the share `nucleus`.

    Without `top` it lies between $y-1$ and $\lceil y-\tfrac12\rceil$, where
    $y=\bigl(\frac{A}{(\beta-1)(1-\varpi)}\bigr)^{1/(\beta-1)}$; the same holds with the mass left over in
    place of $1-\varpi$.

    Parameters
    ----------
    beta : float or array
        Exponent of the law that is decoded, > 1.
    nucleus : float or array
        Level $\varpi$, > 0 and <= 1 (top-p elsewhere). 1 keeps everything.
    top : int or array
        The law ends at this rank already, >= 1; infinite by default.

    Returns
    -------
    float or array
        Whole numbers; infinite if nothing is cut.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the rank exceeds 1e300.

    Source: `prop-cut-nucleus`, chapter *Cutting and narrowing the tail*.

    Examples
    --------
    >>> nucleus_rank(1.5, [0.9, 0.95, 0.99])
    array([  59.,  234., 5861.])
    """
    beta, top = _checks.exponent("beta", beta), _rank("top", top)
    nucleus = _checks.positive("nucleus", nucleus)
    _checks._require("nucleus", nucleus, nucleus <= 1, "> 0 and <= 1")
    _checks.grid(beta=beta, nucleus=nucleus, top=top)
    left = (1 - nucleus) + nucleus * tail_mass(beta, top)  # of the infinite law, beyond the rank we look for
    with np.errstate(divide="ignore", over="ignore"):
        y = (1 / (zeta(beta) * (beta - 1) * left)) ** (1 / (beta - 1))
    _checks._require("nucleus", nucleus, (y <= 1e300) | (nucleus == 1), "small enough to keep k below 1e300")
    k = np.maximum(np.ceil(y - 1), 1)
    with np.errstate(invalid="ignore"):  # infinite ranks are replaced below
        k = k + (tail_mass(beta, k) > left + 4e-16)  # the allowance is for the rounding of 1 - nucleus
    return np.where(nucleus == 1, top, np.minimum(k, top))[()]


def decoded_law(
    beta: Any, *, nucleus: Any = 1.0, top: Any = np.inf, temperature: Any = 1.0, n: Any = 1
) -> DecodedLaw:
    r"""The law that a decoding rule draws from, after one or more generations of decoding.

    Each generation applies temperature, then top-K, then the nucleus to the law of the one before, of which
    it has unlimited samples. Greedy decoding is `top=1`.

    Parameters
    ----------
    beta : float or array
        Zipf exponent of the true law, > 1.
    nucleus : float or array
        Level of nucleus sampling, > 0 and <= 1.
    top : int or array
        Items kept by top-K sampling, >= 1; may be infinite.
    temperature : float or array
        > 0; beta / temperature**n must exceed 1, or the law of infinitely many items has no sum.
    n : int or array
        Generations, >= 0.

    Returns
    -------
    DecodedLaw
        Exponent `beta` and last rank `k` (infinite if nothing is cut), broadcast over the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-cut-repeat` and `thm-cut-narrow`, chapter *Cutting and narrowing the tail*.

    Examples
    --------
    >>> decoded_law(1.5, nucleus=0.95, n=[1, 2, 3, 100]).k
    array([234.,  62.,  29.,   5.])
    >>> law = decoded_law(1.5, temperature=0.8, top=1000)
    >>> float(law.beta), float(law.k)
    (1.875, 1000.0)
    """
    beta, top, n = _checks.exponent("beta", beta), _rank("top", top), _checks.counts("n", n, low=0)
    temperature = _checks.positive("temperature", temperature)
    nucleus = _checks.positive("nucleus", nucleus)
    shape = _checks.grid(beta=beta, nucleus=nucleus, top=top, temperature=temperature, n=n)
    beta, temperature, nucleus, top, n = np.broadcast_arrays(beta, temperature, nucleus, top, n)
    _checks._require("temperature", temperature, n * np.log(temperature) < np.log(beta), "< beta**(1/n)")
    law, k = beta, np.full(shape, np.inf)
    for generation in range(1, int(n.max()) + 1):
        law = np.where(n >= generation, beta * temperature**-generation, law)
        k = np.where(n >= generation, nucleus_rank(law, nucleus, np.minimum(k, top)), k)
    return DecodedLaw(law[()], k[()])


def cut_error(beta: Any, T: Any, k: Any = np.inf, training_beta: Any = None) -> Any:
    r"""Exact error of the memoriser trained on a cut, narrowed law and tested on the true one.

    $$E=\sum_{i\le k}p_i\,(1-q_i)^T+R_k,\qquad q_i=\frac{i^{-\beta'}}{\sum_{j\le k}j^{-\beta'}} .$$

    Parameters
    ----------
    beta : float or array
        Zipf exponent of the test items, > 1.
    T : float or array
        Training samples, >= 1.
    k : int or array
        Last rank in the training law, >= 1; infinite by default. The cost grows with the number of different
        ranks, not with their size.
    training_beta : float or array, optional
        Exponent of the training law, > 1; by default `beta`.

    Returns
    -------
    float or array
        Broadcast over the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-cut-error` and `thm-cut-narrow`, chapter *Cutting and narrowing the tail*; *A Tale of Tails*.

    Examples
    --------
    >>> cut_error(1.5, [100, 10_000, 1_000_000], k=59).round(4)
    array([0.1977, 0.0993, 0.0993])
    >>> float(cut_error(1.5, 10_000, training_beta=1.875).round(4))
    0.0692
    """
    beta, T, k = _checks.exponent("beta", beta), _checks.at_least("T", T, 1), _rank("k", k)
    training_beta = _training_exponent(beta, training_beta)
    shape = _checks.grid(beta=beta, T=T, k=k, training_beta=training_beta)
    ranks = np.unique(k)
    out = np.empty(shape)
    beta, T, k, training_beta = np.broadcast_arrays(beta, T, k, training_beta)
    for rank in ranks:
        here = k == rank
        out[here] = _seen_too_rarely(beta[here], T[here], rank, training_beta[here])
    return (out + tail_mass(beta, k))[()]


def _seen_too_rarely(beta: np.ndarray, T: np.ndarray, k: float, training_beta: np.ndarray) -> np.ndarray:
    """Part of the error due to kept items, for one cut rank; arguments of one shape."""
    power, scale = (training_beta / beta)[..., None], zeta(beta)[..., None]
    kept = _kept(training_beta, k)[..., None]

    def unseen(p: np.ndarray, T: np.ndarray) -> np.ndarray:
        q = np.minimum((p * scale) ** power / kept, 1)
        with np.errstate(divide="ignore"):
            return np.exp(T * np.log1p(-q))

    return zipf_sum(unseen, beta, T, last=np.inf if np.isinf(k) else int(k))


def cut_error_asymptotic(beta: Any, T: Any, k: Any = np.inf, training_beta: Any = None) -> Any:
    r"""Closed form of `cut_error`, with the upper incomplete gamma function.

    $$E\simeq R_k+\frac{A}{\beta'}\,(a'T)^{-c'}\,\Gamma\bigl(c',\,a'T(k+\tfrac12)^{-\beta'}\bigr),\qquad
    c'=\frac{\beta-1}{\beta'},\quad a'=\Bigl[\sum_{i\le k}i^{-\beta'}\Bigr]^{-1} .$$

    Parameters
    ----------
    beta, T, k, training_beta
        As in `cut_error`.

    Returns
    -------
    float or array
        Broadcast over the arguments. Relative error of order 1/T, and $(a'T)^{-2/\beta'}$ from the sum.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-cut-crossover` and `thm-cut-narrow`, chapter *Cutting and narrowing the tail*.

    Examples
    --------
    >>> cut_error_asymptotic(1.5, [100, 10_000, 1_000_000], k=59).round(4)
    array([0.1981, 0.0993, 0.0993])
    """
    beta, T, k = _checks.exponent("beta", beta), _checks.at_least("T", T, 1), _rank("k", k)
    training_beta = _training_exponent(beta, training_beta)
    _checks.grid(beta=beta, T=T, k=k, training_beta=training_beta)
    c = (beta - 1) / training_beta
    a = 1 / _kept(training_beta, k)
    x = a * T * (k + 0.5) ** -training_beta
    scale = 1 / (zeta(beta) * training_beta)
    return (tail_mass(beta, k) + scale * (a * T) ** -c * gamma(c) * gammaincc(c, x))[()]


def excess_over_floor(c: Any, x: Any) -> Any:
    r"""The error above the floor, as a share of the floor: the universal curve $c\,x^{-c}\,\Gamma(c,x)$.

    Parameters
    ----------
    c : float or array
        Exponent of the learning curve before the cut is felt, > 0.
    x : float or array
        T / T_star: about the number of times that the last kept item is expected in training, > 0.

    Returns
    -------
    float or array
        Falls from $\Gamma(1+c)x^{-c}-1$ (small x) to less than $(c/x)e^{-x}$ (c <= 1).

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-cut-crossover`, chapter *Cutting and narrowing the tail*.

    Examples
    --------
    >>> excess_over_floor(1 / 3, [0.1, 1, 3]).round(4)
    array([0.9482, 0.0855, 0.0047])
    """
    c, x = _checks.positive("c", c), _checks.positive("x", x)
    _checks.grid(c=c, x=x)
    return (gamma(1 + c) * x**-c * gammaincc(c, x))[()]


def useful_samples(beta: Any, k: Any, excess: Any = 0.1, training_beta: Any = None) -> Any:
    r"""Number of samples from a cut law after which the error is within a share `excess` of its floor.

    Solves $c'x^{-c'}\Gamma(c',x)=$ `excess` for the expected number x of sightings of the last kept item, and
    divides x by that item's probability. From the closed form, so meant for k of ten or more.

    Parameters
    ----------
    beta : float or array
        Zipf exponent of the test items, > 1.
    k : int or array
        Last rank in the training law, >= 1, finite.
    excess : float or array
        Share of the floor, > 0 and <= 1.
    training_beta : float or array, optional
        Exponent of the training law, > 1; by default `beta`.

    Returns
    -------
    float or array
        Broadcast over the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-cut-crossover`, chapter *Cutting and narrowing the tail*.

    Examples
    --------
    >>> useful_samples(1.5, 59, excess=[0.5, 0.1, 0.01]).round()
    array([ 255.,  986., 2620.])
    """
    beta, k = _checks.exponent("beta", beta), _checks.counts("k", k)
    excess = _checks.positive("excess", excess)
    _checks._require("excess", excess, excess <= 1, "> 0 and <= 1")
    training_beta = _training_exponent(beta, training_beta)
    _checks.grid(beta=beta, k=k, excess=excess, training_beta=training_beta)
    c = (beta - 1) / training_beta
    # The curve is at least Gamma(1 + c) x^-c - 1, and beyond x = c at most c e^-x / (x - c + 1).
    low = np.maximum((np.log(gamma(1 + c)) - np.log1p(excess)) / c, -600.0)
    high = np.log(c + 1 + np.maximum(np.log(c / excess), 0))
    for _ in range(60):
        middle = (low + high) / 2
        above = excess_over_floor(c, np.exp(middle)) > excess
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return (np.exp(low) * _kept(training_beta, k) * (k + 0.5) ** training_beta)[()]


def floor_in_real_samples(beta: Any, k: Any) -> Any:
    r"""Number of real samples whose error equals the floor of a cut: what unlimited cut data are worth.

    $$T_{\rm eff}=\bigl(C_\beta/R_k\bigr)^{1/c}\simeq\Gamma(1+c)^{1/c}\,\frac{(k+\frac12)^\beta}{A} .$$

    Parameters
    ----------
    beta : float or array
        Zipf exponent, > 1.
    k : int or array
        Last rank kept, >= 1, finite.

    Returns
    -------
    float or array
        Broadcast over `beta` and `k`. From the clean scaling law, so meant for results of a hundred or more.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `cor-cut-worth`, chapter *Cutting and narrowing the tail*.

    Examples
    --------
    >>> floor_in_real_samples(1.5, [59, 234]).round()
    array([ 854., 6680.])
    """
    beta, k = _checks.exponent("beta", beta), _checks.counts("k", k)
    _checks.grid(beta=beta, k=k)
    c = 1 - 1 / beta
    constant = gamma(c) / (beta * zeta(beta) ** (1 / beta))
    return ((constant / tail_mass(beta, k)) ** (1 / c))[()]


# ----------------------------------------------------------------------------------------- simulation


def _draw(stream: Stream, shape: tuple[int, ...], beta: float, k: float) -> torch.Tensor:
    """Items with probabilities proportional to i^-beta, i <= k, as float64.

    Rejection-inversion (Hörmann and Derflinger): a point w, uniform on the range of the tail integral W(x) of
    x^-beta, falls into the cell of the item nearest to x = W^-1(w). By convexity the cell is at least i^-beta
    wide, and the point is kept if it lies in the lowest i^-beta of it. No table, any k; ranks beyond 2^53 are
    rounded.
    """
    import torch

    def tail_integral(x: Any) -> Any:
        return x ** (1 - beta) / (beta - 1)

    low = tail_integral(k + 0.5)
    width = tail_integral(1.5) + 1 - low

    def propose(size: int) -> tuple[torch.Tensor, torch.Tensor]:
        # e^-exponential is uniform, and unlike the usual kind it resolves the neighbourhood of zero
        w = low + width * torch.exp(-stream.gamma(1.0, (size,)))
        i = torch.floor(((beta - 1) * w) ** (-1 / (beta - 1)) + 0.5).clamp(1, k)
        return i, w > tail_integral(i + 0.5) + i**-beta

    items, rejected = propose(math.prod(shape))
    missing = rejected.nonzero()[:, 0]
    while len(missing):
        items[missing], rejected = propose(len(missing))
        missing = missing[rejected]
    return items.reshape(shape)


def simulate_cut_error(
    beta: float,
    T: Any,
    k: float = np.inf,
    training_beta: float | None = None,
    *,
    replicas: int,
    seed: int,
    device: str = "cpu",
) -> Estimate:
    r"""Mean error over simulated training sets from a cut, narrowed law; the pair of `cut_error`.

    Every training item is drawn. Memory is bounded; nothing is as long as the support.

    Parameters
    ----------
    beta : float
        Zipf exponent of the test items, > 1.
    T : int or array, shape (m,)
        Training samples; every size has its own training sets.
    k : int
        Last rank in the training law, >= 1; infinite by default.
    training_beta : float, optional
        Exponent of the training law, >= 1.05; by default `beta`.
    replicas, seed : int
        Training sets for each size, >= 2; same seed, same numbers (on one kind of device).
    device : {"cpu", "cuda", "auto"}
        Where to draw.

    Returns
    -------
    Estimate
        `mean` and `stderr` have the shape of `T`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-cut-error` and `thm-cut-narrow`, chapter *Cutting and narrowing the tail*.

    Examples
    --------
    >>> estimate = simulate_cut_error(1.5, [100, 1000], k=59, replicas=200, seed=1)
    >>> bool((abs(estimate.z(cut_error(1.5, [100, 1000], k=59))) < 4).all())
    True
    """
    beta = _checks.scalar("beta", beta, _checks.exponent)
    name, law = ("beta", beta) if training_beta is None else ("training_beta", training_beta)
    law = _checks.scalar(name, law, lambda name, x: _checks.at_least(name, x, 1.05))
    k = _rank("k", k)
    if k.ndim:
        raise ValueError(f"k must be a single rank, got shape {k.shape}")
    k = float(k)
    T = _checks.counts("T", T)
    if T.ndim > 1:
        raise ValueError(f"T must be a number or a one-dimensional array, got shape {T.shape}")
    replicas = _checks.count("replicas", replicas, low=2)
    streams = Stream(seed, resolve(device)).spawn(T.size)
    errors = np.empty((replicas, T.size))
    for column, (size, stream) in enumerate(zip(T.reshape(-1).astype(int), streams, strict=True)):
        _checks.grid(T=np.broadcast_to(0.0, (size,)))
        step = max(1, _CHUNK // size)
        for start in range(0, replicas, step):
            items = _draw(stream, (min(step, replicas - start), size), law, k).sort(dim=1).values
            known = items**-beta / zeta(beta)
            known[:, 1:][items[:, 1:] == items[:, :-1]] = 0
            errors[start : start + step, column] = to_numpy(1 - known.sum(1))
    return Estimate.from_samples(errors.reshape(replicas, *T.shape), seed)
