r"""Samplers that are exact in distribution, so that no $T\times d$ data matrix is ever formed.

Each draws a fitted parameter with *exactly* the law it would have if Gaussian inputs
$x\sim N(0,\Sigma)$ and labels $y=x^\top w+\sigma\varepsilon$ were drawn and fitted; the cost does not
depend on the number of samples T. All work in the eigenbasis of $\Sigma$: `truth` holds the coefficients of
$w$ there and `spectrum` the d eigenvalues. All are batched over replicas and run on a CPU or a GPU.

Source: appendix of the chapters that use them; Bartlett (1933) for the triangle, Golub and Kahan (1965) for
the bidiagonal form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.linalg import lapack

from . import _checks
from ._device import Stream, resolve
from .spectra import as_spectrum

if TYPE_CHECKING:
    import torch

# Matrix entries held at once: small enough for a processor's cache, large enough to fill a GPU.
_BLOCK = {"cpu": 1 << 19, "cuda": 1 << 28}


class _Problem:
    """Checked arguments that every sampler shares, as tensors on the device."""

    def __init__(self, truth: Any, spectrum: Any, noise: Any, replicas: int, seed: int, device: str) -> None:
        import torch

        spectrum = as_spectrum(spectrum)
        eigenvalues = spectrum.expanded
        truth = _checks.real("truth", truth)
        replicas = _checks.count("replicas", replicas)
        if tuple(truth.shape) not in {(len(eigenvalues),), (replicas, len(eigenvalues))}:
            d = len(eigenvalues)
            raise ValueError(
                f"truth must be of shape ({d},) or ({replicas}, {d}), got shape {tuple(truth.shape)}"
            )
        self.tensors = _checks.is_tensor(truth)
        self.device = resolve(str(truth.device) if self.tensors and device == "cpu" else device)
        self.d = len(eigenvalues)
        self.noise = _checks.scalar("noise", noise)
        self.replicas = replicas
        self.stream = Stream(seed, self.device)
        self.truth = torch.as_tensor(truth, dtype=torch.float64, device=self.device)
        self.root = torch.as_tensor(eigenvalues, dtype=torch.float64, device=self.device).sqrt()

    def blocks(self, entries: int) -> list[int]:
        """Sizes of the blocks of replicas when one replica needs `entries` numbers."""
        size = max(1, _BLOCK[self.device[:4].rstrip(":")] // entries)
        full, rest = divmod(self.replicas, size)
        return [size] * full + ([rest] if rest else [])

    def give(self, result: torch.Tensor) -> Any:
        """The result in the caller's kind of array."""
        return result if self.tensors else result.cpu().numpy()


def _student(p: _Problem, T: int, stream: Stream, replicas: int) -> torch.Tensor:
    """Whitened least-squares noise Z^+ e: a multivariate Student vector, shape (replicas, d)."""
    chi2 = stream.chi_square(T - p.d + 1, (replicas, 1))
    return stream.normal((replicas, p.d)) / chi2.sqrt()


def _upper(stream: Stream, replicas: int, degrees: np.ndarray, d: int) -> torch.Tensor:
    """Upper triangular (or trapezoidal) matrices: chi entries on the diagonal, normals above it."""
    import torch

    rows = len(degrees)
    factor = torch.zeros((replicas, rows, d), dtype=torch.float64, device=stream.device)
    factor.diagonal(dim1=-2, dim2=-1).copy_(stream.chi_square(degrees, (replicas, rows)).sqrt())
    widths = [d - 1 - i for i in range(rows)]
    normals = stream.normal((replicas, sum(widths)))
    # Filling by rows or by matrices, whichever are fewer, takes half the time of scattering by index.
    if replicas < rows and stream.device == "cpu":
        above = np.triu(np.ones((rows, d), dtype=bool), k=1)
        for matrix, values in zip(factor.numpy(), normals.numpy(), strict=True):
            matrix[above] = values
    else:
        for i, row in enumerate(normals.split(widths, dim=1)):
            factor[:, i, i + 1 :] = row
    return factor


