r"""Generations of copied data: how much of a Zipf world survives $n$ rounds of resampling.

A corpus is a list of $T_0$ items. Corpus 1 is drawn from the world, every later corpus from the one before,
and a learner draws $T$ items from the last (or knows it whole: `T` infinite). Traced backwards the draws
merge like lines of descent, and the number of ancestors is all that matters.

Source: chapter *Generations: three laws in n*; *A Tale of Tails: Model Collapse as a Change of Scaling Laws*.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.integrate import quad
from scipy.special import gamma, zeta
from scipy.stats import binom

from .. import _checks, scaling
from .._device import Stream, resolve, to_numpy
from ..estimates import Estimate
from .cutting import _draw

if TYPE_CHECKING:
    import torch

_CHUNK = 1 << 22  # random numbers held in memory at once
_MAX_EXACT = 3000  # items in a corpus whose law is computed by matrices


def _beta(beta: Any, low: float = 1.0) -> float:
    """A Zipf exponent: > 1, or >= `low` where a sampler needs more."""
    return _checks.scalar(
        "beta", beta, _checks.exponent if low <= 1 else lambda n, x: _checks.at_least(n, x, low)
    )


def _samples(T: Any) -> np.ndarray:
    """Sample sizes >= 1, among which infinity is allowed."""
    try:
        array = np.asarray(T, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"T must be a real number >= 1 or infinite, got {T!r}") from None
    _checks.at_least("T", np.where(array == np.inf, 1.0, array), 1)
    return array


def _share(name: str, x: Any) -> float:
    """One number between 0 and 1."""
    return _checks.scalar(name, x, lambda name, x: _checks.between(name, x, 0, 1))


def _one_size(T: Any) -> float:
    """One sample size, whole or infinite."""
    T = _checks.scalar("T", _samples(T), lambda _, x: x)
    return T if T == np.inf else _checks.count("T", T)


# ------------------------------------------------------------------------------------- exact laws


def _rows(T0: int, last: int) -> Iterator[np.ndarray]:
    """Law of the occupied boxes after 0, 1, ..., `last` balls, as arrays over 0..T0."""
    row, filled = np.zeros(T0 + 1), np.arange(T0 + 1) / T0
    row[0] = 1.0
    yield row
    for _ in range(last):
        hit = row * filled
        row = hit + np.concatenate([[0.0], (row - hit)[:-1]])
        yield row


def occupancy_matrix(T0: int) -> np.ndarray:
    r"""Probability that $a$ balls, thrown uniformly into $T_0$ boxes, occupy $j$ of them.

    Parameters
    ----------
    T0 : int
        Number of boxes, from 1 to 3000.

    Returns
    -------
    array, shape (T0 + 1, T0 + 1)
        Row $a$, column $j$; lower triangular, rows sum to one. Its eigenvalues stand on the diagonal.

    Raises
    ------
    ValueError
        If `T0` is outside its range.

    Source: `thm-gen-duality`, chapter *Generations*.

    Examples
    --------
    >>> occupancy_matrix(2)
    array([[1. , 0. , 0. ],
           [0. , 1. , 0. ],
           [0. , 0.5, 0.5]])
    """
    T0 = _exact_size(T0)
    return np.array(list(_rows(T0, T0)))


def _exact_size(T0: Any) -> int:
    T0 = _checks.count("T0", T0)
    if T0 > _MAX_EXACT:
        raise ValueError(f"T0 must be <= {_MAX_EXACT} for an exact law (a matrix of that size), got {T0}")
    return T0


def wright_fisher_matrix(T0: int, p: float = 0.0, fresh: float = 0.0) -> np.ndarray:
    r"""Transition probabilities of the number of copies of one item from corpus to corpus.

    $$X_{g+1}\mid X_g\sim\mathrm{Bin}\bigl(T_0,\;\pi_1p+(1-\pi_1)X_g/T_0\bigr).$$

    Parameters
    ----------
    T0 : int
        Items in a corpus, from 1 to 3000.
    p : float
        Probability of the item in the world; it matters only with fresh data.
    fresh : float
        Share $\pi_1$ of fresh real data in each corpus, between 0 and 1.

    Returns
    -------
    array, shape (T0 + 1, T0 + 1)
        Row: copies in one corpus; column: copies in the next.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-gen-duality` and `thm-gen-fresh`, chapter *Generations*.

    Examples
    --------
    >>> wright_fisher_matrix(2).round(3)
    array([[1.  , 0.  , 0.  ],
           [0.25, 0.5 , 0.25],
           [0.  , 0.  , 1.  ]])
    """
    T0 = _exact_size(T0)
    p = _share("p", p)
    fresh = _share("fresh", fresh)
    copies = np.arange(T0 + 1)
    return binom.pmf(copies, T0, (fresh * p + (1 - fresh) * copies / T0)[:, None])


def ancestor_law(T0: int, n: int, T: float = np.inf) -> np.ndarray:
    r"""Exact law of the number $J_n$ of distinct ancestors, in corpus 1, of $T$ items drawn from corpus $n$.

    Parameters
    ----------
    T0 : int
        Items in a corpus, from 1 to 3000.
    n : int
        Number of corpora, >= 1.
    T : int
        Items drawn from the last corpus, from 1 to 1e6, or infinite: all of it.

    Returns
    -------
    array, shape (T0 + 1,)
        Probabilities of 0, 1, ..., T0 ancestors.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-gen-duality` and `prop-gen-fixation`, chapter *Generations*.

    Examples
    --------
    >>> ancestor_law(3, 2).round(4)
    array([0.    , 0.1111, 0.6667, 0.2222])
    """
    n = _checks.count("n", n)
    T0, T = _exact_size(T0), _one_size(T)
    return deque(_ancestor_laws(T0, T, n), maxlen=1).pop()


def _ancestor_laws(T0: int, T: float, n: int) -> Iterator[np.ndarray]:
    """Laws of J_1, ..., J_n."""
    if T > 10**6 and T != np.inf:
        raise ValueError(f"T must be <= 1000000 or infinite for an exact law, got {T:.0f}")
    if T == np.inf:
        law = np.zeros(T0 + 1)
        law[T0] = 1.0
    else:
        law = deque(_rows(T0, int(T)), maxlen=1).pop()
    yield law
    step = occupancy_matrix(T0) if n > 1 else None
    for _ in range(n - 1):
        law = law @ step
        yield law


def _by_size(quantity: Callable, beta: float, sizes: np.ndarray) -> np.ndarray:
    """A quantity at many clean sample sizes, in pieces that fit into memory."""
    pieces = np.array_split(np.asarray(sizes, dtype=float), -(-len(sizes) // 256))
    return np.concatenate([np.atleast_1d(quantity(beta, piece)) for piece in pieces])


def _expected(quantity: Callable, beta: Any, T0: Any, n: Any, T: Any, start: Callable) -> Any:
    """Mean of quantity(beta, J_n), with start(beta, T) at n = 0."""
    beta, T0, T = _beta(beta), _exact_size(T0), _one_size(T)
    n = _checks.counts("n", n, low=0).astype(int)
    table = _by_size(quantity, beta, np.arange(1, T0 + 1))
    laws = _ancestor_laws(T0, T, n.max()) if n.max() else ()
    return np.array([start(beta, T), *(table @ law[1:] for law in laws)])[n]


def exact_resampled_error(beta: Any, T0: int, n: Any, T: float = np.inf) -> Any:
    r"""Exact error of the memoriser after $n$ corpora of copies: $\mathbb E\,E_{\rm clean}(J_n)$.

    Parameters
    ----------
    beta : float
        Zipf exponent, > 1.
    T0 : int
        Items in a corpus, from 1 to 3000.
    n : int or array
        Number of corpora, >= 0; 0 is clean data.
    T : int
        Items drawn from the last corpus, from 1 to 1e6, or infinite: all of it.

    Returns
    -------
    float or array
        One for each `n`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-gen-duality`, chapter *Generations*.

    Examples
    --------
    >>> exact_resampled_error(1.7, 25, [1, 10, 400], T=40).round(4)
    array([0.2381, 0.427 , 0.7302])
    """

    def clean(beta: float, T: float) -> float:
        return 0.0 if T == np.inf else scaling.missing_mass(beta, T)

    return _expected(scaling.missing_mass, beta, T0, n, T, clean)


def exact_skills_alive(beta: Any, T0: int, n: Any, T: float = np.inf) -> Any:
    r"""Exact mean number of distinct items that a learner knows after $n$ corpora of copies.

    Parameters
    ----------
    beta, T0, T
        As in `exact_resampled_error`.
    n : int or array
        Number of corpora, >= 1.

    Returns
    -------
    float or array
        One for each `n`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `prop-gen-skills`, chapter *Generations*.

    Examples
    --------
    >>> exact_skills_alive(2.0, 100, [1, 10, 10_000]).round(2)
    array([13.34,  5.32,  1.  ])
    """
    _checks.counts("n", n)
    return _expected(scaling.distinct_items, beta, T0, n, T, lambda *_: 0.0)


# -------------------------------------------------------------------------------------- mean field


def survival(n: Any) -> Any:
    r"""The numbers $u_1=1$, $u_{g+1}=1-e^{-u_g}$: share of distinct ancestors when corpora are large.

    $$\frac2{n+1+\frac13\ln n}\le u_n\le\frac2{n+1}.$$

    Parameters
    ----------
    n : int or array
        Generation, from 1 to 1e7.

    Returns
    -------
    float or array

    Raises
    ------
    ValueError
        If `n` is outside its range.

    Source: `thm-gen-effective`, chapter *Generations*.

    Examples
    --------
    >>> survival([1, 2, 10, 1000]).round(5)
    array([1.     , 0.63212, 0.17225, 0.00199])
    """
    n = _checks.counts("n", n)
    if (n > 1e7).any():
        raise ValueError(f"n must be <= 10000000, got {float(n.max()):.0f}")
    wanted, where = np.unique(n, return_inverse=True)
    values, u, done = [], 1.0, 1
    for stop in wanted.astype(int):
        for _ in range(stop - done):
            u = -math.expm1(-u)
        done = stop
        values.append(u)
    return np.array(values)[where].reshape(n.shape)[()]


def _boxes(balls: Any, T0: Any) -> Any:
    """Mean number of occupied boxes; a mean of less than one ball is not made more by falling."""
    with np.errstate(divide="ignore", invalid="ignore"):  # no ball, one box: 0 times infinity
        occupied = -T0 * np.expm1(balls * np.log1p(-1 / T0))
    return np.where(balls < 1, balls, occupied)


def effective_samples(T0: Any, n: Any, T: Any = np.inf, fresh: Any = 0.0) -> Any:
    r"""Clean sample size that is worth as much as data copied $n$ times, in mean field.

    The number of ancestors is replaced by its mean, generation by generation: with $h(j)$ the mean number
    of boxes, out of $T_0$, that $j$ balls occupy ($h(j)=j$ for $j<1$),

    $$j_1=h(T),\qquad S_1=0,\qquad S_{g+1}=S_g+\pi_1j_g,\qquad j_{g+1}=h\bigl((1-\pi_1)j_g\bigr),$$

    and the result is $S_n+j_n$. It is never smaller than the mean number of ancestors, so the error is
    never smaller than that on as many clean samples.

    Parameters
    ----------
    T0 : int or array
        Items in a corpus, >= 1.
    n : int or array
        Number of corpora, >= 0; the work is proportional to the largest.
    T : float or array
        Items drawn from the last corpus, >= 1; infinite for all of it.
    fresh : float or array
        Share $\pi_1$ of fresh real data in every corpus, between 0 and 1.

    Returns
    -------
    float or array
        Broadcast over the parameters.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-gen-effective` and `thm-gen-fresh`, chapter *Generations*.

    Examples
    --------
    >>> effective_samples(10_000, [0, 1, 10, 100], T=10_000).round()
    array([10000.,  6321.,  1583.,   194.])
    >>> float(effective_samples(10_000, 1000, fresh=0.02).round())
    1365.0
    """
    T0, n = _checks.counts("T0", T0), _checks.counts("n", n, low=0)
    T, fresh = _samples(T), _checks.between("fresh", fresh, 0, 1)
    shape = _checks.grid(T0=T0, n=n, T=T, fresh=fresh)
    T0, n, T, fresh = np.broadcast_arrays(T0, n, T, fresh)
    out, real, lines = np.array(T, dtype=float), np.zeros(shape), _boxes(T, T0)
    wanted = set(np.unique(n).astype(int))
    for g in range(1, int(n.max()) + 1):
        if g in wanted:
            out = np.where(n == g, real + lines, out)
        real, lines = real + fresh * lines, _boxes((1 - fresh) * lines, T0)
    return np.maximum(out, 1.0)[()]  # rounding may have taken the last ancestor


def resampled_error(beta: Any, T0: Any, n: Any, T: Any = np.inf, fresh: Any = 0.0) -> Any:
    r"""Error of the memoriser after $n$ corpora of copies, in mean field: $E_{\rm clean}(T_{\rm eff})$.

    A lower bound of the exact error. For $1\ll n\ll T_0$ the relative gap is $c(c+2)/(6T_{\rm eff})$ to
    leading order, less for small $n$.

    Parameters
    ----------
    beta : float or array
        Zipf exponent, > 1.
    T0, n, T, fresh
        As in `effective_samples`.

    Returns
    -------
    float or array
        Broadcast over the parameters; 0 at n = 0 with infinitely many samples.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-gen-effective`, `cor-gen-floor`, `prop-gen-fixation`, `thm-gen-fresh` and `thm-gen-three`,
    chapter *Generations*.

    Examples
    --------
    >>> resampled_error(1.5, 1000, [1, 10, 100]).round(4)
    array([0.0941, 0.1689, 0.343 ])
    """
    worth = effective_samples(T0, n, T, fresh)
    finite = np.where(np.isinf(worth), 1.0, worth)
    return np.where(np.isinf(worth), 0.0, scaling.missing_mass(beta, finite))[()]


def skills_alive(beta: Any, T0: Any, n: Any, T: Any = np.inf, fresh: Any = 0.0) -> Any:
    r"""Mean number of distinct items known after $n$ corpora of copies, in mean field (an upper bound).

    Parameters
    ----------
    beta : float or array
        Zipf exponent, > 1.
    T0, T, fresh
        As in `effective_samples`.
    n : int or array
        Number of corpora, >= 1.

    Returns
    -------
    float or array
        Broadcast over the parameters.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `prop-gen-skills`, chapter *Generations*.

    Examples
    --------
    >>> skills_alive(1.5, 2000, [1, 10, 100]).round(1)
    array([223.7,  69. ,  15.9])
    """
    _checks.counts("n", n)
    return scaling.distinct_items(beta, effective_samples(T0, n, T, fresh))


# -------------------------------------------------------------------------- fresh inputs, copied labels


def relabelled_error(beta: Any, T0: Any, n: Any, T: Any = np.inf) -> Any:
    r"""Exact error when inputs are always fresh and only the labels are copied.

    $$E=1-\sum_ip_i\bigl(1-(1-p_i)^{T_0}\bigr)^n\bigl(1-(1-p_i)^T\bigr).$$

    Parameters
    ----------
    beta : float or array
        Zipf exponent, > 1.
    T0 : int or array
        Samples of each labeller, >= 1.
    n : int or array
        Labellers before the final learner, >= 0.
    T : int or array
        Samples of the final learner, >= 1; infinite for all it can be told.

    Returns
    -------
    float or array
        Broadcast over the parameters.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-gen-relabel`, chapter *Generations*.

    Examples
    --------
    >>> relabelled_error(1.5, 1000, [1, 3, 10]).round(5)
    array([0.09414, 0.12351, 0.14798])
    """
    T0, n, T = _checks.counts("T0", T0), _checks.counts("n", n, low=0), _samples(T)
    beta = _checks.exponent("beta", beta)
    _checks.grid(beta=beta, T0=T0, n=n, T=T)
    T0, n, T = (x[..., None] for x in np.broadcast_arrays(T0, n, T))

    def wrong(p: np.ndarray, _: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            once = np.log1p(-p)
            # log of the chance of being known to all; 0 * inf (no labeller, unseen item) counts as nothing
            all_know = np.where(n == 0, 0.0, n * np.log(-np.expm1(T0 * once)))
            return -np.expm1(all_know + np.log(-np.expm1(T * once)))

    return scaling.zipf_sum(wrong, beta, np.ones(n.shape[:-1]))


def relabelled_growth(beta: Any, n: Any) -> Any:
    r"""Floor of relabelling relative to that of one labeller, for large corpora.

    $$a_n=\frac{\mathbb E[M_n^c]}{\Gamma(1+c)}\simeq\frac{(\ln n)^c}{\Gamma(1+c)},$$

    $M_n$ being the largest of $n$ standard exponential numbers: the floor is $a_nC_\beta T_0^{-c}$.

    Parameters
    ----------
    beta : float or array
        Zipf exponent, > 1.
    n : int or array
        Number of labellers, >= 1.

    Returns
    -------
    float or array
        Broadcast over the parameters; 1 at n = 1.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-gen-relabel` and `thm-gen-three`, chapter *Generations*.

    Examples
    --------
    >>> relabelled_growth(1.5, [1, 10, 1000]).round(3)
    array([1.   , 1.572, 2.184])
    """
    beta, n = _checks.exponent("beta", beta), _checks.counts("n", n)
    _checks.grid(beta=beta, n=n)
    beta, n = np.broadcast_arrays(beta, n)

    def one(beta: float, n: float) -> float:
        c = 1 - 1 / beta
        edge = (np.log(n) + 1) ** c  # with y = x^c the integrand is 1 before this place and falls after it

        def above(y: float) -> float:
            low = math.exp(-(y ** (1 / c)))
            return -math.expm1(n * math.log1p(-low)) if low < 1 else 1.0

        parts = [quad(above, *ends, limit=200)[0] for ends in ((0, edge), (edge, (np.log(n) + 60) ** c))]
        return sum(parts) / gamma(1 + c)

    return np.reshape([one(*pair) for pair in zip(beta.flat, n.flat, strict=True)], beta.shape)[()]


# --------------------------------------------------------------------------------- total variation


def total_variation(beta: float, T0: int, n: int) -> float:
    r"""Exact mean total-variation distance between corpus $n$ of copies and the world.

    $$\mathbb E\,\tfrac12\sum_i\Bigl|\frac{X_i}{T_0}-p_i\Bigr|,$$

    the law of the count $X_i$ coming from powers of the Wright-Fisher matrix.

    Parameters
    ----------
    beta : float
        Zipf exponent, > 1.
    T0 : int
        Items in a corpus, from 1 to 400.
    n : int
        Number of corpora, >= 1.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-gen-tv`, chapter *Generations*.

    Examples
    --------
    >>> [round(total_variation(1.5, 100, n), 4) for n in (1, 4, 16)]
    [0.2726, 0.3807, 0.5234]
    """
    beta, T0, n = _beta(beta), _checks.count("T0", T0), _checks.count("n", n)
    if T0 > 400:
        raise ValueError(f"T0 must be <= 400 (a matrix for each rank), got {T0}")
    later = np.linalg.matrix_power(wright_fisher_matrix(T0), n - 1)
    copies = np.arange(T0 + 1)

    def missing_share(p: np.ndarray, _: np.ndarray) -> np.ndarray:
        """E (p - X/T0)^+ / p: the distance is the sum of what is missing."""
        law = binom.pmf(copies, T0, p[..., None]) @ later
        return (law * np.maximum(0, 1 - copies / (T0 * p[..., None]))).sum(-1)

    return float(scaling.zipf_sum(missing_share, beta, 1.0))


def total_variation_bound(beta: Any, T0: Any, n: Any) -> Any:
    r"""Upper bound of the mean total-variation distance between corpus $n$ of copies and the world.

    $$\sum_i\min\Bigl(p_i,\;\tfrac12\sqrt{p_i(1-p_i)v}\Bigr),\qquad v=1-\Bigl(1-\frac1{T_0}\Bigr)^n .$$

    Parameters
    ----------
    beta : float or array
        Zipf exponent, > 1.
    T0 : int or array
        Items in a corpus, >= 1.
    n : int or array
        Number of corpora, >= 1.

    Returns
    -------
    float or array
        Broadcast over the parameters; of order (n/T0)^min(c, 1/2), with a logarithm at beta = 2.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-gen-tv`, chapter *Generations*.

    Examples
    --------
    >>> total_variation_bound(1.5, 100, [1, 4, 16]).round(3)
    array([0.314, 0.448, 0.611])
    """
    beta, T0, n = _checks.exponent("beta", beta), _checks.counts("T0", T0), _checks.counts("n", n)
    shape = _checks.grid(beta=beta, T0=T0, n=n)
    with np.errstate(divide="ignore"):
        spread = -np.expm1(n * np.log1p(-1 / T0))
    beta, spread = np.broadcast_arrays(beta, spread)

    def one(beta: float, v: float) -> float:
        # Beyond this rank the item is more likely gone than merely off.
        last = int(np.floor(((4 + v) / (v * zeta(beta))) ** (1 / beta)))
        rare = zeta(beta, last + 1) / zeta(beta)
        if not last:
            return rare
        return rare + scaling.zipf_sum(lambda p, _: np.sqrt((1 - p) * v / p) / 2, beta, 1.0, last=last)

    values = [min(1.0, one(float(b), float(v))) for b, v in zip(beta.flat, spread.flat, strict=True)]
    return np.reshape(values, shape)[()]


# --------------------------------------------------------------------------------------- samplers


def _blocks(replicas: int, width: float, seed: int, device: str) -> Iterator[tuple[int, Stream]]:
    """Replicas in blocks that fit into memory, each with a random stream of its own."""
    size = int(max(1, _CHUNK // width))
    sizes = [size] * (replicas // size) + ([replicas % size] if replicas % size else [])
    yield from zip(sizes, Stream(seed, resolve(device)).spawn(len(sizes)), strict=True)


def sample_ancestors(
    T0: int,
    n: int,
    T: float = np.inf,
    fresh: float = 0.0,
    *,
    replicas: int,
    seed: int,
    device: str = "cpu",
) -> np.ndarray:
    r"""Numbers of real draws from which the learner's data descend, after 1, 2, ..., n corpora.

    Exact in distribution, and no item is ever drawn: the lines of descent of the learner's $T$ items are
    balls thrown into the $T_0$ slots of the corpus before; occupied slots go on. With fresh data a slot is
    real with probability `fresh`, and its line ends there.

    Parameters
    ----------
    T0 : int
        Items in a corpus, >= 1.
    n : int
        Number of corpora, >= 1.
    T : int
        Items drawn from the last corpus, >= 1; infinite for all of it.
    fresh : float
        Share $\pi_1$ of fresh real data in every corpus, between 0 and 1.
    replicas, seed : int
        Independent chains; same seed, same numbers.
    device : {"cpu", "cuda", "auto"}

    Returns
    -------
    array of int, shape (replicas, n)
        Column g - 1 belongs to a chain of g corpora; the columns of one row are correlated.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-gen-duality` and `thm-gen-fresh`, chapter *Generations*.

    Examples
    --------
    >>> sample_ancestors(1000, 3, T=50, replicas=4, seed=0).shape
    (4, 3)
    """
    import torch

    T0, n, T = _checks.count("T0", T0), _checks.count("n", n), _one_size(T)
    fresh = _share("fresh", fresh)
    replicas, seed = _checks.count("replicas", replicas), _checks.count("seed", seed, low=0)
    _checks.grid(ancestors=np.broadcast_to(0, (replicas, n)))
    _checks.grid(T0=np.broadcast_to(0, (T0,)))
    parts = []
    for size, stream in _blocks(replicas, T0, seed, device):
        real = torch.zeros(size, dtype=torch.int64, device=stream.device)
        if T == np.inf:
            lines = torch.full_like(real, T0)
        else:
            lines = _occupied(torch.full_like(real, int(T)), T0, stream)
        path = torch.empty((size, n), dtype=torch.int64, device=stream.device)
        for g in range(n):
            path[:, g] = real + lines
            if g < n - 1:
                if fresh:
                    ended = stream.binomial(lines, fresh)
                    real, lines = real + ended, lines - ended
                lines = _occupied(lines, T0, stream)
        parts.append(to_numpy(path))
    return np.concatenate(parts)


def _occupied(balls: torch.Tensor, T0: int, stream: Stream) -> torch.Tensor:
    """Occupied boxes out of T0 for each number of balls."""
    import torch

    most = int(balls.max())
    filled = torch.zeros((len(balls), T0 + 1), dtype=torch.bool, device=balls.device)
    step = max(1, _CHUNK // len(balls))
    for start in range(0, most, step):
        order = torch.arange(start, min(start + step, most), device=balls.device)
        box = stream.integers(T0, (len(balls), len(order)))
        # Rows with fewer balls throw the rest into a box that is not counted.
        box.masked_fill_(order >= balls[:, None], T0)
        filled.scatter_(1, box, True)
    return filled[:, :T0].view(torch.uint8).sum(1, dtype=torch.int32).long()


def _copied(corpus: torch.Tensor, width: int, stream: Stream) -> torch.Tensor:
    """Draws with replacement from each row."""
    size, T0 = corpus.shape
    return corpus.gather(1, stream.integers(T0, (size, width)))


def _corpora(beta: float, T0: int, fresh: float, size: int, stream: Stream) -> Iterator[torch.Tensor]:
    """Corpora 1, 2, ...: items, shape (size, T0)."""
    import torch

    corpus = _draw(stream, (size, T0), beta, np.inf)
    while True:
        yield corpus
        corpus = _copied(corpus, T0, stream)
        if fresh:
            slots = torch.full((size,), T0, dtype=torch.int64, device=corpus.device)
            # Slots are exchangeable, so the real ones may as well come first.
            real = stream.binomial(slots, fresh)
            most = int(real.max())
            new = _draw(stream, (size, most), beta, np.inf)
            first = torch.arange(most, device=corpus.device) < real[:, None]
            corpus[:, :most] = torch.where(first, new, corpus[:, :most])


def _known(items: torch.Tensor, beta: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Sorted items, their probabilities, and which of them are the first of their kind."""
    import torch

    items = items.sort(dim=1).values
    first = torch.ones_like(items, dtype=torch.bool)
    first[:, 1:] = items[:, 1:] != items[:, :-1]
    return items, items.pow(-beta) / zeta(beta), first


