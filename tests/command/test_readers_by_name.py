"""Readers of corpora whose file names tell all: what each name says, what is set aside and why, what a complete corpus comes to.

The files hold no sound where none is needed: `scan` opens none.
"""

import itertools
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from support.command import FIXABLE, Sercli
from support.corpora import write_wav
from support.errors import raises, refused
from support.stores import rows_of

from sercli import plugins
from sercli.config import build
from sercli.corpora import base as corpora
from sercli.corpora import esd, shemo
from sercli.corpora.base import reader
from sercli.data.utterances import Rating, Reject, Scan, Utterance, read_utterances
from sercli.errors import SercliError
from sercli.experiments.making import Settings
from sercli.stages import ingest
from sercli.stages.ingest import IngestOptions
from sercli.store import keys
from sercli.store.store import Store
from sercli.tasks.splitting import make_folds
from sercli.tasks.task import Task


def name_files(folder: Path, paths: Iterable[str]) -> Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    return folder


def scan(name: str, folder: Path, *paths: str) -> Scan:
    return reader(name).scan(name_files(folder, paths))


def only(found: Scan) -> Utterance:
    (utterance,) = found.utterances
    assert not found.rejects
    return utterance


# --- what a name says

LABELS = {
    "ravdess": {
        "Actor_01/03-01-01-01-01-01-01.wav": "01 male neutral",
        "Actor_02/03-01-02-01-01-01-02.wav": "02 female calm",
        "Actor_02/03-01-03-02-02-02-02.wav": "02 female happiness",
        "audio_speech_actors_01-24/Actor_24/03-01-04-01-01-01-24.wav": "24 female sadness",
        "03-01-05-01-01-01-23.wav": "23 male anger",
        "Actor_10/03-01-06-01-01-01-10.wav": "10 female fear",
        "Actor_10/03-01-07-01-01-01-10.wav": "10 female disgust",
        "Actor_10/03-01-08-01-01-01-10.wav": "10 female surprise",
    },
    "cremad": {
        "AudioWAV/1001_DFA_ANG_XX.wav": "1001 - anger",
        "AudioWAV/1002_IEO_DIS_LO.wav": "1002 - disgust",
        "AudioWAV/1003_IEO_FEA_MD.wav": "1003 - fear",
        "AudioWAV/1004_IEO_HAP_HI.wav": "1004 - happiness",
        "AudioWAV/1091_WSI_NEU_XX.wav": "1091 - neutral",
        "AudioWAV/1040_ITH_SAD_X.wav": "1040 - sadness",
    },
    "savee": {
        "DC/a01.wav": "DC male anger",
        "AudioData/DC/d01.wav": "DC male disgust",
        "JE_f15.wav": "JE male fear",
        "ALL/JK_h01.wav": "JK male happiness",
        "KL/n30.wav": "KL male neutral",
        "KL/sa01.wav": "KL male sadness",
        "ALL/KL_su01.wav": "KL male surprise",
    },
    "tess": {
        "OAF_angry/OAF_back_angry.wav": "OAF female anger",
        "OAF_disgust/OAF_back_disgust.wav": "OAF female disgust",
        "OAF_Fear/OAF_food_fear.wav": "OAF female fear",
        "YAF_happy/YAF_back_happy.wav": "YAF female happiness",
        "OAF_neutral/OA_bite_neutral.wav": "OAF female neutral",
        "OAF_Pleasant_surprise/OAF_back_ps.wav": "OAF female surprise",
        "YAF_sad/YAF_back_sad.wav": "YAF female sadness",
    },
    "emovo": {
        "f1/neu-f1-b1.wav": "f1 female neutral",
        "f1/dis-f1-b2.wav": "f1 female disgust",
        "f2/gio-f2-b3.wav": "f2 female happiness",
        "f3/pau-f3-l4.wav": "f3 female fear",
        "EMOVO/m1/rab-m1-n5.wav": "m1 male anger",
        "m2/sor-m2-d1.wav": "m2 male surprise",
        "m3/tri-m3-d2.wav": "m3 male sadness",
    },
    "shemo": {
        "female/F03A01.wav": "F03 female anger",
        "female/F02F01.wav": "F02 female fear",  # the first F a woman, the second fear
        "male/M21F01.wav": "M21 male fear",
        "female/F24H15.wav": "F24 female happiness",
        "male/M05N21.wav": "M05 male neutral",
        "female/F03S02.wav": "F03 female sadness",
        "female/F10W01.wav": "F10 female surprise",
    },
    "urdu": {
        "Angry/SM1_F1_A01.wav": "SM1 male anger",
        "Angry/SM4_F48_A0100.wav": "SM4 male anger",
        "Happy/SF3_F2_H016.wav": "SF3 female happiness",
        "Neutral/SM5_F72_N0100.wav": "SM5 male neutral",
        "SF11_F1_S03.wav": "SF11 female sadness",
    },
    "esd": {
        "0001/Neutral/train/0001_000001.wav": "0001 female neutral",
        "0010/Angry/evaluation/0010_000351.wav": "0010 male anger",
        "Emotion Speech Dataset/0011/Happy/0011_000701.wav": "0011 male happiness",
        "0015/Sad/0015_001051.wav": "0015 female sadness",
        "0020/Surprise/test/0020_001401.wav": "0020 male surprise",
    },
}


