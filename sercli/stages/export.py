"""`sercli export`: a classifier with all that it needs to label new audio, and a card with its honest scores."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from .. import __version__
from ..bundles import bundle as bundles
from ..config import plain
from ..data.utterances import read_table
from ..errors import MissingInput, SercliError
from ..evaluation.marks import Mark
from ..evaluation.results import Result, chance_to_json
from ..evaluation.stored import read_result
from ..experiments.catalogue import Catalogue
from ..experiments.fitted import read_autoencoder, read_classifier
from ..experiments.fitting import fit_autoencoder, fit_classifier
from ..experiments.making import Job, Outcome, Settings, Work, make
from ..experiments.systems import WEIGHTS, Autoencoder, Classifier
from ..learning.segments import shape_of
from ..machine.progress import say
from ..report.formats import interval, percent
from ..store import publishing
from ..store.store import Store
from ..tasks.folds import NOBODY, Fold, leave_nobody_out
from ..text import printable

_CARD_SCORES = {"accuracy": "WA (accuracy)", "uar": "UA (mean recall)", "macro_f1": "macro F1"}


def run(store_path: Path, name: str, bundle: Path, number: int | None, settings: Settings) -> Outcome:
    """`number` is the fold whose models are taken, None for new ones that leave nobody out.

    Raises SercliError for a system that cannot label a file by itself, or a target that holds something else, and
    MissingInput unless all folds are scored.
    """
    store = Store(store_path)
    classifier = Catalogue(store).classifier(name)
    bundles.check_exportable(name, classifier.config, classifier.features.frontend)
    classifier.task.require()
    product = classifier.bundle(None if number is None else classifier.folds.fold(number).number)
    _refuse_partial(classifier)
    title = name if number is None else f"{name}.fold-{number}"
    target = bundle.resolve()  # where a link leads
    _refuse_other_content(target, title, _corpus(store), settings)
    job = Job(title, [Work(product, build_bundle, (store_path, name, title, number))], "bundle")
    outcome = make(store, product.key, job, settings)
    if not settings.dry_run:
        with publishing.lock(store_path, product.key, wait=True):
            _deliver(store.location(product.key), target)
    return replace(outcome, product=str(bundle), path=str(bundle))


# --- what is refused


def _refuse_partial(classifier: Classifier) -> None:
    result = read_result(classifier.store, classifier.name)
    if len(result.per_fold) < result.folds_expected:
        raise MissingInput(
            "some folds are not scored, and what to expect of a bundle is what all folds say",
            place=classifier.name,
            seen=f"{len(result.per_fold)} folds",
            expected=f"{result.folds_expected} folds",
            fix=(classifier.fold(1).command.for_all_folds(), classifier.result([]).command),
        )


def _refuse_other_content(target: Path, title: str, corpus: Mapping[str, Any], settings: Settings) -> None:
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    info = bundles.replaceable_info(target)
    if not info:
        raise SercliError("exists and is not a bundle", place=target, fix="choose another folder")
    stored = (info.get("name"), info.get("corpus"))
    if stored != (title, corpus) and not settings.overwrite:
        fix = "choose another folder, or replace it with --overwrite"
        seen, expected = _bundle_name(*stored), _bundle_name(title, corpus)
        raise SercliError("holds another bundle", place=target, seen=seen, expected=expected, fix=fix)


def _bundle_name(title: object, corpus: object) -> str:
    return f"{title} ({corpus.get('name')})" if isinstance(corpus, Mapping) else str(title)


# --- making it


def build_bundle(store_path: Path, name: str, title: str, number: int | None, built: Path, device: str) -> None:
    """Unit of work: a bundle. Models that leave nobody out are fitted beside it first, and survive a kill there."""
    classifier = Catalogue(Store(store_path)).classifier(name)
    if number is None:
        files, epochs = _fit_all(classifier, built, device)
        fold = leave_nobody_out(classifier.folds.labels)
    else:
        files, epochs = {bundles.CLASSIFIER: classifier.weights(number)}, {}
        if classifier.autoencoder is not None:
            files[bundles.AUTOENCODER] = classifier.autoencoder.weights(number)
        fold = classifier.folds.fold(number)
    for file, source in files.items():
        shutil.copyfile(source, built / file)
    about = _about(classifier, title, fold, epochs, built)
    bundles.write(built, about, card(about))


def _fit_all(classifier: Classifier, built: Path, device: str) -> tuple[dict[str, Path], dict[str, int]]:
    """Both models fitted on everybody, for as many epochs as the folds' best: their median."""
    from ..experiments.inputs import ClassifierInput

    files: dict[str, Path] = {}
    epochs: dict[str, int] = {}
    fitted = None
    if classifier.autoencoder is not None:
        epochs["autoencoder"] = _median_epochs(classifier.autoencoder)
        files[bundles.AUTOENCODER] = _fit_autoencoder(classifier.autoencoder, epochs["autoencoder"], built, device)
        fitted = read_autoencoder(files[bundles.AUTOENCODER], "cpu")
    epochs["classifier"] = _median_epochs(classifier)
    config = replace(classifier.config, training={**classifier.config.training, "epochs": epochs["classifier"]})
    longer = Classifier(classifier.sources, classifier.name, config, classifier.task, classifier.autoencoder)
    folder = built.with_name("classifier")
    folder.mkdir(exist_ok=True)
    source = ClassifierInput(longer, NOBODY, autoencoder=fitted)
    fit_classifier(longer, source, leave_nobody_out(longer.folds.labels), folder, device)
    return {**files, bundles.CLASSIFIER: folder / WEIGHTS}, epochs


