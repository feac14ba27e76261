"""One small transformer and one training loop, for every neural lab of the book.

Small models are trained many at a time: every weight has a leading axis of replicas, one for each seed, and a
step is one batched matrix product instead of many little ones. Replicas never mix: each has its own initial
weights, its own data, its own gradient clipping, and ends where it would have ended alone (to rounding).

The loop can be killed at any step and started again: a batch is a function of its step alone, and the
checkpoint holds all the rest.
"""

from __future__ import annotations

import glob
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from .. import _checks
from .._device import resolve

Batch = Callable[[int], tuple[torch.Tensor, torch.Tensor]]


@dataclass(frozen=True)
class Recipe:
    """How each model is built and trained.

    Parameters
    ----------
    width, layers, heads : int
        Of the transformer.
    batch, steps : int
        Examples in a step; steps.
    rate : float
        Highest learning rate.
    """

    width: int = 64
    layers: int = 1
    heads: int = 4
    batch: int = 128
    steps: int = 1200
    rate: float = 3e-3


class Transformer(nn.Module):
    """Several transformers of one shape, each with its own weights, run as one.

    Layer norm before attention and before a GELU layer of four times the width, learned positions, no
    dropout, torch's own attention. The norms have no gains: the linear maps that follow hold them.

    With `causal=False` (a classifier) a learned first token is added and the answer is read there; the last
    layer is then computed at that position only. With `causal=True` (a language model) there is an answer at
    each position, which sees that position and those before.

    Parameters
    ----------
    vocabulary : int
        Number of different input tokens, 0 to vocabulary - 1.
    length : int
        Longest sequence.
    outputs : int, optional
        Number of classes; `vocabulary` if not given.
    width, layers, heads : int
        Shape; `heads` divides `width`.
    causal : bool
        Language model or classifier.
    seeds : sequence of int
        One for each replica: its initial weights depend on its seed alone.
    device : {"cpu", "cuda", "auto"}
        Where the weights live. The initial values are the same everywhere.

    Raises
    ------
    ValueError
        If a size is not a whole number >= 1, `heads` does not divide `width`, or there is no seed.

    Examples
    --------
    >>> model = Transformer(10, length=4, outputs=3, width=16, heads=2, seeds=(0, 1))
    >>> model(torch.zeros(2, 5, 4, dtype=torch.long)).shape
    torch.Size([2, 5, 3])
    """

    def __init__(
        self,
        vocabulary: int,
        length: int,
        outputs: int | None = None,
        *,
        width: int = 64,
        layers: int = 1,
        heads: int = 4,
        causal: bool = False,
        seeds: Sequence[int] = (0,),
        device: str = "cpu",
    ) -> None:
        super().__init__()
        sizes = dict(vocabulary=vocabulary, length=length, width=width, layers=layers, heads=heads)
        sizes["outputs"] = vocabulary if outputs is None else outputs
        self.sizes = {name: _checks.count(name, value) for name, value in sizes.items()}
        if width % heads:
            raise ValueError(f"heads must divide width = {width}, got {heads}")
        self.seeds = tuple(_checks.count("seeds", seed, low=0) for seed in seeds)
        if not self.seeds:
            raise ValueError("seeds must hold at least one seed, got ()")
        self.causal = bool(causal)
        shapes = self._shapes()
        weights = torch.stack([_initial(shapes, layers, seed) for seed in self.seeds])
        # All weights of a replica lie in one row: clipping and the optimiser's step are then a few
        # operations, however many matrices there are.
        self.flat = weights.to(resolve(device))
        parts = self.flat.split([int(np.prod(shape)) for shape in shapes.values()], dim=1)
        for (name, shape), part in zip(shapes.items(), parts, strict=True):
            self.register_parameter(name, nn.Parameter(part.unflatten(1, shape)))

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        s, D = self.sizes, self.sizes["width"]
        shapes: dict[str, tuple[int, ...]] = {"tokens": (s["vocabulary"], D)}
        shapes["positions"] = (s["length"] + (not self.causal), D)
        for layer in range(s["layers"]):
            for name, (rows, columns) in {
                "query": (D, D),
                "key_value": (D, 2 * D),
                "out": (D, D),
                "up": (D, 4 * D),
                "down": (4 * D, D),
            }.items():
                shapes[f"{name}{layer}"] = (rows, columns)
                shapes[f"{name}{layer}_bias"] = (1, columns)
        shapes["head"] = (D, s["outputs"])
        shapes["head_bias"] = (1, s["outputs"])
        return shapes

    def part(self, replicas: slice) -> Transformer:
        """A copy of some of the models.

        Parameters
        ----------
        replicas : slice
            Which.

        Returns
        -------
        Transformer
        """
        copy = Transformer(
            **self.sizes,
            causal=self.causal,
            seeds=self.seeds[replicas],
            device=str(self.device),
        )
        with torch.no_grad():
            copy.flat.copy_(self.flat[replicas])
        return copy

    @property
    def replicas(self) -> int:
        """Number of models."""
        return len(self.seeds)

    @property
    def device(self) -> torch.device:
        """Where the weights live."""
        return self.flat.device

    def _linear(self, name: str, x: torch.Tensor) -> torch.Tensor:
        """`x` (R, B, S, in) through each replica's own matrix."""
        R, B, S, _ = x.shape
        y = torch.baddbmm(getattr(self, f"{name}_bias"), x.reshape(R, B * S, -1), getattr(self, name))
        return y.view(R, B, S, -1)

    def _attend(
        self, layer: int, x: torch.Tensor, rows: int | None, cache: list[torch.Tensor] | None
    ) -> torch.Tensor:
        R, B, _, D = x.shape
        x = F.layer_norm(x, (D,))
        query, heads = x[:, :, :rows], self.sizes["heads"]

        def split(y: torch.Tensor) -> torch.Tensor:
            return y.reshape(R * B, y.shape[2], heads, D // heads).transpose(1, 2)

        q = split(self._linear(f"query{layer}", query))
        k, v = map(split, self._linear(f"key_value{layer}", x).chunk(2, -1))
        if cache is not None:
            if len(cache) > layer:
                past = cache[layer]
                k, v = torch.cat((past[0], k), 2), torch.cat((past[1], v), 2)
                cache[layer] = torch.stack((k, v))
            else:
                cache.append(torch.stack((k, v)))
        # One new position may look at everything before it: no mask is needed.
        y = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal and q.shape[2] > 1)
        return self._linear(f"out{layer}", y.transpose(1, 2).reshape(R, B, -1, D))

    def forward(self, tokens: torch.Tensor, cache: list[torch.Tensor] | None = None) -> torch.Tensor:
        """Logits.

        Parameters
        ----------
        tokens : integer tensor, shape (replicas, B, S)
            Sequences, S <= length.
        cache : list, optional
            Causal models only: an empty list at first; it then holds the keys and values, and later calls
            take one new token a sequence, S = 1.

        Returns
        -------
        tensor, shape (replicas, B, outputs), or (replicas, B, S, outputs) if causal
        """
        R, D = self.replicas, self.sizes["width"]
        if tokens.ndim != 3 or tokens.shape[0] != R:
            raise ValueError(f"tokens must have shape ({R}, B, S), got {tuple(tokens.shape)}")
        if cache is not None and (not self.causal or (cache and tokens.shape[2] > 1)):
            raise ValueError("cache must be None unless causal, and takes one token at a time once begun")
        S = tokens.shape[2]
        start = cache[0].shape[3] if cache else 0
        if start + S > self.sizes["length"]:
            raise ValueError(f"tokens must have length <= {self.sizes['length']}, got {start + S}")
        # One look-up in the tables of all replicas laid end to end.
        offsets = self.sizes["vocabulary"] * torch.arange(R, device=tokens.device)[:, None, None]
        x = F.embedding(tokens + offsets, self.tokens.reshape(-1, D))
        if not self.causal:
            x = F.pad(x, (0, 0, 1, 0))
        x = x + self.positions[:, None, start : start + x.shape[2]]
        for layer in range(self.sizes["layers"]):
            # The classifier reads position 0 of the last layer, so nothing else of it is computed.
            rows = 1 if not self.causal and layer == self.sizes["layers"] - 1 else None
            x = x[:, :, :rows] + self._attend(layer, x, rows, cache)
            hidden = F.gelu(self._linear(f"up{layer}", F.layer_norm(x, (D,))))
            x = x + self._linear(f"down{layer}", hidden)
        logits = self._linear("head", F.layer_norm(x, (D,)))
        return logits if self.causal else logits[:, :, 0]

    def multiplications(self, examples: int) -> float:
        """Floating-point operations in matrix products of one training step, two for each multiply-add.

        Parameters
        ----------
        examples : int
            Sequences of full length in the batch of each replica.

        Returns
        -------
        float
            Forward and backward (twice the forward) for all replicas.
        """
        s, D = self.sizes, self.sizes["width"]
        S = s["length"] + (not self.causal)
        total = 0
        for layer in range(s["layers"]):
            rows = 1 if not self.causal and layer == s["layers"] - 1 else S
            total += 2 * S * D * D + 10 * rows * D * D + 2 * rows * S * D
        total += (S if self.causal else 1) * D * s["outputs"]
        return 3 * 2.0 * total * examples * self.replicas


