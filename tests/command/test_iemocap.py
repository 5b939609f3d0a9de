"""IEMOCAP's reader, on the real command and a corpus of the release's shape: its labels, its votes, its counts, its oddities."""

import csv
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.command import FIXABLE, USAGE, Sercli
from support.corpora import load_synthesiser
from support.errors import check_error, error_of, refused
from support.paths import IEMOCAP_SYNTHESISER

from sercli.corpora import emodb as emodb_reader
from sercli.corpora import iemocap as reader
from sercli.data.utterances import Count, Utterance

synthesiser = load_synthesiser(IEMOCAP_SYNTHESISER)
Row = dict[str, str]

F000, M000, F001 = "Ses01F_impro01_F000", "Ses01F_impro01_M000", "Ses01F_impro01_F001"
LABELS = Path("Session1/dialog/EmoEvaluation/Ses01F_impro01.txt")
WORDS = Path("Session1/dialog/transcriptions/Ses01F_impro01.txt")
SOUNDS = Path("Session1/sentences/wav/Ses01F_impro01")


def rows_of(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))


def by_id(store: Path) -> dict[str, Row]:
    return {row["utt_id"]: row for row in rows_of(store / "corpus" / "utterances.tsv")}


def rejects(store: Path) -> list[tuple[str, str]]:
    return [(row["path"], row["reason"]) for row in rows_of(store / "corpus" / "rejects.tsv")]


@pytest.fixture(scope="module")
def ingested(iemocap: Path, sercli: Sercli, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The store, and what the command said."""
    store = tmp_path_factory.mktemp("store") / "iemocap"
    return store, sercli("ingest", iemocap, store).stderr


@pytest.fixture(scope="module")
def rows(ingested: tuple[Path, str]) -> dict[str, Row]:
    return by_id(ingested[0])


@pytest.fixture
def copy(iemocap: Path, tmp_path: Path) -> Path:
    """Two sessions of one's own."""
    for session in ("Session1", "Session2"):
        shutil.copytree(iemocap / session, tmp_path / "some" / session)
    return tmp_path / "some"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new, 1))


def header(folder: Path, utt_id: str) -> str:
    """The line of an utterance's labels."""
    return next(line for line in (folder / LABELS).read_text().splitlines() if f"\t{utt_id}\t" in line)


# --- what is read


def test_every_label_is_that_of_its_line(rows: dict[str, Row], iemocap: Path) -> None:
    """By a second, cruder parser: whitespace and brackets gone, the fields are times, name, code, V, A, D."""
    seen = 0
    for path in iemocap.glob("Session?/dialog/EmoEvaluation/[!.]*.txt"):
        for line in path.read_text().splitlines():
            if not line.startswith("["):
                continue
            start, end, utt_id, code, *dimensions = re.sub(r"[\[\],]| - ", " ", line).split()
            row = rows[utt_id]
            assert row["emotion_code"] == code
            assert row["dialogue"] == path.stem
            assert [row["start_in_dialogue"], row["end_in_dialogue"]] == [start, end]
            assert [float(row[name]) for name in ("valence", "arousal", "dominance")] == list(map(float, dimensions))
            assert (row["start"], row["end"]) == ("", "")
            assert float(row["duration"]) == pytest.approx(float(end) - float(start), abs=2e-4)
            seen += 1
    assert seen == len(rows) == 140


def test_names_of_labels(rows: dict[str, Row]) -> None:
    names = {row["emotion_code"]: row["emotion"] for row in rows.values()}
    assert names == {
        "ang": "anger",
        "hap": "happiness",
        "exc": "excited",
        "sad": "sadness",
        "neu": "neutral",
        "fru": "frustration",
        "sur": "surprise",
        "fea": "fear",
        "dis": "disgust",
        "oth": "other",
        "xxx": "",
    }


