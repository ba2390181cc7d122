"""Every form of model name that a client may send, through the whole gateway to the engine that gets it."""

from tests.fakes.gateway import RunningGateway, engine_profile, running_gateway
from tests.fakes.gateway_process import CHAT, control_of

PROFILES = {
    "smol-135m": engine_profile("smol-135m", extra="aliases: [gpt-4o, 'gpt-*', 'claude-*-mini', Org/Smol]\ntier: B"),
    "big-70b": engine_profile("big-70b", extra="aliases: ['gpt-4*']\ntier: C"),
    "old-1b": engine_profile("old-1b", extra="lifecycle: retired"),
    "embed-1": engine_profile("embed-1").replace("[chat, completion, embedding, rerank, score]", "[embedding]"),
}


def ask(name: str) -> dict:
    return {"model": name, "messages": [{"role": "user", "content": "hi"}]}


async def answered_by(gateway: RunningGateway, name: str) -> str:
    answer = await gateway.client.post(CHAT, json=ask(name))
    assert answer.status_code == 200, (name, answer.text)
    assert answer.json()["model"] == answer.headers["x-forebay-model"]
    return answer.headers["x-forebay-model"]


async def test_names_lead_to_their_model():
    async with running_gateway(PROFILES) as gateway:
        expected = {
            "smol-135m": "smol-135m",
            "SMOL-135M": "smol-135m",
            "smol-135m:only": "smol-135m",
            "local/smol-135m": "smol-135m",
            "local/smol-135m:only": "smol-135m",
            "gpt-4o": "smol-135m",  # a plain alias before any wildcard
            "gpt-4": "big-70b",  # the more specific wildcard
            "gpt-4o-mini": "big-70b",
            "gpt-3.5-turbo": "smol-135m",
            "claude-9-mini": "smol-135m",
            "Org/Smol": "smol-135m",
            "org/smol:only": "smol-135m",
            "local/gpt-4o": "smol-135m",
            "auto:chat": "smol-135m",  # the better tier
            "auto:chat:C": "big-70b",
            "old-1b": "old-1b",  # retired is not listed but still answers
        }
        assert {name: await answered_by(gateway, name) for name in expected} == expected


async def test_the_engine_gets_the_profiles_id_whatever_the_client_wrote():
    async with running_gateway(PROFILES) as gateway:
        for name in ("gpt-4o", "local/Smol-135M:only", "auto:chat"):
            await answered_by(gateway, name)
        engine = control_of(gateway.services.runtime.running["smol-135m:only"].pid)
        assert {call["body"]["model"] for call in await engine.calls()} == {"smol-135m"}


UNKNOWN = {
    "smol-135": "smol-135m",
    "smoll-135m": "smol-135m",
    "library/smol-135n:latest": "smol-135m",
    "local/bigg-70b": "big-70b",
    "quite-something-else": "GET /v1/models",
    "auto:poetry": "auto:chat",
    "auto:chat:Z": "auto:chat",
    "smol-135m:q4": "only",
    "smol-135m:only:only": None,
    "local/": None,
    "local/local/smol-135m": None,
    "cloud/smol-135m:only": None,
    ":": None,
    "*": None,
    "gpt": None,
}


async def test_unknown_names_are_404_with_the_nearest_ones():
    async with running_gateway(PROFILES) as gateway:
        for name, near in UNKNOWN.items():
            answer = await gateway.client.post(CHAT, json=ask(name))
            error = answer.json()["error"]
            assert (answer.status_code, error["param"], error["code"]) == (404, "model", "model_not_found"), name
            assert near is None or near in error["message"], name
            assert "old-1b" not in error["message"], "what is retired is not offered"


async def test_a_model_that_does_not_do_the_task_says_what_it_does():
    async with running_gateway(PROFILES) as gateway:
        answer = await gateway.client.post(CHAT, json=ask("embed-1"))
        error = answer.json()["error"]
        assert (answer.status_code, error["param"], error["code"]) == (400, "model", "model_not_supported")
        assert "embedding" in error["message"]


async def test_hostile_names_make_no_series_and_no_memory():
    async with running_gateway(PROFILES) as gateway:
        await gateway.client.post(CHAT, json=ask("first-unknown"))
        await gateway.client.get("/first-unknown")
        before = len((await gateway.client.get("/metrics")).text.splitlines())
        for number in range(300):
            await gateway.client.post(CHAT, json=ask(f"nothing-{number}"))
            await gateway.client.get(f"/v1/models/nothing-{number}")
            await gateway.client.get(f"/nothing/{number}")
        scraped = (await gateway.client.get("/metrics")).text
        assert len(scraped.splitlines()) <= before + 20, "other outcomes of the same few labels"
        assert "nothing-" not in scraped
        assert len(gateway.services.table()._routes) < 20
