"""Scaling laws: exact sums against brute force, asymptotics against exact sums, fits against known laws."""

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import gamma, zeta

from collapse import equivalents, scaling, spectra


def brute_missing_mass(beta, T, terms=10**7):
    """Ten million terms added one by one, and the rest by the binomial series in T p, which is tiny there."""
    p = np.arange(1, terms + 1, dtype=float) ** -beta / zeta(beta)
    head = np.sum(p * np.exp(T * np.log1p(-p)))
    rest = sum(
        (-1) ** j * comb(int(T), j) * zeta(beta) ** -(j + 1) * zeta(beta * (j + 1), terms + 1)
        for j in range(6)
    )
    return head + rest


# ----------------------------------------------------------------------------------------- Zipf sums


@pytest.mark.parametrize(("beta", "T"), [(1.2, 1e4), (1.5, 1e6), (2.0, 1e9)])
def test_missing_mass_equals_brute_force(beta, T):
    assert scaling.missing_mass(beta, T) == pytest.approx(brute_missing_mass(beta, T), rel=1e-12)


def test_one_sample_has_a_closed_form():
    # sum p (1 - p) = 1 - zeta(2 beta) / zeta(beta)^2, down to exponents next to 1
    beta = np.array([1.0001, 1.05, 1.5, 2.0, 3.0, 7.0, 20.0])
    exact = 1 - zeta(2 * beta) / zeta(beta) ** 2
    # at beta = 20 the difference 1 - ... has cancelled eight digits
    np.testing.assert_allclose(scaling.missing_mass(beta, 1), exact, rtol=1e-8)
    np.testing.assert_allclose(scaling.missing_mass(2.0, 1), 0.6, rtol=1e-14)


def ones(p, T):
    return np.ones(np.broadcast_shapes(p.shape, T.shape))


@pytest.mark.parametrize("beta", [1.001, 1.5, 4.0])
@pytest.mark.parametrize("first", [1, 2, 511, 512, 513, 10**6])
def test_ranges_of_ranks_have_their_probability(beta, first):
    tail = zeta(beta, first) / zeta(beta)
    assert scaling.zipf_sum(ones, beta, 1.0, first=first) == pytest.approx(tail, rel=1e-12)
    for last in (first, first + 3, first + 9, first + 5000):
        exact = np.sum(np.arange(first, last + 1, dtype=float) ** -beta) / zeta(beta)
        assert scaling.zipf_sum(ones, beta, 1.0, first=first, last=last) == pytest.approx(exact, rel=1e-12)


def test_a_steep_tail_needs_every_term_of_the_end_correction():
    # next omitted term: 367/967680 (20/512)^5, times 19/512 relative to the sum
    tail = zeta(20.0, 512) / zeta(20.0)
    assert scaling.zipf_sum(ones, 20.0, 1.0, first=512) == pytest.approx(tail, rel=1e-11)


def test_finite_support_of_a_million_items_equals_brute_force():
    T = np.array([1.0, 1e3, 1e6, 1e9])
    p = scaling.zipf_probabilities(10**6, 1.3)
    brute = [np.sum(p * np.exp(t * np.log1p(-p))) for t in T]
    fast = scaling.zipf_sum(lambda p, T: np.exp(T * np.log1p(-p)), 1.3, T, last=10**6)
    np.testing.assert_allclose(fast, brute, rtol=1e-11)  # the brute sum itself rounds


def test_zipf_probabilities_are_the_law():
    p = scaling.zipf_probabilities(1000, 2.5)
    assert p.sum() == pytest.approx(1 - zeta(2.5, 1001) / zeta(2.5), rel=1e-13)
    assert p[1] / p[0] == pytest.approx(2**-2.5)


def test_broadcasting_over_beta_and_T():
    beta, T = np.array([1.3, 2.0])[:, None], np.array([1.0, 50.0, 1e7])
    table = scaling.missing_mass(beta, T)
    assert table.shape == (2, 3)
    assert table[1, 2] == pytest.approx(scaling.missing_mass(2.0, 1e7), rel=1e-13)
    assert np.ndim(scaling.missing_mass(2.0, 10)) == 0