def _missing(items: torch.Tensor, beta: float) -> torch.Tensor:
    _, p, first = _known(items, beta)
    return 1 - (p * first).sum(1)


def _distance(items: torch.Tensor, beta: float) -> torch.Tensor:
    """Total variation between the world and the empirical law: over the items seen, and the rest."""
    import torch

    items, p, first = _known(items, beta)
    group = first.cumsum(1) - 1
    share = torch.zeros_like(p).scatter_add_(1, group, torch.full_like(p, 1 / items.shape[1]))
    chance = torch.zeros_like(p).scatter_add_(1, group, p * first)
    return 0.5 * ((share - chance).abs() - chance).sum(1) + 0.5


def _simulate(chain: Callable, n: Any, T0: int, T: float, replicas: int, seed: int, device: str) -> Estimate:
    """Means over independent chains; `chain` yields for each generation a function that measures it."""
    n = _checks.counts("n", n)
    replicas, seed = _checks.count("replicas", replicas, low=2), _checks.count("seed", seed, low=0)
    width = T0 if T == np.inf else max(T0, T)
    _checks.grid(items=np.broadcast_to(0, (int(width),)))
    wanted, where = np.unique(n, return_inverse=True)
    parts = []
    for size, stream in _blocks(replicas, width, seed, device):
        generations = enumerate(islice(chain(size, stream), int(wanted[-1])), start=1)
        columns = [to_numpy(measure()) for g, measure in generations if g in wanted]
        parts.append(np.stack(columns, axis=1))
    samples = np.concatenate(parts)[:, where.reshape(-1)]
    return Estimate.from_samples(samples.reshape(replicas, *n.shape), seed)


