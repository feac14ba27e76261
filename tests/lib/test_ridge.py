"""Ridge regression: closed forms, exact laws, and theory against direct simulation.

Comparisons with simulation use |z| <= 4: with the fixed seeds they are deterministic, and for a right
formula a fresh seed would exceed it once in 16 000 comparisons. A relative finite-size error is allowed only
to asymptotic formulas, and is stated where it is.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, special
from sklearn.linear_model import Ridge

from collapse import equivalents, ridge, spectra
from collapse.estimates import Estimate

D = 40
SPECTRA = {
    "flat": spectra.isotropic(D, scale=2.0),
    "power": spectra.power_law(D, 1.2),
    "two": spectra.two_level(D, 4.0, 0.25, 0.25),
}
finite = st.floats(1e-300, 1e300)


def uneven_signal(spectrum):
    """Squared coefficients that differ between eigenspaces."""
    return np.arange(1.0, len(spectrum) + 1)


# -- exact ridgeless laws -------------------------------------------------------------------------------


@pytest.mark.formula("thm-ridge-exact")
def test_ols_is_exact_for_any_spectrum_and_truth():
    """No finite-size allowance: d/(T-d-1) is exact, here at d = 40, T = 50 and against full data."""
    for name, spectrum in SPECTRA.items():
        estimate = ridge.simulate_test_error(
            spectrum, uneven_signal(spectrum), [50, 100], 0.0, 0.7, replicas=1500, seed=1, direct=True
        )
        assert np.abs(estimate.z(ridge.ols_test_error(D, [50, 100], 0.7))).max() < 4, name
        # d/(T-d), its usual approximation, is 10 % off at T = 50 and must be told apart.
        many = ridge.simulate_test_error(spectrum, uneven_signal(spectrum), 50, 0.0, 0.7, replicas=40_000)
        assert abs(many.z(0.49 * D / (50 - D))) > 4, name


@pytest.mark.formula("thm-ridge-exact")
def test_min_norm_is_exact_for_flat_inputs():
    parts = ridge.min_norm_test_error(D, [10, 30], 0.7, norm2=3.0)
    flat = spectra.isotropic(D)
    for part in ("bias", "variance", "value"):
        estimate = ridge.simulate_test_error(
            flat, [3.0], [10, 30], 0.0, 0.7, replicas=1500, seed=2, direct=True, part=part
        )
        assert np.abs(estimate.z(getattr(parts, part))).max() < 4, part


def test_exact_laws_are_the_ridgeless_equivalents_up_to_one_over_size():
    """T/(d-T-1) against T/(d-T), d/(T-d-1) against d/(T-d): the ratio is 1 + 1/|T-d| up to second order."""
    d = 10_000
    flat = spectra.isotropic(d)
    below = ridge.test_error(flat, [1.0], 4000, 0.0, 1.0)
    exact = ridge.min_norm_test_error(d, 4000, 1.0)
    assert below.bias == pytest.approx(exact.bias, rel=1e-12)
    assert exact.variance / below.variance - 1 == pytest.approx(1 / 6000, rel=1e-3)
    above = ridge.test_error(flat, [1.0], 16_000, 0.0, 1.0)
    assert above.bias == 0
    assert ridge.ols_test_error(d, 16_000, 1.0) / above.variance - 1 == pytest.approx(1 / 6000, rel=1e-3)


# -- the theorem ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("part", ["bias", "variance"])
@pytest.mark.formula("thm-ridge-error")
def test_theory_agrees_with_direct_simulation(name, part):
    """Below, at and above T = d, every training set drawn in full. Allowed: 4 % finite-size error.

    At d = 40 the deviation is a constant of at most 3.5 over T, largest for the bias at T = 2d.
    """
    spectrum = SPECTRA[name]
    signal = uneven_signal(spectrum)
    sizes = np.array([20, 40, 80])
    estimate = ridge.simulate_test_error(
        spectrum, signal, sizes, 0.3, 0.5, replicas=1500, seed=3, direct=True, part=part
    )
    theory = getattr(ridge.test_error(spectrum, signal, sizes, 0.3, 0.5), part)
    assert np.abs(estimate.z(theory, bias=0.04)).max() < 4


def test_finite_size_error_falls_like_one_over_size():
    """Simulated over theory minus 1, at T = d and ridge 0.1: the bias deviates by about 1.2/T."""
    deviations = []
    for d in (20, 80):
        flat = spectra.isotropic(d)
        estimate = ridge.simulate_test_error(flat, [1.0], d, 0.1, 0.0, replicas=60_000, seed=4)
        theory = ridge.test_error(flat, [1.0], d, 0.1, 0.0).bias
        assert estimate.stderr / theory < 0.003
        deviations.append(estimate.mean / theory - 1)
    assert deviations[0] > 0.03
    # A factor 4 in size: standard errors of 0.003 leave the ratio uncertain by about one.
    assert 2.5 < deviations[0] / deviations[1] < 7


@pytest.mark.parametrize("d", [10, 40, 2000])
@pytest.mark.formula("thm-ridge-kappa")
def test_trace_of_the_hat_matrix_measures_the_effective_ridge(d):
    """1 - tr H / T = ridge / kappa on average, whatever the dimension: here d/T from 1/4 to 50.

    Allowed: 4 % finite-size error at T = 40, a constant of 1.6 over T.
    """
    rng = np.random.default_rng(11)
    T = 40
    spectrum = spectra.power_law(d, 1.1)
    penalty = 0.1 * spectrum.trace / T
    X = rng.standard_normal((100, T, d)) * np.sqrt(spectrum.eigenvalues)
    x = np.linalg.eigvalsh(X @ X.transpose(0, 2, 1) / T).clip(0)
    left = Estimate.from_samples(1 - (x / (x + penalty)).sum(axis=1) / T, seed=11)
    theory = penalty / equivalents.effective_ridge(spectrum, T, penalty)
    assert abs(left.z(theory, bias=0.04)) < 4


def full_data(spectrum, T, penalty, replicas, seed):
    """Generator, inputs, resolvents and hat factors R X'/T of training sets drawn in full."""
    rng, s = np.random.default_rng(seed), spectrum.expanded
    X = rng.standard_normal((replicas, T, s.size)) * np.sqrt(s)
    R = np.linalg.inv(X.mT @ X / T + penalty * np.eye(s.size))
    return rng, s, X, R, R @ X.mT / T


