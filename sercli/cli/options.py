"""The options that several commands share: one name and one help text for one idea."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .. import plugins


def choices(package: str) -> str:
    """The plug-ins of a kind, for a help text."""
    return ", ".join(plugins.names(package))


class Precision(StrEnum):
    float32 = "float32"
    bfloat16 = "bfloat16"


class Normalise(StrEnum):
    train = "train"
    speaker = "speaker"
    utterance = "utterance"


class Protocol(StrEnum):
    speaker = "leave-one-speaker-out"
    session = "leave-one-session-out"
    corpus = "leave-one-corpus-out"
    speakers = "speaker-10-fold"
    random = "random-10-fold"
    file = "file"
    shared = "speaker-dependent-file"


class TargetKind(StrEnum):
    emotion = "emotion"
    arousal = "arousal"
    power = "power"
    valence = "valence"


class Bins(StrEnum):
    paper = "paper"
    tian = "tian"


class FitOn(StrEnum):
    train = "train"
    all = "all"


class Condition(StrEnum):
    marginal = "marginal"
    posterior = "posterior"
    oracle = "oracle"


class Latents(StrEnum):
    mean_std = "mean,std"
    mean = "mean"
    sample = "sample"


class FileFormat(StrEnum):
    kaldi = "kaldi"
    csv = "csv"
    parquet = "parquet"


class Keep(StrEnum):
    latents = "latents"


StorePath = Annotated[Path, typer.Argument(metavar="STORE", help="The store: the directory that `sercli ingest` made.")]
TaskName = Annotated[
    str | None,
    typer.Option("--task", metavar="NAME", help="A task by name: one that exists, or a name for the one defined here."),
]
Target = Annotated[
    TargetKind | None,
    typer.Option(help="What is recognised: emotion, or the level of a dimension. Default: the corpus's."),
]
BinsOption = Annotated[
    Bins | None,
    typer.Option(
        "--bins", help="Where a dimension is cut: mid is exactly 3 (paper), or from 2.5 to 3.5 (tian). Default: paper."
    ),
]
Subset = Annotated[
    str | None,
    typer.Option(metavar="STYLE", help="Only what is said in this style (improvised, scripted, …). Default: complete."),
]
FoldsFile = Annotated[
    Path | None,
    typer.Option(
        "--folds-file",
        metavar="FOLDS.tsv",
        help="Somebody else's folds: utt_id and fold, or utt_id and fold-1 to fold-K (train, dev, test). Implies --protocol file.",
    ),
]
Classes = Annotated[
    str | None,
    typer.Option(
        metavar="A,B=C+D,…", help="Which labels, in which order; B=C+D merges two. Default: the corpus's own, or all."
    ),
]
ProtocolOption = Annotated[
    Protocol | None, typer.Option(help="How the corpus is cut into folds. Default: the corpus's.")
]
Frontend = Annotated[
    str | None, typer.Option(metavar="NAME", help="Which features, as `sercli featurize` named them. Default: logmel.")
]
ShiftMs = Annotated[
    float | None,
    typer.Option(
        "--segment-shift-ms", metavar="MS", help="From one 100 ms segment to the next. Default: 100, no overlap."
    ),
]
NormaliseOption = Annotated[
    Normalise | None,
    typer.Option(
        help="Mean and std of each feature over the fold's training part, each speaker, or each utterance. Default: train."
    ),
]
Folds = Annotated[
    list[int] | None, typer.Option("--fold", metavar="K", help="Only this fold (repeatable). Default: all.")
]
Seed = Annotated[int | None, typer.Option(min=0, help="Decides initial weights, order and noise; never the folds.")]
Epochs = Annotated[int | None, typer.Option(min=1, help="At most so many. Default: 20.")]
BatchSize = Annotated[int | None, typer.Option(min=1, help="Segments (autoencoder) or utterances (classifier) a step.")]
LearningRate = Annotated[float | None, typer.Option("--lr", help="Adam's step size. Default: 0.001.")]
PrecisionOption = Annotated[
    Precision | None, typer.Option(help="Of the matrix products; std and KL stay float32. Default: float32.")
]
ConfigFile = Annotated[
    list[Path] | None,
    typer.Option(
        "--config", metavar="FILE", help="Options from a YAML file (repeatable: later files win, flags win over all)."
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="An option of the model or its training (repeatable): beta=0.5."),
]
Name = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Name of the product. Default: made from all options that differ from the default."
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N, mps, or several GPUs: cuda:0,cuda:1.")]
Jobs = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Workers at once. Default: one a core (one on a GPU).")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Make it again even if it is up to date.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be made, what is reused, what is stale.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
MaxRejects = Annotated[
    float,
    typer.Option(
        min=0,
        metavar="N",
        help="How many recordings may be set aside before the exit code is 1: a share below 1, or a count.",
    ),
]
Source = Annotated[
    Path | None,
    typer.Option(
        "--from",
        metavar="PATH",
        help="For --frontend imported: where the features are, a folder of <utt_id>.npy or *.ark, or a Kaldi archive.",
    ),
]
Root = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Where the sound files lie, if not where the store says.")
]
ClassifierKind = Annotated[str, typer.Option("--classifier", metavar="KIND", help=f"{choices('classifiers')}.")]
