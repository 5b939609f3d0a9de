"""RESULTS.md, figure2b-mean and variations.tsv of the IEMOCAP recipe: what the sweeps found, beside what the paper prints.

usage: python recipes/iemocap/local/results.py STORE --command COMMAND [--quick]
"""

import argparse
import csv
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from sercli import metrics
from sercli.configurations import autoencoder_config, classifier_config
from sercli.report.figures import Line, Panel, score_figure
from sercli.results import group
from sercli.stages.evaluate import read_scores
from sercli.store import Store

sys.path.insert(0, str(Path(__file__).parents[2]))
from results import made_with

HERE = Path(__file__).parent
PRINTED = yaml.safe_load((HERE.parent / "conf" / "paper.yaml").read_text(encoding="utf-8"))
MODELS = {"ae": "AE-LSTM", "vae": "VAE-LSTM", "cvae": "CVAE-LSTM"}
TARGETS = ("arousal", "power", "valence")
NOT_RUN = "Not run: the store holds no such sweep."

Group = Mapping[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("--command", required=True)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    store, quick = Store(arguments.store), "quick-" if arguments.quick else ""
    lines = [
        "# IEMOCAP: Latif, Rana, Qadir, Epps (2018), Tables 1 and 2 and Figure 2",
        "",
        f"Made by `{arguments.command}`.",
        "",
    ]
    if quick:
        lines += ["**A QUICK LOOK: two folds, two epochs. No number here is a result.**", ""]
    lines += [*corpus(store), "", "## Table 1: four classes, leave-one-session-out", "", *table1(store, quick), ""]
    lines += ["## Table 2: low, mid and high, leave-one-speaker-out", "", *table2(store, quick), ""]
    lines += ["## Figure 2a: four classes against the latent size", "", *figure2a(store, quick), ""]
    lines += ["## Figure 2b: the dimensions against the latent size", "", *figure2b(store, quick), ""]
    lines += ["## Variations", "", *variations(store, quick), "", "## What was done", "", *done(store, quick), ""]
    lines += [(HERE / "notes.md").read_text(encoding="utf-8").rstrip(), "", *made_with()]
    target = store.path / f"{quick}RESULTS.md"
    target.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    print(target)


# --- what the sweeps left


def rows(store: Store, sweep: str) -> list[dict[str, str]]:
    """The points of a sweep; none if it was not run."""
    path = store.path / "sweeps" / sweep / "results.tsv"
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))


def groups(store: Store, sweep: str, *axes: str) -> dict[tuple[str, ...], Group]:
    """The points of a sweep by their values on these axes, each over its seeds."""
    points = {row["classifier"]: row for row in rows(store, sweep) if row["row"] == "point"}
    found = group(store, [read_scores(store, f"results/{name}") for name in points])
    return {tuple(points[one["classifiers"][0]][axis] for axis in axes): one for one in found}


# --- tables


