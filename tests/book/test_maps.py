"""The maps show the book as it is, and every link between statement, library and table leads somewhere."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest
from bs4 import BeautifulSoup

import chapters

HTML = chapters.BUILD / "html"


@pytest.fixture(scope="module")
def maps() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path, str(chapters.ROOT / "book" / "_ext")])
        yield importlib.import_module("maps")


def page(name: str) -> BeautifulSoup:
    return BeautifulSoup((HTML / f"{name}.html").read_text(encoding="utf8"), "html.parser")


def rows() -> list[dict]:
    return json.loads((chapters.BUILD / "formulas.json").read_text(encoding="utf8"))


def test_every_chapter_and_every_need_is_on_the_map(maps: ModuleType) -> None:
    book = maps.numbered_chapters()
    assert {chapter.page for chapter in book} < set(chapters.toc_files())
    numbers = {chapter.label: chapter.number for chapter in book}
    built = page("book/appendix/maps")
    boxes = built.select("svg.chapter-map a")
    assert [(box["class"], box["href"]) for box in boxes] == [
        ([f"chapter-{chapter.number}"], f"../{chapter.page.removeprefix('book/')}.html") for chapter in book
    ]
    arrows = {tuple(arrow["class"]) for arrow in built.select("svg.chapter-map .arrows path")}
    assert arrows == {
        (f"from-{numbers[label]}", f"to-{chapter.number}") for chapter in book for label in chapter.needs
    }
    listed = [item.get_text() for item in built.select(".chapter-list li")]
    titles = {chapter.label: chapter.title for chapter in book}
    for chapter, text in zip(book, listed, strict=True):
        assert text.startswith(chapter.title)
        assert all(titles[label] in text for label in chapter.needs)


def test_what_a_chapter_needs_is_read_from_its_box(maps: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "_toc.yml").write_text(
        "parts:\n- {caption: A, numbered: true, chapters: [{file: one}, {file: two}]}\n- {chapters: []}\n"
    )
    (tmp_path / "one.md").write_text("(sec-one)=\n# One\n\n*You need* nothing. *To read:* {ref}`sec-two`.\n")
    (tmp_path / "two.md").write_text(
        "(sec-two)=\n# Two\n\nYou need {ref}`sec-one` (and {ref}`it <sec-one>`). About {ref}`x`.\n\n{ref}`y`"
    )
    one, two = maps.numbered_chapters(tmp_path)
    assert (one.needs, two.needs) == ((), ("sec-one",))
    assert maps.places([one, two]) == {"sec-one": (2.5, 0), "sec-two": (2.5, 1)}


def test_boxes_do_not_overlap(maps: ModuleType) -> None:
    places = list(maps.places(maps.numbered_chapters()).values())
    for row in {row for _, row in places}:
        x = sorted(x for x, other in places if other == row)
        assert x[0] >= 0 and x[-1] <= maps.COLUMNS - 1
        assert all(right - left > 0.999 for left, right in pairwise(x))


def test_every_paper_is_on_the_map_with_the_statements_that_the_library_names(maps: ModuleType) -> None:
    text = page("book/appendix/maps")
    shown = {link["href"].split("#")[-1] for link in text.select("table a[href*='#']")}
    for title in ("Model Collapse Demystified", "A Tale of Tails"):
        named = maps.named_in_library(title)
        assert named
        assert set(named) & {row["label"] for row in rows()} <= shown
    headings = [heading.get_text() for heading in text.select("h3")]
    for title in (
        "Model Collapse Demystified",
        "A Tale of Tails",
        "Strong Model Collapse",
        "Beyond Model Collapse",
    ):
        assert any(heading.startswith(title) for heading in headings)


def test_every_interactive_figure_is_in_the_gallery() -> None:
    gallery = page("book/appendix/figures").select_one(".figure-map")
    linked = [link["href"] for link in gallery.select("strong a")]
    found = [
        f"../{path.relative_to(HTML / 'book').as_posix()}#{figure}"
        for path in (HTML / f"{name}.html" for name in chapters.toc_files())
        for figure in re.findall(
            r'<div id="([\w-]+)" class="collapse-explorer"', path.read_text(encoding="utf8")
        )
    ]
    assert linked == found
    assert len(gallery.select("img[alt]")) == len(found) > 0


def test_each_row_is_linked_both_ways() -> None:
    """Statement -> function and table; table -> statement; function -> statement: each anchor is there."""
    library, table = page("book/appendix/library"), page("book/appendix/formulas")
    pages = {name: page(name) for name in {row["page"] for row in rows()}}
    for row in rows():
        statement = pages[row["page"]].find(id=row["label"])
        line = statement.select_one(".statement-links")
        assert line, row["label"]
        links = [link["href"] for link in line.find_all("a")]
        assert links == [
            *(f"../appendix/library.html#{name}" for name in row["functions"]),
            f"../appendix/formulas.html#row-{row['label']}",
        ]
        assert f"{sum(part['points'] for part in row['checks'].values())}" in line.get_text() or (
            len(row["checks"]) > 1
        )
        back = f"../{row['page'].removeprefix('book/')}.html#{row['label']}"
        assert table.find(id=f"row-{row['label']}").find("a", href=back)
        for name in row["functions"]:
            entry = library.find(id=name).find_parent("dl")
            assert entry.find("a", href=back), f"{name} does not lead back to {row['label']}"


def test_the_glossary_leads_to_the_chapters_and_into_the_index() -> None:
    glossary = page("book/appendix/glossary")
    terms = glossary.select("dl.glossary > dt")
    assert 40 <= len(terms) <= 80
    index = page("genindex").get_text()
    for term in terms:
        assert term.find_next("dd").select("a[href]"), f"{term.get_text()} names no chapter"
        assert term.find(string=True).strip() in index
    assert "Linear growth (theorem)" in index
    sidebar = page("book/preface").select("nav a[href$='genindex.html']")
    assert [link.get_text() for link in sidebar] == ["Index"]