@pytest.mark.parametrize("name", LABELS)
def test_every_code_gives_its_label_and_every_name_its_speaker(name: str, tmp_path: Path) -> None:
    found = scan(name, tmp_path, *LABELS[name])
    assert not found.rejects
    told = {u.path: f"{u.speaker} {u.gender or '-'} {u.emotion}" for u in found.utterances}
    assert told == LABELS[name]
    table = plugins.load("corpora", name).EMOTIONS
    assert {u.emotion for u in found.utterances} == set(table.values())
    assert all(table[u.emotion_code] == u.emotion for u in found.utterances)
    assert len({u.utt_id for u in found.utterances}) == len(found.utterances)
    assert all(u.style for u in found.utterances)


@pytest.mark.parametrize(
    ("name", "part", "speaker"),
    [("savee", "DC", "DC"), ("ravdess", "Actor_01", "01"), ("emovo", "f2", "f2"), ("esd", "0015", "0015")],
)
def test_one_speakers_folder_is_a_corpus_and_so_is_the_parent(
    name: str, part: str, speaker: str, tmp_path: Path
) -> None:
    example = next(path for path in LABELS[name] if f"{part}/" in path)
    corpus = name_files(tmp_path / "parent", [example])
    folder = next(path for path in corpus.rglob(part))
    for given in (folder, tmp_path):
        assert reader(name).recognises(given)
        assert [utterance.speaker for utterance in reader(name).scan(given).utterances] == [speaker]


EXTRAS = {
    ("ravdess", "03-01-05-02-01-02-12.wav"): {
        "text": "Kids are talking by the door",
        "intensity": "strong",
        "repetition": "02",
    },
    ("cremad", "1001_IEO_ANG_MD.wav"): {"text": "It's eleven o'clock", "sentence": "IEO", "intensity": "medium"},
    ("cremad", "1040_ITH_SAD_X.wav"): {"utt_id": "1040_ITH_SAD_X", "intensity": "unspecified"},
    ("savee", "AudioData/JK/sa03.wav"): {"utt_id": "JK_sa03", "sentence": "sa03", "emotion_code": "sa"},
    ("tess", "OA_bite_neutral.wav"): {"utt_id": "OAF_bite_neutral", "text": "Say the word bite", "age": "64"},
    ("tess", "YAF_food_ps.wav"): {"emotion_code": "ps", "sentence": "food", "age": "26"},
    ("emovo", "gio-f2-b2.wav"): {"utt_id": "gio-f2-b2", "sentence": "b2"},
    ("shemo", "F03S02.wav"): {"utt_id": "F03S02", "style": "semi-natural"},
    ("urdu", "SM1_F19_A019.wav"): {"utt_id": "SM1_F19_A019", "file": "F19", "style": "spontaneous"},
    ("esd", "0010/Sad/test/0010_001051.wav"): {"utt_id": "0010_001051", "sentence": "Mandarin-001", "split": "test"},
    ("esd", "0011/Sad/0011_001051.wav"): {"language": "English", "sentence": "English-001", "split": "", "text": ""},
}


