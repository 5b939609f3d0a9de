"""The card of a bundle, `card.md`: what it recognises, what it was fitted on, which scores to expect, and its limits."""

from ..bundles.bundle import BundleInfo
from ..evaluation.marks import Mark
from ..text import printable
from .card_facts import USE, licence_lines, selection_lines, spread_lines
from .formats import interval, percent, plural

_SCORES = {"accuracy": "WA (accuracy)", "uar": "UA (mean recall)", "macro_f1": "macro F1"}
_COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.5)
_LIMITS = [
    "The scores do not hold for other rooms, microphones or languages, nor for emotion that is not acted.",
    "Any sound gets one of the classes, even music, and may get it with confidence.",
]


def card(info: BundleInfo) -> str:
    """Markdown for people."""
    fitted = info.fitted_on
    marks = f" ({', '.join(info.marks)})" if info.marks else ""
    limits = [*_LIMITS, *(f"{mark}: {mark.meaning}" for mark in map(Mark, info.marks))]
    lines = [
        f"# {info.name}{marks}",
        "",
        f"Recognises {', '.join(map(printable, info.classes))} ({info.target}) in one utterance of speech.",
        "Label recordings with `sercli predict BUNDLE FILE…`; `bundle.yaml` has all settings.",
        "",
        "## Use",
        "",
        *USE,
        "",
        "## Fitted on",
        "",
        f"{fitted['utterances']} utterances of {fitted['speakers']} speakers of the corpus {info.corpus['name']}; "
        f"left out: {fitted['left_out']}.",
        "",
        *(f"- {line}" for line in licence_lines(info.facts)),
        "",
        "## Expected scores",
        "",
        *_origin_of_scores(info),
        "",
        *_score_tables(info),
        "",
        *(f"- {line}" for line in (*spread_lines(info.facts), *selection_lines(info.facts))),
        "",
        "## Posteriors",
        "",
        *_posteriors(info),
        "",
        "## Limits",
        "",
        *(f"- {limit}" for limit in limits),
    ]
    return "\n".join(lines) + "\n"


def _origin_of_scores(info: BundleInfo) -> list[str]:
    n, folds = info.scores["n_utterances"], info.scores["of"]
    if "this_fold" in info.scores:
        fold = info.scores["this_fold"]
        return [
            f"On the {fold['n_utterances']} utterances that were left out, these models reach WA "
            f"{percent(fold['accuracy'])} % and UA {percent(fold['uar'])} %.",
            f"The table is for all {folds} ({n} utterances); these models are one of them.",
        ]
    left_out = "utterances" if Mark.SPEAKER_DEPENDENT in info.marks else "speakers"
    return [
        "**These models themselves are not tested, since no utterance was left out.** The table is for models that were fitted",
        f"in the same way without their test {left_out}: {folds}, {n} utterances.",
    ]


def _posteriors(info: BundleInfo) -> list[str]:
    certainty, quality, risk = info.certainty, info.scores["posteriors"], info.scores["risk"]
    note = f" ({certainty.note})" if certainty.note else ""
    lines = [
        f"`sercli predict` calibrates posteriors with the temperature {certainty.temperature:.3g}{note}, fitted on {certainty.fitted_on}"
        + (", which were labelled by the models of the folds" if "epochs" in info.fitted_on else "")
        + ". On the test utterances of all folds, each with the temperature of its fold:",
        "",
        "| posteriors | log loss | Brier score | ECE |",
        "|---|--:|--:|--:|",
        *(f"| {state} | {q['log_loss']:.3f} | {q['brier']:.3f} | {q['ece']:.3f} |" for state, q in quality.items()),
        "",
    ]
    if not certainty.confidences:
        return [
            *lines,
            "It cannot reject uncertain answers: no dev utterance is by a speaker unlike those in training.",
        ]
    return [
        *lines,
        "`sercli predict --reject 0.1` gives no answer where the confidence lies below that of nine in ten of these dev utterances.",
        "Of a new speaker more or fewer than a tenth may be rejected.",
        "",
        "| answered, % | wrong answers, % | threshold of the confidence |",
        "|--:|--:|--:|",
        *(
            f"| {100 * c:.0f} | {percent(risk[str(c)])} | {f'{certainty.threshold(1 - c):.3f}' if c < 1 else ''} |"
            for c in _COVERAGES
        ),
        "",
        "Wrong answers are those of test utterances, the most certain first.",
    ]


def _score_tables(info: BundleInfo) -> list[str]:
    scores = info.scores
    lines = [
        f"| score, % | | 95 % over {plural(scores['n_clusters'], scores['cluster'])} | chance |",
        "|---|--:|--:|--:|",
    ]
    for key, heading in _SCORES.items():
        chance = percent(scores["chance"][key]) if key in scores["chance"] else ""
        lines.append(f"| {heading} | {percent(scores[key])} | {interval(scores[f'{key}_ci95'])} | {chance} |")
    lines += ["", "| class | recall, % |", "|---|--:|"]
    return lines + [f"| {_cell(label)} | {percent(share)} |" for label, share in scores["recall"].items()]


def _cell(text: str) -> str:
    return printable(text).replace("|", "\\|")