@pytest.mark.parametrize("T", [25, 80])
@pytest.mark.formula("prop-ridge-parts")
def test_bias_and_variance_are_the_error_averaged_over_the_noise(T):
    """Exact at every size, given the inputs: error - bias - variance has mean zero."""
    penalty, noise, truth = 0.05, 0.6, np.linspace(1, -0.5, D)
    rng, s, X, R, K = full_data(SPECTRA["power"], T, penalty, 3000, seed=12)
    labels = X @ truth + noise * rng.standard_normal((3000, T))
    error = ((K @ labels[..., None])[..., 0] - truth) ** 2 @ s
    bias = penalty**2 * (R @ truth) ** 2 @ s
    variance = noise**2 / T * np.einsum("k,rkl,rlm,rmk->r", s, R, X.mT @ X / T, R, optimize=True)
    assert abs(Estimate.from_samples(error - bias - variance, seed=12).z(0.0)) < 4


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.formula("thm-ridge-one")
def test_mean_resolvent_of_full_data(name):
    """Allowed: 3 % of each entry at T = 60, of the order of 1/T."""
    spectrum, T, penalty = SPECTRA[name], 60, 0.1
    _, s, _, R, _ = full_data(spectrum, T, penalty, 1000, seed=13)
    kappa = equivalents.effective_ridge(spectrum, T, penalty)
    entries = Estimate.from_samples(penalty * R.diagonal(axis1=1, axis2=2), seed=13)
    assert np.abs(entries.z(kappa / (s + kappa), bias=0.03)).max() < 4
    beside = Estimate.from_samples(penalty * np.stack([R[:, 0, 1], R[:, 5, 30]], axis=1), seed=13)
    assert np.abs(beside.z(0.0)).max() < 4


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.formula("thm-ridge-two")
def test_two_resolvents_of_full_data(name):
    """The three equivalents for Q = I and Q = the covariance.

    Allowed: 4 % at T = 60. Measured on flat inputs: 1.5 over T, at a penalty of 0.1 three times as much.
    """
    spectrum, T, penalty = SPECTRA[name], 60, 0.5
    _, s, X, R, K = full_data(spectrum, T, penalty, 1000, seed=14)
    kappa = equivalents.effective_ridge(spectrum, T, penalty)
    free = equivalents.residual_degrees_of_freedom(spectrum, T, penalty, kappa)
    kept = (K @ X).diagonal(axis1=1, axis2=2)
    assert np.abs(Estimate.from_samples(kept, 14).z(s / (s + kappa), bias=0.04)).max() < 4
    for power in (0, 1):
        q = s**power
        omega = equivalents.spectral_sum(spectrum, spectrum.multiplicities, kappa, 1 + power, 2) / free
        product = penalty**2 * np.einsum("rkl,l,rlk->rk", R, q, R)
        theory = kappa**2 * (q + omega * s) / (s + kappa) ** 2
        assert np.abs(Estimate.from_samples(product, 14).z(theory, bias=0.04)).max() < 4
        noise = Estimate.from_samples(q @ (K**2).sum(axis=2).T, 14)
        assert abs(noise.z(omega, bias=0.04)) < 4


