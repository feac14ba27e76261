r"""A learner that counts pairs of words: how wrong it is, and how its perplexity misleads.

In every context the next word follows a Zipf law over the ranks of that context's own list,
$p_j=A\,j^{-\beta}$; contexts follow a Zipf law of exponent $\beta_{\mathrm{ctx}}$. The learner counts. Its
total variation distance to the truth is known exactly at every size, its loss with a smoothing constant too.
Curves of one or two real parameters and sums over words that were seen: NumPy only. Source throughout:
chapter *Bigrams and perplexity*.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.special import digamma, gamma, gammainc, gammaln, zeta
from scipy.stats import binom

from .. import _checks, scaling
from ..estimates import Estimate

_CHUNK = 1 << 22  # random words held in memory at once
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_HERMITE, _HERMITE_WEIGHTS = np.polynomial.hermite_e.hermegauss(9)
# Above this mean a binomial average is taken by a few moments; the error is its power -2 to -3.
_MANY = 400


def _rank(k: Any) -> float:
    """A cut rank; None stands for no cut."""
    return np.inf if k is None else _checks.count("k", k)


def _loop(f: Callable[..., float], **arrays: Any) -> Any:
    """`f` at every point of the grid of the named arrays."""
    shape = _checks.grid(**arrays)
    flat = (np.broadcast_to(a, shape).reshape(-1) for a in arrays.values())
    return np.array([f(*point) for point in zip(*flat, strict=True)]).reshape(shape)[()]


# ------------------------------------------------------------------------------------- one context


def binomial_deviation(N: Any, p: Any) -> Any:
    r"""Mean absolute deviation of a binomial count, exactly (de Moivre).

    $$\mathbb E|n-Np|=2\nu(1-p)\binom N\nu p^\nu(1-p)^{N-\nu},\qquad\nu=\lfloor Np\rfloor+1 .$$

    Parameters
    ----------
    N : int or array
        Number of trials, >= 1.
    p : float or array
        Probability, between 0 and 1.

    Returns
    -------
    float or array
        Broadcast over `N` and `p`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `lem-bigram-moivre`, chapter *Bigrams and perplexity*.

    Examples
    --------
    >>> float(binomial_deviation(2, 0.5))
    0.5
    """
    N = _checks.counts("N", N)
    p = _checks.between("p", p, 0, 1)
    _checks.grid(N=N, p=p)
    return _deviation(N, p)[()]


def _deviation(N: Any, p: Any) -> np.ndarray:
    mode = np.floor(N * p) + 1
    rare = mode == 1
    with np.errstate(divide="ignore"):  # p = 1
        once = N * p * np.exp(N * np.log1p(-p))
    # SciPy's binomial law overflows below p = 1e-300, where the count is rare anyway.
    return 2 * np.where(rare, once, mode * (1 - p) * binom.pmf(mode, N, np.where(rare, 0.5, p)))


def context_error(beta: Any, N: Any, k: Any = None) -> Any:
    r"""Exact expected total variation between a row of a language and its empirical law from N words.

    Without a cut it is $\frac1{2N}\sum_j\mathbb E|n_j-Np_j|$, half the summed deviations. If the words come
    from the row cut at rank k (renormalised) it is $R_k+\sum_{j\le k}\mathbb E(p_j-n_j/N)^+$.

    Parameters
    ----------
    beta : float or array
        Zipf exponent of the row, > 1.
    N : int or array
        Words seen in this context, >= 1.
    k : int or array, optional
        Last rank kept in the training data, >= 1; by default nothing is cut.

    Returns
    -------
    float or array
        Broadcast over the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Notes
    -----
    The words expected at least once are added one by one, about $(N/\zeta(\beta))^{1/\beta}$ of them.
    Source: `thm-bigram-context` and `prop-bigram-cut`, chapter *Bigrams and perplexity*.

    Examples
    --------
    >>> context_error(1.5, [10, 1000]).round(4)
    array([0.4976, 0.14  ])
    """
    beta, N = _checks.exponent("beta", beta), _checks.counts("N", N)
    if k is None:
        return _loop(_one_context, beta=beta, N=N)
    return _loop(_one_cut_context, beta=beta, N=N, k=_checks.counts("k", k))


def _one_context(beta: float, N: float) -> float:
    seen = int((N / zeta(beta)) ** (1 / beta))  # ranks expected at least once: de Moivre's index exceeds 1
    head = _deviation(N, scaling.zipf_probabilities(seen, beta)).sum() / (2 * N) if seen else 0.0
    with np.errstate(divide="ignore"):
        tail = scaling.zipf_sum(lambda p, N: np.exp(N * np.log1p(-p)), beta, N, first=seen + 1)
    return float(head + tail)


def _one_cut_context(beta: float, N: float, k: float) -> float:
    p = scaling.zipf_probabilities(int(k), beta)
    q, lost = p / p.sum(), zeta(beta, k + 1) / zeta(beta)
    low = np.floor(N * p)
    # E(a - n)^+ = a P(n <= a) - Nq P(n' <= a - 1), where n' has one trial less
    short = p * binom.cdf(low, N, q) - q * binom.cdf(low - 1, N - 1, q)
    return float(lost + np.maximum(short, 0).sum())


class ContextConstants(NamedTuple):
    """Constants of the one-context law: `tail` goes with $N^{-c}$, `head` with $N^{-1/2}$."""

    tail: float
    head: float


def context_constants(beta: float) -> ContextConstants:
    r"""Constants of the one-context law $g(N)\simeq K_\beta N^{-c}+S_\beta N^{-1/2}$.

    $$K_\beta=\frac{B_\beta}2\int_0^\infty x^{-1-1/\beta}\,\delta(x)\,dx,\qquad
    S_\beta=\frac1{\sqrt{2\pi}}\Bigl[\sqrt A\,\zeta(\tfrac\beta2)
    +\sum_j\sqrt{p_j}\bigl(\sqrt{1-p_j}-1\bigr)\Bigr],$$

    with $\delta(x)=\mathbb E|\mathrm{Poi}(x)-x|$, less $\sqrt{2x/\pi}$ if $\beta>2$. For $\beta<2$ the zeta
    function is the continued one, which is negative, and the head is too; for $\beta>2$ the tail is negative.

    Parameters
    ----------
    beta : float
        Zipf exponent of the row, > 1 and not 2, where both constants are infinite.

    Returns
    -------
    ContextConstants
        `.tail` and `.head`.

    Raises
    ------
    ValueError
        If `beta` is outside its range or 2.

    Source: `thm-bigram-context`, chapter *Bigrams and perplexity*.

    Examples
    --------
    >>> constants = context_constants(1.5)
    >>> round(constants.tail, 4), round(constants.head, 4)
    (1.6923, -0.9245)
    """
    beta = _checks.scalar("beta", beta, _checks.exponent)
    if beta == 2:
        raise ValueError("beta must not be 2 (both constants are infinite there), got 2.0")
    A = 1 / zeta(beta)
    tail = A ** (1 / beta) / (2 * beta) * _deviation_moment(beta)
    head = np.sqrt(A / (2 * np.pi)) * _continued_zeta(beta / 2) + _spread(beta)
    return ContextConstants(float(tail), float(head))


def _spread(beta: float) -> float:
    """Sum of sqrt(p) (sqrt(1-p) - 1) over sqrt(2 pi): what a binomial is narrower than a Poisson law."""
    total = scaling.zipf_sum(lambda p, T: -np.sqrt(p) / (1 + np.sqrt(1 - p)), beta, 1.0)
    return float(total) / np.sqrt(2 * np.pi)


def _continued_zeta(s: float) -> float:
    """Riemann's zeta function for s > 1/2, s != 1, by Euler-Maclaurin at 50."""
    n = 50.0
    bernoulli = s / 12 / n - s * (s + 1) * (s + 2) / 720 / n**3 + np.prod(s + np.arange(5)) / 30240 / n**5
    return float((np.arange(1, n) ** -s).sum() + n**-s * (n / (s - 1) + 0.5 + bernoulli))


