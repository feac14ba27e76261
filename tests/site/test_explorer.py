"""The interactive figure in a browser: two of them on a page of their own, apart from the book."""

from __future__ import annotations

import functools
import os
import re
import tempfile
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from collapse.interactive import Explorer, Mark, Slider

X = np.geomspace(1, 1000, 40)
PAGE = """<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8">
<title>Two figures</title>
<link rel="icon" href="data:,"><meta name="viewport" content="width=device-width,initial-scale=1">
<style>body{{margin:16px;font-family:sans-serif}}html[data-theme=dark]{{background:#14181e;color:#ced6dd}}</style>
</head><body><main><h1>Two figures</h1><div>{first}</div><div>{second}</div></main></body></html>"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


def runner() -> Explorer:
    return Explorer(
        lambda x, n: {"power": x**-n},
        X,
        [Slider("n", "age n", [0, 1, 2, 3, 4], 2)],
        xlabel="x",
        ylabel="y",
        title="It runs",
        alt="A curve falls faster and faster.",
        play=True,
    )


def figures() -> tuple[Explorer, Explorer]:
    def decay(x, p, floor):
        return {"a rather long name of a curve, longer than a phone": x**-p + floor, "floor": 0 * x + floor}

    def gap(x, k):
        return {"tangent": np.where(np.abs(x - 300) < 20, np.nan, k / (300 - x)), "zero": 0 * x}

    return (
        Explorer(
            decay,
            X,
            [
                Slider("p", "exponent p", [0.5, 0.75, 1.0, 1.5], 1.0),
                Slider("floor", "floor ε", [0, 1e-5, 0.01], 0.01),
            ],
            xlabel="size T",
            ylabel="error E",
            title="Decay to a floor",
            alt="A curve falls to a level floor.",
            xscale="log",
            yscale="log",
            styles={"floor": "reference"},
            marks=[Mark("x", lambda p, floor: floor and floor ** (-1 / p), "crossover")],
        ),
        Explorer(
            gap,
            X,
            [Slider("k", "strength k", [1, 10, 100, 200], 100)],
            xlabel="x",
            ylabel="y",
            title="A pole",
            alt="A curve with a gap around 300.",
            ylim=(-1, 1),
            marks=[Mark("y", 0.5, "half")],
        ),
    )


@pytest.fixture(scope="module")
def here() -> Iterator[str]:
    """Address of a folder with the page in both themes and without one."""
    with mock.patch.dict(os.environ, COLLAPSE_STATIC="1"), tempfile.TemporaryDirectory() as folder:
        first, second = (figure.html() for figure in figures())
        for theme in ("light", "dark", ""):
            text = PAGE.format(theme=theme, first=first, second=second)
            text = text.replace(' data-theme=""', "")
            (Path(folder) / f"{theme or 'plain'}.html").write_text(text, encoding="utf8")
        page = PAGE.format(theme="light", first=runner().html(), second="")
        (Path(folder) / "runner.html").write_text(page, encoding="utf8")
        server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@pytest.fixture
def visit(browser, here):
    """Open a page; at the end nothing may have been asked of another host or written to the console."""
    tab = browser.new_page()
    complaints: list[str] = []
    tab.on("request", lambda r: None if r.url.startswith((here, "data:")) else complaints.append(r.url))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on(
        "console", lambda line: complaints.append(line.text) if line.type in ("error", "warning") else None
    )

    def go(page="light.html", width=1280, height=900):
        tab.set_viewport_size({"width": width, "height": height})
        tab.goto(here + page)
        tab.wait_for_selector(".x-curve[d]", state="attached")
        return tab

    go.tab = tab
    yield go
    tab.close()
    assert complaints == []


def each(tab, selector, expression):
    """A JavaScript expression in `n`, evaluated for each node that the selector finds."""
    return tab.locator(selector).evaluate_all(f"nodes => nodes.map(n => {expression})")


def curve(tab, figure=0, index=0):
    """The drawn curve, as the text of its path."""
    return (
        tab.locator(".collapse-explorer")
        .nth(figure)
        .locator(".x-plot .x-curve")
        .nth(index)
        .get_attribute("d")
    )


def test_sliders_answer_to_keys(visit):
    tab = visit()
    for figure, slider in ((0, 0), (0, 1), (1, 0)):
        before, other = curve(tab, figure), curve(tab, 1 - figure)
        handle = tab.locator(".collapse-explorer").nth(figure).locator("input").nth(slider)
        handle.focus()
        tab.keyboard.press("ArrowLeft")
        assert curve(tab, figure) != before
        assert curve(tab, 1 - figure) == other, "two figures on a page disturb each other"
        tab.keyboard.press("ArrowRight")
        assert curve(tab, figure) == before


def test_sliders_answer_to_a_drag_and_to_buttons(visit):
    tab = visit()
    slider = tab.locator("input").first
    box, before = slider.bounding_box(), curve(tab)
    tab.mouse.move(box["x"] + box["width"] * 2 / 3, box["y"] + box["height"] / 2)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 2, box["y"] + box["height"] / 2, steps=5)
    tab.mouse.up()
    assert slider.input_value() == "0"
    assert curve(tab) != before
    more, less = (tab.get_by_role("button", name=f"{verb} exponent p") for verb in ("Increase", "Decrease"))
    assert less.get_attribute("aria-disabled") == "true"
    more.click()
    more.click()
    assert curve(tab) == before
    assert less.get_attribute("aria-disabled") == "false"
    assert slider.get_attribute("aria-valuetext") == "exponent p: 1"


def test_curves_have_gaps_and_are_clipped_not_bent(visit):
    tab = visit()
    path = curve(tab, 1)
    assert path.count("M") == 2, "the pen is lifted where there is no value"
    heights = [float(y) for y in re.findall(r",(-?[\d.]+)", path)]
    frame = tab.locator(".collapse-explorer").nth(1).locator("clipPath rect")
    assert min(heights) < float(frame.get_attribute("y")), "the curve goes on outside the frame"
    tab.locator("input").nth(1).press("Home")  # floor 0 has no place on a log axis
    assert curve(tab, 0, 1) == ""


def test_drawing_agrees_with_the_function(visit):
    """The path, read back through the axes' ticks, is the curve: positions are not merely different."""
    tab = visit()
    first = tab.locator(".collapse-explorer").first
    frame = first.locator("clipPath rect").evaluate(
        "r => ['x', 'y', 'width', 'height'].map(k => +r.getAttribute(k))"
    )
    low, high = figures()[0].ylim
    points = np.array(re.findall(r"[ML](-?[\d.]+),(-?[\d.]+)", curve(tab)), dtype=float)
    x = 1000 ** ((points[:, 0] - frame[0]) / frame[2])
    y = high * (low / high) ** ((points[:, 1] - frame[1]) / frame[3])
    # Coordinates are written to 0.05 px of some hundred px for three decades and more.
    np.testing.assert_allclose(x, X, rtol=2e-3)
    np.testing.assert_allclose(y, 1 / X + 0.01, rtol=5e-3)