def _factor(stream: Stream, replicas: int, T: int, d: int) -> torch.Tensor:
    """Triangular V with V V' distributed as Z'Z for a T x d Gaussian matrix Z, T >= d (Bartlett).

    Z = QR with the columns in reverse order; V is the transpose of R with rows and columns reversed. In
    this order V V' is LAPACK's product of a triangle with its transpose, a third of the usual work.
    """
    return _upper(stream, replicas, T - d + 1 + np.arange(d), d)


def _solve(U: torch.Tensor, pull: torch.Tensor, penalty: float) -> torch.Tensor:
    """Solve (U U' + penalty) w = U pull for a batch of triangular U, which may be overwritten."""
    import torch

    if U.device.type == "cpu" and U.shape[-1] >= 64:  # below, a batched call beats a loop
        rhs = (U @ pull[..., None])[..., 0].numpy()
        return torch.from_numpy(
            np.stack([_lapack(u.T, b, penalty) for u, b in zip(U.numpy(), rhs, strict=True)])
        )
    gram = U @ U.mT
    gram.diagonal(dim1=-2, dim2=-1).add_(penalty)
    return torch.cholesky_solve(U @ pull[..., None], torch.linalg.cholesky(gram))[..., 0]


def _lapack(lower: np.ndarray, rhs: np.ndarray, penalty: float) -> np.ndarray:
    """One such problem with L = U' in LAPACK's order, overwritten: product of triangles, Cholesky solve."""
    gram, _ = lapack.dlauum(lower, lower=1, overwrite_c=1)
    gram.ravel(order="F")[:: len(gram) + 1] += penalty
    return lapack.dposv(gram, rhs, lower=1, overwrite_a=1, overwrite_b=1)[1]


def _solve_wide(U: torch.Tensor, y: torch.Tensor, penalty: float) -> torch.Tensor:
    """U'(U U' + penalty)^-1 y for a batch of designs U, by their smaller side."""
    import torch

    kernel = U @ U.mT
    kernel.diagonal(dim1=-2, dim2=-1).add_(penalty)
    dual = torch.cholesky_solve(y[..., None], torch.linalg.cholesky(kernel))
    return (U.mT @ dual)[..., 0]


def _ridge_batch(p: _Problem, T: int, ridge: float, direct: bool) -> torch.Tensor:
    """Ridge estimates from triangular factors, or from the full data if `direct`."""
    import torch

    truths = p.truth.expand(p.replicas, p.d)[..., None]
    parts, done = [], 0
    for size in p.blocks(p.d * (T if direct else min(T, p.d)) + min(T, p.d) ** 2):
        truth, done = truths[done : done + size], done + size
        if direct:
            X = p.stream.normal((size, T, p.d)) * p.root
            y = (X @ truth)[..., 0] + p.noise * p.stream.normal((size, T))
            if T < p.d:
                fit = _solve_wide(X, y, T * ridge)
            else:
                gram = X.mT @ X
                gram.diagonal(dim1=-2, dim2=-1).add_(T * ridge)
                fit = torch.linalg.solve(gram, (X.mT @ y[..., None])[..., 0])
        elif p.d > T:
            X = _upper(p.stream, size, T - np.arange(T), p.d) * p.root
            y = (X @ truth)[..., 0] + p.noise * p.stream.normal((size, T))
            fit = _solve_wide(X, y, T * ridge)
        else:
            U = _factor(p.stream, size, T, p.d) * p.root[:, None]
            pull = (U.mT @ truth)[..., 0] + p.noise * p.stream.normal((size, p.d))
            fit = _solve(U, pull, T * ridge)
        parts.append(fit)
    return torch.cat(parts)


