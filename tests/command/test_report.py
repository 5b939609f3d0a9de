"""`sercli report`: what the page says, what it withstands, and how a browser shows it."""

import csv
import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from support.command import FIXABLE, QUICK, run_sercli
from support.errors import refused

HOSTILE = {
    "speaker": "s02<img/src=x/onerror=alert(1)>",
    "label": "</td><script>alert('neutral')</script>{{ 7*7 }}&amp;$x^2$",
    "file": "<b onclick=alert(2)>&.wav",
}
LONG = "s" + "0123456789" * 50  # 501 letters
WIDTHS, SCHEMES = (1280, 360), ("light", "dark")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
QUIET += ["--disable-component-update", "--disable-sync"]


PAGE = "report/report.html"


@pytest.fixture(scope="module")
def reported(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a report. Not to be changed."""
    path = tmp_path_factory.mktemp("reported") / "toy"
    shutil.copytree(trained, path)
    run_sercli("train-ae", path, "--model", "ae", "--latent-dim", 4, "--name", "ae-4", *QUICK)
    run_sercli("train-classifier", path, "--classifier", "functionals", "--name", "logmel.functionals", "--jobs", 1)
    run_sercli("evaluate", path, "--jobs", 1)
    run_sercli("compare", path, "cvae-8.lstm", "logmel.functionals")
    run_sercli("report", path, "--jobs", 1)
    return path


@pytest.fixture(scope="module")
def hostile(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose speakers, labels and files are markup, or very long; a quarter of it."""
    folder = tmp_path_factory.mktemp("hostile")
    shutil.copytree(corpus, folder / "corpus")
    (table,) = (folder / "corpus").glob("*.[ct]sv")
    with table.open(newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t" if table.suffix == ".tsv" else ","))
    who = dict(zip(sorted({row["speaker"] for row in rows}), ["s01", HOSTILE["speaker"], LONG, "s04"], strict=True))
    what = {"anger": "anger", "neutral": HOSTILE["label"], "sadness": "e" * 500}
    moved = folder / "corpus" / HOSTILE["file"]
    (folder / "corpus" / rows[0]["path"]).rename(moved)
    rows[0]["path"] = moved.name
    with table.open("w", newline="") as stream:
        writer = csv.writer(stream, delimiter="\t" if table.suffix == ".tsv" else ",")
        writer.writerow(["path", "speaker", "emotion"])
        writer.writerows([row["path"], who[row["speaker"]], what[row["emotion"]]] for row in rows)
        writer.writerow(["<script>gone</script>.wav", "s01", "anger"])
    store = folder / "store"
    run_sercli("ingest", folder / "corpus", store, "--max-rejects", 5)
    run_sercli("featurize", store)
    run_sercli("train-ae", store, "--model", "vae", "--latent-dim", 4, "--name", "vae-4", *QUICK)
    run_sercli("train-classifier", store, "--classifier", "functionals", "--name", "functionals", "--jobs", 1)
    run_sercli("evaluate", store, "--jobs", 1)
    run_sercli("report", store, "--jobs", 1)
    return store


# --- what it says


class _Outline(HTMLParser):
    """Headings, texts, and every tag with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())


def page_of(store: Path) -> str:
    return (store / PAGE).read_text(encoding="utf-8")


def test_the_page_says_what_was_measured(reported: Path) -> None:
    text = _Outline(page_of(reported)).text
    scores = json.loads((reported / "results/logmel.functionals/scores.json").read_text())
    assert f"{100 * scores['uar']:.1f}" in text
    assert "36 utterances of 4 speakers" in text
    assert "anger (12), neutral (12), sadness (12)" in text
    assert "guessing gives 33.3" in text
    assert "speaker-independent" in text
    assert (
        text.count("4 speakers: the smallest attainable p is 0.125, so nothing can be claimed") == 2
    )  # summary and table
    assert re.search(r"is ahead of (cvae-8.lstm|logmel.functionals) by [+]\d", text)
    assert "McNemar" not in text
    assert "No probe of gender" not in text
    assert "Every system was trained once, with one seed." in text
    assert "Two LSTM layers" in text  # what its systems are
    assert re.search(r"Overview.*ae-4.*cvae-8.*8 of 8", text)
    assert "with the true emotion given as in training" in text  # of the CVAE's reconstructions
    for line in ("train-ae STORE", "compare STORE cvae-8.lstm logmel.functionals", "report STORE"):
        assert f"sercli {line}" in text
    assert re.search(r"sercli train-ae STORE .*--name ae-4", text)  # which no system reads
    assert str(reported) not in page_of(reported)  # nor where it lies


def test_posteriors_and_classes_of_each_system_are_shown(reported: Path) -> None:
    page = page_of(reported)
    text = _Outline(page).text
    for name in ("cvae-8.lstm", "logmel.functionals"):
        scores = json.loads((reported / "results" / name / "scores.json").read_text())
        before, after = (scores["posteriors"][state] for state in ("raw", "calibrated"))
        for row, key in (("log loss, nats", "log_loss"), ("Brier score", "brier"), ("ECE", "ece")):
            assert re.search(rf"{row}\s*{before[key]:.3f}\s*{after[key]:.3f}", text)
        share = scores["posteriors"]["coverages"].index(0.9)
        risks = [f"{100 * state['risk'][share]:.1f}" for state in (before, after)]
        assert re.search(rf"most certain 90 %\s*{risks[0]}\s*{risks[1]}", text)
        for label in scores["labels"]:
            shares = [scores[measure][label] for measure in ("recall", "precision", "f1")]
            cells = ["–" if share is None else f"{100 * share:.1f}" for share in shares]
            assert re.search(rf"{label}\s*" + r"\s*".join(cells), text)
    assert page.count("Reliability: the share of right answers") == page.count("Risk and coverage: the share") == 2


def test_best_is_chosen_by_dev(reported: Path) -> None:
    found = [json.loads(path.read_text()) for path in (reported / "results").glob("*/scores.json")]
    best = max(found, key=lambda one: one["dev_uar"])["classifier"]
    assert f"best development score, {best}, reached" in _Outline(page_of(reported)).text


def test_nothing_comes_from_elsewhere(reported: Path) -> None:
    page = page_of(reported)
    assert "default-src 'none'" in page
    tags = _Outline(page).tags
    assert not [tag for tag, _ in tags if tag in ("script", "link", "iframe", "object", "base", "form")]
    for tag, attributes in tags:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href", "xlink:href"):
            value = attributes.get(name) or "#"
            assert value.startswith(("#", "data:")), (tag, value)
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {attributes["href"] for tag, attributes in tags if tag == "a"} <= {f"#{one}" for one in ids}
    assert len(page) < 2**20


def test_the_same_bytes_twice_and_a_quick_second_time(reported: Path, tmp_path: Path) -> None:
    again = run_sercli("report", reported, "--json")
    assert json.loads(again.stdout)["made"] == []
    assert "nothing to do" in again.stderr
    run_sercli("report", reported, "-o", tmp_path / "other.html")
    assert (tmp_path / "other.html").read_bytes() == (reported / PAGE).read_bytes()
    copy = Path(shutil.copytree(reported, tmp_path / "elsewhere"))
    shutil.rmtree((copy / PAGE).parent)
    shutil.rmtree(copy / "arrays.zarr" / "latents")
    run_sercli(
        "report", copy, "--overwrite", "--jobs", 2
    )  # made anew, by other processes, elsewhere, from the models alone
    assert page_of(copy) == page_of(reported)


def test_what_changed_is_diagnosed_again(reported: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(reported, tmp_path / "toy"))
    run_sercli("train-ae", copy, "--model", "ae", "--latent-dim", 4, "--name", "ae-4", *QUICK, "--overwrite")
    assert json.loads(run_sercli("report", copy, "--json", "--jobs", 1).stdout)["made"] == []  # the same again
    shutil.rmtree(copy / "autoencoders/ae-4/fold-2")
    told = run_sercli("report", copy, "--json", "--dry-run")
    assert json.loads(told.stdout)["stale"] == ["diagnostics/ae-4"]
    assert page_of(copy) == page_of(reported)
    run_sercli("report", copy, "--jobs", 1)
    assert "3 of 4 folds are done" in _Outline(page_of(copy)).text


def test_a_collapsed_posterior_raises_the_alarm(store: Path) -> None:
    settings = ["--latent-dim", 8, "--set", "beta=1000", "--epochs", 6, "--lr", 0.003, "--batch-size", 16, "--jobs", 1]
    run_sercli("train-ae", store, "--model", "vae", "--name", "closed", *settings)
    run_sercli("report", store, "--jobs", 1)
    assert "⚠ The posterior has collapsed in 4 of 4 folds" in _Outline(page_of(store)).text


def test_autoencoders_alone_make_a_report(store: Path) -> None:
    """Half-trained: two folds, no score, no reader."""
    run_sercli(
        "train-ae", store, "--model", "vae", "--latent-dim", 4, "--name", "half", "--fold", 1, "--fold", 2, *QUICK
    )
    run_sercli("train-lstm", store, "--set", "hidden=8", "--name", "unscored", "--fold", 1, *QUICK)
    run_sercli("report", store, "--jobs", 1)
    text = _Outline(page_of(store)).text
    assert "2 of 4 folds are done" in text
    assert "Read by no classifier" in text
    assert re.search(r"unscored: results/unscored: missing; .*sercli evaluate STORE --classifier unscored", text)
    assert "1 classifier of this store has no score yet" in text


def test_a_class_that_is_never_predicted(reported: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(reported, tmp_path / "toy"))
    path = copy / "results/logmel.functionals"
    scores = json.loads((path / "scores.json").read_text())
    for row in scores["confusion"]:
        row[0], row[2] = row[0] + row[2], 0
    (path / "scores.json").write_text(json.dumps(scores))
    provenance = json.loads((path / "provenance.json").read_text())
    provenance["files"]["scores.json"] = subprocess.check_output(
        ["sha256sum", path / "scores.json"], text=True
    ).split()[0]
    (path / "provenance.json").write_text(json.dumps(provenance))
    run_sercli("report", copy, "--overwrite")
    text = _Outline(page_of(copy)).text
    assert "never predicts sadness" in text
    assert "Never predicted: sadness" in text


def test_a_sweep_is_shown_and_left_out_once_stale(store: Path, tmp_path: Path) -> None:
    grid = tmp_path / "grid.yaml"
    fixed = "{epochs: 1, classifier.hidden: 4}"
    grid.write_text(f"name: sizes\nfixed: {fixed}\naxes: {{latent_dim: [2, 4], model: [ae]}}\n")
    run_sercli("sweep", store, grid, "--jobs", 1)
    run_sercli("report", store, "--jobs", 1)
    page = page_of(store)
    rows = [line.split("\t") for line in (store / "sweeps/sizes/results.tsv").read_text().splitlines()]
    shown = f"{100 * float(rows[-1][rows[0].index('uar')]):.1f}"
    assert rows[-1][0] == "nested"
    assert shown in _Outline(page[page.index('id="sweeps-h"') :]).text
    assert "data:image/svg+xml;base64," in page
    shutil.rmtree(store / "results" / rows[1][rows[0].index("classifier")])
    run_sercli("report", store, "--jobs", 1)
    assert "Left out: it is stale" in _Outline(page_of(store)).text


# --- what it withstands


def test_names_are_text(hostile: Path) -> None:
    page = page_of(hostile)
    found = _Outline(page)
    assert not [tag for tag, attributes in found.tags if tag == "script" or any(n.startswith("on") for n in attributes)]
    for name in (HOSTILE["speaker"], HOSTILE["label"], LONG, "e" * 500):
        assert name in found.text
    assert "{{ 7*7 }}" in found.text
    assert "1 ×" in found.text  # of rejects


@pytest.mark.parametrize("made", ["corpus", "features"])
def test_nothing_to_report_yet(made: str, corpus: Path, featurized: Path, tmp_path: Path) -> None:
    store = featurized
    if made == "corpus":
        store = tmp_path / "bare"
        run_sercli("ingest", corpus, store)
    refused(run_sercli, FIXABLE, {"place": str(store), "fix": "sercli info"}, "report", store)
    assert not (store / PAGE).exists()


@pytest.mark.parametrize("file", ["results/cvae-8.lstm/scores.json", "diagnostics/cvae-8/diagnostics.json"])
def test_a_damaged_product_is_named(file: str, reported: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(reported, tmp_path / "toy"))
    (copy / file).write_text("{}")
    shutil.rmtree(copy / "comparisons")  # the page is to be made again
    refused(run_sercli, FIXABLE, {"place": file}, "report", copy)
    assert page_of(copy) == page_of(reported)  # the old one stays whole


def test_nothing_else_is_written_over(reported: Path, tmp_path: Path) -> None:
    store = Path(shutil.copytree(reported, tmp_path / "toy"))
    table = store / "corpus" / "utterances.tsv"
    before = table.read_bytes()
    refused(run_sercli, FIXABLE, {"place": str(table), "fix": "--overwrite"}, "report", store, "-o", table)
    assert table.read_bytes() == before
    refused(run_sercli, FIXABLE, {"place": "/dev/null", "expected": ""}, "report", store, "-o", "/dev/null")
    (tmp_path / "link.html").symlink_to("page.html")
    run_sercli("report", store, "-o", tmp_path / "link.html")
    assert (tmp_path / "link.html").is_symlink()
    assert (tmp_path / "page.html").read_text() == page_of(reported)


def test_a_dry_run_knows_whether_the_page_would_change(reported: Path, tmp_path: Path) -> None:
    done = run_sercli("report", reported, "--dry-run", "--json")
    assert json.loads(done.stdout)["made"] == []
    done = run_sercli("report", reported, "--dry-run", "-o", tmp_path / "new.html")
    assert f"would write {tmp_path / 'new.html'}" in done.stderr
    assert not (tmp_path / "new.html").exists()


@pytest.mark.parametrize(("output", "place"), [("missing/x.html", "missing"), (".", "")])
def test_a_place_that_cannot_be(output: str, place: str, reported: Path, tmp_path: Path) -> None:
    fields = {"place": str(tmp_path / place), "fix": "-o FILE.html"}
    refused(run_sercli, FIXABLE, fields, "report", reported, "-o", tmp_path / output)
    assert not list(tmp_path.iterdir())


# --- how a browser shows it


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: no browser looks at the report"
    )
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("no chromium, chromium-browser or google-chrome: no browser looks at the report")
    with api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield found
        found.close()


_NAMELESS = """() => [...document.querySelectorAll('img, svg')].filter(
  e => !e.closest('[aria-hidden=true]') && !(e.alt || (e.getAttribute('role') == 'img' && e.getAttribute('aria-label')))
).length"""
_LEVELS = "() => [...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(e => +e.tagName[1])"
_OVERFLOW = "() => document.documentElement.scrollWidth - innerWidth"
_UNREACHABLE = """() => [...document.querySelectorAll('*')].filter(e => e.checkVisibility()
  && e.scrollWidth > e.clientWidth + 1 && ['auto', 'scroll'].includes(getComputedStyle(e).overflowX)
  && !(e.tabIndex == 0 && e.getAttribute('aria-label'))).length"""
_CONTRAST = """() => {
  const context = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  const paint = colours => { context.clearRect(0, 0, 1, 1);
    for (const c of colours) { context.fillStyle = c; context.fillRect(0, 0, 1, 1); }
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3); };
  const light = rgb => rgb.map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const poor = [];
  for (const e of document.querySelectorAll('body *')) {
    if (!e.checkVisibility() || e.closest('[aria-hidden=true]') || ![...e.childNodes].some(n => n.nodeType == 3 && n.data.trim())) continue;
    const grounds = []; for (let p = e; p; p = p.parentElement) grounds.unshift(getComputedStyle(p).backgroundColor);
    const ink = e.ownerSVGElement ? getComputedStyle(e).fill : getComputedStyle(e).color;
    const [a, b] = [light(paint([...grounds, ink])), light(paint(grounds))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) poor.push([e.tagName, e.textContent.trim().slice(0, 40), ratio]);
  }
  return poor; }"""


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("which", ["reported", "hostile"])
def test_in_a_browser(
    which: str, scheme: Any, width: int, browser: Any, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    path = request.getfixturevalue(which) / PAGE
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))  # violations of the policy are told here
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda one: complaints.append(one.url) if not own(one.url, path) else None)
    page.goto(path.as_uri())
    page.screenshot(path=tmp_path / "closed.png", full_page=True)
    page.evaluate("() => document.querySelectorAll('details').forEach(e => e.open = true)")
    page.screenshot(path=tmp_path / "open.png", full_page=True)
    assert page.evaluate(_OVERFLOW) <= 0
    assert page.evaluate(_NAMELESS) == 0
    assert page.evaluate(_UNREACHABLE) == 0
    assert page.evaluate(_CONTRAST) == []
    levels = page.evaluate(_LEVELS)
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.textContent") == "Skip to the content"
    page.close()
    assert not complaints


def own(url: str, path: Path) -> bool:
    return url.startswith("data:") or url.partition("#")[0] == path.as_uri()


def test_closed_details_are_printed(reported: Path, browser: Any, tmp_path: Path) -> None:
    page = browser.new_page()
    page.goto((reported / PAGE).as_uri())
    page.emulate_media(media="print")
    hidden = (
        "() => [...document.querySelectorAll('details:not([open]) table')].filter(e => !e.checkVisibility()).length"
    )
    assert page.evaluate("() => document.querySelectorAll('details:not([open]) table').length") > 0
    assert page.evaluate(hidden) == 0
    page.pdf(path=tmp_path / "page.pdf", prefer_css_page_size=True)
    page.close()
    pdf = (tmp_path / "page.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert re.search(rb"/MediaBox\s*\[0 0 59[45]\S* 84[12]", pdf)  # A4
