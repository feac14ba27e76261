"""A language model that counts, the law of its loss on cut text, and a sampler for any model.

The text comes in rows: some symbols of context, never scored, and then the symbols that are learned or
predicted. Contexts do not cross rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .. import _checks


def grams(tokens: np.ndarray, n: int, context: int, vocabulary: int) -> np.ndarray:
    """The `n` characters that end at each scored place, as one whole number.

    Parameters
    ----------
    tokens : integer array, shape (B, S)
        Rows, of which the first `context` columns are not scored.
    n : int
        From 0 to context + 1.
    context, vocabulary : int
        Columns; symbols.

    Returns
    -------
    integer array, shape (B, S - context)

    Raises
    ------
    ValueError
        If `n` is outside its range, or no column is scored.

    Examples
    --------
    >>> grams(np.array([[1, 2, 3, 4]]), 2, 1, vocabulary=10)
    array([[12, 23, 34]])
    """
    if not 0 <= n <= context + 1:
        raise ValueError(f"n must be between 0 and context + 1 = {context + 1}, got {n}")
    if tokens.shape[1] <= context:
        raise ValueError(f"tokens must have more than {context} columns, got {tokens.shape[1]}")
    key = np.zeros((len(tokens), tokens.shape[1] - context), np.int64)
    for back in range(n - 1, -1, -1):
        key = key * vocabulary + tokens[:, context - back : tokens.shape[1] - back]
    return key


# ---------------------------------------------------------------------------------------- learner that counts


class NGram:
    """Interpolated Witten-Bell model: in each context, counts, and a share D / (N + D) for the shorter one.

    Parameters
    ----------
    tokens : integer array, shape (B, S)
        Rows to learn from.
    context : int
        Columns that are not scored.
    lengths : sequence of int
        Lengths of the contexts that are counted, increasing, at most `context`. Below the shortest the guess
        is uniform: `(1,)` is the learner of the bigram chapter.
    vocabulary : int
        Number of symbols.

    Raises
    ------
    ValueError
        If `lengths` is empty, not increasing or too long.
    """

    def __init__(
        self,
        tokens: np.ndarray,
        context: int = 4,
        lengths: Sequence[int] | None = None,
        vocabulary: int = 97,
    ) -> None:
        self.lengths = tuple(range(context + 1) if lengths is None else lengths)
        if not self.lengths or list(self.lengths) != sorted(set(self.lengths)) or self.lengths[-1] > context:
            raise ValueError(f"lengths must increase up to context = {context}, got {self.lengths}")
        if vocabulary ** (self.lengths[-1] + 1) >= 2**63:
            raise ValueError(f"vocabulary must fit 64 bits with {self.lengths}, got {vocabulary}")
        self.context, self.vocabulary = context, vocabulary
        self._tables = []
        for j in self.lengths:
            keys, n = np.unique(grams(tokens, j + 1, context, vocabulary), return_counts=True)
            heads, first = np.unique(keys // vocabulary, return_index=True)
            distinct = np.diff(first, append=len(keys))
            self._tables.append((keys, n, heads, first, np.add.reduceat(n, first), distinct))

    def _walk(self, tokens: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """For each length of context: how often the symbol, the context, and how many symbols after it."""
        for j, (keys, n, heads, _, totals, distinct) in zip(self.lengths, self._tables, strict=True):
            key = grams(tokens, j + 1, self.context, self.vocabulary)
            at, there = _find(keys, key)
            above, visited = _find(heads, key // self.vocabulary)
            yield n[at] * there, totals[above] * visited, distinct[above] * visited

    def log_loss(self, tokens: np.ndarray) -> np.ndarray:
        """Minus the logarithm of the probability of each scored symbol of rows (B, S): (B, S - context)."""
        p = np.full((len(tokens), tokens.shape[1] - self.context), 1 / self.vocabulary)
        for n, N, D in self._walk(tokens):
            p = _mixed(n, N, D, p)
        return -np.log(p)

    def blocked(self, tokens: np.ndarray) -> np.ndarray:
        """Lengths at which the context was seen, but never before this symbol: (B, S) to (B, S - context).

        Source: `thm-text-cut`, chapter *Lab: text on text*.
        """
        return sum((n == 0) & (N > 0) for n, N, _ in self._walk(tokens))

    def law(self, tokens: np.ndarray) -> np.ndarray:
        """Probabilities (B, vocabulary) of the symbol after rows of at least `context` columns."""
        B = len(tokens)
        p = np.full((B, self.vocabulary), 1 / self.vocabulary)
        for j, (keys, n, heads, first, totals, distinct) in zip(self.lengths, self._tables, strict=True):
            at, visited = _find(heads, grams(tokens, j, tokens.shape[1] - 1, self.vocabulary)[:, 0])
            D, N = distinct[at] * visited, totals[at] * visited
            # All entries of the tables of these contexts, end to end.
            begin = np.repeat(first[at] - (np.cumsum(D) - D), D)
            entry = begin + np.arange(D.sum())
            counts = np.zeros_like(p)
            counts[np.repeat(np.arange(B), D), keys[entry] % self.vocabulary] = n[entry]
            p = _mixed(counts, N[:, None], D[:, None], p)
        return p


def _mixed(n: np.ndarray, N: np.ndarray, D: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Counts n of N in a context with D symbols, and the guess p of the shorter one."""
    return np.where(N > 0, (n + D * p) / np.maximum(N + D, 1), p)


