"""What a file is by its first bytes: never by its name, nor by what a server calls it. Pure."""


def media_type_of(head: bytes) -> str | None:
    """Of the first 16 bytes at least; ``None`` for what is neither a picture nor a clip that we keep."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp":
        return "video/mp4"
    return None
