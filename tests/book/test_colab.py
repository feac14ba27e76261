"""A notebook alone, in an environment like a hosted one, runs to its end and gives the stored numbers."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import address
import chapters

GIVEN = ["numpy", "scipy", "matplotlib", "ipywidgets", "ipykernel", "nbclient"]
RUN = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], 4)
NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[1])
"""


def run(*command: object, cwd: Path) -> str:
    outcome = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return outcome.stdout


def text_of(notebook: nbformat.NotebookNode) -> list[str]:
    """What each cell printed, and each plain value (a live kernel adds widgets, which hold no text)."""
    found = []
    for cell in chapters.code_cells(notebook):
        found.append("".join(output.text for output in cell.outputs if output.output_type == "stream"))
        found += [output.data["text/plain"] for output in cell.outputs if "data" in output]
    return found


@pytest.mark.slow
def test_a_notebook_runs_where_only_the_usual_packages_are(root: Path, copy_tree, tmp_path: Path) -> None:
    tree = copy_tree()
    run("git", "add", "--all", cwd=tree)
    who = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    run("git", *who, "commit", "--quiet", "--message", "the present tree", cwd=tree)
    run("git", "clone", "--quiet", "--bare", tree, tmp_path / "bare.git", cwd=tmp_path)

    run(sys.executable, "-m", "venv", tmp_path / "hosted", cwd=tmp_path)
    python = tmp_path / "hosted" / "bin" / "python"
    pins = (root / "constraints.txt").read_text(encoding="utf8")
    torch = re.search(r"^torch==.*$", pins, flags=re.MULTILINE)[0]
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(*install, torch, cwd=tmp_path)
    run(*install, "-c", root / "constraints.txt", *GIVEN, cwd=tmp_path)
    versions = [python, "-c", "import numpy, torch; print(numpy.__version__, torch.__version__)"]
    before = run(*versions, cwd=tmp_path)

    source = root / "book" / "foundations" / "ridge.ipynb"
    alone = tmp_path / "alone" / source.name
    alone.parent.mkdir()
    text = source.read_text(encoding="utf8")
    hosted = f"git+https://github.com/{address.repository(root)}@main"
    assert hosted in text
    alone.write_text(text.replace(hosted, f"git+file://{tmp_path / 'bare.git'}@main"), encoding="utf8")
    run(python, "-c", RUN, alone, cwd=alone.parent)

    stored = nbformat.read(source, 4)
    assert text_of(nbformat.read(alone, 4)) == text_of(stored)
    assert run(*versions, cwd=tmp_path) == before