@pytest.mark.parametrize(("name", "path"), EXTRAS)
def test_what_else_a_name_tells_is_kept(name: str, path: str, tmp_path: Path) -> None:
    utterance = only(scan(name, tmp_path, path))
    told = {**vars(utterance), **utterance.extra}
    assert {key: told[key] for key in EXTRAS[name, path]} == EXTRAS[name, path]


ASIDE = {
    ("ravdess", "03-02-05-01-01-01-01.wav"): "vocal channel 02, song; wanted 01",
    ("ravdess", "01-01-05-01-01-01-01.wav"): "modality 01, a video's; wanted 03",
    ("ravdess", "03-01-09-01-01-01-01.wav"): "unknown emotion code '09'; valid are 01 neutral",
    ("ravdess", "03-01-05-03-01-01-01.wav"): "unknown intensity '03'; valid are 01 normal",
    ("ravdess", "03-01-05-01-01-01-25.wav"): "not of the form 03-01-06-01-02-01-12.wav",
    ("cremad", "1001_DFA_ANX_XX.wav"): "unknown emotion code 'ANX'; the nearest is ANG",
    ("cremad", "1001_DFB_ANG_XX.wav"): "unknown sentence 'DFB'; the nearest is DFA",
    ("savee", "DC/st01.wav"): "unknown emotion code 'st'; valid are a anger",
    ("savee", "XY/a01.wav"): "not of the form DC/a01.wav",
    ("tess", "OAF_back_angri.wav"): "unknown emotion code 'angri'; the nearest is angry",
    ("emovo", "gia-f2-b2.wav"): "unknown emotion code 'gia'; the nearest is gio",
    ("shemo", "F03X02.wav"): "unknown emotion code 'X'; valid are A anger, F fear",
    ("urdu", "SM1_F19_F019.wav"): "unknown emotion code 'F'; valid are A anger, H happiness",
    ("esd", "0011/Angri/0011_000351.wav"): "unknown emotion 'Angri'; the nearest is Angry",
    ("esd", "0011/0011_000351.wav"): "lies in no folder of an emotion, and 0011.txt does not name it",
    ("esd", "0021/Angry/0021_000351.wav"): "not of the form 0011/Angry/0011_000351.wav",
}


@pytest.mark.parametrize(("name", "path"), ASIDE)
def test_what_is_outside_the_tables_is_set_aside_by_name(name: str, path: str, tmp_path: Path) -> None:
    good = next(iter(LABELS[name]))
    found = scan(name, tmp_path, good, path)
    assert [utterance.path for utterance in found.utterances] == [good]
    (reject,) = found.rejects
    assert reject.path == path
    assert ASIDE[name, path] in reject.reason


# --- what lies beside the names

DEMOGRAPHICS = "ActorID,Age,Sex,Race,Ethnicity\n1001,51,Male,Caucasian,Not Hispanic\n1002,21,Female,Asian,Hispanic\n"


@pytest.mark.parametrize("place", ["", "..", "AudioWAV"])
def test_cremad_knows_its_actors_by_the_table_beside_it(place: str, tmp_path: Path) -> None:
    corpus = name_files(tmp_path / "CREMA-D", ["AudioWAV/1001_DFA_ANG_XX.wav", "AudioWAV/1002_DFA_ANG_XX.wav"])
    (corpus / place / "VideoDemographics.csv").write_text(DEMOGRAPHICS)
    found = scan("cremad", corpus)
    assert not found.warnings
    told = [(u.gender, u.extra["age"], u.extra["race"], u.extra["ethnicity"]) for u in found.utterances]
    assert told == [("male", "51", "Caucasian", "Not Hispanic"), ("female", "21", "Asian", "Hispanic")]


