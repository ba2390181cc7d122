"""Rules, alerts and the dashboard: by promtool, and against a real Prometheus that scrapes a real gateway."""

import asyncio
import json
import re
import socket
import subprocess
from pathlib import Path

import httpx
import pytest
import yaml

from backends.contract import BackendState
from gateway.errors import TABLE
from gateway.telemetry.metrics import Metrics
from tests.deploy.programs import DEPLOY, program, run
from tests.fakes.gateway import engine_profile, running_gateway

RULES = DEPLOY / "prometheus" / "rules" / "forebay.yaml"
DASHBOARD = json.loads((DEPLOY / "grafana" / "dashboards" / "forebay.json").read_text())
DEADLINE = 60.0
CHAT = {"model": "echo", "messages": [{"role": "user", "content": "Hi there"}], "max_tokens": 8}


def expressions() -> list[str]:
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def queries() -> list[str]:
    """Of the dashboard and of every rule, alerts too."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [*expressions(), *(rule["expr"] for group in groups for rule in group["rules"])]


def test_every_metric_named_exists():
    """``or vector(0)`` and an alert that is silent answer the same for a metric that nobody has."""
    metrics = Metrics("0")
    metrics.observe(lambda: iter(()))
    exposed = set(re.findall(r"^# HELP (\w+)", metrics.expose().decode(), re.MULTILINE))
    named = {name for query in queries() for name in re.findall(r"(?<![\w:])gateway_\w+", query)}
    assert len(named) > 15
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in named} <= exposed


@pytest.mark.parametrize(
    ("label", "known"),
    [
        ("outcome", {meaning.outcome for meaning in TABLE.values()} | {"ok", "cancelled"}),
        ("phase", {state.value for state in BackendState}),
        ("to", {state.value for state in BackendState}),
    ],
)
def test_every_label_value_named_exists(label, known):
    named = {
        value
        for query in queries()
        for listed in re.findall(rf'\b{label}=~?"([^"$]+)"', query)
        for value in listed.split("|")
    }
    assert named
    assert named <= known


def test_rules_and_their_unit_tests():
    promtool = program("promtool", "prometheus")
    run(promtool, "check", "rules", RULES)
    run(promtool, "test", "rules", DEPLOY / "prometheus" / "tests" / "forebay.yaml")


def test_a_broken_alert_fails_its_unit_test(tmp_path):
    promtool = program("promtool", "prometheus")
    (tmp_path / "rules").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "rules" / "forebay.yaml").write_text(
        RULES.read_text().replace("== 0\n        for: 2m", "== 2\n        for: 2m")
    )
    tests = (DEPLOY / "prometheus" / "tests" / "forebay.yaml").read_text()
    (tmp_path / "tests" / "forebay.yaml").write_text(tests)
    done = subprocess.run(
        [promtool, "test", "rules", "tests/forebay.yaml"], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode != 0


def test_every_alert_has_a_unit_test():
    tests = (DEPLOY / "prometheus" / "tests" / "forebay.yaml").read_text()
    alerts = [
        rule["alert"]
        for group in yaml.safe_load(RULES.read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]
    assert len(alerts) >= 9
    assert [alert for alert in alerts if f"alertname: {alert}\n        exp_alerts" not in tests] == []


def test_the_configuration():
    run(program("promtool", "prometheus"), "check", "config", DEPLOY / "prometheus" / "prometheus.yml")


def test_the_dashboard_is_laid_out():
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = set()
    for panel in panels:
        grid = panel["gridPos"]
        assert panel["datasource"]["uid"] == "prometheus"
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert grid["x"] + grid["w"] <= 24
        mine = {
            (x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert not mine & cells, panel["title"]
        cells |= mine
    source = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yaml").read_text())
    assert source["datasources"][0]["uid"] == "prometheus"


class Prometheus:
    """A server on loopback that scrapes one address every half second; ends with the test."""

    def __init__(self, binary: str, folder: Path, target: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "500ms", "evaluation_interval": "500ms"}
        config["rule_files"] = [str(RULES)]
        config["scrape_configs"][0]["static_configs"][0]["targets"] = [target]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen(
            [
                binary,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={self.address}",
            ],
            stdout=self._log,
            stderr=self._log,
        )

    async def empty(self, client: httpx.AsyncClient, wanted: list[str]) -> dict[str, object]:
        """Those of ``wanted`` that have no number yet, with the answer."""
        missing: dict[str, object] = {}
        for expression in wanted:
            try:
                reply = await client.get(f"http://{self.address}/api/v1/query", params={"query": expression})
            except httpx.TransportError as error:
                return {expression: error}
            result = reply.json().get("data", {}).get("result", [])
            if not any(sample["value"][1] != "NaN" for sample in result):
                missing[expression] = reply.json()
        return missing

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)
        self._log.close()


@pytest.mark.timeout(180)
async def test_every_expression_of_dashboard_and_rules_has_data(tmp_path):
    binary = program("prometheus", "prometheus")
    wanted = [text.replace("$model", ".*").replace("$__rate_interval", "1m") for text in expressions()]
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    wanted += [rule["record"] for rule in rules if "record" in rule]
    async with running_gateway({"echo": engine_profile("echo")}) as gateway:
        prometheus = Prometheus(binary, tmp_path, gateway.address.removeprefix("http://"))
        try:
            async with asyncio.timeout(DEADLINE), httpx.AsyncClient() as client:
                missing: dict[str, object] = {"": "not asked yet"}
                while missing:
                    # So that there are loads, waits and changes of state after the first scrape, too.
                    assert (await gateway.client.post("/api/unload", json={"model": "echo"})).status_code == 200
                    for stream in (False, True):
                        reply = await gateway.client.post("/v1/chat/completions", json=CHAT | {"stream": stream})
                        assert reply.status_code == 200
                    missing = await prometheus.empty(client, wanted)
        except TimeoutError:
            pytest.fail(f"no data for {json.dumps(missing, indent=1, default=str)}")
        finally:
            prometheus.stop()
