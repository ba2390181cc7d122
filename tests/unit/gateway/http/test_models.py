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
        assert local["variants"] == [only | {"context_tokens": None, "replicas": 1}]
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


async def test_one_model_in_the_dialect_of_who_asks():
    anthropic = {"anthropic-version": "2023-06-01"}
    async with running_gateway(PROFILES) as gateway:
        for name, known in (
            ("a", "a"),
            ("first", "a"),
            ("anthropic/a", "anthropic/a"),
            ("anthropic%2Fa", "anthropic/a"),
        ):
            answer = await gateway.client.get(f"/v1/models/{name}", headers=anthropic)
            assert (answer.status_code, answer.json()["type"], answer.json()["id"]) == (200, "model", known), name
            assert answer.headers["request-id"] == answer.headers["x-request-id"]
        assert (await gateway.client.get("/v1/models/gone", headers=anthropic)).json()["lifecycle"] == "retired"
        for path in ("/v1/models/nope", "/v1/models?limit=0"):
            answer = await gateway.client.get(path, headers=anthropic)
            body = answer.json()
            assert (body["type"], body["request_id"]) == ("error", answer.headers["request-id"]), path
            assert body["error"]["type"] == ("not_found_error" if "nope" in path else "invalid_request_error")
        assert (await gateway.client.get("/v1/models?limit=0")).status_code == 200, "OpenAI's list has no pages"


async def test_retired_ones_are_listed_for_who_asks_for_them():
    async with running_gateway(PROFILES) as gateway:
        for query, wanted in (
            ("", ["a", "huge"]),
            ("?lifecycle[]=retired", ["gone"]),
            ("?lifecycle=active", ["a", "huge"]),
        ):
            answer = await gateway.client.get(f"/v1/models{query}", headers={"anthropic-version": "2026-10-21"})
            ids = [model["id"] for model in answer.json()["data"]]
            assert [name for name in ids if not name.startswith("anthropic/")] == wanted, query
