"""Content of messages and of tool results: from the parts of Responses to text and parts of chat."""

from backends.errors import BackendError
from backends.wire.openai_chat import AudioPart, FilePart, ImagePart, ImageUrl, InputAudio, Part, TextPart
from backends.wire.openai_responses_items import Content, InputFile, InputImage, Refusal
from backends.wire.openai_responses_items import InputAudio as AudioInput
from backends.wire.openai_sampling import refuse


def text_of(content: str | list[Content], between: str = "\n") -> str:
    """Only the text; a refusal is what was said, too."""
    if isinstance(content, str):
        return content
    texts: list[str] = []
    for part in content:
        if isinstance(part, Refusal):
            texts.append(part.refusal)
        elif not isinstance(part, InputImage | InputFile | AudioInput):
            texts.append(part.text)
    return between.join(texts)


def user_content(content: str | list[Content], place: str) -> str | list[Part]:
    """A plain string where there is only text: some chat templates refuse lists."""
    if isinstance(content, str) or not media_of(content):
        return text_of(content)
    return [_part(part, f"{place}.content[{index}]") for index, part in enumerate(content)]


def media_of(content: str | list[Content]) -> list[Content]:
    """The parts that are not text."""
    if isinstance(content, str):
        return []
    return [part for part in content if isinstance(part, InputImage | InputFile | AudioInput)]


def media_part(part: Content, place: str) -> Part:
    """One part in chat's shape. Raises ``BackendError(INVALID_REQUEST)`` for a part that names a stored file."""
    return _part(part, place)


def _part(part: Content, place: str) -> Part:
    match part:
        case InputImage(image_url=str(url)):
            return ImagePart(image_url=ImageUrl(url=url, detail=part.detail or "auto"))
        case InputFile(file_data=str(data)):
            named = {"filename": part.filename} if part.filename else {}
            return FilePart(file={**named, "file_data": data})
        case AudioInput():
            return AudioPart(input_audio=InputAudio(data=part.input_audio.data, format=part.input_audio.format))
        case InputImage() | InputFile():
            raise _unreachable(place)
        case Refusal():
            return TextPart(text=part.refusal)
        case _:
            return TextPart(text=part.text)


def _unreachable(place: str) -> BackendError:
    return refuse(place, "send the data itself (image_url or file_data); this server reads no files by id or address")
