"""Pictures that stand inside the page, as data URIs on a white ground.

No name of a corpus is drawn into them: legends are text beside the picture, which can wrap.
"""

import base64
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..evaluation.calibration import COVERAGES, Calibration, PosteriorScores
from ..evaluation.diagnostics import Diagnosis, SegmentPair, UtteranceMap
from ..evaluation.latent_space import Points
from ..evaluation.stored import History
from .figures import COLOURS, MARKERS, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.typing import RcKeyType

_TRAIN, _DEV = COLOURS[1], COLOURS[0]
_DASHED, _NEUTRAL = (0, (4, 1.5)), "#8A8A8A"
_LINES: "dict[RcKeyType, float]" = {"lines.linewidth": 0.9}
_CURVES = (3.5, 2.0)  # inches
_SQUARE = (3.5, 2.6)
_SHARES, _POINTS = (0.05, 0.2), (2.5, 4, 7)  # of all answers that lie in a bin, and the size of its point
FEW_ANSWERS = 5  # of a bin that is not drawn
_CLOUD = (3.0, 2.4)
_CLOUD_DPI = 170
_SEGMENTS = (4.6, 2.1)
_SHADES = 3.0  # standard deviations from the middle grey to white and to black
_SIGNS = dict(zip(MARKERS, "●■▲◆▼✚", strict=True))  # of a legend that is text
MOST_KINDS = math.lcm(len(COLOURS), len(MARKERS))  # that colour and marker together tell apart


@dataclass(frozen=True)
class Cloud:
    """A map of utterances, marked by label or by speaker."""

    method: str
    marked_by: str
    names: tuple[str, ...]  # of the kinds, in the order of colours and markers
    uri: str


@dataclass(frozen=True)
class DiagnosisPictures:
    """All pictures of an autoencoder; None for what it does not have."""

    error: str
    kl: str | None
    units: str | None
    segments: str | None
    clouds: tuple[Cloud, ...]


def draw_diagnosis(diagnosis: Diagnosis, histories: Mapping[int, History], target: str) -> DiagnosisPictures:
    """Draw an autoencoder; `target` is what its labels are of."""
    kl = [fold.kl for fold in diagnosis.per_fold if fold.kl]
    has_kl = all("dev_kl" in row for rows in histories.values() for row in rows)
    return DiagnosisPictures(
        error=curves(histories, "squared_error", "squared error", diagnosis.n_inputs),
        kl=curves(histories, "kl", "KL, nats") if has_kl else None,
        units=unit_spectrum(kl) if kl else None,
        segments=segments(diagnosis.shown.segments, ["good (5 %)", "median (50 %)", "bad (95 %)"])
        if diagnosis.shown.segments
        else None,
        clouds=tuple(_clouds(diagnosis.shown.map, target)),
    )


def _clouds(points: UtteranceMap, target: str) -> Iterator[Cloud]:
    """Two methods, each marked by label and by speaker."""
    is_test = [part == "test" for part in points.parts]
    for method, xy in (("principal components", points.principal), ("t-SNE", points.tsne)):
        for marked_by, values in ((target, points.labels), ("speaker", points.speakers)):
            names = sorted(set(values))
            if xy is not None:
                uri = cloud(xy, [names.index(value) for value in values], is_test)
                yield Cloud(method, marked_by, tuple(names), uri)


def curves(histories: Mapping[int, History], column: str, label: str, scale: float = 1.0) -> str:
    """Thin lines, one per fold: train dashed, dev solid, a dot at the best epoch. Values are divided by `scale`."""
    with styled(_LINES):
        figure, axes = _axes(_CURVES, "epoch", label)
        for rows in histories.values():
            epochs = [row["epoch"] for row in rows]
            for part, colour, dashes in (("train", _TRAIN, _DASHED), ("dev", _DEV, "-")):
                values = [row[f"{part}_{column}"] / scale for row in rows]
                axes.plot(epochs, values, color=colour, linestyle=dashes, marker="." if len(rows) == 1 else "")
            best = [(row["epoch"], row[f"dev_{column}"] / scale) for row in rows if row["best"]]
            axes.plot(*zip(*best, strict=True), "o", color=_DEV, markersize=3.5, markeredgewidth=0)
        parts = [f"{part}_{column}" for part in ("train", "dev")]
        _set_limits(axes, [row[part] / scale for rows in histories.values() for row in rows for part in parts])
        return _svg(figure)


def _set_limits(axes: "Axes", values: Sequence[float]) -> None:
    """From 0 where the values are positive; a first epoch far above all others does not flatten the rest."""
    low, high = min(values), float(np.quantile(values, 0.98))
    if low >= 0:
        axes.set_ylim(0, 1.1 * max(high, 1e-6))
    axes.locator_params(axis="x", integer=True, nbins=6)


def reliability_diagram(quality: Calibration) -> str:
    """Accuracy against confidence, raw dashed and calibrated solid, without bins of few answers. On the diagonal they agree."""
    with styled(_LINES):
        figure, axes = _axes(_SQUARE, "confidence, %", "right answers, %")
        axes.plot([0, 100], [0, 100], color=_NEUTRAL, linewidth=0.7)
        for scores, colour, dashes in _before_and_after(quality):
            bins = [each for each in scores.reliability if each.n >= FEW_ANSWERS]
            x, y, n = (np.array([getattr(each, name) for each in bins]) for name in ("confidence", "accuracy", "n"))
            axes.plot(100 * x, 100 * y, color=colour, linestyle=dashes)
            size = np.digitize(n / sum(each.n for each in scores.reliability), _SHARES)
            for step, points in enumerate(_POINTS):
                axes.plot(
                    100 * x[size == step],
                    100 * y[size == step],
                    "o",
                    color=colour,
                    markersize=points,
                    markeredgewidth=0,
                )
        axes.set_xlim(0, 102)
        axes.set_ylim(0, 102)
        return _svg(figure)


