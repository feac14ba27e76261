"""Collect the table of formulas: for each statement its functions, its tests and its checks.

Nothing is typed for the table. A statement is read from its chapter; its functions are those public ones
whose docstring names its label in the Source line; its tests carry `@pytest.mark.formula("label")`; its
checks are the lines printed by the executed cells whose metadata holds

    checks: [label, ...]          every check line of the cell counts for each of these labels
    checks: {label: text, ...}    lines count that begin with the text (a regular expression)

build.py runs this after the chapters and before the site. A theorem, proposition or corollary of an
executable chapter that lacks one of the three stops the build. Lemmas and definitions get a row if they have
all three.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from chapters import BUILD, ROOT, code_cells, executable_chapters, read

REQUIRED = {"theorem", "proposition", "corollary"}
MISSING = {
    "functions": "no public function of the library names it in the Source line of its docstring",
    "tests": 'no test is marked @pytest.mark.formula("{label}")',
    "checks": "no check line is printed by a cell with the metadata checks: [{label}]",
}
STATEMENT = re.compile(
    r"^(?P<fence>:{3,}|`{3,})\{prf:(?P<kind>\w+)\} *(?P<title>.*)\n(?P<body>(?:.*\n)*?)(?P=fence) *$",
    re.MULTILINE,
)
# The first displayed equation: a directive, or dollars on lines of their own or inside a paragraph.
DISPLAYED = re.compile(r"`{3}\{math\}\n(?P<block>[\s\S]*?)`{3}|\$\$(?P<dollars>[\s\S]+?)\$\$")
SIMULATED = re.compile(
    r"^ *(?P<name>.+): (?P<points>\d+) points?, max \|z\| = (?P<z>[\d.]+|inf) "
    r"\(expected [\d.]+, limit [\d.]+(?:, (?P<bias>[\d.e+-]+) % bias allowed)?\)$"
)
COMPUTED = re.compile(
    r"^ *(?P<name>.+): (?P<points>\d+) points?, "
    r"largest relative difference (?P<apart>[\d.e+-]+) \(allowed .*\)$"
)
BOUNDED = re.compile(r"^ *(?P<name>.+): (?P<points>\d+) points?, within the bounds$")


class FormulaError(Exception):
    """A statement lacks its function, test or check; the message says which and where."""


def statements(page: Path) -> Iterator[dict]:
    """Every labelled theorem, lemma and so on of a chapter, in the order of the page."""
    text = page.read_text(encoding="utf8")
    chapter = re.search(r"^# +(.+)$", text, flags=re.MULTILINE)
    for found in STATEMENT.finditer(text):
        label = re.search(r"^ *:label: *(\S+)", found["body"], flags=re.MULTILINE)
        if found["kind"] != "proof" and label:
            yield {
                "label": label[1],
                "kind": found["kind"],
                "title": found["title"].strip(),
                "page": page.relative_to(ROOT).with_suffix("").as_posix(),
                "chapter": chapter[1] if chapter else page.stem,
                "line": text.count("\n", 0, found.start()) + 1,
                "formula": first_formula(found["body"]),
            }


def first_formula(body: str) -> str:
    """The first displayed equation of a statement, without its label (empty if there is none)."""
    found = DISPLAYED.search(body)
    if not found:
        return ""
    lines = (found["block"] or found["dollars"]).splitlines()
    return "\n".join(line.strip() for line in lines if line.strip() and ":label:" not in line)


def functions() -> dict[str, list[str]]:
    """For each label the functions of the library reference whose Source names it."""
    reference = (ROOT / "book" / "appendix" / "library.md").read_text(encoding="utf8")
    found: dict[str, list[str]] = {}
    for module in re.findall(r"\.\. automodule:: ([\w.]+)", reference):
        path = ROOT / "lib" / module.replace(".", "/")
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if not path.exists():
            continue  # the site's builder says so better
        for node in ast.parse(path.read_text(encoding="utf8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                source = re.search(
                    r"^Source:.*?(?=\n\s*\n|\Z)",
                    ast.get_docstring(node) or "",
                    flags=re.DOTALL | re.MULTILINE,
                )
                for label in re.findall(r"`([\w-]+)`", source[0] if source else ""):
                    found.setdefault(label, []).append(f"{module}.{node.name}")
    return found


def tests() -> dict[str, list[str]]:
    """For each label the tests that are marked with it, as file::name, read without running them."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests" / "lib").glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf8")).body:
            for mark in getattr(node, "decorator_list", ()):
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.formula":
                    for label in map(ast.literal_eval, mark.args):
                        found.setdefault(label, []).append(f"{path.name}::{node.name}")
    return found


