"""What a presented key opens: nothing, its scopes, or everything while there are no keys at all."""

import ast
import inspect

import pytest

from backends.errors import BackendError, Cause
from gateway.keys import ring as ring_module
from gateway.keys.key import ALL_SCOPES, Key, digest
from gateway.keys.ring import ANONYMOUS, KeyRing

SECRET = "fb-canary-of-the-ring"


def stored(secret: str = SECRET, *, scopes=("inference",), revoked: bool = False, name: str = "n") -> Key:
    at = "2026-01-01T00:00:00+00:00"
    return Key(
        id=f"key_{name}",
        name=name,
        digest=digest(secret),
        hint=secret[-4:],
        scopes=scopes,
        created_at=at,
        revoked_at=at if revoked else None,
    )


def refusal(ring: KeyRing, presented: bytes | None, scope="inference") -> BackendError:
    with pytest.raises(BackendError) as refused:
        ring.check(presented, scope)
    assert SECRET not in repr(refused.value) + refused.value.private
    return refused.value


def test_without_keys_everything_is_open_also_to_those_who_present_one():
    ring = KeyRing()
    assert not ring.guarded
    for scope in ALL_SCOPES:
        assert ring.check(None, scope) is ring.check(b"anything", scope) is ANONYMOUS


def test_a_key_opens_its_scopes_only():
    ring = KeyRing([stored(scopes=("inference", "metrics"))])
    assert ring.check(SECRET.encode(), "inference").id == ring.check(SECRET.encode(), "metrics").id == "key_n"
    assert refusal(ring, SECRET.encode(), "admin").cause is Cause.FORBIDDEN


def test_admin_is_a_scope_like_the_others():
    ring = KeyRing([stored(scopes=("admin",))])
    assert ring.check(SECRET.encode(), "admin")
    assert refusal(ring, SECRET.encode(), "inference").cause is Cause.FORBIDDEN


@pytest.mark.parametrize("presented", [None, b""])
def test_no_key_is_told_how_to_send_one(presented):
    refused = refusal(KeyRing([stored()]), presented)
    assert (refused.cause, refused.code) == (Cause.AUTH, "missing_api_key")


@pytest.mark.parametrize(
    "presented",
    [b"wrong", SECRET.encode()[:-1], SECRET.encode() + b" ", SECRET.upper().encode(), b"\xff\x00", b"x" * 30_000],
)
def test_wrong_keys_are_refused_in_equal_words(presented):
    ring = KeyRing([stored(), stored("other", revoked=True, name="r")])
    wrong, revoked = refusal(ring, presented), refusal(ring, b"other")
    assert (wrong.cause, wrong.detail, wrong.code) == (revoked.cause, revoked.detail, revoked.code)
    assert wrong.cause is Cause.AUTH


def test_the_digest_itself_is_no_key():
    assert refusal(KeyRing([stored()]), digest(SECRET).encode()).cause is Cause.AUTH


def test_a_revoked_key_is_gone_at_once_and_the_gateway_stays_guarded():
    ring = KeyRing([stored()])
    assert ring.check(SECRET.encode(), "inference")
    ring.replace([stored(revoked=True)])
    assert ring.guarded
    assert refusal(ring, SECRET.encode()).cause is Cause.AUTH
    assert refusal(ring, None).cause is Cause.AUTH


def test_the_operators_key_has_every_scope_and_survives_replacement():
    ring = KeyRing(operator_secret=SECRET)
    ring.replace([stored("other", name="o")])
    assert ring.guarded
    for scope in ALL_SCOPES:
        assert ring.check(SECRET.encode(), scope).id == "operator"
    assert ring.check(b"other", "inference").id == "key_o"
    ring.replace([])
    assert ring.guarded


def test_digests_are_compared_in_constant_time():
    """The lookup is by the digest of what was sent, which a client cannot steer; what decides is compare_digest."""
    tree = ast.parse(inspect.getsource(ring_module))
    check = next(n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == "check")
    called = {ast.unparse(n.func) for n in ast.walk(check) if isinstance(n, ast.Call)}
    compared = {ast.unparse(n) for n in ast.walk(check) if isinstance(n, ast.Compare)}
    assert {"compare_digest", "digest"} <= called
    assert compared == {"key is None", "scope not in key.scopes"}


def test_the_ring_holds_no_secret():
    ring = KeyRing([stored()], operator_secret="operator-canary-secret")
    held = repr(vars(ring))
    assert "operator" in held
    assert SECRET not in held
    assert "operator-canary-secret" not in held
