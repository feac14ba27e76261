"""Simulated means with their standard errors, and how they are compared with theory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import log_ndtr, ndtri

from . import _checks
from ._device import to_numpy

# A single comparison fails beyond three standard errors: it does so by chance once in 370 times.
_SINGLE_LIMIT = 3.0


def expected_max_abs_z(points: int) -> float:
    """Mean of the largest of `points` independent absolute values of standard normal z.

    Parameters
    ----------
    points : int
        Number of comparisons, >= 1.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If `points` is not a whole number >= 1.

    Examples
    --------
    >>> [round(expected_max_abs_z(m), 2) for m in (1, 10, 100)]
    [0.8, 1.88, 2.75]
    """
    points = _checks.count("points", points)
    # E max = integral of 1 - P(|z| <= x)^m, by the trapezoid rule on a range beyond which nothing is left.
    x = np.linspace(0, 12, 4001)
    with np.errstate(divide="ignore"):
        log_inside = np.log1p(-2 * np.exp(log_ndtr(-x)))
    return float(np.trapezoid(-np.expm1(points * log_inside), x))


def limit_abs_z(points: int) -> float:
    """The bound on the largest of `points` absolute z that fails by chance as rarely as one exceeds 3.

    Parameters
    ----------
    points : int
        Number of comparisons, >= 1.

    Returns
    -------
    float
        3 for one point, growing like the square root of twice the logarithm.

    Raises
    ------
    ValueError
        If `points` is not a whole number >= 1.

    Examples
    --------
    >>> [round(limit_abs_z(m), 2) for m in (1, 10, 100)]
    [3.0, 3.64, 4.2]
    """
    points = _checks.count("points", points)
    log_inside = np.log1p(-2 * np.exp(log_ndtr(-_SINGLE_LIMIT))) / points
    return float(-ndtri(-np.expm1(log_inside) / 2))


@dataclass(frozen=True)
class Agreement:
    """How well simulated points agree with theory.

    Parameters
    ----------
    points : int
        Number of compared values.
    max_abs_z : float
        Largest distance in standard errors, after allowing the stated bias.
    expected : float
        Mean of that maximum if the theory is exact.
    limit : float
        Where the check fails.
    bias : float
        Relative finite-size error allowed to an asymptotic formula.

    Examples
    --------
    >>> print(Agreement(4, 1.21, 1.46, 3.37, 0.0))
    4 points, max |z| = 1.2 (expected 1.5, limit 3.4)
    """

    points: int
    max_abs_z: float
    expected: float
    limit: float
    bias: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether the largest absolute z is within the limit."""
        return self.max_abs_z <= self.limit

    def __str__(self) -> str:
        noun = "point" if self.points == 1 else "points"
        allowed = f", {100 * self.bias:.2g} % bias allowed" if self.bias else ""
        return (
            f"{self.points} {noun}, max |z| = {self.max_abs_z:.1f} "
            f"(expected {self.expected:.1f}, limit {self.limit:.1f}{allowed})"
        )