def ols(
    truth: Any, spectrum: Any, T: int, noise: float, *, replicas: int, seed: int, device: str = "cpu"
) -> Any:
    r"""Least-squares estimates from $T\ge d$ samples, in O(d) each.

    $\hat w=w+\sigma\,\Sigma^{-1/2}g/\sqrt{\chi^2_{T-d+1}}$ in law, with $g$ standard normal: the noise of a
    least-squares fit is a multivariate Student vector.

    Parameters
    ----------
    truth : array, shape (d,) or (replicas, d)
        Coefficients of the labelling parameter in the eigenbasis, one for all replicas or one each. A tensor
        gives a tensor back.
    spectrum : Spectrum or array, shape (d,)
        Covariance eigenvalues.
    T : int
        Number of samples, >= d.
    noise : float
        Standard deviation of the label noise, >= 0.
    replicas : int
        Number of independent estimates.
    seed : int
        Start of the random stream.
    device : {"cpu", "cuda", "auto"}
        Where to compute; numbers are reproducible by seed on one device.

    Returns
    -------
    array, shape (replicas, d)

    Raises
    ------
    ValueError
        If T < d or another argument is outside its range.

    Source: chapter *Ridge regression in high dimension*; polar decomposition of a Gaussian matrix.

    Examples
    --------
    >>> ols([1.0, 0.0], [1.0, 1.0], T=10, noise=0.5, replicas=4, seed=1).shape
    (4, 2)
    """
    p = _Problem(truth, spectrum, noise, replicas, seed, device)
    T = _checks.count("T", T, low=p.d, why=" (the dimension) for a least-squares fit")
    return p.give(p.truth + p.noise * _student(p, T, p.stream, p.replicas) / p.root)


def ols_chain(
    truth: Any,
    spectrum: Any,
    T0: int,
    noise0: float,
    n: int,
    *,
    shared: bool = False,
    path: bool = False,
    replicas: int,
    seed: int,
    device: str = "cpu",
) -> Any:
    r"""Generation n of a chain of least-squares fits, each labelled by the one before, in O(d + n).

    $\hat w_n=w+\sigma_0\bigl(\sum_{l\le n}1/\chi^2_l\bigr)^{1/2}\Sigma^{-1/2}g$ in law, with independent
    $\chi^2_l$ of $T_0-d+1$ degrees of freedom; with a shared design one $\chi^2$ serves every generation.

    Parameters
    ----------
    truth, spectrum, replicas, seed, device
        As in `ols`.
    T0 : int
        Samples in each generation, >= d.
    noise0 : float
        Standard deviation of each generation's label noise, >= 0.
    n : int
        Number of generations, >= 0.
    shared : bool
        Whether all generations use the same inputs (their noise is fresh in either case).
    path : bool
        Whether to return all generations; only for independent inputs, where the steps are independent.

    Returns
    -------
    array, shape (replicas, d), or (replicas, n, d) if `path`

    Raises
    ------
    ValueError
        If T0 < d, or `path` is asked for with a shared design, or an argument is outside its range.

    Source: chapter *A first collapse in forty lines*; *Model Collapse Demystified*, linear growth.

    Examples
    --------
    >>> ols_chain([1.0, 0.0], [1.0, 1.0], T0=10, noise0=0.5, n=3, replicas=4, seed=1).shape
    (4, 2)
    """
    p = _Problem(truth, spectrum, noise0, replicas, seed, device)
    T0 = _checks.count("T0", T0, low=p.d, why=" (the dimension) for a least-squares fit")
    n = _checks.count("n", n, low=1 if path else 0)
    if path:
        if shared:
            raise ValueError("path must be False with shared=True: steps on one design are dependent")
        steps = [_student(p, T0, stream, p.replicas) for stream in p.stream.spawn(n)]
        total = _stack(steps).cumsum(1)
        return p.give(p.truth.view(-1, 1, p.d) + p.noise * total / p.root)
    if shared:
        spread = n / p.stream.chi_square(T0 - p.d + 1, (p.replicas, 1))
    else:
        spread = (1 / p.stream.chi_square(T0 - p.d + 1, (p.replicas, n))).sum(1, keepdim=True)
    g = p.stream.normal((p.replicas, p.d))
    return p.give(p.truth + p.noise * spread.sqrt() * g / p.root)


