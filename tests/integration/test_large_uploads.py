"""Forms too large to take, sent by an ordinary client to the whole gateway: it gets to read why, and goes on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.gateway import RunningGateway, running_gateway
from tests.fakes.picture_profile import picture_profile

TEXTS = {"model": "paint", "prompt": "a hat"}


@pytest.fixture
async def gateway() -> AsyncIterator[RunningGateway]:
    async with running_gateway({"paint": picture_profile("paint")}) as running:
        yield running


@pytest.mark.parametrize("field", ["image", "image[]", "mask"])
@pytest.mark.parametrize("size", [25 * 1024 * 1024 + 1, 65_000_000, 150_000_000])
async def test_a_form_too_large_is_answered_by_the_fields_name(
    gateway: RunningGateway, tmp_path: Path, field: str, size: int
) -> None:
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.truncate(size)
    with path.open("rb") as file:
        answer = await gateway.client.post("/v1/images/edits", data=TEXTS, files={field: ("a.png", file, "image/png")})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["param"].removesuffix("[0]") == field.removesuffix("[]")
    assert error["code"] == "file_too_large"
    assert not list((gateway.services.settings.state_dir / "uploads").iterdir()), "nothing of it is kept"
    assert (await gateway.client.get("/health")).status_code == 200, "the connection is good for the next request"
