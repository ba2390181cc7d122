"""The pure parts: lock files, routes, keys, paths, build lines, pip's environment."""

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from backends.environments import pip
from backends.environments.compile import build_fraction, has_version, missing_for_build
from backends.environments.kinds import Space
from backends.environments.lockfile import Pin, read_lock
from backends.environments.machine import Machine, this_machine
from backends.environments.paths import default_root, default_wheels
from backends.environments.progress import silent
from backends.environments.routes import Source, routes
from backends.environments.runtimes import Runtime
from backends.environments.space import existing, free_bytes, lack, same_disk, takes
from backends.environments.wheels import WheelCache, WheelKey, built_key, cpu_fingerprint, prebuilt_key
from backends.errors import BackendError, Cause

LOCK = """\
# comment
Jinja_2==3.1.6 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via something
plain==1.0 ; python_version < "3.12" --hash=sha256:cc
"""


def runtime(name: str) -> Runtime:
    return Runtime(engine="e", name=name, lock=Path("none"))


def test_a_lock_is_read_pin_by_pin(tmp_path: Path):
    path = tmp_path / "requirements-x.txt"
    path.write_text(LOCK)
    lock = read_lock(path)
    assert lock.sha256 == hashlib.sha256(LOCK.encode()).hexdigest()
    assert [(entry.name, entry.version) for entry in lock.pins] == [("jinja-2", "3.1.6"), ("plain", "1.0")]
    assert lock.pin("JINJA.2").text == "Jinja_2==3.1.6 --hash=sha256:aa --hash=sha256:bb"
    with pytest.raises(BackendError, match="does not pin numpy"):
        lock.pin("numpy")


def test_a_wheel_on_this_disk_replaces_one_entry_with_its_own_hash(tmp_path: Path):
    path, wheel = tmp_path / "requirements-x.txt", tmp_path / "plain-1.0-py3-none-any.whl"
    path.write_text(LOCK)
    wheel.write_bytes(b"wheel")
    first, second = read_lock(path).with_wheel("plain", wheel).splitlines()
    assert first.startswith("Jinja_2==3.1.6 ")
    assert second == f"plain @ {wheel.as_uri()} --hash=sha256:{hashlib.sha256(b'wheel').hexdigest()}"


@pytest.mark.parametrize("text", ["plain>=1.0 --hash=sha256:aa", "plain==1.0", "-r other.txt", "--index-url http://x"])
def test_what_is_not_pinned_with_a_hash_is_no_lock(tmp_path: Path, text: str):
    path = tmp_path / "requirements-x.txt"
    path.write_text(text)
    with pytest.raises(BackendError, match="not an exact pin") as caught:
        read_lock(path)
    assert caught.value.cause is Cause.STORAGE


def test_a_missing_lock(tmp_path: Path):
    with pytest.raises(BackendError, match="cannot be read"):
        read_lock(tmp_path / "requirements-x.txt")


def test_the_order_of_routes():
    both = [runtime("llama_cpp_python"), runtime("xllamacpp")]
    assert [(route.runtime.name, route.source) for route in routes(both, build=False)] == [
        ("llama_cpp_python", Source.WHEEL),
        ("xllamacpp", Source.LOCK),
        ("llama_cpp_python", Source.BUILD),
    ]
    assert [route.source for route in routes(both, build=True)] == [Source.BUILD]
    assert [route.source for route in routes([runtime("vllm")], build=False)] == [Source.LOCK]


@pytest.mark.parametrize(
    ("line", "fraction"),
    [
        ("[1/4] Building CXX object", 0.25),
        ("  [193/193] Linking", 1.0),
        ("[0/0] nothing", None),
        ("[7/4] odd", 1.0),
        ("-- The C compiler is [1/4]", None),
        ("", None),
    ],
)
def test_ninjas_lines(line: str, fraction: float | None):
    assert build_fraction(line) == fraction


@pytest.mark.parametrize(
    ("environment", "tools", "missing"),
    [
        ({}, {"gcc", "g++"}, 0),
        ({}, {"clang"}, 1),
        ({}, set[str](), 2),
        ({"CC": "icx", "CXX": "icpx"}, {"icx", "icpx"}, 0),
    ],
)
def test_missing_compilers_are_named(environment: dict[str, str], tools: set[str], missing: int):
    words = missing_for_build(environment, lambda name: name if name in tools else None)
    assert words == ("a C compiler (gcc or clang)", "a C++ compiler (g++ or clang++)")[2 - missing :]


def test_keys_depend_on_what_the_compiler_depends_on():
    plain = built_key("l", "1", {})
    assert plain == built_key("l", "1", {"HOME": "/x", "CMAKE_ARGS": ""})
    keys = {plain, built_key("l", "2", {}), built_key("l", "1", {"CMAKE_ARGS": "-DA=1"}), prebuilt_key("l", "1")}
    assert len({key.folder for key in keys}) == 4


def test_the_cpu_is_its_features_in_any_order(tmp_path: Path):
    for name, line in (("a", "flags\t\t: fpu avx2 sse\n"), ("b", "flags : sse fpu avx2\n"), ("c", "flags : sse fpu\n")):
        (tmp_path / name).write_text(f"processor : 0\n{line}")
    a, b, c, none = (cpu_fingerprint(tmp_path / name) for name in ("a", "b", "c", "absent"))
    assert a == b
    assert len({a, c, none}) == 3


