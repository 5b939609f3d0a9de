"""Text for people and for sorting: printable lines, the order of the C locale."""


def c_order(text: str) -> bytes:
    """Sort key of the C locale: bytes, not letters."""
    return text.encode("utf-8", "surrogateescape")


def printable(path: str) -> str:
    """A path in one printable line: control characters and undecodable bytes as escapes."""
    shown = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)
