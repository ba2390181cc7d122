"""What the doctor says about providers: whether anything may leave, and whose keys are here."""

import pytest

from tests.fakes.spilling import ONLY, PROVIDER

OFF = "off: nothing leaves this machine (FOREBAY_CLOUD)"


@pytest.fixture
def cloudy(shell):
    (shell.root / "profiles" / "providers").mkdir()
    shell.profile("providers/far", PROVIDER)
    shell.profile("closed", ONLY.replace("successor: local\n", ""))
    return shell


def said(shell) -> list[str]:
    """The lines about the cloud."""
    text = shell.run("doctor").stdout
    return [line.strip() for line in text.partition("cloud:\n")[2].partition("\nmodels:")[0].splitlines()]


def test_nothing_leaves_unless_somebody_says_so(cloudy):
    assert said(cloudy) == [OFF, "keys for: nobody"]


def test_what_may_leave_within_what_and_whose_keys_are_missing(cloudy):
    cloudy.set("cloud", "named")
    assert said(cloudy) == [
        "named (FOREBAY_CLOUD); keys have budgets of their own", "keys for: nobody", "no keys for: far (FAR_KEY)",
    ]  # fmt: skip
    cloudy.set("cloud_budget_day", "2.5")
    assert said(cloudy)[0] == "named (FOREBAY_CLOUD); budget: $2.5 a day"


def test_a_key_is_counted_and_never_shown(cloudy, monkeypatch):
    monkeypatch.setenv("FAR_KEY", "s3cret")
    cloudy.set("cloud", "spill")
    done = cloudy.run("doctor", "--json")
    assert done.exit_code == 0, "a provider may be asked"
    assert '"provider":"far","models":1,"secrets":["FAR_KEY"],"key":true' in done.stdout
    assert "s3cret" not in done.stdout
    assert said(cloudy)[1] == "keys for: far (1 models)"
    assert "closed" not in cloudy.run("doctor").stdout, "models that only providers serve are counted, not listed"
