"""Pictures that a chat names by a URL, put into it as bytes where the operator allows fetching; else refused by name.

What is fetched, and from where, is ``backends.http.fetch``'s. Videos never are.
"""

import base64
import io
from collections.abc import Sequence

import msgspec
from msgspec import Raw

from backends.http.fetch import Fetcher
from gateway.http.media import Remote
from gateway.http.picture_head import PictureError, read_head

MOST_PICTURES = 16
MOST_BYTES = 32 * 1024 * 1024
"""Of all pictures of a request together, as for a body that brings them itself."""
_SCHEMES = ("http:", "https:")
_Fields = dict[str, Raw]


class RemotePictures:
    """One a process. Without a ``fetcher`` everything is refused."""

    def __init__(self, fetcher: Fetcher | None) -> None:
        self._fetcher = fetcher

    async def inlined(self, body: bytes, remote: Sequence[Remote]) -> bytes:
        """A chat request with bytes for the addresses that were found in it.

        Raises ``BackendError(INVALID_REQUEST)`` that names the part.
        """
        found: dict[tuple[int, int], str] = {}
        room = MOST_BYTES
        for one in remote:
            if self._fetcher is None or one.kind != "image_url" or not one.url.lower().startswith(_SCHEMES):
                raise one.refused()
            if len(found) == MOST_PICTURES:
                raise one.refused(f"at most {MOST_PICTURES} pictures are fetched")
            fetched = await self._fetcher.fetch(one.url, one.param)
            room -= len(fetched)
            if room < 0:
                raise one.refused(f"pictures are at most {MOST_BYTES} bytes together")
            found[one.message, one.place] = _data_url(fetched, one)
        return _spliced(body, found) if found else body


def _data_url(picture: bytes, one: Remote) -> str:
    try:
        head = read_head(io.BytesIO(picture))
    except PictureError as error:
        raise one.refused(str(error)) from None
    return f"data:image/{head.format};base64,{base64.b64encode(picture).decode()}"


def _spliced(body: bytes, found: dict[tuple[int, int], str]) -> bytes:
    """Only the messages concerned are written anew; what else they hold stays as it came."""
    whole = msgspec.json.decode(body, type=_Fields)
    messages = msgspec.json.decode(whole["messages"], type=list[Raw])
    for index in {index for index, _ in found}:
        message = msgspec.json.decode(messages[index], type=_Fields)
        parts = msgspec.json.decode(message["content"], type=list[_Fields])
        for place, part in enumerate(parts):
            if (url := found.get((index, place))) is not None:
                given = msgspec.json.decode(part["image_url"], type=_Fields)
                part["image_url"] = Raw(msgspec.json.encode({**given, "url": url}))
        message["content"] = Raw(msgspec.json.encode(parts))
        messages[index] = Raw(msgspec.json.encode(message))
    return msgspec.json.encode({**whole, "messages": messages})
