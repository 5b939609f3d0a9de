"""`sercli ingest`: a raw corpus folder to `utterances.tsv`, `corpus.yaml` and `rejects.tsv`, and what else it tells."""

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

from .. import plugins
from ..corpora import base as corpora
from ..data import audio_index as fingerprints
from ..data import emotions as labels
from ..data.audio_index import Fingerprint, Fingerprints
from ..data.utterances import (
    DIMENSIONS,
    SCALE,
    Count,
    Reject,
    Scan,
    Table,
    Utterance,
)
from ..errors import SercliError, UsageError
from ..executors.base import Request, open_slots
from ..experiments.corpus_files import CorpusContent, check_store_folder, publish_corpus
from ..experiments.making import Outcome, Settings, raise_first
from ..machine import workers
from ..machine.progress import bar, say
from ..machine.workers import Unit
from ..store import keys, publishing
from ..store.locations import check_name
from ..tasks.classes import ENTANGLED, single_label_share
from ..text import c_order, printable

_FILES_PER_UNIT = 64
_SLACK = 0.002  # s; by how much a sound may differ from what the corpus promises
_MOST_LINES = 20  # of one kind on stderr
_LONGEST_NAME = 60  # of a corpus: it stands before those of all that is made
_FORMS = ("audformat", "kaldi", "table")  # of any corpus: it is called as its folder is
_UNSAFE = re.compile(r"[^\w.+-]+")


def run(
    corpus: Path,
    path: Path,
    kind: str | None,
    root: Path | None,
    name: str | None,
    max_rejects: float,
    verify: bool,
    scale: tuple[float, float] | None,
    run: Settings,
) -> Outcome:
    """Raises SercliError for a folder without usable recordings, and (once the good ones are kept) for too many rejects
    or, to verify, for counts that are not the release's."""
    reader_name, reader = _reader(corpus, kind)
    if verify and not hasattr(reader, "counts"):
        raise UsageError(f"--verify: the makers of {reader_name!r} publish no counts to check; leave it out")
    scan = _scan(corpus, reader_name, reader)
    home = corpus.parent if corpus.is_file() else corpus
    folder = root or scan.root or home
    called = name or (home.resolve().name if reader_name in _FORMS else reader_name)
    name = check_name(_UNSAFE.sub("-", called).strip("-.+")[:_LONGEST_NAME] or called)
    outcome = Outcome(name, str(path))
    about: dict[str, Any] = {"name": name, "corpus": reader_name, "root": str(folder.resolve())}
    about |= {"synthetic": True} if scan.synthetic else {}
    check_store_folder(path, about, run)
    if run.dry_run:
        say(
            f"would ingest {len(scan.utterances)} utterances from {folder} ({len(scan.rejects)} rejects before any file is opened)"
        )
        outcome.made = [keys.CORPUS]
        return outcome
    scale = scale or scan.scale
    about |= {"scale": list(scale)} if scale != SCALE else {}
    utterances, rejects = _prepare(scan, name, scale)
    with publishing.lock(path, keys.CORPUS):
        found = _fingerprints(path, folder.resolve(), utterances, run)
        utterances, more = _measure(utterances, found, scan.durations)
        utterances, copies, twins = _without_duplicates(utterances)
        utterances, clashes = _without_clashes(utterances)
        rejects = sorted(
            [*rejects, *more, *copies, *twins, *clashes], key=lambda reject: (c_order(reject.path), reject.reason)
        )
        counts: list[Count] = reader.counts(utterances) if hasattr(reader, "counts") else []
        tables = {name: _of_kept(table, utterances) for name, table in scan.tables.items()}
        if counts:
            rows = [(count.name, str(count.found), str(count.expected)) for count in counts]
            tables["counts"] = Table(("cell", "found", "expected"), rows)
        content = CorpusContent(about, reader.TASK, utterances, rejects, tables)
        outcome = publish_corpus(path, content, run)
    odd = [*scan.warnings, *_unknown_labels(utterances)]
    odd += _out_of_scale(scan.utterances, scale) if reader_name in _FORMS else []
    _say_first([f"odd: {warning}" for warning in odd], "more")
    tell(path, utterances, rejects)
    different = _report_counts(path, counts)
    bad = len(rejects) - len(copies)  # with a second copy nothing is lost
    _refuse_too_many(path, bad, len(utterances) + bad, max_rejects)
    if verify and different:
        raise SercliError(
            f"{path / keys.CORPUS / 'counts.tsv'}: {different} of {len(counts)} counts differ from the release's; "
            "copy what is missing and run the same command again (what is there is kept)"
        )
    return outcome


