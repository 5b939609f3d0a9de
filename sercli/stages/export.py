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
from ..evaluation import metrics
from ..experiments.fitted import read_autoencoder, read_classifier
from ..experiments.making import Outcome, Run, Work, make
from ..experiments.resolve import (
    NO_AUTOENCODER,
    AutoencoderConfig,
    ClassifierConfig,
    autoencoder_config,
    classifier_config,
    command,
    cut,
    task_of,
)
from ..experiments.systems import bundle as bundle_product
from ..experiments.systems import features, features_key, folds_of, frontend_of
from ..learning.segments import shape_of
from ..machine.progress import say
from ..report.formats import interval, percent
from ..store.store import Store
from ..tasks.folds import NOBODY, Fold, Folds, leave_nobody_out
from ..text import printable
from . import train_ae, train_classifier
from .evaluate import SCORING, read_scores

_CARD_SCORES = {"accuracy": "WA (accuracy)", "uar": "UA (mean recall)", "macro_f1": "macro F1"}


def run(path: Path, name: str, asked: Path, number: int | None, run: Run) -> Outcome:
    """`number` is the fold whose models are taken, None for new ones that leave nobody out.

    Raises SercliError for a system that cannot label a file by itself, or a target that holds something else, and
    MissingInput unless all folds are scored.
    """
    store = Store(path)
    config = classifier_config(store, name)
    bundles.refuse_helpless(name, config, frontend_of(store, config.frontend))
    folds = folds_of(store, config.task)
    product = bundle_product(store, name, folds.fold(number).number if number is not None else NOBODY)
    _refuse_partial(store, name)
    called = name if number is None else f"{name}.fold-{number}"
    target = asked.resolve()  # where a link leads
    _refuse_other_content(target, called, _corpus(store), run)
    work = Work(product, build_bundle, (path, name, called, product.config["fold"], number or NOBODY))
    outcome = make(store, called, product.key, [work], run, SCORING, "bundle")
    if not run.dry_run:
        with store.lock([product.key], wait=True):
            _deliver(store.location(product.key), target)
    return replace(outcome, product=str(asked), path=str(asked))


# --- what is refused


def _refuse_partial(store: Store, name: str) -> None:
    scores = read_scores(store, f"results/{name}")
    if scores["folds_done"] < scores["folds_expected"]:
        again = command(store, "evaluate", ["--classifier", name])
        raise MissingInput(
            f"{name}: {scores['folds_done']} of {scores['folds_expected']} folds are scored, and what to expect of a bundle is "
            f"what all folds say; fit the others, then run `{again}` first"
        )


def _refuse_other_content(target: Path, called: str, corpus: Mapping[str, Any], run: Run) -> None:
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    there = bundles.told(target)
    if not there:
        raise SercliError(f"{target}: exists and is no bundle; choose another folder")
    if (there.get("name"), there.get("corpus")) != (called, corpus) and not run.overwrite:
        raise SercliError(
            f"{target}: is the bundle of {_of(there.get('name'), there.get('corpus'))}, {_of(called, corpus)} was asked; "
            "choose another folder, or replace it with --overwrite"
        )


def _of(name: object, corpus: object) -> str:
    return f"{name} ({corpus.get('name')})" if isinstance(corpus, Mapping) else str(name)


# --- making it


def build_bundle(path: Path, name: str, called: str, which: str, number: int, built: Path, device: str) -> None:
    """Write a bundle into `built`. Models that leave nobody out are fitted beside it first, and survive a kill there."""
    store = Store(path)
    config = classifier_config(store, name)
    folds = folds_of(store, config.task)
    shutil.rmtree(built, ignore_errors=True)
    built.mkdir()
    if number == NOBODY:
        files, epochs = _fit_all(store, name, config, folds, built, device)
        fold = leave_nobody_out(folds.labels)
    else:
        files = {bundles.CLASSIFIER: store.file(f"classifiers/{name}/{which}", "model.safetensors")}
        if config.autoencoder != NO_AUTOENCODER:
            weights = store.file(f"autoencoders/{config.autoencoder}/{which}", "model.safetensors")
            files[bundles.AUTOENCODER] = weights
        fold, epochs = folds.fold(number), {}
    for file, source in files.items():
        shutil.copyfile(source, built / file)
    about = _about(store, name, called, config, folds, fold, epochs, built)
    bundles.write(built, about, card(about))


def _fit_all(
    store: Store, name: str, config: ClassifierConfig, folds: Folds, built: Path, device: str
) -> tuple[dict[str, Path], dict[str, int]]:
    """Both models fitted on everybody, for as many epochs as the folds' best: their median."""
    from ..experiments.inputs import ClassifierInput

    files: dict[str, Path] = {}
    epochs: dict[str, int] = {}
    autoencoder = None
    if config.autoencoder != NO_AUTOENCODER:
        ae = autoencoder_config(store, config.autoencoder)
        its = cut(store, task_of(store, ae.task))
        epochs["autoencoder"] = _usual_epochs(store, f"autoencoders/{config.autoencoder}", its)
        files[bundles.AUTOENCODER] = _fit_autoencoder(store, ae, epochs["autoencoder"], its, built, device)
        autoencoder = read_autoencoder(files[bundles.AUTOENCODER], "cpu")
    epochs["classifier"] = _usual_epochs(store, f"classifiers/{name}", folds)
    training = {**config.training, "epochs": epochs["classifier"]}
    folder = built.with_name("classifier")
    source = ClassifierInput(store, config, NOBODY, autoencoder=autoencoder)
    asked = replace(config, training=training)
    train_classifier.fit(source, asked, folds, leave_nobody_out(folds.labels), folder, device)
    return {**files, bundles.CLASSIFIER: folder / "model.safetensors"}, epochs


