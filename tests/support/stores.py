"""Look into stores and compare them."""

from pathlib import Path

from sercli.store.locations import FIT_RECORD


def rows_of(path: Path) -> dict[str, list[str]]:
    """The rows of a table, by their first column."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return {line.split("\t")[0]: line.split("\t") for line in lines[1:]}


def contents(folder: Path, but: tuple[str, ...] = ()) -> dict[str, bytes]:
    """The bytes of every file of a store or product, without caches, staging, locks and what begins with one of `but`.

    Records of fits are left out too: they hold times, and are no part of a product.
    """
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != FIT_RECORD)
    paths = {path.relative_to(folder).as_posix(): path for path in files}
    aside = (".cache/", ".staging/", ".locks/", *but)
    return {name: path.read_bytes() for name, path in paths.items() if not name.startswith(aside)}


def same(first: Path, second: Path, but: tuple[str, ...] = ()) -> None:
    """Fails with the names of the files that differ."""
    left, right = contents(first, but), contents(second, but)
    assert left
    assert {name for name in {**left, **right} if left.get(name) != right.get(name)} == set()


def stamps(store: Path, pattern: str) -> dict[str, tuple[int, int]]:
    """Inode and time of the files that match: what was written again differs."""
    return {str(p): (p.stat().st_ino, p.stat().st_mtime_ns) for p in store.glob(pattern) if p.is_file()}


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of every file, without caches and locks."""
    stats = {path.relative_to(folder).as_posix(): path.stat() for path in sorted(folder.rglob("*")) if path.is_file()}
    return {
        name: (stat.st_ino, stat.st_mtime_ns)
        for name, stat in stats.items()
        if not name.startswith((".cache", ".locks"))
    }


def staged(store: Path) -> list[str]:
    """What lies in the staging folder of a store."""
    return sorted(path.name for path in (store / ".staging").glob("*"))
