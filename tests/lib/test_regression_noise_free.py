"""Chains that forget: closed forms, recursion, modes, limit and budget, against full data.

Comparisons with simulation use |z| <= 4: with the fixed seeds they are deterministic, and for a right
formula a fresh seed would exceed it once in 16 000 comparisons. A relative finite-size error is allowed only
to asymptotic formulas, and is stated where it is.
"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate

from collapse import regression, ridge, spectra
from collapse.estimates import Estimate
from collapse.regression import Chain

D = 40
SPECTRA = {
    "flat": spectra.isotropic(D, scale=2.0),
    "power": spectra.power_law(D, 1.2, scale=5.0),
    "two": spectra.two_level(D, 4.0, 0.25, 0.25),
}


def fit(w, s, T, noise, penalty, rng, X=None):
    """One fit to full data, by the dual formula, independent of the library."""
    if X is None:
        X = rng.standard_normal((len(w), T, len(s))) * np.sqrt(s)
    Y = X @ w[..., None] + noise * rng.standard_normal((len(w), T, 1))
    Xt = X.transpose(0, 2, 1)
    return (Xt @ np.linalg.solve(X @ Xt + T * penalty * np.eye(T), Y))[..., 0]


def retrain(s, truth, T0, n, noise0=0.0, ridge0=0.0, *, runs, seed, shared=False):
    """Generations 0 to n of many chains, shape (runs, n + 1, d)."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((runs, T0, len(s))) * np.sqrt(s) if shared else None
    path = [np.broadcast_to(truth, (runs, len(s)))]
    for _ in range(n):
        path.append(fit(path[-1], s, T0, noise0, ridge0, rng, X))
    return np.stack(path, axis=1)


def error(path, truth, s, seed):
    return Estimate.from_samples((path - truth) ** 2 @ s, seed)


def problem(name):
    """Eigenvalues one by one, an uneven truth, and the same signal in blocks."""
    spectrum = SPECTRA[name]
    signal = np.arange(1.0, len(spectrum) + 1)
    m = spectrum.multiplicities.astype(int)
    return spectrum, signal, spectrum.expanded, np.repeat(np.sqrt(signal / m), m)


# -- flat inputs, exact -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("T0", "noise0"), [(10, 0.0), (30, 0.0), (20, 0.7), (33, 0.5)])
@pytest.mark.formula("thm-free-isotropic")
def test_flat_minimum_norm_chain_is_exact(T0, noise0):
    """No finite-size allowance. Mean, squared norm and error of generations 1 to 5."""
    truth = np.full(D, (1.69 / D) ** 0.5)
    g = np.arange(1, 6)
    path = retrain(np.ones(D), truth, T0, 5, noise0, runs=2000, seed=T0)[:, 1:]
    theory = regression.isotropic_generator_error(D, Chain(T0, g, noise0), 1.69)
    assert np.abs(error(path, truth, np.ones(D), 0).z(theory)).max() < 4
    eta = T0 / D
    assert np.abs(Estimate.from_samples(path @ truth, 0).z(1.69 * eta**g)).max() < 4
    made = noise0**2 * T0 / (D - T0 - 1) * (1 - eta**g) / (1 - eta)
    norm = Estimate.from_samples((path**2).sum(-1), 0)
    assert np.abs(norm.z(1.69 * eta**g + made)).max() < 4
    # d - T0 in the place of d - T0 - 1 must be told apart: it is 12 % off the noise at T0 = 33.
    if T0 == 33:
        fine = regression.simulate_isotropic_generator_error(
            D, Chain(T0, 5, noise0), norm2=1.69, replicas=60_000, seed=1
        )
        assert np.abs(fine.z(theory)).max() < 4
        assert np.abs(fine.z(1.69 * (1 - eta**g) + made * (D - T0 - 1) / (D - T0))).min() > 4


