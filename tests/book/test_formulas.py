"""A statement without its function, its test or its check stops the build; a row that stands is true."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest

import chapters
import formulas

CHECKED = "thm-a: 3 points, max |z| = 1.2 (expected 1.3, limit 3.3, 2 % bias allowed)"
CHAPTER = """---
kernelspec: {name: python3}
---

# A page

:::{prf:theorem} Title
:label: thm-a

Then

```{math}
:label: eq-a
x = 1 .
```
:::

:::{prf:proof}
Clear.
:::

:::{prf:lemma} Free
:label: lem-a
It may stand alone.
:::
"""
FUNCTION = '''def answer():
    """One.

    Source: chapter *A page*, {label};
    and a book.

    Examples
    --------
    """
'''
TEST = "import pytest\n\n\n@pytest.mark.formula({label})\ndef test_answer():\n    pass\n"


class Small:
    """A book of one theorem with its function, test and check, each of which can be taken away."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.page = self.write("book/page.md", CHAPTER)
        self.write("book/appendix/library.md", ".. automodule:: toy\n   :members:\n")
        self.write("lib/toy.py", FUNCTION.format(label="`thm-a`"))
        self.write("tests/lib/test_toy.py", TEST.format(label='"thm-a"'))
        self.cells = [({"checks": ["thm-a"]}, [CHECKED])]

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf8")
        return path

    def rows(self) -> list[dict]:
        return formulas.collect({self.page: self.cells})


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Small:
    monkeypatch.setattr(formulas, "ROOT", tmp_path)
    return Small(tmp_path)


def test_a_whole_row(small: Small) -> None:
    assert small.rows() == [
        {
            "label": "thm-a",
            "kind": "theorem",
            "title": "Title",
            "page": "book/page",
            "chapter": "A page",
            "line": 7,
            "formula": "x = 1 .",
            "functions": ["toy.answer"],
            "tests": ["test_toy.py::test_answer"],
            "checks": {"simulated": {"points": 3, "max_abs_z": 1.2, "bias": 2.0, "expected": 1.3}},
        }
    ]


def test_each_of_the_three_is_needed(small: Small) -> None:
    where = r"thm-a \(book/page\.md, line 7\): "
    small.write("lib/toy.py", FUNCTION.format(label="`thm-b`"))
    with pytest.raises(formulas.FormulaError, match=where + "no public function"):
        small.rows()
    small.write("lib/toy.py", FUNCTION.format(label="`thm-a`").replace("answer", "_answer"))
    with pytest.raises(formulas.FormulaError, match=where + "no public function"):
        small.rows()
    small.write("lib/toy.py", FUNCTION.format(label="`thm-a`"))
    small.write("tests/lib/test_toy.py", TEST.format(label='"thm-b"'))
    with pytest.raises(
        formulas.FormulaError, match=where + r'no test is marked @pytest\.mark\.formula\("thm-a"'
    ):
        small.rows()
    small.write("tests/lib/test_toy.py", TEST.format(label='"thm-b", "thm-a"'))
    for cell in (
        ({}, [CHECKED]),
        ({"checks": ["thm-a"]}, ["thm-a: fine"]),
        ({"checks": {"thm-a": "z"}}, [CHECKED]),
    ):
        small.cells = [cell]
        with pytest.raises(formulas.FormulaError, match=where + r"no check line .* checks: \[thm-a\]"):
            small.rows()