def parse_scale(text: str) -> tuple[float, float]:
    """`1,7` as two numbers. Raises UsageError."""
    try:
        low, high = map(float, text.split(","))
        if -math.inf < low < high < math.inf:
            return low, high
    except ValueError:
        pass
    raise UsageError(f"--scale {text}: wanted the lowest and the highest value, such as 1,7")


def _reader(corpus: Path, kind: str | None) -> tuple[str, ModuleType]:
    if not corpus.exists():
        raise SercliError(f"{corpus}: no such folder; give the folder of a corpus")
    if corpus.is_dir() and not any(corpus.iterdir()):
        raise SercliError(f"{corpus}: is empty; give the folder of a corpus")
    if kind is not None:
        return kind, plugins.load("corpora", kind)
    fitting = _fitting(corpus)
    if len(fitting) != 1:
        seen = "could be " + " or ".join(fitting) if fitting else "looks like no corpus known"
        near = "" if fitting else _nearly(corpus)
        table = "" if fitting else ", or put a table with the columns path, speaker and emotion beside the sound files"
        kinds = "|".join(fitting or plugins.names("corpora"))
        raise SercliError(f"{corpus}: {seen}{near}; say which with --corpus {kinds}{table}")
    say(f"{corpus}: looks like {fitting[0]}")
    return fitting[0], plugins.load("corpora", fitting[0])


def _fitting(corpus: Path) -> list[str]:
    return [name for name, fits in _answers(lambda reader: reader.recognises(corpus)).items() if fits]


def _nearly(corpus: Path) -> str:
    """What a folder lacks that is almost one that a reader takes."""
    answers = _answers(lambda reader: reader.nearly(corpus) if hasattr(reader, "nearly") else "")
    found = [near for near in answers.values() if near]
    return f" ({'; '.join(found)})" if found else ""


def _answers(ask: Callable[[ModuleType], Any]) -> dict[str, Any]:
    """What each reader says; one of another package that fails is left out."""
    found = {}
    for name, reader in corpora.readers().items():
        with corpora.left_out_if_foreign(name):
            found[name] = ask(reader)
    return found


def _scan(corpus: Path, name: str, reader: ModuleType) -> Scan:
    """Raises SercliError, with the reader that fits where this one does not."""
    try:
        scan: Scan = reader.scan(corpus)
    except SercliError as error:
        others = [other for other in _fitting(corpus) if other != name]
        hint = f"; it looks like {' or '.join(others)}: say --corpus {others[0]}" if others else ""
        raise SercliError(f"{error}{hint}") from None
    return scan


def _prepare(scan: Scan, name: str, scale: tuple[float, float]) -> tuple[list[Utterance], list[Reject]]:
    """Speakers get the corpus's name in front, labels and dimensions those that all corpora share; what the tables cannot
    hold, and what nobody is known to have said, is refused."""
    kept: list[Utterance] = []
    rejects = list(scan.rejects)
    for utterance in scan.utterances:
        reason = _unfit(utterance)
        if reason:
            rejects.append(Reject(utterance.path, reason))
        else:
            speaker = "_".join(utterance.speaker.split())
            named = speaker if speaker.startswith(f"{name}_") else f"{name}_{speaker}"
            kept.append(_in_common_terms(replace(utterance, speaker=named), scale))
    return sorted(kept, key=lambda utterance: c_order(utterance.utt_id)), rejects


def _unfit(utterance: Utterance) -> str:
    path = PurePosixPath(utterance.path)
    if any(not character.isprintable() for character in utterance.path):
        return "the path holds a tab, a line end or bytes that are no text; rename the file"
    if path.is_absolute() or ".." in path.parts:
        return "the path leaves the folder of the corpus; use one relative to it"
    if not utterance.utt_id or any(c.isspace() or not c.isprintable() for c in utterance.utt_id):
        return f"utterance id {utterance.utt_id!r} holds a blank or is empty; rename it"
    if labels.is_nothing(utterance.speaker):
        said = f"the speaker is {utterance.speaker!r}" if utterance.speaker else "no speaker"
        return f"{utterance.utt_id}: {said}, and a test speaker must be nobody of the training part; name the speaker"
    return ""


