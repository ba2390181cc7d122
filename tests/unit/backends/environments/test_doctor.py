"""The doctor's words, on environments in every state."""

import sys
from pathlib import Path

import pytest

from backends.environments import doctor
from backends.environments.doctor import Finding, Level, examine
from backends.errors import BackendError, Cause
from tests.unit.backends.environments.local_index import Workshop


def look(workshop: Workshop, subject: str) -> list[Finding]:
    return [finding for finding in examine(workshop.environments(), "llama_cpp") if finding.subject == subject]


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


def test_an_unknown_engine(workshop: Workshop) -> None:
    with pytest.raises(BackendError) as caught:
        examine(workshop.environments(), "nonsense")
    assert caught.value.cause is Cause.NOT_FOUND
