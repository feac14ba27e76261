"""Write each executable chapter's notebook twin: plain Markdown, executed, without images.

    python book/_tools/twins.py

Run after build.py: the outputs come from its execution cache and the numbers of theorems, equations,
figures and exercises from the site it built, so that page and notebook cannot differ. A directive or role
that is not known here stops the tool: nothing of MyST's own syntax may reach a reader of the notebook.
"""

from __future__ import annotations

import json
import posixpath
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import yaml

from build import CACHE, execute_changed
from chapters import BUILD, ROOT, executable_chapters, read

FENCE = re.compile(r"(?P<indent> *)(?P<fence>:{3,}|`{3,}|~{3,})(?:\{(?P<name>[\w:-]+)\})?(?P<rest>.*)$")
# What ends a run of plain lines: a fence, displayed maths, a target, a comment, a heading.
BLOCK_START = re.compile(r" *(:{3,}|`{3,}|~{3,}|\$\$\s*$)|\([\w:-]+\)=\s*$|%|#+ ")
STATEMENTS = {"assumption", "corollary", "definition", "example", "lemma", "proposition", "remark", "theorem"}
NOTES = {"admonition", "attention", "caution", "danger", "error", "hint", "important", "note"}
NOTES |= {"seealso", "tip", "warning"}
# One transparent pixel stands for the image inside an interactive figure.
BLANK_IMAGE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwC"
    "AAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
)


class TwinError(Exception):
    """The chapter uses something that has no plain form here."""


