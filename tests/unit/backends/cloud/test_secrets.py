"""Keys of providers: a file of the secret's name, else the environment; looked up anew, and an empty one is none."""

from pathlib import Path

from backends.cloud.provider import Auth, Provider
from backends.cloud.secrets import has_key, secrets_of

PROVIDER = Provider(id="p", name="P", kind="openai", base_url="https://p.example/v1", auth=Auth(secret="P_KEY"))


def test_a_file_comes_before_the_environment_and_both_may_change(tmp_path: Path) -> None:
    environment = {"P_KEY": "from outside"}
    find = secrets_of(tmp_path, environment)
    assert find("P_KEY") == "from outside"
    (tmp_path / "P_KEY").write_text("from a file\n")
    assert find("P_KEY") == "from a file"
    (tmp_path / "P_KEY").write_text("  \n")
    assert find("P_KEY") is None, "an empty file says that there is none"
    (tmp_path / "P_KEY").write_bytes(b"\xff\xfe")
    environment["P_KEY"] = " "
    assert find("P_KEY") is None
    assert find("NO_KEY") is None


def test_without_a_folder_the_environment_alone_tells() -> None:
    assert secrets_of(None, {"P_KEY": " k "})("P_KEY") == "k"


def test_who_needs_no_key_always_has_one() -> None:
    none = secrets_of(None, {})
    assert not has_key(PROVIDER, none)
    assert has_key(PROVIDER, {"P_KEY": "k"}.get)
    open_ = Provider(id="p", name="P", kind="openai", base_url="http://127.0.0.1:1/v1")
    assert has_key(open_, none)
    wanted = Auth(secret="P_KEY", optional=True)
    assert has_key(Provider(id="p", name="P", kind="openai", base_url="http://127.0.0.1:1/v1", auth=wanted), none)
