"""Products appear whole or not at all: every moment at which a `kill -9` can fall while one is published, made by hand."""

import shutil
from pathlib import Path

import pytest

from sercli.config import write_yaml
from sercli.errors import Command, DamagedProduct, MissingInput, SercliError
from sercli.store import publishing
from sercli.store.locations import PROVENANCE, STORE_FORMAT
from sercli.store.publishing import Product
from sercli.store.store import Store

KEY = "autoencoders/some/fold-1"
COMMAND = Command("train-ae", "STORE")
PRODUCT = Product(KEY, {"beta": 1.0}, {"features": "abc"}, COMMAND)
NEWER = Product(KEY, {"beta": 1.0}, {"features": "def"}, COMMAND)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    (tmp_path / "corpus").mkdir()
    write_yaml(tmp_path / "corpus" / "corpus.yaml", {"format": STORE_FORMAT, "name": "toy", "root": "/nowhere"})
    return Store(tmp_path)


def build(store: Store, product: Product, text: str = "weights") -> Path:
    built = publishing.stage(store, product) / "product"
    built.mkdir(exist_ok=True)
    (built / "model").write_text(text)
    return built


def publish(store: Store, product: Product = PRODUCT, text: str = "weights") -> None:
    publishing.publish(store, product, build(store, product, text))


def state_of(store: Store, product: Product = PRODUCT) -> str:
    return publishing.state(store, product).name


def staged_files(store: Store) -> list[str]:
    return [path.name for path in (store.path / ".staging").iterdir()]


def test_a_product_is_missing_then_fresh_then_stale(store: Store) -> None:
    assert state_of(store) == "missing"
    with pytest.raises(MissingInput) as missing:
        publishing.require(store, PRODUCT)
    assert missing.value.fix == COMMAND
    publish(store)
    assert publishing.is_fresh(store, PRODUCT)
    assert store.file(KEY, "model").read_text() == "weights"
    assert not staged_files(store)
    assert publishing.state(store, NEWER) == publishing.State("stale", ["features"])
    with pytest.raises(MissingInput) as stale:
        publishing.require(store, NEWER)
    assert "features" in stale.value.problem


def test_a_name_of_another_configuration_is_refused_with_both_values(store: Store) -> None:
    publish(store)
    with pytest.raises(SercliError) as refusal:
        publishing.state(store, Product(KEY, {"beta": 0.5}, PRODUCT.inputs, COMMAND))
    assert (refusal.value.seen, refusal.value.expected) == ("beta is 1.0", "0.5")


def test_a_changed_byte_is_seen(store: Store) -> None:
    publish(store)
    (store.path / KEY / "model").write_text("weighty")
    with pytest.raises(DamagedProduct) as damage:
        store.file(KEY, "model")
    assert damage.value.place == str(store.path / KEY / "model")


def test_provenance_that_does_not_fit_its_digest_is_damage(store: Store) -> None:
    publish(store)
    path = store.path / KEY / PROVENANCE
    path.write_text(path.read_text().replace("abc", "abd"))
    with pytest.raises(DamagedProduct):
        publishing.state(store, PRODUCT)


def test_killed_while_building(store: Store) -> None:
    build(store, PRODUCT, "half")
    assert not publishing.finish_publishing(store, PRODUCT)
    publish(store)
    assert store.file(KEY, "model").read_text() == "weights"
    assert not staged_files(store)


def test_killed_before_the_renaming(store: Store) -> None:
    publishing.seal(PRODUCT, build(store, PRODUCT))
    assert state_of(store) == "missing"
    assert publishing.finish_publishing(store, PRODUCT)
    assert state_of(store) == "fresh"
    assert store.file(KEY, "model").read_text() == "weights"
    assert not staged_files(store)


@pytest.mark.parametrize("is_aside", [False, True])
def test_killed_while_an_old_product_makes_way(store: Store, is_aside: bool) -> None:
    publish(store, PRODUCT, "old")
    built = build(store, NEWER, "new")
    publishing.seal(NEWER, built)
    if is_aside:
        (store.path / KEY).rename(built.with_name("old"))
    assert publishing.finish_publishing(store, NEWER)
    assert publishing.is_fresh(store, NEWER)
    assert store.file(KEY, "model").read_text() == "new"
    assert not staged_files(store)


