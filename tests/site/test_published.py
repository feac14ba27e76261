"""The built files as a whole: links, weight, what other sites read of them, the copy for offline reading."""

from __future__ import annotations

import json
import re
import struct
import zipfile
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit
from xml.etree import ElementTree

import pytest
import yaml

import chapters
import offline

HTML = Path(__file__).resolve().parents[2] / "_build" / "html"
PAGES = [page.relative_to(HTML).as_posix() for page in sorted(HTML.rglob("*.html"))]
PAGES = [page for page in PAGES if not page.startswith("_static/")]  # templates of the theme
BOOK = [f"{name}.html" for name in chapters.toc_files()]
LIMIT = 1.5e6  # bytes of one page with its figures, without what all pages share
DATA_LIMIT = 150_000  # bytes of one interactive figure's data
EXPLORER = re.compile(r'<div [^>]*class="collapse-explorer".*?<script>(.*?)</script>', flags=re.DOTALL)
# What a page fetches by itself, unlike a link that a reader follows.
FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "object": "data"}
FETCHED_RELATIONS = {
    "stylesheet",
    "preload",
    "prefetch",
    "preconnect",
    "dns-prefetch",
    "modulepreload",
    "icon",
}
ANALYTICS = re.compile(r"google-analytics|googletagmanager|gtag\(|plausible|matomo|sendBeacon|goatcounter")