@pytest.mark.parametrize("T", [20, 60])
@pytest.mark.formula("thm-ridge-best")
def test_the_best_ridge_is_exact_for_every_training_set(T):
    """Averaged over truth and noise, the error of fixed inputs is least at noise^2 d / (T norm^2)."""
    spectrum, noise, norm2 = SPECTRA["power"], 0.7, 1.5
    _, s, X, _, _ = full_data(spectrum, T, 1.0, 1, seed=15)
    sample, basis = np.linalg.eigh(X[0].T @ X[0] / T)
    weights = (basis**2 * s[:, None]).sum(axis=0)  # the covariance in the basis of the sample

    def error(log_penalty):
        x = np.exp(log_penalty)
        parts = norm2 / D * x**2 + noise**2 / T * sample
        return (weights * parts / (sample + x) ** 2).sum()

    best = optimize.minimize_scalar(error, bounds=(-12, 5), method="bounded", options={"xatol": 1e-9})
    library = ridge.optimal_ridge(spectrum, spectra.uniform_signal(spectrum, norm2), T, noise)
    assert np.exp(best.x) == pytest.approx(noise**2 * D / (T * norm2), rel=1e-6)
    assert library == pytest.approx(noise**2 * D / (T * norm2), rel=1e-9)


def test_height_of_the_peak_needs_a_ridge_below_the_square_of_the_smallest_eigenvalue():
    """At T = d, V = sqrt(s_h / ridge) / 2 for ridge << s_d^2 / s_h, which may be far below s_d."""
    small = 1e-6
    spectrum = spectra.Spectrum([1.0, small], [99, 1])
    harmonic = 100 / (99 + 1 / small)
    limit = small**2 / harmonic
    low, high = ridge.test_error(spectrum, [1.0, 0.0], 100, limit * np.array([1e-8, 1.0]), 1.0).variance
    assert low == pytest.approx(0.5 * np.sqrt(harmonic / (1e-8 * limit)), rel=1e-3)
    assert limit < small / 50 and high > 1.2 * 0.5 * np.sqrt(harmonic / limit)


