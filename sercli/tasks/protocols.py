"""Protocols: how a corpus is cut into folds. A new one is a function here and its entry in `PROTOCOLS`.

Dev is held out by speaker or session and never depends on a seed; test is looked at once. Folds count from 1, in C order
of what is left out.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..data.utterances import Utterance
from ..errors import SercliError, listed
from ..text import c_order
from .folds import PARTS, Fold

CORPUS = "corpus"  # the column of a combined store that names the corpus of an utterance
TENTHS = 10
_DEV_SHARE = 5  # of the speakers of each corpus that trains, one in so many is dev
_TENTHS = [(k, (k + 1) % TENTHS) for k in range(TENTHS)]  # test, dev
_MOST_NAMED = 4  # dev speakers in the name of a fold


Splits = Iterator[tuple[str, str, dict[str, str]]]  # for each fold the names of its test and dev group, utt_id -> part


def _leave_one_speaker_out(utterances: Sequence[Utterance]) -> Splits:
    """Dev is the speakers who share a session with the test speaker, so that none of them trains; else the next speaker."""
    speakers = _groups(utterances, "speaker")
    sessions = _values_by_speaker(utterances, "session")
    for index, left_out in enumerate(speakers):
        partners = [s for s in speakers if s != left_out and sessions[s] & sessions[left_out]]
        dev = partners or [speakers[(index + 1) % len(speakers)]]
        _check_training({left_out, *dev}, speakers, left_out)
        yield left_out, "+".join(dev), _parts(utterances, {left_out}, dev)


def _leave_one_session_out(utterances: Sequence[Utterance]) -> Splits:
    """Dev is one speaker of the next session: women and men in turn, where the corpus gives the gender."""
    sessions = _groups(utterances, "session")
    _check_one_value(utterances, "session")
    speakers = {
        session: sorted({(u.gender, u.speaker) for u in utterances if u.session == session}) for session in sessions
    }
    for index, left_out in enumerate(sessions):
        following = speakers[sessions[(index + 1) % len(sessions)]]
        _, dev = following[index % len(following)]
        yield left_out, dev, _parts(utterances, {speaker for _, speaker in speakers[left_out]}, {dev})


def _leave_one_corpus_out(utterances: Sequence[Utterance]) -> Splits:
    """Dev is every fifth speaker of each training corpus that has two or more, in the order of gender and name."""
    corpora = _groups(utterances, CORPUS, 2, "combine stores with `sercli combine`, or choose another --protocol")
    _check_one_value(utterances, CORPUS)
    gender = {utterance.speaker: utterance.gender for utterance in utterances}
    speakers = {corpus: {u.speaker for u in utterances if u.text_of(CORPUS) == corpus} for corpus in corpora}
    for left_out in corpora:
        dev: list[str] = []
        for corpus in corpora:
            if corpus != left_out and len(speakers[corpus]) > 1:
                dev += sorted(speakers[corpus], key=lambda name: (gender[name], c_order(name)))[::_DEV_SHARE]
        if not dev:
            raise SercliError(
                "no speaker is left for dev: every other corpus has one speaker",
                place=f"{left_out} left out",
                fix="combine more corpora, or choose another --protocol",
            )
        name = "+".join(dev) if len(dev) <= _MOST_NAMED else f"{len(dev)} speakers"
        yield left_out, name, _parts(utterances, speakers[left_out], dev)


def _speaker_10_fold(utterances: Sequence[Utterance]) -> Splits:
    """Each speaker is in one tenth: in the order of their number of utterances, each goes to the tenth that has fewest.

    Dev is the next tenth, and all speakers who share a session with a test speaker.
    """
    speakers = _groups(utterances, "speaker", TENTHS, "choose --protocol leave-one-speaker-out")
    n_utterances = Counter(utterance.speaker for utterance in utterances)
    tenth_of: dict[str, int] = {}
    sizes = [0] * TENTHS
    for speaker in sorted(speakers, key=lambda name: (-n_utterances[name], c_order(name))):
        smallest = sizes.index(min(sizes))
        tenth_of[speaker] = smallest
        sizes[smallest] += n_utterances[speaker]
    sessions = _values_by_speaker(utterances, "session")
    for k, following in _TENTHS:
        tested = {speaker for speaker in speakers if tenth_of[speaker] == k}
        test_sessions = set().union(*(sessions[speaker] for speaker in tested))
        dev = {s for s in speakers if tenth_of[s] == following or sessions[s] & test_sessions} - tested
        _check_training(tested | dev, speakers, _tenth(k))
        yield _tenth(k), _tenth(following), _parts(utterances, tested, dev)


def _random_10_fold(utterances: Sequence[Utterance]) -> Splits:
    """Speakers are shared between parts. The order is that of the hashed names: random, and the same on every machine."""
    if len(utterances) < TENTHS:
        raise SercliError("too few utterances", seen=len(utterances), expected=f"at least {TENTHS}")
    shuffled = sorted(utterances, key=lambda u: hashlib.sha256(c_order(u.utt_id)).digest())
    tenth_of = {utterance.utt_id: index % TENTHS for index, utterance in enumerate(shuffled)}
    for k, following in _TENTHS:
        part = {k: "test", following: "dev"}
        yield _tenth(k), _tenth(following), {u.utt_id: part.get(tenth_of[u.utt_id], "train") for u in utterances}


@dataclass(frozen=True)
class SplitProtocol:
    """How utterances are cut into folds, and which columns of the table decide it: their change makes a task stale."""

    split: Callable[[Sequence[Utterance]], Splits] | None  # None: the folds are read from a file
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
else:  # a type checker needs a Literal spelled out; the command line and `config.build` take it from the table
    ProtocolName = Literal[tuple(PROTOCOLS)]


def split(protocol: str, utterances: Sequence[Utterance]) -> list[Fold]:
    """The folds of a corpus under a protocol that reads no file. Raises SercliError for a corpus that it does not fit."""
    splits = PROTOCOLS[protocol].split
    assert splits is not None
    try:
        return [Fold(number, *names_and_parts) for number, names_and_parts in enumerate(splits(utterances), 1)]
    except SercliError as error:
        raise error.at(f"--protocol {protocol}") from None


def _groups(
    utterances: Sequence[Utterance], column: str, fewest: int = len(PARTS), fix: str = "choose another --protocol"
) -> list[str]:
    """The values of a column, in C order. Raises SercliError if an utterance has none, or if there are too few."""
    groups = sorted({utterance.text_of(column) for utterance in utterances}, key=c_order)
    expected = f"at least {fewest}, and one for every utterance"
    if "" in groups:
        unnamed = next(utterance.utt_id for utterance in utterances if not utterance.text_of(column))
        raise SercliError(f"an utterance has no {column}", seen=unnamed, expected=expected, fix=fix)
    if len(groups) < fewest:
        seen = f"{len(groups)} ({listed(groups)})"
        raise SercliError(f"too few values of {column}", seen=seen, expected=expected, fix=fix)
    return groups


def _values_by_speaker(utterances: Sequence[Utterance], column: str) -> dict[str, set[str]]:
    values: dict[str, set[str]] = {}
    for utterance in utterances:
        values.setdefault(utterance.speaker, set()).update({utterance.text_of(column)} - {""})
    return values


def _parts(utterances: Sequence[Utterance], tested: Collection[str], dev: Collection[str]) -> dict[str, str]:
    """utt_id -> part, given the speakers of test and of dev."""
    return {u.utt_id: "test" if u.speaker in tested else "dev" if u.speaker in dev else "train" for u in utterances}


def _check_one_value(utterances: Sequence[Utterance], column: str) -> None:
    values = _values_by_speaker(utterances, column)
    for speaker in sorted(values, key=c_order):
        if len(values[speaker]) > 1:
            several = sorted(values[speaker], key=c_order)
            raise SercliError(
                f"a speaker occurs in several values of {column}, and would be in training and test",
                seen=f"{speaker} in {listed(several)}",
                fix="choose --protocol leave-one-speaker-out",
            )


def _check_training(held_out: Collection[str], speakers: Sequence[str], left_out: str) -> None:
    if len(held_out) == len(speakers):
        raise SercliError(
            "no speaker is left to train on: every one shares a session with the test part",
            place=f"{left_out} left out",
            fix="give each session a unique name, or drop that column, and ingest again; or choose another --protocol",
        )


def _tenth(k: int) -> str:
    return f"tenth-{k + 1:02d}"