@pytest.mark.parametrize(("T0", "noise0"), [(10, 0.0), (20, 0.7), (33, 0.5)])
@pytest.mark.formula("thm-free-shared")
def test_shared_inputs_forget_once(T0, noise0):
    truth = np.full(D, D**-0.5)
    g = np.arange(1, 6)
    path = retrain(np.ones(D), truth, T0, 5, noise0, runs=1500, seed=50 + T0, shared=True)[:, 1:]
    theory = regression.isotropic_generator_error(D, Chain(T0, g, noise0, design="shared"))
    np.testing.assert_allclose(theory, 1 - T0 / D + g * noise0**2 * T0 / (D - T0 - 1))
    assert np.abs(error(path, truth, np.ones(D), 0).z(theory)).max() < 4
    if not noise0:  # and not only on average
        np.testing.assert_allclose(path[:, 4], path[:, 0], atol=1e-9)


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.formula("thm-free-shared")
def test_shared_inputs_for_any_spectrum(name):
    """The recursion with a shared design, and the final fit. Allowed: 7 % at d = 40, about 1/(d - T0)."""
    spectrum, signal, s, truth = problem(name)
    g = np.arange(1, 6)
    path = retrain(s, truth, 20, 5, 1.0, runs=600, seed=55, shared=True)
    theory = regression.generator_error(spectrum, signal, Chain(20, g, 1.0, design="shared"))
    assert np.abs(error(path[:, 1:], truth, s, 0).z(theory, bias=0.07)).max() < 4
    last = fit(path[:, -1], s, 60, 0.5, 0.1, np.random.default_rng(56))
    chain = Chain(20, 5, 1.0, design="shared")
    theory = regression.test_error(spectrum, signal, 60, 0.1, 0.5, chain).value
    assert abs(error(last, truth, s, 0).z(theory, bias=0.07)) < 4


def test_flat_shared_chain_with_a_final_fit():
    """Allowed: 1 % for the penalised final fit; the generators are exact."""
    truth = np.full(D, D**-0.5)
    path = retrain(np.ones(D), truth, 30, 4, 0.5, runs=1500, seed=57, shared=True)
    last = fit(path[:, -1], np.ones(D), 60, 0.5, 0.1, np.random.default_rng(58))
    theory = regression.isotropic_test_error(D, 60, 0.1, 0.5, Chain(30, 4, 0.5, design="shared")).value
    assert abs(error(last, truth, np.ones(D), 0).z(theory, bias=0.01)) < 4


@pytest.mark.formula("prop-free-final")
def test_no_final_fit_beats_the_floor():
    """Proposition: the error is at least (1 - eta0^n) p, with equality at infinite data and no ridge."""
    T = np.array([5, 20, 60, 10**9])[:, None]
    penalty = np.array([0.0, 1e-6, 1e-3, 0.1, 10.0])
    for n in (0, 1, 4):
        value = regression.isotropic_test_error(D, T, penalty, 0.0, Chain(30, n, 0.0)).value
        assert (value >= 1 - 0.75**n - 1e-12).all()
        assert value[3, 0] == pytest.approx(1 - 0.75**n, abs=1e-12)


@pytest.mark.formula("prop-free-final")
def test_best_final_ridge_with_generator_noise():
    n, noise0 = 3, 0.4
    N = noise0**2 * 30 / 9 * (1 - 0.75**n) / 0.25
    best = N / 0.75**n
    around = best * np.array([0.9, 1.0, 1.1])
    value = regression.isotropic_test_error(D, 1e12, around, 0.0, Chain(30, n, noise0)).value
    assert value.argmin() == 1
    assert value[1] == pytest.approx(1 - 0.75**n / (1 + best), rel=1e-9)


@pytest.mark.parametrize("T0", [20, 60])
@pytest.mark.parametrize("ridge0", [0.0, 0.1])
@pytest.mark.formula("cor-free-isotropic")
def test_flat_closed_form_is_the_recursion(T0, ridge0):
    """Equal to the general recursion; without penalty up to the exact factor d - T0 - 1 of the noise."""
    flat = spectra.isotropic(D)
    chain = Chain(T0, np.arange(6), 0.5 if ridge0 or T0 > D else 0.0, ridge0)
    theory = regression.generator_error(flat, [1.3], chain)
    np.testing.assert_allclose(regression.isotropic_generator_error(D, chain, 1.3), theory, rtol=1e-10)
    for T in (15, 90):
        parts = regression.isotropic_test_error(D, T, 0.2, 0.3, chain, 1.3)
        general = regression.test_error(flat, [1.3], T, 0.2, 0.3, chain)
        for name in ("bias", "variance", "collapse"):
            np.testing.assert_allclose(
                np.broadcast_to(getattr(parts, name), 6), getattr(general, name), rtol=1e-9, atol=1e-12
            )