def test_who_speaks_is_the_letter_of_the_last_part(rows: dict[str, Row]) -> None:
    assert rows["Ses01F_impro01_M000"]["speaker"] == "iemocap_Ses01M"
    assert rows["Ses01M_impro02_F000"]["speaker"] == "iemocap_Ses01F"
    for utt_id, row in rows.items():
        letter = utt_id.split("_")[-1][0]
        assert row["speaker"] == f"iemocap_Ses0{utt_id[4]}{letter}"
        assert row["gender"] == {"F": "female", "M": "male"}[letter]
        assert row["session"] == f"Ses0{utt_id[4]}"
    by_first_letter = [utt_id for utt_id, row in rows.items() if row["speaker"][-1] != utt_id[5]]
    assert 0.4 < len(by_first_letter) / len(rows) < 0.6  # what the mistake would cost


def test_styles_and_odd_dialogues(rows: dict[str, Row]) -> None:
    styles = {row["dialogue"]: row["style"] for row in rows.values()}
    assert {name for name, style in styles.items() if style == "improvised"} == {n for n in styles if "impro" in n}
    assert set(styles.values()) == {"improvised", "scripted"}
    assert {"Ses03M_impro05a", "Ses03M_impro05b", "Ses05M_script01_1", "Ses05M_script01_1b"} <= set(styles)


def test_transcripts(rows: dict[str, Row], iemocap: Path) -> None:
    written = (iemocap / WORDS).read_bytes()
    assert written.count(b"\r\n") == written.count(b"\n") == 9
    assert b"XX0 [" in written
    assert b"\r\nM: " in written
    said = dict(re.findall(r"^(\S+_[FM]\d{3}) \[.*\]: (.*)\r$", written.decode(), re.MULTILINE))
    assert len(said) == 7
    assert {utt_id: rows[utt_id]["text"] for utt_id in said} == said
    assert all(row["text"] for row in rows.values())


def test_junk_and_subfolders_are_not_read(ingested: tuple[Path, str], iemocap: Path) -> None:
    assert len(list(iemocap.glob("Session?/**/._*"))) == 15
    assert len(list(iemocap.glob("Session1/dialog/EmoEvaluation/*/*.txt"))) == 12
    assert {path[-8:] for path, _ in rejects(ingested[0])} == {"FXX0.wav", "MXX0.wav"}
    assert {reason for _, reason in rejects(ingested[0])} == {"the corpus has no labels for it"}


def test_values_out_of_range_are_kept_and_said(ingested: tuple[Path, str], rows: dict[str, Row]) -> None:
    said = ingested[1]
    high, low = rows["Ses03M_impro07_M000"], rows["Ses01M_script01_1_F000"]
    assert (high["valence"], high["valence_of_votes"]) == ("5.5", "5.0000")
    assert (low["dominance"], low["dominance_of_votes"]) == ("0.5", "1.0000")
    assert (
        "warning: Ses03M_impro07_M000: valence is 5.5, outside 1 to 5; kept, the raters' own votes have a mean of 5.0000"
        in said
    )
    assert "warning: Ses01M_script01_1_F000: dominance is 0.5, outside 1 to 5" in said
    assert said.count("warning: ") == sum("outside" in line for line in said.splitlines()) == 3
    for row in rows.values():
        for name in ("valence", "arousal", "dominance"):
            if 1 <= float(row[name]) <= 5:
                assert float(row[f"{name}_of_votes"]) == pytest.approx(float(row[name]), abs=1e-4)


def test_the_default_task(ingested: tuple[Path, str], sercli: Sercli) -> None:
    done = json.loads(sercli("folds", ingested[0], "--json").stdout)
    assert done["classes"] == ["neutral", "happiness", "sadness", "anger"]
    assert [fold["test"] for fold in done["folds"]] == [f"Ses0{number}" for number in range(1, 6)]
    assert sum(fold["n_test"] for fold in done["folds"]) == 100


