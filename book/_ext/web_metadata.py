"""What search engines and link previews read: description, card, structured data, sitemap, front door.

Addresses come from `html: baseurl` in `_config.yml`; title, authors, version and licences from CITATION.cff.
"""

from __future__ import annotations

import html
import itertools
import json
import re
import textwrap
import unicodedata
from pathlib import Path

import yaml
from docutils import nodes
from sphinx.application import Sphinx

CARD = "_static/social-preview.png"  # drawn by book/_tools/social_preview.py
CARD_SIZE = (1200, 630)
CARD_ALT = (
    "Test error over generations of a model: it grows when old data are replaced, and levels off when kept."
)
ARCHIVE = "model-collapse-book.zip"  # packed by book/_tools/offline.py
DESCRIPTION_LIMIT = 300  # characters


def base(app: Sphinx) -> str:
    """Address of the published pages, with a slash at the end."""
    return app.config.html_baseurl.rstrip("/") + "/"


def address(app: Sphinx, page: str) -> str:
    """Where a page is published; the opening page is at the site's own address."""
    return base(app) if page == app.config.root_doc else base(app) + app.builder.get_target_uri(page)


def plain(node: nodes.Node) -> str:
    """A paragraph as text, with formulas in letters: a description knows no TeX."""

    def word(match: re.Match) -> str:
        try:
            return unicodedata.lookup(f"GREEK SMALL LETTER {match[1]}")
        except KeyError:
            return match[1]

    pieces = []
    for part in node.findall(lambda part: isinstance(part, nodes.Text)):
        text = part.astext()
        if isinstance(part.parent, nodes.math):
            text = re.sub(r"[{}$]", "", re.sub(r"\\([A-Za-z]+)", word, text))
        pieces.append(text)
    return " ".join("".join(pieces).split())


def description(doctree: nodes.document) -> str:
    """The first paragraph under the title: as many whole sentences as fit, or the start of the first."""
    first = doctree.next_node(
        lambda node: isinstance(node, nodes.paragraph) and isinstance(node.parent, nodes.section)
    )
    if first is None:
        return ""
    text = plain(first)
    sentences = itertools.accumulate(re.split(r"(?<=[.?!]) ", text), "{} {}".format)
    whole = [start for start in sentences if len(start) <= DESCRIPTION_LIMIT]
    return whole[-1] if whole else textwrap.shorten(text, DESCRIPTION_LIMIT, placeholder=" …")


def book(app: Sphinx) -> dict:
    """The book as schema.org says it."""
    citation = yaml.safe_load((Path(app.srcdir) / "CITATION.cff").read_text(encoding="utf8"))
    people = [
        {"@type": "Person", "name": f"{author['given-names']} {author['family-names']}"}
        if "family-names" in author
        else {"@type": "Organization", "name": author["name"]}
        for author in citation["authors"]
    ]
    return {
        "@context": "https://schema.org",
        "@type": "Book",
        "@id": base(app),
        "url": base(app),
        "name": citation["title"],
        "author": people,
        "license": [f"https://spdx.org/licenses/{name}" for name in citation["license"]],
        "version": citation["version"],
        "datePublished": str(citation["date-released"]),
        "bookFormat": "https://schema.org/EBook",
        "isAccessibleForFree": True,
        "inLanguage": app.config.language,
        "image": base(app) + CARD,
    }


def chapter(app: Sphinx, page: str, title: str) -> dict:
    """A chapter as schema.org says it: what it shares with the book is said again, each page stands alone."""
    whole = book(app)
    shared = ("@context", "author", "license", "datePublished", "isAccessibleForFree", "inLanguage")
    return {
        "@type": "Chapter",
        "@id": address(app, page),
        "url": address(app, page),
        "name": title,
        **{key: whole[key] for key in shared},
        "isPartOf": {key: whole[key] for key in ("@type", "@id", "name", "url")},
    }


def head(app: Sphinx, page: str, title: str, summary: str) -> str:
    """The tags for the head of a page of the book."""
    root = page == app.config.root_doc
    data = book(app) if root else chapter(app, page, title)
    if summary:
        data["description"] = summary
    name = app.config.html_title or app.config.project
    named = [("description", summary), ("twitter:card", "summary_large_image")]
    properties = [
        ("og:title", name if root else title),
        ("og:description", summary),
        ("og:type", "book" if root else "article"),
        ("og:url", address(app, page)),
        ("og:site_name", name),
        ("og:image", base(app) + CARD),
        ("og:image:width", str(CARD_SIZE[0])),
        ("og:image:height", str(CARD_SIZE[1])),
        ("og:image:alt", CARD_ALT),
    ]
    tags = [
        f'<meta {kind}="{key}" content="{html.escape(value)}">'
        for kind, pairs in (("name", named), ("property", properties))
        for key, value in pairs
        if value
    ]
    text = json.dumps(data, ensure_ascii=False).replace("</", "<\\/")
    return "\n".join([*tags, f'<script type="application/ld+json">{text}</script>'])


def describe(app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None) -> None:
    """Give each page its tags, its one address and the link to the copy for reading offline."""
    offline = f'<p><a href="{context["pathto"](ARCHIVE, 1)}">The whole book for reading offline (zip)</a></p>'
    context["theme_extra_footer"] = context.get("theme_extra_footer", "") + offline
    if doctree is None:  # the index, the search, the source of the library
        return
    context["pageurl"] = address(app, page)
    title = html.unescape(re.sub(r"<[^>]+>", "", context["title"]))
    context["metatags"] += "\n" + head(app, page, title, description(doctree))


def front_door(app: Sphinx) -> str:
    """`index.html`: leads to the opening page, and carries its tags for who does not follow."""
    page, name = app.config.root_doc, app.config.html_title or app.config.project
    tags = head(app, page, name, description(app.env.get_doctree(page)))
    goal = app.builder.get_target_uri(page)
    return (
        f'<!doctype html>\n<html lang="{app.config.language}">\n<head>\n<meta charset="utf-8">\n'
        f'<title>{name}</title>\n<link rel="icon" href="_static/{Path(app.config.html_favicon).name}">\n'
        f'<link rel="canonical" href="{base(app)}">\n{tags}\n'
        f'<meta http-equiv="refresh" content="0; url={goal}">\n</head>\n'
        f'<body><main><h1>{name}</h1><p><a href="{goal}">To the first page</a></p></main></body>\n</html>\n'
    )


def write_site_files(app: Sphinx, exception: Exception | None) -> None:
    """Write what belongs to the site as a whole."""
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir)
    pages = sorted(app.env.found_docs, key=lambda page: (page != app.config.root_doc, page))
    entries = "".join(f"<url><loc>{html.escape(address(app, page))}</loc></url>\n" for page in pages)
    sitemap = (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{entries}</urlset>\n'
    )
    (folder / "sitemap.xml").write_text(sitemap, encoding="utf8")
    # Obeyed where the site is at the root of its host; harmless elsewhere.
    (folder / "robots.txt").write_text(f"User-agent: *\nAllow: /\nSitemap: {base(app)}sitemap.xml\n", "utf8")
    (folder / "index.html").write_text(front_door(app), encoding="utf8")


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("html-page-context", describe)
    app.connect("build-finished", write_site_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
