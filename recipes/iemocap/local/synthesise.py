#!/usr/bin/env python3
"""Write a synthetic corpus in IEMOCAP's own folders and files: a stand-in for who has no licence yet, or tests a reader.

    synthesise.py OUT_DIR [--size small|full] [--seed 0]

`small` is made in seconds. `full` has the size of the release: its counts of utterances by session, speaker, style, label
and bin of valence, activation and dominance, and its durations. Which utterance has which is drawn: nothing of the
release is copied. Both hold what is odd in the release: junk files, dialogues in two parts, unlabelled utterances, stray
lines, empty and missing votes, averages that are out of range.

The speech is that of the demo's synthesiser, which knows four emotions; excitement is spoken as happiness, the rest as
blends, and where raters do not agree as any. Valence, activation and dominance follow the label, with noise, not the
sound. So scores on this corpus show that a pipeline works, and say nothing about people.

Writes OUT_DIR/IEMOCAP_full_release and, last, OUT_DIR/synthesis.json, which marks the corpus as complete. The same settings
give the same bytes; what an utterance sounds like is decided by its name, its label and its duration.
"""

import argparse
import hashlib
import importlib.util
import itertools
import json
import multiprocessing
import signal
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Settings = dict[str, str | int]


def _load_synthesiser() -> ModuleType:
    path = Path(__file__).parents[2] / "demo" / "local" / "synthesise.py"
    spec = importlib.util.spec_from_file_location("demo_synthesise", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


synth = _load_synthesiser()

RELEASE = "IEMOCAP_full_release"
SYNTHETIC = (
    "Synthetic speech in the folders of IEMOCAP: nobody has said this, and no score on it says anything about people.\n"
)
SESSIONS = range(1, 6)
WORDS = {
    "neu": "Neutral",
    "exc": "Excited",
    "sad": "Sadness",
    "ang": "Anger",
    "hap": "Happiness",
    "fru": "Frustration",
    "sur": "Surprise",
    "fea": "Fear",
    "oth": "Other",
    "dis": "Disgust",
}
VOICES = {  # what a label is spoken as: the mean of these
    "neu": ["neutral"],
    "exc": ["happiness"],
    "sad": ["sadness"],
    "ang": ["anger"],
    "hap": ["happiness"],
    "fru": ["anger", "neutral"],
    "sur": ["happiness", "neutral"],
    "fea": ["happiness", "sadness"],
    "oth": ["neutral"],
    "dis": ["anger", "sadness"],
}
synth.EMOTIONS.update(  # before any speaker is cast, so that each has habits in every voice
    {code: synth.Manner(*np.mean([synth.EMOTIONS[name] for name in names], axis=0)) for code, names in VOICES.items()}
)
MEANS = {  # valence, activation, dominance
    "neu": (2.9, 2.6, 2.8),
    "exc": (4.0, 3.7, 3.4),
    "sad": (2.1, 2.4, 2.7),
    "ang": (1.8, 3.7, 4.0),
    "hap": (3.9, 3.1, 3.1),
    "fru": (2.3, 3.0, 3.4),
    "sur": (3.1, 3.5, 2.9),
    "fea": (2.0, 3.2, 2.3),
    "oth": (2.7, 3.0, 3.0),
    "dis": (1.9, 3.0, 3.4),
    "xxx": (2.8, 3.0, 3.2),
}
SPREAD = 0.7
UNLABELLED = 48  # utterances of the full corpus
OUT_OF_RANGE = {  # name -> dimension and label: a slip of the pen, and a missing vote that was averaged as 0
    **{f"Ses03M_impro07_M{number:03d}": (0, 5.5) for number in range(4)},
    "Ses01M_script01_1_F000": (2, 0.5),
    "Ses02M_script02_2_F000": (2, 0.5),
    "Ses04M_script03_2_M000": (2, 0.5),
}
EDGES = (2.5, 3, 3.5)  # five bins: below 2.5, below 3, 3, below 3.5, and the rest


# --- the plan: everything but the sound


@dataclass(frozen=True)
class Turn:
    """One utterance of a dialogue. `bins` are those of valence, activation, dominance; an empty label means none."""

    name: str
    label: str
    bins: tuple[int, ...]
    samples: int  # at 16 kHz
    start: float = 0.0  # s, in the dialogue

    @property
    def dialogue(self) -> str:
        return self.name.rpartition("_")[0]

    @property
    def letter(self) -> str:
        """F or M: who speaks."""
        return self.name.rpartition("_")[2][0]

    @property
    def seconds(self) -> float:
        return float(self.samples / synth.RATE)

    @property
    def times(self) -> tuple[float, float]:
        """Start and end, with the four decimals that the files have."""
        return round(self.start, 4), round(self.start + self.seconds, 4)


def plan(size: str, seed: int) -> list[Turn]:
    """The corpus before a sample of it is made, dialogue by dialogue."""
    drawn = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2,)))
    turns = _small(drawn) if size == "small" else _full(drawn)
    dialogues: dict[str, list[Turn]] = {}
    for turn in turns:
        dialogues.setdefault(turn.dialogue, []).append(turn)
    extra = sorted(dialogues)[::3][:UNLABELLED]
    return [turn for name in sorted(dialogues) for turn in _timed(dialogues[name], name in extra, seed)]


