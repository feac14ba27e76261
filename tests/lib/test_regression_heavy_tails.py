"""Regression collapse under power laws: rates, turns and penalties, against formulas and full data.

Comparisons with simulation use |z| <= 4 (fixed seeds; a fresh seed would exceed it once in 16 000).
A relative error is allowed only to asymptotic formulas, and is stated where it is.
"""

from functools import lru_cache

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import zeta

from collapse import equivalents, regression, ridge, sampling, scaling, spectra
from collapse.estimates import Estimate
from collapse.regression import Chain

CASES = [(1.5, 0.5), (2.0, 0.3), (1.5, 1.5), (3.0, 0.25)]


@lru_cache
def world(d, alpha=1.5, r=0.5):
    """Eigenvalues k^-alpha and signal s_k c_k^2 = k^(-1 - 2 alpha r)."""
    x = 1 + 2 * alpha * r
    signal = spectra.power_law_signal(d, alpha, r, norm2=zeta(x) - zeta(x, d + 1))
    problem = spectra.power_law(d, alpha), signal
    return spectra.compress(*problem) if d > 500 else problem


def configurations(alpha, d, size, seed):
    """Random T, penalty, noise and chain, over many decades."""
    rng = np.random.default_rng(seed)

    def spread(low, high):
        return np.exp(rng.uniform(np.log(low), np.log(high), size))

    T, penalty, noise = spread(50, 1e9), spread(d**-alpha, 0.5), spread(0.01, 3)
    T0, n = d + 2 + np.round(spread(1, 100 * d)), rng.integers(0, 50, size)
    return T, penalty, noise, T0, n, spread(0.01, 3)


# -- the two-term law -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("alpha", "r"), CASES)
@pytest.mark.formula("thm-heavy-rate")
def test_error_is_two_powers_up_to_constants(alpha, r):
    """Part 1 of the theorem: one pair of constants serves 3000 configurations in three dimensions."""
    width = np.pi / alpha / np.sin(np.pi / alpha)
    ratio = []
    for d in (300, 10**4, 10**6):
        values = configurations(alpha, d, 1000, seed=d)
        learned = values[1] ** (-1 / alpha)
        inside = (2 * learned <= d) & (2 * width * learned <= values[0])
        T, penalty, noise, T0, n, noise0 = (x[inside] for x in values)
        chain = Chain(T0, n, noise0)
        error = regression.test_error(*world(d, alpha, r), T, penalty, noise, chain).value
        v = regression.noise_per_sample(T, d, noise, chain)
        ratio.append(error / (penalty ** (2 * min(r, 1)) + v * penalty ** (-1 / alpha)))
    ratio = np.concatenate(ratio)
    assert len(ratio) > 500
    assert 0.3 < ratio.min() and ratio.max() < 3


@pytest.mark.parametrize(("alpha", "r"), [(2.0, 0.3), (2.0, 0.5), (3.0, 0.25), (2.0, 1.5)])
@pytest.mark.formula("thm-heavy-rate")
def test_constants_of_the_law(alpha, r):
    """Each part tends to its formula; the corrections are of order k/T, 1/k and (k/d)^(alpha - 1)."""
    d, penalty = 10**6, 1e-5
    T, chain = np.array([1e5, 1e8]), Chain(3 * d, 4, 0.7)
    full = regression.test_error(*world(d, alpha, r), T, penalty, 0.3, chain)
    law = regression.power_law_error(alpha, r, T, penalty, 0.3, d, chain)
    k = penalty ** (-1 / alpha)
    for part in ("bias", "variance", "collapse"):
        allowed = 4 * (k / T + 1 / k + k / d)
        assert (abs(getattr(full, part) / getattr(law, part) - 1) < allowed).all(), part


