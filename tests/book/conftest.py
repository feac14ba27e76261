"""A throw-away copy of the repository's tree, to build in and to change."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import address


@pytest.fixture
def copy_tree(root: Path, tmp_path: Path) -> Callable[[], Path]:
    """A function that copies what is (or would be) under version control into a fresh git folder."""

    def copy() -> Path:
        target = tmp_path / "tree"
        for path in address.text_files(root):
            goal = target / path.relative_to(root)
            goal.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, goal)
        subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(target)], check=True)
        return target

    return copy
