"""From typed fields to an argument vector: placeholders become values of ours, once, and nothing else changes."""

from pathlib import Path

import pytest

from backends.contract import LaunchRequest
from backends.external.args import ExternalArgs
from backends.external.command import plan

RUN = Path("/run/fb")


def request(*, weights: tuple[Path, ...] = (Path("/models/a.gguf"), Path("/models/b.gguf"))) -> LaunchRequest:
    return LaunchRequest(
        variant_id="m:only", served_name="m", weights=weights, shares=(), run_dir=RUN, slots=3, context_tokens=4096
    )


def argv(*command: str, weights: tuple[Path, ...] = (Path("/models/a.gguf"),)) -> tuple[str, ...]:
    return plan(ExternalArgs(command=command), request(weights=weights)).argv


def test_each_placeholder_has_its_value() -> None:
    assert argv("serve", "--uds={socket}", "{weights}", "-n", "{name}", "{slots}x{context}") == (
        "serve", "--uds=/run/fb/engine.sock", "/models/a.gguf", "-n", "m", "3x4096",
    )  # fmt: skip


def test_of_weights_in_parts_the_first_is_named_and_of_none_nothing() -> None:
    assert plan(ExternalArgs(command=("{weights}",)), request()).argv == ("/models/a.gguf",)
    assert argv("{weights}", weights=()) == ("",)


def test_what_is_filled_in_is_not_filled_in_again() -> None:
    odd = (Path("/models/{name}/{socket}.gguf"),)
    assert argv("{weights}", weights=odd) == ("/models/{name}/{socket}.gguf",)


@pytest.mark.parametrize("part", ["{unknown}", "{}", "{socket", "$(reboot)", "a b;c", "{{name}", "%s", "{0}"])
def test_everything_else_stays_as_it_is_and_one_argument(part: str) -> None:
    assert argv(part) == (part.replace("{name}", "m"),)


def test_the_environment_is_minimal_and_private(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary")
    monkeypatch.setenv("PATH", "/somewhere")
    made = plan(ExternalArgs(command=("serve",), health_path="/healthz"), request())
    assert made.env == {"PATH": "/somewhere", "LANG": "C.UTF-8", "HOME": "/run/fb"}
    assert (made.socket, made.cwd, made.ready_path) == (RUN / "engine.sock", RUN, "/healthz")
    monkeypatch.delenv("PATH")
    assert plan(ExternalArgs(command=("serve",)), request()).env["PATH"]