def table(head: Sequence[str], body: Sequence[Sequence[str]], n_text: int) -> Iterator[str]:
    """Markdown; the first `n_text` columns to the left."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * n_text + "--:|" * (len(head) - n_text)
    for row in body:
        yield "| " + " | ".join(row) + " |"


def percent(found: Mapping[str, float | None]) -> str:
    mean = f"{100 * (found['mean'] or 0):.1f}"
    return mean if found["std"] is None else f"{mean} ± {100 * found['std']:.1f}"


def bounds(interval: Sequence[float | None]) -> str:
    return " to ".join(f"{100 * bound:.1f}" for bound in interval if bound is not None)


def beside(found: Group, score: str, printed: float) -> list[str]:
    """Ours, its interval, what is printed, and the difference."""
    difference = 100 * found[score]["mean"] - printed
    return [f"**{percent(found[score])}**", bounds(found[f"{score}_ci95"]), f"{printed:.2f}", f"{difference:+.1f}"]


def marks(found: Group) -> str:
    return " ".join(found["marks"])


def table1(store: Store, quick: str) -> Iterator[str]:
    found = groups(store, f"{quick}table1", "subset", "model")
    if not found:
        yield NOT_RUN
        return
    body = [
        [
            subset,
            MODELS[model],
            marks(one),
            str(one["n_utterances"]),
            *beside(one, "accuracy", PRINTED["table1"][subset][model][0]),
            *beside(one, "uar", PRINTED["table1"][subset][model][1]),
        ]
        for (subset, model), one in found.items()
    ]
    head = [
        "data",
        "system",
        "marks",
        "n",
        "WA",
        "95 %",
        "printed",
        "difference",
        "UA",
        "95 %",
        "printed",
        "difference",
    ]
    yield from table(head, body, 3)
    chance = {subset: one["chance"] for (subset, _), one in found.items()}
    says = ", ".join(f"{subset} {100 * one['accuracy']:.1f} / {100 * one['uar']:.1f}" for subset, one in chance.items())
    yield from ["", f"Chance (WA / UA): {says}."]
    for subset, others in PRINTED["table1_others"].items():
        yield (
            f"Printed for others, {subset}, WA: "
            + ", ".join(f"{name} {value:g}" for name, value in others.items())
            + "."
        )


def mean_over_targets(
    found: Sequence[Group], store: Store, score: str
) -> tuple[dict[str, float | None], list[float | None]]:
    """The mean of a score over the dimensions, over seeds; and its interval, the speakers drawn once for all."""
    of_each = [[read_scores(store, f"results/{name}") for name in one["classifiers"]] for one in found]
    by_seed = np.mean([[one[score] for one in seeds] for seeds in of_each], axis=0)
    spread: dict[str, float | None] = {"mean": float(by_seed.mean())}
    spread["std"] = float(np.std(by_seed, ddof=1)) if len(by_seed) > 1 else None
    speakers = list(of_each[0][0]["per_speaker"])
    counts = [
        np.array([[one["per_speaker"][speaker]["confusion"] for one in seeds] for seeds in of_each])
        for speaker in speakers
    ]
    return spread, list(metrics.interval(counts, metrics.SCORES[score]))


def table2(store: Store, quick: str) -> Iterator[str]:
    found = groups(store, f"{quick}table2", "target", "model")
    if not found:
        yield NOT_RUN
        return
    body = []
    for model, name in MODELS.items():
        of_model = [found[target, model] for target in TARGETS if (target, model) in found]
        for target, one in zip(TARGETS, of_model, strict=False):
            cells = beside(one, "macro_f1", PRINTED["table2"][model][TARGETS.index(target)])
            body.append([name, target, marks(one), str(one["n_utterances"]), *cells])
        if len(of_model) == len(TARGETS):
            mean, interval = mean_over_targets(of_model, store, "macro_f1")
            cells = beside({"macro_f1": mean, "macro_f1_ci95": interval}, "macro_f1", PRINTED["table2"][model][-1])
            body.append([name, "mean", marks(of_model[0]), "", *cells])
    yield from table(["system", "dimension", "marks", "n", "macro F1", "95 %", "printed", "difference"], body, 3)
    yield ""
    for name, values in PRINTED["table2_others"].items():
        yield f"Printed for others, {name}: " + ", ".join(f"{value:g}" for value in values) + " (A, P, V, mean)."


def latent_sizes(found: Mapping[tuple[str, ...], Group]) -> list[str]:
    return sorted({size for size, *_ in found}, key=int)


def figure2a(store: Store, quick: str) -> Iterator[str]:
    found = groups(store, f"{quick}figure2a", "latent_dim", "model")
    if not found:
        yield NOT_RUN
        return
    yield from [f"![UA against latent size](sweeps/{quick}figure2a/figure.png)", ""]
    sizes = latent_sizes(found)
    body = []
    for model, name in MODELS.items():
        for score, heading, column in (("accuracy", "WA", 0), ("uar", "UA", 1)):
            ours = [percent(found[size, model][score]) if (size, model) in found else "" for size in sizes]
            body.append([name, heading, *ours, f"{PRINTED['table1']['complete'][model][column]:.2f}"])
    yield from table(["system", "", *sizes, "printed at 128"], body, 2)


def figure2b(store: Store, quick: str) -> Iterator[str]:
    found = groups(store, f"{quick}figure2b", "latent_dim", "model", "target")
    if not found:
        yield NOT_RUN
        return
    sizes = latent_sizes(found)
    body, lines = [], []
    for model, name in MODELS.items():
        complete = [size for size in sizes if all((size, model, target) in found for target in TARGETS)]
        means = [
            mean_over_targets([found[size, model, target] for target in TARGETS], store, "macro_f1")
            for size in complete
        ]
        cells = dict(zip(complete, (percent(mean) for mean, _ in means), strict=True))
        body.append([name, *(cells.get(size, "") for size in sizes), f"{PRINTED['table2'][model][-1]:.2f}"])
        low, high = ([interval[side] for _, interval in means] for side in (0, 1))
        lines.append(Line(name, [float(size) for size in complete], [mean["mean"] for mean, _ in means], low, high))
    note = " ".join(sorted({mark for one in found.values() for mark in one["marks"]}))
    panel = Panel("mean of arousal, power, valence", "latents a segment", "macro F1 %", lines, note=note)
    picture = store.path / f"{quick}figure2b-mean.png"
    score_figure([panel], picture, picture.with_suffix(".svg"))
    yield from [f"![mean macro F1 against latent size]({picture.name})", ""]
    yield from [f"Each dimension by itself: [figure](sweeps/{quick}figure2b/figure.png).", ""]
    yield from table(["system", *sizes, "printed at 128"], body, 1)


def variations(store: Store, quick: str) -> Iterator[str]:
    """All points of all sweeps in one tidy table, and of the variations the scores beside one another."""
    names = [
        f"{quick}{name}"
        for name in ("table1", "table2", "figure2a", "figure2b", "variations1", "variations2", "variations3")
    ]
    everything = [{"sweep": name, **row} for name in names for row in rows(store, name)]
    if not everything:
        yield NOT_RUN
        return
    columns = list(dict.fromkeys(column for row in everything for column in row))
    target = store.path / f"{quick}variations.tsv"
    text = ["\t".join(columns), *("\t".join(row.get(column, "") for column in columns) for row in everything)]
    target.write_text("\n".join(text) + "\n", encoding="utf-8")
    yield f"[{target.name}]({target.name}) has every point of every sweep: pooled scores and the mean of folds,"
    yield "macro and weighted F1, dev beside test."
    yield from ["", "The nested rows choose each fold's system by that fold's dev.", ""]
    body = []
    for row in everything:
        if "variations" in row["sweep"] or row["row"] == "nested":
            what = ["nested", ""] if row["row"] == "nested" else [row["system"], row["adam"]]
            asked = " ".join(word for word in (row["target"], row.get("bins", ""), row["subset"]) if word)
            scores = (
                row[key]
                for key in (
                    "accuracy",
                    "accuracy_fold_mean",
                    "uar",
                    "uar_fold_mean",
                    "macro_f1",
                    "weighted_f1",
                    "dev_uar",
                )
            )
            cells = [f"{100 * float(value):.1f}" for value in scores]
            body.append([row["sweep"], asked, *what, row["seed"], row["marks"], *cells])
    head = [
        "sweep",
        "asked",
        "system",
        "Adam",
        "seed",
        "marks",
        "WA",
        "WA/fold",
        "UA",
        "UA/fold",
        "macro F1",
        "weighted F1",
        "dev UA",
    ]
    yield from table(head, body, 6)


# --- what was done


def corpus(store: Store) -> Iterator[str]:
    hours = sum(utterance.duration for utterance in store.utterances) / 3600
    speakers = len({utterance.speaker for utterance in store.utterances})
    yield f"{len(store.utterances)} utterances of {speakers} speakers, {hours:.2f} h."
    counts = store.path / "counts.tsv"
    with counts.open(encoding="utf-8", newline="") as stream:
        cells = list(csv.DictReader(stream, delimiter="\t"))
    differ = [
        f"{cell['cell']} {cell['found']} (release {cell['expected']})"
        for cell in cells
        if cell["found"] != cell["expected"]
    ]
    if differ:
        yield f"**{len(differ)} of {len(cells)} counts differ from the release's**, {'; '.join(differ[:3])}, …: see counts.tsv."
    else:
        yield f"All {len(cells)} counts are the release's."


def done(store: Store, quick: str) -> Iterator[str]:
    """The question, the folds and every setting of the two tables, from what lies in the store."""
    for sweep in ("table1", "table2"):
        points = [row for row in rows(store, f"{quick}{sweep}") if row["row"] == "point"]
        results = {row["classifier"]: read_scores(store, f"results/{row['classifier']}") for row in points}
        for task in dict.fromkeys(one["task"] for one in results.values()):
            one = next(one for one in results.values() if one["task"] == task)
            labels = ", ".join(one["labels"]) + (f" (bins: {one['bins']})" if one["bins"] else "")
            folds = f"{one['folds_done']} of {one['folds_expected']} folds, whose digest is {one['folds'][:8]}"
            yield f"- {sweep}, `{task}`: {labels}; {folds}; normalised by each fold's training part."
        for model, name in MODELS.items():
            for row in [row for row in points if row["model"] == model][:1]:
                yield f"- {sweep}, {name}: {settings(store, row['classifier'])}."
    for path in sorted((store.path / "sweeps").glob(f"{quick}*/grid.yaml")):
        if quick or not path.parent.name.startswith("quick-"):
            yield f"- [{path.parent.name}](sweeps/{path.parent.name}/grid.yaml): the grid, with what was given on the command line."


def settings(store: Store, classifier: str) -> str:
    config = classifier_config(store, classifier)
    autoencoder = autoencoder_config(store, config.autoencoder)
    how = f"condition {config.condition}, latents {config.latents}, {autoencoder.latent_dim} of them"
    parts = (
        ("autoencoder", {**autoencoder.options, **autoencoder.training}),
        ("LSTM", {**config.options, **config.training}),
    )
    return "; ".join(
        [how, *(f"{step}: {', '.join(f'{key} {value}' for key, value in own.items())}" for step, own in parts)]
    )


if __name__ == "__main__":
    main()