@dataclass(frozen=True, eq=False)
class Estimate:
    """A simulated mean with its standard error.

    Parameters
    ----------
    mean : float or array
        Averages over replicas.
    stderr : float or array
        Standard errors of those averages.
    replicas : int
        Number of independent replicas behind each.
    seed : int
        Start of the random stream.

    Raises
    ------
    ValueError
        If mean and stderr differ in shape, or a standard error is negative.

    Examples
    --------
    >>> e = Estimate.from_samples([1.0, 2.0, 3.0, 2.0], seed=0)
    >>> print(e)
    2.00 ± 0.41
    >>> round(float(e.z(1.0)), 2)
    2.45
    """

    mean: Any
    stderr: Any
    replicas: int
    seed: int

    def __post_init__(self) -> None:
        mean, stderr = _checks.real("mean", self.mean), _checks.nonnegative("stderr", self.stderr)
        if mean.shape != stderr.shape:
            raise ValueError(f"stderr must have the shape of mean, {mean.shape}, got {stderr.shape}")
        object.__setattr__(self, "mean", mean[()])
        object.__setattr__(self, "stderr", stderr[()])

    @classmethod
    def from_samples(cls, samples: Any, seed: int, axis: int = 0) -> Estimate:
        """The mean of independent replicas along `axis`.

        Parameters
        ----------
        samples : array
            One value (or array of values) for each replica.
        seed : int
            Start of the random stream.
        axis : int
            The axis that runs over replicas.

        Returns
        -------
        Estimate

        Raises
        ------
        ValueError
            If there are fewer than two replicas: a standard error needs two.
        """
        samples = to_numpy(_checks.real("samples", samples))
        if samples.ndim == 0 or samples.shape[axis] < 2:
            raise ValueError(f"samples must hold at least 2 replicas, got shape {samples.shape}")
        replicas = samples.shape[axis]
        return cls(samples.mean(axis), samples.std(axis, ddof=1) / np.sqrt(replicas), replicas, seed)

    @classmethod
    def stack(cls, estimates: list[Estimate], shape: tuple[int, ...] | None = None) -> Estimate:
        """Several estimates of one replica number and seed as one with an array of means.

        Parameters
        ----------
        estimates : list of Estimate
            In the order of the flattened grid.
        shape : tuple of int, optional
            Shape of the grid; one-dimensional by default.

        Returns
        -------
        Estimate
        """
        if not estimates:
            raise ValueError("estimates must not be empty, got []")
        first = estimates[0]
        shape = (len(estimates),) if shape is None else shape
        mean = np.reshape([e.mean for e in estimates], shape)
        return cls(mean, np.reshape([e.stderr for e in estimates], shape), first.replicas, first.seed)

    def z(self, theory: Any, bias: float = 0.0) -> Any:
        """Distance from `theory` in standard errors, after a relative error `bias` of theory is forgiven.

        Parameters
        ----------
        theory : float or array
            Predicted values, broadcast against the means.
        bias : float
            Relative finite-size error allowed to an asymptotic formula, >= 0.

        Returns
        -------
        float or array
            Positive where the simulation lies above. Infinite where it differs and the standard error is 0.
        """
        theory = _checks.real("theory", theory)
        bias = _checks.scalar("bias", bias)
        difference = self.mean - theory
        beyond = np.maximum(np.abs(difference) - bias * np.abs(theory), 0)
        # A deterministic quantity agrees if it agrees to rounding.
        exact = (np.asarray(self.stderr) == 0) & (beyond <= 1e-12 * np.abs(theory))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(exact, 0.0, np.sign(difference) * beyond / self.stderr)[()]

    def agreement(self, theory: Any, bias: float = 0.0) -> Agreement:
        """Compare all points with theory.

        Parameters
        ----------
        theory, bias
            As in `z`.

        Returns
        -------
        Agreement
        """
        z = np.abs(np.atleast_1d(self.z(theory, bias)))
        return Agreement(z.size, float(z.max()), expected_max_abs_z(z.size), limit_abs_z(z.size), bias)

    def check(self, theory: Any, label: str, bias: float = 0.0) -> None:
        """Print the agreement with theory in one line, and fail if there is none.

        Parameters
        ----------
        theory, bias
            As in `z`.
        label : str
            What is checked, such as the name of the theorem.

        Raises
        ------
        AssertionError
            If the largest absolute z is beyond the limit.

        Examples
        --------
        >>> Estimate(1.02, 0.01, 100, 0).check(1.0, "A law")
        A law: 1 point, max |z| = 2.0 (expected 0.8, limit 3.0)
        """
        agreement = self.agreement(theory, bias)
        if not agreement.passed:
            raise AssertionError(f"{label}: {agreement}")
        print(f"{label}: {agreement}")

    def __str__(self) -> str:
        if np.ndim(self.mean):
            return f"Estimate of {np.size(self.mean)} values, {self.replicas} replicas"
        digits = 2 if not self.stderr else max(0, 1 - int(np.floor(np.log10(self.stderr))))
        return f"{self.mean:.{digits}f} ± {self.stderr:.{digits}f}"


def check_values(values: Any, theory: Any, label: str, within: float) -> None:
    """Print in one line how far two computations of one thing are apart, and fail if it is too far.

    Parameters
    ----------
    values : float or array
        Computed one way.
    theory : float or array
        Computed the other way, broadcast against `values`.
    label : str
        What is checked, such as the name of the theorem.
    within : float
        Largest relative difference allowed, > 0.

    Raises
    ------
    AssertionError
        If a relative difference exceeds `within`.

    Examples
    --------
    >>> check_values([0.5, 2.001], [0.5, 2.0], "A law", within=1e-2)
    A law: 2 points, largest relative difference 0.0005 (allowed 0.01)
    """
    values, theory = (to_numpy(_checks.real(n, x)) for n, x in (("values", values), ("theory", theory)))
    within = _checks.scalar("within", within)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = np.where(values == theory, 0.0, np.abs(values - theory) / np.abs(theory))
    text = f"largest relative difference {apart.max():.1g} (allowed {within:.2g})"
    _report(label, apart.size, text, apart.max() <= within)


def check_bounds(values: Any, low: Any, high: Any, label: str) -> None:
    """Print in one line that all values lie within their bounds, and fail if one does not.

    Parameters
    ----------
    values, low, high : float or array
        Broadcast against each other; a bound may be infinite.
    label : str
        What is checked, such as the name of the theorem.

    Raises
    ------
    AssertionError
        If a value lies outside.

    Examples
    --------
    >>> check_bounds([0.2, 0.9], 0, 1, "A share")
    A share: 2 points, within the bounds
    """
    values = to_numpy(_checks.real("values", values))
    inside = (np.asarray(low) <= values) & (values <= np.asarray(high))
    text = "within the bounds" if inside.all() else f"{np.sum(~inside)} outside the bounds"
    _report(label, inside.size, text, inside.all())


def _report(label: str, points: int, text: str, passed: bool) -> None:
    line = f"{label}: {points} {'point' if points == 1 else 'points'}, {text}"
    if not passed:
        raise AssertionError(line)
    print(line)
