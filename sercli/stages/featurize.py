"""`sercli featurize`: the audio files to `arrays.zarr/features/<frontend>`, block by block."""

import filecmp
import shutil
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from .. import audio, plugins, workers
from ..config import assignments, build, like_default, unknown_option
from ..devices import resolve_all
from ..errors import AudioError, SercliError
from ..fingerprints import Fingerprints, take
from ..frontends import Extractor, refuse_short
from ..manifest import Utterance, printable, write_table
from ..products import features, features_key
from ..progress import bar, say
from ..ragged import Rows, write_ragged
from ..store import Product, Store, check_name
from ..workers import Unit
from . import Outcome, Run, n_jobs, raise_first, survey

_BLOCK_SECONDS = 60.0  # of speech: what a kill can cost


def run(
    path: Path,
    frontend: str,
    name: str | None,
    settings: Sequence[str],
    root: Path | None,
    max_rejects: float,
    run: Run,
) -> Outcome:
    """Raises SercliError for audio that changed since `ingest`, and (once the good is kept) for too many bad files."""
    store = Store(path)
    name = check_name(name or frontend)
    root = root or store.root
    options = _options(frontend, settings)
    product = features(store, name, {"frontend": frontend, **options})
    _refuse_changed_audio(store, root)
    outcome, todo = survey(store, name, product.key, [product], run)
    if run.dry_run:
        return outcome
    if todo:
        if not root.is_dir():
            raise SercliError(f"{root}: no such folder, the sound files were there; say with --root where they are now")
        with store.lock([product.key]):
            if run.overwrite or not store.finish_publishing(product):
                _make(store, product, frontend, options, root, run)
    _report(store, name, max_rejects)
    return outcome


def _options(frontend: str, settings: Sequence[str]) -> dict[str, Any]:
    usual = plugins.declared("frontends", frontend, "Config")
    given = assignments(settings)
    for key in given:
        if key not in usual:
            raise unknown_option(frontend, key, list(usual))
    return usual | {key: like_default(usual[key], value, f"{frontend}: {key}") for key, value in given.items()}


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


def _make(store: Store, product: Product, frontend: str, options: Mapping[str, Any], root: Path, run: Run) -> None:
    devices = resolve_all(run.device)
    staged = store.staged(product)
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
        workers.threads([(devices[n % len(devices)],) for n in range(n_jobs(run, len(units)))]) as slots,
    ):
        raise_first(workers.run(units, slots, lambda unit, _: shown.advance(len(unit.arguments[1]))), len(done))
    _assemble(
        store,
        product,
        _extractor(frontend, tuple(options.items()), devices[0]),
        [u for block in blocks for u in block],
        staged,
    )


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
            refuse_short(len(samples), extractor)
            frames.append(extractor(samples))
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


def _assemble(
    store: Store, product: Product, extractor: Extractor, utterances: Sequence[Utterance], staged: Path
) -> None:
    paths = sorted((staged / "blocks").glob("*.npz"))
    lengths: list[int] = []
    problems: list[str] = []
    for path in paths:
        with np.load(path, allow_pickle=False) as block:
            lengths += block["lengths"].tolist()
            problems += block["problems"].tolist()
    if not any(lengths):
        raise SercliError(f"no utterance gave a frame; the first: {printable(utterances[0].path)}: {problems[0]}")

    def frames() -> Iterator[dict[str, Rows]]:
        for path in paths:
            with np.load(path, allow_pickle=False) as block:
                yield {"frames": block["frames"]}

    rejects = {utterance.utt_id: problem for utterance, problem in zip(utterances, problems, strict=True) if problem}
    attributes = {"frame_shift_ms": extractor.frame_shift_ms, "sample_rate": extractor.sample_rate, "rejects": rejects}
    utt_ids = [utterance.utt_id for utterance in utterances]
    write_ragged(
        staged / "product", frames(), lengths, utt_ids, {"frames": extractor.n_features}, ("frame", "mel"), attributes
    )
    store.publish(product, staged / "product")


def _report(store: Store, name: str, max_rejects: float) -> None:
    """`rejects-<name>.tsv`, from what is stored with the array."""
    features = store.ragged(features_key(name))
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
