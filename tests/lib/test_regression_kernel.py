"""Kernel ridge on a finite population: exact identities, enumerated means, and the digits of the chapter.

Comparisons with simulation use |z| <= 4: with the fixed seeds they are deterministic, and for a right
formula a fresh seed would exceed it once in 16 000 comparisons. The digits rows allow 2 % because the inputs
are not Gaussian; identities and enumerated means allow nothing.
"""

import itertools

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import polynomial_kernel, rbf_kernel

from collapse import regression, spectra
from collapse.experiments import images
from collapse.regression import Chain
from collapse.regression.kernel import _fit, finite_population, simulate_kernel_test_error


def world(N=40, d=6, outputs=2, seed=0):
    """A gram matrix with explicit features, and a truth that is linear in them."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((N, d)) * np.arange(1, d + 1) ** -0.7
    w0 = rng.standard_normal((d, outputs))
    return features, w0, features @ features.T, features @ w0


# -- the proposition ---------------------------------------------------------------------------------------


@pytest.mark.formula("prop-kernel-population")
def test_spectrum_and_signal_are_those_of_the_features():
    features, w0, gram, values = world()
    spectrum, signal = finite_population(gram, values)
    covariance = features.T @ features / len(features)
    s, vectors = np.linalg.eigh(covariance)
    np.testing.assert_allclose(spectrum.eigenvalues[:6], s[::-1], rtol=1e-10)
    np.testing.assert_allclose(signal[:6], ((vectors.T @ w0) ** 2).sum(1)[::-1], rtol=1e-8)
    # A truth in the span leaves nothing for the other directions.
    np.testing.assert_allclose((spectrum.eigenvalues * signal)[6:], 0, atol=1e-15)
    np.testing.assert_allclose(spectrum.eigenvalues[6:], 1e-12 * spectrum.eigenvalues[0])


@pytest.mark.formula("prop-kernel-population", "lem-kernel-pool")
def test_kernel_fit_is_the_ridge_fit_on_the_features():
    """One draw by the library against ridge on the repeated rows, and against scikit-learn."""
    features, _, gram, values = world()
    T, ridge = 100, 0.05
    fit = _fit(gram, values, T, ridge, 0.0, np.random.default_rng(3))
    times = np.random.default_rng(3).multinomial(T, np.full(40, 1 / 40))
    rows = np.repeat(np.arange(40), times)
    X, Y = features[rows], values[rows]
    w = np.linalg.solve(X.T @ X / T + ridge * np.eye(6), X.T @ Y / T)
    np.testing.assert_allclose(fit, features @ w, rtol=1e-10, atol=1e-12)
    model = KernelRidge(alpha=T * ridge, kernel="precomputed").fit(gram[np.ix_(rows, rows)], Y)
    np.testing.assert_allclose(fit, model.predict(gram[:, rows]), rtol=1e-10, atol=1e-12)


def enumerated(gram, values, T, ridge, noise, T0, ridge0, noise0, n):
    """The exact mean error: all ordered draws of all generations, the noise averaged by hand."""
    N = len(values)

    def maps(T, ridge):
        for draw in itertools.product(range(N), repeat=T):
            i = list(draw)
            from_labels = gram[:, i] @ np.linalg.inv(gram[np.ix_(i, i)] + T * ridge * np.eye(T))
            carry = np.zeros((N, N))
            for column, item in zip(from_labels.T, i, strict=True):
                carry[:, item] += column
            yield carry, from_labels

    moments = [values @ values.T]  # E f f' and E f values', generation after generation
    cross = values @ values.T
    for T_, ridge_, noise_ in [(T0, ridge0, noise0)] * n + [(T, ridge, noise)]:
        both = [
            (A @ moments[-1] @ A.T + noise_**2 * B @ B.T, A) for A, B in maps(T_, ridge_)
        ]  # noise^2 / outputs for each of the outputs
        moments.append(np.mean([m for m, _ in both], axis=0))
        cross = np.mean([A for _, A in both], axis=0) @ cross
    return np.trace(moments[-1] - 2 * cross + values @ values.T) / N


@pytest.mark.formula("prop-kernel-population")
@pytest.mark.parametrize("n", [0, 1, 2])
def test_simulator_has_the_mean_of_all_draws(n):
    _, _, gram, values = world(N=4, d=3, seed=1)
    numbers = {"ridge": 0.1, "noise": 0.7}
    chain = Chain(T0=4, n=n, noise0=0.5, ridge0=0.2)
    exact = enumerated(gram, values, 3, T0=4, ridge0=0.2, noise0=0.5, n=n, **numbers)
    estimate = simulate_kernel_test_error(gram, values, 3, chain=chain, replicas=6000, seed=5, **numbers)
    assert abs(estimate.z(exact)) <= 4


def test_outputs_add_up():
    """Several outputs with a common noise budget: signals add, and equal columns make equal errors."""
    _, _, gram, values = world()
    spectrum, signal = finite_population(gram, values)
    parts = [finite_population(gram, column)[1] for column in values.T]
    np.testing.assert_allclose(signal, sum(parts), rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(
        spectrum.eigenvalues, finite_population(gram, values[:, 0])[0].eigenvalues, rtol=1e-14
    )


def test_units():
    _, _, gram, values = world()

    def error(a, b):
        chain = Chain(30, 2, 0.3 * b, 0.1 * a)
        return simulate_kernel_test_error(
            a * gram, b * values, 50, 0.05 * a, 0.4 * b, chain, replicas=5, seed=1
        ).mean

    np.testing.assert_allclose([error(9.0, 1.0), error(1.0, 3.0)], [error(1, 1), 9 * error(1, 1)], rtol=1e-9)


def test_the_grid_broadcasts_and_its_points_are_independent():
    _, _, gram, values = world()
    chain = Chain(20, np.array([0, 1, 2]), 0.3, 0.1)
    ridge = np.array([[0.1], [0.1]])
    estimate = simulate_kernel_test_error(gram, values, 30, ridge, 0.2, chain, replicas=8, seed=2)
    assert estimate.mean.shape == (2, 3) and len(np.unique(estimate.mean)) == 6
    measured = simulate_kernel_test_error(
        gram, values, 30, ridge, 0.2, chain, replicas=8, seed=2, measure=lambda f: (f.shape, f.sum(0))
    )
    assert measured.mean.shape == (2, 3, 2, 2)
    np.testing.assert_array_equal(measured.mean[..., 0, :], np.broadcast_to(values.shape, (2, 3, 2)))


def test_floor_keeps_what_cannot_be_learned():
    """Signal outside the span counts in full, plus as label noise of the same size."""
    _, _, gram, values = world()
    outside = np.linalg.eigh(gram)[1][:, :1]  # an eigenvector of eigenvalue 0
    extra = 0.3 * np.sqrt(len(gram)) * outside
    e = (extra**2).sum() / len(gram)
    spectrum, signal = finite_population(gram, np.hstack([values, extra]))
    inside, rest = spectrum.eigenvalues[:6], signal[:6]
    chain = Chain(1, 0, 0)
    with_floor = regression.test_error(spectrum, signal, 50, 0.1, 0.4, chain).value
    by_hand = e + regression.test_error(inside, rest, 50, 0.1, np.sqrt(0.16 + e), chain).value
    np.testing.assert_allclose(with_floor, by_hand, rtol=1e-8)


def test_unlimited_samples_are_a_filter():
    _, _, gram, values = world()
    filtered = gram @ np.linalg.solve(gram + 40 * 0.1 * np.eye(40), values)
    theory = regression.test_error(*finite_population(gram, values), 1e12, 0.1, 1.0, Chain(1, 0, 0)).value
    np.testing.assert_allclose(theory, ((filtered - values) ** 2).sum(1).mean(), rtol=1e-9)


# -- the digits --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits():
    pixels, labels = images.digits()
    kernels = {"rbf": rbf_kernel(pixels, gamma=0.05), "cubic": polynomial_kernel(pixels)}
    one_hot = np.eye(10)[labels]
    truths = {name: K @ np.linalg.solve(K + 1e-3 * np.eye(len(K)), one_hot) for name, K in kernels.items()}
    short = {name: spectra.compress(*finite_population(kernels[name], truths[name])) for name in kernels}
    return kernels, truths, short


NOISE = 0.3 * np.sqrt(10)
# T, n, penalty tuned on clean labels, theory there, best penalty, theory there
PUBLISHED = [
    (400, 0, 7.2e-4, 0.2420, 7.2e-4, 0.2420),
    (400, 3, 7.2e-4, 0.4397, 2.8e-3, 0.3944),
    (400, 6, 7.2e-4, 0.5822, 5.0e-3, 0.4750),
    (1600, 0, 1.6e-4, 0.1266, 1.6e-4, 0.1266),
    (1600, 1, 1.6e-4, 0.2650, 5.7e-4, 0.2410),
    (1600, 3, 1.6e-4, 0.4498, 1.9e-3, 0.3526),
    (1600, 6, 1.6e-4, 0.6431, 4.1e-3, 0.4460),
]


@pytest.mark.parametrize(("T", "n", "tuned", "at_tuned", "best", "at_best"), PUBLISHED)
def test_published_rows_of_the_digits(digits, T, n, tuned, at_tuned, best, at_best):
    """To the printed digits: the penalties to two, the errors to four."""
    problem = digits[2]["rbf"]
    chain = Chain(600, n, NOISE, 1e-4)
    clean = regression.optimal_ridge(*problem, T, NOISE, Chain(600, 0, 0.0))
    adaptive = regression.optimal_ridge(*problem, T, NOISE, chain)
    assert clean == pytest.approx(tuned, rel=0.05) and adaptive == pytest.approx(best, rel=0.05)
    for penalty, expected in ((clean, at_tuned), (adaptive, at_best)):
        value = regression.test_error(*problem, T, penalty, NOISE, chain).value
        assert value == pytest.approx(expected, abs=6e-5)


@pytest.mark.formula("prop-kernel-population")
@pytest.mark.parametrize("kernel", ["rbf", "cubic"])
def test_theory_is_within_two_per_cent_of_the_experiment(digits, kernel):
    kernels, truths, short = digits
    n = np.array([0, 1, 3, 6])
    chain = Chain(600, n, NOISE, 1e-4)
    penalty = regression.optimal_ridge(*short[kernel], 400, NOISE, chain)
    estimate = simulate_kernel_test_error(
        kernels[kernel], truths[kernel], 400, penalty, NOISE, chain, replicas=30, seed=7
    )
    theory = regression.test_error(*short[kernel], 400, penalty, NOISE, chain).value
    assert (np.abs(estimate.z(theory, bias=0.02)) <= 4).all()
    # Nearby wrong formulas are far away, taken over the four points.
    later = regression.test_error(*short[kernel], 400, penalty, NOISE, Chain(600, n + 1, NOISE, 1e-4)).value
    assert np.abs(estimate.z(later, bias=0.02)).max() > 10
    swapped = regression.test_error(*short[kernel], 600, penalty, NOISE, Chain(400, n, NOISE, 1e-4)).value
    assert np.abs(estimate.z(swapped, bias=0.02)).max() > 10


# -- bad input ---------------------------------------------------------------------------------------------

SQUARE, ONES, FITS = np.eye(3), np.ones(3), Chain(5, 1, 0.1, 0.1)


@pytest.mark.parametrize(
    ("gram", "values", "message"),
    [
        (np.ones((3, 2)), ONES, r"gram must be a square matrix, got shape \(3, 2\)"),
        (np.triu(np.ones((3, 3))), ONES, "gram must be symmetric"),
        (-SQUARE, ONES, "gram must be positive semidefinite and not zero"),
        (0 * SQUARE, ONES, "gram must be positive semidefinite and not zero"),
        (np.diag([1.0, np.nan, 1.0]), ONES, "gram must be finite, got nan"),
        (SQUARE, np.ones(4), r"values must have shape \(3,\) or \(3, J\), got \(4,\)"),
        (SQUARE, np.ones((3, 1, 1)), "values must have shape"),
    ],
)
def test_population_refuses(gram, values, message):
    with pytest.raises(ValueError, match=message):
        finite_population(gram, values)


@pytest.mark.parametrize("floor", [0, 2, np.nan])
def test_floor_is_a_small_share(floor):
    with pytest.raises(ValueError, match="floor must be"):
        finite_population(SQUARE, ONES, floor=floor)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"T": 0}, "T must be >= 1, got 0.0"),
        ({"T": 2.5}, "T must be a whole number, got 2.5"),
        ({"ridge": 0}, "ridge must be > 0, got 0.0"),
        ({"noise": -1}, "noise must be >= 0, got -1.0"),
        ({"chain": 3}, "chain must be a Chain, got 3"),
        ({"chain": Chain(5, 1, 0.1)}, "ridge0 must be > 0 where items are drawn with replacement"),
        ({"chain": Chain(5, 1, 0.1, design="shared")}, "design must be one of 'independent', got 'shared'"),
        ({"T": [5, 6], "ridge": [0.1, 0.2, 0.3]}, "must broadcast together"),
        ({"replicas": 1}, "replicas must be >= 2, got 1.0"),
        ({"seed": -1}, "seed must be >= 0, got -1.0"),
    ],
)
def test_simulator_refuses(changes, message):
    arguments = {"T": 5, "ridge": 0.1, "noise": 0.1, "chain": FITS, "replicas": 2} | changes
    with pytest.raises(ValueError, match=message):
        simulate_kernel_test_error(SQUARE, ONES, **arguments)