def wanted(metadata: dict) -> dict[str, str]:
    """For each label of a cell the beginning of the lines that count for it."""
    checks = metadata.get("checks", {})
    if not isinstance(checks, dict):
        checks = dict.fromkeys(checks, "")
    return {label: str(beginning) for label, beginning in checks.items()}


def printed(cell) -> list[str]:
    return "".join(output.get("text", "") for output in cell.outputs).splitlines()


def add_checks(checks: dict[str, dict], metadata: dict, lines: list[str]) -> None:
    """Count the check lines of one executed cell for the labels that the cell names."""
    for label, beginning in wanted(metadata).items():
        for line in lines:
            row = checks.setdefault(label, {})
            for pattern, kind in ((SIMULATED, "simulated"), (COMPUTED, "computed"), (BOUNDED, "bounded")):
                found = pattern.match(line)
                if not found or not re.match(beginning, found["name"].strip()):
                    continue
                part = row.setdefault(kind, {"points": 0})
                part["points"] += int(found["points"])
                if kind == "simulated":
                    part["max_abs_z"] = max(part.get("max_abs_z", 0.0), float(found["z"]))
                    part["bias"] = max(part.get("bias", 0.0), float(found["bias"] or 0))
                elif kind == "computed":
                    part["difference"] = max(part.get("difference", 0.0), float(found["apart"]))


def collect(executed: dict[Path, list[tuple[dict, list[str]]]]) -> list[dict]:
    """The rows of the table, from (metadata, printed lines) of each code cell of each chapter.

    Raises
    ------
    FormulaError
        If a theorem, proposition or corollary has no function, no test or no check.
    """
    from collapse.estimates import expected_max_abs_z

    checks: dict[str, dict] = {}
    for cells in executed.values():
        for metadata, lines in cells:
            add_checks(checks, metadata, lines)
    for row in checks.values():
        if "simulated" in row:
            row["simulated"]["expected"] = round(expected_max_abs_z(row["simulated"]["points"]), 1)
    sources = {"functions": functions(), "tests": tests(), "checks": checks}
    rows, problems = [], []
    for page in executed:
        for row in statements(page):
            row |= {name: table.get(row["label"], []) for name, table in sources.items()}
            missing = [text.format(**row) for name, text in MISSING.items() if not row[name]]
            if not missing:
                rows.append(row)
            elif row["kind"] in REQUIRED:
                problems += [
                    f"  {row['label']} ({row['page']}.md, line {row['line']}): {text}" for text in missing
                ]
    if problems:
        raise FormulaError("The table of formulas is incomplete:\n" + "\n".join(problems))
    return rows


def from_cache(cache) -> dict[Path, list[tuple[dict, list[str]]]]:
    """Metadata from the chapters as they are now, printed lines from the execution cache."""
    found = {}
    for path in executable_chapters():
        notebook = read(path)
        stored = cache.get_cache_bundle(cache.match_cache_notebook(notebook).pk).nb
        pairs = zip(code_cells(notebook), code_cells(stored), strict=True)
        found[path] = [(cell.metadata, printed(run)) for cell, run in pairs]
    return found


def write(cache) -> None:
    """Write _build/formulas.json, untouched if nothing changed, or stop and say what is missing."""
    try:
        rows = collect(from_cache(cache))
    except FormulaError as error:
        sys.exit(str(error))
    text = json.dumps(rows, indent=1, ensure_ascii=False)
    target = BUILD / "formulas.json"
    if not target.exists() or target.read_text(encoding="utf8") != text:
        target.write_text(text, encoding="utf8")