def test_cremad_reads_the_votes_on_the_voice(tmp_path: Path) -> None:
    """Columns and quotes are those of the makers' table, which also has votes on the face and on both."""
    head = (
        '"","localid","pos","ans","ttr","queryType","numTries","clipNum","questNum","subType","clipName","sessionNums",'
    )
    head += '"respEmo","respLevel","dispEmo","dispVal","dispLevel"'
    rows = [
        f'"{n}","{who}",3,"{heard}_80",2417,{given},0,7,{n},4,"{clip}",12,"{heard}","80","A","X","50"'
        for n, (who, given, clip, heard) in enumerate(
            [
                ("1", 1, "1001_DFA_ANG_XX", "A"),
                ("1", 2, "1001_DFA_ANG_XX", "D"),
                ("2", 1, "1001_DFA_ANG_XX", "N"),
                ("2", 1, "1009_DFA_ANG_XX", "N"),
            ]
        )
    ]
    corpus = name_files(tmp_path / "CREMA-D", ["AudioWAV/1001_DFA_ANG_XX.wav"])
    (corpus / "finishedResponses.csv").write_text("\n".join([head, *rows, '"9","3"']) + "\n")
    found = scan("cremad", corpus)
    assert found.ratings == [
        Rating("1001_DFA_ANG_XX", "1", ("anger",), extra={"level": "80"}),
        Rating("1001_DFA_ANG_XX", "2", ("neutral",), extra={"level": "80"}),
    ]
    assert found.rejects == [Reject("finishedResponses.csv", "line 6 has 15 columns too few")]
    (corpus / "finishedResponses.csv").write_text("localid,clipName\n1,1001_DFA_ANG_XX\n")
    with raises({"place": "finishedResponses.csv", "problem": "'querytype'"}):
        scan("cremad", corpus)


def test_cremad_says_whose_sex_nothing_tells(tmp_path: Path) -> None:
    names = ["1001_DFA_ANG_XX.wav", "1002_DFA_ANG_XX.wav", "1003_DFA_ANG_XX.wav"]
    (warning,) = scan("cremad", tmp_path / "corpus", *names).warnings
    assert warning.startswith("no VideoDemographics.csv in the folder or beside it")
    assert warning.endswith("1001 is female or male (3 such actors)")
    (tmp_path / "VideoDemographics.csv").write_text(DEMOGRAPHICS)
    found = scan("cremad", tmp_path / "corpus")
    assert found.warnings == [
        "VideoDemographics.csv does not say whether 1003 is female or male (1 such actors)",
    ]
    assert [u.gender for u in found.utterances] == ["male", "female", ""]
    (tmp_path / "VideoDemographics.csv").write_text("ActorID,Age\n1001,51\n")
    with raises({"place": "VideoDemographics.csv", "problem": "'sex'", "expected": "sex"}):
        scan("cremad", tmp_path / "corpus")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb2312"])
def test_esd_texts_are_read_in_whatever_encoding(encoding: str, tmp_path: Path) -> None:
    lines = "0001_001401\t打远一看，它们的确很是美丽，\t惊喜\r\n\r\n0001_000351\t它们的确很是美丽，\t生气\r\n"
    name_files(tmp_path, ["0001/Surprise/0001_001401.wav", "0001/0001_000351.wav", "0011/Sad/0011_001051.wav"])
    (tmp_path / "0001" / "0001.txt").write_bytes(lines.encode(encoding))
    (tmp_path / "0011" / "0011.txt").write_bytes("0011_001051\tThe nine the eggs, I keep.\tSad\n".encode(encoding))
    found = scan("esd", tmp_path)
    assert not found.warnings
    assert {u.utt_id: (u.text, u.emotion) for u in found.utterances} == {
        "0001_000351": ("它们的确很是美丽，", "anger"),  # by the file alone
        "0001_001401": ("打远一看，它们的确很是美丽，", "surprise"),
        "0011_001051": ("The nine the eggs, I keep.", "sadness"),
    }


