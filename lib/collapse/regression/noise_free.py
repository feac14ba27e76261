r"""Chains whose generators forget: minimum-norm fits to fewer samples than inputs, and ridge fits.

Where the effective ridge $\kappa_0$ of a generator is positive, each generation shrinks direction $k$ by
$D_k=s_k/(s_k+\kappa_0)$ on average. For flat inputs everything is a closed formula in the number of
generations; in general there are a mode filter, a rate, a limit, and bounds by a single ridge fit with
$n\kappa_0$.

Source: chapter *Collapse without noise*; *Model Collapse Demystified*, over-parametrised case.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import brentq

from .. import _checks, sampling
from .._device import namespace, to_namespace, to_numpy
from ..equivalents import isotropic_effective_ridge
from ..estimates import Estimate
from ..spectra import as_spectrum, check_signal
from .chain import Chain, CollapseParts, _Fit, _minimise, _own, _prepare, _refuse, generator_error


class _FlatFit(NamedTuple):
    """One fit to flat inputs: mean share kept, share of the squared norm kept, and noise let in."""

    lost: Any  # 1 - D
    leak: Any  # a - D^2
    gap: Any  # 1 - a
    noise: Any  # v

    @classmethod
    def of(cls, d: int, T: Any, ridge: Any) -> _FlatFit:
        xp = namespace(T, ridge)
        phi = d / T
        kappa = isotropic_effective_ridge(phi, ridge)
        D, lost = 1 / (1 + kappa), kappa / (1 + kappa)
        wall = (ridge == 0) & (abs(T - d) <= 1)  # the noise has no mean there; callers refuse it
        free = xp.where((kappa == 0) | wall, xp.ones_like(kappa), 1 - phi * D**2)
        noise = phi * D**2 / free
        # Without penalty a = D = T/d below d and 1 above it: exact, but 0 * inf at the wall.
        leak = xp.where(ridge == 0, D * lost, lost**2 * noise)
        gap = xp.where(ridge == 0, lost, lost * (1 + D - lost * noise))
        exact = xp.minimum(T + 0 * kappa, d + 0 * kappa) / xp.where(wall, 1 + 0 * kappa, abs(T - d) - 1)
        return cls(lost, leak, gap, xp.where(ridge == 0, exact, noise))


def _flat_chain(d: int, chain: Chain, p: dict[str, Any]) -> tuple[Any, Any, Any]:
    """1 - D0^n, a0^n - D0^(2n) and the accumulated noise of the generators."""
    n, noise0 = p["n"], p["noise0"]
    _refuse("T0", d, p["T0"], p["ridge0"] + (noise0 == 0) + (n == 0), "at ridge0 = 0")
    fit = _FlatFit.of(d, p["T0"], p["ridge0"])
    xp = namespace(n)
    if chain.design == "shared":  # the first projection is the last one; all noises pass through it
        once = n > 0
        return once * fit.lost, once * fit.leak, n * noise0**2 * fit.noise
    never = n == 0
    with np.errstate(divide="ignore", invalid="ignore"):  # a total loss: log 0, and 0 * log 0 at n = 0
        lost = xp.where(never, 0 * fit.lost, -xp.expm1(n * xp.log1p(-fit.lost)))
        form = xp.where(never, 0 * fit.gap, -xp.expm1(n * xp.log1p(-fit.gap)))
        # a0^n - D0^(2n) = a0^n (1 - (1 - leak/a0)^n)
        leaked = (1 - form) * -xp.expm1(n * xp.log1p(-fit.leak / (1 - fit.gap)))
    leaked = xp.where(form < 1, leaked, 0 * leaked)
    steps = xp.where(fit.gap > 0, form / xp.where(fit.gap > 0, fit.gap, 1 + 0 * fit.gap), n)
    return lost, leaked, noise0**2 * xp.where(never, 0 * steps, fit.noise * steps)


def _flat_prepare(
    d: int, chain: Chain, norm2: Any, designs: tuple[str, ...], **final: Any
) -> tuple[int, dict[str, Any]]:
    d = _checks.count("d", d)
    if not isinstance(chain, Chain):
        raise ValueError(f"chain must be a Chain, got {chain!r}")
    _checks.choice("chain.design", chain.design, designs)
    norm2 = _checks.nonnegative("norm2", norm2)
    fields = {"T0": chain.T0, "n": chain.n, "noise0": chain.noise0, "ridge0": chain.ridge0, "norm2": norm2}
    fields |= final
    shape = _checks.grid(**fields)
    values = to_namespace(*fields.values())
    xp = namespace(*values)
    flat = [xp.broadcast_to(v, shape) for v in values]
    return d, dict(zip(fields, flat, strict=True))


def isotropic_generator_error(d: int, chain: Chain, norm2: Any = 1.0) -> Any:
    r"""Test error of generation n for flat inputs of variance 1, at a cost that does not depend on n.

    $$p\,(1-2D_0^n+a_0^n)+\sigma_0^2v_0\frac{1-a_0^n}{1-a_0},\qquad p=\|w_0\|^2 .$$

    Exact without penalty, on both sides of $T_0=d$: $D_0=a_0=T_0/d$, $v_0=T_0/(d-T_0-1)$ below and
    $D_0=a_0=1$, $v_0=d/(T_0-d-1)$ above. With a penalty the equivalents of one fit, composed. With
    a shared design, exactly, $p\,(1-a_0)+n\sigma_0^2v_0$ for n >= 1.

    Parameters
    ----------
    d : int
        Dimension, >= 1.
    chain : Chain
        Generators with an independent or a shared design.
    norm2 : float or array
        Squared norm of the truth, >= 0.

    Returns
    -------
    float or array
        Broadcast over the fields of `chain` and `norm2`.

    Raises
    ------
    ValueError
        If an argument is outside its range, the design is another, or the mean is infinite.

    Source: `thm-free-isotropic`, `thm-free-shared` and `cor-free-isotropic`, chapter *Collapse without
    noise*; *Model Collapse Demystified*, over-parametrised case.

    Examples
    --------
    >>> float(isotropic_generator_error(4, Chain(T0=2, n=2, noise0=0.0)))
    0.75
    >>> float(isotropic_generator_error(20, Chain(T0=41, n=3, noise0=1.0)))
    3.0
    """
    d, p = _flat_prepare(d, chain, norm2, ("independent", "shared"))
    lost, leaked, noise = _flat_chain(d, chain, p)
    return (p["norm2"] * (lost**2 + leaked) + noise)[()]


def isotropic_test_error(
    d: int, T: Any, ridge: Any, noise: Any, chain: Chain, norm2: Any = 1.0
) -> CollapseParts:
    r"""Test error of the final fit for flat inputs of variance 1, at a cost that does not depend on n.

    $$p\,(1-2DD_0^n+a\,a_0^n)+a\,\sigma_0^2v_0\frac{1-a_0^n}{1-a_0}+\sigma^2v .$$

    Exact where neither fit has a penalty.

    Parameters
    ----------
    d : int
        Dimension, >= 1.
    T : float or array
        Samples of the final fit, >= 1.
    ridge, noise : float or array
        Its penalty and label noise, >= 0.
    chain : Chain
        Generators with an independent or a shared design.
    norm2 : float or array
        Squared norm of the truth, >= 0.

    Returns
    -------
    CollapseParts

    Raises
    ------
    ValueError
        As in `isotropic_generator_error`; also where the final fit has no mean.

    Source: `cor-free-isotropic` and `prop-free-final`, chapter *Collapse without noise*.

    Examples
    --------
    >>> error = isotropic_test_error(20, 41, 0.0, 1.0, Chain(T0=61, n=2, noise0=1.0))
    >>> float(error.variance), float(error.value)
    (1.0, 2.0)
    """
    T = _checks.at_least("T", T, 1)
    final = {
        "T": T,
        "ridge": _checks.nonnegative("ridge", ridge),
        "noise": _checks.nonnegative("noise", noise),
    }
    d, p = _flat_prepare(d, chain, norm2, ("independent", "shared"), **final)
    _refuse("T", d, p["T"], p["ridge"] + (p["noise"] == 0), "at ridge = 0 with noise")
    lost, leaked, through = _flat_chain(d, chain, p)
    fit = _FlatFit.of(d, p["T"], p["ridge"])
    D, keep = 1 - fit.lost, 1 - fit.gap
    bias = p["norm2"] * (fit.lost**2 + fit.leak)
    variance = p["noise"] ** 2 * fit.noise
    signal = D * lost * (2 * fit.lost + D * lost) - fit.leak * lost * (2 - lost) + keep * leaked
    collapse = p["norm2"] * signal + keep * through
    return CollapseParts(bias[()], variance[()], collapse[()])


def simulate_isotropic_generator_error(
    d: int, chain: Chain, *, norm2: float = 1.0, replicas: int = 1000, seed: int = 0, device: str = "cpu"
) -> Estimate:
    """Simulate the errors of generations 1 to n for flat inputs of variance 1.

    Each replica is one chain, followed through all generations by two numbers that determine the error
    exactly in law (`sampling.isotropic_chain`). The n points are therefore dependent.

    Parameters
    ----------
    d : int
        Dimension, >= 1.
    chain : Chain
        Generators with scalar fields and an independent design, n >= 1.
    norm2 : float
        Squared norm of the truth, > 0.
    replicas : int
        Chains, >= 2.
    seed : int
    device : {"cpu", "cuda", "auto"}

    Returns
    -------
    Estimate
        Mean and standard error, shape (n,).

    Raises
    ------
    ValueError
        As in `isotropic_generator_error`.

    Source: `thm-free-isotropic`, chapter *Collapse without noise*.

    Examples
    --------
    >>> estimate = simulate_isotropic_generator_error(40, Chain(T0=30, n=3, noise0=0.0), replicas=4000)
    >>> bool(abs(estimate.z([1 - 0.75, 1 - 0.75**2, 1 - 0.75**3])).max() < 4)
    True
    """
    _checks.choice("chain.design", chain.design, ("independent",))
    isotropic_generator_error(d, chain, norm2)  # refuses what has no mean
    norm = _checks.scalar("norm2", norm2, _checks.positive) ** 0.5
    scalars = {name: _checks.scalar(name, getattr(chain, name)) for name in ("noise0", "ridge0")}
    n, T0 = _checks.count("n", chain.n), _checks.count("T0", chain.T0)
    replicas = _checks.count("replicas", replicas, low=2)
    along, size = sampling.isotropic_chain(
        norm, d, T0, n=n, path=True, replicas=replicas, seed=seed, device=device, **scalars
    )
    return Estimate.from_samples((size**2 - 2 * norm * along) + norm**2, seed)


def mode_filter(spectrum: Any, T0: Any, ridge0: Any, n: Any) -> Any:
    r"""Share of the truth that generation n keeps in each direction, on average.

    $$\mathbb E\,\hat w_{n,k}\simeq D_k^n\,c_k,\qquad D_k=\frac{s_k}{s_k+\kappa_0} .$$

    Parameters
    ----------
    spectrum : Spectrum or array, shape (K,)
        Covariance eigenvalues.
    T0 : int or array
        Samples in each generation, >= 1.
    ridge0 : float or array
        Penalty of the generators, >= 0.
    n : float or array
        Generations, >= 0.

    Returns
    -------
    array, shape (..., K)
        One share for each eigenvalue, over the broadcast shape of the parameters.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-free-modes`, chapter *Collapse without noise*.

    Examples
    --------
    >>> from collapse import spectra
    >>> mode_filter(spectra.isotropic(100), T0=50, ridge0=0.0, n=[0, 1, 2]).ravel().round(6).tolist()
    [1.0, 0.5, 0.25]
    """
    n = _checks.nonnegative("n", n)
    fit, shape, (n,) = _forgetting(spectrum, T0, ridge0, n=n)
    return (fit.D ** n[:, None]).reshape(*shape, -1)


def decay_rate(spectrum: Any, T0: Any, ridge0: Any = 0.0) -> Any:
    r"""Factor by which second moments of a generator fall per generation, in the long run.

    The spectral radius of the map $q\mapsto D^2q+\kappa_0^2\frac{b^\top q}{T_0-\mathrm{df}_2}b$: the root
    above $D_1^2$ of $\frac{\kappa_0^2}{T_0-\mathrm{df}_2}\sum_kb_k^2/(x-D_k^2)=1$. It lies between
    $D_1^2$ and $D_1$.

    Parameters
    ----------
    spectrum, T0, ridge0
        As in `mode_filter`.

    Returns
    -------
    float or array
        Broadcast over the parameters; 1 where the generators forget nothing (least squares).

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: `thm-free-modes`, chapter *Collapse without noise*.

    Examples
    --------
    >>> from collapse import spectra
    >>> round(float(decay_rate(spectra.isotropic(100), T0=75)), 6)
    0.75
    """
    fit, shape, _ = _forgetting(spectrum, T0, ridge0)
    kappa, gap, D2 = to_numpy(fit.kappa)[:, 0], to_numpy(fit.gap), to_numpy(fit.D) ** 2
    weights = to_numpy(fit.m) * to_numpy(fit.b) ** 2
    rates = np.ones(len(kappa))
    for i in np.flatnonzero(kappa > 0):
        leak = kappa[i] ** 2 / gap[i] * weights[i]

        def secular(x: float, leak: np.ndarray = leak, D2: np.ndarray = D2[i]) -> float:
            return float((leak / (x - D2)).sum()) - 1

        low = np.nextafter(D2[i].max(), 2)
        # Where the root is closer to D_1^2 than rounding shows, it is D_1^2.
        rates[i] = brentq(secular, low, 1.0, xtol=1e-15) if secular(low) > 0 else low
    return rates.reshape(shape)[()]


def generator_limit(spectrum: Any, signal: Any, T0: Any, ridge0: Any, noise0: Any) -> Any:
    r"""Test error of the last generation of a chain without end.

    $$\|w_0\|_\Sigma^2+\sigma_0^2\,\frac{\sum_ks_k^2/[\kappa_0(2s_k+\kappa_0)]}
    {T_0-\mathrm{df}_2-\sum_k\kappa_0s_k^2/[(s_k+\kappa_0)^2(2s_k+\kappa_0)]}$$

    For minimum-norm generators the noise term carries the factor $(d-T_0)/(d-T_0-1)$ of `generator_error`.

    Parameters
    ----------
    spectrum : Spectrum or array, shape (K,)
    signal : array, shape (K,)
        Squared coefficients of the truth, summed over equal eigenvalues.
    T0, ridge0, noise0
        As in `Chain`; T0 < d or ridge0 > 0.

    Returns
    -------
    float or array
        Broadcast over the parameters.

    Raises
    ------
    ValueError
        If an argument is outside its range or the generators are least squares (no limit).

    Source: `thm-free-modes`, chapter *Collapse without noise*.

    Examples
    --------
    >>> from collapse import spectra
    >>> flat = spectra.isotropic(10_000)
    >>> round(float(generator_limit(flat, [1.0], T0=5000, ridge0=0.0, noise0=0.5)), 3)
    1.5
    """
    noise0 = _checks.nonnegative("noise0", noise0)
    signal = check_signal(as_spectrum(spectrum), signal)
    fit, shape, (noise0,) = _forgetting(spectrum, T0, ridge0, noise0=noise0)
    if bool((fit.kappa == 0).any()):
        raise ValueError(f"ridge0 must be > 0 where T0 >= d, got ridge0 = {ridge0} with T0 = {T0}")
    s = as_spectrum(spectrum).eigenvalues
    s, signal, noise0, *_ = to_namespace(s, signal, noise0, fit.D)
    total = 2 * s + fit.kappa
    made = (fit.m * s**2 / (fit.kappa * total)).sum(-1)
    kept = fit.gap - (fit.kappa * fit.m * fit.D**2 / total).sum(-1)
    return ((s * signal).sum() + noise0**2 * fit.kick * fit.gap * made / kept).reshape(shape)[()]


class Bounds(NamedTuple):
    """A number between two others."""

    lower: Any
    upper: Any


def budget_bounds(spectrum: Any, signal: Any, chain: Chain) -> Bounds:
    r"""Bounds on the error of generation n by one ridge fit with the effective ridge $n\kappa_0$.

    With $S(\kappa)=\kappa^2\sum_ks_kc_k^2/(s_k+\kappa)^2$, $\nu=T_0-\mathrm{df}_2(\kappa_0)$ and
    $\omega_0=\mathrm{df}_2(\kappa_0)/\nu$,

    $$S(n\kappa_0)+\frac{n\sigma_0^2}\nu\mathrm{df}_2(n\kappa_0)\le E\le
    (1.69+4\omega_0)\,S(n\kappa_0)+\frac{2n\sigma_0^2}\nu\mathrm{df}_1(n\kappa_0) .$$

    For minimum-norm generators the noise terms carry the factor $(d-T_0)/(d-T_0-1)$ of `generator_error`.

    Parameters
    ----------
    spectrum, signal, chain
        As in `regression.generator_error`, with an independent design.

    Returns
    -------
    Bounds
        `.lower` and `.upper`, broadcast over the fields of `chain`.

    Raises
    ------
    ValueError
        If an argument is outside its range or the design is not independent.

    Source: `thm-free-budget`, chapter *Collapse without noise*.

    Examples
    --------
    >>> from collapse import spectra
    >>> bounds = budget_bounds(spectra.isotropic(100), [1.0], Chain(T0=50, n=4, noise0=0.0))
    >>> float(bounds.lower.round(3)), 1 - 0.5**4
    (0.64, 0.9375)
    """
    d, s, m, signal, shape, p = _prepare(spectrum, signal, chain)
    if chain.design != "independent":
        raise ValueError(f"chain must have an independent design for these bounds, got {chain.design!r}")
    _refuse("T0", d, p["T0"], p["ridge0"] + (p["noise0"] == 0) + (p["n"] == 0), "at ridge0 = 0")
    _, T0, ridge0, n, noise0 = _own(shape, p["T0"], p["ridge0"], p["n"], p["noise0"])
    fit = _Fit(s, m, d, T0, ridge0)
    mu = n[:, None] * fit.kappa
    lost = ((mu / (s + mu)) ** 2 * s * signal).sum(-1)
    df1, df2 = ((m * (s / (s + mu)) ** i).sum(-1) for i in (1, 2))
    noise = n * noise0**2 * fit.kick
    lower = lost + noise * df2
    upper = (1.69 + 4 * (fit.D**2 @ m) / fit.gap) * lost + 2 * noise * df1
    return Bounds(lower.reshape(shape)[()], upper.reshape(shape)[()])


def optimal_generator_ridge(spectrum: Any, signal: Any, T0: Any, n: Any, noise0: Any) -> Any:
    r"""The common penalty of all generators with the smallest error of generation n.

    Parameters
    ----------
    spectrum, signal
        As in `regression.generator_error`.
    T0, n, noise0
        As in `Chain`, with n >= 1.

    Returns
    -------
    float or array
        Broadcast over the parameters; 0 where the error falls all the way to no penalty.

    Raises
    ------
    ValueError
        If an argument is outside its range or the signal is zero (the best penalty is then infinite).

    Source: `prop-free-best`, chapter *Collapse without noise*.

    Examples
    --------
    >>> from collapse import spectra
    >>> flat = spectra.isotropic(200)
    >>> best = optimal_generator_ridge(flat, [1.0], T0=1000, n=[1, 20], noise0=0.02)
    >>> (best / (0.02**2 * 200 / 1000)).round(3).tolist()
    [1.0, 0.531]
    """
    spectrum = as_spectrum(spectrum)
    signal = check_signal(spectrum, signal)
    if not float(signal.sum()):
        raise ValueError("signal must not be zero: without a signal the best ridge is infinite")
    fields = {
        "T0": _checks.counts("T0", T0),
        "n": _checks.counts("n", n),
        "noise0": _checks.nonnegative("noise0", noise0),
    }
    shape = _checks.grid(**fields)
    scale = spectrum.trace / spectrum.dimension
    best = []
    for T0, n, noise0 in zip(
        *(np.broadcast_to(to_numpy(v), shape).ravel() for v in fields.values()), strict=True
    ):

        def error(ridge0: np.ndarray, point: tuple = (T0, n, noise0)) -> np.ndarray:
            return generator_error(spectrum, signal, Chain(*point, ridge0))

        # Noiseless least squares makes no error; differences of rounding errors would be minimised.
        perfect = noise0 == 0 and T0 >= spectrum.dimension
        best.append(0.0 if perfect else _minimise(error, scale))
    return np.reshape(best, shape)[()]


def _forgetting(
    spectrum: Any, T0: Any, ridge0: Any, **others: Any
) -> tuple[_Fit, tuple[int, ...], list[Any]]:
    """The equivalents of one generator over the flattened grid of the parameters."""
    spectrum = as_spectrum(spectrum)
    fields = {"T0": _checks.counts("T0", T0), "ridge0": _checks.nonnegative("ridge0", ridge0), **others}
    shape = _checks.grid(**fields)
    s, m, *values = to_namespace(spectrum.eigenvalues, spectrum.multiplicities, *fields.values())
    xp = namespace(s)
    T0, ridge0, *rest = (xp.broadcast_to(v, shape).reshape(-1) for v in values)
    return _Fit(s, m, spectrum.dimension, T0, ridge0), shape, rest
