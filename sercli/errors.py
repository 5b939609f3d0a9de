"""What can go wrong that a user can put right. Each message is one line: what, where, seen against wanted, the cure."""


class SercliError(Exception):
    """The user can fix this: its text is printed as one line on stderr and the command exits with 1."""


class UsageError(SercliError):
    """The command line itself is wrong: exit code 2."""


class AudioError(SercliError):
    """A sound file, or a section of one, that cannot be used. The text is the reason alone; callers add the path."""


class MissingInput(SercliError):
    """A step was run before the one it needs; the text names the command to run."""


class BrokenPlugin(SercliError):
    """A plug-in of another package fails; the text names it."""


class DamagedProduct(SercliError):
    """Something in the store is not what was published: a changed byte, a missing chunk, a foreign format."""
