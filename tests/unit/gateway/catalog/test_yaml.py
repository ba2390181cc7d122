"""The strict subset of YAML that profiles are written in."""

import pytest

from gateway.catalog.nodes import MAX_DEPTH, MAX_NODES, Mapping, Scalar, Sequence, plain, read_yaml
from gateway.catalog.scalars import YamlError
from gateway.catalog.shape import locate, split_path


def value_of(text: str) -> object:
    root, problems = read_yaml("a.yaml", text)
    assert problems == []
    assert root is not None
    return plain(root)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True), ("false", False), ("yes", "yes"), ("no", "no"), ("NO", "NO"), ("on", "on"), ("True", "True"),
        ("null", None), ("~", None), ("''", ""), ("'true'", "true"), ('"1"', "1"), ("|\n  7\n", "7\n"),
        ("0", 0), ("7", 7), ("-7", -7), ("+7", 7), ("010", "010"), ("0x10", "0x10"), ("0o7", "0o7"), ("1_000", "1_000"),
        ("1.5", 1.5), ("1e3", 1000.0), ("-.5", -0.5), ("1.", 1.0), (".", "."),
        ("e3", "e3"), ("1.2.3", "1.2.3"), (".inf", ".inf"), (".nan", ".nan"),
        ("2024-01-02", "2024-01-02"), ("1:30", "1:30"), ("9223372036854775807", 2**63 - 1),
    ],
)  # fmt: skip
def test_scalars(text: str, value: object) -> None:
    got = value_of(f"[{text}]" if "|" not in text else text)
    got = got[0] if isinstance(got, list) else got
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize("key", ["null", "true", "false", "1", "1.5", "word"])
def test_keys_are_words(key: str) -> None:
    assert value_of(f"{key}: 1") == {key: 1}


def test_anchors_are_shared_and_bounded() -> None:
    assert value_of("a: &x [1, 2]\nb: *x\n") == {"a": [1, 2], "b": [1, 2]}
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12))
    with pytest.raises(YamlError, match=f"more than {MAX_NODES} nodes"):
        read_yaml("a.yaml", bomb)


def test_a_node_cannot_contain_itself() -> None:
    with pytest.raises(YamlError, match="no complete anchor"):
        read_yaml("a.yaml", "a: &x [*x]\n")


def test_depth_is_bounded() -> None:
    fine = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert isinstance(value_of(fine), list)
    for text in ("[" * 100_000, "[" + fine + "]", "- " * 50_000, "{a: " * 5000):
        with pytest.raises(YamlError):
            read_yaml("a.yaml", text)


def test_the_place_of_a_control_character_is_found() -> None:
    with pytest.raises(YamlError) as caught:
        read_yaml("a.yaml", "a: 1\nb: x\x00y\n")
    assert (caught.value.line, caught.value.column) == (2, 5)


def test_locate_stops_at_what_exists() -> None:
    root, _ = read_yaml("a.yaml", "a:\n  - b: 1\n  - c: 2\n")
    assert isinstance(root, Mapping)
    assert locate(root, "") is root
    assert locate(root, "a[1].c").line == 3
    assert isinstance(locate(root, "a[1].c"), Scalar)
    assert isinstance(locate(root, "a[9].c"), Sequence)
    assert locate(root, "a[0].zz.y").line == 2
    assert root.get("zz") is None


def test_split_path() -> None:
    assert split_path("Expected `int` - at `$.a[0].b`") == ("expected `int`", "a[0].b")
    assert split_path("Expected `int`") == ("expected `int`", "")