def _fit_autoencoder(
    store: Store, config: AutoencoderConfig, epochs: int, folds: Folds, built: Path, device: str
) -> Path:
    folder = built.with_name("autoencoder")
    finished = folder / "finished"
    if not finished.exists():
        asked = replace(config, training={**config.training, "epochs": epochs}, reconstruction_threshold=None)
        train_ae.fit(store, asked, folds, leave_nobody_out(folds.labels), folder, device)
        finished.touch()
    return folder / "model.safetensors"


def _usual_epochs(store: Store, key: str, folds: Folds) -> int:
    """The median over folds of the epoch whose weights were kept."""
    best = [
        float(row["epoch"])
        for fold in folds.folds
        for row in read_table(store.file(f"{key}/fold-{fold.number}", "history.tsv"))
        if float(row["best"])
    ]
    return max(1, round(median(best)))


# --- what is said of it


def _about(
    store: Store,
    name: str,
    called: str,
    config: ClassifierConfig,
    folds: Folds,
    fold: Fold,
    epochs: Mapping[str, int],
    built: Path,
) -> bundles.About:
    scores = read_scores(store, f"results/{name}")
    front = dict(features(store, config.frontend).config)
    made = store.attributes(features_key(config.frontend))
    has_autoencoder = config.autoencoder != NO_AUTOENCODER
    return bundles.About(
        format=bundles.FORMAT,
        name=called,
        target=scores["target"],
        classes=tuple(folds.classes),
        frontend=bundles.FrontEnd(front.pop("frontend"), front, made["sample_rate"], made["frame_shift_ms"]),
        segment_ms=shape_of(made["frame_shift_ms"], config.segment_shift_ms).size_ms,
        marks=tuple(scores["marks"]),
        corpus=_corpus(store),
        fitted_on=_fitted_on(store, fold, epochs),
        scores=_expected(scores, len(folds.folds), fold.number),
        classifier=plain(read_classifier(built / bundles.CLASSIFIER, "cpu").config),
        autoencoder=plain(read_autoencoder(built / bundles.AUTOENCODER, "cpu").config) if has_autoencoder else {},
        made_from={
            f"results/{name}": (store.provenance(f"results/{name}") or {})["digest"],
            "folds": folds.digest,
            "sercli": __version__,
        },
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


def _expected(scores: Mapping[str, Any], n_folds: int, number: int) -> dict[str, Any]:
    """What the folds say, and of a fold's own models what that fold says."""
    brief = {key: value for name in metrics.SCORES for key, value in scores.items() if key in (name, f"{name}_ci95")}
    found = {"of": f"{n_folds} folds, {scores['protocol']}", **brief}
    found |= {key: scores[key] for key in ("chance", "n_utterances", "recall")}
    if number != NOBODY:
        own = next(one for one in scores["per_fold"] if one["fold"] == number)
        found["this_fold"] = {key: own[key] for key in (*metrics.SCORES, "n_utterances")}
    return found


def _corpus(store: Store) -> dict[str, Any]:
    return {key: store.corpus.get(key, "") for key in ("name", "corpus")}


def card(about: bundles.About) -> str:
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


def _expectations(about: bundles.About) -> Sequence[str]:
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


def _limits(about: bundles.About) -> list[str]:
    lines = [
        "- Of other speakers, rooms, microphones and languages, and of emotion that is not acted, the scores say nothing.",
        "- It answers with one of its classes whatever it hears, be it music. Posteriors are not calibrated.",
    ]
    if "SPEAKER-DEPENDENT" in about.marks:
        lines.append("- SPEAKER-DEPENDENT: test speakers were in training too. Expect less of a new voice.")
    if "ENTANGLED" in about.marks:
        lines.append(
            "- ENTANGLED: most speakers of the corpus have one label only. It may tell voices apart, not emotions."
        )
    if "SYNTHETIC" in about.marks:
        lines.append("- SYNTHETIC: fitted and tested on speech that nobody has spoken.")
    return lines


def _cell(text: str) -> str:
    return printable(text).replace("|", "\\|")


# --- bringing it where it is wanted


def _deliver(made: Path, target: Path) -> None:
    """Copy, under another name first: the target has the whole bundle or what it had before."""
    if bundles.same(made, target):
        say(f"{target}: nothing to do, is up to date")
        return
    draft, old = (target.with_name(f".{target.name}-{what}") for what in ("new", "old"))
    for left in (draft, old):  # by a command that was killed
        shutil.rmtree(left, ignore_errors=True)
    try:
        bundles.copy(made, draft)
        if target.exists():
            target.rename(old)
        draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)
