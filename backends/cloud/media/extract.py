"""What is read out of a vendor's answer: JMESPath, compiled once, with typed ways to ask. Pure."""

from typing import Any, cast

import jmespath
from jmespath.exceptions import JMESPathError


class ExtractError(Exception):
    """A path that is none, in words for whoever wrote the file."""


class Extract:
    """One path. An answer of another shape than it expects gives nothing, never an error."""

    def __init__(self, source: str) -> None:
        """Raises ``ExtractError``."""
        try:
            self._compiled: Any = cast("Any", jmespath).compile(source)
        except JMESPathError as error:
            raise ExtractError(f"no JMESPath: {str(error).splitlines()[0]}") from None

    def of(self, answer: object) -> object:
        """What is there, or ``None``."""
        try:
            return self._compiled.search(answer)
        except JMESPathError:
            return None  # a function got something that it is not for

    def text(self, answer: object) -> str | None:
        """A string, or a number as one."""
        found = self.of(answer)
        if isinstance(found, bool):
            return "true" if found else "false"
        return str(found) if isinstance(found, str | int | float) and found != "" else None

    def number(self, answer: object) -> float | None:
        """A number, or a string that is one."""
        found = self.of(answer)
        if isinstance(found, bool) or not isinstance(found, str | int | float):
            return None
        try:
            number = float(found)
        except ValueError:
            return None
        return number if number - number == 0 else None  # neither infinite nor none

    def texts(self, answer: object) -> list[str]:
        """One string, or all of a list."""
        found = self.of(answer)
        members: list[object] = cast("list[object]", found) if isinstance(found, list) else [found]
        return [each for each in members if isinstance(each, str) and each]

    def holds(self, answer: object) -> bool:
        """Whether there is something, as JMESPath means it: not ``false``, not empty, not nothing."""
        found = self.of(answer)
        return found is not None and found is not False and found not in ("", [], {})
