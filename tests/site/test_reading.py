"""What makes a page good to read: header, boxes, measure, paper form, the figure that opens the book."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

HTML = Path(__file__).resolve().parents[2] / "_build" / "html"
CHAPTERS = [
    page.relative_to(HTML).as_posix()
    for page in sorted(HTML.glob("book/*/*.html"))
    if 'class="in-this-chapter' in page.read_text(encoding="utf8")
]
SAMPLE = "book/regression/chain.html"
LANDING = "book/preface.html"


@pytest.fixture
def tab(browser) -> Iterator[object]:
    tab = browser.new_page()
    tab.set_viewport_size({"width": 1280, "height": 900})
    yield tab
    tab.close()


def test_there_are_chapters() -> None:
    assert SAMPLE in CHAPTERS


@pytest.mark.parametrize("page", CHAPTERS)
def test_a_chapter_says_what_it_takes_and_offers_its_files(page: str) -> None:
    text = (HTML / page).read_text(encoding="utf8")
    header = re.search(r'<div class="chapter-header">.*?</div>', text)
    assert header, "no line under the title"
    assert text.index("</h1>") < header.start() < text.index('class="in-this-chapter')
    facts, files = re.findall(r"<ul class=.*?</ul>", header[0])
    assert re.search(r"<li>[IVX]+\. \w+", facts), "no part"
    assert re.search(r"<li>\d+ minutes to read", facts)
    assert re.search(r"<li>(under|about) \d+ (seconds|minutes) to run", facts)
    # What the box says is needed is what the line links to.
    box = text[text.index('class="in-this-chapter') :].split("</div>")[0]
    here = (HTML / page).parent

    def chapters(where: str) -> set[Path]:
        targets = re.findall(r'href="([^"#]+)#sec-', where)
        assert all((here / target).is_file() for target in targets)
        return {(here / target).resolve() for target in targets}

    assert chapters(facts) == chapters(box)
    assert (len(chapters(facts)) > 0) == (page != CHAPTERS[0]), "only the first chapter needs no other"
    assert "https://colab.research.google.com/github/" in files
    downloads = re.findall(r'href="([^"]+)" download', files)
    assert downloads == [Path(page).stem + suffix for suffix in (".ipynb", ".md")]


def test_files_are_there_to_download(browser, address: str) -> None:
    for page in CHAPTERS:
        for suffix in (".ipynb", ".md"):
            answer = browser.request.get(address + page.replace(".html", suffix))
            assert answer.status == 200 and len(answer.body()) > 10_000, page


def test_parts_are_numbered_in_the_sidebar(tab, address: str) -> None:
    tab.goto(address + SAMPLE)
    names = tab.locator(".bd-sidebar-primary .caption-text").all_inner_texts()
    numbers = [name.split(". ")[0] for name in names if ". " in name]
    assert numbers == ["I", "II", "III", "IV", "V", "VI"][: len(numbers)] and len(numbers) >= 3
    assert tab.locator(".bd-sidebar-primary .current > a").last.inner_text().startswith("4. ")


@pytest.mark.parametrize("page", [SAMPLE, LANDING, "book/tails/lab-text.html"])
def test_a_line_holds_sixty_to_eighty_letters(tab, address: str, page: str) -> None:
    """Counted in the browser: the longest line of each long paragraph of plain text."""
    tab.goto(address + page)
    lines = tab.locator(".bd-article > section p, .bd-article > section > section > p").evaluate_all(
        """all => all.filter(p => p.textContent.length > 250 && !p.querySelector('.math')).map(p => {
          const tops = new Map(), range = document.createRange();
          const walk = document.createTreeWalker(p, NodeFilter.SHOW_TEXT);
          while (walk.nextNode()) for (let i = 0; i < walk.currentNode.length; i++) {
            range.setStart(walk.currentNode, i); range.setEnd(walk.currentNode, i + 1);
            const top = Math.round(range.getBoundingClientRect().bottom / 8);
            tops.set(top, (tops.get(top) ?? 0) + 1);
          }
          return Math.max(...tops.values());
        })"""
    )
    assert lines, "no long paragraph"
    middle = sorted(lines)[len(lines) // 2]
    assert 60 <= middle <= 80, f"{middle} letters"


BOXES = ["in-this-chapter", "in-practice", "limits", "theorem", "definition", "exercise", "solution"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_boxes_differ_without_colour(tab, address: str, scheme: str) -> None:
    """Word at the head, sign before it, and the form of the rule: no two kinds have the same."""
    tab.emulate_media(color_scheme=scheme)
    tab.goto(address + SAMPLE)
    marks = {}
    for kind in BOXES:
        box = tab.locator(f".admonition.{kind}").first
        word = box.locator(".admonition-title").first.inner_text().split()[0]
        form = box.evaluate(
            """b => { const s = getComputedStyle(b), t = b.querySelector('.admonition-title');
                return [getComputedStyle(t, '::before').content.split(' ')[0], s.borderLeftStyle,
                        s.borderLeftWidth, s.borderTopWidth].join(' '); }"""
        )
        assert not form.split()[2].startswith("0"), f"{kind} has no rule"
        marks[kind] = (word, form)
    assert len({word for word, _ in marks.values()}) == len(BOXES) - 1  # "In this chapter", "In practice"
    assert len({form for _, form in marks.values()}) == len(BOXES), marks
    proof = tab.locator("div[id^=proof].proof").first
    assert proof.inner_text().startswith("Proof.")
    assert "∎" in proof.evaluate("p => getComputedStyle(p, '::after').content")


def test_paper_has_the_text_alone_and_all_of_it(tab, address: str) -> None:
    tab.emulate_media(media="print", color_scheme="dark")
    tab.goto(address + SAMPLE)
    tab.wait_for_selector(".toggle-button", state="attached")
    chrome = (
        ".bd-sidebar-primary, .bd-sidebar-secondary, .bd-header-article, .prev-next-footer, .chapter-files"
    )
    chrome += ", .toggle-button, .copybtn, .x-sliders"
    parts = tab.locator(chrome)
    assert parts.count() > 5
    assert parts.evaluate_all("all => all.filter(n => n.checkVisibility()).map(n => n.className)") == []
    solutions = tab.locator(".admonition.solution")
    assert solutions.count() >= 6
    hidden = (
        "all => all.filter(n => !n.checkVisibility({opacityProperty: true, visibilityProperty: true})).length"
    )
    assert tab.locator(".admonition.solution > section > p").evaluate_all(hidden) == 0
    # Black on white, whatever the screen is.
    assert tab.locator("body").evaluate("b => getComputedStyle(b).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.locator(".bd-article p").first.evaluate("p => getComputedStyle(p).color") == "rgb(0, 0, 0)"
    assert tab.locator(".collapse-explorer > img").first.is_visible()


GENERATION = ".explorer-live input"


def test_landing_figure_runs_and_pauses(tab, address: str) -> None:
    tab.emulate_media(reduced_motion="no-preference")
    tab.goto(address + LANDING)
    place = tab.locator(GENERATION).first
    tab.wait_for_function(f"Number(document.querySelector('{GENERATION}').value) > 1")  # nobody asked for it
    assert place.input_value() < place.get_attribute("max")
    tab.get_by_role("button", name="Pause").click()
    still = place.input_value()
    tab.wait_for_timeout(900)
    assert place.input_value() == still
    tab.get_by_role("button", name="Play").press("Enter")
    tab.wait_for_function(f"document.querySelector('{GENERATION}').value !== '{still}'")
    place.focus()  # whoever takes hold of a slider has it to themselves
    assert tab.get_by_role("button", name="Play").is_visible()


def test_landing_figure_rests_where_less_motion_is_asked_for(tab, address: str) -> None:
    tab.emulate_media(reduced_motion="reduce")
    tab.goto(address + LANDING)
    play = tab.get_by_role("button", name="Play")
    play.wait_for()
    place = tab.locator(GENERATION).first
    start = place.input_value()
    tab.wait_for_timeout(1200)
    assert place.input_value() == start == place.get_attribute("max"), "the last generation tells the story"
    play.click()
    tab.wait_for_function(f"document.querySelector('{GENERATION}').value !== '{start}'")


def test_landing_says_it_in_three_sentences() -> None:
    text = (HTML / LANDING).read_text(encoding="utf8")
    after = text[text.index("</script>", text.index("collapse-explorer")) :]
    paragraph = re.sub(r"<[^>]+>", "", re.search(r"<p>(.*?)</p>", after, flags=re.DOTALL)[1])
    assert len(re.findall(r"\.(?=\s|$)", paragraph)) == 3
