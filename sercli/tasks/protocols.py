"""How a corpus is cut into folds.

Dev is held out by speaker or session and never depends on a seed; test is looked at once. Folds count from 1, in C order
of what is left out.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..data.utterances import Utterance
from ..errors import SercliError
from ..text import c_order
from .folds import Fold

CORPUS = "corpus"  # the column of a combined store that names the corpus of an utterance
TENTHS = 10
_DEV_SHARE = 5  # of the speakers of each corpus that trains, one in so many is dev
_MOST_NAMED = 4  # speakers of a part


def _groups(utterances: Sequence[Utterance], name: str, key: Callable[[Utterance], str], protocol: str) -> list[str]:
    groups = sorted({key(utterance) for utterance in utterances}, key=c_order)
    if "" in groups:
        nameless = next(utterance.utt_id for utterance in utterances if not key(utterance))
        raise SercliError(
            f"{protocol} needs a {name} for every utterance, {nameless} has none; choose another --protocol"
        )
    if len(groups) < 3:
        raise SercliError(
            f"{protocol} needs at least 3 {name}s (train, dev, test), this task has {len(groups)}: {', '.join(groups)}; "
            "ingest more of the corpus or choose another --protocol"
        )
    return groups


def _split(utterances: Sequence[Utterance], test: set[str], dev: set[str]) -> dict[str, str]:
    """utt_id to part, given the utt_ids of test and of dev."""
    return {u.utt_id: "test" if u.utt_id in test else "dev" if u.utt_id in dev else "train" for u in utterances}


def _sessions_of_speakers(utterances: Sequence[Utterance]) -> dict[str, set[str]]:
    sessions: dict[str, set[str]] = {}
    for utterance in utterances:
        sessions.setdefault(utterance.speaker, set()).update({utterance.session} - {""})
    return sessions


def _leave_one_speaker_out(utterances: Sequence[Utterance]) -> list[Fold]:
    """Dev is the session partner where there are sessions, so that nobody of the test session trains; else the next speaker."""
    speakers = _groups(utterances, "speaker", lambda u: u.speaker, "leave-one-speaker-out")
    sessions = _sessions_of_speakers(utterances)
    folds = []
    for index, left_out in enumerate(speakers):
        partners = [s for s in speakers if s != left_out and sessions[s] & sessions[left_out]]
        dev = partners or [speakers[(index + 1) % len(speakers)]]
        if len(dev) + 1 == len(speakers):
            raise SercliError(
                f"leave-one-speaker-out: every speaker shares a session with {left_out}, nobody is left to train on; "
                "name sessions once in the whole corpus, or drop that column, and ingest again"
            )
        test_ids = {u.utt_id for u in utterances if u.speaker == left_out}
        dev_ids = {u.utt_id for u in utterances if u.speaker in dev}
        folds.append(Fold(index + 1, left_out, "+".join(dev), _split(utterances, test_ids, dev_ids)))
    return folds


def _leave_one_session_out(utterances: Sequence[Utterance]) -> list[Fold]:
    """Dev is one speaker of the next session: women and men in turn, where the corpus says who is which."""
    sessions = _groups(utterances, "session", lambda u: u.session, "leave-one-session-out")
    for speaker, theirs in sorted(_sessions_of_speakers(utterances).items()):
        if len(theirs) > 1:
            raise SercliError(
                f"leave-one-session-out: {speaker} speaks in sessions {', '.join(sorted(theirs, key=c_order))} and would be "
                "trained and tested on; choose --protocol leave-one-speaker-out"
            )
    folds = []
    for index, left_out in enumerate(sessions):
        following = sessions[(index + 1) % len(sessions)]
        speakers = sorted({(u.gender, u.speaker) for u in utterances if u.session == following})
        dev = speakers[index % len(speakers)][1]
        test_ids = {u.utt_id for u in utterances if u.session == left_out}
        dev_ids = {u.utt_id for u in utterances if u.speaker == dev}
        folds.append(Fold(index + 1, left_out, dev, _split(utterances, test_ids, dev_ids)))
    return folds


def _leave_one_corpus_out(utterances: Sequence[Utterance]) -> list[Fold]:
    """Dev is every fifth speaker of each other corpus, in the order of gender and name, and at least one where there are two."""
    of_corpus: dict[str, dict[str, str]] = {}  # corpus -> speaker -> gender
    for utterance in utterances:
        of_corpus.setdefault(utterance.text_of(CORPUS), {})[utterance.speaker] = utterance.gender
    corpora = sorted(of_corpus, key=c_order)
    if len(corpora) < 2 or "" in corpora:
        there = ", ".join(name or "(no corpus)" for name in corpora)
        raise SercliError(
            f"leave-one-corpus-out needs at least 2 corpora, and one for every utterance; this task has {there}; make a store "
            "of several with `sercli combine`, or choose another --protocol"
        )
    for speaker in sorted({u.speaker for u in utterances}, key=c_order):
        homes = [name for name in corpora if speaker in of_corpus[name]]
        if len(homes) > 1:
            raise SercliError(
                f"leave-one-corpus-out: {speaker} speaks in {', '.join(homes)} and would be trained and tested on; choose "
                "--protocol leave-one-speaker-out"
            )
    folds = []
    for index, left_out in enumerate(corpora):
        dev: list[str] = []
        for other in corpora:
            theirs = sorted(of_corpus[other].items(), key=lambda one: (one[1], c_order(one[0])))
            if other != left_out and len(theirs) > 1:
                dev += [speaker for speaker, _ in theirs[::_DEV_SHARE]]
        if not dev:
            raise SercliError(
                f"leave-one-corpus-out: without {left_out} every corpus has one speaker, and nobody can be dev; "
                "combine more, or choose another --protocol"
            )
        test_ids = {u.utt_id for u in utterances if u.text_of(CORPUS) == left_out}
        dev_ids = {u.utt_id for u in utterances if u.speaker in dev}
        named = "+".join(dev) if len(dev) <= _MOST_NAMED else f"{len(dev)} speakers"
        folds.append(Fold(index + 1, left_out, named, _split(utterances, test_ids, dev_ids)))
    return folds


def _speaker_10_fold(utterances: Sequence[Utterance]) -> list[Fold]:
    """Each speaker is in one tenth; those who say most are dealt first, each to the tenth that has least, so that all are alike.
    Whoever shares a session with a test speaker becomes dev, beside the tenth that follows."""
    speakers = _groups(utterances, "speaker", lambda u: u.speaker, "speaker-10-fold")
    if len(speakers) < TENTHS:
        raise SercliError(
            f"speaker-10-fold needs at least {TENTHS} speakers, this task has {len(speakers)}; choose "
            "--protocol leave-one-speaker-out"
        )
    said = Counter(utterance.speaker for utterance in utterances)
    tenth_of: dict[str, int] = {}
    sizes = [0] * TENTHS
    for speaker in sorted(speakers, key=lambda name: (-said[name], c_order(name))):
        smallest = sizes.index(min(sizes))
        tenth_of[speaker] = smallest
        sizes[smallest] += said[speaker]
    sessions = _sessions_of_speakers(utterances)
    folds = []
    for k in range(TENTHS):
        following = (k + 1) % TENTHS
        tested = {speaker for speaker in speakers if tenth_of[speaker] == k}
        heard = set().union(*(sessions[speaker] for speaker in tested))
        dev = {s for s in speakers if tenth_of[s] == following or sessions[s] & heard} - tested
        if len(tested) + len(dev) == len(speakers):
            raise SercliError(
                f"speaker-10-fold: every speaker shares a session with one of tenth {k + 1}, nobody is left to train on; "
                "choose another --protocol, or name sessions once in the whole corpus and ingest again"
            )
        test_ids, dev_ids = ({u.utt_id for u in utterances if u.speaker in whom} for whom in (tested, dev))
        folds.append(Fold(k + 1, _tenth(k), _tenth(following), _split(utterances, test_ids, dev_ids)))
    return folds


def _random_10_fold(utterances: Sequence[Utterance]) -> list[Fold]:
    """Speakers are shared between parts. The order is that of the hashed names: random, and the same on every machine."""
    if len(utterances) < TENTHS:
        raise SercliError(f"random-10-fold needs at least {TENTHS} utterances, this task has {len(utterances)}")
    shuffled = sorted(utterances, key=lambda u: hashlib.sha256(c_order(u.utt_id)).digest())
    tenths = [{u.utt_id for u in shuffled[k::TENTHS]} for k in range(TENTHS)]
    folds = []
    for k in range(TENTHS):
        following = (k + 1) % TENTHS
        parts = _split(utterances, tenths[k], tenths[following])
        folds.append(Fold(k + 1, _tenth(k), _tenth(following), parts))
    return folds


def _tenth(k: int) -> str:
    return f"tenth-{k + 1:02d}"


@dataclass(frozen=True)
class SplitProtocol:
    """How utterances are cut into folds, and the columns of the table that decide it (their change makes the task stale)."""

    split: Callable[[Sequence[Utterance]], list[Fold]] | None  # None: the folds are those of a file
    columns: tuple[str, ...] = ()
    speaker_dependent: bool = False  # speakers may be shared between parts; every score is marked


PROTOCOLS: Mapping[str, SplitProtocol] = {
    "leave-one-speaker-out": SplitProtocol(_leave_one_speaker_out, ("speaker", "session")),
    "leave-one-session-out": SplitProtocol(_leave_one_session_out, ("session", "speaker", "gender")),
    "leave-one-corpus-out": SplitProtocol(_leave_one_corpus_out, (CORPUS, "speaker", "gender")),
    "speaker-10-fold": SplitProtocol(_speaker_10_fold, ("speaker", "session")),
    "random-10-fold": SplitProtocol(_random_10_fold, speaker_dependent=True),
    "file": SplitProtocol(None, ("speaker",)),
    "speaker-dependent-file": SplitProtocol(None, speaker_dependent=True),
}
FROM_FILE = frozenset(name for name, protocol in PROTOCOLS.items() if protocol.split is None)

if TYPE_CHECKING:
    ProtocolName = str
else:  # a type checker wants a Literal spelled out; the command line and `config.build` take it from the table
    ProtocolName = Literal[tuple(PROTOCOLS)]
