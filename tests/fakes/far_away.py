"""Names of the internet that lead to loopback, under a certificate of our own: providers that are not this machine."""

import datetime as dt
import socket
import ssl
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "api.far-away.example"


def certified(*hosts: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server of ``hosts`` shows, and what believes it and nobody else."""
    server, pem = certificate(*hosts)
    return server, ssl.create_default_context(cadata=pem)


def certificate(*hosts: str) -> tuple[ssl.SSLContext, str]:
    """What a server of ``hosts`` shows, and the certificate to believe, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "both.pem"
        path.write_bytes(secret + pem)
        server.load_cert_chain(path)
    return server, pem.decode()


def connector(ports: Mapping[str, int], trust: ssl.SSLContext) -> Callable[[], aiohttp.BaseConnector]:
    """Connections to ``ports`` of loopback by the hosts' names; every other name is unknown."""
    return lambda: aiohttp.TCPConnector(resolver=_Here(ports), ssl=trust, use_dns_cache=False)


class _Here(AbstractResolver):
    def __init__(self, ports: Mapping[str, int]) -> None:
        self._ports = ports

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if host not in self._ports:
            raise OSError(f"no host {host}")
        return [
            ResolveResult(
                hostname=host, host="127.0.0.1", port=self._ports[host], family=socket.AF_INET, proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]  # fmt: skip

    async def close(self) -> None:
        """Nothing is held."""
