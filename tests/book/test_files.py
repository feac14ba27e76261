"""The documents and settings at the root agree with each other and name no machine."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import address
import chapters


def project(root: Path) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf8"))["project"]


def requirements(root: Path) -> dict[str, Requirement]:
    """Everything that `.[book,test]` asks for, by name."""
    table = project(root)
    extras = table["optional-dependencies"]
    found = map(Requirement, [*table["dependencies"], *extras["book"], *extras["test"]])
    return {canonicalize_name(requirement.name): requirement for requirement in found}


def constraints(root: Path) -> dict[str, str]:
    lines = (root / "constraints.txt").read_text(encoding="utf8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins), "a pin is not NAME==VERSION"
    return {canonicalize_name(pin.split("==")[0]): pin.split("==")[1] for pin in pins}


def test_environment_equals_pyproject(root: Path) -> None:
    """environment.yml asks for the same packages within the same bounds."""
    environment = yaml.safe_load((root / "environment.yml").read_text(encoding="utf8"))
    assert environment["channels"] == ["conda-forge"]
    conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert pip[-1] == "-e ." and pip[0] == "-c constraints.txt"
    listed = {canonicalize_name(r.name): r.specifier for r in map(Requirement, pip[1:-1])}
    assert listed == {name: requirement.specifier for name, requirement in requirements(root).items()}
    python = next(entry for entry in conda if entry.startswith("python"))
    assert python.removeprefix("python") == project(root)["requires-python"]
    assert sorted(conda) == sorted(["pip", python])


def test_constraints_lie_within_the_bounds(root: Path) -> None:
    pins = constraints(root)
    for name, requirement in requirements(root).items():
        assert name in pins, f"{name} is not pinned"
        assert requirement.specifier.contains(pins[name]), f"{requirement} against {pins[name]}"


def test_the_library_bounds_from_below_only(root: Path) -> None:
    """A hosted notebook keeps its own torch and numpy: no upper bound, no pin."""
    for requirement in map(Requirement, project(root)["dependencies"]):
        assert {bound.operator for bound in requirement.specifier} == {">="}


def test_no_path_of_a_machine(root: Path) -> None:
    """No file names a folder of the machine that it was written on."""
    place = re.compile(r"(?<![\w.~:/])/(?:home|Users|root|work|tmp|mnt|opt)/\w|[A-Z]:\\\\Users|file:///\w")
    found = [
        f"{path.relative_to(root)}: {match[0]}"
        for path in address.text_files(root)
        if path.name != "test_files.py"
        for match in place.finditer(path.read_text(encoding="utf8"))
    ]
    assert found == []


def test_readme_links_every_notebook(root: Path) -> None:
    readme = (root / "README.md").read_text(encoding="utf8")
    base = f"https://colab.research.google.com/github/{address.repository(root)}/blob/main/"
    expected = [
        base + path.relative_to(root).with_suffix(".ipynb").as_posix()
        for path in chapters.executable_chapters()
    ]
    assert re.findall(re.escape(base) + r"[\w/.-]+", readme) == expected


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_links_inside_the_repository_lead_somewhere(root: Path, name: str) -> None:
    text = (root / name).read_text(encoding="utf8")
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", text)
    assert [target for target in targets if not (root / target).exists()] == []


def test_readme_names_only_targets_that_exist(root: Path) -> None:
    makefile = (root / "Makefile").read_text(encoding="utf8")
    targets = set(re.findall(r"^([\w-]+):", makefile, flags=re.MULTILINE))
    for name in ("README.md", "CONTRIBUTING.md"):
        named = set(re.findall(r"`make ([\w-]+)", (root / name).read_text(encoding="utf8")))
        assert named <= targets, f"{name} names {named - targets}"