def _stack(steps: list[torch.Tensor]) -> torch.Tensor:
    import torch

    return torch.stack(steps, dim=1)


def accumulate_chain(
    truth: Any,
    spectrum: Any,
    T: int,
    noise: float,
    n: int,
    *,
    shared: bool = False,
    replicas: int,
    seed: int,
    device: str = "cpu",
) -> Any:
    r"""Fits 1 to n of a chain that keeps all its data: fit i uses the union of i data sets, in O(n d^3).

    Data set i has T samples labelled by fit i - 1. With $S_i=\sum_{j\le i}X_j^\top X_j$ the pooled fit moves
    by $\hat w_i-\hat w_{i-1}=\sigma S_i^{-1}X_i^\top e_i$, and both matrices come from triangular factors.

    Parameters
    ----------
    truth, spectrum, T, noise, replicas, seed, device
        As in `ols`; T >= d.
    n : int
        Number of fits, >= 1; fit 1 is on real data.
    shared : bool
        Whether all data sets use the same inputs.

    Returns
    -------
    array, shape (replicas, n, d)

    Raises
    ------
    ValueError
        If T < d or another argument is outside its range.

    Source: chapter *A first collapse in forty lines*, the accumulating chain.

    Examples
    --------
    >>> accumulate_chain([1.0, 0.0], [1.0, 1.0], T=10, noise=0.5, n=3, replicas=4, seed=1).shape
    (4, 3, 2)
    """
    import torch

    p = _Problem(truth, spectrum, noise, replicas, seed, device)
    T = _checks.count("T", T, low=p.d, why=" (the dimension) for a least-squares fit")
    n = _checks.count("n", n)
    designs = 1 if shared else n
    index = torch.arange(1, n + 1, device=p.device)[:, None]
    blocks = []
    for size in p.blocks(3 * designs * p.d**2):
        V = _factor(p.stream, size * designs, T, p.d).view(size, designs, p.d, p.d)
        pooled = index[..., None] * (V @ V.mT) if shared else (V @ V.mT).cumsum(1)
        pull = V @ p.stream.normal((size, n, p.d, 1))
        steps = torch.cholesky_solve(pull, torch.linalg.cholesky(pooled))[..., 0]
        blocks.append(steps.cumsum(1))
    return p.give(p.truth.view(-1, 1, p.d) + p.noise * torch.cat(blocks) / p.root)


def ridge_bartlett(
    truth: Any,
    spectrum: Any,
    T: int,
    ridge: float,
    noise: float,
    *,
    replicas: int,
    seed: int,
    device: str = "cpu",
) -> Any:
    r"""Ridge estimates from $T\ge d$ samples, in O(d^3) each whatever T.

    In law $X^\top X=UU^\top$ and $X^\top\varepsilon=Ug$, with g standard normal and $U=\Sigma^{1/2}V$.
    Here V is upper triangular with independent entries, $V_{ii}\sim\chi_{T-d+i}$ and normals above.

    Parameters
    ----------
    truth, spectrum, noise, replicas, seed, device
        As in `ols`.
    T : int
        Number of samples, >= d.
    ridge : float
        Penalty on $\|w\|^2$ beside the mean squared error, >= 0.

    Returns
    -------
    array, shape (replicas, d)

    Raises
    ------
    ValueError
        If T < d or another argument is outside its range.

    Source: chapter *Ridge regression in high dimension*; Bartlett (1933).

    Examples
    --------
    >>> ridge_bartlett([1.0, 0.0], [1.0, 1.0], T=10, ridge=0.1, noise=0.5, replicas=4, seed=1).shape
    (4, 2)
    """
    p = _Problem(truth, spectrum, noise, replicas, seed, device)
    T = _checks.count("T", T, low=p.d, why=" (the dimension) for this sampler")
    return p.give(_ridge_batch(p, T, _checks.scalar("ridge", ridge), direct=False))


