"""Keys that are tokens: fetched once, renewed before their end and after a refusal, and never sent anywhere else."""

import asyncio
import json
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from yarl import URL

from backends.cloud.ask import Ask
from backends.cloud.client import CloudClient
from backends.cloud.provider import Auth, Provider
from backends.cloud.secrets import has_key
from backends.cloud.token import Tokens
from backends.errors import BackendError, Cause
from tests.fakes.cloud import RESET, FakeCloud, Script, Sent, answer

SECRETS = {"A_SECRET": "hush", "A_CLIENT": "me", "G_FILE": "/nowhere/credentials.json"}


class Grants:
    """Tokens t1, t2, … of an authority, and an API that takes only the newest."""

    def __init__(self, cloud: FakeCloud, seconds: float = 3600.0) -> None:
        self.cloud = cloud
        self.asked: list[Sent] = []
        self.script: Script | None = None
        self._seconds = seconds
        cloud.choose = self._chosen
        base = cloud.base_url
        self.auth = Auth(
            secret="A_SECRET", kind="oauth_client_credentials", client="A_CLIENT", client_header="x-api-key",
            token_url=f"{base}/token", scopes=("openid", "images"),
        )  # fmt: skip

    @property
    def provider(self) -> Provider:
        return self.cloud.provider("http", auth=self.auth)

    def _chosen(self, sent: Sent) -> Script:
        if sent.path == "/v1/token":
            self.asked.append(sent)
            granted = {"access_token": f"t{len(self.asked)}", "expires_in": self._seconds, "token_type": "bearer"}
            return self.script or answer(granted)
        fresh = sent.headers.get("authorization") == f"Bearer t{len(self.asked)}"
        return answer({}) if fresh else answer({}, 401)


async def test_a_token_is_fetched_once_and_renewed_before_its_end() -> None:
    now = 0.0
    async with FakeCloud.running() as cloud:
        grants = Grants(cloud)
        tokens, client = Tokens(SECRETS.get, lambda: now), CloudClient(SECRETS.get)
        session = client._opened()
        several = await asyncio.gather(*(tokens.headers(grants.provider, session) for _ in range(5)))
        assert several == [{"Authorization": "Bearer t1", "x-api-key": "me"}] * 5
        now = 3299.0
        assert (await tokens.headers(grants.provider, session))["Authorization"] == "Bearer t1"
        now = 3301.0
        assert (await tokens.headers(grants.provider, session))["Authorization"] == "Bearer t2"
        await client.aclose()
    assert {name: value[0] for name, value in parse_qs(grants.asked[0].body.decode()).items()} == {
        "grant_type": "client_credentials", "client_id": "me", "client_secret": "hush", "scope": "openid,images",
    }  # fmt: skip


async def test_a_refused_token_is_fetched_anew_once() -> None:
    async with FakeCloud.running() as cloud:
        grants = Grants(cloud)
        client = CloudClient(SECRETS.get)
        ask = Ask(url=URL(f"{cloud.base_url}/x"), seconds=5)
        assert (await client.ask(grants.provider, ask)).status == 200
        grants.asked.append(grants.asked[0])  # the authority has ended the first one
        assert (await client.ask(grants.provider, ask)).status == 200
        assert len(grants.asked) == 3
        cloud.choose = lambda sent: answer({"access_token": "t"}) if sent.path == "/v1/token" else answer({}, 401)
        before = len(cloud.sent)
        assert (await client.ask(grants.provider, ask)).status == 401
        assert [each.path for each in cloud.sent[before:]] == ["/v1/x", "/v1/token", "/v1/x"]
        await client.aclose()


@pytest.mark.parametrize(
    ("script", "cause"),
    [
        (answer({"error": "invalid_client"}, 401), Cause.PROVIDER_ACCOUNT),
        (answer({"error": "invalid_scope"}, 400), Cause.PROVIDER_ACCOUNT),
        (answer(b"busy", 503), Cause.UPSTREAM_CONNECT),
        (answer({"token": "none"}), Cause.UPSTREAM_CONNECT),
        ((RESET,), Cause.UPSTREAM_CONNECT),
    ],
)
async def test_without_a_token_nothing_is_sent(script: Script, cause: Cause) -> None:
    async with FakeCloud.running() as cloud:
        grants = Grants(cloud)
        grants.script = script
        client = CloudClient(SECRETS.get)
        with pytest.raises(BackendError) as caught:
            await client.ask(grants.provider, Ask(url=URL(f"{cloud.base_url}/x"), body=b"prompt", seconds=5))
        await client.aclose()
    assert caught.value.cause is cause
    assert {each.path for each in cloud.sent} == {"/v1/token"}
    assert "hush" not in repr(caught.value) + caught.value.private


async def test_half_a_key_is_none() -> None:
    async with FakeCloud.running() as cloud:
        provider = Grants(cloud).provider
        for absent in ("A_SECRET", "A_CLIENT"):
            some = {name: value for name, value in SECRETS.items() if name != absent}
            assert not has_key(provider, some.get)
            client = CloudClient(some.get)
            with pytest.raises(BackendError, match=absent):
                await client.ask(provider, Ask(url=URL(f"{cloud.base_url}/x"), seconds=5))
            await client.aclose()
        assert has_key(provider, SECRETS.get)
    assert cloud.sent == []


async def test_googles_credentials_need_an_extra_or_a_file() -> None:
    async with FakeCloud.running(answer({})) as cloud:
        provider = cloud.provider("http", auth=Auth(secret="G_FILE", kind="google_adc"))
        client = CloudClient(SECRETS.get)
        with pytest.raises(BackendError) as caught:
            await client.ask(provider, Ask(url=URL(f"{cloud.base_url}/x"), seconds=5))
        await client.aclose()
    assert caught.value.cause is Cause.PROVIDER_ACCOUNT
    assert "vertex" in caught.value.detail or "gives no token" in caught.value.detail
    assert cloud.sent == []


async def test_googles_credentials_give_a_token(tmp_path: Path) -> None:
    pytest.importorskip("google.auth")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    granted = answer({"access_token": "from-google", "expires_in": 3600, "token_type": "Bearer"})
    async with FakeCloud.running() as cloud:
        cloud.choose = lambda sent: granted if sent.path == "/v1/token" else answer({})
        account = {
            "type": "service_account", "client_email": "a@b.example", "private_key_id": "1", "project_id": "p",
            "private_key": pem.decode(), "token_uri": f"{cloud.base_url}/token",
        }  # fmt: skip
        file = tmp_path / "credentials.json"
        file.write_text(json.dumps(account), encoding="utf-8")
        provider = cloud.provider("http", auth=Auth(secret="G_FILE", kind="google_adc"))
        client = CloudClient({"G_FILE": str(file)}.get)
        for _ in range(2):
            assert (await client.ask(provider, Ask(url=URL(f"{cloud.base_url}/x"), seconds=5))).ok
        await client.aclose()
    assert [each.path for each in cloud.sent] == ["/v1/token", "/v1/x", "/v1/x"], "kept until shortly before its end"
    assert cloud.sent[1].headers["authorization"] == "Bearer from-google"
