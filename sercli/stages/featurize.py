"""`sercli featurize`: the audio files, or features made elsewhere, to `arrays.zarr/features/<frontend>`, block by block."""

import filecmp
import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from .. import plugins
from ..config import assignments, build
from ..data import audio
from ..data.audio_index import Fingerprints, take
from ..data.hashing import digest
from ..data.utterances import Utterance, write_table
from ..errors import AudioError, SercliError, UsageError
from ..executors.base import Request, open_slots
from ..experiments.making import Outcome, Settings, plan, raise_first
from ..experiments.sources import Features, Sources
from ..frontends.base import Extractor, Source, frames_of, refuse_no_numbers
from ..learning.segments import Frames
from ..machine import workers
from ..machine.devices import resolve_all
from ..machine.progress import bar, say
from ..machine.workers import Unit
from ..store import keys, publishing
from ..store.locations import check_name
from ..store.publishing import Product
from ..store.ragged import Rows, write_ragged
from ..store.store import Store
from ..text import printable

_BLOCK_SECONDS = 60.0  # of speech: what a kill can cost
_FILLS = (0.75, 1.25)  # of the sound, what frames that were made elsewhere come to
_BLOCK_BYTES, _BLOCK_UTTERANCES = 2**22, 256  # of features made elsewhere, handed on at a time


def run(
    path: Path,
    frontend: str,
    name: str | None,
    settings: Sequence[str],
    source: Path | None,
    root: Path | None,
    max_rejects: float,
    run: Settings,
) -> Outcome:
    """`source` is where a front end that reads features finds them; what is up to date needs none.

    Raises SercliError for audio that changed since `ingest`, and (once the good is kept) for too many bad files.
    """
    store = Store(path)
    name = check_name(name or frontend)
    options = _options(frontend, settings)
    catalogue = Sources(store)
    product = Features(catalogue, name, {"frontend": frontend, **options}).product
    found = None
    if plugins.defines("frontends", frontend, "Source"):
        found = _look_through(store, product, options, source, run)
        product = product if found is None else Features(catalogue, name, product.config, found.digest).product
    else:
        _refuse_source(frontend, source)
        _refuse_changed_audio(store, root or store.sound_root)
    outcome = Outcome(name, str(store.path / product.key))
    todo = plan(store, outcome, [product], run)
    if todo:  # a dry run refuses what a real run refuses
        build(plugins.load("frontends", frontend).Config, options, frontend)
    if run.dry_run:
        return outcome
    if todo:
        with publishing.lock(store.path, product.key):
            if run.overwrite or not publishing.finish_publishing(store, product):
                if found is None:
                    _make(store, product, frontend, options, root or store.sound_root, run)
                else:
                    _import(store, product, found)
    report_rejects(store, name, max_rejects)
    return outcome


def _options(frontend: str, settings: Sequence[str]) -> dict[str, Any]:
    """The whole configuration of a front end, as its features have it."""
    return dict(vars(build(plugins.config_class("frontends", frontend), assignments(settings), frontend)))


# --- from sound


def _refuse_source(frontend: str, source: Path | None) -> None:
    if source is not None:
        others = [name for name in plugins.names("frontends") if plugins.defines("frontends", name, "Source")]
        raise UsageError(
            f"--from {source}: {frontend} reads the sound files themselves; leave --from out, or choose --frontend {', '.join(others)}"
        )


def _refuse_changed_audio(store: Store, root: Path) -> None:
    """By size and time first, then by content. A folder that is not there is no change: the features may still be."""
    if not root.is_dir():
        return
    known = Fingerprints(store.path, root)
    for utterance in store.utterances:
        if known.look_up(utterance.path) is None:
            found = take(root, [utterance.path])
            print_ = found[utterance.path][1]
            if print_.digest != utterance.digest:
                seen = f" ({print_.problem})" if print_.problem else ""
                raise SercliError(
                    f"{root / utterance.path}: changed since it was read{seen}; run `{store.origin}` again"
                )
            known.remember(found)