@pytest.mark.formula("thm-heavy-rate")
def test_collapse_term_of_the_law_against_full_data():
    """Truth zero, every generation drawn in full: only the collapse term is left.

    Allowed: 16 %. At k = 10, d = 120 the leading order is 8 to 15 % above the full formula (1/k and k/d).
    """
    d, T, chain = 120, np.array([60, 200, 1000]), Chain(200, 2, 0.5)
    run = regression.simulate_test_error(
        spectra.power_law(d, 3.0), np.zeros(d), T, 1e-3, 0.0, chain, replicas=100, seed=1, direct=True
    )
    law = regression.power_law_error(3.0, 0.25, T, 1e-3, 0.0, d, chain).collapse
    assert (abs(run.z(law, bias=0.16)) < 4).all()
    for wrong in (T / (T + d), (200 - d - 1) / 199, 0.5, 2, T / 200):  # no d/T; T0 - 1; n or sigma0 misused
        assert (abs(run.z(law * wrong, bias=0.16)) > 4).any()


@pytest.mark.parametrize(
    ("T", "penalty", "n", "published", "simulated", "stderr"),
    [
        (75, 0.05, 5, 0.04678, 0.04802, 0.00055),
        (300, 0.004, 5, 0.01564, 0.01547, 0.00014),
        (300, 0.05, 5, 0.03731, 0.03754, 0.00031),
        (1000, 0.02, 10, 0.02110, 0.02120, 0.00021),
    ],
)
def test_the_formula_at_moderate_size(T, penalty, n, published, simulated, stderr):
    """Theory reproduces known values, an earlier simulation of full data, and one made here (3 % allowed)."""
    chain = Chain(300, n, 0.1)
    theory = regression.test_error(*world(150), T, penalty, 0.1, chain).value
    assert theory == pytest.approx(published, abs=6e-6)
    assert abs(simulated - theory) < 0.02 * theory + 3 * stderr
    run = regression.simulate_test_error(*world(150), T, penalty, 0.1, chain, replicas=150, seed=2)
    assert abs(run.z(theory, bias=0.03)) < 4


def test_small_generators_separate_the_formula_from_its_neighbours():
    """Exact sampler, T0 barely above d; 1 % (= 1/T) allowed. Each wrong formula is beyond 4 errors."""
    problem, chain = world(60), Chain(75, 3, 0.1)
    T, penalty = np.array([100, 200, 1000]), np.array([0.003, 0.003, 0.001])
    parts = regression.test_error(*problem, T, penalty, 0.1, chain)
    run = regression.simulate_test_error(*problem, T, penalty, 0.1, chain, replicas=2000, seed=7)
    assert (abs(run.z(parts.value, bias=0.01)) < 4).all()
    kappa = equivalents.effective_ridge(problem[0], T, penalty)
    df1, df2 = (equivalents.degrees_of_freedom(problem[0], kappa, order) for order in (1, 2))
    # T0 - d; no d; df1 forgotten, or once; T for T - df2; n + 1
    right = T + 60 - 2 * df1
    wrong = (14 / 15, (T - 2 * df1) / right, (T + 60) / right, (T + 60 - df1) / right, (T - df2) / T, 4 / 3)
    for factor in wrong:
        false = parts.value + (factor - 1) * parts.collapse
        assert (abs(run.z(false, bias=0.01)) > 4).any()


@pytest.mark.parametrize("penalty", [0.001, 0.02])
def test_infinite_final_data_exactly(penalty):
    """No equivalent: shrink draws of generation 10 direction by direction."""
    d, T0, n, noise = 150, 165, 10, 0.1
    k = np.arange(1.0, d + 1)
    truth, s, q = k**-0.5, k**-1.5, n * noise**2 / (T0 - d - 1)
    w = sampling.ols_chain(truth, s, T0, noise, n, replicas=4000, seed=8)
    run = Estimate.from_samples(((s * w / (s + penalty) - truth) ** 2 * s).sum(1), seed=8)
    law = ((penalty**2 * s * truth**2 + q * s**2) / (s + penalty) ** 2).sum()
    assert abs(run.z(law)) < 4
    limit = regression.test_error(*world(d), 1e12, penalty, 0.0, Chain(T0, n, noise)).value
    assert limit == pytest.approx(law, rel=1e-8)


