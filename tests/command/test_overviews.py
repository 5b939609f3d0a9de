"""What `info`, `doctor` and `evaluate` show: every state of a store and the command that comes next, on the real command."""

import json
import os
import pty
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from support.command import FIXABLE, QUICK, Sercli
from support.errors import refused

from sercli.stages import info as stage

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def info(sercli: Sercli, store: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(sercli("info", store, "--json").stdout)
    return found


def states(found: dict[str, Any], kind: str) -> dict[str, dict[str, int]]:
    return {item["name"]: item["states"] for item in found["items"] if item["kind"] == kind}


def files(folder: Path) -> list[tuple[str, int]]:
    return sorted((str(path), path.stat().st_mtime_ns) for path in folder.rglob("*"))


# --- info


def test_following_the_next_command_leads_from_nothing_to_scores(sercli: Sercli, corpus: Path, tmp_path: Path) -> None:
    """Whoever types what `info` says ends with a report; no command is said twice."""
    store = tmp_path / "store"
    sercli("ingest", corpus, store)
    typed: list[str] = []
    for _ in range(10):
        command = info(sercli, store)["next"]
        assert command not in typed, f"{command} is said again after {typed}"
        typed.append(command)
        program, step, *arguments = shlex.split(command)
        assert program == "sercli"
        if step == "report":
            break
        sercli(step, *arguments, *(QUICK if step.startswith("train-") else []))
        if step.startswith("train-"):  # that was another product, being quick; the words of the README will do
            typed.pop()
    assert [command.split()[1] for command in typed][-1] == "report"
    found = info(sercli, store)
    assert not any(item["wanting"] for item in found["items"])
    sercli("report", store, "--jobs", 1)
    found = info(sercli, store)
    assert states(found, "report") == {"report": {"fresh": 1}}
    _, step, *arguments = shlex.split(found["next"])
    assert (step, arguments[-1]) == ("export", "BUNDLE")
    sercli(step, *arguments[:-1], tmp_path / "bundle")
    assert info(sercli, store)["next"] == "sercli predict BUNDLE FILE"
    shutil.rmtree(store / "diagnostics")
    found = info(sercli, store)
    assert (states(found, "report"), found["next"]) == ({"report": {"stale": 1}}, f"sercli report {store}")
    sercli("report", store, "--jobs", 1)
    assert states(info(sercli, store), "report") == {"report": {"fresh": 1}}
    assert {item["kind"] for item in found["items"]} >= {
        "features",
        "task",
        "autoencoder",
        "latents",
        "classifier",
        "result",
    }


def test_what_is_there_and_how_big(sercli: Sercli, trained: Path) -> None:
    before = files(trained)
    found = info(sercli, trained)
    assert found["corpus"]["utterances"] == 36
    assert found["corpus"]["speakers"] == 4
    assert found["corpus"]["labels"] == {"anger": 12, "neutral": 12, "sadness": 12}
    assert found["bytes"] == sum(path.lstat().st_size for path in trained.rglob("*") if path.is_file())
    assert states(found, "autoencoder") == {"cvae-8": {"fresh": 4}}
    assert states(found, "latents") == {"cvae-8 marginal": {"fresh": 4}}
    assert states(found, "classifier") == {"cvae-8.lstm": {"fresh": 4}}
    (result,) = [item for item in found["items"] if item["kind"] == "result"]
    scores = json.loads(sercli("evaluate", trained, "--json").stdout)["results"][0]
    assert result["about"]["uar"] == scores["uar"]
    assert files(trained) == before
    text = sercli("info", trained).stdout
    assert f"{100 * scores['uar']:.1f}" in text
    assert "Nothing is stale." in text
    assert text.splitlines()[-1] == f"Next: {found['next']}"


def test_half_trained(sercli: Sercli, trained_store: Path) -> None:
    shutil.rmtree(trained_store / "autoencoders" / "cvae-8" / "fold-3")
    found = info(sercli, trained_store)
    assert states(found, "autoencoder") == {"cvae-8": {"fresh": 3, "missing": 1}}
    assert found["next"].startswith(f"sercli train-ae {trained_store} ")
    assert found["next"].endswith("--name cvae-8 --fold 3")
    shutil.rmtree(trained_store / "autoencoders" / "cvae-8" / "fold-1")
    assert info(sercli, trained_store)["next"].endswith("--name cvae-8")  # one command makes both


def test_a_corrected_label_shows_what_hangs_on_it(sercli: Sercli, trained_store: Path) -> None:
    table = trained_store / "corpus" / "utterances.tsv"
    lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    row = next(number for number, line in enumerate(lines) if "\tanger\t" in line)
    lines[row] = lines[row].replace("\tanger\t", "\tneutral\t", 1)
    table.write_text("".join(lines), encoding="utf-8")
    found = info(sercli, trained_store)
    assert states(found, "features") == {"logmel": {"fresh": 1}}
    assert states(found, "task") == {"emotion.leave-one-speaker-out": {"stale": 1}}
    assert found["next"].startswith(f"sercli folds {trained_store}")
    assert "task emotion.leave-one-speaker-out: emotion changed" in sercli("info", trained_store).stdout


def test_bundles_and_diagnostics_are_there_and_grow_stale(sercli: Sercli, exported: Path, tmp_path: Path) -> None:
    store = Path(shutil.copytree(exported, tmp_path / "toy"))
    sercli("report", store, "--jobs", 1)
    found = info(sercli, store)
    fresh = {"fresh": 1}
    assert states(found, "bundle") == {"control fold-2": fresh, "cvae-8.lstm": fresh, "cvae-8.lstm fold-1": fresh}
    assert states(found, "diagnostics") == {"cvae-8": fresh}
    shutil.rmtree(store / "autoencoders/cvae-8/fold-2")
    shutil.rmtree(store / "classifiers/control/fold-2")
    sercli("evaluate", store, "--classifier", "control", "--jobs", 1)
    found = info(sercli, store)
    assert states(found, "bundle")["control fold-2"] == {"stale": 1}
    assert states(found, "diagnostics") == {"cvae-8": {"stale": 1}}
    commands = {item["name"]: item["command"] for item in found["items"] if item["kind"] in ("bundle", "diagnostics")}
    assert commands["control fold-2"] == f"sercli export {store} --classifier control BUNDLE --fold 2"
    assert commands["cvae-8"] == f"sercli report {store}"


def test_damage_is_told_and_stops_nothing_else(sercli: Sercli, exported: Path, tmp_path: Path) -> None:
    store = Path(shutil.copytree(exported, tmp_path / "toy"))
    (store / "classifiers/control/fold-1/model.safetensors").unlink()
    damaged = store / "classifiers/cvae-8.lstm/fold-2/provenance.json"
    damaged.write_text("{}")
    (store / "bundles/control/unknown").mkdir()
    (store / "bundles/control/unknown/provenance.json").touch()
    found = info(sercli, store)
    assert states(found, "classifier")["control"] == {"fresh": 3, "stale": 1}
    assert states(found, "classifier")["cvae-8.lstm"] == {"damaged": 1}
    assert states(found, "autoencoder") == {"cvae-8": {"fresh": 4}}
    assert found["next"].startswith(f"sercli train-classifier {store}")
    text = sercli("info", store).stdout
    assert str(damaged) in "".join(text.split())
    assert "Nothing is stale" not in text
    shutil.rmtree(store / "classifiers/control")
    shutil.rmtree(store / "bundles")
    assert info(sercli, store)["next"] == ""
    assert sercli("info", store).stdout.splitlines()[-1].startswith("Next: repair")


def test_sound_that_has_moved_is_told(sercli: Sercli, store: Path) -> None:
    corpus = store / "corpus" / "corpus.yaml"
    root = next(line for line in corpus.read_text().splitlines() if line.startswith("root: "))
    corpus.write_text(corpus.read_text().replace(root, "root: /no/such/folder"))
    assert "no longer at /no/such/folder" in sercli("info", store).stdout


def test_no_store(sercli: Sercli, corpus: Path, tmp_path: Path) -> None:
    refused(
        sercli, FIXABLE, {"place": str(tmp_path / "none"), "fix": "sercli ingest CORPUS"}, "info", tmp_path / "none"
    )
    refused(sercli, FIXABLE, {"place": str(corpus), "fix": f"sercli ingest {corpus} STORE"}, "info", corpus)


def test_many_products_are_shown_at_a_glance(trained: Path) -> None:
    overview = stage.run(trained)
    (entry,) = [entry for entry in overview.items if entry.kind == "classifier"]
    several = [replace(entry, name=f"lstm-{number}") for number in range(50)]
    stale = replace(entry, name="the-one", states={"stale": 4}, wanting=True, why=["labels"])
    text = replace(overview, items=[*several, stale]).text()
    assert "lstm-7" not in text
    assert "50 more" in text
    assert "200 fresh" in text
    assert "the-one" in text
    assert "classifier the-one: labels changed" in text


# --- doctor


def test_doctor_tells_what_is_here(sercli: Sercli) -> None:
    import torch

    machine = json.loads(sercli("doctor", "--json").stdout)
    assert machine["cores"] == len(os.sched_getaffinity(0))
    assert machine["versions"]["torch"] == torch.__version__
    assert machine["memory"] > 2**28
    assert "cpu" in machine["devices"]
    assert machine["auto_device"] in machine["devices"]
    assert machine["plugins"]["autoencoders"] == ["ae", "cvae", "vae"]
    text = sercli("doctor").stdout
    assert f"torch {torch.__version__}" in text
    assert "--device cpu" in text


def test_doctor_survives_a_broken_torch(sercli: Sercli, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('libtorch_cpu.so: cannot open shared object file')\n")
    machine = json.loads(sercli("doctor", "--json", env={"PYTHONPATH": str(tmp_path)}).stdout)
    assert "libtorch_cpu.so" in machine["devices"]["cpu"]["problem"]
    assert any("--device cpu" in problem and "install it again" in problem for problem in machine["problems"])


# --- evaluate


def on_a_terminal(words: list[str], width: int, **environment: str) -> str:
    """What a command writes to a terminal of that width."""
    ours, theirs = pty.openpty()
    told = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(width), "LINES": "50", **environment}
    told.pop("NO_COLOR", None) if "NO_COLOR" not in environment else None
    with subprocess.Popen(
        [sys.executable, "-m", "sercli", *words], stdout=theirs, stderr=subprocess.DEVNULL, env=told
    ) as process:
        os.close(theirs)
        parts = []
        while True:
            try:
                part = os.read(ours, 2**16)
            except OSError:  # Linux's way to say that the other end is closed
                break
            if not part:
                break
            parts.append(part)
    os.close(ours)
    assert process.returncode == 0
    return b"".join(parts).decode().replace("\r\n", "\n")


def test_colours_on_a_terminal_and_plain_text_in_a_pipe(sercli: Sercli, trained: Path) -> None:
    words = ["evaluate", str(trained)]
    shown = on_a_terminal(words, 200)
    piped = sercli(*words).stdout
    assert ANSI.search(shown)
    assert not ANSI.search(piped)
    assert [line.rstrip() for line in ANSI.sub("", shown).splitlines()] == [
        line.rstrip() for line in piped.splitlines()
    ]
    without = on_a_terminal(words, 200, NO_COLOR="1")
    assert set(ANSI.findall(without)) <= {
        "\x1b[0m",
        "\x1b[1m",
        "\x1b[3m",
    }  # bold and slanted are no colours


def test_bars_and_shades_are_the_scores(sercli: Sercli, trained: Path) -> None:
    groups = json.loads(sercli("evaluate", trained, "--json").stdout)["groups"]
    result = json.loads(sercli("evaluate", trained, "--json").stdout)["results"][0]
    (group,) = groups
    assert group["recall"] == result["recall"]
    assert group["confusion"] == result["confusion"]
    text = sercli("evaluate", trained).stdout
    for label, row in zip(result["labels"], result["confusion"], strict=True):
        assert f"{100 * result['recall'][label]:.1f}" in text
        assert re.search(rf"{label} +{' +'.join(map(str, row))}\b", text)
