"""What stands under a chapter's title is counted and measured, never typed."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from docutils import nodes
from docutils.utils import new_document

import chapters


@pytest.fixture
def header(root: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "path", [*sys.path, str(root / "book" / "_ext")])
    return importlib.import_module("chapter_header")


def page(*children: nodes.Node) -> nodes.document:
    document = new_document("page")
    document.extend(children)
    return document


def text(words: int) -> nodes.paragraph:
    return nodes.paragraph("", "word " * words)


def test_minutes_are_counted_from_words_and_formulas(header: ModuleType) -> None:
    assert header.reading_minutes(page(text(4000))) == 20
    formulas = [nodes.paragraph("", "", nodes.math("x", "x")) for _ in range(200)]
    assert header.reading_minutes(page(text(4000), *formulas)) == 30
    displayed = [nodes.math_block("x", "x") for _ in range(15)]
    assert header.reading_minutes(page(text(4000), *displayed, *formulas)) == 35
    assert header.reading_minutes(page(text(10))) == 5


def test_code_and_solutions_take_no_time_to_read(header: ModuleType) -> None:
    code = nodes.literal_block("", "word " * 5000)
    solution = header.solution_node("", text(5000))
    assert header.reading_minutes(page(text(2000), code, solution)) == 10


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "under 5 seconds"), (16, "under 20 seconds"), (19, "under 20 seconds"), (400, "about 7 minutes")],
)
def test_times_of_execution_are_said_roughly(header: ModuleType, seconds: float, words: str) -> None:
    assert header.running_time(seconds) == words


def test_no_time_is_typed_in_a_box() -> None:
    """Each chapter has its box, and the box leaves the times to the line under the title."""
    for path in chapters.executable_chapters():
        boxes = re.findall(
            r":class: in-this-chapter\n(.*?)\n:::", path.read_text(encoding="utf8"), flags=re.DOTALL
        )
        assert len(boxes) == (path.parent.name not in {"book", "appendix"}), path.name
        typed = re.search(r"\d+ (minutes|seconds)|an hour|half a minute", "".join(boxes))
        assert not typed, f"{path.name}: {typed}"
