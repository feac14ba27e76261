"""Zipf sums and generations of copies beside brute force."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from harness import Benchmark
from scipy.special import zeta

from collapse import scaling
from collapse.tails import resampling


def benchmarks() -> Iterator[Benchmark]:
    yield from _zipf_sums()
    yield from _generations()


def _zipf_sums() -> Iterator[Benchmark]:
    beta, terms, chunk = 1.5, 10**8, 10**6

    def brute(T):
        total = 0.0
        for start in range(1, terms + 1, chunk):
            p = np.arange(start, start + chunk, dtype=float) ** -beta / zeta(beta)
            total += np.sum(p * np.exp(T * np.log1p(-p)))
        return total

    # What the brute force leaves out, items beyond 1e8, is known, and the two agree.
    T = 1e6
    rest = scaling.zipf_sum(lambda p, T: np.exp(T * np.log1p(-p)), beta, T, first=terms + 1)
    np.testing.assert_allclose(scaling.missing_mass(beta, T), brute(T) + rest, rtol=1e-10)
    yield Benchmark(
        name="Zipf sum over all ranks",
        ours=lambda: scaling.missing_mass(beta, T),
        other=lambda: brute(T),
        work="missing mass at beta = 1.5, T = 1e6; other: numpy, the first 1e8 ranks, in cache-sized pieces",
        target=1000,
    )


def _generations() -> Iterator[Benchmark]:
    beta, T0, n, ranks, some = 1.5, 10**6, 100, 10**7, 5
    rng = np.random.default_rng(0)

    def histogram():  # counts of every rank; the infinite law has to be cut for it
        items = rng.zipf(beta, T0)
        counts = np.bincount(items[items <= ranks], minlength=ranks + 1)
        for _ in range(some):
            counts = rng.multinomial(T0, counts / counts.sum())

    yield Benchmark(
        name="generations of copies, ancestors only",
        ours=lambda: resampling.sample_ancestors(T0, n, replicas=1, seed=0),
        other=histogram,
        other_share=some / n,
        work=f"1 chain, T0 = 1e6, n = {n}; other: multinomial counts of 1e7 ranks, {some} generations",
        # balls thrown: T0 times the sum of u_g
        limit=lambda: rng.integers(0, T0, int(T0 * resampling.survival(np.arange(1, n)).sum())),
    )
    yield Benchmark(
        name="generations of copies, every item",
        ours=lambda: resampling.simulate_resampled_error(beta, T0, n, replicas=2, seed=0, direct=True),
        other=histogram,
        other_share=some / n / 2,
        work=f"2 chains, T0 = 1e6, n = {n}; other: multinomial counts of 1e7 ranks, {some} generations of 1",
        limit=lambda: [rng.integers(0, T0, 2 * T0) for _ in range(n - 1)],
    )


def gpu_benchmarks() -> Iterator[Benchmark]:
    """Batched chains at growing numbers of replicas: GPU against CPU."""

    def on_gpu(call):
        def run():
            call("cuda")
            torch.cuda.synchronize()

        return run

    for replicas in (4, 40, 400):
        for name, direct in (("ancestors only", False), ("every item", True)):

            def chains(device, replicas=replicas, direct=direct):
                drawn = {"replicas": replicas, "seed": 0, "device": device, "direct": direct}
                resampling.simulate_resampled_error(1.5, 100_000, 30, **drawn)

            yield Benchmark(
                name=f"generations of copies, {name}, {replicas} replicas",
                ours=on_gpu(chains),
                other=lambda call=chains: call("cpu"),
                work="T0 = 1e5, n = 30; other: one CPU thread",
            )
