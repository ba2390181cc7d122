"""What an unquoted word of a YAML file means: the few readings of YAML 1.2 that cannot surprise anyone. Pure."""

import re

import yaml

from gateway.catalog.problem import quoted

_LARGEST = 2**63
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}


class YamlError(Exception):
    """The document cannot be read as one bounded YAML tree. Line and column count from 1."""

    def __init__(self, line: int, column: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.line = line
        self.column = column
        self.message = message
        self.hint = hint


def key_text(value: str | float | bool | None) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def scalar_value(event: yaml.ScalarEvent, line: int, column: int) -> str | int | float | bool | None:
    text = event.value
    if event.style:
        return text  # quoted or block: always text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        if len(text) > 20 or abs(int(text)) >= _LARGEST:
            raise YamlError(line, column, f"number {quoted(text, 24)} is out of range")
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if number in (float("inf"), float("-inf")):
            raise YamlError(line, column, f"number {quoted(text, 24)} is out of range")
        return number
    return text