@pytest.mark.formula("cor-free-isotropic")
def test_flat_ridge_chain_against_full_data():
    """Allowed: 2 % at d = 40. Both sides of T0 = d, and the final fit."""
    truth = np.full(D, D**-0.5)
    for T0, seed in ((25, 60), (70, 61)):
        g = np.arange(1, 6)
        path = retrain(np.ones(D), truth, T0, 5, 0.5, 0.15, runs=800, seed=seed)
        theory = regression.isotropic_generator_error(D, Chain(T0, g, 0.5, 0.15))
        assert np.abs(error(path[:, 1:], truth, np.ones(D), 0).z(theory, bias=0.02)).max() < 4
        last = fit(path[:, -1], np.ones(D), 50, 0.3, 0.2, np.random.default_rng(seed + 10))
        theory = regression.isotropic_test_error(D, 50, 0.2, 0.3, Chain(T0, 5, 0.5, 0.15)).value
        assert abs(error(last, truth, np.ones(D), 0).z(theory, bias=0.02)) < 4


def test_least_squares_is_the_limit_of_small_penalties_and_long_chains_are_cheap():
    chain = Chain(60, [1, 10**6], 0.5)
    exact = 0.25 * D / 19 * np.array([1, 10**6])
    np.testing.assert_allclose(regression.isotropic_generator_error(D, chain), exact)
    flat = Chain(6000, 100, 0.5, 1e-9)
    near = regression.isotropic_generator_error(4000, flat)
    assert near == pytest.approx(100 * 0.25 * 4000 / 2000, rel=1e-5)
    assert regression.isotropic_generator_error(D, Chain(30, 10**9, 0.0)) == 1.0


# -- the recursion for any spectrum -----------------------------------------------------------------------


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize(("T0", "ridge0"), [(20, 0.0), (30, 0.3), (70, 0.3)])
@pytest.mark.formula("thm-free-general")
def test_recursion_against_full_data(name, T0, ridge0):
    """Generations 1 to 4 and the final fit. Allowed: 6 % at d = 40, of the order of 1/(d - T0)."""
    spectrum, signal, s, truth = problem(name)
    noise0 = 0.5 * truth[0] * s[0] ** 0.5
    g = np.arange(1, 5)
    path = retrain(s, truth, T0, 4, noise0, ridge0, runs=500, seed=70)
    theory = regression.generator_error(spectrum, signal, Chain(T0, g, noise0, ridge0))
    assert np.abs(error(path[:, 1:], truth, s, 0).z(theory, bias=0.06)).max() < 4
    last = fit(path[:, -1], s, 60, noise0, 0.1, np.random.default_rng(71))
    theory = regression.test_error(spectrum, signal, 60, 0.1, noise0, Chain(T0, 4, noise0, ridge0)).value
    assert abs(error(last, truth, s, 0).z(theory, bias=0.06)) < 4


@pytest.mark.formula("thm-free-general")
def test_recursion_notices_a_missing_leak():
    """Without the rank-one term the noise-free error of the two-level chain is far off."""
    spectrum, signal, s, truth = problem("two")
    path = retrain(s, truth, 20, 4, runs=500, seed=72)
    filters = regression.mode_filter(spectrum, 20, 0.0, 4)
    filtered = (spectrum.eigenvalues * signal * (1 - filters) ** 2).sum()
    assert error(path[:, -1], truth, s, 0).z(filtered, bias=0.06) > 10


# -- modes, rate, limit ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.formula("thm-free-modes")
def test_mode_filter_is_the_mean(name):
    """Means of all directions after 1, 2 and 5 generations; allowed 2 %."""
    s = SPECTRA[name].expanded
    path = retrain(s, np.ones(D), 25, 5, runs=2000, seed=80)[:, [1, 2, 5]]
    theory = regression.mode_filter(s, 25, 0.0, [1, 2, 5])
    agreement = Estimate.from_samples(path, 80).agreement(theory, bias=0.02)
    assert agreement.passed, str(agreement)
    # One generation more or less must be told apart.
    assert not Estimate.from_samples(path, 80).agreement(theory**1.5, bias=0.02).passed


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize(("T0", "ridge0"), [(25, 0.0), (25, 0.3), (70, 0.3)])
def test_rate_is_the_largest_eigenvalue_of_the_map(name, T0, ridge0):
    s = SPECTRA[name].expanded
    filters = regression.mode_filter(s, T0, ridge0, 1)
    kappa = s[0] * (1 / filters[0] - 1)
    b = s / (s + kappa) ** 2
    matrix = np.diag(filters**2) + kappa**2 / (T0 - (filters**2).sum()) * np.outer(b, b)
    rate = regression.decay_rate(SPECTRA[name], T0, ridge0)
    assert rate == pytest.approx(np.linalg.eigvalsh(matrix)[-1], rel=1e-10)
    assert filters[0] ** 2 < rate <= filters[0] * (1 + 1e-12)


