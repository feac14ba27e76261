"""Ridge on fake data: closed forms against the general formula, and the formulas against direct simulation.

Comparisons with simulation use |z| <= 4: with the fixed seeds they are deterministic, and for a right formula
a fresh seed would exceed it once in 16 000 comparisons. A relative finite-size error is allowed only to
asymptotic formulas, and is stated where it is. "Direct" means that every data set is drawn and fitted.
"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from collapse import equivalents, regression, ridge, spectra
from collapse.estimates import Estimate
from collapse.regression import (
    Chain,
    additive_ridge,
    equivalent_clean_samples,
    isotropic_equivalent,
    isotropic_optimal_ridge,
)

TWO = spectra.two_level(40, 4.0, 0.25, 0.25)
POWER = spectra.power_law(40, 1.2, scale=5.0)
FLAT = spectra.isotropic(40)
ratios, sizes = st.floats(0.02, 30), st.floats(1e-3, 20)


def generator_error(d, chain):
    return chain.n * chain.noise0**2 * d / (chain.T0 - d - 1)


# -- the theorem ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("design", ["independent", "shared"])
@pytest.mark.parametrize("spectrum", [TWO, POWER, FLAT], ids=["two", "power", "flat"])
@pytest.mark.formula("thm-fake-error")
def test_collapse_term_agrees_with_direct_simulation(spectrum, design):
    """Below, at and above T = d. Allowed: 2 % (measured at d = 60: a constant below 0.5 over T).

    T0 = 50 at d = 40 tells T0 - d - 1 from T0 - d: 11 %.
    """
    chain = Chain(T0=50, n=2, noise0=0.6, design=design)
    problem = (spectrum, np.zeros(len(spectrum)), [25, 40, 80], 0.1, 0.0, chain)
    estimate = regression.simulate_test_error(*problem, replicas=700, seed=1, direct=True)
    theory = regression.test_error(*problem).collapse
    assert np.abs(estimate.z(theory, bias=0.02)).max() < 4
    rho = regression.collapse_coefficient(spectrum, [25, 40, 80], 0.1, 50)
    np.testing.assert_allclose(theory, 2 * 0.36 * rho, rtol=1e-12)
    # The formula as it stands on the page, and the wrong ones nearest to it.
    T, d = np.array([25, 40, 80]), 40
    kappa = equivalents.effective_ridge(spectrum, T, 0.1)
    df1, df2 = (equivalents.degrees_of_freedom(spectrum, kappa, order=r) for r in (1, 2))
    np.testing.assert_allclose(rho, df2 * (T + d - 2 * df1) / (50 - d - 1) / (T - df2), rtol=1e-10)
    for wrong in (
        df2 / (50 - d - 1),
        df2 * (T + d - 2 * df1) / (50 - d) / (T - df2),
        df1 * (T + d - 2 * df1) / (50 - d - 1) / (T - df1),
        df2 * d / (50 - d - 1) / (T - df2),
        df2 * (T + d - 2 * df2) / (50 - d - 1) / (T - df2),
    ):
        assert np.abs(estimate.z(0.72 * wrong, bias=0.02)).max() > 4


@pytest.mark.formula("thm-fake-error")
def test_total_error_agrees_with_direct_simulation():
    """Bias, variance and collapse together, with a truth. Allowed: 3 %, as the bias term needs."""
    chain = Chain(T0=60, n=3, noise0=0.4)
    problem = (TWO, [0.3, 1.0], [50, 120], 0.1, 0.5, chain)
    estimate = regression.simulate_test_error(*problem, replicas=800, seed=2, direct=True)
    assert np.abs(estimate.z(regression.test_error(*problem).value, bias=0.03)).max() < 4


def test_published_coefficients():
    """Rows of values found by an independent implementation of the formula."""
    two = spectra.two_level(100, 4.0, 0.25, 0.25)
    power = spectra.power_law(100, 1.5, scale=10.0)
    decay = 2 * np.exp(-3 * np.arange(120) / 120)
    rows = [
        (two, 150, 0.3, 220, 0.31599),
        (two, 60, 0.05, 220, 0.54573),
        (power, 400, 0.02, 300, 0.20871),
        (power, 80, 0.2, 150, 0.34457),
        (decay, 100, 1.0, 400, 0.07181),
        (decay, 60, 0.0, 400, 0.29282),
    ]
    for spectrum, T, penalty, T0, value in rows:
        rho = regression.collapse_coefficient(spectrum, T, penalty, T0)
        assert rho == pytest.approx(value, abs=1e-5)


@pytest.mark.formula("cor-fake-limits")
def test_limits_of_the_coefficient():
    rho = regression.collapse_coefficient
    assert rho(TWO, 100, 1e-9, 60) == pytest.approx(40 / 19, rel=1e-6)
    assert rho(FLAT, 25, 0.0, 60) == pytest.approx(25 / 19, rel=1e-12)
    kappa = equivalents.effective_ridge(TWO, 25, 0.0)
    df2 = equivalents.degrees_of_freedom(TWO, kappa, order=2)
    assert rho(TWO, 25, 0.0, 60) == pytest.approx(df2 * 15 / (25 - df2) / 19, rel=1e-9)
    large = (100 + 40) / 100 / 19 * (TWO.multiplicities * TWO.eigenvalues**2).sum() / 1e10
    assert rho(TWO, 100, 1e5, 60) == pytest.approx(large, rel=1e-3)
    df2 = equivalents.degrees_of_freedom(TWO, 0.3, order=2)
    assert rho(TWO, 1e9, 0.3, 60) == pytest.approx(df2 / 19, rel=1e-6)


def test_weak_directions_have_errors_in_proportion():
    """E[A'SA]_kk over s_k is right to 4 % also where s_k is a thousandth of the penalty (T = 60)."""
    rng = np.random.default_rng(3)
    s, T, penalty = np.repeat([1.0, 1e-2, 1e-4], 15), 60, 0.1
    X = rng.standard_normal((4000, T, 45)) * np.sqrt(s)
    cov = X.transpose(0, 2, 1) @ X / T
    A = np.linalg.solve(cov + penalty * np.eye(45), cov)
    diagonal = ((A**2 * s[:, None]).sum(axis=1) / s).reshape(-1, 3, 15).mean(axis=2)
    estimate = Estimate.from_samples(diagonal, seed=3)
    kappa = equivalents.effective_ridge(s, T, penalty)
    D = s / (s + kappa)
    omega = (D**2).sum() / (T - (D**2).sum())
    theory = (D**2 + omega * (1 - D) ** 2)[::15]
    assert np.abs(estimate.z(theory, bias=0.04)).max() < 4


# -- effective noise ------------------------------------------------------------------------------------


@given(T=st.floats(5, 5000), penalty=st.floats(1e-4, 50), noise=st.floats(0, 3), n=st.integers(1, 20))
@settings(max_examples=60)
@pytest.mark.formula("thm-fake-noise")
def test_fake_data_are_clean_data_with_the_effective_noise(T, penalty, noise, n):
    chain, signal = Chain(T0=70, n=n, noise0=0.5), [0.5, 1.0]
    level = regression.effective_noise(TWO, T, penalty, noise, chain)
    fake = regression.test_error(TWO, signal, T, penalty, noise, chain).value
    assert ridge.test_error(TWO, signal, T, penalty, level).value == pytest.approx(fake, rel=1e-9)
    kappa = equivalents.effective_ridge(TWO, T, penalty)
    df1 = equivalents.degrees_of_freedom(TWO, kappa)
    extra = generator_error(40, chain) / 40 * (T + 40 - 2 * df1)
    assert level**2 - noise**2 == pytest.approx(extra, rel=1e-6, abs=1e-9)
    if T >= 2 * df1:  # it grows with T, and exceeds the naive guess
        assert regression.effective_noise(TWO, 1.01 * T, penalty, noise, chain) > level
        assert extra >= generator_error(40, chain) * (1 - 1e-12)


@pytest.mark.formula("thm-fake-noise")
def test_effective_noise_against_direct_simulation():
    """Fake data and clean data with the effective noise, both drawn in full. Allowed: 2 % at d = 40."""
    chain, signal, T = Chain(T0=70, n=3, noise0=0.5), [0.5, 1.0], np.array([30, 60, 200])
    run = {"replicas": 500, "direct": True}
    fake = regression.simulate_test_error(TWO, signal, T, 0.1, 0.3, chain, seed=31, **run)
    level = regression.effective_noise(TWO, T, 0.1, 0.3, chain)
    clean = ridge.simulate_test_error(TWO, signal, T, 0.1, level, seed=32, **run)
    apart = Estimate(fake.mean - clean.mean, np.hypot(fake.stderr, clean.stderr), 500, 31)
    beyond = np.maximum(np.abs(apart.mean) - 0.02 * clean.mean, 0)
    assert (beyond / apart.stderr).max() < 4
    naive = np.sqrt(0.09 + generator_error(40, chain))  # the error of the generators as noise: refused
    wrong = ridge.test_error(TWO, signal, T[2], 0.1, naive).value
    assert abs(fake.mean[2] / wrong - 1) > 0.2


@pytest.mark.formula("thm-fake-noise")
def test_effective_noise_grows_like_the_sample_size():
    chain = Chain(T0=70, n=3, noise0=0.5)
    level = regression.effective_noise(TWO, 1e9, 0.1, 1.0, chain)
    assert level**2 / 1e9 == pytest.approx(3 * 0.25 / 29, rel=1e-6)


@pytest.mark.parametrize("T", [7, 12, 25])
@pytest.mark.parametrize("penalty", [0.0, 0.3])
@pytest.mark.formula("thm-fake-dependent")
def test_one_design_for_everything_is_clean_data_in_law(T, penalty):
    """Two-sample KS on the errors of 3 000 chains and 3 000 clean fits, d = 10; no finite-size allowance."""
    rng = np.random.default_rng(T)
    s, w0, n, noise, noise0 = np.linspace(0.5, 2, 10), np.full(10, 0.3), 3, 0.4, 0.7

    def error(labels_of, total):
        X = rng.standard_normal((3000, T, 10)) * np.sqrt(s)
        w = np.broadcast_to(w0, (3000, 10))[..., None]
        for _ in range(labels_of):
            w = np.linalg.pinv(X) @ (X @ w + noise0 * rng.standard_normal((3000, T, 1)))
        y = X @ w + total * rng.standard_normal((3000, T, 1))
        if penalty == 0:
            fit = np.linalg.pinv(X) @ y
        else:
            gram = X.transpose(0, 2, 1) @ X + T * penalty * np.eye(10)
            fit = np.linalg.solve(gram, X.transpose(0, 2, 1) @ y)
        return (fit[..., 0] - w0) ** 2 @ s

    chain = error(n, noise)
    clean = error(0, np.sqrt(noise**2 + n * noise0**2))
    assert stats.ks_2samp(chain, clean).pvalue > 1e-3
    assert stats.ks_2samp(chain, error(0, np.sqrt(noise**2 + (n + 1) * noise0**2))).pvalue < 1e-3


@pytest.mark.formula("thm-fake-dependent")
def test_reused_inputs_against_direct_simulation():
    """Allowed: 3 % at T = 60."""
    T = np.array([60, 120])
    problem = (TWO, [0.5, 0.5], T, 0.1, 0.4, Chain(T0=T, n=3, noise0=0.5, design="dependent"))
    estimate = regression.simulate_test_error(*problem, replicas=800, seed=4, direct=True)
    assert np.abs(estimate.z(regression.test_error(*problem).value, bias=0.03)).max() < 4
    fresh = regression.test_error(*problem[:5], Chain(T0=T, n=3, noise0=0.5)).value
    assert (fresh > regression.test_error(*problem).value).all()


def test_fresh_inputs_pay_only_by_their_number():
    """As many: the same error without a penalty (exact), a larger one with; many more may win."""
    T, signal = np.array([60, 120]), [0.5, 0.5]
    reused, fresh = (Chain(T0=T, n=2, noise0=0.5, design=design) for design in ("dependent", "independent"))
    for penalty in (0.0, 1e-3, 0.1, 3.0):
        old, new = (
            regression.test_error(TWO, signal, T, penalty, 0.4, chain).value for chain in (reused, fresh)
        )
        if penalty == 0:
            np.testing.assert_allclose(new, old, rtol=1e-12)
        else:
            assert (new > old).all()
    old = regression.test_error(TWO, signal, 60, 0.0, 0.5, Chain(T0=60, n=1, noise0=0.5, design="dependent"))
    many = regression.test_error(TWO, signal, 1e9, 0.0, 0.5, Chain(T0=60, n=1, noise0=0.5))
    assert many.value == pytest.approx(old.value / 2, rel=1e-6)  # the floor n against n + 1


# -- a penalty and the collapse term --------------------------------------------------------------------


@given(
    levels=st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=4),
    surplus=st.integers(2, 400),
    log_penalty=st.floats(-8, 4),
)
@settings(max_examples=150)
@pytest.mark.formula("prop-fake-lower")
def test_a_penalty_lowers_collapse_with_enough_samples_and_never_doubles_it(levels, surplus, log_penalty):
    spectrum = spectra.Spectrum(levels, np.full(len(levels), 12.0))
    d, penalty = spectrum.dimension, 10**log_penalty
    T, T0 = d + surplus, 2 * d
    relative = regression.collapse_coefficient(spectrum, T, penalty, T0) * (T0 - d - 1) / d
    kappa = equivalents.effective_ridge(spectrum, T, penalty)
    df1 = equivalents.degrees_of_freedom(spectrum, kappa)
    assert relative < 2
    assert relative <= 1 + max(0, (d - df1) * (2 * df1 - T) / (d * (T - df1))) + 1e-9


