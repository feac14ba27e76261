"""The directive `formulas`: the table that book/_tools/formulas.py collected, chapter by chapter."""

from __future__ import annotations

import json
import re
from itertools import groupby
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


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
    lines = ["````{container} formula", f"**{{prf:ref}}`{row['label']}`** {row['title']}", ""]
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
        # Beside the folder of the pages: the preview of a single chapter has no table.
        source = Path(self.env.app.outdir).with_name("formulas.json")
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


def setup(app: Sphinx) -> dict[str, object]:
    app.add_directive("formulas", Formulas)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
