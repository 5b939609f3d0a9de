"""What else than emotion may tell the label of a test utterance: who speaks, and which sentence is spoken."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..data.utterances import Utterance
from .folds import Fold

_ENTANGLED = 0.5  # of the way from chance to certainty
_SHARED_TEXT = 0.5  # of the test utterances
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class SpeakerPrediction:
    """How often the commonest label among the *other* utterances of the speaker is the label of an utterance.

    `chance` is the share of the commonest label of all. One odd label per speaker changes neither by much.
    """

    accuracy: float
    chance: float

    @property
    def kappa(self) -> float:
        """Where the accuracy lies between chance (0) and certainty (1); negative below chance."""
        return (self.accuracy - self.chance) / (1 - self.chance) if self.chance < 1 else 0.0

    @property
    def is_entangled(self) -> bool:
        """Whether voice and label cannot be told apart: kappa is above 0.5.

        A voice then gives the label away, and a speaker who is held out takes a label along.
        """
        return self.kappa > _ENTANGLED


def predict_by_speaker(labels: Mapping[str, str], utterances: Iterable[Utterance]) -> SpeakerPrediction:
    """Predict each labelled utterance by its speaker alone; `labels` maps utt_id to label.

    Labels that are equally common among the speaker's other utterances share the point. A speaker with one utterance has no
    others and is left out.

    >>> anna = [Utterance(name, "", speaker="anna") for name in "abc"]
    >>> predict_by_speaker({"a": "joy", "b": "joy", "c": "anger"}, anna).accuracy
    0.3333333333333333
    """
    by_speaker: dict[str, Counter[str]] = {}
    for utterance in utterances:
        if label := labels.get(utterance.utt_id):
            by_speaker.setdefault(utterance.speaker, Counter())[label] += 1
    several = [counts for counts in by_speaker.values() if counts.total() > 1]
    total = sum(several, Counter[str]())
    if not total:
        return SpeakerPrediction(0.0, 1.0)
    right = sum(
        n * _share_of_point(counts - Counter([label]), label) for counts in several for label, n in counts.items()
    )
    return SpeakerPrediction(right / total.total(), max(total.values()) / total.total())


def _share_of_point(others: Counter[str], label: str) -> float:
    commonest = [name for name, n in others.items() if n == max(others.values())]
    return (label in commonest) / len(commonest)


def shared_value(utterance: Utterance, column: str) -> str:
    """What makes two utterances equal in a column; empty where the utterance has no value.

    Texts are compared without case and punctuation. The number of a sentence counts within its corpus, in a store of several.

    >>> shared_value(Utterance("a", "a.wav", text="Don't go!"), "text")
    'don t go'
    """
    value = utterance.text_of(column)
    if column == "text":
        return " ".join(_WORD.findall(value.casefold()))
    corpus = utterance.text_of("corpus")
    return f"{corpus} {value}" if column == "sentence" and value and corpus else value


def shares_text(folds: Iterable[Fold], utterances: Iterable[Utterance]) -> bool:
    """Whether most test utterances repeat a sentence of the training part of their fold.

    The sentence is known from the column `sentence` or from equal texts. Utterances of unknown text count as different.
    """
    values = {u.utt_id: _sentences(u) for u in utterances}
    n_tested = n_shared = 0
    for fold in folds:
        trained = {value for utt_id in fold.part("train") for value in values[utt_id]}
        tested = [values[utt_id] for utt_id in fold.part("test")]
        n_tested += len(tested)
        n_shared += sum(not trained.isdisjoint(sentences) for sentences in tested)
    return n_shared > _SHARED_TEXT * n_tested


def shares_text_with(tested: Iterable[Utterance], trained: Iterable[Utterance]) -> bool:
    """Whether the texts of most test utterances occur among those of the training utterances of another corpus."""
    texts = {shared_value(utterance, "text") for utterance in trained} - {""}
    is_shared = [shared_value(utterance, "text") in texts for utterance in tested]
    return sum(is_shared) > _SHARED_TEXT * len(is_shared)


def _sentences(utterance: Utterance) -> list[tuple[str, str]]:
    pairs = [(column, shared_value(utterance, column)) for column in ("sentence", "text")]
    return [(column, value) for column, value in pairs if value]