@lru_cache
def _deviation_moment(beta: float, end: int = 4000) -> float:
    r"""Integral of x^(-1-1/beta) E|Poi(x)-x|, continued past beta = 2; at 2 its finite part."""
    a = 1 / beta
    k = np.arange(1, end)[:, None]
    x = k + (_NODES + 1) / 2  # one panel between two whole numbers, where the integrand has kinks
    log = np.log(2) - x + (k - a) * np.log(x) - gammaln(k + 1)
    middle = (_WEIGHTS / 2 * np.exp(log)).sum()
    # Below 1 the deviation is 2 x e^-x; beyond `end` it is sqrt(2x/pi) on average, up to its power -2.
    over = -np.log(end) if beta == 2 else end ** (0.5 - a) / (a - 0.5)
    return float(2 * gamma(1 - a) * gammainc(1 - a, 1) + middle + np.sqrt(2 / np.pi) * over)


def context_error_asymptotic(beta: Any, N: Any) -> Any:
    r"""Law of the expected total variation in one context, with both its terms.

    $$g(N)=K_\beta N^{-c}+S_\beta N^{-1/2}+O\bigl(N^{-1+1/(2\beta+2)}\bigr),$$

    and at $\beta=2$ the limit of the two terms, $N^{-1/2}(\sqrt{A/8\pi}\,\ln N+\text{const})$.

    Parameters
    ----------
    beta : float or array
        Zipf exponent of the row, > 1.
    N : float or array
        Words seen in this context, >= 1.

    Returns
    -------
    float or array
        Broadcast over `beta` and `N`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-bigram-context`, chapter *Bigrams and perplexity*.

    Examples
    --------
    >>> context_error_asymptotic([1.5, 2.0], 1000).round(4)
    array([0.14  , 0.0513])
    """
    return _loop(_one_law, beta=_checks.exponent("beta", beta), N=_checks.at_least("N", N, 1))


