r"""Ridge regression in high dimension: test error in theory and by simulation.

Inputs $x\sim N(0,\Sigma)$ in $\mathbb R^d$, labels $y=x^\top w_0+\sigma\varepsilon$, and the fit

$$\hat w=\arg\min_w\frac1T\|Xw-Y\|^2+\lambda\|w\|^2=(\hat\Sigma+\lambda I)^{-1}X^\top Y/T .$$

The penalty stands beside the *mean* squared error: scikit-learn's `Ridge(alpha)` is this fit with
alpha = T * ridge. The test error is always $E=\mathbb E\|\hat w-w_0\|_\Sigma^2$, without the noise of a test
label.

Chapter: *Ridge regression in high dimension*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _checks, sampling
from ._device import namespace, to_namespace, to_numpy
from ._search import minimise_over_penalty
from .equivalents import (
    degrees_of_freedom,
    effective_ridge,
    isotropic_effective_ridge,
    residual_degrees_of_freedom,
    spectral_sum,
)
from .estimates import Estimate
from .spectra import Spectrum, as_spectrum, check_signal


@dataclass(frozen=True, eq=False)
class ErrorParts:
    """A test error and the two parts of which it is the sum.

    Parameters
    ----------
    bias : float or array
        Error of the mean prediction: what is left without label noise.
    variance : float or array
        Error due to label noise.

    Examples
    --------
    >>> ErrorParts(bias=0.25, variance=0.5).value
    0.75
    """

    bias: Any
    variance: Any

    @property
    def value(self) -> Any:
        """The test error, bias + variance."""
        return self.bias + self.variance


def test_error(spectrum: Any, signal: Any, T: Any, ridge: Any, noise: Any) -> ErrorParts:
    r"""Test error of a ridge fit on clean data, by its deterministic equivalent.

    $$B\simeq\frac{\kappa^2\sum_kc_k^2s_k/(s_k+\kappa)^2}{1-\mathrm{df}_2/T},\qquad
    V\simeq\sigma^2\frac{\mathrm{df}_2}{T-\mathrm{df}_2},$$

    with $\kappa$ the effective ridge and both sums at $\kappa$. Asymptotic: at a fixed ridge > 0 the chapter
    proves an error $O(T^{-1/2})$ and measures a relative O(1/T). The exact ridgeless values are
    `ols_test_error` and `min_norm_test_error`.

    Parameters
    ----------
    spectrum : Spectrum or array, shape (K,)
        Covariance eigenvalues.
    signal : array, shape (K,)
        Squared coefficients of the truth, summed over equal eigenvalues.
    T : float or array
        Number of samples, >= 1.
    ridge : float or array
        Penalty, >= 0; 0 is the minimum-norm (for T >= d the least-squares) fit.
    noise : float or array
        Standard deviation of the label noise, >= 0.

    Returns
    -------
    ErrorParts
        `.bias`, `.variance` and their sum `.value`, broadcast over `T`, `ridge` and `noise`; tensors,
        differentiable, if any argument is a tensor.

    Raises
    ------
    ValueError
        If an argument is outside its range, or ridge = 0 with d - 1 <= T <= d + 1, where the mean of the
        test error is infinite under any label noise.

    Source: `thm-ridge-error` and `thm-ridge-two`, chapter *Ridge regression in high dimension*.

    Examples
    --------
    >>> from collapse import spectra
    >>> flat = spectra.isotropic(100)
    >>> error = test_error(flat, spectra.uniform_signal(flat), T=[50, 200], ridge=0.0, noise=0.5)
    >>> error.bias.round(4), error.variance.round(4)
    (array([0.5, 0. ]), array([0.25, 0.25]))
    """
    spectrum = as_spectrum(spectrum)
    signal = check_signal(spectrum, signal)
    T = _checks.at_least("T", T, 1)
    ridge = _checks.nonnegative("ridge", ridge)
    noise = _checks.nonnegative("noise", noise)
    _checks.grid(T=T, ridge=ridge, noise=noise)
    s, signal, T, ridge, noise = to_namespace(spectrum.eigenvalues, signal, T, ridge, noise)
    xp = namespace(s)
    spectrum = Spectrum(s, spectrum.multiplicities)
    _refuse_interpolation(spectrum, T, ridge)

    kappa = effective_ridge(spectrum, T, ridge)
    df2 = degrees_of_freedom(spectrum, kappa, order=2)
    residual = residual_degrees_of_freedom(spectrum, T, ridge, kappa, order=2)
    # kappa/(s+kappa) = (1/s)/(1/s+1/kappa) is again a filter of the kind that spectral_sum computes safely
    # for a kappa of any size; below 1e-290 the square of the shrinkage is zero in floating point.
    shrunk = kappa > 1e-290
    inverse = 1 / xp.where(shrunk, kappa, xp.ones_like(kappa))
    lost = spectral_sum(Spectrum(1 / s, spectrum.multiplicities), signal * s, inverse, 2, 2)
    bias = xp.where(shrunk, lost, xp.zeros_like(lost)) * (T / residual) * xp.ones_like(noise)
    return ErrorParts(bias[()], (noise**2 * (df2 / residual))[()])


test_error.__test__ = False  # named by the field, not a test of pytest's


def _refuse_interpolation(spectrum: Spectrum, T: Any, ridge: Any) -> None:
    d = spectrum.dimension
    infinite = (ridge == 0) & (abs(T - d) <= 1)
    if bool(infinite.any()):
        raise ValueError(
            f"T must not be within 1 of d = {d} at ridge = 0 (under label noise the mean test error is "
            f"infinite), got {_checks._shown(T, infinite)}"
        )


def ols_test_error(d: int, T: Any, noise: Any) -> Any:
    r"""Exact test error of ordinary least squares, $\sigma^2d/(T-d-1)$, for any covariance and any truth.

    Parameters
    ----------
    d : int
        Dimension.
    T : int or array
        Number of samples, >= d + 2.
    noise : float or array
        Standard deviation of the label noise, >= 0.

    Returns
    -------
    float or array
        Broadcast over `T` and `noise`. All of it is variance: the bias is zero.

    Raises
    ------
    ValueError
        If T < d + 2: the mean is infinite for T = d and d + 1, and below d the fit is not unique.

    Source: `thm-ridge-exact`, chapter *Ridge regression in high dimension*.

    Examples
    --------
    >>> float(ols_test_error(d=10, T=31, noise=1.0))
    0.5
    """
    d = _checks.count("d", d)
    T = _checks.counts("T", T, d + 2, why=" (= d + 2: below, the mean is infinite)")
    noise = _checks.nonnegative("noise", noise)
    _checks.grid(T=T, noise=noise)
    T, noise = to_namespace(T, noise)
    return (noise**2 * d / (T - d - 1))[()]


def min_norm_test_error(d: int, T: Any, noise: Any, norm2: Any = 1.0) -> ErrorParts:
    r"""Exact test error of the minimum-norm fit for isotropic inputs and T <= d - 2.

    $$B=\|w_0\|^2\Bigl(1-\frac Td\Bigr),\qquad V=\sigma^2\frac{T}{d-T-1}.$$

    Parameters
    ----------
    d : int
        Dimension; the covariance is the identity.
    T : int or array
        Number of samples, 1 <= T <= d - 2.
    noise : float or array
        Standard deviation of the label noise, >= 0.
    norm2 : float or array
        Squared norm of the truth, >= 0.

    Returns
    -------
    ErrorParts
        Broadcast over `T`, `noise` and `norm2`.

    Raises
    ------
    ValueError
        If T > d - 2: the mean is infinite for T = d - 1 and d.

    Source: `thm-ridge-exact`, chapter *Ridge regression in high dimension*.

    Examples
    --------
    >>> error = min_norm_test_error(d=31, T=10, noise=1.0)
    >>> round(float(error.bias), 4), float(error.variance)
    (0.6774, 0.5)
    """
    d = _checks.count("d", d, low=3)
    T = _checks.counts("T", T)
    _checks._require("T", T, T <= d - 2, f"<= {d - 2} (= d - 2: above, the mean is infinite)")
    noise = _checks.nonnegative("noise", noise)
    norm2 = _checks.nonnegative("norm2", norm2)
    _checks.grid(T=T, noise=noise, norm2=norm2)
    T, noise, norm2 = to_namespace(T, noise, norm2)
    return ErrorParts((norm2 * (1 - T / d) + 0 * noise)[()], (noise**2 * T / (d - T - 1) + 0 * norm2)[()])


def simulate_test_error(
    spectrum: Any,
    signal: Any,
    T: Any,
    ridge: Any,
    noise: Any,
    *,
    replicas: int = 1000,
    seed: int = 0,
    part: str = "value",
    direct: bool = False,
    device: str = "cpu",
) -> Estimate:
    r"""Simulate the test error of a ridge fit: the average of $\|\hat w-w_0\|_\Sigma^2$ over training sets.

    Each point of the broadcast grid gets `replicas` training sets of its own, independent of those of every
    other point. Fits come from the exact-in-distribution sampler that `sampling.ridge` chooses.

    Parameters
    ----------
    spectrum, signal, T, ridge, noise
        As in `test_error`; multiplicities and T whole numbers.
    replicas : int
        Training sets per point, >= 2.
    seed : int
        Seed of the whole simulation.
    part : {"value", "bias", "variance"}
        The fit is linear in the labels, so fitting noiseless labels gives the bias and fitting pure noise
        the variance.
    direct : bool
        Draw every training set in full (T x d numbers) and fit it, instead of the sampler.
    device : {"cpu", "cuda", "auto"}
        Where to simulate.

    Returns
    -------
    Estimate
        Mean and standard error, of the broadcast shape of `T`, `ridge` and `noise`.

    Raises
    ------
    ValueError
        If an argument is outside its range, or ridge = 0 with d - 1 <= T <= d + 1, where there is no mean to
        estimate.

    Source: `prop-ridge-parts`, chapter *Ridge regression in high dimension*.

    Examples
    --------
    >>> from collapse import spectra
    >>> flat = spectra.isotropic(20)
    >>> estimate = simulate_test_error(flat, spectra.uniform_signal(flat), 41, 0.0, 1.0, replicas=4000)
    >>> bool(abs(estimate.z(ols_test_error(d=20, T=41, noise=1.0))) < 4)
    True
    """
    spectrum = as_spectrum(spectrum)
    signal = check_signal(spectrum, signal)
    T = _checks.counts("T", T)
    ridge = _checks.nonnegative("ridge", ridge)
    noise = _checks.nonnegative("noise", noise)
    replicas = _checks.count("replicas", replicas, low=2)
    _checks.choice("part", part, ("value", "bias", "variance"))
    shape = _checks.grid(T=T, ridge=ridge, noise=noise)
    _refuse_interpolation(spectrum, T, ridge)

    if part == "variance":
        signal = 0 * signal
    elif part == "bias":
        noise = 0 * noise
    grid = zip(*(np.broadcast_to(x, shape).reshape(-1) for x in (T, ridge, noise)), strict=True)
    seeds = np.random.SeedSequence(_checks.count("seed", seed, low=0)).spawn(int(np.prod(shape)))
    options = {"direct": direct, "replicas": replicas, "device": device}
    errors = [
        _errors(spectrum, to_numpy(signal), int(T_), float(ridge_), float(noise_), seed=child, **options)
        for (T_, ridge_, noise_), child in zip(grid, seeds, strict=True)
    ]
    return Estimate.from_samples(np.stack(errors, axis=1).reshape(replicas, *shape), seed)


def _errors(
    spectrum: Spectrum,
    signal: np.ndarray,
    T: int,
    ridge: float,
    noise: float,
    *,
    direct: bool,
    **options: Any,
) -> np.ndarray:
    """Test errors of independent fits at one point, shape (replicas,)."""
    s = spectrum.expanded
    if len(spectrum) == 1 and not direct:
        # Measured in units of sqrt(s), inputs of variance s have variance 1 and the penalty is ridge / s.
        norm = float(np.sqrt(signal.sum() * s[0]))
        along, orthogonal = sampling.ridge_isotropic(norm, len(s), T, ridge / s[0], noise, **options)
        return (along - norm) ** 2 + orthogonal**2
    # The law of the error is the same for any direction of the truth within an eigenspace.
    truth = np.repeat(np.sqrt(signal / spectrum.multiplicities), spectrum.multiplicities.astype(int))
    fits = sampling.ridge(truth, s, T, ridge, noise, direct=direct, **options)
    return (fits - truth) ** 2 @ s


def optimal_ridge(spectrum: Any, signal: Any, T: Any, noise: Any) -> Any:
    r"""The penalty with the smallest test error.

    For a truth with no preferred direction ($c_k^2$ the same for all k) it is $\sigma^2d/(T\|w_0\|^2)$ for
    every covariance, exactly. Otherwise the deterministic equivalent is minimised numerically.

    Parameters
    ----------
    spectrum, signal, T, noise
        As in `test_error`.

    Returns
    -------
    float or array
        Broadcast over `T` and `noise`. Zero where the error falls all the way to the ridgeless fit (to within
        1e-14 of the mean eigenvalue). Differentiable only in the closed form.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the signal is zero (the best penalty is then infinite).

    Source: `thm-ridge-best`, chapter *Ridge regression in high dimension*.

    Examples
    --------
    >>> from collapse import spectra
    >>> spectrum = spectra.two_level(100, 4.0, 0.25, 0.25)
    >>> optimal_ridge(spectrum, spectra.uniform_signal(spectrum), T=[50, 200], noise=0.5)
    array([0.5  , 0.125])
    """
    spectrum = as_spectrum(spectrum)
    signal = check_signal(spectrum, signal)
    T = _checks.at_least("T", T, 1)
    noise = _checks.nonnegative("noise", noise)
    shape = _checks.grid(T=T, noise=noise)
    norm2 = float(signal.sum())
    if norm2 == 0:
        raise ValueError("signal must not be zero: without a signal the best ridge is infinite")
    T, noise = to_namespace(T, noise)
    share = to_numpy(signal) / np.asarray(spectrum.multiplicities)
    if np.ptp(share) <= 1e-12 * share.max():
        return (noise**2 * spectrum.dimension / (T * norm2))[()]
    plain = Spectrum(to_numpy(spectrum.eigenvalues), spectrum.multiplicities)
    points = zip(*(np.broadcast_to(to_numpy(x), shape).reshape(-1) for x in (T, noise)), strict=True)
    best = np.array([_minimise(plain, to_numpy(signal), *point) for point in points]).reshape(shape)
    return to_namespace(best, T)[0][()]


def _minimise(spectrum: Spectrum, signal: np.ndarray, T: float, noise: float) -> float:
    """Penalty of least test error, searched from far below to far above the scale of the problem."""
    size = spectrum.trace / spectrum.dimension
    # Beyond the largest of these the fit is zero to within a relative 1e-3 and the error only rises.
    far = 1e3 * (spectrum.trace + noise**2 * spectrum.dimension / (T * signal.sum()))
    grid = np.linspace(np.log(1e-14 * size), np.log(far), 121)
    return minimise_over_penalty(lambda ridge: test_error(spectrum, signal, T, ridge, noise).value, grid)


def marchenko_pastur_density(x: Any, phi: float, scale: float = 1.0) -> Any:
    r"""Density of the Marchenko-Pastur law, the limit of the eigenvalues of a sample covariance.

    $$\frac{\sqrt{(b-x)(x-a)}}{2\pi\phi sx}\quad\text{on }a<x<b,\qquad a,b=s(1\mp\sqrt\phi)^2 .$$

    Parameters
    ----------
    x : float or array
        Where to evaluate.
    phi : float
        Aspect ratio d/T, > 0.
    scale : float
        The population eigenvalue s, > 0.

    Returns
    -------
    float or array
        Shape of `x`; 0 outside the support. For phi > 1 it integrates to 1/phi: the rest of the mass is
        `marchenko_pastur_atom`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-ridge-mp`, chapter *Ridge regression in high dimension*.

    Examples
    --------
    >>> marchenko_pastur_density([0.1, 1.0, 3.0], phi=0.25).round(4)
    array([0.    , 0.6164, 0.    ])
    """
    x = _checks.real("x", x)
    phi = _checks.scalar("phi", phi, _checks.positive)
    scale = _checks.scalar("scale", scale, _checks.positive)
    xp = namespace(x)
    low, high = scale * (1 - phi**0.5) ** 2, scale * (1 + phi**0.5) ** 2
    inside = (x > low) & (x < high)
    at = xp.where(inside, x, xp.ones_like(x) * (low + high) / 2)
    density = xp.sqrt((high - at) * (at - low)) / (2 * np.pi * phi * scale * at)
    return xp.where(inside, density, xp.zeros_like(x))[()]


def marchenko_pastur_atom(phi: Any) -> Any:
    r"""Mass at zero of the Marchenko-Pastur law, $\max(0,1-1/\phi)$: the directions that T < d samples miss.

    Parameters
    ----------
    phi : float or array
        Aspect ratio d/T, > 0.

    Returns
    -------
    float or array
        Shape of `phi`, between 0 and 1.

    Raises
    ------
    ValueError
        If phi is not > 0.

    Source: `thm-ridge-mp`, chapter *Ridge regression in high dimension*.

    Examples
    --------
    >>> marchenko_pastur_atom([0.5, 4.0])
    array([0.  , 0.75])
    """
    phi = _checks.positive("phi", phi)
    return namespace(phi).where(phi > 1, 1 - 1 / phi, 0 * phi)[()]


def marchenko_pastur_transform(ridge: Any, phi: Any, scale: Any = 1.0) -> Any:
    r"""Stieltjes transform of the Marchenko-Pastur law at minus the ridge.

    $$m(-\lambda)=\int\frac{d\mu_\phi(x)}{x+\lambda}=\frac{\kappa}{\lambda(s+\kappa)}.$$

    Parameters
    ----------
    ridge : float or array
        The point $\lambda$ > 0 at minus which the transform is taken.
    phi : float or array
        Aspect ratio d/T, > 0.
    scale : float or array
        The population eigenvalue s, > 0.

    Returns
    -------
    float or array
        Broadcast over the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-ridge-mp`, chapter *Ridge regression in high dimension*.

    Examples
    --------
    >>> round(float(marchenko_pastur_transform(1.0, phi=1.0)), 4)
    0.618
    """
    ridge = _checks.positive("ridge", ridge)
    kappa = isotropic_effective_ridge(phi, ridge, scale)
    ridge, kappa, scale = to_namespace(ridge, kappa, scale)
    return (kappa / ridge / (scale + kappa))[()]
