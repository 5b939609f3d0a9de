"""`sercli ingest`: a corpus folder to the tables of a store."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ..corpora import base as corpora
from ..corpora.base import Reader
from ..data import emotions, sieves
from ..data.audio_index import AudioFile, AudioIndex, read_files
from ..data.contours import Contour, section
from ..data.near_copies import near_copies
from ..data.ratings import RATINGS, in_common_terms, ratings_table
from ..data.sieves import Sifted
from ..data.utterances import DIMENSIONS, SCALE, Count, Rating, Scan, SideTable, Utterance
from ..errors import SercliError, UsageError, listed
from ..executors.base import Request, open_slots
from ..experiments.corpus_files import CorpusContent, check_store_folder, print_summary, publish_corpus
from ..experiments.making import Outcome, Settings, raise_first
from ..experiments.rejects import check_number
from ..experiments.shared_recordings import table_of_copies, warning_of_copies
from ..machine import workers
from ..machine.progress import bar, say
from ..machine.workers import Unit
from ..store import keys, publishing
from ..store.locations import check_name
from ..text import c_order, printable

_FILES_PER_UNIT = 64
_N_PRINTED = 20  # lines of one kind
_LONGEST_NAME = 60  # of a corpus: it is the prefix of its speakers
_GENERAL_READERS = ("audformat", "kaldi", "table")  # for any corpus, which gets the name of its folder
_UNSAFE = re.compile(r"[^\w.+-]+")


@dataclass(frozen=True, kw_only=True)
class IngestOptions:
    """Options of `sercli ingest`."""

    kind: str | None = None  # name of the reader; by default the one that recognises the folder
    sound_root: Path | None = None  # where the paths in a table start; by default its own folder
    name: str | None = None  # of the corpus, the prefix of its speakers
    max_rejects: float = 0.1  # a share below 1, else a number
    verify: bool = False  # whether a count that differs from the release is an error
    scale: tuple[float, float] | None = None  # of valence, arousal and dominance; by default the reader's


def run(corpus: Path, store_path: Path, options: IngestOptions, settings: Settings) -> Outcome:
    """Make the corpus of a store.

    Raises SercliError for a folder without usable recordings, and, when the tables are written, for too many rejects or (with
    `verify`) for counts that differ from the release.
    """
    reader = _choose_reader(corpus, options.kind)
    if options.verify and not reader.has_counts:
        fix = "leave --verify out"
        raise UsageError("the makers of this corpus publish no counts", place="--verify", seen=reader.name, fix=fix)
    scan = _scan(corpus, reader)
    scale = options.scale or scan.scale
    facts = _facts(corpus, reader, scan, options)
    check_store_folder(store_path, facts, settings)
    if settings.dry_run:
        n_rejects = f"{len(scan.rejects)} rejects before any file is opened"
        say(f"would ingest {len(scan.utterances)} utterances from {facts['root']} ({n_rejects})")
        return Outcome(facts["name"], str(store_path), made=[keys.CORPUS])
    with publishing.lock(store_path, keys.CORPUS):
        sifted, contours = _sift(store_path, scan, facts, scale, settings)
        copies = list(near_copies(sifted.utterances, list(contours.values())))
        sifted = _in_order(sifted.through(partial(sieves.without_contradictions, pairs=copies)))
        counts = reader.counts(sifted.utterances)
        ratings = in_common_terms(scan.ratings, scale)
        tables = _tables(ratings, counts, sifted.utterances) | table_of_copies(copies)
        content = CorpusContent(facts, reader.task, sifted.utterances, sifted.rejects, tables, contours)
        outcome = publish_corpus(store_path, content, settings)
    warnings = [*scan.warnings, *_unknown_emotions(sifted.utterances), *_repeated_votes(scan.ratings, ratings)]
    warnings += warning_of_copies(copies)
    warnings += _out_of_scale(scan.utterances, scale) if reader.name in _GENERAL_READERS else []
    _print_first([f"warning: {warning}" for warning in warnings], "more warnings")
    print_summary(store_path, content)
    folder = store_path / keys.CORPUS
    n_different = _print_counts(folder / "counts.tsv", counts)
    n_lost = sum(not reject.copy for reject in sifted.rejects)
    check_number(n_lost, len(sifted.utterances) + n_lost, options.max_rejects, folder / "rejects.tsv")
    if options.verify and n_different:
        seen, fix = f"{n_different} of {len(counts)} counts", "copy what is missing, and run the same command again"
        raise SercliError("counts differ from the release", place=folder / "counts.tsv", seen=seen, fix=fix)
    return outcome


def parse_scale(text: str) -> tuple[float, float]:
    """Two numbers. Raises UsageError.

    >>> parse_scale("1,7")
    (1.0, 7.0)
    """
    try:
        low, high = map(float, text.split(","))
        if -math.inf < low < high < math.inf:
            return low, high
    except ValueError:
        pass
    raise UsageError("not a scale", place="--scale", seen=text, expected="the lowest and the highest value: 1,7")


# --- the reader


def _choose_reader(corpus: Path, kind: str | None) -> Reader:
    """The reader of this kind, or the only one that recognises the corpus. Raises SercliError."""
    fix = "give the folder of a corpus"
    if not corpus.exists():
        raise SercliError("no such folder", place=corpus, fix=fix)
    if corpus.is_dir() and not any(corpus.iterdir()):
        raise SercliError("the folder is empty", place=corpus, fix=fix)
    if kind is not None:
        return corpora.reader(kind)
    kinds = corpora.recognising(corpus)
    if len(kinds) > 1:
        fix = f"choose with --corpus {'|'.join(kinds)}"
        raise SercliError("could be one of several corpora", place=corpus, seen=listed(kinds), fix=fix)
    if not kinds:
        seen, expected = "; ".join(corpora.near_misses(corpus)), listed(reader.name for reader in corpora.readers())
        fix = "choose with --corpus, or put a table with the columns path, speaker and emotion beside the sound files"
        problem = "not a corpus that sercli recognises"
        raise SercliError(problem, place=corpus, seen=seen, expected=f"one of {expected}", fix=fix)
    say(f"{corpus}: looks like {kinds[0]}")
    return corpora.reader(kinds[0])


def _scan(corpus: Path, reader: Reader) -> Scan:
    """Scan the corpus. If that fails and another reader recognises the corpus, the error's fix names it."""
    try:
        return reader.scan(corpus)
    except SercliError as error:
        others = [kind for kind in corpora.recognising(corpus) if kind != reader.name]
        raise error.fixed_by(f"--corpus {others[0]}") if others else error from None


