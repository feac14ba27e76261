"""The chains of chapter *A first collapse*: closed forms, laws, traps, bad input, extremes.

Statistical tests compare independent seeded replicas with theory and fail beyond the limit of
`Estimate.check` (as improbable as three standard errors for one number), or at p < 1e-3 for a
Kolmogorov-Smirnov test.
"""

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from collapse import Estimate, chains, sampling

KEEP = pytest.mark.parametrize("accumulate", [False, True])
BIAS = pytest.mark.parametrize("unbiased", [False, True])


# ------------------------------------------------------------------------------------------ theory


def test_replacing_gaussian_against_moments_of_chi_square_products():
    n, T, v = 7, 9, 2.5
    factor = stats.chi2(T - 1, scale=1 / (T - 1))
    assert chains.gaussian_variance(n, T, v) == pytest.approx(v)
    assert chains.gaussian_variance(n, T, v, power=2) == pytest.approx(v**2 * factor.moment(2) ** n)
    log = chains.gaussian_log_variance(n, T, v)
    assert log.mean == pytest.approx(np.log(v) + n * factor.expect(np.log), rel=1e-6)
    spread = factor.expect(lambda x: np.log(x) ** 2) - factor.expect(np.log) ** 2
    assert log.variance == pytest.approx(n * spread, rel=1e-6)
    assert chains.gaussian_mean_error(n, T, v) == pytest.approx(n * v / T)


def test_maximum_likelihood_shrinks_each_generation_by_one_over_T():
    n, T = np.array([0, 1, 50]), 20
    assert chains.gaussian_variance(n, T, unbiased=False) == pytest.approx((19 / 20) ** n)
    steps = [sum((19 / 20) ** k for k in range(m)) / T for m in n]
    assert chains.gaussian_mean_error(n, T, unbiased=False) == pytest.approx(steps)
    difference = (
        chains.gaussian_log_variance(n, T, unbiased=False).mean - chains.gaussian_log_variance(n, T).mean
    )
    assert difference == pytest.approx(n * np.log(19 / 20))


def test_accumulating_gaussian_by_the_recursion_written_out():
    for T in (2, 3, 20):
        for unbiased in (True, False):
            mean, square, drift = 1.0, 1.0, 0.0
            for i in range(1, 9):
                drift += mean / (i**2 * T)
                old = 0.0 if i == 1 else (i - 1) * T - unbiased  # sum of squares over v_{i-1}
                first = old + T - 1 + (i - 1) / i
                second = first**2 + 2 * (T - 1) + 2 * ((i - 1) / i) ** 2
                size = i * T - unbiased
                mean, square = mean * first / size, square * second / size**2
                options = {"accumulate": True, "unbiased": unbiased}
                assert chains.gaussian_variance(i, T, **options) == pytest.approx(mean)
                assert chains.gaussian_variance(i, T, power=2, **options) == pytest.approx(square)
                assert chains.gaussian_mean_error(i, T, **options) == pytest.approx(drift)


def test_accumulating_gaussian_bounds_and_sine():
    n, T = np.array([[1], [10], [10_000]]), np.array([2, 5, 50])
    variance = chains.gaussian_variance(n, T, accumulate=True)
    assert np.all(variance <= 1) and np.all(variance >= 1 - (np.pi**2 / 6 - 1) / (T - 0.5))
    assert np.all(chains.gaussian_mean_error(n, T, accumulate=True) <= np.pi**2 / 6 / T)
    sine = chains.gaussian_variance(10**6, T, accumulate=True, unbiased=False)
    assert sine == pytest.approx(np.sinc(1 / np.sqrt(T)), rel=2e-6)