def test_noise_per_sample_is_effective_noise_where_few_directions_are_learned():
    """The exact factor is T + d - 2 df1: the ratio is 1 within 2 df1/d."""
    d, chain = 10**6, Chain(3 * 10**6, 7, 0.4)
    spectrum, _ = world(d)
    for T, penalty in ((1e4, 1e-3), (1e6, 1e-4), (1e8, 1e-5)):
        exact = regression.effective_noise(spectrum, T, penalty, 0.2, chain) ** 2 / T
        kappa = equivalents.effective_ridge(spectrum, T, penalty)
        share = equivalents.degrees_of_freedom(spectrum, kappa) / d
        v = regression.noise_per_sample(T, d, 0.2, chain)
        assert 0 < v / exact - 1 < 2.1 * share


@pytest.mark.formula("cor-heavy-floor")
def test_effective_sample_size_has_a_closed_form():
    T, limit = np.array([100, 1099, 1e5, 1e12]), 99.9
    worth = 0.01 / regression.noise_per_sample(T, 1000, 0.1, Chain(2000, 10, 0.1))
    np.testing.assert_allclose(worth, limit * T / (T + 1000 + limit), rtol=1e-12)


@pytest.mark.formula("prop-heavy-saturation")
def test_saturation():
    """df between d/9 and d beyond k = d, and the least-squares value in the limit."""
    spectrum, T0 = spectra.power_law(200, 1.5), 700
    T, k = np.array([400, 1e4, 1e8])[:, None], np.array([200, 500, 1e4, 1e7])
    scaled = regression.collapse_coefficient(spectrum, T, k**-1.5, T0) * (T0 - 201)
    assert (scaled >= 200 / 9).all() and (scaled <= 200).all()
    np.testing.assert_allclose(scaled[:, -1], 200, rtol=1e-3)


def test_power_sums_from_both_sides():
    """The lemma, for all frontiers from 1 to beyond d."""
    d, alpha = 1000, 1.5
    k = np.logspace(0, 4, 41)
    kappa = k**-alpha
    spectrum = spectra.power_law(d, alpha)
    df1, df2 = (equivalents.degrees_of_freedom(spectrum, kappa, order) for order in (1, 2))
    width = np.pi / alpha / np.sin(np.pi / alpha)
    assert (df2 >= np.minimum(k, d) / 8).all() and (df1 <= np.minimum(width * k, d)).all()
    rest = (d - 2 * df1 + df2)[2 * k <= d]
    assert (rest >= d / 8).all() and (rest <= d).all()


# -- exponents ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("alpha", "r", "ell"), [(1.5, 0.3, 0.8), (2.0, 0.5, 0.9), (1.5, 1.5, 0.5), (3.0, 0.25, 1.5)]
)
@pytest.mark.formula("thm-heavy-rate")
def test_slopes_of_the_four_regimes(alpha, r, ell):
    """Within 0.015 at d = 10^6, with the factor 1 + d/T divided out where T << d."""
    d, problem = 10**6, world(10**6, alpha, r)

    def slope(T, part):
        T = np.array(T)
        parts = regression.test_error(*problem, T, T**-ell, 1.0, Chain(2 * d, 1, 1.0))
        value = getattr(parts, part)
        if part == "collapse":
            value = value / (1 + d / T)
        return -scaling.local_exponent(T, value).exponent[0]

    assert slope([1e4, 1e5], "bias") == pytest.approx(-2 * min(r, 1) * ell, abs=0.015)
    assert slope([1e4, 1e5], "variance") == pytest.approx(ell / alpha - 1, abs=0.015)
    assert slope([1e4, 1e5], "collapse") == pytest.approx(ell / alpha, abs=0.015)
    assert slope([1e8, 10**8.5], "collapse") == pytest.approx(ell / alpha, abs=0.015)


@pytest.mark.parametrize(("alpha", "r"), CASES)
@pytest.mark.formula("cor-heavy-critical")
def test_critical_exponent_balances_bias_and_noise(alpha, r):
    ell = regression.critical_exponent(alpha, r)
    assert 2 * min(r, 1) * ell == pytest.approx(1 - ell / alpha)
    assert ell == pytest.approx(alpha * (1 - scaling.clean_rate(alpha, r)))