@pytest.mark.formula("thm-free-modes")
def test_rate_against_full_data():
    """Ratio of mean squared norms, generations 6 and 9, two levels. Allowed: 2 % on the ratio."""
    s = SPECTRA["two"].expanded
    path = retrain(s, np.ones(D), 20, 9, ridge0=0.5, runs=3000, seed=81)
    square = (path**2).sum(-1)
    ratio = square[:, 9].mean() / square[:, 6].mean()
    linear = (square[:, 9] - ratio * square[:, 6]) / square[:, 6].mean()
    rate = regression.decay_rate(SPECTRA["two"], 20, 0.5) ** 3
    stderr = linear.std() / len(linear) ** 0.5
    assert abs(ratio - rate) < 4 * stderr + 0.02 * rate
    assert abs(ratio - regression.mode_filter(s, 20, 0.5, 3)[0] ** 2) > 4 * stderr + 0.02 * rate


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize(("T0", "ridge0"), [(25, 0.0), (25, 0.3), (70, 0.3)])
def test_limit_is_the_error_of_a_long_chain(name, T0, ridge0):
    spectrum, signal, *_ = problem(name)
    long = regression.generator_error(spectrum, signal, Chain(T0, 3000, [0.0, 2.0], ridge0))
    np.testing.assert_allclose(
        regression.generator_limit(spectrum, signal, T0, ridge0, [0.0, 2.0]), long, rtol=1e-6
    )


@pytest.mark.formula("thm-free-modes")
def test_limit_against_full_data():
    """Thirty generations at a large penalty; allowed 3 %."""
    spectrum, signal, s, truth = problem("two")
    path = retrain(s, truth, 30, 30, 2.0, 2.0, runs=300, seed=82)
    limit = regression.generator_limit(spectrum, signal, 30, 2.0, 2.0)
    assert abs(error(path[:, -1], truth, s, 0).z(limit, bias=0.03)) < 4
    assert limit > (spectrum.eigenvalues * signal).sum()


# -- budget ------------------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(
    st.lists(st.floats(1e-4, 1e3), min_size=2, max_size=30),
    st.integers(0, 2**31),
    st.integers(1, 60),
    st.floats(1e-6, 1e2),
    st.integers(1, 300),
    st.sampled_from([0.0, 0.5, 1e4]),
)
@pytest.mark.formula("thm-free-budget")
def test_budget_bounds_hold_for_any_spectrum_and_truth(s, seed, T0, ridge0, n, noise0):
    signal = np.random.default_rng(seed).exponential(size=len(s)) ** 3
    chain = Chain(T0, n, noise0, ridge0)
    value = regression.generator_error(s, signal, chain)
    lower, upper = regression.budget_bounds(s, signal, chain)
    # The recursion subtracts numbers of the size of the total signal.
    slack = 1e-10 * (np.asarray(s) @ signal)
    assert lower - slack <= value * (1 + 1e-9) and value * (1 - 1e-9) <= upper + slack


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.formula("thm-free-budget")
def test_budget_bounds_hold_for_simulated_chains(name):
    spectrum, signal, s, truth = problem(name)
    n = np.array([1, 3, 9])
    path = retrain(s, truth, 25, 9, 1.0, runs=300, seed=83)[:, n]
    lower, upper = regression.budget_bounds(spectrum, signal, Chain(25, n, 1.0))
    mean = error(path, truth, s, 0).mean
    assert (lower < mean).all() and (mean < upper).all()