def test_carriers_tend_to_the_normal_tail():
    age = np.array([0.5, 2, 10])
    share = chains.gaussian_carriers(age * (10**6 - 1) // 1, 10**6)
    assert share == pytest.approx(stats.norm.cdf(-np.sqrt(2 * age)), rel=1e-4)
    assert chains.gaussian_carriers(0, 20) == pytest.approx(0.5)


def test_least_squares_table():
    n, d, T, noise = 5, 3, 11, 0.7
    fit = noise**2 * d / (T - d - 1)
    i = np.arange(1, n + 1)
    expected = {
        ("independent", False): n * fit,
        ("shared", False): n * fit,
        ("same-seed", False): n**2 * fit,
        ("independent", True): noise**2 * np.sum(d / (i * (i * T - d - 1))),
        ("shared", True): fit * np.sum(1 / i**2),
        ("same-seed", True): fit * np.sum(1 / i) ** 2,
    }
    for (draws, accumulate), value in expected.items():
        error = chains.least_squares_error(n, d, T, noise, accumulate=accumulate, draws=draws)
        assert error == pytest.approx(value, rel=1e-13)


def test_accumulating_regression_in_closed_form_and_bounded():
    n, d = np.array([1, 7, 1000]), 10
    for T in (12, 40, 1000):
        c = (d + 1) / T
        closed = special.digamma(n + 1 - c) - special.digamma(1 - c) - special.digamma(n + 1) - np.euler_gamma
        error = chains.least_squares_error(n, d, T, accumulate=True)
        assert error == pytest.approx(d / (d + 1) * closed, rel=1e-9)
        assert np.all(error <= np.pi**2 / 6 * chains.least_squares_error(1, d, T))


def test_everything_broadcasts():
    n, T, d, noise = np.arange(4)[:, None], np.array([12, 30, 31]), 4, np.array([0.5, 1, 2])
    for accumulate in (False, True):
        for draws in ("independent", "shared", "same-seed"):
            options = {"accumulate": accumulate, "draws": draws}
            grid = chains.least_squares_error(n, d, T, noise, **options)
            single = chains.least_squares_error(3, 4, 31, 2, **options)
            assert grid.shape == (4, 3) and np.all(grid[0] == 0)
            assert grid[3, 2] == pytest.approx(single, rel=1e-14)
        grid = chains.gaussian_mean_error(n, T, noise, accumulate=accumulate)
        assert grid.shape == (4, 3)
        assert grid[2, 0] == pytest.approx(chains.gaussian_mean_error(2, 12, 0.5, accumulate=accumulate))
        grid = chains.gaussian_variance(n, T, noise, power=2, accumulate=accumulate)
        assert grid[2, 0] == pytest.approx(
            chains.gaussian_variance(2, 12, 0.5, power=2, accumulate=accumulate), rel=1e-14
        )
    estimate = chains.simulate_least_squares_error(n, d, T, replicas=2)
    assert estimate.mean.shape == estimate.stderr.shape == (4, 3)


# ----------------------------------------------------------------------- simulation against theory


@KEEP
@BIAS
@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.formula("thm-first-gaussian", "thm-first-keep")
def test_variance(accumulate, unbiased, power):
    # Age at most 0.4, where the averages of the replacing chain are still fair.
    options = {"power": power, "accumulate": accumulate, "unbiased": unbiased}
    n, T = np.array([1, 3, 6]), np.array([[16], [40]])
    estimate = chains.simulate_gaussian_variance(n, T, 1.7, **options, replicas=20_000, seed=1)
    estimate.check(chains.gaussian_variance(n, T, 1.7, **options), "variance")


@KEEP
@BIAS
@pytest.mark.formula("thm-first-gaussian", "thm-first-keep")
def test_mean_error(accumulate, unbiased):
    options = {"accumulate": accumulate, "unbiased": unbiased}
    n, T = np.array([1, 4, 8]), np.array([[20], [40]])
    estimate = chains.simulate_gaussian_mean_error(n, T, 0.6, **options, replicas=20_000, seed=2)
    estimate.check(chains.gaussian_mean_error(n, T, 0.6, **options), "mean error")


@BIAS
@pytest.mark.formula("thm-first-gaussian")
def test_log_variance(unbiased):
    n, T = np.array([1, 30, 300]), np.array([[2], [5], [50]])
    estimate = chains.simulate_gaussian_log_variance(n, T, 3.0, unbiased=unbiased, replicas=4000, seed=3)
    log = chains.gaussian_log_variance(n, T, 3.0, unbiased=unbiased)
    estimate.check(log.mean, "mean of log v")
    # The standard error is estimated from 4000 replicas: its own relative error is about 1 / sqrt(8000),
    # more for T = 2, whose log chi-square is skewed (kurtosis 7 at n = 1 makes it 2.2 times larger).
    assert estimate.stderr * 4000**0.5 == pytest.approx(np.sqrt(log.variance), rel=4 * 2.2 / 8000**0.5)


@pytest.mark.formula("thm-first-carriers")
def test_carriers():
    n, T = np.array([19, 95, 190]), 20
    estimate = chains.simulate_gaussian_carriers(n, T, replicas=40_000, seed=4)
    # The theory takes log v for normal: relative error up to 1 / (3 nu).
    estimate.check(chains.gaussian_carriers(n, T), "carriers", bias=1 / 57)


@pytest.mark.parametrize("T", [10, 20, 80])
@pytest.mark.parametrize("age", [1, 3, 10])
@pytest.mark.formula("thm-first-carriers")
def test_carriers_against_the_exact_law(T, age):
    # The law of log v among weighted runs, by inverting its characteristic function on a grid.
    nu, n = T - 1, age * (T - 1)
    mean = n * (special.digamma(nu / 2 + 1) - np.log(nu / 2))
    width = 40 * np.sqrt(n * special.polygamma(1, nu / 2 + 1)) + 40
    x = mean + width * (np.arange(2**15) / 2**15 - 0.5)
    u = 2 * np.pi * np.fft.fftfreq(x.size, x[1] - x[0])
    factor = special.loggamma(nu / 2 + 1 + 1j * u) - special.gammaln(nu / 2 + 1) + 1j * u * np.log(2 / nu)
    density = np.fft.fft(np.exp(n * factor - 1j * u * x[0])).real / width
    median = np.interp(0.5, np.cumsum(density) * (x[1] - x[0]), x + (x[1] - x[0]) / 2)
    above = np.linspace(median, x[-1], 10**5)
    share = np.trapezoid(np.exp(-above) * np.interp(above, x, density), above)
    # Skewness moves the median by about 1 / (3 nu): the normal formula is too large by at most that,
    # to within terms of order 1 / nu^2.
    assert 0 < chains.gaussian_carriers(n, T) / share - 1 < 1 / (3 * nu) + 1 / nu**2


@pytest.mark.formula("thm-first-carriers")
def test_carriers_by_brute_force():
    # At age 2 one run in 44 carries the upper half of the mean: plain runs can be sorted and counted.
    n, T, runs = 38, 20, 400_000
    v = np.sort(chains.gaussian_chain(n, T, replicas=runs, seed=5)[1])[::-1]
    share = np.searchsorted(np.cumsum(v), v.sum() / 2) / runs
    # The total itself fluctuates by e^2 / sqrt(runs) = 1 %, the count by 1 %, theory is right to 1 / 38.
    assert chains.gaussian_carriers(n, T) == pytest.approx(share, rel=0.06)


@KEEP
@pytest.mark.parametrize("draws", ["independent", "shared", "same-seed"])
@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.formula("thm-first-least-squares", "prop-first-seed")
def test_least_squares(accumulate, draws, direct):
    options = {"accumulate": accumulate, "draws": draws}
    n, d, T = np.array([1, 2, 5]), 3, np.array([[12], [20]])
    replicas = 2000 if direct else 10_000
    estimate = chains.simulate_least_squares_error(
        n, d, T, 0.5, **options, direct=direct, replicas=replicas, seed=6
    )
    estimate.check(chains.least_squares_error(n, d, T, 0.5, **options), "least squares")


def test_no_generations_no_change():
    assert chains.simulate_least_squares_error(0, 2, 5, replicas=3).mean == 0
    means, variances = chains.gaussian_chain(0, 5, 2.0, replicas=3)
    assert np.all(means == 0) and np.all(variances == 2)
    assert chains.simulate_gaussian_log_variance(0, 5, np.e, replicas=3).mean == pytest.approx(1)


# -------------------------------------------------------------------------------------------- laws


@KEEP
@BIAS
@pytest.mark.parametrize("T", [2, 7])
def test_sampler_and_direct_simulation_have_one_law(accumulate, unbiased, T):
    options = {"accumulate": accumulate, "unbiased": unbiased, "replicas": 5000}
    fast = chains.gaussian_chain(5, T, 2.0, **options, seed=7)
    slow = chains.gaussian_chain(5, T, 2.0, **options, seed=8, direct=True)
    for a, b in zip(fast, slow, strict=True):
        assert stats.ks_2samp(a, b).pvalue > 1e-3


def test_log_variance_sampler_and_direct_simulation_agree():
    fast = chains.simulate_gaussian_log_variance(6, 4, replicas=8000, seed=9)
    slow = chains.simulate_gaussian_log_variance(6, 4, replicas=8000, seed=10, direct=True)
    assert abs(fast.mean - slow.mean) < 3 * np.hypot(fast.stderr, slow.stderr)


@KEEP
@pytest.mark.parametrize("draws", ["independent", "shared", "same-seed"])
def test_regression_errors_have_one_law(accumulate, draws):
    args = (4, 3, 9, 1.0, accumulate, draws, 4000)
    fast = chains._exact_least_squares(*args, 11, "cpu")
    slow = chains._direct_least_squares(*args, 12, "cpu")
    for statistic in (lambda w: (w**2).sum(axis=1), lambda w: w[:, 0]):
        assert stats.ks_2samp(statistic(fast), statistic(slow)).pvalue > 1e-3


def test_path_ends_where_the_chain_ends():
    options = {"accumulate": True, "replicas": 3, "seed": 13}
    path, last = chains.gaussian_chain(4, 6, path=True, **options), chains.gaussian_chain(4, 6, **options)
    for whole, end in zip(path, last, strict=True):
        assert whole.shape == (3, 5)
        assert np.array_equal(whole[:, -1], end)


def test_same_seed_same_numbers_and_points_are_independent():
    first = chains.simulate_gaussian_variance([3, 3], 9, replicas=50, seed=14)
    again = chains.simulate_gaussian_variance([3, 3], 9, replicas=50, seed=14)
    assert np.array_equal(first.mean, again.mean)
    assert first.mean[0] != first.mean[1]


# ------------------------------------------------------------------------------------------- traps


def test_an_average_at_high_age_misses_the_mean_and_its_error_bar_does_not_say_so():
    # Age 15, 300 runs: log 300 = 5.7. The share of runs that would repair the average is 2e-8 each.
    estimate = chains.simulate_gaussian_variance(15 * 19, 20, replicas=300, seed=15)
    assert estimate.mean < 0.1
    assert abs(estimate.z(1.0)) > 3


@pytest.mark.formula("prop-first-seed")
def test_one_seed_for_all_is_one_fit_scaled_run_by_run():
    one = sampling.ols(np.zeros(3), np.ones(3), 12, 0.5, replicas=6, seed=np.random.SeedSequence(16))
    for accumulate, weight in ((False, 4), (True, 1 + 1 / 2 + 1 / 3 + 1 / 4)):
        many = chains._exact_least_squares(
            4, 3, 12, 0.5, accumulate, "same-seed", 6, np.random.SeedSequence(16), "cpu"
        )
        assert many == pytest.approx(weight * one)


@pytest.mark.formula("thm-first-least-squares")
def test_law_of_one_fit_where_its_variance_is_infinite():
    error = (sampling.ols(np.zeros(4), np.ones(4), 6, 1.0, replicas=20_000, seed=17) ** 2).sum(axis=1)
    assert stats.kstest(error * 3 / 4, stats.f(4, 3).cdf).pvalue > 1e-3


def test_mean_wanders_to_a_student_law():
    means, variances = chains.gaussian_chain(4000, 200, replicas=4000, seed=18)
    assert np.median(variances) < 1e-6
    assert stats.kstest(means, stats.t(2).cdf).pvalue > 1e-3


def test_checks_reject_the_formulas_that_a_student_would_write():
    n, T = np.array([1, 4, 8]), 20
    estimate = chains.simulate_least_squares_error(n, 10, T, replicas=20_000, seed=19)
    for wrong in (n * 10 / (T - 10), n * 10 / (T - 11 + 1), (n - 1) * 10 / (T - 11), n**2 * 10 / (T - 11)):
        assert not estimate.agreement(wrong).passed
    kept = chains.simulate_gaussian_variance(n, 5, accumulate=True, replicas=200_000, seed=20)
    assert not kept.agreement(np.ones(3)).passed  # accumulation is not quite unbiased
    log = chains.simulate_gaussian_log_variance(n * 5, 5, replicas=20_000, seed=21)
    assert not log.agreement(-n * 5 / 5).passed  # 1 / T for the rate


# --------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: chains.gaussian_variance(-1, 5), "n must be >= 0, got -1"),
        (lambda: chains.gaussian_variance(1.5, 5), "n must be a whole number, got 1.5"),
        (lambda: chains.gaussian_variance(1, 1), "T must be >= 2, got 1"),
        (lambda: chains.gaussian_variance(1, 5, 0.0), "variance must be > 0, got 0"),
        (lambda: chains.gaussian_variance(1, 5, np.nan), "variance must be finite"),
        (lambda: chains.gaussian_variance(1, 5, power=3), "power must be one of 1, 2, got 3"),
        (lambda: chains.gaussian_variance([1, 2], [5, 6, 7]), "must broadcast together"),
        (lambda: chains.gaussian_variance([], 5), "n must not be empty"),
        (lambda: chains.gaussian_variance("many", 5), "n must be a real number"),
        (lambda: chains.gaussian_variance(10**9, 5, accumulate=True), "must span at most 1e"),
        (lambda: chains.gaussian_log_variance(1, [2, np.inf]), "T must be finite"),
        (lambda: chains.gaussian_mean_error(1, 0), "T must be >= 2, got 0"),
        (lambda: chains.gaussian_carriers(1, 1), "T must be >= 2, got 1"),
        (lambda: chains.gaussian_chain([1, 2], 5), "n must be a single whole number"),
        (lambda: chains.gaussian_chain(1, 5, [1.0, 2.0]), "variance must be a single number"),
        (lambda: chains.gaussian_chain(1, 5, replicas=0), "replicas must be >= 1, got 0"),
        (lambda: chains.gaussian_chain(10**5, 5, path=True, replicas=10**4), "replicas and n must span"),
        (lambda: chains.gaussian_chain(1, 5, seed=-1), "seed must be >= 0, got -1"),
        (lambda: chains.gaussian_chain(1, 5, device="abacus"), "device must be one of"),
        (lambda: chains.simulate_gaussian_variance(1, 5, power=0), "power must be one of"),
        (lambda: chains.simulate_gaussian_variance(1, 5, replicas=1), "at least 2 replicas"),
        (lambda: chains.simulate_gaussian_log_variance(10**6, 5, replicas=1000), "replicas and n must span"),
        (lambda: chains.simulate_gaussian_mean_error(1, 5, seed=0.5), "seed must be a whole number"),
        (lambda: chains.least_squares_error(1, 4, 5), r"T must be >= d \+ 2 .*got T=5, d=4"),
        (lambda: chains.least_squares_error(1, [1, 4], [[9], [5]]), "got T=5, d=4"),
        (lambda: chains.least_squares_error(1, 0, 5), "d must be >= 1, got 0"),
        (lambda: chains.least_squares_error(1, 2, 5, -0.1), "noise must be >= 0, got -0.1"),
        (lambda: chains.least_squares_error(1, 2, 5, draws="new"), "draws must be one of 'independent'"),
        (lambda: chains.simulate_least_squares_error(1, 4, 5), r"T must be >= d \+ 2"),
        (lambda: chains.simulate_least_squares_error(1, 2, 5, draws=None), "draws must be one of"),
        (lambda: chains.simulate_least_squares_error(1, 2, 5, [1, 2]), "noise must be a single number"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ---------------------------------------------------------------------------------------- extremes

generations = st.integers(0, 10**12)
samples = st.integers(2, 10**15)
scales = st.floats(1e-300, 1e300)


@settings(max_examples=100)
@given(generations, samples, scales, st.booleans())
def test_gaussian_extremes_have_no_nan(n, T, v, unbiased):
    for power in (1, 2):
        moment = chains.gaussian_variance(n, T, v, power=power, unbiased=unbiased)
        assert moment >= 0
    log = chains.gaussian_log_variance(n, T, v, unbiased=unbiased)
    assert np.isfinite(log.mean) and log.variance >= 0
    assert log.mean <= np.log(v)  # Jensen
    assert chains.gaussian_mean_error(n, T, v, unbiased=unbiased) >= 0
    assert 0 <= chains.gaussian_carriers(n, T) <= 0.5 + 1e-12


@settings(max_examples=100)
@given(st.integers(0, 2000), samples, scales, st.booleans())
def test_accumulating_gaussian_extremes(n, T, v, unbiased):
    options = {"accumulate": True, "unbiased": unbiased}
    mean, square = (chains.gaussian_variance(n, T, v, power=p, **options) for p in (1, 2))
    assert 0 < mean <= v * (1 + 1e-12)
    with np.errstate(over="ignore"):  # the slack is for numbers too small to be normal
        assert square >= mean * mean * (1 - 1e-12) - 1e-300
    assert 0 <= chains.gaussian_mean_error(n, T, v, **options) <= np.pi**2 / 6 * v / T * (1 + 1e-12)


@settings(max_examples=100)
@given(st.integers(0, 2000), st.integers(1, 10**7), st.integers(2, 10**15), st.floats(0, 1e300))
def test_least_squares_extremes(n, d, spare, noise):
    T = d + spare
    fit = chains.least_squares_error(1, d, T, noise)
    for draws in ("independent", "shared", "same-seed"):
        replaced = chains.least_squares_error(n, d, T, noise, draws=draws)
        kept = chains.least_squares_error(n, d, T, noise, accumulate=True, draws=draws)
        assert 0 <= kept * (1 - 1e-12) <= replaced  # infinite only beyond 1e308
        assert math.isfinite(replaced) or noise > 1e140
        if n and draws != "same-seed":
            assert fit * (1 - 1e-12) <= kept <= fit * np.pi**2 / 6


@settings(max_examples=50)
@given(samples)
def test_rate_of_collapse_between_one_and_two_over_nu(T):
    rate, nu = -chains.gaussian_log_variance(1, T).mean, T - 1
    # 1/(2x) < log x - digamma(x) < 1/x at x = nu/2, to rounding.
    assert 1 / nu * (1 - 1e-12) < rate < 2 / nu


def test_rate_series_and_digamma_meet():
    x = np.linspace(25, 35, 101)
    direct = np.log(x) - special.digamma(x)
    assert chains._log_minus_digamma(x) == pytest.approx(direct, rel=1e-12)


# ----------------------------------------------------------------------------------------- devices


def test_theory_runs_without_torch():
    code = (
        "import sys; from collapse import chains; chains.gaussian_variance(3, 5, accumulate=True); "
        "chains.least_squares_error(3, 2, 9, accumulate=True); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_estimates_are_estimates():
    assert isinstance(chains.simulate_gaussian_carriers(5, 5, replicas=10), Estimate)