def _fit_autoencoder(autoencoder: Autoencoder, epochs: int, built: Path, device: str) -> Path:
    folder = built.with_name("autoencoder")
    folder.mkdir(exist_ok=True)
    finished = folder / "finished"
    if not finished.exists():
        training = {**autoencoder.config.training, "epochs": epochs}
        config = replace(autoencoder.config, training=training, reconstruction_threshold=None)
        longer = Autoencoder(autoencoder.sources, autoencoder.name, config, autoencoder.task)
        fit_autoencoder(longer, leave_nobody_out(longer.folds.labels), folder, device)
        finished.touch()
    return folder / WEIGHTS


def _median_epochs(system: Autoencoder | Classifier) -> int:
    """The median over folds of the epoch whose weights were kept."""
    rows = (row for number in system.fold_numbers for row in read_table(system.history(number)))
    return max(1, round(median([float(row["epoch"]) for row in rows if float(row["best"])])))


# --- what is said of it


def _about(
    classifier: Classifier, title: str, fold: Fold, epochs: Mapping[str, int], built: Path
) -> bundles.BundleInfo:
    store, features = classifier.store, classifier.features
    product, result = classifier.published_result(), read_result(store, classifier.name)
    attributes = store.attributes(features.key)
    options = {key: value for key, value in features.config.items() if key != "frontend"}
    shift_ms = attributes["frame_shift_ms"]
    ae = classifier.autoencoder
    return bundles.BundleInfo(
        format=bundles.FORMAT,
        name=title,
        target=result.system.target,
        classes=tuple(classifier.folds.classes),
        frontend=bundles.FrontEnd(features.frontend, options, attributes["sample_rate"], shift_ms),
        segment_ms=shape_of(shift_ms, classifier.config.segment_shift_ms).size_ms,
        marks=result.marks,
        corpus=_corpus(store),
        fitted_on=_fitted_on(store, fold, epochs),
        scores=_expected(result, fold.number),
        classifier=plain(read_classifier(built / bundles.CLASSIFIER, "cpu").config),
        autoencoder=plain(read_autoencoder(built / bundles.AUTOENCODER, "cpu").config) if ae is not None else {},
        made_from={product.key: product.digest, "folds": classifier.folds.digest, "sercli": __version__},
    )


def _fitted_on(store: Store, fold: Fold, epochs: Mapping[str, int]) -> dict[str, Any]:
    speaker = {utterance.utt_id: utterance.speaker for utterance in store.utterances}
    trained = fold.part("train")
    return {
        "utterances": len(trained),
        "speakers": len({speaker[utt_id] for utt_id in trained}),
        "left_out": fold.left_out or "nobody",
        **({"epochs": dict(epochs)} if epochs else {"fold": fold.number}),
    }


