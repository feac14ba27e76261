r"""Regression collapse: a chain of fits, each labelled by the one before, and a final fit on its labels.

Generation 0 is the truth $w_0$. Generation $g=1,\dots,n$ is a least-squares, minimum-norm or ridge fit to
$T_0$ samples labelled by generation $g-1$ with noise $\sigma_0$; the final model is a ridge fit to $T$
samples labelled by generation $n$ with noise $\sigma$. The test error is always against $w_0$. A `Chain`
holds what
the generators share; each quantity has a theory function and a simulator.

Source: the chapters of Part II; *Model Collapse Demystified: The Case of Regression*.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .. import _checks, sampling
from .._device import Stream, namespace, resolve, stack, to_namespace, to_numpy
from .._search import minimise_over_penalty
from ..equivalents import _fixed_point
from ..estimates import Estimate
from ..spectra import as_spectrum, chebyshev_nodes, check_signal

DESIGNS = ("independent", "shared", "dependent")


@dataclass(frozen=True, eq=False)
class Chain:
    """What the generators of a chain have in common.

    Parameters
    ----------
    T0 : int or array
        Samples in each generation, >= 1.
    n : int or array
        Number of generations before the final fit, >= 0; 0 is clean data.
    noise0 : float or array
        Standard deviation of the generators' label noise, >= 0.
    ridge0 : float or array
        Penalty of the generators, >= 0; 0 is least squares (T0 >= d) or minimum norm (T0 < d).
    design : {"independent", "shared", "dependent"}
        Fresh inputs in every generation; or one set of inputs for all generators and fresh ones for the
        final fit; or one set of inputs for everything. Label noise is fresh in any case.

    Raises
    ------
    ValueError
        If an argument is outside its range, or `ridge0` > 0 with inputs that are not independent.

    Examples
    --------
    >>> Chain(T0=600, n=5, noise0=0.3).design
    'independent'
    """

    T0: Any
    n: Any
    noise0: Any
    ridge0: Any = 0.0
    design: str = "independent"

    def __post_init__(self) -> None:
        object.__setattr__(self, "T0", _checks.counts("T0", self.T0))
        object.__setattr__(self, "n", _checks.counts("n", self.n, low=0))
        object.__setattr__(self, "noise0", _checks.nonnegative("noise0", self.noise0))
        object.__setattr__(self, "ridge0", _checks.nonnegative("ridge0", self.ridge0))
        _checks.choice("design", self.design, DESIGNS)
        _checks.grid(T0=self.T0, n=self.n, noise0=self.noise0, ridge0=self.ridge0)
        if self.design != "independent" and bool((self.ridge0 > 0).any()):
            raise ValueError(f"ridge0 must be 0 with a {self.design} design, got {self.ridge0}")


@dataclass(frozen=True, eq=False)
class CollapseParts:
    """A test error as the sum of what clean data would have given and what the chain adds.

    Parameters
    ----------
    bias, variance : float or array
        The two parts of the error on clean data of the same size.
    collapse : float or array
        What the chain adds.

    Examples
    --------
    >>> CollapseParts(bias=0.25, variance=0.5, collapse=1.0).value
    1.75
    """

    bias: Any
    variance: Any
    collapse: Any

    @property
    def value(self) -> Any:
        """The test error, bias + variance + collapse."""
        return self.bias + self.variance + self.collapse


class _Fit:
    """One ridge fit through its equivalents: the maps of quadratic forms and of noise, for each (T, ridge).

    With D = s/(s+kappa) and b = s/(s+kappa)^2, and for a diagonal form q,
    E[A'QA] ~ D^2 q + kappa^2 v(q) b and E tr[B'QB] ~ v(q) = <b, q>/(T - df2). At kappa = 0 the exact
    factor 1/(T - d - 1) replaces 1/(T - d). `kick` is what v has in front of <b, q> where it is noise that
    enters: for a minimum-norm fit (d - T)/(d - T - 1) times as much, which is exact for a flat spectrum
    and close for others.
    """

    def __init__(self, s: Any, m: Any, d: int, T: Any, ridge: Any, kappa: Any = None) -> None:
        xp = namespace(s)
        kappa = _fixed_point(s, m, T, ridge) if kappa is None else kappa
        self.m, self.kappa = m, kappa[:, None]
        self.D = s / (s + self.kappa)
        self.b = _filter(s, kappa)
        self.gap, self.close = _gap(d, T, ridge, kappa, self.b @ m)
        short = (ridge == 0) & (T < d - 1)
        self.kick = xp.where(short, (d - T) / xp.where(short, d - T - 1, 1 + 0 * T), 1 + 0 * T) / self.gap


def _filter(s: Any, kappa: Any) -> Any:
    """b = s/(s+kappa)^2 for each kappa."""
    inverse = 1 / (s + kappa[:, None])
    return s * inverse * inverse


def _gap(d: int, T: Any, ridge: Any, kappa: Any, sum_b: Any) -> tuple[Any, bool]:
    """T - df2 as in `residual_degrees_of_freedom`, from the sum of b; and whether that is small somewhere."""
    xp = namespace(kappa)
    forgets = kappa > 0
    gap = T * (ridge / xp.where(forgets, kappa, 1 + 0 * kappa)) + kappa * sum_b
    return xp.where(forgets, gap, T - d - 1), bool((forgets & (gap < 0.01 * T)).any())


class _Chains(NamedTuple):
    """What chains hand on to whoever reads them, per direction: one row for each that differs.

    Generation n has the mean (1 - lost) c and the second moment mean^2 + leaked + x made, where x is the
    variance of the generators' noise, here `noise2` (n times that for least squares). `lost` and `leaked` are
    None where nothing is, and `made` where `leaked` holds that too.
    """

    lost: Any
    leaked: Any
    made: Any
    row: np.ndarray  # which row each point of the grid reads
    noise2: Any  # for each point of the grid
    close: bool  # whether a generator is close to interpolation


def _prepare(spectrum: Any, signal: Any, chain: Chain, **final: Any) -> tuple[Any, ...]:
    """Arrays of one namespace: s, m, squared coefficients, every parameter; and the shape of the grid."""
    if not isinstance(chain, Chain):
        raise ValueError(f"chain must be a Chain, got {chain!r}")
    spectrum = as_spectrum(spectrum)
    signal = check_signal(spectrum, signal)
    parameters = {"T0": chain.T0, "n": chain.n, "noise0": chain.noise0, "ridge0": chain.ridge0, **final}
    shape = _checks.grid(**parameters)
    s, m, signal, *values = to_namespace(
        spectrum.eigenvalues, spectrum.multiplicities, signal, *parameters.values()
    )
    return spectrum.dimension, s, m, signal, shape, dict(zip(parameters, values, strict=True))


def _own(shape: tuple[int, ...], *arrays: Any) -> tuple[Any, ...]:
    """Where each point of the grid finds its values, and the arrays over their own, smaller grid, flat."""
    xp = namespace(*arrays)
    own = np.broadcast_shapes(*(tuple(x.shape) for x in arrays))
    at = np.broadcast_to(np.arange(math.prod(own)).reshape(own), shape).flatten()
    return at, *((x if tuple(x.shape) == own else xp.broadcast_to(x, own)).reshape(-1) for x in arrays)


def _refuse(name: str, d: int, T: Any, ridge: Any, why: str) -> None:
    infinite = (ridge == 0) & (abs(T - d) <= 1)
    if bool(infinite.any()):
        raise ValueError(
            f"{name} must not be within 1 of d = {d} {why} (the mean test error is infinite), "
            f"got {_checks._shown(T, infinite)}"
        )


def _generators(d: int, p: dict[str, Any], shape: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """Which generator each point of the grid has; size and penalty of each."""
    _refuse("T0", d, p["T0"], p["ridge0"] + (p["noise0"] == 0) + (p["n"] == 0), "at ridge0 = 0")
    u, T0, ridge0 = _own(shape, p["T0"], p["ridge0"])
    # What is left at the wall has no noise: any size will do that keeps it finite.
    wall = (ridge0 == 0) & (abs(T0 - d) <= 1) & (T0 >= d)
    return u, namespace(T0).where(wall, T0 * 0 + d + 2, T0), ridge0


def _distinct(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `np.unique` with the inverse, for whole numbers >= 0 that are not much larger than they are many."""
    seen = np.zeros(codes.max() + 1, dtype=bool)
    seen[codes] = True
    return np.flatnonzero(seen), (np.cumsum(seen) - 1)[codes]


