"""Figures of scores: equal numbers give equal bytes, text stays text, and lines differ with and without colour."""

import logging
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.typing import RcKeyType

# Okabe and Ito's colours, for all kinds of sight; marker and dash tell the same without colour.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P")  # with the dashes, 30 lines that differ in grey
_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (4, 1.2, 1, 1.2)), (0, (1.2, 1.2)), (0, (7, 1.5, 1, 1.5, 1, 1.5)))
_PANEL = (3.4, 2.3)  # inches of a panel: the column of a two-column page, on which 8 points can be read
_POINTS = 8
_ROW = 0.17  # inches of the legend
_CHANCE: dict[str, Any] = {"color": "#595959", "linewidth": 0.9, "linestyle": (0, (3, 3)), "zorder": 1}
STYLE: "dict[RcKeyType, Any]" = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.labelsize": _POINTS,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": _POINTS,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: a picture does not depend on the machine's fonts
    "font.size": _POINTS,
    "grid.color": "#E3E3E3",
    "grid.linewidth": 0.5,
    "legend.columnspacing": 1.6,
    "legend.fontsize": _POINTS,
    "legend.frameon": False,
    "legend.handlelength": 3.2,
    "lines.linewidth": 1.3,
    "lines.markersize": 4.5,
    "lines.markeredgecolor": "white",
    "lines.markeredgewidth": 0.5,
    "svg.fonttype": "none",
    "svg.hashsalt": "sercli",
    "text.parse_math": False,  # dollar signs in a name are dollar signs
    "xtick.labelsize": _POINTS,
    "xtick.major.width": 0.6,
    "ytick.labelsize": _POINTS,
    "ytick.major.width": 0.6,
}


@dataclass(frozen=True)
class Line:
    """Scores `y` of a system at `x`, as fractions, and their intervals; None where there is none."""

    label: str
    x: Sequence[float]
    y: Sequence[float | None]
    low: Sequence[float | None]
    high: Sequence[float | None]
    dots: Sequence[tuple[float, float]] = ()  # single values beside the line, (x, y)


@dataclass(frozen=True)
class Panel:
    """One pair of axes; `chance` is a fraction, `note` stands under the title (ORACLE, PARTIAL)."""

    title: str
    x_label: str
    y_label: str
    lines: Sequence[Line]
    chance: float | None = None
    note: str = ""


@contextmanager
def styled(changes: "Mapping[RcKeyType, Any] | None" = None) -> Iterator[None]:
    """Draw in the style of the project with `changes`, whatever the user's settings of matplotlib are."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # a home folder that cannot be written to does not matter
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update({**STYLE, **(changes or {})})
        yield


def score_figure(panels: Sequence[Panel], png: Path, svg: Path) -> None:
    """Draw the panels side by side on one scale of scores: one line per system with its interval as a band; chance is dashed."""
    with styled():
        figure = _draw(panels)
        figure.savefig(png, format="png", metadata={"Software": None})
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})


def _draw(panels: Sequence[Panel]) -> "Figure":
    from matplotlib.figure import Figure

    labels = list(dict.fromkeys(line.label for panel in panels for line in panel.lines))
    width = _PANEL[0] * len(panels)
    columns = _columns(labels, 72 * width)
    height = _PANEL[1] + _ROW * math.ceil((len(labels) + 1) / columns)
    figure = Figure(figsize=(width, height), dpi=300, layout="constrained")
    drawn: dict[str, Line2D] = {}
    chance: list[Line2D] = []
    for axes, panel in zip(figure.subplots(1, len(panels), sharey=True, squeeze=False)[0], panels, strict=True):
        for line in panel.lines:
            drawn[line.label] = _draw_line(axes, line, labels.index(line.label))
        if panel.chance is not None:
            chance = [axes.axhline(100 * panel.chance, **_CHANCE)]
        _scale(axes, [x for line in panel.lines for x in line.x])
        axes.set_title("\n".join(filter(None, (panel.title, panel.note))))
        axes.set_xlabel(panel.x_label)
        if panel is panels[0] or panel.y_label != panels[0].y_label:
            axes.set_ylabel(panel.y_label)
    handles = [*(drawn[label] for label in labels), *chance]
    legend = figure.legend(handles, ["x"] * len(handles), loc="outside lower center", ncols=columns)
    for text, label in zip(legend.get_texts(), [*labels, "chance"], strict=False):
        text.set_text(label)  # set here, since a legend leaves out labels that begin with an underscore
    return figure


def _columns(labels: Sequence[str], points: float) -> int:
    """About as many as fit side by side in a legend of that width."""
    longest = max(map(len, [*labels, "chance"]))
    return max(1, min(len(labels) + 1, int(points / (0.62 * _POINTS * longest + 6 * _POINTS))))


def _draw_line(axes: "Axes", line: Line, index: int) -> "Line2D":
    x = np.array(line.x)
    order = np.argsort(x)
    x, y, low, high = x[order], *(_percent(values)[order] for values in (line.y, line.low, line.high))
    colour = COLOURS[index % len(COLOURS)]
    axes.fill_between(x, low, high, color=colour, alpha=0.13, linewidth=0)
    for edge in (low, high):
        axes.plot(x, edge, color=colour, alpha=0.45, linewidth=0.5)
    has_interval = np.pad(np.isfinite(low), 1)
    alone = has_interval[1:-1] & ~has_interval[:-2] & ~has_interval[2:]  # a band needs two points side by side
    axes.vlines(x[alone], low[alone], high[alone], color=colour, linewidth=1)
    if line.dots:
        dots = np.array(line.dots)
        axes.plot(dots[:, 0], 100 * dots[:, 1], ".", color=colour, alpha=0.5, markersize=3, markeredgewidth=0)
    (drawn,) = axes.plot(
        x,
        y,
        color=colour,
        linestyle=_DASHES[index % len(_DASHES)],
        marker=MARKERS[index % len(MARKERS)],
        label=line.label,
    )
    return drawn


def _scale(axes: "Axes", values: Iterable[float]) -> None:
    """The sizes themselves as ticks, equally spaced by doubling, where all are powers of two."""
    sizes = sorted(set(values))
    if sizes and all(size > 0 and math.log2(size).is_integer() for size in sizes):
        axes.set_xscale("log", base=2)
        axes.set_xticks(sizes, [f"{size:g}" for size in sizes])
        axes.minorticks_off()


def _percent(shares: Sequence[float | None]) -> npt.NDArray[np.float64]:
    """None becomes NaN, a gap."""
    return 100 * np.array([np.nan if share is None else share for share in shares])