def _timed(turns: Sequence[Turn], unlabelled: bool, seed: int) -> Iterator[Turn]:
    """The turns one after the other, here and there with one before them that has no label."""
    rng = _rng(seed, turns[0].dialogue)
    extra = [Turn(f"{turns[0].dialogue}_{turns[0].letter}XX0", "", (), 12000)] if unlabelled else []
    clock = float(rng.uniform(1, 8))
    for turn in [*extra, *turns]:
        yield Turn(turn.name, turn.label, turn.bins, turn.samples, clock)
        clock += turn.seconds + float(rng.uniform(0.1, 1.5))


def _rng(seed: int, name: str, purpose: int = 0) -> np.random.Generator:
    """Depends on nothing but these, so that neither order nor size of the corpus matters."""
    words = np.frombuffer(hashlib.sha256(name.encode()).digest(), np.uint32).tolist()
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(3, purpose, *words)))


def _numbered(dialogues: Sequence[str], letters: Sequence[str]) -> list[str]:
    """Names of utterances: so many as there are letters, over the dialogues in equal parts, numbered by speaker."""
    names = []
    for dialogue, part in zip(dialogues, np.array_split(np.array(letters), len(dialogues)), strict=True):
        numbers = Counter[str]()
        for letter in part.tolist():
            names.append(f"{dialogue}_{letter}{numbers[letter]:03d}")
            numbers[letter] += 1
    return names


# --- the small corpus

SMALL_IMPROVISED = {3: ["F_impro01", "M_impro05a", "M_impro05b", "M_impro07"]}
SMALL_SCRIPTED = {5: ["F_script02_2", "M_script01_1", "M_script01_1b"]}
SMALL_RARE = ["sur", "fea", "oth", "dis", "xxx"]
SMALL_ROWS = [  # what everybody says in each style: label, bins of valence, activation, dominance
    ("neu", (2, 2, 2)),
    ("exc", (4, 4, 4)),
    ("sad", (0, 0, 0)),
    ("ang", (0, 4, 4)),
    ("hap", (4, 2, 2)),
    ("fru", (1, 3, 3)),
    ("xxx", (3, 1, 1)),
]


def _small(drawn: np.random.Generator) -> Iterator[Turn]:
    """Every speaker has every class in both styles, and low, mid and high of every dimension."""
    for session in SESSIONS:
        improvised = SMALL_IMPROVISED.get(session, ["F_impro01", "M_impro02"])
        scripted = SMALL_SCRIPTED.get(session, ["F_script02_2", "M_script01_1"])
        for dialogues in (improvised, scripted):
            rare = SMALL_RARE[session - 1] if dialogues is improvised else "xxx"
            rows = [(rare if label == "xxx" else label, bins) for label, bins in SMALL_ROWS for _ in "FM"]
            names = _numbered([f"Ses0{session}{dialogue}" for dialogue in dialogues], ["F", "M"] * len(SMALL_ROWS))
            for name, (label, bins) in zip(names, rows, strict=True):
                yield Turn(name, label, bins, int(drawn.integers(11200, 24000)))


