"""House style of the book's figures, and the few drawings that they share.

Theory is a line, simulation is a marker with an error bar of one standard error, always. Colours are
told apart by colour-blind readers and keep a contrast of at least 4.5:1 to the white ground; line styles
and markers repeat the distinction for print in black and white. Everything else is plain matplotlib.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from cycler import cycler

from . import _checks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation

    from .estimates import Estimate

COLORS = ("#1667c9", "#9c3306", "#0a8663", "#6a2480", "#8a7000", "#2f3437")
#: The same hues for a dark ground (interactive figures only: images keep their white ground).
DARK_COLORS = ("#4f97ec", "#ffa057", "#7df0d0", "#b07fc8", "#e6d98a", "#aeb4bb")
#: Dash patterns in multiples of the line width; the empty one is a solid line.
DASHES = ((), (4, 1.6), (1, 1.4), (6, 1.6, 1, 1.6), (9, 2), (4, 1.4, 1, 1.4, 1, 1.4))
MARKERS = ("o", "s", "^", "D", "v", "P")

_INK, _QUIET = "#1f2328", "#57606a"
_LINESTYLES = tuple((0, dash) if dash else "-" for dash in DASHES)

STYLE: dict[str, Any] = {
    # A figure is shown at the width of a phone too: 6.4 inches become 350 pixels there, so the letters
    # have to be large here.
    "figure.figsize": (6.4, 4.0),
    "figure.dpi": 144,
    "figure.constrained_layout.use": True,
    "font.size": 13,
    "axes.labelsize": 13,
    "axes.titlesize": 13,
    "xtick.labelsize": 12,
    "ytick.labelsize": 12,
    "legend.fontsize": 12,
    # An explicit ground keeps the letters readable when the page around the image is dark.
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
    "savefig.transparent": False,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _QUIET,
    "xtick.color": _QUIET,
    "ytick.color": _QUIET,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e7eaee",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.titlelocation": "left",
    "axes.formatter.use_mathtext": True,
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "lines.markersize": 6,
    "axes.prop_cycle": cycler(color=COLORS) + cycler(linestyle=_LINESTYLES),
}


def use_style() -> None:
    """Draw every following matplotlib figure in the style of the book.

    Examples
    --------
    >>> import matplotlib
    >>> from collapse import plotting
    >>> with matplotlib.rc_context():  # only so that this example leaves nothing behind
    ...     plotting.use_style()
    ...     matplotlib.rcParams["font.size"]
    13.0
    """
    matplotlib.rcParams.update(STYLE)


def _index(index: int) -> int:
    return _checks.count("index", index, low=0) % len(COLORS)


def theory_and_simulation(
    ax: Axes,
    x: Any,
    theory: Any | None,
    estimate: Estimate | None,
    *,
    label: str | None = None,
    index: int = 0,
    x_points: Any | None = None,
) -> None:
    """Draw a theory curve as a line and its simulation as markers with error bars.

    Parameters
    ----------
    ax : matplotlib Axes
    x : array, shape (m,)
        Abscissae of the theory (and of the estimate, unless `x_points` is given).
    theory : array, shape (m,), or None
        The line. NaN lifts the pen.
    estimate : Estimate or None
        The markers; `mean` and `stderr` have the shape of the abscissae. The bars show one standard
        error on each side.
    label : str, optional
        Name in the legend, attached to the line if there is one and to the markers otherwise.
    index : int
        Which colour, line style and marker of the house to use.
    x_points : array, shape (k,), optional
        Abscissae of the estimate, where they differ from those of the theory.

    Raises
    ------
    ValueError
        If `theory`, `estimate.mean` or `estimate.stderr` does not have the shape of its abscissae, or if
        there is nothing to draw.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from collapse import plotting
    >>> ax = Figure().subplots()
    >>> x = np.linspace(0, 1, 50)
    >>> plotting.theory_and_simulation(ax, x, x**2, None, label="$x^2$", index=1)
    >>> ax.lines[0].get_color() == plotting.COLORS[1]
    True
    """
    index = _index(index)
    if theory is None and estimate is None:
        raise ValueError("theory and estimate must not both be None, got nothing to draw")
    x = _checks.vector("x", x)
    if theory is not None:
        line = _matching("theory", theory, x, "x")
        ax.plot(x, line, color=COLORS[index], linestyle=_LINESTYLES[index], label=label, zorder=2)
    if estimate is not None:
        name = "x" if x_points is None else "x_points"
        points = x if x_points is None else _checks.vector("x_points", x_points)
        ax.errorbar(
            points,
            _matching("estimate.mean", estimate.mean, points, name),
            yerr=_matching("estimate.stderr", estimate.stderr, points, name),
            color=COLORS[index],
            marker=MARKERS[index],
            linestyle="none",
            # White rims keep markers apart where they sit on their own line.
            markeredgecolor="white",
            markeredgewidth=0.8,
            elinewidth=1.4,
            capsize=2.5,
            label=label if theory is None else None,
            zorder=3,
        )


def _matching(name: str, values: Any, x: np.ndarray, x_name: str) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if values.shape != x.shape:
        raise ValueError(f"{name} must have the shape of {x_name}, {x.shape}, got {values.shape}")
    return values


def label_line(ax: Axes, x: Any, y: Any, text: str, index: int = 0, *, shift: float = 0.0) -> Annotation:
    """Write the name of a curve beside its right end, in its colour.

    Parameters
    ----------
    ax : matplotlib Axes
    x, y : array, shape (m,)
        The curve as drawn; the name goes to its last finite point.
    text : str
    index : int
        Index of the colour, as in `theory_and_simulation`.
    shift : float
        Points to move the name up (down if negative), where two curves end close together.

    Raises
    ------
    ValueError
        If `y` does not have the shape of `x` or is nowhere finite.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from collapse import plotting
    >>> ax = Figure().subplots()
    >>> plotting.label_line(ax, [1, 2, 3], [1, 4, float("nan")], "squares").xy
    (2.0, 4.0)
    """
    x = _checks.vector("x", x)
    y = _matching("y", y, x, "x")
    if not np.isfinite(y).any():
        raise ValueError(f"y must have a finite value to label, got {y!r}")
    last = np.flatnonzero(np.isfinite(y))[-1]
    return ax.annotate(
        text,
        (float(x[last]), float(y[last])),
        xytext=(6, shift),
        textcoords="offset points",
        color=COLORS[_index(index)],
        va="center",
        annotation_clip=False,
    )


def slope_triangle(
    ax: Axes, x: float, y: float, slope: float, text: str | None = None, *, width: float = 3.0
) -> None:
    """Draw a right triangle whose long side has a given slope in a log-log plot.

    Parameters
    ----------
    ax : matplotlib Axes
        Both axes must be logarithmic.
    x, y : float
        Left end of the long side. Put it a little below a falling curve, or below a rising one.
    slope : float
        Exponent p of the power law y ~ x^p.
    text : str, optional
        Written at the upright side; the slope itself by default.
    width : float
        Ratio of the right end of the triangle to its left end.

    Raises
    ------
    ValueError
        If an axis is not logarithmic, or `x`, `y` or `width - 1` is not positive.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from collapse import plotting
    >>> ax = Figure().subplots()
    >>> _ = ax.loglog([1, 100], [1, 0.1])
    >>> plotting.slope_triangle(ax, 10, 0.2, -0.5)
    >>> ax.texts[0].get_text()
    '−0.5'
    """
    if ax.get_xscale() != "log" or ax.get_yscale() != "log":
        raise ValueError(f"ax must have two log axes, got {ax.get_xscale()!r} and {ax.get_yscale()!r}")
    x, y = (_checks.scalar(name, value, _checks.positive) for name, value in (("x", x), ("y", y)))
    slope = _checks.scalar("slope", slope, _checks.real)
    width = _checks.scalar("width", width, _checks.positive)
    if width <= 1:
        raise ValueError(f"width must be > 1, got {width}")
    right, end = x * width, y * width**slope
    # The right angle sits below the long side, on the left of a falling slope and the right of a rising one.
    upright = x if slope < 0 else right
    corners = [x, right, upright], [y, end, min(y, end)]
    ax.fill(*corners, facecolor="#eef0f3", edgecolor=_QUIET, linewidth=1, linestyle="-")
    ax.annotate(
        f"{slope:g}".replace("-", "−") if text is None else text,
        (upright, np.sqrt(y * end)),
        xytext=(-5 if slope < 0 else 5, 0),
        textcoords="offset points",
        ha="right" if slope < 0 else "left",
        va="center",
        color=_QUIET,
        fontsize="small",
    )
