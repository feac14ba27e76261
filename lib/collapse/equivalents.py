r"""The effective ridge, degrees of freedom, and the spectral sums of every deterministic equivalent.

A ridge fit on T samples in dimension d behaves like a ridge fit on infinitely many samples with a larger
penalty, the *effective ridge* $\kappa$: the largest root of

$$\kappa-\lambda=\frac{\kappa\,\mathrm{df}_1(\kappa)}{T},\qquad
\mathrm{df}_r(\kappa)=\sum_k\Bigl(\frac{s_k}{s_k+\kappa}\Bigr)^r .$$

Everything here broadcasts over `T` and `ridge`, takes NumPy arrays or torch tensors and returns the same
kind, and is differentiable in torch.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from . import _checks
from ._device import detached, namespace, to_namespace
from .spectra import Spectrum, as_spectrum

_MAX_STEPS = 2000
# More problems than this share a table of df1: cells of width 1 in log(kappa), each with a polynomial through
# so many nodes and so many marks that bracket the roots.
_TABLE = 64
_NODES, _MARKS = 13, 8


def _rows(xp: Any, width: int) -> int:
    """How many rows of so many numbers are worked on at once.

    On a CPU 2^15 numbers: they stay in a core's cache, and their memory is reused where larger arrays
    would be mapped afresh each time, which takes longer than the arithmetic.
    """
    return max(1, (1 << (15 if xp is np else 24)) // width)


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

    Source: `thm-ridge-kappa`, chapter *Ridge regression in high dimension*, isotropic case.

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

    Source: `thm-ridge-kappa` and `thm-ridge-one`, chapter *Ridge regression in high dimension*.

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
    left = xp.nonzero(kappa > 0)[0] if xp is np else xp.nonzero(kappa > 0)[:, 0]
    if len(left) > _TABLE:
        kappa[left], solved = _solve_many(xp, s0, m, T0[left], ridge0[left], kappa[left])
        left = left[~solved]
    step = _rows(xp, len(s0))
    for start in range(0, len(left), step):
        part = left[start : start + step]
        kappa[part] = _solve(xp, s0, m, T0[part], ridge0[part], kappa[part])
    kappa = xp.maximum(kappa, ridge0)  # rounding may leave it a digit below
    if xp is not np and any(x.requires_grad for x in (s, T, ridge)):
        kappa = _attach_gradient(xp, s, m, d, T, ridge, kappa)
    return kappa.reshape(shape)[()]


def _solve(xp: Any, s: Any, m: Any, T: Any, ridge: Any, kappa: Any) -> Any:
    """Monotone Newton from the right; points that have converged leave the computation."""
    active = xp.arange(len(kappa)) if xp is np else xp.arange(len(kappa), device=kappa.device)
    for _ in range(_MAX_STEPS):
        if len(active) == 0:
            return kappa
        old = kappa[active]
        new = _newton_map(s, m, T[active], ridge[active], old)
        kappa[active] = xp.minimum(new, old)
        # Rounding stops the descent; the last step of Newton is far below this tolerance.
        active = active[new < old * (1 - 1e-15)]
    raise ArithmeticError(f"the effective ridge did not converge in {_MAX_STEPS} Newton steps")


@cache
def _chebyshev() -> tuple[np.ndarray, ...]:
    """On [-1, 1]: nodes; from values there to Chebyshev coefficients; from these to powers; marks."""
    angles = (np.arange(_NODES) + 0.5) * (np.pi / _NODES)
    coefficients = np.cos(np.outer(angles, np.arange(_NODES))) * (2 / _NODES)
    coefficients[:, 0] /= 2
    powers = np.zeros((_NODES, _NODES))
    for j in range(_NODES):
        powers[j, : j + 1] = np.polynomial.chebyshev.cheb2poly([0] * j + [1])
    marks = np.linspace(-1, 1, _MARKS + 1)[1:]
    return np.cos(angles), coefficients, powers, np.vander(marks, _NODES, increasing=True).T


def _solve_many(xp: Any, s: Any, m: Any, T: Any, ridge: Any, upper: Any) -> tuple[Any, Any]:
    """Newton for many problems that share a spectrum; also says which of them it solved.

    All problems share the one function df1. In log(kappa) it is analytic in a strip of half-width pi, so
    polynomials of degree 12 on cells of width 1 give it to rounding. Newton's method then costs the same for
    any number of eigenvalues. What it does not solve it leaves at a point to the right of the root.
    """
    # kappa >= ridge, and kappa >= s (d/T - 1) for the smallest s, because df1 <= T.
    low = xp.log(xp.maximum(ridge, s.min() * (m.sum() / T - 1)).min())
    cells = int(xp.ceil(xp.log(upper.max()) - low)) + 1
    if cells * _NODES > 8 * len(T):  # too wide a range for a table to pay
        return upper, upper < 0
    nodes, coefficients, powers, at_marks, _ = to_namespace(*_chebyshev(), s)
    count, _ = to_namespace(np.arange(1, cells * _MARKS + 1), s)
    kappa = xp.exp(low + (count[:cells, None] - 0.5) + nodes / 2)
    # Two products: the rounding of a coefficient is then as small as its polynomial.
    df1 = (spectral_sum(Spectrum(s, m), None, kappa, 1, 1) @ coefficients) @ powers
    marks, at_marks = xp.exp(low + count / _MARKS), (df1 @ at_marks).reshape(-1)
    kappa, solved = xp.empty_like(upper), upper < 0
    step = _rows(xp, _NODES)
    for start in range(0, len(T), step):
        part = slice(start, start + step)
        kappa[part], solved[part] = _table_newton(
            xp, low, df1, marks, at_marks, T[part], ridge[part], upper[part]
        )
    return kappa, solved


def _table_newton(
    xp: Any, low: Any, df1: Any, marks: Any, at_marks: Any, T: Any, ridge: Any, upper: Any
) -> tuple[Any, Any]:
    """Four Newton steps on the polynomials, from the first mark to the right of each root."""
    first = xp.zeros_like(T, dtype=int)
    last = first + (len(marks) - 1)
    for _ in range(len(marks).bit_length()):  # h >= 0 to the right of the root and nowhere else: bisect
        middle = (first + last) // 2
        right = (1 - 1e-12) - at_marks[middle] / T >= ridge / marks[middle]
        first, last = xp.where(right, first, middle + 1), xp.where(right, middle, last)
    start = kappa = xp.minimum(upper, marks[last])
    cell = last // _MARKS
    polynomial = df1.T[:, cell]
    for _ in range(4):
        x = 2 * (xp.log(kappa) - (low + 0.5) - cell)
        value, slope = polynomial[-1] * 1, xp.zeros_like(x)
        for j in range(_NODES - 2, -1, -1):
            slope *= x
            slope += value
            value *= x
            value += polynomial[j]
        slope *= 2 / T  # (df2 - df1) / T, by the chain rule
        gap = 1 - value / T - slope
        new = (ridge - kappa * slope) / xp.where(gap > 0, gap, xp.ones_like(gap))
        change, kappa = xp.abs(new / kappa - 1), xp.maximum(new, marks[0] / 2)
    # Newton squares the relative error, times at most df1/(T - df2). A small gap has lost digits.
    solved = (gap > 1e-2) & (change**2 * value <= 1e-15 * gap * T)
    return xp.where(solved, kappa, start), solved


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

    Source: `thm-ridge-two`, chapter *Ridge regression in high dimension*.

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
    step = _rows(xp, len(s))
    parts = [_spectral_part(s, a, kappa[i : i + step], p, q) for i in range(0, len(kappa), step)]
    return (parts[0] if len(parts) == 1 else xp.concatenate(parts)).reshape(shape)[()]


def _spectral_part(s: Any, a: Any, kappa: Any, p: int, q: int) -> Any:
    total = s + kappa[:, None]
    common = min(p, q)
    terms = s / total if common else total / total
    if common > 1:
        terms **= common
    if p > q:
        terms = terms * s ** (p - q)
    for _ in range(q - common):  # one factor at a time: total^q may overflow where the quotient does not
        terms = terms / total
    return terms @ a


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

    Source: `thm-ridge-two` and `thm-ridge-error`, chapter *Ridge regression in high dimension*: their
    denominators.

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
