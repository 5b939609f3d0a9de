"""From a corpus folder to scores: the commands that make the products of a store."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import plugins
from ..config import assignments, plain
from ..errors import UsageError
from ..learning.options import TrainingConfig
from .app import app, given_by, guarded, print_json, print_outcome, run_as, terminal_width
from .options import (
    BatchSize,
    BinsOption,
    Classes,
    ClassifierKind,
    Condition,
    ConfigFile,
    Device,
    DryRun,
    Epochs,
    FitOn,
    Folds,
    FoldsFile,
    Frontend,
    Jobs,
    Json,
    Keep,
    Latents,
    LearningRate,
    MaxRejects,
    Name,
    NormaliseOption,
    Overwrite,
    PrecisionOption,
    ProtocolOption,
    Root,
    Seed,
    Set,
    ShiftMs,
    Source,
    StorePath,
    Subset,
    Target,
    TaskName,
    choices,
)


def _settings(package: str) -> str:
    """What --set knows of these plug-ins and of training, with the defaults."""
    known = {name: plugins.defaults(package, name) for name in plugins.names(package)}
    lists = [f"{name}: {', '.join(map('='.join, _as_typed(options)))}" for name, options in known.items()]
    return f"Options for --set and --config. {'; '.join(lists)}; training: {', '.join(plain(TrainingConfig()))}."


def _as_typed(options: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in options.items():
        yield key, ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


@app.command()
@guarded
def ingest(
    corpus: Annotated[
        Path, typer.Argument(metavar="CORPUS", help="The corpus as its makers ship it, or a table of it (CSV, TSV).")
    ],
    store: Annotated[Path, typer.Argument(metavar="STORE", help="The directory to make.")],
    kind: Annotated[
        str | None,
        typer.Option("--corpus", metavar="KIND", help=f"Which corpus it is: {choices('corpora')}. Default: guessed."),
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where a table's paths start. Default: the table's own folder."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Of the corpus; stands before its speakers' names. Default: the kind, or the folder's."
        ),
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option(
            metavar="LOW,HIGH",
            help="The scale of a table's valence, arousal and dominance, which are brought to 1 to 5. Default: 1,5.",
        ),
    ] = None,
    max_rejects: MaxRejects = 0.1,
    verify: Annotated[
        bool, typer.Option("--verify", help="Exit with 1 unless every count is that of the complete release.")
    ] = False,
    jobs: Jobs = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Read a corpus folder: who says what, in which emotion, in which file. Makes the store."""
    from ..stages import ingest as stage

    run = run_as(jobs, "cpu", overwrite, dry_run)
    limits = stage.parse_scale(scale) if scale else None
    print_outcome(stage.run(corpus, store, kind, root, name, max_rejects, verify, limits, run), as_json)