# --- the full corpus: the counts of the release, a number for each session

FOUR_CLASSES = ("neu", "exc", "sad", "ang", "hap")
LABELS = {
    "neu": (384, 362, 320, 258, 384),
    "exc": (143, 210, 151, 238, 299),
    "sad": (194, 197, 305, 143, 245),
    "ang": (229, 137, 240, 327, 170),
    "hap": (135, 117, 135, 65, 143),
    "fru": (280, 325, 382, 481, 381),
    "xxx": (415, 436, 572, 564, 520),
}
TOTALS = (1819, 1811, 2136, 2103, 2170)
RARE = {"sur": 107, "fea": 40, "oth": 3, "dis": 2}  # in all sessions together
WOMEN = (873, 859, 1048, 987, 1033)
IMPROVISED = (759, 788, 1044, 1060, 1133)
IMPROVISED_FOUR = {  # ours, to the sums of the release: 521, 530, 627, 534, 731 and 1099, 663, 608, 289, 284
    "neu": (230, 220, 215, 172, 262),
    "exc": (83, 125, 99, 156, 200),
    "sad": (99, 102, 178, 83, 146),
    "ang": (51, 32, 67, 90, 49),
    "hap": (58, 51, 68, 33, 74),
}
BINS = (  # valence, activation, dominance: the coarsest bins that make both ways to cut them
    (3421, 2105, 1607, 80, 2826),
    (1281, 2067, 2559, 243, 3889),
    (1293, 1843, 2167, 148, 4588),
)
SHORTEST, LONGEST = 0.585, 34.14  # s
HOURS, HOURS_OF_FOUR = 12.44, 6.99
LOG_SPREAD = 0.66  # of durations
PLAYS = ("script01_1", "script01_2", "script01_3", "script02_1", "script02_2", "script03_1", "script03_2")
FULL_IMPROVISED = {
    1: [f"{marked}_impro{number:02d}" for marked in "FM" for number in range(1, 8)],
    3: [
        *(f"F_impro{number:02d}" for number in range(1, 9)),
        *(f"M_impro{number}" for number in ("01", "02", "03", "04", "05a", "05b", "06", "07", "08a", "08b")),
    ],
}


def _full(drawn: np.random.Generator) -> list[Turn]:
    names: list[str] = []
    labels: list[str] = []
    rare = drawn.permutation([code for code, count in RARE.items() for _ in range(count)]).tolist()
    for index, session in enumerate(SESSIONS):
        left = TOTALS[index] - sum(counts[index] for counts in LABELS.values())
        here, rare = rare[:left], rare[left:]
        improvised, scripted = _by_style(index, here, drawn)
        letters = _in_turn(TOTALS[index], WOMEN[index])
        for said, dialogues in ((improvised, _improvised(session)), (scripted, _scripted(session))):
            labels += said
            names += _numbered(dialogues, letters[: len(said)])
            letters = letters[len(said) :]
    bins = np.column_stack([_binned(k, names, labels, drawn) for k in range(len(BINS))]).tolist()
    samples = _durations(labels, drawn).tolist()
    return [Turn(*row) for row in zip(names, labels, map(tuple, bins), samples, strict=True)]


def _by_style(index: int, rare: list[str], drawn: np.random.Generator) -> tuple[list[str], list[str]]:
    """Labels of a session's improvised utterances, and of its scripted ones."""
    four = [[code] * IMPROVISED_FOUR[code][index] for code in FOUR_CLASSES]
    rest = drawn.permutation([*rare, *(code for code in ("fru", "xxx") for _ in range(LABELS[code][index]))]).tolist()
    more = IMPROVISED[index] - sum(map(len, four))
    scripted = [[code] * (LABELS[code][index] - IMPROVISED_FOUR[code][index]) for code in FOUR_CLASSES]
    both = ([*itertools.chain(*four), *rest[:more]], [*itertools.chain(*scripted), *rest[more:]])
    return drawn.permutation(both[0]).tolist(), drawn.permutation(both[1]).tolist()