def _initial(shapes: dict[str, tuple[int, ...]], layers: int, seed: int) -> torch.Tensor:
    """The weights of one replica as one row: normal with the usual scales, biases 0."""
    generator = torch.Generator().manual_seed(seed)
    rows = []
    for name, shape in shapes.items():
        row = torch.randn(shape, generator=generator)
        if name.endswith("_bias"):
            scale = 0.0
        elif name in ("tokens", "positions"):
            scale = 0.5
        else:
            scale = shape[0] ** -0.5
        if name.startswith(("out", "down")):  # what is added to the stream, 2 * layers times
            scale /= (2 * layers) ** 0.5
        rows.append(scale * row.flatten())
    return torch.cat(rows)


def cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of each replica.

    Parameters
    ----------
    logits : tensor, shape (R, ..., C)
        Scores.
    targets : integer tensor, shape (R, ...)
        Classes; -100 is left out.

    Returns
    -------
    tensor, shape (R,)
        In nats.

    Raises
    ------
    ValueError
        If the shapes do not match.

    Examples
    --------
    >>> logits, targets = torch.zeros(2, 3, 4), torch.zeros(2, 3, dtype=torch.long)
    >>> cross_entropy(logits, targets).exp().round().tolist()
    [4.0, 4.0]
    """
    flat = F.cross_entropy(logits.flatten(0, -2).float(), targets.flatten(), reduction="none")
    counted = (targets.flatten(1) != -100).sum(1)
    return flat.view(targets.shape[0], -1).sum(1) / counted.clamp_min(1)


def draw(seeds: Sequence[int], step: int, size: int, high: int | Sequence[int]) -> torch.Tensor:
    """Random indices for a batch: row r depends on (seeds[r], step) alone.

    Parameters
    ----------
    seeds : sequence of int
        One for each replica.
    step : int
        The training step.
    size : int
        Indices for each replica.
    high : int or sequence of int
        Indices lie in 0 .. high - 1; one bound for all replicas, or one for each.

    Returns
    -------
    integer tensor, shape (replicas, size)

    Raises
    ------
    ValueError
        If a bound is < 1.

    Examples
    --------
    >>> bool((draw((3, 4), 7, 5, 100)[1] == draw((4,), 7, 5, 100)[0]).all())
    True
    """
    highs = np.broadcast_to(high, (len(seeds),))
    rows = [
        np.random.default_rng((seed, step)).integers(h, size=size)
        for seed, h in zip(seeds, highs, strict=True)
    ]
    return torch.from_numpy(np.stack(rows))


def _start(seed: int, stage: int) -> int:
    """Seed of the initial weights and batches of a model: no two models of a replica share it."""
    return 1000 * seed + stage


@dataclass(frozen=True, eq=False)
class Fit:
    """What a training run gives back.

    Parameters
    ----------
    model : Transformer
        The trained models (the object that was passed in).
    losses : array, shape (steps, replicas)
        Training loss of each step.
    """

    model: Transformer
    losses: np.ndarray


def train(
    model: Transformer,
    batch: Batch,
    steps: int,
    *,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = cross_entropy,
    rate: float = 3e-3,
    weight_decay: float = 0.01,
    clip: float = 1.0,
    mixed: bool | None = None,
    checkpoint: str | Path | None = None,
    every: int = 200,
) -> Fit:
    """Train all replicas: AdamW with one cycle of the learning rate, gradients clipped for each replica.

    Parameters
    ----------
    model : Transformer
        Trained in place.
    batch : callable
        `batch(step)` gives (inputs, targets), shapes (R, B, S) and (R, ...), as a function of the step alone:
        that makes a resumed run equal to an uninterrupted one.
    steps : int
        Number of steps, >= 1.
    loss : callable
        (outputs of the model, targets) to one loss for each replica.
    rate : float
        Highest learning rate, > 0.
    weight_decay, clip : float
        AdamW's decay; the largest gradient norm of a replica.
    mixed : bool, optional
        Run the products in bfloat16 (weights stay in float32). By default on CUDA only: on a CPU it is
        slower at these sizes.
    checkpoint : path, optional
        Where the state is kept every `every` steps; continued from if it exists, removed by `forget`. It is
        written beside and then renamed, so it is whole whenever the run is killed.
    every : int
        Steps between checkpoints.

    Returns
    -------
    Fit

    Raises
    ------
    ValueError
        If a number is outside its range, or the checkpoint belongs to another run.
    FloatingPointError
        If the loss of a replica is not finite.

    Examples
    --------
    >>> model = Transformer(5, 3, seeds=(0,), width=8, heads=2)
    >>> def batch(step):
    ...     tokens = draw((0,), step, 12, 5).view(1, 4, 3)
    ...     return tokens, tokens[..., 0]
    >>> train(model, batch, steps=2).losses.shape
    (2, 1)
    """
    steps, every = _checks.count("steps", steps), _checks.count("every", every)
    rate = _checks.scalar("rate", rate, _checks.positive)
    weight_decay, clip = (
        _checks.scalar("weight_decay", weight_decay),
        _checks.scalar("clip", clip, _checks.positive),
    )
    flat = nn.Parameter(model.flat)  # the same memory as all the weights
    weights = list(model.parameters())
    optimizer = torch.optim.AdamW([flat], lr=rate, weight_decay=weight_decay, **_fused())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    losses = torch.zeros(steps, model.replicas, device=model.device)
    run = dict(sizes=model.sizes, causal=model.causal, seeds=list(model.seeds), steps=steps)
    run |= dict(rate=rate, weight_decay=weight_decay, clip=clip)

    path = None if checkpoint is None else Path(checkpoint)
    first = 0
    if path is not None and path.exists():
        state = torch.load(path, map_location=model.device, weights_only=True)
        if state["run"] != run:
            raise ValueError(f"checkpoint must belong to this run, got another one's: {path}")
        with torch.no_grad():
            flat.copy_(state["weights"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        first = state["step"]
        losses[:first] = state["losses"]

    kind = model.device.type
    mixed = kind == "cuda" if mixed is None else mixed
    model.train()
    for step in range(first, steps):
        inputs, targets = (x.to(model.device, non_blocking=True) for x in batch(step))
        with torch.autocast(kind, torch.bfloat16) if mixed else nullcontext():
            each = loss(model(inputs), targets)
        gradients = torch.autograd.grad(each.sum(), weights)
        flat.grad = torch.cat([g.flatten(1) for g in gradients], dim=1)
        norm = flat.grad.norm(dim=1, keepdim=True)
        flat.grad.mul_((clip / (norm + 1e-6)).clamp_max(1.0))
        optimizer.step()
        schedule.step()
        losses[step] = each.detach()
        done = step + 1
        if done % every == 0 or done == steps:
            if not torch.isfinite(losses[:done]).all():
                raise FloatingPointError(f"the loss is not finite before step {done}: lower `rate`")
            if path is not None:
                _save(
                    path,
                    run=run,
                    step=done,
                    weights=flat.detach(),
                    losses=losses[:done].clone(),
                    optimizer=optimizer.state_dict(),
                    schedule=schedule.state_dict(),
                )
    model.eval()
    return Fit(model, losses.cpu().numpy())


def _fused() -> dict[str, bool]:
    """Torch's one-kernel AdamW, where this torch has it for the CPU as well."""
    return {"fused": True} if tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 4) else {}


