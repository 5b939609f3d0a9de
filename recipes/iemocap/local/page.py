"""RESULTS.md, figure2b-mean and variations.tsv of the IEMOCAP recipe: the scores of its sweeps beside those that the paper prints.

usage: python recipes/iemocap/local/page.py STORE [--quick] -- THE COMMAND THAT MADE IT
"""

import argparse
import csv
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sercli.config import read_yaml
from sercli.errors import MissingInput, SercliError
from sercli.evaluation.metrics import Interval
from sercli.evaluation.scores import Spread
from sercli.report.formats import interval, percent, spread
from sercli.store.store import Store

sys.path.insert(0, str(Path(__file__).parents[2]))
from results import markdown, versions
from sweep_results import MODELS, SWEEPS, SweepResults
from tables import figure2a, figure2b, table1, table2

HERE = Path(__file__).parent
TITLE = "IEMOCAP: Latif, Rana, Qadir, Epps (2018), Tables 1 and 2 and Figure 2"
SYNTHETIC = (
    "**SYNTHETIC CORPUS: this is not IEMOCAP. No number here says anything about people, "
    "and the differences to the printed values mean nothing.**"
)
QUICK = (
    "**A QUICK LOOK (`--quick`), to see that all works; what was left out is under What was done. "
    "No number here is a result.**"
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    try:
        sweeps = SweepResults(Store(arguments.store), "quick-" if arguments.quick else "")
        print(write(sweeps, shlex.join(arguments.command)))
    except SercliError as error:
        print(f"results: {error}", file=sys.stderr)
        return 1
    return 0


def write(sweeps: SweepResults, command: str) -> Path:
    """Raises SercliError for a store without a sweep of this recipe, or with one that is not fresh."""
    store, prefix = sweeps.store, sweeps.prefix
    if not any(map(sweeps.rows, SWEEPS)):
        raise MissingInput(f"holds no {prefix}sweep of this recipe", place=store.path, fix=f"run `{command}` first")
    synthetic = "SYNTHETIC CORPUS in the place of " if store.is_synthetic else ""
    lines = [f"# {synthetic}{TITLE}", "", f"Made by `{command}`.", ""]
    lines += [SYNTHETIC, ""] if store.is_synthetic else []
    lines += [QUICK, ""] if prefix else []
    lines += [*corpus(store), ""]
    for heading, part in (
        ("Table 1: four classes, leave-one-session-out", table1),
        ("Table 2: low, mid and high, leave-one-speaker-out", table2),
        ("Figure 2a: four classes against the latent size", figure2a),
        ("Figure 2b: the dimensions against the latent size", figure2b),
        ("Variations", variations),
        ("What was done", what_was_done),
    ):
        lines += [f"## {heading}", "", *part(sweeps), ""]
    lines += [(HERE / "notes.md").read_text(encoding="utf-8").rstrip(), "", *versions()]
    target = store.path / f"{prefix}RESULTS.md"
    target.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    return target


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


def variations(sweeps: SweepResults) -> Iterator[str]:
    """All points of all sweeps in one tidy table, and the scores of the variations beside one another."""
    rows = [{"sweep": f"{sweeps.prefix}{name}", **row} for name in SWEEPS for row in sweeps.rows(name)]
    target = sweeps.store.path / f"{sweeps.prefix}variations.tsv"
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = ["\t".join(columns), *("\t".join(row.get(column, "") for column in columns) for row in rows)]
    target.write_text("\n".join(text) + "\n", encoding="utf-8")
    yield f"[{target.name}]({target.name}) has every point of every sweep: pooled scores and the mean of folds, with intervals,"
    yield "macro and weighted F1, dev beside test, and what the nested rows chose."
    yield ""
    systems: dict[tuple[str, ...], list[Mapping[str, str]]] = {}
    for row in rows:
        if "variations" in row["sweep"] or row["row"] == "nested":
            systems.setdefault(facts(row), []).append(row)
    intervals = {
        name: group.intervals.uar
        for sweep in SWEEPS
        for group in sweeps.all_groups(sweep)
        for name in group.classifiers
    }
    head = ["sweep", "question", "protocol", "system", "Adam", "marks", "seeds", "n", *SHOWN.values()]
    yield from markdown(head, [variation(*system, intervals) for system in systems.items()], 6)


def facts(row: Mapping[str, str]) -> tuple[str, ...]:
    """What the rows of a system have in common, whatever their seed."""
    question = " ".join(word for word in (row["target"], row["bins"], row["subset"]) if word)
    system = ("nested", "") if row["row"] == "nested" else (row["system"], row["adam"])
    return (row["sweep"], question, row["protocol"], *system, row["marks"])


def variation(
    facts: tuple[str, ...], rows: Sequence[Mapping[str, str]], intervals: Mapping[str, Interval]
) -> list[str]:
    """A row of the table: means over seeds, and the interval of their mean. A nested row has one for a single seed only."""
    cells = {key: spread(Spread.of([float(row[key]) for row in rows])) for key in SHOWN if key != "uar_ci95"}
    cells |= {key: percent(float(rows[0][key])) for key in SHOWN if key.startswith("chance")}
    alone = [float(rows[0][key]) for key in ("uar_low", "uar_high") if rows[0][key] and len(rows) == 1]
    cells["uar_ci95"] = interval(intervals.get(rows[0]["classifier"], alone))
    return [*facts, str(len(rows)), rows[0]["n_utterances"], *(cells[key] for key in SHOWN)]


# --- what was done

NORMALISED_BY = {"train": "fold's training part", "speaker": "speaker", "utterance": "utterance"}


def corpus(store: Store) -> Iterator[str]:
    hours = sum(utterance.duration for utterance in store.utterances) / 3600
    speakers = len({utterance.speaker for utterance in store.utterances})
    yield f"{len(store.utterances)} utterances of {speakers} speakers, {hours:.2f} h."
    counts = store.corpus_folder / "counts.tsv"
    if not counts.is_file():
        raise SercliError("no such file", place=counts, fix="make it with `sercli ingest --corpus iemocap`")
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


def what_was_done(sweeps: SweepResults) -> Iterator[str]:
    """The grids, and the question, the folds and every setting of the two tables."""
    for name in SWEEPS:
        if sweeps.rows(name):
            sweep = f"{sweeps.prefix}{name}"
            yield f"- [{sweep}](sweeps/{sweep}/grid.yaml): {fixed_options(sweeps.store, sweep)}."
    for sweep in ("table1", "table2"):
        results = [sweeps.result(row["classifier"]) for row in sweeps.points(sweep)]
        for task, result in {result.system.task: result for result in results}.items():
            system = result.system
            labels = ", ".join(result.labels) + (f" (bins: {system.bins})" if system.bins else "")
            folds = f"{len(result.folds)} of {result.folds_expected} folds, whose digest is {system.folds[:8]}"
            yield f"- {sweep}, `{task}`: {labels}; {folds}; normalised by each {NORMALISED_BY[system.normalise]}."
        for model, result in {result.system.model: result for result in results}.items():
            if model in MODELS:
                yield f"- {sweep}, {MODELS[model]}: {settings(sweeps, result.system.classifier)}."


def fixed_options(store: Store, sweep: str) -> str:
    """What the grid and the command line fixed, and on which folds."""
    grid = read_yaml(store.file(f"sweeps/{sweep}", "grid.yaml"))
    options = [f"{option} {value}" for option, value in grid["fixed"].items()]
    folds = f"folds {', '.join(map(str, grid['folds']))} alone" if "folds" in grid else "all folds"
    return f"{', '.join(options)}; {folds}"


def settings(sweeps: SweepResults, classifier: str) -> str:
    system = sweeps.catalogue.classifier(classifier)
    assert system.autoencoder is not None
    config, autoencoder = system.config, system.autoencoder.config
    how = f"condition {config.condition}, latents {config.latents}, {autoencoder.latent_dim} of them"
    steps = (
        ("autoencoder", {**autoencoder.options, **autoencoder.training}),
        ("LSTM", {**config.options, **config.training}),
    )
    return "; ".join(
        [how, *(f"{step}: {', '.join(f'{key} {value}' for key, value in options.items())}" for step, options in steps)]
    )


if __name__ == "__main__":
    sys.exit(main())
