"""Errors that a user can fix, and commands, as data. Text is made of them in one place only: `__str__`."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True)
class Command:
    """A sercli command that makes something, or that fixes an error. `str(command)` can be pasted into a shell.

    >>> command = Command("train-ae", "iemocap", ("--model", "cvae"), fold=3)
    >>> str(command)
    'sercli train-ae iemocap --model cvae --fold 3'
    >>> str(command.for_all_folds().for_store("STORE"))
    'sercli train-ae STORE --model cvae'
    """

    verb: str
    store: str | Path | None = None  # the first argument of most commands
    words: tuple[str, ...] = ()  # further arguments and options
    fold: int | None = None

    def for_all_folds(self) -> Command:
        """The same command without `--fold`."""
        return replace(self, fold=None)

    def for_store(self, store: str | Path) -> Command:
        """The same command for a store at another place."""
        return self if self.store is None else replace(self, store=store)

    def __str__(self) -> str:
        words = ["sercli", self.verb, *([] if self.store is None else [str(self.store)]), *self.words]
        return shlex.join([*words, *([] if self.fold is None else ["--fold", str(self.fold)])])


Fix = Command | tuple[Command, ...] | str


class SercliError(Exception):
    """Something that the user can fix. The command prints it as one line and exits with `exit_code`.

    The fields are data: code and tests read them, never the text.

    >>> error = SercliError("the table is empty", place="labels.csv", expected="one row per utterance", fix="add rows")
    >>> str(error)
    'labels.csv: the table is empty; expected one row per utterance; add rows'
    """

    exit_code = 1

    def __init__(
        self,
        problem: str,
        *,
        place: object = "",
        seen: object = "",
        expected: object = "",
        fix: Fix = "",
    ) -> None:
        """`problem` is a short sentence without values; `place` is the file, row, utterance, product or option where it occurs;
        `seen` and `expected` are the values; `fix` is the command that repairs it, several commands, or advice."""
        super().__init__(problem)
        self.problem, self.place, self.seen, self.expected, self.fix = (
            problem,
            str(place),
            str(seen),
            str(expected),
            fix,
        )

    def __str__(self) -> str:
        place = f"{self.place}: " if self.place else ""
        seen = f"; seen {self.seen}" if self.seen else ""
        expected = f"{',' if self.seen else ';'} expected {self.expected}" if self.expected else ""
        fix = f"; {self.advice}" if self.fix else ""
        return f"{place}{self.problem}{seen}{expected}{fix}"

    @property
    def commands(self) -> tuple[Command, ...]:
        """The commands that fix it, in order; none where the fix is advice."""
        if isinstance(self.fix, Command):
            return (self.fix,)
        return self.fix if isinstance(self.fix, tuple) else ()

    @property
    def advice(self) -> str:
        """The fix in words."""
        return "run " + ", then ".join(f"`{command}`" for command in self.commands) if self.commands else str(self.fix)

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors cross from worker processes with all their fields."""
        return _restore, (type(self), self.fields())

    def fields(self) -> dict[str, Any]:
        """The five fields by name."""
        return {name: getattr(self, name) for name in ("problem", "place", "seen", "expected", "fix")}

    def as_json(self) -> dict[str, Any]:
        """The fields as JSON values, with the kind of error and the exit code."""
        return {"error": type(self).__name__, "exit_code": self.exit_code, **self.fields(), "fix": self.advice}

    def at(self, place: object) -> Self:
        """The same error at a place; a place that it has already comes after it.

        >>> str(SercliError("is empty", place="line 3").at("labels.csv"))
        'labels.csv: line 3: is empty'
        """
        where = f"{place}: {self.place}" if self.place else str(place)
        return self._with(place=where)

    def at_only(self, place: object) -> Self:
        """The same error at another place."""
        return self._with(place=place)

    def fixed_by(self, fix: Fix) -> Self:
        """The same error with another fix."""
        return self._with(fix=fix)

    def _with(self, **changes: object) -> Self:
        restored: Self = _restore(type(self), {**self.fields(), **changes})
        return restored


def _restore(cls: type[Any], fields: dict[str, Any]) -> Any:
    return cls(fields.pop("problem"), **fields)


class UsageError(SercliError):
    """The command line, or a configuration, is wrong."""

    exit_code = 2


class AudioError(SercliError):
    """A sound file, or a section of one, cannot be used. Callers add the place."""


class MissingInput(SercliError):
    """A step was run before the one that it needs; `fix` is the command to run first."""


class BrokenPlugin(SercliError):
    """A plug-in of another package fails."""


class DamagedProduct(SercliError):
    """Something in a store or a bundle is not as it was published: a changed byte, a missing chunk, a foreign format."""


def listed(names: Iterable[object]) -> str:
    """Names for a message.

    >>> listed(["anger", "sadness"])
    'anger, sadness'
    """
    return ", ".join(map(str, names)) or "none"