@pytest.mark.parametrize("T", [20, 40, 80])
def test_samplers_and_full_data_have_one_law(T):
    """Flat spectra go through the bidiagonal sampler, others through the triangular one."""
    for spectrum in SPECTRA.values():
        signal = uneven_signal(spectrum)
        fast, full = (
            ridge.simulate_test_error(
                spectrum, signal, T, 0.1, 0.5, replicas=2000, seed=5 + direct, direct=direct
            )
            for direct in (False, True)
        )
        assert abs(fast.mean - full.mean) < 4 * np.hypot(fast.stderr, full.stderr)


def test_direct_simulation_is_the_fit_that_scikit_learn_makes():
    """The penalty convention, alpha = T * ridge, on data drawn and fitted without the library."""
    rng = np.random.default_rng(6)
    spectrum = SPECTRA["two"]
    s = spectrum.expanded
    truth = np.repeat(np.sqrt([0.5 / 10, 0.5 / 30]), [10, 30])
    errors = []
    for _ in range(600):
        X = rng.standard_normal((60, D)) * np.sqrt(s)
        Y = X @ truth + 0.5 * rng.standard_normal(60)
        fit = Ridge(alpha=60 * 0.2, fit_intercept=False).fit(X, Y).coef_
        errors.append((fit - truth) ** 2 @ s)
    ours = ridge.simulate_test_error(spectrum, [0.5, 0.5], 60, 0.2, 0.5, replicas=20_000, seed=6)
    stderr = np.hypot(ours.stderr, np.std(errors) / np.sqrt(600))
    assert abs(np.mean(errors) - ours.mean) < 4 * stderr


def test_parts_add_up_and_follow_the_textbook_sums():
    spectrum, T, penalty = SPECTRA["power"], 30.0, 0.05
    s, c2 = spectrum.eigenvalues, uneven_signal(spectrum)
    kappa = optimize.brentq(lambda k: k - penalty - k * (s / (s + k)).sum() / T, 1e-9, 10, xtol=1e-15)
    df2 = ((s / (s + kappa)) ** 2).sum()
    error = ridge.test_error(spectrum, c2, T, penalty, 0.4)
    assert error.bias == pytest.approx(
        kappa**2 * (c2 * s / (s + kappa) ** 2).sum() / (1 - df2 / T), rel=1e-10
    )
    assert error.variance == pytest.approx(0.16 * df2 / (T - df2), rel=1e-10)
    assert error.value == error.bias + error.variance


def test_flat_closed_form():
    phi, penalty, noise = 1.7, 0.3, 0.6
    kappa = (penalty + phi - 1 + np.sqrt((penalty + phi - 1) ** 2 + 4 * penalty)) / 2
    error = ridge.test_error(spectra.isotropic(1700), [2.0], 1000, penalty, noise)
    expected = (2 * kappa**2 + noise**2 * phi) / ((1 + kappa) ** 2 - phi)
    assert error.value == pytest.approx(expected, rel=1e-12)


def test_scale_of_the_inputs():
    """Inputs times c, penalty times c^2, truth divided by c: nothing changes."""
    for spectrum in SPECTRA.values():
        signal = uneven_signal(spectrum)
        scaled = spectra.Spectrum(9 * spectrum.eigenvalues, spectrum.multiplicities)
        one = ridge.test_error(spectrum, signal, 33, 0.2, 0.5)
        other = ridge.test_error(scaled, signal / 9, 33, 9 * 0.2, 0.5)
        assert other.bias == pytest.approx(one.bias, rel=1e-12)
        assert other.variance == pytest.approx(one.variance, rel=1e-12)


def test_limits():
    spectrum = SPECTRA["two"]
    signal = uneven_signal(spectrum)
    energy = signal @ spectrum.eigenvalues
    heavy = ridge.test_error(spectrum, signal, 30, 1e9, 0.5)
    assert heavy.bias == pytest.approx(energy, rel=1e-6) and heavy.variance < 1e-12
    # Infinite data: the population fit at the same penalty.
    s = spectrum.eigenvalues
    many = ridge.test_error(spectrum, signal, 1e9, 0.3, 0.5)
    assert many.bias == pytest.approx((signal * s * (0.3 / (s + 0.3)) ** 2).sum(), rel=1e-6)
    # A square root of the penalty at T = d, with the harmonic mean of the eigenvalues.
    harmonic = D / (spectrum.multiplicities / s).sum()
    at = ridge.test_error(spectrum, signal, D, 1e-12, 1.0)
    assert at.variance == pytest.approx(0.5 * np.sqrt(harmonic / 1e-12), rel=1e-4)