def _in_common_terms(utterance: Utterance, scale: tuple[float, float]) -> Utterance:
    """The canonical emotion, with the raw one kept as its code; dimensions from 1 to 5, with the raw ones kept beside them."""
    code = utterance.emotion_code or utterance.emotion
    found = replace(utterance, emotion=labels.canonical(utterance.emotion), emotion_code=code)
    raw = {name: value for name in DIMENSIONS if (value := getattr(utterance, name)) is not None}
    if scale == SCALE or not raw:
        return found
    (low, high), (lowest, highest) = scale, SCALE
    brought = {name: lowest + (value - low) * (highest - lowest) / (high - low) for name, value in raw.items()}
    extra = {**found.extra, **{f"{name}_raw": f"{value:g}" for name, value in raw.items()}}
    return replace(found, **brought, extra=extra)


def _unknown_labels(utterances: Sequence[Utterance]) -> list[str]:
    """Emotions that are none of those known: kept as they are, and named with the nearest known."""
    counts = Counter(utterance.emotion for utterance in utterances if not labels.is_known(utterance.emotion))
    lines = []
    for label in sorted(counts, key=c_order):
        near = labels.nearest(label)
        hint = f" (the nearest known is {near}; correct it if that is meant)" if near else ""
        lines.append(
            f"emotion {printable(label)!r} of {counts[label]} utterances is none known, and kept as it is{hint}"
        )
    return lines


def _out_of_scale(utterances: Sequence[Utterance], scale: tuple[float, float]) -> list[str]:
    low, high = scale
    lines = []
    for name in DIMENSIONS:
        values = {u.utt_id: value for u in utterances if (value := getattr(u, name)) is not None}
        outside = [utt_id for utt_id, value in values.items() if not low <= value <= high]
        if outside:
            lines.append(
                f"{name} of {len(outside)} utterances lies outside {low:g} to {high:g}, {values[outside[0]]:g} of "
                f"{outside[0]} first; if the corpus has another scale, say it with --scale"
            )
    return lines


def _fingerprints(path: Path, root: Path, utterances: Sequence[Utterance], run: Settings) -> dict[str, Fingerprint]:
    """Headers and digests of all files, from memory where size and time are the same. Kept as they come, against a kill."""
    known = Fingerprints(path, root)
    files = sorted({utterance.path for utterance in utterances}, key=c_order)
    fresh = [file for file in files if run.overwrite or known.look_up(file) is None]
    found = {file: print_ for file in files if (print_ := known.look_up(file)) is not None}
    starts = range(0, len(fresh), _FILES_PER_UNIT)
    units = [
        Unit(f"headers from {fresh[a]}", fingerprints.take, (root, fresh[a : a + _FILES_PER_UNIT])) for a in starts
    ]
    request = Request(len(units), run.jobs, in_threads=True)
    with bar("ingest", "files", len(fresh)) as shown, open_slots(run.executor, request) as slots:

        def keep(unit: Unit, taken: dict[str, tuple[str, Fingerprint]]) -> None:
            known.remember(taken)
            found.update({file: print_ for file, (_, print_) in taken.items()})
            shown.advance(len(taken))

        raise_first(workers.run(units, slots, keep), 0)
    return found


def _measure(
    utterances: Sequence[Utterance], found: Mapping[str, Fingerprint], promised: Mapping[str, float]
) -> tuple[list[Utterance], list[Reject]]:
    kept: list[Utterance] = []
    rejects: list[Reject] = []
    for utterance in utterances:
        print_ = found[utterance.path]
        start, end = utterance.start or 0.0, utterance.end if utterance.end is not None else print_.duration
        if print_.problem:
            rejects.append(Reject(utterance.path, print_.problem))
        elif not 0 <= start < end <= print_.duration + 0.001:
            rejects.append(
                Reject(
                    utterance.path, f"section {start:g} to {end:g} s does not lie in the file's {print_.duration:g} s"
                )
            )
        elif abs(end - start - promised.get(utterance.utt_id, end - start)) > _SLACK:
            rejects.append(Reject(utterance.path, _unlike_promised(end - start, promised[utterance.utt_id])))
        else:
            measured = {"sample_rate": print_.sample_rate, "channels": print_.channels, "digest": print_.digest}
            kept.append(replace(utterance, duration=round(end - start, 6), **measured))  # type: ignore[arg-type]
    return kept, rejects


def _unlike_promised(seconds: float, promised: float) -> str:
    what = "cut short" if seconds < promised else "another recording"
    return f"{what}: {seconds:.3f} s of sound, the corpus says {promised:.3f} s; copy it again"