@given(beta=st.floats(1.001, 60.0), log_T=st.floats(0.0, 40.0))
@settings(max_examples=150)
def test_extremes_stay_finite_and_ordered(beta, log_T):
    T = 10.0**log_T
    error, more = scaling.missing_mass(beta, T), scaling.missing_mass(beta, 2 * T)
    assert 0 <= more <= error <= 1
    assert np.isfinite(scaling.missing_mass_asymptotic(beta, T))
    assert scaling.distinct_items(beta, T) >= 1 - 1e-12


# -------------------------------------------------------------------------------------- master formula

PROFILES = {  # f, total variation of x f(x)
    "exponential": (lambda x: np.exp(-x), 2 / np.e),
    "fat tail": (lambda x: (1 + x) ** -2.0, 0.5),
    "seen once": (lambda x: x * np.exp(-x), 8 / np.e**2),
}


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("beta", [1.1, 1.5, 3.0])
@pytest.mark.formula("thm-scaling-master")
def test_master_formula_is_within_its_bound(name, beta):
    f, variation = PROFILES[name]
    T = np.logspace(0, 6, 13)
    exact = scaling.zipf_sum(lambda p, T: f(T * p), beta, T)
    assert (abs(exact - scaling.master_formula(f, beta, T)) <= variation / (2 * T)).all()


@pytest.mark.formula("prop-scaling-smooth")
def test_master_formula_beats_its_bound_for_smooth_profiles():
    T = np.array([1e3, 1e5])
    f = PROFILES["exponential"][0]
    exact = scaling.zipf_sum(lambda p, T: f(T * p), 1.5, T)
    np.testing.assert_allclose(scaling.master_formula(f, 1.5, T), exact, rtol=1e-9)


@pytest.mark.formula("thm-scaling-master")
def test_step_profile_is_a_tail_probability():
    T = np.logspace(1, 8, 8)
    first = np.floor((T / zeta(1.5)) ** (2 / 3)) + 1
    exact = zeta(1.5, first) / zeta(1.5)
    assert (abs(exact - scaling.master_formula(lambda x: float(x < 1), 1.5, T)) <= 1 / T).all()


# --------------------------------------------------------------------------------------- the memoriser


@pytest.mark.formula("cor-scaling-clean")
def test_clean_law_is_right_to_second_order():
    for beta in (1.25, 1.5, 2.0):
        error = [
            abs(scaling.missing_mass_asymptotic(beta, T) / scaling.missing_mass(beta, T) - 1)
            for T in (1e3, 1e4)
        ]
        assert error[0] < 1e-6
        assert error[1] < error[0] / 50  # O(1/T^2) would be 100
        first_order = scaling.missing_mass_asymptotic(beta, 1e4, correction=False)
        c = 1 - 1 / beta
        shift = first_order / scaling.missing_mass(beta, 1e4) - 1
        assert shift == pytest.approx(c * (c + 1) / 2e4, rel=1e-3)


def test_constants_of_the_clean_law():
    # Gamma(1/3) / (1.5 zeta(1.5)^(2/3)) and its siblings, to five digits
    law = scaling.missing_mass_asymptotic([1.5, 2.0, 3.0], 1, correction=False)
    np.testing.assert_allclose(law, [0.94156, 0.69099, 0.42452], atol=5e-6)


def test_next_sample_is_new_with_the_probability_of_the_missing_mass():
    for beta in (1.2, 2.0):
        for T in (1, 10, 1000):
            step = scaling.distinct_items(beta, T + 1) - scaling.distinct_items(beta, T)
            assert step == pytest.approx(scaling.missing_mass(beta, T), rel=1e-9)


def test_distinct_items_follow_their_law():
    T = np.array([1e4, 1e6])
    law = gamma(1 / 3) * (T / zeta(1.5)) ** (2 / 3) - 0.5
    gap = abs(scaling.distinct_items(1.5, T) - law)
    assert (gap <= T ** (-1 / 3)).all()


@pytest.mark.parametrize("nested", [False, True])
def test_missing_mass_is_the_mean_of_the_simulation(nested):
    T = np.array([5, 50, 500])
    for beta in (1.25, 2.0):
        estimate = scaling.simulate_missing_mass(beta, T, replicas=1500, seed=3, nested=nested)
        assert estimate.agreement(scaling.missing_mass(beta, T)).passed
        # T - 1 samples are told from T
        assert not estimate.agreement(scaling.missing_mass(beta, T + 1)).passed


