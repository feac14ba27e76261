"""The house style: what is drawn, that it can be told apart, and that bad input is refused."""

import itertools

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from collapse import plotting

X = np.linspace(1.0, 2.0, 5)


class Points:
    """What the plotting functions need of an Estimate."""

    def __init__(self, mean, stderr):
        self.mean, self.stderr = mean, stderr


@pytest.fixture
def ax():
    with matplotlib.rc_context():
        plotting.use_style()
        yield Figure().subplots()


def luminance(colour):
    """Relative luminance of WCAG 2."""
    channels = np.array(matplotlib.colors.to_rgb(colour))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


def contrast(a, b):
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    ("colours", "ground"), [(plotting.COLORS, "#ffffff"), (plotting.DARK_COLORS, "#14181e")]
)
def test_every_colour_can_carry_text(colours, ground):
    # 4.5:1 is the WCAG bound for text (lines need 3:1): curve names are written in the curve's colour.
    assert min(contrast(c, ground) for c in colours) >= 4.5


# Machado, Oliveira and Fernandes (2009), full severity, on linear RGB.
DEFICIENCIES = {
    "none": np.eye(3),
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.01182, 0.04294, 0.968881],
    ],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.3039],
    ],
}


def lab(colour, deficiency):
    channels = np.array(matplotlib.colors.to_rgb(colour))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(DEFICIENCIES[deficiency]) @ linear, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    t = to_xyz @ seen / (0.9505, 1.0, 1.089)
    f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
@pytest.mark.parametrize("colours", [plotting.COLORS, plotting.DARK_COLORS])
def test_colours_differ_to_colour_blind_readers(colours, deficiency):
    # A difference of 2.3 in CIELAB is just noticeable; thin lines need several times that.
    seen = [lab(c, deficiency) for c in colours]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 9


def test_styles_differ_without_colour():
    size = len(plotting.COLORS)
    assert len(set(plotting.DASHES)) == len(set(plotting.MARKERS)) == len(plotting.DARK_COLORS) == size


def test_style_reads_on_a_phone_and_on_a_dark_page():
    with matplotlib.rc_context():
        plotting.use_style()
        rc = matplotlib.rcParams
        assert min(rc["font.size"], rc["axes.labelsize"], rc["xtick.labelsize"], rc["legend.fontsize"]) >= 11
        assert tuple(rc["figure.figsize"]) == (6.4, 4.0)
        assert rc["figure.facecolor"] == rc["savefig.facecolor"] == "white"
        assert not rc["savefig.transparent"]
        cycle = list(rc["axes.prop_cycle"])
        assert [c["color"] for c in cycle] == list(plotting.COLORS)


def test_theory_is_a_line_and_simulation_markers_with_one_standard_error(ax):
    plotting.theory_and_simulation(ax, X, X**2, Points(X**2 + 0.1, np.full(5, 0.05)), label="law", index=1)
    theory, markers = ax.lines[0], ax.containers[0]
    assert theory.get_marker() in ("None", None, "")
    np.testing.assert_array_equal(theory.get_ydata(), X**2)
    assert markers.lines[0].get_linestyle() == "None"
    assert markers.lines[0].get_marker() == plotting.MARKERS[1]
    np.testing.assert_array_equal(markers.lines[0].get_ydata(), X**2 + 0.1)
    low, high = np.array([s[:, 1] for s in markers.lines[2][0].get_segments()]).T
    np.testing.assert_allclose(high - low, 2 * 0.05)
    assert ax.get_legend_handles_labels()[1] == ["law"]  # one entry, not one for each kind


def test_either_half_alone(ax):
    plotting.theory_and_simulation(ax, X, X, None, label="a")
    plotting.theory_and_simulation(ax, X, None, Points(X, X), label="b", index=2)
    assert ax.get_legend_handles_labels()[1] == ["a", "b"]


def test_points_may_have_their_own_abscissae(ax):
    plotting.theory_and_simulation(ax, X, X, Points(np.ones(2), np.ones(2)), x_points=[1.0, 2.0])
    np.testing.assert_array_equal(ax.containers[0].lines[0].get_xdata(), [1, 2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((X, X[:3], None), "theory must have the shape of x"),
        ((X, None, Points(X[:3], X[:3])), "estimate.mean must have the shape of x"),
        ((X, None, Points(X, X[:3])), "estimate.stderr must have the shape of x"),
        ((X, None, None), "theory and estimate must not both be None"),
        (([[1.0]], [[1.0]], None), "x must be one-dimensional"),
        (([1.0, np.nan], [1.0, 1.0], None), "x must be finite"),
    ],
)
def test_bad_shapes_are_named(ax, arguments, message):
    with pytest.raises(ValueError, match=message):
        plotting.theory_and_simulation(ax, *arguments)


def test_points_of_another_shape_than_x_points(ax):
    with pytest.raises(ValueError, match=r"estimate\.mean must have the shape of x_points"):
        plotting.theory_and_simulation(ax, X, X, Points(X, X), x_points=[1.0, 2.0])


def test_negative_index_is_refused(ax):
    with pytest.raises(ValueError, match="index must be >= 0"):
        plotting.theory_and_simulation(ax, X, X, None, index=-1)


def test_label_stands_at_the_last_finite_point(ax):
    label = plotting.label_line(ax, X, np.where(X < 1.8, X, np.nan), "name", 3, shift=4)
    assert label.xy == (1.75, 1.75)
    assert label.get_color() == plotting.COLORS[3]
    with pytest.raises(ValueError, match="y must have a finite value"):
        plotting.label_line(ax, X, np.full(5, np.inf), "nowhere")
    with pytest.raises(ValueError, match="y must have the shape of x"):
        plotting.label_line(ax, X, X[:2], "short")


@pytest.mark.parametrize("slope", [-2.0, -0.5, 0.75])
def test_triangle_has_the_slope_it_claims(ax, slope):
    ax.loglog([1, 100], [1, 100])
    plotting.slope_triangle(ax, 10, 5, slope, width=4)
    corners = ax.patches[0].get_xy()[:3]
    (x0, y0), (x1, y1), (x2, y2) = corners
    assert np.log(y1 / y0) / np.log(x1 / x0) == pytest.approx(slope, rel=1e-12)
    # The right angle shares an abscissa with one end and an ordinate with the other, below the long side.
    assert x2 in (x0, x1)
    assert y2 == min(y0, y1)
    assert ax.texts[0].get_text() == f"{slope:g}".replace("-", "−")


def test_triangle_refuses_what_it_cannot_show(ax):
    with pytest.raises(ValueError, match="ax must have two log axes, got 'linear'"):
        plotting.slope_triangle(ax, 1, 1, -1)
    ax.loglog([1, 10], [1, 10])
    for arguments, message in [
        (dict(x=0, y=1), "x must be > 0"),
        (dict(x=1, y=-1), "y must be > 0"),
        (dict(x=1, y=1, width=1), "width must be > 1"),
    ]:
        with pytest.raises(ValueError, match=message):
            plotting.slope_triangle(ax, slope=-1, **arguments)