@pytest.mark.parametrize("style", ["improvised", "scripted"])
def test_everybody_says_everything(style: str, rows: dict[str, Row]) -> None:
    """What the other tests rely on: whatever is left out, each class is in every part."""
    for speaker in {row["speaker"] for row in rows.values()}:
        mine = [row for row in rows.values() if (row["speaker"], row["style"]) == (speaker, style)]
        assert {"neutral", "happiness", "excited", "sadness", "anger"} <= {row["emotion"] for row in mine}
        for name in ("valence", "arousal", "dominance"):
            values = [float(row[name]) for row in mine]
            assert min(values) < 2.5
            assert max(values) >= 3.5
            assert 3.0 in values


# --- votes

BLOCK = """C-E2:\tNeutral;\t()
C-E3:\tNeutral; Anger;\t(well; why: I do not (really) know)
C-E4:\t\t()
C-F1:\tNeutral state;\t()
C-M1:\tOther;\t( bored )
A-E2:\tval 3; act 2; dom  2;\t()
A-E3:\tval 2; act ; dom  4;\t(second thoughts)
A-F1:\tval 5; act 5; dom  5;\t()
"""


def test_each_vote_has_its_row(copy: Path, sercli: Sercli, tmp_path: Path) -> None:
    text, line = (copy / LABELS).read_text(), header(copy, F000)
    before, _, after = text.partition(f"{line}\n")
    others = after.partition("\n\n")[2]
    (copy / LABELS).write_text(f"{before}{line}\n{BLOCK}\n{others}")
    sercli("ingest", copy, tmp_path / "store")
    ratings = rows_of(tmp_path / "store" / "corpus" / "ratings.tsv")
    columns = ["utt_id", "rater", "kind", "emotions", "valence", "arousal", "dominance", "comment"]
    assert list(ratings[0]) == columns
    assert [list(row.values())[1:] for row in ratings if row["utt_id"] == F000] == [
        ["E2", "external", "neutral", "3", "2", "2", ""],
        ["E3", "external", "neutral+anger", "2", "", "4", "well; why: I do not (really) know / second thoughts"],
        ["E4", "external", "", "", "", "", ""],
        ["F1", "self", "neutral", "5", "5", "5", ""],
        ["M1", "self", "other", "", "", "", "bored"],
    ]
    row = by_id(tmp_path / "store")[F000]
    of_votes = [row[f"{name}_of_votes"] for name in ("valence", "arousal", "dominance")]
    assert of_votes == ["2.5000", "2.0000", "3.0000"]  # of the external raters alone


def test_all_votes_are_there(ingested: tuple[Path, str], iemocap: Path) -> None:
    expected = set()
    for path in iemocap.glob("Session?/dialog/EmoEvaluation/[!.]*.txt"):
        for block in path.read_text().split("\n\n")[1:]:
            name = block.split("\t")[1] if block.strip() else ""
            expected |= {(name, rater) for rater in re.findall(r"^[CA]-(\w+):", block, re.MULTILINE)}
    ratings = rows_of(ingested[0] / "corpus" / "ratings.tsv")
    assert [(row["utt_id"], row["rater"]) for row in ratings] == sorted(expected)
    assert {row["rater"][0] for row in ratings if row["kind"] == "self"} == {"F", "M"}
    assert {row["rater"][0] for row in ratings if row["kind"] == "external"} == {"E"}
    emotions = {name for row in ratings for name in row["emotions"].split("+")}
    assert emotions == {name for name in reader.EMOTIONS.values() if name} | {""}


