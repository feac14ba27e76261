"""The least-squares chain: its mean, its law, its spread and its budgets, against full data.

Comparisons with simulation use |z| <= 4, a limit that a right formula exceeds once in 16 000 comparisons of
normal averages; sizes are kept away from T0 = d, where averages of the error are not normal. Each formula
also has to reject a wrong one of the kind that a slip would produce, at the same seed.
"""

import math

import numpy as np
import pytest
from scipy import optimize, stats

from collapse import regression, spectra
from collapse.estimates import Estimate
from collapse.regression import Chain, best_split, error_cdf, error_variance, samples_for_floor

D = 10
FLAT = np.ones(D)


def direct_errors(T, T0, n, noise, noise0, design, runs, seed, s=FLAT):
    """Errors of single chains with all data drawn; written out here, independent of the library."""
    rng = np.random.default_rng(seed)
    d = len(s)

    def draw(size):
        return rng.standard_normal((runs, size, d)) * np.sqrt(s)

    def fit(X, w, sigma):
        Y = X @ w + sigma * rng.standard_normal((*X.shape[:2], 1))
        return np.linalg.solve(X.mT @ X, X.mT @ Y)

    truth = rng.standard_normal((d, 1))
    w = np.broadcast_to(truth, (runs, d, 1))
    X = draw(T0)
    for _ in range(n):
        w = fit(X, w, noise0)
        X = X if design != "independent" else draw(T0)
    if design != "dependent":
        X = draw(T)
    return ((fit(X, w, noise) - truth)[..., 0] ** 2) @ s


# -- the mean -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("design", ["independent", "shared", "dependent"])
@pytest.mark.parametrize("name", ["flat", "two", "power"])
@pytest.mark.formula("thm-chain-linear")
def test_linear_growth_is_exact_for_any_spectrum_and_design(design, name):
    s = {
        "flat": spectra.isotropic(D),
        "two": spectra.two_level(D, 4.0, 0.25, 0.2),
        "power": spectra.power_law(D, 1.5),
    }[name].expanded
    T0, T, n, noise, noise0 = 24, 24 if design == "dependent" else 18, 4, 0.8, 0.5
    errors = direct_errors(T, T0, n, noise, noise0, design, 12_000, 1, s)
    estimate = Estimate.from_samples(errors, 1)
    theory = regression.test_error(s, np.ones(D), T, 0.0, noise, Chain(T0, n, noise0, design=design))
    assert theory.bias == 0
    assert theory.collapse == pytest.approx(n * noise0**2 * D / (T0 - D - 1))
    assert abs(estimate.z(theory.value)) < 4
    # The limit form d/(T-d), and sizes swapped, must be told apart.
    assert abs(estimate.z(noise**2 * D / (T - D) + n * noise0**2 * D / (T0 - D))) > 4
    if T != T0:
        assert abs(estimate.z(noise**2 * D / (T0 - D - 1) + n * noise0**2 * D / (T - D - 1))) > 4


@pytest.mark.formula("thm-chain-linear")
def test_generator_covariance_is_the_inverse_of_the_input_covariance():
    """n noise0^2/(T0-d-1) Sigma^-1, in a basis that is not the eigenbasis."""
    rng = np.random.default_rng(2)
    d, T0, n, runs = 3, 14, 3, 40_000
    root = np.array([[1.0, 0.0, 0.0], [0.8, 0.5, 0.0], [-0.3, 0.2, 2.0]])
    w = np.zeros((runs, d, 1))
    for _ in range(n):
        X = rng.standard_normal((runs, T0, d)) @ root.T
        w = np.linalg.solve(X.mT @ X, X.mT @ (X @ w + 0.7 * rng.standard_normal((runs, T0, 1))))
    outer = Estimate.from_samples((w @ w.mT).reshape(runs, -1), 2)
    theory = n * 0.49 / (T0 - d - 1) * np.linalg.inv(root @ root.T)
    assert np.abs(outer.z(theory.ravel())).max() < 4
    assert np.abs(outer.z((theory * (T0 - d - 1) / (T0 - d)).ravel())).max() > 4


# -- the law --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("d, T", [(1, 1), (1, 6), (2, 2), (10, 12), (60, 80), (300, 600), (1000, 1300)])
@pytest.mark.formula("thm-chain-law")
def test_law_on_clean_data_is_fishers(d, T):
    levels = np.array([1e-3, 0.1, 0.5, 0.9, 0.999])
    k = T - d + 1
    x = 0.49 * d / k * stats.f(d, k).ppf(levels)
    assert error_cdf(x, d, T, 0.7, Chain(T, 0, 1.0)) == pytest.approx(levels, abs=1e-7)