def _make(store: Store, product: Product, frontend: str, options: Mapping[str, Any], root: Path, run: Settings) -> None:
    if not root.is_dir():
        raise SercliError(f"{root}: no such folder, the sound files were there; say with --root where they are now")
    extractor = _extractor(
        frontend, tuple(options.items()), resolve_all(run.device)[0]
    )  # what cannot work is told before anything is begun
    staged = publishing.stage(store, product)
    if run.overwrite:
        shutil.rmtree(staged)
    (staged / "blocks").mkdir(parents=True, exist_ok=True)
    blocks = list(_blocks(store.utterances))
    done = {path.name for path in (staged / "blocks").glob("*.npz")}
    units = [
        Unit(
            f"block {number}",
            extract_block,
            (root, block, frontend, dict(options), staged / "blocks" / f"{number:06d}.npz"),
        )
        for number, block in enumerate(blocks)
        if f"{number:06d}.npz" not in done
    ]
    if done:
        say(f"{product.key}: {len(done)} of {len(blocks)} blocks are there already")
    todo = sum(len(unit.arguments[1]) for unit in units)
    with (
        bar("featurize", "utterances", todo) as shown,
        open_slots(run.executor, Request(len(units), run.jobs, run.device, in_threads=True)) as slots,
    ):
        raise_first(workers.run(units, slots, lambda unit, _: shown.advance(len(unit.arguments[1]))), len(done))
    _assemble(store, product, extractor, staged)


def _blocks(utterances: Sequence[Utterance]) -> Iterator[list[Utterance]]:
    """Runs of about a minute. The plan comes from the table alone."""
    block: list[Utterance] = []
    for utterance in utterances:
        block.append(utterance)
        if sum(one.duration for one in block) >= _BLOCK_SECONDS:
            yield block
            block = []
    if block:
        yield block


@lru_cache(maxsize=16)  # one a device
def _extractor(frontend: str, options: tuple[tuple[str, Any], ...], device: str) -> Extractor:
    import torch

    module = plugins.load("frontends", frontend)
    if device == "cpu":
        torch.set_num_threads(1)  # the blocks fill the cores
    made: Extractor = module.Extractor(build(module.Config, dict(options), frontend), device)
    return made


def extract_block(
    root: Path, utterances: Sequence[Utterance], frontend: str, options: Mapping[str, Any], target: Path, device: str
) -> None:
    """Frames of one block to a file: all that could be made, and for each utterance that gave none, why."""
    extractor = _extractor(frontend, tuple(options.items()), device)
    frames: list[Rows] = []
    problems: list[str] = []
    for utterance in utterances:
        try:
            samples = audio.read(root / utterance.path, extractor.sample_rate, utterance.start, utterance.end)
            frames.append(frames_of(samples, extractor))
            problems.append("")
        except AudioError as error:
            frames.append(np.empty((0, extractor.n_features), np.float32))
            problems.append(str(error))
    draft = target.with_suffix(".draft")
    with draft.open("wb") as stream:
        np.savez(
            stream, frames=np.concatenate(frames), lengths=[len(one) for one in frames], problems=np.array(problems)
        )
    draft.replace(target)


def _assemble(store: Store, product: Product, extractor: Extractor, staged: Path) -> None:
    paths = sorted((staged / "blocks").glob("*.npz"))
    lengths: list[int] = []
    problems: list[str] = []
    for path in paths:
        with np.load(path, allow_pickle=False) as block:
            lengths += block["lengths"].tolist()
            problems += block["problems"].tolist()

    def frames() -> Iterator[Rows]:
        for path in paths:
            with np.load(path, allow_pickle=False) as block:
                yield block["frames"]

    attributes = {"frame_shift_ms": extractor.frame_shift_ms, "sample_rate": extractor.sample_rate}
    publish_frames(store, product, frames(), lengths, problems, extractor.n_features, attributes)


