"""Tables 1 and 2 and Figure 2 of the paper, ours beside the printed ones."""

from collections.abc import Iterable, Iterator

import numpy as np
from cells import against_size, all_marks, beside, cell, line, mean_over_dimensions, of_dimensions, seeds
from results import markdown
from sweep_results import MODELS, SweepResults

from sercli.evaluation.groups import Group
from sercli.report import paper
from sercli.report.figures import Panel, score_figure

NOT_RUN = "Not run: the store holds no such sweep."


def table1(sweeps: SweepResults) -> Iterator[str]:
    """WA and UA of four classes."""
    groups = sweeps.groups("table1")
    if not groups:
        yield NOT_RUN
        return
    body = []
    for group in groups:
        subset, model = group.system.subset, str(group.system.model)
        scores = [cell(group, score) for score in ("accuracy", "uar")]
        about = [subset, MODELS[model], " ".join(group.marks), seeds(scores[:1]), str(group.n_utterances)]
        pairs = zip(scores, paper.TABLE1[subset][model], strict=True)
        body.append([*about, *(text for ours, printed in pairs for text in beside(ours, printed))])
    columns = [column for score in ("WA", "UA") for column in (score, "95 %", "printed", "difference")]
    yield from markdown(["data", "system", "marks", "seeds", "n", *columns], body, 3)
    yield from ["", chance_of_classes(groups), ""]
    for subset, others in paper.TABLE1_OTHERS.items():
        yield f"- Printed for others, {subset}, WA: {', '.join(f'{name} {value:g}' for name, value in others.items())}."


def chance_of_classes(groups: Iterable[Group]) -> str:
    """WA and UA without listening, by subset."""
    by_subset = {group.system.subset: group.chance for group in groups}
    texts = (f"{name} {100 * chance.accuracy:.1f} / {100 * chance.uar:.1f}" for name, chance in by_subset.items())
    return f"Chance, which is to predict the commonest class always (WA / UA): {', '.join(texts)}."


def table2(sweeps: SweepResults) -> Iterator[str]:
    """Macro F1 of the levels of each dimension, and their mean."""
    groups = sweeps.groups("table2")
    if not groups:
        yield NOT_RUN
        return
    body = []
    for model, name in MODELS.items():
        of_model = {group.system.target: group for group in groups if group.system.model == model}
        printed = dict(zip((*paper.DIMENSIONS, "mean"), paper.TABLE2[model], strict=True))
        ours = {target: cell(of_model[target], "macro_f1") for target in paper.DIMENSIONS if target in of_model}
        if three := of_dimensions(of_model.values()):
            ours["mean"] = mean_over_dimensions(three, "macro_f1")
        for target, score in ours.items():
            n = str(of_model[target].n_utterances) if target in of_model else ""
            body.append([name, target, " ".join(score.marks), seeds([score]), n, *beside(score, printed[target])])
    head = ["system", "dimension", "marks", "seeds", "n", "macro F1", "95 %", "printed", "difference"]
    yield from markdown(head, body, 3)
    yield from ["", chance_of_dimensions(groups), ""]
    for name, values in paper.TABLE2_OTHERS.items():
        yield f"- Printed for others, {name}: " + ", ".join(f"{value:g}" for value in values) + " (A, P, V, mean)."


def chances_of_dimensions(groups: Iterable[Group]) -> dict[str, float]:
    """Macro F1 of chance in each dimension; with all three, also their mean."""
    by_target = {group.system.target: group.chance.macro_f1 for group in groups}
    return by_target | ({"mean": float(np.mean(list(by_target.values())))} if len(by_target) == 3 else {})


def chance_of_dimensions(groups: Iterable[Group]) -> str:
    """Macro F1 without listening."""
    texts = (f"{target} {100 * f1:.1f}" for target, f1 in chances_of_dimensions(groups).items())
    return f"Chance, which is to predict the commonest class always (macro F1): {', '.join(texts)}."


def figure2a(sweeps: SweepResults) -> Iterator[str]:
    """WA and UA of four classes against the latent size."""
    groups = sweeps.groups("figure2a")
    if not groups:
        yield NOT_RUN
        return
    if (sweeps.store.path / f"sweeps/{sweeps.prefix}figure2a/figure.png").is_file():
        yield from [f"![UA against latent size](sweeps/{sweeps.prefix}figure2a/figure.png)", ""]
    sizes = latent_sizes(groups)
    body = []
    for model, name in MODELS.items():
        printed = dict(zip(("accuracy", "uar"), paper.TABLE1["complete"][model], strict=True))
        for score, heading in (("accuracy", "WA"), ("uar", "UA")):
            ours = {size: cell(group, score) for size, group in by_size(groups, model).items()}
            body.append([name, heading, *against_size(ours, sizes, printed[score])])
    yield from markdown(["system", "", "marks", *size_headings(sizes)], body, 3)
    yield from ["", chance_of_classes(groups), numbers_of_utterances(groups)]


def by_size(groups: Iterable[Group], model: str) -> dict[int, Group]:
    """The groups of one model by latent size, ascending."""
    sized = {group.system.latent_dim or 0: group for group in groups if group.system.model == model}
    return {size: sized[size] for size in sorted(sized)}


def latent_sizes(groups: Iterable[Group]) -> list[int]:
    return sorted({group.system.latent_dim or 0 for group in groups})


def size_headings(sizes: Iterable[int]) -> list[str]:
    return ["seeds", *(f"{size} (95 %)" for size in sizes), f"printed at {paper.LATENT_DIM}", "difference"]


def numbers_of_utterances(groups: Iterable[Group]) -> str:
    return f"n: {', '.join(map(str, sorted({group.n_utterances for group in groups})))}."


def figure2b(sweeps: SweepResults) -> Iterator[str]:
    """Macro F1, mean over the dimensions, against the latent size; also as a figure."""
    groups = sweeps.groups("figure2b")
    if not groups:
        yield NOT_RUN
        return
    sizes, means = latent_sizes(groups), {}
    for model in MODELS:
        of_model = [group for group in groups if group.system.model == model]
        threes = {size: of_dimensions(g for g in of_model if g.system.latent_dim == size) for size in sizes}
        means[model] = {size: mean_over_dimensions(three, "macro_f1") for size, three in threes.items() if three}
    picture = sweeps.store.path / f"{sweeps.prefix}figure2b-mean.png"
    lines = [line(MODELS[model], ours) for model, ours in means.items() if ours]
    title, note = "mean of arousal, power, valence", " ".join(all_marks(groups))
    chance = chances_of_dimensions(groups).get("mean")
    panel = Panel(title, "latents per segment", "macro F1 %, band: 95 %", lines, chance, note)
    score_figure([panel], picture, picture.with_suffix(".svg"))
    yield from [f"![mean macro F1 against latent size]({picture.name})", ""]
    if (sweeps.store.path / f"sweeps/{sweeps.prefix}figure2b/figure.png").is_file():
        yield from [f"Each dimension by itself: [figure](sweeps/{sweeps.prefix}figure2b/figure.png).", ""]
    body = [[MODELS[model], *against_size(ours, sizes, paper.TABLE2[model][-1])] for model, ours in means.items()]
    yield from markdown(["system", "marks", *size_headings(sizes)], body, 2)
    yield from ["", chance_of_dimensions(groups), numbers_of_utterances(groups)]
