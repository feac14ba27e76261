"""The core routines beside the loops that one would otherwise write."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from harness import Benchmark
from scipy.optimize import brentq

from collapse import equivalents, sampling, spectra

D, T = 300, 30_000
TINY = 1e-300


def _linear_data(rng, T, w, noise):
    X = rng.standard_normal((T, len(w)))
    return X, X @ w + noise * rng.standard_normal(T)


def benchmarks() -> Iterator[Benchmark]:
    yield from _least_squares()
    yield from _ridge()
    yield from _accumulate()
    yield from _fixed_point()


def _least_squares() -> Iterator[Benchmark]:
    from sklearn.linear_model import LinearRegression

    rng = np.random.default_rng(0)
    truth, n, replicas = np.ones(D) / np.sqrt(D), 5, 2000

    def one_fit():
        X, y = _linear_data(rng, T, truth, 0.5)
        LinearRegression(fit_intercept=False).fit(X, y)

    yield Benchmark(
        name="least-squares chain",
        ours=lambda: sampling.ols_chain(truth, np.ones(D), T, 0.5, n, replicas=replicas, seed=0),
        other=one_fit,
        other_share=1 / (replicas * n),
        work=f"{replicas} chains of {n} generations, d = {D}, T = {T}; other: scikit-learn, 1 fit",
        limit=lambda: torch.randn(replicas, D + n, dtype=torch.float64),
        target=10_000,
    )


def _ridge() -> Iterator[Benchmark]:
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(0)
    truth, replicas = np.ones(D) / np.sqrt(D), 60
    spectrum = spectra.power_law(D, 1.5)
    batch = rng.standard_normal((replicas, D, D))
    gram = batch @ batch.mT + np.eye(D)

    def one_fit():
        X, y = _linear_data(rng, T, truth, 0.5)
        Ridge(alpha=T * 0.1, fit_intercept=False).fit(X, y)

    def peak():  # the normals, and the Cholesky factors at the speed of the machine's LAPACK
        torch.randn(replicas, D * (D - 1) // 2, dtype=torch.float64)
        np.linalg.cholesky(gram)

    yield Benchmark(
        name="ridge fit",
        ours=lambda: sampling.ridge_bartlett(truth, spectrum, T, 0.1, 0.5, replicas=replicas, seed=0),
        other=one_fit,
        other_share=1 / replicas,
        work=f"{replicas} fits, d = {D}, T = {T}; other: scikit-learn Ridge, 1 fit",
        limit=peak,
        target=100,
    )

    n, chains = 5, 2000

    def draws():
        for _ in range(n):
            torch._standard_gamma(torch.full((2, D, chains), 100.0, dtype=torch.float64))
            torch.randn(D, chains, dtype=torch.float64)

    yield Benchmark(
        name="isotropic ridge chain",
        ours=lambda: sampling.isotropic_chain(1.0, D, T, 0.1, 0.5, n, replicas=chains, seed=0),
        other=one_fit,
        other_share=1 / (chains * n),
        work=f"{chains} chains of {n} generations, d = {D}, T = {T}; other: scikit-learn Ridge, 1 fit",
        limit=draws,
        target=5000,
    )


def _accumulate() -> Iterator[Benchmark]:
    d, T, n, seeds = 10, 100, 100, 100
    truth = np.ones(d)
    rng = np.random.default_rng(0)

    def one_seed():
        w, X, y = truth, np.empty((0, d)), np.empty(0)
        for _ in range(n):
            new, labels = _linear_data(rng, T, w, 0.5)
            X, y = np.concatenate([X, new]), np.concatenate([y, labels])
            w = np.linalg.lstsq(X, y, rcond=None)[0]

    yield Benchmark(
        name="accumulating chain",
        ours=lambda: sampling.accumulate_chain(truth, np.ones(d), T, 0.5, n, replicas=seeds, seed=0),
        other=one_seed,
        other_share=1 / seeds,
        work=f"{seeds} seeds of {n} generations, d = {d}, T = {T}; other: numpy lstsq, 1 seed",
        limit=lambda: torch.randn(seeds, n, d * (d + 3) // 2, dtype=torch.float64),
        target=100,
    )


def _fixed_point() -> Iterator[Benchmark]:
    rng = np.random.default_rng(0)
    for d, problems in ((300, 500), (300, 50_000), (2000, 500)):
        s = spectra.power_law(d, 1.5).eigenvalues
        samples, ridge = np.exp(rng.uniform(0, 9, problems)), 10 ** rng.uniform(-6, 1, problems)

        def loop(s=s, samples=samples, ridge=ridge):
            return [
                # Without xtol small roots keep seven digits only: the two are to give the same numbers.
                brentq(lambda k, a=a, b=b: k - b - k * np.sum(s / (s + k)) / a, 0, b + s.sum() / a, xtol=TINY)
                for a, b in zip(samples[:500], ridge[:500], strict=True)
            ]

        yield Benchmark(
            name=f"effective ridge, d = {d}, {problems} problems",
            ours=lambda s=s, a=samples, b=ridge: equivalents.effective_ridge(s, a, b),
            other=loop,
            other_share=500 / problems,
            work=f"{problems} problems x {d} eigenvalues; other: scipy brentq, one at a time, 500 of them",
            target=100,
        )


def gpu_benchmarks() -> Iterator[Benchmark]:
    """The batched samplers and solvers at growing sizes: GPU against CPU."""

    def on_gpu(call):
        def run():
            call("cuda")
            torch.cuda.synchronize()

        return run

    for d, replicas in ((50, 20_000), (200, 2000), (800, 100)):
        spectrum, truth = spectra.power_law(d, 1.5), np.ones(d)

        def ridge(device, spectrum=spectrum, truth=truth, d=d, replicas=replicas):
            sampling.ridge(truth, spectrum, 4 * d, 0.1, 0.5, replicas=replicas, seed=0, device=device)

        yield Benchmark(
            name=f"ridge fit, d = {d}",
            ours=on_gpu(ridge),
            other=lambda call=ridge: call("cpu"),
            work=f"{replicas} fits by triangular factors; other: one CPU thread",
        )
    for replicas in (1000, 30_000, 1_000_000):

        def chain(device, replicas=replicas):
            sampling.isotropic_chain(1.0, 100, 200, 0.1, 0.5, 3, replicas=replicas, seed=0, device=device)

        yield Benchmark(
            name=f"isotropic ridge chain, {replicas} replicas",
            ours=on_gpu(chain),
            other=lambda call=chain: call("cpu"),
            work="3 generations, d = 100, T = 200; other: one CPU thread",
        )
    spectrum = spectra.power_law(2000, 1.5)
    for points in (100, 3000, 30_000):
        T, ridge = np.geomspace(10, 1e5, points), np.geomspace(1e-6, 1, points)
        tensors = torch.tensor(T, device="cuda"), torch.tensor(ridge, device="cuda")

        def solve(device, T=T, ridge=ridge, tensors=tensors):
            equivalents.effective_ridge(spectrum, *(tensors if device == "cuda" else (T, ridge)))

        yield Benchmark(
            name=f"effective ridge, {points} problems",
            ours=on_gpu(solve),
            other=lambda call=solve: call("cpu"),
            work="2000 eigenvalues; other: one CPU thread",
        )
