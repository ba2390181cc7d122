"""Every route of the application with every kind of key. The rows are made from the routes themselves: a new route that
has no line in ``NEEDS`` fails here before it can be open by oversight.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from litestar.routes import ASGIRoute, HTTPRoute

from gateway.database import open_database
from gateway.keys.key import ALL_SCOPES, Scope
from gateway.keys.store import KeyStore
from gateway.settings import Settings
from tests.fakes.gateway import RunningGateway, engine_profile, running_gateway
from tests.fakes.picture_profile import encoded_picture, picture_profile, video_profile

NEEDS: dict[str, Scope | None] = {
    "POST /v1/chat/completions": "inference",
    "POST /v1/chat": "inference",
    "POST /v1/completions": "inference",
    "POST /v1/embeddings": "inference",
    "POST /v1/rerank": "inference",
    "POST /v2/rerank": "inference",
    "POST /rerank": "inference",
    "POST /v1/score": "inference",
    "POST /score": "inference",
    "POST /v1/images/generations": "inference",
    "POST /v1/images": "inference",
    "POST /v1/images/edits": "inference",
    "POST /v1/images/variations": "inference",
    "POST /v1/videos": "inference",
    "POST /v1/video": "inference",
    "GET /v1/videos": "inference",
    "GET /v1/videos/{name}": "inference",
    "DELETE /v1/videos/{name}": "inference",
    "GET /v1/videos/{name}/content": "inference",
    "GET /v1/videos/{name}/events": "inference",
    "POST /v1/videos/{name}/remix": "inference",
    "POST /v1/videos/{name}/extend": "inference",
    "POST /v1/videos/edits": "inference",
    "POST /v1/videos/extensions": "inference",
    "POST /v1/messages": "inference",
    "POST /v1/messages/count_tokens": "inference",
    "POST /v1/responses": "inference",
    "GET /v1/responses/{name}": "inference",
    "GET /v1/responses/{name}/input_items": "inference",
    "POST /v1/responses/{name}/cancel": "inference",
    "DELETE /v1/responses/{name}": "inference",
    "GET /v1/models": "inference",
    "GET /v1/models/{name}": "inference",
    "GET /api/ps": "admin",
    "GET /api/devices": "admin",
    "GET /api/queue": "admin",
    "GET /api/decisions": "admin",
    "GET /api/catalog": "admin",
    "GET /api/explain": "admin",
    "POST /api/load": "admin",
    "POST /api/unload": "admin",
    "GET /v1/media/{name}": None,
    "GET /metrics": "metrics",
    "GET /health": None,
    "GET /ready": None,
}
LINKS = {"GET /v1/media/{name}"}
"""Their signature is their permission."""
ABSENT = {
    **dict.fromkeys(LINKS, "media_not_found"),
    **{route: "video_not_found" for route in NEEDS if "/v1/videos/" in route},
    **{route: "response_not_found" for route in NEEDS if "/v1/responses/" in route},
}
"""There is none of that name: whoever hears so was let in."""
ANTHROPIC = {
    "an API key is required: send it as 'Authorization: Bearer KEY'": "missing_api_key",
    "the API key is not valid": "invalid_api_key",
    "the API key lacks the scope 'inference'": "forbidden",
}
PICTURE = encoded_picture(16, 16)
BODIES = {
    "/v1/chat/completions": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    "/v1/chat": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    "/v1/completions": {"model": "m", "prompt": "hi"},
    "/v1/embeddings": {"model": "m", "input": "hi"},
    **{path: {"model": "m", "query": "hi", "documents": ["a"]} for path in ("/v1/rerank", "/v2/rerank", "/rerank")},
    **{path: {"model": "m", "text_1": "hi", "text_2": "a"} for path in ("/v1/score", "/score")},
    "/v1/images/generations": {"model": "paint", "prompt": "hi"},
    "/v1/images": {"model": "paint", "prompt": "hi"},
    "/v1/images/edits": {"model": "paint", "prompt": "hi", "images": [{"b64_json": PICTURE}]},
    "/v1/images/variations": {"model": "paint", "images": [{"b64_json": PICTURE}]},
    "/v1/responses": {"model": "m", "input": "hi"},
    "/v1/messages": {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
    "/v1/messages/count_tokens": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    "/v1/videos": {"model": "film", "prompt": "hi"},
    "/v1/video": {"model": "film", "prompt": "hi"},
    "/v1/videos/{name}/remix": {"prompt": "hi"},
    "/v1/videos/{name}/extend": {"prompt": "hi"},
    "/v1/videos/edits": {"prompt": "hi", "video": {"id": "video_x"}},
    "/v1/videos/extensions": {"prompt": "hi", "video": {"id": "video_x"}},
    "/api/load": {"model": "m"},
    "/api/unload": {"model": "m"},
}
PROFILES = {"m": engine_profile("m"), "paint": picture_profile("paint"), "film": video_profile("film")}
OPERATOR = "operator-key-of-this-table"


def routes_of(gateway: RunningGateway) -> set[str]:
    found = set()
    for route in gateway.app.litestar.routes:
        path = route.path_format.replace("{name:path}", "{name}").replace("{name:str}", "{name}")
        methods = route.methods - {"OPTIONS"} if isinstance(route, HTTPRoute) else {"POST"}
        assert isinstance(route, HTTPRoute | ASGIRoute), "a kind of route that this table does not know"
        found |= {f"{method} {path}" for method in methods}
    return found


class Keys:
    """Secrets by what they are good for."""

    def __init__(self, store: KeyStore) -> None:
        self.of: dict[Scope, str] = {scope: store.create(scope, (scope,))[1] for scope in ALL_SCOPES}
        self.lacking = {s: store.create("x", tuple(o for o in ALL_SCOPES if o != s))[1] for s in ALL_SCOPES}
        revoked, self.revoked = store.create("revoked", ALL_SCOPES)
        store.revoke(revoked.id)


@asynccontextmanager
async def guarded(**settings: object) -> AsyncIterator[tuple[RunningGateway, Keys]]:
    async with running_gateway(PROFILES, api_key=OPERATOR, **settings) as gateway:
        database = open_database(gateway.root / "state" / "forebay.db")
        store = KeyStore(database, _now)
        keys = Keys(store)
        gateway.services.keys.replace(store.all())
        yield gateway, keys
        database.dispose()


def _now() -> datetime:
    return datetime.now(UTC)


async def ask(gateway: RunningGateway, route: str, key: str | None, header: str = "bearer"):
    method, path = route.split()
    headers = {} if key is None else {"x-api-key": key} if header == "x" else {"authorization": f"{header} {key}"}
    url = path.replace("{name}", "m") + ("?model=m" if path == "/api/explain" else "")
    return await gateway.client.request(method, url, json=BODIES.get(path), headers=headers)


async def is_open(gateway: RunningGateway, route: str, key: str | None) -> bool:
    """Answered without looking at the key; a link that was never made leads to nothing."""
    return is_served(route, await ask(gateway, route, key))


def is_served(route: str, answer) -> bool:
    if answer.status_code == 200:
        return True
    return envelope(answer) == (404, ABSENT.get(route))


def envelope(answer) -> tuple[int, str]:
    body = answer.json()
    error = body["error"]
    if "request_id" in body:  # Anthropic's shape has no codes
        assert error.keys() == {"message", "type"}
        return answer.status_code, ANTHROPIC[error["message"]]
    assert error.keys() == {"message", "type", "param", "code"}
    return answer.status_code, error["code"]


async def test_every_route_is_in_the_table():
    async with running_gateway(PROFILES) as gateway:
        assert routes_of(gateway) == NEEDS.keys()


async def test_the_table():
    async with guarded() as (gateway, keys):
        for route, scope in NEEDS.items():
            if scope is None:
                for key in (None, "wrong", keys.revoked):
                    assert await is_open(gateway, route, key), route
                continue
            assert envelope(await ask(gateway, route, None)) == (401, "missing_api_key"), route
            assert envelope(await ask(gateway, route, "wrong")) == (401, "invalid_api_key"), route
            assert envelope(await ask(gateway, route, keys.revoked)) == (401, "invalid_api_key"), route
            assert envelope(await ask(gateway, route, keys.lacking[scope])) == (403, "forbidden"), route
            assert is_served(route, await ask(gateway, route, keys.of[scope])), route
            assert is_served(route, await ask(gateway, route, OPERATOR)), route


async def test_both_ways_to_present_a_key_and_no_other():
    async with guarded() as (gateway, keys):
        key = keys.of["inference"]
        for header in ("Bearer", "bearer", "BEARER", "x"):
            assert (await ask(gateway, "GET /v1/models", key, header)).status_code == 200
        assert envelope(await ask(gateway, "GET /v1/models", key, "Basic")) == (401, "invalid_api_key")
        for url in (f"/v1/models?api_key={key}", f"/v1/models?key={key}"):
            assert (await gateway.client.get(url)).status_code == 401
        answer = await gateway.client.get("/v1/models", headers={"cookie": f"api_key={key}"})
        assert answer.status_code == 401


async def test_without_a_key_an_unknown_path_tells_nothing():
    async with guarded() as (gateway, keys):
        for path in (
            "/",
            "/api/nothing",
            "/v1/nothing",
            "/v1/../api/ps",
            "/v1/%2e%2e/api/ps",
            "//api/ps",
            "/docs",
            "/schema",
        ):
            assert (await gateway.client.get(path)).status_code == 401, path
            answer = await gateway.client.get(path, headers={"x-api-key": keys.of["inference"]})
            assert answer.status_code in (403, 404), path


async def test_before_any_key_exists_a_local_gateway_is_open_and_afterwards_never_again():
    async with running_gateway(PROFILES) as gateway:
        for route in NEEDS:
            assert await is_open(gateway, route, None), route
        database = open_database(gateway.root / "state" / "forebay.db")
        store = KeyStore(database, _now)
        key, secret = store.create("first", ("inference",))

        async def status(presented: str | None) -> int:
            return (await ask(gateway, "GET /v1/models", presented)).status_code

        async def until(presented: str | None, wanted: int) -> None:
            while await status(presented) != wanted:
                pass  # each look is a request: the loop turns

        async with asyncio.timeout(30):
            await until(None, 401)
            assert await status(secret) == 200
            store.revoke(key.id)
            await until(secret, 401)
            assert await status(None) == 401
        database.dispose()


@pytest.mark.parametrize("public", [False, True])
async def test_the_scrape_is_open_only_where_the_operator_says_so(public):
    async with guarded(metrics_public=public) as (gateway, keys):
        assert (await ask(gateway, "GET /metrics", None)).status_code == (200 if public else 401)
        assert (await ask(gateway, "GET /metrics", keys.of["metrics"])).status_code == 200
        assert (await gateway.client.get("/metrics", headers={"host": "evil.example"})).status_code == 403
        assert (await ask(gateway, "GET /api/ps", None)).status_code == 401


def test_the_scrape_is_closed_by_default():
    assert Settings().metrics_public is False
