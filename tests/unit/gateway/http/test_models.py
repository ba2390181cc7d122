"""The listing in OpenAI's shape, with what matters locally beside it."""

from tests.fakes.gateway import engine_profile, running_gateway

PROFILES = {
    "a": engine_profile("a", extra="aliases: [first]\nparameters: 135M"),
    "huge": engine_profile("huge", size=1 << 60),
    "gone": engine_profile("gone", extra="lifecycle: retired"),
    "quiet": engine_profile("quiet", extra="listed: false"),
}


async def test_the_list_has_what_can_be_asked_for():
    async with running_gateway(PROFILES) as gateway:
        answer = (await gateway.client.get("/v1/models")).json()
        assert answer["object"] == "list"
        assert {entry["id"] for entry in answer["data"]} == {"a", "huge"}
        entry = next(entry for entry in answer["data"] if entry["id"] == "a")
        assert (entry["object"], entry["owned_by"]) == ("model", "forebay")
        assert entry["created"] > 1_700_000_000
        local = entry["forebay"]
        assert (local["where"], local["fits"], local["served"], local["aliases"]) == ("local", True, True, ["first"])
        only = {"name": "only", "engine": "external", "device_bytes": 1_000_000, "host_bytes": 0, "fits": True}
        assert local["variants"] == [only | {"context_tokens": None}]
        assert (entry["context_length"], entry["max_model_len"], entry["display_name"]) == (8192, 8192, "a")
        huge = next(entry for entry in answer["data"] if entry["id"] == "huge")
        assert huge["forebay"]["fits"] is False


async def test_what_is_not_listed_answers_by_name():
    async with running_gateway(PROFILES) as gateway:
        for name in ("a", "first", "gone", "quiet", "a:only", "local/a"):
            answer = await gateway.client.get(f"/v1/models/{name}")
            assert answer.status_code == 200, name
        retired = (await gateway.client.get("/v1/models/gone")).json()
        assert retired["forebay"]["served"] is False


async def test_names_that_are_none():
    async with running_gateway(PROFILES) as gateway:
        for name in ("b", "x" * 300, "%00", "%FF", "a%0Ab", "a:nope", "%20"):
            answer = await gateway.client.get(f"/v1/models/{name}")
            error = answer.json()["error"]
            assert (answer.status_code, error["param"], error["code"]) == (404, "model", "model_not_found"), name


async def test_nothing_of_the_machine_is_listed():
    async with running_gateway(PROFILES) as gateway:
        shown = (await gateway.client.get("/v1/models")).text + (await gateway.client.get("/v1/models/a")).text
        assert str(gateway.root) not in shown
        assert "--socket" not in shown
        assert ".py" not in shown
