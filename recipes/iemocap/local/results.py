"""RESULTS.md, figure2b-mean and variations.tsv of the IEMOCAP recipe: what the sweeps found, beside what the paper prints.

usage: python recipes/iemocap/local/results.py STORE [--quick] -- THE COMMAND THAT MADE IT
"""

import argparse
import csv
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from sercli.config import read_yaml
from sercli.errors import MissingInput, SercliError
from sercli.evaluation import metrics
from sercli.evaluation.scores import group
from sercli.experiments.catalogue import Catalogue
from sercli.report import paper as paper
from sercli.report.figures import Line, Panel, score_figure
from sercli.stages.evaluate import read_scores
from sercli.store.store import Store

sys.path.insert(0, str(Path(__file__).parents[2]))
from results import made_with

HERE = Path(__file__).parent
PRINTED = paper.printed()
MODELS = {"ae": "AE-LSTM", "vae": "VAE-LSTM", "cvae": "CVAE-LSTM"}
TARGETS = ("arousal", "power", "valence")
SWEEPS = ("table1", "table2", "figure2a", "figure2b", "variations1", "variations2", "variations3")
PRINTED_SIZE = "128"  # latents a segment, in the paper's tables
NOT_RUN = "Not run: the store holds no such sweep."
TITLE = "IEMOCAP: Latif, Rana, Qadir, Epps (2018), Tables 1 and 2 and Figure 2"
SYNTHETIC = (
    "**SYNTHETIC CORPUS: this is not IEMOCAP. No number here says anything about people, "
    "and the differences to the printed values mean nothing.**"
)
QUICK = (
    "**A QUICK LOOK (`--quick`), to see that all works; what was left out is under What was done. "
    "No number here is a result.**"
)

Group = Mapping[str, Any]
Groups = Mapping[tuple[str, ...], Group]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    try:
        target = write(Store(arguments.store), "quick-" if arguments.quick else "", shlex.join(arguments.command))
    except SercliError as error:
        print(f"results: {error}", file=sys.stderr)
        return 1
    print(target)
    return 0


def write(store: Store, quick: str, command: str) -> Path:
    """Raises SercliError for a store without a sweep of this recipe, or with one that is not fresh."""
    if not any(rows(store, f"{quick}{sweep}") for sweep in SWEEPS):
        raise MissingInput(f"{store.path} holds no {quick}sweep of this recipe; run `{command}` first")
    synthetic = bool(store.corpus.get("synthetic"))
    lines = [f"# {'SYNTHETIC CORPUS in the place of ' if synthetic else ''}{TITLE}", "", f"Made by `{command}`.", ""]
    lines += [SYNTHETIC, ""] if synthetic else []
    lines += [QUICK, ""] if quick else []
    lines += [*corpus(store), ""]
    for heading, part in (
        ("Table 1: four classes, leave-one-session-out", table1),
        ("Table 2: low, mid and high, leave-one-speaker-out", table2),
        ("Figure 2a: four classes against the latent size", figure2a),
        ("Figure 2b: the dimensions against the latent size", figure2b),
        ("Variations", variations),
        ("What was done", done),
    ):
        lines += [f"## {heading}", "", *part(store, quick), ""]
    lines += [(HERE / "notes.md").read_text(encoding="utf-8").rstrip(), "", *made_with()]
    target = store.path / f"{quick}RESULTS.md"
    target.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    return target


# --- what the sweeps left


@cache
def digest_of(store: Store, name: str) -> str:
    """Of a result that is fresh; raises MissingInput for any other."""
    return Catalogue(store).classifier(name).published_result().digest


@cache
def scores(store: Store, name: str) -> Mapping[str, Any]:
    digest_of(store, name)
    return read_scores(store, f"results/{name}")


