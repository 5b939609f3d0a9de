"""Names of devices, and how many workers share them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sercli.errors import SercliError, UsageError
from sercli.machine import devices


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:0", "cuda:12", "mps", "cuda:0,cuda:1"])
def test_what_is_a_device(device: str) -> None:
    devices.check(device)


@pytest.mark.parametrize(
    "device", ["", "gpu", "CPU", "cuda:", "cuda:x", "cuda:-1", "cuda,cuda", "cpu,cuda:0", "cuda:0,", "cuda:0,cuda:0"]
)
def test_what_is_none(device: str) -> None:
    with pytest.raises(UsageError) as refused:
        devices.check(device)
    assert (refused.value.place, refused.value.seen) == ("--device", device)


def test_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert devices.resolve_all("cuda:0,cuda:1") == ["cuda:0", "cuda:1"]
    assert devices.resolve("cuda") == "cuda:0"
    with pytest.raises(SercliError) as refused:
        devices.resolve("cuda:2")
    assert refused.value.seen == "cuda:2"
    assert "cpu, cuda:0, cuda:1" in refused.value.expected


@pytest.mark.parametrize(("signs", "expected"), [(False, "cpu"), (True, "cuda:0")])
def test_auto_is_the_first_gpu_if_any(signs: bool, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(devices, "may_have_gpu", lambda: signs)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert devices.resolve("auto") == expected


@given(st.none() | st.integers(1, 64), st.integers(0, 64))
def test_never_more_workers_than_work_and_always_one(jobs: int | None, n_units: int) -> None:
    n = devices.n_workers(jobs, n_units)
    assert n == max(1, min(n_units, devices.n_cores() if jobs is None else jobs))
    assert devices.devices_of_workers("cpu", jobs, n_units) == ["cpu"] * n


@given(st.integers(1, 4), st.none() | st.integers(1, 9), st.integers(1, 9))
def test_workers_take_gpus_in_turn(n_gpus: int, jobs: int | None, n_units: int) -> None:
    gpus = [f"cuda:{i}" for i in range(n_gpus)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(devices, "resolve_all", lambda device: device.split(","))
        slots = devices.devices_of_workers(",".join(gpus), jobs, n_units)
    assert len(slots) == min(n_units, n_gpus if jobs is None else jobs)
    counts = [slots.count(gpu) for gpu in gpus]
    assert sum(counts) == len(slots)
    assert max(counts) - min(counts) <= 1
