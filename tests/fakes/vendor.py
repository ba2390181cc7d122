"""A vendor of pictures and clips on loopback, one for each family of protocol: what it answers, and what it was asked.

States are played one a look, the last one stays. Links to results are its own.
"""

import base64
import io
from dataclasses import dataclass, field

from msgspec import convert
from PIL import Image

from backends.cloud.media.operation import Operation
from backends.cloud.provider import Provider
from tests.fakes.cloud import FakeCloud, Script, Sent, answer

CLIP = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 8


def picture(width: int = 32, height: int = 16, form: str = "PNG") -> bytes:
    """A small file of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), (9, 90, 200)).save(file, form)
    return file.getvalue()


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def operation(**fields: object) -> Operation:
    """As a file would say it; pictures of one request and one answer where nothing else is said."""
    usual: dict[str, object] = {
        "makes": "picture", "tasks": ["generate"], "result": {"path": "data[].b64_json", "kind": "base64"},
        "requests": [{"path": "/images", "body": {"model": "${model}", "prompt": "${prompt}", "n": "${n}"}}],
    }  # fmt: skip
    return convert(usual | fields, Operation)


def clips(**fields: object) -> Operation:
    """Work that is asked after by its name, and cancelled by it."""
    job = {
        "id": "id", "poll": {"path": "/tasks/${id}"}, "every": [0.5, 4], "deadline": 60, "status": "status",
        "states": {"queued": ["PENDING"], "in_progress": ["RUNNING"], "completed": ["SUCCEEDED"], "failed": ["FAILED"],
                   "cancelled": ["CANCELLED"], "refused": ["MODERATED"]},
        "progress": "progress", "whole": 1, "cancel": {"method": "DELETE", "path": "/tasks/${id}"},
    }  # fmt: skip
    usual: dict[str, object] = {
        "makes": "clip", "tasks": ["generate", "animate"],
        "requests": [
            {"needs": ["image"], "path": "/animations",
             "body": {"prompt": "${prompt}", "image": "${image|data_uri}", "seconds": "${seconds|oneof=5,10}"}},
            {"path": "/clips", "body": {"prompt": "${prompt}", "ratio": "${size|ratio}", "seed": "${seed}"}},
        ],
        "job": job | dict(fields.pop("job", {})), "result": {"path": "output[]"},  # type: ignore[call-overload]
        "failure": {"message": ["failure"], "refused": ["SAFETY"], "account": ["NO_CREDIT"]},
        "cost": [{"path": "credits", "usd": 0.01}],
    }  # fmt: skip
    return convert(usual | fields, Operation)


@dataclass
class Vendor:
    """``created``: the answer to what begins work. ``states``: what it says when it is asked, one a look."""

    cloud: FakeCloud
    created: Script = field(default_factory=lambda: answer({"id": "t1"}))
    states: list[Script] = field(default_factory=list)
    files: dict[str, Script] = field(default_factory=dict)
    creates: list[Sent] = field(default_factory=list)
    looks: list[Sent] = field(default_factory=list)
    cancels: list[Sent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cloud.choose = self._chosen

    def provider(self, *operations: Operation, **fields: object) -> Provider:
        return self.cloud.provider("http", operations=operations, **fields)

    def link(self, name: str, content: bytes, kind: str = "video/mp4") -> str:
        """A file of it, at a URL of its own."""
        self.files[f"/files/{name}"] = answer(content, kind=kind)
        return f"http://127.0.0.1:{self.cloud.port}/files/{name}"

    def _chosen(self, sent: Sent) -> Script:
        if sent.path in self.files:
            return self.files[sent.path]
        if sent.method == "DELETE" or sent.path.endswith("/cancel"):
            self.cancels.append(sent)
            return answer({})
        if sent.method == "POST":
            self.creates.append(sent)
            return self.created
        self.looks.append(sent)
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]
