"""The engine of pictures: two builds of torch, which of them a machine gets, and what the disk must hold."""

import re
import subprocess
from pathlib import Path

import pytest

from backends.environments.environments import Installed
from backends.environments.machine import Machine
from backends.environments.runtimes import choose
from backends.errors import BackendError, Cause
from tests.unit.backends.environments.local_index import CPU_ONLY, Workshop

CARD = Machine(linux=True, nvidia=True)
MAC = Machine(linux=False, nvidia=False)
BACKENDS = Path(__file__).parents[4] / "backends"


@pytest.fixture
def pictures(workshop: Workshop) -> Workshop:
    workshop.diffusers()
    return workshop


def torch_of(installed: Installed) -> str:
    code = "import torch, diffusers, backends; print(torch.version)"
    command = [str(installed.python), "-I", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_without_a_card_the_small_build_is_taken_and_a_second_time_nothing_happens(pictures: Workshop) -> None:
    first = pictures.install(engine="diffusers")
    assert (first.runtime, first.version, first.changed) == ("diffusers_cpu", "1.0", True)
    assert torch_of(first) == "9.0+cpu"
    assert pictures.pip.asked == ["index", "install"]
    assert any("installing diffusers_cpu 1.0, takes 1.6 GB of disk" in message for message in pictures.messages)
    assert not pictures.install(engine="diffusers").changed
    assert pictures.pip.asked == ["index", "install"]
    assert pictures.environments().python("diffusers") == first.python


def test_where_no_index_has_the_small_build_the_other_is_taken_and_it_is_said_what_to_do(pictures: Workshop) -> None:
    pictures.without_small_torch()
    installed = pictures.install(engine="diffusers")
    assert (installed.runtime, torch_of(installed)) == ("diffusers", "9.0")
    assert pictures.pip.asked == ["index", "install"]
    (said,) = [message for message in pictures.messages if "no index" in message]
    assert "torch 9.0+cpu" in said
    assert "PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS" in said
    assert not (pictures.root / "diffusers" / "diffusers_cpu" / "envs").exists()
    assert pictures.environments().python("diffusers") == installed.python


def test_an_index_with_other_bytes_under_that_version_is_not_believed(pictures: Workshop) -> None:
    wheel = pictures.index / "torch-9.0+cpu-py3-none-any.whl"
    wheel.write_bytes(wheel.read_bytes() + b"\0")
    with pytest.raises(BackendError, match="pip could not install diffusers_cpu"):
        pictures.install("diffusers_cpu", engine="diffusers")
    assert list((pictures.root / "diffusers" / "diffusers_cpu" / "envs").iterdir()) == []


def test_with_a_card_only_the_build_for_it_is_meant(pictures: Workshop) -> None:
    pictures.machine = CARD
    chosen = pictures.install("diffusers_cpu", engine="diffusers")
    assert torch_of(chosen) == "9.0+cpu"
    assert pictures.environments().python("diffusers", "diffusers_cpu") == chosen.python
    assert pictures.environments().python("diffusers") is None
    pictures.without_small_torch()
    installed = pictures.install(engine="diffusers")
    assert (installed.runtime, torch_of(installed)) == ("diffusers", "9.0")
    assert pictures.pip.asked == ["index", "install", "install"]


@pytest.mark.parametrize(
    ("machine", "names"), [(CPU_ONLY, ["diffusers_cpu", "diffusers"]), (CARD, ["diffusers"]), (MAC, ["diffusers"])]
)
def test_what_auto_means(machine: Machine, names: list[str]) -> None:
    assert [runtime.name for runtime in choose(BACKENDS, "diffusers", "auto", machine)] == names
    assert [runtime.name for runtime in choose(BACKENDS, "diffusers", "diffusers_cpu", machine)] == ["diffusers_cpu"]
    assert len(choose(BACKENDS, "llama_cpp", "auto", machine)) == 2


def test_a_disk_without_room_is_said_before_anything_is_fetched(pictures: Workshop) -> None:
    pictures.room = 1_000_000_000
    with pytest.raises(BackendError) as caught:
        pictures.install(engine="diffusers")
    assert caught.value.cause is Cause.STORAGE
    assert re.match(r"diffusers_cpu needs [12]\.\d GB of disk below /.*, where 1\.0 GB are free", caught.value.detail)
    assert pictures.pip.asked == []
    assert not (pictures.root / "diffusers" / "diffusers_cpu" / "envs").exists()
    pictures.install("xllamacpp")


def test_the_locks_of_this_checkout() -> None:
    runtimes = {runtime.name: runtime for runtime in choose(BACKENDS, "diffusers", "auto", CPU_ONLY)}
    small, full = (runtimes[name].read() for name in ("diffusers_cpu", "diffusers"))
    assert small.pin("torch").version == f"{full.pin('torch').version}+cpu"
    assert {runtime.distribution for runtime in runtimes.values()} == {"diffusers"}
    for name in ("diffusers", "transformers", "accelerate", "peft", "cache-dit", "msgspec", "uvicorn"):
        assert small.pin(name).version == full.pin(name).version
    assert not [pin.name for pin in small.pins if re.match(r"nvidia|cuda|triton|bitsandbytes|torchvision", pin.name)]
    assert not [pin.name for lock in (small, full) for pin in lock.pins if pin.name == "nunchaku"]
    asked = runtimes["diffusers_cpu"].lock.with_suffix(".in").read_text()
    wheels = set(re.findall(r"^# ([0-9a-f]{64})  cp\d+ ", asked, re.MULTILINE))
    assert wheels == set(re.findall(r"sha256:([0-9a-f]{64})", small.pin("torch").text))


def test_on_a_mac_nothing_of_cuda_is_asked_for() -> None:
    (mac,) = choose(BACKENDS, "diffusers", "auto", MAC)
    for pin in mac.read().pins:
        if re.match(r"nvidia|cuda|triton|bitsandbytes|torchao", pin.name):
            assert "sys_platform == 'linux'" in pin.text
