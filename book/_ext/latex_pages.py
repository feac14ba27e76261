"""What the printed book needs beside the pages: parts, statements, boxes, a bibliography in its place.

LaTeX counts chapters, statements, equations, figures and exercises itself; book/_tools/pdf.py then
compares its numbers with those of the site. How everything looks is in bookprint.sty.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.writers.latex import LaTeXTranslator
from sphinx_exercise.nodes import exercise_enumerable_node, solution_node
from sphinx_proof.nodes import NODE_TYPES

LONG_TABLE = 30  # rows; from there on Sphinx lets a table run over pages
BOXES = ("in-this-chapter", "in-practice", "limits")  # admonitions with a look of their own


def raw(latex: str) -> nodes.raw:
    return nodes.raw("", latex + "\n", format="latex")


def greek(name: str) -> str:
    try:
        return unicodedata.lookup(f"GREEK SMALL LETTER {name}")
    except KeyError:
        return name


class Parts(SphinxPostTransform):
    """The preface becomes a chapter like the others, and the captions of the table of contents parts."""

    default_priority = 1
    formats = ("latex",)

    def run(self, **kwargs: object) -> None:
        preface = next(self.document.findall(nodes.section))
        wrappers = [n for n in preface.findall(nodes.compound) if "toctree-wrapper" in n["classes"]]
        book = nodes.section("", nodes.title(text="The book"))  # the writer passes over the first title
        preface.replace_self(book)
        numbered = False
        book += raw(r"\setcounter{secnumdepth}{-1}")
        book += addnodes.start_of_file("", preface, docname=self.document["docname"])
        for part, wrapper in zip(self.config.external_site_map.root.subtrees, wrappers, strict=True):
            wrapper.parent.remove(wrapper)
            if part.caption:
                numbered = bool(part.numbered)
                # Pages that the site does not number have no number here, nor has their part.
                book += raw(rf"\setcounter{{secnumdepth}}{{{2 if numbered else -2}}}")
                book += raw(rf"\part{{{part.caption}}}")
            book += raw("") if numbered else raw(r"\setcounter{secnumdepth}{-1}")
            book += wrapper.children


class Titles(SphinxPostTransform):
    """Exercises and their solutions: LaTeX numbers the one, and the other refers to that number."""

    default_priority = 4  # before sphinx-exercise writes its own
    formats = ("latex",)

    def run(self, **kwargs: object) -> None:
        for node in self.document.findall(exercise_enumerable_node):
            subtitle = node[0].children[1:]
            text = [nodes.Text(" ("), *subtitle[0].children, nodes.Text(")")] if subtitle else []
            node[0] = nodes.title("", "", *text)
        for node in self.document.findall(solution_node):
            target = node["target_label"]
            uri = f"%{self.env.sphinx_exercise_registry[target]['docname']}#{target}"
            reference = addnodes.number_reference("", "", refuri=uri, title="Exercise %s")
            node[0] = nodes.title("", "", nodes.Text("Solution to "), reference)


class Cells(SphinxPostTransform):
    """Code that the site folds away is left out: it draws figures, and site and notebooks show it."""

    default_priority = 400
    formats = ("latex",)

    def run(self, **kwargs: object) -> None:
        for cell in list(self.document.findall(nodes.container)):
            if "tag_hide-input" in cell["classes"]:
                for part in [n for n in cell if "cell_input" in n["classes"]]:
                    cell.remove(part)
            if "cell_output" in cell["classes"]:
                for image in cell.findall(nodes.image):
                    image["align"] = "center"


class References(SphinxPostTransform):
    """Keep the bibliography on its page: Sphinx would put it behind everything."""

    default_priority = 740  # after the entries were made, before Sphinx gathers them
    formats = ("latex",)

    def run(self, **kwargs: object) -> None:
        for citation in list(self.document.findall(nodes.citation)):
            entry = nodes.container(classes=["reference"])
            entry += nodes.target("", "", ids=citation["ids"])
            entry += citation.children[1:]  # the text cites by authors and year: no key
            citation.replace_self(entry)


def visible(cell: nodes.Element) -> str:
    """The text of a cell with every command of a formula as one letter."""
    return re.sub(r"\\[a-zA-Z]+ ?|\\.", "x", re.sub(r"[{}^_]", "", cell.astext()))


class LongTables(SphinxPostTransform):
    """A table that may run over pages measures no column: tell it what share of the page each needs."""

    default_priority = 400
    formats = ("latex",)

    def run(self, **kwargs: object) -> None:
        for table in self.document.findall(nodes.table):
            rows = list(table.findall(nodes.row))
            if len(rows) <= LONG_TABLE or "colwidths-given" in table["classes"]:
                continue
            table["classes"].append("colwidths-given")
            for column, spec in enumerate(table.findall(nodes.colspec)):
                longest = max(len(visible(row[column])) for row in rows if column < len(row))
                spec["colwidth"] = round(10 * longest**0.5)


class PrintTranslator(LaTeXTranslator):
    """Environments of bookprint.sty for what is stated, proved, asked, answered and boxed."""

    def open(self, environment: str, *arguments: str) -> None:
        self.body.append(f"\n\\begin{{{environment}}}" + "".join(f"{{{a}}}" for a in arguments))
        self.no_latex_floats += 1

    def close(self, environment: str) -> None:
        self.body.append(f"\\end{{{environment}}}\n")
        self.no_latex_floats -= 1

    def label(self, node: nodes.Element) -> str:
        return self.idescape(f"{self.curfilestack[-1]}:{node['ids'][0]}")

    def visit_statement(self, node: nodes.Element) -> None:
        self.open("statement", node["realtype"].title(), self.label(node))

    def depart_statement(self, node: nodes.Element) -> None:
        self.close("statement")

    def visit_exercise_enumerable_node(self, node: nodes.Element) -> None:
        self.open("exercise", self.label(node))

    def depart_exercise_enumerable_node(self, node: nodes.Element) -> None:
        self.close("exercise")

    def visit_solution_node(self, node: nodes.Element) -> None:
        self.open("solution", self.label(node))

    def depart_solution_node(self, node: nodes.Element) -> None:
        self.close("solution")

    def visit_exercise_latex_number_reference(self, node: nodes.Element) -> None:
        node["title"] = "Exercise %s"
        self.visit_number_reference(node)

    def visit_proof_node(self, node: nodes.Element) -> None:
        start = next(node.findall(nodes.Text))
        start.parent.replace(start, nodes.Text(start.removeprefix("Proof. ").removeprefix("Proof.")))

    def depart_proof_node(self, node: nodes.Element) -> None:
        pass

    def visit_math(self, node: nodes.Element) -> None:
        if not self.in_title:
            super().visit_math(node)  # ends the visit
        # A heading is a bookmark too, and these hold plain letters only.
        plain = re.sub(r"\\([a-z]+)", lambda match: greek(match[1]), node.astext())
        formula = rf"\protect\({node.astext()}\protect\)"
        self.body.append(rf"\texorpdfstring{{{formula}}}{{{self.escape(plain)}}}")
        raise nodes.SkipNode

    def visit_admonition(self, node: nodes.Element) -> None:
        if "proof" in node["classes"]:
            self.open("bookproof")
        else:
            kind = next((box for box in BOXES if box in node["classes"]), "aside")
            self.open("bookbox", kind)

    def depart_admonition(self, node: nodes.Element) -> None:
        self.close("bookproof" if "proof" in node["classes"] else "bookbox")


for kind in NODE_TYPES.values():
    setattr(PrintTranslator, f"visit_{kind.__name__}", PrintTranslator.visit_statement)
    setattr(PrintTranslator, f"depart_{kind.__name__}", PrintTranslator.depart_statement)


def prepare(app: Sphinx) -> None:
    """For LaTeX alone: the cover, and visitors that win over those of the extensions."""
    if app.builder.format != "latex":
        return
    # Not before: the theme gives its own writer to the pages only if no other writer is registered.
    app.set_translator("latex", PrintTranslator)
    about = yaml.safe_load((Path(app.srcdir) / "CITATION.cff").read_text(encoding="utf8"))
    # Read by the builder before this event: its own copy counts.
    app.builder.context["maketitle"] = rf"\bookcover{{{about['version']}}}{{{about['url']}}}"
    handlers = app.registry.translation_handlers["latex"]
    for name in [name for name in handlers if f"visit_{name}" in vars(PrintTranslator)]:
        del handlers[name]


def setup(app: Sphinx) -> dict[str, object]:
    for transform in (Parts, Titles, Cells, LongTables, References):
        app.add_post_transform(transform)
    app.connect("builder-inited", prepare)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
