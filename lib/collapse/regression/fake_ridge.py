r"""Ridge on fake data: flat spectra in closed form, and the penalty that labels made by a chain ask for.

Everything here takes the generators through one number, their own test error
$E_{\rm gen}=n\sigma_0^2d/(T_0-d-1)$ (`generator_error`), which is exact for least squares.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _checks
from .._device import namespace, to_namespace, to_numpy
from ..equivalents import degrees_of_freedom, isotropic_effective_ridge
from ..spectra import as_spectrum
from .chain import Chain, CollapseParts


def isotropic_equivalent(
    phi: Any, ridge: Any, noise: Any, generator_error: Any, norm2: Any = 1.0
) -> CollapseParts:
    r"""Test error of ridge on fake data with a flat spectrum, in closed form.

    $$E\simeq\frac{\|w_0\|^2(1-D)^2+\sigma^2\phi D^2+E_{\rm gen}D^2(1+\phi-2\phi D)}{1-\phi D^2},\qquad
    D=\frac1{1+\kappa},$$

    for $\Sigma=I$, $d,T\to\infty$ at $d/T=\phi$, and least-squares generators.

    Parameters
    ----------
    phi : float or array
        Aspect ratio d/T of the final fit, > 0.
    ridge : float or array
        Penalty of the final fit, >= 0.
    noise : float or array
        Standard deviation of the final label noise, >= 0.
    generator_error : float or array
        Test error of the model that makes the labels, $n\sigma_0^2d/(T_0-d-1)$, >= 0.
    norm2 : float or array
        $\|w_0\|^2$, >= 0.

    Returns
    -------
    CollapseParts
        `.bias`, `.variance`, `.collapse`, `.value`, broadcast over all arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range, or phi = 1 at ridge = 0 (the error is infinite).

    Source: `thm-fake-isotropic`, chapter *Ridge on fake data*.

    Examples
    --------
    >>> error = isotropic_equivalent(phi=0.5, ridge=0.0, noise=1.0, generator_error=0.25)
    >>> float(error.bias), float(error.variance), float(error.collapse)
    (0.0, 1.0, 0.25)
    """
    ridge = _checks.nonnegative("ridge", ridge)
    noise = _checks.nonnegative("noise", noise)
    generator_error = _checks.nonnegative("generator_error", generator_error)
    norm2 = _checks.nonnegative("norm2", norm2)
    phi = _checks.positive("phi", phi)
    arguments = {
        "phi": phi,
        "ridge": ridge,
        "noise": noise,
        "generator_error": generator_error,
        "norm2": norm2,
    }
    shape = _checks.grid(**arguments)
    phi, ridge, noise, generator_error, norm2 = to_namespace(*arguments.values())
    xp = namespace(phi)
    kappa = isotropic_effective_ridge(phi, ridge)
    gap = kappa * (2 + kappa) + (1 - phi)  # (1 + kappa)^2 - phi
    if bool((gap == 0).any()):
        raise ValueError("phi must not be 1 at ridge = 0 (the test error is infinite), got 1.0")
    bias = norm2 * kappa**2 / gap
    variance = noise**2 * phi / gap
    collapse = generator_error * ((1 + phi) * kappa + 1 - phi) / (gap * (1 + kappa))
    return CollapseParts(*(xp.broadcast_to(part, shape)[()] for part in (bias, variance, collapse)))


isotropic_equivalent.__test__ = False  # named by the field, not a test of pytest's


def isotropic_optimal_ridge(phi: Any, noise: Any, generator_error: Any, norm2: Any = 1.0) -> Any:
    r"""The penalty with the smallest test error on fake data, for a flat spectrum.

    The one root of

    $$\lambda\|w_0\|^2=\sigma^2\phi+E_{\rm gen}(1+\phi-3\phi D+\phi^2D^3),\quad D=1/(1+\kappa(\lambda)).$$

    Parameters
    ----------
    phi, noise, generator_error
        As in `isotropic_equivalent`.
    norm2 : float or array
        $\|w_0\|^2$, > 0.

    Returns
    -------
    float or array
        Broadcast over all arguments; 0 in the one case without a root, phi = 1 and noise = 0 with
        3 generator_error <= norm2, where the error falls all the way to the unpenalised fit.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-fake-optimal`, chapter *Ridge on fake data*.

    Examples
    --------
    >>> float(isotropic_optimal_ridge(0.5, 0.5, 0.0))
    0.125
    >>> round(float(isotropic_optimal_ridge(0.5, 0.5, 0.3)), 6)
    0.287727
    """
    phi = to_numpy(_checks.positive("phi", phi))
    noise = to_numpy(_checks.nonnegative("noise", noise))
    generator_error = to_numpy(_checks.nonnegative("generator_error", generator_error))
    norm2 = to_numpy(_checks.positive("norm2", norm2))
    shape = _checks.grid(phi=phi, noise=noise, generator_error=generator_error, norm2=norm2)
    clean, mistake = noise**2 * phi / norm2, generator_error / norm2
    # The bracket falls from 1 + phi at an infinite ridge to (1 - phi)^2/max(1, phi) at none.
    low = np.broadcast_to(clean + mistake * (1 - phi) ** 2 / np.maximum(1, phi), shape)
    high = np.broadcast_to(clean + mistake * (1 + phi), shape)
    for _ in range(100):
        middle = (low + high) / 2
        D = 1 / (1 + isotropic_effective_ridge(phi, middle))
        short = middle < clean + mistake * (1 + phi - 3 * phi * D + phi**2 * D**3)
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    rootless = (phi == 1) & (noise == 0) & (3 * mistake <= 1)
    return np.where(rootless, 0.0, (low + high) / 2)[()]


def _least_squares_error(d: int, chain: Chain) -> Any:
    """E_gen of least-squares generators."""
    if not isinstance(chain, Chain):
        raise ValueError(f"chain must be a Chain, got {chain!r}")
    if bool((chain.ridge0 > 0).any()) or chain.design == "dependent":
        raise ValueError("chain must have ridge0 = 0 and an independent or shared design")
    _checks.at_least("T0", chain.T0, d + 2, why=" (= d + 2) for least-squares generators")
    n, noise0, T0 = to_namespace(chain.n, chain.noise0, chain.T0)
    return n * noise0**2 * d / (T0 - d - 1)


def additive_ridge(d: int, T: Any, noise: Any, chain: Chain, norm2: Any = 1.0) -> Any:
    r"""A rule of thumb for the penalty on fake data: the best one on clean data plus $E_{\rm gen}/\|w_0\|^2$.

    $$\lambda=\frac1{\|w_0\|^2}\Bigl[\sigma^2\frac dT+n\sigma_0^2\frac{d}{T_0-d-1}\Bigr].$$

    For a truth without preferred direction it is exactly optimal for n = 0 and, for every covariance, as
    $T\to\infty$. In between, a gap in the spectrum can make it worse than the best penalty for clean data.

    Parameters
    ----------
    d : int
        Dimension.
    T : float or array
        Samples of the final fit, >= 1.
    noise : float or array
        Standard deviation of the final label noise, >= 0.
    chain : Chain
        Least-squares generators, T0 >= d + 2, independent or shared.
    norm2 : float or array
        $\|w_0\|^2$, > 0.

    Returns
    -------
    float or array

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `prop-fake-infinite`, chapter *Ridge on fake data*.

    Examples
    --------
    >>> from collapse.regression import Chain
    >>> float(additive_ridge(d=100, T=400, noise=1.0, chain=Chain(T0=301, n=2, noise0=1.0)))
    1.25
    """
    d = _checks.count("d", d)
    T = _checks.at_least("T", T, 1)
    noise = _checks.nonnegative("noise", noise)
    norm2 = _checks.positive("norm2", norm2)
    T, noise, norm2, error = to_namespace(T, noise, norm2, _least_squares_error(d, chain))
    return ((noise**2 * d / T + error) / norm2)[()]


def equivalent_clean_samples(spectrum: Any, noise: Any, chain: Chain, norm2: Any = 1.0) -> Any:
    r"""How many clean samples infinitely many fake ones are worth, each fitted with its best ridge.

    $$T_{\rm eff}=\frac{\sigma^2}{n\sigma_0^2}(T_0-d-1)+\mathrm{df}_1\bigl(E_{\rm gen}/\|w_0\|^2\bigr)$$

    for a truth without preferred direction.

    Parameters
    ----------
    spectrum : Spectrum or array, shape (K,)
        Covariance eigenvalues.
    noise : float or array
        Standard deviation of the label noise of the clean samples, >= 0.
    chain : Chain
        Least-squares generators, T0 >= d + 2, independent or shared, with n >= 1 and noise0 > 0.
    norm2 : float or array
        $\|w_0\|^2$, > 0.

    Returns
    -------
    float or array

    Raises
    ------
    ValueError
        If an argument is outside its range, or the chain makes no mistake (the answer is infinite).

    Source: `prop-fake-infinite`, chapter *Ridge on fake data*.

    Examples
    --------
    >>> from collapse import spectra
    >>> from collapse.regression import Chain
    >>> chain = Chain(T0=201, n=1, noise0=1.0)
    >>> float(equivalent_clean_samples(spectra.isotropic(100), 1.0, chain))
    150.0
    """
    spectrum = as_spectrum(spectrum)
    noise = _checks.nonnegative("noise", noise)
    norm2 = _checks.positive("norm2", norm2)
    error = _least_squares_error(spectrum.dimension, chain)
    _checks.positive("the generators' error (n noise0^2)", error)
    noise, norm2, error = to_namespace(noise, norm2, error)
    xp = namespace(error)
    ridge = error / norm2 + xp.zeros_like(noise)
    return (noise**2 * spectrum.dimension / error + degrees_of_freedom(spectrum, ridge))[()]
