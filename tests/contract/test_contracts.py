"""What every plug-in promises, whoever wrote it. A new file in one of the four folders is tested here without a line of its own."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest
import soundfile
import torch
import yaml
from support.command import Sercli
from support.corpora import write_arrays
from support.errors import raises
from torch import Tensor

from sercli import plugins
from sercli.bundles.file_frames import FileFrames
from sercli.config import build, plain
from sercli.corpora.base import FIELDS, read_card, reader
from sercli.data import audio
from sercli.data.emotions import is_known
from sercli.data.utterances import DIMENSIONS, read_table, read_utterances
from sercli.errors import AudioError, SercliError, UsageError
from sercli.experiments.making import Settings
from sercli.frontends.base import Extractor, Source
from sercli.stages import ingest
from sercli.stages.ingest import IngestOptions
from sercli.store.store import Store
from sercli.tasks.task import Task, task_name

PACKAGES = ["corpora", "frontends", "autoencoders", "classifiers"]
AUTOENCODERS = {name: plugins.load("autoencoders", name) for name in plugins.names("autoencoders")}
CLASSIFIERS = {name: plugins.load("classifiers", name) for name in plugins.names("classifiers")}
FRONTENDS = {name: plugins.load("frontends", name) for name in plugins.names("frontends")}
EXTRACTORS = [name for name in FRONTENDS if hasattr(FRONTENDS[name], "Extractor")]
SOURCES = [name for name in FRONTENDS if hasattr(FRONTENDS[name], "Source")]
CORPORA = {name: reader(name) for name in plugins.names("corpora")}
CONFIGURED = [(package, name) for package in PACKAGES[1:] for name in plugins.names(package)]

D, Z, C = 40, 4, 3  # inputs of an autoencoder, latents, categories


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# --- all plug-ins


@pytest.mark.parametrize(("package", "name"), CONFIGURED)
def test_what_is_read_from_the_source_is_what_the_config_says(package: str, name: str) -> None:
    config, light = plugins.load(package, name).Config, plugins.config_class(package, name)
    assert plugins.defaults(package, name) == {option.name: option.default for option in fields(config)}
    assert list(plugins.defaults(package, name)) == [option.name for option in fields(config)]
    assert get_type_hints(light) == get_type_hints(config)
    assert plain(build(config, plugins.defaults(package, name), name)) == plain(config())


@pytest.mark.parametrize(("package", "name"), CONFIGURED)
def test_unknown_options_are_refused_with_the_known_ones(package: str, name: str) -> None:
    config = plugins.load(package, name).Config
    with pytest.raises(UsageError) as caught:
        build(config, {"xyzzy": 1}, name)
    assert caught.value.place == name
    assert all(option.name in caught.value.expected for option in fields(config))


@pytest.mark.parametrize("package", PACKAGES)
def test_plugins_are_named_in_order_and_strangers_refused(package: str) -> None:
    assert plugins.names(package) == sorted(plugins.names(package))
    assert plugins.names(package)
    with pytest.raises(UsageError) as caught:
        plugins.load(package, "nonsense")
    assert caught.value.expected == ", ".join(plugins.names(package))


@pytest.mark.parametrize(
    ("package", "name"), [(package, name) for package in PACKAGES for name in plugins.names(package)]
)
def test_every_plugin_says_what_it_is(package: str, name: str) -> None:
    assert len(plugins.load(package, name).__doc__ or "") > 40


# --- corpora


def build_example(name: str, folder: Path) -> Path:
    """A corpus of the reader's own example: its text files, noise where it has sound, and the junk that archives leave."""
    for number, (file, content) in enumerate(CORPORA[name].example.items()):
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in audio.SUFFIXES:
            noise = np.random.default_rng(number).standard_normal(8000)
            soundfile.write(path, 0.1 * noise, 16000)
            path.with_name(f"._{path.name}").write_bytes(b"junk")
        else:
            path.write_text(content, encoding="utf-8", newline="")
    return folder


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Of every reader."""
    folder = tmp_path_factory.mktemp("examples")
    return {name: build_example(name, folder / name) for name in CORPORA}


def sounds(name: str) -> dict[str, str]:
    """The sound files of a reader's example, each with the speaker and the emotion that it has by the corpus."""
    return {path: told for path, told in CORPORA[name].example.items() if Path(path).suffix in audio.SUFFIXES}


@pytest.mark.parametrize("name", CORPORA)
def test_the_card_tells_all(name: str) -> None:
    card = read_card(name)
    assert set(FIELDS) <= set(card.facts)
    assert all(card.facts.values())
    assert len(card.summary) < 200


@pytest.mark.parametrize("name", CORPORA)
def test_default_task_is_one(name: str) -> None:
    task = build(Task, CORPORA[name].task, name)
    assert task_name(task, task) == f"{task.target}.{task.protocol}"
    assert plain(task) | CORPORA[name].task == plain(task)