@cache
def rows(store: Store, sweep: str) -> Sequence[Mapping[str, str]]:
    """The points of a sweep; none if it was not run. Raises MissingInput unless all it was made from is fresh."""
    key = f"sweeps/{sweep}"
    made = store.provenance(key)
    if made is None:
        return []
    for result, digest in made["inputs"].items():
        kind, _, name = result.partition("/")
        if kind == "results" and digest_of(store, name) != digest:
            raise MissingInput(f"{store.path / key} is stale ({result} changed); run its stage of the recipe again")
    with store.file(key, "results.tsv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))


def points(store: Store, sweep: str) -> list[Mapping[str, str]]:
    return [row for row in rows(store, sweep) if row["row"] == "point"]


def groups(store: Store, sweep: str, *by: str) -> Groups:
    """The points of a sweep by what they are, such as their model, each over its seeds; of the paper's models."""
    catalogue = Catalogue(store)
    found = group(
        [scores(store, row["classifier"]) for row in points(store, sweep)],
        lambda name: catalogue.classifier(name).seedless_key,
    )
    return {tuple(str(one[key]) for key in by): one for one in found if one["model"] in MODELS}


def of_targets(found: Groups, *key: str) -> list[Group]:
    """The groups (target, *key) of all three dimensions; none unless all are there, with the same seeds."""
    three = [found[target, *key] for target in TARGETS if (target, *key) in found]
    return three if len(three) == 3 and len({tuple(one["seeds"]) for one in three}) == 1 else []


def mean_over_targets(store: Store, three: Sequence[Group], score: str) -> Group:
    """The mean of a score over the dimensions, over seeds; and its interval, the speakers drawn once for all."""
    of_each = [[scores(store, name) for name in one["classifiers"]] for one in three]
    by_seed = np.mean([[one[score] for one in seeds] for seeds in of_each], axis=0)
    std = float(np.std(by_seed, ddof=1)) if len(by_seed) > 1 else None
    speakers = list(of_each[0][0]["per_speaker"])
    counts = [
        np.array([[one["per_speaker"][speaker]["confusion"] for one in seeds] for seeds in of_each])
        for speaker in speakers
    ]
    return {
        score: {"mean": float(by_seed.mean()), "std": std},
        f"{score}_ci95": metrics.interval(counts, metrics.SCORES[score]),
        "seeds": three[0]["seeds"],
        "marks": all_marks(three),
    }


def chance_f1(store: Store, found: Group) -> float:
    """Macro F1 of always naming the class that is commonest in test, as a fraction."""
    support = np.sum(scores(store, found["classifiers"][0])["confusion"], axis=1)
    counts = np.zeros((len(support), len(support)), np.int64)
    counts[:, support.argmax()] = support
    return float(metrics.macro_f1(counts))


# --- cells


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


def difference(found: Group, score: str, printed: float) -> str:
    return f"{100 * found[score]['mean'] - printed:+.1f}"


def beside(found: Group, score: str, printed: float) -> list[str]:
    """Ours, its interval, what is printed, and the difference."""
    ours = [f"**{percent(found[score])}**", bounds(found[f"{score}_ci95"])]
    return [*ours, f"{printed:.2f}", difference(found, score, printed)]


def against_size(found: Mapping[str, Group], sizes: Sequence[str], score: str, printed: float) -> list[str]:
    """Marks; ours and its interval at each size; what is printed at one of them, and the difference there."""
    cells = [
        f"{percent(found[size][score])} ({bounds(found[size][f'{score}_ci95'])})" if size in found else ""
        for size in sizes
    ]
    there = difference(found[PRINTED_SIZE], score, printed) if PRINTED_SIZE in found else ""
    return [marks(all_marks(found.values())), seeds(found.values()), *cells, f"{printed:.2f}", there]


def marks(found: Iterable[str]) -> str:
    return " ".join(found)


def all_marks(found: Iterable[Group]) -> list[str]:
    return list(dict.fromkeys(mark for one in found for mark in one["marks"]))


def seeds(found: Iterable[Group]) -> str:
    """How many; of several groups, the fewest and the most."""
    numbers = sorted({len(one["seeds"]) for one in found})
    return " to ".join(map(str, dict.fromkeys([numbers[0], numbers[-1]]))) if numbers else ""


# --- tables


def table1(store: Store, quick: str) -> Iterator[str]:
    found = groups(store, f"{quick}table1", "subset", "model")
    if not found:
        yield NOT_RUN
        return
    body = [
        [
            subset,
            MODELS[model],
            marks(one["marks"]),
            seeds([one]),
            str(one["n_utterances"]),
            *beside(one, "accuracy", PRINTED["table1"][subset][model][0]),
            *beside(one, "uar", PRINTED["table1"][subset][model][1]),
        ]
        for (subset, model), one in found.items()
    ]
    columns = [column for score in ("WA", "UA") for column in (score, "95 %", "printed", "difference")]
    yield from table(["data", "system", "marks", "seeds", "n", *columns], body, 3)
    yield from ["", *chance_of_classes({subset: one for (subset, _), one in found.items()}), ""]
    for subset, others in PRINTED["table1_others"].items():
        says = ", ".join(f"{name} {value:g}" for name, value in others.items())
        yield f"- Printed for others, {subset}, WA: {says}."


def chance_of_classes(found: Mapping[str, Group]) -> Iterator[str]:
    says = (
        f"{name} {100 * one['chance']['accuracy']:.1f} / {100 * one['chance']['uar']:.1f}"
        for name, one in found.items()
    )
    yield f"Chance, which is to name the commonest class always (WA / UA): {', '.join(says)}."


def table2(store: Store, quick: str) -> Iterator[str]:
    found = groups(store, f"{quick}table2", "target", "model")
    if not found:
        yield NOT_RUN
        return
    body = []
    for model, name in MODELS.items():
        printed = dict(zip((*TARGETS, "mean"), PRINTED["table2"][model], strict=True))
        ours = {target: found[target, model] for target in TARGETS if (target, model) in found}
        if three := of_targets(found, model):
            ours["mean"] = mean_over_targets(store, three, "macro_f1")
        for target, one in ours.items():
            n = str(one.get("n_utterances", ""))
            cells = beside(one, "macro_f1", printed[target])
            body.append([name, target, marks(one["marks"]), seeds([one]), n, *cells])
    yield from table(
        ["system", "dimension", "marks", "seeds", "n", "macro F1", "95 %", "printed", "difference"], body, 3
    )
    yield from ["", *chance_of_targets(store, found), ""]
    for name, values in PRINTED["table2_others"].items():
        yield f"- Printed for others, {name}: " + ", ".join(f"{value:g}" for value in values) + " (A, P, V, mean)."


def chances_of_targets(store: Store, found: Groups) -> dict[str, float]:
    """Macro F1 of chance in each dimension, and of all three their mean."""
    of = {target: chance_f1(store, one) for (target, *_), one in found.items()}
    return {**of, "mean": float(np.mean(list(of.values())))} if len(of) == len(TARGETS) else of


def chance_of_targets(store: Store, found: Groups) -> Iterator[str]:
    says = ", ".join(f"{target} {100 * f1:.1f}" for target, f1 in chances_of_targets(store, found).items())
    yield f"Chance, which is to name the commonest class always (macro F1): {says}."


# --- figures


def figure2a(store: Store, quick: str) -> Iterator[str]:
    found = groups(store, f"{quick}figure2a", "model", "latent_dim")
    if not found:
        yield NOT_RUN
        return
    if (store.path / f"sweeps/{quick}figure2a/figure.png").is_file():
        yield from [f"![UA against latent size](sweeps/{quick}figure2a/figure.png)", ""]
    sizes = sorted({size for _, size in found}, key=int)
    body = []
    for model, name in MODELS.items():
        mine = {size: found[model, size] for size in sizes if (model, size) in found}
        for score, heading, printed in zip(
            ("accuracy", "uar"), ("WA", "UA"), PRINTED["table1"]["complete"][model], strict=True
        ):
            body.append([name, heading, *against_size(mine, sizes, score, printed)])
    yield from table(["system", "", "marks", *head_of(sizes)], body, 3)
    yield from ["", *chance_of_classes({one["subset"]: one for one in found.values()})]
    yield said_of_n(found)


def head_of(sizes: Sequence[str]) -> list[str]:
    return ["seeds", *(f"{size} (95 %)" for size in sizes), f"printed at {PRINTED_SIZE}", "difference"]


def said_of_n(found: Groups) -> str:
    return f"n: {', '.join(map(str, sorted({one['n_utterances'] for one in found.values()})))}."


def figure2b(store: Store, quick: str) -> Iterator[str]:
    found = groups(store, f"{quick}figure2b", "target", "model", "latent_dim")
    if not found:
        yield NOT_RUN
        return
    sizes = sorted({size for *_, size in found}, key=int)
    means = {
        model: {
            size: mean_over_targets(store, three, "macro_f1")
            for size in sizes
            if (three := of_targets(found, model, size))
        }
        for model in MODELS
    }
    picture = store.path / f"{quick}figure2b-mean.png"
    lines = [line(MODELS[model], of_size) for model, of_size in means.items() if of_size]
    chance = chances_of_targets(store, found).get("mean")
    note = marks(all_marks(found.values()))
    panel = Panel("mean of arousal, power, valence", "latents a segment", "macro F1 %, band: 95 %", lines, chance, note)
    score_figure([panel], picture, picture.with_suffix(".svg"))
    yield from [f"![mean macro F1 against latent size]({picture.name})", ""]
    if (store.path / f"sweeps/{quick}figure2b/figure.png").is_file():
        yield from [f"Each dimension by itself: [figure](sweeps/{quick}figure2b/figure.png).", ""]
    body = [
        [MODELS[model], *against_size(of_size, sizes, "macro_f1", PRINTED["table2"][model][-1])]
        for model, of_size in means.items()
    ]
    yield from table(["system", "marks", *head_of(sizes)], body, 2)
    yield from ["", *chance_of_targets(store, found), said_of_n(found)]


def line(name: str, of_size: Mapping[str, Group]) -> Line:
    low, high = zip(*(one["macro_f1_ci95"] for one in of_size.values()), strict=True)
    return Line(
        name, [float(size) for size in of_size], [one["macro_f1"]["mean"] for one in of_size.values()], low, high
    )


# --- variations

SHOWN = {
    "accuracy": "WA",
    "accuracy_fold_mean": "WA/fold",
    "uar": "UA",
    "uar_ci95": "95 %",
    "uar_fold_mean": "UA/fold",
    "macro_f1": "macro F1",
    "weighted_f1": "weighted F1",
    "dev_uar": "dev UA",
    "chance_accuracy": "chance WA",
    "chance_uar": "chance UA",
}


def variations(store: Store, quick: str) -> Iterator[str]:
    """All points of all sweeps in one tidy table, and of the variations the scores beside one another."""
    everything = [{"sweep": f"{quick}{name}", **row} for name in SWEEPS for row in rows(store, f"{quick}{name}")]
    target = store.path / f"{quick}variations.tsv"
    columns = list(dict.fromkeys(column for row in everything for column in row))
    text = ["\t".join(columns), *("\t".join(row.get(column, "") for column in columns) for row in everything)]
    target.write_text("\n".join(text) + "\n", encoding="utf-8")
    yield f"[{target.name}]({target.name}) has every point of every sweep: pooled scores and the mean of folds, with intervals,"
    yield "macro and weighted F1, dev beside test, and what the nested rows chose."
    yield ""
    head = ["sweep", "asked", "protocol", "system", "Adam", "marks", "seed", "n", *SHOWN.values()]
    body = [variation(row) for row in everything if "variations" in row["sweep"] or row["row"] == "nested"]
    yield from table(head, body, 6)


def variation(row: Mapping[str, str]) -> list[str]:
    asked = " ".join(word for word in (row["target"], row["bins"], row["subset"]) if word)
    system = ["nested", ""] if row["row"] == "nested" else [row["system"], row["adam"]]
    interval = bounds([float(row[key]) for key in ("uar_low", "uar_high") if row[key]])
    cells = [interval if key == "uar_ci95" else f"{100 * float(row[key]):.1f}" for key in SHOWN]
    return [row["sweep"], asked, row["protocol"], *system, row["marks"], row["seed"], row["n_utterances"], *cells]


# --- what was done

NORMALISED_BY = {"train": "fold's training part", "speaker": "speaker", "utterance": "utterance"}


def corpus(store: Store) -> Iterator[str]:
    hours = sum(utterance.duration for utterance in store.utterances) / 3600
    speakers = len({utterance.speaker for utterance in store.utterances})
    yield f"{len(store.utterances)} utterances of {speakers} speakers, {hours:.2f} h."
    counts = store.path / "corpus" / "counts.tsv"
    if not counts.is_file():
        raise SercliError(f"{store.path} has no counts.tsv; make it by `sercli ingest --corpus iemocap`")
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
    """The grids, and the question, the folds and every setting of the two tables, from what lies in the store."""
    for sweep in (f"{quick}{name}" for name in SWEEPS):
        if rows(store, sweep):
            yield f"- [{sweep}](sweeps/{sweep}/grid.yaml): {fixed(store, sweep)}."
    for sweep in ("table1", "table2"):
        found = points(store, f"{quick}{sweep}")
        asked = {row["task"]: scores(store, row["classifier"]) for row in found}
        for task, one in asked.items():
            labels = ", ".join(one["labels"]) + (f" (bins: {one['bins']})" if one["bins"] else "")
            folds = f"{one['folds_done']} of {one['folds_expected']} folds, whose digest is {one['folds'][:8]}"
            yield f"- {sweep}, `{task}`: {labels}; {folds}; normalised by each {NORMALISED_BY[one['normalise']]}."
        shown = {scores(store, row["classifier"])["model"]: row["classifier"] for row in found}
        for model, classifier in shown.items():
            if model in MODELS:
                yield f"- {sweep}, {MODELS[model]}: {settings(store, classifier)}."


def fixed(store: Store, sweep: str) -> str:
    """What the grid and the command line fixed, and on which folds."""
    grid = read_yaml(store.file(f"sweeps/{sweep}", "grid.yaml"))
    says = [f"{option} {value}" for option, value in grid["fixed"].items()]
    folds = f"folds {', '.join(map(str, grid['folds']))} alone" if "folds" in grid else "all folds"
    return f"{', '.join(says)}; {folds}"


def settings(store: Store, classifier: str) -> str:
    system = Catalogue(store).classifier(classifier)
    assert system.autoencoder is not None
    config, autoencoder = system.config, system.autoencoder.config
    how = f"condition {config.condition}, latents {config.latents}, {autoencoder.latent_dim} of them"
    parts = (
        ("autoencoder", {**autoencoder.options, **autoencoder.training}),
        ("LSTM", {**config.options, **config.training}),
    )
    return "; ".join(
        [how, *(f"{step}: {', '.join(f'{key} {value}' for key, value in own.items())}" for step, own in parts)]
    )


if __name__ == "__main__":
    sys.exit(main())
