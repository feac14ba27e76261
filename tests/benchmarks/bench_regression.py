"""The theory of a chain over a grid, beside the loop over points that one would otherwise write."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
from harness import Benchmark
from scipy.optimize import brentq

from collapse import regression, spectra
from collapse.regression import Chain

D, NOISE = 2000, 0.3
TINY = 1e-300  # brentq stops at a relative accuracy, as ours does


def _fixed_point(s: np.ndarray, T: float, ridge: float) -> float:
    if ridge == 0 and len(s) <= T:
        return 0.0
    high = ridge + s.sum() / T
    if ridge == 0:
        return brentq(lambda k: 1 - np.sum(s / (s + k)) / T, 1e-9 * s[-1], high, xtol=TINY)
    return brentq(lambda k: k - ridge - k * np.sum(s / (s + k)) / T, 0, high, xtol=TINY)


def _one_point(s: np.ndarray, signal: np.ndarray, T: float, ridge: float, n: int, T0: float, ridge0: float):
    """The test error by the book's recursion, from the final fit back to the truth."""

    def fit(T, ridge):
        kappa = _fixed_point(s, T, ridge)
        D = s / (s + kappa)
        return kappa, D, D / (s + kappa), T - np.sum(D**2) if kappa else T - len(s) - 1

    (kappa, D, b, gap), (kappa0, D0, b0, gap0) = fit(T, ridge), fit(T0, ridge0)
    d = len(s)
    factor = (d - T0) / (d - T0 - 1) if ridge0 == 0 and T0 < d else 1.0
    v = b @ s / gap
    q, noise = D**2 * s + kappa**2 * v * b, NOISE**2 * v
    for _ in range(n):
        v = b0 @ q / gap0
        noise += NOISE**2 * factor * v
        q = D0**2 * q + kappa0**2 * v * b0
    return s @ signal - 2 * (s * D * D0**n) @ signal + q @ signal + noise


def benchmarks() -> Iterator[Benchmark]:
    rng = np.random.default_rng(0)
    spectrum, signal = spectra.power_law(D, 1.5), spectra.power_law_signal(D, 1.5, 0.5)
    grid = np.ix_(np.geomspace(20, 60_000, 20).round(), np.geomspace(1e-6, 1, 5), [0, 2, 5, 8, 10])
    apart = np.exp(rng.uniform(3, 11, 500)).round(), 10 ** rng.uniform(-6, 0, 500), rng.integers(0, 11, 500)
    for (where, points), (name, T0, ridge0) in product(
        {"20 T x 5 ridges x 5 n": grid, "500 scattered": apart}.items(),
        (("least squares", 6000, 0.0), ("minimum norm", 600, 0.0), ("ridge", 3000, 1e-3)),
    ):
        T, ridge, n = points
        chain = Chain(T0, n, NOISE, ridge0)

        def loop(points=points, T0=T0, ridge0=ridge0):
            s = spectrum.eigenvalues
            return [_one_point(s, signal, *point, T0, ridge0) for point in np.broadcast(*points)]

        yield Benchmark(
            name=f"test error, {where}: {name}",
            ours=lambda T=T, ridge=ridge, chain=chain: (
                regression.test_error(spectrum, signal, T, ridge, NOISE, chain).value
            ),
            other=loop,
            work=f"500 points (T, ridge, n <= 10), d = {D}; other: brentq and the recursion, one by one",
            target=100,
        )