@pytest.mark.formula("prop-fake-lower")
def test_a_penalty_can_raise_the_collapse_term():
    """80 eigenvalues 1 and 20 of 1e-4 at T = 110: 0.590 against 0.503, also in direct simulation (1 %)."""
    split = spectra.Spectrum([1.0, 1e-4], [80, 20])
    chain = Chain(T0=300, n=1, noise0=1.0)
    problem = (split, np.zeros(2), 110, [0.01, 1.0], 0.0, chain)
    theory = regression.test_error(*problem).collapse
    np.testing.assert_allclose(theory, [0.590, 0.102], atol=5e-4)
    estimate = regression.simulate_test_error(*problem, replicas=300, seed=5, direct=True)
    assert np.abs(estimate.z(theory, bias=0.01)).max() < 4
    assert estimate.mean[0] - 4 * estimate.stderr[0] > 100 / 199
    plateau = regression.collapse_coefficient(spectra.Spectrum([1.0, 1e-12], [80, 20]), 110, 1e-6, 300)
    assert plateau * 199 / 100 == pytest.approx(1 + 20 * (160 - 110) / (100 * 30), rel=1e-3)


@pytest.mark.formula("prop-fake-lower")
def test_the_first_bit_of_penalty_helps():
    """The exact slope at 0, by a central difference of full data, d = 8, T = 30."""
    rng = np.random.default_rng(6)
    s, T, step = np.geomspace(0.2, 4, 8), 30, 1e-4
    Z = rng.standard_normal((20_000, T, 8))
    W = Z.transpose(0, 2, 1) @ Z / T

    def norm(penalty):
        return (np.linalg.solve(W + penalty * np.diag(1 / s), W) ** 2).sum(axis=(1, 2))

    slope = Estimate.from_samples((norm(step) - norm(-step)) / (2 * step), seed=6)
    assert abs(slope.z(-2 * T / (T - 9) * (1 / s).sum())) < 4


