"""Scores that the paper prints, in %: Tables 1 and 2 of Latif, Rana, Qadir, Epps (2018), and the systems that it compares with."""

from collections.abc import Mapping

from ..evaluation.results import SystemFacts

LATENT_DIM = 128  # of all systems in the tables
DIMENSIONS = ("arousal", "power", "valence")
TABLE1: Mapping[str, Mapping[str, tuple[float, float]]] = {  # subset -> model -> WA, UA
    "improvised": {"ae": (59.84, 58.32), "vae": (63.21, 60.91), "cvae": (64.93, 62.81)},
    "scripted": {"ae": (52.68, 48.52), "vae": (53.74, 52.23), "cvae": (55.71, 53.50)},
    "complete": {"ae": (58.16, 55.42), "vae": (60.71, 56.08), "cvae": (61.08, 58.10)},
}
TABLE1_OTHERS: Mapping[str, Mapping[str, float]] = {  # subset -> system -> WA
    "improvised": {
        "attentive CNN, LogMel": 61.716,
        "attentive CNN, MFCC": 61.35,
        "attentive CNN, eGeMAPS": 61.27,
        "BLSTM, CTC": 54,
        "BLSTM, ELM": 62.85,
    },
    "scripted": {"attentive CNN, LogMel": 52.64, "attentive CNN, MFCC": 53.19, "attentive CNN, eGeMAPS": 53.19},
    "complete": {"attentive CNN, LogMel": 54.86, "attentive CNN, MFCC": 55.12, "attentive CNN, eGeMAPS": 54.78},
}
TABLE2: Mapping[str, tuple[float, float, float, float]] = {  # model -> F1 of each dimension, and their mean
    "ae": (42.21, 38.25, 35.58, 38.68),
    "vae": (61.35, 53.18, 48.46, 54.33),
    "cvae": (62.73, 53.84, 52.69, 56.42),
}
TABLE2_OTHERS: Mapping[str, tuple[float, float, float, float]] = {
    "DN": (41.6, 37.8, 34.0, 37.8),
    "DN and LLD": (53.9, 51.6, 39.5, 48.3),
    "eGeMAPS": (60.1, 52.2, 46.6, 53),
    "hierarchical fusion": (61.7, 52.8, 51.2, 55.3),
}


def printed_scores(system: SystemFacts, reader: str, has_default_classes: bool) -> dict[str, float]:
    """What the paper prints for a system, by the name of the score; only for its corpus, question, folds and latent size."""
    if reader != "iemocap" or system.latent_dim != LATENT_DIM or system.classifier_kind != "lstm" or not system.model:
        return {}
    if system.target == "emotion" and system.protocol == "leave-one-session-out" and has_default_classes:
        scores = TABLE1.get(system.subset, {}).get(system.model)
        return dict(zip(("accuracy", "uar"), scores, strict=True)) if scores else {}
    has_levels = system.target in DIMENSIONS and system.bins == "paper" and system.subset == "complete"
    if has_levels and system.protocol == "leave-one-speaker-out" and system.model in TABLE2:
        return {"macro_f1": TABLE2[system.model][DIMENSIONS.index(system.target)]}
    return {}
