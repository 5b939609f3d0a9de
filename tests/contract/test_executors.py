"""Executors: what each must do, and how one of another package is found."""

import threading
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import pytest

from sercli import plugins
from sercli.errors import BrokenPlugin, UsageError
from sercli.executors.base import Request, open_slots
from sercli.experiments.making import Settings
from sercli.machine.workers import Slot, Unit, run

FOREIGN = {"serial": "support.serial_executor", "broken": "json"}  # json has no `slots`


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    points = EntryPoints(EntryPoint(name, module, "sercli.executors") for name, module in FOREIGN.items())
    monkeypatch.setattr(plugins, "_points", lambda package: points if package == "executors" else EntryPoints())


def results(slots: list[Slot], units: list[Unit]) -> list[Any]:
    values: list[Any] = []
    assert run(units, slots, lambda _, value: values.append(value)) == []
    return values


@pytest.mark.parametrize("in_threads", [True, False])
@pytest.mark.parametrize("name", ["local", "serial"])
def test_units_get_the_device_last(name: str, in_threads: bool) -> None:
    units = [Unit(f"{n}", sorted, ([f"{n}", "a"],)) for n in range(3)]
    with open_slots(name, Request(3, 2, in_threads=True)) as slots:
        assert sorted(results(slots, units)) == [[f"{n}", "a"] for n in range(3)]
    with open_slots(name, Request(1, 1, "cpu", in_threads=in_threads)) as slots:
        assert results(slots, [Unit("one", max, ("a",))]) == ["cpu"]


def test_one_of_another_package_is_found_by_its_name() -> None:
    assert plugins.names("executors") == ["broken", "local", "serial"]
    assert Settings(executor="serial").executor == "serial"
    with open_slots("serial", Request(1)) as slots:
        assert results(slots, [Unit("one", threading.get_ident, ())]) == [threading.get_ident()]


def test_an_unknown_one_is_refused_with_the_names() -> None:
    with pytest.raises(UsageError, match=r"'nonsense'.*local, serial"):
        Settings(executor="nonsense")


def test_one_that_fails_is_named() -> None:
    with pytest.raises(BrokenPlugin, match="broken"), open_slots("broken", Request(1)):
        pass