def _save(path: Path, **state: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".tmp")
    torch.save(state, beside)
    os.replace(beside, path)


def forget(folder: str | Path | None, names: Iterable[str]) -> None:
    """Remove the checkpoints of runs whose results are kept.

    Parameters
    ----------
    folder : path or None
        Where they are; nothing is done without one.
    names : iterable of str
        Starts of their names; what follows is `-...pt`.

    Raises
    ------
    OSError
        If a file cannot be removed.

    Examples
    --------
    >>> forget(None, ["chain"])
    """
    for name in names if folder is not None else ():
        for path in Path(folder).glob(f"{glob.escape(name)}-*.pt"):
            path.unlink()


@torch.no_grad()
def predict(model: Transformer, tokens: torch.Tensor, chunk: int = 4096) -> torch.Tensor:
    """Logits without gradients, in pieces that fit in memory.

    Parameters
    ----------
    model : Transformer
        R replicas.
    tokens : integer tensor, shape (N, S) or (R, N, S)
        The same sequences for all replicas, or different ones.
    chunk : int
        Sequences at a time.

    Returns
    -------
    tensor, shape (R, N, outputs), or (R, N, S, outputs) if causal
        On the CPU, float32.

    Raises
    ------
    ValueError
        If the sequences are longer than the model allows, or not of one of the two shapes.

    Examples
    --------
    >>> model = Transformer(5, 3, seeds=(0, 1), width=8, heads=2)
    >>> predict(model, torch.zeros(4, 3, dtype=torch.long)).shape
    torch.Size([2, 4, 5])
    """
    if tokens.ndim == 2:
        tokens = tokens.expand(model.replicas, *tokens.shape)
    parts = [model(part.to(model.device)).float().cpu() for part in tokens.split(chunk, dim=1)]
    return torch.cat(parts, dim=1)


