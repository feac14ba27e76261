"""The memoriser under any training law, against training sets that are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gamma, gammaln, zeta

from collapse import scaling, tails
from collapse.estimates import Estimate


def decoded(beta, temperature):
    """The law proportional to p^(1/temperature), as a function of p."""
    return lambda p: (p * zeta(beta)) ** (1 / temperature) / zeta(beta / temperature)


def head_draws(k, beta):
    """Draws from the first k items, renormalised."""
    head = np.cumsum(scaling.zipf_probabilities(k, beta))
    return lambda rng, shape: 1 + np.searchsorted(head / head[-1], rng.random(shape))


@pytest.mark.formula("thm-memory-error")
def test_error_against_drawn_training_sets_in_random_configurations():
    """48 configurations; chance alone gives the largest |z| the limit of `check`."""
    rng, z = np.random.default_rng(2024), []
    for k in range(24):
        beta, T = rng.uniform(1.4, 3), int(np.exp(rng.uniform(0, 6)))
        temperature = rng.uniform(0.5, min(1.3, beta / 1.25))
        cut = int(np.exp(rng.uniform(1, 5)))
        kept = scaling.zipf_probabilities(cut, beta)[-1] * (1 - 1e-12)
        mass = 1 - zeta(beta, cut + 1) / zeta(beta)
        for law, draw in (
            (decoded(beta, temperature), lambda g, n, b=beta / temperature: g.zipf(b, n)),
            (lambda p, low=kept, m=mass: np.where(p >= low, p / m, 0), head_draws(cut, beta)),
        ):
            run = tails.simulate_test_error(draw, beta, T, replicas=1500, seed=k)
            z.append(run.z(tails.test_error(law, beta, T)) if run.stderr > 0 else 0.0)
    Estimate(np.array(z), np.ones(len(z)), 1500, 0).check(np.zeros(len(z)), "48 configurations")


@pytest.mark.formula("thm-memory-error")
def test_false_formulas_are_seen():
    T = 5
    run = tails.simulate_test_error(lambda g, n: g.zipf(4.0, n), 2.0, T, replicas=20_000, seed=1)
    assert abs(run.z(tails.test_error(decoded(2.0, 0.5), 2.0, T))) < 4
    poisson = scaling.zipf_sum(lambda p, T: np.exp(-T * decoded(2.0, 0.5)(p)), 2.0, T)
    swapped = scaling.zipf_sum(lambda p, T: decoded(2.0, 0.5)(p) / p * (1 - p) ** T, 2.0, T)
    for false in (poisson, swapped, tails.test_error(decoded(2.0, 0.5), 2.0, T + 1)):
        assert abs(run.z(false)) > 6


def test_real_data_give_the_missing_mass():
    T = np.array([1, 10, 1e6])
    np.testing.assert_allclose(
        tails.test_error(lambda p: p, 1.5, T), scaling.missing_mass(1.5, T), rtol=1e-14
    )
    assert tails.test_error(lambda p: p, 1.5, 10, labels=4) == pytest.approx(
        0.75 * scaling.missing_mass(1.5, 10)
    )


@settings(max_examples=60)
@given(
    beta=st.floats(1.05, 20), T=st.floats(1, 1e12), share=st.floats(0, 1), temperature=st.floats(0.05, 1.0)
)
def test_a_mixture_is_no_worse_than_the_average(beta, T, share, temperature):
    cold, warm = decoded(beta, temperature), lambda p: p
    mixed = tails.test_error(lambda p: share * warm(p) + (1 - share) * cold(p), beta, T)
    apart = share * tails.test_error(warm, beta, T) + (1 - share) * tails.test_error(cold, beta, T)
    assert 0 <= mixed <= apart * (1 + 1e-9) + 1e-300


@pytest.mark.formula("thm-memory-best")
@pytest.mark.parametrize("beta", [1.2, 1.5, 2.0, 3.5])
def test_best_law_satisfies_the_optimality_conditions(beta):
    T = 200
    best = tails.best_training_law(beta, T)
    q, p = best.probabilities, scaling.zipf_probabilities(4 * T, beta)
    assert q.sum() == pytest.approx(1, abs=1e-9)
    pays = T * p[: len(q)] * (1 - q) ** (T - 1)
    np.testing.assert_allclose(pays, pays[0], rtol=1e-9)  # one more showing pays the same everywhere
    assert T * p[len(q)] <= pays[0]
    left = zeta(beta, len(q) + 1) / zeta(beta)
    assert best.error == pytest.approx((len(q) - 1) * pays[0] / T + left, rel=1e-9)
    rng = np.random.default_rng(0)
    tail = zeta(beta, 4 * T + 1) / zeta(beta)
    for spread in (1e2, 1e4, 1e6):
        other = rng.dirichlet(spread * np.maximum(np.pad(q, (0, 3 * T + T - len(q))), 1e-5))
        assert (p * (1 - other) ** T).sum() + tail > best.error


@pytest.mark.formula("thm-memory-best")
def test_best_law_simulated_and_for_large_samples():
    best = tails.best_training_law(2.0, 50)
    edges = np.cumsum(best.probabilities)
    run = tails.simulate_test_error(
        lambda g, n: 1 + np.searchsorted(edges / edges[-1], g.random(n)), 2.0, 50, replicas=4000, seed=3
    )
    assert abs(run.z(best.error)) < 4
    for beta in (1.3, 2.0, 3.0):
        ratio = [
            tails.best_training_law(beta, T).error / tails.best_error_asymptotic(beta, T) for T in (1e4, 1e6)
        ]
        assert abs(ratio[1] - 1) < 1e-4
        assert abs(ratio[1] - 1) < abs(ratio[0] - 1) / 20  # of order log T / T
        # Independent draws cost beta^beta against the list of the T most frequent items.
        listed = zeta(beta, 1e6 + 1) / zeta(beta)
        assert tails.best_error_asymptotic(beta, 1e6) / listed == pytest.approx(beta**beta, rel=1e-5)


@pytest.mark.formula("thm-memory-noise")
@pytest.mark.parametrize(("beta", "eta"), [(1.5, 0.0), (1.5, 0.2), (2.0, 0.3), (2.5, 0.45)])
def test_noisy_labels_against_drawn_labels(beta, eta):
    T = 1500
    run = tails.simulate_noisy_label_error(beta, T, eta, replicas=1500, seed=7)
    exact = tails.noisy_label_error(beta, T, eta)
    # T items against a Poisson number of them: a relative difference of c (c + 1) / (2 T).
    run.check(exact, "noisy labels", bias=1 / T)
    assert abs(run.z(tails.noisy_label_error(beta, T, eta + 0.1 if eta < 0.4 else 0.3))) > 5


@pytest.mark.formula("thm-memory-noise")
def test_the_majority_by_adding_up_votes():
    x, eta = 3.7, 0.23
    right, wrong = np.meshgrid(np.arange(80), np.arange(80), indexing="ij")
    log_factorial = np.concatenate([[0], np.cumsum(np.log(np.arange(1, 80)))])
    law = np.exp(
        -x
        + right * np.log(x * (1 - eta))
        + wrong * np.log(x * eta)
        - log_factorial[right]
        - log_factorial[wrong]
    )
    expected = law[wrong > right].sum() + law[wrong == right].sum() / 2
    ours = tails.memory._wrong_majority(np.array(x), np.array(eta))
    assert ours == pytest.approx(expected, rel=1e-10)


@settings(max_examples=60)
@given(x=st.floats(0, 200), eta=st.floats(0, 0.49))
def test_the_envelope_of_the_majority(x, eta):
    h = tails.memory._wrong_majority(np.array(x), np.array(eta))
    delta = (np.sqrt(1 - eta) - np.sqrt(eta)) ** 2
    assert np.exp(-x) / 2 * (1 - 1e-9) <= h + 1e-14
    assert h <= np.exp(-delta * x) / 2 * (1 + 1e-9) + 1e-14


@pytest.mark.formula("thm-memory-noise")
def test_noise_keeps_the_exponent():
    beta = np.array([1.25, 1.5, 2.0, 4.0])
    c = 1 - 1 / beta
    np.testing.assert_allclose(tails.noise_factor(beta, 0.0), 1, rtol=1e-9)
    for eta in (0.01, 0.3):
        factor = tails.noise_factor(beta, eta)
        assert ((factor > 1) & (factor < (np.sqrt(1 - eta) - np.sqrt(eta)) ** (-2 * c))).all()
        law = factor * gamma(c) / (2 * beta * zeta(beta) ** (1 / beta)) * 1e8**-c
        np.testing.assert_allclose(tails.noisy_label_error(beta, 1e8, eta), law, rtol=1e-8)


@pytest.mark.formula("thm-memory-noise")
@pytest.mark.parametrize("eta", [0.02, 0.2, 0.45])
def test_noise_factor_is_its_series_and_its_integral(eta):
    c, b = 0.3, np.arange(20_000)
    log_term = gammaln(c + 1 + 2 * b) - gammaln(c + 1) - 2 * gammaln(b + 1) + b * np.log(eta * (1 - eta))
    factor = tails.noise_factor(1 / (1 - c), eta)
    assert factor == pytest.approx((1 - 2 * eta) * np.exp(log_term).sum(), rel=1e-9)
    u = np.linspace(-60, 12, 20_001)  # x = e^u
    h = tails.memory._wrong_majority(np.minimum(np.exp(u), 1e4), np.array(eta))
    integral = np.trapezoid(np.exp(c * u) * h, u)
    assert factor == pytest.approx(2 * integral / gamma(c), rel=1e-6)


@pytest.mark.formula("prop-memory-composite")
def test_tasks_of_several_items():
    T, r = 300, np.array([1, 5, 25])
    U = scaling.sample_missing_mass(1.5, T, replicas=3000, seed=11)
    solved = Estimate.from_samples((1 - U[:, None]) ** r, 11)
    solved.check(tails.composite_success(1.5, T, r), "tasks", bias=0.005)
    plain = (1 - scaling.missing_mass(1.5, T)) ** r
    assert abs(solved.z(plain)[2]) > 4  # without the second order
    most = r * (r - 1) / 2 * scaling.missing_mass_spread(1.5, T) ** 2
    assert ((solved.z(plain) > -4) & (solved.z(plain + most) < 4)).all()


@pytest.mark.formula("prop-memory-composite")
def test_many_items_make_one_step():
    beta, x = 1.6, np.array([0.1, 1, 10])
    c, errors = 1 - 1 / beta, []
    for r in (100, 10_000):
        half = (r * scaling.missing_mass_asymptotic(beta, 1, correction=False) / np.log(2)) ** (1 / c)
        errors.append(abs(tails.composite_success(beta, x * half, r) * 2 ** (x**-c) - 1))
    assert (errors[1] < 1e-3).all() and (errors[1] < errors[0] / 30).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tails.test_error(lambda p: 2 + p, 2.0, 10), "law must map"),
        (lambda: tails.test_error(lambda p: p, 1.0, 10), "beta must be > 1"),
        (lambda: tails.test_error(lambda p: p, 2.0, 0.5), "T must be >= 1"),
        (lambda: tails.test_error(lambda p: p, 2.0, 10, labels=1), "labels must be >= 2"),
        (lambda: tails.best_training_law(2.0, 1), "T must be >= 2"),
        (lambda: tails.best_training_law(2.0, 10**8), "T must be <= 10000000"),
        (lambda: tails.noisy_label_error(2.0, 10, 0.5), "flip_rate must be < 0.5"),
        (lambda: tails.noise_factor(2.0, -0.1), "flip_rate must be >= 0"),
        (lambda: tails.composite_success(2.0, 10, 0), "items must be >= 1"),
        (lambda: tails.simulate_noisy_label_error(1.1, 10, 0.1, replicas=5, seed=0), "beta must be >= 1.2"),
        (lambda: tails.simulate_test_error(None, 2.0, 0, replicas=5, seed=0), "T must be >= 1"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