def test_votes_follow_the_utterances(copy: Path, sercli: Sercli, tmp_path: Path) -> None:
    """Who is set aside takes the votes along; a store of something else does not keep them."""
    store = tmp_path / "store"
    made = json.loads(sercli("ingest", copy, store, "--json").stdout)["made"]
    assert made == ["corpus"]
    votes = (store / "corpus" / "ratings.tsv").read_text()
    assert sorted(json.loads(sercli("ingest", copy, store, "--json").stdout)["reused"]) == made
    (copy / SOUNDS / f"{F000}.wav").unlink()
    outcome = json.loads(sercli("ingest", copy, store, "--json").stdout)
    assert outcome["stale"] == ["corpus"]
    assert (store / "corpus" / "ratings.tsv").read_text() == "".join(
        line for line in votes.splitlines(keepends=True) if not line.startswith(F000)
    )
    table = tmp_path / "table.csv"
    table.write_text("path,speaker,emotion\n" + f"{SOUNDS}/{M000}.wav,1,anger\n{SOUNDS}/{F001}.wav,2,fear\n")
    fields = {"place": str(store), "seen": "iemocap", "expected": "table", "fix": "--overwrite"}
    refused(sercli, FIXABLE, fields, "ingest", table, store, "--root", copy)
    sercli("ingest", table, store, "--root", copy, "--overwrite")
    assert not (store / "corpus" / "ratings.tsv").exists()
    assert not (store / "corpus" / "counts.tsv").exists()


def test_what_nobody_has_said_is_marked(copy: Path, sercli: Sercli, tmp_path: Path) -> None:
    """In every score; sessions without that sign are taken for the corpus itself."""
    marks = []
    for turn in ("synthetic", "real"):
        store = tmp_path / turn
        sercli("ingest", copy, store)
        sercli("featurize", store, "--jobs", 1)
        options = ["--protocol", "random-10-fold", "--fold", 1, "--jobs", 1]
        sercli("train-classifier", store, "--classifier", "functionals", *options)
        (result,) = json.loads(sercli("evaluate", store, "--json", "--jobs", 1).stdout)["results"]
        marks.append(result["marks"])
        for sign in copy.glob("*/SYNTHETIC.txt"):
            sign.unlink()
    assert marks == [["SYNTHETIC", "SPEAKER-DEPENDENT", "PARTIAL"], ["SPEAKER-DEPENDENT", "PARTIAL"]]


# --- which folder


def test_release_parent_and_some_sessions_are_the_same(
    iemocap: Path, copy: Path, rows: dict[str, Row], sercli: Sercli, tmp_path: Path
) -> None:
    sercli("ingest", iemocap.parent, tmp_path / "parent")
    parent = by_id(tmp_path / "parent")
    assert {utt_id: row | {"path": f"{iemocap.name}/{row['path']}"} for utt_id, row in rows.items()} == parent
    done = sercli("ingest", copy, tmp_path / "two")
    assert f"{copy}: looks like iemocap" in done.stderr
    two = by_id(tmp_path / "two")
    assert two == {utt_id: row for utt_id, row in rows.items() if row["session"] in ("Ses01", "Ses02")}


INSIDE = ["Session1", "Session1/dialog", "Session1/sentences", SOUNDS.parent, SOUNDS, LABELS.parent]


@pytest.mark.parametrize("folder", INSIDE, ids=str)
@pytest.mark.parametrize("options", [[], ["--corpus", "iemocap"]], ids=["guessed", "told"])
def test_a_folder_inside_the_release(
    folder: Path, options: list[str], iemocap: Path, sercli: Sercli, tmp_path: Path
) -> None:
    done = sercli("ingest", iemocap / folder, tmp_path / "store", *options, code=FIXABLE)
    error = error_of(done)
    assert error["place"] == str(iemocap / folder)
    assert str(iemocap) in error["fix"]
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(("folder", "holds"), [(SOUNDS.parent, "Ses01F_impro01"), (SOUNDS, f"{F000}.wav")])
def test_a_folder_taken_out_of_the_release(
    folder: Path, holds: str, iemocap: Path, sercli: Sercli, tmp_path: Path
) -> None:
    shutil.copytree(iemocap / folder, tmp_path / "wav")
    done = sercli("ingest", tmp_path / "wav", tmp_path / "store", code=FIXABLE)
    fields = {"place": str(tmp_path / "wav"), "seen": f"it holds {holds}", "fix": "give IEMOCAP_full_release"}
    check_error(error_of(done), fields)


