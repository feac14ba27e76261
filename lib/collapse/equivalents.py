r"""The effective ridge, degrees of freedom, and the spectral sums of every deterministic equivalent.

A ridge fit on T samples in dimension d behaves like a ridge fit on infinitely many samples with a larger
penalty, the *effective ridge* $\kappa$: the largest root of

$$\kappa-\lambda=\frac{\kappa\,\mathrm{df}_1(\kappa)}{T},\qquad
\mathrm{df}_r(\kappa)=\sum_k\Bigl(\frac{s_k}{s_k+\kappa}\Bigr)^r .$$

Everything here broadcasts over `T` and `ridge`, takes NumPy arrays or torch tensors and returns the same
kind, and is differentiable in torch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _checks
from ._device import detached, namespace, to_namespace
from .spectra import Spectrum, as_spectrum

# Grid points times distinct eigenvalues worked on at once: 2^18 float64, 2 MB, stay in a processor's cache.
_CHUNK = 1 << 18
_MAX_STEPS = 2000
_TABLE = 64


def _prepare(spectrum: Any, *parameters: Any) -> tuple[Any, ...]:
    """Eigenvalues, multiplicities and broadcast parameters in one namespace."""
    spectrum = as_spectrum(spectrum)
    s, m, *parameters = to_namespace(spectrum.eigenvalues, spectrum.multiplicities, *parameters)
    xp = namespace(s, *parameters)
    return xp, s, m, *(xp.broadcast_arrays(*parameters) if xp is np else xp.broadcast_tensors(*parameters))


def isotropic_effective_ridge(phi: Any, ridge: Any, scale: Any = 1.0) -> Any:
    r"""Effective ridge of a flat spectrum, in closed form.

    $$\kappa=\tfrac12\Bigl[a+\sqrt{a^2+4\lambda s}\Bigr],\qquad a=\lambda+s(\phi-1).$$

    Parameters
    ----------
    phi : float or array
        Aspect ratio d/T, > 0.
    ridge : float or array
        Penalty, >= 0.
    scale : float or array
        The common eigenvalue s, > 0.

    Returns
    -------
    float or array
        Broadcast over the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: chapter *Ridge regression in high dimension*, isotropic case.

    Examples
    --------
    >>> float(isotropic_effective_ridge(2.0, 0.0))
    1.0
    >>> float(isotropic_effective_ridge(0.5, 0.0))
    0.0
    """
    phi = _checks.positive("phi", phi)
    ridge = _checks.nonnegative("ridge", ridge)
    scale = _checks.positive("scale", scale)
    _checks.grid(phi=phi, ridge=ridge, scale=scale)
    phi, ridge, scale = to_namespace(phi, ridge, scale)
    return _isotropic(namespace(phi), phi, ridge, scale)[()]


def _isotropic(xp: Any, phi: Any, ridge: Any, scale: Any) -> Any:
    a = ridge + scale * (phi - 1)
    # hypot and the two square roots keep ridges from 1e-300 to 1e300 from under- and overflowing.
    root = xp.hypot(a, 2 * xp.sqrt(ridge) * xp.sqrt(scale) + 0 * a)
    # For a < 0 the sum a + root cancels: use the product of the two roots, -ridge * scale, instead.
    safe = xp.where(a < 0, root - a, xp.ones_like(a))
    return xp.where(a < 0, 2 * ridge * (scale / safe), (a + root) / 2)


def _newton_map(s: Any, m: Any, T: Any, ridge: Any, kappa: Any) -> Any:
    """One Newton step for h(kappa) = kappa (1 - df1/T) - ridge.

    A direction with s > kappa is nearly learned, one with s <= kappa nearly not. With q the smaller of
    s/(s+kappa) and kappa/(s+kappa), counting the learned directions first leaves only small terms to
    add, and T - df2 keeps its digits even where T equals the number of large eigenvalues.
    """
    xp = namespace(kappa)
    kappa_column = kappa[:, None]
    q = xp.minimum(s, kappa_column) / (s + kappa_column)
    learned = m * (s > kappa_column)
    q_sum, q2_sum = q @ m, (q * q) @ m
    gap = (T - learned.sum(-1)) + 2 * (learned * q).sum(-1) - q2_sum  # T - df2
    return (ridge + kappa * ((q_sum - q2_sum) / T)) / (gap / T)


def effective_ridge(spectrum: Any, T: Any, ridge: Any = 0.0) -> Any:
    r"""Effective ridge $\kappa$: the largest root of $\kappa-\lambda=\kappa\,\mathrm{df}_1(\kappa)/T$.

    The function $h(\kappa)=\kappa(1-\mathrm{df}_1(\kappa)/T)-\lambda$ is convex, so Newton's method
    started to the right of the root decreases monotonically to it. The start is the closed form for a
    flat spectrum of the same trace, an upper bound by Jensen's inequality.

    Parameters
    ----------
    spectrum : Spectrum or array, shape (K,)
        Covariance eigenvalues, > 0.
    T : float or array
        Number of samples, >= 1.
    ridge : float or array
        Penalty on $\|w\|^2$ beside the mean squared error, >= 0.

    Returns
    -------
    float or array
        Broadcast over `T` and `ridge`. Zero exactly when ridge = 0 and T >= d. A tensor if any argument is
        one, with the exact derivatives of the root.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the grid has more than 1e8 points.

    Source: chapter *Ridge regression in high dimension*, existence and uniqueness of the effective ridge.

    Examples
    --------
    >>> float(effective_ridge([1.0, 1.0], T=1, ridge=0.0))
    1.0
    >>> effective_ridge([1.0, 0.5], T=[1, 2, 4], ridge=0.1).round(4)
    array([0.8918, 0.3177, 0.1671])
    """
    T = _checks.at_least("T", T, 1)
    ridge = _checks.nonnegative("ridge", ridge)
    _checks.grid(T=T, ridge=ridge)
    xp, s, m, T, ridge = _prepare(spectrum, T, ridge)
    shape = T.shape
    d = float(m.sum())
    T, ridge = T.reshape(-1), ridge.reshape(-1)
    s0, T0, ridge0 = detached(s), detached(T), detached(ridge)
    kappa = _isotropic(xp, d / T0, ridge0, xp.ones_like(T0) * ((m * s0).sum() / d))
    kappa = xp.where((ridge0 == 0) & (T0 >= d), xp.zeros_like(kappa), kappa)
    step = max(1, _CHUNK // max(len(s), _TABLE))
    for start in range(0, len(T), step):
        part = slice(start, start + step)
        kappa[part] = _solve(xp, s0, m, T0[part], ridge0[part], kappa[part])
    if xp is not np and any(x.requires_grad for x in (s, T, ridge)):
        kappa = _attach_gradient(xp, s, m, d, T, ridge, kappa)
    return kappa.reshape(shape)[()]


def _solve(xp: Any, s: Any, m: Any, T: Any, ridge: Any, kappa: Any) -> Any:
    """Monotone Newton from the right; points that have converged leave the computation."""
    unsolved = kappa > 0
    if len(kappa) > _TABLE:
        kappa, solved = _solve_many(xp, s, m, T, ridge, kappa)
        unsolved = unsolved & ~solved
    active = xp.nonzero(unsolved)[0] if xp is np else xp.nonzero(unsolved)[:, 0]
    for _ in range(_MAX_STEPS):
        if len(active) == 0:
            return kappa
        old = kappa[active]
        new = _newton_map(s, m, T[active], ridge[active], old)
        kappa[active] = xp.minimum(new, old)
        # Rounding stops the descent; the last step of Newton is far below this tolerance.
        active = active[new < old * (1 - 1e-15)]
    raise ArithmeticError(f"the effective ridge did not converge in {_MAX_STEPS} Newton steps")


def _solve_many(xp: Any, s: Any, m: Any, T: Any, ridge: Any, upper: Any) -> tuple[Any, Any]:
    """Newton for many problems that share a spectrum, and which of them it solved.

    All problems share the one function df1, so a table of it brackets every root at once; four plain Newton
    steps from the right end of each bracket then reach rounding. Where T - df2 cancels, or the steps
    have not converged, the point is left to the careful iteration, started at its bracket.
    """
    low = _isotropic(xp, float(m.sum()) / T, ridge, xp.ones_like(T) * s.min())
    low, high = low[low > 0], upper.max()
    if len(low) == 0:
        return upper, upper == 0
    ends = xp.stack([low.min(), high]) * 1.0
    table = xp.exp(xp.linspace(*(float(x) for x in xp.log(ends)), _TABLE))
    table, _ = to_namespace(table, s)
    df1 = (s / (s + table[:, None])) @ m
    right = table - (table * df1) / T[:, None] >= ridge[:, None]  # h >= 0: to the right of the root
    first = xp.argmax(right * 1, 1)
    start = xp.where(right[:, -1], xp.minimum(upper, table[first]), upper)
    kappa, solved = start, upper == 0
    for _ in range(4):
        D = s / (s + kappa[:, None])
        df1 = D @ m
        D *= D
        df2 = D @ m
        gap = T - df2
        new = (ridge * T + kappa * (df1 - df2)) / xp.where(gap > 0, gap, xp.ones_like(gap))
        step, kappa = xp.abs(new - kappa), new
    # Newton squares the relative error, times at most df1/gap.
    accurate = (gap > 1e-3 * T) & (step**2 * df1 <= 1e-15 * kappa**2 * gap)
    solved = solved | accurate
    return xp.where(solved, xp.where(upper == 0, upper, kappa), start), solved


def _attach_gradient(xp: Any, s: Any, m: Any, d: float, T: Any, ridge: Any, kappa: Any) -> Any:
    """One Newton step with gradients attached gives the exact derivatives of the root.

    The derivative of the Newton map with respect to kappa vanishes at the root, so what is left is the
    implicit-function derivative with respect to everything else. Where the value of the step would not
    be defined (ridge = 0 and T = d) the derivative is infinite and the step is left out.
    """
    defined = (kappa > 0) | (T.detach() > d)
    at = xp.where(defined, kappa, xp.ones_like(kappa))
    return xp.where(defined, _newton_map(s, m, T, ridge, at), xp.zeros_like(kappa))


def degrees_of_freedom(spectrum: Any, kappa: Any, order: int = 1) -> Any:
    r"""Degrees of freedom $\mathrm{df}_r(\kappa)=\sum_k\bigl(s_k/(s_k+\kappa)\bigr)^r$.

    Parameters
    ----------
    spectrum : Spectrum or array, shape (K,)
        Covariance eigenvalues.
    kappa : float or array
        Effective ridge, >= 0.
    order : int
        The power r, >= 1.

    Returns
    -------
    float or array
        Between 0 and d, shape of `kappa`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: chapter *Ridge regression in high dimension*, definition of degrees of freedom.

    Examples
    --------
    >>> float(degrees_of_freedom([1.0, 1.0, 1.0], kappa=0.5))
    2.0
    """
    kappa = _checks.nonnegative("kappa", kappa)
    order = _checks.count("order", order)
    return spectral_sum(spectrum, None, kappa, order, order)


def spectral_sum(spectrum: Any, weights: Any, kappa: Any, p: int, q: int) -> Any:
    r"""The sum $\sum_k a_k\,s_k^p/(s_k+\kappa)^q$, to which every deterministic equivalent reduces.

    Parameters
    ----------
    spectrum : Spectrum or array, shape (K,)
        Covariance eigenvalues.
    weights : array, shape (K,), or None
        $a_k$, summed over equal eigenvalues; None counts each direction once.
    kappa : float or array
        Effective ridge, >= 0.
    p, q : int
        Powers, >= 0.

    Returns
    -------
    float or array
        Shape of `kappa`.

    Raises
    ------
    ValueError
        If `weights` does not match the spectrum or an argument is outside its range.

    Source: chapter *Ridge regression in high dimension*, deterministic equivalents.

    Examples
    --------
    >>> float(spectral_sum([2.0, 1.0], [1.0, 3.0], kappa=1.0, p=1, q=2).round(4))
    0.9722
    """
    kappa = _checks.nonnegative("kappa", kappa)
    p, q = _checks.count("p", p, low=0), _checks.count("q", q, low=0)
    spectrum = as_spectrum(spectrum)
    if weights is None:
        weights = spectrum.multiplicities
    else:
        weights = _checks.vector("weights", weights, len(spectrum))
    s, a, kappa = to_namespace(spectrum.eigenvalues, weights, kappa)
    xp = namespace(s)
    shape, kappa = kappa.shape, kappa.reshape(-1)
    step = max(1, _CHUNK // len(s))
    parts = [_spectral_part(s, a, kappa[i : i + step], p, q) for i in range(0, len(kappa), step)]
    return (parts[0] if len(parts) == 1 else xp.concatenate(parts)).reshape(shape)[()]


def _spectral_part(s: Any, a: Any, kappa: Any, p: int, q: int) -> Any:
    total = s + kappa[:, None]
    common = min(p, q)
    terms = a * (s / total) ** common
    if p > q:
        terms = terms * s ** (p - q)
    for _ in range(q - common):  # one factor at a time: total^q may overflow where the quotient does not
        terms = terms / total
    return terms.sum(-1)


def residual_degrees_of_freedom(spectrum: Any, T: Any, ridge: Any, kappa: Any, order: int = 2) -> Any:
    r"""$T-\mathrm{df}_r(\kappa)$ at the fixed point, without cancellation; r is 1 or 2.

    Near interpolation T and $\mathrm{df}_r$ agree in most of their digits. The fixed point itself says
    $T-\mathrm{df}_1=T\lambda/\kappa$, and $\mathrm{df}_1-\mathrm{df}_2=\kappa\sum_ks_k/(s_k+\kappa)^2$ adds
    positive terms.

    Parameters
    ----------
    spectrum : Spectrum or array, shape (K,)
        Covariance eigenvalues.
    T, ridge : float or array
        As in `effective_ridge`.
    kappa : float or array
        `effective_ridge(spectrum, T, ridge)`.
    order : {1, 2}
        The power r.

    Returns
    -------
    float or array
        Broadcast over `T`, `ridge`, `kappa`; >= 0.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: chapter *Ridge regression in high dimension*, the denominators of the test error.

    Examples
    --------
    >>> kappa = effective_ridge([1.0, 1.0], T=4, ridge=0.0)
    >>> float(residual_degrees_of_freedom([1.0, 1.0], 4, 0.0, kappa))
    2.0
    """
    T = _checks.at_least("T", T, 1)
    ridge = _checks.nonnegative("ridge", ridge)
    kappa = _checks.nonnegative("kappa", kappa)
    _checks.choice("order", order, (1, 2))
    _checks.grid(T=T, ridge=ridge, kappa=kappa)
    spectrum = as_spectrum(spectrum)
    d = float(spectrum.multiplicities.sum())
    xp, s, _, T, ridge, kappa = _prepare(spectrum, T, ridge, kappa)
    positive = kappa > 0
    gap = xp.where(positive, T * (ridge / xp.where(positive, kappa, xp.ones_like(kappa))), T - d)
    if order == 2:
        gap = gap + kappa * spectral_sum(Spectrum(s, spectrum.multiplicities), None, kappa, 1, 2)
    return gap[()]