def risk_coverage_curve(quality: Calibration) -> str:
    """The share of wrong answers among the most certain ones, raw dashed and calibrated solid."""
    with styled(_LINES):
        figure, axes = _axes(_SQUARE, "answered, most certain first, %", "wrong answers, %")
        for scores, colour, dashes in _before_and_after(quality):
            axes.plot(100 * np.array(COVERAGES), 100 * np.array(scores.risk), color=colour, linestyle=dashes)
        axes.set_xlim(0, 102)
        axes.set_ylim(bottom=0)
        return _svg(figure)


def _before_and_after(quality: Calibration) -> Iterator[tuple[PosteriorScores, str, Any]]:
    yield quality.raw, _TRAIN, _DASHED
    yield quality.calibrated, _DEV, "-"


def unit_spectrum(kl: Sequence[Sequence[float]]) -> str:
    """KL of each latent unit, largest first; one line per fold."""
    with styled(_LINES):
        figure, axes = _axes(_CURVES, "latent unit, largest KL first", "KL, nats")
        for values in kl:
            axes.plot(range(1, len(values) + 1), values, color=_DEV, marker="." if len(values) == 1 else "")
        axes.set_ylim(bottom=0)
        axes.locator_params(axis="x", integer=True, nbins=6)
        return _svg(figure)


def segments(pairs: Sequence[SegmentPair], titles: Sequence[str]) -> str:
    """Each segment beside its reconstruction: time to the right, features upwards."""
    with styled({"axes.grid": False, "axes.titlelocation": "center"}):
        from matplotlib.figure import Figure

        figure = Figure(figsize=_SEGMENTS, dpi=72)
        images = [np.array(image).T for pair in pairs for image in (pair.original, pair.reconstruction)]
        n, top = len(images), 0.8
        for index, image in enumerate(images):
            x = 0.09 + 0.79 * index / n + 0.012 * (index % 2 == 0)
            axes = figure.add_axes((x, 0.17, 0.105, top - 0.17))
            drawn = axes.imshow(
                image, "gray", aspect="auto", origin="lower", interpolation="none", vmin=-_SHADES, vmax=_SHADES
            )
            axes.spines[:].set_visible(True)
            axes.set_xticks([])
            axes.set_yticks([0, len(image) // 2, len(image) - 1] if index == 0 else [])
            axes.set_yticklabels(["1", str(len(image) // 2 + 1), str(len(image))] if index == 0 else [])
            axes.set_xlabel("copy" if index % 2 else "original", fontsize=6.5)
            if index % 2 == 0:
                figure.text(x + 0.115, top + 0.06, titles[index // 2], ha="center")
        figure.text(0.012, (top + 0.17) / 2, "feature", rotation=90, va="center")
        bar = figure.colorbar(drawn, cax=figure.add_axes((0.9, 0.17, 0.02, top - 0.17)))
        bar.outline.set_linewidth(0.6)
        return _svg(figure)


def cloud(points: Points, kinds: Sequence[int], large: Sequence[bool]) -> str:
    """Points by kind, as WebP: colour and marker tell the kind, the `large` ones stand before the faint others."""
    with styled({"axes.grid": False}):
        from matplotlib.figure import Figure

        figure = Figure(figsize=_CLOUD, dpi=_CLOUD_DPI)
        axes = figure.add_axes((0.01, 0.01, 0.98, 0.98))
        xy, kind_of, is_large = np.array(points), np.array(kinds), np.array(large)
        for shown, size, alpha in ((~is_large, 9, 0.4), (is_large, 34, 1.0)):
            for kind in sorted(set(kind_of[shown].tolist())):
                chosen = xy[shown & (kind_of == kind)]
                colour, marker = COLOURS[kind % len(COLOURS)], MARKERS[kind % len(MARKERS)]
                axes.scatter(chosen[:, 0], chosen[:, 1], s=size, c=colour, marker=marker, alpha=alpha, linewidths=0)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(True)
        file = io.BytesIO()
        figure.savefig(file, format="webp", pil_kwargs={"quality": 80})  # a third of the size of PNG
        return data_uri("image/webp", file.getvalue())


def legend(names: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Colour, sign and name of each kind in `cloud`; of the first names, as many as can be told apart."""
    for index, name in enumerate(names[:MOST_KINDS]):
        yield COLOURS[index % len(COLOURS)], _SIGNS[MARKERS[index % len(MARKERS)]], name


def data_uri(kind: str, content: bytes) -> str:
    """A file inside the page."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _axes(size: tuple[float, float], x_label: str, y_label: str) -> tuple["Figure", "Axes"]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=72)
    axes = figure.add_axes((0.15, 0.2, 0.83, 0.75))
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    return figure, axes


def _svg(figure: "Figure") -> str:
    file = io.BytesIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return data_uri("image/svg+xml", file.getvalue())