# -- flat spectrum --------------------------------------------------------------------------------------


@given(phi=ratios, penalty=st.floats(1e-4, 50), noise=sizes, gen=sizes, norm2=sizes)
@settings(max_examples=60)
def test_isotropic_closed_form_is_the_general_formula(phi, penalty, noise, gen, norm2):
    d = 1000
    closed = isotropic_equivalent(phi, penalty, noise, gen, norm2)
    chain = Chain(T0=d + 2, n=1, noise0=np.sqrt(gen / d))
    general = regression.test_error(spectra.isotropic(d), [norm2], max(d / phi, 1), penalty, noise, chain)
    if d / phi >= 1:
        for part in ("bias", "variance", "collapse"):
            assert getattr(closed, part) == pytest.approx(getattr(general, part), rel=1e-7)


@pytest.mark.parametrize("phi", [0.3, 1.0, 2.5])
@pytest.mark.formula("thm-fake-isotropic")
def test_isotropic_parts_are_marchenko_pastur_integrals(phi):
    parts = isotropic_equivalent(phi, 0.2, 1.0, 1.0)
    low, high = (1 - phi**0.5) ** 2, (1 + phi**0.5) ** 2

    def mean(f):
        return integrate.quad(lambda u: f(u) * ridge.marchenko_pastur_density(u, phi), low, high, limit=200)[
            0
        ]

    assert parts.collapse == pytest.approx(mean(lambda u: u**2 / (u + 0.2) ** 2), rel=1e-5)
    assert parts.variance == pytest.approx(phi * mean(lambda u: u / (u + 0.2) ** 2), rel=1e-5)
    lost = mean(lambda u: 0.04 / (u + 0.2) ** 2) + ridge.marchenko_pastur_atom(phi)
    assert parts.bias == pytest.approx(lost, rel=1e-5)


