"""Figures that answer to a slider on the published page, without a kernel.

`Explorer` tabulates a function of the library on a grid of slider values and carries the table in its
HTML, where the small module `interactive.js` draws it. Where no JavaScript runs (print, PDF) the same
object is an image; in a live notebook it is a widget that calls the function again, at any value.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import itertools
import json
import math
import os
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.figure
import numpy as np

from . import _checks, plotting

MAX_BYTES = 150_000
_MAX_GRID = 10_000
_SCALES = ("linear", "log")
_WIDGET = "application/vnd.jupyter.widget-view+json"
_SCRIPT = Path(__file__).with_name("interactive.js").read_text(encoding="utf-8")
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Slider:
    """One parameter that the reader may change.

    Parameters
    ----------
    name : str
        Keyword under which `compute` receives the value.
    label : str
        Words and symbol shown to the reader, in plain Unicode ("samples per generation T₀").
    values : sequence of increasing numbers, at least two
        Stops on the published page. If all are integers, `compute` always receives an `int`.
    start : number
        The stop shown first; one of `values`.

    Raises
    ------
    ValueError
        If `name` is no identifier, `label` is empty, `values` has fewer than two entries or does not
        increase, or `start` is not among them.

    Examples
    --------
    >>> from collapse.interactive import Slider
    >>> Slider("ridge", "ridge λ", [0, 0.01, 0.1, 1], start=0.1).position
    2
    """

    name: str
    label: str
    values: Sequence[float]
    start: float

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and self.name.isidentifier()):
            raise ValueError(f"name must be a Python identifier, got {self.name!r}")
        _words("label", self.label)
        whole = all(isinstance(v, int | np.integer) for v in self.values)
        values = _checks.vector("values", self.values)
        if len(values) < 2 or not np.all(np.diff(values) > 0):
            raise ValueError(f"values must be at least two increasing numbers, got {self.values!r}")
        object.__setattr__(self, "values", tuple(int(v) if whole else float(v) for v in values))
        if not any(math.isclose(v, self.start, rel_tol=1e-9) for v in self.values):
            raise ValueError(f"start must be one of the values {self.values}, got {self.start!r}")

    @property
    def position(self) -> int:
        """Index of `start` among `values`."""
        return min(range(len(self.values)), key=lambda i: abs(self.values[i] - self.start))

    @property
    def whole(self) -> bool:
        """Whether the parameter takes integers only."""
        return isinstance(self.values[0], int)

    def value_at(self, position: float) -> float:
        """The value at a fractional position: geometric between positive stops, else linear."""
        i = min(int(position), len(self.values) - 2)
        low, high, share = self.values[i], self.values[i + 1], position - i
        value = low * (high / low) ** share if low > 0 and not self.whole else low + (high - low) * share
        return round(value) if self.whole else float(value)


@dataclass(frozen=True)
class Mark:
    """A reference line across the plot.

    Parameters
    ----------
    axis : {"x", "y"}
        "x" for an upright line at an abscissa, "y" for a level line at an ordinate.
    at : float or callable
        Where; a callable receives the slider values as keywords and may return None for "nowhere".
    label : str
        Written beside the line, in plain Unicode.

    Examples
    --------
    >>> from collapse.interactive import Mark
    >>> Mark("x", lambda d, **_: d, "T = d").value({"d": 300, "noise": 0.1})
    300.0
    """

    axis: str
    at: float | Callable[..., float | None]
    label: str

    def __post_init__(self) -> None:
        _checks.choice("axis", self.axis, ("x", "y"))
        _words("label", self.label)
        if not callable(self.at):
            _checks.scalar("at", self.at, _checks.real)

    def value(self, values: Mapping[str, float]) -> float | None:
        """Where the line stands at these slider values, or None."""
        at = self.at(**values) if callable(self.at) else self.at
        return None if at is None or not math.isfinite(at) else float(at)


class Explorer:
    """Curves that follow one to three sliders; the last expression of a cell shows them.

    On the published page the sliders move through a table computed here, once, when the object is made.
    In a live kernel (unless the environment variable `COLLAPSE_STATIC` is set) the sliders are continuous
    and `compute` is called again at each value. Elsewhere the figure is an image at the starting values.

    Parameters
    ----------
    compute : callable
        ``compute(x, **values) -> dict`` from names of curves to arrays of shape (m,), with the same names
        at all slider values. NaN and infinities leave a gap, and so do values <= 0 on a log axis.
    x : array, shape (m,)
        Increasing abscissae.
    sliders : sequence of one to three `Slider`
    xlabel, ylabel, title, alt : str
        Words on the axes, above the plot, and for readers who cannot see it. Everything written in the
        figure is plain Unicode (κ, T₀, σ²): no TeX.
    xscale, yscale : {"linear", "log"}
    ylim : pair of floats, optional
        Ends of the vertical axis, the same for all slider values so that curves can be seen to move.
        By default all finite values fit; set it where a curve has a pole. Curves are clipped there.
    styles : mapping from curve names to int or "reference", optional
        House style by index (colour and dashes of `plotting`), or a thin grey line. By default the curves
        take the styles 0, 1, 2, ...
    marks : sequence of `Mark`, optional
    play : bool
        Add a button that runs the first slider through its values. On the page the figure also begins to
        run by itself, once, when it comes into view; not where the reader has asked for less motion.

    Raises
    ------
    ValueError
        If an argument does not fit the above, `compute` breaks its promise, or the table exceeds 150 kB.

    Examples
    --------
    >>> import numpy as np
    >>> from collapse.interactive import Explorer, Mark, Slider
    >>> figure = Explorer(
    ...     lambda x, rate: {"decay": np.exp(-rate * x)},
    ...     np.linspace(0, 5, 51),
    ...     [Slider("rate", "rate γ", [0.5, 1.0, 2.0], start=1.0)],
    ...     xlabel="time t",
    ...     ylabel="amount left",
    ...     title="Decay",
    ...     alt="One curve falls from 1 towards 0, faster for a larger rate.",
    ...     marks=[Mark("x", lambda rate: np.log(2) / rate, "half-life")],
    ... )
    >>> sorted(figure._repr_mimebundle_())
    ['image/png', 'text/html', 'text/plain']
    """

    def __init__(
        self,
        compute: Callable[..., Mapping[str, Any]],
        x: Any,
        sliders: Sequence[Slider],
        *,
        xlabel: str,
        ylabel: str,
        title: str,
        alt: str,
        xscale: str = "linear",
        yscale: str = "linear",
        ylim: tuple[float, float] | None = None,
        styles: Mapping[str, int | str] | None = None,
        marks: Sequence[Mark] | None = None,
        play: bool = False,
    ) -> None:
        words = {"xlabel": xlabel, "ylabel": ylabel, "title": title, "alt": alt}
        for name, text in words.items():
            _words(name, text)
        self.xlabel, self.ylabel, self.title, self.alt = words.values()
        self.xscale = _checks.choice("xscale", xscale, _SCALES)
        self.yscale = _checks.choice("yscale", yscale, _SCALES)
        self.x = _checks.vector("x", x, check=_checks.positive if xscale == "log" else _checks.real)
        if len(self.x) < 2 or not np.all(np.diff(self.x) > 0):
            raise ValueError(f"x must be at least two increasing numbers, got {x!r}")
        self.sliders = tuple(sliders)
        names = [s.name for s in self.sliders]
        if not 1 <= len(names) <= 3 or len(set(names)) < len(names):
            raise ValueError(f"sliders must be one to three with different names, got {names}")
        self.compute = compute
        self.marks = tuple(marks or ())
        self.play = bool(play)
        self._tabulate()
        self.styles = self._checked_styles(styles)
        self.ylim = self._limits(ylim)
        size = len(self._json.encode())
        if size > MAX_BYTES:
            stops = " x ".join(str(len(s.values)) for s in self.sliders)
            raise ValueError(
                f"x and sliders must need at most {MAX_BYTES // 1000} kB of data, got {size / 1000:.0f} kB "
                f"from {stops} slider values, {len(self.names)} curves and {len(self.x)} points: "
                "take fewer slider values or fewer points of x"
            )

    # -- the table -------------------------------------------------------------------------------------

    def _tabulate(self) -> None:
        size = math.prod(len(s.values) for s in self.sliders)
        if size > _MAX_GRID:
            raise ValueError(f"sliders must have at most {_MAX_GRID} combinations of values, got {size}")
        self.names: tuple[str, ...] = ()
        self._grid = []  # one dict of slider values per combination, the last slider fastest
        self._table = []  # for each of them, the curves: array of shape (number of curves, m)
        for combination in itertools.product(*(s.values for s in self.sliders)):
            values = dict(zip((s.name for s in self.sliders), combination, strict=True))
            self._grid.append(values)
            self._table.append(self._curves(values))

    def _curves(self, values: dict[str, float]) -> np.ndarray:
        """Curves at the given slider values, shape (number of curves, m), NaN where there is no point."""
        result = self.compute(self.x.copy(), **values)
        if not isinstance(result, Mapping) or not result:
            raise ValueError(f"compute must return a dict of curves, got {result!r} at {values}")
        self.names = self.names or tuple(result)
        if set(result) != set(self.names):
            raise ValueError(
                f"compute must return the same curves at all slider values, got {sorted(self.names)} "
                f"and at {values} {sorted(result)}"
            )
        rows = []
        for name in self.names:
            row = np.array(result[name], dtype=np.float64)
            if row.shape != self.x.shape:
                raise ValueError(
                    f"compute must return arrays of the shape of x, {self.x.shape}, "
                    f"got {name!r} of shape {row.shape} at {values}"
                )
            row[~np.isfinite(row) | ((row <= 0) & (self.yscale == "log"))] = np.nan
            rows.append(row)
        return np.array(rows)

    def _checked_styles(self, styles: Mapping[str, int | str] | None) -> tuple[int | str, ...]:
        styles = dict(styles or {})
        for name, style in styles.items():
            _checks.choice("styles: each name", name, self.names)
            if style != "reference":
                _checks.count(f"styles[{name!r}]", style, low=0)
        taken = [s for s in styles.values() if s != "reference"]
        free = iter(i for i in range(len(plotting.COLORS)) if i not in taken)
        chosen = tuple(styles[name] if name in styles else next(free, None) for name in self.names)
        if len(set(taken)) < len(taken) or any(s >= len(plotting.COLORS) for s in taken) or None in chosen:
            raise ValueError(
                f"styles must give each curve an index of its own below {len(plotting.COLORS)}, "
                f"got {dict(zip(self.names, chosen, strict=True))}"
            )
        return chosen

    def _limits(self, ylim: tuple[float, float] | None) -> tuple[float, float]:
        log = self.yscale == "log"
        if ylim is not None:
            low, high = _checks.vector("ylim", ylim, 2, _checks.positive if log else _checks.real)
            if not low < high:
                raise ValueError(f"ylim must be increasing, got {ylim!r}")
            return float(low), float(high)
        levels = [m.value(v) for m in self.marks if m.axis == "y" for v in self._grid]
        values = np.append(np.array(self._table).ravel(), [v for v in levels if v is not None])
        values = values[np.isfinite(values) & ((values > 0) | (not log))]
        if not values.size:
            raise ValueError("compute must return a value that can be drawn, got none at any slider value")
        low, high = float(values.min()), float(values.max())
        if log:
            pad = max((high / low) ** 0.04, 1.1)
            return low / pad, high * pad
        pad = 0.05 * (high - low) or abs(high) or 1.0
        # An axis that nearly reaches zero had better start there.
        return (0.0 if 0 <= low <= 0.3 * high else low - pad), high + pad

    @cached_property
    def _json(self) -> str:
        """Everything that the page needs, as JSON that is safe inside a script element."""
        rows: dict[tuple, int] = {}  # curves that do not depend on a slider are stored once
        index = [
            [rows.setdefault(tuple(_rounded(v, 5) for v in curves[c]), len(rows)) for curves in self._table]
            for c in range(len(self.names))
        ]
        spec = {
            "title": self.title,
            "alt": self.alt,
            "x": {
                "label": self.xlabel,
                "scale": self.xscale,
                "values": [_rounded(v, 8) for v in self.x],
            },
            "y": {"label": self.ylabel, "scale": self.yscale, "range": [_rounded(v, 5) for v in self.ylim]},
            "sliders": [
                {"label": s.label, "texts": [_number_text(v) for v in s.values], "start": s.position}
                for s in self.sliders
            ],
            "curves": [self._curve_style(c) for c in range(len(self.names))],
            "rows": list(rows),
            "index": index,
            "marks": [{"axis": m.axis, "label": m.label, "at": self._mark_positions(m)} for m in self.marks],
            "play": self.play,
        }
        text = json.dumps(spec, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.replace("<", "\\u003c")

    def _curve_style(self, c: int) -> dict[str, Any]:
        if self.styles[c] == "reference":
            return {"name": self.names[c], "reference": True, "dash": [2, 2]}
        i = int(self.styles[c])
        return {
            "name": self.names[c],
            "light": plotting.COLORS[i],
            "dark": plotting.DARK_COLORS[i],
            "dash": plotting.DASHES[i],
        }

    def _mark_positions(self, mark: Mark) -> list[float | None]:
        scale = self.xscale if mark.axis == "x" else self.yscale
        at = [mark.value(values) for values in self._grid]
        at = [None if v is None or (scale == "log" and v <= 0) else _rounded(v, 5) for v in at]
        return at[:1] if len(set(at)) == 1 else at

    # -- the three appearances -------------------------------------------------------------------------

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        bundle = {
            "text/plain": repr(self),
            "text/html": self.html(),
            "image/png": base64.b64encode(self.png()).decode(),
        }
        if _live():
            bundle[_WIDGET] = self.widget()._repr_mimebundle_()[_WIDGET]
        return bundle

    def __repr__(self) -> str:
        return f"<Explorer: {self.title}>"

    def html(self) -> str:
        """The figure for a page: an image that its script replaces. Equal input gives equal text."""
        uid = "explorer-" + hashlib.sha256(self._json.encode()).hexdigest()[:10]
        image = base64.b64encode(self.png()).decode()
        script = _SCRIPT.replace("export default { render };", "")
        # A function of its own keeps several figures on one page apart; the class test, several copies
        # of one figure.
        return (
            f'<div id="{uid}" class="collapse-explorer"><img alt="{html.escape(self.alt)}" '
            f'style="max-width:100%;height:auto" src="data:image/png;base64,{image}"></div>\n'
            f"<script>(() => {{\n{script}\nconst spec = {self._json};\n"
            f'const el = document.querySelector("#{uid}:not(.explorer-live)");\n'
            f"if (el) render({{ el, model: {{ get: () => spec }} }});\n}})();</script>"
        )

    def png(self, values: Mapping[str, float] | None = None) -> bytes:
        """The figure as an image, at the starting values unless others are given.

        Parameters
        ----------
        values : mapping from slider names to numbers, optional
        """
        values = {s.name: s.values[s.position] for s in self.sliders} | dict(values or {})
        curves = self._curves(values)
        with matplotlib.rc_context(), io.BytesIO() as out:
            matplotlib.rcdefaults()  # the reader's own settings do not reach the image
            plotting.use_style()
            figure = matplotlib.figure.Figure()
            ax = figure.subplots()
            for name, style, y in zip(self.names, self.styles, curves, strict=True):
                look = (
                    {"color": "#57606a", "linestyle": ":", "linewidth": 1.5}
                    if style == "reference"
                    else {"color": plotting.COLORS[style], "linestyle": (0, plotting.DASHES[style] or None)}
                )
                ax.plot(self.x, y, label=_wrapped(name, 54), **look)
            ax.set(xscale=self.xscale, yscale=self.yscale, ylim=self.ylim, xlim=(self.x[0], self.x[-1]))
            for mark in self.marks:
                self._draw_mark(ax, mark, values)
            stops = ", ".join(f"{s.label}: {_number_text(values[s.name])}" for s in self.sliders)
            ax.set_title("\n".join(_wrapped(text, 54) for text in (self.title, stops)))
            ax.set(xlabel=_wrapped(self.xlabel, 54), ylabel=_wrapped(self.ylabel, 32))
            for columns in (3, 2, 1):  # as many names side by side as the picture is wide
                legend = figure.legend(loc="outside lower center", ncols=columns, handlelength=3)
                if columns == 1 or legend.get_window_extent().width <= figure.bbox.width:
                    break
                legend.remove()
            figure.savefig(out, format="png", dpi=120, metadata={"Software": None})
            return out.getvalue()

    def _draw_mark(self, ax: Any, mark: Mark, values: Mapping[str, float]) -> None:
        at = mark.value(values)
        low, high = ax.get_xlim() if mark.axis == "x" else ax.get_ylim()
        if at is None or not low <= at <= high:
            return
        look = {"color": "#57606a", "linestyle": "-", "linewidth": 1, "zorder": 1}
        words = {"textcoords": "offset points", "color": "#57606a", "fontsize": 12}
        if mark.axis == "x":
            ax.axvline(at, **look)
            ax.annotate(
                _plain(mark.label), (at, 1), xycoords=("data", "axes fraction"), xytext=(4, -12), **words
            )
        else:
            ax.axhline(at, **look)
            ax.annotate(
                _plain(mark.label),
                (1, at),
                xycoords=("axes fraction", "data"),
                xytext=(-4, 4),
                ha="right",
                **words,
            )

    def widget(self) -> Any:
        """An ipywidgets view with continuous sliders, which calls `compute` at each value.

        Beside each slider stands a field for the exact value. A value at which `compute` raises
        ValueError shows the message and leaves the curves as they are.
        """
        import ipywidgets

        picture = ipywidgets.Image(value=self.png(), format="png", layout={"max_width": "100%"})
        message = ipywidgets.HTML()
        values = {s.name: s.values[s.position] for s in self.sliders}

        def redraw(slider: Slider, value: float) -> None:
            values[slider.name] = value
            try:
                picture.value, message.value = self.png(values), ""
            except ValueError as error:
                message.value = html.escape(str(error))

        rows = [_slider_row(ipywidgets, s, redraw) for s in self.sliders]
        if self.play:
            player = ipywidgets.Play(min=0, max=len(self.sliders[0].values) - 1, interval=250)
            ipywidgets.jslink((player, "value"), (rows[0].children[1].children[0], "value"))
            rows.insert(0, player)
        about = ipywidgets.HTML(f"<details><summary>Description</summary>{html.escape(self.alt)}</details>")
        return ipywidgets.VBox([picture, message, *rows, about])


def _slider_row(ipywidgets: Any, slider: Slider, changed: Callable[[Slider, float], None]) -> Any:
    """A slider over the positions between the stops, tied to a field that holds the value itself."""
    handle = ipywidgets.FloatSlider(
        slider.position, min=0, max=len(slider.values) - 1, step=0.01, readout=False, layout={"width": "60%"}
    )
    field = (ipywidgets.BoundedIntText if slider.whole else ipywidgets.BoundedFloatText)(
        slider.values[slider.position], min=slider.values[0], max=slider.values[-1], layout={"width": "7em"}
    )
    if not slider.whole:
        field.step = None
    positions = np.linspace(0, handle.max, 100 * int(handle.max) + 1)
    stops = [slider.value_at(p) for p in positions]
    following = False  # while one of the two follows the other, it does not lead in turn

    def on_handle(change: Any) -> None:
        nonlocal following
        if not following:
            following = True
            value = slider.value_at(change.new)
            field.value = value if slider.whole else float(f"{value:.4g}")
            following = False

    def on_field(change: Any) -> None:
        nonlocal following
        if not following:
            following = True
            handle.value = float(np.interp(change.new, stops, positions))
            following = False
        changed(slider, change.new)

    handle.observe(on_handle, "value")
    field.observe(on_field, "value")
    return ipywidgets.VBox([ipywidgets.Label(slider.label), ipywidgets.HBox([handle, field])])


def _number_text(value: float) -> str:
    """A number as the figure writes it: four digits, powers of ten in superscripts.

    >>> from collapse.interactive import _number_text
    >>> [_number_text(v) for v in (300, 0.25, 1e-05, -3.2e7)]
    ['300', '0.25', '10⁻⁵', '−3.2·10⁷']
    """
    size = abs(value)
    if size and not 1e-3 <= size < 1e5:
        mantissa, exponent = f"{value:.3e}".split("e")
        mantissa = f"{float(mantissa):g}"
        power = "10" + str(int(exponent)).translate(_SUPERSCRIPTS)
        text = power if mantissa == "1" else f"{mantissa}·{power}"
    else:
        text = f"{value:.0f}" if size >= 1000 else f"{value:.4g}"
    return text.replace("-", "−")


def _rounded(value: float, digits: int) -> float | int | None:
    """To significant digits, in the shortest form of JSON; None for what JSON does not have."""
    if not math.isfinite(value):
        return None
    value = float(f"{value:.{digits}g}")
    return int(value) if value.is_integer() and abs(value) < 1e6 else value


def _words(name: str, text: Any) -> None:
    if not (isinstance(text, str) and text.strip()):
        raise ValueError(f"{name} must be text that says something, got {text!r}")


def _plain(text: str) -> str:
    """Keep matplotlib from reading a dollar sign as mathematics."""
    return text.replace("$", r"\$")


def _wrapped(text: str, width: int) -> str:
    return _plain(textwrap.fill(text, width))


def _live() -> bool:
    """Whether a kernel with a front end is there to answer the sliders."""
    if os.environ.get("COLLAPSE_STATIC", "0") not in ("", "0") or "IPython" not in sys.modules:
        return False
    return getattr(sys.modules["IPython"].get_ipython(), "kernel", None) is not None
