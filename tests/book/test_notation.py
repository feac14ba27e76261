"""The notation page and the preface say what the library does."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import numpy as np
from sklearn.linear_model import Ridge

import collapse
from collapse.estimates import Estimate

BOOK = Path(__file__).resolve().parents[2] / "book"
NOTATION = (BOOK / "notation.md").read_text(encoding="utf8")
PREFACE = (BOOK / "preface.md").read_text(encoding="utf8")


def table(label: str) -> list[dict[str, str]]:
    """The first table after a label, one dictionary a row; rows that only name a group are left out."""
    section = NOTATION.split(f"({label})=", maxsplit=1)[1]
    lines = re.search(r"(?:^\|.*\|\n)+", section, flags=re.MULTILINE)[0].splitlines()
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert all(len(row) == len(head) for row in rows), "a row with too few or too many cells"
    return [dict(zip(head, row, strict=True)) for row in rows if row[0]]


SYMBOLS = table("sec-notation-symbols")
CLASHES = table("sec-notation-clashes")


def formulas(cell: str) -> list[str]:
    return re.findall(r"\$([^$]+)\$", cell)


def public_parameters() -> set[str]:
    """Names of the arguments of every public function and class of the library."""
    names: set[str] = set()
    for module in pkgutil.iter_modules(collapse.__path__):
        if module.name.startswith("_"):
            continue
        loaded = importlib.import_module(f"collapse.{module.name}")
        for name, thing in vars(loaded).items():
            if not name.startswith("_") and (inspect.isfunction(thing) or inspect.isclass(thing)):
                try:
                    names.update(inspect.signature(thing).parameters)
                except ValueError:  # a class without a signature, such as a typing alias
                    continue
    return names


def test_a_symbol_has_one_row():
    symbols = [formula for row in SYMBOLS for formula in formulas(row["Symbol"])]
    assert not {symbol for symbol in symbols if symbols.count(symbol) > 1}
    assert len(symbols) > 60


def test_code_names_are_arguments_of_the_library():
    names = {name for row in SYMBOLS for name in re.findall(r"`(\w+)`", row["Code"])}
    assert {"spectrum", "signal", "T", "T0", "n", "ridge", "noise", "noise0"} <= names
    assert not names - public_parameters()


def test_rows_are_filled():
    for row in SYMBOLS:
        assert formulas(row["Symbol"]), row
        assert row["Meaning"] and row["Parts"], row
        assert re.fullmatch(r"all( but III)?|(I|II|III|IV|V|VI)(, (I|II|III|IV|V|VI))*", row["Parts"]), row


def test_every_clash_is_resolved():
    letters = [formula for row in CLASHES for formula in formulas(row["Letter"])]
    assert len(letters) == len(set(letters))
    for row in CLASHES:
        assert all(row.values()), row


def test_penalty_convention_against_scikit_learn():
    # Exact identity, so only rounding is allowed.
    rng = np.random.default_rng(0)
    T, d, ridge = 30, 5, 0.3
    X, Y = rng.normal(size=(T, d)), rng.normal(size=T)
    ours = np.linalg.solve(X.T @ X / T + ridge * np.eye(d), X.T @ Y / T)
    theirs = Ridge(alpha=T * ridge, fit_intercept=False, solver="cholesky").fit(X, Y).coef_
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_line_in_the_preface_is_the_line_the_library_prints():
    line = re.search(r"(\d+) points, max \|z\| = ([\d.]+) \(.*\)", PREFACE)
    points, largest = int(line[1]), float(line[2])
    mean = np.zeros(points)
    mean[0] = largest
    agreement = Estimate(mean=mean, stderr=np.ones(points), replicas=1000, seed=0).agreement(np.zeros(points))
    assert agreement.passed
    assert str(agreement) == line[0]
