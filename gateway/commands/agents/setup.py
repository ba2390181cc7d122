"""How an agent is started: its environment, its file, its command line. Pure."""

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

KEY = "LOCAL_API_KEY"
"""Where agents with a file look for the key; their files never hold it. Not our own setting: a gateway that starts in
the same shell would take it for one of its keys."""
DIRECT = ("NO_PROXY", "no_proxy")
"""Without these Claude Code and opencode ask a proxy of the environment even for this machine, and hang."""
NOBODY = "none"
"""What is sent where no key is wanted: some agents do not start without one."""


class Setup(Struct, frozen=True, kw_only=True):
    """``environment`` is all but the key, which goes into ``key_variable``; ``unset`` are variables that would send
    another key, or send it elsewhere. To ``host`` no proxy may come between. ``file`` is written before the start.
    """

    host: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    key_variable: str = KEY
    unset: tuple[str, ...] = ()
    file: Path | None = None
    text: str = ""

    def whole(self, inherited: Mapping[str, str], key: str | None) -> dict[str, str]:
        """The environment to start it with."""
        kept = {name: value for name, value in inherited.items() if name not in self.unset}
        direct = {name: ",".join(filter(None, (inherited.get(name), self.host))) for name in DIRECT}
        return {**kept, **direct, **self.environment, self.key_variable: key or NOBODY}