def test_sounds_with_a_table_are_the_tables(iemocap: Path, sercli: Sercli, tmp_path: Path) -> None:
    shutil.copytree(iemocap / SOUNDS, tmp_path / "wav")
    (tmp_path / "wav" / "labels.csv").write_text(f"path,speaker,emotion\n{F000}.wav,1,anger\n{M000}.wav,2,fear\n")
    assert "looks like table" in sercli("ingest", tmp_path / "wav", tmp_path / "store").stderr


# --- counts


def test_the_table_agrees_with_itself() -> None:
    counts = reader.COUNTS_BY_SESSION
    for name, numbers in counts.items():
        assert sum(numbers[:5]) == numbers[5], name
    for column in range(6):
        column_of = {name: numbers[column] for name, numbers in counts.items()}
        assert column_of["female"] + column_of["male"] == column_of["all"]
        assert column_of["improvised"] + column_of["scripted"] == column_of["all"]
        four = ("anger", "happiness", "excited", "sadness", "neutral")
        assert sum(column_of[name] for name in four) == column_of["four classes"]
        assert column_of["four classes, improvised"] + column_of["four classes, scripted"] == column_of["four classes"]
    labels = [*reader.EMOTIONS.values(), "no agreement"]
    assert sum(counts[name][5] if name in counts else reader.OTHER_COUNTS[name] for name in labels if name) == 10039
    improvised = [number for name, number in reader.OTHER_COUNTS.items() if name.endswith("improvised")]
    assert sum(improvised) == counts["four classes, improvised"][5]
    for low, below, equal, above, high in reader.COUNTS_IN_BINS.values():
        assert below + equal + above == 10039
        assert low < below
        assert high < above


def planned(seed: int) -> list[Utterance]:
    """The full corpus, as far as it can be told without its sound."""
    found = []
    for turn in synthesiser.plan("full", seed):
        if turn.label:
            values = synthesiser.evaluation(turn, seed).partition("\n")[0].split("\t")[-1]
            valence, arousal, dominance = json.loads(values)
            found.append(
                Utterance(
                    utt_id=turn.name,
                    path="",
                    duration=turn.seconds,
                    session=turn.name[:5],
                    gender="female" if turn.letter == "F" else "male",
                    style="improvised" if "_impro" in turn.name else "scripted",
                    emotion=reader.EMOTIONS[turn.label],
                    valence=valence,
                    arousal=arousal,
                    dominance=dominance,
                )
            )
    return found


@pytest.mark.parametrize("seed", [0, 1])
def test_the_full_corpus_has_the_release_s_size_and_shape(seed: int) -> None:
    utterances = planned(seed)
    assert [count for count in reader.counts(utterances) if count.present != count.expected] == []
    durations = np.array([utterance.duration for utterance in utterances])
    assert [round(durations.sum() / 3600, 2), durations.min(), durations.max()] == [12.44, 0.585, 34.14]
    assert durations.mean() == pytest.approx(4.46, abs=0.005)
    assert np.median(durations) < durations.mean()
    four = [u.duration for u in utterances if u.emotion in ("neutral", "happiness", "excited", "sadness", "anger")]
    assert round(sum(four) / 3600, 2) == 6.99
    names = [utterance.utt_id for utterance in utterances]
    assert len(set(names)) == len(names)
    assert len({name.rpartition("_")[0] for name in names}) == 151
    documented = r"^Ses0([1-5])([FM])_(impro|script)(\d\d)([ab]?)(?:_(\d)([ab]?))?_([FM])(\d{3})$"
    assert all(re.match(documented, name) for name in names)


