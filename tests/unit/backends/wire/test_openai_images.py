"""Image requests: what decodes, what each field allows, the rules across fields; errors name the one at fault."""

import json

import pytest

from backends.errors import BackendError, Cause
from backends.wire.decode import decode
from backends.wire.openai_images import EditRequest, GenerationRequest, ImageRequest, VariationRequest, validate


def request(**fields: object) -> GenerationRequest:
    made = decode(json.dumps({"prompt": "a cat"} | fields).encode(), GenerationRequest)
    validate(made)
    return made


def test_what_is_absent_has_a_meaning():
    least = request()
    assert (least.pictures, least.effort, least.asked_size) == (1, "auto", None)
    assert request(n=None, size=None, quality=None, stream=None, seed=None) == least


def test_fields_of_others_are_passed_over():
    assert request(moderation="low", style="vivid", input_fidelity="high", future={"a": 1}) == request()


@pytest.mark.parametrize(
    ("quality", "effort"),
    [
        ("auto", "auto"),
        ("low", "low"),
        ("standard", "medium"),
        ("medium", "medium"),
        ("hd", "high"),
        ("high", "high"),
        ("max", "high"),
    ],
)
def test_quality_is_an_effort(quality, effort):
    assert request(quality=quality).effort == effort


def test_sizes_are_pixels_or_the_models_own():
    assert request(size="auto").asked_size is None
    assert request(size="1x16384").asked_size == (1, 16_384)


@pytest.mark.parametrize(
    "size",
    ["", "0x0", "-1x5", "512x-512", "0512x512", "512", "512X512", "512x512x512", "1e3x5", " 5x5", "5x5\n", "16385x1",
     "1x16385", "9999999x1", "٥x٥"],
)  # fmt: skip
def test_what_is_no_size(size):
    with pytest.raises(BackendError) as raised:
        request(size=size)
    assert (raised.value.cause, raised.value.param) == (Cause.INVALID_REQUEST, "size")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": "x" * 32_001}, "prompt"),
        ({"n": 0}, "n"),
        ({"n": 1025}, "n"),
        ({"n": "2"}, "n"),
        ({"partial_images": 4, "stream": True}, "partial_images"),
        ({"partial_images": -1, "stream": True}, "partial_images"),
        ({"partial_images": 1}, "partial_images"),
        ({"output_compression": 101, "output_format": "jpeg"}, "output_compression"),
        ({"output_compression": 50}, "output_compression"),
        ({"output_compression": 50, "output_format": "png"}, "output_compression"),
        ({"output_format": "gif"}, "output_format"),
        ({"background": "transparent", "output_format": "webp"}, "background"),
        ({"response_format": "url", "stream": True}, "response_format"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**53}, "seed"),
        ({"seed": [1, 2]}, "seed"),
        ({"seed": [], "n": 1}, "seed"),
        ({"seed": [1, -1], "n": 2}, "seed[1]"),
        ({"steps": 0}, "steps"),
        ({"guidance_scale": -0.5}, "guidance_scale"),
        ({"strength": 0}, "strength"),
        ({"strength": 1.01}, "strength"),
        ({"loras": [{"scale": 1}]}, "loras[0].name"),
        ({"loras": [{"name": "a", "scale": 5}]}, "loras[0].scale"),
        ({"loras": [{"name": "a", "weight": 1}]}, "loras[0].weight"),
        ({"loras": [{"name": "a"}] * 17}, "loras"),
    ],
)
def test_the_field_at_fault_is_named(fields, param):
    with pytest.raises(BackendError) as raised:
        request(**fields)
    assert (raised.value.cause, raised.value.param) == (Cause.INVALID_REQUEST, param)


@pytest.mark.parametrize(
    "fields",
    [
        {"n": 1024, "seed": 2**53 - 1},
        {"n": 2, "seed": [1, 2]},
        {"stream": True, "partial_images": 3},
        {"output_compression": 0, "output_format": "jpeg"},
        {"output_compression": 100, "output_format": "webp"},
        {"response_format": "url", "background": "opaque"},
        {"strength": 1, "guidance_scale": 0, "steps": 1},
        {"loras": [{"name": "a"}, {"name": "b", "scale": -4}]},
        {"prompt": "x" * 32_000},
    ],
)
def test_the_last_values_that_pass(fields):
    assert isinstance(request(**fields), ImageRequest)


def test_edits_bring_pictures_and_variations_one():
    body = {"prompt": "x", "images": [{"image_url": "data:,"}, {"b64_json": "AA=="}], "mask": {"file_id": "f"}}
    edit = decode(json.dumps(body).encode(), EditRequest)
    assert [each.b64_json for each in edit.images] == [None, "AA=="]
    assert edit.mask is not None
    for wanted, most in ((EditRequest, 16), (VariationRequest, 1)):
        with pytest.raises(BackendError) as raised:
            decode(json.dumps({"prompt": "x", "images": [{"b64_json": ""}] * (most + 1)}).encode(), wanted)
        assert raised.value.param == "images"
    assert decode(b'{"images": [{"b64_json": ""}]}', VariationRequest).prompt == ""
