"""A corpus in a few numbers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..data.utterances import Utterance
from ..text import c_order
from .confounds import SpeakerPrediction, predict_by_speaker

UNLABELLED = "(not labelled)"


@dataclass(frozen=True)
class CorpusSummary:
    """What `ingest`, `info` and `report` show of a corpus."""

    utterances: int
    speakers: int
    sessions: int
    hours: float
    labels: dict[str, int]  # emotion, or UNLABELLED -> utterances, in C order
    by_speaker: SpeakerPrediction  # of the emotion


def summarise(utterances: Sequence[Utterance]) -> CorpusSummary:
    """Count utterances, speakers, sessions, hours and emotions.

    >>> anna = [Utterance(name, f"{name}.wav", speaker="anna", emotion="anger", duration=1800) for name in "ab"]
    >>> summarise(anna).labels, summarise(anna).hours
    ({'anger': 2}, 1.0)
    """
    labels = Counter(utterance.emotion or UNLABELLED for utterance in utterances)
    emotions = {utterance.utt_id: utterance.emotion for utterance in utterances}
    return CorpusSummary(
        utterances=len(utterances),
        speakers=len({utterance.speaker for utterance in utterances}),
        sessions=len({utterance.session for utterance in utterances} - {""}),
        hours=sum(utterance.duration for utterance in utterances) / 3600,
        labels={label: labels[label] for label in sorted(labels, key=c_order)},
        by_speaker=predict_by_speaker(emotions, utterances),
    )