class Page(HTMLParser):
    """Names, links and fetched files of one page, and its tags for other sites."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.doubled: set[str] = set()
        self.links: set[str] = set()
        self.fetched: set[str] = set()
        self.meta: dict[str, str] = {}
        self.relations: dict[str, str] = {}
        self.language = ""
        self.data: list[dict] = []
        self.reads_data = False
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attributes}
        if name := given.get("id"):
            (self.doubled if name in self.names else self.names).add(name)
        if tag == "a" and "href" in given:
            self.links.add(given["href"])
        if tag == "html":
            self.language = given.get("lang", "")
        if tag == "meta" and "content" in given:
            self.meta[given.get("property", given.get("name", ""))] = given["content"]
        if tag == "link":
            self.relations[given["rel"]] = given["href"]
            if FETCHED_RELATIONS & set(given["rel"].split()):
                self.fetched.add(given["href"])
        if given.get(FETCHED.get(tag, "")):
            self.fetched.add(given[FETCHED[tag]])
        self.reads_data = tag == "script" and given.get("type") == "application/ld+json"

    def handle_endtag(self, tag: str) -> None:
        self.reads_data = False

    def handle_data(self, data: str) -> None:
        if self.reads_data:
            self.data.append(json.loads(data))


@cache
def read(page: str) -> Page:
    return Page((HTML / page).read_text(encoding="utf8"))


@cache
def published(root: Path) -> str:
    """Address of the published pages, with a slash at the end."""
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf8"))
    return config["html"]["baseurl"].rstrip("/") + "/"


def test_every_internal_link_and_anchor_leads_somewhere() -> None:
    """Checked over the files, so that it holds for each page and takes seconds."""
    broken = []
    for page in PAGES:
        for link in read(page).links | read(page).fetched:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target, anchor = urldefrag(urljoin(page, link))
            target = unquote(target.split("?")[0])
            if not (HTML / target).is_file():
                broken.append(f"{page}: no file {link}")
            elif anchor and target.endswith(".html") and unquote(anchor) not in read(target).names:
                broken.append(f"{page}: no anchor {link}")
    assert broken == []


def test_no_name_is_given_twice_on_a_page() -> None:
    """A doubled id sends links and labels to the wrong place."""
    assert {page: read(page).doubled for page in PAGES if read(page).doubled} == {}


def test_nothing_is_fetched_from_another_host_and_nobody_is_counted() -> None:
    """The browser tests see what is asked for; this sees what could be, in scripts and styles too."""
    foreign = [
        f"{page}: {link}"
        for page in PAGES
        for link in read(page).fetched
        if urlsplit(link).netloc or urlsplit(link).scheme not in {"", "data"}
    ]
    assert foreign == []
    scripts = [path for path in HTML.rglob("*.js") if "mathjax" not in path.parts]
    for path in [*(HTML / page for page in PAGES), *scripts]:
        found = ANALYTICS.search(path.read_text(encoding="utf8"))
        assert not found, f"{path.relative_to(HTML)}: {found}"
    for path in HTML.rglob("*.css"):
        styles = path.read_text(encoding="utf8")
        assert not re.search(r"@import[^;]*//|url\([\"']?(?:https?:)?//", styles), path.relative_to(HTML)


def weight(page: str) -> int:
    """Bytes of a page and of the figures that it alone shows."""
    images = {source for source in read(page).fetched if not source.startswith("data:")}
    files = {(HTML / page).parent.joinpath(urlsplit(source).path).resolve() for source in images}
    own = [file for file in files if "_images" in file.parts and file.is_file()]
    return (HTML / page).stat().st_size + sum(file.stat().st_size for file in own)


def test_pages_are_light(record_property) -> None:
    """The heaviest five are told at the end of the run (tests/site/conftest.py)."""
    weights = sorted(((weight(page), page) for page in PAGES), reverse=True)
    record_property("heaviest", [f"{size / 1e6:.2f} MB  {page}" for size, page in weights[:5]])
    assert [page for size, page in weights if size > LIMIT] == []


def test_interactive_figures_are_light() -> None:
    sizes = {}
    for page in PAGES:
        for number, script in enumerate(EXPLORER.findall((HTML / page).read_text(encoding="utf8"))):
            data = re.search(r"(?:const )?spec ?= ?(\{.*\})", script, flags=re.DOTALL)
            sizes[f"{page}, figure {number}"] = len((data[1] if data else script).encode())
    assert sizes, "no interactive figure found"
    assert {name: size for name, size in sizes.items() if size > DATA_LIMIT} == {}


@pytest.mark.parametrize("page", BOOK)
def test_page_describes_itself(page: str, root: Path) -> None:
    """Its one address, a description, the card of link previews, and what it is a part of."""
    found, base = read(page), published(root)
    address = base if page == BOOK[0] else base + page
    assert found.language == "en"
    assert found.relations["canonical"] == found.meta["og:url"] == address
    assert 20 <= len(found.meta["description"]) <= 300
    assert "\\" not in found.meta["description"]
    assert found.meta["og:description"] == found.meta["description"]
    assert found.meta["og:title"]
    assert found.meta["twitter:card"] == "summary_large_image"
    assert found.meta["og:image"] == base + "_static/social-preview.png"
    (data,) = found.data
    whole = data if page == BOOK[0] else data["isPartOf"]
    assert data["@context"] == "https://schema.org"
    assert data["@type"] == ("Book" if page == BOOK[0] else "Chapter")
    assert data["url"] == address
    assert whole["@id"] == base
    citation = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf8"))
    assert whole["name"] == citation["title"]
    assert len(data["author"]) == len(citation["authors"])
    assert all(author["name"] for author in data["author"])
    assert len(data["license"]) == len(citation["license"])


def test_descriptions_differ() -> None:
    texts = [read(page).meta["description"] for page in BOOK]
    assert len(set(texts)) == len(texts)


def test_preview_image_has_the_size_that_its_tags_say() -> None:
    header = (HTML / "_static" / "social-preview.png").read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    said = read(BOOK[0]).meta
    assert struct.unpack(">II", header[16:]) == (int(said["og:image:width"]), int(said["og:image:height"]))
    assert struct.unpack(">II", header[16:]) == (1200, 630)


def test_sitemap_lists_every_page_of_the_book(root: Path) -> None:
    tree = ElementTree.parse(HTML / "sitemap.xml")
    listed = [node.text for node in tree.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")]
    base = published(root)
    assert sorted(listed) == sorted([base, *(base + page for page in BOOK[1:])])
    assert f"Sitemap: {base}sitemap.xml" in (HTML / "robots.txt").read_text(encoding="utf8")


def test_front_door_leads_to_the_first_page(root: Path) -> None:
    text = (HTML / "index.html").read_text(encoding="utf8")
    assert f'content="0; url={BOOK[0]}"' in text
    assert read("index.html").relations["canonical"] == published(root)
    assert read("index.html").meta["og:image"] == read(BOOK[0]).meta["og:image"]


def test_offline_copy_is_complete_and_linked() -> None:
    archive = HTML / f"{offline.NAME}.zip"
    for page in BOOK:
        links = {urljoin(page, link) for link in read(page).links}
        assert archive.name in links, f"{page} does not link to the archive"
    with zipfile.ZipFile(archive) as packed:
        names = {name.removeprefix(f"{offline.NAME}/") for name in packed.namelist()}
    there = {path.relative_to(HTML).as_posix() for path in HTML.rglob("*") if path.is_file()}
    assert names == there - {archive.name}


def test_offline_copy_is_the_same_for_the_same_pages(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    page = tmp_path / "part" / "page.html"
    page.write_text(f'<a href="../{offline.NAME}.zip">offline</a>', encoding="utf8")
    first = offline.pack(tmp_path, "https://example.org/book").read_bytes()
    page.touch()
    archive = offline.pack(tmp_path, "https://example.org/book")
    assert archive.read_bytes() == first
    with zipfile.ZipFile(archive) as packed:
        (name,) = packed.namelist()
        # The copy holds no copy of itself, so its own link leads to the published one.
        assert f"https://example.org/book/{offline.NAME}.zip" in packed.read(name).decode()