@pytest.mark.parametrize("design", ["independent", "shared", "dependent"])
@pytest.mark.parametrize("T0", [11, 14, 30])
@pytest.mark.formula("thm-chain-law")
def test_law_agrees_with_full_data(design, T0):
    """Shares of runs below six levels, from d + 1 samples on, where the error has no mean."""
    T, n = T0 if design == "dependent" else 13, 4
    chain = Chain(T0, n, 0.6, design=design)
    errors = direct_errors(T, T0, n, 1.0, 0.6, design, 20_000, 3)
    at = np.quantile(errors[:10_000], [0.02, 0.2, 0.5, 0.8, 0.98])  # levels from one half, test on the other
    below = Estimate.from_samples(errors[10_000:, None] <= at, 3)
    assert np.abs(below.z(error_cdf(at, D, T, 1.0, chain))).max() < 4
    # One degree of freedom more in every chi-square must be told apart.
    if T0 < 30:
        wrong = Chain(T0 + 1, n, 0.6, design=design)
        assert np.abs(below.z(error_cdf(at, D, T + 1, 1.0, wrong))).max() > 4


def test_law_of_shared_and_independent_inputs_differ():
    at = 30 / 13 * 8 * np.array([0.5, 2.0])
    fresh, shared = (
        error_cdf(at, 30, 30, 0.0, Chain(44, 8, 1.0, design=x)) for x in ("independent", "shared")
    )
    assert fresh[0] < shared[0] and fresh[1] > shared[1]
    one = [error_cdf(at / 8, 30, 30, 0.0, Chain(44, 1, 1.0, design=x)) for x in ("independent", "shared")]
    assert one[0] == pytest.approx(one[1], abs=1e-12)


@pytest.mark.parametrize("design", ["independent", "shared"])
@pytest.mark.formula("thm-chain-law", "thm-chain-shared")
def test_law_has_the_mean_and_the_variance_of_the_theorems(design):
    """Integrals of 1 - P and 2x(1 - P); with k0 = 41 nothing is left at 8 times the mean."""
    d, T, noise, chain = 12, 40, 0.5, Chain(52, 3, 0.8, design=design)
    mean = regression.test_error(np.ones(d), np.ones(d), T, 0.0, noise, chain).value
    x = np.linspace(0, 8 * mean, 6001)
    above = 1 - error_cdf(x, d, T, noise, chain)
    assert np.trapezoid(above, x) == pytest.approx(mean, rel=1e-4)
    second = np.trapezoid(2 * x * above, x)
    assert second - mean**2 == pytest.approx(error_variance(d, T, noise, chain), rel=1e-3)


def test_law_is_a_distribution_function_and_scales():
    chain = Chain(15, 6, 0.4)
    x = np.geomspace(1e-3, 1e4, 60).reshape(6, 10)
    cdf = error_cdf(x, D, 20, 0.3, chain)
    assert cdf.shape == (6, 10)
    assert (np.diff(cdf.ravel()) > -1e-9).all() and cdf.min() >= 0 and cdf.max() <= 1
    assert error_cdf(0.0, D, 20, 0.3, chain) == 0
    scaled = error_cdf(9 * x, D, 20, 0.9, Chain(15, 6, 1.2))
    assert scaled == pytest.approx(cdf, abs=1e-9)


def test_disasters_come_from_one_generation():
    """P(E > x) ~ n^j A x^(-k0/2), j = 1 or k0/2; at x = 3000 the next order is below 10 %."""
    d, k0, n, x = 5, 3, 4, 3e3
    A = math.gamma((d + k0) / 2) / (math.gamma(d / 2) * math.gamma(k0 / 2 + 1))
    for design, power in (("independent", 1), ("shared", k0 / 2)):
        above = 1 - error_cdf(x, d, d, 0.0, Chain(d + k0 - 1, n, 1.0, design=design))
        assert above == pytest.approx(n**power * A * x ** (-k0 / 2), rel=0.1), design


# -- the spread -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("design", ["independent", "shared", "dependent"])
@pytest.mark.formula("thm-chain-shared")
def test_variance_over_runs(design):
    """Far from the wall (k0 = 51), so that an average of squared deviations is close to normal."""
    T0, T, n, noise, noise0 = 60, 60 if design == "dependent" else 50, 6, 0.8, 0.5
    chain = Chain(T0, n, noise0, design=design)
    mean = regression.test_error(FLAT, FLAT, T, 0.0, noise, chain).value
    errors = direct_errors(T, T0, n, noise, noise0, design, 30_000, 4)
    estimate = Estimate.from_samples((errors - mean) ** 2, 4)
    assert abs(estimate.z(error_variance(D, T, noise, chain))) < 4
    other = error_variance(
        D, T0, noise, Chain(T0, n, noise0, design="shared" if design == "independent" else "independent")
    )
    assert abs(estimate.z(other)) > 4


