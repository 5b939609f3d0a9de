"""What was made, looked at and used: the commands that show a store, and label new audio."""

from pathlib import Path
from typing import Annotated

import typer

from .app import app, guarded, print_json, print_outcome, run_as, terminal_width
from .options import (
    Condition,
    Device,
    DryRun,
    FileFormat,
    Folds,
    Frontend,
    Jobs,
    Json,
    Overwrite,
    Root,
    StorePath,
)


@app.command()
@guarded
def info(store: StorePath, as_json: Json = False) -> None:
    """What is in a store, how big, what is stale or missing, and the next command to type."""
    from ..report.overviews import info_text
    from ..stages import info as stage

    found = stage.run(store)
    if as_json:
        print_json(found)
    else:
        print(info_text(found, terminal_width()))


@app.command()
@guarded
def report(
    store: StorePath,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE.html", help="Where it goes. Default: report.html in the store."),
    ] = None,
    jobs: Jobs = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Write one self-contained HTML page: scores, confusions, training, what the latents keep, and what made it all."""
    from ..stages import report as stage

    print_outcome(stage.run(store, output, run_as(jobs, "cpu", overwrite, dry_run)), as_json)


@app.command()
@guarded
def export(
    store: StorePath,
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The folder to make.")],
    classifier: Annotated[str, typer.Option(metavar="NAME", help="The classifier, as `sercli evaluate` names it.")],
    fold: Annotated[
        int | None,
        typer.Option("--fold", metavar="K", help="The models of this fold. Default: new ones, fitted on all speakers."),
    ] = None,
    device: Device = "auto",
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Bundle a classifier with all that it needs to label new audio, and a card with its scores."""
    from ..stages import export as stage

    print_outcome(stage.run(store, classifier, bundle, fold, run_as(None, device, overwrite, dry_run)), as_json)


@app.command("export-features")
@guarded
def export_features(
    store: StorePath,
    output: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to make, outside the store.")],
    file_format: Annotated[
        FileFormat,
        typer.Option("--format", help="kaldi: data directories and archives; csv and parquet: one row per frame."),
    ],
    frontend: Frontend = None,
    ae: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Instead of features: the latents of this autoencoder, a folder a fold."),
    ] = None,
    condition: Annotated[Condition | None, typer.Option(help="Which latents of a CVAE. Default: marginal.")] = None,
    classifier: Annotated[
        str | None, typer.Option(metavar="NAME", help="Instead of features: the posteriors of this classifier.")
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Instead of features: the folds of this task, who is train, dev and test."),
    ] = None,
    fold: Folds = None,
    root: Root = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Write features, latents, posteriors or folds for other programs: Kaldi, CSV or Parquet."""
    from ..stages import export_features as stage

    options = stage.ExportFeaturesOptions(
        file_format=file_format.value,
        frontend=frontend,
        autoencoder=ae,
        condition=condition.value if condition else None,
        classifier=classifier,
        task=task,
        folds=fold or [],
        root=root,
    )
    print_outcome(stage.run(store, output, options, run_as(None, "cpu", overwrite, dry_run)), as_json)


@app.command()
@guarded
def predict(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The folder that `sercli export` made.")],
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE|FOLDER…", help="Sound files, folders of them, or -: paths from standard input."),
    ] = None,
    nul: Annotated[
        bool, typer.Option("-0", "--nul", help="Paths from standard input end with NUL, as of `find -print0`.")
    ] = False,
    stdin_audio: Annotated[bool, typer.Option("--stdin-audio", help="Standard input is one sound file.")] = False,
    window: Annotated[
        float | None, typer.Option(metavar="S", help="Follow emotion through each file, in windows of so many seconds.")
    ] = None,
    shift: Annotated[
        float | None, typer.Option(metavar="S", help="From one window to the next (s). Default: a whole window.")
    ] = None,
    device: Device = "cpu",
    jobs: Jobs = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, a line a row.")] = False,
) -> None:
    """Label new recordings: emotion and posteriors of each file as TSV or JSON lines, in the order given."""
    from ..stages import predict as stage

    options = stage.PredictOptions(
        paths=paths or [], nul=nul, stdin_audio=stdin_audio, window=window, shift=shift, as_json=as_json
    )
    stage.run(bundle, options, run_as(jobs, device))


@app.command()
@guarded
def corpora(
    corpus: Annotated[
        str | None, typer.Argument(metavar="KIND", help="One of them, with all that its card says. Default: a list.")
    ] = None,
    as_json: Json = False,
) -> None:
    """The corpora that `sercli ingest` reads: size, speakers, labels, licence, and where to ask for them."""
    from ..report.overviews import card_text, corpora_table
    from ..stages import corpora as stage

    found = stage.run(corpus)
    if as_json:
        print_json(found)
    else:
        print(card_text(found[0]) if corpus else corpora_table(found, terminal_width()))


@app.command()
@guarded
def doctor(as_json: Json = False) -> None:
    """What this machine has: cores, memory, disk, devices, versions; and what of it can be used."""
    from ..stages import doctor as stage

    machine = stage.run()
    if as_json:
        print_json(machine.as_json())
    else:
        print(machine.text(terminal_width()))
