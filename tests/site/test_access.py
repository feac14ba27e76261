"""Every page for everyone: an audit by axe-core, two widths, both themes; and a reader with a keyboard."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from test_pages import PAGES, Visit

CHAPTER = (
    "book/regression/chain.html"  # has theorems, folded solutions, printed output, a figure to play with
)

# Rules that look at colours are asked in each theme, all others at each width. They are slow, and a page has
# thousands of words in the same colour on the same ground: one of each is enough.
COLOURS = ["color-contrast", "link-in-text-block"]
SAMPLES = """() => {
  const ground = (node) => {
    const layers = [];
    for (let n = node; n; n = n.parentElement) {
      const style = getComputedStyle(n);
      layers.push(style.backgroundColor, style.backgroundImage, style.opacity);
    }
    return [...new Set(layers)].join();
  };
  const samples = new Map();
  for (const node of document.body.querySelectorAll(":not(script, style, mjx-container *, svg *)")) {
    const said = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    if (!said || !node.checkVisibility()) continue;
    const s = getComputedStyle(node);
    const look = [s.color, s.fontSize, s.fontWeight, s.textDecorationLine, node.tagName, ground(node)].join();
    if (!samples.has(look)) samples.set(look, node);
  }
  return [...samples.values()];
}"""
RUN = """async ([selection, options]) => {
  const samples = selection && eval(selection)();
  const found = await axe.run(samples ? { include: samples } : document, options);
  const why = (node) => node.failureSummary.split("\\n").slice(1, 3).join(" ").trim();
  return found.violations.flatMap((rule) =>
    rule.nodes.map((node) => [rule.impact, rule.id, node.target.join(" "), why(node)]));
}"""
# The drawn letters of a formula and the words of a program are thousands of nodes that are all alike: of a
# formula one letter of the same size stays, of the words of a kind the first on its ground.
THIN = """() => {
  const nodes = [...document.querySelectorAll("mjx-math")];
  const boxes = nodes.map((node) => node.getBoundingClientRect());
  nodes.forEach((node, i) => {
    node.replaceChildren("x");
    const { width, height } = boxes[i];
    node.style.cssText = `display: inline-block; overflow: hidden; width: ${width}px; height: ${height}px`;
  });
  for (const node of document.querySelectorAll("mjx-assistive-mml")) node.remove();
  const seen = new Set();
  for (const node of document.querySelectorAll("pre span:not([id], :has(*))")) {
    const kind = node.className + " on " + node.closest("div:not(.highlight)").className;
    seen.has(kind) ? node.replaceWith(node.textContent) : seen.add(kind);
  }
}"""


def audit(visit: Visit, colours: bool) -> list[list[str]]:
    """Findings of axe-core on the page as it is now: impact, rule, element, what it says."""
    rules = {rule: {"enabled": False} for rule in COLOURS}
    options = {"runOnly": COLOURS} if colours else {"rules": rules}
    options["resultTypes"] = ["violations"]
    return visit.tab.evaluate(RUN, [SAMPLES if colours else None, options])


def show(visit: Visit, width: int, scheme: str) -> None:
    """Bring the open page to a width and a theme, and wait until its scripts have followed."""
    tab = visit.tab
    visit.switch(scheme)
    if tab.viewport_size["width"] != width:
        tab.set_viewport_size({"width": width, "height": 900})
        tab.wait_for_timeout(600)  # the scripts wait for the last of many changes of the width


# The front door leads on at once. A function that a link leads to is marked, which must not hide its words.
AUDITED = [*(page for page in PAGES if page != "index.html"), "_modules/collapse/spectra.html#from_data"]


@pytest.mark.parametrize("page", AUDITED)
def test_audit(browser, address: str, page: str) -> None:
    with Visit(browser, address, page, 1280, color_scheme="light", reduced_motion="reduce") as visit:
        visit.tab.evaluate(THIN)
        visit.tab.evaluate(AXE_SCRIPT)
        found = []
        for width, schemes in ((1280, ("light", "dark")), (390, ("dark", "light"))):
            for scheme in schemes:
                show(visit, width, scheme)
                found += [[width, scheme, *line] for line in audit(visit, colours=True)]
            found += [[width, *line] for line in audit(visit, colours=False)]
        assert found == [], "\n".join(map(str, found))


@pytest.fixture
def chapter(browser, address: str) -> Iterator[Visit]:
    with Visit(browser, address, CHAPTER, 1280) as visit:
        yield visit


FOCUS = """() => {
  const node = document.activeElement;
  const where = node.closest("nav, main, header, footer, search, [role=search], .bd-sidebar-primary");
  const box = node.getBoundingClientRect();
  return { tag: node.tagName, id: node.id, type: node.type ?? "", text: node.textContent.trim().slice(0, 40),
    place: node.className + " " + (where ? where.className : ""), inMain: !!node.closest("main article"),
    figure: !!node.closest(".collapse-explorer"), shown: node.checkVisibility() && box.width > 0 };
}"""


def test_language_and_landmarks(chapter: Visit) -> None:
    tab = chapter.tab
    assert tab.evaluate("document.documentElement.lang") == "en"
    for landmark in ("main", "footer", "article"):
        assert tab.locator(landmark).count() >= 1, landmark
    assert tab.locator("h1").locator("visible=true").count() == 1  # the theme keeps another for print
    unnamed = "nav => [...nav].filter(n => !n.ariaLabel && !n.getAttribute('aria-labelledby')).length"
    assert tab.locator("nav").evaluate_all(unnamed) == 0


def test_the_first_stop_skips_to_the_text(chapter: Visit) -> None:
    tab = chapter.tab
    tab.keyboard.press("Tab")
    assert "Skip" in tab.evaluate(FOCUS)["text"]
    tab.wait_for_function("document.activeElement.getBoundingClientRect().top >= 0")  # it slides into view
    tab.keyboard.press("Enter")
    tab.keyboard.press("Tab")
    assert tab.evaluate("!!document.activeElement.closest('main')")


def test_tab_goes_through_the_page_in_order_and_is_never_trapped(chapter: Visit) -> None:
    """Sidebar, search, text and figures are reached; what has the focus is shown; the end is reached."""
    tab = chapter.tab
    stops = []
    for _ in range(2000):
        tab.keyboard.press("Tab")
        stop = tab.evaluate(FOCUS)
        if stop["tag"] == "BODY":
            break
        stops.append(stop)
    else:
        pytest.fail(f"the Tab key does not leave the page; last stops: {stops[-4:]}")
    hidden = [stop for stop in stops if not stop["shown"]]
    assert hidden == [], "stops that nobody sees"
    first_in_text = next(i for i, stop in enumerate(stops) if stop["inMain"])
    assert any("search" in stop["place"] for stop in stops[:first_in_text])
    assert any("Foundations" in stop["text"] or "bd-links" in stop["place"] for stop in stops[:first_in_text])
    assert any(stop["figure"] and stop["type"] == "range" for stop in stops[first_in_text:])
    # Backwards there is no trap either.
    tab.keyboard.press("Shift+Tab")
    tab.keyboard.press("Shift+Tab")
    assert tab.evaluate(FOCUS)["tag"] != "BODY"


def test_folded_blocks_open_by_keyboard(chapter: Visit) -> None:
    """Solutions (a button of the theme) and folded cells (`details`) open with Enter, and say so."""
    tab = chapter.tab
    block = tab.locator(f"#{tab.locator('.admonition.toggle-hidden').first.get_attribute('id')}")
    button = block.locator("> .admonition-title button")
    body = block.locator("> :not(.admonition-title)").first
    assert not body.is_visible()
    button.focus()
    tab.keyboard.press("Enter")
    body.wait_for(state="visible")
    assert button.get_attribute("aria-expanded") == "true"
    summary = tab.locator("article details > summary").first
    summary.focus()
    before = summary.evaluate("s => s.parentElement.open")
    tab.keyboard.press("Enter")
    assert summary.evaluate("s => s.parentElement.open") != before


def test_menus_open_by_keyboard_and_close_with_escape(browser, address: str) -> None:
    with Visit(browser, address, CHAPTER, 1280) as visit:
        tab = visit.tab
        menu = tab.locator(".article-header-buttons [data-bs-toggle=dropdown]").first
        menu.focus()
        tab.keyboard.press("Enter")
        entry = tab.locator(".article-header-buttons .dropdown-menu.show a").first
        entry.wait_for(state="visible")
        tab.keyboard.press("ArrowDown")
        assert tab.evaluate("!!document.activeElement.closest('.dropdown-menu')")
        tab.keyboard.press("Escape")
        entry.wait_for(state="hidden")
        assert menu.evaluate("m => m === document.activeElement")
    with Visit(browser, address, CHAPTER, 390) as visit:
        tab = visit.tab
        opener = tab.locator(".primary-toggle").locator("visible=true").first
        opener.focus()
        tab.keyboard.press("Enter")
        links = tab.locator("nav.bd-links a").first
        links.wait_for(state="visible")
        tab.keyboard.press("Escape")
        links.wait_for(state="hidden")


def test_wide_formulas_scroll_by_keyboard(browser, address: str) -> None:
    """On a phone: each box that scrolls sideways is a stop of the Tab key; on a desk none that fits is."""
    with Visit(browser, address, CHAPTER, 390) as visit:
        wide = visit.tab.locator("mjx-container[tabindex='0'], .math[tabindex='0']")
        wide.first.wait_for(state="attached")
        box = wide.first
        box.focus()
        visit.tab.keyboard.press("ArrowRight")
        visit.tab.wait_for_function("box => box.scrollLeft > 0", arg=box.element_handle())


def test_nothing_moves_for_who_asks_for_rest(browser, address: str) -> None:
    with Visit(browser, address, CHAPTER, 1280, reduced_motion="reduce") as visit:
        running = "() => document.getAnimations().filter(a => a.playState === 'running').length"
        assert visit.tab.evaluate(running) == 0
        slow = visit.tab.evaluate(
            "() => [...document.querySelectorAll('body *')]"
            ".filter(n => parseFloat(getComputedStyle(n).transitionDuration) > 0.01).length"
        )
        assert slow == 0