def _facts(corpus: Path, reader: Reader, scan: Scan, options: IngestOptions) -> dict[str, Any]:
    """What `corpus.yaml` says about the corpus as a whole."""
    home = corpus.parent if corpus.is_file() else corpus
    given = options.name or (home.resolve().name if reader.name in _GENERAL_READERS else reader.name)
    name = check_name(_UNSAFE.sub("-", given).strip("-.+")[:_LONGEST_NAME] or given)
    root = (options.sound_root or scan.sound_root or home).resolve()
    scale = options.scale or scan.scale
    facts: dict[str, Any] = {"name": name, "corpus": reader.name, "root": str(root)}
    facts |= {"synthetic": True} if scan.synthetic else {}
    return facts | ({"scale": list(scale)} if scale != SCALE else {})


# --- utterances and tables


def _sift(
    store_path: Path, scan: Scan, facts: Mapping[str, Any], scale: tuple[float, float], settings: Settings
) -> tuple[Sifted, dict[str, Contour]]:
    """The utterances that can be used, all rejects, and the contour of each utterance."""
    sifted = Sifted(scan.utterances, scan.rejects).through(sieves.storable)
    files = _audio_files(store_path, Path(facts["root"]), sifted.utterances, settings)
    for sieve in (
        partial(sieves.in_common_terms, corpus=facts["name"], scale=scale),
        partial(sieves.measured, files=files, durations=scan.durations),
        sieves.without_duplicates,
        sieves.without_shared_ids,
    ):
        sifted = sifted.through(sieve)
    contours = {}
    for u in sifted.utterances:
        file = files[u.path]
        contours[u.utt_id] = section(file.contour, file.sample_rate, u.start, u.end)
    return sifted, contours


