"""`sercli sweep` on the real command: what points share is made once, nothing is made twice, and a failure costs its own points."""

import csv
import json
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from support.command import THEN_LIST_MODULES, Sercli, loaded_by, run_sercli
from support.errors import check_error, error_in, error_of, refused
from support.processes import INTERRUPTED, interrupt_at, kill_at, kill_worker_at, stopped_at
from support.stores import contents, files, same, staged, stamps

from sercli.store import keys
from sercli.store.publishing import lock
from sercli.store.ragged import Ragged

SMALL = {"ae.hidden": [16], "ae.epochs": 2}
GRID = {
    "name": "small",
    "fixed": {**SMALL, "model": "cvae", "classifier": "functionals"},
    "axes": {"latent_dim": [2, 4], "condition": ["marginal", "oracle"], "seed": [0, 1]},
}
FOLDS = ["--fold", 1, "--fold", 2]
N_POINTS, N_FOLDS = 8, 2
Row = dict[str, str]


def write_grid(folder: Path, content: dict[str, Any]) -> Path:
    path = folder / "grid.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def table(store: Path, name: str = "small") -> list[Row]:
    with (store / "sweeps" / name / "results.tsv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))


def folds_of(store: Path, kind: str) -> int:
    return len(list((store / kind).glob("**/fold-*")))


def listing(store: Path) -> set[str]:
    return {str(path.relative_to(store)) for path in store.rglob("*") if not {".cache", ".locks"} & {*path.parts}}


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_grid(tmp_path_factory.mktemp("grid"), GRID)


@pytest.fixture(scope="module")
def ingested(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store without features. Not to be changed."""
    path = tmp_path_factory.mktemp("ingested") / "toy"
    run_sercli("ingest", corpus, path)
    return path


@pytest.fixture(scope="module")
def swept(ingested: Path, grid: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A store where the grid was run in peace by one worker, and what was said. Not to be changed."""
    path = Path(shutil.copytree(ingested, tmp_path_factory.mktemp("swept") / "toy"))
    return path, run_sercli("sweep", path, grid, *FOLDS, "--jobs", 1).stderr


@pytest.fixture
def own(swept: tuple[Path, str], tmp_path: Path) -> Path:
    return Path(shutil.copytree(swept[0], tmp_path / "toy"))


@pytest.fixture
def fresh(ingested: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(ingested, tmp_path / "toy"))


# --- the plan


def test_a_dry_run_tells_steps_and_bytes_and_writes_nothing(fresh: Path, grid: Path, sercli: Sercli) -> None:
    before = listing(fresh)
    done = sercli("sweep", fresh, grid, *FOLDS, "--dry-run", "--json", "--jobs", 1)
    for line in (
        "would make arrays.zarr/features/logmel",
        "small: 8 points",
        "autoencoders: 8, 8 to make",
        "latents: 16, 16 to make, about ",
        "classifiers: 16, 16 to make",
        "predictions: 16, 16 to make",
        "results: 8, 8 to make",
        "--keep latents",
        "free on this disk: ",
    ):
        assert line in done.stderr
    assert listing(fresh) == before
    outcome = json.loads(done.stdout)
    assert (outcome["product"], outcome["reused"], outcome["stale"]) == ("small", [], [])
    assert len(outcome["made"]) == 1 + 8 + 3 * 16 + 8


def test_the_bytes_of_latents_in_the_plan_are_those_that_come(fresh: Path, tmp_path: Path, sercli: Sercli) -> None:
    """Within a tenth: arrays have headers, and the tail of an utterance is no segment."""
    grid = write_grid(tmp_path, {"fixed": {**SMALL, "classifier": "functionals"}, "axes": {"latent_dim": [64]}})
    plan = sercli("sweep", fresh, grid, "--fold", 1, "--dry-run").stderr
    sercli("sweep", fresh, grid, "--fold", 1, "--keep", "latents", "--jobs", 1)
    number, unit = plan.split("latents: 1, 1 to make, about ")[1].split()[:2]
    planned = float(number) * {"KiB": 2**10, "MiB": 2**20}[unit]
    chunks = [path for path in (fresh / "arrays.zarr/latents").glob("*/*/fold-1/*/c/**/*") if path.is_file()]
    n_bytes = sum(path.stat().st_size for path in chunks if not {"offsets", "utt_id"} & {*path.parts})
    assert planned == pytest.approx(n_bytes, rel=0.1, abs=1e4)


def test_what_points_share_is_made_once(swept: tuple[Path, str]) -> None:
    """Four autoencoders, of two sizes and seeds, for eight points."""
    store, said = swept
    counts = {kind: folds_of(store, kind) for kind in ("autoencoders", "classifiers", "predictions")}
    assert counts == {"autoencoders": 4 * N_FOLDS, "classifiers": 8 * N_FOLDS, "predictions": 8 * N_FOLDS}
    assert len(list((store / "results").iterdir())) == N_POINTS
    assert f"small: {N_POINTS} points, {8 + 3 * 16 + 8} steps to do, 0 done already" in said


def test_a_second_run_does_nothing_and_loads_nothing(swept: tuple[Path, str], grid: Path) -> None:
    before = files(swept[0])
    loaded, done = loaded_by(THEN_LIST_MODULES, "sweep", swept[0], grid, *FOLDS)
    assert "nothing to do" in done.stderr
    assert not loaded & {"torch", "sklearn", "matplotlib"}
    assert files(swept[0]) == before


def test_other_commands_find_nothing_to_do(own: Path, sercli: Sercli) -> None:
    """What a sweep made is what they would have made, and latents that are gone make nothing stale."""
    before = files(own)
    tables = keys.TABLES  # evaluate remembers the table that it prints
    name = sorted(path.name for path in (own / "classifiers").iterdir())[0]
    ae = name.partition(".functionals")[0]
    options = ["--model", "cvae", "--latent-dim", 2, "--set", "hidden=16", "--epochs", 2, *FOLDS]
    for command in (
        ["evaluate", own],
        ["train-ae", own, *options],
        ["train-classifier", own, "--classifier", "functionals", "--ae", ae, *FOLDS],
    ):
        done = sercli(*command, "--json")
        assert "nothing to do" in done.stderr
        assert "stale" not in done.stderr
    after = files(own)
    assert {path: after[path] for path in after if not path.startswith(tables)} == before


# --- latents


def test_latents_go_once_they_are_read_and_come_back_when_asked(own: Path, sercli: Sercli) -> None:
    groups = sorted((own / "arrays.zarr/latents").glob("*/*/fold-*"))
    assert len(groups) == 16
    for group in groups:
        assert [path.name for path in group.iterdir()] == ["zarr.json"]
        assert json.loads((group / "zarr.json").read_text())["attributes"]["provenance"]["pruned"] is True
    name = groups[0].parents[1].name
    condition = groups[0].parent.name
    refused(
        sercli, 1, {"problem": "pruned", "fix": "sercli encode"}, "train-classifier", own, "--classifier", "lstm", "--ae", name,
        "--condition", condition, "--fold", 1,
    )  # fmt: skip
    done = sercli("encode", own, "--ae", name, "--condition", condition, "--fold", 1, "--json", "--jobs", 1)
    outcome = json.loads(done.stdout)
    assert (len(outcome["made"]), outcome["stale"]) == (1, [])
    assert Ragged(groups[0], {}).width("mean") == 2
    assert "nothing to do" in sercli("evaluate", own).stderr


def test_latents_are_kept_if_asked(fresh: Path, tmp_path: Path, sercli: Sercli) -> None:
    content = {"fixed": {**SMALL, "classifier": "functionals"}, "axes": {"latent_dim": [2]}}
    grid = write_grid(tmp_path, content)
    sercli("sweep", fresh, grid, "--fold", 1, "--keep", "latents", "--jobs", 1)
    (group,) = (fresh / "arrays.zarr/latents").glob("*/*/fold-1")
    assert Ragged(group, {}).width("std") == 2
    sercli("sweep", fresh, grid, "--fold", 1, "--jobs", 1)
    assert Ragged(group, {}).width("std") == 2
    assert not (fresh / "sweeps/grid/figure.png").exists()


def test_what_somebody_has_encoded_for_himself_stays(fresh: Path, tmp_path: Path, sercli: Sercli) -> None:
    grid = write_grid(tmp_path, {"fixed": {**SMALL, "classifier": "functionals"}, "axes": {"latent_dim": [2, 4]}})
    sercli("featurize", fresh, "--jobs", 1)
    options = ["--latent-dim", 2, "--set", "hidden=[16]", "--epochs", 2, "--fold", 1, "--jobs", 1]
    mine = sercli("train-ae", fresh, *options).stdout.strip()
    sercli("encode", fresh, "--ae", mine, "--fold", 1, "--jobs", 1)
    sercli("sweep", fresh, grid, "--fold", 1, "--jobs", 1)
    kept = {
        group.parents[1].name: (group / "mean").exists() for group in (fresh / "arrays.zarr/latents").glob("*/*/fold-1")
    }
    assert kept == {mine: True, mine.replace("vae-2", "vae-4"): False}


def test_a_sweep_of_some_folds_takes_nothing_away(own: Path, grid: Path, sercli: Sercli) -> None:
    before = table(own)
    assert "0 steps to do" in sercli("sweep", own, grid, "--fold", 1).stderr
    assert table(own) == before
    assert {row["folds_done"] for row in before} == {"2"}


def test_a_kill_between_the_two_renames_of_letting_go(own: Path, grid: Path, sercli: Sercli) -> None:
    """Made here by hand: the full array is aside, the empty group not yet in place."""
    before = contents(own)
    group = sorted((own / "arrays.zarr/latents").glob("*/*/fold-*"))[0]
    digest = json.loads((group / "zarr.json").read_text())["attributes"]["provenance"]["digest"]
    workshop = own / ".staging" / group.relative_to(own).as_posix().replace("/", ",") / digest[:16]
    (workshop / "old").mkdir(parents=True)
    group.rename(workshop / "product")
    assert "0 steps to do" in sercli("sweep", own, grid, *FOLDS).stderr
    assert contents(own) == before
    assert not staged(own)


# --- what comes of it


def test_a_row_a_point_and_seed_equal_to_its_scores(swept: tuple[Path, str]) -> None:
    store, _ = swept
    rows = [row for row in table(store) if row["row"] == "point"]
    assert Counter((row["latent_dim"], row["condition"], row["seed"]) for row in rows) == {
        (dim, condition, seed): 1 for dim in "24" for condition in ("marginal", "oracle") for seed in "01"
    }
    for row in rows:
        scores = json.loads((store / "results" / row["classifier"] / "scores.json").read_text())
        assert row["task"] == scores["task"]
        assert row["marks"] == " ".join(scores["marks"])
        assert ("ORACLE" in row["marks"]) == (row["condition"] == "oracle")
        for score in ("accuracy", "uar", "macro_f1", "weighted_f1"):
            for key in (score, f"{score}_fold_mean", f"dev_{score}"):
                assert float(row[key]) == pytest.approx(scores[key], abs=1e-6)
            cells = [row[f"{score}_low"], row[f"{score}_high"]]
            interval = [float(cell) if cell else None for cell in cells]
            assert interval == pytest.approx(scores[f"{score}_ci95"], abs=1e-6)


def recall(rows: Iterable[Row]) -> float:
    """UA: the mean over classes of how many of their utterances are found."""
    rows = list(rows)
    classes = {row["truth"] for row in rows}
    right = {label: [row["prediction"] == label for row in rows if row["truth"] == label] for label in classes}
    return float(np.mean([np.mean(own) for own in right.values()]))


def test_the_nested_row_chooses_by_dev_in_each_fold(swept: tuple[Path, str]) -> None:
    store, _ = swept
    rows = table(store)
    honest = [row for row in rows if row["row"] == "point" and row["condition"] == "marginal"]
    predictions: dict[tuple[str, str], list[Row]] = {}
    for row in honest:
        with (store / "results" / row["classifier"] / "predictions.tsv").open(encoding="utf-8", newline="") as stream:
            predictions[row["latent_dim"], row["seed"]] = list(csv.DictReader(stream, delimiter="\t"))

    def of(dim: str, seed: str, fold: int, part: str) -> list[Row]:
        return [row for row in predictions[dim, seed] if (row["fold"], row["part"]) == (str(fold), part)]

    chosen = {}
    for fold in (1, 2):
        on_dev = {dim: np.mean([recall(of(dim, seed, fold, "dev")) for seed in "01"]) for dim in "24"}
        chosen[fold] = max(on_dev, key=lambda dim: on_dev[dim])
    nested = {row["seed"]: row for row in rows if row["row"] == "nested"}
    assert set(nested) == {"0", "1"}
    for seed, row in nested.items():
        assert row["chosen"] == "; ".join(f"fold {k}: latent_dim={dim} condition=marginal" for k, dim in chosen.items())
        pooled = [one for k, dim in chosen.items() for one in of(dim, seed, k, "test")]
        assert float(row["uar"]) == pytest.approx(recall(pooled), abs=1e-6)
        assert float(row["accuracy"]) == pytest.approx(
            np.mean([one["truth"] == one["prediction"] for one in pooled]), abs=1e-6
        )
        assert int(row["n_utterances"]) == len(pooled)
        by_fold = [recall(of(dim, seed, k, "test")) for k, dim in chosen.items()]
        assert float(row["uar_fold_mean"]) == pytest.approx(np.mean(by_fold), abs=1e-6)
        assert row["marks"] == "TEXT-SHARED PARTIAL"


def test_the_figure_has_a_line_a_system_with_its_marks(swept: tuple[Path, str]) -> None:
    folder = swept[0] / "sweeps/small"
    assert (folder / "figure.png").read_bytes().startswith(b"\x89PNG")
    drawn = (folder / "figure.svg").read_text()
    for text in (
        ">marginal PARTIAL<",
        ">oracle ORACLE PARTIAL<",
        ">latents per segment<",
        ">UA %, band: 95 %<",
        ">TEXT-SHARED<",
        ">2<",
        ">4<",
    ):
        assert text in drawn


def test_more_values_on_an_axis_make_only_what_is_new(own: Path, grid: Path, sercli: Sercli) -> None:
    before = stamps(own, "*/*/fold-*/*")
    told = sercli("sweep", own, grid, *FOLDS, "--set", "seed=[0,1,2]", "--set", "latent_dim=2", "--dry-run").stderr
    assert "autoencoders: 6, 2 to make" in told
    assert "results: 6, 2 to make" in told
    sercli("sweep", own, grid, *FOLDS, "--set", "seed=[0,1,2]", "--set", "latent_dim=2", "--name", "more", "--jobs", 1)
    after = stamps(own, "*/*/fold-*/*")
    assert {name: after[name] for name in before} == before
    assert Counter(row["seed"] for row in table(own, "more") if row["row"] == "point") == {"0": 2, "1": 2, "2": 2}


# --- killed, in company, and when a point fails


def test_killed_and_run_again_by_two_the_bytes_are_those_of_one_in_peace(
    swept: tuple[Path, str], fresh: Path, grid: Path, sercli: Sercli
) -> None:
    command = ["sweep", "STORE", grid, *FOLDS, "--jobs", 2]
    finished = "*/*/fold-*/[!z]*"  # what a latent's group becomes when it is let go of is no file of these
    for moment in ("autoencoders/*/fold-*", "predictions/*/fold-2", "results/*"):
        kill_at(moment, fresh, command)
        before = stamps(fresh, finished)
    said = sercli("sweep", fresh, grid, *FOLDS, "--jobs", 2).stderr
    assert "Traceback" not in said
    after = stamps(fresh, finished)
    assert before
    assert {name: after[name] for name in before} == before, "a finished unit was done again"
    same(fresh, swept[0])
    assert not staged(fresh)


def test_a_killed_worker_costs_its_own_points(swept: tuple[Path, str], fresh: Path, grid: Path, sercli: Sercli) -> None:
    """It is killed while it writes a model; the other worker goes on."""
    command = ["sweep", "STORE", grid, *FOLDS, "--jobs", 2]
    done = kill_worker_at(".staging/autoencoders*/*/product/*", fresh, command)
    said = done.stderr
    assert done.returncode == 1, said
    error = error_in(said)
    assert "killed" in error["seen"]
    assert "run the same command again" in error["fix"]
    lost = [line.removeprefix("not scored: ") for line in said.splitlines() if line.startswith("not scored: ")]
    scored = [row for row in table(fresh) if row["row"] == "point"]
    assert len(lost) + len(scored) == N_POINTS
    assert lost
    assert scored
    assert f"{len(lost)} of {N_POINTS}" in error["problem"]
    assert lost[0] in error["problem"]
    sercli("sweep", fresh, grid, *FOLDS, "--jobs", 2)
    same(fresh, swept[0])
    assert not staged(fresh)


def test_a_point_that_fails_is_named_and_the_others_are_scored(fresh: Path, tmp_path: Path, sercli: Sercli) -> None:
    content = {
        "fixed": {**SMALL, "classifier": "functionals"},
        "axes": {"latent_dim": [2, 3], "steps": {"usual": {}, "wild": {"ae.lr": 1e30}}},
    }
    grid = write_grid(tmp_path, content)
    done = sercli("sweep", fresh, grid, "--fold", 1, "--jobs", 1, code=1)
    fields = {"place": "grid", "problem": ("2 of 4", "latent_dim=2 steps=wild"), "fix": "sweeps/grid"}
    check_error(error_of(done), fields)
    assert "not scored: latent_dim=2 steps=wild" in done.stderr
    assert [(row["latent_dim"], row["steps"]) for row in table(fresh, "grid") if row["row"] == "point"] == [
        ("2", "usual"),
        ("3", "usual"),
    ]


def test_an_old_result_does_not_stand_in_for_a_point_that_fails(own: Path, grid: Path, sercli: Sercli) -> None:
    """Two folds were done; the third of two points cannot be, so that their scores of two are none of this sweep."""
    (model,) = (own / "autoencoders").glob("cvae-2*seed-1")
    with lock(own, f"autoencoders/{model.name}/fold-3"):
        done = sercli("sweep", own, grid, *FOLDS, "--fold", 3, "--jobs", 1, code=1)
    fields = {"problem": ("2 of 8", "latent_dim=2 condition=marginal seed=1"), "seen": f"{model.name}/fold-3"}
    check_error(error_of(done), fields)
    rows = [row for row in table(own) if row["row"] == "point"]
    assert len(rows) == 6
    assert {row["folds_done"] for row in rows} == {"3"}


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c(jobs: int, fresh: Path, grid: Path, sercli: Sercli) -> None:
    """What is finished is kept, nobody stays behind, and nothing is left locked."""
    done = interrupt_at("classifiers/*/fold-*", fresh, ["sweep", "STORE", grid, *FOLDS, "--jobs", jobs])
    assert done.stderr.splitlines()[-1] == INTERRUPTED
    with lock(fresh, "sweeps"):
        pass
    kept = folds_of(fresh, "autoencoders") + folds_of(fresh, "classifiers") + folds_of(fresh, "predictions")
    told = json.loads(sercli("sweep", fresh, grid, *FOLDS, "--dry-run", "--json").stdout)
    assert len([key for key in told["reused"] if "/latents/" not in key]) == kept > 0


def test_two_sweeps_at_once(fresh: Path, grid: Path, sercli: Sercli) -> None:
    command = ["sweep", "STORE", grid, "--fold", 1, "--set", "latent_dim=2", "--set", "seed=0", "--jobs", 1]
    with stopped_at("autoencoders/*", fresh, command):
        before = listing(fresh)
        error = refused(sercli, 1, {"place": str(fresh / "sweeps"), "fix": "wait"}, "sweep", fresh, grid, "--fold", 2)
        assert "another command" in error["problem"]
        assert listing(fresh) == before


# --- grids that cannot be

IMPOSSIBLE: dict[str, tuple[dict[str, Any], str]] = {
    "unknown option": ({"axes": {"latent_dims": [2]}}, "grid.yaml|'latent_dims'|did you mean"),
    "empty axis": ({"axes": {"latent_dim": []}}, "grid.yaml: latent_dim: |empty"),
    "latent_dim 0": (
        {"axes": {"model": ["ae", "vae"], "latent_dim": [2, 0]}},
        "grid.yaml: model=ae latent_dim=0: |latent_dim|at least 1",
    ),
    "unknown model": ({"axes": {"model": ["ae", "gan"]}}, "grid.yaml: |seen 'gan'"),
    "unknown classifier": ({"axes": {"classifier": ["svm"]}}, "grid.yaml: |seen 'svm'"),
    "unknown front end": ({"axes": {"frontend": ["plp"]}}, "grid.yaml: frontend=plp: |seen 'plp'"),
    "unknown target": ({"axes": {"target": ["joy"]}}, "grid.yaml: target=joy: |'joy'|one of emotion, arousal"),
    "unknown subset": ({"axes": {"subset": ["sung"]}}, "grid.yaml: subset=sung: |style|seen sung"),
    "no values": ({"axes": {"target": ["arousal"]}}, "grid.yaml: target=arousal: |seen 0 (none)"),
    "wrong type": ({"axes": {"epochs": ["many"]}}, "grid.yaml: epochs=many: training: epochs|'many'"),
    "learning rate": ({"axes": {"lr": [0.1, -1]}}, "grid.yaml: lr=-1: training: lr|-1.0|more than 0"),
    "of the plug-in": ({"axes": {"ae.hidden": [[0]]}}, "grid.yaml: ae.hidden=0: |hidden"),
    "segments": ({"axes": {"segment_shift_ms": [100, 7]}}, "grid.yaml: segment_shift_ms=7: |--segment-shift-ms"),
    "no features yet": (
        {"axes": {"frontend": ["imported"]}},
        "grid.yaml: frontend=imported: |features/imported|--frontend imported --from PATH",
    ),
    "no folds file": ({"axes": {"protocol": ["file"]}}, "grid.yaml: protocol=file: |--folds-file"),
    "a file that is none": ({"axes": {"folds_file": ["none.tsv"]}}, "folds_file=none.tsv: none.tsv: No such file"),
}  # fmt: skip


@pytest.mark.parametrize("situation", IMPOSSIBLE)
def test_a_grid_is_checked_whole_before_anything_runs(
    situation: str, ingested: Path, tmp_path: Path, sercli: Sercli
) -> None:
    content, words = IMPOSSIBLE[situation]
    before = listing(ingested)
    fixable = "style|seen 0|No such file|--from PATH"
    code = 1 if any(word in words for word in fixable.split("|")) else 2
    for dry in ([], ["--dry-run"]):
        refused(sercli, code, words, "sweep", ingested, write_grid(tmp_path, content), *dry)
    assert listing(ingested) == before


def test_a_fold_that_is_none(ingested: Path, grid: Path, sercli: Sercli) -> None:
    refused(sercli, 2, {"place": "--fold", "seen": "9", "expected": "1 to 4"}, "sweep", ingested, grid, "--fold", 9)


def test_a_grid_that_is_not_there(ingested: Path, tmp_path: Path, sercli: Sercli) -> None:
    refused(sercli, 1, "none.yaml: no such file", "sweep", ingested, tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("axes: [")
    refused(sercli, 1, "bad.yaml: cannot be read as YAML", "sweep", ingested, tmp_path / "bad.yaml")