def publish_frames(
    store: Store,
    product: Product,
    frames: Iterable[Rows],
    lengths: Sequence[int],
    problems: Sequence[str],
    n_features: int,
    attributes: Mapping[str, Any],
) -> None:
    """Write the array; `lengths` and `problems` are of each utterance of the store."""
    utterances = store.utterances
    if not any(lengths):
        raise SercliError(f"no utterance gave a frame; the first: {printable(utterances[0].path)}: {problems[0]}")
    rejects = {utterance.utt_id: problem for utterance, problem in zip(utterances, problems, strict=True) if problem}
    built = publishing.staging(store, product) / "product"
    blocks = ({"frames": block} for block in frames)
    utt_ids = [utterance.utt_id for utterance in utterances]
    told = {**attributes, "rejects": rejects}
    write_ragged(built, blocks, lengths, utt_ids, {"frames": n_features}, ("frame", "feature"), told)
    publishing.publish(store, product, built)


# --- from features made elsewhere


@dataclass
class _Found:
    """What a source has for each utterance of the store, in its order."""

    source: Source
    n_features: int = 0
    lengths: list[int] = field(default_factory=list)  # frames
    problems: list[str] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)  # of the frames; empty where there are none

    @property
    def digest(self) -> str:
        """Of all that is taken, whatever files it lies in."""
        return digest([self.n_features, self.lengths, self.digests, [bool(problem) for problem in self.problems]])


def _look_through(
    store: Store, product: Product, options: Mapping[str, Any], path: Path | None, run: Settings
) -> _Found | None:
    """Read everything once, to know what it is; None if nothing is named, and what is there is up to date.

    Raises UsageError if it is not, and SercliError for features that are of no utterance, or of two widths.
    """
    frontend = str(product.config["frontend"])
    module = plugins.load("frontends", frontend)
    config = build(module.Config, dict(options), frontend)
    state = publishing.state(store, product)  # the name may be taken
    if path is None:
        if state.name == "fresh" and not run.overwrite:
            return None
        raise UsageError(f"{frontend} reads features that were made elsewhere; say where: `{product.command}`")
    source: Source = module.Source(config, path)
    _refuse_strangers(store, source, path)
    found, first = _Found(source), ""
    with bar("featurize", "utterances looked at", len(store.utterances)) as shown:
        for utterance in store.utterances:
            frames, problem = _read(source, utterance.utt_id, path)
            if frames is not None:
                first, found.n_features = first or utterance.utt_id, found.n_features or frames.shape[1]
                if frames.shape[1] != found.n_features:
                    widths = f"{first} has {found.n_features}, {utterance.utt_id} has {frames.shape[1]}"
                    raise SercliError(f"{path}: frames of two widths: {widths} features; make all with one model")
            found.lengths.append(0 if frames is None else len(frames))
            found.digests.append("" if frames is None else _digest_of(frames))
            found.problems.append(problem)
            shown.advance(1)
    _doubt_shift(store, found)
    return found


def _doubt_shift(store: Store, found: _Found) -> None:
    """How far frames are apart stands in no file: say so where what was told does not fill the sound."""
    spoken = [(n, u.duration) for u, n in zip(store.utterances, found.lengths, strict=True) if n > 1]
    told = found.source.frame_shift_ms / 1000 * sum(n for n, _ in spoken)
    seconds = sum(duration for _, duration in spoken)
    if spoken and not _FILLS[0] < told / seconds < _FILLS[1]:
        say(
            f"odd: frames {found.source.frame_shift_ms:g} ms apart make {told:.0f} s of {seconds:.0f} s of sound; they seem to be "
            f"{1000 * seconds / sum(n for n, _ in spoken):.3g} ms apart, which --set frame_shift_ms=… says"
        )


