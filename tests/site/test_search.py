"""A reader looks for a word: results appear, one leads to the page, and no other host is asked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from test_pages import HTML, Visit

WORD, PAGE = "Wishart", "book/regression/chain.html"


@pytest.mark.parametrize("width", [1280, 390])
def test_search_finds_a_word_and_leads_to_it(browser, address: str, width: int) -> None:
    with Visit(browser, address, "book/preface.html", width) as visit:
        tab = visit.tab
        if width < 1000:  # the field is behind a button; the keyboard opens it too
            tab.keyboard.press("Control+K")
        else:
            tab.locator(".search-button-field, .search-button").locator("visible=true").first.click()
        tab.keyboard.type(WORD)
        tab.keyboard.press("Enter")
        tab.wait_for_url(re.compile(r"search\.html\?q="))
        result = tab.locator(f"#search-results a[href*='{PAGE}']").first
        result.wait_for()
        # The summary under a result is read from the page itself.
        tab.locator("#search-results .context").first.wait_for()
        result.click()
        tab.wait_for_url(re.compile(re.escape(PAGE)))
        assert visit.foreign == []
        assert visit.complaints == []


def test_search_says_when_it_finds_nothing(browser, address: str) -> None:
    with Visit(browser, address, "search.html?q=xyzzyplugh", 1280) as visit:
        visit.tab.get_by_text("did not match any documents").wait_for()
        assert visit.complaints == []


def test_a_page_opened_as_a_file_teaches_too(browser) -> None:
    """Without any server: formulas are set, figures answer, the search finds. (Only summaries stay away.)"""
    base = Path(HTML).as_uri() + "/"
    with Visit(browser, base, PAGE, 1280) as visit:
        assert visit.tab.locator("mjx-container mjx-math").count() > 100
        assert visit.tab.locator("mjx-merror").count() == 0
        curve = visit.tab.locator(".collapse-explorer .x-plot .x-curve").first
        before = curve.get_attribute("d")
        slider = visit.tab.locator(".collapse-explorer input[type=range]").first
        slider.focus()
        visit.tab.keyboard.press("ArrowRight")
        moved = curve.get_attribute("d")
        visit.tab.keyboard.press("ArrowLeft")
        visit.tab.keyboard.press("ArrowLeft")
        assert {before} != {moved, curve.get_attribute("d")}
        assert visit.foreign == []
        assert visit.complaints == []
        visit.tab.goto(f"{base}search.html?q={WORD}")
        visit.tab.locator(f"#search-results a[href*='{PAGE}']").first.wait_for()
        assert visit.foreign == []
