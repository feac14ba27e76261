"""Draw the image that link previews show: what the book is about, by the library itself."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from collapse import chains, plotting

matplotlib.use("Agg")
SIZE = (1200, 630)  # what the services that show link previews ask for
DPI = 100


def draw(goal: Path) -> None:
    """Error over generations when data are replaced and when they are kept."""
    d, T, n = 10, 40, np.arange(1, 21)
    with matplotlib.rc_context({**plotting.STYLE, "font.size": 22, "figure.constrained_layout.use": False}):
        figure = Figure(figsize=(SIZE[0] / DPI, SIZE[1] / DPI))
        figure.text(0.06, 0.87, "Model Collapse", size=50, weight="bold")
        figure.text(0.06, 0.785, "A textbook whose theorems are checked on the page", size=25)
        axes = figure.add_axes((0.1, 0.15, 0.66, 0.57))
        for index, (accumulate, words) in enumerate([(False, "old data replaced"), (True, "old data kept")]):
            theory = chains.least_squares_error(n, d, T, accumulate=accumulate)
            runs = chains.simulate_least_squares_error(n, d, T, accumulate=accumulate, replicas=100, seed=1)
            plotting.theory_and_simulation(axes, n, theory, runs, index=index)
            at = (n[-1] + 0.6, theory[-1])
            axes.annotate(words, at, color=plotting.COLORS[index], va="center", annotation_clip=False)
        axes.set_xlabel("generation of models, each trained on the last", size=20)
        axes.set_ylabel("test error", size=20)
        axes.set_xticks([1, 5, 10, 15, 20])
        axes.tick_params(labelsize=18)
        goal.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(goal, dpi=DPI, bbox_inches=None, metadata={"Software": None})


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
