"""Progress on stderr: silent for short work, a line now and then for long work, a bar on a terminal."""

import io
import re
import sys

import pytest

from sercli.machine import progress


class Clock:
    """Time that goes on only when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_short_work_says_nothing(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with progress.bar("featurize", "files", 10) as bar:
        for _ in range(10):
            clock.now += 0.9
            bar.advance()
    assert capsys.readouterr() == ("", "")


def test_long_work_says_how_much_how_fast_and_how_long(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with progress.bar("featurize", "files", 100) as bar:
        for _ in range(100):
            clock.now += 0.5  # 50 s in all
            bar.advance()
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert len(lines) == 6  # every ten seconds, and at the end
    assert all(line.startswith("featurize: ") for line in lines)
    first = [float(text) for text in re.findall(r"\d+", lines[0])]
    assert first == [20, 100, 2, 80 / 2]  # done, of, per second, seconds left
    assert [int(text) for text in re.findall(r"\d+", lines[-1])] == [100, 100, 50]


def test_work_that_does_not_advance_has_no_rate(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with progress.bar("featurize", "files", 100) as bar:
        clock.now += 60
        bar.update(0)
    assert capsys.readouterr().err == ""


def test_updates_and_advances_add_up(clock: Clock) -> None:
    shown: list[float] = []
    bar = progress.Bar(shown.append)
    bar.update(3)
    bar.advance(2)
    bar.advance()
    assert shown == [3, 5, 6]
    assert bar.done == 6


def test_a_line_shows_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    progress.say("a\x1b[2Jb\nc")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "\x1b" not in err


def test_a_bar_on_a_terminal_is_taken_away_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stderr = Terminal()
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setenv("TERM", "xterm")
    with progress.bar("featurize", "files", 4) as bar:
        bar.advance(4)
    assert "featurize" in stderr.getvalue()
    assert "4/4 files" in stderr.getvalue()
    assert stderr.getvalue().endswith("\x1b[2K")  # the line is cleared
