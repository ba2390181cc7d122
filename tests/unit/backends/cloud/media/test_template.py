"""Requests as trees: what is put in, what is left out when it is missing, and that nothing in a value is ever read."""

import io
import json
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from backends.cloud.media.filters import FilterError
from backends.cloud.media.template import MISSING, Expression, TemplateError, path_of, rendered, text_of, tree_of
from backends.cloud.media.value import SAMPLE, Blob, Size, Value

NAMES = frozenset(SAMPLE) | {"id"}
BLANK: dict[str, Value] = dict.fromkeys(SAMPLE)
FILES: dict[str, Value] = {
    "image": Blob(b"\x89PNG\r\n\x1a\n", "image/png"),
    "images": [Blob(b"\x89PNG\r\n\x1a\n", "image/png")],
}
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def made(source: Any, **values: Value) -> object:
    found = rendered(tree_of(source, NAMES), BLANK | values)
    return None if found is MISSING else json.loads(msgspec.json.encode(found))


RENDERED = [
    ("${size}", "1920x1080"),
    ("${size|ratio}", "16:9"),
    ("${size|ratio=1:1,9:16,4:3}", "4:3"),
    ("${size|nearest=1280:720,720:1280,960:960}", "1280:720"),
    ("${size|nearest=640*360,1280*720,1024*1024}", "1280*720"),
    ("${size|w}", 1920),
    ("${size|h}", 1080),
    ("${size|star}", "1920*1080"),
    ("${size|p}", "1080p"),
    ("${size|p=540,720}", "720p"),
    ("${size|k=1,2,4}", "2K"),
    ("${size|k=1,2,4|lower}", "2k"),
    ("${seconds}", 5),
    ("${seconds|str}", "5"),
    ("${seconds|s}", "5s"),
    ("${seconds|oneof=4,6,8}", 6),
    ("${seconds|oneof=4,8}", 4),
    ("${seconds|clamp=6..10}", 6),
    ("${seconds|clamp=1..4.5}", 4.5),
    ("${guidance}", 4.5),
    ("${guidance|int}", 4),
    ("${guidance|ceil}", 5),
    ("${sound}", True),
    ("${sound|map=true=on,false=off}", "on"),
    ("${format|map=png=image/png}", "image/png"),
    ("${format|map=jpeg=image/jpeg}", None),
    ("${format|oneof=jpeg,webp}", "jpeg"),
    ("${seed|list}", [7]),
    ("${image|b64}", "iVBORw0KGgo="),
    ("${image|mime}", "image/png"),
    ("${images|data_uri}", ["data:image/png;base64,iVBORw0KGgo="]),
    ("${images|first|mime}", "image/png"),
    ("${images|nth=1|mime}", "image/png"),
    ("${images|nth=2|mime}", None),
    ("${size|nearest=640x360,1280x720|w}", 1280),
    ("${size|nearest=640x360,1280x720|h}", 720),
    ("${prompt} in ${seconds|s}", "A boat in 5s"),
    ("plain $ {text}", "plain $ {text}"),
    (3, 3),
    (None, None),
]


@pytest.mark.parametrize(("source", "expected"), RENDERED)
def test_expressions_keep_their_types(source: Any, expected: object) -> None:
    assert made({"x": source, "y": 1}, **SAMPLE | {"size": Size(1920, 1080)} | FILES).get("x") == expected  # type: ignore[union-attr]


def test_of_two_lengths_that_are_as_near_the_longer() -> None:
    assert [made("${seconds|oneof=4,6}", seconds=each) for each in (4.0, 4.9, 5.0, 9.0)] == [4, 4, 6, 6]


def test_what_is_missing_takes_its_key_away() -> None:
    tree = {"model": "m", "seed": "${seed}", "image": {"url": "${image|data_uri}"}, "text": "by ${prompt}",
            "list": ["${image|b64}", "x"], "keep": {}}  # fmt: skip
    assert made(tree) == {"model": "m", "keep": {}}
    assert made(tree, seed=0) == {"model": "m", "seed": 0, "keep": {}}
    assert made({"seed": "${seed}"}) is None


