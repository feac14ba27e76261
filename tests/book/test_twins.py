"""Each notebook is in step with its chapter, executed, and free of the site's own syntax."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
import pytest

import chapters
import twins

PAGES = chapters.executable_chapters()
NAMES = [page.stem for page in PAGES]
# What a reader of the notebook must never see.
SYNTAX = [
    r"^ *:::",
    r"^ *`{3,}\{",
    r"\{[\w:]+\}`",
    r"^\([\w:-]+\)=",
    r"^ *:label:",
    r"Proof\.\*? *Proof\.",
    r"\]\([^)]*\.md\)",
]


@pytest.fixture(params=PAGES, ids=NAMES)
def page(request: pytest.FixtureRequest) -> Path:
    return request.param


def notebook_of(page: Path) -> nbformat.NotebookNode:
    return nbformat.read(page.with_suffix(".ipynb"), as_version=4)


def test_every_notebook_belongs_to_a_chapter(root: Path) -> None:
    found = {path.with_suffix(".md") for path in (root / "book").rglob("*.ipynb")}
    assert {path for path in found if ".ipynb_checkpoints" not in path.parts} == set(PAGES)


def test_in_step_with_its_source(page: Path) -> None:
    source = [cell.source for cell in chapters.code_cells(chapters.read(page)) if cell.source.strip()]
    stored = [cell.source for cell in chapters.code_cells(notebook_of(page))]
    assert stored == source, f"{page.name} changed: run `make notebooks`"


def test_text_in_step_with_its_source(page: Path) -> None:
    """The text, too, is what the chapter says today (numbers come from the site's last build)."""
    labels = json.loads((chapters.BUILD / "labels.json").read_text(encoding="utf8"))
    notebooks = {path.relative_to(chapters.ROOT).with_suffix("").as_posix() for path in PAGES}
    name = page.relative_to(chapters.ROOT).with_suffix("").as_posix()
    cells = twins.plain_cells(chapters.read(page), name, labels, notebooks)
    stored = [(cell.cell_type, cell.source) for cell in notebook_of(page).cells]
    assert stored == [(cell.cell_type, cell.source) for cell in cells], "run `make notebooks`"


def test_executed_without_error(page: Path) -> None:
    cells = chapters.code_cells(notebook_of(page))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    kinds = {output.output_type for cell in cells for output in cell.outputs}
    assert "error" not in kinds
    streams = {output.name for cell in cells for output in cell.outputs if output.output_type == "stream"}
    assert streams <= {"stdout"}, "a cell wrote to the error stream"


def test_plain_markdown_only(page: Path) -> None:
    text = "\n".join(cell.source for cell in notebook_of(page).cells if cell.cell_type == "markdown")
    found = [match[0] for pattern in SYNTAX for match in re.finditer(pattern, text, flags=re.MULTILINE)]
    assert found == []


def test_light_and_stable(page: Path) -> None:
    """No images, no time stamps, stable cell ids: running again changes nothing that is kept."""
    notebook = notebook_of(page)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    for cell in chapters.code_cells(notebook):
        assert "execution" not in cell.metadata
        for output in cell.outputs:
            assert not [kind for kind in output.get("data", {}) if kind.startswith("image/")]


def test_an_unknown_directive_stops_the_tool() -> None:
    labels = {"numbered": {}, "sections": {}, "citations": {}, "titles": {}, "headings": {}}
    converter = twins.Converter("book/page", labels, set())
    for text in (
        ":::{unheard-of}\ntext\n:::",
        "a {unheard}`of` role",
        "see {ref}`nowhere`",
        ":::{note}\nopen",
    ):
        with pytest.raises(twins.TwinError, match="book/page"):
            converter.convert(text)


def test_markdown_is_kept_and_directives_become_words() -> None:
    numbered = {
        "eq-a": {"kind": "equation", "number": "2.1", "page": "book/one/page", "anchor": "equation-eq-a"},
        "thm-a": {"kind": "theorem", "number": "2.2", "page": "book/one/page", "anchor": "thm-a"},
        "thm-b": {"kind": "lemma", "number": "3.1", "page": "book/two/other", "anchor": "thm-b"},
        "ex-a": {"kind": "exercise", "number": "2.1", "page": "book/one/page", "anchor": "ex-a"},
    }
    sections = {"sec-b": {"title": "Other", "page": "book/two/other", "anchor": "sec-b", "number": "3"}}
    labels = {
        "numbered": numbered,
        "sections": sections,
        "citations": {"a2024": {"authors": "A and B", "year": "2024", "reference": "A and B. *Title*."}},
        "titles": {"book/two/other": "Other", "book/notation": "Notation"},
        "headings": {"book/one/page": ["2", "2.1"]},
    }
    converter = twins.Converter("book/one/page", labels, {"book/one/page", "book/two/other"})
    site = converter.site

    def check(text: str, expected: str) -> None:
        assert converter.convert(text) == expected

    check("(sec-a)=\n# Title\n\n% note\n## Part", "# 2. Title\n\n## 2.1 Part")
    check("as {eq}`eq-a` and {prf:ref}`thm-b`", "as (2.1) and [Lemma 3.1](../two/other.ipynb)")
    check(
        "{numref}`Chapter %s <sec-b>`, {ref}`sec-b`",
        "[Chapter 3](../two/other.ipynb), [Other](../two/other.ipynb)",
    )
    check("a {term}`floor`, two {term}`floors <floor>`", "a floor, two floors")
    check("[](../notation.md)", f"[Notation]({site}/book/notation.html)")
    check("{cite:t}`a2024` {cite:p}`a2024`", "A and B (2024) (A and B, 2024)")
    check("```{math}\n:label: eq-a\nx = 1\n```", "$$\nx = 1\n\\tag{2.1}\n$$")
    check("$$\nx\n$$ (eq-a)", "$$\nx\n\\tag{2.1}\n$$")
    check(":::{prf:theorem} Name\n:label: thm-a\nIt holds.\n:::", "**Theorem 2.2 (Name).** It holds.")
    check(":::{prf:proof}\nClear.\n:::", "*Proof.* Clear. $\\square$")
    check("```{exercise}\n:label: ex-a\nDo it.\n```", "**Exercise 2.1.** Do it.")
    check(
        "```{solution} ex-a\n:class: dropdown\nDone.\n```",
        "<details>\n<summary>Solution to Exercise 2.1</summary>\n\nDone.\n\n</details>",
    )
    check("::::{note}\n:::{admonition} In\nb\n:::\n::::", "**Note**\n\n**In**\n\nb")
    check("```python\n:::{note}\n```", "```python\n:::{note}\n```")
    assert converter.references() == "## References\n\n- A and B. *Title*."
