"""What a profile may say about a foreign engine, and nothing else."""

import msgspec
import pytest

from backends.external.args import ExternalArgs


def test_a_command_with_its_defaults() -> None:
    args = msgspec.convert({"kind": "external", "command": ["serve", "--socket", "{socket}"]}, ExternalArgs)
    assert args.command == ("serve", "--socket", "{socket}")
    assert (args.url, args.served_model, args.slots, args.context_tokens, args.health_path) == (
        None, None, 1, None, "/health",
    )  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "external", "command": "serve --socket {socket}"},
        {"kind": "external", "shell": True},
        {"kind": "external", "slots": "4"},
        {"kind": "external", "env": {"LD_PRELOAD": "x.so"}},
        {"kind": "other", "command": ["serve"]},
    ],
    ids=["one string", "shell", "slots as text", "environment", "another kind"],
)
def test_what_is_not_a_typed_field_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, ExternalArgs)


def test_it_is_data_that_cannot_change() -> None:
    args = ExternalArgs(url="http://127.0.0.1:1/v1")
    with pytest.raises(AttributeError):
        args.url = "http://elsewhere"  # type: ignore[misc]
    assert msgspec.json.decode(msgspec.json.encode(args), type=ExternalArgs) == args
