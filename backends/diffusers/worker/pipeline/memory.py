# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
# torch is not in the environment of the checks
"""What the worker's process holds: on its device as torch counts it, on the host as the kernel does. Bytes."""

import ctypes
import gc
import os
import sys
from pathlib import Path

import torch

from backends.wire.media_job import Memory


class Gauge:
    """``peak`` is the most on the device since ``begin``."""

    def __init__(self, device: str) -> None:
        self._cuda = device.startswith("cuda")

    def begin(self) -> None:
        """A job begins."""
        if self._cuda:
            torch.cuda.reset_peak_memory_stats()

    def memory(self) -> Memory:
        """Now."""
        if not self._cuda:
            return Memory(device_bytes=0, host_bytes=_resident())
        return Memory(
            device_bytes=torch.cuda.memory_reserved(),
            host_bytes=_resident(),
            device_peak_bytes=torch.cuda.max_memory_reserved(),
        )

    def release(self) -> None:
        """Gives back what nothing uses any more, to the device and to the system."""
        gc.collect()
        if self._cuda:
            torch.cuda.empty_cache()
        if sys.platform == "linux":
            trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
            if trim is not None:
                trim(0)


def _resident() -> int:
    try:
        fields = Path("/proc/self/statm").read_text().split()
    except OSError:
        return 0
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")
