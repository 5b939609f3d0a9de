"""Option groups: what several commands share is declared once, here. A command inherits the groups it takes.

A field of a group is an option; its flag is the name of the field unless one is given. `panel` is the heading under which
`--help` lists the fields of a class ("Options" without one). `defaults` are read from the dataclasses that own them, never
typed here; a text of `show_default` says how a default is found that depends on the store or the machine.
"""

import inspect
import re
from dataclasses import dataclass, field, fields, make_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args, get_type_hints

import typer

from .. import plugins
from ..config import assignments, read_yaml
from ..learning.options import FLAGS, Normalise, TrainingConfig
from ..tasks.protocols import ProtocolName
from ..tasks.task import Bins, Target, Task
from .output import print_json

if TYPE_CHECKING:
    from ..experiments.making import Outcome, Settings

T = TypeVar("T")
PANELS = ("Arguments", "Task", "Model", "Training", "Options", "Values of --set", "Execution", "Output")
_REQUEST = ("Task", "Model", "Training")  # options of these panels, and the name, say what to make; the others say how

StorePath = Annotated[Path, typer.Argument(metavar="STORE", help="A store: the directory that `sercli ingest` made.")]
Device = Annotated[
    str, typer.Option(metavar="DEVICE", help="auto, cpu, cuda, cuda:N, mps, or several GPUs: cuda:0,cuda:1.")
]


def choices(package: str) -> str:
    """The plug-ins of a kind, for a help text."""
    return ", ".join(plugins.names(package))


@dataclass(kw_only=True)
class Options:
    """Options of a command or a group of them."""

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """The defaults that help prints, by option."""
        return {}

    @classmethod
    def panels(cls) -> dict[str, str]:
        """The panel of each option: that of the class that declares it first. In the order of the help: own options first."""
        panels = [(vars(group).get("panel", "Options"), inspect.get_annotations(group)) for group in cls.__mro__]
        return {name: panel for panel, options in panels for name in options}

    @classmethod
    def more_help(cls) -> dict[str, list[tuple[str, str]]]:
        """Further panels of the help: rows of two columns."""
        return {}

    def requested(self) -> dict[str, Any]:
        """The options that say what to make, by name. Of the same option flags win over --set, --set wins over files."""
        values = self.from_files()
        names = [name for name, panel in self.panels().items() if panel in _REQUEST or name == "name"]
        values |= {name: value for name in names if (value := getattr(self, name)) is not None}
        if isinstance(values.get("classes"), str):
            values["classes"] = split_classes(values["classes"])
        return values

    def from_files(self) -> dict[str, Any]:
        """Options of --config and --set, where a command has these."""
        return {}

    def fill(self, cls: type[T], **values: Any) -> T:
        """A dataclass of options from `values` and from the options of the same names. What is not given keeps its default."""
        names = [option.name for option in fields(cls)]  # type: ignore[arg-type]
        given = {name: getattr(self, name) for name in names if getattr(self, name, None) is not None}
        return cls(**{**given, **values})

    def settings(self) -> "Settings":
        """How the command runs; on the CPU if it has no --device."""
        from ..experiments.making import Settings

        return self.fill(Settings, device=getattr(self, "device", "cpu"))

    def run(self) -> None:
        """Call the stage of this command and print what it made."""
        raise NotImplementedError


def split_classes(text: str) -> list[str]:
    """Labels as typed, without blanks around the signs.

    >>> split_classes("anger, calm = neutral + sadness")
    ['anger', 'calm=neutral+sadness']
    """
    return [re.sub(r"\s*([=+])\s*", r"\1", label.strip()) for label in text.split(",")]


@dataclass(kw_only=True)
class TaskOptions(Options):
    """What is recognised, in which utterances, under which protocol."""

    panel = "Task"
    task: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="An existing task, or a name for the one that these options define."),
    ] = None
    target: Annotated[
        Target | None,
        typer.Option(
            help="What to recognise: emotion, or the level of a dimension.", show_default="that of the corpus"
        ),
    ] = None
    classes: Annotated[
        str | None,
        typer.Option(
            metavar="A,B=C+D,…",
            help="Class labels in the order of the scores; B=C+D merges two labels into B.",
            show_default="those of the corpus, or all labels",
        ),
    ] = None
    bins: Annotated[
        Bins | None,
        typer.Option(
            help="Limits of the middle level of a dimension: exactly 3 (paper), or 2.5 to 3.5 (tian).",
            show_default=f"{Task(target='valence').bins} for a dimension",
        ),
    ] = None
    subset: Annotated[
        str | None,
        typer.Option(metavar="STYLE", help="Only utterances of this style (improvised, scripted, …), or complete."),
    ] = None
    protocol: Annotated[
        ProtocolName | None,
        typer.Option(
            metavar="PROTOCOL",
            help=f"How the corpus is cut into folds: {', '.join(get_args(ProtocolName))}.",
            show_default="that of the corpus",
        ),
    ] = None
    folds_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDS.tsv",
            help="Published folds: columns utt_id and fold, or utt_id and fold-1 to fold-K with train, dev or test. "
            "Implies --protocol file.",
        ),
    ] = None

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        return {**super().defaults(), "subset": Task.subset}