@app.command()
@guarded
def featurize(
    store: StorePath,
    frontend: Annotated[str, typer.Option(metavar="NAME", help=f"Which front end: {choices('frontends')}.")] = "logmel",
    settings: Set = None,
    name: Name = None,
    source: Source = None,
    root: Root = None,
    max_rejects: MaxRejects = 0.1,
    device: Device = "cpu",
    jobs: Jobs = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Compute the features of every utterance into the Zarr store, or bring in those that were made elsewhere."""
    from ..stages import featurize as stage

    run = run_as(jobs, device, overwrite, dry_run)
    options = stage.FeaturizeOptions(
        frontend=frontend,
        name=name,
        assignments=settings or (),
        source=source,
        sound_root=root,
        max_rejects=max_rejects,
    )
    print_outcome(stage.run(store, options, run), as_json)


@app.command()
@guarded
def combine(
    stores: Annotated[
        list[Path], typer.Argument(metavar="STORE STORE… NEW", help="The stores to combine, and last the one to make.")
    ],
    classes: Annotated[
        str | None,
        typer.Option(
            metavar="A,B=C+D,…",
            help="The labels that all are brought to; B=C+D merges two. Default: those that all stores have.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of the new store's corpus. Default: the names joined by +.")
    ] = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Combine several stores into one: labels brought to a common set, speakers kept apart, features copied."""
    from ..stages import combine as stage

    wanted = given_by({"classes": classes}).get("classes", [])
    run = run_as(None, "cpu", overwrite, dry_run)
    print_outcome(stage.run(stores[:-1], stores[-1], name, wanted, run), as_json)


@app.command()
@guarded
def folds(
    store: StorePath,
    task: TaskName = None,
    target: Target = None,
    classes: Classes = None,
    bins: BinsOption = None,
    subset: Subset = None,
    protocol: ProtocolOption = None,
    folds_file: FoldsFile = None,
    details: Annotated[
        bool, typer.Option("--details", help="A table: who is left out, who is dev, how many utterances.")
    ] = False,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Cut the corpus into folds, write the task, and print the folds' numbers (for bash loops)."""
    given = given_by(locals())
    from ..stages import folds as stage

    outcome, made = stage.run(store, given, run_as(None, "cpu", overwrite, dry_run))
    rows = stage.describe(made)
    if as_json:
        print_json({**outcome.as_json(), "classes": made.classes, "folds": rows})
    elif details:
        for row in [dict.fromkeys(rows[0]), *rows]:
            print("\t".join(str(key if value is None else value) for key, value in row.items()))
    else:
        print("\n".join(str(row["fold"]) for row in rows))


@app.command("train-ae", epilog=_settings("autoencoders"))
@guarded
def train_ae(
    store: StorePath,
    model: Annotated[
        str | None, typer.Option(metavar="MODEL", help=f"{choices('autoencoders')}. Default: vae.")
    ] = None,
    latent_dim: Annotated[int | None, typer.Option(help="Latents a segment. Default: 128.")] = None,
    task: TaskName = None,
    target: Target = None,
    classes: Classes = None,
    bins: BinsOption = None,
    subset: Subset = None,
    protocol: ProtocolOption = None,
    folds_file: FoldsFile = None,
    frontend: Frontend = None,
    segment_shift_ms: ShiftMs = None,
    normalise: NormaliseOption = None,
    fit_on: Annotated[
        FitOn | None, typer.Option(help="The task's training part, or all that its speakers say. Default: train.")
    ] = None,
    reconstruction_threshold: Annotated[
        float | None,
        typer.Option(
            metavar="MSE",
            help="Stop when the dev mean squared error per normalised feature falls under this. Default: off.",
        ),
    ] = None,
    fold: Folds = None,
    seed: Seed = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    lr: LearningRate = None,
    precision: PrecisionOption = None,
    config: ConfigFile = None,
    settings: Set = None,
    name: Name = None,
    device: Device = "auto",
    jobs: Jobs = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Fit an autoencoder on the 100 ms segments of each fold's training part."""
    given = given_by(locals())
    from ..stages import train_ae as stage

    print_outcome(stage.run(store, given, fold or [], run_as(jobs, device, overwrite, dry_run)), as_json)


@app.command()
@guarded
def encode(
    store: StorePath,
    ae: Annotated[str, typer.Option(metavar="NAME", help="The autoencoder, as `sercli train-ae` printed it.")],
    condition: Annotated[
        Condition | None,
        typer.Option(
            help="How a CVAE does without the test label; oracle uses it, for studying the paper only. Default: marginal."
        ),
    ] = None,
    fold: Folds = None,
    device: Device = "auto",
    jobs: Jobs = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Compute the latents of every utterance of the task with each fold's autoencoder."""
    from ..stages import encode as stage

    chosen = condition.value if condition else None
    print_outcome(stage.run(store, ae, chosen, fold or [], run_as(jobs, device, overwrite, dry_run)), as_json)


def _train_classifier(
    store: StorePath,
    classifier: ClassifierKind,
    autoencoder: Annotated[
        str,
        typer.Option(
            "--ae", metavar="NAME", help="The autoencoder whose latents are read, or none: the features themselves."
        ),
    ] = "none",
    condition: Annotated[Condition | None, typer.Option(help="Which latents of a CVAE. Default: marginal.")] = None,
    latents: Annotated[
        Latents | None, typer.Option(help="What of q(z|x) is read. Default: mean,std where there is a std.")
    ] = None,
    task: TaskName = None,
    target: Target = None,
    classes: Classes = None,
    bins: BinsOption = None,
    subset: Subset = None,
    protocol: ProtocolOption = None,
    folds_file: FoldsFile = None,
    frontend: Frontend = None,
    segment_shift_ms: ShiftMs = None,
    normalise: NormaliseOption = None,
    fold: Folds = None,
    seed: Seed = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    lr: LearningRate = None,
    precision: PrecisionOption = None,
    config: ConfigFile = None,
    settings: Set = None,
    name: Name = None,
    device: Device = "auto",
    jobs: Jobs = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    given = given_by(locals())
    from ..stages import train_classifier as stage

    print_outcome(stage.run(store, given, fold or [], run_as(jobs, device, overwrite, dry_run)), as_json)


def _train_lstm(*args: Any, **kwargs: Any) -> None:
    _train_classifier(*args, **{**kwargs, "classifier": "lstm"})


_signature = inspect.signature(_train_classifier)
_train_lstm.__signature__ = _signature.replace(  # type: ignore[attr-defined]
    parameters=[one for one in _signature.parameters.values() if one.name != "classifier"]
)
_train_lstm.__annotations__ = {k: v for k, v in _train_classifier.__annotations__.items() if k != "classifier"}
_classifier_settings = _settings("classifiers")
app.command(
    "train-lstm", help="Fit the two-layer LSTM: train-classifier --classifier lstm.", epilog=_classifier_settings
)(guarded(_train_lstm))
app.command(
    "train-classifier",
    help="Fit a classifier on the latents, or the features, of each fold's training part.",
    epilog=_classifier_settings,
)(guarded(_train_classifier))


@app.command()
@guarded
def evaluate(
    store: StorePath,
    classifier: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this classifier (repeatable). Default: all.")
    ] = None,
    elsewhere: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="OTHER:CLASSIFIER",
            help="Score, on this corpus, a classifier of another store instead, over the classes both have (repeatable).",
        ),
    ] = None,
    device: Device = "auto",
    jobs: Jobs = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Score the classifiers on the speakers they never saw: WA, UA, F1 with intervals, beside chance."""
    if classifier and elsewhere:
        raise UsageError("--classifier names one of this store, --with one of another; leave one out")
    run = run_as(jobs, device, overwrite, dry_run)
    if elsewhere:
        from ..stages import cross_corpus

        found = cross_corpus.run(store, elsewhere, run)
    else:
        from ..stages import evaluate as stage

        found = stage.run(store, classifier or [], run)
    if dry_run:
        print_outcome(found.outcome, as_json)
    elif as_json:
        print_json({"results": found.results, **({} if elsewhere else {"groups": found.groups})})
    else:
        from ..report.tables import by_corpus, elsewhere_table, score_tables

        width = terminal_width()
        print(elsewhere_table(found.results, width) if elsewhere else score_tables(found.groups, width))
        for line in [] if elsewhere else by_corpus(found.results):
            print(line)


@app.command()
@guarded
def compare(
    store: StorePath,
    first: Annotated[str, typer.Argument(metavar="A", help="A classifier that `sercli evaluate` has scored.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Another, tested on the same utterances.")],
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Compare two classifiers, utterance by utterance: differences with intervals, McNemar's exact test."""
    from ..stages import compare as stage

    outcome, found = stage.run(store, first, second, run_as(None, "cpu", overwrite, dry_run))
    if dry_run:
        print_outcome(outcome, as_json)
    elif as_json:
        print_json({**outcome.as_json(), **found})
    else:
        from ..report.tables import comparison_table

        print(comparison_table(found, terminal_width()))


@app.command()
@guarded
def sweep(
    store: StorePath,
    grid: Annotated[
        Path,
        typer.Argument(
            metavar="GRID.yaml",
            help="`name`, `fixed` (options) and `axes` (options with lists of values, or named settings).",
        ),
    ],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of the sweep. Default: what the grid says, or its file name.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Over what the grid fixes, or instead of an axis; a list is the axis anew: seed=[0,1] (repeatable).",
        ),
    ] = None,
    fold: Folds = None,
    keep: Annotated[
        Keep | None,
        typer.Option(
            help="Keep the latents. Default: a point's latents go once its predictions are there; they are not stale."
        ),
    ] = None,
    device: Device = "auto",
    jobs: Jobs = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Run every point of a grid, from features to scores; what points share is made once. Tables and a figure come of it."""
    from ..experiments.grids import read_grid
    from ..stages import sweep as stage

    asked = read_grid(grid, name, assignments(settings or []), fold or [])
    print_outcome(stage.run(store, asked, keep is not None, run_as(jobs, device, overwrite, dry_run)), as_json)
