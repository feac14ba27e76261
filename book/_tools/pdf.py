"""Print the book: one PDF of the pages that `build.py` has executed, with the numbers of the site.

python book/_tools/pdf.py
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from itertools import chain

from chapters import BUILD, ROOT

LATEX = BUILD / "latex"
NAME = "model-collapse"

# A question that prints something where the Debian package is installed.
NEEDS = {
    ("latexmk", "-v"): "latexmk",
    ("kpsewhich", "--engine=xetex", "--format=fmt", "xelatex.fmt"): "texlive-xetex",
    ("kpsewhich", "fontspec.sty"): "texlive-latex-recommended",
    ("kpsewhich", "tcolorbox.sty"): "texlive-latex-extra",
    ("kpsewhich", "pzdr.tfm"): "texlive-fonts-recommended",
    ("kpsewhich", "texgyrepagella-regular.otf"): "fonts-texgyre",
    ("kpsewhich", "texgyrepagella-math.otf"): "fonts-texgyre-math",
    ("fc-list", "DejaVu Sans Mono"): "fontconfig fonts-dejavu-core",
}


def missing_packages() -> list[str]:
    """Debian packages that this machine lacks."""

    def answers(command: tuple[str, ...]) -> bool:
        there = shutil.which(command[0])
        return bool(there and subprocess.run(command, capture_output=True, check=False).stdout)

    return [package for command, package in NEEDS.items() if not answers(command)]


def write_latex() -> None:
    """Run the LaTeX builder on the executed chapters, warnings as errors.

    It has doctrees of its own: those of the site stay as they are.
    """
    from jupyter_book.sphinx import build_sphinx

    status = build_sphinx(
        str(ROOT),
        str(LATEX),
        noconfig=True,
        path_config=str(ROOT / "_config.yml"),
        confoverrides={
            "external_toc_path": str(ROOT / "_toc.yml"),
            "latex_individualpages": False,
            "nitpicky": True,
        },
        doctreedir=str(BUILD / ".doctrees-latex"),
        builder="latex",
        quiet=True,
        warningiserror=True,
        keep_going=True,
    )
    if status != 0:
        sys.exit("The LaTeX files were not written cleanly: see the warnings above.")


def typeset() -> None:
    """As many runs of LaTeX as the references need."""
    command = ["latexmk", "-pdfxe", "-interaction=nonstopmode", "-halt-on-error", "-silent", f"{NAME}.tex"]
    outcome = subprocess.run(
        command, cwd=LATEX, capture_output=True, text=True, encoding="utf8", errors="replace", check=False
    )
    if outcome.returncode:
        log = (LATEX / f"{NAME}.log").read_text(encoding="utf8", errors="replace")
        at = log.find("\n!")
        sys.exit(f"LaTeX stopped:\n{log[at : at + 1500] if at >= 0 else outcome.stdout[-3000:]}")


def faults(log: str, widest: float = 20.0) -> list[str]:
    """What a reader would see: lines that run off the page, letters and links that are not there."""
    log = re.sub(r"(?<=.{79})\n", "", log)  # TeX breaks its lines at 79 letters
    lost = re.compile(r"Missing character|(Reference|Hyper reference) .* undefined")
    found = [line for line in log.splitlines() if lost.search(line)]
    for line in log.splitlines():
        width = re.match(r"Overfull \\hbox \(([\d.]+)pt too wide\)", line)
        if width and float(width[1]) > widest:
            found.append(line)
    return list(dict.fromkeys(found))


def site_numbers(labels: dict) -> dict[str, str]:
    """Number of every labelled statement, equation, figure, exercise and section, by page and label."""
    found = {}
    for label, entry in labels["numbered"].items():
        prefix = "equation:" if entry["kind"] == "equation" else ""
        found[f"{prefix}{entry['page']}:{label}"] = entry["number"]
    for label, entry in labels["sections"].items():
        if label.startswith("sec-"):
            found[f"{entry['page']}:{label}"] = entry["number"]
    return found


def printed_numbers(aux: str) -> dict[str, str]:
    """What LaTeX counted for each label."""
    return dict(re.findall(r"^\\newlabel\{(.+?)\}\{\{([\d.]*)", aux, flags=re.MULTILINE))


def printed_headings(aux: str) -> list[str]:
    """Numbers of all chapters and sections, in order."""
    return re.findall(r"\\contentsline \{(?:chapter|(?:sub)*section)\}\{\\numberline \{([\d.]+)\}", aux)


def differences(labels: dict, aux: str) -> list[str]:
    """Where the printed book and the site number something differently."""
    printed = printed_numbers(aux)
    found = [
        f"{label}: {number} on the site, {printed.get(label, 'absent')} in print"
        for label, number in site_numbers(labels).items()
        # LaTeX gives a label on a page without number that of the last one: not shown anywhere.
        if (number and printed.get(label) != number) or label not in printed
    ]
    headings = chain.from_iterable(labels["headings"].values())
    in_order = sorted(headings, key=lambda number: [int(part) for part in number.split(".")])
    if in_order != printed_headings(aux):
        found.append(f"headings: {in_order} on the site, {printed_headings(aux)} in print")
    return found


def main() -> None:
    start = time.perf_counter()
    if missing := missing_packages():
        sys.exit(
            "The printed book needs TeX. On Debian or Ubuntu:\n"
            f"  sudo apt-get install --no-install-recommends {' '.join(missing)}"
        )
    write_latex()
    written = time.perf_counter()
    typeset()
    problems = faults((LATEX / f"{NAME}.log").read_text(encoding="utf8", errors="replace"))
    labels = json.loads((BUILD / "labels.json").read_text(encoding="utf8"))
    problems += differences(labels, (LATEX / f"{NAME}.aux").read_text(encoding="utf8"))
    if problems:
        sys.exit("The PDF has faults:\n" + "\n".join(problems))
    pdf = LATEX / f"{NAME}.pdf"
    end = time.perf_counter()
    print(
        f"{len(site_numbers(labels))} numbers are those of the site. Written in {written - start:.0f} s, "
        f"typeset in {end - written:.0f} s, {pdf.stat().st_size / 1e6:.1f} MB. Open {pdf}"
    )


if __name__ == "__main__":
    main()
