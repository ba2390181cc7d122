"""The committed JSON Schema and the README's reference are those of the types."""

import json
from pathlib import Path

import jsonschema
import msgspec
import pytest
import yaml

from gateway.catalog.fields import FIELDS
from gateway.catalog.load import parse
from gateway.catalog.schema import BEGIN, END, json_schema, main, with_reference
from tests.unit.gateway.catalog.samples import BETA, CHAT, PICTURE, profile

FOLDER = Path(__file__).parents[4] / "model_profiles"


def test_the_committed_schema_is_current() -> None:
    assert (FOLDER / "schema.json").read_bytes() == json_schema(), "run: python -m gateway.catalog.schema"


def test_the_readme_names_every_field() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert with_reference(readme) == readme, "run: python -m gateway.catalog.schema"
    for kind in FIELDS:
        section = readme.partition(f"### {kind.__name__}\n")[2].partition("\n### ")[0]
        for field in kind.__struct_encode_fields__:
            assert f"| `{field}` |" in section


def test_every_field_of_every_struct_is_explained_and_no_other() -> None:
    schema = json.loads(json_schema())
    structs = {"ModelProfile": schema, **schema["$defs"]}
    explained = {kind.__name__: set(texts) for kind, texts in FIELDS.items()}
    assert explained == {name: set(d["properties"]) for name, d in structs.items() if "properties" in d}
    assert all(text.endswith((".", "`.")) for texts in FIELDS.values() for text in texts.values())


@pytest.mark.parametrize("text", [CHAT, BETA, PICTURE])
def test_good_profiles_satisfy_the_schema(text: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(json_schema()))
    jsonschema.validate(yaml.safe_load(text), json.loads(json_schema()))


@pytest.mark.parametrize(("old", "new"), [("tier: B", "tier: Z"), ("slots: 2", "slotz: 2"), ("n: 4", "n: 0")])
def test_an_editor_sees_mistakes(old: str, new: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(CHAT.replace(old, new)), json.loads(json_schema()))


def test_the_command_writes_both(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(f"# Mine\n\n{BEGIN}\nold\n{END}\n\nTail\n", encoding="utf-8")
    assert main([str(tmp_path)]) == 0
    assert msgspec.json.decode((tmp_path / "schema.json").read_bytes())["title"] == "Forebay model profile"
    readme = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert readme.startswith("# Mine\n")
    assert readme.endswith("\n\nTail\n")
    assert "| `why_not` |" in readme
    assert "old" not in readme.splitlines()


def test_a_readme_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="markers"):
        with_reference("# nothing here\n")


def test_the_readme_example_is_a_valid_profile_and_its_message_is_real() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    block = readme.partition("   ```yaml\n")[2].partition("   ```\n")[0]
    text = "".join(line[3:] for line in block.splitlines(keepends=True))
    assert profile(text).id == "my-model-7b"
    _, problems = parse("model_profiles/llm/my-model-7b.yaml", text.replace("slots", "slotz").encode())
    assert f"   {problems[0]}\n" in readme
