"""Regression collapse: one recursion for every chain, against data drawn in full."""

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


def test_a_small_ridge_can_raise_the_collapse_term():
    spectrum = spectra.Spectrum([1.0, 1e-4], [80, 20])
    plain, small, large = regression.collapse_coefficient(spectrum, 110, [0.0, 0.01, 1.0], 300)
    assert small > plain > large
    noise_only = (spectrum, np.zeros(2), 110, 0.01, 0.0, Chain(300, 1, 1.0))
    estimate = regression.simulate_test_error(*noise_only, replicas=400, seed=1, direct=True)
    assert abs(estimate.z(small, bias=0.01)) < 3
    assert estimate.z(plain) > 3


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
