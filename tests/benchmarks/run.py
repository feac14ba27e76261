"""Time the library's fast routines beside what one would otherwise write.

    python tests/benchmarks/run.py          writes _build/bench.json and prints a table
    python tests/benchmarks/run.py --keep   also stores it for the book, with where it was measured
    python tests/benchmarks/run.py --gpu    GPU against CPU (needs CUDA; writes _build/bench-gpu.json)

How to add one: see harness.py.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "lib")]

# Before NumPy and torch are first imported: one thread for everybody.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

from harness import keep, run_all  # noqa: E402  (needs the path above)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keep", action="store_true", help="store the results in book/_data")
    parser.add_argument("--gpu", action="store_true", help="GPU against CPU")
    options = parser.parse_args()

    import torch

    torch.set_num_threads(1)
    if options.gpu and not torch.cuda.is_available():
        sys.exit("No CUDA device on this machine: nothing was measured.")
    part, name = ("gpu", "gpu_benchmarks") if options.gpu else ("cpu", "benchmarks")
    modules = [importlib.import_module(path.stem) for path in sorted(HERE.glob("bench_*.py"))]
    records = run_all(
        benchmark for module in modules if hasattr(module, name) for benchmark in getattr(module, name)()
    )
    target = ROOT / "_build" / ("bench-gpu.json" if options.gpu else "bench.json")
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(records, indent=1, ensure_ascii=False) + "\n", encoding="utf8")
    if options.keep:
        flags = " --gpu" if options.gpu else ""
        keep(ROOT / "book" / "_data" / "bench.json", part, records, f"python tests/benchmarks/run.py{flags}")


if __name__ == "__main__":
    main()
