"""The table that book/_tools/formulas.py collected, as a page and as a line under each statement.

The line leads from a statement to the functions that compute it and to its row of the table; the docstring
of each function leads back. Titled statements also get an entry in the index.
"""

from __future__ import annotations

import json
import re
from itertools import groupby
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util.docutils import SphinxDirective


def table_of(app: Sphinx) -> Path:
    """Beside the folder of the pages: the preview of a single chapter has no table."""
    return Path(app.outdir).with_name("formulas.json")


def agreement(checks: dict) -> str:
    """What the check lines of a statement say together."""
    parts = []
    if found := checks.get("simulated"):
        allowed = f" with {found['bias']:g} % allowed" if found["bias"] else ""
        parts.append(
            f"{points(found)} simulated, $\\max|z|={found['max_abs_z']:.1f}${allowed}"
            f" (chance: {found['expected']:.1f})"
        )
    if found := checks.get("computed"):
        parts.append(f"{points(found)} computed in two ways, {apart(found['difference'])}")
    if found := checks.get("bounded"):
        parts.append(f"{points(found)} within the bounds")
    return "; ".join(parts)


def points(found: dict) -> str:
    return f"{found['points']} point{'s' * (found['points'] != 1)}"


def apart(difference: float) -> str:
    if not difference:
        return "equal"
    digit, exponent = f"{difference:.0e}".split("e")
    return f"apart by at most ${digit}\\cdot10^{{{int(exponent)}}}$"


def entry(row: dict, tests: str) -> list[str]:
    """One statement as MyST lines."""
    functions = (f"{{py:obj}}`{name.removeprefix('collapse.')} <{name}>`" for name in row["functions"])
    names = (test.split("::test_") for test in row["tests"])
    links = (f"[{name.replace('_', ' ')}]({tests}/{file})" for file, name in names)
    lines = [
        "````{container} formula",
        f":name: row-{row['label']}",
        "",
        f"**{{prf:ref}}`{row['label']}`** {row['title']}",
        "",
    ]
    if row["formula"]:
        # What ends a sentence on the page ends none here.
        formula = re.sub(r"\s*[.,;:]\s*((?:\\end\{\w+\})?)$", r"\n\1", row["formula"])
        lines += ["```{math}", formula, "```", ""]
    return [
        *lines,
        f"- *function* {', '.join(functions)}",
        f"- *test* {', '.join(links)}",
        f"- *check* {agreement(row['checks'])}",
        "````",
        "",
    ]


class Formulas(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        source = table_of(self.env.app)
        self.env.note_dependency(str(source))
        if not source.exists():
            return [nodes.paragraph(text="The table is made when the whole book is built.")]
        options = self.config.html_theme_options
        tests = f"{options['repository_url']}/blob/{options['repository_branch']}/tests/lib"
        lines = []
        rows = json.loads(source.read_text(encoding="utf8"))
        for chapter, statements in groupby(rows, lambda row: row["chapter"]):
            lines += [f"## {chapter}", ""]
            for row in statements:
                lines += entry(row, tests)
        root = nodes.Element()
        text = StringList("\n".join(lines).splitlines(), str(source))
        self.state.nested_parse(text, self.content_offset, root, match_titles=True)
        return root.children


def in_short(checks: dict) -> str:
    """What the check lines say together, as words without formulas."""
    parts = []
    if found := checks.get("simulated"):
        parts.append(f"{points(found)} simulated, max |z| = {found['max_abs_z']:.1f}")
    if found := checks.get("computed"):
        parts.append(f"{points(found)} computed in two ways")
    if found := checks.get("bounded"):
        parts.append(f"{points(found)} within the bounds")
    return "; ".join(parts)


def link(text: nodes.Node, **target: str) -> addnodes.pending_xref:
    return addnodes.pending_xref("", text, refexplicit=True, refwarn=True, **target)


def library_line(row: dict, page: str) -> nodes.paragraph:
    """Which functions compute a statement, how it was checked, and where its row is."""
    line = nodes.paragraph("", nodes.Text("In the library: "), classes=["statement-links"])
    for name in row["functions"]:
        short = nodes.literal("", name.rsplit(".", 1)[1])
        line += link(short, refdomain="py", reftype="obj", reftarget=name, refdoc=page)
        line += nodes.Text(" · " if name == row["functions"][-1] else ", ")
    line += nodes.Text(f"Checked: {in_short(row['checks'])} · ")
    words = nodes.inline("", "in the table of formulas")
    line += link(words, refdomain="std", reftype="ref", reftarget=f"row-{row['label']}", refdoc=page)
    return line


class StatementLinks(SphinxTransform):
    """A line to library and table under each statement with a row; an index entry for each with a title."""

    default_priority = 500  # before the domains collect what is on the page

    def apply(self, **_: object) -> None:
        source = table_of(self.app)
        rows = json.loads(source.read_text(encoding="utf8")) if source.exists() else []
        by_label = {row["label"]: row for row in rows}
        for node in list(self.document.findall(lambda n: isinstance(n, nodes.Element) and "realtype" in n)):
            label, title = node["label"], node.next_node(nodes.title)
            if title is not None and label:
                # Semicolons and exclamation marks would split the entry.
                words = re.sub(r"^\((.*)\)$", r"\1", title.astext().replace("\\", "").strip())
                words = re.sub(r"^(?:An?|The) (\w)", lambda found: found[1].upper(), words)
                if words and not re.search("[;!]", words):
                    entry = ("single", f"{words} ({node['realtype']})", label, "", None)
                    node.parent.insert(node.parent.index(node), addnodes.index(entries=[entry]))
            if label in by_label:
                self.env.note_dependency(str(source))
                node += library_line(by_label[label], self.env.docname)


def unlink_on_paper(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Off the screen the line is text: library reference and table are not beside the page."""
    if app.builder.format == "html":
        return
    for line in list(doctree.findall(nodes.paragraph)):
        if "statement-links" not in line["classes"]:
            continue
        for reference in list(line.findall(nodes.reference)):
            reference.replace_self(reference.children)


def setup(app: Sphinx) -> dict[str, object]:
    app.add_directive("formulas", Formulas)
    app.add_transform(StatementLinks)
    app.connect("doctree-resolved", unlink_on_paper)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