def _in_order(sifted: Sifted) -> Sifted:
    """The rejects in C order."""
    return Sifted(sifted.utterances, sorted(sifted.rejects, key=lambda reject: (c_order(reject.path), reject.reason)))


def _audio_files(
    store_path: Path, root: Path, utterances: Sequence[Utterance], settings: Settings
) -> dict[str, AudioFile]:
    """What all files say, by path; of unchanged files from the index, which is filled unit by unit."""
    index = AudioIndex(store_path, root)
    paths = sorted({utterance.path for utterance in utterances}, key=c_order)
    files = {path: file for path in paths if (file := index.look_up(path))} if not settings.overwrite else {}
    unread = [path for path in paths if path not in files]
    batches = [unread[start : start + _FILES_PER_UNIT] for start in range(0, len(unread), _FILES_PER_UNIT)]
    units = [Unit(f"headers from {batch[0]}", read_files, (root, batch)) for batch in batches]
    request = Request(len(units), settings.jobs, in_threads=True)
    with bar("ingest", "files", len(unread)) as shown, open_slots(settings.executor, request) as slots:

        def remember(unit: Unit, batch: dict[str, AudioFile]) -> None:
            index.remember(batch)
            files.update(batch)
            shown.advance(len(batch))

        raise_first(workers.run(units, slots, remember), 0)
    return files


def _tables(
    ratings: Sequence[Rating], counts: Sequence[Count], utterances: Sequence[Utterance]
) -> dict[str, SideTable]:
    """The votes on these utterances, and the counts."""
    tables = {RATINGS: ratings_table(ratings, utterances)} if ratings else {}
    if counts:
        rows = [(count.name, str(count.present), str(count.expected)) for count in counts]
        tables["counts"] = SideTable(("cell", "found", "expected"), rows)
    return tables


# --- what is printed


def _unknown_emotions(utterances: Sequence[Utterance]) -> Iterator[str]:
    """A warning for each emotion that has no canonical name, with the nearest one."""
    counts = Counter(utterance.emotion for utterance in utterances if not emotions.is_known(utterance.emotion))
    for emotion in sorted(counts, key=c_order):
        near = emotions.nearest(emotion)
        hint = f"; the nearest is {near}, correct it if that is meant" if near else ""
        yield f"unknown emotion {printable(emotion)!r} of {counts[emotion]} utterances is kept{hint}"


def _repeated_votes(given: Sequence[Rating], kept: Sequence[Rating]) -> Iterator[str]:
    if len(kept) < len(given):
        yield f"{len(given) - len(kept)} further votes of raters on utterances that they had rated are left out"


def _out_of_scale(utterances: Sequence[Utterance], scale: tuple[float, float]) -> Iterator[str]:
    low, high = scale
    for name in DIMENSIONS:
        values = {u.utt_id: value for u in utterances if (value := getattr(u, name)) is not None}
        outside = [utt_id for utt_id, value in values.items() if not low <= value <= high]
        if outside:
            first = f"{values[outside[0]]:g} of {outside[0]} first"
            outliers = f"{name} of {len(outside)} utterances lies outside {low:g} to {high:g}, {first}"
            yield f"{outliers}; if the corpus has another scale, give it with --scale"


def _print_counts(table: Path, counts: Sequence[Count]) -> int:
    """Print the counts that differ from those of the release. Returns their number."""
    present = {count.part for count in counts if count.present}
    missing = list(dict.fromkeys(count.part for count in counts if count.part and count.part not in present))
    if missing:
        say(f"partial copy: {listed(missing)} missing; their counts, and those of the whole, are not checked")
    different = [count for count in counts if count.present != count.expected]
    checked = [count for count in different if count.part not in missing and (count.part or not missing)]
    lines = [f"count: {count.name}: {count.present}, the release has {count.expected}" for count in checked]
    _print_first(lines, f"more counts, see {table}")
    return len(different)


def _print_first(lines: Sequence[str], rest: str) -> None:
    for line in lines[:_N_PRINTED]:
        say(line)
    if len(lines) > _N_PRINTED:
        say(f"{len(lines) - _N_PRINTED} {rest}")
