"""Whatever goes wrong, a command ends with a sentence and code 1, never with a traceback."""

import pytest

from gateway.cli import main

LOOKING = [["models"], ["explain", "echo"], ["pull", "echo"], ["doctor"]]


@pytest.mark.parametrize("words", [["ps"], ["keys", "list"], ["engines", "list"], *LOOKING])
def test_a_wrong_setting_is_named(shell, words):
    shell.set("port", "eight thousand")
    done = shell.run(*words)
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: settings: FOREBAY_PORT: ")
    assert "eight thousand" not in done.stderr


@pytest.mark.parametrize("words", [["ps"], *LOOKING])
def test_a_key_file_that_is_not_there(shell, words):
    shell.set("api_key_file", str(shell.root / "none"))
    done = shell.run(*words)
    assert done.exit_code == 1
    assert done.stderr == f"Error: FOREBAY_API_KEY_FILE: {shell.root / 'none'} cannot be read\n"


@pytest.mark.parametrize("words", LOOKING)
def test_a_state_folder_that_cannot_be_made(shell, words):
    (shell.root / "file").touch()
    shell.set("state_dir", str(shell.root / "file" / "state"))
    done = shell.run(*words)
    assert done.exit_code == 1
    assert f"cannot use {shell.root / 'file' / 'state'}: Not a directory" in done.stderr


def test_a_damaged_database(shell):
    (shell.root / "state" / "forebay.db").write_bytes(b"this is no database" * 100)
    for words in (["keys", "list"], ["doctor"]):
        done = shell.run(*words)
        assert done.exit_code == 1
        assert "the state database" in done.stderr


def test_a_mistake_of_ours_is_not_dressed_up(shell, monkeypatch):
    def broken(ctx):
        raise ValueError("a defect")

    monkeypatch.setattr(main.get_command(None, "models"), "invoke", broken)
    with pytest.raises(ValueError, match="a defect"):
        shell.run("models")
