"""The interactive figure without a browser: its table, its three appearances, its refusals."""

import base64
import io
import json
import math
import re
import sys
import warnings

import nbformat
import numpy as np
import pytest
from matplotlib.image import imread
from nbclient import NotebookClient

from collapse import interactive, plotting
from collapse.interactive import Explorer, Mark, Slider

X = np.linspace(1.0, 4.0, 13)
WIDGET = "application/vnd.jupyter.widget-view+json"
WORDS = dict(xlabel="size T", ylabel="error E", title="Powers", alt="Two curves rise.")


def powers(x, p, a):
    return {"power": a * x**p, "flat": np.full_like(x, a)}


def sliders():
    return [Slider("p", "exponent p", [0.5, 1.0, 2.0], 1.0), Slider("a", "factor a", [1, 10], 10)]


def make(compute=powers, x=X, sliders_=None, **options):
    return Explorer(compute, x, sliders() if sliders_ is None else sliders_, **{**WORDS, **options})


def one(curves, x=X, **options):
    """An explorer with one slider `p` whose curves are given as a function of x and p."""
    return make(curves, x, [Slider("p", "p", [1, 2], 1)], **options)


def spec_of(figure):
    return json.loads(re.search(r"const spec = (\{.*);\n", figure.html())[1])


# -- the table -----------------------------------------------------------------------------------------


def test_table_holds_the_function_at_every_combination():
    spec = spec_of(make())
    values = [(p, a) for p in (0.5, 1.0, 2.0) for a in (1, 10)]  # the last slider runs fastest
    for c, curve in enumerate(("power", "flat")):
        for cell, (p, a) in enumerate(values):
            row = spec["rows"][spec["index"][c][cell]]
            np.testing.assert_allclose(row, powers(X, p, a)[curve], rtol=5e-5)
    assert [s["start"] for s in spec["sliders"]] == [1, 1]
    assert spec["sliders"][1]["texts"] == ["1", "10"]


def test_rows_are_stored_once_and_rounded():
    spec = spec_of(make())
    assert len(spec["rows"]) == 6 + 2  # "flat" does not depend on p
    digits = [len(re.sub(r"e.*|\D", "", repr(v)).strip("0")) for row in spec["rows"] for v in row]
    assert max(digits) <= 5


def test_what_cannot_be_drawn_is_null():
    def curves(x, p):
        return {"a": np.where(x < 2, np.inf, np.where(x > 3, np.nan, x)), "b": x - 2.0}

    linear, log = spec_of(one(curves)), spec_of(one(curves, yscale="log"))
    drawn = [[v is not None for v in s["rows"][s["index"][c][0]]] for s in (linear, log) for c in (0, 1)]
    between = list((X >= 2) & (X <= 3))
    assert drawn == [between, [True] * 13, between, list(X > 2)]


def test_vertical_axis_is_common_to_all_slider_values():
    assert spec_of(make())["y"]["range"] == [0, pytest.approx(160 * 1.05, rel=0.01)]
    low, high = spec_of(make(yscale="log"))["y"]["range"]
    assert 0.5 < low < 1
    assert 160 < high < 300
    assert spec_of(make(ylim=(0.5, 3)))["y"]["range"] == [0.5, 3]


def test_vertical_axis_of_a_constant_curve_has_some_height():
    for value in (0.0, 5.0, -5.0):
        low, high = spec_of(one(lambda x, p, v=value: {"a": np.full_like(x, v)}))["y"]["range"]
        assert low <= value < high


def test_marks_follow_the_sliders():
    marks = [
        Mark("x", 2.5, "fixed"),
        Mark("x", lambda p, a: p + 1, "moving"),
        Mark("y", lambda p, a: None if p < 1 else a / (p - 1) if p > 1 else math.inf, "partly"),
    ]
    fixed, moving, partly = spec_of(make(marks=marks))["marks"]
    assert fixed["at"] == [2.5]
    assert moving["at"] == [1.5, 1.5, 2, 2, 3, 3]
    assert partly["at"] == [None] * 4 + [1, 10]


