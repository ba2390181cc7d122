"""Any job for any provider's operation is a request that is JSON; any broken file has problems with a line."""

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.cloud.media.plan import Plan, plan_of
from backends.cloud.media.request import create_request
from backends.cloud.media.value import Blob, Inputs, values_of
from backends.wire.media_job import ImageFormat, MediaJob, Output
from gateway.catalog.providers import parse_provider
from tests.fakes.vendor import picture
from tests.fakes.vendor_files import FOLDER, NAMES, provider_named

PIXELS = Blob(picture(), "image/png")
FORMATS: list[ImageFormat] = ["png", "jpeg", "webp"]


def plans() -> list[tuple[str, Plan]]:
    found = []
    for name in NAMES:
        provider = provider_named(name)
        for i, operation in enumerate(provider.operations):
            plan, faults = plan_of(operation, frozenset(provider.given))
            assert plan is not None, faults
            found.append((f"{name}-{i}", plan))
    return found


PLANS = plans()
side = st.integers(16, 4096)


@st.composite
def jobs(draw: st.DrawFn) -> tuple[MediaJob, Inputs]:
    clip = draw(st.booleans())
    job = MediaJob(
        id="j", prompt=draw(st.text(st.characters(exclude_categories=["Cs"]))), width=draw(side), height=draw(side),
        seeds=tuple(draw(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=3))),
        frames=draw(st.integers(1, 2000)) if clip else None, fps=draw(st.floats(1, 120)) if clip else None,
        steps=draw(st.none() | st.integers(1, 100)), guidance=draw(st.none() | st.floats(0, 30)),
        strength=draw(st.none() | st.floats(0.01, 1)), sound=draw(st.booleans()),
        output=Output(format=draw(st.sampled_from(FORMATS)), quality=draw(st.none() | st.integers(1, 100))),
    )  # fmt: skip
    file = st.none() | st.just(PIXELS)
    images = (PIXELS,) * draw(st.integers(0, 5))
    return job, Inputs(images=images, mask=draw(file), last=draw(file), clip=draw(file))


@pytest.mark.parametrize(("name", "plan"), PLANS, ids=[name for name, _ in PLANS])
@given(made=jobs())
def test_every_job_becomes_a_request(name: str, plan: Plan, made: tuple[MediaJob, Inputs]) -> None:
    job, inputs = made
    values: dict[str, Any] = values_of(job, "m", job.seeds, inputs) | {"project": "p"}
    values |= {f"{each}_ref": "up" for each in ("image", "mask") if values[each] is not None}
    way = plan.way(values)
    if way is None:
        return
    request = create_request(way, values)
    assert request.path.startswith("/")
    assert "${" not in request.path
    assert all(field for field, _ in request.form)
    if request.body is not None:
        told = msgspec.json.decode(request.body)
        assert told
        assert None not in told.values(), "what is missing is left out"


@given(st.integers(0, 2**32))
def test_a_broken_file_has_problems_and_breaks_nothing(number: int) -> None:
    chance = random.Random(number)
    data = bytearray((FOLDER / f"{chance.choice(NAMES)}.yaml").read_bytes())
    pieces = [b"${", b"|nth=0", b"|w", b"$each: images, ", b"null", b"|clamp=..", b"|oneof=", b"|map=a", b"[", b"\xff"]
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data))
        if chance.random() < 0.5:
            del data[at : at + chance.randint(1, 8)]
        data[at:at] = chance.choice(pieces)
    provider, problems = parse_provider("x.yaml", bytes(data))
    assert (provider is None) == bool(problems)
    assert all(problem.line >= 1 for problem in problems)