def test_differences_are_said_cell_by_cell(ingested: tuple[Path, str]) -> None:
    store, said = ingested
    assert "count: session 1, anger: 4, the release has 229" in said
    assert said.count("count: ") == 20
    cells = {row["cell"]: (int(row["found"]), int(row["expected"])) for row in rows_of(store / "corpus" / "counts.tsv")}
    assert len(cells) == 5 * 15 + 15 + 9 + 15
    n_different = sum(found != expected for found, expected in cells.values())
    assert f"{n_different - 20} more counts, see {store / 'corpus' / 'counts.tsv'}" in said
    assert cells["session 3, four classes, scripted"] == (10, 524)
    assert cells["all"] == (140, 10039)
    assert cells["neutral, improvised"] == (10, 1099)
    assert "partial copy" not in said


def test_sessions_that_are_missing_are_one_line(copy: Path, sercli: Sercli, tmp_path: Path) -> None:
    store = tmp_path / "store"
    done = sercli("ingest", copy, store, "--verify", code=FIXABLE)
    assert done.stderr.count("partial copy: ") == 1
    assert (
        "partial copy: session 3, session 4, session 5 missing; their counts, and those of the whole, are not"
        in done.stderr
    )
    said = re.findall(r"^count: (.*?),", done.stderr, re.MULTILINE)
    assert set(said) == {"session 1", "session 2"}
    check_error(error_of(done), {"place": str(store / "corpus" / "counts.tsv"), "seen": "114 of 114 counts"})
    assert len(by_id(store)) == 56  # kept all the same
    sercli("ingest", copy, store)


def test_a_complete_release_is_verified(sercli: Sercli, tmp_path: Path) -> None:
    """EMO-DB by its names and numbers; one recording less, and it is not complete."""
    wav, made = tmp_path / "wav", 0
    wav.mkdir()
    for code, emotion in emodb_reader.EMOTIONS.items():
        for k in range(emodb_reader.COUNTS[emotion]):
            speaker = sorted(emodb_reader.GENDERS)[k % 10]
            noise = np.random.default_rng(made).standard_normal(800) / 10
            soundfile.write(wav / f"{speaker}a{k // 10:02d}{code}a.wav", noise, 16000)
            made += 1
    assert made == 535
    assert "count" not in sercli("ingest", wav, tmp_path / "store", "--verify").stderr
    next(wav.glob("*F*")).unlink()
    done = sercli("ingest", wav, tmp_path / "store", "--verify", code=FIXABLE)
    assert "count: happiness: 70, the release has 71" in done.stderr
    check_error(error_of(done), {"seen": "1 of 7 counts"})
    assert "count: happiness: 70" in sercli("ingest", wav, tmp_path / "store").stderr


def test_who_has_no_counts_cannot_be_verified(corpus: Path, sercli: Sercli, tmp_path: Path) -> None:
    done = sercli("ingest", corpus, tmp_path / "store", "--verify", code=USAGE)
    check_error(error_of(done), {"place": "--verify", "seen": "table"})


def test_a_part_is_named_where_there_are_some() -> None:
    assert [Count("session 1", "anger", 1, 2).name, Count("", "anger", 1, 2).name] == ["session 1, anger", "anger"]


# --- bad input: (what is done to two sessions) -> path and words of the reject, and how many utterances are lost


def shorten(path: Path, seconds: float) -> None:
    """A whole and valid file with another length."""
    samples, rate = soundfile.read(path, dtype="int16")
    soundfile.write(path, np.resize(samples, round(seconds * rate)), rate)


def cut(folder: Path, utt_id: str, after: str) -> None:
    """End the file of labels behind these words of an utterance's part."""
    text = (folder / LABELS).read_text()
    start = text.index(f"\t{utt_id}\t")
    (folder / LABELS).write_text(text[: text.index(after, start) + len(after)])


def change(old: str, new: str) -> Callable[[Path], None]:
    """In the labels of F000."""

    def changed(folder: Path) -> None:
        line = header(folder, F000)
        assert re.search(old, line)
        edit(folder / LABELS, line, re.sub(old, new, line))

    return changed