def test_level_marks_are_inside_the_vertical_axis_and_nonpositive_ones_off_a_log_axis():
    assert spec_of(make(marks=[Mark("y", 1000, "high")]))["y"]["range"][1] > 1000
    assert spec_of(make(yscale="log", marks=[Mark("y", -1, "m")]))["marks"][0]["at"] == [None]


def test_styles_are_those_of_the_book():
    curves = spec_of(make(styles={"power": 1}))["curves"]
    assert [c["light"] for c in curves] == [plotting.COLORS[1], plotting.COLORS[0]]
    assert [c["dark"] for c in curves] == [plotting.DARK_COLORS[1], plotting.DARK_COLORS[0]]
    assert curves[0]["dash"] == list(plotting.DASHES[1])
    assert spec_of(make(styles={"flat": "reference"}))["curves"][1]["reference"]


def test_a_figure_runs_only_if_asked_to():
    assert spec_of(make())["play"] is False
    assert spec_of(make(play=True))["play"] is True


def test_whole_sliders_hand_out_integers():
    seen = set()

    def curves(x, p):
        seen.add(type(p))
        return {"a": x}

    one(curves)
    assert seen == {int}
    make(curves, sliders_=[Slider("p", "p", np.arange(3), 0)])
    assert seen == {int}
    make(curves, sliders_=[Slider("p", "p", [1, 2.5], 1)])
    assert seen == {int, float}


# -- the page ------------------------------------------------------------------------------------------


def test_bundle_and_determinism(monkeypatch):
    monkeypatch.setenv("COLLAPSE_STATIC", "1")
    first, second = make()._repr_mimebundle_(), make()._repr_mimebundle_()
    assert first == second
    assert set(first) == {"text/plain", "text/html", "image/png"}
    assert first["text/plain"] == "<Explorer: Powers>"
    assert base64.b64decode(first["image/png"]).startswith(b"\x89PNG")
    assert first["image/png"] in first["text/html"]
    assert 'alt="Two curves rise."' in first["text/html"]


def test_image_ignores_the_readers_settings():
    import matplotlib

    before = make().png()
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black"}):
        assert make().png() == before
        assert matplotlib.rcParams["font.size"] == 30


def test_image_shows_the_given_values():
    figure = make(
        marks=[Mark("x", lambda p, a: p + 1, "m"), Mark("y", 3, "level"), Mark("y", 1e9, "out")], ylim=(0, 9)
    )
    assert figure.png() != figure.png({"p": 2.0})
    assert figure.png() == figure.png({"p": 1.0, "a": 10})


def test_image_takes_dollars_and_long_words_literally():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(title="cost in $ and $^{", ylabel="a very long name for a vertical axis, wrapped " * 2).png()


@pytest.mark.parametrize("letters", [3, 30, 100])
def test_names_of_any_length_stay_inside_the_image(letters):
    names = [f"{i} " + "word " * (letters // 5) for i in range(3)]
    png = one(lambda x, p: {name: x + i for i, name in enumerate(names)}).png()
    image = imread(io.BytesIO(png))
    assert np.all(image[:, :2, :3] == 1) and np.all(image[:, -2:, :3] == 1)  # white margins


def test_html_is_self_contained():
    page = make().html()
    assert page.count("<script>") == page.count("</script>") == 1
    addresses = set(re.findall(r"https?://[^\s\"'`]+", page))
    assert addresses == {"http://www.w3.org/2000/svg"}  # a name, not a request
    assert "export default" not in page
    assert interactive._SCRIPT.rstrip().endswith("export default { render };")


def test_text_cannot_leave_its_place():
    page = make(title="</script><b>", alt='"><img src=x>').html()
    assert page.count("</script>") == 1
    assert "<b>" not in page
    assert "<img src=x>" not in page
    assert spec_of(make(title="</script><b>"))["title"] == "</script><b>"


def test_identity_depends_on_content():
    def name(figure):
        return re.search(r'id="(explorer-\w+)"', figure.html())[1]

    assert name(make()) == name(make())
    assert name(make()) != name(make(title="Other"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (300, "300"), (30000, "30000"), (12345.6, "12346"), (0.25, "0.25"), (-1.5, "−1.5"),
        (1e-3, "0.001"), (1e-5, "10⁻⁵"), (-3.2e7, "−3.2·10⁷"), (1e5, "10⁵"), (123456, "1.235·10⁵"),
    ],
)  # fmt: skip
def test_numbers_are_written_for_readers(value, text):
    assert interactive._number_text(value) == text


# -- refusals ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("1p", "p", [1, 2], 1), "name must be a Python identifier, got '1p'"),
        (("p", " ", [1, 2], 1), "label must be text"),
        (("p", "p", [], 1), "values must not be empty"),
        (("p", "p", [1], 1), "values must be at least two increasing numbers"),
        (("p", "p", [2, 1], 1), "values must be at least two increasing numbers"),
        (("p", "p", [1, np.nan], 1), "values must be finite"),
        (("p", "p", [1, 2], 1.5), "start must be one of the values"),
    ],
)
def test_slider_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        Slider(*arguments)


