"""Folders of weights: what belongs to one, when it is whole, and how it is pulled from the hub at one commit."""

import pytest
from huggingface_hub import constants

from backends.errors import BackendError, Cause
from backends.weights.folder import wanted
from backends.weights.pull import pull
from tests.unit.backends.weights.conftest import Folder, Told, Weights
from tests.unit.backends.weights.hub import COMMIT, hub

FILES = {
    "model_index.json": b"{}",
    "unet.safetensors": b"u" * 3000,
    "vae.safetensors": b"v" * 2000,
    "unet.bin": b"pickle",
    "run.py": b"import os",
    "README.md": b"words",
}
WANTED = ["model_index.json", "unet.safetensors", "vae.safetensors"]
HUB = Weights("hf:o/r", (), Folder())


@pytest.fixture
def server(monkeypatch, tmp_path):
    with hub(dict(FILES)) as running:
        monkeypatch.setattr(constants, "ENDPOINT", running.url)
        monkeypatch.setattr("huggingface_hub.hf_api.constants.ENDPOINT", running.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", running.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        yield running


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        ("unet/a.safetensors", True),
        ("model_index.json", True),
        ("old/a.safetensors", False),
        ("unet/a.bin", False),
        ("a.json/../../x.json", False),
        ("/etc/a.json", False),
        ("code/run.py", False),
        ("README.md", False),
    ],
)
def test_what_belongs_to_it(path, taken):
    folder = Folder(include=("*.safetensors", "*.json", "*.bin", "*.py"), exclude=("old/*",))
    assert wanted([path], folder) == ([path] if taken else [])


@pytest.mark.parametrize(("include", "taken"), [("run.py", True), ("*.py", False), ("r?n.py", False), ("*", False)])
def test_code_is_taken_by_its_exact_name_only(include, taken):
    assert wanted(["run.py"], Folder(include=(include,))) == (["run.py"] if taken else [])
    assert wanted(["a/run.py", "run.pkl"], Folder(include=("run.py", "run.pkl"))) == []


def test_everything_that_matches_from_one_commit(store, server, told):
    (folder,) = pull(HUB, store, told)
    assert sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) == sorted(
        [*WANTED, *(f"{name}.verified" for name in WANTED)]
    )
    fetched = [path for method, path, _ in server.asked if method == "GET" and "/resolve/" in path]
    assert fetched == [f"/o/r/resolve/{COMMIT}/{name}" for name in WANTED]
    assert store.locate(HUB) == (folder,)
    assert store.missing_bytes(HUB) == 0
    before = len(server.asked)
    assert pull(HUB, store, told) == (folder,)
    assert len(server.asked) == before, "a second pull asks nobody"


def test_what_arrives_wrong_is_not_whole_and_is_fetched_again(store, server):
    server.etag = "0" * 64
    with pytest.raises(BackendError) as caught:
        pull(HUB, store, Told())
    assert caught.value.cause is Cause.LOAD_FAILED
    assert store.locate(HUB) is None
    assert store.missing_bytes(HUB) == HUB.folder.bytes
    server.etag = None
    pull(HUB, store, Told())
    assert store.locate(HUB) is not None


def test_a_file_that_changed_or_other_patterns_make_it_not_whole(store, server):
    (folder,) = pull(HUB, store, Told())
    other = Weights("hf:o/r", (), Folder(include=("*.safetensors",)))
    assert store.locate(other) is None
    assert pull(other, store, Told()) == (folder,)
    assert store.locate(HUB) == store.locate(other) == (folder,), "two takings of one repository"
    (folder / "vae.safetensors").write_bytes(b"x")
    assert store.locate(HUB) is None


def test_when_the_branch_moves_on_what_an_earlier_pull_left_is_not_mixed_in(store, server):
    server.etag = "0" * 64  # stops after the small file, which has no digest
    with pytest.raises(BackendError):
        pull(HUB, store, Told())
    server.etag = None
    server.commit = "d" * 40
    server.files["model_index.json"] = b"[]"  # as long as before
    server.files["vae.safetensors"] = b"w" * 2000
    (folder,) = pull(HUB, store, Told())
    assert (folder / "model_index.json").read_bytes() == b"[]"
    server.commit = "e" * 40
    server.files["vae.safetensors"] = b"x" * 2000
    other = Weights("hf:o/r", (), Folder(include=("*.safetensors",)))
    asked = len(server.asked)
    pull(other, store, Told())
    assert (folder / "vae.safetensors").read_bytes() == b"x" * 2000
    fetched = [path for method, path, _ in server.asked[asked:] if method == "GET" and "/resolve/" in path]
    assert fetched == [f"/o/r/resolve/{'e' * 40}/vae.safetensors"], "what is the same is kept"
    assert store.locate(HUB) is None, "its files are of two commits now"
    pull(HUB, store, Told())
    assert store.locate(HUB) == store.locate(other) == (folder,)


def test_a_small_file_that_somebody_changed_is_fetched_again(store, server):
    (folder,) = pull(HUB, store, Told())
    (folder / "model_index.json").write_bytes(b"{}\n")
    assert store.locate(HUB) is None
    pull(HUB, store, Told())
    assert (folder / "model_index.json").read_bytes() == b"{}"


def test_a_file_that_cannot_be_replaced(store, server):
    (folder,) = pull(HUB, store, Told())
    (folder / "model_index.json").write_bytes(b"{}\n")
    for lock in store.root.glob(".*.lock"):
        lock.unlink()
        lock.mkdir()
    with pytest.raises(BackendError, match="cannot be replaced") as caught:
        pull(HUB, store, Told())
    assert caught.value.cause is Cause.STORAGE


def test_a_repository_that_is_not_there_or_has_nothing(store, server):
    with pytest.raises(BackendError, match="no file that is wanted"):
        pull(Weights("hf:o/r", (), Folder(include=("*.gguf",))), store, Told())
    server.refuse = 404
    with pytest.raises(BackendError, match="does not exist"):
        pull(HUB, store, Told())


def test_an_operators_own_folder_is_taken_as_it_is(store, tmp_path):
    folder = tmp_path / "models" / "sd"
    mine = Weights("file:sd", (), Folder())
    assert store.locate(mine) is None
    with pytest.raises(BackendError, match="is not there"):
        pull(mine, store, Told())
    folder.mkdir()
    (folder / "notes.txt").write_text("nothing that is wanted")
    assert store.locate(mine) is None
    (folder / "model_index.json").write_text("{}")
    assert store.locate(mine) == pull(mine, store, Told()) == (folder,)
    single = Weights("file:sd/model_index.json", (), Folder())
    assert store.locate(single) == (folder / "model_index.json",)
    (folder / "whole.ckpt").write_bytes(b"pickle")
    assert store.locate(Weights("file:sd/whole.ckpt", (), Folder())) is None, "loading it would run code"