def test_esd_says_where_file_and_folder_disagree_and_what_it_cannot_read(tmp_path: Path) -> None:
    name_files(
        tmp_path, [f"{who}/Angry/{who}_{number:06d}.wav" for who in ("0011", "0012") for number in (351, 352, 353)]
    )
    lines = ["0011_000351\tA.\tSad", "0011_000352\tB.\tHappy", "0011_000353\tC.\tAngry", "no recording"]
    (tmp_path / "0011" / "0011.txt").write_text("\n".join(lines))
    (tmp_path / "0012" / "0012.txt").write_bytes(b"0012_000351\t\xff\xff\xff\tAngry\n")
    (tmp_path / "ReadMe.txt").write_text("not of a speaker")
    found = scan("esd", tmp_path)
    assert {u.emotion for u in found.utterances} == {"anger"}
    assert [u.text for u in found.utterances] == ["A.", "B.", "C.", "", "", ""]
    assert found.warnings == [
        "0011/0011.txt: skipped 1 lines that are not a recording, its text and its emotion",
        "0012/0012.txt: neither UTF-8, UTF-16 nor GB 2312; its recordings are kept without text",
        "0011.txt says Sad of 0011/Angry/0011_000351.wav (1 more are like it); the folder counts",
    ]


# --- complete corpora


IN_URDU = {  # how many recordings of each speaker, as the files of the release are named
    "Angry": {"SM1": 22, "SM2": 28, "SM3": 2, "SM4": 48},
    "Happy": {"SF1": 12, "SF2": 2, "SF3": 2, "SF4": 4, "SF5": 4, "SF6": 14, "SF7": 6, "SF8": 2}
    | {"SM17": 2, "SM18": 2, "SM19": 2, "SM3": 2, "SM5": 8, "SM6": 10, "SM7": 28},
    "Neutral": {"SF9": 4, "SM20": 10, "SM21": 4, "SM22": 2, "SM3": 8, "SM5": 72},
    "Sad": {"SF10": 2, "SF11": 4, "SM23": 6, "SM24": 38, "SM25": 40, "SM26": 2, "SM27": 4, "SM6": 4},
}


def complete_names(name: str) -> list[str]:
    """All names of a release, as its makers describe it."""
    if name == "ravdess":
        parts = itertools.product(range(1, 25), range(1, 9), (1, 2), (1, 2), (1, 2))
        return [
            f"Actor_{actor:02d}/03-01-{code:02d}-{strength:02d}-{statement:02d}-{take:02d}-{actor:02d}.wav"
            for actor, code, strength, statement, take in parts
            if (code, strength) != (1, 2)
        ]
    if name == "savee":
        sizes = {code: 30 if code == "n" else 15 for code in ("a", "d", "f", "h", "n", "sa", "su")}
        return [
            f"AudioData/{speaker}/{code}{number:02d}.wav"
            for speaker in ("DC", "JE", "JK", "KL")
            for code, size in sizes.items()
            for number in range(1, size + 1)
        ]
    if name == "tess":
        words = ["".join(letters) for letters in itertools.product("abcdefghij", "klmnopqrstuvwxyzabcd")]
        codes = ("angry", "disgust", "fear", "happy", "neutral", "ps", "sad")
        return [f"{who}_{code}/{who}_{word}_{code}.wav" for who in ("OAF", "YAF") for code in codes for word in words]
    if name == "emovo":
        codes = ("neu", "dis", "gio", "pau", "rab", "sor", "tri")
        sentences = ("b1", "b2", "b3", "d1", "d2", "l1", "l2", "l3", "l4", "n1", "n2", "n3", "n4", "n5")
        speakers = ("f1", "f2", "f3", "m1", "m2", "m3")
        return [
            f"{who}/{code}-{who}-{sentence}.wav"
            for who, code, sentence in itertools.product(speakers, codes, sentences)
        ]
    if name == "urdu":
        return [
            f"{folder}/{speaker}_F{number}_{folder[0]}0{next(count)}.wav"
            for folder, speakers in IN_URDU.items()
            for count in [itertools.count(1)]
            for speaker, size in speakers.items()
            for number in range(1, size + 1)
        ]
    if name == "shemo":
        speakers = [*(f"F{number:02d}" for number in range(1, 32)), *(f"M{number:02d}" for number in range(1, 57))]
        takes = itertools.product("AFHNSW", range(1, 9), speakers)
        return [f"{who}{code}{take:02d}.wav" for code, take, who in itertools.islice(takes, 3000)]
    assert name == "cremad"  # of fourteen takes of an emotion three are not there, and five of neutral
    sentences = ("DFA", "IEO", "IOM", "ITH", "ITS", "IWL", "IWW", "MTI", "TAI", "TIE", "TSI", "WSI")
    takes = [(s, level) for s in sentences for level in (("LO", "MD", "HI") if s == "IEO" else ("XX",))]
    names = []
    for code in ("ANG", "DIS", "FEA", "HAP", "SAD"):
        names += [f"{actor}_{s}_{code}_{level}.wav" for actor in range(1001, 1092) for s, level in takes][3:]
    return names + [f"{actor}_{s}_NEU_XX.wav" for actor in range(1001, 1092) for s in sentences][5:]