def test_at_the_hard_edge_simulation_exceeds_the_equivalent():
    """T = d and ridge far below 1/d^2: the factor of the exercise on the hard edge, pi/2 for large d.

    Its corrections at ridge = 1e-6 and d = 10 are of order d sqrt(ridge) = 1 %.
    """
    d = 10
    flat = spectra.isotropic(d)
    estimate = ridge.simulate_test_error(flat, [1.0], d, 1e-6, 1.0, part="variance", replicas=400_000, seed=7)
    factor = np.pi / np.sqrt(2 * d) * special.gamma((d + 1) / 2) / special.gamma(d / 2)
    theory = ridge.test_error(flat, [1.0], d, 1e-6, 1.0).variance
    assert abs(estimate.z(factor * theory, bias=0.01)) < 4
    assert abs(estimate.z(theory, bias=0.01)) > 8


def test_broadcasting():
    spectrum = SPECTRA["flat"]
    error = ridge.test_error(spectrum, [1.0], np.array([[10], [80]]), [0.1, 0.2, 0.3], 0.5)
    assert error.bias.shape == error.variance.shape == (2, 3)
    single = ridge.test_error(spectrum, [1.0], 80, 0.2, 0.5)
    assert error.value[1, 1] == pytest.approx(single.value, rel=1e-13)
    only_noise = ridge.test_error(spectrum, [1.0], 10, 0.1, [0.0, 1.0])
    assert only_noise.bias.shape == (2,)
    estimate = ridge.simulate_test_error(spectrum, [1.0], [[10], [80]], [0.1, 0.2], 0.5, replicas=5)
    assert estimate.mean.shape == (2, 2)
    assert ridge.min_norm_test_error(D, [5, 6], [[0.1], [0.2]]).bias.shape == (2, 2)


def test_simulation_is_reproducible_and_its_points_are_independent():
    args = (SPECTRA["power"], uneven_signal(SPECTRA["power"]), [20, 20], 0.1, 0.5)
    one = ridge.simulate_test_error(*args, replicas=10, seed=8)
    assert np.array_equal(one.mean, ridge.simulate_test_error(*args, replicas=10, seed=8).mean)
    assert not np.array_equal(one.mean, ridge.simulate_test_error(*args, replicas=10, seed=9).mean)
    assert one.mean[0] != one.mean[1]


# -- torch ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("T", [20.0, 40.0, 80.0])
def test_gradients_are_those_of_finite_differences(T):
    torch = pytest.importorskip("torch")
    spectrum = SPECTRA["power"]
    signal = uneven_signal(spectrum)
    point = torch.tensor([T, 0.2, 0.5], dtype=torch.float64, requires_grad=True)
    value = ridge.test_error(spectrum, signal, *point).value
    value.backward()
    for i, step in enumerate([1e-4, 1e-6, 1e-6]):
        shift = np.zeros(3)
        shift[i] = step
        ends = [
            ridge.test_error(spectrum, signal, *(np.array([T, 0.2, 0.5]) + e)).value for e in (shift, -shift)
        ]
        assert point.grad[i].item() == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-6)