@pytest.mark.formula("prop-scaling-fluctuations")
def test_spread_is_the_standard_deviation_of_the_simulation():
    for beta in (1.5, 2.0):
        mass = scaling.sample_missing_mass(beta, 300, replicas=4000, seed=5)
        squares = (mass - scaling.missing_mass(beta, 300)) ** 2
        z = (squares.mean() - scaling.missing_mass_spread(beta, 300) ** 2) / (squares.std() / 4000**0.5)
        assert abs(z) < 3.5


@pytest.mark.formula("prop-scaling-fluctuations")
def test_spread_leaves_out_less_than_two_over_T_of_the_exact_variance():
    # all pairs of the 4000 most frequent items one by one, those beyond in the limit of rare items
    for beta in (1.5, 2.0):
        p = scaling.zipf_probabilities(4000, beta)
        for T in (30, 300):
            both = np.maximum(1 - p[:, None] - p, 0) ** T
            pairs = p[:, None] * p * (both - np.outer((1 - p) ** T, (1 - p) ** T))
            np.fill_diagonal(pairs, 0)
            frontier = scaling.zipf_sum(lambda p, T: T * p * np.exp(-T * p), beta, T)
            beyond = -(frontier**2 - np.sum(T * p**2 * np.exp(-T * p)) ** 2) / T
            single = scaling.zipf_sum(lambda p, T: p * ((1 - p) ** T - (1 - p) ** (2 * T)), beta, T)
            exact = single + pairs.sum() + beyond
            assert 1 / T < scaling.missing_mass_spread(beta, T) ** 2 / exact - 1 < 2 / T


def test_samples_by_counting():
    # the same draws, one training set at a time and with a Python set
    T = np.array([1, 7, 40])
    fast = scaling.sample_missing_mass(1.7, T, replicas=3, seed=11, nested=True)
    items = np.random.default_rng(np.random.SeedSequence(11).spawn(3)[0]).zipf(1.7, (3, 40))
    for row, draws in zip(fast, items, strict=True):
        for value, t in zip(row, T, strict=True):
            seen = np.array(sorted(set(draws[:t].tolist())), dtype=float)
            assert value == pytest.approx(1 - np.sum(seen**-1.7) / zeta(1.7), abs=1e-12)


def test_nested_samples_fall_along_each_run_and_blocks_do_not_matter(monkeypatch):
    T = [10, 20, 80]
    whole = scaling.sample_missing_mass(1.5, T, replicas=20, seed=2, nested=True)
    assert (np.diff(whole, axis=1) <= 1e-15).all()
    monkeypatch.setattr(scaling, "_CHUNK", 100)
    np.testing.assert_array_equal(
        whole, scaling.sample_missing_mass(1.5, T, replicas=20, seed=2, nested=True)
    )
    assert scaling.sample_missing_mass(1.5, 10, replicas=4, seed=2).shape == (4,)


# ----------------------------------------------------------------------------------- power-law spectra


@pytest.mark.parametrize("alpha", [1.5, 2.0, 3.0])
@pytest.mark.formula("thm-scaling-spectrum")
def test_degrees_of_freedom_of_a_power_law(alpha):
    d, kappa = 10**6, np.array([1e-1, 1e-2, 1e-3])
    spectrum = spectra.power_law(d, alpha)
    for order in (1, 2):
        beyond = d ** (1 - order * alpha) / (order * alpha - 1) / kappa**order
        exact = equivalents.degrees_of_freedom(spectrum, kappa, order) + beyond
        law = scaling.power_law_degrees_of_freedom(alpha, kappa, order)
        assert (abs(exact - law) <= order * alpha / 6 * kappa ** (1 / alpha)).all()


@pytest.mark.parametrize(
    ("alpha", "r", "tolerance"),
    [(2.0, 0.3, 1e-4), (1.5, 0.5, 1e-4), (2.0, 1.0, 1e-4), (1.5, 1.0, 1e-4), (1.5, 1.5, 2e-3)],
)
@pytest.mark.formula("thm-scaling-spectrum")
def test_bias_of_a_power_law(alpha, r, tolerance):
    d, kappa = 10**6, 1e-4
    spectrum, signal = spectra.power_law(d, alpha), spectra.power_law_signal(d, alpha, r)
    exact = kappa**2 * equivalents.spectral_sum(spectrum, signal, kappa, 1, 2)
    assert scaling.power_law_bias(alpha, r, kappa) == pytest.approx(exact, rel=tolerance)


