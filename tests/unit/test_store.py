"""Products appear whole or not at all: every moment at which a `kill -9` can fall while one is published, made by hand."""

import shutil
from pathlib import Path

import pytest

from sercli.config import write_yaml
from sercli.errors import DamagedProduct, MissingInput, SercliError
from sercli.store.store import FORMAT, Product, Store

KEY = "autoencoders/some/fold-1"
PRODUCT = Product(KEY, {"beta": 1.0}, {"features": "abc"}, "sercli train-ae STORE")
NEWER = Product(KEY, {"beta": 1.0}, {"features": "def"}, "sercli train-ae STORE")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    write_yaml(tmp_path / "corpus.yaml", {"format": FORMAT, "name": "toy", "root": "/nowhere"})
    return Store(tmp_path)


def build(store: Store, product: Product, text: str = "weights") -> Path:
    built = store.staged(product) / "product"
    built.mkdir(exist_ok=True)
    (built / "model").write_text(text)
    return built


def made(store: Store, product: Product = PRODUCT, text: str = "weights") -> None:
    store.publish(product, build(store, product, text))


def staging_is_empty(store: Store) -> bool:
    return not list((store.path / ".staging").iterdir())


def test_a_product_is_missing_then_fresh_then_stale(store: Store) -> None:
    assert store.state(PRODUCT).name == "missing"
    with pytest.raises(MissingInput, match="run `sercli train-ae STORE` first"):
        store.require(PRODUCT)
    made(store)
    assert store.state(PRODUCT).name == "fresh"
    assert store.file(KEY, "model").read_text() == "weights"
    assert staging_is_empty(store)
    assert (store.state(NEWER).name, store.state(NEWER).changed) == ("stale", ["features"])
    with pytest.raises(MissingInput, match=r"is stale \(features changed\)"):
        store.require(NEWER)


def test_another_configuration_is_refused_with_both_values(store: Store) -> None:
    made(store)
    other = Product(KEY, {"beta": 0.5}, PRODUCT.inputs, PRODUCT.command)
    with pytest.raises(SercliError, match=r"beta is 1\.0 there, 0\.5 was asked; choose another --name"):
        store.state(other)


def test_a_changed_byte_is_seen(store: Store) -> None:
    made(store)
    (store.path / KEY / "model").write_text("weighty")
    with pytest.raises(DamagedProduct, match="is not as it was published"):
        store.file(KEY, "model")


def test_killed_while_building(store: Store) -> None:
    build(store, PRODUCT, "half")
    assert not store.finish_publishing(PRODUCT)
    made(store)
    assert store.file(KEY, "model").read_text() == "weights"
    assert staging_is_empty(store)


def marked_as_complete(store: Store, product: Product, text: str) -> Path:
    """Published but for the renaming: made as `publish` makes it, in another place."""
    elsewhere = Store(store.path)
    built = build(elsewhere, product, text)
    keep = store.path / "keep"
    made(elsewhere, product, text)
    (store.path / KEY).rename(keep)
    built.parent.mkdir(parents=True)
    keep.rename(built)
    (built.parent / "complete").touch()
    return built


def test_killed_before_the_renaming(store: Store) -> None:
    marked_as_complete(store, PRODUCT, "weights")
    assert store.state(PRODUCT).name == "missing"
    assert store.finish_publishing(PRODUCT)
    assert store.state(PRODUCT).name == "fresh"
    assert store.file(KEY, "model").read_text() == "weights"
    assert staging_is_empty(store)


@pytest.mark.parametrize("aside", [False, True])
def test_killed_while_an_old_one_makes_way(store: Store, aside: bool) -> None:
    built = marked_as_complete(store, NEWER, "new")
    shutil.move(store.path / ".staging", store.path / "hold")
    made(store, PRODUCT, "old")
    shutil.rmtree(store.path / ".staging")
    shutil.move(store.path / "hold", store.path / ".staging")
    if aside:
        (store.path / KEY).rename(built.with_name("old"))
    assert store.finish_publishing(NEWER)
    assert store.state(NEWER).name == "fresh"
    assert store.file(KEY, "model").read_text() == "new"
    assert staging_is_empty(store)


def test_killed_between_renaming_and_tidying(store: Store) -> None:
    """The mark that is left speaks of what was published, never of what is built later in the same place."""
    made(store)
    staged = store.staged(PRODUCT)
    (staged / "complete").touch()
    assert store.state(PRODUCT).name == "fresh"
    shutil.rmtree(store.path / KEY)
    assert not store.finish_publishing(PRODUCT)
    build(store, PRODUCT, "half")
    assert not store.finish_publishing(PRODUCT)
    assert store.state(PRODUCT).name == "missing"


def test_what_a_killed_command_left_is_tidied_unless_somebody_is_at_work(store: Store) -> None:
    made(store)
    build(store, PRODUCT, "half")
    with store.lock([KEY]):
        store.tidy(PRODUCT)
        assert not staging_is_empty(store)
    store.tidy(PRODUCT)
    assert staging_is_empty(store)


def test_what_was_staged_for_other_inputs_is_removed(store: Store) -> None:
    build(store, PRODUCT, "half")
    assert not (build(store, NEWER).parents[1] / PRODUCT.digest[:16]).exists()


def test_a_product_is_made_by_one_at_a_time(store: Store) -> None:
    with store.lock([KEY, "other"]):
        with (
            pytest.raises(SercliError, match=f"{KEY} is being made by another command; wait for it to end"),
            store.lock([KEY]),
        ):
            pass
        with store.lock(["a third"]):
            pass
    with store.lock([KEY]):
        pass
    assert staging_is_empty(store)


@pytest.mark.parametrize("key", ["../outside", "a/../../b", "/etc/passwd", "a//b", ".hidden/x", "a/.", "a\0b"])
def test_no_name_leaves_the_store(store: Store, key: str) -> None:
    with pytest.raises(SercliError, match="name for a product"):
        store.location(key)


def test_the_first_claim_of_a_name_holds(store: Store) -> None:
    store.claim("autoencoders/some", {"beta": 1.0})
    store.claim("autoencoders/some", {"beta": 1.0})
    with pytest.raises(SercliError, match="the name is taken by another configuration"):
        store.claim("autoencoders/some", {"beta": 0.5})
    assert sorted(path.name for path in (store.path / "autoencoders/some").iterdir()) == ["config.yaml"]
