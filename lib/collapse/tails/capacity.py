r"""Associative memories of limited dimension: what is recalled, how capacity scales, and the triplet law.

A memory is one matrix $W=\sum_ia_i\,u_{j(i)}e_i^\top$ that superposes all facts it holds: item $i$ with
embedding $e_i\sim N(0,I_d/d)$ and label $j(i)$, written with weight $a_i$ (counts of the item, a power of
them, one for all). With two labels the error of every item is a Student tail, exactly; it depends on the
weights only through the share $h_i=a_i/\lVert a\rVert$. Embeddings are drawn only by the simulators, and
never a d x d matrix for them.

Source: chapter *Capacity: the triplet law*; *A Tale of Tails: Model Collapse as a Change of Scaling Laws*.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.special import betainc, gammaln, log_ndtr, zeta

from .. import _checks
from .._device import Stream, resolve, to_numpy
from ..estimates import Estimate
from ..scaling import zipf_sum
from .cutting import _draw, _rank, tail_mass

_CHUNK = 1 << 23  # random numbers held in memory at once
# Poisson counts: term by term up to this mean, by a Gauss-Hermite rule beyond it.
_POISSON = 30.0
_HERMITE, _HERMITE_WEIGHTS = np.polynomial.hermite_e.hermegauss(8)
_HERMITE_WEIGHTS = _HERMITE_WEIGHTS / _HERMITE_WEIGHTS.sum()


# -------------------------------------------------------------------------------- two labels: exact error


def item_error(share: Any, d: Any) -> Any:
    r"""Chance of a wrong answer for an item with a given share of the memory's norm; two labels, exact.

    $$P(\theta_1>h)=F_{t_d}\Bigl(-\sqrt d\,\frac{h}{\sqrt{1-h^2}}\Bigr)
    =\tfrac12 I_{1-h^2}\bigl(\tfrac d2,\tfrac12\bigr),\qquad h_i=\frac{a_i}{\lVert a\rVert},$$

    where $\theta$ is uniform on the unit sphere in $d+1$ dimensions and $F_{t_d}$ is Student's distribution
    function. It lies between the normal tail at $\sqrt d\,h/\sqrt{1-h^2}$ and $\frac12(1-h^2)^{d/2}$.

    Parameters
    ----------
    share : float or array
        The share h, between 0 (never stored: a guess, 1/2) and 1 (stored alone: no error).
    d : int or array
        Embedding dimension, >= 1.

    Returns
    -------
    float or array
        Broadcast over both.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-cap-error` and `cor-cap-recall`, chapter *Capacity: the triplet law*.

    Examples
    --------
    >>> item_error([0, 0.1, 1.0], 256).round(4)
    array([0.5   , 0.0545, 0.    ])
    """
    share = _checks.between("share", share, 0, 1)
    d = _checks.counts("d", d)
    _checks.grid(share=share, d=d)
    return _item_error(share, d)[()]


def _item_error(share: np.ndarray, d: np.ndarray) -> np.ndarray:
    return betainc(d / 2, 0.5, (1 - share) * (1 + share)) / 2


def memory_error(p: Any, weights: Any, d: Any) -> Any:
    r"""Exact test error of a memory with two labels and given weights, averaged over the embeddings.

    $$E=\sum_{i:a_i>0}p_i\,F_{t_d}\Bigl(-\sqrt d\,\frac{a_i}{\sqrt{\sum_{l\ne i}a_l^2}}\Bigr)
    +\tfrac12\Bigl(1-\sum_{i:a_i>0}p_i\Bigr).$$

    Parameters
    ----------
    p : array, shape (N,)
        Probabilities of the items; what is missing to one belongs to items that were never stored.
    weights : array, shape (..., N)
        Storage weights, >= 0, at least one of them > 0.
    d : int or array
        Embedding dimension, >= 1; broadcast against the leading shape of `weights`.

    Returns
    -------
    float or array

    Raises
    ------
    ValueError
        If a shape or a value is outside its range, or the probabilities exceed one in sum.

    Source: `thm-cap-error`, chapter *Capacity: the triplet law*; *A Tale of Tails*.

    Examples
    --------
    Two equal items, then one alone, in a world where a fifth of the questions is about something else:

    >>> memory_error([0.4, 0.4], [[1, 1], [1, 0]], 10).round(4)
    array([0.104, 0.3  ])
    """
    p, weights, share = _shares(p, weights)
    d = _checks.counts("d", d)
    _checks.grid(weights=np.empty(weights.shape[:-1]), d=d)
    error = _item_error(share, d[..., None])
    return ((p * error).sum(-1) + (1 - p.sum()) / 2)[()]


def _shares(p: Any, weights: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    p = _checks.vector("p", p, check=_checks.nonnegative)
    if p.sum() > 1 + 1e-9:
        raise ValueError(f"p must sum to at most 1, got {float(p.sum())!r}")
    weights = _checks.nonnegative("weights", weights)
    if weights.ndim == 0 or weights.shape[-1] != len(p):
        raise ValueError(f"weights must have shape (..., {len(p)}), got {weights.shape}")
    top = weights.max(-1, keepdims=True)
    if not (top > 0).all():
        raise ValueError("weights must hold at least one number > 0, got only zeros")
    scaled = weights / top  # no overflow or underflow in the squares
    return p, weights, np.minimum(scaled / np.sqrt((scaled**2).sum(-1, keepdims=True)), 1.0)


def simulate_memory_error(
    p: Any,
    weights: Any,
    d: int,
    *,
    replicas: int,
    seed: int,
    per_item: bool = False,
    device: str = "cpu",
) -> Estimate:
    """Test error of simulated memories: embeddings and labels drawn, every stored item decoded.

    O(N d) numbers per memory and no d x d matrix: with two labels item i is right if $v^\\top e_i$ has the
    sign of its label, $v=\\sum_l\\pm a_le_l$. One memory scatters by as much as its mean error, because a
    single frequent item that happens to fail costs as much as all rare ones together.

    Parameters
    ----------
    p : array, shape (N,)
        Probabilities of the items, as in `memory_error`.
    weights : array, shape (N,)
        Storage weights.
    d : int
        Embedding dimension, >= 1.
    replicas : int
        Memories, >= 2.
    seed : int
    per_item : bool
        If true the error of each item, shape (N,), instead of the average over `p`.
    device : {"cpu", "cuda", "auto"}

    Returns
    -------
    Estimate

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-cap-error`, chapter *Capacity: the triplet law*.

    Examples
    --------
    >>> p = np.arange(1, 101) ** -1.5 / zeta(1.5)
    >>> estimate = simulate_memory_error(p, p, 32, replicas=400, seed=0)
    >>> bool(abs(estimate.z(memory_error(p, p, 32))) < 4)
    True
    """
    import torch

    p, weights, share = _shares(p, weights)
    share = _checks.vector("weights", share)
    d, replicas = _checks.count("d", d), _checks.count("replicas", replicas, low=2)
    n = len(p)
    wrong = np.empty((replicas, n))
    block = max(1, _CHUNK // (n * d))
    blocks = range(0, replicas, block)
    streams = Stream(seed, resolve(device)).spawn(len(blocks))
    for low, stream in zip(blocks, streams, strict=True):
        m = min(block, replicas - low)
        e, signs = stream.normal((m, n, d)), stream.sign((m, n))
        v = (signs * torch.as_tensor(share, device=e.device))[:, None] @ e
        margin = signs * (e @ v.transpose(1, 2))[..., 0]
        wrong[low : low + m] = to_numpy((margin < 0).to(e.dtype))
    wrong = np.where(share > 0, wrong, 0.5)  # what is not stored is a guess
    samples = wrong if per_item else wrong @ p + (1 - p.sum()) / 2
    return Estimate.from_samples(samples, seed)


# ------------------------------------------------------------------------------------- storage schemes


def capacity_exponent(beta: Any, storage: Any) -> Any:
    r"""Exponent $c_d=\frac{\beta-1}{2\omega\beta}$ of the capacity law of power storage, $E\asymp d^{-c_d}$.

    Parameters
    ----------
    beta : float or array
        Zipf exponent, > 1.
    storage : float or array
        Storage exponent $\omega$ (weights $p_i^\omega$), with $\omega\beta>\frac12$.

    Returns
    -------
    float or array
        Below `beta - 1`, which it approaches as $\omega\beta\to\frac12$.

    Raises
    ------
    ValueError
        If an argument is outside its range. At $\omega\beta\le\frac12$ there is no law: the weights have no
        finite norm and nothing is recalled.

    Source: `prop-cap-power`, chapter *Capacity: the triplet law*.

    Examples
    --------
    >>> capacity_exponent(2.0, [1.0, 0.5])
    array([0.25, 0.5 ])
    """
    beta, storage = _checks.exponent("beta", beta), _checks.nonnegative("storage", storage)
    _checks.grid(beta=beta, storage=storage)
    _summable(beta, storage)
    return ((beta - 1) / (2 * storage * beta))[()]


def _summable(beta: np.ndarray, storage: np.ndarray) -> None:
    if not (2 * storage * beta > 1).all():
        worst = float((storage * beta).min())
        raise ValueError(f"storage * beta must be > 0.5 without a cut, got {worst!r}")


def storage_error(beta: Any, storage: Any, d: Any, cut: Any = np.inf) -> Any:
    r"""Exact error of a memory with infinite data: two labels, weights $p_i^\omega$ up to rank `cut`.

    $$E=\sum_{i\le k}p_i\,P(\theta_1>h_i)+\tfrac12R_k,\qquad
    h_i^2=\frac{p_i^{2\omega}}{\sum_{l\le k}p_l^{2\omega}} .$$

    Parameters
    ----------
    beta : float or array
        Zipf exponent, > 1.
    storage : float or array
        Storage exponent $\omega\ge0$: 1 for counts, 0 for the same weight for all.
    d : int or array
        Embedding dimension, >= 1.
    cut : int or array
        Last rank in the data, or infinity (which needs $\omega\beta>\frac12$).

    Returns
    -------
    float or array
        Broadcast over the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-cap-error`, `prop-cap-power` and `prop-cap-cut`, chapter *Capacity: the triplet law*.

    Examples
    --------
    >>> storage_error(1.5, 1.0, [64, 256, 1024]).round(4)
    array([0.1691, 0.1343, 0.1066])
    """
    beta, storage = _checks.exponent("beta", beta), _checks.nonnegative("storage", storage)
    d, cut = _checks.counts("d", d), _rank("cut", cut)
    shape = _checks.grid(beta=beta, storage=storage, d=d, cut=cut)
    beta, storage, d, cut = (np.broadcast_to(x, shape).ravel() for x in (beta, storage, d, cut))
    _summable(beta[np.isinf(cut)], storage[np.isinf(cut)])
    out = np.empty(beta.shape)
    for omega, k in set(zip(storage.tolist(), cut.tolist(), strict=True)):
        here = (storage == omega) & (cut == k)
        b = beta[here]
        if np.isinf(k):
            energy = zeta(2 * omega * b) / zeta(b) ** (2 * omega)
        else:
            energy = zipf_sum(lambda p, T, w=omega: p ** (2 * w - 1) + 0 * T, b, 1.0, last=int(k))

        def failing(p: np.ndarray, T: np.ndarray, w: float = omega, s: Any = energy) -> np.ndarray:
            return _item_error(np.minimum(p**w / np.sqrt(s)[:, None], 1.0), T)

        kept = zipf_sum(failing, b, d[here], last=k if np.isinf(k) else int(k))
        out[here] = kept + tail_mass(b, k) / 2
    return out.reshape(shape)[()]


def storage_error_asymptotic(beta: Any, storage: Any, d: Any) -> Any:
    r"""Capacity law of power storage, with its constant.

    $$E\simeq\frac{A\,\zeta(2\omega\beta)^{b/2}}{2(\beta-1)}\,
    \frac{\Gamma(\frac{b+1}2)\,\Gamma(\frac{d+1}2)}{\sqrt\pi\,\Gamma(\frac{d+1+b}2)},\qquad
    b=\frac{\beta-1}{\omega\beta}.$$

    The distance to the exact sum is at most
    $\frac A2\bigl(\zeta(2\omega\beta)/(e\,\omega d)\bigr)^{1/2\omega}$, a share of order
    $d^{-1/(2\omega\beta)}$.

    Parameters
    ----------
    beta : float or array
        Zipf exponent, > 1.
    storage : float or array
        Storage exponent with $\omega\beta>\frac12$.
    d : int or array
        Embedding dimension, >= 1.

    Returns
    -------
    float or array
        Broadcast over the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `prop-cap-power`, chapter *Capacity: the triplet law*; *A Tale of Tails*.

    Examples
    --------
    >>> storage_error_asymptotic(1.5, 1.0, [64, 256, 1024]).round(4)
    array([0.1692, 0.1343, 0.1066])
    """
    b = 2 * capacity_exponent(beta, storage)
    beta, storage, d = np.asarray(beta, float), np.asarray(storage, float), _checks.counts("d", d)
    _checks.grid(b=b, d=d)
    moment = np.exp(
        gammaln((b + 1) / 2) + gammaln((d + 1) / 2) - gammaln((d + 1 + b) / 2) - 0.5 * np.log(np.pi)
    )
    return (zeta(2 * storage * beta) ** (b / 2) / (2 * (beta - 1) * zeta(beta)) * moment)[()]


def threshold_error(beta: Any, threshold: Any, d: Any) -> Any:
    r"""Error of a memory that stores the `threshold` most frequent items with equal weight, and nothing else.

    With two labels, exactly $H_P\,P(\theta_1>P^{-1/2})+\frac12R_P$.

    Parameters
    ----------
    beta : float or array
        Zipf exponent, > 1.
    threshold : int or array
        Last rank P that is stored, >= 1.
    d : int or array
        Embedding dimension, >= 1.

    Returns
    -------
    float or array
        Broadcast over the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `prop-cap-threshold`, chapter *Capacity: the triplet law*.

    Examples
    --------
    >>> threshold_error(1.5, [16, 64, 256], 256).round(4)
    array([0.0942, 0.068 , 0.175 ])
    """
    beta = _checks.exponent("beta", beta)
    threshold, d = _checks.counts("threshold", threshold), _checks.counts("d", d)
    _checks.grid(beta=beta, threshold=threshold, d=d)
    tail = tail_mass(beta, threshold)
    return (tail / 2 + (1 - tail) * _item_error(threshold**-0.5, d))[()]


class BestThreshold(NamedTuple):
    """The best number of items to store, and the error it leaves; see `optimal_threshold`."""

    threshold: Any
    error: Any


def optimal_threshold(beta: Any, d: Any) -> BestThreshold:
    r"""The number of items to store that makes `threshold_error` least, on a grid of whole numbers.

    Parameters
    ----------
    beta, d
        As in `threshold_error`.

    Returns
    -------
    BestThreshold
        `threshold` and `error`, broadcast over `beta` and `d`. The search takes 600 geometric steps
        up to 4 d, then every whole number between the neighbours of the best one.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `prop-cap-threshold`, chapter *Capacity: the triplet law*.

    Examples
    --------
    >>> best = optimal_threshold(1.5, 256)
    >>> int(best.threshold), float(best.error.round(4))
    (47, 0.064)
    """
    beta, d = _checks.exponent("beta", beta), _checks.counts("d", d)
    shape = _checks.grid(beta=beta, d=d)
    pairs = zip(np.broadcast_to(beta, shape).ravel(), np.broadcast_to(d, shape).ravel(), strict=True)
    best = []
    for b, dimension in pairs:
        grid = np.unique(np.geomspace(1, 4 * dimension, 600).round())
        for _ in range(2):
            error = threshold_error(b, grid, dimension)
            at = int(np.argmin(error))
            low, high = grid[max(at - 1, 0)], grid[min(at + 1, len(grid) - 1)]
            found = grid[at], error[at]
            grid = np.unique(np.linspace(low, high, int(min(high - low + 1, 10_000))).round())
        best.append(found)
    threshold, error = np.reshape(best, (*shape, 2))[..., 0], np.reshape(best, (*shape, 2))[..., 1]
    return BestThreshold(threshold[()], error[()])


# ------------------------------------------------------------------------------- one label for each item


def recall_probability(N: Any, d: Any) -> Any:
    r"""Chance to recall an item among N with labels of their own, equal weights; normal approximation.

    With $r^2=d/(N+d-1)$ the score of the right label is $r\sqrt d$ with variance
    $1-\frac{r^2}2+\frac{r^2}2(1-r^2)^2$, the others have mean 0 and variance $1+r^2$:

    $$\int\phi(x)\,\Phi\Bigl(\frac{r\sqrt d+\sigma x}{\sqrt{1+r^2}}\Bigr)^{N-1}dx .$$

    It falls from 1 to 0 around $2N\ln N=d^2$. Measured error: at most 0.02 for d >= 32.

    Parameters
    ----------
    N : int or array
        Stored items, >= 1.
    d : int or array
        Dimension of the embeddings of items and of labels, >= 1.

    Returns
    -------
    float or array
        Broadcast over both.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-cap-own`, chapter *Capacity: the triplet law*.

    Examples
    --------
    >>> recall_probability([51, 102, 512], 32).round(2)
    array([0.79, 0.5 , 0.05])
    """
    N, d = _checks.counts("N", N), _checks.counts("d", d)
    _checks.grid(N=N, d=d, nodes=np.empty(1))
    r2 = d / (N + d - 1)
    x, weight = np.polynomial.hermite_e.hermegauss(64)
    signal = np.sqrt(r2 * d)[..., None] + np.sqrt(1 - r2 / 2 + r2 * (1 - r2) ** 2 / 2)[..., None] * x
    inside = np.exp((N - 1)[..., None] * log_ndtr(signal / np.sqrt(1 + r2)[..., None]))
    return (inside @ (weight / weight.sum()))[()]


def simulate_recall(
    N: int, d: int, *, replicas: int, seed: int, direct: bool = False, device: str = "cpu"
) -> Estimate:
    r"""Share of items recalled by simulated memories with one label for each item and equal weights.

    Exact in law without a single embedding: the scores of the N labels for one item are
    $P_a\xi+\hat a\,\chi_d$ with $\xi\sim N(0,I_N)$, $a=(\chi'_d,g_2,\dots,g_N)$,
    $\hat a=a/\lVert a\rVert$ and $P_a$ the projection orthogonal to $a$: 2 N random numbers per replica.

    Parameters
    ----------
    N : int
        Stored items, >= 2.
    d : int
        Embedding dimension, >= 1.
    replicas : int
        Items asked about, each in a memory of its own, >= 2 (`direct`: memories, each asked about all).
    seed : int
    direct : bool
        Draw all embeddings, build the d x d matrix and compare all N x N scores.
    device : {"cpu", "cuda", "auto"}

    Returns
    -------
    Estimate

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-cap-own`, chapter *Capacity: the triplet law*.

    Examples
    --------
    >>> estimate = simulate_recall(51, 32, replicas=4000, seed=0)
    >>> print(estimate)
    0.7680 ± 0.0067
    """
    import torch

    N, d = _checks.count("N", N, low=2), _checks.count("d", d)
    replicas = _checks.count("replicas", replicas, low=2)
    size = N * (2 * d + N) + d * d if direct else 2 * N
    block = max(1, _CHUNK // size)
    blocks = range(0, replicas, block)
    streams = Stream(seed, resolve(device)).spawn(len(blocks))
    recalled = []
    for low, stream in zip(blocks, streams, strict=True):
        m = min(block, replicas - low)
        if direct:
            items, labels = stream.normal((m, N, d)), stream.normal((m, N, d))
            matrix = labels.transpose(1, 2) @ items
            scores = labels @ (matrix @ items.transpose(1, 2))  # label by item
            hit = scores.argmax(1) == torch.arange(N, device=scores.device)
            recalled.append(to_numpy(hit.to(scores.dtype).mean(1)))
            continue
        a, scores = stream.normal((m, N)), stream.normal((m, N))
        a[:, 0] = stream.chi_square(d, (m,)).sqrt()
        a /= a.norm(dim=1, keepdim=True)
        along = stream.chi_square(d, (m,)).sqrt() - (a * scores).sum(1)
        scores += a * along[:, None]
        recalled.append(to_numpy((scores.argmax(1) == 0).to(scores.dtype)))
    return Estimate.from_samples(np.concatenate(recalled), seed)


# ------------------------------------------------------------------------------------------ the triplet law


def triplet_error(beta: Any, T: Any, d: Any, cut: Any = np.inf, storage: Any = 1.0) -> Any:
    r"""Error of a memory of dimension d trained on T samples of a law cut at rank k; two labels.

    Item $i\le k$ is seen $n_i$ times and stored with weight $n_i^\omega$. Given the counts the error is exact
    (`memory_error`). Here the counts are independent Poisson numbers of mean $x_i=Tp_i/H_k$, and the squared
    norm of the weights is replaced by its mean:

    $$E\simeq\sum_{i\le k}p_i\,\mathbb E\,F_{t_d}\Bigl(-\frac{\sqrt d\,n_i^\omega}{\sqrt{S_{-i}}}\Bigr)
    +\tfrac12R_k,\qquad S_{-i}=\sum_{l\ne i}\mathbb E\,n_l^{2\omega} .$$

    `simulate_triplet_error` makes neither step. Measured difference: about 1/T of the error, for T >= 30.

    Parameters
    ----------
    beta : float or array
        Zipf exponent, > 1.
    T : int or array
        Training samples, >= 1.
    d : int or array
        Embedding dimension, >= 1.
    cut : int or array
        Last rank in the training data, or infinity.
    storage : float or array
        Storage exponent $\omega\ge0$: weights are counts to this power; 0 stores every seen item alike.

    Returns
    -------
    float or array
        Broadcast over the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-cap-triplet` and `prop-cap-cut`, chapter *Capacity: the triplet law*; *A Tale of Tails*.

    Examples
    --------
    >>> float(triplet_error(1.5, 2000, 128, cut=500).round(4))
    0.1511
    """
    beta, storage = _checks.exponent("beta", beta), _checks.nonnegative("storage", storage)
    T, d, cut = _checks.counts("T", T), _checks.counts("d", d), _rank("cut", cut)
    shape = _checks.grid(beta=beta, T=T, d=d, cut=cut, storage=storage)
    flat = [np.broadcast_to(x, shape).ravel() for x in (beta, T, d, cut, storage)]
    points = zip(*(x.tolist() for x in flat), strict=True)
    return np.reshape([_triplet(*point) for point in points], shape)[()]


def _triplet(beta: float, T: float, d: float, cut: float, storage: float) -> float:
    head = 1 - float(tail_mass(beta, cut))
    last = cut if np.isinf(cut) else int(cut)
    counts = np.arange(int(_POISSON + 10 * np.sqrt(_POISSON)))
    log_factorial = gammaln(counts + 1.0)
    power = np.where(counts > 0, counts.astype(float) ** (2 * storage), 0.0)  # squared weights

    def chances(x: np.ndarray) -> np.ndarray:
        return np.exp(counts * np.log(x)[:, None] - x[:, None] - log_factorial)

    def from_table(x: np.ndarray, table: np.ndarray) -> np.ndarray:
        """Mean of a function of the count, given as a table, for means x up to `_POISSON`."""
        out = table[0] + x * (table[1] - table[0])
        some = x > 1e-6
        out[some] = chances(x[some]) @ table
        return out

    def nodes(x: np.ndarray) -> np.ndarray:
        """Counts that stand for a Poisson number of large mean, with the skewness of its law."""
        return np.maximum(x[:, None] + np.sqrt(x)[:, None] * _HERMITE + (_HERMITE**2 - 1) / 6, 0)

    def squares(x: np.ndarray) -> np.ndarray:
        few = x <= _POISSON
        out = np.empty(x.shape)
        out[few] = from_table(x[few], power)
        out[~few] = nodes(x[~few]) ** (2 * storage) @ _HERMITE_WEIGHTS
        return out

    total = zipf_sum(lambda p, T: squares(T * p / head) / p, beta, T, last=last)

    def error(squared: np.ndarray, others: Any) -> np.ndarray:
        whole = squared + others
        share = np.sqrt(squared / np.where(whole > 0, whole, 1.0))
        return _item_error(share, np.asarray(d))

    # An item that is a small part of the norm: the error with all of the norm, and its slope in the norm.
    step = 1e-3
    table = error(power, total)
    slope = (error(power, total * (1 - step)) - table) / (step * total)

    def failing(p: np.ndarray, T: np.ndarray) -> np.ndarray:
        x = T * p / head
        own, few = squares(x), x <= _POISSON
        small = few & (own < 0.05 * total)
        out = np.empty(x.shape)
        out[small] = from_table(x[small], table) + own[small] * from_table(x[small], slope)
        others = np.maximum(total - own, 0.0)[:, None]
        rest = few & ~small
        out[rest] = (chances(x[rest]) * error(power, others[rest])).sum(1)
        out[~few] = error(nodes(x[~few]) ** (2 * storage), others[~few]) @ _HERMITE_WEIGHTS
        return out

    kept = zipf_sum(failing, beta, T, last=last)
    return float(kept + (1 - head) / 2)


def simulate_triplet_error(
    beta: float,
    T: int,
    d: int,
    *,
    cut: float = np.inf,
    storage: float = 1.0,
    replicas: int,
    seed: int,
    direct: bool = False,
    device: str = "cpu",
) -> Estimate:
    r"""Test error of memories trained on simulated samples; the pair of `triplet_error`.

    Each replica draws T items from the cut law and stores item i with weight $n_i^\omega$. By default the
    error given the training set is then computed by `thm-cap-error`: exact in expectation over the
    embeddings, with a variance tens to hundreds of times smaller than that of decoding one random memory,
    which is what `direct` does. Neither forms a histogram over the support.

    Parameters
    ----------
    beta : float
        Zipf exponent, >= 1.05.
    T : int
        Training samples, >= 1.
    d : int
        Embedding dimension, >= 1.
    cut : int
        Last rank in the training data, or infinity.
    storage : float
        Storage exponent $\omega\ge0$.
    replicas : int
        Training sets, >= 2.
    seed : int
    direct : bool
        Draw embeddings and labels too, and decode every stored item.
    device : {"cpu", "cuda", "auto"}
        Where the embeddings are drawn; the samples come from the CPU.

    Returns
    -------
    Estimate

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-cap-triplet` and `thm-cap-error`, chapter *Capacity: the triplet law*.

    Examples
    --------
    >>> estimate = simulate_triplet_error(1.5, 2000, 128, cut=500, replicas=200, seed=0)
    >>> print(estimate)
    0.15096 ± 0.00017
    """
    beta = _checks.scalar("beta", beta, lambda name, x: _checks.at_least(name, x, 1.05))
    T, d = _checks.count("T", T), _checks.count("d", d)
    cut = _checks.scalar("cut", cut, _rank)
    storage = _checks.scalar("storage", storage)
    replicas = _checks.count("replicas", replicas, low=2)
    _checks.grid(T=np.empty(T, dtype=bool))
    block = max(1, _CHUNK // T)
    blocks = range(0, replicas, block)
    samples = []
    for low, stream in zip(blocks, Stream(seed, resolve(device)).spawn(len(blocks)), strict=True):
        m = min(block, replicas - low)
        rank, n, rows = _training_sets(beta, T, cut, m, stream)
        p, weights = rank**-beta / zeta(beta), n**storage
        norm = np.sqrt(np.bincount(rows, weights**2, m))
        share = np.minimum(weights / norm[rows], 1.0)
        wrong = _decode_blocks(share, rows, m, d, stream) if direct else _item_error(share, np.asarray(d))
        samples.append(np.bincount(rows, p * (wrong - 0.5), m) + 0.5)
    return Estimate.from_samples(np.concatenate(samples), seed)


def _training_sets(
    beta: float, T: int, cut: float, replicas: int, stream: Stream
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rank, count and replica of every item seen in `replicas` training sets, replica by replica."""
    items = to_numpy(_draw(stream, (replicas, T), beta, cut).sort(dim=1).values)
    new = np.ones(items.shape, dtype=bool)
    new[:, 1:] = items[:, 1:] != items[:, :-1]
    first = np.flatnonzero(new)
    counts = np.diff(np.append(first, items.size))
    return items.ravel()[first], counts.astype(float), first // T


def _decode_blocks(share: np.ndarray, rows: np.ndarray, memories: int, d: int, stream: Stream) -> np.ndarray:
    """Whether each stored item is answered wrongly, a bounded number of embeddings at a time.

    `rows` says in which memory an item is stored; the memories differ in size.
    """
    import torch

    ends = np.searchsorted(rows, np.arange(memories + 1))
    wrong = np.empty(len(share))
    low = 0
    while low < memories:
        high = int(np.searchsorted(ends, ends[low] + _CHUNK // d, side="right")) - 1
        high = min(max(high, low + 1), memories)
        here = slice(ends[low], ends[high])
        e, signs = stream.normal((len(share[here]), d)), stream.sign((len(share[here]),))
        index = torch.as_tensor(rows[here] - low, device=e.device)
        v = torch.zeros((high - low, d), dtype=e.dtype, device=e.device)
        v.index_add_(0, index, (signs * torch.as_tensor(share[here], device=e.device))[:, None] * e)
        wrong[here] = to_numpy((signs * (v[index] * e).sum(1) < 0).to(e.dtype))
        low = high
    return wrong
