"""Validation of arguments: every bad input becomes a ValueError that names the argument.

Each function returns the checked value in the form the library computes with: a float64 NumPy array
for anything array-like, the tensor itself (never copied, its gradient kept) for a torch tensor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

MAX_GRID = 10**8


def is_tensor(x: Any) -> bool:
    """Whether `x` is a torch tensor, found out without importing torch."""
    return type(x).__module__.split(".", 1)[0] == "torch" and hasattr(x, "detach")


def _shown(x: Any, bad: Any) -> str:
    """The first offending entry of `x`, as text for a message."""
    values = x.detach().cpu().numpy() if is_tensor(x) else x
    mask = bad.detach().cpu().numpy() if is_tensor(bad) else bad
    values, mask = np.broadcast_arrays(values, mask)
    first = values[mask].reshape(-1)[0]
    return repr(float(first)) if np.isrealobj(first) else repr(first)


def _require(name: str, x: Any, good: Any, allowed: str) -> None:
    if not bool(good.all()):
        raise ValueError(f"{name} must be {allowed}, got {_shown(x, ~good)}")


def real(name: str, x: Any) -> Any:
    """Finite real numbers of any shape."""
    if is_tensor(x):
        if not x.dtype.is_floating_point:
            raise ValueError(f"{name} must be a floating-point tensor, got dtype {x.dtype}")
        _require(name, x, (x - x) == 0, "finite")
        return x
    try:
        array = np.asarray(x)
        if array.dtype.kind == "c":
            raise TypeError
        array = array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} must be a real number or an array of real numbers, got {x!r}") from None
    if array.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {array.shape}")
    _require(name, array, np.isfinite(array), "finite")
    return array


def nonnegative(name: str, x: Any) -> Any:
    """Finite numbers >= 0."""
    return at_least(name, x, 0)


def positive(name: str, x: Any) -> Any:
    """Finite numbers > 0."""
    x = real(name, x)
    _require(name, x, x > 0, "> 0")
    return x


def exponent(name: str, x: Any) -> Any:
    """Finite numbers > 1: exponents of power laws whose sum converges."""
    x = real(name, x)
    _require(name, x, x > 1, "> 1")
    return x


def at_least(name: str, x: Any, low: float, why: str = "") -> Any:
    """Finite numbers >= `low`; `why` is added to the message."""
    x = real(name, x)
    _require(name, x, x >= low, f">= {low:g}{why}")
    return x


def between(name: str, x: Any, low: float, high: float) -> Any:
    """Finite numbers in the closed interval from `low` to `high`."""
    x = real(name, x)
    _require(name, x, (x >= low) & (x <= high), f"between {low:g} and {high:g}")
    return x


def counts(name: str, x: Any, low: int = 1, why: str = "") -> Any:
    """Whole numbers >= `low`, any shape, as float64 (a tensor stays a tensor)."""
    x = at_least(name, x, low, why)
    rounded = x.round() if is_tensor(x) else np.round(x)
    _require(name, x, x == rounded, "a whole number")
    return x


def count(name: str, x: Any, low: int = 1, why: str = "") -> int:
    """One whole number >= `low`."""
    x = counts(name, x, low, why)
    if x.ndim:
        raise ValueError(f"{name} must be a single whole number, got shape {tuple(x.shape)}")
    return int(x)


def scalar(name: str, x: Any, check=nonnegative) -> float:
    """One number that passes `check`."""
    x = check(name, x)
    if x.ndim:
        raise ValueError(f"{name} must be a single number, got shape {tuple(x.shape)}")
    return float(x)


def vector(name: str, x: Any, length: int | None = None, check=real) -> Any:
    """A one-dimensional array, of the given length if one is given."""
    x = check(name, x)
    if x.ndim != 1 or (length is not None and x.shape[0] != length):
        wanted = "one-dimensional" if length is None else f"of shape ({length},)"
        raise ValueError(f"{name} must be {wanted}, got shape {tuple(x.shape)}")
    return x


def choice(name: str, x: Any, options: Sequence[Any]) -> Any:
    """One of a few named options."""
    if x not in options:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, options))}, got {x!r}")
    return x


def grid(**arrays: Any) -> tuple[int, ...]:
    """The shape to which the named arrays broadcast, refused if it is larger than memory could hold."""
    shapes = {name: tuple(np.shape(a)) for name, a in arrays.items()}

    def listed() -> str:
        return ", ".join(f"{name} {shape}" for name, shape in shapes.items())

    try:
        shape = np.broadcast_shapes(*shapes.values())
    except ValueError:
        raise ValueError(f"{', '.join(shapes)} must broadcast together, got shapes {listed()}") from None
    size = 1
    for n in shape:
        size *= n
    if size > MAX_GRID:
        raise ValueError(
            f"{', '.join(shapes)} must span at most {MAX_GRID:.0e} points, got {size:.0e}: shapes {listed()}"
        )
    return shape
