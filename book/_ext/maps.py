"""Maps of the book, made from the book: chapters and their needs, the four papers, the interactive figures.

    ```{chapter-map}      a picture (HTML only) and a list, from the "You need" lines of the chapters
    ```{paper-map} title  what a paper announces, and which statements of the book prove it
    ```{figure-map}       every interactive figure as a small image, from the executed chapters

The index of the book is put at the end of the table of contents here, too.
"""

from __future__ import annotations

import base64
import html
import importlib
import inspect
import io
import json
import posixpath
import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from docutils import nodes
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

sys.path.append(str(Path(__file__).resolve().parents[1] / "_tools"))

import chapters
import formulas
from formula_page import table_of

ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII")


# -- what the chapters say -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Chapter:
    page: str
    number: int
    part: int  # from 0
    title: str
    label: str
    needs: tuple[str, ...]  # labels of chapters


def numbered_chapters(root: Path = chapters.ROOT) -> list[Chapter]:
    """The numbered chapters with what they need, in reading order."""
    parts = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf8")).get("parts", [])
    parts = [part for part in parts if part.get("numbered")]
    found: list[Chapter] = []
    for index, part in enumerate(parts):
        for entry in part["chapters"]:
            text = (root / f"{entry['file']}.md").read_text(encoding="utf8")
            head = re.search(r"^\((?P<label>sec-[\w-]+)\)=\n# +(?P<title>.+)$", text, flags=re.MULTILINE)
            need = re.search(
                r"^\W*You need\b(.*?)(?:\*To read|About|\n\n|\n:::)", text, re.DOTALL | re.MULTILINE
            )
            needs = re.findall(r"\{ref\}`(?:[^`<]*<)?(sec-[\w-]+)>?`", need[1] if need else "")
            needs = tuple(dict.fromkeys(needs))
            found.append(Chapter(entry["file"], len(found) + 1, index, head["title"], head["label"], needs))
    return found


def part_names(root: Path = chapters.ROOT) -> list[str]:
    parts = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf8")).get("parts", [])
    return [f"{ROMAN[i]} {p['caption']}" for i, p in enumerate(p for p in parts if p.get("numbered"))]


def named_in_library(title: str) -> list[str]:
    """The statements that functions name in one Source with a paper."""
    found: list[str] = []
    for name in dict.fromkeys(name for names in formulas.functions().values() for name in names):
        module, function = name.rsplit(".", 1)
        doc = inspect.getdoc(getattr(importlib.import_module(module), function)) or ""
        source = re.search(r"^Source:.*?(?=\n\s*\n|\Z)", doc, flags=re.DOTALL | re.MULTILINE)
        if source and title in " ".join(source[0].split()):
            found += re.findall(r"`([\w-]+)`", source[0])
    return list(dict.fromkeys(found))


# -- the picture of the chapters ----------------------------------------------------------------------

WIDE, HIGH = 124, 72  # one chapter
STEP_X, STEP_Y = 131, 118
COLUMNS = 6
FRAMES = ("", "8 4", "2 3", "10 3 2 3", "5 2", "1 3")  # parts are told apart without colour


def places(book: list[Chapter]) -> dict[str, tuple[float, int]]:
    """Column and row of each chapter: below all that it needs, and near it."""
    place: dict[str, tuple[float, int]] = {}
    depth: dict[str, int] = {}
    for chapter in book:  # what a chapter needs comes before it
        depth[chapter.label] = 1 + max((depth[label] for label in chapter.needs), default=-1)
    for row in range(max(depth.values()) + 1):
        here = [chapter for chapter in book if depth[chapter.label] == row]
        above = [[place[label][0] for label in chapter.needs] for chapter in here]
        wish = [sum(x) / len(x) if x else (COLUMNS - 1) / 2 for x in above]
        # Where two wish the same place the later part goes left: fewer arrows cross.
        order = sorted(range(len(here)), key=lambda i: (wish[i], -here[i].part, here[i].number))
        x = [wish[i] for i in order]
        for i in range(1, len(x)):  # apart by one column ...
            x[i] = max(x[i], x[i - 1] + 1)
        spread = sum(x) / len(x) - sum(wish) / len(wish)
        shift = min(max(spread, x[-1] - (COLUMNS - 1)), max(x[0], 0)) if x else 0
        for position, i in enumerate(order):  # ... and as a whole where they wish to be, within the picture
            place[here[i].label] = (x[position] - shift, row)
    return place