def _find(table: np.ndarray, key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each key is in a sorted table (anywhere if it is not), and whether it is."""
    at = np.minimum(np.searchsorted(table, key), len(table) - 1)
    return at, table[at] == key


def cut_loss(
    T: Any, real: np.ndarray, generated: np.ndarray, lengths: Sequence[int] | None = None
) -> np.ndarray:
    """Loss on real text of the learner that counts, for many characters of any text it learned from.

    Parameters
    ----------
    T : float or array
        Characters that are learned from, > 0.
    real : array, shape (V,) * (context + 1)
        Chance of each context and symbol on real text; sums to 1.
    generated : array, same shape
        Their frequency in the text that is learned.
    lengths : sequence of int, optional
        As in `NGram`; all by default.

    Returns
    -------
    array, shape of T
        Slope times ln T plus a constant: what is left out tends to 0.

    Raises
    ------
    ValueError
        If T is not positive, or the shapes differ.

    Source: `thm-text-cut`, chapter *Lab: text on text*.

    Examples
    --------
    >>> real, cut = np.full((2, 2), 0.25), np.array([[0.5, 0.0], [0.25, 0.25]])
    >>> cut_loss([1e3, 1e6], real, cut, lengths=[1]).round(3)
    array([2.074, 3.8  ])
    """
    T = _checks.positive("T", T)
    real, generated = _checks.nonnegative("real", real), _checks.nonnegative("generated", generated)
    if real.shape != generated.shape or len(set(real.shape)) != 1:
        raise ValueError(f"generated must have the shape of real, {real.shape}, got {generated.shape}")
    m = real.ndim - 1
    log_p, levels = np.full(real.shape, -np.log(real.shape[0])), np.zeros(real.shape)
    for j in range(m + 1) if lengths is None else lengths:
        g = generated.sum(axis=tuple(range(m - j)))
        N, D = g.sum(-1, keepdims=True), (g > 0).sum(-1, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            below = np.where(N > 0, log_p + np.log(D / N), log_p)
            log_p = np.where(g > 0, np.log(g / N), below)
        levels = np.where(g > 0, 0, levels + (N > 0))
    return (real * levels).sum() * np.log(T) - (real * log_p).sum()


# -------------------------------------------------------------------------------------------------- sampling


def sample(
    law: np.ndarray, rng: np.random.Generator, temperature: float = 1.0, nucleus: float = 1.0
) -> np.ndarray:
    """One symbol from each law, after a temperature and a cut.

    The nucleus is drawn by rejection: a symbol stands if the more likely ones have mass < `nucleus` together.
    No sorting, and on average at most 1 / nucleus draws. Of symbols that are equally likely all or none are
    kept.

    Parameters
    ----------
    law : array, shape (B, V)
        Weights >= 0, one positive in each row.
    rng : numpy.random.Generator
        The stream.
    temperature : float
        Chances go with the power 1 / temperature, > 0.
    nucleus : float
        In (0, 1]; 1 keeps everything.

    Returns
    -------
    integer array, shape (B,)

    Raises
    ------
    ValueError
        If the temperature or the nucleus is outside its range.

    Examples
    --------
    >>> law = np.tile([0.5, 0.3, 0.2], (1000, 1))
    >>> np.unique(sample(law, np.random.default_rng(0), nucleus=0.7)).tolist()
    [0, 1]
    """
    temperature = _checks.scalar("temperature", temperature, _checks.positive)
    if not 0 < nucleus <= 1:
        raise ValueError(f"nucleus must be in (0, 1], got {nucleus}")
    if temperature != 1:
        law = (law / law.max(1, keepdims=True)) ** (1 / temperature)
    cumulated = np.cumsum(law, axis=1)
    law, cumulated = law / cumulated[:, -1:], cumulated / cumulated[:, -1:]
    drawn = np.empty(len(law), np.int64)
    open_ = np.arange(len(law))
    while open_.size:
        # "right" of a number below 1: a symbol of weight 0 is never the answer.
        drawn[open_] = (cumulated[open_] <= rng.random((open_.size, 1))).sum(1)
        if nucleus == 1:
            break
        part = law[open_]
        chance = part[np.arange(open_.size), drawn[open_]][:, None]
        open_ = open_[np.where(part > chance, part, 0).sum(1) >= nucleus]
    return drawn


def generate(
    law: Callable[[np.ndarray], np.ndarray],
    prompts: np.ndarray,
    length: int,
    seed: Any,
    temperature: float = 1.0,
    nucleus: float = 1.0,
) -> np.ndarray:
    """Rows that go on from real contexts.

    Parameters
    ----------
    law : callable
        From the rows so far, shape (B, S), to weights of the next symbol, shape (B, V).
    prompts : integer array, shape (B, context)
        How the rows begin.
    length : int
        Symbols to add.
    seed : int or tuple of int
        Of the draws.
    temperature, nucleus : float
        As in `sample`.

    Returns
    -------
    integer array, shape (B, context + length)

    Raises
    ------
    ValueError
        If `length` is not a whole number >= 1, or as in `sample`.

    Examples
    --------
    >>> law = lambda tokens: np.eye(3)[(tokens[:, -1] + 1) % 3]
    >>> generate(law, np.array([[0], [1]]), 4, seed=0)
    array([[0, 1, 2, 0, 1],
           [1, 2, 0, 1, 2]])
    """
    length = _checks.count("length", length)
    rng = np.random.default_rng(seed)
    context = prompts.shape[1]
    out = np.empty((len(prompts), context + length), np.int64)
    out[:, :context] = prompts
    for block in range(0, len(out), 2000):  # what a model remembers of the rows must fit in memory
        part = out[block : block + 2000]
        for end in range(context, context + length):
            part[:, end] = sample(law(part[:, :end]), rng, temperature, nucleus)
    return out
