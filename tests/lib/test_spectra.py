"""Spectra and sources: sums that are known in closed form, and binning that keeps them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import zeta

from collapse import spectra


@given(
    d=st.integers(1, 5000),
    alpha=st.floats(0, 10),
    scale=st.floats(1e-6, 1e6),
)
def test_power_law_eigenvalues(d, alpha, scale):
    s = spectra.power_law(d, alpha, scale)
    assert s.dimension == d
    np.testing.assert_allclose(s.eigenvalues, scale * np.arange(1.0, d + 1) ** -alpha, rtol=1e-12)


@pytest.mark.parametrize("alpha", [0.0, 0.7, 1.0, 1.5, 3.0])
def test_binning_keeps_dimension_and_trace(alpha):
    d = 200_000
    binned = spectra.power_law(d, alpha, resolution=300)
    k = np.arange(1.0, d + 1)
    assert binned.dimension == d
    assert len(binned) < 3000
    assert binned.trace == pytest.approx((k**-alpha).sum(), rel=1e-11)


@pytest.mark.parametrize(("alpha", "r"), [(1.2, 0.3), (1.5, 0.5), (2.0, 1.5)])
def test_binned_source_keeps_smooth_sums(alpha, r):
    d, kappa = 100_000, 1e-4
    k = np.arange(1.0, d + 1)
    s, energy = k**-alpha, k ** (-1 - 2 * alpha * r)
    exact = (energy / energy.sum() / (s + kappa) ** 2).sum()
    binned = spectra.power_law(d, alpha, resolution=300)
    signal = spectra.power_law_signal(d, alpha, r, resolution=300)
    ours = (signal * binned.eigenvalues / (binned.eigenvalues + kappa) ** 2).sum()
    # A bin of relative width 1/300 moves a smooth sum by about (alpha/300)^2/24 of its second derivative.
    assert ours == pytest.approx(exact, rel=10 * (alpha / 300) ** 2)


def test_ten_million_dimensions_cost_thousands():
    s = spectra.power_law(10**7, 1.5, resolution=500)
    assert s.dimension == 10**7
    assert len(s) < 10_000
    tail = zeta(1.5, 10**7 + 1)
    assert s.trace == pytest.approx(zeta(1.5) - tail, rel=1e-12)


def test_signals_are_normalised():
    s = spectra.two_level(100, 4.0, 0.25, 0.25)
    assert spectra.uniform_signal(s, 2.0).sum() == pytest.approx(2.0)
    energy = spectra.power_law_signal(50, 1.5, 0.4, norm2=3.0) * spectra.power_law(50, 1.5).eigenvalues
    assert energy.sum() == pytest.approx(3.0)
    np.testing.assert_allclose(energy[1:] / energy[0], np.arange(2.0, 51) ** -(1 + 2 * 1.5 * 0.4), rtol=1e-12)


def test_spectrum_from_data_has_the_trace_of_the_data():
    x = np.random.default_rng(0).standard_normal((30, 50))
    s = spectra.from_data(x)
    assert len(s) == 30  # rank of the data: rounding zeros are left out
    assert s.trace == pytest.approx((x**2).sum() / 30)


def test_expanded_lists_every_direction():
    assert spectra.two_level(4, 2.0, 1.0, 0.25).expanded.tolist() == [2.0, 1.0, 1.0, 1.0]
    assert spectra.as_spectrum(torch.tensor([2.0, 1.0])).expanded.tolist() == [2.0, 1.0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spectra.Spectrum([]), "spectrum must not be empty"),
        (lambda: spectra.Spectrum([1.0, 0.0]), "spectrum must be > 0, got 0.0"),
        (lambda: spectra.Spectrum([1.0, -1.0]), "spectrum must be > 0, got -1.0"),
        (lambda: spectra.Spectrum([1.0], [1, 2]), "multiplicities must be of shape"),
        (lambda: spectra.Spectrum([1.0], [0.5]).expanded, "multiplicities must be >= 1"),
        (lambda: spectra.two_level(10, 1.0, 0.1, 0.01), "share_high must leave both levels"),
        (lambda: spectra.power_law(0, 1.5), "d must be >= 1"),
        (lambda: spectra.power_law(10, -1.0), "alpha must be >= 0"),
        (lambda: spectra.power_law(10**4, 100.0), "alpha must keep"),
        (lambda: spectra.power_law_signal(10, 1.5, 0.0), "r must be > 0"),
        (lambda: spectra.from_data([1.0, 2.0]), "features must have shape"),
        (lambda: spectra.from_data([[0.0, 0.0]]), "features must not all be zero"),
        (lambda: spectra.check_signal(spectra.isotropic(3), [1.0, 2.0]), "signal must be of shape"),
        (lambda: spectra.check_signal(spectra.isotropic(3), [-1.0]), "signal must be >= 0"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
