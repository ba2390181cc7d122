# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
# llama_cpp has no types that a strict check could follow.
"""What the native library prints: errors to stderr, buffer sizes to the memory report.

The callback must stay referenced as long as the library is loaded, or the next line crashes the process.
"""

import ctypes
import re
import sys
from collections import deque

import llama_cpp

_BUFFER = re.compile(
    r":\s+(?P<device>\S+)\s+(?P<kind>model|KV|RS|compute|output)\s+buffer size\s*=\s*(?P<mib>[\d.]+)\s*MiB"
)
_ERROR = 4
_CONTINUED = 5
_ON_THE_HOST = ("CPU", "Host")
_ONE_OF_A_KIND = ("compute", "output")
"""Printed anew when they are made anew; a model has several of the others."""

tail: deque[str] = deque(maxlen=40)
buffers: dict[tuple[str, str], int] = {}
"""Bytes by device and kind of buffer, as printed."""
_last_level = [0]


@llama_cpp.llama_log_callback
def _receive(level: int, text: bytes | None, _user_data: object) -> None:
    line = (text or b"").decode("utf-8", "replace")
    level = _last_level[0] if level == _CONTINUED else level
    _last_level[0] = level
    tail.append(line)
    if level >= _ERROR:
        sys.stderr.write(line)
    found = _BUFFER.search(line)
    if found:
        place = (found["device"], found["kind"])
        before = 0 if found["kind"] in _ONE_OF_A_KIND else buffers.get(place, 0)
        buffers[place] = before + int(float(found["mib"]) * (1 << 20))


def device_bytes() -> int:
    """What it has taken on cards."""
    return sum(size for (device, _), size in buffers.items() if not any(word in device for word in _ON_THE_HOST))


def capture() -> None:
    """Send the library's log here from now on."""
    llama_cpp.llama_log_set(_receive, ctypes.c_void_p(0))
