"""Readers of corpora that bring a table: nEMO, EmoTale, MELD, MSP-Podcast, MSP-IMPROV; and ASED. On small corpora of their names."""

import os
import re
import shlex
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command import FIXABLE, Sercli
from support.corpora import write_wav
from support.errors import check_error, error_of, raises
from support.stores import rows_of

from sercli.corpora import ased, emotale, meld, msp_improv, msp_podcast, nemo
from sercli.corpora.base import read_card, reader
from sercli.data.utterances import Count, Rating, Scan, Utterance, read_utterances
from sercli.errors import SercliError
from sercli.experiments.making import Settings
from sercli.stages import ingest
from sercli.stages.ingest import IngestOptions

MELD_HEAD = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime"
PODCAST_HEAD = "FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set"
EMOTALE_HEAD = "file,a1_A,a1_V,a1_D,a1_cat,a2_A,a2_V,a2_D,a2_cat,a3_A,a3_V,a3_D,a3_cat,gt_emotion"


def write(folder: Path, files: dict[str, str]) -> Path:
    """Noise for what is called WAV, a distinct one each; anything else as it is told."""
    for name, content in files.items():
        if name.endswith(".wav"):
            write_wav(folder / name, seed=zlib.crc32(name.encode()))
        else:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content.encode())
    return folder


def sounds(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "")


def by_id(scan: Scan) -> dict[str, Utterance]:
    return {utterance.utt_id: utterance for utterance in scan.utterances}


def reasons(scan: Scan) -> dict[str, str]:
    return {reject.path: reject.reason for reject in scan.rejects}


def store_of(corpus: Path, store: Path, max_rejects: float = 100) -> Path:
    ingest.run(corpus, store, IngestOptions(max_rejects=max_rejects), Settings(jobs=1))
    return store


# --- counts


COUNTED = {"nemo": nemo.COUNTS, "ased": ased.COUNTS, "emotale": emotale.COUNTS}


@pytest.mark.parametrize("name", COUNTED)
def test_a_complete_corpus_counts_as_its_makers_say(name: str) -> None:
    whole = [Utterance("", "", emotion=emotion) for emotion, number in COUNTED[name].items() for _ in range(number)]
    counts = reader(name).counts
    assert len(whole) == int("".join(re.findall(r"\d", read_card(name).facts["Size"].split(" rec")[0])))
    assert all(count.present == count.expected for count in counts(whole))
    assert [count.name for count in counts(whole[1:]) if count.present != count.expected] == [whole[0].emotion]


def test_msp_improv_counts_each_emotion_in_each_scenario() -> None:
    whole = [
        Utterance("", "", style=style, emotion=emotion)
        for style, row in msp_improv.COUNTS_BY_STYLE.items()
        for emotion, number in zip(msp_improv.EMOTIONS.values(), row, strict=True)
        for _ in range(number)
    ]
    assert len(whole) == 8438
    assert {
        e: sum(u.emotion == e for u in whole) for e in ("anger", "happiness", "sadness", "neutral", "other", "")
    } == {
        "anger": 792,
        "happiness": 2644,
        "sadness": 885,
        "neutral": 3477,
        "other": 85,
        "": 555,
    }
    assert [sum(row) for row in msp_improv.COUNTS_BY_STYLE.values()] == [2785, 620, 4381, 652]
    assert all(count.present == count.expected for count in msp_improv.counts(whole))
    assert Count("", "natural, no agreement", 0, 134) in msp_improv.counts([])


# --- nEMO


def nemo_table(*rows: str) -> str:
    return "\n".join(["file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage", *rows, ""])


