"""A store that has a table of utterances and no sound: enough to plan everything that can be made in it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sercli import plugins
from sercli.config import write_yaml
from sercli.data.utterances import Utterance, write_utterances
from sercli.experiments.catalogue import Catalogue
from sercli.store.locations import STORE_FORMAT
from sercli.store.store import Store

SPEAKERS = ("ana", "ben", "cem", "dee")
EMOTIONS = ("anger", "neutral", "sadness")
UTTERANCES = [
    Utterance(
        f"{speaker}-{emotion}-{k}",
        f"{speaker}/{emotion}{k}.wav",
        duration=1.0,
        sample_rate=16000,
        channels=1,
        digest=f"sound of {speaker}-{emotion}-{k}",
        speaker=speaker,
        style="read",
        emotion=emotion,
        emotion_code=emotion,
        arousal=float(1 + 2 * EMOTIONS.index(emotion)),
    )
    for speaker in SPEAKERS
    for emotion in EMOTIONS
    for k in (1, 2)
]
FRONTENDS = {name: {"frontend": name, **plugins.defaults("frontends", name)} for name in ("logmel", "mfcc")}


def planned(folder: Path, utterances: Sequence[Utterance] = UTTERANCES, **task: Any) -> Catalogue:
    """The catalogue of a new store, with LogMel and MFCC still to be made."""
    (folder / "corpus").mkdir(parents=True)
    facts: Mapping[str, Any] = {
        "format": STORE_FORMAT,
        "name": "toy",
        "corpus": "table",
        "root": "/nowhere",
        "task": task,
    }
    write_yaml(folder / "corpus" / "corpus.yaml", facts)
    write_utterances(folder / "corpus" / "utterances.tsv", utterances)
    return Catalogue(Store(folder), FRONTENDS)
