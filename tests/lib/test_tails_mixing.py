"""Mixtures of real and generated data, fresh samples and copies, against training sets that are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammainc, zeta

from collapse import scaling, tails
from collapse.estimates import Estimate
from collapse.tails import mixing


def by_brute_force(beta, T, k, share, first=1, N=400_000):
    """Term by term to rank N; the rest, seen at most once in a while, to first order."""
    p = scaling.zipf_probabilities(N, beta)
    i = np.arange(1, N + 1)
    rest = zeta(beta, N + 1) / zeta(beta)
    real = np.where(i >= first, p, 0) / (1 if first == 1 else zeta(beta, first) / zeta(beta))
    q = (1 - share) * real + share * np.where(i <= k, p, 0) / p[:k].sum()
    return (p * (1 - q) ** T).sum() + rest


@pytest.mark.formula("thm-mix-error", "thm-mix-tail")
@pytest.mark.parametrize(
    "case", [(1.5, 20, 0.98, 1), (2.0, 10, 0.5, 1), (2.5, 30, 0.9, 31), (2.0, 5, 0.8, 40)]
)
def test_exact_errors_against_addition(case):
    beta, k, share, first = case
    T = np.array([1, 17, 1000])
    ours = tails.mixture_error(beta, T, k, share, first=None if first == 1 else first)
    theirs = [by_brute_force(beta, t, k, share, first) for t in T]
    np.testing.assert_allclose(ours, theirs, rtol=2e-5)


@pytest.mark.formula("thm-mix-error", "thm-mix-tail")
def test_random_configurations_against_drawn_training_sets():
    """40 configurations of both kinds; chance alone gives the largest |z| the limit of `check`."""
    rng, z = np.random.default_rng(2025), []
    for seed in range(40):
        beta, T = rng.uniform(1.4, 3), int(np.exp(rng.uniform(0, 7)))
        k, share = int(np.exp(rng.uniform(0.7, 4))), rng.uniform(0.3, 1)
        first = None if seed % 2 else k + 1 + int(np.exp(rng.uniform(0, 4)))
        run = tails.simulate_mixture_error(beta, T, k, share, first=first, replicas=600, seed=seed)
        z.append(run.z(tails.mixture_error(beta, T, k, share, first=first)))
    Estimate(np.array(z), np.ones(40), 600, 0).check(np.zeros(40), "40 configurations")


@pytest.mark.formula("thm-mix-error")
@settings(max_examples=100)
@given(
    beta=st.floats(1.1, 5),
    T=st.floats(1, 1e12),
    k=st.integers(1, 10**5),
    share=st.floats(0, 1),
)
def test_closed_form_lies_within_its_bound(beta, T, k, share):
    exact = tails.mixture_error(beta, T, k, share)
    law = tails.mixture_error_asymptotic(beta, T, k, share)
    a = 1 - share + share / (1 - tails.tail_mass(beta, k))
    x = (k + 0.5) ** -beta / zeta(beta)
    tail = min(1 / (np.e * (1 - share) * T) if share < 1 else np.inf, x / 2)
    # (1 - q)^T instead of e^(-Tq): less by at most T q^2 e^(-Tq) (and the whole term where q > 1/2).
    poisson = scaling.zipf_sum(
        lambda p, T: np.minimum(1, T * (a * p) ** 2) * np.exp(-T * (1 - share) * p), beta, T
    )
    assert np.isfinite(law) and law > 0
    assert abs(law - exact) <= 1 / (np.e * a * T) + tail + poisson + 1e-12
    slope = tails.mixture_slope(beta, T, k, share)
    assert -1 <= slope <= 0


@pytest.mark.formula("thm-mix-error")
@pytest.mark.parametrize("k", [10, 30, 100])
def test_closed_form_is_off_by_the_slope_at_its_edge(k):
    """Half cells of equal size on both sides: what is left is 1/24 of the jump of the slope at k + 1/2."""
    beta, real, T = 1.5, 0.01, np.logspace(3, 7, 25)
    a = real + (1 - real) / (1 - tails.tail_mass(beta, k))
    parts = ((a, {"last": k}), (real, {"first": k + 1}))
    sums = sum(scaling.zipf_sum(lambda p, T: np.exp(-T * p), beta, s * T, **rest) for s, rest in parts)
    x = (k + 0.5) ** -beta / zeta(beta)
    slopes = [-beta * x / (k + 0.5) * (1 - s * T * x) * np.exp(-s * T * x) for s in (a, real)]
    off = tails.mixture_error_asymptotic(beta, T, k, 1 - real) - sums
    np.testing.assert_allclose(off, (slopes[0] - slopes[1]) / 24, atol=x / k**3)


@pytest.mark.formula("prop-mix-plateau")
def test_slope_is_the_derivative():
    T = np.logspace(2, 9, 15)
    for share in (0.0, 0.9, 0.999, 1.0):
        up, down = (
            np.log(tails.mixture_error_asymptotic(1.7, T * f, 50, share)) for f in (1 + 1e-5, 1 - 1e-5)
        )
        numerical = (up - down) / np.log((1 + 1e-5) / (1 - 1e-5))
        np.testing.assert_allclose(tails.mixture_slope(1.7, T, 50, share), numerical, atol=2e-8)


@pytest.mark.formula("prop-mix-plateau")
def test_three_regimes():
    beta, k, real = 2.0, 1000, 1e-6
    start, end, height = tails.plateau(beta, k, 1 - real)
    clean = lambda T: scaling.missing_mass_asymptotic(beta, T, correction=False)  # noqa: E731
    assert tails.mixture_error(beta, start / 1e4, k, 1 - real) == pytest.approx(clean(start / 1e4), rel=5e-3)
    assert tails.mixture_error(beta, np.sqrt(start * end), k, 1 - real) == pytest.approx(height, rel=1e-3)
    assert tails.mixture_error(beta, 100 * end, k, 1 - real) == pytest.approx(
        clean(100 * end * real), rel=1e-4
    )


@pytest.mark.formula("prop-mix-worth")
@settings(max_examples=100)
@given(beta=st.floats(1.2, 4), T=st.floats(1, 1e10), k=st.integers(2, 10**4), real=st.floats(1e-4, 0.999))
def test_worth_lies_between_its_bounds(beta, T, k, real):
    c, u = 1 - 1 / beta, real * T * (k + 0.5) ** -beta / zeta(beta)
    worth = tails.worth_of_generated(beta, T, k, 1 - real) / (real * T)
    assert -1e-9 <= worth <= gammainc(c, u) ** (-1 / c) * (1 + 1e-9) - 1 + 1e-9


@pytest.mark.formula("prop-mix-worth")
def test_worth_in_drawn_data():
    """A learner with the effective number of real samples has the simulated error of the mixture."""
    beta, T, k, share = 1.5, 3000, 100, 0.95
    size = (1 - share) * T + tails.worth_of_generated(beta, T, k, share)
    run = tails.simulate_mixture_error(beta, T, k, share, replicas=400, seed=3)
    run.check(scaling.missing_mass(beta, size), "worth", bias=2e-3)
    assert abs(run.z(scaling.missing_mass(beta, (1 - share) * T))) > 20


@pytest.mark.formula("thm-mix-heal")
@pytest.mark.parametrize("case", [(1.5, 0, 40, 30), (1.5, 50, 400, 100), (2.0, 20, 5, 400), (2.5, 3, 0, 7)])
def test_copies_against_drawn_corpora(case):
    beta, T1, T2, T0 = case
    run = tails.simulate_healed_error(beta, T1, T2, T0, replicas=6000, seed=5)
    exact = tails.healed_error(beta, T1, T2, T0)
    run.check(exact, "copies")
    size = tails.healed_samples(T1, T2, T0)
    jensen = scaling.missing_mass(beta, size)
    assert jensen <= exact * (1 + 1e-12)
    assert jensen == pytest.approx(exact, rel=5e-3)
    if T2 > 5:
        assert abs(run.z(scaling.missing_mass(beta, T1 + T2))) > 10  # copies counted as fresh


def test_published_rows():
    assert tails.healed_error(1.5, 200, 5000, 1000) == pytest.approx(0.088754, abs=1e-6)
    assert tails.healed_error(2.0, 500, 500, 1000) == pytest.approx(0.023107, abs=2e-6)
    rows = {
        (1.5, 1000, 20, 0.98): 0.165744,
        (1.5, 20_000, 20, 0.98): 0.122716,
        (2.0, 3000, 10, 0.95): 0.045222,
    }
    for arguments, value in rows.items():
        assert tails.mixture_error(*arguments) == pytest.approx(value, abs=1e-6)
    assert tails.mixture_error(1.5, 1000, 50, 0.95, first=51) == pytest.approx(0.103354, abs=1e-6)
    assert tails.mixture_error(1.5, 20_000, 50, 0.95, first=200) == pytest.approx(0.088675, abs=1e-6)


def test_limits_of_the_share():
    T = np.array([3, 300, 30_000])
    np.testing.assert_allclose(tails.mixture_error(1.6, T, 40, 0.0), scaling.missing_mass(1.6, T), rtol=1e-12)
    np.testing.assert_allclose(tails.mixture_error(1.6, T, 40, 1.0), tails.cut_error(1.6, T, 40), rtol=1e-12)
    whole = 1 - tails.tail_mass(1.6, 40)  # real tail and generated head in their true proportion: the world
    np.testing.assert_allclose(
        tails.mixture_error(1.6, T, 40, whole, first=41), scaling.missing_mass(1.6, T), rtol=1e-12
    )


def test_law_of_the_tail_sampler():
    rng = np.random.default_rng(8)
    for beta, first in ((1.4, 1), (2.0, 7), (3.0, 200)):
        items = mixing._tail_items(rng, beta, first, 200_000)
        for low in (first, first + 1, 2 * first, 10 * first):
            share = zeta(beta, low + 1) / zeta(beta, first)
            error = np.sqrt(share * (1 - share) / len(items)) + 1e-12
            assert abs((items > low).mean() - share) < 4 * error


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tails.mixture_error(1.5, 10, 10, 1.5), "synthetic_fraction must be between 0 and 1"),
        (lambda: tails.mixture_error(1.5, 10, 10, 0.5, first=10), "first must be >= 11"),
        (lambda: tails.mixture_error(0.9, 10, 10, 0.5), "beta must be > 1"),
        (lambda: tails.mixture_error(1.5, 0, 10, 0.5), "T must be >= 1"),
        (lambda: tails.mixture_error(1.5, 10, 0, 0.5), "k must be >= 1"),
        (lambda: tails.plateau(1.5, 10, 1.0), "synthetic_fraction must be < 1"),
        (lambda: tails.healed_samples(-1, 1, 1), "T1 must be >= 0"),
        (lambda: tails.healed_error(1.5, 0, 0, 5), r"T1 \+ T2 must be >= 1"),
        (lambda: tails.healed_error(1.5, 0, 10**7, 5), "T2 must be <= 1000000"),
        (lambda: tails.simulate_mixture_error(1.1, 5, 5, 0.5, replicas=9, seed=0), "beta must be >= 1.2"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
