"""The printed book: its numbers are the site's, and what it needs is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import pdf

LABELS = {
    "numbered": {
        "thm-a": {"kind": "theorem", "number": "1.1", "page": "p"},
        "eq-a": {"kind": "equation", "number": "1.1", "page": "p"},
        "ex-a": {"kind": "exercise", "number": "1.1", "page": "p"},
    },
    "sections": {
        "sec-p": {"number": "1", "page": "p"},
        "sec-q": {"number": "", "page": "q"},
        "ex-a": {"number": "", "page": "p"},
    },
    "headings": {"p": ["1", "1.1"]},
}
AUX = r"""
\@writefile{toc}{\contentsline {chapter}{Preface}{1}{chapter*.1}\protected@file@percent }
\@writefile{toc}{\contentsline {chapter}{\numberline {1}First}{3}{chapter.1}\protected@file@percent }
\@writefile{toc}{\contentsline {section}{\numberline {1.1}Model}{3}{section.1.1}\protected@file@percent }
\newlabel{p:sec-p}{{1}{3}{First}{chapter.1}{}}
\newlabel{p:thm-a}{{1.1}{3}{Model}{statement.1.1}{}}
\newlabel{equation:p:eq-a}{{1.1}{3}{Model}{equation.1.1}{}}
\newlabel{p:ex-a}{{1.1}{4}{Model}{exercise.1.1}{}}
\newlabel{q:sec-q}{{1.1}{5}{Appendix}{chapter*.2}{}}
"""


def test_numbers_of_the_built_pdf(root: Path) -> None:
    """Every theorem, equation, figure, exercise and section has one number, on the site and in print."""
    printed = root / "_build" / "latex" / f"{pdf.NAME}.pdf"
    labels = root / "_build" / "labels.json"
    if not printed.exists():
        pytest.skip("no PDF was made (make pdf)")
    if printed.stat().st_mtime < labels.stat().st_mtime:
        pytest.skip("the PDF is older than the site (make pdf)")
    site = json.loads(labels.read_text(encoding="utf8"))
    assert len(pdf.site_numbers(site)) > 300
    assert pdf.differences(site, printed.with_suffix(".aux").read_text(encoding="utf8")) == []


def test_equal_numbers_pass() -> None:
    assert pdf.differences(LABELS, AUX) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (r"{p:thm-a}{{1.1}", r"{p:thm-a}{{1.2}", "p:thm-a: 1.1 on the site, 1.2 in print"),
        (r"{equation:p:eq-a}{{1.1}", r"{equation:p:eq-a}{{}", "equation:p:eq-a"),
        (r"\newlabel{p:ex-a}", r"\newlabel{p:ex-b}", "p:ex-a: 1.1 on the site, absent in print"),
        (r"\newlabel{q:sec-q}", r"\newlabel{q:sec-r}", "q:sec-q"),
        (r"\numberline {1.1}Model", "Model", "headings"),
    ],
)
def test_a_drifted_number_is_found(old: str, new: str, said: str) -> None:
    assert old in AUX
    (found,) = pdf.differences(LABELS, AUX.replace(old, new))
    assert said in found


def test_faults_of_a_log() -> None:
    """Lines over the margin, letters without a shape, links to nowhere; the log breaks its lines at 79."""
    long = "LaTeX Warning: Reference `book/regression/chain:thm-chain-linear' on page 12 undefined"
    log = "\n".join(
        [
            "Overfull \\hbox (19.5pt too wide) in paragraph at lines 1--2",
            "Overfull \\hbox (20.5pt too wide) in paragraph at lines 3--4",
            "Missing character: There is no ★ (U+2605) in font lmroman10!",
            long[:79],
            long[79:] + " on input line 7.",
        ]
    )
    assert len(found := pdf.faults(log)) == 3
    assert any("20.5pt" in line for line in found) and any("undefined" in line for line in found)


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without TeX, one line says what to install, and nothing is installed or written."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(pdf, "write_latex", lambda: pytest.fail("went on without TeX"))
    with pytest.raises(SystemExit, match="apt-get install --no-install-recommends latexmk texlive-xetex"):
        pdf.main()
