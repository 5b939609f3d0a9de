"""The recipe across corpora, on a few recordings."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from support.markdown import rows_under
from support.paths import PROJECT, SHARED, SYNTHESISER
from support.readme import environment

SPEAKERS = ("03", "08", "09")
CODES = {"anger": "W", "happiness": "F", "neutral": "N", "sadness": "T"}


def few_recordings(folder: Path) -> None:
    """Of three of EMO-DB's speakers three of each emotion; where it does not lie beside the project, others of the same names."""
    wav = SHARED / "data" / "emodb" / "wav"
    folder.mkdir()
    if wav.is_dir():
        for speaker in SPEAKERS:
            for code in CODES.values():
                for path in sorted(wav.glob(f"{speaker}???{code}*.wav"))[:3]:
                    shutil.copy(path, folder)
        return
    options = ["--seed", "1", "--speakers", "3", "--per-emotion", "3"]
    subprocess.run([sys.executable, SYNTHESISER, folder.with_name("made"), *options], check=True, capture_output=True)
    made = sorted(folder.with_name("made").glob("wav/*.wav"))
    names = dict(zip(sorted({path.stem.split("_")[0] for path in made}), SPEAKERS, strict=True))
    for path in made:
        speaker, emotion, number = path.stem.split("_")
        shutil.copy(path, folder / f"{names[speaker]}a{int(number):02d}{CODES[emotion]}a.wav")


def test_cross_corpus_recipe(tmp_path: Path) -> None:
    few_recordings(tmp_path / "few")
    script = str(PROJECT / "recipes" / "cross-corpus" / "run.sh")
    words = ["bash", script, str(tmp_path / "few"), str(tmp_path / "out"), "--quick"]
    done = subprocess.run(words, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    results = (tmp_path / "out" / "RESULTS.md").read_text(encoding="utf-8")
    assert "QUICK LOOK" in results
    rows = {(row["tested on"], row["trained on"], row["system"]): row for row in rows_under("tested on", text=results)}
    for tested, other in (("emodb", "synthetic"), ("synthetic", "emodb")):
        for trained in ("its other speakers", other, f"{other}, in the store of both"):
            row = rows.pop((tested, trained, "`functionals.train`"))
            assert row["n"] == "36"
            uar = float(re.findall(r"[\d.]+", row["UA"])[0])
            recalls = [float(recall) for recall in re.findall(r"(\d+)(?:,|$)", row["recall"])]
            assert abs(uar - sum(recalls) / 4) < 0.6
        chance = rows.pop((tested, "", "chance"))
        assert (chance["WA"], chance["UA"]) == ("25.0", "25.0")
    assert not rows
