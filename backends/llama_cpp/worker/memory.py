"""What a process occupies of the host's memory, as the kernel counts it."""

import os
from pathlib import Path


def resident_bytes(pid: int | None = None) -> int:
    """Resident set of a process, its mapped weights included; of this one when ``pid`` is None."""
    fields = Path(f"/proc/{pid or os.getpid()}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")