def test_tensors_in_tensors_out():
    torch = pytest.importorskip("torch")
    T = torch.tensor([20.0, 80.0], dtype=torch.float64)
    spectrum = SPECTRA["two"]
    signal = uneven_signal(spectrum)
    for theirs, ours in (
        (
            ridge.test_error(spectrum, signal, T, 0.1, 0.5).value,
            ridge.test_error(spectrum, signal, [20, 80], 0.1, 0.5).value,
        ),
        (ridge.optimal_ridge(spectrum, signal, T, 0.5), ridge.optimal_ridge(spectrum, signal, [20, 80], 0.5)),
        (ridge.ols_test_error(10, T, 0.5), ridge.ols_test_error(10, [20, 80], 0.5)),
        (ridge.min_norm_test_error(99, T, 0.5).value, ridge.min_norm_test_error(99, [20, 80], 0.5).value),
        (ridge.marchenko_pastur_density(T / 50, 0.5), ridge.marchenko_pastur_density([0.4, 1.6], 0.5)),
        (ridge.marchenko_pastur_atom(T / 50), ridge.marchenko_pastur_atom([0.4, 1.6])),
        (ridge.marchenko_pastur_transform(T, 0.5), ridge.marchenko_pastur_transform([20, 80], 0.5)),
    ):
        assert isinstance(theirs, torch.Tensor)
        np.testing.assert_allclose(theirs.numpy(), ours, rtol=1e-12)


@settings(max_examples=150)
@given(
    penalty=finite,
    T=st.floats(1, 1e12),
    noise=st.floats(0, 1e6),
    alpha=st.floats(0, 10),
    d=st.integers(1, 60),
)
def test_no_nan_at_extremes(penalty, T, noise, alpha, d):
    spectrum = spectra.power_law(d, alpha)
    signal = spectra.uniform_signal(spectrum)
    error = ridge.test_error(spectrum, signal, T, penalty, noise)
    energy = float(signal @ spectrum.eigenvalues)
    assert np.isfinite(error.value)
    assert error.variance >= 0
    # The bias never exceeds the signal by more than rounding: ridge with noiseless labels only shrinks.
    assert 0 <= error.bias <= energy * (1 + 1e-9)


@settings(max_examples=60)
@given(penalty=st.floats(1e-6, 1e6), T=st.floats(1, 1e6), factor=st.floats(1.01, 100))
def test_more_ridge_less_variance_more_bias(penalty, T, factor):
    """For a truth with no preferred direction, where 0 is the best penalty without noise."""
    spectrum = SPECTRA["power"]
    signal = spectra.uniform_signal(spectrum)
    weak, strong = (ridge.test_error(spectrum, signal, T, p, 1.0) for p in (penalty, penalty * factor))
    assert strong.variance <= weak.variance * (1 + 1e-9)
    assert strong.bias >= weak.bias * (1 - 1e-9)


def test_a_truth_in_weak_directions_wants_ridge_without_any_noise():
    """What is not learnt acts as noise, so that the bias need not rise with the penalty."""
    spectrum, signal = spectra.Spectrum([1.0, 0.01], [20, 200]), [0.0, 100.0]
    best = ridge.optimal_ridge(spectrum, signal, 40, 0.0)
    assert best > 0.01
    fits = ridge.simulate_test_error(
        spectrum, signal, 40, [1e-4, best], 0.0, replicas=500, seed=10, direct=True
    )
    assert 0.8 * fits.mean[0] - fits.mean[1] > 4 * fits.stderr[0]


@settings(max_examples=100)
@given(penalty=finite, phi=st.floats(1e-6, 1e6))
def test_marchenko_pastur_transform_at_extremes(penalty, phi):
    """lambda m(-lambda) is a share: between the atom and 1."""
    share = penalty * ridge.marchenko_pastur_transform(penalty, phi)
    assert ridge.marchenko_pastur_atom(phi) - 1e-9 <= share <= 1 + 1e-12


# -- the best ridge -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("T", [20, 40, 80])
@pytest.mark.formula("thm-ridge-best")
def test_closed_form_of_the_best_ridge_minimises_the_equivalent(name, T):
    spectrum = SPECTRA[name]
    signal = spectra.uniform_signal(spectrum, norm2=2.0)
    best = ridge.optimal_ridge(spectrum, signal, T, 0.6)
    assert best == pytest.approx(0.36 * D / (2 * T), rel=1e-14)
    value = ridge.test_error(spectrum, signal, T, best * np.array([0.999, 1, 1.001]), 0.6).value
    assert value[1] < value[0] and value[1] < value[2]
    kappa = equivalents.effective_ridge(spectrum, T, best)
    assert value[1] == pytest.approx(
        2 / D * kappa * equivalents.degrees_of_freedom(spectrum, kappa), rel=1e-10
    )


