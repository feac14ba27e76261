"""How a benchmark is described, timed and kept.

A module `tests/benchmarks/bench_*.py` defines one or both of

    def benchmarks() -> Iterator[Benchmark]: ...      # ours on the CPU against what one would write
    def gpu_benchmarks() -> Iterator[Benchmark]: ...  # ours on the GPU against ours on the CPU

and yields one `Benchmark` after the other; what a benchmark needs is built just before its `yield`, so that
only one holds memory at a time. The callables take nothing; on a GPU they end with
`torch.cuda.synchronize()`. Import what only one of the functions needs (scikit-learn, say) inside it: the
GPU's machine may hold no more than torch, numpy and scipy.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path


@dataclass(frozen=True)
class Benchmark:
    """One routine beside another way to the same result.

    Attributes
    ----------
    name : what is computed, in words.
    ours, other : the two ways, ready to call.
    work : the size of the problem, and what `other` is.
    limit : the least that any way must do (drawing as many random numbers, as many multiplications at the
        machine's peak); its time divided by ours is the share of the limit that is reached.
    other_share : the share of the work that `other` does, when all of it would take too long; its time is
        divided by this. Say so in `work`.
    target : the ratio that is aimed at, shown in the table.
    """

    name: str
    ours: Callable[[], object]
    other: Callable[[], object]
    work: str
    limit: Callable[[], object] | None = None
    other_share: float = 1.0
    target: float | None = None


def seconds(call: Callable[[], object], patience: float = 2.0) -> float:
    """Best time of one call: long calls run once, short ones in batches of at least a tenth of a second."""

    def batch(number: int) -> float:
        start = time.perf_counter()
        for _ in range(number):
            call()
        return (time.perf_counter() - start) / number

    best = batch(1)  # the first call also loads and warms up
    if best > patience:
        return best
    number = max(1, int(0.1 / batch(1)))
    rounds = max(3, min(20, int(patience / max(0.1, number * best))))
    return min(batch(number) for _ in range(rounds))


def measure(benchmark: Benchmark) -> dict[str, object]:
    """The record of one benchmark."""
    ours = seconds(benchmark.ours)
    other = seconds(benchmark.other) / benchmark.other_share
    record: dict[str, object] = {
        "name": benchmark.name,
        "ours_s": float(f"{ours:.3g}"),
        "other_s": float(f"{other:.3g}"),
        "ratio": float(f"{other / ours:.3g}"),
        "work": benchmark.work,
    }
    if benchmark.limit is not None:
        record["share_of_limit"] = float(f"{seconds(benchmark.limit) / ours:.2g}")
    return record


def row(record: dict[str, object], target: float | None = None) -> str:
    """One line of the table."""
    share = f"{record['share_of_limit']:.0%}" if "share_of_limit" in record else "-"
    missed = "" if target is None else f"  (target {target:,g})"
    return (
        f"{record['name']:<58} {record['ours_s']:>10.3g} {record['other_s']:>10.3g} "
        f"{record['ratio']:>10,.3g} {share:>6}{missed}"
    )


HEADER = f"{'':<58} {'ours, s':>10} {'other, s':>10} {'ratio':>10} {'limit':>6}"


def provenance(command: str) -> dict[str, str]:
    """On what, and with what, the times were measured."""
    import torch

    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf8").splitlines()
        model = next((line.split(": ")[1] for line in lines if line.startswith("model name")), model)
    except OSError:
        pass
    versions = {name: metadata.version(name) for name in ("numpy", "scipy", "torch")}
    found = {
        "command": command,
        "processor": f"{model}, {os.cpu_count()} cores, one thread used",
        "versions": ", ".join(
            [f"Python {platform.python_version()}", *(f"{k} {v}" for k, v in versions.items())]
        ),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
    return found


def run_all(benchmarks: Iterable[Benchmark]) -> list[dict[str, object]]:
    """Measure one after the other, printing each line as it comes."""
    print(HEADER, flush=True)
    records = []
    for benchmark in benchmarks:
        record = measure(benchmark)
        records.append(record)
        print(row(record, benchmark.target), flush=True)
    return records


def keep(path: Path, part: str, records: list[dict[str, object]], command: str) -> None:
    """Store the records under `part` ("cpu" or "gpu"), leaving the other part as it is."""
    kept = json.loads(path.read_text(encoding="utf8")) if path.exists() else {}
    kept[part] = {"provenance": provenance(command), "results": records}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf8")
    print(f"kept in {path}", file=sys.stderr)
