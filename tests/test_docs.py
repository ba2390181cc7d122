"""The documents against the code they describe: nothing undocumented, nothing documented that does not exist.

The tables are generated (``python -m tools.docs``); these tests hold them current and check the words around them.
"""

import re
from pathlib import PurePosixPath
from typing import get_args

import pytest
from click.testing import CliRunner

from backends.cloud.media.filters import FILTERS
from backends.cloud.media.operation import Name
from backends.cloud.media.plan import chosen
from backends.errors import Cause
from gateway.catalog.load import load
from gateway.cli import _COMMANDS, main
from gateway.errors import TABLE
from gateway.settings import Settings
from gateway.telemetry.metrics import OBSERVED, Metrics
from tests.tree import ROOT, sources, text, tracked
from tools import meanings, tables
from tools.docs import current, parts

VARIABLES = {f"FOREBAY_{name.upper()}" for name in Settings.model_fields}
DOCUMENTS = [path for path in tracked() if path.endswith(".md")]
PAGES = ("api", "benchmarks", "cli", "errors", "metrics", "settings")
NOBODY = """
id: none
name: Nobody
modality: llm
tasks: [chat]
licence: MIT
open_weights: true
why_not: A folder needs a profile
"""


@pytest.mark.parametrize("page", PAGES)
def test_generated_tables_are_current(page):
    written = text(f"docs/{page}.md")
    assert current(written) == written, "run: .venv/bin/python -m tools.docs"


def test_every_table_stands_on_a_page():
    assert sorted(name for page in PAGES for name in parts(text(f"docs/{page}.md"))) == sorted(tables.TABLES)


# --- settings ---------------------------------------------------------------------------------------------------------


def test_every_setting_is_documented():
    assert set(re.findall(r"^\| `(FOREBAY_[A-Z_]+)`", text("docs/settings.md"), re.MULTILINE)) >= VARIABLES


def test_no_file_names_a_setting_that_does_not_exist():
    unknown = set()
    for path in tracked():
        content = (ROOT / path).read_bytes()
        if b"\0" in content[:8192] or path.startswith("requirements"):
            continue
        for name in re.findall(r"FOREBAY_[A-Z_]*", content.decode()):
            known = (
                any(variable.startswith(name) for variable in VARIABLES) if name.endswith("_") else name in VARIABLES
            )
            if not known and not name.startswith("FOREBAY_TEST_"):
                unknown.add((path, name))
    assert not unknown


def test_every_setting_has_an_effect():
    code = "\n".join(text(path) for path in sources("gateway"))
    used = {name.lower() for name in re.findall(r"(?:settings(?:\(\))?|self)\.(\w+)", code)}
    assert Settings.model_fields.keys() <= used


# --- metrics ----------------------------------------------------------------------------------------------------------


def test_every_metric_of_a_scrape_is_documented():
    """Compares with what the registry exposes, not with what the generator reads."""
    metrics = Metrics("test")
    metrics.observe(lambda: iter(()))
    page = text("docs/metrics.md")
    exposed = re.findall(r"^# TYPE (\w+) (\w+)$", metrics.expose().decode(), re.MULTILINE)
    assert len(exposed) > len(OBSERVED)
    for name, kind in exposed:
        if name.startswith("gateway_"):
            assert f"| `{name}` | {kind} |" in page


def test_no_metric_is_documented_that_does_not_exist():
    documented = set(re.findall(r"`(gateway_\w+)`", text("docs/metrics.md")))
    metrics = Metrics("test")
    metrics.observe(lambda: iter(()))
    assert documented <= set(re.findall(r"^# TYPE (\w+)", metrics.expose().decode(), re.MULTILINE))


def test_every_metric_is_written_somewhere():
    code = "\n".join(text(path) for path in sources("gateway") if path != "gateway/telemetry/metrics.py")
    own = [name for name in vars(Metrics("test")) if name not in ("registry", "build_info")]
    assert not [name for name in own if not re.search(rf"metrics\.{name}\b", code)]
    assert not [name for name in OBSERVED if f'"{name}"' not in code]


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_is_documented_with_its_status_and_types(cause):
    row = TABLE[cause]
    line = next(line for line in text("docs/errors.md").splitlines() if line.startswith(f"| `{cause}` "))
    cells = [cell.strip(" `") for cell in line.strip("|").split("|")]
    assert cells[1:5] == [str(row.status), row.openai_type, row.anthropic_type, row.code or ""]
    assert cells[6]


def test_every_code_in_the_sources_is_documented():
    """Finds codes in any call, also those that the generator would overlook."""
    files = [path for top in ("gateway", "backends") for path in (ROOT / top).rglob("*.py")]
    used = {code for path in files for code in re.findall(r'\bcode="(\w+)"', path.read_text("utf-8"))}
    page = text("docs/errors.md")
    assert not [code for code in used if f"`{code}`" not in page]
    assert meanings.CODES.keys() <= used


def test_the_readmes_troubles_are_codes_that_exist():
    page = text("docs/errors.md")
    named = re.findall(r"^\| (\d{3}) `(\w+)`", text("README.md"), re.MULTILINE)
    assert len(named) >= 5
    for status, code in named:
        assert re.search(rf"^\| `\w+` \| {status} \|.*`{code}`|^\| `{code}` \| {status} \|", page, re.MULTILINE), code


# --- routes and commands ----------------------------------------------------------------------------------------------