@pytest.mark.parametrize(("alpha", "r"), [(1.5, 0.5), (2.0, 0.3), (1.5, 1.5)])
@pytest.mark.parametrize(("b", "a"), [(1, 0), (1, 0.25), (0.7, 0.2)])
@pytest.mark.formula("cor-heavy-growing")
def test_exponents_of_the_best_penalty_and_error(alpha, r, b, a):
    """Minimised numerically at d = 10^5; within 0.02, noiseless final labels, so that b - a decides."""
    d, T = 10**5, np.array([1e7, 1e8])
    chain = Chain(np.round(d + 1 + T**b), np.round(T**a), 1.0)
    best = regression.optimal_ridge(*world(d, alpha, r), T, 0.0, chain)
    error = regression.test_error(*world(d, alpha, r), T, best, 0.0, chain).value
    ell = regression.adaptive_exponent(alpha, r, b, a)
    assert scaling.local_exponent(T, best).exponent[0] == pytest.approx(ell, abs=0.02)
    assert scaling.local_exponent(T, error).exponent[0] == pytest.approx(2 * min(r, 1) * ell, abs=0.02)


@pytest.mark.formula("cor-heavy-growing")
def test_adaptive_exponent_is_clean_for_large_generators():
    assert regression.adaptive_exponent(1.5, 0.5, 2.0, 0.5) == pytest.approx(0.6)
    assert regression.adaptive_exponent(1.5, 0.5, 1.0, 1.0) == 0


@pytest.mark.parametrize(("alpha", "r"), [(1.5, 0.5), (2.0, 0.3), (1.5, 1.5)])
@pytest.mark.formula("thm-heavy-adaptive")
def test_adaptive_theorem_uniformly(alpha, r):
    """Best penalty and error over v^l and v^c: constants within a factor 4 over random configurations."""
    d = 10**6
    T, _, noise, T0, n, noise0 = configurations(alpha, d, 200, seed=5)
    chain = Chain(T0, n, noise0)
    v = regression.noise_per_sample(T, d, noise, chain)
    learned = v ** (-1 / (scaling.noiseless_rate(alpha, r) + 1))
    inside = (v < 0.01) & (learned < 0.05 * np.minimum(T, d))
    T, noise, v, chain = T[inside], noise[inside], v[inside], Chain(T0[inside], n[inside], noise0[inside])
    assert len(T) > 30
    best = regression.optimal_ridge(*world(d, alpha, r), T, noise, chain)
    error = regression.test_error(*world(d, alpha, r), T, best, noise, chain).value
    for ratio in (
        best / v ** regression.critical_exponent(alpha, r),
        error / v ** scaling.clean_rate(alpha, r),
    ):
        assert ratio.max() < 4 * ratio.min()


def test_at_the_best_penalty_noise_is_a_fixed_multiple_of_bias():
    d, chain = 10**6, Chain(3 * 10**6, 5, 0.1)
    best = regression.optimal_ridge(*world(d), 1e9, 0.0, chain)
    parts = regression.test_error(*world(d), 1e9, best, 0.0, chain)
    assert parts.collapse / parts.bias == pytest.approx(1.5, rel=0.02)


# -- the turn -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("noise", [0.0, 0.3])
@pytest.mark.parametrize("ell", [0.2, 0.6, 1.0, 1.4])
@pytest.mark.parametrize(("n", "noise0"), [(1, 1e-3), (1, 0.1), (30, 2.0)])
@pytest.mark.formula("thm-heavy-crossover")
def test_turn_is_the_minimum_of_the_law(noise, ell, n, noise0):
    d = 10**5
    chain = Chain(2 * d, n, noise0)
    turn = regression.crossover_sizes(1.5, 0.5, ell, d, chain, noise).turn

    def law(u):
        return np.log(
            regression.power_law_error(1.5, 0.5, np.exp(u), np.exp(-ell * u), noise, d, chain).value
        )

    found = minimize_scalar(
        law, bounds=(np.log(turn) - 3, np.log(turn) + 3), method="bounded", options={"xatol": 1e-7}
    )
    assert found.x == pytest.approx(np.log(turn), abs=1e-4)


