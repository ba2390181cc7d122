"""The tools of one request as the parsers need them: which names exist, and which parameters are plain text."""

from collections.abc import Iterable, Mapping
from typing import cast

Schema = Mapping[str, object]


class Offered:
    """Built from the ``tools`` of a request in the shape of OpenAI, which the wire model has checked."""

    def __init__(self, tools: Iterable[Mapping[str, object]]) -> None:
        functions = [cast("Schema", tool["function"]) for tool in tools]
        self.parameters: dict[str, Schema] = {
            str(function["name"]): cast("Schema", function.get("parameters") or {}) for function in functions
        }

    def __contains__(self, name: str) -> bool:
        return name in self.parameters

    def is_text(self, name: str, parameter: str) -> bool:
        """Whether a parameter's value is a string by its schema."""
        properties = self.parameters.get(name, {}).get("properties")
        if not isinstance(properties, Mapping):
            return False
        schema = cast("Schema", properties).get(parameter)
        return isinstance(schema, Mapping) and cast("Schema", schema).get("type") == "string"