def _run(
    fit: _Fit, u: Any, s: Any, m: Any, signal: Any, p: dict[str, Any], shape: tuple[int, ...], design: str
) -> _Chains:
    """Follow the second moments of the generators `fit`, once for each distinct one.

    The maps of `_Fit` are symmetric, so carrying the moments forward gives what carrying a final form back
    would, and serves every final fit. All terms are positive: nothing cancels.
    """
    xp = namespace(s)
    n = xp.broadcast_to(p["n"], shape).reshape(-1)
    noise2 = xp.broadcast_to(p["noise0"] ** 2, shape).reshape(-1)
    keep = m * fit.b
    if bool((fit.kappa == 0).all()):  # least squares: nothing is lost or leaks, and the n noises add up
        return _Chains(None, None, fit.kick[:, None] * keep, u, n * noise2, fit.close)
    if design != "independent":  # on one set of inputs the noises add up too
        noise2 = n * noise2
        n = n.clip(max=1)
    n, generators = to_numpy(n).astype(int), len(fit.gap)
    distinct, row = _distinct(n * generators + u)
    n, u = np.divmod(distinct, generators)
    leak, kick, shrink = fit.kappa[:, 0] ** 2 / fit.gap, fit.kick, fit.D**2
    none = 0 * leak
    moments = stack([signal + 0 * keep, 0 * keep, 0 * keep])  # mean squared, leaked, made
    rows = []
    for generation in range(n[-1] + 1):
        if generation:
            mean2, leaked, made = (fit.b * moments).sum(-1)
            enters = stack([none, leak * (mean2 + leaked), kick + leak * made])
            moments = shrink * moments + enters[:, :, None] * keep
        of = u[n == generation]
        if len(of):
            rows.append(moments[1:, of])
    leaked, made = xp.concatenate(rows, 1)
    if design == "independent" and math.prod(p["noise0"].shape) == 1:  # one noise: the two belong together
        leaked, made = leaked + noise2[0] * made, None
    n = to_namespace(n, s)[0]
    lost = -xp.expm1(-n[:, None] * xp.log1p(fit.kappa / s)[u])
    return _Chains(lost, leaked, made, row, noise2, fit.close)