@pytest.mark.parametrize("name", sorted(set(LABELS) - {"esd"}))
def test_a_complete_corpus_has_the_makers_counts_and_its_task_can_be_cut(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = reader(name)
    paths = [tmp_path / path for path in complete_names(name)]
    monkeypatch.setattr(
        corpora, "files_below", lambda folder, suffixes=(".wav",): iter(paths if ".wav" in suffixes else [])
    )
    found = scan(name, tmp_path)
    assert not found.rejects
    counts = corpus.counts(found.utterances)
    assert [(count.name, count.present) for count in counts] == [(count.name, count.expected) for count in counts]
    partial = [count for count in corpus.counts(found.utterances[1:]) if count.present != count.expected]
    assert [count.expected - count.present for count in partial] == [1]
    task = build(Task, corpus.task, name)
    speaker_of = {utterance.utt_id: utterance.speaker for utterance in found.utterances}
    assert task.speaker_dependent == (len(set(speaker_of.values())) < 3)
    for fold in make_folds(task, found.utterances).folds:
        parts = [{speaker_of[utt_id] for utt_id in fold.part(part)} for part in ("train", "dev", "test")]
        assert all(parts)
        assert task.speaker_dependent or not any(one & other for one, other in itertools.combinations(parts, 2))


def test_counts_of_esd() -> None:
    whole = [Utterance(str(number), "", emotion=emotion) for emotion in esd.COUNTS for number in range(7000)]
    assert all(count.present == count.expected for count in reader("esd").counts(whole))
    assert [count.name for count in reader("esd").counts(whole[:-1]) if count.present != count.expected] == ["surprise"]


def test_counts_of_shemo_tell_a_speaker_who_is_missing() -> None:
    names = [name for name in complete_names("shemo") if not name.startswith("M07")]
    told = [Utterance(name, name, speaker=name[:3], gender=shemo.GENDERS[name[0]]) for name in names]
    missing = {count.name: count.expected - count.present for count in shemo.counts(told)}
    assert missing == {"recordings": 3000 - len(names), "female speakers": 0, "male speakers": 1}


def test_tess_has_too_few_speakers_to_leave_one_out(tmp_path: Path) -> None:
    found = scan("tess", tmp_path, *LABELS["tess"])
    with pytest.raises(SercliError, match="leave-one-speaker-out"):
        make_folds(build(Task, {"protocol": "leave-one-speaker-out"}, "tess"), found.utterances)


# --- with sound


def test_a_second_copy_of_everything_is_set_aside(tmp_path: Path) -> None:
    names = ["Actor_01/03-01-05-01-01-01-01.wav", "Actor_02/03-01-01-01-01-01-02.wav"]
    for name in names:
        write_wav(tmp_path / "corpus" / name)
    shutil.copytree(tmp_path / "corpus", tmp_path / "copy")
    shutil.move(tmp_path / "copy", tmp_path / "corpus" / "audio_speech_actors_01-24")
    song = tmp_path / "corpus" / "Actor_01" / "03-02-05-01-01-01-01.wav"
    write_wav(song)
    ingest.run(tmp_path / "corpus", tmp_path / "store", IngestOptions(max_rejects=3), Settings(jobs=1))
    assert sorted(u.path for u in read_utterances(tmp_path / "store" / "corpus" / "utterances.tsv")) == names
    rejects = rows_of(tmp_path / "store" / "corpus" / "rejects.tsv")
    copies = [reason for path, (_, reason) in rejects.items() if path.startswith("audio_speech")]
    assert [("the same sound as Actor_0" in reason) for reason in copies] == [True, True]
    assert len(rejects) == 3
    assert "song" in rejects[f"Actor_01/{song.name}"][1]


def babble(rate: int) -> npt.NDArray[np.float64]:
    """One second of the same tones, all from 50 to 4000 Hz, at any rate."""
    rng = np.random.default_rng(0)
    spectrum = np.zeros(rate // 2 + 1, complex)
    spectrum[50:4000] = rng.standard_normal((3950, 2)) @ (1, 1j)
    return np.asarray(rate * np.fft.irfft(spectrum, rate) / 1000)


RATES = {"OAF_back_angry": 24414, "OAF_food_fear": 96000, "YAF_back_sad": 48000}


@pytest.fixture(scope="module")
def three_rates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """TESS with sound at three rates, a stub, and an emotion that it has not."""
    folder = tmp_path_factory.mktemp("tess") / "TESS"
    folder.mkdir()
    for name, rate in RATES.items():
        soundfile.write(folder / f"{name}.wav", babble(rate), rate)
    write_wav(folder / "YAF_back_hapy.wav")
    (folder / "YAF_food_ps.wav").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    return folder


def test_recordings_at_three_rates_give_frames_alike(three_rates: Path, sercli: Sercli, tmp_path: Path) -> None:
    store = tmp_path / "store"
    said = sercli("ingest", three_rates, store, "--max-rejects", 2).stderr
    assert f"{three_rates}: looks like tess" in said
    assert "skipped: YAF_back_hapy.wav: unknown emotion code 'hapy'; the nearest is happy" in said
    assert "skipped: YAF_food_ps.wav: a git-lfs stub" in said
    assert {u.utt_id: u.sample_rate for u in read_utterances(store / "corpus" / "utterances.tsv")} == RATES
    sercli("featurize", store, "--jobs", 1)
    frames, offsets = Store(store).ragged(keys.features("logmel")).rows("frames", list(RATES))
    first, *others = np.split(frames, offsets[1:-1])
    for other in others:
        assert other.shape == first.shape
        spoken = np.s_[2:-2, 5:50]  # bands with sound, without the ends that a resampler makes up
        assert np.abs(other[spoken] - first[spoken]).max() < 0.05


def test_the_wrong_reader_on_the_real_command(three_rates: Path, sercli: Sercli, tmp_path: Path) -> None:
    fields = {
        "place": "TESS",
        "seen": ("5 other .wav", "OAF_back_angry.wav"),
        "expected": "F03S02.wav",
        "fix": "--corpus tess",
    }
    refused(sercli, FIXABLE, fields, "ingest", three_rates, tmp_path / "store", "--corpus", "shemo")
    assert not (tmp_path / "store").exists()


def test_a_folder_of_songs_says_why_it_is_not_taken(tmp_path: Path) -> None:
    assert reader("ravdess").recognises(name_files(tmp_path, ["03-02-05-01-01-01-01.wav"]))
    with raises({"place": str(tmp_path), "seen": "vocal channel 02, song; wanted 01"}):
        reader("ravdess").scan(tmp_path)
