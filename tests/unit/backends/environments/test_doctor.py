"""The doctor's words, on environments in every state."""

import sys
from pathlib import Path

import pytest

from backends.environments import doctor
from backends.environments.doctor import examine
from backends.environments.finding import Finding, Level
from backends.environments.machine import Machine
from backends.errors import BackendError, Cause
from tests.unit.backends.environments.local_index import CPU_ONLY, Workshop


def look(workshop: Workshop, subject: str, *engines: str) -> list[Finding]:
    found = examine(workshop.environments(), engines or ("llama_cpp",))
    return [finding for its in found.values() for finding in its if finding.subject == subject]


def test_nothing_installed(workshop: Workshop) -> None:
    assert [finding.message for finding in look(workshop, "xllamacpp")] == ["not installed"]
    (missing,) = look(workshop, "llama_cpp")
    assert missing.level is Level.ERROR
    assert "forebay engines install llama_cpp" in missing.message
    assert look(workshop, "python")[0].level is Level.OK
    assert look(workshop, "disk")[0].message
    assert not workshop.root.exists()


def test_installed_then_outdated_then_broken(workshop: Workshop) -> None:
    python = workshop.install("xllamacpp").python
    assert [(f.level, f.message) for f in look(workshop, "xllamacpp")] == [(Level.OK, "version 1.0 works")]
    assert look(workshop, "llama_cpp") == []
    workshop.lock("xllamacpp", workshop.xllamacpp("2.0"))
    outdated, version = look(workshop, "xllamacpp")
    assert outdated.level is Level.WARNING
    assert "version 1.0 is installed, 2.0 is locked" in version.message
    module = next(python.parents[1].glob("lib/python*/site-packages/xllamacpp.py"))
    module.write_text("raise ImportError('libgomp.so.1: cannot open shared object file')")
    assert "cannot be imported: ImportError: libgomp.so.1" in look(workshop, "xllamacpp")[1].message
    module.write_text("import os; os._exit(4)")
    assert "exit code 4" in look(workshop, "xllamacpp")[1].message
    python.unlink()
    python.mkdir()
    assert "its Python does not run" in look(workshop, "xllamacpp")[1].message


@pytest.mark.parametrize(
    ("path", "level", "words"), [("/nowhere", Level.WARNING, "would need a C compiler"), (None, Level.OK, "found")]
)
def test_the_compiler(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str | None, level: Level, words: str
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("cc", "c++"):
        (tools / tool).write_text("")
        (tools / tool).chmod(0o755)
    monkeypatch.setenv("PATH", path or str(tools))
    (finding,) = look(workshop, "compiler")
    assert finding.level is level
    assert words in finding.message
    if path is None:
        assert "cmake and ninja would come from the index" in finding.message


def test_a_machine_that_is_not_fit(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_WANTED_FREE", 1 << 80)
    monkeypatch.setattr(doctor, "_MINIMUM_PYTHON", (9, 0))
    assert look(workshop, "disk")[0].level is Level.WARNING
    assert look(workshop, "python")[0].level is Level.ERROR


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there is a C library to choose on Linux only")
@pytest.mark.parametrize(
    ("found", "level"),
    [(("glibc", "2.36"), Level.OK), (("glibc", "2.12"), Level.WARNING), (("", ""), Level.WARNING)],
)
def test_the_c_library(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, found: tuple[str, str], level: Level
) -> None:
    monkeypatch.setattr(doctor.platform, "libc_ver", lambda: found)
    assert look(workshop, "libc")[0].level is level


def test_this_machine_is_looked_at_once_and_then_each_engine(workshop: Workshop) -> None:
    workshop.diffusers()
    found = examine(workshop.environments(), ["diffusers", "llama_cpp"])
    assert list(found) == ["machine", "diffusers", "llama_cpp"]
    assert [finding.subject for finding in found["machine"]] == ["python", "libc", "disk"]
    assert "machine" not in {finding.subject for its in found.values() for finding in its}


def test_one_of_two_engines_is_enough_unless_the_other_was_there(workshop: Workshop) -> None:
    workshop.diffusers()
    both = ("llama_cpp", "diffusers")
    assert {look(workshop, engine, *both)[-1].level for engine in both} == {Level.ERROR}
    installed = workshop.install("diffusers_cpu", engine="diffusers")
    (missing,) = look(workshop, "llama_cpp", *both)
    assert (missing.level, missing.message) == (
        Level.WARNING,
        "no usable environment; run: forebay engines install llama_cpp",
    )
    assert look(workshop, "llama_cpp")[0].level is Level.ERROR
    workshop.install("xllamacpp")
    (installed.python.parents[1] / "forebay.json").unlink()
    assert look(workshop, "diffusers", *both)[-1].level is Level.ERROR


def test_every_module_that_matters_is_imported(workshop: Workshop) -> None:
    workshop.diffusers()
    python = workshop.install("diffusers_cpu", engine="diffusers").python
    (works,) = look(workshop, "diffusers_cpu", "diffusers")
    assert (works.level, works.message) == (Level.OK, "version 1.0 works")
    next(python.parents[1].glob("lib/python*/site-packages/torch.py")).write_text("raise OSError('libgomp is gone')")
    (broken,) = look(workshop, "diffusers_cpu", "diffusers")
    assert (broken.level, broken.message) == (Level.ERROR, "cannot be imported: OSError: libgomp is gone")


@pytest.mark.parametrize(
    ("torch", "level", "words"),
    [
        ("", Level.OK, "torch finds 2 NVIDIA card(s)"),
        ("cuda.is_available = lambda: False", Level.ERROR, "newer driver"),
        ("cuda.device_count = lambda: 1 / 0", Level.ERROR, "ZeroDivisionError"),
    ],
)
def test_a_card_that_torch_does_not_find(workshop: Workshop, torch: str, level: Level, words: str) -> None:
    workshop.diffusers()
    workshop.without_small_torch()
    workshop.machine = Machine(linux=True, nvidia=True)
    python = workshop.install(engine="diffusers").python
    module = next(python.parents[1].glob("lib/python*/site-packages/torch.py"))
    module.write_text(f"{module.read_text()}\n{torch}")
    works, card = look(workshop, "diffusers", "diffusers")
    assert works.level is Level.OK
    assert card.level is level
    assert words in card.message
    assert look(workshop, "diffusers_cpu", "diffusers") == []
    workshop.machine = CPU_ONLY
    assert len(look(workshop, "diffusers", "diffusers")) == 1


def test_no_room_for_what_is_not_installed(workshop: Workshop) -> None:
    workshop.diffusers()
    workshop.room = 1_000_000_000
    (_, room) = look(workshop, "diffusers", "diffusers")[-2:]
    assert room.level is Level.WARNING
    assert room.message.startswith("diffusers_cpu needs ")
    assert "1.0 GB are free" in room.message


def test_an_unknown_engine(workshop: Workshop) -> None:
    with pytest.raises(BackendError) as caught:
        examine(workshop.environments(), ["llama_cpp", "nonsense"])
    assert caught.value.cause is Cause.NOT_FOUND