def test_killed_while_the_provenance_is_written(store: Store) -> None:
    """Half a provenance is none: the product is built again."""
    built = build(store, PRODUCT, "half")
    (built / PROVENANCE).write_text('{"format": 3, "conf')
    assert not publishing.finish_publishing(store, PRODUCT)
    publish(store)
    assert store.file(KEY, "model").read_text() == "weights"


def test_a_sealed_product_is_not_mixed_with_a_new_one(store: Store) -> None:
    """A product that is made again although one lies sealed in staging starts from nothing."""
    built = build(store, PRODUCT, "old")
    (built / "extra").touch()
    publishing.seal(PRODUCT, built)
    publish(store, PRODUCT, "new")
    assert sorted(path.name for path in (store.path / KEY).iterdir()) == ["model", PROVENANCE]


def test_what_a_killed_command_left_is_tidied_unless_another_command_is_at_work(store: Store) -> None:
    publish(store)
    build(store, PRODUCT, "half")
    with publishing.lock(store.path, KEY):
        publishing.tidy(store, PRODUCT)
        assert staged_files(store)
    publishing.tidy(store, PRODUCT)
    assert not staged_files(store)


def test_what_was_staged_for_other_inputs_is_deleted(store: Store) -> None:
    build(store, PRODUCT, "half")
    assert not (build(store, NEWER).parents[1] / PRODUCT.digest[:16]).exists()


def test_one_command_at_a_time_makes_a_product(store: Store) -> None:
    with publishing.locks(store, [KEY, "other"]):
        with pytest.raises(SercliError) as refusal, publishing.lock(store.path, KEY):
            pass
        assert refusal.value.place == str(store.path / KEY)
        with publishing.lock(store.path, "a third"):
            pass
    with publishing.lock(store.path, KEY):
        pass


def test_a_lock_follows_no_link(store: Store, tmp_path: Path) -> None:
    (store.path / ".locks").mkdir()
    (tmp_path / "precious").write_text("text")
    (store.path / ".locks" / "some.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic links"), publishing.lock(store.path, "some"):
        pass
    assert (tmp_path / "precious").read_text() == "text"


@pytest.mark.parametrize("key", ["../outside", "a/../../b", "/etc/passwd", "a//b", ".hidden/x", "a/.", "a\0b"])
def test_no_name_leaves_the_store(store: Store, key: str) -> None:
    with pytest.raises(SercliError):
        store.location(key)


def test_the_first_configuration_of_a_name_holds(store: Store) -> None:
    publishing.write_config_once(store, "autoencoders/some", {"beta": 1.0})
    publishing.write_config_once(store, "autoencoders/some", {"beta": 1.0})
    with pytest.raises(SercliError) as refusal:
        publishing.write_config_once(store, "autoencoders/some", {"beta": 0.5})
    assert (refusal.value.seen, refusal.value.expected) == ("beta is 1.0", "0.5")
    assert sorted(path.name for path in (store.path / "autoencoders/some").iterdir()) == ["config.yaml"]


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    publishing.replace_file(target, "one")
    publishing.replace_file(target, b"two")
    assert target.read_bytes() == b"two"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    built, final = tmp_path / "built", tmp_path / "deep" / "final"
    for text in ("one", "two"):
        built.mkdir()
        (built / "file").write_text(text)
        publishing.replace_folder(built, final, tmp_path / "aside")
        assert (final / "file").read_text() == text
    shutil.rmtree(tmp_path / "deep")
    assert not list(tmp_path.iterdir())


def test_a_store_of_an_older_format_is_refused_with_the_commands_that_rebuild_it(tmp_path: Path) -> None:
    write_yaml(tmp_path / "corpus.yaml", {"format": 2, "name": "toy", "corpus": "emodb", "root": "/sound"})
    (tmp_path / "arrays.zarr" / "features" / "mfcc").mkdir(parents=True)
    (tmp_path / "arrays.zarr" / "features" / "mfcc" / "zarr.json").write_text("{}")
    with pytest.raises(SercliError) as refusal:
        Store(tmp_path)
    new = f"{tmp_path}-format-{STORE_FORMAT}"
    assert (refusal.value.seen, refusal.value.expected) == ("format 2", f"format {STORE_FORMAT}")
    assert refusal.value.commands == (
        Command("ingest", words=("/sound", new, "--corpus", "emodb")),
        Command("featurize", new, ("--frontend", "mfcc")),
    )