def repeat(old: str, new: str) -> Callable[[Path], None]:
    """The labels of F000 once more, changed."""

    def repeated(folder: Path) -> None:
        line = header(folder, F000)
        edit(folder / LABELS, f"{line}\n", f"{line}\n\n{line.replace(old, new)}\n")

    return repeated


SET_ASIDE: dict[str, tuple[Callable[[Path], object], Path, str, int]] = {
    "labels without sound": (
        lambda folder: (folder / SOUNDS / f"{F000}.wav").unlink(),
        LABELS,
        f"line 3: {F000}: has labels but no sound|{SOUNDS / F000}.wav is missing; copy it again",
        1,
    ),
    "sound without labels": (
        lambda folder: edit(folder / LABELS, f"{header(folder, F000)}\n", ""),
        SOUNDS / f"{F000}.wav",
        "has sound but no labels in dialog/EmoEvaluation/Ses01F_impro01.txt; copy that file again",
        1,
    ),
    "cut in the labels": (
        lambda folder: cut(folder, M000, "\t["),
        LABELS,
        f"damaged or cut short: '[|{M000}|copy it again",
        6,
    ),
    "cut in a vote": (lambda folder: cut(folder, F000, "C-E3:\t"), LABELS, "line 5: damaged or cut short: 'C-E3:", 6),
    "no label": (change(r"\tneu\t", r"\t\t"), LABELS, "line 3: damaged or cut short", 1),
    "no valence": (change(r"\t\[\d\.\d+,", r"\t[,"), LABELS, "line 3: damaged or cut short", 1),
    "two dimensions": (change(r", \d\.\d+\]", r"]"), LABELS, "line 3: damaged or cut short", 1),
    "unknown label": (change("neu", "nue"), LABELS, f"line 3: {F000}: unknown label 'nue', the nearest is 'neu'", 1),
    "strange name": (change("F000", "F00"), LABELS, "line 3: Ses01F_impro01_F00: the name is not of the form", 1),
    "another dialogue": (
        change("impro01_F000", "impro02_F000"),
        LABELS,
        "line 3: Ses01F_impro02_F000: belongs to dialogue Ses01F_impro02",
        1,
    ),
    "listed twice": (repeat("", ""), LABELS, f"line 5: {F000}: listed in line 3 already, with the same labels", 0),
    "listed twice, differently": (
        repeat("\tneu\t", "\tsad\t"),
        LABELS,
        f"line 5: {F000}: listed with different labels in lines 3, 5",
        1,
    ),
    "a note among the labels": (
        lambda folder: (folder / LABELS).with_name("notes.txt").write_text("[to do]"),
        LABELS.with_name("notes.txt"),
        "the name is not that of a dialogue",
        0,
    ),
    "a stranger among the sounds": (
        lambda folder: shutil.copy(folder / SOUNDS / f"{F000}.wav", folder / SOUNDS / "noise.wav"),
        SOUNDS / "noise.wav",
        "the name is not of the form Ses01F_impro01_F000.wav",
        0,
    ),
    "sound cut short": (
        lambda folder: shorten(folder / SOUNDS / f"{F000}.wav", 0.5),
        SOUNDS / f"{F000}.wav",
        "cut short: 0.500 s of sound, the corpus says|copy it again",
        1,
    ),
    "another recording": (
        lambda folder: shorten(folder / SOUNDS / f"{F000}.wav", 2.0),
        SOUNDS / f"{F000}.wav",
        "another recording: 2.000 s of sound, the corpus says",
        1,
    ),
}


@pytest.mark.parametrize("situation", SET_ASIDE)
def test_what_cannot_be_used_is_set_aside_by_name(situation: str, copy: Path, sercli: Sercli, tmp_path: Path) -> None:
    spoil, path, words, lost = SET_ASIDE[situation]
    spoil(copy)
    done = sercli("ingest", copy, tmp_path / "store", "--max-rejects", 20)
    assert "Traceback" not in done.stderr
    found = [reason for rejected, reason in rejects(tmp_path / "store") if rejected == str(path)]
    assert any(all(word in reason for word in words.split("|")) for reason in found), rejects(tmp_path / "store")
    assert len(by_id(tmp_path / "store")) == 56 - lost
    named = {F000} if lost == 1 else set()
    assert not named & set(by_id(tmp_path / "store"))


