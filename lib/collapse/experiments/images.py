"""Pictures of handwritten digits for the labs.

`digits` ships with scikit-learn and needs no network; `mnist` is fetched once, when asked for, and kept by
scikit-learn. Both return the same kind of thing, so that a lab written for one runs on the other.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np

from .. import _checks

_MNIST_SIZE = 70_000


def digits() -> tuple[np.ndarray, np.ndarray]:
    """The 1797 digits of 8 x 8 pixels that scikit-learn carries with it.

    Returns
    -------
    pixels : array, shape (1797, 64)
        Grey levels from 0 to 1.
    labels : integer array, shape (1797,)
        The digits, 0 to 9.

    Raises
    ------
    ImportError
        If scikit-learn is not installed.

    Source: chapter *Lab: kernel ridge on images*.

    Examples
    --------
    >>> pixels, labels = digits()
    >>> pixels.shape, float(pixels.max()), labels[:5].tolist()
    ((1797, 64), 1.0, [0, 1, 2, 3, 4])
    """
    pixels, labels = _datasets().load_digits(return_X_y=True)
    return pixels / 16, labels.astype(int)


def mnist(size: int = 5000, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Some of the 70 000 MNIST digits of 28 x 28 pixels; the first call fetches them over the network.

    Parameters
    ----------
    size : int
        How many, from 1 to 70 000, drawn without replacement. A gram matrix of them takes 8 size^2 bytes.
    seed : int
        Which.

    Returns
    -------
    pixels : array, shape (size, 784)
        Grey levels from 0 to 1.
    labels : integer array, shape (size,)
        The digits, 0 to 9.

    Raises
    ------
    ValueError
        If `size` or `seed` is outside its range.
    ImportError
        If scikit-learn is not installed.
    OSError
        If there is neither a network nor an earlier copy; `digits` needs none.

    Source: chapter *Lab: kernel ridge on images*.

    Examples
    --------
    >>> pixels, labels = mnist(5000)  # doctest: +SKIP
    """
    size = _checks.count("size", _checks.between("size", size, 1, _MNIST_SIZE))
    seed = _checks.count("seed", seed, low=0)
    # as_frame=False: pandas is not needed.
    pixels, labels = _datasets().fetch_openml("mnist_784", version=1, as_frame=False, return_X_y=True)
    chosen = np.random.default_rng(seed).choice(len(pixels), size, replace=False)
    return pixels[chosen] / 255, labels[chosen].astype(int)


def _datasets() -> ModuleType:
    try:
        from sklearn import datasets
    except ImportError as error:
        raise ImportError("the digits come with scikit-learn: pip install scikit-learn") from error
    return datasets