def chapter_picture(book: list[Chapter], names: list[str], page: str) -> str:
    """The chapters as linked boxes, each below what it needs, with arrows; an SVG with real links."""
    place = places(book)
    by_label = {chapter.label: chapter for chapter in book}
    margin = 8
    width = (COLUMNS - 1) * STEP_X + WIDE + 2 * margin
    height = max(row for _, row in place.values()) * STEP_Y + HIGH + 2 * margin

    def corner(label: str) -> tuple[float, float]:
        x, row = place[label]
        return margin + x * STEP_X, margin + row * STEP_Y

    arrows, boxes, rules = [], [], []
    for chapter in book:
        x, y = corner(chapter.label)
        for need in chapter.needs:
            from_x, from_y = corner(need)
            x1, y1, x2, y2 = from_x + WIDE / 2, from_y + HIGH, x + WIDE / 2, y - 6
            bend = 0.5 * (y2 - y1)
            arrows.append(
                f'<path class="from-{by_label[need].number} to-{chapter.number}" '
                f'marker-end="url(#map-arrow)" d="M{x1:.0f},{y1:.0f}'
                f'C{x1:.0f},{y1 + bend:.0f} {x2:.0f},{y2 - bend:.0f} {x2:.0f},{y2:.0f}"/>'
            )
        words = textwrap.wrap(chapter.title, 16)
        lines = [f"{names[chapter.part].split()[0]} · {chapter.number}", *words]
        text = "".join(
            f'<tspan x="{x + WIDE / 2:.0f}" y="{y + HIGH / 2 + 5 + 15 * (i - (len(lines) - 1) / 2):.0f}"'
            f"{' class=' + chr(34) + 'number' + chr(34) if not i else ''}>{html.escape(line)} </tspan>"
            for i, line in enumerate(lines)
        )
        href = posixpath.relpath(chapter.page, posixpath.dirname(page)) + ".html"
        boxes.append(
            f'<a href="{href}" class="chapter-{chapter.number}"><rect x="{x:.0f}" y="{y:.0f}" width="{WIDE}" '
            f'height="{HIGH}" rx="4" stroke-dasharray="{FRAMES[chapter.part]}"/><text>{text}</text></a>'
        )
        lit = f".chapter-map:has(.chapter-{chapter.number}:is(:hover,:focus-visible))"
        rules.append(f"{lit} :is(.to-{chapter.number},.from-{chapter.number}){{opacity:1;stroke-width:2.5}}")
    style = "\n".join(rules)
    return (
        f'<style>{style}</style><svg class="chapter-map" viewBox="0 0 {width} {height}" role="group" '
        'aria-label="Chapters and what they need; the list below says the same">'
        '<defs><marker id="map-arrow" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto" markerUnits="userSpaceOnUse"><path d="M0,0L8,4L0,8z"/></marker></defs>'
        f'<g class="arrows" aria-hidden="true">{"".join(arrows)}</g>{"".join(boxes)}</svg>'
    )


# -- the interactive figures --------------------------------------------------------------------------


@dataclass(frozen=True)
class Figure:
    page: str
    anchor: str
    title: str
    alt: str
    image: bytes


def interactive_figures(app: Sphinx) -> Iterator[Figure]:
    """Every interactive figure of the executed chapters, in reading order."""
    from jupyter_cache import get_cache

    kept = app.config.nb_execution_cache_path or Path(app.outdir).with_name(".jupyter_cache")
    cache = get_cache(str(kept))
    for path in chapters.executable_chapters():
        try:
            _, notebook = cache.merge_match_into_notebook(chapters.read(path))
        except KeyError:
            continue  # the preview of another chapter
        for cell in chapters.code_cells(notebook):
            for output in cell.outputs:
                data = output.get("data", {})
                found = re.search(
                    r'<div id="(?P<anchor>[\w-]+)" class="collapse-explorer"><img alt="(?P<alt>[^"]*)"'
                    r'[\s\S]*?\bspec = \{"title":(?P<title>"(?:[^"\\]|\\.)*")',
                    data.get("text/html", ""),
                )
                if found:
                    page = path.relative_to(chapters.ROOT).with_suffix("").as_posix()
                    yield Figure(
                        page,
                        found["anchor"],
                        json.loads(found["title"]),
                        html.unescape(found["alt"]),
                        base64.b64decode(data["image/png"]),
                    )


def thumbnail(image: bytes) -> bytes:
    """The image at half its width, in few colours."""
    from PIL import Image

    with Image.open(io.BytesIO(image)) as full, io.BytesIO() as out:
        small = full.convert("RGB").resize(
            (480, round(480 * full.height / full.width)), Image.Resampling.LANCZOS
        )
        small.quantize(64).save(out, "png", optimize=True)
        return out.getvalue()


# -- the directives ---------------------------------------------------------------------------------