def addresses() -> tuple[str, str]:
    """The repository's address and that of the published site."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))
    return config["repository"]["url"], config["html"]["baseurl"].rstrip("/")


class Converter:
    """Turns the MyST text of one chapter into plain Markdown."""

    def __init__(self, page: str, labels: dict, notebooks: set[str]) -> None:
        self.page = page
        self.labels = labels
        self.notebooks = notebooks
        self.site = addresses()[1]
        self.headings = iter(labels["headings"].get(page, []))
        self.cited: set[str] = set()

    # -- blocks ---------------------------------------------------------------------------------

    def convert(self, text: str) -> str:
        """Plain Markdown for a stretch of MyST."""
        blocks = "\n".join(self.blocks(text.splitlines()))
        return re.sub(r"\n{3,}", "\n\n", blocks).strip()

    def blocks(self, lines: list[str]) -> Iterator[str]:
        position = 0
        plain: list[str] = []  # lines waiting to be treated together: a link may run over a line's end
        while position < len(lines):
            line = lines[position]
            position += 1
            if not BLOCK_START.match(line):
                plain.append(line)
                continue
            yield self.inline("\n".join(plain))
            plain.clear()
            opening = FENCE.match(line)
            if opening:
                indent, fence = opening["indent"], opening["fence"]
                closing = re.compile(rf" {{0,{len(indent) + 3}}}{fence[0]}{{{len(fence)},}}\s*$")
                end = next((i for i in range(position, len(lines)) if closing.match(lines[i])), None)
                if end is None:
                    raise TwinError(f"{self.page}: a block is not closed: {line}")
                body = [text.removeprefix(indent) for text in lines[position:end]]
                if opening["name"]:
                    result = self.directive(opening["name"], opening["rest"].strip(), body)
                    yield from ("", *(indent + text if text else "" for text in result.splitlines()), "")
                else:
                    yield from lines[position - 1 : end + 1]
                position = end + 1
            elif line.strip() == "$$":
                end = next(i for i in range(position, len(lines)) if lines[i].strip().startswith("$$"))
                label = re.match(r"\s*\$\$\s*\(([\w:-]+)\)", lines[end])
                yield "$$"
                yield from lines[position:end]
                if label:
                    yield self.tag(label[1])
                yield re.match(r"\s*", line)[0] + "$$"
                position = end + 1
            elif heading := re.match(r"(#+) +(.*)", line):
                number = next(self.headings, "")
                if number:
                    number += " " if "." in number else ". "
                yield f"{heading[1]} {number}{self.inline(heading[2])}"
            # What is left is a target or a comment: neither shows.
        yield self.inline("\n".join(plain))

    def directive(self, name: str, argument: str, body: list[str]) -> str:
        options, body = self.options(body)
        text = "\n".join(body)
        title = self.inline(argument)
        folded = "dropdown" in str(options.get("class", "")).split()
        if name == "math":
            tag = self.tag(options["label"]) if "label" in options else ""
            return "\n".join(part for part in ("$$", (argument + "\n" + text).strip(), tag, "$$") if part)
        if name == "prf:proof":
            body = self.convert(text)
            gap = "\n\n" if re.search(r"(\$\$|>|\|)$", body) else " "
            return f"*Proof.* {body}{gap}$\\square$"
        if name.removeprefix("prf:") in STATEMENTS and name.startswith("prf:"):
            return self.statement(options["label"], title, text)
        if name == "exercise":
            return self.statement(options["label"], title, text)
        if name == "solution":
            return self.titled(f"Solution to {self.name_of(argument)}", text, folded)
        if name in NOTES:
            return self.titled(title or name.capitalize(), text, folded)
        if name == "dropdown":
            return self.titled(title, text, folded=True)
        if name in {"figure", "table"}:
            label = options.get("name") or options.get("label")
            caption = f"**{self.name_of(label)}.** " if label else ""
            if name == "table":
                return f"{caption}{title}\n\n{self.convert(text)}"
            image = f"![{options.get('alt', '')}]({argument})"
            return f"{image}\n\n{caption}{self.convert(text)}"
        raise TwinError(f"{self.page}: no plain form is known for the directive {{{name}}}")

    def options(self, body: list[str]) -> tuple[dict, list[str]]:
        """The options at the top of a directive, and what follows them."""
        if body and body[0].strip() == "---":
            end = body.index("---", 1)
            return yaml.safe_load("\n".join(body[1:end])) or {}, body[end + 1 :]
        options = {}
        while body and (option := re.match(r":([\w-]+):\s*(.*)", body[0])):
            options[option[1]] = option[2].strip()
            body = body[1:]
        return options, body

    def statement(self, label: str, title: str, text: str) -> str:
        body = self.convert(text)
        gap = "\n\n" if re.match(r"[-*+$|<#>]|\d+\.", body) and not re.match(r"\$[^$]|\*\S", body) else " "
        return f"**{self.name_of(label)}{f' ({title})' if title else ''}.**{gap}{body}"

    def titled(self, title: str, text: str, folded: bool) -> str:
        body = self.convert(text)
        if folded:
            return f"<details>\n<summary>{title}</summary>\n\n{body}\n\n</details>"
        return f"**{title}**\n\n{body}"

    def caption(self, metadata: dict) -> str:
        """Number and caption of the figure that a code cell draws."""
        figure = metadata.get("mystnb", {}).get("figure")
        if not figure:
            return ""
        if "name" not in figure or "caption" not in figure:
            raise TwinError(f"{self.page}: a figure lacks its name or its caption")
        return f"**{self.name_of(figure['name'])}.** {self.convert(figure['caption'])}"

    # -- inside a line --------------------------------------------------------------------------

    def inline(self, text: str) -> str:
        text = re.sub(r"\{([\w:]+)\}`([^`]+)`", self.role, text)
        text = re.sub(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)", self.link, text)
        text = re.sub(r"\$\$(.+?)\$\$\s*\((eq-[\w-]+)\)", lambda m: f"$${m[1]} {self.tag(m[2])}$$", text)
        text = re.sub(r"^\[\^(\w+)\]:", r"<sup>\1</sup>", text, flags=re.MULTILINE)
        return re.sub(r"\[\^(\w+)\]", r"<sup>\1</sup>", text)

    def role(self, match: re.Match) -> str:
        name, content = match[1], match[2]
        titled = re.fullmatch(r"(.*?)\s*<([^<>]+)>", content, flags=re.DOTALL)
        title, target = (titled[1], titled[2]) if titled else ("", content)
        if name in {"prf:ref", "ref", "numref", "eq"}:
            return self.reference(target, title)
        if name == "doc":
            return self.to_page(target.removeprefix("/"), title)
        if name in {"cite", "cite:t", "cite:p"}:
            return self.cite(content.split(","), in_text=name == "cite:t")
        if name.removeprefix("py:") in {"func", "class", "mod", "meth", "attr", "data", "obj", "exc"}:
            return f"`{title or target.rsplit('.', 1)[-1] if target.startswith('~') else title or target}`"
        if name == "term":
            return title or target
        if name in {"sub", "sup", "kbd"}:
            return f"<{name}>{content}</{name}>"
        if name == "math":
            return f"${content}$"
        raise TwinError(f"{self.page}: no plain form is known for the role {{{name}}}")

    def reference(self, label: str, title: str = "") -> str:
        if entry := self.labels["numbered"].get(label):
            number = entry["number"]
            text = title.replace("%s", number).replace("{number}", number) if title else self.name_of(label)
        elif entry := self.labels["sections"].get(label):
            text = (title or entry["title"]).replace("%s", entry["number"])
            text = text.replace("{number}", entry["number"]).replace("{name}", entry["title"])
        else:
            raise TwinError(f"{self.page}: unknown label {label}")
        if entry["page"] == self.page:
            return text
        return f"[{text}]({self.href(entry['page'], entry['anchor'])})"

    def to_page(self, target: str, title: str) -> str:
        page = posixpath.normpath(posixpath.join(posixpath.dirname(self.page), posixpath.splitext(target)[0]))
        if page not in self.labels["titles"]:
            raise TwinError(f"{self.page}: no such page: {target}")
        return f"[{title or self.labels['titles'][page]}]({self.href(page)})"

    def href(self, page: str, anchor: str = "") -> str:
        """A sibling notebook where there is one, else the published page."""
        if page in self.notebooks:
            return posixpath.relpath(page, posixpath.dirname(self.page)) + ".ipynb"
        return f"{self.site}/{page}.html" + (f"#{anchor}" if anchor else "")

    def link(self, match: re.Match) -> str:
        title, target = match[1], match[2]
        if re.match(r"https?:|mailto:", target):
            return match[0]
        if target.startswith("#"):
            return self.reference(target[1:], title)
        if target.split("#")[0].endswith((".md", ".ipynb")):
            return self.to_page(target.split("#")[0], title)
        return match[0]

    def cite(self, keys: list[str], in_text: bool) -> str:
        parts = []
        for key in (key.strip() for key in keys):
            if key not in self.labels["citations"]:
                raise TwinError(f"{self.page}: unknown work {key}")
            work = self.labels["citations"][key]
            self.cited.add(key)
            parts.append(
                f"{work['authors']} ({work['year']})" if in_text else f"{work['authors']}, {work['year']}"
            )
        return ", ".join(parts) if in_text else f"({'; '.join(parts)})"

    def name_of(self, label: str) -> str:
        """What the site calls a numbered thing: Theorem 2.3, Fig. 2.1, (2.4)."""
        entry = self.labels["numbered"].get(label)
        if entry is None:
            raise TwinError(f"{self.page}: unknown label {label}")
        if entry["kind"] == "equation":
            return f"({entry['number']})"
        kind = "Fig." if entry["kind"] == "figure" else entry["kind"].capitalize()
        return f"{kind} {entry['number']}"

    def tag(self, label: str) -> str:
        return f"\\tag{{{self.labels['numbered'][label]['number']}}}"

    def references(self) -> str:
        works = sorted(self.labels["citations"][key]["reference"] for key in self.cited)
        return "\n".join(["## References", "", *(f"- {work}" for work in works)]) if works else ""


def plain_outputs(outputs: list) -> list:
    """Outputs without images, which are drawn again by whoever runs the notebook.

    What a cell prints may arrive in one piece or in several: it is kept as one.
    """
    kept: list = []
    for output in outputs:
        if kept and output.output_type == "stream" == kept[-1].output_type and kept[-1].name == output.name:
            kept[-1].text += output.text
            continue
        output = nbformat.from_dict(json.loads(json.dumps(output)))
        output.pop("metadata", None)
        if "data" in output:
            output.metadata = {}
            output.data = {kind: data for kind, data in output.data.items() if not kind.startswith("image/")}
            if "text/html" in output.data:
                html = output.data["text/html"]
                output.data["text/html"] = re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]+", BLANK_IMAGE, html)
        kept.append(output)
    return kept


def plain_cells(
    notebook: nbformat.NotebookNode, page: str, labels: dict, notebooks: set[str]
) -> list[nbformat.NotebookNode]:
    """The cells of a chapter in plain form, with whatever outputs the chapter's cells hold."""
    converter = Converter(page, labels, notebooks)
    name = posixpath.basename(page)
    about = [
        f"*A chapter of [Model Collapse]({converter.site}/{page}.html), as a notebook.",
        f"It is generated from `{name}.md`: change that file, not this one.",
    ]
    if minutes := labels.get("minutes", {}).get(page):
        about.append(f"It takes about {minutes} minutes to read.")
    cells = [nbformat.v4.new_markdown_cell(" ".join(about) + "*")]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            if text := converter.convert(cell.source):
                cells.append(nbformat.v4.new_markdown_cell(text))
            continue
        if not cell.source.strip():
            continue
        cells.append(
            nbformat.v4.new_code_cell(
                cell.source,
                execution_count=cell.execution_count,
                outputs=plain_outputs(cell.outputs),
                metadata=plain_metadata(cell.metadata.get("tags", [])),
            )
        )
        if caption := converter.caption(cell.metadata):
            cells.append(nbformat.v4.new_markdown_cell(caption))
    if references := converter.references():
        cells.append(nbformat.v4.new_markdown_cell(references))
    for index, cell in enumerate(cells):
        cell.id = f"{name}-{index:03d}"
    return cells