def test_values_are_read_by_pointer_and_by_keys(visit):
    tab = visit()
    figure = tab.locator(".collapse-explorer").first
    output, plot = figure.locator("output"), figure.locator(".x-plot")
    assert "read values" in output.inner_text()
    box = plot.bounding_box()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert re.search(r"size T: \d", output.inner_text())
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] - 30)
    assert "read values" in output.inner_text()
    reader = figure.get_by_role("slider", name="Read the curves along size T")
    reader.focus()
    for key, place in (("Home", "1"), ("End", "1000"), ("PageUp", "1000"), ("ArrowLeft", "837.7")):
        tab.keyboard.press(key)
        assert reader.get_attribute("aria-valuetext") == f"size T: {place}"
    shown = output.inner_text()
    assert "0.01119" in shown  # 1 / 837.68 + 0.01
    figure.locator("input").first.press("ArrowRight")
    assert output.inner_text() != shown, "the read-out follows the sliders"
    reader.press("Escape")
    assert "read values" in output.inner_text()
    assert output.get_attribute("aria-live") == "polite"


def test_table_follows_the_sliders(visit):
    tab = visit()
    figure = tab.locator(".collapse-explorer").first
    figure.locator("summary").click()
    table = figure.locator("table")
    table.wait_for()
    assert table.locator("tbody tr").count() == 8
    before = table.inner_text()
    figure.locator("input").first.press("ArrowRight")
    assert table.inner_text() != before


@pytest.mark.parametrize("width", [320, 390, 700, 1280])
def test_fits_its_column(visit, width):
    tab = visit(width=width)
    for details in tab.locator("summary").all():
        details.click()
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # One unit of the drawing is one pixel, so a letter of 12 units is 12 pixels high.
    scales = each(tab, ".x-plot svg", "n.getBoundingClientRect().width / n.viewBox.baseVal.width")
    assert scales == pytest.approx([1, 1], abs=0.01)
    assert min(each(tab, ".x-plot text", "parseFloat(getComputedStyle(n).fontSize)")) >= 11
    edges = "[n.textContent, a.left - b.left, b.right - a.right]"
    boxes = "a = n.getBoundingClientRect(), b = n.closest('svg').getBoundingClientRect()"
    words = each(
        tab, ".x-plot text:not([visibility=hidden])", f"(() => {{ const {boxes}; return {edges}; }})()"
    )
    assert [w for w in words if min(w[1:]) < -1] == [], "words cut off at the edge"
    assert min(each(tab, ".collapse-explorer button", "Math.min(n.offsetWidth, n.offsetHeight)")) >= 44


def test_redraws_when_the_width_changes(visit):
    tab = visit()
    before = curve(tab)
    tab.set_viewport_size({"width": 390, "height": 800})
    tab.wait_for_function(
        "before => document.querySelector('.x-plot .x-curve').getAttribute('d') !== before", arg=before
    )


def look(tab):
    """Colours of the ground, the curves and all words."""

    def colours(selector, kind):
        return each(tab, selector, f"getComputedStyle(n)[{kind!r}]")

    return {
        "ground": colours(".collapse-explorer", "backgroundColor")[0],
        "lines": colours(".x-plot .x-curve", "stroke"),
        "words": colours(".x-plot text", "fill")
        + colours(".x-title, output span, summary, .x-label b", "color"),
    }