@pytest.mark.parametrize("name", CORPORA)
def test_a_corpus_is_recognised_by_its_own_reader_alone(name: str, examples: dict[str, Path]) -> None:
    assert [other for other in CORPORA if CORPORA[other].recognises(examples[name])] == [name]


@pytest.mark.parametrize("name", CORPORA)
def test_every_recording_is_read_as_the_reader_says(name: str, examples: dict[str, Path], tmp_path: Path) -> None:
    store = tmp_path / "store"
    ingest.run(examples[name], store, IngestOptions(name=name, max_rejects=0), Settings(jobs=1))
    utterances = read_utterances(store / "corpus" / "utterances.tsv")
    root = Store(store).sound_root
    found = {
        (root / u.path).relative_to(examples[name].resolve()).as_posix(): f"{u.speaker} {u.emotion}" for u in utterances
    }
    assert found == {path: f"{name}_{told.removeprefix(f'{name}_')}" for path, told in sounds(name).items()}
    assert len(found) > 1
    assert len({u.speaker for u in utterances}) > 1
    assert all(is_known(u.emotion) and (u.emotion_code or not u.emotion) for u in utterances)
    assert all(u.gender in ("", "female", "male") for u in utterances)
    assert all(1 <= getattr(u, d) <= 5 for u in utterances for d in DIMENSIONS if getattr(u, d) is not None)


# Readers of corpora whose names tell no sentence. Texts, where a corpus has them, are compared as well.
WITHOUT_SENTENCES = {"audformat", "iemocap", "kaldi", "meld", "msp_podcast", "shemo", "table", "urdu"}


@pytest.mark.parametrize("name", CORPORA)
def test_a_reader_says_which_sentence_is_spoken(name: str, examples: dict[str, Path]) -> None:
    sentences = {u.extra.get("sentence", "") for u in CORPORA[name].scan(examples[name]).utterances}
    assert (sentences > {""} or "" not in sentences) == (name not in WITHOUT_SENTENCES)


