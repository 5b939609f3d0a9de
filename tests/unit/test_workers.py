"""Units of work: their order, what waits for what, and what is lost when one fails or its process is killed."""

import os
import signal
import threading
from concurrent.futures import BrokenExecutor
from typing import Any

import pytest

from sercli.executors.base import Request, open_slots
from sercli.machine.workers import NeedsFailed, Unit, run


def double(n: int, *_: object) -> int:
    return 2 * n


def fail(*_: object) -> None:
    raise ValueError("on purpose")


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def process_id(*_: object) -> int:
    return os.getpid()


def carried_out(units: list[Unit], n_slots: int = 2, **options: Any) -> tuple[dict[str, Any], dict[str, BaseException]]:
    """Results in the order in which they came, and failures, by name."""
    results: dict[str, Any] = {}
    with open_slots("local", Request(100, n_slots, in_threads=True)) as slots:
        failed = run(units, slots, lambda unit, value: results.update({unit.name: value}), **options)
    return results, {unit.name: error for unit, error in failed}


def test_the_earlier_come_first() -> None:
    units = [Unit(f"{n}", double, (n,)) for n in range(20)]
    results, failed = carried_out(units, n_slots=1)
    assert list(results.items()) == [(f"{n}", 2 * n) for n in range(20)]
    assert not failed


def test_a_unit_waits_for_what_it_needs() -> None:
    """Though it is named first and a slot is free: `slow` goes on only once `quick`, which waits for nothing, has begun."""
    begun = threading.Event()
    units = [
        Unit("last", double, (1,), ("slow", "quick")),
        Unit("slow", begun.wait, (60,)),
        Unit("quick", begun.set, ()),
    ]
    results, failed = carried_out(units)
    assert not failed
    assert results["slow"] is True
    assert list(results)[-1] == "last"


def test_what_needs_a_failed_unit_fails_and_the_others_do_not() -> None:
    units = [
        Unit("bad", fail, ()),
        Unit("child", double, (1,), ("bad",)),
        Unit("grandchild", double, (1,), ("child",)),
        Unit("good", double, (3,)),
        Unit("its child", double, (4,), ("good",)),
    ]
    results, failed = carried_out(units)
    assert results == {"good": 6, "its child": 8}
    assert isinstance(failed.pop("bad"), ValueError)
    assert {name: (type(error), str(error)) for name, error in failed.items()} == {
        "child": (NeedsFailed, "bad"),
        "grandchild": (NeedsFailed, "child"),
    }


def test_a_unit_that_need_not_begin_is_done() -> None:
    units = [Unit("done", fail, ()), Unit("next", double, (1,), ("done",))]
    results, failed = carried_out(units, begin=lambda unit: unit.name != "done")
    assert (results, failed) == ({"next": 2}, {})


def test_an_error_at_the_beginning_is_the_units_own() -> None:
    def begin(unit: Unit) -> bool:
        if unit.name == "taken":
            raise OSError("held by another")
        return True

    units = [Unit("taken", double, (1,)), Unit("child", double, (1,), ("taken",)), Unit("free", double, (2,))]
    results, failed = carried_out(units, begin=begin)
    assert results == {"free": 4}
    assert isinstance(failed["taken"], OSError)
    assert isinstance(failed["child"], NeedsFailed)


def test_an_error_of_who_is_told_ends_all() -> None:
    def refuse(unit: Unit, _: object) -> None:
        raise OSError(f"no room for {unit.name}")

    with open_slots("local", Request(1, in_threads=True)) as slots, pytest.raises(OSError, match="no room for one"):
        run([Unit("one", double, (1,))], slots, refuse)


def test_a_slot_gives_its_own_arguments() -> None:
    seen = []
    with open_slots("local", Request(1, device="cpu", in_threads=True)) as slots:
        run([Unit("one", lambda *words: words, ("what",))], slots, lambda _, value: seen.append(value))
    assert seen == [("what", "cpu")]


def test_a_killed_process_loses_its_own_unit_alone() -> None:
    """The slot that it had goes on with the rest, in a process that is begun anew."""
    units = [Unit("killed", die, ()), Unit("child", double, (1,), ("killed",))]
    units += [Unit(f"{n}", double, (n,)) for n in range(10)]
    results: dict[str, int] = {}
    with open_slots("local", Request(2, 2, "cpu")) as slots:
        failed = run(units, slots, lambda unit, value: results.update({unit.name: value}))
    assert results == {f"{n}": 2 * n for n in range(10)}
    errors = {unit.name: error for unit, error in failed}
    assert isinstance(errors.pop("killed"), BrokenExecutor)
    assert {name: type(error) for name, error in errors.items()} == {"child": NeedsFailed}


def test_one_worker_is_this_process() -> None:
    seen: list[int] = []
    with open_slots("local", Request(1, 1, "cpu")) as slots:
        run([Unit("one", process_id, ())], slots, lambda _, value: seen.append(value))
    assert seen == [os.getpid()]
