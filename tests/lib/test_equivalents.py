"""The effective ridge: the fixed point holds to rounding, everywhere and at every extreme."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from collapse import equivalents, spectra


def log_floats(low, high):
    return st.floats(np.log(low), np.log(high)).map(np.exp)


def residual(spectrum, T, ridge, kappa):
    """Relative distance from the fixed point in its cancellation-free form T ridge/kappa = T - df1."""
    s, m = spectrum.eigenvalues, spectrum.multiplicities
    total = s + kappa
    large = s > kappa
    q = np.minimum(s, kappa) / total
    gap = (T - m[large].sum()) + (m * q)[large].sum() - (m * q)[~large].sum()
    # The balance is between these terms; rounding of the largest is what can be asked for.
    scale = max(abs(T - m[large].sum()), (m * q).sum(), T * ridge / kappa)
    return abs(T * (ridge / kappa) - gap) / scale


@settings(max_examples=300)
@given(
    d=st.integers(1, 60),
    alpha=st.floats(0, 10),
    T=log_floats(1, 1e9),
    ridge=log_floats(1e-300, 1e300),
)
@pytest.mark.formula("thm-ridge-kappa")
def test_fixed_point_at_extremes(d, alpha, T, ridge):
    spectrum = spectra.power_law(d, alpha)
    with np.errstate(all="raise", under="ignore"):
        kappa = equivalents.effective_ridge(spectrum, T, ridge)
        gap = equivalents.residual_degrees_of_freedom(spectrum, T, ridge, kappa)
    assert kappa >= ridge
    assert np.isfinite(kappa)
    assert gap > 0
    assert residual(spectrum, T, ridge, kappa) < 1e-12


@settings(max_examples=200)
@given(d=st.integers(1, 60), alpha=st.floats(0, 10), T=st.integers(1, 120))
@pytest.mark.formula("thm-ridge-kappa")
def test_ridgeless_limit(d, alpha, T):
    spectrum = spectra.power_law(d, alpha)
    kappa = equivalents.effective_ridge(spectrum, T, 0.0)
    if T >= d:
        assert kappa == 0
    else:
        assert equivalents.degrees_of_freedom(spectrum, kappa) == pytest.approx(T, rel=1e-12)
    small = equivalents.effective_ridge(spectrum, T, 1e-280)
    assert small >= kappa
    assert small == pytest.approx(kappa, rel=1e-6, abs=1e-120)


def test_plateau_of_a_two_level_spectrum():
    # T equals the number of large eigenvalues: the root is at the geometric mean of the levels.
    spectrum = spectra.Spectrum([1.0, 1e-200], [5, 5])
    assert equivalents.effective_ridge(spectrum, 5, 0.0) == pytest.approx(1e-100, rel=1e-12)


@given(phi=log_floats(1e-3, 1e3), ridge=log_floats(1e-300, 1e300), scale=log_floats(1e-5, 1e5))
def test_isotropic_closed_form(phi, ridge, scale):
    d = 1000
    closed = equivalents.isotropic_effective_ridge(phi, ridge, scale)
    if d / phi >= 1:
        solved = equivalents.effective_ridge(spectra.isotropic(d, scale), d / phi, ridge)
        assert solved == pytest.approx(closed, rel=1e-9)
    # kappa^2 - a kappa - ridge*scale = 0, divided by the largest term
    a = ridge + scale * (phi - 1)
    terms = np.array([1.0, -a / closed, -(ridge / closed) * (scale / closed)])
    assert abs(terms.sum()) < 1e-9 * np.abs(terms).max()


@pytest.mark.formula("thm-ridge-kappa")
def test_newton_is_monotone_from_the_start():
    spectrum = spectra.power_law(200, 1.5)
    s, m = spectrum.eigenvalues, spectrum.multiplicities
    T, ridge = np.array([50.0, 200.0, 1000.0]), np.array([1e-4, 1e-8, 0.0])
    kappa = equivalents.isotropic_effective_ridge(200 / T, ridge, spectrum.trace / 200)
    root = equivalents.effective_ridge(spectrum, T, ridge)
    for _ in range(40):
        new = equivalents._newton_map(s, m, T[:2], ridge[:2], kappa[:2])
        assert (new <= kappa[:2] * (1 + 1e-15)).all()
        assert (new >= root[:2] * (1 - 1e-13)).all()
        kappa[:2] = new
    np.testing.assert_allclose(kappa[:2], root[:2], rtol=1e-13)


def test_against_bracketed_root_finding():
    rng = np.random.default_rng(7)
    spectrum = spectra.power_law(300, 1.5)
    s = spectrum.eigenvalues
    T, ridge = np.exp(rng.uniform(1, 9, 100)), 10 ** rng.uniform(-6, 1, 100)
    ours = equivalents.effective_ridge(spectrum, T, ridge)
    theirs = [
        np.exp(brentq(lambda u, a=a, b=b: 1 - b * np.exp(-u) - (s / (s + np.exp(u))).sum() / a, -40, 10))
        for a, b in zip(T, ridge, strict=True)
    ]
    np.testing.assert_allclose(ours, theirs, rtol=1e-10)


def test_broadcasting_equals_single_calls():
    spectrum = spectra.power_law(40, 1.2)
    T, ridge = np.array([[10.0], [40.0], [90.0]]), np.array([0.0, 1e-3, 1.0])
    grid = equivalents.effective_ridge(spectrum, T, ridge)
    assert grid.shape == (3, 3)
    one_by_one = [[equivalents.effective_ridge(spectrum, t, r) for r in ridge] for t in T[:, 0]]
    np.testing.assert_allclose(grid, one_by_one, rtol=1e-14)  # sums are ordered differently in a batch


def test_chunks_do_not_change_the_answer(monkeypatch):
    spectrum = spectra.power_law(40, 1.2)
    T = np.linspace(2, 100, 137)
    whole = equivalents.effective_ridge(spectrum, T, 0.1)
    sums = equivalents.spectral_sum(spectrum, None, whole, 1, 2)
    monkeypatch.setattr(equivalents, "_rows", lambda xp, width: 7)
    np.testing.assert_allclose(equivalents.effective_ridge(spectrum, T, 0.1), whole, rtol=1e-14)
    np.testing.assert_allclose(equivalents.spectral_sum(spectrum, None, whole, 1, 2), sums, rtol=1e-14)


def test_multiplicities_equal_repeated_eigenvalues():
    spectrum = spectra.two_level(60, 4.0, 0.25, 0.25)
    listed = spectra.Spectrum(spectrum.expanded)
    for T in (20, 60, 100):
        a = equivalents.effective_ridge(spectrum, T, 0.1)
        assert a == pytest.approx(equivalents.effective_ridge(listed, T, 0.1), rel=1e-13)
        assert equivalents.degrees_of_freedom(spectrum, a, 2) == pytest.approx(
            equivalents.degrees_of_freedom(listed, a, 2), rel=1e-13
        )


def test_many_problems_equal_single_ones():
    rng = np.random.default_rng(3)
    for spectrum in (spectra.power_law(100, 2.0), spectra.two_level(100, 1.0, 1e-6, 0.3)):
        T = np.concatenate([rng.integers(1, 200, 200), [30.0, 100.0, 100.0, 30.0]])
        ridge = np.concatenate([10 ** rng.uniform(-200, 3, 200), [0.0, 0.0, 1e-30, 1e-40]])
        many = equivalents.effective_ridge(spectrum, T, ridge)
        single = [equivalents.effective_ridge(spectrum, t, r) for t, r in zip(T, ridge, strict=True)]
        np.testing.assert_allclose(many, single, rtol=1e-12)


def test_shared_table_loses_only_what_the_condition_costs():
    # Rounding of df1 moves the root by 1/(1 - df2/T) times as much.
    rng = np.random.default_rng(11)
    for i in range(30):
        d = int(np.exp(rng.uniform(1, 6)))
        spectrum = (
            spectra.power_law(d, rng.uniform(0, 4)),
            spectra.two_level(d, 1.0, 10 ** rng.uniform(-6, 0), 0.3),
            spectra.Spectrum(10 ** rng.uniform(-6, 0, d)),
        )[i % 3]
        T, ridge = np.exp(rng.uniform(0, np.log(20 * d), 400)), 10 ** rng.uniform(-12, 1, 400)
        _, solved = equivalents._solve_many(
            np, spectrum.eigenvalues, spectrum.multiplicities, float(d), T, ridge
        )
        assert solved.mean() > 0.9  # it is the table that is tested
        many = equivalents.effective_ridge(spectrum, T, ridge)
        tensors = equivalents.effective_ridge(spectrum, torch.tensor(T), torch.tensor(ridge)).numpy()
        some = slice(None, None, 8)
        single = [
            equivalents.effective_ridge(spectrum, t, r) for t, r in zip(T[some], ridge[some], strict=True)
        ]
        condition = 1 / (1 - equivalents.degrees_of_freedom(spectrum, np.array(single), 2) / T[some])
        assert (abs(many[some] / single - 1) <= 5e-14 * condition).all()
        assert (abs(tensors[some] / single - 1) <= 5e-14 * condition).all()


def test_residual_degrees_of_freedom_where_subtraction_would_fail():
    spectrum = spectra.power_law(50, 2.0)
    for T, ridge in ((50, 1e-30), (20, 1e-20), (20, 0.0), (80, 0.0), (80, 3.0)):
        kappa = equivalents.effective_ridge(spectrum, T, ridge)
        for order in (1, 2):
            ours = equivalents.residual_degrees_of_freedom(spectrum, T, ridge, kappa, order)
            plain = T - equivalents.degrees_of_freedom(spectrum, kappa, order)
            assert ours >= 0
            assert ours == pytest.approx(plain, abs=1e-12 * T)
    tight = equivalents.effective_ridge(spectrum, 50, 1e-30)
    s = spectrum.eigenvalues
    leading = 2 * tight * (1 / s).sum()  # T = d: T - df2 = sum (1 - D^2) to first order in kappa
    assert equivalents.residual_degrees_of_freedom(spectrum, 50, 1e-30, tight) == pytest.approx(
        leading, rel=1e-6
    )


@given(p=st.integers(0, 4), q=st.integers(0, 4), kappa=st.floats(0, 1e300))
def test_spectral_sum_is_what_it_says(p, q, kappa):
    s, a = np.array([3.0, 0.5, 1e-3]), np.array([0.2, 1.0, 5.0])
    ours = equivalents.spectral_sum(s, a, kappa, p, q)
    with np.errstate(over="ignore", under="ignore"):
        log_terms = p * np.log(s) - q * np.log(s + kappa)
        assert ours == pytest.approx((a * np.exp(log_terms)).sum(), rel=1e-10)


@pytest.mark.formula("thm-ridge-kappa")
def test_derivatives_are_those_of_the_root():
    s = torch.linspace(0.1, 2, 10, dtype=torch.float64).requires_grad_()
    T = torch.tensor([5.0, 20.0, 10.0], dtype=torch.float64, requires_grad=True)
    ridge = torch.tensor([0.1, 0.05, 0.3], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(equivalents.effective_ridge, (s, T, ridge))
    kappa = equivalents.effective_ridge(s, T, ridge)
    slope = torch.autograd.grad(kappa.sum(), ridge)[0]
    df2 = equivalents.degrees_of_freedom(s, kappa, 2)
    torch.testing.assert_close(slope, 1 / (1 - df2 / T))


def test_derivative_at_ridge_zero():
    ridge = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    s = torch.ones(4, dtype=torch.float64)
    kappa = equivalents.effective_ridge(s, torch.tensor([8.0, 4.0], dtype=torch.float64), ridge)
    slope = torch.autograd.grad(kappa.sum(), ridge)[0]
    assert kappa.tolist() == [0.0, 0.0]
    assert slope.tolist() == [2.0, 0.0]  # 1/(1 - d/T); at T = d it is infinite and left out


def test_tensors_agree_with_arrays():
    s, T, ridge = np.array([2.0, 0.3, 0.1]), np.array([1.0, 2.0, 5.0]), np.array([0.0, 0.1, 2.0])
    as_array = equivalents.effective_ridge(s, T, ridge)
    as_tensor = equivalents.effective_ridge(torch.tensor(s), torch.tensor(T), torch.tensor(ridge))
    assert isinstance(as_array, np.ndarray)
    np.testing.assert_allclose(as_tensor.numpy(), as_array, rtol=1e-14)
    assert float(equivalents.isotropic_effective_ridge(torch.tensor(2.0), 0.0)) == 1.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: equivalents.effective_ridge([1.0], 0.5), "T must be >= 1, got 0.5"),
        (lambda: equivalents.effective_ridge([1.0], 2, -0.1), "ridge must be >= 0, got -0.1"),
        (lambda: equivalents.effective_ridge([1.0], np.nan), "T must be finite, got nan"),
        (lambda: equivalents.effective_ridge([], 2), "spectrum must not be empty"),
        (lambda: equivalents.effective_ridge([1.0], [1, 2], [1, 2, 3]), "T, ridge must broadcast together"),
        (lambda: equivalents.isotropic_effective_ridge(0.0, 1.0), "phi must be > 0"),
        (lambda: equivalents.degrees_of_freedom([1.0], -1.0), "kappa must be >= 0"),
        (lambda: equivalents.degrees_of_freedom([1.0], 1.0, 0), "order must be >= 1"),
        (lambda: equivalents.residual_degrees_of_freedom([1.0], 2, 0.0, 0.0, 3), "order must be one of"),
        (lambda: equivalents.spectral_sum([1.0], [1.0, 2.0], 0.1, 1, 1), "weights must be of shape"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
