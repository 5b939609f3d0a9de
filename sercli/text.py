"""Text for people and for sorting: printable lines, sizes, and the order of the C locale."""


def c_order(text: str) -> bytes:
    """Sort key of the C locale: by bytes, not by letters.

    >>> sorted(["b", "é", "A"], key=c_order)
    ['A', 'b', 'é']
    """
    return text.encode("utf-8", "surrogateescape")


def printable(path: str) -> str:
    r"""A path in one printable line: control characters and undecodable bytes become escapes.

    >>> print(printable("a\tb\n.wav"))
    a\tb\n.wav
    """
    text = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def size_of(n_bytes: float) -> str:
    """A number of bytes in binary units.

    >>> size_of(1.5 * 2**30)
    '1.5 GiB'
    """
    units = ["B", "KiB", "MiB", "GiB", "TiB"]
    while n_bytes >= 1024 and len(units) > 1:
        n_bytes /= 1024
        del units[0]
    return f"{n_bytes:.0f} {units[0]}" if units[0] == "B" or n_bytes >= 10 else f"{n_bytes:.1f} {units[0]}"
