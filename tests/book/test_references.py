"""The bibliography: complete entries, keys that can be guessed, and no citation without an entry."""

import re
from pathlib import Path

import pytest
from pybtex.database import BibliographyData, Entry, parse_file
from pybtex.plugin import find_plugin

BOOK = Path(__file__).resolve().parents[2] / "book"
BIB = BOOK / "references.bib"
DATA: BibliographyData = parse_file(str(BIB))
PAGES = sorted(BOOK.rglob("*.md"))
ENTRIES = [pytest.param(key, entry, id=key) for key, entry in DATA.entries.items()]

ARXIV = re.compile(r"\d{4}\.\d{4,5}")
DOI = re.compile(r"10\.\d{4,9}/\S+")
CITATION = re.compile(r"\{cite(?::[a-z]+)?\}`([^`]+)`")


def citations(text: str) -> list[str]:
    return [key.strip() for group in CITATION.findall(text) for key in group.split(",")]


def test_citations_are_found_in_every_form():
    text = "{cite:p}`one2020a`, {cite:t}`two2021b, three2022c`, not {ref}`sec-four`, {cite}`five2023d`"
    assert citations(text) == ["one2020a", "two2021b", "three2022c", "five2023d"]


def test_keys_are_unique():
    # pybtex raises on a repeated key; identifiers are checked too: the same work under two keys is as bad.
    identifiers = [
        entry.fields[name].lower()
        for entry in DATA.entries.values()
        for name in ("doi", "eprint")
        if name in entry.fields
    ]
    assert len(identifiers) == len(set(identifiers))
    keys = re.findall(r"^@\w+\{([^,]+),", BIB.read_text(encoding="utf8"), flags=re.MULTILINE)
    assert sorted(keys) == sorted(set(keys)) == sorted(DATA.entries)


@pytest.mark.parametrize(("key", "entry"), ENTRIES)
def test_entry_is_complete(key: str, entry: Entry):
    assert entry.persons.get("author"), "no author"
    assert not any("others" in str(person) for person in entry.persons["author"]), "authors are given in full"
    assert entry.fields.get("title")
    assert re.fullmatch(r"(19|20)\d\d", entry.fields.get("year", ""))
    venue = {"article": "journal", "inproceedings": "booktitle", "misc": "howpublished"}[entry.type]
    assert entry.fields.get(venue), f"no {venue}"
    assert "doi" in entry.fields or "eprint" in entry.fields, "no identifier"
    assert ARXIV.fullmatch(entry.fields.get("eprint", "0000.00000"))
    assert DOI.fullmatch(entry.fields.get("doi", "10.0000/x"))


@pytest.mark.parametrize(("key", "entry"), ENTRIES)
def test_key_is_author_year_word_of_the_title(key: str, entry: Entry):
    family, year, word = re.fullmatch(r"([a-z]+)(\d{4})([a-z]+)", key).groups()
    assert family == "".join(entry.persons["author"][0].last_names).lower()
    assert year == entry.fields["year"]
    assert word in re.findall(r"[a-z]+", entry.fields["title"].lower())


def test_entries_print_without_markup():
    style = find_plugin("pybtex.style.formatting", "plain")()
    backend = find_plugin("pybtex.backends", "plaintext")()
    printed = [entry.text.render(backend) for entry in style.format_bibliography(DATA)]
    assert len(printed) == len(DATA.entries)
    assert not [text for text in printed if re.search(r"[\\{}$]|\?\?", text)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(BOOK).as_posix())
def test_every_citation_has_an_entry(page: Path):
    missing = set(citations(page.read_text(encoding="utf8"))) - set(DATA.entries)
    assert not missing, f"not in references.bib: {sorted(missing)}"