@pytest.mark.parametrize(("alpha", "r", "slope"), [(1.5, 0.5, 1.0), (2.0, 0.3, 0.6), (1.5, 1.5, 2.0)])
@pytest.mark.formula("cor-free-power")
def test_power_laws_forget_polynomially(alpha, r, slope):
    """Exponent of the noise-free error in n, T0 = 10 000, n = 30 to 300: within 0.02 of 2 min(r, 1)."""
    wide = spectra.compress(spectra.power_law(10**6, alpha), spectra.power_law_signal(10**6, alpha, r))
    value = regression.generator_error(*wide, Chain(10_000, [30, 300], 0.0))
    assert np.log10(value[1] / value[0]) == pytest.approx(slope, abs=0.02)
    noise = regression.generator_error(wide[0], 0 * wide[1], Chain(10_000, [1000, 4000], 1.0))
    assert np.log(noise[1] / noise[0]) / np.log(4) == pytest.approx(1 - 1 / alpha, abs=0.02)


@pytest.mark.formula("prop-free-best")
def test_best_generator_ridge_for_small_noise():
    """Proposition; what is left out is of relative order noise0^2."""
    flat, noise0 = spectra.isotropic(9000), 0.005
    n = np.array([1, 2, 5, 20])
    for phi0 in (0.2, 0.6):
        best = regression.optimal_generator_ridge(flat, [2.0], round(9000 / phi0), n, noise0)
        limit = (2 + (n - 1) * (1 - phi0)) / (2 * (n * (1 - phi0) + phi0))
        np.testing.assert_allclose(best / (noise0**2 * phi0 / 2.0), limit, rtol=2e-3)


def test_best_generator_ridge_is_a_minimum():
    spectrum, signal, *_ = problem("power")
    best = regression.optimal_generator_ridge(spectrum, signal, [60, 90], 4, 1.0)
    for T0, centre in zip((60, 90), best, strict=True):
        around = regression.generator_error(
            spectrum, signal, Chain(T0, 4, 1.0, centre * np.array([0.9, 1, 1.1]))
        )
        assert around.argmin() == 1
    assert regression.optimal_generator_ridge(spectrum, signal, 60, 4, 0.0) == 0


# -- exercises ---------------------------------------------------------------------------------------------


def test_ridge_on_shared_inputs_is_a_marchenko_pastur_integral():
    """Solution of the exercise; allowed 2 % at d = 60."""
    phi, penalty, noise0, n, d = 0.5, 0.1, 0.5, 4, 60

    def weighted(u):
        f = u / (u + penalty)
        noise = sum(f ** (2 * j) for j in range(n)) * u / (u + penalty) ** 2
        return ((1 - f**n) ** 2 + noise0**2 * phi * noise) * ridge.marchenko_pastur_density(u, phi)

    theory = integrate.quad(weighted, (1 - phi**0.5) ** 2, (1 + phi**0.5) ** 2)[0]
    truth = np.full(d, d**-0.5)
    path = retrain(np.ones(d), truth, 2 * d, n, noise0, penalty, runs=200, seed=90, shared=True)
    assert abs(error(path[:, -1], truth, np.ones(d), 0).z(theory, bias=0.02)) < 4


def test_two_levels_by_hand():
    two = spectra.two_level(200, 1.0, 1e-4, 0.25)
    strong, weak = regression.mode_filter(two, 150, 0.0, 1)
    assert weak == pytest.approx(100 / 150, rel=1e-3)
    assert 1 - strong == pytest.approx(1e-4 * 50 / 100, rel=1e-3)


# -- grammar -----------------------------------------------------------------------------------------------


