"""Hover previews: by pointer and by keyboard, in both themes, gone on Escape, nothing on touch."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from test_pages import HTML, Visit

PAGE = "book/regression/chain.html"
# A link of each kind, and words that its card must hold.
KINDS = {
    "theorem": (PAGE, "#thm-chain-linear", "Linear growth"),
    "theorem elsewhere": (PAGE, "first-collapse.html#thm-first-least-squares", "The least-squares chain"),
    "equation": (PAGE, "#equation-eq-chain-linear", "(4.1)"),
    "exercise": (PAGE, "#ex-chain-shift", "Exercise"),
    "citation": (PAGE, "bibliography.html#", "arXiv"),
    "term": (PAGE, "glossary.html#term-floor", "however much data"),
    "formula on a page without": ("book/appendix/maps.html", "#thm-chain-linear", "Linear growth"),
}


def link_to(visit: Visit, target: str):
    return visit.tab.locator(f"article p a[href*='{target}']:not(.headerlink), td a[href*='{target}']").first


def open_card(visit: Visit):
    card = visit.tab.locator(".preview:not([hidden], .preview-waiting)")
    card.wait_for()
    return card


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_card_opens_on_hover_and_on_focus(browser, address: str, kind: str, scheme: str) -> None:
    page, target, words = KINDS[kind]
    with Visit(browser, address, page, 1280, color_scheme=scheme) as visit:
        tab, link = visit.tab, link_to(visit, target)
        for reach in ("hover", "focus"):
            if reach == "focus":
                tab.keyboard.press("Tab")  # from here on the browser shows the keyboard's focus
            getattr(link, reach)()
            card = open_card(visit)
            assert words in card.inner_text()
            assert card.get_attribute("role") == "tooltip"
            assert link.get_attribute("aria-describedby") == card.get_attribute("id")
            # Formulas are set, and nothing is there twice.
            assert card.locator(".math").count() == card.locator(".math > mjx-container").count()
            assert card.locator("a, [id]").count() == 0
            box = card.bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= 1280
            assert box["y"] >= 0 and box["y"] + box["height"] <= 900
            ground, letters = card.evaluate(
                "c => [getComputedStyle(c).backgroundColor, getComputedStyle(c).color]"
            )
            light = [sum(map(int, re.findall(r"\d+", colour)[:3])) > 382 for colour in (ground, letters)]
            assert light == ([True, False] if scheme == "light" else [False, True])
            tab.keyboard.press("Escape")
            assert card.count() == 0
            assert link.get_attribute("aria-describedby") is None
            tab.mouse.move(1, 1)
        assert visit.foreign == []
        assert visit.complaints == []


def test_card_stays_under_the_pointer_and_goes_when_it_leaves(browser, address: str) -> None:
    with Visit(browser, address, PAGE, 1280) as visit:
        link = link_to(visit, "#thm-chain-linear")
        link.hover()
        card = open_card(visit)
        box = card.bounding_box()
        visit.tab.mouse.move(box["x"] + 40, box["y"] + 30, steps=4)
        visit.tab.wait_for_timeout(800)
        assert card.is_visible()
        visit.tab.mouse.move(1, 1)
        card.wait_for(state="hidden")


def test_plain_links_have_no_card_and_nothing_moves(browser, address: str) -> None:
    with Visit(browser, address, PAGE, 1280) as visit:
        visit.tab.locator("article p a[href$='#sec-first-collapse']").first.hover()
        visit.tab.wait_for_timeout(800)
        assert visit.tab.locator(".preview:not([hidden])").count() == 0
        assert visit.complaints == []


def test_a_tap_follows_the_link(browser, address: str) -> None:
    with Visit(browser, address, PAGE, 390) as visit:
        link = link_to(visit, "first-collapse.html#")
        link.scroll_into_view_if_needed()
        session = browser.new_cdp_session(visit.tab)
        box = link.bounding_box()
        point = {"x": box["x"] + 5, "y": box["y"] + box["height"] / 2}
        session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        visit.tab.wait_for_url("**/first-collapse.html#*")


def test_pages_opened_from_a_folder_show_cards_too(browser) -> None:
    complaints = []
    tab = browser.new_page()
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto((HTML / PAGE).as_uri())
    tab.locator("article p a[href$='#thm-chain-linear']").first.hover()
    tab.locator(".preview:not([hidden], .preview-waiting)").wait_for()
    tab.close()
    assert complaints == []


def test_every_link_to_something_shown_has_its_fragment() -> None:
    """What pages link to by anchor and would be shown is in the fragments of the target's page."""
    fragments = {}
    for path in (HTML / "_previews").rglob("*.js"):
        page = path.relative_to(HTML / "_previews").with_suffix("").as_posix()
        fragments[page] = json.loads(re.search(r", (\{.*\})\);\n$", path.read_text(encoding="utf8"))[1])
    known = {anchor for shown in fragments.values() for anchor in shown}
    missing = []
    for path in HTML.glob("book/**/*.html"):
        page = path.relative_to(HTML)
        article = path.read_text(encoding="utf8").split('<article class="bd-article"', 1)[1]
        for target, anchor in re.findall(r'class="reference internal" href="([^"#]*)#([\w-]+)"', article):
            place = (page.parent / target).as_posix() if target else page.as_posix()
            place = Path(re.sub(r"[^/]+/\.\./", "", place)).with_suffix("").as_posix()
            shown = re.match(r"(thm|prop|cor|lem|def|ass|ex|fig|tab|equation|term)-", anchor)
            if shown and anchor not in fragments.get(place, {}):
                missing.append(f"{page}: {place}#{anchor}")
    assert known and missing == []
