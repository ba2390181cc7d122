"""Whether a GGUF file says how its embeddings are pooled. Looks for the key's name instead of parsing the header."""

from pathlib import Path

_KEY = b".pooling_type"
_HEADER_BYTES = 32 << 20
"""Metadata with the largest vocabularies stays below this."""


def declares_pooling(model: Path) -> bool:
    """True when the metadata has a pooling type of its own."""
    with model.open("rb") as file:
        return _KEY in file.read(_HEADER_BYTES)