def test_an_incomplete_table_stops_the_build(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    small.cells = []
    monkeypatch.setattr(formulas, "from_cache", lambda cache: {small.page: small.cells})
    with pytest.raises(SystemExit, match="incomplete"):
        formulas.write(None)


def test_a_lemma_has_a_row_only_if_it_is_whole(small: Small) -> None:
    small.write("lib/toy.py", FUNCTION.format(label="`thm-a`, `lem-a`"))
    small.write("tests/lib/test_toy.py", TEST.format(label='"thm-a", "lem-a"'))
    assert [row["label"] for row in small.rows()] == ["thm-a"]
    small.cells = [({"checks": ["thm-a", "lem-a"]}, [CHECKED])]
    assert [row["label"] for row in small.rows()] == ["thm-a", "lem-a"]


def test_lines_are_counted_by_kind_and_by_beginning() -> None:
    lines = [
        "  One, n = 1: 4 points, max |z| = 2.5 (expected 1.5, limit 3.4)",
        "One, n = 2: 1 point, max |z| = 0.3 (expected 0.8, limit 3.0, 0.5 % bias allowed)",
        "Two: 3 points, largest relative difference 4e-13 (allowed 1e-12)",
        "Two: 1 point, largest relative difference 0 (allowed 1e-12)",
        "Two: 7 points, within the bounds",
        "wrong formula: max |z| = 60",
    ]
    checks: dict = {}
    formulas.add_checks(checks, {"checks": {"thm-one": "One", "thm-two": "Two|Three"}}, lines)
    assert checks == {
        "thm-one": {"simulated": {"points": 5, "max_abs_z": 2.5, "bias": 0.5}},
        "thm-two": {"computed": {"points": 4, "difference": 4e-13}, "bounded": {"points": 7}},
    }


def test_the_library_prints_what_is_counted(capsys: pytest.CaptureFixture) -> None:
    from collapse.estimates import Estimate, check_bounds, check_values

    Estimate(1.0, 0.1, 10, 0).check(1.0, "A", bias=0.015)
    check_values([1.0, 2.0], [1.0, 2.001], "A", within=1e-2)
    check_bounds(0.5, 0, 1, "A")
    checks: dict = {}
    formulas.add_checks(checks, {"checks": ["thm-a"]}, capsys.readouterr().out.splitlines())
    assert {kind: part["points"] for kind, part in checks["thm-a"].items()} == {
        "simulated": 1,
        "computed": 2,
        "bounded": 1,
    }
    assert checks["thm-a"]["simulated"]["bias"] == 1.5


def test_no_label_is_misspelt() -> None:
    """What docstrings, tests and cells name is stated somewhere in the book."""
    pages = chapters.executable_chapters()
    stated = {row["label"] for page in pages for row in formulas.statements(page)}
    cells = [cell for page in pages for cell in chapters.code_cells(chapters.read(page))]
    named = {label for cell in cells for label in formulas.wanted(cell.metadata)} | set(formulas.tests())
    named |= {label for label in formulas.functions() if label.split("-")[0] in {"thm", "prop", "cor", "lem"}}
    assert named - stated == set()


def test_every_row_of_the_book_can_be_followed(root: Path) -> None:
    rows = json.loads((chapters.BUILD / "formulas.json").read_text(encoding="utf8"))
    pages = chapters.executable_chapters()
    required = [
        row["label"]
        for page in pages
        for row in formulas.statements(page)
        if row["kind"] in formulas.REQUIRED
    ]
    assert [row["label"] for row in rows if row["kind"] in formulas.REQUIRED] == required
    for row in rows:
        for name in row["functions"]:
            module, function = name.rsplit(".", 1)
            assert callable(getattr(importlib.import_module(module), function)), name
        for test in row["tests"]:
            file, function = test.split("::")
            assert f"\ndef {function}(" in (root / "tests" / "lib" / file).read_text(encoding="utf8"), test
        assert sum(part["points"] for part in row["checks"].values()) > 0, row["label"]


def test_the_page_says_what_the_checks_say(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(root / "book" / "_ext")])
    page = importlib.import_module("formula_page")
    said = page.agreement(
        {
            "simulated": {"points": 3, "max_abs_z": 1.2, "bias": 2.0, "expected": 1.3},
            "computed": {"points": 1, "difference": 4e-13},
            "bounded": {"points": 7},
        }
    )
    assert said == (
        r"3 points simulated, $\max|z|=1.2$ with 2 % allowed (chance: 1.3); "
        r"1 point computed in two ways, apart by at most $4\cdot10^{-13}$; 7 points within the bounds"
    )