@pytest.mark.formula("thm-scaling-spectrum")
def test_bias_is_within_the_bound_of_the_theorem_near_saturation():
    d, kappa, alpha = 10**6, np.logspace(-4, 0, 9), 1.5
    spectrum = spectra.power_law(d, alpha)
    for r in (0.2, 0.6, 0.67, 0.9, 0.99):
        signal = spectra.power_law_signal(d, alpha, r)
        exact = kappa**2 * equivalents.spectral_sum(spectrum, signal, kappa, 1, 2)
        bound = np.maximum(kappa ** (2 * r + 1 / alpha), kappa**2 / (2 * alpha * (1 - r)))
        truncated = d ** (-2 * alpha * r) / (2 * alpha * r)  # the tail that the finite spectrum lacks
        gap = abs(scaling.power_law_bias(alpha, r, kappa) - exact)
        assert (gap <= (bound + truncated) / zeta(1 + 2 * alpha * r) + 1e-3 * truncated).all()


@pytest.mark.formula("thm-scaling-ridgeless")
def test_ridgeless_error_is_the_equivalent_of_an_infinite_spectrum():
    alpha, r, d = 2.0, 0.5, 10**6
    spectrum, signal = spectra.compress(spectra.power_law(d, alpha), spectra.power_law_signal(d, alpha, r))
    T = np.array([30.0, 100.0, 300.0])
    kappa = equivalents.effective_ridge(spectrum, T, 0.0)
    gap = equivalents.residual_degrees_of_freedom(spectrum, T, 0.0, kappa)
    bias = kappa**2 * equivalents.spectral_sum(spectrum, signal, kappa, 1, 2) * T / gap
    noise = equivalents.degrees_of_freedom(spectrum, kappa, 2) / gap
    # 1/T^2 from the closed form, T/d from the finite dimension
    np.testing.assert_allclose(scaling.ridgeless_error(alpha, r, T), bias, rtol=1e-3)
    both = scaling.ridgeless_error(alpha, r, T, 0.2)
    np.testing.assert_allclose(both - scaling.ridgeless_error(alpha, r, T), 0.04 * noise, rtol=1e-3)


@pytest.mark.formula("cor-scaling-rates")
def test_rates():
    assert scaling.noiseless_rate(1.5, [0.5, 1.0, 3.0]).tolist() == [1.5, 3.0, 3.0]
    assert scaling.clean_rate(2.0, 0.5) == pytest.approx(2 / 3)
    T = np.array([1e6, 1e7])
    local = scaling.local_exponent(T, scaling.ridgeless_error(1.5, 0.4, T))
    assert local.exponent[0] == pytest.approx(scaling.noiseless_rate(1.5, 0.4), abs=1e-5)


# ---------------------------------------------------------------------------- reading a learning curve


@pytest.mark.formula("prop-scaling-shares")
def test_local_exponent_of_a_sum_is_the_average_by_shares():
    T = np.exp(np.linspace(0, 10, 20_001))
    E = 2 * T**-0.7 + 0.3 * T**-0.2 + 0.01
    local = scaling.local_exponent(T, E)
    x = local.x
    shares = np.array([2 * x**-0.7, 0.3 * x**-0.2])
    exact = np.array([0.7, 0.2]) @ shares / (shares.sum(0) + 0.01)
    np.testing.assert_allclose(local.exponent, exact, atol=1e-7)


def test_local_exponent_error_bars():
    rng = np.random.default_rng(1)
    T = np.array([10.0, 30.0, 100.0])
    E, relative = T**-0.5, np.array([0.01, 0.02, 0.005])
    noisy = E * (1 + relative * rng.standard_normal((4000, 3)))
    local = [scaling.local_exponent(T, y, relative * E) for y in noisy]
    z = np.array([(fit.exponent - 0.5) / fit.stderr for fit in local])
    assert (abs(z.std(0) - 1) < 4 / 8000**0.5).all()