def ridge_dual(
    truth: Any,
    spectrum: Any,
    T: int,
    ridge: float,
    noise: float,
    *,
    replicas: int,
    seed: int,
    device: str = "cpu",
) -> Any:
    r"""Ridge or minimum-norm estimates from $T<d$ samples, by the $T\times T$ kernel matrix.

    Parameters
    ----------
    truth, spectrum, ridge, noise, replicas, seed, device
        As in `ridge_bartlett`; ridge = 0 gives the minimum-norm interpolator.
    T : int
        Number of samples, from 1 to d - 1.

    Returns
    -------
    array, shape (replicas, d)

    Raises
    ------
    ValueError
        If T >= d or another argument is outside its range.

    Source: chapter *Ridge regression in high dimension*.

    Examples
    --------
    >>> ridge_dual([1.0, 0.0, 0.0], [1.0, 1.0, 1.0], T=2, ridge=0.0, noise=0.5, replicas=4, seed=1).shape
    (4, 3)
    """
    p = _Problem(truth, spectrum, noise, replicas, seed, device)
    T = _checks.count("T", T)
    if T >= p.d:
        raise ValueError(f"T must be < {p.d} (the dimension) for this sampler, got {T}")
    return p.give(_ridge_batch(p, T, _checks.scalar("ridge", ridge), direct=False))


def ridge(
    truth: Any,
    spectrum: Any,
    T: int,
    ridge: float,
    noise: float,
    *,
    direct: bool = False,
    replicas: int,
    seed: int,
    device: str = "cpu",
) -> Any:
    r"""Ridge, least-squares or minimum-norm estimates by the fastest exact sampler for the sizes given.

    Parameters
    ----------
    truth, spectrum, noise, replicas, seed, device
        As in `ols`.
    T : int
        Number of samples, >= 1.
    ridge : float
        Penalty, >= 0; 0 gives least squares (T >= d) or the minimum-norm interpolator (T < d).
    direct : bool
        Draw the full T x d data instead: slower, the same law. For checking.

    Returns
    -------
    array, shape (replicas, d)

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: chapter *Ridge regression in high dimension*.

    Examples
    --------
    >>> ridge([1.0, 0.0], [1.0, 0.5], T=100, ridge=0.1, noise=0.0, replicas=2, seed=1).round(1)
    array([[0.9, 0. ],
           [0.9, 0. ]])
    """
    p = _Problem(truth, spectrum, noise, replicas, seed, device)
    T = _checks.count("T", T)
    penalty = _checks.scalar("ridge", ridge)
    if penalty == 0 and p.d <= T and not direct:
        return p.give(p.truth + p.noise * _student(p, T, p.stream, p.replicas) / p.root)
    return p.give(_ridge_batch(p, T, penalty, direct))


def min_norm_isotropic(
    truth: Any, T: int, noise: float, *, replicas: int, seed: int, device: str = "cpu"
) -> Any:
    r"""Minimum-norm interpolators of $T<d$ isotropic samples, in O(d) each.

    The row space of X is uniformly random: the share of $\|w\|^2$ inside it is Beta(T/2, (d-T)/2), and the
    noise inside it is a multivariate Student vector.

    Parameters
    ----------
    truth, noise, replicas, seed, device
        As in `ols`, with $\Sigma=I$.
    T : int
        Number of samples, from 1 to d - 1.

    Returns
    -------
    array, shape (replicas, d)

    Raises
    ------
    ValueError
        If T >= d, or `truth` is zero, or another argument is outside its range.

    Source: chapter *Ridge regression in high dimension*, minimum-norm interpolation.

    Examples
    --------
    >>> min_norm_isotropic([1.0, 0.0, 0.0], T=2, noise=0.1, replicas=4, seed=1).shape
    (4, 3)
    """
    truth = _checks.vector("truth", truth)
    p = _Problem(truth, np.ones(len(truth)), noise, replicas, seed, device)
    T = _checks.count("T", T)
    if T >= p.d:
        raise ValueError(f"T must be < {p.d} (the dimension) for minimum-norm interpolation, got {T}")
    norm = p.truth.norm()
    if norm == 0:
        raise ValueError("truth must not be zero: this sampler resolves the estimate along it")
    along, orthogonal = _isotropic_fit(norm.expand(p.replicas), p.d, T, 0.0, p.noise, p.stream)
    e = p.truth / norm
    direction = p.stream.normal((p.replicas, p.d))
    direction = direction - (direction @ e)[:, None] * e
    direction = direction / direction.norm(dim=1, keepdim=True)
    return p.give(along[:, None] * e + orthogonal[:, None] * direction)