def test_every_route_is_documented_once():
    documented = re.findall(r"^\| `((?:GET|POST|DELETE|PUT) \S+)`", text("docs/api.md"), re.MULTILINE)
    assert sorted(documented) == sorted(tables.app_routes()) == sorted(meanings.ROUTES)


def test_the_readme_names_only_routes_that_exist():
    paths = {route.split()[1] for route in meanings.ROUTES}
    rows = [line.split("|")[1] for line in text("README.md").splitlines() if re.match(r"\| `(GET|POST)", line)]
    named = {path.split("?")[0] for row in rows for path in re.findall(r"(/[a-z][\w/{}?=-]*)", row)}
    assert named
    assert {path.replace("{id}", "{name}") for path in named} <= paths


def test_every_command_is_documented():
    page = text("docs/cli.md") + text("README.md")
    assert not [name for name in _COMMANDS if f"`forebay {name}" not in page]


def test_help_lists_every_command():
    shown = CliRunner().invoke(main, ["--help"])
    assert shown.exit_code == 0
    assert not [name for name in _COMMANDS if name not in shown.output]


def code_of(path: str) -> str:
    """The code blocks and the code spans of a document."""
    document = text(path)
    blocks = re.findall(r"^```\w*\n(.*?)^```", document, re.DOTALL | re.MULTILINE)
    return "\n".join([*blocks, *re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", document, flags=re.DOTALL))])


@pytest.mark.parametrize("path", DOCUMENTS)
def test_documents_name_commands_and_targets_that_exist(path):
    code = code_of(path)
    targets = set(re.findall(r"^([a-z][a-z-]*):", text("Makefile"), re.MULTILINE))
    assert set(re.findall(r"^(?:\s*)make ([a-z][a-z-]*)", code, re.MULTILINE)) <= targets
    assert set(re.findall(r"^(?:\s*)(?:\.venv/bin/)?forebay ([a-z][a-z_]*)", code, re.MULTILINE)) <= _COMMANDS.keys()


def test_every_make_target_has_its_line_of_help():
    made = text("Makefile")
    targets = next(line for line in made.splitlines() if line.startswith(".PHONY:")).split()[1:]
    assert not [target for target in targets if not re.search(rf"^{target}:.*## \S", made, re.MULTILINE)]


# --- pages ------------------------------------------------------------------------------------------------------------


def anchors(path: str) -> set[str]:
    """The fragments that a page's headings make."""
    headings = re.findall(r"^#+ (.+)$", text(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS)
def test_relative_links_resolve(path):
    broken = []
    for target, fragment in re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", text(path)):
        parts = (PurePosixPath(path).parent / target).parts if target else PurePosixPath(path).parts
        flat: list[str] = []
        for part in parts:
            flat = flat[:-1] if part == ".." else [*flat, part]
        found = "/".join(flat)
        if not (ROOT / found).exists() or (fragment and fragment not in anchors(found)):
            broken.append(f"{target}#{fragment}")
    assert not broken


def test_the_changelog_has_a_place_for_what_comes():
    assert re.search(r"^## Unreleased\n\n- ", text("CHANGELOG.md"), re.MULTILINE)


def test_the_map_of_the_code_names_every_package():
    page = text("ARCHITECTURE.md")
    packages = {"/".join(path.split("/")[:2]) for path in sources("gateway", "backends") if path.count("/") > 1}
    assert not [package for package in packages if f"{package.split('/')[1]}/" not in page]
    assert len(page.splitlines()) <= 130, "one page"


# --- providers --------------------------------------------------------------------------------------------------------


def yaml_of(path: str) -> dict[str, str]:
    """The blocks of a document that begin with the name of a profile's or a provider's file."""
    found = re.findall(r"^```yaml\n# model_profiles/(\S+)\n(.*?)^```", text(path), re.DOTALL | re.MULTILINE)
    return dict(found)


@pytest.mark.parametrize("path", ["docs/cloud.md", "docs/providers.md"])
def test_the_examples_of_providers_load(path, tmp_path):
    files = yaml_of(path)
    assert any(name.startswith("providers/") for name in files)
    files.setdefault("llm/none.yaml", NOBODY)
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content, "utf-8")
    loaded = load(tmp_path)
    assert not loaded.problems
    assert loaded.catalog is not None
    for profile in loaded.catalog.profiles.values():
        for offer in profile.cloud:
            operations = loaded.catalog.providers[offer.provider].operations
            assert all(chosen(operations, "clip", task, offer.model) == 0 for task in ("generate", "animate"))


def test_the_page_of_providers_names_every_name_and_filter():
    named = {name.partition("=")[0] for name in re.findall(r"`([^`\n]+)`", text("docs/providers.md"))}
    assert not FILTERS.keys() - named
    assert not set(get_args(Name)) - named


def test_every_provider_is_listed_with_its_kind_and_its_secrets():
    catalog = load(ROOT / "model_profiles").catalog
    assert catalog is not None
    rows = [
        [cell.strip() for cell in row.strip("|").split("|")]
        for row in text("docs/providers.md").splitlines()
        if row.startswith("| `")
    ]
    assert rows == [row_of(provider) for _, provider in sorted(catalog.providers.items())]


def row_of(provider):
    auth = provider.auth
    secrets = [] if auth is None else [auth.secret, *filter(None, [auth.client])]
    also = " + media" if provider.operations and provider.kind != "http" else ""
    told = " ".join(f"`{name}`" for name in (*secrets, *provider.given.values()))
    return [f"`{provider.id}`", provider.name, f"`{provider.kind}`{also}", told]
