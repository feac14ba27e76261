"""Every built page, in a browser, at the width of a desk and of a phone, light and dark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HTML = Path(__file__).resolve().parents[2] / "_build" / "html"
PAGES = [page.relative_to(HTML).as_posix() for page in sorted(HTML.rglob("*.html"))]
PAGES = [page for page in PAGES if not page.startswith("_static/")]  # templates of the theme
WIDTHS = {"desk": 1280, "phone": 390}
LOOKS = {"desk": (1280, ("light", "dark")), "phone": (390, ("dark", "light"))}
FIGURE = re.compile(r'<div [^>]*class="collapse-explorer"')
EXPLORERS = [page for page in PAGES if FIGURE.search((HTML / page).read_text(encoding="utf8"))]


def test_the_site_is_built_and_opens_the_preface() -> None:
    assert PAGES, "no pages: run `make book` first"
    assert "preface.html" in (HTML / "index.html").read_text(encoding="utf8")


class Visit:
    """A page opened at a width, and everything that it asked for and complained of."""

    def __init__(self, browser, address: str, page: str, width: int, **options: object) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.tab = browser.new_page()
        self.tab.set_viewport_size({"width": width, "height": 900})
        if options:
            self.tab.emulate_media(**options)
        self.tab.on("request", lambda request: self.requests.append(request.url))
        self.tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.tab.on("console", lambda line: self.hear(line.type, line.text))
        self.tab.on("response", lambda answer: self.hear_status(answer.status, answer.url))
        self.tab.goto(address + page, wait_until="networkidle")
        self.tab.evaluate("() => window.MathJax?.startup?.promise")
        self.address = address

    @property
    def foreign(self) -> list[str]:
        """Whatever was asked of another host."""
        return [url for url in self.requests if not url.startswith((self.address, "data:", "blob:"))]

    def switch(self, scheme: str) -> None:
        """Change the reader's preference, and wait until the page has followed."""
        self.tab.emulate_media(color_scheme=scheme)
        self.tab.wait_for_function("scheme => document.documentElement.dataset.theme === scheme", arg=scheme)

    def hear(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(text)

    def hear_status(self, status: int, url: str) -> None:
        if status >= 400:
            self.complaints.append(f"{status} {url}")

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self.tab.close()


@pytest.mark.parametrize(("width", "schemes"), LOOKS.values(), ids=LOOKS.keys())
@pytest.mark.parametrize("page", PAGES)
def test_page(browser, address: str, page: str, width: int, schemes: tuple[str, str]) -> None:
    """No request to another host, no complaint, no sideways scroll, every image there and described.

    The page is opened in one theme and switched to the other: desks open light, phones dark.
    """
    with Visit(browser, address, page, width, color_scheme=schemes[0]) as visit:
        # Lazy images load when they come into view.
        visit.tab.evaluate("() => document.querySelectorAll('img').forEach(i => { i.loading = 'eager' })")
        visit.tab.wait_for_function("() => [...document.images].every(i => i.complete)")
        images = visit.tab.evaluate(
            "() => [...document.images].map(i => [i.src.slice(0, 120), i.naturalWidth, i.alt])"
        )
        assert [image for image in images if not image[1]] == [], "images that did not load"
        assert [image[0] for image in images if not image[2].strip()] == [], "images without alt text"
        errors = visit.tab.locator("mjx-merror, .system-message").count()
        assert errors == 0, "a formula or a block could not be rendered"
        for scheme in schemes:
            visit.switch(scheme)
            wide = visit.tab.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
            assert wide <= 0, f"the page scrolls sideways by {wide} px ({scheme})"
        assert visit.foreign == []
        assert visit.complaints == []


# The curves and the marks that move with a slider; not the read-out that follows the pointer.
DRAWING = "f => [...f.querySelectorAll('.x-plot .x-curve, .x-plot .x-mark')].map(n => n.outerHTML).join()"


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS.keys())
@pytest.mark.parametrize("page", EXPLORERS)
def test_interactive_figures_answer(browser, address: str, page: str, width: int) -> None:
    """Each slider of each interactive figure changes the drawing by key and by drag."""
    with Visit(browser, address, page, width) as visit:
        figures = visit.tab.locator("div.collapse-explorer")
        assert figures.count() > 0
        for figure in figures.all():
            sliders = figure.locator("input[type=range]")
            assert sliders.count() > 0, "the figure has no slider"
            for slider in sliders.all():
                slider.scroll_into_view_if_needed()
                start = slider.input_value()
                before = figure.evaluate(DRAWING)
                at_end = slider.evaluate("s => Number(s.value) >= Number(s.max)")
                slider.focus()
                visit.tab.keyboard.press("ArrowLeft" if at_end else "ArrowRight")
                after_key = figure.evaluate(DRAWING)
                assert after_key != before, "the arrow key did not change the drawing"
                box = slider.bounding_box()
                middle = box["y"] + box["height"] / 2
                at = slider.evaluate("s => (s.value - s.min) / (s.max - s.min)") * 0.9 + 0.05
                goal = 0.05 if at > 0.5 else 0.95
                visit.tab.mouse.move(box["x"] + box["width"] * at, middle)
                visit.tab.mouse.down()
                visit.tab.mouse.move(box["x"] + box["width"] * goal, middle, steps=5)
                visit.tab.mouse.up()
                assert figure.evaluate(DRAWING) != after_key, "dragging did not change the drawing"
                slider.fill(start)  # without generations, say, the size of a generator changes nothing
        assert visit.foreign == []
        assert visit.complaints == []


@pytest.mark.parametrize("page", EXPLORERS)
def test_interactive_figures_fall_back_to_an_image(page: str) -> None:
    """Without JavaScript a reader sees a described image."""
    text = (HTML / page).read_text(encoding="utf8")
    for figure in FIGURE.split(text)[1:]:
        image = re.search(r"<img\b[^>]*>", figure.split("<script", 1)[0])
        assert image, "no image inside the figure"
        assert re.search(r'alt="[^"]+', image[0]), "the image has no alt text"
