"""Cells of the tables of the IEMOCAP recipe: our scores beside those that the paper prints."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sercli.evaluation import jackknife, metrics
from sercli.evaluation.groups import Group
from sercli.evaluation.marks import Mark
from sercli.evaluation.metrics import Interval
from sercli.evaluation.scores import Spread
from sercli.report import paper
from sercli.report.figures import Line
from sercli.report.formats import interval, spread


@dataclass(frozen=True)
class Cell:
    """A score over seeds, its interval over clusters, and what goes with them."""

    score: Spread
    interval: Interval
    n_seeds: int
    marks: tuple[Mark, ...]


def cell(group: Group, score: str) -> Cell:
    """A score of a group."""
    return Cell(getattr(group.test, score), getattr(group.intervals, score), group.n_independent, group.marks)


def of_dimensions(groups: Iterable[Group]) -> list[Group]:
    """The groups of all three dimensions, in the paper's order; none unless all are there, with the same seeds."""
    by_target = {group.system.target: group for group in groups}
    three = [by_target[target] for target in paper.DIMENSIONS if target in by_target]
    return three if len(three) == 3 and len({tuple(group.seeds) for group in three}) == 1 else []


def mean_over_dimensions(three: Sequence[Group], score: str) -> Cell:
    """The mean of a score over the dimensions, over seeds; and its interval, with the same clusters left out of all."""
    results = [group.results for group in three]
    by_seed = np.mean([[getattr(result.test, score) for result in seeds] for seeds in results], axis=0)
    counts = [
        np.array([[result.per_cluster[name] for result in seeds] for seeds in results])
        for name in results[0][0].per_cluster
    ]
    bounds = jackknife.interval(counts, metrics.SCORES[score])
    return Cell(Spread.of(by_seed.tolist()), bounds, len(three[0].seeds), all_marks(three))


def beside(ours: Cell, printed: float) -> list[str]:
    """Our score, its interval, what is printed, and the difference."""
    return [f"**{spread(ours.score)}**", interval(ours.interval), f"{printed:.2f}", difference(ours, printed)]


def difference(ours: Cell, printed: float) -> str:
    """Ours less the printed score, in points."""
    return f"{100 * ours.score.mean - printed:+.1f}"


def against_size(ours: Mapping[int, Cell], sizes: Sequence[int], printed: float) -> list[str]:
    """Marks and seeds; our score and its interval at each latent size; what is printed at one of them, and the difference there."""
    cells = [_with_interval(ours[size]) if size in ours else "" for size in sizes]
    at_printed = difference(ours[paper.LATENT_DIM], printed) if paper.LATENT_DIM in ours else ""
    return [" ".join(all_marks(ours.values())), seeds(ours.values()), *cells, f"{printed:.2f}", at_printed]


def _with_interval(ours: Cell) -> str:
    bounds = interval(ours.interval)
    return f"{spread(ours.score)} ({bounds})" if bounds else spread(ours.score)


def all_marks(several: Iterable[Cell | Group]) -> tuple[Mark, ...]:
    """The marks of all of them, each once."""
    return tuple(dict.fromkeys(mark for scored in several for mark in scored.marks))


def seeds(cells: Iterable[Cell]) -> str:
    """The number of seeds; of several cells, the fewest and the most."""
    numbers = sorted({cell.n_seeds for cell in cells})
    return " to ".join(map(str, dict.fromkeys([numbers[0], numbers[-1]]))) if numbers else ""


def line(name: str, by_size: Mapping[int, Cell]) -> Line:
    """A line of a figure: a score against the latent size."""
    low, high = zip(*(cell.interval for cell in by_size.values()), strict=True)
    return Line(name, [float(size) for size in by_size], [cell.score.mean for cell in by_size.values()], low, high)
