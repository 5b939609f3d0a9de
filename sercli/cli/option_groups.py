"""Option groups: what several commands share is declared once, here. A command inherits the groups it takes.

A field of a group is an option; its flag is the name of the field unless one is given. `panel` is the heading under which
`--help` lists the fields of a class ("Options" without one). `defaults` are read from the dataclasses that own them, never
typed here; a text of `show_default` says how a default is found that depends on the store or the machine.
"""

import inspect
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from typer import Argument, Option

from .. import plugins
from ..config import assignments, read_yaml
from ..learning.options import Normalise, Precision, Refit
from ..tasks.protocols import ProtocolName
from ..tasks.task import Bins, Target, Task
from .output import print_json

if TYPE_CHECKING:
    from ..experiments.making import Outcome, Settings

T = TypeVar("T")
PANELS = ("Arguments", "Task", "Model", "Training", "Options", "Values of --set", "Execution", "Output")
_REQUEST = ("Task", "Model", "Training")  # options of these panels, and the name, say what to make; the others say how

STORE = Argument(..., metavar="STORE", help="A store: the directory that `sercli ingest` made.")


def option(text: str, *flags: str, unset: str | None = None, **settings: Any) -> Any:
    """An option that is None unless the user gives it. `unset` is the default to print if no dataclass owns one."""
    return Option(None, *flags, help=text, show_default=unset or True, **settings)


def device_option(default: str) -> Any:
    """`--device`, whose default depends on the command."""
    return Option(default, metavar="DEVICE", help="auto, cpu, cuda, cuda:N, mps, or several GPUs: cuda:0,cuda:1.")


def choices(package: str) -> str:
    """The plug-ins of a kind, for a help text."""
    return ", ".join(plugins.names(package))


class OptionGroup:
    """Options of a command or a group of them; a subclass is a dataclass without being told."""

    def __init_subclass__(cls) -> None:
        dataclass(kw_only=True, repr=False, eq=False)(cls)

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
    def values_of_set(cls) -> dict[str, dict[str, str]]:
        """What --set knows: for each plug-in, and for training, the options with their defaults."""
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


class TaskOptions(OptionGroup):
    """What is recognised, in which utterances, under which protocol."""

    panel = "Task"
    task: str | None = option("An existing task, or a name for the one that these options define.", metavar="NAME")
    target: Target | None = option(
        "What to recognise: emotion, or the level of a dimension.", unset="that of the corpus"
    )
    classes: str | None = option(
        "Class labels in the order of the scores; B=C+D merges two labels into B.",
        metavar="A,B=C+D,…",
        unset="those of the corpus, or all labels",
    )
    bins: Bins | None = option(
        "Limits of the middle level of a dimension: exactly 3 (paper), or 2.5 to 3.5 (tian).",
        unset=f"{Task(target='valence').bins} for a dimension",
    )
    subset: str | None = option(
        "Only utterances of this style (improvised, scripted, …), or complete.", metavar="STYLE"
    )
    protocol: ProtocolName | None = option(
        f"How the corpus is cut into folds: {', '.join(get_args(ProtocolName))}.",
        metavar="PROTOCOL",
        unset="that of the corpus",
    )
    folds_file: Path | None = option(
        "Published folds: columns utt_id and fold, or utt_id and fold-1 to fold-K. Implies --protocol file.",
        metavar="FOLDS.tsv",
    )
    apart: list[str] | None = option(
        "Leave out of train and dev what shares the value of this column with a test utterance, such as sentence or text (repeatable). "
        "If most of a training part would go, each fold is divided by the values of its test part.",
        metavar="COLUMN",
        unset="nothing is left out",
    )
    train_speakers: int | None = option(
        "Train on so many speakers of each training part only.", metavar="N", min=1, unset="all"
    )
    train_share: float | None = option(
        "Train on this share of the utterances of each class only.", metavar="SHARE", unset="all"
    )
    train_seed: int | None = option("Random seed of the choice of these speakers or utterances.", min=0)

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        return {**super().defaults(), "subset": Task.subset, "train_seed": Task.train_seed}


