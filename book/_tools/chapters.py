"""What the tools share: which chapters there are, how one is read and how one is executed."""

from __future__ import annotations

import os
import re
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import nbformat
import yaml

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "_build"
CELL_TIMEOUT = 300  # seconds; a chapter's whole budget is far below this

# One thread a kernel: two kernels that each take every core are slower than one after the other.
# COLLAPSE_STATIC: interactive figures give their page form and image, and no live widget.
KERNEL_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "COLLAPSE_STATIC": "1",
    "PYTHONHASHSEED": "0",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}


class ChapterError(Exception):
    """A chapter did not run to its end; the message holds the cell and the traceback."""


def toc_files(toc: Path = ROOT / "_toc.yml") -> list[str]:
    """Every page of the table of contents, in reading order, without suffix."""
    found: list[str] = []

    def walk(node: object) -> None:
        if isinstance(node, dict):
            found.extend(node[key] for key in ("root", "file") if key in node)
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(yaml.safe_load(toc.read_text(encoding="utf8")))
    return found


def front_matter(path: Path) -> dict:
    """The YAML block at the top of a page (empty when there is none)."""
    match = re.match(r"---\n(.*?)\n---\n", path.read_text(encoding="utf8"), flags=re.DOTALL)
    return yaml.safe_load(match[1]) if match else {}


def executable_chapters(root: Path = ROOT) -> list[Path]:
    """The pages of the table of contents that name a kernel."""
    pages = [root / f"{name}.md" for name in toc_files(root / "_toc.yml")]
    return [page for page in pages if "kernelspec" in front_matter(page)]


def read(path: Path) -> nbformat.NotebookNode:
    """A MyST chapter as a notebook, exactly as the site's builder reads it."""
    from myst_nb.core.read import myst_nb_reader_plugin

    return myst_nb_reader_plugin(str(path))


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def client_for(notebook: nbformat.NotebookNode, folder: Path, **options):
    """A client that runs a notebook in a fresh kernel of this environment, in the given folder."""
    from nbclient import NotebookClient

    os.environ.update(KERNEL_ENVIRONMENT)
    return NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],  # else each start prints a notice about loopback sockets
        resources={"metadata": {"path": str(folder)}},
        **options,
    )


def execute(notebook: nbformat.NotebookNode, folder: Path, label: str) -> nbformat.NotebookNode:
    """Run all code cells of a notebook in a fresh kernel and return it with its outputs.

    Raises
    ------
    ChapterError
        If a cell raises, or if a cell was left without an execution count twice.
    """
    from nbclient.exceptions import CellExecutionError

    for _attempt in range(2):
        try:
            client_for(notebook, folder).execute()
        except CellExecutionError as error:
            text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
            raise ChapterError(f"{label}: a cell failed\n{text}") from None
        if all(cell.execution_count for cell in code_cells(notebook) if cell.source.strip()):
            return notebook
    raise ChapterError(f"{label}: a cell was never executed")


def _execute_file(path: str) -> tuple[nbformat.NotebookNode, float]:
    start = time.perf_counter()
    page = Path(path)
    notebook = execute(read(page), page.parent, page.name)
    return notebook, time.perf_counter() - start


def execute_files(paths: list[Path], done) -> list[str]:
    """Execute chapters on the available cores; call ``done(path, notebook, seconds)`` for each.

    Returns the error messages of the chapters that failed.
    """
    failures = []
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with ProcessPoolExecutor(min(cores, len(paths))) as pool:
        futures = {pool.submit(_execute_file, str(path)): path for path in paths}
        for future in as_completed(futures):
            path = futures[future]
            try:
                notebook, seconds = future.result()
            except ChapterError as error:
                failures.append(str(error))
                print(f"  FAILED {path.name}", flush=True)
            else:
                done(path, notebook, seconds)
    return failures