class Map(SphinxDirective):
    """What all maps share: they change when a chapter changes."""

    def watch(self) -> None:
        for name in chapters.toc_files():
            self.env.note_dependency(str(chapters.ROOT / f"{name}.md"))
        self.env.note_dependency(str(chapters.ROOT / "_toc.yml"))

    def parse(self, lines: list[str]) -> list[nodes.Node]:
        root = nodes.Element()
        self.state.nested_parse(StringList(lines, self.env.docname), self.content_offset, root)
        return root.children


class ChapterMap(Map):
    def run(self) -> list[nodes.Node]:
        self.watch()
        book, names = numbered_chapters(), part_names()
        picture = nodes.raw("", chapter_picture(book, names, self.env.docname), format="html")
        lines = []
        for part, name in enumerate(names):
            lines += ["", f"**{name.replace(' ', '. ', 1)}**", ""]
            for chapter in (chapter for chapter in book if chapter.part == part):
                needs = ", ".join(f"{{ref}}`{label}`" for label in chapter.needs)
                needs = f"needs {needs}" if needs else "needs no other chapter"
                lines.append(f"{chapter.number}. {{ref}}`{chapter.label}`: {needs}")
        listed = nodes.container("", *self.parse(lines), classes=["chapter-list"])
        return [picture, listed]


class PaperMap(Map):
    """One paper: what it announces (by hand, `announcement: labels`), and where that is proved here."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self) -> list[nodes.Node]:
        self.watch()
        source = table_of(self.env.app)
        self.env.note_dependency(str(source))
        rows = json.loads(source.read_text(encoding="utf8")) if source.exists() else []
        rows = {row["label"]: row for row in rows}
        announced = []
        for line in self.content:
            if line.strip():
                words, labels = line.rsplit(":", 1)
                announced.append((words, [label.strip() for label in labels.split(",")]))
        listed = {label for _, labels in announced for label in labels}
        if rows and (unknown := listed - set(rows)):
            raise self.error(f"no such row in the table of formulas: {', '.join(sorted(unknown))}")
        further = [label for label in named_in_library(self.arguments[0]) if label not in listed]
        if further:
            announced.append(("*also named with the paper in the library*", further))
        chapter = {chapter.page: chapter.label for chapter in numbered_chapters()}
        lines = ["| The paper | Here | Chapter |", "|---|---|---|"]
        for words, labels in announced:
            for row in (rows[label] for label in labels if label in rows):
                here, place = f"{{prf:ref}}`{row['label']}`", f"{{ref}}`{chapter[row['page']]}`"
                lines.append(f"| {words} | {here} {row['title']} | {place} |")
                words = ""  # said once, above all its statements
        return self.parse(lines)


class FigureMap(Map):
    def run(self) -> list[nodes.Node]:
        self.watch()
        app = self.env.app
        folder = Path(app.outdir).with_name("thumbnails")
        folder.mkdir(parents=True, exist_ok=True)
        gallery = nodes.container(classes=["figure-map"])
        for figure in interactive_figures(app):
            file = folder / f"{figure.anchor}.png"
            file.write_bytes(thumbnail(figure.image))
            uri = "/" + file.relative_to(app.srcdir).as_posix()
            place = (
                posixpath.relpath(figure.page, posixpath.dirname(self.env.docname)) + ".html#" + figure.anchor
            )
            image = nodes.image(uri=uri, alt=f"The figure “{figure.title}” at its first setting")
            link = nodes.reference("", figure.title, internal=True, refuri=place)
            chapter = self.parse([f"{{doc}}`/{figure.page}`"])
            words = nodes.paragraph("", "", nodes.strong("", "", link))
            gallery += nodes.container("", image, words, nodes.paragraph(text=figure.alt), *chapter)
        return [gallery]


def unlink_on_paper(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """The place of an interactive figure is one of the page: elsewhere its title is text."""
    if app.builder.format == "html":
        return
    for gallery in list(doctree.findall(nodes.container)):
        if "figure-map" in gallery["classes"]:
            for link in list(gallery.findall(nodes.strong)):
                words = link.astext()
                link.clear()
                link += nodes.Text(words)


def add_index(app: Sphinx, doctree: nodes.document) -> None:
    """The index is no page of its own making, so _toc.yml cannot name it."""
    if app.env.docname == app.config.root_doc:
        *_, last = [None, *doctree.findall(addnodes.toctree)]
        if last is not None:
            last["entries"].append((None, "genindex"))


def setup(app: Sphinx) -> dict[str, object]:
    for name, directive in {"chapter": ChapterMap, "paper": PaperMap, "figure": FigureMap}.items():
        app.add_directive(f"{name}-map", directive)
    app.add_css_file("maps.css")
    app.connect("doctree-read", add_index)
    app.connect("doctree-resolved", unlink_on_paper)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
