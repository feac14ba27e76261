"""Regression collapse: one recursion for every chain, against data drawn in full."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
import torch
from scipy.stats import binom, norm

from collapse import Estimate, equivalents, regression, ridge, spectra
from collapse.regression import Chain

DESIGNS = ("independent", "shared", "dependent")
TWO = spectra.two_level(40, 4.0, 0.25, 0.25)


def drawn(rng):
    """A random problem inside the stated validity: no number of samples close to d without a penalty."""
    d = int(rng.choice([40, 60]))
    spectrum = {
        "flat": spectra.isotropic(d),
        "two-level": spectra.two_level(d, 4.0, 0.25, 0.25),
        "power law": spectra.power_law(d, float(rng.uniform(1, 2)), scale=3.0),
    }[rng.choice(["flat", "two-level", "power law"])]

    def samples():
        below = rng.uniform(0.3, 0.75)
        return round(d * (below if rng.random() < 0.5 else np.exp(rng.uniform(np.log(1.35), np.log(5)))))

    T, T0 = samples(), samples()
    penalty = 0.0 if rng.random() < 0.25 else 10 ** rng.uniform(-2, 0)
    design = str(rng.choice(DESIGNS, p=[0.7, 0.15, 0.15]))
    penalty0 = 0.0 if design != "independent" or rng.random() < 0.5 else 10 ** rng.uniform(-2, 0)
    chain = Chain(
        T if design == "dependent" else T0, rng.integers(0, 5), rng.uniform(0.1, 1), penalty0, design
    )
    return spectrum, spectra.uniform_signal(spectrum), T, penalty, rng.uniform(0.1, 1), chain


@pytest.mark.slow
@pytest.mark.formula("thm-fake-error", "thm-free-general")
def test_two_hundred_random_problems_against_full_data():
    """The equivalents are off by a few parts in the number of samples; 2/min(T, T0) is allowed for that.

    Beyond it, the number of |z| > 3 among 200 must be one that chance gives with probability 0.1 %. One
    seed, fixed before the first run.
    """
    rng = np.random.default_rng(20260101)
    z = []
    for i in range(200):
        problem = drawn(rng)
        chain = problem[-1]
        theory = regression.test_error(*problem).value
        estimate = regression.simulate_test_error(*problem, replicas=150, seed=i, direct=True)
        used = min(problem[2], int(chain.T0)) if chain.n else problem[2]
        z.append(estimate.z(theory, bias=2 / used))
    beyond = int((np.abs(z) > 3).sum())
    assert beyond <= binom.ppf(0.999, 200, 2 * norm.sf(3)), f"{beyond} of 200 beyond 3 standard errors"


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("T0", [20, 70])
def test_the_fast_chain_has_the_mean_of_the_direct_one(design, T0):
    T = T0 if design == "dependent" else 60
    problem = (TWO, spectra.uniform_signal(TWO), T, 0.2, 0.4, Chain(T0, 3, 0.5, 0.0, design))
    fast = regression.simulate_test_error(*problem, replicas=4000, seed=1)
    direct = regression.simulate_test_error(*problem, replicas=2000, seed=2, direct=True)
    difference = Estimate(fast.mean - direct.mean, np.hypot(fast.stderr, direct.stderr), 2000, 1)
    assert abs(difference.z(0.0)) < 4
    generators = (*problem[:2], problem[-1])
    fast = regression.simulate_generator_error(*generators, replicas=4000, seed=3)
    direct = regression.simulate_generator_error(*generators, replicas=2000, seed=4, direct=True)
    difference = Estimate(fast.mean - direct.mean, np.hypot(fast.stderr, direct.stderr), 2000, 1)
    assert abs(difference.z(0.0)) < 4


def test_no_generations_is_clean_ridge():
    T, penalty = np.array([10, 80]), np.array([[0.0], [0.3]])
    clean = ridge.test_error(TWO, spectra.uniform_signal(TWO), T, penalty, 0.5)
    error = regression.test_error(TWO, spectra.uniform_signal(TWO), T, penalty, 0.5, Chain(30, 0, 1.0))
    np.testing.assert_allclose(error.bias, clean.bias, rtol=1e-12, atol=1e-15)
    # Least squares is exact here and an equivalent there: d/(T-d-1) against d/(T-d).
    factor = np.array([[1, (80 - 40) / (80 - 40 - 1)], [1, 1]])
    np.testing.assert_allclose(error.variance, clean.variance * factor, rtol=1e-12)
    np.testing.assert_array_equal(error.collapse, 0.0)


@pytest.mark.formula("thm-chain-linear")
def test_least_squares_throughout_is_exact_and_linear():
    error = regression.test_error(TWO, np.ones(2), 90, 0.0, 0.3, Chain([60, 100], [[0], [3]], 0.5))
    expected = 0.3**2 * 40 / 49 + np.array([[0], [3]]) * 0.25 * 40 / (np.array([60, 100]) - 41)
    np.testing.assert_allclose(error.value, expected, rtol=1e-12)


def test_collapse_coefficient_is_its_closed_form():
    spectrum, T, penalty, T0 = spectra.power_law(50, 1.3), np.array([20, 80, 300]), 0.05, 90
    kappa = equivalents.effective_ridge(spectrum, T, penalty)
    s = spectrum.eigenvalues
    df1, df2 = ((s / (s + kappa[:, None])) ** r for r in (1, 2))
    df1, df2 = df1.sum(1), df2.sum(1)
    rho = df2 * (T + 50 - 2 * df1) / (T - df2) / (T0 - 51)
    np.testing.assert_allclose(regression.collapse_coefficient(spectrum, T, penalty, T0), rho, rtol=1e-10)


@pytest.mark.formula("prop-fake-lower")
def test_a_small_ridge_can_raise_the_collapse_term():
    spectrum = spectra.Spectrum([1.0, 1e-4], [80, 20])
    plain, small, large = regression.collapse_coefficient(spectrum, 110, [0.0, 0.01, 1.0], 300)
    assert small > plain > large
    noise_only = (spectrum, np.zeros(2), 110, 0.01, 0.0, Chain(300, 1, 1.0))
    estimate = regression.simulate_test_error(*noise_only, replicas=400, seed=1, direct=True)
    assert abs(estimate.z(small, bias=0.01)) < 3
    assert estimate.z(plain) > 3


@pytest.mark.formula("thm-fake-noise")
def test_effective_noise_turns_the_chain_into_clean_data():
    spectrum, signal = spectra.power_law(50, 1.3), spectra.power_law_signal(50, 1.3, 0.5)
    chain = Chain(90, 4, 0.3)
    noise = regression.effective_noise(spectrum, [20, 200], 0.05, 0.2, chain)
    clean = ridge.test_error(spectrum, signal, [20, 200], 0.05, noise).value
    fake = regression.test_error(spectrum, signal, [20, 200], 0.05, 0.2, chain).value
    np.testing.assert_allclose(clean, fake, rtol=1e-10)


def test_isotropic_min_norm_chain_is_exact_without_noise():
    error = regression.generator_error(spectra.isotropic(30), [2.0], Chain(21, np.arange(6), 0.0))
    np.testing.assert_allclose(error, 2.0 * (1 - 0.7 ** np.arange(6)), rtol=1e-12)


def test_optimal_ridge_minimises_and_grows_with_generations():
    signal = spectra.uniform_signal(TWO)
    best = regression.optimal_ridge(TWO, signal, 60, 0.3, Chain(90, [0, 1, 5], 0.5))
    assert (np.diff(best) > 0).all()
    assert best[0] == pytest.approx(0.3**2 * 40 / 60, rel=1e-3)  # the clean optimum, known exactly
    for n, value in zip([0, 1, 5], best, strict=True):
        errors = regression.test_error(
            TWO, signal, 60, value * np.array([0.9, 1, 1.1]), 0.3, Chain(90, n, 0.5)
        ).value
        assert errors[1] == errors.min()


@pytest.mark.formula("thm-chain-law")
def test_exact_law_has_the_mean_and_the_spread_of_the_theorem():
    d, T, T0, n, noise, noise0 = 10, 40, 30, 4, 0.5, 0.7
    for shared in (False, True):
        chain = Chain(T0, n, noise0, design="shared" if shared else "independent")
        samples = regression.error_law_samples(d, T, noise, chain, replicas=200_000, seed=1)
        mean = noise**2 * d / (T - d - 1) + n * noise0**2 * d / (T0 - d - 1)
        assert abs(Estimate.from_samples(samples, seed=1).z(mean)) < 4
        nu, nu0 = T - d + 1, T0 - d + 1
        spread = noise**4 * 2 / ((nu - 2) ** 2 * (nu - 4))
        spread += (n**2 if shared else n) * noise0**4 * 2 / ((nu0 - 2) ** 2 * (nu0 - 4))
        variance = (d**2 + 2 * d) * spread + 2 * d * (mean / d) ** 2
        squares = Estimate.from_samples((samples - mean) ** 2, seed=1)
        assert abs(squares.z(variance)) < 4


@pytest.mark.parametrize(("T0", "ridge0"), [(900, 0.0), (200, 0.0), (300, 1e-3)])
@pytest.mark.parametrize(("alpha", "r"), [(1.5, 0.5), (0.6, 1.5), (3.0, 0.25)])
def test_many_points_at_once_are_the_points_one_by_one(T0, ridge0, alpha, r):
    """Many fits are done on fewer eigenvalues, one on all of them: twelve digits, short and long chains."""
    spectrum, signal = spectra.power_law(700, alpha), spectra.power_law_signal(700, alpha, r)
    rng = np.random.default_rng(1)
    T, penalty = np.exp(rng.uniform(2, 10, 100)), 10 ** rng.uniform(-6, 1, 100)
    n = rng.choice([0, 1, 2, 10, 300], 100)
    noise0 = rng.choice([0.0, 0.3], 100)
    many = regression.test_error(spectrum, signal, T, penalty, 0.2, Chain(T0, n, noise0, ridge0))
    for i in range(100):
        chain = Chain(T0, n[i], noise0[i], ridge0)
        one = regression.test_error(spectrum, signal, T[i], penalty[i], 0.2, chain)
        for part in ("bias", "variance", "value"):
            assert getattr(many, part)[i] == pytest.approx(getattr(one, part), rel=1e-12, abs=0)
        assert many.collapse[i] == pytest.approx(one.collapse, rel=2e-12, abs=0)
    # A noise that all points share is carried along with what leaks, others beside it.
    grid = spectrum, signal, T[:20, None], penalty[:20, None], 0.2
    shared, own = (Chain(T0, n[:5], noise0, ridge0) for noise0 in (0.3, np.full(5, 0.3)))
    errors = [regression.test_error(*grid, chain).collapse for chain in (shared, own)]
    assert errors[0] == pytest.approx(errors[1], rel=1e-12, abs=0)
    sizes = np.arange(20, 120)
    errors = regression.generator_error(spectrum, signal, Chain(sizes, 7, 0.3, ridge0))
    for i in (0, 50, 99):
        one = regression.generator_error(spectrum, signal, Chain(sizes[i], 7, 0.3, ridge0))
        assert errors[i] == pytest.approx(one, rel=1e-12, abs=0)


def test_a_fit_close_to_interpolation_is_done_on_all_eigenvalues():
    """T = 699 of d = 700 with a tiny ridge: kappa there feels the last digits of the sums."""
    spectrum, signal = spectra.power_law(700, 0.3), np.ones(700)
    penalty = np.geomspace(1e-12, 1e-8, 100)
    many = regression.test_error(spectrum, signal, 699, penalty, 0.2, Chain(900, 2, 0.3)).value
    one = [regression.test_error(spectrum, signal, 699, x, 0.2, Chain(900, 2, 0.3)).value for x in penalty]
    np.testing.assert_allclose(many, one, rtol=1e-13)


def forgotten(s, c2, T0, ridge0, n):
    """The error of a noise-free generator by the recursion of the book, in sixty decimal digits."""
    with localcontext() as context:
        context.prec = 60
        s, c2 = [Decimal(float(x)) for x in s], [Decimal(float(x)) for x in c2]
        T0, ridge0 = Decimal(float(T0)), Decimal(float(ridge0))
        kappa = ridge0 + sum(s) / T0
        for _ in range(100):
            D = [x / (x + kappa) for x in s]
            df1, df2 = sum(D), sum(x * x for x in D)
            kappa = (ridge0 + kappa * (df1 - df2) / T0) / (1 - df2 / T0)
        b = [x / (x + kappa) ** 2 for x in s]
        q = s
        for _ in range(n):
            v = sum(x * y for x, y in zip(b, q, strict=True)) / (T0 - df2)
            q = [x * x * y + kappa**2 * v * z for x, y, z in zip(D, q, b, strict=True)]
        terms = zip(s, c2, D, q, strict=True)
        return float(sum((x - 2 * x * y**n + z) * c for x, c, y, z in terms))


@pytest.mark.parametrize(("T0", "ridge0"), [(10, 0.1), (10**6, 1e-6), (10**12, 1e-12), (2, 0.0)])
def test_an_error_far_below_the_signal_keeps_its_digits(T0, ridge0):
    """Relative error 1e-12 where the error is 1e-24 of the signal: nothing is subtracted."""
    s, c2 = np.array([2.0, 0.5, 0.1]), np.array([1.0, 3.0, 2.0])
    exact = forgotten(s, c2, T0, ridge0, 5)
    assert regression.generator_error(s, c2, Chain(T0, 5, 0.0, ridge0)) == pytest.approx(
        exact, rel=1e-12, abs=0
    )
    # To infinitely many samples, without penalty, the final fit is the generator.
    whole = regression.test_error(s, c2, 1e300, 0.0, 0.0, Chain(T0, 5, 0.0, ridge0)).value
    assert whole == pytest.approx(exact, rel=1e-12, abs=0)
    exact = forgotten([1.0, 1.0, 1.0], c2, T0, ridge0, 5)
    flat = regression.isotropic_generator_error(3, Chain(T0, 5, 0.0, ridge0), 6.0)
    assert flat == pytest.approx(exact, rel=1e-12, abs=0)


def test_gradients_reach_every_parameter():
    s = torch.tensor([2.0, 0.5, 0.1], dtype=torch.float64, requires_grad=True)
    signal = torch.ones(3, dtype=torch.float64, requires_grad=True)
    penalty = torch.tensor(0.2, dtype=torch.float64, requires_grad=True)

    def error(s, signal, penalty):
        return regression.test_error(s, signal, 5, penalty, 0.3, Chain(2, 3, 0.4, 0.1)).value

    assert torch.autograd.gradcheck(error, (s, signal, penalty))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Chain(0, 1, 0.1), "T0 must be >= 1"),
        (lambda: Chain(5, -1, 0.1), "n must be >= 0"),
        (lambda: Chain(5, 1, -0.1), "noise0 must be >= 0"),
        (lambda: Chain(5, 1, 0.1, -1.0), "ridge0 must be >= 0"),
        (lambda: Chain(5, 1, 0.1, design="same"), "design must be one of"),
        (lambda: Chain(5, 1, 0.1, 0.1, "shared"), "ridge0 must be 0 with a shared design"),
        (lambda: Chain([5, 6], [1, 2, 3], 0.1), "must broadcast together"),
        (lambda: regression.test_error(TWO, np.ones(2), 60, 0.1, 0.1, "chain"), "chain must be a Chain"),
        (
            lambda: regression.test_error(TWO, np.ones(2), 41, 0.0, 0.1, Chain(90, 1, 0.1)),
            "T must not be within 1",
        ),
        (
            lambda: regression.test_error(TWO, np.ones(2), 60, 0.1, 0.1, Chain(40, 1, 0.1)),
            "T0 must not be within 1",
        ),
        (
            lambda: regression.test_error(TWO, np.ones(3), 60, 0.1, 0.1, Chain(90, 1, 0.1)),
            "signal must be of shape",
        ),
        (
            lambda: regression.test_error(TWO, np.ones(2), 60, 0.1, 0.1, Chain(90, 1, 0.1, 0.0, "dependent")),
            "T0 must equal T",
        ),
        (lambda: regression.collapse_coefficient(TWO, 60, 0.1, 41), "T0 must be >= 42"),
        (lambda: regression.effective_noise(TWO, 60, 0.1, 0.1, Chain(30, 1, 0.1)), "T0 must be >= 42"),
        (
            lambda: regression.optimal_ridge(TWO, np.zeros(2), 60, 0.1, Chain(90, 1, 0.1)),
            "signal must not be zero",
        ),
        (
            lambda: regression.error_law_samples(10, 9, 0.1, Chain(30, 1, 0.1), replicas=2, seed=0),
            "T must be >= 10",
        ),
        (
            lambda: regression.error_law_samples(10, 19, 0.1, Chain(30, 1, 0.1, 0.1), replicas=2, seed=0),
            "chain must have ridge0 = 0",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