def test_isotropic_collapse_falls_with_the_penalty_at_every_ratio():
    phi, penalty = np.array([0.2, 0.9, 1.0, 3.0])[:, None], np.geomspace(1e-6, 1e3, 300)
    assert (np.diff(isotropic_equivalent(phi, penalty, 0.0, 1.0).collapse) < 0).all()


@pytest.mark.formula("thm-fake-isotropic")
def test_isotropic_error_agrees_with_direct_simulation():
    """Allowed: 3 % at d = 60."""
    T, chain = np.array([30, 60, 150]), Chain(T0=90, n=2, noise0=0.5)
    gen = generator_error(60, chain)
    estimate = regression.simulate_test_error(
        spectra.isotropic(60), [1.3], T, 0.2, 0.4, chain, replicas=500, seed=7, direct=True
    )
    assert np.abs(estimate.z(isotropic_equivalent(60 / T, 0.2, 0.4, gen, 1.3).value, bias=0.03)).max() < 4


def test_isotropic_formula_takes_tensors_with_gradients():
    penalty = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    isotropic_equivalent(0.5, penalty, 0.4, 0.2).value.backward()
    step = 1e-6
    low, high = (isotropic_equivalent(0.5, 0.3 + h, 0.4, 0.2).value for h in (-step, step))
    assert float(penalty.grad) == pytest.approx((high - low) / (2 * step), rel=1e-6)


