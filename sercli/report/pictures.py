"""Pictures that stand inside the page: no name of a corpus is drawn into them, so that legends are text that wraps.

SVG whose ink is `currentColor` follows light and dark; clouds of points are transparent PNG.
"""

import base64
import hashlib
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .figures import COLOURS, MARKERS, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.typing import RcKeyType

_INK = "#010203"  # drawn with, and replaced by currentColor
_GREY = "#808080"  # on white and on black
_TRAIN, _DEV = COLOURS[1], "#2E8BC0"  # 3:1 on light and on dark ground
_PAGE: "dict[RcKeyType, Any]" = {
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "grid.color": _GREY,
    "grid.alpha": 0.35,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "lines.linewidth": 0.9,
    "savefig.facecolor": "none",
}
_CURVES = (3.5, 2.0)  # inches
_CLOUD = (3.0, 2.4)
_CLOUD_DPI = 170
_SEGMENTS = (4.6, 2.1)
_SHADES = 3.0  # standard deviations from the middle grey to white and to black
MOST_KINDS = math.lcm(len(COLOURS), len(MARKERS))  # that colour and marker together tell apart

History = Sequence[Mapping[str, float]]  # a row an epoch


@dataclass(frozen=True)
class Svg:
    """What goes between <svg viewBox=…> and </svg>."""

    view_box: str
    inner: str


def of_latents(found: Mapping[str, Any], histories: Mapping[int, History], target: str) -> dict[str, Any]:
    """All pictures of an autoencoder, from its diagnostics, as plain values; None for what it has not."""
    kl = {fold["fold"]: fold["kl"] for fold in found["per_fold"] if fold["kl"]}
    has_kl = all("dev_kl" in row for rows in histories.values() for row in rows)
    pairs = [(one["original"], one["reconstruction"]) for one in found["segments"]]
    return {
        "error": asdict(curves(histories, "squared_error", "squared error", found["n_inputs"])),
        "kl": asdict(curves(histories, "kl", "KL, nats")) if has_kl else None,
        "units": asdict(unit_spectrum(kl)) if kl else None,
        "segments": asdict(segments(pairs, ["good (5 %)", "median (50 %)", "bad (95 %)"])) if pairs else None,
        "clouds": list(_clouds(found["map"], target)),
    }


def _clouds(points: Mapping[str, Any], target: str) -> Iterator[dict[str, Any]]:
    """Maps of the utterances, by label and then by speaker."""
    test = [part == "test" for part in points["part"]]
    for key, how in (("pca", "principal components"), ("tsne", "t-SNE")):
        for column, what in (("label", target), ("speaker", "speaker")):
            names = sorted(set(points[column]))
            if points[key]:
                uri = cloud(points[key], [names.index(name) for name in points[column]], test)
                yield {"how": how, "what": what, "names": names, "uri": uri}


@dataclass(frozen=True)
class Kind:
    """An entry of a legend: colour, and an outline to be drawn in a box of 20 by 20."""

    colour: str
    marker: str


def curves(histories: Mapping[int, History], column: str, label: str, scale: float = 1.0) -> Svg:
    """Thin lines, one a fold: train dashed, dev solid, a dot at the epoch that was kept. Values are divided by `scale`."""
    with styled(_PAGE):
        figure, axes = _axes(_CURVES, "epoch", label)
        for rows in histories.values():
            epochs = [row["epoch"] for row in rows]
            for part, colour, dashes in (("train", _TRAIN, (0, (4, 1.5))), ("dev", _DEV, "-")):
                values = [row[f"{part}_{column}"] / scale for row in rows]
                axes.plot(epochs, values, color=colour, linestyle=dashes, marker="." if len(rows) == 1 else "")
            kept = [(row["epoch"], row[f"dev_{column}"] / scale) for row in rows if row["best"]]
            axes.plot(*zip(*kept, strict=True), "o", color=_DEV, markersize=3.5, markeredgewidth=0)
        _room(axes, [row[f"{part}_{column}"] / scale for rows in histories.values() for row in rows for part in _PARTS])
        return _svg(figure)


_PARTS = ("train", "dev")


def _room(axes: "Axes", values: Sequence[float]) -> None:
    """From 0 where the values are positive; a first epoch that is far above all others does not press them flat."""
    low, high = min(values), float(np.quantile(values, 0.98))
    if low >= 0:
        axes.set_ylim(0, 1.1 * max(high, 1e-6))
    axes.locator_params(axis="x", integer=True, nbins=6)


def unit_spectrum(kl: Mapping[int, Sequence[float]]) -> Svg:
    """KL of each latent unit, largest first; a line a fold."""
    with styled(_PAGE):
        figure, axes = _axes(_CURVES, "latent unit, largest KL first", "KL, nats")
        for values in kl.values():
            axes.plot(range(1, len(values) + 1), values, color=_DEV, marker="." if len(values) == 1 else "")
        axes.set_ylim(bottom=0)
        axes.locator_params(axis="x", integer=True, nbins=6)
        return _svg(figure)