def test_mark_refuses():
    for arguments, message in [
        (("z", 1, "a"), "axis must be one of"),
        (("x", np.nan, "a"), "at must be finite"),
        (("x", 1, ""), "label must be text"),
    ]:
        with pytest.raises(ValueError, match=message):
            Mark(*arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(x=[1, 1, 2]), "x must be at least two increasing numbers"),
        (dict(x=[1]), "x must be at least two increasing numbers"),
        (dict(x=[0, 1], xscale="log"), "x must be > 0"),
        (dict(x=[[1, 2]]), "x must be one-dimensional"),
        (dict(xscale="sqrt"), "xscale must be one of 'linear', 'log', got 'sqrt'"),
        (dict(yscale="loglog"), "yscale must be one of"),
        (dict(sliders_=[]), "sliders must be one to three"),
        (
            dict(sliders_=[Slider("p", "p", [1, 2], 1)] * 2),
            "sliders must be one to three with different names",
        ),
        (
            dict(sliders_=[Slider(n, n, range(30), 1) for n in "abc"]),
            "sliders must have at most 10000 combinations",
        ),
        (dict(alt=""), "alt must be text"),
        (dict(title=None), "title must be text"),
        (dict(ylim=(1, 1)), "ylim must be increasing"),
        (dict(ylim=(0, 1), yscale="log"), "ylim must be > 0"),
        (dict(styles={"other": 0}), "styles: each name must be one of"),
        (dict(styles={"power": -1}), r"styles\['power'\] must be >= 0"),
        (dict(styles={"power": 9}), "styles must give each curve an index of its own"),
        (dict(styles={"power": 0, "flat": 0}), "styles must give each curve an index of its own"),
        (dict(compute=lambda x, p, a: x), "compute must return a dict"),
        (dict(compute=lambda x, p, a: {}), "compute must return a dict"),
        (
            dict(compute=lambda x, p, a: {"c": x[:2]}),
            r"compute must return arrays of the shape of x, \(13,\), got 'c'",
        ),
        (dict(compute=lambda x, p, a: {f"c{a}": x}), "compute must return the same curves"),
        (dict(compute=lambda x, p, a: {"c": x * np.nan}), "compute must return a value that can be drawn"),
        (
            dict(compute=lambda x, p, a: {"c": -x}, yscale="log"),
            "compute must return a value that can be drawn",
        ),
        (
            dict(compute=lambda x, p, a: {f"c{i}": x for i in range(7)}),
            "styles must give each curve an index",
        ),
    ],
)
def test_explorer_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)


def test_too_much_data_is_refused_with_its_size():
    x = np.linspace(1, 2, 4000)
    with pytest.raises(
        ValueError, match=r"at most 150 kB of data, got \d+ kB from 3 x 2 slider values, 1 curves and 4000"
    ):
        make(lambda x, p, a: {"c": np.sin(a * x**p)}, x)


# -- the live view -------------------------------------------------------------------------------------


def parts(figure):
    """Picture, message, and for each slider its handle and its field."""
    picture, message, *rows, _ = figure.widget().children
    return picture, message, [row.children[1].children for row in rows]


