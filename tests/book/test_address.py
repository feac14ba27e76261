"""The repository's address: one place holds it, one command changes it, no straggler stays."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import address

LINK = re.compile(
    r"(?:github\.com[/:]|githubusercontent\.com/|google\.com/github/)([\w.-]+)/([\w.-]+?)(?=\.git\b|[^\w.-]|\.?$|\.\s)",
    flags=re.MULTILINE,
)
PAGES = re.compile(r"([\w-]+)\.github\.io/([\w-]+)")


def stragglers(root: Path, former: tuple[str, ...] = ()) -> list[str]:
    """Addresses of this repository, under any owner or name, that are not the configured one."""
    owner, name = address.repository(root).split("/")
    own_names = {name, "model-collapse-book", *(repo.split("/")[1] for repo in former)}
    found = []
    for path in address.text_files(root):
        text = path.read_text(encoding="utf8")
        for pattern in (LINK, PAGES):
            for match in pattern.finditer(text):
                if match[2] in own_names and (match[1], match[2]) != (owner, name):
                    found.append(f"{path.relative_to(root)}: {match[0]}")
    return found


def test_no_straggler(root: Path) -> None:
    assert stragglers(root) == []


def test_every_set_up_cell_carries_the_address(root: Path) -> None:
    line = f'"git+https://github.com/{address.repository(root)}@main"'
    files = [path for kind in ("md", "ipynb") for path in (root / "book").rglob(f"*.{kind}")]
    with_cell = [path for path in files if "except ImportError" in path.read_text(encoding="utf8")]
    assert with_cell
    for path in with_cell:
        assert line in path.read_text(encoding="utf8").replace('\\"', '"'), path


def test_one_command_changes_it_everywhere(root: Path, copy_tree) -> None:
    tree = copy_tree()
    old, new = address.repository(root), "somebody/another-name"
    command = [sys.executable, str(tree / "book" / "_tools" / "address.py"), new]
    subprocess.run(command, check=True, cwd=tree, capture_output=True)
    assert address.repository(tree) == new
    for path in address.text_files(tree):
        text = path.read_text(encoding="utf8")
        assert old not in text, path
        assert address.pages_address(old) not in text, path
    assert stragglers(tree, former=(old,)) == []
    # The search itself works: a forgotten link is found.
    (tree / "forgotten.md").write_text(f"https://github.com/{old}/issues", encoding="utf8")
    assert len(stragglers(tree, former=(old,))) == 1


def test_a_malformed_address_is_refused(root: Path) -> None:
    command = [sys.executable, str(root / "book" / "_tools" / "address.py"), "https://github.com/a/b"]
    outcome = subprocess.run(command, capture_output=True, text=True)
    assert outcome.returncode != 0
    assert "OWNER/NAME" in outcome.stderr
