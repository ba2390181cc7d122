"""A key's secret and its digest."""

import hashlib

from gateway.keys.key import PREFIX, digest, new_secret


def test_secrets_are_random_and_long():
    secrets = {new_secret() for _ in range(200)}
    assert len(secrets) == 200
    assert all(secret.startswith(PREFIX) and len(secret) >= len(PREFIX) + 43 for secret in secrets)


def test_the_digest_is_sha256_of_text_or_bytes():
    assert digest("fb-1") == digest(b"fb-1") == hashlib.sha256(b"fb-1").hexdigest()
    assert digest("fb-1") != digest("fb-2")