def matmul_peak(device: str = "cpu", dtype: torch.dtype = torch.float32, size: int = 1024) -> float:
    """Floating-point operations a second of a square matrix product on this machine, best of several.

    Parameters
    ----------
    device : {"cpu", "cuda", "auto"}
        Where.
    dtype : torch.dtype
        Of the matrices.
    size : int
        Rows and columns; a GPU needs about 8192 to reach its peak.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the device is unknown.

    Examples
    --------
    >>> matmul_peak(size=64) > 0
    True
    """
    device = resolve(device)
    a = torch.randn(size, size, device=device).to(dtype)
    wait = torch.cuda.synchronize if device != "cpu" else (lambda: None)
    best = float("inf")
    for _ in range(10):
        wait()
        start = time.perf_counter()
        a @ a
        wait()
        best = min(best, time.perf_counter() - start)
    return 2.0 * size**3 / best


def scale() -> str:
    """The scale of the labs, from the environment variable COLLAPSE_SCALE: "quick" (default) or "paper".

    Raises
    ------
    ValueError
        If it is set to anything else.

    Examples
    --------
    >>> scale() in ("quick", "paper")
    True
    """
    return _checks.choice("COLLAPSE_SCALE", os.environ.get("COLLAPSE_SCALE", "quick"), ("quick", "paper"))


