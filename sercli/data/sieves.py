"""Sieves: each takes utterances and returns those that can be used, with a reject for each of the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from ..text import c_order, printable
from . import emotions
from .audio_index import AudioFile
from .near_copies import NearCopies
from .utterances import DIMENSIONS, SCALE, Reject, Utterance

_END_SLACK = 0.001  # s; by how much the end of a section may pass the end of the file
_LENGTH_SLACK = 0.002  # s; by how much a sound may differ from the length that the corpus promises


@dataclass(frozen=True)
class Sifted:
    """Utterances that can be used so far, and all rejects so far."""

    utterances: Sequence[Utterance]
    rejects: Sequence[Reject] = ()

    def through(self, sieve: Callable[[Sequence[Utterance]], Sifted]) -> Sifted:
        """The utterances that also pass another sieve."""
        sifted = sieve(self.utterances)
        return Sifted(sifted.utterances, [*self.rejects, *sifted.rejects])


def storable(utterances: Sequence[Utterance]) -> Sifted:
    """Utterances that the tables of a store can hold, and whose speaker is known."""
    reasons = [(u, _reason_against(u)) for u in utterances]
    return Sifted(
        [u for u, reason in reasons if not reason], [Reject(u.path, reason) for u, reason in reasons if reason]
    )


def _reason_against(utterance: Utterance) -> str:
    path = PurePosixPath(utterance.path)
    if any(not character.isprintable() for character in utterance.path):
        return "the path holds a tab, a line end or bytes that are not text; rename the file"
    if path.is_absolute() or ".." in path.parts:
        return "the path leaves the folder of the corpus; use one relative to it"
    if not utterance.utt_id or any(c.isspace() or not c.isprintable() for c in utterance.utt_id):
        return f"utterance id {utterance.utt_id!r} holds a blank or is empty; rename it"
    if emotions.is_missing(utterance.speaker):
        return f"{utterance.utt_id}: unknown speaker {utterance.speaker!r}; name it, so that test speakers can be kept out of training"
    return ""


def in_common_terms(utterances: Sequence[Utterance], corpus: str, scale: tuple[float, float]) -> Sifted:
    """All utterances, in C order, in the terms that all stores share.

    Speakers get the corpus's name as a prefix; emotions become canonical, with the raw one as `emotion_code`; dimensions are
    mapped linearly from the corpus's `scale` to SCALE, with the raw values in further columns.
    """
    converted = (_in_common_terms(utterance, corpus, scale) for utterance in utterances)
    return Sifted(sorted(converted, key=lambda utterance: c_order(utterance.utt_id)))


def _in_common_terms(utterance: Utterance, corpus: str, scale: tuple[float, float]) -> Utterance:
    speaker = "_".join(utterance.speaker.split())
    converted = replace(
        utterance,
        speaker=speaker if speaker.startswith(f"{corpus}_") else f"{corpus}_{speaker}",
        emotion=emotions.canonical(utterance.emotion),
        emotion_code=utterance.emotion_code or utterance.emotion,
    )
    raw = {name: value for name in DIMENSIONS if (value := getattr(utterance, name)) is not None}
    if scale == SCALE or not raw:
        return converted
    (low, high), (lowest, highest) = scale, SCALE
    mapped = {name: lowest + (value - low) * (highest - lowest) / (high - low) for name, value in raw.items()}
    extra = {**utterance.extra, **{f"{name}_raw": f"{value:g}" for name, value in raw.items()}}
    return replace(converted, **mapped, extra=extra)


def measured(utterances: Sequence[Utterance], files: Mapping[str, AudioFile], durations: Mapping[str, float]) -> Sifted:
    """Utterances whose sound can be used, with its length and digest; `files` by path, `durations` (s) as the corpus promises."""
    usable: list[Utterance] = []
    rejects: list[Reject] = []
    for utterance in utterances:
        file = files[utterance.path]
        start, end = utterance.start or 0.0, utterance.end if utterance.end is not None else file.duration
        promised = durations.get(utterance.utt_id, end - start)
        if file.problem:
            rejects.append(Reject(utterance.path, file.problem))
        elif not 0 <= start < end <= file.duration + _END_SLACK:
            reason = f"section {start:g} to {end:g} s does not lie in the file's {file.duration:g} s"
            rejects.append(Reject(utterance.path, reason))
        elif abs(end - start - promised) > _LENGTH_SLACK:
            kind = "cut short" if end - start < promised else "another recording"
            reason = f"{kind}: {end - start:.3f} s of sound, the corpus says {promised:.3f} s; copy it again"
            rejects.append(Reject(utterance.path, reason))
        else:
            duration, rate = round(end - start, 6), file.sample_rate
            changed = replace(
                utterance, duration=duration, sample_rate=rate, channels=file.channels, digest=file.digest
            )
            usable.append(changed)
    return Sifted(usable, rejects)


def without_duplicates(utterances: Sequence[Utterance]) -> Sifted:
    """One utterance for each sound: the first, if all with this sound agree on speaker and emotion; otherwise none."""
    twins: dict[tuple[str, float | None, float | None], list[Utterance]] = {}
    for utterance in utterances:
        twins.setdefault((utterance.digest, utterance.start, utterance.end), []).append(utterance)
    usable: list[Utterance] = []
    rejects: list[Reject] = []
    for first, *others in twins.values():
        if all((other.speaker, other.emotion) == (first.speaker, first.emotion) for other in others):
            usable.append(first)
            reason = f"the same sound as {_place(first)}, which is kept"
            rejects += [Reject(other.path, f"{other.utt_id}: {reason}", copy=True) for other in others]
        else:
            reason = f"the same sound under different labels: {', '.join(map(_place, (first, *others)))}"
            rejects += [Reject(twin.path, reason) for twin in (first, *others)]
    return Sifted(usable, rejects)


def without_contradictions(utterances: Sequence[Utterance], pairs: Sequence[NearCopies]) -> Sifted:
    """Utterances but for near copies of one recording that differ in speaker or emotion, and for all of their other near copies."""
    group = {utterance.utt_id: {utterance.utt_id} for utterance in utterances}
    for pair in pairs:
        first, second = group[pair.first.utt_id], group[pair.second.utt_id]
        if first is not second:
            first |= second
            group.update(dict.fromkeys(second, first))
    by_id = {utterance.utt_id: utterance for utterance in utterances}
    usable: list[Utterance] = []
    rejects: list[Reject] = []
    for utterance in utterances:
        copies = [by_id[utt_id] for utt_id in sorted(group[utterance.utt_id], key=c_order)]
        if len({(copy.speaker, copy.emotion) for copy in copies}) == 1:
            usable.append(utterance)
        else:
            reason = f"near copies under different labels: {', '.join(map(_place, copies))}"
            rejects.append(Reject(utterance.path, reason))
    return Sifted(usable, rejects)


def without_shared_ids(utterances: Sequence[Utterance]) -> Sifted:
    """Utterances whose id no other utterance has."""
    by_id: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        by_id.setdefault(utterance.utt_id, []).append(utterance)
    rejects = [
        Reject(
            utterance.path,
            f"utterance id {utterance.utt_id!r} is also that of {', '.join(_place(u) for u in group if u is not utterance)}",
        )
        for group in by_id.values()
        if len(group) > 1
        for utterance in group
    ]
    return Sifted([group[0] for group in by_id.values() if len(group) == 1], rejects)


def _place(utterance: Utterance) -> str:
    """The file, with the times of a section."""
    section = [f"{time:g}" if time is not None else "" for time in (utterance.start, utterance.end)]
    return printable(utterance.path) + (f" ({'-'.join(section)} s)" if any(section) else "")
