"""What else than emotion may tell the label of a test utterance: who speaks, and which sentence is spoken."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..data.utterances import Utterance
from .folds import Fold

_ENTANGLED = 0.5  # of the way from chance to certainty
_SHARED_TEXT = 0.5  # of the test utterances whose sentence is known
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class SpeakerPrediction:
    """How often another utterance of the speaker, drawn at random, has the label of an utterance.

    `chance` is how often another utterance of any speaker has it. One odd label per speaker changes neither by much, and labels
    that a speaker has equally often count as equally good guesses.
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

    A speaker with one utterance has no others and is left out.

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
    return SpeakerPrediction(sum(map(_right, several)) / total.total(), _right(total) / total.total())


def _right(counts: Counter[str]) -> float:
    """The expected number of utterances that another one, drawn from the rest, labels right."""
    return sum(n * (n - 1) for n in counts.values()) / (counts.total() - 1)


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
    """Whether most test utterances whose sentence is known repeat a sentence of train or dev of their fold.

    The sentence is known from the column `sentence` or from equal texts. Dev counts, since it stops the training, and a refit trains
    on it.
    """
    values = {u.utt_id: _sentences(u) for u in utterances}
    is_shared: list[bool] = []
    for fold in folds:
        heard = {value for part in ("train", "dev") for utt_id in fold.part(part) for value in values[utt_id]}
        tested = (values[utt_id] for utt_id in fold.part("test"))
        is_shared += [not heard.isdisjoint(sentences) for sentences in tested if sentences]
    return sum(is_shared) > _SHARED_TEXT * len(is_shared)


def shares_text_with(tested: Iterable[Utterance], trained: Iterable[Utterance]) -> bool:
    """Whether most known texts of test utterances occur among those of the training utterances of another corpus."""
    heard = {shared_value(utterance, "text") for utterance in trained} - {""}
    texts = [text for utterance in tested if (text := shared_value(utterance, "text"))]
    return sum(text in heard for text in texts) > _SHARED_TEXT * len(texts)


def _sentences(utterance: Utterance) -> list[tuple[str, str]]:
    pairs = [(column, shared_value(utterance, column)) for column in ("sentence", "text")]
    return [(column, value) for column, value in pairs if value]
