"""The same laws on a CUDA device. Needs torch, numpy, scipy and pytest only."""

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp

from collapse import chains, equivalents, ridge, sampling, spectra

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]

R = 4000
TRUTH = np.linspace(1.0, -0.5, 24)
SPECTRUM = spectra.power_law(24, 1.5)

CALLS = {
    "ols": lambda **k: sampling.ols(TRUTH, SPECTRUM, 40, 0.5, **k)[:, 0],
    "ols_chain": lambda **k: sampling.ols_chain(TRUTH, SPECTRUM, 40, 0.5, 5, **k)[:, 0],
    "accumulate": lambda **k: sampling.accumulate_chain(TRUTH, SPECTRUM, 40, 0.5, 3, **k)[:, -1, 0],
    "bartlett": lambda **k: sampling.ridge_bartlett(TRUTH, SPECTRUM, 40, 0.1, 0.5, **k)[:, 0],
    "dual": lambda **k: sampling.ridge_dual(TRUTH, SPECTRUM, 10, 0.1, 0.5, **k)[:, 0],
    "direct": lambda **k: sampling.ridge(TRUTH, SPECTRUM, 40, 0.1, 0.5, direct=True, **k)[:, 0],
    "min_norm": lambda **k: sampling.min_norm_isotropic(TRUTH, 10, 0.5, **k)[:, 0],
    "isotropic_tall": lambda **k: sampling.ridge_isotropic(1.0, 24, 40, 0.1, 0.5, **k)[1],
    "isotropic_wide": lambda **k: sampling.ridge_isotropic(1.0, 24, 10, 0.1, 0.5, **k)[1],
    "chain": lambda **k: sampling.isotropic_chain(1.0, 24, 18, 0.0, 0.3, 3, **k)[1],
    "chain_2d": lambda **k: sampling.isotropic_chain(1.0, 2, 1, 0.0, 0.3, 3, **k)[1],
}


@pytest.mark.parametrize("name", CALLS)
def test_law_is_that_of_the_cpu(name):
    gpu = CALLS[name](replicas=R, seed=1, device="cuda")
    cpu = CALLS[name](replicas=R, seed=2, device="cpu")
    assert ks_2samp(gpu, cpu).pvalue > 1e-4


@pytest.mark.parametrize("name", CALLS)
def test_same_seed_same_bits(name):
    first = CALLS[name](replicas=50, seed=1, device="cuda")
    np.testing.assert_array_equal(first, CALLS[name](replicas=50, seed=1, device="cuda"))


def test_auto_takes_the_device():
    auto = CALLS["ols"](replicas=50, seed=1, device="auto")
    np.testing.assert_array_equal(auto, CALLS["ols"](replicas=50, seed=1, device="cuda"))


def test_theory_on_the_device_equals_the_cpu():
    T = np.geomspace(2, 1000, 40)
    ridge = np.geomspace(1e-8, 10, 40)[:, None]
    cpu = equivalents.effective_ridge(SPECTRUM, T, ridge)
    gpu = equivalents.effective_ridge(
        SPECTRUM, torch.tensor(T, device="cuda"), torch.tensor(ridge, device="cuda")
    )
    assert gpu.device.type == "cuda"
    np.testing.assert_allclose(gpu.cpu().numpy(), cpu, rtol=1e-12)
    df = equivalents.degrees_of_freedom(SPECTRUM, gpu, 2)
    np.testing.assert_allclose(df.cpu().numpy(), equivalents.degrees_of_freedom(SPECTRUM, cpu, 2), rtol=1e-12)


def test_tensor_on_the_device_stays_there():
    truth = torch.tensor(TRUTH, device="cuda")
    assert sampling.ols(truth, SPECTRUM, 40, 0.5, replicas=2, seed=0).device.type == "cuda"


@pytest.mark.parametrize("keep", [False, True])
def test_chains_agree_with_theory(keep):
    n, T = np.array([1, 4]), 20
    options = {"replicas": 100_000, "seed": 22, "device": "cuda", "accumulate": keep}
    variance = chains.simulate_gaussian_variance(n, T, **options)
    variance.check(chains.gaussian_variance(n, T, accumulate=keep), "variance on the GPU")
    error = chains.simulate_least_squares_error(n, 5, T, **options)
    error.check(chains.least_squares_error(n, 5, T, accumulate=keep), "least squares on the GPU")


def test_carriers_agree_with_theory():
    n, T = np.array([1, 4]), 20
    options = {"replicas": 100_000, "seed": 23, "device": "cuda"}
    log_variance = chains.simulate_gaussian_log_variance(n, T, **options)
    log_variance.check(chains.gaussian_log_variance(n, T).mean, "log variance on the GPU")
    carriers = chains.simulate_gaussian_carriers(n * 19, T, **options)
    carriers.check(chains.gaussian_carriers(n * 19, T), "carriers on the GPU", bias=1 / 57)


def test_ridge_theory_and_simulation():
    spectrum = spectra.two_level(40, 4.0, 0.25, 0.25)
    signal = spectra.uniform_signal(spectrum)
    T = torch.tensor([20.0, 80.0], dtype=torch.float64, device="cuda")
    theory = ridge.test_error(spectrum, signal, [20, 80], 0.3, 0.5).value
    value = ridge.test_error(spectrum, signal, T, 0.3, 0.5).value
    assert value.is_cuda
    np.testing.assert_allclose(value.cpu().numpy(), theory, rtol=1e-12)
    options = {"replicas": 2000, "seed": 24, "device": "cuda"}
    estimate = ridge.simulate_test_error(spectrum, signal, [20, 80], 0.3, 0.5, **options)
    # The equivalent is off by a few times 1/T at these sizes.
    assert np.abs(estimate.z(theory, bias=0.04)).max() < 4
