"""The operator's table of names."""

import pytest

from gateway.catalog.substitutes import parse_substitutes


def test_the_first_pattern_that_matches_wins_in_any_case() -> None:
    table = parse_substitutes(("claude-opus-*=big", "claude-*=small", "gpt-5=auto:chat"), None)
    assert table.of("claude-opus-4") == "big"
    assert table.of("Claude-Haiku") == "small"
    assert table.of("gpt-5") == "auto:chat"
    assert table.of("gpt-5-mini") is None
    assert table.of("") is None


@pytest.mark.parametrize("entry", ["claude", "=x", "claude-*=", " = "])
def test_anything_else_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="PATTERN=MODEL"):
        parse_substitutes((entry,), None)