# -- the best penalty -----------------------------------------------------------------------------------


def test_published_optimal_penalties():
    found = isotropic_optimal_ridge([0.5, 2, 0.8], [0.5, 0.3, 0], [0.3, 0.2, 0.5], [1, 1, 2])
    np.testing.assert_allclose(found, [0.287727, 0.362840, 0.022210], atol=1e-6)


def test_isotropic_optimum_is_the_minimum_of_the_general_formula():
    d, T = 50, np.array([15, 50, 200, 5000])
    for n in (0, 1, 8):
        chain = Chain(T0=90, n=n, noise0=0.4)
        general = regression.optimal_ridge(spectra.isotropic(d), [1.7], T, 0.5, chain)
        closed = isotropic_optimal_ridge(d / T, 0.5, generator_error(d, chain), 1.7)
        np.testing.assert_allclose(closed, general, rtol=1e-5)


@given(phi=ratios, noise=st.floats(0, 3), gen=sizes, norm2=sizes)
@settings(max_examples=100)
@pytest.mark.formula("thm-fake-optimal")
def test_isotropic_error_falls_to_its_one_minimum_and_rises_after_it(phi, noise, gen, norm2):
    best = isotropic_optimal_ridge(phi, noise, gen, norm2)
    clean = noise**2 * phi / norm2
    bracket = (best - clean) * norm2 / gen
    assert (1 - phi) ** 2 / max(1, phi) - 1e-6 <= bracket <= 1 + phi + 1e-6
    if best > 1e-6:
        penalty = best * np.geomspace(1e-2, 1e2, 81)
        change = np.diff(isotropic_equivalent(phi, penalty, noise, gen, norm2).value)
        scale = 1e-9 * (norm2 + gen + noise**2)
        assert (change[:40] < scale).all() and (change[40:] > -scale).all()


