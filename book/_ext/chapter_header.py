"""One line under each chapter's title, and the numbers of the parts in the sidebar.

The line says which part the chapter belongs to, how long it takes to read and to run and on which chapters
it builds, and offers it in Colab, as a notebook and as source. Nothing of it is typed: the minutes are
counted, the seconds are those of the last execution, the chapters are those that the box "In this chapter"
links to. A page without that box is no chapter and has no such line.
"""

from __future__ import annotations

import html
import posixpath
import shutil
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import toctree
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx_exercise.nodes import solution_node

WORDS_A_MINUTE = 200
SECONDS_INLINE = 3  # for a formula in the line
SECONDS_DISPLAYED = 20  # for one that stands by itself, and for a figure
# Times of execution differ from machine to machine and from day to day: they are said roughly.
ROUND_SECONDS = (5, 10, 20, 30, 60, 90, 120, 180, 300)
ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X")


def reading_minutes(doctree: nodes.document) -> int:
    """Minutes to read a page, to the next five: its text without code and without solutions."""
    words = seconds = 0
    waiting: list[nodes.Node] = [doctree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, nodes.literal_block | nodes.comment | nodes.raw | solution_node):
            continue
        if isinstance(node, nodes.math):
            seconds += SECONDS_INLINE
        elif isinstance(node, nodes.math_block):
            seconds += SECONDS_DISPLAYED
        elif isinstance(node, nodes.Text):
            words += len(node.split())
        else:
            seconds += SECONDS_DISPLAYED * isinstance(node, nodes.figure)
            waiting.extend(node.children)
    return max(5, 5 * round((words / WORDS_A_MINUTE + seconds / 60) / 5))


def running_time(seconds: float) -> str:
    """A time of execution in words that stay the same when it is measured again."""
    limit = next((limit for limit in ROUND_SECONDS if seconds <= limit), None)
    return f"under {limit} seconds" if limit else f"about {seconds / 60:.0f} minutes"


def parts(env: BuildEnvironment) -> dict[str, tuple[str, list[str]]]:
    """Roman number and pages of each numbered part of the table of contents, by its name."""
    trees = env.get_doctree(env.config.root_doc).findall(toctree)
    named = [tree for tree in trees if tree.get("caption") and tree.get("numbered")]
    return {
        tree["caption"]: (number, [page for _, page in tree["entries"]])
        for number, tree in zip(ROMAN, named, strict=False)
    }


def box_of(doctree: nodes.document) -> nodes.Element | None:
    """The box "In this chapter"."""
    boxes = doctree.findall(nodes.admonition)
    return next((box for box in boxes if "in-this-chapter" in box["classes"]), None)


def count_minutes(app: Sphinx, doctree: nodes.document) -> None:
    if box_of(doctree):
        app.env.metadata[app.env.docname]["reading_minutes"] = reading_minutes(doctree)


def minutes_of_pages(env: BuildEnvironment) -> dict[str, int]:
    """Minutes to read each chapter."""
    return {page: data["reading_minutes"] for page, data in env.metadata.items() if "reading_minutes" in data}


def times_of_pages(env: BuildEnvironment) -> dict[str, str]:
    """How long each page ran when it was last executed, in words."""
    runs = {page: data.get("exec_data") or {} for page, data in env.nb_metadata.items()}
    return {page: running_time(run["runtime"]) for page, run in runs.items() if run.get("runtime")}


def needed(env: BuildEnvironment, docname: str, box: nodes.Element) -> list[tuple[str, str, str]]:
    """Number, title and address of each other chapter that the box links to, in the book's order."""
    found = {}
    for link in box.findall(nodes.reference):
        target, _, anchor = link.get("refuri", "").partition("#")
        page = posixpath.normpath(posixpath.join(posixpath.dirname(docname), target)).removesuffix(".html")
        if anchor.startswith("sec-") and page != docname and page in env.titles:
            number = ".".join(map(str, env.toc_secnumbers.get(page, {}).get("", ())))
            found[page] = (number, env.titles[page].astext(), link["refuri"])
    return sorted(found.values(), key=lambda chapter: int(chapter[0] or 0))


def header(app: Sphinx, docname: str, box: nodes.Element) -> str:
    """The line as HTML."""
    env, name = app.env, posixpath.basename(docname)
    facts = [
        f"{number}. {html.escape(caption)}"
        for caption, (number, pages) in parts(env).items()
        if docname in pages
    ]
    facts.append(f"{env.metadata[docname]['reading_minutes']} minutes to read")
    if time := times_of_pages(env).get(docname):
        facts.append(f"{time} to run")
    links = [
        f'<a class="reference internal" href="{address}" title="{html.escape(title)}">{number or title}</a>'
        for number, title, address in needed(env, docname, box)
    ]
    if links:
        facts.append(f"builds on chapter{'s' * (len(links) > 1)} {', '.join(links)}")
    options = app.config.html_theme_options
    colab = options["launch_buttons"]["colab_url"]
    repository = options["repository_url"].removeprefix("https://github.com/")
    notebook = f"{colab}/github/{repository}/blob/{options['repository_branch']}/{docname}.ipynb"
    files = [
        f'<a class="reference external" href="{notebook}">Open in Colab</a>',
        f'<a href="{name}.ipynb" download>Notebook</a>',
        f'<a href="{name}.md" download>Source</a>',
    ]
    rows = {"chapter-facts": facts, "chapter-files": files}
    lists = [
        f'<ul class="{kind}">' + "".join(f"<li>{item}</li>" for item in items) + "</ul>"
        for kind, items in rows.items()
    ]
    return f'<div class="chapter-header">{"".join(lists)}</div>'


def add_header(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the line under the title. It is made when the page is written, so no stored page holds a time."""
    box = box_of(doctree)
    if app.builder.name == "html" and box and docname in app.env.nb_metadata:
        title = next(doctree.findall(nodes.title))
        title.parent.insert(
            title.parent.index(title) + 1, nodes.raw("", header(app, docname, box), format="html")
        )


def number_parts(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Write "II. Regression collapse" in the sidebar, whose chapters are numbered already."""
    sidebar = context.get("generate_toctree_html")
    if sidebar is None:
        return
    names = {caption: f"{number}. {caption}" for caption, (number, _) in parts(app.env).items()}

    def numbered(*arguments: object, **options: object) -> object:
        tree = sidebar(*arguments, **options)
        for caption in getattr(tree, "select", lambda _: ())(".caption-text"):
            caption.string = names.get(caption.get_text(), caption.get_text())
        return tree

    context["generate_toctree_html"] = numbered


def copy_files(app: Sphinx, exception: Exception | None) -> None:
    """Lay the notebook and the source of each executed page beside it, so that both are there offline."""
    if exception is not None or app.builder.name != "html":
        return
    for docname in app.env.nb_metadata:
        for suffix in (".ipynb", ".md"):
            source = Path(app.srcdir, docname + suffix)
            if source.exists():
                shutil.copyfile(source, Path(app.outdir, docname + suffix))


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("doctree-read", count_minutes)
    app.connect("doctree-resolved", add_header)
    app.connect("html-page-context", number_parts, priority=900)
    app.connect("build-finished", copy_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