def test_numerical_best_ridge():
    spectrum = SPECTRA["two"]
    nearly = spectra.uniform_signal(spectrum) * [1 + 1e-9, 1]
    assert ridge.optimal_ridge(spectrum, nearly, 40, 0.6) == pytest.approx(0.36, rel=1e-4)
    uneven = [1.0, 0.1]
    best = ridge.optimal_ridge(spectrum, uneven, [20, 40, 80], 0.6)
    value = ridge.test_error(spectrum, uneven, [20, 40, 80], np.array([[0.9], [1], [1.1]]) * best, 0.6).value
    assert best.shape == (3,) and (value[1] < value[[0, 2]]).all()
    # A truth in the strong directions alone needs less than the closed form would give for its norm.
    assert ridge.optimal_ridge(spectrum, [1.0, 1e-12], 80, 0.6) != pytest.approx(0.36 * D / 80, rel=0.05)
    # Without noise and with enough data there is nothing to gain.
    assert ridge.optimal_ridge(spectrum, uneven, 80, 0.0) == 0
    # With little signal the best penalty is far above all eigenvalues, and is found.
    weak = ridge.optimal_ridge(spectrum, np.array(uneven) * 1e-6, 20, 1.0)
    value = ridge.test_error(spectrum, np.array(uneven) * 1e-6, 20, weak * np.array([0.5, 1, 2]), 1.0).value
    assert weak > 1e4 and value[1] <= value[0] and value[1] <= value[2]


def test_the_best_ridge_has_no_peak():
    spectrum = SPECTRA["two"]
    signal = spectra.uniform_signal(spectrum)
    T = np.geomspace(1, 1e4, 400)
    value = ridge.test_error(spectrum, signal, T, ridge.optimal_ridge(spectrum, signal, T, 0.5), 0.5).value
    assert (np.diff(value) < 0).all()


# -- Marchenko-Pastur -----------------------------------------------------------------------------------


@pytest.mark.parametrize("phi", [0.1, 0.9, 1.0, 1.5, 20.0])
@pytest.mark.parametrize("scale", [1.0, 3.0])
@pytest.mark.formula("thm-ridge-mp")
def test_density_integrates_to_one_and_to_its_transform(phi, scale):
    low, high = scale * (1 - phi**0.5) ** 2, scale * (1 + phi**0.5) ** 2
    middle, half = (low + high) / 2, (high - low) / 2

    def against(weight):
        # x = middle - half cos(t) removes the square roots at both ends.
        def integrand(t):
            x = middle - half * np.cos(t)
            return weight(x) * ridge.marchenko_pastur_density(x, phi, scale) * half * np.sin(t)

        return integrate.quad(integrand, 0, np.pi, epsabs=1e-12)[0]

    atom = ridge.marchenko_pastur_atom(phi)
    assert against(lambda x: 1.0) + atom == pytest.approx(1, rel=1e-8)
    assert against(lambda x: x) == pytest.approx(scale, rel=1e-8)
    assert against(lambda x: x * x) == pytest.approx(scale**2 * (1 + phi), rel=1e-8)
    for penalty in (0.01, 1.0):
        transform = against(lambda x, p=penalty: 1 / (x + p)) + atom / penalty
        assert ridge.marchenko_pastur_transform(penalty, phi, scale) == pytest.approx(transform, rel=1e-7)
    assert ridge.marchenko_pastur_density([low / 2 - 1, low, high, 2 * high], phi, scale).tolist() == [0] * 4


