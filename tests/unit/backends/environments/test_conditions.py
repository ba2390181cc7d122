"""What a runtime needs of the machine, in the doctor's words."""

from pathlib import Path

import pytest

from backends.environments import conditions
from backends.environments.conditions import Cards, compiler_findings, libc_findings, why_none
from backends.environments.doctor import examine
from backends.environments.finding import Finding, Level
from backends.environments.machine import Machine
from backends.environments.runtimes import Runtime
from tests.unit.backends.environments.local_index import Workshop

HERE = Machine(linux=True, nvidia=False, python=(3, 11), arch="x86_64")
CARD = Machine(linux=True, nvidia=True, python=(3, 11), arch="x86_64")


def runtime(name: str) -> Runtime:
    return Runtime(engine="vllm", name=name, lock=Path("none"))


def look(workshop: Workshop, subject: str) -> list[Finding]:
    return [finding for finding in examine(workshop.environments(), ["vllm"])["vllm"] if finding.subject == subject]


@pytest.fixture
def cards(workshop: Workshop) -> Workshop:
    workshop.vllm()
    workshop.machine = HERE
    return workshop


@pytest.mark.parametrize(
    ("found", "level"),
    [(("glibc", "2.31"), None), (("glibc", "2.28"), Level.ERROR), (("glibc", "2.9"), Level.ERROR), (("", ""), None)],
)
def test_wheels_that_a_c_library_is_too_old_for(
    found: tuple[str, str], level: Level | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conditions.sys, "platform", "linux")
    findings = list(libc_findings(runtime("vllm"), found))
    assert [finding.level for finding in findings] == ([level] if level else [])
    assert all("glibc 2.31 or newer" in finding.message for finding in findings)
    assert list(libc_findings(runtime("xllamacpp"), found)) == []


def test_what_is_compiled_while_it_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = tmp_path / "Python.h"
    headers.touch()
    tools = tmp_path / "bin"
    tools.mkdir()
    monkeypatch.setattr(conditions.os, "defpath", str(tools))
    (missing,) = compiler_findings(runtime("vllm"), headers)
    assert missing.level is Level.WARNING
    assert "a C compiler" in missing.message
    for tool in ("gcc", "g++"):
        (tools / tool).touch(0o755)
    assert list(compiler_findings(runtime("vllm"), headers)) == []
    (missing,) = compiler_findings(runtime("vllm"), tmp_path / "none")
    assert "python3-dev" in missing.message
    assert list(compiler_findings(runtime("diffusers"), tmp_path / "none")) == []


@pytest.mark.parametrize(
    ("built", "driver", "words"),
    [
        ("13.0", "12.8", "needs a driver for CUDA 13, and the one here knows CUDA 12.8 at most"),
        ("13.0", "13.0", "CUDA_VISIBLE_DEVICES hides it"),
        ("13.0", "0.0", "CUDA_VISIBLE_DEVICES hides it"),
        ("0", "12.8", "CUDA_VISIBLE_DEVICES hides it"),
    ],
)
def test_why_torch_finds_no_card(built: str, driver: str, words: str) -> None:
    assert words in why_none(Cards(count=0, built=built, driver=driver))


def test_a_driver_that_is_too_old(cards: Workshop) -> None:
    cards.machine = CARD
    python = cards.install(engine="vllm").python
    module = next(python.parents[1].glob("lib/python*/site-packages/torch.py"))
    module.write_text(
        f"{module.read_text()}\ncuda.is_available = lambda: False\nclass version: cuda = '13.0'\n"
        "class _C: _cuda_getDriverVersion = lambda: 12040\n"
    )
    (worst,) = [finding for finding in look(cards, "vllm") if finding.level is Level.ERROR]
    assert worst.message.startswith("torch finds no NVIDIA card: it needs a driver for CUDA 13, and the one here knows")
    assert "CUDA 12.4 at most: update the driver" in worst.message


def test_several_cards_share_memory(cards: Workshop) -> None:
    cards.machine = CARD
    cards.install(engine="vllm")
    assert not [finding for finding in look(cards, "vllm") if "/dev/shm" in finding.message]
    cards.room = 64 << 20
    (short,) = [finding for finding in look(cards, "vllm") if "/dev/shm" in finding.message]
    assert short.level is Level.WARNING
    assert "--shm-size" in short.message


def test_without_a_card_its_absence_is_no_fault(cards: Workshop) -> None:
    found = examine(cards.environments(), ["vllm"])["vllm"]
    assert [(finding.level, finding.subject) for finding in found] == [(Level.WARNING, "vllm")]
    assert "needs an NVIDIA card" in found[0].message
    cards.machine = CARD
    found = examine(cards.environments(), ["vllm"])["vllm"]
    assert (Level.ERROR, "vllm") in [(finding.level, finding.subject) for finding in found]
    assert not [finding for finding in found if finding.subject == "vllm_cpu"]


def test_one_that_never_said_what_it_knows(cards: Workshop) -> None:
    (cards.package / "vllm" / "survey.py").write_text("raise ImportError('libnuma.so.1 is gone')")
    cards.install("vllm_cpu", engine="vllm")
    assert [f.level for f in look(cards, "vllm_cpu") if "never asked" in f.message] == [Level.WARNING]
    assert [f.message for f in look(cards, "vllm_cpu") if f.level is Level.OK] == ["version 1.0 works"]
