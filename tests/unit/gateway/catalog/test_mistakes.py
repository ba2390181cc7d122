# ruff: noqa: E501 (one mistake a line reads better than wrapped)
"""Seeded mistakes: each edit of a good profile must be reported at the line a person would look at."""

import pytest

from gateway.catalog.load import parse
from tests.unit.gateway.catalog.samples import CHAT

MISTAKES = [
    ("unknown top key", "tier: B", "teir: B", '7:1: teir: unknown key; did you mean "tier"?'),
    ("unknown key, nothing near", "tier: B", "zzzzqq: B", "7:1: zzzzqq: unknown key"),
    ("unknown key in flow", "slots: 2", "slot: 2", '16:53: variants[0].engine.slot: unknown key; did you mean "slots"?'),
    (
        "unknown key deep",
        "          bytes: 1000",
        "          byts: 1000",
        '21:11: variants[0].weights.files[0].byts: unknown key; did you mean "bytes"?',
    ),
    ("missing key", "licence: MIT\n", "", '2:1: missing key "licence"'),
    ("missing nested key", "      source: hf:org/alpha-gguf@main\n", "", '18:7: variants[0].weights: missing key "source"'),
    ("missing kind", "kind: llama_cpp, ", "", '16:13: variants[0].engine: missing key "kind"; one of llama_cpp, vllm, diffusers, external'),
    (
        "unknown kind",
        "kind: llama_cpp,",
        "kind: llamacpp,",
        '16:20: variants[0].engine.kind: "llamacpp" is not one of llama_cpp, vllm, diffusers, external; did you mean "llama_cpp"?',
    ),
    ("kind is a list", "kind: llama_cpp,", "kind: [],", "16:20: variants[0].engine.kind: a list is not one of llama_cpp, vllm, diffusers, external"),
    (
        "field of another engine",
        "      url: https",
        "      mmap: true\n      url: https",
        "30:7: variants[1].engine.mmap: unknown key",
    ),
    ("yes is no boolean", "open_weights: true", "open_weights: yes", "9:15: open_weights: expected `bool`, got `str`; write true or false"),
    ("Norway", "open_weights: true", "open_weights: NO", "9:15: open_weights: expected `bool`, got `str`; write true or false"),
    ("True is no boolean", "open_weights: true", "open_weights: True", "9:15: open_weights: expected `bool`, got `str`; write true or false"),
    ("number for text", 'parameters: "1B"', "parameters: 1.5", "13:13: parameters: expected `str | null`, got `float`; put it in quotes"),
    (
        "text for number",
        "context_tokens: 4096\n",
        'context_tokens: "4096"\n',
        "12:17: context_tokens: expected `int | null`, got `str`; numbers are plain decimals: no quotes, units, underscores or leading zeros",
    ),
    (
        "octal",
        "context_tokens: 4096\n",
        "context_tokens: 0777\n",
        "12:17: context_tokens: expected `int | null`, got `str`; numbers are plain decimals: no quotes, units, underscores or leading zeros",
    ),
    ("below the bound", "limits: {n: 4}", "limits: {n: 0}", "32:13: limits.n: expected `int` >= 1"),
    ("above the bound", "temperature: 0.7", "temperature: 2.5", "34:16: defaults.temperature: expected `float` <= 2.0"),
    ("not a number", "temperature: 0.7", "temperature: .nan", "34:16: defaults.temperature: expected `float | null`, got `str`"),
    ("bad pattern", "name: q8", "name: Q 8", "15:11: variants[0].name: expected `str` matching regex '^[a-z0-9][a-z0-9._-]{0,63}$'"),
    ("line feed past the pattern", "name: q8", 'name: "q8\\n"', "15:11: variants[0].name: ends in a line feed"),
    (
        "bad enum",
        "tasks: [chat, completion]",
        "tasks: [chat, complete]",
        '6:15: tasks[1]: "complete" is not one of chat, completion, embedding, rerank, score, image, image_edit, image_variation, inpaint, video, image_to_video, video_to_video, speech; did you mean "completion"?',
    ),
    ("scalar for list", "tasks: [chat, completion]", "tasks: chat", '6:8: tasks: expected a list, got "chat"'),
    ("mapping for list", "tasks: [chat, completion]", "tasks: {chat: 1}", "6:8: tasks: expected a list, got a mapping"),
    ("list for mapping", "limits: {n: 4}", "limits: [4]", "32:9: limits: expected a mapping, got a list"),
    ("nothing for mapping", "limits: {n: 4}", "limits:", "32:8: limits: expected a mapping, got nothing"),
    ("list for engine", "engine: {kind: llama_cpp, context_tokens: 4096, slots: 2}", "engine: []", "16:13: variants[0].engine: expected a mapping, got a list"),
    ("list for text", "name: Alpha 1B", "name: [Alpha]", "3:7: name: expected `str`, got `array`"),
    ("bad digest", "          bytes: 1000", "          bytes: 1000\n          sha256: ABC", "22:19: variants[0].weights.files[0].sha256: expected `str` matching regex '^[0-9a-f]{64}$'"),
    ("negative size", "bytes: 1000\n    footprint", "bytes: -1\n    footprint", "21:18: variants[0].weights.files[0].bytes: expected `int` >= 0"),
    ("unknown cause", "queue_full]", "queue_ful]", None),
    ("duplicate key", "tier: B", "tier: B\ntier: A", '8:1: duplicate key "tier"; first given on line 7'),
    ("duplicate key in flow", "slots: 2", "slots: 2, slots: 3", '16:63: duplicate key "slots"; first given on line 16'),
    ("merge key", "limits: {n: 4}", "limits: {<<: {n: 4}}", "32:10: limits.<<: unknown key"),
    ("tag", "tier: B", "tier: !!str B", '7:7: tag "tag:yaml.org,2002:str" is not allowed; profiles are plain data'),
    ("object tag", "tier: B", "tier: !!python/object/apply:os.system [id]", '7:7: tag "tag:yaml.org,2002:python/object/apply:os.system" is not allowed; profiles are plain data'),
    ("undefined alias", "tier: B", "tier: *nope", '7:7: alias "*nope" has no complete anchor before it'),
    ("huge number", "limits: {n: 4}", "limits: {n: 99999999999999999999}", '32:13: number "99999999999999999999" is out of range'),
    ("huge float", "temperature: 0.7", "temperature: 1e999", '34:16: number "1e999" is out of range'),
    ("second document", "limits: {n: 4}", "---\nlimits: {n: 4}", "32:1: a second document in one file; one file holds one model"),
    ("key that is a list", "limits: {n: 4}", "? [a]\n: 1", "32:3: a key must be a plain word"),
    ("control character", "name: Alpha 1B", "name: Al\x07pha", "3:9: not valid YAML: a control character"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_mistake_is_named_at_its_line(old: str, new: str, expected: str | None) -> None:
    assert CHAT.count(old) >= 1
    document, problems = parse("a.yaml", CHAT.replace(old, new, 1).encode())
    assert document is None
    texts = [str(p).removeprefix("a.yaml:") for p in problems]
    if expected is None:  # a long list of words: the beginning and the end say enough
        assert texts[0].startswith('36:24: fallbacks[0].when[1]: "queue_ful" is not one of invalid_request, ')
        assert texts[0].endswith('; did you mean "queue_full"?')
    else:
        assert expected in texts


def test_syntax_errors_have_a_place() -> None:
    _, problems = parse("a.yaml", (CHAT + "a: [1, 2\nb: }\n").encode())
    assert len(problems) == 1
    assert problems[0].line == len((CHAT + "a\nb").splitlines())
    assert problems[0].message.startswith("not valid YAML: ")


def test_the_document_must_be_a_mapping() -> None:
    for text, noun in (("- a\n", "a list"), ("word\n", '"word"'), ("null\n", "nothing")):
        _, problems = parse("a.yaml", text.encode())
        assert [str(p) for p in problems] == [f"a.yaml:1:1: expected a mapping, got {noun}"]
    for text in ("", "# only a comment\n", "---\n...\n"):
        _, problems = parse("a.yaml", text.encode())
        assert len(problems) == 1


def test_long_words_from_a_file_are_cut() -> None:
    _, problems = parse("a.yaml", ("k" * 500 + ": 1\n").encode())
    assert max(len(str(p)) for p in problems) < 200
