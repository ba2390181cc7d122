"""The catalog against the installed vLLM: names that it knows, templates of ours as it reads them."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from backends.vllm import survey
from backends.vllm.args import VllmArgs
from backends.vllm.command import template_path
from backends.vllm.known import Known, read, unknown
from gateway.catalog.load import load
from gateway.settings import default_profiles_dir

pytestmark = pytest.mark.vllm
SCRIPT = Path(__file__).parent / "ask_vllm.py"
WITH_PICTURES = {"llama4_pythonic", "gemma3_pythonic"}
WITHOUT_TOOLS = {"codellama", "codellama_70b"}


@pytest.fixture(scope="module")
def answer(vllm_python: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, dict[str, object]]]:
    out = tmp_path_factory.mktemp("vllm") / "answer.json"
    argv = [str(vllm_python), str(SCRIPT), str(out), str(survey.__file__), str(template_path("x").parent)]
    environment = {"PATH": os.defpath, "VLLM_TARGET_DEVICE": "cpu", "HOME": str(out.parent)}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(out.read_text("utf-8"))


def test_it_knows_every_name_of_the_catalog(answer) -> None:
    known = read(json.dumps(answer["known"]).encode())
    assert isinstance(known, Known)
    catalog = load(default_profiles_dir()).catalog
    assert catalog is not None
    engines = [(f"{p.id}:{v.name}", v.engine) for p in catalog.profiles.values() for v in p.variants]
    on_vllm = [(name, engine) for name, engine in engines if isinstance(engine, VllmArgs)]
    assert len(on_vllm) > 80
    assert {name: told for name, engine in on_vllm if (told := list(unknown(engine, known)))} == {}


def test_it_gives_pictures_to_the_templates_that_take_them(answer) -> None:
    contents = {name: told["contents"] for name, told in answer["templates"].items()}
    assert contents == {name: "openai" if name in WITH_PICTURES else "string" for name in contents}
    assert contents.keys() >= WITH_PICTURES | WITHOUT_TOOLS


def test_its_parser_reads_what_the_template_shows_the_model_of_its_calls(answer) -> None:
    """The model writes as it reads, so both have to be one format."""
    wanted = [{"name": "weather", "arguments": given} for given in answer["asked"]]
    calls = {name: told["calls"] for name, told in answer["templates"].items() if name not in WITHOUT_TOOLS}
    assert len(calls) == 4
    assert calls == dict.fromkeys(calls, wanted)