def test_too_much_set_aside_ends_with_one_and_keeps_the_rest(copy: Path, sercli: Sercli, tmp_path: Path) -> None:
    shutil.rmtree(copy / "Session2" / "sentences")
    done = sercli("ingest", copy, tmp_path / "store", code=FIXABLE)
    check_error(error_of(done), {"place": "rejects.tsv", "seen": "30 of 58", "expected": "--max-rejects 0.1"})
    assert "partial copy: session 2, session 3" in done.stderr
    assert len(by_id(tmp_path / "store")) == 28


def test_nothing_usable(copy: Path, sercli: Sercli, tmp_path: Path) -> None:
    for session in ("Session1", "Session2"):
        shutil.rmtree(copy / session / "sentences")
    done = sercli("ingest", copy, tmp_path / "store", code=FIXABLE)
    check_error(error_of(done), {"place": str(copy), "seen": "56 rejected, the first: Session1"})
    assert not (tmp_path / "store").exists()


def test_dimensions_out_of_range(copy: Path, sercli: Sercli, tmp_path: Path) -> None:
    change(r"\t\[\d\.\d+,", r"\t[55.0000,")(copy)
    done = sercli("ingest", copy, tmp_path / "store")
    assert (
        f"warning: {F000}: valence is 55, outside 1 to 5; kept, the raters' own votes have a mean of 3.0000"
        in done.stderr
    )
    assert by_id(tmp_path / "store")[F000]["valence"] == "55.0"


def test_without_a_transcript(copy: Path, sercli: Sercli, tmp_path: Path) -> None:
    """The text is missing and said to be; the times of the labels still find what is cut short."""
    (copy / WORDS).unlink()
    shorten(copy / SOUNDS / f"{F000}.wav", 0.5)
    done = sercli("ingest", copy, tmp_path / "store")
    assert (
        f"warning: 7 utterances have no line in dialog/transcriptions, the first is {F000}; kept without text"
        in done.stderr
    )
    assert by_id(tmp_path / "store")[F001]["text"] == ""
    assert any("cut short: 0.500 s" in reason for _, reason in rejects(tmp_path / "store"))


def test_a_rounding_is_no_cut(copy: Path, sercli: Sercli, tmp_path: Path) -> None:
    path = copy / SOUNDS / f"{F000}.wav"
    shorten(path, soundfile.info(path).duration - 0.001)
    sercli("ingest", copy, tmp_path / "store")
    assert F000 in by_id(tmp_path / "store")


# --- the synthesiser


def synthesise(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, IEMOCAP_SYNTHESISER, *map(str, arguments)], capture_output=True, text=True)


def test_the_corpus_is_written_once_and_the_same(iemocap: Path, tmp_path: Path) -> None:
    again = synthesise(iemocap.parent)
    assert (again.returncode, "already holds 148 utterances" in again.stderr) == (0, True)
    assert synthesise(tmp_path / "again").returncode == 0
    files = [path.relative_to(iemocap.parent) for path in iemocap.parent.rglob("*") if path.is_file()]
    assert len(files) > 148
    assert all((tmp_path / "again" / path).read_bytes() == (iemocap.parent / path).read_bytes() for path in files)


def test_another_folder_is_not_written_over(iemocap: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    for folder, arguments, words in (
        (tmp_path, [], "holds something else"),
        (iemocap.parent, ["--seed", 1], "holds a corpus made with"),
        (tmp_path / "thesis.tex", [], "holds something else"),
    ):
        done = synthesise(folder, *arguments)
        assert (done.returncode, words in done.stderr) == (FIXABLE, True), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