def segments(
    pairs: Sequence[tuple[Sequence[Sequence[float]], Sequence[Sequence[float]]]], titles: Sequence[str]
) -> Svg:
    """Original beside reconstruction, (S, F) both, pair by pair: time to the right, features upwards."""
    with styled({**_PAGE, "axes.grid": False, "axes.titlelocation": "center"}):
        from matplotlib.figure import Figure

        figure = Figure(figsize=_SEGMENTS, dpi=72)
        n, top = 2 * len(pairs), 0.8
        for index, image in enumerate(image for pair in pairs for image in pair):
            x = 0.09 + 0.79 * index / n + 0.012 * (index % 2 == 0)
            axes = figure.add_axes((x, 0.17, 0.105, top - 0.17))
            values = np.array(image).T
            drawn = axes.imshow(
                values, "gray", aspect="auto", origin="lower", interpolation="none", vmin=-_SHADES, vmax=_SHADES
            )
            axes.spines[:].set_visible(True)
            axes.set_xticks([])
            axes.set_yticks([0, len(values) // 2, len(values) - 1] if index == 0 else [])
            axes.set_yticklabels(["1", str(len(values) // 2 + 1), str(len(values))] if index == 0 else [])
            axes.set_xlabel("copy" if index % 2 else "original", fontsize=6.5)
            if index % 2 == 0:
                figure.text(x + 0.115, top + 0.06, titles[index // 2], ha="center")
        figure.text(0.012, (top + 0.17) / 2, "feature", rotation=90, va="center")
        bar = figure.colorbar(drawn, cax=figure.add_axes((0.9, 0.17, 0.02, top - 0.17)))
        bar.outline.set_linewidth(0.6)
        return _svg(figure)


def cloud(points: Sequence[Sequence[float]], kinds: Sequence[int], large: Sequence[bool]) -> str:
    """Points by kind, as a PNG data URI: colour and marker say which kind, the `large` ones stand before the faint others."""
    with styled({**_PAGE, "axes.grid": False}):
        from matplotlib.figure import Figure

        figure = Figure(figsize=_CLOUD, dpi=_CLOUD_DPI)
        axes = figure.add_axes((0.01, 0.01, 0.98, 0.98))
        xy, of = np.array(points), np.array(kinds)
        for shown, size, alpha in ((~np.array(large), 9, 0.4), (np.array(large), 34, 1.0)):
            for kind in sorted(set(of[shown].tolist())):
                mine = xy[shown & (of == kind)]
                colour, marker = _colour(kind), MARKERS[kind % len(MARKERS)]
                axes.scatter(mine[:, 0], mine[:, 1], s=size, c=colour, marker=marker, alpha=alpha, linewidths=0)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set(visible=True, color=_GREY)
        file = io.BytesIO()
        figure.savefig(file, format="png", metadata={"Software": None})
        return data_uri("image/png", _few_colours(file.getvalue()))


def _few_colours(png: bytes) -> bytes:
    """The same in 64 colours: a third of the size."""
    from PIL import Image

    file = io.BytesIO()
    image = Image.open(io.BytesIO(png)).quantize(64, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    image.save(file, format="png", optimize=True)
    return file.getvalue()


def data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def legend(names: Sequence[str]) -> Iterator[tuple[Kind, str]]:
    """What tells kinds apart in `cloud`: of the first names, as many as can be."""
    from matplotlib.markers import MarkerStyle
    from matplotlib.transforms import Affine2D

    for index, name in enumerate(names[:MOST_KINDS]):
        style = MarkerStyle(MARKERS[index % len(MARKERS)])
        to_box = style.get_transform() + Affine2D().scale(7, -7).translate(10, 10)
        rings = [np.asarray(ring) for ring in style.get_path().transformed(to_box).to_polygons()]
        outline = "".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in ring) + "Z" for ring in rings)
        yield Kind(_colour(index), outline), name


def _colour(kind: int) -> str:
    colour = COLOURS[kind % len(COLOURS)]
    return _GREY if colour == "#000000" else colour


def _axes(size: tuple[float, float], x_label: str, y_label: str) -> tuple["Figure", "Axes"]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=72)
    axes = figure.add_axes((0.15, 0.2, 0.83, 0.75))
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    return figure, axes


def _svg(figure: "Figure") -> Svg:
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = file.getvalue()
    view_box = re.search(r'viewBox="([^"]+)"', text)
    assert view_box is not None
    inner = text[text.index(">", text.index("<svg")) + 1 : text.rindex("</svg>")]
    inner = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>|<!--.*?-->", "", inner, flags=re.S)
    inner = re.sub(r'<g id="[^"]*"', "<g", inner)  # ids that nothing refers to, the same in every picture
    inner = re.sub(r"(?<= d=\")[^\"]*", lambda d: re.sub(r"(\.\d)\d+", r"\1", d[0]), inner)
    inner = re.sub(r"\s*\n\s*", "\n", inner).replace(_INK, "currentColor")
    own = hashlib.sha256(inner.encode()).hexdigest()[:8]  # a page has many pictures, and an id is one's own
    inner = re.sub(r'(?<=\bid=")|(?<=url\(#)|(?<=href="#)', f"{own}-", inner)
    return Svg(view_box[1], inner)
