"""The commands: parse, call one stage, print. What a command made goes to stdout, talk to stderr."""

import functools
import inspect
import io
import json
import os
import re
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from . import __version__, plugins
from .config import TrainingConfig, assignments, plain, read_yaml
from .errors import SercliError, UsageError
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
    StorePath,
    Subset,
    Target,
    TaskName,
    choices,
)
from .progress import say

# Parameters that say where and how, not what.
_HOW = {"store", "config", "settings", "fold", "details", "device", "jobs", "overwrite", "dry_run", "as_json"}
_BLANKS = re.compile(r"\s*([=+])\s*")  # around the signs of --classes "happiness = happiness + excited"

app = typer.Typer(
    name="sercli",
    help="From a folder of emotional speech to honest, reproducible emotion-recognition scores, one command a step.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _settings(package: str) -> str:
    """What --set knows of these plug-ins and of training, with the defaults."""
    known = {name: plugins.declared(package, name, "Config") for name in plugins.names(package)}
    lists = [f"{name}: {', '.join(map('='.join, _as_typed(options)))}" for name, options in known.items()]
    return f"Options for --set and --config. {'; '.join(lists)}; training: {', '.join(plain(TrainingConfig()))}."


def _as_typed(options: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in options.items():
        yield key, ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _command(function: Callable[..., None]) -> Callable[..., None]:
    """Errors become one line and an exit code: 1 the user can fix it, 2 wrong usage, 130 interrupted; a closed pipe ends quietly."""

    @functools.wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> None:
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            function(*args, **kwargs)
            sys.stdout.flush()
        except BrokenPipeError:
            _leave(0)
        except SercliError as error:
            _leave(2 if isinstance(error, UsageError) else 1, f"sercli: {error}")
        except OSError as error:
            where = error.filename or kwargs["store"]
            cure = "free space or mend permissions, then run the same command again"
            _leave(1, f"sercli: {where}: {error.strerror or error}; {cure}")
        except KeyboardInterrupt:
            _leave(130, "sercli: interrupted; what was finished is kept, run the same command again to go on")

    return guarded


def _leave(code: int, line: str | None = None) -> None:
    """End at once: threads that are still busy end with this process."""
    try:
        if line:
            say(line)
        sys.stdout.flush()
    except OSError:  # nobody reads any more; without this the interpreter would say so at its end
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(nowhere, stream.fileno())
    if all(thread.daemon or thread is threading.main_thread() for thread in threading.enumerate()):
        sys.exit(code)
    os._exit(code)


def _print(outcome: Any, as_json: bool) -> None:
    if as_json:
        _print_json(outcome.as_json())
    else:
        print(outcome.product)


def _print_json(value: Any) -> None:
    """Bytes of a path that are no text come out as JSON's own escapes."""
    print(json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace").decode())


def _given(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What a command was asked, in the order in which the later win: files, --set, flags."""
    values: dict[str, Any] = {}
    for file in parameters.get("config") or []:
        values |= read_yaml(file)
    values |= assignments(parameters.get("settings") or [])
    for key, value in parameters.items():
        if value is not None and key not in _HOW:
            values[key] = value.value if isinstance(value, StrEnum) else value
    if isinstance(values.get("classes"), str):
        values["classes"] = [_BLANKS.sub(r"\1", label.strip()) for label in values["classes"].split(",")]
    return values


def _run(jobs: int | None = None, device: str = "auto", overwrite: bool = False, dry_run: bool = False) -> Any:
    from .stages import Run

    return Run(jobs, device, overwrite, dry_run)


@app.callback(invoke_without_command=True)
def _main(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller: `>&-`
            setattr(sys, name, io.StringIO())
    if version:
        print(f"sercli {__version__}")
        raise typer.Exit


@app.command()
@_command
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
    from .stages import ingest as stage

    run = _run(jobs, "cpu", overwrite, dry_run)
    _print(stage.run(corpus, store, kind, root, name, max_rejects, verify, run), as_json)


@app.command()
@_command
def featurize(
    store: StorePath,
    frontend: Annotated[str, typer.Option(metavar="NAME", help=f"Which front end: {choices('frontends')}.")] = "logmel",
    settings: Set = None,
    name: Name = None,
    root: Root = None,
    max_rejects: MaxRejects = 0.1,
    device: Device = "cpu",
    jobs: Jobs = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Compute the features of every utterance into the Zarr store."""
    from .stages import featurize as stage

    run = _run(jobs, device, overwrite, dry_run)
    _print(stage.run(store, frontend, name, settings or [], root, max_rejects, run), as_json)


@app.command()
@_command
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
    given = _given(locals())
    from .stages import folds as stage

    outcome, made = stage.run(store, given, _run(None, "cpu", overwrite, dry_run))
    rows = stage.describe(made)
    if as_json:
        _print_json({**outcome.as_json(), "classes": made.classes, "folds": rows})
    elif details:
        for row in [dict.fromkeys(rows[0]), *rows]:
            print("\t".join(str(key if value is None else value) for key, value in row.items()))
    else:
        print("\n".join(str(row["fold"]) for row in rows))


@app.command("train-ae", epilog=_settings("autoencoders"))
@_command
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
    given = _given(locals())
    from .stages import train_ae as stage

    _print(stage.run(store, given, fold or [], _run(jobs, device, overwrite, dry_run)), as_json)


@app.command()
@_command
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
    from .stages import encode as stage

    chosen = condition.value if condition else None
    _print(stage.run(store, ae, chosen, fold or [], _run(jobs, device, overwrite, dry_run)), as_json)


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
    given = _given(locals())
    from .stages import train_classifier as stage

    _print(stage.run(store, given, fold or [], _run(jobs, device, overwrite, dry_run)), as_json)


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
)(_command(_train_lstm))
app.command(
    "train-classifier",
    help="Fit a classifier on the latents, or the features, of each fold's training part.",
    epilog=_classifier_settings,
)(_command(_train_classifier))


@app.command()
@_command
def evaluate(
    store: StorePath,
    classifier: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this classifier (repeatable). Default: all.")
    ] = None,
    device: Device = "auto",
    jobs: Jobs = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Score the classifiers on the speakers they never saw: WA, UA, F1 with intervals, beside chance."""
    from .stages import evaluate as stage

    found = stage.run(store, classifier or [], _run(jobs, device, overwrite, dry_run))
    if dry_run:
        _print(found.outcome, as_json)
    elif as_json:
        _print_json({"results": found.results, "groups": found.groups})
    else:
        from .report.tables import score_tables

        print(score_tables(found.groups, _width()))


@app.command()
@_command
def compare(
    store: StorePath,
    first: Annotated[str, typer.Argument(metavar="A", help="A classifier that `sercli evaluate` has scored.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Another, tested on the same utterances.")],
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Compare two classifiers, utterance by utterance: differences with intervals, McNemar's exact test."""
    from .stages import compare as stage

    outcome, found = stage.run(store, first, second, _run(None, "cpu", overwrite, dry_run))
    if dry_run:
        _print(outcome, as_json)
    elif as_json:
        _print_json({**outcome.as_json(), **found})
    else:
        from .report.tables import comparison_table

        print(comparison_table(found, _width()))


def _width() -> int | None:
    """Columns of the terminal; None where stdout is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


@app.command()
@_command
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
    from .grids import read_grid
    from .stages import sweep as stage

    asked = read_grid(grid, name, assignments(settings or []), fold or [])
    _print(stage.run(store, asked, keep is not None, _run(jobs, device, overwrite, dry_run)), as_json)