def _one_law(beta: float, N: float) -> float:
    if abs(beta - 2) > 1e-6:  # nearer, the two terms cancel to fewer digits than the limit has
        K, S = context_constants(beta)
        return K * N ** (1 / beta - 1) + S / np.sqrt(N)
    A = 1 / zeta(2.0)
    log = np.sqrt(2 / np.pi) * (np.log(A * N) + 2 * np.euler_gamma)
    return float((np.sqrt(A) / 4 * (_deviation_moment(2.0) + log) + _spread(2.0)) / np.sqrt(N))


# -------------------------------------------------------------------------------- sampling and counting


def _draw_words(rng: np.random.Generator, beta: float, k: float, shape: tuple[int, ...]) -> np.ndarray:
    """Ranks from a Zipf law, cut at k if k is finite."""
    if k == np.inf:
        return rng.zipf(beta, shape)
    cdf = np.cumsum(np.arange(1, int(k) + 1, dtype=float) ** -beta)
    return np.searchsorted(cdf, cdf[-1] * rng.random(shape), side="right") + 1


class _Counts(NamedTuple):
    """The distinct (context, word) pairs of a batch of corpora, and its distinct contexts."""

    corpus: np.ndarray
    word: np.ndarray
    count: np.ndarray
    share: np.ndarray  # count of the pair over that of its context
    context: np.ndarray
    context_corpus: np.ndarray
    distinct_in_context: np.ndarray


def _count(context: np.ndarray | None, word: np.ndarray) -> _Counts:
    """Sort and count runs: the work and the memory grow with the corpus, not with the vocabulary."""
    corpus = np.repeat(np.arange(len(word)), word.shape[1])
    if context is None:  # all words in one context
        context, word = np.zeros(word.size, dtype=int), np.sort(word, axis=1).reshape(-1)
    else:
        context, word = context.reshape(-1), word.reshape(-1)
        order = np.lexsort((word, context, corpus))
        corpus, context, word = corpus[order], context[order], word[order]
    new_context = np.ones(len(word), dtype=bool)
    new_context[1:] = (corpus[1:] != corpus[:-1]) | (context[1:] != context[:-1])
    new_pair = new_context.copy()
    new_pair[1:] |= word[1:] != word[:-1]
    starts, pairs = np.flatnonzero(new_context), np.flatnonzero(new_pair)
    size = np.diff(starts, append=len(word))
    count = np.diff(pairs, append=len(word))
    row = np.cumsum(new_context)[pairs] - 1
    return _Counts(
        corpus[pairs],
        word[pairs],
        count,
        count / size[row],
        context[starts],
        corpus[starts],
        np.bincount(row),
    )


