"""A page never shows a number of an older library, and a broken page never passes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

CHAPTER = """---
jupytext:
  text_representation: {extension: .md, format_name: myst, format_version: 0.13}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

# A page

```{code-cell} ipython3
from collapse import _toy

print("The answer is", _toy.answer(2.0))
```
"""
TOC = "format: jb-book\nroot: book/start\nchapters:\n  - file: book/page\n"


class Book:
    """A book of one chapter over a copy of the library, with a formula of its own to change."""

    def __init__(self, tree: Path) -> None:
        self.tree = tree
        (tree / "_toc.yml").write_text(TOC, encoding="utf8")
        (tree / "book" / "start.md").write_text("# Start\n\nText.\n", encoding="utf8")
        (tree / "book" / "page.md").write_text(CHAPTER, encoding="utf8")

    def formula(self, text: str) -> None:
        path = self.tree / "lib" / "collapse" / "_toy.py"
        path.write_text(f"def answer(x):\n    return {text}\n", encoding="utf8")

    def build(self, *options: str) -> subprocess.CompletedProcess:
        command = [sys.executable, str(self.tree / "book" / "_tools" / "build.py"), *options]
        # Python would trust a compiled file of the same second and size.
        environment = {**os.environ, "PYTHONPATH": str(self.tree / "lib"), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(command, cwd=self.tree, env=environment, capture_output=True, text=True)

    def shown(self) -> str:
        page = (self.tree / "_build" / "html" / "book" / "page.html").read_text(encoding="utf8")
        return re.search(r"The answer is ([\d.]+)", page)[1]


@pytest.mark.slow
def test_a_changed_formula_changes_the_page(copy_tree) -> None:
    book = Book(copy_tree())
    book.formula("3.0 * x")
    outcome = book.build()
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert book.shown() == "6.0"

    start = time.perf_counter()
    outcome = book.build()
    assert outcome.returncode == 0
    assert "nothing to execute" in outcome.stdout
    assert time.perf_counter() - start < 30

    book.formula("5.0 * x")
    outcome = book.build()
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert book.shown() == "10.0"

    # A library that no longer works fails the build, and no page is left with the old number.
    book.formula("x / 0")
    outcome = book.build()
    assert outcome.returncode != 0
    assert "ZeroDivisionError" in outcome.stderr
    outcome = book.build("--only", "book/page.md")
    assert outcome.returncode != 0
    assert "1 code cells, 1 failed" in outcome.stdout
    assert not (book.tree / "_build" / "html").exists()


@pytest.mark.slow
def test_a_broken_reference_fails_the_build(copy_tree) -> None:
    book = Book(copy_tree())
    book.formula("x")
    page = book.tree / "book" / "page.md"
    page.write_text(CHAPTER + "\nSee {ref}`nowhere`.\n", encoding="utf8")
    outcome = book.build()
    assert outcome.returncode != 0
    assert "nowhere" in outcome.stderr
