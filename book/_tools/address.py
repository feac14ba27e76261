"""Change the repository's address everywhere it stands.

    python book/_tools/address.py NEW_OWNER/NEW_NAME

The address lives in _config.yml (`repository: url`). Chapters, notebooks, citation file, README, package
metadata and workflows repeat it, since each is read where _config.yml is not: this command rewrites all of
them, the address of the published pages included. Links to other repositories are left alone.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]


def repository(root: Path = ROOT) -> str:
    """OWNER/NAME, from the one place that holds it."""
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf8"))
    return config["repository"]["url"].removeprefix("https://github.com/").rstrip("/")


def pages_address(repo: str) -> str:
    """Host and path of the published pages, without scheme."""
    owner, name = repo.split("/")
    return f"{owner}.github.io/{name}"


def text_files(root: Path = ROOT) -> list[Path]:
    """Every file that is, or would be, under version control and holds text."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout.splitlines()
    files = [root / name for name in sorted(set(names))]
    return [path for path in files if path.is_file() and b"\0" not in path.read_bytes()]


def change(new: str, root: Path = ROOT) -> list[Path]:
    """Rewrite the address; return the files that changed."""
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", new):
        raise ValueError(f"the new address must be OWNER/NAME, got {new}")
    old = repository(root)
    changed = []
    for path in text_files(root):
        text = path.read_text(encoding="utf8")
        renewed = re.sub(rf"(?<![\w.-]){re.escape(old)}(?![\w-])", new, text)
        renewed = renewed.replace(pages_address(old), pages_address(new))
        if renewed != text:
            path.write_text(renewed, encoding="utf8")
            changed.append(path)
    return changed


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        for changed_file in change(sys.argv[1]):
            print(changed_file.relative_to(ROOT))
    except ValueError as error:
        sys.exit(str(error))