def _blocks(replicas: int, size: int) -> list[int]:
    """Sizes of the blocks in which replicas are drawn."""
    _checks.grid(T=np.empty(size, dtype=bool))
    step = max(1, _CHUNK // size)
    return [min(step, replicas - start) for start in range(0, replicas, step)]


def _simulate(
    one_size: Callable[[np.random.Generator, int, int], np.ndarray],
    name: str,
    sizes: Any,
    replicas: int,
    seed: int,
    block: Callable[[int], int] = lambda size: size,
) -> Estimate:
    """Independent replicas at each size: `one_size(rng, size, replicas)` returns one number for each."""
    sizes = _checks.counts(name, sizes)
    replicas = _checks.count("replicas", replicas, low=2)
    seed = _checks.count("seed", seed, low=0)
    columns = []
    for size, stream in zip(
        sizes.reshape(-1).astype(int), np.random.SeedSequence(seed).spawn(sizes.size), strict=True
    ):
        rng = np.random.default_rng(stream)
        columns.append(
            np.concatenate([one_size(rng, int(size), b) for b in _blocks(replicas, block(int(size)))])
        )
    return Estimate.from_samples(np.stack(columns, axis=1).reshape(replicas, *sizes.shape), seed)


def simulate_context_error(
    beta: float, N: Any, k: int | None = None, *, replicas: int, seed: int
) -> Estimate:
    r"""Mean total variation over simulated contexts; the pair of `context_error`.

    Exact in distribution. Only seen words are touched: the distance is the sum of $(n_j/N-p_j)^+$ over them.

    Parameters
    ----------
    beta, N, k
        As in `context_error`; `beta` and `k` single numbers.
    replicas, seed : int
        Contexts for each size, >= 2; same seed, same numbers.

    Returns
    -------
    Estimate
        `mean` and `stderr` have the shape of `N`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-bigram-context` and `prop-bigram-cut`, chapter *Bigrams and perplexity*.

    Examples
    --------
    >>> estimate = simulate_context_error(1.5, 1000, replicas=200, seed=1)
    >>> bool(abs(estimate.z(context_error(1.5, 1000))) < 4)
    True
    """
    beta, k = _checks.scalar("beta", beta, _checks.exponent), _rank(k)

    def one_size(rng: np.random.Generator, size: int, replicas: int) -> np.ndarray:
        seen = _count(None, _draw_words(rng, beta, k, (replicas, size)))
        return _excess(seen, beta, np.ones(len(seen.corpus)), replicas)

    return _simulate(one_size, "N", N, replicas, seed)


def _excess(seen: _Counts, beta: float, weight: np.ndarray, replicas: int) -> np.ndarray:
    """For each corpus the weighted sum of (share - p)^+ over its pairs: total variation, row by row."""
    truth = seen.word.astype(float) ** -beta / zeta(beta)
    return np.bincount(seen.corpus, weight * np.maximum(seen.share - truth, 0), replicas)


# ------------------------------------------------------------------------------------ Zipf contexts


def bigram_error(beta: float, beta_ctx: float, T: Any, k: int | None = None) -> Any:
    r"""Expected error of the counting learner: total variation averaged over the contexts of the truth.

    $$E(T)=\sum_ip^{\mathrm{ctx}}_i\,\mathbb E\,g(N_i),\qquad N_i\sim\mathrm{Bin}(T,p^{\mathrm{ctx}}_i),
    \quad g(0)=1,$$

    with g from `context_error`. Relative error below 2e-5 (g is tabulated and interpolated).

    Parameters
    ----------
    beta, beta_ctx : float
        Zipf exponents of rows and contexts, > 1.
    T : int or array
        Pairs in the corpus, >= 1.
    k : int, optional
        Last rank kept in every row of the training data; by default nothing is cut.

    Returns
    -------
    float or array
        The shape of `T`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-bigram-zipf`, chapter *Bigrams and perplexity*.

    Examples
    --------
    >>> bigram_error(1.5, 1.5, [1000, 3000]).round(4)
    array([0.3795, 0.3012])
    """
    beta = _checks.scalar("beta", beta, _checks.exponent)
    beta_ctx = _checks.scalar("beta_ctx", beta_ctx, _checks.exponent)
    T, k = _checks.counts("T", T), None if k is None else _checks.count("k", k)
    g = _table(beta, k, 10 ** np.ceil(np.log10(T.max())))  # few different tables: they are kept
    return _loop(lambda T: _averaged(g, beta_ctx, T), T=T)


@lru_cache(maxsize=32)
def _table(beta: float, k: int | None, most: float) -> Callable[[np.ndarray], np.ndarray]:
    """g(N) for 1 <= N <= most: exact at few sizes, a spline in logarithms between them."""
    few = np.arange(1, 257)
    N = np.unique(
        np.concatenate([few, np.geomspace(256, max(most, 257) * 1.1, 12 + int(12 * np.log(most + 1)))])
    )
    N = np.unique(np.round(N))
    spline = CubicSpline(np.log(N), np.log(context_error(beta, N, k)))
    return lambda N: np.exp(spline(np.log(N)))


def _averaged(g: Callable[[np.ndarray], np.ndarray], beta_ctx: float, T: float) -> float:
    """Sum over contexts of p E g(Bin(T, p)), with g(0) = 1."""
    p = np.geomspace(1e-9 / T, 1 / zeta(beta_ctx), 40 + int(6 * np.log(1e9 * T)))
    value, many = np.empty_like(p), T * p > _MANY

    def unseen_too(n: np.ndarray) -> np.ndarray:
        return np.where(n > 0, g(np.maximum(n, 1)), 1.0)

    value[~many] = _few_average(unseen_too, T, p[~many])
    mean = (T * p[many])[:, None]
    at = np.clip(mean + np.sqrt(mean * (1 - p[many][:, None])) * _HERMITE, 1, T)
    value[many] = g(at) @ _HERMITE_WEIGHTS / np.sqrt(2 * np.pi)
    spline, slope = CubicSpline(np.log(p), value), (1 - value[0]) / p[0]

    def profile(q: np.ndarray, T: np.ndarray) -> np.ndarray:
        inside = np.clip(q, p[0], p[-1])
        return np.where(q < p[0], 1 - slope * q, spline(np.log(inside)))

    return float(scaling.zipf_sum(profile, beta_ctx, T))


def _few_average(f: Callable[[np.ndarray], np.ndarray], N: float, p: np.ndarray) -> np.ndarray:
    """E f(n) for n ~ Bin(N, p) with means up to _MANY, summed as far as a count can reasonably go."""
    value, mean = np.empty_like(p), N * p
    for low, high in ((-1, 1), (1, 20), (20, 100), (100, _MANY)):  # short sums for rare words
        here = (mean > low) & (mean <= high)
        if here.any():
            n = np.arange(int(min(N, high + 14 * np.sqrt(high) + 20)) + 1)
            value[here] = binom.pmf(n, N, p[here][:, None]) @ f(n)
    return value


def bigram_error_asymptotic(beta: float, beta_ctx: float, T: Any) -> Any:
    r"""Leading term of the error of the counting learner on Zipf contexts.

    With $\tilde c=\min(1-1/\beta,\frac12)$ and $c_{\mathrm{ctx}}=1-1/\beta_{\mathrm{ctx}}$ it is of order
    $T^{-\min(\tilde c,c_{\mathrm{ctx}})}$, times $\ln T$ when the two exponents are equal.

    Parameters
    ----------
    beta, beta_ctx : float
        Zipf exponents of rows and contexts, > 1; `beta` not 2.
    T : float or array
        Pairs in the corpus, > 1.

    Returns
    -------
    float or array
        The shape of `T`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-bigram-zipf`, chapter *Bigrams and perplexity*.

    Examples
    --------
    >>> float(bigram_error_asymptotic(1.5, 3.0, 1e6).round(4))
    0.0246
    """
    beta = _checks.scalar("beta", beta, _checks.exponent)
    beta_ctx = _checks.scalar("beta_ctx", beta_ctx, _checks.exponent)
    T = _checks.positive("T", T)
    constants = context_constants(beta)
    row, constant = (1 - 1 / beta, constants.tail) if beta < 2 else (0.5, constants.head)
    c_ctx = 1 - 1 / beta_ctx
    B_ctx = zeta(beta_ctx) ** (-1 / beta_ctx) / beta_ctx
    if np.isclose(c_ctx, row, rtol=0, atol=1e-12):
        return (constant * B_ctx * T**-row * np.log(T))[()]
    if c_ctx > row:
        # sum of p^(1-row) = zeta(beta_ctx (1-row)) / zeta(beta_ctx)^(1-row)
        total = zeta(beta_ctx * (1 - row)) / zeta(beta_ctx) ** (1 - row)
        return (constant * total * T**-row)[()]
    return (B_ctx * _profile_moment(beta, c_ctx) * T**-c_ctx)[()]


@lru_cache
def _profile_moment(beta: float, c_ctx: float) -> float:
    """Integral of x^(c_ctx - 1) E g(Poi(x)): Gamma(N + c_ctx)/N! summed against g(N), tail by the law."""
    end = 20_000
    g = _table(beta, None, end)
    n = np.arange(1, end + 1)
    weight = np.exp(gammaln(n + c_ctx) - gammaln(n + 1))
    K, S = context_constants(beta)
    rest = sum(C * (end + 0.5) ** (c_ctx - e) / (e - c_ctx) for C, e in ((K, 1 - 1 / beta), (S, 0.5)))
    return float(gamma(c_ctx) + weight @ g(n) + rest)


def simulate_bigram_error(
    beta: float, beta_ctx: float, T: Any, k: int | None = None, *, replicas: int, seed: int
) -> Estimate:
    r"""Mean error of the counting learner over simulated corpora; the pair of `bigram_error`.

    Every pair is drawn and counted; nothing of the size of the vocabulary is formed.

    Parameters
    ----------
    beta, beta_ctx, T, k
        As in `bigram_error`.
    replicas, seed : int
        Corpora for each size, >= 2; same seed, same numbers.

    Returns
    -------
    Estimate
        `mean` and `stderr` have the shape of `T`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-bigram-zipf`, chapter *Bigrams and perplexity*.

    Examples
    --------
    >>> estimate = simulate_bigram_error(1.5, 1.5, 1000, replicas=100, seed=1)
    >>> bool(abs(estimate.z(bigram_error(1.5, 1.5, 1000))) < 4)
    True
    """
    beta = _checks.scalar("beta", beta, _checks.exponent)
    beta_ctx = _checks.scalar("beta_ctx", beta_ctx, _checks.exponent)
    k = _rank(k)

    def one_size(rng: np.random.Generator, size: int, replicas: int) -> np.ndarray:
        contexts = rng.zipf(beta_ctx, (replicas, size))
        seen = _count(contexts, _draw_words(rng, beta, k, (replicas, size)))
        mass = seen.context.astype(float) ** -beta_ctx / zeta(beta_ctx)
        known = np.bincount(seen.context_corpus, mass, replicas)
        return 1 - known + _excess(seen, beta, np.repeat(mass, seen.distinct_in_context), replicas)

    return _simulate(one_size, "T", T, replicas, seed)


# ------------------------------------------------------------------------------------------ strings


def string_error(tail: Any, length: Any) -> Any:
    r"""Total variation between real strings and strings of a model whose every row was cut, exactly.

    $$\mathrm{TV}=1-H_k^L,\qquad H_k=1-R_k .$$

    Parameters
    ----------
    tail : float or array
        Mass R_k that is cut off every row, between 0 and 1.
    length : int or array
        Number L of words that follow the first, >= 0.

    Returns
    -------
    float or array
        Broadcast over the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `prop-bigram-strings`, chapter *Bigrams and perplexity*.

    Examples
    --------
    >>> string_error(0.05, [1, 10, 100]).round(3)
    array([0.05 , 0.401, 0.994])
    """
    tail = _checks.between("tail", tail, 0, 1)
    length = _checks.counts("length", length, low=0)
    _checks.grid(tail=tail, length=length)
    return (1 - (1 - tail) ** length)[()]


# --------------------------------------------------------------------------- smoothing and perplexity


class _Row(NamedTuple):
    """A row over a finite vocabulary and what its cut law keeps."""

    p: np.ndarray
    k: int
    kept: float

    @property
    def q(self) -> np.ndarray:
        return self.p[: self.k] / self.kept


@lru_cache(maxsize=16)
def _row(beta: float, vocabulary: int, k: int) -> _Row:
    p = np.arange(1, vocabulary + 1) ** -beta
    p /= p.sum()
    return _Row(p, k, float(p[:k].sum()))


def _checked_row(beta: Any, vocabulary: Any, k: Any) -> _Row:
    beta = _checks.scalar("beta", beta, _checks.exponent)
    vocabulary = _checks.count("vocabulary", vocabulary, low=2)
    _checks.grid(vocabulary=np.empty(vocabulary, dtype=bool))
    k = vocabulary if k is None else _checks.count("k", k)
    if k > vocabulary:
        raise ValueError(f"k must be <= the vocabulary, {vocabulary}, got {k}")
    return _row(beta, vocabulary, k)


def _entropy(p: np.ndarray) -> float:
    return float(-(p * np.log(p)).sum())


def row_entropy(beta: float, vocabulary: int, k: int | None = None) -> float:
    r"""Entropy of a Zipf row over a finite vocabulary, cut at rank k if asked; perplexity is its exponential.

    Parameters
    ----------
    beta : float
        Zipf exponent, > 1.
    vocabulary : int
        Number V of words, >= 2.
    k : int, optional
        Last rank kept; by default all.

    Returns
    -------
    float
        In nats.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-bigram-perplexity`, chapter *Bigrams and perplexity*.

    Examples
    --------
    >>> round(row_entropy(1.5, 100_000), 3), round(row_entropy(1.5, 100_000, k=30), 3)
    (3.172, 2.124)
    """
    return _entropy(_checked_row(beta, vocabulary, k).q)


def context_divergence(
    beta: float, N: Any, vocabulary: int, smoothing: float, k: int | None = None, *, test: str = "real"
) -> Any:
    r"""Exact expected divergence of a row from its smoothed counts, $\hat q_j=(n_j+a)/(N+aV)$.

    $$\mathbb E\,\mathrm{KL}=\sum_jt_j\ln t_j+\ln(N+aV)-\sum_jt_j\,\mathbb E\ln(n_j+a),$$

    where t is the law of the test words. The loss is the divergence plus the entropy of t; the perplexity is
    the exponential of the loss.

    Parameters
    ----------
    beta : float
        Zipf exponent of the row, > 1.
    N : int or array
        Words seen, >= 1.
    vocabulary : int
        Number V of words, >= 2.
    smoothing : float
        The constant a added to every count, > 0.
    k : int, optional
        Last rank kept in the training data; by default nothing is cut.
    test : {"real", "generated"}
        Whether test words come from the whole row or from the cut one.

    Returns
    -------
    float or array
        In nats, the shape of `N`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-bigram-perplexity`, chapter *Bigrams and perplexity*.

    Examples
    --------
    On a row cut at rank 30 the loss rises with more data; on text that was cut too, it falls.

    >>> cut = dict(vocabulary=100_000, smoothing=30 / 100_000, k=30)
    >>> context_divergence(1.5, [1000, 10_000, 100_000], **cut).round(3)
    array([0.764, 1.032, 1.342])
    >>> context_divergence(1.5, [1000, 10_000, 100_000], **cut, test="generated").round(4)
    array([0.0545, 0.0045, 0.0004])
    """
    row = _checked_row(beta, vocabulary, k)
    N = _checks.counts("N", N)
    a = _checks.scalar("smoothing", smoothing, _checks.positive)
    t = row.p if _checks.choice("test", test, ("real", "generated")) == "real" else row.q
    fixed = -_entropy(t) - np.log(a) * t[row.k :].sum()

    def one(N: float) -> float:
        return fixed + np.log(N + a * vocabulary) - (t[: row.k] * _mean_log(row.q, N, a)).sum()

    return _loop(one, N=N)


def _mean_log(q: np.ndarray, N: float, a: float) -> np.ndarray:
    """E ln(n + a) for n ~ Bin(N, q) and falling q; a spline in ln q beyond the 256 first words."""
    if len(q) > 1024:
        ranks = np.unique(np.geomspace(256, len(q), 400).astype(int)) - 1
        spline = CubicSpline(-np.log(q[ranks]), _mean_log(q[ranks], N, a))
        return np.concatenate([_mean_log(q[:255], N, a), spline(-np.log(q[255:]))])
    mean, out = N * q, np.empty_like(q)
    many = mean > _MANY
    if many.any():
        var, q_many, x = mean[many] * (1 - q[many]), q[many], mean[many] + a
        third = var * (1 - 2 * q_many)
        fourth = 3 * var**2 + var * (1 - 6 * q_many * (1 - q_many))
        out[many] = np.log(x) - var / (2 * x**2) + third / (3 * x**3) - fourth / (4 * x**4)
    out[~many] = _few_average(lambda n: np.log(n + a), N, q[~many])
    return out


def simulate_context_divergence(
    beta: float,
    N: Any,
    vocabulary: int,
    smoothing: float | str,
    k: int | None = None,
    *,
    test: str = "real",
    replicas: int,
    seed: int,
) -> Estimate:
    r"""Mean divergence over simulated contexts; the pair of `context_divergence`.

    Parameters
    ----------
    beta, N, vocabulary, k, test
        As in `context_divergence`.
    smoothing : float or "witten-bell"
        A constant a, or the number of distinct words seen divided by the vocabulary (Witten-Bell).
    replicas, seed : int
        Contexts for each size, >= 2; same seed, same numbers.

    Returns
    -------
    Estimate
        `mean` and `stderr` have the shape of `N`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-bigram-perplexity` and `prop-bigram-smooth`, chapter *Bigrams and perplexity*.

    Examples
    --------
    >>> cut = dict(vocabulary=1000, smoothing=0.1, k=30)
    >>> estimate = simulate_context_divergence(1.5, 500, **cut, replicas=500, seed=1)
    >>> bool(abs(estimate.z(context_divergence(1.5, 500, **cut))) < 4)
    True
    """
    row = _checked_row(beta, vocabulary, k)
    counting = isinstance(smoothing, str)
    if counting:
        _checks.choice("smoothing", smoothing, ("witten-bell",))
    else:
        smoothing = _checks.scalar("smoothing", smoothing, _checks.positive)
    real = _checks.choice("test", test, ("real", "generated")) == "real"
    t = row.p if real else row.q
    entropy = _entropy(t)

    def divergence(replica: Any, word: Any, count: Any, N: int, replicas: int) -> np.ndarray:
        """From the words seen (index from 0) and their counts; all others share one probability."""
        distinct = np.bincount(replica, minlength=replicas)
        a = distinct / vocabulary if counting else np.full(replicas, smoothing)
        known = np.bincount(replica, t[word], replicas)
        gain = np.bincount(replica, t[word] * np.log(count + a[replica]), replicas)
        return -entropy + np.log(N + a * vocabulary) - gain - (1 - known) * np.log(a)

    def one_size(rng: np.random.Generator, size: int, replicas: int) -> np.ndarray:
        if row.k <= size:  # fewer words than draws: the counts themselves are the cheaper thing to draw
            counts = rng.multinomial(size, row.q, size=replicas)
            replica, word = np.nonzero(counts)
            return divergence(replica, word, counts[replica, word], size, replicas)
        seen = _count(None, _draw_words(rng, beta, row.k, (replicas, size)))
        return divergence(seen.corpus, seen.word - 1, seen.count, size, replicas)

    return _simulate(one_size, "N", N, replicas, seed, block=lambda size: min(size, row.k))


def cut_divergence_asymptotic(beta: float, N: Any, vocabulary: int, smoothing: float, k: int) -> Any:
    r"""Law of the divergence on a cut row: it grows with the logarithm of the sample size.

    $$\mathbb E\,\mathrm{KL}=R_k\ln\frac Na+H_k\ln H_k+\sum_{j>k}p_j\ln p_j+\frac bN+O(N^{-2}),\qquad
    b=aV+H_k\Bigl(\frac{k-1}2-ka\Bigr).$$

    Parameters
    ----------
    beta, N, vocabulary, smoothing, k
        As in `context_divergence`; Witten-Bell has a = k/V once all k words have been seen.

    Returns
    -------
    float or array
        In nats, the shape of `N`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-bigram-perplexity`, chapter *Bigrams and perplexity*.

    Examples
    --------
    >>> cut_divergence_asymptotic(1.5, [1000, 10_000], 100_000, 30 / 100_000, 30).round(3)
    array([0.756, 1.032])
    """
    row = _checked_row(beta, vocabulary, k)
    N = _checks.at_least("N", N, 1)
    a = _checks.scalar("smoothing", smoothing, _checks.positive)
    lost = row.p[row.k :]
    constant = row.kept * np.log(row.kept) - _entropy(lost) - np.log(a) * lost.sum()
    return (lost.sum() * np.log(N) + constant + _return(row, a) / N)[()]


def _return(row: _Row, a: float) -> float:
    """What is still to be gained from more data: the coefficient of 1/N."""
    return a * len(row.p) + row.kept * ((row.k - 1) / 2 - row.k * a)


def turning_size(beta: float, vocabulary: int, smoothing: float, k: int) -> int:
    r"""Sample size at which the expected loss on real text is least, after reading words of a cut row.

    More words make it worse. It is near $b/R_k$, with $b$ as in `cut_divergence_asymptotic`: about $3k/2R_k$
    for `smoothing` $=k/V$ and $k\ll V$.

    Parameters
    ----------
    beta, vocabulary, smoothing, k
        As in `cut_divergence_asymptotic`; `k` below the vocabulary.

    Returns
    -------
    int
        Found on `context_divergence`, to 0.5 %.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-bigram-perplexity`, chapter *Bigrams and perplexity*.

    Examples
    --------
    >>> turning_size(1.5, 100_000, 30 / 100_000, 30)
    621
    """
    row = _checked_row(beta, vocabulary, k)
    if row.k == vocabulary:
        raise ValueError(f"k must be < the vocabulary, {vocabulary}, got {row.k}")
    a = _checks.scalar("smoothing", smoothing, _checks.positive)
    law = max(1.0, _return(row, a) / float(row.p[row.k :].sum()))
    low, high = law / 30, law * 30
    for _ in range(3):
        sizes = np.unique(np.maximum(1, np.geomspace(low, high, 21).round()))
        best = int(np.argmin(context_divergence(beta, sizes, vocabulary, a, k)))
        low, high = sizes[max(best - 1, 0)], sizes[min(best + 1, len(sizes) - 1)]
    return int(sizes[best])


def witten_bell_divergence_asymptotic(beta: Any, N: Any, vocabulary: Any) -> Any:
    r"""Law of the expected divergence under Witten-Bell smoothing on a clean row.

    $$\mathbb E\,\mathrm{KL}\simeq B_\beta N^{-c}\Bigl\{\Gamma(c)\Bigl[\ln\frac V{D_N}+\beta\Bigr]+\Gamma'(c)
    +\int_0^\infty x^{-1/\beta}\,\mathbb E\Bigl[\ln\frac xn;\,n\ge1\Bigr]dx\Bigr\},\qquad
    D_N=\Gamma(c)(AN)^{1/\beta},$$

    with n a Poisson variable of mean x.

    Parameters
    ----------
    beta : float or array
        Zipf exponent of the row, > 1.
    N : float or array
        Words seen, >= 1.
    vocabulary : float or array
        Number V of words; the law is meant for $N^{1/\beta}$ well below it.

    Returns
    -------
    float or array
        In nats, broadcast over the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `prop-bigram-smooth`, chapter *Bigrams and perplexity*.

    Examples
    --------
    >>> float(witten_bell_divergence_asymptotic(2.0, 1000, 100_000).round(3))
    0.17
    """
    beta = _checks.exponent("beta", beta)
    N = _checks.at_least("N", N, 1)
    V = _checks.at_least("vocabulary", vocabulary, 2)
    _checks.grid(beta=beta, N=N, vocabulary=V)
    c = 1 - 1 / beta
    A = 1 / zeta(beta)
    distinct = gamma(c) * (A * N) ** (1 / beta)
    seen = np.reshape([_seen_cost(float(b)) for b in np.ravel(beta)], beta.shape)
    bracket = gamma(c) * (np.log(V / distinct) + beta + digamma(c)) + seen
    return (A ** (1 / beta) / beta * N**-c * bracket)[()]


@lru_cache
def _seen_cost(beta: float) -> float:
    """Integral of x^(-1/beta) E[ln(x/n); n >= 1], n Poisson of mean x."""
    a, end = 1 / beta, 400.0
    # In y = x^(1-a) the singularity at 0 is gone; panels of equal length there, to x = 400.
    edges = np.concatenate([np.linspace(0, 1, 41), np.geomspace(1, end ** (1 - a), 81)[1:]])
    y = (edges[:-1, None] + np.diff(edges)[:, None] * (_NODES + 1) / 2).reshape(-1)
    weight = (np.diff(edges)[:, None] * _WEIGHTS / 2).reshape(-1)
    x = y ** (1 / (1 - a))
    n = np.arange(1, int(end + 14 * np.sqrt(end)))
    log_pmf = n * np.log(x)[:, None] - x[:, None] - gammaln(n + 1)
    cost = (np.exp(log_pmf) * (np.log(x)[:, None] - np.log(n))).sum(1)
    # Beyond, -E ln(n/x) = 1/(2x) + 5/(12 x^2) + ...
    rest = end**-a / (2 * a) + 5 * end ** (-1 - a) / (12 * (1 + a))
    return float(weight @ cost / (1 - a) + rest)
