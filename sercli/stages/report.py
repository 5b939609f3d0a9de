"""`sercli report`: one page of everything that a store holds. What it must compute for that becomes products of the store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from ..errors import Command, MissingInput, SercliError
from ..evaluation.stored import read_histories
from ..experiments.catalogue import Catalogue
from ..experiments.kinds import report_product
from ..experiments.making import FITTING, Job, Outcome, Settings, Work, make, make_here, report_fraction
from ..experiments.systems import Autoencoder
from ..machine.progress import say
from ..report.content import DIAGNOSIS, PICTURES, PageReader, diagnosed_autoencoders
from ..report.page import render
from ..store import keys, publishing
from ..store.store import Store

PAGE = "report.html"
_PRELOAD = (*FITTING, "sklearn.linear_model", "sklearn.manifold")
_DOCTYPE = b"<!DOCTYPE html>"


def run(store_path: Path, output: Path | None, settings: Settings) -> Outcome:
    """Make the page in the store, and copy it to `output` if that is given.

    Raises MissingInput for a store with neither a score nor an autoencoder, SercliError for a file that cannot be written.
    """
    store = Store(store_path)
    target = output or store.location(keys.REPORT) / PAGE
    if output is not None:
        _check_target(output, settings.overwrite)
    catalogue = Catalogue(store)
    outcome = Outcome(str(target), str(target))
    autoencoders = diagnosed_autoencoders(catalogue)
    if not autoencoders and not _has_scores(catalogue):
        problem = "the store holds neither fresh scores nor a fresh autoencoder"
        raise MissingInput(problem, place=store_path, fix=Command("info", store_path))
    if autoencoders:
        job = Job(keys.DIAGNOSTICS, list(map(_diagnostics_work, autoencoders)), "autoencoder", _PRELOAD)
        outcome.add(make(store, keys.DIAGNOSTICS, job, settings))
    if settings.dry_run and outcome.made:
        say(f"would write {target}")
        outcome.made.append(keys.REPORT)
        return outcome
    page = _make_page(store, autoencoders, settings)
    page.say_if_nothing_to_do()
    outcome.add(page)
    if output is not None and not (settings.dry_run and page.made):
        _deliver(store.file(keys.REPORT, PAGE).read_bytes(), output, settings.dry_run)
    return outcome


def _diagnostics_work(autoencoder: Autoencoder) -> Work:
    numbers = autoencoder.fresh_folds
    arguments = (autoencoder.store.path, autoencoder.name, numbers)
    return Work(autoencoder.diagnostics(numbers), diagnose_autoencoder, arguments)


def diagnose_autoencoder(store_path: Path, name: str, numbers: Sequence[int], built: Path, device: str) -> None:
    """Unit of work: `diagnostics.json` and the pictures of one autoencoder."""
    from threadpoolctl import threadpool_limits

    from ..evaluation.diagnostics import diagnose
    from ..learning.training import repeatable
    from ..report.pictures import draw_diagnosis

    autoencoder = Catalogue(Store(store_path)).autoencoder(name)
    histories = read_histories(autoencoder, numbers)
    with threadpool_limits(1), repeatable(device):  # the same bits however many workers there are
        diagnosis = diagnose(autoencoder, histories, device, partial(report_fraction, built))
        pictures = draw_diagnosis(diagnosis, histories, autoencoder.task.definition.target)
    (built / DIAGNOSIS).write_text(json.dumps(asdict(diagnosis)) + "\n", encoding="utf-8")
    (built / PICTURES).write_text(json.dumps(asdict(pictures)) + "\n", encoding="utf-8")


def _make_page(store: Store, autoencoders: Sequence[Autoencoder], settings: Settings) -> Outcome:
    catalogue = Catalogue(store)  # the diagnostics may be new

    def fill(built: Path) -> None:
        page = PageReader(catalogue, [autoencoder.name for autoencoder in autoencoders]).read()
        (built / PAGE).write_text(render(page), encoding="utf-8")

    return make_here(store, report_product(catalogue), settings, fill)


def _has_scores(catalogue: Catalogue) -> bool:
    for name in catalogue.classifier_names:
        try:
            catalogue.classifier(name).published_result()
        except MissingInput:
            continue
        return True
    return False


def _check_target(target: Path, overwrite: bool) -> None:
    """Raises SercliError unless the page can be written there."""
    fix = "name a file with -o FILE.html"
    if target.is_dir():
        raise SercliError("is a folder", place=target, expected="a file", fix=fix)
    if not target.parent.is_dir():
        raise SercliError("there is no such folder", place=target.parent, fix=fix)
    if not target.exists():
        return
    if not target.is_file():
        raise SercliError("is not a regular file", place=target, fix=fix)
    with target.open("rb") as stream:
        start = stream.read(len(_DOCTYPE))
    if start not in (b"", _DOCTYPE) and not overwrite:
        fix = "choose another name, or replace it with --overwrite"
        raise SercliError("exists and is not a page of sercli", place=target, fix=fix)


def _deliver(page: bytes, output: Path, dry_run: bool) -> None:
    target = output.resolve()  # where a link leads
    if target.is_file() and target.read_bytes() == page:
        say(f"report: nothing to do, {output} is up to date")
    elif dry_run:
        say(f"would write {output}")
    else:
        publishing.replace_file(target, page)