def plain_metadata(tags: list[str]) -> dict:
    """Metadata of a code cell: folded where the page folds it, and what nbval is to know."""
    metadata: dict = {}
    if {"hide-input", "remove-input"} & set(tags):
        metadata = {"jupyter": {"source_hidden": True}, "cellView": "form"}  # the second is Colab's word
    if kept := [tag for tag in tags if tag.startswith(("nbval-", "raises-"))]:
        metadata["tags"] = kept
    return metadata


def twin(path: Path, labels: dict, notebooks: set[str], cache) -> nbformat.NotebookNode:
    """The notebook twin of one chapter, with the outputs that the execution cache holds."""
    page = path.relative_to(ROOT).with_suffix("").as_posix()
    _, executed = cache.merge_match_into_notebook(read(path))
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return nbformat.v4.new_notebook(cells=plain_cells(executed, page, labels, notebooks), metadata=metadata)


def main() -> None:
    from jupyter_cache import get_cache

    execute_changed()
    labels = json.loads((BUILD / "labels.json").read_text(encoding="utf8"))
    chapters = executable_chapters()
    notebooks = {path.relative_to(ROOT).with_suffix("").as_posix() for path in chapters}
    cache = get_cache(str(CACHE))
    for path in chapters:
        try:
            notebook = twin(path, labels, notebooks, cache)
        except TwinError as error:
            sys.exit(str(error))
        nbformat.validate(notebook)
        target = path.with_suffix(".ipynb")
        text = nbformat.writes(notebook) + "\n"
        if target.exists() and target.read_text(encoding="utf8") == text:
            print(f"  {target.relative_to(ROOT)}: unchanged")
        else:
            target.write_text(text, encoding="utf8")
            print(f"  {target.relative_to(ROOT)}: written, {len(text.encode()) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
