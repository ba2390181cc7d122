"""A setup as a shell takes it: quoted, with the key where it is, and never the key itself."""

import subprocess
from pathlib import Path

from gateway.commands.agents.script import script
from gateway.commands.agents.setup import Setup


def setup(folder: Path) -> Setup:
    environment = {"A_NAME": "it's $HOME"}
    return Setup(
        host="127.0.0.1",
        argv=("agent", "say it's"),
        environment=environment,
        unset=("OTHER",),
        file=folder / "a folder" / "file",
        text="one $HOME\n'two'\n",
    )


def shell(text: str, **environment: str) -> str:
    return subprocess.run(
        ["/bin/sh", "-euc", text + 'echo "$A_NAME|$LOCAL_API_KEY|${OTHER:-gone}|$NO_PROXY|$no_proxy"'],
        env={"PATH": "/usr/bin:/bin", "HOME": "/nowhere", "OTHER": "is there", "no_proxy": "a,b", **environment},
        capture_output=True, text=True, check=True, timeout=20,
    ).stdout.strip()  # fmt: skip


def test_a_shell_takes_it_to_the_letter(tmp_path: Path) -> None:
    text = script(setup(tmp_path), "an\nagent", None)
    assert shell(text) == "it's $HOME|none|gone|127.0.0.1|a,b,127.0.0.1"
    assert (tmp_path / "a folder" / "file").read_text() == "one $HOME\n'two'\n"
    assert text.splitlines()[0] == "# an agent"
    assert text.splitlines()[-1] == """# then: agent 'say it'"'"'s'"""


def test_the_key_is_taken_from_where_it_is(tmp_path: Path) -> None:
    key = tmp_path / "a key"
    key.write_text("from a file\n")
    assert (
        shell(script(setup(tmp_path), "x", None), FOREBAY_API_KEY="given")
        == "it's $HOME|given|gone|127.0.0.1|a,b,127.0.0.1"
    )
    assert shell(script(setup(tmp_path), "x", key)) == "it's $HOME|from a file|gone|127.0.0.1|a,b,127.0.0.1"


def test_a_start_inherits_all_but_what_would_lead_elsewhere(tmp_path: Path) -> None:
    inherited = {"PATH": "/bin", "OTHER": "a key of somebody", "A_NAME": "old", "NO_PROXY": "a"}
    whole = setup(tmp_path).whole(inherited, "secret")
    direct = {"NO_PROXY": "a,127.0.0.1", "no_proxy": "127.0.0.1"}
    assert whole == {"PATH": "/bin", "A_NAME": "it's $HOME", "LOCAL_API_KEY": "secret", **direct}
    assert setup(tmp_path).whole({}, None)["LOCAL_API_KEY"] == "none"
