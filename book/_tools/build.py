"""Execute the chapters with the present library and build the site.

python book/_tools/build.py                    the whole book
python book/_tools/build.py --only FILE        run one chapter, cell by cell, and say what it printed
python book/_tools/build.py --only FILE --html the same, then its page alone (fast look while writing)
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import yaml

import formulas
import offline
from chapters import (
    BUILD,
    ROOT,
    client_for,
    code_cells,
    executable_chapters,
    execute_files,
    front_matter,
    read,
    toc_files,
)

CACHE = BUILD / ".jupyter_cache"
HTML = BUILD / "html"


def fingerprint(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def forget_if_changed() -> None:
    """Discard every stored number when the library changed.

    The execution cache knows a chapter by its code cells alone: without this a page would go on
    showing what an older library computed.
    """
    library = [p for p in (ROOT / "lib").rglob("*") if p.suffix in {".py", ".js", ".css"}]
    data = [p for p in (ROOT / "book" / "_data").rglob("*") if p.is_file()]
    site = [ROOT / "_config.yml", ROOT / "_toc.yml"]
    site += [
        p
        for d in ("_ext", "_static", "_templates")
        for p in (ROOT / "book" / d).rglob("*.*")
        if p.suffix != ".pyc"
    ]
    for name, files, stale in (
        ("library", [*library, *data, ROOT / "constraints.txt"], [CACHE, HTML, BUILD / ".doctrees"]),
        ("site", site, [HTML, BUILD / ".doctrees"]),
    ):
        record = BUILD / f".{name}-fingerprint"
        now = fingerprint(files)
        if not record.exists() or record.read_text() != now:
            for folder in stale:
                shutil.rmtree(folder, ignore_errors=True)
            BUILD.mkdir(exist_ok=True)
            record.write_text(now)


def execute_changed() -> None:
    """Bring the execution cache up to date, several chapters at a time."""
    from jupyter_cache import get_cache
    from jupyter_cache.base import CacheBundleIn

    cache = get_cache(str(CACHE))
    waiting = []
    for path in executable_chapters():
        try:
            cache.match_cache_notebook(read(path))
        except KeyError:
            waiting.append(path)
    if not waiting:
        print("All chapters are up to date: nothing to execute.", flush=True)
        return

    def keep(path: Path, notebook, seconds: float) -> None:
        bundle = CacheBundleIn(notebook, str(path), data={"execution_seconds": seconds})
        cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
        print(f"  {path.relative_to(ROOT)}: {seconds:.1f} s", flush=True)

    print(f"Executing {len(waiting)} chapter(s) ...", flush=True)
    failures = execute_files(waiting, keep)
    if failures:
        sys.exit("\n\n".join(failures))


def jupyter_book(*arguments: str) -> list[str]:
    """Run `jupyter-book build`; return its lines that warn, or that tell of an execution."""
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", ".", *arguments]
    suspicious = []
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf8"
    ) as process:
        for line in process.stdout:
            line = re.sub(r"\x1b\[[0-9;]*m", "", line)
            # The parsers' settings fill a screen and say nothing.
            if "ParserConfig(" not in line:
                print(line, end="", flush=True)
            if "WARNING:" in line or "ERROR:" in line:
                suspicious.append(line.strip())
            if "Executing notebook" in line:  # every chapter was in the cache a moment ago
                suspicious.append(f"{line.split(': ')[0]} was changed during the build: build again")
    if process.returncode:
        suspicious.append(f"jupyter-book ended with status {process.returncode}")
    return suspicious


def prune() -> None:
    """Keep the one MathJax flavour that the pages load, with its fonts; no maps of the theme's scripts."""
    folder = HTML / "_static" / "mathjax"
    keep = {"tex-chtml.js", "output", "input"}
    for item in folder.iterdir() if folder.is_dir() else ():
        if item.name not in keep:
            shutil.rmtree(item) if item.is_dir() else item.unlink()
    shutil.rmtree(folder / "output" / "svg", ignore_errors=True)
    for item in (HTML / "_static").rglob("*.map"):
        item.unlink()