@pytest.mark.formula("thm-fake-optimal")
def test_the_exceptional_case_wants_no_penalty():
    assert isotropic_optimal_ridge(1.0, 0.0, 1 / 3) == 0
    assert isotropic_optimal_ridge(1.0, 0.0, 0.34) > 0
    gamma = np.array([0.5, 2.0])
    D = 1 / (1 + equivalents.isotropic_effective_ridge(1.0, isotropic_optimal_ridge(1.0, 0.0, gamma)))
    np.testing.assert_allclose(D, np.sqrt(1 + 1 / gamma) - 1, rtol=1e-9)


@pytest.mark.parametrize("T", [25, 50, 150])
@pytest.mark.formula("thm-fake-optimal")
def test_best_penalty_of_drawn_data(T):
    """The average over sample eigenvalues that sets the penalty, from full data. Allowed: 3 % at d = 50."""
    rng = np.random.default_rng(8)
    d, gen, noise = 50, 0.8, 0.4
    phi = d / T
    best = isotropic_optimal_ridge(phi, noise, gen)
    X = rng.standard_normal((2000, T, d))
    x = np.linalg.eigvalsh(X.transpose(0, 2, 1) @ X / T).clip(0)
    weights = x / (x + best) ** 3
    average = Estimate.from_samples((weights * x).sum(axis=1) / weights.sum(axis=1).mean(), seed=8)
    assert abs(average.z((best - noise**2 * phi) / gen, bias=0.03)) < 4


# -- infinite data, rule of thumb -----------------------------------------------------------------------


@pytest.mark.parametrize("spectrum", [TWO, POWER, FLAT], ids=["two", "power", "flat"])
def test_rule_of_thumb_is_optimal_at_both_ends_for_every_spectrum(spectrum):
    signal = spectra.uniform_signal(spectrum, 1.6)
    clean, fake = Chain(T0=60, n=0, noise0=0.5), Chain(T0=60, n=3, noise0=0.5)
    found = regression.optimal_ridge(spectrum, signal, [30, 100], 0.4, clean)
    np.testing.assert_allclose(additive_ridge(40, [30, 100], 0.4, clean, 1.6), found, rtol=1e-5)
    found = regression.optimal_ridge(spectrum, signal, 1e9, 0.4, fake)
    assert additive_ridge(40, 1e9, 0.4, fake, 1.6) == pytest.approx(found, rel=1e-5)
    assert found == pytest.approx(3 * 0.25 * 40 / 19 / 1.6, rel=1e-5)


def test_rule_of_thumb_is_near_the_optimum_between():
    """Within 10 % of the least error on the settings of the chapter's table."""
    chain, T = Chain(T0=600, n=5, noise0=0.3), np.array([100, 300, 1000, 10_000])
    for spectrum in (spectra.isotropic(300), spectra.power_law(300, 1.2, scale=20.0)):
        signal = spectra.uniform_signal(spectrum)
        best = regression.optimal_ridge(spectrum, signal, T, 0.3, chain)
        least, rule = (
            regression.test_error(spectrum, signal, T, lam, 0.3, chain).value
            for lam in (best, additive_ridge(300, T, 0.3, chain))
        )
        assert (rule < 1.1 * least).all()