def test_a_condition_lets_a_member_be_missing() -> None:
    tree = [{"type": "text", "text": "${prompt}"}, {"$when": "image", "type": "image", "of": {"url": "${image|mime}"}}]
    assert made(tree, prompt="p") == [{"type": "text", "text": "p"}]
    assert made(tree, **SAMPLE) == [{"type": "text", "text": "A boat"}, {"type": "image", "of": {"url": "image/png"}}]
    assert made({"a": {"$when": "mask", "b": 1}, "c": 2}) == {"c": 2}


def test_one_member_for_each_file() -> None:
    tree = [{"text": "${prompt}"}, {"$each": "images", "inline": {"mime": "${item|mime}", "data": "${item|b64}"}}]
    files: Value = [Blob(b"a", "image/png"), Blob(b"b", "image/webp")]
    assert made(tree, prompt="p", images=files) == [
        {"text": "p"}, {"inline": {"mime": "image/png", "data": "YQ=="}},
        {"inline": {"mime": "image/webp", "data": "Yg=="}},
    ]  # fmt: skip
    assert made(tree, prompt="p") == [{"text": "p"}]


def test_white_of_a_mask_becomes_transparent() -> None:
    mask, file = Image.new("L", (3, 1)), io.BytesIO()
    mask.frombytes(bytes([255, 0, 128]))
    mask.save(file, "PNG")
    found = Expression("mask", (("transparent", ""),)).value({"mask": Blob(file.getvalue(), "image/png")})
    assert isinstance(found, Blob)
    assert list(Image.open(io.BytesIO(found.data)).getchannel("A").tobytes()) == [0, 255, 127]
    with pytest.raises(FilterError):
        Expression("mask", (("transparent", ""),)).value({"mask": Blob(b"none", "image/png")})


@given(texts)
def test_a_value_is_never_read_as_anything_else(text: str) -> None:
    assert made({"a": "${prompt}", "b": "<${prompt}>"}, prompt=text) == {"a": text, "b": f"<{text}>"}
    assert made({"a": "${prompt}"}, prompt="${seed}", seed=7) == {"a": "${seed}"}


@given(texts)
def test_a_name_stays_one_part_of_a_path(name: str) -> None:
    text = text_of("/tasks/${id}/x", NAMES)
    if name in (".", ".."):
        with pytest.raises(FilterError):
            path_of(text, {"id": name})
        return
    path = path_of(text, {"id": name})
    assert path is not None
    head, tasks, part, tail = path.split("/")
    assert (head, tasks, unquote(part), tail) == ("", "tasks", name, "x")
    assert not set(part) & set("?#:@ ")


def test_only_a_models_name_has_slashes() -> None:
    assert path_of(text_of("/${model}:go", NAMES), {"model": "fal-ai/x/v2"}) == "/fal-ai/x/v2:go"


@given(st.integers(1, 8192), st.integers(1, 8192))
def test_every_size_has_a_nearest_and_a_ratio(width: int, height: int) -> None:
    allowed = ["1280:720", "720:1280", "960:960"]
    found = made("${size|nearest=" + ",".join(allowed) + "}", size=Size(width, height))
    assert found in allowed
    if width != height:
        shape = ["720:1280", "960:960"] if height > width else ["1280:720", "960:960"]
        assert found in shape, "lying stays lying"
    a, b = str(made("${size|ratio}", size=Size(width, height))).split(":")
    assert int(a) * height == int(b) * width


@pytest.mark.parametrize(
    ("source", "where", "said"),
    [
        ({"a": "${nonsense}"}, ".a", "nonsense"),
        ({"a": ["${seed|nonsense}"]}, ".a[0]", "nonsense"),
        ({"a": "${seed"}, ".a", "not closed"),
        ({"a": "x ${seed ${size}"}, ".a", "not closed"),
        ({"a": {"$when": "nonsense"}}, ".a.$when", "nonsense"),
        ({"a": {"$each": "images"}}, ".a.$each", "list"),
        ({"$if": "seed"}, ".$if", "neither"),
        ([{"$each": "images", "b": "${item|nonsense}"}], "[0].b", "nonsense"),
    ],
)
def test_mistakes_have_a_place(source: Any, where: str, said: str) -> None:
    with pytest.raises(TemplateError) as caught:
        tree_of(source, NAMES)
    assert (caught.value.where, said in caught.value.message) == (where, True)


def test_a_tree_without_an_end_is_refused() -> None:
    deep: list[Any] = []
    for _ in range(40):
        deep = [deep]
    with pytest.raises(TemplateError):
        tree_of(deep, NAMES)