def _without_duplicates(utterances: Sequence[Utterance]) -> tuple[list[Utterance], list[Reject], list[Reject]]:
    """Of utterances with the same sound the first is kept, and the others are copies, if all agree on speaker and emotion; else
    none can be trusted. Returns what is kept, the copies, and those."""
    twins: dict[tuple[str, float | None, float | None], list[Utterance]] = {}
    for utterance in utterances:
        twins.setdefault((utterance.digest, utterance.start, utterance.end), []).append(utterance)
    kept: list[Utterance] = []
    copies: list[Reject] = []
    contradicting: list[Reject] = []
    for first, *others in twins.values():
        if all((other.speaker, other.emotion) == (first.speaker, first.emotion) for other in others):
            kept.append(first)
            same = f"the same sound as {_place(first)}, which is kept"
            copies += [Reject(other.path, f"{other.utt_id}: {same}") for other in others]
        else:
            names = ", ".join(map(_place, (first, *others)))
            reason = f"the same sound under different labels: {names}"
            contradicting += [Reject(twin.path, reason) for twin in (first, *others)]
    return kept, copies, contradicting


def _place(utterance: Utterance) -> str:
    """The file, and the section of it where the utterance is one."""
    section = [f"{time:g}" if time is not None else "" for time in (utterance.start, utterance.end)]
    return printable(utterance.path) + (f" ({'-'.join(section)} s)" if any(section) else "")


def _without_clashes(utterances: Sequence[Utterance]) -> tuple[list[Utterance], list[Reject]]:
    holders: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        holders.setdefault(utterance.utt_id, []).append(utterance)
    rejects = [
        Reject(
            one.path,
            f"utterance id {one.utt_id!r} is also that of {', '.join(_place(o) for o in same if o is not one)}",
        )
        for same in holders.values()
        if len(same) > 1
        for one in same
    ]
    return [same[0] for same in holders.values() if len(same) == 1], rejects


def _of_kept(table: Table, utterances: Sequence[Utterance]) -> Table:
    """The rows of utterances that are kept, in C order."""
    kept = {utterance.utt_id for utterance in utterances}
    rows = (row for row in table.rows if row[0] in kept)
    return Table(table.header, sorted(rows, key=lambda row: c_order("\t".join(row))))


def tell(path: Path, utterances: Sequence[Utterance], rejects: Sequence[Reject]) -> None:
    speakers = len({utterance.speaker for utterance in utterances})
    hours = sum(utterance.duration for utterance in utterances) / 3600
    say(f"{path}: {len(utterances)} utterances of {speakers} speakers, {hours:.2f} h")
    counts = Counter(utterance.emotion or "(not labelled)" for utterance in utterances)
    say(f"{path}: {', '.join(f'{printable(label)} {counts[label]}' for label in sorted(counts, key=c_order))}")
    share = single_label_share({utterance.utt_id: utterance.emotion for utterance in utterances}, utterances)
    if share > ENTANGLED:
        say(
            f"{path}: ENTANGLED: {100 * share:.0f} % of the labelled utterances are by speakers who have one emotion only; "
            "speaker-independent scores of this corpus say little about emotion, and are marked"
        )
    for reject in rejects[:5]:
        say(f"set aside: {printable(reject.path)}: {reject.reason}")
    if len(rejects) > 5:
        say(f"set aside: {len(rejects) - 5} more, see {path / keys.CORPUS / 'rejects.tsv'}")


def _report_counts(path: Path, counts: Sequence[Count]) -> int:
    """Say where the corpus is not the release, and return in how many cells."""
    filled = {count.part for count in counts if count.found}
    missing = list(dict.fromkeys(count.part for count in counts if count.part and count.part not in filled))
    if missing:
        say(f"partial copy: {', '.join(missing)} missing; their counts, and those of the whole, are not checked")
    different = [count for count in counts if count.found != count.expected]
    checked = [count for count in different if count.part not in missing and (count.part or not missing)]
    lines = [f"count: {count.name}: {count.found}, the release has {count.expected}" for count in checked]
    _say_first(lines, f"more, see {path / keys.CORPUS / 'counts.tsv'}")
    return len(different)


def _say_first(lines: Sequence[str], rest: str) -> None:
    for line in lines[:_MOST_LINES]:
        say(line)
    if len(lines) > _MOST_LINES:
        say(f"{len(lines) - _MOST_LINES} {rest}")


def _refuse_too_many(path: Path, rejects: int, total: int, max_rejects: float) -> None:
    if rejects > (max_rejects if max_rejects >= 1 else max_rejects * total):
        raise SercliError(
            f"{rejects} of {total} recordings were set aside, more than --max-rejects {max_rejects:g} allows; "
            f"see {path / keys.CORPUS / 'rejects.tsv'} (the good ones are kept)"
        )
