"""Which scope a path needs: inference below /v1/, nothing for the probes, admin for all that is not named."""

import pytest

from gateway.http.access import required_scope


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/models", "/v1/", "/v1/new/thing"])
def test_the_public_api_needs_inference(path):
    assert required_scope(path) == required_scope(path, metrics_public=True) == "inference"


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_the_probes_are_open(path):
    assert required_scope(path) is None


def test_the_scrape_needs_metrics_unless_the_operator_opens_it():
    assert required_scope("/metrics") == "metrics"
    assert required_scope("/metrics", metrics_public=True) is None


@pytest.mark.parametrize(
    "path",
    [
        "/api/ps",
        "/",
        "",
        "*",
        "/v1",
        "/V1/chat",
        "//v1/chat",
        "/health/",
        "/health/x",
        "/readyz",
        "/metrics/",
        "/metricsx",
        "/new",
    ],
)
def test_deny_by_default(path):
    assert required_scope(path) == required_scope(path, metrics_public=True) == "admin"