def test_nemo_takes_text_gender_and_age_from_the_table(tmp_path: Path) -> None:
    rows = [f"WR0_{code}_1.wav\t{code}\t„Żółw” to żart.\tżółw\t        WR0\tmale\t23" for code in nemo.EMOTIONS]
    names = [f"samples/WR0_{code}_1.wav" for code in nemo.EMOTIONS]
    corpus = write(tmp_path / "nEMO", {"data.tsv": nemo_table(*rows), **sounds(*names)})
    found = by_id(nemo.scan(corpus))
    assert {name.split("_")[1]: u.emotion for name, u in found.items()} == nemo.EMOTIONS
    assert {(u.speaker, u.gender, u.text, u.extra["age"], u.style) for u in found.values()} == {
        ("WR0", "male", "„Żółw” to żart.", "23", "acted")
    }
    inside = by_id(nemo.scan(corpus / "samples"))
    assert {name: u.text for name, u in inside.items()} == {name: u.text for name, u in found.items()}
    (corpus / "data.tsv").unlink()
    assert {(u.text, u.gender) for u in nemo.scan(corpus).utterances} == {("", "")}


def test_nemo_sets_aside_what_only_the_table_or_only_the_folder_has(tmp_path: Path) -> None:
    rows = [f"{name}.wav\tx\tt\tt\tWR0\tmale\t23" for name in ("WR0_fear_1", "WR0_sad_1", "WR0_fear_2", "WR0_anger_4")]
    names = ("WR0_fear_1", "WR0_sad_1", "WR0_fear_3", "WR0_anger_4", "notes")
    table = nemo_table(*rows).replace("WR0_anger_4.wav\tx\tt\tt\tWR0\tmale\t23", "WR0_anger_4.wav\tx")
    scan = nemo.scan(write(tmp_path, {"data.tsv": table, **sounds(*(f"samples/{name}.wav" for name in names))}))
    assert list(by_id(scan)) == ["WR0_fear_1"]
    told = reasons(scan)
    assert "unknown emotion code 'sad'; the nearest is sadness" in told["samples/WR0_sad_1.wav"]
    assert told["samples/WR0_fear_3.wav"] == "has no row in data.tsv; copy that file again"
    assert told["samples/WR0_anger_4.wav"] == "line 5 of data.tsv has 5 columns too few"
    assert told["WR0_fear_2"] == "has a row in data.tsv but no sound; copy it again"
    assert "not of the form WR0_surprised_64.wav" in told["samples/notes.wav"]


# --- ASED


def test_ased_tells_speakers_by_gender_and_number(tmp_path: Path) -> None:
    names = {
        "01Neutral/n1-01-02-01-09": ("F09", "female", "neutral"),
        "02Fearful/f2-01-02-02-09": ("M09", "male", "fear"),
        "03Happy/h3-07-01-02-65": ("M65", "male", "happiness"),
        "04Sad/S4-04-02-01-29": ("F29", "female", "sadness"),
        "05Angry/a5-03-01-02-50": ("M50", "male", "anger"),
    }
    bad = {"04Sad/x4-01-01-01-01": "unknown emotion code 'x'", "04Sad/s4-01-01-03-01": "unknown gender '03'"}
    scan = reader("ased").scan(write(tmp_path, sounds(*(f"{name}.wav" for name in (*names, *bad)))))
    assert {u.path.removesuffix(".wav"): (u.speaker, u.gender, u.emotion) for u in scan.utterances} == names
    assert by_id(scan)["s4-04-02-01-29"].extra == {"sentence": "04", "repetition": "02"}
    assert all(words in reasons(scan)[f"{name}.wav"] for name, words in bad.items())


# --- EmoTale