def test_variance_of_clean_fits_is_fishers():
    law = stats.f(7, 12)
    assert error_variance(7, 18, 1.5, Chain(5, 0, 1.0)) == pytest.approx(1.5**4 * (7 / 12) ** 2 * law.var())


def test_variance_broadcasts_and_ignores_what_is_not_used():
    chain = Chain(T0=[[20], [50]], n=[0, 2, 9], noise0=0.5)
    table = error_variance(D, 30, 1.0, chain)
    assert table.shape == (2, 3)
    assert table[0, 0] == table[1, 0] < table[1, 1] < table[0, 1]
    assert error_variance(D, 1, 0.0, Chain(20, 3, 1.0)) == error_variance(D, 30, 0.0, Chain(20, 3, 1.0))


@pytest.mark.formula("thm-chain-shared")
def test_relative_variance_with_many_generations():
    d, T0 = 8, 30
    for design, limit in (("independent", 2 / d), ("shared", 2 / d + (1 + 2 / d) * 2 / (T0 - d - 3))):
        chain = Chain(T0, 10**7, 1.0, design=design)
        mean = regression.generator_error(np.ones(d), np.ones(d), chain)
        assert error_variance(d, T0, 0.0, chain) / mean**2 == pytest.approx(limit, rel=1e-5)


# -- budgets --------------------------------------------------------------------------------------------


@pytest.mark.formula("cor-chain-floor")
def test_samples_for_floor_is_the_smallest():
    n, noise0, floor = np.array([[1], [7], [40]]), 0.3, np.array([0.02, 0.1, 3.0])
    need = samples_for_floor(25, n, noise0, floor)
    flat = spectra.isotropic(25)
    assert (regression.generator_error(flat, [1.0], Chain(need, n, noise0)) <= floor * (1 + 1e-12)).all()
    roomy = need > 27
    less = np.where(roomy, need - 1, 27)
    assert (regression.generator_error(flat, [1.0], Chain(less, n, noise0)) > floor)[roomy].all()
    assert roomy.sum() >= 6
    assert samples_for_floor(25, 1, 0.1, 0.01) == 25 + 1 + 25  # a whole number: no sample too many
    assert samples_for_floor(25, 0, 0.3, 0.1) == 26


@pytest.mark.formula("prop-chain-budget")
def test_best_split_beats_all_others():
    d, n, noise, noise0, total = 20, 4, 0.6, 1.5, 900
    split = best_split(d, total, n, noise, noise0)
    assert n * split.T0 + split.T == pytest.approx(total)

    def error(T0):
        T = total - n * T0
        return noise**2 * d / (T - d - 1) + n * noise0**2 * d / (T0 - d - 1)

    found = optimize.minimize_scalar(error, bounds=(d + 1.5, (total - d - 1.5) / n), method="bounded")
    assert split.T0 == pytest.approx(found.x, rel=1e-4)
    assert split.error == pytest.approx(found.fun, rel=1e-8)
    whole = regression.test_error(
        [1.0] * d, [1.0] * d, round(float(split.T)), 0.0, noise, Chain(round(float(split.T0)), n, noise0)
    )
    assert whole.value == pytest.approx(split.error, rel=0.01)


# -- bad input ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: error_variance(10, 13, 1.0, Chain(20, 1, 1.0)), "T must be >= 14"),
        (lambda: error_variance(10, 20, 1.0, Chain(13, 1, 1.0)), "T0 must be >= 14"),
        (lambda: error_variance(10, 20, 1.0, Chain(20, 1, 1.0, 0.1)), "ridge0 must be 0"),
        (lambda: error_variance(10, 20, 1.0, Chain(21, 1, 1.0, design="dependent")), "T0 must equal T"),
        (lambda: error_variance(10, 20, 1.0, 3), "chain must be a Chain"),
        (lambda: error_cdf(-1.0, 10, 20, 1.0, Chain(20, 1, 1.0)), "x must be >= 0"),
        (lambda: error_cdf(1.0, 10, 9, 1.0, Chain(20, 1, 1.0)), "T must be >= 10"),
        (lambda: error_cdf(1.0, 10, 20, 1.0, Chain(9, 1, 1.0)), "T0 must be >= 10"),
        (lambda: error_cdf(1.0, 10, 20, 0.0, Chain(20, 0, 1.0)), "noise must be > 0"),
        (lambda: error_cdf(1.0, 10, 20, 1.0, Chain(20, [1, 2], 1.0)), "n must"),
        (lambda: samples_for_floor(10, 1, 1.0, 0.0), "floor must be > 0"),
        (lambda: best_split(10, 44, 3, 1.0, 1.0), "total must be > "),
        (lambda: best_split(10, 100, 3, 0.0, 1.0), "noise must be > 0"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        call()