@pytest.mark.formula("thm-heavy-crossover")
def test_turn_of_the_full_formula():
    """The published example: minimum at 1.0e7 on the curve; within 10 % of the law's."""
    chain, T = Chain(10**5, 5, 0.05), np.logspace(6.5, 7.5, 401)
    curve = regression.test_error(*world(3000), T, T**-0.6, 0.0, chain).value
    assert curve.min() == pytest.approx(1.02e-4, rel=0.01)
    turn = regression.crossover_sizes(1.5, 0.5, 0.6, 3000, chain).turn
    assert T[curve.argmin()] == pytest.approx(turn, rel=0.1)
    bias, variance = 2 / 3, (2 * np.pi / 3) / np.sin(2 * np.pi / 3) / 3
    assert turn == pytest.approx(1.5 * (3000 + bias / variance * (10**5 - 3001) / (5 * 0.05**2)), rel=1e-9)


@pytest.mark.formula("thm-heavy-crossover")
def test_slow_stretch_begins_where_two_terms_are_equal():
    d, chain, noise = 10**6, Chain(2 * 10**6, 1, 0.1), 0.02
    sizes = regression.crossover_sizes(1.5, 0.5, 1.0, d, chain, noise)
    law = regression.power_law_error(1.5, 0.5, sizes.slow, 1 / sizes.slow, noise, d, chain)
    rising = regression.power_law_error(1.5, 0.5, 1e30, 1 / sizes.slow, 0.0, d, chain).collapse
    assert law.bias == pytest.approx(law.variance + law.collapse - rising, rel=1e-9)
    assert sizes.saturation == pytest.approx(1e9)


@pytest.mark.parametrize(("ell", "noise0"), [(0.5, 0.1), (0.6, 0.1), (1.0, 1e-6)])
@pytest.mark.formula("thm-heavy-crossover")
def test_no_slow_stretch(ell, noise0):
    """Below the critical exponent, and for generators so quiet that the bias leads until the turn."""
    assert np.isnan(regression.crossover_sizes(1.5, 0.5, ell, 10**5, Chain(2 * 10**5, 1, noise0)).slow)


@pytest.mark.formula("cor-heavy-critical")
def test_turn_in_simulation():
    """Penalties T^-l_crit, generation 20: the error at T_c is below that at T_c/10 and at 10 T_c."""
    d, chain, ell = 150, Chain(300, 20, 0.1), regression.critical_exponent(1.5, 0.5)
    turn = regression.crossover_sizes(1.5, 0.5, ell, d, chain, 0.1).turn
    T = np.round(turn * np.array([0.1, 1, 10]))
    run = regression.simulate_test_error(*world(d), T, T**-ell, 0.1, chain, replicas=60, seed=4)
    for side in (0, 2):
        gap = run.mean[side] - run.mean[1]
        assert gap > 4 * np.hypot(run.stderr[side], run.stderr[1])


# -- the rule -------------------------------------------------------------------------------------------

SIZES = np.array([100, 300, 1000, 3000, 10_000, 100_000])
PUBLISHED = {
    "clean penalty": [0.00154, 0.00134, 7.74e-4, 4.21e-4, 2.03e-4, 4.12e-5],
    "clean error": [0.00824, 0.00357, 0.00157, 7.63e-4, 3.47e-4, 6.82e-5],
    "fake error at the clean penalty": [0.0438, 0.0237, 0.0163, 0.0167, 0.0231, 0.0523],
    "best penalty": [0.0113, 0.00725, 0.00484, 0.00397, 0.00364, 0.00351],
    "best error": [0.0278, 0.0147, 0.00885, 0.00685, 0.00609, 0.00579],
    "rule": [0.0292, 0.0148, 0.00885, 0.00685, 0.00610, 0.00595],
    "critical exponent": [0.0542, 0.0269, 0.0135, 0.00812, 0.00611, 0.00868],
}