def test_emotale_keeps_every_vote_and_takes_their_means(tmp_path: Path) -> None:
    table = [
        EMOTALE_HEAD,
        "DK_004_A_5.wav,4.0,1.5,4.5,A,4.0,2.5,5.0,A,5.0,1.0,4.0,H,A",
        "EN_004_B_1.wav,2.0,,1.0,B,1.5,2.5,1.0,N,2.0,2.0,1.0,B,B",
        "EN_004_H_1.wav,2.0,x,1.0,B,1.5,2.5,1.0,N,2.0,2.0,1.0,B,H",
        "EN_004_S_1.wav,2.0,1,1.0,B,1.5,2.5,1.0,N,2.0,2.0,1.0,B,N",
        "EN_004_N_1.wav,2.0,1,1.0,B,1.5,2.5,1.0,N,2.0,2.0,1.0,B,N",
        "EN_004_Q_1.wav,2.0,1,1.0,B,1.5,2.5,1.0,N,2.0,2.0,1.0,B,Q",
    ]
    names = ("DK_004_A_5", "EN_004_B_1", "EN_004_H_1", "EN_004_S_1", "EN_004_Q_1", "DK_005_A_1")
    files = {"annotations.csv": "\n".join(table), **sounds(*(f"audio/{name}.wav" for name in names))}
    scan = emotale.scan(write(tmp_path / "EmoTale", files))
    angry, bored = scan.utterances
    assert (angry.utt_id, angry.speaker, angry.emotion) == ("DK_004_A_5", "004", "anger")
    assert (angry.valence, angry.arousal, angry.dominance) == (1.6667, 4.3333, 4.5)
    assert angry.extra == {"language": "Danish", "sentence": "DK5"}
    assert (bored.valence, bored.extra["language"]) == (2.25, "English")
    assert Rating("DK_004_A_5", "a3", ("happiness",), {"valence": 1, "arousal": 5, "dominance": 4}) in scan.ratings
    assert Rating("EN_004_B_1", "a1", ("boredom",), {"arousal": 2, "dominance": 1}) in scan.ratings
    assert len(scan.ratings) == 6
    told = reasons(scan)
    assert told["audio/EN_004_H_1.wav"] == "a1_v is 'x', wanted a number"
    assert told["audio/EN_004_S_1.wav"] == "the name says S, line 5 of annotations.csv N"
    assert told["audio/DK_005_A_1.wav"] == "has no row in annotations.csv"
    assert told["EN_004_N_1"] == "has a row in annotations.csv but no sound; copy it again"
    assert "unknown emotion code 'Q'" in told["audio/EN_004_Q_1.wav"]
    assert [u.valence for u in emotale.scan(tmp_path / "EmoTale" / "audio").utterances] == [1.6667, 2.25]
    (tmp_path / "EmoTale" / "annotations.csv").unlink()
    bare = emotale.scan(tmp_path / "EmoTale")
    assert len(bare.utterances) == 5
    assert (list(bare.ratings), {u.arousal for u in bare.utterances}) == ([], {None})


# --- MELD


def meld_row(dialogue: int, number: int, speaker: str, emotion: str, text: str = "Hey!") -> str:
    return f'1,"{text}",{speaker},{emotion},neutral,{dialogue},{number},8,21,"00:16:16,059","00:16:21,731"'


def meld_files(rows: dict[str, list[str]]) -> dict[str, str]:
    return {f"{split}_sent_emo.csv": "\r\n".join([MELD_HEAD, *lines, ""]) for split, lines in rows.items()}


@pytest.fixture
def friends(tmp_path: Path) -> Path:
    """Three splits with the same ids, and everything that may be wrong with a row or file."""
    codes = [meld_row(1, number, "Ross", code) for number, code in enumerate(meld.EMOTIONS)]
    rows = {
        "train": [
            meld_row(0, 0, "Chandler", "neutral", 'my company\x92s \x93transition\x94, ""all"" right'),
            meld_row(0, 1, "All", "joy"),
            meld_row(0, 2, "Joey and Chandler", "joy"),
            meld_row(0, 3, "Joey", "happy"),
            meld_row(0, 4, "Joey", "joy"),
            meld_row(0, 5, "Joey", "joy"),
            "1,torn",
            *codes,
        ],
        "dev": [meld_row(0, 0, "Mr. Geller ", "Surprise"), meld_row(3, 0, "Joey", "fear")],
        "test": [meld_row(0, 0, "Joey", "anger")],
    }
    wavs = [f"train_splits/dia{d}_utt{u}.wav" for d, u in ((0, 0), (0, 1), (0, 2), (0, 3))]
    wavs += [f"train_splits/dia1_utt{number}.wav" for number in range(len(codes))]
    wavs += ["dev_splits_complete/dia0_utt0.wav", "output_repeated_splits_test/dia0_utt0.wav"]
    wavs += ["output_repeated_splits_test/final_videos_testdia0_utt0.wav", "latest/dia0_utt9.wav"]
    wavs += ["test/dia9_utt9.wav", "more/train_dia0_utt0.wav"]
    videos = {"train_splits/dia0_utt0.mp4": "", "train_splits/dia0_utt4.mp4": "", "train_splits/._dia0_utt5.mp4": ""}
    return write(tmp_path / "MELD.Raw", meld_files(rows) | sounds(*wavs) | videos)


