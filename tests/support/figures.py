"""Panels to draw."""

from sercli.report.figures import Line, Panel

SIZES = [32.0, 64.0, 128.0, 256.0, 512.0]


def line(label: str, base: float) -> Line:
    y = [base, base + 0.03, base + 0.05, base + 0.04, base + 0.01]
    return Line(label, SIZES, y, [score - 0.04 for score in y], [score + 0.04 for score in y])


def panels(labels: tuple[str, ...] = ("AE-LSTM", "VAE-LSTM", "CVAE-LSTM")) -> list[Panel]:
    lines = [line(label, 0.5 + 0.03 * index) for index, label in enumerate(labels)]
    emotion = Panel("Improvised", "latent size", "UA %", lines, 0.25, "")
    return [emotion, Panel("Dimensions", "latent size", "macro F1 %", lines, 1 / 3, "ORACLE")]
