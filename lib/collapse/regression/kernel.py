r"""Kernel ridge on a finite population, and the chain of generators on it.

The population is N items with a kernel between them. A kernel fit to items drawn uniformly, with replacement,
is a ridge fit whose inputs have the covariance of the population, and its eigenvalues are those of the gram
matrix over N. So `finite_population` turns a gram matrix into a spectrum and a signal, every formula of the
part takes them as they are, and `simulate_kernel_test_error` runs the experiment itself.

Source: chapter *Lab: kernel ridge on images*; *Model Collapse Demystified: The Case of Regression*.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from .. import _checks
from ..estimates import Estimate
from ..spectra import Spectrum
from .chain import Chain


def finite_population(gram: Any, values: Any, floor: float = 1e-12) -> tuple[Spectrum, np.ndarray]:
    r"""Spectrum and signal of kernel ridge on a finite population.

    With $K/N=U\operatorname{diag}(s)U^\top$ and the true values $f_0$ of all items (several outputs side by
    side), the signal is $s_kc_k^2=\|u_k^\top f_0\|^2/N$.

    Parameters
    ----------
    gram : array, shape (N, N)
        The kernel between all pairs of items: symmetric, positive semidefinite.
    values : array, shape (N,) or (N, J)
        The truth at every item, one column for each output.
    floor : float
        Eigenvalues below this share of the largest are rounding noise, and are raised to it, between 0 and 1.
        What the truth has in those directions is so kept as something that no fit can learn; it is not
        dropped.

    Returns
    -------
    spectrum : Spectrum
        N eigenvalues, in decreasing order.
    signal : array, shape (N,)
        $c_k^2$, summed over the outputs. In `test_error` and its kin `noise` then stands for the noise of all
        outputs together: $\sqrt J$ times that of one.

    Raises
    ------
    ValueError
        If `gram` is not a symmetric positive semidefinite matrix, zero, or `values` does not match it.

    Source: `prop-kernel-population`, chapter *Lab: kernel ridge on images*; *Model Collapse Demystified*.

    Examples
    --------
    >>> spectrum, signal = finite_population([[2.0, 0.0], [0.0, 1.0]], [1.0, 1.0])
    >>> spectrum.eigenvalues.tolist(), signal.tolist()
    ([1.0, 0.5], [0.5, 1.0])
    """
    gram, values = _population(gram, values)
    floor = _checks.scalar("floor", floor, lambda name, x: _checks.between(name, x, 1e-15, 1))
    size = len(gram)
    s, vectors = np.linalg.eigh(gram)
    s, vectors = s[::-1] / size, vectors[:, ::-1]
    if s[0] <= 0 or -s[-1] > 1e-8 * s[0]:
        raise ValueError(
            f"gram must be positive semidefinite and not zero, got eigenvalues from {size * s[-1]:.3g} "
            f"to {size * s[0]:.3g}"
        )
    s = np.maximum(s, floor * s[0])
    return Spectrum(s), ((vectors.T @ values) ** 2).sum(1) / (size * s)


def simulate_kernel_test_error(
    gram: Any,
    values: Any,
    T: Any,
    ridge: Any,
    noise: Any,
    chain: Chain,
    *,
    measure: Callable[[np.ndarray], Any] | None = None,
    replicas: int = 20,
    seed: int = 0,
) -> Estimate:
    r"""Run the chain of kernel ridge fits on a finite population, and measure the last one.

    Each generation draws `chain.T0` items uniformly with replacement, labels them by the one before plus
    fresh noise, and fits with penalty `chain.ridge0`; the final fit draws T items. An item that is drawn m
    times enters once, with its mean label and weight m, which gives the same fit (`lem-kernel-pool`). Each
    point of the broadcast grid gets its own independent chains. `test_error` predicts the result from what
    `finite_population` returns.

    Parameters
    ----------
    gram : array, shape (N, N)
        The kernel between all pairs of items.
    values : array, shape (N,) or (N, J)
        The truth at every item.
    T : int or array
        Samples of the final fit, >= 1.
    ridge : float or array
        Its penalty, > 0. scikit-learn's `KernelRidge(alpha)` has alpha = T ridge.
    noise : float or array
        Standard deviation of its label noise, of all J outputs together: each gets noise/sqrt(J). >= 0.
    chain : Chain
        The generators, with independent inputs and ridge0 > 0 (an item drawn twice makes the gram matrix of a
        sample singular). `noise0`, too, is that of all outputs together.
    measure : callable, optional
        ``measure(predictions)`` for the predictions of the final fit at all items, shape (N, J), gives a
        number or an array. By default the squared error: summed over outputs, averaged over the items.
    replicas : int
        Chains per point, >= 2.
    seed : int
        Seed of the whole simulation.

    Returns
    -------
    Estimate
        Of the broadcast shape, followed by the shape of the measure.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `prop-kernel-population` and `lem-kernel-pool`, chapter *Lab: kernel ridge on images*;
    *Model Collapse Demystified*.

    Examples
    --------
    >>> x = np.linspace(0, 1, 50)
    >>> gram = np.exp(-10 * (x[:, None] - x) ** 2)
    >>> chain = Chain(T0=100, n=2, noise0=0.1, ridge0=0.01)
    >>> estimate = simulate_kernel_test_error(gram, np.sin(6 * x), 200, 0.01, 0.1, chain)
    >>> bool(estimate.mean < 0.1)
    True
    """
    gram, values = _population(gram, values)
    if not isinstance(chain, Chain):
        raise ValueError(f"chain must be a Chain, got {chain!r}")
    _checks.choice("design", chain.design, ("independent",))
    fields = {
        "T": _checks.counts("T", T),
        "ridge": _checks.positive("ridge", ridge),
        "noise": _checks.nonnegative("noise", noise),
        "T0": chain.T0,
        "n": chain.n,
        "noise0": chain.noise0,
        "ridge0": chain.ridge0,
    }
    if bool(((chain.ridge0 == 0) & (chain.n > 0)).any()):
        raise ValueError(f"ridge0 must be > 0 where items are drawn with replacement, got {chain.ridge0}")
    shape = _checks.grid(**fields)
    replicas = _checks.count("replicas", replicas, low=2)
    seeds = np.random.SeedSequence(_checks.count("seed", seed, low=0))
    if measure is None:

        def measure(predictions: np.ndarray) -> float:
            return ((predictions - values) ** 2).sum(1).mean()

    columns = [np.broadcast_to(v, shape).reshape(-1) for v in fields.values()]
    points = []
    for point, child in zip(zip(*columns, strict=True), seeds.spawn(len(columns[0])), strict=True):
        T_, ridge_, noise_, T0, n, noise0, ridge0 = (float(v) for v in point)
        rng = np.random.default_rng(child)
        found = []
        for _ in range(replicas):
            labels = values
            for _ in range(int(n)):
                labels = _fit(gram, labels, int(T0), ridge0, noise0, rng)
            found.append(measure(_fit(gram, labels, int(T_), ridge_, noise_, rng)))
        points.append(found)
    samples = np.stack(np.asarray(points, dtype=np.float64), axis=1)
    return Estimate.from_samples(samples.reshape(replicas, *shape, *samples.shape[2:]), seed)


def _population(gram: Any, values: Any) -> tuple[np.ndarray, np.ndarray]:
    """The gram matrix, and the values as columns."""
    gram, values = _checks.real("gram", gram), _checks.real("values", values)
    if gram.ndim != 2 or gram.shape[0] != gram.shape[1]:
        raise ValueError(f"gram must be a square matrix, got shape {gram.shape}")
    apart = np.abs(gram - gram.T).max()
    if apart > 1e-8 * np.abs(np.diagonal(gram)).max():  # no entry of a semidefinite matrix is larger
        raise ValueError(f"gram must be symmetric, got {apart:.3g} of difference")
    if values.ndim not in (1, 2) or len(values) != len(gram):
        raise ValueError(f"values must have shape ({len(gram)},) or ({len(gram)}, J), got {values.shape}")
    return gram, values.reshape(len(gram), -1)


def _fit(
    gram: np.ndarray, labels: np.ndarray, T: int, ridge: float, noise: float, rng: np.random.Generator
) -> np.ndarray:
    """Predictions, at all items, of a kernel ridge fit to T items drawn with replacement.

    m draws of one item count as one with their mean label and weight m: the sum of m squares differs from m
    times the square at the mean by what does not depend on the fit. The mean label has noise sigma/sqrt(m),
    so its product with sqrt(m), the weight of a row, has noise sigma again.
    """
    size, outputs = labels.shape
    multiplicity = rng.multinomial(T, np.full(size, 1 / size))
    drawn = np.flatnonzero(multiplicity)
    weight = np.sqrt(multiplicity[drawn])[:, None]
    rows = gram[drawn]
    small = rows[:, drawn]
    small *= weight
    small *= weight.T
    small[np.diag_indices_from(small)] += T * ridge
    noisy = weight * labels[drawn] + noise / np.sqrt(outputs) * rng.standard_normal((len(drawn), outputs))
    # Symmetric, so its transpose is itself, in the order of memory that needs no copy.
    factor = cho_factor(small.T, lower=True, overwrite_a=True, check_finite=False)
    return rows.T @ (weight * cho_solve(factor, noisy, check_finite=False))


__all__ = ["finite_population", "simulate_kernel_test_error"]