def test_meld_counts_dialogues_in_each_split(friends: Path) -> None:
    found = by_id(meld.scan(friends))
    assert {name for name in found if name.endswith("dia0_utt0")} == {f"{s}_dia0_utt0" for s in meld.SPLITS}
    assert found["train_dia0_utt0"].path == "more/train_dia0_utt0.wav"
    assert found["test_dia0_utt0"].path == "output_repeated_splits_test/dia0_utt0.wav"
    assert (found["dev_dia0_utt0"].speaker, found["dev_dia0_utt0"].emotion) == ("Mr. Geller", "surprise")
    assert found["train_dia0_utt0"].text == 'my company’s “transition”, "all" right'
    assert found["test_dia0_utt0"].extra == {
        "split": "test",
        "dialogue": "test_dia0",
        "sentiment": "neutral",
        "season": "8",
        "episode": "21",
    }
    assert {u.emotion_code: u.emotion for n, u in found.items() if n.startswith("train_dia1")} == meld.EMOTIONS


def test_meld_sets_aside_rows_without_sound_and_sound_without_row(friends: Path) -> None:
    told = reasons(meld.scan(friends))
    wanted = {
        "train_splits/dia0_utt0.wav": "is train_dia0_utt0, as more/train_dia0_utt0.wav is; remove one",
        "train_splits/dia0_utt1.wav": "'All' are several at once",
        "train_splits/dia0_utt2.wav": "'Joey and Chandler' are several at once",
        "train_splits/dia0_utt3.wav": "unknown emotion code 'happy'; valid are anger, disgust",
        "train_splits/dia0_utt4.mp4": "train_dia0_utt4 has no sound; make it from the videos: find ",
        "train_dia0_utt5": "line 7 of train_sent_emo.csv: train_dia0_utt5 has no sound",
        "train_diaNone_uttNone": "line 8 of train_sent_emo.csv: has 9 columns too few",
        "dev_dia3_utt0": "has no sound",
        "output_repeated_splits_test/final_videos_testdia0_utt0.wav": "not of the form train_splits/dia0_utt0.wav",
        "latest/dia0_utt9.wav": "not of the form",
        "test/dia9_utt9.wav": "has no row in train_sent_emo.csv, dev_sent_emo.csv, test_sent_emo.csv",
    }
    assert told.keys() == wanted.keys()
    assert all(words in told[path] for path, words in wanted.items())


def test_one_split_of_meld_may_be_given_alone(friends: Path) -> None:
    (friends / "train_sent_emo.csv").rename(friends / "train_splits" / "train_sent_emo.csv")
    alone = meld.scan(friends / "train_splits").utterances
    assert {u.extra["split"] for u in alone} == {"train"}
    assert {u.utt_id: u.path for u in alone}["train_dia0_utt0"] == "dia0_utt0.wav"
    (friends / "train_sent_emo.csv").write_text(MELD_HEAD)
    with raises({"place": str(friends), "seen": "train_splits/train_sent_emo.csv"}):
        meld.scan(friends)


def test_the_line_shown_makes_sound_of_every_video(tmp_path: Path) -> None:
    """With a stand-in for ffmpeg, which makes the file that is asked for."""
    rows = {"train": [meld_row(0, 0, "Ross", "joy"), meld_row(0, 1, "Joey", "fear")]}
    videos = {"train_splits/dia0_utt0.mp4": "", "train_splits/dia0_utt1.mp4": "", "train_splits/._dia0_utt0.mp4": ""}
    corpus = write(tmp_path / "it's MELD", meld_files(rows) | videos)
    with pytest.raises(SercliError) as caught:
        meld.scan(corpus)
    check_error(caught.value.as_json(), {"place": str(corpus), "seen": "2 videos"})
    write_wav(tmp_path / "noise.wav")
    tool = tmp_path / "bin" / "ffmpeg"
    tool.parent.mkdir()
    tool.write_text(
        f'#!/bin/sh\necho "$*" >> {tmp_path}/calls\nfor last; do :; done\ncp {tmp_path}/noise.wav "$last"\n'
    )
    tool.chmod(0o755)
    line = str(caught.value.fix).partition("from the videos: ")[2]
    subprocess.run(["sh", "-c", line], check=True, env={"PATH": f"{tool.parent}:{os.environ['PATH']}"})
    calls = sorted((tmp_path / "calls").read_text().splitlines())
    assert (
        calls[0] == f"-n -i {corpus}/train_splits/dia0_utt0.mp4 -vn -ac 1 -ar 16000 {corpus}/train_splits/dia0_utt0.wav"
    )
    assert len(calls) == 2
    assert list(by_id(meld.scan(corpus))) == ["train_dia0_utt0", "train_dia0_utt1"]


