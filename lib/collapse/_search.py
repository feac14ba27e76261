"""One-dimensional minimisation over a penalty, shared by every chapter that tunes one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar


def minimise_over_penalty(error: Callable[[Any], Any], log_grid: np.ndarray) -> float:
    """The penalty at which `error` is least: a grid of log penalties, then Brent between the neighbours.

    `error` takes an array of penalties or one. Zero if the first grid point is the best: the error then
    falls all the way to the unpenalised fit.
    """
    i = int(np.argmin(error(np.exp(log_grid))))
    if i == 0:
        return 0.0
    found = minimize_scalar(
        lambda log_penalty: error(np.exp(log_penalty)),
        bounds=(log_grid[i - 1], log_grid[min(i + 1, len(log_grid) - 1)]),
        method="bounded",
        options={"xatol": 1e-9},
    )
    return float(np.exp(found.x))