def _refuse_strangers(store: Store, source: Source, path: Path) -> None:
    """Raises SercliError if nobody in the source is known; tells of those who are not."""
    known = {utterance.utt_id for utterance in store.utterances}
    strangers = [utt_id for utt_id in source.utt_ids if utt_id not in known]
    if len(strangers) == len(source.utt_ids):
        raise SercliError(
            f"{path}: none of its {len(strangers)} utterances is in {store.path}: there is {printable(strangers[0])}, wanted are "
            f"such as {store.utterances[0].utt_id}; name files, or keys of an archive, by the utt_id"
        )
    if strangers:
        verb = "are" if len(strangers) > 1 else "is"
        say(f"{path}: {len(strangers)} {verb} of no utterance here and passed over, {printable(strangers[0])} first")


def _read(source: Source, utt_id: str, path: Path) -> tuple[Frames | None, str]:
    """Frames (N, F) of an utterance, or why it is set aside."""
    if utt_id not in source.utt_ids:
        return None, f"no features for it in {path.resolve().name}"
    try:
        frames = source.read(utt_id)
        refuse_no_numbers(frames)
    except SercliError as error:
        return None, str(error)
    return (frames, "") if frames.size else (None, "its features hold no frame")


def _digest_of(frames: Frames) -> str:
    return hashlib.sha256(np.ascontiguousarray(frames).data).hexdigest()


def _import(store: Store, product: Product, found: _Found) -> None:
    """Read everything again, an utterance at a time, and publish it."""
    publishing.stage(store, product)
    attributes = {"frame_shift_ms": found.source.frame_shift_ms}
    rows = _in_blocks(_read_again(store, found), found.n_features)
    publish_frames(store, product, rows, found.lengths, found.problems, found.n_features, attributes)


def _read_again(store: Store, found: _Found) -> Iterator[Frames]:
    """Raises SercliError for an utterance whose frames are others by now."""
    with bar("featurize", "utterances", len(store.utterances)) as shown:
        for utterance, known in zip(store.utterances, found.digests, strict=True):
            if known:
                frames = found.source.read(utterance.utt_id)
                if _digest_of(frames) != known:
                    raise SercliError(f"the features of {utterance.utt_id} changed while they were read; run it again")
                yield frames
            shown.advance(1)


def _in_blocks(frames: Iterator[Frames], n_features: int) -> Iterator[Rows]:
    """Frames (N, F) of one utterance after the other to blocks of about so many bytes."""
    held = [np.empty((0, n_features), np.float32)]
    for one in frames:
        held.append(one)
        if sum(part.nbytes for part in held[1:]) >= _BLOCK_BYTES or len(held) > _BLOCK_UTTERANCES:
            yield np.concatenate(held)
            del held[1:]
    yield np.concatenate(held)


# --- what was set aside


def report_rejects(store: Store, name: str, max_rejects: float) -> None:
    """`rejects-<name>.tsv`, from what is stored with the array."""
    features = store.ragged(keys.features(name))
    rejects: dict[str, str] = features.attributes["rejects"]
    path = {utterance.utt_id: utterance.path for utterance in store.utterances}
    table = store.path / f"rejects-{name}.tsv"
    draft = store.path / ".staging" / table.name
    draft.parent.mkdir(exist_ok=True)
    write_table(
        draft, ["utt_id", "path", "reason"], [[utt_id, path[utt_id], reason] for utt_id, reason in rejects.items()]
    )
    if table.exists() and filecmp.cmp(draft, table, shallow=False):
        draft.unlink()
    else:
        draft.replace(table)
    for utt_id, reason in list(rejects.items())[:5]:
        say(f"set aside: {printable(path[utt_id])}: {reason}")
    if len(rejects) > 5:
        say(f"set aside: {len(rejects) - 5} more, see {table}")
    if len(rejects) > (max_rejects if max_rejects >= 1 else max_rejects * len(path)):
        raise SercliError(
            f"{len(rejects)} of {len(path)} utterances were set aside, more than --max-rejects {max_rejects:g} allows; see {table}"
        )