def test_the_published_split_of_meld_is_used_as_the_card_says(sercli: Sercli, tmp_path: Path) -> None:
    rows = {
        split: [meld_row(0, n, s, ("joy", "fear")[n]) for n, s in enumerate(("Ross", "Joey"))] for split in meld.SPLITS
    }
    wavs = [f"{split}_splits/dia0_utt{number}.wav" for split in meld.SPLITS for number in (0, 1)]
    store = store_of(write(tmp_path / "MELD", meld_files(rows) | sounds(*wavs)), tmp_path / "store")
    line = re.search("`(cut .*?)`", " ".join(read_card("meld").notes))
    assert line
    subprocess.run(["sh", "-c", line[1].replace("STORE", shlex.quote(str(store)))], check=True, cwd=tmp_path)
    done = sercli("folds", store, "--folds-file", tmp_path / "FOLDS.tsv", "--protocol", "speaker-dependent-file")
    assert "SPEAKER-DEPENDENT" in done.stderr
    folds = rows_of(next((store / "tasks").glob("*/folds.tsv")))
    assert {row[0]: row[2] for row in folds.values()} == {
        u.utt_id: u.extra["split"] for u in read_utterances(store / "corpus" / "utterances.tsv")
    }


# --- MSP-Podcast


def podcast(folder: Path, rows: list[str], names: list[str], table: str = "Labels/labels_consensus.csv") -> Path:
    text = "\n".join([PODCAST_HEAD, *rows, ""])
    return write(folder, {table: text, **sounds(*(f"Audios/{name}.wav" for name in names))})


def test_msp_podcast_reads_the_consensus_on_its_own_scale(tmp_path: Path) -> None:
    rows = [
        f"MSP-PODCAST_0001_000{n}.wav,{code},7,1.0,4,{n},Female,Train" for n, code in enumerate(msp_podcast.EMOTIONS)
    ]
    rows += [
        "MSP-PODCAST_0002_0001.wav,N,,nan,4,Unknown,Unknown,Test2",
        "MSP-PODCAST_0002_0002.wav,N,2,2,2,Spkr_9,Male,Test1",
    ]
    names = [row.partition(".wav")[0] for row in rows]
    corpus = podcast(tmp_path / "MSP-PODCAST-Publish-1.11", rows, names)
    scan = msp_podcast.scan(corpus)
    assert {u.emotion_code: u.emotion for u in scan.utterances[:10]} == msp_podcast.EMOTIONS
    assert (scan.scale, scan.sound_root) == ((1, 7), corpus)
    assert [(u.gender, u.extra["split"], u.valence, u.arousal) for u in scan.utterances[-2:]] == [
        ("", "Test2", None, None),
        ("male", "Test1", 2, 2),
    ]
    store = store_of(corpus, tmp_path / "store")
    kept = {u.utt_id: u for u in read_utterances(store / "corpus" / "utterances.tsv")}
    first = kept["MSP-PODCAST_0001_0000"]
    assert (first.arousal, first.valence, first.dominance) == (5, 1, 3)
    assert (first.extra["arousal_raw"], first.speaker) == ("7", "msp_podcast_0")
    assert "MSP-PODCAST_0002_0001" not in kept
    aside = rows_of(store / "corpus" / "rejects.tsv")["Audios/MSP-PODCAST_0002_0001.wav"][1]
    assert "MSP-PODCAST_0002_0001: unknown speaker 'Unknown'" in aside