def _simulate_copies(
    measure: Callable, beta: Any, T0: Any, n: Any, T: Any, fresh: Any, *how: Any
) -> Estimate:
    """Mean of measure(items of the learner, beta), every item of every corpus drawn."""
    beta, T0, T = _beta(beta, 1.05), _checks.count("T0", T0), _one_size(T)
    fresh = _share("fresh", fresh)

    def learn(corpus: torch.Tensor, stream: Stream) -> torch.Tensor:
        return measure(corpus if T == np.inf else _copied(corpus, int(T), stream), beta)

    def chain(size: int, stream: Stream) -> Iterator[Callable]:
        return (partial(learn, corpus, stream) for corpus in _corpora(beta, T0, fresh, size, stream))

    return _simulate(chain, n, T0, T, *how)


def simulate_resampled_error(
    beta: float,
    T0: int,
    n: Any,
    T: float = np.inf,
    fresh: float = 0.0,
    *,
    replicas: int,
    seed: int,
    device: str = "cpu",
    direct: bool = False,
) -> Estimate:
    r"""Mean error of the memoriser over simulated chains of copies; the pair of `resampled_error`.

    By default only the numbers of ancestors are drawn (`sample_ancestors`, exact in distribution), and
    averaged is the clean error on as many samples. With `direct` every item of every corpus is drawn:
    labels are gathered with random indices, replicas side by side, and no histogram is formed.

    Parameters
    ----------
    beta : float
        Zipf exponent, > 1 (with `direct` >= 1.05).
    T0 : int
        Items in a corpus, >= 1.
    n : int or array
        Numbers of corpora, >= 1, all measured along the same chains.
    T : int
        Items drawn from the last corpus, >= 1; infinite for all of it.
    fresh : float
        Share $\pi_1$ of fresh real data in every corpus, between 0 and 1.
    replicas, seed : int
        Independent chains, >= 2; same seed, same numbers.
    device : {"cpu", "cuda", "auto"}
    direct : bool
        Whether to draw the items.

    Returns
    -------
    Estimate
        `mean` and `stderr` have the shape of `n`; points along one chain are correlated.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-gen-duality`, `thm-gen-effective` and `thm-gen-fresh`, chapter *Generations*.

    Examples
    --------
    >>> run = simulate_resampled_error(1.7, 25, [1, 10], T=40, replicas=2000, seed=1)
    >>> bool(np.abs(run.z(exact_resampled_error(1.7, 25, [1, 10], T=40))).max() < 4)
    True
    """
    if direct:
        return _simulate_copies(_missing, beta, T0, n, T, fresh, replicas, seed, device)
    beta, n = _beta(beta), _checks.counts("n", n)
    replicas = _checks.count("replicas", replicas, low=2)
    most = int(n.max())
    path = sample_ancestors(T0, most, T, fresh, replicas=replicas, seed=seed, device=device)
    ancestors = path[:, n.astype(int).reshape(-1) - 1]
    values, where = np.unique(ancestors, return_inverse=True)  # many chains share a number
    clean = _by_size(scaling.missing_mass, beta, values)
    samples = clean[where].reshape(replicas, *n.shape)
    # Once one ancestor is left all chains are equal: deviations from the first are then exactly zero.
    off = Estimate.from_samples(samples - samples[0], seed)
    return Estimate(samples[0] + off.mean, off.stderr, replicas, seed)


