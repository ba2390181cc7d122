"""Mistakes in operations are found when the file is read, each with its line; answers of any shape are read calmly."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.cloud.media.extract import Extract, ExtractError
from backends.cloud.media.plan import chosen, plan_of
from backends.cloud.media.verdict import nanousd_of, percent_of, state_of
from gateway.catalog.providers import parse_provider
from tests.fakes.vendor import clips, operation

FILE = """\
id: v
name: V
kind: http
base_url: https://api.example.org/v1
auth: {secret: V_KEY}
privacy: {country: US, as_of: 2026-11-23, source: its terms}
operations:
  - makes: clip
    tasks: [generate]
    requests:
      - path: /clips/${model}
        body:
          prompt: ${prompt}
          ratio: "${size|ratio}"
          input: ["${image|data_uri}"]
    job:
      id: id
      poll: {path: "/tasks/${id}"}
      status: status
      states: {completed: [DONE]}
    result: {path: output}
"""
MISTAKES = [
    ("${prompt}", "${promptly}", '13:19: operations[0].requests[0].body.prompt: no name "promptly"'),
    ("|ratio}", "|ration}", '14:18: operations[0].requests[0].body.ratio: no filter "ration"'),
    ("|data_uri}", "}", "15:19: operations[0].requests[0].body.input[0]: a file is no JSON"),
    ("|data_uri}", "|ratio}", "15:19: operations[0].requests[0].body.input[0]: is for size"),
    ("${size|ratio}", "${size|clamp=2..9}", "14:18: operations[0].requests[0].body.ratio: is for numbers"),
    ("${size|ratio}", "${seconds|oneof=a,b}", "14:18: operations[0].requests[0].body.ratio: needs numbers"),
    ("${size|ratio}", "${size|nearest=big}", "14:18: operations[0].requests[0].body.ratio: needs pairs"),
    ("/clips/${model}", "/clips/${prompt}", '11:15: operations[0].requests[0].path: no name "prompt"'),
    ("/clips/${model}", "/clips/${id}", '11:15: operations[0].requests[0].path: no name "id"'),
    ("/clips/${model}", "clips", "11:15: operations[0].requests[0].path: begins with /"),
    ("path: output", "path: 'output['", "21:20: operations[0].result.path: no JMESPath"),
    ("status: status", "status: '!'", "19:15: operations[0].job.status: no JMESPath"),
    ('{path: "/tasks/${id}"}', "{method: GET}", "18:13: operations[0].job.poll: needs a path or a url"),
    ("tasks: [generate]", "tasks: [paint]", '9:13: operations[0].tasks[0]: "paint" is not one of'),
    ("states: {completed: [DONE]}", "states: {}", '20:15: operations[0].job.states: missing key "completed"'),
    ("makes: clip", "makes: clip\n    limits: {n: 2}", "9:17: operations[0].limits.n: clips are made one by one"),
    ("id: v\n", "id: v\nmedia: {base_url: http://a.example}\n", "2:19: media.base_url: plain http"),
    ("secret: V_KEY", "secret: V_KEY, kind: oauth_client_credentials", "5:7: auth: client and token_url are needed"),
    ("id: v\n", "id: v\ngiven: {seed: A_KEY}\n", "2:15: given.seed: is a name that every request has"),
]


def test_the_file_is_right_before_it_is_broken() -> None:
    provider, problems = parse_provider("v.yaml", FILE.encode())
    assert problems == []
    assert provider is not None
    assert provider.operations[0].requests[0].path == "/clips/${model}"


@pytest.mark.parametrize(("old", "new", "expected"), MISTAKES)
def test_a_mistake_has_a_line(old: str, new: str, expected: str) -> None:
    assert FILE.count(old) == 1
    _, problems = parse_provider("v.yaml", FILE.replace(old, new).encode())
    shown = [f"{each.line}:{each.column}: {each.where}: {each.message}" for each in problems]
    assert any(each.startswith(expected) for each in shown), shown


def test_a_provider_of_nothing(tmp_path: Path) -> None:
    _, problems = parse_provider("v.yaml", FILE[: FILE.index("operations")].encode())
    assert [each.message for each in problems] == ["operations are needed"]


def test_the_first_operation_that_fits() -> None:
    several = (operation(models=["a-*", "b"]), operation(), clips(models=["a-1"]))
    assert [chosen(several, *each) for each in (
        ("picture", "generate", "a-1"), ("picture", "generate", "b"), ("picture", "generate", "c"),
        ("picture", "edit", "a-1"), ("clip", "animate", "a-1"), ("clip", "animate", "a-2"),
    )] == [0, 0, 1, None, 2, None]  # fmt: skip


def test_states_progress_and_cost() -> None:
    plan, faults = plan_of(clips(job={"working": [202]}))
    assert faults == ()
    assert plan is not None
    assert state_of(plan, 202, None) == ("in_progress", "")
    assert state_of(plan, 200, {"status": "SUCCEEDED"}) == ("completed", "")
    assert state_of(plan, 200, {"status": "dreaming"}) == ("in_progress", "dreaming")
    assert state_of(plan, 200, ["nothing"]) == ("in_progress", "")
    assert [percent_of(plan, {"progress": each}) for each in (0.25, "0.5", 7, -1, None, True)] == [
        25.0, 50.0, 100.0, 0.0, None, None,
    ]  # fmt: skip
    assert [nanousd_of(plan, {"credits": each}, {"credits": 3}) for each in (2, "2.5", None, -1)] == [
        20_000_000, 25_000_000, 30_000_000, 30_000_000,
    ]  # fmt: skip


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(), lambda each: st.lists(each) | st.dictionaries(st.text(), each)
)


@given(JSON)
def test_answers_of_any_shape_are_read(answer: object) -> None:
    for path in (
        "a.b[0].c",
        "data[].url",
        "length(a)",
        "[?x=='y'].z",
        "join(',', @)",
        "(e && 'f') || (d && 'g') || 'h'",
    ):
        extract = Extract(path)
        assert isinstance(extract.text(answer), str | None)
        assert isinstance(extract.number(answer), float | None)
        assert all(isinstance(each, str) and each for each in extract.texts(answer))
        assert extract.holds(answer) in (True, False)


@pytest.mark.parametrize("source", ["", "a[", "a..b", "nonsense(@", "|"])
def test_a_path_that_is_none(source: str) -> None:
    with pytest.raises(ExtractError):
        Extract(source)
