"""A web page and a rebound name against a local gateway without keys: no row of the matrix reaches anything."""

import asyncio
from itertools import product

from tests.fakes.gateway import RunningGateway, engine_profile, running_gateway

GOOD_HOSTS = ("localhost", "LOCALHOST:8000", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8000", "x.localhost")
BAD_HOSTS = (
    "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "evil.example:80", "a/b?c", "localhost:80:80",
    "[::1", "[::ffff:127.0.0.1]", "169.254.169.254", "0.0.0.0", "127.1", "user@localhost", "",
)  # fmt: skip
BAD_ORIGINS = (
    "null",
    "https://evil.example",
    "http://localhost",
    "http://localhost:3000",
    "http://127.0.0.1:8000",
    "file://",
    "*",
)
ALLOWED = "https://app.example"
REQUESTS = (
    ("GET", "/health"), ("GET", "/v1/models"), ("GET", "/metrics"), ("GET", "/api/ps"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/api/load"), ("OPTIONS", "/v1/chat/completions"), ("GET", "/nowhere"),
)  # fmt: skip
CHAT = b'{"model":"m","messages":[{"role":"user","content":"hi"}]}'


def port_of(gateway: RunningGateway) -> int:
    return int(gateway.address.rsplit(":", 1)[1])


async def raw(port: int, method: str, path: str, *fields: str, body: bytes = b"") -> tuple[int, dict[str, str]]:
    """Status and headers; httpx would correct some of these hosts."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = "\r\n".join(
        [f"{method} {path} HTTP/1.1", *fields, f"Content-Length: {len(body)}", "Connection: close", "", ""]
    )
    writer.write(head.encode() + body)
    async with asyncio.timeout(30):
        answer = (await reader.read(1 << 20)).decode("latin-1")
    writer.close()
    line, *rest = answer.split("\r\n\r\n", 1)[0].split("\r\n")
    return int(line.split()[1]), {k.lower(): v for k, _, v in (field.partition(": ") for field in rest)}


def nothing_ran(gateway: RunningGateway) -> bool:
    return not gateway.services.runtime.running and not list(gateway.services.runtime.scheduler.occupants)


def opens_nothing(headers: dict[str, str]) -> bool:
    return not any(name.startswith("access-control") for name in headers)


async def test_a_foreign_host_reaches_no_route_whatever_else_it_says():
    async with running_gateway({"m": engine_profile("m")}, allowed_origins=(ALLOWED,)) as gateway:
        for host, (method, path), origin in product(BAD_HOSTS, REQUESTS, (None, ALLOWED)):
            fields = [f"Host: {host}", "Content-Type: application/json"] + ([f"Origin: {origin}"] if origin else [])
            status, headers = await raw(port_of(gateway), method, path, *fields, body=CHAT)
            assert status in (400, 403), (host, method, path, origin)
            assert opens_nothing(headers)
        assert nothing_ran(gateway)


async def test_a_foreign_origin_reaches_no_route_whatever_the_host():
    async with running_gateway({"m": engine_profile("m")}, allowed_origins=(ALLOWED,)) as gateway:
        for origin, (method, path), kind in product(BAD_ORIGINS, REQUESTS, ("application/json", "text/plain")):
            fields = ("Host: localhost", f"Origin: {origin}", f"Content-Type: {kind}")
            status, headers = await raw(port_of(gateway), method, path, *fields, body=CHAT)
            assert status == 403, (origin, method, path)
            assert opens_nothing(headers)
        assert nothing_ran(gateway)


async def test_what_a_page_can_send_without_asking_starts_nothing():
    """No Origin at all (some forms and old browsers): the content type is the last fence."""
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        kinds = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "")
        for kind, path in product(
            kinds, ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/api/load", "/api/unload")
        ):
            status, _ = await raw(port_of(gateway), "POST", path, "Host: localhost", f"Content-Type: {kind}", body=CHAT)
            assert status == 415, (kind, path)
        assert nothing_ran(gateway)


async def test_local_names_pass_with_any_port():
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        for host in GOOD_HOSTS:
            assert (await raw(port_of(gateway), "GET", "/v1/models", f"Host: {host}"))[0] == 200, host


async def test_forwarded_headers_change_nothing():
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        for name in ("X-Forwarded-Host", "X-Forwarded-For", "Forwarded", "X-Original-Host", "X-Forwarded-Proto"):
            good = await raw(port_of(gateway), "GET", "/health", "Host: localhost", f"{name}: evil.example")
            bad = await raw(port_of(gateway), "GET", "/health", "Host: evil.example", f"{name}: localhost")
            assert (good[0], bad[0]) == (200, 403), name


async def test_two_hosts_are_none():
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        for second in ("localhost", "evil.example"):
            assert (await raw(port_of(gateway), "GET", "/health", "Host: localhost", f"Host: {second}"))[0] == 400


async def test_preflights_are_answered_for_allowed_origins_only_and_need_no_key():
    settings = {"allowed_origins": (ALLOWED,), "api_key": "operator-key-of-this-test"}
    asking = ("Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization,content-type")
    async with running_gateway({"m": engine_profile("m")}, **settings) as gateway:
        for path in ("/v1/chat/completions", "/api/load", "/nowhere"):
            status, headers = await raw(
                port_of(gateway), "OPTIONS", path, "Host: localhost", f"Origin: {ALLOWED}", *asking
            )
            assert status == 204
            assert headers["access-control-allow-origin"] == ALLOWED
            assert headers["vary"] == "origin"
            assert "authorization" in headers["access-control-allow-headers"]
            assert "POST" in headers["access-control-allow-methods"]
            assert "access-control-allow-credentials" not in headers
            sdk = "x-stainless-os,x-stainless-lang,anthropic-version,anthropic-beta,authorization"
            for asked, told in ((sdk, sdk), ("x-a;b", "authorization, content-type, x-api-key")):
                names = f"Access-Control-Request-Headers: {asked}"
                here = ("Host: localhost", f"Origin: {ALLOWED}")
                _, headers = await raw(port_of(gateway), "OPTIONS", path, *here, names)
                assert headers["access-control-allow-headers"] == told
            for origin in BAD_ORIGINS:
                status, headers = await raw(
                    port_of(gateway), "OPTIONS", path, "Host: localhost", f"Origin: {origin}", *asking
                )
                assert status == 403
                assert opens_nothing(headers)


async def test_an_allowed_origin_still_needs_a_key_and_can_read_the_refusal():
    key = "operator-key-of-this-test"
    async with running_gateway({"m": engine_profile("m")}, allowed_origins=(ALLOWED,), api_key=key) as gateway:
        fields = ("Host: localhost", f"Origin: {ALLOWED}", "Content-Type: application/json")
        for field, expected in (("X-Nothing: 1", 401), (f"Authorization: Bearer {key}", 200)):
            status, headers = await raw(port_of(gateway), "POST", "/v1/chat/completions", *fields, field, body=CHAT)
            assert (status, headers["access-control-allow-origin"]) == (expected, ALLOWED)


async def test_names_given_by_the_operator_pass():
    async with running_gateway({"m": engine_profile("m")}, allowed_hosts=("gateway.lan",)) as gateway:
        for host, status in (("gateway.lan", 200), ("Gateway.LAN:80", 200), ("x.gateway.lan", 403), ("lan", 403)):
            assert (await raw(port_of(gateway), "GET", "/health", f"Host: {host}"))[0] == status, host