@pytest.mark.parametrize("inside", ["", "..", "Labels", "Audios"])
@pytest.mark.parametrize("table", msp_podcast.TABLES)
def test_msp_podcast_may_be_given_from_outside_and_inside(inside: str, table: str, tmp_path: Path) -> None:
    corpus = podcast(tmp_path / "r", ["M_1.wav,A,1,1,1,1,Male,Train"], ["M_1"], f"Labels/{table}")
    folder = (corpus / inside).resolve()
    assert msp_podcast.recognises(folder)
    scan = msp_podcast.scan(folder)
    assert scan.sound_root is not None
    assert [(scan.sound_root / u.path).resolve() for u in scan.utterances] == [
        (corpus / "Audios" / "M_1.wav").resolve()
    ]


def test_msp_podcast_sets_aside_what_has_no_partner(tmp_path: Path) -> None:
    rows = [
        f"M_{n}.wav,{code},1,1,{dominance},1,Male,Train"
        for n, code, dominance in ((1, "A", "1"), (2, "A", "1"), (3, "Z", "1"), (4, "A", "high"))
    ]
    corpus = podcast(tmp_path, [*rows, "M_5.wav,A"], ["M_1", "M_3", "M_4", "M_5", "M_6", "more/M_1"])
    scan = msp_podcast.scan(corpus)
    assert [u.path for u in scan.utterances] == ["Audios/M_1.wav"]
    told = reasons(scan)
    assert told["M_2.wav"] == "line 3 of labels_consensus.csv: has a row but no sound; copy it again"
    assert "unknown emotion code 'Z'" in told["Audios/M_3.wav"]
    assert "emodom is 'high', wanted a number" in told["Audios/M_4.wav"]
    assert "has 6 columns too few" in told["Audios/M_5.wav"]
    assert told["Audios/M_6.wav"] == "has no row in labels_consensus.csv"
    assert told["Audios/more/M_1.wav"] == "has the name of Audios/M_1.wav; remove one"


# --- MSP-IMPROV


def improv_block(turn: str, code: str, values: str, *votes: str) -> str:
    return "\n".join([f"UTD-IMPROV-{turn}.avi; {code}; {values}", *votes, "", ""])


def improv_wav(turn: str) -> str:
    _, speaker, scenario, _ = turn.split("-")
    return f"session{speaker[-1]}/{turn[:4]}/{scenario}/MSP-IMPROV-{turn}.wav"


@pytest.fixture
def improv(tmp_path: Path) -> Path:
    blocks = [
        improv_block(
            "S01A-F01-P-FM01",
            "N",
            "A:2.666667; V:3.000000; D:NaN ; N:4.000000;",
            "20131008_a-p1; Neutral; Neutral,Concerned; A:3.000000; V:2.000000; D:NaN; N:4.000000;",
            "20131008_a-p2; Other; Other: (not sure; maybe); A:2.000000; V:4.000000; D:1.000000; N:NaN;",
        ),
        improv_block("S02H-M06-R-MM01", "X", "A:1.0; V:2.0; D:3.0 ; N:4.0;"),
        improv_block("S03S-F02-S-FM03", "S", "A:4.0; V:1.0; D:2.0 ; N:4.0;"),
        improv_block("S04N-M02-T-MF03", "A", "A:2.0; V:1.5; D:4.0 ; N:4.0;"),
        improv_block("S05N-M02-T-MF03", "Q", "A:2.0; V:1.5; D:4.0 ; N:4.0;"),
        improv_block("S06N-M02-T-MF03", "O", "A:2.0; V:1.5; D:4.0 ; N:4.0;"),
        improv_block("S04N-M02-T-MF03", "H", "A:2.0; V:1.5; D:4.0 ; N:4.0;"),
        improv_block("S07N-M02-T-MF03", "O", "A:2.0; V:1", "x-p1; Other; Other; A:2.0; V:4.0; D:1.0; N:NaN;"),
    ]
    turns = ("S01A-F01-P-FM01", "S02H-M06-R-MM01", "S03S-F02-S-FM03", "S04N-M02-T-MF03", "S05N-M02-T-MF03")
    more = ("S07N-M02-T-MF03", "S08N-M02-V-MF03")
    text = "".join(blocks).replace("\n", "\r\n")
    return write(tmp_path / "MSP-IMPROV", {"Evalution.txt": text, **sounds(*map(improv_wav, (*turns, *more)))})