def _read(
    s: Any, kappa: Any, clean: Any, fake: list[Any], at: np.ndarray, row: np.ndarray
) -> tuple[Any, Any]:
    """Sums over directions of b = s/(s+kappa)^2 times rows of weights.

    `clean`, shape (r, K), meets every kappa: shape (r, kappas). Each of `fake`, shape (rows, K), meets
    kappa[at] in its rows `row`: shape (len(fake), points).
    """
    xp = namespace(s)
    fake = stack(fake) if fake else clean[:0, None]
    # So many directions at once that a processor's cache, or a GPU's memory, holds them.
    step = max(1, (1 << (13 if xp is np else 24)) // len(s))
    if len(kappa) * fake.shape[1] <= 32 * len(at):  # faster to take all products, even those not asked for
        rows = xp.concatenate([clean, fake.reshape(-1, len(s))])
        sums = [rows @ _filter(s, kappa[i : i + step]).T for i in range(0, len(kappa), step)]
        sums = xp.concatenate(sums, -1)
        return sums[: len(clean)], sums[len(clean) :].reshape(*fake.shape[:2], len(kappa))[:, row, at]
    sums = [clean @ _filter(s, kappa[i : i + step]).T for i in range(0, len(kappa), step)]
    pairs = [
        xp.einsum("pk,qpk->qp", _filter(s, kappa[at[i : i + step]]), fake[:, row[i : i + step]])
        for i in range(0, len(at), step)
    ]
    return xp.concatenate(sums, -1), xp.concatenate(pairs, -1)


def _shorten(
    fits: int, s: Any, m: Any, signal: Any, chain: Chain, compute: Callable[..., tuple[Any, bool]]
) -> Any:
    """compute(s, m, signal), for many fits on fewer eigenvalues that give the same sums.

    `compute` also says whether a fit is so close to interpolation that kappa feels the last digits of the
    sums: all eigenvalues are used then.
    """
    if namespace(s) is np and fits > 16:
        # As a function of log s, D^n is a step: analytic for any n, but large beyond |Im log s| = pi/2.
        step = bool((chain.ridge0 > 0).any() or (chain.T0 < m.sum()).any())
        found = chebyshev_nodes(s, stack([m, signal]), strip=np.pi / 2 if step else np.pi)
        if found and 2 * len(found[0]) <= len(s):
            result, close = compute(found[0], *found[1])
            if not close:
                return result
    return compute(s, m, signal)[0]


def test_error(spectrum: Any, signal: Any, T: Any, ridge: Any, noise: Any, chain: Chain) -> CollapseParts:
    r"""Test error of a ridge fit on labels from generation n of a chain.

    With least-squares generators ($T_0\ge d+2$) the collapse term is $n\sigma_0^2\rho$ with $\rho$ the
    `collapse_coefficient`; in general it comes from composing the equivalents of one fit n + 1 times, in
    O(n K). Exact when both fits are least squares. The noise of minimum-norm generators carries a factor
    $(d-T_0)/(d-T_0-1)$: exact for a flat spectrum, and at finite size closer than the equivalent for others.

    Parameters
    ----------
    spectrum : Spectrum or array, shape (K,)
        Covariance eigenvalues.
    signal : array, shape (K,)
        Squared coefficients of the truth, summed over equal eigenvalues.
    T : float or array
        Samples of the final fit, >= 1.
    ridge : float or array
        Penalty of the final fit, >= 0.
    noise : float or array
        Standard deviation of the final label noise, >= 0.
    chain : Chain
        The generators. With design "dependent", T0 must equal T and the generators be unpenalised.

    Returns
    -------
    CollapseParts
        `.bias`, `.variance`, `.collapse` and their sum `.value`, broadcast over all parameters.

    Raises
    ------
    ValueError
        If an argument is outside its range, or a mean is infinite: an unpenalised fit under noise with a
        number of samples within 1 of d.

    Source: `thm-chain-linear`, `thm-fake-error`, `thm-fake-dependent`, `prop-fake-lower`, `prop-free-final`
    and `thm-free-general`, Part II; *Model Collapse Demystified*, test error on fake data.

    Examples
    --------
    >>> from collapse import spectra
    >>> flat = spectra.isotropic(20)
    >>> error = test_error(flat, [1.0], 41, 0.0, 1.0, Chain(T0=61, n=[0, 2], noise0=1.0))
    >>> error.value.round(4)
    array([1., 2.])
    """
    T = _checks.at_least("T", T, 1)
    ridge = _checks.nonnegative("ridge", ridge)
    noise = _checks.nonnegative("noise", noise)
    d, s, m, signal, shape, p = _prepare(spectrum, signal, chain, T=T, ridge=ridge, noise=noise)
    _refuse("T", d, p["T"], p["ridge"], "at ridge = 0")
    dependent = chain.design == "dependent"
    if dependent and bool((p["T0"] != p["T"]).any()):
        raise ValueError(f"T0 must equal T with a dependent design, got {chain.T0} and {T}")
    xp = namespace(s)
    at, T_, ridge_ = _own(shape, p["T"], p["ridge"])
    u, T0, ridge0 = (at, T_[:0], ridge_[:0]) if dependent else _generators(d, p, shape)

    def parts(s: Any, m: Any, signal: Any) -> tuple[tuple[Any, ...], bool]:
        kappas = _fixed_point(s, m, xp.concatenate([T_, T0]), xp.concatenate([ridge_, ridge0]))
        kappa, kappa0 = kappas[: len(T_)], kappas[len(T_) :]
        clean, fake, row, close = stack([m, m * s, signal]), [], 0 * at, False
        if not dependent:
            # The final form is s D^2 + leak b, and 1 - D = kappa b: all parts are sums of b times something.
            generators = _Fit(s, m, d, T0, ridge0, kappa0)
            chains = _run(generators, u, s, m, signal, p, shape, chain.design)
            lost, leaked, made, row, noise2, close = chains
            if lost is not None:
                off = signal * lost
                fake += [s**2 * (off * lost + leaked), 2 * s * off, leaked - off * (2 - lost)]
            if made is not None:
                fake += [s**2 * made, made]
        (sum_b, df2, unlearned), fake = _read(s, kappa, clean, fake, at, row)
        gap, near = _gap(d, T_, ridge_, kappa, sum_b)
        v = df2 / gap
        # s - 2 s D + T(s) without subtraction: kappa^2 s/(s+kappa)^2 / (1 - df2/T)
        bias = (kappa**2 * unlearned * (1 + v))[at]
        leak, kappa, v = (kappa**2 * v)[at], kappa[at], v[at]
        if dependent:
            collapse = v * xp.broadcast_to(p["n"] * p["noise0"] ** 2, shape).reshape(-1)
        else:
            factors = [] if lost is None else [1, kappa, leak]
            factors += [] if made is None else [noise2, noise2 * leak]
            collapse = sum(factor * x for factor, x in zip(factors, fake, strict=True))
        return (bias, v, collapse), near or close

    bias, v, collapse = (x.reshape(shape) for x in _shorten(len(T_), s, m, signal, chain, parts))
    return CollapseParts(bias[()], (p["noise"] ** 2 * v)[()], collapse[()])


test_error.__test__ = False  # named by the field, not a test of pytest's


def generator_error(spectrum: Any, signal: Any, chain: Chain) -> Any:
    r"""Test error of generation n itself, $\mathbb E\|\hat w_n-w_0\|_\Sigma^2$.

    $n\sigma_0^2d/(T_0-d-1)$ exactly for least squares; otherwise by the equivalents of one fit, composed,
    with the noise of minimum-norm generators times $(d-T_0)/(d-T_0-1)$ as in `test_error`.

    Parameters
    ----------
    spectrum, signal, chain
        As in `test_error`; "shared" and "dependent" mean the same here.

    Returns
    -------
    float or array
        Broadcast over the fields of `chain`.

    Raises
    ------
    ValueError
        As in `test_error`.

    Source: `thm-chain-linear`, `thm-free-isotropic`, `thm-free-shared`, `thm-free-general` and
    `cor-free-power`, Part II.

    Examples
    --------
    >>> from collapse import spectra
    >>> float(generator_error(spectra.isotropic(20), [1.0], Chain(T0=41, n=3, noise0=1.0)))
    3.0
    >>> float(generator_error(spectra.isotropic(20), [1.0], Chain(T0=10, n=2, noise0=0.0)))
    0.75
    """
    d, s, m, signal, shape, p = _prepare(spectrum, signal, chain)
    design = "independent" if chain.design == "independent" else "shared"
    u, T0, ridge0 = _generators(d, p, shape)

    def errors(s: Any, m: Any, signal: Any) -> tuple[Any, bool]:
        chains = _run(_Fit(s, m, d, T0, ridge0), u, s, m, signal, p, shape, design)
        lost, leaked, made, row, noise2, close = chains
        error = 0 if lost is None else ((signal * lost**2 + leaked) @ s)[row]
        return (error if made is None else error + noise2 * (made @ s)[row]), close

    return _shorten(len(T0), s, m, signal, chain, errors).reshape(shape)[()]


def collapse_coefficient(spectrum: Any, T: Any, ridge: Any, T0: Any) -> Any:
    r"""The collapse per generation and unit of noise, $\rho$, for least-squares generators.

    $$\rho=\frac{1}{T_0-d-1}\cdot\frac{\mathrm{df}_2\,(T+d-2\,\mathrm{df}_1)}{T-\mathrm{df}_2}.$$

    Parameters
    ----------
    spectrum, T, ridge
        As in `test_error`.
    T0 : int or array
        Samples of each generator, >= d + 2.

    Returns
    -------
    float or array
        Broadcast over the parameters; the collapse term is n noise0^2 times it.

    Raises
    ------
    ValueError
        If T0 < d + 2 or an argument is outside its range.

    Source: `thm-fake-error`, `cor-fake-limits`, `prop-fake-lower` and `prop-heavy-saturation`, Part II.

    Examples
    --------
    >>> float(collapse_coefficient([1.0] * 10, T=1000, ridge=0.0, T0=31))
    0.5
    """
    spectrum = as_spectrum(spectrum)
    low = spectrum.dimension + 2
    T0 = _checks.counts("T0", T0, low, why=" (= d + 2: below, the mean is infinite)")
    return test_error(spectrum, np.zeros(len(spectrum)), T, ridge, 0.0, Chain(T0, 1, 1.0)).collapse


def effective_noise(spectrum: Any, T: Any, ridge: Any, noise: Any, chain: Chain) -> Any:
    r"""The label noise on clean data that would do the same harm as the chain.

    $$\sigma_{\rm eff}^2=\sigma^2+n\sigma_0^2\frac{T+d-2\,\mathrm{df}_1(\kappa)}{T_0-d-1},$$

    returned as a standard deviation: `ridge.test_error` with this noise equals `test_error` with the chain.

    Parameters
    ----------
    spectrum, T, ridge, noise, chain
        As in `test_error`, with least-squares generators.

    Returns
    -------
    float or array

    Raises
    ------
    ValueError
        If the generators are penalised or T0 < d + 2, or an argument is outside its range.

    Source: `thm-fake-noise` and `thm-fake-dependent`, chapter *Ridge on fake data*.

    Examples
    --------
    >>> float(effective_noise([1.0] * 10, 89, 0.0, 0.0, Chain(T0=90, n=1, noise0=1.0)).round(4))
    0.9937
    """
    spectrum = as_spectrum(spectrum)
    low = spectrum.dimension + 2
    _checks.at_least("T0", chain.T0, low, why=" (= d + 2) for least-squares generators")
    parts = test_error(spectrum, np.zeros(len(spectrum)), T, ridge, 1.0, chain)
    noise = _checks.nonnegative("noise", noise)
    xp = namespace(parts.variance)
    return xp.sqrt(noise**2 + parts.collapse / parts.variance)[()]


def optimal_ridge(spectrum: Any, signal: Any, T: Any, noise: Any, chain: Chain) -> Any:
    r"""The final penalty with the smallest test error on the chain's labels.

    Parameters
    ----------
    spectrum, signal, T, noise, chain
        As in `test_error`.

    Returns
    -------
    float or array
        Broadcast over all parameters; 0 where the error falls all the way to the unpenalised fit.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the signal is zero (the best penalty is then infinite).

    Source: `thm-fake-optimal` and `thm-heavy-adaptive`, Part II.

    Examples
    --------
    >>> from collapse import spectra
    >>> flat = spectra.isotropic(200)
    >>> chain = Chain(T0=601, n=3, noise0=0.5)
    >>> round(float(optimal_ridge(flat, [1.0], 10**9, 0.0, chain)), 4)
    0.375
    """
    spectrum = as_spectrum(spectrum)
    signal = check_signal(spectrum, signal)
    if not float(signal.sum()):
        raise ValueError("signal must not be zero: without a signal the best ridge is infinite")
    T = _checks.at_least("T", T, 1)
    noise = _checks.nonnegative("noise", noise)
    fields = {
        "T": T,
        "noise": noise,
        "T0": chain.T0,
        "n": chain.n,
        "noise0": chain.noise0,
        "ridge0": chain.ridge0,
    }
    shape = _checks.grid(**fields)
    scale = spectrum.trace / spectrum.dimension
    best = []
    for values in zip(
        *(np.broadcast_to(to_numpy(v), shape).reshape(-1) for v in fields.values()), strict=True
    ):
        T_, noise_, T0, n, noise0, ridge0 = values
        one = Chain(T0, n, noise0, ridge0, chain.design)
        best.append(
            _minimise(
                lambda r, a=(T_, noise_, one): test_error(spectrum, signal, a[0], r, *a[1:]).value, scale
            )
        )
    return np.reshape(best, shape)[()]


def _minimise(error: Any, scale: float) -> float:
    """Penalty of least error, searched over 21 decades around the mean eigenvalue."""
    return minimise_over_penalty(error, np.log(scale) + np.linspace(np.log(1e-12), np.log(1e9), 150))


def error_law_samples(
    d: int, T: int, noise: float, chain: Chain, *, replicas: int, seed: int, device: str = "cpu"
) -> np.ndarray:
    r"""Draws from the exact law of the error when all fits are least squares, for any covariance.

    $$\chi^2_d\Bigl(\frac{\sigma^2}{\chi^2_{T-d+1}}+\sigma_0^2\sum_{g=1}^n\frac1{\chi^2_{T_0-d+1,g}}\Bigr)$$

    with all chi-squares independent; with a shared design one of them serves all generators.

    Parameters
    ----------
    d, T : int
        Dimension and final samples, T >= d.
    noise : float
        Final label noise, >= 0.
    chain : Chain
        Generators with scalar fields, T0 >= d, ridge0 = 0.
    replicas, seed, device
        As in `sampling.ols`.

    Returns
    -------
    array, shape (replicas,)

    Raises
    ------
    ValueError
        If a number of samples is below d or another argument is outside its range.

    Source: `thm-chain-law`, chapter *The chain: linear growth*.

    Examples
    --------
    >>> error_law_samples(10, 40, 0.5, Chain(T0=30, n=3, noise0=0.5), replicas=4, seed=0).shape
    (4,)
    """
    d = _checks.count("d", d)
    T = _checks.count("T", T, low=d, why=" (the dimension)")
    noise = _checks.scalar("noise", noise)
    T0 = _checks.count("T0", chain.T0, low=d, why=" (the dimension)")
    n, noise0 = _checks.count("n", chain.n, low=0), _checks.scalar("noise0", chain.noise0)
    if float(chain.ridge0) != 0 or chain.design == "dependent":
        raise ValueError("chain must have ridge0 = 0 and an independent or shared design for the exact law")
    replicas = _checks.count("replicas", replicas)
    stream = Stream(seed, resolve(device))
    spread = noise**2 / stream.chi_square(T - d + 1, (replicas,))
    if chain.design == "shared":
        spread = spread + n * noise0**2 / stream.chi_square(T0 - d + 1, (replicas,))
    else:
        spread = spread + noise0**2 * (1 / stream.chi_square(T0 - d + 1, (replicas, n))).sum(1)
    return (stream.chi_square(d, (replicas,)) * spread).cpu().numpy()


def simulate_test_error(
    spectrum: Any,
    signal: Any,
    T: Any,
    ridge: Any,
    noise: Any,
    chain: Chain,
    *,
    replicas: int = 1000,
    seed: int = 0,
    direct: bool = False,
    device: str = "cpu",
) -> Estimate:
    """Simulate the test error of a ridge fit on labels from generation n of a chain.

    Each point of the broadcast grid gets its own independent chains. Fits come from the fastest sampler that
    is exact in distribution.

    Parameters
    ----------
    spectrum, signal, T, ridge, noise, chain
        As in `test_error`; multiplicities and T whole numbers.
    replicas : int
        Chains per point, >= 2.
    seed : int
        Seed of the whole simulation.
    direct : bool
        Draw all inputs and labels of every generation and fit them, generation by generation.
    device : {"cpu", "cuda", "auto"}
        Where to simulate.

    Returns
    -------
    Estimate
        Mean and standard error, of the broadcast shape.

    Raises
    ------
    ValueError
        As in `test_error`.

    Source: Part II.

    Examples
    --------
    >>> from collapse import spectra
    >>> chain = Chain(T0=61, n=2, noise0=1.0)
    >>> estimate = simulate_test_error(spectra.isotropic(20), [1.0], 41, 0.0, 1.0, chain, replicas=4000)
    >>> bool(abs(estimate.z(2.0)) < 4)
    True
    """
    theory = test_error(spectrum, signal, T, ridge, noise, chain)  # refuses what has no mean
    final = {"T": _checks.counts("T", T), "ridge": ridge, "noise": noise}
    return _simulate(spectrum, signal, chain, final, np.shape(theory.value), replicas, seed, direct, device)


def simulate_generator_error(
    spectrum: Any,
    signal: Any,
    chain: Chain,
    *,
    replicas: int = 1000,
    seed: int = 0,
    direct: bool = False,
    device: str = "cpu",
) -> Estimate:
    """Simulate the test error of generation n itself.

    Parameters
    ----------
    spectrum, signal, chain
        As in `generator_error`.
    replicas, seed, direct, device
        As in `simulate_test_error`.

    Returns
    -------
    Estimate

    Raises
    ------
    ValueError
        As in `generator_error`.

    Source: Part II.

    Examples
    --------
    >>> from collapse import spectra
    >>> chain = Chain(T0=15, n=3, noise0=0.0)
    >>> estimate = simulate_generator_error(spectra.isotropic(20), [1.0], chain, replicas=4000)
    >>> bool(abs(estimate.z(1 - 0.75**3)) < 4)
    True
    """
    theory = generator_error(spectrum, signal, chain)
    return _simulate(spectrum, signal, chain, {}, np.shape(theory), replicas, seed, direct, device)


def _simulate(
    spectrum: Any,
    signal: Any,
    chain: Chain,
    final: dict[str, Any],
    shape: tuple[int, ...],
    replicas: int,
    seed: int,
    direct: bool,
    device: str,
) -> Estimate:
    spectrum = as_spectrum(spectrum)
    signal = to_numpy(check_signal(spectrum, signal))
    replicas = _checks.count("replicas", replicas, low=2)
    s = spectrum.expanded
    truth = np.repeat(np.sqrt(signal / spectrum.multiplicities), spectrum.multiplicities.astype(int))
    fields = {"T0": chain.T0, "n": chain.n, "noise0": chain.noise0, "ridge0": chain.ridge0, **final}
    columns = [np.broadcast_to(to_numpy(v), shape).reshape(-1) for v in fields.values()]
    seeds = np.random.SeedSequence(_checks.count("seed", seed, low=0)).spawn(len(columns[0]))
    errors = []
    for values, child in zip(zip(*columns, strict=True), seeds, strict=True):
        point = dict(zip(fields, (float(v) for v in values), strict=True))
        run = _direct_chain if direct else _fast_chain
        fits = run(s, truth, point, chain.design, replicas, child, resolve(device))
        errors.append((fits - truth) ** 2 @ s)
    return Estimate.from_samples(np.stack(errors, axis=1).reshape(replicas, *shape), seed)


def _fast_chain(
    s: np.ndarray,
    truth: np.ndarray,
    p: dict[str, float],
    design: str,
    replicas: int,
    seed: np.random.SeedSequence,
    device: str,
) -> np.ndarray:
    """Final estimates (or the last generator's), shape (replicas, d), by samplers exact in distribution."""
    n, T0 = int(p["n"]), int(p["T0"])
    streams = seed.spawn(n + 1)
    options = {"replicas": replicas, "device": device}
    w = np.broadcast_to(truth, (replicas, len(s)))
    if n and (design != "independent" or (p["ridge0"] == 0 and len(s) <= T0)):
        if design == "independent":
            w = sampling.ols_chain(truth, s, T0, p["noise0"], n, seed=streams[0], **options)
        elif design == "shared" or "T" not in p:
            # On one design the n noises add before they meet it.
            w = sampling.ridge(truth, s, T0, 0.0, p["noise0"] * np.sqrt(n), seed=streams[0], **options)
    elif n:
        for stream in streams[:n]:
            w = sampling.ridge(w, s, T0, p["ridge0"], p["noise0"], seed=stream, **options)
    if "T" not in p:
        return w
    noise = p["noise"]
    if design == "dependent":
        noise = np.sqrt(noise**2 + n * p["noise0"] ** 2)
    return sampling.ridge(w, s, int(p["T"]), p["ridge"], noise, seed=streams[n], **options)


def _direct_chain(
    s: np.ndarray,
    truth: np.ndarray,
    p: dict[str, float],
    design: str,
    replicas: int,
    seed: np.random.SeedSequence,
    device: str,
) -> np.ndarray:
    """The same by drawing everything: inputs, labels, and a fit to them, generation after generation."""
    import torch

    stream = Stream(seed, device)
    root = torch.as_tensor(np.sqrt(s), device=device)
    start = torch.as_tensor(truth, dtype=torch.float64, device=device)
    n, T0 = int(p["n"]), int(p["T0"])
    result = []
    for size in _blocks(replicas, max(T0, int(p.get("T", 1))) * len(s)):
        w, X = start.expand(size, len(s)), None
        for _ in range(n):
            if X is None or design == "independent":
                X = stream.normal((size, T0, len(s))) * root
            w = _fit(X, w, p["noise0"], p["ridge0"], stream)
        if "T" in p:
            if X is None or design != "dependent":
                X = stream.normal((size, int(p["T"]), len(s))) * root
            w = _fit(X, w, p["noise"], p["ridge"], stream)
        result.append(w)
    return torch.cat(result).cpu().numpy()


def _blocks(replicas: int, entries: int) -> list[int]:
    size = max(1, (1 << 22) // entries)
    full, rest = divmod(replicas, size)
    return [size] * full + ([rest] if rest else [])


def _fit(X: Any, w: Any, noise: float, ridge: float, stream: Stream) -> Any:
    """Label the inputs with w and noise, and fit: ridge, or least squares of minimum norm."""
    import torch

    y = (X @ w[..., None]) + noise * stream.normal((*X.shape[:-1], 1))
    if ridge == 0:
        return torch.linalg.lstsq(X, y).solution[..., 0]
    T, d = X.shape[-2:]
    gram = X.mT @ X + T * ridge * torch.eye(d, dtype=X.dtype, device=X.device)
    return torch.linalg.solve(gram, X.mT @ y)[..., 0]