def test_published_table_of_penalties():
    """To the three digits that were published."""
    problem, chain = world(1000), Chain(2000, 10, 0.1)
    clean = ridge.optimal_ridge(*problem, SIZES, 0.1)
    best = regression.optimal_ridge(*problem, SIZES, 0.1, chain)
    rule = regression.adaptive_ridge(clean, 1.5, 0.5, SIZES, 1000, 0.1, chain)

    def fake(penalty):
        return regression.test_error(*problem, SIZES, penalty, 0.1, chain).value

    found = {
        "clean penalty": clean,
        "clean error": ridge.test_error(*problem, SIZES, clean, 0.1).value,
        "fake error at the clean penalty": fake(clean),
        "best penalty": best,
        "best error": fake(best),
        "rule": fake(rule),
        "critical exponent": fake(SIZES ** -regression.critical_exponent(1.5, 0.5)),
    }
    for name, row in PUBLISHED.items():
        np.testing.assert_allclose(found[name], row, rtol=4.5e-3, err_msg=name)
    assert (fake(rule) / fake(best)).max() < 1.06
    once = regression.adaptive_ridge(clean[2], 1.5, 0.5, SIZES, 1000, 0.1, chain, T_clean=1000)
    assert (fake(once) / fake(best)).max() < 1.02


def test_rule_changes_nothing_without_generators():
    assert regression.adaptive_ridge(0.02, 1.5, 0.5, 500, 100, 0.3, Chain(200, 0, 1.0)) == pytest.approx(0.02)


@pytest.mark.formula("thm-heavy-adaptive")
def test_rule_in_simulation():
    """Full data, d = 60: the rule's error is far below the clean penalty's, and the formula's within 3 %."""
    problem, chain, T = world(60), Chain(120, 5, 0.2), 600
    clean = ridge.optimal_ridge(*problem, T, 0.2)
    rule = regression.adaptive_ridge(clean, 1.5, 0.5, T, 60, 0.2, chain)
    penalty = np.array([clean, rule])
    run = regression.simulate_test_error(*problem, T, penalty, 0.2, chain, replicas=100, seed=6, direct=True)
    theory = regression.test_error(*problem, T, penalty, 0.2, chain).value
    assert (abs(run.z(theory, bias=0.03)) < 4).all()
    best = regression.optimal_ridge(*problem, T, 0.2, chain)
    assert theory[1] < 1.1 * regression.test_error(*problem, T, best, 0.2, chain).value
    assert run.mean[0] - run.mean[1] > 4 * np.hypot(*run.stderr)


# -- bad input ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: regression.critical_exponent(1.0, 0.5), "alpha must be > 1"),
        (lambda: regression.critical_exponent(2.0, 0.0), "r must be > 0"),
        (lambda: regression.adaptive_exponent(1.5, 0.5, 0.2, 0.5), "a must be at most b"),
        (lambda: regression.adaptive_exponent(1.5, 0.5, -1), "b must be >= 0"),
        (lambda: regression.noise_per_sample(10, 5, 0.1, Chain(6, 1, 1)), "T0 must be >= 7"),
        (
            lambda: regression.noise_per_sample(10, 5, 0.1, Chain(20, 1, 1, ridge0=0.1)),
            "chain must have ridge0 = 0",
        ),
        (lambda: regression.noise_per_sample(0, 5, 0.1, Chain(20, 1, 1)), "T must be >= 1"),
        (lambda: regression.noise_per_sample(10, 5, 0.1, None), "chain must be a Chain"),
        (
            lambda: regression.power_law_error(1.5, 1.0, 10, 0.1, 0, 5, Chain(20, 1, 1)),
            "r must be different from 1",
        ),
        (lambda: regression.power_law_error(1.5, 0.5, 10, 0.0, 0, 5, Chain(20, 1, 1)), "ridge must be > 0"),
        (lambda: regression.crossover_sizes(1.5, 1.0, 1.0, 5, Chain(20, 1, 1)), "r must be different from 1"),
        (lambda: regression.crossover_sizes(1.5, 0.5, 1.5, 5, Chain(20, 1, 1)), "ell must be < alpha"),
        (lambda: regression.crossover_sizes(1.5, 0.5, 1.0, 5, Chain(20, 0, 1)), "n must be >= 1"),
        (lambda: regression.crossover_sizes(1.5, 0.5, 1.0, 5, Chain(20, 1, 0)), "noise0 must be > 0"),
        (lambda: regression.adaptive_ridge(0.1, 1.5, 0.5, 10, 5, 0.0, Chain(20, 1, 1)), "noise must be > 0"),
        (lambda: regression.adaptive_ridge(-1, 1.5, 0.5, 10, 5, 0.1, Chain(20, 1, 1)), "ridge must be >= 0"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