@pytest.mark.formula("thm-ridge-mp")
def test_eigenvalues_follow_the_law():
    """Share of eigenvalues of one 600 x 1200 sample below x; the rigid spectrum deviates by a few in 600."""
    rng = np.random.default_rng(9)
    X = rng.standard_normal((1200, 600))
    eigenvalues = np.linalg.eigvalsh(X.T @ X / 1200)
    for x in (0.3, 0.8, 1.5, 2.5):
        share = integrate.quad(
            lambda y: ridge.marchenko_pastur_density(y, 0.5), 0.0, x, points=[0.0858, 0.3]
        )[0]
        assert abs((eigenvalues < x).mean() - share) < 0.005


# -- bad inputs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change, message",
    [
        ({"T": 0.5}, "T must be >= 1"),
        ({"T": np.nan}, "T must be finite"),
        ({"ridge": -0.1}, "ridge must be >= 0, got -0.1"),
        ({"noise": -1.0}, "noise must be >= 0"),
        ({"noise": np.inf}, "noise must be finite"),
        ({"signal": [1.0]}, "signal must be .*shape"),
        ({"signal": [1.0, -1.0]}, "signal must be >= 0"),
        ({"spectrum": []}, "spectrum must not be empty"),
        ({"spectrum": [1.0, 0.0]}, "spectrum must be > 0"),
        ({"T": np.ones(3), "ridge": np.ones(2)}, "broadcast"),
        ({"T": np.ones((20_000, 1)), "ridge": np.ones((1, 20_000))}, "1e\\+08 points"),
        ({"T": [5, 1], "ridge": 0.0}, "T must not be within 1 of d = 2 .*infinite.*got 1.0"),
        ({"T": 2, "ridge": 0.0}, "infinite"),
        ({"T": 3, "ridge": [1.0, 0.0]}, "infinite"),
    ],
)
def test_bad_inputs(change, message):
    good = {"spectrum": [2.0, 1.0], "signal": [1.0, 1.0], "T": 10, "ridge": 0.1, "noise": 1.0}
    with pytest.raises(ValueError, match=message):
        ridge.test_error(**good | change)
    with pytest.raises(ValueError, match=message):
        ridge.simulate_test_error(**good | change)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: ridge.simulate_test_error([1.0], [1.0], 2.5, 0.1, 1.0), "T must be a whole number"),
        (lambda: ridge.simulate_test_error([1.0], [1.0], 5, 0.1, 1.0, replicas=1), "replicas must be >= 2"),
        (lambda: ridge.simulate_test_error([1.0], [1.0], 5, 0.1, 1.0, seed=-1), "seed"),
        (lambda: ridge.simulate_test_error([1.0], [1.0], 5, 0.1, 1.0, part="error"), "part must be one of"),
        (lambda: ridge.simulate_test_error([1.0], [1.0], 5, 0.1, 1.0, device="tpu"), "device"),
        (lambda: ridge.ols_test_error(10, 11, 1.0), "T must be >= 12 .*infinite.*got 11"),
        (lambda: ridge.ols_test_error(0, 11, 1.0), "d must be >= 1"),
        (lambda: ridge.min_norm_test_error(10, 9, 1.0), "T must be <= 8 .*infinite.*got 9"),
        (lambda: ridge.min_norm_test_error(10, 5, 1.0, norm2=-1.0), "norm2 must be >= 0"),
        (lambda: ridge.optimal_ridge([1.0], [0.0], 5, 1.0), "signal must not be zero"),
        (lambda: ridge.optimal_ridge([1.0], [1.0], 0, 1.0), "T must be >= 1"),
        (lambda: ridge.marchenko_pastur_density(np.nan, 1.0), "x must be finite"),
        (lambda: ridge.marchenko_pastur_density(1.0, 0.0), "phi must be > 0"),
        (lambda: ridge.marchenko_pastur_atom(-1.0), "phi must be > 0"),
        (lambda: ridge.marchenko_pastur_transform(0.0, 1.0), "ridge must be > 0"),
    ],
)
def test_more_bad_inputs(call, message):
    with pytest.raises(ValueError, match=message):
        call()