def test_live_view_has_a_player_if_asked_to():
    import ipywidgets

    players = [
        [child for child in make(play=play).widget().children if isinstance(child, ipywidgets.Play)]
        for play in (False, True)
    ]
    assert [len(found) for found in players] == [0, 1]
    assert (players[1][0].min, players[1][0].max) == (0, 2)


def test_live_view_computes_at_any_value():
    seen = []

    def curves(x, p, a):
        seen.append((p, a))
        return {"c": a * x**p}

    figure = make(curves)
    picture, message, [(handle, field), (_, whole)] = parts(figure)
    before = picture.value
    handle.value = 0.5  # half-way between the stops 0.5 and 1, on a geometric scale
    assert seen[-1] == (pytest.approx(math.sqrt(0.5), rel=1e-3), 10)
    assert field.value == pytest.approx(math.sqrt(0.5), rel=1e-3)
    assert picture.value == figure.png({"p": field.value}) != before
    field.value = 1.73
    assert seen[-1] == (1.73, 10)
    assert handle.value == pytest.approx(1 + math.log2(1.73), abs=0.01)
    whole.value = 7
    assert seen[-1] == (1.73, 7)
    assert isinstance(seen[-1][1], int)
    assert message.value == ""


def test_live_view_reports_what_the_function_refuses():
    def curves(x, p):
        if p not in (1.0, 2.0):
            raise ValueError("p must be 1 or 2, got <3>")
        return {"c": x}

    figure = make(curves, sliders_=[Slider("p", "p", [1.0, 2.0], 1.0)])
    picture, message, [(_, field)] = parts(figure)
    before = picture.value
    field.value = 1.5
    assert message.value == "p must be 1 or 2, got &lt;3&gt;"
    assert picture.value == before
    field.value = 2.0
    assert message.value == ""


def test_positions_between_stops():
    mixed = Slider("r", "r", [0.0, 0.01, 1.0], 0.0)
    assert mixed.value_at(0.5) == pytest.approx(0.005)  # linear next to zero
    assert mixed.value_at(1.5) == pytest.approx(0.1)  # geometric between positive stops
    assert mixed.value_at(2) == 1.0
    whole = Slider("n", "n", [1, 5], 1)
    assert [whole.value_at(s) for s in (0, 0.5, 1)] == [1, 3, 5]


def test_widget_only_where_a_kernel_answers(monkeypatch):
    def pretend(shell):
        module = type("IPython", (), {"get_ipython": staticmethod(lambda: shell)})
        monkeypatch.setitem(sys.modules, "IPython", module)

    monkeypatch.delenv("COLLAPSE_STATIC", raising=False)
    figure = make()
    pretend(None)
    assert WIDGET not in figure._repr_mimebundle_()
    pretend(type("Shell", (), {"kernel": object()})())
    assert set(figure._repr_mimebundle_()) == {"text/plain", "text/html", "image/png", WIDGET}
    monkeypatch.setenv("COLLAPSE_STATIC", "1")
    assert WIDGET not in figure._repr_mimebundle_()
    monkeypatch.delenv("COLLAPSE_STATIC")
    monkeypatch.delitem(sys.modules, "IPython")
    assert WIDGET not in figure._repr_mimebundle_()


CELLS = [
    """import sys
import numpy as np
from collapse.interactive import Explorer, Slider
figure = Explorer(lambda x, p: {"c": x**p}, np.linspace(1, 2, 5), [Slider("p", "p", [1, 2], 1)],
                  xlabel="x", ylabel="y", title="t", alt="a")
figure""",
    "print('ipywidgets' in sys.modules)",
]


@pytest.mark.parametrize("static", [True, False])
def test_in_a_kernel(static, monkeypatch):
    if static:
        monkeypatch.setenv("COLLAPSE_STATIC", "1")
    else:
        monkeypatch.delenv("COLLAPSE_STATIC", raising=False)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in CELLS])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    shown, loaded = (cell.outputs[0] for cell in notebook.cells)
    assert {"text/html", "image/png", "text/plain"} <= set(shown.data)
    assert (WIDGET in shown.data) == ("widgets" in notebook.metadata) == (not static)
    assert loaded.text.strip() == str(not static)
