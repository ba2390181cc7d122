"""Machines in words and in files."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.errors import BackendError, Cause
from gateway.scheduling.device import HOST
from gateway.scheduling.device_spec import parse

GIB = 1024**3


def shown(text: str) -> list[tuple[str, str, float]]:
    return [(device.id, device.name, device.total_bytes / GIB) for device in parse(text).devices]


@pytest.mark.parametrize(
    ("text", "machine"),
    [
        ("2xRTX4090-24,ram=64", [("gpu0", "RTX4090", 24), ("gpu1", "RTX4090", 24), (HOST, "host RAM", 64)]),
        ("1xH100-80, 2xRTX4090-24", [("gpu0", "H100", 80), ("gpu1", "RTX4090", 24), ("gpu2", "RTX4090", 24)]),
        ("RTX-6000-Ada-48,ram=128GiB", [("gpu0", "RTX-6000-Ada", 48), (HOST, "host RAM", 128)]),
        ("24", [("gpu0", "GPU", 24)]),
        ("2x24", [("gpu0", "GPU", 24), ("gpu1", "GPU", 24)]),
        ("ram=1GiB", [(HOST, "host RAM", 1)]),
        ("ram=512MiB", [(HOST, "host RAM", 0.5)]),
        ("A-1.5g,ram = 2", [("gpu0", "A", 1.5), (HOST, "host RAM", 2)]),
    ],
)
def test_a_machine_in_words(text: str, machine: list[tuple[str, str, float]]) -> None:
    assert shown(text) == machine


@pytest.mark.parametrize(
    "text", ["", "much", "2x", "ram=", "ram=0", "24,,", "65x24", "x-24tons", "-24", "a=24", "ram=-1"]
)
def test_what_describes_no_machine_is_told_the_form(text: str) -> None:
    with pytest.raises(BackendError) as wrong:
        parse(text)
    assert wrong.value.cause is Cause.INVALID_REQUEST
    assert '"2xRTX4090-24,ram=64"' in wrong.value.detail


def test_a_machine_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "machine.yaml"
    path.write_text("devices:\n  - {name: L40S, total: 48GiB, count: 2, foreign: 500MiB}\nram: 256\nram_foreign: 8\n")
    first, second, host = parse(f"@{path}").devices
    assert (first.id, second.id, first.name, first.foreign_bytes) == ("gpu0", "gpu1", "L40S", 500 * 1024**2)
    assert (host.total_bytes, host.foreign_bytes) == (256 * GIB, 8 * GIB)
    other = tmp_path / "machine.json"
    other.write_text('{"devices": [{"total": "24"}]}')
    assert shown(str(other)) == [("gpu0", "GPU", 24)]


def test_mistakes_in_files_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "machine.yaml"
    for content, words in (
        ("cards: []", "unknown field `cards`"),
        ("devices: [{total: many}]", "describes no machine"),
        ("{", "machine.yaml"),
        ("devices: []", "describes no machine"),
    ):
        path.write_text(content)
        with pytest.raises(BackendError) as wrong:
            parse(str(path))
        assert words in wrong.value.detail
        assert "machine.yaml" in wrong.value.detail
    with pytest.raises(BackendError) as wrong:
        parse(str(tmp_path / "gone.yaml"))
    assert "No such file" in wrong.value.detail


cards = st.lists(
    st.tuples(
        st.integers(1, 4), st.from_regex(r"[A-Za-z][A-Za-z0-9 ]{0,8}[A-Za-z0-9]", fullmatch=True), st.integers(1, 200)
    ),
    min_size=1,
    max_size=4,
)


@given(cards=cards, ram=st.none() | st.integers(1, 1000))
def test_what_was_written_is_what_is_there(cards: list[tuple[int, str, int]], ram: int | None) -> None:
    text = ",".join(f"{count}x{name}-{size}" for count, name, size in cards) + (f",ram={ram}" if ram else "")
    devices = parse(text).devices
    expected = [(name, size * GIB) for count, name, size in cards for _ in range(count)]
    assert [(device.name, device.total_bytes) for device in devices if device.is_gpu] == expected
    assert [device.total_bytes for device in devices if not device.is_gpu] == ([ram * GIB] if ram else [])
