"""The sentences of the page that depend on the results: the summary, and notes on autoencoders."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from markupsafe import Markup

from ..evaluation.marks import Mark
from .formats import html, interval, percent, plural, short, spread
from .sections import AutoencoderSection, Page, SystemSection, TaskSection
from .tables import verdict

MOST_TASKS = 6  # that the summary names


class Note(NamedTuple):
    """A box: an alarm stops the reader, a note informs."""

    kind: Literal["alarm", "note"]
    heading: str
    text: Markup


# --- the summary


def alarms(page: Page) -> list[Note]:
    """What must be known of the corpus before any score is read."""
    of_corpus = {mark for system in page.systems for mark in system.group.marks if not mark.apart}
    of_corpus |= {Mark.SYNTHETIC} if page.corpus.synthetic else set()
    return [Note("alarm", f"⚠ {mark}.", html("{}", mark.meaning)) for mark in Mark if mark in of_corpus]


def headlines(page: Page) -> list[Markup]:
    """The corpus, and for each task the system that is best on dev, with its test score."""
    corpus = page.corpus
    first = html(
        "The corpus <strong>{}</strong> has {} of {}, {:.2f} h.",
        corpus.name,
        plural(corpus.summary.utterances, "utterance"),
        plural(corpus.summary.speakers, "speaker"),
        corpus.summary.hours,
    )
    if not page.best:
        return [first, html("No system that can be ranked has a score yet.")]
    return [first, *(_headline(task, system) for task, system in page.best[:MOST_TASKS])]


def _headline(task: TaskSection, system: SystemSection) -> Markup:
    group = system.group
    bounds = (
        html(" (95&nbsp;% interval {})", interval(group.intervals.uar)) if group.intervals.uar[0] is not None else ""
    )
    marks = html(" ({})", ", ".join(group.marks)) if group.marks else ""
    target = "" if task.definition.target == "emotion" else f" in {task.definition.target}"
    style = "" if task.definition.subset == "complete" else f", {task.definition.subset} speech only"
    return html(
        "Task <em>{}</em> ({}{}{}): the system with the best development score, {}, reached a UA of "
        "<strong>{}&nbsp;%</strong>{} on test speech{}; guessing gives {}&nbsp;%.",
        task.name,
        ", ".join(map(short, task.counts)),
        target,
        style,
        group.name,
        spread(group.test.uar),
        marks,
        bounds,
        percent(group.chance.uar),
    )


def cautions(page: Page) -> Iterator[Markup]:
    """How far the scores can be trusted, as items of a list."""
    for task, system in page.best[:MOST_TASKS]:
        yield html("<em>{}</em>: {}", task.name, Markup(" ").join(_cautions_on_task(page, task, system)))
    n_apart = sum(bool(system.apart) for system in page.systems)
    marked = f", {n_apart} of them with marks" if n_apart else ""
    was = "was" if len(page.systems) == 1 else "were"
    chosen = " The systems named above were chosen by development scores, never by test scores." if page.best else ""
    yield html(
        "{} {} scored{}.{} Settings may have been tuned on this corpus, which the page cannot know: expect lower scores for other "
        "speakers.",
        plural(len(page.systems), "system"),
        was,
        marked,
        chosen,
    )
    if page.best:
        yield html(
            "Within a fold, the utterances that stopped the training and those that were tested are different. Over all folds, however, "
            "the same speakers serve as dev and as test: a choice by dev scores has seen all of them, and dev scores of systems that are "
            "stopped by dev are too high."
        )
    if page.best and page.has_one_seed:
        yield html(
            "Every system was trained once, with one seed. Another seed gives another score; intervals cover the choice of speakers only."
        )
    if marks := sorted({mark for system in page.systems for mark in system.apart}):
        items = Markup(" ").join(html('<span class="mark">{}</span> {}', mark, mark.meaning) for mark in marks)
        yield html("Systems with these marks are not ranked with the others: {}", items)
    if page.unscored:
        has = "has" if len(page.unscored) == 1 else "have"
        n = plural(len(page.unscored), "classifier")
        yield html('{} of this store {} no score yet: see <a href="#scores">Scores</a>.', n, has)


def _cautions_on_task(page: Page, task: TaskSection, system: SystemSection) -> Iterator[Markup]:
    if task.definition.speaker_dependent:
        yield html(
            "<strong>not speaker-independent:</strong> test speakers are also in training, so the scores are too high."
        )
    else:
        n, protocol = len(task.folds), task.definition.protocol
        yield html(
            "speaker-independent: in each of {} folds ({}) test speakers are in neither training nor dev.", n, protocol
        )
    yield html(
        "Its intervals are over {}. The models of different folds share training data, which no interval allows for.",
        plural(system.group.n_clusters, system.group.cluster),
    )
    yield from _comparisons(page, system, len(page.systems_of(task.name)) > 1)


def _comparisons(page: Page, system: SystemSection, has_rivals: bool) -> Iterator[Markup]:
    """What tests of the system against others say."""
    n = 0
    for comparison in page.comparisons:
        if {comparison.first.system, comparison.second.system} & {*system.group.classifiers}:
            n += 1
            warnings = [f"Warning: {warning}." for warning in comparison.warnings]
            yield html("{}", " ".join([verdict(comparison), *warnings]))
    if has_rivals and not n:
        yield html("<code>sercli compare</code> tests two systems on the same utterances; it was not run for this one.")


# --- autoencoders


def notes_on(section: AutoencoderSection) -> Iterator[Note]:
    """What a reader must know of an autoencoder before its tables."""
    folds = plural(len(section.diagnosis.per_fold), "fold")
    judged = section.judgements
    if n := judged["collapsed"]:
        text = (
            "in {} of {}: hardly any latent unit moves with the input. Usual remedies: a smaller weight of the KL term "
            "(<code>--set beta=0.1</code>), more epochs, another learning rate."
        )
        yield Note("alarm", "⚠ The posterior has collapsed", html(text, n, folds))
    if n := judged["no better than the mean"]:
        text = (
            "in {} of {} the reconstruction of dev segments is no better than the mean of the training part. Usual remedies: more "
            "epochs, another learning rate, more speakers."
        )
        yield Note("alarm", "⚠ No better than the mean:", html(text, n, folds))
    if n := judged["mostly closed"]:
        text = "in {} of {}: the latent space is larger than what is used. This is not a fault by itself."
        yield Note("note", "Most units are closed", html(text, n, folds))
    if section.n_unfinished and not judged["collapsed"]:
        text = "in {} of {} the last epoch was the best, so more epochs may lower the error."
        yield Note("note", "Still falling:", html(text, section.n_unfinished, folds))
    if len(section.diagnosis.per_fold) < section.n_folds:
        text = "{} of {} folds are done; everything below is of those."
        yield Note("note", "Incomplete:", html(text, len(section.diagnosis.per_fold), section.n_folds))


def remarks_on_probes(section: AutoencoderSection) -> Iterator[Markup]:
    """How the probes were made, and why one is missing."""
    yield html(
        "{} and gender: fitted on the training part of each fold, scored on its test part, pooled over folds, with the 95 % interval "
        "over sessions or, where there are none, speakers.",
        section.target.capitalize(),
    )
    unknown = "" if Mark.SPEAKER_DEPENDENT in section.marks else "test speakers are unknown to training, so "
    yield html(
        "Speaker: {}five-fold stratified cross-validation over the utterances of the training part of fold {}, which tests other "
        "utterances of the same speakers; without an interval.",
        unknown,
        section.diagnosis.shown.fold,
    )
    if "gender" not in section.probes:
        yield html("No probe of gender: the corpus does not tell two genders apart.")
    if "speaker" not in section.probes:
        yield html("No probe of speaker: fewer than two speakers of the training part have five utterances.")


def note_on_normalisation(section: AutoencoderSection) -> Note | None:
    """Why probes of means say nothing where means are removed."""
    by = section.config.normalise
    if by == "train":
        return None
    text = (
        "with <code>--normalise {}</code> the mean of every feature is 0 for each {} by construction, so a probe can read next to nothing "
        "from these means. It does not follow that latents contain what features lack."
    )
    return Note("note", "Not comparable:", html(text, by, by))