def _isotropic_fit(
    norm: torch.Tensor, d: int, T: int, ridge: float, noise: float, stream: Stream
) -> tuple[torch.Tensor, torch.Tensor]:
    """Component along the truth and length across it, of a fit to T isotropic samples; one per replica."""
    replicas = norm.shape
    if ridge > 0:
        return _bidiagonal_fit(norm, d, T, ridge, noise, stream)
    if T >= d:
        scale = noise / stream.chi_square(T - d + 1, replicas).sqrt()
        return norm + scale * stream.normal(replicas), scale * stream.chi_square(d - 1, replicas).sqrt()
    share = stream.beta(T / 2, (d - T) / 2, replicas)
    noise2 = noise**2 / stream.chi_square(d - T + 1, replicas)
    inside = share.sqrt() * norm + noise2.sqrt() * stream.normal(replicas)
    across2 = (1 - share) * inside**2 + noise2 * stream.chi_square(T - 1, replicas)
    return share.sqrt() * inside, across2.sqrt()


def _bidiagonal_fit(
    norm: torch.Tensor, d: int, T: int, ridge: float, noise: float, stream: Stream
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same for a ridge fit, by Golub-Kahan bidiagonalisation started at the truth: O(min(T, d)).

    The bidiagonal matrix has independent chi entries, so a replica needs 2 min(T, d) of them and one
    tridiagonal solve. Rows of the arrays run over the matrix, columns over replicas.
    """
    import torch

    p, R = min(T, d), norm.shape[0]
    supers = p - 1 if T >= d else p
    rows = np.arange(p)[:, None]
    a2 = stream.chi_square(T - rows, (p, R))
    b2 = stream.chi_square(d - 1 - rows[:supers], (supers, R))
    a, b = a2.sqrt(), b2.sqrt()
    y = noise * stream.normal((p, R))
    y[0] += a[0] * norm
    if T >= d:  # (B'B + T ridge) c = B'y
        diagonal = a2 + T * ridge
        diagonal[1:] += b2
        off = a[:-1] * b
        right = a * y
        right[1:] += b * y[:-1]
    else:  # c = B'(BB' + T ridge)^-1 y
        diagonal = a2 + b2 + T * ridge
        off = b[:-1] * a[1:]
        right = y
    solution = _tridiagonal(diagonal, off, right)
    if T >= d:
        return solution[0], solution[1:].square().sum(0).sqrt()
    c = torch.zeros((p + 1, R), dtype=torch.float64, device=norm.device)
    c[:-1] = a * solution
    c[1:] += b * solution
    return c[0], c[1:].square().sum(0).sqrt()


def _tridiagonal(diagonal: torch.Tensor, off: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Solve symmetric positive definite tridiagonal systems, one a column, in place (Thomas)."""
    p = len(diagonal)
    for i in range(1, p):
        factor = off[i - 1] / diagonal[i - 1]
        diagonal[i].addcmul_(factor, off[i - 1], value=-1)
        right[i].addcmul_(factor, right[i - 1], value=-1)
    right[p - 1] /= diagonal[p - 1]
    for i in range(p - 2, -1, -1):
        right[i].addcmul_(off[i], right[i + 1], value=-1).div_(diagonal[i])
    return right


def ridge_isotropic(
    norm: float, d: int, T: int, ridge: float, noise: float, *, replicas: int, seed: int, device: str = "cpu"
) -> tuple[np.ndarray, np.ndarray]:
    r"""A fit to isotropic samples, reduced to two numbers in O(min(T, d)) steps.

    The estimate is `along` times the unit vector of the truth plus `orthogonal` times a uniformly random
    unit vector orthogonal to it, so $\|\hat w-w\|^2=(\text{along}-\text{norm})^2+\text{orthogonal}^2$.

    Parameters
    ----------
    norm : float
        $\|w\|$ of the labelling parameter, >= 0.
    d, T : int
        Dimension and number of samples, >= 1; any order.
    ridge : float
        Penalty, >= 0; 0 gives least squares or the minimum-norm interpolator.
    noise, replicas, seed, device
        As in `ols`.

    Returns
    -------
    along, orthogonal : arrays, shape (replicas,)

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: chapter *Ridge regression in high dimension*; Golub and Kahan (1965).

    Examples
    --------
    >>> along, orthogonal = ridge_isotropic(1.0, d=30, T=60, ridge=0.1, noise=0.5, replicas=5, seed=1)
    >>> along.shape, bool((orthogonal > 0).all())
    ((5,), True)
    """
    import torch

    norm = _checks.scalar("norm", norm)
    d, T = _checks.count("d", d), _checks.count("T", T)
    ridge, noise = _checks.scalar("ridge", ridge), _checks.scalar("noise", noise)
    replicas = _checks.count("replicas", replicas)
    device = resolve(device)
    start = torch.full((replicas,), norm, dtype=torch.float64, device=device)
    along, orthogonal = _isotropic_fit(start, d, T, ridge, noise, Stream(seed, device))
    return along.cpu().numpy(), orthogonal.cpu().numpy()


def isotropic_chain(
    norm: float,
    d: int,
    T0: int,
    ridge0: float,
    noise0: float,
    n: int,
    *,
    path: bool = False,
    replicas: int,
    seed: int,
    device: str = "cpu",
) -> tuple[np.ndarray, np.ndarray]:
    r"""A chain of isotropic fits with independent inputs, as two numbers per generation.

    The state of a replica is the component $a$ of $\hat w_l$ along the truth and its norm $\nu$; everything
    else is uniformly random, so $\|\hat w_l-w\|^2=\nu^2-2a\|w\|+\|w\|^2$.

    Parameters
    ----------
    norm : float
        $\|w\|$ of the truth, > 0.
    d, T0, ridge0, noise0, replicas, seed, device
        As in `ridge_isotropic`, the same for every generation.
    n : int
        Number of generations, >= 1.
    path : bool
        Whether to return every generation instead of the last.

    Returns
    -------
    along, size : arrays, shape (replicas,), or (replicas, n) if `path`
        $a$ and $\nu$.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Source: chapter *Ridge regression in high dimension*, sampling a chain.

    Examples
    --------
    >>> along, size = isotropic_chain(1.0, 100, 75, 0.0, 0.0, n=3, replicas=2000, seed=1)
    >>> bool(abs((size**2).mean() - 0.75**3) < 0.01)
    True
    """
    import torch

    norm = _checks.scalar("norm", norm, _checks.positive)
    d, T0 = _checks.count("d", d), _checks.count("T0", T0)
    ridge0, noise0 = _checks.scalar("ridge0", ridge0), _checks.scalar("noise0", noise0)
    n, replicas = _checks.count("n", n), _checks.count("replicas", replicas)
    device = resolve(device)
    size = torch.full((replicas,), norm, dtype=torch.float64, device=device)
    along = size.clone()
    states = []
    for stream in Stream(seed, device).spawn(n):
        c, o = _isotropic_fit(size, d, T0, ridge0, noise0, stream)
        cosine = (along / size).clamp(-1, 1)
        # Component along the truth of a uniform unit vector orthogonal to the current estimate.
        tilt = stream.sign((replicas,)) * (stream.beta(0.5, (d - 2) / 2, (replicas,)).sqrt() if d > 1 else 0)
        along = c * cosine + o * tilt * (1 - cosine**2).sqrt()
        size = torch.hypot(c, o)
        states.append((along, size))
    if path:
        along, size = (torch.stack(x, dim=1) for x in zip(*states, strict=True))
    return along.cpu().numpy(), size.cpu().numpy()