def luminance(colour):
    channels = np.array([int(c) for c in re.findall(r"\d+", colour)[:3]]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


def contrast(a, b):
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast(visit, theme):
    seen = look(visit(f"{theme}.html"))
    assert (luminance(seen["ground"]) > 0.5) == (theme == "light")
    # The bounds of WCAG 2, level AA.
    assert min(contrast(c, seen["ground"]) for c in seen["words"]) >= 4.5
    assert min(contrast(c, seen["ground"]) for c in seen["lines"]) >= 3


def test_theme_switch_is_followed(visit):
    tab = visit()
    light = look(tab)
    tab.evaluate("document.documentElement.dataset.theme = 'dark'")
    tab.wait_for_selector(".explorer-dark")
    dark = look(tab)
    assert light["ground"] != dark["ground"]
    assert set(light["lines"]).isdisjoint(dark["lines"])


def test_without_a_declared_theme_the_letters_of_the_page_decide(visit):
    tab = visit("plain.html")
    tab.emulate_media(color_scheme="dark")  # this page stays light whatever the reader prefers
    assert tab.locator(".explorer-dark").count() == 0
    tab.evaluate("document.body.style.color = '#eee'")
    tab.wait_for_selector(".explorer-dark")


def test_everything_is_reached_by_keyboard_with_visible_focus(visit):
    tab = visit()
    first = tab.locator(".collapse-explorer").first
    wanted = first.locator("[tabindex='0'], button, input, summary").evaluate_all(
        "nodes => nodes.filter(n => n.checkVisibility()).length"
    )
    seen = set()
    for _ in range(wanted):
        tab.keyboard.press("Tab")
        [(name, style)] = each(
            tab, ":focus", "[(n.ariaLabel || n.textContent) + n.tagName, getComputedStyle(n).outline]"
        )
        assert "solid 3px" in style, f"no visible focus on {name}"
        seen.add(name)
    assert len(seen) == wanted == 8  # the plot, 2 x (button, slider, button), the table


def test_motion_is_left_out_on_request(visit):
    tab = visit()
    duration = "getComputedStyle(document.querySelector('.x-curve')).transitionDuration"
    tab.emulate_media(reduced_motion="no-preference")
    assert tab.evaluate(duration) != "0s"
    tab.emulate_media(reduced_motion="reduce")
    assert tab.evaluate(duration) == "0s"


def test_a_figure_runs_once_and_can_be_paused(visit):
    tab = visit.tab
    tab.emulate_media(reduced_motion="no-preference")
    tab = visit("runner.html")
    slider, button = tab.locator("input"), tab.locator(".x-play")
    assert button.get_attribute("aria-label") in ("Pause: age n", "Play: age n")
    tab.get_by_role("button", name="Play: age n").wait_for()  # it ran from its start to its end, and stopped
    assert slider.input_value() == "4"
    button.press("Enter")  # again, from the beginning
    tab.get_by_role("button", name="Pause: age n").wait_for()
    assert slider.input_value() == "0"
    assert tab.locator("output").get_attribute("aria-live") == "off"
    tab.wait_for_function("document.querySelector('input').value === '1'")
    button.press("Space")
    tab.wait_for_timeout(1100)
    assert slider.input_value() == "1"
    assert tab.locator("output").get_attribute("aria-live") == "polite"
    button.click()
    slider.press("ArrowLeft")  # whoever takes hold of a slider has it to themselves
    assert button.get_attribute("aria-label") == "Play: age n"


def test_a_figure_does_not_run_unasked_where_less_motion_is_wanted(visit):
    visit.tab.emulate_media(reduced_motion="reduce")
    tab = visit("runner.html")
    tab.wait_for_timeout(1200)
    assert tab.locator("input").input_value() == "2"
    tab.locator(".x-play").click()
    tab.wait_for_function("document.querySelector('input').value === '3'")
    assert tab.locator("button", has_text="Pause").count() == 1


def test_paper_shows_the_image(visit):
    tab = visit()
    parts = ".collapse-explorer > *"
    shown = "n.checkVisibility() ? n.tagName : ''"
    assert "IMG" not in each(tab, parts, shown)
    tab.emulate_media(media="print")
    assert list(filter(None, each(tab, parts, shown))) == ["IMG", "IMG"]


def test_without_javascript_the_image_is_there(browser, here):
    tab = browser.new_page()
    try:
        browser.new_cdp_session(tab).send("Emulation.setScriptExecutionDisabled", {"value": True})
        tab.set_viewport_size({"width": 390, "height": 800})
        tab.goto(here + "light.html")
        images = tab.locator(".collapse-explorer img")
        assert images.count() == 2
        for image, alt in zip(images.all(), ("falls to a level floor", "gap around 300"), strict=True):
            box = image.bounding_box()
            assert box["height"] > 150
            assert box["x"] + box["width"] <= 390
            assert alt in image.get_attribute("alt")
        assert tab.locator("input").count() == 0
    finally:
        tab.close()
