"""The files of ``providers/``: those that Forebay brings, and the operator's, which replace them by name."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from backends.cloud.media.plan import plan_of
from backends.cloud.media.value import SAMPLE
from backends.cloud.neighbour import is_neighbour
from backends.cloud.provider import Auth, Provider
from backends.http.addresses import is_loopback
from gateway.catalog.document import parsed
from gateway.catalog.finding import Finding
from gateway.catalog.nodes import Node
from gateway.catalog.problem import Problem, quoted
from gateway.catalog.shape import locate
from gateway.settings import default_profiles_dir

FOLDER = "providers"


def provider_paths(root: Path) -> list[Path]:
    """One file a provider: of two with one name, the one in ``root``."""
    found: dict[str, Path] = {}
    for folder in (default_profiles_dir() / FOLDER, root / FOLDER):
        found |= {path.name: path for path in sorted(folder.glob("*.yaml"))}
    return [found[name] for name in sorted(found)]


def parse_provider(path: str, data: bytes) -> tuple[Provider | None, list[Problem]]:
    """One file's bytes as a provider, or what is wrong with them."""
    root, provider, problems = parsed(path, data, Provider)
    if provider is None or root is None:
        return None, problems
    found = [_problem(path, root, finding) for finding in _findings(provider, Path(path).stem)]
    return (None if found else provider), found


def _findings(provider: Provider, stem: str) -> Iterator[Finding]:
    if provider.id != stem:
        yield Finding("id", f"{quoted(provider.id)} is not the file's name", f"the file is called {quoted(stem)}")
    if provider.kind == "unavailable":
        if not provider.why_not:
            yield Finding("", "a provider that is unavailable says why in why_not")
        return
    if provider.base_url is None:
        yield Finding("", "base_url is needed")
    elif wrong := url_fault(provider.base_url):
        yield Finding("base_url", wrong, "plain http is for loopback; elsewhere use https")
    elif provider.privacy is None and not is_neighbour(provider):
        yield Finding("", "privacy is needed", "what becomes of a prompt there, and who says so")
    if provider.auth is not None:
        yield from _auth(provider.auth)
    yield from _operations(provider)
    for name in provider.headers:
        if name.lower() in ("authorization", "cookie", "host", "content-length", "transfer-encoding"):
            yield Finding(f"headers.{name}", "is not for a file to set")


def _operations(provider: Provider) -> Iterator[Finding]:
    media = provider.media
    if media.base_url is not None and (wrong := url_fault(media.base_url)):
        yield Finding("media.base_url", wrong, "plain http is for loopback; elsewhere use https")
    if media.auth is not None:
        yield from _auth(media.auth, "media.auth")
    if provider.kind == "http" and not provider.operations:
        yield Finding("", "operations are needed", "it speaks no dialect of ours")
    for name in provider.given:
        if name in SAMPLE:
            yield Finding(f"given.{name}", "is a name that every request has")
    for i, operation in enumerate(provider.operations):
        _, faults = plan_of(operation, frozenset(provider.given))
        for fault in faults:
            yield Finding(f"operations[{i}].{fault.where}", fault.message)


def _auth(auth: Auth, where: str = "auth") -> Iterator[Finding]:
    if auth.format.count("{key}") != 1:
        yield Finding(f"{where}.format", "must hold {key} once")
    if auth.kind == "oauth_client_credentials":
        if auth.client is None or auth.token_url is None:
            yield Finding(where, "client and token_url are needed")
        elif wrong := url_fault(auth.token_url):
            yield Finding(f"{where}.token_url", wrong, "plain http is for loopback; elsewhere use https")


def url_fault(url: str) -> str:
    """Why a server's URL may not be used, or an empty string. Credentials belong into the environment, never here."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "not a URL"
    if parts.scheme not in ("http", "https") or not host:
        return "expected http://HOST… or https://HOST…"
    if parts.username is not None or parts.password is not None:
        return "a URL with credentials in it"
    if parts.query or parts.fragment:
        return "a URL with a query or a fragment"
    if parts.scheme == "http" and not is_loopback(host):
        return f"plain http to {quoted(host)}, which is not this machine"
    return ""


def _problem(path: str, root: Node, finding: Finding) -> Problem:
    node = locate(root, finding.where)
    return Problem(
        path=path, line=node.line, column=node.column, where=finding.where, message=finding.message, hint=finding.hint
    )