def test_msp_improv_reads_names_labels_and_votes(improv: Path) -> None:
    scan = msp_improv.scan(improv)
    found = by_id(scan)
    assert {
        name[11:]: (u.speaker, u.session, u.gender, u.style, u.emotion, u.extra["target"]) for name, u in found.items()
    } == {
        "S01A-F01-P-FM01": ("F01", "session1", "female", "natural", "neutral", "anger"),
        "S02H-M06-R-MM01": ("M06", "session6", "male", "read", "", "happiness"),
        "S03S-F02-S-FM03": ("F02", "session2", "female", "improvised", "sadness", "sadness"),
        "S04N-M02-T-MF03": ("M02", "session2", "male", "target-improvised", "anger", "neutral"),
    }
    first = found["MSP-IMPROV-S01A-F01-P-FM01"]
    assert (first.arousal, first.valence, first.dominance, first.extra["naturalness"]) == (
        2.666667,
        3,
        None,
        "4.000000",
    )
    assert (first.extra["turn"], first.extra["sentence"]) == ("FM01", "")
    assert found["MSP-IMPROV-S02H-M06-R-MM01"].extra["sentence"] == "02"
    name = "MSP-IMPROV-S01A-F01-P-FM01"
    heard = [{"all_emotions": "Neutral,Concerned", "naturalness": "4.000000"}]
    heard += [{"all_emotions": "Other: (not sure; maybe)", "naturalness": ""}]
    assert scan.ratings == [
        Rating(name, "20131008_a-p1", ("Neutral",), {"valence": 2, "arousal": 3}, extra=heard[0]),
        Rating(name, "20131008_a-p2", ("Other",), {"valence": 4, "arousal": 2, "dominance": 1}, extra=heard[1]),
    ]
    assert scan.warnings == [
        "arousal of anger is 2.00 on average, that of sadness 4.00: activation seems to be written from 1 (active) to 5 (calm); "
        "kept as it is"
    ]


def test_msp_improv_sets_aside_by_name(improv: Path) -> None:
    rejects = [(reject.path, reject.reason) for reject in msp_improv.scan(improv).rejects]
    wanted = [
        (improv_wav("S05N-M02-T-MF03"), "unknown emotion code 'Q'"),
        (improv_wav("S07N-M02-T-MF03"), "has sound but no line in Evaluation.txt"),
        (improv_wav("S08N-M02-V-MF03"), "unknown scenario 'V'; valid are P natural, R read, S improvised"),
        ("Evalution.txt", "line 15: S04N-M02-T-MF03 is listed already"),
        ("Evalution.txt", "line 17: damaged or cut short: 'UTD-IMPROV-S07N-M02-T-MF03.avi; O; A:2.0; V:1'"),
        ("Evalution.txt", "line 18: damaged or cut short: 'x-p1; Other;"),
        ("MSP-IMPROV-S06N-M02-T-MF03", "has a row in Evaluation.txt but no sound"),
    ]
    assert len(rejects) == len(wanted)
    assert all(
        path == where and words in reason for (path, reason), (where, words) in zip(rejects, wanted, strict=True)
    )


def test_a_session_of_msp_improv_may_be_given_alone(improv: Path) -> None:
    scan = msp_improv.scan(improv / "session1")
    assert [u.session for u in scan.utterances] == ["session1"]
    assert {reject.path for reject in scan.rejects} == {"Evalution.txt"}
    (improv / "Evalution.txt").unlink()
    with raises({"place": "MSP-IMPROV", "problem": "Evaluation.txt", "fix": "copy it"}):
        msp_improv.scan(improv)


# --- bad input, on the real command


def _videos(folder: Path) -> Path:
    return write(
        folder, meld_files({"dev": [meld_row(0, 0, "Ross", "joy")]}) | {"dev_splits_complete/dia0_utt0.mp4": ""}
    )