@pytest.mark.formula("prop-fake-infinite")
def test_infinite_fake_data_against_direct_simulation():
    """Exact: two generations of full data, then the fit to infinitely many labels, for three penalties."""
    rng = np.random.default_rng(9)
    s, T0, runs = np.geomspace(0.1, 3, 8), 22, 30_000
    gen = generator_error(8, Chain(T0=T0, n=2, noise0=0.7))
    w0 = rng.standard_normal((runs, 8)) * np.sqrt(1 / 8)
    w = w0
    for _ in range(2):
        X = rng.standard_normal((runs, T0, 8)) * np.sqrt(s)
        y = (X @ w[..., None]) + 0.7 * rng.standard_normal((runs, T0, 1))
        w = np.linalg.solve(X.transpose(0, 2, 1) @ X, X.transpose(0, 2, 1) @ y)[..., 0]
    penalties = gen * np.array([0.4, 1.0, 2.5])
    errors = np.stack([((s / (s + lam) * w - w0) ** 2) @ s for lam in penalties], axis=1)
    estimate = Estimate.from_samples(errors, seed=9)
    best = gen / 8 * equivalents.degrees_of_freedom(s, gen)
    assert abs(estimate.z(best)[1]) < 4
    assert (estimate.z(best)[[0, 2]] > 4).all()


@pytest.mark.parametrize("spectrum", [TWO, POWER, FLAT], ids=["two", "power", "flat"])
@pytest.mark.formula("prop-fake-infinite")
def test_equivalent_clean_samples_have_the_same_error(spectrum):
    chain, signal = Chain(T0=70, n=[1, 4], noise0=0.6), spectra.uniform_signal(spectrum, 0.8)
    worth = equivalent_clean_samples(spectrum, 0.6, chain, 0.8)
    penalty = ridge.optimal_ridge(spectrum, signal, worth, 0.6)
    clean = ridge.test_error(spectrum, signal, worth, penalty, 0.6).value
    gen = generator_error(40, chain)
    np.testing.assert_allclose(
        clean, gen / 40 * equivalents.degrees_of_freedom(spectrum, gen / 0.8), rtol=1e-9
    )
    fake = regression.test_error(spectrum, signal, 1e10, gen / 0.8, 0.6, chain).value
    np.testing.assert_allclose(clean, fake, rtol=1e-6)
    assert worth[0] < 70


# -- bad input ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: isotropic_equivalent(0.0, 0.1, 0.1, 0.1), "phi must be > 0, got 0.0"),
        (lambda: isotropic_equivalent(0.5, -0.1, 0.1, 0.1), "ridge must be >= 0, got -0.1"),
        (lambda: isotropic_equivalent(1.0, 0.0, 0.1, 0.1), "phi must not be 1 at ridge = 0"),
        (lambda: isotropic_equivalent(0.5, 0.1, 0.1, float("nan")), "generator_error must be finite"),
        (lambda: isotropic_optimal_ridge(0.5, 0.1, 0.1, 0.0), "norm2 must be > 0, got 0.0"),
        (lambda: additive_ridge(40, 0.5, 0.1, Chain(60, 1, 1.0)), "T must be >= 1, got 0.5"),
        (lambda: additive_ridge(40, 10, 0.1, Chain(41, 1, 1.0)), "T0 must be >= 42"),
        (lambda: additive_ridge(40, 10, 0.1, Chain(60, 1, 1.0, 0.1)), "chain must have ridge0 = 0"),
        (lambda: additive_ridge(40, 10, 0.1, (60, 1, 1.0)), "chain must be a Chain"),
        (lambda: equivalent_clean_samples(FLAT, 0.1, Chain(60, 0, 1.0)), "generators' error .* must be > 0"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
