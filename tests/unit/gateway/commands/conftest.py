"""A command line on folders of its own."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from tests.fakes.gateway import engine_profile

WITH_WEIGHTS = """\
id: small
name: Small
modality: llm
tasks: [chat]
licence: Apache-2.0
open_weights: true
context_tokens: 2048
variants:
  - name: big
    engine: {kind: llama_cpp, context_tokens: 2048, slots: 1}
    weights: {source: "file:big.gguf", files: [{path: big.gguf, bytes: 4}]}
    footprint: {weights_bytes: 99000000000000}
  - name: tiny
    engine: {kind: llama_cpp, context_tokens: 2048, slots: 1}
    weights: {source: "file:tiny.gguf", files: [{path: tiny.gguf, bytes: 4}]}
    footprint: {weights_bytes: 1000}
"""


class Shell:
    """``forebay`` with settings below ``root``; never the user's own."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self._monkeypatch = monkeypatch
        for name in ("profiles", "state", "data", "cache", "models"):
            (root / name).mkdir()
            self.set(f"{name}_dir", str(root / name))
        self.set("port", "9")  # nobody answers there
        self.profile("echo", engine_profile("echo"))

    def set(self, name: str, value: str) -> None:
        self._monkeypatch.setenv(f"FOREBAY_{name.upper()}", value)

    def profile(self, name: str, text: str) -> None:
        (self.root / "profiles" / f"{name}.yaml").write_text(text, "utf-8")

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(main, list(words), catch_exceptions=False)

    def ok(self, *words: str) -> str:
        done = self.run(*words)
        assert done.exit_code == 0, done.output
        return done.stdout

    def json(self, *words: str):
        return json.loads(self.ok(*words, "--json"))


@pytest.fixture
def shell(tmp_path, monkeypatch) -> Shell:
    return Shell(tmp_path, monkeypatch)
