"""Shapes of credentials, taken out of any text; ordinary words stay."""

import pytest

from gateway.telemetry.redact import MARK, redact

SECRETS = [
    "fb-" + "a1B2" * 10,
    "sk-proj-abcdefghijklmnop",
    "hf_abcdefghijklmnop",
    "gsk_abcdefghijklmnop",
    "Bearer abcdefgh12345",
    "bearer dGhpcyBpcyBh",
    "Basic dXNlcjpwYXNzd29yZA==",
    "A" * 20 + "b" * 20 + "==",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCY" + "0a" * 6,
    "0123456789abcdef" * 4,
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("around", ["{}", "key is {}, sorry", '{{"authorization": "{}"}}', "({})", "a\n{}\nb"])
def test_a_credential_goes_wherever_it_stands(secret, around):
    shown = redact(around.format(secret))
    assert MARK in shown
    assert secret.split()[-1].rstrip("=") not in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:pass1@host/x", f"https://{MARK}@host/x"),
        ("GET /x?key=abc&n=1", f"GET /x?{MARK}&n=1"),
        ("GET /x?n=1&access_token=abc", f"GET /x?n=1&{MARK}"),
    ],
)
def test_credentials_in_addresses_go(text, shown):
    assert redact(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "the engine ended with code 1",
        "smollm2-135m:q8_0 loaded in 1.2 s",
        "CUDA error: out of memory",
        "a key-value cache of 4096 tokens",
        "http://127.0.0.1:8000/v1",
        "/tmp/fb/engine.sock",
        'File "/usr/local/lib/python3/site-packages/llama_cpp/server/engine_of_this_name", line 3',
        "/home/op/share/forebay/engines/llama_cpp-3f9a0c1b/lib/python3/site-packages/xllamacpp",
        "req_0123456789abcdef00000001",
    ],
)
def test_ordinary_text_stays(text):
    assert redact(text) == text