def _semicolons(folder: Path) -> Path:
    row = '"M_1.wav";A;1;1;1;"";Male;Train'
    return write(
        folder,
        {"Labels/labels_consensus.csv": f"\ufeff{PODCAST_HEAD}\n{row}\n".replace(",", ";"), **sounds("Audios/M_1.wav")},
    )


def _no_column(folder: Path) -> Path:
    return write(
        folder, {"Labels/labels_concensus.csv": "FileName,EmoClass\r\nM_1.wav,A\r\n", **sounds("Audios/M_1.wav")}
    )


def _no_votes(folder: Path) -> Path:
    return write(folder, {"annotations.csv": "file,a1_A\nDK_001_A_1.wav,1\n", **sounds("DK_001_A_1.wav")})


def _open_quote(folder: Path) -> Path:
    rows = f'{MELD_HEAD}\n1,"Hey,Ross,joy,x,0,0,1,1,,\n'
    return write(folder, {"dev_sent_emo.csv": rows, **sounds("dev/dia0_utt0.wav")})


def _latin(folder: Path) -> Path:
    _open_quote(folder)
    (folder / "dev_sent_emo.csv").write_bytes(f"{MELD_HEAD}\n1,It\x92s,Ross,joy,x,0,0,1,1,,\n".encode("latin-1"))
    return folder


Fields = dict[str, str | tuple[str, ...]]
BAD: dict[str, tuple[Callable[[Path], Path], Fields]] = {
    "videos": (_videos, {"seen": "1 videos", "fix": ("ffmpeg -n -i", "-vn -ac 1 -ar 16000", "*.mp4' -exec")}),
    "no speaker": (_semicolons, {"problem": "no usable recording", "seen": "Audios/M_1.wav: M_1: unknown speaker"}),
    "missing column": (_no_column, {"problem": "'emoact'", "seen": "filename, emoclass"}),
}
BAD_TABLES: dict[str, tuple[Callable[[Path], Path], Fields]] = {
    "missing votes": (_no_votes, {"place": "annotations.csv", "problem": "'a1_v'"}),
    "open quote": (_open_quote, {"place": "dev_sent_emo.csv"}),
    "not UTF-8": (_latin, {"place": "dev_sent_emo.csv", "seen": "can't decode byte 0x92"}),
}


@pytest.mark.parametrize("situation", BAD)
def test_a_bad_corpus_is_refused(situation: str, sercli: Sercli, tmp_path: Path) -> None:
    make, fields = BAD[situation]
    done = sercli("ingest", make(tmp_path / "corpus"), tmp_path / "store", code=FIXABLE)
    check_error(error_of(done), {"place": "corpus", **fields})


@pytest.mark.parametrize("situation", BAD_TABLES)
def test_a_bad_table_is_refused(situation: str, tmp_path: Path) -> None:
    make, fields = BAD_TABLES[situation]
    with raises(fields):
        store_of(make(tmp_path / "corpus"), tmp_path / "store")


def test_a_table_of_any_make_is_read(sercli: Sercli, tmp_path: Path) -> None:
    """A byte order mark, semicolons, quotes, line ends of Windows, names in capitals; ids that restart."""
    row = '1;"He said; ""Hey!""";Ross;joy;positive;0;0;8;21;"00:16:16,059";x'
    table = "\ufeff" + "\r\n".join([MELD_HEAD.upper().replace(",", ";"), row, ""])
    files = {f"{split}_sent_emo.csv": table for split in ("train", "dev")}
    wavs = sounds("train/dia0_utt0.wav", "dev/dia0_utt0.wav")
    sercli("ingest", write(tmp_path / "MELD", {**files, **wavs}), tmp_path / "store")
    assert [
        (u.utt_id, u.text, u.speaker) for u in read_utterances(tmp_path / "store" / "corpus" / "utterances.tsv")
    ] == [
        ("dev_dia0_utt0", 'He said; "Hey!"', "meld_Ross"),
        ("train_dia0_utt0", 'He said; "Hey!"', "meld_Ross"),
    ]