class InputOptions(OptionGroup):
    """Which features are read, in which segments, normalised how."""

    panel = "Model"
    frontend: str | None = option("Features, by the name that `sercli featurize` gave them.", metavar="NAME")
    segment_shift_ms: float | None = option(
        "Distance between the starts of segments, which are 100 ms long.", metavar="MS"
    )
    normalise: Normalise | None = option(
        "Mean and deviation of features over the training part, each speaker, or each utterance."
    )


class NameOption(OptionGroup):
    """The name of what is made."""

    panel = "Output"
    name: str | None = option(
        "Name of the product.", metavar="NAME", unset="from all options that differ from their default"
    )


class SetOption(OptionGroup):
    """Options of a plug-in."""

    assignments: list[str] | None = option(
        "Set an option that has no flag of its own (repeatable).", "--set", metavar="KEY=VALUE"
    )

    def from_files(self) -> dict[str, Any]:
        return assignments(self.assignments or [])


class FileOptions(SetOption):
    """Options of a plug-in and of training, also from files."""

    config: list[Path] | None = option(
        "Read options from a YAML file (repeatable). Later files win, flags win over all.", metavar="FILE"
    )

    def from_files(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for path in self.config or []:
            values |= read_yaml(path)
        return values | super().from_files()


class TrainingOptions(OptionGroup):
    """How a model is trained: the options of `TrainingConfig` that have a flag of their own."""

    panel = "Training"
    epochs: int | None = option("Maximum number of epochs; training may stop earlier.")
    batch_size: int | None = option("Segments (autoencoder) or utterances (classifier) per step.")
    lr: float | None = option("Step size of Adam.")
    precision: Precision | None = option("Precision of matrix products; standard deviations and KL stay float32.")
    refit: Refit | None = option(
        "train+dev: after dev has chosen the number of epochs, fit once more on both for so many."
    )
    seed: int | None = option("Random seed of weights, batches and noise; the folds do not depend on it.", min=0)


class JsonOption(OptionGroup):
    """How the result is printed."""

    panel = "Output"
    as_json: bool = Option(False, "--json", help="Print JSON.")


class MakeOptions(JsonOption):
    """Whether products are made, and made again."""

    panel = "Execution"
    overwrite: bool = Option(False, "--overwrite", help="Make everything again, even what is up to date.")
    dry_run: bool = Option(False, "--dry-run", help="Only print what would be made, what is stale and what is reused.")

    def print_outcome(self, outcome: "Outcome") -> None:
        """Print the name of the product, or as JSON everything that was made and reused."""
        if self.as_json:
            print_json(outcome.as_json())
        else:
            print(outcome.product)


class JobsOption(OptionGroup):
    """How much runs in parallel."""

    panel = "Execution"
    jobs: int | None = option(
        "Number of parallel workers.", metavar="N", min=1, unset="one per CPU core, or one per GPU"
    )


class WorkOptions(JobsOption, MakeOptions):
    """How units of work run."""

    panel = "Execution"
    executor: str = Option("local", metavar="NAME", help=f"Where the units of work run: {choices('executors')}.")


class DeviceOption(OptionGroup):
    """Where models and front ends compute."""

    panel = "Execution"
    device: str = device_option("auto")


class FoldOption(OptionGroup):
    """Which folds."""

    panel = "Execution"
    folds: list[int] | None = option("Only this fold (repeatable).", "--fold", metavar="K", unset="all folds")


class RejectOption(OptionGroup):
    """How many recordings may be skipped."""

    max_rejects: float = Option(
        0.1, min=0, metavar="N", help="Exit with 1 if more recordings are skipped: a share below 1, or a count."
    )


class RootOption(OptionGroup):
    """Where the sound is, if the corpus was moved."""

    root: Path | None = option("Where the sound files are now.", metavar="FOLDER", unset="where they were at ingest")