def provenance(device: str, seeds: Sequence[int], seconds: float, command: str) -> dict[str, Any]:
    """Where a result comes from.

    Parameters
    ----------
    device : str
        As given to the run.
    seeds : sequence of int
        Of the replicas.
    seconds : float
        What the run took.
    command : str
        The command that makes it again.

    Returns
    -------
    dict
        Ready for JSON.

    Raises
    ------
    ValueError
        If the device is unknown.

    Examples
    --------
    >>> provenance("cpu", [0, 1], 2.0, "python -m collapse.experiments gcd")["seeds"]
    [0, 1]
    """
    return {
        "command": command,
        "device": torch.cuda.get_device_name() if resolve(device) != "cpu" else _processor(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in ("torch", "numpy")},
        "seeds": list(seeds),
        "seconds": round(seconds, 1),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf8").splitlines():
            if line.startswith("model name"):
                return line.split(": ")[1]
    return platform.processor() or platform.machine()


def write_json(path: str | Path, record: Any) -> Path:
    """Write a result beside its place and then rename it, so that a file is either whole or not there.

    Parameters
    ----------
    path : path
        Where; folders are made.
    record : object
        Whatever JSON can hold.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If the record holds a circle.

    Examples
    --------
    >>> import tempfile
    >>> path = write_json(Path(tempfile.mkdtemp()) / "result.json", {"error": 0.5})
    >>> json.loads(path.read_text())
    {'error': 0.5}
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".tmp")
    beside.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf8")
    os.replace(beside, path)
    return path
