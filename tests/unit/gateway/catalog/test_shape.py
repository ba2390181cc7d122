"""The walker on Structs of its own: what profiles do not use today must still end in a place and a message."""

from enum import StrEnum

from msgspec import Struct

from gateway.catalog.nodes import read_yaml
from gateway.catalog.shape import convert


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Range(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low is above high")


class Paint(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"range_": "range"}):
    colour: Colour | None = None
    range_: Range | None = None
    ranges: tuple[Range, ...] = ()


def read(text: str) -> tuple[Paint | None, list[str]]:
    root, _ = read_yaml("p.yaml", text)
    paint, problems = convert("p.yaml", root, Paint)
    return paint, [str(p) for p in problems]


def test_good() -> None:
    paint, problems = read("colour: blue\nrange: {low: 1, high: 2}\n")
    assert problems == []
    assert paint == Paint(colour=Colour.BLUE, range_=Range(low=1, high=2))
    assert read("colour: null\nrange: ~\n") == (Paint(), [])


def test_a_rule_of_the_struct_itself_has_a_place() -> None:
    assert read("ranges:\n  - {low: 1, high: 2}\n  - {low: 3, high: 2}\n") == (
        None,
        ["p.yaml:3:5: ranges[1]: low is above high"],
    )


def test_an_optional_enum_names_its_words() -> None:
    paint, problems = read("colour: bleu\n")
    assert paint is None
    assert problems == ['p.yaml:1:9: colour: "bleu" is not one of red, blue; did you mean "blue"?']


def test_the_name_in_the_file_counts() -> None:
    assert read("range_: {low: 1, high: 2}\n")[1] == ['p.yaml:1:1: range_: unknown key; did you mean "range"?']
    assert read("range: {low: 1}\n")[1] == ['p.yaml:1:8: range: missing key "high"']
