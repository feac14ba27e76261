"""Every sampler has the law of a fit to full data: Kolmogorov-Smirnov, moments, and reproducibility.

The reference draws T x d inputs and solves the normal equations with NumPy, sharing no code with the
library. A KS test fails at p < 1e-4; with about 60 of them a correct library fails once in 170 seeds.
"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import f as f_law
from scipy.stats import ks_2samp, kstest

from collapse import Estimate, sampling, spectra

R = 4000
D = 12
TRUTH = np.linspace(1.0, -0.5, D)
SPECTRA = {
    "isotropic": np.ones(D),
    "two-level": spectra.two_level(D, 4.0, 0.25, 0.25).expanded,
    "power law": spectra.power_law(D, 1.5).expanded,
}


def reference(truth, s, T, ridge, noise, n=1, replicas=R, seed=99):
    """`n` generations of direct fits: full data, fresh inputs, (pseudo-)inverse by NumPy."""
    rng = np.random.default_rng(seed)
    w = np.broadcast_to(truth, (replicas, len(s)))
    for _ in range(n):
        X = rng.standard_normal((replicas, T, len(s))) * np.sqrt(s)
        y = (X @ w[..., None])[..., 0] + noise * rng.standard_normal((replicas, T))
        Xt = np.swapaxes(X, 1, 2)
        if ridge == 0:
            w = (np.linalg.pinv(X) @ y[..., None])[..., 0]
        else:
            w = np.linalg.solve(Xt @ X + T * ridge * np.eye(len(s)), Xt @ y[..., None])[..., 0]
    return w


def same_law(a, b):
    p = ks_2samp(a, b).pvalue
    assert p > 1e-4, f"KS p-value {p:.2g}"


def error(w, s):
    return ((w - TRUTH) ** 2 * s).sum(-1)


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize(
    ("T", "ridge"), [(30, 0.0), (30, 0.2), (D, 0.05), (D + 1, 0.1), (8, 0.0), (8, 0.1), (1, 0.3)]
)
def test_ridge_law(name, T, ridge):
    s = SPECTRA[name]
    fitted = sampling.ridge(TRUTH, s, T, ridge, 0.5, replicas=R, seed=1)
    direct = sampling.ridge(TRUTH, s, T, ridge, 0.5, replicas=R, seed=2, direct=True)
    ours, theirs = error(fitted, s), error(reference(TRUTH, s, T, ridge, 0.5), s)
    same_law(ours, theirs)
    same_law(error(direct, s), theirs)
    same_law(fitted[:, 0], direct[:, 0])
    same_law(fitted @ np.ones(D), direct @ np.ones(D))


def test_ols_error_follows_the_f_law():
    T, noise = 20, 0.7
    s = SPECTRA["power law"]
    e = error(sampling.ols(TRUTH, s, T, noise, replicas=20_000, seed=3), s)
    scaled = e * (T - D + 1) / (noise**2 * D)
    assert kstest(scaled, f_law(D, T - D + 1).cdf).pvalue > 1e-4
    assert abs(Estimate.from_samples(e, seed=3).z(noise**2 * D / (T - D - 1))) < 4


def test_the_lapack_route_solves_the_same_problem():
    rng = np.random.default_rng(0)
    U = torch.from_numpy(np.triu(rng.standard_normal((3, 70, 70))) + 9 * np.eye(70))
    pull = torch.from_numpy(rng.standard_normal((3, 70)))
    u = U.numpy().copy()
    ours = sampling._solve(U, pull, 0.7).numpy()
    gram = u @ np.swapaxes(u, 1, 2) + 0.7 * np.eye(70)
    np.testing.assert_allclose(ours, np.linalg.solve(gram, u @ pull.numpy()[..., None])[..., 0], rtol=1e-9)


def test_ridge_law_in_more_dimensions():
    d, T, ridge = 80, 100, 0.05
    s, truth = spectra.power_law(d, 1.2), np.ones(d) / np.sqrt(d)
    ours = sampling.ridge(truth, s, T, ridge, 0.5, replicas=1000, seed=1)
    direct = sampling.ridge(truth, s, T, ridge, 0.5, replicas=1000, seed=2, direct=True)
    same_law(ours[:, 0], direct[:, 0])
    same_law(((ours - truth) ** 2 @ s.eigenvalues), ((direct - truth) ** 2 @ s.eigenvalues))


def test_ridge_bartlett_and_dual_are_the_dispatched_samplers():
    s = SPECTRA["two-level"]
    a = sampling.ridge_bartlett(TRUTH, s, 30, 0.1, 0.5, replicas=5, seed=1)
    np.testing.assert_array_equal(a, sampling.ridge(TRUTH, s, 30, 0.1, 0.5, replicas=5, seed=1))
    b = sampling.ridge_dual(TRUTH, s, 8, 0.1, 0.5, replicas=5, seed=1)
    np.testing.assert_array_equal(b, sampling.ridge(TRUTH, s, 8, 0.1, 0.5, replicas=5, seed=1))


@pytest.mark.parametrize("T", [1, 8, D - 1])
def test_min_norm_isotropic_law(T):
    fitted = sampling.min_norm_isotropic(TRUTH, T, 0.5, replicas=R, seed=1)
    direct = reference(TRUTH, np.ones(D), T, 0.0, 0.5)
    same_law(error(fitted, 1.0), error(direct, 1.0))
    same_law((fitted**2).sum(1), (direct**2).sum(1))
    same_law(fitted[:, 3], direct[:, 3])


@pytest.mark.parametrize(
    ("T", "ridge"),
    [(30, 0.1), (D, 0.3), (D - 1, 0.01), (8, 0.1), (D + 1, 0.01), (8, 0.0), (30, 0.0), (1, 0.2)],
)
def test_ridge_isotropic_law(T, ridge):
    norm = np.linalg.norm(TRUTH)
    along, orthogonal = sampling.ridge_isotropic(norm, D, T, ridge, 0.5, replicas=R, seed=1)
    direct = reference(TRUTH, np.ones(D), T, ridge, 0.5)
    direct_along = direct @ TRUTH / norm
    same_law(along, direct_along)
    same_law(orthogonal, np.sqrt(np.maximum((direct**2).sum(1) - direct_along**2, 0)))


@pytest.mark.parametrize(("T", "ridge"), [(30, 0.1), (8, 0.1), (8, 0.0), (30, 0.0)])
def test_isotropic_chain_law(T, ridge):
    norm = np.linalg.norm(TRUTH)
    along, size = sampling.isotropic_chain(norm, D, T, ridge, 0.5, 3, replicas=R, seed=1)
    direct = reference(TRUTH, np.ones(D), T, ridge, 0.5, n=3)
    same_law(along, direct @ TRUTH / norm)
    same_law(size, np.linalg.norm(direct, axis=1))
    same_law(size**2 - 2 * along * norm + norm**2, error(direct, 1.0))


def test_isotropic_chain_path_ends_where_the_chain_ends():
    end = sampling.isotropic_chain(1.0, 30, 20, 0.1, 0.2, 4, replicas=10, seed=5)
    path = sampling.isotropic_chain(1.0, 30, 20, 0.1, 0.2, 4, replicas=10, seed=5, path=True)
    assert path[0].shape == (10, 4)
    for a, b in zip(end, path, strict=True):
        np.testing.assert_array_equal(a, b[:, -1])


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize(("T", "ridge"), [(1, 0.1), (2, 0.1), (7, 0.1), (7, 0.0)])
def test_isotropic_chain_in_few_dimensions(d, T, ridge):
    if T < d and ridge == 0:
        pytest.skip("covered by the minimum-norm law")
    along, size = sampling.isotropic_chain(1.0, d, T, ridge, 0.5, 2, replicas=R, seed=1)
    truth = np.eye(d)[0]
    direct = reference(truth, np.ones(d), T, ridge, 0.5, n=2)
    same_law(along, direct[:, 0])
    same_law(size, np.linalg.norm(direct, axis=1))


def test_ols_chain_law():
    s = SPECTRA["power law"]
    direct = error(reference(TRUTH, s, 30, 0.0, 0.5, n=3), s)
    same_law(error(sampling.ols_chain(TRUTH, s, 30, 0.5, 3, replicas=R, seed=1), s), direct)
    path = sampling.ols_chain(TRUTH, s, 30, 0.5, 3, replicas=R, seed=2, path=True)
    assert path.shape == (R, 3, D)
    same_law(error(path[:, -1], s), direct)
    same_law(error(path[:, 0], s), error(reference(TRUTH, s, 30, 0.0, 0.5), s))
    np.testing.assert_array_equal(
        sampling.ols_chain(TRUTH, s, 30, 0.5, 0, replicas=2, seed=1), [TRUTH, TRUTH]
    )


def test_ols_chain_on_a_shared_design():
    s, n, T0 = SPECTRA["two-level"], 4, 30
    rng = np.random.default_rng(98)
    X = rng.standard_normal((R, T0, D)) * np.sqrt(s)
    noise = 0.5 * rng.standard_normal((R, T0, n)).sum(-1)  # the n noises pass through one pseudo-inverse
    direct = TRUTH + (np.linalg.pinv(X) @ noise[..., None])[..., 0]
    ours = sampling.ols_chain(TRUTH, s, T0, 0.5, n, shared=True, replicas=R, seed=1)
    same_law(error(ours, s), error(direct, s))


@pytest.mark.parametrize("shared", [False, True])
def test_accumulate_chain_law(shared):
    s, n, T, noise = SPECTRA["power law"], 4, 20, 0.6
    rng = np.random.default_rng(97)
    fits = np.empty((R, n, D))
    X = np.empty((R, 0, D))
    y = np.empty((R, 0))
    w = np.broadcast_to(TRUTH, (R, D))
    for i in range(n):
        new = X[:, :T] if shared and i else rng.standard_normal((R, T, D)) * np.sqrt(s)
        X = np.concatenate([X, new], 1)
        y = np.concatenate([y, (new @ w[..., None])[..., 0] + noise * rng.standard_normal((R, T))], 1)
        Xt = np.swapaxes(X, 1, 2)
        w = np.linalg.solve(Xt @ X, Xt @ y[..., None])[..., 0]
        fits[:, i] = w
    ours = sampling.accumulate_chain(TRUTH, s, T, noise, n, shared=shared, replicas=R, seed=1)
    assert ours.shape == (R, n, D)
    for i in (0, n - 1):
        same_law(error(ours[:, i], s), error(fits[:, i], s))
    # and jointly over fits: the distance moved between the first and the last
    same_law(((ours[:, -1] - ours[:, 0]) ** 2 * s).sum(1), ((fits[:, -1] - fits[:, 0]) ** 2 * s).sum(1))


CALLS = {
    "ols": lambda seed: sampling.ols(TRUTH, np.ones(D), 30, 0.5, replicas=50, seed=seed),
    "ols_chain": lambda seed: sampling.ols_chain(TRUTH, np.ones(D), 30, 0.5, 3, replicas=50, seed=seed),
    "ridge": lambda seed: sampling.ridge(TRUTH, np.ones(D), 30, 0.1, 0.5, replicas=50, seed=seed),
    "dual": lambda seed: sampling.ridge_dual(TRUTH, np.ones(D), 5, 0.1, 0.5, replicas=50, seed=seed),
    "min_norm": lambda seed: sampling.min_norm_isotropic(TRUTH, 5, 0.5, replicas=50, seed=seed),
    "isotropic": lambda seed: sampling.ridge_isotropic(1.0, 30, 20, 0.1, 0.5, replicas=50, seed=seed)[0],
    "chain": lambda seed: sampling.isotropic_chain(1.0, 30, 20, 0.1, 0.5, 3, replicas=50, seed=seed)[0],
    "accumulate": lambda seed: sampling.accumulate_chain(
        TRUTH, np.ones(D), 30, 0.5, 3, replicas=50, seed=seed
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_same_seed_same_bits(name):
    np.testing.assert_array_equal(CALLS[name](5), CALLS[name](5))
    assert not np.allclose(CALLS[name](5), CALLS[name](6))


def test_blocks_only_split_the_work(monkeypatch):
    monkeypatch.setitem(sampling._BLOCK, "cpu", 1000)
    same_law(
        error(sampling.ridge(TRUTH, np.ones(D), 30, 0.1, 0.5, replicas=R, seed=1), 1.0),
        error(reference(TRUTH, np.ones(D), 30, 0.1, 0.5), 1.0),
    )


def test_tensor_in_tensor_out():
    truth = torch.tensor(TRUTH)
    ours = sampling.ridge(truth, np.ones(D), 30, 0.1, 0.5, replicas=3, seed=1)
    assert isinstance(ours, torch.Tensor)
    np.testing.assert_array_equal(
        ours.numpy(), sampling.ridge(TRUTH, np.ones(D), 30, 0.1, 0.5, replicas=3, seed=1)
    )


@settings(max_examples=60)
@given(
    d=st.integers(1, 8),
    T=st.integers(1, 10**9),
    ridge=st.sampled_from([0.0, 1e-12, 1.0, 1e12]),
    noise=st.sampled_from([0.0, 1e-8, 1e8]),
)
def test_no_nan_at_extremes(d, T, ridge, noise):
    truth = np.ones(d)
    if ridge > 0 or d <= T:
        w = sampling.ridge(truth, np.ones(d), T, ridge, noise, replicas=3, seed=0)
        assert np.isfinite(w).all()
    along, orthogonal = sampling.ridge_isotropic(1.0, d, T, ridge, noise, replicas=3, seed=0)
    assert np.isfinite(along).all()
    assert (orthogonal >= 0).all()


@pytest.mark.parametrize(("T", "ridge"), [(30, 0.0), (30, 0.1), (8, 0.1)])
@pytest.mark.parametrize("direct", [False, True])
def test_each_replica_may_have_its_own_truth(T, ridge, direct):
    s = SPECTRA["two-level"]
    truths = np.random.default_rng(0).standard_normal((R, D))
    fitted = sampling.ridge(truths, s, T, ridge, 0.5, replicas=R, seed=1, direct=direct)
    theirs = np.concatenate(
        [reference(w, s, T, ridge, 0.5, replicas=1, seed=i) for i, w in enumerate(truths)]
    )
    same_law(((fitted - truths) ** 2 * s).sum(1), ((theirs - truths) ** 2 * s).sum(1))
    same_law((fitted * truths * s).sum(1), (theirs * truths * s).sum(1))


def test_noiseless_least_squares_returns_the_truth():
    np.testing.assert_array_equal(
        sampling.ols(TRUTH, np.ones(D), 30, 0.0, replicas=2, seed=0), [TRUTH, TRUTH]
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda k: sampling.ols([1.0, 1.0], [1.0, 1.0], 1, 0.1, **k), "T must be >= 2 .the dimension."),
        (
            lambda k: sampling.ols([1.0], [1.0, 1.0], 5, 0.1, **k),
            r"truth must be of shape \(2,\) or \(2, 2\)",
        ),
        (lambda k: sampling.ols([1.0], [1.0], 5, -0.1, **k), "noise must be >= 0, got -0.1"),
        (lambda k: sampling.ols([np.nan], [1.0], 5, 0.1, **k), "truth must be finite"),
        (lambda k: sampling.ols([1.0], [1.0], 5, 0.1, **{**k, "replicas": 0}), "replicas must be >= 1"),
        (lambda k: sampling.ols([1.0], [1.0], 5, 0.1, **{**k, "device": "tpu"}), "device must be one of"),
        (lambda k: sampling.ols([1.0], [1.0], 5, 0.1, **{**k, "seed": -2}), "seed must be >= 0"),
        (lambda k: sampling.ols_chain([1.0], [1.0], 0, 0.1, 2, **k), "T0 must be >= 1"),
        (lambda k: sampling.ols_chain([1.0], [1.0], 5, 0.1, 2, shared=True, path=True, **k), "path must be"),
        (lambda k: sampling.accumulate_chain([1.0, 1.0], [1.0, 1.0], 1, 0.1, 2, **k), "T must be >= 2"),
        (lambda k: sampling.ridge_bartlett([1.0, 1.0], [1.0, 1.0], 1, 0.1, 0.1, **k), "T must be >= 2"),
        (lambda k: sampling.ridge_dual([1.0], [1.0], 1, 0.1, 0.1, **k), "T must be < 1"),
        (lambda k: sampling.ridge([1.0], [1.0], 0, 0.1, 0.1, **k), "T must be >= 1"),
        (lambda k: sampling.ridge([1.0], [1.0], 5, -0.1, 0.1, **k), "ridge must be >= 0"),
        (lambda k: sampling.min_norm_isotropic([1.0, 1.0], 2, 0.1, **k), "T must be < 2"),
        (lambda k: sampling.min_norm_isotropic([0.0, 0.0], 1, 0.1, **k), "truth must not be zero"),
        (lambda k: sampling.ridge_isotropic(-1.0, 3, 5, 0.1, 0.1, **k), "norm must be >= 0"),
        (lambda k: sampling.isotropic_chain(0.0, 3, 5, 0.1, 0.1, 2, **k), "norm must be > 0"),
        (lambda k: sampling.isotropic_chain(1.0, 3, 5, 0.1, 0.1, 0, **k), "n must be >= 1"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call({"replicas": 2, "seed": 0})