@dataclass(kw_only=True)
class FeatureOptions(Options):
    """Which features are read, in which segments, normalised how."""

    panel = "Model"
    frontend: Annotated[
        str | None, typer.Option(metavar="NAME", help="Features, by the name that `sercli featurize` gave them.")
    ] = None
    segment_shift_ms: Annotated[
        float | None,
        typer.Option(metavar="MS", help="Distance between the starts of segments, which are 100 ms long."),
    ] = None
    normalise: Annotated[
        Normalise | None,
        typer.Option(
            help="Mean and standard deviation of each feature over the training part of the fold, each speaker, "
            "or each utterance."
        ),
    ] = None


@dataclass(kw_only=True)
class NameOption(Options):
    """The name of what is made."""

    panel = "Output"
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Name of the product.", show_default="from all options that differ from their default"
        ),
    ] = None


@dataclass(kw_only=True)
class SetOption(Options):
    """Options of a plug-in."""

    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set an option that has no flag of its own (repeatable)."),
    ] = None

    def from_files(self) -> dict[str, Any]:
        return assignments(self.assignments or [])

    @classmethod
    def values_of_set(cls) -> dict[str, dict[str, str]]:
        """What --set knows: for each plug-in, and for training, the options with their defaults."""
        return {}

    @classmethod
    def more_help(cls) -> dict[str, list[tuple[str, str]]]:
        values = cls.values_of_set()
        return {"Values of --set": [(name, ", ".join(map("=".join, words.items()))) for name, words in values.items()]}


@dataclass(kw_only=True)
class FileOptions(SetOption):
    """Options of a plug-in and of training, also from files."""

    config: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="Read options from a YAML file (repeatable). Later files win, flags win over all."
        ),
    ] = None

    def from_files(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for path in self.config or []:
            values |= read_yaml(path)
        return values | super().from_files()


def flags_of_training(group: type[T]) -> type[T]:
    """Add one option to a group for each option of training that has a help text; see `learning/options.py`."""
    hints = get_type_hints(TrainingConfig)
    options = [
        (name, Annotated[hints[name] | None, typer.Option(help=text)], field(default=None))
        for name, text in FLAGS.items()
    ]
    return make_dataclass(
        group.__name__, options, bases=(group,), namespace={"panel": vars(group)["panel"]}, kw_only=True
    )


@flags_of_training
@dataclass(kw_only=True)
class TrainingOptions(Options):
    """How a model is trained."""

    panel = "Training"
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Random seed of weights, batches and noise; the folds do not depend on it."),
    ] = None


@dataclass(kw_only=True)
class JsonOption(Options):
    """How the result is printed."""

    panel = "Output"
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False


@dataclass(kw_only=True)
class MakeOptions(JsonOption):
    """Whether products are made, and made again."""

    panel = "Execution"
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Make everything again, even what is up to date.")] = (
        False
    )
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print what would be made, what is stale and what is reused.")
    ] = False

    def print_outcome(self, outcome: "Outcome") -> None:
        """Print the name of the product, or as JSON everything that was made and reused."""
        if self.as_json:
            print_json(outcome.as_json())
        else:
            print(outcome.product)


@dataclass(kw_only=True)
class JobsOption(Options):
    """How much runs in parallel."""

    panel = "Execution"
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Number of parallel workers.", show_default="one per CPU core, or one per GPU"
        ),
    ] = None


@dataclass(kw_only=True)
class WorkOptions(JobsOption, MakeOptions):
    """How units of work run."""

    panel = "Execution"
    executor: Annotated[
        str, typer.Option(metavar="NAME", help=f"Where the units of work run: {choices('executors')}.")
    ] = "local"


@dataclass(kw_only=True)
class DeviceOption(Options):
    """Where models and front ends compute."""

    panel = "Execution"
    device: Device = "auto"


@dataclass(kw_only=True)
class FoldOption(Options):
    """Which folds."""

    panel = "Execution"
    folds: Annotated[
        list[int] | None,
        typer.Option("--fold", metavar="K", help="Only this fold (repeatable).", show_default="all folds"),
    ] = None


@dataclass(kw_only=True)
class RejectOption(Options):
    """How many recordings may be skipped."""

    max_rejects: Annotated[
        float,
        typer.Option(
            min=0, metavar="N", help="Exit with 1 if more recordings are skipped: a share below 1, or a count."
        ),
    ] = 0.1


@dataclass(kw_only=True)
class RootOption(Options):
    """Where the sound is, if the corpus was moved."""

    root: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where the sound files are now.", show_default="where they were at ingest"),
    ] = None