@pytest.mark.parametrize("name", CORPORA)
def test_a_stub_in_place_of_sound_is_set_aside(name: str, examples: dict[str, Path], tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    shutil.copytree(examples[name], corpus)
    stub = list(sounds(name))[-1]
    (corpus / stub).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    ingest.run(corpus, tmp_path / "store", IngestOptions(max_rejects=1), Settings(jobs=1))
    rejected = [
        line.split("\t") for line in (tmp_path / "store" / "corpus" / "rejects.tsv").read_text().splitlines()[1:]
    ]
    assert [(Path(path).name, reason) for path, reason in rejected] == [
        (Path(stub).name, "a git-lfs stub, not the recording; run: git lfs pull")
    ]


@pytest.mark.parametrize("name", CORPORA)
def test_the_wrong_reader_says_which_one_fits(name: str, examples: dict[str, Path], tmp_path: Path) -> None:
    wrong = next(other for other in CORPORA if other != name)
    with raises({"place": str(examples[name]), "fix": f"--corpus {name}"}):
        ingest.run(examples[name], tmp_path / "store", IngestOptions(kind=wrong), Settings())


@pytest.mark.parametrize("name", CORPORA)
@pytest.mark.parametrize("files", [[], ["speech.wav", "sub/more.wav"], ["notes.txt", "labels.csv"]], ids=len)
def test_another_corpus_is_not_mistaken(name: str, files: list[str], tmp_path: Path) -> None:
    for file in files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text("of,no\nuse,here\n")
    assert not CORPORA[name].recognises(tmp_path)
    with pytest.raises(SercliError) as caught:
        CORPORA[name].scan(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [name for name in CORPORA if CORPORA[name].has_counts])
def test_counts_of_nothing_are_the_whole_table(name: str) -> None:
    counts = CORPORA[name].counts([])
    assert len({count.name for count in counts}) == len(counts) > 1
    assert all(count.present == 0 < count.expected for count in counts)


# --- front ends


@pytest.mark.parametrize("name", FRONTENDS)
def test_a_front_end_makes_frames_or_reads_them(name: str) -> None:
    assert (name in EXTRACTORS) != (name in SOURCES)
    assert plugins.defines("frontends", name, "Source") == (name in SOURCES)


def extractor_of(name: str) -> Extractor:
    made: Extractor = FRONTENDS[name].Extractor(FRONTENDS[name].Config())
    return made


@pytest.mark.parametrize("name", EXTRACTORS)
def test_frames_are_of_their_own_samples_alone(name: str) -> None:
    extractor = extractor_of(name)
    samples = (0.1 * random(extractor.min_samples + 12345)).numpy()
    frames = extractor(samples)
    assert frames.shape == (extractor.n_frames(len(samples)), extractor.n_features)
    assert frames.dtype == np.float32
    assert np.isfinite(frames).all()
    extractor(samples[::-1].copy())
    assert extractor(samples).tobytes() == frames.tobytes()
    assert extractor_of(name)(samples).tobytes() == frames.tobytes()
    with ThreadPoolExecutor(3) as pool:
        assert {again.tobytes() for again in pool.map(extractor, [samples] * 6)} == {frames.tobytes()}


@pytest.mark.parametrize("name", EXTRACTORS)
def test_the_shortest_utterance(name: str) -> None:
    extractor = extractor_of(name)
    shortest = (0.1 * random(extractor.min_samples)).numpy()
    assert extractor.n_frames(len(shortest)) == len(extractor(shortest)) >= 1
    assert extractor.n_frames(len(shortest)) == 1 or not extractor.is_local
    assert extractor.n_frames(len(shortest) - 1) == 0
    with pytest.raises(SercliError):
        extractor(shortest[1:])


@pytest.mark.parametrize("name", EXTRACTORS)
def test_frames_of_a_piece_are_a_piece_of_the_frames(name: str) -> None:
    """Or the front end says that they are not."""
    extractor = extractor_of(name)
    shift = round(extractor.frame_shift_ms * extractor.sample_rate / 1000)
    samples = (0.1 * random(extractor.min_samples + 60 * shift)).numpy()
    piece = extractor(samples[20 * shift : 20 * shift + extractor.min_samples + 19 * shift])
    assert np.array_equal(piece, extractor(samples)[20 : 20 + len(piece)]) == extractor.is_local


@pytest.mark.parametrize("name", EXTRACTORS)
def test_a_window_has_the_frames_of_a_file_of_its_own(name: str, tmp_path: Path) -> None:
    extractor = extractor_of(name)
    rate = extractor.sample_rate
    samples = (0.1 * random(23 * rate + 777)).numpy()
    soundfile.write(tmp_path / "long.wav", samples, rate, subtype="FLOAT")
    sections = list(FileFrames(extractor).sections(tmp_path / "long.wav", 4, 3))
    assert [section.start for section in sections] == [0, 3, 6, 9, 12, 15, 18, 21]
    for section in sections:
        own = samples[round(section.start * rate) : round(section.end * rate)]
        assert np.array_equal(section.frames, extractor(own)), section.start


@pytest.mark.parametrize("name", EXTRACTORS)
def test_a_recording_shorter_than_a_frame_has_no_window(name: str, tmp_path: Path) -> None:
    extractor = extractor_of(name)
    soundfile.write(tmp_path / "short.wav", (0.1 * random(extractor.min_samples - 1)).numpy(), extractor.sample_rate)
    with pytest.raises(AudioError, match="shorter than one frame"):
        list(FileFrames(extractor).sections(tmp_path / "short.wav", 1, 1))


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_gives_what_is_there(name: str, featurized: Path, tmp_path: Path) -> None:
    ragged = Store(featurized).ragged("arrays.zarr/features/logmel")
    source: Source = FRONTENDS[name].Source(FRONTENDS[name].Config(), write_arrays(featurized, tmp_path / "arrays"))
    assert source.frame_shift_ms > 0
    assert sorted(source.utt_ids) == ragged.utt_ids
    for utt_id in source.utt_ids:
        frames = source.read(utt_id)
        assert frames.dtype == np.float32
        assert np.array_equal(frames, ragged.rows("frames", [utt_id])[0])
    (tmp_path / "empty").mkdir()
    for path in ("empty", "nowhere"):
        with pytest.raises(SercliError, match=path):
            FRONTENDS[name].Source(FRONTENDS[name].Config(), tmp_path / path)


def test_everything_works_on_every_front_end(store: Path, sercli: Sercli, tmp_path: Path) -> None:
    """The real commands: features, one fold of an autoencoder, of a classifier, and scores."""
    given = write_arrays(store, tmp_path / "arrays")
    for name in SOURCES:
        sercli("featurize", store, "--frontend", name, "--from", given)
    fixed = {"model": "vae", "latent_dim": 2, "classifier": "functionals", "ae.hidden": [8], "ae.epochs": 1}
    (tmp_path / "grid.yaml").write_text(yaml.safe_dump({"fixed": fixed, "axes": {"frontend": list(FRONTENDS)}}))
    sercli("sweep", store, tmp_path / "grid.yaml", "--fold", 1, "--jobs", 1)
    rows = list(read_table(store / "sweeps" / "grid" / "results.tsv"))
    assert [row["frontend"] for row in rows if row["frontend"]] == list(FRONTENDS)  # beside them, chance
    made = Store(store)
    first = made.utterances[0]
    for name in FRONTENDS:
        array = made.ragged(f"arrays.zarr/features/{name}")
        assert array.attributes["rejects"] == {}
        frames = array.rows("frames", [first.utt_id])[0]
        if name in EXTRACTORS:
            extractor = extractor_of(name)
            assert array.attributes["frame_shift_ms"] == extractor.frame_shift_ms
            wanted = extractor(audio.read(made.sound_root / first.path, extractor.sample_rate))
        else:
            wanted = np.load(given / f"{first.utt_id}.npy")
        assert np.array_equal(frames, wanted)
