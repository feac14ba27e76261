"""The training loop of the labs beside a plain eager float32 loop over the same model in torch's layers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

import torch
from harness import Benchmark
from torch import nn
from torch.nn import functional as F

from collapse.experiments import training

# (name, vocabulary, length, outputs, causal, sequences a step, replicas)
TASKS = (
    ("gcd models, 5 positions", 12, 4, 41, False, 128, 8),
    ("character models, 32 positions", 96, 32, 96, True, 64, 4),
)
WIDTH, HEADS, LAYERS = 64, 4, 1


class Plain(nn.Module):
    """Embedding, torch's encoder layers, norm, head: every position of every layer."""

    def __init__(self, vocabulary: int, length: int, outputs: int, causal: bool) -> None:
        super().__init__()
        self.causal = causal
        self.tokens = nn.Embedding(vocabulary + 1, WIDTH)
        self.positions = nn.Parameter(0.5 * torch.randn(length + 1, WIDTH))
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, 4 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, LAYERS, nn.LayerNorm(WIDTH), enable_nested_tensor=False)
        self.head = nn.Linear(WIDTH, outputs)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(length))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        if not self.causal:
            tokens = F.pad(tokens, (1, 0), value=self.tokens.num_embeddings - 1)
        x = self.tokens(tokens) + self.positions[: tokens.shape[1]]
        x = self.encoder(x, mask=self.mask, is_causal=True) if self.causal else self.encoder(x)
        return self.head(x if self.causal else x[:, 0])


def plain_loop(model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor, steps: int) -> None:
    """What one would write."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps + 1)
    for _ in range(steps):
        loss = F.cross_entropy(model(inputs).flatten(0, -2), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()


def _data(task: tuple, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    _, vocabulary, length, outputs, causal, size, replicas = task
    inputs = torch.randint(vocabulary, (replicas, size, length), device=device)
    shape = (replicas, size, length) if causal else (replicas, size)
    return inputs, torch.randint(outputs, shape, device=device)


def _ours(task: tuple, steps: int, device: str = "cpu") -> Callable[[], object]:
    _, vocabulary, length, outputs, causal, _, replicas = task
    data = _data(task, device)
    shape = {"width": WIDTH, "heads": HEADS, "layers": LAYERS, "causal": causal, "device": device}
    model = training.Transformer(vocabulary, length, outputs, seeds=range(replicas), **shape)
    return partial(training.train, model, lambda step: data, steps)


def _multiplications(task: tuple, steps: int) -> float:
    _, vocabulary, length, outputs, causal, size, replicas = task
    shape = {"width": WIDTH, "heads": HEADS, "layers": LAYERS, "causal": causal}
    model = training.Transformer(vocabulary, length, outputs, seeds=range(replicas), **shape)
    return steps * model.multiplications(size)


def benchmarks() -> Iterator[Benchmark]:
    peak = training.matmul_peak()
    a = torch.randn(1024, 1024)
    print(f"measured matrix-multiply peak, float32, one thread: {peak / 1e9:.0f} Gflop/s")
    for task in TASKS:
        name, vocabulary, length, outputs, causal, size, replicas = task
        steps = 20
        ours = _ours(task, steps)
        ours()
        start = time.perf_counter()
        ours()
        taken = time.perf_counter() - start
        examples = steps * size * replicas * (length if causal else 1)
        work = _multiplications(task, steps)
        unit = "tokens" if causal else "examples"
        print(f"{name}: {examples / taken:,.0f} {unit} a second, {work / taken / peak:.0%} of the peak")
        inputs, targets = (x[0] for x in _data(task, "cpu"))
        products = work / (2 * 1024**3)

        def at_peak(products: float = products) -> None:
            for _ in range(max(1, round(products))):
                a @ a

        yield Benchmark(
            name=f"training {replicas} {name}",
            ours=ours,
            other=partial(plain_loop, Plain(vocabulary, length, outputs, causal), inputs, targets, steps),
            other_share=1 / replicas,
            work=f"{steps} steps, {size} sequences, width {WIDTH}; other: plain eager float32 loop",
            limit=at_peak,
            target=1.5,
        )


def gpu_benchmarks() -> Iterator[Benchmark]:
    steps = 20
    for task in TASKS:
        on_gpu = _ours(task, steps, "cuda")

        def waited(call: Callable[[], object] = on_gpu) -> None:
            call()
            torch.cuda.synchronize()

        yield Benchmark(
            name=f"training {task[-1]} {task[0]}",
            ours=waited,
            other=_ours(task, steps),
            work=f"{steps} steps, bfloat16 products on the GPU; other: the same on one core",
        )
