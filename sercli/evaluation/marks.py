"""Marks: words that go with a score wherever it is shown, because it cannot be read like the others."""

from collections.abc import Iterable
from enum import StrEnum

from ..experiments.configs import ClassifierConfig
from ..experiments.sources import CorpusTask
from ..experiments.systems import Autoencoder, Classifier
from ..tasks.classes import ENTANGLED


class Mark(StrEnum):
    """The words. `meaning` is one sentence; a system with a mark that sets it `apart` is never ranked beside the others."""

    SYNTHETIC = "SYNTHETIC"
    ORACLE = "ORACLE"
    ENTANGLED = "ENTANGLED"
    SPEAKER_DEPENDENT = "SPEAKER-DEPENDENT"
    SPEAKER_NORMALISED = "speaker-normalised"
    PARTIAL = "PARTIAL"

    @property
    def meaning(self) -> str:
        """What a reader must know."""
        return _MEANINGS[self]

    @property
    def apart(self) -> bool:
        """Whether it is a mark of the system. The others are marks of the corpus, and so of all its systems."""
        return self not in (Mark.SYNTHETIC, Mark.ENTANGLED)


_MEANINGS = {
    Mark.SYNTHETIC: "The speech is synthetic: scores show that the pipeline works and say nothing about people.",
    Mark.ORACLE: "The system is given the true emotion of the test utterance.",
    Mark.ENTANGLED: "Most utterances are by speakers with a single label, so voice and label cannot be told apart in this corpus, "
    "and its speaker-independent scores say little about emotion.",
    Mark.SPEAKER_DEPENDENT: "The system is trained on other utterances of the speakers that it is tested on.",
    Mark.SPEAKER_NORMALISED: "The system uses all audio of the test speaker, though no label.",
    Mark.PARTIAL: "Some folds are missing.",
}


def marks(
    *,
    synthetic: bool = False,
    condition: str = "",
    entangled: bool = False,
    speaker_dependent: bool = False,
    normalise: str = "",
    partial: bool = False,
) -> tuple[Mark, ...]:
    """The marks that hold, in their order. `condition` is what an autoencoder is told, `normalise` whose statistics normalise features.

    >>> [str(mark) for mark in marks(synthetic=True, condition="oracle")]
    ['SYNTHETIC', 'ORACLE']
    """
    holds = {
        Mark.SYNTHETIC: synthetic,
        Mark.ORACLE: condition == "oracle",
        Mark.ENTANGLED: entangled,
        Mark.SPEAKER_DEPENDENT: speaker_dependent,
        Mark.SPEAKER_NORMALISED: normalise == "speaker",
        Mark.PARTIAL: partial,
    }
    return tuple(mark for mark, is_set in holds.items() if is_set)


def marks_of(system: Autoencoder | Classifier, *, condition: str = "", partial: bool = False) -> tuple[Mark, ...]:
    """The marks of a classifier, or of an autoencoder under a condition; `partial` says that folds are missing."""
    config = system.config
    if isinstance(config, ClassifierConfig):
        condition = config.condition
    return marks_of_task(system.task, condition=condition, normalise=config.normalise, partial=partial)


def marks_of_task(
    task: CorpusTask, *, condition: str = "", normalise: str = "", partial: bool = False
) -> tuple[Mark, ...]:
    """The marks of a system that answers a task; of the task itself by default."""
    return marks(
        synthetic=task.store.is_synthetic,
        condition=condition,
        entangled=task.single_label_share > ENTANGLED,
        speaker_dependent=task.definition.speaker_dependent,
        normalise=normalise,
        partial=partial,
    )


def marks_apart(several: Iterable[Mark]) -> tuple[Mark, ...]:
    """Those marks that keep a system out of rankings.

    >>> [str(mark) for mark in marks_apart([Mark.SYNTHETIC, Mark.PARTIAL])]
    ['PARTIAL']
    """
    return tuple(mark for mark in several if mark.apart)
