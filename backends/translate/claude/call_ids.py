"""Ids of calls: the client's own where the API takes them, another where it was there before or has foreign letters.

Pure. Engines count calls anew in each turn; a result belongs to the latest call of its id.
"""

import re

from msgspec import Struct

_FOREIGN = re.compile(r"[^a-zA-Z0-9_-]")


class _Open(Struct, kw_only=True):
    """A call of the turn that can be answered now."""

    given: str
    own: str
    answered: bool = False


class CallIds:
    """For one conversation, in its order."""

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._open: list[_Open] = []

    def answered_all(self) -> None:
        """A new turn: calls before it are answered no more."""
        self._open.clear()

    def of_call(self, given: str) -> str:
        """The id of another call that the client names ``given``."""
        wanted = own = _FOREIGN.sub("_", given) or "call"
        count = 2
        while own in self._used:
            own, count = f"{wanted}_{count}", count + 1
        self._used.add(own)
        self._open.append(_Open(given=given, own=own))
        return own

    def of_result(self, given: str) -> str | None:
        """The call that is answered; the same again where it was answered before. None: there is no such call."""
        calls = [call for call in self._open if call.given == given]
        if not calls:
            return None
        call = next((call for call in calls if not call.answered), calls[-1])
        call.answered = True
        return call.own