@pytest.mark.formula("thm-scaling-line")
def test_straight_line_is_the_parabola_average_of_local_exponents():
    rng = np.random.default_rng(2)
    for m in (3, 4, 9):
        T, E = np.logspace(1, 3, m), rng.uniform(0.1, 1, m)
        j = np.arange(1, m)
        weights = 6 * j * (m - j) / (m * (m**2 - 1))
        slope = -np.polyfit(np.log(T), np.log(E), 1)[0]
        assert weights.sum() == pytest.approx(1)
        assert weights @ scaling.local_exponent(T, E).exponent == pytest.approx(slope, abs=1e-10)


@pytest.mark.formula("cor-scaling-plateau")
def test_a_plateau_bends_the_line_by_its_share_in_mid_window():
    for c, rho, length in ((0.3, 0.2, 2.0), (0.5, 0.03, 9.0), (1.0, 0.05, 5.0)):
        x = np.linspace(-length / 2, length / 2, 20_001)
        E = np.exp(-c * x) + rho
        straight = scaling.fit_power_law(np.exp(x), E, E).exponent
        w1, w2 = (12 / z**2 * (np.cosh(z / 2) - 2 / z * np.sinh(z / 2)) for z in (c * length, 2 * c * length))
        rest = straight / c - (1 - rho * w1)
        assert -1e-7 < rest < rho**2 * w2
        # the line alone is misled; the law with its plateau is not
        fit = scaling.fit_power_law(np.exp(x[::1000]), E[::1000], 0.01 * E[::1000], plateau=True)
        assert fit.exponent == pytest.approx(c, rel=1e-5)


@pytest.mark.formula("prop-scaling-decades")
def test_crossover_of_two_laws_takes_its_decades():
    for fast, slow, delta in ((1.0, 0.0, 0.05), (0.9, 0.4, 0.1), (0.5, 1 / 6, 0.01)):
        gap = fast - slow
        log_q = np.log(gap / delta - 1) / gap
        x = np.exp(np.linspace(-1.5 * log_q, 1.5 * log_q, 30_001))  # equal at x = 1
        local = scaling.local_exponent(x, x**-fast + x**-slow)
        log_x = np.log(local.x)
        near_fast, near_slow = local.exponent >= fast - delta, local.exponent <= slow + delta
        step = 3 * log_q / 30_000
        assert log_x[near_fast].max() == pytest.approx(-log_q, abs=2 * step)
        assert log_x[near_slow].min() == pytest.approx(log_q, abs=2 * step)


@pytest.mark.parametrize("plateau", [False, True])
def test_fitted_parameters_have_standard_normal_z(plateau):
    rng = np.random.default_rng(7)
    x = np.logspace(1, 4, 12)
    law = 3 * x**-0.6 + (0.05 if plateau else 0)
    stderr = law * np.linspace(0.004, 0.02, 12)
    fits = [
        scaling.fit_power_law(x, law + stderr * rng.standard_normal(12), stderr, plateau) for _ in range(600)
    ]
    z = {
        "exponent": [(f.exponent - 0.6) / f.exponent_stderr for f in fits],
        "prefactor": [np.log(f.prefactor / 3) * f.prefactor / f.prefactor_stderr for f in fits],
    }
    if plateau:
        z["plateau"] = [(f.plateau - 0.05) / f.plateau_stderr for f in fits]
    for values in z.values():
        assert stats.kstest(values, "norm").pvalue > 1e-3
    chi2 = np.array([f.chi2 for f in fits])
    assert stats.kstest(chi2, stats.chi2(fits[0].dof).cdf).pvalue > 1e-3
    assert fits[0].dof == (9 if plateau else 10)


def test_wrong_form_is_told_by_chi2():
    x = np.logspace(2, 4, 9)
    y = x ** (-1 / 3) + 0.02
    line = scaling.fit_power_law(x, y, 0.005 * y)
    right = scaling.fit_power_law(x, y, 0.005 * y, plateau=True)
    assert line.exponent < 0.31 and line.chi2_per_dof > 2
    assert right.exponent == pytest.approx(1 / 3, abs=1e-6) and right.chi2_per_dof < 1e-6
    np.testing.assert_allclose(right.predict([1e6, 1e8]), [1e-2 + 0.02, 10 ** (-8 / 3) + 0.02], rtol=1e-6)
    assert line.plateau == 0 and line.plateau_stderr == 0


