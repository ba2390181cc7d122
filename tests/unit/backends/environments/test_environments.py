"""Installing for real, with pip and virtual environments, from an index in a directory."""

import fcntl
import subprocess
import threading
from pathlib import Path

import pytest

from backends.environments.environments import Environments
from backends.environments.venv import VirtualEnvironment
from backends.errors import BackendError, Cause
from tests.unit.backends.environments.local_index import Workshop, make_sdist, make_wheel, pin


def output(python: Path, code: str) -> str:
    return subprocess.run([str(python), "-I", "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_auto_takes_the_runtime_that_needs_no_build_and_a_second_time_does_nothing(workshop: Workshop) -> None:
    assert workshop.environments().python("llama_cpp") is None
    first = workshop.install()
    assert (first.runtime, first.version, first.changed) == ("xllamacpp", "1.0", True)
    assert workshop.pip.asked == ["download", "install"]
    assert any("no index has a ready wheel" in message for message in workshop.messages)
    assert output(
        first.python, "import os, xllamacpp, tiny, backends; print(os.path.realpath(backends.__file__))"
    ) == str(workshop.package / "__init__.py")
    second = workshop.install()
    assert (second.python, second.changed) == (first.python, False)
    assert workshop.pip.asked == ["download", "install"]
    assert workshop.environments().python("llama_cpp") == first.python
    assert workshop.environments().python("llama_cpp", "llama_cpp_python") is None


def test_only_our_package_is_linked(workshop: Workshop) -> None:
    installed = workshop.install("xllamacpp")
    with pytest.raises(subprocess.CalledProcessError):
        output(installed.python, "import secret")


def test_the_link_follows_a_moved_checkout(workshop: Workshop) -> None:
    installed = workshop.install("xllamacpp")
    moved = workshop.package.parent.rename(workshop.package.parents[1] / "moved") / "backends"
    python = Environments(workshop.root, pip=workshop.pip, package=moved).python("llama_cpp")
    assert python == installed.python
    assert output(installed.python, "import os, backends; print(os.path.realpath(backends.__file__))") == str(
        moved / "__init__.py"
    )


def test_a_changed_lock_makes_a_new_environment_and_the_old_one_stays_for_those_in_it(workshop: Workshop) -> None:
    old = workshop.install("xllamacpp")
    workshop.lock("xllamacpp", workshop.xllamacpp("2.0"))
    assert workshop.environments().python("llama_cpp") is None
    new = workshop.install("xllamacpp")
    assert (new.version, new.changed) == ("2.0", True)
    assert new.python != old.python
    assert output(old.python, "import xllamacpp") == ""
    workshop.lock("xllamacpp", workshop.xllamacpp("3.0"))
    newest = workshop.install("xllamacpp")
    assert not old.python.exists()
    assert new.python.exists()
    assert workshop.environments().python("llama_cpp") == newest.python


def test_a_wheel_whose_bytes_changed_is_refused_and_nothing_is_left(workshop: Workshop) -> None:
    wheel = workshop.index / "xllamacpp-1.0-py3-none-any.whl"
    wheel.write_bytes(wheel.read_bytes() + b"\0")
    with pytest.raises(BackendError, match="pip could not install xllamacpp") as caught:
        workshop.install("xllamacpp")
    assert caught.value.cause is Cause.LOAD_FAILED
    assert workshop.environments().python("llama_cpp") is None
    assert list((workshop.root / "llama_cpp" / "xllamacpp" / "envs").glob("*")) == []
    assert "THESE PACKAGES DO NOT MATCH" in (workshop.root / "llama_cpp" / "xllamacpp" / "install.log").read_text()


def test_what_a_killed_installation_left_is_removed_and_does_not_count(workshop: Workshop) -> None:
    half = workshop.root / "llama_cpp" / "xllamacpp" / "envs" / "1.0-killed"
    VirtualEnvironment(half).create()
    (half.parents[1] / "current").symlink_to("envs/1.0-killed")
    (half.parents[1] / ".current").symlink_to("envs/nowhere")
    assert workshop.environments().python("llama_cpp") is None
    installed = workshop.install("xllamacpp")
    assert installed.changed
    assert workshop.environments().python("llama_cpp") == installed.python


def test_build_compiles_shows_progress_and_caches_the_wheel(workshop: Workshop) -> None:
    built = workshop.install("llama_cpp_python", build=True)
    assert built.changed
    assert built.wheel == "llama_cpp_python-0.3.36-py3-none-any.whl"
    assert output(built.python, "import llama_cpp, tiny, backends; print(llama_cpp.built)") == "True"
    percent = [message.split(" after ")[0] for message in workshop.messages if message.startswith("compiling")]
    assert percent == [f"compiling llama-cpp-python 0.3.36: {n} %" for n in (50, 100)]
    assert workshop.pip.asked == ["wheel", "install"]
    assert not workshop.install("llama_cpp_python", build=True).changed
    assert workshop.environments().python("llama_cpp") == built.python


def test_a_cached_wheel_makes_the_next_environment_without_a_compiler(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.install(build=True)
    workshop.root.rename(workshop.root.with_name("elsewhere"))
    monkeypatch.setenv("PATH", "/nowhere")
    workshop.pip.asked.clear()
    again = workshop.install()
    assert (again.runtime, again.changed) == ("llama_cpp_python", True)
    assert workshop.pip.asked == ["install"]


def test_other_compiler_flags_build_another_wheel(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    workshop.install(build=True)
    monkeypatch.setenv("CMAKE_ARGS", "-DGGML_NATIVE=OFF")
    assert workshop.install(build=True).changed
    assert workshop.pip.asked.count("wheel") == 2


def test_a_wheel_from_an_index_is_taken_first(workshop: Workshop) -> None:
    make_wheel(workshop.index, "llama_cpp_python", "0.3.36", "llama_cpp", "built = False")
    ready = workshop.install()
    assert (ready.runtime, ready.changed) == ("llama_cpp_python", True)
    assert output(ready.python, "import llama_cpp; print(llama_cpp.built)") == "False"
    assert workshop.pip.asked == ["download", "install"]
    built = workshop.install(build=True)
    assert built.changed
    assert output(built.python, "import llama_cpp; print(llama_cpp.built)") == "True"


def test_auto_builds_when_nothing_ready_fits(workshop: Workshop) -> None:
    (workshop.index / "xllamacpp-1.0-py3-none-any.whl").unlink()
    installed = workshop.install()
    assert installed.runtime == "llama_cpp_python"
    assert workshop.pip.asked == ["download", "install", "wheel", "install"]


def test_when_nothing_works_each_reason_is_given(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    (workshop.index / "xllamacpp-1.0-py3-none-any.whl").unlink()
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(BackendError) as caught:
        workshop.install()
    assert caught.value.cause is Cause.LOAD_FAILED
    for reason in ("no index has a ready wheel", "pip could not install xllamacpp", "needs a C compiler"):
        assert reason in caught.value.detail


def test_a_failing_build_gives_the_end_of_its_output(workshop: Workshop) -> None:
    make_sdist(workshop.index, "def build_wheel(*a, **k):\n    raise SystemExit('cc1plus: internal compiler error')\n")
    workshop.lock("llama-cpp-python", pin("llama-cpp-python", "0.3.36", workshop.sdist))
    with pytest.raises(BackendError, match=r"building llama-cpp-python 0\.3\.36 failed") as caught:
        workshop.install(build=True)
    assert "internal compiler error" in caught.value.private


def test_names_that_do_not_exist(workshop: Workshop) -> None:
    with pytest.raises(BackendError, match="no engine 'nonsense'") as caught:
        workshop.environments().install("nonsense")
    assert caught.value.cause is Cause.NOT_FOUND
    with pytest.raises(BackendError, match="it has llama_cpp_python, xllamacpp"):
        workshop.install("nonsense")
    with pytest.raises(BackendError, match="never built") as caught:
        workshop.install("xllamacpp", build=True)
    assert caught.value.cause is Cause.INVALID_REQUEST


def test_a_place_that_cannot_be_written(workshop: Workshop) -> None:
    workshop.root.write_text("a file")
    with pytest.raises(BackendError, match="cannot be written") as caught:
        workshop.install("xllamacpp")
    assert caught.value.cause is Cause.STORAGE


def test_a_damaged_lock_ends_the_installation(workshop: Workshop) -> None:
    workshop.lock("llama-cpp-python", "llama-cpp-python>=0.3\n")
    with pytest.raises(BackendError, match="not an exact pin") as caught:
        workshop.install()
    assert caught.value.cause is Cause.STORAGE


def test_two_installations_at_once_make_one_environment(workshop: Workshop) -> None:
    lock = workshop.root / "llama_cpp" / "xllamacpp" / "install.lock"
    lock.parent.mkdir(parents=True)
    results: list[bool] = []
    waiting = threading.Event()

    def progress(message: str, fraction: float | None = None) -> None:
        if "waiting" in message:
            waiting.set()

    def second() -> None:
        results.append(workshop.environments().install("llama_cpp", "xllamacpp", progress=progress).changed)

    with lock.open("a") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(30)
    # The holder is gone; whoever comes first makes it, the other finds it.
    results.append(workshop.install("xllamacpp").changed)
    thread.join(60)
    assert sorted(results) == [False, True]
    assert len(list((lock.parent / "envs").iterdir())) == 1
