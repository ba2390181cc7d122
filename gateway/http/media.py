"""Images and videos in a chat come inside the request, as ``data:`` URLs. No address in a request is ever fetched.

An engine would fetch it from inside the machine's own network, where the client may not reach.
"""

from backends.errors import BackendError, Cause
from backends.wire.openai_chat import ChatRequest, ImagePart, VideoPart


def refuse_remote_media(request: ChatRequest) -> None:
    """Raises ``BackendError(INVALID_REQUEST)`` that names the part."""
    for index, message in enumerate(request.messages):
        if not isinstance(message.content, list):
            continue
        for place, part in enumerate(message.content):
            if isinstance(part, ImagePart):
                kind, url = "image_url", part.image_url.url
            elif isinstance(part, VideoPart):
                kind, url = "video_url", part.video_url.url
            else:
                continue
            if not url.startswith("data:"):
                param = f"messages[{index}].content[{place}].{kind}.url"
                raise BackendError(
                    Cause.INVALID_REQUEST, f"{param}: send the bytes as a data: URL; nothing is fetched.", param=param
                )
