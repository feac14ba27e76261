"""Local touches to the built pages, and the list of labels that the notebooks are numbered by."""

from __future__ import annotations

import json
import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

import chapter_header

BODIES = {"proof-content", "exercise-content", "solution-content"}


def drop_thebe(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Leave out Thebe: its script is on another host, and is declared twice (an error in the console)."""

    def is_thebe(asset: object) -> bool:
        body = (getattr(asset, "attributes", None) or {}).get("body") or ""
        return "THEBE_JS_URL" in body or "thebe" in str(getattr(asset, "filename", asset) or "")

    for kind in ("script_files", "css_files"):
        context[kind] = [asset for asset in context.get(kind, []) if not is_thebe(asset)]


# The markup of a bibliography and of an empty corner of a table, as assistive software understands it.
UNDERSTOOD = {
    'role="doc-biblioentry"': 'role="listitem"',
    '<th class="head"><p></p></th>': "<td></td>",
}


def be_understood(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Put current markup in the place of what the writer still makes."""
    for written, current in UNDERSTOOD.items():
        context["body"] = context.get("body", "").replace(written, current)


def keep_punctuation(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Keep a comma or bracket with its formula: browsers may break the line between the two."""
    for formula in list(doctree.findall(nodes.math)):
        parent = formula.parent
        at = parent.index(formula)
        together = nodes.inline("", "", formula, classes=["together"])
        parent[at] = together
        before, after = (parent[i] if 0 <= i < len(parent) else None for i in (at - 1, at + 1))
        if isinstance(after, nodes.Text):
            mark = re.match(r"[.,;:!?)\]’”%]*(?:[-–]\w+)?", after.astext())[0]
            together += nodes.Text(mark)
            parent[at + 1] = nodes.Text(after.astext()[len(mark) :])  # by place: equal texts may stand before
        if isinstance(before, nodes.Text):
            mark = re.search(r"[(\[‘“]*$", before.astext())[0]
            together.insert(0, nodes.Text(mark))
            parent[at - 1] = nodes.Text(before.astext()[: len(before) - len(mark)])


def name_once(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Give each block a name of its own: the extensions call every proof `proof`, every body alike."""
    if app.builder.format != "html":
        return
    proofs = 0
    for block in doctree.findall(nodes.Element):
        if block.get("ids") == ["proof"]:
            proofs += 1
            block["ids"] = [f"proof-{proofs}"]
        elif isinstance(block, nodes.section):
            block["ids"] = [name for name in block["ids"] if name not in BODIES]


def statements(env: BuildEnvironment) -> dict[str, dict]:
    """Every labelled theorem, definition and so on (a book without one has no such list)."""
    return getattr(env, "proof_list", {})


def numbered(env: BuildEnvironment) -> dict[str, dict[str, str]]:
    """Kind and number of every labelled theorem, equation, figure, table and exercise."""
    kinds = {label: entry["realtype"] for label, entry in statements(env).items()}
    found = {}
    for page, counters in env.toc_fignumbers.items():
        for counter, numbers in counters.items():
            for anchor, number in numbers.items():
                label = anchor.removeprefix("equation-") if counter == "displaymath" else anchor
                kind = {"displaymath": "equation", "code-block": "listing"}.get(counter, counter)
                found[label] = {
                    "kind": kinds.get(label, kind),
                    "number": ".".join(map(str, number)),
                    "page": page,
                    "anchor": anchor,
                }
    return found


def sections(env: BuildEnvironment) -> dict[str, dict[str, str]]:
    """Title, page and number of every section that carries a label."""
    found = {}
    for label, (page, anchor, title) in env.get_domain("std").labels.items():
        if page not in env.all_docs or label in statements(env):
            continue
        numbers = env.toc_secnumbers.get(page, {})
        # The first section of a page is numbered under the empty anchor.
        number = numbers.get(f"#{anchor}", numbers.get("", ()) if label.startswith("sec-") else ())
        found[label] = {
            "title": title,
            "page": page,
            "anchor": anchor,
            "number": ".".join(map(str, number)),
        }
    return found


def citations(env: BuildEnvironment) -> dict[str, dict[str, str]]:
    """Short authors, year and full reference of every work in the bibliography."""
    from pybtex.backends.markdown import Backend

    found = {}
    for citation in env.get_domain("cite").citations:
        names = [" ".join(person.last_names) for person in citation.entry.persons.get("author", [])]
        short = " and ".join(names) if len(names) < 3 else f"{names[0]} et al."
        text = citation.formatted_entry.text.render(Backend())
        found[citation.key] = {
            "authors": short,
            "year": citation.entry.fields.get("year", ""),
            "reference": " ".join(text.replace("\\.", ".").replace("\\-", "-").split()),
        }
    return found


def write_labels(app: Sphinx, exception: Exception | None) -> None:
    """Keep what the site numbered, so that each notebook twin carries the same numbers."""
    if exception is not None or app.builder.format != "html":
        return
    env = app.env
    labels = {
        "numbered": numbered(env),
        "sections": sections(env),
        "citations": citations(env),
        "minutes": chapter_header.minutes_of_pages(env),
        "titles": {page: title.astext() for page, title in env.titles.items()},
        "headings": {
            page: [".".join(map(str, number)) for number in numbers.values()]
            for page, numbers in env.toc_secnumbers.items()
        },
    }
    text = json.dumps(labels, indent=1, sort_keys=True, ensure_ascii=False)
    Path(app.outdir).with_name("labels.json").write_text(text, encoding="utf8")


# Examples, literals and roles stay; then displayed maths, inline maths, names, bars that are no substitution.
MARKUP = re.compile(
    r"(?P<kept>^ *>>>.*?(?=\n\s*\n|\Z)|``.+?``|:[\w:]+:`[^`]+`|`[^`]+`__?)"
    r"|\$\$(?P<display>.+?)\$\$"
    r"|(?P<before>\w?)\$(?P<math>[^$]+)\$(?P<after>\w?)"
    r"|`(?P<code>[^`]+)`"
    r"|(?P<bar>(?<!\w)\|(?=[^\s|]))",
    flags=re.DOTALL | re.MULTILINE,
)

# A docstring's Source names the statements that the function computes: these become links.
STATEMENT = re.compile(r"(ass|cor|def|lem|prop|thm)-[\w-]+$")


def docstring_markup(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list) -> None:
    """Docstrings are written as the chapters are ($x$, `name`): turn that into what autodoc reads."""

    def renewed(match: re.Match) -> str:
        if match["display"]:
            start = match.string.rfind("\n", 0, match.start()) + 1
            indent = re.match(" *", match.string[start:])[0]
            body = [f"{indent}   {line.strip()}" for line in match["display"].splitlines() if line.strip()]
            return "\n".join([f"\n\n{indent}.. math::\n", *body, "\n" + indent])
        if match["math"]:
            before = match["before"] and match["before"] + "\\ "
            after = match["after"] and "\\ " + match["after"]
            return f"{before}:math:`{match['math']}`{after}"
        if match["code"]:
            return f":prf:ref:`{match['code']}`" if STATEMENT.match(match["code"]) else f"``{match['code']}``"
        return "\\|" if match["bar"] else match["kept"]

    text = re.sub(r"^Source: ", "Source\n------\n", "\n".join(lines), flags=re.MULTILINE)
    lines[:] = MARKUP.sub(renewed, text).split("\n")


def setup(app: Sphinx) -> dict[str, object]:
    for extension in ("chapter_header", "formula_page", "latex_pages", "maps", "previews", "web_metadata"):
        app.setup_extension(extension)
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("html-page-context", be_understood)
    app.connect("doctree-resolved", keep_punctuation)
    app.connect("doctree-resolved", name_once)
    app.connect("build-finished", write_labels)
    app.connect("autodoc-process-docstring", docstring_markup, priority=400)  # before napoleon reads it
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
