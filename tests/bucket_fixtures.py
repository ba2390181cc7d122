"""An S3 bucket for tests, on moto's server on loopback: one server a session, a bucket a test."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def bucket_server() -> Iterator[str]:
    """The address of an S3 server on loopback."""
    server = pytest.importorskip("moto.server")
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def bucket(bucket_server: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """A new bucket's URL, in an environment that leads there."""
    import boto3

    name = f"b{abs(hash(request.node.nodeid)) % 10**10}"
    for variable, value in {
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT": bucket_server, "AWS_ALLOW_HTTP": "true",
    }.items():  # fmt: skip
        monkeypatch.setenv(variable, value)
    boto3.client("s3", endpoint_url=bucket_server, region_name="us-east-1").create_bucket(Bucket=name)
    return f"s3://{name}/results"
