"""NVIDIA cards through NVML: what they are, what is free, what ours hold. The library is loaded at the first reading,
and a machine without the driver has no cards.

Cards are listed as CUDA would see them from here: ``CUDA_VISIBLE_DEVICES`` chooses and orders them.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Protocol, cast

from gateway.scheduling.device import Device, Inventory
from gateway.scheduling.probe import Ours, ProcessUse, Reading

Handle = object


class _Memory(Protocol):
    total: int
    used: int
    reserved: int


class _Process(Protocol):
    pid: int
    usedGpuMemory: int | None  # noqa: N815 - NVML's name


class Nvml(Protocol):
    """The part of ``pynvml`` that is used here."""

    NVMLError: type[Exception]
    nvmlMemory_v2: int  # noqa: N815 - NVML's name

    def nvmlInit(self) -> None: ...  # noqa: N802
    def nvmlDeviceGetCount(self) -> int: ...  # noqa: N802
    def nvmlDeviceGetHandleByIndex(self, index: int) -> Handle: ...  # noqa: N802
    def nvmlDeviceGetUUID(self, handle: Handle) -> str: ...  # noqa: N802
    def nvmlDeviceGetName(self, handle: Handle) -> str: ...  # noqa: N802
    def nvmlDeviceGetMemoryInfo(self, handle: Handle, version: int | None = None) -> _Memory: ...  # noqa: N802
    def nvmlDeviceGetMigMode(self, handle: Handle) -> Sequence[int]: ...  # noqa: N802
    def nvmlDeviceGetMaxMigDeviceCount(self, handle: Handle) -> int: ...  # noqa: N802
    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle: Handle, index: int) -> Handle: ...  # noqa: N802
    def nvmlDeviceGetComputeRunningProcesses(self, handle: Handle) -> Sequence[_Process]: ...  # noqa: N802
    def nvmlDeviceGetGraphicsRunningProcesses(self, handle: Handle) -> Sequence[_Process]: ...  # noqa: N802


class NvidiaProbe:
    """Keeps NVML open once it has been. A card that fails is listed as unhealthy with what was known of it."""

    def __init__(self, nvml: Nvml | None = None, environment: Mapping[str, str] | None = None) -> None:
        self._nvml = nvml
        self._environment = os.environ if environment is None else environment
        self._open = False
        self._known: dict[int, tuple[Device, ...]] = {}

    def read(self, ours: Ours) -> Reading:
        nvml = self._opened()
        if nvml is None:
            return Reading(Inventory(()))
        devices: list[Device] = []
        used: list[ProcessUse] = []
        for index in range(nvml.nvmlDeviceGetCount()):
            try:
                found = list(self._of_card(nvml, nvml.nvmlDeviceGetHandleByIndex(index), ours))
            except nvml.NVMLError:
                devices += (_unhealthy(device) for device in self._known.get(index, ()))
                continue
            self._known[index] = tuple(device for device, _ in found)
            devices += self._known[index]
            used += (use for _, uses in found for use in uses)
        return Reading(Inventory(visible(devices, self._environment.get("CUDA_VISIBLE_DEVICES"))), tuple(used))

    def _opened(self) -> Nvml | None:
        if self._nvml is None:
            self._nvml = cast("Nvml", import_module("pynvml"))
        if not self._open:
            try:
                self._nvml.nvmlInit()
            except self._nvml.NVMLError:
                return None
            self._open = True
        return self._nvml

    def _of_card(self, nvml: Nvml, card: Handle, ours: Ours) -> Iterator[tuple[Device, list[ProcessUse]]]:
        name = nvml.nvmlDeviceGetName(card)
        slices = list(_slices(nvml, card))
        if not slices:
            yield _device(nvml, card, name, None, ours)
        for each in slices:
            # NVML calls a slice "NVIDIA H100 80GB HBM3 MIG 1g.10gb".
            full = nvml.nvmlDeviceGetName(each)
            yield _device(nvml, each, name, full.rpartition(" ")[2], ours)


def visible(devices: Sequence[Device], chosen: str | None) -> tuple[Device, ...]:
    """Those that ``CUDA_VISIBLE_DEVICES`` names, in its order: indexes or beginnings of ids, up to a wrong one."""
    if chosen is None:
        return tuple(devices)
    found: list[Device] = []
    for word in (part.strip() for part in chosen.split(",")):
        if word.isdecimal():
            match = devices[int(word)] if int(word) < len(devices) else None
        else:
            match = next((device for device in devices if word and device.id.startswith(word)), None)
        if match is None or match in found:
            break
        found.append(match)
    return tuple(found)


def _slices(nvml: Nvml, card: Handle) -> Iterator[Handle]:
    try:
        if not nvml.nvmlDeviceGetMigMode(card)[0]:
            return
        count = nvml.nvmlDeviceGetMaxMigDeviceCount(card)
    except nvml.NVMLError:
        return  # a card that knows no slices
    for index in range(count):
        try:
            yield nvml.nvmlDeviceGetMigDeviceHandleByIndex(card, index)
        except nvml.NVMLError:
            continue  # no slice at this place


def _device(
    nvml: Nvml, handle: Handle, name: str, partition: str | None, ours: Ours
) -> tuple[Device, list[ProcessUse]]:
    uuid = nvml.nvmlDeviceGetUUID(handle)
    total, held = _memory(nvml, handle)
    uses = [ProcessUse(pid, uuid, size) for pid, size in _processes(nvml, handle).items() if pid in ours.pids]
    # Inside a container no processes are seen: then what they are believed to hold has to do.
    mine = sum(use.bytes for use in uses) or min(held, ours.bytes.get(uuid, 0))
    device = Device(
        id=uuid,
        name=name,
        total_bytes=total,
        foreign_bytes=max(0, held - mine),
        vendor="nvidia",
        partition=partition,
    )
    return device, uses


def _memory(nvml: Nvml, handle: Handle) -> tuple[int, int]:
    """Total and held bytes; what the driver keeps for itself counts as held."""
    try:
        memory = nvml.nvmlDeviceGetMemoryInfo(handle, version=nvml.nvmlMemory_v2)
    except nvml.NVMLError:
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)  # an older driver: its "used" holds the driver's part already
        return memory.total, memory.used
    return memory.total, memory.used + memory.reserved


def _processes(nvml: Nvml, handle: Handle) -> dict[int, int]:
    found: dict[int, int] = {}
    for listed in (nvml.nvmlDeviceGetComputeRunningProcesses, nvml.nvmlDeviceGetGraphicsRunningProcesses):
        try:
            for process in listed(handle):
                found[process.pid] = max(found.get(process.pid, 0), process.usedGpuMemory or 0)
        except nvml.NVMLError:
            continue  # not permitted, or not on this kind of card
    return found


def _unhealthy(device: Device) -> Device:
    return Device(
        id=device.id,
        name=device.name,
        total_bytes=device.total_bytes,
        healthy=False,
        vendor="nvidia",
        partition=device.partition,
    )
