"""Pack the built pages into one file for reading without a network.

The archive lies beside the pages, which link to it. The same pages give the same bytes: names are sorted and
all times are the same. It holds no copy of itself: its own links lead to the published one.
"""

from __future__ import annotations

import re
import sys
import zipfile
from pathlib import Path

import yaml

from chapters import BUILD, ROOT

NAME = "model-collapse-book"
LINK = re.compile(rf'href="(?:\.\./)*{NAME}\.zip"')


def pack(folder: Path, published: str) -> Path:
    """Write the archive of a folder of pages into it and return its path."""
    goal = folder / f"{NAME}.zip"
    goal.unlink(missing_ok=True)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    with zipfile.ZipFile(goal, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in files:
            data = path.read_bytes()
            if path.suffix == ".html":
                text = LINK.sub(f'href="{published}/{NAME}.zip"', data.decode("utf8"))
                data = text.encode("utf8")
            entry = zipfile.ZipInfo(f"{NAME}/{path.relative_to(folder).as_posix()}")
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return goal


def published_address() -> str:
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))
    return config["html"]["baseurl"].rstrip("/")


if __name__ == "__main__":
    if not (BUILD / "html" / "index.html").exists():
        sys.exit("There are no pages to pack: run `make book` first.")
    made = pack(BUILD / "html", published_address())
    print(f"{made.relative_to(ROOT)}: {made.stat().st_size / 1e6:.1f} MB")