def _expected(result: Result, number: int) -> dict[str, Any]:
    """What the folds say, and of a fold's own models what that fold says."""
    scores = {
        "of": f"{result.folds_expected} folds, {result.system.protocol}",
        **result.test.to_json(),
        **result.intervals.to_json(after="_ci95"),
        "chance": chance_to_json(result.chance),
        "n_utterances": result.test.n_utterances,
        "recall": dict(result.test.recall),
    }
    if number != NOBODY:
        fold = next(fold for fold in result.per_fold if fold.fold == number)
        scores["this_fold"] = {**fold.test.to_json(), "n_utterances": fold.n_utterances}
    return scores


def _corpus(store: Store) -> dict[str, Any]:
    return {key: store.corpus.get(key, "") for key in ("name", "corpus")}


def card(about: bundles.BundleInfo) -> str:
    """Markdown for people: what it is, what it was fitted on, what to expect, what not."""
    expected, fitted = about.scores, about.fitted_on
    marks = f" ({', '.join(about.marks)})" if about.marks else ""
    lines = [
        f"# {about.name}{marks}",
        "",
        f"Tells apart {', '.join(map(printable, about.classes))} ({about.target}) in one utterance of speech.",
        "Label recordings with `sercli predict BUNDLE FILE…`; what it is made of stands in `bundle.yaml`.",
        "",
        "## Fitted on",
        "",
        f"{fitted['utterances']} utterances of {fitted['speakers']} speakers of the corpus {about.corpus['name']}; "
        f"left out: {fitted['left_out']}.",
        "",
        "## What to expect",
        "",
        *_expectations(about),
        "",
        "| score, % | | 95 % over speakers | chance |",
        "|---|--:|--:|--:|",
    ]
    for key, heading in _CARD_SCORES.items():
        low_high = interval(expected[f"{key}_ci95"])
        chance = percent(expected["chance"][key]) if key in expected["chance"] else ""
        lines.append(f"| {heading} | {percent(expected[key])} | {low_high} | {chance} |")
    lines += ["", "| class | recall, % |", "|---|--:|"]
    lines += [f"| {_cell(label)} | {percent(share)} |" for label, share in expected["recall"].items()]
    lines += ["", "## What not to expect", "", *_limits(about)]
    return "\n".join(lines) + "\n"


def _expectations(about: bundles.BundleInfo) -> Sequence[str]:
    n, of = about.scores["n_utterances"], about.scores["of"]
    if "this_fold" in about.scores:
        own = about.scores["this_fold"]
        return [
            f"On the {own['n_utterances']} utterances that were left out, these very models reach WA {percent(own['accuracy'])} % and UA "
            f"{percent(own['uar'])} %. The table is of all {of} ({n} utterances), of which this is one."
        ]
    return [
        "**These very models were tested on nobody, since nobody was left out.** The table is what models fitted in the same way, each",
        f"without its test {'utterances' if 'SPEAKER-DEPENDENT' in about.marks else 'speakers'}, reach on {n} utterances: {of}.",
    ]


def _limits(about: bundles.BundleInfo) -> list[str]:
    lines = [
        "- Of other speakers, rooms, microphones and languages, and of emotion that is not acted, the scores say nothing.",
        "- It answers with one of its classes whatever it hears, be it music. Posteriors are not calibrated.",
    ]
    return [*lines, *(f"- {mark}: {mark.meaning}" for mark in map(Mark, about.marks))]


def _cell(text: str) -> str:
    return printable(text).replace("|", "\\|")


# --- bringing it where it is wanted


def _deliver(built: Path, target: Path) -> None:
    """Copy a bundle to its place, whole or not at all."""
    if bundles.is_copy(target, built):
        say(f"{target}: nothing to do, is up to date")
        return
    with publishing.new_folder(target) as folder:
        bundles.copy(built, folder)
