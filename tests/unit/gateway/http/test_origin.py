"""Which names and web origins may reach the gateway."""

import pytest

from backends.errors import BackendError, Cause
from gateway.http.origin import OriginRules

LOCAL = OriginRules((), (), public=False)
OPEN = OriginRules(("My.Host.", "other"), ("https://App.example/", "http://localhost:3000"), public=True)


def refusal(rules: OriginRules, host: bytes | None, origin: bytes | None = None) -> str | None:
    """The code of the refusal; ``None`` when there is none."""
    try:
        rules.check(host, origin)
    except BackendError as error:
        return error.code if error.cause is Cause.FORBIDDEN else error.cause.value
    return None


@pytest.mark.parametrize(
    "host",
    [
        b"localhost",
        b"LOCALHOST:8000",
        b"localhost.",
        b"127.0.0.1",
        b"127.0.0.1:1",
        b"[::1]",
        b"[::1]:8000",
        b"app.localhost",
        b"a.b.localhost:80",
        b"127.0.0.1.",
    ],
)
def test_loopback_names_are_always_good(host):
    for rules in (LOCAL, OPEN):
        assert refusal(rules, host) is refusal(rules, host) is None, "also when it is remembered"


@pytest.mark.parametrize(
    "host",
    [
        None,
        b"",
        b":",
        b":8000",
        b".",
        b"evil.example",
        b"localhost.evil.example",
        b"evillocalhost",
        b"127.0.0.1.nip.io",
        b"localhost:",
        b"localhost:80:80",
        b"localhost:8o",
        b"localhost:-1",
        b"user@localhost",
        b"localhost/x",
        b"local host",
        b"[::1",
        b"::1",
        b"[::1]x",
        b"[::1]:",
        b"[::1]:x",
        b"[localhost]",
        b"[]",
        b"0.0.0.0",
        b"127.1",
        b"0x7f.1",
        b"[::]",
        b"[::ffff:127.0.0.1]",
        b"192.168.0.9",
        b"\xff",
        b"localhost\x00",
        "ⓛocalhost".encode(),
    ],
)
def test_anything_else_is_foreign_to_a_local_gateway(host):
    assert refusal(LOCAL, host) == "host_not_allowed"


@pytest.mark.parametrize(
    "host", [b"192.168.0.9:8000", b"10.0.0.1", b"[fe80::1]:1", b"[::]", b"my.host:9", b"OTHER", b"my.host."]
)
def test_a_public_gateway_takes_addresses_and_the_names_given_to_it(host):
    assert refusal(OPEN, host) is None


@pytest.mark.parametrize(
    "host", [b"evil.example", b"sub.my.host", b"my.host.evil", b"127.1", b"[1.2.3.4]", b"[my.host]"]
)
def test_a_public_gateway_takes_no_foreign_name(host):
    """Rebinding needs a name; an address in Host can only be the gateway's own."""
    assert refusal(OPEN, host) == "host_not_allowed"


@pytest.mark.parametrize("origin", [b"https://app.example", b"HTTPS://APP.EXAMPLE", b"http://localhost:3000"])
def test_origins_named_exactly_are_good(origin):
    assert refusal(OPEN, b"localhost", origin) is None
    assert refusal(LOCAL, b"localhost", origin) == "origin_not_allowed"


@pytest.mark.parametrize(
    "origin",
    [
        b"null",
        b"",
        b"*",
        b"http://app.example",
        b"https://app.example:443",
        b"https://app.example.evil",
        b"https://app.example/",
        b"https://sub.app.example",
        b"http://localhost",
        b"http://localhost:3001",
        b"http://127.0.0.1:3000",
        b"file://",
        b"\xff",
    ],
)
def test_every_other_origin_is_refused_also_those_of_other_ports_here(origin):
    assert refusal(OPEN, b"localhost", origin) == "origin_not_allowed"


def test_a_foreign_host_is_refused_whatever_its_origin():
    assert refusal(OPEN, b"evil.example", b"https://app.example") == "host_not_allowed"


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("My.Host:8000", b"my.host"),
        ("[fe80::1]", b"[fe80::1]:9"),
        ("FE80::1", b"[fe80::1]"),
        ("10.0.0.1:80", b"10.0.0.1"),
    ],
)
def test_names_are_taken_as_operators_write_them(written, host):
    assert refusal(OriginRules((written,), (), public=False), host) is None
    assert refusal(OriginRules((written,), (), public=False), b"evil.example") == "host_not_allowed"


def test_hostile_names_cost_no_memory():
    rules = OriginRules((), (), public=False)
    for number in range(2_000):
        rules.check(b"h%d.localhost" % number, None)
    assert len(rules._good) <= 256
