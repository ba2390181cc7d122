"""What the installed vLLM knows by name, and which names of a variant are not among it. Reads; starts nothing.

The names were asked of vLLM itself when it was installed (``survey.py``): it drops classes and renames parsers from one
version to the next, so no list of ours would stay true.
"""

from collections.abc import Iterator
from difflib import get_close_matches

import msgspec
from msgspec import Struct

from backends.vllm.args import VllmArgs

_MAY_BE_LEFT = "auto"
_NEAR = 0.8


class Known(Struct, frozen=True, kw_only=True):
    """Names by their kind, as ``survey.py`` wrote them."""

    architectures: frozenset[str]
    tool_parsers: frozenset[str]
    reasoning_parsers: frozenset[str]
    quantizations: frozenset[str]
    loaders: frozenset[str]
    speculations: frozenset[str]


def read(data: bytes | None) -> Known | None:
    """The names in the file that the survey left; None where there is none, or one of another shape."""
    if data is None:
        return None
    try:
        return msgspec.json.decode(data, type=Known)
    except msgspec.MsgspecError:
        return None


def unknown(args: VllmArgs, known: Known) -> Iterator[str]:
    """What ``args`` name that this vLLM does not know, each in words: field, name, and the nearest that it knows."""
    guess = args.speculation
    asked: tuple[tuple[str, str | None, frozenset[str]], ...] = (
        ("architecture", args.architecture, known.architectures),
        ("tool_parser", args.tool_parser, known.tool_parsers),
        ("reasoning_parser", args.reasoning_parser, known.reasoning_parsers),
        ("quantization", args.quantization, known.quantizations),
        ("loader", args.loader, known.loaders),
        ("speculation.method", None if guess is None else guess.method, known.speculations),
    )
    for field, name, names in asked:
        if name is None or name == _MAY_BE_LEFT or name in names:
            continue
        near = get_close_matches(name, names, n=1, cutoff=_NEAR)
        yield f"{field} {name!r}{f'; it knows {near[0]!r}' if near else ''}"
