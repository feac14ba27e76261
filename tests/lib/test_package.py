"""The face of the library: light to import, documented, with examples that run."""

import importlib
import inspect
import pkgutil
import subprocess
import sys

import pytest

import collapse

MODULES = [
    importlib.import_module(m.name)
    for m in pkgutil.walk_packages(collapse.__path__, "collapse.")
    if "._" not in m.name
]

# Drawing, comparing and training need no theorem to point at.
TOOLS = {"collapse.plotting", "collapse.interactive", "collapse.estimates"}
TOOLS |= {f"collapse.experiments.{name}" for name in ("training", "sweeps", "gcd", "ngram", "text")}


def public(kind):
    return [
        pytest.param(thing, id=f"{module.__name__}.{name}")
        for module in MODULES
        for name, thing in vars(module).items()
        if kind(thing) and not name.startswith("_") and thing.__module__ == module.__name__
    ]


def test_import_brings_neither_torch_nor_matplotlib():
    heavy = "{'torch', 'matplotlib', 'ipywidgets', 'IPython'}"
    code = f"import sys, collapse; print(sorted({heavy} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_the_face_is_small_and_real():
    assert len(collapse.__all__) <= 25
    assert sorted(collapse.__all__) == list(collapse.__all__)
    for name in collapse.__all__:
        assert getattr(collapse, name) is not None


@pytest.mark.parametrize("function", public(inspect.isfunction))
def test_function_is_documented(function):
    text = inspect.getdoc(function) or ""
    signature = inspect.signature(function)
    bare = [name for name, p in signature.parameters.items() if p.annotation is p.empty]
    assert not bare, f"parameters without type hints: {bare}"
    assert signature.return_annotation is not signature.empty
    sections = ["Examples\n--------\n", ">>> "]
    if function.__module__ not in TOOLS:
        sections.append("Source: ")
    if signature.parameters:
        sections += ["Parameters\n----------\n", "Raises\n------\n"]
    absent = [s.split("\n")[0] for s in sections if s not in text]
    assert not absent, f"docstring lacks {absent}"
    parameters = text.split("Parameters\n----------\n")[-1]
    for name in signature.parameters:
        assert name in parameters, f"{name} is not described"


@pytest.mark.parametrize("cls", public(inspect.isclass))
def test_class_is_documented(cls):
    assert inspect.getdoc(cls)
    for name, method in vars(cls).items():
        if inspect.isfunction(method) and not name.startswith("_"):
            assert inspect.getdoc(method), f"{name} has no docstring"