@given(
    exponent=st.floats(0.05, 3.0),
    log_scale=st.floats(-200, 200),
    log_x=st.floats(-20, 20),
    share=st.floats(0.0, 0.5),
)
@settings(max_examples=100)
def test_exact_laws_of_any_size_are_recovered(exponent, log_scale, log_x, share):
    t = np.logspace(0, 3, 12)
    scale = 10.0**log_scale
    y = scale * (t**-exponent + share)
    fit = scaling.fit_power_law(10.0**log_x * t, y, 0.01 * y, plateau=True)
    assert fit.exponent == pytest.approx(exponent, rel=1e-5)
    assert fit.plateau == pytest.approx(scale * share, rel=1e-5, abs=1e-6 * scale)


# ------------------------------------------------------------------------------------------- bad input

GOOD = dict(replicas=2, seed=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: scaling.missing_mass(1.0, 10), "beta must be > 1, got 1.0"),
        (lambda: scaling.missing_mass(2.0, 0), "T must be >= 1, got 0.0"),
        (lambda: scaling.missing_mass(2.0, float("nan")), "T must be finite"),
        (lambda: scaling.missing_mass(np.full((10**5, 1), 2.0), np.ones(10**5)), "1e\\+08"),
        (lambda: scaling.zipf_sum(ones, 2.0, -1.0), "T must be > 0"),
        (lambda: scaling.zipf_sum(ones, 2.0, 1.0, first=0), "first must be >= 1"),
        (lambda: scaling.zipf_sum(ones, 2.0, 1.0, first=9, last=8), "last must be >= 9"),
        (lambda: scaling.zipf_probabilities(0, 2.0), "n must be >= 1"),
        (lambda: scaling.zipf_probabilities(3, [2.0, 3.0]), "beta must be a single number"),
        (lambda: scaling.master_formula(np.exp, 0.5, 1.0), "beta must be > 1"),
        (lambda: scaling.sample_missing_mass(1.1, 10, **GOOD), "beta must be >= 1.2"),
        (lambda: scaling.sample_missing_mass(2.0, 1.5, **GOOD), "T must be a whole number"),
        (lambda: scaling.sample_missing_mass(2.0, [[1]], **GOOD), "one-dimensional"),
        (lambda: scaling.sample_missing_mass(2.0, 10**9, **GOOD), "1e\\+08"),
        (lambda: scaling.sample_missing_mass(2.0, 1, replicas=0, seed=0), "replicas must be >= 1"),
        (lambda: scaling.power_law_degrees_of_freedom(1.0, 0.1), "alpha must be > 1, got 1.0"),
        (lambda: scaling.power_law_degrees_of_freedom(2.0, 0.0), "kappa must be > 0"),
        (lambda: scaling.power_law_bias(2.0, 0.0, 0.1), "r must be > 0"),
        (lambda: scaling.ridgeless_error(2.0, 1.0, 10), "r must be < 1, got 1.0"),
        (lambda: scaling.ridgeless_error(2.0, 0.5, 10, -0.1), "noise must be >= 0"),
        (lambda: scaling.clean_rate(0.9, 0.5), "alpha must be > 1"),
        (lambda: scaling.local_exponent([1.0], [1.0]), "at least 2 points"),
        (lambda: scaling.local_exponent([2.0, 1.0], [1.0, 1.0]), "x must be increasing"),
        (lambda: scaling.local_exponent([1.0, 2.0], [1.0, -1.0]), "y must be > 0"),
        (lambda: scaling.local_exponent([1.0, 2.0], [1.0, 1.0], [0.1]), "stderr must have shape"),
        (lambda: scaling.fit_power_law([1.0, 2.0], [1.0, 0.5], 0.0), "stderr must be > 0"),
        (lambda: scaling.fit_power_law([1.0, 2.0], [1.0, 0.0], 0.1), "mean must be > 0"),
        (lambda: scaling.fit_power_law([1.0, 2.0], [1.0, 0.5, 0.2], 0.1), "mean must be of shape"),
        (lambda: scaling.fit_power_law([1.0, 2.0], [1.0, 0.5], 0.1, plateau=True), "at least 3 points"),
        (lambda: scaling.fit_power_law([1.0, 2.0], [1.0, 0.5], 0.1).predict(0), "x must be > 0"),
    ],
)
def test_bad_input_names_the_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call()