def finish_site() -> None:
    """Add what is made of the library and of the finished pages: the preview image and the archive."""
    preview_image = HTML / "_static" / "social-preview.png"
    if not preview_image.exists():  # the pages are discarded when the library changes
        import social_preview

        social_preview.draw(preview_image)
    offline.pack(HTML, offline.published_address())


def build() -> None:
    from jupyter_cache import get_cache

    start = time.perf_counter()
    forget_if_changed()
    execute_changed()
    formulas.write(get_cache(str(CACHE)))
    problems = jupyter_book("-W", "-n", "--keep-going")
    if problems:
        sys.exit("The book was not built cleanly:\n" + "\n".join(problems))
    prune()
    finish_site()
    print(f"\nBuilt in {time.perf_counter() - start:.0f} s. Open {HTML / 'index.html'}")


def only(path: Path, html: bool) -> None:
    """Execute one chapter, telling cell by cell what happened."""
    path = path.resolve()
    notebook = read(path)
    lines = notebook.metadata.get("source_map", [])
    folder = BUILD / "preview" / path.stem
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    client = client_for(notebook, path.parent, allow_errors=True)
    begin = time.perf_counter()
    failed = 0
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type != "code":
                continue
            where = f"line {lines[index]}" if lines else f"cell {index}"
            start = time.perf_counter()
            client.execute_cell(cell, index)
            print(f"--- {where}: {time.perf_counter() - start:.1f} s", flush=True)
            for number, output in enumerate(cell.outputs):
                if output.output_type == "error":
                    failed += 1
                    print("\n".join(output.traceback))
                    continue
                data = output.get("data", {})
                print(output.get("text", data.get("text/plain", "")), end="" if "text" in output else "\n")
                if "image/png" in data:
                    image = folder / f"{index:02d}-{number}.png"
                    image.write_bytes(base64.b64decode(data["image/png"]))
                    print(f"    image: {image.relative_to(ROOT)}")
                if "text/html" in data:
                    print(f"    html: {len(data['text/html']) / 1000:.0f} kB")
    cells = len(code_cells(notebook))
    print(f"\n{path.name}: {cells} code cells, {failed} failed, {time.perf_counter() - begin:.1f} s in all")
    if failed:
        sys.exit(1)
    if html:
        preview(path, notebook, folder)


def preview(path: Path, notebook, folder: Path) -> None:
    """The page alone: references to other chapters are reported, and do not count."""
    from jupyter_cache import get_cache
    from jupyter_cache.base import CacheBundleIn

    cache = folder / "cache"
    bundle = CacheBundleIn(notebook, str(path), data={})
    get_cache(str(cache)).cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))
    config["execute"]["cache"] = str(cache)
    # This path is taken from the place of the configuration file.
    config["sphinx"]["local_extensions"] = {"book_pages": str(ROOT / "book" / "_ext")}
    (folder / "config.yml").write_text(yaml.safe_dump(config), encoding="utf8")
    name = str(path.relative_to(ROOT).with_suffix(""))
    # The chapter, and of the other pages those that need nothing executed.
    written = [page for page in toc_files() if (ROOT / f"{page}.md").exists()]
    quiet = [p for p in written if p != name and "kernelspec" not in front_matter(ROOT / f"{p}.md")]
    toc = {
        "format": "jb-book",
        "root": quiet[0],
        "parts": [
            {"numbered": True, "chapters": [{"file": name}]},
            {"chapters": [{"file": page} for page in quiet[1:]]},
        ],
    }
    (folder / "toc.yml").write_text(yaml.safe_dump(toc), encoding="utf8")
    options = ["--config", folder / "config.yml", "--toc", folder / "toc.yml", "--path-output", folder]
    problems = jupyter_book("-n", "--keep-going", *map(str, options))
    # The other pages are there to be linked to; what they refer to is not.
    problems = [line for line in problems if not any(f"/{page}." in line for page in quiet)]
    problems = [line for line in problems if "docstring of" not in line]
    print(
        "\n".join(["", "To look at (references to other chapters are expected):", *dict.fromkeys(problems)])
    )
    print(f"Open {folder / '_build' / 'html' / (name + '.html')}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", type=Path, metavar="FILE", help="execute this chapter alone")
    parser.add_argument("--html", action="store_true", help="with --only: build its page too")
    options = parser.parse_args()
    only(options.only, options.html) if options.only else build()
