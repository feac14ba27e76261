"""What runs elsewhere, checked here without a network: workflows, citation file, the version of a release."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

WORKFLOWS = sorted((Path(__file__).resolve().parents[2] / ".github" / "workflows").glob("*.yml"))


def lint(schema: str, *files: Path) -> None:
    command = [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema", schema, *files]
    outcome = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.parametrize("schema", ["vendor.github-workflows", "custom.github-workflows-require-timeout"])
def test_workflows_are_valid(schema: str) -> None:
    assert len(WORKFLOWS) == 4
    lint(schema, *WORKFLOWS)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_are_modest(path: Path) -> None:
    """Reading is all a workflow may do, but for the job that publishes; actions are pinned to a version."""
    flow = yaml.safe_load(path.read_text(encoding="utf8"))
    assert flow["permissions"] == {"contents": "read"}
    assert "group" in flow["concurrency"]
    for name, job in flow["jobs"].items():
        if "permissions" in job:
            assert (path.stem, name) == ("publish", "deploy")
            assert job["permissions"] == {"pages": "write", "id-token": "write"}
        for step in job["steps"]:
            assert re.fullmatch(r"actions/[\w-]+@v\d+", step.get("uses", "actions/none@v0"))


def test_workflows_run_what_exists(root: Path) -> None:
    targets = set(
        re.findall(r"^([\w-]+):", (root / "Makefile").read_text(encoding="utf8"), flags=re.MULTILINE)
    )
    for path in WORKFLOWS:
        text = path.read_text(encoding="utf8")
        assert set(re.findall(r"run: make ([\w-]+)", text)) <= targets
    assert "make test" in (root / ".ci" / "run").read_text(encoding="utf8")
    assert re.search(r"pytest .*tests/site", (root / "Makefile").read_text(encoding="utf8"))


def test_the_published_workflow_waits_for_the_tests() -> None:
    flows = {path.stem: yaml.safe_load(path.read_text(encoding="utf8")) for path in WORKFLOWS}
    # YAML 1.1 reads the key `on` as true.
    assert flows["publish"][True]["workflow_run"]["workflows"] == [flows["test"]["name"]]


def test_citation_file_is_valid(root: Path) -> None:
    lint("vendor.citation-file-format", root / "CITATION.cff")


def test_one_version_everywhere(root: Path) -> None:
    citation = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf8"))
    version = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf8"))["project"]["version"]
    assert citation["version"] == version
    changes = (root / "CHANGELOG.md").read_text(encoding="utf8")
    assert re.search(r"^## (\S+)", changes, flags=re.MULTILINE)[1] == version
    year = citation["date-released"].year
    assert f"Version {version}, {year}." in (root / "README.md").read_text(encoding="utf8")
