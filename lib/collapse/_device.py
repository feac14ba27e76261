"""Where arrays live, and where random numbers come from. The one place that knows NumPy from torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _checks

if TYPE_CHECKING:
    import torch


def namespace(*arrays: Any) -> Any:
    """`torch` if any argument is a tensor, else `numpy`; torch is never imported for its own sake."""
    if any(_checks.is_tensor(a) for a in arrays):
        import torch

        return torch
    return np


def to_namespace(*arrays: Any) -> tuple[Any, ...]:
    """The arrays as float64 NumPy, or all as tensors of one dtype and device if one of them is a tensor."""
    tensors = [a for a in arrays if _checks.is_tensor(a)]
    if not tensors:
        return tuple(np.asarray(a, dtype=np.float64) for a in arrays)
    import torch

    like = tensors[0]
    return tuple(torch.as_tensor(a, dtype=like.dtype, device=like.device) for a in arrays)


def to_numpy(x: Any) -> np.ndarray:
    """The values of an array or tensor as NumPy, wherever they live."""
    return x.detach().cpu().numpy() if _checks.is_tensor(x) else np.asarray(x)


def detached(x: Any) -> Any:
    """`x` without its gradient history."""
    return x.detach() if _checks.is_tensor(x) else x


def stack(arrays: Sequence[Any]) -> Any:
    """Arrays of one shape and kind as the rows of one; for NumPy in a quarter of the time of `np.stack`."""
    xp = namespace(*arrays)
    return np.array(arrays) if xp is np else xp.stack(arrays)


def resolve(device: str) -> str:
    """The device a simulation runs on.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda"}
        "auto" takes the GPU when there is one.

    Raises
    ------
    ValueError
        If the name is unknown, or "cuda" is asked for on a machine without it.
    """
    if isinstance(device, str) and device.startswith("cuda:") and device[5:].isdigit():
        wanted = "cuda"
    else:
        wanted = _checks.choice("device", device, ("auto", "cpu", "cuda"))
    if wanted == "cpu":
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda" if wanted == "auto" else device
    if wanted == "cuda":
        raise ValueError("device must be 'cpu' or 'auto' on a machine without CUDA, got 'cuda'")
    return "cpu"


class Stream:
    """A stream of random numbers on a device: float64 tensors, reproducible by seed on that device.

    On the CPU the numbers come from NumPy's PCG64 (its normals and gammas are the fastest there), on a
    GPU from torch's Philox. The same seed gives the same numbers on one device and different,
    equally good ones on another.

    Parameters
    ----------
    seed : int or numpy.random.SeedSequence
        Where the stream starts.
    device : str
        A resolved device.
    """

    def __init__(self, seed: int | np.random.SeedSequence, device: str = "cpu") -> None:
        if not isinstance(seed, np.random.SeedSequence):
            seed = np.random.SeedSequence(_checks.count("seed", seed, low=0))
        self.seed = seed
        self.device = device
        if device == "cpu":
            self._numpy = np.random.Generator(np.random.PCG64(seed))
        else:
            import torch

            self._torch = torch.Generator(device=device)
            self._torch.manual_seed(int(seed.generate_state(1, np.uint64)[0] >> 1))

    def spawn(self, n: int) -> list[Stream]:
        """`n` independent streams, for generations or blocks of replicas."""
        return [Stream(child, self.device) for child in self.seed.spawn(n)]

    def _tensor(self, values: np.ndarray) -> torch.Tensor:
        import torch

        return torch.from_numpy(np.asarray(values, dtype=np.float64))

    def normal(self, shape: tuple[int, ...]) -> torch.Tensor:
        """Standard normal numbers."""
        if self.device == "cpu":
            return self._tensor(self._numpy.standard_normal(shape))
        import torch

        return torch.randn(shape, dtype=torch.float64, device=self.device, generator=self._torch)

    def gamma(self, concentration: Any, shape: tuple[int, ...]) -> torch.Tensor:
        """Gamma numbers of unit scale; `concentration` broadcasts to `shape`."""
        if self.device == "cpu":
            return self._tensor(self._numpy.standard_gamma(concentration, shape))
        import torch

        alpha = torch.as_tensor(concentration, dtype=torch.float64, device=self.device)
        alpha = alpha.expand(shape).contiguous()
        draws = torch._standard_gamma(alpha.clamp_min(torch.finfo(alpha.dtype).tiny), generator=self._torch)
        return draws * (alpha > 0)  # no degrees of freedom: exactly zero, as NumPy has it

    def chi_square(self, degrees: Any, shape: tuple[int, ...]) -> torch.Tensor:
        """Chi-square numbers; `degrees` broadcasts to `shape`."""
        return 2.0 * self.gamma(np.asarray(degrees, dtype=np.float64) / 2.0, shape)

    def beta(self, a: float, b: float, shape: tuple[int, ...]) -> torch.Tensor:
        """Beta numbers, as a ratio of gammas."""
        x, y = self.gamma(a, shape), self.gamma(b, shape)
        return x / (x + y)

    def sign(self, shape: tuple[int, ...]) -> torch.Tensor:
        """Plus or minus one with equal chance."""
        import torch

        if self.device == "cpu":
            return self._tensor(2.0 * self._numpy.integers(0, 2, shape) - 1.0)
        bits = torch.randint(0, 2, shape, device=self.device, generator=self._torch)
        return 2.0 * bits.to(torch.float64) - 1.0

    def integers(self, high: int, shape: tuple[int, ...]) -> torch.Tensor:
        """Whole numbers from 0 to `high` - 1, all equally likely."""
        import torch

        if self.device == "cpu":
            return torch.from_numpy(self._numpy.integers(0, high, shape))
        return torch.randint(high, shape, device=self.device, generator=self._torch)

    def binomial(self, count: torch.Tensor, p: float) -> torch.Tensor:
        """Binomial numbers, one for each entry of the integer tensor `count`."""
        import torch

        if self.device == "cpu":
            return torch.from_numpy(self._numpy.binomial(count.numpy(), p))
        chance = torch.full(count.shape, p, dtype=torch.float64, device=self.device)
        return torch.binomial(count.double(), chance, generator=self._torch).long()