def test_broadcasting():
    spectrum, signal, *_ = problem("two")
    T0, n = np.array([10, 20, 70])[:, None], np.array([0, 1, 5, 9])
    chain = Chain(T0, n, 0.3, 0.1)
    lower, upper = regression.budget_bounds(spectrum, signal, chain)
    filters = regression.mode_filter(spectrum, T0, 0.1, n)
    limit = regression.generator_limit(spectrum, signal, T0, [0.1, 0.2], 0.3)
    flat = regression.isotropic_generator_error(D, chain)
    final = regression.isotropic_test_error(D, 50, 0.1, 0.2, chain).value
    assert lower.shape == upper.shape == flat.shape == final.shape == (3, 4)
    assert filters.shape == (3, 4, 2) and limit.shape == (3, 2)
    assert regression.decay_rate(spectrum, T0, [0.1, 0.2]).shape == (3, 2)
    one = Chain(20, 5, 0.3, 0.1)
    assert lower[1, 2] == pytest.approx(regression.budget_bounds(spectrum, signal, one).lower)
    assert upper[1, 2] == pytest.approx(regression.budget_bounds(spectrum, signal, one).upper)
    assert flat[1, 2] == pytest.approx(regression.isotropic_generator_error(D, one))
    assert limit[1, 1] == pytest.approx(regression.generator_limit(spectrum, signal, 20, 0.2, 0.3))
    assert regression.decay_rate(spectrum, T0, [0.1, 0.2])[1, 1] == pytest.approx(
        regression.decay_rate(spectrum, 20, 0.2)
    )
    np.testing.assert_allclose(filters[1, 2], regression.mode_filter(spectrum, 20, 0.1, 5))
    assert (lower[:, 0] == 0).all() and (flat[:, 0] == 0).all()


def test_tensors_keep_their_gradient():
    ridge0 = torch.tensor([0.1, 0.2], dtype=torch.float64, requires_grad=True)
    chain = Chain(30, 4, 0.3, ridge0)
    for value in (
        regression.isotropic_generator_error(D, chain),
        regression.isotropic_test_error(D, 50, 0.1, 0.2, chain).value,
        regression.mode_filter(SPECTRA["two"], 30, ridge0, 3).sum(-1),
        regression.generator_limit(SPECTRA["two"], [1.0, 2.0], 30, ridge0, 0.3),
        regression.budget_bounds(SPECTRA["two"], [1.0, 2.0], chain).upper,
    ):
        (gradient,) = torch.autograd.grad(value.sum(), ridge0)
        assert torch.isfinite(gradient).all() and (gradient != 0).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: regression.isotropic_generator_error(0, Chain(3, 1, 0.0)), "d must"),
        (lambda: regression.isotropic_generator_error(5, 3), "chain must be a Chain"),
        (
            lambda: regression.isotropic_generator_error(5, Chain(3, 1, 0.0, design="dependent")),
            "independent",
        ),
        (lambda: regression.isotropic_generator_error(5, Chain(4, 1, 0.1)), "T0 must not be within 1"),
        (lambda: regression.isotropic_generator_error(5, Chain(3, 1, 0.0), -1.0), "norm2 must"),
        (lambda: regression.isotropic_test_error(5, 0, 0.1, 0.1, Chain(3, 1, 0.0)), "T must"),
        (lambda: regression.isotropic_test_error(5, 5, 0.0, 0.1, Chain(3, 1, 0.0)), "T must not be within 1"),
        (lambda: regression.isotropic_test_error(5, 9, -0.1, 0.1, Chain(3, 1, 0.0)), "ridge must"),
        (lambda: regression.simulate_isotropic_generator_error(5, Chain(3, [1, 2], 0.0)), "n must"),
        (lambda: regression.simulate_isotropic_generator_error(5, Chain(3, 1, 0.0), norm2=0.0), "norm2 must"),
        (
            lambda: regression.simulate_isotropic_generator_error(5, Chain(3, 1, 0.0, design="shared")),
            "independent",
        ),
        (lambda: regression.mode_filter([1.0], 0, 0.0, 1), "T0 must"),
        (lambda: regression.mode_filter([1.0], 1, -1.0, 1), "ridge0 must"),
        (lambda: regression.mode_filter([1.0], 1, 0.0, -1), "n must"),
        (lambda: regression.decay_rate([-1.0], 1), "spectrum must"),
        (lambda: regression.generator_limit([1.0, 1.0], [1.0, 0.0], 5, 0.0, 0.1), "ridge0 must be > 0"),
        (lambda: regression.generator_limit([1.0, 1.0], [1.0], 1, 0.0, 0.1), "signal must"),
        (
            lambda: regression.budget_bounds([1.0] * 5, [1.0] * 5, Chain(3, 1, 0.0, design="shared")),
            "independent",
        ),
        (lambda: regression.optimal_generator_ridge([1.0], [0.0], 5, 1, 0.1), "signal must not be zero"),
        (lambda: regression.optimal_generator_ridge([1.0], [1.0], 5, 0, 0.1), "n must"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
