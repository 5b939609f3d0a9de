"""Pictures of scores: the same bytes whoever draws them, text that is text, lines that differ without colour."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from support.figures import line, panels

from sercli.report import figures
from sercli.report.figures import Line, Panel, score_figure

HOSTILE = ["_under", '<&> "$x^2$"', "</text><script>", "ünïcode µ"]
DRAW = """
import sys
from pathlib import Path
from support.figures import panels
from sercli.report.figures import score_figure
score_figure(panels(), Path(sys.argv[1]), Path(sys.argv[2]))
assert "matplotlib.pyplot" not in sys.modules
"""


def drawn(folder: Path, of: list[Panel]) -> tuple[bytes, bytes]:
    score_figure(of, folder / "figure.png", folder / "figure.svg")
    return (folder / "figure.png").read_bytes(), (folder / "figure.svg").read_bytes()


def texts(svg: bytes) -> list[str]:
    root = ElementTree.fromstring(svg)
    return [text for one in root.iter("{http://www.w3.org/2000/svg}text") if (text := "".join(one.itertext()).strip())]


def test_the_same_bytes_whoever_draws(tmp_path: Path) -> None:
    """Again, and in another process with other hashes, at a time of its own, for a user with another taste."""
    first = drawn(tmp_path, panels())
    assert drawn(tmp_path, panels()) == first
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 9\nfont.size: 20\nsvg.fonttype: path\nbackend: pdf\n")
    environment = {
        **os.environ,
        "MATPLOTLIBRC": str(tmp_path / "matplotlibrc"),
        "PYTHONHASHSEED": "7",
        "PYTHONPATH": os.pathsep.join([*sys.path]),
        "SOURCE_DATE_EPOCH": "86400",
    }
    files = [tmp_path / name for name in ("other.png", "other.svg")]
    subprocess.run([sys.executable, "-W", "error", "-c", DRAW, *files], check=True, env=environment, timeout=120)
    assert tuple(path.read_bytes() for path in files) == first
    assert b"Software" not in first[0]
    assert b"Matplotlib v" not in first[1]


def test_nothing_is_set_for_others(tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    drawn(tmp_path, panels())
    assert dict(mpl.rcParams) == before


def test_text_stays_text(tmp_path: Path) -> None:
    shown = texts(drawn(tmp_path, panels(tuple(HOSTILE)))[1])
    for text in (*HOSTILE, "chance", "Improvised", "Dimensions", "ORACLE", "UA %", "macro F1 %"):
        assert shown.count(text) == 1, text
    assert shown.count("latent size") == 2


def test_sizes_are_the_ticks(tmp_path: Path) -> None:
    for axes in figures._draw(panels()).axes:
        assert [tick.get_text() for tick in axes.get_xticklabels()] == ["32", "64", "128", "256", "512"]


def test_numbers_that_are_no_sizes_have_ticks_too(tmp_path: Path) -> None:
    others = [Line("vae", [0.0, 0.5, 1.0], [0.4, 0.5, 0.6], [None] * 3, [None] * 3)]
    assert "0.4" in texts(drawn(tmp_path, [Panel("β", "beta", "UA %", others)])[1])


def test_scores_are_shown_in_percent_with_their_gaps() -> None:
    gap = Line("gap", [128.0, 32.0, 64.0], [0.5, 0.4, None], [0.45, 0.35, None], [0.55, 0.45, None])
    axes = figures._draw([Panel("", "latent size", "UA %", [gap])]).axes[0]
    marked = next(one for one in axes.lines if one.get_label() == "gap")
    assert np.asarray(marked.get_xdata()).tolist() == [32, 64, 128]
    assert np.asarray(marked.get_ydata()) == pytest.approx(np.array([40, np.nan, 50]), nan_ok=True)
    bars = [segment.tolist() for one in axes.collections[1:] for segment in one.get_segments()]  # type: ignore[attr-defined]
    assert bars == [[[32, 35], [32, 45]], [[128, pytest.approx(45)], [128, pytest.approx(55)]]]


def test_thirty_lines_differ_in_grey() -> None:
    lines = [line(f"system {index}", 0.3) for index in range(30)]
    axes = figures._draw([Panel("", "latent size", "UA %", lines)]).axes[0]
    marked = [one for one in axes.lines if str(one.get_label()).startswith("system")]
    assert len({(one.get_marker(), str(one._dash_pattern)) for one in marked}) == 30  # type: ignore[attr-defined]


def test_panels_share_one_scale() -> None:
    first, second = figures._draw(panels()).axes
    assert first.get_ylim() == second.get_ylim()
    low, high = first.get_ylim()
    assert low < 25 < high
