"""What a link points at, kept beside the pages for previews.js: one small script for each page.

A script and not JSON, because a browser loads a script also where pages are opened from a folder.
"""

from __future__ import annotations

import json
import posixpath
from pathlib import Path

from bs4 import BeautifulSoup, Tag
from sphinx.application import Sphinx

# Statements (their proofs are not linked to), exercises, figures, tables, equations, works, terms.
SHOWN = (
    "div.proof[id]:not([id^=proof]), div.exercise[id], figure[id], table[id], div.math[id], "
    "div.citation[id], dl.glossary > dt[id]"
)
# What has no place in a card: marks of the page, controls, the way to the library, images inside the page.
LEFT_OUT = ".headerlink, .label, .statement-links, button, script, img[src^='data:']"


def fragment(shown: Tag, page: str) -> str:
    """The element as a card holds it: no links, no ids, images found from the site's root."""
    if shown.name == "dt":
        card = BeautifulSoup(
            f"<b>{shown.decode_contents()}</b>{shown.find_next('dd').decode_contents()}", PARSER
        )
    else:
        card = BeautifulSoup(str(shown), PARSER)
    for unwanted in card.select(LEFT_OUT):
        unwanted.decompose()
    for link in card.find_all("a"):
        link.unwrap()
    for element in card.find_all(True):
        for name in ("id", "role", "aria-labelledby"):
            element.attrs.pop(name, None)
    for image in card.find_all("img"):
        image["src"] = posixpath.normpath(posixpath.join(posixpath.dirname(page), image["src"]))
    return str(card)


PARSER = "html.parser"


def write_fragments(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    if app.builder.format != "html" or doctree is None:
        return
    # Any page may show a formula in a card, so each one loads the typesetter.
    app.env.get_domain("math").data["has_equations"][page] = True
    body = BeautifulSoup(context["body"], PARSER)
    found = {shown["id"]: fragment(shown, page) for shown in body.select(SHOWN)}
    target = Path(app.outdir) / "_previews" / f"{page}.js"
    target.parent.mkdir(parents=True, exist_ok=True)
    content = f"bookPreviews({json.dumps(page)}, {json.dumps(found, ensure_ascii=False)});\n"
    target.write_text(content, encoding="utf8")


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("html-page-context", write_fragments, priority=400)  # before MathJax asks which pages need it
    app.add_js_file("previews.js", defer="defer")
    app.add_css_file("previews.css")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