def _in_turn(total: int, women: int) -> list[str]:
    """So many letters, so many of them F, as evenly as it goes."""
    return ["F" if (k + 1) * women // total > k * women // total else "M" for k in range(total)]


def _improvised(session: int) -> list[str]:
    names = [f"{marked}_impro{number:02d}" for marked in "FM" for number in range(1, 9)]
    return [f"Ses0{session}{name}" for name in FULL_IMPROVISED.get(session, names)]


def _scripted(session: int) -> list[str]:
    extra = ["M_script01_1b"] if session == 5 else []
    return [f"Ses0{session}{name}" for name in [*(f"{marked}_{play}" for marked in "FM" for play in PLAYS), *extra]]


def _binned(dimension: int, names: Sequence[str], labels: Sequence[str], drawn: np.random.Generator) -> Ints:
    """A bin for each utterance: who ranks lowest by label and noise fills the lowest."""
    scores = np.array([MEANS[label][dimension] for label in labels]) + SPREAD * drawn.standard_normal(len(labels))
    for name, (odd, value) in OUT_OF_RANGE.items():
        if odd == dimension:
            scores[names.index(name)] = np.copysign(np.inf, value - 3)
    bins = np.empty(len(labels), np.int64)
    bins[np.argsort(scores)] = np.repeat(np.arange(len(BINS[dimension])), BINS[dimension])
    return bins


def _durations(labels: Sequence[str], drawn: np.random.Generator) -> Ints:
    """Samples of each utterance: clipped log-normal quantiles, so that the sums are met, in random order."""
    four = np.isin(labels, FOUR_CLASSES)
    samples = np.empty(len(labels), np.int64)
    for group, hours in ((four, HOURS_OF_FOUR), (~four, HOURS - HOURS_OF_FOUR)):
        count = int(group.sum())
        normal = statistics.NormalDist()
        shape = np.exp(LOG_SPREAD * np.array([normal.inv_cdf((k + 0.5) / count) for k in range(count)]))
        low, high = SHORTEST / shape.max(), LONGEST / shape.min()
        for _ in range(60):  # halving the interval of the scale
            middle = (low + high) / 2
            too_long = np.clip(middle * shape, SHORTEST, LONGEST).sum() > 3600 * hours
            low, high = (low, middle) if too_long else (middle, high)
        samples[group] = drawn.permutation(np.rint(synth.RATE * np.clip(low * shape, SHORTEST, LONGEST)))
    return samples


# --- what raters say

SEVERAL = ("(free: this; or that)", "()", "()", "()")


def _votes(bins: Sequence[int], rng: np.random.Generator) -> Ints:
    """Votes (3 dimensions, raters) whose means lie in these bins; only three raters can mean a third."""
    raters = 3 if 3 in bins else int(rng.integers(2, 4))
    votes = np.empty((len(bins), raters), np.int64)
    for dimension, wanted in enumerate(bins):
        sums = [total for total in range(raters, 5 * raters + 1) if _bin(total / raters) == wanted]
        weights = np.exp([-abs(total / raters - 3) for total in sums])
        total = int(rng.choice(sums, p=weights / weights.sum()))
        votes[dimension] = rng.permutation([(total + k) // raters for k in range(raters)])
    return votes


def _bin(mean: float) -> int:
    return sum((mean >= EDGES[0], mean >= EDGES[1], mean > EDGES[1], mean >= EDGES[2]))


def _categories(label: str, rng: np.random.Generator) -> list[list[str]]:
    """What three external raters name: two of them the label, or each something else."""
    others = [word for code, word in WORDS.items() if code != label]
    strangers = rng.choice(others, 3, replace=False).tolist()
    if label == "xxx":
        return [[word] for word in strangers]
    word = WORDS[label]
    return [
        [word],
        [word, strangers[0]] if rng.random() < 0.2 else [word],
        [word if rng.random() < 0.5 else strangers[1]],
    ]


def evaluation(turn: Turn, seed: int) -> str:
    """The lines of a labelled utterance."""
    rng = _rng(seed, turn.name, 1)
    votes = _votes(turn.bins, rng)
    means = votes.mean(axis=1).tolist()
    said = [[str(vote) for vote in rater] for rater in votes.T.tolist()]
    if turn.name in OUT_OF_RANGE:
        dimension, value = OUT_OF_RANGE[turn.name]
        means[dimension] = value
        for k, rater in enumerate(said):
            rater[dimension] = "5" if value > 5 else "" if k else "1"
    start, end = turn.times
    averages = ", ".join(f"{mean:.4f}" for mean in means)
    lines = [f"[{start:.4f} - {end:.4f}]\t{turn.name}\t{turn.label}\t[{averages}]"]
    categories = _categories(turn.label, rng)
    lines += [_category(f"E{k}", words, SEVERAL[int(rng.integers(4))]) for k, words in enumerate(categories, 2)]
    own = [[], ["Neutral state"], ["Neutral state", "Anger"], [WORDS.get(turn.label, "Other")]]
    lines.append(_category(f"{turn.letter}1", own[int(rng.integers(4))], "(loud: why; I do not know)"))
    lines += [_attributes(f"E{k}", rater) for k, rater in enumerate(said, 2)]
    own_votes = [str(vote) for vote in rng.integers(1, 6, 3)]
    lines.append(_attributes(f"{turn.letter}1", ["", *own_votes[1:]] if rng.random() < 0.2 else own_votes))
    return "\n".join(lines) + "\n\n"


def _category(rater: str, words: Sequence[str], comment: str) -> str:
    return f"C-{rater}:\t{' '.join(f'{word};' for word in words)}\t{comment}"


def _attributes(rater: str, values: Sequence[str]) -> str:
    valence, activation, dominance = values
    return f"A-{rater}:\tval {valence}; act {activation}; dom  {dominance};\t()"


# --- files


def write_dialogue(folder: Path, turns: Sequence[Turn], seed: int, junk: bool) -> float:
    """Sound, labels and transcript of one dialogue; returns the seconds of speech."""
    name = turns[0].dialogue
    session = folder / f"Session{name[4]}"
    wav, dialog = session / "sentences" / "wav" / name, session / "dialog"
    for place in (wav, *(dialog / part for part in ("EmoEvaluation", "transcriptions", "wav"))):
        place.mkdir(parents=True, exist_ok=True)
    texts = [_speak(wav / f"{turn.name}.wav", turn, seed) for turn in turns]
    labelled = [turn for turn in turns if turn.label]
    header = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
    evaluations = dialog / "EmoEvaluation" / f"{name}.txt"
    evaluations.write_text(header + "".join(evaluation(turn, seed) for turn in labelled), encoding="ascii")
    for part, ending, said in (
        ("Categorical", "e2_cat", ":Neutral state; ()"),
        ("Attribute", "e2_atr", ":act 3; :val 3; :dom 3; ()"),
        ("Self-evaluation", "f1_cat", ":Anger; ()"),
    ):
        (dialog / "EmoEvaluation" / part).mkdir(exist_ok=True)
        lines = "".join(f"{turn.name} {said}\n" for turn in labelled)
        (dialog / "EmoEvaluation" / part / f"{name}_{ending}.txt").write_text(lines, encoding="ascii")
    spoken = [
        f"{turn.name} [{turn.times[0]:08.4f}-{turn.times[1]:08.4f}]: {text}"
        for turn, text in zip(turns, texts, strict=True)
    ]
    transcript = "".join(f"{line}\r\n" for line in [*spoken, "M: Sama."])
    (dialog / "transcriptions" / f"{name}.txt").write_bytes(transcript.encode("ascii"))
    if junk:
        for path in (wav / f"._{turns[0].name}.wav", evaluations.with_name(f"._{name}.txt")):
            path.write_bytes(b"\0\5\x16\7Mac OS X")
        (dialog / "transcriptions" / f"._{name}.txt").write_bytes(b"\0\5\x16\7Mac OS X")
    return sum(turn.seconds for turn in turns)


def _speak(path: Path, turn: Turn, seed: int) -> str:
    """Write the sound, and return the words."""
    rng = _rng(seed, turn.name)
    speaker = synth.cast(2 * int(turn.name[4]) - (2 if turn.letter == "F" else 1), seed)
    voice = turn.label if turn.label in VOICES else str(rng.choice(["ang", "hap", "neu", "sad"]))
    text = synth.sentence(synth.natural_syllables(speaker, voice, turn.seconds), rng)
    samples = synth.speak(speaker, voice, text, rng, turn.seconds)
    assert len(samples) == turn.samples
    synth.write_wav(path, samples)
    return f"{text.capitalize()}."


def _write_one(task: tuple[Path, Sequence[Turn], int, bool]) -> float:
    return write_dialogue(*task)


def write_corpus(folder: Path, turns: Sequence[Turn], settings: Settings) -> float:
    """Write all dialogues, as many at once as there are cores, and then the marker; returns the seconds of speech."""
    grouped = [list(group) for _, group in itertools.groupby(turns, key=lambda turn: turn.dialogue)]
    first = {group[0].name[:5]: group for group in reversed(grouped)}  # junk lies in one dialogue of each session
    release = folder / RELEASE
    release.mkdir(parents=True)
    tasks = [(release, group, int(settings["seed"]), first[group[0].name[:5]] is group) for group in grouped]
    with multiprocessing.Pool(initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)) as pool:
        seconds = _told(pool.imap_unordered(_write_one, tasks), len(tasks))
    for session in sorted(release.glob("Session*")):  # in each, since they may be copied apart
        (session / "SYNTHETIC.txt").write_text(SYNTHETIC)
    marker = {"settings": settings, "utterances": len(turns), "seconds": round(seconds, 2)}
    (folder / "synthesis.json").write_text(json.dumps(marker, indent=2) + "\n", encoding="utf-8")
    return seconds


def _told(finished: Iterable[float], total: int) -> float:
    """The sum of the seconds, said every ten seconds as they come."""
    started = said = time.monotonic()
    seconds = 0.0
    for done, more in enumerate(finished, 1):
        seconds += more
        now = time.monotonic()
        if now - said > 10:
            said = now
            speed = seconds / (now - started)
            print(f"synthesise: {done} of {total} dialogues, {speed:.0f} times real time", file=sys.stderr, flush=True)
    return seconds


def held(folder: Path, turns: Sequence[Turn], settings: Settings) -> float | None:
    """Seconds of speech if the folder already holds exactly this corpus; None where there is nothing yet.

    Anything else there is refused.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    try:
        marker = json.loads((folder / "synthesis.json").read_text(encoding="utf-8"))
        made, seconds = marker["settings"], float(marker["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        raise synth.CorpusError(f"{folder} holds something else: remove it or name another") from None
    if made != settings:
        raise synth.CorpusError(f"{folder} holds a corpus made with {made}, not {settings}: remove it or name another")
    for turn in turns:
        path = folder / RELEASE / f"Session{turn.name[4]}" / "sentences" / "wav" / turn.dialogue / f"{turn.name}.wav"
        if not path.is_file():
            raise synth.CorpusError(f"{folder} holds this corpus without {path.name}: remove it and run this again")
    return seconds


def main(arguments: list[str] | None = None) -> int:
    """The command: 0 done or already there, 1 the user can fix it, 2 wrong usage, 130 interrupted."""
    parser = argparse.ArgumentParser(description="Write a synthetic corpus in the folders and files of IEMOCAP.")
    parser.add_argument("folder", metavar="OUT_DIR", type=Path, help="a new or an empty folder")
    parser.add_argument("--size", choices=("small", "full"), default="small", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="another seed makes another corpus (default: %(default)s)")
    options = parser.parse_args(arguments)
    folder: Path = options.folder
    settings: Settings = {"size": options.size, "seed": options.seed}
    turns = plan(options.size, options.seed)
    try:
        seconds = held(folder, turns, settings)
        done = "already holds" if seconds is not None else "now holds"
        if seconds is None:
            seconds = write_corpus(folder, turns, settings)
    except synth.CorpusError as error:
        print(f"synthesise: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"synthesise: cannot write {error.filename or folder}: {error.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"synthesise: interrupted: remove {folder} and run this again", file=sys.stderr)
        return 130
    print(f"synthesise: {folder} {done} {len(turns)} utterances, {seconds / 3600:.2f} h of speech", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
