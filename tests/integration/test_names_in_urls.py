"""Model names in paths and queries: whole names with slashes and colons, and words for what is missing."""

import warnings

from tests.fakes.gateway import engine_profile, running_gateway


async def test_names_in_urls_are_names_of_models():
    with warnings.catch_warnings():
        warnings.simplefilter(
            "error", DeprecationWarning
        )  # how parameters are declared must outlive the framework's 2.x
        async with running_gateway({"m": engine_profile("m")}) as gateway:
            for url in ("/v1/models/m", "/v1/models/m:only", "/v1/models/local/m"):
                answer = await gateway.client.get(url)
                assert (answer.status_code, answer.json()["id"]) == (200, "m")
            missing = await gateway.client.get("/v1/models/a/b")
            assert (missing.status_code, missing.json()["error"]["code"]) == (404, "model_not_found")
            explained = await gateway.client.get("/api/explain", params={"model": "m:only"})
            assert explained.json()["serves"] == "only"
            unnamed = await gateway.client.get("/api/explain")
            assert (unnamed.status_code, unnamed.json()["error"]["param"]) == (400, "model")
