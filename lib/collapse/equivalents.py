r"""The effective ridge, degrees of freedom, and the spectral sums of every deterministic equivalent.

A ridge fit on T samples in dimension d behaves like a ridge fit on infinitely many samples with a larger
penalty, the *effective ridge* $\kappa$: the largest root of

$$\kappa-\lambda=\frac{\kappa\,\mathrm{df}_1(\kappa)}{T},\qquad
\mathrm{df}_r(\kappa)=\sum_k\Bigl(\frac{s_k}{s_k+\kappa}\Bigr)^r .$$

Everything here broadcasts over `T` and `ridge`, takes NumPy arrays or torch tensors and returns the same
kind, and is differentiable in torch.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.polynomial.chebyshev import cheb2poly, chebvander

from . import _checks
from ._device import detached, namespace, stack, to_namespace
from .spectra import Spectrum, as_spectrum, chebyshev

_MAX_STEPS = 2000
# More problems than _TABLE share a table of df1: cells of width 1/_FINE in log(kappa), in each a polynomial
# through _NODES points. Beyond _CELLS of them the table would cost more than it saves; their number is a
# multiple of _ROUND, so that few different tables have to be prepared.
_TABLE, _FINE, _NODES, _CELLS, _ROUND = 8, 5, 8, 320, 4


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
    xp = namespace(s)
    if len({tuple(x.shape) for x in parameters}) > 1:
        parameters = xp.broadcast_arrays(*parameters) if xp is np else xp.broadcast_tensors(*parameters)
    return xp, s, m, *parameters


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
    _, s, m, T, ridge = _prepare(spectrum, T, ridge)
    return _fixed_point(s, m, T.reshape(-1), ridge.reshape(-1)).reshape(T.shape)[()]


def _fixed_point(s: Any, m: Any, T: Any, ridge: Any) -> Any:
    """`effective_ridge` of flat arrays of one namespace that were checked before."""
    xp = namespace(s)
    d = float(m.sum())
    s0, T0, ridge0 = detached(s), detached(T), detached(ridge)
    kappa = xp.zeros_like(T0)
    positive = (ridge0 > 0) | (T0 < d)
    left = xp.nonzero(positive)[0] if xp is np else xp.nonzero(positive)[:, 0]
    if len(left) > _TABLE:
        kappa[left], solved = _solve_many(xp, s0, m, d, T0[left], ridge0[left])
        left = left[~solved]
    step = _rows(xp, len(s0))
    for start in range(0, len(left), step):
        part = left[start : start + step]
        kappa[part] = _solve(xp, s0, m, d, T0[part], ridge0[part])
    kappa = xp.maximum(kappa, ridge0)  # rounding may leave it a digit below
    if xp is not np and any(x.requires_grad for x in (s, T, ridge)):
        kappa = _attach_gradient(xp, s, m, d, T, ridge, kappa)
    return kappa


def _solve(xp: Any, s: Any, m: Any, d: float, T: Any, ridge: Any) -> Any:
    """Monotone Newton from the right; points that have converged leave the computation."""
    kappa = _isotropic(xp, d / T, ridge, xp.ones_like(T) * ((m * s).sum() / d))
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


@lru_cache(_CELLS // _ROUND)
def _resampling(cells: int) -> tuple[np.ndarray, ...]:
    """A function on [0, cells/_FINE], analytic in the strip of half-width pi, between the points that use it.

    Returns the points at which to compute it; the cells' ends; the matrix that takes the values there to the
    values at all cells' own points and, after them, at the ends; the matrices that take values at a cell's
    points to Chebyshev coefficients and these to powers of x, where x runs from -1 to 1 in the cell; and the
    powers of exp(-x/(2 _FINE)).
    """
    half = cells / _FINE / 2
    # Through p points the error falls like (b + sqrt(1 + b^2))^-p with b = pi / half.
    points, coefficients = chebyshev(2 + int(np.ceil(34 / np.arcsinh(np.pi / half))))
    inside, in_cell = chebyshev(_NODES)
    ends = np.arange(cells + 1) / _FINE
    wanted = np.concatenate([((np.arange(cells)[:, None] + 0.5 + inside / 2) / _FINE).ravel(), ends])
    matrix = chebvander(wanted / half - 1, len(points) - 1) @ coefficients
    powers = np.array([np.pad(cheb2poly(row), (0, _NODES))[:_NODES] for row in np.eye(_NODES)])
    decay = np.exp(-inside / (2 * _FINE)) @ in_cell.T @ powers
    return (points + 1) * half, ends, matrix, in_cell.T, powers, decay[:, None]


def _solve_many(xp: Any, s: Any, m: Any, d: float, T: Any, ridge: Any) -> tuple[Any, Any]:
    """The root for many problems that share a spectrum; also says which of them it solved.

    All problems share the one function df1. Its logarithm is analytic in log(kappa) in a strip of half-width
    pi: the quotients s/(s + kappa) all lie in one half-plane, so their sum has no zero. About five points for
    each factor e give it to rounding, however many eigenvalues there are. From them come polynomials on
    narrow cells, and in its cell each problem has one polynomial, df1/T + ridge/kappa, that has to be 1.
    """
    # df1 <= T: kappa is at least the ridge, and s (d/T - 1) for the smallest s. Above, df1 <= trace/kappa.
    share = 1 / T
    low = xp.log(xp.maximum(ridge, s.min() * (d * share - 1)).min())
    used = 2 + int(_FINE * (xp.log((ridge + (s @ m) * share).max()) - low))
    cells = -(-used // _ROUND) * _ROUND
    kappa, solved = xp.empty_like(T), T < 0
    if cells > _CELLS:
        return kappa, solved
    points, ends, matrix, in_cell, powers, decay, _ = to_namespace(*_resampling(cells), s)
    log_df1 = xp.log(_sum(xp, s, m, xp.exp(low + points), 1, 1))
    df1 = xp.exp(matrix @ log_df1)
    split = cells * _NODES
    # Two products: the rounding of a coefficient is then as small as its polynomial.
    polynomials = powers.T @ (in_cell.T @ df1[:split].reshape(cells, _NODES).T)
    inverse = xp.exp(-low - ends[: used + 1])  # 1/kappa
    at_ends = stack([df1[split : split + used + 1], inverse])
    centres = inverse[:-1] * np.exp(-0.5 / _FINE)
    step = _rows(xp, 16)
    for start in range(0, len(T), step):
        part = slice(start, start + step)
        factors = stack([share[part], ridge[part]])
        above = factors.T @ at_ends > 1
        # The first end to the right of the root closes its cell. (Where rounding finds it at the first end,
        # -1 takes the last cell, which does not hold the root, and the problem is left unsolved.)
        cell = (above if xp is np else above.byte()).argmin(1) - 1
        # NumPy takes columns twice as fast by `take`, which torch does not have.
        polynomial = polynomials.take(cell, 1) if xp is np else polynomials[:, cell]
        polynomial *= factors[0]
        polynomial += decay * (factors[1] * centres[cell])
        x, solved[part] = _where_one(xp, polynomial)
        kappa[part] = xp.exp(low + (cell + (0.5 + x / 2)) / _FINE)
    return kappa, solved


def _where_one(xp: Any, c: Any) -> tuple[Any, Any]:
    """Where in [-1, 1] falling polynomials with coefficients c, one a column, are 1; and whether it is sure.

    The inverse series to fourth order, then two steps with a slope that is right to five digits.
    """
    first, *others = c
    flat = c[1] > -1e-2 / (2 * _FINE)  # T - df2 <= T / 100: digits are lost
    inverse = 1 / xp.where(flat, -1, c[1])
    y, c2, c3, c4 = (1 - first) * inverse, c[2] * inverse, c[3] * inverse, c[4] * inverse
    x = y * (1 - y * (c2 - y * (2 * c2 * c2 - c3 + y * (5 * c2 * (c3 - c2 * c2) - c4))))
    inverse /= 1 + x * (2 * c2 + x * (3 * c3 + x * (4 * c4)))
    first = first - 1
    others.reverse()
    for _ in range(2):
        step = others[0] * x
        for coefficient in others[1:]:
            step += coefficient
            step *= x
        step += first
        step *= inverse
        x -= step
    # The slope was right to 1e-5 T/(T - df2), and so much of the second step is still missing.
    return x, (xp.abs(step) < -1e-8 * c[1]) & (xp.abs(x) <= 1 + 1e-6) & ~flat


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
    return _sum(namespace(s), s, a, kappa.reshape(-1), p, q).reshape(kappa.shape)[()]


def _sum(xp: Any, s: Any, a: Any, kappa: Any, p: int, q: int) -> Any:
    step = _rows(xp, len(s))
    parts = [_spectral_part(s, a, kappa[i : i + step], p, q) for i in range(0, len(kappa), step)]
    return parts[0] if len(parts) == 1 else xp.concatenate(parts)


def _spectral_part(s: Any, a: Any, kappa: Any, p: int, q: int) -> Any:
    total = s + kappa[:, None]
    if p == q == 1 and namespace(s) is np:
        return np.divide(s, total, out=total) @ a
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
