"""Spectra and sources: sums that are known in closed form, and binning that keeps them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from collapse import equivalents, spectra


@given(
    d=st.integers(1, 5000),
    alpha=st.floats(0, 10),
    scale=st.floats(1e-6, 1e6),
)
def test_power_law_eigenvalues(d, alpha, scale):
    s = spectra.power_law(d, alpha, scale)
    assert s.dimension == d
    np.testing.assert_allclose(s.eigenvalues, scale * np.arange(1.0, d + 1) ** -alpha, rtol=1e-12)


@pytest.mark.parametrize(("alpha", "r"), [(0.3, 0.5), (1.2, 0.3), (1.5, 0.5), (3.0, 1.5), (10.0, 0.2)])
@pytest.mark.parametrize("d", [300, 20_000])
def test_compression_keeps_every_spectral_sum(d, alpha, r):
    full, signal = spectra.power_law(d, alpha), spectra.power_law_signal(d, alpha, r)
    short, short_signal = spectra.compress(full, signal)
    assert len(short) < 8 * (alpha * np.log(d) + 5)
    assert short.dimension == d
    kappa = np.geomspace(full.eigenvalues[-1] / 100, 100, 60)
    for p, q in ((1, 1), (2, 2), (0, 1), (1, 2), (1, 0)):
        for a, b in ((None, None), (signal, short_signal)):
            exact = equivalents.spectral_sum(full, a, kappa, p, q)
            ours = equivalents.spectral_sum(short, b, kappa, p, q)
            np.testing.assert_allclose(ours, exact, rtol=1e-11)


def test_compression_of_unsorted_and_clustered_spectra():
    rng = np.random.default_rng(0)
    s = np.concatenate([rng.uniform(1, 1.1, 500), 1e-6 * rng.uniform(1, 1.001, 500), [3e-3]])
    rng.shuffle(s)
    short, _ = spectra.compress(s)
    kappa = np.geomspace(1e-8, 10, 40)
    for p, q in ((1, 1), (0, 1)):
        np.testing.assert_allclose(
            equivalents.spectral_sum(short, None, kappa, p, q),
            equivalents.spectral_sum(s, None, kappa, p, q),
            rtol=1e-11,
        )


def test_compression_leaves_short_spectra_alone():
    s = spectra.two_level(100, 4.0, 0.25, 0.25)
    same, signal = spectra.compress(s, [1.0, 2.0])
    assert same is s
    assert signal == [1.0, 2.0]
    flat = spectra.compress(np.full(1000, 2.0))[0]
    assert (len(flat), flat.dimension, flat.trace) == (1, 1000, 2000.0)


def test_compressed_effective_ridge():
    full = spectra.power_law(10**6, 1.5)
    short, _ = spectra.compress(full)
    for T in (10.0, 1e4, 1e6, 1e8):
        exact = equivalents.effective_ridge(full, T, 1e-7)
        assert equivalents.effective_ridge(short, T, 1e-7) == pytest.approx(exact, rel=1e-11)


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
        (lambda: spectra.Spectrum([1.0], [1.5]).expanded, "multiplicities must be a whole number"),
        (lambda: spectra.Spectrum([1.0], [0.0]), "the sum of multiplicities must be >= 0.5"),
        (lambda: spectra.compress([1.0], [1.0, 2.0]), "signal must be of shape"),
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
