"""Marks: words that go with a score wherever it is shown, because it cannot be read like the others."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from ..experiments.configs import AutoencoderConfig, ClassifierConfig
from ..experiments.sources import CorpusTask
from ..experiments.systems import Autoencoder, Classifier


class Mark(StrEnum):
    """The words. `meaning` is one sentence; a system with a mark that sets it `apart` is never ranked beside the others."""

    SYNTHETIC = "SYNTHETIC"
    ORACLE = "ORACLE"
    ENTANGLED = "ENTANGLED"
    TEXT_SHARED = "TEXT-SHARED"
    SPEAKER_DEPENDENT = "SPEAKER-DEPENDENT"
    SPEAKER_NORMALISED = "speaker-normalised"
    PARTIAL = "PARTIAL"

    @property
    def meaning(self) -> str:
        """What a reader must know."""
        return _MEANINGS[self]

    @property
    def apart(self) -> bool:
        """Whether it is a mark of the system. The others are marks of corpus and task, and so of all systems of the task."""
        return self not in (Mark.SYNTHETIC, Mark.ENTANGLED, Mark.TEXT_SHARED)


_MEANINGS = {
    Mark.SYNTHETIC: "The speech is synthetic: scores show that the pipeline works and say nothing about people.",
    Mark.ORACLE: "The system is given the true emotion of the test utterance.",
    Mark.ENTANGLED: "The speaker alone tells the label of most utterances, far above chance, so voice and label cannot be told apart "
    "in this corpus, and its speaker-independent scores say little about emotion.",
    Mark.TEXT_SHARED: "Most test utterances repeat a sentence of training, so scores on new sentences may be lower; "
    "--apart sentence holds sentences out.",
    Mark.SPEAKER_DEPENDENT: "The system or its autoencoder is trained or stopped on other utterances of the speakers that it is tested on.",
    Mark.SPEAKER_NORMALISED: "The system uses all audio of the test speaker, though no label.",
    Mark.PARTIAL: "Some folds are missing.",
}


def marks(holds: Mapping[Mark, bool]) -> tuple[Mark, ...]:
    """The marks that hold, in their order.

    >>> [str(mark) for mark in marks({Mark.ORACLE: True, Mark.SYNTHETIC: True, Mark.PARTIAL: False})]
    ['SYNTHETIC', 'ORACLE']
    """
    return tuple(mark for mark in Mark if holds.get(mark))


def marks_of_options(config: AutoencoderConfig | ClassifierConfig, condition: str = "") -> dict[Mark, bool]:
    """The marks that follow from a configuration alone; `condition` is that of an autoencoder's latents."""
    condition = config.condition if isinstance(config, ClassifierConfig) else condition
    return {Mark.ORACLE: condition == "oracle", Mark.SPEAKER_NORMALISED: config.normalise == "speaker"}


def marks_of_classifier(classifier: Classifier, folds: Sequence[int]) -> tuple[Mark, ...]:
    """The marks of a classifier that is scored over these folds.

    Its autoencoder counts too: if that was trained or stopped on a test speaker, the system is SPEAKER-DEPENDENT.
    """
    of_task = _holds(classifier.task)
    heard = any(classifier.heard_test_speakers(number) for number in folds)
    return marks(
        {
            **of_task,
            **marks_of_options(classifier.config),
            Mark.SPEAKER_DEPENDENT: of_task[Mark.SPEAKER_DEPENDENT] or heard,
            Mark.PARTIAL: len(folds) < len(classifier.fold_numbers),
        }
    )


def marks_of_autoencoder(autoencoder: Autoencoder, condition: str = "") -> tuple[Mark, ...]:
    """The marks of an autoencoder, and of its latents under a condition."""
    return marks({**_holds(autoencoder.task), **marks_of_options(autoencoder.config, condition)})


def marks_of_task(task: CorpusTask) -> tuple[Mark, ...]:
    """The marks of every system that answers a task."""
    return marks(_holds(task))


def _holds(task: CorpusTask) -> dict[Mark, bool]:
    return {
        Mark.SYNTHETIC: task.store.is_synthetic,
        Mark.ENTANGLED: task.by_speaker.is_entangled,
        Mark.TEXT_SHARED: task.shares_text,
        Mark.SPEAKER_DEPENDENT: task.definition.speaker_dependent,
    }


def marks_apart(several: Iterable[Mark]) -> tuple[Mark, ...]:
    """Those marks that keep a system out of rankings.

    >>> [str(mark) for mark in marks_apart([Mark.SYNTHETIC, Mark.PARTIAL])]
    ['PARTIAL']
    """
    return tuple(mark for mark in several if mark.apart)
