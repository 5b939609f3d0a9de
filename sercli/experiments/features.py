"""Arrays of features: publish one, and report the utterances that have none."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..data.utterances import Reject, table_lines
from ..errors import SercliError
from ..store import keys, publishing
from ..store.publishing import Product
from ..store.ragged import RowArray, write_ragged
from ..store.store import Store
from ..text import printable
from .rejects import check_number, print_rejects


@dataclass(frozen=True)
class FrameArray:
    """The frames of all utterances of a store, in its order."""

    blocks: Iterable[RowArray]  # (N, F) each: the frames of one or more utterances
    lengths: Sequence[int]  # frames of each utterance
    problems: Sequence[str]  # why an utterance has no frames; empty if it has
    n_features: int  # F
    attributes: Mapping[str, Any]  # stored beside the array: frame_shift_ms (ms), sample_rate (Hz)


def publish_frames(store: Store, product: Product, array: FrameArray) -> None:
    """Write and publish an array; `publishing.stage` comes before. Raises SercliError if it holds no frame."""
    utterances = store.utterances
    if not any(array.lengths):
        raise SercliError("no utterance has frames", place=printable(utterances[0].path), seen=array.problems[0])
    rejects = {u.utt_id: problem for u, problem in zip(utterances, array.problems, strict=True) if problem}
    built = publishing.staging(store, product) / "product"
    lengths = dict(zip([u.utt_id for u in utterances], array.lengths, strict=True))
    blocks = ({"frames": block} for block in array.blocks)
    attributes = {**array.attributes, "rejects": rejects}
    write_ragged(built, blocks, lengths, {"frames": array.n_features}, ("frame", "feature"), attributes)
    publishing.publish(store, product, built)


def report_rejects(store: Store, name: str, max_rejects: float) -> None:
    """Write `rejects-<name>.tsv` from what is stored with the array, and print the first skipped utterances.

    Raises SercliError for more than `max_rejects` of them: a share below 1, or a count.
    """
    rejects: dict[str, str] = store.ragged(keys.features(name)).attributes["rejects"]
    paths = {utterance.utt_id: utterance.path for utterance in store.utterances}
    table = store.path / f"rejects-{name}.tsv"
    rows = [[utt_id, paths[utt_id], reason] for utt_id, reason in rejects.items()]
    content = "".join(table_lines(["utt_id", "path", "reason"], rows)).encode("utf-8", "surrogateescape")
    if not table.exists() or table.read_bytes() != content:  # a second run leaves the table untouched
        publishing.replace_file(table, content)
    print_rejects([Reject(paths[utt_id], reason) for utt_id, reason in rejects.items()], table)
    check_number(len(rejects), len(paths), max_rejects, table)
