"""Images and videos in a chat come inside the request, as ``data:`` URLs. No engine ever gets the address of one.

An engine would fetch it from inside the machine's own network, where the client may not reach. Whether this gateway
fetches some of them before is ``remote_media``'s.
"""

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from backends.errors import BackendError, Cause
from backends.wire.openai_chat import ChatRequest, ImagePart, VideoPart


class Remote(Struct, frozen=True):
    """A part that names its media by something else than a ``data:`` URL: its message, its place there, its kind."""

    message: int
    place: int
    kind: Literal["image_url", "video_url"]
    url: str

    @property
    def param(self) -> str:
        return f"messages[{self.message}].content[{self.place}].{self.kind}.url"

    def refused(self, why: str = "send the bytes as a data: URL; nothing is fetched.") -> BackendError:
        return BackendError(Cause.INVALID_REQUEST, f"{self.param}: {why}", param=self.param)


def remote_media(request: ChatRequest) -> Iterator[Remote]:
    """All of them, in order."""
    for index, message in enumerate(request.messages):
        if not isinstance(message.content, list):
            continue
        for place, part in enumerate(message.content):
            if isinstance(part, ImagePart) and not part.image_url.url.startswith("data:"):
                yield Remote(index, place, "image_url", part.image_url.url)
            elif isinstance(part, VideoPart) and not part.video_url.url.startswith("data:"):
                yield Remote(index, place, "video_url", part.video_url.url)