def test_the_cache_gives_back_only_what_was_put_in(tmp_path: Path):
    cache = WheelCache(tmp_path / "cache")
    key = WheelKey(distribution="l", version="1", origin="built", machine="m")
    wheel = tmp_path / "l-1-py3-none-any.whl"
    wheel.write_bytes(b"first")
    assert cache.find(key) is None
    kept = cache.keep(key, wheel)
    assert cache.find(key) == kept
    wheel.write_bytes(b"second")
    assert cache.keep(key, wheel).read_bytes() == b"second"
    kept.write_bytes(b"tampered")
    assert cache.find(key) is None
    cache.keep(key, wheel)
    (kept.parent / "wheel.sha256").unlink()
    assert cache.find(key) is None
    assert [path.name for path in cache.root.iterdir()] == [key.folder]


def test_default_places(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", "/home/op")
    assert default_root({}) == Path("/home/op/.local/share/forebay/engines")
    assert default_wheels({"XDG_CACHE_HOME": "relative"}) == Path("/home/op/.cache/forebay/wheels")
    assert default_root({"XDG_DATA_HOME": "/data"}) == Path("/data/forebay/engines")


def test_pip_sees_the_operators_indexes_but_no_detours(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("PIP_TARGET", "/elsewhere")
    environment = pip.pip_environment()
    assert environment["PIP_INDEX_URL"] == "https://mirror.example/simple"
    assert not {"PYTHONPATH", "PIP_TARGET"} & set(environment)


def test_without_a_pip_of_our_own_the_environment_brings_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pip, "has_pip", lambda: True)
    assert pip.pip_command(Path("/e/bin/python"))[1:] == ["-m", "pip", "--python", "/e/bin/python"]
    monkeypatch.setattr(pip, "has_pip", lambda: False)
    assert pip.pip_command(Path("/e/bin/python")) == ["/e/bin/python", "-m", "pip"]


class SaidByPip:
    """A pip that only talks."""

    def __init__(self, code: int, *lines: str) -> None:
        self._code, self._lines = code, lines

    def run(self, python: Path, arguments: Sequence[str], log: Path) -> int:
        return self._code

    def read(self, arguments: Sequence[str], log: Path, each: pip.Line) -> int:
        for line in self._lines:
            each(line)
        return self._code


@pytest.mark.parametrize(
    ("code", "lines", "there"),
    [
        (0, ("torch (2.15.0)", "Available versions: 2.15.0, 2.13.0+cpu, 2.13.0"), True),
        (0, ("WARNING: experimental", "Available versions: 2.13.0, 12.13.0+cpu"), False),
        (1, ("ERROR: No matching distribution found for torch",), False),
        (1, ("No module named pip",), True),
        (0, ("a pip that words it otherwise",), True),
    ],
)
def test_only_a_pip_that_says_so_lacks_a_version(code: int, lines: tuple[str, ...], there: bool):
    wanted = Pin(name="torch", version="2.13.0+cpu", text="")
    assert has_version(SaidByPip(code, *lines), wanted, log=Path("none")) is there


def test_a_machine_is_known_by_its_device_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "platform", "linux")
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "nvidiactl").touch()
    assert this_machine(tmp_path) == Machine(linux=True, nvidia=False)
    (tmp_path / "dev" / "dxg").touch()
    assert not this_machine(tmp_path).nvidia
    library = tmp_path / "usr/lib/wsl/lib/libcuda.so.1"
    library.parent.mkdir(parents=True)
    library.touch()
    assert this_machine(tmp_path).nvidia
    (tmp_path / "dev" / "dxg").unlink()
    (tmp_path / "dev" / "nvidia1").touch()
    assert this_machine(tmp_path).nvidia
    monkeypatch.setattr(sys, "platform", "darwin")
    assert this_machine(tmp_path) == Machine(linux=False, nvidia=False)


def test_room_is_counted_where_it_is_needed(tmp_path: Path):
    space = Space(environment=2_000_000_000, downloads=500_000_000)
    root, downloads = tmp_path / "not" / "yet", tmp_path / "small"

    def words(on_root: float, on_downloads: float, *, together: bool) -> str:
        free = {root: int(on_root * 1e9), downloads: int(on_downloads * 1e9)}
        return lack(space, root, free.__getitem__, temporary=downloads, together=lambda one, other: together)

    assert words(2.5, 0, together=True) == words(2, 0.5, together=False) == ""
    assert words(2.4, 9, together=True) == f"needs 2.5 GB of disk below {root}, where 2.4 GB are free"
    assert words(1.9, 9, together=False) == f"needs 2.0 GB of disk below {root}, where 1.9 GB are free"
    small = words(9, 0.1, together=False)
    assert small == f"needs 0.5 GB of disk below {downloads}, where 0.1 GB are free; TMPDIR can name another folder"
    assert takes(space) == ", takes 2.0 GB of disk"
    assert takes(Space()) == ""


def test_a_folder_that_is_not_there_yet_is_on_the_disk_of_its_parents(tmp_path: Path):
    later = tmp_path / "a" / "b"
    assert existing(later) == tmp_path
    assert same_disk(later, tmp_path)
    assert free_bytes(later) > 0


def test_silence():
    assert silent("anything", 0.5) is None