def simulate_total_variation(
    beta: float, T0: int, n: Any, *, replicas: int, seed: int, device: str = "cpu"
) -> Estimate:
    """Mean total-variation distance between corpus n of copies and the world; the pair of `total_variation`.

    Parameters
    ----------
    beta, T0, n, replicas, seed, device
        As in `simulate_resampled_error` with `direct`.

    Returns
    -------
    Estimate
        `mean` and `stderr` have the shape of `n`; points along one chain are correlated.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-gen-tv`, chapter *Generations*.

    Examples
    --------
    >>> run = simulate_total_variation(1.5, 100, [1, 4], replicas=500, seed=1)
    >>> exact = [total_variation(1.5, 100, n) for n in (1, 4)]
    >>> bool(np.abs(run.z(exact)).max() < 4)
    True
    """
    return _simulate_copies(_distance, beta, T0, n, np.inf, 0.0, replicas, seed, device)


def simulate_relabelled_error(
    beta: float,
    T0: int,
    n: Any,
    T: float = np.inf,
    *,
    replicas: int,
    seed: int,
    device: str = "cpu",
) -> Estimate:
    """Mean error when inputs are fresh and labels copied, all inputs drawn; the pair of `relabelled_error`.

    Parameters
    ----------
    beta : float
        Zipf exponent, >= 1.05.
    T0 : int
        Samples of each labeller, >= 1.
    n : int or array
        Numbers of labellers, >= 1, all measured along the same chains.
    T : int
        Samples of the final learner, >= 1; infinite for all it can be told.
    replicas, seed : int
        Independent chains, >= 2; same seed, same numbers.
    device : {"cpu", "cuda", "auto"}

    Returns
    -------
    Estimate
        `mean` and `stderr` have the shape of `n`; points along one chain are correlated.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-gen-relabel`, chapter *Generations*.

    Examples
    --------
    >>> run = simulate_relabelled_error(1.5, 1000, [1, 3], replicas=200, seed=1)
    >>> bool(np.abs(run.z(relabelled_error(1.5, 1000, [1, 3]))).max() < 4)
    True
    """
    beta, T0, T = _beta(beta, 1.05), _checks.count("T0", T0), _one_size(T)

    def chain(size: int, stream: Stream) -> Iterator[Callable]:
        def draw(width: float) -> torch.Tensor:
            return _draw(stream, (size, int(width)), beta, np.inf)

        def error(right: torch.Tensor) -> torch.Tensor:
            return 1 - (right if T == np.inf else right * _contains(draw(T), items)).sum(1)

        items, p, first = _known(draw(T0), beta)
        right = p * first
        while True:
            yield partial(error, right)
            right = right * _contains(draw(T0), items)

    return _simulate(chain, n, T0, T, replicas, seed, device)


def _contains(corpus: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
    """Which of the items occur in the corpus, row by row."""
    import torch

    corpus = corpus.sort(dim=1).values
    place = torch.searchsorted(corpus, items.contiguous()).clamp_max(corpus.shape[1] - 1)
    return corpus.gather(1, place) == items
