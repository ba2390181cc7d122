"""Which of several equal engines gets a request: the one with its prefix in its cache, unless that is too busy.

Pure. Rendezvous hashing with bounded load: every gateway process that sees the same loads makes the same choice, and
one engine more or less moves only the keys that it wins or leaves.
"""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from math import ceil

from msgspec import Struct

BALANCE = 1.25
"""How far above the mean an engine's load may be and its prefixes still stay with it."""
SLACK = 1
"""And so many requests more: with few of them the mean says little."""
LOOKED_AT = 32 * 1024
"""Bytes of a prompt in which its first answer is looked for."""
_END = 512
_ANSWER = b'"assistant"'
_MASK = (1 << 64) - 1


class Standing(Struct, frozen=True):
    """One engine: its ``load`` in requests, running and waiting; ``open``: it takes one more now."""

    id: str
    load: int
    open: bool


def preferred(key: bytes, standings: Sequence[Standing]) -> list[str]:
    """Their ids, the best first. Without a key the least loaded.

    Those within the bound by hash, then those beyond it by load, then those that take nothing now.
    """
    if not key:
        return [name for *_, name in sorted((not each.open, each.load, each.id) for each in standings)]
    bound = most(sum(each.load for each in standings), len(standings))
    number = int.from_bytes(key)
    ranked = [(not each.open, max(0, each.load - bound), -_score(number, each.id), each.id) for each in standings]
    return [name for *_, name in sorted(ranked)]


def most(load: int, engines: int) -> int:
    """The bound: who has more than this of ``load`` in all gives its keys to the next."""
    return ceil(BALANCE * load / engines) + SLACK if engines else 0


def prefix_key(tenant: str, prompt: bytes, named: bytes = b"") -> bytes:
    """The key of a request: of its ``named`` cache or session, else of how ``prompt`` begins, and of no other tenant.

    ``prompt`` is the JSON of the messages as they came. What a conversation begins with, up to the first answer in it,
    is the same in all its turns; of that the two ends count: its system text and its first question.
    """
    digest = blake2b(tenant.encode(), digest_size=8)
    if named:
        digest.update(b"\0=")
        digest.update(named)
        return digest.digest()
    far = min(len(prompt), LOOKED_AT)
    answered = prompt.find(_ANSWER, 0, far)
    if answered >= 0:
        far = answered
    # Up to the last message that is whole: what follows it differs between the first turn and the later ones.
    end = prompt.rfind(b"}", 0, far) + 1 or far
    digest.update(b"\0:")
    digest.update(prompt[: min(end, _END)])
    digest.update(prompt[max(_END, end - _END) : end])
    return digest.digest()


def _score(key: int, name: str) -> int:
    """A mix of both in 64 bits; a digest of each pair would take ten times as long."""
    mixed = (_number(name) ^ key) * 0x9E3779B97F4A7C15 & _MASK
    mixed = (mixed ^ mixed >> 32) * 0xD6E8FEB86659FD93 & _MASK
    return mixed ^ mixed >> 32


@lru_cache(maxsize=1024)
def _number(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest())
